/* evaluate: from accumulators to values; what evaluate.c and evaluate_days.c share. */
#ifndef PATRON_FEATURES_EVALUATE_H
#define PATRON_FEATURES_EVALUATE_H

#include "store/base/wide.h"
#include "store/definitions/value.h"

static inline void present_double(struct value *value, double real)
{
    value->status = STATUS_PRESENT;
    value->real = real;
}

static inline void present_integer(struct value *value, int64_t integer)
{
    value->status = STATUS_PRESENT;
    value->integer = integer;
}

/* (n S2 - S1^2) / (n (n - 1)) / scale^2 of n values with the sum S1 and the sum of squares S2, of 1/scale each: the
 * numerator is exact. False under two values: there is none. */
bool sample_variance(uint64_t n, int128 sum, struct wide squares, double scale, double *variance);

#endif
