#include "server/methods/health.h"

#include <pthread.h>
#include <stdatomic.h>

#include "grpc/health/v1/health.pb-c.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/request.h"
#include "server/methods/services.h"

typedef Grpc__Health__V1__HealthCheckResponse__ServingStatus serving_status;

/* A watching call. While it waits for a change it is in the list and the health has a hold on it. */
struct watcher {
    struct call *call;
    struct watcher *next;
    struct watcher *previous;
    bool listed;
    bool known;   /* the service it asked for exists */
    bool sending; /* one message at a time: what changes meanwhile is looked at when it is out */
    bool told;    /* something was sent */
    bool draining;
    serving_status last;
};

struct health {
    atomic_bool serving;
    pthread_mutex_t lock; /* the list, and `listed` of each in it */
    struct watcher *watchers;
};

struct health *health_new(void)
{
    struct health *health = memory_alloc(sizeof *health);
    CHECK(pthread_mutex_init(&health->lock, NULL) == 0);
    return health;
}

void health_free(struct health *health)
{
    if (!health)
        return;
    CHECK(!health->watchers);
    pthread_mutex_destroy(&health->lock);
    memory_free(health);
}

bool health_serving(struct health *health)
{
    return atomic_load(&health->serving);
}

static void unlist(struct health *health, struct watcher *watcher)
{
    if (watcher->previous)
        watcher->previous->next = watcher->next;
    else
        health->watchers = watcher->next;
    if (watcher->next)
        watcher->next->previous = watcher->previous;
    watcher->listed = false;
}

void health_set(struct health *health, bool serving)
{
    atomic_store(&health->serving, serving);
    pthread_mutex_lock(&health->lock);
    while (health->watchers) {
        struct watcher *watcher = health->watchers;
        unlist(health, watcher);
        call_wake(watcher->call);
    }
    pthread_mutex_unlock(&health->lock);
}

/* Names that Check and Watch know: "" and every service of ours. */
static bool is_known(const char *service)
{
    static const char *const names[] = {"", "patron.v1.Features", "patron.v1.Ingestion",
        "patron.v1.Operations", "patron.v1.Snapshots", "grpc.health.v1.Health"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(service, names[i]) == 0)
            return true;
    return false;
}

static serving_status status_now(struct health *health)
{
    return health_serving(health) ? GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
                                  : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
}

static void reply_status(struct call *call, serving_status status)
{
    Grpc__Health__V1__HealthCheckResponse response = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
    response.status = status;
    reply_message(call, &response.base);
}

static enum patron_code read_service(
    struct call *call, struct bytes request, const char **service, struct error *error)
{
    ProtobufCMessage *message;
    TRY(request_unpack(
        &grpc__health__v1__health_check_request__descriptor, request, &call->arena, &message, error));
    *service = ((Grpc__Health__V1__HealthCheckRequest *)message)->service;
    return PATRON_OK;
}

static enum patron_code check(struct call *call, struct bytes request, struct error *error)
{
    const char *service;
    TRY(read_service(call, request, &service, error));
    if (!is_known(service))
        return error_set(error, PATRON_NOT_FOUND, "no service '%.128s' here", service);
    reply_status(call, status_now(call->services->health));
    return PATRON_OK;
}

static void check_start(struct call *call, struct bytes request)
{
    struct error error;
    enum patron_code code = check(call, request, &error);
    call_finish(call, code, &error);
}

const struct method method_health_check = {
    .path = "/grpc.health.v1.Health/Check",
    .shape = METHOD_UNARY,
    .urgent = true,
    .start = check_start,
};

/* Sends the status if it is news, else waits for some. */
static void tell(struct watcher *watcher)
{
    struct call *call = watcher->call;
    struct health *health = call->services->health;
    if (watcher->sending || call_is_over(call))
        return;
    /* Listed before the look: a change after the look finds the watcher in the list and wakes it. */
    pthread_mutex_lock(&health->lock);
    if (!watcher->listed && !watcher->draining) {
        call_hold(call);
        watcher->listed = true;
        watcher->previous = NULL;
        watcher->next = health->watchers;
        if (health->watchers)
            health->watchers->previous = watcher;
        health->watchers = watcher;
    }
    pthread_mutex_unlock(&health->lock);
    serving_status status = watcher->known
                                ? status_now(health)
                                : GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVICE_UNKNOWN;
    if (!watcher->told || status != watcher->last) {
        watcher->told = true;
        watcher->last = status;
        watcher->sending = true;
        reply_status(call, status);
        call_send(call);
    } else if (watcher->draining) {
        struct error error;
        call_finish(call, error_set(&error, PATRON_BUSY, "the server is shutting down"), &error);
    }
}

static void watch_start(struct call *call, struct bytes request)
{
    struct error error;
    const char *service;
    enum patron_code code = read_service(call, request, &service, &error);
    if (code != PATRON_OK) {
        call_finish(call, code, &error);
        return;
    }
    struct watcher *watcher = arena_alloc(&call->arena, sizeof *watcher);
    watcher->call = call;
    watcher->known = is_known(service);
    call->state = watcher;
    tell(watcher);
}

static void watch_sent(struct call *call)
{
    struct watcher *watcher = call->state;
    watcher->sending = false;
    tell(watcher);
}

static void watch_woken(struct call *call)
{
    tell(call->state);
}

/* Gives back the hold of the list, unless a wake is on its way with it. */
static void leave_list(struct call *call)
{
    struct watcher *watcher = call->state;
    struct health *health = call->services->health;
    pthread_mutex_lock(&health->lock);
    bool listed = watcher->listed;
    if (listed)
        unlist(health, watcher);
    pthread_mutex_unlock(&health->lock);
    if (listed)
        call_release(call);
}

static void watch_drain(struct call *call)
{
    struct watcher *watcher = call->state;
    watcher->draining = true;
    leave_list(call);
    tell(watcher);
}

const struct method method_health_watch = {
    .path = "/grpc.health.v1.Health/Watch",
    .shape = METHOD_SENDS_STREAM,
    .urgent = true,
    .start = watch_start,
    .sent = watch_sent,
    .woken = watch_woken,
    .cancelled = leave_list,
    .drain = watch_drain,
};
