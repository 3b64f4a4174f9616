#include "server/work/views.h"

#include <pthread.h>
#include <stddef.h>

/* A published view. Lives while it is the newest one or some reader holds it. */
struct held_view {
    struct view view;
    uint64_t number;
    uint64_t holders; /* under the lock */
    struct held_view *older, *newer;
};

struct views {
    struct store *store;
    struct clock *clock;
    struct profile_cache *cache;
    pthread_mutex_t lock; /* of all below */
    struct held_view *oldest, *newest;
    size_t live_count;
    int64_t open_group_us; /* F; INT64_MAX: no group is open */
    int64_t answered_us;
    int64_t promised_us; /* INT64_MIN: nothing yet; INT64_MAX: nobody keeps count */
    bool promise_ended;
    bool promise_asked; /* for one that goes further; nobody waits for that */
    pthread_cond_t promise_changed;
    void (*promise_wanted)(void *context);
    void *promise_context;
    /* The writer's alone. */
    uint64_t last_number;
    struct live_view *live;
    size_t live_capacity;
};

/* Only the writer adds views, and it is the one that asks: between the count and the list there can only be fewer. */
static void tell_cache(struct views *views)
{
    if (!views->cache)
        return;
    pthread_mutex_lock(&views->lock);
    size_t count = views->live_count;
    pthread_mutex_unlock(&views->lock);
    if (count > views->live_capacity) {
        views->live_capacity = count * 2;
        views->live = memory_resize(views->live, views->live_capacity * sizeof *views->live);
    }
    count = 0;
    pthread_mutex_lock(&views->lock);
    for (const struct held_view *held = views->oldest; held; held = held->newer)
        views->live[count++] = (struct live_view){held->view.position_us, held->number};
    pthread_mutex_unlock(&views->lock);
    profile_cache_views_live(views->cache, views->live, count);
}

/* The lock is held, and nobody holds the view. */
static void unlink_view(struct views *views, struct held_view *held)
{
    *(held->older ? &held->older->newer : &views->oldest) = held->newer;
    *(held->newer ? &held->newer->older : &views->newest) = held->older;
    views->live_count--;
}

static void free_view(struct held_view *held)
{
    store_view_release(&held->view);
    memory_free(held);
}

void views_publish(struct views *views)
{
    struct held_view *made = memory_alloc(sizeof *made);
    store_view_take(views->store, &made->view);
    made->number = ++views->last_number;
    struct held_view *done_with = NULL;
    pthread_mutex_lock(&views->lock);
    struct held_view *before = views->newest;
    CHECK(!before || before->view.position_us <= made->view.position_us);
    made->older = before;
    *(before ? &before->newer : &views->oldest) = made;
    views->newest = made;
    views->live_count++;
    views->open_group_us = INT64_MAX;
    if (before && before->holders == 0) {
        unlink_view(views, before);
        done_with = before;
    }
    pthread_mutex_unlock(&views->lock);
    if (done_with)
        free_view(done_with);
    tell_cache(views);
}

struct views *views_new(const struct views_options *options)
{
    struct views *views = memory_alloc(sizeof *views);
    CHECK(pthread_mutex_init(&views->lock, NULL) == 0);
    views->store = options->store;
    views->clock = options->clock;
    views->cache = options->cache;
    views->open_group_us = INT64_MAX;
    views->answered_us = store_answered_until(options->store);
    views->promised_us = INT64_MAX;
    CHECK(pthread_cond_init(&views->promise_changed, NULL) == 0);
    views_publish(views);
    return views;
}

void views_free(struct views *views)
{
    if (!views)
        return;
    CHECK(views->live_count == 1);
    CHECK(views->newest->holders == 0);
    free_view(views->newest);
    pthread_cond_destroy(&views->promise_changed);
    pthread_mutex_destroy(&views->lock);
    memory_free(views->live);
    memory_free(views);
}

/* The lock is held. */
static int64_t as_of_now(const struct views *views, int64_t clock_us)
{
    int64_t as_of_us = clock_us;
    if (as_of_us > views->open_group_us)
        as_of_us = views->open_group_us;
    if (as_of_us > views->promised_us)
        as_of_us = views->promised_us;
    if (as_of_us <= views->newest->view.position_us)
        as_of_us = views->newest->view.position_us + 1;
    return as_of_us;
}

/* The lock is held. K + 1 needs no promise: while history is loaded, a read in the middle of a group binds nothing. */
static bool lacks_promise(const struct views *views, int64_t clock_us)
{
    int64_t position_us = views->newest->view.position_us;
    return views->promised_us == INT64_MIN && !views->promise_ended && clock_us > position_us + 1 &&
           views->open_group_us > position_us + 1;
}

/* The lock is held, and let go of meanwhile. */
static void wait_for_promise(struct views *views, int64_t clock_us)
{
    pthread_mutex_unlock(&views->lock);
    views->promise_wanted(views->promise_context);
    pthread_mutex_lock(&views->lock);
    while (lacks_promise(views, clock_us))
        pthread_cond_wait(&views->promise_changed, &views->lock);
}

static const struct view *acquire_unanswered(struct views *views)
{
    pthread_mutex_lock(&views->lock);
    struct held_view *held = views->newest;
    held->holders++;
    pthread_mutex_unlock(&views->lock);
    return &held->view;
}

const struct view *views_acquire(struct views *views, int64_t *as_of_us)
{
    if (!as_of_us)
        return acquire_unanswered(views);
    /* May be read before the lock is taken: a T that is a little early is bounded by K, F and the floor all the
     * same. */
    int64_t clock_us = clock_now(views->clock);
    pthread_mutex_lock(&views->lock);
    if (lacks_promise(views, clock_us))
        wait_for_promise(views, clock_us);
    int64_t as_of = as_of_now(views, clock_us);
    if (as_of > views->answered_us)
        views->answered_us = as_of;
    struct held_view *held = views->newest;
    held->holders++;
    bool ask =
        as_of < clock_us && as_of == views->promised_us && !views->promise_ended && !views->promise_asked;
    if (ask)
        views->promise_asked = true;
    pthread_mutex_unlock(&views->lock);
    if (ask)
        views->promise_wanted(views->promise_context);
    *as_of_us = as_of;
    return &held->view;
}

void views_release(struct views *views, const struct view *view)
{
    struct held_view *held = (struct held_view *)((uintptr_t)view - offsetof(struct held_view, view));
    pthread_mutex_lock(&views->lock);
    CHECK(held->holders > 0);
    held->holders--;
    bool last = held->holders == 0 && held != views->newest;
    if (last)
        unlink_view(views, held);
    pthread_mutex_unlock(&views->lock);
    if (last)
        free_view(held);
}

int64_t views_position_us(struct views *views)
{
    pthread_mutex_lock(&views->lock);
    int64_t position_us = views->newest->view.position_us;
    pthread_mutex_unlock(&views->lock);
    return position_us;
}

int64_t views_answered_us(struct views *views)
{
    pthread_mutex_lock(&views->lock);
    int64_t answered_us = views->answered_us;
    pthread_mutex_unlock(&views->lock);
    return answered_us;
}

void views_group_begin(struct views *views, bool source_clock)
{
    int64_t clock_us = clock_now(views->clock);
    pthread_mutex_lock(&views->lock);
    CHECK(views->open_group_us == INT64_MAX);
    /* Before all event times nothing was known: in an empty store, too, F is a moment that can be answered. */
    int64_t floor_us = views->answered_us > EVENT_TIME_MIN_US ? views->answered_us : EVENT_TIME_MIN_US;
    int64_t first_us = store_group_begin(views->store, clock_us, floor_us, source_clock);
    CHECK(first_us > views->newest->view.position_us);
    CHECK(first_us >= floor_us);
    views->open_group_us = first_us;
    pthread_mutex_unlock(&views->lock);
    /* What the group is about to put has to know which views still need what it replaces. */
    tell_cache(views);
}

void views_keep_promise(struct views *views, void (*wanted)(void *context), void *context)
{
    pthread_mutex_lock(&views->lock);
    views->promised_us = store_answered_until(views->store);
    views->promise_wanted = wanted;
    views->promise_context = context;
    pthread_mutex_unlock(&views->lock);
}

void views_promised(struct views *views, int64_t until_us)
{
    pthread_mutex_lock(&views->lock);
    views->promised_us = until_us;
    views->promise_asked = false;
    pthread_cond_broadcast(&views->promise_changed);
    pthread_mutex_unlock(&views->lock);
}

int64_t views_end_promise(struct views *views)
{
    pthread_mutex_lock(&views->lock);
    views->promise_ended = true;
    if (views->promised_us > views->answered_us)
        views->promised_us = views->answered_us;
    int64_t answered_us = views->answered_us;
    pthread_cond_broadcast(&views->promise_changed);
    pthread_mutex_unlock(&views->lock);
    return answered_us;
}
