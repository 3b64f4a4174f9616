/* Shared costs where the engine fails, the process ends, rows are damaged, and profiles are filled anew: in the end the
 * shares are the ones that there would have been. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/journal/event.h"
#include "store/versions/refill.h"
#include "store/versions/versions.h"
#include "tests/property/small_home.h"
#include "tests/unit/sharing_fixture.h"

/* --- crashes -------------------------------------------------------------------------------------------------- */

/* May, with a third who came; a cost, a merge, the sharing in groups of two, and what comes after it. */
static enum patron_code workload(struct shop *shop, bool *sent, struct error *error)
{
    if (!*sent) {
        struct event_input cost = cost_of(shop, "hosting", "may", at("2024-05-15"), "10");
        (void)store_group_begin(shop->store, shop->clock_us, INT64_MIN, false);
        TRY(store_group_add(shop->store, &cost, &shop->outcome, error));
        TRY(store_group_commit(shop->store, error));
        *sent = true;
    }
    while (store_sharing_due(shop->store) != INT64_MAX)
        TRY(try_share(shop, 2, error));
    return PATRON_OK;
}

static struct encoder run_with_failure(uint64_t k, bool *failed)
{
    struct shop shop = {0};
    open_may(&shop);
    for (int i = 0; i < 5; i++) {
        char id[16], who[16];
        snprintf(id, sizeof id, "more %d", i);
        snprintf(who, sizeof who, "device:%d", i);
        struct event_input event = shop_event(&shop, "session", id, at("2024-05-29"), who);
        import_at(&shop, &event, at("2024-05-29"));
    }
    bool sent = false;
    struct error error = {0};
    kv_memory_fail_after(shop.kv, k, PATRON_IO);
    enum patron_code code = workload(&shop, &sent, &error);
    *failed = code != PATRON_OK;
    kv_memory_fail_after(shop.kv, 0, PATRON_OK);
    if (*failed) {
        assert_int_equal(code, PATRON_IO);
        shop_reopen(&shop);
        if (workload(&shop, &sent, &error) != PATRON_OK)
            fail_msg("call %llu: %s", (unsigned long long)k, error.text);
    }
    assert_int_equal(figures_of(&shop).shared, 1);
    shop_assert_sound(&shop);
    struct encoder rows = shop_dump(&shop);
    shop_close(&shop);
    return rows;
}

static void whatever_call_of_the_engine_fails_the_shares_are_the_same_in_the_end(void **state)
{
    (void)state;
    bool failed = true;
    struct encoder whole = run_with_failure(0, &failed);
    assert_false(failed);
    uint64_t k = 1;
    for (failed = true; failed; k++) {
        struct encoder rows = run_with_failure(k, &failed);
        if (!bytes_equal(encoder_borrow(&rows), encoder_borrow(&whole)))
            fail_msg("call %llu", (unsigned long long)k);
        encoder_clear(&rows);
    }
    assert_true(k > 20);
    encoder_clear(&whole);
}

/* --- damage --------------------------------------------------------------------------------------------------- */

static void a_damaged_event_makes_its_cost_wait_and_a_damaged_row_refuses_to_open(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_may(&shop);
    struct event_input cost = cost_of(&shop, "hosting", "may", at("2024-05-15"), "10");
    import_at(&shop, &cost, newest_t(&shop));
    struct event_input again = cost_of(&shop, "hosting", "may too", at("2024-05-15"), "10");
    import_at(&shop, &again, newest_t(&shop));
    uint8_t place[EVENT_KEY_BYTES];
    struct event lost = {.node = NODE_NONE, .time_us = cost.time_us};
    event_hash(cost.source, cost.type, cost.id, lost.hash);
    event_key_encode(&lost, place);
    shop_plant(&shop, KV_EVENTS, bytes_of(place, sizeof place), NULL);
    share(&shop);
    assert_string_equal(figures_of(&shop).words,
        "hosting of 2024-05: events are damaged: run patron verify; next try 2024-06-30T22:00:00Z");
    share(&shop); /* the other one */
    assert_true(ask(&shop, "device:a", newest_t(&shop)).values[HOSTING_SUM].exact == 7500000);

    struct kv_iterator *rows = kv_iterator_new(shop.kv, NULL, KV_QUEUES, (struct bytes){0});
    kv_iterator_seek(rows, (struct bytes){0});
    assert_true(kv_iterator_valid(rows));
    struct bytes row_key = arena_copy(&shop.arena, kv_iterator_borrow_key(rows));
    struct bytes value = arena_copy(&shop.arena, kv_iterator_borrow_value(rows));
    kv_iterator_free(rows);
    store_close(shop.store);
    shop.store = NULL;
    for (size_t i = 0; i < value.length; i++) {
        struct bytes cut = bytes_of(value.data, i);
        struct error error;
        shop_plant(&shop, KV_QUEUES, row_key, &cut);
        assert_int_equal(shop_try_open(&shop, definitions, &error), PATRON_CORRUPT);
        assert_string_equal(error.text, "the row of a cost that waits to be shared out is damaged");
        uint8_t changed[128];
        assert_true(value.length < sizeof changed);
        memcpy(changed, value.data, value.length);
        changed[i] ^= 0xff;
        struct bytes other = bytes_of(changed, value.length);
        shop_plant(&shop, KV_QUEUES, row_key, &other);
        if (shop_try_open(&shop, definitions, &error) == PATRON_OK)
            store_close(shop.store);
        shop.store = NULL;
    }
    shop_plant(&shop, KV_QUEUES, row_key, &value);
    shop_open(&shop, NULL);
    shop_close(&shop);
}

/* --- profiles that lag, and those of a new version ------------------------------------------------------------ */

/* As after a crash: what was in memory only is gone. */
static void crash(struct shop *shop, struct small_home **home)
{
    store_close(shop->store);
    small_home_free(*home);
    *home = small_home_new();
    shop->home = small_home_face(*home);
    shop_open(shop, NULL);
}

static void refill_some(struct shop *shop, struct refill *refill, bool finish)
{
    struct view view;
    struct error error;
    bool reached = false, done = false;
    store_view_take(shop->store, &view);
    while (!reached) {
        assert_int_equal(refill_step(refill, &view, 2, &reached, &error), PATRON_OK);
        assert_int_equal(refill_write(shop->store, refill, &error), PATRON_OK);
    }
    store_view_release(&view);
    if (finish) {
        assert_int_equal(refill_finish(shop->store, refill, SIZE_MAX, &done, &error), PATRON_OK);
        assert_true(done);
    }
}

static void profiles_are_folded_forward_and_filled_anew_past_costs_of_no_customer(void **state)
{
    (void)state;
    struct small_home *home = small_home_new();
    struct shop shop = {.home = small_home_face(home)};
    open_may(&shop);
    struct event_input cost = cost_of(&shop, "hosting", "may", at("2024-05-15"), "10");
    import_at(&shop, &cost, newest_t(&shop));
    crash(&shop, &home);
    shop_assert_sound(&shop);
    assert_int_equal(figures_of(&shop).waiting, 1);
    share(&shop);
    crash(&shop, &home);
    shop_assert_sound(&shop);
    assert_true(ask(&shop, "device:a", newest_t(&shop)).values[HOSTING_SUM].exact == 7500000);

    static const char filled[] = KINDS "shared_costs:\n" HOSTING HELPDESK
        "features:\n  hosting: {of: hosting, sum: amount}\n  helpdesk: {of: helpdesk, sum: amount}\n"
        "  sessions: {of: session, count: true, window: 90d}\n  hostings: {of: hosting, count: true}\n";
    struct error error;
    const struct definitions *made;
    struct bytes text = bytes_from_string(filled);
    assert_int_equal(
        definitions_parse(text, store_definitions(shop.store), 2, false, &made, &error), PATRON_OK);
    assert_int_equal(store_define(shop.store, made, INT64_MIN, false, &error), PATRON_OK);
    definitions_release(made);
    assert_true(store_is_refilling(shop.store));
    struct refill *refill = refill_new(shop.store);
    struct view view;
    bool reached;
    store_view_take(shop.store, &view);
    assert_int_equal(refill_step(refill, &view, 1, &reached, &error), PATRON_OK);
    assert_int_equal(refill_write(shop.store, refill, &error), PATRON_OK);
    store_view_release(&view);
    refill_free(refill);
    cost = cost_of(&shop, "hosting", "may again", at("2024-05-15"), "1"); /* and the filling goes on at it */
    import_at(&shop, &cost, newest_t(&shop));
    refill = refill_new(shop.store);
    refill_some(&shop, refill, false);
    cost = cost_of(&shop, "hosting", "may too", at("2024-05-15"), "1");
    import_at(&shop, &cost, newest_t(&shop));
    refill_some(&shop, refill, false);
    share(&shop);
    cost = cost_of(&shop, "hosting", "june", at("2024-06-03"), "1");
    import_at(&shop, &cost, newest_t(&shop));
    refill_some(&shop, refill, true);
    refill_free(refill);
    shop_assert_sound(&shop);
    struct answer a = ask(&shop, "device:a", newest_t(&shop));
    assert_true(a.values[HOSTING_SUM].exact == 9000000);
    assert_int_equal(a.values[COST_TO_SERVE].integer, 3); /* shares, under this version */
    shop_close(&shop);
    small_home_free(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_call_of_the_engine_fails_the_shares_are_the_same_in_the_end),
        cmocka_unit_test(a_damaged_event_makes_its_cost_wait_and_a_damaged_row_refuses_to_open),
        cmocka_unit_test(profiles_are_folded_forward_and_filled_anew_past_costs_of_no_customer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
