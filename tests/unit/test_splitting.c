/* Taking links back: what falls apart, what stays together, and what may come between a plan and its writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/identity/identity_rows.h"
#include "store/versions/refill.h"
#include "store/versions/versions.h"
#include "tests/property/small_home.h"
#include "tests/unit/linking_fixture.h"

/* Two customers of two devices each, with events, joined by one event: a-b and c-d, then b-c. */
static void shop_of_two(struct shop *shop)
{
    shop_open(shop, linking_definitions);
    shop_visit(shop, "device:a device:b");
    shop_visit(shop, "device:c device:d");
    shop_visit(shop, "device:a");
    shop_visit(shop, "device:d");
    shop_send(shop, "order", "o1", shop->clock_us - 3 * DAY, "device:c");
    shop_visit(shop, "device:b device:c");
    assert_int_equal(shop_customer(shop, "device:d"), 1);
}

static uint64_t membership(struct shop *shop, const char *who, int64_t as_of_us)
{
    uint64_t customer;
    assert_int_equal(
        membership_at(shop->kv, NULL, shop_node(shop, who), as_of_us, &customer, NULL), PATRON_OK);
    return customer;
}

static size_t separations(const struct shop *shop, bool held_only)
{
    size_t count = 0;
    struct kv_iterator *rows = kv_iterator_new(shop->kv, NULL, KV_SEPARATIONS, (struct bytes){0});
    for (kv_iterator_seek(rows, (struct bytes){0}); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct separation row;
        assert_int_equal(
            separation_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &row, NULL), PATRON_OK);
        count += !held_only || row.until_us == INT64_MAX;
    }
    kv_iterator_free(rows);
    return count;
}

static struct change_figures figures(const struct shop *shop)
{
    struct store_figures all;
    store_figures(shop->store, &all);
    return all.changes;
}

/* --- what falls apart --------------------------------------------------------------------------------------------- */

static void a_link_taken_back_gives_both_sides_their_ids_and_events_again(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_of_two(&shop);
    struct split_request request = shop_unlink_request(&shop, "device:c", "device:b");
    struct split *split = shop_plan(&shop, &request);
    const struct split_plan *plan = split_plan(split);
    assert_true(plan->customer == 1 && plan->part_count == 2 && plan->closed_count == 1);
    assert_true(plan->parts[0].customer == 1 && plan->parts[0].node_count == 2 && plan->parts[0].events == 3);
    assert_true(plan->parts[1].customer == 3 && plan->parts[1].node_count == 2 && plan->parts[1].events == 3);
    assert_true(plan->parts[1].nodes[0] == 3 && plan->parts[1].nodes[1] == 4);
    assert_true(plan->closed[0].a == 2 && plan->closed[0].b == 3 && plan->closed[0].rule == LINK_SHARED_EVENT);
    assert_true(plan->oldest_closed_us == plan->closed[0].since_us);
    struct split_outcome outcome = shop_split_write(&shop, split);
    assert_int_equal(outcome.fate, SPLIT_DONE);
    split_free(split);
    assert_true(shop_customer(&shop, "device:a") == 1 && shop_customer(&shop, "device:b") == 1);
    assert_true(shop_customer(&shop, "device:c") == 3 && shop_customer(&shop, "device:d") == 3);
    assert_int_equal(membership(&shop, "device:d", outcome.known_at_us), 1); /* the past stays as it was */
    assert_int_equal(membership(&shop, "device:d", outcome.known_at_us + 1), 3);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void an_entry_tells_the_whole_split(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_of_two(&shop);
    struct log_entry entry = shop_entry(&shop, shop_unlink(&shop, "device:c", "device:b"));
    const struct identity_change *change = &entry.change;
    assert_true(entry.kind == LOG_IDENTITY && change->change == CHANGE_SPLIT && change->a == 3 && change->b == 2);
    assert_true(change->node_count == 2 && change->nodes[0] == 3 && change->nodes[1] == 4); /* a's side */
    assert_true(change->other_count == 2 && change->others[0] == 1 && change->others[1] == 2);
    assert_true(change->part_count == 2 && change->parts[0] == 1 && change->parts[1] == 3);
    assert_true(change->closed_count == 1 && change->separates && change->merged_count == 0);
    assert_true(bytes_is(change->actor, "ada") && bytes_is(change->reason, "two persons"));
    assert_int_equal(figures(&shop).changes[CHANGE_SPLIT], 1);
    shop_reopen(&shop);
    assert_int_equal(figures(&shop).changes[CHANGE_SPLIT], 1);
    shop_close(&shop);
}

static void what_was_split_off_is_not_joined_again_unless_that_is_allowed(void **state)
{
    (void)state;
    for (int may_relink = 0; may_relink < 2; may_relink++) {
        struct shop shop = {0};
        shop_of_two(&shop);
        struct split_request request = shop_unlink_request(&shop, "device:b", "device:c");
        request.may_relink = may_relink;
        shop_split(&shop, &request);
        assert_int_equal(separations(&shop, true), may_relink ? 0 : 4);
        shop_visit(&shop, "device:a device:d");
        assert_int_equal(shop.outcome.identifiers_dropped, may_relink ? 0 : 1);
        assert_int_equal(shop_customer(&shop, "device:c"), may_relink ? 1 : 3);
        shop_assert_sound(&shop);
        shop_close(&shop);
    }
}

static void a_redundant_link_keeps_a_customer_whole_until_it_goes_too(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_of_two(&shop);
    shop_visit(&shop, "device:a device:d");
    struct log_entry entry = shop_entry(&shop, shop_unlink(&shop, "device:b", "device:c"));
    assert_true(entry.change.part_count == 0 && entry.change.closed_count == 1 && !entry.change.separates);
    assert_int_equal(separations(&shop, false), 0);
    assert_int_equal(shop_customer(&shop, "device:d"), 1);
    shop_assert_sound(&shop);
    shop_unlink(&shop, "device:a", "device:d");
    assert_true(shop_customer(&shop, "device:d") == 3 && shop_customer(&shop, "device:b") == 1);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void a_link_of_every_rule_between_two_ends(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_of_two(&shop);
    assert_int_equal(shop_link(&shop, "device:c", "device:b").fate, LINK_HELD);
    struct log_entry entry = shop_entry(&shop, shop_unlink(&shop, "device:b", "device:c"));
    assert_true(entry.change.closed_count == 2 && entry.change.part_count == 2);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void both_what_is_split_off_and_what_is_left_may_fall_into_parts(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, linking_definitions);
    shop_visit(&shop, "device:hub device:a");
    shop_visit(&shop, "device:hub device:b");
    shop_visit(&shop, "device:a device:c");
    shop_visit(&shop, "device:hub device:d");
    shop_visit(&shop, "device:d device:e");
    uint64_t hub = shop_node(&shop, "device:hub");
    struct log_entry entry = shop_entry(&shop, shop_split_off(&shop, "device:hub device:e"));
    assert_true(entry.change.part_count == 5 && entry.change.node_count == 2 && entry.change.other_count == 4);
    assert_true(entry.change.closed_count == 4 && entry.change.parts[0] == hub);
    assert_int_equal(shop_customer(&shop, "device:c"), shop_node(&shop, "device:a"));
    shop_assert_sound(&shop);
    shop_visit(&shop, "device:a device:b device:d"); /* one side: nothing against it */
    assert_int_equal(shop.outcome.identifiers_dropped, 0);
    shop_visit(&shop, "device:b device:e");
    assert_int_equal(shop.outcome.identifiers_dropped, 1);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void merges_and_splits_may_follow_each_other_for_ever(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_of_two(&shop);
    int64_t split_us[6], merged_us[6];
    for (int i = 0; i < 6; i++) {
        split_us[i] = i % 2 ? shop_unlink(&shop, "device:b", "device:c") : shop_split_off(&shop, "device:c device:d");
        shop_visit(&shop, "device:d");
        shop_visit(&shop, "device:b");
        shop_assert_sound(&shop);
        struct link_request request = shop_by_hand(&shop, "device:b", "device:c");
        request.lifts = true;
        struct link_outcome outcome = shop_link_request(&shop, &request);
        assert_true(outcome.fate == LINK_MADE && outcome.customer == 1 && outcome.merged == 3);
        merged_us[i] = outcome.known_at_us;
        assert_int_equal(separations(&shop, true), 0);
        assert_int_equal(separations(&shop, false), 4 * (i + 1));
        shop_assert_sound(&shop);
        shop_visit(&shop, "device:a device:b");
    }
    for (int i = 0; i < 6; i++) {
        assert_int_equal(membership(&shop, "device:c", split_us[i]), 1);
        assert_int_equal(membership(&shop, "device:c", split_us[i] + 1), 3);
        assert_int_equal(membership(&shop, "device:c", merged_us[i] + 1), 1);
    }
    shop_close(&shop);
}

/* --- blocking ----------------------------------------------------------------------------------------------------- */

static void a_blocked_identifier_stands_alone_and_links_nothing_any_more(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_of_two(&shop);
    struct log_entry entry = shop_entry(&shop, shop_block(&shop, "device:b"));
    assert_true(entry.change.change == CHANGE_BLOCK && entry.change.a == 2 && entry.change.closed_count == 2);
    assert_true(entry.change.part_count == 3 && entry.change.parts[1] == 2 && !entry.change.separates);
    assert_int_equal(separations(&shop, false), 0);
    assert_true(shop_customer(&shop, "device:a") == 1 && shop_customer(&shop, "device:c") == 3);
    assert_true(shop_find(&shop, "device:b").flags & NODE_BLOCKED);
    shop_assert_sound(&shop);
    shop_visit(&shop, "device:a device:b");
    assert_int_equal(shop.outcome.identifiers_dropped, 1);
    assert_true(shop_customer(&shop, "device:b") == 2);
    assert_int_equal(shop_block(&shop, "device:b"), 0); /* it is */
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void an_identifier_without_links_is_blocked_too_and_may_be_let_go(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct error error;
    int64_t known_at_us;
    shop_open(&shop, linking_definitions);
    shop_visit(&shop, "device:a");
    struct log_entry entry = shop_entry(&shop, shop_block(&shop, "device:a"));
    assert_true(entry.change.part_count == 0 && entry.change.closed_count == 0);
    assert_true(shop_find(&shop, "device:a").flags & NODE_BLOCKED);
    shop_assert_sound(&shop);
    shop_begin(&shop);
    assert_int_equal(group_unblock(shop.store, 1, bytes_from_string(""), bytes_from_string(""), &known_at_us, &error),
        PATRON_INVALID);
    assert_int_equal(
        group_unblock(shop.store, 1, bytes_from_string("ada"), bytes_from_string(""), &known_at_us, &error), PATRON_OK);
    assert_int_equal(
        group_unblock(shop.store, 1, bytes_from_string("ada"), bytes_from_string(""), &known_at_us, &error),
        PATRON_PRECONDITION);
    shop_commit(&shop);
    shop_visit(&shop, "device:b device:a");
    assert_int_equal(shop.outcome.identifiers_dropped, 0);
    assert_int_equal(shop_customer(&shop, "device:b"), 1);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

/* --- what cannot be planned --------------------------------------------------------------------------------------- */

static void assert_no_plan(struct shop *shop, const struct split_request *request, enum patron_code code)
{
    struct split *split = split_new(request);
    struct view view;
    struct error error = {0};
    store_view_take(shop->store, &view);
    assert_int_equal(split_prepare(split, &view, NULL, &error), code);
    assert_true(error.text[0] != '\0');
    store_view_release(&view);
    split_free(split);
}

static void a_request_that_cannot_be_met_is_told(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_of_two(&shop);
    shop_visit(&shop, "device:x");
    struct split_request request = shop_off_request(&shop, "device:a device:b device:d device:c device:a");
    assert_no_plan(&shop, &request, PATRON_INVALID); /* all there are */
    request = shop_off_request(&shop, "device:a device:x");
    assert_no_plan(&shop, &request, PATRON_PRECONDITION);
    request = shop_unlink_request(&shop, "device:a", "device:x");
    assert_no_plan(&shop, &request, PATRON_PRECONDITION);
    request = shop_unlink_request(&shop, "device:a", "device:a");
    assert_no_plan(&shop, &request, PATRON_INVALID);
    request.b = 99;
    assert_no_plan(&shop, &request, PATRON_NOT_FOUND);
    request = (struct split_request){.change = CHANGE_SPLIT, .actor = bytes_from_string("ada")};
    assert_no_plan(&shop, &request, PATRON_INVALID);
    request = shop_off_request(&shop, "device:a");
    request.actor = (struct bytes){0};
    assert_no_plan(&shop, &request, PATRON_INVALID);
    char long_text[REASON_BYTES_MAX + 1];
    memset(long_text, 'x', sizeof long_text);
    request = shop_off_request(&shop, "device:a");
    request.reason = bytes_of((const uint8_t *)long_text, sizeof long_text);
    assert_no_plan(&shop, &request, PATRON_INVALID);
    request = shop_block_request(&shop, "device:a device:b");
    assert_no_plan(&shop, &request, PATRON_INVALID);
    shop_close(&shop);
}

static void a_link_that_is_not_there_is_nothing_to_do(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_of_two(&shop);
    struct encoder before = shop_dump(&shop);
    assert_int_equal(shop_unlink(&shop, "device:a", "device:c"), 0);
    struct encoder after = shop_dump(&shop);
    assert_true(bytes_equal(encoder_borrow(&before), encoder_borrow(&after)));
    encoder_clear(&before);
    encoder_clear(&after);
    shop_close(&shop);
}

static void a_plan_that_is_given_up_ends(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_of_two(&shop);
    struct split_request request = shop_off_request(&shop, "device:a");
    struct split *split = split_new(&request);
    struct view view;
    atomic_bool cancelled = true;
    store_view_take(shop.store, &view);
    assert_int_equal(split_prepare(split, &view, &cancelled, NULL), PATRON_BUSY);
    cancelled = false;
    assert_int_equal(split_prepare(split, &view, &cancelled, NULL), PATRON_OK);
    store_view_release(&view);
    assert_int_equal(shop_split_write(&shop, split).fate, SPLIT_DONE);
    split_free(split);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

/* --- what comes between ------------------------------------------------------------------------------------------- */

static void nothing_between(struct shop *shop)
{
    (void)shop;
}

static void events_of_both_sides(struct shop *shop)
{
    shop_visit(shop, "device:a");
    shop_visit(shop, "device:d");
    shop_send(shop, "order", "ahead", shop->clock_us + DAY, "device:c");
    shop_send(shop, "order", "late", shop->clock_us - 40 * DAY, "device:b");
    shop_visit(shop, "device:z device:y");
}

static void new_nodes_of_one_side(struct shop *shop)
{
    shop_visit(shop, "device:d device:d2");
    shop_visit(shop, "device:d3 device:d2");
    shop_visit(shop, "customer_id:1 device:a");
    shop_visit(shop, "customer_id:1 device:b");
}

static void evidence_across_the_cut(struct shop *shop)
{
    shop_visit(shop, "device:b device:c");
    shop_visit(shop, "device:c device:b");
}

static void another_s_split(struct shop *shop)
{
    shop_visit(shop, "device:x device:y");
    shop_unlink(shop, "device:x", "device:y");
}

static void a_merge(struct shop *shop)
{
    shop_visit(shop, "device:x");
    shop_visit(shop, "device:x device:d");
}

static void a_new_link_across(struct shop *shop)
{
    shop_visit(shop, "device:a device:d");
}

static void a_new_node_of_both_sides(struct shop *shop)
{
    shop_visit(shop, "device:a device:new");
    shop_visit(shop, "device:d device:new");
}

static void a_link_by_hand(struct shop *shop)
{
    assert_int_equal(shop_link(shop, "device:a", "device:d").fate, LINK_HELD);
}

static void the_same_split(struct shop *shop)
{
    shop_unlink(shop, "device:b", "device:c");
}

static void a_block_inside(struct shop *shop)
{
    shop_block(shop, "device:d");
}

static void a_split_and_a_merge_again(struct shop *shop)
{
    struct split_request request = shop_unlink_request(shop, "device:c", "device:d");
    request.may_relink = true;
    shop_split(shop, &request);
    shop_visit(shop, "device:c device:d");
}

static void a_split_off_and_a_merge_again(struct shop *shop)
{
    struct split_request request = shop_off_request(shop, "device:d");
    request.may_relink = true;
    shop_split(shop, &request);
    shop_visit(shop, "device:c device:d");
}

static void assert_between(void (*between)(struct shop *shop), enum split_fate fate, bool follows)
{
    struct shop shop = {0};
    shop_of_two(&shop);
    struct split_request request = shop_unlink_request(&shop, "device:b", "device:c");
    struct split *split = shop_plan(&shop, &request);
    between(&shop);
    if (follows) {
        struct view view;
        bool stale;
        store_view_take(shop.store, &view);
        assert_int_equal(split_follow(split, &view, &stale, NULL), PATRON_OK);
        store_view_release(&view);
        assert_int_equal(stale, fate == SPLIT_STALE);
    }
    struct encoder before = shop_dump(&shop);
    struct split_outcome outcome = shop_split_write(&shop, split);
    assert_int_equal(outcome.fate, fate);
    if (fate == SPLIT_DONE) {
        assert_true(shop_customer(&shop, "device:a") == 1 && shop_customer(&shop, "device:b") == 1);
        assert_true(shop_customer(&shop, "device:c") == 3 && shop_customer(&shop, "device:d") == 3);
    } else {
        struct encoder after = shop_dump(&shop);
        assert_true(bytes_equal(encoder_borrow(&before), encoder_borrow(&after)));
        encoder_clear(&after);
    }
    encoder_clear(&before);
    split_free(split);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void a_plan_takes_in_what_came_since_as_far_as_it_can(void **state)
{
    (void)state;
    for (int follows = 0; follows < 2; follows++) {
        assert_between(nothing_between, SPLIT_DONE, follows);
        assert_between(events_of_both_sides, SPLIT_DONE, follows);
        assert_between(new_nodes_of_one_side, SPLIT_DONE, follows);
        assert_between(evidence_across_the_cut, SPLIT_DONE, follows);
        assert_between(another_s_split, SPLIT_DONE, follows);
        assert_between(a_merge, SPLIT_STALE, follows);
        assert_between(a_new_link_across, SPLIT_STALE, follows);
        assert_between(a_new_node_of_both_sides, SPLIT_STALE, follows);
        assert_between(a_link_by_hand, SPLIT_STALE, follows);
        assert_between(a_block_inside, SPLIT_STALE, follows);
        assert_between(a_split_and_a_merge_again, SPLIT_STALE, follows);
        assert_between(a_split_off_and_a_merge_again, SPLIT_STALE, follows);
        assert_between(the_same_split, SPLIT_STALE, follows);
    }
}

static void evidence_that_came_since_the_plan_is_counted_in_the_closed_link(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_of_two(&shop);
    struct split_request request = shop_unlink_request(&shop, "device:b", "device:c");
    struct split *split = shop_plan(&shop, &request);
    evidence_across_the_cut(&shop);
    assert_int_equal(shop_split_write(&shop, split).fate, SPLIT_DONE);
    split_free(split);
    struct link *links;
    size_t count;
    assert_int_equal(links_of(shop.kv, NULL, 3, &shop.arena, &links, &count, NULL), PATRON_OK);
    assert_true(count == 2 && links[0].b == 2 && links[0].count == 3 && links[0].until_us != INT64_MAX);
    shop_close(&shop);
}

static void a_new_node_linked_to_a_blocked_one_makes_the_plan_stale(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_of_two(&shop);
    struct split_request request = shop_block_request(&shop, "device:b");
    struct split *split = shop_plan(&shop, &request);
    shop_visit(&shop, "device:b device:new");
    assert_int_equal(shop_split_write(&shop, split).fate, SPLIT_STALE);
    split_free(split);
    shop_block(&shop, "device:b");
    assert_int_equal(shop_customer(&shop, "device:new"), shop_node(&shop, "device:new"));
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void a_plan_that_is_far_behind_follows_first(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_of_two(&shop);
    struct split_request request = shop_unlink_request(&shop, "device:b", "device:c");
    struct split *split = shop_plan(&shop, &request);
    shop_begin(&shop);
    for (int i = 0; i < 5000; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", i);
        struct event_input event = shop_event(&shop, "visit", id, shop.clock_us, i % 7 ? "device:x" : "device:d");
        assert_int_equal(shop_add(&shop, &event), EVENT_APPLIED);
    }
    shop_commit(&shop);
    assert_int_equal(shop_split_write(&shop, split).fate, SPLIT_BEHIND);
    assert_int_equal(shop_split_write(&shop, split).fate, SPLIT_BEHIND);
    struct view view;
    bool stale;
    store_view_take(shop.store, &view);
    assert_int_equal(split_follow(split, &view, &stale, NULL), PATRON_OK);
    assert_int_equal(split_plan(split)->position_us, view.position_us);
    store_view_release(&view);
    assert_false(stale);
    shop_visit(&shop, "device:d");
    assert_int_equal(shop_split_write(&shop, split).fate, SPLIT_DONE);
    split_free(split);
    assert_int_equal(shop_customer(&shop, "device:d"), 3);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void a_plan_is_stale_once_another_version_serves(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct view view;
    struct error error;
    const struct definitions *next;
    bool stale, reached, done;
    shop_of_two(&shop);
    struct split_request request = shop_unlink_request(&shop, "device:b", "device:c");
    struct split *split = shop_plan(&shop, &request);
    char text[sizeof linking_definitions + 64];
    snprintf(text, sizeof text, "%s  orders: {of: order, count: true}\n", linking_definitions);
    assert_int_equal(
        definitions_parse(bytes_from_string(text), store_definitions(shop.store), 2, false, &next, &error), PATRON_OK);
    assert_int_equal(store_define(shop.store, next, shop.clock_us, false, &error), PATRON_OK);
    definitions_release(next);
    struct refill *refill = refill_new(shop.store);
    store_view_take(shop.store, &view);
    for (done = reached = false; !reached;) {
        assert_int_equal(refill_step(refill, &view, 0, &reached, &error), PATRON_OK);
        assert_int_equal(refill_write(shop.store, refill, &error), PATRON_OK);
    }
    store_view_release(&view);
    shop_visit(&shop, "device:d"); /* finished with it */
    assert_int_equal(refill_finish(shop.store, refill, 10, &done, &error), PATRON_OK);
    assert_true(done);
    refill_free(refill);
    store_view_take(shop.store, &view);
    assert_int_equal(split_follow(split, &view, &stale, &error), PATRON_OK);
    assert_true(stale);
    store_view_release(&view);
    assert_int_equal(shop_split_write(&shop, split).fate, SPLIT_STALE);
    split_free(split);
    shop_split(&shop, &request);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void a_version_being_filled_is_not_finished_over_a_split(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct view view;
    struct error error;
    const struct definitions *next;
    bool reached, done;
    shop_of_two(&shop);
    char text[sizeof linking_definitions + 64];
    snprintf(text, sizeof text, "%s  orders: {of: order, count: true}\n", linking_definitions);
    assert_int_equal(
        definitions_parse(bytes_from_string(text), store_definitions(shop.store), 2, false, &next, &error), PATRON_OK);
    assert_int_equal(store_define(shop.store, next, shop.clock_us, false, &error), PATRON_OK);
    definitions_release(next);
    struct refill *refill = refill_new(shop.store);
    for (int round = 0; round < 2; round++) {
        store_view_take(shop.store, &view);
        for (reached = false; !reached;) {
            assert_int_equal(refill_step(refill, &view, 0, &reached, &error), PATRON_OK);
            assert_int_equal(refill_write(shop.store, refill, &error), PATRON_OK);
        }
        store_view_release(&view);
        if (round == 0)
            shop_unlink(&shop, "device:b", "device:c");
        assert_int_equal(refill_finish(shop.store, refill, 10, &done, &error), PATRON_OK);
        assert_int_equal(done, round == 1);
    }
    refill_free(refill);
    assert_int_equal(store_definitions(shop.store)->version, 2);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

/* --- crashes ------------------------------------------------------------------------------------------------------ */

/* Merges, splits, blocks and events, written back now and then. */
static void history(struct shop *shop, bool writes_back)
{
    size_t left;
    shop_of_two(shop);
    shop_unlink(shop, "device:b", "device:c");
    shop_visit(shop, "device:c device:e");
    if (writes_back)
        assert_int_equal(store_write_back(shop->store, 1, &left, NULL), PATRON_OK);
    struct link_request request = shop_by_hand(shop, "device:b", "device:e");
    request.lifts = true;
    shop_link_request(shop, &request);
    shop_visit(shop, "device:d");
    if (writes_back)
        assert_int_equal(store_write_back(shop->store, 100, &left, NULL), PATRON_OK);
    shop_block(shop, "device:c");
    shop_visit(shop, "device:d");
    shop_visit(shop, "device:b");
    shop_split_off(shop, "device:e");
    shop_visit(shop, "device:d device:b");
}

static void what_a_crash_leaves_is_folded_to_the_same_bytes(void **state)
{
    (void)state;
    struct shop plain = {0};
    history(&plain, false);
    shop_assert_sound(&plain);
    shop_reopen(&plain);
    struct encoder wanted = shop_dump(&plain);
    for (int writes_back = 0; writes_back < 2; writes_back++) {
        struct shop shop = {0};
        struct small_home *home = small_home_new();
        shop.home = small_home_face(home);
        history(&shop, writes_back);
        store_close(shop.store);
        small_home_free(home);
        shop.store = NULL;
        shop.home = NULL;
        shop_open(&shop, NULL);
        struct encoder got = shop_dump(&shop);
        assert_true(bytes_equal(encoder_borrow(&got), encoder_borrow(&wanted)));
        encoder_clear(&got);
        shop_assert_sound(&shop);
        shop_close(&shop);
    }
    encoder_clear(&wanted);
    shop_close(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_taken_back_gives_both_sides_their_ids_and_events_again),
        cmocka_unit_test(an_entry_tells_the_whole_split),
        cmocka_unit_test(what_was_split_off_is_not_joined_again_unless_that_is_allowed),
        cmocka_unit_test(a_redundant_link_keeps_a_customer_whole_until_it_goes_too),
        cmocka_unit_test(a_link_of_every_rule_between_two_ends),
        cmocka_unit_test(both_what_is_split_off_and_what_is_left_may_fall_into_parts),
        cmocka_unit_test(merges_and_splits_may_follow_each_other_for_ever),
        cmocka_unit_test(a_blocked_identifier_stands_alone_and_links_nothing_any_more),
        cmocka_unit_test(an_identifier_without_links_is_blocked_too_and_may_be_let_go),
        cmocka_unit_test(a_request_that_cannot_be_met_is_told),
        cmocka_unit_test(a_link_that_is_not_there_is_nothing_to_do),
        cmocka_unit_test(a_plan_that_is_given_up_ends),
        cmocka_unit_test(a_plan_takes_in_what_came_since_as_far_as_it_can),
        cmocka_unit_test(evidence_that_came_since_the_plan_is_counted_in_the_closed_link),
        cmocka_unit_test(a_new_node_linked_to_a_blocked_one_makes_the_plan_stale),
        cmocka_unit_test(a_plan_that_is_far_behind_follows_first),
        cmocka_unit_test(a_plan_is_stale_once_another_version_serves),
        cmocka_unit_test(a_version_being_filled_is_not_finished_over_a_split),
        cmocka_unit_test(what_a_crash_leaves_is_folded_to_the_same_bytes),
    };
    return cmocka_run_group_tests_name("splitting", tests, NULL, NULL);
}
