/* profile_cache: the profile_home of the server: current profiles in memory, between the writer and the readers.
 *
 * Holds, for each customer that was written lately, the versions that a live view can still ask for, newest first. What
 * is not settled (not on disk yet) stays whatever it costs; what is settled, and is on disk in every live view, may go
 * when more than `bytes_max` is held: least lately read first, as far as a second-chance walk can tell.
 *
 * Threads: the home's `get` from any thread, each call under one short lock of a shard; `put` and `settled` from the
 * writer's thread, as profile_home.h says, and profile_cache_views_live too. Figures from any. Nothing fails. */
#ifndef PATRON_WORK_PROFILE_CACHE_H
#define PATRON_WORK_PROFILE_CACHE_H

#include "store/features/profile_home.h"

struct profile_cache;

struct profile_cache *profile_cache_new(uint64_t bytes_max); /* 0: 128 MiB */
void profile_cache_free(struct profile_cache *cache);        /* no reader is left; null is fine */

/* For store_options.home. */
const struct profile_home *profile_cache_home(struct profile_cache *cache);

struct live_view {
    int64_t position_us;
    uint64_t number; /* counts up with every view that is published; the first is 1 */
};
/* Says which views live, oldest first; the last is the one that new readers get. Views may die before the next
 * call, but none may be published without one. Gives back what is over the budget, a bounded walk at a time. */
void profile_cache_views_live(struct profile_cache *cache, const struct live_view *live, size_t count);

/* Over the budget, and only a write-back can help. From any thread. */
bool profile_cache_wants_write_back(const struct profile_cache *cache);

struct profile_cache_figures {
    uint64_t hits;
    uint64_t misses;
    uint64_t entries;
    uint64_t unsettled; /* entries not on disk yet */
    uint64_t bytes;
    uint64_t bytes_max;
};
void profile_cache_figures(struct profile_cache *cache, struct profile_cache_figures *figures);

#endif
