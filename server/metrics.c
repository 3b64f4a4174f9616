#include "server/metrics.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include "store/base/arena.h"
#include "store/base/check.h"

enum { STATUS_COUNT = 17, BUCKET_COUNT = 20 };

/* Upper bounds of the latency buckets in microseconds: by two from 25 µs, which is what a call costs at
 * least, to 13 s. */
static int64_t bucket_bound_us(int bucket)
{
    return INT64_C(25) << bucket;
}

struct method_counters {
    const char *path;
    _Atomic uint64_t ended[STATUS_COUNT];
    _Atomic uint64_t in_bucket[BUCKET_COUNT + 1]; /* the last holds what is slower */
    _Atomic uint64_t latency_us_total;
};

struct metrics {
    _Atomic uint64_t counters[METRIC_COUNTER_COUNT];
    size_t method_count;
    struct method_counters methods[];
};

struct metrics *metrics_new(const char *const *methods, size_t method_count)
{
    struct metrics *metrics = memory_alloc(sizeof *metrics + method_count * sizeof metrics->methods[0]);
    metrics->method_count = method_count;
    for (size_t i = 0; i < method_count; i++)
        metrics->methods[i].path = methods[i];
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    memory_free(metrics);
}

static void add(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

static uint64_t get(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void metrics_add(struct metrics *metrics, enum metric_counter counter, uint64_t more)
{
    add(&metrics->counters[counter], more);
}

void metrics_call_ended(struct metrics *metrics, size_t method, int status, int64_t latency_us)
{
    CHECK(method < metrics->method_count);
    CHECK(status >= 0 && status < STATUS_COUNT);
    struct method_counters *counters = &metrics->methods[method];
    if (latency_us < 0)
        latency_us = 0;
    int bucket = 0;
    while (bucket < BUCKET_COUNT && latency_us > bucket_bound_us(bucket))
        bucket++;
    add(&counters->ended[status], 1);
    add(&counters->in_bucket[bucket], 1);
    add(&counters->latency_us_total, (uint64_t)latency_us);
}

static void PRINTF_LIKE(2, 3) page_add(struct encoder *page, const char *format, ...)
{
    char line[512];
    va_list arguments;
    va_start(arguments, format);
    int length =
        vsnprintf(line, sizeof line, format, arguments); // NOLINT(clang-analyzer-valist.Uninitialized)
    va_end(arguments);
    CHECK(length >= 0 && (size_t)length < sizeof line);
    encode_raw(page, line, (size_t)length);
}

void metrics_head(struct encoder *page, const char *name, const char *type, const char *help)
{
    page_add(page, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_number(struct encoder *page, const char *name, const char *type, const char *help, double value)
{
    metrics_head(page, name, type, help);
    page_add(page, "%s %.17g\n", name, value);
}

/* As Prometheus' text format wants it: backslash, quote and line break are escaped. */
static void label_write(struct encoder *page, struct bytes value)
{
    size_t length = value.length;
    if (length > METRICS_LABEL_BYTES_MAX) {
        length = METRICS_LABEL_BYTES_MAX;
        while (length > 0 && (value.data[length] & 0xc0) == 0x80) /* not within a character */
            length--;
    }
    for (size_t i = 0; i < length; i++) {
        if (value.data[i] == '\n') {
            encode_raw(page, "\\n", 2);
            continue;
        }
        if (value.data[i] == '\\' || value.data[i] == '"')
            encode_u8(page, '\\');
        encode_u8(page, value.data[i]);
    }
}

void metrics_sample(
    struct encoder *page, const char *name, const struct metrics_label *labels, size_t label_count, double value)
{
    page_add(page, "%s", name);
    for (size_t i = 0; i < label_count; i++) {
        page_add(page, "%s%s=\"", i == 0 ? "{" : ",", labels[i].name);
        label_write(page, labels[i].value);
        encode_u8(page, '"');
    }
    page_add(page, "%s %.17g\n", label_count ? "}" : "", value);
}

static void write_calls(const struct metrics *metrics, struct encoder *page)
{
    static const char *const statuses[STATUS_COUNT] = {"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED"};
    metrics_head(page, "patron_calls_total", "counter", "Calls ended, by method and status.");
    for (size_t i = 0; i < metrics->method_count; i++) {
        const struct method_counters *method = &metrics->methods[i];
        for (int status = 0; status < STATUS_COUNT; status++)
            if (get(&method->ended[status]))
                page_add(page, "patron_calls_total{method=\"%s\",status=\"%s\"} %llu\n", method->path,
                    statuses[status], (unsigned long long)get(&method->ended[status]));
    }
}

static void write_latencies(const struct metrics *metrics, struct encoder *page)
{
    metrics_head(page, "patron_call_seconds", "histogram", "Time from a call's arrival to its end.");
    for (size_t i = 0; i < metrics->method_count; i++) {
        const struct method_counters *method = &metrics->methods[i];
        unsigned long long count = 0;
        for (int bucket = 0; bucket < BUCKET_COUNT; bucket++) {
            count += get(&method->in_bucket[bucket]);
            page_add(page, "patron_call_seconds_bucket{method=\"%s\",le=\"%g\"} %llu\n", method->path,
                (double)bucket_bound_us(bucket) / 1e6, count);
        }
        count += get(&method->in_bucket[BUCKET_COUNT]);
        page_add(page, "patron_call_seconds_bucket{method=\"%s\",le=\"+Inf\"} %llu\n", method->path, count);
        page_add(page, "patron_call_seconds_sum{method=\"%s\"} %.6f\n", method->path,
            (double)get(&method->latency_us_total) / 1e6);
        page_add(page, "patron_call_seconds_count{method=\"%s\"} %llu\n", method->path, count);
    }
}

void metrics_write(const struct metrics *metrics, struct encoder *page)
{
    static const struct {
        const char *name;
        const char *help;
    } counters[] = {
#define X(counter, name, help) {name, help},
        METRIC_COUNTERS(X)
#undef X
    };
    write_calls(metrics, page);
    write_latencies(metrics, page);
    for (size_t i = 0; i < METRIC_COUNTER_COUNT; i++)
        metrics_number(
            page, counters[i].name, "counter", counters[i].help, (double)get(&metrics->counters[i]));
}
