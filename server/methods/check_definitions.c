/* CheckDefinitions: a file read as if it were to be applied, on a worker: a large one takes longer than the calls
 * beside it on a gRPC thread should wait. */
#include "server/methods/definitions_changes.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/request.h"
#include "server/methods/services.h"
#include "store/definitions/mistakes.h"
#include "store/versions/versions.h"

typedef Patron__V1__CheckDefinitionsResponse check_response;

struct checking {
    struct call *call;
    const struct view *view;
    bool background;
    struct bytes text;
    enum patron_code code;
    struct error error;
};

/* --- on the worker ------------------------------------------------------------------------------------------------ */

static void add_mistakes(struct arena *arena, const struct mistakes *mistakes, check_response *response)
{
    response->mistakes_total = mistakes->count;
    response->n_mistakes = mistakes_kept(mistakes);
    response->mistakes = arena_array(arena, response->n_mistakes, sizeof response->mistakes[0]);
    for (size_t i = 0; i < response->n_mistakes; i++) {
        const struct mistake *mistake = &mistakes->kept[i];
        Patron__V1__DefinitionsMistake *message = arena_alloc(arena, sizeof *message);
        patron__v1__definitions_mistake__init(message);
        message->line = (uint32_t)mistake->line;
        message->column = (uint32_t)mistake->column;
        message->words = (char *)(uintptr_t)mistake->words;
        message->forceable = mistake->forceable;
        response->mistakes[i] = message;
    }
}

static void add_changes(struct arena *arena, const struct changes *changes, check_response *response)
{
    response->unchanged = changes->count == 0;
    response->n_changes = changes->count;
    response->changes = definitions_changes_messages(changes, arena);
}

static enum patron_code check(struct checking *checking)
{
    struct arena *arena = &checking->call->arena;
    const struct version *newest = versions_newest(checking->view->versions);
    const struct definitions *before = newest->definitions, *made = NULL;
    struct mistakes *mistakes = arena_alloc(arena, sizeof *mistakes);
    mistakes->arena = arena;
    uint32_t version = newest->number + 1;
    TRY(definitions_check(checking->text, before, version, false, mistakes, &made, &checking->error));
    check_response response = PATRON__V1__CHECK_DEFINITIONS_RESPONSE__INIT;
    response.compared_with = newest->number;
    add_mistakes(arena, mistakes, &response);
    if (!made && mistakes->forceable_count == mistakes->count) {
        struct mistakes *forced = arena_alloc(arena, sizeof *forced);
        forced->arena = arena;
        TRY(definitions_check(checking->text, before, version, true, forced, &made, &checking->error));
    }
    struct changes changes = {0};
    if (made) {
        definitions_compare(before, made, arena, &changes);
        add_changes(arena, &changes, &response);
        response.refill = view_would_refill(checking->view, made);
    }
    reply_message(checking->call, &response.base);
    definitions_release(made);
    return PATRON_OK;
}

static void work(void *argument)
{
    struct checking *checking = argument;
    checking->code = check(checking);
    call_wake(checking->call);
}

/* --- on the gRPC thread ------------------------------------------------------------------------------------------- */

static void woken(struct call *call)
{
    struct checking *checking = call->state;
    call_finish(call, checking->code, &checking->error);
}

static enum patron_code begin(struct call *call, struct bytes request, struct error *error)
{
    struct services *services = call->services;
    struct port *port = services->port;
    struct checking *checking = arena_alloc(&call->arena, sizeof *checking);
    checking->call = call;
    call->state = checking;
    ProtobufCMessage *message;
    TRY(request_unpack(&patron__v1__check_definitions_request__descriptor, request, &call->arena, &message, error));
    const Patron__V1__CheckDefinitionsRequest *asked = (Patron__V1__CheckDefinitionsRequest *)message;
    checking->text = bytes_of(asked->text.data, asked->text.len);
    TRY(services_begin_background(services, error));
    checking->background = true;
    checking->view = port->functions->view_acquire(port, NULL);
    call_hold(call);
    enum patron_code code = port->functions->run(port, work, checking, error);
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
    struct checking *checking = call->state;
    struct services *services = call->services;
    if (checking->view)
        services->port->functions->view_release(services->port, checking->view);
    if (checking->background)
        services_end_background(services);
}

const struct method method_check_definitions = {
    .path = "/patron.v1.Definitions/CheckDefinitions",
    .shape = METHOD_UNARY,
    .start = start,
    .woken = woken,
    .stop = stop,
};
