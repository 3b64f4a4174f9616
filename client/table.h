/* Rows of text for people, in columns as wide as they need be: text to the left, numbers to the right. Widths count
 * characters of UTF-8. Everything is kept until the table is printed. One thread. */
#ifndef PATRON_CLIENT_TABLE_H
#define PATRON_CLIENT_TABLE_H

#include <stdbool.h>
#include <stdio.h>

#include "store/base/arena.h"
#include "store/base/check.h"

struct table {
    struct arena arena;
    size_t columns;
    bool *right; /* this column is of numbers */
    const char **cells;
    size_t count, capacity;
};

void table_open(struct table *table, size_t columns);
void table_close(struct table *table);
void table_align_right(struct table *table, size_t column);
/* Cells follow one another, row by row; the text is copied, as visible.h shows it. */
void table_add(struct table *table, const char *text);
/* The first row is the header, and gets a line below. */
void table_print(const struct table *table, FILE *to);

#endif
