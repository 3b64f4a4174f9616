/* Rows of delimited text: CSV (RFC 4180, by libcsv) with any one-byte delimiter and quote, delimited text without
 * quotes, and columns set apart by runs of blanks (quoted ones follow the same rules, but end on their line).
 *
 * Fields come trimmed of blanks, tabs and carriage returns on both sides, so line ends and column spacing make no
 * difference; blank lines are skipped. A quoted field of CSV may span lines. A broken row is reported with the line
 * it begins on, and reading goes on with the line after that one: an open quote costs one row, not the rest of the
 * file.
 * One thread; the lines are borrowed. */
#ifndef PATRON_CLIENT_DELIMITED_H
#define PATRON_CLIENT_DELIMITED_H

#include <csv.h>

#include "client/lines.h"

/* In place of a delimiter: runs of blanks and tabs. */
enum { DELIMITER_WHITESPACE = 256, QUOTE_NONE = 256 };

struct delimited_options {
    int delimiter;  /* a byte, or DELIMITER_WHITESPACE; 0 is the comma */
    int quote;      /* a byte, or QUOTE_NONE; 0 is the double quote */
    bool no_header; /* columns are known by number only */
};

struct delimited {
    struct lines *lines;
    struct delimited_options options;
    struct csv_parser parser;
    bool row_ended;
    uint8_t *text; /* the fields of the row, one after the other */
    size_t text_length, text_capacity;
    size_t *ends; /* of each field in text */
    size_t count, capacity;
    struct bytes *fields;
    size_t fields_capacity;
    struct bytes *header; /* null without one */
    size_t header_count;
};

struct delimited_row {
    bool end; /* of the file; nothing else is set */
    uint64_t line;
    const struct bytes *fields; /* until the next row */
    size_t count;
};

/* `delimiter` and `quote` as on the command line: a character, "tab", "comma", "whitespace"; "none". Null: default. */
enum patron_code delimited_options_parse(const char *delimiter, const char *quote,
    struct delimited_options *options, struct error *error) MUST_CHECK;

/* Reads the header, if there is one. */
enum patron_code delimited_open(struct delimited *delimited, struct lines *lines,
    const struct delimited_options *options, struct error *error) MUST_CHECK;
void delimited_close(struct delimited *delimited);

/* PATRON_INVALID: the row at row->line is broken, the next call goes on behind it. Anything else ends the file. */
enum patron_code delimited_next(
    struct delimited *delimited, struct delimited_row *row, struct error *error) MUST_CHECK;

/* The column that `reference` means: a name of the header, or a number from 1. */
enum patron_code delimited_column(
    const struct delimited *delimited, const char *reference, size_t *column, struct error *error) MUST_CHECK;

#endif
