/* queues: key    queue u8 = 6 (to be blocked) | node u64 BE
 *         value  format u8 = 1 | version of the definitions varint */
#include "store/changes/to_block.h"

#include "store/store_internal.h"

enum { ROW_FORMAT = 1, KEY_BYTES = 9 };

static struct bytes row_key(uint64_t node, uint8_t key[KEY_BYTES])
{
    key[0] = QUEUE_TO_BLOCK;
    encode_be64(key + 1, node);
    return bytes_of(key, KEY_BYTES);
}

static void row_put(struct store *store, uint64_t node, uint32_t version)
{
    struct encoder to = {0};
    encode_u8(&to, ROW_FORMAT);
    encode_varint(&to, version);
    uint8_t key[KEY_BYTES];
    kv_batch_put(store->batch, KV_QUEUES, row_key(node, key), encoder_borrow(&to));
    encoder_clear(&to);
}

void to_block_put(struct store *store, uint64_t node, uint32_t version)
{
    CHECK(store->group_open);
    row_put(store, node, version);
    store->group_queued = true;
}

void to_block_done(struct store *store, uint64_t node)
{
    CHECK(store->group_open);
    uint8_t key[KEY_BYTES];
    kv_batch_delete(store->batch, KV_QUEUES, row_key(node, key));
    store->group_queued = true;
}

static enum patron_code listed_put(struct store *store, const struct definitions *next, struct error *error)
{
    for (size_t i = 0; store->definitions && i < next->identifier_count; i++) {
        const struct identifier_type *type = &next->identifiers[i];
        const struct identifier_type *before = definitions_identifier_type(store->definitions, type->name);
        for (size_t j = 0; before && j < type->never_link_count; j++) {
            if (identifier_never_links(before, type->never_link[j]))
                continue;
            uint8_t hash[IDENTIFIER_HASH_BYTES];
            identifier_hash(store->key, type, type->never_link[j], hash);
            struct identifier_entry entry;
            enum patron_code code = identifier_get(store->kv, NULL, hash, &store->event_arena, &entry, error);
            if (code == PATRON_NOT_FOUND)
                continue;
            TRY(code);
            if (!(entry.flags & NODE_BLOCKED))
                row_put(store, entry.node, next->version);
        }
    }
    return PATRON_OK;
}

enum patron_code to_block_listed(struct store *store, const struct definitions *next, struct error *error)
{
    CHECK(!store->group_open);
    enum patron_code code = listed_put(store, next, error);
    if (code != PATRON_OK)
        kv_batch_clear(store->batch);
    return code;
}

enum patron_code to_block_waits(const struct identity_rows_from *from, uint64_t node, struct arena *arena, bool *waits,
    struct error *error)
{
    uint8_t bytes[KEY_BYTES];
    struct bytes key = row_key(node, bytes), value;
    enum patron_code code = from->batch
        ? kv_batch_get(from->batch, KV_QUEUES, key, arena, &value, error)
        : kv_get(from->kv, from->snapshot, KV_QUEUES, key, arena, &value, error);
    *waits = code == PATRON_OK;
    return code == PATRON_NOT_FOUND ? PATRON_OK : code;
}

enum patron_code to_block_next(
    const struct view *view, uint64_t from_node, struct to_block *found, struct error *error)
{
    uint8_t key[KEY_BYTES];
    struct bytes from = row_key(from_node, key);
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_QUEUES, bytes_of(key, 1));
    kv_iterator_seek(rows, from);
    enum patron_code code;
    if (kv_iterator_valid(rows)) {
        struct bytes at = kv_iterator_borrow_key(rows);
        struct decoder value = decoder_of(kv_iterator_borrow_value(rows));
        uint8_t format = decode_u8(&value);
        uint64_t version = decode_varint(&value);
        bool sound = at.length == KEY_BYTES && format == ROW_FORMAT && decoder_done(&value) && version <= UINT32_MAX;
        code = sound ? PATRON_OK : error_set(error, PATRON_CORRUPT, "the list of what is to be blocked is damaged");
        if (sound)
            *found = (struct to_block){decode_be64(at.data + 1), (uint32_t)version};
    } else {
        code = kv_iterator_status(rows, error);
        if (code == PATRON_OK)
            code = PATRON_NOT_FOUND;
    }
    kv_iterator_free(rows);
    return code;
}
