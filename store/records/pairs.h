/* pairs: a record compared with its candidates, and the guard before a link joins two customers. Reads only; the
 * decisions are carried out by pairing.h.
 *
 * Threads: any, each with an arena of its own. Failure: of the engine, or PATRON_CORRUPT. */
#ifndef PATRON_STORE_PAIRS_H
#define PATRON_STORE_PAIRS_H

#include "store/records/records.h"

/* A customer as the guard saw it. Whatever joins it later has a later `since`; whatever leaves it makes it smaller. */
struct pair_side {
    uint64_t customer;
    size_t members;
    int64_t newest_since_us;
};

struct pair {
    uint64_t node, other; /* the record's and its candidate's, which was known before */
    double weight, probability;
    enum match_decision decision; /* of the score: LINK or REVIEW */
    enum match_decision guarded;  /* what the guard makes of it: the same, or a review of a link */
    bool joined;                  /* both are of one customer already */
    struct pair_side sides[2];    /* of a LINK that would join two */
    struct bytes waterfall; /* waterfall.h; of the batch's arena */
};

/* One record's pairs that are to be linked or reviewed: the likeliest first, of equal ones the smaller node. */
struct record_pairs {
    uint64_t node;
    int64_t known_at_us;            /* of the record */
    uint8_t hash[EVENT_HASH_BYTES]; /* of its event */
    struct pair *pairs;
    size_t count;
    uint64_t scored, below, oversized, cut;
};

/* What pairs are found with: all of it outlives them. */
struct pair_finder {
    const struct matching *matching;
    const struct match_model *model;
    uint32_t generation;
    struct block_memo *memo; /* pairs_find's; the guard needs none */
};

/* Finds and scores; the guard is asked where `guard` is set. Pairs are in the arena; `scratch` is reset. */
enum patron_code pairs_find(const struct pair_finder *finder, const struct view *view, const struct record_row *row,
    bool guard, struct arena *arena, struct arena *scratch, struct record_pairs *found, struct error *error) MUST_CHECK;

/* Fills joined, sides and `guarded`. Rows are read from the batch on the writer, from a snapshot elsewhere. What was
 * `seen_before`: where the sides are still the same, `guarded` is left as it was. */
enum patron_code pair_guard(const struct pair_finder *finder, const struct identity_rows_from *from, struct pair *pair,
    bool seen_before, struct arena *scratch, struct error *error) MUST_CHECK;

/* The guard over given records' nodes of two groups; the pair's ends are among them. Each list is ascending. */
struct pair_group {
    const uint64_t *nodes; /* with records */
    size_t count;
    uint64_t own; /* the end of the link */
};
enum patron_code pair_groups_guard(const struct pair_finder *finder, const struct identity_rows_from *from,
    const struct pair_group groups[2], struct arena *scratch, enum match_decision *decision, struct error *error)
    MUST_CHECK;

#endif
