#include "server/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/base/time_text.h"

enum { LOG_LINE_BYTES_MAX = 4096 };

static _Atomic int lowest_level = LEVEL_INFO;

struct line {
    size_t length;
    char text[LOG_LINE_BYTES_MAX];
};

static void line_add(struct line *line, char c)
{
    if (line->length < sizeof line->text - 1) /* the newline has its place kept */
        line->text[line->length++] = c;
}

static void line_text(struct line *line, const char *text)
{
    for (; *text; text++)
        line_add(line, *text);
}

/* A value stands bare if it can; else in quotes, with what would break the line escaped. */
static void line_value(struct line *line, const char *value)
{
    if (*value && !strpbrk(value, " =\"\\\t\r\n")) {
        line_text(line, value);
        return;
    }
    line_add(line, '"');
    for (; *value; value++) {
        unsigned char c = (unsigned char)*value;
        if (c == '"' || c == '\\') {
            line_add(line, '\\');
            line_add(line, (char)c);
        } else if (c == '\n') {
            line_text(line, "\\n");
        } else if (c < ' ' || c == 0x7f) {
            line_add(line, ' ');
        } else {
            line_add(line, (char)c);
        }
    }
    line_add(line, '"');
}

void log_set_level(enum log_level level)
{
    atomic_store(&lowest_level, (int)level);
}

void log_write(enum log_level level, const char *message, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if ((int)level < atomic_load(&lowest_level))
        return;
    struct line line;
    line.length = 0;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    char time_text[TIME_TEXT_MAX];
    time_to_text((int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000, time_text);
    line_text(&line, "ts=");
    line_text(&line, time_text);
    line_text(&line, " level=");
    line_text(&line, names[level]);
    line_text(&line, " msg=");
    line_value(&line, message);
    va_list fields;
    va_start(fields, message);
    for (const char *name; (name = va_arg(fields, const char *)) != NULL;) {
        const char *value = va_arg(fields, const char *);
        line_add(&line, ' ');
        line_text(&line, name);
        line_add(&line, '=');
        line_value(&line, value);
    }
    va_end(fields);
    line.text[line.length++] = '\n';
    ssize_t written = write(STDERR_FILENO, line.text, line.length);
    (void)written; /* there is nowhere left to say so */
}

struct log_number log_number(int64_t value)
{
    struct log_number number;
    snprintf(number.text, sizeof number.text, "%lld", (long long)value);
    return number;
}
