/* What an engine behind kv.h provides. Private to this folder: kv.c checks arguments, keeps the counts of a batch, and
 * calls the engine that made the object; an engine's own structs begin with the ones below. */
#ifndef PATRON_KV_ENGINE_H
#define PATRON_KV_ENGINE_H

#include "store/kv/kv.h"

struct kv_engine {
    void (*close)(struct kv *kv);

    struct kv_snapshot *(*snapshot_new)(struct kv *kv);
    void (*snapshot_free)(struct kv_snapshot *snapshot);

    enum patron_code (*get)(struct kv *kv, const struct kv_snapshot *snapshot, enum kv_family family,
        struct bytes key, struct arena *arena, struct bytes *value, struct error *error);

    struct kv_iterator *(*iterator_new)(
        struct kv *kv, const struct kv_snapshot *snapshot, enum kv_family family, struct bytes prefix);
    struct kv_iterator *(*batch_iterator_new)(
        struct kv_batch *batch, enum kv_family family, struct bytes prefix);
    void (*iterator_seek)(struct kv_iterator *iterator, struct bytes key);
    void (*iterator_seek_last)(struct kv_iterator *iterator, struct bytes key);
    void (*iterator_next)(struct kv_iterator *iterator);
    bool (*iterator_valid)(const struct kv_iterator *iterator);
    struct bytes (*iterator_key)(const struct kv_iterator *iterator);
    struct bytes (*iterator_value)(const struct kv_iterator *iterator);
    enum patron_code (*iterator_status)(const struct kv_iterator *iterator, struct error *error);
    void (*iterator_free)(struct kv_iterator *iterator);

    struct kv_batch *(*batch_new)(struct kv *kv);
    void (*batch_free)(struct kv_batch *batch);
    void (*batch_clear)(struct kv_batch *batch);
    void (*batch_put)(struct kv_batch *batch, enum kv_family family, struct bytes key, struct bytes value);
    void (*batch_delete)(struct kv_batch *batch, enum kv_family family, struct bytes key);
    void (*batch_close)(struct kv_batch *batch); /* null: it makes no difference */
    enum patron_code (*batch_get)(struct kv_batch *batch, enum kv_family family, struct bytes key,
        struct arena *arena, struct bytes *value, struct error *error);
    enum patron_code (*write)(struct kv *kv, struct kv_batch *batch, bool sync, struct error *error);

    enum patron_code (*checkpoint)(struct kv *kv, const char *directory, struct error *error);
    void (*statistics)(struct kv *kv, struct kv_statistics *statistics);
};

struct kv {
    const struct kv_engine *engine;
};

struct kv_snapshot {
    struct kv *kv;
};

struct kv_iterator {
    struct kv *kv;
};

struct kv_batch {
    struct kv *kv;
    uint64_t count;
    uint64_t bytes;
    bool closed; /* see kv_batch_close */
};

/* The first key after all that begin with `prefix`, written to `end` (room for prefix.length bytes). Empty: there is
 * none, for the prefix is empty or all 0xff. */
struct bytes kv_prefix_end(struct bytes prefix, uint8_t *end);

#endif
