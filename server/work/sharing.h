/* sharing: when shared costs are shared out (store/sharing/sharing.h), and by whom: the writer's part, kept out of its
 * file.
 *
 * A sharer has at most one cost under way. What it weighs is worked out on a thread of its own, on a pinned view, for
 * an import waits for it: behind snapshots in the workers' queue it would wait for them. Its shares are then added by
 * the writer, a group of at most SHARING_GROUP at a time, between others. Events that bring their own known_at wait
 * meanwhile, as they do when theirs is not before the due time of a cost; others go on.
 *
 * Threads: all functions belong to the writer's; `wake` is called on the sharer's own.
 * Failure: sharer_step says what the store or the engine said; the writer then fails. */
#ifndef PATRON_WORK_SHARING_H
#define PATRON_WORK_SHARING_H

#include "server/work/views.h"

enum { SHARING_GROUP = 512 };

struct sharer_options {
    struct store *store; /* all outlive the sharer */
    struct views *views;
    struct clock *clock;
    void (*wake)(void *context); /* a step can go on: any thread, must be quick */
    void *context;
};

struct sharer;

struct sharer *sharer_new(const struct sharer_options *options);
/* Ends what is under way without its result. Null is fine. */
void sharer_free(struct sharer *sharer);

/* Must the event wait for a cost to be shared out? Then sharer_step is to be called, between groups. */
bool sharer_holds(struct sharer *sharer, const struct event_input *event);
/* Would a step begin with a cost, or go on with one? */
bool sharer_is_due(const struct sharer *sharer);
/* Is a cost under way, or waited for? */
bool sharer_is_busy(const struct sharer *sharer);
/* Begins with a cost if one is due, or goes on with one by one group, which it commits and publishes. Between groups.
 * *more: call again, there is more to do at once. */
enum patron_code sharer_step(struct sharer *sharer, bool *more, struct error *error) MUST_CHECK;

#endif
