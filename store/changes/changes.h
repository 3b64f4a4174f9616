/* changes: entries of the log that no event brings, put into an open group: links by hand and matches (linking.h),
 * splits and blocks (splitting.h), verdicts (review.h).
 *
 * Threads: the writer's, within an open group. */
#ifndef PATRON_STORE_CHANGES_H
#define PATRON_STORE_CHANGES_H

#include "store/journal/log.h"
#include "store/store.h"

/* Who and why: UTF-8, at most ACTOR_BYTES_MAX and REASON_BYTES_MAX. An actor may have to be named; a reason never has
 * to. PATRON_INVALID says what is wrong. */
enum patron_code change_texts_check(
    struct bytes actor, struct bytes reason, bool actor_needed, struct error *error) MUST_CHECK;

/* The known_at of the group's next entry. PATRON_OUT_OF_RANGE: the clock has come to the year 2200. */
enum patron_code change_known_at(const struct store *store, int64_t *known_at_us, struct error *error) MUST_CHECK;
/* Puts the entry, which is the log's newest from here on, and counts it. */
void change_put(struct store *store, const struct identity_change *change, int64_t known_at_us);

/* Reads the row `changes`: how often each kind of change was made (struct change_figures of store.h). At open. */
enum patron_code changes_open(struct store *store, struct error *error) MUST_CHECK;

#endif
