/* schema: what the sources have sent of late, and what of it should make somebody look.
 *
 * schema_read takes the counters' rows (drift.h writes them; at most some seconds old) as a history; schema_report is a
 * pure function of a history, the definitions and a moment, and makes one summary a stream and the findings. "Today" is
 * the UTC day of that moment so far, "before" the seven days before it. All lives in the caller's arena. Threads: any,
 * one arena each. Failure: PATRON_CORRUPT for damaged rows, or the engine's own words; the report does not fail.
 *
 * The rules, all of the day as far as it has come:
 *  NEW      an attribute that first came within the last 24 hours, in a stream that by then had come for a day or more.
 *  UNKNOWN  a name that came today or before and is no attribute of the event type, or an event type that the
 *           definitions do not have.
 *  FAILING  more than 1 % of an attribute's values today did not suit its type, and three times the share before.
 *  NULLS    a declared attribute is absent from more than 20 % of today's events, and from four times the share before:
 *           both of 20 events or more.
 *  RANGE    today's least or greatest number lies outside those before by more than those lie apart; or 20 or more
 *           numbers of today are all the same, where they varied. Before: 20 numbers or more.
 *  SILENT   a stream that came on four days or more of those kept, has not come for three times as long as it usually
 *           is from one of its days to the next (a day at least). For as long as days are kept. */
#ifndef PATRON_SCHEMA_SCHEMA_H
#define PATRON_SCHEMA_SCHEMA_H

#include "store/schema/counters.h"
#include "store/store.h"

enum {
    SCHEMA_BEFORE_DAYS = 7,
    SCHEMA_NEW_DAYS = 1,
    SCHEMA_FAILING_PER_CENT = 1,
    SCHEMA_FAILING_TIMES = 3,
    SCHEMA_NULLS_PER_CENT = 20,
    SCHEMA_NULLS_TIMES = 4,
    SCHEMA_EVENTS_MIN = 20, /* fewer say nothing about a share or a range */
    SCHEMA_SILENT_DAYS_MIN = 4,
    SCHEMA_SILENT_TIMES = 3,
};

/* --- what was counted ------------------------------------------------------------------------------------------- */

struct schema_attribute {
    struct bytes name; /* empty: the rest */
    int64_t first_us, last_us;
};

struct schema_day {
    int64_t day;
    struct schema_totals totals;
    struct schema_counts *counts; /* one for each of the stream's attributes */
};

struct schema_stream {
    struct bytes source, event; /* empty: the rest */
    int64_t first_us, last_us;
    struct schema_attribute *attributes; /* by name */
    size_t attribute_count;
    struct schema_day *days; /* ascending */
    size_t day_count;
};

struct schema_history {
    struct schema_stream *streams; /* by source, then event */
    size_t stream_count;
};

struct schema_filter {
    bool has_source, has_event;
    struct bytes source, event; /* only these; empty: the rest */
};

enum patron_code schema_read(const struct view *view, const struct schema_filter *filter, struct arena *arena,
    struct schema_history *history, struct error *error) MUST_CHECK;

/* --- what it says ----------------------------------------------------------------------------------------------- */

/* X(kind, name in replies and metrics); the numbers are those of the wire. */
#define SCHEMA_FINDING_KINDS(X)                                                                              \
    X(SCHEMA_NEW, 1, "new")                                                                                  \
    X(SCHEMA_UNKNOWN, 2, "unknown")                                                                          \
    X(SCHEMA_FAILING, 3, "failing")                                                                          \
    X(SCHEMA_NULLS, 4, "nulls")                                                                              \
    X(SCHEMA_RANGE, 5, "range")                                                                              \
    X(SCHEMA_SILENT, 6, "silent")

enum schema_finding_kind {
#define X(kind, number, name) kind = number,
    SCHEMA_FINDING_KINDS(X)
#undef X
        SCHEMA_FINDING_KIND_END
};

const char *schema_finding_kind_name(enum schema_finding_kind kind);

struct schema_finding {
    enum schema_finding_kind kind;
    struct bytes source, event;
    struct bytes attribute; /* empty: of the stream as a whole */
    struct bytes words;     /* one sentence without an end */
};

struct schema_attribute_summary {
    struct bytes name;
    const char *type; /* as declared; null: it is not */
    int64_t first_us, last_us;
    struct schema_counts today, before;
};

struct schema_summary {
    struct bytes source, event;
    bool declared; /* is the event type in the definitions? */
    int64_t first_us, last_us;
    struct schema_totals today, before;
    struct schema_attribute_summary *attributes; /* those that came in the days kept, by name */
    size_t attribute_count;
};

struct schema_report {
    struct schema_summary *streams;
    size_t stream_count;
    struct schema_finding *findings; /* by stream, then attribute */
    size_t finding_count;
};

void schema_report(const struct schema_history *history, const struct definitions *definitions, int64_t now_us,
    struct arena *arena, struct schema_report *report);

#endif
