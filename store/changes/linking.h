/* linking: links that no event brings: said by a person, found by a match, or approved in review.
 *
 * Each is an entry of the log and, where it joins two customers, merges their profiles as an event does. It goes
 * through the rules (identity/rules.h): what they refuse changes nothing; what they want a person for goes to the
 * review queue (review.h). A person's own link passes the reviews, but where a second person is asked for it becomes a
 * review item that has its first approval.
 *
 * What `lifts` ends (lifting.h): where a separation has both sides among the two customers, the nodes of b's customer
 * that are on it go over to a's side: their rows end and a's stay, so that everybody else whom a was kept apart from
 * still is. If nobody else is left on b's side, but somebody is on a's, a's nodes go over instead. If nobody else holds
 * a row of it at all, all rows of it end.
 *
 * What is blocked is refused, within one customer too: a blocked node, one that waits to be blocked (to_block.h), a
 * type that never links, and a value that the definitions which serve block, where the request tells it.
 *
 * A link by hand that waits, of a pair that one person has approved already, counts in that item: `words` name the
 * command that gives the second approval.
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
    struct bytes a_value, b_value; /* normalised; empty: not known to the caller */
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

/* A blocked node may link again. PATRON_PRECONDITION: it is not blocked, or the definitions that serve block it by its
 * type or a listed value; whether a pattern matches it, only a caller who knows the value can ask. */
enum patron_code group_unblock(struct store *store, uint64_t node, struct bytes actor, struct bytes reason,
    int64_t *known_at_us, struct error *error) MUST_CHECK;

#endif
