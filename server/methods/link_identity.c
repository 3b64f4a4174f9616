/* Link and Unblock: on a worker, for they wait for the writer's turn. */
#include "server/methods/errand.h"
#include "server/methods/identity_change.h"
#include "server/methods/identity_messages.h"
#include "server/methods/methods.h"
#include "server/methods/port.h"
#include "server/methods/reply.h"
#include "store/changes/linking.h"

/* --- Link --------------------------------------------------------------------------------------------------------- */

struct linking_call {
    struct link_request request;
    struct link_outcome outcome;
    struct effect_side before[2];
    struct effect_side after;
    uint64_t told_customer, told_merged; /* that the effect is of; 0: there is none */
    Patron__V1__IdentityEffect *effect;
};

static enum patron_code link_in_group(struct store *store, void *context, struct error *error)
{
    struct linking_call *linking = context;
    return group_link(store, &linking->request, &linking->outcome, error);
}

/* What would come of the two customers as they are, told before anything is written: whatever happens to them later,
 * before and after are of the same events. */
static enum patron_code effect_find(
    struct errand *errand, struct linking_call *linking, const char *service, struct error *error)
{
    struct effect_question question;
    TRY(identity_effect_question(errand, service, &question, error));
    TRY(effect_of_customer(&question, linking->outcome.customer, &linking->before[0], error));
    TRY(effect_of_customer(&question, linking->outcome.merged, &linking->before[1], error));
    TRY(effect_of_merged(&question, &linking->before[0], &linking->before[1], &linking->after, error));
    const struct effect_sides sides = {linking->before, 2, &linking->after, 1, 1};
    linking->effect = identity_effect_message(&question, &sides);
    linking->told_customer = linking->outcome.customer;
    linking->told_merged = linking->outcome.merged;
    return PATRON_OK;
}

static enum patron_code end_message(
    struct errand *errand, uint64_t node, Patron__V1__IdentityNode **message, struct error *error)
{
    struct explained_node explained;
    TRY(explain_node(errand->view, node, errand->as_of_us, &errand->call->arena, &explained, error));
    *message = identity_node_message(errand->view->definitions, &explained, &errand->call->arena);
    return PATRON_OK;
}

static enum patron_code ends_fill(struct errand *errand, const struct linking_call *linking,
    Patron__V1__LinkIdentityResponse *response, struct error *error)
{
    TRY(end_message(errand, linking->request.a, &response->a, error));
    return end_message(errand, linking->request.b, &response->b, error);
}

static enum patron_code link_answer(struct errand *errand, struct linking_call *linking, struct error *error)
{
    const struct link_outcome *outcome = &linking->outcome;
    Patron__V1__LinkIdentityResponse response = PATRON__V1__LINK_IDENTITY_RESPONSE__INIT;
    response.fate = (Patron__V1__LinkFate)outcome->fate;
    response.known_at_us = outcome->known_at_us;
    response.customer = outcome->customer;
    response.merged = outcome->merged;
    response.item_us = outcome->item_us;
    response.obstacle = (Patron__V1__Obstacle)outcome->verdict.obstacle;
    bool told = outcome->fate == LINK_REFUSED || outcome->fate == LINK_WAITS;
    response.words = arena_string(&errand->call->arena, bytes_from_string(told ? outcome->words : ""));
    enum patron_code code = ends_fill(errand, linking, &response, error);
    /* What is written is not reported as failed. */
    if (code != PATRON_OK && outcome->known_at_us == 0)
        return code;
    /* The two may have changed since they were looked at. */
    if (outcome->fate == LINK_MADE && linking->told_customer == outcome->customer &&
        linking->told_merged == outcome->merged)
        response.effect = linking->effect;
    reply_message(errand->call, &response.base);
    return PATRON_OK;
}

static enum patron_code link_work(struct errand *errand, struct error *error)
{
    const Patron__V1__LinkIdentityRequest *request = (const Patron__V1__LinkIdentityRequest *)errand->request;
    struct arena *arena = &errand->call->arena;
    struct linking_call linking = {.request = {.rule = LINK_BY_HAND,
                                       .lifts = request->lift,
                                       .actor = bytes_from_string(request->actor),
                                       .reason = bytes_from_string(request->reason)}};
    TRY(identity_signature_check(request->actor, request->reason, error));
    errand_view_now(errand);
    TRY(identity_name_find(errand->view, request->a, arena, &linking.request.a, error));
    TRY(identity_name_find(errand->view, request->b, arena, &linking.request.b, error));
    if (linking.request.a == linking.request.b)
        return error_set(error, PATRON_INVALID, "a link has two ends, and both names are of one identifier");
    const struct identifier_type *type;
    TRY(identity_name_value(errand->view, request->a, arena, &type, &linking.request.a_value, error));
    TRY(identity_name_value(errand->view, request->b, arena, &type, &linking.request.b_value, error));
    TRY(link_check(errand->view, &linking.request, errand->as_of_us, arena, &linking.outcome, error));
    if (linking.outcome.fate == LINK_MADE)
        TRY(effect_find(errand, &linking, request->service, error));
    if (!request->dry_run) {
        TRY(errand->port->functions->change(errand->port, link_in_group, &linking, error));
        errand_view_now(errand);
    }
    return link_answer(errand, &linking, error);
}

static void link_start(struct call *call, struct bytes request)
{
    errand_start(call, request, &patron__v1__link_identity_request__descriptor, link_work);
}

const struct method method_link_identity = ERRAND_METHOD("/patron.v1.Identity/Link", link_start);

/* --- Unblock ------------------------------------------------------------------------------------------------------ */

struct unblocking {
    uint64_t node;
    struct bytes actor, reason;
    int64_t known_at_us;
};

static enum patron_code unblock_in_group(struct store *store, void *context, struct error *error)
{
    struct unblocking *unblocking = context;
    return group_unblock(
        store, unblocking->node, unblocking->actor, unblocking->reason, &unblocking->known_at_us, error);
}

/* A value that the definitions list or match: group_unblock knows what is listed, but only who names a value can tell
 * what a pattern matches. */
static enum patron_code value_may_link(
    struct errand *errand, const Patron__V1__NodeName *name, struct error *error)
{
    const struct definitions *definitions = errand->view->definitions;
    const struct identifier_type *type;
    struct bytes value;
    TRY(identity_name_value(errand->view, name, &errand->call->arena, &type, &value, error));
    if (!type || !identifier_never_links(type, value))
        return PATRON_OK;
    return error_set(error, PATRON_PRECONDITION,
        "version %lu of the definitions blocks the identifier: take it out of them first",
        (unsigned long)definitions->version);
}

static enum patron_code unblock_work(struct errand *errand, struct error *error)
{
    const Patron__V1__UnblockIdentityRequest *request = (const Patron__V1__UnblockIdentityRequest *)errand->request;
    struct unblocking unblocking = {
        .actor = bytes_from_string(request->actor), .reason = bytes_from_string(request->reason)};
    TRY(identity_signature_check(request->actor, request->reason, error));
    errand_view_now(errand);
    TRY(identity_name_find(errand->view, request->node, &errand->call->arena, &unblocking.node, error));
    TRY(value_may_link(errand, request->node, error));
    TRY(errand->port->functions->change(errand->port, unblock_in_group, &unblocking, error));
    Patron__V1__UnblockIdentityResponse response = PATRON__V1__UNBLOCK_IDENTITY_RESPONSE__INIT;
    response.known_at_us = unblocking.known_at_us;
    reply_message(errand->call, &response.base);
    return PATRON_OK;
}

static void unblock_start(struct call *call, struct bytes request)
{
    errand_start(call, request, &patron__v1__unblock_identity_request__descriptor, unblock_work);
}

const struct method method_unblock_identity = ERRAND_METHOD("/patron.v1.Identity/Unblock", unblock_start);
