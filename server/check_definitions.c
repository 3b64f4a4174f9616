#include "server/check_definitions.h"

#include <errno.h>
#include <stdio.h>

#include "store/definitions/builtin/builtin.h"
#include "store/definitions/definitions.h"
#include "store/definitions/json_schema.h"
#include "store/definitions/mistakes.h"

static enum patron_code read_all(FILE *from, const char *path, struct encoder *to, struct error *error)
{
    char piece[65536];
    size_t length;
    while ((length = fread(piece, 1, sizeof piece, from)) > 0) {
        encode_raw(to, piece, length);
        if (to->length > DEFINITIONS_BYTES_MAX)
            return error_set(error, PATRON_INVALID,
                "%s is larger than %d bytes, the most that is taken: shorten its lists, comments and descriptions",
                path, DEFINITIONS_BYTES_MAX);
    }
    if (ferror(from))
        return error_set(error, PATRON_IO, "cannot read %s: %s", path, strerrordesc_np(errno));
    return PATRON_OK;
}

static enum patron_code read_definitions(const char *path, struct encoder *to, struct error *error)
{
    if (builtin_is_named(path)) {
        struct bytes text;
        TRY(builtin_find(path, &text, error));
        encode_raw(to, text.data, text.length);
        return PATRON_OK;
    }
    if (strcmp(path, "-") == 0)
        return read_all(stdin, "standard input", to, error);
    FILE *file = fopen(path, "rbe");
    if (!file)
        return error_set(error, PATRON_NOT_FOUND, "cannot read %s: %s", path, strerrordesc_np(errno));
    enum patron_code code = read_all(file, path, to, error);
    fclose(file);
    return code;
}

static void print_mistakes(const char *path, const struct mistakes *mistakes)
{
    size_t kept = mistakes_kept(mistakes);
    for (size_t i = 0; i < kept; i++)
        fprintf(stderr, "%s:%zu:%zu: %s\n", path, mistakes->kept[i].line, mistakes->kept[i].column,
            mistakes->kept[i].words);
    if (mistakes->count > kept)
        fprintf(stderr, "%s: and %zu more\n", path, mistakes->count - kept);
    fprintf(stderr, "%s: %zu mistake%s\n", path, mistakes->count, mistakes->count == 1 ? "" : "s");
}

bool check_definitions(const char *path)
{
    struct encoder text = {0};
    struct arena words = {0};
    struct mistakes mistakes = {.arena = &words};
    struct error error;
    const struct definitions *made = NULL;
    enum patron_code code = read_definitions(path, &text, &error);
    if (code == PATRON_OK)
        code = definitions_check(encoder_borrow(&text), NULL, 1, false, &mistakes, &made, &error);
    if (code != PATRON_OK)
        fprintf(stderr, "patrond: %s\n", error.text);
    else if (!made)
        print_mistakes(path, &mistakes);
    else
        printf("%s is good: %zu events, %zu features, %zu services\n", path, made->event_count, made->feature_count,
            made->service_count);
    bool good = made != NULL;
    definitions_release(made);
    encoder_clear(&text);
    arena_clear(&words);
    return good;
}

void print_definitions_schema(void)
{
    struct encoder text = {0};
    definitions_json_schema(&text);
    fwrite(text.data, 1, text.length, stdout);
    encoder_clear(&text);
}
