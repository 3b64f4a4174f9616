/* A store of the chosen engine for each test, and a few short words. For cmocka programs that hold both engines behind
 * kv.h to the same tests: choose_memory and choose_disk are group setups, CONFORMS makes a test with a fresh store. */
#ifndef PATRON_TESTS_KV_FIXTURE_H
#define PATRON_TESTS_KV_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "store/kv/kv.h"
#include "tests/unit/scratch_directory.h"

struct fixture {
    struct kv *kv;
    struct arena arena;
    bool on_disk;
    char scratch[SCRATCH_PATH_MAX];
    char directory[SCRATCH_PATH_MAX + 8];
};

static bool engine_on_disk;

static inline int choose_memory(void **state)
{
    (void)state;
    engine_on_disk = false;
    return 0;
}

static inline int choose_disk(void **state)
{
    (void)state;
    engine_on_disk = true;
    return 0;
}

/* Small memtables, so that a test's data reaches files. */
static inline void open_on_disk(struct fixture *fixture)
{
    struct kv_rocksdb_options options = {
        .directory = fixture->directory, .memtable_bytes = 4 << 20, .cache_bytes = 1 << 20};
    struct error error = {0};
    if (kv_rocksdb_open(&options, &fixture->kv, &error) != PATRON_OK)
        fail_msg("%s", error.text);
}

static inline int open_store(void **state)
{
    struct fixture *fixture = memory_alloc(sizeof *fixture);
    fixture->on_disk = engine_on_disk;
    if (fixture->on_disk) {
        scratch_directory_make(fixture->scratch);
        snprintf(fixture->directory, sizeof fixture->directory, "%s/data", fixture->scratch);
        open_on_disk(fixture);
    } else {
        fixture->kv = kv_memory_new();
    }
    *state = fixture;
    return 0;
}

static inline int close_store(void **state)
{
    struct fixture *fixture = *state;
    kv_close(fixture->kv);
    arena_clear(&fixture->arena);
    if (fixture->on_disk)
        scratch_directory_remove(fixture->scratch);
    memory_free(fixture);
    return 0;
}

static inline struct bytes text(const char *string)
{
    return bytes_from_string(string);
}

static inline void assert_bytes(struct bytes got, struct bytes wanted)
{
    assert_int_equal(got.length, wanted.length);
    if (wanted.length)
        assert_memory_equal(got.data, wanted.data, wanted.length);
}

static inline void write_batch(struct fixture *fixture, struct kv_batch *batch, bool sync)
{
    struct error error = {0};
    if (kv_write(fixture->kv, batch, sync, &error) != PATRON_OK)
        fail_msg("%s", error.text);
}

#define CONFORMS(test) cmocka_unit_test_setup_teardown(test, open_store, close_store)

#endif
