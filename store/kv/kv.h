/* kv: the one door to an ordered key-value engine.
 *
 * Owns the files (or the memory) under one data directory: a fixed set of families, each an ordered map from bytes to
 * bytes, compared as unsigned bytes. There are two engines behind the same functions: kv_rocksdb.c, and kv_memory.c,
 * its twin for tests, which also fails on demand; one conformance test holds both to this page.
 *
 * Threads: kv_get, kv_iterator_*, kv_snapshot_* may be called from any thread at once; an iterator belongs to one
 * thread at a time. A batch belongs to one thread; kv_write is called by one thread at a time (the store has one
 * writer).
 *
 * Failure: PATRON_IO (the disk said no), PATRON_CORRUPT (bytes are not what was written), PATRON_BUSY (another process
 * has the directory). A missing key is PATRON_NOT_FOUND with no words filled in; only kv_get returns it. After a failed
 * kv_write the store must not go on writing (see the head of kv_rocksdb.c). */
#ifndef PATRON_KV_H
#define PATRON_KV_H

#include "store/base/arena.h"
#include "store/base/bytes.h"
#include "store/base/error.h"

/* X(family, name on disk, what reads it): POINT families answer gets of whole keys and get a filter; SCAN ones are
 * walked in order. The keys and values are specified by the rooms that write them. */
#define KV_FAMILIES(X)                                                                                       \
    X(KV_LOG, "log", SCAN)                                                                                   \
    X(KV_EVENTS, "events", SCAN)                                                                             \
    X(KV_EVENT_IDS, "event_ids", POINT)                                                                      \
    X(KV_IDENTIFIERS, "identifiers", POINT)                                                                  \
    X(KV_NODES, "nodes", POINT)                                                                              \
    X(KV_LINKS, "links", SCAN)                                                                               \
    X(KV_MEMBERSHIP, "membership", SCAN)                                                                     \
    X(KV_MEMBERS, "members", SCAN)                                                                           \
    X(KV_SEPARATIONS, "separations", SCAN)                                                                   \
    X(KV_RECORDS, "records", POINT)                                                                          \
    X(KV_BLOCKS, "blocks", SCAN)                                                                             \
    X(KV_PROFILES, "profiles", SCAN)                                                                         \
    X(KV_BASES, "bases", POINT)                                                                              \
    X(KV_QUEUES, "queues", SCAN)                                                                             \
    X(KV_META, "meta", POINT)

enum kv_family {
#define X(family, name, access) family,
    KV_FAMILIES(X)
#undef X
        KV_FAMILY_COUNT
};

struct kv;
struct kv_snapshot;
struct kv_batch;
struct kv_iterator;

struct kv_rocksdb_options {
    const char *directory;      /* made if missing (its parent must exist) */
    uint64_t cache_bytes;       /* block cache; 0: 96 MiB */
    uint64_t memtable_bytes;    /* all families together; 0: 64 MiB */
    int background_jobs;        /* 0: 2 */
    bool read_only;             /* no LOCK taken, nothing written; for a checkpoint */
};

/* Opens or makes a store on disk. *kv is the caller's; kv_close ends it. */
enum patron_code kv_rocksdb_open(
    const struct kv_rocksdb_options *options, struct kv **kv, struct error *error) MUST_CHECK;

/* A store in memory, empty. Never fails to open. */
struct kv *kv_memory_new(void);
/* The k-th fallible call from now (1 = the next) fails with `code`, once; 0 turns that off. Only for kv_memory. */
void kv_memory_fail_after(struct kv *kv, uint64_t calls, enum patron_code code);
/* How many fallible calls there have been since the store was made. Only for kv_memory. */
uint64_t kv_memory_calls(const struct kv *kv);

/* Ends it: background work is cancelled and waited for. All snapshots, iterators and batches must be gone. Null is
 * fine. */
void kv_close(struct kv *kv);

/* --- reading: `snapshot` null reads the newest state --------------------------------------------------------- */

struct kv_snapshot *kv_snapshot_new(struct kv *kv);
void kv_snapshot_free(struct kv *kv, struct kv_snapshot *snapshot); /* null is fine */

/* The value is copied into the arena. PATRON_NOT_FOUND: no such key. */
enum patron_code kv_get(struct kv *kv, const struct kv_snapshot *snapshot, enum kv_family family, struct bytes key,
    struct arena *arena, struct bytes *value, struct error *error) MUST_CHECK;

/* Walks the keys that begin with `prefix` (empty: all). It is placed on nothing until a seek. */
struct kv_iterator *kv_iterator_new(
    struct kv *kv, const struct kv_snapshot *snapshot, enum kv_family family, struct bytes prefix);
void kv_iterator_seek(struct kv_iterator *iterator, struct bytes key);      /* first key >= key within the prefix */
void kv_iterator_seek_last(struct kv_iterator *iterator, struct bytes key); /* last key <= key within the prefix */
void kv_iterator_next(struct kv_iterator *iterator);                        /* must be valid */
bool kv_iterator_valid(const struct kv_iterator *iterator);                 /* false at the end and on failure */
/* Good until the iterator moves or is freed. Must be valid. */
struct bytes kv_iterator_borrow_key(const struct kv_iterator *iterator);
struct bytes kv_iterator_borrow_value(const struct kv_iterator *iterator);
/* After the end: did the walk end because there was no more, or because something failed? */
enum patron_code kv_iterator_status(const struct kv_iterator *iterator, struct error *error) MUST_CHECK;
void kv_iterator_free(struct kv_iterator *iterator); /* null is fine */

/* --- writing -------------------------------------------------------------------------------------------------- */

/* A batch is applied whole or not at all, and can be read through before that: the writer sees its own changes. */
struct kv_batch *kv_batch_new(struct kv *kv);
void kv_batch_free(struct kv_batch *batch); /* null is fine */
void kv_batch_clear(struct kv_batch *batch);
void kv_batch_put(struct kv_batch *batch, enum kv_family family, struct bytes key, struct bytes value);
void kv_batch_delete(struct kv_batch *batch, enum kv_family family, struct bytes key);
/* It is read through no more until it is written or cleared: puts and deletes cost a fraction from here on. */
void kv_batch_close(struct kv_batch *batch);
uint64_t kv_batch_count(const struct kv_batch *batch); /* puts and deletes in it */
uint64_t kv_batch_bytes(const struct kv_batch *batch); /* keys and values in it, about */
/* As kv_get and kv_iterator_new on the newest state with this batch laid over it. The batch must not change while such
 * an iterator lives. */
enum patron_code kv_batch_get(struct kv_batch *batch, enum kv_family family, struct bytes key, struct arena *arena,
    struct bytes *value, struct error *error) MUST_CHECK;
struct kv_iterator *kv_batch_iterator_new(struct kv_batch *batch, enum kv_family family, struct bytes prefix);

/* Applies and empties the batch. `sync`: it is on disk when this returns. On failure the batch is kept as it was. */
enum patron_code kv_write(struct kv *kv, struct kv_batch *batch, bool sync, struct error *error) MUST_CHECK;

/* --- keeping ---------------------------------------------------------------------------------------------------- */

/* A copy of the newest state in a directory that must not exist yet (hard links, cheap). kv_memory:
 * PATRON_UNSUPPORTED. */
enum patron_code kv_checkpoint(struct kv *kv, const char *directory, struct error *error) MUST_CHECK;

struct kv_statistics {
    uint64_t disk_bytes;     /* live data in files */
    uint64_t memory_bytes;   /* memtables and block cache in use */
    bool writes_stopped;     /* the engine is holding writers back altogether */
    uint64_t pending_compaction_bytes;
};
void kv_statistics(struct kv *kv, struct kv_statistics *statistics);

#endif
