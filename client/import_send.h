/* The second half of an import: sorted rows out of the sorter, in batches, over one Ingest stream. One thread. */
#ifndef PATRON_CLIENT_IMPORT_SEND_H
#define PATRON_CLIENT_IMPORT_SEND_H

#include "client/event_row.h"
#include "client/faults.h"
#include "client/rpc.h"
#include "client/sorter.h"

struct import_file {
    const char *path;   /* as the user wrote it */
    const char *source; /* the namespace of its ids */
};

struct import_counts {
    uint64_t files, read, broken;
    uint64_t sent, applied, duplicates, refused, identifiers_dropped, known_late;
};

/* The row as it lies in the sorter: everything but an id that still has to be made. */
enum patron_code import_row_add(struct sorter *sorter, const struct event_row *row, size_t file,
    const char *source, struct arena *scratch, struct error *error) MUST_CHECK;

struct import_send_options {
    const struct import_file *files;
    bool source_clock;
    int64_t lag_us;    /* known_at is event time plus this, on the source's clock */
    bool strict;       /* send nothing more once an event is refused: PATRON_INVALID */
    uint64_t expected; /* rows, for the progress */
};

/* Sends all rows of a started sorter. On failure `counts` says how far it came. */
enum patron_code import_send(struct rpc *rpc, struct sorter *sorter,
    const struct import_send_options *options, struct import_counts *counts, struct faults *faults,
    struct error *error) MUST_CHECK;

#endif
