/* What the file says is for other programs to read (tests/clients); here: it appears whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/parquet.h"

static const struct parquet_column columns[] = {{"customer", PARQUET_INT64}, {"as_of", PARQUET_TIME},
    {"value", PARQUET_DOUBLE}, {"amount", PARQUET_DECIMAL}, {"flag", PARQUET_BOOL}, {"text", PARQUET_TEXT}};

enum { COLUMNS = sizeof columns / sizeof *columns, ROWS = 3 };

static char folder[] = "/tmp/patron-parquet-XXXXXX";

static void rows_write(struct parquet_file *file)
{
    static const int64_t integers[ROWS] = {1, 2, 3};
    static const double doubles[ROWS] = {0.1, -2.5, 0};
    static const uint8_t decimals[16 * ROWS] = {1}, valid[ROWS] = {1, 0, 1};
    static const int switches[ROWS] = {1, 0, 1};
    assert_int_equal(parquet_append_integers(file, 0, integers, NULL, ROWS, NULL), PATRON_OK);
    assert_int_equal(parquet_append_integers(file, 1, integers, valid, ROWS, NULL), PATRON_OK);
    assert_int_equal(parquet_append_doubles(file, 2, doubles, valid, ROWS, NULL), PATRON_OK);
    assert_int_equal(parquet_append_decimals(file, 3, decimals, valid, ROWS, NULL), PATRON_OK);
    assert_int_equal(parquet_append_flags(file, 4, switches, valid, ROWS, NULL), PATRON_OK);
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(parquet_append_text(file, 5, "hello", 5, valid[i], NULL), PATRON_OK);
    assert_int_equal(parquet_end_group(file, NULL), PATRON_OK);
}

static void path_of(const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", folder, name);
}

static struct parquet_file *file_open(const char *name)
{
    char path[128];
    struct parquet_file *file;
    path_of(name, path);
    assert_int_equal(parquet_open(&file, path, columns, COLUMNS, NULL), PATRON_OK);
    return file;
}

static size_t file_read(const char *name, char bytes[16384])
{
    char path[128];
    path_of(name, path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t length = fread(bytes, 1, 16384, file);
    fclose(file);
    return length;
}

static bool exists(const char *name)
{
    char path[128];
    path_of(name, path);
    return access(path, F_OK) == 0;
}

static void the_same_rows_give_the_same_bytes(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b"};
    static char bytes[2][16384];
    size_t lengths[2];
    for (int i = 0; i < 2; i++) {
        struct parquet_file *file = file_open(names[i]);
        parquet_add_metadata(file, "patron.rows", "6");
        rows_write(file);
        rows_write(file);
        assert_int_equal(parquet_end_group(file, NULL), PATRON_OK);
        assert_false(exists(names[i]));
        assert_int_equal(parquet_close(file, NULL), PATRON_OK);
        lengths[i] = file_read(names[i], bytes[i]);
    }
    assert_int_equal(lengths[0], lengths[1]);
    assert_memory_equal(bytes[0], bytes[1], lengths[0]);
    assert_memory_equal(bytes[0], "PAR1", 4);
    assert_memory_equal(bytes[0] + lengths[0] - 4, "PAR1", 4);
    assert_false(exists("a.partial"));
}

static void a_dropped_file_leaves_nothing(void **state)
{
    (void)state;
    struct parquet_file *file = file_open("dropped");
    rows_write(file);
    assert_true(exists("dropped.partial"));
    parquet_drop(file);
    assert_false(exists("dropped"));
    assert_false(exists("dropped.partial"));
    parquet_drop(NULL);
}

static void a_file_without_rows_is_a_file(void **state)
{
    (void)state;
    static char bytes[16384];
    assert_int_equal(parquet_close(file_open("empty"), NULL), PATRON_OK);
    assert_true(file_read("empty", bytes) > 8);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    (void)state;
    struct parquet_file *file;
    struct error error;
    assert_int_equal(parquet_open(&file, "/nowhere/at/all.parquet", columns, COLUMNS, &error), PATRON_IO);
    assert_null(file);
    assert_non_null(strstr(error.text, "/nowhere/at/all.parquet"));
}

static int folder_make(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "empty"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        path_of(names[i], path);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_rows_give_the_same_bytes),
        cmocka_unit_test(a_dropped_file_leaves_nothing),
        cmocka_unit_test(a_file_without_rows_is_a_file),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
    };
    return cmocka_run_group_tests(tests, folder_make, folder_remove);
}
