/* mistakes: everything that is wrong with a file, gathered to be told at once, in the order of the file. Belongs to one
 * parse; its words live in the arena it was made with. */
#ifndef PATRON_DEFINITIONS_MISTAKES_H
#define PATRON_DEFINITIONS_MISTAKES_H

#include "store/base/arena.h"
#include "store/base/error.h"

/* More are counted only: the error's text ends long before, and finding the nearest name for each would take time. */
enum { MISTAKES_KEPT_MAX = 100 };

struct mistakes {
    struct arena *arena;
    size_t count;
    struct mistake {
        size_t line; /* both from 1 */
        size_t column;
        const char *words;
    } kept[MISTAKES_KEPT_MAX];
};

void mistake_at(struct mistakes *mistakes, size_t line, size_t column, const char *format, ...) PRINTF_LIKE(4, 5);
/* PATRON_OK if there is none; else PATRON_INVALID and "line 12, column 5: words" for each that fits. */
enum patron_code mistakes_tell(struct mistakes *mistakes, struct error *error) MUST_CHECK;

#endif
