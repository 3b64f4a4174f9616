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
    size_t forceable_count;
    struct mistake {
        size_t line; /* both from 1 */
        size_t column;
        bool forceable; /* only what is stored speaks against it: it may be forced */
        const char *words;
    } kept[MISTAKES_KEPT_MAX];
};

void mistake_at(struct mistakes *mistakes, size_t line, size_t column, const char *format, ...) PRINTF_LIKE(4, 5);
/* Marks the one noted last. */
void mistake_is_forceable(struct mistakes *mistakes);
/* Puts those kept in the order of the file. */
void mistakes_sort(struct mistakes *mistakes);
size_t mistakes_kept(const struct mistakes *mistakes);
/* Sorts. PATRON_OK if there is none; else PATRON_INVALID and "line 12, column 5: words" for each that fits. */
enum patron_code mistakes_tell(struct mistakes *mistakes, struct error *error) MUST_CHECK;

#endif
