/* What is told of identity: customers as of any moment, their history in pages, what changes do to features, and what
 * the definitions have come to block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/changes/block_rows.h"
#include "store/changes/block_scan.h"
#include "store/explain/effect.h"
#include "store/explain/explain.h"
#include "store/explain/history.h"
#include "store/explain/moment_set.h"
#include "store/changes/to_block.h"
#include "store/versions/versions.h"
#include "tests/unit/linking_fixture.h"

/* --- moments ------------------------------------------------------------------------------------------------------ */

static void a_set_keeps_the_oldest_or_the_newest_of_all_moments_each_once(void **state)
{
    (void)state;
    static const int64_t added[] = {50, 10, 40, 10, 30, 20, 50, 60};
    struct arena arena = {0};
    struct moment_set oldest, newest, all;
    moment_set_init(&oldest, 3, false, &arena);
    moment_set_init(&newest, 3, true, &arena);
    moment_set_init(&all, 6, true, &arena);
    for (size_t i = 0; i < sizeof added / sizeof *added; i++) {
        moment_set_add(&oldest, added[i]);
        moment_set_add(&newest, added[i]);
        moment_set_add(&all, added[i]);
    }
    static const int64_t first[] = {10, 20, 30}, last[] = {40, 50, 60};
    assert_memory_equal(oldest.moments, first, sizeof first);
    assert_memory_equal(newest.moments, last, sizeof last);
    assert_true(oldest.more && newest.more && !all.more);
    assert_int_equal(all.count, 6);
    assert_int_equal(moment_set_find(&newest, 50), 1);
    assert_int_equal(moment_set_find(&newest, 55), newest.count);
    arena_clear(&arena);
}

/* --- a store where ada and bob were linked, and parted ------------------------------------------------------------ */

struct world {
    struct shop shop;
    struct view view;
    int64_t now_us;
};

static void world_open(struct world *world, const char *definitions)
{
    *world = (struct world){0};
    shop_open(&world->shop, definitions);
    shop_visit(&world->shop, "email:ada device:a");
    shop_visit(&world->shop, "email:bob device:b");
}

static void world_look(struct world *world)
{
    if (world->view.kv)
        store_view_release(&world->view);
    store_view_take(world->shop.store, &world->view);
    world->now_us = world->view.position_us + 1;
}

static void world_close(struct world *world)
{
    if (world->view.kv)
        store_view_release(&world->view);
    shop_close(&world->shop);
}

static struct explanation explain(struct world *world, uint64_t customer, int64_t as_of_us)
{
    struct explanation explanation;
    struct error error;
    if (explain_customer(&world->view, customer, as_of_us, &world->shop.arena, &explanation, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return explanation;
}

static void a_customer_is_explained_with_what_was_known_before_the_moment_and_nothing_else(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, linking_definitions);
    int64_t linked_us = shop_link(&world.shop, "email:ada", "email:bob").known_at_us;
    int64_t parted_us = shop_unlink(&world.shop, "email:ada", "email:bob");
    shop_visit(&world.shop, "email:ada device:b");
    world_look(&world);
    struct explanation before = explain(&world, 1, linked_us), while_linked = explain(&world, 1, parted_us),
                       after = explain(&world, 1, parted_us + 1), now = explain(&world, 1, world.now_us);
    assert_int_equal(before.node_count, 2);
    assert_int_equal(before.link_count, 1);
    assert_int_equal(while_linked.node_count, 4);
    assert_int_equal(while_linked.link_count, 3);
    for (size_t i = 0; i < while_linked.link_count; i++)
        assert_int_equal(while_linked.links[i].until_us, INT64_MAX); /* its end was not known */
    assert_int_equal(while_linked.separation_count, 0);
    assert_int_equal(while_linked.nodes[0].member.flags, 0);
    assert_int_equal(while_linked.nodes[2].member.since_us, linked_us);
    assert_int_equal(after.node_count, 2);
    assert_int_equal(after.separation_count, 1);
    assert_int_equal(after.separations[0].since_us, parted_us);
    assert_int_equal(after.nodes[0].member.flags, NODE_SEPARATED);
    assert_int_equal(after.refusal_count, 0);
    assert_int_equal(now.refusal_count, 1);
    assert_int_equal(now.refusals[0].identifiers[0].obstacle, OBSTACLE_SEPARATED);
    struct explanation gone;
    struct error error;
    assert_int_equal(explain_customer(&world.view, 3, parted_us, &world.shop.arena, &gone, &error), PATRON_NOT_FOUND);
    assert_non_null(strstr(error.text, "customer 1's then"));
    world_close(&world);
}

static void a_link_is_explained_by_the_event_that_showed_it(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, linking_definitions);
    world_look(&world);
    struct explanation now = explain(&world, 1, world.now_us);
    struct evidence evidence;
    assert_int_equal(
        explain_evidence(&world.view, now.links[0].evidence, &world.shop.arena, &evidence, NULL), PATRON_OK);
    assert_int_equal(evidence.node, 1);
    assert_int_equal(evidence.time_us, START_US);
    static const uint8_t nothing[EVENT_HASH_BYTES] = {1};
    assert_int_equal(
        explain_evidence(&world.view, nothing, &world.shop.arena, &evidence, NULL), PATRON_NOT_FOUND);
    world_close(&world);
}

static void a_block_is_told_of_the_time_that_it_held(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, linking_definitions);
    int64_t blocked_us = shop_block(&world.shop, "device:a"), free_us;
    shop_begin(&world.shop);
    assert_int_equal(group_unblock(world.shop.store, 2, bytes_from_string("ada"), (struct bytes){0}, &free_us, NULL),
        PATRON_OK);
    shop_commit(&world.shop);
    world_look(&world);
    const struct {
        int64_t at_us;
        bool blocked;
    } cases[] = {{blocked_us, false}, {blocked_us + 1, true}, {free_us, true}, {free_us + 1, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct explained_node node;
        assert_int_equal(
            explain_node(&world.view, 2, cases[i].at_us, &world.shop.arena, &node, NULL), PATRON_OK);
        assert_int_equal((node.member.flags & NODE_BLOCKED) != 0, cases[i].blocked);
        assert_int_equal(node.member.since_us, cases[i].at_us > blocked_us ? blocked_us : START_US);
    }
    struct explained_node unborn;
    assert_int_equal(
        explain_node(&world.view, 2, START_US, &world.shop.arena, &unborn, NULL), PATRON_NOT_FOUND);
    world_close(&world);
}

/* --- history ------------------------------------------------------------------------------------------------------ */

static struct history history_of(
    struct world *world, const uint64_t *nodes, size_t count, int64_t after_us, int64_t before_us, size_t most)
{
    struct history_asked asked = {nodes, count, after_us, before_us, most};
    struct history history;
    struct error error;
    if (history_read(&world->view, &asked, &world->shop.arena, &history, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return history;
}

static void assert_facts(const struct history_moment *moment, const enum happening *facts, size_t count)
{
    assert_int_equal(moment->fact_count, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(moment->facts[i].what, facts[i]);
}

static void a_history_has_each_moment_once_with_all_that_it_did(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, linking_definitions);
    int64_t linked_us = shop_link(&world.shop, "email:ada", "email:bob").known_at_us;
    int64_t parted_us = shop_unlink(&world.shop, "email:ada", "email:bob");
    shop_visit(&world.shop, "email:ada device:b");
    int64_t blocked_us = shop_block(&world.shop, "device:b");
    world_look(&world);
    static const uint64_t nodes[] = {3, 4};
    struct history all = history_of(&world, nodes, 2, INT64_MIN, world.now_us, 100);
    assert_int_equal(all.count, 5);
    assert_false(all.more);
    static const enum happening came[] = {HAPPENING_CAME, HAPPENING_CAME, HAPPENING_LINKED},
                                merged[] = {HAPPENING_MERGED, HAPPENING_LINKED},
                                split[] = {HAPPENING_SPLIT, HAPPENING_UNLINKED, HAPPENING_SEPARATED},
                                refused[] = {HAPPENING_REFUSED},
                                blocked[] = {HAPPENING_SPLIT, HAPPENING_UNLINKED, HAPPENING_BLOCKED};
    assert_facts(&all.moments[0], came, 3);
    assert_facts(&all.moments[1], merged, 2);
    assert_facts(&all.moments[2], split, 3);
    assert_facts(&all.moments[3], refused, 1);
    assert_facts(&all.moments[4], blocked, 3);
    assert_true(all.moments[0].is_event && !all.moments[1].is_event);
    assert_int_equal(all.moments[1].known_at_us, linked_us);
    assert_int_equal(all.moments[1].facts[0].count, 2); /* both of them */
    assert_int_equal(all.moments[1].facts[0].from_customer, 3);
    assert_int_equal(all.moments[1].facts[0].customer, 1);
    assert_true(bytes_is(all.moments[1].actor, "ada") && bytes_is(all.moments[1].reason, "the same person"));
    assert_int_equal(all.moments[2].known_at_us, parted_us);
    assert_int_equal(all.moments[3].facts[0].obstacle, OBSTACLE_SEPARATED);
    assert_int_equal(all.moments[4].known_at_us, blocked_us);
    static const uint64_t stayed[] = {1, 2};
    struct history other = history_of(&world, stayed, 2, INT64_MIN, world.now_us, 100);
    assert_facts(&other.moments[1], merged, 2); /* customer 3 came to it */
    assert_int_equal(other.moments[1].facts[0].count, 0);
    assert_int_equal(other.moments[1].facts[0].from_customer, 3);
    world_close(&world);
}

static void pages_of_a_history_make_the_whole_of_it(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, linking_definitions);
    for (int i = 0; i < 5; i++) {
        struct split_request request = shop_unlink_request(&world.shop, "email:ada", "email:bob");
        request.may_relink = true;
        shop_link(&world.shop, "email:ada", "email:bob");
        shop_split(&world.shop, &request);
    }
    world_look(&world);
    static const uint64_t nodes[] = {1, 2, 3, 4};
    struct history all = history_of(&world, nodes, 4, INT64_MIN, world.now_us, 100);
    assert_int_equal(all.count, 12);
    for (size_t size = 1; size <= 5; size++) {
        size_t seen = 0;
        int64_t after_us = INT64_MIN;
        for (bool more = true; more;) {
            struct history page = history_of(&world, nodes, 4, after_us, world.now_us, size);
            for (size_t i = 0; i < page.count; i++, seen++) {
                assert_int_equal(page.moments[i].known_at_us, all.moments[seen].known_at_us);
                assert_int_equal(page.moments[i].facts_total, all.moments[seen].facts_total);
            }
            more = page.more;
            after_us = page.moments[page.count - 1].known_at_us;
        }
        assert_int_equal(seen, all.count);
    }
    struct history early = history_of(&world, nodes, 4, INT64_MIN, all.moments[3].known_at_us, 100);
    assert_int_equal(early.count, 3);
    world_close(&world);
}

static void of_very_many_facts_of_a_moment_the_first_are_told_and_all_are_counted(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, linking_definitions);
    for (int i = 0; i < 150; i++) {
        char who[64];
        snprintf(who, sizeof who, "email:ada device:many%d", i);
        shop_visit(&world.shop, who);
    }
    shop_block(&world.shop, "email:ada");
    world_look(&world);
    static const uint64_t nodes[] = {1};
    struct history all = history_of(&world, nodes, 1, INT64_MIN, world.now_us, 1000);
    struct history_moment *last = &all.moments[all.count - 1];
    assert_int_equal(last->fact_count, HISTORY_FACTS_MAX);
    assert_int_equal(last->facts_total, 151 + 151 + 1); /* links, parts, the block */
    world_close(&world);
}

/* --- effects ------------------------------------------------------------------------------------------------------ */

static void assert_side(struct world *world, const struct effect_question *question, const struct effect_side *side,
    uint64_t customer, const char *who)
{
    struct event_input event = shop_event(&world->shop, "visit", "", 0, who);
    struct row row = {.values = arena_array(&world->shop.arena, question->selection.count, sizeof *row.values)};
    struct view view;
    store_view_take(world->shop.store, &view);
    assert_int_equal(read_now(&view, &question->selection, &event.identifiers[0], question->as_of_us,
                         &world->shop.arena, &row, NULL),
        PATRON_OK);
    store_view_release(&view);
    assert_int_equal(row.customer, customer);
    assert_int_equal(side->customer, customer);
    for (size_t i = 0; i < question->selection.count; i++) {
        assert_int_equal(side->row.values[i].status, row.values[i].status);
        assert_memory_equal(&side->row.values[i].real, &row.values[i].real, sizeof(double));
        assert_int_equal(side->row.values[i].integer, row.values[i].integer);
    }
}

static struct effect_question question_of(struct world *world)
{
    struct effect_question question = {
        .view = &world->view, .as_of_us = world->shop.clock_us + DAY, .arena = &world->shop.arena};
    struct error error;
    if (effect_select(
            world->view.definitions, (struct bytes){0}, question.arena, &question.selection, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return question;
}

static void what_is_foretold_of_a_link_and_a_split_is_what_is_served_then(void **state)
{
    (void)state;
    struct world world;
    struct error error;
    world_open(&world, linking_definitions);
    for (int i = 0; i < 5; i++)
        shop_visit(&world.shop, i % 2 ? "device:b" : "device:a");
    world_look(&world);
    struct effect_question question = question_of(&world);
    assert_int_equal(question.selection.count, world.view.definitions->feature_count);
    struct effect_side ada, bob, one;
    assert_int_equal(effect_of_customer(&question, 1, &ada, &error), PATRON_OK);
    assert_int_equal(effect_of_customer(&question, 3, &bob, &error), PATRON_OK);
    assert_int_equal(effect_of_merged(&question, &ada, &bob, &one, &error), PATRON_OK);
    assert_side(&world, &question, &ada, 1, "email:ada");
    assert_side(&world, &question, &bob, 3, "email:bob");
    assert_int_equal(ada.events + bob.events, one.events);
    assert_int_equal(one.node_count, 4);
    for (size_t i = 0; i < one.node_count; i++)
        assert_int_equal(one.nodes[i].member.node, i + 1);
    shop_link(&world.shop, "email:ada", "email:bob");
    assert_side(&world, &question, &one, 1, "email:bob");

    world_look(&world);
    question = question_of(&world);
    struct split_request request = shop_off_request(&world.shop, "email:bob device:b");
    struct split *split = shop_plan(&world.shop, &request);
    const struct split_plan *plan = split_plan(split);
    struct effect_side whole, parts[2];
    assert_int_equal(effect_of_customer(&question, 1, &whole, &error), PATRON_OK);
    assert_int_equal(plan->part_count, 2);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(effect_of_part(&question, &whole, &plan->parts[i], &parts[i], &error), PATRON_OK);
    assert_int_equal(shop_split_write(&world.shop, split).fate, SPLIT_DONE); /* the plan was not touched */
    split_free(split);
    assert_side(&world, &question, &parts[0], 1, "email:ada");
    assert_side(&world, &question, &parts[1], 3, "email:bob");
    assert_int_equal(parts[1].node_count, 2);
    assert_int_equal(parts[1].nodes[0].member.node, 3);
    shop_assert_sound(&world.shop);
    world_close(&world);
}

/* --- what the definitions have come to block ---------------------------------------------------------------------- */

static const char keeping[] = "identifiers:\n"
                              "  email: {keep: true}\n"
                              "  device:\n"
                              "events:\n"
                              "  visit: {page: string}\n"
                              "features:\n"
                              "  visits: {of: visit, count: true}\n";
static const char blocking[] = "identifiers:\n"
                               "  email: {keep: true, never_link_matching: ['^bo']}\n"
                               "  device: {link: false}\n"
                               "events:\n"
                               "  visit: {page: string}\n"
                               "features:\n"
                               "  visits: {of: visit, count: true}\n";

static void scan_to_the_end(struct world *world)
{
    struct block_scan scan;
    world_look(world);
    assert_int_equal(block_scan_begin(&world->view, &scan, NULL), PATRON_OK);
    while (scan.next_node != UINT64_MAX) {
        assert_int_equal(block_scan_step(&world->view, &scan, NULL), PATRON_OK);
        shop_begin(&world->shop);
        block_scan_write(world->shop.store, &scan);
        shop_commit(&world->shop);
    }
    world_look(world);
}

static size_t waiting(struct world *world, uint64_t *nodes, size_t most)
{
    struct to_block found;
    size_t count = 0;
    for (uint64_t from = 0; to_block_next(&world->view, from, &found, NULL) == PATRON_OK; from = found.node + 1) {
        assert_true(count < most);
        nodes[count++] = found.node;
    }
    return count;
}

static void a_scan_finds_what_is_linked_and_blocked_by_now_and_is_made_once(void **state)
{
    (void)state;
    struct world world;
    uint64_t nodes[8];
    world_open(&world, keeping);
    shop_visit(&world.shop, "email:bodo");       /* matches, and is linked to nothing */
    shop_visit(&world.shop, "email:eve");
    scan_to_the_end(&world);
    assert_int_equal(waiting(&world, nodes, 8), 0);
    store_view_release(&world.view);
    world.view.kv = NULL;
    world.shop.definitions = blocking;
    shop_reopen(&world.shop);
    scan_to_the_end(&world);
    assert_int_equal(waiting(&world, nodes, 8), 3);
    static const uint64_t expected[] = {2, 3, 4}; /* device a, bob, device b */
    assert_memory_equal(nodes, expected, sizeof expected);
    struct block_scan again;
    assert_int_equal(block_scan_begin(&world.view, &again, NULL), PATRON_OK);
    assert_int_equal(again.next_node, UINT64_MAX);
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_set_keeps_the_oldest_or_the_newest_of_all_moments_each_once),
        cmocka_unit_test(a_customer_is_explained_with_what_was_known_before_the_moment_and_nothing_else),
        cmocka_unit_test(a_link_is_explained_by_the_event_that_showed_it),
        cmocka_unit_test(a_block_is_told_of_the_time_that_it_held),
        cmocka_unit_test(a_history_has_each_moment_once_with_all_that_it_did),
        cmocka_unit_test(pages_of_a_history_make_the_whole_of_it),
        cmocka_unit_test(of_very_many_facts_of_a_moment_the_first_are_told_and_all_are_counted),
        cmocka_unit_test(what_is_foretold_of_a_link_and_a_split_is_what_is_served_then),
        cmocka_unit_test(a_scan_finds_what_is_linked_and_blocked_by_now_and_is_made_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
