#include "client/spine.h"

#include <stdio.h>
#include <string.h>

static char *text_copy(struct bytes text)
{
    char *copy = memory_alloc(text.length + 1);
    if (text.length > 0)
        memcpy(copy, text.data, text.length);
    return copy;
}

static void column_add(struct spine *spine, struct bytes name, size_t column)
{
    spine->columns = memory_resize(spine->columns, (spine->column_count + 1) * sizeof *spine->columns);
    spine->columns[spine->column_count++] = (struct spine_column){text_copy(name), column};
}

static enum patron_code identifiers_parse(struct spine *spine, struct error *error)
{
    const struct flag_list *pairs = &spine->options->identifiers;
    spine->identifier_types = memory_alloc(pairs->count * sizeof *spine->identifier_types);
    spine->identifier_keys = memory_alloc(pairs->count * sizeof *spine->identifier_keys);
    spine->identifier_columns = memory_alloc(pairs->count * sizeof *spine->identifier_columns);
    for (size_t i = 0; i < pairs->count; i++) {
        enum patron_code code =
            split_pair(pairs->values[i], '=', &spine->identifier_types[i], &spine->identifier_keys[i], error);
        if (code != PATRON_OK)
            return error_prefix(error, code, "--spine-identifier: ");
    }
    return PATRON_OK;
}

static enum patron_code delimited_resolve(struct spine *spine, struct error *error)
{
    const struct spine_options *options = spine->options;
    TRY(delimited_open(&spine->delimited, &spine->lines, &options->delimited, error));
    spine->delimited_open = true;
    for (size_t i = 0; i < options->identifiers.count; i++)
        TRY(delimited_column(
            &spine->delimited, spine->identifier_keys[i], &spine->identifier_columns[i], error));
    TRY(delimited_column(&spine->delimited, options->time, &spine->time_column, error));
    for (size_t i = 0; i < spine->delimited.header_count; i++) {
        TRY(row_text_check(spine->delimited.header[i], "a name in the header", error));
        if (i != spine->time_column)
            column_add(spine, spine->delimited.header[i], i);
    }
    spine->columns_known = spine->delimited.header != NULL;
    return PATRON_OK;
}

enum patron_code spine_open(struct spine *spine, const struct spine_options *options, struct error *error)
{
    *spine = (struct spine){.options = options, .lines = {.descriptor = -1}};
    enum patron_code code = identifiers_parse(spine, error);
    if (code == PATRON_OK)
        code = lines_open(&spine->lines, options->path, error);
    if (code == PATRON_OK && options->json) {
        json_lines_open(&spine->json, &spine->lines);
        spine->json_open = true;
    } else if (code == PATRON_OK) {
        code = delimited_resolve(spine, error);
        if (code != PATRON_OK)
            error_prefix(error, code, "%s: ", options->path);
    }
    if (code != PATRON_OK)
        spine_close(spine);
    return code;
}

void spine_close(struct spine *spine)
{
    if (spine->delimited_open)
        delimited_close(&spine->delimited);
    if (spine->json_open)
        json_lines_close(&spine->json);
    lines_close(&spine->lines);
    for (size_t i = 0; spine->identifier_types && i < spine->options->identifiers.count; i++)
        memory_free(spine->identifier_types[i]);
    memory_free(spine->identifier_types);
    memory_free(spine->identifier_keys);
    memory_free(spine->identifier_columns);
    for (size_t i = 0; i < spine->column_count; i++)
        memory_free(spine->columns[i].name);
    memory_free(spine->columns);
    encoder_clear(&spine->row);
    *spine = (struct spine){.lines = {.descriptor = -1}};
}

static void other_put(struct spine *spine, const struct bytes *value)
{
    encode_varint(&spine->row, value ? value->length + 1 : 0);
    if (value)
        encode_raw(&spine->row, value->data, value->length);
}

static enum patron_code delimited_convert(
    struct spine *spine, const struct delimited_row *fields, struct spine_row *row, struct error *error)
{
    if (!spine->columns_known) { /* without a header the first row says how many there are */
        for (size_t i = 0; i < fields->count; i++) {
            char name[32];
            snprintf(name, sizeof name, "column_%zu", i + 1);
            if (i != spine->time_column)
                column_add(spine, bytes_from_string(name), i);
        }
        spine->columns_known = true;
    }
    if (fields->count <= spine->time_column || fields->count < spine->column_count + 1)
        return error_set(error, PATRON_INVALID, "the row has %zu columns, too few", fields->count);
    for (size_t i = 0; i < spine->options->identifiers.count && row->identifier.length == 0; i++) {
        if (spine->identifier_columns[i] >= fields->count)
            return error_set(error, PATRON_INVALID, "the row has %zu columns, too few", fields->count);
        row->identifier_type = bytes_from_string(spine->identifier_types[i]);
        row->identifier = fields->fields[spine->identifier_columns[i]];
    }
    for (size_t i = 0; i < spine->column_count; i++) {
        const struct bytes *value = &fields->fields[spine->columns[i].column];
        TRY(row_text_check(*value, spine->columns[i].name, error));
        other_put(spine, value->length > 0 ? value : NULL);
    }
    TRY(row_text_check(fields->fields[spine->time_column], "the time", error));
    return time_format_read(
        &spine->options->time_format, fields->fields[spine->time_column], &row->time_us, error);
}

/* Rows have their keys in one order for the most part, so the search begins behind the key before. */
static size_t column_find(const struct spine *spine, const char *name, size_t from)
{
    for (size_t i = 0; i < spine->column_count; i++) {
        size_t at = (from + i) % spine->column_count;
        if (strcmp(spine->columns[at].name, name) == 0)
            return at;
    }
    return spine->column_count;
}

static enum patron_code json_keys_take(struct spine *spine, struct json_object *object, struct error *error)
{
    size_t next = 0;
    struct json_object_iterator at = json_object_iter_begin(object), end = json_object_iter_end(object);
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);
        if (strcmp(name, spine->options->time) == 0)
            continue;
        size_t column = column_find(spine, name, next);
        next = column + 1;
        if (column < spine->column_count)
            continue;
        TRY(row_text_check(bytes_from_string(name), "a key", error));
        if (spine->column_count == SPINE_COLUMNS_MAX)
            return error_set(error, PATRON_INVALID,
                "key \"%.100s\" is one too many: a spine may have %d keys besides its time; leave out what the "
                "training does not need",
                name, SPINE_COLUMNS_MAX);
        column_add(spine, bytes_from_string(name), 0);
    }
    return PATRON_OK;
}

static enum patron_code json_convert(
    struct spine *spine, struct json_object *object, struct spine_row *row, struct error *error)
{
    TRY(json_keys_take(spine, object, error));
    for (size_t i = 0; i < spine->options->identifiers.count && row->identifier.length == 0; i++) {
        struct json_object *value = json_object_object_get(object, spine->identifier_keys[i]);
        if (!value)
            continue;
        row->identifier_type = bytes_from_string(spine->identifier_types[i]);
        TRY(json_scalar_text(value, spine->identifier_keys[i], &row->identifier, error));
    }
    for (size_t i = 0; i < spine->column_count; i++) {
        struct json_object *value = json_object_object_get(object, spine->columns[i].name);
        struct bytes text;
        if (value)
            TRY(json_scalar_text(value, spine->columns[i].name, &text, error));
        other_put(spine, value ? &text : NULL);
    }
    struct json_object *time = json_object_object_get(object, spine->options->time);
    if (!time)
        return error_set(error, PATRON_INVALID, "there is no \"%.100s\"", spine->options->time);
    struct bytes text;
    struct time_format format = spine->options->time_format;
    if (format.kind == TIME_RFC3339 && json_object_is_type(time, json_type_int))
        format.kind = TIME_MICROSECONDS;
    TRY(json_scalar_text(time, spine->options->time, &text, error));
    return time_format_read(&format, text, &row->time_us, error);
}

enum patron_code spine_next(struct spine *spine, struct spine_row *row, struct error *error)
{
    uint64_t line;
    enum patron_code code;
    *row = (struct spine_row){0};
    encoder_reset(&spine->row);
    if (spine->options->json) {
        struct json_row json;
        code = json_lines_next(&spine->json, &json, error);
        row->end = json.end;
        line = json.line;
        encode_varint(&spine->row, line);
        if (code == PATRON_OK && !row->end)
            code = json_convert(spine, json.object, row, error);
    } else {
        struct delimited_row fields;
        code = delimited_next(&spine->delimited, &fields, error);
        row->end = fields.end;
        line = fields.line;
        encode_varint(&spine->row, line);
        if (code == PATRON_OK && !row->end)
            code = delimited_convert(spine, &fields, row, error);
    }
    if (code == PATRON_OK && !row->end && row->identifier.length == 0)
        code = error_set(error, PATRON_INVALID, "no identifier says whose row this is");
    if (code != PATRON_OK)
        return error_prefix(error, code, "%s:%llu: ", spine->options->path, (unsigned long long)line);
    row->kept = encoder_borrow(&spine->row);
    return PATRON_OK;
}

uint64_t spine_kept_line(struct bytes kept, struct decoder *columns)
{
    *columns = decoder_of(kept);
    return decode_varint(columns);
}

struct bytes spine_other_next(struct decoder *columns)
{
    uint64_t length = decoder_left(columns) > 0 ? decode_varint(columns) : 0;
    if (length == 0)
        return (struct bytes){0};
    const uint8_t *data = decode_raw(columns, (size_t)length - 1);
    return bytes_of(data ? data : (const uint8_t *)"", data ? (size_t)length - 1 : 0);
}
