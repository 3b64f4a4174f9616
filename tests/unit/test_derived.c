#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/definitions/expression.h"
#include "tests/unit/definitions_fixture.h"

/* Seven lines. Features: orders 0, revenue 1, channel 2, gifts 3, rfm.* 4 to 7, best.1 and best.2 8 and 9. */
#define FEATURES                                                                                             \
    EVENTS "features:\n"                                                                                     \
           "  orders: {of: order, count: true}\n"                                                            \
           "  revenue: {of: order, sum: amount, default: 0}\n"                                               \
           "  channel: {of: order, last: channel}\n"                                                         \
           "  gifts: {of: order, last: gift}\n"                                                              \
           "  rfm: {of: order, rfm: amount}\n"                                                               \
           "  best: {of: order, top: channel, k: 2}\n"
enum { FEATURE_COUNT = 10 };

static void assert_operands(const struct feature *feature, size_t count, const uint32_t *wanted)
{
    const uint32_t *features;
    assert_int_equal(expression_operands(feature->expression, &features), count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(features[i], wanted[i]);
}

static void assert_order(const struct definitions *d, const char *const *wanted, size_t count)
{
    assert_int_equal(d->feature_count, FEATURE_COUNT + count);
    for (size_t i = 0; i < count; i++)
        assert_bytes(d->features[FEATURE_COUNT + i].name, wanted[i]);
}

static void a_derived_feature_is_told_whole(void **state)
{
    (void)state;
    const struct definitions *d = parsed(FEATURES "derived:\n"
                                                  "  aov: revenue / orders   # null over none\n"
                                                  "  regular:\n"
                                                  "    is: |\n"
                                                  "      rfm.frequency > 2\n"
                                                  "      and gifts\n"
                                                  "    default: false\n"
                                                  "    description: buys again\n"
                                                  "    owner: growth\n"
                                                  "    tags: [clv, churn]\n"
                                                  "  from: {is: \"if(channel == 'web', best.1, 'none')\", "
                                                  "default: shop}\n"
                                                  "  worth: {is: aov * 2, default: -1.5}\n");
    const struct feature *aov = feature_of(d, "aov"), *regular = feature_of(d, "regular");
    const struct feature *from = feature_of(d, "from");
    assert_int_equal(aov->aggregation, AGGREGATION_DERIVED);
    assert_int_equal(aov->type, VALUE_DOUBLE);
    assert_int_equal(aov->attribute, -1);
    assert_null(aov->fallback);
    assert_bytes(aov->formula, "revenue / orders");
    assert_bytes(aov->written, "aov: revenue / orders   # null over none");
    assert_operands(aov, 2, (const uint32_t[]){0, 1});
    assert_int_equal(regular->type, VALUE_BOOL);
    assert_int_equal(regular->fallback->type, VALUE_BOOL);
    assert_int_equal(regular->fallback->status, STATUS_DEFAULT);
    assert_int_equal(regular->fallback->integer, 0);
    assert_bytes(regular->formula, "rfm.frequency > 2\nand gifts\n");
    assert_bytes(regular->description, "buys again");
    assert_bytes(regular->owner, "growth");
    assert_int_equal(regular->tag_count, 2);
    assert_bytes(regular->tags[1], "churn");
    assert_operands(regular, 2, (const uint32_t[]){3, 4});
    assert_int_equal(from->type, VALUE_TEXT);
    assert_bytes(from->fallback->text, "shop");
    assert_operands(from, 2, (const uint32_t[]){2, 8});
    assert_true(feature_of(d, "worth")->fallback->real == -1.5);
    assert_operands(feature_of(d, "worth"), 1, (const uint32_t[]){FEATURE_COUNT});
    definitions_release(d);
}

static void derived_features_come_after_their_operands_else_in_the_files_order(void **state)
{
    (void)state;
    static const char *const wanted[] = {"e", "b", "c", "a", "d"};
    const struct definitions *d = parsed(FEATURES "derived:\n"
                                                  "  a: b + c\n"
                                                  "  d: orders + a\n"
                                                  "  c: b * e\n"
                                                  "  e: orders\n"
                                                  "  b: e - e\n");
    assert_order(d, wanted, 5);
    definitions_release(d);
    static const char *const as_they_are[] = {"z", "y", "x"};
    d = parsed(FEATURES "derived: {z: 1, y: z + orders, x: y + z}\n");
    assert_order(d, as_they_are, 3);
    definitions_release(d);
    definitions_release(parsed(FEATURES "derived:\n"));
}

/* One that waits is entered as soon as it can be, before later ones that wait for nothing. */
static void the_first_of_the_file_that_can_come_comes_next(void **state)
{
    (void)state;
    static const char *const wanted[] = {"c", "a", "b", "d"};
    const struct definitions *d = parsed(FEATURES "derived: {a: c, b: a, c: orders, d: orders}\n");
    assert_order(d, wanted, 4);
    definitions_release(d);
}

static void a_chain_written_backwards_is_put_in_order(void **state)
{
    (void)state;
    enum { LINKS = 3000, ROOM = 200 + LINKS * 30 };
    char *text = malloc(ROOM);
    size_t length = (size_t)snprintf(text, ROOM, "%sderived:\n", FEATURES);
    for (int i = 0; i < LINKS; i++)
        length += (size_t)snprintf(text + length, ROOM - length, "  d%d: d%d + 1\n", i, i + 1);
    snprintf(text + length, ROOM - length, "  d%d: orders\nservices: {last: [d0], first: [d%d]}\n", LINKS, LINKS);
    const struct definitions *d = parsed(text);
    assert_int_equal(d->feature_count, FEATURE_COUNT + LINKS + 1);
    assert_bytes(d->features[d->feature_count - 1].name, "d0");
    assert_int_equal(d->services[0].selection.needed_count, LINKS + 2);
    assert_int_equal(d->services[1].selection.needed_count, 2);
    definitions_release(d);
    free(text);
}

/* --- selections --------------------------------------------------------------------------------------------------- */

static void assert_needed(const struct selection *selection, size_t count, const uint32_t *wanted)
{
    assert_int_equal(selection->needed_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(selection->needed[i], wanted[i]);
}

static void a_selection_has_what_it_needs_and_what_takes_a_missing_values_place(void **state)
{
    (void)state;
    const struct definitions *d = parsed(FEATURES "derived:\n"
                                                  "  aov: revenue / orders\n"
                                                  "  worth: {is: aov * rfm.T, default: 7}\n"
                                                  "services:\n"
                                                  "  plain: [channel, orders]\n"
                                                  "  both: [worth, channel, aov]\n"
                                                  "  own: {features: [aov, worth], defaults: {aov: 2, worth: 3}}\n");
    const uint32_t aov = FEATURE_COUNT, worth = FEATURE_COUNT + 1;
    const struct selection *plain = &d->services[0].selection, *both = &d->services[1].selection,
                           *own = &d->services[2].selection;
    assert_null(plain->needed);
    assert_int_equal(plain->needed_count, 0);
    assert_null(plain->fallbacks);
    assert_needed(both, 6, (const uint32_t[]){0, 1, 2, 6, aov, worth});
    assert_true(both->fallbacks[0]->real == 7);
    assert_null(both->fallbacks[1]);
    assert_null(both->fallbacks[2]);
    assert_needed(own, 5, (const uint32_t[]){0, 1, 6, aov, worth});
    assert_true(own->fallbacks[0]->real == 2);
    assert_true(own->fallbacks[1]->real == 3);

    struct arena arena = {0};
    struct selection selection;
    struct bytes names[] = {text_of("worth"), text_of("rfm"), text_of("worth")};
    assert_int_equal(
        definitions_select(d, (struct bytes){0}, names, 3, &arena, &selection, NULL), PATRON_OK);
    assert_int_equal(selection.count, 6);
    assert_int_equal(selection.features[0], worth);
    assert_needed(&selection, 8, (const uint32_t[]){0, 1, 4, 5, 6, 7, aov, worth});
    assert_true(selection.fallbacks[0]->real == 7);
    assert_null(selection.fallbacks[1]);
    assert_true(selection.fallbacks[5]->real == 7);
    struct bytes others[] = {text_of("rfm"), text_of("orders")};
    assert_int_equal(definitions_select(d, (struct bytes){0}, others, 2, &arena, &selection, NULL), PATRON_OK);
    assert_null(selection.needed);
    assert_null(selection.fallbacks);
    struct bytes money[] = {text_of("orders"), text_of("revenue")};
    assert_int_equal(definitions_select(d, (struct bytes){0}, money, 2, &arena, &selection, NULL), PATRON_OK);
    assert_null(selection.fallbacks[0]);
    assert_int_equal(selection.fallbacks[1]->type, VALUE_MONEY);
    assert_int_equal(definitions_select(d, text_of("both"), NULL, 0, &arena, &selection, NULL), PATRON_OK);
    assert_ptr_equal(selection.needed, both->needed);
    assert_ptr_equal(selection.fallbacks, both->fallbacks);
    arena_clear(&arena);
    definitions_release(d);
}

/* Closures over several words of the set, against a naive one. */
static void what_many_derived_features_need_is_found_whole(void **state)
{
    (void)state;
    enum { DERIVED = 500, ROOM = 1000 + DERIVED * 40 };
    char *text = malloc(ROOM);
    size_t length = (size_t)snprintf(text, ROOM, "%sderived:\n", FEATURES);
    for (int i = 0; i < DERIVED; i++) {
        if (i < 10)
            length += (size_t)snprintf(text + length, ROOM - length, "  d%d: orders\n", i);
        else
            length += (size_t)snprintf(
                text + length, ROOM - length, "  d%d: d%d + d%d\n", i, i * 7 / 10, i * i % i + i / 3);
    }
    const struct definitions *d = parsed(text);
    struct arena arena = {0};
    for (int i = 0; i < DERIVED; i++) {
        bool wanted[FEATURE_COUNT + DERIVED] = {false};
        wanted[FEATURE_COUNT + i] = true;
        for (int j = i; j >= 0; j--) {
            const uint32_t *operands;
            size_t count = expression_operands(d->features[FEATURE_COUNT + j].expression, &operands);
            for (size_t k = 0; wanted[FEATURE_COUNT + j] && k < count; k++)
                wanted[operands[k]] = true;
        }
        struct selection selection;
        struct bytes name = d->features[FEATURE_COUNT + i].name;
        assert_int_equal(definitions_select(d, (struct bytes){0}, &name, 1, &arena, &selection, NULL), PATRON_OK);
        size_t at = 0;
        for (uint32_t j = 0; j < FEATURE_COUNT + DERIVED; j++)
            if (wanted[j])
                assert_int_equal(selection.needed[at++], j);
        assert_int_equal(at, selection.needed_count);
    }
    arena_clear(&arena);
    definitions_release(d);
    free(text);
}

/* --- mistakes ----------------------------------------------------------------------------------------------------- */

static void assert_refused_after(const char *text, const struct definitions *previous, const char *words)
{
    const struct definitions *d;
    struct error error;
    if (definitions_parse(text_of(text), previous, 2, false, &d, &error) != PATRON_INVALID)
        fail_msg("taken: %s", text);
    assert_null(d);
    if (strcmp(error.text, words) != 0)
        fail_msg("%s\n%s\nnot\n%s", text, error.text, words);
}

static void every_mistake_is_told_with_its_place(void **state)
{
    (void)state;
    /* `derived:` is line 10. */
    static const struct {
        const char *derived;
        const char *words;
    } cases[] = {
        {"derived: [a]\n", "line 10, column 10: derived must be a map, such as {name: value}"},
        {"derived:\n  a: [b]\n", "line 11, column 6: 'a' must be an expression, such as revenue / orders"},
        {"derived:\n  a:\n", "line 11, column 3: 'a' must be an expression, such as revenue / orders"},
        {"derived:\n  a: {is: }\n", "line 11, column 7: 'a' must be an expression, such as revenue / orders"},
        {"derived:\n  a: {default: 1}\n",
            "line 11, column 3: 'a' does not say what it is: give 'is', such as {is: a / b}"},
        {"derived:\n  a: {is: orders, of: order}\n",
            "line 11, column 19: unknown key 'of'; there are is, default, description, owner and tags"},
        {"derived:\n  a b: orders\n", "line 11, column 3: 'a b' cannot name a derived feature: a name has letters, "
                                      "digits and '_', and begins with no digit"},
        {"derived:\n  orders: 1\n",
            "line 11, column 3: 'orders' is the name of a feature already: give this one another"},
        {"derived:\n  rfm: 1\n", "line 11, column 3: 'rfm' is the name of a feature already: give this one another"},
        {"derived:\n  a: ordrs + 1\n", "line 11, column 6: unknown feature 'ordrs': did you mean 'orders'?"},
        {"derived:\n  a: orders + revenu + b\n  bb: 1\n",
            "line 11, column 15: unknown feature 'revenu': did you mean 'revenue'?\n"
            "line 11, column 24: unknown feature 'b': did you mean 'bb'?"},
        {"derived:\n  a: rfm.t / orders\n", "line 11, column 6: unknown feature 'rfm.t': did you mean 'rfm.T'?"},
        {"derived:\n  a: rfm + 1\n",
            "line 11, column 6: 'rfm' is a family: name one of its members, such as 'rfm.frequency'"},
        {"derived:\n  a: 1 + best\n",
            "line 11, column 10: 'best' is a family: name one of its members, such as 'best.1'"},
        {"derived:\n  a: \"channel == '\xc3\xa4' and oders\"\n",
            "line 11, column 26: unknown feature 'oders': did you mean 'orders'?"},
        {"derived:\n  a: 'orders + chanel'\n", "line 11, column 16: unknown feature 'chanel': did you mean 'channel'?"},
        {"derived:\n  a: 'channel == ''x'' or chanel == 1'\n",
            "line 11, column 6: at character 19: unknown feature 'chanel': did you mean 'channel'?"},
        {"derived:\n  a: orders +\n     revenue + chanel\n",
            "line 11, column 6: at character 20: unknown feature 'chanel': did you mean 'channel'?"},
        {"derived:\n  a: orders\n\n    chanel\n",
            "line 11, column 6: at character 8: 'chanel' stands where an operator should come"},
        {"derived:\n  a: |\n    chanel\n",
            "line 11, column 6: at character 1: unknown feature 'chanel': did you mean 'channel'?"},
        {"derived:\n  a: channel + 1\n", "line 11, column 6: '+' takes numbers, and 'channel' is a text"},
        {"derived:\n  a: (orders\n", "line 11, column 6: this '(' has no ')'"},
        {"derived:\n  a: orders 2\n", "line 11, column 13: '2' stands where an operator should come"},
        {"derived:\n  a: {is: orders, default: many}\n",
            "line 11, column 28: default must be a number below 2^53, without quotes: the feature is double"},
        {"derived:\n  a: {is: channel, default: ~}\n",
            "line 11, column 29: default must be a text of at most 1024 bytes: the feature is string"},
        {"derived:\n  a: {is: ordrs, default: x}\n",
            "line 11, column 11: unknown feature 'ordrs': did you mean 'orders'?"},
        {"derived:\n  a: b\n  b: c > 1\n  c: ordrs\nservices: {s: [a, b, c]}\n",
            "line 13, column 6: unknown feature 'ordrs': did you mean 'orders'?"},
        {"derived:\n  a: a + 1\n", "line 11, column 3: derived features are worked out from each other: a -> a"},
        {"derived:\n  c: a\n  b: c + 1\n  a: orders * b\nservices: {s: [a]}\n",
            "line 11, column 3: derived features are worked out from each other: c -> a -> b -> c"},
        {"derived:\n  z: b + ordrs\n  a: b\n  b: a\n  d: e\n  e: d\n  y: e\n",
            "line 11, column 10: unknown feature 'ordrs': did you mean 'orders'?\n"
            "line 12, column 3: derived features are worked out from each other: a -> b -> a\n"
            "line 14, column 3: derived features are worked out from each other: d -> e -> d"},
        {"derived: {a: b, b: c, c: d, d: e, e: f, f: g, g: h, h: i, i: j, j: a}\n",
            "line 10, column 11: derived features are worked out from each other: a -> b -> c -> d -> e -> f -> g -> h "
            "-> 2 more -> a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[2000];
        snprintf(text, sizeof text, "%s%s", FEATURES, cases[i].derived);
        assert_refused_after(text, NULL, cases[i].words);
    }
}

/* The rest of the entry is then other keys, which are told too. */
static void a_comma_within_braces_is_told_for_what_it_does(void **state)
{
    (void)state;
    assert_refused_after(FEATURES "derived:\n  a: {is: max(orders, 1)}\n", NULL,
        "line 11, column 11: within braces a comma ends the expression of 'a': put it in quotes, such as {is: "
        "\"min(a, b)\"}\n"
        "line 11, column 23: unknown key '1)'; there are is, default, description, owner and tags");
    assert_refused_after(FEATURES "derived:\n"
                                  "  a: {is: orders 2, default: 0}\n"
                                  "  b: {is: \"ln(orders\", default: 0}\n",
        NULL,
        "line 11, column 18: '2' stands where an operator should come\n"
        "line 12, column 14: this '(' has no ')'");
    const struct definitions *d = parsed(FEATURES "derived:\n  a: {is: \"max(orders, 1)\"}\n  b: max(orders, 1)\n");
    definitions_release(d);
}

static void what_is_derived_from_a_removed_feature_says_so(void **state)
{
    (void)state;
    const struct definitions *before = parsed(FEATURES "derived: {aov: revenue / orders}\n");
    const char *text = EVENTS "features: {orders: {of: order, count: true}}\n"
                              "derived: {aov: revenue / orders, twice: 2 * aov, b: rfm.T, c: chanel}\n";
    assert_refused_after(text, before,
        "line 4, column 16: feature 'revenue' is gone in this file: put it back, or leave it out here\n"
        "line 4, column 53: feature 'rfm.T' is gone in this file: put it back, or leave it out here\n"
        "line 4, column 63: unknown feature 'chanel'; there are orders, aov, b, c and twice");
    definitions_release(before);
}

static void features_with_mistakes_are_not_blamed_on_what_is_derived_from_them(void **state)
{
    (void)state;
    assert_refused_after(EVENTS "features: {orders: {of: order, sum: amout}}\n"
                                "derived: {a: orders + 1, b: orders == 'x', c: a > 2 and b}\n",
        NULL, "line 3, column 37: unknown attribute of 'order': 'amout': did you mean 'amount'?");
    assert_refused_after(EVENTS "features: [orders]\nderived: {a: orders + 1}\n", NULL,
        "line 3, column 11: features must be a map, such as {name: value}");
    assert_refused_after(EVENTS "derived: [a]\nservices: {s: [a]}\n", NULL,
        "line 3, column 10: derived must be a map, such as {name: value}");
}

static void there_are_at_most_so_many_features_with_those_derived(void **state)
{
    (void)state;
    enum { ROOM = 200 + FEATURES_MAX * 16 };
    char *text = malloc(ROOM);
    for (int extra = 0; extra <= 1; extra++) {
        size_t length = (size_t)snprintf(text, ROOM, "%sderived:\n", FEATURES);
        for (int i = 0; i < FEATURES_MAX - FEATURE_COUNT + extra; i++)
            length += (size_t)snprintf(text + length, ROOM - length, "  d%d: orders\n", i);
        if (extra) {
            assert_refused_after(text, NULL,
                "line 11, column 3: features are too many with the members of families and those derived: 4097 (at "
                "most 4096)");
            continue;
        }
        const struct definitions *d = parsed(text);
        assert_int_equal(d->feature_count, FEATURES_MAX);
        definitions_release(d);
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_derived_feature_is_told_whole),
        cmocka_unit_test(derived_features_come_after_their_operands_else_in_the_files_order),
        cmocka_unit_test(the_first_of_the_file_that_can_come_comes_next),
        cmocka_unit_test(a_chain_written_backwards_is_put_in_order),
        cmocka_unit_test(a_selection_has_what_it_needs_and_what_takes_a_missing_values_place),
        cmocka_unit_test(what_many_derived_features_need_is_found_whole),
        cmocka_unit_test(every_mistake_is_told_with_its_place),
        cmocka_unit_test(a_comma_within_braces_is_told_for_what_it_does),
        cmocka_unit_test(what_is_derived_from_a_removed_feature_says_so),
        cmocka_unit_test(features_with_mistakes_are_not_blamed_on_what_is_derived_from_them),
        cmocka_unit_test(there_are_at_most_so_many_features_with_those_derived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
