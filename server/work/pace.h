/* pace: whether what comes in must give way to what follows it, so that following ends.
 *
 * Following the log gets done only if it is faster than the log grows. Where for a while it is not by a clear margin,
 * events are taken in at half the speed that it is found to have at most, over and over: then what is left shrinks at
 * least half as fast as it is worked off, whatever load there is. Never under PACE_LIMIT_MIN, so that whoever sends is
 * slow but not stuck.
 *
 * A plain value, zero to begin with; one thread; nothing fails. */
#ifndef PATRON_WORK_PACE_H
#define PATRON_WORK_PACE_H

#include <stdbool.h>
#include <stdint.h>

enum {
    PACE_WINDOW_MS = 1000, /* speeds are taken over so long */
    PACE_WINDOWS_LOST = 3, /* in a row, before anything gives way: a burst is in two */
    PACE_LIMIT_MIN = 100,  /* events a second */
};

struct pace {
    bool begun;
    int64_t since_ms; /* of the window, as the next two */
    uint64_t followed;
    uint64_t arrived;
    uint64_t speed; /* of following, a second: half the last window's, half those before */
    unsigned lost;  /* windows in a row that were not won */
    uint32_t limit; /* 0: none */
};

/* Both counts only grow. Returns the limit from now on, events a second; 0: none is needed, and none was. */
uint32_t pace_look(struct pace *pace, int64_t now_ms, uint64_t followed, uint64_t arrived);

#endif
