/* linking: links that no event brings: said by a person, found by a match, or approved in review.
 *
 * Each is an entry of the log and, where it joins two customers, merges their profiles as an event does. It goes
 * through the rules (identity/rules.h): what they refuse changes nothing; what they want a person for goes to the
 * review queue (review.h). A person's own link passes the reviews, but where a second person is asked for it becomes a
 * review item that has its first approval.
 *
 * What `lifts` ends: of every separation that holds with one side in the one customer and the other in
 * the other one, the rows of all nodes of both end. Nodes of the separation that are elsewhere stay apart.
 *
 * Threads: group_link is the writer's, within an open group. link_check runs anywhere on a view.
 * Failure: PATRON_INVALID for a request that can never be right, which has changed nothing; of the engine, as
 * store_group_add. */
#ifndef PATRON_STORE_LINKING_H
#define PATRON_STORE_LINKING_H

#include "store/identity/rules.h"
#include "store/store.h"

struct link_request {
    uint64_t a, b; /* nodes that are there, not the same */
    enum link_rule rule;
    double score;      /* of MATCH, and of APPROVED if it came from one */
    uint32_t model;
    uint8_t evidence[EVENT_HASH_BYTES];
    enum obstacle doubt; /* of MATCH: REVIEW_SCORE or REVIEW_CLUSTER where the match itself wants a person */
    struct bytes waterfall; /* of MATCH: how the score came about, for the review item (store/matching encodes it) */
    int64_t item_us;    /* of APPROVED: the item */
    uint32_t passes;    /* of APPROVED: obstacle_bit of what was decided */
    bool lifts;         /* separations between the two sides end */
    struct bytes actor, reason;
};

enum link_fate {
    LINK_MADE = 1, /* two customers are one now */
    LINK_HELD,     /* they were one already; the link is kept with the others, or was there */
    LINK_REFUSED,
    LINK_WAITS,    /* in the review queue */
};

struct link_outcome {
    enum link_fate fate;
    int64_t known_at_us; /* of the entry; 0: nothing was written */
    uint64_t customer;   /* that both belong to, MADE and HELD */
    uint64_t merged;     /* MADE: the one that gave up its id */
    int64_t item_us;     /* WAITS */
    struct joining_verdict verdict;
    char words[OBSTACLE_WORDS_MAX]; /* REFUSED, WAITS */
};

enum patron_code group_link(struct store *store, const struct link_request *request, struct link_outcome *outcome,
    struct error *error) MUST_CHECK;
/* What group_link would say on that view; writes nothing. */
enum patron_code link_check(const struct view *view, const struct link_request *request, int64_t as_of_us,
    struct arena *arena, struct link_outcome *outcome, struct error *error) MUST_CHECK;

/* A blocked node may link again. PATRON_PRECONDITION: it is not blocked, or the definitions that serve block it. */
enum patron_code group_unblock(struct store *store, uint64_t node, struct bytes actor, struct bytes reason,
    int64_t *known_at_us, struct error *error) MUST_CHECK;

#endif
