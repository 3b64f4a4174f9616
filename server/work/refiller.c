/* One job at a time: fill until the newest version serves, then sweep. Each step is made on this thread and written by
 * the writer; between them it looks whether it is to stop. */
#include "server/work/refiller.h"

#include "server/work/disk.h"
#include "server/work/pace.h"
#include "server/work/thread.h"
#include "store/versions/refill.h"

#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
    TELL_EVERY_MS = 250,
    ROOM_EVERY_MS = 1000, /* looks for room on a full disk */
    SWEEP_ROWS = 1000,
    SWEEP_EVERY_MS = 2, /* nobody waits for it */
    /* Entries of the log that the writer applies at the switch: some 10 ms of its work. Where more come in than that
     * between two looks, it is doubled, up to a bound, rather than never to switch. */
    FINISH_ENTRIES = 256,
    FINISH_ENTRIES_MAX = 8192,
    REFILLER_NICE = 5,
    WORDS_MAX = ERROR_TEXT_MAX + 128,
};

struct refiller {
    struct refiller_options options;
    pthread_t thread;

    pthread_mutex_t lock; /* of the next five */
    pthread_cond_t changed;
    bool wanted;
    bool stopping;
    struct refill_progress progress;
    struct refill_watcher *watchers;

    /* The thread's alone. */
    struct refill *refill;
    struct view view; /* not one of views.h: it asks for no profile, so none is to be kept for it */
    bool viewed;
    size_t finish_entries;
    uint64_t events_seen;    /* of the store, when the view was taken */
    uint64_t events_arrived; /* when the last step was written */
    struct pace pace;
    bool asked;
    bool finished;
    bool left;
    int64_t told_ms;
};

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static bool is_stopping(struct refiller *refiller)
{
    pthread_mutex_lock(&refiller->lock);
    bool stopping = refiller->stopping;
    pthread_mutex_unlock(&refiller->lock);
    return stopping;
}

/* Returns early when it is to stop. */
static void wait_ms(struct refiller *refiller, int64_t ms)
{
    struct timespec until = thread_moment((uint64_t)ms);
    pthread_mutex_lock(&refiller->lock);
    while (!refiller->stopping && thread_wait(&refiller->changed, &refiller->lock, &until))
        continue;
    pthread_mutex_unlock(&refiller->lock);
}

/* --- telling ------------------------------------------------------------------------------------------- */

static void tell(struct refiller *refiller, enum refill_phase phase, const struct error *why)
{
    struct refill_figures figures = {0};
    if (refiller->refill)
        refill_figures(refiller->refill, &figures);
    pthread_mutex_lock(&refiller->lock);
    struct refill_progress *progress = &refiller->progress;
    progress->phase = phase;
    if (refiller->refill) {
        progress->version = figures.version;
        progress->nodes = figures.nodes;
        progress->nodes_total = figures.nodes_total;
        progress->customers = figures.customers;
        progress->events = figures.events;
        progress->behind =
            phase == REFILL_FOLLOWING ? figures.behind + refiller->events_arrived - refiller->events_seen : 0;
    }
    progress->refills += phase == REFILL_DONE;
    if (why)
        progress->error = *why;
    for (struct refill_watcher *watcher = refiller->watchers; watcher; watcher = watcher->next)
        watcher->notify(watcher);
    pthread_mutex_unlock(&refiller->lock);
    refiller->told_ms = steady_ms();
}

static void tell_now_and_then(struct refiller *refiller)
{
    struct refill_figures figures;
    if (steady_ms() - refiller->told_ms < TELL_EVERY_MS)
        return;
    refill_figures(refiller->refill, &figures);
    tell(refiller, figures.following ? REFILL_FOLLOWING : REFILL_FILLING, NULL);
}

/* Says once that the writer takes in less. */
static void tell_of_giving_way(const struct refiller *refiller, uint32_t version, uint32_t limit)
{
    char words[WORDS_MAX];
    snprintf(words, sizeof words,
        "events come in faster than version %u of the definitions is filled with them: until it serves they are taken "
        "in slower, at some %u a second",
        version, limit);
    if (refiller->options.notice)
        refiller->options.notice(refiller->options.context, words);
}

/* Once all customers are folded, the log must be followed faster than it grows, or it would never end. */
static void keep_pace(struct refiller *refiller)
{
    struct refill_figures figures;
    refill_figures(refiller->refill, &figures);
    if (!figures.following)
        return;
    uint32_t before = refiller->pace.limit;
    uint32_t limit = pace_look(&refiller->pace, steady_ms(), figures.entries, refiller->events_arrived);
    if (limit != before)
        writer_limit(refiller->options.writer, limit);
    if (limit > 0 && before == 0)
        tell_of_giving_way(refiller, figures.version, limit);
}

/* --- on the writer's thread ----------------------------------------------------------------------------- */

static enum patron_code begin(void *context, struct error *error)
{
    struct refiller *refiller = context;
    (void)error;
    refiller->refill = refill_new(refiller->options.store);
    return PATRON_OK;
}

static uint64_t events_now(const struct refiller *refiller)
{
    struct store_figures figures;
    store_figures(refiller->options.store, &figures);
    return figures.events;
}

static enum patron_code take_view(void *context, struct error *error)
{
    struct refiller *refiller = context;
    (void)error;
    refiller->events_seen = refiller->events_arrived = events_now(refiller);
    store_view_take(refiller->options.store, &refiller->view);
    refiller->viewed = true;
    return PATRON_OK;
}

static enum patron_code write_step(void *context, struct error *error)
{
    struct refiller *refiller = context;
    refiller->events_arrived = events_now(refiller);
    return refill_write(refiller->options.store, refiller->refill, error);
}

static enum patron_code finish(void *context, struct error *error)
{
    struct refiller *refiller = context;
    TRY(refill_finish(
        refiller->options.store, refiller->refill, refiller->finish_entries, &refiller->finished, error));
    if (refiller->finished)
        views_publish(refiller->options.views);
    return PATRON_OK;
}

static enum patron_code sweep(void *context, struct error *error)
{
    struct refiller *refiller = context;
    return store_sweep(refiller->options.store, SWEEP_ROWS, &refiller->left, error);
}

/* --- the job -------------------------------------------------------------------------------------------- */

static enum patron_code on_writer(
    struct refiller *refiller, enum patron_code (*work)(void *context, struct error *error), struct error *error)
{
    return writer_run(refiller->options.writer, work, refiller, error);
}

static void wait_for_room(struct refiller *refiller)
{
    const struct refiller_options *options = &refiller->options;
    while (options->directory && !is_stopping(refiller) &&
           disk_check(options->directory, options->disk_reserve_bytes, NULL) != PATRON_OK)
        wait_ms(refiller, ROOM_EVERY_MS);
}

static void let_go_of_view(struct refiller *refiller)
{
    if (refiller->viewed)
        store_view_release(&refiller->view);
    refiller->viewed = false;
}

static enum patron_code step(struct refiller *refiller, struct error *error)
{
    if (!refiller->viewed)
        TRY(on_writer(refiller, take_view, error));
    bool reached;
    wait_for_room(refiller);
    TRY(refill_step(refiller->refill, &refiller->view, 0, &reached, error));
    TRY(on_writer(refiller, write_step, error));
    if (!reached)
        return PATRON_OK;
    let_go_of_view(refiller);
    TRY(on_writer(refiller, finish, error));
    if (!refiller->finished && refiller->finish_entries < FINISH_ENTRIES_MAX)
        refiller->finish_entries *= 2;
    return PATRON_OK;
}

static void fail_loudly(struct refiller *refiller, const struct error *error)
{
    tell(refiller, REFILL_FAILED, error);
    char words[WORDS_MAX];
    snprintf(words, sizeof words,
        "the definitions' new version cannot be filled from the events, and the one before goes on serving: %s",
        error->text);
    if (refiller->options.notice)
        refiller->options.notice(refiller->options.context, words);
}

/* An operator who has started the server anew wants to know why it does not serve the newest version. */
static void tell_of_going_on(struct refiller *refiller)
{
    struct refill_figures figures;
    char words[WORDS_MAX];
    refill_figures(refiller->refill, &figures);
    snprintf(words, sizeof words,
        "version %u of the definitions is filled further from the events, %llu of %llu identifiers are done; the "
        "version before serves until then",
        figures.version, (unsigned long long)figures.nodes, (unsigned long long)figures.nodes_total);
    if (refiller->options.notice)
        refiller->options.notice(refiller->options.context, words);
}

static void fill(struct refiller *refiller)
{
    struct error error;
    refiller->refill = NULL;
    refiller->finished = false;
    refiller->finish_entries = FINISH_ENTRIES;
    refiller->pace = (struct pace){0};
    enum patron_code code = on_writer(refiller, begin, &error);
    if (code == PATRON_OK && refiller->refill) {
        tell(refiller, REFILL_FILLING, NULL);
        if (!refiller->asked)
            tell_of_going_on(refiller);
    }
    refiller->asked = true; /* what comes from now on, somebody has applied */
    while (code == PATRON_OK && refiller->refill && !refiller->finished && !is_stopping(refiller)) {
        code = step(refiller, &error);
        keep_pace(refiller);
        tell_now_and_then(refiller);
    }
    writer_limit(refiller->options.writer, 0);
    let_go_of_view(refiller);
    if (refiller->finished)
        tell(refiller, REFILL_DONE, NULL);
    else if (code != PATRON_OK && code != PATRON_BUSY && code != PATRON_CANCELLED)
        fail_loudly(refiller, &error);
    refill_free(refiller->refill);
    refiller->refill = NULL;
}

static void sweep_all(struct refiller *refiller)
{
    refiller->left = true;
    while (refiller->left && !is_stopping(refiller)) {
        if (on_writer(refiller, sweep, NULL) != PATRON_OK)
            return;
        if (refiller->left)
            wait_ms(refiller, SWEEP_EVERY_MS);
    }
}

/* Behind whoever serves, where there are fewer processors than threads that want one. On Linux a thread has a nice
 * value of its own; where that is refused it runs like the others. */
static void step_back(void)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), REFILLER_NICE);
}

static void *run(void *argument)
{
    struct refiller *refiller = argument;
    step_back();
    pthread_mutex_lock(&refiller->lock);
    while (!refiller->stopping) {
        if (!refiller->wanted) {
            pthread_cond_wait(&refiller->changed, &refiller->lock);
            continue;
        }
        refiller->wanted = false;
        pthread_mutex_unlock(&refiller->lock);
        fill(refiller);
        sweep_all(refiller);
        pthread_mutex_lock(&refiller->lock);
    }
    pthread_mutex_unlock(&refiller->lock);
    return NULL;
}

/* --- from outside --------------------------------------------------------------------------------------- */

enum patron_code refiller_new(
    const struct refiller_options *options, struct refiller **refiller, struct error *error)
{
    struct refiller *made = memory_alloc(sizeof *made);
    made->options = *options;
    made->wanted = true; /* whatever the last process left */
    CHECK(pthread_cond_init(&made->changed, NULL) == 0);
    CHECK(pthread_mutex_init(&made->lock, NULL) == 0);
    enum patron_code code = thread_start(&made->thread, "patron-refiller", run, made, error);
    if (code != PATRON_OK) {
        pthread_mutex_destroy(&made->lock);
        pthread_cond_destroy(&made->changed);
        memory_free(made);
        return code;
    }
    *refiller = made;
    return PATRON_OK;
}

void refiller_stop(struct refiller *refiller)
{
    if (!refiller)
        return;
    pthread_mutex_lock(&refiller->lock);
    refiller->stopping = true;
    pthread_cond_broadcast(&refiller->changed);
    pthread_mutex_unlock(&refiller->lock);
    CHECK(pthread_join(refiller->thread, NULL) == 0);
    CHECK(!refiller->watchers);
    pthread_mutex_destroy(&refiller->lock);
    pthread_cond_destroy(&refiller->changed);
    memory_free(refiller);
}

void refiller_begin(struct refiller *refiller)
{
    pthread_mutex_lock(&refiller->lock);
    refiller->wanted = true;
    if (refiller->progress.phase == REFILL_FAILED)
        refiller->progress.phase = REFILL_NONE;
    pthread_cond_broadcast(&refiller->changed);
    pthread_mutex_unlock(&refiller->lock);
}

void refiller_progress(struct refiller *refiller, struct refill_progress *progress)
{
    pthread_mutex_lock(&refiller->lock);
    *progress = refiller->progress;
    pthread_mutex_unlock(&refiller->lock);
}

void refiller_watch(struct refiller *refiller, struct refill_watcher *watcher)
{
    pthread_mutex_lock(&refiller->lock);
    watcher->next = refiller->watchers;
    refiller->watchers = watcher;
    watcher->notify(watcher); /* it may have ended before */
    pthread_mutex_unlock(&refiller->lock);
}

bool refiller_unwatch(struct refiller *refiller, struct refill_watcher *watcher)
{
    bool found = false;
    pthread_mutex_lock(&refiller->lock);
    for (struct refill_watcher **at = &refiller->watchers; *at && !found; at = &(*at)->next) {
        if (*at == watcher) {
            *at = watcher->next;
            found = true;
            break;
        }
    }
    pthread_mutex_unlock(&refiller->lock);
    return found;
}
