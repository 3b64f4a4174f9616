/* distinct: how many different values there were.
 *
 * A value is known by 64 bits of SipHash-2-4 under a fixed key. Up to DISTINCT_VALUES_MAX hashes are a sorted set: of
 * 4,096 values two collide with chance 5e-13. Past it they are the registers of a HyperLogLog (Flajolet et al. 2007)
 * over the same hashes: the index is the top 14 bits, the rank 1 + the leading zeros of the other 50 bits (51 if all of
 * them are zero), a register holds the largest rank. Both are functions of the set of hashes alone, and so is which of
 * the two it is, so that a state is canonical however it grew.
 *
 * The estimate is O. Ertl's improved raw estimator ("New cardinality estimation algorithms for HyperLogLog sketches",
 * 2017, algorithm 6), with C[k] registers of rank k, m = 2^14, q = 50:
 *     z = m tau(1 - C[q+1] / m);  for k = q … 1: z = (z + C[k]) / 2;  z = z + m sigma(C[0] / m)
 *     estimate = m m / (2 ln 2) / z
 * rounded to the nearest integer, halves away from zero, and never less than DISTINCT_VALUES_MAX + 1: so many there
 * are. Its standard error is 0.81 %. */
#ifndef PATRON_FEATURES_DISTINCT_H
#define PATRON_FEATURES_DISTINCT_H

#include "store/features/accumulator.h"

enum { DISTINCT_INDEX_BITS = 14, DISTINCT_REGISTERS = 1 << DISTINCT_INDEX_BITS, DISTINCT_RANK_MAX = 51 };

uint64_t distinct_hash(const struct scalar *value);
/* Sets grow in place, by doubling: adding one value at a time must not copy the set each time. */
void distinct_add(struct accumulator *accumulator, uint64_t hash, struct arena *arena);
void distinct_merge(struct accumulator *into, const struct accumulator *from, struct arena *arena);
int64_t distinct_estimate(const uint8_t *registers);

/* The union of states in the caller's memory (the stack): merging them would take the arena's for each T. */
struct distinct_join {
    uint64_t buffers[2][DISTINCT_VALUES_MAX];
    uint64_t *values; /* one of the buffers, ascending; null: there are too many, and the registers have them */
    size_t count;
    uint8_t registers[DISTINCT_REGISTERS];
};
void distinct_join_init(struct distinct_join *join);
void distinct_join_take(struct distinct_join *join, const struct accumulator *accumulator);
/* How many there are, or an estimate. */
int64_t distinct_join_count(const struct distinct_join *join);

#endif
