/* Get: all that a person needs to decide about a review item, in one view, on a worker. */
#include "server/methods/identity_messages.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/review_messages.h"
#include "store/records/waterfall.h"

/* The two sides, and what they would be as one. */
static enum patron_code effect_tell(struct errand *errand, const struct review_sides *sides, const char *service,
    Patron__V1__IdentityEffect **effect, struct error *error)
{
    struct effect_question question = {
        .view = errand->view, .as_of_us = errand->as_of_us, .arena = &errand->call->arena};
    struct effect_side before[2], after;
    TRY(effect_select(
        errand->view->definitions, bytes_from_string(service), question.arena, &question.selection, error));
    for (int i = 0; i < 2; i++)
        TRY(effect_of_customer(&question, sides->customers[i], &before[i], error));
    TRY(effect_of_merged(&question, &before[0], &before[1], &after, error));
    const struct effect_sides all = {
        .before = before, .before_count = 2, .after = &after, .after_count = 1, .after_total = 1};
    *effect = identity_effect_message(&question, &all);
    return PATRON_OK;
}

/* How the match's score came about. */
static enum patron_code waterfall_tell(struct bytes stored, struct arena *arena,
    Patron__V1__ReviewWaterfall **message, struct error *error)
{
    struct waterfall waterfall;
    TRY(waterfall_decode(stored, &waterfall, error));
    Patron__V1__ReviewWaterfall *made = *message = arena_alloc(arena, sizeof *made);
    patron__v1__review_waterfall__init(made);
    made->prior = waterfall.prior;
    made->household = waterfall.household;
    made->weight = waterfall.weight;
    made->bars = arena_array(arena, waterfall.bar_count, sizeof made->bars[0]);
    for (; made->n_bars < waterfall.bar_count; made->n_bars++) {
        const struct waterfall_bar *bar = &waterfall.bars[made->n_bars];
        Patron__V1__ReviewBar *one = made->bars[made->n_bars] = arena_alloc(arena, sizeof *one);
        patron__v1__review_bar__init(one);
        one->column = identity_text(bar->column, arena);
        one->level = identity_text(bar->level, arena);
        one->weight = bar->weight;
        one->frequency_weight = bar->frequency_weight;
    }
    return PATRON_OK;
}

/* What would stand in the way of an approval by somebody who has seen it, and whether it takes two by now. */
static enum patron_code approval_check(struct errand *errand, const struct review_item *item,
    Patron__V1__GetReviewResponse *response, struct error *error)
{
    const struct link_request request = {.a = item->a,
        .b = item->b,
        .rule = LINK_APPROVED,
        .item_us = item->item_us,
        .passes = REVIEWS_ALL,
        .actor = bytes_from_string("whoever")};
    struct link_outcome outcome;
    TRY(link_check(errand->view, &request, errand->as_of_us, &errand->call->arena, &outcome, error));
    if (outcome.fate == LINK_REFUSED)
        response->refused = identity_text(bytes_from_string(outcome.words), &errand->call->arena);
    if (item->state == REVIEW_OPEN)
        response->item->second_person = item->second_person || outcome.verdict.second_person;
    return PATRON_OK;
}

static enum patron_code work(struct errand *errand, struct error *error)
{
    const Patron__V1__GetReviewRequest *request = (const Patron__V1__GetReviewRequest *)errand->request;
    struct arena *arena = &errand->call->arena;
    Patron__V1__GetReviewResponse response = PATRON__V1__GET_REVIEW_RESPONSE__INIT;
    struct review_item item;
    struct review_sides sides;
    response.as_of_us = review_view_now(errand);
    TRY(review_get(errand->view, request->item_us, response.as_of_us, arena, &item, error));
    TRY(review_sides_read(errand, &item, arena, &sides, error));
    TRY(review_item_message(errand, &item, &sides, &response.item, error));
    if (item.waterfall.length > 0)
        TRY(waterfall_tell(item.waterfall, arena, &response.waterfall, error));
    if (sides.customers[0] != sides.customers[1]) {
        uint8_t *seen = arena_alloc(arena, REVIEW_SEEN_BYTES);
        TRY(review_seen(errand->view, &item, arena, seen, error));
        response.seen = (ProtobufCBinaryData){REVIEW_SEEN_BYTES, seen};
        TRY(effect_tell(errand, &sides, request->service, &response.effect, error));
        TRY(approval_check(errand, &item, &response, error));
    }
    reply_message(errand->call, &response.base);
    return PATRON_OK;
}

static void start(struct call *call, struct bytes request)
{
    errand_start(call, request, &patron__v1__get_review_request__descriptor, work);
}

const struct method method_get_review = ERRAND_METHOD("/patron.v1.Review/Get", start);
