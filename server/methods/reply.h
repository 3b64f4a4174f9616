/* reply: a message packed straight into the memory that the engine sends from. Threads: as call_reply.
 * Nothing fails. */
#ifndef PATRON_METHODS_REPLY_H
#define PATRON_METHODS_REPLY_H

#include <protobuf-c/protobuf-c.h>

#include "server/methods/method.h"

static inline void reply_message(struct call *call, const ProtobufCMessage *message)
{
    size_t length = protobuf_c_message_get_packed_size(message);
    size_t packed = protobuf_c_message_pack(message, call_reply(call, length));
    CHECK(packed == length);
}

#endif
