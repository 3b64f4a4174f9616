/* Verify: a worker refolds every customer; progress goes out as the client takes it, the newest figures at a
 * time, and the result last. One at a time in the whole server, for it reads everything there is. */
#include <pthread.h>
#include <time.h>

#include "patron/v1/operations.pb-c.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/services.h"

enum { FINDINGS_MAX = 10, FINDING_BYTES_MAX = 256, PROGRESS_EVERY_MS = 250 };

struct verifying {
    struct call *call;
    const struct view *view;
    bool background;
    bool sending;
    bool finished;
    atomic_bool draining;
    atomic_bool woken;    /* a wake is on its way */
    int64_t woken_ms;     /* the worker's */
    pthread_mutex_t lock; /* for what follows, between the worker and the gRPC thread */
    struct verify_result newest;
    char findings[FINDINGS_MAX][FINDING_BYTES_MAX];
    size_t finding_count;
    bool done;
    enum patron_code code;
    struct error error;
};

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* --- on the worker ----------------------------------------------------------------------------------------
 */

static bool report(void *context, const struct verify_result *so_far, const char *finding)
{
    struct verifying *verifying = context;
    if (call_is_over(verifying->call) || atomic_load(&verifying->draining))
        return false;
    pthread_mutex_lock(&verifying->lock);
    verifying->newest = *so_far;
    if (finding && verifying->finding_count < FINDINGS_MAX) {
        char *words = verifying->findings[verifying->finding_count++];
        size_t length = strnlen(finding, FINDING_BYTES_MAX - 1);
        while (length && !bytes_are_utf8(bytes_of(finding, length)))
            length--;
        memcpy(words, finding, length);
        words[length] = 0;
    }
    pthread_mutex_unlock(&verifying->lock);
    int64_t now_ms = steady_ms();
    if (now_ms - verifying->woken_ms >= PROGRESS_EVERY_MS && !atomic_exchange(&verifying->woken, true)) {
        verifying->woken_ms = now_ms;
        call_hold(verifying->call);
        call_wake(verifying->call);
    }
    return true;
}

static void work(void *argument)
{
    struct verifying *verifying = argument;
    struct verify_result result;
    struct error error;
    verifying->woken_ms = steady_ms();
    enum patron_code code = store_verify(verifying->view, &result, report, verifying, &error);
    if (code == PATRON_OK && atomic_load(&verifying->draining))
        code = error_set(&error, PATRON_BUSY, "the server is shutting down");
    pthread_mutex_lock(&verifying->lock);
    verifying->done = true;
    verifying->newest = result;
    verifying->code = code;
    if (code != PATRON_OK)
        verifying->error = error;
    pthread_mutex_unlock(&verifying->lock);
    call_wake(verifying->call);
}

/* --- on the gRPC thread -----------------------------------------------------------------------------------
 */

/* The newest figures and the findings not sent yet; `lock` is held. */
static void reply_progress(struct verifying *verifying)
{
    char *findings[FINDINGS_MAX];
    for (size_t i = 0; i < verifying->finding_count; i++)
        findings[i] = verifying->findings[i];
    Patron__V1__VerifyResponse response = PATRON__V1__VERIFY_RESPONSE__INIT;
    response.customers_checked = verifying->newest.customers;
    response.customers_total = verifying->newest.customers_total;
    response.events_folded = verifying->newest.events;
    response.differences = verifying->newest.differences;
    response.n_findings = verifying->finding_count;
    response.findings = findings;
    response.done = verifying->done;
    reply_message(verifying->call, &response.base);
    verifying->finding_count = 0;
}

static void tell(struct call *call)
{
    struct verifying *verifying = call->state;
    if (verifying->sending || verifying->finished || call_is_over(call))
        return;
    pthread_mutex_lock(&verifying->lock);
    bool done = verifying->done;
    if (verifying->code == PATRON_OK)
        reply_progress(verifying);
    pthread_mutex_unlock(&verifying->lock);
    if (done) {
        verifying->finished = true;
        call_finish(call, verifying->code, &verifying->error);
    } else {
        verifying->sending = true;
        call_send(call);
    }
}

static void woken(struct call *call)
{
    struct verifying *verifying = call->state;
    atomic_store(&verifying->woken, false);
    tell(call);
}

static void sent(struct call *call)
{
    struct verifying *verifying = call->state;
    verifying->sending = false;
    pthread_mutex_lock(&verifying->lock);
    bool done = verifying->done;
    pthread_mutex_unlock(&verifying->lock);
    if (done)
        tell(call);
}

static enum patron_code begin(struct call *call, struct error *error)
{
    struct services *services = call->services;
    struct port *port = services->port;
    if (atomic_exchange(&services->verifying, true))
        return error_set(error, PATRON_EXHAUSTED, "a verification is under way already; one at a time");
    struct verifying *verifying = arena_alloc(&call->arena, sizeof *verifying);
    verifying->call = call;
    CHECK(pthread_mutex_init(&verifying->lock, NULL) == 0);
    call->state = verifying;
    TRY(services_begin_background(services, error));
    verifying->background = true;
    verifying->view = port->functions->view_acquire(port, NULL);
    call_hold(call);
    enum patron_code code = port->functions->run(port, work, verifying, error);
    if (code != PATRON_OK)
        call_release(call);
    return code;
}

static void start(struct call *call, struct bytes request)
{
    (void)request; /* it has no fields */
    struct error error;
    enum patron_code code = begin(call, &error);
    if (code != PATRON_OK)
        call_finish(call, code, &error);
}

static void drain(struct call *call)
{
    struct verifying *verifying = call->state;
    atomic_store(&verifying->draining, true);
}

static void stop(struct call *call)
{
    struct verifying *verifying = call->state;
    struct services *services = call->services;
    if (verifying->view)
        services->port->functions->view_release(services->port, verifying->view);
    if (verifying->background)
        services_end_background(services);
    pthread_mutex_destroy(&verifying->lock);
    atomic_store(&services->verifying, false);
}

const struct method method_verify = {
    .path = "/patron.v1.Operations/Verify",
    .shape = METHOD_SENDS_STREAM,
    .start = start,
    .sent = sent,
    .woken = woken,
    .drain = drain,
    .stop = stop,
};
