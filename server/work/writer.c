/* The loop has five handles: an async, by which others wake it; an idle one, which runs a step at a time while there is
 * something to do, so that timers come through under load; and three timers. A step is one group and, while a
 * write-back is under way, one slice of it.
 *
 * Batches pass from the queue (under the lock) to `taken` (the writer's alone) to their senders (`done`). A batch that
 * has begun is finished even if the clock jumps meanwhile: the clock stays good for stamping (see clock.h), and so a
 * batch is always refused whole or not at all. */
#include "server/work/writer.h"

#include "server/work/disk.h"
#include "server/work/sharing.h"
#include "server/work/thread.h"
#include "store/base/limits.h"

#include <stdatomic.h>
#include <uv.h>

enum {
    GROUP_EVENTS_DEFAULT = 512,
    WRITE_BACK_MS_DEFAULT = 1000,
    /* Profiles a slice: while batches wait, and while none does. */
    SLICE_BUSY = 128,
    SLICE_QUIET = 1024,
    WATCH_MS = 1000,
    LIMITED_GROUPS_PER_S = 20, /* while events are limited: their senders wait that much longer, and no more */
};

/* A group is closed after this long, for its acknowledgements and its readers' T wait for it. */
#define GROUP_NS_MAX (UINT64_C(20) * 1000 * 1000)

struct batch_list {
    struct ingest_batch *first, *last;
};

/* A piece of work that somebody waits for. */
struct task {
    enum patron_code (*work)(void *context, struct error *error);
    void *context;
    enum patron_code code;
    struct error error;
    bool done;
    struct task *next;
};

struct writer {
    struct writer_options options;
    pthread_t thread;
    uv_loop_t loop;
    uv_async_t wake;
    uv_idle_t more;
    uv_timer_t tick;  /* starts write-backs */
    uv_timer_t watch; /* looks at the clock, and keeps the promise of the answers ahead of it */
    uv_timer_t pause; /* ends where the next group may begin, while events are limited */
    atomic_uint limit; /* events a second; 0: none */

    pthread_mutex_t lock; /* of the next six */
    pthread_cond_t task_done;
    struct batch_list queue;
    struct task *tasks; /* newest first */
    bool stopping;
    bool promise_wanted;
    struct writer_figures figures;

    /* The writer's alone. */
    struct batch_list taken;
    struct batch_list held; /* until a cost is shared out: in the order they came, before those taken */
    struct sharer *sharer;
    uint64_t pass_left; /* profiles to write back in this pass */
    bool in_pass;
    uint64_t next_group_ns; /* not before, while events are limited */
    uint64_t paused_ns;     /* since then batches wait for that; 0: they do not */
    bool refusing; /* and somebody was told why */
    bool failed;
    struct error failure;
};

static void list_append(struct batch_list *list, struct ingest_batch *batch)
{
    batch->next = NULL;
    *(list->last ? &list->last->next : &list->first) = batch;
    list->last = batch;
}

static struct ingest_batch *list_take_first(struct batch_list *list)
{
    struct ingest_batch *batch = list->first;
    list->first = batch->next;
    if (!list->first)
        list->last = NULL;
    batch->next = NULL;
    return batch;
}

/* --- failure and the clock ----------------------------------------------------------------------------- */

/* What was not acknowledged is not known to be on disk, so nothing may be built on it: a restart finds out. */
static void fail(struct writer *writer, const struct error *error)
{
    writer->failed = true;
    writer->failure = *error;
    writer->in_pass = false;
    views_end_promise(writer->options.views);
    pthread_mutex_lock(&writer->lock);
    writer->figures.failed = true;
    pthread_mutex_unlock(&writer->lock);
    writer->options.fatal(writer->options.context, error);
}

static bool has_room(const struct writer *writer, struct error *error)
{
    const struct writer_options *options = &writer->options;
    return !options->directory ||
           disk_check(options->directory, options->disk_reserve_bytes, error) == PATRON_OK;
}

/* Whether batches may begin now; if not, `error` says why. */
static bool may_begin(struct writer *writer, struct error *error)
{
    if (writer->failed) {
        *error = writer->failure;
        return false;
    }
    bool may = clock_check(writer->options.clock, error) == PATRON_OK && has_room(writer, error);
    if (may == writer->refusing && writer->options.notice)
        writer->options.notice(writer->options.context, may ? "events are taken in again" : error->text);
    writer->refusing = !may;
    return may;
}

/* --- groups -------------------------------------------------------------------------------------------- */

struct group {
    bool open;
    bool source_clock;
    size_t events;
    size_t events_max;
    uint64_t begun_ns;
    uint64_t now_ns; /* when the last event was done: the clock is looked at once an event */
    uint64_t entry_us_max;
    uint64_t entries_slow;
    struct batch_list completed;
};

static enum patron_code add_event(
    struct writer *writer, struct group *group, struct ingest_batch *batch, struct error *error)
{
    const struct event_input *event = &batch->events[batch->at];
    struct event_outcome *outcome = &batch->outcomes[batch->at];
    if (!group->open) {
        group->now_ns = group->begun_ns;
        group->open = true;
        group->source_clock = event->has_known_at;
        views_group_begin(writer->options.views, group->source_clock);
    }
    TRY(store_group_add(writer->options.store, event, outcome, error));
    uint64_t now_ns = uv_hrtime(), took_us = (now_ns - group->now_ns) / 1000;
    group->now_ns = now_ns;
    if (took_us > group->entry_us_max)
        group->entry_us_max = took_us;
    group->entries_slow += took_us > WRITER_ENTRY_SLOW_US;
    group->events++;
    batch->at++;
    return PATRON_OK;
}

static bool group_is_full(const struct group *group)
{
    if (!group->open)
        return false;
    return group->events >= group->events_max || group->now_ns - group->begun_ns > GROUP_NS_MAX;
}

static void complete_first(struct writer *writer, struct group *group)
{
    list_append(&group->completed, list_take_first(&writer->taken));
}

/* Fills the group from the taken batches. Those that are completed by it, or refused, are listed in it. */
static enum patron_code fill_group(struct writer *writer, struct group *group, struct error *error)
{
    struct error why;
    bool begin = may_begin(writer, &why);
    while (writer->taken.first && !group_is_full(group)) {
        struct ingest_batch *batch = writer->taken.first;
        if (!begin && (batch->at == 0 || writer->failed)) {
            batch->code = why.code;
            batch->error = why;
            complete_first(writer, group);
            continue;
        }
        if (batch->at < batch->event_count) {
            const struct event_input *event = &batch->events[batch->at];
            if (group->open && event->has_known_at != group->source_clock)
                break;
            if (sharer_holds(writer->sharer, event)) {
                list_append(&writer->held, list_take_first(&writer->taken));
                continue;
            }
            TRY(add_event(writer, group, batch, error));
        }
        if (batch->at == batch->event_count)
            complete_first(writer, group);
    }
    return PATRON_OK;
}

static void count_outcomes(struct writer_figures *figures, const struct ingest_batch *batch)
{
    for (size_t i = 0; i < batch->event_count; i++) {
        figures->applied += batch->outcomes[i].fate == EVENT_APPLIED;
        figures->duplicates += batch->outcomes[i].fate == EVENT_DUPLICATE;
        figures->refused += batch->outcomes[i].fate == EVENT_REFUSED;
    }
}

static uint64_t batch_bytes(const struct ingest_batch *batch)
{
    uint64_t bytes = sizeof *batch + batch->event_count * (sizeof *batch->events + sizeof *batch->outcomes);
    for (size_t i = 0; i < batch->event_count; i++) {
        const struct event_input *event = &batch->events[i];
        bytes += event->source.length + event->type.length + event->id.length;
        bytes += event->identifier_count * sizeof event->identifiers[0];
        bytes += event->attribute_count * sizeof event->attributes[0];
        for (size_t k = 0; k < event->identifier_count; k++)
            bytes += event->identifiers[k].type.length + event->identifiers[k].value.length;
        for (size_t k = 0; k < event->attribute_count; k++)
            bytes += event->attributes[k].name.length + event->attributes[k].text.length;
    }
    return bytes;
}

/* Figures first, then `done`: a sender that has its answer finds it counted. */
static void give_back(struct writer *writer, struct group *group)
{
    int64_t known_at_us = store_newest_known_at(writer->options.store);
    pthread_mutex_lock(&writer->lock);
    struct writer_figures *figures = &writer->figures;
    if (writer->paused_ns)
        figures->gave_way_us += (group->begun_ns - writer->paused_ns) / 1000;
    writer->paused_ns = 0;
    if (group->open && !writer->failed) {
        figures->groups++;
        figures->group_us_total += (uv_hrtime() - group->begun_ns) / 1000;
        figures->entries_slow += group->entries_slow;
        if (group->entry_us_max > figures->entry_us_max)
            figures->entry_us_max = group->entry_us_max;
        store_figures(writer->options.store, &figures->store);
    }
    for (const struct ingest_batch *batch = group->completed.first; batch; batch = batch->next) {
        figures->batches++;
        figures->queued_events -= batch->event_count;
        figures->queued_bytes -= batch_bytes(batch);
        if (batch->code == PATRON_OK)
            count_outcomes(figures, batch);
    }
    pthread_mutex_unlock(&writer->lock);
    while (group->completed.first) {
        struct ingest_batch *batch = list_take_first(&group->completed);
        batch->known_at_us = known_at_us;
        batch->done(batch);
    }
}

/* The group is lost, and with it everything taken: none of it is acknowledged. */
static void lose_group(struct writer *writer, struct group *group, const struct error *error)
{
    fail(writer, error);
    while (writer->taken.first)
        complete_first(writer, group);
    for (struct ingest_batch *batch = group->completed.first; batch; batch = batch->next) {
        batch->code = error->code;
        batch->error = *error;
    }
}

/* How long batches have to wait yet, because of the limit. */
static uint64_t pause_left_ns(struct writer *writer, bool stopping)
{
    uint64_t now_ns = uv_hrtime();
    if (stopping || writer->failed || atomic_load_explicit(&writer->limit, memory_order_relaxed) == 0 ||
        now_ns >= writer->next_group_ns)
        return 0;
    if (!writer->paused_ns)
        writer->paused_ns = now_ns;
    return writer->next_group_ns - now_ns;
}

static size_t group_events_max(const struct writer *writer, uint32_t limit)
{
    size_t most = limit / LIMITED_GROUPS_PER_S + 1;
    return limit > 0 && most < writer->options.group_events_max ? most : writer->options.group_events_max;
}

static void run_group(struct writer *writer)
{
    uint32_t limit = atomic_load_explicit(&writer->limit, memory_order_relaxed);
    struct group group = {.begun_ns = uv_hrtime(), .events_max = group_events_max(writer, limit)};
    struct error error;
    enum patron_code code = fill_group(writer, &group, &error);
    if (code == PATRON_OK && group.open)
        code = store_group_commit(writer->options.store, &error);
    if (code != PATRON_OK)
        lose_group(writer, &group, &error);
    else if (group.open)
        views_publish(writer->options.views);
    if (limit > 0)
        writer->next_group_ns = group.begun_ns + group.events * UINT64_C(1000000000) / limit;
    give_back(writer, &group);
}

/* --- tasks --------------------------------------------------------------------------------------------- */

static void run_task(struct writer *writer, struct task *task)
{
    if (writer->failed) {
        task->code = writer->failure.code;
        task->error = writer->failure;
    } else {
        task->code = task->work(task->context, &task->error);
        if (store_has_failed(writer->options.store))
            fail(writer, &task->error);
    }
    pthread_mutex_lock(&writer->lock);
    store_figures(writer->options.store, &writer->figures.store);
    task->done = true;
    pthread_cond_broadcast(&writer->task_done);
    pthread_mutex_unlock(&writer->lock);
}

/* In the order they came. A task that is done is its sender's again. */
static void run_tasks(struct writer *writer, struct task *newest)
{
    struct task *first = NULL;
    while (newest) {
        struct task *task = newest;
        newest = task->next;
        task->next = first;
        first = task;
    }
    while (first) {
        struct task *task = first;
        first = task->next;
        run_task(writer, task);
    }
}

/* --- sharing out costs --------------------------------------------------------------------------------- */

/* Those that were held come first again. */
static void release_held(struct writer *writer)
{
    if (!writer->held.first)
        return;
    writer->held.last->next = writer->taken.first;
    writer->taken.first = writer->held.first;
    if (!writer->taken.last)
        writer->taken.last = writer->held.last;
    writer->held = (struct batch_list){0};
}

/* Returns whether there is more to do at once. While it is stopping only for those who wait. */
static bool share_step(struct writer *writer, bool stopping)
{
    bool more = false, busy = sharer_is_busy(writer->sharer);
    struct error error;
    /* By a clock that jumped or on a nearly full disk nothing begins; what somebody waits for has passed both. */
    bool may = !writer->failed && (stopping ? writer->held.first != NULL : busy || !writer->refusing);
    if (may && sharer_step(writer->sharer, &more, &error) != PATRON_OK) {
        fail(writer, &error);
        more = false;
    }
    if (may && busy && !writer->failed) {
        pthread_mutex_lock(&writer->lock);
        store_figures(writer->options.store, &writer->figures.store);
        pthread_mutex_unlock(&writer->lock);
    }
    if (writer->failed || !sharer_is_busy(writer->sharer))
        release_held(writer);
    return more;
}

static void wake_for_sharing(void *context)
{
    struct writer *writer = context;
    CHECK(uv_async_send(&writer->wake) == 0); /* it is closed after the sharer has ended */
}

/* --- writing back what lags ---------------------------------------------------------------------------- */

/* Not on a disk that is nearly full: what lags is in the log, and its rows can be folded from there. */
static void begin_pass(struct writer *writer)
{
    if (!has_room(writer, NULL))
        return;
    struct store_figures figures;
    store_figures(writer->options.store, &figures);
    writer->pass_left = figures.profiles_behind;
    writer->in_pass = writer->pass_left > 0 || figures.schema.behind;
}

/* One slice of the pass. What comes to lag meanwhile is the next one's: a hot customer is written once a pass. */
static void write_back_slice(struct writer *writer, size_t profiles)
{
    struct error error;
    size_t left = 0;
    if (profiles > writer->pass_left)
        profiles = writer->pass_left;
    if (store_write_back(writer->options.store, profiles, &left, &error) != PATRON_OK) {
        fail(writer, &error);
        return;
    }
    writer->pass_left -= profiles;
    if (writer->pass_left > 0 && left > 0)
        return;
    writer->in_pass = false;
    /* Shown at once, so that views which miss what was written die out, and the cache may let go of it. */
    views_publish(writer->options.views);
    pthread_mutex_lock(&writer->lock);
    writer->figures.write_backs++;
    store_figures(writer->options.store, &writer->figures.store);
    pthread_mutex_unlock(&writer->lock);
}

static void write_back_step(struct writer *writer, bool busy)
{
    bool pressed = writer->options.cache && profile_cache_wants_write_back(writer->options.cache);
    if (!writer->in_pass && pressed)
        begin_pass(writer);
    if (!writer->in_pass)
        return;
    size_t profiles = busy ? SLICE_BUSY : SLICE_QUIET;
    /* Faster than a group of all different customers can make them lag. */
    if (pressed && profiles < writer->options.group_events_max * 2)
        profiles = writer->options.group_events_max * 2;
    write_back_slice(writer, profiles);
}

/* --- the promise of the answers ------------------------------------------------------------------------- */

/* On disk: every T up to `until_us` may be answered. The first is made when a reader asks, the rest well ahead.
 * They go by the unheld clock: by one that stands still where the last promise ended, each of many crashes in a row
 * would add one. */
static enum patron_code make_promise(struct writer *writer, struct error *error)
{
    int64_t until_us = clock_unheld(writer->options.clock) + CLOCK_PROMISED_AHEAD_US;
    if (until_us > store_answered_until(writer->options.store))
        TRY(store_answered_set(writer->options.store, until_us, error));
    views_promised(writer->options.views, store_answered_until(writer->options.store));
    return PATRON_OK;
}

static void keep_promise(struct writer *writer, bool wanted)
{
    int64_t until_us = store_answered_until(writer->options.store);
    bool far_ahead = until_us > clock_unheld(writer->options.clock) + CLOCK_PROMISED_AHEAD_US / 2;
    bool due = until_us == INT64_MIN ? wanted : !far_ahead;
    struct error error;
    if (!writer->failed && due && make_promise(writer, &error) != PATRON_OK)
        fail(writer, &error);
}

/* Exactly what was answered, so that the next start need not wait for the clock to pass what only might have been. */
static void end_promise(struct writer *writer)
{
    int64_t answered_us = views_end_promise(writer->options.views);
    struct error error;
    if (!writer->failed && store_answered_until(writer->options.store) > answered_us &&
        store_answered_set(writer->options.store, answered_us, &error) != PATRON_OK)
        fail(writer, &error);
}

static void want_promise(void *context)
{
    struct writer *writer = context;
    pthread_mutex_lock(&writer->lock);
    writer->promise_wanted = true;
    if (!writer->stopping)
        CHECK(uv_async_send(&writer->wake) == 0);
    pthread_mutex_unlock(&writer->lock);
}

/* --- the loop ------------------------------------------------------------------------------------------ */

/* Moves the queue to `taken`. Returns whether the writer has been told to stop. */
static bool take_queue(struct writer *writer, struct task **tasks, bool *promise_wanted)
{
    pthread_mutex_lock(&writer->lock);
    *tasks = writer->tasks;
    writer->tasks = NULL;
    if (writer->queue.first) {
        *(writer->taken.last ? &writer->taken.last->next : &writer->taken.first) = writer->queue.first;
        writer->taken.last = writer->queue.last;
        writer->queue = (struct batch_list){0};
    }
    bool stopping = writer->stopping;
    *promise_wanted = writer->promise_wanted;
    writer->promise_wanted = false;
    pthread_mutex_unlock(&writer->lock);
    return stopping;
}

static void close_handles(struct writer *writer)
{
    uv_close((uv_handle_t *)&writer->wake, NULL);
    uv_close((uv_handle_t *)&writer->more, NULL);
    uv_close((uv_handle_t *)&writer->tick, NULL);
    uv_close((uv_handle_t *)&writer->watch, NULL);
    uv_close((uv_handle_t *)&writer->pause, NULL);
}

static void finish(struct writer *writer)
{
    if (!writer->failed)
        begin_pass(writer);
    while (writer->in_pass)
        write_back_slice(writer, SLICE_QUIET);
    sharer_free(writer->sharer);
    writer->sharer = NULL;
    end_promise(writer);
    close_handles(writer);
}

static void on_more(uv_idle_t *idle);

static void on_pause(uv_timer_t *pause)
{
    struct writer *writer = pause->data;
    uv_idle_start(&writer->more, on_more);
}

static void on_more(uv_idle_t *idle)
{
    struct writer *writer = idle->data;
    bool promise_wanted;
    struct task *tasks;
    bool stopping = take_queue(writer, &tasks, &promise_wanted);
    if (promise_wanted)
        keep_promise(writer, true);
    run_tasks(writer, tasks);
    bool busy = writer->taken.first;
    uint64_t pause_ns = busy ? pause_left_ns(writer, stopping) : 0;
    if (busy && pause_ns == 0)
        run_group(writer);
    bool sharing = share_step(writer, stopping);
    if (!writer->failed)
        write_back_step(writer, busy);
    if ((writer->taken.first && pause_ns == 0) || writer->in_pass || sharing)
        return;
    /* A batch queued since the look above has sent its wake, which starts this again. */
    uv_idle_stop(&writer->more);
    if (pause_ns > 0)
        CHECK(uv_timer_start(&writer->pause, on_pause, pause_ns / 1000000 + 1, 0) == 0);
    /* Once stopping is set nothing is queued any more, so this look was the last. */
    if (stopping && !writer->held.first)
        finish(writer);
}

static void on_wake(uv_async_t *wake)
{
    struct writer *writer = wake->data;
    uv_idle_start(&writer->more, on_more);
}

static void on_tick(uv_timer_t *tick)
{
    struct writer *writer = tick->data;
    if (writer->failed || writer->in_pass)
        return;
    begin_pass(writer);
    if (writer->in_pass)
        uv_idle_start(&writer->more, on_more);
}

static void on_watch(uv_timer_t *watch)
{
    struct writer *writer = watch->data;
    struct error error;
    may_begin(writer, &error);
    keep_promise(writer, false);
    if (!writer->failed && !writer->refusing && sharer_is_due(writer->sharer))
        uv_idle_start(&writer->more, on_more);
}

static void *run_loop(void *argument)
{
    struct writer *writer = argument;
    uv_run(&writer->loop, UV_RUN_DEFAULT);
    return NULL;
}

/* --- from outside -------------------------------------------------------------------------------------- */

static enum patron_code start_loop(struct writer *writer, struct error *error)
{
    int failure = uv_loop_init(&writer->loop);
    if (failure)
        return error_set(error, PATRON_EXHAUSTED, "cannot make the writer's loop: %s", uv_strerror(failure));
    failure = uv_async_init(&writer->loop, &writer->wake, on_wake);
    if (failure) {
        uv_loop_close(&writer->loop);
        return error_set(error, PATRON_EXHAUSTED, "cannot make the writer's loop: %s", uv_strerror(failure));
    }
    CHECK(uv_idle_init(&writer->loop, &writer->more) == 0);
    CHECK(uv_timer_init(&writer->loop, &writer->tick) == 0);
    CHECK(uv_timer_init(&writer->loop, &writer->watch) == 0);
    CHECK(uv_timer_init(&writer->loop, &writer->pause) == 0);
    writer->pause.data = writer;
    writer->wake.data = writer;
    writer->more.data = writer;
    writer->tick.data = writer;
    writer->watch.data = writer;
    uint64_t every_ms = writer->options.write_back_ms;
    CHECK(uv_timer_start(&writer->tick, on_tick, every_ms, every_ms) == 0);
    CHECK(uv_timer_start(&writer->watch, on_watch, WATCH_MS, WATCH_MS) == 0);
    enum patron_code code = thread_start(&writer->thread, "patron-writer", run_loop, writer, error);
    if (code != PATRON_OK) {
        close_handles(writer);
        uv_run(&writer->loop, UV_RUN_DEFAULT);
        CHECK(uv_loop_close(&writer->loop) == 0);
    }
    return code;
}

enum patron_code writer_new(const struct writer_options *options, struct writer **writer, struct error *error)
{
    struct writer *made = memory_alloc(sizeof *made);
    made->options = *options;
    struct writer_options *own = &made->options;
    own->group_events_max = own->group_events_max ? own->group_events_max : GROUP_EVENTS_DEFAULT;
    own->queue_events_max = own->queue_events_max ? own->queue_events_max : INGEST_QUEUE_EVENTS_MAX;
    own->queue_bytes_max = own->queue_bytes_max ? own->queue_bytes_max : INGEST_QUEUE_BYTES_MAX;
    own->write_back_ms = own->write_back_ms ? own->write_back_ms : WRITE_BACK_MS_DEFAULT;
    CHECK(own->fatal);
    CHECK(pthread_mutex_init(&made->lock, NULL) == 0);
    CHECK(pthread_cond_init(&made->task_done, NULL) == 0);
    store_figures(own->store, &made->figures.store);
    struct sharer_options sharer = {own->store, own->views, own->clock, wake_for_sharing, made};
    made->sharer = sharer_new(&sharer);
    views_keep_promise(own->views, want_promise, made);
    enum patron_code code = PATRON_OK;
    /* A store that has answered before must not answer as of then; one that has not may yet get its history. */
    if (store_answered_until(own->store) != INT64_MIN)
        code = make_promise(made, error);
    if (code == PATRON_OK)
        code = start_loop(made, error);
    if (code != PATRON_OK) {
        views_end_promise(own->views);
        sharer_free(made->sharer);
        pthread_cond_destroy(&made->task_done);
        pthread_mutex_destroy(&made->lock);
        memory_free(made);
        return code;
    }
    *writer = made;
    return PATRON_OK;
}

void writer_stop(struct writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    CHECK(!writer->stopping);
    writer->stopping = true;
    CHECK(uv_async_send(&writer->wake) == 0);
    pthread_mutex_unlock(&writer->lock);
    CHECK(pthread_join(writer->thread, NULL) == 0);
    CHECK(uv_loop_close(&writer->loop) == 0);
}

void writer_free(struct writer *writer)
{
    if (!writer)
        return;
    CHECK(writer->stopping);
    CHECK(!writer->queue.first && !writer->tasks);
    pthread_cond_destroy(&writer->task_done);
    pthread_mutex_destroy(&writer->lock);
    memory_free(writer);
}

enum patron_code writer_enqueue(struct writer *writer, struct ingest_batch *batch, struct error *error)
{
    CHECK(batch->done);
    batch->code = PATRON_OK;
    batch->at = 0;
    uint64_t bytes = batch_bytes(batch);
    pthread_mutex_lock(&writer->lock);
    struct writer_figures *figures = &writer->figures;
    bool stopping = writer->stopping;
    /* One batch is always taken, however large: it passed the limits of a request. */
    uint64_t queued_events = figures->queued_events, queued_bytes = figures->queued_bytes;
    bool full = queued_bytes > 0 && (queued_events + batch->event_count > writer->options.queue_events_max ||
                                        queued_bytes + bytes > writer->options.queue_bytes_max);
    if (!stopping && !full) {
        figures->queued_events += batch->event_count;
        figures->queued_bytes += bytes;
        bool was_empty = !writer->queue.first;
        list_append(&writer->queue, batch);
        if (was_empty)
            CHECK(uv_async_send(&writer->wake) == 0);
    }
    pthread_mutex_unlock(&writer->lock);
    if (stopping)
        return error_set(error, PATRON_BUSY, "the server is shutting down");
    if (full)
        return error_set(error, PATRON_EXHAUSTED,
            "%llu events (%llu bytes) wait to be written already: wait for answers, then send again",
            (unsigned long long)queued_events, (unsigned long long)queued_bytes);
    return PATRON_OK;
}

enum patron_code writer_run(struct writer *writer, enum patron_code (*work)(void *context, struct error *error),
    void *context, struct error *error)
{
    struct task task = {.work = work, .context = context};
    pthread_mutex_lock(&writer->lock);
    if (writer->stopping) {
        pthread_mutex_unlock(&writer->lock);
        return error_set(error, PATRON_BUSY, "the server is shutting down");
    }
    task.next = writer->tasks;
    writer->tasks = &task;
    CHECK(uv_async_send(&writer->wake) == 0);
    while (!task.done)
        pthread_cond_wait(&writer->task_done, &writer->lock);
    pthread_mutex_unlock(&writer->lock);
    if (task.code != PATRON_OK && error)
        *error = task.error;
    return task.code;
}

void writer_limit(struct writer *writer, uint32_t events_per_s)
{
    atomic_store_explicit(&writer->limit, events_per_s, memory_order_relaxed); /* a pause under way ends by itself */
}

void writer_figures(struct writer *writer, struct writer_figures *figures)
{
    pthread_mutex_lock(&writer->lock);
    *figures = writer->figures;
    pthread_mutex_unlock(&writer->lock);
}
