#include "client/table.h"

#include <string.h>

#include "client/visible.h"

void table_open(struct table *table, size_t columns)
{
    *table = (struct table){.columns = columns};
    table->right = memory_alloc(columns * sizeof *table->right);
}

void table_close(struct table *table)
{
    arena_clear(&table->arena);
    memory_free(table->right);
    memory_free(table->cells);
    *table = (struct table){0};
}

void table_align_right(struct table *table, size_t column)
{
    CHECK(column < table->columns);
    table->right[column] = true;
}

void table_add(struct table *table, const char *text)
{
    if (table->count == table->capacity) {
        table->capacity = table->capacity ? table->capacity * 2 : 64;
        table->cells = memory_resize(table->cells, table->capacity * sizeof *table->cells);
    }
    table->cells[table->count++] = visible_text(text, &table->arena);
}

static size_t width_of(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}

/* Nothing but empty cells from this one to the row's end: no line ends with blanks. */
static bool rest_is_empty(const struct table *table, size_t cell)
{
    for (; cell % table->columns != 0; cell++)
        if (table->cells[cell][0])
            return false;
    return true;
}

static void cell_print(const struct table *table, size_t cell, size_t width, FILE *to)
{
    size_t column = cell % table->columns;
    bool last = column + 1 == table->columns || rest_is_empty(table, cell + 1);
    if (column > 0 && rest_is_empty(table, cell))
        return;
    int padding = (int)(width - width_of(table->cells[cell]));
    if (table->right[column])
        fprintf(to, "%*s%s", padding, "", table->cells[cell]);
    else
        fprintf(to, "%s%*s", table->cells[cell], last ? 0 : padding, "");
    fputs(last ? "\n" : "  ", to);
}

void table_print(const struct table *table, FILE *to)
{
    CHECK(table->count % table->columns == 0);
    size_t *widths = memory_alloc(table->columns * sizeof *widths);
    for (size_t i = 0; i < table->count; i++) {
        size_t width = width_of(table->cells[i]);
        size_t *widest = &widths[i % table->columns];
        *widest = width > *widest ? width : *widest;
    }
    for (size_t i = 0; i < table->count; i++) {
        cell_print(table, i, widths[i % table->columns], to);
        if (i + 1 != table->columns)
            continue;
        for (size_t column = 0; column < table->columns; column++) {
            for (size_t j = 0; j < widths[column]; j++)
                fputc('-', to);
            fputs(column + 1 == table->columns ? "\n" : "  ", to);
        }
    }
    memory_free(widths);
}
