/* Versions of the definitions in one store: filling a new one while events come in, asking for an older one, dropping.
 *
 * The workload is random and seeded; what is filled must be what verify folds, whatever came between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/features/profile.h"
#include "store/versions/refill.h"
#include "store/versions/versions.h"
#include "tests/property/dice.h"
#include "tests/property/small_home.h"
#include "tests/unit/store_fixture.h"

#define KINDS                                                                                                          \
    "identifiers:\n"                                                                                                   \
    "  customer_id: {max: 1}\n"                                                                                        \
    "  email: {max: 2}\n"                                                                                              \
    "  device:\n"                                                                                                      \
    "events:\n"                                                                                                        \
    "  visit: {page: string}\n"                                                                                        \
    "  order: {amount: money}\n"

static const char first_version[] = KINDS "features:\n"
                                          "  visits: {of: visit, count: true}\n"
                                          "  visits_2d: {of: visit, count: true, window: 2d}\n";

static const char second_version[] = KINDS "  refund: {amount: money}\n"
                                           "features:\n"
                                           "  rfm: {of: order, rfm: amount}\n"
                                           "  visits: {of: visit, count: true}\n"
                                           "  pages: {of: visit, distinct: page, window: 90d}\n"
                                           "  refunds: {of: refund, count: true}\n";

/* Under it profiles hold the same as under the first. */
static const char first_version_renamed[] = KINDS "features:\n"
                                                  "  calls: {of: visit, count: true}\n"
                                                  "  visits_2d: {of: visit, count: true, window: 2d}\n"
                                                  "services: {all: [calls, visits_2d]}\n";

/* The same, after the second. */
static const char first_version_with_refunds[] =
    KINDS "  refund: {amount: money}\n"
          "features:\n"
          "  visits: {of: visit, count: true}\n"
          "  visits_2d: {of: visit, count: true, window: 2d}\n";

struct run {
    struct shop shop;
    struct dice dice;
    struct small_home *home;
    bool with_home;
    int sent;
    struct refill *refill; /* null: none is under way */
    struct view view;      /* that it goes on at */
    bool viewed;
};

/* --- the workload ---------------------------------------------------------------------------------------------- */

static void run_open(struct run *run, const char *definitions)
{
    if (!run->shop.kv) {
        run->shop.kv = kv_memory_new();
        run->shop.clock_us = START_US;
    }
    run->home = run->with_home ? small_home_new() : NULL;
    struct store_options options = {.kv = run->shop.kv,
        .key = run->shop.key,
        .home = run->home ? small_home_face(run->home) : NULL,
        .refills_later = true};
    if (definitions)
        options.definitions_text = bytes_from_string(definitions);
    struct error error;
    if (store_open(&options, &run->shop.store, &error) != PATRON_OK)
        fail_msg("%s", error.text);
}

static void refill_end(struct run *run)
{
    refill_free(run->refill);
    run->refill = NULL;
    if (run->viewed)
        store_view_release(&run->view);
    run->viewed = false;
}

/* As after a crash: what was in memory only is gone. */
static void run_reopen(struct run *run)
{
    refill_end(run);
    store_close(run->shop.store);
    small_home_free(run->home);
    run_open(run, NULL);
}

static void run_close(struct run *run)
{
    refill_end(run);
    store_close(run->shop.store);
    run->shop.store = NULL;
    shop_close(&run->shop);
    small_home_free(run->home);
}

static void send_one(struct run *run)
{
    char id[16], who[64], other[32] = "";
    int number = run->sent++;
    static const char *const types[] = {"visit", "order", "visit", "refund"};
    bool has_refunds = store_definitions(run->shop.store)->event_count > 2;
    const char *type = types[dice_below(&run->dice, has_refunds ? 4 : 3)];
    snprintf(id, sizeof id, "%d", number);
    static const char *const kinds[] = {"device", "device", "email", "customer_id"};
    if (dice_chance(&run->dice, 30))
        snprintf(other, sizeof other, " %s:%zu", kinds[dice_below(&run->dice, 4)], dice_below(&run->dice, 12));
    snprintf(who, sizeof who, "%s:%zu%s", kinds[dice_below(&run->dice, 4)], dice_below(&run->dice, 40), other);
    int64_t ahead_us = dice_chance(&run->dice, 30) ? dice_between(&run->dice, -60 * DAY, 3 * DAY) : 0;
    struct event_input event = shop_event(&run->shop, type, id, run->shop.clock_us + ahead_us, who);
    struct event_attribute page = {.name = bytes_from_string("page"), .kind = GIVEN_TEXT, .text = event.id};
    struct event_attribute amount = {.name = bytes_from_string("amount"), .kind = GIVEN_INTEGER, .integer = number};
    event.attributes = type[0] == 'v' ? &page : &amount;
    event.attribute_count = 1;
    if (shop_add(&run->shop, &event) != EVENT_APPLIED)
        fail_msg("%s", run->shop.outcome.why.text);
}

static void send_group(struct run *run, size_t events)
{
    shop_begin(&run->shop);
    while (events-- > 0)
        send_one(run);
    shop_commit(&run->shop);
    run->shop.clock_us += (int64_t)dice_below(&run->dice, 5) * 3600 * SECOND;
}

static const struct definitions *parsed(struct shop *shop, const char *text)
{
    struct view view;
    struct error error;
    const struct definitions *made;
    store_view_take(shop->store, &view);
    const struct version *newest = versions_newest(view.versions);
    if (definitions_parse(
            bytes_from_string(text), newest->definitions, newest->number + 1, false, &made, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    store_view_release(&view);
    return made;
}

static void define(struct shop *shop, const char *text)
{
    struct error error;
    const struct definitions *made = parsed(shop, text);
    if (store_define(shop->store, made, shop->clock_us, false, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    definitions_release(made);
}

/* One move of the refill, of few customers or entries. Returns true once the new version serves. */
static bool refill_move(struct run *run, size_t entries_max)
{
    struct error error;
    struct store *store = run->shop.store;
    bool reached, done = false;
    if (!run->refill)
        run->refill = refill_new(store);
    if (!run->refill)
        return true;
    if (!run->viewed)
        store_view_take(store, &run->view);
    run->viewed = true;
    if (refill_step(run->refill, &run->view, 1 + dice_below(&run->dice, 4), &reached, &error) != PATRON_OK ||
        refill_write(store, run->refill, &error) != PATRON_OK ||
        (reached && refill_finish(store, run->refill, entries_max, &done, &error) != PATRON_OK))
        fail_msg("%s", error.text);
    if (reached) {
        store_view_release(&run->view);
        run->viewed = false;
    }
    if (done)
        refill_end(run);
    return done;
}

static void sweep_all(struct shop *shop)
{
    for (bool left = true; left;)
        assert_int_equal(store_sweep(shop->store, 3, &left, NULL), PATRON_OK);
}

static size_t rows_of_generation(struct shop *shop, uint32_t generation)
{
    uint8_t key[PROFILE_KEY_BYTES];
    profile_key_encode(generation, 0, 0, key);
    size_t count = 0;
    struct kv_iterator *rows = kv_iterator_new(shop->kv, NULL, KV_PROFILES, bytes_of(key, 4));
    for (kv_iterator_seek(rows, bytes_of(key, 4)); kv_iterator_valid(rows); kv_iterator_next(rows))
        count++;
    kv_iterator_free(rows);
    return count;
}

static struct value value_of(struct shop *shop, const struct view *view, const char *name, const char *who, bool now)
{
    struct bytes names = bytes_from_string(name);
    struct selection selection;
    struct value value = {0};
    struct row row = {.values = &value};
    struct error error;
    struct event_input asked = shop_event(shop, "", "", 0, who);
    if (definitions_select(view->definitions, (struct bytes){0}, &names, 1, &shop->arena, &selection, &error) !=
        PATRON_OK)
        fail_msg("%s", error.text);
    int64_t as_of_us = view->position_us + 1;
    enum patron_code code = now
        ? read_now(view, &selection, asked.identifiers, as_of_us, &shop->arena, &row, &error)
        : read_as_of(view, &selection, asked.identifiers, as_of_us, &shop->arena, &row, &error);
    if (code != PATRON_OK)
        fail_msg("%s", error.text);
    return value;
}

/* --- texts, while following ------------------------------------------------------------------------------------ */

static const char texts_version[] = KINDS "features:\n"
                                          "  first_page: {of: visit, first: page}\n"
                                          "  last_page: {of: visit, last: page}\n"
                                          "  pages: {of: visit, top: page, k: 3}\n"
                                          "  orders: {of: order, count: true}\n";

static void texts_send(struct shop *shop, const char *id, int64_t time_us, const char *who, const char *page)
{
    struct event_input event = shop_event(shop, "visit", id, time_us, who);
    struct event_attribute given = {
        .name = bytes_from_string("page"), .kind = GIVEN_TEXT, .text = bytes_from_string(page)};
    event.attributes = &given;
    event.attribute_count = 1;
    shop_begin(shop);
    assert_int_equal(shop_add(shop, &event), EVENT_APPLIED);
    shop_commit(shop);
}

/* Up to the newest entry, in steps as large as they come. */
static void refill_to_end(struct run *run)
{
    struct store *store = run->shop.store;
    store_view_take(store, &run->view);
    for (bool reached = false; !reached;) {
        assert_int_equal(refill_step(run->refill, &run->view, 0, &reached, NULL), PATRON_OK);
        assert_int_equal(refill_write(store, run->refill, NULL), PATRON_OK);
    }
    store_view_release(&run->view);
}

/* Profiles with texts become one: what one takes over from another lies in rows that were read for that one. In both
 * orders, for rows are given up in the order they were read. */
static void texts_of_merged_profiles_outlive_the_rows_they_were_read_from(void **state)
{
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        struct run run = {.dice = dice_of(8, 1)};
        run_open(&run, first_version);
        struct shop *shop = &run.shop;
        texts_send(shop, "1", START_US - 5 * DAY, "device:a", "a page of the first, which is a long one");
        texts_send(shop, "2", START_US - 4 * DAY, "device:b", "a page of the second, which is a long one");
        texts_send(shop, "3", START_US - 9 * DAY, "device:c", "a page of the third, which is a long one");
        define(shop, texts_version);
        run.refill = refill_new(shop->store);
        refill_to_end(&run);
        /* the one that goes is read before the one that stays, or after it */
        if (turn == 0)
            texts_send(shop, "4", START_US - 6 * DAY, "device:c", "another page of the third");
        texts_send(shop, "5", START_US - 5 * DAY, "device:a device:c", "a page of both");
        texts_send(shop, "6", START_US - 3 * DAY, "device:b device:a", "a page of all");
        refill_to_end(&run);
        bool done = false;
        assert_int_equal(refill_finish(shop->store, run.refill, 0, &done, NULL), PATRON_OK);
        assert_true(done);
        shop_assert_sound(shop);
        run_close(&run);
    }
}

/* --- filling --------------------------------------------------------------------------------------------------- */

/* A history with a refill in the middle; sometimes it crashes, sometimes what lags is written back. */
static void history_run(uint64_t number)
{
    struct run run = {.dice = dice_of(20261122, number), .with_home = number % 2};
    run_open(&run, first_version);
    for (size_t groups = 5 + dice_below(&run.dice, 30); groups > 0; groups--)
        send_group(&run, 1 + dice_below(&run.dice, 6));
    define(&run.shop, second_version);
    assert_true(store_is_refilling(run.shop.store));
    unsigned busy = (unsigned)dice_below(&run.dice, 60);
    struct view old;
    bool old_held = number % 3 == 0;
    if (old_held)
        store_view_take(run.shop.store, &old);
    struct value before = {0};
    if (old_held)
        before = value_of(&run.shop, &old, "visits", "device:7", true);
    int crashes = 0;
    for (int moves = 0; !refill_move(&run, moves > 300 ? SIZE_MAX : 2); moves++) {
        assert_int_equal(store_definitions(run.shop.store)->version, 1);
        size_t left;
        bool more;
        if (dice_chance(&run.dice, 10)) /* what is being filled is not swept */
            assert_int_equal(store_sweep(run.shop.store, 4, &more, NULL), PATRON_OK);
        if (moves < 400 && dice_chance(&run.dice, busy))
            send_group(&run, 1 + dice_below(&run.dice, 6));
        if (dice_chance(&run.dice, 20))
            assert_int_equal(store_write_back(run.shop.store, 3, &left, NULL), PATRON_OK);
        if (!old_held && crashes < 4 && dice_chance(&run.dice, 5)) {
            run_reopen(&run);
            crashes++;
        }
        if (dice_chance(&run.dice, 5))
            shop_assert_sound(&run.shop);
    }
    assert_int_equal(store_definitions(run.shop.store)->version, 2);
    shop_assert_sound(&run.shop);
    send_group(&run, 6);
    sweep_all(&run.shop);
    assert_int_equal(rows_of_generation(&run.shop, 1), 0);
    shop_assert_sound(&run.shop);
    if (old_held) { /* it reads what it read before, though its profiles are served no more */
        struct value after = value_of(&run.shop, &old, "visits", "device:7", true);
        assert_true(after.status == before.status && after.integer == before.integer);
        store_view_release(&old);
    }
    run_reopen(&run);
    assert_int_equal(store_definitions(run.shop.store)->version, 2);
    shop_assert_sound(&run.shop);
    run_close(&run);
}

static void a_version_is_filled_while_events_come_in_whatever_happens_between(void **state)
{
    (void)state;
    for (uint64_t number = 0; number < 200; number++)
        history_run(number);
}

static bool try_refill(struct run *run, struct error *error)
{
    struct store *store = run->shop.store;
    struct refill *refill = refill_new(store);
    struct view view;
    store_view_take(store, &view);
    bool reached = false, done = false, left = true;
    enum patron_code code = PATRON_OK;
    while (refill && code == PATRON_OK && !reached) {
        code = refill_step(refill, &view, 3, &reached, error);
        if (code == PATRON_OK)
            code = refill_write(store, refill, error);
    }
    if (refill && code == PATRON_OK)
        code = refill_finish(store, refill, SIZE_MAX, &done, error);
    while (code == PATRON_OK && left)
        code = store_sweep(store, 5, &left, error);
    store_view_release(&view);
    refill_free(refill);
    return code == PATRON_OK;
}

/* Every call of the engine fails in turn: the store is opened again, more comes in, and the refill goes on. */
static void a_refill_goes_on_after_a_failure_of_any_call(void **state)
{
    (void)state;
    uint64_t survived = 0;
    for (uint64_t k = 1;; k++) {
        struct run run = {.dice = dice_of(1, 1), .with_home = k % 2};
        run_open(&run, first_version);
        for (int i = 0; i < 8; i++)
            send_group(&run, 5);
        define(&run.shop, second_version);
        struct error error = {0};
        uint64_t before = kv_memory_calls(run.shop.kv);
        kv_memory_fail_after(run.shop.kv, k, PATRON_IO);
        bool went_through = try_refill(&run, &error);
        kv_memory_fail_after(run.shop.kv, 0, PATRON_OK);
        bool came_to_it = kv_memory_calls(run.shop.kv) - before >= k;
        assert_true(went_through != came_to_it);
        if (!went_through) {
            survived++;
            run_reopen(&run);
            shop_assert_sound(&run.shop);
            send_group(&run, 6);
            assert_true(try_refill(&run, &error));
        }
        assert_int_equal(store_definitions(run.shop.store)->version, 2);
        assert_int_equal(rows_of_generation(&run.shop, 1), 0);
        shop_assert_sound(&run.shop);
        run_close(&run);
        if (went_through)
            break;
    }
    assert_true(survived > 100);
}

static void a_refill_that_nobody_does_later_is_done_when_the_store_is_opened(void **state)
{
    (void)state;
    struct run run = {.dice = dice_of(2, 1)};
    run_open(&run, first_version);
    for (int i = 0; i < 8; i++)
        send_group(&run, 5);
    define(&run.shop, second_version);
    for (int i = 0; i < 3; i++)
        assert_false(refill_move(&run, 0));
    refill_end(&run);
    send_group(&run, 5);
    store_close(run.shop.store);
    assert_int_equal(shop_try_open(&run.shop, NULL, NULL), PATRON_OK);
    assert_int_equal(store_definitions(run.shop.store)->version, 2);
    assert_int_equal(rows_of_generation(&run.shop, 1), 0);
    shop_assert_sound(&run.shop);
    run_close(&run);
}

/* --- what need not be filled ----------------------------------------------------------------------------------- */

static void a_version_under_which_profiles_are_the_same_serves_at_once(void **state)
{
    (void)state;
    struct run run = {.dice = dice_of(3, 1), .with_home = true};
    run_open(&run, first_version);
    for (int i = 0; i < 8; i++)
        send_group(&run, 5);
    define(&run.shop, first_version_renamed);
    assert_false(store_is_refilling(run.shop.store));
    assert_int_equal(store_definitions(run.shop.store)->version, 2);
    shop_assert_sound(&run.shop);
    send_group(&run, 5);
    run_reopen(&run);
    assert_int_equal(store_definitions(run.shop.store)->version, 2);
    assert_int_equal(rows_of_generation(&run.shop, 2), 0);
    sweep_all(&run.shop);
    shop_assert_sound(&run.shop);
    /* and from there a refill leads on */
    define(&run.shop, second_version);
    while (!refill_move(&run, 0))
        continue;
    shop_assert_sound(&run.shop);
    run_close(&run);
}

static void send_after(struct shop *shop)
{
    shop_send(shop, "order", "2", START_US + DAY, "device:a");
    shop_send(shop, "order", "3", START_US - DAY, "device:b device:a");
    shop_assert_sound(shop);
}

#define FEW "identifiers: {device: }\nevents:\n  order: {amount: money, points: integer, channel: string}\n"

static void a_version_is_filled_where_profiles_hold_something_else_under_it(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
        bool refill;
    } cases[] = {
        {FEW "features: {a: {of: order, sum: amount}}\n", FEW "features: {a: {of: order, sum: points}}\n", true},
        {FEW "features: {a: {of: order, sum: amount}}\n", FEW "features: {b: {of: order, mean: amount}}\n", false},
        {FEW "features: {a: {of: order, sum: amount}}\n",
            FEW "features: {a: {of: order, sum: amount}, b: {of: order, mean: amount, default: 2}}\n", false},
        {FEW "features: {a: {of: order, sum: amount}}\n", FEW "features: {a: {of: order, max: amount}}\n", true},
        {FEW "features: {a: {of: order, sum: amount, window: 30d}}\n",
            FEW "features: {a: {of: order, sum: amount, window: 31d}}\n", true},
        {FEW "features: {a: {of: order, sum: amount, window: 30d}}\n",
            FEW "features: {a: {of: order, sum: amount, window: 30d, offset: 1d}}\n", true},
        {FEW "features: {a: {of: order, sum: amount, window: 30d}, b: {of: order, sum: amount, window: 60d}}\n",
            FEW "features: {b: {of: order, sum: amount, window: 60d}}\n", false},
        {FEW "features: {a: {of: order, count: true, where: {channel: web}}}\n",
            FEW "features: {a: {of: order, count: true, where: {channel: app}}}\n", true},
        {FEW "features: {a: {of: order, count: true, where: {channel: [app, web]}}}\n",
            FEW "features: {a: {of: order, count: true, where: {channel: [web, app]}}}\n", false},
        {FEW "features: {a: {of: order, count: true, where: {channel: [app, web]}}}\n",
            FEW "features: {a: {of: order, count: true, where: {channel: app}}}\n", true},
        {FEW "features: {a: {of: order, count: true, where: {points: {at_least: 1}}}}\n",
            FEW "features: {a: {of: order, count: true, where: {points: {at_least: 2}}}}\n", true},
        {FEW "features: {a: {of: order, count: true, where: {points: {at_most: 1}}}}\n",
            FEW "features: {a: {of: order, count: true, where: {points: {less_than: 1}}}}\n", true},
        {FEW "features: {a: {of: order, ratio: {channel: web}}}\n",
            FEW "features: {a: {of: order, ratio: {channel: app}}}\n", true},
        {FEW "features: {a: {of: order, top: channel, k: 1}}\n",
            FEW "features: {a: {of: order, top: channel, k: 2}}\n", false},
        {FEW "features: {a: {of: order, top: channel, by: amount}}\n",
            FEW "features: {a: {of: order, top: channel, by: points}}\n", true},
        {FEW "features: {a: {of: order, decayed: amount, half_life: 1d}}\n",
            FEW "features: {a: {of: order, decayed: amount, half_life: 2d}}\n", false},
        {FEW "features: {a: {of: order, count: true}}\n",
            FEW "features: {a: {of: order, count: true, max_age: 9d}}\n", true},
        {FEW "features: {a: {of: order, count: true}}\n",
            "time_zone: Europe/Berlin\n" FEW "features: {a: {of: order, count: true}}\n", true},
        {FEW "features: {a: {of: order, count: true}}\n",
            FEW "  more: {n: integer}\nfeatures: {a: {of: order, count: true}}\n", false},
        {FEW "features: {a: {of: order, count: true}}\n",
            FEW "  more: {n: integer}\nfeatures: {a: {of: more, count: true}, b: {of: order, count: true}}\n", true},
        {"identifiers: {device: }\nevents: {order: {}}\nfeatures: {a: {of: order, count: true}}\n",
            FEW "features: {a: {of: order, count: true}}\n", false},
        {"unknown_attributes: keep\nidentifiers: {device: }\nevents: {order: {}}\n"
         "features: {a: {of: order, count: true}}\n",
            FEW "features: {a: {of: order, count: true}}\n", true}, /* what waits for its time may have kept some */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shop shop = {0};
        struct view view;
        shop_open(&shop, cases[i].before);
        shop_send(&shop, "order", "1", START_US, "device:a");
        const struct definitions *made = parsed(&shop, cases[i].after);
        store_view_take(shop.store, &view);
        bool would = view_would_refill(&view, made);
        store_view_release(&view);
        definitions_release(made);
        define(&shop, cases[i].after);
        if (would != cases[i].refill || store_is_refilling(shop.store) != cases[i].refill)
            fail_msg("case %zu: %d", i, would);
        shop_assert_sound(&shop);
        send_after(&shop);
        shop_close(&shop);
    }
}

static void notice_keep(void *context, const char *words)
{
    snprintf(context, 512, "%s", words);
}

static enum patron_code open_told(struct shop *shop, const char *text, char words[512], struct error *error)
{
    words[0] = '\0';
    struct store_options options = {.kv = shop->kv,
        .key = shop->key,
        .definitions_text = text ? bytes_from_string(text) : (struct bytes){0},
        .notice = notice_keep,
        .notice_context = words};
    return store_open(&options, &shop->store, error);
}

static void a_file_with_an_older_version_is_left_alone_and_told(void **state)
{
    (void)state;
    struct shop shop = {0};
    char words[512];
    shop_open(&shop, first_version);
    shop_send(&shop, "visit", "1", START_US, "device:a");
    store_close(shop.store);
    shop_open(&shop, second_version);
    for (int dropped = 0; dropped < 2; dropped++) {
        store_close(shop.store);
        assert_int_equal(open_told(&shop, first_version, words, NULL), PATRON_OK);
        assert_int_equal(store_definitions(shop.store)->version, 2);
        assert_string_equal(words, dropped
                ? "the definitions file is version 1 of the store, dropped since, which has gone on to version 2: "
                  "version 2 stays. Write it to the file (patron definitions show -o yaml), or go back with patron "
                  "definitions apply FILE"
                : "the definitions file is version 1 of the store, which has gone on to version 2: version 2 stays. "
                  "Write it to the file (patron definitions show -o yaml), or go back with patron definitions apply "
                  "FILE");
        if (!dropped) /* what the file was is known all the same, also after the next start */
            assert_int_equal(store_version_drop(shop.store, 1, NULL), PATRON_OK);
    }
    store_close(shop.store);
    assert_int_equal(open_told(&shop, second_version, words, NULL), PATRON_OK);
    assert_string_equal(words, "");
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void a_file_that_is_new_is_told_with_what_is_different(void **state)
{
    (void)state;
    struct shop shop = {0};
    char words[512];
    assert_int_equal((shop.kv = kv_memory_new(), open_told(&shop, first_version, words, NULL)), PATRON_OK);
    assert_string_equal(words, ""); /* against nothing */
    store_close(shop.store);
    assert_int_equal(open_told(&shop, first_version_renamed, words, NULL), PATRON_OK);
    assert_string_equal(words,
        "the definitions file is new to the store, and is version 2 now, against version 1: feature calls added, "
        "feature visits removed, service all added");
    shop_close(&shop);
}

/* No server runs that could be told to force it: how to come by one is part of the words. */
static void a_file_that_is_to_be_forced_says_how(void **state)
{
    (void)state;
    struct shop shop = {0};
    char words[512];
    struct error error;
    shop_open(&shop, second_version);
    store_close(shop.store);
    assert_int_equal(open_told(&shop, first_version, words, &error), PATRON_INVALID);
    shop.store = NULL;
    assert_non_null(strstr(error.text,
        "or use apply --force\nTo force it, start without --definitions, which serves version 1, and then: patron "
        "definitions apply FILE --force"));
    assert_int_equal(open_told(&shop, "features: nonsense\n", words, &error), PATRON_INVALID);
    assert_null(strstr(error.text, "start without"));
    assert_int_equal(open_told(&shop, NULL, words, &error), PATRON_OK);
    assert_int_equal(store_definitions(shop.store)->version, 1);
    shop_close(&shop);
}

static void a_file_that_is_new_goes_before_a_version_that_is_being_filled(void **state)
{
    (void)state;
    struct run run = {.dice = dice_of(4, 1)};
    run_open(&run, first_version);
    for (int i = 0; i < 8; i++)
        send_group(&run, 5);
    define(&run.shop, second_version);
    for (int i = 0; i < 3; i++)
        assert_false(refill_move(&run, 0));
    refill_end(&run);
    assert_true(rows_of_generation(&run.shop, 2) > 0);
    store_close(run.shop.store);
    char third[2048];
    snprintf(third, sizeof third, "%s  orders: {of: order, count: true, window: 30d}\n", second_version);
    run_open(&run, third);
    assert_int_equal(store_definitions(run.shop.store)->version, 3);
    assert_true(rows_of_generation(&run.shop, 1) == 0 && rows_of_generation(&run.shop, 2) == 0);
    shop_assert_sound(&run.shop);
    run_close(&run);
}

/* --- asking and dropping --------------------------------------------------------------------------------------- */

static void versions_are_asked_for_by_number_and_fold_what_they_know(void **state)
{
    (void)state;
    struct run run = {.dice = dice_of(5, 1), .with_home = true};
    run_open(&run, first_version);
    for (int i = 0; i < 10; i++)
        send_group(&run, 5);
    struct view view, first, second;
    struct error error;
    struct value served[12];
    store_view_take(run.shop.store, &view);
    char who[32];
    for (size_t i = 0; i < 12; i++) {
        snprintf(who, sizeof who, "device:%zu", i);
        served[i] = value_of(&run.shop, &view, "visits_2d", who, true);
    }
    store_view_release(&view);
    define(&run.shop, second_version);
    /* one that is being filled can be asked for already */
    store_view_take(run.shop.store, &view);
    assert_int_equal(view_of_version(&view, 2, &second, &error), PATRON_OK);
    struct value folded = value_of(&run.shop, &second, "pages", "device:7", false);
    store_view_release(&view);
    while (!refill_move(&run, 0))
        continue;
    store_view_take(run.shop.store, &view);
    struct value filled = value_of(&run.shop, &view, "pages", "device:7", true);
    assert_true(filled.status == folded.status && filled.integer == folded.integer);
    assert_int_equal(view_of_version(&view, 1, &first, &error), PATRON_OK);
    assert_int_equal(first.definitions->version, 1);
    for (size_t i = 0; i < 12; i++) {
        snprintf(who, sizeof who, "device:%zu", i);
        struct value again = value_of(&run.shop, &first, "visits_2d", who, false);
        assert_true(again.status == served[i].status && again.integer == served[i].integer);
    }
    store_view_release(&view);
    /* types that only the second one has are nothing to the first */
    for (int i = 0; i < 30; i++)
        send_group(&run, 5);
    store_view_take(run.shop.store, &view);
    assert_int_equal(view_of_version(&view, 1, &first, &error), PATRON_OK);
    for (size_t i = 0; i < 12; i++) {
        snprintf(who, sizeof who, "device:%zu", i);
        struct value one = value_of(&run.shop, &first, "visits", who, false);
        struct value other = value_of(&run.shop, &view, "visits", who, true);
        assert_true(one.status == other.status && one.integer == other.integer);
    }
    assert_int_equal(view.versions->list[0]->asked, 2);
    assert_int_equal(view_of_version(&view, 0, &first, &error), PATRON_OK);
    assert_ptr_equal(first.definitions, view.definitions);
    assert_int_equal(view_of_version(&view, 3, &first, &error), PATRON_NOT_FOUND);
    assert_string_equal(error.text, "there is no version 3 of the definitions; there are 1, 2");
    store_view_release(&view);
    run_close(&run);
}

static void a_version_that_nobody_needs_is_dropped_and_keeps_its_number(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct error error;
    shop_open(&shop, first_version);
    shop_send(&shop, "visit", "1", START_US, "device:a");
    define(&shop, first_version_renamed);
    define(&shop, first_version);
    assert_int_equal(store_definitions(shop.store)->version, 3);
    struct view before, view, other;
    store_view_take(shop.store, &before);
    assert_int_equal(store_version_drop(shop.store, 2, &error), PATRON_OK);
    /* a view from before has it still */
    assert_int_equal(view_of_version(&before, 2, &other, &error), PATRON_OK);
    assert_int_equal(value_of(&shop, &other, "calls", "device:a", false).integer, 1);
    store_view_release(&before);
    for (int twice = 0; twice < 2; twice++) {
        store_view_take(shop.store, &view);
        assert_int_equal(view_of_version(&view, 2, &other, &error), PATRON_PRECONDITION);
        assert_string_equal(error.text, "version 2 of the definitions was dropped; there are 1, 3");
        assert_int_equal(view_of_version(&view, 1, &other, &error), PATRON_OK);
        assert_int_equal(view.versions->list[1]->text_bytes, sizeof first_version_renamed - 1);
        store_view_release(&view);
        assert_int_equal(store_version_drop(shop.store, 2, &error), PATRON_PRECONDITION);
        assert_string_equal(error.text, "version 2 of the definitions was dropped already");
        assert_int_equal(store_version_drop(shop.store, 3, &error), PATRON_PRECONDITION);
        assert_string_equal(error.text, "version 3 of the definitions is the one that serves");
        assert_int_equal(store_version_drop(shop.store, 4, &error), PATRON_NOT_FOUND);
        assert_string_equal(error.text, "there is no version 4 of the definitions; there are 1, 3");
        shop_reopen(&shop); /* its file is the first version's text, which is the newest one's too */
    }
    define(&shop, second_version);
    assert_int_equal(store_version_drop(shop.store, 4, &error), PATRON_PRECONDITION);
    assert_string_equal(error.text, "version 4 of the definitions is the newest: it is to serve next");
    shop_close(&shop);
}

static void a_second_version_at_a_time_is_refused(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct error error;
    shop_open(&shop, first_version);
    shop_send(&shop, "visit", "1", START_US, "device:a");
    const struct definitions *made = parsed(&shop, first_version_renamed);
    define(&shop, second_version);
    assert_int_equal(store_define(shop.store, made, shop.clock_us, false, &error), PATRON_PRECONDITION);
    assert_string_equal(
        error.text, "version 2 of the definitions was applied meanwhile: look at it, and apply again");
    definitions_release(made);
    made = parsed(&shop, first_version_with_refunds);
    assert_int_equal(store_define(shop.store, made, shop.clock_us, false, &error), PATRON_PRECONDITION);
    assert_string_equal(error.text,
        "version 2 of the definitions is being filled from the events: apply other definitions once it serves");
    /* one that supersedes it, and needs no refill, serves at once */
    assert_int_equal(store_define(shop.store, made, shop.clock_us, true, &error), PATRON_OK);
    definitions_release(made);
    assert_int_equal(store_definitions(shop.store)->version, 3);
    assert_false(store_is_refilling(shop.store));
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void so_many_versions_are_kept_and_no_more_before_one_is_dropped(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct error error;
    shop_open(&shop, first_version);
    for (int number = 2; number <= DEFINITIONS_VERSIONS_KEPT_MAX; number++)
        define(&shop, number % 2 ? first_version : first_version_renamed);
    const struct definitions *made = parsed(&shop, first_version);
    assert_int_equal(store_define(shop.store, made, shop.clock_us, false, &error), PATRON_EXHAUSTED);
    assert_string_equal(error.text,
        "1000 versions of the definitions are kept already: drop those that nobody asks for with patron definitions "
        "drop");
    assert_int_equal(store_version_drop(shop.store, 7, &error), PATRON_OK);
    assert_int_equal(store_define(shop.store, made, shop.clock_us, false, &error), PATRON_OK);
    definitions_release(made);
    struct view view, other;
    store_view_take(shop.store, &view);
    assert_int_equal(view_of_version(&view, 5000, &other, &error), PATRON_NOT_FOUND);
    assert_string_equal(error.text, "there is no version 5000 of the definitions; there are 1 to 6, 8 to 1001");
    store_view_release(&view);
    shop_close(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_version_is_filled_while_events_come_in_whatever_happens_between),
        cmocka_unit_test(texts_of_merged_profiles_outlive_the_rows_they_were_read_from),
        cmocka_unit_test(a_refill_goes_on_after_a_failure_of_any_call),
        cmocka_unit_test(a_refill_that_nobody_does_later_is_done_when_the_store_is_opened),
        cmocka_unit_test(a_version_under_which_profiles_are_the_same_serves_at_once),
        cmocka_unit_test(a_version_is_filled_where_profiles_hold_something_else_under_it),
        cmocka_unit_test(a_file_with_an_older_version_is_left_alone_and_told),
        cmocka_unit_test(a_file_that_is_new_is_told_with_what_is_different),
        cmocka_unit_test(a_file_that_is_to_be_forced_says_how),
        cmocka_unit_test(a_file_that_is_new_goes_before_a_version_that_is_being_filled),
        cmocka_unit_test(versions_are_asked_for_by_number_and_fold_what_they_know),
        cmocka_unit_test(a_version_that_nobody_needs_is_dropped_and_keeps_its_number),
        cmocka_unit_test(a_second_version_at_a_time_is_refused),
        cmocka_unit_test(so_many_versions_are_kept_and_no_more_before_one_is_dropped),
    };
    return cmocka_run_group_tests_name("store_versions", tests, NULL, NULL);
}
