/* review: merges that wait for a person.
 *
 * An item says which two nodes' customers would become one, what sent it there (an obstacle of identity.h), on which
 * evidence, and what it takes. It is made by the entry of the log that brought the evidence, and known by that entry's
 * known_at. There is one open item of a pair of nodes: more evidence is counted in it.
 *
 * - Approving links the two nodes (LINK_APPROVED), if both sides are still what the reviewer saw (`seen`, which
 *   review_seen gives), or if the rules still hold for what they became: nothing refuses the link, and nothing but what
 *   the reviewer was told would send it to review again. What refuses a link refuses an approved one as well.
 * - Rejecting keeps the two sides apart: a separation of all that the two customers have at that time.
 * - Where either side is, or was when the item was made, worth `second_person`, a second one must approve, never the
 *   first: two actors are two persons if their bytes differ. The first approval must hold by then by the same rule,
 *   else the second one takes its place. A link by hand that needs two persons comes with its first approval.
 * - An item expires; it is moot while both nodes are of one customer, or one of them is blocked. Both are a function of
 *   time and identity, and no entry says so.
 *
 * As of T an item is told as it was: verdicts and approvals from T on are not there. Only its evidence is told as it is
 * in the view: how often it came and when last, and of a match the newest score.
 *
 * Threads: group_review_* are the writer's, within an open group; the rest runs anywhere on a view.
 * Failure: as stated, or of the engine. */
#ifndef PATRON_STORE_REVIEW_H
#define PATRON_STORE_REVIEW_H

#include "store/changes/linking.h"

enum { REVIEW_SEEN_BYTES = 16 };

enum review_state {
    REVIEW_OPEN = 1,
    REVIEW_HALF_APPROVED,
    REVIEW_APPROVED,
    REVIEW_REJECTED,
    REVIEW_EXPIRED,
    REVIEW_MOOT
};

struct review_item {
    int64_t item_us;       /* its name: known_at of the entry that made it */
    enum review_state state; /* at the moment asked for */
    uint64_t a, b;         /* nodes, a < b */
    enum obstacle obstacle;
    bool second_person;    /* it takes two */
    int64_t expires_us;
    uint64_t count;        /* how often the evidence came */
    int64_t last_us;       /* known_at of the newest evidence */
    uint8_t evidence[EVENT_HASH_BYTES];
    enum link_rule rule;   /* that would have linked: SHARED_EVENT, BY_HAND, MATCH */
    double score;
    uint32_t model;
    struct bytes waterfall;
    int64_t first_us;                       /* known_at of the first of two approvals; 0: there is none */
    struct bytes first_actor, first_reason; /* HALF_APPROVED and after */
    struct bytes actor, reason;             /* of the last verdict */
    int64_t decided_us;                     /* known_at of it; 0: none */
};

/* A merge goes to the queue, or counts in the item that is there. *item_us 0: the queue is full. */
enum patron_code group_review_add(struct store *store, const struct review_item *item, int64_t known_at_us,
    int64_t *item_us, struct error *error) MUST_CHECK;

enum review_verdict { REVIEW_APPROVE = 1, REVIEW_REJECT };
struct review_request {
    int64_t item_us;
    enum review_verdict verdict;
    bool has_seen;
    uint8_t seen[REVIEW_SEEN_BYTES]; /* APPROVE: what review_show gave */
    struct bytes actor, reason;
};
struct review_outcome {
    enum review_state state;
    int64_t known_at_us;
    struct link_outcome link; /* of an approval that counts */
};
/* PATRON_NOT_FOUND: no such item; PATRON_PRECONDITION: decided, expired, moot, a first person's second approval, or no
 * longer what was seen and not allowed any more: the words say which and what to do. */
enum patron_code group_review_decide(struct store *store, const struct review_request *request,
    struct review_outcome *outcome, struct error *error) MUST_CHECK;

/* PATRON_NOT_FOUND: no such item at that moment. `as_of_us` is for the state. */
enum patron_code review_get(const struct view *view, int64_t item_us, int64_t as_of_us, struct arena *arena,
    struct review_item *item, struct error *error) MUST_CHECK;
/* What an approval is bound to: the two sides as they are in the view. */
enum patron_code review_seen(const struct view *view, const struct review_item *item, struct arena *arena,
    uint8_t seen[REVIEW_SEEN_BYTES], struct error *error) MUST_CHECK;
/* Items by item_us, from `from_us` on, until `take` returns false; an item is borrowed until then. */
struct review_walk {
    int64_t from_us;
    int64_t as_of_us;
    bool open_only; /* OPEN and HALF_APPROVED */
    bool (*take)(void *context, const struct review_item *item);
    void *context;
};
enum patron_code review_each(const struct view *view, const struct review_walk *walk, struct error *error) MUST_CHECK;
/* Those that name a node, in the arena. */
enum patron_code review_of_node(const struct view *view, uint64_t node, int64_t as_of_us, struct arena *arena,
    struct review_item **items, size_t *count, struct error *error) MUST_CHECK;

#endif
