/* Any bytes as an identifier, an amount, a number, a time and an encoded value. The first byte chooses. */
#include <math.h>
#include <stdlib.h>

#include "store/base/decimal.h"
#include "store/base/encode.h"
#include "store/base/time_text.h"
#include "store/definitions/definitions.h"
#include "tests/fuzz/fuzz.h"

static void identifier_run(struct bytes value, enum normalization normalization)
{
    const struct identifier_type type = {.name = bytes_from_string("email"), .normalization = normalization};
    struct arena arena = {0};
    struct bytes once, twice;
    struct error error;
    if (identifier_normalize(&type, value, &arena, &once, &error) == PATRON_OK) {
        CHECK(once.length > 0 && once.length <= IDENTIFIER_VALUE_BYTES_MAX);
        CHECK(bytes_are_utf8(once));
        CHECK(identifier_normalize(&type, once, &arena, &twice, &error) == PATRON_OK);
        CHECK(bytes_equal(once, twice));
    } else {
        CHECK(bytes_are_utf8(bytes_from_string(error.text)));
    }
    arena_clear(&arena);
}

static void decimal_run(struct bytes text)
{
    int64_t micros, back;
    int128 fixed;
    struct error error;
    if (money_from_text(text, &micros, &error) == PATRON_OK) {
        char written[DECIMAL_TEXT_MAX];
        size_t length = money_to_text(micros, written);
        CHECK(money_from_text(bytes_of(written, length), &back, &error) == PATRON_OK);
        CHECK(back == micros);
    }
    if (number_from_text(text, &fixed, &error) == PATRON_OK) {
        const int128 limit = (int128)NUMBER_MAGNITUDE_MAX << NUMBER_FRACTION_BITS;
        CHECK(fixed < limit && fixed > -limit);
    }
}

static void double_run(struct bytes bytes)
{
    double value = 0;
    int64_t micros;
    int128 fixed;
    memcpy(&value, bytes.data, bytes.length < sizeof value ? bytes.length : sizeof value);
    struct error error;
    if (money_from_double(value, &micros, &error) == PATRON_OK) {
        char written[DECIMAL_TEXT_MAX];
        money_to_text(micros, written);
        CHECK(strtod(written, NULL) == value);
    }
    if (number_from_double(value, &fixed, &error) == PATRON_OK && value * 0x1p32 == rint(value * 0x1p32))
        CHECK((double)fixed * 0x1p-32 == value);
}

static void time_run(struct bytes text)
{
    int64_t time_us, back;
    struct error error;
    if (time_from_text(text, &time_us, &error) != PATRON_OK)
        return;
    char written[TIME_TEXT_MAX];
    size_t length = time_to_text(time_us, written);
    if (written[0] == '-' || written[4] != '-') /* an offset may lead out of the years 0 to 9999 */
        return;
    CHECK(time_from_text(bytes_of(written, length), &back, &error) == PATRON_OK);
    CHECK(back == time_us);
}

/* Varints have one form: what decodes encodes to the bytes it came from. */
static void decoder_run(struct bytes bytes)
{
    struct decoder decoder = decoder_of(bytes);
    struct encoder encoder = {0};
    while (decoder_left(&decoder) > 0) {
        const uint8_t *begin = decoder.at;
        encoder_reset(&encoder);
        switch (*begin % 4) {
        case 0:
            encode_varint(&encoder, decode_varint(&decoder));
            break;
        case 1:
            encode_signed(&encoder, decode_signed(&decoder));
            break;
        case 2:
            encode_signed128(&encoder, decode_signed128(&decoder));
            break;
        default:
            encode_bytes(&encoder, decode_bytes(&decoder));
            break;
        }
        CHECK(decoder.bad ||
            bytes_equal(encoder_borrow(&encoder), bytes_of(begin, (size_t)(decoder.at - begin))));
    }
    encoder_clear(&encoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct bytes rest = bytes_of(data + 1, size - 1);
    switch (data[0] % 8) {
    case 0:
        decimal_run(rest);
        break;
    case 1:
        double_run(rest);
        break;
    case 2:
        time_run(rest);
        break;
    case 3:
        decoder_run(rest);
        break;
    default:
        identifier_run(rest, (enum normalization)(data[0] % 4));
        break;
    }
    return 0;
}
