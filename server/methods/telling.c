#include "server/methods/telling.h"

#include "server/methods/request.h"
#include "server/methods/services.h"

/* --- on the worker ------------------------------------------------------------------------------------------------ */

static void pack(struct telling *telling, const ProtobufCMessage *message)
{
    uint8_t *packed = memory_alloc(protobuf_c_message_get_packed_size(message) + 1);
    size_t length = protobuf_c_message_pack(message, packed);
    encoder_reset(&telling->message);
    encode_raw(&telling->message, packed, length);
    memory_free(packed);
    telling->waiting = true;
}

static bool put(struct telling *telling, const ProtobufCMessage *message, bool wait)
{
    pthread_mutex_lock(&telling->lock);
    while (wait && telling->waiting && !atomic_load(&telling->over))
        pthread_cond_wait(&telling->taken, &telling->lock);
    bool over = atomic_load(&telling->over);
    bool packs = !over && !telling->waiting;
    if (packs)
        pack(telling, message);
    pthread_mutex_unlock(&telling->lock);
    if (packs) {
        call_hold(telling->call);
        call_wake(telling->call);
    }
    return !over;
}

bool telling_progress(struct telling *telling, const ProtobufCMessage *message)
{
    return put(telling, message, false);
}

bool telling_send(struct telling *telling, const ProtobufCMessage *message)
{
    return put(telling, message, true);
}

static void work(void *argument)
{
    struct telling *telling = argument;
    struct error error;
    enum patron_code code = telling->work(telling, &error);
    pthread_mutex_lock(&telling->lock);
    telling->done = true;
    telling->code = code;
    if (code != PATRON_OK)
        telling->error = error;
    pthread_mutex_unlock(&telling->lock);
    call_wake(telling->call);
}

/* --- on the gRPC thread ------------------------------------------------------------------------------------------- */

static void tell(struct call *call)
{
    struct telling *telling = call->state;
    if (telling->sending || telling->finished || call_is_over(call))
        return;
    pthread_mutex_lock(&telling->lock);
    bool sends = telling->waiting, done = telling->done;
    if (sends) {
        call_reply_bytes(call, encoder_borrow(&telling->message));
        telling->waiting = false;
        pthread_cond_signal(&telling->taken);
    }
    pthread_mutex_unlock(&telling->lock);
    if (sends) {
        telling->sending = true;
        call_send(call);
    } else if (done) {
        telling->finished = true;
        call_finish(call, telling->code, &telling->error);
    }
}

void telling_woken(struct call *call)
{
    tell(call);
}

void telling_sent(struct call *call)
{
    struct telling *telling = call->state;
    telling->sending = false;
    tell(call);
}

static enum patron_code begin(struct call *call, struct bytes request, const struct telling_kind *kind,
    atomic_bool *one_at_a_time, struct error *error)
{
    struct services *services = call->services;
    struct telling *telling = arena_alloc(&call->arena, sizeof *telling);
    telling->call = call;
    telling->port = services->port;
    telling->work = kind->work;
    atomic_init(&telling->over, false);
    CHECK(pthread_mutex_init(&telling->lock, NULL) == 0);
    CHECK(pthread_cond_init(&telling->taken, NULL) == 0);
    call->state = telling;
    ProtobufCMessage *message;
    TRY(request_unpack(kind->request, request, &call->arena, &message, error));
    telling->request = message;
    if (one_at_a_time && atomic_exchange(one_at_a_time, true))
        return error_set(error, PATRON_EXHAUSTED, "%s", kind->busy);
    telling->one_at_a_time = one_at_a_time;
    TRY(services_begin_background(services, error));
    telling->background = true;
    call_hold(call);
    enum patron_code code = services->port->functions->run(services->port, work, telling, error);
    if (code != PATRON_OK)
        call_release(call);
    return code;
}

void telling_start(
    struct call *call, struct bytes request, const struct telling_kind *kind, atomic_bool *one_at_a_time)
{
    struct error error;
    enum patron_code code = begin(call, request, kind, one_at_a_time, &error);
    if (code != PATRON_OK)
        call_finish(call, code, &error);
}

void telling_cancelled(struct call *call)
{
    struct telling *telling = call->state;
    if (!telling)
        return;
    pthread_mutex_lock(&telling->lock);
    atomic_store(&telling->over, true);
    pthread_cond_signal(&telling->taken);
    pthread_mutex_unlock(&telling->lock);
}

void telling_drain(struct call *call)
{
    telling_cancelled(call);
}

void telling_stop(struct call *call)
{
    struct telling *telling = call->state;
    if (telling->background)
        services_end_background(call->services);
    if (telling->one_at_a_time)
        atomic_store(telling->one_at_a_time, false);
    encoder_clear(&telling->message);
    pthread_cond_destroy(&telling->taken);
    pthread_mutex_destroy(&telling->lock);
}
