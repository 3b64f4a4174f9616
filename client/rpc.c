/* One completion queue a connection. Of a stream there are at most five batches under way: initial metadata out,
 * initial metadata in, one message out, one message in, the status. A message in is asked for again as soon as one has
 * come, up to RECEIVED_MAX kept ones. A stream leaves memory when all of its tags have come back. */
#include "client/rpc.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <stdlib.h>
#include <string.h>

#include "client/interrupt.h"
#include "store/base/arena.h"

enum {
    RECEIVED_MAX = 64,
    /* 10,000 rows of 1,000 features and then some. */
    RECEIVE_BYTES_MAX = 256 * 1024 * 1024,
    /* How long Ctrl-C may go unnoticed. */
    WAIT_SLICE_MS = 100,
    TAG_MAGIC = 0x7a60c0de,
};

struct rpc {
    char *address;
    grpc_channel *channel;
    grpc_completion_queue *queue;
};

enum tag_kind { TAG_METADATA_OUT, TAG_METADATA_IN, TAG_SEND, TAG_RECEIVE, TAG_STATUS, TAG_KINDS };

struct tag {
    uint32_t magic;
    enum tag_kind kind;
    struct rpc_stream *stream;
};

struct rpc_stream {
    struct rpc *rpc;
    const char *method;
    grpc_call *call;
    const ProtobufCMessageDescriptor *reply_type;
    struct tag tags[TAG_KINDS];
    bool under_way[TAG_KINDS];
    bool answered;      /* the server has said something */
    bool receive_ended; /* no message comes any more */
    bool ended;         /* the status is known */
    bool cancelled;     /* by us */
    bool sent;          /* what was sent last has left */
    grpc_metadata_array metadata, trailer;
    grpc_status_code status;
    grpc_slice status_details;
    grpc_byte_buffer *receiving;
    grpc_byte_buffer *received[RECEIVED_MAX];
    size_t received_first, received_count;
};

/* gRPC would explain on stderr what our errors say already. */
static void log_drop(gpr_log_func_args *arguments)
{
    (void)arguments;
}

enum patron_code rpc_open(struct rpc **opened, const char *address, struct error *error)
{
    if (!address)
        address = getenv("PATRON_SERVER");
    if (!address || address[0] == '\0')
        address = "127.0.0.1:7070";
    if (strlen(address) > 256)
        return error_set(error, PATRON_INVALID, "the server's address is longer than 256 bytes");
    if (!getenv("GRPC_VERBOSITY"))
        gpr_set_log_function(log_drop);
    grpc_init();
    struct rpc *rpc = memory_alloc(sizeof *rpc);
    rpc->address = memory_alloc(strlen(address) + 1);
    memcpy(rpc->address, address, strlen(address));
    char receive_key[] = GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH;
    char proxy_key[] = GRPC_ARG_ENABLE_HTTP_PROXY;
    char retry_key[] = GRPC_ARG_ENABLE_RETRIES;
    grpc_arg arguments[] = {
        {.type = GRPC_ARG_INTEGER, .key = receive_key, .value.integer = RECEIVE_BYTES_MAX},
        /* The proxy in the environment is for the web; a server of one's own stands beside it. */
        {.type = GRPC_ARG_INTEGER, .key = proxy_key, .value.integer = 0},
        /* A retry would keep all that was sent in memory. */
        {.type = GRPC_ARG_INTEGER, .key = retry_key, .value.integer = 0},
    };
    grpc_channel_args list = {.num_args = sizeof arguments / sizeof *arguments, .args = arguments};
    grpc_channel_credentials *credentials = grpc_insecure_credentials_create();
    rpc->channel = grpc_channel_create(rpc->address, credentials, &list);
    grpc_channel_credentials_release(credentials);
    rpc->queue = grpc_completion_queue_create_for_next(NULL);
    *opened = rpc;
    return PATRON_OK;
}

void rpc_close(struct rpc *rpc)
{
    if (!rpc)
        return;
    grpc_completion_queue_shutdown(rpc->queue);
    while (grpc_completion_queue_next(rpc->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL).type !=
           GRPC_QUEUE_SHUTDOWN) {
    }
    grpc_completion_queue_destroy(rpc->queue);
    grpc_channel_destroy(rpc->channel);
    grpc_shutdown();
    memory_free(rpc->address);
    memory_free(rpc);
}

const char *rpc_address(const struct rpc *rpc)
{
    return rpc->address;
}

static void batch_start(struct rpc_stream *stream, enum tag_kind kind, const grpc_op *op)
{
    CHECK(!stream->under_way[kind]);
    stream->under_way[kind] = true;
    grpc_call_error status = grpc_call_start_batch(stream->call, op, 1, &stream->tags[kind], NULL);
    CHECK(status == GRPC_CALL_OK);
}

static void receive_start(struct rpc_stream *stream)
{
    if (stream->under_way[TAG_RECEIVE] || stream->receive_ended || stream->received_count == RECEIVED_MAX)
        return;
    grpc_op op = {.op = GRPC_OP_RECV_MESSAGE, .data.recv_message.recv_message = &stream->receiving};
    batch_start(stream, TAG_RECEIVE, &op);
}

static void tag_handle(struct tag *tag, bool success)
{
    CHECK(tag->magic == TAG_MAGIC);
    struct rpc_stream *stream = tag->stream;
    stream->under_way[tag->kind] = false;
    switch (tag->kind) {
    case TAG_METADATA_IN:
        stream->answered = stream->answered || (success && stream->metadata.count > 0);
        break;
    case TAG_RECEIVE:
        if (stream->receiving) {
            size_t place = (stream->received_first + stream->received_count++) % RECEIVED_MAX;
            stream->received[place] = stream->receiving;
            stream->receiving = NULL;
            stream->answered = true;
            receive_start(stream);
        } else {
            stream->receive_ended = true;
        }
        break;
    case TAG_STATUS:
        stream->ended = true;
        break;
    case TAG_SEND:
        stream->sent = success;
        break;
    case TAG_METADATA_OUT:
        break; /* a failure shows in the status */
    case TAG_KINDS:
        IMPOSSIBLE("a count is no kind");
    }
}

/* Wait for whatever comes next on the connection. */
static void event_wait(struct rpc_stream *stream)
{
    gpr_timespec until =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(WAIT_SLICE_MS, GPR_TIMESPAN));
    grpc_event event = grpc_completion_queue_next(stream->rpc->queue, until, NULL);
    if (event.type == GRPC_OP_COMPLETE)
        tag_handle(event.tag, event.success != 0);
    if (interrupted() && !stream->cancelled) {
        stream->cancelled = true;
        grpc_call_cancel(stream->call, NULL);
    }
}

static enum patron_code code_of_status(grpc_status_code status)
{
    for (int code = PATRON_OK; code < PATRON_CODE_COUNT; code++) {
        if (patron_code_grpc((enum patron_code)code) == (int)status)
            return (enum patron_code)code;
    }
    return PATRON_INTERNAL;
}

/* The error that a stream's end is. */
static enum patron_code stream_failed(const struct rpc_stream *stream, struct error *error)
{
    const char *address = stream->rpc->address;
    struct bytes details =
        bytes_of(GRPC_SLICE_START_PTR(stream->status_details), GRPC_SLICE_LENGTH(stream->status_details));
    if (stream->cancelled)
        return error_set(error, PATRON_CANCELLED, "interrupted");
    switch (stream->status) {
    case GRPC_STATUS_UNAVAILABLE:
        if (!stream->answered)
            return error_set(error, PATRON_IO,
                "no server answers at %s (%.*s). Is patrond running there? Start it with `patrond --data DIR "
                "--definitions FILE`, or name another address with --server or PATRON_SERVER.",
                address, BYTES_ARGUMENTS(details));
        return error_set(
            error, PATRON_IO, "the connection to %s broke: %.*s", address, BYTES_ARGUMENTS(details));
    case GRPC_STATUS_DEADLINE_EXCEEDED:
        return error_set(error, PATRON_DEADLINE, "the server at %s did not answer in time", address);
    case GRPC_STATUS_UNIMPLEMENTED:
        return error_set(error, PATRON_UNSUPPORTED,
            "the server at %s does not do %s (%.*s); is it of another version?", address, stream->method,
            BYTES_ARGUMENTS(details));
    default: {
        enum patron_code code = code_of_status(stream->status);
        if (details.length == 0)
            return error_set(
                error, code, "the server at %s ended the call with status %d", address, (int)stream->status);
        int length = details.length < ERROR_TEXT_MAX - 1 ? (int)details.length : ERROR_TEXT_MAX - 1;
        return error_set(error, code, "%.*s", length, (const char *)details.data);
    }
    }
}

enum patron_code rpc_stream_open(struct rpc *rpc, const char *method,
    const ProtobufCMessageDescriptor *reply_type, int deadline_seconds, struct rpc_stream **opened,
    struct error *error)
{
    if (interrupted())
        return error_set(error, PATRON_CANCELLED, "interrupted");
    struct rpc_stream *stream = memory_alloc(sizeof *stream);
    stream->rpc = rpc;
    stream->method = method;
    stream->reply_type = reply_type;
    stream->status_details = grpc_empty_slice();
    grpc_metadata_array_init(&stream->metadata);
    grpc_metadata_array_init(&stream->trailer);
    for (int kind = 0; kind < TAG_KINDS; kind++)
        stream->tags[kind] = (struct tag){TAG_MAGIC, (enum tag_kind)kind, stream};
    gpr_timespec deadline = gpr_inf_future(GPR_CLOCK_REALTIME);
    if (deadline_seconds != RPC_NO_DEADLINE)
        deadline =
            gpr_time_add(gpr_now(GPR_CLOCK_REALTIME), gpr_time_from_seconds(deadline_seconds, GPR_TIMESPAN));
    stream->call = grpc_channel_create_call(rpc->channel, NULL, GRPC_PROPAGATE_DEFAULTS, rpc->queue,
        grpc_slice_from_static_string(method), NULL, deadline, NULL);
    CHECK(stream->call != NULL);
    grpc_op send = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    batch_start(stream, TAG_METADATA_OUT, &send);
    grpc_op receive = {.op = GRPC_OP_RECV_INITIAL_METADATA,
        .data.recv_initial_metadata.recv_initial_metadata = &stream->metadata};
    batch_start(stream, TAG_METADATA_IN, &receive);
    grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT,
        .data.recv_status_on_client = {.trailing_metadata = &stream->trailer,
            .status = &stream->status,
            .status_details = &stream->status_details}};
    batch_start(stream, TAG_STATUS, &status);
    receive_start(stream);
    *opened = stream;
    return PATRON_OK;
}

/* Sends are one after the other. What cannot leave any more ends the stream, and its status says why; what has left is
 * good even if the answer and the status are here already. */
static enum patron_code send_op(struct rpc_stream *stream, const grpc_op *op, struct error *error)
{
    while (stream->under_way[TAG_METADATA_OUT])
        event_wait(stream);
    stream->sent = false;
    if (!stream->ended) {
        batch_start(stream, TAG_SEND, op);
        while (stream->under_way[TAG_SEND])
            event_wait(stream);
    }
    if (stream->sent)
        return PATRON_OK;
    while (!stream->ended)
        event_wait(stream);
    if (stream->status == GRPC_STATUS_OK)
        return error_set(
            error, PATRON_INTERNAL, "the server at %s ended the call early", stream->rpc->address);
    return stream_failed(stream, error);
}

enum patron_code rpc_stream_send(
    struct rpc_stream *stream, const ProtobufCMessage *message, struct error *error)
{
    grpc_slice slice = grpc_slice_malloc(protobuf_c_message_get_packed_size(message));
    protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .data.send_message.send_message = buffer};
    enum patron_code code = send_op(stream, &op, error);
    grpc_byte_buffer_destroy(buffer);
    return code;
}

enum patron_code rpc_stream_half_close(struct rpc_stream *stream, struct error *error)
{
    grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    enum patron_code code = send_op(stream, &op, error);
    /* A server that has answered all may end the call while the close is on its way. */
    if (code != PATRON_OK && stream->ended && stream->status == GRPC_STATUS_OK)
        return PATRON_OK;
    return code;
}

static enum patron_code message_unpack(
    struct rpc_stream *stream, grpc_byte_buffer *buffer, ProtobufCMessage **message, struct error *error)
{
    grpc_byte_buffer_reader reader;
    *message = NULL;
    if (grpc_byte_buffer_reader_init(&reader, buffer)) {
        grpc_slice slice = grpc_byte_buffer_reader_readall(&reader);
        *message = protobuf_c_message_unpack(
            stream->reply_type, NULL, GRPC_SLICE_LENGTH(slice), GRPC_SLICE_START_PTR(slice));
        grpc_slice_unref(slice);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    grpc_byte_buffer_destroy(buffer);
    if (!*message)
        return error_set(error, PATRON_CORRUPT,
            "the answer of the server at %s cannot be read; is it of another version?", stream->rpc->address);
    return PATRON_OK;
}

enum patron_code rpc_stream_receive(
    struct rpc_stream *stream, ProtobufCMessage **message, struct error *error)
{
    *message = NULL;
    while (stream->received_count == 0 && !(stream->ended && stream->receive_ended))
        event_wait(stream);
    if (stream->received_count > 0) {
        grpc_byte_buffer *buffer = stream->received[stream->received_first];
        stream->received_first = (stream->received_first + 1) % RECEIVED_MAX;
        stream->received_count--;
        receive_start(stream);
        return message_unpack(stream, buffer, message, error);
    }
    return stream->status == GRPC_STATUS_OK ? PATRON_OK : stream_failed(stream, error);
}

static bool anything_under_way(const struct rpc_stream *stream)
{
    for (int kind = 0; kind < TAG_KINDS; kind++) {
        if (stream->under_way[kind])
            return true;
    }
    return false;
}

void rpc_stream_close(struct rpc_stream *stream)
{
    if (!stream)
        return;
    if (!stream->ended) {
        stream->cancelled = true;
        grpc_call_cancel(stream->call, NULL);
    }
    while (anything_under_way(stream))
        event_wait(stream);
    for (size_t i = 0; i < stream->received_count; i++)
        grpc_byte_buffer_destroy(stream->received[(stream->received_first + i) % RECEIVED_MAX]);
    grpc_metadata_array_destroy(&stream->metadata);
    grpc_metadata_array_destroy(&stream->trailer);
    grpc_slice_unref(stream->status_details);
    grpc_call_unref(stream->call);
    memory_free(stream);
}

enum patron_code rpc_unary(struct rpc *rpc, const char *method, const ProtobufCMessage *request,
    const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply, struct error *error)
{
    struct rpc_stream *stream;
    *reply = NULL;
    TRY(rpc_stream_open(rpc, method, reply_type, RPC_UNARY_SECONDS, &stream, error));
    ProtobufCMessage *end = NULL;
    enum patron_code code = rpc_stream_send(stream, request, error);
    if (code == PATRON_OK)
        code = rpc_stream_half_close(stream, error);
    if (code == PATRON_OK)
        code = rpc_stream_receive(stream, reply, error);
    if (code == PATRON_OK && *reply)
        code = rpc_stream_receive(stream, &end, error); /* the status tells whether the reply counts */
    if (code == PATRON_OK && (!*reply || end))
        code = error_set(error, PATRON_CORRUPT, "the server at %s did not answer as it should", rpc->address);
    if (end)
        protobuf_c_message_free_unpacked(end, NULL);
    if (code != PATRON_OK && *reply) {
        protobuf_c_message_free_unpacked(*reply, NULL);
        *reply = NULL;
    }
    rpc_stream_close(stream);
    return code;
}
