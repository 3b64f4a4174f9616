/* identifiers: key    identifier hash 16 bytes
 *              value  format u8 = 1 | node varint | current customer varint | flags u8 (enum node_flag)
 * nodes:       key    node u64 BE
 *              value  format u8 = 1 | identifier type number varint | identifier hash 16 bytes | birth signed |
 *                     kept value (varint length, bytes; empty: not kept)
 * membership:  key    node u64 BE | since i64 BE, sign bit flipped
 *              value  format u8 = 1 | customer varint
 *              As of T the node belongs to the customer of its last row with since < T.
 * members:     key    customer u64 BE | node u64 BE | since i64 BE, sign bit flipped
 *              value  format u8 = 1 | until signed (INT64_MAX: open) | identifier type number varint | flags u8 |
 *                     identifier hash 16 bytes | birth signed
 *              As of T the customer has the node if since < T <= until.
 * links:       key    node u64 BE | other node u64 BE | since i64 BE, sign bit flipped; stored under both ends
 *              value  format u8 = 1 | until signed | rule u8 | count varint | evidence event hash 16 bytes |
 *                     score 8 bytes | model varint | actor, reason (each varint length, bytes)
 *              At most one live row for a pair and rule.
 * separations: key    node u64 BE | since i64 BE, sign bit flipped
 *              value  format u8 = 1 | until signed | side u8
 * identifier hash: SipHash-2-4-128, secret key, of type name length u8, type name, normalised value */
#include "store/identity/identity_rows.h"

#include <sodium.h>

enum { ROW_FORMAT = 1 };

void identifier_hash(const uint8_t *key, const struct identifier_type *type, struct bytes normalized,
    uint8_t hash[IDENTIFIER_HASH_BYTES])
{
    uint8_t message[1 + NAME_BYTES_MAX + IDENTIFIER_VALUE_BYTES_MAX];
    CHECK(type->name.length <= NAME_BYTES_MAX);
    CHECK(normalized.length <= IDENTIFIER_VALUE_BYTES_MAX);
    message[0] = (uint8_t)type->name.length;
    memcpy(message + 1, type->name.data, type->name.length);
    memcpy(message + 1 + type->name.length, normalized.data, normalized.length);
    crypto_shorthash_siphashx24(hash, message, 1 + type->name.length + normalized.length, key);
}

static void row_put(
    struct kv_batch *batch, enum kv_family family, const uint8_t *key, size_t length, struct encoder *value)
{
    kv_batch_put(batch, family, bytes_of(key, length), encoder_borrow(value));
    encoder_clear(value);
}

void identifier_put(struct kv_batch *batch, const uint8_t hash[IDENTIFIER_HASH_BYTES], uint64_t node,
    uint64_t customer, uint8_t flags)
{
    struct encoder to = {0};
    encode_u8(&to, ROW_FORMAT);
    encode_varint(&to, node);
    encode_varint(&to, customer);
    encode_u8(&to, flags);
    row_put(batch, KV_IDENTIFIERS, hash, IDENTIFIER_HASH_BYTES, &to);
}

enum patron_code identifier_decode(struct bytes value, struct identifier_entry *entry, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    entry->node = decode_varint(&from);
    entry->customer = decode_varint(&from);
    entry->flags = decode_u8(&from);
    if (format != ROW_FORMAT || !decoder_done(&from) || entry->flags > NODE_FLAGS)
        return error_set(error, PATRON_CORRUPT, "an identifier's row is damaged");
    return PATRON_OK;
}

void node_put(struct kv_batch *batch, uint64_t node, const struct node_entry *entry)
{
    uint8_t key[8];
    encode_be64(key, node);
    struct encoder to = {0};
    encode_u8(&to, ROW_FORMAT);
    encode_varint(&to, entry->type);
    encode_raw(&to, entry->hash, IDENTIFIER_HASH_BYTES);
    encode_signed(&to, entry->birth_us);
    encode_bytes(&to, entry->kept);
    row_put(batch, KV_NODES, key, sizeof key, &to);
}

enum patron_code node_decode(struct bytes value, struct node_entry *entry, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    uint64_t type = decode_varint(&from);
    const uint8_t *hash = decode_raw(&from, IDENTIFIER_HASH_BYTES);
    entry->birth_us = decode_signed(&from);
    entry->kept = decode_bytes(&from);
    if (format != ROW_FORMAT || !decoder_done(&from) || type >= IDENTIFIER_TYPES_MAX)
        return error_set(error, PATRON_CORRUPT, "a node's row is damaged");
    entry->type = (uint16_t)type;
    memcpy(entry->hash, hash, IDENTIFIER_HASH_BYTES);
    return PATRON_OK;
}

void membership_put(struct kv_batch *batch, uint64_t node, int64_t since_us, uint64_t customer)
{
    uint8_t key[16];
    encode_be64(key, node);
    encode_time(key + 8, since_us);
    struct encoder to = {0};
    encode_u8(&to, ROW_FORMAT);
    encode_varint(&to, customer);
    row_put(batch, KV_MEMBERSHIP, key, sizeof key, &to);
}

void member_put(struct kv_batch *batch, const struct member *member)
{
    uint8_t key[MEMBER_KEY_BYTES];
    encode_be64(key, member->customer);
    encode_be64(key + 8, member->node);
    encode_time(key + 16, member->since_us);
    struct encoder to = {0};
    encode_u8(&to, ROW_FORMAT);
    encode_signed(&to, member->until_us);
    encode_varint(&to, member->type);
    encode_u8(&to, member->flags);
    encode_raw(&to, member->hash, IDENTIFIER_HASH_BYTES);
    encode_signed(&to, member->birth_us);
    row_put(batch, KV_MEMBERS, key, sizeof key, &to);
}

enum patron_code member_decode(struct bytes key, struct bytes value, struct member *member, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    member->until_us = decode_signed(&from);
    uint64_t type = decode_varint(&from);
    member->flags = decode_u8(&from);
    const uint8_t *hash = decode_raw(&from, IDENTIFIER_HASH_BYTES);
    member->birth_us = decode_signed(&from);
    if (format != ROW_FORMAT || !decoder_done(&from) || key.length != MEMBER_KEY_BYTES ||
        type >= IDENTIFIER_TYPES_MAX || member->flags > NODE_FLAGS)
        return error_set(error, PATRON_CORRUPT, "a member's row is damaged");
    member->customer = decode_be64(key.data);
    member->node = decode_be64(key.data + 8);
    member->since_us = decode_time(key.data + 16);
    member->type = (uint16_t)type;
    memcpy(member->hash, hash, IDENTIFIER_HASH_BYTES);
    return PATRON_OK;
}

void link_put(struct kv_batch *batch, const struct link *link)
{
    struct encoder to = {0};
    encode_u8(&to, ROW_FORMAT);
    encode_signed(&to, link->until_us);
    encode_u8(&to, (uint8_t)link->rule);
    encode_varint(&to, link->count);
    encode_raw(&to, link->evidence, EVENT_HASH_BYTES);
    encode_real(&to, link->score);
    encode_varint(&to, link->model);
    encode_bytes(&to, link->actor);
    encode_bytes(&to, link->reason);
    uint8_t key[LINK_KEY_BYTES];
    encode_be64(key, link->a);
    encode_be64(key + 8, link->b);
    encode_time(key + 16, link->since_us);
    kv_batch_put(batch, KV_LINKS, bytes_of(key, sizeof key), encoder_borrow(&to));
    encode_be64(key, link->b);
    encode_be64(key + 8, link->a);
    row_put(batch, KV_LINKS, key, sizeof key, &to);
}

enum patron_code link_decode(struct bytes key, struct bytes value, struct link *link, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    link->until_us = decode_signed(&from);
    uint8_t rule = decode_u8(&from);
    link->count = decode_varint(&from);
    const uint8_t *evidence = decode_raw(&from, EVENT_HASH_BYTES);
    link->score = decode_real(&from);
    uint64_t model = decode_varint(&from);
    link->actor = decode_bytes(&from);
    link->reason = decode_bytes(&from);
    if (format != ROW_FORMAT || !decoder_done(&from) || key.length != LINK_KEY_BYTES || rule < LINK_SHARED_EVENT ||
        rule >= LINK_RULE_END || model > UINT32_MAX)
        return error_set(error, PATRON_CORRUPT, "a link's row is damaged");
    link->rule = (enum link_rule)rule;
    link->model = (uint32_t)model;
    memcpy(link->evidence, evidence, EVENT_HASH_BYTES);
    link->a = decode_be64(key.data);
    link->b = decode_be64(key.data + 8);
    link->since_us = decode_time(key.data + 16);
    return PATRON_OK;
}

void separation_put(struct kv_batch *batch, const struct separation *separation)
{
    uint8_t key[16];
    encode_be64(key, separation->node);
    encode_time(key + 8, separation->since_us);
    struct encoder to = {0};
    encode_u8(&to, ROW_FORMAT);
    encode_signed(&to, separation->until_us);
    encode_u8(&to, separation->side);
    row_put(batch, KV_SEPARATIONS, key, sizeof key, &to);
}

enum patron_code separation_decode(
    struct bytes key, struct bytes value, struct separation *separation, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    separation->until_us = decode_signed(&from);
    separation->side = decode_u8(&from);
    if (format != ROW_FORMAT || !decoder_done(&from) || key.length != 16 || separation->side > 1)
        return error_set(error, PATRON_CORRUPT, "a separation's row is damaged");
    separation->node = decode_be64(key.data);
    separation->since_us = decode_time(key.data + 8);
    return PATRON_OK;
}
