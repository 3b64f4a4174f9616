/* views: the positions of the store that readers hold, and the T each of them is served at.
 *
 * The writer publishes a view after every group; readers acquire the newest one, with T = max(K + 1, min(clock, F)): K
 * is the view's position, F the first known_at of a group that is stamped but not yet visible. No entry ever gets a
 * known_at < T without being in the view that T was handed out with, for either a group is open, and T <= F, or the
 * next group begins with the highest T handed out as its floor. K, F and that highest T change under one lock only.
 *
 * The highest T answered is kept in memory only. What a restart forgets: history that is then loaded on its source's
 * clock, into a store without live entries, may lie before a T that the process before has answered; and live entries
 * may if the wall clock was set back over the restart by less than the clock's bound.
 *
 * Threads: views_acquire, views_release, views_answered_us and views_position_us from any; the rest from the writer's
 * (or, before there is one and after it has gone, the owner's). The lock is held for a few instructions: readers never
 * wait for a group. Nothing here fails. */
#ifndef PATRON_WORK_VIEWS_H
#define PATRON_WORK_VIEWS_H

#include "server/work/clock.h"
#include "server/work/profile_cache.h"
#include "store/store.h"

struct views_options {
    struct store *store; /* all outlive the views */
    struct clock *clock;
    struct profile_cache *cache; /* nullable; is told which views live */
};

struct views;

/* With a first view of the store as it is. */
struct views *views_new(const struct views_options *options);
/* Every view must have been released. Null is fine. */
void views_free(struct views *views);

const struct view *views_acquire(struct views *views, int64_t *as_of_us);
/* The last one to let go of a view frees its engine snapshot, on its own thread. */
void views_release(struct views *views, const struct view *view);

int64_t views_position_us(struct views *views); /* K of the newest view */
int64_t views_answered_us(struct views *views); /* highest T handed out; INT64_MIN: none */

/* Begins a group of the store; its first known_at is F from here on. */
void views_group_begin(struct views *views, bool source_clock);
/* Shows the store as it is now: after store_group_commit, which ends F, and after a write-back. */
void views_publish(struct views *views);

#endif
