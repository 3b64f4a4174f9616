/* to_block: nodes that the definitions have come to block, and whose links have to end.
 *
 * A value listed or matched as never linking links nothing new from the version on that says so. Links that it has from
 * before end one node at a time, each by an entry of the log (CHANGE_BLOCK, splitting.h), which takes it out of this
 * queue. A node is put there when a version is defined that lists its value, and when an event brings it; what a
 * pattern matches is also looked for among the values that are kept.
 *
 * Threads: what takes a store is the writer's; to_block_next runs anywhere on a view. */
#ifndef PATRON_STORE_TO_BLOCK_H
#define PATRON_STORE_TO_BLOCK_H

#include "store/identity/rules.h"
#include "store/store.h"

/* Within an open group. `version` of the definitions blocks it. */
void to_block_put(struct store *store, uint64_t node, uint32_t version);
/* Within an open group: it is blocked, or need not be any more. */
void to_block_done(struct store *store, uint64_t node);
/* Puts those whose exact values the next version lists and the serving one does not block, into the batch that defines
 * it, which is empty so far; on failure it is empty again. */
enum patron_code to_block_listed(
    struct store *store, const struct definitions *next, struct error *error) MUST_CHECK;

/* Does the node wait there? Any thread on a snapshot; the writer on its batch. */
enum patron_code to_block_waits(const struct identity_rows_from *from, uint64_t node, struct arena *arena, bool *waits,
    struct error *error) MUST_CHECK;

struct to_block {
    uint64_t node;
    uint32_t version;
};
/* The first from that node on. PATRON_NOT_FOUND: there are no more. */
enum patron_code to_block_next(
    const struct view *view, uint64_t from_node, struct to_block *found, struct error *error) MUST_CHECK;

#endif
