#include "store/definitions/mistakes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void mistake_at(struct mistakes *mistakes, size_t line, size_t column, const char *format, ...)
{
    if (mistakes->count++ >= MISTAKES_KEPT_MAX)
        return;
    char words[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    mistakes->kept[mistakes->count - 1] = (struct mistake){
        .line = line, .column = column, .words = arena_string(mistakes->arena, bytes_from_string(words))};
}

void mistake_is_forceable(struct mistakes *mistakes)
{
    mistakes->forceable_count++;
    if (mistakes->count <= MISTAKES_KEPT_MAX)
        mistakes->kept[mistakes->count - 1].forceable = true;
}

size_t mistakes_kept(const struct mistakes *mistakes)
{
    return mistakes->count < MISTAKES_KEPT_MAX ? mistakes->count : MISTAKES_KEPT_MAX;
}

/* By place; at one place in the order they were found, for qsort need not keep it. */
static int mistake_compare(const void *left, const void *right)
{
    const struct mistake *a = left, *b = right;
    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    if (a->column != b->column)
        return a->column < b->column ? -1 : 1;
    return strcmp(a->words, b->words);
}

void mistakes_sort(struct mistakes *mistakes)
{
    qsort(mistakes->kept, mistakes_kept(mistakes), sizeof mistakes->kept[0], mistake_compare);
}

enum patron_code mistakes_tell(struct mistakes *mistakes, struct error *error)
{
    if (mistakes->count == 0)
        return PATRON_OK;
    size_t kept = mistakes_kept(mistakes);
    mistakes_sort(mistakes);
    enum { CLOSING_BYTES = 40 }; /* "\nand 1048576 more mistakes" */
    char text[ERROR_TEXT_MAX];
    size_t length = 0, told = 0;
    for (; told < kept; told++) {
        const struct mistake *mistake = &mistakes->kept[told];
        size_t room = sizeof text - CLOSING_BYTES - length;
        int needed = snprintf(text + length, room, "%sline %zu, column %zu: %s", told ? "\n" : "", mistake->line,
            mistake->column, mistake->words);
        if ((size_t)needed >= room && told > 0) {
            text[length] = '\0';
            break;
        }
        length += (size_t)needed < room ? (size_t)needed : room - 1; /* a lone long one is cut */
    }
    size_t left = mistakes->count - told;
    if (left > 0)
        snprintf(text + length, sizeof text - length, "\nand %zu more mistake%s", left, left == 1 ? "" : "s");
    return error_set(error, PATRON_INVALID, "%s", text);
}
