/* Ingestion through store.h: the fate of events, the words of refusals, and when events are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "store/base/decimal.h"
#include "tests/unit/store_fixture.h"

static const char definitions[] =
    "identifiers:\n"
    "  customer_id: {max: 1}\n"
    "  email: {normalize: email, never_link: [none@x.org]}\n"
    "events:\n"
    "  order: {amount: money, weight: number, points: integer, gift: bool, channel: string}\n"
    "  visit: {page: string}\n"
    "features:\n"
    "  orders: {of: order, count: true}\n"
    "  revenue: {of: order, sum: amount, window: 90d}\n"
    "  weight: {of: order, last: weight}\n"
    "  points: {of: order, last: points}\n"
    "  amount: {of: order, last: amount}\n";

static struct event_attribute attribute(const char *name, enum attribute_kind kind)
{
    return (struct event_attribute){.name = bytes_from_string(name), .kind = kind};
}

static struct event_attribute decimal(const char *name, const char *digits)
{
    struct event_attribute made = attribute(name, GIVEN_DECIMAL);
    made.text = bytes_from_string(digits);
    return made;
}

static struct event_attribute integer(const char *name, int64_t number)
{
    struct event_attribute made = attribute(name, GIVEN_INTEGER);
    made.integer = number;
    return made;
}

static struct event_attribute real(const char *name, double number)
{
    struct event_attribute made = attribute(name, GIVEN_REAL);
    made.real = number;
    return made;
}

static struct event_attribute text(const char *name, struct bytes bytes)
{
    struct event_attribute made = attribute(name, GIVEN_TEXT);
    made.text = bytes;
    return made;
}

/* Some bytes of the same letter, as many as a limit and more. */
static struct bytes letters(struct shop *shop, size_t count)
{
    uint8_t *made = arena_alloc(&shop->arena, count);
    memset(made, 'a', count);
    return bytes_of(made, count);
}

static struct event_input order_with(
    struct shop *shop, const char *id, const struct event_attribute *attributes, size_t count)
{
    struct event_input event = shop_event(shop, "order", id, shop->clock_us, "customer_id:1");
    event.attributes = attributes;
    event.attribute_count = count;
    return event;
}

/* Refused with this code and these words, in a group of its own and in one with others, and nothing has changed. */
static void assert_refused(struct shop *shop, const struct event_input *event, enum patron_code code, const char *words)
{
    struct encoder before = shop_dump(shop);
    struct store_figures figures_before, figures_after;
    store_figures(shop->store, &figures_before);
    int64_t newest_us = store_newest_known_at(shop->store);
    assert_int_equal(shop_send_input(shop, event), EVENT_REFUSED);
    assert_string_equal(shop->outcome.why.text, words);
    assert_int_equal(shop->outcome.why.code, code);
    assert_int_equal(store_group_size(shop->store), 0);
    struct encoder after = shop_dump(shop);
    assert_true(bytes_equal(encoder_borrow(&before), encoder_borrow(&after)));
    store_figures(shop->store, &figures_after);
    figures_after.schema = figures_before.schema; /* refusals are counted there */
    assert_memory_equal(&figures_before, &figures_after, sizeof figures_before);
    assert_true(store_newest_known_at(shop->store) == newest_us);
    encoder_clear(&before);
    encoder_clear(&after);
    shop->clock_us -= SECOND; /* as if it had not been sent */
}

/* --- refusals ------------------------------------------------------------------------------------------------- */

static void what_an_event_must_say_is_checked(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    shop_send(&shop, "visit", "0", shop.clock_us, "customer_id:1");
    const struct event_input good = shop_event(&shop, "order", "1", shop.clock_us, "customer_id:1");
    struct event_input event = good;
    event.source = (struct bytes){0};
    assert_refused(&shop, &event, PATRON_INVALID, "the event has no source");
    event.source = letters(&shop, SOURCE_BYTES_MAX + 1);
    assert_refused(&shop, &event, PATRON_INVALID, "the event's source has 257 bytes; at most 256 are taken");
    event.source = bytes_from_string("\xc3");
    assert_refused(&shop, &event, PATRON_INVALID, "the event's source is not valid UTF-8");
    event = good;
    event.id = (struct bytes){0};
    assert_refused(&shop, &event, PATRON_INVALID, "the event has no id");
    event.id = letters(&shop, EVENT_ID_BYTES_MAX + 1);
    assert_refused(&shop, &event, PATRON_INVALID, "the event's id has 513 bytes; at most 512 are taken");
    event.id = bytes_from_string("\xed\xa0\x80");
    assert_refused(&shop, &event, PATRON_INVALID, "the event's id is not valid UTF-8");
    event = good;
    event.type = bytes_from_string("ordr");
    assert_refused(&shop, &event, PATRON_INVALID, "unknown event type 'ordr': did you mean 'order'?");
    event.type = (struct bytes){0};
    assert_refused(&shop, &event, PATRON_INVALID, "unknown event type ''; there are order and visit");
    event = good;
    event.time_us = EVENT_TIME_MIN_US - 1;
    assert_refused(&shop, &event, PATRON_OUT_OF_RANGE,
        "the event's time, -2208988800000001 microseconds since 1970, is not between 1900 and 2200");
    event.time_us = INT64_MIN;
    assert_refused(&shop, &event, PATRON_OUT_OF_RANGE,
        "the event's time, -9223372036854775808 microseconds since 1970, is not between 1900 and 2200");
    event.time_us = INT64_MAX;
    assert_refused(&shop, &event, PATRON_OUT_OF_RANGE,
        "the event's time, 9223372036854775807 microseconds since 1970, is not between 1900 and 2200");
    event.time_us = shop.clock_us + 7 * DAY + 1;
    assert_refused(&shop, &event, PATRON_OUT_OF_RANGE,
        "the event's time lies 604800 s after it is known; at most 604800 s are taken");
    event = good;
    event.has_known_at = true;
    event.known_at_us = shop.clock_us + 1;
    assert_refused(
        &shop, &event, PATRON_OUT_OF_RANGE, "known_at lies after the server's clock, 2023-11-14T22:13:21Z");
    assert_int_equal(shop_send_input(&shop, &good), EVENT_APPLIED);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void identifiers_are_checked(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    struct event_input event = shop_event(&shop, "visit", "1", shop.clock_us, "");
    assert_refused(&shop, &event, PATRON_INVALID, "the event has no identifier");
    char many[1024] = "";
    for (int i = 0; i <= EVENT_IDENTIFIERS_MAX; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "%semail:e%d@x.org", i ? " " : "", i);
    event = shop_event(&shop, "visit", "1", shop.clock_us, many);
    assert_refused(&shop, &event, PATRON_INVALID, "the event has 33 identifiers; at most 32 are taken");
    static const char *const cases[][2] = {
        {"phone:1", "unknown identifier type 'phone'; there are customer_id and email"},
        {"emial:a@x.org", "unknown identifier type 'emial': did you mean 'email'?"},
        {"customer_id:", "identifier customer_id is empty"},
        {"customer_id:1 email:ada",
            "identifier email is not an address: it needs one '@' with something on either side"},
        {"customer_id:1 email:\xff@x.org", "identifier email is not UTF-8"},
        {"email:none@x.org", "the event has no identifier that may link: its values are blocked"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        event = shop_event(&shop, "visit", "1", shop.clock_us, cases[i][0]);
        assert_refused(&shop, &event, PATRON_INVALID, cases[i][1]);
    }
    struct event_identifier long_one = {
        bytes_from_string("customer_id"), letters(&shop, IDENTIFIER_VALUE_BYTES_MAX + 1)};
    event.identifiers = &long_one;
    event.identifier_count = 1;
    assert_refused(&shop, &event, PATRON_INVALID, "identifier customer_id is too long: 1025 bytes (at most 1024)");
    long_one.value.length--;
    assert_int_equal(shop_send_input(&shop, &event), EVENT_APPLIED);
    shop_close(&shop);
}

static void attributes_are_checked(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    const struct {
        struct event_attribute given;
        const char *words;
    } cases[] = {
        {decimal("amout", "1"), "event type 'order' has no attribute 'amout': did you mean 'amount'?"},
        {attribute("amount", 0), "attribute 'amount' has no value"},
        {attribute("amount", 6), "attribute 'amount' has no value"},
        {attribute("amount", (enum attribute_kind)-1), "attribute 'amount' has no value"},
        {attribute("amount", GIVEN_FLAG), "attribute 'amount' is a flag, but is declared money"},
        {attribute("weight", GIVEN_TEXT), "attribute 'weight' is text, but is declared number"},
        {integer("gift", 1), "attribute 'gift' is an integer, but is declared bool"},
        {real("channel", 1), "attribute 'channel' is a real number, but is declared string"},
        {decimal("channel", "1"), "attribute 'channel' is a decimal, but is declared string"},
        {decimal("amount", "1.0000001"), "attribute 'amount' has more than 6 decimals: '1.0000001'"},
        {decimal("amount", "9223372036854.775808"),
            "attribute 'amount' is too large for money: '9223372036854.775808' (at most 9223372036854.775807)"},
        {integer("amount", INT64_C(9223372036855)),
            "attribute 'amount' is too large for money: 9223372036855 (at most 9223372036854.775807)"},
        {integer("amount", INT64_MIN),
            "attribute 'amount' is too large for money: -9223372036854775808 (at most 9223372036854.775807)"},
        {real("amount", 0.1234567), "attribute 'amount' has more than 6 decimals: 0.1234567"},
        {real("amount", (double)INFINITY), "attribute 'amount' is not a finite number"},
        {real("weight", (double)NAN), "attribute 'weight' is not a finite number"},
        {real("weight", 9007199254740992.0), "attribute 'weight' is out of range: 9.0072e+15 (below 2^53)"},
        {integer("weight", NUMBER_MAGNITUDE_MAX), "attribute 'weight' is out of range: 9007199254740992 (below 2^53)"},
        {integer("weight", -NUMBER_MAGNITUDE_MAX),
            "attribute 'weight' is out of range: -9007199254740992 (below 2^53)"},
        {integer("points", INT64_MIN), "attribute 'points' is out of range: -9223372036854775808 (below 2^53)"},
        {decimal("points", "1.5"), "attribute 'points' has a fraction, but is declared integer"},
        {real("points", -0.5), "attribute 'points' has a fraction, but is declared integer"},
        {text("channel", letters(&shop, TEXT_ATTRIBUTE_BYTES_MAX + 1)),
            "attribute 'channel' has 1025 bytes; at most 1024 are taken"},
        {text("channel", bytes_from_string("\xc0\x80")), "attribute 'channel' is not valid UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct event_input event = order_with(&shop, "1", &cases[i].given, 1);
        assert_refused(&shop, &event, PATRON_INVALID, cases[i].words);
    }
    const struct event_attribute twice[] = {
        decimal("amount", "1"), attribute("gift", GIVEN_FLAG), decimal("amount", "1")};
    struct event_input event = order_with(&shop, "1", twice, 3);
    assert_refused(&shop, &event, PATRON_INVALID, "attribute 'amount' is given twice");
    shop_close(&shop);
}

static void a_server_whose_clock_is_past_all_event_times_takes_nothing(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    const int64_t clocks_us[] = {EVENT_TIME_MAX_US, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < 3; i++) {
        shop.clock_us = clocks_us[i] - SECOND;
        struct event_input event = shop_event(&shop, "visit", "1", 0, "customer_id:1");
        shop_begin(&shop); /* with a clock a second earlier the first would do */
        shop_add(&shop, &event);
        shop_commit(&shop);
        shop.clock_us = clocks_us[i];
        event = shop_event(&shop, "visit", "2", 0, "customer_id:1");
        shop_begin(&shop);
        assert_int_equal(shop_add(&shop, &event), EVENT_REFUSED);
        assert_string_equal(shop.outcome.why.text, "the server's clock is past the year 2199");
        assert_int_equal(shop.outcome.why.code, PATRON_OUT_OF_RANGE);
        assert_int_equal(store_group_commit(shop.store, NULL), PATRON_OK);
    }
    assert_true(store_newest_known_at(shop.store) == EVENT_TIME_MAX_US - SECOND);
    shop_reopen(&shop);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void no_more_events_wait_for_their_time_than_the_bound(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    shop_begin(&shop);
    for (int i = 0; i < 10000; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        int64_t time_us = shop.clock_us + (i < 5000 ? SECOND : DAY) + i;
        struct event_input event =
            shop_event(&shop, "visit", id, time_us, i % 2 ? "customer_id:1" : "email:a@x.org");
        assert_int_equal(shop_add(&shop, &event), EVENT_APPLIED);
        arena_reset(&shop.arena);
    }
    shop_commit(&shop);
    static const char words[] =
        "the customer has 10000 events that are dated ahead already: send this one when its time has come";
    struct event_input both = shop_event(&shop, "visit", "b", shop.clock_us + DAY, "customer_id:1 email:a@x.org");
    struct event_input one = shop_event(&shop, "visit", "o", shop.clock_us + DAY, "customer_id:1");
    shop.clock_us = START_US + 1;
    assert_refused(&shop, &both, PATRON_EXHAUSTED, words);
    assert_int_equal(shop_send_input(&shop, &one), EVENT_APPLIED); /* alone it has but half of them */
    shop.clock_us = START_US + 2;
    struct event_input now = shop_event(&shop, "visit", "n", shop.clock_us, "customer_id:1 email:a@x.org");
    assert_int_equal(shop_send_input(&shop, &now), EVENT_APPLIED);
    shop.clock_us = START_US + 3;
    assert_refused(&shop, &both, PATRON_EXHAUSTED, words);
    shop.clock_us = START_US + SECOND + 100; /* a hundred are due by now, though the profile has not been moved on */
    assert_int_equal(shop_send_input(&shop, &both), EVENT_APPLIED);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

/* --- what is taken -------------------------------------------------------------------------------------------- */

static struct value value_now(struct shop *shop, const char *who, const char *name)
{
    struct view view;
    store_view_take(shop->store, &view);
    struct bytes names[] = {bytes_from_string(name)};
    struct selection selection;
    assert_int_equal(definitions_select(view.definitions, (struct bytes){0}, names, 1, &shop->arena, &selection, NULL),
        PATRON_OK);
    struct value value;
    struct row row = {.values = &value};
    struct event_input event = shop_event(shop, "", "", 0, who);
    struct error error;
    int64_t as_of_us = shop->clock_us > view.position_us ? shop->clock_us : view.position_us + 1;
    if (read_now(&view, &selection, event.identifiers, as_of_us, &shop->arena, &row, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    store_view_release(&view);
    return value;
}

static void attributes_become_what_is_declared(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    const struct {
        const char *feature;
        struct event_attribute given;
        double wanted;
    } cases[] = {
        {"amount", decimal("amount", "12.5"), 12.5},
        {"amount", integer("amount", -3), -3},
        {"amount", real("amount", 0.1), 0.1},
        {"amount", decimal("amount", "9223372036854.775807"), 9223372036854.775807},
        {"amount", integer("amount", INT64_C(-9223372036854)), -9223372036854.0},
        {"weight", decimal("weight", "0.5"), 0.5},
        {"weight", integer("weight", NUMBER_MAGNITUDE_MAX - 1), 9007199254740991.0},
        {"weight", real("weight", -1e-10), 0},
        {"points", integer("points", 7), 7},
        {"points", decimal("points", "-8.000"), -8},
        {"points", real("points", 9.0), 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char id[16];
        snprintf(id, sizeof id, "%zu", i);
        struct event_input event = order_with(&shop, id, &cases[i].given, 1);
        assert_int_equal(shop_send_input(&shop, &event), EVENT_APPLIED);
        struct value value = value_now(&shop, "customer_id:1", cases[i].feature);
        assert_int_equal(value.status, STATUS_PRESENT);
        double got = value.type == VALUE_INT64 ? (double)value.integer : value.real;
        assert_true(got == cases[i].wanted);
    }
    shop_close(&shop);
}

static void a_second_arrival_has_no_effect(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    const struct event_attribute first[] = {decimal("amount", "12.50"), attribute("gift", GIVEN_FLAG)};
    const struct event_attribute same[] = {attribute("gift", GIVEN_FLAG), real("amount", 12.5)};
    struct event_input event = order_with(&shop, "1", first, 2);
    assert_int_equal(shop_send_input(&shop, &event), EVENT_APPLIED);
    struct encoder before = shop_dump(&shop);
    int64_t time_us = event.time_us;
    event = order_with(&shop, "1", same, 2);
    event.time_us = time_us;
    assert_int_equal(shop_send_input(&shop, &event), EVENT_DUPLICATE);
    assert_int_equal(shop.outcome.node, 1);
    /* other identifiers, unknown or blocked ones too, are not even looked at */
    struct event_input others = shop_event(&shop, "order", "1", time_us, "customer_id:2 email:b@x.org");
    others.attributes = same;
    others.attribute_count = 2;
    assert_int_equal(shop_send_input(&shop, &others), EVENT_DUPLICATE);
    others = shop_event(&shop, "order", "1", time_us, "email:none@x.org");
    others.attributes = same;
    others.attribute_count = 2;
    assert_int_equal(shop_send_input(&shop, &others), EVENT_DUPLICATE);
    struct encoder after = shop_dump(&shop);
    assert_true(bytes_equal(encoder_borrow(&before), encoder_borrow(&after)));
    encoder_clear(&before);
    encoder_clear(&after);
    /* within one group as well */
    struct event_input next = order_with(&shop, "2", first, 2);
    shop_begin(&shop);
    assert_int_equal(shop_add(&shop, &next), EVENT_APPLIED);
    assert_int_equal(shop_add(&shop, &next), EVENT_DUPLICATE);
    assert_int_equal(shop_add(&shop, &event), EVENT_DUPLICATE);
    assert_int_equal(store_group_size(shop.store), 1);
    shop_commit(&shop);
    struct store_figures figures;
    store_figures(shop.store, &figures);
    assert_int_equal(figures.events, 2);
    shop_close(&shop);
}

static void the_same_id_with_other_content_is_a_conflict(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    const struct event_attribute amount = decimal("amount", "12.50"), other = decimal("amount", "12.51");
    struct event_input event = order_with(&shop, "1", &amount, 1);
    int64_t time_us = event.time_us;
    assert_int_equal(shop_send_input(&shop, &event), EVENT_APPLIED);
    static const char words[] =
        "an event with this source, type and id is there already, with another time or other attributes";
    event.time_us = time_us + 1;
    assert_refused(&shop, &event, PATRON_CONFLICT, words);
    event.time_us = time_us;
    event.attributes = &other;
    assert_refused(&shop, &event, PATRON_CONFLICT, words);
    event.attribute_count = 0;
    assert_refused(&shop, &event, PATRON_CONFLICT, words);
    /* form comes first */
    event.time_us = INT64_MAX;
    assert_int_equal(shop_send_input(&shop, &event), EVENT_REFUSED);
    assert_int_equal(shop.outcome.why.code, PATRON_OUT_OF_RANGE);
    /* another source or type has ids of its own */
    event = order_with(&shop, "1", &other, 1);
    event.source = bytes_from_string("another");
    assert_int_equal(shop_send_input(&shop, &event), EVENT_APPLIED);
    shop_send(&shop, "visit", "1", shop.clock_us, "customer_id:1");
    shop_close(&shop);
}

static void a_refusal_within_a_group_leaves_the_others_alone(void **state)
{
    (void)state;
    struct shop with = {0}, without = {0};
    shop_open(&with, definitions);
    shop_open(&without, definitions);
    struct shop *shops[] = {&with, &without};
    const struct event_attribute bad = decimal("amount", "1.23456789");
    for (size_t i = 0; i < 2; i++) {
        struct shop *shop = shops[i];
        shop_begin(shop);
        struct event_input event = shop_event(shop, "visit", "1", shop->clock_us, "customer_id:1");
        assert_int_equal(shop_add(shop, &event), EVENT_APPLIED);
        struct event_input refused = shop_event(shop, "order", "x", shop->clock_us, "customer_id:9 email:a@x.org");
        refused.attributes = &bad;
        refused.attribute_count = 1;
        if (shop == &with)
            assert_int_equal(shop_add(shop, &refused), EVENT_REFUSED);
        event = shop_event(shop, "visit", "2", shop->clock_us, "customer_id:1 email:b@x.org");
        assert_int_equal(shop_add(shop, &event), EVENT_APPLIED);
        shop_commit(shop);
    }
    struct encoder a = shop_dump(&with), b = shop_dump(&without);
    assert_true(bytes_equal(encoder_borrow(&a), encoder_borrow(&b)));
    encoder_clear(&a);
    encoder_clear(&b);
    shop_close(&with);
    shop_close(&without);
}

/* --- when things are known ------------------------------------------------------------------------------------ */

static int64_t known_at(struct shop *shop, const char *id, bool has, int64_t wanted_us)
{
    struct event_input event = shop_event(shop, "visit", id, START_US - 200 * DAY, "customer_id:1");
    event.has_known_at = has;
    event.known_at_us = wanted_us;
    if (shop_add(shop, &event) != EVENT_APPLIED)
        fail_msg("%s", shop->outcome.why.text);
    return shop->outcome.known_at_us;
}

static void events_become_known_at_the_clock_and_one_after_the_other(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    int64_t now = shop.clock_us;
    assert_true(store_group_begin(shop.store, now, INT64_MIN, false) == now);
    assert_true(known_at(&shop, "1", false, 0) == now);
    assert_true(known_at(&shop, "2", false, 0) == now + 1);
    shop_commit(&shop);
    assert_true(store_newest_known_at(shop.store) == now + 1);
    /* the clock stands still, and goes back */
    assert_true(store_group_begin(shop.store, now, INT64_MIN, false) == now + 2);
    assert_true(known_at(&shop, "3", false, 0) == now + 2);
    shop_commit(&shop);
    assert_true(store_group_begin(shop.store, now - DAY, INT64_MIN, false) == now + 3);
    assert_true(known_at(&shop, "4", false, 0) == now + 3);
    shop_commit(&shop);
    /* a T that was answered already is a floor */
    assert_true(store_group_begin(shop.store, now, now + 100, false) == now + 100);
    assert_true(known_at(&shop, "5", false, 0) == now + 100);
    assert_true(known_at(&shop, "6", false, 0) == now + 101);
    shop_commit(&shop);
    assert_true(store_group_begin(shop.store, now + SECOND, now, false) == now + SECOND);
    assert_true(known_at(&shop, "7", false, 0) == now + SECOND);
    shop_commit(&shop);
    /* a group of which nothing is taken uses up no time */
    assert_true(store_group_begin(shop.store, now + DAY, INT64_MIN, false) == now + DAY);
    shop_commit(&shop);
    assert_true(store_newest_known_at(shop.store) == now + SECOND);
    shop_close(&shop);
}

static void history_becomes_known_on_its_source_s_clock(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    int64_t past = START_US - 100 * DAY;
    int64_t first = store_group_begin(shop.store, shop.clock_us, INT64_MIN, true);
    assert_true(first == store_newest_known_at(shop.store) + 1);
    assert_true(known_at(&shop, "1", true, past) == past);
    assert_true(known_at(&shop, "2", true, past) == past + 1);     /* no two at once */
    assert_true(known_at(&shop, "3", true, past - 5) == past + 2); /* nor backwards */
    assert_true(known_at(&shop, "4", true, past + DAY) == past + DAY);
    assert_true(known_at(&shop, "5", true, INT64_MIN) == past + DAY + 1);
    assert_true(known_at(&shop, "6", true, shop.clock_us) == shop.clock_us); /* up to the clock and not past it */
    shop_commit(&shop);
    assert_true(store_group_begin(shop.store, shop.clock_us, INT64_MIN, true) == shop.clock_us - SECOND + 1);
    assert_true(known_at(&shop, "7", false, 0) == shop.clock_us); /* one that says nothing is live */
    shop_commit(&shop);
    /* a floor holds for history too */
    int64_t floor_us = shop.clock_us + SECOND;
    shop.clock_us += DAY;
    assert_true(store_group_begin(shop.store, shop.clock_us, floor_us, true) == floor_us);
    assert_true(known_at(&shop, "8", true, past) == floor_us);
    shop_commit(&shop);
    /* what a group without the source's clock promised holds for all its events */
    shop_begin(&shop);
    assert_true(known_at(&shop, "9", true, past) == shop.clock_us);
    shop_commit(&shop);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void how_far_ahead_an_event_may_lie_is_an_option(void **state)
{
    (void)state;
    struct shop shop = {.kv = kv_memory_new(), .clock_us = START_US};
    struct store_options options = {.kv = shop.kv, .key = shop.key, .event_ahead_max_us = 3 * SECOND,
        .definitions_text = bytes_from_string(definitions)};
    assert_int_equal(store_open(&options, &shop.store, NULL), PATRON_OK);
    struct event_input event = shop_event(&shop, "visit", "1", START_US + 3 * SECOND, "customer_id:1");
    assert_int_equal(shop_send_input(&shop, &event), EVENT_APPLIED);
    event = shop_event(&shop, "visit", "2", shop.clock_us + 3 * SECOND + 1, "customer_id:1");
    assert_refused(&shop, &event, PATRON_OUT_OF_RANGE,
        "the event's time lies 3 s after it is known; at most 3 s are taken");
    shop_close(&shop);
}

static void reads_of_now_end_where_reads_of_the_past_do(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    shop_send(&shop, "visit", "1", shop.clock_us, "customer_id:1");
    struct view view;
    store_view_take(shop.store, &view);
    uint32_t feature = 0;
    struct selection selection = {.features = &feature, .count = 1};
    struct value value;
    struct row row = {.values = &value};
    struct event_input who = shop_event(&shop, "", "", 0, "customer_id:1");
    const struct {
        int64_t as_of_us;
        enum patron_code code;
    } cases[] = {{view.position_us + 1, PATRON_OK}, {EVENT_TIME_MAX_US, PATRON_OK},
        {EVENT_TIME_MAX_US + 1, PATRON_OUT_OF_RANGE}, {INT64_MAX, PATRON_OUT_OF_RANGE}};
    for (size_t i = 0; i < 4; i++) {
        struct error error = {0};
        int64_t as_of_us = cases[i].as_of_us;
        assert_int_equal(
            read_now(&view, &selection, who.identifiers, as_of_us, &shop.arena, &row, &error), cases[i].code);
        assert_int_equal(
            read_as_of(&view, &selection, who.identifiers, as_of_us, &shop.arena, &row, &error), cases[i].code);
        if (cases[i].code != PATRON_OK)
            assert_string_equal(error.text, "a time to read as of must lie between 1900 and 2200");
    }
    const int64_t early_us[] = {INT64_MIN, EVENT_TIME_MIN_US - 1};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(read_as_of(&view, &selection, who.identifiers, early_us[i], &shop.arena, &row, NULL),
            PATRON_OUT_OF_RANGE);
    assert_int_equal(
        read_as_of(&view, &selection, who.identifiers, EVENT_TIME_MIN_US, &shop.arena, &row, NULL), PATRON_OK);
    assert_int_equal(row.status, STATUS_NOT_FOUND);
    store_view_release(&view);
    shop_close(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_event_must_say_is_checked),
        cmocka_unit_test(identifiers_are_checked),
        cmocka_unit_test(attributes_are_checked),
        cmocka_unit_test(a_server_whose_clock_is_past_all_event_times_takes_nothing),
        cmocka_unit_test(no_more_events_wait_for_their_time_than_the_bound),
        cmocka_unit_test(attributes_become_what_is_declared),
        cmocka_unit_test(a_second_arrival_has_no_effect),
        cmocka_unit_test(the_same_id_with_other_content_is_a_conflict),
        cmocka_unit_test(a_refusal_within_a_group_leaves_the_others_alone),
        cmocka_unit_test(events_become_known_at_the_clock_and_one_after_the_other),
        cmocka_unit_test(history_becomes_known_on_its_source_s_clock),
        cmocka_unit_test(how_far_ahead_an_event_may_lie_is_an_option),
        cmocka_unit_test(reads_of_now_end_where_reads_of_the_past_do),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
