/* Writes one Parquet file, column by column, in row groups the caller closes.
 *
 * The file is written to PATH.partial and becomes PATH in parquet_close alone: whoever finds PATH finds it
 * whole. A writer that is dropped (parquet_drop) leaves nothing behind. The same columns, values, group
 * borders and metadata give the same bytes. Memory is that of one row group. One thread. Failures are
 * PATRON_IO with the library's words. */
#ifndef PATRON_CLIENT_PARQUET_H
#define PATRON_CLIENT_PARQUET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "store/base/error.h"

struct parquet_file;

enum parquet_type {
    PARQUET_DOUBLE,
    PARQUET_INT64,
    PARQUET_BOOL,
    PARQUET_TEXT,    /* UTF-8 */
    PARQUET_TIME,    /* timestamp[us, UTC] from int64 microseconds */
    PARQUET_DECIMAL, /* decimal128(38, 6) from 16 bytes of little-endian two's complement, in micro-units */
};

struct parquet_column {
    const char *name; /* copied */
    enum parquet_type type;
};

/* On failure *opened is null and nothing is left on disk. */
enum patron_code parquet_open(struct parquet_file **opened, const char *path,
    const struct parquet_column *columns, size_t column_count, struct error *error) MUST_CHECK;

/* Append `count` cells to one column of the row group under way; cell i is null where valid[i] is 0 (valid
 * may be null: all are present). The function must suit the column's type; integers also fill times. */
enum patron_code parquet_append_doubles(struct parquet_file *file, size_t column, const double *values,
    const uint8_t *valid, size_t count, struct error *error) MUST_CHECK;
enum patron_code parquet_append_integers(struct parquet_file *file, size_t column, const int64_t *values,
    const uint8_t *valid, size_t count, struct error *error) MUST_CHECK;
enum patron_code parquet_append_flags(struct parquet_file *file, size_t column, const int *values,
    const uint8_t *valid, size_t count, struct error *error) MUST_CHECK;
enum patron_code parquet_append_decimals(struct parquet_file *file, size_t column, const uint8_t *values,
    const uint8_t *valid, size_t count, struct error *error) MUST_CHECK;
enum patron_code parquet_append_text(struct parquet_file *file, size_t column, const void *data,
    size_t length, bool valid, struct error *error) MUST_CHECK;

/* Close the row group under way: every column must have the same number of cells. An empty group is left out.
 */
enum patron_code parquet_end_group(struct parquet_file *file, struct error *error) MUST_CHECK;

/* Add to the file's key-value metadata, in this order. */
void parquet_add_metadata(struct parquet_file *file, const char *key, const char *value);

/* End the last group, write the footer, sync, put the file in place. The writer is gone afterwards either
 * way. */
enum patron_code parquet_close(struct parquet_file *file, struct error *error) MUST_CHECK;
/* Give up: the partial file is removed. */
void parquet_drop(struct parquet_file *file);

#endif
