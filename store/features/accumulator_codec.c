/* The encoding of one accumulator:
 *   COUNT     count varint
 *   SUM       count varint | sum signed (128 bits), if count > 0
 *   MIN, MAX  has u8 0 or 1 | value signed (128 bits), if 1
 *   FIRST,    has u8 0 or 1 | if 1: time signed | hash 16 bytes | value
 *     LAST
 *   DISTINCT  count varint, 4,097 (DISTINCT_VALUES_MAX + 1) for more | up to 4,096: the hashes, u64 BE ascending; with
 *             more: the 16,384 registers of 6 bits, four in three bytes, the first in the lowest bits of the first
 *             byte; 0 to 51 each, and not all 0
 *   DAYS      count varint | (day: signed, then varint difference to the last | count varint | sum signed)*
 *   SQUARES   count varint | if count > 0: sum signed | sum of squares: LEB128 of 256 bits, the shortest form
 *   RATIO     count varint | if count > 0: matching varint, at most count
 *   TOP       count varint, 1,025 (TOP_TRACKED_MAX + 1) for more | up to 1,024, ascending by value:
 *             (value | count varint | sum signed)*; with more: nothing
 *   value     kind u8 (enum attribute_type; 0: the event itself) | text as varint length and bytes, others signed (128
 *             bits), 0 for the event itself
 * Times are those that events may have, days fit 32 bits; a count within a list is not 0.
 * MIN, MAX, FIRST and LAST count no further than one: how many took part would say nothing about the value. */
#include "store/base/check.h"
#include "store/features/distinct.h"
#include "store/features/top.h"

enum { REGISTERS_BYTES = DISTINCT_REGISTERS / 4 * 3 };

static void scalar_encode(const struct scalar *value, struct encoder *to)
{
    encode_u8(to, (uint8_t)value->type);
    if (value->type == ATTRIBUTE_TEXT)
        encode_bytes(to, value->text);
    else
        encode_signed128(to, value->number);
}

static void edge_encode(const struct accumulator *accumulator, struct encoder *to)
{
    encode_signed(to, accumulator->edge.time_us);
    encode_raw(to, accumulator->edge.hash, EVENT_HASH_BYTES);
    scalar_encode(&accumulator->edge.value, to);
}

static void registers_encode(const uint8_t *registers, struct encoder *to)
{
    uint8_t packed[REGISTERS_BYTES];
    for (size_t i = 0; i < DISTINCT_REGISTERS / 4; i++) {
        const uint8_t *four = registers + 4 * i;
        uint32_t bits = four[0] | (uint32_t)four[1] << 6 | (uint32_t)four[2] << 12 | (uint32_t)four[3] << 18;
        packed[3 * i] = (uint8_t)bits;
        packed[3 * i + 1] = (uint8_t)(bits >> 8);
        packed[3 * i + 2] = (uint8_t)(bits >> 16);
    }
    encode_raw(to, packed, sizeof packed);
}

static void set_encode(const struct accumulator *accumulator, struct encoder *to)
{
    encode_varint(to, accumulator->count);
    if (accumulator->count > DISTINCT_VALUES_MAX) {
        registers_encode(accumulator->set.registers, to);
        return;
    }
    for (size_t i = 0; i < accumulator->count; i++) {
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

static void wide_encode(struct wide number, struct encoder *to)
{
    do {
        uint8_t low = number.words[0] & 0x7f;
        for (int i = 0; i < 3; i++)
            number.words[i] = number.words[i] >> 7 | number.words[i + 1] << 57;
        number.words[3] >>= 7;
        encode_u8(to, wide_equal(number, (struct wide){{0}}) ? low : low | 0x80);
    } while (!wide_equal(number, (struct wide){{0}}));
}

static void top_encode(const struct accumulator *accumulator, struct encoder *to)
{
    encode_varint(to, accumulator->count);
    for (size_t i = 0; accumulator->count <= TOP_TRACKED_MAX && i < accumulator->count; i++) {
        const struct top_value *value = &accumulator->top.values[i];
        scalar_encode(&value->value, to);
        encode_varint(to, value->count);
        encode_signed128(to, value->sum);
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
    case ACCUMULATE_SQUARES:
        encode_varint(to, accumulator->count);
        if (has) {
            encode_signed128(to, accumulator->moments.sum);
            wide_encode(accumulator->moments.squares, to);
        }
        return;
    case ACCUMULATE_RATIO:
        encode_varint(to, accumulator->count);
        if (has)
            encode_varint(to, (uint64_t)accumulator->number);
        return;
    case ACCUMULATE_TOP:
        top_encode(accumulator, to);
        return;
    case ACCUMULATOR_KINDS:
        break;
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

static void scalar_decode(struct scalar *value, struct decoder *from)
{
    value->type = (enum attribute_type)decode_u8(from);
    if (value->type == ATTRIBUTE_TEXT)
        value->text = decode_bytes(from);
    else
        value->number = decode_signed128(from);
    from->bad = from->bad || !scalar_plausible(value);
}

static void edge_decode(struct accumulator *accumulator, struct decoder *from)
{
    accumulator->edge.time_us = decode_signed(from);
    const uint8_t *hash = decode_raw(from, EVENT_HASH_BYTES);
    if (hash)
        memcpy(accumulator->edge.hash, hash, EVENT_HASH_BYTES);
    scalar_decode(&accumulator->edge.value, from);
    from->bad = from->bad || accumulator->edge.time_us < EVENT_TIME_MIN_US ||
        accumulator->edge.time_us >= EVENT_TIME_MAX_US;
}

static void registers_decode(struct accumulator *accumulator, struct decoder *from, struct arena *arena)
{
    const uint8_t *packed = decode_raw(from, REGISTERS_BYTES);
    if (!packed)
        return;
    uint8_t *registers = arena_alloc(arena, DISTINCT_REGISTERS);
    bool any = false;
    for (size_t i = 0; i < DISTINCT_REGISTERS; i++) {
        const uint8_t *three = packed + i / 4 * 3;
        uint32_t bits = three[0] | (uint32_t)three[1] << 8 | (uint32_t)three[2] << 16;
        registers[i] = bits >> (6 * (i % 4)) & 0x3f;
        any = any || registers[i] > 0;
        from->bad = from->bad || registers[i] > DISTINCT_RANK_MAX;
    }
    from->bad = from->bad || !any;
    accumulator->set.registers = registers;
}

static void set_decode(struct accumulator *accumulator, struct decoder *from, struct arena *arena)
{
    accumulator->count = decode_varint(from);
    if (accumulator->count == 0)
        return;
    if (accumulator->count == DISTINCT_VALUES_MAX + 1) {
        registers_decode(accumulator, from, arena);
        return;
    }
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

static struct wide wide_decode(struct decoder *from)
{
    enum { BYTES_MAX = 37 }; /* 36 of them have 252 bits */
    struct wide number = {0};
    for (int i = 0; i < BYTES_MAX; i++) {
        uint8_t byte = decode_u8(from);
        int word = 7 * i / 64, shift = 7 * i % 64;
        uint64_t bits = byte & 0x7f;
        number.words[word] |= bits << shift;
        if (shift > 57 && word < 3)
            number.words[word + 1] |= bits >> (64 - shift);
        if (byte < 0x80) {
            from->bad = from->bad || (byte == 0 && i > 0) || (i == BYTES_MAX - 1 && byte > 0x0f);
            return number;
        }
    }
    from->bad = true;
    return number;
}

static void top_decode(struct accumulator *accumulator, struct decoder *from, struct arena *arena)
{
    accumulator->count = decode_varint(from);
    if (accumulator->count == 0 || accumulator->count == TOP_TRACKED_MAX + 1)
        return;
    if (accumulator->count > TOP_TRACKED_MAX || accumulator->count > decoder_left(from) / 4) { /* bytes of the least */
        from->bad = true;
        return;
    }
    struct top_value *values = arena_array(arena, accumulator->count, sizeof *values);
    for (size_t i = 0; i < accumulator->count && !from->bad; i++) {
        scalar_decode(&values[i].value, from);
        values[i].count = decode_varint(from);
        values[i].sum = decode_signed128(from);
        from->bad = from->bad || values[i].count == 0 ||
            (i > 0 && scalar_compare(&values[i - 1].value, &values[i].value) >= 0);
    }
    accumulator->top.values = values;
    accumulator->top.capacity = accumulator->count;
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
    case ACCUMULATE_SQUARES:
        accumulator->count = decode_varint(from);
        if (accumulator->count > 0) {
            accumulator->moments.sum = decode_signed128(from);
            accumulator->moments.squares = wide_decode(from);
        }
        break;
    case ACCUMULATE_RATIO:
        accumulator->count = decode_varint(from);
        if (accumulator->count > 0)
            accumulator->number = decode_varint(from);
        from->bad = from->bad || (uint128)accumulator->number > accumulator->count;
        break;
    case ACCUMULATE_TOP:
        top_decode(accumulator, from, arena);
        break;
    case ACCUMULATOR_KINDS:
        IMPOSSIBLE("an accumulator kind outside the list");
    }
    if (from->bad)
        *accumulator = (struct accumulator){0};
}
