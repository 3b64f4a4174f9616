/* linking_fixture: short words for links, splits and blocks in the small store. Include it after cmocka.h; what must
 * not fail fails the test. One thread. */
#ifndef PATRON_TESTS_LINKING_FIXTURE_H
#define PATRON_TESTS_LINKING_FIXTURE_H

#include "store/changes/linking.h"
#include "store/changes/splitting.h"
#include "tests/unit/store_fixture.h"

static const char linking_definitions[] = "identifiers:\n"
                                          "  customer_id: {unique: true}\n"
                                          "  email: {max: 3}\n"
                                          "  device:\n"
                                          "events:\n"
                                          "  visit: {page: string}\n"
                                          "  order: {amount: money}\n"
                                          "features:\n"
                                          "  visits: {of: visit, count: true}\n"
                                          "  visits_2d: {of: visit, count: true, window: 2d}\n"
                                          "  rfm: {of: order, rfm: amount}\n"
                                          "  pages: {of: visit, distinct: page, window: 90d}\n";

/* The identifier "type:value" at the newest state; zeros if it is not known. */
static inline struct identifier_entry shop_find(struct shop *shop, const char *who)
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

static inline uint64_t shop_node(struct shop *shop, const char *who)
{
    return shop_find(shop, who).node;
}

static inline uint64_t shop_customer(struct shop *shop, const char *who)
{
    return shop_find(shop, who).customer;
}

/* A visit of `who`, now. */
static inline void shop_visit(struct shop *shop, const char *who)
{
    char id[32];
    snprintf(id, sizeof id, "at %lld", (long long)shop->clock_us);
    shop_send(shop, "visit", id, shop->clock_us, who);
}

/* --- links -------------------------------------------------------------------------------------------------------- */

static inline struct link_request shop_by_hand(struct shop *shop, const char *a, const char *b)
{
    return (struct link_request){.a = shop_node(shop, a),
        .b = shop_node(shop, b),
        .rule = LINK_BY_HAND,
        .actor = bytes_from_string("ada"),
        .reason = bytes_from_string("the same person")};
}

static inline struct link_outcome shop_link_request(struct shop *shop, const struct link_request *request)
{
    struct link_outcome outcome;
    struct error error;
    shop_begin(shop);
    if (group_link(shop->store, request, &outcome, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    shop_commit(shop);
    return outcome;
}

static inline struct link_outcome shop_link(struct shop *shop, const char *a, const char *b)
{
    struct link_request request = shop_by_hand(shop, a, b);
    return shop_link_request(shop, &request);
}

/* --- splits ------------------------------------------------------------------------------------------------------- */

static inline struct split_request shop_unlink_request(struct shop *shop, const char *a, const char *b)
{
    return (struct split_request){.change = CHANGE_SPLIT,
        .a = shop_node(shop, a),
        .b = shop_node(shop, b),
        .actor = bytes_from_string("ada"),
        .reason = bytes_from_string("two persons")};
}

/* `who` is "type:value type:value …". */
static inline struct split_request shop_off_request(struct shop *shop, const char *who)
{
    struct event_input event = shop_event(shop, "visit", "", 0, who);
    uint64_t *nodes = arena_array(&shop->arena, event.identifier_count, sizeof *nodes);
    for (size_t i = 0; i < event.identifier_count; i++) {
        const struct identifier_type *type =
            definitions_identifier_type(store_definitions(shop->store), event.identifiers[i].type);
        uint8_t hash[IDENTIFIER_HASH_BYTES];
        struct identifier_entry entry;
        identifier_hash(shop->key, type, event.identifiers[i].value, hash);
        assert_int_equal(identifier_get(shop->kv, NULL, hash, &shop->arena, &entry, NULL), PATRON_OK);
        nodes[i] = entry.node;
    }
    return (struct split_request){.change = CHANGE_SPLIT,
        .nodes = nodes,
        .node_count = event.identifier_count,
        .actor = bytes_from_string("ada"),
        .reason = bytes_from_string("two persons")};
}

static inline struct split_request shop_block_request(struct shop *shop, const char *who)
{
    struct split_request request = shop_off_request(shop, who);
    request.change = CHANGE_BLOCK;
    return request;
}

/* A plan at the newest state. */
static inline struct split *shop_plan(struct shop *shop, const struct split_request *request)
{
    struct split *split = split_new(request);
    struct view view;
    struct error error;
    store_view_take(shop->store, &view);
    if (split_prepare(split, &view, NULL, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    store_view_release(&view);
    return split;
}

/* In a group of its own; the split stays. */
static inline struct split_outcome shop_split_write(struct shop *shop, struct split *split)
{
    struct split_outcome outcome;
    struct error error;
    shop_begin(shop);
    if (group_split(shop->store, split, &outcome, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    shop_commit(shop);
    return outcome;
}

static inline struct split_outcome shop_split(struct shop *shop, const struct split_request *request)
{
    struct split *split = shop_plan(shop, request);
    struct split_outcome outcome = shop_split_write(shop, split);
    assert_int_equal(outcome.fate, SPLIT_DONE);
    split_free(split);
    return outcome;
}

static inline int64_t shop_unlink(struct shop *shop, const char *a, const char *b)
{
    struct split_request request = shop_unlink_request(shop, a, b);
    return shop_split(shop, &request).known_at_us;
}

static inline int64_t shop_split_off(struct shop *shop, const char *who)
{
    struct split_request request = shop_off_request(shop, who);
    return shop_split(shop, &request).known_at_us;
}

static inline int64_t shop_block(struct shop *shop, const char *who)
{
    struct split_request request = shop_block_request(shop, who);
    return shop_split(shop, &request).known_at_us;
}

/* The entry of the log known at that time, in the shop's arena. */
static inline struct log_entry shop_entry(struct shop *shop, int64_t known_at_us)
{
    uint8_t key[8];
    encode_time(key, known_at_us);
    struct bytes value;
    struct log_entry entry;
    assert_int_equal(
        kv_get(shop->kv, NULL, KV_LOG, bytes_of(key, sizeof key), &shop->arena, &value, NULL), PATRON_OK);
    assert_int_equal(log_decode(bytes_of(key, sizeof key), value, &shop->arena, &entry, NULL), PATRON_OK);
    return entry;
}

#endif
