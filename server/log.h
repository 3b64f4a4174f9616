/* log: one line an event, in logfmt, on standard error: ts=… level=… msg="…" and pairs of name and value.
 *
 * Threads: any; a line is one write. Nothing fails: a line that cannot be written is lost. A line is cut at 4
 * KiB. */
#ifndef PATRON_SERVER_LOG_H
#define PATRON_SERVER_LOG_H

#include <stdint.h>

enum log_level { LEVEL_DEBUG = 0, LEVEL_INFO, LEVEL_WARN, LEVEL_ERROR };

/* What lies below is not written. INFO at start. */
void log_set_level(enum log_level level);

/* Names and values by turns, both strings, a null pointer last: log_write(LEVEL_INFO, "ready", "data", path,
 * NULL). */
void log_write(enum log_level level, const char *message, ...) __attribute__((__sentinel__));

/* A number as text, for log_write. */
struct log_number {
    char text[24];
};
struct log_number log_number(int64_t value);

#endif
