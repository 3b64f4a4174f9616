/* writer: the one thread that writes. A libuv loop that takes batches of events from a queue, applies them to the store
 * in groups, commits each group with one sync, shows it to the readers, and then calls the batches' `done`.
 *
 * A group takes what is queued, up to `group_events_max` events: several batches, or a part of a large one. Events that
 * bring their own known_at and events that do not never share a group. In between it writes back profiles that lag the
 * log, every `write_back_ms` and faster when many lag, looks at the clock, and keeps the promise of views.h.
 *
 * It gives way, with writer_limit, to what must keep up with it: then groups are small and apart, so that no more
 * events are taken in a second than that. Who sends waits, and past the queue's bounds is refused.
 *
 * Failure: a refused event is its own outcome. While the clock has jumped, batches that have not begun are refused with
 * clock_check's words, and while the disk has no room but its reserve with disk_check's. When the engine fails,
 * nothing that was not acknowledged may be, and the store must not be written again: `fatal` is called, and should
 * end the process. If it returns (in a test), every batch from then on gets that error, and readers keep what was
 * visible before.
 *
 * Threads: writer_enqueue, writer_run, writer_limit and writer_figures from any; new, stop and free from the owner's.
 * From writer_new to writer_stop the store's group and write-back functions are the writer's alone. */
#ifndef PATRON_WORK_WRITER_H
#define PATRON_WORK_WRITER_H

#include "server/methods/port.h"
#include "server/work/views.h"

/* No single entry of the log should hold the writer for longer: everybody behind it waits. */
enum { WRITER_ENTRY_SLOW_US = 10000 };

struct writer_options {
    struct store *store; /* all outlive the writer */
    struct views *views;
    struct clock *clock;
    struct profile_cache *cache; /* nullable: write-back then only goes by the timer */
    size_t group_events_max;     /* 0: 512 */
    size_t queue_events_max;     /* 0: INGEST_QUEUE_EVENTS_MAX */
    size_t queue_bytes_max;      /* 0: INGEST_QUEUE_BYTES_MAX */
    const char *directory;       /* whose disk must have room; null: none is asked. Outlives the writer */
    uint64_t disk_reserve_bytes; /* 0: DISK_RESERVE_DEFAULT_BYTES, less on a small disk */
    unsigned write_back_ms;      /* 0: 1000 */
    void (*fatal)(void *context, const struct error *error);
    void (*notice)(
        void *context, const char *words); /* nullable; why nothing is taken in, or that it is again */
    void *context;
};

struct writer_figures {
    struct store_figures store; /* as of the last group */
    uint64_t groups;
    uint64_t applied;
    uint64_t duplicates;
    uint64_t refused;
    uint64_t batches;
    uint64_t queued_events; /* not done yet */
    uint64_t queued_bytes;
    uint64_t group_us_total; /* spent from a group's begin to its being visible */
    uint64_t gave_way_us;    /* that batches waited for the limit */
    uint64_t entry_us_max;   /* the longest that one event has held the writer, its group's sync not counted */
    uint64_t entries_slow;   /* that held it for more than WRITER_ENTRY_SLOW_US */
    uint64_t write_backs;    /* passes over what lagged */
    bool failed;             /* the engine has; nothing is taken in any more */
};

struct writer;

enum patron_code writer_new(
    const struct writer_options *options, struct writer **writer, struct error *error) MUST_CHECK;
/* Refuses new batches, finishes what is queued, writes back every profile and joins the thread. Once. */
void writer_stop(struct writer *writer);
/* After the stop, when nobody is left who might send. Null is fine. */
void writer_free(struct writer *writer);

/* PATRON_BUSY once stopping, PATRON_EXHAUSTED when too much is queued; `done` is then not called. */
enum patron_code writer_enqueue(
    struct writer *writer, struct ingest_batch *batch, struct error *error) MUST_CHECK;
/* Runs `work` on the writer's thread, between two groups, waits for it and gives its result. If the store cannot be
 * written any more afterwards, the writer fails with the words of `work`. PATRON_BUSY once stopping, and the writer's
 * failure once it has failed: then `work` is not run. From any thread but the writer's and those that must not wait. */
enum patron_code writer_run(struct writer *writer, enum patron_code (*work)(void *context, struct error *error),
    void *context, struct error *error) MUST_CHECK;
/* How many events are taken in a second at most; 0: as many as can be, as at first. */
void writer_limit(struct writer *writer, uint32_t events_per_s);
void writer_figures(struct writer *writer, struct writer_figures *figures);

#endif
