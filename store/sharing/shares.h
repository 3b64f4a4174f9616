/* shares: an amount split by weights, exactly.
 *
 * Weights are gathered for each node, then put in order: nodes ascending, and only those whose weights sum to more than
 * 0. With c_i the sum of the first i weights and W the sum of all, the i-th share of an amount C is
 * floor(C * c_i / W) - floor(C * c_(i-1) / W), rounded down also below 0, so that all of them sum to C exactly.
 *
 * Pure; one thread at a time. Nothing fails. */
#ifndef PATRON_STORE_SHARES_H
#define PATRON_STORE_SHARES_H

#include "store/base/encode.h"

struct node_weight {
    uint64_t node; /* from 1 */
    int128 weight;
};

/* Zero is empty. Until weights_order it is a hash table with open addressing, afterwards a list. */
struct weights {
    struct node_weight *list;
    size_t count;
    size_t capacity; /* of the table: a power of two */
    uint128 total;   /* once ordered */
};

/* A node's weights are summed, in any order. */
void weights_add(struct weights *weights, uint64_t node, int128 weight);
/* Nothing is added after it. Weights that are not above 0 are gone. */
void weights_order(struct weights *weights);
void weights_clear(struct weights *weights);

/* floor(amount * part / whole), where part <= whole and whole > 0. */
int64_t share_up_to(int64_t amount, uint128 part, uint128 whole);

#endif
