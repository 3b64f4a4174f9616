/* history: all that ever happened to some nodes, in the order in which the store learned it: a page at a time.
 *
 * A page is of moments: one is what one entry of the log did to the nodes. What a review item came to by itself, its
 * expiry, has a moment without an entry. Facts that an entry holds for many nodes alike (they moved to a customer, they
 * were kept apart) are one fact with a count; of what is left the first HISTORY_FACTS_MAX are told.
 *
 * Threads: any, on a view. Each page reads the nodes' rows twice, whatever its size. */
#ifndef PATRON_STORE_HISTORY_H
#define PATRON_STORE_HISTORY_H

#include "store/explain/explain.h"

enum { HISTORY_MOMENTS_MAX = 1000, HISTORY_FACTS_MAX = 100 };

/* The numbers are those on the wire. */
enum happening {
    HAPPENING_CAME = 1,
    HAPPENING_MERGED,
    HAPPENING_SPLIT,
    HAPPENING_LINKED,
    HAPPENING_UNLINKED,
    HAPPENING_SEPARATED,
    HAPPENING_SEPARATION_ENDED,
    HAPPENING_REFUSED,
    HAPPENING_QUEUED,
    HAPPENING_APPROVED,
    HAPPENING_REJECTED,
    HAPPENING_EXPIRED,
    HAPPENING_BLOCKED,
    HAPPENING_UNBLOCKED,
    HAPPENING_HALF_APPROVED,
};

struct history_fact {
    enum happening what;
    uint64_t node;
    uint64_t other;         /* of links, refusals (0: it was not known) and review items */
    uint64_t customer;      /* CAME, MERGED, SPLIT: to which */
    uint64_t from_customer; /* MERGED, SPLIT */
    uint64_t count;         /* of the nodes asked for; 0: others moved, and those stayed */
    enum link_rule rule;    /* of links and review items; 0: none */
    enum obstacle obstacle; /* REFUSED, and of review items */
    uint16_t type;          /* REFUSED: number of the dropped identifier's type */
    int64_t item_us;
    int64_t separated_us; /* SEPARATED, SEPARATION_ENDED: since when */
    double score;
};

struct history_moment {
    int64_t known_at_us;
    struct history_fact *facts;
    size_t fact_count;
    uint64_t facts_total;
    bool is_event;
    uint8_t event[EVENT_HASH_BYTES]; /* if it is one */
    struct bytes actor, reason;
};

struct history_asked {
    const uint64_t *nodes; /* ascending */
    size_t node_count;
    int64_t after_us;  /* moments after this one … */
    int64_t before_us; /* … and before that one */
    size_t most;       /* at most HISTORY_MOMENTS_MAX */
};

struct history {
    struct history_moment *moments;
    size_t count;
    bool more; /* after the last of them */
};

enum patron_code history_read(const struct view *view, const struct history_asked *asked, struct arena *arena,
    struct history *history, struct error *error) MUST_CHECK;

#endif
