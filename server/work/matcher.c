/* One pairing, stepped for ever; it is made anew after a failure, and goes on where its row says. */
#include "server/work/matcher.h"

#include "server/work/disk.h"
#include "server/work/thread.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    LOOK_EVERY_MS = 200,
    RETRY_MS = 2000,
    TRAIN_WAITS_MS = 50, /* between two looks at how far the records are */
    MATCHER_NICE = 5,
    WORDS_MAX = ERROR_TEXT_MAX + 64,
};

struct matcher {
    struct matcher_options options;
    pthread_t thread;
    atomic_bool called_off; /* no training goes on */
    atomic_bool training;

    pthread_mutex_t lock; /* of the next three */
    pthread_cond_t changed;
    bool stopping;
    struct matching_status status;

    /* The thread's alone. */
    struct pairing *pairing;
    bool more; /* pairs that the next group takes */
    char told[WORDS_MAX];
};

static bool is_stopping(struct matcher *matcher)
{
    pthread_mutex_lock(&matcher->lock);
    bool stopping = matcher->stopping;
    pthread_mutex_unlock(&matcher->lock);
    return stopping;
}

/* Returns early when it is to stop. */
static void wait_ms(struct matcher *matcher, int64_t ms)
{
    struct timespec until = thread_moment((uint64_t)ms);
    pthread_mutex_lock(&matcher->lock);
    while (!matcher->stopping && thread_wait(&matcher->changed, &matcher->lock, &until))
        continue;
    pthread_mutex_unlock(&matcher->lock);
}

/* --- on the writer's thread --------------------------------------------------------------------------------------- */

static enum patron_code write_records(void *context, struct error *error)
{
    struct matcher *matcher = context;
    TRY(pairing_write(matcher->options.store, matcher->pairing, error));
    views_publish(matcher->options.views);
    return PATRON_OK;
}

static enum patron_code join_pairs(struct store *store, void *context, struct error *error)
{
    struct matcher *matcher = context;
    return group_pair(store, matcher->pairing, &matcher->more, error);
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static void status_set(struct matcher *matcher, const struct view *view, enum pairing_next next)
{
    const struct pairing_state *state = pairing_progress(matcher->pairing);
    const char *words = pairing_words(matcher->pairing);
    pthread_mutex_lock(&matcher->lock);
    struct matching_status *status = &matcher->status;
    *status = (struct matching_status){.matching = view->definitions->matching != NULL,
        .definitions_version = view->definitions->version,
        .seen_us = view->position_us,
        .rests = next == PAIRING_IDLE};
    if (state)
        status->state = *state;
    if (words)
        snprintf(status->words, sizeof status->words, "%s", words);
    pthread_mutex_unlock(&matcher->lock);
}

static enum patron_code carry_out(struct matcher *matcher, enum pairing_next next, struct error *error)
{
    const struct matcher_options *options = &matcher->options;
    if (next == PAIRING_WRITE) {
        if (options->directory)
            TRY(disk_check(options->directory, options->disk_reserve_bytes, error));
        return writer_run(options->writer, write_records, matcher, error);
    }
    matcher->more = next == PAIRING_JOIN;
    while (matcher->more && !is_stopping(matcher))
        TRY(identity_change_unasked(options->identity, join_pairs, matcher, error));
    return PATRON_OK;
}

static enum patron_code step(struct matcher *matcher, enum pairing_next *next, struct error *error)
{
    const struct view *view = views_acquire(matcher->options.views, NULL);
    enum patron_code code = pairing_step(matcher->pairing, view, next, error);
    if (code == PATRON_OK)
        code = carry_out(matcher, *next, error);
    if (code == PATRON_OK)
        status_set(matcher, view, *next);
    views_release(matcher->options.views, view);
    return code;
}

/* What it could not do, or the empty text: it can again. */
static void tell(struct matcher *matcher, const char *words)
{
    pthread_mutex_lock(&matcher->lock);
    if (words[0])
        snprintf(matcher->status.words, sizeof matcher->status.words, "%s", words);
    pthread_mutex_unlock(&matcher->lock);
    if (strcmp(matcher->told, words) == 0)
        return;
    snprintf(matcher->told, sizeof matcher->told, "%s", words);
    if (words[0] && matcher->options.notice)
        matcher->options.notice(matcher->options.context, words);
}

static void begin_anew(struct matcher *matcher, enum patron_code code, const struct error *error)
{
    pairing_free(matcher->pairing);
    matcher->pairing = pairing_new();
    if (code == PATRON_BUSY)
        return;
    char words[WORDS_MAX];
    snprintf(words, sizeof words, "records are not matched: %s", error->text);
    tell(matcher, words);
}

static void *run(void *argument)
{
    struct matcher *matcher = argument;
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), MATCHER_NICE); /* behind whoever serves */
    matcher->pairing = pairing_new();
    while (!is_stopping(matcher)) {
        struct error error;
        enum pairing_next next;
        enum patron_code code = step(matcher, &next, &error);
        if (code != PATRON_OK)
            begin_anew(matcher, code, &error);
        else
            tell(matcher, "");
        if (code != PATRON_OK || next == PAIRING_IDLE)
            wait_ms(matcher, code == PATRON_OK ? LOOK_EVERY_MS : RETRY_MS);
    }
    pairing_free(matcher->pairing);
    return NULL;
}

/* --- training ----------------------------------------------------------------------------------------------------- */

struct matcher_training {
    struct matcher *matcher;
    const struct train_watch *watch;
    const struct match_model *model;
    uint32_t definitions_version;
    struct model_entry *entry;
};

static bool training_tell(const struct matcher_training *training, enum train_phase phase, double done)
{
    return !atomic_load(&training->matcher->called_off) &&
           training->watch->go_on(training->watch->context, phase, done);
}

static bool training_goes_on(void *context, bool reading, double done)
{
    return training_tell(context, reading ? TRAIN_READING : TRAIN_ESTIMATING, done);
}

/* Until all that came before is in the records. */
static enum patron_code records_wait(const struct matcher_training *training, struct error *error)
{
    struct matcher *matcher = training->matcher;
    const int64_t until_us = views_position_us(matcher->options.views);
    for (;;) {
        struct matching_status status;
        matcher_status(matcher, &status);
        if (status.seen_us >= until_us &&
            (!status.matching || (status.state.generation > 0 && status.state.recorded_us >= until_us)))
            return PATRON_OK;
        if (!training_tell(training, TRAIN_FOLLOWING, 0) || is_stopping(matcher))
            return error_set(error, PATRON_CANCELLED, "the training was stopped");
        const struct timespec pause = {.tv_nsec = TRAIN_WAITS_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
}

static enum patron_code model_put(struct store *store, void *context, struct error *error)
{
    struct matcher_training *training = context;
    return group_model_add(store, training->model, training->definitions_version, training->entry, error);
}

static enum patron_code train(struct matcher_training *training, struct error *error)
{
    const struct matcher_options *options = &training->matcher->options;
    TRY(records_wait(training, error));
    const struct model_progress progress = {training_goes_on, training};
    const struct view *view = views_acquire(options->views, NULL);
    struct match_model *model = NULL;
    training->definitions_version = view->definitions->version;
    enum patron_code code = model_train(view, &progress, &model, error);
    views_release(options->views, view);
    training->model = model;
    if (code == PATRON_OK)
        code = identity_change_unasked(options->identity, model_put, training, error);
    match_model_free(model);
    return code;
}

enum patron_code matcher_train(struct matcher *matcher, const struct train_watch *watch, struct model_entry *entry,
    struct error *error)
{
    if (atomic_exchange(&matcher->training, true))
        return error_set(error, PATRON_EXHAUSTED, "a model is being trained already; one at a time");
    struct matcher_training training = {.matcher = matcher, .watch = watch, .entry = entry};
    enum patron_code code = train(&training, error);
    atomic_store(&matcher->training, false);
    if (code == PATRON_CANCELLED && atomic_load(&matcher->called_off))
        return error_set(error, PATRON_BUSY, "the server is shutting down");
    return code;
}

/* --- from outside ------------------------------------------------------------------------------------------------- */

void matcher_status(struct matcher *matcher, struct matching_status *status)
{
    pthread_mutex_lock(&matcher->lock);
    *status = matcher->status;
    pthread_mutex_unlock(&matcher->lock);
    status->current = status->rests && status->seen_us >= views_position_us(matcher->options.views);
}

enum patron_code matcher_new(const struct matcher_options *options, struct matcher **matcher, struct error *error)
{
    struct matcher *made = memory_alloc(sizeof *made);
    made->options = *options;
    made->status.seen_us = INT64_MIN;
    atomic_init(&made->called_off, false);
    atomic_init(&made->training, false);
    CHECK(pthread_cond_init(&made->changed, NULL) == 0);
    CHECK(pthread_mutex_init(&made->lock, NULL) == 0);
    enum patron_code code = thread_start(&made->thread, "patron-matcher", run, made, error);
    if (code != PATRON_OK) {
        pthread_mutex_destroy(&made->lock);
        pthread_cond_destroy(&made->changed);
        memory_free(made);
        return code;
    }
    *matcher = made;
    return PATRON_OK;
}

void matcher_call_off(struct matcher *matcher)
{
    if (matcher)
        atomic_store(&matcher->called_off, true);
}

void matcher_stop(struct matcher *matcher)
{
    if (!matcher)
        return;
    pthread_mutex_lock(&matcher->lock);
    matcher->stopping = true;
    pthread_cond_broadcast(&matcher->changed);
    pthread_mutex_unlock(&matcher->lock);
    CHECK(pthread_join(matcher->thread, NULL) == 0);
    pthread_mutex_destroy(&matcher->lock);
    pthread_cond_destroy(&matcher->changed);
    memory_free(matcher);
}
