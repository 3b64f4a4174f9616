/* What reads now and as of share with snapshots. */
#ifndef PATRON_STORE_READ_H
#define PATRON_STORE_READ_H

#include "store/features/profile.h"
#include "store/store.h"

/* Fills the row from a profile advanced to T - 1; text points into the profile. */
void row_evaluate(const struct profile *profile, const struct selection *selection, uint64_t customer, int64_t as_of_us,
    struct row *row);
void row_not_found(const struct view *view, const struct selection *selection, struct row *row);
/* PATRON_NOT_FOUND: not known at T. */
enum patron_code identifier_customer_at(const struct view *view, const struct event_identifier *identifier,
    int64_t as_of_us, struct arena *arena, uint64_t *customer, struct error *error) MUST_CHECK;

#endif
