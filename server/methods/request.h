/* request: a message's bytes, checked and decoded into an arena.
 *
 * The check comes before protobuf-c's decoder for three things that it lets through: text that is not UTF-8,
 * text with a NUL in it (which its strings would silently end at, making two identifiers one), and a few
 * bytes that decode into many (limits.h: REQUEST_ELEMENTS_MAX). Threads: any, one arena each. Failure:
 * PATRON_INVALID, with the field's name. */
#ifndef PATRON_METHODS_REQUEST_H
#define PATRON_METHODS_REQUEST_H

#include <protobuf-c/protobuf-c.h>

#include "store/base/arena.h"
#include "store/base/bytes.h"
#include "store/base/error.h"

/* *message lives as long as the arena does; it is not to be freed. It keeps nothing of `bytes`. */
enum patron_code request_unpack(const ProtobufCMessageDescriptor *type, struct bytes bytes,
    struct arena *arena, ProtobufCMessage **message, struct error *error) MUST_CHECK;

#endif
