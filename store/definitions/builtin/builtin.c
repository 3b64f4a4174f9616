#include "store/definitions/builtin/builtin.h"

#include <stdio.h>

#include "store/base/check.h"

enum { NAMES_LENGTH_MAX = 256 };

bool builtin_is_named(const char *name)
{
    return strncmp(name, BUILTIN_PREFIX, strlen(BUILTIN_PREFIX)) == 0;
}

enum patron_code builtin_find(const char *name, struct bytes *text, struct error *error)
{
    const char *wanted = builtin_is_named(name) ? name + strlen(BUILTIN_PREFIX) : name;
    char names[NAMES_LENGTH_MAX];
    size_t length = 0;
    for (size_t i = 0; i < builtin_file_count; i++) {
        const struct builtin_file *file = &builtin_files[i];
        if (bytes_is(file->name, wanted)) {
            *text = file->text;
            return PATRON_OK;
        }
        int written = snprintf(names + length, sizeof names - length, "%s" BUILTIN_PREFIX "%.*s",
            i == 0 ? "" : i + 1 == builtin_file_count ? " and " : ", ", BYTES_ARGUMENTS(file->name));
        CHECK(written > 0 && (size_t)written < sizeof names - length);
        length += (size_t)written;
    }
    return error_set(error, PATRON_NOT_FOUND, "there is no " BUILTIN_PREFIX "%.100s; there are %s", wanted, names);
}
