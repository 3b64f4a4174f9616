/* oracle: what the store must answer, worked out the slowest and plainest way.
 *
 * It shares no code with the store: it includes nothing of the project, keeps a flat list of all events that were taken
 * and all links that were made, and answers every question from the beginning: customers by relabelling along the links
 * that hold, features by looking at every event. It is written from the description of the semantics alone, so where it
 * and the store differ, one of the two has misread that description.
 *
 * Calendar days come from libc's localtime_r (the store uses ICU), which needs the process's time zone: oracle_new sets
 * it. So one oracle is in use at a time, on one thread.
 *
 * Failure: it cannot fail; what is impossible aborts. Memory: all of it is the oracle's until oracle_free. */
#ifndef PATRON_TESTS_PROPERTY_ORACLE_H
#define PATRON_TESTS_PROPERTY_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

__extension__ typedef __int128 oracle_int128;

enum {
    ORACLE_NAME_MAX = 48,
    ORACLE_TEXT_MAX = 48, /* of texts that are kept: generated ones are shorter */
    ORACLE_IDENTIFIER_TYPES_MAX = 4,
    ORACLE_NEVER_LINK_MAX = 3,
    ORACLE_PATTERNS_MAX = 2,
    ORACLE_EVENT_TYPES_MAX = 4,
    ORACLE_ATTRIBUTES_MAX = 6,
    ORACLE_FILTERS_MAX = 2,
    ORACLE_LIST_MAX = 5,
    ORACLE_WRITTEN_MAX = 160,
    ORACLE_FEATURES_MAX = 96,
    ORACLE_ARGUMENTS_MAX = 4,
    ORACLE_EXPRESSIONS_MAX = 480,
    ORACLE_SERVICES_MAX = 3,
};

struct oracle_text {
    const char *data;
    size_t length;
};
struct oracle_text oracle_text_of(const char *string);
bool oracle_is_utf8(struct oracle_text text);

/* --- the little model of definitions -------------------------------------------------------------------- */

enum oracle_normalization { ORACLE_NONE, ORACLE_TRIM, ORACLE_LOWER, ORACLE_EMAIL };

struct oracle_identifier_type {
    char name[ORACLE_NAME_MAX];
    uint32_t max; /* 0: no bound of its own */
    int64_t per_us; /* 0: all count; else those that came so long ago at most */
    bool unique; /* no customer has two */
    bool weak;
    bool never_links;
    bool keep; /* not the oracle's business */
    enum oracle_normalization normalization;
    char never_link[ORACLE_NEVER_LINK_MAX][ORACLE_TEXT_MAX]; /* normalised */
    size_t never_link_count;
    char patterns[ORACLE_PATTERNS_MAX][ORACLE_TEXT_MAX]; /* of POSIX, extended; values in which one is found */
    size_t pattern_count;
};

/* What protects customers from being joined; 0 stands for the default. */
struct oracle_protection {
    uint32_t size_max;
    uint32_t size_review;
    uint32_t bridge;
    bool by_value;
    size_t value; /* a feature's place */
    bool has_either, has_both, has_second;
    double either, both, second;
    char either_written[ORACLE_NAME_MAX], both_written[ORACLE_NAME_MAX], second_written[ORACLE_NAME_MAX];
    int64_t expires_us;
};

enum oracle_attribute_type { ORACLE_MONEY = 1, ORACLE_NUMBER, ORACLE_INTEGER, ORACLE_BOOL, ORACLE_STRING };

struct oracle_attribute_definition {
    char name[ORACLE_NAME_MAX];
    enum oracle_attribute_type type;
};

struct oracle_event_type {
    char name[ORACLE_NAME_MAX];
    struct oracle_attribute_definition attributes[ORACLE_ATTRIBUTES_MAX];
    size_t attribute_count;
};

enum oracle_aggregation {
    ORACLE_COUNT,
    ORACLE_SUM,
    ORACLE_MEAN,
    ORACLE_MIN,
    ORACLE_MAX,
    ORACLE_FIRST,
    ORACLE_LAST,
    ORACLE_DISTINCT,
    ORACLE_AGE_FIRST,
    ORACLE_AGE_LAST,
    ORACLE_RFM_FREQUENCY,
    ORACLE_RFM_RECENCY,
    ORACLE_RFM_T,
    ORACLE_RFM_MONETARY,
    ORACLE_VARIANCE,
    ORACLE_STDDEV,
    ORACLE_DECAYED,
    ORACLE_RATIO,
    ORACLE_TOP,
    ORACLE_GAP_MEAN,
    ORACLE_GAP_STDDEV,
    ORACLE_GAP_LAST,
    ORACLE_ACTIVE_DAYS,
    ORACLE_STREAK_CURRENT,
    ORACLE_STREAK_LONGEST,
    ORACLE_DERIVED,
    ORACLE_AGGREGATIONS
};

/* As stored: money in micro-units, number in 2^-32, integer, bool as 0 and 1; or a text. */
struct oracle_scalar {
    oracle_int128 number;
    char text[ORACLE_TEXT_MAX];
    size_t text_length;
};

/* The attribute is one of the values, or lies in the range. */
struct oracle_filter {
    size_t attribute;
    struct oracle_scalar equals[ORACLE_LIST_MAX];
    size_t equal_count; /* 0: a range */
    bool has_low, has_high;
    bool low_open, high_open; /* the bound itself does not pass */
    oracle_int128 low, high;
    char written[ORACLE_WRITTEN_MAX]; /* as the file has it; not the oracle's business */
};

/* A default, of its feature's type. */
struct oracle_constant {
    bool given;
    double real;         /* DOUBLE, MONEY */
    int64_t integer;     /* INT64, BOOL */
    oracle_int128 exact; /* MONEY */
    char text[ORACLE_TEXT_MAX];
    size_t text_length;
    char written[ORACLE_TEXT_MAX + 8]; /* as the file has it; not the oracle's business */
};

/* X(name, what the file has): a kind of a derived feature's parts. */
#define ORACLE_OPERATIONS_LIST(X)                                                                            \
    X(NUMBER_IS, "number")                                                                                   \
    X(TEXT_IS, "text")                                                                                       \
    X(TRUTH_IS, "true or false")                                                                             \
    X(FEATURE_IS, "feature")                                                                                 \
    X(OR, "or")                                                                                              \
    X(AND, "and")                                                                                            \
    X(NOT, "not")                                                                                            \
    X(EQUAL, "==")                                                                                           \
    X(UNEQUAL, "!=")                                                                                         \
    X(LESS, "<")                                                                                             \
    X(AT_MOST, "<=")                                                                                         \
    X(MORE, ">")                                                                                             \
    X(AT_LEAST, ">=")                                                                                        \
    X(PLUS, "+")                                                                                             \
    X(MINUS, "-")                                                                                            \
    X(TIMES, "*")                                                                                            \
    X(OVER, "/")                                                                                             \
    X(NEGATIVE, "unary -")                                                                                   \
    X(IF, "if")                                                                                              \
    X(COALESCE, "coalesce")                                                                                  \
    X(LEAST, "min")                                                                                          \
    X(GREATEST, "max")                                                                                       \
    X(LN, "ln")                                                                                              \
    X(SQRT, "sqrt")                                                                                          \
    X(ABS, "abs")

enum oracle_operation {
#define X(name, written) ORACLE_##name,
    ORACLE_OPERATIONS_LIST(X)
#undef X
        ORACLE_OPERATIONS
};

enum oracle_value_type {
    ORACLE_VALUE_DOUBLE = 1,
    ORACLE_VALUE_INT64 = 2,
    ORACLE_VALUE_BOOL = 3,
    ORACLE_VALUE_STRING = 4,
    ORACLE_VALUE_MONEY = 5,
};

struct oracle_expression {
    enum oracle_operation operation;
    enum oracle_value_type type; /* DOUBLE (of every number), BOOL or STRING */
    double number;
    bool truth;
    char text[ORACLE_TEXT_MAX]; /* of a number too, as the file has it */
    size_t text_length;
    size_t feature; /* of FEATURE_IS: its place */
    size_t arguments[ORACLE_ARGUMENTS_MAX]; /* places in the definitions' expressions */
    size_t argument_count;
};

struct oracle_feature {
    char name[ORACLE_NAME_MAX];
    enum oracle_aggregation aggregation;
    size_t event;
    size_t attribute; /* meaningless where events are counted and not their attributes */
    struct oracle_filter filters[ORACLE_FILTERS_MAX];
    size_t filter_count;
    int64_t window_us; /* 0: lifetime */
    int64_t offset_us;
    int64_t unit_us;
    bool decays_events; /* of DECAYED: each event is 1 */
    int64_t half_life_us;
    struct oracle_filter matching[ORACLE_FILTERS_MAX]; /* of RATIO */
    size_t matching_count;
    size_t rank; /* of TOP, from 0 */
    size_t rank_count; /* its family's members */
    bool ranked_by_sum;
    size_t by; /* the attribute that is summed then */
    int64_t max_age_us; /* 0: nothing is stale */
    struct oracle_constant otherwise; /* its default */
    size_t expression; /* of DERIVED: the place of its root */
    size_t place;      /* of DERIVED: in the file; not the oracle's business */
};

struct oracle_service {
    char name[ORACLE_NAME_MAX];
    size_t features[ORACLE_FEATURES_MAX];
    struct oracle_constant defaults[ORACLE_FEATURES_MAX]; /* of features[i] */
    size_t feature_count;
};

struct oracle_definitions {
    char time_zone[ORACLE_NAME_MAX];
    struct oracle_identifier_type identifiers[ORACLE_IDENTIFIER_TYPES_MAX]; /* highest priority first */
    size_t identifier_count;
    struct oracle_protection protection;
    struct oracle_event_type events[ORACLE_EVENT_TYPES_MAX];
    size_t event_count;
    struct oracle_feature features[ORACLE_FEATURES_MAX]; /* members of families one by one; derived ones last, */
    size_t feature_count;                                /* each after its operands */
    struct oracle_expression expressions[ORACLE_EXPRESSIONS_MAX];
    size_t expression_count;
    struct oracle_service services[ORACLE_SERVICES_MAX];
    size_t service_count;
};

/* --- the oracle ----------------------------------------------------------------------------------------- */

struct oracle;

/* The definitions are copied. `ahead_us` bounds how far event times may lie after known_at. */
struct oracle *oracle_new(const struct oracle_definitions *definitions, int64_t ahead_us);
void oracle_free(struct oracle *oracle);
/* From here on these definitions hold: for new events, and for every answer. Types and attributes may only be added. */
void oracle_redefine(struct oracle *oracle, const struct oracle_definitions *definitions);
/* They are known from here on, but hold only later: values that they list newly wait to be blocked. */
void oracle_list_blocked(struct oracle *oracle, const struct oracle_definitions *next);
const struct oracle_definitions *oracle_definitions_of(
    const struct oracle *oracle); /* until the next oracle_redefine */

/* The calendar day of a moment, and the first moment at which a day or a later one has begun. */
int64_t oracle_day(int64_t time_us);
int64_t oracle_day_start(int64_t day);
/* The window's tile of a moment: days, hours or five minutes by the window's length. */
int64_t oracle_tile(int64_t window_us, int64_t time_us);
/* False if libc does not know the zone's calendar (no zone files on this machine). */
bool oracle_time_zone_usable(const char *name);

/* --- events --------------------------------------------------------------------------------------------- */

enum oracle_given {
    ORACLE_GIVEN_TEXT = 1,
    ORACLE_GIVEN_INTEGER,
    ORACLE_GIVEN_REAL,
    ORACLE_GIVEN_FLAG,
    ORACLE_GIVEN_DECIMAL
};

struct oracle_attribute {
    struct oracle_text name;
    enum oracle_given kind;
    struct oracle_text text; /* TEXT; of a DECIMAL the digits, which the oracle does not read: */
    oracle_int128 mantissa;  /* a DECIMAL is mantissa * 10^-places, ... */
    int places;
    bool malformed; /* ... or no number at all */
    int64_t integer;
    double real;
    bool flag;
};

/* The attribute as it is kept; false: it does not suit the type. */
bool oracle_convert(
    enum oracle_attribute_type type, const struct oracle_attribute *given, struct oracle_scalar *scalar);

struct oracle_identifier {
    struct oracle_text type;
    struct oracle_text value;
};

struct oracle_event {
    struct oracle_text source;
    struct oracle_text type;
    struct oracle_text id;
    int64_t time_us;
    const struct oracle_identifier *identifiers;
    size_t identifier_count;
    const struct oracle_attribute *attributes;
    size_t attribute_count;
    bool has_known_at;
    int64_t known_at_us;
};

enum oracle_fate { ORACLE_APPLIED = 1, ORACLE_DUPLICATE, ORACLE_REFUSED };
enum oracle_refusal { ORACLE_INVALID = 1, ORACLE_TOO_FAR_AHEAD, ORACLE_AFTER_CLOCK, ORACLE_CONFLICT };

struct oracle_outcome {
    enum oracle_fate fate;
    enum oracle_refusal refusal;
    int64_t known_at_us;
    uint64_t node;
    uint32_t identifiers_dropped;
    uint32_t customers_merged; /* how many customers there are fewer for it, new ones not counted */
};

/* known_at of the newest entry, INT64_MIN for none. */
int64_t oracle_newest_known_at(const struct oracle *oracle);
/* An entry that is no event (a version of the definitions) took this known_at. */
void oracle_entry_taken(struct oracle *oracle, int64_t known_at_us);
/* What becomes of the event when the clock stands at clock_us and T = floor_us has been answered; it is applied. */
struct oracle_outcome oracle_add(
    struct oracle *oracle, const struct oracle_event *event, int64_t clock_us, int64_t floor_us);
/* The same, with nothing changed. */
struct oracle_outcome oracle_preview(
    struct oracle *oracle, const struct oracle_event *event, int64_t clock_us, int64_t floor_us);

/* --- questions ------------------------------------------------------------------------------------------ */

/* The numbers are those of the wire contract, as those of types. */
enum oracle_status {
    ORACLE_PRESENT = 1,
    ORACLE_NULL = 2,
    ORACLE_NOT_FOUND = 3,
    ORACLE_STALE = 4,
    ORACLE_DEFAULT = 7,
};

struct oracle_value {
    uint8_t type;
    uint8_t status;
    double real;             /* DOUBLE, MONEY */
    int64_t integer;         /* INT64, BOOL */
    oracle_int128 exact;     /* MONEY */
    struct oracle_text text; /* STRING; the oracle's memory, until the next event or definitions */
    int64_t age_us;          /* where there is a max_age, of the newest event */
};

struct oracle_row {
    uint8_t status;
    uint64_t customer; /* 0 where not found */
    int64_t newest_event_time_us;
    int64_t newest_known_at_us;
    struct oracle_value values[ORACLE_FEATURES_MAX]; /* of all features, in order, with their own defaults */
};

enum oracle_value_type oracle_feature_type(const struct oracle_definitions *definitions, size_t feature);
/* What a service says to take where the feature has no value, or only its own default. */
void oracle_take_default(struct oracle_value *value, const struct oracle_constant *constant);
/* For those who can take "a value or none" only: a stale one becomes the default or null. */
void oracle_settle(struct oracle_value *value, const struct oracle_constant *constant);

/* False: the identifier is of unknown type or impossible. */
bool oracle_answer(struct oracle *oracle, const struct oracle_identifier *identifier, int64_t as_of_us,
    struct oracle_row *row);
/* The row of a customer by its id, which must be alive then. */
void oracle_answer_customer(
    struct oracle *oracle, uint64_t customer, int64_t as_of_us, struct oracle_row *row);
/* The ids of all customers alive at T, ascending; the oracle's memory until the next call. */
size_t oracle_customers(struct oracle *oracle, int64_t as_of_us, const uint64_t **customers);
/* Customer of an identifier as of T, 0 for none. */
uint64_t oracle_customer_of(
    struct oracle *oracle, const struct oracle_identifier *identifier, int64_t as_of_us);

/* --- figures -------------------------------------------------------------------------------------------- */

uint64_t oracle_node_count(const struct oracle *oracle);
uint64_t oracle_event_count(const struct oracle *oracle);
uint64_t oracle_dropped_count(const struct oracle *oracle);

#endif
