#include "server/methods/errand.h"

#include "server/methods/request.h"
#include "server/methods/services.h"
#include "server/methods/view_at.h"

static void let_go_of_view(struct errand *errand)
{
    if (errand->view)
        errand->port->functions->view_release(errand->port, errand->view);
    errand->view = NULL;
}

void errand_view_now(struct errand *errand)
{
    let_go_of_view(errand);
    errand->view = view_at_some(errand->port, &errand->as_of_us);
}

enum patron_code errand_view_at(struct errand *errand, int64_t as_of_us, struct error *error)
{
    int64_t latest_us;
    let_go_of_view(errand);
    errand->as_of_us = as_of_us;
    enum patron_code code = view_at(errand->port, as_of_us, &errand->view, &latest_us, error);
    return code == PATRON_OK ? PATRON_OK : error_prefix(error, code, "as_of_us ");
}

static void work(void *argument)
{
    struct errand *errand = argument;
    errand->code = errand->work(errand, &errand->error);
    let_go_of_view(errand);
    call_wake(errand->call);
}

static enum patron_code begin(struct call *call, struct bytes request, const ProtobufCMessageDescriptor *type,
    enum patron_code (*its_work)(struct errand *errand, struct error *error), struct error *error)
{
    struct services *services = call->services;
    struct errand *errand = arena_alloc(&call->arena, sizeof *errand);
    errand->call = call;
    errand->port = services->port;
    errand->work = its_work;
    atomic_init(&errand->cancelled, false);
    call->state = errand;
    ProtobufCMessage *message;
    TRY(request_unpack(type, request, &call->arena, &message, error));
    errand->request = message;
    TRY(services_begin_background(services, error));
    errand->background = true;
    call_hold(call);
    enum patron_code code = services->port->functions->run(services->port, work, errand, error);
    if (code != PATRON_OK)
        call_release(call);
    return code;
}

void errand_start(struct call *call, struct bytes request, const ProtobufCMessageDescriptor *type,
    enum patron_code (*its_work)(struct errand *errand, struct error *error))
{
    struct error error;
    enum patron_code code = begin(call, request, type, its_work, &error);
    if (code != PATRON_OK)
        call_finish(call, code, &error);
}

void errand_woken(struct call *call)
{
    struct errand *errand = call->state;
    call_finish(call, errand->code, &errand->error);
}

void errand_cancelled(struct call *call)
{
    struct errand *errand = call->state;
    if (errand)
        atomic_store(&errand->cancelled, true);
}

void errand_drain(struct call *call)
{
    errand_cancelled(call);
}

void errand_stop(struct call *call)
{
    struct errand *errand = call->state;
    if (errand->background)
        services_end_background(call->services);
}
