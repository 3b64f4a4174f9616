/* How far a long piece of work is. On a terminal one line that is drawn over itself; elsewhere a plain line every few
 * seconds, and none at all if the work is short. Writes to stderr. One thread. */
#ifndef PATRON_CLIENT_PROGRESS_H
#define PATRON_CLIENT_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    const char *label; /* "reading", "sending": borrowed */
    const char *unit;  /* "rows" */
    bool terminal;
    bool drawn;
    int64_t started_us, shown_us; /* on the monotonic clock */
    uint64_t done;                /* in units */
    uint64_t part, whole;         /* of what percentages are taken; whole 0: not known */
};

enum { PROGRESS_TEXT_MAX = 160 };

/* Microseconds of a clock that never jumps. */
int64_t monotonic_us(void);

void progress_start(struct progress *progress, const char *label, const char *unit);
/* Cheap enough for every row. */
void progress_update(struct progress *progress, uint64_t done, uint64_t part, uint64_t whole);
/* The same with words of the caller's own. */
void progress_say(struct progress *progress, const char *words);
/* Wipe the line. */
void progress_finish(struct progress *progress);

/* What is shown at `now_us`; for the two above and for tests. */
void progress_text(const struct progress *progress, int64_t now_us, char text[PROGRESS_TEXT_MAX]);

#endif
