#include "store/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unicode/utf8.h>

/* Words hold names and values from outside, cut where they get long. Whatever of a character that leaves is blotted
 * out, for a reply with half a character in it cannot be read by its receiver at all. */
static void text_mend(char *text)
{
    int32_t length = (int32_t)strlen(text);
    for (int32_t at = 0; at < length;) {
        int32_t begin = at;
        UChar32 c;
        U8_NEXT((const uint8_t *)text, at, length, c);
        if (c < 0)
            memset(text + begin, '?', (size_t)(at - begin));
    }
}

enum patron_code error_set(struct error *error, enum patron_code code, const char *format, ...)
{
    CHECK(code != PATRON_OK);
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        error->code = code;
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
        text_mend(error->text);
    }
    return code;
}

enum patron_code error_prefix(struct error *error, enum patron_code code, const char *format, ...)
{
    if (!error)
        return code;
    char rest[ERROR_TEXT_MAX];
    memcpy(rest, error->text, sizeof rest);
    va_list arguments;
    va_start(arguments, format);
    int used = vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
    if (used >= 0 && (size_t)used < sizeof error->text)
        snprintf(error->text + used, sizeof error->text - (size_t)used, "%s", rest);
    text_mend(error->text);
    return error->code;
}

const char *patron_code_name(enum patron_code code)
{
    switch (code) {
#define X(code, name, grpc)                                                                                  \
    case code:                                                                                               \
        return name;
        PATRON_CODES(X)
#undef X
    case PATRON_CODE_COUNT:
        break;
    }
    IMPOSSIBLE("a code outside the list");
}

int patron_code_grpc(enum patron_code code)
{
    switch (code) {
#define X(code, name, grpc)                                                                                  \
    case code:                                                                                               \
        return grpc;
        PATRON_CODES(X)
#undef X
    case PATRON_CODE_COUNT:
        break;
    }
    IMPOSSIBLE("a code outside the list");
}
