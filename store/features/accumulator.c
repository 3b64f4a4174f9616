/* The encoding of one accumulator:
 *   COUNT     count varint
 *   SUM       count varint | sum signed (128 bits), if count > 0
 *   MIN, MAX  has u8 0 or 1 | value signed (128 bits), if 1
 *   FIRST,    has u8 0 or 1 | if 1: time signed | hash 16 bytes | kind u8 (0: the event itself) | value: text as
 *   LAST        varint length and bytes, others signed (128 bits)
 *   DISTINCT  count varint, DISTINCT_VALUES_MAX + 1 for "too many" | the values, u64 BE ascending, unless too many
 *   DAYS      count varint | (day: signed, then varint difference to the last | count varint | sum signed)*
 * Times are those that events may have, days fit 32 bits; a day's count is not 0.
 * MIN, MAX, FIRST and LAST count no further than one: how many took part would say nothing about the value. */
#include "store/features/accumulator.h"

#include <sodium.h>

static bool filters_pass(const struct aggregate *aggregate, const struct event *event)
{
    for (size_t i = 0; i < aggregate->filter_count; i++) {
        const struct filter *filter = &aggregate->filters[i];
        struct scalar value;
        if (!event_attribute_find(event, filter->attribute, &value))
            return false;
        bool equal = value.type == ATTRIBUTE_TEXT ? bytes_equal(value.text, filter->values->text)
                                                  : value.number == filter->values->number;
        if (!equal)
            return false;
    }
    return true;
}

/* A value of a set is known by 64 bits of SipHash-2-4 under a fixed key: 4,096 values collide with chance 5e-13. */
static uint64_t value_hash(const struct scalar *value)
{
    static const uint8_t fixed_key[crypto_shorthash_KEYBYTES] = "patron distinct";
    uint8_t hash[crypto_shorthash_BYTES];
    uint8_t number[16];
    struct bytes bytes = value->text;
    if (value->type != ATTRIBUTE_TEXT) {
        encode_be64(number, (uint64_t)((uint128)value->number >> 64));
        encode_be64(number + 8, (uint64_t)value->number);
        bytes = bytes_of(number, sizeof number);
    }
    crypto_shorthash(hash, bytes.data ? bytes.data : hash, bytes.length, fixed_key);
    return decode_be64(hash);
}

static int edge_compare(const struct accumulator *a, const struct accumulator *b)
{
    if (a->edge.time_us != b->edge.time_us)
        return a->edge.time_us < b->edge.time_us ? -1 : 1;
    return memcmp(a->edge.hash, b->edge.hash, EVENT_HASH_BYTES);
}

static bool edge_would_replace(
    const struct accumulator *into, const struct accumulator *one, enum accumulator_kind kind)
{
    if (into->count == 0)
        return true;
    int order = edge_compare(one, into);
    return kind == ACCUMULATE_FIRST ? order < 0 : order > 0;
}

static void set_merge(struct accumulator *into, const struct accumulator *from, struct arena *arena)
{
    if (!into->set.values || !from->set.values) {
        *into = (struct accumulator){.count = DISTINCT_VALUES_MAX + 1};
        return;
    }
    uint64_t *values = arena_array(arena, into->count + from->count, sizeof *values);
    size_t count = 0, i = 0, j = 0;
    while (i < into->count || j < from->count) {
        uint64_t a = i < into->count ? into->set.values[i] : UINT64_MAX;
        uint64_t b = j < from->count ? from->set.values[j] : UINT64_MAX;
        bool take_a = j == from->count || (i < into->count && a <= b);
        bool take_b = i == into->count || (j < from->count && b <= a);
        values[count++] = take_a ? a : b;
        i += take_a;
        j += take_b;
    }
    into->set.values = values;
    into->set.capacity = into->count + from->count;
    into->count = count;
    if (count > DISTINCT_VALUES_MAX)
        *into = (struct accumulator){.count = DISTINCT_VALUES_MAX + 1};
}

static void days_merge(struct accumulator *into, const struct accumulator *from, struct arena *arena)
{
    struct day_sum *days = arena_array(arena, into->count + from->count, sizeof *days);
    size_t count = 0, i = 0, j = 0;
    while (i < into->count || j < from->count) {
        const struct day_sum *a = i < into->count ? &into->days.days[i] : NULL;
        const struct day_sum *b = j < from->count ? &from->days.days[j] : NULL;
        if (a && b && a->day == b->day) {
            days[count++] = (struct day_sum){a->day, a->count + b->count, exact_add(a->sum, b->sum)};
            i++;
            j++;
        } else if (!b || (a && a->day < b->day)) {
            days[count++] = *a;
            i++;
        } else {
            days[count++] = *b;
            j++;
        }
    }
    into->count = count;
    into->days.days = days;
}

void accumulator_merge(
    struct accumulator *into, const struct accumulator *from, enum accumulator_kind kind, struct arena *arena)
{
    if (from->count == 0)
        return;
    if (into->count == 0) {
        *into = *from;
        return;
    }
    switch (kind) {
    case ACCUMULATE_COUNT:
        into->count += from->count;
        return;
    case ACCUMULATE_SUM:
        into->count += from->count;
        into->number = exact_add(into->number, from->number);
        return;
    case ACCUMULATE_MIN:
        if (from->number < into->number)
            into->number = from->number;
        return;
    case ACCUMULATE_MAX:
        if (from->number > into->number)
            into->number = from->number;
        return;
    case ACCUMULATE_FIRST:
    case ACCUMULATE_LAST:
        if (edge_would_replace(into, from, kind))
            *into = *from;
        return;
    case ACCUMULATE_DISTINCT:
        set_merge(into, from, arena);
        return;
    case ACCUMULATE_DAYS:
        days_merge(into, from, arena);
        return;
    }
    IMPOSSIBLE("an accumulator kind outside the list");
}

/* Sets grow in place, by doubling: adding one value at a time must not copy the set each time. */
static void set_add(struct accumulator *accumulator, uint64_t value, struct arena *arena)
{
    if (accumulator->count > DISTINCT_VALUES_MAX)
        return;
    size_t low = 0, high = accumulator->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (accumulator->set.values[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < accumulator->count && accumulator->set.values[low] == value)
        return;
    if (accumulator->count == DISTINCT_VALUES_MAX) {
        *accumulator = (struct accumulator){.count = DISTINCT_VALUES_MAX + 1};
        return;
    }
    if (accumulator->count == accumulator->set.capacity) {
        size_t capacity = accumulator->set.capacity ? 2 * accumulator->set.capacity : 2;
        uint64_t *values = arena_array(arena, capacity, sizeof *values);
        if (accumulator->count)
            memcpy(values, accumulator->set.values, accumulator->count * sizeof *values);
        accumulator->set.values = values;
        accumulator->set.capacity = capacity;
    }
    uint64_t *at = accumulator->set.values + low;
    memmove(at + 1, at, (accumulator->count - low) * sizeof *at);
    *at = value;
    accumulator->count++;
}

/* A tile's events are of one day or two, so the day is nearly always there. */
static void days_add(struct accumulator *accumulator, int64_t day, int128 number, struct arena *arena)
{
    for (size_t i = accumulator->count; i > 0; i--) {
        struct day_sum *there = &accumulator->days.days[i - 1];
        if (there->day == day) {
            there->count++;
            there->sum = exact_add(there->sum, number);
            return;
        }
    }
    struct day_sum *made = arena_alloc(arena, sizeof *made);
    *made = (struct day_sum){day, 1, number};
    struct accumulator one = {.count = 1, .days.days = made};
    accumulator_merge(accumulator, &one, ACCUMULATE_DAYS, arena);
}

/* Other values are added as a state of one event is merged: there is one way to combine. */
void accumulator_add(struct accumulator *accumulator, const struct aggregate *aggregate, const struct event *event,
    int64_t day, struct arena *arena)
{
    struct scalar value = {0};
    if (!filters_pass(aggregate, event))
        return;
    if (aggregate->attribute >= 0 && !event_attribute_find(event, (uint16_t)aggregate->attribute, &value))
        return;
    struct accumulator one = {.count = 1};
    switch (aggregate->kind) {
    case ACCUMULATE_COUNT:
        break;
    case ACCUMULATE_SUM:
    case ACCUMULATE_MIN:
    case ACCUMULATE_MAX:
        one.number = value.number;
        break;
    case ACCUMULATE_FIRST:
    case ACCUMULATE_LAST:
        one.edge.time_us = event->time_us;
        memcpy(one.edge.hash, event->hash, EVENT_HASH_BYTES);
        one.edge.value = value;
        one.edge.value.text = edge_would_replace(accumulator, &one, aggregate->kind) ? arena_copy(arena, value.text)
                                                                                     : value.text;
        break;
    case ACCUMULATE_DISTINCT:
        set_add(accumulator, value_hash(&value), arena);
        return;
    case ACCUMULATE_DAYS:
        days_add(accumulator, day, value.number, arena);
        return;
    }
    accumulator_merge(accumulator, &one, aggregate->kind, arena);
}

static void edge_encode(const struct accumulator *accumulator, struct encoder *to)
{
    const struct scalar *value = &accumulator->edge.value;
    encode_signed(to, accumulator->edge.time_us);
    encode_raw(to, accumulator->edge.hash, EVENT_HASH_BYTES);
    encode_u8(to, (uint8_t)value->type);
    if (value->type == ATTRIBUTE_TEXT)
        encode_bytes(to, value->text);
    else
        encode_signed128(to, value->number);
}

static void set_encode(const struct accumulator *accumulator, struct encoder *to)
{
    encode_varint(to, accumulator->count);
    for (size_t i = 0; accumulator->set.values && i < accumulator->count; i++) {
        uint8_t value[8];
        encode_be64(value, accumulator->set.values[i]);
        encode_raw(to, value, sizeof value);
    }
}

static void days_encode(const struct accumulator *accumulator, struct encoder *to)
{
    encode_varint(to, accumulator->count);
    for (size_t i = 0; i < accumulator->count; i++) {
        const struct day_sum *day = &accumulator->days.days[i];
        if (i == 0)
            encode_signed(to, day->day);
        else
            encode_varint(to, (uint64_t)(day->day - day[-1].day));
        encode_varint(to, day->count);
        encode_signed128(to, day->sum);
    }
}

void accumulator_encode(const struct accumulator *accumulator, enum accumulator_kind kind, struct encoder *to)
{
    bool has = accumulator->count > 0;
    switch (kind) {
    case ACCUMULATE_COUNT:
        encode_varint(to, accumulator->count);
        return;
    case ACCUMULATE_SUM:
        encode_varint(to, accumulator->count);
        if (has)
            encode_signed128(to, accumulator->number);
        return;
    case ACCUMULATE_MIN:
    case ACCUMULATE_MAX:
        encode_u8(to, has);
        if (has)
            encode_signed128(to, accumulator->number);
        return;
    case ACCUMULATE_FIRST:
    case ACCUMULATE_LAST:
        encode_u8(to, has);
        if (has)
            edge_encode(accumulator, to);
        return;
    case ACCUMULATE_DISTINCT:
        set_encode(accumulator, to);
        return;
    case ACCUMULATE_DAYS:
        days_encode(accumulator, to);
        return;
    }
    IMPOSSIBLE("an accumulator kind outside the list");
}

/* Is it a value that an event can have, or no value? */
static bool scalar_plausible(const struct scalar *value)
{
    switch ((int)value->type) {
    case 0:
        return value->number == 0;
    case ATTRIBUTE_MONEY:
    case ATTRIBUTE_INTEGER:
        return value->number >= INT64_MIN && value->number <= INT64_MAX;
    case ATTRIBUTE_BOOL:
        return value->number == 0 || value->number == 1;
    case ATTRIBUTE_NUMBER:
        return true;
    case ATTRIBUTE_TEXT:
        return value->text.length <= TEXT_ATTRIBUTE_BYTES_MAX;
    }
    return false;
}

static void edge_decode(struct accumulator *accumulator, struct decoder *from)
{
    accumulator->edge.time_us = decode_signed(from);
    const uint8_t *hash = decode_raw(from, EVENT_HASH_BYTES);
    if (hash)
        memcpy(accumulator->edge.hash, hash, EVENT_HASH_BYTES);
    uint8_t type = decode_u8(from);
    accumulator->edge.value.type = (enum attribute_type)type;
    if (type == ATTRIBUTE_TEXT)
        accumulator->edge.value.text = decode_bytes(from);
    else
        accumulator->edge.value.number = decode_signed128(from);
    from->bad = from->bad || !scalar_plausible(&accumulator->edge.value) ||
        accumulator->edge.time_us < EVENT_TIME_MIN_US || accumulator->edge.time_us >= EVENT_TIME_MAX_US;
}

static void set_decode(struct accumulator *accumulator, struct decoder *from, struct arena *arena)
{
    accumulator->count = decode_varint(from);
    if (accumulator->count == DISTINCT_VALUES_MAX + 1 || accumulator->count == 0)
        return;
    const uint8_t *data =
        accumulator->count <= DISTINCT_VALUES_MAX ? decode_raw(from, 8 * accumulator->count) : NULL;
    if (!data) {
        from->bad = true;
        return;
    }
    accumulator->set.values = arena_array(arena, accumulator->count, sizeof *accumulator->set.values);
    accumulator->set.capacity = accumulator->count;
    for (size_t i = 0; i < accumulator->count; i++) {
        accumulator->set.values[i] = decode_be64(data + 8 * i);
        from->bad = from->bad || (i > 0 && accumulator->set.values[i] <= accumulator->set.values[i - 1]);
    }
}

static void days_decode(struct accumulator *accumulator, struct decoder *from, struct arena *arena)
{
    accumulator->count = decode_varint(from);
    if (accumulator->count > decoder_left(from) / 3) { /* each day takes three bytes or more */
        from->bad = true;
        return;
    }
    struct day_sum *days = arena_array(arena, accumulator->count, sizeof *days);
    for (size_t i = 0; i < accumulator->count; i++) {
        if (i == 0) {
            days[i].day = decode_signed(from);
        } else {
            uint64_t step = decode_varint(from);
            from->bad = from->bad || step == 0 || step > INT32_MAX;
            days[i].day = from->bad ? 0 : days[i - 1].day + (int64_t)step;
        }
        from->bad = from->bad || days[i].day < INT32_MIN || days[i].day > INT32_MAX;
        days[i].count = decode_varint(from);
        from->bad = from->bad || days[i].count == 0;
        days[i].sum = decode_signed128(from);
    }
    accumulator->days.days = days;
}

void accumulator_decode(
    struct accumulator *accumulator, enum accumulator_kind kind, struct decoder *from, struct arena *arena)
{
    *accumulator = (struct accumulator){0};
    switch (kind) {
    case ACCUMULATE_COUNT:
        accumulator->count = decode_varint(from);
        break;
    case ACCUMULATE_SUM:
        accumulator->count = decode_varint(from);
        if (accumulator->count > 0)
            accumulator->number = decode_signed128(from);
        break;
    case ACCUMULATE_MIN:
    case ACCUMULATE_MAX:
        accumulator->count = decode_u8(from);
        from->bad = from->bad || accumulator->count > 1;
        if (accumulator->count > 0)
            accumulator->number = decode_signed128(from);
        break;
    case ACCUMULATE_FIRST:
    case ACCUMULATE_LAST:
        accumulator->count = decode_u8(from);
        from->bad = from->bad || accumulator->count > 1;
        if (accumulator->count > 0)
            edge_decode(accumulator, from);
        break;
    case ACCUMULATE_DISTINCT:
        set_decode(accumulator, from, arena);
        break;
    case ACCUMULATE_DAYS:
        days_decode(accumulator, from, arena);
        break;
    }
    if (from->bad)
        *accumulator = (struct accumulator){0};
}
