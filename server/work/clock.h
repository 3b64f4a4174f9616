/* clock: the server's one never-decreasing clock, and the guard against the machine's clock being wrong.
 *
 * Every T that is served and every known_at comes from here. The machine's wall clock is compared with its steady clock
 * at every look. Small steps (NTP) are taken as they come; after a small step back the clock stands still until the
 * wall clock has caught up. A step of more than `jump_max_us`, or a store that has learned or answered what lies that
 * far after the wall clock at start, is a jump: somebody set the clock, and either the old time was wrong or the
 * new one is. Until an operator confirms (clock_confirm), nothing is taken in (clock_check refuses), and reads go
 * on: with the clock standing still after a jump back, and ticking by the steady clock from the last good look
 * after a jump forward, for a T that lies in a wrong future would keep every later entry out of that future for
 * good.
 *
 * What cannot be seen: a wall clock that is ahead when the server starts looks like a server that was down for long.
 *
 * Threads: all functions from any thread; each takes one short lock. None fails except clock_check. */
#ifndef PATRON_WORK_CLOCK_H
#define PATRON_WORK_CLOCK_H

#include "store/base/bytes.h"
#include "store/base/error.h"

#define CLOCK_JUMP_MAX_DEFAULT_US INT64_C(60000000)

/* Answers are promised up to this far ahead of the clock, on disk (views.h). After a crash the clock begins where the
 * promise ended, and so may stand still for that long. */
#define CLOCK_PROMISED_AHEAD_US INT64_C(10000000)

/* Where the time comes from. Tests give their own, with virtual time. */
struct clock_source {
    int64_t (*wall_us)(void *context);   /* microseconds since 1970 */
    int64_t (*steady_us)(void *context); /* from any start, never set, never back */
    void *context;
};

struct clock_options {
    struct clock_source source; /* zero: the machine's */
    int64_t jump_max_us;        /* 0: CLOCK_JUMP_MAX_DEFAULT_US */
    int64_t newest_known_at_us; /* of the store; INT64_MIN: it has no entry */
    int64_t answered_until_us;  /* of the store; INT64_MIN: nothing was answered */
};

struct clock;

struct clock *clock_new(const struct clock_options *options);
void clock_free(struct clock *clock); /* null is fine */

int64_t clock_now(struct clock *clock);
/* What the clock would say had it not to stand still for what it, or a process before, has said: clock_now or
 * earlier. */
int64_t clock_unheld(struct clock *clock);
/* The machine's wall clock as it is, right or wrong: for operators to see, never for what is served. */
int64_t clock_machine(struct clock *clock);
/* PATRON_PRECONDITION while the clock has jumped: the words say by how much, and what lets writes go on. */
enum patron_code clock_check(struct clock *clock, struct error *error) MUST_CHECK;
/* The operator says that the wall clock is right now. Returns the clock, which still never goes back: after a jump back
 * it stands still until the wall clock has caught up, and entries get known_at values one microsecond apart. */
int64_t clock_confirm(struct clock *clock);

#endif
