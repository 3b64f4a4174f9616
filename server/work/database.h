/* database: everything beside the serving threads, wired: engine, key, store, clock, profile cache, views, writer and
 * workers behind one `struct port` (server/methods/port.h). What serves it (gRPC) comes on top; a test may use it bare:
 *
 *     struct database_options options = {.kv = kv_memory_new(), .key = key, .definitions_text = text,
 *         .fatal = on_fatal, .clock_source = {wall, steady, context}};
 *     TRY(database_open(&options, &database, error));
 *     struct port *port = database_port(database);
 *     port->functions->ingest(port, &batch, error);            batch.done comes on the writer's thread
 *     const struct view *view = port->functions->view_acquire(port, &as_of_us);
 *     read_now(view, &selection, &identifier, as_of_us, &arena, &row, error);
 *     port->functions->view_release(port, view);
 *     database_close(database);
 *
 * On disk: <directory>/store is the engine's, <directory>/scratch holds what may be thrown away and is emptied at
 * start. The key is a file of its own, by default <directory>.key: beside the data, never inside, so that a copy of
 * the data names nobody.
 *
 * Threads: open and close belong to one thread; the port's functions and database_figures to any.
 * Failure: PATRON_PRECONDITION for what an operator must put right (key, format), PATRON_BUSY for a directory in
 * use. */
#ifndef PATRON_WORK_DATABASE_H
#define PATRON_WORK_DATABASE_H

#include "server/methods/port.h"
#include "server/work/clock.h"
#include "server/work/profile_cache.h"
#include "server/work/writer.h"

struct database_options {
    const char *directory; /* made if missing, its parent must exist; null only with `kv` */
    const char *key_file;  /* null: <directory>.key */
    struct kv *kv;         /* null: RocksDB in the directory. Given: used instead, stays open after close */
    const uint8_t *key;    /* with `kv` only: STORE_KEY_BYTES, copied */
    struct bytes definitions_text;    /* empty: those stored last */
    uint64_t profile_cache_bytes;     /* 0: 128 MiB */
    uint64_t kv_cache_bytes;          /* 0: the engine's default */
    uint64_t memtable_bytes;          /* 0: the engine's default */
    struct clock_source clock_source; /* zero: the machine's */
    int64_t clock_jump_max_us;        /* 0: CLOCK_JUMP_MAX_DEFAULT_US */
    int64_t event_ahead_max_us;       /* 0: the store's default */
    size_t group_events_max;          /* 0: the writer's default */
    uint64_t disk_reserve_bytes;      /* 0: the writer's default */
    unsigned write_back_ms;           /* 0: the writer's default */
    size_t worker_threads;            /* 0: the workers' default */
    unsigned measure_minutes;         /* between two censuses of identity; 0: only when asked */
    void (*progress)(
        void *context, const char *what, uint64_t done, uint64_t total); /* nullable; long work at open */
    void (*fatal)(
        void *context, const struct error *error);    /* as in writer.h: ends the process, with _exit */
    void (*notice)(void *context, const char *words); /* nullable; as in writer.h */
    void *context;                                    /* for the three above */
};

struct database;

enum patron_code database_open(
    const struct database_options *options, struct database **database, struct error *error) MUST_CHECK;
/* Every view must be released and no call of the port be under way or to come. Runs what is queued for the workers,
 * commits what is queued for the writer, writes everything back and closes. Null is fine. */
void database_close(struct database *database);

struct port *database_port(struct database *database);
/* Of the version that serves; borrowed, until another one does. */
const struct definitions *database_definitions(const struct database *database);

struct database_figures {
    struct writer_figures writer;
    struct profile_cache_figures cache;
    struct kv_statistics kv;
    struct refill_progress refill;
    int64_t newest_known_at_us;
    int64_t answered_us; /* highest T handed out */
    uint64_t work_queued;
    bool measured; /* a census was taken */
    struct census census;
};
void database_figures(struct database *database, struct database_figures *figures);

#endif
