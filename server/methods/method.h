/* method: what an RPC is to the code that answers it. This room never sees gRPC: it is given bytes and gives
 * bytes.
 *
 * A call is a conversation with one client over one RPC, run by an engine (server/rpc; a test may have its
 * own). All functions of a method run on the call's own gRPC thread, one at a time, and must not block. What
 * takes longer goes to a worker or the writer: the method takes a hold (call_hold), hands its state over, and
 * whoever has it gives it back with call_wake from any thread; the engine then runs `woken` on the gRPC
 * thread. While it has a hold the other thread may use what was handed over, and of the call its arenas,
 * call_reply and call_is_over, and nothing else.
 *
 * A unary call ends with one call_reply and call_finish. A stream sends message by message: call_reply,
 * call_send, and nothing more until `sent`, which says that the client took it: this is the back-pressure. A
 * stream of requests is read one message at a time, each asked for with call_read.
 *
 * `stop` runs exactly once for every call that was given a `state`, after everything else, when nobody holds
 * the call any more: it is where foreign resources go. Until then the call's memory is good. */
#ifndef PATRON_METHODS_METHOD_H
#define PATRON_METHODS_METHOD_H

#include "store/base/arena.h"
#include "store/base/bytes.h"
#include "store/base/error.h"

struct call;
struct services; /* services.h: what methods share */

enum method_shape {
    METHOD_UNARY = 1,    /* one request, one reply */
    METHOD_SENDS_STREAM, /* one request, many replies */
    METHOD_STREAMS,      /* many of both */
};

struct method {
    const char *path; /* "/package.Service/Method" */
    enum method_shape shape;
    bool urgent; /* answered however many calls are under way: health, status */
    /* The call begins. `request` is the whole request, borrowed until start returns; empty for
     * METHOD_STREAMS. */
    void (*start)(struct call *call, struct bytes request);
    /* METHOD_STREAMS: the message that call_read asked for, borrowed until message returns. */
    void (*message)(struct call *call, struct bytes message);
    /* METHOD_STREAMS: instead of a message: the client sends no more. */
    void (*half_closed)(struct call *call);
    void (*sent)(struct call *call);  /* the message of call_send is out */
    void (*woken)(struct call *call); /* once for each call_wake, also after `cancelled` */
    /* Nullable: client or deadline ended the call; finish is no longer needed. */
    void (*cancelled)(struct call *call);
    void (*drain)(struct call *call); /* nullable: the server is going down; finish soon. At most once */
    void (*stop)(struct call *call);  /* nullable */
};

struct call_functions {
    uint8_t *(*reply)(struct call *call, size_t length);
    void (*send)(struct call *call);
    void (*finish)(struct call *call, enum patron_code code, const struct error *error);
    void (*read)(struct call *call);
    void (*hold)(struct call *call);
    void (*release)(struct call *call);
    void (*wake)(struct call *call);
    bool (*is_over)(struct call *call);
};

struct call {
    const struct call_functions *functions;
    const struct method *method;
    struct services *services;
    struct arena arena;   /* dropped when the call has stopped */
    struct arena scratch; /* the same; for whatever is reset in between */
    void *state;          /* the method's; null at start */
};

/* Memory for the next message to the client: `length` bytes, all to be written before it is sent. At most one
 * at a time. */
static inline uint8_t *call_reply(struct call *call, size_t length)
{
    return call->functions->reply(call, length);
}

/* METHOD_SENDS_STREAM and METHOD_STREAMS: sends what call_reply gave; `sent` follows unless the call is
 * cancelled. */
static inline void call_send(struct call *call)
{
    call->functions->send(call);
}

/* Ends the call, after what was sent and with what call_reply gave, if anything. `error` gives the words of a
 * failure. The first finish counts; after a cancellation it has no effect. */
static inline void call_finish(struct call *call, enum patron_code code, const struct error *error)
{
    call->functions->finish(call, code, error);
}

/* METHOD_STREAMS: asks for one more message; `message` or `half_closed` follows unless the call ends. */
static inline void call_read(struct call *call)
{
    call->functions->read(call);
}

/* Keeps the call for another thread. On the gRPC thread, or on one that has a hold already. */
static inline void call_hold(struct call *call)
{
    call->functions->hold(call);
}

/* Gives up a hold on the gRPC thread: no `woken` follows. */
static inline void call_release(struct call *call)
{
    call->functions->release(call);
}

/* Gives up a hold from any thread and has `woken` run. The call must not be touched afterwards on that hold.
 */
static inline void call_wake(struct call *call)
{
    call->functions->wake(call);
}

/* True once the answer is of no use any more: cancelled, past its deadline, or finished. Cheap. */
static inline bool call_is_over(struct call *call)
{
    return call->functions->is_over(call);
}

/* call_reply filled with bytes made elsewhere. */
static inline void call_reply_bytes(struct call *call, struct bytes bytes)
{
    uint8_t *reply = call_reply(call, bytes.length);
    if (bytes.length)
        memcpy(reply, bytes.data, bytes.length);
}

#endif
