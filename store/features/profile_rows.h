/* The rows of a profile on disk, read and written. */
#ifndef PATRON_FEATURES_PROFILE_ROWS_H
#define PATRON_FEATURES_PROFILE_ROWS_H

#include "store/features/profile.h"

/* The customer's rows, retained once. PATRON_NOT_FOUND: it has none. */
enum patron_code profile_rows_read(struct kv *kv, const struct kv_snapshot *snapshot, uint32_t generation,
    uint64_t customer, const struct profile_parts **parts, struct error *error) MUST_CHECK;
/* Puts and deletes what differs between what is on disk and what shall be; either may be null: no rows. */
void profile_rows_write(struct kv_batch *batch, uint32_t generation, uint64_t customer,
    const struct profile_parts *disk, const struct profile_parts *wanted);
/* The profile of the customer at the view's position: from the home, or from the rows. PATRON_NOT_FOUND: none. */
enum patron_code profile_parts_at(
    const struct view *view, uint64_t customer, const struct profile_parts **parts, struct error *error) MUST_CHECK;

#endif
