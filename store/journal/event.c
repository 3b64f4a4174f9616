/* events: key    node u64 BE | event time i64 BE, sign bit flipped | event hash 16 bytes
 *         value  format u8 = 1 | known_at signed | type varint | version varint | attributes to the end
 * attributes:    (number varint, ascending | kind u8 = enum attribute_type | value)*
 *         value  money, integer: signed; number: signed (128 bits); bool: u8 0 or 1; text: varint length, bytes
 * event hash:    BLAKE2b-128 of le32 length, source, le32 length, type name, le32 length, id
 * content hash:  BLAKE2b-128 of event time i64 BE biased, type u16 LE, attributes */
#include "store/journal/event.h"

#include <sodium.h>

enum { EVENT_FORMAT = 1 };

static void hash_part(crypto_generichash_state *state, struct bytes part)
{
    uint8_t length[4] = {(uint8_t)part.length, (uint8_t)(part.length >> 8), (uint8_t)(part.length >> 16),
        (uint8_t)(part.length >> 24)};
    crypto_generichash_update(state, length, sizeof length);
    crypto_generichash_update(state, part.data, part.length);
}

void event_hash(struct bytes source, struct bytes type, struct bytes id, uint8_t hash[EVENT_HASH_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, EVENT_HASH_BYTES);
    hash_part(&state, source);
    hash_part(&state, type);
    hash_part(&state, id);
    crypto_generichash_final(&state, hash, EVENT_HASH_BYTES);
}

void event_content_hash(const struct event *event, uint8_t hash[EVENT_HASH_BYTES])
{
    uint8_t head[10];
    encode_time(head, event->time_us);
    head[8] = (uint8_t)event->type;
    head[9] = (uint8_t)(event->type >> 8);
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, EVENT_HASH_BYTES);
    crypto_generichash_update(&state, head, sizeof head);
    crypto_generichash_update(&state, event->attributes.data, event->attributes.length);
    crypto_generichash_final(&state, hash, EVENT_HASH_BYTES);
}

void event_key_encode(const struct event *event, uint8_t key[EVENT_KEY_BYTES])
{
    encode_be64(key, event->node);
    encode_time(key + 8, event->time_us);
    memcpy(key + 16, event->hash, EVENT_HASH_BYTES);
}

void event_value_encode(const struct event *event, struct encoder *to)
{
    encode_u8(to, EVENT_FORMAT);
    encode_signed(to, event->known_at_us);
    encode_varint(to, event->type);
    encode_varint(to, event->version);
    encode_raw(to, event->attributes.data, event->attributes.length);
}

/* Reads one attribute; false at the end or on bytes that are none. */
static bool attribute_decode(struct decoder *from, uint16_t *number, struct scalar *value)
{
    if (decoder_left(from) == 0)
        return false;
    uint64_t wide = decode_varint(from);
    *number = (uint16_t)wide;
    uint8_t kind = decode_u8(from);
    *value = (struct scalar){.type = (enum attribute_type)kind};
    switch (kind) {
    case ATTRIBUTE_MONEY:
    case ATTRIBUTE_INTEGER:
        value->number = decode_signed(from);
        break;
    case ATTRIBUTE_NUMBER:
        value->number = decode_signed128(from);
        break;
    case ATTRIBUTE_BOOL:
        value->number = decode_u8(from);
        from->bad = from->bad || value->number > 1;
        break;
    case ATTRIBUTE_TEXT:
        value->text = decode_bytes(from);
        break;
    default:
        from->bad = true;
    }
    from->bad = from->bad || wide >= EVENT_ATTRIBUTES_MAX || value->text.length > TEXT_ATTRIBUTE_BYTES_MAX;
    return !from->bad;
}

bool event_attributes_whole(struct bytes attributes)
{
    struct decoder from = decoder_of(attributes);
    uint16_t number;
    struct scalar scalar;
    int32_t last = -1;
    while (attribute_decode(&from, &number, &scalar)) {
        from.bad = number <= last;
        last = number;
    }
    return decoder_done(&from);
}

enum patron_code event_decode(struct bytes key, struct bytes value, struct event *event, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    event->known_at_us = decode_signed(&from);
    uint64_t type = decode_varint(&from);
    uint64_t version = decode_varint(&from);
    if (from.bad || format != EVENT_FORMAT || key.length != EVENT_KEY_BYTES || type >= EVENT_TYPES_MAX ||
        version > UINT32_MAX)
        return error_set(error, PATRON_CORRUPT, "an event's row is damaged");
    event->node = decode_be64(key.data);
    event->time_us = decode_time(key.data + 8);
    memcpy(event->hash, key.data + 16, EVENT_HASH_BYTES);
    event->type = (uint16_t)type;
    event->version = (uint32_t)version;
    if (event->time_us < EVENT_TIME_MIN_US || event->time_us >= EVENT_TIME_MAX_US)
        return error_set(error, PATRON_CORRUPT, "an event's row has a time that no event can have");
    event->attributes = bytes_of(from.at, decoder_left(&from));
    if (!event_attributes_whole(event->attributes))
        return error_set(error, PATRON_CORRUPT, "an event's attributes are damaged");
    return PATRON_OK;
}

void event_attribute_encode(uint16_t number, const struct scalar *value, struct encoder *to)
{
    encode_varint(to, number);
    encode_u8(to, (uint8_t)value->type);
    switch (value->type) {
    case ATTRIBUTE_MONEY:
    case ATTRIBUTE_INTEGER:
        encode_signed(to, (int64_t)value->number);
        return;
    case ATTRIBUTE_NUMBER:
        encode_signed128(to, value->number);
        return;
    case ATTRIBUTE_BOOL:
        encode_u8(to, value->number != 0);
        return;
    case ATTRIBUTE_TEXT:
        encode_bytes(to, value->text);
        return;
    }
    IMPOSSIBLE("an attribute type outside the list");
}

bool event_attribute_find(const struct event *event, uint16_t number, struct scalar *value)
{
    struct decoder from = decoder_of(event->attributes);
    uint16_t at;
    while (attribute_decode(&from, &at, value)) {
        if (at == number)
            return true;
        if (at > number)
            return false;
    }
    return false;
}
