#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/definitions_fixture.h"

static void a_file_says_what_comes_in(void **state)
{
    (void)state;
    const struct definitions *d = parsed(SHOP);
    assert_int_equal(d->version, 1);
    assert_true(bytes_is(d->text, SHOP));
    assert_bytes(d->currency, "EUR");
    assert_bytes(d->time_zone_name, "Europe/Berlin");
    assert_int_equal(d->identifier_count, 3);
    assert_bytes(d->identifiers[0].name, "customer_id");
    assert_int_equal(d->identifiers[0].max, 1);
    assert_int_equal(d->identifiers[0].normalization, NORMALIZE_NONE);
    assert_bytes(d->identifiers[1].name, "email");
    assert_int_equal(d->identifiers[1].max, 5);
    assert_int_equal(d->identifiers[1].normalization, NORMALIZE_EMAIL);
    assert_bytes(d->identifiers[2].name, "device");
    assert_int_equal(d->event_count, 2);
    const struct event_type *order = definitions_event_type(d, text_of("order"));
    assert_ptr_equal(order, &d->events[0]);
    assert_ptr_equal(definitions_event_type_by_number(d, 1), &d->events[1]);
    assert_null(definitions_event_type_by_number(d, 2));
    assert_null(definitions_event_type(d, text_of("orde")));
    assert_null(definitions_identifier_type(d, text_of("phone")));
    assert_int_equal(order->attribute_count, 6);
    const struct attribute *promo = event_type_attribute(order, text_of("promo"));
    assert_int_equal(promo->number, 3);
    assert_int_equal(promo->type, ATTRIBUTE_BOOL);
    assert_null(event_type_attribute(order, text_of("order_id")));
    definitions_release(d);
}

static void a_file_says_what_is_served_in_its_order(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum aggregation aggregation;
        enum value_type type;
        int attribute;
        int days;
    } wanted[] = {
        {"orders_90d", AGGREGATION_COUNT, VALUE_INT64, -1, 90},
        {"revenue_365d", AGGREGATION_SUM, VALUE_MONEY, 0, 365},
        {"promo_share_365d", AGGREGATION_MEAN, VALUE_DOUBLE, 3, 365},
        {"web_orders_30d", AGGREGATION_COUNT, VALUE_INT64, -1, 30},
        {"days_since_order", AGGREGATION_AGE_LAST, VALUE_DOUBLE, -1, 0},
        {"first_channel", AGGREGATION_FIRST, VALUE_TEXT, 4, 0},
        {"rfm.frequency", AGGREGATION_RFM_FREQUENCY, VALUE_INT64, 0, 0},
        {"rfm.recency", AGGREGATION_RFM_RECENCY, VALUE_INT64, 0, 0},
        {"rfm.T", AGGREGATION_RFM_T, VALUE_INT64, 0, 0},
        {"rfm.monetary", AGGREGATION_RFM_MONETARY, VALUE_DOUBLE, 0, 0},
        {"refunds", AGGREGATION_COUNT, VALUE_INT64, -1, 0},
    };
    const struct definitions *d = parsed(SHOP);
    assert_int_equal(d->feature_count, sizeof wanted / sizeof wanted[0]);
    for (size_t i = 0; i < d->feature_count; i++) {
        const struct feature *feature = &d->features[i];
        assert_bytes(feature->name, wanted[i].name);
        assert_int_equal(feature->aggregation, wanted[i].aggregation);
        assert_int_equal(feature->type, wanted[i].type);
        assert_int_equal(feature->attribute, wanted[i].attribute);
        assert_true(feature->window_us == wanted[i].days * MICROSECONDS_PER_DAY);
        assert_int_equal(feature->event, strcmp(wanted[i].name, "refunds") == 0);
    }
    const struct feature *web = feature_of(d, "web_orders_30d");
    assert_int_equal(web->filter_count, 1);
    assert_int_equal(web->filters[0].attribute, 4);
    assert_bytes(web->filters[0].values[0].text, "web");
    assert_true(feature_of(d, "days_since_order")->unit_us == MICROSECONDS_PER_DAY);
    assert_int_equal(d->service_count, 2);
    assert_bytes(d->services[1].name, "value");
    assert_int_equal(d->services[1].selection.count, 5);
    assert_int_equal(d->services[1].selection.features[0], 1);
    assert_int_equal(d->services[1].selection.features[4], 9);
    definitions_release(d);
}

static void what_is_left_out_has_a_default(void **state)
{
    (void)state;
    const struct definitions *d = parsed("\xef\xbb\xbfidentifiers:\n  id:\nevents:\n  visit:\n  "
                                         "call: ~\nfeatures:\nservices:\n");
    assert_bytes(d->currency, "EUR");
    assert_bytes(d->time_zone_name, "UTC");
    assert_true(time_zone_day(d->zone, -1) == -1);
    assert_int_equal(d->identifiers[0].max, 0);
    assert_int_equal(d->events[1].attribute_count, 0);
    assert_int_equal(d->feature_count + d->service_count, 0);
    definitions_release(d);
}

static void a_feature_has_the_type_of_what_it_computes(void **state)
{
    (void)state;
    static const struct {
        const char *aggregation;
        enum value_type types[5]; /* over money, number, integer, bool, string; 0: refused */
    } cases[] = {
        {"sum", {VALUE_MONEY, VALUE_DOUBLE, VALUE_DOUBLE, VALUE_INT64, 0}},
        {"mean", {VALUE_DOUBLE, VALUE_DOUBLE, VALUE_DOUBLE, VALUE_DOUBLE, 0}},
        {"min", {VALUE_MONEY, VALUE_DOUBLE, VALUE_INT64, 0, 0}},
        {"max", {VALUE_MONEY, VALUE_DOUBLE, VALUE_INT64, 0, 0}},
        {"first", {VALUE_MONEY, VALUE_DOUBLE, VALUE_INT64, VALUE_BOOL, VALUE_TEXT}},
        {"last", {VALUE_MONEY, VALUE_DOUBLE, VALUE_INT64, VALUE_BOOL, VALUE_TEXT}},
        {"distinct", {VALUE_INT64, VALUE_INT64, VALUE_INT64, VALUE_INT64, VALUE_INT64}},
        {"rfm", {VALUE_INT64, VALUE_INT64, VALUE_INT64, 0, 0}},
    };
    static const char *const attributes[] = {"amount", "weight", "points", "gift", "channel"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t j = 0; j < 5; j++) {
            char text[400];
            snprintf(text, sizeof text, EVENTS "features: {f: {of: order, %s: %s}}\n", cases[i].aggregation,
                attributes[j]);
            const struct definitions *d;
            enum patron_code code = definitions_parse(text_of(text), NULL, 1, false, &d, NULL);
            assert_int_equal(code, cases[i].types[j] ? PATRON_OK : PATRON_INVALID);
            if (code == PATRON_OK) {
                assert_int_equal(d->features[0].type, cases[i].types[j]);
                assert_int_equal(d->features[0].attribute, j);
                assert_int_equal(d->features[0].attribute_type, ATTRIBUTE_MONEY + (int)j);
            }
            definitions_release(d);
        }
    }
}

static void filters_hold_values_as_they_are_stored(void **state)
{
    (void)state;
    const struct definitions *d = parsed(EVENTS
        "features:\n"
        "  f: {of: order, count: true, where: {amount: -12.5, weight: 0.5, points: -7, gift: true, channel: 'null'}}\n"
        "  g: {of: order, count: true, where: {gift: false, channel: 1042, points: +9007199254740991}}\n");
    const struct filter *filters = d->features[0].filters;
    assert_int_equal(d->features[0].filter_count, 5);
    assert_true(filters[0].values[0].type == ATTRIBUTE_MONEY && filters[0].values[0].number == -12500000);
    assert_true(filters[1].values[0].type == ATTRIBUTE_NUMBER && filters[1].values[0].number == (int128)1 << 31);
    assert_true(filters[2].values[0].type == ATTRIBUTE_INTEGER && filters[2].values[0].number == -7);
    assert_true(filters[3].values[0].type == ATTRIBUTE_BOOL && filters[3].values[0].number == 1);
    assert_true(filters[4].values[0].type == ATTRIBUTE_TEXT && bytes_is(filters[4].values[0].text, "null"));
    filters = d->features[1].filters;
    assert_true(filters[0].values[0].number == 0);
    assert_bytes(filters[1].values[0].text, "1042");
    assert_true(filters[2].values[0].number == INT64_C(9007199254740991));
    definitions_release(d);
}

static void windows_and_units_are_read_in_every_unit(void **state)
{
    (void)state;
    static const struct {
        const char *window;
        int64_t minutes;
    } cases[] = {{"5m", 5}, {"90m", 90}, {"12h", 720}, {"1d", 1440}, {"4w", 40320}, {"3660d", 5270400},
        {"0090d", 129600}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[400];
        snprintf(text, sizeof text, EVENTS "features: {f: {of: order, count: true, window: %s}}", cases[i].window);
        const struct definitions *d = parsed(text);
        assert_true(d->features[0].window_us == cases[i].minutes * MICROSECONDS_PER_MINUTE);
        definitions_release(d);
    }
    static const char *const units[] = {"second", "minute", "hour", "day", "week"};
    static const int64_t seconds[] = {1, 60, 3600, 86400, 604800};
    for (size_t i = 0; i < 5; i++) {
        char text[400];
        snprintf(text, sizeof text, EVENTS "features: {f: {of: order, age: first, unit: %s}}", units[i]);
        const struct definitions *d = parsed(text);
        assert_true(d->features[0].unit_us == seconds[i] * MICROSECONDS_PER_SECOND);
        assert_int_equal(d->features[0].aggregation, AGGREGATION_AGE_FIRST);
        definitions_release(d);
    }
}

static void definitions_live_until_their_last_holder_lets_go(void **state)
{
    (void)state;
    const struct definitions *d = parsed(SHOP);
    assert_ptr_equal(definitions_retain(d), d);
    definitions_release(d);
    assert_bytes(d->currency, "EUR");
    definitions_release(d);
    definitions_release(NULL);
}

/* --- versions ----------------------------------------------------------------------------------------------------- */

static void a_name_keeps_its_number_over_versions(void **state)
{
    (void)state;
    const struct definitions *first = parsed(SHOP);
    const struct definitions *second = parsed_after(
        "identifiers: {phone: , device: , customer_id: {max: 2}, email: {normalize: email}}\n"
        "events:\n"
        "  visit: {page: string}\n"
        "  refund: {reason: string, order_id: string, amount: money}\n"
        "  order: {tax: money, sku: string, amount: money, discount: money, cost: money, promo: bool,\n"
        "    channel: string}\n",
        first);
    assert_int_equal(second->version, 2);
    static const struct {
        const char *name;
        uint16_t number;
    } identifiers[] = {{"phone", 3}, {"device", 2}, {"customer_id", 0}, {"email", 1}};
    for (size_t i = 0; i < 4; i++) {
        assert_bytes(second->identifiers[i].name, identifiers[i].name);
        assert_int_equal(second->identifiers[i].number, identifiers[i].number);
    }
    assert_bytes(second->events[0].name, "visit");
    assert_int_equal(second->events[0].number, 2);
    assert_int_equal(second->events[1].number, 1);
    assert_int_equal(second->events[2].number, 0);
    for (uint16_t i = 0; i < 3; i++)
        assert_int_equal(definitions_event_type_by_number(second, i)->number, i);
    static const char *const attributes[] = {"amount", "discount", "cost", "promo", "channel", "sku", "tax"};
    const struct event_type *order = definitions_event_type(second, text_of("order"));
    assert_int_equal(order->attribute_count, 7);
    for (size_t i = 0; i < 7; i++) {
        assert_bytes(order->attributes[i].name, attributes[i]);
        assert_int_equal(order->attributes[i].number, i);
    }
    definitions_release(first); /* the second stands by itself */
    const struct definitions *third = parsed_after(
        "identifiers: {customer_id: , email: {normalize: email}, device: , phone: , postal: }\n"
        "events:\n"
        "  call:\n"
        "  order: {amount: money, discount: money, cost: money, promo: bool, channel: string, sku: string,\n"
        "    tax: money}\n"
        "  refund: {amount: money, order_id: string, reason: string}\n"
        "  visit: {page: string}\n",
        second);
    assert_int_equal(definitions_event_type(third, text_of("call"))->number, 3);
    assert_int_equal(definitions_identifier_type(third, text_of("phone"))->number, 3);
    assert_int_equal(definitions_identifier_type(third, text_of("postal"))->number, 4);
    definitions_release(second);
    definitions_release(third);
}

/* --- selections --------------------------------------------------------------------------------------------------- */

static void assert_select_refused(const struct definitions *d, const char *service, const struct bytes *names,
    size_t count, const char *words)
{
    struct arena arena = {0};
    struct selection selection;
    struct error error;
    assert_int_equal(
        definitions_select(d, text_of(service), names, count, &arena, &selection, &error), PATRON_INVALID);
    assert_string_equal(error.text, words);
    arena_clear(&arena);
}

static void features_are_selected_by_service_by_name_and_by_family(void **state)
{
    (void)state;
    const struct definitions *d = parsed(SHOP);
    struct arena arena = {0};
    struct selection selection;
    assert_int_equal(definitions_select(d, text_of("churn"), NULL, 0, &arena, &selection, NULL), PATRON_OK);
    assert_int_equal(selection.count, 4);
    assert_bytes(d->features[selection.features[2]].name, "rfm.T");
    assert_bytes(d->features[selection.features[3]].name, "orders_90d");
    const struct bytes names[] = {text_of("refunds"), text_of("rfm"), text_of("refunds"), text_of("rfm.T")};
    assert_int_equal(definitions_select(d, (struct bytes){0}, names, 4, &arena, &selection, NULL), PATRON_OK);
    static const uint32_t wanted[] = {10, 6, 7, 8, 9, 10, 8};
    assert_int_equal(selection.count, 7);
    assert_memory_equal(selection.features, wanted, sizeof wanted);
    arena_clear(&arena);
    definitions_release(d);
}

static void a_selection_that_cannot_be_is_refused_with_the_nearest_name(void **state)
{
    (void)state;
    const struct definitions *d = parsed(SHOP);
    const struct bytes near = text_of("ordrs_90d"), far = text_of("xyz"), family = text_of("rfm");
    assert_select_refused(d, "", &near, 1, "unknown feature 'ordrs_90d': did you mean 'orders_90d'?");
    assert_select_refused(d, "", &far, 1,
        "unknown feature 'xyz'; there are days_since_order, first_channel, orders_90d, promo_share_365d, refunds and "
        "7 more");
    const struct bytes mixed[] = {near, text_of("refunds"), far, text_of("refnds")};
    assert_select_refused(d, "", mixed, 4,
        "unknown features 'ordrs_90d' (did you mean 'orders_90d'?), 'xyz', 'refnds' (did you mean 'refunds'?); there "
        "are days_since_order, first_channel, orders_90d, promo_share_365d, refunds and 7 more");
    assert_select_refused(d, "", (struct bytes[]){near, text_of("refnds")}, 2,
        "unknown features 'ordrs_90d' (did you mean 'orders_90d'?), 'refnds' (did you mean 'refunds'?)");
    assert_select_refused(d, "chrn", NULL, 0, "unknown service 'chrn': did you mean 'churn'?");
    assert_select_refused(d, "uplift", NULL, 0, "unknown service 'uplift'; there are churn and value");
    assert_select_refused(d, "churn", &family, 1, "both a service and features are named: give one of the two");
    assert_select_refused(d, "", NULL, 0, "neither a service nor a feature is named");
    struct bytes names[READ_FEATURES_MAX + 1];
    for (size_t i = 0; i < READ_FEATURES_MAX + 1; i++)
        names[i] = family;
    assert_select_refused(d, "", names, READ_FEATURES_MAX + 1, "too many features: 1001 (at most 1000)");
    assert_select_refused(d, "", names, 251, "too many features: 1004 (at most 1000)");
    for (size_t i = 0; i < READ_FEATURES_MAX; i++)
        names[i] = text_of("a_name_that_is_as_long_as_names_may_be_and_that_nobody_has_ever_given_a_feature");
    struct error error = {0};
    struct arena arena = {0};
    struct selection selection;
    assert_int_equal(
        definitions_select(d, (struct bytes){0}, names, READ_FEATURES_MAX, &arena, &selection, &error), PATRON_INVALID);
    assert_non_null(strstr(error.text, "...' and 994 more; there are days_since_order"));
    arena_clear(&arena);
    const struct bytes dirty = bytes_of("a\xff\n" "b", 4), none = {0};
    assert_select_refused(d, "", &dirty, 1,
        "unknown feature 'a?" "?b'; there are days_since_order, first_channel, orders_90d, promo_share_365d, refunds "
        "and 7 more");
    assert_select_refused(d, "", &none, 1,
        "unknown feature ''; there are days_since_order, first_channel, orders_90d, promo_share_365d, refunds and "
        "7 more");
    definitions_release(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_says_what_comes_in),
        cmocka_unit_test(a_file_says_what_is_served_in_its_order),
        cmocka_unit_test(what_is_left_out_has_a_default),
        cmocka_unit_test(a_feature_has_the_type_of_what_it_computes),
        cmocka_unit_test(filters_hold_values_as_they_are_stored),
        cmocka_unit_test(windows_and_units_are_read_in_every_unit),
        cmocka_unit_test(definitions_live_until_their_last_holder_lets_go),
        cmocka_unit_test(a_name_keeps_its_number_over_versions),
        cmocka_unit_test(features_are_selected_by_service_by_name_and_by_family),
        cmocka_unit_test(a_selection_that_cannot_be_is_refused_with_the_nearest_name),
    };
    return cmocka_run_group_tests_name("definitions", tests, NULL, NULL);
}
