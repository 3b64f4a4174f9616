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
    case AGGREGATION_RATIO:
    case AGGREGATION_TOP:
    case AGGREGATION_DERIVED:
        break;
    }
    IMPOSSIBLE("an aggregation outside the list");
}

static bool filters_equal(const struct aggregate *a, const struct aggregate *b)
{
    if (a->filter_count != b->filter_count)
        return false;
    for (size_t i = 0; i < a->filter_count; i++) {
        const struct filter *x = &a->filters[i], *y = &b->filters[i];
        if (x->attribute != y->attribute || x->values->type != y->values->type ||
            x->values->number != y->values->number || !bytes_equal(x->values->text, y->values->text))
            return false;
    }
    return true;
}

static struct tier_layout *tier_of_feature(
    const struct definitions *definitions, const struct feature *feature, struct type_layout *types, struct slot *slot)
{
    slot->type = definitions->events[feature->event].number;
    slot->tier = tier_of(feature, kind_of(feature->aggregation));
    return &types[slot->type].tiers[slot->tier];
}

/* Room for as many aggregates as a tier has features, and no more: over all tiers that is one a feature. */
static void tiers_prepare(struct layout *layout, struct type_layout *types)
{
    const struct definitions *definitions = layout->definitions;
    struct slot slot;
    for (size_t i = 0; i < definitions->feature_count; i++)
        tier_of_feature(definitions, &definitions->features[i], types, &slot)->aggregate_count++;
    for (size_t i = 0; i < layout->type_count; i++) {
        for (enum tier at = TIER_LIFETIME; at < TIER_COUNT; at++) {
            struct tier_layout *tier = &types[i].tiers[at];
            if (tier->aggregate_count > 0)
                tier->aggregates = arena_array(&layout->arena, tier->aggregate_count, sizeof *tier->aggregates);
            tier->aggregate_count = 0;
        }
    }
}

static uint32_t aggregate_place(struct tier_layout *tier, struct aggregate *list, const struct aggregate *wanted)
{
    for (size_t i = 0; i < tier->aggregate_count; i++)
        if (list[i].kind == wanted->kind && list[i].attribute == wanted->attribute && filters_equal(&list[i], wanted))
            return (uint32_t)i;
    list[tier->aggregate_count] = *wanted;
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
        struct aggregate wanted = {
            kind_of(feature->aggregation), feature->attribute, feature->filters, feature->filter_count};
        struct tier_layout *tier = tier_of_feature(definitions, feature, types, &slots[i]);
        int64_t reach = feature->window_us == 0 ? INT64_MAX : feature->window_us;
        if (reach > tier->window_max_us)
            tier->window_max_us = reach;
        /* the list is the layout's own until it is handed out as const */
        slots[i].index = aggregate_place(tier, (struct aggregate *)tier->aggregates, &wanted);
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

int64_t layout_tile(const struct layout *layout, enum tier tier, int64_t time_us)
{
    switch (tier) {
    case TIER_LIFETIME:
        return 0;
    case TIER_MINUTES:
        return floor_divide(time_us, 5 * MICROSECONDS_PER_MINUTE);
    case TIER_HOURS:
        return floor_divide(time_us, MICROSECONDS_PER_HOUR);
    case TIER_DAYS:
        return time_zone_day(layout->definitions->zone, time_us);
    case TIER_COUNT:
        break;
    }
    IMPOSSIBLE("a tier outside the list");
}

int64_t layout_window_tile(const struct layout *layout, enum tier tier, int64_t window_us, int64_t as_of_us)
{
    if (window_us == 0 || window_us == INT64_MAX)
        return INT64_MIN;
    int64_t head;
    if (__builtin_sub_overflow(as_of_us, window_us, &head))
        return INT64_MIN;
    return layout_tile(layout, tier, head);
}

int64_t layout_window_reach(const struct layout *layout, enum tier tier, int64_t window_us, int64_t as_of_us)
{
    int64_t tile = layout_window_tile(layout, tier, window_us, as_of_us);
    if (tile == INT64_MIN || tier != TIER_DAYS)
        return tile;
    return time_zone_day_from(layout->definitions->zone, as_of_us - window_us);
}
