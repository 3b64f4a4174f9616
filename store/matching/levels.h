/* levels: into which of its levels a comparison of two records falls. Pure; any thread. */
#ifndef PATRON_MATCHING_LEVELS_H
#define PATRON_MATCHING_LEVELS_H

#include "store/matching/matching.h"

/* Of a comparison that says nothing: one of the two has no value. */
enum { MATCH_UNKNOWN = 255 };

enum match_given_level {
    GIVEN_EXACT,
    GIVEN_SWAPPED, /* with the surname; the comparison of surnames then says nothing */
    GIVEN_CLOSE,
    GIVEN_SIMILAR, /* or sounds alike, or is the other's short form or initial */
    GIVEN_LOOSE,
    GIVEN_ELSE,
};
enum match_surname_level { SURNAME_EXACT, SURNAME_CLOSE, SURNAME_SIMILAR, SURNAME_LOOSE, SURNAME_ELSE };
enum match_full_level {
    FULL_EXACT,
    FULL_SAME_WORDS, /* in another order */
    FULL_CONTAINED,  /* every word of the shorter is one of the longer, or nearly */
    FULL_MOST,       /* two words at least, or nearly the same as a whole */
    FULL_SOME,       /* one word */
    FULL_ELSE,
};
enum match_date_level {
    DATE_EXACT,
    DATE_SLIP, /* one edit, or day and month changed places */
    DATE_NEAR, /* two of year, month and day, or within a month */
    DATE_YEAR, /* within a year */
    DATE_DECADE,
    DATE_ELSE,
};
enum match_email_level { EMAIL_EXACT, EMAIL_LOCAL, EMAIL_CLOSE, EMAIL_SIMILAR, EMAIL_ELSE };
enum match_phone_level { PHONE_EXACT, PHONE_SLIP, PHONE_ELSE };
enum match_postcode_level { POSTCODE_EXACT, POSTCODE_SLIP, POSTCODE_DISTRICT, POSTCODE_AREA, POSTCODE_ELSE };
enum match_street_level { STREET_EXACT, STREET_WORDS, STREET_CLOSE, STREET_SIMILAR, STREET_ELSE };
enum match_house_level { HOUSE_EXACT, HOUSE_SLIP, HOUSE_ELSE };
enum match_id_level { ID_EXACT, ID_SLIP, ID_NEAR, ID_ELSE };
enum match_category_level { CATEGORY_EXACT, CATEGORY_ELSE };
enum match_text_level { TEXT_EXACT, TEXT_CLOSE, TEXT_SIMILAR, TEXT_ELSE };

struct match_levels {
    size_t count;
    const char *names[MATCH_LEVELS_MAX];
    double m[MATCH_LEVELS_MAX]; /* how often records of one person fall into each as a rule; sums to 1 */
};

const struct match_levels *match_levels_of(enum match_kind kind);

/* The level of each comparison, or MATCH_UNKNOWN. Symmetric in a and b. */
void match_compare(const struct match_plan *plan, const struct match_record *a, const struct match_record *b,
    uint8_t levels[MATCH_COMPARISONS_MAX]);

/* The parts of match_compare that have a file of their own; neither value is empty. */
uint8_t match_date_level(struct bytes a, struct bytes b);
uint8_t match_full_level(struct bytes a, struct bytes b);

/* True if one given name is a usual short form of the other, or both are of one longer name ("bob", "robert"). */
bool match_is_short_form(struct bytes a, struct bytes b);

/* True if two words of names are as good as one: alike, one the other's initial or short form. */
bool match_words_agree(struct bytes a, struct bytes b);

#endif
