/* oracle_identity: what the store must make of identity: which identifiers may be joined, links that people and matches
 * bring, splits, blocks, and what waits for a person. The plainest way, as all of the oracle.
 *
 * Nodes and customers are numbers as the store's: 1 is the first. Numbers of obstacles, rules, fates and states are the
 * store's too, so that both sides can be compared. */
#ifndef PATRON_TESTS_PROPERTY_ORACLE_IDENTITY_H
#define PATRON_TESTS_PROPERTY_ORACLE_IDENTITY_H

#include "tests/property/oracle.h"

enum oracle_obstacle {
    ORACLE_NO_OBSTACLE = 0,
    ORACLE_OVER_MAX = 1,
    ORACLE_NOT_UNIQUE = 2,
    ORACLE_OVER_SIZE = 3,
    ORACLE_SEPARATED = 4,
    ORACLE_BLOCKED = 5,
    ORACLE_AFTER = 6,
    ORACLE_REVIEW_SIZE = 16,
    ORACLE_REVIEW_BRIDGE = 17,
    ORACLE_REVIEW_VALUE = 18,
    ORACLE_REVIEW_SCORE = 19,
    ORACLE_REVIEW_CLUSTER = 20,
    ORACLE_OBSTACLES = 21,
};

enum oracle_rule { ORACLE_BY_EVENT = 1, ORACLE_BY_HAND, ORACLE_BY_MATCH, ORACLE_BY_REVIEW };

enum { ORACLE_ACTOR_MAX = 16 };

/* --- what events were not allowed to join ----------------------------------------------------------------- */

struct oracle_refused {
    int64_t known_at_us;
    uint64_t event_node;
    enum oracle_obstacle obstacle;
    char type[ORACLE_NAME_MAX];
    uint64_t node; /* of the identifier that was dropped; 0: it has none */
    int64_t item_us;
};
/* All of them, by known_at and in the order of dropping; the oracle's memory until the next event. */
size_t oracle_refusals(const struct oracle *oracle, const struct oracle_refused **refusals);
/* The definitions block the value of this node, and an event has shown it since: it waits to be blocked. */
bool oracle_waits_to_be_blocked(const struct oracle *oracle, uint64_t node);

/* --- links ------------------------------------------------------------------------------------------------- */

struct oracle_link_request {
    uint64_t a, b;
    enum oracle_rule rule;      /* BY_HAND or BY_MATCH */
    double score;               /* of a match */
    enum oracle_obstacle doubt; /* of a match */
    bool lifts;
    const char *actor;
};

enum oracle_link_fate { ORACLE_LINKED = 1, ORACLE_HELD, ORACLE_NOT_LINKED, ORACLE_WAITS };

struct oracle_link_outcome {
    enum oracle_link_fate fate;
    int64_t known_at_us; /* 0: no entry */
    uint64_t customer;
    uint64_t merged;
    int64_t item_us;
    enum oracle_obstacle obstacle;
    bool second_person;
};

/* What becomes of it when the clock stands at clock_us and T = floor_us has been answered; it is done. */
struct oracle_link_outcome oracle_link(
    struct oracle *oracle, const struct oracle_link_request *request, int64_t clock_us, int64_t floor_us);
/* The same, with nothing changed. */
struct oracle_link_outcome oracle_link_preview(
    struct oracle *oracle, const struct oracle_link_request *request, int64_t clock_us, int64_t floor_us);

/* --- splits ------------------------------------------------------------------------------------------------ */

struct oracle_split_request {
    uint64_t a, b; /* the ends of a link; or: */
    const uint64_t *nodes;
    size_t node_count;
    bool blocks; /* the one node */
    bool may_relink;
};

struct oracle_split_outcome {
    bool impossible; /* the nodes are all of their customer, or of several */
    int64_t known_at_us; /* 0: there is nothing to do */
    size_t closed;
    int64_t oldest_closed_us; /* INT64_MAX: none */
    const uint64_t *parts;    /* the oracle's memory until the next call */
    size_t part_count;
};

struct oracle_split_outcome oracle_split(
    struct oracle *oracle, const struct oracle_split_request *request, int64_t clock_us, int64_t floor_us);
/* False: the nodes are all of their customer, or of several, as the ends of a link may be. */
bool oracle_split_is_possible(struct oracle *oracle, const struct oracle_split_request *request);
/* Of a blocked node; its known_at, or 0: the definitions block it. */
int64_t oracle_unblock(struct oracle *oracle, uint64_t node, int64_t clock_us, int64_t floor_us);

/* --- review ------------------------------------------------------------------------------------------------ */

enum oracle_state {
    ORACLE_OPEN = 1,
    ORACLE_HALF_APPROVED,
    ORACLE_APPROVED,
    ORACLE_REJECTED,
    ORACLE_EXPIRED,
    ORACLE_MOOT,
    ORACLE_STATES
};

struct oracle_item {
    int64_t item_us;
    uint64_t a, b; /* a < b */
    enum oracle_obstacle obstacle;
    enum oracle_rule rule;
    bool second_person;
    int64_t expires_us;
    uint64_t count;
    int64_t last_us;
    char first_actor[ORACLE_ACTOR_MAX]; /* empty: nobody approved yet */
    int64_t first_us;
    int64_t decided_us; /* 0: not yet */
    bool approved;
    uint64_t first_seen; /* what the two sides were then */
    double score; /* of a match */
};
size_t oracle_items(const struct oracle *oracle, const struct oracle_item **items);
/* As of T; the item must be older. */
enum oracle_state oracle_state_at(struct oracle *oracle, size_t item, int64_t as_of_us);

/* What a reviewer sees of the two sides: another number, another composition. */
uint64_t oracle_seen(struct oracle *oracle, size_t item);

struct oracle_verdict {
    size_t item; /* place */
    bool approve;
    bool has_seen;
    uint64_t seen;
    const char *actor;
};
struct oracle_verdict_outcome {
    bool refused;
    bool changed;  /* the sides are not what was seen, and it holds all the same */
    bool replaced; /* the first approval held no longer: this one is the first now */
    enum oracle_state state;
    int64_t known_at_us;
    struct oracle_link_outcome link;
};
struct oracle_verdict_outcome oracle_decide(
    struct oracle *oracle, const struct oracle_verdict *verdict, int64_t clock_us, int64_t floor_us);

/* --- what there is, for those who ask ------------------------------------------------------------------------ */

/* The customer of a node as of T; 0: not born. */
uint64_t oracle_customer_of_node(struct oracle *oracle, uint64_t node, int64_t as_of_us);
size_t oracle_type_of_node(const struct oracle *oracle, uint64_t node); /* its place in the definitions */
/* An identifier that leads to the node; the oracle's memory. */
struct oracle_identifier oracle_identifier_of_node(const struct oracle *oracle, uint64_t node);
uint64_t oracle_events_of_customer(struct oracle *oracle, uint64_t customer); /* as it is now */
int64_t oracle_birth_of_node(const struct oracle *oracle, uint64_t node);
bool oracle_is_blocked(const struct oracle *oracle, uint64_t node);
bool oracle_was_separated(const struct oracle *oracle, uint64_t node);
/* The live links between a node and others, one for each rule; ends of the i-th. */
size_t oracle_live_links(const struct oracle *oracle);
void oracle_live_link(const struct oracle *oracle, size_t i, uint64_t *a, uint64_t *b);

/* Every link there ever was. */
struct oracle_held {
    uint64_t a, b;
    int64_t since_us, until_us;
    enum oracle_rule rule;
    uint64_t count;
};
size_t oracle_links(const struct oracle *oracle);
struct oracle_held oracle_link_at(const struct oracle *oracle, size_t i);

/* Every separation, and until when it is a node's. */
size_t oracle_separations(const struct oracle *oracle);
int64_t oracle_separation_since(const struct oracle *oracle, size_t i);
int64_t oracle_separation_until(const struct oracle *oracle, size_t i, uint64_t node);
int oracle_separation_side(const struct oracle *oracle, size_t i, uint64_t node); /* 0 or 1; -1: of none */

#endif
