/* Shared costs behind the writer: history waits for them and goes on, what is live does not, they are shared out by the
 * clock once the store answers, and neither a stop nor an engine that fails leaves anybody without an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "server/work/database.h"
#include "store/base/time_text.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const char definitions[] =
    "identifiers: {device: }\n"
    "events:\n"
    "  session:\n"
    "  hosting: {amount: money}\n"
    "shared_costs: {hosting: {share: amount, by: session, period: day}}\n"
    "features:\n"
    "  hosting: {of: hosting, sum: amount}\n"
    "  sessions: {of: session, count: true}\n";

#define START_US INT64_C(1704067200000000) /* 2024-01-01 */
#define DAY MICROSECONDS_PER_DAY

enum { DAYS = 12, DEVICES = 9, EVENTS = DAYS * (DEVICES + 1), WAIT_SECONDS = 20 };

struct sending {
    struct ingest_batch batch; /* first */
    struct event_input events[EVENTS];
    struct event_outcome outcomes[EVENTS];
    struct event_identifier identifiers[EVENTS];
    struct event_attribute amount;
    char names[EVENTS][2][32];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static const uint8_t key[STORE_KEY_BYTES] = {1};
static _Atomic int64_t wall_us;
static atomic_int fatal_calls;
static struct database *database;

static int64_t read_wall(void *context)
{
    (void)context;
    return atomic_fetch_add(&wall_us, 1);
}

static void on_fatal(void *context, const struct error *error)
{
    (void)context;
    (void)error;
    atomic_fetch_add(&fatal_calls, 1);
}

static enum patron_code database_up(struct kv *kv, struct error *error)
{
    struct database_options options = {.kv = kv,
        .key = key,
        .definitions_text = bytes_from_string(definitions),
        .clock_source = {read_wall, read_wall, NULL},
        .group_events_max = 7,
        .write_back_ms = 20,
        .fatal = on_fatal};
    return database_open(&options, &database, error);
}

static void on_done(struct ingest_batch *batch)
{
    struct sending *sending = (struct sending *)batch;
    pthread_mutex_lock(&sending->lock);
    sending->done = true;
    pthread_cond_signal(&sending->changed);
    pthread_mutex_unlock(&sending->lock);
}

static void sending_init(struct sending *sending)
{
    *sending = (struct sending){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    sending->amount = (struct event_attribute){
        .name = bytes_from_string("amount"), .kind = GIVEN_INTEGER, .integer = 1};
}

static void add(struct sending *sending, const char *type, const char *device, int64_t time_us, bool history)
{
    size_t i = sending->batch.event_count++;
    snprintf(sending->names[i][0], 32, "%s %lld %s", history ? "h" : "l", (long long)time_us, device);
    snprintf(sending->names[i][1], 32, "%s", device);
    sending->identifiers[i] =
        (struct event_identifier){bytes_from_string("device"), bytes_from_string(sending->names[i][1])};
    sending->events[i] = (struct event_input){.source = bytes_from_string("test"),
        .type = bytes_from_string(type),
        .id = bytes_from_string(sending->names[i][0]),
        .time_us = time_us,
        .identifiers = &sending->identifiers[i],
        .identifier_count = device[0] != '\0',
        .attributes = &sending->amount,
        .attribute_count = device[0] == '\0',
        .has_known_at = history,
        .known_at_us = time_us};
}

/* Every day the devices come up to its number, and a cost that they share. */
static void add_history(struct sending *sending)
{
    for (int day = 0; day < DAYS; day++) {
        for (int device = 0; device < DEVICES && device <= day; device++) {
            char name[8];
            snprintf(name, sizeof name, "%d", device);
            add(sending, "session", name, START_US + day * DAY + device, true);
        }
        add(sending, "hosting", "", START_US + day * DAY + 100, true);
    }
}

static void send(struct sending *sending)
{
    sending->batch.events = sending->events;
    sending->batch.outcomes = sending->outcomes;
    sending->batch.done = on_done;
    struct port *port = database_port(database);
    struct error error;
    if (port->functions->ingest(port, &sending->batch, &error) != PATRON_OK)
        fail_msg("%s", error.text);
}

static enum patron_code wait_for(struct sending *sending)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_SECONDS;
    pthread_mutex_lock(&sending->lock);
    while (!sending->done)
        if (pthread_cond_timedwait(&sending->changed, &sending->lock, &until) != 0)
            fail_msg("a batch has no answer");
    pthread_mutex_unlock(&sending->lock);
    return sending->batch.code;
}

static struct sharing_figures figures(void)
{
    struct database_figures figures;
    database_figures(database, &figures);
    return figures.writer.store.sharing;
}

static void until_shared(uint64_t count)
{
    for (int i = 0; figures().shared < count; i++) {
        if (i > WAIT_SECONDS * 100)
            fail_msg("%llu are shared out", (unsigned long long)figures().shared);
        usleep(10000);
    }
}

/* What the device bears, now or as of T. */
static int128 borne(const char *device, int64_t as_of_us)
{
    struct port *port = database_port(database);
    struct event_identifier identifier = {bytes_from_string("device"), bytes_from_string(device)};
    struct selection selection = {.features = (const uint32_t[]){0}, .count = 1};
    struct value value = {0};
    struct row row = {.values = &value};
    struct arena arena = {0};
    struct error error;
    int64_t now_us;
    const struct view *view = port->functions->view_acquire(port, as_of_us ? NULL : &now_us);
    enum patron_code code = as_of_us ? read_as_of(view, &selection, &identifier, as_of_us, &arena, &row, &error)
                                     : read_now(view, &selection, &identifier, now_us, &arena, &row, &error);
    if (code != PATRON_OK)
        fail_msg("%s", error.text);
    port->functions->view_release(port, view);
    arena_clear(&arena);
    return row.status == STATUS_PRESENT ? value.exact : 0;
}

static struct kv *setup(void)
{
    struct error error;
    struct kv *kv = kv_memory_new();
    wall_us = START_US + 400 * DAY;
    fatal_calls = 0;
    if (database_up(kv, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return kv;
}

/* --- tests ---------------------------------------------------------------------------------------------------- */

static void history_waits_for_each_cost_that_is_due_and_nothing_is_known_too_early(void **state)
{
    (void)state;
    static struct sending sending;
    struct kv *kv = setup();
    sending_init(&sending);
    add_history(&sending);
    send(&sending);
    assert_int_equal(wait_for(&sending), PATRON_OK);
    assert_int_equal(figures().shared, DAYS - 1);
    assert_int_equal(figures().waiting, 1);
    for (size_t i = 0; i < sending.batch.event_count; i++) {
        assert_int_equal(sending.outcomes[i].fate, EVENT_APPLIED);
        /* The first of a day comes after the shares of the day before. */
        int64_t since_us = sending.events[i].time_us - START_US, bearers = since_us / DAY;
        if (since_us > 0 && since_us % DAY == 0)
            assert_true(sending.outcomes[i].known_at_us - sending.events[i].time_us ==
                (bearers < DEVICES ? bearers : DEVICES));
    }
    for (int day = 1; day < DAYS; day++) {
        assert_true(borne("0", START_US + day * DAY) == borne("0", START_US + (day - 1) * DAY + DAY / 2));
        int bearers = day < DEVICES ? day : DEVICES;
        int128 share = borne("0", START_US + day * DAY + DAY / 2) - borne("0", START_US + day * DAY);
        assert_true(share == 1000000 / bearers);
    }
    /* It has not answered as of now: the last one waits, whatever the clock says. */
    sleep(2);
    assert_int_equal(figures().waiting, 1);
    int64_t sum = 0;
    (void)borne("0", 0);
    until_shared(DAYS);
    for (int device = 0; device < DEVICES; device++) {
        char name[8];
        snprintf(name, sizeof name, "%d", device);
        sum += (int64_t)borne(name, 0);
    }
    assert_true(sum == DAYS * INT64_C(1000000));
    database_close(database);
    kv_close(kv);
}

static void what_is_live_goes_on_beside_history_that_waits(void **state)
{
    (void)state;
    static struct sending history, live, mixed;
    struct kv *kv = setup();
    sending_init(&history);
    sending_init(&live);
    sending_init(&mixed);
    add_history(&history);
    for (int i = 0; i < 50; i++) {
        add(&live, "session", "live", START_US + i, false);
        add(&mixed, "session", "mixed", START_US + 300 * DAY + i * DAY, i % 3 == 0);
    }
    add(&mixed, "hosting", "", START_US + 350 * DAY, true);
    send(&history);
    send(&mixed);
    send(&live);
    assert_int_equal(wait_for(&history), PATRON_OK);
    assert_int_equal(wait_for(&live), PATRON_OK);
    assert_int_equal(wait_for(&mixed), PATRON_OK);
    for (size_t i = 0; i < live.batch.event_count; i++)
        assert_int_equal(live.outcomes[i].fate, EVENT_APPLIED);
    for (size_t i = 0; i < mixed.batch.event_count; i++)
        assert_int_equal(mixed.outcomes[i].fate, EVENT_APPLIED);
    /* The cost of a day when nobody came is tried at once, unanswered as the store is: it came when it was due. */
    for (int i = 0; !strstr(figures().words, "no session in its period"); i++) {
        assert_true(i < WAIT_SECONDS * 100);
        usleep(10000);
    }
    assert_int_equal(figures().shared, DAYS);
    database_close(database);
    kv_close(kv);
}

static void what_is_due_later_is_shared_when_the_clock_gets_there(void **state)
{
    (void)state;
    static struct sending sending;
    struct kv *kv = setup();
    database_close(database);
    struct error error;
    wall_us = START_US + DAY - 5 * MICROSECONDS_PER_SECOND;
    assert_int_equal(database_up(kv, &error), PATRON_OK);
    sending_init(&sending);
    add(&sending, "session", "0", START_US, false);
    add(&sending, "hosting", "", START_US, false);
    send(&sending);
    assert_int_equal(wait_for(&sending), PATRON_OK);
    atomic_fetch_add(&wall_us, MICROSECONDS_PER_SECOND); /* right after the newest entry no T needs a promise */
    assert_true(borne("0", 0) == 0);
    sleep(2);
    assert_int_equal(figures().waiting, 1);
    for (int i = 0; figures().shared < 1; i++) { /* by small steps: a look at the clock may fall into one */
        assert_true(i < WAIT_SECONDS * 10);
        atomic_fetch_add(&wall_us, MICROSECONDS_PER_SECOND);
        usleep(100000);
    }
    assert_true(borne("0", 0) == 1000000);
    assert_true(borne("0", START_US + DAY) == 0);
    database_close(database);
    kv_close(kv);
}

static void a_stop_answers_all_that_was_taken(void **state)
{
    (void)state;
    static struct sending sending;
    struct kv *kv = setup();
    sending_init(&sending);
    add_history(&sending);
    send(&sending);
    database_close(database);
    assert_true(sending.done);
    assert_int_equal(sending.batch.code, PATRON_OK);
    struct error error;
    assert_int_equal(database_up(kv, &error), PATRON_OK);
    assert_int_equal(figures().shared, DAYS - 1);
    (void)borne("0", 0);
    database_close(database);
    assert_int_equal(fatal_calls, 0);
    kv_close(kv);
}

static void an_engine_that_fails_leaves_nobody_waiting_and_no_share_twice(void **state)
{
    (void)state;
    static struct sending sending, again;
    bool failed = true;
    for (uint64_t k = 1; failed; k += 13) {
        struct kv *kv = setup();
        sending_init(&sending);
        add_history(&sending);
        kv_memory_fail_after(kv, k, PATRON_IO);
        send(&sending);
        enum patron_code code = wait_for(&sending);
        kv_memory_fail_after(kv, 0, PATRON_OK);
        failed = fatal_calls > 0;
        assert_true(code == PATRON_OK || (failed && code == PATRON_IO));
        database_close(database);
        struct error error;
        if (database_up(kv, &error) != PATRON_OK)
            fail_msg("after call %llu: %s", (unsigned long long)k, error.text);
        sending_init(&again);
        add_history(&again);
        send(&again);
        assert_int_equal(wait_for(&again), PATRON_OK);
        (void)borne("0", 0);
        until_shared(DAYS);
        int64_t sum = 0;
        for (int device = 0; device < DEVICES; device++) {
            char name[8];
            snprintf(name, sizeof name, "%d", device);
            sum += (int64_t)borne(name, 0);
        }
        assert_true(sum == DAYS * INT64_C(1000000));
        assert_int_equal(figures().shared, DAYS);
        database_close(database);
        kv_close(kv);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(history_waits_for_each_cost_that_is_due_and_nothing_is_known_too_early),
        cmocka_unit_test(what_is_live_goes_on_beside_history_that_waits),
        cmocka_unit_test(what_is_due_later_is_shared_when_the_clock_gets_there),
        cmocka_unit_test(a_stop_answers_all_that_was_taken),
        cmocka_unit_test(an_engine_that_fails_leaves_nobody_waiting_and_no_share_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
