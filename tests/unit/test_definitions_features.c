/* What a file says about features and services, as it is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/definitions_fixture.h"

#define HOUR_US MICROSECONDS_PER_HOUR
#define DAY_US MICROSECONDS_PER_DAY

/* A file whose one feature f is this. */
static const struct definitions *parsed_feature(const char *feature)
{
    char text[4000];
    int length = snprintf(text, sizeof text, EVENTS "features:\n  f: %s\n", feature);
    assert_true((size_t)length < sizeof text);
    return parsed(text);
}

static void every_aggregation_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *feature;
        enum aggregation aggregation;
        enum value_type type;
        int attribute;
    } cases[] = {
        {"{of: order, variance: amount}", AGGREGATION_VARIANCE, VALUE_DOUBLE, 0},
        {"{of: order, stddev: points}", AGGREGATION_STDDEV, VALUE_DOUBLE, 2},
        {"{of: order, ratio: {gift: true}}", AGGREGATION_RATIO, VALUE_DOUBLE, -1},
        {"{of: order, decayed: weight, half_life: 30d}", AGGREGATION_DECAYED, VALUE_DOUBLE, 1},
        {"{of: order, decayed: gift, half_life: 30d}", AGGREGATION_DECAYED, VALUE_DOUBLE, 3},
        {"{of: order, decayed: true, half_life: 30d}", AGGREGATION_DECAYED, VALUE_DOUBLE, -1},
        {"{of: order, age: first}", AGGREGATION_AGE_FIRST, VALUE_DOUBLE, -1},
        {"{of: order, age: last}", AGGREGATION_AGE_LAST, VALUE_DOUBLE, -1},
        {"{of: order, gaps: mean}", AGGREGATION_GAP_MEAN, VALUE_DOUBLE, -1},
        {"{of: order, gaps: stddev}", AGGREGATION_GAP_STDDEV, VALUE_DOUBLE, -1},
        {"{of: order, gaps: last}", AGGREGATION_GAP_LAST, VALUE_INT64, -1},
        {"{of: order, active_days: true}", AGGREGATION_ACTIVE_DAYS, VALUE_INT64, -1},
        {"{of: order, streak: current}", AGGREGATION_STREAK_CURRENT, VALUE_INT64, -1},
        {"{of: order, streak: longest}", AGGREGATION_STREAK_LONGEST, VALUE_INT64, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct definitions *d = parsed_feature(cases[i].feature);
        assert_int_equal(d->feature_count, 1);
        const struct feature *feature = &d->features[0];
        assert_int_equal(feature->aggregation, cases[i].aggregation);
        assert_int_equal(feature->type, cases[i].type);
        assert_int_equal(feature->attribute, cases[i].attribute);
        assert_int_equal(feature->by_attribute, -1);
        assert_true(feature->half_life_us == (feature->aggregation == AGGREGATION_DECAYED ? 30 * DAY_US : 0));
        assert_null(feature->fallback);
        assert_null(feature->expression);
        definitions_release(d);
    }
}

static void an_attribute_may_be_called_true_or_count(void **state)
{
    (void)state;
    const struct definitions *d = parsed("identifiers: {id: }\nevents: {order: {true: money, count: integer}}\n"
                                         "features:\n"
                                         "  f: {of: order, decayed: 'true', half_life: 1d}\n"
                                         "  g: {of: order, top: count, by: count}\n");
    assert_int_equal(feature_of(d, "f")->attribute, 0);
    assert_int_equal(feature_of(d, "g.1")->attribute, 1);
    assert_int_equal(feature_of(d, "g.1")->by_attribute, -1);
    definitions_release(d);
}

static void a_window_may_end_earlier(void **state)
{
    (void)state;
    static const struct {
        const char *window, *offset;
        int64_t offset_us;
    } cases[] = {{"90d", "90d", 90 * DAY_US}, {"7m", "1m", MICROSECONDS_PER_MINUTE}, {"11h", "30d", 30 * DAY_US},
        {"12h", "366d", 366 * DAY_US}, {"11d", "366d", 366 * DAY_US}, {"12d", "3648d", 3648 * DAY_US},
        {"3659d", "1d", DAY_US}, {"30d", "36h", 36 * HOUR_US}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[200];
        snprintf(text, sizeof text, "{of: order, count: true, offset: %s, window: %s}", cases[i].offset,
            cases[i].window);
        const struct definitions *d = parsed_feature(text);
        assert_true(d->features[0].offset_us == cases[i].offset_us);
        definitions_release(d);
    }
}

/* --- filters ------------------------------------------------------------------------------------------------------ */

static void a_list_is_kept_ascending(void **state)
{
    (void)state;
    const struct definitions *d = parsed_feature("{of: order, count: true, where: {channel: [web, app, 10, ''], "
                                                 "points: [7, -2, 10], gift: [true, false]}}");
    const struct filter *filters = d->features[0].filters;
    assert_int_equal(d->features[0].filter_count, 3);
    assert_int_equal(filters[0].attribute, 4);
    assert_int_equal(filters[0].value_count, 4);
    static const char *const texts[] = {"", "10", "app", "web"};
    for (size_t i = 0; i < 4; i++) {
        assert_bytes(filters[0].values[i].text, texts[i]);
        assert_int_equal(filters[0].values[i].type, ATTRIBUTE_TEXT);
    }
    assert_int_equal(filters[1].value_count, 3);
    assert_true(filters[1].values[0].number == -2 && filters[1].values[1].number == 7);
    assert_true(filters[1].values[2].number == 10);
    assert_int_equal(filters[2].value_count, 2);
    assert_false(filters[1].has_low || filters[1].has_high);
    definitions_release(d);
}

static void a_range_has_one_bound_or_two_open_or_closed(void **state)
{
    (void)state;
    static const struct {
        const char *range;
        bool has_low, low_open, has_high, high_open;
        int low, high;
    } cases[] = {
        {"{at_least: 10}", true, false, false, false, 10, 0},
        {"{more_than: -10}", true, true, false, false, -10, 0},
        {"{at_most: 5}", false, false, true, false, 0, 5},
        {"{less_than: 5}", false, false, true, true, 0, 5},
        {"{less_than: 20, at_least: 10}", true, false, true, true, 10, 20},
        {"{more_than: 10, at_most: 11}", true, true, true, false, 10, 11},
        {"{at_least: 10, at_most: 10}", true, false, true, false, 10, 10},
        {"{more_than: 10, less_than: 12}", true, true, true, true, 10, 12},
    };
    static const struct {
        const char *name;
        int number;
        int128 scale;
    } attributes[] = {{"amount", 0, 1000000}, {"weight", 1, (int128)1 << 32}, {"points", 2, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t j = 0; j < 3; j++) {
            char text[200];
            snprintf(text, sizeof text, "{of: order, ratio: {%s: %s}}", attributes[j].name, cases[i].range);
            const struct definitions *d = parsed_feature(text);
            assert_int_equal(d->features[0].matching_count, 1);
            assert_int_equal(d->features[0].filter_count, 0);
            const struct filter *filter = &d->features[0].matching[0];
            assert_int_equal(filter->attribute, attributes[j].number);
            assert_int_equal(filter->value_count, 0);
            assert_int_equal(filter->has_low, cases[i].has_low);
            assert_int_equal(filter->has_high, cases[i].has_high);
            assert_int_equal(filter->low_open, cases[i].low_open);
            assert_int_equal(filter->high_open, cases[i].high_open);
            assert_true(filter->low.number == cases[i].low * attributes[j].scale);
            assert_true(filter->high.number == cases[i].high * attributes[j].scale);
            definitions_release(d);
        }
    }
}

/* --- families ----------------------------------------------------------------------------------------------------- */

static void a_top_is_a_family_of_its_places(void **state)
{
    (void)state;
    const struct definitions *d = parsed(EVENTS "features:\n"
                                                "  t: {of: order, top: channel}\n"
                                                "  one: {of: order, top: amount, k: 1, by: weight, window: 30d}\n"
                                                "  most: {of: order, top: gift, k: 20, by: points}\n"
                                                "services: {s: [one, t, most.20]}\n");
    assert_int_equal(d->feature_count, 24);
    for (size_t i = 0; i < 3; i++) {
        char name[20];
        snprintf(name, sizeof name, "t.%zu", i + 1);
        assert_bytes(d->features[i].name, name);
        assert_int_equal(d->features[i].rank, i);
        assert_int_equal(d->features[i].type, VALUE_TEXT);
        assert_int_equal(d->features[i].aggregation, AGGREGATION_TOP);
        assert_int_equal(d->features[i].attribute_type, ATTRIBUTE_TEXT);
    }
    assert_bytes(d->features[3].name, "one.1");
    assert_int_equal(d->features[3].type, VALUE_MONEY);
    assert_int_equal(d->features[3].by_attribute, 1);
    assert_true(d->features[3].window_us == 30 * DAY_US);
    assert_bytes(d->features[23].name, "most.20");
    assert_int_equal(d->features[23].rank, 19);
    assert_int_equal(d->features[23].by_attribute, 2);
    static const uint32_t wanted[] = {3, 0, 1, 2, 23};
    assert_int_equal(d->services[0].selection.count, 5);
    assert_memory_equal(d->services[0].selection.features, wanted, sizeof wanted);
    assert_null(d->services[0].selection.fallbacks);
    definitions_release(d);
}

/* --- defaults ----------------------------------------------------------------------------------------------------- */

static void a_default_is_of_the_feature_s_type(void **state)
{
    (void)state;
    const struct definitions *d =
        parsed(EVENTS "features:\n"
                      "  money: {of: order, sum: amount, default: -12.5}\n"
                      "  real: {of: order, mean: amount, default: 1e-3}\n"
                      "  zero: {of: order, mean: amount, default: -0}\n"
                      "  whole: {of: order, count: true, default: +9007199254740991}\n"
                      "  yes_no: {of: order, last: gift, default: true}\n"
                      "  text: {of: order, last: channel, default: none}\n"
                      "  empty: {of: order, last: channel, default: ''}\n"
                      "  nothing: {of: order, last: channel, default: 'null'}\n");
    const struct feature *features = d->features;
    for (size_t i = 0; i < d->feature_count; i++) {
        assert_int_equal(features[i].fallback->status, STATUS_DEFAULT);
        assert_int_equal(features[i].fallback->type, features[i].type);
        assert_true(features[i].fallback->age_us == 0);
    }
    assert_true(features[0].fallback->exact == -12500000 && features[0].fallback->real == -12.5);
    assert_true(features[1].fallback->real == 0.001);
    assert_true(features[2].fallback->real == 0.0 && !__builtin_signbit(features[2].fallback->real));
    assert_true(features[3].fallback->integer == INT64_C(9007199254740991));
    assert_true(features[4].fallback->integer == 1);
    assert_bytes(features[5].fallback->text, "none");
    assert_bytes(features[6].fallback->text, "");
    assert_bytes(features[7].fallback->text, "null");
    definitions_release(d);
}

static void a_family_s_default_is_that_of_the_members_it_fits(void **state)
{
    (void)state;
    const struct definitions *d = parsed(EVENTS "features:\n"
                                                "  a: {of: order, rfm: amount, default: 0}\n"
                                                "  b: {of: order, rfm: amount, default: 0.5}\n"
                                                "  c: {of: order, top: channel, k: 2, default: none}\n");
    for (size_t i = 0; i < 3; i++) {
        assert_true(d->features[i].fallback->type == VALUE_INT64 && d->features[i].fallback->integer == 0);
        assert_null(d->features[4 + i].fallback);
    }
    assert_true(d->features[3].fallback->type == VALUE_DOUBLE && d->features[3].fallback->real == 0.0);
    assert_true(d->features[7].fallback->real == 0.5);
    assert_bytes(d->features[8].fallback->text, "none");
    assert_bytes(d->features[9].fallback->text, "none");
    definitions_release(d);
}

static void a_service_s_default_goes_before_the_feature_s(void **state)
{
    (void)state;
    const struct definitions *d = parsed(EVENTS
        "features:\n"
        "  n: {of: order, count: true, default: 7}\n"
        "  m: {of: order, mean: amount}\n"
        "  rfm: {of: order, rfm: amount, default: 1}\n"
        "  last: {of: order, last: channel}\n"
        "services:\n"
        "  own: [m, n]\n"
        "  none: [m, last]\n"
        "  given:\n"
        "    features: [n, m, rfm, last]\n"
        "    defaults: {rfm.T: 3, n: 0, rfm: 2.5, last: web}\n"
        "  part: {features: [rfm.monetary, rfm.T, m], defaults: {rfm.T: 3, rfm: 2}}\n");
    const struct selection *own = &d->services[0].selection, *given = &d->services[2].selection;
    assert_null(own->fallbacks[0]);
    assert_ptr_equal(own->fallbacks[1], feature_of(d, "n")->fallback);
    assert_null(d->services[1].selection.fallbacks);
    assert_true(given->fallbacks[0]->integer == 0 && given->fallbacks[0]->status == STATUS_DEFAULT);
    assert_null(given->fallbacks[1]);
    assert_true(given->fallbacks[2]->integer == 1); /* 2.5 is no whole number: the feature's own stays */
    assert_true(given->fallbacks[4]->integer == 3);
    assert_true(given->fallbacks[5]->real == 2.5);
    assert_bytes(given->fallbacks[6]->text, "web");
    assert_true(d->services[3].selection.fallbacks[0]->real == 2.0);
    assert_true(d->services[3].selection.fallbacks[1]->integer == 3);
    assert_null(d->services[3].selection.fallbacks[2]);
    definitions_release(d);
}

/* --- words -------------------------------------------------------------------------------------------------------- */

static void features_and_services_have_words_for_people(void **state)
{
    (void)state;
    const struct definitions *d = parsed(EVENTS
        "features:\n"
        "  f: {of: order, top: channel, k: 1, max_age: 90d, description: What they use., owner: crm, tags: [a, b c]}\n"
        "  g: {of: order, count: true, tags: []}\n"
        "services:\n"
        "  s: {features: [f], description: \"Line one\\nLine two\", owner: crm@x.org, tags: [churn]}\n"
        "  t: [g]\n");
    const struct feature *f = feature_of(d, "f.1"), *g = feature_of(d, "g");
    assert_bytes(f->description, "What they use.");
    assert_bytes(f->owner, "crm");
    assert_int_equal(f->tag_count, 2);
    assert_bytes(f->tags[0], "a");
    assert_bytes(f->tags[1], "b c");
    assert_true(f->max_age_us == 90 * DAY_US);
    assert_int_equal(g->tag_count + g->description.length + g->owner.length, 0);
    assert_true(g->max_age_us == 0);
    const struct service *s = &d->services[0];
    assert_bytes(s->description, "Line one\nLine two");
    assert_bytes(s->owner, "crm@x.org");
    assert_int_equal(s->tag_count, 1);
    assert_bytes(s->tags[0], "churn");
    assert_int_equal(s->selection.count, 1);
    assert_int_equal(d->services[1].tag_count, 0);
    definitions_release(d);
}

static void texts_may_be_as_long_as_their_limits(void **state)
{
    (void)state;
    char a[1025] = {0}, feature[3000];
    memset(a, 'a', 1024);
    snprintf(feature, sizeof feature, "{of: order, last: channel, default: %s, tags: [%.64s], owner: %.1000s}", a, a,
        a);
    const struct definitions *d = parsed_feature(feature);
    assert_int_equal(d->features[0].fallback->text.length, 1024);
    assert_int_equal(d->features[0].tags[0].length, 64);
    assert_int_equal(d->features[0].owner.length, 1000);
    definitions_release(d);
}

static void what_becomes_of_unknown_attributes_is_read(void **state)
{
    (void)state;
    static const char *const words[] = {"refuse", "drop", "keep"};
    for (int i = 0; i < 3; i++) {
        char text[300];
        snprintf(text, sizeof text, EVENTS "unknown_attributes: %s\n", words[i]);
        const struct definitions *d = parsed(text);
        assert_int_equal(d->unknown_attributes, UNKNOWN_REFUSE + i);
        definitions_release(d);
    }
    const struct definitions *d = parsed(EVENTS);
    assert_int_equal(d->unknown_attributes, UNKNOWN_REFUSE);
    definitions_release(d);
}

static void a_feature_is_kept_as_it_is_written(void **state)
{
    (void)state;
    const struct definitions *d = parsed(
        "\xef\xbb\xbf" EVENTS "# Gr\xc3\xb6\xc3\x9f" "e \xe2\x82\xac \xf0\x9f\x99\x82\n"
        "features:\n"
        "  # before a\n"
        "  a: {of: order, count: true}   # all \xe2\x82\xac of them  \n"
        "\n"
        "  # before b\n"
        "  \"b\":\n"
        "    of: order\n"
        "    # inside b\n"
        "    where:\n"
        "      channel:\n"
        "      - web\n"
        "      - app   # both\n"
        "    count: true\n"
        "    # after b\n"
        "  c: {of: order, count: true, description: 'of\n"
        "      two lines'\n"
        "    }\n"
        "  d:\n"
        "    of: order\n"
        "    count: true\n"
        "    description: |\n"
        "      one # no comment\n"
        "      two\n"
        "\n"
        "\n"
        "  e: {of: order, count: true, tags: []}\r\n"
        "  top: {of: order, top: channel, k: 2}");
    static const char *const wanted[] = {
        "a: {of: order, count: true}   # all \xe2\x82\xac of them",
        ("\"b\":\n    of: order\n    # inside b\n    where:\n      channel:\n      - web\n      - app   # both\n"
         "    count: true"),
        "c: {of: order, count: true, description: 'of\n      two lines'\n    }",
        "d:\n    of: order\n    count: true\n    description: |\n      one # no comment\n      two",
        "e: {of: order, count: true, tags: []}",
        "top: {of: order, top: channel, k: 2}",
        "top: {of: order, top: channel, k: 2}",
    };
    assert_int_equal(d->feature_count, 7);
    for (size_t i = 0; i < d->feature_count; i++)
        assert_bytes(d->features[i].written, wanted[i]);
    definitions_release(d);
    d = parsed(EVENTS "features:\n a:\n  of: order\n  count: true\n  where:\n   channel:\n   - web#1\n   -\n"
                      "    'a'#2\n\n# end\n");
    assert_bytes(d->features[0].written,
        "a:\n  of: order\n  count: true\n  where:\n   channel:\n   - web#1\n   -\n    'a'#2");
    definitions_release(d);
    d = parsed(EVENTS "features: {a: {of: order, count: true}, \xe2\x80\xa8" "b : {count: true, of: order} ,c:\n"
                      "  {of: order, count: true}} # end\n");
    assert_bytes(d->features[0].written, "a: {of: order, count: true}");
    assert_bytes(d->features[1].written, "b : {count: true, of: order}");
    assert_bytes(d->features[2].written, "c:\n  {of: order, count: true}");
    definitions_release(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_aggregation_is_read),
        cmocka_unit_test(an_attribute_may_be_called_true_or_count),
        cmocka_unit_test(a_window_may_end_earlier),
        cmocka_unit_test(a_list_is_kept_ascending),
        cmocka_unit_test(a_range_has_one_bound_or_two_open_or_closed),
        cmocka_unit_test(a_top_is_a_family_of_its_places),
        cmocka_unit_test(a_default_is_of_the_feature_s_type),
        cmocka_unit_test(a_family_s_default_is_that_of_the_members_it_fits),
        cmocka_unit_test(a_service_s_default_goes_before_the_feature_s),
        cmocka_unit_test(features_and_services_have_words_for_people),
        cmocka_unit_test(texts_may_be_as_long_as_their_limits),
        cmocka_unit_test(what_becomes_of_unknown_attributes_is_read),
        cmocka_unit_test(a_feature_is_kept_as_it_is_written),
    };
    return cmocka_run_group_tests_name("definitions_features", tests, NULL, NULL);
}
