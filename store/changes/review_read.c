/* Looking review items up, on a view. */
#include "store/changes/review_queue.h"

enum { ITEM_KEY_BYTES = 9, OF_KEY_BYTES = 17 };

static struct identity_rows_from rows_of(const struct view *view)
{
    return (struct identity_rows_from){.kv = view->kv, .snapshot = view->snapshot};
}

enum patron_code review_get(const struct view *view, int64_t item_us, int64_t as_of_us, struct arena *arena,
    struct review_item *item, struct error *error)
{
    const struct identity_rows_from from = rows_of(view);
    struct review_row row;
    enum patron_code code = item_us < as_of_us ? review_row_get(&from, item_us, arena, &row, error) : PATRON_NOT_FOUND;
    if (code == PATRON_NOT_FOUND)
        return review_not_found(item_us, error);
    TRY(code);
    TRY(review_row_at(&from, as_of_us, arena, &row, error));
    *item = row.item;
    return PATRON_OK;
}

/* Looks at one; *go_on is what `take` says. */
static enum patron_code each_look(const struct view *view, int64_t item_us, const struct review_walk *walk,
    struct arena *arena, bool *go_on, struct error *error)
{
    struct review_item item;
    enum patron_code code = review_get(view, item_us, walk->as_of_us, arena, &item, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "a review item that waits is not there: run patron verify");
    TRY(code);
    if (!walk->open_only || item.state == REVIEW_OPEN || item.state == REVIEW_HALF_APPROVED)
        *go_on = walk->take(walk->context, &item);
    return PATRON_OK;
}

enum patron_code review_each(const struct view *view, const struct review_walk *walk, struct error *error)
{
    /* What waits now says nothing about what waited once. */
    bool waiting = walk->open_only && walk->as_of_us > view->position_us;
    uint8_t key[ITEM_KEY_BYTES] = {waiting ? QUEUE_REVIEW_WAITING : QUEUE_REVIEW};
    encode_time(key + 1, walk->from_us);
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_QUEUES, bytes_of(key, 1));
    struct arena arena = {0};
    enum patron_code code = PATRON_OK;
    bool go_on = true;
    for (kv_iterator_seek(rows, bytes_of(key, sizeof key)); go_on && code == PATRON_OK && kv_iterator_valid(rows);
         kv_iterator_next(rows)) {
        struct bytes at = kv_iterator_borrow_key(rows);
        if (at.length != ITEM_KEY_BYTES) {
            code = error_set(error, PATRON_CORRUPT, "the row of a review item is damaged");
            break;
        }
        int64_t item_us = decode_time(at.data + 1);
        if (item_us >= walk->as_of_us)
            break;
        code = each_look(view, item_us, walk, &arena, &go_on, error);
        arena_reset(&arena);
    }
    if (code == PATRON_OK && go_on && !kv_iterator_valid(rows))
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    arena_clear(&arena);
    return code;
}

enum patron_code review_of_node(const struct view *view, uint64_t node, int64_t as_of_us, struct arena *arena,
    struct review_item **items, size_t *count, struct error *error)
{
    uint8_t prefix[9] = {QUEUE_REVIEW_OF};
    encode_be64(prefix + 1, node);
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_QUEUES, bytes_of(prefix, sizeof prefix));
    size_t capacity = 8;
    *items = arena_array(arena, capacity, sizeof **items);
    *count = 0;
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); code == PATRON_OK && kv_iterator_valid(rows);
         kv_iterator_next(rows)) {
        struct bytes key = kv_iterator_borrow_key(rows);
        if (key.length != OF_KEY_BYTES) {
            code = error_set(error, PATRON_CORRUPT, "the row of a node's review item is damaged");
            break;
        }
        int64_t item_us = decode_time(key.data + 9);
        if (item_us >= as_of_us)
            break;
        if (*count == capacity) {
            struct review_item *more = arena_array(arena, capacity * 2, sizeof *more);
            memcpy(more, *items, capacity * sizeof *more);
            *items = more;
            capacity *= 2;
        }
        code = review_get(view, item_us, as_of_us, arena, &(*items)[*count], error);
        *count += code == PATRON_OK;
    }
    if (code == PATRON_OK && !kv_iterator_valid(rows))
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "a node's review item is not there: run patron verify");
    return code;
}
