/* History: a page of what happened to a customer's identifiers, on a worker. */
#include "server/methods/errand.h"
#include "server/methods/identity_messages.h"
#include "server/methods/identity_others.h"
#include "server/methods/identity_who.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "store/explain/history.h"

enum { PAGE_DEFAULT = 200 };

/* --- messages ----------------------------------------------------------------------------------------------------- */

static enum patron_code sides_fill(const struct view *view, int64_t since_us, struct arena *arena,
    Patron__V1__IdentityFact *message, struct error *error)
{
    struct explained_separation separation;
    TRY(explain_separation(view, since_us, arena, &separation, error));
    message->nodes = (uint64_t *)(uintptr_t)separation.nodes;
    message->n_nodes = separation.node_count;
    message->others = (uint64_t *)(uintptr_t)separation.others;
    message->n_others = separation.other_count;
    return PATRON_OK;
}

static enum patron_code fact_message(const struct view *view, const struct history_fact *fact, struct arena *arena,
    Patron__V1__IdentityFact **made, struct error *error)
{
    Patron__V1__IdentityFact *message = *made = arena_alloc(arena, sizeof *message);
    patron__v1__identity_fact__init(message);
    message->what = (Patron__V1__IdentityHappening)fact->what;
    message->node = fact->node;
    message->other = fact->other;
    message->customer = fact->customer;
    message->from_customer = fact->from_customer;
    message->count = fact->count;
    message->rule = (Patron__V1__LinkRule)fact->rule;
    message->obstacle = (Patron__V1__Obstacle)fact->obstacle;
    if (fact->what == HAPPENING_REFUSED)
        message->type = identity_type_name(view->definitions, fact->type, arena);
    message->item_us = fact->item_us;
    message->score = fact->score;
    if (fact->what == HAPPENING_SEPARATED || fact->what == HAPPENING_SEPARATION_ENDED)
        return sides_fill(view, fact->separated_us, arena, message, error);
    return PATRON_OK;
}

static enum patron_code moment_message(const struct view *view, const struct history_moment *moment,
    struct arena *arena, Patron__V1__IdentityMoment **message, struct error *error)
{
    Patron__V1__IdentityMoment *made = *message = arena_alloc(arena, sizeof *made);
    patron__v1__identity_moment__init(made);
    made->known_at_us = moment->known_at_us;
    made->n_facts = moment->fact_count;
    made->facts_total = moment->facts_total;
    made->facts = arena_array(arena, moment->fact_count, sizeof made->facts[0]);
    for (size_t i = 0; i < moment->fact_count; i++)
        TRY(fact_message(view, &moment->facts[i], arena, &made->facts[i], error));
    made->actor = identity_text(moment->actor, arena);
    made->reason = identity_text(moment->reason, arena);
    return moment->is_event ? identity_evidence_message(view, moment->event, arena, &made->event, error) : PATRON_OK;
}

/* --- the nodes that the page speaks of ---------------------------------------------------------------------------- */

static void sides_add(struct identity_others *others, const Patron__V1__IdentityFact *fact)
{
    for (size_t i = 0; i < fact->n_nodes; i++)
        identity_others_add(others, fact->nodes[i]);
    for (size_t i = 0; i < fact->n_others; i++)
        identity_others_add(others, fact->others[i]);
}

static enum patron_code nodes_fill(struct errand *errand, const struct explained_node *nodes, size_t count,
    const struct history *history, Patron__V1__IdentityHistoryResponse *response, struct error *error)
{
    struct arena *arena = &errand->call->arena;
    struct identity_others *others = identity_others_new(nodes, count, arena);
    for (size_t i = 0; i < history->count; i++) {
        for (size_t k = 0; k < history->moments[i].fact_count; k++) {
            identity_others_add(others, history->moments[i].facts[k].node);
            identity_others_add(others, history->moments[i].facts[k].other);
        }
    }
    /* Last, for they are many. */
    for (size_t i = 0; i < response->n_moments; i++)
        for (size_t k = 0; k < response->moments[i]->n_facts; k++)
            sides_add(others, response->moments[i]->facts[k]);
    response->n_nodes = count + others->count;
    response->nodes = arena_array(arena, response->n_nodes, sizeof response->nodes[0]);
    for (size_t i = 0; i < count; i++)
        response->nodes[i] = identity_node_message(errand->view->definitions, &nodes[i], arena);
    return identity_others_messages(others, errand, response->nodes + count, error);
}

/* --- the call ----------------------------------------------------------------------------------------------------- */

static enum patron_code page_answer(
    struct errand *errand, uint64_t customer, struct history_asked *asked, struct error *error)
{
    struct arena *arena = &errand->call->arena;
    struct explained_node *nodes;
    size_t count;
    TRY(explain_nodes(errand->view, customer, errand->as_of_us, arena, &nodes, &count, error));
    uint64_t *numbers = arena_array(arena, count, sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = nodes[i].member.node;
    asked->nodes = numbers;
    asked->node_count = count;
    asked->before_us = errand->as_of_us;
    struct history history;
    TRY(history_read(errand->view, asked, arena, &history, error));
    Patron__V1__IdentityHistoryResponse response = PATRON__V1__IDENTITY_HISTORY_RESPONSE__INIT;
    response.as_of_us = errand->as_of_us;
    response.customer = customer;
    response.moments = arena_array(arena, history.count, sizeof response.moments[0]);
    for (; response.n_moments < history.count; response.n_moments++)
        TRY(moment_message(errand->view, &history.moments[response.n_moments], arena,
            &response.moments[response.n_moments], error));
    response.next_us = history.more ? history.moments[history.count - 1].known_at_us : 0;
    TRY(nodes_fill(errand, nodes, count, &history, &response, error));
    reply_message(errand->call, &response.base);
    return PATRON_OK;
}

static enum patron_code work(struct errand *errand, struct error *error)
{
    const Patron__V1__IdentityHistoryRequest *request = (const Patron__V1__IdentityHistoryRequest *)errand->request;
    struct identity_who who = {
        .has_as_of = request->at_case == PATRON__V1__IDENTITY_HISTORY_REQUEST__AT_AS_OF_US,
        .as_of_us = request->as_of_us,
    };
    if (request->who_case == PATRON__V1__IDENTITY_HISTORY_REQUEST__WHO_IDENTIFIER)
        who.identifier = request->identifier;
    else if (request->who_case == PATRON__V1__IDENTITY_HISTORY_REQUEST__WHO_NODE)
        who.node = request->node;
    else if (request->who_case == PATRON__V1__IDENTITY_HISTORY_REQUEST__WHO_CUSTOMER)
        who.customer = request->customer;
    if (request->page_size > HISTORY_MOMENTS_MAX)
        return error_set(error, PATRON_INVALID, "%u moments a page; at most %d", request->page_size,
            HISTORY_MOMENTS_MAX);
    uint64_t customer;
    TRY(identity_who_find(errand, &who, &customer, error));
    struct history_asked asked = {.after_us = request->after_us ? request->after_us : INT64_MIN,
        .most = request->page_size ? request->page_size : PAGE_DEFAULT};
    return page_answer(errand, customer, &asked, error);
}

static void start(struct call *call, struct bytes request)
{
    errand_start(call, request, &patron__v1__identity_history_request__descriptor, work);
}

const struct method method_identity_history = ERRAND_METHOD("/patron.v1.Identity/History", start);
