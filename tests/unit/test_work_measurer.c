/* The census taken now and then, in the background and when somebody asks: over a census that the test takes itself. */
#include "fake_store.h"

#include "server/work/measurer.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#define START_US INT64_C(1700000000000000)

enum { WAIT_MS = 20000 };

static void pause_1ms(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

/* --- a census under the test's control ---------------------------------------------------------------------------- */

static atomic_int taken, under_way, under_way_most;
static atomic_bool held; /* until it is let go, or called off */
static _Atomic(enum patron_code) failure;

enum patron_code census_take(const struct view *view, int64_t as_of_us, const atomic_bool *cancelled,
    struct census *census, struct error *error)
{
    int now = atomic_fetch_add(&under_way, 1) + 1;
    if (now > atomic_load(&under_way_most))
        atomic_store(&under_way_most, now);
    while (atomic_load(&held) && !atomic_load(cancelled))
        pause_1ms();
    atomic_fetch_sub(&under_way, 1);
    int number = atomic_fetch_add(&taken, 1) + 1;
    if (atomic_load(cancelled))
        return error_set(error, PATRON_BUSY, "called off");
    if (atomic_load(&failure) != PATRON_OK)
        return error_set(error, atomic_load(&failure), "a row is damaged");
    assert_true(as_of_us > view->position_us);
    *census = (struct census){.as_of_us = as_of_us, .identifiers = (uint64_t)number};
    return PATRON_OK;
}

static void wait_until_above(const atomic_int *number, int most)
{
    for (int i = 0; atomic_load(number) <= most; i++) {
        assert_true(i < WAIT_MS);
        pause_1ms();
    }
}

/* --- what it runs over -------------------------------------------------------------------------------------------- */

struct fixture {
    struct kv *kv;
    struct profile_cache *cache;
    struct store *store;
    struct clock *clock;
    struct views *views;
    struct measurer *measurer;
};

static _Atomic int64_t machine_us;
static atomic_int notices;
static char noticed[256];

static int64_t machine_clock(void *context)
{
    (void)context;
    return atomic_load(&machine_us);
}

static void on_notice(void *context, const char *words)
{
    (void)context;
    snprintf(noticed, sizeof noticed, "%s", words);
    atomic_fetch_add(&notices, 1);
}

static void fixture_open(struct fixture *fixture, uint64_t first_ms, uint64_t every_ms)
{
    taken = under_way = under_way_most = notices = 0;
    held = false;
    failure = PATRON_OK;
    machine_us = START_US;
    fixture->kv = kv_memory_new();
    fixture->cache = profile_cache_new(0);
    fixture->store = fake_store_new(fixture->kv, profile_cache_home(fixture->cache));
    struct clock_options clock = {.source = {machine_clock, machine_clock, NULL},
        .newest_known_at_us = INT64_MIN,
        .answered_until_us = INT64_MIN};
    fixture->clock = clock_new(&clock);
    struct views_options views = {fixture->store, fixture->clock, fixture->cache};
    fixture->views = views_new(&views);
    struct measurer_options options = {.views = fixture->views,
        .clock = fixture->clock,
        .first_ms = first_ms,
        .every_ms = every_ms,
        .notice = on_notice};
    assert_int_equal(measurer_new(&options, &fixture->measurer, NULL), PATRON_OK);
}

static void fixture_close(struct fixture *fixture)
{
    measurer_stop(fixture->measurer);
    views_free(fixture->views); /* every view was released */
    clock_free(fixture->clock);
    fake_store_free(fixture->store);
    profile_cache_free(fixture->cache);
    kv_close(fixture->kv);
}

/* --- asked -------------------------------------------------------------------------------------------------------- */

static void nothing_is_told_before_the_first_and_asking_takes_it(void **state)
{
    (void)state;
    struct fixture fixture;
    struct census census;
    fixture_open(&fixture, 0, 0);
    assert_false(measurer_last(fixture.measurer, &census));
    assert_int_equal(measurer_measure(fixture.measurer, false, &census, NULL), PATRON_OK);
    assert_int_equal(census.identifiers, 1);
    assert_int_equal(census.as_of_us, START_US);
    assert_int_equal(views_answered_us(fixture.views), INT64_MIN); /* history may still be loaded */
    assert_true(measurer_last(fixture.measurer, &census));
    fixture_close(&fixture);
}

static void the_last_one_is_given_again_unless_a_fresh_one_is_asked_for(void **state)
{
    (void)state;
    struct fixture fixture;
    struct census census;
    fixture_open(&fixture, 0, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(measurer_measure(fixture.measurer, false, &census, NULL), PATRON_OK);
    assert_int_equal(census.identifiers, 1);
    machine_us += 1000;
    assert_int_equal(measurer_measure(fixture.measurer, true, &census, NULL), PATRON_OK);
    assert_int_equal(census.identifiers, 2);
    assert_int_equal(census.as_of_us, START_US + 1000);
    assert_int_equal(measurer_measure(fixture.measurer, false, &census, NULL), PATRON_OK);
    assert_int_equal(census.identifiers, 2);
    fixture_close(&fixture);
}

static void a_failure_is_told_and_the_one_before_stays(void **state)
{
    (void)state;
    struct fixture fixture;
    struct census census;
    struct error error;
    fixture_open(&fixture, 0, 0);
    assert_int_equal(measurer_measure(fixture.measurer, true, &census, NULL), PATRON_OK);
    failure = PATRON_CORRUPT;
    assert_int_equal(measurer_measure(fixture.measurer, true, &census, &error), PATRON_CORRUPT);
    assert_string_equal(error.text, "a row is damaged");
    assert_true(measurer_last(fixture.measurer, &census));
    assert_int_equal(census.identifiers, 1);
    fixture_close(&fixture);
}

static void *measure_fresh(void *argument)
{
    struct census census;
    struct error error;
    enum patron_code code = measurer_measure(argument, true, &census, &error);
    return code == PATRON_OK || code == PATRON_BUSY ? (void *)(uintptr_t)(code + 1) : NULL;
}

static void one_is_taken_at_a_time(void **state)
{
    (void)state;
    enum { ASKERS = 4 };
    struct fixture fixture;
    pthread_t threads[ASKERS];
    fixture_open(&fixture, 0, 0);
    held = true;
    for (int i = 0; i < ASKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, measure_fresh, fixture.measurer), 0);
    wait_until_above(&under_way, 0);
    for (int i = 0; i < 20; i++)
        pause_1ms();
    struct census census;
    assert_false(measurer_last(fixture.measurer, &census)); /* and this does not wait */
    held = false;
    for (int i = 0; i < ASKERS; i++) {
        void *code;
        assert_int_equal(pthread_join(threads[i], &code), 0);
        assert_int_equal((uintptr_t)code, PATRON_OK + 1);
    }
    assert_int_equal(taken, ASKERS);
    assert_int_equal(under_way_most, 1);
    fixture_close(&fixture);
}

/* --- by itself ---------------------------------------------------------------------------------------------------- */

static void it_is_taken_again_and_again_by_itself(void **state)
{
    (void)state;
    struct fixture fixture;
    struct census census;
    fixture_open(&fixture, 1, 1);
    wait_until_above(&taken, 4);
    assert_true(measurer_last(fixture.measurer, &census));
    assert_in_range(census.identifiers, 1, atomic_load(&taken));
    fixture_close(&fixture);
    fixture_open(&fixture, 1, WAIT_MS * 10);
    wait_until_above(&taken, 0);
    for (int i = 0; i < 50; i++)
        pause_1ms();
    assert_int_equal(taken, 1);
    fixture_close(&fixture); /* and does not wait for the next */
}

static void nobody_takes_it_where_it_is_only_for_who_asks(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_open(&fixture, 1, 0);
    for (int i = 0; i < 50; i++)
        pause_1ms();
    assert_int_equal(taken, 0);
    fixture_close(&fixture);
}

static void what_cannot_be_counted_is_noticed_and_tried_again(void **state)
{
    (void)state;
    struct fixture fixture;
    struct census census;
    fixture_open(&fixture, 5, 5);
    failure = PATRON_CORRUPT;
    wait_until_above(&notices, 1);
    failure = PATRON_OK;
    int before = taken;
    wait_until_above(&taken, before + 1);
    assert_true(measurer_last(fixture.measurer, &census));
    measurer_stop(fixture.measurer);
    fixture.measurer = NULL;
    assert_string_equal(noticed, "the measures of identity cannot be taken: a row is damaged");
    fixture_close(&fixture);
}

static void it_stops_while_it_counts_and_tells_who_waits(void **state)
{
    (void)state;
    struct fixture fixture;
    pthread_t asker;
    void *code;
    struct census census;
    fixture_open(&fixture, 1, 1);
    held = true;
    wait_until_above(&under_way, 0);
    assert_int_equal(pthread_create(&asker, NULL, measure_fresh, fixture.measurer), 0);
    measurer_call_off(fixture.measurer);
    assert_int_equal(pthread_join(asker, &code), 0);
    assert_int_equal((uintptr_t)code, PATRON_BUSY + 1);
    assert_int_equal(measurer_measure(fixture.measurer, true, &census, NULL), PATRON_BUSY);
    fixture_close(&fixture);
    assert_int_equal(under_way, 0);
    assert_int_equal(notices, 0);
    measurer_call_off(NULL);
    measurer_stop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_told_before_the_first_and_asking_takes_it),
        cmocka_unit_test(the_last_one_is_given_again_unless_a_fresh_one_is_asked_for),
        cmocka_unit_test(a_failure_is_told_and_the_one_before_stays),
        cmocka_unit_test(one_is_taken_at_a_time),
        cmocka_unit_test(it_is_taken_again_and_again_by_itself),
        cmocka_unit_test(nobody_takes_it_where_it_is_only_for_who_asks),
        cmocka_unit_test(what_cannot_be_counted_is_noticed_and_tried_again),
        cmocka_unit_test(it_stops_while_it_counts_and_tells_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
