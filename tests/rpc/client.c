#include "tests/rpc/client.h"

#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <stdio.h>

#include "store/base/check.h"

enum { WAIT_SECONDS_MAX = 60 };

static grpc_arg integer_arg(const char *name, int value)
{
    grpc_arg arg = {.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)name};
    arg.value.integer = value;
    return arg;
}

void client_init(struct client *client, const char *address, const struct client_options *options)
{
    grpc_init();
    grpc_arg args[8];
    size_t count = 0;
    /* Channels of one process would share one connection. */
    args[count++] = integer_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    args[count++] = integer_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, -1);
    if (options && options->small_window) {
        args[count++] = integer_arg(GRPC_ARG_HTTP2_BDP_PROBE, 0);
        args[count++] = integer_arg(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 256 * 1024);
    }
    if (options && options->gzip)
        args[count++] = integer_arg(GRPC_COMPRESSION_CHANNEL_DEFAULT_ALGORITHM, GRPC_COMPRESS_GZIP);
    grpc_channel_args channel_args = {count, args};
    grpc_channel_credentials *plain = grpc_insecure_credentials_create();
    client->channel = grpc_channel_create(address, plain, &channel_args);
    grpc_channel_credentials_release(plain);
    client->queue = grpc_completion_queue_create_for_pluck(NULL);
}

void client_clear(struct client *client)
{
    grpc_channel_destroy(client->channel);
    grpc_completion_queue_shutdown(client->queue);
    grpc_completion_queue_destroy(client->queue);
    grpc_shutdown();
}

static bool wait_for(struct client *client, void *tag)
{
    gpr_timespec end =
        gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_seconds(WAIT_SECONDS_MAX, GPR_TIMESPAN));
    grpc_event event = grpc_completion_queue_pluck(client->queue, tag, end, NULL);
    CHECK(event.type == GRPC_OP_COMPLETE);
    return event.success != 0;
}

static void start(grpc_call *call, const grpc_op *operations, size_t count, void *tag)
{
    CHECK(grpc_call_start_batch(call, operations, count, tag, NULL) == GRPC_CALL_OK);
}

void client_open(struct client *client, const char *path, int timeout_ms, struct client_stream *stream)
{
    *stream = (struct client_stream){.client = client};
    gpr_timespec deadline = timeout_ms ? gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC),
                                             gpr_time_from_millis(timeout_ms, GPR_TIMESPAN))
                                       : gpr_inf_future(GPR_CLOCK_MONOTONIC);
    grpc_slice method = grpc_slice_from_copied_string(path);
    stream->call = grpc_channel_create_call(
        client->channel, NULL, GRPC_PROPAGATE_DEFAULTS, client->queue, method, NULL, deadline, NULL);
    grpc_slice_unref(method);
    grpc_metadata_array_init(&stream->initial);
    grpc_metadata_array_init(&stream->trailing);
    grpc_op status = {.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
    status.data.recv_status_on_client.trailing_metadata = &stream->trailing;
    status.data.recv_status_on_client.status = &stream->status;
    status.data.recv_status_on_client.status_details = &stream->words;
    start(stream->call, &status, 1, &stream->status);
    grpc_op greeting = {.op = GRPC_OP_SEND_INITIAL_METADATA};
    start(stream->call, &greeting, 1, &stream->initial);
    (void)wait_for(client, &stream->initial);
}

bool client_send(struct client_stream *stream, struct bytes message)
{
    grpc_slice slice = grpc_slice_from_copied_buffer((const char *)message.data, message.length);
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_slice_unref(slice);
    grpc_op operation = {.op = GRPC_OP_SEND_MESSAGE};
    operation.data.send_message.send_message = buffer;
    start(stream->call, &operation, 1, buffer);
    bool sent = wait_for(stream->client, buffer);
    grpc_byte_buffer_destroy(buffer);
    return sent;
}

void client_half_close(struct client_stream *stream)
{
    grpc_op operation = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
    start(stream->call, &operation, 1, &operation);
    (void)wait_for(stream->client, &operation);
}

bool client_read(struct client_stream *stream, struct arena *arena, struct bytes *message)
{
    grpc_byte_buffer *buffer = NULL;
    grpc_op operations[2] = {0};
    size_t count = 0;
    operations[count].op = GRPC_OP_RECV_MESSAGE;
    operations[count++].data.recv_message.recv_message = &buffer;
    if (!stream->greeted) {
        stream->greeted = true;
        operations[count].op = GRPC_OP_RECV_INITIAL_METADATA;
        operations[count++].data.recv_initial_metadata.recv_initial_metadata = &stream->initial;
    }
    start(stream->call, operations, count, operations);
    bool got = wait_for(stream->client, operations) && buffer;
    *message = bytes_of("", 0);
    if (got) {
        grpc_byte_buffer_reader reader;
        CHECK(grpc_byte_buffer_reader_init(&reader, buffer));
        grpc_slice all = grpc_byte_buffer_reader_readall(&reader);
        *message = arena_copy(arena, bytes_of(GRPC_SLICE_START_PTR(all), GRPC_SLICE_LENGTH(all)));
        grpc_slice_unref(all);
        grpc_byte_buffer_reader_destroy(&reader);
    }
    if (buffer)
        grpc_byte_buffer_destroy(buffer);
    return got;
}

void client_cancel(struct client_stream *stream)
{
    CHECK(grpc_call_cancel(stream->call, NULL) == GRPC_CALL_OK);
}

void client_finish(struct client_stream *stream, struct answer *answer)
{
    /* Core says the status once everything before it was read. */
    struct arena dropped = {0};
    struct bytes message;
    while (client_read(stream, &dropped, &message))
        arena_reset(&dropped);
    arena_clear(&dropped);
    (void)wait_for(stream->client, &stream->status);
    answer->status = (int)stream->status;
    snprintf(answer->words, sizeof answer->words, "%.*s", (int)GRPC_SLICE_LENGTH(stream->words),
        (const char *)GRPC_SLICE_START_PTR(stream->words));
    grpc_slice_unref(stream->words);
    grpc_metadata_array_destroy(&stream->initial);
    grpc_metadata_array_destroy(&stream->trailing);
    grpc_call_unref(stream->call);
}

void client_call(struct client *client, const char *path, struct bytes request, int timeout_ms,
    struct arena *arena, struct answer *answer)
{
    struct client_stream stream;
    client_open(client, path, timeout_ms, &stream);
    if (client_send(&stream, request))
        client_half_close(&stream);
    struct bytes reply;
    client_read(&stream, arena, &reply);
    client_finish(&stream, answer);
    answer->reply = reply;
}

struct bytes client_pack(const void *message, struct arena *arena)
{
    size_t length = protobuf_c_message_get_packed_size(message);
    uint8_t *packed = arena_alloc(arena, length);
    CHECK(protobuf_c_message_pack(message, packed) == length);
    return bytes_of(packed, length);
}
