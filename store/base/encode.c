#include "store/base/encode.h"

#include "store/base/check.h"

void encode_raw(struct encoder *to, const void *data, size_t length)
{
    if (to->capacity - to->length < length) {
        size_t capacity = to->capacity ? to->capacity * 2 : 256;
        while (capacity - to->length < length)
            capacity *= 2;
        to->data = memory_resize(to->data, capacity);
        to->capacity = capacity;
    }
    if (length)
        memcpy(to->data + to->length, data, length);
    to->length += length;
}

void encode_u8(struct encoder *to, uint8_t value)
{
    encode_raw(to, &value, 1);
}

static void encode_varint128(struct encoder *to, uint128 value)
{
    uint8_t buffer[19];
    size_t length = 0;
    while (value >= 0x80) {
        buffer[length++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    buffer[length++] = (uint8_t)value;
    encode_raw(to, buffer, length);
}

void encode_varint(struct encoder *to, uint64_t value)
{
    encode_varint128(to, value);
}

void encode_signed(struct encoder *to, int64_t value)
{
    encode_varint128(to, ((uint64_t)value << 1) ^ (uint64_t)(value >> 63));
}

void encode_signed128(struct encoder *to, int128 value)
{
    encode_varint128(to, ((uint128)value << 1) ^ (uint128)(value >> 127));
}

void encode_real(struct encoder *to, double value)
{
    uint64_t bits;
    uint8_t buffer[8];
    memcpy(&bits, &value, sizeof bits);
    for (int i = 0; i < 8; i++)
        buffer[i] = (uint8_t)(bits >> (8 * i));
    encode_raw(to, buffer, sizeof buffer);
}

void encode_bytes(struct encoder *to, struct bytes bytes)
{
    encode_varint(to, bytes.length);
    encode_raw(to, bytes.data, bytes.length);
}

void encoder_clear(struct encoder *encoder)
{
    memory_free(encoder->data);
    *encoder = (struct encoder){0};
}

const uint8_t *decode_raw(struct decoder *from, size_t length)
{
    if (from->bad || (size_t)(from->end - from->at) < length) {
        from->bad = true;
        return NULL;
    }
    const uint8_t *data = from->at;
    if (length)
        from->at += length;
    return data;
}

uint8_t decode_u8(struct decoder *from)
{
    const uint8_t *data = decode_raw(from, 1);
    return data ? *data : 0;
}

static uint128 decode_varint128(struct decoder *from, int bits)
{
    uint128 value = 0;
    for (int shift = 0; shift < bits; shift += 7) {
        const uint8_t *byte = decode_raw(from, 1);
        if (!byte)
            return 0;
        uint128 digit = *byte & 0x7f;
        if (bits - shift < 7 && digit >> (bits - shift))
            break; /* too large */
        value |= digit << shift;
        if (!(*byte & 0x80)) {
            if (*byte == 0 && shift > 0)
                break; /* not the shortest form */
            return value;
        }
    }
    from->bad = true;
    return 0;
}

uint64_t decode_varint(struct decoder *from)
{
    return (uint64_t)decode_varint128(from, 64);
}

int64_t decode_signed(struct decoder *from)
{
    uint64_t value = decode_varint(from);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

int128 decode_signed128(struct decoder *from)
{
    uint128 value = decode_varint128(from, 128);
    return (int128)(value >> 1) ^ -(int128)(value & 1);
}

double decode_real(struct decoder *from)
{
    const uint8_t *data = decode_raw(from, 8);
    uint64_t bits = 0;
    double value;
    for (int i = 0; data && i < 8; i++)
        bits |= (uint64_t)data[i] << (8 * i);
    memcpy(&value, &bits, sizeof value);
    return value;
}

struct bytes decode_bytes(struct decoder *from)
{
    uint64_t length = decode_varint(from);
    if (length > decoder_left(from)) {
        from->bad = true;
        return (struct bytes){0};
    }
    return bytes_of(decode_raw(from, length), length);
}
