/* The one clock, on virtual time. */
#include "server/work/clock.h"

#include "store/base/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define START_US INT64_C(1700000000000000)

struct machine {
    int64_t wall_us;
    int64_t steady_us;
};

static int64_t wall(void *context)
{
    return ((struct machine *)context)->wall_us;
}

static int64_t steady(void *context)
{
    return ((struct machine *)context)->steady_us;
}

static void pass(struct machine *machine, int64_t us)
{
    machine->wall_us += us;
    machine->steady_us += us;
}

static struct clock *new_clock(struct machine *machine, int64_t newest_known_at_us)
{
    *machine = (struct machine){START_US, 5000};
    struct clock_options options = {
        .source = {wall, steady, machine},
        .newest_known_at_us = newest_known_at_us,
        .answered_until_us = INT64_MIN,
    };
    return clock_new(&options);
}

static void it_follows_the_wall_clock(void **state)
{
    (void)state;
    struct machine machine;
    struct clock *clock = new_clock(&machine, INT64_MIN);
    assert_int_equal(clock_now(clock), START_US);
    pass(&machine, 1);
    assert_int_equal(clock_now(clock), START_US + 1);
    pass(&machine, MICROSECONDS_PER_DAY);
    assert_int_equal(clock_now(clock), START_US + 1 + MICROSECONDS_PER_DAY);
    assert_int_equal(clock_check(clock, NULL), PATRON_OK);
    clock_free(clock);
}

static void it_stands_still_after_a_small_step_back(void **state)
{
    (void)state;
    struct machine machine;
    struct clock *clock = new_clock(&machine, INT64_MIN);
    machine.wall_us -= 30 * MICROSECONDS_PER_SECOND;
    assert_int_equal(clock_now(clock), START_US);
    pass(&machine, 29 * MICROSECONDS_PER_SECOND);
    assert_int_equal(clock_now(clock), START_US);
    pass(&machine, 2 * MICROSECONDS_PER_SECOND);
    assert_int_equal(clock_now(clock), START_US + MICROSECONDS_PER_SECOND);
    assert_int_equal(clock_check(clock, NULL), PATRON_OK);
    clock_free(clock);
}

static void it_takes_a_small_step_forward(void **state)
{
    (void)state;
    struct machine machine;
    struct clock *clock = new_clock(&machine, INT64_MIN);
    machine.wall_us += CLOCK_JUMP_MAX_DEFAULT_US;
    assert_int_equal(clock_now(clock), START_US + CLOCK_JUMP_MAX_DEFAULT_US);
    assert_int_equal(clock_check(clock, NULL), PATRON_OK);
    clock_free(clock);
}

static void it_stands_still_after_a_jump_back_until_confirmed(void **state)
{
    (void)state;
    struct machine machine;
    struct clock *clock = new_clock(&machine, INT64_MIN);
    pass(&machine, MICROSECONDS_PER_SECOND);
    assert_int_equal(clock_now(clock), START_US + MICROSECONDS_PER_SECOND);
    machine.wall_us -= MICROSECONDS_PER_HOUR;
    struct error error;
    assert_int_equal(clock_check(clock, &error), PATRON_PRECONDITION);
    assert_string_equal(error.text,
        "this machine's clock jumped back by 3600.0 s (it says 2023-11-14T21:13:21Z now): nothing is taken "
        "in until it "
        "is right and 'patron clock confirm' says so; reads go on as of 2023-11-14T22:13:21Z");
    pass(&machine, 2 * MICROSECONDS_PER_HOUR);
    assert_int_equal(clock_now(clock), START_US + MICROSECONDS_PER_SECOND);
    assert_int_equal(clock_check(clock, NULL), PATRON_PRECONDITION);
    assert_int_equal(clock_confirm(clock), START_US + MICROSECONDS_PER_SECOND + MICROSECONDS_PER_HOUR);
    assert_int_equal(clock_check(clock, NULL), PATRON_OK);
    clock_free(clock);
}

static void it_never_goes_back_even_when_an_earlier_time_is_confirmed(void **state)
{
    (void)state;
    struct machine machine;
    struct clock *clock = new_clock(&machine, INT64_MIN);
    machine.wall_us -= MICROSECONDS_PER_HOUR;
    assert_int_equal(clock_check(clock, NULL), PATRON_PRECONDITION);
    assert_int_equal(clock_confirm(clock), START_US);
    pass(&machine, 5);
    assert_int_equal(clock_now(clock), START_US);
    assert_int_equal(clock_check(clock, NULL), PATRON_OK);
    pass(&machine, MICROSECONDS_PER_HOUR);
    assert_int_equal(clock_now(clock), START_US + 5);
    clock_free(clock);
}

static void it_ticks_by_the_steady_clock_after_a_jump_forward(void **state)
{
    (void)state;
    struct machine machine;
    struct clock *clock = new_clock(&machine, INT64_MIN);
    pass(&machine, 10);
    machine.wall_us += 365 * MICROSECONDS_PER_DAY;
    assert_int_equal(clock_now(clock), START_US + 10);
    struct error error;
    assert_int_equal(clock_check(clock, &error), PATRON_PRECONDITION);
    assert_non_null(strstr(error.text, "jumped forward by 31536000.0 s"));
    pass(&machine, 7 * MICROSECONDS_PER_SECOND);
    assert_int_equal(clock_now(clock), START_US + 10 + 7 * MICROSECONDS_PER_SECOND);
    /* Set right again by hand: still the operator's word is needed, then all is as if nothing had been. */
    machine.wall_us -= 365 * MICROSECONDS_PER_DAY;
    assert_int_equal(clock_now(clock), START_US + 10 + 7 * MICROSECONDS_PER_SECOND);
    assert_int_equal(clock_check(clock, NULL), PATRON_PRECONDITION);
    assert_int_equal(clock_confirm(clock), START_US + 10 + 7 * MICROSECONDS_PER_SECOND);
    clock_free(clock);
}

static void confirming_a_jump_forward_takes_the_new_time(void **state)
{
    (void)state;
    struct machine machine;
    struct clock *clock = new_clock(&machine, INT64_MIN);
    machine.wall_us += MICROSECONDS_PER_DAY;
    assert_int_equal(clock_now(clock), START_US);
    assert_int_equal(clock_confirm(clock), START_US + MICROSECONDS_PER_DAY);
    assert_int_equal(clock_check(clock, NULL), PATRON_OK);
    clock_free(clock);
}

static void a_step_back_before_a_jump_forward_is_not_made_up_for(void **state)
{
    (void)state;
    struct machine machine;
    struct clock *clock = new_clock(&machine, INT64_MIN);
    machine.wall_us -= 30 * MICROSECONDS_PER_SECOND;
    assert_int_equal(clock_now(clock), START_US);
    machine.wall_us += MICROSECONDS_PER_HOUR;
    pass(&machine, 20 * MICROSECONDS_PER_SECOND);
    assert_int_equal(clock_now(clock), START_US);
    pass(&machine, 20 * MICROSECONDS_PER_SECOND);
    assert_int_equal(clock_now(clock), START_US + 10 * MICROSECONDS_PER_SECOND);
    clock_free(clock);
}

static void a_store_far_ahead_of_the_clock_at_start_is_a_jump(void **state)
{
    (void)state;
    struct machine machine;
    struct clock *clock = new_clock(&machine, START_US + MICROSECONDS_PER_HOUR);
    assert_int_equal(clock_now(clock), START_US + MICROSECONDS_PER_HOUR);
    struct error error;
    assert_int_equal(clock_check(clock, &error), PATRON_PRECONDITION);
    assert_non_null(strstr(error.text, "the store has learned or answered what lies 3600.0 s after"));
    pass(&machine, 10);
    assert_int_equal(clock_confirm(clock), START_US + MICROSECONDS_PER_HOUR);
    assert_int_equal(clock_check(clock, NULL), PATRON_OK);
    clock_free(clock);
}

static void a_store_a_little_ahead_of_the_clock_at_start_is_waited_for(void **state)
{
    (void)state;
    struct machine machine;
    struct clock *clock = new_clock(&machine, START_US + 5);
    assert_int_equal(clock_now(clock), START_US + 5);
    assert_int_equal(clock_check(clock, NULL), PATRON_OK);
    pass(&machine, 6);
    assert_int_equal(clock_now(clock), START_US + 6);
    clock_free(clock);
}

static struct clock *new_clock_after_crash(struct machine *machine, int64_t answered_until_us)
{
    *machine = (struct machine){START_US, 5000};
    struct clock_options options = {
        .source = {wall, steady, machine},
        .newest_known_at_us = START_US - MICROSECONDS_PER_DAY,
        .answered_until_us = answered_until_us,
    };
    return clock_new(&options);
}

static void it_begins_where_the_answers_promised_by_a_crashed_process_end(void **state)
{
    (void)state;
    struct machine machine;
    struct clock *clock = new_clock_after_crash(&machine, START_US + CLOCK_PROMISED_AHEAD_US);
    assert_int_equal(clock_check(clock, NULL), PATRON_OK);
    assert_int_equal(clock_now(clock), START_US + CLOCK_PROMISED_AHEAD_US);
    assert_int_equal(clock_unheld(clock), START_US);
    pass(&machine, CLOCK_PROMISED_AHEAD_US + 1);
    assert_int_equal(clock_now(clock), START_US + CLOCK_PROMISED_AHEAD_US + 1);
    assert_int_equal(clock_unheld(clock), START_US + CLOCK_PROMISED_AHEAD_US + 1);
    clock_free(clock);
}

static void answers_far_ahead_of_the_clock_at_start_are_a_jump(void **state)
{
    (void)state;
    struct machine machine;
    int64_t bound_us = START_US + CLOCK_PROMISED_AHEAD_US + CLOCK_JUMP_MAX_DEFAULT_US;
    struct clock *clock = new_clock_after_crash(&machine, bound_us);
    assert_int_equal(clock_check(clock, NULL), PATRON_OK);
    clock_free(clock);
    clock = new_clock_after_crash(&machine, bound_us + 1);
    assert_int_equal(clock_check(clock, NULL), PATRON_PRECONDITION);
    assert_int_equal(clock_now(clock), bound_us + 1);
    clock_free(clock);
}

static void slow_drift_is_no_jump(void **state)
{
    (void)state;
    struct machine machine;
    struct clock *clock = new_clock(&machine, INT64_MIN);
    for (int i = 0; i < 1000; i++) {
        pass(&machine, 10 * MICROSECONDS_PER_SECOND);
        machine.wall_us += MICROSECONDS_PER_SECOND;
        assert_int_equal(clock_now(clock), machine.wall_us);
    }
    assert_int_equal(clock_check(clock, NULL), PATRON_OK);
    clock_free(clock);
}

static void the_machines_own_clocks_are_the_default(void **state)
{
    (void)state;
    struct clock_options options = {.newest_known_at_us = INT64_MIN, .answered_until_us = INT64_MIN};
    struct clock *clock = clock_new(&options);
    int64_t first_us = clock_now(clock);
    assert_true(first_us > START_US);
    assert_true(clock_now(clock) >= first_us);
    assert_int_equal(clock_check(clock, NULL), PATRON_OK);
    clock_free(clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_follows_the_wall_clock),
        cmocka_unit_test(it_stands_still_after_a_small_step_back),
        cmocka_unit_test(it_takes_a_small_step_forward),
        cmocka_unit_test(it_stands_still_after_a_jump_back_until_confirmed),
        cmocka_unit_test(it_never_goes_back_even_when_an_earlier_time_is_confirmed),
        cmocka_unit_test(it_ticks_by_the_steady_clock_after_a_jump_forward),
        cmocka_unit_test(confirming_a_jump_forward_takes_the_new_time),
        cmocka_unit_test(a_step_back_before_a_jump_forward_is_not_made_up_for),
        cmocka_unit_test(a_store_far_ahead_of_the_clock_at_start_is_a_jump),
        cmocka_unit_test(a_store_a_little_ahead_of_the_clock_at_start_is_waited_for),
        cmocka_unit_test(it_begins_where_the_answers_promised_by_a_crashed_process_end),
        cmocka_unit_test(answers_far_ahead_of_the_clock_at_start_are_a_jump),
        cmocka_unit_test(slow_drift_is_no_jump),
        cmocka_unit_test(the_machines_own_clocks_are_the_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
