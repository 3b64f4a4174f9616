/* meta, row `block_scan`: format u8 = 1 | version varint | next node varint */
#include "store/changes/block_scan.h"

#include "store/base/seal.h"
#include "store/store_internal.h"
#include "store/changes/to_block.h"

enum { ROW_FORMAT = 1, STEP_NODES = 4096 };

static const char row_name[] = "block_scan";

static bool may_block(const struct identifier_type *type)
{
    return type->never_links || (type->keep && type->never_link_pattern_count > 0);
}

static bool any_may_block(const struct definitions *definitions)
{
    for (size_t i = 0; i < definitions->identifier_count; i++)
        if (may_block(&definitions->identifiers[i]))
            return true;
    return false;
}

enum patron_code block_scan_begin(const struct view *view, struct block_scan *scan, struct error *error)
{
    *scan = (struct block_scan){.version = view->definitions->version, .next_node = UINT64_MAX};
    if (!any_may_block(view->definitions))
        return PATRON_OK;
    struct arena arena = {0};
    struct bytes value;
    enum patron_code code =
        kv_get(view->kv, view->snapshot, KV_META, bytes_from_string(row_name), &arena, &value, error);
    scan->next_node = 0;
    if (code == PATRON_OK) {
        struct decoder from = decoder_of(value);
        uint8_t format = decode_u8(&from);
        uint64_t version = decode_varint(&from), next_node = decode_varint(&from);
        if (format != ROW_FORMAT || !decoder_done(&from))
            code = error_set(error, PATRON_CORRUPT, "the row of what is looked through to be blocked is damaged");
        else if (version == scan->version)
            scan->next_node = next_node;
    }
    arena_clear(&arena);
    return code == PATRON_NOT_FOUND ? PATRON_OK : code;
}

static const struct identifier_type *type_of(const struct definitions *definitions, uint16_t number)
{
    for (size_t i = 0; i < definitions->identifier_count; i++)
        if (definitions->identifiers[i].number == number)
            return &definitions->identifiers[i];
    return NULL;
}

static enum patron_code is_blocked_by(const struct view *view, const struct identifier_type *type,
    const struct node_entry *node, struct arena *arena, bool *blocked, struct error *error)
{
    *blocked = type->never_links;
    if (*blocked || node->kept.length == 0)
        return PATRON_OK;
    struct bytes value;
    TRY(seal_open(view->key, SEAL_NODE, bytes_of(node->hash, IDENTIFIER_HASH_BYTES), node->kept, arena, &value, error));
    *blocked = identifier_never_links(type, value);
    return PATRON_OK;
}

static enum patron_code is_linked(
    const struct view *view, uint64_t node, struct arena *arena, bool *linked, struct error *error)
{
    struct link *links;
    size_t count;
    TRY(links_of(view->kv, view->snapshot, node, arena, &links, &count, error));
    *linked = false;
    for (size_t i = 0; i < count; i++)
        *linked = *linked || links[i].until_us == INT64_MAX;
    return PATRON_OK;
}

static enum patron_code node_look(const struct view *view, struct block_scan *scan, uint64_t node,
    const struct node_entry *entry, struct arena *arena, struct error *error)
{
    const struct identifier_type *type = type_of(view->definitions, entry->type);
    bool blocked = false, linked = false;
    if (!type || !may_block(type))
        return PATRON_OK;
    TRY(is_blocked_by(view, type, entry, arena, &blocked, error));
    if (blocked)
        TRY(is_linked(view, node, arena, &linked, error));
    if (linked)
        scan->found[scan->found_count++] = node;
    return PATRON_OK;
}

enum patron_code block_scan_step(const struct view *view, struct block_scan *scan, struct error *error)
{
    uint8_t from[8];
    encode_be64(from, scan->next_node);
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_NODES, (struct bytes){0});
    struct arena arena = {0};
    enum patron_code code = PATRON_OK;
    size_t looked = 0;
    for (kv_iterator_seek(rows, bytes_of(from, sizeof from)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct bytes key = kv_iterator_borrow_key(rows);
        struct node_entry entry;
        code = node_decode(kv_iterator_borrow_value(rows), &entry, error);
        if (code == PATRON_OK && key.length != 8)
            code = error_set(error, PATRON_CORRUPT, "a node's row is damaged");
        if (code != PATRON_OK)
            goto free_rows;
        scan->next_node = decode_be64(key.data);
        if (looked++ == STEP_NODES || scan->found_count == BLOCK_SCAN_FOUND_MAX)
            goto free_rows;
        arena_reset(&arena);
        code = node_look(view, scan, scan->next_node, &entry, &arena, error);
        if (code != PATRON_OK)
            goto free_rows;
    }
    code = kv_iterator_status(rows, error);
    scan->next_node = UINT64_MAX;
free_rows:
    arena_clear(&arena);
    kv_iterator_free(rows);
    return code;
}

void block_scan_write(struct store *store, struct block_scan *scan)
{
    CHECK(store->group_open);
    for (size_t i = 0; i < scan->found_count; i++)
        to_block_put(store, scan->found[i], scan->version);
    scan->found_count = 0;
    struct encoder to = {0};
    encode_u8(&to, ROW_FORMAT);
    encode_varint(&to, scan->version);
    encode_varint(&to, scan->next_node);
    meta_put(store, row_name, &to);
    store->group_queued = true;
}
