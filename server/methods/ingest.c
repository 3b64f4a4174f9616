/* Ingest: batches in, answers out, in order.
 *
 * A batch is decoded into memory of its own and handed to the writer; up to INGEST_BATCHES_UNDER_WAY_MAX of a
 * stream are there at once, after which the stream is not read: this is the sender's back-pressure. The
 * writer's `done` only marks the batch and wakes the call; the answer is made on the gRPC thread, the oldest
 * batch first, one message at a time.
 *
 * What ends a stream: a batch that is malformed or too large, and one that the writer would not take at all
 * (the clock has jumped, shutting down, its queue is full). What came before it is answered first. */
#include <stdatomic.h>

#include "patron/v1/ingestion.pb-c.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/request.h"
#include "server/methods/services.h"
#include "store/base/limits.h"

/* A spare batch keeps so much memory. */
enum { BATCH_MAGIC = 0x1267ba7c, BATCH_KEPT_BYTES_MAX = 4 * 1024 * 1024 };

struct batch {
    struct ingest_batch sent; /* to the writer; first */
    uint32_t magic;
    struct call *call;
    struct arena arena;
    uint64_t number;    /* the sender's name for it */
    size_t event_count; /* in the request; `sent` has only those that are well formed */
    uint32_t *places;   /* of the events of `sent` in the request */
    struct refused *refused;
    size_t refused_count;
    atomic_bool done;
    struct batch *next;
};

/* An event that the writer need not see. */
struct refused {
    uint32_t place;
    const char *attribute; /* has no value */
};

struct stream {
    struct batch *oldest; /* under way, in order of arrival */
    struct batch *newest;
    size_t under_way;
    struct batch *waiting; /* for room in the writer's queue, while others are under way */
    struct batch *spare;   /* to use again */
    bool reading;
    bool sending;
    bool ending; /* no batch will come any more: finish with `code` once the last is answered */
    enum patron_code code;
    struct error error;
};

/* --- from the request -------------------------------------------------------------------------------------
 */

static bool take_attribute(const Patron__V1__Attribute *from, struct event_attribute *to)
{
    to->name = bytes_from_string(from->name);
    switch (from->value_case) {
    case PATRON__V1__ATTRIBUTE__VALUE_TEXT:
        to->kind = GIVEN_TEXT;
        to->text = bytes_from_string(from->text);
        return true;
    case PATRON__V1__ATTRIBUTE__VALUE_INTEGER:
        to->kind = GIVEN_INTEGER;
        to->integer = from->integer;
        return true;
    case PATRON__V1__ATTRIBUTE__VALUE_REAL:
        to->kind = GIVEN_REAL;
        to->real = from->real;
        return true;
    case PATRON__V1__ATTRIBUTE__VALUE_FLAG:
        to->kind = GIVEN_FLAG;
        to->flag = from->flag != 0;
        return true;
    case PATRON__V1__ATTRIBUTE__VALUE_DECIMAL:
        to->kind = GIVEN_DECIMAL;
        to->text = bytes_from_string(from->decimal);
        return true;
    default: /* none, or one that a later contract has: to drop it would be to lose it without a word */
        return false;
    }
}

/* False if the event is refused here, with the reason noted. */
static bool take_event(struct batch *batch, const Patron__V1__Event *from, struct bytes source,
    uint32_t place, struct event_input *to)
{
    struct event_identifier *identifiers =
        arena_array(&batch->arena, from->n_identifiers, sizeof identifiers[0]);
    for (size_t i = 0; i < from->n_identifiers; i++)
        identifiers[i] = (struct event_identifier){
            bytes_from_string(from->identifiers[i]->type), bytes_from_string(from->identifiers[i]->value)};
    struct event_attribute *attributes = arena_array(&batch->arena, from->n_attributes, sizeof attributes[0]);
    for (size_t i = 0; i < from->n_attributes; i++)
        if (!take_attribute(from->attributes[i], &attributes[i])) {
            batch->refused[batch->refused_count++] = (struct refused){place, from->attributes[i]->name};
            return false;
        }
    *to = (struct event_input){
        .source = source,
        .type = bytes_from_string(from->type),
        .id = bytes_from_string(from->id),
        .time_us = from->time_us,
        .identifiers = identifiers,
        .identifier_count = from->n_identifiers,
        .attributes = attributes,
        .attribute_count = from->n_attributes,
        .has_known_at = from->clock_case == PATRON__V1__EVENT__CLOCK_KNOWN_AT_US,
        .known_at_us = from->known_at_us,
    };
    return true;
}

static enum patron_code take_batch(struct batch *batch, struct bytes bytes, struct error *error)
{
    ProtobufCMessage *message;
    TRY(request_unpack(&patron__v1__ingest_request__descriptor, bytes, &batch->arena, &message, error));
    const Patron__V1__IngestRequest *request = (const void *)message;
    if (request->n_events > INGEST_BATCH_EVENTS_MAX)
        return error_set(error, PATRON_INVALID, "batch %llu has %zu events; at most %d",
            (unsigned long long)request->batch, request->n_events, INGEST_BATCH_EVENTS_MAX);
    batch->number = request->batch;
    batch->event_count = request->n_events;
    struct arena *arena = &batch->arena;
    struct ingest_batch *sent = &batch->sent;
    sent->events = arena_array(arena, request->n_events, sizeof sent->events[0]);
    sent->outcomes = arena_array(arena, request->n_events, sizeof sent->outcomes[0]);
    batch->places = arena_array(arena, request->n_events, sizeof batch->places[0]);
    batch->refused = arena_array(arena, request->n_events, sizeof batch->refused[0]);
    struct bytes source = bytes_from_string(request->source);
    for (uint32_t i = 0; i < request->n_events; i++) {
        if (!take_event(batch, request->events[i], source, i, &sent->events[sent->event_count]))
            continue;
        batch->places[sent->event_count++] = i;
    }
    return PATRON_OK;
}

/* --- to the answer ----------------------------------------------------------------------------------------
 */

static void add_refusal(struct batch *batch, Patron__V1__IngestResponse *to, uint32_t place,
    enum patron_code code, const char *reason)
{
    Patron__V1__Refusal *refusal = arena_alloc(&batch->arena, sizeof *refusal);
    patron__v1__refusal__init(refusal);
    refusal->index = place;
    refusal->code = (char *)(uintptr_t)patron_code_name(code);
    struct bytes words = bytes_of(reason, strnlen(reason, REFUSAL_TEXT_BYTES_MAX));
    while (words.length && !bytes_are_utf8(words)) /* the cut may have split a character */
        words.length--;
    refusal->reason = arena_string(&batch->arena, words);
    to->refusals[to->n_refusals++] = refusal;
}

/* Ties in time are told apart by microseconds: only what is more than a second late is worth a word. */
static bool is_known_late(const struct event_input *event, const struct event_outcome *outcome)
{
    return event->has_known_at && outcome->known_at_us - event->known_at_us > MICROSECONDS_PER_SECOND;
}

/* Refusals in order of place: both lists are in order, so that merging them is enough. */
static void add_outcomes(struct batch *batch, Patron__V1__IngestResponse *to)
{
    const struct ingest_batch *sent = &batch->sent;
    size_t early = 0;
    for (size_t i = 0; i <= sent->event_count; i++) {
        uint32_t place = i < sent->event_count ? batch->places[i] : UINT32_MAX;
        for (; early < batch->refused_count && batch->refused[early].place < place; early++) {
            struct error why;
            error_set(&why, PATRON_INVALID, "attribute '%.128s' has no value that this server knows",
                batch->refused[early].attribute);
            add_refusal(batch, to, batch->refused[early].place, why.code, why.text);
        }
        if (i == sent->event_count)
            return;
        const struct event_outcome *outcome = &sent->outcomes[i];
        switch (outcome->fate) {
        case EVENT_APPLIED:
            to->applied++;
            to->identifiers_dropped += outcome->identifiers_dropped;
            to->known_late += is_known_late(&sent->events[i], outcome);
            break;
        case EVENT_DUPLICATE:
            to->duplicates++;
            break;
        case EVENT_REFUSED:
            add_refusal(batch, to, place, outcome->why.code, outcome->why.text);
            break;
        }
    }
}

static void reply_batch(struct call *call, struct batch *batch)
{
    Patron__V1__IngestResponse response = PATRON__V1__INGEST_RESPONSE__INIT;
    response.batch = batch->number;
    response.known_at_us = batch->sent.known_at_us;
    response.refusals = arena_array(&batch->arena, batch->event_count, sizeof(void *));
    add_outcomes(batch, &response);
    reply_message(call, &response.base);
}

/* --- the stream -------------------------------------------------------------------------------------------
 */

static struct batch *batch_new(struct call *call)
{
    struct stream *stream = call->state;
    struct batch *batch = stream->spare;
    if (batch) {
        stream->spare = batch->next;
        struct arena arena = batch->arena;
        *batch = (struct batch){.arena = arena};
    } else {
        batch = memory_alloc(sizeof *batch);
    }
    batch->magic = BATCH_MAGIC;
    batch->call = call;
    return batch;
}

static void batch_spare(struct stream *stream, struct batch *batch)
{
    if (batch->arena.total_bytes > BATCH_KEPT_BYTES_MAX)
        arena_clear(&batch->arena);
    else
        arena_reset(&batch->arena);
    batch->next = stream->spare;
    stream->spare = batch;
}

static void batch_done(struct ingest_batch *sent)
{
    struct batch *batch = (struct batch *)(void *)sent;
    CHECK(batch->magic == BATCH_MAGIC);
    struct call *call = batch->call;
    atomic_store_explicit(&batch->done, true, memory_order_release);
    call_wake(call);
}

static void end_with(struct stream *stream, enum patron_code code, const struct error *error)
{
    if (stream->ending)
        return;
    stream->ending = true;
    stream->code = code;
    if (error)
        stream->error = *error;
}

static void answer_oldest(struct call *call)
{
    struct stream *stream = call->state;
    struct batch *batch = stream->oldest;
    if (!batch || stream->sending || !atomic_load_explicit(&batch->done, memory_order_acquire))
        return;
    stream->oldest = batch->next;
    stream->under_way--;
    if (batch->sent.code == PATRON_OK) {
        reply_batch(call, batch);
        stream->sending = true;
        call_send(call);
    } else {
        /* Nothing of it was taken. Later ones may have been: they were not answered and may be sent again. */
        call_finish(call, batch->sent.code, &batch->sent.error);
    }
    batch_spare(stream, batch);
}

/* Hands the waiting batch to the writer. A full queue is waited out as long as batches of our own are in it.
 */
static void hand_over(struct call *call)
{
    struct stream *stream = call->state;
    struct batch *batch = stream->waiting;
    struct port *port = call->services->port;
    struct error error;
    call_hold(call);
    enum patron_code code = port->functions->ingest(port, &batch->sent, &error);
    if (code != PATRON_OK)
        call_release(call);
    if (code == PATRON_EXHAUSTED && stream->under_way)
        return;
    stream->waiting = NULL;
    if (code != PATRON_OK) {
        batch_spare(stream, batch);
        end_with(stream, code, &error);
        return;
    }
    if (stream->oldest)
        stream->newest->next = batch;
    else
        stream->oldest = batch;
    stream->newest = batch;
    stream->under_way++;
}

/* Whatever can be done now: answer the oldest batch, hand over the next, read on, or end. */
static void go_on(struct call *call)
{
    struct stream *stream = call->state;
    answer_oldest(call);
    if (stream->waiting && !call_is_over(call))
        hand_over(call);
    if (stream->ending) {
        if (!stream->oldest && !stream->waiting && !stream->sending)
            call_finish(call, stream->code, &stream->error);
    } else if (!stream->reading && !stream->waiting && stream->under_way < INGEST_BATCHES_UNDER_WAY_MAX) {
        stream->reading = true;
        call_read(call);
    }
}

static void start(struct call *call, struct bytes request)
{
    (void)request;
    call->state = arena_alloc(&call->arena, sizeof(struct stream));
    go_on(call);
}

static void message(struct call *call, struct bytes bytes)
{
    struct stream *stream = call->state;
    stream->reading = false;
    struct batch *batch = batch_new(call);
    struct error error;
    enum patron_code code = take_batch(batch, bytes, &error);
    if (code == PATRON_OK) {
        batch->sent.done = batch_done;
        stream->waiting = batch;
    } else {
        batch_spare(stream, batch);
        end_with(stream, code, &error);
    }
    go_on(call);
}

static void half_closed(struct call *call)
{
    struct stream *stream = call->state;
    stream->reading = false;
    end_with(stream, PATRON_OK, NULL);
    go_on(call);
}

static void sent(struct call *call)
{
    struct stream *stream = call->state;
    stream->sending = false;
    go_on(call);
}

static void drain(struct call *call)
{
    struct error error;
    end_with(call->state, error_set(&error, PATRON_BUSY, "the server is shutting down"), &error);
    go_on(call);
}

static void stop(struct call *call)
{
    struct stream *stream = call->state;
    /* Those a cancelled sender left: the writer is done with them, for each of them held the call. */
    while (stream->oldest) {
        struct batch *batch = stream->oldest;
        stream->oldest = batch->next;
        batch_spare(stream, batch);
    }
    if (stream->waiting)
        batch_spare(stream, stream->waiting);
    while (stream->spare) {
        struct batch *batch = stream->spare;
        stream->spare = batch->next;
        arena_clear(&batch->arena);
        memory_free(batch);
    }
}

const struct method method_ingest = {
    .path = "/patron.v1.Ingestion/Ingest",
    .shape = METHOD_STREAMS,
    .start = start,
    .message = message,
    .half_closed = half_closed,
    .sent = sent,
    .woken = go_on,
    .drain = drain,
    .stop = stop,
};
