#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "client/spine.h"
#include "client/spool.h"
#include "store/base/arena.h"

static char path[] = "/tmp/patron-spine-XXXXXX";

static void file_write(const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static struct spine_options options_of(bool json)
{
    struct spine_options options = {.path = path, .json = json, .time = "t"};
    flag_list_add(&options.identifiers, "customer_id=id");
    flag_list_add(&options.identifiers, "email=mail");
    return options;
}

/* "LINE TYPE:VALUE@TIME other|other", - for none. */
static void expect_row(struct spine *spine, const char *expected)
{
    struct spine_row row;
    struct error error;
    char out[512];
    if (spine_next(spine, &row, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    assert_false(row.end);
    struct decoder others;
    unsigned long long line = spine_kept_line(row.kept, &others);
    int length = snprintf(out, sizeof out, "%llu %.*s:%.*s@%lld ", line, BYTES_ARGUMENTS(row.identifier_type),
        BYTES_ARGUMENTS(row.identifier), (long long)row.time_us);
    for (size_t i = 0; i < spine->column_count; i++) {
        struct bytes value = spine_other_next(&others);
        if (!value.data)
            value = bytes_from_string("-");
        length += snprintf(
            out + length, sizeof out - (size_t)length, "%s%.*s", i > 0 ? "|" : "", BYTES_ARGUMENTS(value));
    }
    assert_true(decoder_done(&others));
    assert_string_equal(out, expected);
}

static void expect_failure(const char *text, struct spine_options options, const char *words)
{
    struct spine spine;
    struct spine_row row = {0};
    struct error error;
    file_write(text);
    enum patron_code code = spine_open(&spine, &options, &error);
    bool opened = code == PATRON_OK;
    while (code == PATRON_OK && !row.end)
        code = spine_next(&spine, &row, &error);
    assert_int_not_equal(code, PATRON_OK);
    if (!strstr(error.text, words))
        fail_msg("%s", error.text);
    if (opened)
        spine_close(&spine);
    flag_list_clear(&options.identifiers);
}

static void every_column_but_the_time_goes_along(void **state)
{
    (void)state;
    struct spine_options options = options_of(false);
    struct spine spine;
    struct spine_row row;
    file_write("id,t,mail,label\r\n7,1970-01-01T00:00:01Z,a@x.org,\"yes, 1\"\r\n,1970-01-02,b@x.org,\r\n");
    assert_int_equal(spine_open(&spine, &options, NULL), PATRON_OK);
    expect_row(&spine, "2 customer_id:7@1000000 7|a@x.org|yes, 1");
    expect_row(&spine, "3 email:b@x.org@86400000000 -|b@x.org|-");
    assert_int_equal(spine_next(&spine, &row, NULL), PATRON_OK);
    assert_true(row.end);
    assert_string_equal(spine.columns[2].name, "label");
    spine_close(&spine);
    flag_list_clear(&options.identifiers);
}

static void columns_without_a_header_are_named_by_their_number(void **state)
{
    (void)state;
    struct spine_options options = {
        .path = path, .time = "2", .delimited = {.no_header = true, .delimiter = ';'}};
    struct spine spine;
    flag_list_add(&options.identifiers, "customer_id=1");
    assert_int_equal(time_format_parse("unix", &options.time_format, NULL), PATRON_OK);
    file_write("7;1;x\n8;2;y\n");
    assert_int_equal(spine_open(&spine, &options, NULL), PATRON_OK);
    expect_row(&spine, "1 customer_id:7@1000000 7|x");
    expect_row(&spine, "2 customer_id:8@2000000 8|y");
    assert_string_equal(spine.columns[1].name, "column_3");
    spine_close(&spine);
    flag_list_clear(&options.identifiers);
}

static void json_lines_have_their_keys_for_columns(void **state)
{
    (void)state;
    struct spine_options options = options_of(true);
    struct spine spine;
    file_write("{\"id\":7,\"t\":5,\"y\":1.50}\n\n{\"t\":\"1970-01-01\",\"y\":null,\"id\":\"8\"}\n");
    assert_int_equal(spine_open(&spine, &options, NULL), PATRON_OK);
    expect_row(&spine, "1 customer_id:7@5 7|1.50");
    expect_row(&spine, "3 customer_id:8@0 8|-");
    spine_close(&spine);
    flag_list_clear(&options.identifiers);
}

static void keys_that_come_later_are_columns_too(void **state)
{
    (void)state;
    struct spine_options options = options_of(true);
    struct spine spine;
    struct spine_row first;
    struct spool spool;
    struct bytes kept;
    file_write("{\"id\":7,\"t\":5}\n{\"y\":true,\"t\":6,\"id\":8}\n{\"id\":9,\"t\":7,\"z\":\"\"}\n");
    assert_int_equal(spine_open(&spine, &options, NULL), PATRON_OK);
    assert_int_equal(spool_open(&spool, NULL), PATRON_OK);
    assert_int_equal(spine_next(&spine, &first, NULL), PATRON_OK);
    assert_int_equal(spool_add(&spool, first.kept, NULL), PATRON_OK);
    assert_int_equal(spool_seal(&spool, NULL), PATRON_OK);
    expect_row(&spine, "2 customer_id:8@6 8|true");
    expect_row(&spine, "3 customer_id:9@7 9|-|");
    assert_int_equal(spine.column_count, 3);
    /* The row from before they came has none of them. */
    struct decoder columns;
    assert_int_equal(spool_read(&spool, 0, &kept, NULL), PATRON_OK);
    assert_int_equal(spine_kept_line(kept, &columns), 1);
    assert_int_equal(spine_other_next(&columns).length, 1);
    assert_null(spine_other_next(&columns).data);
    assert_null(spine_other_next(&columns).data);
    assert_true(decoder_done(&columns));
    spool_close(&spool);
    spine_close(&spine);
    flag_list_clear(&options.identifiers);
}

static void keys_that_are_data_are_refused(void **state)
{
    (void)state;
    enum { ROW_BYTES = 32 };
    char *text = memory_alloc((SPINE_COLUMNS_MAX + 1) * (size_t)ROW_BYTES);
    size_t length = 0;
    for (int i = 0; i < SPINE_COLUMNS_MAX; i++)
        length += (size_t)snprintf(text + length, ROW_BYTES, "{\"id\":7,\"t\":5,\"k%d\":1}\n", i);
    expect_failure(text, options_of(true), ":1000: key \"k999\" is one too many");
    memory_free(text);
}

static void a_broken_row_is_named_and_ends_it(void **state)
{
    (void)state;
    expect_failure("id,t,mail\n7,1970-01-01,\n8,never,\n", options_of(false), ":3: 'never' is not a time");
    expect_failure("id,t,mail\n,1970-01-01,\n", options_of(false), ":2: no identifier");
    expect_failure("id,t,mail\n7\n", options_of(false), ":2: the row has 1 columns");
    expect_failure("id,time,mail\n", options_of(false), "there is no column 't'");
    expect_failure("{\"id\":7}\n", options_of(true), "there is no \"t\"");
    expect_failure("{\"id\":7,\"t\":5,\"z\":[1]}\n", options_of(true), "z is not");
    expect_failure("{\"id\":7,\n", options_of(true), ":1: the line ends");
}

static int file_make(void **state)
{
    (void)state;
    int descriptor = mkstemp(path);
    return descriptor < 0 ? -1 : close(descriptor);
}

static int file_remove(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_but_the_time_goes_along),
        cmocka_unit_test(columns_without_a_header_are_named_by_their_number),
        cmocka_unit_test(json_lines_have_their_keys_for_columns),
        cmocka_unit_test(keys_that_come_later_are_columns_too),
        cmocka_unit_test(keys_that_are_data_are_refused),
        cmocka_unit_test(a_broken_row_is_named_and_ends_it),
    };
    return cmocka_run_group_tests(tests, file_make, file_remove);
}
