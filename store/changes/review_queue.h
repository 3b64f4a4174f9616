/* review_queue: the rows of review items, and which of them wait: shared by review.c (what is decided) and
 * review_read.c.
 *
 * Threads: what takes a store is the writer's; the rest reads any snapshot from any thread. */
#ifndef PATRON_STORE_REVIEW_QUEUE_H
#define PATRON_STORE_REVIEW_QUEUE_H

#include "store/changes/review.h"
#include "store/store_internal.h"

struct review_row {
    struct review_item item; /* texts point into the value; its state is not part of it */
    enum review_verdict verdict; /* 0: none */
    uint8_t first_seen[REVIEW_SEEN_BYTES]; /* what the two sides were at the first approval */
};

void review_row_encode(const struct review_row *row, struct encoder *to);
enum patron_code review_row_decode(
    struct bytes key, struct bytes value, struct review_row *row, struct error *error) MUST_CHECK;

/* PATRON_NOT_FOUND: there is none of that name. The row is in the arena. */
enum patron_code review_row_get(const struct identity_rows_from *from, int64_t item_us, struct arena *arena,
    struct review_row *row, struct error *error) MUST_CHECK;
/* The words for that. */
enum patron_code review_not_found(int64_t item_us, struct error *error);
/* The item of a pair, in either order, that waits or has expired and was not swept yet. PATRON_NOT_FOUND: none. */
enum patron_code review_waiting_of_pair(const struct identity_rows_from *from, uint64_t a, uint64_t b,
    struct arena *arena, struct review_row *row, struct error *error) MUST_CHECK;
/* Rewritten, with the item's name as it is. */
void review_row_put(struct store *store, const struct review_row *row);
/* It waits no longer. */
void review_waits_no_more(struct store *store, const struct review_item *item);
/* Those that have expired by then wait no longer: a few of them, the longest expired first. */
enum patron_code review_sweep(struct store *store, int64_t known_at_us, struct error *error) MUST_CHECK;
/* The counters, in the batch. */
void review_counts_put(struct store *store);

/* What the item was at T: sets its state, and takes away what was decided later. Read from a batch, T is after all
 * that is in it. */
enum patron_code review_row_at(const struct identity_rows_from *from, int64_t as_of_us, struct arena *arena,
    struct review_row *row, struct error *error) MUST_CHECK;
/* The two sides as they are there: the digest that an approval is bound to. */
enum patron_code review_digest(const struct identity_rows_from *from, const struct review_item *item,
    struct arena *arena, uint8_t seen[REVIEW_SEEN_BYTES], struct error *error) MUST_CHECK;
/* A node as it is there. */
enum patron_code review_node(const struct identity_rows_from *from, uint64_t node, struct arena *arena,
    struct identifier_entry *entry, struct error *error) MUST_CHECK;

#endif
