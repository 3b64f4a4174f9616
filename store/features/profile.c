#include "store/features/profile.h"

#include <stdatomic.h>

#include "store/base/check.h"

void profile_init(struct profile *profile, const struct layout *layout, struct arena *arena)
{
    *profile = (struct profile){.layout = layout,
        .arena = arena,
        .position_us = INT64_MIN,
        .newest_event_time_us = INT64_MIN,
        .newest_known_at_us = INT64_MIN};
    profile->types = arena_array(arena, layout->type_count, sizeof *profile->types);
    for (size_t i = 0; i < layout->type_count; i++)
        profile->types[i].lifetime = arena_array(
            arena, layout->types[i].tiers[TIER_LIFETIME].aggregate_count, sizeof *profile->types[i].lifetime);
}

/* The first tile any window of the tier can still reach for T > position: T is at least position + 1. */
static int64_t tier_reach(const struct profile *profile, const struct tier_layout *tier_layout, enum tier tier)
{
    if (profile->position_us == INT64_MIN)
        return INT64_MIN;
    int64_t next_us = profile->position_us < INT64_MAX ? profile->position_us + 1 : INT64_MAX; /* of damaged rows */
    return layout_window_reach(profile->layout, tier, tier_layout->window_max_us, next_us);
}

size_t tile_list_place(const struct tile_list *list, int64_t index)
{
    size_t low = 0, high = list->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (list->tiles[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct tile *tile_at(struct profile *profile, struct tile_list *list, int64_t index, size_t aggregates)
{
    size_t place = tile_list_place(list, index);
    if (place < list->count && list->tiles[place].index == index)
        return &list->tiles[place];
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? 2 * list->capacity : 4;
        struct tile *tiles = arena_array(profile->arena, capacity, sizeof *tiles);
        if (list->count)
            memcpy(tiles, list->tiles, list->count * sizeof *tiles);
        list->tiles = tiles;
        list->capacity = capacity;
    }
    struct tile *tile = &list->tiles[place];
    memmove(tile + 1, tile, (list->count - place) * sizeof *tile);
    list->count++;
    tile->index = index;
    tile->accumulators = arena_array(profile->arena, aggregates, sizeof *tile->accumulators);
    return tile;
}

/* Into the accumulators: the event's time has come. */
static void profile_absorb(struct profile *profile, const struct event *event)
{
    profile->event_count++;
    if (event->time_us > profile->newest_event_time_us)
        profile->newest_event_time_us = event->time_us;
    if (event->known_at_us > profile->newest_known_at_us)
        profile->newest_known_at_us = event->known_at_us;
    const struct type_layout *type_layout = &profile->layout->types[event->type];
    struct profile_type *type = &profile->types[event->type];
    int64_t day = layout_tile(profile->layout, TIER_DAYS, event->time_us);
    for (enum tier tier = TIER_LIFETIME; tier < TIER_COUNT; tier++) {
        const struct tier_layout *tier_layout = &type_layout->tiers[tier];
        if (tier_layout->aggregate_count == 0)
            continue;
        struct accumulator *accumulators = type->lifetime;
        if (tier != TIER_LIFETIME) {
            int64_t index = tier == TIER_DAYS ? day : layout_tile(profile->layout, tier, event->time_us);
            if (index < tier_reach(profile, tier_layout, tier))
                continue;
            accumulators = tile_at(profile, &type->tiers[tier], index, tier_layout->aggregate_count)->accumulators;
        }
        for (size_t i = 0; i < tier_layout->aggregate_count; i++)
            accumulator_add(&accumulators[i], &tier_layout->aggregates[i], event, day, profile->arena);
    }
}

static void pending_insert(struct profile *profile, const struct event *event)
{
    if (profile->pending_count == profile->pending_capacity) {
        size_t capacity = profile->pending_capacity ? 2 * profile->pending_capacity : 4;
        struct event *pending = arena_array(profile->arena, capacity, sizeof *pending);
        if (profile->pending_count)
            memcpy(pending, profile->pending, profile->pending_count * sizeof *pending);
        profile->pending = pending;
        profile->pending_capacity = capacity;
    }
    size_t low = 0, high = profile->pending_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (event_before(event, &profile->pending[middle]))
            high = middle;
        else
            low = middle + 1;
    }
    struct event *place = &profile->pending[low];
    memmove(place + 1, place, (profile->pending_count - low) * sizeof *place);
    *place = *event;
    profile->pending_count++;
}

size_t profile_pending_after(const struct profile *profile, int64_t time_us)
{
    size_t low = 0, high = profile->pending_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (profile->pending[middle].time_us <= time_us)
            low = middle + 1;
        else
            high = middle;
    }
    return profile->pending_count - low;
}

void profile_advance(struct profile *profile, int64_t position_us)
{
    CHECK(position_us >= profile->position_us);
    profile->position_us = position_us;
    size_t due = profile->pending_count - profile_pending_after(profile, position_us);
    for (size_t i = 0; i < due; i++)
        profile_absorb(profile, &profile->pending[i]);
    if (due > 0) {
        profile->pending += due;
        profile->pending_count -= due;
        profile->pending_capacity -= due;
    }
    for (size_t i = 0; i < profile->layout->type_count; i++) {
        for (enum tier tier = TIER_MINUTES; tier < TIER_COUNT; tier++) {
            struct tile_list *list = &profile->types[i].tiers[tier];
            if (list->count == 0)
                continue;
            size_t gone = tile_list_place(list, tier_reach(profile, &profile->layout->types[i].tiers[tier], tier));
            list->tiles += gone;
            list->count -= gone;
            list->capacity -= gone;
        }
    }
}

void profile_apply(struct profile *profile, const struct event *event)
{
    if (event->time_us <= profile->position_us) {
        profile_absorb(profile, event);
        return;
    }
    struct event kept = *event;
    kept.attributes = event->sealed ? (struct bytes){0} : arena_copy(profile->arena, event->attributes);
    kept.sealed = false; /* what is sealed no profile reads: it waits without */
    pending_insert(profile, &kept);
}

static void pending_merge(struct profile *into, const struct profile *from)
{
    if (from->pending_count == 0)
        return;
    size_t capacity = into->pending_count + from->pending_count;
    struct event *merged = arena_array(into->arena, capacity, sizeof *merged);
    size_t i = 0, j = 0;
    for (size_t made = 0; made < capacity; made++) {
        bool take_into = j == from->pending_count ||
            (i < into->pending_count && event_before(&into->pending[i], &from->pending[j]));
        merged[made] = take_into ? into->pending[i++] : from->pending[j++];
    }
    into->pending = merged;
    into->pending_count = capacity;
    into->pending_capacity = capacity;
}

static void tiles_merge(
    struct profile *into, struct tile_list *list, const struct tile_list *from, const struct tier_layout *tier)
{
    if (from->count == 0)
        return;
    size_t capacity = list->count + from->count;
    struct tile *merged = arena_array(into->arena, capacity, sizeof *merged);
    size_t made = 0, i = 0, j = 0;
    while (i < list->count || j < from->count) {
        bool take_ours = j == from->count || (i < list->count && list->tiles[i].index <= from->tiles[j].index);
        bool take_theirs = i == list->count || (j < from->count && from->tiles[j].index <= list->tiles[i].index);
        merged[made] = take_ours ? list->tiles[i] : from->tiles[j];
        if (take_ours && take_theirs)
            for (size_t k = 0; k < tier->aggregate_count; k++)
                accumulator_merge(&merged[made].accumulators[k], &from->tiles[j].accumulators[k],
                    tier->aggregates[k].kind, into->arena);
        made++;
        i += take_ours;
        j += take_theirs;
    }
    *list = (struct tile_list){merged, made, capacity};
}

void profile_merge(struct profile *into, const struct profile *take_from)
{
    const struct profile *from = take_from;
    CHECK(into->layout == from->layout);
    into->event_count += from->event_count;
    if (from->newest_event_time_us > into->newest_event_time_us)
        into->newest_event_time_us = from->newest_event_time_us;
    if (from->newest_known_at_us > into->newest_known_at_us)
        into->newest_known_at_us = from->newest_known_at_us;
    int64_t position_us = into->position_us > from->position_us ? into->position_us : from->position_us;
    for (size_t i = 0; i < into->layout->type_count; i++) {
        const struct tier_layout *tiers = into->layout->types[i].tiers;
        for (size_t j = 0; j < tiers[TIER_LIFETIME].aggregate_count; j++)
            accumulator_merge(&into->types[i].lifetime[j], &from->types[i].lifetime[j],
                tiers[TIER_LIFETIME].aggregates[j].kind, into->arena);
        for (enum tier tier = TIER_MINUTES; tier < TIER_COUNT; tier++)
            tiles_merge(into, &into->types[i].tiers[tier], &from->types[i].tiers[tier], &tiers[tier]);
    }
    pending_merge(into, from);
    profile_advance(into, position_us);
}

const struct profile_parts *profile_parts_retain(const struct profile_parts *parts)
{
    atomic_fetch_add_explicit(&((struct profile_parts *)parts)->references, 1, memory_order_relaxed);
    return parts;
}

void profile_parts_release(const struct profile_parts *parts)
{
    if (parts &&
        atomic_fetch_sub_explicit(&((struct profile_parts *)parts)->references, 1, memory_order_acq_rel) == 1)
        memory_free((void *)parts);
}

const struct profile_parts *profile_parts_new(const struct profile_part *parts, size_t count)
{
    size_t bytes = sizeof(struct profile_parts) + count * sizeof *parts;
    size_t values_at = bytes;
    for (size_t i = 0; i < count; i++)
        bytes += parts[i].value.length;
    struct profile_parts *made = memory_alloc(bytes);
    made->references = 1;
    made->count = count;
    made->total_bytes = bytes;
    uint8_t *at = (uint8_t *)made + values_at;
    for (size_t i = 0; i < count; i++) {
        struct bytes value = parts[i].value;
        if (value.length > 0)
            memcpy(at, value.data, value.length);
        made->part[i] = (struct profile_part){parts[i].number, bytes_of(at, value.length)};
        at += value.length;
    }
    return made;
}
