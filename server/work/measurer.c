#include "server/work/measurer.h"

#include "server/work/thread.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_MS_DEFAULT = 10000, MEASURER_NICE = 10, NOTICE_MAX = ERROR_TEXT_MAX + 64 };

struct measurer {
    struct measurer_options options;
    bool has_thread;
    pthread_t thread;
    atomic_bool stopping;
    pthread_mutex_t taking; /* held while one is taken */
    pthread_mutex_t lock;   /* of the rest */
    pthread_cond_t changed;
    bool taken;
    struct census last;
};

static enum patron_code take(struct measurer *measurer, struct error *error)
{
    int64_t now_us = clock_now(measurer->options.clock);
    const struct view *view = views_acquire(measurer->options.views, NULL); /* asks nothing that history must mind */
    int64_t as_of_us = now_us > view->position_us ? now_us : view->position_us + 1;
    struct census census;
    enum patron_code code = census_take(view, as_of_us, &measurer->stopping, &census, error);
    views_release(measurer->options.views, view);
    if (code != PATRON_OK)
        return code;
    pthread_mutex_lock(&measurer->lock);
    measurer->last = census;
    measurer->taken = true;
    pthread_mutex_unlock(&measurer->lock);
    return PATRON_OK;
}

bool measurer_last(struct measurer *measurer, struct census *census)
{
    pthread_mutex_lock(&measurer->lock);
    bool taken = measurer->taken;
    if (taken)
        *census = measurer->last;
    pthread_mutex_unlock(&measurer->lock);
    return taken;
}

enum patron_code measurer_measure(
    struct measurer *measurer, bool fresh, struct census *census, struct error *error)
{
    if (!fresh && measurer_last(measurer, census))
        return PATRON_OK;
    pthread_mutex_lock(&measurer->taking);
    enum patron_code code = take(measurer, error);
    pthread_mutex_unlock(&measurer->taking);
    if (code == PATRON_OK)
        CHECK(measurer_last(measurer, census));
    return code;
}

/* False: it is to stop. */
static bool wait_ms(struct measurer *measurer, uint64_t ms)
{
    struct timespec until = thread_moment(ms);
    pthread_mutex_lock(&measurer->lock);
    while (!atomic_load(&measurer->stopping) && thread_wait(&measurer->changed, &measurer->lock, &until))
        continue;
    pthread_mutex_unlock(&measurer->lock);
    return !atomic_load(&measurer->stopping);
}

static void *run(void *argument)
{
    struct measurer *measurer = argument;
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), MEASURER_NICE); /* without, it is only less polite */
    uint64_t wait = measurer->options.first_ms ? measurer->options.first_ms : FIRST_MS_DEFAULT;
    while (wait_ms(measurer, wait)) {
        struct census census;
        struct error error;
        enum patron_code code = measurer_measure(measurer, true, &census, &error);
        if (code != PATRON_OK && code != PATRON_BUSY && measurer->options.notice) {
            char words[NOTICE_MAX];
            snprintf(words, sizeof words, "the measures of identity cannot be taken: %s", error.text);
            measurer->options.notice(measurer->options.context, words);
        }
        wait = measurer->options.every_ms;
    }
    return NULL;
}

static void measurer_free(struct measurer *measurer)
{
    pthread_cond_destroy(&measurer->changed);
    pthread_mutex_destroy(&measurer->lock);
    pthread_mutex_destroy(&measurer->taking);
    memory_free(measurer);
}

enum patron_code measurer_new(
    const struct measurer_options *options, struct measurer **measurer, struct error *error)
{
    struct measurer *made = memory_alloc(sizeof *made);
    made->options = *options;
    atomic_init(&made->stopping, false);
    CHECK(pthread_cond_init(&made->changed, NULL) == 0);
    CHECK(pthread_mutex_init(&made->lock, NULL) == 0);
    CHECK(pthread_mutex_init(&made->taking, NULL) == 0);
    made->has_thread = options->every_ms > 0;
    if (made->has_thread) {
        enum patron_code code = thread_start(&made->thread, "patron-measures", run, made, error);
        if (code != PATRON_OK) {
            measurer_free(made);
            return code;
        }
    }
    *measurer = made;
    return PATRON_OK;
}

void measurer_call_off(struct measurer *measurer)
{
    if (!measurer)
        return;
    pthread_mutex_lock(&measurer->lock);
    atomic_store(&measurer->stopping, true);
    pthread_cond_broadcast(&measurer->changed);
    pthread_mutex_unlock(&measurer->lock);
}

void measurer_stop(struct measurer *take_measurer)
{
    if (!take_measurer)
        return;
    struct measurer *measurer = take_measurer;
    measurer_call_off(measurer);
    if (measurer->has_thread)
        CHECK(pthread_join(measurer->thread, NULL) == 0);
    measurer_free(measurer);
}
