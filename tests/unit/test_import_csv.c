#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/delimited.h"
#include "client/event_csv.h"

/* --- everything there is in a text: fields joined by |, rows by line ends, broken rows as !LINE ------------------- */

enum { READ_TEXT_MAX = 8192 };

static void read_all(const char *text, const struct delimited_options *options, char out[READ_TEXT_MAX])
{
    struct lines lines;
    struct delimited delimited;
    struct error error;
    size_t length = 0;
    lines_open_bytes(&lines, bytes_from_string(text));
    assert_int_equal(delimited_open(&delimited, &lines, options, &error), PATRON_OK);
    for (;;) {
        struct delimited_row row;
        enum patron_code code = delimited_next(&delimited, &row, &error);
        if (row.end)
            break;
        length += (size_t)snprintf(out + length, READ_TEXT_MAX - length,
            "%s%llu:", code == PATRON_OK ? "" : "!", (unsigned long long)row.line);
        for (size_t i = 0; code == PATRON_OK && i < row.count; i++)
            length += (size_t)snprintf(out + length, READ_TEXT_MAX - length, "%s%.*s", i > 0 ? "|" : "",
                BYTES_ARGUMENTS(row.fields[i]));
        length += (size_t)snprintf(out + length, READ_TEXT_MAX - length, "\n");
        assert_true(length < READ_TEXT_MAX);
    }
    out[length] = '\0';
    delimited_close(&delimited);
    lines_close(&lines);
}

static void expect(const char *text, struct delimited_options options, const char *expected)
{
    char out[READ_TEXT_MAX];
    options.no_header = true;
    read_all(text, &options, out);
    assert_string_equal(out, expected);
}

static void rows_of_commas_are_read_whatever_their_line_ends(void **state)
{
    (void)state;
    struct delimited_options csv = {0};
    expect("a,b\nc,d\n", csv, "1:a|b\n2:c|d\n");
    expect("a,b\r\nc,d\r\n", csv, "1:a|b\n2:c|d\n");
    expect("a,b\nc,d", csv, "1:a|b\n2:c|d\n");
    expect("\xef\xbb\xbf"
           "a,b\r\n",
        csv, "1:a|b\n");
    expect("", csv, "");
    expect("\n\r\n  \n", csv, "");
}

static void blanks_around_fields_and_blank_lines_do_not_count(void **state)
{
    (void)state;
    struct delimited_options csv = {0};
    expect("\n  a , b\t\n\n\n c,,\n", csv, "2:a|b\n5:c||\n");
}

static void quotes_hold_delimiters_quotes_and_line_ends(void **state)
{
    (void)state;
    struct delimited_options csv = {0};
    expect("\"a,1\",\"say \"\"hi\"\"\"\n\"two\nlines\",x\nlast,y\n", csv,
        "1:a,1|say \"hi\"\n2:two\nlines|x\n4:last|y\n");
    expect("\" a \" , \"\"\r\n", csv, "1:a|\n");
    expect("'a,1','it''s'\n", (struct delimited_options){.quote = '\''}, "1:a,1|it's\n");
}

static void an_open_quote_costs_one_row_and_not_the_rest(void **state)
{
    (void)state;
    struct delimited_options csv = {0};
    expect("a,b\n\"c,d\ne,f\ng,h\n", csv, "1:a|b\n!2:\n3:e|f\n4:g|h\n");
    /* The quote of line 2 pairs with the one of line 4, and what follows that one is no delimiter. */
    expect("a,b\n\"c,d\ne,f\n\"g\",h\n", csv, "1:a|b\n!2:\n3:e|f\n4:g|h\n");
    expect("a,b\nx\"y,d\ne,f\n", csv, "1:a|b\n!2:\n3:e|f\n");
    expect("\"a\"b,c\nd,e\n", csv, "!1:\n2:d|e\n");
}

static void quotes_mean_nothing_where_the_user_says_so(void **state)
{
    (void)state;
    struct delimited_options plain = {.quote = QUOTE_NONE};
    expect("5\" pipe,\"x\n\"y\",z\n", plain, "1:5\" pipe|\"x\n2:\"y\"|z\n");
    expect("a,,\n,\n", plain, "1:a||\n2:|\n");
}

static void any_character_may_set_columns_apart(void **state)
{
    (void)state;
    expect("a;b,c\n", (struct delimited_options){.delimiter = ';'}, "1:a|b,c\n");
    expect("a\tb\t\n\t\t\n", (struct delimited_options){.delimiter = '\t'}, "1:a|b|\n2:||\n");
    expect("a|b\n", (struct delimited_options){.delimiter = '|'}, "1:a|b\n");
    expect("a  b\n", (struct delimited_options){.delimiter = ' '}, "1:a||b\n");
}

static void runs_of_blanks_set_columns_apart(void **state)
{
    (void)state;
    struct delimited_options blanks = {.delimiter = DELIMITER_WHITESPACE};
    expect(" 00001 19970101  1   11.77\r\n\r\n 00002 19970112  1   12.00 \r\n", blanks,
        "1:00001|19970101|1|11.77\n3:00002|19970112|1|12.00\n");
    expect("\"Ada King\" \t \"say \"\"hi\"\"\" x\n\"\" \" a \"\n", blanks, "1:Ada King|say \"hi\"|x\n2:|a\n");
    expect("a\n\"b c\nd\"e\n\"f\"g\nh", blanks, "1:a\n!2:\n!3:\n!4:\n5:h\n");
    blanks.quote = '\'';
    expect("'a b' c\"d", blanks, "1:a b|c\"d\n");
    blanks.quote = QUOTE_NONE;
    expect("\"a b\" 5\"\n", blanks, "1:\"a|b\"|5\"\n");
}

static void delimiters_and_quotes_are_named_on_the_command_line(void **state)
{
    (void)state;
    struct delimited_options options;
    struct error error;
    assert_int_equal(delimited_options_parse("tab", "none", &options, &error), PATRON_OK);
    assert_int_equal(options.delimiter, '\t');
    assert_int_equal(options.quote, QUOTE_NONE);
    assert_int_equal(delimited_options_parse("whitespace", NULL, &options, &error), PATRON_OK);
    assert_int_equal(options.delimiter, DELIMITER_WHITESPACE);
    assert_int_equal(delimited_options_parse(";;", NULL, &options, &error), PATRON_INVALID);
    assert_int_equal(delimited_options_parse("'", "'", &options, &error), PATRON_INVALID);
    assert_int_equal(delimited_options_parse(NULL, "\n", &options, &error), PATRON_INVALID);
}

static void an_overlong_line_is_one_broken_row(void **state)
{
    (void)state;
    size_t length = ROW_BYTES_MAX + 100;
    char *text = malloc(length + 100);
    memset(text, 'x', length);
    snprintf(text + length, 100, "\na,b\n\"open,c\n");
    struct delimited_options csv = {0};
    expect(text, csv, "!1:\n2:a|b\n!3:\n");
    free(text);
}

/* --- rows to events ---------------------------------------------------------------------------------------------- */

struct reader {
    struct lines lines;
    struct delimited delimited;
    struct csv_mapping mapping;
    struct csv_mapping_options options;
    struct arena arena;
};

static enum patron_code reader_open(
    struct reader *reader, const char *text, struct delimited_options delimited, struct error *error)
{
    lines_open_bytes(&reader->lines, bytes_from_string(text));
    enum patron_code code = delimited_open(&reader->delimited, &reader->lines, &delimited, error);
    if (code == PATRON_OK)
        code = csv_mapping_open(&reader->mapping, &reader->options, &reader->delimited, error);
    return code;
}

static void reader_close(struct reader *reader)
{
    if (reader->mapping.options)
        csv_mapping_close(&reader->mapping);
    delimited_close(&reader->delimited);
    lines_close(&reader->lines);
    arena_clear(&reader->arena);
    flag_list_clear(&reader->options.identifiers);
    flag_list_clear(&reader->options.attributes);
    flag_list_clear(&reader->options.texts);
}

static enum patron_code next(struct reader *reader, struct event_row *row, struct error *error)
{
    return csv_event_next(&reader->mapping, &reader->delimited, &reader->arena, row, error);
}

static struct reader orders_reader(void)
{
    struct reader reader = {.options = {.event = "order", .time = "date"}};
    flag_list_add(&reader.options.identifiers, "email=mail");
    flag_list_add(&reader.options.identifiers, "customer_id=who");
    flag_list_add(&reader.options.attributes, "amount=total");
    flag_list_add(&reader.options.attributes, "sku=article");
    flag_list_add(&reader.options.attributes, "promo=promo");
    flag_list_add(&reader.options.texts, "sku");
    return reader;
}

static const char orders[] = "who,date,total,article,promo,mail,ignored\n"
                             "7,2024-05-01T10:00:00Z, 12.50 ,0815,true,ada@example.org,x\n"
                             ",2024-05-02,,,,ada@example.org,x\n";

static void a_row_becomes_an_event_by_the_mapping(void **state)
{
    (void)state;
    struct reader reader = orders_reader();
    struct event_row row;
    struct error error;
    assert_int_equal(reader_open(&reader, orders, (struct delimited_options){0}, &error), PATRON_OK);
    assert_int_equal(next(&reader, &row, &error), PATRON_OK);
    assert_int_equal(row.line, 2);
    assert_true(bytes_is(row.type, "order"));
    assert_int_equal(row.time_us, INT64_C(1714557600000000));
    assert_int_equal(row.identifier_count, 2);
    assert_true(bytes_is(row.identifiers[0].type, "email"));
    assert_true(bytes_is(row.identifiers[0].value, "ada@example.org"));
    assert_true(bytes_is(row.identifiers[1].value, "7"));
    assert_int_equal(row.attribute_count, 3);
    assert_true(bytes_is(row.attributes[0].text, "12.50"));
    assert_int_equal(row.attributes[0].kind, ROW_DECIMAL);
    assert_true(bytes_is(row.attributes[1].text, "0815"));
    assert_int_equal(row.attributes[1].kind, ROW_TEXT);
    assert_int_equal(row.attributes[2].kind, ROW_FLAG);

    assert_int_equal(next(&reader, &row, &error), PATRON_OK);
    assert_int_equal(row.line, 3);
    assert_int_equal(row.identifier_count, 1);
    assert_int_equal(row.attribute_count, 0);
    assert_int_equal(next(&reader, &row, &error), PATRON_OK);
    assert_true(row.end);
    reader_close(&reader);
}

static void columns_are_found_by_number_too(void **state)
{
    (void)state;
    struct reader reader = {.options = {.event_column = "1", .time = "2", .id = "4"}};
    struct event_row row;
    struct error error;
    flag_list_add(&reader.options.identifiers, "customer_id=3");
    assert_int_equal(time_format_parse("%Y%m%d", &reader.options.time_format, &error), PATRON_OK);
    assert_int_equal(
        reader_open(&reader, "visit,19970101,1,v1\n", (struct delimited_options){.no_header = true}, &error),
        PATRON_OK);
    assert_int_equal(next(&reader, &row, &error), PATRON_OK);
    assert_true(bytes_is(row.type, "visit"));
    assert_true(bytes_is(row.id, "v1"));
    assert_int_equal(row.time_us, INT64_C(852076800000000));
    reader_close(&reader);
}

static void a_column_that_is_not_there_is_named_with_the_nearest(void **state)
{
    (void)state;
    struct reader reader = orders_reader();
    struct error error;
    reader.options.time = "dates";
    assert_int_equal(reader_open(&reader, orders, (struct delimited_options){0}, &error), PATRON_INVALID);
    assert_non_null(strstr(error.text, "did you mean 'date'"));
    reader_close(&reader);

    reader = orders_reader();
    assert_int_equal(
        reader_open(&reader, "who,date,date,mail\n", (struct delimited_options){0}, &error), PATRON_INVALID);
    assert_non_null(strstr(error.text, "2 columns are called 'date'"));
    reader_close(&reader);
}

static void broken_rows_are_named_by_their_line_and_the_rest_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *row, *words;
    } broken[] = {
        {"7,yesterday,1,2,,a@x.org,x", "yesterday"},
        {"7,2024-02-30,1,2,,a@x.org,x", "2024-02-30"},
        {"7,,1,2,,a@x.org,x", "is not a time"},
        {"7,1850-01-01,1,2,,a@x.org,x", "1850"},
        {"7,2250-01-01,1,2,,a@x.org,x", "2250"},
        {"7,2024-01-01,1", "3 columns and the header 7"},
        {"7,2024-01-01,1,2,3,4,5,6", "8 columns and the header 7"},
        {"7,2024-01-01,1,2,,a\xff@x.org,x", "UTF-8"},
    };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char text[1024];
        struct reader reader = orders_reader();
        struct event_row row;
        struct error error;
        snprintf(text, sizeof text, "%s%s\n8,2024-05-03,1,2,,b@x.org,x\n", orders, broken[i].row);
        assert_int_equal(reader_open(&reader, text, (struct delimited_options){0}, &error), PATRON_OK);
        assert_int_equal(next(&reader, &row, &error), PATRON_OK);
        assert_int_equal(next(&reader, &row, &error), PATRON_OK);
        assert_int_not_equal(next(&reader, &row, &error), PATRON_OK);
        assert_int_equal(row.line, 4);
        assert_non_null(strstr(error.text, broken[i].words));
        assert_int_equal(next(&reader, &row, &error), PATRON_OK);
        assert_int_equal(row.line, 5);
        reader_close(&reader);
    }
}

static void a_byte_of_zero_breaks_the_row_it_is_in(void **state)
{
    (void)state;
    static const char text[] = "who,date,total,article,promo,mail,ignored\n7,2024-01-01,1,2,,a\0b,x\n";
    struct reader reader = orders_reader();
    struct event_row row;
    struct error error;
    struct delimited_options csv = {0};
    lines_open_bytes(&reader.lines, bytes_of(text, sizeof text - 1));
    assert_int_equal(delimited_open(&reader.delimited, &reader.lines, &csv, &error), PATRON_OK);
    assert_int_equal(
        csv_mapping_open(&reader.mapping, &reader.options, &reader.delimited, &error), PATRON_OK);
    assert_int_equal(next(&reader, &row, &error), PATRON_INVALID);
    assert_non_null(strstr(error.text, "NUL"));
    reader_close(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_commas_are_read_whatever_their_line_ends),
        cmocka_unit_test(blanks_around_fields_and_blank_lines_do_not_count),
        cmocka_unit_test(quotes_hold_delimiters_quotes_and_line_ends),
        cmocka_unit_test(an_open_quote_costs_one_row_and_not_the_rest),
        cmocka_unit_test(quotes_mean_nothing_where_the_user_says_so),
        cmocka_unit_test(any_character_may_set_columns_apart),
        cmocka_unit_test(runs_of_blanks_set_columns_apart),
        cmocka_unit_test(delimiters_and_quotes_are_named_on_the_command_line),
        cmocka_unit_test(an_overlong_line_is_one_broken_row),
        cmocka_unit_test(a_row_becomes_an_event_by_the_mapping),
        cmocka_unit_test(columns_are_found_by_number_too),
        cmocka_unit_test(a_column_that_is_not_there_is_named_with_the_nearest),
        cmocka_unit_test(broken_rows_are_named_by_their_line_and_the_rest_is_read),
        cmocka_unit_test(a_byte_of_zero_breaks_the_row_it_is_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
