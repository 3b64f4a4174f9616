/* serving: a server in the test's own process, on a port of its own: the engine with any methods, and its end
 * in order. Threads: the test's. Failure: aborts. */
#ifndef PATRON_TESTS_RPC_SERVING_H
#define PATRON_TESTS_RPC_SERVING_H

#include <pthread.h>

#include "server/methods/services.h"
#include "server/rpc/engine.h"

struct serving {
    struct engine *engine;
    struct services services;
    char address[256];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool drained; /* under the lock */
    bool shut;
};

/* What `options` leaves out (methods, services, metrics, listen, drained) is filled in. `services` of the
 * struct may be prepared before: port, health, reflection. */
void serving_start(struct serving *serving, const struct method *const *methods, size_t method_count,
    const struct engine_options *options);
/* False if calls are still under way after so long. */
bool serving_drain(struct serving *serving, int timeout_ms);
/* Shuts down if that is not done, cancels what is left, waits, and gives all back. */
void serving_stop(struct serving *serving);

#endif
