/* The thread looks every second, or after each thing that it has done: first through the identifiers, where the version
 * that serves has not been looked through, then for a node that is to be blocked. */
#include "server/work/identity.h"

#include "server/work/disk.h"
#include "server/work/thread.h"
#include "store/changes/block_scan.h"
#include "store/changes/to_block.h"

#include <stdio.h>
#include <time.h>

enum {
    /* Each prepares the whole split anew: a customer that changes more often than this is busy beyond patience. */
    PREPARES_MAX = 8,
    /* Each looks at what came in since the one before, which is less every time unless the writer is flooded. */
    FOLLOWS_MAX = 64,
    LOOK_EVERY_MS = 1000,
    WORDS_MAX = ERROR_TEXT_MAX + 128,
};

struct identity_work {
    struct identity_options options;
    pthread_t thread;
    atomic_bool stopping;
    pthread_mutex_t lock; /* for waiting only */
    pthread_cond_t changed;

    /* The thread's alone. */
    struct block_scan scan;
    uint32_t given_up_version; /* of the definitions: what they block was not to be done; 0: none */
};

/* --- a group of its own, on the writer's thread ------------------------------------------------------------------- */

struct changing {
    struct identity_work *identity;
    enum patron_code (*work)(struct store *store, void *context, struct error *error);
    void *context;
    bool history; /* before the store has answered it is known when the newest entry was, for more history may come */
};

static enum patron_code change_in_group(void *context, struct error *error)
{
    struct changing *changing = context;
    const struct identity_options *options = &changing->identity->options;
    TRY(clock_check(options->clock, error));
    if (options->directory)
        TRY(disk_check(options->directory, options->disk_reserve_bytes, error));
    views_group_begin(options->views, changing->history && store_answered_until(options->store) == INT64_MIN);
    enum patron_code code = changing->work(options->store, changing->context, error);
    if (store_has_failed(options->store))
        return code;
    struct error failure;
    enum patron_code committed = store_group_commit(options->store, &failure);
    if (committed != PATRON_OK)
        return error_set(error, committed, "%s", failure.text);
    views_publish(options->views); /* also of a group that is empty: it is open no longer */
    return code;
}

enum patron_code identity_change(struct identity_work *identity,
    enum patron_code (*work)(struct store *store, void *context, struct error *error), void *context,
    struct error *error)
{
    struct changing changing = {.identity = identity, .work = work, .context = context};
    return writer_run(identity->options.writer, change_in_group, &changing, error);
}

enum patron_code identity_change_unasked(struct identity_work *identity,
    enum patron_code (*work)(struct store *store, void *context, struct error *error), void *context,
    struct error *error)
{
    struct changing changing = {.identity = identity, .work = work, .context = context, .history = true};
    return writer_run(identity->options.writer, change_in_group, &changing, error);
}

/* --- splits ------------------------------------------------------------------------------------------------------- */

struct splitting {
    struct split *split;
    struct split_outcome outcome;
    uint64_t to_block; /* the node that this takes out of the queue; 0: none */
};

static enum patron_code split_in_group(struct store *store, void *context, struct error *error)
{
    struct splitting *splitting = context;
    TRY(group_split(store, splitting->split, &splitting->outcome, error));
    if (splitting->outcome.fate == SPLIT_DONE && splitting->to_block)
        to_block_done(store, splitting->to_block);
    return PATRON_OK;
}

static enum patron_code split_on_writer(
    struct identity_work *identity, struct splitting *splitting, struct error *error)
{
    struct changing changing = {identity, split_in_group, splitting, splitting->to_block != 0};
    return writer_run(identity->options.writer, change_in_group, &changing, error);
}

/* Tries it until it is done or stale. */
static enum patron_code split_try(struct identity_work *identity, struct splitting *splitting,
    const atomic_bool *cancelled, struct error *error)
{
    struct views *views = identity->options.views;
    for (int follows = 0; follows < FOLLOWS_MAX; follows++) {
        if (atomic_load(cancelled))
            return error_set(error, PATRON_BUSY, "nobody waits for the split any more, or the server is going down");
        TRY(split_on_writer(identity, splitting, error));
        if (splitting->outcome.fate != SPLIT_BEHIND)
            return PATRON_OK;
        bool stale;
        const struct view *newer = views_acquire(views, NULL);
        enum patron_code code = split_follow(splitting->split, newer, &stale, error);
        views_release(views, newer);
        if (code != PATRON_OK)
            return code;
        splitting->outcome.fate = SPLIT_STALE;
        if (stale)
            return PATRON_OK;
    }
    return PATRON_OK;
}

static enum patron_code split_do(struct identity_work *identity, struct splitting *splitting,
    const atomic_bool *cancelled, struct error *error)
{
    struct views *views = identity->options.views;
    for (int prepares = 0; prepares < PREPARES_MAX; prepares++) {
        const struct view *view = views_acquire(views, NULL);
        enum patron_code code = split_prepare(splitting->split, view, cancelled, error);
        views_release(views, view);
        if (code == PATRON_OK)
            code = split_try(identity, splitting, cancelled, error);
        if (code != PATRON_OK || splitting->outcome.fate == SPLIT_DONE)
            return code;
    }
    return error_set(error, PATRON_BUSY,
        "the customer has changed %d times while it was being split, and nothing is done: try again when fewer of its "
        "events come in",
        PREPARES_MAX);
}

enum patron_code identity_split(struct identity_work *identity, struct split *split, const atomic_bool *cancelled,
    struct split_outcome *outcome, struct error *error)
{
    struct splitting splitting = {.split = split};
    TRY(split_do(identity, &splitting, cancelled, error));
    *outcome = splitting.outcome;
    return PATRON_OK;
}

/* --- what the definitions have come to block ---------------------------------------------------------------------- */

static enum patron_code scan_write(struct store *store, void *context, struct error *error)
{
    (void)error;
    block_scan_write(store, context);
    return PATRON_OK;
}

/* Some thousand identifiers of a version that was not looked through; *more: there are more. */
static enum patron_code scan_look(
    struct identity_work *identity, const struct view *view, bool *more, struct error *error)
{
    struct block_scan *scan = &identity->scan;
    *more = false;
    if (scan->version != view->definitions->version)
        TRY(block_scan_begin(view, scan, error));
    if (scan->next_node == UINT64_MAX)
        return PATRON_OK;
    *more = true;
    TRY(block_scan_step(view, scan, error));
    struct changing changing = {identity, scan_write, scan, true};
    return writer_run(identity->options.writer, change_in_group, &changing, error);
}

static enum patron_code block(struct identity_work *identity, const struct to_block *waiting, struct error *error)
{
    char reason[64];
    int length = snprintf(reason, sizeof reason, "blocked by version %u of the definitions", waiting->version);
    struct split_request request = {.change = CHANGE_BLOCK,
        .nodes = &waiting->node,
        .node_count = 1,
        .reason = bytes_of(reason, (size_t)length)};
    struct splitting splitting = {.split = split_new(&request), .to_block = waiting->node};
    enum patron_code code = split_do(identity, &splitting, &identity->stopping, error);
    split_free(splitting.split);
    return code;
}

static enum patron_code look(struct identity_work *identity, bool *more, struct error *error)
{
    struct views *views = identity->options.views;
    struct to_block waiting;
    const struct view *view = views_acquire(views, NULL);
    enum patron_code code = PATRON_OK;
    *more = false;
    if (view->definitions->version != identity->given_up_version) {
        code = scan_look(identity, view, more, error);
        if (code == PATRON_OK && !*more)
            code = to_block_next(view, 0, &waiting, error);
        else if (code == PATRON_OK)
            code = PATRON_NOT_FOUND;
    } else {
        code = PATRON_NOT_FOUND;
    }
    views_release(views, view);
    if (code == PATRON_NOT_FOUND)
        return PATRON_OK;
    if (code != PATRON_OK)
        return code;
    *more = true;
    return block(identity, &waiting, error);
}

/* A clock that has jumped, a disk without room, a customer that changes all the time: later may do. */
static bool may_pass(enum patron_code code)
{
    return code == PATRON_PRECONDITION || code == PATRON_EXHAUSTED || code == PATRON_BUSY;
}

static void give_up(struct identity_work *identity, const struct error *error)
{
    const struct view *view = views_acquire(identity->options.views, NULL);
    identity->given_up_version = view->definitions->version;
    views_release(identity->options.views, view);
    char words[WORDS_MAX];
    snprintf(words, sizeof words, "what the definitions have come to block stays linked until the next start: %s",
        error->text);
    if (identity->options.notice)
        identity->options.notice(identity->options.context, words);
}

static void wait_for_next_look(struct identity_work *identity)
{
    struct timespec until = thread_moment(LOOK_EVERY_MS);
    pthread_mutex_lock(&identity->lock);
    while (!atomic_load(&identity->stopping) && thread_wait(&identity->changed, &identity->lock, &until))
        continue;
    pthread_mutex_unlock(&identity->lock);
}

static void *run(void *argument)
{
    struct identity_work *identity = argument;
    while (!atomic_load(&identity->stopping)) {
        struct error error;
        bool more;
        enum patron_code code = look(identity, &more, &error);
        if (code != PATRON_OK && !may_pass(code))
            give_up(identity, &error);
        if (code != PATRON_OK || !more)
            wait_for_next_look(identity);
    }
    return NULL;
}

/* --- from outside ------------------------------------------------------------------------------------------------- */

static void identity_free(struct identity_work *identity)
{
    pthread_cond_destroy(&identity->changed);
    pthread_mutex_destroy(&identity->lock);
    memory_free(identity);
}

enum patron_code identity_work_new(
    const struct identity_options *options, struct identity_work **identity, struct error *error)
{
    struct identity_work *made = memory_alloc(sizeof *made);
    made->options = *options;
    atomic_init(&made->stopping, false);
    CHECK(pthread_cond_init(&made->changed, NULL) == 0);
    CHECK(pthread_mutex_init(&made->lock, NULL) == 0);
    enum patron_code code = thread_start(&made->thread, "patron-identity", run, made, error);
    if (code != PATRON_OK) {
        identity_free(made);
        return code;
    }
    *identity = made;
    return PATRON_OK;
}

void identity_work_stop(struct identity_work *identity)
{
    if (!identity)
        return;
    pthread_mutex_lock(&identity->lock);
    atomic_store(&identity->stopping, true);
    pthread_cond_broadcast(&identity->changed);
    pthread_mutex_unlock(&identity->lock);
    CHECK(pthread_join(identity->thread, NULL) == 0);
    identity_free(identity);
}
