/* Exact integers of 256 bits, for sums of squares: a number attribute has up to 2^85 units, its square 2^170, and
 * n * (sum of squares) - (sum)^2 over 2^42 of them stays under 2^255. Arithmetic is modulo 2^256, as C's unsigned words
 * have it, so that a difference is right whenever it is not negative. Pure; any thread. */
#ifndef PATRON_BASE_WIDE_H
#define PATRON_BASE_WIDE_H

#include "store/base/encode.h"

struct wide {
    uint64_t words[4]; /* the least significant first */
};

static inline bool wide_equal(struct wide a, struct wide b)
{
    return memcmp(a.words, b.words, sizeof a.words) == 0;
}
struct wide wide_add(struct wide a, struct wide b);
struct wide wide_subtract(struct wide a, struct wide b);
struct wide wide_product(uint128 a, uint128 b);
struct wide wide_square(int128 a);
struct wide wide_times(struct wide a, uint64_t b);
/* The nearest double, of two the even one. */
double wide_to_double(struct wide a);

#endif
