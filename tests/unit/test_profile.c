/* Profiles: one state and one encoding for one set of events, however it came together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/features/profile_rows.h"
#include "tests/property/dice.h"
#include "tests/unit/golden.h"
#include "tests/unit/profile_fixture.h"

/* Type numbers and attributes by number are the order they are written in. */
enum { ORDER, VISIT, TYPES };

#define EVENTS                                                                                                         \
    "identifiers: {id: }\n"                                                                                            \
    "events:\n"                                                                                                        \
    "  order: {amount: money, weight: number, points: integer, gift: bool, channel: string}\n"                         \
    "  visit: {page: string}\n"                                                                                        \
    "features:\n"

static const char every_kind[] = EVENTS
    "  orders: {of: order, count: true}\n"
    "  orders_1h: {of: order, count: true, window: 1h}\n"
    "  orders_gift_1h: {of: order, count: true, window: 65m, where: {gift: true}}\n"
    "  revenue_3d: {of: order, sum: amount, window: 3d}\n"
    "  revenue_11d: {of: order, mean: amount, window: 11d}\n"
    "  revenue_90d: {of: order, sum: amount, window: 90d}\n"
    "  weight_min: {of: order, min: weight, window: 30d}\n"
    "  points_max: {of: order, max: points, window: 2h}\n"
    "  channel_first: {of: order, first: channel}\n"
    "  channel_last_12d: {of: order, last: channel, window: 12d}\n"
    "  channels_1d: {of: order, distinct: channel, window: 1d}\n"
    "  channels_20d: {of: order, distinct: channel, window: 20d}\n"
    "  weights: {of: order, distinct: weight}\n"
    "  age: {of: order, age: last, unit: hour}\n"
    "  rfm: {of: order, rfm: amount}\n"
    "  rfm_2d: {of: order, rfm: amount, window: 2d}\n"
    "  rfm_45d: {of: order, rfm: amount, window: 45d}\n"
    "  visits_30m: {of: visit, count: true, window: 30m}\n"
    "  pages: {of: visit, distinct: page, window: 14d}\n"
    "  page: {of: visit, last: page}\n"
    "  orders_before: {of: order, count: true, window: 2h, offset: 1d}\n"
    "  revenue_before: {of: order, sum: amount, window: 30d, offset: 60d, where: {amount: {at_least: 0}}}\n"
    "  weight_variance: {of: order, variance: weight, window: 40d}\n"
    "  points_stddev: {of: order, stddev: points}\n"
    "  gifts: {of: order, ratio: {gift: true}, window: 3d, where: {channel: [web, shop]}}\n"
    "  channels_by_count: {of: order, top: channel, window: 60d}\n"
    "  points_by_revenue: {of: order, top: points, by: amount, k: 5, window: 1d, offset: 1d}\n"
    "  pages_top: {of: visit, top: page}\n"
    "  smoothed: {of: order, decayed: amount, half_life: 20d}\n"
    "  smoothed_2d: {of: order, decayed: true, half_life: 1d, window: 2d}\n"
    "  gap: {of: visit, gaps: mean}\n"
    "  gap_3h: {of: visit, gaps: stddev, window: 3h}\n"
    "  active: {of: visit, active_days: true, window: 5d, offset: 2d}\n"
    "  streak: {of: visit, streak: current, max_age: 2d}\n"
    "  last_amount: {of: order, last: amount, max_age: 1h, where: {channel: web}}\n";

/* An event whose id is a number; of an order with an amount in units, or of a visit to a page. */
static struct event event_of(uint16_t type, int64_t time_us, uint64_t id, int64_t units, struct arena *arena)
{
    struct event event = {.node = 1, .time_us = time_us, .known_at_us = time_us, .type = type};
    encode_be64(event.hash, id * UINT64_C(0x9E3779B97F4A7C15));
    encode_be64(event.hash + 8, id);
    struct encoder to = {0};
    char page[32];
    snprintf(page, sizeof page, "page %lld", (long long)units);
    if (type == ORDER)
        event_attribute_encode(0, &(struct scalar){.type = ATTRIBUTE_MONEY, .number = units * 1000000}, &to);
    else
        event_attribute_encode(0, &(struct scalar){.type = ATTRIBUTE_TEXT, .text = bytes_from_string(page)}, &to);
    event.attributes = arena_copy(arena, encoder_borrow(&to));
    encoder_clear(&to);
    return event;
}

static struct event event_random(struct dice *dice, int64_t from_us, int64_t to_us, uint64_t id, struct arena *arena)
{
    static const char *const texts[] = {"", "web", "shop", "a longer text than the others"};
    struct event event = event_of((uint16_t)dice_below(dice, TYPES), 0, id, dice_between(dice, -3, 3), arena);
    event.known_at_us = dice_between(dice, from_us, to_us);
    event.time_us = dice_chance(dice, 50) ? dice_between(dice, event.known_at_us - 100 * DAY, event.known_at_us)
                                          : dice_between(dice, event.known_at_us - 3 * HOUR, event.known_at_us + DAY);
    if (dice_chance(dice, 30))
        event.time_us = floor_divide(event.time_us, 5 * MINUTE) * 5 * MINUTE; /* the very edge of a tile */
    if (event.type == VISIT)
        return event;
    struct encoder to = {0};
    for (uint16_t i = 0; i < 5; i++) {
        struct scalar value = {.type = (enum attribute_type)(i + 1), .number = dice_between(dice, -4, 4)};
        if (dice_chance(dice, 25))
            continue;
        if (value.type == ATTRIBUTE_BOOL)
            value.number = dice_chance(dice, 50);
        if (value.type == ATTRIBUTE_TEXT)
            value = (struct scalar){.type = ATTRIBUTE_TEXT, .text = bytes_from_string(texts[dice_below(dice, 4)])};
        event_attribute_encode(i, &value, &to);
    }
    event.attributes = arena_copy(arena, encoder_borrow(&to));
    encoder_clear(&to);
    return event;
}

static struct profile *profile_at(struct fixture *fixture, int64_t position_us)
{
    struct profile *profile = arena_alloc(&fixture->arena, sizeof *profile);
    profile_init(profile, fixture->layout, &fixture->arena);
    profile_advance(profile, position_us);
    return profile;
}

static struct profile *fold(struct fixture *fixture, const struct event *events, size_t count, int64_t position_us)
{
    struct profile *profile = profile_at(fixture, position_us);
    for (size_t i = 0; i < count; i++)
        profile_apply(profile, &events[i]);
    return profile;
}

static bool parts_equal(const struct profile_parts *a, const struct profile_parts *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++)
        equal = a->part[i].number == b->part[i].number && bytes_equal(a->part[i].value, b->part[i].value);
    return equal;
}

static void assert_same(const struct profile *a, const struct profile *b)
{
    const struct profile_parts *left = profile_encode(a), *right = profile_encode(b);
    assert_true(parts_equal(left, right));
    profile_parts_release(left);
    profile_parts_release(right);
}

/* What the writer does between two groups: through the bytes. */
static struct profile *through_bytes(struct fixture *fixture, const struct profile *profile)
{
    const struct profile_parts *parts = profile_encode(profile);
    struct bytes copies[64];
    struct profile_part list[64];
    assert_true(parts->count <= 64);
    for (size_t i = 0; i < parts->count; i++) {
        copies[i] = arena_copy(&fixture->arena, parts->part[i].value); /* what is decoded must stay */
        list[i] = (struct profile_part){parts->part[i].number, copies[i]};
    }
    const struct profile_parts *kept = profile_parts_new(list, parts->count);
    struct profile *back = arena_alloc(&fixture->arena, sizeof *back);
    struct error error;
    if (profile_decode(back, fixture->layout, kept, &fixture->arena, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    assert_true(back->position_us == profile->position_us && back->event_count == profile->event_count &&
        back->pending_count == profile->pending_count);
    const struct profile_parts *again = profile_encode(back);
    assert_true(parts_equal(parts, again));
    profile_parts_release(again);
    /* the text of `back` points into parts that are let go: read it back from memory of the arena instead */
    struct profile_parts *lasting = arena_alloc(&fixture->arena, sizeof *lasting + parts->count * sizeof *list);
    lasting->count = parts->count;
    memcpy(lasting->part, list, parts->count * sizeof *list);
    assert_int_equal(profile_decode(back, fixture->layout, lasting, &fixture->arena, NULL), PATRON_OK);
    profile_parts_release(kept);
    profile_parts_release(parts);
    return back;
}

static int known_before(const void *left, const void *right)
{
    const struct event *a = left, *b = right;
    return a->known_at_us < b->known_at_us ? -1 : a->known_at_us > b->known_at_us;
}

/* --- one set of events, one encoding -------------------------------------------------------------------------- */

enum { EVENTS_MAX = 60, ROUNDS = 500 };

static const char *const zones[] = {"UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Apia"};

/* Random histories around a night when clocks change. */
static int64_t around_of(struct dice *dice)
{
    static const char *const nights[] = {
        "2010-11-07T02:31Z", "2024-03-31T01:00Z", "2011-12-30T10:00Z", "1969-12-31T23:00Z"};
    return moment(nights[dice_below(dice, 4)]);
}

static void a_profile_grown_event_by_event_is_the_fold_of_its_events(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct dice dice = dice_of(21, round);
        struct fixture fixture = {0};
        fixture_open(&fixture, zones[dice_below(&dice, 5)], every_kind);
        int64_t around_us = around_of(&dice);
        struct event events[EVENTS_MAX];
        size_t count = 1 + dice_below(&dice, EVENTS_MAX);
        for (size_t i = 0; i < count; i++)
            events[i] = event_random(&dice, around_us - DAY, around_us + 2 * DAY, i, &fixture.arena);
        qsort(events, count, sizeof *events, known_before);
        struct profile *online = profile_at(&fixture, events[0].known_at_us - 1);
        for (size_t i = 0; i < count; i++) {
            profile_advance(online, events[i].known_at_us);
            profile_apply(online, &events[i]);
            if (dice_chance(&dice, 10))
                assert_same(online, fold(&fixture, events, i + 1, events[i].known_at_us));
            if (dice_chance(&dice, 10))
                online = through_bytes(&fixture, online);
        }
        int64_t end_us = events[count - 1].known_at_us;
        assert_same(online, fold(&fixture, events, count, end_us));
        for (int later = 0; later < 3; later++) {
            end_us += dice_between(&dice, 0, later < 2 ? HOUR : 100 * DAY);
            profile_advance(online, end_us);
            assert_same(online, fold(&fixture, events, count, end_us));
        }
        fixture_close(&fixture);
    }
}

static void the_order_of_events_does_not_matter(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS / 4; round++) {
        struct dice dice = dice_of(22, round);
        struct fixture fixture = {0};
        fixture_open(&fixture, zones[dice_below(&dice, 5)], every_kind);
        int64_t around_us = around_of(&dice);
        struct event events[EVENTS_MAX];
        size_t count = 1 + dice_below(&dice, EVENTS_MAX);
        for (size_t i = 0; i < count; i++)
            events[i] = event_random(&dice, around_us - DAY, around_us, i, &fixture.arena);
        struct profile *first = fold(&fixture, events, count, around_us);
        for (size_t i = count; i > 1; i--) {
            size_t other = dice_below(&dice, i);
            struct event kept = events[i - 1];
            events[i - 1] = events[other];
            events[other] = kept;
        }
        assert_same(first, fold(&fixture, events, count, around_us));
        fixture_close(&fixture);
    }
}

static void profiles_of_two_halves_merge_into_the_profile_of_the_whole(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct dice dice = dice_of(23, round);
        struct fixture fixture = {0};
        fixture_open(&fixture, zones[dice_below(&dice, 5)], every_kind);
        int64_t around_us = around_of(&dice), reached_us[2] = {INT64_MIN, INT64_MIN};
        struct event events[EVENTS_MAX];
        struct profile *halves[2];
        for (size_t i = 0; i < 2; i++)
            halves[i] = profile_at(&fixture, around_us - 2 * DAY);
        size_t count = dice_below(&dice, EVENTS_MAX);
        for (size_t i = 0; i < count; i++)
            events[i] = event_random(&dice, around_us - DAY, around_us + DAY, i, &fixture.arena);
        qsort(events, count, sizeof *events, known_before);
        for (size_t i = 0; i < count; i++) {
            size_t half = dice_below(&dice, 2);
            reached_us[half] = events[i].known_at_us;
            profile_advance(halves[half], reached_us[half]);
            profile_apply(halves[half], &events[i]);
            if (dice_chance(&dice, 5))
                halves[half] = through_bytes(&fixture, halves[half]);
        }
        profile_merge(halves[0], halves[1]);
        int64_t end_us = around_us + DAY + dice_between(&dice, 0, 3) * DAY;
        struct profile *whole = fold(&fixture, events, count, halves[0]->position_us);
        assert_same(halves[0], whole);
        profile_advance(halves[0], end_us);
        assert_same(halves[0], fold(&fixture, events, count, end_us));
        fixture_close(&fixture);
    }
}

/* --- edges ---------------------------------------------------------------------------------------------------- */

static struct value value_at(struct fixture *fixture, const struct event *events, size_t count, const char *name,
    int64_t as_of_us)
{
    struct profile *profile = fold(fixture, events, count, as_of_us - 1);
    struct value value;
    profile_evaluate(profile, feature_of(fixture, name), as_of_us, &value);
    return value;
}

static size_t tiles_of(const struct profile *profile)
{
    size_t count = 0;
    for (size_t i = 0; i < profile->layout->type_count; i++)
        for (enum tier tier = TIER_MINUTES; tier < TIER_COUNT; tier++)
            count += profile->types[i].tiers[tier].count;
    return count;
}

static void an_event_leaves_its_window_and_its_profile_at_the_same_moment(void **state)
{
    (void)state;
    static const struct {
        const char *feature;
        const char *event;
        const char *last; /* the last T whose window holds it */
        const char *zone;
    } cases[] = {
        {"{of: order, count: true, window: 1h}", "2024-01-01T10:07Z", "2024-01-01T11:09:59.999999Z", "UTC"},
        {"{of: order, count: true, window: 5m}", "2024-01-01T10:05Z", "2024-01-01T10:14:59.999999Z", "UTC"},
        {"{of: order, count: true, window: 719m}", "2024-01-01T10:04:59.999999Z", "2024-01-01T22:03:59.999999Z", "UTC"},
        {"{of: order, count: true, window: 12h}", "2024-01-01T10:59:59.999999Z", "2024-01-01T22:59:59.999999Z", "UTC"},
        {"{of: order, count: true, window: 287h}", "2024-01-01T10:00Z", "2024-01-13T09:59:59.999999Z", "UTC"},
        {"{of: order, count: true, window: 12d}", "2024-01-01T10:00Z", "2024-01-13T23:59:59.999999Z", "UTC"},
        {"{of: order, count: true, window: 3660d}", "2024-01-01T10:00Z", "2034-01-08T23:59:59.999999Z", "UTC"},
        {"{of: order, count: true, window: 1h}", "1969-12-31T23:59:59.999999Z", "1970-01-01T00:59:59.999999Z", "UTC"},
        {"{of: order, count: true, window: 12d}", "1969-12-31T23:59:59.999999Z", "1970-01-12T23:59:59.999999Z", "UTC"},
        {"{of: order, count: true, window: 12d}", "2024-03-31T00:30Z", "2024-04-12T21:59:59.999999Z", "Europe/Berlin"},
        {"{of: order, count: true, window: 12d}", "2024-10-27T22:30Z", "2024-11-08T22:59:59.999999Z", "Europe/Berlin"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[1024];
        snprintf(text, sizeof text, EVENTS "  n: %s\n", cases[i].feature);
        struct fixture fixture = {0};
        fixture_open(&fixture, cases[i].zone, text);
        struct event event = event_of(ORDER, moment(cases[i].event), 1, 5, &fixture.arena);
        int64_t last_us = moment(cases[i].last);
        if (value_at(&fixture, &event, 1, "n", last_us).integer != 1 ||
            value_at(&fixture, &event, 1, "n", last_us + 1).integer != 0)
            fail_msg("%s at %s", cases[i].feature, cases[i].event);
        struct profile *profile = fold(&fixture, &event, 1, event.time_us);
        profile_advance(profile, last_us - 1);
        assert_int_equal(tiles_of(profile), 1);
        profile_advance(profile, last_us);
        assert_int_equal(tiles_of(profile), 0);
        /* it comes late, when no window reaches it any more */
        profile_apply(profile, &event);
        assert_int_equal(tiles_of(profile), 0);
        assert_int_equal(profile->event_count, 2);
        fixture_close(&fixture);
    }
}

static void a_day_that_comes_twice_keeps_its_tile_until_no_window_reaches_it(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    fixture_open(&fixture, "America/St_Johns", EVENTS "  n: {of: order, count: true, window: 30d}\n");
    /* 30 days before these moments the clocks of St. John's went from Saturday to Sunday, and back */
    int64_t sunday_us = moment("2010-12-07T02:30:30Z"), saturday_again_us = moment("2010-12-07T02:31Z");
    struct event event = event_of(ORDER, moment("2010-11-06T12:00Z"), 1, 5, &fixture.arena);
    struct profile *online = fold(&fixture, &event, 1, event.time_us);
    struct value value;
    const struct {
        int64_t as_of_us;
        int64_t count;
    } steps[] = {{moment("2010-12-07T02:29:59Z"), 1}, {sunday_us, 0}, {saturday_again_us, 1},
        {moment("2010-12-07T03:29:59Z"), 1}, {moment("2010-12-07T03:30Z"), 0}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        profile_advance(online, steps[i].as_of_us - 1);
        profile_evaluate(online, 0, steps[i].as_of_us, &value);
        assert_int_equal(value.integer, steps[i].count);
        assert_same(online, fold(&fixture, &event, 1, steps[i].as_of_us - 1));
        assert_int_equal(value_at(&fixture, &event, 1, "n", steps[i].as_of_us).integer, steps[i].count);
    }
    assert_int_equal(tiles_of(online), 0);
    fixture_close(&fixture);
}

static void rfm_counts_a_day_once_though_smaller_tiles_show_it_out_of_order(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    fixture_open(&fixture, "America/St_Johns",
        EVENTS "  h: {of: order, rfm: amount, window: 2d}\n  m: {of: order, rfm: amount, window: 3h}\n"
               "  d: {of: order, rfm: amount}\n");
    /* Sunday for a minute, then Saturday, then Sunday: the first day is Saturday */
    const char *const times[] = {"2010-11-07T02:30:10Z", "2010-11-07T02:31:10Z", "2010-11-07T03:29:10Z",
        "2010-11-07T03:30:10Z"};
    struct event events[4];
    for (size_t i = 0; i < 4; i++)
        events[i] = event_of(ORDER, moment(times[i]), i, 1 << i, &fixture.arena);
    int64_t as_of_us = moment("2010-11-07T04:00Z");
    static const char *const families[] = {"h", "m", "d"};
    for (size_t i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.frequency", families[i]);
        assert_int_equal(value_at(&fixture, events, 4, name, as_of_us).integer, 1);
        snprintf(name, sizeof name, "%s.recency", families[i]);
        assert_int_equal(value_at(&fixture, events, 4, name, as_of_us).integer, 1);
        snprintf(name, sizeof name, "%s.monetary", families[i]);
        assert_true(value_at(&fixture, events, 4, name, as_of_us).real == 9);
    }
    fixture_close(&fixture);
}

static void a_pending_event_is_due_as_soon_as_its_time_is_before_t(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    fixture_open(&fixture, "UTC", every_kind);
    int64_t time_us = moment("2024-05-05T10:00Z");
    struct event event = event_of(ORDER, time_us, 1, 5, &fixture.arena);
    event.known_at_us = time_us - DAY;
    struct profile *profile = fold(&fixture, &event, 1, event.known_at_us);
    assert_true(profile->pending_count == 1 && profile->event_count == 0);
    profile_advance(profile, time_us - 1); /* T = its time */
    struct value value;
    profile_evaluate(profile, feature_of(&fixture, "orders"), time_us, &value);
    assert_true(value.integer == 0 && profile->newest_event_time_us == INT64_MIN);
    profile_advance(profile, time_us);
    profile_evaluate(profile, feature_of(&fixture, "orders"), time_us + 1, &value);
    assert_true(value.integer == 1 && profile->pending_count == 0);
    assert_true(profile->newest_event_time_us == time_us && profile->newest_known_at_us == time_us - DAY);
    fixture_close(&fixture);
}

static void events_that_wait_are_counted_after_any_time(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    fixture_open(&fixture, "UTC", every_kind);
    int64_t now_us = moment("2024-05-05T10:00Z");
    struct profile *profile = profile_at(&fixture, now_us);
    for (uint64_t i = 1; i <= 100; i++) {
        struct event event = event_of(ORDER, now_us + (int64_t)((i * 37) % 101), i, 5, &fixture.arena);
        profile_apply(profile, &event);
    }
    assert_int_equal(profile->pending_count, 100);
    for (int64_t after = 0; after <= 101; after++)
        assert_int_equal(profile_pending_after(profile, now_us + after), after > 100 ? 0 : 100 - after);
    fixture_close(&fixture);
}

/* --- distinct values over a window ---------------------------------------------------------------------------- */

static void distinct_values_over_tiles_are_those_of_the_union(void **state)
{
    (void)state;
    /* pages a day, from a first page on that moves with each day by a step, over so many days; then a day with so many
     * others: sets much smaller than what is there are joined in another way, up to the same bound */
    static const struct {
        int64_t pages;
        int64_t step;
        int64_t days;
        int64_t others;
    } cases[] = {{4000, 0, 1, 95}, {4000, 0, 1, 96}, {4000, 0, 1, 97}, {1, 0, 13, 0}, {1, 1, 13, 0},
        {40, 3, 13, 0}, {500, 1, 13, 0}, {300, 300, 13, 0}, {315, 315, 13, 0}, {0, 0, 0, 0},
        {316, 315, 13, 0}, {3, 1000, 13, 0}, {DISTINCT_VALUES_MAX, 0, 2, 0}, {DISTINCT_VALUES_MAX, 1, 2, 0},
        {2048, 2048, 2, 0},
        {5000, 0, 1, 0}, {5000, 1, 3, 0}, {5000, 5000, 4, 7}, {3000, 3000, 2, 4200}, {4200, 10, 2, 100}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fixture fixture = {0};
        fixture_open(&fixture, "UTC", EVENTS "  n: {of: visit, distinct: page, window: 13d}\n"
                                       "  all: {of: visit, distinct: page}\n");
        int64_t start_us = moment("2024-05-05T10:00Z");
        int64_t as_of_us = start_us + 13 * DAY - HOUR;
        struct profile *profile = profile_at(&fixture, as_of_us - 1);
        for (int64_t day = 0; day < cases[i].days; day++)
            for (int64_t page = 0; page < cases[i].pages; page++) {
                struct event event = event_of(VISIT, start_us + day * DAY, (uint64_t)(day * 10000 + page),
                    day * cases[i].step + page, &fixture.arena);
                profile_apply(profile, &event);
            }
        for (int64_t page = 0; page < cases[i].others; page++) {
            struct event event = event_of(VISIT, start_us + cases[i].days * DAY, (uint64_t)(900000 + page),
                900000 + page, &fixture.arena);
            profile_apply(profile, &event);
        }
        struct value value, all;
        profile_evaluate(profile, feature_of(&fixture, "n"), as_of_us, &value);
        profile_evaluate(profile, feature_of(&fixture, "all"), as_of_us, &all);
        int64_t different = cases[i].days == 0 ? 0
            : cases[i].step < cases[i].pages   ? cases[i].pages + (cases[i].days - 1) * cases[i].step
                                               : cases[i].pages * cases[i].days;
        different += cases[i].others;
        assert_true(value.status == STATUS_PRESENT && value.integer == all.integer);
        if (different <= DISTINCT_VALUES_MAX)
            assert_int_equal(value.integer, different);
        else
            assert_true(value.integer > DISTINCT_VALUES_MAX && (double)value.integer > 0.96 * (double)different &&
                (double)value.integer < 1.04 * (double)different);
        fixture_close(&fixture);
    }
}

static void evaluating_takes_no_memory(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    fixture_open(&fixture, "UTC", every_kind);
    struct dice dice = dice_of(24, 0);
    int64_t now_us = moment("2024-05-05T10:00Z");
    struct event events[200];
    for (size_t i = 0; i < 200; i++)
        events[i] = event_random(&dice, now_us - DAY, now_us, i, &fixture.arena);
    struct profile *profile = fold(&fixture, events, 200, now_us);
    size_t before = fixture.arena.total_bytes;
    for (uint32_t i = 0; i < fixture.definitions->feature_count; i++) {
        struct value value;
        profile_evaluate(profile, i, now_us + 1, &value);
    }
    assert_int_equal(fixture.arena.total_bytes, before);
    fixture_close(&fixture);
}

/* --- rows ----------------------------------------------------------------------------------------------------- */

static void a_small_profile_is_stored_in_these_bytes(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    fixture_open(&fixture, "UTC",
        EVENTS "  n: {of: order, count: true}\n  s: {of: order, sum: amount, window: 1h}\n"
               "  h: {of: order, count: true, window: 1d}\n  d: {of: order, count: true, window: 90d}\n"
               "  first: {of: order, first: amount}\n  v: {of: visit, count: true, window: 20d}\n");
    int64_t now_us = moment("2023-11-14T22:13:20Z"); /* 1700000000 s: 5-minute 5666666, hour 472222, day 19675 */
    struct event events[] = {event_of(ORDER, now_us, 0, 2, &fixture.arena),
        event_of(ORDER, now_us - 70 * DAY, 1, 3, &fixture.arena), event_of(VISIT, now_us + DAY, 2, 7, &fixture.arena)};
    events[2].known_at_us = now_us;
    events[2].node = 300;
    struct profile *profile = fold(&fixture, events, 3, now_us);
    const struct profile_parts *parts = profile_encode(profile);
    assert_int_equal(parts->count, 3);
    assert_int_equal(parts->part[0].number, 0);
    /* version 3, position, 2 events, newest times | orders 2, first | 5 minutes: 1 tile | hours: 1 tile | 1 pending */
    assert_golden(parts->part[0].value,
        "01 03 8080f28183898506 02 8080f28183898506 8080f28183898506"
        " 02  01 8080d0f3fda88206 9e3779b97f4a7c150000000000000001 01 809bee02"
        " 01 d4ddb305 01 8092f401"
        " 01 bcd239 01"
        " 01 8080addf868e8506 3c6ef372fe94f82a0000000000000002 ac02 8080f28183898506 01 00 09 0005067061676520 37");
    /* chunk: day 19605 lies in 306, day 19675 in 307 */
    assert_int_equal(parts->part[1].number, (UINT64_C(1) << 48) + (UINT64_C(1) << 31) + 306);
    assert_golden(parts->part[1].value, "01 01 aab202 01");
    assert_int_equal(parts->part[2].number, (UINT64_C(1) << 48) + (UINT64_C(1) << 31) + 307);
    assert_golden(parts->part[2].value, "01 01 b6b302 01");
    profile_parts_release(parts);
    uint8_t key[PROFILE_KEY_BYTES];
    profile_key_encode(3, 258, 7, key);
    assert_golden(bytes_of(key, sizeof key), "00000003 0000000000000102 0000000000000007");
    fixture_close(&fixture);
}

static void days_before_1970_lie_in_the_chunks_below(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    fixture_open(&fixture, "UTC", EVENTS "  d: {of: order, count: true, window: 90d}\n");
    static const int64_t days[] = {-65, -64, -63, -1, 0, 1};
    struct event events[6];
    for (size_t i = 0; i < 6; i++)
        events[i] = event_of(ORDER, days[i] * DAY + 1, i, 1, &fixture.arena);
    struct profile *profile = fold(&fixture, events, 6, 2 * DAY);
    const struct profile_parts *parts = profile_encode(profile);
    static const char *const chunks[] = {"01 01 8101 01", "01 03 7f 01 01 01 3e 01", "01 02 00 01 01 01"};
    assert_int_equal(parts->count, 4);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(parts->part[1 + i].number, (UINT64_C(1) << 48) + (UINT64_C(1) << 31) - 2 + i);
        assert_golden(parts->part[1 + i].value, chunks[i]);
    }
    profile_parts_release(parts);
    assert_same(through_bytes(&fixture, profile), profile);
    fixture_close(&fixture);
}

static uint64_t rows_written(struct kv *kv, const struct profile *before, const struct profile *after)
{
    const struct profile_parts *there = before ? profile_encode(before) : NULL, *wanted = profile_encode(after);
    struct kv_batch *batch = kv_batch_new(kv);
    profile_rows_write(batch, 1, 9, there, wanted);
    uint64_t count = kv_batch_count(batch);
    assert_int_equal(kv_write(kv, batch, false, NULL), PATRON_OK);
    kv_batch_free(batch);
    const struct profile_parts *read;
    assert_int_equal(profile_rows_read(kv, NULL, 1, 9, &read, NULL), PATRON_OK);
    assert_true(parts_equal(read, wanted));
    profile_parts_release(read);
    profile_parts_release(there);
    profile_parts_release(wanted);
    return count;
}

static void a_chunk_of_days_is_written_only_where_a_day_of_its_own_changed(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    fixture_open(&fixture, "UTC",
        EVENTS "  n: {of: order, count: true, window: 300d}\n  r: {of: visit, count: true}\n");
    struct kv *kv = kv_memory_new();
    int64_t now_us = moment("2024-06-01T10:00Z");
    struct event events[300];
    for (size_t i = 0; i < 300; i++)
        events[i] = event_of(ORDER, now_us - (int64_t)i * DAY, i, 1, &fixture.arena);
    struct profile *before = fold(&fixture, events, 300, now_us);
    assert_int_equal(rows_written(kv, NULL, before), 1 + 6);
    /* today: the head and the last chunk */
    struct profile *after = fold(&fixture, events, 300, now_us + 1);
    struct event today = event_of(ORDER, now_us + 1, 1000, 1, &fixture.arena);
    profile_apply(after, &today);
    assert_int_equal(rows_written(kv, before, after), 2);
    /* another type: the head alone */
    before = after;
    after = fold(&fixture, events, 300, now_us + 2);
    profile_apply(after, &today);
    struct event visit = event_of(VISIT, now_us + 2, 1001, 1, &fixture.arena);
    profile_apply(after, &visit);
    assert_int_equal(rows_written(kv, before, after), 1);
    /* a late one: the head and the chunk it falls into */
    before = after;
    after = through_bytes(&fixture, before);
    profile_advance(after, now_us + 3);
    struct event late = event_of(ORDER, now_us - 150 * DAY, 1002, 1, &fixture.arena);
    profile_apply(after, &late);
    assert_int_equal(rows_written(kv, before, after), 2);
    /* days on, old tiles have gone: the head, the chunk they left, and the one that is empty goes */
    before = after;
    after = through_bytes(&fixture, before);
    profile_advance(after, now_us + 70 * DAY);
    assert_int_equal(rows_written(kv, before, after), 1 + 2);
    /* merged away */
    struct kv_batch *batch = kv_batch_new(kv);
    const struct profile_parts *parts = profile_encode(after);
    profile_rows_write(batch, 1, 9, parts, NULL);
    assert_int_equal(kv_batch_count(batch), parts->count);
    assert_int_equal(kv_write(kv, batch, false, NULL), PATRON_OK);
    assert_int_equal(profile_rows_read(kv, NULL, 1, 9, &parts, NULL), PATRON_NOT_FOUND);
    profile_parts_release(parts);
    kv_batch_free(batch);
    kv_close(kv);
    fixture_close(&fixture);
}

static void assert_damaged(struct fixture *fixture, struct profile_part *parts, size_t count, enum patron_code code,
    const char *words)
{
    const struct profile_parts *made = profile_parts_new(parts, count);
    struct profile profile;
    struct error error = {0};
    assert_int_equal(profile_decode(&profile, fixture->layout, made, &fixture->arena, &error), code);
    assert_string_equal(error.text, words);
    profile_parts_release(made);
}

static void damaged_rows_of_a_profile_are_told(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    fixture_open(&fixture, "UTC", EVENTS "  n: {of: order, count: true, window: 90d}\n");
    struct arena *arena = &fixture.arena;
    const uint64_t chunk = (UINT64_C(1) << 48) + (UINT64_C(1) << 31) + 306; /* days 19584 to 19647 */
    struct profile_part whole[] = {{0, golden("01 03 00 00 00", arena)}, {chunk, golden("01 01 80b202 01", arena)}};
    struct profile_part parts[3];
    static const struct {
        const char *head;
        enum patron_code code;
        const char *words;
    } heads[] = {
        {"", PATRON_CORRUPT, "a profile's head is damaged"},
        {"02 03 00 00 00", PATRON_CORRUPT, "a profile's head is damaged"},
        {"01 02 00 00 00", PATRON_PRECONDITION, "a profile is of generation 2, not 3"},
        {"01 03 00 00 00 00", PATRON_CORRUPT, "a profile's head is damaged"},
        {"01 03 00 00", PATRON_CORRUPT, "a profile's head is damaged"},
        {"01 03 00 00 01", PATRON_CORRUPT, "a profile's head is damaged"},
        /* pending: at the position, of an unknown type, attributes that are none, twice the same */
        {"01 03 00 00 01 00 00000000000000000000000000000000 01 00 00 00 00", PATRON_CORRUPT,
            "a profile's head is damaged"},
        {"01 03 00 00 01 02 00000000000000000000000000000000 01 00 02 00 00", PATRON_CORRUPT,
            "a profile's head is damaged"},
        {"01 03 00 00 01 02 00000000000000000000000000000000 01 00 00 00 01 00", PATRON_CORRUPT,
            "a profile's head is damaged"},
        {"01 03 00 00 02 02 00000000000000000000000000000000 01 00 00 00 00"
         " 02 00000000000000000000000000000000 01 00 00 00 00",
            PATRON_CORRUPT, "a profile's head is damaged"},
    };
    assert_damaged(&fixture, parts, 0, PATRON_CORRUPT, "a profile has no head");
    assert_damaged(&fixture, whole + 1, 1, PATRON_CORRUPT, "a profile has no head");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        parts[0] = (struct profile_part){0, golden(heads[i].head, arena)};
        assert_damaged(&fixture, parts, 1, heads[i].code, heads[i].words);
    }
    const struct profile_part chunks[] = {
        {chunk, golden("", arena)}, {chunk, golden("02 01 80b202 01", arena)}, {chunk, golden("01 00", arena)},
        {chunk, golden("01 01 80b302 01", arena)},                           /* a day of the next chunk */
        {chunk, golden("01 02 80b202 01 40 01", arena)},                     /* and one that runs into it */
        {chunk, golden("01 02 80b202 01 00 01", arena)},                     /* a day twice */
        {chunk, golden("01 02 80b202 01", arena)}, {chunk, golden("01 01 80b202 01 00", arena)},
        {chunk + (UINT64_C(1) << 32), golden("01 01 80b202 01", arena)},     /* a type without days */
        {chunk + (UINT64_C(2) << 32), golden("01 01 80b202 01", arena)},     /* no such type */
        {1, golden("01 01 80b202 01", arena)}, {UINT64_MAX, golden("01 01 80b202 01", arena)}};
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        parts[0] = whole[0];
        parts[1] = chunks[i];
        assert_damaged(&fixture, parts, 2, PATRON_CORRUPT, "a profile's chunk of days is damaged");
    }
    parts[1] = parts[2] = whole[1];
    assert_damaged(&fixture, parts, 3, PATRON_CORRUPT, "a profile's parts are out of order");
    const struct profile_parts *made = profile_parts_new(whole, 2);
    struct profile profile;
    assert_int_equal(profile_decode(&profile, fixture.layout, made, arena, NULL), PATRON_OK);
    profile_parts_release(made);
    fixture_close(&fixture);
}

static void features_that_ask_for_the_same_share_it(void **state)
{
    (void)state;
    struct fixture fixture = {0};
    fixture_open(&fixture, "UTC",
        EVENTS "  a: {of: order, sum: amount, window: 20d}\n  b: {of: order, mean: amount, window: 90d}\n"
               "  c: {of: order, sum: amount, window: 90d, where: {channel: web}}\n"
               "  d: {of: order, mean: amount, window: 20d, where: {channel: web}}\n"
               "  e: {of: order, sum: amount}\n  f: {of: order, sum: amount, window: 3d}\n"
               "  g: {of: order, first: channel}\n  h: {of: order, age: first}\n  r: {of: order, rfm: amount}\n");
    const struct tier_layout *tiers = fixture.layout->types[ORDER].tiers;
    assert_int_equal(tiers[TIER_DAYS].aggregate_count, 3); /* the sum, that of the web, the days of rfm */
    assert_int_equal(tiers[TIER_HOURS].aggregate_count, 1);
    assert_int_equal(tiers[TIER_MINUTES].aggregate_count, 0);
    assert_int_equal(tiers[TIER_LIFETIME].aggregate_count, 3);
    assert_true(tiers[TIER_DAYS].window_max_us == INT64_MAX); /* lifetime rfm */
    assert_true(tiers[TIER_HOURS].window_max_us == 3 * DAY);
    assert_int_equal(fixture.layout->slots[0].index, fixture.layout->slots[1].index);
    assert_int_equal(fixture.layout->slots[2].index, fixture.layout->slots[3].index);
    fixture_close(&fixture);
}

static void a_layout_takes_memory_by_its_features_not_by_types_times_features(void **state)
{
    (void)state;
    char *text = memory_alloc(DEFINITIONS_BYTES_MAX);
    size_t length = 0;
    length += (size_t)snprintf(text, DEFINITIONS_BYTES_MAX, "identifiers: {id: }\nevents:\n");
    for (int i = 0; i < EVENT_TYPES_MAX; i++)
        length += (size_t)snprintf(text + length, DEFINITIONS_BYTES_MAX - length, "  e%d: {a: money}\n", i);
    length += (size_t)snprintf(text + length, DEFINITIONS_BYTES_MAX - length, "features:\n");
    for (int i = 0; i < FEATURES_MAX; i++)
        length += (size_t)snprintf(text + length, DEFINITIONS_BYTES_MAX - length,
            "  f%d: {of: e%d, %s, window: %dh}\n", i, i % EVENT_TYPES_MAX, i % 3 ? "sum: a" : "count: true",
            1 + i / 10);
    const struct definitions *definitions;
    struct error error;
    if (definitions_parse(bytes_of(text, length), NULL, 1, false, &definitions, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    struct layout *layout = layout_new(definitions);
    assert_true(layout->arena.total_bytes < 512 * 1024);
    layout_free(layout);
    definitions_release(definitions);
    memory_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_grown_event_by_event_is_the_fold_of_its_events),
        cmocka_unit_test(the_order_of_events_does_not_matter),
        cmocka_unit_test(profiles_of_two_halves_merge_into_the_profile_of_the_whole),
        cmocka_unit_test(an_event_leaves_its_window_and_its_profile_at_the_same_moment),
        cmocka_unit_test(a_day_that_comes_twice_keeps_its_tile_until_no_window_reaches_it),
        cmocka_unit_test(rfm_counts_a_day_once_though_smaller_tiles_show_it_out_of_order),
        cmocka_unit_test(a_pending_event_is_due_as_soon_as_its_time_is_before_t),
        cmocka_unit_test(events_that_wait_are_counted_after_any_time),
        cmocka_unit_test(distinct_values_over_tiles_are_those_of_the_union),
        cmocka_unit_test(a_small_profile_is_stored_in_these_bytes),
        cmocka_unit_test(days_before_1970_lie_in_the_chunks_below),
        cmocka_unit_test(a_chunk_of_days_is_written_only_where_a_day_of_its_own_changed),
        cmocka_unit_test(damaged_rows_of_a_profile_are_told),
        cmocka_unit_test(features_that_ask_for_the_same_share_it),
        cmocka_unit_test(evaluating_takes_no_memory),
        cmocka_unit_test(a_layout_takes_memory_by_its_features_not_by_types_times_features),
    };
    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
