/* A record's bytes: format u8 = 1 | version of the normalisation u8 | number of columns varint | each column's kind u8
 * | each value (varint length, bytes; empty: not known) */
#include "store/matching/normal.h"

enum { RECORD_FORMAT = 1 };

/* The first column of a kind; -1: there is none. */
static int column_of(const struct match_plan *plan, enum match_kind kind)
{
    for (size_t i = 0; i < plan->rules->column_count; i++)
        if (plan->rules->columns[i].kind == kind)
            return (int)i;
    return -1;
}

/* Where the columns have both a full name and its parts, but a record only one of them, the other follows from it, so
 * that records of different sources can be compared. */
static void names_complete(const struct match_plan *plan, struct bytes *values, struct arena *arena)
{
    int full = column_of(plan, MATCH_FULL_NAME);
    int given = column_of(plan, MATCH_GIVEN_NAME), surname = column_of(plan, MATCH_SURNAME);
    struct bytes words[MATCH_WORDS_MAX];
    if (full < 0 || given < 0 || surname < 0)
        return;
    if (values[full].length > 0 && values[given].length == 0 && values[surname].length == 0) {
        size_t count = match_words(values[full], words);
        if (count > 1) {
            values[given] = words[0];
            values[surname] = words[count - 1];
        }
    } else if (values[full].length == 0 && values[given].length > 0 && values[surname].length > 0) {
        size_t length = values[given].length + 1 + values[surname].length;
        if (length > MATCH_VALUE_BYTES_MAX)
            return;
        uint8_t *joined = arena_alloc(arena, length);
        memcpy(joined, values[given].data, values[given].length);
        joined[values[given].length] = ' ';
        memcpy(joined + values[given].length + 1, values[surname].data, values[surname].length);
        values[full] = bytes_of(joined, length);
    }
}

void match_record_normalize(
    const struct match_plan *plan, const struct bytes *raw, struct arena *arena, struct match_record *record)
{
    struct bytes *values = arena_array(arena, plan->rules->column_count, sizeof *values);
    for (size_t i = 0; i < plan->rules->column_count; i++)
        values[i] = match_normal(plan->rules->columns[i].kind, raw[i], arena);
    names_complete(plan, values, arena);
    record->values = values;
}

bool match_record_has_values(const struct match_plan *plan, const struct match_record *record)
{
    for (size_t i = 0; i < plan->rules->column_count; i++)
        if (record->values[i].length > 0)
            return true;
    return false;
}

void match_record_encode(const struct match_plan *plan, const struct match_record *record, struct encoder *to)
{
    size_t count = plan->rules->column_count;
    encode_u8(to, RECORD_FORMAT);
    encode_u8(to, MATCH_NORMAL_VERSION);
    encode_varint(to, count);
    for (size_t i = 0; i < count; i++)
        encode_u8(to, (uint8_t)plan->rules->columns[i].kind);
    for (size_t i = 0; i < count; i++)
        encode_bytes(to, record->values[i]);
}

enum patron_code match_record_decode(const struct match_plan *plan, struct bytes bytes, struct arena *arena,
    struct match_record *record, struct error *error)
{
    struct decoder from = decoder_of(bytes);
    size_t count = plan->rules->column_count;
    uint8_t format = decode_u8(&from), version = decode_u8(&from);
    uint64_t stored = decode_varint(&from);
    bool same = version == MATCH_NORMAL_VERSION && stored == count;
    if (from.bad || format != RECORD_FORMAT || stored > MATCH_COLUMNS_MAX)
        return error_set(error, PATRON_CORRUPT, "a record to match has bytes that were never written so");
    for (size_t i = 0; i < stored; i++) {
        uint8_t kind = decode_u8(&from);
        same = same && kind == (uint8_t)plan->rules->columns[i].kind;
    }
    if (!same && !from.bad)
        return error_set(error, PATRON_PRECONDITION,
            "a record was normalised under other rules for matching; make it from its event again");
    struct bytes *values = arena_array(arena, count, sizeof *values);
    for (size_t i = 0; i < count && !from.bad; i++) {
        values[i] = decode_bytes(&from);
        if (!from.bad && (values[i].length > MATCH_VALUE_BYTES_MAX || !bytes_are_utf8(values[i])))
            from.bad = true;
    }
    if (!decoder_done(&from))
        return error_set(
            error, PATRON_CORRUPT, "a record to match ends too early, too late, or holds no text");
    record->values = values;
    return PATRON_OK;
}
