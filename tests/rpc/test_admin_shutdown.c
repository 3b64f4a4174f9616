/* The steps of going down, by signals and by time. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <pthread.h>

#include "server/admin/shutdown.h"

struct going_down {
    struct shutdown *shutdown;
    char steps[16];        /* a letter each: n, s, c */
    const char *signal_at; /* steps after which a further signal comes */
    const char *drained_at;
};

static void after(struct going_down *going_down, char step)
{
    going_down->steps[strlen(going_down->steps)] = step;
    if (strcmp(going_down->steps, going_down->drained_at) == 0)
        shutdown_drained(going_down->shutdown);
    if (strcmp(going_down->steps, going_down->signal_at) == 0)
        raise(SIGINT);
}

static void not_ready(void *context)
{
    after(context, 'n');
}

static void shut(void *context)
{
    after(context, 's');
}

static void cancel(void *context)
{
    after(context, 'c');
}

static int64_t go_down(struct going_down *going_down, uint64_t drain_delay_ms, uint64_t grace_ms)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    struct shutdown_options options = {.drain_delay_ms = drain_delay_ms,
        .grace_ms = grace_ms,
        .not_ready = not_ready,
        .shut = shut,
        .cancel = cancel,
        .context = going_down};
    going_down->shutdown = shutdown_new(&options);
    struct timespec before, now;
    clock_gettime(CLOCK_MONOTONIC, &before);
    raise(SIGTERM); /* waits until shutdown_wait */
    shutdown_wait(going_down->shutdown);
    clock_gettime(CLOCK_MONOTONIC, &now);
    shutdown_free(going_down->shutdown);
    return (now.tv_sec - before.tv_sec) * 1000 + (now.tv_nsec - before.tv_nsec) / 1000000;
}

/* The loop's clock counts whole milliseconds, so that a wait may end one early by a finer clock. */
enum { LOOP_CLOCK_MS = 1 };

static void a_server_that_drains_in_time_is_not_cancelled(void **state)
{
    (void)state;
    struct going_down going_down = {.signal_at = "-", .drained_at = "ns"};
    assert_true(go_down(&going_down, 30, 60000) >= 30 - LOOP_CLOCK_MS);
    assert_string_equal(going_down.steps, "ns");
}

static void what_is_under_way_is_cancelled_when_the_grace_is_over(void **state)
{
    (void)state;
    struct going_down going_down = {.signal_at = "-", .drained_at = "nsc"};
    assert_true(go_down(&going_down, 0, 50) >= 50 - LOOP_CLOCK_MS);
    assert_string_equal(going_down.steps, "nsc");
}

static void a_second_signal_ends_the_delay_or_the_grace(void **state)
{
    (void)state;
    struct going_down hasty = {.signal_at = "n", .drained_at = "ns"};
    assert_true(go_down(&hasty, 60000, 60000) < 10000);
    assert_string_equal(hasty.steps, "ns");
    struct going_down hastier = {.signal_at = "ns", .drained_at = "nsc"};
    assert_true(go_down(&hastier, 0, 60000) < 10000);
    assert_string_equal(hastier.steps, "nsc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_that_drains_in_time_is_not_cancelled),
        cmocka_unit_test(what_is_under_way_is_cancelled_when_the_grace_is_over),
        cmocka_unit_test(a_second_signal_ends_the_delay_or_the_grace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
