/* The census: who is counted, which events are linked, and the fifth of most value. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/measures/census.h"
#include "tests/unit/store_fixture.h"

static const char definitions[] =
    "identifiers: {customer_id: {unique: true}, email: , device: }\n"
    "events:\n  order: {amount: money}\n"
    "features:\n  revenue: {of: order, sum: amount}\n"
    "identity: {value: revenue}\n";

static void order(struct shop *shop, const char *id, const char *who, int64_t amount)
{
    struct event_input event = shop_event(shop, "order", id, shop->clock_us - SECOND, who);
    const struct event_attribute given = {
        .name = bytes_from_string("amount"), .kind = GIVEN_INTEGER, .integer = amount};
    event.attributes = &given;
    event.attribute_count = 1;
    assert_int_equal(shop_send_input(shop, &event), EVENT_APPLIED);
}

static void census_of(struct shop *shop, struct census *census)
{
    struct view view;
    struct error error;
    store_view_take(shop->store, &view);
    if (census_take(&view, view.position_us + 1, NULL, census, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    store_view_release(&view);
}

static void assert_share(const struct census_share *share, uint64_t customers, uint64_t events, uint64_t linked)
{
    assert_int_equal(share->customers, customers);
    assert_int_equal(share->events, events);
    assert_int_equal(share->linked_events, linked);
}

static void nobody_is_counted_in_an_empty_store(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct census census;
    shop_open(&shop, definitions);
    census_of(&shop, &census);
    assert_share(&census.all, 0, 0, 0);
    assert_share(&census.top_fifth, 0, 0, 0);
    assert_true(census.by_value && census.identifiers == 0 && census_linked_share(&census.all) == 0);
    shop_close(&shop);
}

static void events_are_linked_whose_customer_has_two_identifiers(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct census census;
    shop_open(&shop, definitions);
    order(&shop, "1", "device:a", 1); /* becomes ada's */
    order(&shop, "2", "device:a", 1);
    order(&shop, "3", "device:lost", 1);
    order(&shop, "4", "customer_id:ada device:a", 1);
    order(&shop, "5", "customer_id:bob", 1);
    census_of(&shop, &census);
    assert_share(&census.all, 3, 5, 3);
    assert_true(census_linked_share(&census.all) == 0.6);
    assert_int_equal(census.identifiers, 4);
    assert_int_equal(census.type_count, 3);
    assert_string_equal(census.type_names[0], "customer_id");
    assert_share(&census.types[0], 2, 4, 3);
    assert_share(&census.types[1], 0, 0, 0);
    assert_share(&census.types[2], 2, 4, 3);
    assert_int_equal(census.sizes[0], 2);
    assert_int_equal(census.sizes[1], 1);
    shop_close(&shop);
}

static void sizes_are_told_by_their_upper_ends(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct census census;
    char who[32], id[16];
    static const struct {
        int identifiers;
        size_t place;
    } cases[] = {{1, 0}, {2, 1}, {3, 2}, {5, 2}, {6, 3}, {10, 3}, {11, 4}, {20, 4}, {21, 5}, {50, 5}, {51, 6}, {100, 6},
        {101, 7}};
    shop_open(&shop, definitions);
    for (int i = 0, number = 0; i < (int)(sizeof cases / sizeof cases[0]); i++) {
        for (int k = 0; k < cases[i].identifiers; k++) {
            snprintf(id, sizeof id, "%d", number++);
            if (k == 0)
                snprintf(who, sizeof who, "email:%d", i);
            else
                snprintf(who, sizeof who, "email:%d device:%d.%d", i, i, k);
            shop_send(&shop, "order", id, shop.clock_us - SECOND, who);
        }
    }
    uint64_t wanted[CENSUS_SIZES] = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        wanted[cases[i].place]++;
    census_of(&shop, &census);
    assert_memory_equal(census.sizes, wanted, sizeof wanted);
    assert_string_equal(census_size_labels[2], "3-5");
    shop_close(&shop);
}

static void the_fifth_of_most_value_is_counted_for_itself(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct census census;
    char who[48], id[16];
    shop_open(&shop, definitions);
    /* three of eleven are the fifth: those worth 1024, 512 and 256, of whom two are linked */
    for (int i = 0; i < 11; i++) {
        snprintf(id, sizeof id, "%d", i);
        snprintf(who, sizeof who, "customer_id:%d%s%d", i, i % 2 ? " email:e" : " device:d", i);
        order(&shop, id, i == 10 ? "customer_id:10" : who, INT64_C(1) << i);
    }
    order(&shop, "more", "customer_id:9", 0);
    census_of(&shop, &census);
    assert_share(&census.top_fifth, 3, 4, 3);
    order(&shop, "back", "customer_id:10", -2000); /* worth less than all others now */
    census_of(&shop, &census);
    assert_share(&census.top_fifth, 3, 4, 4);
    shop_close(&shop);
}

static void values_that_are_near_are_told_apart(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct census census;
    shop_open(&shop, definitions);
    order(&shop, "1", "customer_id:1", 285);
    order(&shop, "2", "customer_id:2 device:2", 287);
    order(&shop, "3", "customer_id:3", 1);
    order(&shop, "4", "customer_id:4", 1);
    order(&shop, "5", "customer_id:5", 286);
    census_of(&shop, &census);
    assert_share(&census.top_fifth, 1, 1, 1);
    shop_close(&shop);
}

static void of_those_that_share_the_last_rank_a_part_is_taken(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct census census;
    char who[32], id[16];
    shop_open(&shop, definitions);
    for (int i = 0; i < 10; i++) { /* all are worth the same; half of their events are linked */
        snprintf(id, sizeof id, "%d", i);
        snprintf(who, sizeof who, i % 2 ? "device:%d" : "device:%d email:m", i);
        order(&shop, id, who, 7);
    }
    census_of(&shop, &census);
    assert_share(&census.all, 6, 10, 5);
    /* one email: its five devices are one customer, which is worth more than each of the other five */
    assert_share(&census.top_fifth, 2, 6, 5);
    shop_close(&shop);
}

static void a_census_without_a_value_says_so_and_one_called_off_too(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct census census;
    struct view view;
    struct error error;
    atomic_bool cancelled = true;
    shop_open(&shop, "identifiers: {device: }\nevents: {order: }\n");
    shop_send(&shop, "order", "1", shop.clock_us - SECOND, "device:a");
    census_of(&shop, &census);
    assert_false(census.by_value);
    assert_share(&census.all, 1, 1, 0);
    assert_share(&census.top_fifth, 0, 0, 0);
    store_view_take(shop.store, &view);
    assert_int_equal(census_take(&view, view.position_us + 1, &cancelled, &census, &error), PATRON_BUSY);
    store_view_release(&view);
    shop_close(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_is_counted_in_an_empty_store),
        cmocka_unit_test(events_are_linked_whose_customer_has_two_identifiers),
        cmocka_unit_test(sizes_are_told_by_their_upper_ends),
        cmocka_unit_test(the_fifth_of_most_value_is_counted_for_itself),
        cmocka_unit_test(values_that_are_near_are_told_apart),
        cmocka_unit_test(of_those_that_share_the_last_rank_a_part_is_taken),
        cmocka_unit_test(a_census_without_a_value_says_so_and_one_called_off_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
