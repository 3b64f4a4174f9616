#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

#include "store/definitions/definitions.h"
#include "store/definitions/pattern.h"
#include "store/definitions/suggest.h"

/* Normal form C may take three times the room (Unicode Standard Annex 15, "stable code points"); what is still longer
 * in UTF-16 than the limit in bytes is refused afterwards anyway. */
enum { WIDE_MAX = 3 * IDENTIFIER_VALUE_BYTES_MAX };

static struct bytes trim(struct bytes value)
{
    const uint8_t *data = value.data;
    int32_t begin = 0, end = (int32_t)value.length;
    while (begin < end) {
        int32_t next = begin;
        UChar32 c;
        U8_NEXT(data, next, end, c);
        if (!u_isUWhiteSpace(c))
            break;
        begin = next;
    }
    while (end > begin) {
        int32_t before = end;
        UChar32 c;
        U8_PREV(data, begin, before, c);
        if (!u_isUWhiteSpace(c))
            break;
        end = before;
    }
    return bytes_of(data + begin, (size_t)(end - begin));
}

static bool is_ascii(struct bytes value)
{
    for (size_t i = 0; i < value.length; i++)
        if (value.data[i] >= 0x80)
            return false;
    return true;
}

static struct bytes lower_ascii(struct bytes value, struct arena *arena)
{
    uint8_t *lower = arena_alloc(arena, value.length);
    for (size_t i = 0; i < value.length; i++)
        lower[i] = (uint8_t)(value.data[i] + (value.data[i] >= 'A' && value.data[i] <= 'Z' ? 'a' - 'A' : 0));
    return bytes_of(lower, value.length);
}

/* NFC, lower case, and NFC once more, for a few letters leave the form when they are lowered: without it, normalising
 * twice would not be the same as once. False: too long. */
static bool lower_unicode(struct bytes value, struct arena *arena, struct bytes *lowered)
{
    UErrorCode status = U_ZERO_ERROR;
    const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);
    UChar *one = arena_array(arena, WIDE_MAX, sizeof *one);
    UChar *other = arena_array(arena, WIDE_MAX, sizeof *other);
    int32_t length = 0;
    u_strFromUTF8(one, WIDE_MAX, &length, (const char *)value.data, (int32_t)value.length, &status);
    length = unorm2_normalize(nfc, one, length, other, WIDE_MAX, &status);
    length = u_strToLower(one, WIDE_MAX, other, length, "", &status);
    length = unorm2_normalize(nfc, one, length, other, WIDE_MAX, &status);
    char *text = arena_alloc(arena, IDENTIFIER_VALUE_BYTES_MAX + 1);
    int32_t bytes = 0;
    u_strToUTF8(text, IDENTIFIER_VALUE_BYTES_MAX + 1, &bytes, other, length, &status);
    *lowered = bytes_of(text, (size_t)bytes);
    return U_SUCCESS(status);
}

static bool is_email(struct bytes value)
{
    const uint8_t *at = memchr(value.data, '@', value.length);
    if (!at || at == value.data || at == value.data + value.length - 1)
        return false;
    return !memchr(at + 1, '@', (size_t)(value.data + value.length - 1 - at));
}

/* The words never hold the value: they end up in logs and dead letters, and values name people. */
enum patron_code identifier_normalize(const struct identifier_type *type, struct bytes value, struct arena *arena,
    struct bytes *normalized, struct error *error)
{
    if (value.length > IDENTIFIER_VALUE_BYTES_MAX)
        return error_set(error, PATRON_INVALID, "identifier %.*s is too long: %zu bytes (at most %d)",
            BYTES_ARGUMENTS(type->name), value.length, IDENTIFIER_VALUE_BYTES_MAX);
    if (!bytes_are_utf8(value))
        return error_set(error, PATRON_INVALID, "identifier %.*s is not UTF-8", BYTES_ARGUMENTS(type->name));
    struct bytes result = type->normalization == NORMALIZE_NONE ? value : trim(value);
    if (result.length == 0)
        return error_set(error, PATRON_INVALID, "identifier %.*s is empty", BYTES_ARGUMENTS(type->name));
    if (type->normalization == NORMALIZE_LOWER || type->normalization == NORMALIZE_EMAIL) {
        if (is_ascii(result))
            result = lower_ascii(result, arena);
        else if (!lower_unicode(result, arena, &result) || result.length > IDENTIFIER_VALUE_BYTES_MAX)
            return error_set(error, PATRON_INVALID, "identifier %.*s is too long once normalised (at most %d bytes)",
                BYTES_ARGUMENTS(type->name), IDENTIFIER_VALUE_BYTES_MAX);
    } else {
        result = arena_copy(arena, result);
    }
    if (type->normalization == NORMALIZE_EMAIL && !is_email(result))
        return error_set(error, PATRON_INVALID,
            "identifier %.*s is not an address: it needs one '@' with something on either side",
            BYTES_ARGUMENTS(type->name));
    *normalized = result;
    return PATRON_OK;
}

bool identifier_never_links(const struct identifier_type *type, struct bytes normalized)
{
    if (type->never_links)
        return true;
    size_t low = 0, high = type->never_link_count; /* sorted when parsed */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = bytes_compare(type->never_link[middle], normalized);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return pattern_any_matches(type->never_link_patterns, type->never_link_pattern_count, normalized);
}
