/* records: what is known of the people that matching compares (store/matching), as rows.
 *
 * A node's record is the newest of its events of the definitions' matching type, by event time, then by the event's
 * hash; what it holds lies sealed. It lies in blocks: whoever shares one with it is compared with it. Records and
 * blocks are made from the log by pairing.h, a while after the events: everything here is a cache of the log, of one
 * generation for each way of making them (columns and blocking rules).
 *
 * Threads: struct matching is immutable once made and may be shared; rows are read from any snapshot and written by
 * the writer. Formats stand in records.c. */
#ifndef PATRON_STORE_RECORDS_H
#define PATRON_STORE_RECORDS_H

#include "store/identity/rules.h"
#include "store/matching/matching.h"
#include "store/store.h"

enum { MATCHING_PRINT_BYTES = 16 };

/* What follows from a version of the definitions for matching. */
struct matching {
    const struct definitions *definitions; /* retained; its `matching` is not null */
    struct match_plan plan;
    const uint8_t *key; /* the store's, borrowed */
    uint8_t secret[MATCH_SECRET_BYTES];
    uint8_t layout[MATCHING_PRINT_BYTES];  /* other records or blocks come with another one */
    uint8_t verdict[MATCHING_PRINT_BYTES]; /* other decisions, from the same records and model */
};

void matching_init(struct matching *matching, const struct definitions *definitions, const uint8_t *key);
void matching_clear(struct matching *matching); /* a zeroed one is fine */

/* --- records ------------------------------------------------------------------------------------------------------ */

struct record_row {
    uint64_t node;
    int64_t time_us;                /* of the event */
    uint8_t hash[EVENT_HASH_BYTES]; /* its, too */
    int64_t known_at_us;
    struct bytes sealed; /* match_record_encode's bytes, bound to the node */
};

/* PATRON_NOT_FOUND: the node has none. */
enum patron_code record_get(const struct identity_rows_from *from, uint32_t generation, uint64_t node,
    struct arena *arena, struct record_row *row, struct error *error) MUST_CHECK;
void record_put(struct kv_batch *batch, uint32_t generation, const struct record_row *row);
/* Of a row met in a walk; `sealed` points into the value. */
enum { RECORD_KEY_BYTES = 4 + 8 };
enum patron_code record_decode(
    struct bytes key, struct bytes value, struct record_row *row, struct error *error) MUST_CHECK;
void record_key(uint32_t generation, uint64_t node, uint8_t key[RECORD_KEY_BYTES]);

/* Is the event a newer record of its node than the row? */
static inline bool record_is_before(const struct record_row *row, const struct event *event)
{
    if (row->time_us != event->time_us)
        return row->time_us < event->time_us;
    return memcmp(row->hash, event->hash, EVENT_HASH_BYTES) < 0;
}

/* The record that an event makes, normalised, and its row; both in the arena. */
enum patron_code record_of_event(const struct matching *matching, const struct event *event, struct arena *arena,
    struct match_record *record, struct record_row *row, struct error *error) MUST_CHECK;
/* The record of a row, in the arena. A row made by an earlier build in another way is made anew from its event, which
 * is read from `from`. */
enum patron_code record_open(const struct matching *matching, const struct identity_rows_from *from,
    const struct record_row *row, struct arena *arena, struct match_record *record, struct error *error) MUST_CHECK;

/* --- blocks ------------------------------------------------------------------------------------------------------- */

enum { BLOCK_PREFIX_BYTES = 4 + 1 + MATCH_KEY_BYTES, BLOCK_KEY_BYTES = BLOCK_PREFIX_BYTES + 8 };

void block_put(struct kv_batch *batch, uint32_t generation, const struct match_key *key, const struct record_row *row);
void block_delete(struct kv_batch *batch, uint32_t generation, const struct match_key *key, uint64_t node);

/* Blocks that were found to hold too many: they are met again and again, and to look at each takes as long as at all
 * its records. Remembered until something leaves a block. One thread. */
enum { BLOCK_MEMO_PLACES = 4096 };
struct block_memo {
    uint8_t blocks[BLOCK_MEMO_PLACES][BLOCK_PREFIX_BYTES]; /* zeros: none, for no generation is 0 */
};

/* Whom a record is to be compared with: nodes that share a block with it and whose records became known before it, as
 * match_candidates_rank has them. */
struct record_candidates {
    struct match_candidate candidates[MATCH_CANDIDATES_MAX];
    size_t count;
    uint64_t cut;       /* that were one too many */
    uint64_t oversized; /* blocks that held too many to be looked at */
};
enum patron_code record_candidates(const struct matching *matching, const struct view *view, uint32_t generation,
    const struct record_row *row, const struct match_record *record, struct block_memo *memo,
    struct record_candidates *found, struct error *error) MUST_CHECK;

/* Are there rows of earlier generations? */
enum patron_code records_look_old(
    const struct view *view, uint32_t generation, bool *old, struct error *error) MUST_CHECK;
/* Those, at most so many, deleted in the batch. */
enum patron_code records_sweep(
    struct kv *kv, struct kv_batch *batch, uint32_t generation, size_t most, struct error *error) MUST_CHECK;

#endif
