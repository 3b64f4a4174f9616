/* The workers: everything queued is run once, the queue has an end, and stopping waits. */
#include "server/work/workers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <cmocka.h>

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int waiting;
    bool open;
};

static _Atomic int runs;

static void count_run(void *argument)
{
    runs += *(int *)argument;
}

static void wait_at_gate(void *argument)
{
    struct gate *gate = argument;
    pthread_mutex_lock(&gate->lock);
    gate->waiting++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

/* Waits until `count` threads stand at the gate. */
static void wait_for_waiting(struct gate *gate, int count)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->waiting < count)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static struct workers *new_workers(size_t threads, size_t queue_max)
{
    struct workers_options options = {.threads = threads, .queue_max = queue_max};
    struct workers *workers;
    assert_int_equal(workers_new(&options, &workers, NULL), PATRON_OK);
    return workers;
}

static void all_that_is_queued_runs_once_before_the_threads_end(void **state)
{
    (void)state;
    struct workers *workers = new_workers(3, 1000);
    int one = 1;
    runs = 0;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(workers_run(workers, count_run, &one, NULL), PATRON_OK);
    workers_stop(workers);
    assert_int_equal(runs, 1000);
}

static void a_full_queue_refuses_and_goes_on(void **state)
{
    (void)state;
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    struct workers *workers = new_workers(2, 3);
    int one = 1;
    runs = 0;
    for (int i = 0; i < 2; i++)
        assert_int_equal(workers_run(workers, wait_at_gate, &gate, NULL), PATRON_OK);
    wait_for_waiting(&gate, 2);
    for (int i = 0; i < 3; i++)
        assert_int_equal(workers_run(workers, count_run, &one, NULL), PATRON_OK);
    assert_int_equal(workers_queued(workers), 3);
    struct error error;
    assert_int_equal(workers_run(workers, count_run, &one, &error), PATRON_EXHAUSTED);
    assert_string_equal(
        error.text, "3 reads of the past, snapshots or verifications wait already: try again later");
    assert_false(workers_stopping(workers));
    open_gate(&gate);
    workers_stop(workers);
    assert_int_equal(runs, 3);
}

struct stubborn {
    struct workers *workers;
    struct gate gate;
    enum patron_code late;
};

/* Long work that ends early when it is told to, and asks for more when nothing more is given. */
static void work_until_stopping(void *argument)
{
    struct stubborn *stubborn = argument;
    wait_at_gate(&stubborn->gate);
    while (!workers_stopping(stubborn->workers))
        sched_yield();
    int one = 1;
    stubborn->late = workers_run(stubborn->workers, count_run, &one, NULL);
}

static void long_work_can_ask_whether_to_end(void **state)
{
    (void)state;
    struct stubborn stubborn = {
        .gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, true},
    };
    stubborn.workers = new_workers(1, 0);
    assert_int_equal(workers_run(stubborn.workers, work_until_stopping, &stubborn, NULL), PATRON_OK);
    wait_for_waiting(&stubborn.gate, 1);
    workers_stop(stubborn.workers);
    assert_int_equal(stubborn.late, PATRON_BUSY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_that_is_queued_runs_once_before_the_threads_end),
        cmocka_unit_test(a_full_queue_refuses_and_goes_on),
        cmocka_unit_test(long_work_can_ask_whether_to_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
