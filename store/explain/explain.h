/* explain: what a customer consists of as of any moment, and why.
 *
 * Whatever is told was known before that moment: rows with since < T <= until, refusals and review items from before
 * T. Only how often a link's evidence came is told as of the view. Lists have bounds; what is past them is said to be
 * there.
 *
 * Threads: any, on a view. Memory: the arena's, for a customer of CUSTOMER_NODES_MAX identifiers some 10 MiB. */
#ifndef PATRON_STORE_EXPLAIN_H
#define PATRON_STORE_EXPLAIN_H

#include "store/identity/identity.h"
#include "store/changes/refusals.h"
#include "store/changes/review.h"

enum { EXPLAIN_LINKS_MAX = 5000, EXPLAIN_LIST_MAX = 1000 };

struct explained_node {
    struct member member; /* its row; the flags are as of T: that it is kept apart from others, that it is blocked */
    struct bytes value;   /* normalised, where it is kept; else empty */
};

struct explained_separation {
    int64_t since_us;
    const uint64_t *nodes; /* side 0, as far as told */
    size_t node_count;
    const uint64_t *others;
    size_t other_count;
    struct bytes actor, reason;
};

struct explanation {
    uint64_t customer;
    int64_t as_of_us;
    const struct explained_node *nodes; /* by number */
    size_t node_count;
    const struct link *links; /* a < b, by a; `until` is INT64_MAX: what came after T is not known */
    size_t link_count;
    uint64_t links_total;
    const struct explained_separation *separations; /* oldest first */
    size_t separation_count;
    const struct refusal *refusals; /* newest first, as the next */
    size_t refusal_count;
    const struct review_item *items;
    size_t item_count;
    bool more_separations, more_refusals, more_items;
};

/* PATRON_NOT_FOUND: there was no such customer then; the words say what became of it. */
enum patron_code explain_customer(const struct view *view, uint64_t customer, int64_t as_of_us, struct arena *arena,
    struct explanation *explanation, struct error *error) MUST_CHECK;

/* Its members as of T, by number. */
enum patron_code explain_nodes(const struct view *view, uint64_t customer, int64_t as_of_us, struct arena *arena,
    struct explained_node **nodes, size_t *count, struct error *error) MUST_CHECK;
/* One node by its number; `since` and the customer are those as of T. PATRON_NOT_FOUND: it was not known then. */
enum patron_code explain_node(const struct view *view, uint64_t node, int64_t as_of_us, struct arena *arena,
    struct explained_node *explained, struct error *error) MUST_CHECK;

/* The one that began at this moment: the entry of the log that separated says all of it. PATRON_CORRUPT: none did. */
enum patron_code explain_separation(const struct view *view, int64_t since_us, struct arena *arena,
    struct explained_separation *separation, struct error *error) MUST_CHECK;

/* What was refused and sent to review of these nodes with from <= known_at < before: the newest of it, newest first. */
struct decided_asked {
    const uint64_t *nodes;
    size_t node_count;
    int64_t from_us;
    int64_t before_us;
};
struct decided {
    const struct refusal *refusals;
    size_t refusal_count;
    const struct review_item *items;
    size_t item_count;
    bool more_refusals, more_items;
};
enum patron_code explain_decided(const struct view *view, const struct decided_asked *asked, struct arena *arena,
    struct decided *decided, struct error *error) MUST_CHECK;

/* An event that showed something. */
struct evidence {
    uint8_t hash[EVENT_HASH_BYTES];
    uint64_t node;
    int64_t time_us;
    uint16_t type;
};
/* PATRON_NOT_FOUND: it is not there any more. */
enum patron_code explain_evidence(const struct view *view, const uint8_t hash[EVENT_HASH_BYTES], struct arena *arena,
    struct evidence *evidence, struct error *error) MUST_CHECK;

#endif
