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
    bool ages_whole = column->n_ages_us == 0 || column->n_ages_us == rows;
    if (column->statuses.len != rows || values != rows || column->decimals.len % 16 != 0 || !ages_whole)
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
    uint8_t status = column->statuses.data[row];
    return status == PATRON__V1__VALUE_STATUS__VALUE_STATUS_PRESENT ||
           status == PATRON__V1__VALUE_STATUS__VALUE_STATUS_STALE ||
           status == PATRON__V1__VALUE_STATUS__VALUE_STATUS_DEFAULT;
}

bool column_is_stale(const Patron__V1__Column *column, size_t row)
{
    return column->statuses.data[row] == PATRON__V1__VALUE_STATUS__VALUE_STATUS_STALE;
}

bool column_is_default(const Patron__V1__Column *column, size_t row)
{
    return column->statuses.data[row] == PATRON__V1__VALUE_STATUS__VALUE_STATUS_DEFAULT;
}

double column_age_seconds(const Patron__V1__Column *column, size_t row)
{
    return column->n_ages_us > 0 && column->ages_us[row] > 0 ? (double)column->ages_us[row] / 1e6 : -1;
}

void column_remark(const Patron__V1__Column *column, size_t row, char remark[VALUE_TEXT_MAX])
{
    remark[0] = '\0';
    if (column_is_default(column, row))
        snprintf(remark, VALUE_TEXT_MAX, " (default)");
    else if (column_is_stale(column, row))
        snprintf(remark, VALUE_TEXT_MAX, " (stale: %.1f days)", column_age_seconds(column, row) / 86400);
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
