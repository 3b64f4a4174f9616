/* rpc: the server on gRPC C core. It listens, takes calls, runs the methods it was given
 * (server/methods/method.h), and goes down in order. The only room that includes gRPC's headers.
 *
 * Owns the grpc_server, one completion queue and thread for each of `queues`, and every call object. A call
 * lives on the thread of the queue it came in on; what other threads may do with it says method.h.
 *
 * Threads: engine_start, engine_shutdown, engine_cancel and engine_free from the thread that owns the engine;
 * methods run on the engine's own threads, which have every signal blocked; `drained` comes on one of them.
 *
 * Failure: engine_start says PATRON_BUSY for an address that is in use, PATRON_INVALID for one that is none
 * of ours. Afterwards nothing fails: what goes wrong with one call ends that call. */
#ifndef PATRON_RPC_ENGINE_H
#define PATRON_RPC_ENGINE_H

#include "server/methods/method.h"
#include "server/metrics.h"

enum { ENGINE_ADDRESSES_MAX = 16, ENGINE_QUEUES_MAX = 64 };

struct engine_options {
    const struct method *const *methods; /* outlive the engine */
    size_t method_count;
    struct services *services; /* given to every call */
    struct metrics *metrics; /* with the methods' paths in the same order, and one more for unknown methods */
    const char *listen;      /* addresses with commas between: "127.0.0.1:7070,unix:/run/patron.sock" */
    unsigned queues;         /* 0: 1 on up to two cores, else half the cores */
    unsigned slots;          /* requests armed for each method and queue; 0: 8 */
    uint64_t calls_max;      /* calls under way, past which all but urgent ones are refused; 0: 4096 */
    uint64_t request_bytes_max; /* the same for the bytes of their requests; 0: 256 MiB */
    int streams_max;            /* calls at once on one connection; 0: 1000 */
    int keepalive_ms;           /* a silent peer is asked for a sign of life; 0: 60,000 */
    int handshake_ms;           /* 0: 10,000 */
    int connection_age_ms;      /* clients are sent to reconnect after so long, to spread anew; 0: never */
    void (*drained)(
        void *context); /* nullable; once, after engine_shutdown, when the last call has stopped */
    void *context;
};

struct engine;

enum patron_code engine_start(
    const struct engine_options *options, struct engine **engine, struct error *error) MUST_CHECK;
/* The addresses as chosen (port 0 has become a number), commas between. Borrowed from the engine. */
const char *engine_addresses(const struct engine *engine);
uint64_t engine_calls(const struct engine *engine); /* under way now */

/* No more calls are taken, `drain` runs for those under way, and the rest go on to their end. Once. */
void engine_shutdown(struct engine *engine);
/* After engine_shutdown: those under way are cancelled. */
void engine_cancel(struct engine *engine);
/* After `drained`: joins the threads and gives everything back. Waits for what still has a hold on a call. */
void engine_free(struct engine *take_engine); /* null is fine */

#endif
