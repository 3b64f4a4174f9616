/* Decimal text and binary floating point to exact integers, and back.
 *
 * Money is an integer of micro-units (1e-6): text with more than six decimals is refused, not rounded (trailing zeros
 * past the sixth are fine). Other numbers are fixed point of 2^-32, rounded once, half to even. */
#ifndef PATRON_BASE_DECIMAL_H
#define PATRON_BASE_DECIMAL_H

#include "store/base/bytes.h"
#include "store/base/encode.h"
#include "store/base/error.h"

#define MONEY_SCALE 1000000
#define NUMBER_FRACTION_BITS 32
/* |number| < 2^53: what a double holds exactly to the unit, and 2^42 of them still sum within 128 bits. */
#define NUMBER_MAGNITUDE_MAX INT64_C(9007199254740992)

/* [+-]digits[.digits][e[+-]digits], nothing around it. PATRON_INVALID says what is wrong in words without a subject
 * ("has more than 6 decimals"), for the caller to put the name before. */
enum patron_code money_from_text(struct bytes text, int64_t *micros, struct error *error) MUST_CHECK;
enum patron_code number_from_text(struct bytes text, int128 *fixed, struct error *error) MUST_CHECK;

/* A double is money only if it is the double nearest to some text of at most six decimals. */
enum patron_code money_from_double(double value, int64_t *micros, struct error *error) MUST_CHECK;
enum patron_code number_from_double(double value, int128 *fixed, struct error *error) MUST_CHECK;

/* "-12.50", at least two decimals and at most 48 bytes with the NUL; returns the length. */
enum { DECIMAL_TEXT_MAX = 64 };
size_t money_to_text(int128 micros, char *text);

#endif
