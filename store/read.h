/* What reads now and as of share with snapshots. */
#ifndef PATRON_STORE_READ_H
#define PATRON_STORE_READ_H

#include "store/features/profile.h"
#include "store/identity/identity.h"
#include "store/store.h"

struct row_question {
    const struct selection *selection;
    uint64_t customer;
    int64_t as_of_us;
    struct arena *scratch; /* for the operands of derived features: may be reset once the row's text is of no use */
};

/* Fills the row from a profile advanced to T - 1. Derived features are worked out from operands that were settled with
 * their own defaults; the row's values have the selection's defaults in place of nulls, and stale ones stay as they
 * are. Text points into the profile or the definitions. */
void row_evaluate(const struct profile *profile, const struct row_question *question, struct row *row);
/* Each value is its default, or NOT_FOUND if there is none. */
void row_not_found(const struct view *view, const struct selection *selection, struct row *row);
/* PATRON_NOT_FOUND: the identifier has never been seen, or never could be: no event with such a value is taken in.
 * PATRON_INVALID: of an unknown type, too long, not UTF-8. */
enum patron_code identifier_find(const struct view *view, const struct event_identifier *identifier,
    struct arena *arena, struct identifier_entry *entry, struct error *error) MUST_CHECK;
/* PATRON_NOT_FOUND: not known at T. */
enum patron_code identifier_customer_at(const struct view *view, const struct event_identifier *identifier,
    int64_t as_of_us, struct arena *arena, uint64_t *customer, struct error *error) MUST_CHECK;

#endif
