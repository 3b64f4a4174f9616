/* GetMeasures: a worker takes the census, or the last one is told, beside the store's own counters. */
#include "patron/v1/measures.pb-c.h"
#include "server/methods/errand.h"
#include "server/methods/methods.h"
#include "server/methods/port.h"
#include "server/methods/reply.h"
#include "store/identity/rules.h"
#include "store/journal/log.h"

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
    struct errand *errand, Patron__V1__GetMeasuresResponse *response, struct error *error)
{
    struct census_reviews reviews;
    errand_view_now(errand);
    TRY(census_reviews_take(errand->view, errand->as_of_us, &reviews, error));
    response->reviews_open = reviews.open;
    response->suspected_duplicates = reviews.suspected_duplicates;
    response->oldest_review_us = reviews.open > 0 ? reviews.oldest_us : 0;
    return PATRON_OK;
}

static enum patron_code measures_tell(struct errand *errand, struct error *error)
{
    const Patron__V1__GetMeasuresRequest *asked = (const void *)errand->request;
    struct arena *arena = &errand->call->arena;
    struct census census;
    TRY(errand->port->functions->measure(errand->port, asked->fresh, &census, error));
    Patron__V1__GetMeasuresResponse response = PATRON__V1__GET_MEASURES_RESPONSE__INIT;
    struct server_status status;
    errand->port->functions->status(errand->port, &status);
    TRY(add_reviews(errand, &response, error));
    add_census(arena, &census, &response);
    add_counters(arena, &status.figures, &response);
    reply_message(errand->call, &response.base);
    return PATRON_OK;
}

static void start(struct call *call, struct bytes request)
{
    errand_start(call, request, &patron__v1__get_measures_request__descriptor, measures_tell);
}

const struct method method_get_measures = ERRAND_METHOD("/patron.v1.Measures/GetMeasures", start);
