/* grammar: what may stand in a definitions file, as one table.
 *
 * The checker finds the keys of each map in it (parse_fields), and json_schema writes the JSON Schema for editors from
 * it: so that both know the same language. What the table cannot say (an attribute's type suits the aggregation, a name
 * is defined) the checker alone checks. */
#ifndef PATRON_DEFINITIONS_GRAMMAR_H
#define PATRON_DEFINITIONS_GRAMMAR_H

#include "store/base/bytes.h"

enum grammar_kind {
    GRAMMAR_TEXT = 1,   /* any scalar but an empty text */
    GRAMMAR_NAME,       /* letters, digits, '_' */
    GRAMMAR_WORD,       /* one of `words` */
    GRAMMAR_TRUE,       /* true, and nothing else */
    GRAMMAR_BOOL,       /* true or false */
    GRAMMAR_PATTERN,    /* a regular expression */
    GRAMMAR_WHOLE,      /* a whole number from `least` to `most` */
    GRAMMAR_AMOUNT,     /* a number, 0 or more */
    GRAMMAR_LIKELY,     /* a probability over one half and below 1 */
    GRAMMAR_DURATION,   /* 30m, 12h, 90d, 4w */
    GRAMMAR_EXPRESSION, /* of derived features */
    GRAMMAR_SCALAR,     /* text, number or bool */
    GRAMMAR_LIST,       /* of `of`: at least `least`, at most `most` unless that is 0 */
    GRAMMAR_MAP,        /* of names to `of`, as many as a list */
    GRAMMAR_KEYS,       /* a map with these `keys` and no others */
    GRAMMAR_EITHER,     /* one of `choices` */
};

struct grammar_shape;

struct grammar_key {
    struct bytes name;
    const struct grammar_shape *shape;
    const char *description; /* for people: a sentence */
    bool required;
};

/* A name that none of a map's entries may have. */
struct grammar_reserved {
    struct bytes name;
    const char *why; /* "'x' cannot name a feature: " goes before it */
};

struct grammar_shape {
    enum grammar_kind kind;
    const struct bytes *words;
    size_t word_count;
    int64_t least, most;
    const struct grammar_shape *of;
    bool each_once;   /* of LIST: no entry twice */
    bool nothing_too; /* nothing may stand there: "session:" */
    bool members_too; /* of names: a family's member as well: "rfm.T" */
    const struct grammar_reserved *reserved; /* of MAP */
    size_t reserved_count;
    const struct grammar_key *keys;
    size_t key_count;
    const struct grammar_shape *const *choices;
    size_t choice_count;
};

/* The shapes whose keys the checker asks for, in the order of these numbers. */
enum root_key {
    ROOT_CURRENCY,
    ROOT_TIME_ZONE,
    ROOT_UNKNOWN_ATTRIBUTES,
    ROOT_IDENTIFIERS,
    ROOT_EVENTS,
    ROOT_MATCHING,
    ROOT_SHARED_COSTS,
    ROOT_FEATURES,
    ROOT_DERIVED,
    ROOT_IDENTITY,
    ROOT_SERVICES,
    ROOT_KEYS
};
extern const struct grammar_shape grammar_root;

enum identifier_key {
    IDENTIFIER_MAX,
    IDENTIFIER_PER,
    IDENTIFIER_UNIQUE,
    IDENTIFIER_WEAK,
    IDENTIFIER_LINK,
    IDENTIFIER_KEEP,
    IDENTIFIER_NORMALIZE,
    IDENTIFIER_NEVER_LINK,
    IDENTIFIER_NEVER_LINK_MATCHING,
    IDENTIFIER_KEYS
};
extern const struct grammar_shape grammar_identifier;

enum identity_key {
    IDENTITY_MAX_SIZE,
    IDENTITY_REVIEW_SIZE,
    IDENTITY_REVIEW_BRIDGE,
    IDENTITY_VALUE,
    IDENTITY_REVIEW_EITHER,
    IDENTITY_REVIEW_BOTH,
    IDENTITY_SECOND_PERSON,
    IDENTITY_REVIEW_EXPIRES,
    IDENTITY_KEYS
};
extern const struct grammar_shape grammar_identity;

enum matching_key {
    MATCHING_OF,
    MATCHING_COLUMNS,
    MATCHING_BLOCKS,
    MATCHING_LINK,
    MATCHING_REVIEW,
    MATCHING_BLOCK_RECORDS,
    MATCHING_KEYS
};
extern const struct grammar_shape grammar_matching;

enum match_column_key { MATCH_COLUMN_IS, MATCH_COLUMN_FREQUENCIES, MATCH_COLUMN_KEYS };
extern const struct grammar_shape grammar_match_column;

enum match_part_key { MATCH_PART_KEY_COLUMN, MATCH_PART_KEY_PREFIX, MATCH_PART_KEY_SOUND, MATCH_PART_KEYS };
extern const struct grammar_shape grammar_match_part;

enum feature_key {
    FEATURE_OF,
    FEATURE_WHERE,
    FEATURE_WINDOW,
    FEATURE_OFFSET,
    /* what goes with some aggregations */
    FEATURE_UNIT,
    FEATURE_HALF_LIFE,
    FEATURE_K,
    FEATURE_BY,
    /* what every feature may have */
    FEATURE_DEFAULT,
    FEATURE_MAX_AGE,
    FEATURE_DESCRIPTION,
    FEATURE_OWNER,
    FEATURE_TAGS,
    /* the aggregations, one to a feature */
    FEATURE_COUNT,
    FEATURE_SUM,
    FEATURE_MEAN,
    FEATURE_MIN,
    FEATURE_MAX,
    FEATURE_VARIANCE,
    FEATURE_STDDEV,
    FEATURE_FIRST,
    FEATURE_LAST,
    FEATURE_DISTINCT,
    FEATURE_TOP,
    FEATURE_RATIO,
    FEATURE_DECAYED,
    FEATURE_AGE,
    FEATURE_GAPS,
    FEATURE_ACTIVE_DAYS,
    FEATURE_STREAK,
    FEATURE_RFM,
    FEATURE_KEYS
};
extern const struct grammar_shape grammar_feature;

enum range_key { RANGE_AT_LEAST, RANGE_MORE_THAN, RANGE_AT_MOST, RANGE_LESS_THAN, RANGE_KEYS };
extern const struct grammar_shape grammar_range;

enum shared_cost_key {
    SHARED_COST_SHARE,
    SHARED_COST_BY,
    SHARED_COST_WEIGHT,
    SHARED_COST_WHERE,
    SHARED_COST_PERIOD,
    SHARED_COST_KEYS
};
extern const struct grammar_shape grammar_shared_cost;

enum derived_key {
    DERIVED_IS,
    DERIVED_DEFAULT,
    DERIVED_DESCRIPTION,
    DERIVED_OWNER,
    DERIVED_TAGS,
    DERIVED_KEYS
};
extern const struct grammar_shape grammar_derived;

enum service_key {
    SERVICE_FEATURES,
    SERVICE_DEFAULTS,
    SERVICE_DESCRIPTION,
    SERVICE_OWNER,
    SERVICE_TAGS,
    SERVICE_KEYS
};
extern const struct grammar_shape grammar_service;

#endif
