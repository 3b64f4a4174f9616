#include "store/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum patron_code error_set(struct error *error, enum patron_code code, const char *format, ...)
{
    CHECK(code != PATRON_OK);
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        error->code = code;
        vsnprintf(error->text, sizeof error->text, format, arguments);
        va_end(arguments);
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
