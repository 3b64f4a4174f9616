#include "server/rpc/call.h"

#include <stdio.h>
#include <string.h>

#include "server/log.h"
#include "server/rpc/handover.h"

/* An arena that one large request blew up is given back rather than kept. */
enum { ARENA_KEPT_BYTES_MAX = 256 * 1024, IDLE_CALLS_MAX = 256, OPERATIONS_MAX = 4 };

/* The one place that writes a call's stage. */
static void move_to(struct rpc_call *call, enum call_stage stage)
{
    static const uint8_t allowed[CALL_STAGE_COUNT] = {
        [CALL_ARMED] = 1 << CALL_OPEN | 1 << CALL_ENDED,
        [CALL_OPEN] = 1 << CALL_FINISHING | 1 << CALL_CANCELLED,
        [CALL_FINISHING] = 1 << CALL_ENDED,
        [CALL_CANCELLED] = 1 << CALL_ENDED,
        [CALL_ENDED] = 1 << CALL_ARMED,
    };
    CHECK(allowed[call->stage] & 1 << stage);
    call->stage = stage;
}

static int64_t monotonic_us(gpr_timespec moment)
{
    return moment.tv_sec * INT64_C(1000000) + moment.tv_nsec / 1000;
}

static struct rpc_call *from_base(struct call *base)
{
    return (struct rpc_call *)(void *)base;
}

/* Counts a tag that core will owe us, and gives it. */
static void *owed(struct rpc_call *call, enum rpc_operation operation)
{
    struct rpc_tag *tag = &call->tags[operation];
    atomic_fetch_add_explicit(&call->outstanding, 1, memory_order_relaxed);
    handover_give(tag);
    return tag;
}

static void start_batch(
    struct rpc_call *call, const grpc_op *operations, size_t count, enum rpc_operation operation)
{
    grpc_call_error failure =
        grpc_call_start_batch(call->call, operations, count, owed(call, operation), NULL);
    /* Only a mistake of ours makes core refuse a batch; it would owe us no tag, and the call would never end.
     */
    if (failure != GRPC_CALL_OK)
        log_write(LEVEL_ERROR, "gRPC refused a batch", "why", grpc_call_error_to_string(failure), NULL);
    CHECK(failure == GRPC_CALL_OK);
}

/* --- what methods may do ----------------------------------------------------------------------------------
 */

static uint8_t *call_make_reply(struct call *base, size_t length)
{
    struct rpc_call *call = from_base(base);
    CHECK(!call->has_reply);
    call->reply = grpc_slice_malloc(length);
    call->has_reply = true;
    return GRPC_SLICE_START_PTR(call->reply);
}

static void arm_close(struct rpc_call *call)
{
    if (call->close_armed)
        return;
    call->close_armed = true;
    grpc_op operation = {.op = GRPC_OP_RECV_CLOSE_ON_SERVER};
    operation.data.recv_close_on_server.cancelled = &call->cancelled;
    start_batch(call, &operation, 1, OPERATION_CLOSE);
}

static size_t add_greeting(struct rpc_call *call, grpc_op *operation)
{
    if (call->greeted)
        return 0;
    call->greeted = true;
    operation->op = GRPC_OP_SEND_INITIAL_METADATA;
    return 1;
}

/* The byte buffer takes a reference of the slice, start_batch moves it out, so both go right after the batch.
 */
static grpc_byte_buffer *take_reply(struct rpc_call *call)
{
    grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&call->reply, 1);
    grpc_slice_unref(call->reply);
    call->has_reply = false;
    return message;
}

static void call_do_send(struct call *base)
{
    struct rpc_call *call = from_base(base);
    CHECK(call->has_reply);
    CHECK(!call->sending);
    if (call->stage != CALL_OPEN || call->finish_wanted) {
        grpc_slice_unref(call->reply);
        call->has_reply = false;
        return;
    }
    grpc_op operations[2] = {0};
    size_t count = add_greeting(call, operations);
    grpc_byte_buffer *message = take_reply(call);
    operations[count].op = GRPC_OP_SEND_MESSAGE;
    operations[count++].data.send_message.send_message = message;
    call->sending = true;
    start_batch(call, operations, count, OPERATION_SEND);
    grpc_byte_buffer_destroy(message);
}

static void send_finish(struct rpc_call *call)
{
    grpc_op operations[OPERATIONS_MAX] = {0};
    size_t count = add_greeting(call, operations);
    grpc_byte_buffer *message = NULL;
    if (call->has_reply && call->code == PATRON_OK) {
        message = take_reply(call);
        operations[count].op = GRPC_OP_SEND_MESSAGE;
        operations[count++].data.send_message.send_message = message;
    }
    grpc_op *status = &operations[count++];
    status->op = GRPC_OP_SEND_STATUS_FROM_SERVER;
    status->data.send_status_from_server.status = (grpc_status_code)patron_code_grpc(call->code);
    status->data.send_status_from_server.status_details = call->code == PATRON_OK ? NULL : &call->words;
    if (!call->close_armed) {
        call->close_armed = true;
        operations[count].op = GRPC_OP_RECV_CLOSE_ON_SERVER;
        operations[count++].data.recv_close_on_server.cancelled = &call->cancelled;
    }
    move_to(call, CALL_FINISHING);
    atomic_store_explicit(&call->over, true, memory_order_relaxed);
    start_batch(call, operations, count, OPERATION_FINISH);
    if (message)
        grpc_byte_buffer_destroy(message);
}

/* Words for a trailer: cut at ERROR_TEXT_MAX by struct error (peers take 8 KiB of headers), and UTF-8, for
 * some clients refuse to show a status that is not. A cut may have split a character. */
static grpc_slice trailer_words(const char *text)
{
    char words[ERROR_TEXT_MAX];
    size_t length = strnlen(text, sizeof words - 1);
    memcpy(words, text, length);
    for (size_t shorter = length; shorter + 4 > length && shorter > 0; shorter--)
        if (bytes_are_utf8(bytes_of(words, shorter)))
            return grpc_slice_from_copied_buffer(words, shorter);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)words[i] >= 0x80)
            words[i] = '?';
    return grpc_slice_from_copied_buffer(words, length);
}

static void call_do_finish(struct call *base, enum patron_code code, const struct error *error)
{
    struct rpc_call *call = from_base(base);
    if (call->stage != CALL_OPEN || call->finish_wanted)
        return;
    call->code = code;
    if (code != PATRON_OK)
        call->words = trailer_words(error ? error->text : patron_code_name(code));
    if (call->sending)
        call->finish_wanted = true;
    else
        send_finish(call);
}

static void call_do_read(struct call *base)
{
    struct rpc_call *call = from_base(base);
    if (call->stage != CALL_OPEN || call->finish_wanted)
        return;
    CHECK(!call->reading);
    call->reading = true;
    grpc_op operation = {.op = GRPC_OP_RECV_MESSAGE};
    operation.data.recv_message.recv_message = &call->incoming;
    start_batch(call, &operation, 1, OPERATION_READ);
}

static void call_do_hold(struct call *base)
{
    struct rpc_call *call = from_base(base);
    /* The first hold of a unary call comes from its own thread: from then on its cancellation matters. */
    if (!call->close_armed)
        arm_close(call);
    atomic_fetch_add_explicit(&call->outstanding, 1, memory_order_relaxed);
}

static void call_do_wake(struct call *base)
{
    struct rpc_call *call = from_base(base);
    /* The hold becomes the tag's: not counted again. An empty batch is the one that any thread may start. */
    struct rpc_tag *tag = &call->tags[OPERATION_WAKE];
    grpc_call *woken = call->call; /* read before the call is given away */
    handover_give(tag);
    grpc_call_error failure = grpc_call_start_batch(woken, NULL, 0, tag, NULL);
    CHECK(failure == GRPC_CALL_OK);
}

static void call_do_release(struct call *base)
{
    struct rpc_call *call = from_base(base);
    uint32_t before = atomic_fetch_sub_explicit(&call->outstanding, 1, memory_order_acq_rel);
    /* It runs inside a completion of the same call, which is counted still and settles afterwards. */
    CHECK(before > 1);
}

static bool call_asks_over(struct call *base)
{
    struct rpc_call *call = from_base(base);
    if (atomic_load_explicit(&call->over, memory_order_relaxed))
        return true;
    return call->deadline_us != INT64_MAX && monotonic_us(gpr_now(GPR_CLOCK_MONOTONIC)) >= call->deadline_us;
}

static const struct call_functions functions = {
    .reply = call_make_reply,
    .send = call_do_send,
    .finish = call_do_finish,
    .read = call_do_read,
    .hold = call_do_hold,
    .release = call_do_release,
    .wake = call_do_wake,
    .is_over = call_asks_over,
};

/* --- call objects -----------------------------------------------------------------------------------------
 */

static struct rpc_call *call_new(struct rpc_queue *queue)
{
    struct rpc_call *call = queue->idle;
    if (call) {
        queue->idle = call->next;
        queue->idle_count--;
        move_to(call, CALL_ARMED);
        return call;
    }
    call = memory_alloc(sizeof *call);
    call->queue = queue;
    call->stage = CALL_ARMED;
    grpc_metadata_array_init(&call->metadata);
    for (int i = 0; i < OPERATION_SHUTDOWN; i++)
        call->tags[i] = (struct rpc_tag){RPC_TAG_MAGIC, (enum rpc_operation)i, call};
    return call;
}

static void call_free(struct rpc_call *call)
{
    for (int i = 0; i < OPERATION_SHUTDOWN; i++)
        call->tags[i].magic = 0;
    grpc_metadata_array_destroy(&call->metadata);
    arena_clear(&call->base.arena);
    arena_clear(&call->base.scratch);
    arena_clear(&call->incoming_copy);
    memory_free(call);
}

static void arena_keep(struct arena *arena)
{
    if (arena->total_bytes > ARENA_KEPT_BYTES_MAX)
        arena_clear(arena);
    else
        arena_reset(arena);
}

/* Makes the object as new, but for what is worth keeping: arenas and the metadata array. */
static void call_recycle(struct rpc_call *call)
{
    CHECK(call->stage == CALL_ENDED);
    CHECK(!call->has_reply);
    struct rpc_queue *queue = call->queue;
    if (queue->idle_count >= IDLE_CALLS_MAX || queue->draining) {
        call_free(call);
        return;
    }
    arena_keep(&call->base.arena);
    arena_keep(&call->base.scratch);
    call->base.state = NULL;
    call->metadata.count = 0;
    call->call = NULL;
    call->request = NULL;
    call->request_bytes = 0;
    call->incoming = NULL;
    call->cancelled = 0;
    call->close_armed = call->greeted = call->reading = call->sending = call->drain_said = false;
    call->finish_wanted = false;
    call->code = PATRON_OK;
    atomic_store_explicit(&call->over, false, memory_order_relaxed);
    call->next = queue->idle;
    call->previous = NULL;
    queue->idle = call;
    queue->idle_count++;
}

void rpc_call_arm(struct rpc_queue *queue, const struct rpc_method *method)
{
    struct engine *engine = queue->engine;
    struct rpc_call *call = call_new(queue);
    call->method = method;
    void *tag = owed(call, OPERATION_ACCEPT);
    atomic_fetch_add_explicit(&engine->armed, 1, memory_order_relaxed);
    grpc_call_error failure;
    pthread_rwlock_rdlock(&engine->arming);
    if (method->method) {
        grpc_byte_buffer **payload = method->method->shape == METHOD_STREAMS ? NULL : &call->request;
        failure = grpc_server_request_registered_call(engine->server, method->registered, &call->call,
            &call->deadline, &call->metadata, payload, queue->completions, queue->completions, tag);
    } else {
        grpc_call_details_init(&call->details);
        failure = grpc_server_request_call(engine->server, &call->call, &call->details, &call->metadata,
            queue->completions, queue->completions, tag);
    }
    pthread_rwlock_unlock(&engine->arming);
    CHECK(failure == GRPC_CALL_OK);
}

/* --- a call's way -----------------------------------------------------------------------------------------
 */

static void ring_add(struct rpc_call *call)
{
    struct rpc_queue *queue = call->queue;
    call->next = queue->open;
    call->previous = NULL;
    if (queue->open)
        queue->open->previous = call;
    queue->open = call;
}

static void ring_remove(struct rpc_call *call)
{
    if (call->previous)
        call->previous->next = call->next;
    else
        call->queue->open = call->next;
    if (call->next)
        call->next->previous = call->previous;
}

/* The bytes of a message in one piece: in place where core has them so, else copied. */
static struct bytes message_bytes(grpc_byte_buffer *buffer, struct arena *arena)
{
    const grpc_slice_buffer *slices = &buffer->data.raw.slice_buffer;
    if (slices->count == 0)
        return bytes_of("", 0);
    if (slices->count == 1)
        return bytes_of(GRPC_SLICE_START_PTR(slices->slices[0]), GRPC_SLICE_LENGTH(slices->slices[0]));
    size_t length = grpc_byte_buffer_length(buffer);
    uint8_t *copy = arena_alloc(arena, length);
    size_t at = 0;
    for (size_t i = 0; i < slices->count; i++) {
        size_t piece = GRPC_SLICE_LENGTH(slices->slices[i]);
        memcpy(copy + at, GRPC_SLICE_START_PTR(slices->slices[i]), piece);
        at += piece;
    }
    CHECK(at == length);
    return bytes_of(copy, length);
}

static void refuse(struct rpc_call *call, enum patron_code code, const char *words)
{
    struct error error;
    error_set(&error, code, "%s", words);
    call_do_finish(&call->base, code, &error);
}

static void refuse_unknown(struct rpc_call *call)
{
    struct error error;
    struct bytes path =
        bytes_of(GRPC_SLICE_START_PTR(call->details.method), GRPC_SLICE_LENGTH(call->details.method));
    error_set(&error, PATRON_UNSUPPORTED, "no method %.*s here; server reflection lists what there is",
        BYTES_ARGUMENTS(path));
    metrics_add(call->queue->engine->options.metrics, METRIC_CALLS_UNKNOWN, 1);
    call_do_finish(&call->base, PATRON_UNSUPPORTED, &error);
}

/* Core refuses such a call by itself as soon as it has seen its headers, but may hand us the message all the
 * same. */
static const char squeezed[] = "compressed messages are not taken; send them as they are";

/* True if the call may be worked on; else it is answered already. */
static bool admit(struct rpc_call *call)
{
    struct engine *engine = call->queue->engine;
    const struct engine_options *options = &engine->options;
    if (call->deadline_us <= call->started_us) {
        metrics_add(options->metrics, METRIC_CALLS_LATE, 1);
        refuse(call, PATRON_DEADLINE, "the deadline had passed when the call was taken up");
        return false;
    }
    if (!call->method->method->urgent &&
        (atomic_load_explicit(&engine->calls, memory_order_relaxed) > options->calls_max ||
            atomic_load_explicit(&engine->request_bytes, memory_order_relaxed) >
                options->request_bytes_max)) {
        metrics_add(options->metrics, METRIC_CALLS_SHED, 1);
        refuse(call, PATRON_EXHAUSTED, "too many calls are under way; try again in a moment, or elsewhere");
        return false;
    }
    if (call->request && call->request->data.raw.compression != GRPC_COMPRESS_NONE) {
        refuse(call, PATRON_UNSUPPORTED, squeezed);
        return false;
    }
    if (call->method->method->shape != METHOD_STREAMS && !call->request) {
        refuse(call, PATRON_INVALID, "the request message is missing");
        return false;
    }
    return true;
}

static void drain_one(struct rpc_call *call)
{
    const struct method *method = call->method->method;
    if (call->drain_said || call->stage != CALL_OPEN || !method || !method->drain)
        return;
    call->drain_said = true;
    method->drain(&call->base);
}

static void work_on(struct rpc_call *call)
{
    const struct method *method = call->method->method;
    if (method->shape != METHOD_UNARY)
        arm_close(call);
    struct bytes request = bytes_of("", 0);
    if (call->request)
        request = message_bytes(call->request, &call->base.arena);
    method->start(&call->base, request);
    if (call->queue->draining)
        drain_one(call);
}

static void opened(struct rpc_call *call)
{
    struct engine *engine = call->queue->engine;
    move_to(call, CALL_OPEN);
    ring_add(call);
    call->base.functions = &functions;
    call->base.method = call->method->method;
    call->base.services = engine->options.services;
    call->started_us = monotonic_us(gpr_now(GPR_CLOCK_MONOTONIC));
    atomic_fetch_add_explicit(&engine->calls, 1, memory_order_relaxed);
    if (!call->method->method) {
        call->deadline_us = INT64_MAX;
        refuse_unknown(call);
        grpc_call_details_destroy(&call->details);
        return;
    }
    bool endless = gpr_time_cmp(call->deadline, gpr_inf_future(call->deadline.clock_type)) == 0;
    call->deadline_us =
        endless ? INT64_MAX : monotonic_us(gpr_convert_clock_type(call->deadline, GPR_CLOCK_MONOTONIC));
    if (call->request) {
        call->request_bytes = grpc_byte_buffer_length(call->request);
        atomic_fetch_add_explicit(&engine->request_bytes, call->request_bytes, memory_order_relaxed);
    }
    if (admit(call))
        work_on(call);
    if (call->request) {
        grpc_byte_buffer_destroy(call->request);
        call->request = NULL;
    }
}

static void accepted(struct rpc_call *call, bool success)
{
    struct rpc_queue *queue = call->queue;
    if (success) {
        rpc_call_arm(
            queue, call->method); /* first: a request without a slot waits in core, unseen and unbounded */
        opened(call);
        atomic_fetch_sub(&queue->engine->armed, 1); /* last: the call and the new request are counted now */
        return;
    }
    if (!call->method->method)
        grpc_call_details_destroy(&call->details);
    move_to(call, CALL_ENDED);
    /* The first slot that comes back empty is how this thread learns that the server is going down. */
    rpc_queue_drain(queue);
}

static void closed(struct rpc_call *call)
{
    if (!call->cancelled || call->stage != CALL_OPEN)
        return;
    move_to(call, CALL_CANCELLED);
    atomic_store_explicit(&call->over, true, memory_order_relaxed);
    if (call->base.method && call->base.method->cancelled)
        call->base.method->cancelled(&call->base);
}

static void read_done(struct rpc_call *call, bool success)
{
    call->reading = false;
    grpc_byte_buffer *incoming = call->incoming;
    call->incoming = NULL;
    if (call->stage == CALL_OPEN && !call->finish_wanted) {
        if (!success || !incoming)
            call->base.method->half_closed(&call->base);
        else if (incoming->data.raw.compression != GRPC_COMPRESS_NONE)
            refuse(call, PATRON_UNSUPPORTED, squeezed);
        else
            call->base.method->message(&call->base, message_bytes(incoming, &call->incoming_copy));
    }
    if (incoming)
        grpc_byte_buffer_destroy(incoming);
    arena_keep(&call->incoming_copy);
}

static void send_done(struct rpc_call *call, bool success)
{
    call->sending = false;
    if (call->stage != CALL_OPEN)
        return;
    if (call->finish_wanted)
        send_finish(call);
    else if (success)
        call->base.method->sent(&call->base);
    /* else the stream is broken, and RECV_CLOSE says so */
}

static void ended(struct rpc_call *call)
{
    struct engine *engine = call->queue->engine;
    int status = patron_code_grpc(call->code);
    int64_t now_us = monotonic_us(gpr_now(GPR_CLOCK_MONOTONIC));
    if (call->stage == CALL_CANCELLED)
        status = now_us >= call->deadline_us ? patron_code_grpc(PATRON_DEADLINE)
                                             : patron_code_grpc(PATRON_CANCELLED);
    move_to(call, CALL_ENDED);
    if (call->base.method && call->base.method->stop && call->base.state)
        call->base.method->stop(&call->base);
    if (call->has_reply)
        grpc_slice_unref(call->reply);
    call->has_reply = false;
    if (call->code != PATRON_OK)
        grpc_slice_unref(call->words);
    ring_remove(call);
    grpc_call_unref(call->call);
    metrics_call_ended(engine->options.metrics, call->method->index, status, now_us - call->started_us);
    atomic_fetch_sub_explicit(&engine->request_bytes, call->request_bytes, memory_order_relaxed);
}

/* After each completion: the call ends with the last of them. */
static void settle(struct rpc_call *call)
{
    if (atomic_fetch_sub_explicit(&call->outstanding, 1, memory_order_acq_rel) != 1)
        return;
    struct engine *engine = call->queue->engine;
    if (call->stage == CALL_ENDED) { /* never opened */
        call_recycle(call);
        atomic_fetch_sub(&engine->armed, 1);
        engine_check_drained(engine);
        return;
    }
    /* A method that neither finished nor has anything under way has forgotten its call. */
    CHECK(call->stage == CALL_FINISHING || call->stage == CALL_CANCELLED);
    ended(call);
    call_recycle(call);
    atomic_fetch_sub(&engine->calls, 1);
    engine_check_drained(engine);
}

void rpc_call_completed(struct rpc_tag *tag, bool success)
{
    struct rpc_call *call = tag->call;
    switch (tag->operation) {
    case OPERATION_ACCEPT:
        accepted(call, success);
        break;
    case OPERATION_CLOSE:
        closed(call);
        break;
    case OPERATION_READ:
        read_done(call, success);
        break;
    case OPERATION_SEND:
        send_done(call, success);
        break;
    case OPERATION_FINISH:
        break;
    case OPERATION_WAKE:
        call->base.method->woken(&call->base);
        break;
    case OPERATION_SHUTDOWN:
    case OPERATION_COUNT:
        IMPOSSIBLE("a tag of no call");
    }
    settle(call);
}

void rpc_queue_drain(struct rpc_queue *queue)
{
    if (queue->draining)
        return;
    queue->draining = true;
    for (struct rpc_call *call = queue->open; call; call = call->next)
        drain_one(call);
}

void rpc_queue_clear(struct rpc_queue *queue)
{
    CHECK(!queue->open);
    while (queue->idle) {
        struct rpc_call *call = queue->idle;
        queue->idle = call->next;
        call_free(call);
    }
    queue->idle_count = 0;
}
