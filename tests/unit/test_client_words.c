/* The small words of the command line: flags, names that are near, moments, durations, progress, reasons, tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/clock_text.h"
#include "client/faults.h"
#include "client/flags.h"
#include "client/moments.h"
#include "client/progress.h"
#include "client/sorter.h"
#include "client/spool.h"
#include "client/table.h"
#include "client/values.h"
#include "client/visible.h"
#include "store/base/arena.h"
#include "store/base/limits.h"
#include "store/base/time_text.h"

/* --- flags ------------------------------------------------------------------------------------------------------- */

struct options {
    const char *service;
    struct flag_list ids;
    bool strict;
};

static const struct flag flags[] = {
    {"service", "svc", 's', FLAG_TEXT, "NAME", "", offsetof(struct options, service)},
    {"id", NULL, 0, FLAG_LIST, "ID", "", offsetof(struct options, ids)},
    {"strict", NULL, 0, FLAG_SWITCH, NULL, "", offsetof(struct options, strict)},
};

enum { FLAG_COUNT = sizeof flags / sizeof *flags };

static enum patron_code parse(struct options *options, struct flag_list *rest, bool *help,
    struct error *error, int count, const char **words)
{
    return flags_parse(flags, FLAG_COUNT, count, (char **)words, options, rest, help, error);
}

static void flags_go_to_their_places_and_the_rest_stays_in_order(void **state)
{
    (void)state;
    struct options options = {0};
    struct flag_list rest = {0};
    bool help;
    const char *words[] = {
        "one", "--service=a=b", "--id", "x", "two", "--id=y", "--strict", "-", "--", "--id"};
    assert_int_equal(parse(&options, &rest, &help, NULL, 10, words), PATRON_OK);
    assert_string_equal(options.service, "a=b");
    assert_int_equal(options.ids.count, 2);
    assert_string_equal(options.ids.values[1], "y");
    assert_true(options.strict);
    assert_int_equal(rest.count, 4);
    assert_string_equal(rest.values[2], "-");
    assert_string_equal(rest.values[3], "--id");
    assert_false(help);
    flag_list_clear(&rest);
    flags_clear(flags, FLAG_COUNT, &options);
}

static void wrong_flags_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *words[3];
        int count;
        const char *said;
    } wrong[] = {
        {{"--servise", "x"}, 2, "did you mean --service"},
        {{"--servise=x"}, 1, "did you mean --service"},
        {{"--quite-another"}, 1, "there is no flag --quite-another"},
        {{"-q"}, 1, "there is no flag -q"},
        {{"--service"}, 1, "needs a value"},
        {{"--strict=yes"}, 1, "takes no value"},
        {{"-sx", "--svc", "y"}, 3, "given twice"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct options options = {0};
        struct flag_list rest = {0};
        struct error error;
        bool help;
        assert_int_equal(parse(&options, &rest, &help, &error, wrong[i].count, (const char **)wrong[i].words),
            PATRON_INVALID);
        assert_non_null(strstr(error.text, wrong[i].said));
        flag_list_clear(&rest);
    }
}

static void help_is_heard_before_anything_behind_it(void **state)
{
    (void)state;
    struct options options = {0};
    struct flag_list rest = {0};
    bool help;
    const char *words[] = {"--help", "--nonsense"};
    assert_int_equal(parse(&options, &rest, &help, NULL, 2, words), PATRON_OK);
    assert_true(help);
}

static void only_near_words_are_suggested(void **state)
{
    (void)state;
    static const char *const words[] = {"import", "get", "snapshot", "verify"};
    assert_string_equal(nearest_word("imprt", words, 4), "import");
    assert_string_equal(nearest_word("snap", words, 4), "snapshot");
    assert_string_equal(nearest_word("gte", words, 4), "get");
    assert_null(nearest_word("xyzzy", words, 4));
    assert_null(nearest_word("", words, 0));
}

/* --- times ------------------------------------------------------------------------------------------------------- */

static void lengths_of_time_have_a_unit(void **state)
{
    (void)state;
    int64_t us;
    struct error error;
    assert_int_equal(duration_parse("90s", &us, &error), PATRON_OK);
    assert_int_equal(us, 90 * MICROSECONDS_PER_SECOND);
    assert_int_equal(duration_parse("2w", &us, &error), PATRON_OK);
    assert_int_equal(us, 14 * MICROSECONDS_PER_DAY);
    assert_int_equal(duration_parse("250ms", &us, &error), PATRON_OK);
    assert_int_equal(us, 250000);
    assert_int_equal(duration_parse("0", &us, &error), PATRON_OK);
    assert_int_equal(us, 0);
    static const char *const wrong[] = {
        "", "5", "s", "-5s", "1.5h", "5 s", "99999999999999999999d", "9999999999w", "5mo"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(duration_parse(wrong[i], &us, &error), PATRON_INVALID);
}

static void moments_are_dates_or_microseconds_and_nothing_between(void **state)
{
    (void)state;
    int64_t us;
    struct error error;
    assert_int_equal(moment_parse(bytes_from_string("1997-01-01"), &us, &error), PATRON_OK);
    assert_int_equal(us, INT64_C(852076800000000));
    assert_int_equal(moment_parse(bytes_from_string("852076800000000"), &us, &error), PATRON_OK);
    assert_int_equal(us, INT64_C(852076800000000));
    assert_int_equal(moment_parse(bytes_from_string("-86400000001"), &us, &error), PATRON_OK);
    assert_int_equal(moment_parse(bytes_from_string("19970101"), &us, &error), PATRON_INVALID);
    assert_int_equal(moment_parse(bytes_from_string("99999999999999999999"), &us, &error), PATRON_INVALID);
    assert_int_equal(moment_parse(bytes_from_string("-9223372036854775808"), &us, &error), PATRON_OK);
    assert_true(us == INT64_MIN);
}

static void every(const char *step, const char *from, const char *to, const char *expected)
{
    int64_t from_us, to_us, *moments;
    size_t count;
    char out[1024] = "";
    assert_int_equal(time_from_text(bytes_from_string(from), &from_us, NULL), PATRON_OK);
    assert_int_equal(time_from_text(bytes_from_string(to), &to_us, NULL), PATRON_OK);
    assert_int_equal(moments_every(step, from_us, to_us, &moments, &count, NULL), PATRON_OK);
    size_t length = 0;
    for (size_t i = 0; i < count; i++) {
        char text[TIME_TEXT_MAX];
        time_to_text(moments[i], text);
        length += (size_t)snprintf(out + length, sizeof out - length, "%.13s ", text);
    }
    assert_string_equal(out, expected);
    memory_free(moments);
}

static void steps_follow_the_calendar(void **state)
{
    (void)state;
    every("1mo", "2024-01-31", "2024-05-31",
        "2024-01-31T00 2024-02-29T00 2024-03-31T00 2024-04-30T00 2024-05-31T00 ");
    every("1y", "2024-02-29", "2028-03-01",
        "2024-02-29T00 2025-02-28T00 2026-02-28T00 2027-02-28T00 2028-02-29T00 ");
    every("7d", "2024-02-26", "2024-03-10", "2024-02-26T00 2024-03-04T00 ");
    every("12h", "2024-01-01", "2024-01-01T23:00", "2024-01-01T00 2024-01-01T12 ");
    every("5mo", "1969-11-30", "1970-05-01", "1969-11-30T00 1970-04-30T00 ");
    int64_t *moments;
    size_t count;
    assert_int_equal(moments_every("1s", 0, MICROSECONDS_PER_DAY, &moments, &count, NULL), PATRON_INVALID);
    assert_int_equal(moments_every("0d", 0, 1, &moments, &count, NULL), PATRON_INVALID);
    assert_int_equal(moments_every("1d", 1, 0, &moments, &count, NULL), PATRON_INVALID);
}

static int64_t read_time(const char *format_text, const char *text, enum patron_code expected)
{
    struct time_format format;
    struct error error;
    int64_t us = 0;
    assert_int_equal(time_format_parse(format_text, &format, &error), PATRON_OK);
    assert_int_equal(time_format_read(&format, bytes_from_string(text), &us, &error), expected);
    return us;
}

static void files_write_times_in_many_ways(void **state)
{
    (void)state;
    int64_t day_us = INT64_C(852076800000000);
    assert_int_equal(read_time("%Y%m%d", "19970101", PATRON_OK), day_us);
    assert_int_equal(
        read_time("%d.%m.%Y %H:%M", "01.01.1997 01:30", PATRON_OK), day_us + INT64_C(5400000000));
    assert_int_equal(read_time("%Y-%m", "1997-01", PATRON_OK), day_us);
    assert_int_equal(read_time("%Y%m%d %z", "19970101 +0200", PATRON_OK), day_us - INT64_C(7200000000));
    assert_int_equal(read_time("unix", "852076800", PATRON_OK), day_us);
    assert_int_equal(read_time("unix", "852076800.25", PATRON_OK), day_us + 250000);
    assert_int_equal(read_time("unix_ms", "852076800001", PATRON_OK), day_us + 1000);
    assert_int_equal(read_time("unix_us", "852076800000001", PATRON_OK), day_us + 1);
    read_time("%Y%m%d", "19970229", PATRON_INVALID);
    read_time("%Y%m%d", "19970101x", PATRON_INVALID);
    read_time("%Y%m%d", "", PATRON_INVALID);
    read_time("unix", "noon", PATRON_INVALID);
    read_time("unix_ms", "1.00001", PATRON_INVALID);
    struct time_format format;
    assert_int_equal(time_format_parse("iso", &format, NULL), PATRON_INVALID);
    assert_int_equal(time_format_parse("%s", &format, NULL), PATRON_INVALID);
}

/* --- what is said ------------------------------------------------------------------------------------------------ */

static void progress_says_how_far_and_how_long_still(void **state)
{
    (void)state;
    struct progress progress = {.label = "reading", .unit = "rows", .done = 5000, .part = 25, .whole = 100};
    char text[PROGRESS_TEXT_MAX];
    progress_text(&progress, 10 * MICROSECONDS_PER_SECOND, text);
    assert_string_equal(text, "reading [######..................]  25%  5000 rows, 500/s, 30s left");
    progress.whole = 0;
    progress_text(&progress, 10 * MICROSECONDS_PER_SECOND, text);
    assert_string_equal(text, "reading  5000 rows, 500/s");
    progress =
        (struct progress){.label = "x", .unit = "y", .done = UINT64_MAX, .part = 1, .whole = UINT64_MAX};
    progress_text(&progress, 0, text);
    progress_text(&progress, INT64_MAX, text);
}

static void reasons_leave_out_what_is_particular_to_a_row(void **state)
{
    (void)state;
    char text[FAULT_REASON_TEXT_MAX];
    fault_reason_text("'it is' no time: 12 of \"34\" isn't", text);
    assert_string_equal(text, "… no time: … of … isn't");
    char longest[4096];
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    fault_reason_text(longest, text);
    assert_true(strlen(text) < FAULT_REASON_TEXT_MAX);
}

static void tables_align_by_characters(void **state)
{
    (void)state;
    struct table table;
    char *out = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&out, &length);
    table_open(&table, 2);
    table_align_right(&table, 1);
    table_add(&table, "name");
    table_add(&table, "n");
    table_add(&table, "Zoë");
    table_add(&table, "12");
    table_print(&table, file);
    table_close(&table);
    fclose(file);
    assert_string_equal(out, "name   n\n----  --\nZoë   12\n");
    free(out);
}

static void text_of_others_never_acts_on_a_terminal(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"", ""},
        {"Zo\xc3\xab \\n \xc2\xa0\xe2\x82\xac\xf0\x9f\x98\x80", "Zo\xc3\xab \\n \xc2\xa0\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\x1b[2J\x1b]0;x\a", "\\x1b[2J\\x1b]0;x\\x07"},
        {"a\nb\tc\rd\x7f", "a\\nb\\tc\\rd\\x7f"},
        {"\xc2\x9b" "31m \xc2\x80\xc2\x9f", "\\u009b31m \\u0080\\u009f"},
        {"\xe2\x80\xae\xe2\x80\xa8\xe2\x81\xa6\xe2\x81\xa9\xe2\x80\xa7", "\\u202e\\u2028\\u2066\\u2069\xe2\x80\xa7"},
        {"cut \xc2", "cut \xc2"},
        {"cut \xe2\x80", "cut \xe2\x80"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena = {0};
        char *out = NULL;
        size_t length = 0;
        FILE *file = open_memstream(&out, &length);
        visible_print(cases[i].text, file);
        visible_lines_print("\n\x1b", file);
        fclose(file);
        assert_memory_equal(out, cases[i].shown, strlen(cases[i].shown));
        assert_string_equal(out + strlen(cases[i].shown), "\n\\x1b");
        assert_string_equal(visible_text(cases[i].text, &arena), cases[i].shown);
        assert_string_equal(visible_text(cases[i].shown, &arena), cases[i].shown);
        free(out);
        arena_clear(&arena);
    }
}

static void cells_of_a_table_are_as_wide_as_they_are_shown(void **state)
{
    (void)state;
    struct table table;
    char *out = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&out, &length);
    table_open(&table, 2);
    table_add(&table, "a");
    table_add(&table, "b");
    table_add(&table, "\x1b[2J\n");
    table_add(&table, "c");
    table_print(&table, file);
    table_close(&table);
    fclose(file);
    assert_string_equal(out, "a          b\n---------  -\n\\x1b[2J\\n  c\n");
    free(out);
}

static void no_line_of_a_table_ends_with_blanks(void **state)
{
    (void)state;
    static const char *const cells[] = {"a", "bb", "c", "1", "", "", "", "2", "", "", "", "3", "4", "", "5"};
    struct table table;
    char *out = NULL;
    size_t length = 0;
    FILE *file = open_memstream(&out, &length);
    table_open(&table, 3);
    for (size_t i = 0; i < sizeof cells / sizeof cells[0]; i++)
        table_add(&table, cells[i]);
    table_print(&table, file);
    table_close(&table);
    fclose(file);
    assert_string_equal(out, "a  bb  c\n-  --  -\n1\n   2\n       3\n4      5\n");
    free(out);
}

static void doubles_are_written_in_the_fewest_digits_that_read_back(void **state)
{
    (void)state;
    char text[VALUE_TEXT_MAX];
    double_text(0.1, text);
    assert_string_equal(text, "0.1");
    double_text(1.0 / 3, text);
    assert_string_equal(text, "0.3333333333333333");
    double_text(-1e300, text);
    assert_string_equal(text, "-1e+300");
    double_text(5e-324, text);
    assert_true(strtod(text, NULL) == 5e-324);
}

/* --- sorting and setting aside ----------------------------------------------------------------------------------- */

static void rows_come_sorted_by_time_then_key_then_arrival(void **state)
{
    (void)state;
    static const struct {
        int64_t time_us;
        const char *key, *payload;
    } rows[] = {{5, "b", "3"}, {-7, "z", "0"}, {5, "a", "1"}, {5, "b", "4"}, {9, "a", "5"}, {5, "a", "2"}};
    struct sorter *sorter;
    struct sorter_row row;
    struct error error;
    assert_int_equal(sorter_open(&sorter, &error), PATRON_OK);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(sorter_add(sorter, rows[i].time_us, bytes_from_string(rows[i].key),
                             bytes_from_string(rows[i].payload), &error),
            PATRON_OK);
    assert_int_equal(sorter_start(sorter, &error), PATRON_OK);
    for (int i = 0; i < 6; i++) {
        assert_int_equal(sorter_next(sorter, &row, &error), PATRON_OK);
        assert_int_equal(row.payload.data[0], '0' + i);
    }
    assert_int_equal(sorter_next(sorter, &row, &error), PATRON_OK);
    assert_true(row.end);
    sorter_close(sorter);
}

static void rows_set_aside_come_back_by_number(void **state)
{
    (void)state;
    struct spool spool;
    struct bytes row;
    struct error error;
    assert_int_equal(spool_open(&spool, &error), PATRON_OK);
    assert_int_equal(spool_add(&spool, bytes_from_string("first"), &error), PATRON_OK);
    assert_int_equal(spool_add(&spool, bytes_from_string(""), &error), PATRON_OK);
    assert_int_equal(spool_add(&spool, bytes_from_string("third"), &error), PATRON_OK);
    assert_int_equal(spool_seal(&spool, &error), PATRON_OK);
    assert_int_equal(spool_read(&spool, 2, &row, &error), PATRON_OK);
    assert_true(bytes_is(row, "third"));
    assert_int_equal(spool_read(&spool, 1, &row, &error), PATRON_OK);
    assert_int_equal(row.length, 0);
    assert_int_equal(spool_read(&spool, 0, &row, &error), PATRON_OK);
    assert_true(bytes_is(row, "first"));
    assert_int_equal(spool_read(&spool, 3, &row, &error), PATRON_OUT_OF_RANGE);
    spool_close(&spool);
}

/* --- clocks ------------------------------------------------------------------------------------------------------ */

static void clocks_that_differ_by_more_than_a_second_are_said_to(void **state)
{
    (void)state;
    static const struct {
        int64_t store_us, machine_us;
        const char *words;
    } cases[] = {
        {2000000, 1000000, ""},
        {1000000, 2000000, ""},
        {5000000, 0, ""},
        {3000001, 1000000, ", 2 s ahead of the machine's: new events are stamped with it until the machine catches up"},
        {1000000, 61000000, ", 1 min behind the machine's"},
        {1000000, 7140000000, ", 1 h 58 min behind the machine's"},
        {1000000, 86400000000 + 3600000000 + 1000000, ", 1 d 1 h behind the machine's"},
        {1000000, 86400000000 + 61000000, ", 1 d behind the machine's"},
        {INT64_MIN, INT64_MAX, ", 213503982 d 8 h behind the machine's"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[CLOCK_TEXT_MAX];
        assert_string_equal(clock_difference(cases[i].store_us, cases[i].machine_us, text), cases[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks_that_differ_by_more_than_a_second_are_said_to),
        cmocka_unit_test(flags_go_to_their_places_and_the_rest_stays_in_order),
        cmocka_unit_test(wrong_flags_are_explained),
        cmocka_unit_test(help_is_heard_before_anything_behind_it),
        cmocka_unit_test(only_near_words_are_suggested),
        cmocka_unit_test(lengths_of_time_have_a_unit),
        cmocka_unit_test(moments_are_dates_or_microseconds_and_nothing_between),
        cmocka_unit_test(steps_follow_the_calendar),
        cmocka_unit_test(files_write_times_in_many_ways),
        cmocka_unit_test(progress_says_how_far_and_how_long_still),
        cmocka_unit_test(reasons_leave_out_what_is_particular_to_a_row),
        cmocka_unit_test(tables_align_by_characters),
        cmocka_unit_test(text_of_others_never_acts_on_a_terminal),
        cmocka_unit_test(cells_of_a_table_are_as_wide_as_they_are_shown),
        cmocka_unit_test(no_line_of_a_table_ends_with_blanks),
        cmocka_unit_test(doubles_are_written_in_the_fewest_digits_that_read_back),
        cmocka_unit_test(rows_come_sorted_by_time_then_key_then_arrival),
        cmocka_unit_test(rows_set_aside_come_back_by_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
