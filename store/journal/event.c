/* events: key    node u64 BE | event time i64 BE, sign bit flipped | event hash 16 bytes
 *         value  format u8 = 1 | known_at signed | type varint | version varint | attributes | kept, to the end
 *                format u8 = 2 | known_at signed | type varint | version varint | attributes and kept, sealed for
 *                SEAL_EVENT and bound to the event hash (base/seal.h), to the end
 * attributes:    (number varint, ascending | kind u8 = enum attribute_type | value)*
 *         value  money, integer: signed; number: signed (128 bits); bool: u8 0 or 1; text: varint length, bytes
 * kept:          nothing, or varint 256 (no attribute's number), then up to 32 times: name, ascending: varint length,
 *                bytes | kind u8 = enum attribute_kind | value
 *         value  text, decimal: varint length, bytes; integer: signed; real: 8 bytes, little-endian; flag: u8 0 or 1
 * event hash:    BLAKE2b-128 of le32 length, source, le32 length, type name, le32 length, id
 * content hash:  BLAKE2b-128 of event time i64 BE biased, type u16 LE, attributes, kept; of a sealed one the sealed
 *                bytes in their place */
#include "store/journal/event.h"

#include "store/base/seal.h"

#include <sodium.h>

enum { EVENT_FORMAT = 1, EVENT_FORMAT_SEALED = 2 };

static const uint8_t kept_mark[2] = {0x80, 0x02}; /* varint EVENT_ATTRIBUTES_MAX */
_Static_assert(EVENT_ATTRIBUTES_MAX == 256, "the mark is a number that no attribute has");

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
    if (event->kept.length > 0) {
        crypto_generichash_update(&state, kept_mark, sizeof kept_mark);
        crypto_generichash_update(&state, event->kept.data, event->kept.length);
    }
    crypto_generichash_final(&state, hash, EVENT_HASH_BYTES);
}

void event_key_encode(const struct event *event, uint8_t key[EVENT_KEY_BYTES])
{
    encode_be64(key, event->node);
    encode_time(key + 8, event->time_us);
    memcpy(key + 16, event->hash, EVENT_HASH_BYTES);
}

/* All that it holds beside its head. */
static void content_encode(const struct event *event, struct encoder *to)
{
    encode_raw(to, event->attributes.data, event->attributes.length);
    if (event->kept.length > 0) {
        encode_raw(to, kept_mark, sizeof kept_mark);
        encode_raw(to, event->kept.data, event->kept.length);
    }
}

void event_value_encode(const struct event *event, struct encoder *to)
{
    encode_u8(to, event->sealed ? EVENT_FORMAT_SEALED : EVENT_FORMAT);
    encode_signed(to, event->known_at_us);
    encode_varint(to, event->type);
    encode_varint(to, event->version);
    content_encode(event, to);
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

/* Walks the attributes to their end or to the mark of what was kept. */
static void attributes_skip(struct decoder *from)
{
    uint16_t number;
    struct scalar scalar;
    int32_t last = -1;
    while (!(decoder_left(from) >= sizeof kept_mark && memcmp(from->at, kept_mark, sizeof kept_mark) == 0) &&
        attribute_decode(from, &number, &scalar)) {
        from->bad = number <= last;
        last = number;
    }
}

bool event_attributes_whole(struct bytes attributes)
{
    struct decoder from = decoder_of(attributes);
    attributes_skip(&from);
    return decoder_done(&from);
}

static bool kept_whole(struct bytes kept)
{
    struct decoder from = decoder_of(kept);
    struct event_attribute given, last = {0};
    size_t count = 0;
    for (; event_kept_decode(&from, &given); count++) {
        from.bad = count == EVENT_KEPT_MAX || (count > 0 && bytes_compare(given.name, last.name) <= 0);
        last = given;
    }
    return count > 0 && decoder_done(&from);
}

static enum patron_code content_decode(struct bytes content, struct event *event, struct error *error)
{
    struct decoder from = decoder_of(content);
    attributes_skip(&from);
    event->attributes = bytes_of(content.data, content.length - (from.bad ? 0 : decoder_left(&from)));
    event->kept = (struct bytes){0};
    if (decoder_done(&from))
        return PATRON_OK;
    if (decoder_left(&from) > sizeof kept_mark)
        event->kept = bytes_of(from.at + sizeof kept_mark, decoder_left(&from) - sizeof kept_mark);
    if (!kept_whole(event->kept))
        return error_set(error, PATRON_CORRUPT, "an event's attributes are damaged");
    return PATRON_OK;
}

enum patron_code event_decode(struct bytes key, struct bytes value, struct event *event, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    event->known_at_us = decode_signed(&from);
    uint64_t type = decode_varint(&from);
    uint64_t version = decode_varint(&from);
    if (from.bad || (format != EVENT_FORMAT && format != EVENT_FORMAT_SEALED) || key.length != EVENT_KEY_BYTES ||
        type >= EVENT_TYPES_MAX || version > UINT32_MAX)
        return error_set(error, PATRON_CORRUPT, "an event's row is damaged");
    event->node = decode_be64(key.data);
    event->time_us = decode_time(key.data + 8);
    memcpy(event->hash, key.data + 16, EVENT_HASH_BYTES);
    event->type = (uint16_t)type;
    event->version = (uint32_t)version;
    event->sealed = format == EVENT_FORMAT_SEALED;
    if (event->time_us < EVENT_TIME_MIN_US || event->time_us >= EVENT_TIME_MAX_US)
        return error_set(error, PATRON_CORRUPT, "an event's row has a time that no event can have");
    struct bytes content = bytes_of(from.at, decoder_left(&from));
    if (!event->sealed)
        return content_decode(content, event, error);
    event->attributes = content;
    event->kept = (struct bytes){0};
    return content.length >= SEAL_BYTES ? PATRON_OK
                                        : error_set(error, PATRON_CORRUPT, "an event's attributes are damaged");
}

/* --- sealed attributes -------------------------------------------------------------------------------------------- */

void event_seal(struct event *event, const uint8_t *key, struct arena *arena)
{
    CHECK(!event->sealed);
    struct encoder plain = {0}, sealed = {0};
    content_encode(event, &plain);
    seal_close(key, SEAL_EVENT, bytes_of(event->hash, EVENT_HASH_BYTES), encoder_borrow(&plain), &sealed);
    event->attributes = arena_copy(arena, encoder_borrow(&sealed));
    event->kept = (struct bytes){0};
    event->sealed = true;
    encoder_clear(&plain);
    encoder_clear(&sealed);
}

enum patron_code event_open(const struct event *event, const uint8_t *key, struct arena *arena, struct event *opened,
    struct error *error)
{
    *opened = *event;
    if (!event->sealed)
        return PATRON_OK;
    struct bytes plain;
    TRY(seal_open(
        key, SEAL_EVENT, bytes_of(event->hash, EVENT_HASH_BYTES), event->attributes, arena, &plain, error));
    opened->sealed = false;
    return content_decode(plain, opened, error);
}

/* --- attributes --------------------------------------------------------------------------------------------------- */

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
    if (event->sealed)
        return false;
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

/* --- attributes kept by name -------------------------------------------------------------------------------------- */

void event_kept_encode(const struct event_attribute *given, struct encoder *to)
{
    encode_bytes(to, given->name);
    encode_u8(to, (uint8_t)given->kind);
    switch (given->kind) {
    case GIVEN_TEXT:
    case GIVEN_DECIMAL:
        encode_bytes(to, given->text);
        return;
    case GIVEN_INTEGER:
        encode_signed(to, given->integer);
        return;
    case GIVEN_REAL:
        encode_real(to, given->real);
        return;
    case GIVEN_FLAG:
        encode_u8(to, given->flag);
        return;
    }
    IMPOSSIBLE("an attribute of no kind");
}

bool event_kept_decode(struct decoder *from, struct event_attribute *given)
{
    if (decoder_left(from) == 0)
        return false;
    *given = (struct event_attribute){.name = decode_bytes(from)};
    given->kind = (enum attribute_kind)decode_u8(from);
    uint8_t flag = 0;
    switch (given->kind) {
    case GIVEN_TEXT:
    case GIVEN_DECIMAL:
        given->text = decode_bytes(from);
        break;
    case GIVEN_INTEGER:
        given->integer = decode_signed(from);
        break;
    case GIVEN_REAL:
        given->real = decode_real(from);
        break;
    case GIVEN_FLAG:
        flag = decode_u8(from);
        given->flag = flag != 0;
        break;
    default:
        from->bad = true;
    }
    from->bad = from->bad || flag > 1 || attribute_check_kept(given, NULL) != PATRON_OK;
    return !from->bad;
}

void event_resolve(struct event *event, const struct definitions *definitions, struct arena *arena)
{
    if (event->kept.length == 0)
        return;
    const struct event_type *type = definitions_event_type_by_number(definitions, event->type);
    CHECK(type);
    struct scalar values[EVENT_ATTRIBUTES_MAX] = {0};
    bool changed = false;
    struct decoder from = decoder_of(event->kept);
    for (struct event_attribute given; event_kept_decode(&from, &given);) {
        const struct attribute *attribute = event_type_attribute(type, given.name);
        struct scalar value;
        if (attribute && attribute_convert(&given, attribute->type, &value, NULL) == PATRON_OK) {
            values[attribute->number] = value;
            changed = true;
        }
    }
    event->kept = (struct bytes){0};
    if (!changed)
        return;
    from = decoder_of(event->attributes);
    struct scalar value;
    for (uint16_t number; attribute_decode(&from, &number, &value);)
        values[number] = value;
    struct encoder to = {0};
    for (uint16_t number = 0; number < EVENT_ATTRIBUTES_MAX; number++)
        if (values[number].type != 0)
            event_attribute_encode(number, &values[number], &to);
    event->attributes = arena_copy(arena, encoder_borrow(&to));
    encoder_clear(&to);
}

static bool kept_find(const struct event *event, struct bytes name, struct event_attribute *given)
{
    struct decoder from = decoder_of(event->kept);
    while (event_kept_decode(&from, given))
        if (bytes_equal(given->name, name))
            return true;
    return false;
}

/* Does `given` say what `event` has in one of its typed attributes of that name? */
static bool typed_is(
    const struct event *event, const struct event_attribute *given, const struct event_type *type)
{
    struct decoder from = decoder_of(event->attributes);
    struct scalar value, converted;
    for (uint16_t number; attribute_decode(&from, &number, &value);)
        if (number < type->attribute_count && bytes_equal(type->attributes[number].name, given->name) &&
            attribute_convert(given, value.type, &converted, NULL) == PATRON_OK && scalar_equal(&value, &converted))
            return true;
    return false;
}

static size_t attributes_count(const struct event *event)
{
    size_t count = 0;
    struct decoder from = decoder_of(event->attributes);
    struct scalar value;
    for (uint16_t number; attribute_decode(&from, &number, &value);)
        count++;
    from = decoder_of(event->kept);
    for (struct event_attribute given; event_kept_decode(&from, &given);)
        count++;
    return count;
}

/* Every attribute of `a` has its match in `b`, and no two the same one: names are unique within an event. */
bool event_same_content(const struct event *a, const struct event *b, const struct definitions *definitions)
{
    const struct event_type *type = definitions_event_type_by_number(definitions, a->type);
    if (a->type != b->type || a->time_us != b->time_us || !type || attributes_count(a) != attributes_count(b))
        return false;
    struct event_attribute given;
    struct decoder from = decoder_of(a->attributes);
    struct scalar value, other;
    for (uint16_t number; attribute_decode(&from, &number, &value);) {
        if (event_attribute_find(b, number, &other)) {
            if (!scalar_equal(&value, &other))
                return false;
        } else if (number >= type->attribute_count || !kept_find(b, type->attributes[number].name, &given) ||
            attribute_convert(&given, value.type, &other, NULL) != PATRON_OK || !scalar_equal(&value, &other)) {
            return false;
        }
    }
    from = decoder_of(a->kept);
    for (struct event_attribute ours; event_kept_decode(&from, &ours);)
        if (kept_find(b, ours.name, &given) ? !attribute_equal(&ours, &given) : !typed_is(b, &ours, type))
            return false;
    return true;
}
