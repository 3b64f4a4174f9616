/* profiles: key    generation u32 BE | customer u64 BE | part u64 BE
 *           value  format u8 = 1 | body
 *
 * Part 0, the head:
 *   generation varint | position signed | event count varint
 *   if event count > 0: newest event time signed | newest known_at signed
 *   for each event type, by number:
 *     the lifetime accumulators | for the 5-minute tier, then the hour tier, if it has aggregates: tiles
 *   n varint | n pending events, ascending by (time, hash): time signed | hash 16 bytes | node varint |
 *     known_at signed | type varint | version varint | attributes (varint length, bytes)
 * tiles: n varint | (tile index: signed, then varint difference to the last | the tier's accumulators)*, the indexes
 *   within 32 bits; the days within an accumulator are those that the tile can hold: of a tile of a day that day, of
 *   the others the day of UTC that it lies in, the one before and the one after
 * accumulators: in the order of the tier's aggregates, see accumulator_codec.c
 *
 * Part 2^48 + type * 2^32 + 2^31 + floor(day / 64): one chunk of day tiles of that type: tiles as above, all of them
 * within those 64 days, at least one. So a day that is over stays as it lies until a late event falls on it, and no row
 * grows past 64 days. There is a chunk exactly where there is a tile. */
#include "store/features/profile.h"

#include "store/base/check.h"
#include "store/base/time_text.h"

enum { PROFILE_FORMAT = 1, CHUNK_DAYS = 64 };

static uint64_t chunk_number(size_t type, int64_t day)
{
    return (UINT64_C(1) << 48) + ((uint64_t)type << 32) +
        (uint64_t)(floor_divide(day, CHUNK_DAYS) + (INT64_C(1) << 31));
}

void profile_key_encode(uint32_t generation, uint64_t customer, uint64_t part, uint8_t key[PROFILE_KEY_BYTES])
{
    for (size_t i = 0; i < 4; i++)
        key[i] = (uint8_t)(generation >> (24 - 8 * i));
    encode_be64(key + 4, customer);
    encode_be64(key + 12, part);
}

uint32_t profile_key_generation(struct bytes key)
{
    CHECK(key.length == PROFILE_KEY_BYTES);
    return (uint32_t)(decode_be64(key.data) >> 32);
}

static void accumulators_encode(
    const struct accumulator *accumulators, const struct tier_layout *tier, struct encoder *to)
{
    for (size_t i = 0; i < tier->aggregate_count; i++)
        accumulator_encode(&accumulators[i], tier->aggregates[i].kind, to);
}

static void tiles_encode(const struct tile *tiles, size_t count, const struct tier_layout *tier, struct encoder *to)
{
    encode_varint(to, count);
    for (size_t i = 0; i < count; i++) {
        if (i == 0)
            encode_signed(to, tiles[i].index);
        else
            encode_varint(to, (uint64_t)(tiles[i].index - tiles[i - 1].index));
        accumulators_encode(tiles[i].accumulators, tier, to);
    }
}

static void pending_encode(const struct event *event, struct encoder *to)
{
    encode_signed(to, event->time_us);
    encode_raw(to, event->hash, EVENT_HASH_BYTES);
    encode_varint(to, event->node);
    encode_signed(to, event->known_at_us);
    encode_varint(to, event->type);
    encode_varint(to, event->version);
    encode_bytes(to, event->attributes);
}

static void head_encode(const struct profile *profile, struct encoder *to)
{
    const struct layout *layout = profile->layout;
    encode_u8(to, PROFILE_FORMAT);
    encode_varint(to, layout->generation);
    encode_signed(to, profile->position_us);
    encode_varint(to, profile->event_count);
    if (profile->event_count > 0) {
        encode_signed(to, profile->newest_event_time_us);
        encode_signed(to, profile->newest_known_at_us);
    }
    for (size_t i = 0; i < layout->type_count; i++) {
        const struct tier_layout *tiers = layout->types[i].tiers;
        const struct profile_type *type = &profile->types[i];
        accumulators_encode(type->lifetime, &tiers[TIER_LIFETIME], to);
        for (enum tier tier = TIER_MINUTES; tier <= TIER_HOURS; tier++)
            if (tiers[tier].aggregate_count > 0)
                tiles_encode(type->tiers[tier].tiles, type->tiers[tier].count, &tiers[tier], to);
    }
    encode_varint(to, profile->pending_count);
    for (size_t i = 0; i < profile->pending_count; i++)
        pending_encode(&profile->pending[i], to);
}

static size_t chunks_count(const struct profile *profile)
{
    size_t count = 0;
    for (size_t i = 0; i < profile->layout->type_count; i++) {
        const struct tile_list *days = &profile->types[i].tiers[TIER_DAYS];
        for (size_t j = 0; j < days->count; j++)
            count += j == 0 || chunk_number(i, days->tiles[j].index) != chunk_number(i, days->tiles[j - 1].index);
    }
    return count;
}

const struct profile_parts *profile_encode(const struct profile *profile)
{
    struct encoder to = {0};
    size_t count = 1 + chunks_count(profile);
    struct profile_part *parts = memory_alloc(count * sizeof *parts);
    size_t *ends = memory_alloc(count * sizeof *ends);
    head_encode(profile, &to);
    ends[0] = to.length;
    size_t part = 1;
    for (size_t i = 0; i < profile->layout->type_count; i++) {
        const struct tile_list *days = &profile->types[i].tiers[TIER_DAYS];
        for (size_t first = 0, next; first < days->count; first = next, part++) {
            parts[part].number = chunk_number(i, days->tiles[first].index);
            for (next = first + 1; next < days->count; next++)
                if (chunk_number(i, days->tiles[next].index) != parts[part].number)
                    break;
            encode_u8(&to, PROFILE_FORMAT);
            tiles_encode(days->tiles + first, next - first, &profile->layout->types[i].tiers[TIER_DAYS], &to);
            ends[part] = to.length;
        }
    }
    CHECK(part == count);
    for (size_t i = 0, start = 0; i < count; start = ends[i], i++)
        parts[i].value = bytes_of(to.data + start, ends[i] - start);
    const struct profile_parts *made = profile_parts_new(parts, count);
    memory_free(parts);
    memory_free(ends);
    encoder_clear(&to);
    return made;
}

static void accumulators_decode(
    struct accumulator *accumulators, const struct tier_layout *tier, struct decoder *from, struct arena *arena)
{
    for (size_t i = 0; i < tier->aggregate_count; i++)
        accumulator_decode(&accumulators[i], tier->aggregates[i].kind, from, arena);
}

/* No zone is a day away from UTC, and tiles smaller than a day lie within one of UTC's. */
static bool days_plausible(const struct tile *tile, const struct tier_layout *tier_layout, enum tier tier)
{
    int64_t first = tile->index, last = tile->index;
    if (tier != TIER_DAYS) {
        int64_t day = floor_divide(tile->index * layout_hop_us(tier), MICROSECONDS_PER_DAY);
        first = day - 1;
        last = day + 1;
    }
    for (size_t i = 0; i < tier_layout->aggregate_count; i++) {
        const struct accumulator *accumulator = &tile->accumulators[i];
        if (tier_layout->aggregates[i].kind == ACCUMULATE_DAYS && accumulator->count > 0 &&
            (accumulator->days.days[0].day < first || accumulator->days.days[accumulator->count - 1].day > last))
            return false;
    }
    return true;
}

/* Appends the tiles; they must come after those that are there. */
static void tiles_decode(struct tile_list *list, const struct tier_layout *tier_layout, enum tier tier,
    struct decoder *from, struct arena *arena)
{
    uint64_t count = decode_varint(from);
    if (count > decoder_left(from) / (1 + tier_layout->aggregate_count)) { /* each number takes a byte at least */
        from->bad = true;
        return;
    }
    struct accumulator *accumulators = arena_array(arena, count * tier_layout->aggregate_count, sizeof *accumulators);
    if (list->capacity - list->count < count) {
        size_t capacity = list->count + count + 1 + list->count / 2;
        struct tile *tiles = arena_array(arena, capacity, sizeof *tiles);
        if (list->count)
            memcpy(tiles, list->tiles, list->count * sizeof *tiles);
        list->tiles = tiles;
        list->capacity = capacity;
    }
    int64_t index = 0;
    for (uint64_t i = 0; i < count && !from->bad; i++) {
        if (i == 0) {
            index = decode_signed(from);
            from->bad = from->bad || (list->count > 0 && index <= list->tiles[list->count - 1].index);
        } else {
            uint64_t step = decode_varint(from);
            from->bad = from->bad || step == 0 || step > INT32_MAX;
            index += from->bad ? 0 : (int64_t)step;
        }
        from->bad = from->bad || index < INT32_MIN || index > INT32_MAX;
        list->tiles[list->count++] = (struct tile){index, accumulators};
        accumulators_decode(accumulators, tier_layout, from, arena);
        from->bad = from->bad || !days_plausible(&list->tiles[list->count - 1], tier_layout, tier);
        accumulators += tier_layout->aggregate_count;
    }
}

static void pending_decode(struct profile *profile, struct decoder *from)
{
    uint64_t count = decode_varint(from);
    if (count > decoder_left(from)) {
        from->bad = true;
        return;
    }
    profile->pending = arena_array(profile->arena, count + 4, sizeof *profile->pending);
    profile->pending_capacity = count + 4;
    for (uint64_t i = 0; i < count && !from->bad; i++) {
        struct event *event = &profile->pending[profile->pending_count++];
        event->time_us = decode_signed(from);
        const uint8_t *hash = decode_raw(from, EVENT_HASH_BYTES);
        if (hash)
            memcpy(event->hash, hash, EVENT_HASH_BYTES);
        event->node = decode_varint(from);
        event->known_at_us = decode_signed(from);
        uint64_t type = decode_varint(from);
        uint64_t version = decode_varint(from);
        event->type = (uint16_t)type;
        event->version = (uint32_t)version;
        event->attributes = decode_bytes(from);
        from->bad = from->bad || type >= profile->layout->type_count || version > UINT32_MAX ||
            event->time_us <= profile->position_us || event->time_us >= EVENT_TIME_MAX_US ||
            (i > 0 && !event_before(event - 1, event)) || !event_attributes_whole(event->attributes);
    }
}

static enum patron_code head_decode(struct profile *profile, struct bytes value, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    uint64_t generation = decode_varint(&from);
    if (format == PROFILE_FORMAT && !from.bad && generation != profile->layout->generation)
        return error_set(error, PATRON_PRECONDITION, "a profile is of generation %llu, not %u",
            (unsigned long long)generation, profile->layout->generation);
    profile->position_us = decode_signed(&from);
    profile->event_count = decode_varint(&from);
    if (profile->event_count > 0) {
        profile->newest_event_time_us = decode_signed(&from);
        profile->newest_known_at_us = decode_signed(&from);
    }
    for (size_t i = 0; i < profile->layout->type_count; i++) {
        const struct tier_layout *tiers = profile->layout->types[i].tiers;
        struct profile_type *type = &profile->types[i];
        accumulators_decode(type->lifetime, &tiers[TIER_LIFETIME], &from, profile->arena);
        for (enum tier tier = TIER_MINUTES; tier <= TIER_HOURS; tier++)
            if (tiers[tier].aggregate_count > 0)
                tiles_decode(&type->tiers[tier], &tiers[tier], tier, &from, profile->arena);
    }
    pending_decode(profile, &from);
    if (format != PROFILE_FORMAT || !decoder_done(&from))
        return error_set(error, PATRON_CORRUPT, "a profile's head is damaged");
    return PATRON_OK;
}

static enum patron_code chunk_decode(struct profile *profile, const struct profile_part *part, struct error *error)
{
    uint64_t type = (part->number >> 32) - (UINT64_C(1) << 16);
    struct decoder from = decoder_of(part->value);
    if (type < profile->layout->type_count && decode_u8(&from) == PROFILE_FORMAT) {
        const struct tier_layout *tier = &profile->layout->types[type].tiers[TIER_DAYS];
        struct tile_list *days = &profile->types[type].tiers[TIER_DAYS];
        size_t first = days->count;
        if (tier->aggregate_count > 0) {
            tiles_decode(days, tier, TIER_DAYS, &from, profile->arena);
            if (decoder_done(&from) && days->count > first &&
                chunk_number(type, days->tiles[first].index) == part->number &&
                chunk_number(type, days->tiles[days->count - 1].index) == part->number)
                return PATRON_OK;
        }
    }
    return error_set(error, PATRON_CORRUPT, "a profile's chunk of days is damaged");
}

enum patron_code profile_decode(struct profile *profile, const struct layout *layout, const struct profile_parts *parts,
    struct arena *arena, struct error *error)
{
    profile_init(profile, layout, arena);
    if (parts->count == 0 || parts->part[0].number != 0)
        return error_set(error, PATRON_CORRUPT, "a profile has no head");
    TRY(head_decode(profile, parts->part[0].value, error));
    for (size_t i = 1; i < parts->count; i++) {
        if (parts->part[i].number <= parts->part[i - 1].number)
            return error_set(error, PATRON_CORRUPT, "a profile's parts are out of order");
        TRY(chunk_decode(profile, &parts->part[i], error));
    }
    return PATRON_OK;
}
