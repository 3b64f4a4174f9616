/* block_scan: looks through all identifiers for those that the definitions have come to block by a pattern or by their
 * type, and that are linked from before; they are to be blocked (to_block.h).
 *
 * A pattern finds only what is kept (`keep`): of other values there is no more than a hash, and an event that brings
 * one has it blocked. Each version that has such patterns or types is scanned once; how far it got is kept, so that a
 * restart goes on.
 *
 * Threads: block_scan_begin and block_scan_step run anywhere on a view; block_scan_write is the writer's, within an
 * open group. */
#ifndef PATRON_STORE_BLOCK_SCAN_H
#define PATRON_STORE_BLOCK_SCAN_H

#include "store/store.h"

enum { BLOCK_SCAN_FOUND_MAX = 256 };

struct block_scan {
    uint32_t version;   /* of the definitions */
    uint64_t next_node; /* UINT64_MAX: all was looked at */
    uint64_t found[BLOCK_SCAN_FOUND_MAX];
    size_t found_count;
};

/* Where the view's version stands; nothing is found yet. */
enum patron_code block_scan_begin(const struct view *view, struct block_scan *scan, struct error *error) MUST_CHECK;
/* Goes on over some thousand identifiers. */
enum patron_code block_scan_step(const struct view *view, struct block_scan *scan, struct error *error) MUST_CHECK;
/* Puts what was found into the queue of what is to be blocked, keeps how far it got, and forgets what was found. */
void block_scan_write(struct store *store, struct block_scan *scan);

#endif
