#include "client/snapshot_table.h"

#include <stdio.h>
#include <string.h>

#include "client/values.h"
#include "store/base/arena.h"

enum {
    GROUP_ROWS_MAX = 65536,
    GROUP_ROWS_MIN = 1024,
    /* What a row group may hold in memory, in cells of fixed width and, apart from that, in texts. */
    GROUP_BYTES = 64 * 1024 * 1024,
    CELL_BYTES = 10,
    STEP_ROWS = 64,
    FIXED_COLUMNS = 4, /* customer, as_of, spine_row, status */
};

static enum patron_code parquet_type_of(
    const Patron__V1__Column *column, bool exact_money, enum parquet_type *type, struct error *error)
{
    switch (column->type) {
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_DOUBLE:
        *type = PARQUET_DOUBLE;
        return PATRON_OK;
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_INT64:
        *type = PARQUET_INT64;
        return PATRON_OK;
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_BOOL:
        *type = PARQUET_BOOL;
        return PATRON_OK;
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_STRING:
        *type = PARQUET_TEXT;
        return PATRON_OK;
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_MONEY:
        *type = exact_money ? PARQUET_DECIMAL : PARQUET_DOUBLE;
        return PATRON_OK;
    default:
        return error_set(error, PATRON_UNSUPPORTED,
            "feature %.128s is of a kind this program does not know (%d)", column->name, (int)column->type);
    }
}

/* Those of the spine come after `asked`; no feature is called as a fixed column. */
static enum patron_code names_check(
    const struct parquet_column *columns, size_t asked, size_t count, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (strcmp(columns[i].name, columns[j].name) == 0)
                return error_set(error, PATRON_INVALID, "two columns of the snapshot would be called %.128s: %s",
                    columns[i].name, i < asked ? "ask for that feature once" : "rename the one in the spine");
        }
    }
    return PATRON_OK;
}

static enum patron_code columns_plan(struct snapshot_table *table,
    const Patron__V1__SnapshotManifest *manifest, bool exact_money, struct parquet_column *columns,
    size_t count, struct error *error)
{
    static const struct parquet_column fixed[FIXED_COLUMNS] = {
        {"customer", PARQUET_INT64},
        {"as_of", PARQUET_TIME},
        {"spine_row", PARQUET_INT64},
        {"status", PARQUET_TEXT},
    };
    memcpy(columns, fixed, sizeof fixed);
    for (size_t i = 0; i < table->feature_count; i++) {
        const Patron__V1__Column *feature = manifest->columns[i];
        struct parquet_column *column = &columns[FIXED_COLUMNS + i];
        column->name = feature->name;
        TRY(parquet_type_of(feature, exact_money, &column->type, error));
        table->types[i] = feature->type;
    }
    for (size_t i = FIXED_COLUMNS + table->feature_count; i < count; i++) {
        const struct spine_column *other = &table->spine->columns[i - FIXED_COLUMNS - table->feature_count];
        columns[i] = (struct parquet_column){other->name, PARQUET_TEXT};
    }
    return names_check(columns, FIXED_COLUMNS + table->feature_count, count, error);
}

enum patron_code snapshot_table_open(struct snapshot_table *table, const char *path,
    const Patron__V1__SnapshotManifest *manifest, bool exact_money, const struct spine *spine,
    struct spool *spool, struct error *error)
{
    *table = (struct snapshot_table){.feature_count = manifest->n_columns, .spine = spine, .spool = spool};
    size_t count = FIXED_COLUMNS + table->feature_count + (spine ? spine->column_count : 0);
    table->types = memory_alloc(table->feature_count * sizeof *table->types);
    struct parquet_column *columns = memory_alloc(count * sizeof *columns);
    enum patron_code code = columns_plan(table, manifest, exact_money, columns, count, error);
    if (code == PATRON_OK)
        code = parquet_open(&table->file, path, columns, count, error);
    memory_free(columns);
    size_t rows = GROUP_BYTES / (CELL_BYTES * count);
    rows = rows < GROUP_ROWS_MIN ? GROUP_ROWS_MIN : rows > GROUP_ROWS_MAX ? GROUP_ROWS_MAX : rows;
    table->group_rows_max = rows - rows % STEP_ROWS;
    if (code != PATRON_OK)
        snapshot_table_clear(table);
    return code;
}

void snapshot_table_clear(struct snapshot_table *table)
{
    parquet_drop(table->file);
    memory_free(table->types);
    memory_free(table->valid);
    *table = (struct snapshot_table){0};
}

static enum patron_code rows_check(
    const struct snapshot_table *table, const Patron__V1__SnapshotRows *rows, struct error *error)
{
    size_t count = rows->row_statuses.len;
    if (rows->n_customer_ids != count || rows->n_as_of_us != count || rows->n_spine_rows != count ||
        rows->n_columns != table->feature_count)
        return error_set(error, PATRON_CORRUPT, "the server sent rows that are not whole");
    for (size_t i = 0; i < table->feature_count; i++) {
        if (rows->columns[i]->type != table->types[i])
            return error_set(error, PATRON_CORRUPT, "the server changed the columns midway");
        TRY(column_check(rows->columns[i], count, error));
    }
    for (size_t i = 0; i < count; i++) {
        if (rows->customer_ids[i] > INT64_MAX || rows->spine_rows[i] > INT64_MAX)
            return error_set(error, PATRON_CORRUPT, "the server sent a number past 2^63");
    }
    return PATRON_OK;
}

static bool row_found(const Patron__V1__SnapshotRows *rows, size_t row)
{
    return rows->row_statuses.data[row] == PATRON__V1__VALUE_STATUS__VALUE_STATUS_PRESENT;
}

/* table->valid for rows [at, at + count) of a column. */
static const uint8_t *valid_of(struct snapshot_table *table, const uint8_t *statuses, size_t count)
{
    for (size_t i = 0; i < count; i++)
        table->valid[i] = statuses[i] == PATRON__V1__VALUE_STATUS__VALUE_STATUS_PRESENT ||
                          statuses[i] == PATRON__V1__VALUE_STATUS__VALUE_STATUS_DEFAULT;
    return table->valid;
}

static enum patron_code feature_append(struct snapshot_table *table, size_t index,
    const Patron__V1__Column *column, size_t at, size_t count, struct error *error)
{
    const uint8_t *valid = valid_of(table, column->statuses.data + at, count);
    size_t place = FIXED_COLUMNS + index;
    switch (column->type) {
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_INT64:
        return parquet_append_integers(table->file, place, column->integers + at, valid, count, error);
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_BOOL:
        return parquet_append_flags(table->file, place, column->flags + at, valid, count, error);
    case PATRON__V1__VALUE_TYPE__VALUE_TYPE_STRING:
        for (size_t i = 0; i < count; i++) {
            const char *text = column->texts[at + i];
            size_t length = strlen(text);
            TRY(parquet_append_text(table->file, place, text, length, valid[i] != 0, error));
            table->group_bytes += length;
        }
        return PATRON_OK;
    default:
        if (column->decimals.len > 0)
            return parquet_append_decimals(
                table->file, place, column->decimals.data + 16 * at, valid, count, error);
        return parquet_append_doubles(table->file, place, column->doubles + at, valid, count, error);
    }
}

static enum patron_code others_append(struct snapshot_table *table, uint64_t spine_row, struct error *error)
{
    struct bytes row;
    TRY(spool_read(table->spool, spine_row, &row, error));
    struct decoder others;
    (void)spine_kept_line(row, &others);
    for (size_t i = 0; i < table->spine->column_count; i++) {
        struct bytes value = spine_other_next(&others);
        TRY(parquet_append_text(table->file, FIXED_COLUMNS + table->feature_count + i, value.data,
            value.length, value.data != NULL, error));
    }
    table->group_bytes += row.length;
    return PATRON_OK;
}

/* Rows [at, at + count) of a message, all into the group under way. */
static enum patron_code slice_append(struct snapshot_table *table, const Patron__V1__SnapshotRows *rows,
    size_t at, size_t count, struct error *error)
{
    const uint8_t *found = valid_of(table, rows->row_statuses.data + at, count);
    TRY(parquet_append_integers(
        table->file, 0, (const int64_t *)rows->customer_ids + at, found, count, error));
    TRY(parquet_append_integers(table->file, 1, rows->as_of_us + at, NULL, count, error));
    TRY(parquet_append_integers(table->file, 2, (const int64_t *)rows->spine_rows + at, NULL, count, error));
    for (size_t i = at; i < at + count; i++) {
        const char *status = row_found(rows, i) ? "present" : "not_found";
        TRY(parquet_append_text(table->file, 3, status, strlen(status), true, error));
        table->not_found += !row_found(rows, i);
        if (table->spine)
            TRY(others_append(table, rows->spine_rows[i], error));
    }
    for (size_t i = 0; i < table->feature_count; i++)
        TRY(feature_append(table, i, rows->columns[i], at, count, error));
    table->group_rows += count;
    table->rows += count;
    return PATRON_OK;
}

/* How many rows from `at` on go into the group at once. Borders depend on the rows alone, never on how they were cut
 * into messages, so the file's bytes do not either: the size of texts is looked at every STEP_ROWS rows of a group. */
static size_t slice_length(
    const struct snapshot_table *table, const Patron__V1__SnapshotRows *rows, size_t at)
{
    size_t room = STEP_ROWS - table->group_rows % STEP_ROWS;
    size_t left = rows->row_statuses.len - at;
    return left < room ? left : room;
}

static bool group_is_full(const struct snapshot_table *table)
{
    return table->group_rows == table->group_rows_max ||
           (table->group_bytes >= GROUP_BYTES && table->group_rows % STEP_ROWS == 0);
}

enum patron_code snapshot_table_add(
    struct snapshot_table *table, const Patron__V1__SnapshotRows *rows, struct error *error)
{
    TRY(rows_check(table, rows, error));
    size_t count = rows->row_statuses.len;
    if (table->valid_capacity < count) {
        table->valid = memory_resize(table->valid, count);
        table->valid_capacity = count;
    }
    for (size_t at = 0; at < count;) {
        size_t length = slice_length(table, rows, at);
        TRY(slice_append(table, rows, at, length, error));
        at += length;
        if (!group_is_full(table))
            continue;
        TRY(parquet_end_group(table->file, error));
        table->group_rows = table->group_bytes = 0;
    }
    return PATRON_OK;
}

enum patron_code snapshot_table_finish(struct snapshot_table *table, struct error *error)
{
    struct parquet_file *file = table->file;
    table->file = NULL;
    return parquet_close(file, error);
}
