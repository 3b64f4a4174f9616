#include "store/features/layout.h"

#include "store/base/check.h"
#include "store/base/limits.h"
#include "store/base/time_text.h"

static enum tier tier_of(const struct feature *feature, enum accumulator_kind kind)
{
    if (feature->window_us == 0)
        return kind == ACCUMULATE_DAYS ? TIER_DAYS : TIER_LIFETIME;
    if (feature->window_us < 12 * MICROSECONDS_PER_HOUR)
        return TIER_MINUTES;
    return feature->window_us < 12 * MICROSECONDS_PER_DAY ? TIER_HOURS : TIER_DAYS;
}

static enum accumulator_kind kind_of(enum aggregation aggregation)
{
    switch (aggregation) {
    case AGGREGATION_COUNT:
        return ACCUMULATE_COUNT;
    case AGGREGATION_SUM:
    case AGGREGATION_MEAN:
        return ACCUMULATE_SUM;
    case AGGREGATION_MIN:
        return ACCUMULATE_MIN;
    case AGGREGATION_MAX:
        return ACCUMULATE_MAX;
    case AGGREGATION_FIRST:
    case AGGREGATION_AGE_FIRST:
        return ACCUMULATE_FIRST;
    case AGGREGATION_LAST:
    case AGGREGATION_AGE_LAST:
        return ACCUMULATE_LAST;
    case AGGREGATION_DISTINCT:
        return ACCUMULATE_DISTINCT;
    case AGGREGATION_RFM_FREQUENCY:
    case AGGREGATION_RFM_RECENCY:
    case AGGREGATION_RFM_T:
    case AGGREGATION_RFM_MONETARY:
    case AGGREGATION_DECAYED:
    case AGGREGATION_GAP_MEAN:
    case AGGREGATION_GAP_STDDEV:
    case AGGREGATION_GAP_LAST:
    case AGGREGATION_ACTIVE_DAYS:
    case AGGREGATION_STREAK_CURRENT:
    case AGGREGATION_STREAK_LONGEST:
        return ACCUMULATE_DAYS;
    case AGGREGATION_VARIANCE:
    case AGGREGATION_STDDEV:
        return ACCUMULATE_SQUARES;
    case AGGREGATION_RATIO:
        return ACCUMULATE_RATIO;
    case AGGREGATION_TOP:
        return ACCUMULATE_TOP;
    case AGGREGATION_DERIVED:
        break;
    }
    IMPOSSIBLE("an aggregation outside the list");
}

static bool bounds_equal(const struct filter *a, const struct filter *b)
{
    return a->has_low == b->has_low && a->has_high == b->has_high &&
        (!a->has_low || (a->low_open == b->low_open && scalar_compare(&a->low, &b->low) == 0)) &&
        (!a->has_high || (a->high_open == b->high_open && scalar_compare(&a->high, &b->high) == 0));
}

static bool filters_equal(const struct filter *a, size_t a_count, const struct filter *b, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++) {
        if (a[i].attribute != b[i].attribute || a[i].value_count != b[i].value_count || !bounds_equal(&a[i], &b[i]))
            return false;
        for (size_t j = 0; j < a[i].value_count; j++)
            if (scalar_compare(&a[i].values[j], &b[i].values[j]) != 0)
                return false;
    }
    return true;
}

static bool aggregates_equal(const struct aggregate *a, const struct aggregate *b)
{
    return a->kind == b->kind && a->attribute == b->attribute && a->by_attribute == b->by_attribute &&
        filters_equal(a->filters, a->filter_count, b->filters, b->filter_count) &&
        filters_equal(a->matching, a->matching_count, b->matching, b->matching_count);
}

static struct aggregate aggregate_of(const struct feature *feature)
{
    bool ranks_by = feature->aggregation == AGGREGATION_TOP;
    bool matches = feature->aggregation == AGGREGATION_RATIO;
    return (struct aggregate){.kind = kind_of(feature->aggregation),
        .attribute = feature->attribute,
        .by_attribute = ranks_by ? feature->by_attribute : -1,
        .filters = feature->filters,
        .filter_count = feature->filter_count,
        .matching = matches ? feature->matching : NULL,
        .matching_count = matches ? feature->matching_count : 0};
}

/* The newest of the events that count for the feature: its filters hold, and they have its attributes. */
static struct aggregate newest_of(const struct feature *feature)
{
    struct aggregate newest = aggregate_of(feature);
    newest.kind = ACCUMULATE_LAST;
    newest.matching = NULL;
    newest.matching_count = 0;
    return newest;
}

static struct tier_layout *tier_of_feature(
    const struct definitions *definitions, const struct feature *feature, struct type_layout *types, struct slot *slot)
{
    slot->type = definitions->events[feature->event].number;
    slot->tier = tier_of(feature, kind_of(feature->aggregation));
    return &types[slot->type].tiers[slot->tier];
}

/* Room for as many aggregates as a tier's features may ask for, and no more: over all tiers that is two a feature. */
static void tiers_prepare(struct layout *layout, struct type_layout *types)
{
    const struct definitions *definitions = layout->definitions;
    struct slot slot;
    for (size_t i = 0; i < definitions->feature_count; i++) {
        const struct feature *feature = &definitions->features[i];
        if (feature->aggregation == AGGREGATION_DERIVED)
            continue;
        tier_of_feature(definitions, feature, types, &slot)->aggregate_count++;
        if (feature->max_age_us > 0)
            types[slot.type].tiers[TIER_LIFETIME].aggregate_count++;
    }
    for (size_t i = 0; i < layout->type_count; i++) {
        for (enum tier at = TIER_LIFETIME; at < TIER_COUNT; at++) {
            struct tier_layout *tier = &types[i].tiers[at];
            if (tier->aggregate_count > 0)
                tier->aggregates = arena_array(&layout->arena, tier->aggregate_count, sizeof *tier->aggregates);
            tier->aggregate_count = 0;
        }
    }
}

static uint32_t aggregate_place(struct tier_layout *tier, struct aggregate wanted)
{
    /* the list is the layout's own until it is handed out as const */
    struct aggregate *list = (struct aggregate *)tier->aggregates;
    for (size_t i = 0; i < tier->aggregate_count; i++)
        if (aggregates_equal(&list[i], &wanted))
            return (uint32_t)i;
    list[tier->aggregate_count] = wanted;
    return (uint32_t)tier->aggregate_count++;
}

struct layout *layout_new(const struct definitions *definitions)
{
    struct layout *layout = memory_alloc(sizeof *layout);
    layout->definitions = definitions_retain(definitions);
    layout->generation = definitions->version;
    layout->type_count = definitions->event_count;
    struct type_layout *types = arena_array(&layout->arena, definitions->event_count, sizeof *types);
    struct slot *slots = arena_array(&layout->arena, definitions->feature_count, sizeof *slots);
    tiers_prepare(layout, types);
    for (size_t i = 0; i < definitions->feature_count; i++) {
        const struct feature *feature = &definitions->features[i];
        if (feature->aggregation == AGGREGATION_DERIVED)
            continue;
        struct tier_layout *tier = tier_of_feature(definitions, feature, types, &slots[i]);
        int64_t reach = feature->window_us == 0 ? INT64_MAX : feature->window_us + feature->offset_us;
        if (reach > tier->window_max_us)
            tier->window_max_us = reach;
        slots[i].index = aggregate_place(tier, aggregate_of(feature));
        if (feature->max_age_us > 0)
            slots[i].newest = aggregate_place(&types[slots[i].type].tiers[TIER_LIFETIME], newest_of(feature));
    }
    layout->types = types;
    layout->slots = slots;
    return layout;
}

void layout_free(struct layout *layout)
{
    if (!layout)
        return;
    definitions_release(layout->definitions);
    arena_clear(&layout->arena);
    memory_free(layout);
}

int64_t layout_hop_us(enum tier tier)
{
    switch (tier) {
    case TIER_MINUTES:
        return 5 * MICROSECONDS_PER_MINUTE;
    case TIER_HOURS:
        return MICROSECONDS_PER_HOUR;
    case TIER_LIFETIME:
    case TIER_DAYS:
    case TIER_COUNT:
        break;
    }
    IMPOSSIBLE("a tier without a hop");
}

int64_t layout_tile(const struct layout *layout, enum tier tier, int64_t time_us)
{
    if (tier == TIER_DAYS)
        return time_zone_day(layout->definitions->zone, time_us);
    return floor_divide(time_us, layout_hop_us(tier));
}

/* The tile that lies so long before T; INT64_MIN where nothing does. */
static int64_t tile_before(const struct layout *layout, enum tier tier, int64_t before_us, int64_t as_of_us)
{
    int64_t time_us;
    if (before_us == INT64_MAX || __builtin_sub_overflow(as_of_us, before_us, &time_us))
        return INT64_MIN;
    return layout_tile(layout, tier, time_us);
}

struct tile_range layout_window(
    const struct layout *layout, enum tier tier, int64_t window_us, int64_t offset_us, int64_t as_of_us)
{
    return (struct tile_range){
        .first = window_us == 0 ? INT64_MIN : tile_before(layout, tier, offset_us + window_us, as_of_us),
        .end = offset_us == 0 ? INT64_MAX : tile_before(layout, tier, offset_us, as_of_us)};
}

int64_t layout_window_reach(const struct layout *layout, enum tier tier, int64_t window_us, int64_t as_of_us)
{
    int64_t tile = tile_before(layout, tier, window_us, as_of_us);
    if (tile == INT64_MIN || tier != TIER_DAYS)
        return tile;
    return time_zone_day_from(layout->definitions->zone, as_of_us - window_us);
}
