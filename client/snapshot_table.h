/* Rows of a snapshot into a Parquet file: columns by the manifest, row groups of bounded size, spine columns put back
 * to their rows. One thread; the spool is borrowed. */
#ifndef PATRON_CLIENT_SNAPSHOT_TABLE_H
#define PATRON_CLIENT_SNAPSHOT_TABLE_H

#include "client/parquet.h"
#include "client/spine.h"
#include "client/spool.h"
#include "patron/v1/snapshots.pb-c.h"

struct snapshot_table {
    struct parquet_file *file;
    size_t feature_count;
    const struct spine *spine; /* null for a generated one */
    struct spool *spool;       /* of the spine's other columns */
    Patron__V1__ValueType *types;
    size_t group_rows_max;
    size_t group_rows, group_bytes; /* in the group under way */
    uint64_t rows, not_found;
    uint8_t *valid; /* scratch, a byte a row of the message */
    size_t valid_capacity;
};

/* Columns are: customer, as_of, spine_row, status, the features in their order, the spine's others in theirs.
 * PATRON_INVALID: two of them have one name. */
enum patron_code snapshot_table_open(struct snapshot_table *table, const char *path,
    const Patron__V1__SnapshotManifest *manifest, bool exact_money, const struct spine *spine,
    struct spool *spool, struct error *error) MUST_CHECK;
enum patron_code snapshot_table_add(
    struct snapshot_table *table, const Patron__V1__SnapshotRows *rows, struct error *error) MUST_CHECK;
/* The file is put in place. The table is to be cleared all the same. */
enum patron_code snapshot_table_finish(struct snapshot_table *table, struct error *error) MUST_CHECK;
/* A table that was not finished leaves no file. */
void snapshot_table_clear(struct snapshot_table *table);

#endif
