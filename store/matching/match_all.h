/* match_all: all records of an array matched as a store would that got them one by one, in memory.
 *
 * For evaluations and tests, and as the reference of what an integration does: every record in turn meets those before
 * it in its blocks, its candidates are ranked, scored and decided, and links that the guard lets through join groups.
 * One thread. Memory grows with records and blocks, not with pairs. */
#ifndef PATRON_MATCHING_MATCH_ALL_H
#define PATRON_MATCHING_MATCH_ALL_H

#include "store/matching/matching.h"

/* A pair that was scored: `record` came later. */
struct match_pair {
    size_t record, candidate;
    struct match_score score;
    enum match_decision decision; /* of the pair; the guard's is `guarded` */
    bool guarded;                 /* a link that the guard made a review */
};

struct match_all_options {
    uint8_t secret[MATCH_SECRET_BYTES];
    /* Called with each pair that was scored (null: with none). */
    void (*scored)(void *context, const struct match_pair *pair);
    /* What a person would say to a review (null: nobody is asked). */
    bool (*is_one)(void *context, size_t record, size_t candidate);
    void *context;
};

struct match_outcome {
    size_t *groups; /* of each record the smallest number of a record in its group; memory_free */
    uint64_t pairs; /* scored */
    uint64_t links, reviews, guarded, nots;
    uint64_t blocks_skipped;      /* that a record was in and that held too many records, each time */
    uint64_t candidates_left_off; /* past MATCH_CANDIDATES_MAX */
};

void match_all(const struct match_plan *plan, const struct match_model *model,
    const struct match_record *records, size_t count, const struct match_all_options *options,
    struct match_outcome *outcome);

#endif
