/* The oracle itself, on examples worked out by hand: who checks the checker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/property/oracle.h"

#define SECOND INT64_C(1000000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

#define YEAR_2026 (INT64_C(1767225600) * SECOND)

/* --- a small shop --------------------------------------------------------------------------------------- */

enum { ORDER_AMOUNT, ORDER_CHANNEL, ORDER_WEIGHT };

static struct oracle_definitions shop(const char *zone)
{
    struct oracle_definitions definitions = {.identifier_count = 2, .event_count = 1};
    strncat(definitions.time_zone, zone, sizeof definitions.time_zone - 1);
    definitions.identifiers[0] = (struct oracle_identifier_type){.name = "customer_id", .max = 1};
    definitions.identifiers[1] = (struct oracle_identifier_type){
        .name = "email", .normalization = ORACLE_EMAIL, .never_link = {"info@x.org"}, .never_link_count = 1};
    definitions.events[0] = (struct oracle_event_type){.name = "order", .attribute_count = 3};
    struct oracle_attribute_definition *attributes = definitions.events[0].attributes;
    attributes[ORDER_AMOUNT] = (struct oracle_attribute_definition){"amount", ORACLE_MONEY};
    attributes[ORDER_CHANNEL] = (struct oracle_attribute_definition){"channel", ORACLE_STRING};
    attributes[ORDER_WEIGHT] = (struct oracle_attribute_definition){"weight", ORACLE_NUMBER};
    return definitions;
}

static void add_feature(struct oracle_definitions *definitions, enum oracle_aggregation aggregation,
    size_t attribute, int64_t window_us)
{
    definitions->features[definitions->feature_count++] = (struct oracle_feature){
        .aggregation = aggregation, .attribute = attribute, .window_us = window_us, .unit_us = DAY};
}

/* An order of so many cents by a customer_id, an email or both. */
static struct oracle_outcome order(struct oracle *oracle, const char *id, const char *customer,
    const char *email, int64_t time_us, int64_t cents, int64_t clock_us)
{
    struct oracle_attribute amount = {
        .name = oracle_text_of("amount"), .kind = ORACLE_GIVEN_DECIMAL, .mantissa = cents, .places = 2};
    struct oracle_attribute channel = {
        .name = oracle_text_of("channel"), .kind = ORACLE_GIVEN_TEXT, .text = oracle_text_of(id)};
    struct oracle_attribute attributes[] = {amount, channel};
    struct oracle_identifier identifiers[2];
    struct oracle_event event = {.source = oracle_text_of("web"),
        .type = oracle_text_of("order"),
        .id = oracle_text_of(id),
        .time_us = time_us,
        .identifiers = identifiers,
        .attributes = attributes,
        .attribute_count = 2};
    if (email)
        identifiers[event.identifier_count++] =
            (struct oracle_identifier){oracle_text_of("email"), oracle_text_of(email)};
    if (customer)
        identifiers[event.identifier_count++] =
            (struct oracle_identifier){oracle_text_of("customer_id"), oracle_text_of(customer)};
    return oracle_add(oracle, &event, clock_us, INT64_MIN);
}

static struct oracle_row ask(struct oracle *oracle, const char *type, const char *value, int64_t as_of_us)
{
    struct oracle_row row;
    struct oracle_identifier identifier = {oracle_text_of(type), oracle_text_of(value)};
    assert_true(oracle_answer(oracle, &identifier, as_of_us, &row));
    return row;
}

/* --- aggregates ------------------------------------------------------------------------------------------ */

/* Customer 4 of the CDNOW sample; at the end of September 1997 the literature (Fader and Hardie 2005) has it with
 * x = 2, t_x = 30.43 weeks, T = 38.86 weeks: 213 and 272 days. */
static void rfm_of_a_cdnow_customer_is_the_literatures(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("UTC");
    for (int i = 0; i < 4; i++)
        add_feature(&definitions, (enum oracle_aggregation)(ORACLE_RFM_FREQUENCY + i), ORDER_AMOUNT, 0);
    struct oracle *oracle = oracle_new(&definitions, 7 * DAY);
    int64_t first_us = INT64_C(852076800) * SECOND; /* 1997-01-01 */
    order(oracle, "a", "4", NULL, first_us + 9 * HOUR, 2933, first_us + DAY);
    order(oracle, "b", "4", NULL, first_us + 17 * DAY, 2973, first_us + 18 * DAY);
    order(oracle, "c", "4", NULL, first_us + 213 * DAY, 1496, first_us + 214 * DAY);
    order(oracle, "d", "4", NULL, first_us + 345 * DAY, 2648, first_us + 346 * DAY);
    struct oracle_row row = ask(oracle, "customer_id", "4", first_us + 273 * DAY);
    assert_int_equal(row.values[0].integer, 2);
    assert_int_equal(row.values[1].integer, 213);
    assert_int_equal(row.values[2].integer, 272);
    assert_true(row.values[3].real == 22.345); /* (29.73 + 14.96) / 2 */
    row = ask(oracle, "customer_id", "4", first_us + 2 * DAY);
    assert_int_equal(row.values[0].integer, 0);
    assert_int_equal(row.values[3].status, ORACLE_NULL);
    oracle_free(oracle);
}

/* Five minutes at 12:07:30 begin in the tile of 12:00, and hold what is before 12:07:30. */
static void a_window_begins_with_the_tile_its_head_lies_in(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("UTC");
    add_feature(&definitions, ORACLE_COUNT, 0, 5 * MINUTE);
    struct oracle *oracle = oracle_new(&definitions, 7 * DAY);
    int64_t noon_us = YEAR_2026 + 12 * HOUR;
    order(oracle, "a", "1", NULL, noon_us - 1, 100, noon_us);
    assert_int_equal(
        ask(oracle, "customer_id", "1", noon_us + 7 * MINUTE + 30 * SECOND).values[0].integer, 0);
    order(oracle, "b", "1", NULL, noon_us, 100, noon_us);
    assert_int_equal(
        ask(oracle, "customer_id", "1", noon_us + 7 * MINUTE + 30 * SECOND).values[0].integer, 1);
    assert_int_equal(ask(oracle, "customer_id", "1", noon_us + 10 * MINUTE - 1).values[0].integer, 1);
    assert_int_equal(ask(oracle, "customer_id", "1", noon_us + 10 * MINUTE).values[0].integer, 0);
    /* dated ahead: counts at its time + 1, not at its time */
    int64_t ahead_us = noon_us + HOUR;
    order(oracle, "c", "1", NULL, ahead_us, 100, noon_us + MINUTE);
    assert_int_equal(ask(oracle, "customer_id", "1", ahead_us).values[0].integer, 0);
    assert_int_equal(ask(oracle, "customer_id", "1", ahead_us + 1).values[0].integer, 1);
    oracle_free(oracle);
}

/* BLAKE2b-128 of (web, order, id) begins with d1 for a, 0f for b and c6 for c. */
static void ties_in_time_go_by_the_hash_of_the_id(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("UTC");
    add_feature(&definitions, ORACLE_FIRST, ORDER_CHANNEL, 0);
    add_feature(&definitions, ORACLE_LAST, ORDER_CHANNEL, 0);
    add_feature(&definitions, ORACLE_AGE_FIRST, 0, 0);
    struct oracle *oracle = oracle_new(&definitions, 7 * DAY);
    order(oracle, "a", "1", NULL, YEAR_2026, 100, YEAR_2026 + DAY);
    order(oracle, "b", "1", NULL, YEAR_2026, 100, YEAR_2026 + DAY);
    order(oracle, "c", "1", NULL, YEAR_2026, 100, YEAR_2026 + DAY);
    struct oracle_row row = ask(oracle, "customer_id", "1", YEAR_2026 + 36 * HOUR);
    assert_memory_equal(row.values[0].text.data, "b", 1);
    assert_memory_equal(row.values[1].text.data, "a", 1);
    assert_true(row.values[2].real == 1.5);
    oracle_free(oracle);
}

static void sums_are_exact_and_converted_once(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("UTC");
    add_feature(&definitions, ORACLE_SUM, ORDER_AMOUNT, 0);
    add_feature(&definitions, ORACLE_MEAN, ORDER_AMOUNT, 0);
    add_feature(&definitions, ORACLE_DISTINCT, ORDER_AMOUNT, 0);
    add_feature(&definitions, ORACLE_MAX, ORDER_AMOUNT, 0);
    add_feature(&definitions, ORACLE_MIN, ORDER_WEIGHT, 0);
    struct oracle *oracle = oracle_new(&definitions, 7 * DAY);
    order(oracle, "a", "1", NULL, YEAR_2026, 10, YEAR_2026);
    order(oracle, "b", "1", NULL, YEAR_2026, 20, YEAR_2026);
    order(oracle, "c", "1", NULL, YEAR_2026, 20, YEAR_2026);
    struct oracle_row row = ask(oracle, "customer_id", "1", YEAR_2026 + DAY);
    assert_true(row.values[0].real == 0.5); /* 0.1 + 0.2 + 0.2 in doubles is that too; 0.1 + 0.2 is not 0.3 */
    assert_true(row.values[0].exact == 500000);
    assert_true(row.values[1].real == 500000.0 / 3000000.0);
    assert_int_equal(row.values[2].integer, 2);
    assert_true(row.values[3].real == 0.2);
    assert_int_equal(row.values[4].status, ORACLE_NULL); /* no order says what it weighs */
    oracle_free(oracle);
}

static void numbers_are_rounded_once_half_to_even(void **state)
{
    (void)state;
    struct oracle_scalar scalar;
    /* 2^-33 is half of the last place: to 0; three of it: to 2 */
    struct oracle_attribute given = {.kind = ORACLE_GIVEN_REAL, .real = 0x1p-33};
    assert_true(oracle_convert(ORACLE_NUMBER, &given, &scalar));
    assert_true(scalar.number == 0);
    given.real = 0x3p-33;
    assert_true(oracle_convert(ORACLE_NUMBER, &given, &scalar));
    assert_true(scalar.number == 2);
    given.real = -0x3p-33;
    assert_true(oracle_convert(ORACLE_NUMBER, &given, &scalar));
    assert_true(scalar.number == -2);
    given = (struct oracle_attribute){.kind = ORACLE_GIVEN_DECIMAL, .mantissa = 1, .places = 1};
    assert_true(oracle_convert(ORACLE_NUMBER, &given, &scalar));
    assert_true(scalar.number == 429496730); /* 429496729.6 */
    given = (struct oracle_attribute){.kind = ORACLE_GIVEN_REAL, .real = 19.99};
    assert_true(oracle_convert(ORACLE_MONEY, &given, &scalar));
    assert_true(scalar.number == 19990000);
    given.real = 19.9900001;
    assert_false(oracle_convert(ORACLE_MONEY, &given, &scalar));
    given.real = 1.5;
    assert_false(oracle_convert(ORACLE_INTEGER, &given, &scalar));
}

/* --- identity -------------------------------------------------------------------------------------------- */

static void a_rule_drops_the_lowest_identifier_and_a_merge_is_not_known_before_it_is(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("UTC");
    add_feature(&definitions, ORACLE_COUNT, 0, 0);
    struct oracle *oracle = oracle_new(&definitions, 7 * DAY);
    int64_t t = YEAR_2026;
    struct oracle_outcome outcome = order(oracle, "a", "1", "Ada@X.org", t, 100, t);
    assert_int_equal(outcome.node, 1); /* customer_id comes before email, whatever the event's order */
    assert_int_equal(outcome.known_at_us, t);
    outcome = order(oracle, "b", "2", " ada@x.org ", t, 100, t);
    assert_int_equal(outcome.identifiers_dropped, 1); /* two customer_ids would be in one customer */
    assert_int_equal(outcome.node, 3);
    assert_int_equal(outcome.known_at_us, t + 1); /* the clock stands still */
    outcome = order(oracle, "c", NULL, "bob@x.org", t, 100, t + 10);
    assert_int_equal(outcome.node, 4);
    outcome = order(oracle, "d", "1", "bob@x.org", t, 100, t + 20);
    assert_int_equal(outcome.customers_merged, 1);
    assert_int_equal(ask(oracle, "email", "bob@x.org", t + 20).customer, 4);
    assert_int_equal(ask(oracle, "email", "bob@x.org", t + 20).values[0].integer, 1);
    assert_int_equal(ask(oracle, "email", "bob@x.org", t + 21).customer, 1);
    assert_int_equal(ask(oracle, "email", "bob@x.org", t + 21).values[0].integer, 3);
    assert_int_equal(ask(oracle, "email", "bob@x.org", t + 10).status, ORACLE_NOT_FOUND);
    assert_int_equal(ask(oracle, "customer_id", "2", t + 21).values[0].integer, 1);
    const uint64_t *customers;
    assert_int_equal(oracle_customers(oracle, t + 20, &customers), 3);
    assert_int_equal(oracle_customers(oracle, t + 21, &customers), 2);
    assert_int_equal(customers[1], 3);
    outcome = order(oracle, "e", NULL, "INFO@x.org", t, 100, t + 30);
    assert_int_equal(outcome.fate, ORACLE_REFUSED);
    outcome = order(oracle, "f", "3", "INFO@x.org", t, 100, t + 30);
    assert_int_equal(outcome.identifiers_dropped, 1);
    oracle_free(oracle);
}

static void an_event_counts_once(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("UTC");
    add_feature(&definitions, ORACLE_COUNT, 0, 0);
    struct oracle *oracle = oracle_new(&definitions, 7 * DAY);
    int64_t t = YEAR_2026;
    assert_int_equal(order(oracle, "a", "1", NULL, t, 100, t).fate, ORACLE_APPLIED);
    assert_int_equal(order(oracle, "a", "2", NULL, t, 100, t + 1).fate, ORACLE_DUPLICATE);
    assert_int_equal(order(oracle, "a", "1", NULL, t, 101, t + 1).refusal, ORACLE_CONFLICT);
    assert_int_equal(order(oracle, "a", "1", NULL, t + 1, 100, t + 1).refusal, ORACLE_CONFLICT);
    assert_int_equal(order(oracle, "b", "1", NULL, t + 7 * DAY, 100, t).refusal, 0); /* known at t + 1 */
    assert_int_equal(order(oracle, "c", "1", NULL, t + 7 * DAY + 3, 100, t).refusal, ORACLE_TOO_FAR_AHEAD);
    assert_int_equal(ask(oracle, "customer_id", "2", t + DAY).status, ORACLE_NOT_FOUND);
    assert_int_equal(ask(oracle, "customer_id", "1", t + DAY).values[0].integer, 1);
    oracle_free(oracle);
}

/* --- days ------------------------------------------------------------------------------------------------ */

static void days_are_the_zones(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("Europe/Berlin");
    oracle_free(oracle_new(&definitions, DAY));
    int64_t midnight_us =
        INT64_C(1774738800) * SECOND; /* 2026-03-28T23:00Z, the 29th in Berlin, with 23 hours */
    assert_int_equal(oracle_day(midnight_us), 20541);
    assert_int_equal(oracle_day(midnight_us - 1), 20540);
    assert_int_equal(oracle_day_start(20541), midnight_us);
    assert_int_equal(oracle_day_start(20542), midnight_us + 23 * HOUR);
    assert_int_equal(oracle_day(-1), 0); /* an hour of 1970 had passed in Berlin */
    assert_int_equal(oracle_day(-HOUR - 1), -1);
    definitions = shop("America/St_Johns"); /* clocks went back an hour at 00:01 */
    oracle_free(oracle_new(&definitions, DAY));
    int64_t back_us = INT64_C(1257042660) * SECOND;
    assert_int_equal(oracle_day(back_us - MINUTE), oracle_day(back_us) + 1);
    assert_int_equal(oracle_day(back_us - MINUTE - 1), oracle_day(back_us));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfm_of_a_cdnow_customer_is_the_literatures),
        cmocka_unit_test(a_window_begins_with_the_tile_its_head_lies_in),
        cmocka_unit_test(ties_in_time_go_by_the_hash_of_the_id),
        cmocka_unit_test(sums_are_exact_and_converted_once),
        cmocka_unit_test(numbers_are_rounded_once_half_to_even),
        cmocka_unit_test(a_rule_drops_the_lowest_identifier_and_a_merge_is_not_known_before_it_is),
        cmocka_unit_test(an_event_counts_once),
        cmocka_unit_test(days_are_the_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
