/* metrics: what the server counts, in Prometheus' text format.
 *
 * Owns one set of counters for each RPC method (by status, and a histogram of latency) and a list of plain
 * counters. What others keep (the store's figures, the cache's, the engine's) is written at the time of
 * asking, by whoever wires the server, with metrics_number.
 *
 * Threads: any; counters are atomic, and a page is not one moment. Nothing fails. */
#ifndef PATRON_SERVER_METRICS_H
#define PATRON_SERVER_METRICS_H

#include "store/base/encode.h"

/* X(counter, name, help) */
#define METRIC_COUNTERS(X)                                                                                   \
    X(METRIC_ROWS_NOW, "patron_rows_read_now_total", "Rows read as of now.")                                 \
    X(METRIC_ROWS_AS_OF, "patron_rows_read_as_of_total", "Rows read as of a past moment.")                   \
    X(METRIC_ROWS_NOT_FOUND, "patron_rows_not_found_total", "Rows whose identifier was not known.")          \
    X(METRIC_ROWS_SNAPSHOT, "patron_snapshot_rows_total", "Rows sent in snapshots.")                         \
    X(METRIC_SNAPSHOTS, "patron_snapshots_total", "Snapshots begun.")                                        \
    X(METRIC_CALLS_SHED, "patron_calls_shed_total", "Calls refused because too many were under way.")        \
    X(METRIC_CALLS_LATE, "patron_calls_late_total", "Calls not worked on: their deadline had passed.")       \
    X(METRIC_CALLS_UNKNOWN, "patron_calls_unknown_total", "Calls of methods that do not exist.")

enum metric_counter {
#define X(counter, name, help) counter,
    METRIC_COUNTERS(X)
#undef X
        METRIC_COUNTER_COUNT
};

struct metrics;

/* `methods` are paths ("/patron.v1.Features/GetFeatures"), borrowed for as long as the metrics live. */
struct metrics *metrics_new(const char *const *methods, size_t method_count);
void metrics_free(struct metrics *metrics); /* null is fine */

void metrics_add(struct metrics *metrics, enum metric_counter counter, uint64_t more);
/* A call of methods[method] ended with a gRPC status after so long. */
void metrics_call_ended(struct metrics *metrics, size_t method, int status, int64_t latency_us);

/* Appends the page of all of the above. */
void metrics_write(const struct metrics *metrics, struct encoder *page);
/* Appends one more number. `type` is "gauge" or "counter". */
void metrics_number(struct encoder *page, const char *name, const char *type, const char *help, double value);


/* A family of samples: its head once, then each with its labels. Values of labels are escaped. */
struct metrics_label {
    const char *name;
    struct bytes value; /* at most METRICS_LABEL_BYTES_MAX; the rest is cut */
};
enum { METRICS_LABEL_BYTES_MAX = 256 };
void metrics_head(struct encoder *page, const char *name, const char *type, const char *help);
void metrics_sample(
    struct encoder *page, const char *name, const struct metrics_label *labels, size_t label_count, double value);

#endif
