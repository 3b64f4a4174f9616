/* What a file says about identity and matching: which values, and every mistake with its words and place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/definitions/pattern.h"
#include "tests/unit/definitions_fixture.h"

#define TYPES                                                                                                \
    "identifiers:\n"                                                                                         \
    "  customer_id: {unique: true, keep: true}\n"                                                            \
    "  email: {max: 5, per: 365d, normalize: email, never_link: [A@b], never_link_matching: ['^test[0-9]*@', "   \
    "'^[0-]*$']}\n"                                                                                          \
    "  device: {max: 20, weak: true, link: true, unique: false}\n"                                           \
    "  ip: {link: false}\n"
#define HAPPENINGS                                                                                           \
    "events:\n"                                                                                              \
    "  order: {amount: money, channel: string, gift: bool}\n"                                                \
    "  profile: {first_name: string, surname: string, dob: string, city: string, postcode: integer, "       \
    "score: number}\n"
#define FEATURES                                                                                             \
    "features:\n"                                                                                            \
    "  revenue: {of: order, sum: amount}\n"                                                                  \
    "  revenue_90d: {of: order, sum: amount, window: 90d}\n"                                                 \
    "  first_channel: {of: order, first: channel}\n"                                                         \
    "  rfm: {of: order, rfm: amount}\n"                                                                      \
    "  profiles: {of: profile, count: true}\n"                                                               \
    "derived:\n"                                                                                             \
    "  worth: revenue * 2\n"                                                                                 \
    "  recent: worth + revenue_90d\n"
#define BASE "identifiers: {id: }\n" HAPPENINGS FEATURES

static const struct identifier_type *type_of(const struct definitions *definitions, const char *name)
{
    const struct identifier_type *type = definitions_identifier_type(definitions, text_of(name));
    assert_non_null(type);
    return type;
}

static void assert_refused_after(const struct definitions *previous, const char *text, const char *words)
{
    const struct definitions *definitions;
    struct error error;
    if (definitions_parse(text_of(text), previous, 2, false, &definitions, &error) == PATRON_OK)
        fail_msg("this was taken:\n%s", text);
    assert_string_equal(error.text, words);
}

static void assert_refused(const char *text, const char *words)
{
    assert_refused_after(NULL, text, words);
}

/* --- identifiers -------------------------------------------------------------------------------------------------- */

static void types_have_the_rules_that_they_are_given(void **state)
{
    (void)state;
    const struct definitions *definitions = parsed(TYPES HAPPENINGS);
    const struct identifier_type *id = type_of(definitions, "customer_id"), *email = type_of(definitions, "email"),
                                 *device = type_of(definitions, "device"), *ip = type_of(definitions, "ip");
    assert_true(id->unique && id->keep && !id->weak && !id->never_links);
    assert_int_equal(id->max, 0);
    assert_int_equal(email->max, 5);
    assert_int_equal(email->max_per_us, 365 * MICROSECONDS_PER_DAY);
    assert_false(email->unique || email->keep || email->weak || email->never_links);
    assert_int_equal(email->never_link_pattern_count, 2);
    assert_bytes(pattern_text(email->never_link_patterns[0]), "^test[0-9]*@");
    assert_bytes(pattern_text(email->never_link_patterns[1]), "^[0-]*$");
    assert_true(device->weak && !device->unique && !device->never_links);
    assert_int_equal(device->max_per_us, 0);
    assert_true(ip->never_links);
    definitions_release(definitions);
}

static void values_never_link_by_type_by_list_or_by_pattern(void **state)
{
    (void)state;
    const struct definitions *definitions = parsed(TYPES HAPPENINGS);
    const struct identifier_type *email = type_of(definitions, "email");
    assert_true(identifier_never_links(email, text_of("a@b")));
    assert_true(identifier_never_links(email, text_of("test@x.org")));
    assert_true(identifier_never_links(email, text_of("test12@x.org")));
    assert_true(identifier_never_links(email, text_of("00-00")));
    assert_false(identifier_never_links(email, text_of("00-00\n")));
    assert_false(identifier_never_links(email, text_of("atest@x.org")));
    assert_false(identifier_never_links(email, text_of("test1x@x.org")));
    assert_true(identifier_never_links(type_of(definitions, "ip"), text_of("10.0.0.1")));
    assert_false(identifier_never_links(type_of(definitions, "device"), text_of("a@b")));
    definitions_release(definitions);
}

static void each_mistake_in_the_rules_of_types_is_told(void **state)
{
    (void)state;
#define REFUSED(rules, words) assert_refused("identifiers: {a: , b: " rules "}\n" HAPPENINGS, "line 1, " words)
    REFUSED("{unique: true, max: 3}", "column 38: max makes no sense with unique: true, for a customer has one such "
                                      "identifier at most: leave it out");
    REFUSED("{unique: true, max: 3, per: 1d}",
        "column 38: max makes no sense with unique: true, for a customer has one such identifier at most: leave "
        "it out\n"
        "line 1, column 46: per makes no sense with unique: true, for a customer has one such identifier at most: "
        "leave it out");
    REFUSED("{per: 30d}", "column 24: per says how long max counts for: give max as well");
    REFUSED("{max: 3, per: 30}", "column 37: per must be a whole number and a unit: 30m, 12h, 90d, 4w");
    REFUSED("{max: 3, per: 3661d}", "column 37: per must be from 1m to 3660d");
    REFUSED("{unique: yes}", "column 32: unique must be true or false");
    REFUSED("{link: 'false'}", "column 30: link must be true or false");
    REFUSED("{weak: }", "column 30: weak must be true or false");
    REFUSED("{link: false, keep: true}", "column 37: keep makes no sense with link: false, for no customer has such an "
                                         "identifier: leave it out");
    REFUSED("{link: false, never_link_matching: [x]}",
        "column 37: never_link_matching makes no sense with link: false, for no customer has such an identifier: leave "
        "it out");
    REFUSED("{never_link_matching: x}", "column 45: never_link_matching must be a list, such as [a, b]");
    REFUSED("{never_link_matching: [[x]]}",
        "column 46: never_link_matching must be a list of regular expressions");
    REFUSED("{never_link_matching: [a, '(b']}",
        "column 49: pattern '(b': missing closing parenthesis, after 2 bytes of it");
    REFUSED("{never_link_matching: [a, b, a]}", "column 52: pattern 'a' is given twice: keep one");
    REFUSED("{never_link_matching: ['']}",
        "column 46: pattern '': is empty, and would match every value: leave it out");
    REFUSED("{never_link_matching: ['\\C']}",
        "column 46: pattern '\\C': using \\C is disabled by the application, after 2 bytes of it");
    REFUSED("{never_link_matching: ['((ab|cd){100}){50}']}",
        "column 46: pattern '((ab|cd){100}){50}': regular expression is too large, after 18 bytes of it");
    REFUSED("{never_link_matching: ['((ab|cd){100}){3}']}",
        "column 46: pattern '((ab|cd){100}){3}': is too large once compiled: it repeats too much, write "
        "several");
    REFUSED("{never_link_matching: [a, '(?R)']}",
        "column 49: pattern '(?R)': gives up on a value as plain as '', and so would match every value: it recurses or "
        "repeats without end, write it without that");
#undef REFUSED
    assert_refused("identifiers: {ip: {link: false}, agent: {link: false}}\n" HAPPENINGS,
        "line 1, column 1: no identifier may link: every type has link: false, and no event would have a customer");
}

static void patterns_are_limited_in_number_and_length(void **state)
{
    (void)state;
    struct encoder text = {0};
    const char head[] = "identifiers: {a: {never_link_matching: [", tail[] = "]}}\n" HAPPENINGS;
    encode_raw(&text, head, sizeof head - 1);
    for (int i = 0; i <= NEVER_LINK_PATTERNS_MAX; i++) {
        char one[16];
        encode_raw(&text, one, (size_t)snprintf(one, sizeof one, "%sx%d", i ? ", " : "", i));
    }
    encode_raw(&text, tail, sizeof tail);
    assert_refused((const char *)text.data,
        "line 1, column 40: never_link_matching has too many entries: 101 (at most 100)");
    encoder_reset(&text);
    encode_raw(&text, head, sizeof head - 1);
    for (int i = 0; i <= PATTERN_BYTES_MAX; i++)
        encode_raw(&text, "x", 1);
    encode_raw(&text, tail, sizeof tail);
    assert_refused((const char *)text.data, "line 1, column 41: pattern "
                                           "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...': "
                                            "is too long: 501 bytes (at most 500)");
    encoder_clear(&text);
}

/* --- what a pattern may cost -------------------------------------------------------------------------------------- */

static bool matches(const char *text, struct bytes value)
{
    struct arena arena = {0};
    struct error error;
    const struct pattern *pattern;
    if (pattern_compile(text_of(text), &arena, &pattern, &error) != PATRON_OK)
        fail_msg("%s: %s", text, error.text);
    bool found = pattern_any_matches(&pattern, 1, value);
    arena_clear(&arena);
    return found;
}

static void patterns_are_of_unicode_text(void **state)
{
    (void)state;
    assert_true(matches("^.$", text_of("\xc3\xa9")));
    assert_true(matches("^\\w+$", text_of("\xc3\xa9t\xc3\xa9")));
    assert_true(matches("(?i)^\xc3\x89", text_of("\xc3\xa9t\xc3\xa9")));
    assert_true(matches("^(.)\\1*$", text_of("0000000")));
    assert_false(matches("^(.)\\1*$", text_of("0000001")));
    assert_true(matches("x", text_of("\xff"))); /* it is no text: the safe side */
    assert_true(matches("^$", (struct bytes){0}));
    assert_false(matches("x", (struct bytes){0}));
}

/* Each of these takes longer than anybody would wait for, unless it is stopped. */
static void a_value_that_costs_too_much_counts_as_matching(void **state)
{
    (void)state;
    char value[IDENTIFIER_VALUE_BYTES_MAX];
    memset(value, 'a', sizeof value);
    value[sizeof value - 1] = '!';
    struct bytes longest = bytes_of(value, sizeof value);
    assert_true(matches("^(a+)+$", longest));
    assert_true(matches("^(a|a)*$", longest));
    assert_true(matches("^(?:(?=\\w{900}0)|a)*[b!]$|(\\w+)+$", longest));
    assert_true(matches("a*a*a*a*[0-9]", longest));
    /* The usual kinds are far from it, even then. */
    assert_false(matches("^test[0-9]*@", longest));
    assert_false(matches("^[a-z]{6,}$", longest));
    assert_false(matches("^[^@]*@example\\.(com|org)$", longest));
    assert_false(matches("^(a|b)*$", longest));
}

static void compile_refused(const char *text, const char *plain)
{
    struct arena arena = {0};
    struct error error;
    const struct pattern *pattern;
    char words[64];
    snprintf(words, sizeof words, "gives up on a value as plain as '%s', ", plain);
    assert_int_equal(pattern_compile(text_of(text), &arena, &pattern, &error), PATRON_INVALID);
    if (strncmp(error.text, words, strlen(words)) != 0)
        fail_msg("%s: %s", text, error.text);
    arena_clear(&arena);
}

/* It would count as matching all values, and nobody of its type would be linked any more. */
static void a_pattern_that_gives_up_on_plain_values_is_refused(void **state)
{
    (void)state;
    compile_refused("(?R)", "");
    compile_refused("x|(?R)", "");
    compile_refused("[a-z](?R)?|(?R)x", "a");
    compile_refused("^[0-9](?:(.?|.?.?|.?.?.?){40}[xy])", "1042");
    compile_refused("^(?:(?:\\w|[a-z])*@?\\.?)*[!?]$", "ada@example.org");
    /* These recurse, or repeat what repeats, and are answered. */
    assert_true(matches("^(\\((?:[^()]|(?1))*\\))$", text_of("(a(b)c)")));
    assert_false(matches("^(\\((?:[^()]|(?1))*\\))$", text_of("(a(b)c")));
    assert_false(matches("^(a+)+$", text_of("aaab")));
}

static void what_is_tried_together_has_the_steps_of_one(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct error error;
    const struct pattern *patterns[NEVER_LINK_PATTERNS_MAX];
    char value[IDENTIFIER_VALUE_BYTES_MAX];
    memset(value, 'a', sizeof value);
    value[sizeof value - 1] = value[63] = '!';
    for (size_t i = 0; i < NEVER_LINK_PATTERNS_MAX; i++) /* a hundredth and more of the steps each */
        assert_int_equal(pattern_compile(text_of("^(a|b)*$"), &arena, &patterns[i], &error), PATRON_OK);
    struct bytes longest = bytes_of(value, sizeof value), shorter = bytes_of(value, 64);
    assert_false(pattern_any_matches(patterns, 1, longest));
    assert_true(pattern_any_matches(patterns, NEVER_LINK_PATTERNS_MAX, longest));
    assert_false(pattern_any_matches(patterns, NEVER_LINK_PATTERNS_MAX, shorter));
    assert_false(pattern_any_matches(patterns, 0, longest));
    arena_clear(&arena);
}

/* --- identity ----------------------------------------------------------------------------------------------------- */

static void identity_has_what_it_is_given_and_else_its_defaults(void **state)
{
    (void)state;
    const struct definitions *definitions =
        parsed(BASE "identity: {max_size: 150, review_size: 100, review_bridge: 3, value: worth, review_either: 5000, "
                    "review_both: 1000.5, second_person: 20000, review_expires: 12h}\n");
    const struct identity_rules *rules = &definitions->identity;
    assert_int_equal(rules->size_max, 150);
    assert_int_equal(rules->size_review, 100);
    assert_int_equal(rules->bridge_established, 3);
    assert_bytes(definitions->features[rules->value_feature].name, "worth");
    assert_true(rules->has_review_either && rules->has_review_both && rules->has_second_person);
    assert_true(rules->review_either == 5000 && rules->review_both == 1000.5 && rules->second_person == 20000);
    assert_int_equal(rules->review_expires_us, 12 * MICROSECONDS_PER_HOUR);
    definitions_release(definitions);
    static const char *const without[] = {BASE, BASE "identity:\n", BASE "identity: {}\n"};
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        definitions = parsed(without[i]);
        rules = &definitions->identity;
        assert_int_equal(rules->size_max, CUSTOMER_NODES_MAX);
        assert_int_equal(rules->size_review, 0);
        assert_int_equal(rules->bridge_established, 0);
        assert_int_equal(rules->value_feature, -1);
        assert_false(rules->has_review_either || rules->has_review_both || rules->has_second_person);
        assert_int_equal(rules->review_expires_us, 30 * MICROSECONDS_PER_DAY);
        definitions_release(definitions);
    }
    definitions = parsed(BASE "identity: {value: rfm.monetary}\n");
    assert_bytes(definitions->features[definitions->identity.value_feature].name, "rfm.monetary");
    definitions_release(definitions);
}

static void each_mistake_in_identity_is_told(void **state)
{
    (void)state;
#define REFUSED(rules, words) assert_refused(BASE "identity: " rules "\n", "line 14, " words)
    REFUSED("[a]", "column 11: identity must be a map, such as {name: value}");
    REFUSED("{size: 3}", "column 12: unknown key 'size'; there are max_size, review_size, review_bridge, value, "
                         "review_either and 3 more");
    REFUSED("{max_size: 0}", "column 22: max_size must be a whole number from 1 to 200");
    REFUSED("{review_size: 200}", "column 25: review_size must be a whole number from 1 to 199");
    REFUSED("{max_size: 100, review_size: 100}",
        "column 40: review_size must be below max_size (100): what would be larger is refused, and waits for nobody");
    REFUSED("{review_bridge: many}", "column 27: review_bridge must be a whole number from 1 to 200");
    REFUSED("{review_expires: 30m}", "column 28: review_expires must be from 60m to 3660d");
    REFUSED("{value: revenu}", "column 19: unknown feature 'revenu': did you mean 'revenue'?");
    REFUSED("{value: }", "column 19: value must be the name of a feature");
    REFUSED("{value: rfm}",
        "column 19: value must be one feature, and 'rfm' is a family: name a member, such as 'rfm.frequency'");
    REFUSED("{value: first_channel}", "column 19: value must be a number or money, and 'first_channel' is string");
    REFUSED("{value: revenue_90d}",
        "column 19: value must be over the lifetime, and 'revenue_90d' has a window of 90d");
    REFUSED("{value: recent}", "column 19: value must be over the lifetime, and 'recent' is worked out from "
                               "'revenue_90d', which has a window of 90d");
    REFUSED("{review_either: 5}",
        "column 12: review_either goes by what customers are worth: give 'value', the feature that says it");
    REFUSED("{value: worth, review_both: -5}", "column 39: review_both must be a number, 0 or more, without quotes");
    REFUSED("{value: worth, review_both: '5'}", "column 39: review_both must be a number, 0 or more, without quotes");
    REFUSED("{value: worth, review_both: nan}", "column 39: review_both must be a number, 0 or more, without quotes");
    REFUSED("{value: worth, second_person: 5}", "column 26: second_person is about what waits for a first one: give "
                                                "review_either or review_both as well");
    REFUSED("{value: worth, second_person: 5, review_either: 6}",
        "column 41: second_person is below what waits for a first one: make it at least review_either or review_both");
    REFUSED("{value: worth, second_person: 5, review_either: 6, review_both: 5.5}",
        "column 41: second_person is below what waits for a first one: make it at least review_either or review_both");
#undef REFUSED
    definitions_release(parsed(BASE "identity: {value: worth, second_person: 5, review_either: 6, review_both: 5}\n"));
}

static void who_names_a_value_is_not_blamed_for_the_features_mistakes(void **state)
{
    (void)state;
    assert_refused("identifiers: {id: }\n" HAPPENINGS
                   "features: {x: {of: order, sum: amout, window: 7d}}\nidentity: {value: x}\n",
        "line 5, column 32: unknown attribute of 'order': 'amout': did you mean 'amount'?");
}

/* --- matching ----------------------------------------------------------------------------------------------------- */

#define MATCHING                                                                                             \
    "matching:\n"                                                                                            \
    "  of: profile\n"                                                                                        \
    "  columns: {first_name: given_name, surname: {is: surname}, dob: birth_date, postcode: postcode, "       \
    "city: {is: place, frequencies: false}}\n"

static void matching_has_what_it_is_given(void **state)
{
    (void)state;
    const struct definitions *definitions = parsed(BASE MATCHING
        "  blocks: [[surname, dob], [{column: surname, prefix: 3}, postcode], [{column: surname, sound: true}, dob]]\n"
        "  link: 0.95\n  review: 0.7\n  block_records: 50\n");
    const struct matching_rules *rules = definitions->matching;
    const struct event_type *profile = definitions_event_type(definitions, text_of("profile"));
    assert_int_equal(rules->event, profile->number);
    assert_true(profile->sealed);
    assert_false(definitions_event_type(definitions, text_of("order"))->sealed);
    assert_int_equal(rules->column_count, 5);
    static const struct match_column columns[] = {{0, MATCH_GIVEN_NAME, true}, {1, MATCH_SURNAME, true},
        {2, MATCH_BIRTH_DATE, true}, {4, MATCH_POSTCODE, true}, {3, MATCH_PLACE, false}};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(rules->columns[i].attribute, columns[i].attribute);
        assert_int_equal(rules->columns[i].kind, columns[i].kind);
        assert_int_equal(rules->columns[i].frequencies, columns[i].frequencies);
    }
    assert_int_equal(rules->block_count, 3);
    static const struct match_part parts[3][2] = {{{1, MATCH_PART_WHOLE, 0}, {2, MATCH_PART_WHOLE, 0}},
        {{1, MATCH_PART_PREFIX, 3}, {3, MATCH_PART_WHOLE, 0}}, {{1, MATCH_PART_SOUND, 0}, {2, MATCH_PART_WHOLE, 0}}};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rules->blocks[i].part_count, 2);
        for (size_t j = 0; j < 2; j++) {
            assert_int_equal(rules->blocks[i].parts[j].column, parts[i][j].column);
            assert_int_equal(rules->blocks[i].parts[j].form, parts[i][j].form);
            assert_int_equal(rules->blocks[i].parts[j].length, parts[i][j].length);
        }
    }
    assert_true(rules->link_probability == 0.95 && rules->review_probability == 0.7);
    assert_int_equal(rules->block_records_max, 50);
    definitions_release(definitions);
}

static void matching_needs_no_more_than_an_event_and_columns(void **state)
{
    (void)state;
    const struct definitions *definitions = parsed(BASE MATCHING);
    const struct matching_rules *rules = definitions->matching;
    assert_int_equal(rules->block_count, 0);
    assert_true(rules->link_probability == MATCH_LINK_PROBABILITY);
    assert_true(rules->review_probability == MATCH_REVIEW_PROBABILITY);
    assert_int_equal(rules->block_records_max, MATCH_BLOCK_RECORDS);
    definitions_release(definitions);
    definitions = parsed(BASE);
    assert_null(definitions->matching);
    definitions_release(definitions);
}

static void each_mistake_in_matching_is_told(void **state)
{
    (void)state;
#define REFUSED(rules, words) assert_refused(BASE "matching: {" rules "}\n", "line 14, " words)
#define COLUMNS "of: profile, columns: {surname: surname, dob: birth_date}, "
    REFUSED("columns: {surname: surname}",
        "column 1: matching does not say which event is a record of a person: give 'of'");
    REFUSED("of: profile", "column 1: matching does not say what is compared: give 'columns'");
    REFUSED("of: profil, columns: {a: text}", "column 16: unknown event 'profil': did you mean 'profile'?");
    REFUSED("of: [profile], columns: {a: text}", "column 16: of must be the name of an event");
    REFUSED("of: profile, columns: {}", "column 34: columns is empty: name the attributes that are compared");
    REFUSED("of: profile, columns: [surname]", "column 34: columns must be a map, such as {name: value}");
    REFUSED("of: profile, columns: {surnam: surname}",
        "column 35: unknown attribute of 'profile': 'surnam': did you mean 'surname'?");
    REFUSED("of: profile, columns: {surname: lastname}",
        "column 44: unknown kind of column 'lastname'; there are given_name, surname, full_name, birth_date, email and "
        "8 more");
    REFUSED("of: profile, columns: {score: text}",
        "column 35: a column takes string or integer, and 'score' is number");
    REFUSED("of: profile, columns: {surname: {frequencies: true}}",
        "column 35: column 'surname' does not say what it holds: give 'is'");
    REFUSED("of: profile, columns: {surname: {is: surname, frequencies: rare}}",
        "column 71: frequencies must be true or false");
    REFUSED(COLUMNS "blocks: []", "column 79: blocks is empty: leave it out, and they are made from the columns");
    REFUSED(COLUMNS "blocks: [surname]", "column 80: a block must be a list, such as [a, b]");
    REFUSED(COLUMNS "blocks: [[]]",
        "column 80: a block names no column: say on what records must agree to be compared");
    REFUSED(COLUMNS "blocks: [[surnam]]", "column 81: unknown column 'surnam': did you mean 'surname'?");
    REFUSED(COLUMNS "blocks: [[first_name]]", "column 81: unknown column 'first_name'; there are surname and dob");
    REFUSED(COLUMNS "blocks: [[[surname]]]",
        "column 81: a part of a block must be the name of a column, or such as {column: name, prefix: 3}");
    REFUSED(COLUMNS "blocks: [[{prefix: 3}]]",
        "column 81: a part of a block does not say of which column: give 'column'");
    REFUSED(COLUMNS "blocks: [[{column: dob, prefix: 0}]]", "column 103: prefix must be a whole number from 1 to 64");
    REFUSED(COLUMNS "blocks: [[{column: dob, prefix: 4, sound: true}]]",
        "column 106: a part of a block has both prefix and sound: keep one");
    REFUSED(COLUMNS "blocks: [[dob, dob]]", "column 86: a block names column 'dob' twice: keep one");
    REFUSED(COLUMNS "blocks: [[dob], [surname], [{column: dob}]]",
        "column 98: this block is given twice: keep one");
    REFUSED(COLUMNS "link: 1", "column 77: link must be a number over 0.5 and below 1, such as 0.9");
    REFUSED(COLUMNS "review: 0.5", "column 79: review must be a number over 0.5 and below 1, such as 0.9");
    REFUSED(COLUMNS "review: '0.7'", "column 79: review must be a number over 0.5 and below 1, such as 0.9");
    REFUSED(COLUMNS "link: 0.9, review: 0.9", "column 90: review must be below link: review is 0.9, link is 0.9");
    REFUSED(COLUMNS "link: 0.75",
        "column 77: review must be below link: review is 0.8 where it is not given, link is 0.75");
    REFUSED(COLUMNS "review: 0.995",
        "column 79: review must be below link: review is 0.995, link is 0.99 where it is not given");
    REFUSED(COLUMNS "block_records: 1", "column 86: block_records must be a whole number from 2 to 10000");
#undef REFUSED
}

static void sealed_attributes_are_for_matching_alone(void **state)
{
    (void)state;
#define SEALED                                                                                               \
    "the attributes of 'profile' are sealed, for matching reads them: its events can be counted, and "
#define WITH "identifiers: {id: }\n" HAPPENINGS MATCHING
    assert_refused(WITH "features: {x: {of: profile, last: city}}\n",
        "line 8, column 35: " SEALED "'city' belongs in an event of its own");
    assert_refused(WITH "features: {x: {of: profile, count: true, where: {score: 3}}}\n",
        "line 8, column 50: " SEALED "'score' belongs in an event of its own");
    assert_refused(WITH "features: {x: {of: profile, ratio: {city: A}}}\n",
        "line 8, column 37: " SEALED "'city' belongs in an event of its own");
    assert_refused(WITH "shared_costs: {order: {share: amount, by: profile, weight: postcode, period: day}}\n",
        "line 8, column 60: " SEALED "'postcode' belongs in an event of its own");
    definitions_release(parsed(WITH "features:\n"
                                    "  a: {of: profile, count: true}\n"
                                    "  b: {of: profile, age: last}\n"
                                    "  c: {of: profile, active_days: true}\n"
                                    "shared_costs: {order: {share: amount, by: profile, period: day}}\n"));
}

/* --- one version after another ------------------------------------------------------------------------------------ */

static void rules_may_come_change_and_go(void **state)
{
    (void)state;
    const struct definitions *first =
        parsed("identifiers: {id: {unique: true}, ip: , email: {keep: true}}\n" HAPPENINGS);
    const struct definitions *second =
        parsed_after("identifiers: {ip: {link: false}, id: {max: 2}, email: {never_link_matching: [x]}}\n" HAPPENINGS
            MATCHING, first);
    const struct definitions *third = parsed_after("identifiers: {id: , ip: , email: }\n" HAPPENINGS, second);
    assert_int_equal(type_of(second, "ip")->number, 1);
    assert_int_equal(type_of(third, "email")->number, 2);
    assert_false(type_of(second, "id")->unique);
    assert_null(third->matching);
    definitions_release(first);
    definitions_release(second);
    definitions_release(third);
}

static void what_was_sealed_once_stays_so(void **state)
{
    (void)state;
    const struct definitions *first = parsed("identifiers: {id: }\n" HAPPENINGS MATCHING);
    const struct definitions *second = parsed_after("identifiers: {id: }\n" HAPPENINGS, first);
    assert_true(definitions_event_type(second, text_of("profile"))->sealed);
    assert_refused_after(second, "identifiers: {id: }\n" HAPPENINGS "features: {x: {of: profile, last: city}}\n",
        "line 5, column 35: the attributes of 'profile' are sealed, for matching reads them in an earlier version: its "
        "events can be counted, and 'city' belongs in an event of its own");
    definitions_release(first);
    definitions_release(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_have_the_rules_that_they_are_given),
        cmocka_unit_test(values_never_link_by_type_by_list_or_by_pattern),
        cmocka_unit_test(each_mistake_in_the_rules_of_types_is_told),
        cmocka_unit_test(patterns_are_limited_in_number_and_length),
        cmocka_unit_test(patterns_are_of_unicode_text),
        cmocka_unit_test(a_pattern_that_gives_up_on_plain_values_is_refused),
        cmocka_unit_test(a_value_that_costs_too_much_counts_as_matching),
        cmocka_unit_test(what_is_tried_together_has_the_steps_of_one),
        cmocka_unit_test(identity_has_what_it_is_given_and_else_its_defaults),
        cmocka_unit_test(each_mistake_in_identity_is_told),
        cmocka_unit_test(who_names_a_value_is_not_blamed_for_the_features_mistakes),
        cmocka_unit_test(matching_has_what_it_is_given),
        cmocka_unit_test(matching_needs_no_more_than_an_event_and_columns),
        cmocka_unit_test(each_mistake_in_matching_is_told),
        cmocka_unit_test(sealed_attributes_are_for_matching_alone),
        cmocka_unit_test(rules_may_come_change_and_go),
        cmocka_unit_test(what_was_sealed_once_stays_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
