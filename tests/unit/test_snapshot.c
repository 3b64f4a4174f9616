/* Snapshots: what a spine may ask, the order of the answer, and customers too large to hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/journal/event.h"
#include "tests/unit/scratch_directory.h"
#include "tests/unit/store_fixture.h"

static const char definitions[] = "identifiers:\n"
                                  "  customer_id: {max: 1}\n"
                                  "  device:\n"
                                  "events: {visit: {page: string}}\n"
                                  "features:\n"
                                  "  visits: {of: visit, count: true}\n"
                                  "  visits_1d: {of: visit, count: true, window: 1d}\n"
                                  "  pages: {of: visit, distinct: page, window: 30d}\n"
                                  "  page: {of: visit, last: page}\n";
enum { FEATURES = 4 };

static const struct selection everything = {.features = (const uint32_t[]){0, 1, 2, 3}, .count = FEATURES};

static enum patron_code try_every(
    const struct view *view, const int64_t *moments_us, size_t count, int64_t latest_us, struct error *error)
{
    struct snapshot_options options = {.view = view, .selection = everything, .every_customer_at_us = moments_us,
        .every_customer_at_count = count, .latest_us = latest_us};
    struct snapshot *snapshot;
    enum patron_code code = snapshot_new(&options, &snapshot, error);
    if (code == PATRON_OK)
        snapshot_free(snapshot);
    return code;
}

static void the_moments_of_a_generated_spine_are_checked(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    struct view view;
    store_view_take(shop.store, &view);
    static const char order[] = "the moments of a generated spine must ascend";
    static const char range[] = "a time to read as of must lie between 1900 and 2200";
    static const char late[] = "a moment of the spine lies after what is known yet";
    const struct {
        int64_t moments_us[2];
        int64_t latest_us;
        enum patron_code code;
        const char *words;
    } cases[] = {
        {{START_US, START_US + 1}, 0, PATRON_OK, ""},
        {{EVENT_TIME_MIN_US, EVENT_TIME_MAX_US}, 0, PATRON_OK, ""},
        {{START_US, START_US}, 0, PATRON_INVALID, order},
        {{START_US, START_US - 1}, 0, PATRON_INVALID, order},
        {{INT64_MIN, START_US}, 0, PATRON_OUT_OF_RANGE, range},
        {{EVENT_TIME_MIN_US - 1, START_US}, 0, PATRON_OUT_OF_RANGE, range},
        {{START_US, EVENT_TIME_MAX_US + 1}, 0, PATRON_OUT_OF_RANGE, range},
        {{START_US, INT64_MAX}, 0, PATRON_OUT_OF_RANGE, range},
        {{START_US, START_US + 1}, START_US + 1, PATRON_OK, ""},
        {{START_US, START_US + 2}, START_US + 1, PATRON_OUT_OF_RANGE, late},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = {0};
        assert_int_equal(try_every(&view, cases[i].moments_us, 2, cases[i].latest_us, &error), cases[i].code);
        assert_string_equal(error.text, cases[i].words);
    }
    assert_int_equal(try_every(&view, (const int64_t[]){START_US}, 0, 0, NULL), PATRON_OK);
    store_view_release(&view);
    shop_close(&shop);
}

static void the_rows_of_a_given_spine_are_checked_and_can_be_left_out(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    shop_send(&shop, "visit", "1", START_US, "device:a");
    struct view view;
    store_view_take(shop.store, &view);
    struct snapshot_options options = {.view = &view, .selection = everything, .latest_us = START_US + DAY};
    struct snapshot *snapshot;
    assert_int_equal(snapshot_new(&options, &snapshot, NULL), PATRON_OK);
    const struct {
        const char *who;
        int64_t as_of_us;
        enum patron_code code;
        const char *words;
    } cases[] = {
        {"device:a", START_US + DAY, PATRON_OK, ""},
        {"device:a", START_US + DAY + 1, PATRON_OUT_OF_RANGE,
            "row 1 of the spine: 2023-11-15T22:13:20.000001Z is not known yet; what is known ends at "
            "2023-11-15T22:13:20Z"},
        {"device:a", INT64_MIN, PATRON_OUT_OF_RANGE,
            "row 1 of the spine: a time to read as of must lie between 1900 and 2200"},
        {"phone:a", START_US, PATRON_INVALID,
            "row 1 of the spine: unknown identifier type 'phone'; there are customer_id and device"},
        {"device:\xff", START_US, PATRON_INVALID, "row 1 of the spine: identifier device is not UTF-8"},
        {"device:", START_US, PATRON_OK, ""}, /* which nobody can be */
        {"device:nobody", START_US, PATRON_OK, ""},
        {"devise:a", START_US, PATRON_INVALID,
            "row 3 of the spine: unknown identifier type 'devise': did you mean 'device'?"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error = {0};
        struct event_input who = shop_event(&shop, "", "", 0, cases[i].who);
        assert_int_equal(
            snapshot_spine_add(snapshot, who.identifiers, cases[i].as_of_us, &error), cases[i].code);
        assert_string_equal(error.text, cases[i].words);
    }
    struct snapshot_row row;
    for (uint64_t spine_row = 1; spine_row <= 2; spine_row++) {
        assert_int_equal(snapshot_next(snapshot, &row, NULL), PATRON_OK);
        assert_true(
            row.spine_row == spine_row && row.row.status == STATUS_NOT_FOUND && row.row.customer == 0);
        for (size_t i = 0; i < FEATURES; i++)
            assert_int_equal(row.row.values[i].status, STATUS_NOT_FOUND);
    }
    assert_int_equal(snapshot_next(snapshot, &row, NULL), PATRON_OK);
    assert_true(row.spine_row == 0 && row.row.customer == 1 && row.row.values[0].integer == 1);
    assert_int_equal(snapshot_next(snapshot, &row, NULL), PATRON_NOT_FOUND);
    assert_int_equal(snapshot_next(snapshot, &row, NULL), PATRON_NOT_FOUND);
    snapshot_free(snapshot);
    store_view_release(&view);
    shop_close(&shop);
}

/* Asks the same in scattered order, with the spine sorted in memory or on disk. */
static void assert_ordered(struct shop *shop, const char *scratch)
{
    struct view view;
    store_view_take(shop->store, &view);
    struct snapshot_options options = {.view = &view, .selection = everything, .scratch_directory = scratch};
    struct snapshot *snapshot;
    struct error error;
    if (snapshot_new(&options, &snapshot, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    struct event_input who = shop_event(shop, "", "", 0, "device:a device:b device:c device:nobody");
    for (uint64_t i = 0; i < 60; i++)
        assert_int_equal(snapshot_spine_add(snapshot, &who.identifiers[(i * 7) % 4],
                             START_US + (int64_t)((i * 31) % 5) * SECOND, NULL),
            PATRON_OK);
    struct snapshot_row row, last = {0};
    struct row last_row = {0};
    size_t count = 0;
    for (; snapshot_next(snapshot, &row, NULL) == PATRON_OK; count++) {
        bool after = count == 0 || row.row.customer > last_row.customer ||
            (row.row.customer == last_row.customer &&
                (row.as_of_us > last.as_of_us || (row.as_of_us == last.as_of_us && row.spine_row > last.spine_row)));
        assert_true(after);
        assert_int_equal(row.as_of_us, START_US + (int64_t)((row.spine_row * 31) % 5) * SECOND);
        last = row;
        last_row = row.row;
    }
    assert_int_equal(count, 60);
    snapshot_free(snapshot);
    store_view_release(&view);
}

static void rows_come_by_customer_then_time_then_row_of_the_spine(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    shop_send(&shop, "visit", "1", START_US, "device:a");
    shop_send(&shop, "visit", "2", START_US, "device:b");
    shop_send(&shop, "visit", "3", START_US, "device:c");
    shop_send(&shop, "visit", "4", START_US, "device:c device:a");
    assert_ordered(&shop, NULL);
    char path[SCRATCH_PATH_MAX], spine[SCRATCH_PATH_MAX + 8];
    scratch_directory_make(path);
    snprintf(spine, sizeof spine, "%s/spine", path);
    assert_ordered(&shop, spine);
    scratch_directory_remove(path);
    shop_close(&shop);
}

/* Events put under the first node behind the store's back: many are made faster so. */
static void plant_events(struct shop *shop, size_t count)
{
    struct kv_batch *batch = kv_batch_new(shop->kv);
    struct encoder value = {0}, attributes = {0};
    for (size_t i = 0; i < count; i++) {
        char page[16];
        snprintf(page, sizeof page, "page %zu", i % 300);
        encoder_reset(&attributes);
        event_attribute_encode(
            0, &(struct scalar){.type = ATTRIBUTE_TEXT, .text = bytes_from_string(page)}, &attributes);
        struct event event = {.node = 1, .time_us = START_US - (int64_t)(i * 17 % count) * 20 * SECOND,
            .known_at_us = START_US + (int64_t)i, .attributes = encoder_borrow(&attributes)};
        encode_be64(event.hash, i);
        uint8_t key[EVENT_KEY_BYTES];
        event_key_encode(&event, key);
        encoder_reset(&value);
        event_value_encode(&event, &value);
        kv_batch_put(batch, KV_EVENTS, bytes_of(key, sizeof key), encoder_borrow(&value));
    }
    assert_int_equal(kv_write(shop->kv, batch, false, NULL), PATRON_OK);
    kv_batch_free(batch);
    encoder_clear(&value);
    encoder_clear(&attributes);
}

static void assert_rows_equal(const struct row *a, const struct row *b)
{
    assert_true(a->status == b->status && a->customer == b->customer);
    assert_true(a->newest_event_time_us == b->newest_event_time_us && a->newest_known_at_us == b->newest_known_at_us);
    for (size_t i = 0; i < FEATURES; i++) {
        const struct value *x = &a->values[i], *y = &b->values[i];
        assert_true(x->type == y->type && x->status == y->status && x->integer == y->integer);
        assert_true(bytes_equal(x->text, y->text));
    }
}

static void a_customer_with_more_events_than_are_held_is_answered_the_same(void **state)
{
    (void)state;
    const size_t counts[] = {199999, 200000}; /* with the one that was sent, as many as the bound, and one more */
    for (size_t i = 0; i < 2; i++) {
        struct shop shop = {0};
        shop_open(&shop, definitions);
        shop_send(&shop, "visit", "1", START_US, "device:a");
        plant_events(&shop, counts[i]);
        const int64_t moments_us[] = {
            START_US - DAY, START_US + 1, START_US + 500, START_US + 150000, START_US + 2 * DAY};
        struct view view;
        store_view_take(shop.store, &view);
        struct snapshot_options options = {.view = &view, .selection = everything,
            .every_customer_at_us = moments_us, .every_customer_at_count = 5};
        struct snapshot *snapshot;
        assert_int_equal(snapshot_new(&options, &snapshot, NULL), PATRON_OK);
        struct event_input who = shop_event(&shop, "", "", 0, "device:a");
        struct snapshot_row row;
        size_t rows = 0;
        for (; snapshot_next(snapshot, &row, NULL) == PATRON_OK; rows++) {
            struct value values[FEATURES];
            struct row wanted = {.values = values};
            assert_int_equal(
                read_as_of(&view, &everything, who.identifiers, row.as_of_us, &shop.arena, &wanted, NULL), PATRON_OK);
            assert_rows_equal(&row.row, &wanted);
        }
        assert_int_equal(rows, 4); /* the first moment is before its birth */
        snapshot_free(snapshot);
        store_view_release(&view);
        shop_close(&shop);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_moments_of_a_generated_spine_are_checked),
        cmocka_unit_test(the_rows_of_a_given_spine_are_checked_and_can_be_left_out),
        cmocka_unit_test(rows_come_by_customer_then_time_then_row_of_the_spine),
        cmocka_unit_test(a_customer_with_more_events_than_are_held_is_answered_the_same),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
