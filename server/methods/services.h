/* services: what the methods share, and the list of them all. Whoever wires the server makes one struct
 * services, which outlives the engine. Threads: any. services_begin_background fails with PATRON_EXHAUSTED;
 * the rest does not fail. */
#ifndef PATRON_METHODS_SERVICES_H
#define PATRON_METHODS_SERVICES_H

#include <stdatomic.h>

#include "server/methods/health.h"
#include "server/methods/method.h"
#include "server/methods/port.h"
#include "server/methods/reflection.h"
#include "server/metrics.h"

struct services {
    struct port *port;
    struct metrics *metrics;
    struct health *health;
    struct reflection *reflection; /* null: not offered */
    const char *version;           /* of this build */
    _Atomic uint32_t background;   /* calls that use workers now */
    atomic_bool verifying;
    atomic_bool previewing; /* matches */
};

/* Every method there is; those of reflection come last. */
const struct method *const *methods_all(size_t *count);
/* The same without reflection. */
const struct method *const *methods_without_reflection(size_t *count);

/* A call that is going to use workers counts itself, so that one under way always finds room in their queue.
 */
enum patron_code services_begin_background(struct services *services, struct error *error) MUST_CHECK;
void services_end_background(struct services *services);

#endif
