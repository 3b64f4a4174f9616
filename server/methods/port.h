/* port: all that the methods may reach of the rest of the server. server/work implements it; tests may too.
 *
 * Threads: any function may be called from any thread, but view_acquire not from a batch's `done`. None of them blocks,
 * except that the first view in a store's life waits for one row to be on disk, and that define, version_drop,
 * change and split wait for the writer's turn: they are for workers. Callbacks come on the thread stated. */
#ifndef PATRON_METHODS_PORT_H
#define PATRON_METHODS_PORT_H

#include "store/measures/census.h"
#include "store/changes/splitting.h"
#include "store/records/models.h"
#include "store/records/pairing.h"
#include "store/store.h"

/* A batch on its way to the writer. The caller fills it and owns its memory (events, arena) until `done` is called. */
struct ingest_batch {
    struct event_input *events;
    struct event_outcome *outcomes; /* as many as events, filled by the writer */
    size_t event_count;
    enum patron_code code;  /* not OK: none of the events was taken (clock jump, shutting down, disk) */
    struct error error;
    int64_t known_at_us;    /* newest entry of the store when the batch was done */
    /* On the writer's thread, once all of the batch is on disk or refused. Must be quick. */
    void (*done)(struct ingest_batch *batch);
    struct ingest_batch *next; /* the writer's queue */
    size_t at; /* the writer's: the event it goes on with */
};

struct server_status {
    int64_t newest_known_at_us;
    int64_t clock_us;
    int64_t machine_clock_us; /* the wall clock, right or wrong */
    bool clock_jumped;
    struct store_figures figures;
};

/* How far the profiles of the definitions' newest version are filled from the events. */
enum refill_phase {
    REFILL_NONE,      /* nothing was to be filled since the start */
    REFILL_FILLING,   /* customer after customer is folded */
    REFILL_FOLLOWING, /* what came in meanwhile is applied */
    REFILL_DONE,      /* the version serves */
    REFILL_FAILED,    /* the version before goes on serving; `error` says why */
};

struct refill_progress {
    uint32_t version;
    enum refill_phase phase;
    uint64_t nodes; /* whose customers are folded, of nodes_total */
    uint64_t nodes_total;
    uint64_t customers; /* folded since it went on, as the next */
    uint64_t events;
    uint64_t behind;  /* while FOLLOWING: events taken in that are not applied yet */
    uint64_t refills; /* done since the start */
    struct error error;
};

/* The watcher's memory is its own while it is watching. `notify` runs on any thread, also within refill_watch; it must
 * be quick, and not call the port. */
struct refill_watcher {
    void (*notify)(struct refill_watcher *watcher);
    struct refill_watcher *next;
};

/* What becomes of definitions that are applied. */
struct define_outcome {
    bool serves; /* it serves already; else its profiles are being filled */
};

enum train_phase { TRAIN_FOLLOWING = 1, TRAIN_READING, TRAIN_ESTIMATING };

/* `go_on` is told on the training's thread how far a phase is, 0 to 1; false: stop. */
struct train_watch {
    bool (*go_on)(void *context, enum train_phase phase, double done);
    void *context;
};

/* Of matching records, as of the matcher's last step. */
struct matching_status {
    bool matching; /* the definitions say so; else the rest is of when they did */
    bool current;  /* nothing is left to do */
    uint32_t definitions_version;
    int64_t seen_us; /* entries of the log up to here were there then */
    bool rests;
    struct pairing_state state; /* generation 0: nothing was ever matched */
    char words[ERROR_TEXT_MAX]; /* why nothing is; else empty */
};

struct port;

struct port_functions {
    /* A view of now and its T: max(K + 1, min(clock, F)). Held until view_release; the view does not change meanwhile.
     * T binds the store: history loaded later is known from T on. `as_of_us` null: nothing is answered,
     * nothing bound. */
    const struct view *(*view_acquire)(struct port *port, int64_t *as_of_us);
    void (*view_release)(struct port *port, const struct view *view);
    /* Hands a batch to the writer. PATRON_BUSY: shutting down; PATRON_EXHAUSTED: too much is queued; then `done`
     * is not called. */
    enum patron_code (*ingest)(struct port *port, struct ingest_batch *batch, struct error *error);
    /* Runs `work(argument)` on a worker thread, for whatever folds raw events. PATRON_EXHAUSTED: too many wait
     * already. */
    enum patron_code (*run)(struct port *port, void (*work)(void *argument), void *argument, struct error *error);
    void (*status)(struct port *port, struct server_status *status);
    enum patron_code (*confirm_clock)(struct port *port, int64_t *clock_us, struct error *error);
    const char *(*scratch_directory)(struct port *port);
    /* Makes definitions, parsed as the newest version's successor, the newest version: store_define, whose failures it
     * has; and the clock's and the disk's, as for events. */
    enum patron_code (*define)(struct port *port, const struct definitions *next, struct define_outcome *outcome,
        struct error *error);
    /* Tries once more to fill the newest version, if that has failed. */
    void (*refill_begin)(struct port *port);
    enum patron_code (*version_drop)(struct port *port, uint32_t number, struct error *error);
    void (*refill_progress)(struct port *port, struct refill_progress *progress);
    void (*refill_watch)(struct port *port, struct refill_watcher *watcher);
    /* False: it was not watching. */
    bool (*refill_unwatch)(struct port *port, struct refill_watcher *watcher);
    /* Runs `work`, which changes what no event brings (linking.h, review.h), on the writer in a group of its own, known
     * as of now, which is on disk and shown to readers when this returns. The clock's and the disk's failures come
     * first, as for events. A failure of `work` that leaves the store usable must have changed nothing. */
    enum patron_code (*change)(struct port *port,
        enum patron_code (*work)(struct store *store, void *context, struct error *error), void *context,
        struct error *error);
    /* Does what a new `split` says: prepared on this thread, and then done as with `change`. Its plan is afterwards
     * what was done. PATRON_BUSY: *cancelled, or its customer changes too often: nothing is changed. */
    enum patron_code (*split)(struct port *port, struct split *split, const atomic_bool *cancelled,
        struct split_outcome *outcome, struct error *error);
    /* Trains a model on this thread, a worker's, and puts it to use: model_train's and group_model_add's failures, and
     * PATRON_EXHAUSTED: another training is under way; PATRON_BUSY: shutting down; PATRON_CANCELLED: `watch` said so.
     */
    enum patron_code (*train)(
        struct port *port, const struct train_watch *watch, struct model_entry *entry, struct error *error);
    void (*matching_status)(struct port *port, struct matching_status *status);
    /* A census of identity: the last one, or if there is none or `fresh`, one of now, which may take seconds: for
     * workers. PATRON_BUSY: shutting down. */
    enum patron_code (*measure)(struct port *port, bool fresh, struct census *census, struct error *error);
};

struct port {
    const struct port_functions *functions;
};

#endif
