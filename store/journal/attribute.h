/* attribute: an event's attribute as its sender gave it, and what it becomes in the definitions' type.
 *
 * Ingestion converts what comes in; a fold converts what was kept by name before its attribute was declared. Both by
 * these rules. Nothing is owned here: a text points where it was given. Threads: any. Failure: PATRON_INVALID, in words
 * without a subject ("is text, but is declared money"), for the caller to put the attribute's name before. */
#ifndef PATRON_JOURNAL_ATTRIBUTE_H
#define PATRON_JOURNAL_ATTRIBUTE_H

#include "store/definitions/definitions.h"

enum attribute_kind { /* what the sender gave; the definitions say what it must become */
    GIVEN_TEXT = 1,
    GIVEN_INTEGER,
    GIVEN_REAL,
    GIVEN_FLAG,
    GIVEN_DECIMAL, /* digits as text */
};

struct event_attribute {
    struct bytes name;
    enum attribute_kind kind;
    struct bytes text; /* TEXT, DECIMAL */
    int64_t integer;
    double real;
    bool flag;
};

/* What it became, and how it was given; kind 0: it was not. */
struct given_value {
    enum attribute_kind kind;
    struct scalar scalar;
};

enum patron_code attribute_convert(const struct event_attribute *given, enum attribute_type type, struct scalar *value,
    struct error *error) MUST_CHECK;
/* Can it be kept as it is? A name of 1 to NAME_BYTES_MAX bytes, a value, of at most TEXT_ATTRIBUTE_BYTES_MAX bytes. */
enum patron_code attribute_check_kept(const struct event_attribute *given, struct error *error) MUST_CHECK;

bool attribute_equal(const struct event_attribute *a, const struct event_attribute *b); /* kind and value, not name */
bool scalar_equal(const struct scalar *a, const struct scalar *b);

#endif
