/* Any bytes as a file of rows: delimited text in every manner, and JSON lines. The first byte chooses.
 *
 * Whatever comes, reading ends, every row that is handed out is one an event may be made of, and its line lies within
 * the file. */
#include "client/event_csv.h"
#include "client/json_lines.h"
#include "tests/fuzz/fuzz.h"

static void row_check_good(const struct event_row *row, struct arena *arena)
{
    uint8_t hash[ROW_HASH_BYTES];
    char id[ROW_ID_TEXT_MAX];
    CHECK(row->line > 0);
    CHECK(row->type.length > 0);
    CHECK(row->time_us >= EVENT_TIME_MIN_US && row->time_us < EVENT_TIME_MAX_US);
    CHECK(bytes_are_utf8(row->type) && bytes_are_utf8(row->id));
    for (size_t i = 0; i < row->identifier_count; i++)
        CHECK(row->identifiers[i].value.length > 0 && bytes_are_utf8(row->identifiers[i].value));
    for (size_t i = 0; i < row->attribute_count; i++) {
        CHECK(bytes_are_utf8(row->attributes[i].text));
        CHECK(row->attributes[i].kind != ROW_DECIMAL || text_is_number(row->attributes[i].text));
    }
    event_row_hash(row, bytes_from_string("fuzz"), arena, hash);
    event_row_id(hash, 0, id);
}

/* A row that breaks is one line behind the one before at least, so no more than there are line ends. */
static size_t rows_max(struct bytes text)
{
    size_t rows = 1;
    for (size_t i = 0; i < text.length; i++)
        rows += text.data[i] == '\n';
    return rows;
}

static void delimited_run(struct bytes text, uint8_t manner)
{
    static const int delimiters[] = {',', ';', '\t', DELIMITER_WHITESPACE};
    static const int quotes[] = {'"', '\'', QUOTE_NONE};
    struct delimited_options delimited_options = {.delimiter = delimiters[manner & 3],
        .quote = quotes[(manner >> 2) % 3],
        .no_header = (manner & 0x40) != 0};
    struct csv_mapping_options options = {.event = "order", .time = "2", .time_format = {.kind = TIME_UNIX}};
    struct lines lines;
    struct delimited delimited;
    struct csv_mapping mapping;
    struct arena arena = {0};
    flag_list_add(&options.identifiers, "email=1");
    flag_list_add(&options.attributes, "amount=3");
    lines_open_bytes(&lines, text);
    if (delimited_open(&delimited, &lines, &delimited_options, NULL) == PATRON_OK) {
        if (csv_mapping_open(&mapping, &options, &delimited, NULL) == PATRON_OK) {
            for (size_t left = rows_max(text);; left--) {
                struct event_row row;
                enum patron_code code = csv_event_next(&mapping, &delimited, &arena, &row, NULL);
                if (row.end)
                    break;
                CHECK(left > 0);
                if (code == PATRON_OK)
                    row_check_good(&row, &arena);
                arena_reset(&arena);
            }
            csv_mapping_close(&mapping);
        }
        delimited_close(&delimited);
    }
    lines_close(&lines);
    arena_clear(&arena);
    flag_list_clear(&options.identifiers);
    flag_list_clear(&options.attributes);
}

static void json_run(struct bytes text)
{
    struct lines lines;
    struct json_lines json;
    struct arena arena = {0};
    lines_open_bytes(&lines, text);
    json_lines_open(&json, &lines);
    for (size_t left = rows_max(text);; left--) {
        struct event_row row;
        enum patron_code code = json_event_next(&json, "order", &arena, &row, NULL);
        if (row.end)
            break;
        CHECK(left > 0);
        if (code == PATRON_OK)
            row_check_good(&row, &arena);
        arena_reset(&arena);
    }
    json_lines_close(&json);
    lines_close(&lines);
    arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct bytes text = bytes_of(data + 1, size - 1);
    if (data[0] == 'j')
        json_run(text);
    else
        delimited_run(text, data[0]);
    return 0;
}
