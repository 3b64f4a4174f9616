/* kv_rocksdb: the store on disk, by RocksDB 7.8 through its C interface. No other file includes rocksdb/c.h.
 *
 * A family is a column family of the name in KV_FAMILIES; RocksDB's own "default" stays empty. A batch is RocksDB's
 * write batch with an index that keeps the newest change of a key, so it can be read through without locks; once
 * closed, what is in it goes on as one without an index.
 *
 * What a crash may do to the write-ahead log. A write that was under way may leave its record cut short at the end of
 * the log: that one was never acknowledged and is dropped in silence. A record that is whole but fails its checksum, or
 * one with others behind it, was perhaps acknowledged: RocksDB's default (point in time) would drop it and all that
 * follows without a word, so the older mode is set, which refuses to open (PATRON_CORRUPT) and leaves the choice to the
 * operator. The price: a file system that writes pages out of order can make an unacknowledged tail look like that too.
 * Logs are not recycled, since that mode cannot tell a recycled tail from damage. RocksDB's tracking of logs in the
 * manifest, which would notice a log file that is gone, is off: until 7.9 it raises false alarms (facebook/rocksdb pull
 * request 10892). A lost CURRENT file, which RocksDB takes for an empty directory, is caught here.
 *
 * After a failed write the first error is kept, and all later writes and checkpoints are refused with its words: part
 * of a record may stand in the log, and what RocksDB would append behind it could not be read back after a crash,
 * though the write had returned success. Reads go on. Opening the directory again is the way out.
 *
 * Iterators are bounded to their prefix on both sides, so the deleted keys of a neighbour cost nothing. RocksDB keeps
 * pointers to the bounds and to the read options: they live in the iterator, and go after RocksDB's own is gone. The
 * index of a batch knows no bounds, so an iterator over a batch is held to its prefix here.
 *
 * RocksDB's statistics are off: they make a warm read dearer by half. */
#include "store/kv/kv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include <rocksdb/c.h>

#include "store/kv/kv_engine.h"
#include "store/kv/kv_rocksdb_error.h"

/* Families by RocksDB's count: its "default" comes after ours, so that ours keep their numbers. */
enum { HANDLES = KV_FAMILY_COUNT + 1 };

enum { MEBIBYTE = 1024 * 1024 };

enum family_access { POINT, SCAN };

static const char *const handle_names[HANDLES] = {
#define X(family, name, access) [family] = name,
    KV_FAMILIES(X)
#undef X
        [KV_FAMILY_COUNT] = "default",
};

static const enum family_access handle_accesses[HANDLES] = {
#define X(family, name, access) [family] = access,
    KV_FAMILIES(X)
#undef X
        [KV_FAMILY_COUNT] = SCAN,
};

struct rocks {
    struct kv kv;
    rocksdb_t *db;
    rocksdb_column_family_handle_t *handles[HANDLES];
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write;
    rocksdb_writeoptions_t *write_sync;
    char *directory;
    bool read_only;
    /* Set once by the writer; `first_failure` is complete before `failed` is seen. */
    atomic_bool failed;
    struct error first_failure;
};

struct rocks_snapshot {
    struct kv_snapshot snapshot;
    const rocksdb_snapshot_t *at;
    rocksdb_readoptions_t *read;
};

struct rocks_batch {
    struct kv_batch batch;
    rocksdb_writebatch_wi_t *changes;
    rocksdb_writebatch_t *closed; /* from rocks_batch_close on, with all that was in `changes`; else null */
};

struct rocks_iterator {
    struct kv_iterator iterator;
    rocksdb_iterator_t *cursor;
    rocksdb_readoptions_t *read; /* points to the bounds below */
    bool over_batch;
    bool valid;
    struct bytes prefix; /* in `memory`, as `end` is */
    struct bytes end;    /* the first key past the prefix; empty: none */
    uint8_t memory[];
};

static const struct kv_engine rocks_engine;

static struct rocks *rocks_of(struct kv *kv)
{
    CHECK(kv->engine == &rocks_engine);
    return (struct rocks *)kv;
}

/* Turns RocksDB's error text, which it frees, into ours; null is no error. Every call that can fail is followed by it,
 * with an errptr that was null before: RocksDB would free anything else. */
static enum patron_code take_failure(
    char *text, const char *doing, const char *directory, struct error *error)
{
    if (!text)
        return PATRON_OK;
    const struct kv_rocksdb_failure *failure = kv_rocksdb_failure_of(text);
    enum patron_code code =
        error_set(error, failure->code, "cannot %s %s: %s; %s", doing, directory, text, failure->advice);
    rocksdb_free(text);
    return code;
}

/* --- opening ------------------------------------------------------------------------------------------------- */

/* A new directory entry is on disk only when its parent is synced. */
static enum patron_code sync_parent(const char *path, struct error *error)
{
    size_t length = strlen(path);
    char *copy = memory_alloc(length + 1);
    memcpy(copy, path, length);
    enum patron_code code = PATRON_OK;
    int parent = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || fsync(parent) != 0)
        code =
            error_set(error, PATRON_IO, "cannot sync the directory that holds %s: %s", path, strerror(errno));
    if (parent >= 0)
        close(parent);
    memory_free(copy);
    return code;
}

static bool is_data_file(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcmp(dot, ".sst") == 0 || strcmp(dot, ".log") == 0);
}

/* RocksDB takes a directory without the file CURRENT for an empty one, makes a new store there and deletes the old
 * one's files. When it makes a store, CURRENT is there before any file of data. */
static enum patron_code check_contents(DIR *directory, const char *path, bool read_only, struct error *error)
{
    if (faccessat(dirfd(directory), "CURRENT", F_OK, 0) == 0)
        return PATRON_OK;
    if (errno != ENOENT)
        return error_set(
            error, PATRON_IO, "cannot look into the data directory %s: %s", path, strerror(errno));
    const struct dirent *entry;
    while ((errno = 0, entry = readdir(directory))) {
        if (is_data_file(entry->d_name))
            return error_set(error, PATRON_CORRUPT,
                "the data directory %s holds %s, but its file CURRENT is missing; restore it from a backup",
                path, entry->d_name);
    }
    if (errno != 0)
        return error_set(error, PATRON_IO, "cannot list the data directory %s: %s", path, strerror(errno));
    if (read_only)
        return error_set(error, PATRON_PRECONDITION, "the directory %s holds no store", path);
    return PATRON_OK;
}

static enum patron_code prepare_directory(const char *path, bool read_only, struct error *error)
{
    if (!read_only) {
        if (mkdir(path, 0700) == 0)
            TRY(sync_parent(path, error));
        else if (errno != EEXIST)
            return error_set(
                error, PATRON_IO, "cannot make the data directory %s: %s", path, strerror(errno));
    }
    DIR *directory = opendir(path);
    if (!directory)
        return error_set(error, PATRON_IO, "cannot open the data directory %s: %s", path, strerror(errno));
    enum patron_code code = check_contents(directory, path, read_only, error);
    closedir(directory);
    return code;
}

/* What holds for the whole store. The numbers are for one machine that serves reads while it takes writes. */
static rocksdb_options_t *store_options(uint64_t memtable_bytes, int background_jobs)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_create_missing_column_families(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    rocksdb_options_set_wal_recovery_mode(options, rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_options_set_recycle_log_file_num(options, 0);
    rocksdb_options_set_max_background_jobs(options, background_jobs);
    /* All files stay open, their indexes and filters in memory: a quarter dearer reads if they went by the cache. */
    rocksdb_options_set_max_open_files(options, -1);
    /* Write-back in small steps rather than in bursts that readers feel. */
    rocksdb_options_set_bytes_per_sync(options, MEBIBYTE);
    rocksdb_options_set_wal_bytes_per_sync(options, MEBIBYTE);
    /* Readers never delete files or memtables; a background job does. */
    rocksdb_options_set_avoid_unnecessary_blocking_io(options, 1);
    rocksdb_options_set_db_write_buffer_size(options, memtable_bytes);
    /* A family that is seldom written holds on to old logs until it is flushed: bounds them, and recovery's time. */
    rocksdb_options_set_max_total_wal_size(options, 2 * memtable_bytes);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    rocksdb_options_set_max_log_file_size(options, 16 * MEBIBYTE);
    rocksdb_options_set_keep_log_file_num(options, 4);
    return options;
}

static rocksdb_options_t *family_options(
    rocksdb_options_t *store, enum family_access access, uint64_t memtable_bytes, rocksdb_cache_t *cache)
{
    rocksdb_options_t *options = rocksdb_options_create_copy(store);
    rocksdb_options_set_write_buffer_size(options, memtable_bytes / 4);
    rocksdb_options_set_max_write_buffer_number(options, 3);
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    /* To be decided when a store is made; it may not be changed after. */
    rocksdb_options_set_level_compaction_dynamic_level_bytes(options, 1);

    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 0);
    rocksdb_block_based_options_set_format_version(table, 5);
    if (access == POINT) {
        rocksdb_block_based_options_set_block_size(table, 4096);
        rocksdb_block_based_options_set_data_block_index_type(
            table, rocksdb_block_based_table_data_block_index_type_binary_search_and_hash);
        rocksdb_block_based_options_set_data_block_hash_ratio(table, 0.75);
        /* Ribbon takes a third less memory than Bloom for the same answers; level 0, rewritten soon, gets Bloom. */
        rocksdb_block_based_options_set_filter_policy(
            table, rocksdb_filterpolicy_create_ribbon_hybrid(10, 1));
        rocksdb_block_based_options_set_whole_key_filtering(table, 1);
        rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, 0.05);
        rocksdb_options_set_memtable_whole_key_filtering(options, 1);
    } else {
        /* A seek reads one block a level: small enough for that, large enough to compress neighbours together. */
        rocksdb_block_based_options_set_block_size(table, 8192);
    }
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_block_based_options_destroy(table);
    return options;
}

/* Compaction yields the CPU to the threads that serve. The setting is the process's, as RocksDB's threads are. */
static void lower_compaction_priority(void)
{
    rocksdb_env_t *env = rocksdb_create_default_env();
    rocksdb_env_lower_thread_pool_cpu_priority(env);
    rocksdb_env_destroy(env);
}

static enum patron_code open_database(
    struct rocks *rocks, const struct kv_rocksdb_options *options, struct error *error)
{
    uint64_t memtable_bytes = options->memtable_bytes ? options->memtable_bytes : UINT64_C(64) * MEBIBYTE;
    rocksdb_options_t *store =
        store_options(memtable_bytes, options->background_jobs ? options->background_jobs : 2);
    rocksdb_options_t *by_access[] = {
        [POINT] = family_options(store, POINT, memtable_bytes, rocks->cache),
        [SCAN] = family_options(store, SCAN, memtable_bytes, rocks->cache),
    };
    const rocksdb_options_t *families[HANDLES];
    for (int i = 0; i < HANDLES; i++)
        families[i] = by_access[handle_accesses[i]];

    char *failure = NULL;
    if (options->read_only)
        rocks->db = rocksdb_open_for_read_only_column_families(
            store, rocks->directory, HANDLES, handle_names, families, rocks->handles, 0, &failure);
    else
        rocks->db = rocksdb_open_column_families(
            store, rocks->directory, HANDLES, handle_names, families, rocks->handles, &failure);
    rocksdb_options_destroy(by_access[POINT]);
    rocksdb_options_destroy(by_access[SCAN]);
    rocksdb_options_destroy(store);
    return take_failure(failure, "open the data directory", rocks->directory, error);
}

static void rocks_free(struct rocks *rocks)
{
    rocksdb_writeoptions_destroy(rocks->write_sync);
    rocksdb_writeoptions_destroy(rocks->write);
    rocksdb_readoptions_destroy(rocks->read);
    rocksdb_cache_destroy(rocks->cache);
    memory_free(rocks->directory);
    memory_free(rocks);
}

enum patron_code kv_rocksdb_open(
    const struct kv_rocksdb_options *options, struct kv **kv, struct error *error)
{
    TRY(prepare_directory(options->directory, options->read_only, error));
    struct rocks *rocks = memory_alloc(sizeof *rocks);
    rocks->kv.engine = &rocks_engine;
    rocks->read_only = options->read_only;
    size_t length = strlen(options->directory);
    rocks->directory = memory_alloc(length + 1);
    memcpy(rocks->directory, options->directory, length);
    rocks->cache =
        rocksdb_cache_create_lru(options->cache_bytes ? options->cache_bytes : UINT64_C(96) * MEBIBYTE);
    rocks->read = rocksdb_readoptions_create();
    rocks->write = rocksdb_writeoptions_create();
    rocks->write_sync = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(rocks->write_sync, 1);
    lower_compaction_priority();

    enum patron_code code = open_database(rocks, options, error);
    if (code != PATRON_OK) {
        rocks_free(rocks);
        return code;
    }
    *kv = &rocks->kv;
    return PATRON_OK;
}

static void rocks_close(struct kv *kv)
{
    struct rocks *rocks = rocks_of(kv);
    if (!rocks->read_only && !atomic_load(&rocks->failed)) {
        /* Whoever wanted to be sure has synced its write; this is for the rest, and nobody is left to tell. */
        char *failure = NULL;
        rocksdb_flush_wal(rocks->db, 1, &failure);
        rocksdb_free(failure);
    }
    rocksdb_cancel_all_background_work(rocks->db, 1);
    for (int i = 0; i < HANDLES; i++)
        rocksdb_column_family_handle_destroy(rocks->handles[i]);
    rocksdb_close(rocks->db);
    rocks_free(rocks);
}

/* --- reading ------------------------------------------------------------------------------------------------- */

static const char *chars(struct bytes bytes)
{
    return bytes.length ? (const char *)bytes.data : "";
}

/* The read options point to the snapshot, so making them here keeps reads free of it. */
static struct kv_snapshot *rocks_snapshot_new(struct kv *kv)
{
    struct rocks *rocks = rocks_of(kv);
    struct rocks_snapshot *snapshot = memory_alloc(sizeof *snapshot);
    snapshot->snapshot.kv = kv;
    snapshot->at = rocksdb_create_snapshot(rocks->db);
    snapshot->read = rocksdb_readoptions_create();
    rocksdb_readoptions_set_snapshot(snapshot->read, snapshot->at);
    return &snapshot->snapshot;
}

static void rocks_snapshot_free(struct kv_snapshot *opaque)
{
    struct rocks_snapshot *snapshot = (struct rocks_snapshot *)opaque;
    rocksdb_readoptions_destroy(snapshot->read);
    rocksdb_release_snapshot(rocks_of(opaque->kv)->db, snapshot->at);
    memory_free(snapshot);
}

static enum patron_code rocks_get(struct kv *kv, const struct kv_snapshot *snapshot, enum kv_family family,
    struct bytes key, struct arena *arena, struct bytes *value, struct error *error)
{
    struct rocks *rocks = rocks_of(kv);
    const rocksdb_readoptions_t *read =
        snapshot ? ((const struct rocks_snapshot *)snapshot)->read : rocks->read;
    char *failure = NULL;
    rocksdb_pinnableslice_t *pinned =
        rocksdb_get_pinned_cf(rocks->db, read, rocks->handles[family], chars(key), key.length, &failure);
    TRY(take_failure(failure, "read from", rocks->directory, error));
    if (!pinned)
        return PATRON_NOT_FOUND;
    size_t length;
    const char *data = rocksdb_pinnableslice_value(pinned, &length);
    *value = arena_copy(arena, bytes_of(data, length));
    rocksdb_pinnableslice_destroy(pinned);
    return PATRON_OK;
}

static struct rocks_iterator *iterator_new(
    struct rocks *rocks, const struct kv_snapshot *snapshot, enum kv_family family, struct bytes prefix)
{
    struct rocks_iterator *iterator = memory_alloc(sizeof *iterator + 2 * prefix.length);
    iterator->iterator.kv = &rocks->kv;
    iterator->read = rocksdb_readoptions_create();
    if (snapshot)
        rocksdb_readoptions_set_snapshot(iterator->read, ((const struct rocks_snapshot *)snapshot)->at);
    if (prefix.length) {
        memcpy(iterator->memory, prefix.data, prefix.length);
        iterator->prefix = bytes_of(iterator->memory, prefix.length);
        rocksdb_readoptions_set_iterate_lower_bound(
            iterator->read, chars(iterator->prefix), iterator->prefix.length);
    }
    iterator->end = kv_prefix_end(prefix, iterator->memory + prefix.length);
    if (iterator->end.length)
        rocksdb_readoptions_set_iterate_upper_bound(
            iterator->read, chars(iterator->end), iterator->end.length);
    iterator->cursor = rocksdb_create_iterator_cf(rocks->db, iterator->read, rocks->handles[family]);
    return iterator;
}

static struct kv_iterator *rocks_iterator_new(
    struct kv *kv, const struct kv_snapshot *snapshot, enum kv_family family, struct bytes prefix)
{
    return &iterator_new(rocks_of(kv), snapshot, family, prefix)->iterator;
}

static struct kv_iterator *rocks_batch_iterator_new(
    struct kv_batch *opaque, enum kv_family family, struct bytes prefix)
{
    struct rocks *rocks = rocks_of(opaque->kv);
    struct rocks_batch *batch = (struct rocks_batch *)opaque;
    struct rocks_iterator *iterator = iterator_new(rocks, NULL, family, prefix);
    /* Takes the cursor it is given. */
    iterator->cursor = rocksdb_writebatch_wi_create_iterator_with_base_cf(
        batch->changes, iterator->cursor, rocks->handles[family]);
    iterator->over_batch = true;
    return &iterator->iterator;
}

static struct bytes cursor_key(const struct rocks_iterator *iterator)
{
    size_t length;
    const char *key = rocksdb_iter_key(iterator->cursor, &length);
    return bytes_of(key, length);
}

/* After every move: is there something under the cursor, and within the prefix? */
static void settle(struct rocks_iterator *iterator)
{
    iterator->valid = rocksdb_iter_valid(iterator->cursor) &&
                      (!iterator->over_batch || bytes_starts_with(cursor_key(iterator), iterator->prefix));
}

static void rocks_iterator_seek(struct kv_iterator *opaque, struct bytes key)
{
    struct rocks_iterator *iterator = (struct rocks_iterator *)opaque;
    if (bytes_compare(key, iterator->prefix) < 0)
        key = iterator->prefix;
    rocksdb_iter_seek(iterator->cursor, chars(key), key.length);
    settle(iterator);
}

static void rocks_iterator_seek_last(struct kv_iterator *opaque, struct bytes key)
{
    struct rocks_iterator *iterator = (struct rocks_iterator *)opaque;
    bool past = iterator->end.length && bytes_compare(key, iterator->end) >= 0;
    if (past)
        key = iterator->end;
    rocksdb_iter_seek_for_prev(iterator->cursor, chars(key), key.length);
    /* A batch, having no bounds, may hold the very key that ends the prefix. */
    if (past && iterator->over_batch && rocksdb_iter_valid(iterator->cursor) &&
        bytes_equal(cursor_key(iterator), iterator->end))
        rocksdb_iter_prev(iterator->cursor);
    settle(iterator);
}

static void rocks_iterator_next(struct kv_iterator *opaque)
{
    struct rocks_iterator *iterator = (struct rocks_iterator *)opaque;
    rocksdb_iter_next(iterator->cursor);
    settle(iterator);
}

static bool rocks_iterator_valid(const struct kv_iterator *iterator)
{
    return ((const struct rocks_iterator *)iterator)->valid;
}

static struct bytes rocks_iterator_key(const struct kv_iterator *iterator)
{
    return cursor_key((const struct rocks_iterator *)iterator);
}

static struct bytes rocks_iterator_value(const struct kv_iterator *iterator)
{
    size_t length;
    const char *value = rocksdb_iter_value(((const struct rocks_iterator *)iterator)->cursor, &length);
    return bytes_of(value, length);
}

static enum patron_code rocks_iterator_status(const struct kv_iterator *opaque, struct error *error)
{
    const struct rocks_iterator *iterator = (const struct rocks_iterator *)opaque;
    char *failure = NULL;
    rocksdb_iter_get_error(iterator->cursor, &failure);
    return take_failure(failure, "read from", rocks_of(opaque->kv)->directory, error);
}

static void rocks_iterator_free(struct kv_iterator *opaque)
{
    struct rocks_iterator *iterator = (struct rocks_iterator *)opaque;
    rocksdb_iter_destroy(iterator->cursor);
    rocksdb_readoptions_destroy(iterator->read);
    memory_free(iterator);
}

/* --- writing ------------------------------------------------------------------------------------------------- */

static rocksdb_writebatch_wi_t *changes_of(struct kv_batch *batch)
{
    return ((struct rocks_batch *)batch)->changes;
}

static rocksdb_writebatch_t *closed_of(struct kv_batch *batch)
{
    return ((struct rocks_batch *)batch)->closed;
}

static struct kv_batch *rocks_batch_new(struct kv *kv)
{
    struct rocks_batch *batch = memory_alloc(sizeof *batch);
    batch->batch.kv = kv;
    batch->changes = rocksdb_writebatch_wi_create(0, 1);
    return &batch->batch;
}

static void rocks_batch_open(struct kv_batch *batch)
{
    struct rocks_batch *rocks = (struct rocks_batch *)batch;
    if (rocks->closed)
        rocksdb_writebatch_destroy(rocks->closed);
    rocks->closed = NULL;
}

static void rocks_batch_close(struct kv_batch *batch)
{
    size_t length;
    const char *changes = rocksdb_writebatch_wi_data(changes_of(batch), &length);
    ((struct rocks_batch *)batch)->closed = rocksdb_writebatch_create_from(changes, length);
}

static void rocks_batch_free(struct kv_batch *batch)
{
    rocks_batch_open(batch);
    rocksdb_writebatch_wi_destroy(changes_of(batch));
    memory_free(batch);
}

static void rocks_batch_clear(struct kv_batch *batch)
{
    rocks_batch_open(batch);
    rocksdb_writebatch_wi_clear(changes_of(batch));
}

static void rocks_batch_put(
    struct kv_batch *batch, enum kv_family family, struct bytes key, struct bytes value)
{
    rocksdb_column_family_handle_t *handle = rocks_of(batch->kv)->handles[family];
    rocksdb_writebatch_t *closed = closed_of(batch);
    if (closed)
        rocksdb_writebatch_put_cf(closed, handle, chars(key), key.length, chars(value), value.length);
    else
        rocksdb_writebatch_wi_put_cf(
            changes_of(batch), handle, chars(key), key.length, chars(value), value.length);
}

static void rocks_batch_delete(struct kv_batch *batch, enum kv_family family, struct bytes key)
{
    rocksdb_column_family_handle_t *handle = rocks_of(batch->kv)->handles[family];
    rocksdb_writebatch_t *closed = closed_of(batch);
    if (closed)
        rocksdb_writebatch_delete_cf(closed, handle, chars(key), key.length);
    else
        rocksdb_writebatch_wi_delete_cf(changes_of(batch), handle, chars(key), key.length);
}

static enum patron_code rocks_batch_get(struct kv_batch *batch, enum kv_family family, struct bytes key,
    struct arena *arena, struct bytes *value, struct error *error)
{
    struct rocks *rocks = rocks_of(batch->kv);
    size_t length = 0;
    char *failure = NULL;
    char *copy = rocksdb_writebatch_wi_get_from_batch_and_db_cf(changes_of(batch), rocks->db, rocks->read,
        rocks->handles[family], chars(key), key.length, &length, &failure);
    TRY(take_failure(failure, "read from", rocks->directory, error));
    if (!copy)
        return PATRON_NOT_FOUND;
    *value = arena_copy(arena, bytes_of(copy, length));
    rocksdb_free(copy);
    return PATRON_OK;
}

static enum patron_code may_write(const struct rocks *rocks, struct error *error)
{
    if (rocks->read_only)
        return error_set(
            error, PATRON_UNSUPPORTED, "the store in %s is open for reading only", rocks->directory);
    if (atomic_load_explicit(&rocks->failed, memory_order_acquire))
        return error_set(error, PATRON_IO,
            "the store takes no more writes until it is opened again, since one failed: %s",
            rocks->first_failure.text);
    return PATRON_OK;
}

static enum patron_code rocks_write(struct kv *kv, struct kv_batch *batch, bool sync, struct error *error)
{
    struct rocks *rocks = rocks_of(kv);
    TRY(may_write(rocks, error));
    char *failure = NULL;
    const rocksdb_writeoptions_t *options = sync ? rocks->write_sync : rocks->write;
    rocksdb_writebatch_t *closed = closed_of(batch);
    if (closed)
        rocksdb_write(rocks->db, options, closed, &failure);
    else
        rocksdb_write_writebatch_wi(rocks->db, options, changes_of(batch), &failure);
    enum patron_code code = take_failure(failure, "write to", rocks->directory, &rocks->first_failure);
    if (code == PATRON_OK)
        return PATRON_OK;
    atomic_store_explicit(&rocks->failed, true, memory_order_release);
    return error_set(error, code, "%s", rocks->first_failure.text);
}

/* --- keeping ------------------------------------------------------------------------------------------------- */

static enum patron_code rocks_checkpoint(struct kv *kv, const char *directory, struct error *error)
{
    struct rocks *rocks = rocks_of(kv);
    TRY(may_write(rocks, error));
    struct stat found;
    if (lstat(directory, &found) == 0)
        return error_set(error, PATRON_PRECONDITION, "cannot make the checkpoint %s: it exists", directory);
    char *failure = NULL;
    rocksdb_checkpoint_t *checkpoint = rocksdb_checkpoint_object_create(rocks->db, &failure);
    TRY(take_failure(failure, "make the checkpoint", directory, error));
    /* 0: memtables are flushed first, so that the copy is files and at most a short log. */
    rocksdb_checkpoint_create(checkpoint, directory, 0, &failure);
    rocksdb_checkpoint_object_destroy(checkpoint);
    TRY(take_failure(failure, "make the checkpoint", directory, error));
    return sync_parent(directory, error);
}

static uint64_t property(const struct rocks *rocks, int handle, const char *name)
{
    uint64_t value = 0;
    CHECK(rocksdb_property_int_cf(rocks->db, rocks->handles[handle], name, &value) == 0);
    return value;
}

static void rocks_statistics(struct kv *kv, struct kv_statistics *statistics)
{
    const struct rocks *rocks = rocks_of(kv);
    for (int i = 0; i < HANDLES; i++) {
        statistics->disk_bytes += property(rocks, i, "rocksdb.live-sst-files-size");
        statistics->memory_bytes += property(rocks, i, "rocksdb.cur-size-all-mem-tables");
        statistics->pending_compaction_bytes +=
            property(rocks, i, "rocksdb.estimate-pending-compaction-bytes");
    }
    statistics->memory_bytes += rocksdb_cache_get_usage(rocks->cache);
    statistics->writes_stopped = property(rocks, KV_LOG, "rocksdb.is-write-stopped") != 0;
}

static const struct kv_engine rocks_engine = {
    .close = rocks_close,
    .snapshot_new = rocks_snapshot_new,
    .snapshot_free = rocks_snapshot_free,
    .get = rocks_get,
    .iterator_new = rocks_iterator_new,
    .batch_iterator_new = rocks_batch_iterator_new,
    .iterator_seek = rocks_iterator_seek,
    .iterator_seek_last = rocks_iterator_seek_last,
    .iterator_next = rocks_iterator_next,
    .iterator_valid = rocks_iterator_valid,
    .iterator_key = rocks_iterator_key,
    .iterator_value = rocks_iterator_value,
    .iterator_status = rocks_iterator_status,
    .iterator_free = rocks_iterator_free,
    .batch_new = rocks_batch_new,
    .batch_free = rocks_batch_free,
    .batch_clear = rocks_batch_clear,
    .batch_put = rocks_batch_put,
    .batch_delete = rocks_batch_delete,
    .batch_close = rocks_batch_close,
    .batch_get = rocks_batch_get,
    .write = rocks_write,
    .checkpoint = rocks_checkpoint,
    .statistics = rocks_statistics,
};
