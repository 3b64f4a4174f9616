/* The oracle itself, on examples worked out by hand: who checks the checker. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "tests/property/oracle_inside.h"

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

static struct oracle_feature *last_feature(struct oracle_definitions *definitions)
{
    return &definitions->features[definitions->feature_count - 1];
}

/* An order of customer 1; without a channel if that is null, and without an amount if there are no cents. */
static void buy(struct oracle *oracle, const char *id, const char *channel, int64_t time_us, int64_t cents)
{
    struct oracle_attribute attributes[2];
    struct oracle_identifier identifier = {oracle_text_of("customer_id"), oracle_text_of("1")};
    struct oracle_event event = {.source = oracle_text_of("web"),
        .type = oracle_text_of("order"),
        .id = oracle_text_of(id),
        .time_us = time_us,
        .identifiers = &identifier,
        .identifier_count = 1,
        .attributes = attributes};
    if (cents != 0)
        attributes[event.attribute_count++] = (struct oracle_attribute){
            .name = oracle_text_of("amount"), .kind = ORACLE_GIVEN_DECIMAL, .mantissa = cents, .places = 2};
    if (channel != NULL)
        attributes[event.attribute_count++] = (struct oracle_attribute){
            .name = oracle_text_of("channel"), .kind = ORACLE_GIVEN_TEXT, .text = oracle_text_of(channel)};
    assert_int_equal(oracle_add(oracle, &event, time_us, INT64_MIN).fate, ORACLE_APPLIED);
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

/* --- the rest of the language ---------------------------------------------------------------------------- */

static struct oracle_scalar scalar_of(const char *text, oracle_int128 number)
{
    struct oracle_scalar scalar = {.number = number, .text_length = strlen(text)};
    memcpy(scalar.text, text, scalar.text_length);
    return scalar;
}

static void a_list_takes_each_of_its_values_and_a_range_what_lies_in_it(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("UTC");
    for (size_t i = 0; i < 5; i++) {
        add_feature(&definitions, ORACLE_COUNT, 0, 0);
        last_feature(&definitions)->filter_count = 1;
    }
    definitions.features[0].filters[0] = (struct oracle_filter){.attribute = ORDER_CHANNEL,
        .equals = {scalar_of("web", 0), scalar_of("", 0)},
        .equal_count = 2};
    struct oracle_filter range = {
        .attribute = ORDER_AMOUNT, .has_low = true, .has_high = true, .low = 1000000, .high = 3000000};
    definitions.features[1].filters[0] = range;
    range.low_open = true;
    definitions.features[2].filters[0] = range;
    range.high_open = true;
    definitions.features[3].filters[0] = range;
    range.has_low = false;
    definitions.features[4].filters[0] = range;
    struct oracle *oracle = oracle_new(&definitions, 7 * DAY);
    buy(oracle, "a", "web", YEAR_2026, 100);
    buy(oracle, "b", "", YEAR_2026 + 1, 200);
    buy(oracle, "c", "we", YEAR_2026 + 2, 300);
    buy(oracle, "d", NULL, YEAR_2026 + 3, 301);
    buy(oracle, "e", "webs", YEAR_2026 + 4, 0); /* no amount */
    struct oracle_row row = ask(oracle, "customer_id", "1", YEAR_2026 + DAY);
    const int64_t expected[] = {2, 3, 2, 1, 2};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(row.values[i].integer, expected[i]);
    oracle_free(oracle);
}

/* The thirty days before the last thirty: what leaves one enters the other at the same moment. */
static void a_window_with_an_offset_ends_where_the_one_after_it_begins(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("Europe/Berlin");
    add_feature(&definitions, ORACLE_COUNT, 0, 30 * DAY);
    add_feature(&definitions, ORACLE_COUNT, 0, 30 * DAY);
    last_feature(&definitions)->offset_us = 30 * DAY;
    add_feature(&definitions, ORACLE_STREAK_CURRENT, 0, 30 * DAY);
    last_feature(&definitions)->offset_us = 30 * DAY;
    struct oracle *oracle = oracle_new(&definitions, 7 * DAY);
    int64_t midnight_us = YEAR_2026 - HOUR; /* of 2026-01-01 in Berlin */
    buy(oracle, "a", "web", midnight_us + 23 * HOUR, 100);
    int64_t leaves_us = midnight_us + 31 * DAY;
    struct oracle_row row = ask(oracle, "customer_id", "1", leaves_us - 1);
    assert_int_equal(row.values[0].integer, 1);
    assert_int_equal(row.values[1].integer, 0);
    row = ask(oracle, "customer_id", "1", leaves_us);
    assert_int_equal(row.values[0].integer, 0);
    assert_int_equal(row.values[1].integer, 1);
    assert_int_equal(row.values[2].integer, 1);
    assert_int_equal(ask(oracle, "customer_id", "1", leaves_us + DAY).values[2].integer, 1); /* the day before */
    assert_int_equal(ask(oracle, "customer_id", "1", leaves_us + 2 * DAY).values[2].integer, 0);
    assert_int_equal(ask(oracle, "customer_id", "1", leaves_us + 30 * DAY - 1).values[1].integer, 1);
    assert_int_equal(ask(oracle, "customer_id", "1", leaves_us + 30 * DAY).values[1].integer, 0);
    oracle_free(oracle);
}

static void variance_is_the_samples_and_exact(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("UTC");
    add_feature(&definitions, ORACLE_VARIANCE, ORDER_AMOUNT, 0);
    add_feature(&definitions, ORACLE_STDDEV, ORDER_AMOUNT, 0);
    struct oracle *oracle = oracle_new(&definitions, 7 * DAY);
    buy(oracle, "a", "web", YEAR_2026, 100);
    assert_int_equal(ask(oracle, "customer_id", "1", YEAR_2026 + 1).values[0].status, ORACLE_NULL);
    buy(oracle, "b", "web", YEAR_2026 + 1, 200);
    buy(oracle, "c", "web", YEAR_2026 + 2, 400);
    struct oracle_row row = ask(oracle, "customer_id", "1", YEAR_2026 + DAY);
    assert_true(row.values[0].real == 14e12 / 6.0 / 1e12); /* 3 * 21 - 49 = 14, over 3 * 2 */
    assert_true(row.values[1].real == sqrt(14e12 / 6.0 / 1e12));
    oracle_free(oracle);
    /* two that are 1 apart and far from 0, where squares in doubles would say 0; and squares of 2^85 */
    const oracle_int128 far[] = {INT64_C(9000000000000000000), INT64_C(9000000000000000001)};
    assert_true(oracle_variance(far, 2, 1) == 0.5);
    const oracle_int128 large[] = {(oracle_int128)1 << 85, -((oracle_int128)1 << 85), 0};
    assert_true(oracle_variance(large, 3, 4294967296.0) == 0x1p106); /* (3 * 2 * 2^170) / 6 / 2^64 */
    /* 2 * (2^27 - 1)^2 = 2^55 - 2^29 + 2 is half way between two doubles, and goes to the even one */
    const oracle_int128 halfway[] = {0, 0, (1 << 27) - 1};
    assert_true(oracle_variance(halfway, 3, 1) == (0x1p55 - 0x1p29) / 6.0);
}

static void past_4096_values_are_estimated(void **state)
{
    (void)state;
    static struct oracle_kept_event events[20000];
    static const struct oracle_kept_event *listed[20000];
    struct oracle_counted counted = {.events = listed, .type = ORACLE_INTEGER};
    for (size_t i = 0; i < 20000; i++) {
        events[i].values[0].number = (oracle_int128)i - 100;
        listed[i] = &events[i];
    }
    const size_t counts[] = {4095, 4096, 4097, 6000, 20000};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        counted.count = counts[i];
        double distinct = (double)oracle_distinct(&counted);
        double exact = (double)counts[i];
        assert_true(counts[i] <= 4096 ? distinct == exact : distinct > 4096 && fabs(distinct / exact - 1) < 0.02);
    }
    for (size_t i = 0; i < 20000; i++) /* the same again changes nothing */
        events[i].values[0].number = (oracle_int128)(i % 6000) - 100;
    counted.count = 6000;
    int64_t once = oracle_distinct(&counted);
    counted.count = 20000;
    assert_int_equal(oracle_distinct(&counted), once);
    for (size_t i = 0; i < 20000; i++)
        events[i].values[0].number = (oracle_int128)(i % 4096);
    assert_int_equal(oracle_distinct(&counted), 4096);
}

static void what_leads_goes_by_count_or_sum_then_by_value(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("UTC");
    for (size_t i = 0; i < 8; i++) {
        add_feature(&definitions, ORACLE_TOP, ORDER_CHANNEL, 0);
        last_feature(&definitions)->rank = i % 4;
        last_feature(&definitions)->ranked_by_sum = i >= 4;
        last_feature(&definitions)->by = ORDER_AMOUNT;
    }
    struct oracle *oracle = oracle_new(&definitions, 7 * DAY);
    buy(oracle, "a", "web", YEAR_2026, 100);
    buy(oracle, "b", "web", YEAR_2026 + 1, 100);
    buy(oracle, "c", "we", YEAR_2026 + 2, 200);
    buy(oracle, "d", "app", YEAR_2026 + 3, -100);
    buy(oracle, "e", "app", YEAR_2026 + 4, 0); /* no amount: not there when amounts rank */
    buy(oracle, "f", NULL, YEAR_2026 + 5, 900);
    struct oracle_row row = ask(oracle, "customer_id", "1", YEAR_2026 + DAY);
    const char *const expected[] = {"app", "web", "we", NULL, "we", "web", "app", NULL};
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(row.values[i].status, expected[i] ? ORACLE_PRESENT : ORACLE_NULL);
        if (expected[i] != NULL) {
            assert_int_equal(row.values[i].text.length, strlen(expected[i]));
            assert_memory_equal(row.values[i].text.data, expected[i], strlen(expected[i]));
        }
    }
    oracle_free(oracle);
}

static void days_make_gaps_streaks_and_what_fades(void **state)
{
    (void)state;
    static const enum oracle_aggregation all[] = {ORACLE_GAP_MEAN, ORACLE_GAP_STDDEV, ORACLE_GAP_LAST,
        ORACLE_ACTIVE_DAYS, ORACLE_STREAK_CURRENT, ORACLE_STREAK_LONGEST, ORACLE_DECAYED, ORACLE_DECAYED};
    struct oracle_definitions definitions = shop("UTC");
    for (size_t i = 0; i < 8; i++) {
        add_feature(&definitions, all[i], ORDER_AMOUNT, 0);
        last_feature(&definitions)->half_life_us = 2 * DAY;
        last_feature(&definitions)->decays_events = i == 7;
    }
    struct oracle *oracle = oracle_new(&definitions, 7 * DAY);
    buy(oracle, "a", "web", YEAR_2026, 100);
    struct oracle_row row = ask(oracle, "customer_id", "1", YEAR_2026 + 1);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(row.values[i].status, ORACLE_NULL);
    buy(oracle, "b", "web", YEAR_2026 + DAY, 100);
    buy(oracle, "c", "web", YEAR_2026 + 3 * DAY, 200);
    buy(oracle, "d", "web", YEAR_2026 + 3 * DAY + HOUR, 0); /* an event, and no amount */
    row = ask(oracle, "customer_id", "1", YEAR_2026 + 5 * DAY);
    assert_true(row.values[0].real == 1.5);
    assert_true(row.values[1].real == sqrt(0.5)); /* 1 and 2: (2 * 5 - 9) / 2 */
    assert_int_equal(row.values[2].integer, 2);
    assert_int_equal(row.values[3].integer, 3);
    assert_int_equal(row.values[4].integer, 1); /* T's day is the fourth, and yesterday had one */
    assert_int_equal(row.values[5].integer, 2);
    assert_true(row.values[6].real == ((0x1.6a09e667f3bcdp-1 + 1) * 0.5 + 2) * 0x1.6a09e667f3bcdp-1);
    assert_true(row.values[7].real == ((0x1.6a09e667f3bcdp-1 + 1) * 0.5 + 2) * 0x1.6a09e667f3bcdp-1);
    assert_int_equal(ask(oracle, "customer_id", "1", YEAR_2026 + 5 * DAY + 1).values[4].integer, 0);
    assert_int_equal(ask(oracle, "customer_id", "1", YEAR_2026 + 2 * DAY).values[4].integer, 2);
    oracle_free(oracle);
}

static void a_ratio_is_of_the_events_that_pass_the_filter(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("UTC");
    struct oracle_filter web = {.attribute = ORDER_CHANNEL, .equals = {scalar_of("web", 0)}, .equal_count = 1};
    struct oracle_filter large = {.attribute = ORDER_AMOUNT, .has_low = true, .low = 2000000};
    add_feature(&definitions, ORACLE_RATIO, 0, 0);
    last_feature(&definitions)->matching[0] = web;
    last_feature(&definitions)->matching_count = 1;
    definitions.features[1] = definitions.features[0];
    definitions.features[1].filters[0] = large;
    definitions.features[1].filter_count = 1;
    definitions.feature_count = 2;
    struct oracle *oracle = oracle_new(&definitions, 7 * DAY);
    buy(oracle, "a", "web", YEAR_2026, 100);
    buy(oracle, "b", NULL, YEAR_2026 + 1, 0);
    struct oracle_row row = ask(oracle, "customer_id", "1", YEAR_2026 + DAY);
    assert_true(row.values[0].real == 0.5);
    assert_int_equal(row.values[1].status, ORACLE_NULL);
    buy(oracle, "c", "web", YEAR_2026 + 2, 200);
    row = ask(oracle, "customer_id", "1", YEAR_2026 + DAY);
    assert_true(row.values[0].real == 2.0 / 3.0);
    assert_true(row.values[1].real == 1.0);
    oracle_free(oracle);
}

static void what_is_old_is_stale_and_what_is_missing_has_its_default(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("UTC");
    add_feature(&definitions, ORACLE_MEAN, ORDER_AMOUNT, 30 * DAY);
    last_feature(&definitions)->max_age_us = DAY;
    last_feature(&definitions)->otherwise = (struct oracle_constant){.given = true, .real = 7};
    add_feature(&definitions, ORACLE_MIN, ORDER_WEIGHT, 0);
    last_feature(&definitions)->max_age_us = DAY;
    last_feature(&definitions)->otherwise = (struct oracle_constant){.given = true, .real = 8};
    add_feature(&definitions, ORACLE_COUNT, 0, 0);
    struct oracle *oracle = oracle_new(&definitions, 7 * DAY);
    buy(oracle, "a", "web", YEAR_2026, 300);
    struct oracle_row row = ask(oracle, "customer_id", "1", YEAR_2026 + DAY);
    assert_int_equal(row.values[0].status, ORACLE_PRESENT);
    assert_int_equal(row.values[0].age_us, DAY);
    assert_int_equal(row.values[1].status, ORACLE_DEFAULT); /* no weight is known, so none is old */
    assert_int_equal(row.values[1].age_us, 0);
    assert_true(row.values[1].real == 8);
    row = ask(oracle, "customer_id", "1", YEAR_2026 + DAY + 1);
    assert_int_equal(row.values[0].status, ORACLE_STALE);
    assert_true(row.values[0].real == 3);
    const struct oracle_constant services = {.given = true, .real = 9};
    oracle_take_default(&row.values[0], &services);
    assert_int_equal(row.values[0].status, ORACLE_STALE);
    struct oracle_row later = ask(oracle, "customer_id", "1", YEAR_2026 + 60 * DAY); /* there is none to be stale */
    assert_int_equal(later.values[0].status, ORACLE_DEFAULT);
    assert_true(later.values[0].real == 7);
    assert_int_equal(later.values[0].age_us, 60 * DAY);
    oracle_settle(&row.values[0], &services);
    assert_int_equal(row.values[0].status, ORACLE_DEFAULT);
    assert_true(row.values[0].real == 9);
    row = ask(oracle, "customer_id", "nobody", YEAR_2026 + DAY);
    assert_int_equal(row.status, ORACLE_NOT_FOUND);
    assert_int_equal(row.values[0].status, ORACLE_DEFAULT);
    assert_int_equal(row.values[2].status, ORACLE_NOT_FOUND);
    oracle_free(oracle);
}

/* --- derived features ------------------------------------------------------------------------------------ */

static size_t part(struct oracle_definitions *definitions, enum oracle_operation operation,
    enum oracle_value_type type, size_t a, size_t b)
{
    definitions->expressions[definitions->expression_count] = (struct oracle_expression){
        .operation = operation, .type = type, .arguments = {a, b}, .argument_count = 2};
    return definitions->expression_count++;
}

static size_t feature_part(struct oracle_definitions *definitions, size_t feature)
{
    size_t place = part(definitions, ORACLE_FEATURE_IS, ORACLE_VALUE_DOUBLE, 0, 0);
    definitions->expressions[place].feature = feature;
    return place;
}

static size_t number_part(struct oracle_definitions *definitions, double number)
{
    size_t place = part(definitions, ORACLE_NUMBER_IS, ORACLE_VALUE_DOUBLE, 0, 0);
    definitions->expressions[place].number = number;
    return place;
}

static size_t call_part(struct oracle_definitions *definitions, enum oracle_operation operation, size_t count,
    const size_t *arguments)
{
    size_t place = part(definitions, operation, definitions->expressions[arguments[count - 1]].type, 0, 0);
    definitions->expressions[place].argument_count = count;
    memcpy(definitions->expressions[place].arguments, arguments, count * sizeof *arguments);
    return place;
}

/* A tree's value: over a customer who is there with one order of 2.50, so that feature 0 is 2.5 and feature 1 null. */
static struct oracle_value derived(struct oracle_definitions *definitions, size_t root)
{
    add_feature(definitions, ORACLE_DERIVED, 0, 0);
    last_feature(definitions)->expression = root;
    struct oracle *oracle = oracle_new(definitions, 7 * DAY);
    buy(oracle, "a", "web", YEAR_2026, 250);
    struct oracle_value value =
        ask(oracle, "customer_id", "1", YEAR_2026 + DAY).values[definitions->feature_count - 1];
    definitions->feature_count--;
    oracle_free(oracle);
    return value;
}

static void derived_features_know_null_and_every_operation(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop("UTC");
    add_feature(&definitions, ORACLE_SUM, ORDER_AMOUNT, 0);
    add_feature(&definitions, ORACLE_MEAN, ORDER_WEIGHT, 0);
    size_t amount = feature_part(&definitions, 0);
    size_t null = feature_part(&definitions, 1);
    size_t two = number_part(&definitions, 2);
    size_t zero = number_part(&definitions, 0);
    size_t less = part(&definitions, ORACLE_LESS, ORACLE_VALUE_BOOL, two, amount);
    size_t no = part(&definitions, ORACLE_LESS, ORACLE_VALUE_BOOL, amount, two);
    size_t unknown = part(&definitions, ORACLE_LESS, ORACLE_VALUE_BOOL, null, two);
    const struct {
        size_t root;
        double expected; /* NAN: null */
    } numbers[] = {
        {part(&definitions, ORACLE_PLUS, ORACLE_VALUE_DOUBLE, amount, two), 4.5},
        {part(&definitions, ORACLE_MINUS, ORACLE_VALUE_DOUBLE, two, amount), -0.5},
        {part(&definitions, ORACLE_TIMES, ORACLE_VALUE_DOUBLE, two, amount), 5},
        {part(&definitions, ORACLE_OVER, ORACLE_VALUE_DOUBLE, two, amount), 0.8},
        {part(&definitions, ORACLE_OVER, ORACLE_VALUE_DOUBLE, two, zero), NAN},
        {part(&definitions, ORACLE_PLUS, ORACLE_VALUE_DOUBLE, null, two), NAN},
        {call_part(&definitions, ORACLE_NEGATIVE, 1, &zero), 0},
        {call_part(&definitions, ORACLE_LN, 1, &zero), NAN},
        {call_part(&definitions, ORACLE_LN, 1, &two), 0x1.62e42fefa39efp-1},
        {call_part(&definitions, ORACLE_SQRT, 1, &two), 0x1.6a09e667f3bcdp+0},
        {call_part(&definitions, ORACLE_COALESCE, 3, (size_t[]){null, amount, two}), 2.5},
        {call_part(&definitions, ORACLE_LEAST, 3, (size_t[]){amount, two, zero}), 0},
        {call_part(&definitions, ORACLE_GREATEST, 2, (size_t[]){two, amount}), 2.5},
        {call_part(&definitions, ORACLE_GREATEST, 2, (size_t[]){two, null}), NAN},
        {call_part(&definitions, ORACLE_IF, 3, (size_t[]){less, two, null}), 2},
        {call_part(&definitions, ORACLE_IF, 3, (size_t[]){no, two, null}), NAN},
        {call_part(&definitions, ORACLE_IF, 3, (size_t[]){unknown, two, two}), NAN},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        struct oracle_value value = derived(&definitions, numbers[i].root);
        assert_int_equal(value.status, isnan(numbers[i].expected) ? ORACLE_NULL : ORACLE_PRESENT);
        assert_true(isnan(numbers[i].expected) ||
                    memcmp(&value.real, &numbers[i].expected, sizeof value.real) == 0); /* so -0.0 is not 0.0 */
    }
    const struct {
        size_t root;
        int expected; /* -1: null */
    } truths[] = {
        {less, 1},
        {unknown, -1},
        {part(&definitions, ORACLE_AND, ORACLE_VALUE_BOOL, unknown, no), 0},
        {part(&definitions, ORACLE_AND, ORACLE_VALUE_BOOL, less, unknown), -1},
        {part(&definitions, ORACLE_OR, ORACLE_VALUE_BOOL, unknown, less), 1},
        {part(&definitions, ORACLE_OR, ORACLE_VALUE_BOOL, unknown, no), -1},
        {part(&definitions, ORACLE_OR, ORACLE_VALUE_BOOL, no, no), 0},
        {call_part(&definitions, ORACLE_NOT, 1, &no), 1},
        {part(&definitions, ORACLE_AT_LEAST, ORACLE_VALUE_BOOL, two, two), 1},
        {part(&definitions, ORACLE_MORE, ORACLE_VALUE_BOOL, two, two), 0},
        {part(&definitions, ORACLE_UNEQUAL, ORACLE_VALUE_BOOL, two, amount), 1},
        {part(&definitions, ORACLE_EQUAL, ORACLE_VALUE_BOOL, two, null), -1},
    };
    for (size_t i = 0; i < sizeof truths / sizeof *truths; i++) {
        struct oracle_value value = derived(&definitions, truths[i].root);
        assert_int_equal(value.status, truths[i].expected < 0 ? ORACLE_NULL : ORACLE_PRESENT);
        assert_true(truths[i].expected < 0 || value.integer == truths[i].expected);
    }
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
        cmocka_unit_test(a_list_takes_each_of_its_values_and_a_range_what_lies_in_it),
        cmocka_unit_test(a_window_with_an_offset_ends_where_the_one_after_it_begins),
        cmocka_unit_test(variance_is_the_samples_and_exact),
        cmocka_unit_test(past_4096_values_are_estimated),
        cmocka_unit_test(what_leads_goes_by_count_or_sum_then_by_value),
        cmocka_unit_test(days_make_gaps_streaks_and_what_fades),
        cmocka_unit_test(a_ratio_is_of_the_events_that_pass_the_filter),
        cmocka_unit_test(what_is_old_is_stale_and_what_is_missing_has_its_default),
        cmocka_unit_test(derived_features_know_null_and_every_operation),
        cmocka_unit_test(a_rule_drops_the_lowest_identifier_and_a_merge_is_not_known_before_it_is),
        cmocka_unit_test(an_event_counts_once),
        cmocka_unit_test(days_are_the_zones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
