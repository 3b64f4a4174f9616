/* log: every change of state, in the order it was learned; and the ids of events, which outlive them.
 *
 * Pure encodings over kv: the writer puts into its batch, readers decode. Formats stand in log.c. */
#ifndef PATRON_JOURNAL_LOG_H
#define PATRON_JOURNAL_LOG_H

#include "store/journal/event.h"
#include "store/kv/kv.h"

enum log_kind { LOG_EVENT = 1, LOG_DEFINITIONS = 2, LOG_IDENTITY = 3, LOG_MODEL = 4 };

/* Changes of identity that no event brought. X(change, number as stored and on the wire, its word) */
#define CHANGES(X)                                                                                           \
    X(CHANGE_LINK, 1, "link")         /* a and b, by `rule` */                                               \
    X(CHANGE_SPLIT, 2, "split")       /* `closed` links end; nodes went to `parts` */                        \
    X(CHANGE_BLOCK, 3, "block")       /* the same for all links of node a, which links nothing from now on */ \
    X(CHANGE_UNBLOCK, 4, "unblock")   /* node a may link again */                                            \
    X(CHANGE_SEPARATE, 5, "separate") /* a review was rejected: `nodes` and `others` are not one */          \
    X(CHANGE_REVIEW, 6, "review")     /* `item`: a match was put there, or a first approval given */

enum identity_change_kind {
#define X(change, number, word) change = number,
    CHANGES(X)
#undef X
        CHANGE_END
};

struct closed_link {
    uint64_t a, b;
    int64_t since_us;
    uint8_t rule; /* enum link_rule */
};

/* What a change holds beside its kind; the rest is zero. */
struct identity_change {
    enum identity_change_kind change;
    uint64_t a, b;        /* nodes */
    uint8_t rule;         /* enum link_rule, of LINK */
    double score;
    uint32_t model;
    int64_t item_us;      /* the review item's known_at; 0: there is none */
    bool separates;       /* `nodes` and `others` must not share a customer from here on: the separation's since */
    bool lifts;           /* LINK: separations between the two sides end with it */
    uint8_t evidence[EVENT_HASH_BYTES];
    const uint64_t *nodes;  /* SPLIT: that were split off, as far as they were in the customer */
    size_t node_count;
    const uint64_t *others; /* SPLIT: the rest of the customer's; SEPARATE: the other side */
    size_t other_count;
    const uint64_t *merged; /* LINK: customers that gave up their id */
    size_t merged_count;
    const uint64_t *parts;  /* SPLIT, BLOCK: the customers that came out of it; none: all is still one */
    size_t part_count;
    const struct closed_link *closed;
    size_t closed_count;
    struct bytes actor; /* empty: the store itself */
    struct bytes reason;
};

struct log_entry {
    int64_t known_at_us;
    enum log_kind kind;
    /* LOG_EVENT: where the event lies, and the customers that gave up their id because of it */
    uint64_t node;
    int64_t time_us;
    uint8_t hash[EVENT_HASH_BYTES];
    const uint64_t *merged;
    size_t merged_count;
    /* LOG_DEFINITIONS; LOG_MODEL: the model's number and its bytes */
    uint32_t version;
    struct bytes text;
    /* LOG_IDENTITY: node above is change.a, merged above are change.merged */
    struct identity_change change;
};

/* Does it change a customer's profile? */
static inline bool log_entry_folds(const struct log_entry *entry)
{
    return (entry->kind == LOG_EVENT && entry->node != NODE_NONE) ||
        (entry->kind == LOG_IDENTITY && (entry->change.merged_count > 0 || entry->change.part_count > 0));
}

void log_put(struct kv_batch *batch, const struct log_entry *entry);
/* Lists are in the arena, texts in `value`. */
enum patron_code log_decode(
    struct bytes key, struct bytes value, struct arena *arena, struct log_entry *entry, struct error *error) MUST_CHECK;

struct event_id_entry {
    uint64_t node;
    int64_t time_us;
    uint8_t content_hash[EVENT_HASH_BYTES];
};

void event_id_put(struct kv_batch *batch, const uint8_t hash[EVENT_HASH_BYTES], const struct event_id_entry *entry);
/* On a snapshot, as kv_get; PATRON_NOT_FOUND: there is none. */
enum patron_code event_id_find(struct kv *kv, const struct kv_snapshot *snapshot,
    const uint8_t hash[EVENT_HASH_BYTES], struct arena *arena, struct event_id_entry *entry,
    struct error *error) MUST_CHECK;
/* PATRON_NOT_FOUND: the id is new. */
enum patron_code event_id_get(struct kv_batch *batch, const uint8_t hash[EVENT_HASH_BYTES], struct arena *arena,
    struct event_id_entry *entry, struct error *error) MUST_CHECK;

#endif
