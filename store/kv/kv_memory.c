/* kv_memory: the twin of kv_rocksdb for tests, and a source of faults.
 *
 * Each family is a skip list of keys; each key holds its versions, newest first, numbered by the write that made them.
 * A view (snapshot or iterator) is such a number and sees of each key the newest version that is not later. A write
 * drops, for the keys it touches, the versions that no living view can see, so that what an iterator lends stays put.
 * A batch is a skip list a family too, laid over the families by stepping through both.
 *
 * One mutex guards all of it: a twin has to be right from any thread, not fast.
 *
 * Faults: every get, seek, next, write and checkpoint counts as one fallible call; an iterator's failure is told by
 * kv_iterator_status until the next seek, as with RocksDB. Unlike kv_rocksdb it takes writes again after a failed
 * one: memory is not in doubt, and a test may want to see the retry. */
#include "store/kv/kv.h"

#include <pthread.h>

#include "store/kv/kv_engine.h"

/* 4^12 keys: with one key in four reaching the next level, more levels would serve no test. */
enum { HEIGHT_MAX = 12 };

struct version {
    struct version *older;
    uint64_t sequence;
    bool deleted;
    size_t length;
    uint8_t data[];
};

struct node {
    struct version *newest; /* never null */
    uint8_t *key;
    size_t key_length;
    int height;
    struct node *next[];
};

struct map {
    struct node *first[HEIGHT_MAX];
    uint64_t random; /* for heights; its course is fixed, so that a test runs the same way twice */
    uint64_t bytes;
};

struct view {
    struct view *newer;
    struct view *older;
    uint64_t sequence;
};

struct memory_kv {
    struct kv kv;
    pthread_mutex_t lock;
    struct map families[KV_FAMILY_COUNT];
    uint64_t sequence;  /* of the newest write */
    struct view *views; /* alive, in no order */
    uint64_t calls;
    uint64_t fail_at; /* the count of calls that fails; 0: none */
    enum patron_code fail_code;
};

struct memory_snapshot {
    struct kv_snapshot snapshot;
    struct view view;
};

struct memory_batch {
    struct kv_batch batch;
    struct map families[KV_FAMILY_COUNT];
};

struct memory_iterator {
    struct kv_iterator iterator;
    struct view view;
    const struct map *base;
    const struct map *over; /* a batch's changes; null: none */
    const struct node *at;  /* null: not valid */
    const struct version *version;
    struct error failure; /* PATRON_OK: none */
    struct bytes prefix;  /* kept in `memory` */
    struct bytes
        end; /* the first key past the prefix; empty: none, all keys from the prefix on begin with it */
    uint8_t memory[];
};

static const struct kv_engine memory_engine;

static struct memory_kv *memory_of(struct kv *kv)
{
    CHECK(kv->engine == &memory_engine);
    return (struct memory_kv *)kv;
}

/* --- the ordered map ----------------------------------------------------------------------------------------- */

static struct bytes node_key(const struct node *node)
{
    return bytes_of(node->key, node->key_length);
}

/* The last node before `key` (or at it, if `inclusive`), null if there is none. */
static const struct node *map_last(const struct map *map, struct bytes key, bool inclusive)
{
    const struct node *before = NULL;
    for (int level = HEIGHT_MAX - 1; level >= 0; level--) {
        const struct node *next = before ? before->next[level] : map->first[level];
        while (next && bytes_compare(node_key(next), key) < (inclusive ? 1 : 0)) {
            before = next;
            next = before->next[level];
        }
    }
    return before;
}

static const struct node *map_first(const struct map *map, struct bytes key, bool inclusive)
{
    const struct node *before = map_last(map, key, !inclusive);
    return before ? before->next[0] : map->first[0];
}

/* For changing: the links that lead to the first node at or after `key`, one a level. */
static void map_links(struct map *map, struct bytes key, struct node **links[HEIGHT_MAX])
{
    struct node *before = NULL;
    for (int level = HEIGHT_MAX - 1; level >= 0; level--) {
        struct node **link = before ? &before->next[level] : &map->first[level];
        while (*link && bytes_compare(node_key(*link), key) < 0) {
            before = *link;
            link = &before->next[level];
        }
        links[level] = link;
    }
}

static const struct node *map_find(const struct map *map, struct bytes key)
{
    const struct node *node = map_first(map, key, true);
    return node && bytes_equal(node_key(node), key) ? node : NULL;
}

static struct node *node_new(struct map *map, struct bytes key)
{
    if (map->random == 0)
        map->random = UINT64_C(0x9e3779b97f4a7c15);
    map->random ^= map->random << 13; /* xorshift64: G. Marsaglia, "Xorshift RNGs", 2003 */
    map->random ^= map->random >> 7;
    map->random ^= map->random << 17;
    int height = 1;
    for (uint64_t bits = map->random; height < HEIGHT_MAX && (bits & 3) == 0; bits >>= 2)
        height++;
    size_t links_bytes = (size_t)height * sizeof(struct node *);
    struct node *node = memory_alloc(sizeof *node + links_bytes + key.length);
    node->height = height;
    node->key = (uint8_t *)node + sizeof *node + links_bytes;
    node->key_length = key.length;
    if (key.length)
        memcpy(node->key, key.data, key.length);
    map->bytes += key.length;
    return node;
}

static void version_free(struct map *map, struct version *version)
{
    map->bytes -= version->length;
    memory_free(version);
}

/* Drops what is older than the newest version that every view from `oldest` on can see. */
static void node_trim(struct map *map, struct node *node, uint64_t oldest)
{
    struct version *keep = node->newest;
    while (keep && keep->sequence > oldest)
        keep = keep->older;
    if (!keep)
        return;
    struct version *drop = keep->older;
    keep->older = NULL;
    while (drop) {
        struct version *older = drop->older;
        version_free(map, drop);
        drop = older;
    }
}

/* Adds a version; `value` null deletes. `oldest`: the oldest sequence that a living view sees. */
static void map_set(
    struct map *map, struct bytes key, const struct bytes *value, uint64_t sequence, uint64_t oldest)
{
    struct node **links[HEIGHT_MAX];
    map_links(map, key, links);
    struct node *node = *links[0];
    if (!node || !bytes_equal(node_key(node), key)) {
        node = node_new(map, key);
        for (int level = 0; level < node->height; level++) {
            node->next[level] = *links[level];
            *links[level] = node;
        }
    }
    struct version *version = memory_alloc(sizeof *version + (value ? value->length : 0));
    version->older = node->newest;
    version->sequence = sequence;
    version->deleted = value == NULL;
    if (value && value->length) {
        version->length = value->length;
        memcpy(version->data, value->data, value->length);
    }
    map->bytes += version->length;
    node->newest = version;
    node_trim(map, node, oldest);
}

/* Takes out a key of which nothing is left but that it was deleted before all views. */
static void map_forget(struct map *map, struct bytes key, uint64_t oldest)
{
    struct node **links[HEIGHT_MAX];
    map_links(map, key, links);
    struct node *node = *links[0];
    CHECK(node && bytes_equal(node_key(node), key));
    if (!node->newest->deleted || node->newest->older || node->newest->sequence > oldest)
        return;
    for (int level = 0; level < node->height; level++)
        *links[level] = node->next[level];
    map->bytes -= node->key_length;
    version_free(map, node->newest);
    memory_free(node);
}

static void map_clear(struct map *map)
{
    struct node *node = map->first[0];
    while (node) {
        struct node *next = node->next[0];
        for (struct version *version = node->newest; version;) {
            struct version *older = version->older;
            memory_free(version);
            version = older;
        }
        memory_free(node);
        node = next;
    }
    *map = (struct map){.random = map->random};
}

/* What a view sees of a node: null if nothing, or that it was deleted. */
static const struct version *node_version(const struct node *node, uint64_t sequence)
{
    const struct version *version = node->newest;
    while (version && version->sequence > sequence)
        version = version->older;
    return version && !version->deleted ? version : NULL;
}

/* --- views and faults, under the lock ------------------------------------------------------------------------ */

static void view_add(struct memory_kv *memory, struct view *view, uint64_t sequence)
{
    *view = (struct view){.older = memory->views, .sequence = sequence};
    if (view->older)
        view->older->newer = view;
    memory->views = view;
}

static void view_remove(struct memory_kv *memory, struct view *view)
{
    if (view->newer)
        view->newer->older = view->older;
    else
        memory->views = view->older;
    if (view->older)
        view->older->newer = view->newer;
}

static uint64_t oldest_view(const struct memory_kv *memory)
{
    uint64_t oldest = memory->sequence;
    for (const struct view *view = memory->views; view; view = view->older) {
        if (view->sequence < oldest)
            oldest = view->sequence;
    }
    return oldest;
}

static enum patron_code count_call(struct memory_kv *memory, const char *what, struct error *error)
{
    memory->calls++;
    if (memory->fail_at != memory->calls)
        return PATRON_OK;
    return error_set(error, memory->fail_code, "the %s failed on demand (call %llu of the store in memory)",
        what, (unsigned long long)memory->calls);
}

static void lock(struct memory_kv *memory)
{
    CHECK(pthread_mutex_lock(&memory->lock) == 0);
}

static void unlock(struct memory_kv *memory)
{
    CHECK(pthread_mutex_unlock(&memory->lock) == 0);
}

struct kv *kv_memory_new(void)
{
    struct memory_kv *memory = memory_alloc(sizeof *memory);
    memory->kv.engine = &memory_engine;
    CHECK(pthread_mutex_init(&memory->lock, NULL) == 0);
    return &memory->kv;
}

void kv_memory_fail_after(struct kv *kv, uint64_t calls, enum patron_code code)
{
    CHECK(calls == 0 || code != PATRON_OK);
    struct memory_kv *memory = memory_of(kv);
    lock(memory);
    memory->fail_at = calls ? memory->calls + calls : 0;
    memory->fail_code = code;
    unlock(memory);
}

uint64_t kv_memory_calls(const struct kv *kv)
{
    struct memory_kv *memory = memory_of((struct kv *)kv);
    lock(memory);
    uint64_t calls = memory->calls;
    unlock(memory);
    return calls;
}

static void memory_close(struct kv *kv)
{
    struct memory_kv *memory = memory_of(kv);
    CHECK(memory->views == NULL);
    for (int family = 0; family < KV_FAMILY_COUNT; family++)
        map_clear(&memory->families[family]);
    CHECK(pthread_mutex_destroy(&memory->lock) == 0);
    memory_free(memory);
}

/* --- reading ------------------------------------------------------------------------------------------------- */

static struct kv_snapshot *memory_snapshot_new(struct kv *kv)
{
    struct memory_kv *memory = memory_of(kv);
    struct memory_snapshot *snapshot = memory_alloc(sizeof *snapshot);
    snapshot->snapshot.kv = kv;
    lock(memory);
    view_add(memory, &snapshot->view, memory->sequence);
    unlock(memory);
    return &snapshot->snapshot;
}

static void memory_snapshot_free(struct kv_snapshot *opaque)
{
    struct memory_snapshot *snapshot = (struct memory_snapshot *)opaque;
    struct memory_kv *memory = memory_of(opaque->kv);
    lock(memory);
    view_remove(memory, &snapshot->view);
    unlock(memory);
    memory_free(snapshot);
}

static enum patron_code copy_version(const struct version *version, struct arena *arena, struct bytes *value)
{
    if (!version)
        return PATRON_NOT_FOUND;
    *value = arena_copy(arena, bytes_of(version->data, version->length));
    return PATRON_OK;
}

static enum patron_code memory_get(struct kv *kv, const struct kv_snapshot *snapshot, enum kv_family family,
    struct bytes key, struct arena *arena, struct bytes *value, struct error *error)
{
    struct memory_kv *memory = memory_of(kv);
    lock(memory);
    enum patron_code code = count_call(memory, "get", error);
    if (code == PATRON_OK) {
        uint64_t sequence =
            snapshot ? ((const struct memory_snapshot *)snapshot)->view.sequence : memory->sequence;
        const struct node *node = map_find(&memory->families[family], key);
        code = copy_version(node ? node_version(node, sequence) : NULL, arena, value);
    }
    unlock(memory);
    return code;
}

static enum patron_code memory_batch_get(struct kv_batch *batch, enum kv_family family, struct bytes key,
    struct arena *arena, struct bytes *value, struct error *error)
{
    struct memory_kv *memory = memory_of(batch->kv);
    lock(memory);
    enum patron_code code = count_call(memory, "get", error);
    if (code == PATRON_OK) {
        const struct node *node = map_find(&((struct memory_batch *)batch)->families[family], key);
        if (!node)
            node = map_find(&memory->families[family], key);
        code = copy_version(node ? node_version(node, memory->sequence) : NULL, arena, value);
    }
    unlock(memory);
    return code;
}

static struct memory_iterator *iterator_new(struct kv *kv, enum kv_family family, struct bytes prefix)
{
    struct memory_kv *memory = memory_of(kv);
    struct memory_iterator *iterator = memory_alloc(sizeof *iterator + 2 * prefix.length);
    iterator->iterator.kv = kv;
    iterator->base = &memory->families[family];
    if (prefix.length)
        memcpy(iterator->memory, prefix.data, prefix.length);
    iterator->prefix = bytes_of(iterator->memory, prefix.length);
    iterator->end = kv_prefix_end(prefix, iterator->memory + prefix.length);
    return iterator;
}

static struct kv_iterator *memory_iterator_new(
    struct kv *kv, const struct kv_snapshot *snapshot, enum kv_family family, struct bytes prefix)
{
    struct memory_kv *memory = memory_of(kv);
    struct memory_iterator *iterator = iterator_new(kv, family, prefix);
    lock(memory);
    view_add(memory, &iterator->view,
        snapshot ? ((const struct memory_snapshot *)snapshot)->view.sequence : memory->sequence);
    unlock(memory);
    return &iterator->iterator;
}

static struct kv_iterator *memory_batch_iterator_new(
    struct kv_batch *batch, enum kv_family family, struct bytes prefix)
{
    struct memory_kv *memory = memory_of(batch->kv);
    struct memory_iterator *iterator = iterator_new(batch->kv, family, prefix);
    iterator->over = &((struct memory_batch *)batch)->families[family];
    lock(memory);
    view_add(memory, &iterator->view, memory->sequence);
    unlock(memory);
    return &iterator->iterator;
}

/* Of two nodes (either may be null) the one that comes first in the direction of the walk; the second if they tie. */
static const struct node *nearer(const struct node *base, const struct node *over, bool forward)
{
    if (!base || !over)
        return base ? base : over;
    int order = bytes_compare(node_key(base), node_key(over));
    return (forward ? order < 0 : order > 0) ? base : over;
}

static const struct node *neighbour(const struct map *map, struct bytes key, bool inclusive, bool forward)
{
    return forward ? map_first(map, key, inclusive) : map_last(map, key, inclusive);
}

/* Places the iterator on the nearest key from `key` on that its view sees and its prefix allows. */
static void place(struct memory_iterator *iterator, struct bytes key, bool inclusive, bool forward)
{
    iterator->at = NULL;
    for (;;) {
        const struct node *base = neighbour(iterator->base, key, inclusive, forward);
        const struct node *over = iterator->over ? neighbour(iterator->over, key, inclusive, forward) : NULL;
        const struct node *node = nearer(base, over, forward);
        if (!node || !bytes_starts_with(node_key(node), iterator->prefix))
            return;
        iterator->version = node_version(node, iterator->view.sequence);
        if (iterator->version) {
            iterator->at = node;
            return;
        }
        key = node_key(node);
        inclusive = false;
    }
}

/* Counts the move as a call; false: it fails, and the iterator says so. */
static bool may_move(struct memory_iterator *iterator, const char *what)
{
    iterator->failure.code = PATRON_OK;
    if (count_call(memory_of(iterator->iterator.kv), what, &iterator->failure) == PATRON_OK)
        return true;
    iterator->at = NULL;
    return false;
}

static void memory_iterator_seek(struct kv_iterator *opaque, struct bytes key)
{
    struct memory_iterator *iterator = (struct memory_iterator *)opaque;
    struct memory_kv *memory = memory_of(opaque->kv);
    lock(memory);
    if (may_move(iterator, "seek"))
        place(iterator, bytes_compare(key, iterator->prefix) < 0 ? iterator->prefix : key, true, true);
    unlock(memory);
}

static void memory_iterator_seek_last(struct kv_iterator *opaque, struct bytes key)
{
    struct memory_iterator *iterator = (struct memory_iterator *)opaque;
    struct memory_kv *memory = memory_of(opaque->kv);
    bool past = iterator->end.length && bytes_compare(key, iterator->end) >= 0;
    lock(memory);
    if (may_move(iterator, "seek"))
        place(iterator, past ? iterator->end : key, !past, false);
    unlock(memory);
}

static void memory_iterator_next(struct kv_iterator *opaque)
{
    struct memory_iterator *iterator = (struct memory_iterator *)opaque;
    struct memory_kv *memory = memory_of(opaque->kv);
    lock(memory);
    struct bytes key = node_key(iterator->at);
    if (may_move(iterator, "step"))
        place(iterator, key, false, true);
    unlock(memory);
}

static bool memory_iterator_valid(const struct kv_iterator *iterator)
{
    return ((const struct memory_iterator *)iterator)->at != NULL;
}

static struct bytes memory_iterator_key(const struct kv_iterator *iterator)
{
    return node_key(((const struct memory_iterator *)iterator)->at);
}

static struct bytes memory_iterator_value(const struct kv_iterator *iterator)
{
    const struct version *version = ((const struct memory_iterator *)iterator)->version;
    return bytes_of(version->data, version->length);
}

static enum patron_code memory_iterator_status(const struct kv_iterator *opaque, struct error *error)
{
    const struct memory_iterator *iterator = (const struct memory_iterator *)opaque;
    if (iterator->failure.code == PATRON_OK)
        return PATRON_OK;
    return error_set(error, iterator->failure.code, "%s", iterator->failure.text);
}

static void memory_iterator_free(struct kv_iterator *opaque)
{
    struct memory_iterator *iterator = (struct memory_iterator *)opaque;
    struct memory_kv *memory = memory_of(opaque->kv);
    lock(memory);
    view_remove(memory, &iterator->view);
    unlock(memory);
    memory_free(iterator);
}

/* --- writing ------------------------------------------------------------------------------------------------- */

static struct kv_batch *memory_batch_new(struct kv *kv)
{
    struct memory_batch *batch = memory_alloc(sizeof *batch);
    batch->batch.kv = kv;
    return &batch->batch;
}

static void memory_batch_clear(struct kv_batch *opaque)
{
    struct memory_batch *batch = (struct memory_batch *)opaque;
    for (int family = 0; family < KV_FAMILY_COUNT; family++)
        map_clear(&batch->families[family]);
}

static void memory_batch_free(struct kv_batch *batch)
{
    memory_batch_clear(batch);
    memory_free(batch);
}

/* A batch's versions have the sequence 0, which every view sees, and only the newest is kept. */
static void memory_batch_put(
    struct kv_batch *batch, enum kv_family family, struct bytes key, struct bytes value)
{
    map_set(&((struct memory_batch *)batch)->families[family], key, &value, 0, 0);
}

static void memory_batch_delete(struct kv_batch *batch, enum kv_family family, struct bytes key)
{
    map_set(&((struct memory_batch *)batch)->families[family], key, NULL, 0, 0);
}

static void apply(struct memory_kv *memory, enum kv_family family, const struct map *changes)
{
    struct map *map = &memory->families[family];
    uint64_t oldest = oldest_view(memory);
    for (const struct node *node = changes->first[0]; node; node = node->next[0]) {
        struct bytes value = bytes_of(node->newest->data, node->newest->length);
        map_set(map, node_key(node), node->newest->deleted ? NULL : &value, memory->sequence, oldest);
        if (node->newest->deleted)
            map_forget(map, node_key(node), oldest);
    }
}

static enum patron_code memory_write(struct kv *kv, struct kv_batch *opaque, bool sync, struct error *error)
{
    (void)sync; /* memory has no later */
    struct memory_kv *memory = memory_of(kv);
    struct memory_batch *batch = (struct memory_batch *)opaque;
    lock(memory);
    enum patron_code code = count_call(memory, "write", error);
    if (code == PATRON_OK) {
        memory->sequence++;
        for (int family = 0; family < KV_FAMILY_COUNT; family++)
            apply(memory, (enum kv_family)family, &batch->families[family]);
    }
    unlock(memory);
    return code;
}

/* --- keeping ------------------------------------------------------------------------------------------------- */

static enum patron_code memory_checkpoint(struct kv *kv, const char *directory, struct error *error)
{
    struct memory_kv *memory = memory_of(kv);
    lock(memory);
    enum patron_code code = count_call(memory, "checkpoint", error);
    unlock(memory);
    TRY(code);
    return error_set(
        error, PATRON_UNSUPPORTED, "cannot make %s: a store in memory has no checkpoints", directory);
}

static void memory_statistics(struct kv *kv, struct kv_statistics *statistics)
{
    struct memory_kv *memory = memory_of(kv);
    lock(memory);
    for (int family = 0; family < KV_FAMILY_COUNT; family++)
        statistics->memory_bytes += memory->families[family].bytes;
    unlock(memory);
}

static const struct kv_engine memory_engine = {
    .close = memory_close,
    .snapshot_new = memory_snapshot_new,
    .snapshot_free = memory_snapshot_free,
    .get = memory_get,
    .iterator_new = memory_iterator_new,
    .batch_iterator_new = memory_batch_iterator_new,
    .iterator_seek = memory_iterator_seek,
    .iterator_seek_last = memory_iterator_seek_last,
    .iterator_next = memory_iterator_next,
    .iterator_valid = memory_iterator_valid,
    .iterator_key = memory_iterator_key,
    .iterator_value = memory_iterator_value,
    .iterator_status = memory_iterator_status,
    .iterator_free = memory_iterator_free,
    .batch_new = memory_batch_new,
    .batch_free = memory_batch_free,
    .batch_clear = memory_batch_clear,
    .batch_put = memory_batch_put,
    .batch_delete = memory_batch_delete,
    .batch_get = memory_batch_get,
    .write = memory_write,
    .checkpoint = memory_checkpoint,
    .statistics = memory_statistics,
};
