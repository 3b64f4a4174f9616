#include "server/work/sharing.h"

#include "server/work/thread.h"
#include "store/sharing/sharing.h"

struct sharer {
    struct sharer_options options;
    bool waited_for; /* an event is held until the first cost is shared out */
    struct sharing *sharing; /* null: none is under way */
    const struct view *view; /* null: it is worked out */
    pthread_t thread;
    atomic_bool cancelled;
    atomic_bool computed; /* what follows is the thread's before, and the writer's after it */
    enum patron_code code;
    struct error error;
};

struct sharer *sharer_new(const struct sharer_options *options)
{
    struct sharer *sharer = memory_alloc(sizeof *sharer);
    sharer->options = *options;
    atomic_init(&sharer->cancelled, false);
    atomic_init(&sharer->computed, false);
    return sharer;
}

/* --- when --------------------------------------------------------------------------------------------------------- */

bool sharer_is_busy(const struct sharer *sharer)
{
    return sharer->sharing || sharer->waited_for;
}

bool sharer_holds(struct sharer *sharer, const struct event_input *event)
{
    if (!event->has_known_at)
        return false;
    if (sharer_is_busy(sharer)) /* they stay in order */
        return true;
    int64_t due_us = store_sharing_due(sharer->options.store);
    if (due_us == INT64_MAX || event->known_at_us > clock_now(sharer->options.clock)) /* that one will be refused */
        return false;
    int64_t at_us = store_newest_known_at(sharer->options.store) + 1;
    if (event->known_at_us > at_us)
        at_us = event->known_at_us;
    sharer->waited_for = at_us >= due_us;
    return sharer->waited_for;
}

/* Nothing can become known before the due time: something is known that late, or the store answers and so goes by the
 * clock. One that has not answered may still get its history. */
static bool first_is_due(const struct sharer *sharer)
{
    const struct sharer_options *options = &sharer->options;
    int64_t due_us = store_sharing_due(options->store);
    if (due_us == INT64_MAX || clock_check(options->clock, NULL) != PATRON_OK)
        return false;
    return due_us <= store_newest_known_at(options->store) ||
        (store_answered_until(options->store) != INT64_MIN && due_us <= clock_now(options->clock));
}

bool sharer_is_due(const struct sharer *sharer)
{
    if (sharer->sharing)
        return !sharer->view || atomic_load(&sharer->computed);
    return sharer->waited_for || first_is_due(sharer);
}

/* --- the thread --------------------------------------------------------------------------------------------------- */

static void *compute(void *argument)
{
    struct sharer *sharer = argument;
    sharer->code = sharing_compute(sharer->sharing, sharer->view, &sharer->cancelled, &sharer->error);
    atomic_store(&sharer->computed, true);
    sharer->options.wake(sharer->options.context);
    return NULL;
}

/* Where there is no thread to be had it is begun another time. */
static void begin(struct sharer *sharer)
{
    sharer->sharing = sharing_new(sharer->options.store);
    sharer->view = views_acquire(sharer->options.views, NULL);
    atomic_store(&sharer->computed, false);
    if (thread_start(&sharer->thread, "patron-sharing", compute, sharer, NULL) == PATRON_OK) {
        sharer->waited_for = false;
        return;
    }
    views_release(sharer->options.views, sharer->view);
    sharer->view = NULL;
    sharing_free(sharer->sharing);
    sharer->sharing = NULL;
}

static enum patron_code join(struct sharer *sharer, struct error *error)
{
    CHECK(pthread_join(sharer->thread, NULL) == 0);
    views_release(sharer->options.views, sharer->view);
    sharer->view = NULL;
    return sharer->code == PATRON_OK ? PATRON_OK : error_set(error, sharer->code, "%s", sharer->error.text);
}

void sharer_free(struct sharer *sharer)
{
    if (!sharer)
        return;
    if (sharer->view) {
        atomic_store(&sharer->cancelled, true);
        (void)join(sharer, &sharer->error);
    }
    sharing_free(sharer->sharing);
    memory_free(sharer);
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static enum patron_code add_group(struct sharer *sharer, bool *done, struct error *error)
{
    struct store *store = sharer->options.store;
    views_group_begin(sharer->options.views, true);
    TRY(sharing_add(store, sharer->sharing, SHARING_GROUP, done, error));
    TRY(store_group_commit(store, error));
    views_publish(sharer->options.views);
    return PATRON_OK;
}

enum patron_code sharer_step(struct sharer *sharer, bool *more, struct error *error)
{
    *more = false;
    if (!sharer->sharing && (sharer->waited_for || first_is_due(sharer)))
        begin(sharer);
    if (!sharer->sharing)
        return PATRON_OK;
    if (sharer->view && !atomic_load(&sharer->computed))
        return PATRON_OK;
    if (sharer->view)
        TRY(join(sharer, error));
    bool done;
    TRY(add_group(sharer, &done, error));
    if (done) {
        sharing_free(sharer->sharing);
        sharer->sharing = NULL;
    }
    *more = !done || first_is_due(sharer);
    return PATRON_OK;
}
