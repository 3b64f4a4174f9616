/* The queue of merges that wait for a person: what an item tells, when it waits no longer, and what it was at any T. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/changes/block_rows.h"
#include "tests/unit/review_fixture.h"

#define EXPIRY (10 * DAY)

/* Customers 1, 2 and 3. */
static void open_three(struct shop *shop)
{
    shop_open(shop, review_definitions);
    assert_int_equal(review_order(shop, "1", "email:a@x.org", 10), 1);
    assert_int_equal(review_order(shop, "2", "email:b@x.org", 20), 2);
    assert_int_equal(review_order(shop, "3", "device:c", 30), 3);
}

static void an_item_tells_what_it_was_made_of(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    struct review_item given = {.a = 3,
        .b = 1,
        .obstacle = OBSTACLE_REVIEW_CLUSTER,
        .second_person = true,
        .rule = LINK_MATCH,
        .score = 0.875,
        .model = 7,
        .waterfall = bytes_from_string("bars")};
    memset(given.evidence, 0xAB, sizeof given.evidence);
    int64_t item_us = review_queue_item(&shop, &given);
    shop_reopen(&shop);
    struct review_item item = review_item_at(&shop, item_us, INT64_MAX);
    assert_int_equal(item_us, store_newest_known_at(shop.store));
    assert_int_equal(item.item_us, item_us);
    assert_int_equal(item.state, REVIEW_OPEN);
    assert_true(item.a == 1 && item.b == 3);
    assert_int_equal(item.obstacle, OBSTACLE_REVIEW_CLUSTER);
    assert_true(item.second_person);
    assert_int_equal(item.expires_us, item_us + EXPIRY);
    assert_true(item.count == 1 && item.last_us == item_us);
    assert_memory_equal(item.evidence, given.evidence, sizeof given.evidence);
    assert_true(item.rule == LINK_MATCH && item.score == 0.875 && item.model == 7);
    assert_true(bytes_is(item.waterfall, "bars"));
    assert_true(item.first_us == 0 && item.decided_us == 0 && item.actor.length == 0);
    assert_int_equal(review_figures_of(&shop).waiting, 1);
    assert_int_equal(review_figures_of(&shop).oldest_us, item_us);
    shop_close(&shop);
}

static void nothing_is_known_of_an_item_before_its_entry(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t item_us = review_queue_match(&shop, 1, 2);
    struct view view;
    struct review_item item, *items;
    size_t count;
    struct error error;
    store_view_take(shop.store, &view);
    assert_int_equal(review_get(&view, item_us, item_us, &shop.arena, &item, &error), PATRON_NOT_FOUND);
    assert_int_equal(review_get(&view, item_us - 1, item_us + 1, &shop.arena, &item, &error), PATRON_NOT_FOUND);
    assert_non_null(strstr(error.text, "patron identity review list"));
    assert_int_equal(review_get(&view, item_us, item_us + 1, &shop.arena, &item, &error), PATRON_OK);
    assert_int_equal(review_of_node(&view, 2, item_us, &shop.arena, &items, &count, &error), PATRON_OK);
    assert_int_equal(count, 0);
    assert_int_equal(review_of_node(&view, 2, item_us + 1, &shop.arena, &items, &count, &error), PATRON_OK);
    assert_int_equal(count, 1);
    assert_int_equal(items[0].item_us, item_us);
    store_view_release(&view);
    shop_close(&shop);
}

static void more_evidence_counts_in_the_item_that_waits(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t item_us = review_queue_match(&shop, 1, 2);
    struct review_item again = {.a = 2,
        .b = 1,
        .obstacle = OBSTACLE_REVIEW_VALUE,
        .second_person = true,
        .rule = LINK_MATCH,
        .score = 0.95,
        .model = 2,
        .waterfall = bytes_from_string("how it is by now")};
    assert_int_equal(review_queue_item(&shop, &again), item_us);
    struct review_item item = review_item_at(&shop, item_us, INT64_MAX);
    assert_int_equal(item.count, 2);
    assert_int_equal(item.last_us, store_newest_known_at(shop.store));
    assert_true(item.second_person); /* what asks for more care stays asked for */
    assert_int_equal(item.obstacle, OBSTACLE_REVIEW_SCORE);
    assert_true(item.score == 0.95 && item.model == 2 && bytes_is(item.waterfall, "how it is by now"));
    again = (struct review_item){.a = 1, .b = 2, .obstacle = OBSTACLE_REVIEW_SIZE, .rule = LINK_SHARED_EVENT};
    assert_int_equal(review_queue_item(&shop, &again), item_us);
    item = review_item_at(&shop, item_us, INT64_MAX);
    assert_int_equal(item.count, 3);
    assert_true(item.rule == LINK_MATCH && item.score == 0.95); /* an event says nothing about a match */
    assert_true(item.second_person);
    assert_int_not_equal(review_queue_match(&shop, 1, 3), item_us); /* another pair is another item */
    assert_int_equal(review_figures_of(&shop).waiting, 2);
    assert_int_equal(review_figures_of(&shop).oldest_us, item_us);
    shop_close(&shop);
}

static void an_item_expires_at_its_moment_and_new_evidence_makes_a_new_one(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t item_us = review_queue_match(&shop, 1, 2);
    int64_t expires_us = item_us + EXPIRY;
    assert_int_equal(review_state_at(&shop, item_us, expires_us - 1), REVIEW_OPEN);
    assert_int_equal(review_state_at(&shop, item_us, expires_us), REVIEW_EXPIRED);
    shop.clock_us = expires_us - 1;
    assert_int_equal(review_queue_match(&shop, 1, 2), item_us);
    shop.clock_us = expires_us;
    int64_t second_us = review_queue_match(&shop, 1, 2);
    assert_int_equal(second_us, expires_us);
    assert_int_equal(review_item_at(&shop, item_us, INT64_MAX).count, 2);
    assert_int_equal(review_item_at(&shop, second_us, INT64_MAX).count, 1);
    assert_int_equal(review_state_at(&shop, item_us, INT64_MAX), REVIEW_EXPIRED);
    struct review_figures figures = review_figures_of(&shop);
    assert_true(figures.waiting == 1 && figures.expired == 1 && figures.oldest_us == second_us);
    shop_close(&shop);
}

/* More have expired than one write sweeps: the pair's own is not gone yet, and not taken for one that waits. */
static void what_expired_counts_no_evidence_though_it_was_not_swept(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    struct review_item item = {.a = 1, .obstacle = OBSTACLE_REVIEW_SIZE, .rule = LINK_SHARED_EVENT};
    int64_t item_us = 0;
    for (item.b = 100; item.b < 140; item.b++)
        item_us = review_queue_item(&shop, &item);
    item.b = 139; /* the last */
    shop.clock_us = item_us + EXPIRY;
    assert_int_equal(review_queue_item(&shop, &item), item_us + EXPIRY);
    struct review_figures figures = review_figures_of(&shop);
    assert_true(figures.waiting == 40 - 17 + 1 && figures.expired == 17);
    for (item.b = 200; item.b < 203; item.b++)
        (void)review_queue_item(&shop, &item);
    figures = review_figures_of(&shop);
    assert_true(figures.waiting == 4 && figures.expired == 40 && figures.oldest_us == item_us + EXPIRY);
    shop_close(&shop);
}

static void items_expire_by_their_own_time_also_where_the_period_was_changed(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t long_us = review_queue_match(&shop, 1, 2);
    char shorter[sizeof review_definitions];
    memcpy(shorter, review_definitions, sizeof shorter);
    memcpy(strstr(shorter, "10d}"), "2d} ", 4);
    store_close(shop.store);
    shop_open(&shop, shorter);
    int64_t short_us = review_queue_match(&shop, 1, 3);
    shop.clock_us = short_us + 2 * DAY;
    int64_t third_us = review_queue_match(&shop, 2, 3);
    struct review_figures figures = review_figures_of(&shop);
    assert_true(figures.waiting == 2 && figures.expired == 1 && figures.oldest_us == long_us);
    assert_int_equal(review_state_at(&shop, short_us, INT64_MAX), REVIEW_EXPIRED);
    assert_int_equal(review_state_at(&shop, long_us, INT64_MAX), REVIEW_OPEN);
    assert_int_equal(review_state_at(&shop, third_us, INT64_MAX), REVIEW_OPEN);
    shop_close(&shop);
}

static void an_item_is_moot_while_both_are_of_one_customer(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t item_us = review_queue_match(&shop, 1, 2);
    (void)review_order(&shop, "4", "email:a@x.org email:b@x.org", 1);
    int64_t merged_us = shop.outcome.known_at_us;
    assert_int_equal(review_state_at(&shop, item_us, merged_us), REVIEW_OPEN);
    assert_int_equal(review_state_at(&shop, item_us, merged_us + 1), REVIEW_MOOT);
    assert_int_equal(review_state_at(&shop, item_us, item_us + EXPIRY), REVIEW_EXPIRED);
    shop_close(&shop);
}

static void an_item_is_moot_while_one_of_the_two_is_blocked(void **state)
{
    (void)state;
    for (uint64_t node = 1; node <= 2; node++) {
        struct shop shop = {0};
        open_three(&shop);
        int64_t item_us = review_queue_match(&shop, 1, 2);
        struct kv_batch *batch = kv_batch_new(shop.kv);
        block_row_put(batch, node, item_us + 10, true);
        block_row_put(batch, node, item_us + 20, false);
        assert_int_equal(kv_write(shop.kv, batch, false, NULL), PATRON_OK);
        kv_batch_free(batch);
        assert_int_equal(review_state_at(&shop, item_us, item_us + 10), REVIEW_OPEN);
        assert_int_equal(review_state_at(&shop, item_us, item_us + 11), REVIEW_MOOT);
        assert_int_equal(review_state_at(&shop, item_us, item_us + 20), REVIEW_MOOT);
        assert_int_equal(review_state_at(&shop, item_us, item_us + 21), REVIEW_OPEN);
        shop_close(&shop);
    }
}

struct taken {
    int64_t items[8];
    size_t count, most;
};

static bool take(void *context, const struct review_item *item)
{
    struct taken *taken = context;
    taken->items[taken->count++] = item->item_us;
    return taken->count < taken->most;
}

static struct taken walk(struct shop *shop, struct review_walk walk, size_t most)
{
    struct taken taken = {.most = most};
    struct view view;
    struct error error;
    walk.take = take;
    walk.context = &taken;
    store_view_take(shop->store, &view);
    if (review_each(&view, &walk, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    store_view_release(&view);
    return taken;
}

static void a_walk_comes_by_the_items_in_their_order(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t items[3] = {
        review_queue_match(&shop, 1, 2), review_queue_match(&shop, 1, 3), review_queue_match(&shop, 2, 3)};
    (void)review_order(&shop, "4", "email:a@x.org email:b@x.org", 1); /* the first is moot from here on */
    int64_t now_us = shop.clock_us;
    struct taken taken = walk(&shop, (struct review_walk){.as_of_us = now_us}, 8);
    assert_int_equal(taken.count, 3);
    assert_memory_equal(taken.items, items, sizeof items);
    taken = walk(&shop, (struct review_walk){.as_of_us = now_us, .open_only = true}, 8);
    assert_true(taken.count == 2 && taken.items[0] == items[1] && taken.items[1] == items[2]);
    taken = walk(&shop, (struct review_walk){.as_of_us = now_us, .from_us = items[0] + 1}, 1);
    assert_true(taken.count == 1 && taken.items[0] == items[1]);
    taken = walk(&shop, (struct review_walk){.as_of_us = items[1] + 1, .open_only = true}, 8);
    assert_true(taken.count == 2 && taken.items[0] == items[0] && taken.items[1] == items[1]);
    taken = walk(&shop, (struct review_walk){.as_of_us = items[1]}, 8);
    assert_true(taken.count == 1 && taken.items[0] == items[0]);
    /* what waited once is told, though it was swept since */
    shop.clock_us = items[2] + EXPIRY;
    (void)review_queue_match(&shop, 1, 3);
    taken = walk(&shop, (struct review_walk){.as_of_us = items[2] + 1, .open_only = true}, 8);
    assert_int_equal(taken.count, 3);
    taken = walk(&shop, (struct review_walk){.as_of_us = shop.clock_us, .open_only = true}, 8);
    assert_int_equal(taken.count, 1);
    shop_close(&shop);
}

static void a_node_has_the_items_that_name_it_at_either_end(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, review_definitions);
    for (int i = 0; i < 12; i++) {
        char who[32];
        snprintf(who, sizeof who, "email:%d@x.org", i);
        (void)review_order(&shop, who, who, 1);
    }
    int64_t items[11];
    for (uint64_t i = 0; i < 11; i++)
        items[i] = review_queue_match(&shop, i < 6 ? i + 1 : i + 2, 7);
    struct view view;
    struct review_item *found;
    size_t count;
    store_view_take(shop.store, &view);
    assert_int_equal(review_of_node(&view, 7, shop.clock_us, &shop.arena, &found, &count, NULL), PATRON_OK);
    assert_int_equal(count, 11);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(found[i].item_us, items[i]);
    assert_int_equal(review_of_node(&view, 12, shop.clock_us, &shop.arena, &found, &count, NULL), PATRON_OK);
    assert_true(count == 1 && found[0].item_us == items[10]);
    store_view_release(&view);
    shop_close(&shop);
}

static void a_link_by_hand_comes_with_its_first_approval(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    struct review_item given = {.a = 1,
        .b = 2,
        .obstacle = OBSTACLE_REVIEW_VALUE,
        .rule = LINK_BY_HAND,
        .first_actor = bytes_from_string("ada"),
        .first_reason = bytes_from_string("they called")};
    int64_t item_us = review_queue_item(&shop, &given);
    struct review_item item = review_item_at(&shop, item_us, INT64_MAX);
    assert_int_equal(item.state, REVIEW_HALF_APPROVED);
    assert_true(item.second_person && item.first_us == item_us);
    assert_true(bytes_is(item.first_actor, "ada") && bytes_is(item.first_reason, "they called"));
    given.first_actor = bytes_from_string("bob"); /* counts; the first approval stays whose it is */
    assert_int_equal(review_queue_item(&shop, &given), item_us);
    item = review_item_at(&shop, item_us, INT64_MAX);
    assert_true(bytes_is(item.first_actor, "ada") && item.count == 2 && item.first_us == item_us);
    /* where a match waits already, it is the first approval of that */
    int64_t match_us = review_queue_match(&shop, 1, 3);
    given.b = 3;
    assert_int_equal(review_queue_item(&shop, &given), match_us);
    int64_t first_us = store_newest_known_at(shop.store);
    assert_int_equal(review_state_at(&shop, match_us, first_us), REVIEW_OPEN);
    assert_int_equal(review_item_at(&shop, match_us, first_us).first_actor.length, 0);
    item = review_item_at(&shop, match_us, first_us + 1);
    assert_true(item.state == REVIEW_HALF_APPROVED && item.second_person && bytes_is(item.first_actor, "bob"));
    shop_close(&shop);
}

static void a_full_queue_takes_no_more_and_says_so(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    struct review_item item = {.obstacle = OBSTACLE_REVIEW_SIZE, .rule = LINK_SHARED_EVENT};
    struct error error;
    int64_t item_us, first_us = shop.clock_us;
    shop_begin(&shop);
    for (int64_t i = 0; i < REVIEW_OPEN_MAX; i++) {
        item.a = 1;
        item.b = (uint64_t)i + 2;
        if (group_review_add(shop.store, &item, first_us + i, &item_us, &error) != PATRON_OK || item_us == 0)
            fail_msg("%s", error.text);
    }
    shop_commit(&shop);
    item.a = 2;
    item.b = 3;
    assert_int_equal(review_queue_item(&shop, &item), 0);
    assert_int_equal(review_figures_of(&shop).not_taken, 1);
    item.a = 1; /* evidence for one that waits still counts */
    item.b = 2;
    assert_int_equal(review_queue_item(&shop, &item), first_us);
    shop_reopen(&shop);
    assert_int_equal(review_figures_of(&shop).waiting, REVIEW_OPEN_MAX);
    assert_int_equal(review_figures_of(&shop).not_taken, 1);
    shop.clock_us = first_us + EXPIRY + 2; /* three have expired */
    item.a = 2;
    item.b = 3;
    assert_int_equal(review_queue_item(&shop, &item), first_us + EXPIRY + 2);
    struct review_figures figures = review_figures_of(&shop);
    assert_true(figures.waiting == REVIEW_OPEN_MAX - 2 && figures.expired == 3 && figures.oldest_us == first_us + 3);
    shop_close(&shop);
}

/* --- what the two sides are --------------------------------------------------------------------------------------- */

struct seen {
    uint8_t bytes[REVIEW_SEEN_BYTES];
};

static struct seen seen_of(struct shop *shop, int64_t item_us)
{
    struct view view;
    struct review_item item = review_item_at(shop, item_us, INT64_MAX);
    struct seen seen;
    store_view_take(shop->store, &view);
    assert_int_equal(review_seen(&view, &item, &shop->arena, seen.bytes, NULL), PATRON_OK);
    store_view_release(&view);
    return seen;
}

static void what_was_seen_is_who_the_two_are_and_not_what_they_do(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t item_us = review_queue_match(&shop, 1, 2);
    struct seen before = seen_of(&shop, item_us);
    (void)review_order(&shop, "4", "email:a@x.org", 1000000);
    struct seen after = seen_of(&shop, item_us);
    assert_memory_equal(before.bytes, after.bytes, REVIEW_SEEN_BYTES);
    (void)review_order(&shop, "5", "email:b@x.org device:new", 1);
    after = seen_of(&shop, item_us);
    assert_memory_not_equal(before.bytes, after.bytes, REVIEW_SEEN_BYTES);
    struct node_entry about;
    before = after;
    assert_int_equal(node_get(shop.kv, NULL, 1, &shop.arena, &about, NULL), PATRON_OK);
    struct member member = {.customer = 1,
        .node = 1,
        .until_us = INT64_MAX,
        .type = about.type,
        .birth_us = about.birth_us};
    member.since_us = about.birth_us;
    member.flags = NODE_SEPARATED;
    struct kv_batch *batch = kv_batch_new(shop.kv);
    member_put(batch, &member);
    assert_int_equal(kv_write(shop.kv, batch, false, NULL), PATRON_OK);
    kv_batch_free(batch);
    after = seen_of(&shop, item_us);
    assert_memory_not_equal(before.bytes, after.bytes, REVIEW_SEEN_BYTES);
    shop_close(&shop);
}

/* --- stored bytes ------------------------------------------------------------------------------------------------- */

static void a_damaged_row_is_told_and_crashes_nothing(void **state)
{
    (void)state;
    struct review_row row = {.item = {.a = 1,
                                 .b = 2,
                                 .obstacle = OBSTACLE_REVIEW_SCORE,
                                 .rule = LINK_MATCH,
                                 .count = 300,
                                 .waterfall = bytes_from_string("bars"),
                                 .first_actor = bytes_from_string("ada"),
                                 .decided_us = START_US,
                                 .actor = bytes_from_string("bob"),
                                 .reason = bytes_from_string("why")},
        .verdict = REVIEW_REJECT};
    struct encoder to = {0};
    review_row_encode(&row, &to);
    uint8_t key_bytes[9] = {QUEUE_REVIEW};
    encode_time(key_bytes + 1, START_US - 5);
    struct bytes key = bytes_of(key_bytes, sizeof key_bytes), value = encoder_borrow(&to);
    struct review_row read;
    assert_int_equal(review_row_decode(key, value, &read, NULL), PATRON_OK);
    assert_true(read.item.item_us == START_US - 5 && read.item.count == 300 && read.verdict == REVIEW_REJECT);
    assert_true(bytes_is(read.item.reason, "why") && bytes_is(read.item.first_actor, "ada"));
    for (size_t length = 0; length < value.length; length++) {
        uint8_t *cut = memory_alloc(length + 1); /* so that a sanitizer sees what is read past its end */
        memcpy(cut, value.data, length);
        assert_int_equal(review_row_decode(key, bytes_of(cut, length), &read, NULL), PATRON_CORRUPT);
        memory_free(cut);
    }
    uint8_t kept = to.data[1];
    to.data[1] = 2; /* a is not before b */
    assert_int_equal(review_row_decode(key, value, &read, NULL), PATRON_CORRUPT);
    to.data[1] = kept;
    to.data[3] = OBSTACLE_MAX; /* refused, never reviewed */
    assert_int_equal(review_row_decode(key, value, &read, NULL), PATRON_CORRUPT);
    to.data[3] = OBSTACLE_REVIEW_CLUSTER + 1;
    assert_int_equal(review_row_decode(key, value, &read, NULL), PATRON_CORRUPT);
    encoder_clear(&to);
}

static void a_failing_engine_leaves_no_half_of_an_item(void **state)
{
    (void)state;
    for (uint64_t at = 1;; at++) {
        struct shop shop = {0};
        struct error error;
        int64_t known_at_us, item_us;
        open_three(&shop);
        int64_t waits_us = review_queue_match(&shop, 1, 2);
        shop.clock_us = waits_us + EXPIRY; /* there is something to be swept */
        const struct review_item item = {.a = 1,
            .b = 2,
            .obstacle = OBSTACLE_REVIEW_SIZE,
            .rule = LINK_BY_HAND,
            .first_actor = bytes_from_string("x")};
        kv_memory_fail_after(shop.kv, at, PATRON_IO);
        shop_begin(&shop);
        assert_int_equal(change_known_at(shop.store, &known_at_us, &error), PATRON_OK);
        enum patron_code code = group_review_add(shop.store, &item, known_at_us, &item_us, &error);
        if (code == PATRON_OK)
            code = store_group_commit(shop.store, &error);
        kv_memory_fail_after(shop.kv, 0, PATRON_OK);
        if (code != PATRON_OK) {
            assert_int_equal(code, PATRON_IO);
            assert_true(store_has_failed(shop.store));
            shop_reopen(&shop);
            assert_int_equal(review_figures_of(&shop).waiting, 1);
            assert_int_equal(review_figures_of(&shop).oldest_us, waits_us);
        }
        shop_close(&shop);
        if (code == PATRON_OK)
            return;
        assert_true(at < 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_tells_what_it_was_made_of),
        cmocka_unit_test(nothing_is_known_of_an_item_before_its_entry),
        cmocka_unit_test(more_evidence_counts_in_the_item_that_waits),
        cmocka_unit_test(an_item_expires_at_its_moment_and_new_evidence_makes_a_new_one),
        cmocka_unit_test(what_expired_counts_no_evidence_though_it_was_not_swept),
        cmocka_unit_test(items_expire_by_their_own_time_also_where_the_period_was_changed),
        cmocka_unit_test(an_item_is_moot_while_both_are_of_one_customer),
        cmocka_unit_test(an_item_is_moot_while_one_of_the_two_is_blocked),
        cmocka_unit_test(a_walk_comes_by_the_items_in_their_order),
        cmocka_unit_test(a_node_has_the_items_that_name_it_at_either_end),
        cmocka_unit_test(a_link_by_hand_comes_with_its_first_approval),
        cmocka_unit_test(a_full_queue_takes_no_more_and_says_so),
        cmocka_unit_test(what_was_seen_is_who_the_two_are_and_not_what_they_do),
        cmocka_unit_test(a_damaged_row_is_told_and_crashes_nothing),
        cmocka_unit_test(a_failing_engine_leaves_no_half_of_an_item),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
