/* wire: protobuf's wire format written by hand, for the replies whose bytes are mostly columns of numbers:
 * protobuf-c would want those numbers in arrays of its own first. Tags and lengths are varints, the rest is
 * little-endian. Threads: any. Nothing fails: the caller has measured what it writes. */
#ifndef PATRON_METHODS_WIRE_H
#define PATRON_METHODS_WIRE_H

#include "store/base/bytes.h"

_Static_assert(
    __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "columns of numbers are copied as they lie in memory");

enum wire_type { WIRE_VARINT = 0, WIRE_64BIT = 1, WIRE_BYTES = 2 };

static inline size_t wire_varint_size(uint64_t value)
{
    size_t size = 1;
    while (value >= 0x80) {
        value >>= 7;
        size++;
    }
    return size;
}

static inline uint8_t *wire_put_varint(uint8_t *to, uint64_t value)
{
    while (value >= 0x80) {
        *to++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *to++ = (uint8_t)value;
    return to;
}

/* Field numbers here are under 16, so that a tag is one byte. */
static inline uint8_t *wire_put_tag(uint8_t *to, int field, enum wire_type type)
{
    *to = (uint8_t)(field << 3 | (int)type);
    return to + 1;
}

static inline uint8_t *wire_put_number(uint8_t *to, int field, uint64_t value)
{
    return wire_put_varint(wire_put_tag(to, field, WIRE_VARINT), value);
}

static inline size_t wire_number_size(uint64_t value)
{
    return 1 + wire_varint_size(value);
}

static inline uint8_t *wire_put_fixed64(uint8_t *to, int field, uint64_t value)
{
    to = wire_put_tag(to, field, WIRE_64BIT);
    memcpy(to, &value, sizeof value);
    return to + sizeof value;
}

/* Tag and length of a field of bytes, which the caller writes next. */
static inline uint8_t *wire_put_head(uint8_t *to, int field, size_t length)
{
    return wire_put_varint(wire_put_tag(to, field, WIRE_BYTES), length);
}

static inline size_t wire_bytes_size(size_t length)
{
    return 1 + wire_varint_size(length) + length;
}

static inline uint8_t *wire_put_bytes(uint8_t *to, int field, struct bytes bytes)
{
    to = wire_put_head(to, field, bytes.length);
    if (bytes.length)
        memcpy(to, bytes.data, bytes.length);
    return to + bytes.length;
}

#endif
