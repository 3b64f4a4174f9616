#include "store/base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/base/check.h"

/* A decimal as read: mantissa * 10^exponent. 30 digits fit 128 bits and cover whatever money or number can hold. */
struct decimal {
    uint128 mantissa;
    int exponent;
    bool negative;
};

enum { DECIMAL_DIGITS_MAX = 30, DECIMAL_EXPONENT_MAX = 400 };

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static enum patron_code exponent_parse(struct bytes text, size_t at, int *exponent, struct error *error)
{
    bool negative = false;
    if (at < text.length && (text.data[at] == '+' || text.data[at] == '-'))
        negative = text.data[at++] == '-';
    if (at == text.length)
        return error_set(error, PATRON_INVALID, "is not a number: the exponent is missing");
    int value = 0;
    for (; at < text.length; at++) {
        if (!is_digit(text.data[at]))
            return error_set(error, PATRON_INVALID, "is not a number: '%.*s'", BYTES_ARGUMENTS(text));
        value = value * 10 + (text.data[at] - '0');
        if (value > DECIMAL_EXPONENT_MAX)
            return error_set(error, PATRON_INVALID, "is out of range: '%.*s'", BYTES_ARGUMENTS(text));
    }
    *exponent += negative ? -value : value;
    return PATRON_OK;
}

static enum patron_code decimal_parse(struct bytes text, struct decimal *decimal, struct error *error)
{
    *decimal = (struct decimal){0};
    size_t at = 0;
    if (at < text.length && (text.data[at] == '+' || text.data[at] == '-'))
        decimal->negative = text.data[at++] == '-';
    int digits = 0;
    int significant = 0;
    bool fraction = false;
    int zeros = 0; /* held back, so that trailing zeros cost no digits */
    for (; at < text.length; at++) {
        uint8_t c = text.data[at];
        if (c == '.' && !fraction) {
            fraction = true;
            continue;
        }
        if (!is_digit(c))
            break;
        digits++;
        decimal->exponent -= fraction;
        if (c == '0') {
            zeros += significant > 0;
            continue;
        }
        significant += zeros + 1;
        if (significant > DECIMAL_DIGITS_MAX)
            return error_set(error, PATRON_INVALID, "has too many digits: '%.*s'", BYTES_ARGUMENTS(text));
        for (; zeros > 0; zeros--)
            decimal->mantissa *= 10;
        decimal->mantissa = decimal->mantissa * 10 + (c - '0');
    }
    if (digits == 0)
        return error_set(error, PATRON_INVALID, "is not a number: '%.*s'", BYTES_ARGUMENTS(text));
    decimal->exponent += zeros;
    if (at < text.length && (text.data[at] == 'e' || text.data[at] == 'E'))
        return exponent_parse(text, at + 1, &decimal->exponent, error);
    if (at < text.length)
        return error_set(error, PATRON_INVALID, "is not a number: '%.*s'", BYTES_ARGUMENTS(text));
    return PATRON_OK;
}

/* mantissa *= 10^power, or false if that passes 2^100, far past every range here. */
static bool scale_up(uint128 *mantissa, int power)
{
    for (; power > 0 && *mantissa != 0; power--) {
        if (*mantissa >> 100)
            return false;
        *mantissa *= 10;
    }
    return (*mantissa >> 100) == 0;
}

enum patron_code money_from_text(struct bytes text, int64_t *micros, struct error *error)
{
    struct decimal decimal;
    TRY(decimal_parse(text, &decimal, error));
    uint128 value = decimal.mantissa;
    int power = decimal.exponent + 6;
    if (value != 0 && power < 0) {
        /* trailing zeros were folded into the exponent, so what is left is a real seventh decimal */
        return error_set(error, PATRON_INVALID, "has more than 6 decimals: '%.*s'", BYTES_ARGUMENTS(text));
    }
    if (!scale_up(&value, power) || value > INT64_MAX)
        return error_set(error, PATRON_INVALID,
            "is too large for money: '%.*s' (at most 9223372036854.775807)", BYTES_ARGUMENTS(text));
    *micros = decimal.negative ? -(int64_t)value : (int64_t)value;
    return PATRON_OK;
}

/* round(dividend / divisor), half to even. Both are below 2^127. */
static uint128 divide_rounded(uint128 dividend, uint128 divisor)
{
    uint128 quotient = dividend / divisor;
    uint128 doubled = dividend % divisor << 1;
    return quotient + (doubled > divisor || (doubled == divisor && (quotient & 1)));
}

/* mantissa / 10^places in units of 2^-32, rounded once. */
static uint128 fixed_from_places(uint128 mantissa, int places)
{
    /* A mantissa has at most 30 digits, so that this is below 10^-10, and that below half a unit. */
    if (places >= 40)
        return 0;
    uint128 fives = 1;
    for (int i = 0; i < places; i++)
        fives *= 5; /* 5^39 < 2^91 */
    if (places >= NUMBER_FRACTION_BITS)
        return divide_rounded(mantissa, fives << (places - NUMBER_FRACTION_BITS));
    /* mantissa * 2^32 may not fit, so the whole part is taken out first. Of the rest, rest * 2^32 / 10^places is
     * rest * 2^(32 - places) / 5^places, which is below 2^104 before the division. */
    uint128 divisor = fives << places;
    uint128 whole = mantissa / divisor;
    uint128 rest = mantissa % divisor;
    if (whole >= (uint128)NUMBER_MAGNITUDE_MAX)
        return (uint128)NUMBER_MAGNITUDE_MAX << NUMBER_FRACTION_BITS;
    return (whole << NUMBER_FRACTION_BITS) + divide_rounded(rest << (NUMBER_FRACTION_BITS - places), fives);
}

enum patron_code number_from_text(struct bytes text, int128 *fixed, struct error *error)
{
    struct decimal decimal;
    TRY(decimal_parse(text, &decimal, error));
    const uint128 limit = (uint128)NUMBER_MAGNITUDE_MAX << NUMBER_FRACTION_BITS;
    uint128 value = decimal.mantissa;
    if (decimal.exponent < 0)
        value = fixed_from_places(value, -decimal.exponent);
    else if (scale_up(&value, decimal.exponent) && value < (uint128)NUMBER_MAGNITUDE_MAX)
        value <<= NUMBER_FRACTION_BITS;
    else
        value = limit;
    if (value >= limit) /* by rounding, too */
        return error_set(error, PATRON_INVALID, "is out of range: '%.*s' (below 2^53)", BYTES_ARGUMENTS(text));
    *fixed = decimal.negative ? -(int128)value : (int128)value;
    return PATRON_OK;
}

/* The shortest decimal that reads back as the double: what its sender wrote, most likely, and had it more than six
 * decimals, then no decimal of six has this double for its nearest. */
static enum patron_code money_from_shortest(double value, int64_t *micros, struct error *error)
{
    char text[DECIMAL_TEXT_MAX];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    return money_from_text(bytes_from_string(text), micros, error);
}

enum patron_code money_from_double(double value, int64_t *micros, struct error *error)
{
    if (!isfinite(value))
        return error_set(error, PATRON_INVALID, "is not a finite number");
    /* Past 2^31 the product below may be off by half a micro-unit; past 2^33 one double stands for several amounts. */
    if (fabs(value) >= 2147483648.0)
        return money_from_shortest(value, micros, error);
    int64_t nearest = (int64_t)nearbyint(value * MONEY_SCALE);
    if ((double)nearest / MONEY_SCALE != value)
        return error_set(error, PATRON_INVALID, "has more than 6 decimals: %.17g", value);
    *micros = nearest;
    return PATRON_OK;
}

enum patron_code number_from_double(double value, int128 *fixed, struct error *error)
{
    if (!isfinite(value))
        return error_set(error, PATRON_INVALID, "is not a finite number");
    if (fabs(value) >= (double)NUMBER_MAGNITUDE_MAX)
        return error_set(error, PATRON_INVALID, "is out of range: %g (below 2^53)", value);
    *fixed = (int128)rint(ldexp(value, NUMBER_FRACTION_BITS));
    return PATRON_OK;
}

size_t money_to_text(int128 micros, char *text)
{
    uint128 magnitude = micros < 0 ? -(uint128)micros : (uint128)micros;
    char digits[48];
    int count = 0;
    do {
        digits[count++] = (char)('0' + (int)(magnitude % 10));
        magnitude /= 10;
    } while (magnitude > 0 || count < 7);
    size_t length = 0;
    if (micros < 0)
        text[length++] = '-';
    for (int i = count - 1; i >= 6; i--)
        text[length++] = digits[i];
    int last = 0; /* the lowest decimal that is not a trailing zero; two are always shown */
    while (last < 4 && digits[last] == '0')
        last++;
    text[length++] = '.';
    for (int i = 5; i >= last; i--)
        text[length++] = digits[i];
    text[length] = '\0';
    CHECK(length < DECIMAL_TEXT_MAX);
    return length;
}
