/* queues: key    queue u8 = 11 (a node's blocks) | node u64 BE | known_at i64 BE, sign bit flipped
 *         value  format u8 = 1 | blocked u8: 1, or 0: it may link again */
#include "store/changes/block_rows.h"

#include "store/store_internal.h"

enum { ROW_FORMAT = 1, KEY_BYTES = 17, PREFIX_BYTES = 9 };

void block_row_put(struct kv_batch *batch, uint64_t node, int64_t known_at_us, bool blocked)
{
    uint8_t key[KEY_BYTES] = {QUEUE_BLOCKED_OF}, value[] = {ROW_FORMAT, blocked};
    encode_be64(key + 1, node);
    encode_time(key + PREFIX_BYTES, known_at_us);
    kv_batch_put(batch, KV_QUEUES, bytes_of(key, sizeof key), bytes_of(value, sizeof value));
}

enum patron_code block_rows_each(const struct view *view, uint64_t node,
    void (*take)(void *context, int64_t known_at_us, bool blocked), void *context, struct error *error)
{
    uint8_t prefix[PREFIX_BYTES] = {QUEUE_BLOCKED_OF};
    encode_be64(prefix + 1, node);
    struct kv_iterator *rows =
        kv_iterator_new(view->kv, view->snapshot, KV_QUEUES, bytes_of(prefix, sizeof prefix));
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct bytes key = kv_iterator_borrow_key(rows), value = kv_iterator_borrow_value(rows);
        if (key.length != KEY_BYTES || value.length != 2 || value.data[0] != ROW_FORMAT || value.data[1] > 1) {
            code = error_set(error, PATRON_CORRUPT, "the row of when a node was blocked is damaged");
            goto free_rows;
        }
        take(context, decode_time(key.data + PREFIX_BYTES), value.data[1] == 1);
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

struct blocked_look {
    int64_t as_of_us;
    bool blocked;
};

static void blocked_take(void *context, int64_t known_at_us, bool blocked)
{
    struct blocked_look *look = context;
    if (known_at_us < look->as_of_us)
        look->blocked = blocked;
}

enum patron_code blocked_at(
    const struct view *view, uint64_t node, int64_t as_of_us, bool *blocked, struct error *error)
{
    struct blocked_look look = {as_of_us, false};
    TRY(block_rows_each(view, node, blocked_take, &look, error));
    *blocked = look.blocked;
    return PATRON_OK;
}
