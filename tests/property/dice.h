/* dice: the tests' own random numbers (xoshiro256**, D. Blackman and S. Vigna 2018, seeded by splitmix64), so that a
 * seed means the same history on every machine. Not for secrets. */
#ifndef PATRON_TESTS_PROPERTY_DICE_H
#define PATRON_TESTS_PROPERTY_DICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dice {
    uint64_t state[4];
};

/* Dice of their own for each history of a seed. */
static inline struct dice dice_of(uint64_t seed, uint64_t history)
{
    struct dice dice;
    uint64_t x = seed ^ (history * UINT64_C(0xD1B54A32D192ED03));
    for (int i = 0; i < 4; i++) {
        uint64_t z = x += UINT64_C(0x9E3779B97F4A7C15);
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        dice.state[i] = z ^ (z >> 31);
    }
    return dice;
}

static inline uint64_t dice_rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static inline uint64_t dice_next(struct dice *dice)
{
    uint64_t *s = dice->state;
    uint64_t result = dice_rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = dice_rotate(s[3], 45);
    return result;
}

/* 0 to count - 1; count at least 1. The slight bias of the remainder does not matter here. */
static inline size_t dice_below(struct dice *dice, size_t count)
{
    return (size_t)(dice_next(dice) % count);
}

/* low to high, both included. */
static inline int64_t dice_between(struct dice *dice, int64_t low, int64_t high)
{
    return low + (int64_t)(dice_next(dice) % ((uint64_t)(high - low) + 1));
}

static inline bool dice_chance(struct dice *dice, unsigned percent)
{
    return dice_below(dice, 100) < percent;
}

#endif
