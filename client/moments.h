/* Times as people write them on a command line or in a file: moments, durations, and evenly stepped moments. All UTC,
 * all microseconds. Failure is PATRON_INVALID with words that say what to write instead. */
#ifndef PATRON_CLIENT_MOMENTS_H
#define PATRON_CLIENT_MOMENTS_H

#include "store/base/bytes.h"
#include "store/base/error.h"

/* RFC 3339 (time_text.h), or a whole number of microseconds since 1970. */
enum patron_code moment_parse(struct bytes text, int64_t *time_us, struct error *error) MUST_CHECK;

/* "90s", "15m", "12h", "7d", "2w", "250ms", "10us", "0". Not negative. */
enum patron_code duration_parse(const char *text, int64_t *duration_us, struct error *error) MUST_CHECK;

/* The moments from, from + step, from + 2 steps … up to and with `to`. A step is a duration, or months and years of the
 * calendar ("1mo", "3mo", "1y"): those count from `from` each time, and end on a month's last day where it is shorter.
 * At most MOMENTS_MAX. *moments is the caller's to memory_free. */
enum { MOMENTS_MAX = 10000 };
enum patron_code moments_every(const char *step, int64_t from_us, int64_t to_us, int64_t **moments,
    size_t *count, struct error *error) MUST_CHECK;

/* How a file writes its times. */
enum time_format_kind {
    TIME_RFC3339,
    TIME_UNIX,         /* seconds, with up to six decimals */
    TIME_UNIX_MS,      /* milliseconds, with up to three decimals */
    TIME_MICROSECONDS, /* a whole number */
    TIME_PATTERN,      /* strptime(3) */
};

struct time_format {
    enum time_format_kind kind;
    const char *pattern;
};

/* "rfc3339", "unix", "unix_ms", "unix_us", or a pattern such as "%Y%m%d". The pattern is borrowed. */
enum patron_code time_format_parse(
    const char *text, struct time_format *format, struct error *error) MUST_CHECK;
enum patron_code time_format_read(
    const struct time_format *format, struct bytes text, int64_t *time_us, struct error *error) MUST_CHECK;

#endif
