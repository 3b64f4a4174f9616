/* layout: what profiles hold, worked out once from the definitions.
 *
 * Each feature becomes one slot: an aggregate in one tier of one event type. Features that ask for the same aggregate
 * share the slot. A tier is a size of tile; its accumulators stand in the order of its aggregates. A feature with a
 * max_age takes one aggregate more, the newest of the events that count for it, and derived ones take none.
 *
 * A layout is immutable, belongs to one struct definitions (layout_of), and may be shared by all threads. */
#ifndef PATRON_FEATURES_LAYOUT_H
#define PATRON_FEATURES_LAYOUT_H

#include "store/features/accumulator.h"

/* A window W takes tiles of 5 minutes if W < 12 hours, of 1 hour if W < 12 days, of a day otherwise (Chronon's hops),
 * whatever its offset. Lifetime aggregates have one accumulator; lifetime ones of days (rfm, gaps, streaks, decay …)
 * keep day tiles for ever. */
enum tier { TIER_LIFETIME, TIER_MINUTES, TIER_HOURS, TIER_DAYS, TIER_COUNT };

struct tier_layout {
    const struct aggregate *aggregates;
    size_t aggregate_count;
    int64_t window_max_us; /* of the tiers with tiles, with the offset; INT64_MAX: no tile is ever out of reach */
};

struct type_layout {
    struct tier_layout tiers[TIER_COUNT];
};

struct slot {
    uint16_t type; /* event type's number */
    enum tier tier;
    uint32_t index;  /* among the tier's aggregates */
    uint32_t newest; /* of a feature with a max_age: among the type's lifetime aggregates, a LAST */
};

struct layout {
    const struct definitions *definitions;
    uint32_t generation; /* of the profiles folded by it: the version's, or that of an older one of an equal layout */
    size_t type_count;
    const struct type_layout *types; /* by event type's number */
    const struct slot *slots;        /* one for each feature; a derived one's says nothing */
    struct arena arena;
};

struct layout *layout_new(const struct definitions *definitions); /* keeps a reference */
void layout_free(struct layout *layout);                          /* null is fine */

/* How long a tile of 5 minutes or of an hour is. */
int64_t layout_hop_us(enum tier tier);
/* The tile a moment lies in: 5-minute and hour numbers of UTC, day numbers of the definitions' zone. */
int64_t layout_tile(const struct layout *layout, enum tier tier, int64_t time_us);
/* The tiles of a window at T: from `first` on, before `end`. INT64_MIN and INT64_MAX where nothing bounds them: a
 * window that ends at T ends with the newest event, not with a tile. */
struct tile_range {
    int64_t first, end;
};
struct tile_range layout_window(
    const struct layout *layout, enum tier tier, int64_t window_us, int64_t offset_us, int64_t as_of_us);
/* The first tile that a window, its offset counted in, reaches at this T or any later one: what lies before it may be
 * dropped. */
int64_t layout_window_reach(const struct layout *layout, enum tier tier, int64_t window_us, int64_t as_of_us);

#endif
