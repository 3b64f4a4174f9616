/* refusals: what events brought that was not joined, and why: so that a customer can be explained, and so that taking a
 * link back can list what was refused while it held.
 *
 * There is a record of an event if any of its identifiers was dropped, but for values of types that never link: those
 * are only counted, for every session brings an IP address. It is found under the event's node and under the node of
 * each dropped identifier that has one.
 *
 * Threads: what takes a store or a batch is the writer's, within an open group; the rest runs anywhere on a view. */
#ifndef PATRON_STORE_REFUSALS_H
#define PATRON_STORE_REFUSALS_H

#include "store/identity/identity.h"
#include "store/store.h"

struct refused_identifier {
    enum obstacle obstacle;
    uint16_t type; /* number */
    uint8_t hash[IDENTIFIER_HASH_BYTES];
    uint64_t node;   /* 0: it was unknown, and stayed so */
    int64_t item_us; /* where the obstacle is a review: the item; 0: the queue was full */
};

struct refusal {
    int64_t known_at_us; /* of the event */
    uint64_t node;       /* the event's */
    const struct refused_identifier *identifiers; /* dropped by rules, highest priority first, then those blocked */
    size_t count;
};

void refusal_put(struct kv_batch *batch, const struct refusal *refusal);
/* Of the family `queues`, for walks and fuzzing. The identifiers lie in the arena. */
enum patron_code refusal_decode(
    struct bytes key, struct bytes value, struct arena *arena, struct refusal *refusal, struct error *error) MUST_CHECK;

struct refusals_asked {
    uint64_t node;
    int64_t from_us;
    int64_t before_us; /* from <= known_at < before */
    size_t most;       /* 0: all */
};
/* Those that name the node, oldest first, in the arena. */
enum patron_code refusals_of_node(const struct view *view, const struct refusals_asked *asked, struct arena *arena,
    struct refusal **refusals, size_t *count, struct error *error) MUST_CHECK;

/* When they were, as refusals_of_node, without reading them. */
enum patron_code refusal_times_of_node(const struct view *view, const struct refusals_asked *asked,
    void (*take)(void *context, int64_t known_at_us), void *context, struct error *error) MUST_CHECK;
/* That of one moment; PATRON_CORRUPT: there is none. */
enum patron_code refusal_get(const struct view *view, int64_t known_at_us, struct arena *arena,
    struct refusal *refusal, struct error *error) MUST_CHECK;

/* An identifier was dropped, or a link refused: counted in the figures by its obstacle. */
void refusal_count(struct store *store, enum obstacle obstacle);
/* Reads the row `refused`. At open. */
enum patron_code refusals_open(struct store *store, struct error *error) MUST_CHECK;

#endif
