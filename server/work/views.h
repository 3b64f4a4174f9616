/* views: the positions of the store that readers hold, and the T each of them is served at.
 *
 * The writer publishes a view after every group; readers acquire the newest one, with T = max(K + 1, min(clock, F)): K
 * is the view's position, F the first known_at of a group that is stamped but not yet visible. No entry ever gets a
 * known_at < T without being in the view that T was handed out with, for either a group is open, and T <= F, or the
 * next group begins with the highest T handed out as its floor. K, F and that highest T change under one lock only.
 *
 * A T that was answered stays answered over a restart, because the store is told ahead of time up to when answers are
 * given (store_answered_set): views_promised says how far that goes on disk, and no T past it is handed out (K + 1
 * always may be: the log itself remembers it). The very first answer in a store's life waits for that row; until
 * then nothing is promised, so that history can be loaded on its source's clock. Afterwards the writer keeps the
 * promise ahead of the clock, and nobody waits.
 *
 * Threads: views_acquire, views_release, views_answered_us and views_position_us from any; the rest from the writer's
 * (or, before there is one and after it has gone, the owner's). The lock is held for a few instructions: readers never
 * wait for a group. views_acquire must not be called from a batch's `done`, for the first one waits for the writer.
 * Nothing here fails. */
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

/* `as_of_us` null: only to look at what is there; no T is handed out, and nothing is bound. */
/* `as_of_us` null: for who asks nothing as of now; no T is handed out, and none binds the store. */
const struct view *views_acquire(struct views *views, int64_t *as_of_us);
/* The last one to let go of a view frees its engine snapshot, on its own thread. */
void views_release(struct views *views, const struct view *view);

int64_t views_position_us(struct views *views); /* K of the newest view */
int64_t views_answered_us(struct views *views); /* highest T handed out; INT64_MIN: none */

/* Somebody keeps the promise from now on: `wanted` is called, on a reader's thread, when the first answer waits for it,
 * and when a later one had to stay behind the clock for lack of it.
 * Without, in a test, T is not bounded by any promise. */
void views_keep_promise(struct views *views, void (*wanted)(void *context), void *context);
/* Every T up to this one may be answered: the store has it on disk. */
void views_promised(struct views *views, int64_t until_us);
/* Nobody will promise more: readers go on with what has been answered. Returns the highest T that has, or will be. */
int64_t views_end_promise(struct views *views);

/* Begins a group of the store; its first known_at is F from here on. */
void views_group_begin(struct views *views, bool source_clock);
/* Shows the store as it is now: after store_group_commit, which ends F, and after a write-back. */
void views_publish(struct views *views);

#endif
