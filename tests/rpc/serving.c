#include "tests/rpc/serving.h"

#include <stdio.h>
#include <time.h>

enum { METHODS_MAX = 64 };

static void on_drained(void *context)
{
    struct serving *serving = context;
    pthread_mutex_lock(&serving->lock);
    serving->drained = true;
    pthread_cond_signal(&serving->changed);
    pthread_mutex_unlock(&serving->lock);
}

void serving_start(struct serving *serving, const struct method *const *methods, size_t method_count,
    const struct engine_options *options)
{
    static const char *paths[METHODS_MAX];
    CHECK(method_count < METHODS_MAX);
    for (size_t i = 0; i < method_count; i++)
        paths[i] = methods[i]->path;
    paths[method_count] = "unknown";
    serving->drained = serving->shut = false;
    CHECK(pthread_mutex_init(&serving->lock, NULL) == 0);
    CHECK(pthread_cond_init(&serving->changed, NULL) == 0);
    serving->services.metrics = metrics_new(paths, method_count + 1);
    serving->services.version = "test";
    struct engine_options filled = options ? *options : (struct engine_options){0};
    filled.methods = methods;
    filled.method_count = method_count;
    filled.services = &serving->services;
    filled.metrics = serving->services.metrics;
    if (!filled.listen)
        filled.listen = "127.0.0.1:0";
    filled.drained = on_drained;
    filled.context = serving;
    struct error error;
    if (engine_start(&filled, &serving->engine, &error) != PATRON_OK) {
        fprintf(stderr, "%s\n", error.text);
        IMPOSSIBLE("an engine that does not start");
    }
    snprintf(serving->address, sizeof serving->address, "%s", engine_addresses(serving->engine));
}

static bool wait_drained(struct serving *serving, int timeout_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    until.tv_nsec += timeout_ms % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&serving->lock);
    int failure = 0;
    while (!serving->drained && failure == 0)
        failure = pthread_cond_timedwait(&serving->changed, &serving->lock, &until);
    bool drained = serving->drained;
    pthread_mutex_unlock(&serving->lock);
    return drained;
}

bool serving_drain(struct serving *serving, int timeout_ms)
{
    if (!serving->shut)
        engine_shutdown(serving->engine);
    serving->shut = true;
    return wait_drained(serving, timeout_ms);
}

void serving_stop(struct serving *serving)
{
    if (!serving_drain(serving, 5)) {
        engine_cancel(serving->engine);
        CHECK(wait_drained(serving, 60000));
    }
    engine_free(serving->engine);
    metrics_free(serving->services.metrics);
    pthread_cond_destroy(&serving->changed);
    pthread_mutex_destroy(&serving->lock);
}
