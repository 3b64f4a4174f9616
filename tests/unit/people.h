/* people: records of people with the truth about who is who, for tests and measurements of matching: read from a file
 * or made up, and how well a matcher did on them. One thread. */
#ifndef PATRON_TESTS_PEOPLE_H
#define PATRON_TESTS_PEOPLE_H

#include "store/matching/match_all.h"

struct people {
    struct arena arena;
    struct match_column columns[MATCH_COLUMNS_MAX];
    struct matching_rules rules; /* as shipped: naming the columns is all that is set */
    struct match_plan plan;
    struct match_record *records;
    uint32_t *persons; /* whose record each is */
    size_t count, capacity;
};

void people_init(struct people *people, const enum match_kind *kinds, size_t kind_count);
/* A text for each column; null: absent. */
void people_add(struct people *people, const char *const *texts, uint32_t person);
void people_shuffle(struct people *people, uint64_t seed);
void people_clear(struct people *people);

/* A column of a file and what it holds. */
struct people_column {
    const char *header;
    enum match_kind kind;
};

/* Reads a file of comma-separated values without quotes. Of the column `truth` the first number is the person; false if
 * there is no such file or column. */
bool people_read(struct people *people, const char *path, const struct people_column *columns,
    size_t column_count, const char *truth);

struct match_model *people_train(const struct people *people);

/* Pairs of one person that share no block, or were left off, count as missed everywhere. */
struct people_result {
    uint64_t pairs_true;
    double best_f1, best_weight;                       /* of scored pairs, at the best threshold */
    double link_precision, link_recall;                /* of pairs linked without a person's word */
    double auto_precision, auto_recall, auto_f1;       /* of the groups that those links make */
    double review_precision, review_recall, review_f1; /* of the groups with reviews decided by the truth */
    size_t auto_largest, largest_true;                 /* records of the largest group */
    struct match_outcome outcome;                      /* of the automatic run; groups are gone */
    uint64_t reviews_asked;                            /* in the run with a person */
};

void people_measure(
    const struct people *people, const struct match_model *model, struct people_result *result);
void people_print(const char *name, const struct people_result *result);

/* --- made-up people ---------------------------------------------------------------------------------------------- */

/* Made-up people, a few records each: columns given name, surname, birth date, place, postcode, street, house number,
 * phone, email. Families share surname, address and phone; some are twins. */
struct people_shape {
    uint32_t persons;
    uint32_t records_most;          /* of a person: 1 to this many */
    uint32_t given_names, surnames; /* how many different ones; few: common names */
    uint32_t family_percent;        /* of persons that live with the one before */
    uint32_t twin_percent;          /* of those that were born with it */
    uint32_t error_percent;         /* of values that are written wrong */
    uint32_t absent_percent;
    bool no_addresses; /* given name, surname, birth date, place, postcode, category alone */
    bool shop; /* given name, surname, email, phone, category alone: mailboxes of given names, all of one country */
    uint64_t seed;
};

void people_make(struct people *people, const struct people_shape *shape);

#endif
