/* Show: a customer as of any moment, on a worker. */
#include "server/methods/errand.h"
#include "server/methods/identity_messages.h"
#include "server/methods/identity_others.h"
#include "server/methods/identity_who.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"

static Patron__V1__IdentitySeparation **separations_of(
    const struct explanation *explanation, struct arena *arena)
{
    Patron__V1__IdentitySeparation **list = arena_array(arena, explanation->separation_count, sizeof list[0]);
    for (size_t i = 0; i < explanation->separation_count; i++) {
        const struct explained_separation *separation = &explanation->separations[i];
        list[i] = arena_alloc(arena, sizeof *list[i]);
        patron__v1__identity_separation__init(list[i]);
        list[i]->since_us = separation->since_us;
        list[i]->nodes = (uint64_t *)(uintptr_t)separation->nodes;
        list[i]->n_nodes = separation->node_count;
        list[i]->others = (uint64_t *)(uintptr_t)separation->others;
        list[i]->n_others = separation->other_count;
        list[i]->actor = identity_text(separation->actor, arena);
        list[i]->reason = identity_text(separation->reason, arena);
    }
    return list;
}

static void separation_add(struct identity_others *others, const struct explained_separation *separation)
{
    for (size_t i = 0; i < separation->node_count; i++)
        identity_others_add(others, separation->nodes[i]);
    for (size_t i = 0; i < separation->other_count; i++)
        identity_others_add(others, separation->others[i]);
}

static enum patron_code reply(struct errand *errand, const struct explanation *explanation, struct error *error)
{
    struct arena *arena = &errand->call->arena;
    const struct definitions *definitions = errand->view->definitions;
    Patron__V1__ShowIdentityResponse response = PATRON__V1__SHOW_IDENTITY_RESPONSE__INIT;
    response.as_of_us = explanation->as_of_us;
    response.customer = explanation->customer;
    response.n_nodes = explanation->node_count;
    response.nodes = identity_node_messages(definitions, explanation->nodes, explanation->node_count, arena);
    response.n_links = explanation->link_count;
    response.links = arena_array(arena, explanation->link_count, sizeof response.links[0]);
    for (size_t i = 0; i < explanation->link_count; i++)
        TRY(identity_link_message(errand->view, &explanation->links[i], arena, &response.links[i], error));
    response.links_total = explanation->links_total;
    response.n_separations = explanation->separation_count;
    response.separations = separations_of(explanation, arena);
    response.more_separations = explanation->more_separations;
    response.n_refusals = explanation->refusal_count;
    response.refusals =
        identity_refusal_messages(definitions, explanation->refusals, explanation->refusal_count, arena);
    response.more_refusals = explanation->more_refusals;
    response.n_items = explanation->item_count;
    response.items = identity_item_messages(explanation->items, explanation->item_count, arena);
    response.more_items = explanation->more_items;
    struct identity_others *others = identity_others_new(explanation->nodes, explanation->node_count, arena);
    identity_others_add_decided(others, explanation->refusals, explanation->refusal_count, explanation->items,
        explanation->item_count);
    for (size_t i = 0; i < explanation->separation_count; i++)
        separation_add(others, &explanation->separations[i]);
    response.n_others = others->count;
    response.others = arena_array(arena, others->count, sizeof response.others[0]);
    TRY(identity_others_messages(others, errand, response.others, error));
    reply_message(errand->call, &response.base);
    return PATRON_OK;
}

static enum patron_code work(struct errand *errand, struct error *error)
{
    const Patron__V1__ShowIdentityRequest *request = (const Patron__V1__ShowIdentityRequest *)errand->request;
    struct identity_who who = {
        .has_as_of = request->at_case == PATRON__V1__SHOW_IDENTITY_REQUEST__AT_AS_OF_US,
        .as_of_us = request->as_of_us,
    };
    if (request->who_case == PATRON__V1__SHOW_IDENTITY_REQUEST__WHO_IDENTIFIER)
        who.identifier = request->identifier;
    else if (request->who_case == PATRON__V1__SHOW_IDENTITY_REQUEST__WHO_NODE)
        who.node = request->node;
    else if (request->who_case == PATRON__V1__SHOW_IDENTITY_REQUEST__WHO_CUSTOMER)
        who.customer = request->customer;
    uint64_t customer;
    TRY(identity_who_find(errand, &who, &customer, error));
    struct explanation explanation;
    TRY(explain_customer(
        errand->view, customer, errand->as_of_us, &errand->call->arena, &explanation, error));
    return reply(errand, &explanation, error);
}

static void start(struct call *call, struct bytes request)
{
    errand_start(call, request, &patron__v1__show_identity_request__descriptor, work);
}

const struct method method_show_identity = ERRAND_METHOD("/patron.v1.Identity/Show", start);
