/* The check walks the wire format (protobuf.dev, "Encoding"): a message is records of a varint tag, number <<
 * 3 | type, and a payload by type: 0 varint, 1 eight bytes, 2 varint length and bytes, 5 four bytes; groups
 * (3 and 4) are refused. */
#include "server/methods/request.h"

#include "store/base/limits.h"

enum { NESTING_MAX = 8, VARINT_BYTES_MAX = 10, FIELD_TAG_BYTES_MAX = 5 };

struct walk {
    const char *message_name; /* of the outermost */
    size_t elements;
    struct error *error;
};

static enum patron_code broken(const struct walk *walk)
{
    return error_set(
        walk->error, PATRON_INVALID, "the request is no %s: its bytes are malformed", walk->message_name);
}

/* False if there is none of at most `bytes_max` bytes. Longer forms than needed are fine on this wire. */
static bool take_varint(struct bytes *from, size_t bytes_max, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < from->length && i < bytes_max; i++) {
        *value |= (uint64_t)(from->data[i] & 0x7f) << (7 * i);
        if (from->data[i] < 0x80) {
            *from = bytes_of(from->data + i + 1, from->length - i - 1);
            return true;
        }
    }
    return false;
}

static bool take(struct bytes *from, uint64_t length, struct bytes *taken)
{
    if (length > from->length)
        return false;
    *taken = bytes_of(from->data, (size_t)length);
    *from = bytes_of(from->data + length, from->length - (size_t)length);
    return true;
}

static enum patron_code check_text(
    const struct walk *walk, const ProtobufCFieldDescriptor *field, struct bytes text)
{
    if (!bytes_are_utf8(text))
        return error_set(walk->error, PATRON_INVALID, "the text of field '%s' is not UTF-8", field->name);
    if (text.length && memchr(text.data, 0, text.length))
        return error_set(walk->error, PATRON_INVALID, "the text of field '%s' has a NUL in it", field->name);
    return PATRON_OK;
}

/* Recursion ends at NESTING_MAX. */
static enum patron_code check_message( // NOLINT(misc-no-recursion)
    struct walk *walk, const ProtobufCMessageDescriptor *type, struct bytes rest, int nesting)
{
    if (nesting > NESTING_MAX)
        return error_set(walk->error, PATRON_INVALID, "the request is nested too deeply");
    while (rest.length) {
        uint64_t tag;
        uint64_t number;
        struct bytes payload = {0};
        if (++walk->elements > REQUEST_ELEMENTS_MAX)
            return error_set(walk->error, PATRON_INVALID,
                "the request has more than %d messages and values in it; send it in parts",
                REQUEST_ELEMENTS_MAX);
        if (!take_varint(&rest, FIELD_TAG_BYTES_MAX, &tag) || tag >> 3 == 0 || tag > UINT32_MAX)
            return broken(walk);
        bool whole = false;
        switch (tag & 7) {
        case PROTOBUF_C_WIRE_TYPE_VARINT:
            whole = take_varint(&rest, VARINT_BYTES_MAX, &number);
            break;
        case PROTOBUF_C_WIRE_TYPE_64BIT:
            whole = take(&rest, 8, &payload);
            break;
        case PROTOBUF_C_WIRE_TYPE_32BIT:
            whole = take(&rest, 4, &payload);
            break;
        case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
            whole = take_varint(&rest, VARINT_BYTES_MAX, &number) && take(&rest, number, &payload);
            break;
        default:
            break;
        }
        if (!whole)
            return broken(walk);
        const ProtobufCFieldDescriptor *field =
            protobuf_c_message_descriptor_get_field(type, (unsigned)(tag >> 3));
        if (!field || (tag & 7) != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
            continue;
        if (field->type == PROTOBUF_C_TYPE_STRING)
            TRY(check_text(walk, field, payload));
        else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            TRY(check_message(walk, field->descriptor, payload, nesting + 1));
    }
    return PATRON_OK;
}

static void *take_from_arena(void *arena, size_t size)
{
    return arena_alloc(arena, size);
}

static void leave_to_arena(void *arena, void *memory)
{
    (void)arena;
    (void)memory;
}

enum patron_code request_unpack(const ProtobufCMessageDescriptor *type, struct bytes bytes,
    struct arena *arena, ProtobufCMessage **message, struct error *error)
{
    struct walk walk = {.message_name = type->name, .error = error};
    TRY(check_message(&walk, type, bytes, 0));
    ProtobufCAllocator allocator = {take_from_arena, leave_to_arena, arena};
    *message = protobuf_c_message_unpack(type, &allocator, bytes.length, bytes.data);
    return *message ? PATRON_OK : broken(&walk);
}
