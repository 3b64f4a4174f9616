/* columns: rows as they come in, patron.v1.Column messages as they go out.
 *
 * Two ways. Where every column is of fixed width, the size of the reply is known before the first row:
 * columns_place writes the heads into the reply's own memory, and columns_put writes each value to its final
 * place. Else (text has a length of its own) columns_stage keeps the values in an arena, and columns_write
 * writes all of it afterwards.
 *
 * Owns nothing: memory is the caller's arena and reply. Threads: any, one at a time. Nothing fails. */
#ifndef PATRON_METHODS_COLUMNS_H
#define PATRON_METHODS_COLUMNS_H

#include "store/store.h"

enum { COLUMN_FIELD_NAME = 1, COLUMN_FIELD_TYPE = 2 };

struct column {
    struct bytes name;
    uint8_t type;        /* enum value_type */
    bool exact;          /* MONEY as 16 bytes of micro-units */
    bool aged;           /* with an age a row */
    const struct value *fallback; /* takes the place of what is stale; nullable */
    uint8_t *statuses;   /* a byte a row */
    uint8_t *cells;      /* `width` bytes a row; null for text */
    struct bytes *texts; /* for text */
    uint8_t *ages;       /* 8 bytes a row; null unless aged */
};

/* Reads tell a stale value and its age; in a snapshot it is settled (value_settle). */
enum columns_use { COLUMNS_OF_READ, COLUMNS_OF_SNAPSHOT };

struct columns {
    struct column *column;
    size_t count;
    enum columns_use use;
    bool has_text;
    size_t text_bytes; /* put so far */
};

void columns_init(struct columns *columns, const struct definitions *definitions,
    const struct selection *selection, enum columns_use use, bool exact_money, struct arena *arena);

/* Bytes of all columns, each a field of its own (tag and length included), for so many rows. Staged texts
 * count. */
size_t columns_size(const struct columns *columns, size_t rows);

/* For columns without text. Returns the end of what it wrote. */
uint8_t *columns_place(struct columns *columns, size_t rows, int field, uint8_t *to);
/* For any. Memory for up to `rows_max` rows. */
void columns_stage(struct columns *columns, size_t rows_max, struct arena *arena);
uint8_t *columns_write(const struct columns *columns, size_t rows, int field, uint8_t *to);

/* Values of row `at`, each row once and in order; texts are copied into the arena. */
void columns_put(struct columns *columns, size_t at, const struct row *row, struct arena *arena);

#endif
