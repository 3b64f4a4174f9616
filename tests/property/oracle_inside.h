/* What the oracle's files share: oracle.c keeps events and identity, oracle_features.c answers from them, with the help
 * of the others. */
#ifndef PATRON_TESTS_PROPERTY_ORACLE_INSIDE_H
#define PATRON_TESTS_PROPERTY_ORACLE_INSIDE_H

#include "tests/property/oracle_identity.h"

struct oracle_kept_event {
    unsigned char hash[16]; /* of source, type name and id */
    size_t type;            /* index into the definitions' events: types keep their place */
    int64_t time_us;
    int64_t day; /* of time_us */
    int64_t known_at_us;
    size_t node; /* index: number - 1 */
    bool present[ORACLE_ATTRIBUTES_MAX];
    struct oracle_scalar values[ORACLE_ATTRIBUTES_MAX];
};

struct oracle_node {
    char type[ORACLE_NAME_MAX];
    char *value; /* normalised */
    size_t value_length;
    int64_t birth_us;
    bool waits; /* to be blocked */
    int64_t since_us; /* since when it is of the customer that it is of now */
};

struct oracle_link {
    size_t a;
    size_t b;
    int64_t since_us;
    int64_t until_us;
    enum oracle_rule rule;
    uint64_t count;
};

struct oracle_block {
    size_t node;
    int64_t since_us;
    int64_t until_us;
};

struct oracle_separation {
    int64_t since_us;
    signed char *sides; /* of each of `count` nodes: 0, 1, or -1 */
    int64_t *until_us;  /* of each */
    size_t count;
};

/* What is about to become one customer: those that are there, by their labels of now, and what is new, by type. */
struct oracle_union {
    size_t parties[33];
    size_t party_count;
    size_t fresh[33];
    size_t fresh_count;
    int64_t known_at_us;
    bool weak;
    bool lifts;
    bool asks;       /* reviews count */
    unsigned passes; /* bits of reviews that do not: obstacle - 16 */
};
struct oracle_may {
    enum oracle_obstacle obstacle;
    bool second_person;
};

struct oracle {
    struct oracle_definitions definitions;
    int64_t ahead_us;
    struct oracle_kept_event *events;
    size_t event_count;
    struct oracle_node *nodes;
    size_t node_count;
    struct oracle_link *links;
    size_t link_count;
    int64_t newest_us;
    uint64_t dropped;
    struct oracle_block *blocks;
    size_t block_count;
    struct oracle_separation *separations;
    size_t separation_count;
    struct oracle_item *items;
    size_t item_count;
    struct oracle_refused *refusals;
    size_t refusal_count;
    size_t *labels;      /* of every node: the oldest node of its customer; scratch */
    uint64_t *customers; /* scratch */
    size_t *before;      /* labels before an entry; scratch */
};

void *oracle_grown(void *array, size_t count, size_t size);
/* What known_at an entry gets that says none itself. */
int64_t oracle_stamp(const struct oracle *oracle, int64_t clock_us, int64_t floor_us);

/* oracle_rules.c */
struct oracle_may oracle_may_join(struct oracle *oracle, const struct oracle_union *joined);
bool oracle_value_blocked(const struct oracle_identifier_type *type, const char *value, size_t length);
bool oracle_blocked_at(const struct oracle *oracle, size_t node, int64_t as_of_us);

/* oracle_identity.c: one more reason for a link; writes what is new. */
void oracle_strengthen(struct oracle *oracle, size_t a, size_t b, enum oracle_rule rule, int64_t known_at_us);
/* Around every entry that may change who is one: `before` keeps labels, `after` marks the customers that changed. */
void oracle_before_entry(struct oracle *oracle);
void oracle_after_entry(struct oracle *oracle, int64_t known_at_us);

/* It is blocked or waits to be, or is of a type that never links. */
bool oracle_links_nothing(const struct oracle *oracle, size_t node);
/* A separation by sides of all nodes, which it takes. */
void oracle_separate(struct oracle *oracle, signed char *sides, int64_t known_at_us);

/* oracle_review.c. Who approved first. */
void oracle_name_actor(struct oracle_item *item, const char *actor);
/* A new item or one more reason for one; the item's name. */
int64_t oracle_review(struct oracle *oracle, const struct oracle_item *item, int64_t known_at_us);

/* Customers as of T into oracle->labels; SIZE_MAX for nodes that are not born yet. */
void oracle_relabel(struct oracle *oracle, int64_t as_of_us);

/* One feature over the events that count for one customer (all types), as of T; `row` has those before it. */
void oracle_evaluate(const struct oracle_definitions *definitions, size_t feature,
    const struct oracle_kept_event *const *events, size_t event_count, int64_t as_of_us, struct oracle_row *row);

/* --- the parts of that ----------------------------------------------------------------------------------- */

/* The events that a feature looks at: those that pass its filters and lie in its window. */
struct oracle_counted {
    const struct oracle_kept_event **events;
    size_t count;
    enum oracle_attribute_type type;
    size_t attribute;
};

const struct oracle_scalar *oracle_value_of(const struct oracle_counted *counted, size_t i);
double oracle_scale(enum oracle_attribute_type type);
bool oracle_matches(const struct oracle_event_type *type, const struct oracle_filter *filters, size_t count,
    const struct oracle_kept_event *event);
/* A sum or a single number in the attribute's own type. */
void oracle_put_scaled(
    struct oracle_value *value, enum oracle_attribute_type type, oracle_int128 scaled);
void oracle_put_scalar(
    struct oracle_value *value, enum oracle_attribute_type type, const struct oracle_scalar *scalar);
void oracle_put_integer(struct oracle_value *value, int64_t integer);
void oracle_put_real(struct oracle_value *value, double real);

/* oracle_exact.c: of a sample, at least two. */
double oracle_variance(const oracle_int128 *values, size_t count, double scale);

/* oracle_days.c: what goes by days with events. */
void oracle_evaluate_days(const struct oracle_feature *feature, const struct oracle_counted *counted,
    int64_t as_of_us, struct oracle_value *value);

/* oracle_values.c: what goes by different values. */
int64_t oracle_distinct(const struct oracle_counted *counted);
void oracle_evaluate_top(const struct oracle_feature *feature, const struct oracle_counted *counted,
    struct oracle_value *value);

/* oracle_expression.c: a derived feature. */
void oracle_evaluate_derived(const struct oracle_definitions *definitions, size_t feature,
    const struct oracle_row *row, struct oracle_value *value);

bool oracle_scalar_equal(
    enum oracle_attribute_type type, const struct oracle_scalar *a, const struct oracle_scalar *b);

#endif
