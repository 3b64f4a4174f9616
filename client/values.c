#include "client/values.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum patron_code column_check(const Patron__V1__Column *column, size_t rows, struct error *error)
{
    size_t values = 0;
    switch (column->type) {
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_DOUBLE:
        values = column->n_doubles;
        break;
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_MONEY:
        values = column->decimals.len > 0 ? column->decimals.len / 16 : column->n_doubles;
        break;
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_INT64:
        values = column->n_integers;
        break;
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_BOOL:
        values = column->n_flags;
        break;
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_STRING:
        values = column->n_texts;
        break;
    default:
        return error_set(error, PATRON_UNSUPPORTED,
            "feature %.128s is of a kind this program does not know (%d)", column->name, (int)column->type);
    }
    if (column->statuses.len != rows || values != rows || column->decimals.len % 16 != 0)
        return error_set(error, PATRON_CORRUPT, "the server sent %zu values of %.128s for %zu rows", values,
            column->name, rows);
    return PATRON_OK;
}

bool column_is_number(const Patron__V1__Column *column)
{
    return column->type != PATRON__V1__VALUE_TYPE__VALUE_TYPE_STRING &&
           column->type != PATRON__V1__VALUE_TYPE__VALUE_TYPE_BOOL;
}

void double_text(double value, char text[VALUE_TEXT_MAX])
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, VALUE_TEXT_MAX, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            return;
    }
}

struct json_object *double_json(double value)
{
    char text[VALUE_TEXT_MAX];
    if (!isfinite(value))
        return NULL;
    double_text(value, text);
    return json_object_new_double_s(value, text);
}

static bool has_value(const Patron__V1__Column *column, size_t row)
{
    return column->statuses.data[row] == PATRON__V1__VALUE_STATUS__VALUE_STATUS_PRESENT ||
           column->statuses.data[row] == PATRON__V1__VALUE_STATUS__VALUE_STATUS_STALE;
}

const char *column_text(const Patron__V1__Column *column, size_t row, char scratch[VALUE_TEXT_MAX])
{
    if (!has_value(column, row))
        return NULL;
    switch (column->type) {
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_INT64:
        snprintf(scratch, VALUE_TEXT_MAX, "%lld", (long long)column->integers[row]);
        return scratch;
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_BOOL:
        return column->flags[row] ? "true" : "false";
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_STRING:
        return column->texts[row];
    default:
        double_text(column->doubles[row], scratch);
        return scratch;
    }
}

struct json_object *column_json(const Patron__V1__Column *column, size_t row)
{
    if (!has_value(column, row))
        return NULL;
    switch (column->type) {
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_INT64:
        return json_object_new_int64(column->integers[row]);
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_BOOL:
        return json_object_new_boolean(column->flags[row]);
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_STRING:
        return json_object_new_string(column->texts[row]);
    default:
        return double_json(column->doubles[row]);
    }
}
