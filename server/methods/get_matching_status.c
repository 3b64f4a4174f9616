/* GetMatchingStatus: answered at once, from what the matcher said last. */
#include "patron/v1/matching.pb-c.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/services.h"

static void start(struct call *call, struct bytes request)
{
    (void)request; /* it has no fields */
    struct port *port = call->services->port;
    struct matching_status status;
    port->functions->matching_status(port, &status);
    const struct pairing_state *state = &status.state;
    Patron__V1__GetMatchingStatusResponse response = PATRON__V1__GET_MATCHING_STATUS_RESPONSE__INIT;
    response.matching = status.matching;
    response.current = status.current;
    response.records = state->records;
    response.recorded_us = state->recorded_us;
    response.model = state->model;
    response.walking = state->walking;
    response.walked = state->walked;
    response.pairs = state->counts.pairs;
    response.links = state->counts.links;
    response.reviews = state->counts.reviews;
    response.refused = state->counts.refused;
    response.below = state->counts.below;
    response.oversized_blocks = state->counts.oversized;
    response.cut = state->counts.cut;
    response.stale = state->counts.stale;
    response.words = status.words;
    reply_message(call, &response.base);
    call_finish(call, PATRON_OK, NULL);
}

const struct method method_get_matching_status = {
    .path = "/patron.v1.Matching/GetMatchingStatus",
    .shape = METHOD_UNARY,
    .start = start,
};
