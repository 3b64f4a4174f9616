/* ApplyDefinitions: a worker reads the file, compares, and has the writer make it the newest version; from then on the
 * call watches how far its profiles are filled, and tells the client as it takes it. The filling is none of the call's:
 * it goes on whether somebody watches or not. */
#include <stdatomic.h>
#include <stddef.h>

#include "server/methods/definitions_changes.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/request.h"
#include "server/methods/services.h"
#include "store/versions/versions.h"

typedef Patron__V1__ApplyDefinitionsResponse apply_response;

struct applying {
    struct call *call;
    struct bytes text;
    bool force;
    bool dry_run;
    bool background;
    /* The worker's, then the gRPC thread's. */
    apply_response first;
    enum patron_code code;
    struct error error;
    /* The gRPC thread's. */
    bool answered;
    bool watching; /* and holds the call */
    bool sending;
    bool finished;
    bool draining;
    struct refill_watcher watcher;
    atomic_bool woken; /* by the watcher: a wake is on its way */
};

static struct port *port_of(const struct applying *applying)
{
    return applying->call->services->port;
}

/* --- on the worker ------------------------------------------------------------------------------------------------ */

/* The newest version has this text already: it serves, or it is being filled. */
static void attach(struct applying *applying, const struct view *view)
{
    uint32_t newest = versions_newest(view->versions)->number;
    applying->first.definitions_version = newest;
    applying->first.unchanged = true;
    applying->first.refill = newest != view->definitions->version;
    applying->first.done = !applying->first.refill || applying->dry_run;
    if (!applying->first.done)
        port_of(applying)->functions->refill_begin(port_of(applying));
}

static enum patron_code make(struct applying *applying, const struct view *view, struct error *error)
{
    struct arena *arena = &applying->call->arena;
    const struct version *newest = versions_newest(view->versions);
    const struct definitions *made;
    TRY(definitions_parse(
        applying->text, newest->definitions, newest->number + 1, applying->force, &made, error));
    struct changes changes = {0};
    definitions_compare(newest->definitions, made, arena, &changes);
    applying->first.definitions_version = made->version;
    applying->first.n_changes = changes.count;
    applying->first.changes = definitions_changes_messages(&changes, arena);
    applying->first.refill = view_would_refill(view, made);
    applying->first.done = applying->dry_run;
    enum patron_code code = PATRON_OK;
    if (!applying->dry_run) {
        struct define_outcome outcome = {0};
        code = port_of(applying)->functions->define(port_of(applying), made, &outcome, error);
        applying->first.done = outcome.serves;
        applying->first.refill = !outcome.serves;
    }
    definitions_release(made);
    return code;
}

static void work(void *argument)
{
    struct applying *applying = argument;
    struct port *port = port_of(applying);
    const struct view *view = port->functions->view_acquire(port, NULL);
    applying->first.compared_with = versions_newest(view->versions)->number;
    if (bytes_equal(applying->text, versions_newest(view->versions)->definitions->text))
        attach(applying, view);
    else
        applying->code = make(applying, view, &applying->error);
    port->functions->view_release(port, view);
    call_wake(applying->call);
}

/* --- on the gRPC thread ------------------------------------------------------------------------------------------- */

/* On any thread: one wake at a time, each on a hold of its own. */
static void notify(struct refill_watcher *watcher)
{
    struct applying *applying = (struct applying *)((uintptr_t)watcher - offsetof(struct applying, watcher));
    if (atomic_exchange(&applying->woken, true))
        return;
    call_hold(applying->call);
    call_wake(applying->call);
}

static void watch(struct applying *applying)
{
    applying->watching = true;
    applying->watcher.notify = notify;
    call_hold(applying->call);
    port_of(applying)->functions->refill_watch(port_of(applying), &applying->watcher);
}

static void unwatch(struct applying *applying)
{
    if (!applying->watching)
        return;
    applying->watching = false;
    CHECK(port_of(applying)->functions->refill_unwatch(port_of(applying), &applying->watcher));
    call_release(applying->call);
}

static void finish(struct applying *applying, enum patron_code code, const struct error *error)
{
    applying->finished = true;
    unwatch(applying);
    call_finish(applying->call, code, error);
}

static void let_go(struct applying *applying)
{
    if (applying->background)
        services_end_background(applying->call->services);
    applying->background = false;
}

static void finish_drained(struct applying *applying)
{
    struct error error;
    finish(applying,
        error_set(&error, PATRON_BUSY, "the server is shutting down; version %u is filled further when it is back",
            applying->first.definitions_version),
        &error);
}

static void answer(struct applying *applying)
{
    struct call *call = applying->call;
    applying->answered = true;
    let_go(applying);
    if (applying->code != PATRON_OK || call_is_over(call)) {
        finish(applying, applying->code, &applying->error);
        return;
    }
    reply_message(call, &applying->first.base);
    if (applying->first.done) {
        finish(applying, PATRON_OK, NULL);
        return;
    }
    if (applying->draining) {
        finish_drained(applying);
        return;
    }
    applying->sending = true;
    call_send(call);
    watch(applying);
}

static void tell(struct applying *applying)
{
    struct call *call = applying->call;
    if (applying->sending || applying->finished || call_is_over(call))
        return;
    struct refill_progress progress;
    port_of(applying)->functions->refill_progress(port_of(applying), &progress);
    uint32_t version = applying->first.definitions_version;
    if (progress.version < version || progress.phase == REFILL_NONE)
        return; /* not begun yet */
    if (progress.version > version) {
        finish(applying,
            error_set(&applying->error, PATRON_PRECONDITION,
                "version %u of the definitions was applied before version %u could serve", progress.version, version),
            &applying->error);
        return;
    }
    if (progress.phase == REFILL_FAILED) {
        enum patron_code code = progress.error.code;
        applying->error = progress.error;
        finish(applying, error_prefix(&applying->error, code, "version %u cannot be filled from the events: ", version),
            &applying->error);
        return;
    }
    apply_response response = PATRON__V1__APPLY_DEFINITIONS_RESPONSE__INIT;
    response.definitions_version = version;
    response.compared_with = applying->first.compared_with;
    response.refill = true;
    response.identifiers_done = progress.nodes;
    response.identifiers_total = progress.nodes_total;
    response.following = progress.phase != REFILL_FILLING;
    response.events_behind = progress.phase == REFILL_FOLLOWING ? progress.behind : 0;
    response.customers_folded = progress.customers;
    response.events_folded = progress.events;
    response.done = progress.phase == REFILL_DONE;
    reply_message(call, &response.base);
    if (response.done) {
        finish(applying, PATRON_OK, NULL);
    } else {
        applying->sending = true;
        call_send(call);
    }
}

static void woken(struct call *call)
{
    struct applying *applying = call->state;
    if (!applying->answered) {
        answer(applying);
        return;
    }
    atomic_store(&applying->woken, false);
    tell(applying);
}

/* What has changed since the message before is told by the next wake, but an end has been the last one. */
static void sent(struct call *call)
{
    struct applying *applying = call->state;
    applying->sending = false;
    struct refill_progress progress;
    port_of(applying)->functions->refill_progress(port_of(applying), &progress);
    if (progress.phase == REFILL_DONE || progress.phase == REFILL_FAILED)
        tell(applying);
}

static void cancelled(struct call *call)
{
    struct applying *applying = call->state;
    unwatch(applying);
}

static void drain(struct call *call)
{
    struct applying *applying = call->state;
    applying->draining = true;
    if (applying->answered && !applying->finished)
        finish_drained(applying);
}

static enum patron_code begin(struct call *call, struct bytes request, struct error *error)
{
    struct applying *applying = arena_alloc(&call->arena, sizeof *applying);
    applying->call = call;
    patron__v1__apply_definitions_response__init(&applying->first);
    call->state = applying;
    ProtobufCMessage *message;
    TRY(request_unpack(&patron__v1__apply_definitions_request__descriptor, request, &call->arena, &message, error));
    const Patron__V1__ApplyDefinitionsRequest *asked = (Patron__V1__ApplyDefinitionsRequest *)message;
    if (asked->text.len == 0)
        return error_set(error, PATRON_INVALID, "the definitions are empty");
    applying->text = bytes_of(asked->text.data, asked->text.len);
    applying->force = asked->force;
    applying->dry_run = asked->dry_run;
    TRY(services_begin_background(call->services, error));
    applying->background = true;
    struct port *port = port_of(applying);
    call_hold(call);
    enum patron_code code = port->functions->run(port, work, applying, error);
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
    let_go(call->state);
}

const struct method method_apply_definitions = {
    .path = "/patron.v1.Definitions/ApplyDefinitions",
    .shape = METHOD_SENDS_STREAM,
    .start = start,
    .sent = sent,
    .woken = woken,
    .cancelled = cancelled,
    .drain = drain,
    .stop = stop,
};
