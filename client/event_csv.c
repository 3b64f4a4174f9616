#include "client/event_csv.h"

#include <string.h>

static enum patron_code columns_resolve(const struct flag_list *pairs, const char *flag,
    const struct delimited *delimited, struct csv_column **columns, struct error *error)
{
    *columns = memory_alloc(pairs->count * sizeof **columns);
    for (size_t i = 0; i < pairs->count; i++) {
        const char *reference;
        struct csv_column *column = &(*columns)[i];
        enum patron_code code = split_pair(pairs->values[i], '=', &column->name, &reference, error);
        if (code == PATRON_OK)
            code = delimited_column(delimited, reference, &column->column, error);
        if (code != PATRON_OK)
            return error_prefix(error, code, "--%s %s: ", flag, pairs->values[i]);
    }
    return PATRON_OK;
}

static enum patron_code texts_mark(struct csv_mapping *mapping, struct error *error)
{
    const struct csv_mapping_options *options = mapping->options;
    for (size_t i = 0; i < options->texts.count; i++) {
        bool found = false;
        for (size_t j = 0; j < options->attributes.count; j++) {
            if (strcmp(mapping->attributes[j].name, options->texts.values[i]) == 0)
                found = mapping->attributes[j].text = true;
        }
        if (!found)
            return error_set(
                error, PATRON_INVALID, "--text %s: no --attribute has that name", options->texts.values[i]);
    }
    return PATRON_OK;
}

static enum patron_code repeats_refuse(const struct csv_mapping *mapping, struct error *error)
{
    for (size_t i = 0; i < mapping->options->attributes.count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(mapping->attributes[i].name, mapping->attributes[j].name) == 0)
                return error_set(
                    error, PATRON_INVALID, "--attribute %s is given twice", mapping->attributes[i].name);
        }
    }
    return PATRON_OK;
}

static enum patron_code column_resolve(const struct delimited *delimited, const char *flag,
    const char *reference, size_t *column, struct error *error)
{
    if (!reference)
        return PATRON_OK;
    enum patron_code code = delimited_column(delimited, reference, column, error);
    if (code != PATRON_OK)
        return error_prefix(error, code, "--%s %s: ", flag, reference);
    return PATRON_OK;
}

static enum patron_code mapping_resolve(
    struct csv_mapping *mapping, const struct delimited *delimited, struct error *error)
{
    const struct csv_mapping_options *options = mapping->options;
    TRY(column_resolve(delimited, "event-column", options->event_column, &mapping->event_column, error));
    TRY(column_resolve(delimited, "time", options->time, &mapping->time_column, error));
    TRY(column_resolve(delimited, "id", options->id, &mapping->id_column, error));
    TRY(columns_resolve(&options->identifiers, "identifier", delimited, &mapping->identifiers, error));
    TRY(columns_resolve(&options->attributes, "attribute", delimited, &mapping->attributes, error));
    TRY(texts_mark(mapping, error));
    return repeats_refuse(mapping, error);
}

static size_t columns_needed(const struct csv_mapping *mapping)
{
    size_t last = mapping->time_column;
    last = mapping->options->event_column && mapping->event_column > last ? mapping->event_column : last;
    last = mapping->options->id && mapping->id_column > last ? mapping->id_column : last;
    for (size_t i = 0; i < mapping->options->identifiers.count; i++)
        last = mapping->identifiers[i].column > last ? mapping->identifiers[i].column : last;
    for (size_t i = 0; i < mapping->options->attributes.count; i++)
        last = mapping->attributes[i].column > last ? mapping->attributes[i].column : last;
    return last + 1;
}

enum patron_code csv_mapping_open(struct csv_mapping *mapping, const struct csv_mapping_options *options,
    const struct delimited *delimited, struct error *error)
{
    *mapping = (struct csv_mapping){.options = options};
    enum patron_code code = mapping_resolve(mapping, delimited, error);
    if (code != PATRON_OK) {
        csv_mapping_close(mapping);
        return code;
    }
    mapping->columns_needed = columns_needed(mapping);
    return PATRON_OK;
}

void csv_mapping_close(struct csv_mapping *mapping)
{
    for (size_t i = 0; mapping->identifiers && i < mapping->options->identifiers.count; i++)
        memory_free(mapping->identifiers[i].name);
    for (size_t i = 0; mapping->attributes && i < mapping->options->attributes.count; i++)
        memory_free(mapping->attributes[i].name);
    memory_free(mapping->identifiers);
    memory_free(mapping->attributes);
    *mapping = (struct csv_mapping){0};
}

static enum row_value value_kind(struct bytes text, bool forced_text)
{
    if (forced_text)
        return ROW_TEXT;
    if (text_is_number(text))
        return ROW_DECIMAL;
    return bytes_is(text, "true") || bytes_is(text, "false") ? ROW_FLAG : ROW_TEXT;
}

static enum patron_code row_convert(const struct csv_mapping *mapping, const struct delimited_row *fields,
    struct arena *scratch, struct event_row *row, struct error *error)
{
    const struct csv_mapping_options *options = mapping->options;
    if (fields->count < mapping->columns_needed)
        return error_set(error, PATRON_INVALID, "the row has %zu columns; column %zu is wanted",
            fields->count, mapping->columns_needed);
    row->type = options->event ? bytes_from_string(options->event) : fields->fields[mapping->event_column];
    TRY(row_text_check(row->type, "the event type", error));
    if (options->id) {
        row->id = fields->fields[mapping->id_column];
        if (row->id.length == 0)
            return error_set(error, PATRON_INVALID, "the event id is empty");
        TRY(row_text_check(row->id, "the event id", error));
    }
    TRY(row_text_check(fields->fields[mapping->time_column], "the time", error));
    TRY(time_format_read(&options->time_format, fields->fields[mapping->time_column], &row->time_us, error));

    row->identifiers = arena_array(scratch, options->identifiers.count, sizeof *row->identifiers);
    for (size_t i = 0; i < options->identifiers.count; i++) {
        struct bytes value = fields->fields[mapping->identifiers[i].column];
        TRY(row_text_check(value, mapping->identifiers[i].name, error));
        if (value.length > 0)
            row->identifiers[row->identifier_count++] =
                (struct row_identifier){bytes_from_string(mapping->identifiers[i].name), value};
    }
    row->attributes = arena_array(scratch, options->attributes.count, sizeof *row->attributes);
    for (size_t i = 0; i < options->attributes.count; i++) {
        const struct csv_column *column = &mapping->attributes[i];
        struct bytes value = fields->fields[column->column];
        TRY(row_text_check(value, column->name, error));
        if (value.length > 0)
            row->attributes[row->attribute_count++] = (struct row_attribute){
                bytes_from_string(column->name), value_kind(value, column->text), value};
    }
    return event_row_check(row, error);
}

enum patron_code csv_event_next(const struct csv_mapping *mapping, struct delimited *delimited,
    struct arena *scratch, struct event_row *row, struct error *error)
{
    struct delimited_row fields;
    *row = (struct event_row){0};
    enum patron_code code = delimited_next(delimited, &fields, error);
    row->end = fields.end;
    row->line = fields.line;
    if (code != PATRON_OK || row->end)
        return code;
    row->fields = fields.fields;
    row->field_count = fields.count;
    return row_convert(mapping, &fields, scratch, row, error);
}
