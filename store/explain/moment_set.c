#include "store/explain/moment_set.h"

#include "store/base/check.h"

void moment_set_init(struct moment_set *set, size_t most, bool newest, struct arena *arena)
{
    CHECK(most > 0);
    *set = (struct moment_set){.moments = arena_array(arena, most, sizeof(int64_t)), .most = most, .newest = newest};
}

/* The place of the first that is not before it. */
static size_t place_of(const struct moment_set *set, int64_t moment_us)
{
    size_t low = 0, high = set->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (set->moments[middle] < moment_us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void moment_set_add(struct moment_set *set, int64_t moment_us)
{
    size_t place = place_of(set, moment_us);
    if (place < set->count && set->moments[place] == moment_us)
        return;
    if (set->count == set->most) {
        set->more = true;
        if (place == (set->newest ? 0 : set->count))
            return;
        if (set->newest) {
            place--;
            memmove(set->moments, set->moments + 1, place * sizeof *set->moments);
            set->moments[place] = moment_us;
            return;
        }
        set->count--;
    }
    memmove(set->moments + place + 1, set->moments + place, (set->count - place) * sizeof *set->moments);
    set->moments[place] = moment_us;
    set->count++;
}

size_t moment_set_find(const struct moment_set *set, int64_t moment_us)
{
    size_t place = place_of(set, moment_us);
    return place < set->count && set->moments[place] == moment_us ? place : set->count;
}
