/* DropDefinitionsVersion: on a worker, for it waits for the writer's turn. */
#include "patron/v1/definitions.pb-c.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/request.h"
#include "server/methods/services.h"

struct dropping {
    struct call *call;
    uint32_t number;
    bool background;
    enum patron_code code;
    struct error error;
};

static void work(void *argument)
{
    struct dropping *dropping = argument;
    struct port *port = dropping->call->services->port;
    dropping->code = port->functions->version_drop(port, dropping->number, &dropping->error);
    if (dropping->code == PATRON_OK) {
        Patron__V1__DropDefinitionsVersionResponse response = PATRON__V1__DROP_DEFINITIONS_VERSION_RESPONSE__INIT;
        reply_message(dropping->call, &response.base);
    }
    call_wake(dropping->call);
}

static void woken(struct call *call)
{
    struct dropping *dropping = call->state;
    call_finish(call, dropping->code, &dropping->error);
}

static enum patron_code begin(struct call *call, struct bytes request, struct error *error)
{
    struct services *services = call->services;
    struct dropping *dropping = arena_alloc(&call->arena, sizeof *dropping);
    dropping->call = call;
    call->state = dropping;
    ProtobufCMessage *message;
    TRY(request_unpack(
        &patron__v1__drop_definitions_version_request__descriptor, request, &call->arena, &message, error));
    dropping->number = ((Patron__V1__DropDefinitionsVersionRequest *)message)->definitions_version;
    if (dropping->number == 0)
        return error_set(error, PATRON_INVALID, "say which version of the definitions is to be dropped");
    TRY(services_begin_background(services, error));
    dropping->background = true;
    call_hold(call);
    enum patron_code code = services->port->functions->run(services->port, work, dropping, error);
    if (code != PATRON_OK)
        call_release(call);
    return code;
}

static void start(struct call *call, struct bytes request)
{
    struct error error;
    enum patron_code code = begin(call, request, &error);
    if (code != PATRON_OK)
        call_finish(call, code, &error);
}

static void stop(struct call *call)
{
    struct dropping *dropping = call->state;
    if (dropping->background)
        services_end_background(call->services);
}

const struct method method_drop_definitions_version = {
    .path = "/patron.v1.Definitions/DropDefinitionsVersion",
    .shape = METHOD_UNARY,
    .start = start,
    .woken = woken,
    .stop = stop,
};
