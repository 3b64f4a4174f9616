/* trainer: the records to train on, and how the steps of training find pairs among them. One thread. */
#ifndef PATRON_MATCHING_TRAINER_H
#define PATRON_MATCHING_TRAINER_H

#include "store/matching/patterns.h"

/* One rule's blocks: the records that have a key, sorted by it, then by number. */
struct match_index {
    uint32_t *order;
    size_t count;
    uint64_t *keys;   /* of each record; meaningless where it has none */
    uint32_t *begins; /* of each record where in `order` its block begins */
    uint32_t *sizes;  /* of each record how many are in its block; 0: it has no key */
};

struct match_trainer {
    const struct match_plan *plan;
    uint8_t secret[MATCH_SECRET_BYTES];
    struct match_stored *stored; /* a heap with the highest hash first, once it is full */
    size_t count, capacity;
    struct arena arena;
    struct match_record *records; /* sorted by content, while training */
    struct match_index indexes[MATCH_BLOCKS_MAX];
    struct match_progress progress;
    bool cancelled;
};

/* Asks go_on; false: training is to stop. */
bool match_trainer_goes_on(struct match_trainer *trainer, double done);

/* Sorts the records by their content and makes the indexes. */
void match_trainer_index(struct match_trainer *trainer);

/* Pairs drawn at random, or all where there are not more. */
void match_pairs_random(struct match_trainer *trainer, struct match_patterns *patterns);

/* Pairs that share a block of the rule, blocks in the order of their keys, up to a bound; comparisons of the rule's own
 * columns are left out of the patterns. */
void match_pairs_of_rule(struct match_trainer *trainer, size_t rule, struct match_patterns *patterns);

/* Pairs that share a block of any rule, each once, of every `stride`th record with all others; returns the stride. */
size_t match_pairs_blocked(struct match_trainer *trainer, struct match_patterns *patterns);

#endif
