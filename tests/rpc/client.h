/* client: a blocking gRPC client on C core, for tests: one call at a time on each, and every wait has an end.
 *
 * Owns its channel and queue. Threads: one client belongs to one thread. Failure: what the server answers is
 * in struct answer; anything else that goes wrong aborts the test. */
#ifndef PATRON_TESTS_RPC_CLIENT_H
#define PATRON_TESTS_RPC_CLIENT_H

#include <grpc/grpc.h>
#include <protobuf-c/protobuf-c.h>

#include "store/base/arena.h"
#include "store/base/bytes.h"

struct client {
    grpc_channel *channel;
    grpc_completion_queue *queue;
};

/* How a client is other than usual. */
struct client_options {
    bool small_window; /* takes in little before it reads: 256 KiB */
    bool gzip;         /* sends its messages compressed */
};

struct answer {
    int status; /* gRPC's number */
    char words[2048];
    struct bytes reply; /* in the arena that was given; empty if there was none */
};

void client_init(struct client *client, const char *address, const struct client_options *options);
void client_clear(struct client *client);

/* A unary call with so long until its deadline. */
void client_call(struct client *client, const char *path, struct bytes request, int timeout_ms,
    struct arena *arena, struct answer *answer);

struct client_stream {
    struct client *client;
    grpc_call *call;
    grpc_metadata_array initial;
    grpc_metadata_array trailing;
    grpc_status_code status;
    grpc_slice words;
    bool greeted;
};

void client_open(struct client *client, const char *path, int timeout_ms, struct client_stream *stream);
bool client_send(struct client_stream *stream, struct bytes message); /* false: the stream is broken */
void client_half_close(struct client_stream *stream);
bool client_read(
    struct client_stream *stream, struct arena *arena, struct bytes *message); /* false: no more */
void client_cancel(struct client_stream *stream);
/* Reads on to the end, waits for the status and gives the stream back. */
void client_finish(struct client_stream *stream, struct answer *answer);

/* A message as bytes in the arena. */
struct bytes client_pack(const void *message, struct arena *arena);

#endif
