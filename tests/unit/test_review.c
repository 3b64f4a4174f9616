/* Deciding merges that wait for a person: who may, when an approval still holds, and what becomes of the two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/review_fixture.h"

#define EXPIRY (10 * DAY)

struct decision {
    enum patron_code code;
    struct error error;
    struct review_outcome outcome;
};

static struct decision decide_as(struct shop *shop, const struct review_request *request)
{
    struct decision decision = {0};
    shop_begin(shop);
    decision.code = group_review_decide(shop->store, request, &decision.outcome, &decision.error);
    shop_commit(shop);
    return decision;
}

static struct decision approve(struct shop *shop, int64_t item_us, const char *actor, const uint8_t *seen)
{
    struct review_request request = {.item_us = item_us,
        .verdict = REVIEW_APPROVE,
        .has_seen = seen != NULL,
        .actor = bytes_from_string(actor),
        .reason = bytes_from_string("looked at both")};
    if (seen)
        memcpy(request.seen, seen, REVIEW_SEEN_BYTES);
    return decide_as(shop, &request);
}

static struct decision reject(struct shop *shop, int64_t item_us, const char *actor)
{
    return decide_as(shop, &(struct review_request){.item_us = item_us,
                               .verdict = REVIEW_REJECT,
                               .actor = bytes_from_string(actor),
                               .reason = bytes_from_string("father and son")});
}

/* In the shop's arena. */
static const uint8_t *seen_now(struct shop *shop, int64_t item_us)
{
    struct view view;
    struct review_item item = review_item_at(shop, item_us, INT64_MAX);
    uint8_t *seen = arena_alloc(&shop->arena, REVIEW_SEEN_BYTES);
    store_view_take(shop->store, &view);
    assert_int_equal(review_seen(&view, &item, &shop->arena, seen, NULL), PATRON_OK);
    store_view_release(&view);
    return seen;
}

static uint64_t customer_of(struct shop *shop, uint64_t node)
{
    uint64_t customer;
    assert_int_equal(membership_at(shop->kv, NULL, node, INT64_MAX, &customer, NULL), PATRON_OK);
    return customer;
}

/* What the refusal changed: nothing. */
static void assert_refused(struct shop *shop, const struct decision *decision, enum patron_code code, const char *words)
{
    assert_int_equal(decision->code, code);
    if (!strstr(decision->error.text, words))
        fail_msg("'%s' does not say '%s'", decision->error.text, words);
    assert_false(store_has_failed(shop->store));
    shop_assert_sound(shop);
}

/* Customers 1, 2 and 3, worth 10, 20 and 30. */
static void open_three(struct shop *shop)
{
    shop_open(shop, review_definitions);
    assert_int_equal(review_order(shop, "1", "email:a@x.org", 10), 1);
    assert_int_equal(review_order(shop, "2", "email:b@x.org", 20), 2);
    assert_int_equal(review_order(shop, "3", "device:c", 30), 3);
}

/* --- approving ---------------------------------------------------------------------------------------------------- */

static void an_approval_links_the_two_and_is_told(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t item_us = review_queue_match(&shop, 1, 2);
    struct decision decision = approve(&shop, item_us, "ada", seen_now(&shop, item_us));
    assert_int_equal(decision.code, PATRON_OK);
    assert_int_equal(decision.outcome.state, REVIEW_APPROVED);
    assert_int_equal(decision.outcome.link.fate, LINK_MADE);
    assert_true(decision.outcome.link.customer == 1 && decision.outcome.link.merged == 2);
    assert_int_equal(customer_of(&shop, 2), 1);
    int64_t decided_us = decision.outcome.known_at_us;
    assert_int_equal(decided_us, store_newest_known_at(shop.store));
    shop_reopen(&shop);
    struct link *links;
    size_t count;
    assert_int_equal(links_of(shop.kv, NULL, 1, &shop.arena, &links, &count, NULL), PATRON_OK);
    assert_true(count == 1 && links[0].rule == LINK_APPROVED && links[0].since_us == decided_us);
    assert_true(links[0].score == 0.9 && links[0].model == 1 && bytes_is(links[0].actor, "ada"));
    assert_int_equal(review_state_at(&shop, item_us, decided_us), REVIEW_OPEN);
    struct review_item item = review_item_at(&shop, item_us, decided_us + 1);
    assert_true(item.state == REVIEW_APPROVED && item.decided_us == decided_us);
    assert_true(bytes_is(item.actor, "ada") && bytes_is(item.reason, "looked at both"));
    assert_int_equal(review_state_at(&shop, item_us, item_us + EXPIRY), REVIEW_APPROVED); /* for good */
    struct review_figures figures = review_figures_of(&shop);
    assert_true(figures.waiting == 0 && figures.approved == 1 && figures.oldest_us == INT64_MAX);
    shop_assert_sound(&shop);
    decision = reject(&shop, item_us, "bob");
    assert_refused(&shop, &decision, PATRON_PRECONDITION, "approved by 'ada'");
    shop_close(&shop);
}

static void an_unseen_approval_counts_where_only_the_item_s_own_reason_asks(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t item_us = review_queue_match(&shop, 1, 2);
    assert_int_equal(approve(&shop, item_us, "ada", NULL).code, PATRON_OK);
    assert_int_equal(customer_of(&shop, 2), 1);
    shop_close(&shop);
}

/* An item that says why already has had that decided by whoever approves it. */
static void what_the_item_told_does_not_stand_in_the_way_of_an_unseen_approval(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    (void)review_order(&shop, "4", "email:b@x.org", 2000);
    (void)review_order(&shop, "5", "email:a@x.org email:b@x.org", 1);
    struct review_figures figures = review_figures_of(&shop);
    assert_int_equal(figures.waiting, 1);
    assert_int_equal(review_item_at(&shop, figures.oldest_us, INT64_MAX).obstacle, OBSTACLE_REVIEW_VALUE);
    int64_t match_us = review_queue_match(&shop, 2, 3); /* nothing was said of value */
    struct decision decision = approve(&shop, match_us, "ada", NULL);
    assert_refused(&shop, &decision, PATRON_PRECONDITION, "worth so much");
    assert_int_equal(approve(&shop, figures.oldest_us, "ada", NULL).outcome.state, REVIEW_APPROVED);
    /* that it takes two persons tells of value as well */
    (void)review_order(&shop, "6", "email:b@x.org", 6000);
    struct review_item given = {
        .a = 1, .b = 3, .obstacle = OBSTACLE_REVIEW_SIZE, .second_person = true, .rule = LINK_SHARED_EVENT};
    int64_t item_us = review_queue_item(&shop, &given);
    assert_int_equal(approve(&shop, item_us, "ada", NULL).outcome.state, REVIEW_HALF_APPROVED);
    shop_close(&shop);
}

static void what_was_decided_does_not_expire(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t approved_us = review_queue_match(&shop, 1, 2), rejected_us = review_queue_match(&shop, 1, 3);
    assert_int_equal(reject(&shop, rejected_us, "ada").code, PATRON_OK);
    assert_int_equal(approve(&shop, approved_us, "ada", NULL).code, PATRON_OK);
    shop.clock_us = rejected_us + EXPIRY + DAY;
    int64_t item_us = review_queue_match(&shop, 2, 3);
    struct review_figures figures = review_figures_of(&shop);
    assert_true(figures.waiting == 1 && figures.expired == 0 && figures.oldest_us == item_us);
    assert_true(figures.approved == 1 && figures.rejected == 1);
    shop_close(&shop);
}

/* The two grow until a person would have to decide about their size. */
static void grow(struct shop *shop, const char *who, int times)
{
    for (int i = 0; i < times; i++) {
        char id[64], both[64];
        snprintf(id, sizeof id, "%s %d", who, i);
        snprintf(both, sizeof both, "%s device:%s%d", who, strchr(who, ':') + 1, i);
        (void)review_order(shop, id, both, 1);
    }
}

static void an_approval_of_what_has_changed_holds_where_the_rules_do(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t item_us = review_queue_match(&shop, 1, 2);
    const uint8_t *seen = seen_now(&shop, item_us);
    grow(&shop, "email:a@x.org", 2);
    struct decision decision = approve(&shop, item_us, "ada", seen);
    assert_int_equal(decision.code, PATRON_OK);
    assert_int_equal(decision.outcome.state, REVIEW_APPROVED);
    shop_close(&shop);
}

static void an_approval_of_what_has_changed_does_not_hold_for_what_was_not_told(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t item_us = review_queue_match(&shop, 1, 2);
    const uint8_t *seen = seen_now(&shop, item_us);
    grow(&shop, "email:a@x.org", 5); /* 6 and 1 are 7 */
    struct decision decision = approve(&shop, item_us, "ada", seen);
    assert_refused(&shop, &decision, PATRON_PRECONDITION, "they would have 7 identifiers");
    assert_non_null(strstr(decision.error.text, "patron identity review show"));
    assert_int_equal(review_state_at(&shop, item_us, INT64_MAX), REVIEW_OPEN);
    assert_int_equal(customer_of(&shop, 2), 2);
    decision = approve(&shop, item_us, "ada", NULL);
    assert_refused(&shop, &decision, PATRON_PRECONDITION, "they would have 7 identifiers");
    decision = approve(&shop, item_us, "ada", seen_now(&shop, item_us)); /* who has seen it may */
    assert_int_equal(decision.code, PATRON_OK);
    assert_int_equal(decision.outcome.state, REVIEW_APPROVED);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

/* Two that are established by now, and what joins them. */
static struct decision approve_bridge(enum link_rule rule, double score, const char *who)
{
    struct shop shop = {0};
    open_three(&shop);
    const struct review_item given = {
        .a = 1, .b = who[0] == 'd' ? 3 : 2, .obstacle = OBSTACLE_REVIEW_VALUE, .rule = rule, .score = score};
    int64_t item_us = review_queue_item(&shop, &given);
    grow(&shop, "email:a@x.org", 2);
    grow(&shop, who, 2);
    struct decision decision = approve(&shop, item_us, "ada", NULL);
    if (decision.code != PATRON_OK)
        assert_refused(&shop, &decision, PATRON_PRECONDITION, "they are established customers");
    shop_close(&shop);
    return decision;
}

static void what_became_a_weak_bridge_is_not_approved_unseen(void **state)
{
    (void)state;
    assert_int_equal(approve_bridge(LINK_MATCH, 0.998, "email:b@x.org").code, PATRON_PRECONDITION);
    assert_int_equal(approve_bridge(LINK_MATCH, 0.999, "email:b@x.org").code, PATRON_OK); /* all but certain */
    assert_int_equal(approve_bridge(LINK_SHARED_EVENT, 0, "email:b@x.org").code, PATRON_OK);
    assert_int_equal(approve_bridge(LINK_SHARED_EVENT, 0, "device:c").code, PATRON_PRECONDITION);
    assert_int_equal(approve_bridge(LINK_BY_HAND, 0, "device:c").code, PATRON_OK);
}

static void what_refuses_a_link_refuses_an_approval(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, review_definitions);
    (void)review_order(&shop, "1", "email:a@x.org", 1);
    (void)review_order(&shop, "2", "email:b@x.org", 1);
    int64_t item_us = review_queue_match(&shop, 1, 2);
    (void)review_order(&shop, "3", "customer_id:7 email:a@x.org", 1);
    (void)review_order(&shop, "4", "customer_id:8 email:b@x.org", 1);
    struct decision decision = approve(&shop, item_us, "ada", seen_now(&shop, item_us));
    assert_refused(&shop, &decision, PATRON_PRECONDITION, "customer_id, which tells customers apart");
    assert_int_equal(review_state_at(&shop, item_us, INT64_MAX), REVIEW_OPEN);
    shop_close(&shop);
}

/* --- two persons -------------------------------------------------------------------------------------------------- */

static void the_second_of_two_persons_is_never_the_first(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    struct review_item given = {
        .a = 1, .b = 2, .obstacle = OBSTACLE_REVIEW_VALUE, .second_person = true, .rule = LINK_SHARED_EVENT};
    int64_t item_us = review_queue_item(&shop, &given);
    const uint8_t *seen = seen_now(&shop, item_us);
    struct decision decision = approve(&shop, item_us, "ada", seen);
    assert_int_equal(decision.code, PATRON_OK);
    assert_int_equal(decision.outcome.state, REVIEW_HALF_APPROVED);
    assert_int_equal(decision.outcome.known_at_us, store_newest_known_at(shop.store));
    assert_int_equal(customer_of(&shop, 2), 2);
    int64_t first_us = decision.outcome.known_at_us;
    shop_reopen(&shop);
    assert_int_equal(review_state_at(&shop, item_us, first_us), REVIEW_OPEN);
    assert_int_equal(review_state_at(&shop, item_us, first_us + 1), REVIEW_HALF_APPROVED);
    decision = approve(&shop, item_us, "ada", seen);
    assert_refused(&shop, &decision, PATRON_PRECONDITION, "'ada' has approved it already");
    decision = approve(&shop, item_us, "bob", seen);
    assert_int_equal(decision.outcome.state, REVIEW_APPROVED);
    struct review_item item = review_item_at(&shop, item_us, INT64_MAX);
    assert_true(bytes_is(item.first_actor, "ada") && bytes_is(item.actor, "bob") && item.first_us == first_us);
    assert_int_equal(customer_of(&shop, 2), 1);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void one_who_became_that_valuable_since_takes_two_persons(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t item_us = review_queue_match(&shop, 1, 2);
    (void)review_order(&shop, "4", "email:b@x.org", 4979); /* 4,999 */
    const uint8_t *seen = seen_now(&shop, item_us);
    (void)review_order(&shop, "5", "email:b@x.org", 1);
    struct decision decision = approve(&shop, item_us, "ada", seen);
    assert_int_equal(decision.outcome.state, REVIEW_HALF_APPROVED);
    assert_true(review_item_at(&shop, item_us, INT64_MAX).second_person);
    assert_int_equal(approve(&shop, item_us, "bob", seen).outcome.state, REVIEW_APPROVED);
    shop_close(&shop);
    shop = (struct shop){0};
    open_three(&shop);
    item_us = review_queue_match(&shop, 1, 2);
    (void)review_order(&shop, "4", "email:b@x.org", 4979);
    assert_int_equal(approve(&shop, item_us, "ada", seen_now(&shop, item_us)).outcome.state, REVIEW_APPROVED);
    shop_close(&shop);
}

static void a_first_approval_that_holds_no_longer_gives_way_to_the_next(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    struct review_item given = {
        .a = 1, .b = 2, .obstacle = OBSTACLE_REVIEW_VALUE, .second_person = true, .rule = LINK_SHARED_EVENT};
    int64_t item_us = review_queue_item(&shop, &given);
    assert_int_equal(approve(&shop, item_us, "ada", seen_now(&shop, item_us)).outcome.state, REVIEW_HALF_APPROVED);
    grow(&shop, "email:b@x.org", 5);
    const uint8_t *seen = seen_now(&shop, item_us);
    assert_int_equal(approve(&shop, item_us, "bob", seen).outcome.state, REVIEW_HALF_APPROVED);
    assert_true(bytes_is(review_item_at(&shop, item_us, INT64_MAX).first_actor, "bob"));
    struct decision decision = approve(&shop, item_us, "bob", seen);
    assert_refused(&shop, &decision, PATRON_PRECONDITION, "'bob' has approved it already");
    assert_int_equal(approve(&shop, item_us, "ada", seen).outcome.state, REVIEW_APPROVED);
    shop_close(&shop);
}

static void a_link_by_hand_of_great_value_waits_for_another_person(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    (void)review_order(&shop, "4", "email:b@x.org", 6000);
    struct link_request request = {.a = 1, .b = 2, .rule = LINK_BY_HAND, .actor = bytes_from_string("ada")};
    struct link_outcome outcome;
    struct error error;
    shop_begin(&shop);
    assert_int_equal(group_link(shop.store, &request, &outcome, &error), PATRON_OK);
    shop_commit(&shop);
    assert_int_equal(outcome.fate, LINK_WAITS);
    assert_int_equal(review_state_at(&shop, outcome.item_us, INT64_MAX), REVIEW_HALF_APPROVED);
    struct decision decision = approve(&shop, outcome.item_us, "ada", NULL);
    assert_refused(&shop, &decision, PATRON_PRECONDITION, "takes a second person");
    assert_int_equal(approve(&shop, outcome.item_us, "bob", NULL).outcome.state, REVIEW_APPROVED);
    assert_int_equal(customer_of(&shop, 2), 1);
    shop_close(&shop);
}

static void either_person_may_reject(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    struct review_item given = {
        .a = 1, .b = 2, .obstacle = OBSTACLE_REVIEW_VALUE, .second_person = true, .rule = LINK_SHARED_EVENT};
    int64_t item_us = review_queue_item(&shop, &given);
    assert_int_equal(approve(&shop, item_us, "ada", NULL).outcome.state, REVIEW_HALF_APPROVED);
    assert_int_equal(reject(&shop, item_us, "ada").outcome.state, REVIEW_REJECTED);
    struct decision decision = approve(&shop, item_us, "bob", NULL);
    assert_refused(&shop, &decision, PATRON_PRECONDITION, "rejected by 'ada'");
    shop_close(&shop);
}

/* --- rejecting ---------------------------------------------------------------------------------------------------- */

static void a_rejection_keeps_all_that_the_two_have_apart(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    (void)review_order(&shop, "4", "email:b@x.org device:c", 1); /* 2 and 3 are one */
    int64_t item_us = review_queue_match(&shop, 1, 2);
    struct decision decision = reject(&shop, item_us, "ada");
    assert_int_equal(decision.code, PATRON_OK);
    assert_int_equal(decision.outcome.state, REVIEW_REJECTED);
    int64_t at_us = decision.outcome.known_at_us;
    assert_int_equal(shop_rows(&shop, KV_SEPARATIONS), 3);
    for (uint64_t node = 1; node <= 3; node++) {
        uint8_t key[16];
        struct bytes value;
        struct separation separation;
        encode_be64(key, node);
        encode_time(key + 8, at_us);
        assert_int_equal(
            kv_get(shop.kv, NULL, KV_SEPARATIONS, bytes_of(key, sizeof key), &shop.arena, &value, NULL), PATRON_OK);
        assert_int_equal(separation_decode(bytes_of(key, sizeof key), value, &separation, NULL), PATRON_OK);
        assert_true(separation.side == (node != 1) && separation.until_us == INT64_MAX);
    }
    /* the log tells who and why */
    uint8_t key[8];
    struct bytes value;
    struct log_entry entry;
    encode_time(key, at_us);
    assert_int_equal(kv_get(shop.kv, NULL, KV_LOG, bytes_of(key, sizeof key), &shop.arena, &value, NULL), PATRON_OK);
    assert_int_equal(log_decode(bytes_of(key, sizeof key), value, &shop.arena, &entry, NULL), PATRON_OK);
    assert_int_equal(entry.change.change, CHANGE_SEPARATE);
    assert_true(entry.change.separates && entry.change.item_us == item_us && entry.change.node_count == 1);
    assert_true(entry.change.other_count == 2 && bytes_is(entry.change.actor, "ada"));
    shop_reopen(&shop);
    shop_assert_sound(&shop);
    (void)review_order(&shop, "5", "email:a@x.org device:c", 1); /* the other side's device */
    assert_int_equal(shop.outcome.identifiers_dropped, 1);
    assert_int_equal(customer_of(&shop, 3), 2);
    struct review_figures figures = review_figures_of(&shop);
    assert_true(figures.waiting == 0 && figures.rejected == 1);
    shop_close(&shop);
}

/* --- what cannot be decided --------------------------------------------------------------------------------------- */

static void what_expired_or_is_moot_is_not_decided(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t item_us = review_queue_match(&shop, 1, 2), other_us = review_queue_match(&shop, 2, 3);
    (void)review_order(&shop, "4", "email:b@x.org device:c", 1);
    struct decision decision = approve(&shop, other_us, "ada", NULL);
    assert_refused(&shop, &decision, PATRON_PRECONDITION, "moot");
    decision = reject(&shop, other_us, "ada");
    assert_refused(&shop, &decision, PATRON_PRECONDITION, "moot");
    shop.clock_us = item_us + EXPIRY;
    decision = approve(&shop, item_us, "ada", NULL);
    assert_refused(&shop, &decision, PATRON_PRECONDITION, "expired at");
    shop.clock_us = item_us + EXPIRY + DAY;
    int64_t again_us = review_queue_match(&shop, 1, 2);
    shop.clock_us = again_us + EXPIRY - 1;
    assert_int_equal(approve(&shop, again_us, "ada", NULL).code, PATRON_OK); /* the last moment */
    shop_close(&shop);
}

static void what_is_blocked_by_now_is_not_decided(void **state)
{
    (void)state;
    for (uint64_t node = 1; node <= 2; node++) {
        struct shop shop = {0};
        open_three(&shop);
        int64_t item_us = review_queue_match(&shop, 1, 2);
        struct node_entry about;
        assert_int_equal(node_get(shop.kv, NULL, node, &shop.arena, &about, NULL), PATRON_OK);
        struct kv_batch *batch = kv_batch_new(shop.kv);
        identifier_put(batch, about.hash, node, node, NODE_BLOCKED);
        assert_int_equal(kv_write(shop.kv, batch, false, NULL), PATRON_OK);
        kv_batch_free(batch);
        struct decision decision = approve(&shop, item_us, "ada", NULL);
        assert_int_equal(decision.code, PATRON_PRECONDITION);
        assert_non_null(strstr(decision.error.text, "moot"));
        shop_close(&shop);
    }
}

static void a_decision_needs_an_item_and_an_actor(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_three(&shop);
    int64_t item_us = review_queue_match(&shop, 1, 2);
    struct decision decision = approve(&shop, item_us + 1, "ada", NULL);
    assert_refused(&shop, &decision, PATRON_NOT_FOUND, "there is no review item");
    decision = approve(&shop, item_us, "", NULL);
    assert_refused(&shop, &decision, PATRON_INVALID, "actor");
    decision = reject(&shop, item_us, "\xff");
    assert_refused(&shop, &decision, PATRON_INVALID, "UTF-8");
    assert_int_equal(review_state_at(&shop, item_us, INT64_MAX), REVIEW_OPEN);
    shop_close(&shop);
}

static void a_failing_engine_leaves_no_half_of_a_decision(void **state)
{
    (void)state;
    for (int verdict = REVIEW_APPROVE; verdict <= REVIEW_REJECT; verdict++) {
        enum patron_code code = PATRON_IO;
        for (uint64_t at = 1; code != PATRON_OK; at++) {
            struct shop shop = {0};
            struct error error;
            struct review_outcome outcome;
            open_three(&shop);
            const struct review_request request = {.item_us = review_queue_match(&shop, 1, 2),
                .verdict = (enum review_verdict)verdict,
                .actor = bytes_from_string("ada")};
            kv_memory_fail_after(shop.kv, at, PATRON_IO);
            shop_begin(&shop);
            code = group_review_decide(shop.store, &request, &outcome, &error);
            if (code == PATRON_OK)
                code = store_group_commit(shop.store, &error);
            kv_memory_fail_after(shop.kv, 0, PATRON_OK);
            if (code != PATRON_OK) {
                assert_int_equal(code, PATRON_IO);
                assert_true(store_has_failed(shop.store));
                shop_reopen(&shop);
                assert_int_equal(review_state_at(&shop, request.item_us, INT64_MAX), REVIEW_OPEN);
                shop_assert_sound(&shop);
            }
            shop_close(&shop);
            assert_true(at < 200);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_approval_links_the_two_and_is_told),
        cmocka_unit_test(an_unseen_approval_counts_where_only_the_item_s_own_reason_asks),
        cmocka_unit_test(what_the_item_told_does_not_stand_in_the_way_of_an_unseen_approval),
        cmocka_unit_test(what_was_decided_does_not_expire),
        cmocka_unit_test(an_approval_of_what_has_changed_holds_where_the_rules_do),
        cmocka_unit_test(an_approval_of_what_has_changed_does_not_hold_for_what_was_not_told),
        cmocka_unit_test(what_became_a_weak_bridge_is_not_approved_unseen),
        cmocka_unit_test(what_refuses_a_link_refuses_an_approval),
        cmocka_unit_test(the_second_of_two_persons_is_never_the_first),
        cmocka_unit_test(one_who_became_that_valuable_since_takes_two_persons),
        cmocka_unit_test(a_first_approval_that_holds_no_longer_gives_way_to_the_next),
        cmocka_unit_test(a_link_by_hand_of_great_value_waits_for_another_person),
        cmocka_unit_test(either_person_may_reject),
        cmocka_unit_test(a_rejection_keeps_all_that_the_two_have_apart),
        cmocka_unit_test(what_expired_or_is_moot_is_not_decided),
        cmocka_unit_test(what_is_blocked_by_now_is_not_decided),
        cmocka_unit_test(a_decision_needs_an_item_and_an_actor),
        cmocka_unit_test(a_failing_engine_leaves_no_half_of_a_decision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
