#include "store/matching/normal.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

/* What is read of a text: values are cut to an eighth of it. Compatibility forms may be 18 times as long (U+FDFA). */
enum { READ_MAX = 1024, WIDE_MAX = 18 * READ_MAX };

/* A folded value while it is written: a space is owed after a separator, and paid before the next character. */
struct folded {
    uint8_t *data;
    size_t length;
    bool owes_space, full;
};

static void character_put(struct folded *to, UChar32 c)
{
    uint8_t encoded[U8_MAX_LENGTH];
    int32_t length = 0;
    U8_APPEND_UNSAFE(encoded, length, c);
    size_t space = to->owes_space && to->length > 0;
    if (to->length + space + (size_t)length > MATCH_VALUE_BYTES_MAX) {
        to->full = true;
        return;
    }
    if (space)
        to->data[to->length++] = ' ';
    memcpy(to->data + to->length, encoded, (size_t)length);
    to->length += (size_t)length;
    to->owes_space = false;
}

/* Letters that no normal form takes apart, as they are written where they are not to be had. */
static const char *letter_spelled(UChar32 c)
{
    switch (c) {
    case 0x00e6: /* ae */
        return "ae";
    case 0x0153: /* oe */
        return "oe";
    case 0x00f8: /* o with stroke */
        return "o";
    case 0x0142: /* l with stroke */
        return "l";
    case 0x0111: /* d with stroke */
    case 0x00f0: /* eth */
        return "d";
    case 0x00fe: /* thorn */
        return "th";
    case 0x0131: /* dotless i */
        return "i";
    default:
        return NULL;
    }
}

static bool parts_nothing(UChar32 c)
{
    return c == '\'' || c == '.' || c == '`' || c == 0x2019 || c == 0x2018 || c == 0x02bc || c == 0x00b4;
}

static void character_fold(struct folded *to, UChar32 c)
{
    const char *spelled = c >= 0x80 ? letter_spelled(c) : NULL;
    if (to->full)
        return;
    for (; spelled && *spelled; spelled++)
        character_put(to, *spelled);
    if (spelled)
        return;
    if (c < 0x80 ? (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') : u_isalnum(c))
        character_put(to, c);
    else if (!parts_nothing(c) && !(U_GET_GC_MASK(c) & U_GC_M_MASK))
        to->owes_space = true;
}

static void fold_wide(struct bytes raw, struct arena *arena, struct folded *to)
{
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *caseless = unorm2_getNFKCCasefoldInstance(&status);
    const UNormalizer2 *apart = unorm2_getNFDInstance(&status);
    UChar *one = arena_array(arena, WIDE_MAX, sizeof *one);
    UChar *other = arena_array(arena, WIDE_MAX, sizeof *other);
    int32_t length = 0;
    u_strFromUTF8WithSub(
        one, WIDE_MAX, &length, (const char *)raw.data, (int32_t)raw.length, 0xfffd, NULL, &status);
    length = unorm2_normalize(caseless, one, length, other, WIDE_MAX, &status);
    length = unorm2_normalize(apart, other, length, one, WIDE_MAX, &status);
    if (U_FAILURE(status))
        return; /* a text that outgrows its bound is no value of a person's */
    for (int32_t at = 0; at < length;) {
        UChar32 c;
        U16_NEXT(one, at, length, c);
        character_fold(to, c);
    }
}

struct bytes match_fold(struct bytes raw, struct arena *arena)
{
    struct folded to = {.data = arena_alloc(arena, MATCH_VALUE_BYTES_MAX)};
    bool ascii = true;
    raw.length = raw.length < READ_MAX ? raw.length : READ_MAX;
    for (size_t i = 0; i < raw.length; i++)
        ascii = ascii && raw.data[i] < 0x80;
    if (!ascii)
        fold_wide(raw, arena, &to);
    for (size_t i = 0; ascii && i < raw.length; i++)
        character_fold(&to, raw.data[i] >= 'A' && raw.data[i] <= 'Z' ? raw.data[i] - 'A' + 'a' : raw.data[i]);
    return bytes_of(to.data, to.length);
}

size_t match_words(struct bytes value, struct bytes words[MATCH_WORDS_MAX])
{
    size_t count = 0, begin = 0;
    for (size_t i = 0; i <= value.length && count < MATCH_WORDS_MAX; i++)
        if (i == value.length || value.data[i] == ' ') {
            if (i > begin)
                words[count++] = bytes_of(value.data + begin, i - begin);
            begin = i + 1;
        }
    return count;
}
