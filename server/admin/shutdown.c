#include "server/admin/shutdown.h"

#include <pthread.h>
#include <signal.h>
#include <uv.h>

#include "server/log.h"
#include "store/base/arena.h"
#include "store/base/check.h"

enum step { STEP_SERVING = 0, STEP_LINGERING, STEP_DRAINING, STEP_CANCELLING };

struct shutdown {
    struct shutdown_options options;
    uv_loop_t loop;
    uv_signal_t terminate;
    uv_signal_t interrupt;
    uv_timer_t timer;
    uv_async_t drained;
    enum step step;
};

static void take_step(struct shutdown *shutdown);

static void on_timer(uv_timer_t *timer)
{
    take_step(timer->data);
}

/* From now on, and not from when the loop last looked at its clock, which would cut the wait short. */
static void wait_for(struct shutdown *shutdown, uint64_t ms)
{
    uv_update_time(&shutdown->loop);
    CHECK(uv_timer_start(&shutdown->timer, on_timer, ms, 0) == 0);
}

static void take_step(struct shutdown *shutdown)
{
    const struct shutdown_options *options = &shutdown->options;
    switch (shutdown->step) {
    case STEP_SERVING:
        shutdown->step = STEP_LINGERING;
        log_write(LEVEL_INFO, "shutting down", "drain_delay_ms",
            log_number((int64_t)options->drain_delay_ms).text, "grace_ms",
            log_number((int64_t)options->grace_ms).text, NULL);
        options->not_ready(options->context);
        wait_for(shutdown, options->drain_delay_ms);
        return;
    case STEP_LINGERING:
        shutdown->step = STEP_DRAINING;
        options->shut(options->context);
        wait_for(shutdown, options->grace_ms);
        return;
    case STEP_DRAINING:
        shutdown->step = STEP_CANCELLING;
        log_write(LEVEL_WARN, "the grace is over: cancelling what is under way", NULL);
        uv_timer_stop(&shutdown->timer);
        options->cancel(options->context);
        return;
    case STEP_CANCELLING:
        return; /* there is nothing quicker left */
    }
    IMPOSSIBLE("a step outside the list");
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    take_step(signal->data);
}

static void on_drained(uv_async_t *drained)
{
    struct shutdown *shutdown = drained->data;
    uv_stop(&shutdown->loop);
}

struct shutdown *shutdown_new(const struct shutdown_options *options)
{
    struct shutdown *shutdown = memory_alloc(sizeof *shutdown);
    shutdown->options = *options;
    CHECK(uv_loop_init(&shutdown->loop) == 0);
    CHECK(uv_signal_init(&shutdown->loop, &shutdown->terminate) == 0);
    CHECK(uv_signal_init(&shutdown->loop, &shutdown->interrupt) == 0);
    CHECK(uv_timer_init(&shutdown->loop, &shutdown->timer) == 0);
    CHECK(uv_async_init(&shutdown->loop, &shutdown->drained, on_drained) == 0);
    shutdown->terminate.data = shutdown->interrupt.data = shutdown->timer.data = shutdown->drained.data =
        shutdown;
    CHECK(uv_signal_start(&shutdown->terminate, on_signal, SIGTERM) == 0);
    CHECK(uv_signal_start(&shutdown->interrupt, on_signal, SIGINT) == 0);
    return shutdown;
}

void shutdown_wait(struct shutdown *shutdown)
{
    sigset_t ours, before;
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &ours, &before);
    uv_run(&shutdown->loop, UV_RUN_DEFAULT);
    /* From here on there is nothing left to quicken: a further signal must not cut off the last write. */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void shutdown_drained(struct shutdown *shutdown)
{
    uv_async_send(&shutdown->drained);
}

static void close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    uv_close(handle, NULL);
}

void shutdown_free(struct shutdown *shutdown)
{
    if (!shutdown)
        return;
    uv_walk(&shutdown->loop, close_handle, NULL);
    uv_run(&shutdown->loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&shutdown->loop) == 0);
    memory_free(shutdown);
}
