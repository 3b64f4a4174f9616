/* The rows a snapshot is wanted for, out of a file: whose, as of when, and whatever else the file says of them, which
 * goes through to the result. A broken row ends it all: a training set is whole or it is not.
 * All bytes are borrowed until the next row. One thread. */
#ifndef PATRON_CLIENT_SPINE_H
#define PATRON_CLIENT_SPINE_H

#include "client/delimited.h"
#include "client/flags.h"
#include "client/json_lines.h"
#include "client/moments.h"
#include "store/base/encode.h"

struct spine_options {
    const char *path;
    bool json;
    struct delimited_options delimited;
    struct flag_list identifiers; /* TYPE=COLUMN; of several the first that is not empty counts */
    const char *time;             /* COLUMN */
    struct time_format time_format;
};

/* Every column but the time goes along. */
struct spine_column {
    char *name;
    size_t column; /* in delimited files */
};

struct spine {
    const struct spine_options *options;
    struct lines lines;
    struct delimited delimited;
    struct json_lines json;
    bool delimited_open, json_open;
    char **identifier_types;
    const char **identifier_keys; /* what stands behind the =, for JSON */
    size_t *identifier_columns;   /* the same, for delimited files */
    size_t time_column;
    struct spine_column *columns; /* of JSON lines: the keys so far, by their first appearance */
    size_t column_count;
    bool columns_known;
    struct encoder row;
};

struct spine_row {
    bool end;
    struct bytes identifier_type, identifier;
    int64_t time_us;
    /* What goes along: varint line; for each column so far: varint, 0 for none, else length + 1 and the bytes. */
    struct bytes kept;
};

/* Rows of JSON may bring new keys to the last; keys that are data, not names, end there. */
enum { SPINE_COLUMNS_MAX = 1000 };

enum patron_code spine_open(
    struct spine *spine, const struct spine_options *options, struct error *error) MUST_CHECK;
void spine_close(struct spine *spine);
/* Errors name file and line. */
enum patron_code spine_next(struct spine *spine, struct spine_row *row, struct error *error) MUST_CHECK;

/* The line that a kept row begins on, from 1; *columns is set before the first of its columns. */
uint64_t spine_kept_line(struct bytes kept, struct decoder *columns);
/* The next of the columns; data is null where there is none, and past those that were known at that row. */
struct bytes spine_other_next(struct decoder *columns);

#endif
