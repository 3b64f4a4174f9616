/* shutdown: the main thread's loop (libuv): it waits for SIGTERM or SIGINT and takes the server down in
 * steps.
 *
 *     SERVING --signal--> LINGERING --drain delay--> DRAINING --grace--> CANCELLING --drained--> DOWN
 *                                                       `-------------------drained----------------^
 *
 * Each further signal skips to the next step. What a step means is the owner's: `not_ready` at LINGERING
 * (health and readiness say no, calls are still taken), `shut` at DRAINING (no call is taken), `cancel` at
 * CANCELLING.
 *
 * Threads: shutdown_drained from any; the rest, and the callbacks, from the main thread. Nothing fails. */
#ifndef PATRON_ADMIN_SHUTDOWN_H
#define PATRON_ADMIN_SHUTDOWN_H

#include <stdint.h>

struct shutdown_options {
    uint64_t drain_delay_ms;
    uint64_t grace_ms;
    void (*not_ready)(void *context);
    void (*shut)(void *context);
    void (*cancel)(void *context);
    void *context;
};

struct shutdown;

/* Every signal must be blocked in the thread: shutdown_wait unblocks the two. */
struct shutdown *shutdown_new(const struct shutdown_options *options);
/* Returns once a signal has come and the server is drained. */
void shutdown_wait(struct shutdown *shutdown);
/* The last call is over; after `shut`. */
void shutdown_drained(struct shutdown *shutdown);
void shutdown_free(struct shutdown *shutdown); /* null is fine */

#endif
