/* What the definitions say about matching records of people that share no identifier (store/matching). Immutable, part
 * of the definitions. */
#ifndef PATRON_DEFINITIONS_MATCHING_RULES_H
#define PATRON_DEFINITIONS_MATCHING_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a column holds, which says how it is normalised, compared and, where no blocking rules are written, blocked.
 * X(kind, its word in the file) */
#define MATCH_KINDS(X)                                                                                       \
    X(MATCH_GIVEN_NAME, "given_name")                                                                        \
    X(MATCH_SURNAME, "surname")                                                                              \
    X(MATCH_FULL_NAME, "full_name")                                                                          \
    X(MATCH_BIRTH_DATE, "birth_date")                                                                        \
    X(MATCH_EMAIL, "email")                                                                                  \
    X(MATCH_PHONE, "phone")                                                                                  \
    X(MATCH_POSTCODE, "postcode")                                                                            \
    X(MATCH_PLACE, "place")               /* a town, a suburb, a state, a place of birth */                  \
    X(MATCH_STREET, "street")             /* an address line, with the house number or without */            \
    X(MATCH_HOUSE_NUMBER, "house_number")                                                                    \
    X(MATCH_NATIONAL_ID, "national_id")   /* one value a person, long enough to be nobody else's */          \
    X(MATCH_CATEGORY, "category")         /* few different values: sex, title, occupation */                 \
    X(MATCH_TEXT, "text")                 /* anything else that two records of a person tend to share */

enum match_kind {
#define X(kind, word) kind,
    MATCH_KINDS(X)
#undef X
        MATCH_KIND_COUNT
};

enum {
    MATCH_COLUMNS_MAX = 32,
    MATCH_BLOCKS_MAX = 32,
    MATCH_BLOCK_PARTS_MAX = 8,
    MATCH_PART_CHARACTERS_MAX = 64,
    MATCH_CANDIDATES_MAX = 64, /* that one record is compared with */
    MATCH_BLOCK_RECORDS_MAX = 10000,
};

struct match_column {
    uint16_t attribute; /* number, of the event type: text or integer */
    enum match_kind kind;
    bool frequencies; /* agreeing on a rare value says more than on a common one */
};

/* How a column's value goes into a block's key. */
enum match_part_form {
    MATCH_PART_WHOLE,
    MATCH_PART_PREFIX, /* its first `length` characters */
    MATCH_PART_SOUND,  /* what it sounds like */
};

struct match_part {
    uint16_t column; /* index into columns */
    enum match_part_form form;
    uint8_t length;
};

/* Records that agree on all parts, and lack none of them, are compared. */
struct match_block {
    struct match_part parts[MATCH_BLOCK_PARTS_MAX];
    size_t part_count;
};

struct matching_rules {
    uint16_t event; /* number of the event type whose events are records: a node's newest one is its record */
    const struct match_column *columns;
    size_t column_count;
    const struct match_block *blocks; /* none: as store/matching makes them from the kinds */
    size_t block_count;
    double link_probability;   /* at least so probable: a link */
    double review_probability; /* at least so probable: a person decides; below it is counted */
    uint32_t block_records_max; /* blocks with more records are skipped, and counted */
};

/* Where the file does not say. */
#define MATCH_LINK_PROBABILITY 0.99
#define MATCH_REVIEW_PROBABILITY 0.80
#define MATCH_BLOCK_RECORDS 500

#endif
