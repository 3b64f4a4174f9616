/* world: what a random history is made of: definitions, small pools of identifiers and values so that things collide,
 * and events of every kind, good and bad. Everything comes from the world's dice, so a seed gives the same world.
 *
 * One world a history, on one thread. Events and texts are in the world's arena until world_clear. */
#ifndef PATRON_TESTS_PROPERTY_WORLD_H
#define PATRON_TESTS_PROPERTY_WORLD_H

#include <stdio.h>

#include "store/base/arena.h"
#include "tests/property/dice.h"
#include "tests/property/oracle.h"

enum { WORLD_POOL_MAX = 8, WORLD_VALUES_MAX = 5 };

#define WORLD_SECOND INT64_C(1000000)
#define WORLD_MINUTE (60 * WORLD_SECOND)
#define WORLD_HOUR (60 * WORLD_MINUTE)
#define WORLD_DAY (24 * WORLD_HOUR)
#define WORLD_AHEAD (7 * WORLD_DAY)

enum world_hop { WORLD_MINUTES, WORLD_HOURS, WORLD_DAYS, WORLD_LIFETIME, WORLD_HOPS };
const char *world_hop_name(enum world_hop hop);
enum world_hop world_hop_of(int64_t window_us);
const char *world_aggregation_name(enum oracle_aggregation aggregation);
const char *world_operation_name(enum oracle_operation operation);

/* Kinds of refused events. */
#define WORLD_REFUSALS(X)                                                                                    \
    X(BAD_TYPE, "unknown event type")                                                                        \
    X(BAD_ATTRIBUTE, "unknown attribute")                                                                    \
    X(BAD_ATTRIBUTE_TYPE, "attribute of another type")                                                       \
    X(BAD_ATTRIBUTE_TWICE, "attribute twice")                                                                \
    X(BAD_VALUE, "value out of range or too fine")                                                           \
    X(BAD_TEXT, "text too long or not UTF-8")                                                                \
    X(BAD_TIME, "event time outside all time")                                                               \
    X(BAD_AHEAD, "event time too far ahead")                                                                 \
    X(BAD_CLOCK, "known_at after the clock")                                                                 \
    X(BAD_IDENTIFIER_TYPE, "unknown identifier type")                                                        \
    X(BAD_IDENTIFIER, "impossible identifier")                                                               \
    X(BAD_NO_IDENTIFIER, "no identifier")                                                                    \
    X(BAD_MANY_IDENTIFIERS, "too many identifiers")                                                          \
    X(BAD_ID, "empty or too long id or source")                                                              \
    X(BAD_NEVER_LINK, "only identifiers that never link")                                                    \
    X(BAD_CONFLICT, "same id, other content")

enum world_refusal {
#define X(name, words) WORLD_##name,
    WORLD_REFUSALS(X)
#undef X
        WORLD_REFUSAL_COUNT
};
const char *world_refusal_name(enum world_refusal refusal);

/* A decimal, as the pools hold it: mantissa * 10^-places; or a text. */
struct world_value {
    int64_t mantissa;
    int places;
    const char *text;
};

struct world {
    struct dice dice;
    struct arena arena;
    struct oracle_definitions definitions;
    int64_t start_us; /* about when the history begins */
    int64_t odd_us;   /* when the zone's clocks are put forward or back, soon after */
    const char *identifiers[ORACLE_IDENTIFIER_TYPES_MAX][WORLD_POOL_MAX];
    size_t identifier_counts[ORACLE_IDENTIFIER_TYPES_MAX];
    struct world_value values[ORACLE_EVENT_TYPES_MAX][ORACLE_ATTRIBUTES_MAX][WORLD_VALUES_MAX];
    bool keen;         /* on persons: more goes to review than elsewhere */
    size_t loose_type; /* an identifier type that lets customers merge */
    unsigned fresh;    /* counts made-up identifiers */
    unsigned events;   /* counts event ids */
    unsigned features; /* counts the names of features and services */
};

/* `number` is the history's: histories of one run cover aggregations and windows in turn. */
void world_init(struct world *world, uint64_t seed, uint64_t number);
void world_clear(struct world *world);
/* Other features, some kept; sometimes other bounds of identifiers, more types and attributes. */
void world_redefine(struct world *world, uint64_t number);
/* What protects identity (world_protection.c); after the features. */
void world_protect(struct world *world);
/* Nothing bounds the loose type's customers but what bounds all. */
void world_unprotect(struct world *world);
/* The definitions as the file that the store gets (world_text.c). */
const char *world_definitions_text(struct world *world);

/* Feature definitions (world_features.c); the first `keep` stay, and derived ones with all they are made of. */
void world_features(struct world *world, uint64_t number, size_t keep);
/* What looks at the different values of the first event type's first attribute, and of its first text if it has one,
 * over everything and over days. */
void world_features_of_values(struct world *world);
size_t world_text_attribute(const struct oracle_event_type *type); /* the count of attributes if there is none */
bool world_is_family(enum oracle_aggregation aggregation);
/* How many are no derived ones: those come first. */
size_t world_plain_features(const struct oracle_definitions *definitions);
/* Derived features and services, after the others (world_derived.c); of `before`, if not null, some stay. */
void world_derived(struct world *world, const struct oracle_definitions *before);
void world_services(struct world *world);

/* A filter of an event type (world_filters.c). */
void world_filter(struct world *world, size_t event, struct oracle_filter *filters, size_t *count);
/* A default for features of these types, `count` of them, as one entry of the file gives it. */
void world_default(struct world *world, const enum oracle_value_type *types, size_t count,
    struct oracle_constant *constants);
/* A decimal's text, with so many zeros more. */
struct oracle_text world_decimal(struct world *world, int64_t mantissa, int places, int zeros);
/* One of the texts that texts are made from. */
const char *world_text(struct world *world);

/* The value as an event's attribute, the plain way. */
struct oracle_attribute world_attribute(
    struct world *world, const struct oracle_attribute_definition *of, const struct world_value *value);

/* --- events --------------------------------------------------------------------------------------------- */

/* An identifier from the pools, written in one of its ways; a type of SIZE_MAX: any. */
struct oracle_identifier world_identifier(struct world *world, size_t type);
/* One that nobody has seen yet. */
struct oracle_identifier world_fresh_identifier(struct world *world, size_t type);
/* A good event with an id of its own. It may be changed: arrays have room for world_room more. */
struct oracle_event *world_event(struct world *world, int64_t time_us);
/* The same event sent again, written differently where that means the same. */
struct oracle_event *world_again(struct world *world, const struct oracle_event *event);
/* An event that must be refused; `earlier` is one that was applied (null: none yet, and no conflict can be made). */
struct oracle_event *world_bad_event(struct world *world, enum world_refusal refusal, int64_t time_us,
    int64_t known_at_us, int64_t clock_us, const struct oracle_event *earlier);

void world_print_identifier(FILE *to, const struct oracle_identifier *identifier);
void world_print_event(FILE *to, const struct oracle_event *event);

#endif
