/* The database as the methods reach it: the real store on RocksDB, through the port alone. */
#include "scratch_directory.h"

#include "server/work/database.h"
#include "store/base/limits.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define START_US INT64_C(1700000000000000)

static const char definitions[] = "identifiers:\n"
                                  "  customer_id: {max: 1}\n"
                                  "  device: {max: 20}\n"
                                  "events:\n"
                                  "  order: {amount: money}\n"
                                  "features:\n"
                                  "  orders: {of: order, count: true}\n"
                                  "  revenue: {of: order, sum: amount}\n"
                                  "services:\n"
                                  "  all: [orders, revenue]\n";

static char folder[SCRATCH_PATH_MAX];
static char data[SCRATCH_PATH_MAX + 16];
static char key_path[SCRATCH_PATH_MAX + 32];
static _Atomic int64_t wall_us;

static int64_t read_wall(void *context)
{
    (void)context;
    return wall_us;
}

static int open_folder(void **state)
{
    (void)state;
    scratch_directory_make(folder);
    snprintf(data, sizeof data, "%s/data", folder);
    snprintf(key_path, sizeof key_path, "%s/data.key", folder);
    wall_us = START_US;
    return 0;
}

static int close_folder(void **state)
{
    (void)state;
    scratch_directory_remove(folder);
    return 0;
}

static void on_fatal(void *context, const struct error *error)
{
    (void)context;
    fail_msg("%s", error->text);
}

static struct database_options usual_options(void)
{
    return (struct database_options){
        .directory = data,
        .definitions_text = bytes_from_string(definitions),
        .clock_source = {read_wall, read_wall, NULL},
        .write_back_ms = 5,
        .fatal = on_fatal,
    };
}

static struct database *open_usual(void)
{
    struct database_options options = usual_options();
    struct database *database = NULL;
    struct error error = {0};
    if (database_open(&options, &database, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return database;
}

static void assert_refused(const struct database_options *options, enum patron_code code, const char *words)
{
    struct database *database = NULL;
    struct error error = {0};
    assert_int_equal(database_open(options, &database, &error), code);
    assert_null(database);
    if (!strstr(error.text, words))
        fail_msg("'%s' does not say '%s'", error.text, words);
}

/* --- sending and reading through the port ------------------------------------------------------------------ */

struct sender {
    struct ingest_batch batch; /* first */
    struct event_input event;
    struct event_outcome outcome;
    struct event_identifier identifier;
    struct event_attribute attribute;
    char customer[32], id[32];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static void on_done(struct ingest_batch *batch)
{
    struct sender *sender = (struct sender *)batch;
    pthread_mutex_lock(&sender->lock);
    sender->done = true;
    pthread_cond_signal(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
}

/* Sends the customer's order number `order` and waits; *outcome is filled if the batch was taken. */
static enum patron_code send_order(
    struct database *database, int customer, int order, struct event_outcome *outcome, struct error *error)
{
    struct sender sender = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    snprintf(sender.customer, sizeof sender.customer, "c%d", customer);
    snprintf(sender.id, sizeof sender.id, "o%d", order);
    sender.identifier =
        (struct event_identifier){bytes_from_string("customer_id"), bytes_from_string(sender.customer)};
    sender.attribute = (struct event_attribute){
        .name = bytes_from_string("amount"), .kind = GIVEN_DECIMAL, .text = bytes_from_string("2.50")};
    sender.event = (struct event_input){.source = bytes_from_string("test"),
        .type = bytes_from_string("order"),
        .id = bytes_from_string(sender.id),
        .time_us = START_US - MICROSECONDS_PER_DAY,
        .identifiers = &sender.identifier,
        .identifier_count = 1,
        .attributes = &sender.attribute,
        .attribute_count = 1};
    sender.batch = (struct ingest_batch){
        .events = &sender.event, .outcomes = &sender.outcome, .event_count = 1, .done = on_done};
    struct port *port = database_port(database);
    enum patron_code code = port->functions->ingest(port, &sender.batch, error);
    if (code != PATRON_OK)
        return code;
    pthread_mutex_lock(&sender.lock);
    while (!sender.done)
        pthread_cond_wait(&sender.changed, &sender.lock);
    pthread_mutex_unlock(&sender.lock);
    *outcome = sender.outcome;
    if (sender.batch.code != PATRON_OK)
        *error = sender.batch.error;
    return sender.batch.code;
}

static int64_t apply_order(struct database *database, int customer, int order)
{
    struct event_outcome outcome;
    struct error error;
    if (send_order(database, customer, order, &outcome, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    assert_int_equal(outcome.fate, EVENT_APPLIED);
    return outcome.known_at_us;
}

/* How many orders the customer has now; -1: not found. Also checks the revenue, and the same read as of T. */
static int64_t orders_of(struct database *database, int customer)
{
    struct port *port = database_port(database);
    char name[32];
    snprintf(name, sizeof name, "c%d", customer);
    struct event_identifier identifier = {bytes_from_string("customer_id"), bytes_from_string(name)};
    struct arena arena = {0};
    struct selection selection;
    struct error error;
    assert_int_equal(definitions_select(database_definitions(database), bytes_from_string("all"), NULL, 0,
                         &arena, &selection, &error),
        PATRON_OK);
    struct value now[2], past[2];
    struct row row = {.values = now}, row_past = {.values = past};
    int64_t as_of_us;
    const struct view *view = port->functions->view_acquire(port, &as_of_us);
    assert_int_equal(read_now(view, &selection, &identifier, as_of_us, &arena, &row, &error), PATRON_OK);
    assert_int_equal(
        read_as_of(view, &selection, &identifier, as_of_us, &arena, &row_past, &error), PATRON_OK);
    port->functions->view_release(port, view);
    assert_int_equal(row.status, row_past.status);
    int64_t orders = -1;
    if (row.status == STATUS_PRESENT) {
        orders = now[0].integer;
        assert_int_equal(past[0].integer, orders);
        assert_true(now[1].exact == (int128)orders * 2500000);
        assert_true(past[1].exact == now[1].exact);
    }
    arena_clear(&arena);
    return orders;
}

/* --- tests ---------------------------------------------------------------------------------------------------- */

static void what_was_answered_is_read_at_once_and_after_a_restart(void **state)
{
    (void)state;
    struct database *database = open_usual();
    for (int order = 0; order < 300; order++) {
        wall_us += 1000;
        int64_t known_at_us = apply_order(database, order % 7, order);
        assert_true(known_at_us >= START_US);
        assert_int_equal(orders_of(database, order % 7), order / 7 + 1);
    }
    assert_int_equal(orders_of(database, 100), -1);
    struct database_figures figures;
    database_figures(database, &figures);
    assert_int_equal(figures.writer.applied, 300);
    assert_int_equal(figures.writer.store.events, 300);
    database_close(database);
    database = open_usual();
    for (int customer = 0; customer < 7; customer++)
        assert_int_equal(orders_of(database, customer), (299 - customer) / 7 + 1);
    database_close(database);
}

static void the_files_lie_where_they_should_and_are_their_owners(void **state)
{
    (void)state;
    database_close(open_usual());
    const char *const places[] = {"data", "data/store", "data/scratch", "data.key"};
    for (size_t i = 0; i < 4; i++) {
        char path[SCRATCH_PATH_MAX + 64];
        snprintf(path, sizeof path, "%s/%s", folder, places[i]);
        struct stat facts;
        assert_int_equal(stat(path, &facts), 0);
        if (strcmp(places[i], "data/store") != 0)
            assert_int_equal(facts.st_mode & 077, 0);
    }
}

static void a_slash_at_the_end_of_the_directory_changes_nothing(void **state)
{
    (void)state;
    struct database_options options = usual_options();
    char with_slash[SCRATCH_PATH_MAX + 32];
    snprintf(with_slash, sizeof with_slash, "%s//", data);
    options.directory = with_slash;
    struct database *database;
    assert_int_equal(database_open(&options, &database, NULL), PATRON_OK);
    database_close(database);
    assert_int_equal(access(key_path, F_OK), 0);
    database_close(open_usual());
}

static void scratch_files_of_a_killed_process_are_removed(void **state)
{
    (void)state;
    struct database *database = open_usual();
    struct port *port = database_port(database);
    char left[SCRATCH_PATH_MAX + 64];
    snprintf(left, sizeof left, "%s/spine.1", port->functions->scratch_directory(port));
    FILE *file = fopen(left, "w");
    assert_non_null(file);
    fclose(file);
    database_close(database);
    assert_int_equal(access(left, F_OK), 0);
    database_close(open_usual());
    assert_int_equal(access(left, F_OK), -1);
}

static void a_store_whose_key_is_gone_is_not_opened_with_a_new_one(void **state)
{
    (void)state;
    database_close(open_usual());
    assert_int_equal(unlink(key_path), 0);
    struct database_options options = usual_options();
    assert_refused(&options, PATRON_PRECONDITION, "is missing: put the key back");
    assert_int_equal(access(key_path, F_OK), -1);
}

static void a_store_is_not_opened_with_another_key(void **state)
{
    (void)state;
    database_close(open_usual());
    FILE *file = fopen(key_path, "w");
    assert_non_null(file);
    for (int i = 0; i < STORE_KEY_BYTES; i++)
        fputc('x', file);
    fclose(file);
    struct database_options options = usual_options();
    assert_refused(&options, PATRON_PRECONDITION, "key");
}

static void a_key_inside_the_data_directory_is_refused(void **state)
{
    (void)state;
    struct database_options options = usual_options();
    char inside[SCRATCH_PATH_MAX + 32];
    snprintf(inside, sizeof inside, "%s/key", data);
    options.key_file = inside;
    assert_refused(&options, PATRON_PRECONDITION, "lies in the data directory");
}

static void a_directory_in_use_is_busy_and_left_alone(void **state)
{
    (void)state;
    struct database *database = open_usual();
    struct database_options options = usual_options();
    assert_refused(&options, PATRON_BUSY, data);
    apply_order(database, 1, 1);
    assert_int_equal(orders_of(database, 1), 1);
    database_close(database);
}

static void a_directory_that_cannot_be_made_is_said(void **state)
{
    (void)state;
    struct database_options options = usual_options();
    char deep[SCRATCH_PATH_MAX + 32];
    snprintf(deep, sizeof deep, "%s/no/data", folder);
    options.directory = deep;
    assert_refused(&options, PATRON_PRECONDITION, "does not exist");
    options.directory = "";
    assert_refused(&options, PATRON_INVALID, "no name");
    FILE *file = fopen(data, "w");
    fclose(file);
    options.directory = data;
    assert_refused(&options, PATRON_PRECONDITION, "a file of that name is there");
}

static void a_first_start_without_good_definitions_makes_nothing(void **state)
{
    (void)state;
    struct database_options options = usual_options();
    options.definitions_text = bytes_from_string("features: 7\n");
    assert_refused(&options, PATRON_INVALID, "line 1");
    options.definitions_text = (struct bytes){0};
    assert_refused(&options, PATRON_PRECONDITION, "a new store needs definitions: give a file with --definitions");
    assert_int_equal(access(data, F_OK), -1);
    assert_int_equal(access(key_path, F_OK), -1);
}

static void wrong_definitions_are_refused_and_leave_a_directory_that_opens(void **state)
{
    (void)state;
    database_close(open_usual());
    struct database_options options = usual_options();
    options.definitions_text = bytes_from_string("features: 7\n");
    assert_refused(&options, PATRON_INVALID, "line 1");
    database_close(open_usual());
}

static void after_a_clock_jump_reads_go_on_and_writes_wait_for_the_operator(void **state)
{
    (void)state;
    struct database_options options = usual_options();
    struct database *database;
    assert_int_equal(database_open(&options, &database, NULL), PATRON_OK);
    int64_t first_us = apply_order(database, 1, 1);
    database_close(database);
    wall_us -= MICROSECONDS_PER_DAY;
    assert_int_equal(database_open(&options, &database, NULL), PATRON_OK);
    struct port *port = database_port(database);
    struct event_outcome outcome;
    struct error error;
    assert_int_equal(send_order(database, 1, 2, &outcome, &error), PATRON_PRECONDITION);
    assert_non_null(strstr(error.text, "patron clock confirm"));
    struct server_status status;
    port->functions->status(port, &status);
    assert_true(status.clock_jumped);
    assert_int_equal(status.clock_us, first_us);
    assert_int_equal(status.machine_clock_us, wall_us);
    assert_int_equal(status.newest_known_at_us, first_us);
    assert_int_equal(orders_of(database, 1), 1);
    int64_t clock_us;
    assert_int_equal(port->functions->confirm_clock(port, &clock_us, NULL), PATRON_OK);
    assert_int_equal(clock_us, first_us);
    assert_true(apply_order(database, 1, 2) > first_us);
    assert_int_equal(orders_of(database, 1), 2);
    port->functions->status(port, &status);
    assert_false(status.clock_jumped);
    assert_int_equal(status.figures.events, 2);
    database_close(database);
}

static void a_disk_with_nothing_but_its_reserve_takes_nothing_in_and_is_read(void **state)
{
    (void)state;
    struct database_options options = usual_options();
    struct database *database;
    assert_int_equal(database_open(&options, &database, NULL), PATRON_OK);
    apply_order(database, 1, 1);
    database_close(database);
    options.disk_reserve_bytes = UINT64_C(1) << 60;
    assert_int_equal(database_open(&options, &database, NULL), PATRON_OK);
    struct event_outcome outcome;
    struct error error;
    assert_int_equal(send_order(database, 1, 2, &outcome, &error), PATRON_EXHAUSTED);
    assert_non_null(strstr(error.text, data));
    assert_non_null(strstr(error.text, "kept in reserve: nothing is taken in"));
    assert_int_equal(orders_of(database, 1), 1);
    database_close(database);
    options.disk_reserve_bytes = 1;
    assert_int_equal(database_open(&options, &database, NULL), PATRON_OK);
    apply_order(database, 1, 2);
    assert_int_equal(orders_of(database, 1), 2);
    database_close(database);
}

struct verification {
    struct database *database;
    struct verify_result result;
    _Atomic bool done;
};

static bool go_on(void *context, const struct verify_result *so_far, const char *finding)
{
    (void)context;
    (void)so_far;
    if (finding)
        print_message("%s\n", finding);
    return true;
}

static void verify_on_a_worker(void *argument)
{
    struct verification *verification = argument;
    struct port *port = database_port(verification->database);
    int64_t as_of_us;
    const struct view *view = port->functions->view_acquire(port, &as_of_us);
    assert_int_equal(store_verify(view, &verification->result, go_on, NULL, NULL), PATRON_OK);
    port->functions->view_release(port, view);
    verification->done = true;
}

static void a_verification_on_a_worker_finds_nothing_while_events_come_in(void **state)
{
    (void)state;
    struct database_options options = usual_options();
    options.profile_cache_bytes = 20000;
    options.write_back_ms = 1;
    struct database *database;
    assert_int_equal(database_open(&options, &database, NULL), PATRON_OK);
    int order = 0;
    for (int round = 0; round < 4; round++) {
        struct verification verification = {.database = database};
        struct port *port = database_port(database);
        assert_int_equal(port->functions->run(port, verify_on_a_worker, &verification, NULL), PATRON_OK);
        for (int more = 0; more < 50 || !verification.done; more++, order++) {
            wall_us += 10;
            apply_order(database, order % 60, order);
        }
        assert_int_equal(verification.result.differences, 0);
    }
    for (int customer = 0; customer < 60 && customer < order; customer++)
        assert_int_equal(orders_of(database, customer), (order - 1 - customer) / 60 + 1);
    database_close(database);
}

static void an_engine_that_is_given_is_used_and_left_open(void **state)
{
    (void)state;
    static const uint8_t key[STORE_KEY_BYTES] = {7};
    struct database_options options = usual_options();
    options.directory = NULL;
    options.kv = kv_memory_new();
    options.key = key;
    for (int round = 0; round < 3; round++) {
        struct database *database;
        assert_int_equal(database_open(&options, &database, NULL), PATRON_OK);
        struct port *port = database_port(database);
        assert_null(port->functions->scratch_directory(port));
        apply_order(database, 1, round);
        assert_int_equal(orders_of(database, 1), round + 1);
        database_close(database);
    }
    kv_close(options.kv);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, open_folder, close_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(what_was_answered_is_read_at_once_and_after_a_restart),
        ON_DISK(the_files_lie_where_they_should_and_are_their_owners),
        ON_DISK(a_slash_at_the_end_of_the_directory_changes_nothing),
        ON_DISK(scratch_files_of_a_killed_process_are_removed),
        ON_DISK(a_store_whose_key_is_gone_is_not_opened_with_a_new_one),
        ON_DISK(a_store_is_not_opened_with_another_key),
        ON_DISK(a_key_inside_the_data_directory_is_refused),
        ON_DISK(a_directory_in_use_is_busy_and_left_alone),
        ON_DISK(a_directory_that_cannot_be_made_is_said),
        ON_DISK(a_first_start_without_good_definitions_makes_nothing),
        ON_DISK(wrong_definitions_are_refused_and_leave_a_directory_that_opens),
        ON_DISK(after_a_clock_jump_reads_go_on_and_writes_wait_for_the_operator),
        ON_DISK(a_disk_with_nothing_but_its_reserve_takes_nothing_in_and_is_read),
        ON_DISK(a_verification_on_a_worker_finds_nothing_while_events_come_in),
        ON_DISK(an_engine_that_is_given_is_used_and_left_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
