/* The oracle's variance: exact sums of squares in natural numbers of 32-bit digits, worked out as on paper. */
#include <math.h>
#include <string.h>

#include "tests/property/oracle_inside.h"

enum { DIGITS = 20, DIGIT_BITS = 32, MANTISSA_BITS = 53 };

struct natural {
    uint32_t digits[DIGITS]; /* the lowest first */
};

static struct natural natural_of(oracle_int128 number)
{
    struct natural natural = {{0}};
    oracle_int128 left = number < 0 ? -number : number;
    for (size_t i = 0; left > 0; i++, left >>= DIGIT_BITS)
        natural.digits[i] = (uint32_t)left;
    return natural;
}

static struct natural sum_of(struct natural a, struct natural b)
{
    uint64_t carry = 0;
    for (size_t i = 0; i < DIGITS; i++) {
        carry += (uint64_t)a.digits[i] + b.digits[i];
        a.digits[i] = (uint32_t)carry;
        carry >>= DIGIT_BITS;
    }
    return a;
}

/* a - b, where b is not the larger. */
static struct natural difference_of(struct natural a, struct natural b)
{
    int64_t borrow = 0;
    for (size_t i = 0; i < DIGITS; i++) {
        int64_t digit = (int64_t)a.digits[i] - b.digits[i] - borrow;
        borrow = digit < 0;
        a.digits[i] = (uint32_t)digit;
    }
    return a;
}

static struct natural product_of(struct natural a, struct natural b)
{
    struct natural product = {{0}};
    for (size_t i = 0; i < DIGITS; i++) {
        uint64_t carry = 0;
        for (size_t j = 0; i + j < DIGITS; j++) {
            carry += (uint64_t)a.digits[i] * b.digits[j] + product.digits[i + j];
            product.digits[i + j] = (uint32_t)carry;
            carry >>= DIGIT_BITS;
        }
    }
    return product;
}

static bool bit_of(const struct natural *natural, int bit)
{
    return bit >= 0 && (natural->digits[bit / DIGIT_BITS] >> (bit % DIGIT_BITS) & 1) != 0;
}

/* The nearest double, half to even. */
static double double_of(const struct natural *natural)
{
    int top = DIGITS * DIGIT_BITS - 1;
    while (top >= 0 && !bit_of(natural, top))
        top--;
    int lowest = top - (MANTISSA_BITS - 1);
    uint64_t mantissa = 0;
    for (int bit = top; bit >= lowest; bit--)
        mantissa = mantissa << 1 | bit_of(natural, bit);
    bool more_than_half = false;
    for (int bit = lowest - 2; bit >= 0 && !more_than_half; bit--)
        more_than_half = bit_of(natural, bit);
    if (bit_of(natural, lowest - 1) && (more_than_half || mantissa % 2 != 0))
        mantissa++;
    return ldexp((double)mantissa, lowest);
}

double oracle_variance(const oracle_int128 *values, size_t count, double scale)
{
    oracle_int128 sum = 0;
    struct natural squares = natural_of(0);
    for (size_t i = 0; i < count; i++) {
        sum += values[i];
        squares = sum_of(squares, product_of(natural_of(values[i]), natural_of(values[i])));
    }
    struct natural numerator = difference_of(product_of(natural_of((oracle_int128)count), squares),
        product_of(natural_of(sum), natural_of(sum)));
    return double_of(&numerator) / (double)((oracle_int128)count * (oracle_int128)(count - 1)) / (scale * scale);
}
