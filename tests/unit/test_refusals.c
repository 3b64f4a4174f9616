/* What events bring that is not joined, through the store: by which rule, what is recorded and counted, what goes to
 * review, and what waits to be blocked. The rules' own edges are in test_rules.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/identity/merging.h"
#include "store/identity/identity_rows.h"
#include "store/changes/refusals.h"
#include "store/changes/review.h"
#include "store/changes/to_block.h"
#include "store/versions/versions.h"
#include "tests/unit/golden.h"
#include "tests/unit/store_fixture.h"

#define TYPES                                                                                                \
    "identifiers:\n"                                                                                         \
    "  customer_id: {unique: true}\n"                                                                        \
    "  email: {max: 2, per: 30d, keep: true, never_link: [none@x.org], never_link_matching: ['^test[+]']}\n"  \
    "  device: {weak: true}\n"                                                                               \
    "  ip: {link: false}\n"                                                                                  \
    "events: {visit: {page: string}, order: {amount: money}}\n"                                              \
    "currency: EUR\n"                                                                                        \
    "features: {visits: {of: visit, count: true}, revenue: {of: order, sum: amount}}\n"

static const char definitions[] = TYPES;

enum { CUSTOMER_ID, EMAIL, DEVICE, IP };

static void send(struct shop *shop, const char *id, const char *who)
{
    shop_send(shop, "visit", id, shop->clock_us, who);
}

static void order(struct shop *shop, const char *id, int64_t time_us, int64_t amount, const char *who)
{
    struct event_input event = shop_event(shop, "order", id, time_us, who);
    struct event_attribute given = {
        .name = bytes_from_string("amount"), .kind = GIVEN_INTEGER, .integer = amount};
    event.attributes = &given;
    event.attribute_count = 1;
    assert_int_equal(shop_send_input(shop, &event), EVENT_APPLIED);
}

static struct identifier_entry entry_of(struct shop *shop, const char *who)
{
    struct event_input event = shop_event(shop, "visit", "", 0, who);
    const struct identifier_type *type =
        definitions_identifier_type(store_definitions(shop->store), event.identifiers[0].type);
    struct identifier_entry entry = {0};
    uint8_t hash[IDENTIFIER_HASH_BYTES];
    identifier_hash(shop->key, type, event.identifiers[0].value, hash);
    enum patron_code code = identifier_get(shop->kv, NULL, hash, &shop->arena, &entry, NULL);
    assert_true(code == PATRON_OK || code == PATRON_NOT_FOUND);
    return entry;
}

/* The refusals that name a node, with from <= known_at < before. */
static size_t refusals_between(
    struct shop *shop, uint64_t node, int64_t from_us, int64_t before_us, size_t most, struct refusal **refusals)
{
    struct view view;
    store_view_take(shop->store, &view);
    size_t count;
    struct error error;
    const struct refusals_asked asked = {node, from_us, before_us, most};
    if (refusals_of_node(&view, &asked, &shop->arena, refusals, &count, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    store_view_release(&view);
    return count;
}

/* The one refusal of the event sent last. */
static struct refusal refusal_last(struct shop *shop)
{
    struct refusal *refusals;
    int64_t at_us = shop->outcome.known_at_us;
    assert_int_equal(refusals_between(shop, shop->outcome.node, at_us, at_us + 1, 0, &refusals), 1);
    assert_int_equal(refusals[0].known_at_us, at_us);
    assert_int_equal(refusals[0].node, shop->outcome.node);
    return refusals[0];
}

static void assert_refused(
    const struct refusal *refusal, size_t place, enum obstacle obstacle, uint16_t type, uint64_t node)
{
    assert_true(place < refusal->count);
    const struct refused_identifier *identifier = &refusal->identifiers[place];
    assert_int_equal(identifier->obstacle, obstacle);
    assert_int_equal(identifier->type, type);
    assert_int_equal(identifier->node, node);
    assert_int_equal(identifier->item_us != 0, obstacle_is_review(obstacle));
}

static struct review_item item_of(struct shop *shop, int64_t item_us)
{
    struct view view;
    store_view_take(shop->store, &view);
    struct review_item item;
    struct error error;
    if (review_get(&view, item_us, view.position_us + 1, &shop->arena, &item, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    store_view_release(&view);
    return item;
}

static uint64_t refused(const struct shop *shop, enum obstacle obstacle)
{
    struct store_figures figures;
    store_figures(shop->store, &figures);
    uint64_t sum = 0;
    for (size_t i = 0; i < OBSTACLE_FIGURES_MAX; i++)
        sum += figures.refused[i];
    assert_int_equal(sum, figures.identifiers_dropped);
    return figures.refused[obstacle];
}

/* --- by rule ------------------------------------------------------------------------------------------------------ */

static void the_first_that_may_not_join_is_told_by_its_rule_and_all_behind_it_as_after(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "customer_id:1 device:d");
    send(&shop, "2", "customer_id:2 email:a device:e device:d device:new");
    assert_int_equal(shop.outcome.identifiers_dropped, 2);
    struct refusal refusal = refusal_last(&shop);
    assert_int_equal(refusal.node, 3);
    assert_int_equal(refusal.count, 2);
    assert_refused(&refusal, 0, OBSTACLE_UNIQUE, DEVICE, 2);
    assert_refused(&refusal, 1, OBSTACLE_AFTER, DEVICE, 0);
    assert_int_equal(entry_of(&shop, "device:e").customer, 3);
    assert_int_equal(entry_of(&shop, "device:d").customer, 1);
    assert_int_equal(entry_of(&shop, "device:new").node, 0); /* dropped unknown ones make no node */
    assert_true(refused(&shop, OBSTACLE_UNIQUE) == 1 && refused(&shop, OBSTACLE_AFTER) == 1);
    /* what was joined before it was refused is nothing new; and two new values of the type are two */
    send(&shop, "3", "customer_id:5 customer_id:6");
    refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_UNIQUE, CUSTOMER_ID, 0);
    send(&shop, "4", "customer_id:1 device:d");
    assert_int_equal(shop.outcome.identifiers_dropped, 0);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void a_maximum_of_a_time_counts_by_when_the_store_first_knew_a_value(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "customer_id:1 email:a");
    int64_t first_us = shop.outcome.known_at_us;
    send(&shop, "2", "customer_id:1 email:b");
    send(&shop, "3", "customer_id:1 email:c");
    struct refusal refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_MAX, EMAIL, 0);
    send(&shop, "x", "device:x email:d"); /* a merge counts both sides' */
    send(&shop, "y", "device:x customer_id:1");
    refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_MAX, DEVICE, entry_of(&shop, "device:x").node);
    shop.clock_us = first_us + 30 * DAY - 1; /* a is within it still, whatever the events' own times say */
    shop_send(&shop, "visit", "4", first_us - 90 * DAY, "customer_id:1 email:c");
    refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_MAX, EMAIL, 0);
    shop.clock_us = first_us + 30 * DAY;
    send(&shop, "5", "customer_id:1 email:c");
    assert_int_equal(shop.outcome.identifiers_dropped, 0);
    assert_int_equal(refused(&shop, OBSTACLE_MAX), 3);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void a_customer_grows_to_the_definitions_size_and_no_further(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, TYPES "identity: {max_size: 4}\n");
    send(&shop, "1", "customer_id:1 device:a device:b device:c device:d device:e");
    assert_int_equal(shop.outcome.identifiers_dropped, 2);
    struct refusal refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_SIZE, DEVICE, 0);
    assert_refused(&refusal, 1, OBSTACLE_AFTER, DEVICE, 0);
    send(&shop, "2", "device:x");
    send(&shop, "3", "device:a device:x");
    refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_SIZE, DEVICE, entry_of(&shop, "device:x").node);
    shop_close(&shop);
}

/* As a split leaves them behind: the two are apart since then. */
static void separate(struct shop *shop, uint64_t a, uint64_t b, int64_t since_us)
{
    struct kv_batch *batch = kv_batch_new(shop->kv);
    const uint64_t nodes[] = {a, b};
    for (uint8_t side = 0; side < 2; side++) {
        struct separation separation = {nodes[side], since_us, INT64_MAX, side};
        separation_put(batch, &separation);
        uint64_t customer;
        assert_int_equal(membership_at(shop->kv, NULL, nodes[side], INT64_MAX, &customer, NULL), PATRON_OK);
        struct party party;
        const struct identity_rows_from from = {.batch = batch};
        assert_int_equal(party_read(&from, customer, &shop->arena, &party, NULL), PATRON_OK);
        for (size_t i = 0; i < party.count; i++) {
            if (party.members[i].node != nodes[side])
                continue;
            party.members[i].flags |= NODE_SEPARATED;
            member_keep(batch, &party.members[i]);
        }
    }
    assert_int_equal(kv_write(shop->kv, batch, false, NULL), PATRON_OK);
    kv_batch_free(batch);
}

static void what_was_separated_is_not_joined_by_what_others_bring(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "device:a");
    send(&shop, "2", "device:b");
    separate(&shop, 1, 2, shop.outcome.known_at_us);
    send(&shop, "3", "device:a device:b");
    struct refusal refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_SEPARATED, DEVICE, 2);
    send(&shop, "4", "device:a customer_id:1"); /* the flag goes along, and a third leads to neither from the other */
    send(&shop, "5", "device:b email:b");
    send(&shop, "6", "device:c device:a");
    send(&shop, "7", "email:b device:c");
    refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_SEPARATED, DEVICE, entry_of(&shop, "device:c").node);
    assert_int_equal(entry_of(&shop, "device:a").flags, NODE_SEPARATED);
    assert_true(entry_of(&shop, "device:a").customer != entry_of(&shop, "device:b").customer);
    assert_int_equal(refused(&shop, OBSTACLE_SEPARATED), 2);
    shop_close(&shop);
}

/* --- values that never link --------------------------------------------------------------------------------------- */

static void values_that_are_listed_or_match_a_pattern_are_dropped_and_recorded(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "customer_id:1 email:none@x.org email:test+1@x.org email:attest+1@x.org");
    assert_int_equal(shop.outcome.identifiers_dropped, 2);
    struct refusal refusal = refusal_last(&shop);
    assert_int_equal(refusal.count, 2);
    assert_refused(&refusal, 0, OBSTACLE_BLOCKED, EMAIL, 0);
    assert_refused(&refusal, 1, OBSTACLE_BLOCKED, EMAIL, 0);
    assert_int_equal(entry_of(&shop, "email:attest+1@x.org").customer, 1);
    assert_int_equal(refused(&shop, OBSTACLE_BLOCKED), 2);
    shop_close(&shop);
}

static void types_that_never_link_are_counted_and_leave_no_record(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "customer_id:1 ip:10.0.0.1 ip:10.0.0.2");
    send(&shop, "2", "customer_id:2 ip:10.0.0.1");
    assert_int_equal(shop.outcome.node, 2);
    assert_int_equal(shop_rows(&shop, KV_NODES), 2);
    assert_int_equal(shop_rows(&shop, KV_QUEUES), 0);
    assert_int_equal(refused(&shop, OBSTACLE_BLOCKED), 3);
    send(&shop, "3", "customer_id:3 ip:10.0.0.1 email:none@x.org"); /* of this one, the address alone */
    struct refusal refusal = refusal_last(&shop);
    assert_int_equal(refusal.count, 1);
    assert_refused(&refusal, 0, OBSTACLE_BLOCKED, EMAIL, 0);
    struct event_input event = shop_event(&shop, "visit", "4", shop.clock_us, "ip:10.0.0.1");
    assert_int_equal(shop_send_input(&shop, &event), EVENT_REFUSED);
    assert_string_equal(shop.outcome.why.text,
        "the event has no identifier that may link, only such of types with link: false");
    shop_close(&shop);
}

/* As the end of its links leaves behind a node that is alone. */
static void block(struct shop *shop, uint64_t customer)
{
    struct kv_batch *batch = kv_batch_new(shop->kv);
    struct party party;
    const struct identity_rows_from from = {.batch = batch};
    assert_int_equal(party_read(&from, customer, &shop->arena, &party, NULL), PATRON_OK);
    assert_int_equal(party.count, 1);
    party.members[0].flags = NODE_BLOCKED;
    member_keep(batch, &party.members[0]);
    assert_int_equal(kv_write(shop->kv, batch, false, NULL), PATRON_OK);
    kv_batch_free(batch);
}

static void a_blocked_node_links_nothing(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "device:a");
    block(&shop, 1);
    send(&shop, "2", "device:a customer_id:1 device:b");
    assert_int_equal(shop.outcome.node, 2);
    assert_int_equal(shop.outcome.identifiers_dropped, 1);
    struct refusal refusal = refusal_last(&shop);
    assert_int_equal(refusal.count, 1);
    assert_refused(&refusal, 0, OBSTACLE_BLOCKED, DEVICE, 1);
    struct refusal *of_it;
    assert_int_equal(refusals_between(&shop, 1, INT64_MIN, INT64_MAX, 0, &of_it), 1);
    assert_int_equal(entry_of(&shop, "device:b").customer, 2);
    struct event_input event = shop_event(&shop, "visit", "3", shop.clock_us, "device:a");
    assert_int_equal(shop_send_input(&shop, &event), EVENT_REFUSED);
    assert_int_equal(shop_rows(&shop, KV_QUEUES), 3); /* nothing is to be blocked: it is */
    event = shop_event(&shop, "visit", "1", START_US, "device:a"); /* a second arrival of what was fine then */
    assert_int_equal(shop_send_input(&shop, &event), EVENT_DUPLICATE);
    shop_close(&shop);
}

/* --- reviews ------------------------------------------------------------------------------------------------------ */

static void a_merge_to_a_large_customer_waits_for_a_person(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, TYPES "identity: {review_size: 5}\n");
    send(&shop, "1", "customer_id:1 device:a device:b device:c device:d device:e"); /* one that grows may */
    assert_int_equal(shop.outcome.identifiers_dropped, 0);
    send(&shop, "2", "email:x");
    send(&shop, "3", "email:x device:a device:new");
    assert_int_equal(shop.outcome.identifiers_dropped, 2);
    struct refusal refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_REVIEW_SIZE, DEVICE, 2);
    assert_refused(&refusal, 1, OBSTACLE_AFTER, DEVICE, 0);
    assert_int_equal(refusal.identifiers[0].item_us, shop.outcome.known_at_us);
    struct review_item item = item_of(&shop, refusal.identifiers[0].item_us);
    assert_true(item.a == 2 && item.b == 7 && item.obstacle == OBSTACLE_REVIEW_SIZE && item.state == REVIEW_OPEN);
    assert_true(item.rule == LINK_SHARED_EVENT && item.count == 1 && !item.second_person);
    uint8_t hash[EVENT_HASH_BYTES];
    event_hash(bytes_from_string("test"), bytes_from_string("visit"), bytes_from_string("3"), hash);
    assert_memory_equal(item.evidence, hash, sizeof hash);
    assert_int_equal(entry_of(&shop, "email:x").customer, 7);
    int64_t item_us = item.item_us;
    send(&shop, "4", "device:a email:x"); /* the same pair: it counts */
    refusal = refusal_last(&shop);
    assert_int_equal(refusal.identifiers[0].item_us, item_us);
    assert_int_equal(item_of(&shop, item_us).count, 2);
    /* an event's own new node may be an end of it: what comes second brings the first customer, the third the second */
    send(&shop, "5", "email:y email:x device:a");
    refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_REVIEW_SIZE, DEVICE, 2);
    item = item_of(&shop, refusal.identifiers[0].item_us);
    assert_true(item.a == 2 && item.b == shop.outcome.node && shop.outcome.node == 8);
    assert_true(refused(&shop, OBSTACLE_REVIEW_SIZE) == 3 && refused(&shop, OBSTACLE_AFTER) == 1);
    /* two that may be joined take in a new one as well: it brings no customer */
    send(&shop, "6", "device:p device:q");
    send(&shop, "7", "device:r device:s device:t");
    send(&shop, "8", "device:p device:r device:u");
    assert_int_equal(shop.outcome.identifiers_dropped, 0);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void established_customers_are_not_joined_by_a_weak_identifier_alone(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, TYPES "identity: {review_bridge: 3}\n");
    send(&shop, "1", "customer_id:1 email:a device:a");
    send(&shop, "2", "email:b device:b device:c");
    send(&shop, "3", "email:a device:b"); /* one of the two is weak */
    struct refusal refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_REVIEW_BRIDGE, DEVICE, 5);
    send(&shop, "4", "device:a device:x");
    send(&shop, "5", "device:y");
    send(&shop, "6", "device:y device:b"); /* not both are established */
    assert_int_equal(shop.outcome.identifiers_dropped, 0);
    send(&shop, "7", "customer_id:1 email:b");
    assert_int_equal(shop.outcome.identifiers_dropped, 0); /* neither is weak */
    assert_int_equal(entry_of(&shop, "device:y").customer, 1);
    assert_int_equal(refused(&shop, OBSTACLE_REVIEW_BRIDGE), 1);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void customers_of_much_value_are_not_joined_by_an_event_alone(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, TYPES "identity: {value: revenue, review_either: 1000, review_both: 100, second_person: 2000}\n");
    order(&shop, "1", shop.clock_us, 99, "device:a");
    order(&shop, "2", shop.clock_us, 999, "device:b");
    send(&shop, "3", "device:c"); /* worth nothing */
    send(&shop, "4", "device:a device:b");
    assert_int_equal(shop.outcome.identifiers_dropped, 0);
    assert_int_equal(entry_of(&shop, "device:b").customer, 1);
    send(&shop, "5", "device:a device:c"); /* 1098 */
    struct refusal refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_REVIEW_VALUE, DEVICE, 3);
    assert_false(item_of(&shop, refusal.identifiers[0].item_us).second_person);
    order(&shop, "6", shop.clock_us, 902, "device:a");
    send(&shop, "7", "device:c device:a");
    refusal = refusal_last(&shop);
    assert_true(item_of(&shop, refusal.identifiers[0].item_us).second_person); /* 2000 by now */
    /* dated ahead, it counts from its time on; and being asked moves no profile */
    order(&shop, "8", shop.clock_us + 10 * SECOND, 1000, "device:d");
    int64_t due_us = shop.clock_us + 9 * SECOND;
    send(&shop, "9", "device:d device:e");
    send(&shop, "10", "device:f");
    send(&shop, "11", "device:d device:f");
    assert_int_equal(shop.outcome.identifiers_dropped, 0);
    send(&shop, "12", "device:g");
    shop.clock_us = due_us;
    send(&shop, "13", "device:g device:d"); /* as of known_at, head exclusive: at that very time it is not there yet */
    assert_int_equal(shop.outcome.identifiers_dropped, 0);
    send(&shop, "14", "device:h");
    send(&shop, "15", "device:h device:d");
    refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_REVIEW_VALUE, DEVICE, entry_of(&shop, "device:d").node);
    /* what the same group brought before counts */
    send(&shop, "16", "device:i");
    send(&shop, "17", "device:j");
    struct event_attribute amount = {
        .name = bytes_from_string("amount"), .kind = GIVEN_INTEGER, .integer = 1000};
    struct event_input paid = shop_event(&shop, "order", "18", shop.clock_us - 1, "device:i");
    paid.attributes = &amount;
    paid.attribute_count = 1;
    struct event_input both = shop_event(&shop, "visit", "19", shop.clock_us, "device:i device:j");
    shop_begin(&shop);
    assert_int_equal(shop_add(&shop, &paid), EVENT_APPLIED);
    assert_int_equal(shop_add(&shop, &both), EVENT_APPLIED);
    shop_commit(&shop);
    refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_REVIEW_VALUE, DEVICE, entry_of(&shop, "device:j").node);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

/* --- records ------------------------------------------------------------------------------------------------------ */

static void refusals_are_found_under_every_node_they_name_and_by_time(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "customer_id:1 device:d");
    send(&shop, "2", "customer_id:2 device:e");
    int64_t at_us[5];
    for (int i = 0; i < 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "r%d", i);
        send(&shop, id, i % 2 ? "customer_id:1 device:e" : "customer_id:2 device:d device:e device:new");
        at_us[i] = shop.outcome.known_at_us;
    }
    struct refusal *refusals;
    assert_int_equal(refusals_between(&shop, 1, INT64_MIN, INT64_MAX, 0, &refusals), 2);
    assert_int_equal(refusals_between(&shop, 2, INT64_MIN, INT64_MAX, 0, &refusals), 3);
    assert_int_equal(refusals_between(&shop, 3, INT64_MIN, INT64_MAX, 0, &refusals), 3);
    assert_int_equal(refusals_between(&shop, 4, INT64_MIN, INT64_MAX, 0, &refusals), 5);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(refusals[i].known_at_us, at_us[i]);
        assert_int_equal(refusals[i].node, i % 2 ? 1 : 3);
        assert_int_equal(refusals[i].count, i % 2 ? 1 : 3);
        assert_refused(&refusals[i], 0, OBSTACLE_UNIQUE, DEVICE, i % 2 ? 4 : 2);
    }
    assert_refused(&refusals[0], 1, OBSTACLE_AFTER, DEVICE, 4); /* though it is of the event's own customer */
    assert_int_equal(refusals_between(&shop, 4, at_us[1], at_us[3], 0, &refusals), 2);
    assert_true(refusals[0].known_at_us == at_us[1] && refusals[1].known_at_us == at_us[2]);
    assert_int_equal(refusals_between(&shop, 4, at_us[1] + 1, at_us[3] + 1, 1, &refusals), 1);
    assert_int_equal(refusals[0].known_at_us, at_us[2]);
    assert_int_equal(refusals_between(&shop, 5, INT64_MIN, INT64_MAX, 0, &refusals), 0);
    shop_close(&shop);
}

static void figures_of_refusals_outlive_the_process(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "customer_id:1 customer_id:2 device:a ip:1 email:none@x.org");
    shop_reopen(&shop);
    assert_true(refused(&shop, OBSTACLE_UNIQUE) == 1 && refused(&shop, OBSTACLE_AFTER) == 1);
    assert_int_equal(refused(&shop, OBSTACLE_BLOCKED), 2);
    static const char *const damaged[] = {"", "02 00", "01 01", "01 01 07 01", "01 01 01 01 00", "01 ffffffff0f"};
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        struct bytes value = golden(damaged[i], &shop.arena);
        shop_plant(&shop, KV_META, bytes_from_string("refused"), &value);
        store_close(shop.store);
        shop.store = NULL;
        struct error error;
        assert_int_equal(shop_try_open(&shop, definitions, &error), PATRON_CORRUPT);
        assert_string_equal(error.text, "the store's row of what was refused is damaged");
    }
    shop_close(&shop);
}

#define HASH "ab000000000000000000000000000000"

static void a_refusal_is_stored_in_these_bytes(void **state)
{
    (void)state;
    struct kv *kv = kv_memory_new();
    struct kv_batch *batch = kv_batch_new(kv);
    struct arena arena = {0};
    const struct refused_identifier identifiers[] = {
        {.obstacle = OBSTACLE_REVIEW_SIZE, .type = 2, .hash = {0xab}, .node = 258, .item_us = 1},
        {.obstacle = OBSTACLE_AFTER, .type = 1, .hash = {0xab}}};
    const struct refusal refusal = {START_US, 7, identifiers, 2};
    refusal_put(batch, &refusal);
    assert_int_equal(kv_batch_count(batch), 3);
    struct bytes value, key = golden("01 80060a24181e4000", &arena);
    assert_int_equal(kv_batch_get(batch, KV_QUEUES, key, &arena, &value, NULL), PATRON_OK);
    assert_golden(value, "01 07 02 10 02 " HASH " 8202 02 06 01 " HASH " 00 00");
    struct refusal read;
    assert_int_equal(refusal_decode(key, value, &arena, &read, NULL), PATRON_OK);
    assert_true(read.known_at_us == START_US && read.node == 7 && read.count == 2);
    assert_true(read.identifiers[0].item_us == 1 && read.identifiers[0].node == 258);
    static const char *const of_nodes[] = {"02 0000000000000007 80060a24181e4000",
        "02 0000000000000102 80060a24181e4000"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(
            kv_batch_get(batch, KV_QUEUES, golden(of_nodes[i], &arena), &arena, &value, NULL), PATRON_OK);
        assert_golden(value, "01");
    }
    static const char *const damaged[] = {"", "02 07 00", "01 07 01", "01 07 01 00 02 " HASH " 00 00",
        "01 07 01 07 02 " HASH " 00 00", "01 07 01 01 40 " HASH " 00 00", "01 07 00 00", "01 07 21"};
    struct error error;
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        assert_int_equal(refusal_decode(key, golden(damaged[i], &arena), &arena, &read, &error), PATRON_CORRUPT);
        assert_string_equal(error.text, "the record of a refusal is damaged");
    }
    key.length--;
    assert_int_equal(refusal_decode(key, golden("01 07 00", &arena), &arena, &read, NULL), PATRON_CORRUPT);
    arena_clear(&arena);
    kv_batch_free(batch);
    kv_close(kv);
}

/* --- what waits to be blocked ------------------------------------------------------------------------------------- */

static size_t to_block(struct shop *shop, struct to_block *all, size_t most)
{
    struct view view;
    store_view_take(shop->store, &view);
    size_t count = 0;
    uint64_t from = 0;
    struct to_block found;
    enum patron_code code;
    while ((code = to_block_next(&view, from, &found, NULL)) == PATRON_OK) {
        assert_true(count < most);
        all[count++] = found;
        from = found.node + 1;
    }
    assert_int_equal(code, PATRON_NOT_FOUND);
    store_view_release(&view);
    return count;
}

static void define(struct shop *shop, const char *text)
{
    const struct definitions *next;
    struct error error;
    const struct definitions *now = store_definitions(shop->store);
    if (definitions_parse(bytes_from_string(text), now, now->version + 1, false, &next, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    if (store_define(shop->store, next, shop->clock_us, true, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    definitions_release(next);
    shop->definitions = text;
}

#define BLOCKING(lists)                                                                                      \
    "identifiers: {id: , email: {" lists "}, device: }\n"                                                    \
    "events: {visit: {page: string}}\n"                                                                      \
    "features: {visits: {of: visit, count: true}}\n"

static void newly_listed_values_that_have_a_node_wait_to_be_blocked(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct to_block all[8];
    shop_open(&shop, BLOCKING("never_link: [a@x.org]"));
    send(&shop, "1", "id:1 email:b@x.org");
    send(&shop, "2", "id:2 email:c@x.org");
    send(&shop, "3", "id:3 email:d@x.org");
    assert_int_equal(to_block(&shop, all, 8), 0);
    define(&shop, BLOCKING("never_link: [a@x.org, c@x.org, b@x.org, z@x.org]"));
    assert_int_equal(to_block(&shop, all, 8), 2);
    assert_true(all[0].node == 2 && all[1].node == 4);
    assert_true(all[0].version == 2 && all[1].version == 2);
    shop_begin(&shop);
    to_block_done(shop.store, 2);
    shop_commit(&shop);
    shop_reopen(&shop);
    assert_int_equal(to_block(&shop, all, 8), 1);
    assert_int_equal(all[0].node, 4);
    define(&shop, BLOCKING("never_link: [a@x.org, c@x.org, b@x.org, d@x.org]")); /* those listed before are not new */
    assert_int_equal(to_block(&shop, all, 8), 2);
    assert_true(all[0].node == 4 && all[0].version == 2 && all[1].node == 6 && all[1].version == 3);
    shop_close(&shop);
}

static void an_event_that_brings_a_blocked_value_with_a_node_has_it_blocked(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct to_block all[8];
    shop_open(&shop, BLOCKING(""));
    send(&shop, "1", "id:1 email:b@x.org");
    send(&shop, "2", "id:2 email:c@x.org");
    define(&shop, BLOCKING("never_link_matching: ['@x']"));
    assert_int_equal(to_block(&shop, all, 8), 0); /* values are not kept */
    struct event_input event = shop_event(&shop, "visit", "1", START_US, "id:1 email:b@x.org");
    assert_int_equal(shop_send_input(&shop, &event), EVENT_DUPLICATE);
    assert_int_equal(to_block(&shop, all, 8), 0);
    send(&shop, "3", "id:2 email:c@x.org email:new@x.org");
    assert_int_equal(shop.outcome.identifiers_dropped, 2);
    struct refusal refusal = refusal_last(&shop);
    assert_refused(&refusal, 0, OBSTACLE_BLOCKED, 1, 4);
    assert_int_equal(to_block(&shop, all, 8), 1);
    assert_true(all[0].node == 4 && all[0].version == 2);
    event = shop_event(&shop, "visit", "4", shop.clock_us, "email:b@x.org"); /* also if it is refused for that */
    assert_int_equal(shop_send_input(&shop, &event), EVENT_REFUSED);
    assert_int_equal(to_block(&shop, all, 8), 2);
    assert_true(all[0].node == 2 && all[1].node == 4);
    define(&shop, BLOCKING(""));
    send(&shop, "5", "email:d@x.org");
    block(&shop, 5); /* by hand */
    define(&shop, BLOCKING("never_link: [d@x.org]"));
    send(&shop, "6", "id:2 email:d@x.org");
    assert_int_equal(to_block(&shop, all, 8), 2); /* what is blocked need not be */
    shop_close(&shop);
}

static void a_damaged_list_of_what_is_to_be_blocked_is_told(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    static const char *const damaged[] = {"", "02 01", "01", "01 01 00", "01 ffffffff1f"};
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        struct bytes value = golden(damaged[i], &shop.arena);
        shop_plant(&shop, KV_QUEUES, golden("06 0000000000000007", &shop.arena), &value);
        struct view view;
        store_view_take(shop.store, &view);
        struct to_block found;
        struct error error;
        assert_int_equal(to_block_next(&view, 7, &found, &error), PATRON_CORRUPT);
        assert_string_equal(error.text, "the list of what is to be blocked is damaged");
        assert_int_equal(to_block_next(&view, 8, &found, &error), PATRON_NOT_FOUND);
        store_view_release(&view);
    }
    shop_close(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_that_may_not_join_is_told_by_its_rule_and_all_behind_it_as_after),
        cmocka_unit_test(a_maximum_of_a_time_counts_by_when_the_store_first_knew_a_value),
        cmocka_unit_test(a_customer_grows_to_the_definitions_size_and_no_further),
        cmocka_unit_test(what_was_separated_is_not_joined_by_what_others_bring),
        cmocka_unit_test(values_that_are_listed_or_match_a_pattern_are_dropped_and_recorded),
        cmocka_unit_test(types_that_never_link_are_counted_and_leave_no_record),
        cmocka_unit_test(a_blocked_node_links_nothing),
        cmocka_unit_test(a_merge_to_a_large_customer_waits_for_a_person),
        cmocka_unit_test(established_customers_are_not_joined_by_a_weak_identifier_alone),
        cmocka_unit_test(customers_of_much_value_are_not_joined_by_an_event_alone),
        cmocka_unit_test(refusals_are_found_under_every_node_they_name_and_by_time),
        cmocka_unit_test(figures_of_refusals_outlive_the_process),
        cmocka_unit_test(a_refusal_is_stored_in_these_bytes),
        cmocka_unit_test(newly_listed_values_that_have_a_node_wait_to_be_blocked),
        cmocka_unit_test(an_event_that_brings_a_blocked_value_with_a_node_has_it_blocked),
        cmocka_unit_test(a_damaged_list_of_what_is_to_be_blocked_is_told),
    };
    return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
