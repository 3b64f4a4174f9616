/* accumulator: the partial state of one aggregate over any set of events.
 *
 * Every accumulator is a commutative monoid, exactly: the zeroed struct is empty, accumulator_merge is associative and
 * commutative, and one set of events has one state and one encoding, however it was put together. Sums are exact
 * integers; no floating point appears here. What is added to or merged into a state is changed in place: one that was
 * merged from shares its memory and must not be used any more. Memory that a state needs is taken from the arena given
 * and never freed singly. accumulator.c combines states, accumulator_codec.c writes and reads them. */
#ifndef PATRON_FEATURES_ACCUMULATOR_H
#define PATRON_FEATURES_ACCUMULATOR_H

#include "store/base/arena.h"
#include "store/base/wide.h"
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
    ACCUMULATE_DAYS,     /* sum and count for each day, for rfm, gaps, streaks and decay */
    ACCUMULATE_SQUARES,  /* sum, sum of squares, and how many, for variances */
    ACCUMULATE_RATIO,    /* events, and how many of them match */
    ACCUMULATE_TOP,      /* how often each value came, and a sum for each */
    ACCUMULATOR_KINDS,
};

/* What is accumulated: the same for every tile of a kind. */
struct aggregate {
    enum accumulator_kind kind;
    int32_t attribute;    /* number, or -1: of the event itself (count, ages) */
    int32_t by_attribute; /* of TOP: what is summed for each value; -1: nothing. An event without it does not count */
    const struct filter *filters; /* all must hold for an event to count */
    size_t filter_count;
    const struct filter *matching; /* of RATIO: all must hold for it to match */
    size_t matching_count;
};

struct day_sum {
    int64_t day;
    uint64_t count;
    int128 sum;
};

struct top_value {
    struct scalar value;
    uint64_t count;
    int128 sum;
};

struct accumulator {
    uint64_t count; /* events that took part, or of lists their length; 0: empty */
    union {
        int128 number; /* SUM, MIN, MAX; of RATIO the events that match */
        struct {       /* FIRST, LAST */
            int64_t time_us;
            uint8_t hash[EVENT_HASH_BYTES];
            struct scalar value;
        } edge;
        struct distinct_set { /* DISTINCT: `count` hashes; with more than DISTINCT_VALUES_MAX the count is that and 1 */
            uint64_t *values;   /* ascending; null once there are more */
            size_t capacity;
            uint8_t *registers; /* DISTINCT_REGISTERS of them (distinct.h) once there are more; else null */
        } set;
        struct { /* DAYS: `count` of them, ascending */
            struct day_sum *days;
        } days;
        struct { /* SQUARES */
            int128 sum;
            struct wide squares;
        } moments;
        struct { /* TOP: `count` of them, ascending; with more than TOP_TRACKED_MAX the count is that and 1 */
            struct top_value *values; /* null once there are more: what the many are is forgotten */
            size_t capacity;
        } top;
    };
};

/* Sums of events never come near the ends of 128 bits (see decimal.h); those of damaged rows may, and wrap. */
static inline int128 exact_add(int128 a, int128 b)
{
    return (int128)((uint128)a + (uint128)b);
}

/* Do all the filters hold? One on an attribute that the event does not have does not. */
bool filters_pass(const struct filter *filters, size_t count, const struct event *event);
/* The order of values: by type, numbers by size, text by bytes. */
int scalar_compare(const struct scalar *a, const struct scalar *b);

/* Adds the event if it passes the filters and has the attributes. `day` is the event's day in the definitions' zone. */
void accumulator_add(struct accumulator *accumulator, const struct aggregate *aggregate, const struct event *event,
    int64_t day, struct arena *arena);
void accumulator_merge(struct accumulator *into, const struct accumulator *from, enum accumulator_kind kind,
    struct arena *arena);
void accumulator_encode(const struct accumulator *accumulator, enum accumulator_kind kind, struct encoder *to);
/* Sets from->bad on bytes that accumulator_encode never makes. Text points into what is decoded. */
void accumulator_decode(
    struct accumulator *accumulator, enum accumulator_kind kind, struct decoder *from, struct arena *arena);

#endif
