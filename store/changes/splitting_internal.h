/* A split as its files share it: splitting.c (requests, plans), splitting_parts.c (what hangs together),
 * splitting_tail.c (what came since), splitting_write.c (the writer's). */
#ifndef PATRON_STORE_SPLITTING_INTERNAL_H
#define PATRON_STORE_SPLITTING_INTERNAL_H

#include "store/features/profile.h"
#include "store/identity/identity.h"
#include "store/changes/splitting.h"
#include "store/versions/versions.h"

/* An identifier of the customer that is split. */
struct split_node {
    struct member member; /* its open row */
    uint32_t part;        /* place in plan.parts */
};

struct split {
    struct split_request request; /* in `own`; nodes ascending, each once */
    struct arena own;

    const struct versions *versions; /* retained: they own the layout; null: not planned yet */
    const struct definitions *definitions;
    const struct layout *layout;     /* that the parts' profiles are folded with */
    struct arena arena;              /* all that follows */
    struct arena scratch;
    struct split_plan plan;
    struct split_part *parts;
    struct profile *profiles; /* of the parts, at the plan's position; none where nothing falls apart */
    struct split_node *nodes; /* ascending */
    size_t node_count;
    struct link *closing; /* what plan.closed names, a < b; texts in the arena */
    size_t closing_capacity;
    bool blocked_already; /* BLOCK: nothing is to be done */
};

/* The node's place; node_count: it is not among them. */
size_t split_node_find(const struct split_node *nodes, size_t count, uint64_t node);
/* Does the request end that live link? */
bool split_ends(const struct split *split, uint64_t a, uint64_t b);
/* The parts' lists of nodes are made anew. */
void split_parts_list(struct split *split);
/* Is the part of those that were split off? */
bool split_part_is_off(const struct split *split, uint32_t part);

/* Reads the customer's members and links, and finds the parts: fills nodes, closing, parts and the plan's lists. */
enum patron_code split_parts_find(
    struct split *split, const struct view *view, const atomic_bool *cancelled, struct error *error) MUST_CHECK;

/* Moves the plan on to the view, which may be of the newest state (snapshot null), at most at that cost: about the rows
 * read, an event counting for EVENT_COST. Only where it is SPLIT_DONE anything has changed. */
enum patron_code split_advance(struct split *split, const struct view *view, size_t cost_max, enum split_fate *fate,
    struct error *error) MUST_CHECK;

#endif
