#include <stdlib.h>

#include "store/matching/levels.h"
#include "store/matching/normal.h"
#include "store/matching/strings.h"

/* Winkler's program and Splink's comparisons draw their lines here. */
#define CLOSE_SIMILARITY 0.92
#define SIMILAR_SIMILARITY 0.88
#define ROUGH_SIMILARITY 0.80
#define LOOSE_SIMILARITY 0.70

/* Letters by their low bits, and how many there are; false: not all are ASCII, and a byte is no letter. */
static bool letters_of(struct bytes word, uint64_t *letters)
{
    uint8_t all = 0;
    *letters = 0;
    for (size_t i = 0; i < word.length; i++) {
        all |= word.data[i];
        *letters |= UINT64_C(1) << (word.data[i] & 63);
    }
    return all < 0x80;
}

static size_t letters_among(struct bytes word, uint64_t letters)
{
    size_t found = 0;
    for (size_t i = 0; i < word.length; i++)
        found += letters >> (word.data[i] & 63) & 1;
    return found;
}

/* False only if the similarity is surely less than `least`: no more letters can be common than either has of the
 * other's. Most pairs that are compared are nowhere near, and this tells in a tenth of the time. */
static bool may_be_similar(struct bytes a, struct bytes b, double least)
{
    uint64_t in_a, in_b;
    if (!letters_of(a, &in_a) || !letters_of(b, &in_b))
        return true;
    size_t one = letters_among(a, in_b), other = letters_among(b, in_a);
    double common = (double)(one < other ? one : other);
    double jaro = (common / (double)a.length + common / (double)b.length + 1.0) / 3.0;
    double needed = (least - 0.4) / 0.6; /* four letters at the beginning make up for the rest */
    return common > 0.0 && jaro >= (needed > 0.7 ? needed : 0.7) - 1e-9;
}

/* Jaro and Winkler's, or 0 where that is surely less than `least`, which is 0.7 at least. */
static double similarity(struct bytes a, struct bytes b, double least)
{
    struct match_text x, y;
    if (!may_be_similar(a, b, least))
        return 0.0;
    match_text_of(&x, a);
    match_text_of(&y, b);
    return match_jaro_winkler(&x, &y);
}

static size_t edits(struct bytes a, struct bytes b, size_t most)
{
    struct match_text x, y;
    match_text_of(&x, a);
    match_text_of(&y, b);
    return match_edits(&x, &y, most);
}

static bool sounds_alike(struct bytes a, struct bytes b)
{
    char x[MATCH_VALUE_BYTES_MAX], y[MATCH_VALUE_BYTES_MAX];
    size_t length = match_sound(a, x, sizeof x);
    return length > 1 && length == match_sound(b, y, sizeof y) && memcmp(x, y, length) == 0;
}

static bool is_initial(struct bytes a, struct bytes b)
{
    return (a.length == 1 || b.length == 1) && a.data[0] == b.data[0];
}

bool match_words_agree(struct bytes a, struct bytes b)
{
    return bytes_equal(a, b) || is_initial(a, b) ||
           (a.length > 2 && b.length > 2 && similarity(a, b, SIMILAR_SIMILARITY) >= SIMILAR_SIMILARITY) ||
           match_is_short_form(a, b);
}

/* True if every word of the one with fewer stands in the other too. */
static bool has_words(struct bytes a, struct bytes b)
{
    struct bytes x[MATCH_WORDS_MAX], y[MATCH_WORDS_MAX];
    size_t x_count = match_words(a, x), y_count = match_words(b, y), found = 0;
    size_t fewer = x_count < y_count ? x_count : y_count;
    if (x_count == y_count && x_count < 2)
        return false;
    for (size_t i = 0; i < x_count; i++)
        for (size_t j = 0; j < y_count; j++)
            if (bytes_equal(x[i], y[j])) {
                found++;
                y[j].length = 0; /* taken */
                break;
            }
    return found == fewer;
}

/* What is alike at all and sounds the same; the code alone takes "james" for "john". */
static bool sounds_similar(struct bytes a, struct bytes b, double alike)
{
    return alike >= LOOSE_SIMILARITY && sounds_alike(a, b);
}

static uint8_t given_level(struct bytes a, struct bytes b)
{
    if (bytes_equal(a, b))
        return GIVEN_EXACT;
    if (is_initial(a, b))
        return GIVEN_SIMILAR;
    double alike = similarity(a, b, LOOSE_SIMILARITY);
    if (alike >= CLOSE_SIMILARITY)
        return GIVEN_CLOSE;
    if (alike >= SIMILAR_SIMILARITY || has_words(a, b) || sounds_similar(a, b, alike) ||
        match_is_short_form(a, b))
        return GIVEN_SIMILAR;
    return alike >= LOOSE_SIMILARITY ? GIVEN_LOOSE : GIVEN_ELSE;
}

static uint8_t surname_level(struct bytes a, struct bytes b)
{
    if (bytes_equal(a, b))
        return SURNAME_EXACT;
    double alike = similarity(a, b, LOOSE_SIMILARITY);
    if (alike >= CLOSE_SIMILARITY)
        return SURNAME_CLOSE;
    if (alike >= SIMILAR_SIMILARITY || is_initial(a, b) || has_words(a, b) || sounds_similar(a, b, alike))
        return SURNAME_SIMILAR;
    return alike >= LOOSE_SIMILARITY ? SURNAME_LOOSE : SURNAME_ELSE;
}

uint8_t match_full_level(struct bytes a, struct bytes b)
{
    if (bytes_compare(a, b) > 0) { /* whose words choose first can show in how many agree */
        struct bytes other = a;
        a = b, b = other;
    }
    struct bytes x[MATCH_WORDS_MAX], y[MATCH_WORDS_MAX];
    size_t x_count = match_words(a, x), y_count = match_words(b, y), agree = 0;
    if (bytes_equal(a, b))
        return FULL_EXACT;
    if (x_count == y_count && has_words(a, b))
        return FULL_SAME_WORDS;
    /* The words that are the same find each other first, then those that are nearly. */
    for (int nearly = 0; nearly < 2; nearly++)
        for (size_t i = 0; i < x_count; i++)
            for (size_t j = 0; x[i].length > 0 && j < y_count; j++)
                if (y[j].length > 0 && (nearly ? match_words_agree(x[i], y[j]) : bytes_equal(x[i], y[j]))) {
                    agree++;
                    x[i].length = y[j].length = 0;
                }
    if (agree >= 2 && agree == (x_count < y_count ? x_count : y_count))
        return FULL_CONTAINED;
    if (agree >= 2 || similarity(a, b, CLOSE_SIMILARITY) >= CLOSE_SIMILARITY)
        return FULL_MOST;
    return agree == 1 ? FULL_SOME : FULL_ELSE;
}

static struct bytes mailbox_of(struct bytes email)
{
    const uint8_t *at = memchr(email.data, '@', email.length);
    return at ? bytes_of(email.data, (size_t)(at - email.data)) : email;
}

static size_t text_class_copy(struct bytes text, bool digits, uint8_t to[MATCH_VALUE_BYTES_MAX])
{
    size_t length = 0;
    for (size_t i = 0; i < text.length; i++) {
        bool is_digit = text.data[i] >= '0' && text.data[i] <= '9';
        bool is_mark = text.data[i] == '.' || text.data[i] == '-' || text.data[i] == '_';
        if (!is_mark && is_digit == digits)
            to[length++] = text.data[i];
    }
    return length;
}

/* By the number people of one name tell their mailboxes apart. */
static bool numbers_differ(struct bytes a, struct bytes b)
{
    uint8_t x[MATCH_VALUE_BYTES_MAX], y[MATCH_VALUE_BYTES_MAX];
    size_t x_length = text_class_copy(a, true, x), y_length = text_class_copy(b, true, y);
    return !bytes_equal(bytes_of(x, x_length), bytes_of(y, y_length));
}

/* True if all that a mailbox says is a name that many have. */
static bool mailbox_is_word(struct bytes email, struct bytes word)
{
    uint8_t letters[MATCH_VALUE_BYTES_MAX];
    size_t length = text_class_copy(mailbox_of(email), false, letters);
    return word.length > 0 && bytes_equal(bytes_of(letters, length), word);
}

static uint8_t email_level(struct bytes a, struct bytes b)
{
    if (bytes_equal(a, b))
        return EMAIL_EXACT;
    struct bytes x = mailbox_of(a), y = mailbox_of(b);
    if (bytes_equal(x, y))
        return EMAIL_LOCAL;
    if (!numbers_differ(x, y) && similarity(a, b, CLOSE_SIMILARITY) >= CLOSE_SIMILARITY)
        return EMAIL_CLOSE;
    return similarity(x, y, SIMILAR_SIMILARITY) >= SIMILAR_SIMILARITY ? EMAIL_SIMILAR : EMAIL_ELSE;
}

static uint8_t phone_level(struct bytes a, struct bytes b)
{
    enum { LOCAL_DIGITS = 7 };
    if (bytes_equal(a, b))
        return PHONE_EXACT;
    bool same_end =
        a.length >= LOCAL_DIGITS && b.length >= LOCAL_DIGITS &&
        memcmp(a.data + a.length - LOCAL_DIGITS, b.data + b.length - LOCAL_DIGITS, LOCAL_DIGITS) == 0;
    return same_end || edits(a, b, 1) <= 1 ? PHONE_SLIP : PHONE_ELSE;
}

/* How many characters of a code name the area, and the district: of "sw1a1aa" the letters and all but the last three;
 * of digits the first two and three. */
static void postcode_cut(struct bytes code, size_t *area, size_t *district)
{
    size_t letters = 0;
    while (letters < code.length && (code.data[letters] < '0' || code.data[letters] > '9'))
        letters++;
    *area = letters > 0 ? letters : code.length < 2 ? code.length : 2;
    *district = letters == 0      ? (code.length < 3 ? code.length : 3)
                : code.length > 4 ? code.length - 3
                                  : code.length;
}

static uint8_t postcode_level(struct bytes a, struct bytes b)
{
    size_t area_a, area_b, district_a, district_b;
    if (bytes_equal(a, b))
        return POSTCODE_EXACT;
    if (edits(a, b, 1) <= 1)
        return POSTCODE_SLIP;
    postcode_cut(a, &area_a, &district_a);
    postcode_cut(b, &area_b, &district_b);
    if (bytes_equal(bytes_of(a.data, district_a), bytes_of(b.data, district_b)))
        return POSTCODE_DISTRICT;
    return bytes_equal(bytes_of(a.data, area_a), bytes_of(b.data, area_b)) ? POSTCODE_AREA : POSTCODE_ELSE;
}

static uint8_t street_level(struct bytes a, struct bytes b)
{
    if (bytes_equal(a, b))
        return STREET_EXACT;
    if (has_words(a, b))
        return STREET_WORDS;
    double alike = similarity(a, b, ROUGH_SIMILARITY);
    return alike >= CLOSE_SIMILARITY   ? STREET_CLOSE
           : alike >= ROUGH_SIMILARITY ? STREET_SIMILAR
                                       : STREET_ELSE;
}

static uint8_t text_level(struct bytes a, struct bytes b)
{
    if (bytes_equal(a, b))
        return TEXT_EXACT;
    double alike = similarity(a, b, ROUGH_SIMILARITY);
    if (alike >= CLOSE_SIMILARITY)
        return TEXT_CLOSE;
    return alike >= ROUGH_SIMILARITY || has_words(a, b) ? TEXT_SIMILAR : TEXT_ELSE;
}

static uint8_t house_level(struct bytes a, struct bytes b)
{
    if (bytes_equal(a, b))
        return HOUSE_EXACT;
    return a.length > 1 && b.length > 1 && edits(a, b, 1) <= 1 ? HOUSE_SLIP : HOUSE_ELSE;
}

static uint8_t value_level(enum match_kind kind, struct bytes a, struct bytes b)
{
    switch (kind) {
    case MATCH_GIVEN_NAME:
        return given_level(a, b);
    case MATCH_SURNAME:
        return surname_level(a, b);
    case MATCH_FULL_NAME:
        return match_full_level(a, b);
    case MATCH_BIRTH_DATE:
        return match_date_level(a, b);
    case MATCH_EMAIL:
        return email_level(a, b);
    case MATCH_PHONE:
        return phone_level(a, b);
    case MATCH_POSTCODE:
        return postcode_level(a, b);
    case MATCH_STREET:
        return street_level(a, b);
    case MATCH_HOUSE_NUMBER:
        return house_level(a, b);
    case MATCH_NATIONAL_ID:
        return bytes_equal(a, b) ? ID_EXACT : (uint8_t)edits(a, b, 2);
    case MATCH_CATEGORY:
        return bytes_equal(a, b) ? CATEGORY_EXACT : CATEGORY_ELSE;
    case MATCH_PLACE:
    case MATCH_TEXT:
        return text_level(a, b);
    case MATCH_KIND_COUNT:
        break;
    }
    IMPOSSIBLE("a column is of one of the kinds");
}

/* True if given name and surname have changed places: as they stand neither agrees, crossed both do. */
static bool names_swapped(const struct bytes *a, const struct bytes *b, size_t given, size_t surname)
{
    struct bytes one = a[given], two = a[surname], other_one = b[given], other_two = b[surname];
    if (one.length < 2 || two.length < 2 || other_one.length < 2 || other_two.length < 2 ||
        bytes_equal(one, other_one) || bytes_equal(two, other_two))
        return false;
    if (bytes_equal(one, other_two) && bytes_equal(two, other_one))
        return true;
    return similarity(one, other_two, CLOSE_SIMILARITY) >= CLOSE_SIMILARITY &&
           similarity(two, other_one, CLOSE_SIMILARITY) >= CLOSE_SIMILARITY;
}

/* True if the parts of the names are known in both: the whole then says nothing more. */
static bool has_name_parts(const struct match_plan *plan, const struct bytes *a, const struct bytes *b)
{
    bool parts = false;
    for (size_t i = 0; i < plan->comparison_count; i++) {
        const struct match_comparison *comparison = &plan->comparisons[i];
        if (comparison->kind != MATCH_GIVEN_NAME || comparison->partner < 0)
            continue;
        parts = a[i].length > 0 && b[i].length > 0 && a[comparison->partner].length > 0 &&
                b[comparison->partner].length > 0;
    }
    return parts;
}

/* Of mailboxes that are not the same and say a given name or a surname alone next to nothing follows. */
static uint8_t email_weaken(
    const struct match_plan *plan, const struct bytes *a, const struct bytes *b, size_t email, uint8_t level)
{
    if (level == EMAIL_EXACT || level >= EMAIL_SIMILAR)
        return level;
    for (size_t i = 0; i < plan->comparison_count; i++) {
        enum match_kind kind = plan->comparisons[i].kind;
        if ((kind == MATCH_GIVEN_NAME || kind == MATCH_SURNAME) &&
            (mailbox_is_word(a[email], a[i]) || mailbox_is_word(b[email], b[i])))
            return EMAIL_SIMILAR;
    }
    return level;
}

void match_compare(const struct match_plan *plan, const struct match_record *a, const struct match_record *b,
    uint8_t levels[MATCH_COMPARISONS_MAX])
{
    int swapped_surname = -1;
    for (size_t i = 0; i < plan->comparison_count; i++) {
        const struct match_comparison *comparison = &plan->comparisons[i];
        struct bytes x = a->values[i], y = b->values[i];
        if (x.length == 0 || y.length == 0) {
            levels[i] = MATCH_UNKNOWN;
        } else if (comparison->kind == MATCH_GIVEN_NAME && comparison->partner >= 0 &&
                   names_swapped(a->values, b->values, i, (size_t)comparison->partner)) {
            levels[i] = GIVEN_SWAPPED;
            swapped_surname = comparison->partner;
        } else if (comparison->kind == MATCH_FULL_NAME && has_name_parts(plan, a->values, b->values)) {
            levels[i] = MATCH_UNKNOWN;
        } else {
            levels[i] = value_level(comparison->kind, x, y);
            if (comparison->kind == MATCH_EMAIL)
                levels[i] = email_weaken(plan, a->values, b->values, i, levels[i]);
        }
    }
    if (swapped_surname >= 0)
        levels[swapped_surname] = MATCH_UNKNOWN;
}
