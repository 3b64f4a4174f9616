#include "store/features/profile_rows.h"

enum patron_code profile_rows_read(struct kv *kv, const struct kv_snapshot *snapshot, uint32_t generation,
    uint64_t customer, const struct profile_parts **parts, struct error *error)
{
    uint8_t key_of_head[PROFILE_KEY_BYTES];
    profile_key_encode(generation, customer, 0, key_of_head);
    struct bytes prefix = bytes_of(key_of_head, PROFILE_KEY_BYTES - 8);
    struct arena arena = {0};
    size_t count = 0, capacity = 8;
    struct profile_part *list = arena_array(&arena, capacity, sizeof *list);
    struct kv_iterator *rows = kv_iterator_new(kv, snapshot, KV_PROFILES, prefix);
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, prefix); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        if (count == capacity) {
            struct profile_part *more = arena_array(&arena, 2 * capacity, sizeof *more);
            memcpy(more, list, capacity * sizeof *more);
            list = more;
            capacity *= 2;
        }
        struct bytes key = kv_iterator_borrow_key(rows);
        if (key.length != PROFILE_KEY_BYTES) {
            code = error_set(error, PATRON_CORRUPT, "the key of a profile's row is damaged");
            break;
        }
        list[count++] = (struct profile_part){
            decode_be64(key.data + prefix.length), arena_copy(&arena, kv_iterator_borrow_value(rows))};
    }
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    if (code == PATRON_OK && count == 0)
        code = PATRON_NOT_FOUND;
    if (code == PATRON_OK)
        *parts = profile_parts_new(list, count);
    arena_clear(&arena);
    return code;
}

void profile_rows_write(struct kv_batch *batch, uint32_t generation, uint64_t customer,
    const struct profile_parts *disk, const struct profile_parts *wanted)
{
    size_t i = 0, j = 0;
    size_t disk_count = disk ? disk->count : 0, wanted_count = wanted ? wanted->count : 0;
    while (i < disk_count || j < wanted_count) {
        uint64_t there = i < disk_count ? disk->part[i].number : UINT64_MAX;
        uint64_t want = j < wanted_count ? wanted->part[j].number : UINT64_MAX;
        uint8_t key[PROFILE_KEY_BYTES];
        profile_key_encode(generation, customer, there < want ? there : want, key);
        if (there < want)
            kv_batch_delete(batch, KV_PROFILES, bytes_of(key, sizeof key));
        else if (there > want || !bytes_equal(disk->part[i].value, wanted->part[j].value))
            kv_batch_put(batch, KV_PROFILES, bytes_of(key, sizeof key), wanted->part[j].value);
        i += there <= want;
        j += want <= there;
    }
}

enum patron_code profile_parts_at(
    const struct view *view, uint64_t customer, const struct profile_parts **parts, struct error *error)
{
    if (view->home) {
        bool found;
        *parts = view->home->functions->get(view->home, view->layout->generation, customer, view->position_us, &found);
        if (found)
            return *parts ? PATRON_OK : PATRON_NOT_FOUND;
    }
    return profile_rows_read(view->kv, view->snapshot, view->layout->generation, customer, parts, error);
}
