/* block_rows: when a node was blocked, and when it might link again, so that this can be said of any past moment.
 *
 * Threads: block_row_put is the writer's; the rest runs anywhere on a view. */
#ifndef PATRON_STORE_BLOCK_ROWS_H
#define PATRON_STORE_BLOCK_ROWS_H

#include "store/store.h"

/* With the entry of the log that says so. */
void block_row_put(struct kv_batch *batch, uint64_t node, int64_t known_at_us, bool blocked);

enum patron_code block_rows_each(const struct view *view, uint64_t node,
    void (*take)(void *context, int64_t known_at_us, bool blocked), void *context, struct error *error) MUST_CHECK;
enum patron_code blocked_at(
    const struct view *view, uint64_t node, int64_t as_of_us, bool *blocked, struct error *error) MUST_CHECK;

#endif
