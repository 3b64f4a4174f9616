/* The writer: groups, back-pressure, clock jumps, write-back, failure and the end, over a store without an inside. */
#include "fake_store.h"

#include "server/work/writer.h"
#include "store/base/limits.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>
#include <cmocka.h>

#define START_US INT64_C(1700000000000000)

/* A door that the test opens: commits wait before it. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    uint64_t arrived;
};

struct fixture {
    struct kv *kv;
    struct profile_cache *cache;
    struct store *store;
    struct clock *clock;
    struct views *views;
    struct writer *writer;
    struct gate gate;
    bool stopped;
    _Atomic int64_t wall_us, steady_us;
    _Atomic int fatals;
    _Atomic int notices;
};

/* A batch with its events and a place to wait for it. */
struct sender {
    struct ingest_batch batch; /* first */
    struct event_input events[64];
    struct event_outcome outcomes[64];
    uint8_t ids[64][8];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static int64_t wall(void *context)
{
    return ((struct fixture *)context)->wall_us;
}

static int64_t steady(void *context)
{
    return ((struct fixture *)context)->steady_us;
}

static void on_fatal(void *context, const struct error *error)
{
    struct fixture *fixture = context;
    if (error->code == PATRON_IO)
        fixture->fatals++;
}

static void on_notice(void *context, const char *words)
{
    struct fixture *fixture = context;
    if (words[0])
        fixture->notices++;
}

static void pass_gate(void *context)
{
    struct gate *gate = context;
    pthread_mutex_lock(&gate->lock);
    gate->arrived++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void gate_set(struct gate *gate, bool open)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = open;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static void gate_wait_for(struct gate *gate, uint64_t arrived)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->arrived < arrived)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static struct fixture *open_writer(struct writer_options options)
{
    struct fixture *fixture = memory_alloc(sizeof *fixture);
    pthread_mutex_init(&fixture->gate.lock, NULL);
    pthread_cond_init(&fixture->gate.changed, NULL);
    fixture->gate.open = true;
    fixture->wall_us = START_US;
    fixture->kv = kv_memory_new();
    fixture->cache = profile_cache_new(0);
    fixture->store = fake_store_new(fixture->kv, profile_cache_home(fixture->cache));
    fake_store_on_commit(fixture->store, pass_gate, &fixture->gate);
    struct clock_options clock = {
        .source = {wall, steady, fixture}, .newest_known_at_us = INT64_MIN, .answered_until_us = INT64_MIN};
    fixture->clock = clock_new(&clock);
    struct views_options views = {fixture->store, fixture->clock, fixture->cache};
    fixture->views = views_new(&views);
    options.store = fixture->store;
    options.views = fixture->views;
    options.clock = fixture->clock;
    options.cache = fixture->cache;
    options.fatal = on_fatal;
    options.notice = on_notice;
    options.context = fixture;
    assert_int_equal(writer_new(&options, &fixture->writer, NULL), PATRON_OK);
    return fixture;
}

static void close_writer(struct fixture *fixture)
{
    if (!fixture->stopped)
        writer_stop(fixture->writer);
    writer_free(fixture->writer);
    views_free(fixture->views);
    clock_free(fixture->clock);
    fake_store_free(fixture->store);
    profile_cache_free(fixture->cache);
    kv_close(fixture->kv);
    pthread_mutex_destroy(&fixture->gate.lock);
    pthread_cond_destroy(&fixture->gate.changed);
    memory_free(fixture);
    assert_int_equal(fake_store_parts_alive(), 0);
}

static void on_done(struct ingest_batch *batch)
{
    struct sender *sender = (struct sender *)batch;
    pthread_mutex_lock(&sender->lock);
    assert_false(sender->done);
    sender->done = true;
    pthread_cond_signal(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
}

static struct sender *new_sender(uint64_t customer, size_t events)
{
    struct sender *sender = memory_alloc(sizeof *sender);
    pthread_mutex_init(&sender->lock, NULL);
    pthread_cond_init(&sender->changed, NULL);
    sender->batch.events = sender->events;
    sender->batch.outcomes = sender->outcomes;
    sender->batch.event_count = events;
    sender->batch.done = on_done;
    for (size_t i = 0; i < events; i++)
        sender->events[i] = fake_event(customer, sender->ids[i]);
    return sender;
}

static struct sender *new_history_sender(uint64_t customer, size_t events, int64_t known_at_us)
{
    struct sender *sender = new_sender(customer, events);
    for (size_t i = 0; i < events; i++) {
        sender->events[i].has_known_at = true;
        sender->events[i].known_at_us = known_at_us + (int64_t)i;
    }
    return sender;
}

static void send(struct fixture *fixture, struct sender *sender)
{
    sender->done = false;
    assert_int_equal(writer_enqueue(fixture->writer, &sender->batch, NULL), PATRON_OK);
}

static void wait_for(struct sender *sender)
{
    pthread_mutex_lock(&sender->lock);
    while (!sender->done)
        pthread_cond_wait(&sender->changed, &sender->lock);
    pthread_mutex_unlock(&sender->lock);
}

static void free_sender(struct sender *sender)
{
    pthread_mutex_destroy(&sender->lock);
    pthread_cond_destroy(&sender->changed);
    memory_free(sender);
}

/* Sends, waits, and says how it went. */
static enum patron_code send_one(struct fixture *fixture, uint64_t customer)
{
    struct sender *sender = new_sender(customer, 1);
    send(fixture, sender);
    wait_for(sender);
    enum patron_code code = sender->batch.code;
    free_sender(sender);
    return code;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

/* --- groups ---------------------------------------------------------------------------------------------------- */

static void an_answered_event_is_on_disk_and_in_the_next_view(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){0});
    struct sender *sender = new_sender(7, 3);
    sender->events[1].type = bytes_from_string("refused");
    sender->events[2].type = bytes_from_string("duplicate");
    send(fixture, sender);
    wait_for(sender);
    assert_int_equal(sender->batch.code, PATRON_OK);
    assert_int_equal(sender->outcomes[0].fate, EVENT_APPLIED);
    assert_int_equal(sender->outcomes[1].fate, EVENT_REFUSED);
    assert_int_equal(sender->outcomes[2].fate, EVENT_DUPLICATE);
    assert_int_equal(sender->batch.known_at_us, START_US);
    int64_t as_of_us;
    const struct view *view = views_acquire(fixture->views, &as_of_us);
    assert_int_equal(view->position_us, START_US);
    assert_int_equal(as_of_us, START_US + 1);
    struct arena arena = {0};
    assert_true(fake_store_reads_true(view, 7, &arena));
    arena_clear(&arena);
    views_release(fixture->views, view);
    struct writer_figures figures;
    writer_figures(fixture->writer, &figures);
    assert_int_equal(figures.applied, 1);
    assert_int_equal(figures.refused, 1);
    assert_int_equal(figures.duplicates, 1);
    assert_int_equal(figures.batches, 1);
    assert_int_equal(figures.groups, 1);
    assert_int_equal(figures.queued_events, 0);
    assert_int_equal(figures.queued_bytes, 0);
    free_sender(sender);
    close_writer(fixture);
}

static void an_empty_batch_is_answered(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){0});
    struct sender *sender = new_sender(1, 0);
    send(fixture, sender);
    wait_for(sender);
    assert_int_equal(sender->batch.code, PATRON_OK);
    free_sender(sender);
    close_writer(fixture);
}

/* The first batch makes a group of its own; while its commit waits, the others queue up. */
static void what_waits_shares_a_group_and_large_batches_are_split(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){.group_events_max = 40});
    gate_set(&fixture->gate, false);
    struct sender *senders[5];
    const size_t sizes[5] = {1, 10, 10, 64, 16};
    for (size_t i = 0; i < 5; i++)
        senders[i] = new_sender(i, sizes[i]);
    send(fixture, senders[0]);
    gate_wait_for(&fixture->gate, 1);
    for (size_t i = 1; i < 5; i++)
        send(fixture, senders[i]);
    gate_set(&fixture->gate, true);
    for (size_t i = 0; i < 5; i++)
        wait_for(senders[i]);
    size_t count;
    const struct fake_group *groups = fake_store_groups(fixture->store, &count);
    const uint64_t expected[] = {1, 40, 40, 20};
    assert_int_equal(count, 4);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(groups[i].events, expected[i]);
    for (size_t i = 0; i < 5; i++)
        free_sender(senders[i]);
    close_writer(fixture);
}

static uint64_t steady_ms_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static enum patron_code count_call(void *context, struct error *error)
{
    (void)error;
    ++*(int *)context;
    return PATRON_OK;
}

/* 64 events at 200 a second; work between groups does not wait with them, and neither does the end. */
static void while_events_are_limited_they_come_in_slower_and_nothing_else_waits(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){0});
    writer_limit(fixture->writer, 200);
    struct sender *sender = new_sender(1, 64);
    uint64_t begun_ms = steady_ms_now();
    send(fixture, sender);
    int calls = 0;
    for (int i = 0; i < 20; i++)
        assert_int_equal(writer_run(fixture->writer, count_call, &calls, NULL), PATRON_OK);
    struct writer_figures figures;
    writer_figures(fixture->writer, &figures);
    assert_true(calls == 20 && figures.batches == 0);
    wait_for(sender);
    assert_in_range(steady_ms_now() - begun_ms, 200, 10000);
    writer_figures(fixture->writer, &figures);
    assert_in_range(figures.gave_way_us, 200000, 10000000);
    assert_in_range(figures.groups, 5, 7);
    uint64_t gave_way_us = figures.gave_way_us;
    writer_limit(fixture->writer, 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(send_one(fixture, 2), PATRON_OK);
    writer_figures(fixture->writer, &figures);
    assert_int_equal(figures.gave_way_us, gave_way_us);
    writer_limit(fixture->writer, 1); /* which would be a minute */
    send(fixture, sender);
    begun_ms = steady_ms_now();
    writer_stop(fixture->writer);
    fixture->stopped = true;
    assert_true(sender->done && steady_ms_now() - begun_ms < 10000);
    free_sender(sender);
    close_writer(fixture);
}

static void history_and_live_events_never_share_a_group(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){0});
    gate_set(&fixture->gate, false);
    struct sender *senders[4] = {
        new_history_sender(0, 1, 1000),
        new_history_sender(1, 5, 2000),
        new_sender(2, 5),
        new_sender(3, 6),
    };
    senders[3]->events[0].has_known_at = true; /* a batch that changes its mind */
    send(fixture, senders[0]);
    gate_wait_for(&fixture->gate, 1);
    for (size_t i = 1; i < 4; i++)
        send(fixture, senders[i]);
    gate_set(&fixture->gate, true);
    for (size_t i = 0; i < 4; i++)
        wait_for(senders[i]);
    assert_int_equal(senders[1]->outcomes[4].known_at_us, 2004);
    assert_int_equal(senders[2]->outcomes[0].known_at_us, START_US);
    size_t count;
    const struct fake_group *groups = fake_store_groups(fixture->store, &count);
    const struct fake_group expected[] = {{true, 1}, {true, 5}, {false, 5}, {true, 1}, {false, 5}};
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(groups[i].events, expected[i].events);
        assert_int_equal(groups[i].source_clock, expected[i].source_clock);
    }
    for (size_t i = 0; i < 4; i++)
        free_sender(senders[i]);
    close_writer(fixture);
}

/* --- limits -------------------------------------------------------------------------------------------------- */

static void more_than_the_queue_holds_is_refused_and_taken_later(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){.queue_events_max = 100});
    gate_set(&fixture->gate, false);
    struct sender *first = new_sender(1, 60), *second = new_sender(2, 40), *third = new_sender(3, 1);
    send(fixture, first);
    gate_wait_for(&fixture->gate, 1);
    send(fixture, second);
    struct error error;
    assert_int_equal(writer_enqueue(fixture->writer, &third->batch, &error), PATRON_EXHAUSTED);
    assert_int_equal(strncmp(error.text, "100 events (", 12), 0);
    gate_set(&fixture->gate, true);
    wait_for(first);
    wait_for(second);
    assert_false(third->done);
    send(fixture, third);
    wait_for(third);
    free_sender(first);
    free_sender(second);
    free_sender(third);
    close_writer(fixture);
}

static void bytes_count_towards_the_queues_limit_but_one_batch_always_goes_in(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){.queue_bytes_max = 1});
    gate_set(&fixture->gate, false);
    struct sender *first = new_sender(1, 60), *second = new_sender(2, 1);
    send(fixture, first);
    gate_wait_for(&fixture->gate, 1);
    assert_int_equal(writer_enqueue(fixture->writer, &second->batch, NULL), PATRON_EXHAUSTED);
    gate_set(&fixture->gate, true);
    wait_for(first);
    free_sender(first);
    free_sender(second);
    close_writer(fixture);
}

/* --- the clock ------------------------------------------------------------------------------------------------- */

static void nothing_is_taken_in_while_the_clock_has_jumped(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){.write_back_ms = 1});
    assert_int_equal(send_one(fixture, 1), PATRON_OK);
    fixture->wall_us += MICROSECONDS_PER_DAY;
    struct sender *sender = new_sender(2, 3);
    send(fixture, sender);
    wait_for(sender);
    assert_int_equal(sender->batch.code, PATRON_PRECONDITION);
    assert_non_null(strstr(sender->batch.error.text, "jumped forward by 86400.0 s"));
    assert_int_equal(sender->batch.known_at_us, START_US);
    int64_t as_of_us;
    views_release(fixture->views, views_acquire(fixture->views, &as_of_us));
    assert_int_equal(as_of_us, START_US + 1);
    assert_int_equal(fixture->notices, 1);
    clock_confirm(fixture->clock);
    send(fixture, sender);
    wait_for(sender);
    assert_int_equal(sender->batch.code, PATRON_OK);
    assert_int_equal(sender->outcomes[0].known_at_us, START_US + MICROSECONDS_PER_DAY);
    assert_int_equal(fixture->notices, 2);
    free_sender(sender);
    close_writer(fixture);
}

static void a_jump_is_noticed_when_nobody_asks(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){.write_back_ms = 1});
    fixture->wall_us -= MICROSECONDS_PER_DAY;
    while (fixture->notices == 0)
        nap();
    close_writer(fixture);
}

static void a_batch_that_has_begun_is_finished_after_a_jump(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){.group_events_max = 10});
    gate_set(&fixture->gate, false);
    struct sender *begun = new_sender(1, 30), *waiting = new_sender(2, 1);
    send(fixture, begun);
    gate_wait_for(&fixture->gate, 1);
    send(fixture, waiting);
    fixture->wall_us -= MICROSECONDS_PER_DAY;
    gate_set(&fixture->gate, true);
    wait_for(begun);
    wait_for(waiting);
    assert_int_equal(begun->batch.code, PATRON_OK);
    assert_int_equal(begun->outcomes[29].known_at_us, START_US + 29);
    assert_int_equal(waiting->batch.code, PATRON_PRECONDITION);
    free_sender(begun);
    free_sender(waiting);
    close_writer(fixture);
}

/* --- answers ----------------------------------------------------------------------------------------------------- */

static int64_t answer(struct fixture *fixture)
{
    int64_t as_of_us;
    views_release(fixture->views, views_acquire(fixture->views, &as_of_us));
    return as_of_us;
}

/* What a crash at this moment would leave; INT64_MIN: nothing. */
static int64_t promised_on_disk(struct fixture *fixture)
{
    struct arena arena = {0};
    struct bytes value;
    int64_t until_us = INT64_MIN;
    if (kv_get(fixture->kv, NULL, KV_META, bytes_from_string("answered"), &arena, &value, NULL) == PATRON_OK)
        until_us = decode_time(value.data);
    arena_clear(&arena);
    return until_us;
}

static void nothing_is_promised_before_the_first_answer_and_all_answers_are_on_disk_before_they_are_given(
    void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){0});
    struct sender *history = new_history_sender(1, 5, 1000);
    send(fixture, history);
    wait_for(history);
    assert_int_equal(promised_on_disk(fixture), INT64_MIN);
    assert_int_equal(answer(fixture), START_US);
    assert_true(promised_on_disk(fixture) >= START_US);
    for (int step = 0; step < 20; step++) {
        fixture->wall_us += 9000000;
        fixture->steady_us += 9000000;
        int64_t as_of_us = answer(fixture);
        assert_true(as_of_us <= promised_on_disk(fixture));
    }
    free_sender(history);
    close_writer(fixture);
}

static void a_clean_stop_leaves_exactly_what_was_answered(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){0});
    fixture->wall_us += 5;
    fixture->steady_us += 5;
    assert_int_equal(answer(fixture), START_US + 5);
    fixture->wall_us += 5;
    fixture->steady_us += 5;
    assert_true(promised_on_disk(fixture) > START_US + 5);
    writer_stop(fixture->writer);
    fixture->stopped = true;
    assert_int_equal(promised_on_disk(fixture), START_US + 5);
    close_writer(fixture);
}

static void the_promise_is_kept_ahead_of_the_clock_whether_or_not_anybody_reads(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){0});
    assert_int_equal(answer(fixture), START_US);
    fixture->wall_us += 3600 * MICROSECONDS_PER_SECOND;
    fixture->steady_us += 3600 * MICROSECONDS_PER_SECOND;
    while (promised_on_disk(fixture) < fixture->wall_us)
        nap();
    while (answer(fixture) < fixture->wall_us)
        nap();
    /* And sooner when somebody reads: answers stay behind the clock for no longer than one row takes to write. */
    for (int step = 0; step < 100; step++) {
        fixture->wall_us += 3600 * MICROSECONDS_PER_SECOND;
        fixture->steady_us += 3600 * MICROSECONDS_PER_SECOND;
        while (answer(fixture) < fixture->wall_us)
            nap();
    }
    close_writer(fixture);
}

static void crashes_in_a_row_do_not_push_the_promise_away(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){0});
    assert_int_equal(answer(fixture), START_US);
    int64_t until_us = promised_on_disk(fixture);
    for (int crash = 0; crash < 50; crash++) {
        /* A writer that ends cleanly, and then its last row is as a crash would have left it. */
        writer_stop(fixture->writer);
        writer_free(fixture->writer);
        views_free(fixture->views);
        clock_free(fixture->clock);
        assert_int_equal(store_answered_set(fixture->store, until_us, NULL), PATRON_OK);
        fixture->wall_us += 1000;
        struct clock_options clock = {.source = {wall, steady, fixture},
            .newest_known_at_us = INT64_MIN,
            .answered_until_us = until_us};
        fixture->clock = clock_new(&clock);
        struct views_options views = {fixture->store, fixture->clock, fixture->cache};
        fixture->views = views_new(&views);
        struct writer_options options = {.store = fixture->store,
            .views = fixture->views,
            .clock = fixture->clock,
            .cache = fixture->cache,
            .fatal = on_fatal,
            .context = fixture};
        assert_int_equal(writer_new(&options, &fixture->writer, NULL), PATRON_OK);
        assert_true(answer(fixture) <= promised_on_disk(fixture));
        until_us = promised_on_disk(fixture);
    }
    assert_true(until_us <= fixture->wall_us + CLOCK_PROMISED_AHEAD_US);
    close_writer(fixture);
}

/* --- writing back, failing, ending ------------------------------------------------------------------------------- */

static void profiles_are_written_back_when_it_is_quiet_and_under_load(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){.write_back_ms = 1});
    struct writer_figures figures = {0};
    uint64_t customer = 0;
    while (figures.write_backs < 3) {
        assert_int_equal(send_one(fixture, customer++ % 100), PATRON_OK);
        writer_figures(fixture->writer, &figures);
    }
    while (figures.store.profiles_behind > 0) {
        nap();
        writer_figures(fixture->writer, &figures);
    }
    struct profile_cache_figures cache;
    profile_cache_figures(fixture->cache, &cache);
    assert_int_equal(cache.unsettled, 0);
    close_writer(fixture);
}

static void a_failed_commit_acknowledges_nothing_and_ends_all_writing(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){.group_events_max = 10});
    assert_int_equal(send_one(fixture, 1), PATRON_OK);
    gate_set(&fixture->gate, false);
    struct sender *lost = new_sender(1, 25), *behind = new_sender(2, 1);
    send(fixture, lost);
    gate_wait_for(&fixture->gate, 2);
    send(fixture, behind);
    kv_memory_fail_after(fixture->kv, 1, PATRON_IO);
    gate_set(&fixture->gate, true);
    wait_for(lost);
    wait_for(behind);
    assert_int_equal(lost->batch.code, PATRON_IO);
    assert_int_equal(behind->batch.code, PATRON_IO);
    assert_int_equal(fixture->fatals, 1);
    assert_int_equal(send_one(fixture, 3), PATRON_IO);
    /* Readers go on, with what was visible; nothing of the lost group's time is ever answered. */
    fixture->wall_us += 5000000;
    fixture->steady_us += 5000000;
    int64_t as_of_us;
    const struct view *view = views_acquire(fixture->views, &as_of_us);
    assert_int_equal(view->position_us, START_US);
    assert_int_equal(as_of_us, START_US + 1);
    views_release(fixture->views, view);
    free_sender(lost);
    free_sender(behind);
    close_writer(fixture);
}

static void stopping_finishes_what_is_queued_and_writes_everything_back(void **state)
{
    (void)state;
    struct fixture *fixture =
        open_writer((struct writer_options){.group_events_max = 8, .write_back_ms = 60000});
    struct sender *senders[50];
    for (size_t i = 0; i < 50; i++)
        send(fixture, senders[i] = new_sender(i, 20));
    writer_stop(fixture->writer);
    fixture->stopped = true;
    for (size_t i = 0; i < 50; i++) {
        assert_true(senders[i]->done);
        assert_int_equal(senders[i]->batch.code, PATRON_OK);
        free_sender(senders[i]);
    }
    struct profile_cache_figures cache;
    profile_cache_figures(fixture->cache, &cache);
    assert_int_equal(cache.entries, 50);
    assert_int_equal(cache.unsettled, 0);
    close_writer(fixture);
}

struct late_sender {
    struct fixture *fixture;
    _Atomic int answered, refused;
};

static void *send_until_refused(void *argument)
{
    struct late_sender *late = argument;
    for (;;) {
        struct sender *sender = new_sender(1, 2);
        enum patron_code code = writer_enqueue(late->fixture->writer, &sender->batch, NULL);
        if (code == PATRON_OK) {
            wait_for(sender);
            late->answered++;
        }
        free_sender(sender);
        if (code == PATRON_BUSY)
            break;
    }
    late->refused++;
    return NULL;
}

static void *stop_writer(void *argument)
{
    writer_stop(argument);
    return NULL;
}

static void a_batch_that_comes_while_stopping_is_refused_and_none_is_forgotten(void **state)
{
    (void)state;
    struct fixture *fixture = open_writer((struct writer_options){0});
    struct late_sender late = {.fixture = fixture};
    pthread_t threads[3], stopper;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, send_until_refused, &late), 0);
    while (late.answered < 50)
        nap();
    assert_int_equal(pthread_create(&stopper, NULL, stop_writer, fixture->writer), 0);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(pthread_join(stopper, NULL), 0);
    fixture->stopped = true;
    assert_int_equal(late.refused, 3);
    struct writer_figures figures;
    writer_figures(fixture->writer, &figures);
    assert_int_equal(figures.batches, late.answered);
    close_writer(fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answered_event_is_on_disk_and_in_the_next_view),
        cmocka_unit_test(an_empty_batch_is_answered),
        cmocka_unit_test(what_waits_shares_a_group_and_large_batches_are_split),
        cmocka_unit_test(while_events_are_limited_they_come_in_slower_and_nothing_else_waits),
        cmocka_unit_test(history_and_live_events_never_share_a_group),
        cmocka_unit_test(more_than_the_queue_holds_is_refused_and_taken_later),
        cmocka_unit_test(bytes_count_towards_the_queues_limit_but_one_batch_always_goes_in),
        cmocka_unit_test(nothing_is_taken_in_while_the_clock_has_jumped),
        cmocka_unit_test(a_jump_is_noticed_when_nobody_asks),
        cmocka_unit_test(a_batch_that_has_begun_is_finished_after_a_jump),
        cmocka_unit_test(
            nothing_is_promised_before_the_first_answer_and_all_answers_are_on_disk_before_they_are_given),
        cmocka_unit_test(a_clean_stop_leaves_exactly_what_was_answered),
        cmocka_unit_test(the_promise_is_kept_ahead_of_the_clock_whether_or_not_anybody_reads),
        cmocka_unit_test(crashes_in_a_row_do_not_push_the_promise_away),
        cmocka_unit_test(profiles_are_written_back_when_it_is_quiet_and_under_load),
        cmocka_unit_test(a_failed_commit_acknowledges_nothing_and_ends_all_writing),
        cmocka_unit_test(stopping_finishes_what_is_queued_and_writes_everything_back),
        cmocka_unit_test(a_batch_that_comes_while_stopping_is_refused_and_none_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
