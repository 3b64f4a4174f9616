#include "store/identity/identity_rows.h"

enum patron_code identifier_get(struct kv *kv, const struct kv_snapshot *snapshot,
    const uint8_t hash[IDENTIFIER_HASH_BYTES], struct arena *arena, struct identifier_entry *entry, struct error *error)
{
    struct bytes value;
    TRY(kv_get(kv, snapshot, KV_IDENTIFIERS, bytes_of(hash, IDENTIFIER_HASH_BYTES), arena, &value, error));
    return identifier_decode(value, entry, error);
}

enum patron_code node_get(struct kv *kv, const struct kv_snapshot *snapshot, uint64_t node, struct arena *arena,
    struct node_entry *entry, struct error *error)
{
    uint8_t key[8];
    encode_be64(key, node);
    struct bytes value;
    TRY(kv_get(kv, snapshot, KV_NODES, bytes_of(key, sizeof key), arena, &value, error));
    return node_decode(value, entry, error);
}

enum patron_code membership_at(struct kv *kv, const struct kv_snapshot *snapshot, uint64_t node, int64_t as_of_us,
    uint64_t *customer, struct error *error)
{
    uint8_t key[16];
    encode_be64(key, node);
    encode_time(key + 8, as_of_us > INT64_MIN ? as_of_us - 1 : INT64_MIN); /* since < T */
    struct kv_iterator *rows = kv_iterator_new(kv, snapshot, KV_MEMBERSHIP, bytes_of(key, 8));
    kv_iterator_seek_last(rows, bytes_of(key, sizeof key));
    enum patron_code code;
    if (kv_iterator_valid(rows)) {
        struct decoder from = decoder_of(kv_iterator_borrow_value(rows));
        uint8_t format = decode_u8(&from);
        *customer = decode_varint(&from);
        code = format == 1 && decoder_done(&from)
            ? PATRON_OK
            : error_set(error, PATRON_CORRUPT, "a membership row is damaged");
    } else {
        code = kv_iterator_status(rows, error);
        if (code == PATRON_OK)
            code = PATRON_NOT_FOUND;
    }
    kv_iterator_free(rows);
    return code;
}

enum patron_code members_of(struct kv *kv, const struct kv_snapshot *snapshot, uint64_t customer, struct arena *arena,
    struct member **members, size_t *count, struct error *error)
{
    uint8_t prefix[8];
    encode_be64(prefix, customer);
    struct kv_iterator *rows = kv_iterator_new(kv, snapshot, KV_MEMBERS, bytes_of(prefix, sizeof prefix));
    size_t capacity = 8;
    *members = arena_array(arena, capacity, sizeof **members);
    *count = 0;
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        if (*count == capacity) {
            struct member *more = arena_array(arena, capacity * 2, sizeof *more);
            memcpy(more, *members, capacity * sizeof *more);
            *members = more;
            capacity *= 2;
        }
        code = member_decode(
            kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &(*members)[*count], error);
        if (code != PATRON_OK)
            goto free_rows;
        (*count)++;
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

enum patron_code links_of(struct kv *kv, const struct kv_snapshot *snapshot, uint64_t node, struct arena *arena,
    struct link **links, size_t *count, struct error *error)
{
    uint8_t prefix[8];
    encode_be64(prefix, node);
    struct kv_iterator *rows = kv_iterator_new(kv, snapshot, KV_LINKS, bytes_of(prefix, sizeof prefix));
    size_t capacity = 8;
    *links = arena_array(arena, capacity, sizeof **links);
    *count = 0;
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        if (*count == capacity) {
            struct link *more = arena_array(arena, capacity * 2, sizeof *more);
            memcpy(more, *links, capacity * sizeof *more);
            *links = more;
            capacity *= 2;
        }
        struct link *link = &(*links)[*count];
        code = link_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), link, error);
        if (code != PATRON_OK)
            goto free_rows;
        link->actor = arena_copy(arena, link->actor);
        link->reason = arena_copy(arena, link->reason);
        (*count)++;
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}
