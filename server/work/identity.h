/* identity: changes of identity beside the events, each in a group of its own; and the thread that ends the links of
 * what the definitions have come to block (store/changes/to_block.h), one node after the other.
 *
 * A split is prepared on the calling thread, on a view, and tried on the writer until it holds: what came in meanwhile
 * is followed, and where the customer itself has changed it is prepared anew, a bounded number of times.
 *
 * Threads: identity_change and identity_split from any that may wait for the writer; new and stop from the owner's,
 * who stops it before the writer. Failure: the clock's and the disk's (clock.h, disk.h) come first, as for events;
 * then what the store says, PATRON_BUSY once the server is going down, and the writer's once that has failed. What
 * cannot be blocked is told in a notice, and tried again after the next start or version. */
#ifndef PATRON_WORK_IDENTITY_H
#define PATRON_WORK_IDENTITY_H

#include "server/work/views.h"
#include "server/work/writer.h"
#include "store/changes/splitting.h"

struct identity_options {
    struct store *store; /* all outlive it */
    struct views *views;
    struct clock *clock;
    struct writer *writer;
    const char *directory; /* as in writer.h, as the next */
    uint64_t disk_reserve_bytes;
    void (*notice)(void *context, const char *words); /* nullable */
    void *context;
};

struct identity_work;

enum patron_code identity_work_new(
    const struct identity_options *options, struct identity_work **identity, struct error *error) MUST_CHECK;
/* Ends what it does in the background; what is left is where the next start goes on. Null is fine. */
void identity_work_stop(struct identity_work *take_identity);

/* As struct port_functions' `change` and `split` say. */
enum patron_code identity_change(struct identity_work *identity,
    enum patron_code (*work)(struct store *store, void *context, struct error *error), void *context,
    struct error *error) MUST_CHECK;
/* The same, for what the store does by itself: before it has answered, this is known right after the newest entry, for
 * more history may come. */
enum patron_code identity_change_unasked(struct identity_work *identity,
    enum patron_code (*work)(struct store *store, void *context, struct error *error), void *context,
    struct error *error) MUST_CHECK;
enum patron_code identity_split(struct identity_work *identity, struct split *split, const atomic_bool *cancelled,
    struct split_outcome *outcome, struct error *error) MUST_CHECK;

#endif
