/* identity: which identifiers are one person, and since when.
 *
 * A node is one normalised identifier; links join nodes; a customer is a connected component and its id is its smallest
 * node. Membership is kept as a type-2 history: `membership` says which customer a node belonged to at any time,
 * `members` which nodes a customer had. Links are gated by known_at alone, never by event time: late evidence does not
 * rewrite the past.
 *
 * Writing (identity_resolve) is the writer's, into its batch. The look-ups read any snapshot from any thread. */
#ifndef PATRON_IDENTITY_H
#define PATRON_IDENTITY_H

#include "store/journal/event.h"
#include "store/kv/kv.h"

enum { IDENTIFIER_HASH_BYTES = 16 };

/* The keyed hash that an identifier is known by: SipHash-2-4-128 over its type's name and its normalised value. */
void identifier_hash(const uint8_t *key, const struct identifier_type *type, struct bytes normalized,
    uint8_t hash[IDENTIFIER_HASH_BYTES]);

/* --- resolving an event's identifiers ---------------------------------------------------------------------------- */

struct known_identifier {
    const struct identifier_type *type;
    uint8_t hash[IDENTIFIER_HASH_BYTES];
};

struct identity_writer {
    struct kv_batch *batch;
    uint64_t *last_node; /* the newest node's number; counted up */
};

struct resolution {
    uint64_t node;       /* of the first identifier: the event's */
    uint64_t customer;   /* that all of them belong to now */
    uint64_t *merged;    /* customers that gave up their id, in the arena */
    size_t merged_count;
    bool created;        /* the customer was not there before */
    size_t accepted;     /* how many of the identifiers, from the first, were taken */
};

/* Takes 1 to EVENT_IDENTIFIERS_MAX different identifiers, highest priority first. Where joining them all would break a
 * rule (a type's max, CUSTOMER_NODES_MAX), drops the last and tries again; the first alone always goes. */
enum patron_code identity_resolve(const struct identity_writer *writer, const struct definitions *definitions,
    const struct known_identifier *identifiers, size_t count, const uint8_t event_hash[EVENT_HASH_BYTES],
    int64_t known_at_us, struct arena *arena, struct resolution *resolution, struct error *error) MUST_CHECK;

/* --- look-ups ------------------------------------------------------------------------------------------------- */

struct identifier_entry {
    uint64_t node;
    uint64_t customer; /* at the position of the snapshot */
};
/* PATRON_NOT_FOUND: never seen. */
enum patron_code identifier_get(struct kv *kv, const struct kv_snapshot *snapshot,
    const uint8_t hash[IDENTIFIER_HASH_BYTES], struct arena *arena, struct identifier_entry *entry,
    struct error *error) MUST_CHECK;

/* The customer a node belonged to as of T. PATRON_NOT_FOUND: not born by then. */
enum patron_code membership_at(struct kv *kv, const struct kv_snapshot *snapshot, uint64_t node, int64_t as_of_us,
    uint64_t *customer, struct error *error) MUST_CHECK;

/* One row of `members`: the node was in the customer for every T with since < T <= until. */
struct member {
    uint64_t customer;
    uint64_t node;
    int64_t since_us;
    int64_t until_us; /* INT64_MAX: still is */
    uint16_t type;    /* identifier type's number */
};
static inline bool member_at(const struct member *member, int64_t as_of_us)
{
    return member->since_us < as_of_us && as_of_us <= member->until_us;
}

/* All rows of a customer, past ones included, in the arena, by (node, since). */
enum patron_code members_of(struct kv *kv, const struct kv_snapshot *snapshot, uint64_t customer, struct arena *arena,
    struct member **members, size_t *count, struct error *error) MUST_CHECK;

/* For walks over the whole family in order of customer. */
enum { MEMBER_KEY_BYTES = 24 };
enum patron_code member_decode(
    struct bytes key, struct bytes value, struct member *member, struct error *error) MUST_CHECK;

/* What a node is: its identifier's hash, for checks of consistency. */
struct node_entry {
    uint16_t type;
    uint8_t hash[IDENTIFIER_HASH_BYTES];
    int64_t birth_us;
};
enum patron_code node_get(struct kv *kv, const struct kv_snapshot *snapshot, uint64_t node, struct arena *arena,
    struct node_entry *entry, struct error *error) MUST_CHECK;

#endif
