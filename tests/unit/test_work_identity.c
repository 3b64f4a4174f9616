/* Changes of identity beside the events: each in a group of its own, splits that are tried until they hold, and what
 * the definitions have come to block. The real store in memory, through the port. */
#include "server/work/database.h"
#include "store/identity/identity.h"
#include "store/changes/linking.h"
#include "store/changes/to_block.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

#define START_US INT64_C(1700000000000000)

enum { WAIT_MS = 20000 };

static const char definitions[] = "identifiers:\n"
                                  "  email:\n"
                                  "  device:\n"
                                  "events:\n"
                                  "  visit: {}\n"
                                  "features:\n"
                                  "  visits: {of: visit, count: true}\n";

static _Atomic int64_t wall_us, steady_us;

static int64_t read_clock(void *context)
{
    return *(_Atomic int64_t *)context;
}

static int64_t read_wall(void *context)
{
    (void)context;
    return read_clock(&wall_us);
}

static int64_t read_steady(void *context)
{
    (void)context;
    return read_clock(&steady_us);
}

static void on_fatal(void *context, const struct error *error)
{
    (void)context;
    fail_msg("%s", error->text);
}

struct world {
    struct kv *kv;
    struct database *database;
    struct port *port;
};

static const uint8_t key[STORE_KEY_BYTES] = "a key that only these tests use";

static struct world world_open(void)
{
    struct world world = {.kv = kv_memory_new()};
    wall_us = steady_us = START_US;
    struct database_options options = {.kv = world.kv,
        .key = key,
        .definitions_text = bytes_from_string(definitions),
        .clock_source = {read_wall, read_steady, NULL},
        .fatal = on_fatal};
    struct error error;
    if (database_open(&options, &world.database, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    world.port = database_port(world.database);
    return world;
}

static void world_close(struct world *world)
{
    database_close(world->database);
    kv_close(world->kv);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

struct sending {
    struct ingest_batch batch; /* first */
    atomic_bool done;
};

static void on_done(struct ingest_batch *batch)
{
    atomic_store(&((struct sending *)batch)->done, true);
}

static void pause_1ms(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void send(struct world *world, int number, const char *email, const char *device)
{
    char id[32];
    snprintf(id, sizeof id, "v%d", number);
    struct event_identifier identifiers[] = {{bytes_from_string("email"), bytes_from_string(email)},
        {bytes_from_string("device"), bytes_from_string(device)}};
    struct event_input event = {.source = bytes_from_string("test"),
        .type = bytes_from_string("visit"),
        .id = bytes_from_string(id),
        .time_us = START_US - MICROSECONDS_PER_DAY,
        .identifiers = identifiers,
        .identifier_count = 2};
    struct event_outcome outcome;
    struct sending sending = {
        .batch = {.events = &event, .outcomes = &outcome, .event_count = 1, .done = on_done}};
    assert_int_equal(world->port->functions->ingest(world->port, &sending.batch, NULL), PATRON_OK);
    while (!atomic_load(&sending.done))
        pause_1ms();
    assert_int_equal(sending.batch.code, PATRON_OK);
    assert_int_equal(outcome.fate, EVENT_APPLIED);
}

/* --- looking ------------------------------------------------------------------------------------------------------ */

static uint64_t customer_of(struct world *world, uint64_t node)
{
    uint64_t customer;
    const struct view *view = world->port->functions->view_acquire(world->port, NULL);
    assert_int_equal(membership_at(view->kv, view->snapshot, node, INT64_MAX, &customer, NULL), PATRON_OK);
    world->port->functions->view_release(world->port, view);
    return customer;
}

static int64_t position_of(struct world *world)
{
    const struct view *view = world->port->functions->view_acquire(world->port, NULL);
    int64_t position_us = view->position_us;
    world->port->functions->view_release(world->port, view);
    return position_us;
}

static bool is_waiting(struct world *world)
{
    struct to_block found;
    const struct view *view = world->port->functions->view_acquire(world->port, NULL);
    enum patron_code code = to_block_next(view, 0, &found, NULL);
    world->port->functions->view_release(world->port, view);
    return code == PATRON_OK;
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

static enum patron_code link_two(struct store *store, void *context, struct error *error)
{
    const struct link_request request = {.a = 1, .b = 3, .rule = LINK_BY_HAND, .actor = bytes_from_string("ada")};
    return group_link(store, &request, context, error);
}

static enum patron_code unblock_what_is_not_blocked(struct store *store, void *context, struct error *error)
{
    return group_unblock(store, 1, bytes_from_string("ada"), (struct bytes){0}, context, error);
}

static void a_change_is_shown_when_its_call_returns_and_a_refused_one_leaves_all_as_it_was(void **state)
{
    (void)state;
    struct world world = world_open();
    send(&world, 0, "ada", "a");
    send(&world, 1, "bob", "b");
    int64_t known_at_us, before_us = position_of(&world);
    struct error error;
    assert_int_equal(world.port->functions->change(world.port, unblock_what_is_not_blocked, &known_at_us, &error),
        PATRON_PRECONDITION);
    assert_int_equal(position_of(&world), before_us);
    struct link_outcome outcome;
    assert_int_equal(world.port->functions->change(world.port, link_two, &outcome, &error), PATRON_OK);
    assert_int_equal(outcome.fate, LINK_MADE);
    assert_int_equal(position_of(&world), outcome.known_at_us);
    assert_int_equal(customer_of(&world, 4), 1);
    send(&world, 2, "bob", "b");
    world_close(&world);
}

static void nothing_is_changed_while_the_clock_is_not_to_be_trusted(void **state)
{
    (void)state;
    struct world world = world_open();
    send(&world, 0, "ada", "a");
    send(&world, 1, "bob", "b");
    wall_us += INT64_C(10) * MICROSECONDS_PER_DAY;
    struct link_outcome outcome;
    struct error error;
    assert_int_equal(
        world.port->functions->change(world.port, link_two, &outcome, &error), PATRON_PRECONDITION);
    assert_int_equal(customer_of(&world, 3), 3);
    int64_t clock_us;
    assert_int_equal(world.port->functions->confirm_clock(world.port, &clock_us, &error), PATRON_OK);
    assert_int_equal(world.port->functions->change(world.port, link_two, &outcome, &error), PATRON_OK);
    world_close(&world);
}

/* --- splits ------------------------------------------------------------------------------------------------------- */

static const struct split_request part_two = {
    .change = CHANGE_SPLIT, .a = 1, .b = 2, .actor = {(const uint8_t *)"ada", 3}};

static void a_split_that_nobody_waits_for_changes_nothing(void **state)
{
    (void)state;
    struct world world = world_open();
    send(&world, 0, "ada", "a");
    atomic_bool cancelled;
    atomic_init(&cancelled, true);
    struct split *split = split_new(&part_two);
    struct split_outcome outcome;
    struct error error;
    assert_int_equal(world.port->functions->split(world.port, split, &cancelled, &outcome, &error), PATRON_BUSY);
    assert_int_equal(customer_of(&world, 2), 1);
    atomic_store(&cancelled, false);
    assert_int_equal(world.port->functions->split(world.port, split, &cancelled, &outcome, &error), PATRON_OK);
    assert_int_equal(outcome.fate, SPLIT_DONE);
    assert_int_equal(position_of(&world), outcome.known_at_us);
    assert_int_equal(customer_of(&world, 2), 2);
    split_free(split);
    world_close(&world);
}

struct racing {
    struct world *world;
    atomic_bool over;
    int sent;
};

/* New identifiers come to both sides all the while, and now and then the two are linked again. */
static void *send_on(void *argument)
{
    struct racing *racing = argument;
    while (!atomic_load(&racing->over) && racing->sent < 900) {
        char name[32];
        snprintf(name, sizeof name, "n%d", racing->sent);
        bool links = racing->sent % 7 == 0, to_first = racing->sent % 2 == 0;
        send(racing->world, 1000 + racing->sent, links || to_first ? "ada" : name, links || !to_first ? "a" : name);
        racing->sent++;
    }
    return NULL;
}

static bool fail_of_finding(void *context, const struct verify_result *so_far, const char *finding)
{
    (void)context;
    (void)so_far;
    if (finding)
        fail_msg("%s", finding);
    return true;
}

static void assert_sound(struct world *world)
{
    struct verify_result result;
    const struct view *view = world->port->functions->view_acquire(world->port, NULL);
    assert_int_equal(store_verify(view, &result, fail_of_finding, NULL, NULL), PATRON_OK);
    world->port->functions->view_release(world->port, view);
}

static void a_split_holds_in_the_end_whatever_comes_in_meanwhile(void **state)
{
    (void)state;
    struct world world = world_open();
    send(&world, 0, "ada", "a");
    struct racing racing = {.world = &world};
    atomic_init(&racing.over, false);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, send_on, &racing), 0);
    atomic_bool never;
    atomic_init(&never, false);
    int done = 0;
    for (int i = 0; i < 20; i++) {
        struct split_request request = part_two;
        struct split_outcome outcome;
        struct error error;
        request.may_relink = true;
        struct split *split = split_new(&request);
        enum patron_code code = world.port->functions->split(world.port, split, &never, &outcome, &error);
        if (code == PATRON_OK)
            done += outcome.known_at_us != 0;
        else if (code != PATRON_BUSY && code != PATRON_PRECONDITION) /* parted already, and not linked again yet */
            fail_msg("%s", error.text);
        split_free(split);
        for (int k = 0; k < 5; k++)
            pause_1ms();
    }
    atomic_store(&racing.over, true);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(done >= 2);
    assert_sound(&world);
    world_close(&world);
}

/* --- what is to be blocked ---------------------------------------------------------------------------------------- */

static enum patron_code put_to_block(struct store *store, void *context, struct error *error)
{
    (void)error;
    to_block_put(store, *(const uint64_t *)context, 7);
    return PATRON_OK;
}

static void what_waits_to_be_blocked_is_and_is_taken_out_of_the_queue(void **state)
{
    (void)state;
    struct world world = world_open();
    send(&world, 0, "ada", "a");
    send(&world, 1, "bob", "a");
    assert_int_equal(customer_of(&world, 3), 1);
    uint64_t device = 2;
    assert_int_equal(world.port->functions->change(world.port, put_to_block, &device, NULL), PATRON_OK);
    assert_true(is_waiting(&world) || customer_of(&world, 3) == 3);
    for (int ms = 0; is_waiting(&world); ms++) {
        assert_true(ms < WAIT_MS);
        pause_1ms();
    }
    assert_int_equal(customer_of(&world, 1), 1);
    assert_int_equal(customer_of(&world, 2), 2);
    assert_int_equal(customer_of(&world, 3), 3);
    int64_t before_us = position_of(&world);
    assert_int_equal(world.port->functions->change(world.port, put_to_block, &device, NULL), PATRON_OK);
    for (int ms = 0; is_waiting(&world); ms++) {
        assert_true(ms < WAIT_MS);
        pause_1ms();
    }
    assert_int_equal(position_of(&world), before_us); /* it is blocked already: no entry says it again */
    world_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_shown_when_its_call_returns_and_a_refused_one_leaves_all_as_it_was),
        cmocka_unit_test(nothing_is_changed_while_the_clock_is_not_to_be_trusted),
        cmocka_unit_test(a_split_that_nobody_waits_for_changes_nothing),
        cmocka_unit_test(a_split_holds_in_the_end_whatever_comes_in_meanwhile),
        cmocka_unit_test(what_waits_to_be_blocked_is_and_is_taken_out_of_the_queue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
