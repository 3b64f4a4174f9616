#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "client/json_lines.h"

struct reader {
    struct lines lines;
    struct json_lines json;
    struct arena arena;
};

static void reader_open(struct reader *reader, const char *text)
{
    *reader = (struct reader){0};
    lines_open_bytes(&reader->lines, bytes_from_string(text));
    json_lines_open(&reader->json, &reader->lines);
}

static void reader_close(struct reader *reader)
{
    json_lines_close(&reader->json);
    lines_close(&reader->lines);
    arena_clear(&reader->arena);
}

static enum patron_code next(struct reader *reader, struct event_row *row, struct error *error)
{
    return json_event_next(&reader->json, NULL, &reader->arena, row, error);
}

static void a_line_becomes_an_event(void **state)
{
    (void)state;
    struct reader reader;
    struct event_row row;
    struct error error;
    reader_open(&reader, "\n{\"type\": \"order\", \"id\": \"o1\", \"time\": \"2024-05-01T10:00:00.5Z\", "
                         "\"identifiers\": {\"email\": "
                         "\"ada@example.org\", \"device\": [\"d1\", \"d2\"], \"phone\": null}, "
                         "\"attributes\": {\"amount\": 12.50, "
                         "\"items\": 3, \"promo\": true, \"sku\": \"0815\", \"none\": null}}\r\n");
    assert_int_equal(next(&reader, &row, &error), PATRON_OK);
    assert_int_equal(row.line, 2);
    assert_true(bytes_is(row.id, "o1"));
    assert_int_equal(row.time_us, INT64_C(1714557600500000));
    assert_int_equal(row.identifier_count, 3);
    assert_true(bytes_is(row.identifiers[2].value, "d2"));
    assert_int_equal(row.attribute_count, 4);
    assert_true(bytes_is(row.attributes[0].text, "12.50"));
    assert_int_equal(row.attributes[0].kind, ROW_DECIMAL);
    assert_int_equal(row.attributes[1].kind, ROW_INTEGER);
    assert_int_equal(row.attributes[2].kind, ROW_FLAG);
    assert_int_equal(row.attributes[3].kind, ROW_TEXT);
    assert_int_equal(next(&reader, &row, &error), PATRON_OK);
    assert_true(row.end);
    reader_close(&reader);
}

static void numbers_keep_the_digits_they_are_written_with(void **state)
{
    (void)state;
    static const char *const numbers[] = {"0.1", "12.50", "1e3", "-0.000001", "9007199254740993",
        "18446744073709551615", "100000000000000000000.5"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[256];
        struct reader reader;
        struct event_row row;
        struct error error;
        snprintf(text, sizeof text,
            "{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"1\"},\"attributes\":{\"x\":%s}}",
            numbers[i]);
        reader_open(&reader, text);
        assert_int_equal(next(&reader, &row, &error), PATRON_OK);
        assert_true(bytes_is(row.attributes[0].text, numbers[i]));
        reader_close(&reader);
    }
}

static void broken_lines_are_named_and_the_rest_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *line, *words;
    } broken[] = {
        {"{\"type\": \"o\"", "ends within"},
        {"[1]", "not a JSON object"},
        {"7", "not a JSON object"},
        {"{} {}", "column 4"},
        {"{type: 1}", "column 2"},
        {"{\"type\":\"o\",\"identifiers\":{\"a\":\"1\"}}", "no \"time\""},
        {"{\"type\":\"o\",\"time\":\"noon\",\"identifiers\":{\"a\":\"1\"}}", "noon"},
        {"{\"type\":\"o\",\"time\":1.5,\"identifiers\":{\"a\":\"1\"}}", "1.5"},
        {"{\"type\":\"o\",\"time\":99999999999999999,\"identifiers\":{\"a\":\"1\"}}", "outside 1900 to 2200"},
        {"{\"time\":0,\"identifiers\":{\"a\":\"1\"}}", "type"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":{}}}", "a is not"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":[[]]}}", "a is not"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":[\"a\"]}", "not an object"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"1\"},\"attributes\":{\"x\":[1]}}", "x is not"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"1\"},\"attributes\":{\"x\":NaN}}", "NaN"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"1\"},\"attrs\":{}}", "attrs"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"1\\u0000\"}}", "NUL"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"\xff\"}}", "utf-8"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"\\ud800\"}}", "column 42: \\ud800 is half"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"\\uDC00x\"}}", "\\uDC00 is half"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"\\ud83d\\u0041\"}}", "\\ud83d is half"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"\\udfff\":\"1\"}}", "\\udfff is half"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\\u0000b\":\"1\"}}", "NUL"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"1\"},\"type\":\"p\"}",
            "\"type\" is given twice"},
        {"{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"1\",\"b\":\"{:\",\"\\u0061\":\"2\"}}",
            "\"a\" is given"},
        {"{\"a\":[{\"x\":1},{\"x\":1,\"y\\\"\":2,\"y\\\"\":2}]}", "is given twice"},
        {"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}}", "nesting"},
    };
    static const char good[] = "{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"1\"}}";
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char text[1024];
        struct reader reader;
        struct event_row row;
        struct error error;
        snprintf(text, sizeof text, "%s\n%s\n%s\n", good, broken[i].line, good);
        reader_open(&reader, text);
        assert_int_equal(next(&reader, &row, &error), PATRON_OK);
        assert_int_not_equal(next(&reader, &row, &error), PATRON_OK);
        assert_int_equal(row.line, 2);
        if (!strcasestr(error.text, broken[i].words))
            fail_msg("%s: %s", broken[i].line, error.text);
        assert_int_equal(next(&reader, &row, &error), PATRON_OK);
        assert_int_equal(row.line, 3);
        assert_int_equal(next(&reader, &row, &error), PATRON_OK);
        assert_true(row.end);
        reader_close(&reader);
    }
}

/* Whether it may have none the server knows: a shared cost has not. */
static void a_line_without_identifiers_is_read(void **state)
{
    (void)state;
    struct reader reader;
    struct event_row row;
    struct error error;
    reader_open(&reader, "{\"type\":\"o\",\"time\":0}\n");
    assert_int_equal(next(&reader, &row, &error), PATRON_OK);
    assert_int_equal(row.identifier_count, 0);
    assert_false(row.end);
    reader_close(&reader);
}

static void escapes_and_keys_that_are_whole_are_taken(void **state)
{
    (void)state;
    struct reader reader;
    struct event_row row;
    struct error error;
    reader_open(&reader,
        "{\"type\":\"o\",\"time\":0,\"identifiers\":{\"x\":\"\\ud83d\\ude00\",\"y\":\"a:b\\\\ud800\"},"
        "\"attributes\":{\"x\":\"\\\"{\\u00e9\",\"y\":\":\"}}\n");
    assert_int_equal(next(&reader, &row, &error), PATRON_OK);
    assert_true(bytes_is(row.identifiers[0].value, "\xf0\x9f\x98\x80"));
    assert_true(bytes_is(row.identifiers[1].value, "a:b\\ud800"));
    assert_true(bytes_is(row.attributes[0].text, "\"{\xc3\xa9"));
    reader_close(&reader);
}

static void the_type_may_come_from_the_command_line(void **state)
{
    (void)state;
    struct reader reader;
    struct event_row row;
    struct error error;
    reader_open(&reader,
        "{\"time\":0,\"identifiers\":{\"a\":\"1\"}}\n{\"type\":\"p\",\"time\":0,\"identifiers\":{\"a\":1}}");
    assert_int_equal(json_event_next(&reader.json, "order", &reader.arena, &row, &error), PATRON_OK);
    assert_true(bytes_is(row.type, "order"));
    assert_int_equal(json_event_next(&reader.json, "order", &reader.arena, &row, &error), PATRON_OK);
    assert_true(bytes_is(row.type, "p"));
    assert_true(bytes_is(row.identifiers[0].value, "1"));
    reader_close(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_becomes_an_event),
        cmocka_unit_test(numbers_keep_the_digits_they_are_written_with),
        cmocka_unit_test(broken_lines_are_named_and_the_rest_is_read),
        cmocka_unit_test(a_line_without_identifiers_is_read),
        cmocka_unit_test(escapes_and_keys_that_are_whole_are_taken),
        cmocka_unit_test(the_type_may_come_from_the_command_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
