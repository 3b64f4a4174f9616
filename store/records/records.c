/* records:   key    generation u32 BE | node u64 BE
 *            value  format u8 = 1 | event time signed | event hash 16 bytes | known_at signed | the record
 *                   (match_record_encode), sealed for SEAL_RECORD and bound to the node, u64 BE, to the end
 * blocks:    key    generation u32 BE | rule u8 | block's key 16 bytes (match_block_keys) | node u64 BE
 *            value  format u8 = 1 | known_at of its record signed */
#include "store/records/records.h"

#include "store/base/seal.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

enum { RECORD_FORMAT = 1, BLOCK_FORMAT = 1, INTEGER_TEXT_MAX = 24 };

_Static_assert(MATCH_BLOCKS_MAX <= 256, "a rule is a byte");
_Static_assert((int)MATCH_SECRET_BYTES == (int)SEAL_KEY_BYTES, "the secret is a derived key");

/* --- what follows from the definitions ---------------------------------------------------------------------------- */

static void print_make(const struct encoder *what, uint8_t print[MATCHING_PRINT_BYTES])
{
    crypto_generichash(print, MATCHING_PRINT_BYTES, what->data, what->length, NULL, 0);
}

static void layout_print(const struct match_plan *plan, uint8_t print[MATCHING_PRINT_BYTES])
{
    const struct matching_rules *rules = plan->rules;
    struct encoder to = {0};
    encode_varint(&to, rules->event);
    encode_varint(&to, rules->column_count);
    for (size_t i = 0; i < rules->column_count; i++) {
        encode_varint(&to, rules->columns[i].attribute);
        encode_varint(&to, rules->columns[i].kind);
    }
    encode_varint(&to, plan->block_count);
    for (size_t i = 0; i < plan->block_count; i++) {
        const struct match_block *block = &plan->blocks[i];
        encode_varint(&to, block->part_count);
        for (size_t k = 0; k < block->part_count; k++) {
            encode_varint(&to, block->parts[k].column);
            encode_u8(&to, (uint8_t)block->parts[k].form);
            encode_u8(&to, block->parts[k].length);
        }
    }
    print_make(&to, print);
    encoder_clear(&to);
}

static void verdict_print(const struct matching_rules *rules, uint8_t print[MATCHING_PRINT_BYTES])
{
    struct encoder to = {0};
    encode_real(&to, rules->link_probability);
    encode_real(&to, rules->review_probability);
    encode_varint(&to, rules->block_records_max);
    for (size_t i = 0; i < rules->column_count; i++)
        encode_u8(&to, rules->columns[i].frequencies);
    print_make(&to, print);
    encoder_clear(&to);
}

void matching_init(struct matching *matching, const struct definitions *definitions, const uint8_t *key)
{
    CHECK(definitions->matching);
    matching->definitions = definitions_retain(definitions);
    matching->key = key;
    match_plan_init(&matching->plan, definitions->matching);
    seal_secret(key, SECRET_BLOCKS, matching->secret);
    layout_print(&matching->plan, matching->layout);
    verdict_print(definitions->matching, matching->verdict);
}

void matching_clear(struct matching *matching)
{
    definitions_release(matching->definitions);
    sodium_memzero(matching, sizeof *matching);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

void record_key(uint32_t generation, uint64_t node, uint8_t key[RECORD_KEY_BYTES])
{
    encode_be32(key, generation);
    encode_be64(key + 4, node);
}

void record_put(struct kv_batch *batch, uint32_t generation, const struct record_row *row)
{
    uint8_t key[RECORD_KEY_BYTES];
    record_key(generation, row->node, key);
    struct encoder to = {0};
    encode_u8(&to, RECORD_FORMAT);
    encode_signed(&to, row->time_us);
    encode_raw(&to, row->hash, EVENT_HASH_BYTES);
    encode_signed(&to, row->known_at_us);
    encode_raw(&to, row->sealed.data, row->sealed.length);
    kv_batch_put(batch, KV_RECORDS, bytes_of(key, sizeof key), encoder_borrow(&to));
    encoder_clear(&to);
}

enum patron_code record_decode(struct bytes key, struct bytes value, struct record_row *row, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    row->time_us = decode_signed(&from);
    const uint8_t *hash = decode_raw(&from, EVENT_HASH_BYTES);
    row->known_at_us = decode_signed(&from);
    if (from.bad || format != RECORD_FORMAT || key.length != RECORD_KEY_BYTES || decoder_left(&from) < SEAL_BYTES)
        return error_set(error, PATRON_CORRUPT, "a record's row is damaged");
    row->node = decode_be64(key.data + 4);
    memcpy(row->hash, hash, EVENT_HASH_BYTES);
    row->sealed = bytes_of(from.at, decoder_left(&from));
    return PATRON_OK;
}

static enum patron_code row_get(const struct identity_rows_from *from, enum kv_family family, struct bytes key,
    struct arena *arena, struct bytes *value, struct error *error)
{
    return from->batch ? kv_batch_get(from->batch, family, key, arena, value, error)
                       : kv_get(from->kv, from->snapshot, family, key, arena, value, error);
}

enum patron_code record_get(const struct identity_rows_from *from, uint32_t generation, uint64_t node,
    struct arena *arena, struct record_row *row, struct error *error)
{
    uint8_t key[RECORD_KEY_BYTES];
    record_key(generation, node, key);
    struct bytes value;
    TRY(row_get(from, KV_RECORDS, bytes_of(key, sizeof key), arena, &value, error));
    return record_decode(bytes_of(key, sizeof key), value, row, error);
}

/* An attribute as its column's text; empty where the event does not have it. */
static struct bytes raw_value(const struct event *event, uint16_t attribute, struct arena *arena)
{
    struct scalar value;
    if (!event_attribute_find(event, attribute, &value))
        return (struct bytes){0};
    if (value.type == ATTRIBUTE_TEXT)
        return value.text;
    if (value.type != ATTRIBUTE_INTEGER)
        return (struct bytes){0}; /* no column is of another type: it was, under an earlier version */
    char text[INTEGER_TEXT_MAX];
    int length = snprintf(text, sizeof text, "%" PRId64, (int64_t)value.number);
    return arena_copy(arena, bytes_of(text, (size_t)length));
}

static struct bytes node_bond(uint64_t node, uint8_t bond[8])
{
    encode_be64(bond, node);
    return bytes_of(bond, 8);
}

static enum patron_code normalize(const struct matching *matching, const struct event *event, struct arena *arena,
    struct match_record *record, struct error *error)
{
    struct event opened;
    TRY(event_open(event, matching->key, arena, &opened, error));
    event_resolve(&opened, matching->definitions, arena);
    const struct matching_rules *rules = matching->plan.rules;
    struct bytes raw[MATCH_COLUMNS_MAX];
    for (size_t i = 0; i < rules->column_count; i++)
        raw[i] = raw_value(&opened, rules->columns[i].attribute, arena);
    match_record_normalize(&matching->plan, raw, arena, record);
    return PATRON_OK;
}

enum patron_code record_of_event(const struct matching *matching, const struct event *event, struct arena *arena,
    struct match_record *record, struct record_row *row, struct error *error)
{
    TRY(normalize(matching, event, arena, record, error));
    *row = (struct record_row){.node = event->node, .time_us = event->time_us, .known_at_us = event->known_at_us};
    memcpy(row->hash, event->hash, EVENT_HASH_BYTES);
    uint8_t bond[8];
    struct encoder plain = {0}, sealed = {0};
    match_record_encode(&matching->plan, record, &plain);
    seal_close(matching->key, SEAL_RECORD, node_bond(row->node, bond), encoder_borrow(&plain), &sealed);
    row->sealed = arena_copy(arena, encoder_borrow(&sealed));
    sodium_memzero(plain.data, plain.length);
    encoder_clear(&plain);
    encoder_clear(&sealed);
    return PATRON_OK;
}

static enum patron_code record_again(const struct matching *matching, const struct identity_rows_from *from,
    const struct record_row *row, struct arena *arena, struct match_record *record, struct error *error)
{
    struct event event = {.node = row->node, .time_us = row->time_us};
    memcpy(event.hash, row->hash, EVENT_HASH_BYTES);
    uint8_t key[EVENT_KEY_BYTES];
    event_key_encode(&event, key);
    struct bytes value;
    enum patron_code code = row_get(from, KV_EVENTS, bytes_of(key, sizeof key), arena, &value, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "a record's event is not there: run patron verify");
    TRY(code);
    TRY(event_decode(bytes_of(key, sizeof key), value, &event, error));
    return normalize(matching, &event, arena, record, error);
}

enum patron_code record_open(const struct matching *matching, const struct identity_rows_from *from,
    const struct record_row *row, struct arena *arena, struct match_record *record, struct error *error)
{
    uint8_t bond[8];
    struct bytes plain;
    TRY(seal_open(matching->key, SEAL_RECORD, node_bond(row->node, bond), row->sealed, arena, &plain, error));
    enum patron_code code = match_record_decode(&matching->plan, plain, arena, record, error);
    return code == PATRON_PRECONDITION ? record_again(matching, from, row, arena, record, error) : code;
}

/* --- blocks ------------------------------------------------------------------------------------------------------- */

static void block_key(uint32_t generation, const struct match_key *from, uint64_t node, uint8_t key[BLOCK_KEY_BYTES])
{
    encode_be32(key, generation);
    key[4] = (uint8_t)from->rule;
    memcpy(key + 5, from->hash, MATCH_KEY_BYTES);
    encode_be64(key + BLOCK_PREFIX_BYTES, node);
}

void block_put(struct kv_batch *batch, uint32_t generation, const struct match_key *key, const struct record_row *row)
{
    uint8_t at[BLOCK_KEY_BYTES];
    block_key(generation, key, row->node, at);
    struct encoder to = {0};
    encode_u8(&to, BLOCK_FORMAT);
    encode_signed(&to, row->known_at_us);
    kv_batch_put(batch, KV_BLOCKS, bytes_of(at, sizeof at), encoder_borrow(&to));
    encoder_clear(&to);
}

void block_delete(struct kv_batch *batch, uint32_t generation, const struct match_key *key, uint64_t node)
{
    uint8_t at[BLOCK_KEY_BYTES];
    block_key(generation, key, node, at);
    kv_batch_delete(batch, KV_BLOCKS, bytes_of(at, sizeof at));
}

/* Sightings of all blocks of one record. */
struct sightings {
    struct match_sighting *items;
    size_t count, capacity;
};

static void sighting_add(struct sightings *sightings, uint64_t record)
{
    if (sightings->count == sightings->capacity) {
        sightings->capacity = sightings->capacity ? sightings->capacity * 2 : 64;
        sightings->items = memory_resize(sightings->items, sightings->capacity * sizeof *sightings->items);
    }
    sightings->items[sightings->count++] = (struct match_sighting){.record = record};
}

static enum patron_code block_row_known_at(struct bytes value, int64_t *known_at_us, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    *known_at_us = decode_signed(&from);
    if (format != BLOCK_FORMAT || !decoder_done(&from))
        return error_set(error, PATRON_CORRUPT, "a block's row is damaged");
    return PATRON_OK;
}

/* Those of one block, unless it holds too many. */
static enum patron_code block_look(const struct view *view, const uint8_t prefix[BLOCK_PREFIX_BYTES],
    const struct record_row *row, uint32_t records_max, struct sightings *sightings, bool *oversized,
    struct error *error)
{
    struct bytes begin = bytes_of(prefix, BLOCK_PREFIX_BYTES);
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_BLOCKS, begin);
    size_t first = sightings->count;
    uint32_t records = 0;
    enum patron_code code = PATRON_OK;
    kv_iterator_seek(rows, begin);
    for (; code == PATRON_OK && records <= records_max && kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct bytes key = kv_iterator_borrow_key(rows);
        int64_t known_at_us = INT64_MAX;
        if (key.length != BLOCK_KEY_BYTES)
            code = error_set(error, PATRON_CORRUPT, "a block's row is damaged");
        else
            code = block_row_known_at(kv_iterator_borrow_value(rows), &known_at_us, error);
        if (code == PATRON_OK && known_at_us < row->known_at_us)
            sighting_add(sightings, decode_be64(key.data + BLOCK_PREFIX_BYTES));
        records++;
    }
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    *oversized = records > records_max;
    if (*oversized)
        sightings->count = first;
    for (size_t i = first; i < sightings->count; i++)
        sightings->items[i].block_records = records;
    return code;
}

/* The place where a block would be remembered: by its key, which is a hash. */
static uint8_t *memo_place(struct block_memo *memo, const uint8_t prefix[BLOCK_PREFIX_BYTES])
{
    return memo->blocks[((size_t)prefix[5] << 8 | prefix[6]) % BLOCK_MEMO_PLACES];
}

enum patron_code record_candidates(const struct matching *matching, const struct view *view, uint32_t generation,
    const struct record_row *row, const struct match_record *record, struct block_memo *memo,
    struct record_candidates *found, struct error *error)
{
    *found = (struct record_candidates){0};
    struct match_key keys[MATCH_BLOCKS_MAX];
    size_t count = match_block_keys(&matching->plan, record, matching->secret, keys);
    struct sightings sightings = {0};
    enum patron_code code = PATRON_OK;
    for (size_t i = 0; i < count && code == PATRON_OK; i++) {
        uint8_t key[BLOCK_KEY_BYTES];
        block_key(generation, &keys[i], 0, key);
        uint8_t *remembered = memo_place(memo, key);
        bool oversized = memcmp(remembered, key, BLOCK_PREFIX_BYTES) == 0;
        if (!oversized)
            code =
                block_look(view, key, row, matching->plan.rules->block_records_max, &sightings, &oversized, error);
        if (code == PATRON_OK && oversized) {
            memcpy(remembered, key, BLOCK_PREFIX_BYTES);
            found->oversized++;
        }
    }
    size_t all = 0;
    if (code == PATRON_OK && sightings.count > 0)
        found->count = match_candidates_rank(sightings.items, sightings.count, found->candidates, &all);
    found->cut = all - found->count;
    memory_free(sightings.items);
    return code;
}

/* --- sweeping ----------------------------------------------------------------------------------------------------- */

static enum patron_code family_sweep(struct kv *kv, struct kv_batch *batch, enum kv_family family, uint32_t generation,
    size_t *most, struct error *error)
{
    struct kv_iterator *rows = kv_iterator_new(kv, NULL, family, (struct bytes){0});
    kv_iterator_seek(rows, (struct bytes){0});
    while (*most > 0 && kv_iterator_valid(rows)) {
        struct bytes key = kv_iterator_borrow_key(rows);
        if (key.length >= 4 && decode_be32(key.data) >= generation)
            break;
        kv_batch_delete(batch, family, key);
        (*most)--;
        kv_iterator_next(rows);
    }
    enum patron_code code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    return code;
}

enum patron_code records_sweep(
    struct kv *kv, struct kv_batch *batch, uint32_t generation, size_t most, struct error *error)
{
    TRY(family_sweep(kv, batch, KV_RECORDS, generation, &most, error));
    return family_sweep(kv, batch, KV_BLOCKS, generation, &most, error);
}

enum patron_code records_look_old(const struct view *view, uint32_t generation, bool *old, struct error *error)
{
    static const enum kv_family families[] = {KV_RECORDS, KV_BLOCKS};
    enum patron_code code = PATRON_OK;
    *old = false;
    for (size_t i = 0; i < sizeof families / sizeof *families && code == PATRON_OK && !*old; i++) {
        struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, families[i], (struct bytes){0});
        kv_iterator_seek(rows, (struct bytes){0});
        struct bytes first = kv_iterator_valid(rows) ? kv_iterator_borrow_key(rows) : (struct bytes){0};
        *old = first.length >= 4 && decode_be32(first.data) < generation;
        code = kv_iterator_status(rows, error);
        kv_iterator_free(rows);
    }
    return code;
}
