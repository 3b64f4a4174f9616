/* The id of a row that has none: it hangs on what the row says, never on how it is quoted, spaced or mapped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <sodium.h>

#include "client/event_csv.h"
#include "client/json_lines.h"

enum { ROWS_MAX = 16 };

struct hashes {
    uint8_t of[ROWS_MAX][ROW_HASH_BYTES];
    size_t count;
};

static void hash_add(struct hashes *hashes, const struct event_row *row, struct arena *arena)
{
    assert_true(hashes->count < ROWS_MAX);
    event_row_hash(row, bytes_from_string("orders"), arena, hashes->of[hashes->count++]);
}

static struct hashes mapped_hashes(
    const char *text, struct delimited_options delimited, const char *event, const char *attribute)
{
    struct hashes hashes = {0};
    struct csv_mapping_options options = {.event = event, .time = "2"};
    struct csv_mapping mapping;
    struct lines lines;
    struct delimited reader;
    struct arena arena = {0};
    struct event_row row;
    struct error error;
    flag_list_add(&options.identifiers, "customer_id=1");
    flag_list_add(&options.attributes, attribute);
    assert_int_equal(time_format_parse("%Y%m%d", &options.time_format, &error), PATRON_OK);
    lines_open_bytes(&lines, bytes_from_string(text));
    assert_int_equal(delimited_open(&reader, &lines, &delimited, &error), PATRON_OK);
    assert_int_equal(csv_mapping_open(&mapping, &options, &reader, &error), PATRON_OK);
    for (;;) {
        assert_int_equal(csv_event_next(&mapping, &reader, &arena, &row, &error), PATRON_OK);
        if (row.end)
            break;
        hash_add(&hashes, &row, &arena);
    }
    csv_mapping_close(&mapping);
    delimited_close(&reader);
    lines_close(&lines);
    arena_clear(&arena);
    flag_list_clear(&options.identifiers);
    flag_list_clear(&options.attributes);
    return hashes;
}

static struct hashes csv_hashes(const char *text, struct delimited_options delimited)
{
    return mapped_hashes(text, delimited, "order", "amount=3");
}

static struct hashes json_hashes(const char *text)
{
    struct hashes hashes = {0};
    struct lines lines;
    struct json_lines json;
    struct arena arena = {0};
    struct event_row row;
    struct error error;
    lines_open_bytes(&lines, bytes_from_string(text));
    json_lines_open(&json, &lines);
    for (;;) {
        assert_int_equal(json_event_next(&json, NULL, &arena, &row, &error), PATRON_OK);
        if (row.end)
            break;
        hash_add(&hashes, &row, &arena);
    }
    json_lines_close(&json);
    lines_close(&lines);
    arena_clear(&arena);
    return hashes;
}

static void assert_same(const struct hashes *a, const struct hashes *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->of, b->of, a->count * ROW_HASH_BYTES);
}

static void reformatting_a_file_leaves_its_ids(void **state)
{
    (void)state;
    struct delimited_options csv = {.no_header = true};
    struct delimited_options blanks = {.no_header = true, .delimiter = DELIMITER_WHITESPACE};
    struct hashes plain = csv_hashes("1,19970101,11.77\n2,19970112,12.00\n", csv);
    struct hashes others[] = {
        csv_hashes("1,19970101,11.77\r\n\r\n2,19970112,12.00", csv),
        csv_hashes("\"1\",\"19970101\", 11.77 \n2,19970112,12.00\n", csv),
        csv_hashes("  1 19970101   11.77\n  2 \"19970112\"   12.00\n", blanks),
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_same(&plain, &others[i]);
}

static void another_mapping_gives_a_row_the_same_id(void **state)
{
    (void)state;
    static const char text[] = "1,19970101,11.77,9\n2,19970112,12.00,8\n";
    struct delimited_options csv = {.no_header = true};
    struct hashes plain = csv_hashes(text, csv);
    struct hashes others[] = {
        mapped_hashes(text, csv, "order", "amount=4"),
        mapped_hashes(text, csv, "order", "total=3"),
        mapped_hashes(text, csv, "visit", "amount=3"),
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_same(&plain, &others[i]);
}

static void every_column_plays_its_part(void **state)
{
    (void)state;
    struct delimited_options csv = {.no_header = true};
    struct hashes rows = csv_hashes("1,19970101,11.77,a\n1,19970101,11.77,b\n1,19970101,11.77,\n"
                                    "1,19970101,11.77\n1,19970101,11.77,,a\n1,19970101,11.77,\",a\"\n",
        csv);
    assert_int_equal(rows.count, 6);
    for (size_t i = 0; i < rows.count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(rows.of[i], rows.of[j], ROW_HASH_BYTES);
    }
}

static void the_order_of_keys_does_not_matter_but_that_of_values_does(void **state)
{
    (void)state;
    struct hashes a =
        json_hashes("{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":[\"1\",\"2\"],\"b\":\"3\"},"
                    "\"attributes\":{\"x\":1,\"y\":2}}");
    struct hashes b =
        json_hashes("{\"type\":\"o\",\"time\":0,\"identifiers\":{\"b\":\"3\",\"a\":[\"1\",\"2\"]},"
                    "\"attributes\":{\"y\":2,\"x\":1}}");
    struct hashes c =
        json_hashes("{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":[\"2\",\"1\"],\"b\":\"3\"},"
                    "\"attributes\":{\"x\":1,\"y\":2}}");
    assert_same(&a, &b);
    assert_memory_not_equal(a.of[0], c.of[0], ROW_HASH_BYTES);
}

static void every_part_of_a_row_plays_its_part(void **state)
{
    (void)state;
    struct hashes rows =
        json_hashes("{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"1\"},\"attributes\":{\"x\":1}}\n"
                    "{\"type\":\"p\",\"time\":0,\"identifiers\":{\"a\":\"1\"},\"attributes\":{\"x\":1}}\n"
                    "{\"type\":\"o\",\"time\":1,\"identifiers\":{\"a\":\"1\"},\"attributes\":{\"x\":1}}\n"
                    "{\"type\":\"o\",\"time\":0,\"identifiers\":{\"b\":\"1\"},\"attributes\":{\"x\":1}}\n"
                    "{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"2\"},\"attributes\":{\"x\":1}}\n"
                    "{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"1\"},\"attributes\":{\"y\":1}}\n"
                    "{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"1\"},\"attributes\":{\"x\":2}}\n"
                    "{\"type\":\"o\",\"time\":0,\"identifiers\":{\"a\":\"1\"}}\n");
    for (size_t i = 0; i < rows.count; i++) {
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(rows.of[i], rows.of[j], ROW_HASH_BYTES);
    }
}

static void equal_rows_get_ids_by_their_ordinal(void **state)
{
    (void)state;
    uint8_t hash[ROW_HASH_BYTES] = {1};
    char first[ROW_ID_TEXT_MAX], second[ROW_ID_TEXT_MAX], again[ROW_ID_TEXT_MAX];
    event_row_id(hash, 0, first);
    event_row_id(hash, 1, second);
    event_row_id(hash, 0, again);
    assert_string_equal(first, again);
    assert_string_not_equal(first, second);
    assert_int_equal(strlen(first), 32);
}

/* Ids are on disk in every store that was ever loaded: this one must never change. */
static void the_bytes_of_an_id_are_those_of_its_specification(void **state)
{
    (void)state;
    static const uint8_t row[] = "\x05\0\0\0order\x06\0\0\0orders"
                                 "\0\0\0\0\0\0\0\0"
                                 "\x01\0\0\0\x01\0\0\0a\x01\0\0\0"
                                 "1"
                                 "\x01\0\0\0\x06\0\0\0amount\x05\0\0\0"
                                 "11.77";
    uint8_t expected[ROW_HASH_BYTES], input[ROW_HASH_BYTES + 8] = {0}, digest[ROW_HASH_BYTES];
    crypto_generichash(expected, sizeof expected, row, sizeof row - 1, NULL, 0);
    struct hashes hashes = json_hashes(
        "{\"type\":\"order\",\"time\":0,\"identifiers\":{\"a\":\"1\"},\"attributes\":{\"amount\":11.77}}");
    assert_memory_equal(hashes.of[0], expected, sizeof expected);

    static const uint8_t fields[] = "\0\0\0\0\x06\0\0\0orders\x03\0\0\0\x01\0\0\0"
                                    "1\x08\0\0\0"
                                    "19970101\x05\0\0\0"
                                    "11.77";
    crypto_generichash(input, ROW_HASH_BYTES, fields, sizeof fields - 1, NULL, 0);
    struct hashes csv = csv_hashes("1,19970101,\"11.77\"\n", (struct delimited_options){.no_header = true});
    assert_memory_equal(csv.of[0], input, ROW_HASH_BYTES);

    char id[ROW_ID_TEXT_MAX], expected_id[ROW_ID_TEXT_MAX];
    memcpy(input, expected, sizeof expected);
    input[ROW_HASH_BYTES] = 3;
    crypto_generichash(digest, sizeof digest, input, sizeof input, NULL, 0);
    sodium_bin2hex(expected_id, sizeof expected_id, digest, sizeof digest);
    event_row_id(hashes.of[0], 3, id);
    assert_string_equal(id, expected_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reformatting_a_file_leaves_its_ids),
        cmocka_unit_test(another_mapping_gives_a_row_the_same_id),
        cmocka_unit_test(every_column_plays_its_part),
        cmocka_unit_test(the_order_of_keys_does_not_matter_but_that_of_values_does),
        cmocka_unit_test(every_part_of_a_row_plays_its_part),
        cmocka_unit_test(equal_rows_get_ids_by_their_ordinal),
        cmocka_unit_test(the_bytes_of_an_id_are_those_of_its_specification),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
