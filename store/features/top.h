/* top: which values came most often, or with the largest sum of another attribute.
 *
 * Every different value is kept with its count and sum, exactly, up to TOP_TRACKED_MAX of them; with more the state is
 * "too many", which nothing undoes. So a state is a function of the events alone. Places are by count or sum from the
 * largest, ties by the value ascending. */
#ifndef PATRON_FEATURES_TOP_H
#define PATRON_FEATURES_TOP_H

#include "store/features/accumulator.h"

/* A text that is new to the state is copied into the arena. */
void top_add(struct accumulator *accumulator, const struct scalar *value, int128 by, struct arena *arena);
void top_merge(struct accumulator *into, const struct accumulator *from, struct arena *arena);

struct top_entry {
    const struct scalar *value; /* in the state it was taken from */
    uint64_t count;
    int128 sum;
};

/* The union of states in the caller's memory (the stack). */
struct top_join {
    struct top_entry buffers[2][TOP_TRACKED_MAX];
    struct top_entry *entries; /* one of the buffers, ascending by value; null: too many */
    size_t count;
};
void top_join_init(struct top_join *join);
void top_join_take(struct top_join *join, const struct accumulator *accumulator);

/* The first places; null for those that nothing takes. */
struct top_best {
    const struct scalar *values[TOP_VALUES_MAX];
};
void top_join_best(const struct top_join *join, bool by_sum, struct top_best *best);

#endif
