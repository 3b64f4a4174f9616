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
    ORACLE_EVENT_TYPES_MAX = 4,
    ORACLE_ATTRIBUTES_MAX = 6,
    ORACLE_FILTERS_MAX = 2,
    ORACLE_FEATURES_MAX = 64,
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
    enum oracle_normalization normalization;
    char never_link[ORACLE_NEVER_LINK_MAX][ORACLE_TEXT_MAX]; /* normalised */
    size_t never_link_count;
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
    ORACLE_AGGREGATIONS
};

/* As stored: money in micro-units, number in 2^-32, integer, bool as 0 and 1; or a text. */
struct oracle_scalar {
    oracle_int128 number;
    char text[ORACLE_TEXT_MAX];
    size_t text_length;
};

struct oracle_filter {
    size_t attribute;
    struct oracle_scalar equals;
    char written[ORACLE_TEXT_MAX]; /* as the file has it; not the oracle's business */
};

struct oracle_feature {
    char name[ORACLE_NAME_MAX];
    enum oracle_aggregation aggregation;
    size_t event;
    size_t attribute; /* meaningless for count and ages */
    struct oracle_filter filters[ORACLE_FILTERS_MAX];
    size_t filter_count;
    int64_t window_us; /* 0: lifetime */
    int64_t unit_us;
};

struct oracle_definitions {
    char time_zone[ORACLE_NAME_MAX];
    struct oracle_identifier_type identifiers[ORACLE_IDENTIFIER_TYPES_MAX]; /* highest priority first */
    size_t identifier_count;
    struct oracle_event_type events[ORACLE_EVENT_TYPES_MAX];
    size_t event_count;
    struct oracle_feature features[ORACLE_FEATURES_MAX]; /* the members of a family one by one */
    size_t feature_count;
};

/* --- the oracle ----------------------------------------------------------------------------------------- */

struct oracle;

/* The definitions are copied. `ahead_us` bounds how far event times may lie after known_at. */
struct oracle *oracle_new(const struct oracle_definitions *definitions, int64_t ahead_us);
void oracle_free(struct oracle *oracle);
/* From here on these definitions hold: for new events, and for every answer. Types and attributes may only be added. */
void oracle_redefine(struct oracle *oracle, const struct oracle_definitions *definitions);
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

/* The numbers are those of the wire contract. */
enum oracle_status { ORACLE_PRESENT = 1, ORACLE_NULL = 2, ORACLE_NOT_FOUND = 3 };
enum oracle_value_type {
    ORACLE_VALUE_DOUBLE = 1,
    ORACLE_VALUE_INT64 = 2,
    ORACLE_VALUE_BOOL = 3,
    ORACLE_VALUE_STRING = 4,
    ORACLE_VALUE_MONEY = 5,
};

struct oracle_value {
    uint8_t type;
    uint8_t status;
    double real;             /* DOUBLE, MONEY */
    int64_t integer;         /* INT64, BOOL */
    oracle_int128 exact;     /* MONEY */
    struct oracle_text text; /* STRING; the oracle's memory, until the next event */
};

struct oracle_row {
    uint8_t status;
    uint64_t customer; /* 0 where not found */
    int64_t newest_event_time_us;
    int64_t newest_known_at_us;
    struct oracle_value values[ORACLE_FEATURES_MAX]; /* of all features, in order of the definitions */
};

enum oracle_value_type oracle_feature_type(const struct oracle_definitions *definitions, size_t feature);

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
