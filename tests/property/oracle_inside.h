/* What the two halves of the oracle share: oracle.c keeps events and identity, oracle_features.c answers from them. */
#ifndef PATRON_TESTS_PROPERTY_ORACLE_INSIDE_H
#define PATRON_TESTS_PROPERTY_ORACLE_INSIDE_H

#include "tests/property/oracle.h"

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
};

struct oracle_link {
    size_t a;
    size_t b;
    int64_t since_us;
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
    size_t *labels;      /* of every node: the oldest node of its customer; scratch */
    uint64_t *customers; /* scratch */
};

/* Customers as of T into oracle->labels; SIZE_MAX for nodes that are not born yet. */
void oracle_relabel(struct oracle *oracle, int64_t as_of_us);

/* One feature over the events that count for one customer (all types), as of T. */
void oracle_evaluate(const struct oracle_definitions *definitions, size_t feature,
    const struct oracle_kept_event *const *events, size_t event_count, int64_t as_of_us,
    struct oracle_value *value);

bool oracle_scalar_equal(
    enum oracle_attribute_type type, const struct oracle_scalar *a, const struct oracle_scalar *b);

#endif
