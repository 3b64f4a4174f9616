/* errand: a unary call whose whole work is done by a worker: its request decoded, a view where one is wanted, one
 * function, one reply.
 *
 * The function runs on a worker and ends with reply_message, or fails. `cancelled` becomes true once nobody waits for
 * the answer any more or the server is going down: what takes long looks at it. The views are given back before the
 * answer is sent, so that a slow client keeps none alive.
 *
 * Threads and failure: method.h. */
#ifndef PATRON_METHODS_ERRAND_H
#define PATRON_METHODS_ERRAND_H

#include <protobuf-c/protobuf-c.h>
#include <stdatomic.h>

#include "server/methods/method.h"
#include "store/store.h"

struct errand {
    struct call *call;
    struct port *port;
    const ProtobufCMessage *request;
    enum patron_code (*work)(struct errand *errand, struct error *error);
    atomic_bool cancelled;
    const struct view *view; /* nullable; given back for it */
    int64_t as_of_us;        /* that the view answers for */
    bool background;
    enum patron_code code;
    struct error error;
};

/* All of it, to call_finish. For a method's `start`. */
void errand_start(struct call *call, struct bytes request, const ProtobufCMessageDescriptor *type,
    enum patron_code (*work)(struct errand *errand, struct error *error));
/* For the method's functions of these names. */
void errand_woken(struct call *call);
void errand_cancelled(struct call *call);
void errand_drain(struct call *call);
void errand_stop(struct call *call);

/* Within the work: a view of now, or one that answers for a moment; it takes the place of the one before. */
void errand_view_now(struct errand *errand);
enum patron_code errand_view_at(struct errand *errand, int64_t as_of_us, struct error *error) MUST_CHECK;

#define ERRAND_METHOD(its_path, its_start)                                                                   \
    {                                                                                                        \
        .path = (its_path), .shape = METHOD_UNARY, .start = (its_start), .woken = errand_woken,              \
        .cancelled = errand_cancelled, .drain = errand_drain, .stop = errand_stop                            \
    }

#endif
