#include "store/base/wide.h"

#include <math.h>

struct wide wide_add(struct wide a, struct wide b)
{
    uint128 carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (uint128)a.words[i] + b.words[i];
        a.words[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return a;
}

struct wide wide_subtract(struct wide a, struct wide b)
{
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        uint128 difference = (uint128)a.words[i] - b.words[i] - borrow;
        a.words[i] = (uint64_t)difference;
        borrow = (difference >> 64) != 0;
    }
    return a;
}

struct wide wide_times(struct wide a, uint64_t b)
{
    uint128 carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (uint128)a.words[i] * b;
        a.words[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return a;
}

struct wide wide_product(uint128 a, uint128 b)
{
    struct wide whole = {{(uint64_t)a, (uint64_t)(a >> 64)}};
    struct wide high = wide_times(whole, (uint64_t)(b >> 64));
    struct wide shifted = {{0, high.words[0], high.words[1], high.words[2]}};
    return wide_add(wide_times(whole, (uint64_t)b), shifted);
}

struct wide wide_square(int128 a)
{
    uint128 magnitude = a < 0 ? 0 - (uint128)a : (uint128)a;
    return wide_product(magnitude, magnitude);
}

/* The top 64 bits, with the lowest of them set if anything below is: they round as the whole number does, for a double
 * has 53. */
double wide_to_double(struct wide a)
{
    int top = 3;
    while (top > 0 && a.words[top] == 0)
        top--;
    if (top == 0)
        return (double)a.words[0];
    int shift = __builtin_clzll(a.words[top]);
    uint64_t bits = a.words[top] << shift;
    uint64_t below = a.words[top - 1];
    if (shift > 0) {
        bits |= below >> (64 - shift);
        below <<= shift;
    }
    for (int i = 0; i < top - 1; i++)
        below |= a.words[i];
    bits |= below != 0;
    return ldexp((double)bits, 64 * top - shift);
}
