#include "client/delimited.h"

#include <string.h>

#include "client/flags.h"
#include "store/base/arena.h"

enum patron_code delimited_options_parse(
    const char *delimiter, const char *quote, struct delimited_options *options, struct error *error)
{
    options->delimiter = ',';
    options->quote = '"';
    if (delimiter) {
        if (strcmp(delimiter, "whitespace") == 0)
            options->delimiter = DELIMITER_WHITESPACE;
        else if (strcmp(delimiter, "tab") == 0 || strcmp(delimiter, "\\t") == 0)
            options->delimiter = '\t';
        else if (strcmp(delimiter, "comma") == 0)
            options->delimiter = ',';
        else if (strlen(delimiter) == 1 && strchr("\r\n", delimiter[0]) == NULL)
            options->delimiter = (uint8_t)delimiter[0];
        else
            return error_set(error, PATRON_INVALID,
                "'%.20s' is not a delimiter: write one character, tab, or whitespace", delimiter);
    }
    if (quote) {
        if (strcmp(quote, "none") == 0)
            options->quote = QUOTE_NONE;
        else if (strlen(quote) == 1 && strchr("\r\n \t", quote[0]) == NULL)
            options->quote = (uint8_t)quote[0];
        else
            return error_set(
                error, PATRON_INVALID, "'%.20s' is not a quote: write one character, or none", quote);
    }
    if (options->quote == options->delimiter && options->quote != QUOTE_NONE)
        return error_set(error, PATRON_INVALID, "the delimiter and the quote are the same");
    return PATRON_OK;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static struct bytes trimmed(struct bytes field)
{
    while (field.length > 0 && is_blank(field.data[0])) {
        field.data++;
        field.length--;
    }
    while (field.length > 0 && is_blank(field.data[field.length - 1]))
        field.length--;
    return field;
}

static void text_reserve(struct delimited *delimited, size_t length)
{
    if (delimited->text_capacity - delimited->text_length >= length)
        return;
    delimited->text_capacity = (delimited->text_length + length) * 2;
    delimited->text = memory_resize(delimited->text, delimited->text_capacity);
}

/* The field may lie in the reserved part of the text itself. */
static void field_add(struct delimited *delimited, struct bytes field)
{
    field = trimmed(field);
    if (delimited->count == delimited->capacity) {
        delimited->capacity = delimited->capacity ? delimited->capacity * 2 : 32;
        delimited->ends = memory_resize(delimited->ends, delimited->capacity * sizeof *delimited->ends);
    }
    text_reserve(delimited, field.length);
    if (field.length > 0)
        memmove(delimited->text + delimited->text_length, field.data, field.length);
    delimited->text_length += field.length;
    delimited->ends[delimited->count++] = delimited->text_length;
}

static void csv_field(void *data, size_t length, void *context)
{
    field_add(context, bytes_of(data, length));
}

static void csv_row(int terminator, void *context)
{
    (void)terminator;
    struct delimited *delimited = context;
    delimited->row_ended = true;
}

/* A row ends with a line feed alone; the carriage return before it is a blank like others. */
static int csv_is_space(unsigned char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r';
}

static int csv_is_end(unsigned char byte)
{
    return byte == '\n';
}

static void parser_start(struct delimited *delimited)
{
    int status = csv_init(&delimited->parser, CSV_STRICT | CSV_STRICT_FINI);
    CHECK(status == 0);
    csv_set_delim(&delimited->parser, (unsigned char)delimited->options.delimiter);
    csv_set_quote(&delimited->parser, (unsigned char)delimited->options.quote);
    csv_set_space_func(&delimited->parser, csv_is_space);
    csv_set_term_func(&delimited->parser, csv_is_end);
    csv_set_blk_size(&delimited->parser, 4096);
}

static bool uses_libcsv(const struct delimited *delimited)
{
    return delimited->options.quote != QUOTE_NONE && delimited->options.delimiter != DELIMITER_WHITESPACE;
}

static enum patron_code quote_misplaced(struct error *error)
{
    return error_set(error, PATRON_INVALID,
        "a quote stands where none may be (within a field, double it; if quotes mean nothing here: "
        "--quote none)");
}

static enum patron_code quote_unclosed(struct error *error)
{
    return error_set(error, PATRON_INVALID,
        "a quote is opened and never closed (if quotes mean nothing here: --quote none)");
}

/* The field whose opening quote stands at *at; *at moves behind the closing one. */
static enum patron_code quoted_field_add(
    struct delimited *delimited, struct bytes line, size_t *at, struct error *error)
{
    const int quote = delimited->options.quote;
    text_reserve(delimited, line.length);
    uint8_t *text = delimited->text + delimited->text_length;
    size_t length = 0;
    for (size_t i = *at + 1; i < line.length; i++) {
        if (line.data[i] == quote) {
            bool doubled = i + 1 < line.length && line.data[i + 1] == quote;
            if (!doubled) {
                field_add(delimited, bytes_of(text, length));
                *at = i + 1;
                return PATRON_OK;
            }
            i++;
        }
        text[length++] = line.data[i];
    }
    return quote_unclosed(error);
}

static enum patron_code split_whitespace(struct delimited *delimited, struct bytes line, struct error *error)
{
    for (size_t at = 0; at < line.length;) {
        if (is_blank(line.data[at])) {
            at++;
            continue;
        }
        if (line.data[at] == delimited->options.quote) {
            TRY(quoted_field_add(delimited, line, &at, error));
            if (at < line.length && !is_blank(line.data[at]))
                return quote_misplaced(error);
            continue;
        }
        size_t begin = at;
        for (; at < line.length && !is_blank(line.data[at]); at++) {
            if (line.data[at] == delimited->options.quote)
                return quote_misplaced(error);
        }
        field_add(delimited, bytes_of(line.data + begin, at - begin));
    }
    return PATRON_OK;
}

static void split_plain(struct delimited *delimited, struct bytes line)
{
    size_t begin = 0;
    for (size_t at = 0; at <= line.length; at++) {
        if (at == line.length || line.data[at] == delimited->options.delimiter) {
            field_add(delimited, bytes_of(line.data + begin, at - begin));
            begin = at + 1;
        }
    }
}

/* Whether nothing stands on the line. A delimiter that is a blank by itself makes columns, not blankness. */
static bool line_is_blank(const struct delimited *delimited, struct bytes line)
{
    for (size_t i = 0; i < line.length; i++) {
        if (!is_blank(line.data[i]) || line.data[i] == delimited->options.delimiter)
            return false;
    }
    return true;
}

/* Hand one line to libcsv; it calls back for the fields, and for the row if it ended there. */
static enum patron_code csv_line(struct delimited *delimited, struct bytes line, struct error *error)
{
    if (csv_parse(&delimited->parser, line.data, line.length, csv_field, csv_row, delimited) != line.length)
        return quote_misplaced(error);
    bool last = line.length == 0 || line.data[line.length - 1] != '\n';
    if (last && !delimited->row_ended && csv_fini(&delimited->parser, csv_field, csv_row, delimited) != 0)
        return quote_unclosed(error);
    if (last)
        delimited->row_ended = true;
    return PATRON_OK;
}

/* The row by libcsv that begins with `line`. After a failure the next row to read begins behind that line. */
static enum patron_code csv_row_read(struct delimited *delimited, struct bytes line, struct error *error)
{
    struct lines_place second = lines_place(delimited->lines);
    enum patron_code code = csv_line(delimited, line, error);
    while (code == PATRON_OK && !delimited->row_ended) {
        code = lines_next(delimited->lines, &line, error);
        if (code == PATRON_INVALID)
            error_set(error, code, "a quote is opened and not closed within %d bytes", ROW_BYTES_MAX);
        if (code == PATRON_OK)
            code = csv_line(delimited, line, error);
    }
    if (code == PATRON_INVALID) {
        csv_free(&delimited->parser);
        parser_start(delimited);
        lines_return(delimited->lines, second);
    }
    return code;
}

static enum patron_code row_read(struct delimited *delimited, struct delimited_row *row, struct error *error)
{
    struct bytes line;
    do {
        lines_mark(delimited->lines);
        enum patron_code code = lines_next(delimited->lines, &line, error);
        if (code == PATRON_INVALID) {
            TRY(lines_skip(delimited->lines, error));
            row->line = delimited->lines->number;
            return error_set(error, PATRON_INVALID, "the line is longer than %d bytes", ROW_BYTES_MAX);
        }
        TRY(code);
        if (line.length == 0) {
            row->end = true;
            return PATRON_OK;
        }
    } while (line_is_blank(delimited, line));
    row->line = delimited->lines->number;
    delimited->count = delimited->text_length = 0;
    delimited->row_ended = false;
    if (uses_libcsv(delimited))
        TRY(csv_row_read(delimited, line, error));
    else if (delimited->options.delimiter == DELIMITER_WHITESPACE)
        TRY(split_whitespace(delimited, line, error));
    else
        split_plain(delimited, line);
    return PATRON_OK;
}

enum patron_code delimited_next(struct delimited *delimited, struct delimited_row *row, struct error *error)
{
    *row = (struct delimited_row){0};
    TRY(row_read(delimited, row, error));
    if (row->end)
        return PATRON_OK;
    if (delimited->fields_capacity < delimited->count) {
        delimited->fields_capacity = delimited->capacity;
        delimited->fields = memory_resize(delimited->fields, delimited->capacity * sizeof *delimited->fields);
    }
    size_t begin = 0;
    for (size_t i = 0; i < delimited->count; i++) {
        size_t length = delimited->ends[i] - begin;
        delimited->fields[i] = length == 0 ? bytes_of("", 0) : bytes_of(delimited->text + begin, length);
        begin = delimited->ends[i];
    }
    row->fields = delimited->fields;
    row->count = delimited->count;
    if (delimited->header && row->count != delimited->header_count)
        return error_set(error, PATRON_INVALID, "the row has %zu columns and the header %zu", row->count,
            delimited->header_count);
    return PATRON_OK;
}

static enum patron_code header_read(struct delimited *delimited, struct error *error)
{
    struct delimited_row row;
    enum patron_code code = delimited_next(delimited, &row, error);
    if (code == PATRON_INVALID)
        return error_prefix(error, code, "line %llu, the header: ", (unsigned long long)row.line);
    TRY(code);
    if (row.end)
        return error_set(error, PATRON_INVALID, "the file is empty: not even a header");
    delimited->header = memory_alloc(row.count * sizeof *delimited->header);
    delimited->header_count = row.count;
    for (size_t i = 0; i < row.count; i++) {
        uint8_t *copy = memory_alloc(row.fields[i].length + 1);
        if (row.fields[i].length > 0)
            memcpy(copy, row.fields[i].data, row.fields[i].length);
        delimited->header[i] = bytes_of(copy, row.fields[i].length);
    }
    return PATRON_OK;
}

enum patron_code delimited_open(struct delimited *delimited, struct lines *lines,
    const struct delimited_options *options, struct error *error)
{
    *delimited = (struct delimited){.lines = lines, .options = *options};
    if (delimited->options.delimiter == 0)
        delimited->options.delimiter = ',';
    if (delimited->options.quote == 0)
        delimited->options.quote = '"';
    parser_start(delimited);
    if (options->no_header)
        return PATRON_OK;
    enum patron_code code = header_read(delimited, error);
    if (code != PATRON_OK)
        delimited_close(delimited);
    return code;
}

void delimited_close(struct delimited *delimited)
{
    csv_free(&delimited->parser);
    for (size_t i = 0; i < delimited->header_count; i++)
        memory_free((void *)delimited->header[i].data);
    memory_free(delimited->header);
    memory_free(delimited->fields);
    memory_free(delimited->ends);
    memory_free(delimited->text);
    *delimited = (struct delimited){0};
}

static enum patron_code column_unknown(
    const struct delimited *delimited, const char *reference, struct error *error)
{
    if (!delimited->header)
        return error_set(error, PATRON_INVALID,
            "there is no column '%.100s': without a header columns are numbers from 1", reference);
    const char **names = memory_alloc((delimited->header_count + 1) * sizeof *names);
    for (size_t i = 0; i < delimited->header_count; i++)
        names[i] = (const char *)delimited->header[i].data; /* copied with a NUL behind */
    const char *near = nearest_word(reference, names, delimited->header_count);
    if (near)
        error_set(error, PATRON_INVALID, "there is no column '%.100s' in the header; did you mean '%.100s'?",
            reference, near);
    else
        error_set(error, PATRON_INVALID, "there is no column '%.100s' among the %zu of the header", reference,
            delimited->header_count);
    memory_free(names);
    return PATRON_INVALID;
}

enum patron_code delimited_column(
    const struct delimited *delimited, const char *reference, size_t *column, struct error *error)
{
    size_t found = 0;
    for (size_t i = 0; i < delimited->header_count; i++) {
        if (bytes_is(delimited->header[i], reference)) {
            *column = i;
            found++;
        }
    }
    if (found > 1)
        return error_set(error, PATRON_INVALID,
            "%zu columns are called '%.100s': name the column by its number", found, reference);
    if (found == 1)
        return PATRON_OK;
    long long number;
    long long highest = delimited->header ? (long long)delimited->header_count : ROW_BYTES_MAX;
    if (parse_count(reference, 1, highest, &number, NULL) != PATRON_OK)
        return column_unknown(delimited, reference, error);
    *column = (size_t)number - 1;
    return PATRON_OK;
}
