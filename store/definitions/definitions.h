/* definitions: what comes in and what is served, from one YAML file.
 *
 * A struct definitions is made whole or not at all, is immutable from then on, and may be shared by all threads. It is
 * reference counted: definitions_retain / definitions_release are thread-safe.
 *
 * Numbers: identifier types, event types and attributes are stored by number. A name keeps its number over all versions
 * of a store's file; new names get the next ones.
 *
 * Failure: PATRON_INVALID, with every mistake found, a line each ("line 12, column 5: …"), as far as they fit. */
#ifndef PATRON_DEFINITIONS_H
#define PATRON_DEFINITIONS_H

#include "store/base/bytes.h"
#include "store/base/encode.h"
#include "store/base/error.h"
#include "store/base/limits.h"
#include "store/definitions/matching_rules.h"
#include "store/definitions/period.h"
#include "store/definitions/value.h"

enum attribute_type {
    ATTRIBUTE_MONEY = 1,   /* int64 of micro-units */
    ATTRIBUTE_NUMBER = 2,  /* fixed point 2^-32 in 128 bits */
    ATTRIBUTE_INTEGER = 3, /* int64, |x| < 2^53 */
    ATTRIBUTE_BOOL = 4,
    ATTRIBUTE_TEXT = 5, /* UTF-8, at most TEXT_ATTRIBUTE_BYTES_MAX */
};

enum normalization {
    NORMALIZE_NONE = 0,
    NORMALIZE_TRIM = 1,  /* blanks at both ends go */
    NORMALIZE_LOWER = 2, /* trim, NFC, lower case of the root locale */
    NORMALIZE_EMAIL = 3, /* as LOWER; must hold one '@' with something on either side */
};

struct identifier_type {
    struct bytes name;
    uint16_t number;
    uint32_t max; /* of this type in one customer; 0: only identity.size_max bounds it */
    int64_t max_per_us; /* only those count that first came within so long before now; 0: all */
    bool unique;     /* two values tell two customers apart, always; max is 0 then, and says nothing */
    bool weak;       /* evidence of the weakest kind: see identity_rules.bridge_established */
    bool never_links; /* values are taken and dropped: an IP address */
    bool keep;       /* the value is kept, sealed, so that people can be shown it */
    enum normalization normalization;
    const struct bytes *never_link; /* normalised values, dropped from every event */
    size_t never_link_count;
    const struct pattern *const *never_link_patterns; /* definitions/pattern.h: normalised values that match one */
    size_t never_link_pattern_count;
};

/* What protects customers from being joined wrongly, beside the types' own rules. */
struct identity_rules {
    uint32_t size_max;    /* identifiers in a customer; what would have more is refused. CUSTOMER_NODES_MAX without */
    uint32_t size_review; /* a merge to more than this goes to review; 0: none does */
    /* A merge of two customers of at least so many identifiers each goes to review if all that joins them is a weak
     * identifier, or a match below MATCH_BRIDGE_PROBABILITY; 0: none does. */
    uint32_t bridge_established;
    /* By the value of a customer, a number or money over its lifetime: */
    int32_t value_feature; /* index into features; -1: nothing goes by value */
    bool has_review_either, has_review_both, has_second_person;
    double review_either;  /* a merge goes to review if either side is worth at least this … */
    double review_both;    /* … or each of both at least this */
    double second_person;  /* and needs two persons if either side is worth at least this */
    int64_t review_expires_us; /* an item is open for so long; 30 days without */
};
#define MATCH_BRIDGE_PROBABILITY 0.999

/* One that a later version removed or gave another type stays at the place of its number, retired: no name finds it,
 * and stored events that hold it can still be read. */
struct attribute {
    struct bytes name;
    uint16_t number;
    enum attribute_type type;
    bool retired;
};

struct event_type {
    struct bytes name;
    uint16_t number;
    bool retired; /* as an attribute */
    /* Its attributes are sealed, for matching reads them in this version or did in an earlier one: it stays so.
     * Features and shared costs use none of them. */
    bool sealed;
    const struct attribute *attributes; /* in order of number */
    size_t attribute_count;
};

/* What becomes of attributes that an event brings and its type does not have. */
enum unknown_attributes {
    UNKNOWN_REFUSE = 0, /* the event is refused */
    UNKNOWN_DROP = 1,   /* it goes in without them */
    UNKNOWN_KEEP = 2,   /* they are stored by name, and count once a later version has them */
};

enum aggregation {
    AGGREGATION_COUNT = 1,
    AGGREGATION_SUM,
    AGGREGATION_MEAN,
    AGGREGATION_MIN,
    AGGREGATION_MAX,
    AGGREGATION_FIRST,
    AGGREGATION_LAST,
    AGGREGATION_DISTINCT,
    AGGREGATION_AGE_FIRST,
    AGGREGATION_AGE_LAST,
    AGGREGATION_RFM_FREQUENCY,
    AGGREGATION_RFM_RECENCY,
    AGGREGATION_RFM_T,
    AGGREGATION_RFM_MONETARY,
    AGGREGATION_VARIANCE, /* of a sample: over n - 1; null under two values */
    AGGREGATION_STDDEV,
    AGGREGATION_DECAYED, /* day totals, halved every half_life */
    AGGREGATION_RATIO,   /* of the events that match */
    AGGREGATION_TOP,     /* the value in place `rank` */
    AGGREGATION_GAP_MEAN, /* days between one day with events and the next */
    AGGREGATION_GAP_STDDEV,
    AGGREGATION_GAP_LAST,
    AGGREGATION_ACTIVE_DAYS,    /* days with events */
    AGGREGATION_STREAK_CURRENT, /* days in a row up to T's day or the one before it */
    AGGREGATION_STREAK_LONGEST,
    AGGREGATION_DERIVED, /* of other features, by `expression` */
};

/* An attribute's value, as stored and as filtered for. `number` holds money, number, integer and bool alike. */
struct scalar {
    enum attribute_type type;
    int128 number;
    struct bytes text;
};

/* An event passes if it has the attribute, and it is one of `values` (`value_count` > 0) or lies in the range. */
struct filter {
    uint16_t attribute; /* number */
    const struct scalar *values; /* ascending, each once */
    size_t value_count;
    bool has_low, has_high;
    bool low_open, high_open; /* the bound itself is outside */
    struct scalar low, high;
};

struct expression; /* definitions/expression.h */

struct feature {
    struct bytes name; /* "rfm.frequency" for a member of a family */
    enum aggregation aggregation;
    enum value_type type;
    uint16_t event;                /* event type's index in `events` */
    int32_t attribute;             /* attribute's number, or -1: none */
    enum attribute_type attribute_type; /* of that attribute */
    const struct filter *filters;  /* all must hold */
    size_t filter_count;
    int64_t window_us;             /* 0: lifetime */
    int64_t offset_us;             /* the window ends so long before T, at the start of a tile as it begins */
    int64_t unit_us;               /* of an age */
    int64_t half_life_us;          /* of DECAYED */
    const struct filter *matching; /* of RATIO: all must hold for an event to match */
    size_t matching_count;
    uint32_t rank;                 /* of TOP, from 0 */
    int32_t by_attribute;          /* of TOP: the values are ranked by this one's sum; -1: by their events */
    int64_t max_age_us;            /* an older value is STALE; 0: none is */
    const struct value *fallback;  /* its default: STATUS_DEFAULT, of the feature's type; or null */
    const struct expression *expression; /* of DERIVED */
    struct bytes formula;          /* of DERIVED: the expression's text */
    struct bytes description;      /* empty if there is none, as owner */
    struct bytes owner;
    const struct bytes *tags;
    size_t tag_count;
    struct bytes written; /* its entry in the file, as it stands there */
};

/* How events of a type that come without an identifier are shared out over customers (sharing.h). */
struct shared_cost {
    uint16_t event;               /* number of their type */
    uint16_t amount;              /* number of their attribute that is shared: money */
    uint16_t driver;              /* number of the event type that drives the cost */
    int32_t weight;               /* number of the driver's attribute, money or integer; -1: its events weigh 1 each */
    const struct filter *filters; /* all must hold for an event of the driver to count */
    size_t filter_count;
    enum period period;
};

/* A selection of features, in an order: a service's or a request's. */
struct selection {
    const uint32_t *features; /* indexes into definitions->features */
    size_t count;
    const struct value *const *fallbacks; /* one for each, nullable: the service's default or the feature's; or null */
    const uint32_t *needed; /* with all operands, ascending: so operands come first; null: no feature is derived */
    size_t needed_count;
};

struct service {
    struct bytes name;
    struct selection selection;
    struct bytes description;
    struct bytes owner;
    const struct bytes *tags;
    size_t tag_count;
};

struct pattern;
struct time_zone;
struct mistakes; /* definitions/mistakes.h */

struct definitions {
    uint32_t version;
    struct bytes text; /* the file as given */
    struct bytes currency;
    struct bytes time_zone_name;
    const struct time_zone *zone;
    const struct identifier_type *identifiers; /* highest priority first */
    size_t identifier_count;
    struct identity_rules identity;
    const struct matching_rules *matching; /* null: records are not matched */
    enum unknown_attributes unknown_attributes;
    const struct event_type *events; /* in the file's order, then those retired */
    size_t event_count;
    const struct shared_cost *shared_costs; /* at most one of an event type */
    size_t shared_cost_count;
    const struct feature *features; /* derived ones after their operands */
    size_t feature_count;
    const struct service *services;
    size_t service_count;
    struct definitions_memory *memory;
};

/* Reads and checks a file's text. `previous` (nullable) is the version before: its numbers are kept, and what would
 * make stored events unreadable is refused. An event type or attribute that is gone, or an attribute of another type,
 * is let pass if `forced`: what was there is retired, and a name that comes back gets a new number. Never: an
 * identifier type that is gone or normalised in another way, another currency. What was stored once was accepted once,
 * forced or not, and is read back with `forced`, which gives it the numbers it had. */
enum patron_code definitions_parse(struct bytes text, const struct definitions *previous, uint32_t version, bool forced,
    const struct definitions **definitions, struct error *error) MUST_CHECK;

/* The same, but for every mistake to be told: `mistakes` is empty and has its arena. PATRON_OK also with mistakes,
 * which are in the file's order then, and *definitions null. PATRON_INVALID: too long a text. */
enum patron_code definitions_check(struct bytes text, const struct definitions *previous, uint32_t version, bool forced,
    struct mistakes *mistakes, const struct definitions **definitions, struct error *error) MUST_CHECK;

const struct definitions *definitions_retain(const struct definitions *definitions);
void definitions_release(const struct definitions *definitions); /* null is fine */

/* A retired event type or attribute is found by its number only. */
const struct identifier_type *definitions_identifier_type(const struct definitions *definitions, struct bytes name);
const struct event_type *definitions_event_type(const struct definitions *definitions, struct bytes name);
const struct event_type *definitions_event_type_by_number(const struct definitions *definitions, uint16_t number);
/* How costs of that type are shared; null: they are not. */
const struct shared_cost *definitions_shared_cost(const struct definitions *definitions, uint16_t event_number);
const struct attribute *event_type_attribute(const struct event_type *type, struct bytes name);
/* What the two above find, for suggestions: names in the arena. */
const struct bytes *definitions_event_names(
    const struct definitions *definitions, struct arena *arena, size_t *count);
const struct bytes *event_type_attribute_names(const struct event_type *type, struct arena *arena, size_t *count);
const char *attribute_type_name(enum attribute_type type);
const char *value_type_name(enum value_type type);

/* The value normalised, in the arena; PATRON_INVALID says what is wrong with it (empty, too long, not UTF-8 …). */
enum patron_code identifier_normalize(const struct identifier_type *type, struct bytes value, struct arena *arena,
    struct bytes *normalized, struct error *error) MUST_CHECK;
/* Its type never links, or it is listed or matches a pattern (pattern.h: at most about a millisecond). */
bool identifier_never_links(const struct identifier_type *type, struct bytes normalized);

/* Either `service` or `names`; an unknown one is PATRON_INVALID and the words name the nearest real ones. A family's
 * bare name ("rfm") stands for its members. The selection lives as long as both arena and definitions. */
enum patron_code definitions_select(const struct definitions *definitions, struct bytes service,
    const struct bytes *names, size_t name_count, struct arena *arena, struct selection *selection,
    struct error *error) MUST_CHECK;

/* The day number (days since 1970-01-01 of the definitions' calendar) that a moment lies in. */
int64_t time_zone_day(const struct time_zone *zone, int64_t time_us);
/* The first day that any moment from this one on lies in. It is not always the moment's own: where clocks are put back
 * over midnight (St. John's did it at 00:01), the day before comes once more. */
int64_t time_zone_day_from(const struct time_zone *zone, int64_t time_us);

#endif
