/* Delimited rows to events: which column is what. One thread; the delimited reader is borrowed. */
#ifndef PATRON_CLIENT_EVENT_CSV_H
#define PATRON_CLIENT_EVENT_CSV_H

#include "client/delimited.h"
#include "client/event_row.h"
#include "client/flags.h"
#include "client/moments.h"

/* As on the command line; zero is "not given". */
struct csv_mapping_options {
    const char *event;        /* every row is of this type ... */
    const char *event_column; /* ... or the column says which */
    const char *time;
    const char *id;
    struct flag_list identifiers; /* TYPE=COLUMN */
    struct flag_list attributes;  /* NAME=COLUMN */
    struct flag_list texts;       /* attributes that are text whatever they look like */
    struct time_format time_format;
};

struct csv_column {
    char *name; /* identifier type or attribute name */
    size_t column;
    bool text;
};

struct csv_mapping {
    const struct csv_mapping_options *options;
    size_t event_column, time_column, id_column, columns_needed;
    struct csv_column *identifiers, *attributes; /* counted by the options' lists */
};

/* PATRON_INVALID: a column that is not there, or a mapping that makes no sense. */
enum patron_code csv_mapping_open(struct csv_mapping *mapping, const struct csv_mapping_options *options,
    const struct delimited *delimited, struct error *error) MUST_CHECK;
void csv_mapping_close(struct csv_mapping *mapping);

/* PATRON_INVALID and PATRON_OUT_OF_RANGE: this row is broken, the next call goes on. */
enum patron_code csv_event_next(const struct csv_mapping *mapping, struct delimited *delimited,
    struct arena *scratch, struct event_row *row, struct error *error) MUST_CHECK;

#endif
