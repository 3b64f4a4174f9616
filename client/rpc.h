/* Calls to the server, over gRPC's C core, for a program with one thread: every function waits for its result.
 *
 * A unary call is one function. A stream is opened, sent to, received from and closed; sending and receiving may be
 * mixed at will, since what the server sends while we wait for something else is kept (up to a bound, past which the
 * server waits). Ctrl-C cancels whatever is waited for: PATRON_CANCELLED. Other failures carry the server's own words
 * where it said something, and else say which address does not answer and what to do. */
#ifndef PATRON_CLIENT_RPC_H
#define PATRON_CLIENT_RPC_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/base/error.h"

struct rpc;
struct rpc_stream;

enum { RPC_NO_DEADLINE = 0, RPC_UNARY_SECONDS = 30 };

/* Connects at the first call. `address` null: $PATRON_SERVER, or 127.0.0.1:7070. */
enum patron_code rpc_open(struct rpc **rpc, const char *address, struct error *error) MUST_CHECK;
void rpc_close(struct rpc *rpc); /* null is fine */
const char *rpc_address(const struct rpc *rpc);

/* `method` is "/patron.v1.Service/Method". *reply is the caller's to free with
 * protobuf_c_message_free_unpacked(reply, NULL). */
enum patron_code rpc_unary(struct rpc *rpc, const char *method, const ProtobufCMessage *request,
    const ProtobufCMessageDescriptor *reply_type, ProtobufCMessage **reply, struct error *error) MUST_CHECK;

enum patron_code rpc_stream_open(struct rpc *rpc, const char *method,
    const ProtobufCMessageDescriptor *reply_type, int deadline_seconds, struct rpc_stream **stream,
    struct error *error) MUST_CHECK;
/* Waits until the message may leave, so that a slow server slows the sender. */
enum patron_code rpc_stream_send(
    struct rpc_stream *stream, const ProtobufCMessage *message, struct error *error) MUST_CHECK;
enum patron_code rpc_stream_half_close(struct rpc_stream *stream, struct error *error) MUST_CHECK;
/* *message is null once the stream has ended well. */
enum patron_code rpc_stream_receive(
    struct rpc_stream *stream, ProtobufCMessage **message, struct error *error) MUST_CHECK;
/* Cancels the call if it has not ended. Null is fine. */
void rpc_stream_close(struct rpc_stream *stream);

#endif
