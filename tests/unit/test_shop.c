#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/json_lines.h"
#include "client/shop.h"

/* 2023-01-01 to 2025-01-01 */
static const struct shop_options standard = {
    .customers = 500, .events = 5000, .seed = 7, .from_us = 1672531200000000, .to_us = 1735689600000000};

/* Hash of all lines of the shop; *count of them. */
static void shop_hash(const struct shop_options *options, uint8_t hash[16], uint64_t *count)
{
    crypto_generichash_state state;
    struct shop *shop = shop_new(options);
    enum shop_event kind;
    char line[SHOP_LINE_MAX];
    size_t length;
    *count = 0;
    crypto_generichash_init(&state, NULL, 0, 16);
    while (shop_next(shop, &kind, line, &length)) {
        crypto_generichash_update(&state, (const uint8_t *)line, length);
        (*count)++;
    }
    crypto_generichash_final(&state, hash, 16);
    shop_free(shop);
}

static void one_seed_gives_one_shop_on_every_machine(void **state)
{
    (void)state;
    uint8_t hash[16], other[16];
    uint64_t count;
    char hex[33];
    shop_hash(&standard, hash, &count);
    assert_int_equal(count, 5000);
    assert_string_equal(
        sodium_bin2hex(hex, sizeof hex, hash, sizeof hash), "998802dfca770edffddf9975d6b8d0d2");
    struct shop_options options = standard;
    options.seed = 8;
    shop_hash(&options, other, &count);
    assert_memory_not_equal(hash, other, sizeof hash);
}

static void there_are_as_many_events_as_asked_for(void **state)
{
    (void)state;
    static const struct {
        uint32_t customers;
        uint64_t events;
    } sizes[] = {{1, 1}, {1, 100}, {2, 3}, {2, 100}, {50, 7}, {50, 8}, {50, 9}, {1000, 999}, {3, 20000}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct shop_options options = standard;
        uint8_t hash[16];
        uint64_t count;
        options.customers = sizes[i].customers;
        options.events = sizes[i].events;
        shop_hash(&options, hash, &count);
        assert_int_equal(count, sizes[i].events);
    }
}

static bool has_identifier(const struct event_row *row, const char *type, const char *value)
{
    for (size_t i = 0; i < row->identifier_count; i++) {
        if (bytes_is(row->identifiers[i].type, type) && bytes_is(row->identifiers[i].value, value))
            return true;
    }
    return false;
}

static void every_line_is_an_event_in_order_of_time_and_ada_stays_two(void **state)
{
    (void)state;
    struct shop *shop = shop_new(&standard);
    enum shop_event kind;
    char line[SHOP_LINE_MAX];
    size_t length, by_email = 0, by_device = 0;
    int64_t last_us = standard.from_us;
    while (shop_next(shop, &kind, line, &length)) {
        struct lines lines;
        struct json_lines json;
        struct arena arena = {0};
        struct event_row row;
        struct error error;
        lines_open_bytes(&lines, bytes_of(line, length));
        json_lines_open(&json, &lines);
        assert_int_equal(json_event_next(&json, NULL, &arena, &row, &error), PATRON_OK);
        assert_true(bytes_is(row.type, shop_event_names[kind]));
        assert_true(row.time_us >= last_us);
        assert_true(row.time_us < standard.to_us);
        last_us = row.time_us;
        bool email = has_identifier(&row, "email", SHOP_UNTIED_EMAIL);
        bool device = has_identifier(&row, "device", SHOP_UNTIED_DEVICE);
        assert_true(!(email || device) || row.identifier_count == 1);
        by_email += email;
        by_device += device;
        json_lines_close(&json);
        lines_close(&lines);
        arena_clear(&arena);
    }
    assert_int_equal(by_email + by_device, 8);
    assert_true(by_email > 0);
    assert_true(by_device > 0);
    shop_free(shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_gives_one_shop_on_every_machine),
        cmocka_unit_test(there_are_as_many_events_as_asked_for),
        cmocka_unit_test(every_line_is_an_event_in_order_of_time_and_ada_stays_two),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
