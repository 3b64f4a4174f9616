/* What is acknowledged is on disk: the calls that reach the disk are counted on their way to the kernel. RocksDB's own
 * calls too, for a program's functions come before those of the libraries it is linked with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "server/work/database.h"
#include "store/versions/refill.h"
#include "store/versions/versions.h"
#include "tests/unit/scratch_directory.h"
#include "tests/unit/store_fixture.h"

static atomic_int syncs;

int fdatasync(int file)
{
    syncs++;
    return (int)syscall(SYS_fdatasync, file);
}

int fsync(int file)
{
    syncs++;
    return (int)syscall(SYS_fsync, file);
}

static const char definitions[] = "identifiers:\n  email: {}\nevents:\n  visit: {}\n"
                                  "features:\n  visits: {of: visit, count: true}\n";
static char directory[SCRATCH_PATH_MAX];

static int make_directory(void **state)
{
    (void)state;
    scratch_directory_make(directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    scratch_directory_remove(directory);
    return 0;
}

static struct kv *open_engine(void)
{
    char path[SCRATCH_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/kv", directory);
    struct kv *kv;
    struct error error;
    if (kv_rocksdb_open(&(struct kv_rocksdb_options){.directory = path}, &kv, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return kv;
}

static void a_synced_write_reaches_the_disk_and_only_a_synced_one(void **state)
{
    (void)state;
    struct kv *kv = open_engine();
    struct kv_batch *batch = kv_batch_new(kv);
    for (int sync = 0; sync < 2; sync++) {
        kv_batch_put(batch, KV_META, bytes_from_string("name"), bytes_from_string("value"));
        int before = syncs;
        assert_int_equal(kv_write(kv, batch, sync, NULL), PATRON_OK);
        assert_int_equal(syncs > before, sync);
    }
    kv_batch_free(batch);
    kv_close(kv);
}

static void a_group_and_what_was_answered_are_on_disk_when_their_calls_return(void **state)
{
    (void)state;
    struct shop shop = {.kv = open_engine(), .clock_us = START_US};
    int before = syncs;
    shop_open(&shop, definitions);
    assert_true(syncs > before); /* the format, the key's check, the definitions */
    struct event_input event = shop_event(&shop, "visit", "1", START_US, "email:a");
    shop_begin(&shop);
    assert_int_equal(shop_add(&shop, &event), EVENT_APPLIED);
    before = syncs;
    shop_commit(&shop);
    assert_true(syncs > before);
    before = syncs;
    assert_int_equal(store_answered_set(shop.store, START_US, NULL), PATRON_OK);
    assert_true(syncs > before);
    shop_close(&shop);
}

/* Who was told that a version serves finds it serving after a loss of power too. */
static void a_version_and_its_switch_are_on_disk_when_their_calls_return(void **state)
{
    (void)state;
    struct shop shop = {.kv = open_engine(), .clock_us = START_US};
    shop_open(&shop, definitions);
    shop_send(&shop, "visit", "1", START_US, "email:a");
    struct view view;
    store_view_take(shop.store, &view);
    const struct definitions *next;
    struct error error;
    static const char more[] = "identifiers:\n  email: {}\nevents:\n  visit: {}\n"
                               "features:\n  days: {of: visit, active_days: true}\n";
    if (definitions_parse(bytes_from_string(more), view.definitions, 2, false, &next, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    int before = syncs;
    assert_int_equal(store_define(shop.store, next, START_US, false, NULL), PATRON_OK);
    assert_true(syncs > before);
    definitions_release(next);
    store_view_release(&view);
    struct refill *refill = refill_new(shop.store);
    assert_non_null(refill);
    store_view_take(shop.store, &view);
    bool done = false;
    for (bool reached = false; !reached;) {
        assert_int_equal(refill_step(refill, &view, 0, &reached, NULL), PATRON_OK);
        assert_int_equal(refill_write(shop.store, refill, NULL), PATRON_OK);
    }
    before = syncs;
    assert_int_equal(refill_finish(shop.store, refill, SIZE_MAX, &done, NULL), PATRON_OK);
    assert_true(done);
    assert_true(syncs > before);
    refill_free(refill);
    store_view_release(&view);
    before = syncs;
    assert_int_equal(store_version_drop(shop.store, 1, NULL), PATRON_OK);
    assert_true(syncs > before);
    shop_close(&shop);
}

struct sender {
    struct ingest_batch batch; /* first */
    int syncs_when_done;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static void on_done(struct ingest_batch *batch)
{
    struct sender *sender = (struct sender *)batch;
    pthread_mutex_lock(&sender->lock);
    sender->syncs_when_done = syncs;
    sender->done = true;
    pthread_cond_signal(&sender->changed);
    pthread_mutex_unlock(&sender->lock);
}

static void on_fatal(void *context, const struct error *error)
{
    (void)context;
    fail_msg("%s", error->text);
}

static void an_event_is_acknowledged_after_its_group_is_on_disk(void **state)
{
    (void)state;
    char path[SCRATCH_PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/data", directory);
    struct database *database;
    struct error error;
    struct database_options options = {
        .directory = path, .definitions_text = bytes_from_string(definitions), .fatal = on_fatal};
    if (database_open(&options, &database, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    struct port *port = database_port(database);
    struct event_identifier who = {bytes_from_string("email"), bytes_from_string("a")};
    struct event_input event = {.source = bytes_from_string("test"),
        .type = bytes_from_string("visit"),
        .id = bytes_from_string("1"),
        .time_us = START_US,
        .identifiers = &who,
        .identifier_count = 1};
    struct event_outcome outcome;
    struct sender sender = {.batch = {.events = &event, .outcomes = &outcome, .event_count = 1, .done = on_done},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER};
    /* nobody has read, so no promise is kept, and nothing else syncs */
    int before = syncs;
    assert_int_equal(port->functions->ingest(port, &sender.batch, &error), PATRON_OK);
    pthread_mutex_lock(&sender.lock);
    while (!sender.done)
        pthread_cond_wait(&sender.changed, &sender.lock);
    pthread_mutex_unlock(&sender.lock);
    assert_int_equal(outcome.fate, EVENT_APPLIED);
    assert_true(sender.syncs_when_done > before);
    database_close(database);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_synced_write_reaches_the_disk_and_only_a_synced_one, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(
            a_group_and_what_was_answered_are_on_disk_when_their_calls_return, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(
            a_version_and_its_switch_are_on_disk_when_their_calls_return, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(
            an_event_is_acknowledged_after_its_group_is_on_disk, make_directory, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
