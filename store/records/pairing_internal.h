/* The inside of a pairing, shared by the files that make it up: pairing.c (what is to be done next, and its row),
 * pairing_follow.c (records made from the log), pairing_join.c (links made on the writer). */
#ifndef PATRON_STORE_PAIRING_INTERNAL_H
#define PATRON_STORE_PAIRING_INTERNAL_H

#include "store/records/models.h"
#include "store/records/pairing.h"
#include "store/records/pairs.h"

enum {
    /* Records made anew in one write: some 5 ms of the writer. */
    PAIRING_CHANGES_MAX = 128,
    /* Entries of the log looked at in one step. */
    PAIRING_ENTRIES_MAX = 16384,
    /* Records compared in one step, and pairs after which it ends. */
    PAIRING_BATCH_RECORDS = 64,
    PAIRING_BATCH_PAIRS = 64,
    PAIRING_WORDS_MAX = ERROR_TEXT_MAX,
};

/* A record that is to be written: that of the event in the row. */
struct record_change {
    struct record_row row; /* sealed bytes in the pairing's arena */
    bool is_new;           /* the node had none */
    struct match_key before[MATCH_BLOCKS_MAX], after[MATCH_BLOCKS_MAX];
    size_t before_count, after_count;
};

/* A record that is to be compared. */
struct pending_record {
    uint64_t node;
    int64_t known_at_us;
    uint8_t hash[EVENT_HASH_BYTES];
};

struct pairing {
    struct matching matching; /* of the version that serves */
    struct block_memo memo;
    struct match_model *model; /* null: nothing is compared */
    struct model_entry entry;  /* of the newest, whether it is of use or not; number 0: there is none */
    char words[PAIRING_WORDS_MAX]; /* empty: nothing is in the way */

    bool loaded;
    struct pairing_state state;
    bool unwritten;           /* the row says less than the state */
    uint64_t entries_unwritten;
    bool sweeping;            /* there may be rows of earlier generations */

    struct record_change *changes; /* PAIRING_CHANGES_MAX; to be written */
    size_t change_count;
    bool followed;            /* they, or none, are to be written, with what follows */
    int64_t changes_until_us; /* recorded_us once they are */
    struct arena change_arena;

    struct pending_record *pending; /* ascending by known_at */
    size_t pending_count, pending_at, pending_capacity;
    bool pending_known; /* it holds all from matched_us up to recorded_us */

    struct record_pairs batch[PAIRING_BATCH_RECORDS];
    size_t batch_count, batch_at;
    bool batch_walks;      /* it is of the walk, else of what is pending */
    int64_t batch_seen_us; /* entries of the log up to here are in what was compared */
    struct arena batch_arena;
    struct arena scratch;
};

/* pairing_follow.c: makes changes from the log's entries that the view has and that are not in the records. */
enum patron_code pairing_follow(struct pairing *pairing, const struct view *view, struct error *error) MUST_CHECK;
/* Fills what is pending after a restart. */
enum patron_code pairing_find_pending(struct pairing *pairing, const struct view *view, struct error *error) MUST_CHECK;
/* After the write of the changes: they are pending. */
void pairing_changes_done(struct pairing *pairing);

/* pairing.c: are records compared with this model and these thresholds already? */
bool pairing_is_comparing(const struct pairing *pairing);
/* What is recorded is matched, or will be by a walk. */
void pairing_all_matched(struct pairing *pairing);
/* pairing_join.c: the record's pairs are dealt with; the state says so. */
void pairing_record_done(struct pairing *pairing, const struct record_pairs *record);

void pairing_pending_add(struct pairing *pairing, const struct record_row *row);

/* The row, in the batch. */
void pairing_state_put(struct kv_batch *batch, const struct pairing_state *state);

#endif
