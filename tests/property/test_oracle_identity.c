/* The oracle's identity, on examples worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/property/oracle_inside.h"

#define HOUR INT64_C(3600000000)

/* Customers by email and device; the worth of one is the sum of its orders. */
static struct oracle_definitions shop(void)
{
    struct oracle_definitions definitions = {.time_zone = "UTC", .identifier_count = 2, .event_count = 1};
    definitions.identifiers[0] = (struct oracle_identifier_type){.name = "email"};
    definitions.identifiers[1] = (struct oracle_identifier_type){.name = "device", .weak = true};
    definitions.events[0] = (struct oracle_event_type){.name = "order", .attribute_count = 1};
    definitions.events[0].attributes[0] = (struct oracle_attribute_definition){"amount", ORACLE_MONEY};
    definitions.feature_count = 1;
    definitions.features[0] = (struct oracle_feature){.name = "revenue", .aggregation = ORACLE_SUM};
    return definitions;
}

static unsigned orders;

/* At that time; of whoever has these emails and devices, by their letters: "ab" are two, and capitals are devices. */
static struct oracle_outcome order(struct oracle *oracle, const char *who, int64_t euros, int64_t at_us)
{
    char id[16];
    struct oracle_identifier identifiers[8];
    struct oracle_attribute amount = {
        .name = oracle_text_of("amount"), .kind = ORACLE_GIVEN_DECIMAL, .mantissa = euros};
    struct oracle_event event = {.source = oracle_text_of("web"),
        .type = oracle_text_of("order"),
        .id = {id, (size_t)snprintf(id, sizeof id, "%u", orders++)},
        .time_us = at_us - 1,
        .identifiers = identifiers,
        .attributes = &amount,
        .attribute_count = 1};
    for (; who[event.identifier_count] != '\0'; event.identifier_count++) {
        const char *letter = &who[event.identifier_count];
        identifiers[event.identifier_count] = (struct oracle_identifier){
            oracle_text_of(*letter >= 'a' ? "email" : "device"), {letter, 1}};
    }
    return oracle_add(oracle, &event, at_us, INT64_MIN);
}

static uint64_t customer(struct oracle *oracle, uint64_t node)
{
    return oracle_customer_of_node(oracle, node, INT64_MAX);
}

static struct oracle_link_outcome link_by_hand(struct oracle *oracle, uint64_t a, uint64_t b, int64_t at_us)
{
    struct oracle_link_request request = {.a = a, .b = b, .rule = ORACLE_BY_HAND, .actor = "ada"};
    return oracle_link(oracle, &request, at_us, INT64_MIN);
}

static void a_split_restores_ids_and_keeps_the_past(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop();
    struct oracle *oracle = oracle_new(&definitions, 0);
    order(oracle, "a", 1, HOUR);
    order(oracle, "b", 2, 2 * HOUR);
    assert_int_equal(link_by_hand(oracle, 1, 2, 3 * HOUR).merged, 2);
    assert_int_equal(customer(oracle, 2), 1);
    struct oracle_split_request request = {.a = 2, .b = 1};
    struct oracle_split_outcome split = oracle_split(oracle, &request, 4 * HOUR, INT64_MIN);
    assert_int_equal(split.closed, 1);
    assert_int_equal(split.part_count, 2);
    assert_int_equal(customer(oracle, 2), 2);
    assert_int_equal(oracle_customer_of_node(oracle, 2, 4 * HOUR), 1);
    assert_int_equal(oracle_customer_of_node(oracle, 2, 4 * HOUR + 1), 2);
    assert_int_equal(oracle_customer_of_node(oracle, 2, 3 * HOUR), 2);
    /* the next session does not merge them again */
    assert_int_equal(order(oracle, "ab", 3, 5 * HOUR).identifiers_dropped, 1);
    const struct oracle_refused *refused;
    assert_int_equal(oracle_refusals(oracle, &refused), 1);
    assert_int_equal(refused[0].obstacle, ORACLE_SEPARATED);
    assert_int_equal(link_by_hand(oracle, 1, 2, 6 * HOUR).fate, ORACLE_NOT_LINKED);
    struct oracle_link_request lifts = {
        .a = 1, .b = 2, .rule = ORACLE_BY_HAND, .lifts = true, .actor = "ada"};
    assert_int_equal(oracle_link(oracle, &lifts, 7 * HOUR, INT64_MIN).fate, ORACLE_LINKED);
    oracle_free(oracle);
}

/* a b c as nodes 1, 2 and 3 of one customer; {2, 3} | {1}, and all loose by then. */
static void a_lift_leaves_others_apart(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop();
    for (int i = 0; i < 2; i++) {
        struct oracle *oracle = oracle_new(&definitions, 0);
        order(oracle, "ab", 1, HOUR);
        order(oracle, "ac", 1, 2 * HOUR);
        const uint64_t off[] = {2, 3};
        struct oracle_split_request request = {.nodes = off, .node_count = 2};
        assert_int_equal(oracle_split(oracle, &request, 3 * HOUR, INT64_MIN).part_count, 3);
        struct oracle_link_request lifts = {.a = i == 0 ? 1 : 3,
            .b = i == 0 ? 3 : 1,
            .rule = ORACLE_BY_HAND,
            .lifts = true,
            .actor = "ada"};
        assert_int_equal(oracle_link(oracle, &lifts, 4 * HOUR, INT64_MIN).fate, ORACLE_LINKED);
        assert_true(oracle_separation_until(oracle, 0, 3) == 4 * HOUR);
        assert_true(oracle_separation_until(oracle, 0, 1) == INT64_MAX);
        assert_int_equal(order(oracle, "ab", 1, 5 * HOUR).identifiers_dropped, 1); /* b is apart from a still */
        lifts.a = 2;
        lifts.b = 1;
        assert_int_equal(oracle_link(oracle, &lifts, 6 * HOUR, INT64_MIN).fate, ORACLE_LINKED);
        assert_true(oracle_separation_until(oracle, 0, 1) == 6 * HOUR);
        assert_true(oracle_separation_until(oracle, 0, 2) == 6 * HOUR);
        oracle_free(oracle);
    }
}

/* {a, b} | {c, d}, all loose: c goes over to the side of a. */
static void a_lift_takes_the_second_over(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop();
    struct oracle *oracle = oracle_new(&definitions, 0);
    order(oracle, "ac", 1, HOUR);
    order(oracle, "bc", 1, 2 * HOUR);
    order(oracle, "bd", 1, 3 * HOUR); /* nodes: a 1, c 2, b 3, d 4 */
    const uint64_t off[] = {2, 4};
    struct oracle_split_request request = {.nodes = off, .node_count = 2};
    assert_int_equal(oracle_split(oracle, &request, 4 * HOUR, INT64_MIN).part_count, 4);
    struct oracle_link_request lifts = {.a = 1, .b = 2, .rule = ORACLE_BY_HAND, .lifts = true, .actor = "ada"};
    assert_int_equal(oracle_link(oracle, &lifts, 5 * HOUR, INT64_MIN).fate, ORACLE_LINKED);
    assert_int_equal(link_by_hand(oracle, 2, 4, 6 * HOUR).obstacle, ORACLE_SEPARATED);
    assert_int_equal(link_by_hand(oracle, 1, 4, 7 * HOUR).obstacle, ORACLE_SEPARATED);
    assert_int_equal(link_by_hand(oracle, 2, 3, 8 * HOUR).fate, ORACLE_LINKED);
    oracle_free(oracle);
}

static void a_redundant_link_holds_a_customer_together(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop();
    struct oracle *oracle = oracle_new(&definitions, 0);
    order(oracle, "abc", 1, HOUR);
    assert_int_equal(link_by_hand(oracle, 2, 3, 2 * HOUR).fate, ORACLE_HELD);
    struct oracle_split_request request = {.a = 1, .b = 3};
    struct oracle_split_outcome split = oracle_split(oracle, &request, 3 * HOUR, INT64_MIN);
    assert_int_equal(split.part_count, 1);
    assert_int_equal(oracle_separations(oracle), 0);
    const uint64_t off[] = {3};
    request = (struct oracle_split_request){.nodes = off, .node_count = 1, .may_relink = true};
    split = oracle_split(oracle, &request, 4 * HOUR, INT64_MIN);
    assert_int_equal(split.closed, 1);
    assert_int_equal(split.part_count, 2);
    assert_int_equal(order(oracle, "ac", 1, 5 * HOUR).customers_merged, 1);
    oracle_free(oracle);
}

static void a_blocked_identifier_links_nothing(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop();
    struct oracle *oracle = oracle_new(&definitions, 0);
    order(oracle, "aA", 1, HOUR);
    order(oracle, "bA", 1, 2 * HOUR);
    assert_int_equal(customer(oracle, 3), 1);
    const uint64_t device[] = {2};
    struct oracle_split_request request = {.nodes = device, .node_count = 1, .blocks = true};
    assert_int_equal(oracle_split(oracle, &request, 3 * HOUR, INT64_MIN).part_count, 3);
    assert_int_equal(order(oracle, "cA", 1, 4 * HOUR).identifiers_dropped, 1);
    assert_int_equal(order(oracle, "A", 1, 5 * HOUR).fate, ORACLE_REFUSED);
    assert_int_equal(link_by_hand(oracle, 1, 2, 6 * HOUR).obstacle, ORACLE_BLOCKED);
    assert_int_equal(oracle_unblock(oracle, 2, 7 * HOUR, INT64_MIN), 7 * HOUR);
    assert_int_equal(order(oracle, "cA", 1, 8 * HOUR).customers_merged, 1);
    oracle_free(oracle);
}

static void a_maximum_of_a_time_counts_what_came_within_it(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop();
    definitions.identifiers[1].max = 1;
    definitions.identifiers[1].per_us = 10 * HOUR;
    struct oracle *oracle = oracle_new(&definitions, 0);
    order(oracle, "aA", 1, HOUR);
    assert_int_equal(order(oracle, "aB", 1, 11 * HOUR - 1).identifiers_dropped, 1);
    assert_int_equal(order(oracle, "aC", 1, 11 * HOUR).identifiers_dropped, 0);
    oracle_free(oracle);
}

static void worth_and_weak_evidence_ask_for_persons(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop();
    definitions.protection = (struct oracle_protection){.bridge = 2,
        .by_value = true,
        .has_either = true,
        .either = 100,
        .has_second = true,
        .second = 500};
    struct oracle *oracle = oracle_new(&definitions, 0);
    order(oracle, "ab", 10, HOUR);
    order(oracle, "cA", 500, 2 * HOUR);
    assert_int_equal(order(oracle, "dA", 0, 3 * HOUR).identifiers_dropped, 0); /* d was not there */
    order(oracle, "aA", 0, 4 * HOUR);
    const struct oracle_item *items;
    assert_int_equal(oracle_items(oracle, &items), 1);
    assert_int_equal(items[0].obstacle, ORACLE_REVIEW_BRIDGE);
    assert_true(items[0].second_person);
    struct oracle_verdict verdict = {.approve = true, .has_seen = true, .actor = "ada"};
    verdict.seen = oracle_seen(oracle, 0);
    assert_int_equal(oracle_decide(oracle, &verdict, 5 * HOUR, INT64_MIN).state, ORACLE_HALF_APPROVED);
    assert_true(oracle_decide(oracle, &verdict, 6 * HOUR, INT64_MIN).refused);
    verdict.actor = "bob";
    assert_int_equal(oracle_decide(oracle, &verdict, 7 * HOUR, INT64_MIN).state, ORACLE_APPROVED);
    assert_int_equal(customer(oracle, 4), 1);
    assert_int_equal(oracle_state_at(oracle, 0, 7 * HOUR), ORACLE_HALF_APPROVED);
    assert_int_equal(oracle_state_at(oracle, 0, 7 * HOUR + 1), ORACLE_APPROVED);
    oracle_free(oracle);
}

static void items_expire_and_become_moot(void **state)
{
    (void)state;
    struct oracle_definitions definitions = shop();
    definitions.protection = (struct oracle_protection){.size_review = 1, .expires_us = 3 * HOUR};
    struct oracle *oracle = oracle_new(&definitions, 0);
    order(oracle, "a", 1, HOUR);
    order(oracle, "b", 1, 2 * HOUR);
    order(oracle, "ab", 1, 3 * HOUR);
    order(oracle, "ba", 1, 4 * HOUR);
    const struct oracle_item *items;
    assert_int_equal(oracle_items(oracle, &items), 1);
    assert_int_equal(items[0].count, 2);
    assert_int_equal(oracle_state_at(oracle, 0, 6 * HOUR - 1), ORACLE_OPEN);
    assert_int_equal(oracle_state_at(oracle, 0, 6 * HOUR), ORACLE_EXPIRED);
    link_by_hand(oracle, 1, 2, 5 * HOUR);
    assert_int_equal(oracle_state_at(oracle, 0, 5 * HOUR), ORACLE_OPEN);
    assert_int_equal(oracle_state_at(oracle, 0, 5 * HOUR + 1), ORACLE_MOOT);
    oracle_free(oracle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_split_restores_ids_and_keeps_the_past),
        cmocka_unit_test(a_lift_leaves_others_apart),
        cmocka_unit_test(a_lift_takes_the_second_over),
        cmocka_unit_test(a_redundant_link_holds_a_customer_together),
        cmocka_unit_test(a_blocked_identifier_links_nothing),
        cmocka_unit_test(a_maximum_of_a_time_counts_what_came_within_it),
        cmocka_unit_test(worth_and_weak_evidence_ask_for_persons),
        cmocka_unit_test(items_expire_and_become_moot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
