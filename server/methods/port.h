/* port: all that the methods may reach of the rest of the server. server/work implements it; tests may too.
 *
 * Threads: any function may be called from any thread, but view_acquire not from a batch's `done`. None of them blocks,
 * except that the first view in a store's life waits for one row to be on disk. Callbacks come on the thread stated. */
#ifndef PATRON_METHODS_PORT_H
#define PATRON_METHODS_PORT_H

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
};

struct server_status {
    int64_t newest_known_at_us;
    int64_t clock_us;
    int64_t machine_clock_us; /* the wall clock, right or wrong */
    bool clock_jumped;
    struct store_figures figures;
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
};

struct port {
    const struct port_functions *functions;
};

#endif
