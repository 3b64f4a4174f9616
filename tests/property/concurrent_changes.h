/* concurrent_changes: somebody who links, splits, blocks and reviews through the port while others send and read; and
 * the same told to the oracle afterwards, in the order of known_at.
 *
 * One thread runs changes_main; then, from another, the rest. A failure of the store ends the process by `fail`. */
#ifndef PATRON_TESTS_PROPERTY_CONCURRENT_CHANGES_H
#define PATRON_TESTS_PROPERTY_CONCURRENT_CHANGES_H

#include <stdatomic.h>

#include "server/methods/port.h"
#include "store/changes/splitting.h"
#include "tests/property/dice.h"
#include "tests/property/oracle_identity.h"

enum { CHANGES_MAX = 120, CHANGE_NODES_MAX = 200 };

enum changed_kind { CHANGED_LINK = 1, CHANGED_SPLIT, CHANGED_UNBLOCK, CHANGED_VERDICT };

/* One that made an entry of the log. */
struct changed {
    enum changed_kind kind;
    int64_t known_at_us;
    struct oracle_link_request link;
    int fate; /* of a link; of a verdict the item's state */
    struct oracle_split_request split;
    uint64_t nodes[CHANGE_NODES_MAX]; /* that were split off */
    size_t closed, part_count;
    uint64_t node;
    int64_t item_us;
    bool approve;
    const char *actor;
};

struct changes {
    struct port *port;
    struct dice dice;
    struct arena arena;
    atomic_bool stop;
    struct changed made[CHANGES_MAX];
    size_t count;
    uint64_t refused; /* that made none */
    void (*fail)(void *context, const char *words); /* does not return */
    void *context;
};

void *changes_main(void *changes);
/* Tells the oracle; ends the process where it makes something else of it. */
void changes_tell(struct changes *changes, const struct changed *made, struct oracle *oracle);

#endif
