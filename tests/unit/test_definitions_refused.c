/* Every mistake that a file can have, with the exact words and place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/base/arena.h"
#include "tests/unit/definitions_fixture.h"

static void assert_refused_after(const struct definitions *previous, const char *text, const char *words)
{
    const struct definitions *definitions = previous;
    struct error error;
    enum patron_code code = definitions_parse(text_of(text), previous, 2, false, &definitions, &error);
    if (code != PATRON_INVALID)
        fail_msg("this was taken:\n%s", text);
    assert_null(definitions);
    assert_int_equal(error.code, PATRON_INVALID);
    assert_string_equal(error.text, words);
    assert_int_equal(definitions_parse(text_of(text), previous, 2, false, &definitions, NULL), PATRON_INVALID);
}

static void assert_refused(const char *text, const char *words)
{
    assert_refused_after(NULL, text, words);
}

static void each_mistake_in_yaml_is_told_with_its_place(void **state)
{
    (void)state;
    assert_refused("", "line 1, column 1: the definitions are empty: begin with identifiers, events and features");
    assert_refused("# nothing\n",
        "line 1, column 1: the definitions are empty: begin with identifiers, events and features");
    assert_refused("- a\n", "line 1, column 1: the definitions must be a map, such as {name: value}");
    assert_refused("caf\xc3\xa9: \xff\n", "line 1, column 7: this is not UTF-8");
    assert_refused("a: 1\nb: \x01\n", "line 2, column 4: control characters are not allowed");
    assert_refused("? [a]\n: b\n", "line 1, column 3: a key must be a name, not a list or map");
    assert_refused(EVENTS "---\na: 1\n", "line 3, column 1: a second document begins here: the file must hold one");
    assert_refused("[[[[[[[[[[]]]]]]]]]]", "line 1, column 9: nested too deeply");
}

/* libyaml's words are for those who know how it reads; place and words of ours say what to do. */
static void what_is_not_yaml_is_told_in_plain_words(void **state)
{
    (void)state;
#define NO_KEY "this is no key of the map of line 1, column 1: check the indentation, the quotes and the brackets"
#define NO_COLON "no ':' can stand here: check the indentation, and put a text that has one in quotes"
#define NO_VALUE "a value is missing before this: check the commas and brackets"
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"a:\n\tb: 1\n", "line 2, column 1: a tab cannot indent: use spaces"},
        {"a: 1\n\tb: 2\n", "line 2, column 1: a tab cannot indent: use spaces"},
        {"a:\n  b: 1\n\tc: 2\n", "line 3, column 1: a tab cannot indent: use spaces"},
        {"a: [1\nb: 2\n",
            "line 2, column 2: a ',' or ']' is missing before this: the '[' of line 1, column 4 is not closed"},
        {"a: {b: 1\nc: 2\n",
            "line 2, column 2: a ',' or '}' is missing before this: the '{' of line 1, column 4 is not closed"},
        {"a: {b: {c: 1}\n\nd: 2\n",
            "line 3, column 1: a ',' or '}' is missing before this: the '{' of line 1, column 4 is not closed"},
        {"a: {b: 1 c: 2}\n",
            "line 1, column 11: a ',' or '}' is missing before this: the '{' of line 1, column 4 is not closed"},
        {"a: \"\n", "line 1, column 4: the quote that opens here is not closed"},
        {"a: 'x\nb: 1\n", "line 1, column 4: the quote that opens here is not closed"},
        {"a: \"x\n---\n", "line 1, column 4: the quote that opens here is not closed"},
        {"a: \"x\" y\n", "line 1, column 8: " NO_KEY},
        {"a:\n   b: 1\n  c: 2\n", "line 3, column 3: " NO_KEY},
        {"a: {b: 1}}\n", "line 1, column 10: " NO_KEY},
        {"- a\nb: 1\n", "line 2, column 1: this is no entry of the list of line 1, column 1: check the indentation, "
                         "and begin each entry with '-'"},
        {"a: b: c\n", "line 1, column 5: " NO_COLON},
        {"a: 1\n b: 2\n", "line 2, column 3: " NO_COLON},
        {"a: - b\n",
            "line 1, column 4: no list can begin here: begin it on a line of its own, or write [a, b]"},
        {"a: [b,,c]\n", "line 1, column 7: " NO_VALUE},
        {"a: ]\n", "line 1, column 4: " NO_VALUE},
        {"a: 1\nb\nc: 2\n", "line 2, column 1: a ':' is missing after the key that begins here"},
        {"a: @x\n", "line 1, column 4: no text can begin with '@' unless it is in quotes"},
        {"\xc3\xa9: {b: `x`}\n", "line 1, column 8: no text can begin with '`' unless it is in quotes"},
        {"a: * b\n", "line 1, column 4: no text can begin with '&' or '*' unless it is in quotes"},
        {"a: & b\n", "line 1, column 4: no text can begin with '&' or '*' unless it is in quotes"},
        {"a: ? b\n", "line 1, column 4: no '?' can stand here: put a text that begins with one in quotes"},
        {"a: \"\\q\"\n", "line 1, column 5: there is no such escape within double quotes: write \\\\ for a backslash, "
                         "or use single quotes"},
        {"a: | x\n", "line 1, column 4: a text that begins with '|' or '>' stands on the lines below it: put one of "
                     "a single line in quotes"},
        {"{a: 1}\nb: 2\n",
            "line 2, column 1: the definitions have ended before this: check the indentation and the brackets"},
        {"a: !x! y\n",
            "line 1, column 7: this is not YAML: while parsing a tag, did not find expected tag URI"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i].text, cases[i].words);
}

static void after_an_anchor_an_alias_or_a_tag_all_else_is_told_too(void **state)
{
    (void)state;
#define ANCHOR ": anchors and aliases are not taken here: write the value out\n"
    assert_refused("identifiers: {id: }\n"
                   "events: {order: &o {amount: money}, visit: *o}\n"
                   "features:\n"
                   "  f: &f {of: ordr, sum: amount}\n"
                   "  g: *f\n"
                   "  h: {<<: *f, sum: amuont, of: order}\n"
                   "  j: !!map {of: order, count: 3}\n",
        "line 2, column 17" ANCHOR "line 2, column 44" ANCHOR "line 4, column 6" ANCHOR
        "line 4, column 14: unknown event 'ordr': did you mean 'order'?\n"
        "line 5, column 6" ANCHOR "line 6, column 11" ANCHOR
        "line 6, column 20: unknown attribute of 'order': 'amuont': did you mean 'amount'?\n"
        "line 7, column 6: tags are not taken here: write the value alone\n"
        "line 7, column 31: count takes no attribute: write count: true");
    assert_refused(EVENTS "features:\n"
                          "  i: {of: *x, sum: *y, where: *z, window: *w}\n"
                          "  *k : {of: order, count: 3}\n"
                          "derived: {d: *f, e: {is: *g}}\n"
                          "services: {s: *l, t: [*m, i, nope]}\n",
        "line 4, column 11" ANCHOR "line 4, column 20" ANCHOR "line 4, column 31" ANCHOR "line 4, column 43" ANCHOR
        "line 5, column 3" ANCHOR "line 6, column 14" ANCHOR "line 6, column 26" ANCHOR
        "line 7, column 15" ANCHOR "line 7, column 23" ANCHOR
        "line 7, column 30: unknown feature 'nope'; there are d, e and i");
    /* Features that were not read are not to blame for being unknown. */
    assert_refused(EVENTS "features: *f\nderived: *d\nservices: {s: [a, b]}\ncurrency: *c\ntime_zone: *t\n",
        "line 3, column 11" ANCHOR "line 4, column 10" ANCHOR "line 6, column 11" ANCHOR
        "line 7, column 12: anchors and aliases are not taken here: write the value out");
    /* Nor is what was not read taken for gone or retyped. */
    const struct definitions *first = parsed(EVENTS);
    assert_refused_after(first,
        "identifiers: {id: }\n"
        "events: {order: {amount: *m, weight: number, points: integer, gift: bool, channel: string}}\n",
        "line 2, column 26: anchors and aliases are not taken here: write the value out");
    assert_refused_after(first, "identifiers: {id: }\nevents: {order: *o}\n",
        "line 2, column 17: anchors and aliases are not taken here: write the value out");
    definitions_release(first);
    assert_refused("*x\n", "line 1, column 1: anchors and aliases are not taken here: write the value out");
}

static void a_key_given_twice_is_refused(void **state)
{
    (void)state;
    assert_refused(EVENTS "events: {b: }\n", "line 3, column 1: 'events' is given twice: first on line 2");
    assert_refused("identifiers: {id: }\nevents:\n  order: {a: money}\n  visit:\n  order: {a: money}\n",
        "line 5, column 3: 'order' is given twice: first on line 3");
    assert_refused("identifiers: {id: {max: 1, \"max\": 2}}\nevents: {e: }\n",
        "line 1, column 28: 'max' is given twice: first on line 1");
}

static void each_mistake_at_the_top_is_told_with_its_place(void **state)
{
    (void)state;
    assert_refused("identifers: {id: }\nevents: {e: }\n",
        "line 1, column 1: identifiers is missing: name what events are told apart by\n"
        "line 1, column 1: unknown key 'identifers': did you mean 'identifiers'?");
    assert_refused(EVENTS "colour: red\n", "line 3, column 1: unknown key 'colour'; there are currency, time_zone, "
                                           "unknown_attributes, identifiers, events and 6 more");
    assert_refused(EVENTS "currency: euro\n",
        "line 3, column 11: currency must be three capital letters, such as EUR");
    assert_refused(EVENTS "currency: [EUR]\n",
        "line 3, column 11: currency must be three capital letters, such as EUR");
    assert_refused(EVENTS "time_zone: Europe/Berln\n",
        "line 3, column 12: unknown time zone 'Europe/Berln': did you mean 'Europe/Berlin'?");
    assert_refused(EVENTS "time_zone: europe/berlin\n",
        "line 3, column 12: unknown time zone 'europe/berlin': did you mean 'Europe/Berlin'?");
    assert_refused(EVENTS "time_zone: Middle Earth\n",
        "line 3, column 12: unknown time zone 'Middle Earth': write an IANA name such as Europe/Berlin");
    assert_refused(EVENTS "time_zone: GMT+3\n",
        "line 3, column 12: unknown time zone 'GMT+3': write an IANA name such as Europe/Berlin");
    assert_refused(EVENTS "time_zone: BST\n", "line 3, column 12: time zone 'BST' is an abbreviation: write the "
                                              "region's IANA name (it stands for Asia/Dhaka)");
    assert_refused(EVENTS "time_zone:\n",
        "line 3, column 11: time_zone must be an IANA name such as Europe/Berlin");
}

static void each_mistake_in_identifiers_is_told_with_its_place(void **state)
{
    (void)state;
    assert_refused("identifiers: {}\nevents: {e: }\n",
        "line 1, column 14: identifiers is empty: name what events are told apart by");
    assert_refused("identifiers: [id]\nevents: {e: }\n",
        "line 1, column 14: identifiers must be a map, such as {name: value}");
    assert_refused("identifiers: {id: 3}\nevents: {e: }\n",
        "line 1, column 19: an identifier must be a map, such as {name: value}");
    assert_refused("identifiers: {id: {max: 0}}\nevents: {e: }\n",
        "line 1, column 25: max must be a whole number from 1 to 200");
    assert_refused("identifiers: {id: {max: 201}}\nevents: {e: }\n",
        "line 1, column 25: max must be a whole number from 1 to 200");
    assert_refused("identifiers: {id: {maximum: 1}}\nevents: {e: }\n",
        "line 1, column 20: unknown key 'maximum'; there are max, per, unique, weak, link and 4 more");
    assert_refused("identifiers: {id: {normalize: trimm}}\nevents: {e: }\n",
        "line 1, column 31: unknown normalize 'trimm': did you mean 'trim'?");
    assert_refused("identifiers: {id: {normalize: email, never_link: [nobody, ~, [x], '']}}\nevents: {e: }\n",
        "line 1, column 51: identifier id is not an address: it needs one '@' with something on either side\n"
        "line 1, column 59: this is no value: write it in quotes if the word is meant\n"
        "line 1, column 62: never_link must be a list of values\n"
        "line 1, column 67: identifier id is empty");
    assert_refused("identifiers: {1st: , e-mail: , '': }\nevents: {e: }\n",
        "line 1, column 15: '1st' cannot name an identifier: a name has letters, digits and '_', and begins with no "
        "digit\n"
        "line 1, column 22: 'e-mail' cannot name an identifier: a name has letters, digits and '_', and begins with "
        "no digit\n"
        "line 1, column 32: '' cannot name an identifier: a name has letters, digits and '_', and begins with no "
        "digit");
}

static void each_mistake_in_events_is_told_with_its_place(void **state)
{
    (void)state;
    assert_refused("identifiers: {id: }\n", "line 1, column 1: events is missing: name what can happen");
    assert_refused("identifiers: {id: }\nevents: {}\n", "line 2, column 9: events is empty: name what can happen");
    assert_refused("identifiers: {id: }\nevents: {order: {amount: monney, sku: text, tags: [string]}}\n",
        "line 2, column 26: unknown type 'monney': did you mean 'money'?\n"
        "line 2, column 39: unknown type 'text'; there are money, number, integer, bool and string\n"
        "line 2, column 51: type must be one word");
    assert_refused("identifiers: {id: }\nevents: {order: amount}\n",
        "line 2, column 17: the attributes of an event must be a map, such as {name: value}");
    char name[200], text[400], words[400];
    memset(name, 'n', sizeof name);
    name[129] = '\0';
    snprintf(text, sizeof text, "identifiers: {id: }\nevents:\n  %s: {a: money}\n", name);
    snprintf(words, sizeof words, "line 3, column 3: the name of an event is too long: 129 bytes (at most 128)");
    assert_refused(text, words);
    name[128] = '\0';
    snprintf(text, sizeof text, "identifiers: {id: }\nevents:\n  %s: {a: money}\n", name);
    definitions_release(parsed(text));
}

static void assert_feature_refused(const char *feature, const char *words)
{
    char text[2048], all[2048];
    snprintf(text, sizeof text, EVENTS "features:\n  f: %s\n", feature);
    snprintf(all, sizeof all, "line 4, column %s", words);
    assert_refused(text, all);
}

static void each_mistake_in_a_feature_is_told_with_its_place(void **state)
{
    (void)state;
    assert_feature_refused("count", "6: a feature must be a map, such as {name: value}");
    assert_feature_refused("{count: true}", "3: 'f' does not say of which event: give 'of'");
    assert_feature_refused("{of: ordr, count: true}", "11: unknown event 'ordr': did you mean 'order'?");
    assert_feature_refused("{of: visit, count: true}", "11: unknown event 'visit'; there is only order");
    assert_feature_refused("{of: [order], count: true}", "11: of must be the name of an event");
    assert_feature_refused("{of: order}",
        "3: 'f' has no aggregation: give one of count, sum, mean, min, max, variance, stddev, first, last, "
        "distinct, top, ratio, decayed, age, gaps, active_days, streak, rfm");
    assert_feature_refused("{of: order, min: points, max: points}",
        "31: 'f' has two aggregations, min and max: keep one");
    assert_feature_refused("{of: order, count: amount}", "25: count takes no attribute: write count: true");
    assert_feature_refused("{of: order, sum: amonut}",
        "23: unknown attribute of 'order': 'amonut': did you mean 'amount'?");
    assert_feature_refused("{of: order, sum: channel}",
        "23: sum takes money, number, integer or bool, and 'channel' is string");
    assert_feature_refused("{of: order, max: gift}", "23: max takes money, number or integer, and 'gift' is bool");
    assert_feature_refused("{of: order, sum: [amount]}", "23: sum must be the name of an attribute");
    assert_feature_refused("{of: order, age: latest}", "23: unknown age 'latest': did you mean 'last'?");
    assert_feature_refused("{of: order, count: true, unit: day}", "31: unit goes with age only");
    assert_feature_refused("{of: order, age: last, unit: days}", "35: unknown unit 'days': did you mean 'day'?");
    assert_feature_refused("{of: order, count: true, widnow: 90d}", "31: unknown key 'widnow': did you mean 'window'?");
}

static void each_mistake_in_a_window_or_filter_is_told_with_its_place(void **state)
{
    (void)state;
    static const char *const windows[] = {"90", "d", "90 d", "1.5d", "-1d", "90s", "1y", "99999999999999d", "[90d]"};
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        char feature[200];
        snprintf(feature, sizeof feature, "{of: order, count: true, window: %s}", windows[i]);
        assert_feature_refused(feature, "39: window must be a whole number and a unit: 30m, 12h, 90d, 4w");
    }
    static const char *const spans[] = {"0d", "4m", "3661d", "523w", "999999999w", "5270401m"};
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        char feature[200];
        snprintf(feature, sizeof feature, "{of: order, count: true, window: %s}", spans[i]);
        assert_feature_refused(feature, "39: window must be from 5m to 3660d");
    }
    assert_feature_refused("{of: order, count: true, where: {}}", "38: where names no attribute: leave it out");
    assert_feature_refused("{of: order, count: true, where: [web]}",
        "38: where must be a map, such as {name: value}");
    assert_feature_refused("{of: order, count: true, where: {chanel: web}}",
        "39: unknown attribute of 'order': 'chanel': did you mean 'channel'?");
    assert_feature_refused("{of: order, count: true, where: {channel: ~}}",
        "48: 'channel' is compared with nothing: give a value, a list of values or a range such as {at_least: 10}");
    assert_feature_refused("{of: order, count: true, where: {gift: yes}}",
        "45: 'gift' is bool: write true or false without quotes");
    assert_feature_refused("{of: order, count: true, where: {points: 1.5}}",
        "47: 'points' is integer: write a whole number below 2^53 without quotes");
    assert_feature_refused("{of: order, count: true, where: {points: 9007199254740992}}",
        "47: 'points' is integer: write a whole number below 2^53 without quotes");
    assert_feature_refused("{of: order, count: true, where: {weight: '1'}}",
        "47: 'weight' is number: write a number without quotes");
    assert_feature_refused("{of: order, count: true, where: {amount: 0.1234567}}",
        "47: 'amount' is money, and the value has more than 6 decimals: '0.1234567'");
}

static void each_mistake_in_services_is_told_with_its_place(void **state)
{
    (void)state;
#define FEATURE EVENTS "features: {orders: {of: order, count: true}, rfm: {of: order, rfm: amount}}\n"
    assert_refused(FEATURE "services: {churn: [ordres]}\n",
        "line 4, column 20: unknown feature 'ordres': did you mean 'orders'?");
    assert_refused(FEATURE "services: {churn: [rfm.t, rfm.x, clv]}\n",
        "line 4, column 20: unknown feature 'rfm.t': did you mean 'rfm.T'?\n"
        "line 4, column 27: unknown feature 'rfm.x': did you mean 'rfm.T'?\n"
        "line 4, column 34: unknown feature 'clv'; there are orders, rfm, rfm.T, rfm.frequency, rfm.monetary and "
        "1 more");
    assert_refused(FEATURE "services: {churn: orders}\n",
        "line 4, column 19: a service must be a list, such as [a, b]");
    assert_refused(FEATURE "services: {churn: []}\n", "line 4, column 19: service 'churn' names no feature");
    assert_refused(FEATURE "services: {churn: [[orders]]}\n",
        "line 4, column 20: a service must be a list of feature names");
    assert_refused(FEATURE "services: [orders]\n", "line 4, column 11: services must be a map, such as {name: value}");
    assert_refused(EVENTS "services: {churn: [orders]}\n",
        "line 3, column 20: unknown feature 'orders'; there are none");
    assert_refused(EVENTS "features: []\nservices: {churn: [orders]}\n",
        "line 3, column 11: features must be a map, such as {name: value}");
}

/* The text of `count` entries, each formatted with its number, between two ends. */
static char *many(const char *begin, const char *entry, size_t count, const char *end)
{
    size_t size = strlen(begin) + strlen(end) + count * (strlen(entry) + 20) + 1;
    char *text = memory_alloc(size);
    size_t length = (size_t)snprintf(text, size, "%s", begin);
    for (size_t i = 0; i < count; i++) {
        const char *hash = strchr(entry, '#');
        length += (size_t)snprintf(
            text + length, size - length, "%.*s%zu%s", (int)(hash - entry), entry, i, hash + 1);
    }
    snprintf(text + length, size - length, "%s", end);
    return text;
}

static void assert_many_refused(const char *begin, const char *entry, size_t count, const char *end, const char *words)
{
    char *text = many(begin, entry, count, end);
    if (words)
        assert_refused(text, words);
    else
        definitions_release(parsed(text));
    memory_free(text);
}

static void every_limit_on_a_file_is_told(void **state)
{
    (void)state;
    static const char *const ids = "identifiers: {id: }\nevents: {e: ";
    assert_many_refused("identifiers: {", "i#: ,", 64, "}\nevents: {e: }\n", NULL);
    assert_many_refused("identifiers: {", "i#: ,", 65, "}\nevents: {e: }\n",
        "line 1, column 14: identifiers are too many: 65 (at most 64)");
    assert_many_refused(ids, ", e#: ", 255, "}\n", NULL);
    assert_many_refused(ids, ", e#: ", 256, "}\n", "line 2, column 9: events are too many: 257 (at most 256)");
    assert_many_refused("identifiers: {id: }\nevents: {e: {", "a#: bool,", 256, "}}\n", NULL);
    assert_many_refused("identifiers: {id: }\nevents: {e: {", "a#: bool,", 257, "}}\n",
        "line 2, column 13: the attributes of an event are too many: 257 (at most 256)");
    assert_many_refused(EVENTS "features: {", "f#: {of: order, count: true},", 4096, "}\n", NULL);
    assert_many_refused(EVENTS "features: {", "f#: {of: order, count: true},", 4097, "}\n",
        "line 3, column 11: features are too many: 4097 (at most 4096)");
    assert_many_refused(EVENTS "features: {", "f#: {of: order, rfm: amount},", 1025, "}\n",
        "line 3, column 11: features are too many with the members of families and those derived: 4100 "
        "(at most 4096)");
    assert_many_refused(FEATURE "services: {", "s#: [rfm],", 1024, "}\n", NULL);
    assert_many_refused(FEATURE "services: {", "s#: [rfm],", 1025, "}\n",
        "line 4, column 11: services are too many: 1025 (at most 1024)");
    char *text = memory_alloc(DEFINITIONS_BYTES_MAX + 2);
    memset(text, ' ', DEFINITIONS_BYTES_MAX + 1);
    memcpy(text, EVENTS, strlen(EVENTS));
    assert_refused(text, "the definitions are too long: 1048577 bytes (at most 1048576)");
    text[DEFINITIONS_BYTES_MAX] = '\0';
    definitions_release(parsed(text));
    memory_free(text);
}

/* A service of `count` features, each of that form. */
static char *service_of(const char *form, size_t count)
{
    char *features = many(EVENTS "features: {", form, count, "}\n");
    char *service = many("services: {s: [", "f#,", count, "]}\n");
    size_t size = strlen(features) + strlen(service) + 1;
    char *text = memory_alloc(size);
    snprintf(text, size, "%s%s", features, service);
    memory_free(features);
    memory_free(service);
    return text;
}

static void a_service_has_no_more_features_than_a_read_may(void **state)
{
    (void)state;
#define ORDERS "f#: {of: order, count: true},"
#define VALUES "f#: {of: order, rfm: amount},"
    static const struct {
        const char *form;
        size_t count;
        const char *words;
    } cases[] = {
        {ORDERS, 1000, NULL},
        {ORDERS, 1001, "line 4, column 15: a service has too many entries: 1001 (at most 1000)"},
        {VALUES, 250, NULL},
        {VALUES, 251, "line 4, column 15: service 's' has too many features: 1004 (at most 1000)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = service_of(cases[i].form, cases[i].count);
        if (cases[i].words)
            assert_refused(text, cases[i].words);
        else
            definitions_release(parsed(text));
        memory_free(text);
    }
}

static void several_mistakes_are_told_at_once_in_the_order_of_the_file(void **state)
{
    (void)state;
    assert_refused("services: {s: [x]}\n"
                   "features:\n"
                   "  x: {of: oder, count: true}\n"
                   "  y: {of: order, sum: channel, window: 3}\n"
                   "events: {order: {channel: string}}\n"
                   "identifiers: {id: {max: none}}\n"
                   "currency: eur\n",
        "line 3, column 11: unknown event 'oder': did you mean 'order'?\n"
        "line 4, column 23: sum takes money, number, integer or bool, and 'channel' is string\n"
        "line 4, column 40: window must be a whole number and a unit: 30m, 12h, 90d, 4w\n"
        "line 6, column 25: max must be a whole number from 1 to 200\n"
        "line 7, column 11: currency must be three capital letters, such as EUR");
}

static void mistakes_past_the_error_s_size_are_counted(void **state)
{
    (void)state;
    char *text = many("identifiers: {id: }\nevents: {e: {", "\n  a#: monney,", 200, "}}\n");
    const struct definitions *d;
    struct error error;
    assert_int_equal(definitions_parse(text_of(text), NULL, 1, false, &d, &error), PATRON_INVALID);
    size_t lines = 0;
    for (const char *c = error.text; *c; c++)
        lines += *c == '\n';
    const char *last = strrchr(error.text, '\n');
    char words[60];
    snprintf(words, sizeof words, "\nand %zu more mistakes", 200 - lines);
    assert_string_equal(last, words);
    assert_true(strlen(error.text) < ERROR_TEXT_MAX - 1);
    assert_true(lines > 10);
    memory_free(text);
}

static void what_stored_events_need_may_not_go_or_change(void **state)
{
    (void)state;
    const struct definitions *first = parsed(SHOP);
    assert_refused_after(first,
        "currency: USD\n"
        "identifiers: {customer_id: {normalize: lower}, email: }\n"
        "events:\n"
        "  order: {amount: number, discount: money, cost: money, promo: bool, channel: string, colour: string}\n",
        "line 1, column 11: currency was EUR and cannot become USD: the stored amounts are in EUR\n"
        "line 2, column 1: identifier 'device' is gone, and stored customers are known by it: put it back\n"
        "line 2, column 40: identifier 'customer_id' was normalised as 'none' and cannot become 'lower': stored values "
        "would not be found again; give the new one another name\n"
        "line 2, column 48: identifier 'email' was normalised as 'email' and cannot become 'none': stored values would "
        "not be found again; give the new one another name\n"
        "line 3, column 1: event 'refund' is gone, and events of it may be stored; feature refunds of version 1 uses "
        "it: put it back, or use apply --force\n"
        "line 4, column 3: attribute 'sku' of event 'order' is gone, and stored events may hold it: put it back, or "
        "use apply --force\n"
        "and 1 more mistake");
    assert_refused_after(first,
        "identifiers: {customer_id: , email: {normalize: email}, device: }\n"
        "events:\n"
        "  order: {amount: number, discount: money, cost: money, promo: bool, channel: string, sku: string}\n"
        "  refund:\n",
        "line 3, column 19: attribute 'amount' of event 'order' was money and cannot become number: stored events may "
        "hold it as money; features revenue_365d, rfm of version 1 use it; give the new one another name, or use apply "
        "--force\n"
        "line 4, column 3: attribute 'amount' of event 'refund' is gone, and stored events may hold it: put it back, "
        "or use apply --force\n"
        "line 4, column 3: attribute 'order_id' of event 'refund' is gone, and stored events may hold it: put it "
        "back, or use apply --force");
    definitions_release(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_mistake_in_yaml_is_told_with_its_place),
        cmocka_unit_test(what_is_not_yaml_is_told_in_plain_words),
        cmocka_unit_test(after_an_anchor_an_alias_or_a_tag_all_else_is_told_too),
        cmocka_unit_test(a_key_given_twice_is_refused),
        cmocka_unit_test(each_mistake_at_the_top_is_told_with_its_place),
        cmocka_unit_test(each_mistake_in_identifiers_is_told_with_its_place),
        cmocka_unit_test(each_mistake_in_events_is_told_with_its_place),
        cmocka_unit_test(each_mistake_in_a_feature_is_told_with_its_place),
        cmocka_unit_test(each_mistake_in_a_window_or_filter_is_told_with_its_place),
        cmocka_unit_test(each_mistake_in_services_is_told_with_its_place),
        cmocka_unit_test(every_limit_on_a_file_is_told),
        cmocka_unit_test(a_service_has_no_more_features_than_a_read_may),
        cmocka_unit_test(several_mistakes_are_told_at_once_in_the_order_of_the_file),
        cmocka_unit_test(mistakes_past_the_error_s_size_are_counted),
        cmocka_unit_test(what_stored_events_need_may_not_go_or_change),
    };
    return cmocka_run_group_tests_name("definitions_refused", tests, NULL, NULL);
}
