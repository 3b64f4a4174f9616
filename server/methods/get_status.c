/* GetStatus: what the server is and holds. Answered however busy the server is. */
#include "patron/v1/operations.pb-c.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/services.h"

static char *name_of(struct call *call, struct bytes name)
{
    return arena_string(&call->arena, name);
}

static void add_names(
    struct call *call, const struct definitions *definitions, Patron__V1__GetStatusResponse *response)
{
    response->definitions_version = definitions->version;
    response->services = arena_array(&call->arena, definitions->service_count, sizeof response->services[0]);
    for (size_t i = 0; i < definitions->service_count; i++)
        response->services[response->n_services++] = name_of(call, definitions->services[i].name);
    response->features = arena_array(&call->arena, definitions->feature_count, sizeof response->features[0]);
    for (size_t i = 0; i < definitions->feature_count; i++)
        response->features[response->n_features++] = name_of(call, definitions->features[i].name);
}

static void start(struct call *call, struct bytes request)
{
    (void)request; /* it has no fields */
    struct port *port = call->services->port;
    struct server_status status;
    port->functions->status(port, &status);
    Patron__V1__GetStatusResponse response = PATRON__V1__GET_STATUS_RESPONSE__INIT;
    response.version = (char *)(uintptr_t)call->services->version;
    response.newest_known_at_us = status.newest_known_at_us;
    response.clock_us = status.clock_us;
    response.machine_clock_us = status.machine_clock_us;
    response.clock_jumped = status.clock_jumped;
    response.nodes = status.figures.nodes;
    response.events = status.figures.events;
    response.profiles_behind = status.figures.profiles_behind;
    response.shared_costs_shared = status.figures.sharing.shared;
    response.shared_costs_waiting = status.figures.sharing.waiting;
    response.shared_costs_unallocated = status.figures.sharing.unallocated;
    response.shared_costs_words = status.figures.sharing.words;
    /* No moment is answered: looking at an empty store must not keep its history from coming in. */
    const struct view *view = port->functions->view_acquire(port, NULL);
    add_names(call, view->definitions, &response);
    port->functions->view_release(port, view);
    reply_message(call, &response.base);
    call_finish(call, PATRON_OK, NULL);
}

const struct method method_get_status = {
    .path = "/patron.v1.Operations/GetStatus",
    .shape = METHOD_UNARY,
    .urgent = true,
    .start = start,
};
