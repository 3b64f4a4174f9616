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

/* --- what may not be joined ------------------------------------------------------------------------------------- */

/* Why identifiers were not joined. X(obstacle, number as stored and on the wire, its word) */
#define OBSTACLES(X)                                                                                         \
    X(OBSTACLE_NONE, 0, "none")                                                                              \
    X(OBSTACLE_MAX, 1, "max")             /* too many of a type in one customer */                           \
    X(OBSTACLE_UNIQUE, 2, "unique")       /* two values of a type that tells customers apart */              \
    X(OBSTACLE_SIZE, 3, "size")           /* too many identifiers in one customer */                         \
    X(OBSTACLE_SEPARATED, 4, "separated") /* somebody said that they are not one */                          \
    X(OBSTACLE_BLOCKED, 5, "blocked")     /* the value or its type never links */                            \
    X(OBSTACLE_AFTER, 6, "after")         /* an identifier of higher priority was not joined */              \
    /* From here on: not refused, but a person decides. */                                                   \
    X(OBSTACLE_REVIEW_SIZE, 16, "review_size")                                                               \
    X(OBSTACLE_REVIEW_BRIDGE, 17, "review_bridge")   /* established customers, the weakest evidence */       \
    X(OBSTACLE_REVIEW_VALUE, 18, "review_value")     /* too much value to be joined by a rule alone */       \
    X(OBSTACLE_REVIEW_SCORE, 19, "review_score")     /* a match that is likely, and no more */               \
    X(OBSTACLE_REVIEW_CLUSTER, 20, "review_cluster") /* a match that others of the two sides contradict */

enum obstacle {
#define X(obstacle, number, word) obstacle = number,
    OBSTACLES(X)
#undef X
};

static inline bool obstacle_is_review(enum obstacle obstacle)
{
    return obstacle >= OBSTACLE_REVIEW_SIZE;
}

/* --- resolving an event's identifiers ---------------------------------------------------------------------------- */

struct known_identifier {
    const struct identifier_type *type;
    uint8_t hash[IDENTIFIER_HASH_BYTES];
    uint64_t node;     /* 0: unknown; this and the next two are as in the newest state */
    uint64_t customer;
    uint8_t flags;     /* enum node_flag */
    struct bytes kept; /* its normalised value where its type says `keep`: a new node keeps it sealed; else empty */
};

struct identity_writer {
    struct kv_batch *batch;
    uint64_t *last_node; /* the newest node's number; counted up */
    const uint8_t *key;  /* the store's: what is kept is sealed with it; null where nothing is */
};

struct value_of; /* identity/rules.h */

/* Of an event: 1 to EVENT_IDENTIFIERS_MAX different identifiers that may link, highest priority first. */
struct identity_evidence {
    const struct definitions *definitions; /* whose rules hold */
    const struct known_identifier *identifiers;
    size_t count;
    const uint8_t *event_hash; /* EVENT_HASH_BYTES */
    int64_t known_at_us;
    const struct value_of *value_of; /* null: nothing goes by value */
};

struct resolution {
    uint64_t node;       /* of the first identifier: the event's */
    uint64_t customer;   /* that all of them belong to now */
    uint64_t *merged;    /* customers that gave up their id, in the arena */
    size_t merged_count;
    bool created;        /* the customer was not there before */
    size_t accepted;     /* how many of the identifiers, from the first, were taken */
    enum obstacle obstacle; /* why the next one was not, and with it none after it; NONE: all were taken */
    bool second_person;  /* the obstacle is a review, and takes two persons */
};

/* Takes the longest beginning of the identifiers of which each step may be joined by the rules (rules.h); the first
 * alone always goes. What is known and of one customer already is not asked again. That two customers become one is
 * sent to review by the step that would bring the second. Writes nodes, memberships and links; not the reviews. */
enum patron_code identity_resolve(const struct identity_writer *writer, const struct identity_evidence *evidence,
    struct arena *arena, struct resolution *resolution, struct error *error) MUST_CHECK;

/* --- look-ups ------------------------------------------------------------------------------------------------- */

struct identifier_entry {
    uint64_t node;
    uint64_t customer; /* at the position of the snapshot */
    uint8_t flags;     /* enum node_flag */
};
/* PATRON_NOT_FOUND: never seen. */
enum patron_code identifier_get(struct kv *kv, const struct kv_snapshot *snapshot,
    const uint8_t hash[IDENTIFIER_HASH_BYTES], struct arena *arena, struct identifier_entry *entry,
    struct error *error) MUST_CHECK;

/* The customer a node belonged to as of T. PATRON_NOT_FOUND: not born by then. */
enum patron_code membership_at(struct kv *kv, const struct kv_snapshot *snapshot, uint64_t node, int64_t as_of_us,
    uint64_t *customer, struct error *error) MUST_CHECK;

/* Carried from row to row as a node changes its customer. */
enum node_flag {
    NODE_SEPARATED = 1, /* there are, or were, others that it must not share a customer with */
    NODE_BLOCKED = 2,   /* its value links nothing any more */
    NODE_FLAGS = 3,
};

/* One row of `members`: the node was in the customer for every T with since < T <= until. */
struct member {
    uint64_t customer;
    uint64_t node;
    int64_t since_us;
    int64_t until_us; /* INT64_MAX: still is */
    uint16_t type;    /* identifier type's number */
    uint8_t flags;    /* enum node_flag: right in open rows */
    uint8_t hash[IDENTIFIER_HASH_BYTES]; /* the identifier's */
    int64_t birth_us; /* known_at of the entry that first brought it */
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
    struct bytes kept; /* its normalised value, sealed (base/seal.h), where the definitions say `keep`; else empty */
};
enum patron_code node_get(struct kv *kv, const struct kv_snapshot *snapshot, uint64_t node, struct arena *arena,
    struct node_entry *entry, struct error *error) MUST_CHECK;

/* --- links -------------------------------------------------------------------------------------------------------- */

/* What a link rests on. X(rule, number as stored and on the wire, its word) */
#define LINK_RULES(X)                                                                                        \
    X(LINK_SHARED_EVENT, 1, "event")   /* one event brought both */                                          \
    X(LINK_BY_HAND, 2, "hand")         /* a person said so */                                                \
    X(LINK_MATCH, 3, "match")          /* their records are alike */                                         \
    X(LINK_APPROVED, 4, "review")      /* a person decided what a rule or a match had sent to review */

enum link_rule {
#define X(rule, number, word) rule = number,
    LINK_RULES(X)
#undef X
        LINK_RULE_END
};

enum { LINK_KEY_BYTES = 24 };

/* It holds for every T with since < T <= until. At most one of a pair and rule holds at a time; redundant ones are
 * kept, for they decide whether a later split really splits. */
struct link {
    uint64_t a;
    uint64_t b;
    int64_t since_us;
    int64_t until_us; /* INT64_MAX: holds */
    enum link_rule rule;
    uint64_t count; /* how often the evidence came */
    uint8_t evidence[EVENT_HASH_BYTES]; /* the first event that showed it; zeros: none did */
    double score;        /* of MATCH, and of APPROVED if it came from one: the probability; else 0 */
    uint32_t model;      /* that gave the score; 0: none */
    struct bytes actor;  /* who, of BY_HAND and APPROVED; empty: the store itself */
    struct bytes reason;
};
/* Actor and reason point into the value. */
enum patron_code link_decode(struct bytes key, struct bytes value, struct link *link, struct error *error) MUST_CHECK;
/* All of a node's, closed ones included, in the arena, by (other node, since); `a` is the node. */
enum patron_code links_of(struct kv *kv, const struct kv_snapshot *snapshot, uint64_t node, struct arena *arena,
    struct link **links, size_t *count, struct error *error) MUST_CHECK;

/* For every T with since < T <= until the node must not share a customer with any that has the other side of the same
 * separation: they have its `since` in common, which is the known_at of the entry of the log that tells who and why. */
struct separation {
    uint64_t node;
    int64_t since_us;
    int64_t until_us; /* INT64_MAX: holds */
    uint8_t side;     /* 0 or 1 */
};
enum patron_code separation_decode(
    struct bytes key, struct bytes value, struct separation *separation, struct error *error) MUST_CHECK;

#endif
