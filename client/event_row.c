/* The id of a row that has none of its own.
 *
 * It depends on what the row says, not on how it is quoted, spaced or where its line ends, so that importing a file
 * again, split, or grown at its end, gives every old row its old id. All integers are little-endian; a text is u32 its
 * length, then its bytes.
 *
 *   row hash of a delimited row = BLAKE2b, 16 bytes of output, no key, over
 *       u32   0, where a JSON row has the length of its type, which is never empty
 *       text  source
 *       u32   number of fields, then each as text: all of the row, in their order, unquoted and trimmed
 *   row hash of a JSON row = BLAKE2b, 16 bytes of output, no key, over
 *       text  event type
 *       text  source
 *       i64   event time, microseconds
 *       u32   number of identifiers, then for each, sorted by type (those of one type in their order):
 *             text type, text value
 *       u32   number of attributes, then for each, sorted by name: text name, text value as written
 *   id       = 32 hexadecimal digits of BLAKE2b, 16 bytes, no key, over
 *       16    row hash
 *       u64   ordinal: how many equal rows (by their hash) precede this one in the import
 *
 * Which columns are mapped, and to what, plays no part: a row imported again under another mapping keeps its id, and
 * the server refuses it as a conflict with what it has, where another id would count it twice. (Another event type is
 * another event to the server all the same.) The attribute texts of JSON are strings, numbers (their digits as
 * written) and `true`/`false`. */
#include "client/event_row.h"

#include <sodium.h>
#include <stdlib.h>

#include "store/base/encode.h"
#include "store/base/time_text.h"

static void hash_u32(crypto_generichash_state *state, size_t value)
{
    CHECK(value <= UINT32_MAX);
    uint8_t bytes[4];
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    crypto_generichash_update(state, bytes, sizeof bytes);
}

static void hash_u64(crypto_generichash_state *state, uint64_t value)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    crypto_generichash_update(state, bytes, sizeof bytes);
}

static void hash_text(crypto_generichash_state *state, struct bytes text)
{
    hash_u32(state, text.length);
    crypto_generichash_update(state, text.data, text.length);
}

/* Arguments share an array, so their addresses keep those of one type in order. */
static int identifier_order(const void *a, const void *b)
{
    const struct row_identifier *const *left = a, *const *right = b;
    int order = bytes_compare((*left)->type, (*right)->type);
    return order != 0 ? order : *left < *right ? -1 : *left > *right;
}

static int attribute_order(const void *a, const void *b)
{
    const struct row_attribute *const *left = a, *const *right = b;
    return bytes_compare((*left)->name, (*right)->name);
}

static void fields_hash(crypto_generichash_state *state, const struct event_row *row, struct bytes source)
{
    hash_u32(state, 0);
    hash_text(state, source);
    hash_u32(state, row->field_count);
    for (size_t i = 0; i < row->field_count; i++)
        hash_text(state, row->fields[i]);
}

static void event_hash(
    crypto_generichash_state *state, const struct event_row *row, struct bytes source, struct arena *scratch)
{
    hash_text(state, row->type);
    hash_text(state, source);
    hash_u64(state, (uint64_t)row->time_us);

    const struct row_identifier **identifiers =
        arena_array(scratch, row->identifier_count, sizeof(struct row_identifier *));
    for (size_t i = 0; i < row->identifier_count; i++)
        identifiers[i] = &row->identifiers[i];
    qsort(identifiers, row->identifier_count, sizeof *identifiers, identifier_order);
    hash_u32(state, row->identifier_count);
    for (size_t i = 0; i < row->identifier_count; i++) {
        hash_text(state, identifiers[i]->type);
        hash_text(state, identifiers[i]->value);
    }

    const struct row_attribute **attributes =
        arena_array(scratch, row->attribute_count, sizeof(struct row_attribute *));
    for (size_t i = 0; i < row->attribute_count; i++)
        attributes[i] = &row->attributes[i];
    qsort(attributes, row->attribute_count, sizeof *attributes, attribute_order);
    hash_u32(state, row->attribute_count);
    for (size_t i = 0; i < row->attribute_count; i++) {
        hash_text(state, attributes[i]->name);
        hash_text(state, attributes[i]->text);
    }
}

void event_row_hash(
    const struct event_row *row, struct bytes source, struct arena *scratch, uint8_t hash[ROW_HASH_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, ROW_HASH_BYTES);
    if (row->fields)
        fields_hash(&state, row, source);
    else
        event_hash(&state, row, source, scratch);
    crypto_generichash_final(&state, hash, ROW_HASH_BYTES);
}

void event_row_id(const uint8_t hash[ROW_HASH_BYTES], uint64_t ordinal, char id[ROW_ID_TEXT_MAX])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, ROW_HASH_BYTES);
    crypto_generichash_update(&state, hash, ROW_HASH_BYTES);
    hash_u64(&state, ordinal);
    uint8_t digest[ROW_HASH_BYTES];
    crypto_generichash_final(&state, digest, sizeof digest);
    sodium_bin2hex(id, ROW_ID_TEXT_MAX, digest, sizeof digest);
}

enum patron_code row_text_check(struct bytes text, const char *what, struct error *error)
{
    if (text.length > 0 && memchr(text.data, '\0', text.length))
        return error_set(error, PATRON_INVALID, "%s contains a NUL byte", what);
    if (!bytes_are_utf8(text))
        return error_set(error, PATRON_INVALID, "%s is not UTF-8", what);
    return PATRON_OK;
}

enum patron_code event_row_check(const struct event_row *row, struct error *error)
{
    if (row->type.length == 0)
        return error_set(error, PATRON_INVALID, "the event type is empty");
    if (row->id.length > EVENT_ID_BYTES_MAX)
        return error_set(error, PATRON_INVALID, "the event id has %zu bytes; at most %d are allowed",
            row->id.length, EVENT_ID_BYTES_MAX);
    if (row->time_us < EVENT_TIME_MIN_US || row->time_us >= EVENT_TIME_MAX_US) {
        char text[TIME_TEXT_MAX];
        time_to_text(row->time_us, text);
        return error_set(error, PATRON_OUT_OF_RANGE,
            "the time %s lies outside 1900 to 2200; is it in another unit than --time-format says?", text);
    }
    return PATRON_OK;
}

static size_t digits_skip(struct bytes text, size_t at)
{
    while (at < text.length && text.data[at] >= '0' && text.data[at] <= '9')
        at++;
    return at;
}

bool text_is_number(struct bytes text)
{
    size_t at = text.length > 0 && (text.data[0] == '+' || text.data[0] == '-');
    size_t begin = at;
    at = digits_skip(text, at);
    if (at == begin)
        return false;
    if (at < text.length && text.data[at] == '.') {
        begin = ++at;
        at = digits_skip(text, at);
        if (at == begin)
            return false;
    }
    if (at < text.length && (text.data[at] == 'e' || text.data[at] == 'E')) {
        at++;
        at += at < text.length && (text.data[at] == '+' || text.data[at] == '-');
        begin = at;
        at = digits_skip(text, at);
        if (at == begin)
            return false;
    }
    return at == text.length;
}
