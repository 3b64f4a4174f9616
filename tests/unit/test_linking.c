/* Links that no event brings: every fate of a request by hand, of a match and of an approval. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/base/time_text.h"
#include "store/changes/review.h"
#include "store/changes/to_block.h"
#include "store/identity/identity_rows.h"
#include "store/store_internal.h"
#include "tests/unit/linking_fixture.h"

/* An order of 1,000 makes a customer that a person decides about, one of 5,000 two persons. */
static const char protected_definitions[] = "identifiers:\n"
                                            "  customer_id: {unique: true}\n"
                                            "  email: {max: 2, never_link: [none]}\n"
                                            "  device:\n"
                                            "  ip: {link: false}\n"
                                            "events:\n"
                                            "  visit: {page: string}\n"
                                            "  order: {amount: money}\n"
                                            "features:\n"
                                            "  revenue: {of: order, sum: amount}\n"
                                            "identity:\n"
                                            "  value: revenue\n"
                                            "  review_either: 1000\n"
                                            "  second_person: 5000\n"
                                            "  max_size: 8\n"
                                            "  review_size: 6\n"
                                            "  review_bridge: 2\n";

static void order(struct shop *shop, const char *who, int64_t units)
{
    struct event_attribute amount = {
        .name = bytes_from_string("amount"), .kind = GIVEN_INTEGER, .integer = units};
    char id[32];
    snprintf(id, sizeof id, "order at %lld", (long long)shop->clock_us);
    struct event_input event = shop_event(shop, "order", id, shop->clock_us, who);
    event.attributes = &amount;
    event.attribute_count = 1;
    assert_int_equal(shop_send_input(shop, &event), EVENT_APPLIED);
}

static struct link_request match(struct shop *shop, const char *a, const char *b, double score)
{
    return (struct link_request){.a = shop_node(shop, a),
        .b = shop_node(shop, b),
        .rule = LINK_MATCH,
        .score = score,
        .model = 3,
        .waterfall = bytes_from_string("how")};
}

static struct review_item item_of(struct shop *shop, int64_t item_us)
{
    struct view view;
    struct review_item item;
    struct error error;
    store_view_take(shop->store, &view);
    if (review_get(&view, item_us, shop->clock_us, &shop->arena, &item, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    store_view_release(&view);
    return item;
}

static void write_batch(struct shop *shop, struct kv_batch *batch)
{
    assert_int_equal(kv_write(shop->kv, batch, false, NULL), PATRON_OK);
    kv_batch_free(batch);
}

static int64_t separation_until(struct shop *shop, const char *who, int64_t since_us)
{
    uint8_t bytes[16];
    struct bytes key = bytes_of(bytes, sizeof bytes), value;
    struct separation separation;
    encode_be64(bytes, shop_node(shop, who));
    encode_time(bytes + 8, since_us);
    assert_int_equal(kv_get(shop->kv, NULL, KV_SEPARATIONS, key, &shop->arena, &value, NULL), PATRON_OK);
    assert_int_equal(separation_decode(key, value, &separation, NULL), PATRON_OK);
    return separation.until_us;
}

/* What link_check says must be what then comes. */
static struct link_outcome checked(struct shop *shop, const struct link_request *request)
{
    struct link_outcome said;
    struct view view;
    struct error error;
    store_view_take(shop->store, &view);
    if (link_check(&view, request, shop->clock_us, &shop->arena, &said, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    store_view_release(&view);
    struct link_outcome outcome = shop_link_request(shop, request);
    assert_true(said.fate == outcome.fate && said.customer == outcome.customer && said.merged == outcome.merged);
    assert_true(said.verdict.obstacle == outcome.verdict.obstacle && said.known_at_us == 0);
    assert_string_equal(said.words, outcome.words);
    shop_assert_sound(shop);
    return outcome;
}

static void assert_refused(struct shop *shop, const struct link_request *request, enum obstacle obstacle)
{
    struct encoder before = shop_dump(shop);
    struct link_outcome outcome = checked(shop, request);
    assert_int_equal(outcome.fate, LINK_REFUSED);
    assert_int_equal(outcome.verdict.obstacle, obstacle);
    assert_true(outcome.words[0] != '\0' && outcome.known_at_us == 0);
    struct encoder after = shop_dump(shop);
    assert_true(bytes_equal(encoder_borrow(&before), encoder_borrow(&after)));
    encoder_clear(&before);
    encoder_clear(&after);
}

/* --- by hand ------------------------------------------------------------------------------------------------------ */

static void a_link_by_hand_joins_two_customers_and_their_features(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, protected_definitions);
    order(&shop, "device:a", 10);
    order(&shop, "device:b", 20);
    struct link_request request = shop_by_hand(&shop, "device:b", "device:a");
    struct link_outcome outcome = checked(&shop, &request);
    assert_true(outcome.fate == LINK_MADE && outcome.customer == 1 && outcome.merged == 2);
    assert_true(shop_customer(&shop, "device:b") == 1);
    struct log_entry entry = shop_entry(&shop, outcome.known_at_us);
    assert_true(entry.kind == LOG_IDENTITY && entry.change.change == CHANGE_LINK && entry.change.rule == LINK_BY_HAND);
    assert_true(entry.merged_count == 1 && entry.merged[0] == 2 && entry.node == 2);
    assert_true(bytes_is(entry.change.actor, "ada") && bytes_is(entry.change.reason, "the same person"));
    struct link *links;
    size_t count;
    assert_int_equal(links_of(shop.kv, NULL, 1, &shop.arena, &links, &count, NULL), PATRON_OK);
    assert_true(count == 1 && links[0].rule == LINK_BY_HAND && links[0].since_us == outcome.known_at_us);
    assert_true(bytes_is(links[0].actor, "ada") && links[0].count == 1);
    struct store_figures figures;
    store_figures(shop.store, &figures);
    assert_true(figures.merges == 1 && figures.changes.links[LINK_BY_HAND] == 1);
    shop_reopen(&shop);
    store_figures(shop.store, &figures);
    assert_true(figures.merges == 1 && figures.changes.links[LINK_BY_HAND] == 1);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void a_link_within_a_customer_is_kept_once_a_rule(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, protected_definitions);
    shop_visit(&shop, "device:a device:b");
    struct link_request request = shop_by_hand(&shop, "device:a", "device:b");
    struct link_outcome outcome = checked(&shop, &request);
    assert_true(outcome.fate == LINK_HELD && outcome.customer == 1 && outcome.known_at_us != 0);
    assert_int_equal(shop_rows(&shop, KV_LINKS), 4);
    struct log_entry entry = shop_entry(&shop, outcome.known_at_us);
    assert_true(entry.change.change == CHANGE_LINK && entry.merged_count == 0);
    outcome = checked(&shop, &request);
    assert_true(outcome.fate == LINK_HELD && outcome.known_at_us == 0);
    assert_int_equal(shop_rows(&shop, KV_LINKS), 4);
    shop_close(&shop);
}

static void rules_refuse_links_and_nothing_is_changed(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, protected_definitions);
    shop_visit(&shop, "customer_id:1 device:a");
    shop_visit(&shop, "customer_id:2 device:b");
    shop_visit(&shop, "email:x email:y device:c");
    shop_visit(&shop, "email:z device:d");
    shop_visit(&shop, "device:e1 device:e2 device:e3 device:e4 device:e5 device:e6 device:e7");
    shop_visit(&shop, "device:f");
    struct link_request request = shop_by_hand(&shop, "device:a", "customer_id:2");
    assert_refused(&shop, &request, OBSTACLE_UNIQUE);
    request = shop_by_hand(&shop, "device:c", "email:z");
    assert_refused(&shop, &request, OBSTACLE_MAX);
    request = shop_by_hand(&shop, "device:e1", "device:d");
    assert_refused(&shop, &request, OBSTACLE_SIZE);
    shop_block(&shop, "device:f");
    request = shop_by_hand(&shop, "device:f", "device:d");
    assert_refused(&shop, &request, OBSTACLE_BLOCKED);
    shop_split_off(&shop, "device:e1 device:e3");
    request = shop_by_hand(&shop, "device:e1", "device:e7");
    request.lifts = false;
    assert_refused(&shop, &request, OBSTACLE_SEPARATED);
    request.lifts = true;
    assert_int_equal(checked(&shop, &request).fate, LINK_MADE);
    shop_close(&shop);
}

static void a_lifted_separation_ends_for_those_who_are_joined_and_nobody_else(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, protected_definitions);
    shop_visit(&shop, "device:a device:b");
    shop_visit(&shop, "device:b device:c");
    shop_visit(&shop, "device:c device:d");
    shop_split_off(&shop, "device:a device:b"); /* {a, b} | {c, d} */
    struct split_request request = shop_unlink_request(&shop, "device:c", "device:d");
    request.may_relink = true;
    shop_split(&shop, &request); /* d is alone */
    struct link_request lift = shop_by_hand(&shop, "device:b", "device:c");
    lift.lifts = true;
    struct link_outcome outcome = checked(&shop, &lift);
    assert_true(outcome.fate == LINK_MADE);
    assert_true(shop_entry(&shop, outcome.known_at_us).change.lifts);
    struct link_request other = shop_by_hand(&shop, "device:d", "device:c");
    assert_refused(&shop, &other, OBSTACLE_SEPARATED); /* c went over: d is to stay apart from a and b */
    shop_close(&shop);
}

static struct link_outcome lift(struct shop *shop, const char *a, const char *b)
{
    struct link_request request = shop_by_hand(shop, a, b);
    request.lifts = true;
    struct link_outcome outcome = checked(shop, &request);
    assert_true(outcome.fate == LINK_MADE);
    return outcome;
}

/* {d, m} | {c}; c and m become one: d, whom nobody lifted, stays apart from c, whichever is named first. */
static void a_lift_leaves_those_apart_who_are_not_named_by_it(void **state)
{
    (void)state;
    static const char *const named[2][2] = {{"device:c", "device:m"}, {"device:m", "device:c"}};
    for (int i = 0; i < 2; i++) {
        struct shop shop = {0};
        shop_open(&shop, protected_definitions);
        shop_visit(&shop, "device:c device:d");
        shop_visit(&shop, "device:c device:m");
        int64_t since_us = shop_split_off(&shop, "device:d device:m");
        int64_t until_us = lift(&shop, named[i][0], named[i][1]).known_at_us;
        shop_visit(&shop, "device:c device:d");
        assert_int_not_equal(shop_customer(&shop, "device:d"), shop_customer(&shop, "device:c"));
        struct link_request request = shop_by_hand(&shop, "device:d", "device:m");
        assert_refused(&shop, &request, OBSTACLE_SEPARATED);
        assert_int_equal(separation_until(&shop, "device:m", since_us), until_us);
        assert_int_equal(separation_until(&shop, "device:c", since_us), INT64_MAX);
        /* now nobody else is on either side */
        until_us = lift(&shop, named[i][1], "device:d").known_at_us;
        assert_int_equal(separation_until(&shop, "device:c", since_us), until_us);
        assert_int_equal(separation_until(&shop, "device:d", since_us), until_us);
        shop_close(&shop);
    }
}

/* {x1, x2} | {y1, y2}, all loose: y1 goes over to x's side, or x1 to y's, as they are named. */
static void a_lift_takes_the_second_over_to_the_side_of_the_first(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct shop shop = {0};
        shop_open(&shop, protected_definitions);
        shop_visit(&shop, "device:x1 device:y1");
        shop_visit(&shop, "device:x2 device:y1");
        shop_visit(&shop, "device:x2 device:y2");
        shop_split_off(&shop, "device:y1 device:y2");
        lift(&shop, i == 0 ? "device:x1" : "device:y1", i == 0 ? "device:y1" : "device:x1");
        struct link_request request = shop_by_hand(&shop, "device:x1", i == 0 ? "device:y2" : "device:x2");
        assert_refused(&shop, &request, OBSTACLE_SEPARATED);
        request = shop_by_hand(&shop, "device:y1", i == 0 ? "device:y2" : "device:x2");
        assert_refused(&shop, &request, OBSTACLE_SEPARATED);
        request = shop_by_hand(&shop, "device:y1", i == 0 ? "device:x2" : "device:y2");
        assert_int_equal(checked(&shop, &request).fate, LINK_MADE);
        shop_close(&shop);
    }
}

/* Rows that ended with an earlier lift hold nobody. */
static void a_lift_looks_only_at_rows_that_hold(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, protected_definitions);
    shop_visit(&shop, "device:x1 device:y1");
    shop_visit(&shop, "device:x2 device:y1");
    shop_visit(&shop, "device:x2 device:y2");
    int64_t since_us = shop_split_off(&shop, "device:y1 device:y2");
    lift(&shop, "device:x1", "device:y1"); /* {x1, x2} | {y2} */
    int64_t until_us = lift(&shop, "device:x2", "device:y2").known_at_us; /* x1 is with x2 still: x2 goes over */
    assert_int_equal(separation_until(&shop, "device:x2", since_us), until_us);
    assert_int_equal(separation_until(&shop, "device:y2", since_us), INT64_MAX);
    assert_int_equal(separation_until(&shop, "device:x1", since_us), INT64_MAX);
    shop_close(&shop);
}

static void a_separation_that_the_log_does_not_tell_of_cannot_be_lifted(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct error error;
    struct link_outcome outcome;
    shop_open(&shop, protected_definitions);
    shop_visit(&shop, "device:a device:b");
    int64_t since_us = shop_split_off(&shop, "device:a");
    struct kv_batch *batch = kv_batch_new(shop.kv);
    uint8_t key[8];
    encode_time(key, since_us);
    kv_batch_delete(batch, KV_LOG, bytes_of(key, sizeof key));
    write_batch(&shop, batch);
    struct link_request request = shop_by_hand(&shop, "device:a", "device:b");
    request.lifts = true;
    shop_begin(&shop);
    assert_int_equal(group_link(shop.store, &request, &outcome, &error), PATRON_CORRUPT);
    assert_non_null(strstr(error.text, "run patron verify"));
    shop_close(&shop);
}

static void a_request_that_can_never_be_right_is_told(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct error error;
    struct link_outcome outcome;
    shop_open(&shop, protected_definitions);
    shop_visit(&shop, "device:a");
    shop_visit(&shop, "device:b");
    shop_begin(&shop);
    struct link_request request = shop_by_hand(&shop, "device:a", "device:a");
    assert_int_equal(group_link(shop.store, &request, &outcome, &error), PATRON_INVALID);
    request = shop_by_hand(&shop, "device:a", "device:b");
    request.actor = (struct bytes){0};
    assert_int_equal(group_link(shop.store, &request, &outcome, &error), PATRON_INVALID);
    assert_string_equal(error.text, "say who does this: the actor is missing");
    request.actor = bytes_from_string("\xff");
    assert_int_equal(group_link(shop.store, &request, &outcome, &error), PATRON_INVALID);
    char long_text[ACTOR_BYTES_MAX + 1];
    memset(long_text, 'x', sizeof long_text);
    request.actor = bytes_of((const uint8_t *)long_text, sizeof long_text);
    assert_int_equal(group_link(shop.store, &request, &outcome, &error), PATRON_INVALID);
    shop_commit(&shop);
    shop_visit(&shop, "device:a"); /* the store goes on */
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void a_link_by_hand_passes_reviews_but_waits_for_a_second_person(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, protected_definitions);
    order(&shop, "device:a", 2000);
    order(&shop, "device:b", 3000);
    order(&shop, "device:c", 6000);
    struct link_request request = shop_by_hand(&shop, "device:a", "device:b");
    assert_int_equal(checked(&shop, &request).fate, LINK_MADE);
    request = shop_by_hand(&shop, "device:c", "device:a");
    struct link_outcome outcome = checked(&shop, &request);
    assert_true(outcome.fate == LINK_WAITS && outcome.item_us == outcome.known_at_us && outcome.item_us != 0);
    assert_null(strstr(outcome.words, "approve"));
    /* whoever says the same again is shown to the item, which he has not approved by that */
    request = shop_by_hand(&shop, "device:a", "device:c");
    request.actor = bytes_from_string("grace");
    struct link_outcome again = checked(&shop, &request);
    char name[TIME_TEXT_MAX], command[96];
    time_to_text(outcome.item_us, name);
    snprintf(command, sizeof command, "patron identity review approve %s", name);
    assert_true(again.fate == LINK_WAITS && again.item_us == outcome.item_us);
    assert_non_null(strstr(again.words, command));
    struct review_item item = item_of(&shop, outcome.item_us);
    assert_true(item.state == REVIEW_HALF_APPROVED && item.second_person && bytes_is(item.first_actor, "ada"));
    assert_true(item.obstacle == OBSTACLE_REVIEW_VALUE && item.rule == LINK_BY_HAND);
    struct log_entry entry = shop_entry(&shop, outcome.known_at_us);
    assert_true(entry.change.change == CHANGE_REVIEW && entry.change.item_us == outcome.item_us);
    struct review_request approval = {
        .item_us = outcome.item_us, .verdict = REVIEW_APPROVE, .actor = bytes_from_string("grace")};
    struct review_outcome approved;
    struct error error;
    shop_begin(&shop);
    if (group_review_decide(shop.store, &approval, &approved, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    shop_commit(&shop);
    assert_true(approved.state == REVIEW_APPROVED && approved.link.fate == LINK_MADE);
    entry = shop_entry(&shop, approved.known_at_us);
    assert_true(entry.change.rule == LINK_APPROVED && entry.change.item_us == outcome.item_us);
    assert_int_equal(shop_customer(&shop, "device:c"), 1);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void what_waits_to_be_blocked_links_nothing(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, protected_definitions);
    shop_visit(&shop, "device:a device:c");
    shop_visit(&shop, "device:b");
    shop_begin(&shop);
    to_block_put(shop.store, shop_node(&shop, "device:a"), 1);
    shop_commit(&shop);
    struct link_request request = shop_by_hand(&shop, "device:a", "device:b");
    assert_refused(&shop, &request, OBSTACLE_BLOCKED);
    request = shop_by_hand(&shop, "device:c", "device:a"); /* nor within its customer */
    assert_refused(&shop, &request, OBSTACLE_BLOCKED);
    request = shop_by_hand(&shop, "device:c", "device:b");
    assert_int_equal(checked(&shop, &request).fate, LINK_MADE);
    shop_close(&shop);
}

static void a_value_that_is_told_is_asked_of_the_definitions_that_serve(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, "identifiers: {email: {never_link_matching: ['^test@']}, device: {}}\n"
                     "events: {visit: {page: string}}\n"
                     "features: {visits: {of: visit, count: true}}\n");
    shop_visit(&shop, "device:a");
    shop_visit(&shop, "device:b");
    shop_visit(&shop, "email:x");
    struct link_request request = shop_by_hand(&shop, "email:x", "device:a");
    request.a_value = bytes_from_string("test@x");
    assert_refused(&shop, &request, OBSTACLE_BLOCKED);
    request = shop_by_hand(&shop, "device:a", "email:x");
    request.b_value = bytes_from_string("test@x");
    assert_refused(&shop, &request, OBSTACLE_BLOCKED);
    request.b_value = bytes_from_string("x");
    assert_int_equal(checked(&shop, &request).fate, LINK_MADE);
    shop_close(&shop);
}

/* --- matches ------------------------------------------------------------------------------------------------------ */

static void a_match_links_or_waits_as_its_score_and_the_rules_say(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, protected_definitions);
    shop_visit(&shop, "device:a device:a2");
    shop_visit(&shop, "device:b device:b2");
    shop_visit(&shop, "device:c");
    struct link_request request = match(&shop, "device:a", "device:c", 0.97);
    struct link_outcome outcome = checked(&shop, &request);
    assert_int_equal(outcome.fate, LINK_MADE);
    struct log_entry entry = shop_entry(&shop, outcome.known_at_us);
    assert_true(entry.change.rule == LINK_MATCH && entry.change.model == 3 && entry.change.score == 0.97);
    /* between two that are established, only what is all but certain links */
    request = match(&shop, "device:a", "device:b", 0.99);
    outcome = checked(&shop, &request);
    assert_true(outcome.fate == LINK_WAITS && outcome.verdict.obstacle == OBSTACLE_REVIEW_BRIDGE);
    request.doubt = OBSTACLE_REVIEW_SCORE;
    assert_int_equal(checked(&shop, &request).verdict.obstacle, OBSTACLE_REVIEW_BRIDGE); /* the rules come first */
    request.doubt = OBSTACLE_NONE;
    request.score = 0.9995;
    assert_int_equal(checked(&shop, &request).fate, LINK_MADE);
    shop_close(&shop);
}

static void a_match_in_doubt_is_one_item_however_often_it_comes(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, protected_definitions);
    shop_visit(&shop, "device:a");
    shop_visit(&shop, "device:b");
    struct link_request request = match(&shop, "device:a", "device:b", 0.6);
    request.doubt = OBSTACLE_REVIEW_SCORE;
    struct link_outcome first = checked(&shop, &request);
    struct link_outcome second = checked(&shop, &request);
    assert_true(first.fate == LINK_WAITS && second.fate == LINK_WAITS && first.item_us == second.item_us);
    assert_true(second.known_at_us > first.known_at_us);
    struct review_item item = item_of(&shop, first.item_us);
    assert_true(item.count == 2 && item.score == 0.6 && item.model == 3 && bytes_is(item.waterfall, "how"));
    assert_true(item.state == REVIEW_OPEN && item.first_actor.length == 0);
    shop_close(&shop);
}

static void a_match_in_doubt_is_refused_where_too_many_wait(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, protected_definitions);
    shop_visit(&shop, "device:a");
    shop_visit(&shop, "device:b");
    struct link_request request = match(&shop, "device:a", "device:b", 0.6);
    request.doubt = OBSTACLE_REVIEW_SCORE;
    shop.store->review.waiting = REVIEW_OPEN_MAX; /* as if */
    size_t entries = shop_rows(&shop, KV_LOG);
    struct link_outcome outcome = shop_link_request(&shop, &request);
    assert_true(outcome.fate == LINK_REFUSED && outcome.item_us == 0 && outcome.known_at_us == 0);
    assert_non_null(strstr(outcome.words, "100000 merges wait"));
    assert_int_equal(shop_rows(&shop, KV_LOG), entries);
    struct store_figures figures;
    store_figures(shop.store, &figures);
    assert_int_equal(figures.review.not_taken, 1);
    shop_close(&shop);
}

static void a_damaged_row_of_changes_is_told_at_open(void **state)
{
    (void)state;
    static const char *const rows[] = {"", "\x02", "\x01\x09", "\x01\x06\x01", "\x01\x01\x01\x05"};
    struct shop shop = {0};
    shop_open(&shop, linking_definitions);
    store_close(shop.store);
    shop.store = NULL;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct error error = {0};
        struct bytes value = bytes_from_string(rows[i]);
        shop_plant(&shop, KV_META, bytes_from_string("changes"), &value);
        assert_int_equal(shop_try_open(&shop, NULL, &error), PATRON_CORRUPT);
        assert_string_equal(error.text, "the store's row of changes of identity is damaged");
    }
    shop_close(&shop);
}

static void an_identifier_that_the_definitions_block_links_nothing_and_cannot_be_let_go(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct error error;
    int64_t known_at_us;
    shop_open(&shop, "identifiers: {email: {}, device: {}, ip: {}}\n"
                     "events: {visit: {page: string}, order: {amount: money}}\n"
                     "features: {revenue: {of: order, sum: amount}}\n");
    shop_visit(&shop, "email:none");
    shop_visit(&shop, "device:a");
    shop_visit(&shop, "ip:1");
    shop_block(&shop, "email:none");
    store_close(shop.store);
    shop_open(&shop, protected_definitions);
    struct link_request request = shop_by_hand(&shop, "device:a", "ip:1");
    assert_refused(&shop, &request, OBSTACLE_BLOCKED);
    shop_begin(&shop);
    assert_int_equal(
        group_unblock(shop.store, 1, bytes_from_string("ada"), bytes_from_string(""), &known_at_us, &error),
        PATRON_PRECONDITION);
    assert_non_null(strstr(error.text, "version 2 of the definitions blocks"));
    shop_commit(&shop);
    shop_close(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_by_hand_joins_two_customers_and_their_features),
        cmocka_unit_test(a_link_within_a_customer_is_kept_once_a_rule),
        cmocka_unit_test(rules_refuse_links_and_nothing_is_changed),
        cmocka_unit_test(a_lifted_separation_ends_for_those_who_are_joined_and_nobody_else),
        cmocka_unit_test(a_lift_leaves_those_apart_who_are_not_named_by_it),
        cmocka_unit_test(a_lift_takes_the_second_over_to_the_side_of_the_first),
        cmocka_unit_test(a_lift_looks_only_at_rows_that_hold),
        cmocka_unit_test(a_separation_that_the_log_does_not_tell_of_cannot_be_lifted),
        cmocka_unit_test(what_waits_to_be_blocked_links_nothing),
        cmocka_unit_test(a_value_that_is_told_is_asked_of_the_definitions_that_serve),
        cmocka_unit_test(a_request_that_can_never_be_right_is_told),
        cmocka_unit_test(a_link_by_hand_passes_reviews_but_waits_for_a_second_person),
        cmocka_unit_test(a_match_links_or_waits_as_its_score_and_the_rules_say),
        cmocka_unit_test(a_match_in_doubt_is_one_item_however_often_it_comes),
        cmocka_unit_test(a_match_in_doubt_is_refused_where_too_many_wait),
        cmocka_unit_test(a_damaged_row_of_changes_is_told_at_open),
        cmocka_unit_test(an_identifier_that_the_definitions_block_links_nothing_and_cannot_be_let_go),
    };
    return cmocka_run_group_tests_name("linking", tests, NULL, NULL);
}
