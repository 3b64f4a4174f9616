/* log:       key    known_at i64 BE, sign bit flipped
 *            value  format u8 = 1 | kind u8 | body
 *   event:         node varint | event time signed | event hash 16 bytes | n varint | n merged customers, varints
 *   definitions:   version varint | the file's text to the end
 * event_ids: key    event hash 16 bytes
 *            value  format u8 = 1 | node varint | event time signed | content hash 16 bytes */
#include "store/journal/log.h"

enum { LOG_FORMAT = 1, EVENT_ID_FORMAT = 1 };

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
        encode_varint(&to, entry->merged_count);
        for (size_t i = 0; i < entry->merged_count; i++)
            encode_varint(&to, entry->merged[i]);
    } else {
        encode_varint(&to, entry->version);
        encode_raw(&to, entry->text.data, entry->text.length);
    }
    kv_batch_put(batch, KV_LOG, bytes_of(key, sizeof key), encoder_borrow(&to));
    encoder_clear(&to);
}

static void log_event_decode(struct decoder *from, struct arena *arena, struct log_entry *entry)
{
    entry->node = decode_varint(from);
    entry->time_us = decode_signed(from);
    const uint8_t *hash = decode_raw(from, EVENT_HASH_BYTES);
    if (hash)
        memcpy(entry->hash, hash, EVENT_HASH_BYTES);
    uint64_t count = decode_varint(from);
    if (count > decoder_left(from)) {
        from->bad = true;
        return;
    }
    uint64_t *merged = arena_array(arena, count, sizeof *merged);
    for (uint64_t i = 0; i < count; i++)
        merged[i] = decode_varint(from);
    entry->merged = merged;
    entry->merged_count = count;
}

enum patron_code log_decode(
    struct bytes key, struct bytes value, struct arena *arena, struct log_entry *entry, struct error *error)
{
    *entry = (struct log_entry){0};
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    uint8_t kind = decode_u8(&from);
    if (key.length != 8 || format != LOG_FORMAT || (kind != LOG_EVENT && kind != LOG_DEFINITIONS))
        return error_set(error, PATRON_CORRUPT, "an entry of the log is damaged");
    entry->known_at_us = decode_time(key.data);
    entry->kind = (enum log_kind)kind;
    if (kind == LOG_EVENT) {
        log_event_decode(&from, arena, entry);
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

enum patron_code event_id_get(struct kv_batch *batch, const uint8_t hash[EVENT_HASH_BYTES], struct arena *arena,
    struct event_id_entry *entry, struct error *error)
{
    struct bytes value;
    TRY(kv_batch_get(batch, KV_EVENT_IDS, bytes_of(hash, EVENT_HASH_BYTES), arena, &value, error));
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
