/* splitting: taking links back, so that a customer falls into parts.
 *
 * A request names a link (all live links between two nodes end), or nodes to be split off (every live link between them
 * and the rest of their customer ends), or a node to be blocked (all its live links end, and it links nothing from then
 * on). Each part that hangs together by the links that are left is a customer; its id is its smallest node, so that old
 * ids come back by themselves. Unless may_relink, the two sides are kept apart from then on (struct separation): all
 * nodes that were split off on side 0, all others of the customer on side 1. What is split is the present: every T
 * before stays as it was.
 *
 * The parts' profiles are folds of their own nodes' events. That may take seconds for a large customer, so it is done
 * beside the writer:
 *
 *     split_new
 *     split_prepare on a view (any one thread; long)
 *     then, until SPLIT_DONE:
 *         group_split in an open group that holds nothing else (the writer): a few thousand of the log's entries since
 *             the view are looked at, and those of the parts' nodes applied
 *         store_group_commit
 *         SPLIT_BEHIND: too many: split_follow on a newer view, and again
 *         SPLIT_STALE: the customer's nodes or links have changed: split_prepare anew
 *
 * What the writer does for it grows with the customer's identifiers, not with its events: 4 rows for each that moves,
 * 3 for each that is kept apart, and 2 for each link that ends; some 10 us an identifier, the commit included.
 *
 * Threads: all but group_split run on one thread at a time and read the engine only. */
#ifndef PATRON_STORE_SPLITTING_H
#define PATRON_STORE_SPLITTING_H

#include <stdatomic.h>

#include "store/journal/log.h"
#include "store/store.h"

struct split_request {
    enum identity_change_kind change; /* CHANGE_SPLIT or CHANGE_BLOCK */
    uint64_t a, b;         /* SPLIT of a link: its ends; else 0 */
    const uint64_t *nodes; /* SPLIT off: of one customer; BLOCK: one */
    size_t node_count;
    bool may_relink;
    struct bytes actor, reason;
};

struct profile;

struct split_part {
    uint64_t customer;
    const uint64_t *nodes; /* ascending */
    size_t node_count;
    uint64_t events;
    const struct profile *profile; /* at the plan's position; borrowed: copy it to advance it */
};

struct split_plan {
    uint64_t customer; /* that falls apart */
    int64_t position_us;
    const struct split_part *parts; /* ascending by customer; the customer itself first. One: nothing splits */
    size_t part_count;
    const struct closed_link *closed; /* none: there is no such link; then nothing is to be done */
    size_t closed_count;
    int64_t oldest_closed_us; /* since when the oldest of them held; INT64_MAX: none */
};

struct split;

struct split *split_new(const struct split_request *request); /* copies it */
void split_free(struct split *split);                         /* null is fine */

/* PATRON_INVALID: the nodes are all that their customer has, or the like; PATRON_PRECONDITION: they are not of one
 * customer; PATRON_BUSY: *cancelled. May be called again, on a newer view. */
enum patron_code split_prepare(
    struct split *split, const struct view *view, const atomic_bool *cancelled, struct error *error) MUST_CHECK;
/* Of the last split_prepare, until the next. */
const struct split_plan *split_plan(const struct split *split);
/* Applies the log's entries up to a newer view. *stale: prepare anew. */
enum patron_code split_follow(
    struct split *split, const struct view *view, bool *stale, struct error *error) MUST_CHECK;

enum split_fate { SPLIT_DONE = 1, SPLIT_BEHIND, SPLIT_STALE };

struct split_outcome {
    enum split_fate fate;
    int64_t known_at_us; /* DONE: of the entry; 0: there was nothing to do */
};
/* Anything but DONE has changed nothing. The parts' profiles are the group's until it is committed: free the split only
 * then. A plan is used up with DONE. PATRON_OUT_OF_RANGE: the clock has come to the year 2200. */
enum patron_code group_split(struct store *store, struct split *split, struct split_outcome *outcome,
    struct error *error) MUST_CHECK;

#endif
