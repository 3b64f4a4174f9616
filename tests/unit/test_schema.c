/* What the sources send: counted by the store, kept over restarts, bounded, and reported on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/schema/schema.h"
#include "store/schema/schema_rows.h"
#include "tests/unit/store_fixture.h"

static const char definitions[] =
    "identifiers: {id: }\n"
    "events: {order: {amount: money, weight: number, points: integer, gift: bool, channel: string}, visit: }\n"
    "features:\n  orders: {of: order, count: true}\n";

/* A midnight of UTC, in the days of the shop's clock. */
#define MIDNIGHT (START_US / DAY * DAY)

static struct event_attribute text(const char *name, const char *value)
{
    return (struct event_attribute){
        .name = bytes_from_string(name), .kind = GIVEN_TEXT, .text = bytes_from_string(value)};
}

static struct event_attribute decimal(const char *name, const char *digits)
{
    return (struct event_attribute){
        .name = bytes_from_string(name), .kind = GIVEN_DECIMAL, .text = bytes_from_string(digits)};
}

static struct event_attribute integer(const char *name, int64_t number)
{
    return (struct event_attribute){.name = bytes_from_string(name), .kind = GIVEN_INTEGER, .integer = number};
}

/* One event at the shop's clock, from a source, with an id of its own. */
static enum event_fate send(struct shop *shop, const char *source, const char *type,
    const struct event_attribute *attributes, size_t count)
{
    static unsigned sent;
    char id[16];
    snprintf(id, sizeof id, "%u", sent++);
    struct event_input event = shop_event(shop, type, id, shop->clock_us, "id:a");
    event.source = bytes_from_string(source);
    event.attributes = attributes;
    event.attribute_count = count;
    return shop_send_input(shop, &event);
}

static struct schema_history history_of(struct shop *shop, const struct schema_filter *filter)
{
    struct view view;
    struct schema_history history;
    struct error error;
    store_view_take(shop->store, &view);
    if (schema_read(&view, filter, &shop->arena, &history, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    store_view_release(&view);
    return history;
}

static struct schema_report report_of(struct shop *shop, int64_t now_us)
{
    struct schema_filter all = {0};
    struct schema_history history = history_of(shop, &all);
    struct schema_report report;
    schema_report(&history, store_definitions(shop->store), now_us, &shop->arena, &report);
    return report;
}

static const struct schema_summary *stream_of(const struct schema_report *report, const char *source, const char *event)
{
    for (size_t i = 0; i < report->stream_count; i++)
        if (bytes_is(report->streams[i].source, source) && bytes_is(report->streams[i].event, event))
            return &report->streams[i];
    fail_msg("no stream %s %s", source, event);
    return NULL;
}

static const struct schema_attribute_summary *attribute_of(const struct schema_summary *stream, const char *name)
{
    for (size_t i = 0; i < stream->attribute_count; i++)
        if (bytes_is(stream->attributes[i].name, name))
            return &stream->attributes[i];
    fail_msg("no attribute %s", name);
    return NULL;
}

/* --- counting -------------------------------------------------------------------------------------------------- */

static void what_comes_is_counted_by_source_type_and_attribute(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    const struct event_attribute whole[] = {decimal("amount", "12.50"), integer("weight", -3), integer("points", 7),
        text("channel", "web"), {.name = bytes_from_string("gift"), .kind = GIVEN_FLAG}};
    const struct event_attribute few[] = {{.name = bytes_from_string("amount"), .kind = GIVEN_REAL, .real = 3.25},
        text("channel", "telephone")};
    int64_t first_us = shop.clock_us;
    assert_int_equal(send(&shop, "shop", "order", whole, 5), EVENT_APPLIED);
    int64_t last_us = shop.clock_us;
    assert_int_equal(send(&shop, "shop", "order", few, 2), EVENT_APPLIED);
    assert_int_equal(send(&shop, "app", "visit", NULL, 0), EVENT_APPLIED);
    struct schema_report report = report_of(&shop, shop.clock_us);
    assert_int_equal(report.stream_count, 2);
    assert_true(bytes_is(report.streams[0].source, "app")); /* by name */
    const struct schema_summary *orders = stream_of(&report, "shop", "order");
    assert_true(orders->declared && orders->first_us == first_us && orders->last_us == last_us);
    assert_int_equal(orders->today.events, 2);
    assert_int_equal(orders->before.events, 0);
    assert_int_equal(orders->attribute_count, 5);
    const struct schema_attribute_summary *amount = attribute_of(orders, "amount");
    assert_string_equal(amount->type, "money");
    assert_true(amount->first_us == first_us && amount->last_us == last_us);
    assert_int_equal(amount->today.present, 2);
    assert_int_equal(amount->today.kinds, 1 << GIVEN_DECIMAL | 1 << GIVEN_REAL);
    assert_true(amount->today.has_numbers && amount->today.low == 3.25 && amount->today.high == 12.5);
    const struct schema_attribute_summary *weight = attribute_of(orders, "weight");
    assert_true(weight->today.low == -3 && weight->today.high == -3 && weight->last_us == first_us);
    assert_true(attribute_of(orders, "points")->today.high == 7);
    const struct schema_attribute_summary *channel = attribute_of(orders, "channel");
    assert_true(channel->today.has_texts && !channel->today.has_numbers);
    assert_int_equal(channel->today.text_low, 3);
    assert_int_equal(channel->today.text_high, 9);
    assert_false(attribute_of(orders, "gift")->today.has_numbers);
    assert_int_equal(report.finding_count, 0);
    shop_close(&shop);
}

static void refusals_unknown_names_and_second_arrivals_are_counted(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    const struct event_attribute bad[] = {
        decimal("amount", "a@b.example"), text("points", "many"), integer("colour", 5), text("channel", "web")};
    assert_int_equal(send(&shop, "shop", "order", bad, 4), EVENT_REFUSED);
    assert_int_equal(send(&shop, "shop", "oder", bad, 4), EVENT_REFUSED);
    struct event_input again = shop_event(&shop, "order", "again", shop.clock_us, "id:a");
    again.attributes = &bad[3];
    again.attribute_count = 1;
    assert_int_equal(shop_send_input(&shop, &again), EVENT_APPLIED);
    assert_int_equal(shop_send_input(&shop, &again), EVENT_DUPLICATE);
    assert_int_equal(send(&shop, "test", "visit", NULL, 0), EVENT_APPLIED);
    struct schema_report report = report_of(&shop, shop.clock_us);
    const struct schema_summary *orders = stream_of(&report, "shop", "order");
    assert_int_equal(orders->today.events, 1);
    assert_int_equal(orders->today.refused, 1);
    const struct schema_counts *amount = &attribute_of(orders, "amount")->today;
    assert_int_equal(amount->failed, 1);
    assert_int_equal(amount->present, 0);
    assert_true(bytes_is(amount->words, "is not a number")); /* nothing of the value */
    assert_true(bytes_is(attribute_of(orders, "points")->today.words, "is text, but is declared integer"));
    assert_int_equal(attribute_of(orders, "channel")->today.present, 1);
    const struct schema_attribute_summary *colour = attribute_of(orders, "colour");
    assert_null(colour->type);
    assert_int_equal(colour->today.unknown[UNKNOWN_REFUSE], 1);
    assert_true(colour->today.low == 5);
    const struct schema_summary *typo = stream_of(&report, "shop", "oder");
    assert_true(!typo->declared && typo->today.refused == 1 && typo->attribute_count == 0);
    assert_int_equal(stream_of(&report, "test", "order")->today.events, 1);
    assert_int_equal(stream_of(&report, "test", "order")->today.duplicates, 1);
    struct store_figures figures;
    store_figures(shop.store, &figures);
    assert_int_equal(figures.schema.unknown_attributes, 1);
    assert_int_equal(figures.schema.failed_attributes, 2);
    assert_int_equal(figures.schema.unknown_types, 1);
    shop_close(&shop);
}

static void what_was_dropped_and_kept_is_told_apart(void **state)
{
    (void)state;
    struct shop shop = {0};
    char file[512];
    const struct event_attribute colour = text("colour", "red");
    snprintf(file, sizeof file, "unknown_attributes: drop\n%s", definitions);
    shop_open(&shop, file);
    assert_int_equal(send(&shop, "shop", "order", &colour, 1), EVENT_APPLIED);
    store_close(shop.store);
    snprintf(file, sizeof file, "unknown_attributes: keep\n%s", definitions);
    shop_open(&shop, file);
    assert_int_equal(send(&shop, "shop", "order", &colour, 1), EVENT_APPLIED);
    assert_int_equal(send(&shop, "shop", "order", &colour, 1), EVENT_APPLIED);
    struct schema_report report = report_of(&shop, shop.clock_us);
    const struct schema_attribute_summary *seen = attribute_of(stream_of(&report, "shop", "order"), "colour");
    assert_int_equal(seen->today.unknown[UNKNOWN_DROP], 1);
    assert_int_equal(seen->today.unknown[UNKNOWN_KEEP], 2);
    assert_int_equal(report.finding_count, 1);
    assert_int_equal(report.findings[0].kind, SCHEMA_UNKNOWN);
    assert_true(bytes_is(report.findings[0].words, "is not among the event type's attributes: dropped 1 times today "
        "and 0 in the 7 days before, kept 2 times today and 0 in the 7 days before"));
    shop_close(&shop);
}

/* --- keeping --------------------------------------------------------------------------------------------------- */

static void counters_go_on_after_the_store_was_opened_again(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    const struct event_attribute one = integer("points", 1), nine = integer("points", 9), bad = text("points", "x");
    assert_int_equal(send(&shop, "shop", "order", &one, 1), EVENT_APPLIED);
    assert_int_equal(send(&shop, "shop", "order", &bad, 1), EVENT_REFUSED);
    size_t left;
    assert_int_equal(store_write_back(shop.store, 0, &left, NULL), PATRON_OK); /* a refusal alone writes nothing */
    shop_reopen(&shop);
    assert_int_equal(send(&shop, "shop", "order", &nine, 1), EVENT_APPLIED);
    struct schema_report report = report_of(&shop, shop.clock_us);
    const struct schema_summary *orders = stream_of(&report, "shop", "order");
    const struct schema_attribute_summary *points = attribute_of(orders, "points");
    assert_int_equal(orders->today.events, 3);
    assert_int_equal(points->today.present, 2);
    assert_int_equal(points->today.failed, 1);
    assert_true(points->today.low == 1 && points->today.high == 9 && points->first_us == START_US);
    assert_true(bytes_is(points->today.words, "is text, but is declared integer"));
    assert_int_equal(report.stream_count, 1);
    shop_close(&shop);
}

/* Within one second only the first group writes; a crash then loses no more than that, and nothing else. */
static void a_crash_loses_the_counters_of_the_last_second_and_nothing_else(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(send(&shop, "shop", "visit", NULL, 0), EVENT_APPLIED);
        shop.clock_us += 1000 - SECOND;
    }
    struct store_figures figures;
    store_figures(shop.store, &figures);
    assert_true(figures.schema.behind);
    shop_reopen(&shop);
    struct schema_report report = report_of(&shop, shop.clock_us);
    assert_int_equal(stream_of(&report, "shop", "visit")->today.events, 1);
    shop_assert_sound(&shop);
    store_figures(shop.store, &figures);
    assert_int_equal(figures.events, 3);
    assert_false(figures.schema.behind);
    /* a second on they are written, with what came meanwhile */
    for (int i = 0; i < 2; i++)
        assert_int_equal(send(&shop, "shop", "visit", NULL, 0), EVENT_APPLIED);
    shop_reopen(&shop);
    report = report_of(&shop, shop.clock_us);
    assert_int_equal(stream_of(&report, "shop", "visit")->today.events, 3);
    shop_close(&shop);
}

static size_t schema_rows(struct shop *shop, const char *prefix)
{
    size_t count = 0;
    struct bytes begin = bytes_from_string(prefix);
    struct kv_iterator *rows = kv_iterator_new(shop->kv, NULL, KV_META, begin);
    for (kv_iterator_seek(rows, begin); kv_iterator_valid(rows); kv_iterator_next(rows))
        count++;
    kv_iterator_free(rows);
    return count;
}

static void days_are_kept_for_thirty_days_and_names_with_them(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    const struct event_attribute one = integer("points", 1), gift = {bytes_from_string("gift"), .kind = GIVEN_FLAG};
    shop.clock_us = MIDNIGHT;
    assert_int_equal(send(&shop, "shop", "order", &gift, 1), EVENT_APPLIED);
    for (int day = 1; day <= 40; day++) {
        shop.clock_us = MIDNIGHT + day * DAY;
        assert_int_equal(send(&shop, "shop", "order", &one, 1), EVENT_APPLIED);
        assert_int_equal(schema_rows(&shop, "schema/day/"), day < 30 ? day + 1 : 31);
        if (day % 7 == 0)
            shop_reopen(&shop);
    }
    struct schema_report report = report_of(&shop, shop.clock_us);
    const struct schema_summary *orders = stream_of(&report, "shop", "order");
    assert_int_equal(orders->attribute_count, 1); /* the gift is forgotten */
    assert_int_equal(orders->before.events, 7);
    assert_int_equal(attribute_of(orders, "points")->before.present, 7);
    assert_true(orders->first_us == MIDNIGHT);
    /* a long silence leaves one day */
    shop.clock_us += 100 * DAY;
    assert_int_equal(send(&shop, "shop", "order", &one, 1), EVENT_APPLIED);
    assert_int_equal(schema_rows(&shop, "schema/day/"), 1);
    shop_close(&shop);
}

static void history_counts_on_the_days_when_it_became_known(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    for (int day = 5; day >= 1; day--) {
        char id[8];
        snprintf(id, sizeof id, "%d", day);
        struct event_input event = shop_event(&shop, "visit", id, MIDNIGHT - day * DAY, "id:a");
        event.has_known_at = true;
        event.known_at_us = event.time_us + SECOND;
        (void)store_group_begin(shop.store, shop.clock_us, INT64_MIN, true);
        assert_int_equal(shop_add(&shop, &event), EVENT_APPLIED);
        event.identifier_count = 0; /* refused: for when it would have become known */
        event.id = bytes_from_string("other");
        assert_int_equal(shop_add(&shop, &event), EVENT_REFUSED);
        shop_commit(&shop);
    }
    struct schema_report report = report_of(&shop, MIDNIGHT - DAY);
    const struct schema_summary *visits = stream_of(&report, "test", "visit");
    assert_int_equal(visits->today.events, 2);
    assert_int_equal(visits->today.refused, 1);
    assert_int_equal(visits->before.events, 8);
    report = report_of(&shop, MIDNIGHT + 3 * DAY);
    assert_int_equal(stream_of(&report, "test", "visit")->before.events, 8);
    shop_close(&shop);
}

static void damaged_counters_are_told(void **state)
{
    (void)state;
    static const struct {
        bool day;
        const char *bytes;
        size_t length;
    } cases[] = {{false, "", 0}, {false, "\x02", 1}, {false, "\x01\x04shop", 6}, {true, "\x02\0\0\0", 4},
        {true, "\x01\0\0\0\x01", 5}};
    for (size_t i = 0; i <= sizeof cases / sizeof cases[0]; i++) {
        struct shop shop = {0};
        struct error error;
        shop_open(&shop, definitions);
        assert_int_equal(send(&shop, "shop", "visit", NULL, 0), EVENT_APPLIED);
        uint8_t stream_key[SCHEMA_STREAM_KEY_BYTES], day_key[SCHEMA_DAY_KEY_BYTES];
        schema_stream_key(0, stream_key);
        schema_day_key(0, schema_day(START_US), day_key);
        if (i == sizeof cases / sizeof cases[0]) {
            shop_plant(&shop, KV_META, bytes_of(day_key, sizeof day_key), NULL);
        } else {
            struct bytes value = bytes_of(cases[i].bytes, cases[i].length);
            shop_plant(&shop, KV_META, cases[i].day ? bytes_of(day_key, sizeof day_key)
                                                    : bytes_of(stream_key, sizeof stream_key), &value);
            struct view view;
            struct schema_history history;
            struct schema_filter all = {0};
            store_view_take(shop.store, &view);
            assert_int_equal(schema_read(&view, &all, &shop.arena, &history, &error), PATRON_CORRUPT);
            store_view_release(&view);
        }
        store_close(shop.store);
        shop.store = NULL;
        assert_int_equal(shop_try_open(&shop, definitions, &error), PATRON_CORRUPT);
        assert_string_equal(error.text, "a row of what was seen of the events' schema is damaged");
        shop_close(&shop);
    }
}

/* --- bounds ---------------------------------------------------------------------------------------------------- */

static void sources_past_the_bound_count_as_one(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    char source[16];
    for (int i = 0; i < SCHEMA_SOURCES_MAX + 3; i++) {
        snprintf(source, sizeof source, "source %d", i);
        assert_int_equal(send(&shop, source, "visit", NULL, 0), EVENT_APPLIED);
    }
    assert_int_equal(send(&shop, "", "visit", NULL, 0), EVENT_REFUSED);
    size_t left;
    assert_int_equal(store_write_back(shop.store, 0, &left, NULL), PATRON_OK);
    struct schema_report report = report_of(&shop, shop.clock_us);
    assert_int_equal(report.stream_count, SCHEMA_SOURCES_MAX + 1);
    assert_int_equal(stream_of(&report, "", "visit")->today.events, 4);
    assert_int_equal(stream_of(&report, "", "visit")->today.refused, 1);
    struct schema_filter rest = {.has_source = true};
    assert_int_equal(history_of(&shop, &rest).stream_count, 1);
    /* one that has not been seen for as long as days are kept makes room, after a restart as well */
    shop.clock_us += (SCHEMA_DAYS_KEPT + 1) * DAY;
    shop_reopen(&shop);
    assert_int_equal(send(&shop, "source 7", "visit", NULL, 0), EVENT_APPLIED);
    assert_int_equal(send(&shop, "newcomer", "visit", NULL, 0), EVENT_APPLIED);
    report = report_of(&shop, shop.clock_us);
    assert_int_equal(report.stream_count, 2);
    assert_int_equal(stream_of(&report, "newcomer", "visit")->today.events, 1);
    assert_int_equal(schema_rows(&shop, "schema/"), 4);
    shop_reopen(&shop);
    shop_close(&shop);
}

static void unknown_types_and_names_past_the_bounds_count_as_one(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    char name[NAME_BYTES_MAX + 2];
    for (int i = 0; i < SCHEMA_SOURCE_STREAMS_MAX + 5; i++) {
        snprintf(name, sizeof name, "type %d", i);
        assert_int_equal(send(&shop, "shop", name, NULL, 0), EVENT_REFUSED);
    }
    for (int i = 0; i < SCHEMA_UNKNOWN_NAMES_MAX + 5; i++) {
        snprintf(name, sizeof name, "name %d", i);
        struct event_attribute given = integer(name, 1);
        assert_int_equal(send(&shop, "shop", "order", &given, 1), EVENT_REFUSED);
    }
    memset(name, 'x', sizeof name);
    struct event_attribute odd[] = {integer("", 1), text("\xff", "x"), integer("points", 1)};
    odd[0].name = bytes_of(name, sizeof name);
    assert_int_equal(send(&shop, "shop", "order", odd, 3), EVENT_REFUSED);
    size_t left;
    assert_int_equal(store_write_back(shop.store, 0, &left, NULL), PATRON_OK);
    struct schema_report report = report_of(&shop, shop.clock_us);
    assert_int_equal(report.stream_count, SCHEMA_SOURCE_STREAMS_MAX + 2);
    assert_int_equal(stream_of(&report, "shop", "")->today.events, 5);
    const struct schema_summary *orders = stream_of(&report, "shop", "order");
    assert_int_equal(orders->attribute_count, SCHEMA_UNKNOWN_NAMES_MAX + 2);
    assert_int_equal(attribute_of(orders, "")->today.unknown[UNKNOWN_REFUSE], 7);
    assert_int_equal(attribute_of(orders, "points")->today.present, 1); /* declared names have room beside them */
    shop_close(&shop);
}

/* --- the report ------------------------------------------------------------------------------------------------ */

/* A history of one stream, made by hand: eight days up to today, each of so many events and one attribute. */
struct made {
    struct schema_day days[8];
    struct schema_counts counts[8];
    struct schema_attribute attribute;
    struct schema_stream stream;
    struct schema_history history;
    const struct definitions *definitions;
    struct arena arena;
    struct schema_report report;
};

#define NOON (MIDNIGHT + DAY / 2)

static void made_open(struct made *made, const char *attribute)
{
    struct error error;
    *made = (struct made){0};
    if (definitions_parse(bytes_from_string(definitions), NULL, 1, false, &made->definitions, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    made->attribute = (struct schema_attribute){bytes_from_string(attribute), NOON - 20 * DAY, NOON};
    made->stream = (struct schema_stream){.source = bytes_from_string("shop"), .event = bytes_from_string("order"),
        .first_us = NOON - 20 * DAY, .last_us = NOON, .attributes = &made->attribute, .attribute_count = 1,
        .days = made->days, .day_count = 8};
    for (int i = 0; i < 8; i++)
        made->days[i] = (struct schema_day){schema_day(NOON) - 7 + i, {.events = 100}, &made->counts[i]};
    for (int i = 0; i < 8; i++)
        made->counts[i] = (struct schema_counts){.present = 100, .has_numbers = true, .low = 10, .high = 20};
    made->history = (struct schema_history){&made->stream, 1};
}

static void made_close(struct made *made)
{
    definitions_release(made->definitions);
    arena_clear(&made->arena);
}

/* `kind` 0: nothing is found. */
static void assert_found_at(struct made *made, int64_t now_us, int kind, const char *words)
{
    schema_report(&made->history, made->definitions, now_us, &made->arena, &made->report);
    if (made->report.finding_count != (kind != 0))
        fail_msg("%zu findings, the first: %.*s", made->report.finding_count,
            BYTES_ARGUMENTS(made->report.findings ? made->report.findings[0].words : (struct bytes){0}));
    if (kind == 0)
        return;
    assert_int_equal(made->report.findings[0].kind, kind);
    if (!bytes_is(made->report.findings[0].words, words))
        fail_msg("%.*s", BYTES_ARGUMENTS(made->report.findings[0].words));
}

static void assert_found(struct made *made, int kind, const char *words)
{
    assert_found_at(made, NOON, kind, words);
}

static void nothing_is_found_where_all_is_as_it_was(void **state)
{
    (void)state;
    struct made made;
    made_open(&made, "amount");
    assert_found(&made, 0, NULL);
    made.history.stream_count = 0;
    assert_found(&made, 0, NULL);
    made_close(&made);
}

static void a_new_attribute_is_found_for_a_day(void **state)
{
    (void)state;
    struct made made;
    made_open(&made, "amount");
    for (int i = 0; i < 7; i++)
        made.counts[i] = (struct schema_counts){0};
    made.attribute.first_us = NOON - 5 * SECOND;
    assert_found(&made, SCHEMA_NEW,
        "first came at 2023-11-14T11:59:55Z; these events come since 2023-10-25T12:00:00Z");
    made.attribute.first_us = NOON - DAY;
    assert_found(&made, 0, NULL);
    made.attribute.first_us = NOON - DAY + 1;
    made.stream.first_us = made.attribute.first_us - DAY;
    assert_found(&made, SCHEMA_NEW,
        "first came at 2023-11-13T12:00:00.000001Z; these events come since 2023-11-12T12:00:00.000001Z");
    made.stream.first_us++; /* the stream is new itself */
    assert_found(&made, 0, NULL);
    made_close(&made);
}

static void a_name_that_no_version_has_is_found_while_it_comes(void **state)
{
    (void)state;
    struct made made;
    made_open(&made, "colour");
    for (int i = 0; i < 8; i++)
        made.counts[i] = (struct schema_counts){0};
    assert_found(&made, 0, NULL);
    made.counts[0].unknown[UNKNOWN_REFUSE] = 2;
    made.counts[7].unknown[UNKNOWN_REFUSE] = 1;
    assert_found(&made, SCHEMA_UNKNOWN,
        "is not among the event type's attributes: refused 1 times today and 2 in the 7 days before");
    made.stream.last_us += 8 * DAY; /* not silent */
    assert_found_at(&made, NOON + 8 * DAY, 0, NULL);
    /* a type that nobody has */
    made.stream.event = bytes_from_string("oder");
    made.stream.attribute_count = 0;
    assert_found(&made, SCHEMA_UNKNOWN,
        "the definitions have no such event type: 100 events refused today and 700 in the 7 days before");
    made_close(&made);
}

static void values_that_no_longer_suit_are_found(void **state)
{
    (void)state;
    struct made made;
    made_open(&made, "amount");
    made.counts[7].present = 99;
    made.counts[7].failed = 1; /* 1 %: not more */
    made.counts[7].words = bytes_from_string("is text, but is declared money");
    assert_found(&made, 0, NULL);
    made.counts[7].present = 98;
    made.counts[7].failed = 2;
    assert_found(&made, SCHEMA_FAILING,
        "2 % of today's values did not suit the type (2 of 100), 0 % in the 7 days before; the last: is text, but is "
        "declared money");
    made.counts[0].present = 95;
    made.counts[0].failed = 5; /* 5 of 700 before; 2 % is 2.8 times that */
    assert_found(&made, 0, NULL);
    made.counts[0].failed = 4;
    made.counts[0].present = 96;
    assert_found(&made, SCHEMA_FAILING,
        "2 % of today's values did not suit the type (2 of 100), 0.571 % in the 7 days before; the last: is text, but "
        "is declared money");
    made_close(&made);
}

static void values_that_no_longer_come_are_found(void **state)
{
    (void)state;
    struct made made;
    made_open(&made, "amount");
    made.counts[7].present = 80; /* 20 %: not more */
    assert_found(&made, 0, NULL);
    made.counts[7].present = 79;
    assert_found(&made, SCHEMA_NULLS, "absent from 21 % of today's 100 events, from 0 % in the 7 days before");
    made.counts[0].present = 60; /* 40 of 700: 5.7 %, and 21 is not four times as much */
    assert_found(&made, 0, NULL);
    made.counts[0].present = 65;
    assert_found(&made, SCHEMA_NULLS, "absent from 21 % of today's 100 events, from 5 % in the 7 days before");
    made.days[7].totals.events = SCHEMA_EVENTS_MIN - 1; /* too few to say */
    made.counts[7].present = 0;
    assert_found(&made, 0, NULL);
    made.days[7].totals.events = SCHEMA_EVENTS_MIN;
    made.counts[7].has_numbers = false;
    assert_found(&made, SCHEMA_NULLS, "absent from 100 % of today's 20 events, from 5 % in the 7 days before");
    made_close(&made);
}

static void numbers_far_outside_and_ones_that_no_longer_vary_are_found(void **state)
{
    (void)state;
    struct made made;
    made_open(&made, "amount");
    made.counts[7].high = 30;
    made.counts[7].low = 0;
    assert_found(&made, 0, NULL);
    made.counts[7].high = 30.5;
    assert_found(&made, SCHEMA_RANGE, "lies between 0 and 30.5 today, and lay between 10 and 20 in the 7 days before");
    made.counts[7].high = 20;
    made.counts[7].low = -0.5;
    assert_found(&made, SCHEMA_RANGE, "lies between -0.5 and 20 today, and lay between 10 and 20 in the 7 days before");
    made.counts[7].low = made.counts[7].high = 15;
    assert_found(&made, SCHEMA_RANGE, "is always 15 today, and lay between 10 and 20 in the 7 days before");
    made.counts[7].present = made.days[7].totals.events = SCHEMA_EVENTS_MIN - 1;
    assert_found(&made, 0, NULL);
    for (int i = 0; i < 7; i++)
        made.counts[i].low = made.counts[i].high = 10; /* a constant, and now another */
    assert_found(&made, SCHEMA_RANGE, "lies between 15 and 15 today, and lay between 10 and 10 in the 7 days before");
    for (int i = 0; i < 7; i++)
        made.counts[i].present = made.days[i].totals.events = 2; /* 14 before: too few to say */
    assert_found(&made, 0, NULL);
    made_close(&made);
}

static void a_stream_that_has_stopped_is_found_until_its_days_are_forgotten(void **state)
{
    (void)state;
    struct made made;
    made_open(&made, "amount");
    assert_found_at(&made, NOON + 3 * DAY, 0, NULL);
    assert_found_at(&made, NOON + 3 * DAY + 1, SCHEMA_SILENT,
        "last came 3.0 days ago; usually it is 1.0 days from one day on which it comes to the next");
    assert_found_at(&made, NOON + 27 * DAY, SCHEMA_SILENT,
        "last came 27.0 days ago; usually it is 1.0 days from one day on which it comes to the next");
    assert_found_at(&made, NOON + 28 * DAY, 0, NULL); /* three days are left */
    /* every other day */
    made.stream.day_count = 4;
    for (int i = 0; i < 4; i++)
        made.days[i].day = schema_day(NOON) - 6 + 2 * i;
    assert_found_at(&made, NOON + 6 * DAY, 0, NULL);
    assert_found_at(&made, NOON + 6 * DAY + 1, SCHEMA_SILENT,
        "last came 6.0 days ago; usually it is 2.0 days from one day on which it comes to the next");
    made.stream.day_count = 3; /* too few to say */
    assert_found_at(&made, NOON + 20 * DAY, 0, NULL);
    made_close(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_comes_is_counted_by_source_type_and_attribute),
        cmocka_unit_test(refusals_unknown_names_and_second_arrivals_are_counted),
        cmocka_unit_test(what_was_dropped_and_kept_is_told_apart),
        cmocka_unit_test(counters_go_on_after_the_store_was_opened_again),
        cmocka_unit_test(a_crash_loses_the_counters_of_the_last_second_and_nothing_else),
        cmocka_unit_test(days_are_kept_for_thirty_days_and_names_with_them),
        cmocka_unit_test(history_counts_on_the_days_when_it_became_known),
        cmocka_unit_test(damaged_counters_are_told),
        cmocka_unit_test(sources_past_the_bound_count_as_one),
        cmocka_unit_test(unknown_types_and_names_past_the_bounds_count_as_one),
        cmocka_unit_test(nothing_is_found_where_all_is_as_it_was),
        cmocka_unit_test(a_new_attribute_is_found_for_a_day),
        cmocka_unit_test(a_name_that_no_version_has_is_found_while_it_comes),
        cmocka_unit_test(values_that_no_longer_suit_are_found),
        cmocka_unit_test(values_that_no_longer_come_are_found),
        cmocka_unit_test(numbers_far_outside_and_ones_that_no_longer_vary_are_found),
        cmocka_unit_test(a_stream_that_has_stopped_is_found_until_its_days_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
