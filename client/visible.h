/* visible: text of others as it may be shown to a person. What would act on a terminal instead of being read (controls,
 * line ends, what turns the direction of writing) is written as an escape: \n, \t, \x1b, \u202e. All else stays as it
 * is, backslashes too; text that was made visible stays the same. For people only: JSON and CSV carry the text itself.
 *
 * Threads: any. */
#ifndef PATRON_CLIENT_VISIBLE_H
#define PATRON_CLIENT_VISIBLE_H

#include <stdio.h>

#include "store/base/arena.h"

/* The arena's. */
const char *visible_text(const char *text, struct arena *arena);
void visible_print(const char *text, FILE *to);
/* The same of a message that may have several lines: their ends stay. */
void visible_lines_print(const char *text, FILE *to);

#endif
