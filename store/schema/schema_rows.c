/* meta: key "schema/stream/" | stream u32 BE
 *       value  format u8 = 1 | source | event type | first known_at signed | last known_at signed | newest day signed |
 *              n varint | n attributes: name | undeclared u8 0 or 1 | first known_at signed | last known_at signed
 *       key "schema/day/" | stream u32 BE | day u32 BE, biased by 2^31
 *       value  format u8 = 1 | events varint | refused varint | duplicates varint | attributes to the end:
 *              name | present varint | failed varint | refused, dropped and kept while unknown varints | kinds u8 |
 *              has u8: 1 numbers, 2 texts | if 1: least, greatest: 8 bytes each, little-endian | if 2: least, greatest
 *              length varints | words
 * Names, source, type and words are a varint length and bytes. Streams are numbered from 0 as they come. */
#include "store/schema/schema_rows.h"

#include <math.h>

enum { ROW_FORMAT = 1, HAS_NUMBERS = 1, HAS_TEXTS = 2 };

static const char stream_prefix[] = "schema/stream/", day_prefix[] = "schema/day/";
enum { STREAM_PREFIX_BYTES = sizeof stream_prefix - 1, DAY_PREFIX_BYTES = sizeof day_prefix - 1 };
_Static_assert(SCHEMA_STREAM_KEY_BYTES == STREAM_PREFIX_BYTES + 4, "prefix and number");
_Static_assert(SCHEMA_DAY_KEY_BYTES == DAY_PREFIX_BYTES + 8, "prefix, number and day");

struct bytes schema_stream_prefix(void)
{
    return bytes_of(stream_prefix, STREAM_PREFIX_BYTES);
}

void schema_stream_key(uint32_t stream, uint8_t key[SCHEMA_STREAM_KEY_BYTES])
{
    memcpy(key, stream_prefix, STREAM_PREFIX_BYTES);
    encode_be32(key + STREAM_PREFIX_BYTES, stream);
}

bool schema_stream_key_decode(struct bytes key, uint32_t *stream)
{
    if (key.length != SCHEMA_STREAM_KEY_BYTES)
        return false;
    *stream = decode_be32(key.data + STREAM_PREFIX_BYTES);
    return true;
}

void schema_day_key(uint32_t stream, int64_t day, uint8_t key[SCHEMA_DAY_KEY_BYTES])
{
    memcpy(key, day_prefix, DAY_PREFIX_BYTES);
    encode_be32(key + DAY_PREFIX_BYTES, stream);
    encode_be32(key + DAY_PREFIX_BYTES + 4, (uint32_t)(day + (INT64_C(1) << 31)));
}

bool schema_day_key_decode(struct bytes key, uint32_t *stream, int64_t *day)
{
    if (key.length != SCHEMA_DAY_KEY_BYTES)
        return false;
    *stream = decode_be32(key.data + DAY_PREFIX_BYTES);
    *day = (int64_t)decode_be32(key.data + DAY_PREFIX_BYTES + 4) - (INT64_C(1) << 31);
    return true;
}

void schema_stream_encode(const struct schema_stream_row *row, struct encoder *to)
{
    encode_u8(to, ROW_FORMAT);
    encode_bytes(to, row->source);
    encode_bytes(to, row->event);
    encode_signed(to, row->first_us);
    encode_signed(to, row->last_us);
    encode_signed(to, row->day);
    encode_varint(to, row->attribute_count);
}

void schema_attribute_encode(const struct schema_attribute_row *row, struct encoder *to)
{
    encode_bytes(to, row->name);
    encode_u8(to, row->undeclared);
    encode_signed(to, row->first_us);
    encode_signed(to, row->last_us);
}

static bool day_is_possible(int64_t day)
{
    return day >= -INT32_MAX && day <= INT32_MAX;
}

bool schema_stream_decode(struct decoder *from, struct schema_stream_row *row)
{
    uint8_t format = decode_u8(from);
    row->source = decode_bytes(from);
    row->event = decode_bytes(from);
    row->first_us = decode_signed(from);
    row->last_us = decode_signed(from);
    row->day = decode_signed(from);
    row->attribute_count = decode_varint(from);
    from->bad = from->bad || format != ROW_FORMAT || row->source.length > SOURCE_BYTES_MAX ||
        row->event.length > NAME_BYTES_MAX || !day_is_possible(row->day) ||
        row->attribute_count > SCHEMA_ATTRIBUTES_MAX + 1;
    return !from->bad;
}

bool schema_attribute_decode(struct decoder *from, struct schema_attribute_row *row)
{
    row->name = decode_bytes(from);
    uint8_t undeclared = decode_u8(from);
    row->undeclared = undeclared != 0;
    row->first_us = decode_signed(from);
    row->last_us = decode_signed(from);
    from->bad = from->bad || undeclared > 1 || row->name.length > NAME_BYTES_MAX;
    return !from->bad;
}

void schema_day_encode(const struct schema_totals *totals, struct encoder *to)
{
    encode_u8(to, ROW_FORMAT);
    encode_varint(to, totals->events);
    encode_varint(to, totals->refused);
    encode_varint(to, totals->duplicates);
}

void schema_counts_encode(struct bytes name, const struct schema_counts *counts, struct encoder *to)
{
    encode_bytes(to, name);
    encode_varint(to, counts->present);
    encode_varint(to, counts->failed);
    for (size_t i = 0; i < 3; i++)
        encode_varint(to, counts->unknown[i]);
    encode_u8(to, counts->kinds);
    encode_u8(to, (uint8_t)((counts->has_numbers ? HAS_NUMBERS : 0) | (counts->has_texts ? HAS_TEXTS : 0)));
    if (counts->has_numbers) {
        encode_real(to, counts->low);
        encode_real(to, counts->high);
    }
    if (counts->has_texts) {
        encode_varint(to, counts->text_low);
        encode_varint(to, counts->text_high);
    }
    encode_bytes(to, counts->words);
}

bool schema_day_decode(struct decoder *from, struct schema_totals *totals)
{
    uint8_t format = decode_u8(from);
    totals->events = decode_varint(from);
    totals->refused = decode_varint(from);
    totals->duplicates = decode_varint(from);
    from->bad = from->bad || format != ROW_FORMAT;
    return !from->bad;
}

bool schema_counts_decode(struct decoder *from, struct bytes *name, struct schema_counts *counts)
{
    *counts = (struct schema_counts){0};
    *name = decode_bytes(from);
    counts->present = decode_varint(from);
    counts->failed = decode_varint(from);
    for (size_t i = 0; i < 3; i++)
        counts->unknown[i] = decode_varint(from);
    counts->kinds = decode_u8(from);
    uint8_t has = decode_u8(from);
    counts->has_numbers = has & HAS_NUMBERS;
    counts->has_texts = has & HAS_TEXTS;
    if (counts->has_numbers) {
        counts->low = decode_real(from);
        counts->high = decode_real(from);
        from->bad = from->bad || !isfinite(counts->low) || !isfinite(counts->high);
    }
    if (counts->has_texts) {
        uint64_t low = decode_varint(from), high = decode_varint(from);
        counts->text_low = (uint32_t)low;
        counts->text_high = (uint32_t)high;
        from->bad = from->bad || low > UINT32_MAX || high > UINT32_MAX;
    }
    counts->words = decode_bytes(from);
    from->bad = from->bad || has > (HAS_NUMBERS | HAS_TEXTS) || name->length > NAME_BYTES_MAX ||
        counts->words.length > SCHEMA_WORDS_BYTES_MAX;
    return !from->bad;
}
