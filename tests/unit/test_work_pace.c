/* When taking in gives way to following: simulated, with speeds that are made up. */
#include "server/work/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct world {
    struct pace pace;
    int64_t now_ms;
    uint64_t followed, arrived;
};

/* A second, looked at ten times. What arrives keeps to the limit. */
static uint32_t second_of(struct world *world, uint64_t speed, uint64_t load)
{
    uint32_t limit = world->pace.limit;
    for (int i = 0; i < 10; i++) {
        world->now_ms += 100;
        world->followed += speed / 10;
        world->arrived += (limit > 0 && limit < load ? limit : load) / 10;
        limit = pace_look(&world->pace, world->now_ms, world->followed, world->arrived);
    }
    return limit;
}

static void nothing_gives_way_to_a_follower_that_wins(void **state)
{
    (void)state;
    struct world world = {.now_ms = 12345};
    for (int i = 0; i < 100; i++)
        assert_int_equal(second_of(&world, 4000, 3000), 0);
    /* a burst of a second is none to speak of */
    assert_int_equal(second_of(&world, 4000, 20000), 0);
    for (int i = 0; i < 10; i++)
        assert_int_equal(second_of(&world, 4000, 3000), 0);
    assert_int_equal(second_of(&world, 0, 0), 0);
}

/* Followed hardly faster than the log grows, it would take too long; a margin of a quarter will do. */
static void a_follower_that_wins_by_a_little_is_helped(void **state)
{
    (void)state;
    struct world close = {0}, clear = {0};
    for (int i = 0; i < 10; i++) {
        second_of(&close, 4000, 3010);
        assert_int_equal(second_of(&clear, 4000, 3000), 0);
    }
    assert_in_range(close.pace.limit, PACE_LIMIT_MIN, 2000);
}

static void a_follower_that_loses_catches_up_with_what_gives_way(void **state)
{
    (void)state;
    static const uint64_t speeds[] = {10, 250, 3700, 50000};
    for (size_t i = 0; i < sizeof speeds / sizeof speeds[0]; i++) {
        struct world world = {.arrived = 50000};
        uint64_t speed = speeds[i], most = speed / 2 < PACE_LIMIT_MIN ? PACE_LIMIT_MIN : speed / 2;
        for (int k = 0; k < 5; k++)
            second_of(&world, speed, speed * 2);
        assert_in_range(world.pace.limit, 1, most);
        uint64_t behind = world.arrived - world.followed;
        for (int k = 0; k < 10; k++)
            assert_in_range(second_of(&world, speed, speed * 2), 1, most);
        if (most > PACE_LIMIT_MIN)
            assert_true(world.arrived - world.followed + speed * 4 < behind);
        /* followed slower, taken in slower; then faster again */
        for (int k = 0; k < 10; k++)
            second_of(&world, speed / 2, speed * 2);
        assert_in_range(world.pace.limit, 1, most / 2 + PACE_LIMIT_MIN);
        for (int k = 0; k < 30; k++)
            second_of(&world, speed * 4, speed * 8);
        assert_true(world.pace.limit + 10 > speed * 2 || world.pace.limit == PACE_LIMIT_MIN);
    }
}

static void whoever_sends_is_never_stuck(void **state)
{
    (void)state;
    struct world world = {.arrived = 50000};
    for (int i = 0; i < 20; i++)
        second_of(&world, 0, 1000);
    assert_int_equal(world.pace.limit, PACE_LIMIT_MIN);
    world.now_ms += 1000000; /* as long as it likes between two looks */
    assert_int_equal(pace_look(&world.pace, world.now_ms, world.followed, world.arrived), PACE_LIMIT_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_gives_way_to_a_follower_that_wins),
        cmocka_unit_test(a_follower_that_wins_by_a_little_is_helped),
        cmocka_unit_test(a_follower_that_loses_catches_up_with_what_gives_way),
        cmocka_unit_test(whoever_sends_is_never_stuck),
    };
    return cmocka_run_group_tests_name("work_pace", tests, NULL, NULL);
}
