/* accumulator: the partial state of one aggregate over any set of events.
 *
 * Every accumulator is a commutative monoid, exactly: the zeroed struct is empty, accumulator_merge is associative and
 * commutative, and one set of events has one state and one encoding, however it was put together. Sums are exact
 * integers; no floating point appears here. Memory that a state needs is taken from the arena given and never freed
 * singly; states merged from one another share it. */
#ifndef PATRON_FEATURES_ACCUMULATOR_H
#define PATRON_FEATURES_ACCUMULATOR_H

#include "store/base/arena.h"
#include "store/definitions/definitions.h"
#include "store/journal/event.h"

enum accumulator_kind {
    ACCUMULATE_COUNT = 1, /* events */
    ACCUMULATE_SUM,       /* of an attribute, and how many had it */
    ACCUMULATE_MIN,
    ACCUMULATE_MAX,
    ACCUMULATE_FIRST,    /* the attribute of the event with the smallest (time, hash) */
    ACCUMULATE_LAST,     /* … the largest */
    ACCUMULATE_DISTINCT, /* different values */
    ACCUMULATE_DAYS,     /* sum and count for each day, for rfm */
};

/* What is accumulated: the same for every tile of a kind. */
struct aggregate {
    enum accumulator_kind kind;
    int32_t attribute; /* number, or -1: of the event itself (count, ages) */
    const struct filter *filters;
    size_t filter_count;
};

struct day_sum {
    int64_t day;
    uint64_t count;
    int128 sum;
};

struct accumulator {
    uint64_t count; /* events that took part; 0: empty */
    union {
        int128 number; /* SUM, MIN, MAX */
        struct {       /* FIRST, LAST */
            int64_t time_us;
            uint8_t hash[EVENT_HASH_BYTES];
            struct scalar value;
        } edge;
        struct {              /* DISTINCT: `count` of them, ascending; count is DISTINCT_VALUES_MAX + 1 and the list */
            uint64_t *values; /* null once there are more */
            size_t capacity;
        } set;
        struct { /* DAYS: `count` of them, ascending */
            struct day_sum *days;
        } days;
    };
};

/* Sums of events never come near the ends of 128 bits (see decimal.h); those of damaged rows may, and wrap. */
static inline int128 exact_add(int128 a, int128 b)
{
    return (int128)((uint128)a + (uint128)b);
}

/* Adds the event if it passes the filters and has the attribute. `day` is the event's day in the definitions' zone. */
void accumulator_add(struct accumulator *accumulator, const struct aggregate *aggregate, const struct event *event,
    int64_t day, struct arena *arena);
void accumulator_merge(struct accumulator *into, const struct accumulator *from, enum accumulator_kind kind,
    struct arena *arena);
void accumulator_encode(const struct accumulator *accumulator, enum accumulator_kind kind, struct encoder *to);
/* Sets from->bad on bytes that accumulator_encode never makes. Text points into what is decoded. */
void accumulator_decode(
    struct accumulator *accumulator, enum accumulator_kind kind, struct decoder *from, struct arena *arena);

#endif
