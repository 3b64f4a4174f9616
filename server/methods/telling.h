/* telling: a call that sends a stream whose messages a worker makes: its request decoded, one function that runs on a
 * worker and tells as it goes, and back-pressure: what must arrive waits for the client, what only tells how far it is
 * does not.
 *
 * `over` becomes true once nobody waits for the answer any more or the server is going down: what takes long looks at
 * it. Threads and failure: method.h; telling_* are the worker's. */
#ifndef PATRON_METHODS_TELLING_H
#define PATRON_METHODS_TELLING_H

#include <protobuf-c/protobuf-c.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/methods/method.h"
#include "server/methods/port.h"

struct telling {
    struct call *call;
    struct port *port;
    const ProtobufCMessage *request;
    enum patron_code (*work)(struct telling *telling, struct error *error);
    atomic_bool *one_at_a_time; /* nullable; it is this call's until it stops */
    atomic_bool over;
    bool background;
    bool sending; /* the gRPC thread's, as the next */
    bool finished;
    pthread_mutex_t lock; /* of what follows, between the worker and the gRPC thread */
    pthread_cond_t taken;
    struct encoder message; /* packed; waits to be sent */
    bool waiting;
    bool done;
    enum patron_code code;
    struct error error;
};

struct telling_kind {
    const ProtobufCMessageDescriptor *request;
    enum patron_code (*work)(struct telling *telling, struct error *error);
    const char *busy; /* with one_at_a_time: what is said to a second */
};

/* All of it, to call_finish. For a method's `start`. */
void telling_start(
    struct call *call, struct bytes request, const struct telling_kind *kind, atomic_bool *one_at_a_time);
/* For the method's functions of these names. */
void telling_woken(struct call *call);
void telling_sent(struct call *call);
void telling_cancelled(struct call *call);
void telling_drain(struct call *call);
void telling_stop(struct call *call);

/* Within the work. Dropped where the client has not taken the one before. False: it is over. */
bool telling_progress(struct telling *telling, const ProtobufCMessage *message);
/* Waits until the client takes it. False: it is over, and nothing will be sent. */
bool telling_send(struct telling *telling, const ProtobufCMessage *message);

#define TELLING_METHOD(its_path, its_start)                                                                  \
    {                                                                                                        \
        .path = (its_path), .shape = METHOD_SENDS_STREAM, .start = (its_start), .woken = telling_woken,      \
        .sent = telling_sent, .cancelled = telling_cancelled, .drain = telling_drain, .stop = telling_stop   \
    }

#endif
