/* The two clocks of the machine, and what is made of them.
 *
 * offset = wall - steady is constant but for slewing (NTP: at most 500 microseconds a second) and for somebody setting
 * the wall clock. Each good look remembers the offset; a look that finds it moved by more than the bound is a jump, and
 * no look is good again until clock_confirm. */
#include "server/work/clock.h"

#include "store/base/arena.h"
#include "store/base/limits.h"
#include "store/base/time_text.h"

#include <inttypes.h>
#include <pthread.h>
#include <time.h>

struct clock {
    pthread_mutex_t lock;
    struct clock_source source;
    int64_t jump_max_us;
    int64_t value_us; /* handed out last; never goes back */
    /* The last good look. */
    int64_t wall_us;
    int64_t steady_us;
    /* The jump that nobody has confirmed yet: how far, or 0. */
    int64_t jumped_us;
    bool found_at_start;
};

static int64_t machine_clock_us(clockid_t id)
{
    struct timespec now;
    CHECK(clock_gettime(id, &now) == 0);
    return (int64_t)now.tv_sec * MICROSECONDS_PER_SECOND + now.tv_nsec / 1000;
}

static int64_t machine_wall_us(void *context)
{
    (void)context;
    return machine_clock_us(CLOCK_REALTIME);
}

/* Not CLOCK_MONOTONIC: that one stops while the machine sleeps, and waking up would look like a jump forward. */
static int64_t machine_steady_us(void *context)
{
    (void)context;
    return machine_clock_us(CLOCK_BOOTTIME);
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

struct clock *clock_new(const struct clock_options *options)
{
    struct clock *clock = memory_alloc(sizeof *clock);
    CHECK(pthread_mutex_init(&clock->lock, NULL) == 0);
    clock->source = options->source;
    if (!clock->source.wall_us)
        clock->source = (struct clock_source){machine_wall_us, machine_steady_us, NULL};
    CHECK(clock->source.steady_us);
    clock->jump_max_us = options->jump_max_us ? options->jump_max_us : CLOCK_JUMP_MAX_DEFAULT_US;
    clock->wall_us = clock->source.wall_us(clock->source.context);
    clock->steady_us = clock->source.steady_us(clock->source.context);
    clock->value_us = clock->wall_us;
    int64_t newest_us = options->newest_known_at_us;
    if (options->answered_until_us > INT64_MIN + CLOCK_PROMISED_AHEAD_US)
        newest_us = later(newest_us, options->answered_until_us - CLOCK_PROMISED_AHEAD_US);
    if (newest_us > clock->wall_us && newest_us - clock->wall_us > clock->jump_max_us) {
        clock->jumped_us = clock->wall_us - newest_us;
        clock->found_at_start = true;
    }
    clock->value_us = later(clock->value_us, later(options->newest_known_at_us, options->answered_until_us));
    return clock;
}

void clock_free(struct clock *clock)
{
    if (!clock)
        return;
    pthread_mutex_destroy(&clock->lock);
    memory_free(clock);
}

/* The lock is held. Returns the time by this look alone, and lifts the clock to it. */
static int64_t look(struct clock *clock)
{
    int64_t wall_us = clock->source.wall_us(clock->source.context);
    int64_t steady_us = clock->source.steady_us(clock->source.context);
    if (clock->jumped_us == 0) {
        int64_t moved_us = (wall_us - steady_us) - (clock->wall_us - clock->steady_us);
        if (moved_us > clock->jump_max_us || moved_us < -clock->jump_max_us) {
            clock->jumped_us = moved_us;
        } else {
            clock->wall_us = wall_us;
            clock->steady_us = steady_us;
        }
    }
    int64_t now_us = clock->wall_us;
    if (clock->jumped_us > 0)
        now_us += steady_us - clock->steady_us;
    if (now_us > clock->value_us)
        clock->value_us = now_us;
    return now_us;
}

int64_t clock_now(struct clock *clock)
{
    pthread_mutex_lock(&clock->lock);
    look(clock);
    int64_t now_us = clock->value_us;
    pthread_mutex_unlock(&clock->lock);
    return now_us;
}

int64_t clock_unheld(struct clock *clock)
{
    pthread_mutex_lock(&clock->lock);
    int64_t now_us = look(clock);
    pthread_mutex_unlock(&clock->lock);
    return now_us;
}

int64_t clock_machine(struct clock *clock)
{
    pthread_mutex_lock(&clock->lock);
    int64_t wall_us = clock->source.wall_us(clock->source.context);
    pthread_mutex_unlock(&clock->lock);
    return wall_us;
}

enum patron_code clock_check(struct clock *clock, struct error *error)
{
    pthread_mutex_lock(&clock->lock);
    look(clock);
    int64_t now_us = clock->value_us;
    int64_t jumped_us = clock->jumped_us;
    bool found_at_start = clock->found_at_start;
    int64_t wall_us = clock->source.wall_us(clock->source.context);
    pthread_mutex_unlock(&clock->lock);
    if (jumped_us == 0)
        return PATRON_OK;
    char now_text[TIME_TEXT_MAX], wall_text[TIME_TEXT_MAX];
    time_to_text(now_us, now_text);
    time_to_text(wall_us, wall_text);
    double seconds = (double)(jumped_us < 0 ? -jumped_us : jumped_us) / 1e6;
    if (found_at_start)
        return error_set(error, PATRON_PRECONDITION,
            "the store has learned or answered what lies %.1f s after this machine's clock at start (it says "
            "%s now): "
            "nothing is taken in until the clock is right and 'patron clock confirm' says so; reads go on as "
            "of %s",
            seconds, wall_text, now_text);
    return error_set(error, PATRON_PRECONDITION,
        "this machine's clock jumped %s by %.1f s (it says %s now): nothing is taken in until it is right "
        "and "
        "'patron clock confirm' says so; reads go on as of %s",
        jumped_us < 0 ? "back" : "forward", seconds, wall_text, now_text);
}

int64_t clock_confirm(struct clock *clock)
{
    pthread_mutex_lock(&clock->lock);
    clock->jumped_us = 0;
    clock->found_at_start = false;
    clock->wall_us = clock->source.wall_us(clock->source.context);
    clock->steady_us = clock->source.steady_us(clock->source.context);
    look(clock);
    int64_t now_us = clock->value_us;
    pthread_mutex_unlock(&clock->lock);
    return now_us;
}
