/* Review against a whole server in one process: a match that waits, how its score came about, and what is decided. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "patron/v1/review.pb-c.h"
#include "store/changes/review.h"
#include "tests/rpc/shop.h"

static const struct order orders[] = {
    {1, 1, INT64_C(1775000000) * 1000000, 12500000, "web"},
    {2, 2, INT64_C(1775100000) * 1000000, 7250001, NULL},
};

/* As store/records/waterfall.c says: two bars, and something for living together. */
static struct bytes waterfall(struct arena *arena)
{
    struct encoder to = {0};
    encode_u8(&to, 1);
    encode_real(&to, -12.5);
    encode_real(&to, -1.25);
    encode_real(&to, 3.5);
    encode_varint(&to, 2);
    encode_bytes(&to, bytes_from_string("surname"));
    encode_bytes(&to, bytes_from_string("equal"));
    encode_real(&to, 10);
    encode_real(&to, 2.25);
    encode_bytes(&to, bytes_from_string("dob"));
    encode_bytes(&to, bytes_from_string("year"));
    encode_real(&to, 5);
    encode_real(&to, 0);
    struct bytes made = arena_copy(arena, encoder_borrow(&to));
    encoder_clear(&to);
    return made;
}

struct queued_match {
    struct link_request request;
    struct link_outcome outcome;
};

static enum patron_code match(struct store *store, void *context, struct error *error)
{
    struct queued_match *matching = context;
    return group_link(store, &matching->request, &matching->outcome, error);
}

static enum patron_code queue_item(struct store *store, void *context, struct error *error)
{
    const struct review_item *item = context;
    int64_t item_us;
    return group_review_add(store, item, item->item_us, &item_us, error);
}

/* Customers 1 and 2, whose records are likely of one person; the item. */
static int64_t wait_for_a_person(struct shop *shop, struct bytes how)
{
    struct queued_match matching = {.request = {.a = 1,
                                    .b = 2,
                                    .rule = LINK_MATCH,
                                    .score = 0.9,
                                    .model = 4,
                                    .doubt = OBSTACLE_REVIEW_SCORE,
                                    .waterfall = how}};
    struct port *port = database_port(shop->database);
    struct error error;
    (void)shop_ingest(shop, orders, 2);
    if (port->functions->change(port, match, &matching, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    assert_int_equal(matching.outcome.fate, LINK_WAITS);
    return matching.outcome.item_us;
}

static Patron__V1__GetReviewResponse *get(struct shop *shop, int64_t item_us)
{
    Patron__V1__GetReviewRequest request = PATRON__V1__GET_REVIEW_REQUEST__INIT;
    request.item_us = item_us;
    shop_call(shop, "/patron.v1.Review/Get", &request);
    if (shop->answer.status != GRPC_STATUS_OK)
        return NULL;
    return patron__v1__get_review_response__unpack(NULL, shop->answer.reply.length, shop->answer.reply.data);
}

static void test_a_match_is_shown_with_how_its_score_came_about(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    int64_t item_us = wait_for_a_person(&shop, waterfall(&shop.arena));
    Patron__V1__GetReviewResponse *response = get(&shop, item_us);
    assert_non_null(response);
    const Patron__V1__ReviewItem *item = response->item;
    assert_int_equal(item->state, PATRON__V1__IDENTITY_REVIEW_STATE__IDENTITY_REVIEW_STATE_OPEN);
    assert_int_equal(item->obstacle, PATRON__V1__OBSTACLE__OBSTACLE_REVIEW_SCORE);
    assert_int_equal(item->rule, PATRON__V1__LINK_RULE__LINK_RULE_MATCH);
    assert_true(item->score == 0.9 && item->model == 4 && !item->second_person);
    assert_null(item->evidence);
    assert_null(item->worth_a); /* the definitions say nothing of worth */
    const Patron__V1__ReviewWaterfall *told = response->waterfall;
    assert_true(told->prior == -12.5 && told->household == -1.25 && told->weight == 3.5 && told->n_bars == 2);
    assert_string_equal(told->bars[0]->column, "surname");
    assert_string_equal(told->bars[0]->level, "equal");
    assert_true(told->bars[0]->weight == 10 && told->bars[0]->frequency_weight == 2.25);
    assert_string_equal(told->bars[1]->level, "year");
    assert_int_equal(response->seen.len, 16);
    assert_true(response->effect->n_before == 2 && response->effect->n_after == 1);
    assert_int_equal(response->effect->after[0]->events, 2);
    patron__v1__get_review_response__free_unpacked(response, NULL);
    shop_close(&shop);
}

/* Nothing has come in for long, as where history was loaded: what a decision would find expired is told as that. */
static void test_an_item_expires_by_the_clock_though_nothing_comes_in(void **state)
{
    (void)state;
    struct shop shop;
    int64_t day_us = 86400 * INT64_C(1000000);
    shop_open(&shop, NULL);
    struct review_item item = {
        .a = 1, .b = 2, .obstacle = OBSTACLE_REVIEW_SIZE, .rule = LINK_SHARED_EVENT, .evidence = {1}};
    struct server_status status;
    database_port(shop.database)->functions->status(database_port(shop.database), &status);
    shop.known_at_us = status.clock_us - 40 * day_us;
    int64_t item_us = shop_ingest(&shop, orders, 2) - 1;
    item.item_us = item_us;
    struct error error;
    struct port *port = database_port(shop.database);
    if (port->functions->change(port, queue_item, &item, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    Patron__V1__GetReviewResponse *response = get(&shop, item_us);
    assert_int_equal(response->item->state, PATRON__V1__IDENTITY_REVIEW_STATE__IDENTITY_REVIEW_STATE_EXPIRED);
    assert_true(response->as_of_us >= status.clock_us);
    patron__v1__get_review_response__free_unpacked(response, NULL);
    Patron__V1__ListReviewsRequest request = PATRON__V1__LIST_REVIEWS_REQUEST__INIT;
    shop_call(&shop, "/patron.v1.Review/List", &request);
    assert_int_equal(shop.answer.status, GRPC_STATUS_OK);
    Patron__V1__ListReviewsResponse *list =
        patron__v1__list_reviews_response__unpack(NULL, shop.answer.reply.length, shop.answer.reply.data);
    assert_int_equal(list->n_items, 0);
    patron__v1__list_reviews_response__free_unpacked(list, NULL);
    shop_close(&shop);
}

static void test_a_damaged_waterfall_is_told(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    int64_t item_us = wait_for_a_person(&shop, bytes_from_string("not one"));
    assert_null(get(&shop, item_us));
    assert_int_equal(shop.answer.status, GRPC_STATUS_DATA_LOSS);
    shop_close(&shop);
}

static void test_a_decision_is_seen_by_the_next_read(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    int64_t item_us = wait_for_a_person(&shop, waterfall(&shop.arena));
    Patron__V1__GetReviewResponse *shown = get(&shop, item_us);
    Patron__V1__DecideReviewRequest request = PATRON__V1__DECIDE_REVIEW_REQUEST__INIT;
    request.item_us = item_us;
    request.verdict = PATRON__V1__REVIEW_VERDICT__REVIEW_VERDICT_APPROVE;
    request.seen = shown->seen;
    request.actor = (char *)(uintptr_t) "ada";
    shop_call(&shop, "/patron.v1.Review/Decide", &request);
    assert_int_equal(shop.answer.status, GRPC_STATUS_OK);
    patron__v1__get_review_response__free_unpacked(shown, NULL);
    Patron__V1__DecideReviewResponse *decided =
        patron__v1__decide_review_response__unpack(NULL, shop.answer.reply.length, shop.answer.reply.data);
    assert_true(decided->customer == 1 && decided->merged == 2 && decided->known_at_us > item_us);
    shown = get(&shop, item_us);
    assert_int_equal(shown->item->state, PATRON__V1__IDENTITY_REVIEW_STATE__IDENTITY_REVIEW_STATE_APPROVED);
    assert_int_equal(shown->item->decided_us, decided->known_at_us);
    assert_true(shown->item->customer_a == 1 && shown->item->customer_b == 1);
    assert_null(shown->effect);
    assert_int_equal(shown->seen.len, 0);
    patron__v1__get_review_response__free_unpacked(shown, NULL);
    patron__v1__decide_review_response__free_unpacked(decided, NULL);
    request.seen = (ProtobufCBinaryData){0};
    shop_call(&shop, "/patron.v1.Review/Decide", &request);
    assert_int_equal(shop.answer.status, GRPC_STATUS_FAILED_PRECONDITION);
    assert_non_null(strstr(shop.answer.words, "approved by 'ada'"));
    shop_close(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_match_is_shown_with_how_its_score_came_about),
        cmocka_unit_test(test_an_item_expires_by_the_clock_though_nothing_comes_in),
        cmocka_unit_test(test_a_damaged_waterfall_is_told),
        cmocka_unit_test(test_a_decision_is_seen_by_the_next_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
