/* Words for encodings: big-endian keys that sort as numbers, and a bounded writer and reader of value bytes.
 *
 * A writer appends to memory it grows; a reader never passes its end: after any failed read `bad` stays true and every
 * later read gives zero, so a decoder reads all it wants and asks once. Varints are LEB128, the shortest form only;
 * signed ones are zigzag. */
#ifndef PATRON_BASE_ENCODE_H
#define PATRON_BASE_ENCODE_H

#include "store/base/arena.h"
#include "store/base/bytes.h"

__extension__ typedef __int128 int128; /* the one pair of typedefs: C has no such words */
__extension__ typedef unsigned __int128 uint128;

/* Big-endian, for keys. Signed times are biased so that earlier sorts first. */
static inline void encode_be64(uint8_t *to, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (uint8_t)(value >> (56 - 8 * i));
}
static inline uint64_t decode_be64(const uint8_t *from)
{
    uint64_t value = 0;
    for (int i = 0; i < 8; i++)
        value = value << 8 | from[i];
    return value;
}
static inline void encode_be32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}
static inline uint32_t decode_be32(const uint8_t *from)
{
    return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}
static inline void encode_time(uint8_t *to, int64_t time_us)
{
    encode_be64(to, (uint64_t)time_us ^ (UINT64_C(1) << 63));
}
static inline int64_t decode_time(const uint8_t *from)
{
    return (int64_t)(decode_be64(from) ^ (UINT64_C(1) << 63));
}

struct encoder {
    uint8_t *data; /* memory_alloc'ed; the encoder's until encoder_clear or encoder_take */
    size_t length;
    size_t capacity;
};

void encode_raw(struct encoder *to, const void *data, size_t length);
void encode_u8(struct encoder *to, uint8_t value);
void encode_varint(struct encoder *to, uint64_t value);
void encode_signed(struct encoder *to, int64_t value);
void encode_signed128(struct encoder *to, int128 value);
void encode_real(struct encoder *to, double value);        /* its 8 bytes, little-endian */
void encode_bytes(struct encoder *to, struct bytes bytes); /* varint length, then the bytes */
static inline struct bytes encoder_borrow(const struct encoder *from)
{
    return bytes_of(from->data, from->length); /* until the encoder is written to again */
}
static inline void encoder_reset(struct encoder *encoder)
{
    encoder->length = 0;
}
void encoder_clear(struct encoder *encoder);

struct decoder {
    const uint8_t *at;
    const uint8_t *end;
    bool bad;
};

static inline struct decoder decoder_of(struct bytes bytes)
{
    /* Nothing is added to a null pointer, not even nothing: C does not define it. */
    return (struct decoder){bytes.data, bytes.length ? bytes.data + bytes.length : bytes.data, false};
}
const uint8_t *decode_raw(struct decoder *from, size_t length); /* null once bad */
uint8_t decode_u8(struct decoder *from);
uint64_t decode_varint(struct decoder *from);
int64_t decode_signed(struct decoder *from);
int128 decode_signed128(struct decoder *from);
double decode_real(struct decoder *from);
struct bytes decode_bytes(struct decoder *from); /* points into what is decoded */
static inline size_t decoder_left(const struct decoder *from)
{
    return from->bad ? 0 : (size_t)(from->end - from->at);
}
/* True if nothing failed and nothing is left over. */
static inline bool decoder_done(const struct decoder *from)
{
    return !from->bad && from->at == from->end;
}

#endif
