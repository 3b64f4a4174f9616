/* Identity through the store: who is joined, since when, and what is dropped; and the bytes of its rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/identity/identity_rows.h"
#include "store/journal/log.h"
#include "tests/property/dice.h"
#include "tests/unit/golden.h"
#include "tests/unit/store_fixture.h"

static const char definitions[] = "identifiers:\n"
                                  "  customer_id: {max: 1}\n"
                                  "  email: {max: 2, normalize: email, never_link: [none@x.org, test@x.org]}\n"
                                  "  device:\n"
                                  "events: {visit: {page: string}}\n"
                                  "features: {visits: {of: visit, count: true}}\n";

enum { CUSTOMER_ID, EMAIL, DEVICE };

static void send(struct shop *shop, const char *id, const char *who)
{
    shop_send(shop, "visit", id, shop->clock_us, who);
}

/* The node and the customer of "type:value", at the newest state; 0 and 0 if it is not known. */
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

static uint64_t customer_of(struct shop *shop, const char *who)
{
    return entry_of(shop, who).customer;
}

static uint64_t node_of(struct shop *shop, const char *who)
{
    return entry_of(shop, who).node;
}

static uint64_t nodes(const struct shop *shop)
{
    struct store_figures figures;
    store_figures(shop->store, &figures);
    return figures.nodes;
}

/* The live link from a to b; false if there is none. */
static bool link_of(const struct shop *shop, uint64_t a, uint64_t b, struct link *link)
{
    uint8_t prefix[16];
    encode_be64(prefix, a);
    encode_be64(prefix + 8, b);
    struct kv_iterator *rows = kv_iterator_new(shop->kv, NULL, KV_LINKS, bytes_of(prefix, sizeof prefix));
    kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix));
    bool found = kv_iterator_valid(rows);
    if (found)
        assert_int_equal(
            link_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), link, NULL), PATRON_OK);
    kv_iterator_free(rows);
    return found;
}

/* --- joining -------------------------------------------------------------------------------------------------- */

static void an_event_s_first_identifier_is_linked_with_each_other_one(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "device:d device:e email:a@x.org customer_id:7"); /* priority is the definitions' */
    assert_int_equal(shop.outcome.node, 1);
    assert_true(node_of(&shop, "customer_id:7") == 1 && node_of(&shop, "email:a@x.org") == 2);
    assert_true(node_of(&shop, "device:d") == 3 && node_of(&shop, "device:e") == 4);
    uint8_t hash[EVENT_HASH_BYTES];
    event_hash(bytes_from_string("test"), bytes_from_string("visit"), bytes_from_string("1"), hash);
    for (uint64_t a = 1; a <= 4; a++) {
        for (uint64_t b = 1; b <= 4; b++) {
            struct link link;
            bool star = (a == 1) != (b == 1);
            assert_int_equal(link_of(&shop, a, b, &link), star);
            if (!star)
                continue;
            assert_true(link.a == a && link.b == b && link.count == 1 && link.until_us == INT64_MAX);
            assert_true(link.since_us == shop.outcome.known_at_us);
            assert_memory_equal(link.evidence, hash, sizeof hash);
        }
    }
    assert_int_equal(shop_rows(&shop, KV_LINKS), 6);
    for (uint64_t i = 1; i <= 4; i++) {
        struct node_entry node;
        assert_int_equal(node_get(shop.kv, NULL, i, &shop.arena, &node, NULL), PATRON_OK);
        assert_true(node.birth_us == shop.outcome.known_at_us);
    }
    shop_close(&shop);
}

static void repeated_evidence_counts_under_both_ends_and_keeps_the_first(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "customer_id:7 device:d");
    int64_t first_us = shop.outcome.known_at_us;
    struct link here, there;
    for (uint64_t count = 2; count <= 5; count++) {
        char id[8];
        snprintf(id, sizeof id, "%d", (int)count);
        /* whichever end the evidence names first */
        send(&shop, id, "device:d customer_id:7");
        assert_true(link_of(&shop, 1, 2, &here) && link_of(&shop, 2, 1, &there));
        assert_true(here.count == count && there.count == count);
        assert_true(here.since_us == first_us && there.since_us == first_us);
        assert_memory_equal(here.evidence, there.evidence, EVENT_HASH_BYTES);
    }
    uint8_t hash[EVENT_HASH_BYTES];
    event_hash(bytes_from_string("test"), bytes_from_string("visit"), bytes_from_string("1"), hash);
    assert_memory_equal(here.evidence, hash, sizeof hash);
    assert_int_equal(shop_rows(&shop, KV_LINKS), 2);
    /* devices alone, with the later one first: the pair's own link is another */
    send(&shop, "6", "device:e device:d");
    send(&shop, "7", "device:d device:e");
    assert_true(link_of(&shop, 2, 3, &here) && link_of(&shop, 3, 2, &there));
    assert_true(here.count == 2 && there.count == 2);
    shop_close(&shop);
}

static void a_chain_of_merges_ends_at_the_oldest_node_whatever_its_order(void **state)
{
    (void)state;
    static const char *const orders[][3] = {{"device:a device:b", "device:b device:c", "device:c device:d"},
        {"device:c device:d", "device:b device:c", "device:a device:b"},
        {"device:a device:b", "device:c device:d", "device:b device:c"},
        {"device:d device:c", "device:a device:b", "device:d device:a"}};
    for (size_t i = 0; i < 4; i++) {
        struct shop shop = {0};
        shop_open(&shop, definitions);
        send(&shop, "a", "device:a");
        send(&shop, "b", "device:b");
        send(&shop, "c", "device:c");
        send(&shop, "d", "device:d");
        for (size_t j = 0; j < 3; j++) {
            char id[8];
            snprintf(id, sizeof id, "%zu", j);
            send(&shop, id, orders[i][j]);
        }
        static const char *const devices[] = {"device:a", "device:b", "device:c", "device:d"};
        for (uint64_t node = 1; node <= 4; node++) {
            struct identifier_entry entry = entry_of(&shop, devices[node - 1]);
            assert_true(entry.node == node && entry.customer == 1);
        }
        struct store_figures figures;
        store_figures(shop.store, &figures);
        assert_true(figures.merges == 3 && figures.nodes == 4 && figures.events == 7);
        shop_assert_sound(&shop);
        shop_close(&shop);
    }
}

static void an_event_that_joins_several_customers_names_them_in_the_log(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "device:a");
    send(&shop, "2", "device:b");
    send(&shop, "3", "device:c");
    send(&shop, "4", "device:c device:a device:new device:b");
    assert_int_equal(shop.outcome.node, 3); /* the first identifier's, though the customer is another */
    assert_int_equal(customer_of(&shop, "device:new"), 1);
    uint8_t key[8];
    encode_time(key, shop.outcome.known_at_us);
    struct bytes value;
    struct log_entry entry;
    assert_int_equal(kv_get(shop.kv, NULL, KV_LOG, bytes_of(key, 8), &shop.arena, &value, NULL), PATRON_OK);
    assert_int_equal(log_decode(bytes_of(key, 8), value, &shop.arena, &entry, NULL), PATRON_OK);
    assert_int_equal(entry.node, 3);
    assert_int_equal(entry.merged_count, 2);
    assert_true(entry.merged[0] + entry.merged[1] == 5);
    assert_int_equal(shop_rows(&shop, KV_PROFILES), 1);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void an_identifier_that_comes_twice_in_an_event_counts_once(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "email:a@x.org email:A@X.ORG device:d device:d device:D");
    assert_int_equal(nodes(&shop), 3);
    assert_int_equal(shop.outcome.identifiers_dropped, 0);
    assert_int_equal(shop_rows(&shop, KV_LINKS), 4);
    shop_close(&shop);
}

/* --- what is dropped ------------------------------------------------------------------------------------------ */

static void where_a_type_is_full_the_lowest_identifiers_are_dropped_until_the_rest_may_join(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "customer_id:1 email:a@x.org email:b@x.org email:c@x.org device:d");
    /* email c is one too many, and device d stands behind it */
    assert_int_equal(shop.outcome.identifiers_dropped, 2);
    assert_int_equal(nodes(&shop), 3);
    assert_int_equal(customer_of(&shop, "email:c@x.org"), 0);
    assert_int_equal(customer_of(&shop, "device:d"), 0);
    /* another customer id: what it brings along of the first customer's is dropped, and all behind that */
    send(&shop, "2", "device:new email:a@x.org customer_id:2");
    assert_int_equal(shop.outcome.identifiers_dropped, 2);
    assert_int_equal(shop.outcome.node, 4);
    assert_int_equal(customer_of(&shop, "device:new"), 0);
    assert_int_equal(customer_of(&shop, "email:a@x.org"), 1);
    /* what is one customer already is not asked again, however full it is */
    send(&shop, "3", "email:a@x.org email:b@x.org customer_id:1");
    assert_int_equal(shop.outcome.identifiers_dropped, 0);
    /* known and unknown ones alike: two customers with an id each cannot become one */
    send(&shop, "4", "customer_id:2 device:e");
    send(&shop, "5", "device:e email:b@x.org");
    assert_int_equal(shop.outcome.identifiers_dropped, 1);
    assert_int_equal(shop.outcome.node, node_of(&shop, "email:b@x.org"));
    assert_int_equal(customer_of(&shop, "device:e"), 4);
    struct store_figures figures;
    store_figures(shop.store, &figures);
    assert_true(figures.identifiers_dropped == 5 && figures.merges == 0 && figures.nodes == 5);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void values_that_never_link_make_no_node_and_join_nobody(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "customer_id:1 email:none@x.org");
    assert_int_equal(shop.outcome.identifiers_dropped, 1);
    send(&shop, "2", "customer_id:2 email:NONE@x.org email:test@x.org email:b@x.org");
    assert_int_equal(shop.outcome.identifiers_dropped, 2);
    assert_int_equal(customer_of(&shop, "customer_id:2"), 2);
    assert_int_equal(customer_of(&shop, "email:b@x.org"), 2);
    assert_int_equal(customer_of(&shop, "email:none@x.org"), 0);
    assert_int_equal(nodes(&shop), 3);
    struct event_input event = shop_event(&shop, "visit", "3", shop.clock_us, "email:none@x.org");
    assert_int_equal(shop_send_input(&shop, &event), EVENT_REFUSED);
    assert_string_equal(shop.outcome.why.text, "the event has no identifier that may link: its values are blocked");
    shop_close(&shop);
}

/* Sends events that bring new devices to the customer of `who` until it has `wanted` nodes more. */
static void grow(struct shop *shop, const char *who, const char *name, size_t wanted)
{
    static int sent;
    for (size_t made = 0; made < wanted;) {
        char text[2048];
        int length = snprintf(text, sizeof text, "%s", who);
        for (size_t i = 1; i < EVENT_IDENTIFIERS_MAX && made < wanted; i++, made++)
            length += snprintf(text + length, sizeof text - (size_t)length, " device:%s%zu", name, made);
        char id[16];
        snprintf(id, sizeof id, "grow-%d", sent++);
        send(shop, id, text);
        assert_int_equal(shop->outcome.identifiers_dropped, 0);
    }
}

static void a_customer_has_no_more_nodes_than_its_bound(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "1", "customer_id:1");
    grow(&shop, "customer_id:1", "one", CUSTOMER_NODES_MAX - 1);
    assert_int_equal(nodes(&shop), CUSTOMER_NODES_MAX);
    send(&shop, "2", "customer_id:1 device:more");
    assert_int_equal(shop.outcome.identifiers_dropped, 1);
    assert_int_equal(nodes(&shop), CUSTOMER_NODES_MAX);
    assert_int_equal(customer_of(&shop, "device:more"), 0);
    /* full, yet its own identifiers may meet */
    send(&shop, "3", "customer_id:1 device:one0 device:one1 device:one198");
    assert_int_equal(shop.outcome.identifiers_dropped, 0);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void two_customers_join_up_to_the_bound_together_and_not_past_it(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    send(&shop, "a", "device:a");
    send(&shop, "b", "device:b");
    grow(&shop, "device:a", "a", CUSTOMER_NODES_MAX / 2 - 1);
    grow(&shop, "device:b", "b", CUSTOMER_NODES_MAX / 2);
    send(&shop, "1", "device:a device:b");
    assert_int_equal(shop.outcome.identifiers_dropped, 1);
    assert_int_equal(customer_of(&shop, "device:b7"), 2);
    send(&shop, "c", "device:c");
    grow(&shop, "device:c", "c", CUSTOMER_NODES_MAX / 2 - 1);
    send(&shop, "2", "device:c device:a device:b");
    assert_int_equal(shop.outcome.identifiers_dropped, 1);
    assert_int_equal(customer_of(&shop, "device:c99"), 0);
    assert_int_equal(customer_of(&shop, "device:c98"), 1);
    assert_int_equal(customer_of(&shop, "device:b"), 2);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

/* --- history -------------------------------------------------------------------------------------------------- */

enum { HISTORY_DEVICES = 40, HISTORY_EVENTS = 120 };

/* A list of who belonged to whom just after each event, by number of the device's node; 0: not born. */
struct history {
    int64_t known_at_us[HISTORY_EVENTS];
    uint64_t customers[HISTORY_EVENTS][HISTORY_DEVICES + 1];
    size_t count;
    uint64_t node_of_device[HISTORY_DEVICES];
    uint64_t last_node;
};

static void history_add(struct history *history, const size_t *devices, size_t count, int64_t known_at_us)
{
    uint64_t *now = history->customers[history->count];
    if (history->count > 0)
        memcpy(now, history->customers[history->count - 1], sizeof history->customers[0]);
    uint64_t least = UINT64_MAX;
    for (size_t i = 0; i < count; i++) {
        uint64_t *node = &history->node_of_device[devices[i]];
        if (*node == 0) {
            *node = ++history->last_node;
            now[*node] = *node;
        }
        if (now[*node] < least)
            least = now[*node];
    }
    for (size_t i = 0; i < count; i++) {
        uint64_t joins = now[history->node_of_device[devices[i]]];
        for (uint64_t node = 1; node <= history->last_node; node++)
            if (now[node] == joins)
                now[node] = least;
    }
    history->known_at_us[history->count++] = known_at_us;
}

static void assert_as_of(struct shop *shop, const struct history *history, size_t after, int64_t as_of_us)
{
    static const uint64_t nobody[HISTORY_DEVICES + 1];
    const uint64_t *wanted = after == 0 ? nobody : history->customers[after - 1];
    for (uint64_t node = 1; node <= history->last_node; node++) {
        uint64_t customer = 0;
        enum patron_code code = membership_at(shop->kv, NULL, node, as_of_us, &customer, NULL);
        assert_int_equal(code, wanted[node] ? PATRON_OK : PATRON_NOT_FOUND);
        assert_true(wanted[node] == 0 || customer == wanted[node]);
        struct member *members;
        size_t count;
        assert_int_equal(members_of(shop->kv, NULL, node, &shop->arena, &members, &count, NULL), PATRON_OK);
        bool member[HISTORY_DEVICES + 1] = {false};
        for (size_t i = 0; i < count; i++) {
            assert_true(members[i].customer == node && members[i].type == DEVICE);
            if (!member_at(&members[i], as_of_us))
                continue;
            assert_false(member[members[i].node]);
            member[members[i].node] = true;
        }
        for (uint64_t other = 1; other <= history->last_node; other++)
            assert_int_equal(member[other], wanted[other] == node);
    }
}

static void who_belongs_to_whom_at_any_time_is_what_a_list_says(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 6; round++) {
        struct dice dice = dice_of(31, round);
        struct shop shop = {0};
        shop_open(&shop, definitions);
        struct history *history = memory_alloc(sizeof *history);
        for (size_t event = 0; event < HISTORY_EVENTS; event++) {
            size_t devices[4], count = 1 + (dice_chance(&dice, 25) ? dice_below(&dice, 4) : 0);
            char who[256] = "", id[16];
            for (size_t i = 0; i < count; i++) {
                devices[i] = dice_below(&dice, HISTORY_DEVICES);
                snprintf(who + strlen(who), sizeof who - strlen(who), "%sdevice:%zu", i ? " " : "", devices[i]);
            }
            snprintf(id, sizeof id, "%zu", event);
            shop.clock_us += dice_chance(&dice, 50) ? -SECOND : 0; /* often it stands still */
            send(&shop, id, who);
            history_add(history, devices, count, shop.outcome.known_at_us);
        }
        assert_as_of(&shop, history, 0, INT64_MIN);
        assert_as_of(&shop, history, 0, history->known_at_us[0]);
        for (size_t i = 0; i < history->count; i += 1 + dice_below(&dice, 4)) {
            assert_as_of(&shop, history, i, history->known_at_us[i]);
            assert_as_of(&shop, history, i + 1, history->known_at_us[i] + 1);
            arena_reset(&shop.arena);
        }
        assert_as_of(&shop, history, history->count, INT64_MAX);
        memory_free(history);
        shop_assert_sound(&shop);
        shop_close(&shop);
    }
}

/* --- rows ----------------------------------------------------------------------------------------------------- */

static struct bytes only_value(struct shop *shop, struct kv_batch *batch, enum kv_family family, const char *key)
{
    struct bytes value;
    assert_int_equal(
        kv_batch_get(batch, family, golden(key, &shop->arena), &shop->arena, &value, NULL), PATRON_OK);
    return value;
}

#define TIME "80060a24181e4000" /* START_US, biased */
#define HASH "cd000000000000000000000000000000"
#define REAL " 0000000000000000"

static void identity_is_stored_in_these_bytes(void **state)
{
    (void)state;
    struct shop shop = {.kv = kv_memory_new()};
    struct kv_batch *batch = kv_batch_new(shop.kv);
    const uint8_t hash[IDENTIFIER_HASH_BYTES] = {0xab};
    identifier_put(batch, hash, 258, 7, NODE_SEPARATED);
    assert_golden(only_value(&shop, batch, KV_IDENTIFIERS, "ab000000000000000000000000000000"), "01 8202 07 01");
    struct node_entry node = {.type = 2, .hash = {0xab}, .birth_us = START_US};
    node_put(batch, 258, &node);
    assert_golden(only_value(&shop, batch, KV_NODES, "0000000000000102"),
        "01 02 ab000000000000000000000000000000 8080f28183898506 00");
    membership_put(batch, 258, START_US, 7);
    assert_golden(only_value(&shop, batch, KV_MEMBERSHIP, "0000000000000102" TIME), "01 07");
    struct member member = {.customer = 7, .node = 258, .since_us = START_US, .until_us = INT64_MAX, .type = 2,
        .flags = NODE_BLOCKED, .hash = {0xab}, .birth_us = START_US};
    member_put(batch, &member);
    assert_golden(only_value(&shop, batch, KV_MEMBERS, "0000000000000007 0000000000000102" TIME),
        "01 feffffffffffffffff01 02 02 ab000000000000000000000000000000 8080f28183898506");
    struct link link = {.a = 7, .b = 258, .since_us = START_US, .until_us = INT64_MAX, .rule = LINK_SHARED_EVENT,
        .count = 300, .evidence = {0xcd}, .score = 0.5, .model = 3, .actor = bytes_from_string("a"),
        .reason = bytes_from_string("bb")};
    link_put(batch, &link);
    const char *value =
        "01 feffffffffffffffff01 01 ac02 cd000000000000000000000000000000 000000000000e03f 03 01 61 02 6262";
    assert_golden(only_value(&shop, batch, KV_LINKS, "0000000000000007 0000000000000102" TIME), value);
    assert_golden(only_value(&shop, batch, KV_LINKS, "0000000000000102 0000000000000007" TIME), value);
    const struct separation separation = {258, START_US, INT64_MAX, 1};
    separation_put(batch, &separation);
    assert_golden(
        only_value(&shop, batch, KV_SEPARATIONS, "0000000000000102" TIME), "01 feffffffffffffffff01 01");
    assert_int_equal(kv_batch_count(batch), 7);
    kv_batch_free(batch);
    shop_close(&shop);
}

static void an_identifier_s_hash_tells_type_and_value_apart_and_needs_the_key(void **state)
{
    (void)state;
    const struct identifier_type type = {.name = bytes_from_string("email")};
    const struct identifier_type other = {.name = bytes_from_string("emai")};
    uint8_t key[STORE_KEY_BYTES] = {0};
    uint8_t first[IDENTIFIER_HASH_BYTES], second[IDENTIFIER_HASH_BYTES];
    identifier_hash(key, &type, bytes_from_string("a"), first);
    identifier_hash(key, &other, bytes_from_string("la"), second);
    assert_memory_not_equal(first, second, sizeof first);
    identifier_hash(key, &type, bytes_from_string("b"), second);
    assert_memory_not_equal(first, second, sizeof first);
    key[0] = 1;
    identifier_hash(key, &type, bytes_from_string("a"), second);
    assert_memory_not_equal(first, second, sizeof first);
}

static void damaged_rows_of_identity_are_told(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct identifier_entry identifier;
    struct node_entry node;
    struct member member;
    struct link link;
    struct error error;
    static const char *const identifiers[] = {"", "02 01 01 00", "01 01 01", "01 01 01 04", "01 8000 01 00"};
    static const char *const node_rows[] = {"", "02 02 ab000000000000000000000000000000 00 00",
        "01 40 ab000000000000000000000000000000 00 00", "01 02 ab0000000000000000000000000000 00 00",
        "01 02 ab000000000000000000000000000000 00 00 00"};
    static const char *const members[] = {"", "02 00 02 00 " HASH " 00", "01 00 02 00 " HASH,
        "01 00 40 00 " HASH " 00", "01 00 02 04 " HASH " 00"};
    static const char *const links[] = {"", "02 00 01 01 " HASH REAL " 00 00 00",
        "01 00 05 01 " HASH REAL " 00 00 00", "01 00 01 01 " HASH REAL " 00 00 01",
        "01 00 01 01 " HASH REAL " 00 00 00 00"};
    struct bytes key = golden("0000000000000007 0000000000000102" TIME, &arena);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(identifier_decode(golden(identifiers[i], &arena), &identifier, &error), PATRON_CORRUPT);
        assert_string_equal(error.text, "an identifier's row is damaged");
        assert_int_equal(node_decode(golden(node_rows[i], &arena), &node, &error), PATRON_CORRUPT);
        assert_string_equal(error.text, "a node's row is damaged");
        assert_int_equal(member_decode(key, golden(members[i], &arena), &member, &error), PATRON_CORRUPT);
        assert_string_equal(error.text, "a member's row is damaged");
        assert_int_equal(link_decode(key, golden(links[i], &arena), &link, &error), PATRON_CORRUPT);
        assert_string_equal(error.text, "a link's row is damaged");
    }
    struct bytes shorter = bytes_of(key.data, key.length - 1);
    assert_int_equal(member_decode(key, golden("01 00 02 00 " HASH " 00", &arena), &member, NULL), PATRON_OK);
    assert_int_equal(member_decode(shorter, golden("01 00 02 00 " HASH " 00", &arena), &member, NULL), PATRON_CORRUPT);
    struct bytes whole = golden("01 00 01 01 " HASH REAL " 00 00 00", &arena);
    assert_int_equal(link_decode(key, whole, &link, NULL), PATRON_OK);
    assert_int_equal(link_decode(shorter, whole, &link, NULL), PATRON_CORRUPT);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_s_first_identifier_is_linked_with_each_other_one),
        cmocka_unit_test(repeated_evidence_counts_under_both_ends_and_keeps_the_first),
        cmocka_unit_test(a_chain_of_merges_ends_at_the_oldest_node_whatever_its_order),
        cmocka_unit_test(an_event_that_joins_several_customers_names_them_in_the_log),
        cmocka_unit_test(an_identifier_that_comes_twice_in_an_event_counts_once),
        cmocka_unit_test(where_a_type_is_full_the_lowest_identifiers_are_dropped_until_the_rest_may_join),
        cmocka_unit_test(values_that_never_link_make_no_node_and_join_nobody),
        cmocka_unit_test(a_customer_has_no_more_nodes_than_its_bound),
        cmocka_unit_test(two_customers_join_up_to_the_bound_together_and_not_past_it),
        cmocka_unit_test(who_belongs_to_whom_at_any_time_is_what_a_list_says),
        cmocka_unit_test(identity_is_stored_in_these_bytes),
        cmocka_unit_test(an_identifier_s_hash_tells_type_and_value_apart_and_needs_the_key),
        cmocka_unit_test(damaged_rows_of_identity_are_told),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
