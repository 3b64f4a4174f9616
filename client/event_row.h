/* One event as a file brings it: what the CSV and the JSON reader both produce, and the importer sends.
 *
 * All bytes are borrowed from the reader until its next row. Texts are UTF-8 without NUL: readers refuse others. */
#ifndef PATRON_CLIENT_EVENT_ROW_H
#define PATRON_CLIENT_EVENT_ROW_H

#include "store/base/arena.h"
#include "store/base/bytes.h"
#include "store/base/error.h"
#include "store/base/limits.h"

enum row_value { ROW_DECIMAL, ROW_INTEGER, ROW_FLAG, ROW_TEXT };

struct row_identifier {
    struct bytes type, value;
};

struct row_attribute {
    struct bytes name;
    enum row_value kind;
    struct bytes text; /* as written; "true" and "false" for flags */
};

struct event_row {
    bool end;      /* of the file; nothing else is set */
    uint64_t line; /* where the row begins */
    struct bytes type;
    struct bytes id; /* empty: the row has none of its own */
    int64_t time_us;
    struct row_identifier *identifiers;
    size_t identifier_count;
    struct row_attribute *attributes;
    size_t attribute_count;
    const struct bytes *fields; /* of a delimited row, mapped or not: what its id is made of; null for JSON */
    size_t field_count;
};

/* The hash of a row and the id that it gives an event without one; the bytes are specified in event_row.c. */
enum { ROW_HASH_BYTES = 16, ROW_ID_TEXT_MAX = 2 * ROW_HASH_BYTES + 1 };
void event_row_hash(
    const struct event_row *row, struct bytes source, struct arena *scratch, uint8_t hash[ROW_HASH_BYTES]);
void event_row_id(const uint8_t hash[ROW_HASH_BYTES], uint64_t ordinal, char id[ROW_ID_TEXT_MAX]);

/* What every event must be to be sent at all: PATRON_INVALID says what is missing. */
enum patron_code event_row_check(const struct event_row *row, struct error *error) MUST_CHECK;
/* `what` names the text in the error. */
enum patron_code row_text_check(struct bytes text, const char *what, struct error *error) MUST_CHECK;

/* Whether the text is a decimal number as the wire takes it: [+-]digits[.digits][e[+-]digits]. */
bool text_is_number(struct bytes text);

#endif
