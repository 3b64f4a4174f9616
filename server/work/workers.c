#include "server/work/workers.h"

#include "server/work/thread.h"
#include "store/base/arena.h"
#include "store/base/limits.h"

#include <inttypes.h>

enum { WORKER_THREADS_DEFAULT = 2 };

struct job {
    void (*work)(void *argument);
    void *argument;
};

struct workers {
    pthread_mutex_t lock; /* of all below but the threads */
    pthread_cond_t changed;
    struct job *queue; /* a ring */
    size_t queue_max;
    size_t first;
    size_t waiting;
    bool stopping;
    size_t thread_count;
    pthread_t threads[];
};

static void *run_jobs(void *argument)
{
    struct workers *workers = argument;
    pthread_mutex_lock(&workers->lock);
    for (;;) {
        while (workers->waiting == 0 && !workers->stopping)
            pthread_cond_wait(&workers->changed, &workers->lock);
        if (workers->waiting == 0)
            break;
        struct job job = workers->queue[workers->first];
        workers->first = (workers->first + 1) % workers->queue_max;
        workers->waiting--;
        pthread_mutex_unlock(&workers->lock);
        job.work(job.argument);
        pthread_mutex_lock(&workers->lock);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

enum patron_code workers_new(
    const struct workers_options *options, struct workers **workers, struct error *error)
{
    size_t threads = options->threads ? options->threads : WORKER_THREADS_DEFAULT;
    struct workers *made = memory_alloc(sizeof *made + threads * sizeof made->threads[0]);
    CHECK(pthread_mutex_init(&made->lock, NULL) == 0);
    CHECK(pthread_cond_init(&made->changed, NULL) == 0);
    made->queue_max = options->queue_max ? options->queue_max : WORK_QUEUE_MAX;
    made->queue = memory_alloc(made->queue_max * sizeof *made->queue);
    while (made->thread_count < threads) {
        enum patron_code code =
            thread_start(&made->threads[made->thread_count], "patron-worker", run_jobs, made, error);
        if (code != PATRON_OK) {
            workers_stop(made);
            return code;
        }
        made->thread_count++;
    }
    *workers = made;
    return PATRON_OK;
}

enum patron_code workers_run(
    struct workers *workers, void (*work)(void *argument), void *argument, struct error *error)
{
    pthread_mutex_lock(&workers->lock);
    bool stopping = workers->stopping;
    bool full = workers->waiting == workers->queue_max;
    if (!stopping && !full) {
        size_t last = (workers->first + workers->waiting) % workers->queue_max;
        workers->queue[last] = (struct job){work, argument};
        workers->waiting++;
        pthread_cond_signal(&workers->changed);
    }
    pthread_mutex_unlock(&workers->lock);
    if (stopping)
        return error_set(error, PATRON_BUSY, "the server is shutting down");
    if (full)
        return error_set(error, PATRON_EXHAUSTED,
            "%zu reads of the past, snapshots or verifications wait already: try again later",
            workers->queue_max);
    return PATRON_OK;
}

bool workers_stopping(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    bool stopping = workers->stopping;
    pthread_mutex_unlock(&workers->lock);
    return stopping;
}

size_t workers_queued(struct workers *workers)
{
    pthread_mutex_lock(&workers->lock);
    size_t waiting = workers->waiting;
    pthread_mutex_unlock(&workers->lock);
    return waiting;
}

void workers_stop(struct workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->stopping = true;
    pthread_cond_broadcast(&workers->changed);
    pthread_mutex_unlock(&workers->lock);
    for (size_t i = 0; i < workers->thread_count; i++)
        CHECK(pthread_join(workers->threads[i], NULL) == 0);
    pthread_cond_destroy(&workers->changed);
    pthread_mutex_destroy(&workers->lock);
    memory_free(workers->queue);
    memory_free(workers);
}
