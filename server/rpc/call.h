/* call: one RPC on gRPC core, from the armed request to its end. Internal to server/rpc.
 *
 *     ARMED ----> OPEN ----> FINISHING ----> ENDED      an answer
 *       |           `------> CANCELLED ----> ENDED      the client or the deadline was first
 *       `-> ENDED                                       the server went down before a request came
 *
 * A call is unreferenced only in ENDED: when every tag that core owes us has come, RECV_CLOSE included (an
 * earlier unref would cancel the RPC), and nobody has a hold. Call objects are kept by their queue and used
 * again, with their arenas.
 *
 * Threads: everything on the queue's own thread, but rpc_call_functions hold, wake, reply and is_over, as
 * method.h says. Nothing fails. */
#ifndef PATRON_RPC_CALL_H
#define PATRON_RPC_CALL_H

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>
#include <grpc/slice.h>
#include <pthread.h>
#include <stdatomic.h>

#include "server/rpc/engine.h"

enum rpc_operation {
    OPERATION_ACCEPT, /* a request has come */
    OPERATION_CLOSE,  /* the RPC is over, for the client too */
    OPERATION_READ,
    OPERATION_SEND,
    OPERATION_FINISH, /* the status is out */
    OPERATION_WAKE,
    OPERATION_SHUTDOWN, /* the server is down; belongs to no call */
    OPERATION_COUNT,
};

enum { RPC_TAG_MAGIC = 0x7a67ca11 };

/* What travels through core as a tag. */
struct rpc_tag {
    uint32_t magic;
    enum rpc_operation operation;
    struct rpc_call *call; /* null for SHUTDOWN */
};

enum call_stage { CALL_ARMED = 0, CALL_OPEN, CALL_FINISHING, CALL_CANCELLED, CALL_ENDED, CALL_STAGE_COUNT };

/* A method as registered with core; the last of an engine's stands for all that are not. */
struct rpc_method {
    const struct method *method; /* null: unknown methods */
    void *registered;
    size_t index; /* in the metrics */
};

struct rpc_queue {
    struct engine *engine;
    grpc_completion_queue *completions;
    pthread_t thread;
    bool draining;
    struct rpc_call *idle; /* call objects to use again */
    size_t idle_count;
    struct rpc_call *open; /* calls under way, in a ring of two-way links that ends in null */
};

struct engine {
    struct engine_options options;
    grpc_server *server;
    struct rpc_method *methods; /* options.method_count + 1 */
    struct rpc_queue queues[ENGINE_QUEUES_MAX];
    unsigned queue_count;
    char addresses[4096];
    struct rpc_tag shutdown_tag;
    pthread_rwlock_t arming;        /* read: a request is being armed; write: core is being shut down */
    _Atomic uint64_t armed;         /* requests whose ACCEPT is still to come or to be taken up */
    _Atomic uint64_t calls;         /* under way */
    _Atomic uint64_t request_bytes; /* of theirs */
    atomic_bool stopping;
    atomic_bool shut_down; /* core says so */
    atomic_bool drained_said;
};

struct rpc_call {
    struct call base; /* first: what methods see */
    enum call_stage stage;
    struct rpc_queue *queue;
    const struct rpc_method *method;
    struct rpc_tag tags[OPERATION_SHUTDOWN];
    struct rpc_call *next; /* in queue->idle or queue->open */
    struct rpc_call *previous;

    grpc_call *call;
    grpc_metadata_array metadata;
    grpc_call_details details; /* of unknown methods only */
    gpr_timespec deadline;
    grpc_byte_buffer *request;
    size_t request_bytes; /* as counted in engine->request_bytes */
    int64_t started_us;
    int64_t deadline_us; /* on the monotonic clock; INT64_MAX: none */

    _Atomic uint32_t outstanding; /* tags to come, and holds */
    atomic_bool over;             /* the answer is of no use any more */
    int cancelled;                /* core's word in RECV_CLOSE */
    bool close_armed;
    bool greeted; /* the initial metadata is out */
    bool reading;
    bool sending;
    bool drain_said;
    grpc_byte_buffer *incoming;
    struct arena incoming_copy; /* of a message in several pieces */
    bool has_reply;
    grpc_slice reply;
    bool finish_wanted; /* call_finish came while a message was on its way */
    enum patron_code code;
    grpc_slice words; /* of a failure */
};

/* Arms one more request of a method on a queue. */
void rpc_call_arm(struct rpc_queue *queue, const struct rpc_method *method);
/* One completion of the call's. */
void rpc_call_completed(struct rpc_tag *tag, bool success);
/* Tells the queue's calls under way that the server is going down. */
void rpc_queue_drain(struct rpc_queue *queue);
/* Frees the call objects of a queue that has no call left. */
void rpc_queue_clear(struct rpc_queue *queue);
/* Says `drained` if the server is down and no armed request and no call is left; engine.c. */
void engine_check_drained(struct engine *engine);

#endif
