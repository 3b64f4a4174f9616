/* Decide: a verdict about a review item, on a worker, for it waits for the writer's turn. */
#include "patron/v1/review.pb-c.h"
#include "server/methods/errand.h"
#include "server/methods/methods.h"
#include "server/methods/port.h"
#include "server/methods/reply.h"
#include "store/changes/review.h"

struct deciding {
    struct review_request request;
    struct review_outcome outcome;
};

static enum patron_code decide(struct store *store, void *context, struct error *error)
{
    struct deciding *deciding = context;
    return group_review_decide(store, &deciding->request, &deciding->outcome, error);
}

static enum patron_code request_read(
    const Patron__V1__DecideReviewRequest *message, struct review_request *request, struct error *error)
{
    if (message->verdict != PATRON__V1__REVIEW_VERDICT__REVIEW_VERDICT_APPROVE &&
        message->verdict != PATRON__V1__REVIEW_VERDICT__REVIEW_VERDICT_REJECT)
        return error_set(error, PATRON_INVALID, "the verdict is to be APPROVE or REJECT");
    if (message->seen.len != 0 && message->seen.len != REVIEW_SEEN_BYTES)
        return error_set(error, PATRON_INVALID, "`seen` has %zu bytes; Get gives %d, to be sent as they are",
            message->seen.len, REVIEW_SEEN_BYTES);
    *request = (struct review_request){.item_us = message->item_us,
        .verdict = message->verdict == PATRON__V1__REVIEW_VERDICT__REVIEW_VERDICT_APPROVE ? REVIEW_APPROVE
                                                                                           : REVIEW_REJECT,
        .has_seen = message->seen.len != 0,
        .actor = bytes_from_string(message->actor),
        .reason = bytes_from_string(message->reason)};
    if (request->has_seen)
        memcpy(request->seen, message->seen.data, REVIEW_SEEN_BYTES);
    return PATRON_OK;
}

static enum patron_code work(struct errand *errand, struct error *error)
{
    struct deciding deciding = {0};
    TRY(request_read((const Patron__V1__DecideReviewRequest *)errand->request, &deciding.request, error));
    TRY(errand->port->functions->change(errand->port, decide, &deciding, error));
    Patron__V1__DecideReviewResponse response = PATRON__V1__DECIDE_REVIEW_RESPONSE__INIT;
    response.state = (Patron__V1__IdentityReviewState)deciding.outcome.state;
    response.known_at_us = deciding.outcome.known_at_us;
    response.customer = deciding.outcome.link.customer;
    response.merged = deciding.outcome.link.merged;
    reply_message(errand->call, &response.base);
    return PATRON_OK;
}

static void start(struct call *call, struct bytes request)
{
    errand_start(call, request, &patron__v1__decide_review_request__descriptor, work);
}

const struct method method_decide_review = ERRAND_METHOD("/patron.v1.Review/Decide", start);
