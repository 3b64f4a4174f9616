/* The rule of T: no entry ever gets a known_at below a T that was handed out without being in that T's view; and what a
 * reader finds in its view is what the view's own log says. With threads hammering, on a clock that hardly moves, so
 * that stamps and reads collide. */
#include "fake_store.h"

#include "server/work/views.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <cmocka.h>

#define START_US INT64_C(1700000000000000)

enum { READERS = 3, CUSTOMERS = 40, GROUPS = 1500, RECORDS_MAX = 200000 };

static _Atomic int64_t machine_us;

static int64_t machine_clock(void *context)
{
    (void)context;
    return atomic_load_explicit(&machine_us, memory_order_relaxed);
}

struct fixture {
    struct kv *kv;
    struct profile_cache *cache;
    struct store *store;
    struct clock *clock;
    struct views *views;
};

static void fixture_open(struct fixture *fixture, uint64_t cache_bytes)
{
    atomic_store(&machine_us, START_US);
    fixture->kv = kv_memory_new();
    fixture->cache = profile_cache_new(cache_bytes);
    fixture->store = fake_store_new(fixture->kv, profile_cache_home(fixture->cache));
    struct clock_options clock = {
        .source = {machine_clock, machine_clock, NULL},
        .newest_known_at_us = INT64_MIN,
        .answered_until_us = INT64_MIN,
    };
    fixture->clock = clock_new(&clock);
    struct views_options views = {fixture->store, fixture->clock, fixture->cache};
    fixture->views = views_new(&views);
}

static void fixture_close(struct fixture *fixture)
{
    views_free(fixture->views);
    clock_free(fixture->clock);
    fake_store_free(fixture->store);
    profile_cache_free(fixture->cache);
    kv_close(fixture->kv);
    assert_int_equal(fake_store_parts_alive(), 0);
}

static void commit_event(struct fixture *fixture, uint64_t customer, int64_t known_at_us)
{
    uint8_t id[8];
    struct event_input event = fake_event(customer, id);
    event.has_known_at = known_at_us != INT64_MIN;
    event.known_at_us = known_at_us;
    struct event_outcome outcome;
    views_group_begin(fixture->views, event.has_known_at);
    assert_int_equal(store_group_add(fixture->store, &event, &outcome, NULL), PATRON_OK);
    assert_int_equal(store_group_commit(fixture->store, NULL), PATRON_OK);
    views_publish(fixture->views);
}

static int64_t as_of_now(struct fixture *fixture)
{
    int64_t as_of_us;
    views_release(fixture->views, views_acquire(fixture->views, &as_of_us));
    return as_of_us;
}

static void a_read_is_served_as_of_the_clock(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 0);
    assert_int_equal(views_answered_us(fixture.views), INT64_MIN);
    assert_int_equal(as_of_now(&fixture), START_US);
    assert_int_equal(views_answered_us(fixture.views), START_US);
    machine_us += 100;
    commit_event(&fixture, 1, INT64_MIN);
    assert_int_equal(views_position_us(fixture.views), START_US + 100);
    assert_int_equal(as_of_now(&fixture), START_US + 101);
    fixture_close(&fixture);
}

static void a_read_during_a_group_stays_below_it(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 0);
    views_group_begin(fixture.views, false);
    machine_us += 1000;
    assert_int_equal(as_of_now(&fixture), START_US);
    assert_int_equal(store_group_commit(fixture.store, NULL), PATRON_OK);
    views_publish(fixture.views);
    assert_int_equal(as_of_now(&fixture), START_US + 1000);
    fixture_close(&fixture);
}

static void history_goes_in_on_its_own_clock_until_a_later_time_is_answered(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 0);
    commit_event(&fixture, 1, 5000);
    assert_int_equal(views_position_us(fixture.views), 5000);
    /* A read in the middle of a group of history: nothing past that group's first stamp is answered. */
    views_group_begin(fixture.views, true);
    assert_int_equal(as_of_now(&fixture), 5001);
    assert_int_equal(store_group_commit(fixture.store, NULL), PATRON_OK);
    views_publish(fixture.views);
    commit_event(&fixture, 1, 6000);
    assert_int_equal(views_position_us(fixture.views), 6000);
    assert_int_equal(as_of_now(&fixture), START_US);
    commit_event(&fixture, 1, 7000);
    assert_int_equal(views_position_us(fixture.views), START_US);
    fixture_close(&fixture);
}

static void an_empty_store_answers_a_time_even_while_the_first_history_comes_in(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 0);
    views_group_begin(fixture.views, true);
    assert_int_equal(as_of_now(&fixture), EVENT_TIME_MIN_US);
    assert_int_equal(store_group_commit(fixture.store, NULL), PATRON_OK);
    views_publish(fixture.views);
    fixture_close(&fixture);
}

static void a_view_does_not_change_while_it_is_held(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1);
    struct arena arena = {0};
    int64_t as_of_us;
    commit_event(&fixture, 1, INT64_MIN);
    const struct view *held = views_acquire(fixture.views, &as_of_us);
    for (int i = 0; i < 50; i++) {
        machine_us += 10;
        commit_event(&fixture, (uint64_t)i % 3, INT64_MIN);
        size_t left;
        assert_int_equal(store_write_back(fixture.store, 1, &left, NULL), PATRON_OK);
        assert_int_equal(held->position_us, START_US);
        for (uint64_t customer = 0; customer < 3; customer++)
            assert_true(fake_store_reads_true(held, customer, &arena));
    }
    views_release(fixture.views, held);
    arena_clear(&arena);
    fixture_close(&fixture);
}

/* --- the promise over a restart ------------------------------------------------------------------------------ */

static void promise_at_once(void *context)
{
    struct fixture *fixture = context;
    if (views_answered_us(fixture->views) == INT64_MIN)
        views_promised(fixture->views, START_US + 500);
}

static void the_first_answer_waits_for_a_promise_and_none_goes_past_it(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 0);
    views_keep_promise(fixture.views, promise_at_once, &fixture);
    assert_int_equal(as_of_now(&fixture), START_US);
    machine_us += 1000;
    assert_int_equal(as_of_now(&fixture), START_US + 500);
    /* What is in the log needs no promise: the log remembers it. */
    commit_event(&fixture, 1, INT64_MIN);
    assert_int_equal(as_of_now(&fixture), START_US + 1001);
    views_promised(fixture.views, START_US + 5000);
    machine_us += 1000;
    assert_int_equal(as_of_now(&fixture), START_US + 2000);
    assert_int_equal(views_end_promise(fixture.views), START_US + 2000);
    machine_us += 1000;
    assert_int_equal(as_of_now(&fixture), START_US + 2000);
    fixture_close(&fixture);
}

static void promise_never(void *context)
{
    views_end_promise(((struct fixture *)context)->views);
}

static void without_a_promise_only_what_the_log_holds_is_answered(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 0);
    views_keep_promise(fixture.views, promise_never, &fixture);
    commit_event(&fixture, 1, 5000);
    views_group_begin(fixture.views, true);
    assert_int_equal(as_of_now(&fixture), 5001);
    assert_int_equal(store_group_commit(fixture.store, NULL), PATRON_OK);
    views_publish(fixture.views);
    assert_int_equal(as_of_now(&fixture), 5001);
    fixture_close(&fixture);
}

static void a_view_without_an_answer_binds_nothing(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 0);
    const struct view *view = views_acquire(fixture.views, NULL);
    assert_int_equal(views_answered_us(fixture.views), INT64_MIN);
    commit_event(&fixture, 1, 5000);
    assert_int_equal(views_position_us(fixture.views), 5000);
    assert_int_equal(view->position_us, INT64_MIN);
    views_release(fixture.views, view);
    fixture_close(&fixture);
}

static void a_time_answered_before_a_restart_stays_the_floor(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 0);
    views_free(fixture.views);
    assert_int_equal(store_answered_set(fixture.store, START_US - 77, NULL), PATRON_OK);
    struct views_options views = {fixture.store, fixture.clock, fixture.cache};
    fixture.views = views_new(&views);
    commit_event(&fixture, 1, 5000);
    assert_int_equal(views_position_us(fixture.views), START_US - 77);
    fixture_close(&fixture);
}

/* --- hammering ---------------------------------------------------------------------------------------------- */

struct record {
    int64_t as_of_us;
    int64_t position_us;
};

struct reader {
    struct fixture *fixture;
    pthread_t thread;
    uint64_t seed;
    struct record *records;
    size_t record_count;
    size_t lies;
    size_t late_begins; /* views held over groups */
};

static _Atomic bool over;

static void *read_on(void *argument)
{
    struct reader *reader = argument;
    struct arena arena = {0};
    int64_t last_us = INT64_MIN;
    while (!atomic_load(&over)) {
        int64_t as_of_us;
        const struct view *view = views_acquire(reader->fixture->views, &as_of_us);
        if (as_of_us <= view->position_us || as_of_us < last_us)
            reader->lies++;
        last_us = as_of_us;
        if (reader->record_count < RECORDS_MAX)
            reader->records[reader->record_count++] = (struct record){as_of_us, view->position_us};
        for (int i = 0; i < 3; i++) {
            reader->seed = reader->seed * 6364136223846793005u + 1442695040888963407u;
            arena_reset(&arena);
            if (!fake_store_reads_true(view, (reader->seed >> 33) % CUSTOMERS, &arena))
                reader->lies++;
        }
        if ((reader->seed >> 40) % 16 == 0) {
            sched_yield();
            reader->late_begins++;
        }
        views_release(reader->fixture->views, view);
    }
    arena_clear(&arena);
    return NULL;
}

static void write_groups(struct fixture *fixture)
{
    uint64_t seed = 12345;
    for (int group = 0; group < GROUPS; group++) {
        struct event_outcome outcome;
        /* The clock moves about as fast as the stamps, and once in a while a group claims an earlier one. */
        bool source_clock = group % 7 == 0;
        views_group_begin(fixture->views, source_clock);
        for (int i = 0; i < 5; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            uint8_t id[8];
            struct event_input event = fake_event((seed >> 33) % CUSTOMERS, id);
            event.has_known_at = source_clock;
            event.known_at_us = START_US - 1000000 + group;
            assert_int_equal(store_group_add(fixture->store, &event, &outcome, NULL), PATRON_OK);
        }
        machine_us += (int64_t)(seed >> 50) % 12;
        assert_int_equal(store_group_commit(fixture->store, NULL), PATRON_OK);
        views_publish(fixture->views);
        if (group % 5 == 0) {
            size_t left;
            assert_int_equal(store_write_back(fixture->store, 20, &left, NULL), PATRON_OK);
            views_publish(fixture->views);
        }
        sched_yield();
    }
}

static void nothing_is_ever_learned_before_an_answered_time(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 5000);
    struct reader readers[READERS] = {0};
    atomic_store(&over, false);
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.fixture = &fixture, .seed = i};
        readers[i].records = memory_alloc(RECORDS_MAX * sizeof(struct record));
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_on, &readers[i]), 0);
    }
    write_groups(&fixture);
    atomic_store(&over, true);
    size_t checked = 0;
    for (size_t i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
        assert_int_equal(readers[i].lies, 0);
        for (size_t k = 0; k < readers[i].record_count; k += 1 + readers[i].record_count / 2000) {
            const struct record *record = &readers[i].records[k];
            for (uint64_t customer = 0; customer < CUSTOMERS; customer++, checked++)
                assert_true(
                    fake_store_next_known_at(fixture.kv, customer, record->position_us) >= record->as_of_us);
        }
        memory_free(readers[i].records);
    }
    assert_true(checked > 0);
    struct profile_cache_figures figures;
    profile_cache_figures(fixture.cache, &figures);
    assert_true(figures.hits > 0);
    assert_true(figures.misses > 0);
    fixture_close(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_read_is_served_as_of_the_clock),
        cmocka_unit_test(a_read_during_a_group_stays_below_it),
        cmocka_unit_test(history_goes_in_on_its_own_clock_until_a_later_time_is_answered),
        cmocka_unit_test(an_empty_store_answers_a_time_even_while_the_first_history_comes_in),
        cmocka_unit_test(a_view_does_not_change_while_it_is_held),
        cmocka_unit_test(the_first_answer_waits_for_a_promise_and_none_goes_past_it),
        cmocka_unit_test(without_a_promise_only_what_the_log_holds_is_answered),
        cmocka_unit_test(a_view_without_an_answer_binds_nothing),
        cmocka_unit_test(a_time_answered_before_a_restart_stays_the_floor),
        cmocka_unit_test(nothing_is_ever_learned_before_an_answered_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
