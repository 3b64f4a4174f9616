/* Definitions applied to a database that is written and read all the while: a reader sees one version or the other,
 * never a part of one, and what is served is what the events say. */
#include "scratch_directory.h"

#include "server/work/database.h"
#include "store/versions/versions.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#define START_US INT64_C(1700000000000000)
#define KINDS                                                                                                          \
    "identifiers:\n  customer_id: {max: 1}\n  device: {max: 20}\nevents:\n  order: {amount: money}\n"                  \
    "features:\n  orders: {of: order, count: true}\n"

static const char first[] = KINDS "services: {all: [orders]}\n";
static const char second[] = KINDS "  revenue: {of: order, sum: amount}\n"
                                   "  lately: {of: order, count: true, window: 30d}\n"
                                   "services: {all: [orders, revenue, lately]}\n";
static const char third[] = KINDS "  rfm: {of: order, rfm: amount}\nservices: {all: [orders, rfm]}\n";

enum { CUSTOMERS = 300, BATCH_EVENTS = 50, READERS = 2 };

static char folder[SCRATCH_PATH_MAX];
static _Atomic int64_t wall_us;
static atomic_bool over;
static struct database *database;

static int64_t read_wall(void *context)
{
    (void)context;
    return atomic_fetch_add(&wall_us, 1);
}

static void on_fatal(void *context, const struct error *error)
{
    (void)context;
    fail_msg("%s", error->text);
}

static void database_up(const char *text)
{
    char data[SCRATCH_PATH_MAX + 16];
    snprintf(data, sizeof data, "%s/data", folder);
    struct database_options options = {.directory = data,
        .definitions_text = text ? bytes_from_string(text) : (struct bytes){0},
        .clock_source = {read_wall, read_wall, NULL},
        .write_back_ms = 5,
        .fatal = on_fatal};
    struct error error;
    if (database_open(&options, &database, &error) != PATRON_OK)
        fail_msg("%s", error.text);
}

/* --- writing and reading --------------------------------------------------------------------------------------- */

struct sending {
    struct ingest_batch batch; /* first */
    struct event_input events[BATCH_EVENTS];
    struct event_outcome outcomes[BATCH_EVENTS];
    struct event_identifier identifiers[BATCH_EVENTS][2];
    struct event_attribute attributes[BATCH_EVENTS];
    char names[BATCH_EVENTS][3][32];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static void on_done(struct ingest_batch *batch)
{
    struct sending *sending = (struct sending *)batch;
    pthread_mutex_lock(&sending->lock);
    sending->done = true;
    pthread_cond_signal(&sending->changed);
    pthread_mutex_unlock(&sending->lock);
}

/* Customers are devices; every seventh order brings two of them together. */
static void send_batch(int *number)
{
    static struct sending sending = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    for (int i = 0; i < BATCH_EVENTS; i++, ++*number) {
        snprintf(sending.names[i][0], 32, "o%d", *number);
        snprintf(sending.names[i][1], 32, "d%d", *number * 7919 % CUSTOMERS);
        snprintf(sending.names[i][2], 32, "d%d", *number / 7 * 104729 % CUSTOMERS);
        for (int j = 0; j < 2; j++)
            sending.identifiers[i][j] = (struct event_identifier){
                bytes_from_string("device"), bytes_from_string(sending.names[i][1 + j])};
        sending.attributes[i] = (struct event_attribute){
            .name = bytes_from_string("amount"), .kind = GIVEN_INTEGER, .integer = *number};
        sending.events[i] = (struct event_input){.source = bytes_from_string("test"),
            .type = bytes_from_string("order"),
            .id = bytes_from_string(sending.names[i][0]),
            .time_us = START_US - *number % 90 * MICROSECONDS_PER_DAY,
            .identifiers = sending.identifiers[i],
            .identifier_count = *number % 7 == 0 ? 2 : 1,
            .attributes = &sending.attributes[i],
            .attribute_count = 1};
    }
    sending.done = false;
    sending.batch = (struct ingest_batch){.events = sending.events,
        .outcomes = sending.outcomes,
        .event_count = BATCH_EVENTS,
        .done = on_done};
    struct port *port = database_port(database);
    struct error error;
    if (port->functions->ingest(port, &sending.batch, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    pthread_mutex_lock(&sending.lock);
    while (!sending.done)
        pthread_cond_wait(&sending.changed, &sending.lock);
    pthread_mutex_unlock(&sending.lock);
    assert_int_equal(sending.batch.code, PATRON_OK);
}

static void *send_on(void *argument)
{
    while (!over) {
        send_batch(argument);
        usleep(1000);
    }
    return NULL;
}

static bool values_equal(const struct value *a, const struct value *b)
{
    return a->type == b->type && a->status == b->status && a->integer == b->integer && a->exact == b->exact &&
           memcmp(&a->real, &b->real, sizeof a->real) == 0;
}

/* What is served is what is folded, under whichever version. */
static void read_once(struct arena *arena, int customer)
{
    struct port *port = database_port(database);
    char name[32];
    snprintf(name, sizeof name, "d%d", customer);
    struct event_identifier identifier = {bytes_from_string("device"), bytes_from_string(name)};
    struct selection selection;
    struct value now[8] = {0}, past[8] = {0};
    struct row row = {.values = now}, row_past = {.values = past};
    struct error error;
    int64_t as_of_us;
    arena_reset(arena);
    const struct view *view = port->functions->view_acquire(port, &as_of_us);
    if (definitions_select(
            view->definitions, bytes_from_string("all"), NULL, 0, arena, &selection, &error) != PATRON_OK ||
        read_now(view, &selection, &identifier, as_of_us, arena, &row, &error) != PATRON_OK ||
        read_as_of(view, &selection, &identifier, as_of_us, arena, &row_past, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    assert_int_equal(row.status, row_past.status);
    for (size_t i = 0; i < selection.count; i++)
        assert_true(values_equal(&now[i], &past[i]));
    port->functions->view_release(port, view);
}

static void *read_on(void *argument)
{
    struct arena arena = {0};
    for (int customer = *(int *)argument; !over; customer = (customer + 1) % CUSTOMERS)
        read_once(&arena, customer);
    arena_clear(&arena);
    return NULL;
}

static bool report(void *context, const struct verify_result *so_far, const char *finding)
{
    (void)context;
    (void)so_far;
    if (finding)
        fail_msg("%s", finding);
    return true;
}

static void verify_all(void)
{
    struct port *port = database_port(database);
    const struct view *view = port->functions->view_acquire(port, NULL);
    struct verify_result result;
    assert_int_equal(store_verify(view, &result, report, NULL, NULL), PATRON_OK);
    assert_true(result.customers > 0 && result.differences == 0);
    port->functions->view_release(port, view);
}

/* --- applying -------------------------------------------------------------------------------------------------- */

struct watching {
    struct refill_watcher watcher; /* first */
    atomic_uint told;
};

static void on_told(struct refill_watcher *watcher)
{
    atomic_fetch_add(&((struct watching *)watcher)->told, 1);
}

static void apply(const char *text)
{
    struct port *port = database_port(database);
    const struct view *view = port->functions->view_acquire(port, NULL);
    const struct version *newest = versions_newest(view->versions);
    const struct definitions *made;
    struct define_outcome outcome;
    struct error error;
    if (definitions_parse(
            bytes_from_string(text), newest->definitions, newest->number + 1, false, &made, &error) != PATRON_OK ||
        port->functions->define(port, made, &outcome, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    assert_false(outcome.serves);
    definitions_release(made);
    port->functions->view_release(port, view);
}

static void wait_until_serves(uint32_t version)
{
    struct port *port = database_port(database);
    struct refill_progress progress;
    do {
        usleep(2000);
        port->functions->refill_progress(port, &progress);
        assert_int_not_equal(progress.phase, REFILL_FAILED);
    } while (progress.version != version || progress.phase != REFILL_DONE);
    const struct view *view = port->functions->view_acquire(port, NULL);
    assert_int_equal(view->definitions->version, version);
    port->functions->view_release(port, view);
}

static void definitions_are_applied_while_events_come_in_and_are_read(void **state)
{
    (void)state;
    int sent = 1, starts[READERS] = {0, CUSTOMERS / 2};
    wall_us = START_US;
    over = false;
    scratch_directory_make(folder);
    database_up(first);
    while (sent < 5000)
        send_batch(&sent);
    pthread_t sender, readers[READERS];
    assert_int_equal(pthread_create(&sender, NULL, send_on, &sent), 0);
    for (size_t i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, &starts[i]), 0);
    struct watching watching = {.watcher = {.notify = on_told}};
    struct port *port = database_port(database);
    port->functions->refill_watch(port, &watching.watcher);
    apply(second);
    wait_until_serves(2);
    apply(third);
    wait_until_serves(3);
    assert_true(port->functions->refill_unwatch(port, &watching.watcher));
    assert_false(port->functions->refill_unwatch(port, &watching.watcher));
    assert_true(watching.told >= 5);
    assert_int_equal(port->functions->version_drop(port, 2, NULL), PATRON_OK);
    over = true;
    pthread_join(sender, NULL);
    for (size_t i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    verify_all();
    database_close(database);
    database_up(NULL);
    verify_all();
    database_close(database);
    scratch_directory_remove(folder);
}

/* --- as fast as it goes ---------------------------------------------------------------------------------------- */

enum { SENDERS = 3, LARGE_EVENTS = 500, LARGE_CUSTOMERS = 20000, HEAVY_FEATURES = 40, SWITCH_SECONDS = 300 };

struct large_batch {
    struct ingest_batch batch; /* first */
    struct event_input events[LARGE_EVENTS];
    struct event_outcome outcomes[LARGE_EVENTS];
    struct event_identifier identifiers[LARGE_EVENTS];
    struct event_attribute attributes[LARGE_EVENTS];
    char names[LARGE_EVENTS][2][32];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
    int sender;
    int number;
    pthread_t thread;
};

static void on_large_done(struct ingest_batch *batch)
{
    struct large_batch *large = (struct large_batch *)batch;
    pthread_mutex_lock(&large->lock);
    large->done = true;
    pthread_cond_signal(&large->changed);
    pthread_mutex_unlock(&large->lock);
}

static void send_large(struct large_batch *large)
{
    for (int i = 0; i < LARGE_EVENTS; i++, large->number++) {
        snprintf(large->names[i][0], 32, "s%d-%d", large->sender, large->number);
        snprintf(large->names[i][1], 32, "d%d", (int)((int64_t)large->number * 7919 % LARGE_CUSTOMERS));
        large->identifiers[i] =
            (struct event_identifier){bytes_from_string("device"), bytes_from_string(large->names[i][1])};
        large->attributes[i] = (struct event_attribute){
            .name = bytes_from_string("amount"), .kind = GIVEN_INTEGER, .integer = large->number};
        large->events[i] = (struct event_input){.source = bytes_from_string("test"),
            .type = bytes_from_string("order"),
            .id = bytes_from_string(large->names[i][0]),
            .time_us = START_US - large->number % 90 * MICROSECONDS_PER_DAY,
            .identifiers = &large->identifiers[i],
            .identifier_count = 1,
            .attributes = &large->attributes[i],
            .attribute_count = 1};
    }
    large->done = false;
    large->batch = (struct ingest_batch){.events = large->events,
        .outcomes = large->outcomes,
        .event_count = LARGE_EVENTS,
        .done = on_large_done};
    struct port *port = database_port(database);
    struct error error;
    if (port->functions->ingest(port, &large->batch, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    pthread_mutex_lock(&large->lock);
    while (!large->done)
        pthread_cond_wait(&large->changed, &large->lock);
    pthread_mutex_unlock(&large->lock);
    assert_int_equal(large->batch.code, PATRON_OK);
}

static void *flood(void *argument)
{
    while (!over)
        send_large(argument);
    return NULL;
}

/* Much to fold for each event: by far slower than taking one in. */
static void heavy_definitions(char text[16384])
{
    int length = snprintf(text, 16384, "%s", KINDS);
    for (int i = 0; i < HEAVY_FEATURES; i++)
        length += snprintf(text + length, (size_t)(16384 - length),
            "  top_%d: {of: order, top: amount, where: {amount: {at_least: %d}}}\n", i, i);
}

/* Senders that never pause: the version serves while they go on. */
static void a_version_serves_before_a_load_without_a_pause_is_over(void **state)
{
    (void)state;
    static struct large_batch senders[SENDERS];
    static char text[16384];
    wall_us = START_US;
    over = false;
    scratch_directory_make(folder);
    database_up(first);
    for (int i = 0; i < SENDERS; i++) {
        senders[i].sender = i;
        senders[i].number = i * 1000;
        pthread_mutex_init(&senders[i].lock, NULL);
        pthread_cond_init(&senders[i].changed, NULL);
        send_large(&senders[i]);
        assert_int_equal(pthread_create(&senders[i].thread, NULL, flood, &senders[i]), 0);
    }
    heavy_definitions(text);
    apply(text);
    struct port *port = database_port(database);
    struct refill_progress progress;
    bool behind = false;
    time_t until = time(NULL) + SWITCH_SECONDS;
    do {
        usleep(20000);
        port->functions->refill_progress(port, &progress);
        behind = behind || (progress.phase == REFILL_FOLLOWING && progress.behind > 0);
    } while (progress.phase != REFILL_DONE && time(NULL) < until);
    over = true;
    for (int i = 0; i < SENDERS; i++)
        pthread_join(senders[i].thread, NULL);
    assert_int_equal(progress.phase, REFILL_DONE);
    assert_true(behind && progress.behind == 0 && progress.refills == 1);
    verify_all();
    database_close(database);
    scratch_directory_remove(folder);
}

/* The process ends in the middle, as often as not: the next one goes on, and serves the version before until then. */
static void a_refill_that_was_cut_off_goes_on_with_the_next_start(void **state)
{
    (void)state;
    int sent = 1;
    wall_us = START_US;
    over = false;
    scratch_directory_make(folder);
    database_up(first);
    while (sent < 20000)
        send_batch(&sent);
    apply(second);
    int starts = 0;
    for (uint32_t serving = 1; serving == 1; starts++) {
        usleep(500);
        database_close(database);
        database_up(starts % 2 ? first : NULL); /* the file lies there as it was */
        struct port *port = database_port(database);
        const struct view *view = port->functions->view_acquire(port, NULL);
        serving = view->definitions->version;
        port->functions->view_release(port, view);
        send_batch(&sent);
        if (starts == 8)
            wait_until_serves(2);
    }
    verify_all();
    database_close(database);
    scratch_directory_remove(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(definitions_are_applied_while_events_come_in_and_are_read),
        cmocka_unit_test(a_version_serves_before_a_load_without_a_pause_is_over),
        cmocka_unit_test(a_refill_that_was_cut_off_goes_on_with_the_next_start),
    };
    return cmocka_run_group_tests_name("work_refill", tests, NULL, NULL);
}
