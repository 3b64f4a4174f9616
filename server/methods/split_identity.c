/* Unlink and Block: a split is planned on a worker; in earnest it is then done by the writer, which may take a few
 * plans. What it did is told from the plan that held, what came of it from a view that has it. */
#include "server/methods/errand.h"
#include "server/methods/identity_change.h"
#include "server/methods/identity_messages.h"
#include "server/methods/identity_others.h"
#include "server/methods/methods.h"
#include "server/methods/port.h"
#include "server/methods/reply.h"
#include "store/changes/changes.h"

enum { CLOSED_MAX = 5000 };

enum patron_code identity_signature_check(const char *actor, const char *reason, struct error *error)
{
    return change_texts_check(bytes_from_string(actor), bytes_from_string(reason), true, error);
}

enum patron_code identity_effect_question(
    struct errand *errand, const char *service, struct effect_question *question, struct error *error)
{
    *question = (struct effect_question){
        .view = errand->view, .as_of_us = errand->as_of_us, .arena = &errand->call->arena};
    return effect_select(errand->view->definitions, bytes_from_string(service), question->arena,
        &question->selection, error);
}

struct split_call {
    struct errand *errand;
    struct split_request request;
    const char *service;
    bool dry_run;
    struct split *split;
    struct split_outcome outcome;
    struct effect_side before;
    uint32_t told_version; /* of the definitions whose features `before` has */
    Patron__V1__SplitIdentityResponse response;
};

/* --- what it did -------------------------------------------------------------------------------------------------- */

/* The row, for how often its evidence came and who made it; without `until` in a dry run. */
static enum patron_code closed_message(const struct split_call *call, const struct closed_link *closed,
    Patron__V1__IdentityLink **message, struct error *error)
{
    const struct view *view = call->errand->view;
    struct arena *arena = &call->errand->call->arena;
    uint8_t key[LINK_KEY_BYTES];
    encode_be64(key, closed->a);
    encode_be64(key + 8, closed->b);
    encode_time(key + 16, closed->since_us);
    struct link link = {.a = closed->a, .b = closed->b, .since_us = closed->since_us, .until_us = INT64_MAX};
    struct bytes value;
    enum patron_code code =
        kv_get(view->kv, view->snapshot, KV_LINKS, bytes_of(key, sizeof key), arena, &value, error);
    if (code == PATRON_OK)
        code = link_decode(bytes_of(key, sizeof key), value, &link, error);
    if (code != PATRON_OK && code != PATRON_NOT_FOUND)
        return code;
    if (code == PATRON_NOT_FOUND)
        link.rule = (enum link_rule)closed->rule;
    return identity_link_message(view, &link, arena, message, error);
}

static enum patron_code closed_list(struct split_call *call, const struct split_plan *plan, struct error *error)
{
    Patron__V1__SplitIdentityResponse *response = &call->response;
    response->closed_total = plan->closed_count;
    size_t count = plan->closed_count < CLOSED_MAX ? plan->closed_count : CLOSED_MAX;
    response->closed = arena_array(&call->errand->call->arena, count, sizeof response->closed[0]);
    for (; response->n_closed < count; response->n_closed++)
        TRY(closed_message(call, &plan->closed[response->n_closed], &response->closed[response->n_closed], error));
    return PATRON_OK;
}

/* As planned, or right after the entry: the parts may be one again by now, or other customers'. Where nothing splits,
 * the customer stays what it was. */
static enum patron_code effect_fill(struct split_call *call, const struct split_plan *plan, struct error *error)
{
    struct effect_question question;
    bool done = call->outcome.known_at_us != 0 && plan->part_count > 1;
    if (call->told_version != call->errand->view->definitions->version)
        return PATRON_OK; /* another version serves by now, with other features */
    TRY(identity_effect_question(call->errand, call->service, &question, error));
    if (done) {
        question.as_of_us = call->outcome.known_at_us + 1;
        TRY(effect_before_split(&question, plan, &call->before, error));
    }
    size_t count = plan->part_count < EFFECT_SIDES_MAX ? plan->part_count : EFFECT_SIDES_MAX;
    struct effect_side *after = arena_array(question.arena, count, sizeof *after);
    for (size_t i = 0; i < count; i++) {
        if (plan->part_count == 1)
            after[i] = call->before;
        else if (done)
            TRY(effect_after_split(&question, &plan->parts[i], &after[i], error));
        else
            TRY(effect_of_part(&question, &call->before, &plan->parts[i], &after[i], error));
    }
    const struct effect_sides sides = {&call->before, 1, after, count, plan->part_count};
    call->response.effect = identity_effect_message(&question, &sides);
    return PATRON_OK;
}

/* What other rules decided while the links held. */
static enum patron_code decided_fill(struct split_call *call, const struct split_plan *plan, struct error *error)
{
    if (plan->closed_count == 0)
        return PATRON_OK;
    struct arena *arena = &call->errand->call->arena;
    const struct definitions *definitions = call->errand->view->definitions;
    uint64_t *nodes = arena_array(arena, call->before.node_count, sizeof *nodes);
    for (size_t i = 0; i < call->before.node_count; i++)
        nodes[i] = call->before.nodes[i].member.node;
    const struct decided_asked asked = {nodes, call->before.node_count, plan->oldest_closed_us, call->errand->as_of_us};
    struct decided decided;
    TRY(explain_decided(call->errand->view, &asked, arena, &decided, error));
    call->response.oldest_closed_us = plan->oldest_closed_us;
    call->response.n_refusals = decided.refusal_count;
    call->response.refusals =
        identity_refusal_messages(definitions, decided.refusals, decided.refusal_count, arena);
    call->response.more_refusals = decided.more_refusals;
    call->response.n_items = decided.item_count;
    call->response.items = identity_item_messages(decided.items, decided.item_count, arena);
    call->response.more_items = decided.more_items;
    struct identity_others *others = identity_others_new(call->before.nodes, call->before.node_count, arena);
    identity_others_add_decided(
        others, decided.refusals, decided.refusal_count, decided.items, decided.item_count);
    call->response.others = arena_array(arena, others->count, sizeof call->response.others[0]);
    TRY(identity_others_messages(others, call->errand, call->response.others, error));
    call->response.n_others = others->count;
    return PATRON_OK;
}

/* --- doing it ----------------------------------------------------------------------------------------------------- */

static enum patron_code before_fill(struct split_call *call, struct error *error)
{
    struct effect_question question;
    const struct view *view = call->errand->view;
    uint64_t node = call->request.node_count > 0 ? call->request.nodes[0] : call->request.a, customer;
    TRY(membership_at(view->kv, view->snapshot, node, INT64_MAX, &customer, error));
    TRY(identity_effect_question(call->errand, call->service, &question, error));
    call->told_version = view->definitions->version;
    return effect_of_customer(&question, customer, &call->before, error);
}

static enum patron_code no_link(const struct split_call *call, struct error *error)
{
    return error_set(error, PATRON_NOT_FOUND,
        "no link holds between identifiers %llu and %llu: `patron identity show` lists those of their customer",
        (unsigned long long)call->request.a, (unsigned long long)call->request.b);
}

static enum patron_code split_do(struct split_call *call, struct error *error)
{
    struct errand *errand = call->errand;
    TRY(before_fill(call, error));
    TRY(split_prepare(call->split, errand->view, &errand->cancelled, error));
    bool names_link = call->request.node_count == 0;
    if (names_link && split_plan(call->split)->closed_count == 0)
        return no_link(call, error);
    if (call->dry_run)
        return PATRON_OK;
    TRY(errand->port->functions->split(errand->port, call->split, &errand->cancelled, &call->outcome, error));
    errand_view_now(errand);
    return PATRON_OK;
}

static enum patron_code split_work(struct split_call *call, struct error *error)
{
    call->split = split_new(&call->request);
    patron__v1__split_identity_response__init(&call->response);
    enum patron_code code = split_do(call, error);
    const struct split_plan *plan = code == PATRON_OK ? split_plan(call->split) : NULL;
    if (code == PATRON_OK)
        code = closed_list(call, plan, error);
    if (code == PATRON_OK)
        code = effect_fill(call, plan, error);
    if (code == PATRON_OK)
        code = decided_fill(call, plan, error);
    /* What is written is not reported as failed: the answer has what could be told. */
    if (call->outcome.known_at_us != 0)
        code = PATRON_OK;
    if (code == PATRON_OK) {
        call->response.known_at_us = call->outcome.known_at_us;
        reply_message(call->errand->call, &call->response.base);
    }
    split_free(call->split);
    return code;
}

/* --- Unlink ------------------------------------------------------------------------------------------------------- */

static enum patron_code nodes_find(struct errand *errand, Patron__V1__NodeName *const *names, size_t count,
    const uint64_t **nodes, struct error *error)
{
    if (count > CUSTOMER_NODES_MAX)
        return error_set(error, PATRON_INVALID, "%zu identifiers to be split off; at most %d", count,
            CUSTOMER_NODES_MAX);
    uint64_t *found = arena_array(&errand->call->arena, count, sizeof *found);
    for (size_t i = 0; i < count; i++)
        TRY(identity_name_find(errand->view, names[i], &errand->call->arena, &found[i], error));
    *nodes = found;
    return PATRON_OK;
}

static enum patron_code unlink_work(struct errand *errand, struct error *error)
{
    const Patron__V1__UnlinkIdentityRequest *request = (const Patron__V1__UnlinkIdentityRequest *)errand->request;
    struct split_call call = {.errand = errand,
        .request = {.change = CHANGE_SPLIT,
            .may_relink = request->may_relink,
            .actor = bytes_from_string(request->actor),
            .reason = bytes_from_string(request->reason)},
        .service = request->service,
        .dry_run = request->dry_run};
    struct arena *arena = &errand->call->arena;
    bool names_link = request->a || request->b;
    if (names_link == (request->n_split > 0))
        return error_set(
            error, PATRON_INVALID, "name either the two ends of a link, or the identifiers that are split off");
    TRY(identity_signature_check(request->actor, request->reason, error));
    errand_view_now(errand);
    if (names_link) {
        TRY(identity_name_find(errand->view, request->a, arena, &call.request.a, error));
        TRY(identity_name_find(errand->view, request->b, arena, &call.request.b, error));
    }
    call.request.node_count = request->n_split;
    TRY(nodes_find(errand, request->split, request->n_split, &call.request.nodes, error));
    return split_work(&call, error);
}

static void unlink_start(struct call *call, struct bytes request)
{
    errand_start(call, request, &patron__v1__unlink_identity_request__descriptor, unlink_work);
}

const struct method method_unlink_identity = ERRAND_METHOD("/patron.v1.Identity/Unlink", unlink_start);

/* --- Block -------------------------------------------------------------------------------------------------------- */

static enum patron_code block_work(struct errand *errand, struct error *error)
{
    const Patron__V1__BlockIdentityRequest *request = (const Patron__V1__BlockIdentityRequest *)errand->request;
    uint64_t node;
    struct split_call call = {.errand = errand,
        .request = {.change = CHANGE_BLOCK,
            .nodes = &node,
            .node_count = 1,
            .actor = bytes_from_string(request->actor),
            .reason = bytes_from_string(request->reason)},
        .service = request->service,
        .dry_run = request->dry_run};
    TRY(identity_signature_check(request->actor, request->reason, error));
    errand_view_now(errand);
    TRY(identity_name_find(errand->view, request->node, &errand->call->arena, &node, error));
    return split_work(&call, error);
}

static void block_start(struct call *call, struct bytes request)
{
    errand_start(call, request, &patron__v1__block_identity_request__descriptor, block_work);
}

const struct method method_block_identity = ERRAND_METHOD("/patron.v1.Identity/Block", block_start);
