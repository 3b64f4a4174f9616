/* Every mistake that features and services can have, with the exact words and place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/definitions_fixture.h"

struct refusal {
    const char *text;
    const char *words;
};

/* Each text stands between `before` and `after`; each word line begins with "line 4, column ". */
static void assert_each_refused(
    const char *before, const char *after, const struct refusal *refusals, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[16000], words[ERROR_TEXT_MAX];
        size_t length = (size_t)snprintf(text, sizeof text, "%s%s%s", before, refusals[i].text, after);
        assert_true(length < sizeof text);
        snprintf(words, sizeof words, "line 4, column %s", refusals[i].words);
        const struct definitions *definitions;
        struct error error;
        if (definitions_parse(text_of(text), NULL, 1, false, &definitions, &error) != PATRON_INVALID)
            fail_msg("this was taken: %s", refusals[i].text);
        assert_null(definitions);
        assert_string_equal(error.text, words);
    }
}
#define ASSERT_EACH_REFUSED(before, after, refusals)                                                          \
    assert_each_refused(before, after, refusals, sizeof(refusals) / sizeof(refusals)[0])
#define FEATURE_BEFORE EVENTS "features:\n  f: {of: order, "
#define FEATURE_AFTER "}\n"

static void a_key_that_other_stores_use_is_answered_with_the_one_here(void **state)
{
    (void)state;
    static const struct refusal keys[] = {
        {"mean: amount, filter: {gift: true}", "32: unknown key 'filter': did you mean 'where'?"},
        {"mean: amount, windw: 90d", "32: unknown key 'windw': did you mean 'window'?"},
        {"mean: amount, ttl: 90d", "32: unknown key 'ttl': did you mean 'max_age'?"},
        {"mean: amount, group_by: id", "32: unknown key 'group_by': a feature is always one customer's: leave it out"},
        {"count: true, entity: id", "31: unknown key 'entity': a feature is always one customer's: leave it out"},
        {"count: true, where: {points: {in: [1, 2]}}",
            "48: unknown key 'in': write the list alone, such as [web, app]"},
        {"count: true, where: {points: {min: 1}}", "48: unknown key 'min': did you mean 'at_least'?"},
        {"count: true, where: {points: {not: 1}}",
            "48: unknown key 'not': a filter says which values pass: list them"},
        {"count: true, colour: red",
            "31: unknown key 'colour'; there are of, where, window, offset, unit and 26 more"},
    };
    ASSERT_EACH_REFUSED(FEATURE_BEFORE, FEATURE_AFTER, keys);
    static const char *const all = "' has no aggregation: give one of count, sum, mean, min, max, variance, stddev, "
                                   "first, last, distinct, top, ratio, decayed, age, gaps, active_days, streak, rfm\n"
                                   "line 4, column ";
    /* An aggregation mistyped is told once: not as missing as well. */
    static const char *const aggregations[][2] = {{"cuont", "count"}, {"avg", "mean"},
        {"std", "stddev"}, {"nunique", "distinct"},
        {"mode", "top"}, {"var", "variance"},
        {"ewma", "decayed"}};
    for (size_t i = 0; i < sizeof aggregations / sizeof aggregations[0]; i++) {
        char text[100], words[400];
        snprintf(text, sizeof text, "%s: amount", aggregations[i][0]);
        snprintf(words, sizeof words, "18: unknown key '%s': did you mean '%s'?", aggregations[i][0],
            aggregations[i][1]);
        const struct refusal refusal = {text, words};
        assert_each_refused(FEATURE_BEFORE, FEATURE_AFTER, &refusal, 1);
    }
    char words[400];
    snprintf(words, sizeof words, "3: 'f%s18: unknown key 'agg': write the aggregation as the key, such as sum: amount",
        all);
    const struct refusal aggregation = {"agg: sum", words};
    assert_each_refused(FEATURE_BEFORE, FEATURE_AFTER, &aggregation, 1);
    snprintf(words, sizeof words, "3: 'f%s18: unknown key 'widnow': did you mean 'window'?", all);
    const struct refusal window = {"widnow: 3d", words};
    assert_each_refused(FEATURE_BEFORE, FEATURE_AFTER, &window, 1);
}

static void each_mistake_in_an_aggregation_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"variance: gift", "28: variance takes money, number or integer, and 'gift' is bool"},
        {"stddev: channel", "26: stddev takes money, number or integer, and 'channel' is string"},
        {"stddev: ", "26: stddev must be the name of an attribute"},
        {"active_days: channel", "31: active_days takes no attribute: write active_days: true"},
        {"active_days: 'true'", "31: active_days takes no attribute: write active_days: true"},
        {"gaps: max", "24: unknown gaps 'max'; there are mean, stddev and last"},
        {"gaps: [mean]", "24: gaps must be one word"},
        {"streak: longst", "26: unknown streak 'longst': did you mean 'longest'?"},
        {"streak: ", "26: streak must be one word"},
        {"ratio: gift", "25: ratio must be a map, such as {name: value}"},
        {"ratio: {}", "25: ratio names no attribute: say which events are the part"},
        {"ratio: {gfit: true}", "26: unknown attribute of 'order': 'gfit': did you mean 'gift'?"},
        {"decayed: amount", "18: decayed needs half_life: after so long an event weighs half, such as half_life: 60d"},
        {"decayed: true", "18: decayed needs half_life: after so long an event weighs half, such as half_life: 60d"},
        {"decayed: channel, half_life: 60d",
            "27: decayed takes money, number, integer or bool, and 'channel' is string"},
        {"decayed: [amount], half_life: 60d",
            "27: decayed must be the name of an attribute, or true for the events themselves"},
        {"decayed: amount, half_life: 23h", "46: half_life must be from 1d to 3660d"},
        {"decayed: amount, half_life: 3661d", "46: half_life must be from 1d to 3660d"},
        {"decayed: amount, half_life: 60", "46: half_life must be a whole number and a unit: 30m, 12h, 90d, 4w"},
        {"sum: amount, half_life: 60d", "31: half_life goes with decayed only"},
        {"top: channel, k: 0", "35: k must be a whole number from 1 to 20"},
        {"top: channel, k: 21", "35: k must be a whole number from 1 to 20"},
        {"top: channel, k: '3'", "35: k must be a whole number from 1 to 20"},
        {"top: channel, k: 1e1", "35: k must be a whole number from 1 to 20"},
        {"top: channel, k: [3]", "35: k must be a whole number from 1 to 20"},
        {"top: channel, k: 99999999999999999999999", "35: k must be a whole number from 1 to 20"},
        {"top: channel, by: amuont", "36: unknown attribute of 'order': 'amuont': did you mean 'amount'?"},
        {"top: channel, by: gift", "36: by takes money, number or integer, and 'gift' is bool"},
        {"top: channel, by: [count]", "36: by must be count, or the name of the attribute whose sum ranks"},
        {"top: chanel, by: weight", "23: unknown attribute of 'order': 'chanel': did you mean 'channel'?"},
        {"first: channel, k: 3", "34: k goes with top only"},
        {"rfm: amount, by: weight, unit: day", "31: by goes with top only\nline 4, column 43: unit goes with age only"},
        {"rfm: gift", "23: rfm takes money, number or integer, and 'gift' is bool"},
        {"k: 3, unit: day, half_life: 1d", "3: 'f' has no aggregation: give one of count, sum, mean, min, max, "
                                           "variance, stddev, first, last, distinct, top, ratio, decayed, age, gaps, "
                                           "active_days, streak, rfm"},
        {"top: channel, rfm: amount", "32: 'f' has two aggregations, top and rfm: keep one"},
    };
    ASSERT_EACH_REFUSED(FEATURE_BEFORE, FEATURE_AFTER, refusals);
}

static void each_mistake_in_an_offset_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"offset: 90d", "31: offset goes with a window only: give window too"},
        {"window: 90d, offset: 0d", "52: offset must be from 1m to 3660d"},
        {"window: 90d, offset: 3661d", "52: offset must be from 1m to 3660d"},
        {"window: 90d, offset: last", "52: offset must be a whole number and a unit: 30m, 12h, 90d, 4w"},
        {"window: 90d, offset: 3571d", "52: window and offset together must be at most 3660d"},
        {"window: 12d, offset: 3649d", "52: window and offset together must be at most 3660d"},
        {"window: 11d, offset: 367d", "52: offset must be at most 366d for a window under 12d"},
        {"window: 12h, offset: 8785h", "52: offset must be at most 366d for a window under 12d"},
        {"window: 719m, offset: 43201m", "53: offset must be at most 30d for a window under 12h"},
        {"window: 90, offset: 4000d", "39: window must be a whole number and a unit: 30m, 12h, 90d, 4w\n"
                                      "line 4, column 51: offset must be from 1m to 3660d"},
        {"max_age: 0m", "40: max_age must be from 1m to 3660d"},
        {"max_age: 2y", "40: max_age must be a whole number and a unit: 30m, 12h, 90d, 4w"},
    };
    ASSERT_EACH_REFUSED(EVENTS "features:\n  f: {of: order, count: true, ", FEATURE_AFTER, refusals);
}

static void each_mistake_in_a_filter_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"channel: ", "48: 'channel' is compared with nothing: give a value, a list of values or a range such as "
                     "{at_least: 10}"},
        {"channel: []", "48: 'channel' is compared with a list of 0 values: give 1 to 100"},
        {"channel: [[web]]", "49: 'channel' must be compared with one value here"},
        {"channel: [web, ~]", "54: 'channel' must be compared with one value here"},
        {"points: [1, web, 2.5]", "51: 'points' is integer: write a whole number below 2^53 without quotes\n"
                                  "line 4, column 56: 'points' is integer: write a whole number below 2^53 without "
                                  "quotes"},
        {"gift: [true, 1]", "52: 'gift' is bool: write true or false without quotes"},
        {"channel: {at_least: a}", "48: a range takes money, number or integer, and 'channel' is string"},
        {"gift: {at_most: true}", "45: a range takes money, number or integer, and 'gift' is bool"},
        {"points: {}",
            "47: the range of 'points' has no bound: give at_least, more_than, at_most or less_than"},
        {"points: {at_least: 1, more_than: 2}", "61: 'points' has both at_least and more_than: keep one"},
        {"points: {less_than: 1, at_most: 2}", "48: 'points' has both at_most and less_than: keep one"},
        {"points: {at_least: 2, at_most: 1}", "47: no value of 'points' can lie in this range"},
        {"points: {more_than: 2, at_most: 2}", "47: no value of 'points' can lie in this range"},
        {"points: {more_than: 2, less_than: 3}", "47: no value of 'points' can lie in this range"},
        {"amount: {more_than: 1, less_than: 1.000001}", "47: no value of 'amount' can lie in this range"},
        {"points: {at_least: }", "58: 'points' must be compared with one value here"},
        {"points: {at_least: [1]}", "58: 'points' must be compared with one value here"},
        {"points: {at_least: 1.5}", "58: 'points' is integer: write a whole number below 2^53 without quotes"},
        {"amount: {at_least: '1'}", "58: 'amount' is money: write a number without quotes"},
        {"channel: [web, app, web]", "59: 'channel' is compared with 'web' twice: keep one"},
        {"weight: [1, 2, 1.0]", "54: 'weight' is compared with '1.0' twice: keep one"},
        {"gift: [true, true]", "52: 'gift' is compared with 'true' twice: keep one"},
        {"points: {at_leat: 1}", "48: unknown key 'at_leat': did you mean 'at_least'?"},
    };
    ASSERT_EACH_REFUSED(EVENTS "features:\n  f: {of: order, count: true, where: {", "}}\n", refusals);
    char text[1000];
    size_t length = (size_t)snprintf(text, sizeof text, "channel: [");
    for (int i = 0; i < 101; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "%d, ", i);
    snprintf(text + length, sizeof text - length, "]");
    const struct refusal many = {text, "48: 'channel' is compared with a list of 101 values: give 1 to 100"};
    assert_each_refused(EVENTS "features:\n  f: {of: order, count: true, where: {", "}}\n", &many, 1);
}

static void each_mistake_in_a_default_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"count: true, default: 1.5",
            "40: default must be a whole number below 2^53, without quotes: the feature is int64"},
        {"count: true, default: 9007199254740992",
            "40: default must be a whole number below 2^53, without quotes: the feature is int64"},
        {"mean: amount, default: none",
            "41: default must be a number below 2^53, without quotes: the feature is double"},
        {"mean: amount, default: '0'",
            "41: default must be a number below 2^53, without quotes: the feature is double"},
        {"mean: amount, default: .nan",
            "41: default must be a number below 2^53, without quotes: the feature is double"},
        {"mean: amount, default: 1e16",
            "41: default must be a number below 2^53, without quotes: the feature is double"},
        {"mean: amount, default: ", "41: default must be a number below 2^53, without quotes: the feature is double"},
        {"sum: amount, default: 0.1234567",
            "40: default must be an amount of at most 6 decimals, without quotes: the feature is money"},
        {"last: gift, default: no", "39: default must be true or false, without quotes: the feature is bool"},
        {"last: channel, default: [web]", "42: default must be a text of at most 1024 bytes: the feature is string"},
        {"last: channel, default: ~", "42: default must be a text of at most 1024 bytes: the feature is string"},
        {"rfm: amount, default: none",
            "40: default must be a number below 2^53, without quotes: the feature is double"},
        {"top: points, default: 0.5",
            "40: default must be a whole number below 2^53, without quotes: the feature is int64"},
        /* Where the type is not known, because of another mistake, that one is told alone. */
        {"top: pionts, default: 0.5", "23: unknown attribute of 'order': 'pionts': did you mean 'points'?"},
        {"sum: channel, default: x", "23: sum takes money, number, integer or bool, and 'channel' is string"},
        {"gaps: men, default: x", "24: unknown gaps 'men': did you mean 'mean'?"},
    };
    ASSERT_EACH_REFUSED(FEATURE_BEFORE, FEATURE_AFTER, refusals);
}

static void each_mistake_in_words_for_people_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"description: ", "44: description must be a text"},
        {"description: [a]", "44: description must be a text"},
        {"owner: {a: b}", "38: owner must be a text"},
        {"description: ''", "44: description is empty: leave it out"},
        {"owner: \"\"", "38: owner is empty: leave it out"},
        {"tags: ['', '']", "38: a tag is empty: leave it out\nline 4, column 42: a tag is empty: leave it out"},
        {"tags: [a, b, a]", "44: tag 'a' is given twice: keep one"},
        {"tags: churn", "37: tags must be a list, such as [a, b]"},
        {"tags: [churn, [a]]", "45: a tag must be a text"},
        {"tags: [~]", "38: a tag must be a text"},
        {"tags: [a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u]", "37: tags has too many entries: 21 (at most 20)"},
        {"tags: [12345678901234567890123456789012345678901234567890123456789012345]",
            "38: a tag is too long: 65 bytes (at most 64)"},
    };
    ASSERT_EACH_REFUSED(EVENTS "features:\n  f: {of: order, count: true, ", FEATURE_AFTER, refusals);
    char text[1100] = "description: ";
    memset(text + strlen(text), 'a', 1001);
    const struct refusal too_long = {text, "44: description is too long: 1001 bytes (at most 1000)"};
    assert_each_refused(EVENTS "features:\n  f: {of: order, count: true, ", FEATURE_AFTER, &too_long, 1);
}

static void each_mistake_in_a_service_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"{}", "12: service 's' names no feature: give 'features'"},
        {"{owner: crm}", "12: service 's' names no feature: give 'features'"},
        {"{features: []}", "26: service 's' names no feature"},
        {"{features: n}", "26: features must be a list, such as [a, b]"},
        {"{features: }", "26: features must be a list, such as [a, b]"},
        {"{features: [n, m], defaults: [0]}", "44: defaults must be a map, such as {name: value}"},
        {"{features: [n], defaults: {m: 0}}",
            "42: unknown feature of service 's': 'm'; there is only n"},
        {"{features: [nn], defaults: {n: 0}}",
            "27: unknown feature 'nn'; there are m, n, rfm, rfm.T, rfm.frequency and 2 more"},
        {"{features: [m, rfm], defaults: {rfm.t: 0}}",
            "47: unknown feature of service 's': 'rfm.t': did you mean 'rfm.T'?"},
        {"{features: [n], defaults: {n: 0.5}}", "45: the default of 'n' must be a whole number below 2^53, without "
                                                "quotes: the feature is int64"},
        {"{features: [rfm.T], defaults: {rfm: none}}",
            "51: the default of 'rfm' must be a number below 2^53, without quotes: the feature is double"},
        {"{features: [n], default: {n: 0}}", "31: unknown key 'default': did you mean 'defaults'?"},
        {"{features: [n], tags: x}", "37: tags must be a list, such as [a, b]"},
        {"n", "15: a service must be a list, such as [a, b]"},
        {"[n, m, n]", "22: feature 'n' is in service 's' twice: keep one"},
        {"[rfm, n, rfm]", "24: feature 'rfm' is in service 's' twice: keep one"},
        {"[rfm, rfm.T]", "21: feature 'rfm.T' is in service 's' twice: keep one"},
        {"{features: [rfm.T, n, rfm]}", "37: feature 'rfm.T' is in service 's' twice: keep one"},
    };
    ASSERT_EACH_REFUSED(EVENTS "features: {n: {of: order, count: true}, m: {of: order, mean: amount}, rfm: {of: order, "
                               "rfm: amount}}\nservices: {s: ",
        "}\n", refusals);
}

static void a_service_has_too_many_features_from_one_more_on(void **state)
{
    (void)state;
    char before[12000], text[3000];
    size_t entered = (size_t)snprintf(before, sizeof before, EVENTS "features: {"), length = 1;
    text[0] = '[';
    for (int i = 0; i < 143; i++) {
        entered += (size_t)snprintf(
            before + entered, sizeof before - entered, "t%d: {of: order, top: channel, k: 7}, ", i);
        length += (size_t)snprintf(text + length, sizeof text - length, "t%d, ", i);
    }
    snprintf(before + entered, sizeof before - entered, "}\nservices: {s: ");
    snprintf(text + length, sizeof text - length, "]");
    const struct refusal refusal = {text, "15: service 's' has too many features: 1001 (at most 1000)"};
    assert_each_refused(before, "}\n", &refusal, 1);
}

static void a_word_for_unknown_attributes_is_one_of_three(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"ignore", "21: unknown unknown_attributes 'ignore'; there are refuse, drop and keep"},
        {"[keep]", "21: unknown_attributes must be one word"},
    };
    ASSERT_EACH_REFUSED(EVENTS "features:\nunknown_attributes: ", "\n", refusals);
}

static void a_name_that_columns_or_expressions_have_already_is_refused(void **state)
{
    (void)state;
#define BOTH "snapshots and tables have a column of that name; give it another name"
#define WORD "it is a word of expressions, and they could not name the feature; give it another name"
    static const struct refusal features[] = {
        {"customer: {of: order, count: true}", "3: 'customer' cannot name a feature: " BOTH},
        {"as_of: {of: order, rfm: amount}", "3: 'as_of' cannot name a feature: " BOTH},
        {"status: {of: order, top: channel}", "3: 'status' cannot name a feature: " BOTH},
        {"spine_row: {of: order, count: true}", "3: 'spine_row' cannot name a feature: snapshots have a column of "
                                                "that name; give it another name"},
        {"id: {of: order, count: true}",
            "3: 'id' cannot name a feature: tables have a column of that name; give it another name"},
        {"remarks: {of: order, count: true}",
            "3: 'remarks' cannot name a feature: tables have a column of that name; give it another name"},
        {"and: {of: order, count: true}", "3: 'and' cannot name a feature: " WORD},
        {"or: {of: order, count: true}", "3: 'or' cannot name a feature: " WORD},
        {"not: {of: order, count: true}", "3: 'not' cannot name a feature: " WORD},
        {"'true': {of: order, count: true}", "3: 'true' cannot name a feature: " WORD},
        {"false: {of: order, count: true}", "3: 'false' cannot name a feature: " WORD},
    };
    ASSERT_EACH_REFUSED(EVENTS "features:\n  ", "\n", features);
    static const struct refusal derived[] = {
        {"customer: 1 + 1", "3: 'customer' cannot name a derived feature: " BOTH},
        {"not: {is: 1 + 1}", "3: 'not' cannot name a derived feature: " WORD},
    };
    ASSERT_EACH_REFUSED(EVENTS "derived:\n  ", "\n", derived);
    /* Functions are told from features by their bracket, and no column is called just so. */
    definitions_release(parsed(EVENTS "features:\n"
                                      "  if: {of: order, count: true}\n"
                                      "  min: {of: order, min: amount}\n"
                                      "  Customer: {of: order, count: true}\n"
                                      "derived:\n"
                                      "  max: min(if, min) + max(if, min)\n"
                                      "  sqrt: sqrt(max) - if\n"));
}

static void what_refers_to_a_thing_with_a_mistake_is_not_blamed(void **state)
{
    (void)state;
    static const struct refusal refusals[] = {
        {"top: channel, k: 99", "35: k must be a whole number from 1 to 20"},
        {"top: chanel", "23: unknown attribute of 'order': 'chanel': did you mean 'channel'?"},
    };
    ASSERT_EACH_REFUSED(FEATURE_BEFORE,
        "}\nservices: {s: {features: [f], defaults: {f: none, f.2: 1}}, t: [f.1, f.3]}\n", refusals);
    static const struct refusal places[] = {{"k: 21", "35: k must be a whole number from 1 to 20"}};
    ASSERT_EACH_REFUSED(FEATURE_BEFORE "top: channel, ", "}\nservices: {s: [f.20]}\n", places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_other_stores_use_is_answered_with_the_one_here),
        cmocka_unit_test(each_mistake_in_an_aggregation_is_told_with_its_place),
        cmocka_unit_test(each_mistake_in_an_offset_is_told_with_its_place),
        cmocka_unit_test(each_mistake_in_a_filter_is_told_with_its_place),
        cmocka_unit_test(each_mistake_in_a_default_is_told_with_its_place),
        cmocka_unit_test(each_mistake_in_words_for_people_is_told_with_its_place),
        cmocka_unit_test(each_mistake_in_a_service_is_told_with_its_place),
        cmocka_unit_test(a_service_has_too_many_features_from_one_more_on),
        cmocka_unit_test(a_word_for_unknown_attributes_is_one_of_three),
        cmocka_unit_test(a_name_that_columns_or_expressions_have_already_is_refused),
        cmocka_unit_test(what_refers_to_a_thing_with_a_mistake_is_not_blamed),
    };
    return cmocka_run_group_tests_name("definitions_features_refused", tests, NULL, NULL);
}
