/* Values against numbers worked out by hand, or by a plainer formula than the store's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "store/base/deterministic.h"
#include "tests/property/dice.h"
#include "tests/unit/profile_fixture.h"

#define EVENTS                                                                                                         \
    "identifiers: {id: }\n"                                                                                            \
    "events:\n"                                                                                                        \
    "  order: {amount: money, weight: number, points: integer, gift: bool, channel: string}\n"                         \
    "features:\n"

#define TWO_TYPES                                                                                                      \
    "identifiers: {id: }\n"                                                                                            \
    "events:\n"                                                                                                        \
    "  order: {amount: money, weight: number, points: integer, gift: bool, channel: string}\n"                         \
    "  visit: {channel: string}\n"                                                                                     \
    "features:\n"

/* Attributes that are left out: 0 of numbers here stands for none, a null text too. */
struct order {
    const char *time;
    double amount; /* units */
    double weight;
    int64_t points;
    int gift; /* 1: true, 2: false */
    const char *channel;
};

static struct event event_of(const struct order *order, int64_t time_us, uint64_t id, struct arena *arena)
{
    struct event event = {.node = 1, .time_us = time_us, .known_at_us = time_us};
    encode_be64(event.hash, id);
    struct encoder to = {0};
    if (order->amount != 0)
        event_attribute_encode(
            0, &(struct scalar){.type = ATTRIBUTE_MONEY, .number = llround(order->amount * 1e6)}, &to);
    if (order->weight != 0)
        event_attribute_encode(
            1, &(struct scalar){.type = ATTRIBUTE_NUMBER, .number = (int128)(order->weight * 0x1p32)}, &to);
    if (order->points != 0)
        event_attribute_encode(2, &(struct scalar){.type = ATTRIBUTE_INTEGER, .number = order->points}, &to);
    if (order->gift != 0)
        event_attribute_encode(3, &(struct scalar){.type = ATTRIBUTE_BOOL, .number = order->gift == 1}, &to);
    if (order->channel)
        event_attribute_encode(
            4, &(struct scalar){.type = ATTRIBUTE_TEXT, .text = bytes_from_string(order->channel)}, &to);
    event.attributes = arena_copy(arena, encoder_borrow(&to));
    encoder_clear(&to);
    return event;
}

static struct profile *profile_of(
    struct fixture *fixture, const struct order *orders, size_t count, int64_t as_of_us)
{
    struct profile *profile = arena_alloc(&fixture->arena, sizeof *profile);
    profile_init(profile, fixture->layout, &fixture->arena);
    profile_advance(profile, as_of_us - 1);
    for (size_t i = 0; i < count; i++) {
        struct event event = event_of(&orders[i], moment(orders[i].time), i, &fixture->arena);
        profile_apply(profile, &event);
    }
    return profile;
}

/* The value of a feature that is written as `n: FEATURE`, for orders. `name` is "n" or a member's. */
struct asked {
    struct fixture fixture;
    struct value value;
};

static struct value ask(struct asked *asked, const char *feature, const char *name, const struct order *orders,
    size_t count, const char *as_of)
{
    char text[4096];
    asked->fixture = (struct fixture){0};
    snprintf(text, sizeof text, EVENTS "  n: %s\n", feature);
    fixture_open(&asked->fixture, "Europe/Berlin", text);
    int64_t as_of_us = moment(as_of);
    struct profile *profile = profile_of(&asked->fixture, orders, count, as_of_us);
    profile_evaluate(profile, feature_of(&asked->fixture, name), as_of_us, &asked->value);
    return asked->value;
}

static void assert_number(const char *feature, const char *name, const struct order *orders, size_t count,
    const char *as_of, double wanted)
{
    struct asked asked;
    struct value value = ask(&asked, feature, name, orders, count, as_of);
    double real = value.type == VALUE_INT64 ? (double)value.integer : value.real;
    bool is_null = value.status == STATUS_NULL;
    if (isnan(wanted) ? !is_null : (value.status != STATUS_PRESENT || real != wanted))
        fail_msg("%s, %s at %s: %.17g (status %d), wanted %.17g", feature, name, as_of, real, value.status, wanted);
    fixture_close(&asked.fixture);
}

/* --- filters ------------------------------------------------------------------------------------------------------ */

static void filters_take_values_lists_and_ranges(void **state)
{
    (void)state;
    static const struct order orders[] = {
        {"2024-05-01T10:00Z", 5, 0, 1, 1, "web"}, {"2024-05-01T10:00Z", 10, 0.5, 3, 2, "app"},
        {"2024-05-01T10:00Z", 99.99, -0.5, -3, 1, "shop"}, {"2024-05-01T10:00Z", 100, 2.25, 5, 2, "we"},
        {"2024-05-01T10:00Z", -7, 1.5, 7, 0, "web"}, {"2024-05-01T10:00Z", 0, 0, 0, 0, NULL},
    };
    static const struct {
        const char *filters;
        int count;
    } cases[] = {
        {"{channel: web}", 2}, {"{channel: we}", 1}, {"{channel: webs}", 0}, {"{channel: [web, app]}", 3},
        {"{channel: [we, shop, web, app, x]}", 5}, {"{channel: [a, zz]}", 0}, {"{gift: true}", 2},
        {"{gift: [true, false]}", 4}, {"{points: [5, 1, -3]}", 3}, {"{points: [2, 4, 6]}", 0}, {"{points: 7}", 1},
        {"{amount: [99.99, 100.01]}", 1}, {"{weight: [0.5, -0.5, 9]}", 2},
        {"{amount: {at_least: 10, less_than: 100}}", 2},
        {"{amount: {more_than: 10, at_most: 100}}", 2}, {"{amount: {at_least: 10, at_most: 100}}", 3},
        {"{amount: {more_than: 10, less_than: 100}}", 1}, {"{amount: {less_than: 5}}", 1},
        {"{amount: {at_most: 5}}", 2}, {"{amount: {at_least: 99.990001}}", 1}, {"{points: {more_than: -4}}", 5},
        {"{weight: {at_least: -0.5, less_than: 1.5}}", 2}, {"{weight: {more_than: 2.24}}", 1},
        {"{channel: web, amount: {more_than: 0}}", 1}, {"{channel: [web, app], gift: false}", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char feature[256];
        snprintf(feature, sizeof feature, "{of: order, count: true, where: %s}", cases[i].filters);
        assert_number(feature, "n", orders, 6, "2024-06-01", cases[i].count);
        snprintf(feature, sizeof feature, "{of: order, ratio: %s}", cases[i].filters);
        assert_number(feature, "n", orders, 6, "2024-06-01", cases[i].count / 6.0);
    }
    assert_number("{of: order, ratio: {gift: true}, where: {channel: [web, app]}}", "n", orders, 6, "2024-06-01",
        1.0 / 3);
    assert_number("{of: order, ratio: {gift: true}}", "n", orders, 0, "2024-06-01", NAN);
    assert_number("{of: order, ratio: {gift: true}, window: 30d}", "n", orders, 6, "2024-07-01", NAN);
    assert_number("{of: order, ratio: {gift: true}, window: 30d}", "n", orders, 6, "2024-05-02", 2.0 / 6);
}

/* --- windows that end before T ------------------------------------------------------------------------------------ */

static void windows_with_an_offset_hold_an_event_from_and_to_these_moments(void **state)
{
    (void)state;
    static const struct {
        const char *feature;
        const char *event;
        const char *first; /* the first T whose window holds it */
        const char *last;
    } cases[] = {
        {"window: 1h, offset: 1h", "2024-01-01T10:07Z", "2024-01-01T11:10Z", "2024-01-01T12:09:59.999999Z"},
        {"window: 1h, offset: 1d", "2024-01-01T10:04:59.999999Z", "2024-01-02T10:05Z", "2024-01-02T11:04:59.999999Z"},
        {"window: 1d, offset: 1d", "2024-01-01T10:30Z", "2024-01-02T11:00Z", "2024-01-03T10:59:59.999999Z"},
        {"window: 2d, offset: 90d", "2024-01-01T10:30Z", "2024-03-31T11:00Z", "2024-04-02T10:59:59.999999Z"},
        /* by the days of Berlin: the clocks go forward on March 31 */
        {"window: 12d, offset: 10d", "2024-03-20T10:30Z", "2024-03-30T23:00Z", "2024-04-11T22:59:59.999999Z"},
        {"window: 90d, offset: 90d", "2023-06-01T10:00Z", "2023-08-30T22:00Z", "2023-11-28T21:59:59.999999Z"},
        {"window: 30d, offset: 3630d", "2014-01-01T10:00Z", "2023-12-10T23:00Z", "2024-01-09T22:59:59.999999Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text, EVENTS "  n: {of: order, count: true, %s}\n", cases[i].feature);
        struct fixture fixture = {0};
        fixture_open(&fixture, "Europe/Berlin", text);
        struct order order = {.time = cases[i].event};
        struct profile *profile = profile_of(&fixture, &order, 1, moment(order.time) + 1);
        const int64_t moments[] = {moment(cases[i].first) - 1, moment(cases[i].first), moment(cases[i].last),
            moment(cases[i].last) + 1};
        for (size_t j = 0; j < 4; j++) {
            struct value value;
            profile_advance(profile, moments[j] - 1);
            profile_evaluate(profile, 0, moments[j], &value);
            if (value.integer != (j == 1 || j == 2))
                fail_msg("%s, %s: moment %zu", cases[i].feature, cases[i].event, j);
        }
        size_t tiles = 0;
        for (enum tier tier = TIER_MINUTES; tier < TIER_COUNT; tier++)
            tiles += profile->types[0].tiers[tier].count;
        assert_int_equal(tiles, 0); /* out of reach of every T from here on */
        fixture_close(&fixture);
    }
}

static const char halves[] = EVENTS
    "  a3h: {of: order, count: true, window: 3h}\n"
    "  b3h: {of: order, count: true, window: 3h, offset: 3h}\n"
    "  c3h: {of: order, count: true, window: 6h}\n"
    "  a5d: {of: order, sum: points, window: 5d}\n"
    "  b5d: {of: order, sum: points, window: 5d, offset: 5d}\n"
    "  c5d: {of: order, sum: points, window: 10d}\n"
    "  a30d: {of: order, sum: amount, window: 30d}\n"
    "  b30d: {of: order, sum: amount, window: 30d, offset: 30d}\n"
    "  c30d: {of: order, sum: amount, window: 60d}\n"
    "  a40d: {of: order, count: true, window: 40d, offset: 20d}\n"
    "  b40d: {of: order, count: true, window: 40d, offset: 60d}\n"
    "  c40d: {of: order, count: true, window: 80d, offset: 20d}\n";

static void a_window_and_the_one_before_it_are_the_window_of_both(void **state)
{
    (void)state;
    static const char *const zones[] = {"UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia"};
    static const char *const kinds[] = {"3h", "5d", "30d", "40d"};
    size_t held[4] = {0};
    for (uint64_t round = 0; round < 200; round++) {
        struct dice dice = dice_of(31, round);
        struct fixture fixture = {0};
        fixture_open(&fixture, zones[dice_below(&dice, 4)], halves);
        int64_t around_us = moment(dice_chance(&dice, 50) ? "2010-11-07T02:31Z" : "2011-12-30T10:00Z");
        struct profile profile;
        profile_init(&profile, fixture.layout, &fixture.arena);
        profile_advance(&profile, around_us - 200 * DAY);
        for (int64_t at_us = around_us - 100 * DAY; at_us < around_us + 100 * DAY;
             at_us += dice_between(&dice, 1, dice_chance(&dice, 90) ? 2 * HOUR : 10 * DAY)) {
            struct order order = {.amount = (double)dice_between(&dice, -5, 5), .points = dice_between(&dice, 1, 9)};
            struct event event = event_of(&order, at_us - dice_between(&dice, 0, 30 * DAY), (uint64_t)at_us,
                &fixture.arena);
            profile_advance(&profile, at_us - 1);
            for (size_t i = 0; i < 4; i++) {
                struct value values[3];
                for (size_t j = 0; j < 3; j++) {
                    char name[32];
                    snprintf(name, sizeof name, "%c%s", "abc"[j], kinds[i]);
                    profile_evaluate(&profile, feature_of(&fixture, name), at_us, &values[j]);
                }
                assert_true(values[0].exact + values[1].exact == values[2].exact);
                assert_int_equal(values[0].integer + values[1].integer, values[2].integer);
                held[i] += values[1].exact != 0 || values[1].integer != 0;
            }
            profile_apply(&profile, &event);
        }
        fixture_close(&fixture);
    }
    for (size_t i = 0; i < 4; i++)
        assert_true(held[i] > 100);
}

/* --- variances ---------------------------------------------------------------------------------------------------- */

#define AT "2024-05-01T10:00Z"

static void variances_are_those_of_samples(void **state)
{
    (void)state;
    static const struct order small[] = {{.time = AT, .amount = 1, .points = 1}, {.time = AT, .amount = 2, .points = 2},
        {.time = AT, .amount = 4.5, .points = 3}, {.time = AT, .points = 4}, {.time = AT}};
    assert_number("{of: order, variance: points}", "n", small, 5, "2024-06-01", 5.0 / 3);
    assert_number("{of: order, stddev: points}", "n", small, 5, "2024-06-01", sqrt(5.0 / 3));
    assert_number("{of: order, variance: amount}", "n", small, 5, "2024-06-01", 3.25);
    assert_number("{of: order, stddev: amount, window: 40d}", "n", small, 2, "2024-06-01", sqrt(0.5));
    assert_number("{of: order, variance: points}", "n", small, 1, "2024-06-01", NAN);
    assert_number("{of: order, variance: points}", "n", small, 0, "2024-06-01", NAN);
    assert_number("{of: order, stddev: weight}", "n", small, 5, "2024-06-01", NAN);
    assert_number("{of: order, variance: points}", "n", small + 2, 1, "2024-06-01", NAN);
    /* where sums of doubles would lose all of it */
    static const struct order large[] = {{.time = AT, .weight = 1e9 + 4, .points = 9007199254740991},
        {.time = AT, .weight = 1e9 + 7, .points = 9007199254740990}, {.time = AT, .weight = 1e9 + 13},
        {.time = AT, .weight = 1e9 + 16}};
    assert_number("{of: order, variance: weight}", "n", large, 4, "2024-06-01", 30);
    assert_number("{of: order, variance: weight, window: 60d}", "n", large, 4, "2024-06-01", 30);
    assert_number("{of: order, variance: points}", "n", large, 4, "2024-06-01", 0.5);
    assert_number("{of: order, stddev: points}", "n", large, 1, "2024-06-01", NAN);
    static const struct order same[] = {{.time = AT, .amount = 0.1}, {.time = AT, .amount = 0.1},
        {.time = AT, .amount = 0.1}};
    assert_number("{of: order, stddev: amount}", "n", same, 3, "2024-06-01", 0);
}

/* --- days --------------------------------------------------------------------------------------------------------- */

static const struct order days[] = {
    {"2024-05-01T10:00Z", 10, 0, 1, 1, NULL}, {"2024-05-01T21:59Z", 5, 0, 2, 2, NULL},
    {"2024-05-01T22:00Z", 20, 0, 0, 1, NULL}, /* May 2 in Berlin */
    {"2024-05-03T12:00Z", 0, 0, 4, 0, NULL}, {"2024-05-10T12:00Z", -3, 0, 8, 1, NULL},
    {"2024-05-11T12:00Z", 7, 0, 0, 0, NULL},
};

static void gaps_streaks_and_active_days_are_by_calendar_days(void **state)
{
    (void)state;
    static const struct {
        const char *feature;
        size_t orders;
        const char *as_of;
        double wanted;
    } cases[] = {
        {"{of: order, active_days: true}", 6, "2024-05-12", 5},
        {"{of: order, active_days: true}", 0, "2024-05-12", 0},
        {"{of: order, active_days: true, window: 10d}", 6, "2024-05-12", 3},
        {"{of: order, active_days: true, window: 12d, offset: 2d}", 6, "2024-05-12T00:00Z", 3},
        {"{of: order, active_days: true, window: 12d, offset: 1d}", 6, "2024-05-12T00:00Z", 4},
        {"{of: order, active_days: true, window: 3h}", 6, "2024-05-01T23:00Z", 2},
        {"{of: order, active_days: true, where: {gift: true}}", 6, "2024-05-12", 3},
        {"{of: order, gaps: mean}", 6, "2024-05-12", 10.0 / 4}, /* 1, 1, 7, 1 */
        {"{of: order, gaps: stddev}", 6, "2024-05-12", 3},      /* (2.25 x 3 + 20.25) / 3 */
        {"{of: order, gaps: last}", 6, "2024-05-12", 1},
        {"{of: order, gaps: last}", 5, "2024-05-12", 7},
        {"{of: order, gaps: last}", 3, "2024-05-12", 1},
        {"{of: order, gaps: mean}", 2, "2024-05-12", NAN},
        {"{of: order, gaps: last}", 2, "2024-05-12", NAN},
        {"{of: order, gaps: last}", 0, "2024-05-12", NAN},
        {"{of: order, gaps: stddev}", 3, "2024-05-12", NAN}, /* one gap */
        {"{of: order, gaps: stddev}", 4, "2024-05-12", 0},
        {"{of: order, gaps: mean, window: 11d}", 6, "2024-05-13T10:00Z", 4}, /* May 3, 10, 11 */
        {"{of: order, gaps: mean, window: 12d}", 6, "2024-05-13T10:00Z", 10.0 / 4},
        {"{of: order, streak: longest}", 6, "2024-05-12", 3},
        {"{of: order, streak: longest}", 0, "2024-05-12", 0},
        {"{of: order, streak: longest}", 1, "2024-05-12", 1},
        {"{of: order, streak: current}", 6, "2024-05-11T22:00Z", 2}, /* T's day is May 11: the last moment before T */
        {"{of: order, streak: current}", 6, "2024-05-12T22:00Z", 2},
        {"{of: order, streak: current}", 6, "2024-05-12T22:00:00.000001Z", 0},
        {"{of: order, streak: current}", 4, "2024-05-03T12:00:00.000001Z", 3},
        {"{of: order, streak: current}", 4, "2024-05-04T22:00Z", 3},
        {"{of: order, streak: current}", 4, "2024-05-04T22:00:00.000001Z", 0},
        {"{of: order, streak: current}", 0, "2024-05-12", 0},
        {"{of: order, streak: current, window: 30d, offset: 7d}", 6, "2024-05-10T22:00Z", 3}, /* days before May 4 */
        {"{of: order, streak: current, window: 30d, offset: 7d}", 6, "2024-05-11T22:00Z", 3},
        {"{of: order, streak: current, window: 30d, offset: 7d}", 6, "2024-05-12T22:00Z", 0},
        {"{of: order, streak: longest, window: 30d, offset: 7d}", 6, "2024-05-10T12:00Z", 2},
        {"{of: order, streak: current, window: 3d, offset: 1d}", 6, "2024-05-12T12:00Z", 1}, /* before 12:00 */
        {"{of: order, streak: current, window: 3d, offset: 1d}", 6, "2024-05-12T13:00Z", 2},
        {"{of: order, streak: current, window: 3d, offset: 1d}", 6, "2024-05-13T22:00Z", 2}, /* up to May 12 */
        {"{of: order, streak: current, window: 3d, offset: 1d}", 6, "2024-05-13T23:00Z", 0},
        {"{of: order, streak: longest, window: 4d}", 6, "2024-05-04T00:00Z", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_number(cases[i].feature, "n", days, cases[i].orders, cases[i].as_of, cases[i].wanted);
}

static void decayed_sums_halve_by_calendar_days_from_the_oldest_to_the_newest(void **state)
{
    (void)state;
    const double h = 7;
    /* day totals 15, 20, -3, 7 on May 1, 2, 10, 11; T on May 14 */
    double acc = 15 * deterministic_exp2(-1.0 / h) + 20;
    acc = acc * deterministic_exp2(-8.0 / h) + -3;
    acc = acc * deterministic_exp2(-1.0 / h) + 7;
    acc = acc * deterministic_exp2(-3.0 / h);
    double plain = 15 * pow(2, -13 / h) + 20 * pow(2, -12 / h) - 3 * pow(2, -4 / h) + 7 * pow(2, -3 / h);
    assert_true(fabs(acc - plain) < 1e-13);
    assert_number("{of: order, decayed: amount, half_life: 7d}", "n", days, 6, "2024-05-14T10:00Z", acc);
    assert_number("{of: order, decayed: amount, half_life: 7d, window: 200d}", "n", days, 6, "2024-05-14T10:00Z", acc);
    assert_number("{of: order, decayed: amount, half_life: 7d}", "n", days, 0, "2024-05-14T10:00Z", NAN);
    assert_number("{of: order, decayed: weight, half_life: 7d}", "n", days, 6, "2024-05-14T10:00Z", NAN);
    /* events: 2, 1, 1, 1, 1 */
    assert_number("{of: order, decayed: true, half_life: 1d}", "n", days, 6, "2024-05-11T13:00Z",
        2.0 / 1024 + 1.0 / 512 + 1.0 / 256 + 0.5 + 1);
    assert_number("{of: order, decayed: gift, half_life: 1d}", "n", days, 6, "2024-05-11T13:00Z",
        1.0 / 1024 + 1.0 / 512 + 0.5); /* a day of none has weight: none of it shows */
    assert_number("{of: order, decayed: points, half_life: 48h}", "n", days, 6, "2024-05-11T13:00Z",
        ((3 * deterministic_exp2(-1.0) + 4) * deterministic_exp2(-3.5) + 8) * deterministic_exp2(-0.5));
    /* in smaller tiles the days are put together first; ages count from T though the window ends before */
    assert_number("{of: order, decayed: amount, half_life: 1d, window: 11h}", "n", days, 3, "2024-05-01T23:00Z",
        5.0 / 2 + 20);
    assert_number("{of: order, decayed: amount, half_life: 1d, window: 2d}", "n", days, 3, "2024-05-02T12:00Z",
        15.0 / 2 + 20);
    assert_number("{of: order, decayed: true, half_life: 1d, window: 2d}", "n", days, 3, "2024-05-02T12:00Z",
        2.0 / 2 + 1);
    assert_number("{of: order, decayed: amount, half_life: 1d, window: 20d, offset: 10d}", "n", days, 6,
        "2024-05-12T12:00Z", 15.0 / 2048);
}

static void days_that_smaller_tiles_show_out_of_order_are_walked_in_order(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    char text[4096];
    size_t length = (size_t)snprintf(text, sizeof text, EVENTS);
    static const char *const kinds[] = {"active_days: true", "streak: longest", "gaps: last",
        "decayed: points, half_life: 1d"};
    static const char *const windows[] = {"", ", window: 2d", ", window: 3h"};
    for (int i = 0; i < 12; i++)
        length += (size_t)snprintf(text + length, sizeof text - length, "  f%d: {of: order, %s%s}\n", i, kinds[i / 3],
            windows[i % 3]);
    fixture_open(&fixture, "America/St_Johns", text);
    /* Sunday for a minute, then Saturday, then Sunday */
    static const struct order orders[] = {{.time = "2010-11-07T02:30:10Z", .points = 1},
        {.time = "2010-11-07T02:31:10Z", .points = 2}, {.time = "2010-11-07T03:29:10Z", .points = 4},
        {.time = "2010-11-07T03:30:10Z", .points = 8}};
    int64_t as_of_us = moment("2010-11-07T04:00Z");
    struct profile *profile = profile_of(&fixture, orders, 4, as_of_us);
    static const double wanted[] = {2, 2, 1, 6.0 / 2 + 9};
    for (uint32_t i = 0; i < 12; i++) {
        struct value value;
        char name[32];
        snprintf(name, sizeof name, "f%u", i);
        profile_evaluate(profile, feature_of(&fixture, name), as_of_us, &value);
        assert_true((value.type == VALUE_INT64 ? (double)value.integer : value.real) == wanted[i / 3]);
    }
    fixture_close(&fixture);
    /* Saturday again: a run that goes on to Sunday has not ended yet, and is not current */
    fixture = (struct fixture){0};
    fixture_open(&fixture, "America/St_Johns", EVENTS "  n: {of: order, streak: current}\n");
    struct value value;
    as_of_us = moment("2010-11-07T02:31:30Z");
    profile_evaluate(profile_of(&fixture, orders, 1, as_of_us), 0, as_of_us, &value);
    assert_int_equal(value.integer, 0);
    profile_evaluate(profile_of(&fixture, orders + 1, 1, as_of_us), 0, as_of_us, &value);
    assert_int_equal(value.integer, 1);
    fixture_close(&fixture);
}

/* --- values that lead --------------------------------------------------------------------------------------------- */

static const struct order leaders[] = {
    {"2024-05-01T10:00Z", 1, 0, 7, 1, "web"}, {"2024-05-02T10:00Z", 2, 0, -7, 1, "app"},
    {"2024-05-03T10:00Z", 4, 0, 7, 2, "web"}, {"2024-05-03T11:00Z", 100, 0, 9, 0, "shop"},
    {"2024-05-04T10:00Z", 0, 0, -7, 0, "app"}, {"2024-05-05T10:00Z", -5, 0, 1, 0, "app store"},
    {"2024-05-06T10:00Z", 8, 0, 0, 0, NULL},
};

static void assert_places(const char *feature, const char *as_of, const char *const wanted[], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, "n.%zu", i + 1);
        struct asked asked;
        struct value value = ask(&asked, feature, name, leaders, 7, as_of);
        char text[64] = "null";
        if (value.status == STATUS_PRESENT && value.type == VALUE_TEXT)
            snprintf(text, sizeof text, "%.*s", BYTES_ARGUMENTS(value.text));
        else if (value.status == STATUS_PRESENT)
            snprintf(text, sizeof text, "%g", value.type == VALUE_MONEY ? value.real : (double)value.integer);
        if (strcmp(text, wanted[i]) != 0)
            fail_msg("%s: place %zu is %s, not %s", feature, i + 1, text, wanted[i]);
        fixture_close(&asked.fixture);
    }
}

static void leaders_come_by_count_or_sum_and_ties_by_value(void **state)
{
    (void)state;
#define PLACES(...) (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
    static const char after[] = "2024-06-01";
    assert_places("{of: order, top: channel}", after, PLACES("app", "web", "app store"));
    assert_places("{of: order, top: channel, k: 5}", after, PLACES("app", "web", "app store", "shop", "null"));
    assert_places("{of: order, top: channel, k: 5, window: 60d}", after,
        PLACES("app", "web", "app store", "shop", "null"));
    assert_places("{of: order, top: channel, by: count, k: 1}", after, PLACES("app"));
    assert_places("{of: order, top: channel, by: amount, k: 5}", after,
        PLACES("shop", "web", "app", "app store", "null"));
    assert_places("{of: order, top: channel, by: points, k: 4}", after, PLACES("web", "shop", "app store", "app"));
    assert_places("{of: order, top: points, k: 4}", after, PLACES("-7", "7", "1", "9"));
    assert_places("{of: order, top: gift, k: 2}", after, PLACES("1", "0"));
    assert_places("{of: order, top: amount, k: 2}", after, PLACES("-5", "1"));
    assert_places("{of: order, top: channel, window: 2d, k: 3}", "2024-05-05T00:00Z", PLACES("app", "shop", "web"));
    assert_places("{of: order, top: channel, window: 1d, offset: 2d}", "2024-05-05T00:00Z",
        PLACES("app", "null", "null"));
    assert_places("{of: order, top: channel, where: {gift: false}}", after, PLACES("web", "null", "null"));
    assert_places("{of: order, top: channel}", "2024-04-01", PLACES("null", "null", "null"));
}

static void leaders_of_many_days_and_values_are_those_of_a_plain_count(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 60; round++) {
        struct dice dice = dice_of(33, round);
        struct fixture fixture = {0};
        fixture_open(&fixture, "UTC",
            EVENTS "  all: {of: order, top: points, by: amount, k: 20, window: 60d}\n"
                   "  most: {of: order, top: points, k: 20, window: 50d}\n");
        struct profile profile;
        profile_init(&profile, fixture.layout, &fixture.arena);
        int64_t as_of_us = moment("2024-06-01"), values = dice_chance(&dice, 20) ? 1300 : dice_between(&dice, 1, 1000);
        static int64_t counts[1301], sums[1301];
        memset(counts, 0, sizeof counts);
        memset(sums, 0, sizeof sums);
        profile_advance(&profile, as_of_us - 1);
        for (uint64_t i = 0; i < 3000; i++) {
            struct order order = {.points = 1 + dice_between(&dice, 0, values - 1) * dice_between(&dice, 0, 4) / 4,
                .amount = (double)dice_between(&dice, 1, 9)};
            struct event event = event_of(&order, as_of_us - dice_between(&dice, 1, 49 * DAY), i, &fixture.arena);
            profile_apply(&profile, &event);
            counts[order.points]++;
            sums[order.points] += (int64_t)order.amount;
        }
        int64_t different = 0;
        for (int64_t i = 0; i <= 1300; i++)
            different += counts[i] > 0;
        for (int by_sum = 0; by_sum < 2; by_sum++) {
            int64_t *ranked = by_sum ? sums : counts;
            for (int place = 1; place <= 20; place++) {
                char name[16];
                snprintf(name, sizeof name, "%s.%d", by_sum ? "all" : "most", place);
                struct value value;
                profile_evaluate(&profile, feature_of(&fixture, name), as_of_us, &value);
                int64_t best = 0;
                for (int64_t i = 1; i <= 1300; i++)
                    best = ranked[i] > ranked[best] ? i : best;
                bool none = best == 0 || different > TOP_TRACKED_MAX;
                assert_true(none ? value.status == STATUS_NULL
                                 : value.status == STATUS_PRESENT && value.integer == best);
                ranked[best] = 0;
            }
        }
        fixture_close(&fixture);
    }
}

static void a_family_read_at_once_is_its_members_read_one_by_one(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    fixture_open(&fixture, "UTC",
        TWO_TYPES "  top: {of: order, top: channel, k: 4}\n  visits: {of: visit, top: channel, k: 4}\n"
               "  top_11d: {of: order, top: channel, window: 11d}\n"
               "  before: {of: order, top: channel, window: 11d, offset: 1d}\n  rfm: {of: order, rfm: amount}\n"
               "  gap: {of: order, gaps: mean}\n  days: {of: order, active_days: true}\n"
               "  quick: {of: order, decayed: amount, half_life: 2d}\n"
               "  slow: {of: order, decayed: amount, half_life: 20d}\n  streak: {of: order, streak: longest}\n"
               "  n: {of: order, count: true}\n  rfm_12d: {of: order, rfm: amount, window: 12d}\n");
    int64_t as_of_us = moment("2024-05-15T12:00Z");
    struct profile *profile = profile_of(&fixture, leaders, 7, as_of_us);
    uint32_t count = (uint32_t)fixture.definitions->feature_count, features[64];
    struct value values[64], alone;
    for (uint64_t round = 0; round < 200; round++) {
        struct dice dice = dice_of(34, round);
        for (uint32_t i = 0; i < count; i++)
            features[i] = round == 0 ? i : (uint32_t)dice_below(&dice, count);
        profile_evaluate_each(profile, features, count, as_of_us, values);
        for (uint32_t i = 0; i < count; i++) {
            profile_evaluate(profile, features[i], as_of_us, &alone);
            assert_true(values[i].status == alone.status && values[i].real == alone.real &&
                values[i].integer == alone.integer && values[i].exact == alone.exact &&
                bytes_equal(values[i].text, alone.text));
        }
    }
    fixture_close(&fixture);
}

/* --- ages of values ----------------------------------------------------------------------------------------------- */

static void a_value_is_stale_once_its_newest_event_is_older_than_its_max_age(void **state)
{
    (void)state;
    /* the newest: May 6 10:00; with a channel May 5; with a channel and an amount May 5 too; gifts May 3 */
    static const struct {
        const char *feature;
        const char *name;
        const char *newest; /* null: none */
    } cases[] = {
        {"{of: order, count: true, max_age: 2d}", "n", "2024-05-06T10:00Z"},
        {"{of: order, sum: amount, window: 5h, max_age: 2d}", "n", "2024-05-06T10:00Z"},
        {"{of: order, last: channel, max_age: 2d}", "n", "2024-05-05T10:00Z"},
        {"{of: order, count: true, where: {gift: false}, max_age: 2d}", "n", "2024-05-03T10:00Z"},
        {"{of: order, ratio: {gift: true}, max_age: 2d}", "n", "2024-05-06T10:00Z"},
        {"{of: order, top: channel, by: amount, max_age: 2d}", "n.1", "2024-05-05T10:00Z"},
        {"{of: order, top: points, by: amount, max_age: 2d, where: {channel: app}}", "n.1", "2024-05-02T10:00Z"},
        {"{of: order, rfm: amount, max_age: 2d}", "n.monetary", "2024-05-06T10:00Z"},
        {"{of: order, mean: weight, max_age: 2d}", "n", NULL},
        {"{of: order, variance: amount, where: {channel: shop}, max_age: 2d}", "n", "2024-05-03T11:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, EVENTS "  n: %s\n", cases[i].feature);
        struct fixture fixture = {0}, plain = {0};
        fixture_open(&fixture, "UTC", text);
        char *age = strstr(text, ", max_age: 2d");
        memmove(age, age + strlen(", max_age: 2d"), strlen(age + strlen(", max_age: 2d")) + 1);
        fixture_open(&plain, "UTC", text);
        int64_t newest_us = moment(cases[i].newest ? cases[i].newest : "2024-05-06T10:00Z");
        int64_t least_us = moment("2024-05-06T10:00Z") + 1;
        for (int64_t after_us = 2 * DAY - 1; after_us <= 6 * DAY; after_us += after_us < 2 * DAY + 1 ? 1 : DAY) {
            int64_t as_of_us = newest_us + after_us > least_us ? newest_us + after_us : least_us;
            struct profile *profile = profile_of(&fixture, leaders, 7, as_of_us);
            struct profile *same = profile_of(&plain, leaders, 7, as_of_us);
            struct value value, wanted;
            profile_evaluate(profile, feature_of(&fixture, cases[i].name), as_of_us, &value);
            profile_evaluate(same, feature_of(&plain, cases[i].name), as_of_us, &wanted);
            bool stale =
                cases[i].newest && as_of_us - newest_us > 2 * DAY && wanted.status == STATUS_PRESENT;
            if (value.status != (stale ? STATUS_STALE : wanted.status) || value.real != wanted.real ||
                value.integer != wanted.integer || !bytes_equal(value.text, wanted.text) || wanted.age_us != 0 ||
                value.age_us != (cases[i].newest ? as_of_us - newest_us : 0))
                fail_msg("%s: status %d, age %lld", cases[i].feature, value.status, (long long)value.age_us);
        }
        fixture_close(&fixture);
        fixture_close(&plain);
    }
}

/* A tile holds the days it can: of one day that day, of an hour the day of UTC and those beside it. */
static void days_outside_their_tile_are_damage(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    fixture_open(&fixture, "UTC",
        EVENTS "  d: {of: order, active_days: true}\n  h: {of: order, active_days: true, window: 1d}\n");
    for (int64_t offset = -3; offset <= 3; offset++) {
        const int64_t day = 19584;
        for (int small = 0; small < 2; small++) {
            struct encoder head = {0}, chunk = {0};
            encode_u8(&head, 1);
            encode_varint(&head, fixture.layout->generation);
            encode_signed(&head, 0); /* position, no events */
            encode_varint(&head, 0);
            encode_varint(&head, 1); /* an hour */
            encode_signed(&head, day * 24 + 23);
            encode_varint(&head, 1);
            encode_signed(&head, day + (small ? offset : 0));
            encode_varint(&head, 1);
            encode_signed(&head, 0);
            encode_varint(&head, 0); /* nothing waits */
            encode_u8(&chunk, 1);
            encode_varint(&chunk, 1);
            encode_signed(&chunk, day);
            encode_varint(&chunk, 1);
            encode_signed(&chunk, day + (small ? 0 : offset));
            encode_varint(&chunk, 1);
            encode_signed(&chunk, 0);
            const struct profile_part list[] = {{0, encoder_borrow(&head)},
                {(UINT64_C(1) << 48) + (UINT64_C(1) << 31) + (uint64_t)day / 64, encoder_borrow(&chunk)}};
            const struct profile_parts *parts = profile_parts_new(list, 2);
            struct profile profile;
            bool whole = small ? offset >= -1 && offset <= 1 : offset == 0;
            assert_int_equal(profile_decode(&profile, fixture.layout, parts, &fixture.arena, NULL),
                whole ? PATRON_OK : PATRON_CORRUPT);
            profile_parts_release(parts);
            encoder_clear(&head);
            encoder_clear(&chunk);
        }
    }
    fixture_close(&fixture);
}

static void equal_questions_are_folded_once(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    fixture_open(&fixture, "UTC",
        EVENTS "  a: {of: order, variance: amount}\n  b: {of: order, stddev: amount, max_age: 3d}\n"
               "  c: {of: order, top: channel, k: 9}\n  d: {of: order, top: channel, k: 2}\n"
               "  e: {of: order, top: channel, by: amount}\n  f: {of: order, last: amount}\n"
               "  g: {of: order, gaps: mean}\n  h: {of: order, streak: current}\n"
               "  i: {of: order, decayed: true, half_life: 2d}\n  j: {of: order, decayed: true, half_life: 9d}\n"
               "  k: {of: order, decayed: amount, half_life: 9d}\n  l: {of: order, rfm: amount}\n"
               "  m: {of: order, ratio: {gift: true}}\n  n: {of: order, ratio: {gift: false}}\n"
               "  o: {of: order, count: true, where: {channel: [web, app]}, window: 20d, offset: 10d}\n"
               "  p: {of: order, count: true, where: {channel: [app, web]}, window: 30d}\n"
               "  q: {of: order, count: true, where: {channel: [app, webs]}, window: 30d}\n"
               "  r: {of: order, sum: amount, where: {amount: {at_least: 1}}, window: 2h, offset: 5d}\n"
               "  s: {of: order, sum: amount, where: {amount: {more_than: 1}}, window: 3h}\n"
               "  t: {of: order, sum: amount, where: {amount: {at_most: 1}}, window: 3h}\n"
               "  u: {of: order, sum: amount, where: {amount: {at_least: 1.0}}, window: 3h}\n"
               "  v: {of: order, sum: amount, where: {amount: {at_most: 2}}, window: 3h}\n");
    const struct tier_layout *tiers = fixture.layout->types[0].tiers;
    /* the squares, two tops, the last amount (also b's newest), two ratios */
    assert_int_equal(tiers[TIER_LIFETIME].aggregate_count, 6);
    /* days of events and of amounts, two lists */
    assert_int_equal(tiers[TIER_DAYS].aggregate_count, 4);
    assert_int_equal(tiers[TIER_MINUTES].aggregate_count, 4);
    assert_true(tiers[TIER_MINUTES].window_max_us == 5 * DAY + 2 * HOUR);
    assert_true(tiers[TIER_DAYS].window_max_us == INT64_MAX);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters_take_values_lists_and_ranges),
        cmocka_unit_test(windows_with_an_offset_hold_an_event_from_and_to_these_moments),
        cmocka_unit_test(a_window_and_the_one_before_it_are_the_window_of_both),
        cmocka_unit_test(variances_are_those_of_samples),
        cmocka_unit_test(gaps_streaks_and_active_days_are_by_calendar_days),
        cmocka_unit_test(decayed_sums_halve_by_calendar_days_from_the_oldest_to_the_newest),
        cmocka_unit_test(days_that_smaller_tiles_show_out_of_order_are_walked_in_order),
        cmocka_unit_test(leaders_come_by_count_or_sum_and_ties_by_value),
        cmocka_unit_test(leaders_of_many_days_and_values_are_those_of_a_plain_count),
        cmocka_unit_test(a_family_read_at_once_is_its_members_read_one_by_one),
        cmocka_unit_test(a_value_is_stale_once_its_newest_event_is_older_than_its_max_age),
        cmocka_unit_test(days_outside_their_tile_are_damage),
        cmocka_unit_test(equal_questions_are_folded_once),
    };
    return cmocka_run_group_tests_name("evaluate", tests, NULL, NULL);
}
