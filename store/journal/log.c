/* log:       key    known_at i64 BE, sign bit flipped
 *            value  format u8 = 1 | kind u8 | body
 *   event:         node varint | event time signed | event hash 16 bytes | n varint | n merged customers, varints
 *   definitions:   version varint | the file's text to the end
 *   identity:      change u8 | a varint | b varint | rule u8 | score 8 bytes | model varint | item signed |
 *                  separates u8 | lifts u8 | evidence 16 bytes | nodes, others, merged, parts: each n varint and n
 *                  varints |
 *                  n varint, n closed links: a varint, b varint, since signed, rule u8 |
 *                  actor, reason: each varint length, bytes
 *   model:         number varint | its bytes to the end
 * event_ids: key    event hash 16 bytes
 *            value  format u8 = 1 | node varint | event time signed | content hash 16 bytes */
#include "store/journal/log.h"

enum { LOG_FORMAT = 1, EVENT_ID_FORMAT = 1 };

static void numbers_encode(struct encoder *to, const uint64_t *numbers, size_t count)
{
    encode_varint(to, count);
    for (size_t i = 0; i < count; i++)
        encode_varint(to, numbers[i]);
}

static void change_encode(struct encoder *to, const struct identity_change *change)
{
    encode_u8(to, (uint8_t)change->change);
    encode_varint(to, change->a);
    encode_varint(to, change->b);
    encode_u8(to, change->rule);
    encode_real(to, change->score);
    encode_varint(to, change->model);
    encode_signed(to, change->item_us);
    encode_u8(to, change->separates);
    encode_u8(to, change->lifts);
    encode_raw(to, change->evidence, EVENT_HASH_BYTES);
    numbers_encode(to, change->nodes, change->node_count);
    numbers_encode(to, change->others, change->other_count);
    numbers_encode(to, change->merged, change->merged_count);
    numbers_encode(to, change->parts, change->part_count);
    encode_varint(to, change->closed_count);
    for (size_t i = 0; i < change->closed_count; i++) {
        encode_varint(to, change->closed[i].a);
        encode_varint(to, change->closed[i].b);
        encode_signed(to, change->closed[i].since_us);
        encode_u8(to, change->closed[i].rule);
    }
    encode_bytes(to, change->actor);
    encode_bytes(to, change->reason);
}

void log_put(struct kv_batch *batch, const struct log_entry *entry)
{
    uint8_t key[8];
    encode_time(key, entry->known_at_us);
    struct encoder to = {0};
    encode_u8(&to, LOG_FORMAT);
    encode_u8(&to, (uint8_t)entry->kind);
    if (entry->kind == LOG_EVENT) {
        encode_varint(&to, entry->node);
        encode_signed(&to, entry->time_us);
        encode_raw(&to, entry->hash, EVENT_HASH_BYTES);
        numbers_encode(&to, entry->merged, entry->merged_count);
    } else if (entry->kind == LOG_IDENTITY) {
        change_encode(&to, &entry->change);
    } else {
        encode_varint(&to, entry->version);
        encode_raw(&to, entry->text.data, entry->text.length);
    }
    kv_batch_put(batch, KV_LOG, bytes_of(key, sizeof key), encoder_borrow(&to));
    encoder_clear(&to);
}

static const uint64_t *numbers_decode(struct decoder *from, struct arena *arena, size_t *count)
{
    uint64_t length = decode_varint(from);
    *count = 0;
    if (length > decoder_left(from)) {
        from->bad = true;
        return NULL;
    }
    uint64_t *numbers = arena_array(arena, length, sizeof *numbers);
    for (uint64_t i = 0; i < length; i++)
        numbers[i] = decode_varint(from);
    *count = length;
    return numbers;
}

static void closed_decode(struct decoder *from, struct arena *arena, struct identity_change *change)
{
    uint64_t length = decode_varint(from);
    if (length > decoder_left(from)) {
        from->bad = true;
        return;
    }
    struct closed_link *closed = arena_array(arena, length, sizeof *closed);
    for (uint64_t i = 0; i < length; i++) {
        closed[i].a = decode_varint(from);
        closed[i].b = decode_varint(from);
        closed[i].since_us = decode_signed(from);
        closed[i].rule = decode_u8(from);
    }
    change->closed = closed;
    change->closed_count = length;
}

static void change_decode(struct decoder *from, struct arena *arena, struct identity_change *change)
{
    uint8_t kind = decode_u8(from);
    change->change = (enum identity_change_kind)kind;
    change->a = decode_varint(from);
    change->b = decode_varint(from);
    change->rule = decode_u8(from);
    change->score = decode_real(from);
    uint64_t model = decode_varint(from);
    change->model = (uint32_t)model;
    change->item_us = decode_signed(from);
    uint8_t separates = decode_u8(from);
    change->separates = separates;
    uint8_t lifts = decode_u8(from);
    change->lifts = lifts;
    const uint8_t *evidence = decode_raw(from, EVENT_HASH_BYTES);
    if (evidence)
        memcpy(change->evidence, evidence, EVENT_HASH_BYTES);
    change->nodes = numbers_decode(from, arena, &change->node_count);
    change->others = numbers_decode(from, arena, &change->other_count);
    change->merged = numbers_decode(from, arena, &change->merged_count);
    change->parts = numbers_decode(from, arena, &change->part_count);
    closed_decode(from, arena, change);
    change->actor = decode_bytes(from);
    change->reason = decode_bytes(from);
    from->bad = from->bad || kind < CHANGE_LINK || kind >= CHANGE_END || model > UINT32_MAX || separates > 1 ||
        lifts > 1;
}

static void log_event_decode(struct decoder *from, struct arena *arena, struct log_entry *entry)
{
    entry->node = decode_varint(from);
    entry->time_us = decode_signed(from);
    const uint8_t *hash = decode_raw(from, EVENT_HASH_BYTES);
    if (hash)
        memcpy(entry->hash, hash, EVENT_HASH_BYTES);
    entry->merged = numbers_decode(from, arena, &entry->merged_count);
}

enum patron_code log_decode(
    struct bytes key, struct bytes value, struct arena *arena, struct log_entry *entry, struct error *error)
{
    *entry = (struct log_entry){0};
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    uint8_t kind = decode_u8(&from);
    if (key.length != 8 || format != LOG_FORMAT || kind < LOG_EVENT || kind > LOG_MODEL)
        return error_set(error, PATRON_CORRUPT, "an entry of the log is damaged");
    entry->known_at_us = decode_time(key.data);
    entry->kind = (enum log_kind)kind;
    if (kind == LOG_EVENT) {
        log_event_decode(&from, arena, entry);
    } else if (kind == LOG_IDENTITY) {
        change_decode(&from, arena, &entry->change);
        entry->node = entry->change.a;
        entry->merged = entry->change.merged;
        entry->merged_count = entry->change.merged_count;
    } else {
        uint64_t version = decode_varint(&from);
        from.bad = from.bad || version > UINT32_MAX;
        entry->version = (uint32_t)version;
        entry->text = bytes_of(from.at, decoder_left(&from));
        from.at = from.end;
    }
    if (!decoder_done(&from))
        return error_set(error, PATRON_CORRUPT, "an entry of the log is damaged");
    return PATRON_OK;
}

void event_id_put(struct kv_batch *batch, const uint8_t hash[EVENT_HASH_BYTES], const struct event_id_entry *entry)
{
    struct encoder to = {0};
    encode_u8(&to, EVENT_ID_FORMAT);
    encode_varint(&to, entry->node);
    encode_signed(&to, entry->time_us);
    encode_raw(&to, entry->content_hash, EVENT_HASH_BYTES);
    kv_batch_put(batch, KV_EVENT_IDS, bytes_of(hash, EVENT_HASH_BYTES), encoder_borrow(&to));
    encoder_clear(&to);
}

static enum patron_code event_id_decode(struct bytes value, struct event_id_entry *entry, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    entry->node = decode_varint(&from);
    entry->time_us = decode_signed(&from);
    const uint8_t *content = decode_raw(&from, EVENT_HASH_BYTES);
    if (format != EVENT_ID_FORMAT || !decoder_done(&from))
        return error_set(error, PATRON_CORRUPT, "the row of an event id is damaged");
    memcpy(entry->content_hash, content, EVENT_HASH_BYTES);
    return PATRON_OK;
}

enum patron_code event_id_get(struct kv_batch *batch, const uint8_t hash[EVENT_HASH_BYTES], struct arena *arena,
    struct event_id_entry *entry, struct error *error)
{
    struct bytes value;
    TRY(kv_batch_get(batch, KV_EVENT_IDS, bytes_of(hash, EVENT_HASH_BYTES), arena, &value, error));
    return event_id_decode(value, entry, error);
}

enum patron_code event_id_find(struct kv *kv, const struct kv_snapshot *snapshot,
    const uint8_t hash[EVENT_HASH_BYTES], struct arena *arena, struct event_id_entry *entry, struct error *error)
{
    struct bytes value;
    TRY(kv_get(kv, snapshot, KV_EVENT_IDS, bytes_of(hash, EVENT_HASH_BYTES), arena, &value, error));
    return event_id_decode(value, entry, error);
}
