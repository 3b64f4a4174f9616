/* GetMeasures: a worker takes the census, or the last one is told, beside the store's own counters. */
#include "patron/v1/measures.pb-c.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/request.h"
#include "server/methods/services.h"
#include "store/identity/rules.h"
#include "store/journal/log.h"

struct asking {
    struct call *call;
    bool fresh;
    bool background;
    enum patron_code code;
    struct error error;
};

/* --- the reply, on the worker ------------------------------------------------------------------------------ */

static Patron__V1__LinkedShare *make_share(struct arena *arena, const struct census_share *from)
{
    Patron__V1__LinkedShare *share = arena_alloc(arena, sizeof *share);
    patron__v1__linked_share__init(share);
    share->customers = from->customers;
    share->events = from->events;
    share->linked_events = from->linked_events;
    share->share = census_linked_share(from);
    return share;
}

static void add_census(
    struct arena *arena, const struct census *census, Patron__V1__GetMeasuresResponse *response)
{
    response->as_of_us = census->as_of_us;
    response->identifiers = census->identifiers;
    response->all = make_share(arena, &census->all);
    if (census->by_value)
        response->top_fifth = make_share(arena, &census->top_fifth);
    response->types = arena_array(arena, census->type_count, sizeof response->types[0]);
    for (; response->n_types < census->type_count; response->n_types++) {
        Patron__V1__IdentifierTypeShare *type = arena_alloc(arena, sizeof *type);
        patron__v1__identifier_type_share__init(type);
        type->type = arena_string(arena, bytes_from_string(census->type_names[response->n_types]));
        type->linked = make_share(arena, &census->types[response->n_types]);
        response->types[response->n_types] = type;
    }
    response->sizes = arena_array(arena, CENSUS_SIZES, sizeof response->sizes[0]);
    for (; response->n_sizes < CENSUS_SIZES; response->n_sizes++) {
        Patron__V1__CustomerSize *size = arena_alloc(arena, sizeof *size);
        patron__v1__customer_size__init(size);
        size->identifiers = (char *)(uintptr_t)census_size_labels[response->n_sizes];
        size->customers = census->sizes[response->n_sizes];
        response->sizes[response->n_sizes] = size;
    }
}

static void add_counters(
    struct arena *arena, const struct store_figures *figures, Patron__V1__GetMeasuresResponse *response)
{
    response->merges = figures->merges;
    response->splits = figures->changes.changes[CHANGE_SPLIT];
    response->blocks = figures->changes.changes[CHANGE_BLOCK];
    response->reviews_approved = figures->review.approved;
    response->reviews_rejected = figures->review.rejected;
    response->rules = arena_array(arena, OBSTACLE_FIGURES_MAX, sizeof response->rules[0]);
    for (uint8_t i = 1; i < OBSTACLE_FIGURES_MAX; i++) {
        enum obstacle obstacle;
        if (!obstacle_from(i, &obstacle)) /* there are no such numbers, yet */
            continue;
        Patron__V1__RuleCount *rule = arena_alloc(arena, sizeof *rule);
        patron__v1__rule_count__init(rule);
        rule->rule = (char *)(uintptr_t)obstacle_word(obstacle);
        rule->count = figures->refused[i];
        response->rules[response->n_rules++] = rule;
    }
}

/* What waits is told as of now, whenever customers were counted. */
static enum patron_code add_reviews(
    struct port *port, int64_t clock_us, Patron__V1__GetMeasuresResponse *response, struct error *error)
{
    const struct view *view = port->functions->view_acquire(port, NULL);
    int64_t now_us = clock_us > view->position_us ? clock_us : view->position_us + 1;
    struct census_reviews reviews;
    enum patron_code code = census_reviews_take(view, now_us, &reviews, error);
    port->functions->view_release(port, view);
    TRY(code);
    response->reviews_open = reviews.open;
    response->suspected_duplicates = reviews.suspected_duplicates;
    response->oldest_review_us = reviews.open > 0 ? reviews.oldest_us : 0;
    return PATRON_OK;
}

static enum patron_code answer(struct asking *asking, struct error *error)
{
    struct port *port = asking->call->services->port;
    struct census census;
    TRY(port->functions->measure(port, asking->fresh, &census, error));
    Patron__V1__GetMeasuresResponse response = PATRON__V1__GET_MEASURES_RESPONSE__INIT;
    struct server_status status;
    port->functions->status(port, &status);
    TRY(add_reviews(port, status.clock_us, &response, error));
    add_census(&asking->call->arena, &census, &response);
    add_counters(&asking->call->arena, &status.figures, &response);
    reply_message(asking->call, &response.base);
    return PATRON_OK;
}

static void work(void *argument)
{
    struct asking *asking = argument;
    asking->code = answer(asking, &asking->error);
    call_wake(asking->call);
}

/* --- on the gRPC thread ------------------------------------------------------------------------------------ */

static void let_go(struct asking *asking)
{
    if (asking->background)
        services_end_background(asking->call->services);
    asking->background = false;
}

static enum patron_code prepare(struct asking *asking, struct bytes bytes, struct error *error)
{
    ProtobufCMessage *message;
    TRY(request_unpack(
        &patron__v1__get_measures_request__descriptor, bytes, &asking->call->arena, &message, error));
    asking->fresh = ((const Patron__V1__GetMeasuresRequest *)(const void *)message)->fresh;
    TRY(services_begin_background(asking->call->services, error));
    asking->background = true;
    return PATRON_OK;
}

static void start(struct call *call, struct bytes bytes)
{
    struct asking *asking = arena_alloc(&call->arena, sizeof *asking);
    struct port *port = call->services->port;
    struct error error;
    asking->call = call;
    call->state = asking;
    enum patron_code code = prepare(asking, bytes, &error);
    if (code == PATRON_OK) {
        call_hold(call);
        code = port->functions->run(port, work, asking, &error);
        if (code == PATRON_OK)
            return; /* the worker has it, and may be done with it already */
        call_release(call);
    }
    let_go(asking);
    call_finish(call, code, &error);
}

static void woken(struct call *call)
{
    struct asking *asking = call->state;
    let_go(asking);
    call_finish(call, asking->code, &asking->error);
}

const struct method method_get_measures = {
    .path = "/patron.v1.Measures/GetMeasures",
    .shape = METHOD_UNARY,
    .start = start,
    .woken = woken,
};
