/* review_fixture: a store whose merges of valuable customers wait for a person, and short words to queue them. Include
 * it after cmocka.h; what must not fail fails the test. One thread. */
#ifndef PATRON_TESTS_REVIEW_FIXTURE_H
#define PATRON_TESTS_REVIEW_FIXTURE_H

#include "store/changes/changes.h"
#include "store/changes/review_queue.h"
#include "tests/unit/store_fixture.h"

/* An order of 1,000 or more makes a customer that a person decides about, one of 5,000 two persons. */
static const char review_definitions[] =
    "identifiers:\n"
    "  customer_id: {unique: true}\n"
    "  email: {max: 3}\n"
    "  device: {weak: true}\n"
    "events: {order: {amount: money}}\n"
    "features:\n"
    "  orders: {of: order, count: true}\n"
    "  revenue: {of: order, sum: amount}\n"
    "identity: {value: revenue, review_either: 1000, second_person: 5000, review_size: 6, review_bridge: 3,\n"
    "           review_expires: 10d}\n";

/* An order of so many units; returns the node of `who`'s first identifier. */
static inline uint64_t review_order(struct shop *shop, const char *id, const char *who, int64_t units)
{
    struct event_attribute amount = {.name = bytes_from_string("amount"),
        .kind = GIVEN_INTEGER,
        .integer = units};
    struct event_input event = shop_event(shop, "order", id, shop->clock_us, who);
    event.attributes = &amount;
    event.attribute_count = 1;
    if (shop_send_input(shop, &event) != EVENT_APPLIED)
        fail_msg("%s: %s", id, shop->outcome.why.text);
    return shop->outcome.node;
}

/* A merge goes to the queue with an entry of its own, as a match's does. Returns the item, 0 if it was not taken. */
static inline int64_t review_queue_item(struct shop *shop, const struct review_item *item)
{
    struct error error;
    int64_t known_at_us, item_us = 0;
    shop_begin(shop);
    if (change_known_at(shop->store, &known_at_us, &error) != PATRON_OK ||
        group_review_add(shop->store, item, known_at_us, &item_us, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    const struct identity_change change = {
        .change = CHANGE_REVIEW, .a = item->a, .b = item->b, .rule = (uint8_t)item->rule, .item_us = item_us};
    change_put(shop->store, &change, known_at_us);
    shop_commit(shop);
    return item_us;
}

/* One that is likely, and no more than that. */
static inline int64_t review_queue_match(struct shop *shop, uint64_t a, uint64_t b)
{
    const struct review_item item = {.a = a,
        .b = b,
        .obstacle = OBSTACLE_REVIEW_SCORE,
        .rule = LINK_MATCH,
        .score = 0.9,
        .model = 1,
        .waterfall = bytes_from_string("how")};
    return review_queue_item(shop, &item);
}

/* As of T, or with INT64_MAX as of now. In the shop's arena. */
static inline struct review_item review_item_at(struct shop *shop, int64_t item_us, int64_t as_of_us)
{
    struct view view;
    struct review_item item;
    struct error error;
    store_view_take(shop->store, &view);
    if (review_get(&view, item_us, as_of_us == INT64_MAX ? shop->clock_us : as_of_us, &shop->arena, &item, &error) !=
        PATRON_OK)
        fail_msg("%s", error.text);
    store_view_release(&view);
    return item;
}

static inline enum review_state review_state_at(struct shop *shop, int64_t item_us, int64_t as_of_us)
{
    return review_item_at(shop, item_us, as_of_us).state;
}

static inline struct review_figures review_figures_of(const struct shop *shop)
{
    struct store_figures figures;
    store_figures(shop->store, &figures);
    return figures.review;
}

#endif
