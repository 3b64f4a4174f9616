#include "store/kv/kv.h"

#include "store/kv/kv_engine.h"

static bool is_family(enum kv_family family)
{
    return (unsigned)family < KV_FAMILY_COUNT;
}

struct bytes kv_prefix_end(struct bytes prefix, uint8_t *end)
{
    size_t length = prefix.length;
    while (length > 0 && prefix.data[length - 1] == 0xff)
        length--;
    if (length > 0) {
        memcpy(end, prefix.data, length);
        end[length - 1]++;
    }
    return bytes_of(end, length);
}

void kv_close(struct kv *kv)
{
    if (kv)
        kv->engine->close(kv);
}

struct kv_snapshot *kv_snapshot_new(struct kv *kv)
{
    return kv->engine->snapshot_new(kv);
}

void kv_snapshot_free(struct kv *kv, struct kv_snapshot *snapshot)
{
    if (!snapshot)
        return;
    CHECK(snapshot->kv == kv);
    kv->engine->snapshot_free(snapshot);
}

enum patron_code kv_get(struct kv *kv, const struct kv_snapshot *snapshot, enum kv_family family,
    struct bytes key, struct arena *arena, struct bytes *value, struct error *error)
{
    CHECK(is_family(family));
    CHECK(!snapshot || snapshot->kv == kv);
    return kv->engine->get(kv, snapshot, family, key, arena, value, error);
}

struct kv_iterator *kv_iterator_new(
    struct kv *kv, const struct kv_snapshot *snapshot, enum kv_family family, struct bytes prefix)
{
    CHECK(is_family(family));
    CHECK(!snapshot || snapshot->kv == kv);
    return kv->engine->iterator_new(kv, snapshot, family, prefix);
}

void kv_iterator_seek(struct kv_iterator *iterator, struct bytes key)
{
    iterator->kv->engine->iterator_seek(iterator, key);
}

void kv_iterator_seek_last(struct kv_iterator *iterator, struct bytes key)
{
    iterator->kv->engine->iterator_seek_last(iterator, key);
}

void kv_iterator_next(struct kv_iterator *iterator)
{
    CHECK(kv_iterator_valid(iterator));
    iterator->kv->engine->iterator_next(iterator);
}

bool kv_iterator_valid(const struct kv_iterator *iterator)
{
    return iterator->kv->engine->iterator_valid(iterator);
}

struct bytes kv_iterator_borrow_key(const struct kv_iterator *iterator)
{
    CHECK(kv_iterator_valid(iterator));
    return iterator->kv->engine->iterator_key(iterator);
}

struct bytes kv_iterator_borrow_value(const struct kv_iterator *iterator)
{
    CHECK(kv_iterator_valid(iterator));
    return iterator->kv->engine->iterator_value(iterator);
}

enum patron_code kv_iterator_status(const struct kv_iterator *iterator, struct error *error)
{
    return iterator->kv->engine->iterator_status(iterator, error);
}

void kv_iterator_free(struct kv_iterator *iterator)
{
    if (iterator)
        iterator->kv->engine->iterator_free(iterator);
}

struct kv_batch *kv_batch_new(struct kv *kv)
{
    return kv->engine->batch_new(kv);
}

void kv_batch_free(struct kv_batch *batch)
{
    if (batch)
        batch->kv->engine->batch_free(batch);
}

void kv_batch_clear(struct kv_batch *batch)
{
    batch->kv->engine->batch_clear(batch);
    batch->count = 0;
    batch->bytes = 0;
    batch->closed = false;
}

void kv_batch_put(struct kv_batch *batch, enum kv_family family, struct bytes key, struct bytes value)
{
    CHECK(is_family(family));
    batch->kv->engine->batch_put(batch, family, key, value);
    batch->count++;
    batch->bytes += key.length + value.length;
}

void kv_batch_delete(struct kv_batch *batch, enum kv_family family, struct bytes key)
{
    CHECK(is_family(family));
    batch->kv->engine->batch_delete(batch, family, key);
    batch->count++;
    batch->bytes += key.length;
}

void kv_batch_close(struct kv_batch *batch)
{
    if (!batch->closed && batch->kv->engine->batch_close)
        batch->kv->engine->batch_close(batch);
    batch->closed = true;
}

uint64_t kv_batch_count(const struct kv_batch *batch)
{
    return batch->count;
}

uint64_t kv_batch_bytes(const struct kv_batch *batch)
{
    return batch->bytes;
}

enum patron_code kv_batch_get(struct kv_batch *batch, enum kv_family family, struct bytes key,
    struct arena *arena, struct bytes *value, struct error *error)
{
    CHECK(is_family(family));
    CHECK(!batch->closed);
    return batch->kv->engine->batch_get(batch, family, key, arena, value, error);
}

struct kv_iterator *kv_batch_iterator_new(struct kv_batch *batch, enum kv_family family, struct bytes prefix)
{
    CHECK(is_family(family));
    CHECK(!batch->closed);
    return batch->kv->engine->batch_iterator_new(batch, family, prefix);
}

enum patron_code kv_write(struct kv *kv, struct kv_batch *batch, bool sync, struct error *error)
{
    CHECK(batch->kv == kv);
    TRY(kv->engine->write(kv, batch, sync, error));
    kv_batch_clear(batch);
    return PATRON_OK;
}

enum patron_code kv_checkpoint(struct kv *kv, const char *directory, struct error *error)
{
    return kv->engine->checkpoint(kv, directory, error);
}

void kv_statistics(struct kv *kv, struct kv_statistics *statistics)
{
    *statistics = (struct kv_statistics){0};
    kv->engine->statistics(kv, statistics);
}
