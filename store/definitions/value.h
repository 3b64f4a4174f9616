/* value: what a feature is for one customer at one T. */
#ifndef PATRON_DEFINITIONS_VALUE_H
#define PATRON_DEFINITIONS_VALUE_H

#include "store/base/bytes.h"
#include "store/base/encode.h"

/* The numbers are those of ValueType on the wire. */
enum value_type {
    VALUE_DOUBLE = 1,
    VALUE_INT64 = 2,
    VALUE_BOOL = 3,
    VALUE_TEXT = 4,
    VALUE_MONEY = 5,
};

/* The numbers are those of ValueStatus on the wire. */
enum value_status {
    STATUS_PRESENT = 1,
    STATUS_NULL = 2,
    STATUS_NOT_FOUND = 3,
    STATUS_STALE = 4,   /* there is a value, from no newer event than the feature's max_age ago */
    STATUS_DEFAULT = 7, /* there is none, and this is what the definitions say to take then */
};

struct value {
    uint8_t type;      /* enum value_type */
    uint8_t status;    /* enum value_status */
    double real;       /* DOUBLE, and MONEY in units */
    int64_t integer;   /* INT64; BOOL as 0 and 1 */
    int128 exact;      /* MONEY, micro-units */
    struct bytes text; /* in the call's arena, or the definitions' */
    int64_t age_us;    /* of a feature with a max_age: T - the newest event time of its kind, in its window or not */
};

/* Where only a value or none can be said (a matrix, a snapshot, an operand) a stale one counts as missing: the default
 * (nullable: there is none) takes its place, as it does that of a missing one. */
static inline void value_settle(struct value *value, const struct value *fallback)
{
    if (value->status == STATUS_PRESENT || value->status == STATUS_DEFAULT)
        return;
    if (fallback)
        *value = *fallback;
    else if (value->status == STATUS_STALE)
        value->status = STATUS_NULL;
}

#endif
