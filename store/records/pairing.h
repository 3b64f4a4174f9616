/* pairing: records followed through the log, compared with those before them, and linked.
 *
 * What is done is kept in one row (struct pairing_state) that is written together with what it tells of, so that a
 * crash at any moment loses nothing and does nothing twice:
 *
 * - every entry of the log up to `recorded_us` is in the records and blocks;
 * - every record that became known up to `matched_us` has been compared with all that were known before it (within
 *   the limits: at most MATCH_CANDIDATES_MAX, no blocks that hold too many);
 * - with a new model, or other thresholds, all records that were known by then are compared once more: the walk, by
 *   node.
 *
 * Without a model records are followed, and nothing is compared. Links go through linking.h: what the definitions'
 * rules refuse stays apart, what they want a person for waits in the queue, and what a person separated is not joined
 * again.
 *
 * Happy path, for one thread beside the writer:
 *
 *     pairing_new
 *     for ever, a newer view each time: pairing_step on the view (long, bounded), then by what it says
 *         PAIRING_WRITE: pairing_write (the writer, between groups; not synced)
 *         PAIRING_JOIN: group_pair (the writer, in an open group of nothing else), until not *more
 *         PAIRING_AGAIN: at once
 *         PAIRING_IDLE: when the log has grown, or another version or model is there
 *     pairing_free
 *
 * A view must be newer than what was written last. After a failure other than the engine's it is to be freed and made
 * anew: it goes on where the row says.
 *
 * Threads: pairing_step belongs to one thread at a time and reads the engine only; pairing_write and group_pair are
 * the writer's. Failure: of the engine, or PATRON_CORRUPT. */
#ifndef PATRON_STORE_PAIRING_H
#define PATRON_STORE_PAIRING_H

#include "store/records/records.h"
#include "store/store.h"

/* Since the store was made. */
struct pairing_counts {
    uint64_t pairs; /* scored */
    uint64_t links;
    uint64_t reviews;
    uint64_t refused; /* by the rules */
    uint64_t below;
    uint64_t oversized; /* blocks not looked at, each time */
    uint64_t cut;       /* candidates that were one too many for their record */
    uint64_t stale;     /* scores out of date when they were to be written: made again with the newer record */
};

struct pairing_state {
    uint32_t generation;
    uint8_t layout[MATCHING_PRINT_BYTES];
    int64_t recorded_us;
    int64_t matched_us;
    uint64_t records;
    uint32_t model; /* that records are matched with; 0: none */
    uint8_t verdict[MATCHING_PRINT_BYTES];
    bool walking;
    int64_t walk_us;    /* records known by then are walked over */
    uint64_t walk_node; /* up to this one */
    uint64_t walked;
    struct pairing_counts counts;
};

/* *known false: nothing was ever matched in this store. */
enum patron_code pairing_state_get(
    const struct view *view, struct pairing_state *state, bool *known, struct error *error) MUST_CHECK;

struct pairing;

enum pairing_next { PAIRING_IDLE = 1, PAIRING_WRITE, PAIRING_JOIN, PAIRING_AGAIN };

struct pairing *pairing_new(void);
void pairing_free(struct pairing *pairing); /* null is fine */
enum patron_code pairing_step(struct pairing *pairing, const struct view *view, enum pairing_next *next,
    struct error *error) MUST_CHECK;
enum patron_code pairing_write(struct store *store, struct pairing *pairing, struct error *error) MUST_CHECK;
/* Makes a few links, and writes how far it came. */
enum patron_code group_pair(
    struct store *store, struct pairing *pairing, bool *more, struct error *error) MUST_CHECK;

/* How far it is, of the last step; null: nothing is known yet. Borrowed until the next. */
const struct pairing_state *pairing_progress(const struct pairing *pairing);
/* Why nothing is matched, or null: static words, or the pairing's own. Of the last step. */
const char *pairing_words(const struct pairing *pairing);

/* --- what it would do --------------------------------------------------------------------------------------------- */

struct pairing_preview {
    uint64_t records, records_total;
    uint64_t links, reviews, below, oversized;
};
struct pair;
struct pairing_watch {
    /* Each pair that would be linked or reviewed; called with null now and then. False: stop. */
    bool (*take)(void *context, const struct pairing_preview *so_far, const struct pair *pair);
    void *context;
};
/* Compares all records of the view, in the order in which they became known, as if those before were linked; writes
 * nothing. Memory grows with the records. PATRON_PRECONDITION: the definitions match nothing, there is no model for
 * them, or the records are not made yet; PATRON_CANCELLED: `take` said so. */
enum patron_code pairing_preview(const struct view *view, const struct pairing_watch *watch,
    struct pairing_preview *result, struct error *error) MUST_CHECK;

#endif
