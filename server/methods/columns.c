/* A Column (patron/v1/types.proto) is written as: name = 1, type = 2, statuses = 3, then by type doubles = 4,
 * integers = 5, flags = 6 (packed, one byte each: 0 and 1 are one-byte varints), texts = 7 (a field each) or
 * decimals = 8; then ages_us = 9 where the feature has them. A list of no rows is left out, as protobuf does. */
#include "server/methods/columns.h"

#include "server/methods/wire.h"

enum {
    FIELD_STATUSES = 3,
    FIELD_DOUBLES = 4,
    FIELD_INTEGERS = 5,
    FIELD_FLAGS = 6,
    FIELD_TEXTS = 7,
    FIELD_DECIMALS = 8,
    FIELD_AGES = 9
};

enum { AGE_WIDTH = 8 };

static size_t cell_width(const struct column *column)
{
    switch ((enum value_type)column->type) {
    case VALUE_DOUBLE:
    case VALUE_INT64:
        return 8;
    case VALUE_BOOL:
        return 1;
    case VALUE_MONEY:
        return column->exact ? 16 : 8;
    case VALUE_TEXT:
        return 0;
    }
    IMPOSSIBLE("a value type outside the list");
}

static int cells_field(const struct column *column)
{
    switch ((enum value_type)column->type) {
    case VALUE_DOUBLE:
        return FIELD_DOUBLES;
    case VALUE_INT64:
        return FIELD_INTEGERS;
    case VALUE_BOOL:
        return FIELD_FLAGS;
    case VALUE_MONEY:
        return column->exact ? FIELD_DECIMALS : FIELD_DOUBLES;
    case VALUE_TEXT:
        return FIELD_TEXTS;
    }
    IMPOSSIBLE("a value type outside the list");
}

void columns_init(struct columns *columns, const struct definitions *definitions,
    const struct selection *selection, enum columns_use use, bool exact_money, struct arena *arena)
{
    *columns = (struct columns){.count = selection->count, .use = use};
    columns->column = arena_array(arena, selection->count, sizeof columns->column[0]);
    for (size_t i = 0; i < selection->count; i++) {
        const struct feature *feature = &definitions->features[selection->features[i]];
        columns->column[i].name = feature->name;
        columns->column[i].type = (uint8_t)feature->type;
        columns->column[i].exact = exact_money && feature->type == VALUE_MONEY;
        columns->column[i].aged = use == COLUMNS_OF_READ && feature->max_age_us > 0;
        columns->column[i].fallback = selection->fallbacks ? selection->fallbacks[i] : NULL;
        columns->has_text |= feature->type == VALUE_TEXT;
    }
}

static size_t texts_size(const struct column *column, size_t rows)
{
    size_t size = 0;
    for (size_t i = 0; i < rows; i++)
        size += wire_bytes_size(column->texts[i].length);
    return size;
}

static size_t column_size(const struct column *column, size_t rows)
{
    size_t size = wire_bytes_size(column->name.length) + wire_number_size(column->type);
    if (rows == 0)
        return size;
    size += wire_bytes_size(rows);
    if (column->aged)
        size += wire_bytes_size(rows * AGE_WIDTH);
    return size + (column->type == VALUE_TEXT ? texts_size(column, rows)
                                              : wire_bytes_size(rows * cell_width(column)));
}

size_t columns_size(const struct columns *columns, size_t rows)
{
    size_t size = 0;
    for (size_t i = 0; i < columns->count; i++)
        size += wire_bytes_size(column_size(&columns->column[i], rows));
    return size;
}

static uint8_t *put_head(const struct column *column, size_t rows, int field, uint8_t *to)
{
    to = wire_put_head(to, field, column_size(column, rows));
    to = wire_put_bytes(to, COLUMN_FIELD_NAME, column->name);
    return wire_put_number(to, COLUMN_FIELD_TYPE, column->type);
}

uint8_t *columns_place(struct columns *columns, size_t rows, int field, uint8_t *to)
{
    CHECK(!columns->has_text);
    for (size_t i = 0; i < columns->count; i++) {
        struct column *column = &columns->column[i];
        to = put_head(column, rows, field, to);
        if (rows == 0)
            continue;
        to = wire_put_head(to, FIELD_STATUSES, rows);
        column->statuses = to;
        size_t cells = rows * cell_width(column);
        to = wire_put_head(to + rows, cells_field(column), cells);
        column->cells = to;
        to += cells;
        if (!column->aged)
            continue;
        column->ages = to = wire_put_head(to, FIELD_AGES, rows * AGE_WIDTH);
        to += rows * AGE_WIDTH;
    }
    return to;
}

void columns_stage(struct columns *columns, size_t rows_max, struct arena *arena)
{
    columns->text_bytes = 0;
    for (size_t i = 0; i < columns->count; i++) {
        struct column *column = &columns->column[i];
        column->statuses = arena_alloc(arena, rows_max);
        if (column->type == VALUE_TEXT)
            column->texts = arena_array(arena, rows_max, sizeof column->texts[0]);
        else
            column->cells = arena_array(arena, rows_max, cell_width(column));
        if (column->aged)
            column->ages = arena_array(arena, rows_max, AGE_WIDTH);
    }
}

uint8_t *columns_write(const struct columns *columns, size_t rows, int field, uint8_t *to)
{
    for (size_t i = 0; i < columns->count; i++) {
        const struct column *column = &columns->column[i];
        to = put_head(column, rows, field, to);
        if (rows == 0)
            continue;
        to = wire_put_bytes(to, FIELD_STATUSES, bytes_of(column->statuses, rows));
        if (column->type != VALUE_TEXT)
            to = wire_put_bytes(to, cells_field(column), bytes_of(column->cells, rows * cell_width(column)));
        else
            for (size_t row = 0; row < rows; row++)
                to = wire_put_bytes(to, FIELD_TEXTS, column->texts[row]);
        if (column->aged)
            to = wire_put_bytes(to, FIELD_AGES, bytes_of(column->ages, rows * AGE_WIDTH));
    }
    return to;
}

/* Where there is no value the cell holds zero, whatever the store left in it: the same question gives the
 * same bytes. */
static void put_cell(
    struct columns *columns, struct column *column, size_t at, const struct value *value, struct arena *arena)
{
    bool present = value->status != STATUS_NULL && value->status != STATUS_NOT_FOUND;
    column->statuses[at] = value->status;
    if (column->aged)
        memcpy(column->ages + at * AGE_WIDTH, &value->age_us, AGE_WIDTH);
    switch ((enum value_type)column->type) {
    case VALUE_DOUBLE: {
        double real = present ? value->real : 0;
        memcpy(column->cells + at * 8, &real, 8);
        return;
    }
    case VALUE_INT64: {
        int64_t integer = present ? value->integer : 0;
        memcpy(column->cells + at * 8, &integer, 8);
        return;
    }
    case VALUE_BOOL:
        column->cells[at] = present && value->integer;
        return;
    case VALUE_MONEY: {
        int128 exact = present ? value->exact : 0;
        double real = present ? value->real : 0;
        if (column->exact)
            memcpy(column->cells + at * 16, &exact, 16);
        else
            memcpy(column->cells + at * 8, &real, 8);
        return;
    }
    case VALUE_TEXT:
        column->texts[at] = present ? arena_copy(arena, value->text) : bytes_of("", 0);
        columns->text_bytes += column->texts[at].length;
        return;
    }
    IMPOSSIBLE("a value type outside the list");
}

void columns_put(struct columns *columns, size_t at, const struct row *row, struct arena *arena)
{
    for (size_t i = 0; i < columns->count; i++) {
        const struct value *value = &row->values[i];
        struct value settled;
        if (columns->use == COLUMNS_OF_SNAPSHOT && value->status != STATUS_PRESENT) {
            settled = *value;
            value_settle(&settled, columns->column[i].fallback);
            value = &settled;
        }
        put_cell(columns, &columns->column[i], at, value, arena);
    }
}
