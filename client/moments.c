#include "client/moments.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/base/arena.h"
#include "store/base/decimal.h"
#include "store/base/limits.h"
#include "store/base/time_text.h"

static bool all_digits(struct bytes text)
{
    size_t sign = text.length > 1 && text.data[0] == '-';
    for (size_t i = sign; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
    }
    return text.length > sign;
}

/* A whole number that fits 64 bits, all of `text`. */
static bool integer_read(struct bytes text, int64_t *value)
{
    if (!all_digits(text))
        return false;
    bool negative = text.data[0] == '-';
    int64_t sum = 0;
    for (size_t i = negative; i < text.length; i++) {
        int digit = text.data[i] - '0';
        if (__builtin_mul_overflow(sum, 10, &sum) || __builtin_sub_overflow(sum, digit, &sum))
            return false;
    }
    return negative ? (*value = sum, true) : !__builtin_sub_overflow(INT64_C(0), sum, value);
}

static enum patron_code microseconds_read(struct bytes text, int64_t *time_us, struct error *error)
{
    if (!integer_read(text, time_us))
        return error_set(error, PATRON_INVALID, "'%.*s' is not a whole number of microseconds since 1970",
            BYTES_ARGUMENTS(text));
    return PATRON_OK;
}

enum patron_code moment_parse(struct bytes text, int64_t *time_us, struct error *error)
{
    if (!all_digits(text))
        return time_from_text(text, time_us, error);
    TRY(microseconds_read(text, time_us, error));
    /* 20240101 is a date to whoever writes it, and 20 seconds past 1970 to nobody. */
    if (*time_us > -MICROSECONDS_PER_DAY && *time_us < MICROSECONDS_PER_DAY)
        return error_set(error, PATRON_INVALID,
            "'%.*s' is not a time: write 1997-10-01, 1997-10-01T12:30:00Z or microseconds since 1970",
            BYTES_ARGUMENTS(text));
    return PATRON_OK;
}

struct unit {
    const char *name;
    int64_t length_us;
};

static const struct unit units[] = {
    {"us", 1},
    {"ms", 1000},
    {"s", MICROSECONDS_PER_SECOND},
    {"m", MICROSECONDS_PER_MINUTE},
    {"h", MICROSECONDS_PER_HOUR},
    {"d", MICROSECONDS_PER_DAY},
    {"w", 7 * MICROSECONDS_PER_DAY},
};

/* The digits at the start of `text`; *rest is what follows them. */
static bool amount_split(const char *text, int64_t *amount, const char **rest)
{
    size_t digits = strspn(text, "0123456789");
    *rest = text + digits;
    return digits > 0 && integer_read(bytes_of(text, digits), amount);
}

enum patron_code duration_parse(const char *text, int64_t *duration_us, struct error *error)
{
    int64_t amount;
    const char *rest;
    if (amount_split(text, &amount, &rest)) {
        if (*rest == '\0' && amount == 0) {
            *duration_us = 0;
            return PATRON_OK;
        }
        for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
            if (strcmp(rest, units[i].name) == 0 &&
                !__builtin_mul_overflow(amount, units[i].length_us, duration_us) &&
                *duration_us <= EVENT_TIME_MAX_US)
                return PATRON_OK;
        }
    }
    return error_set(error, PATRON_INVALID,
        "'%.100s' is not a length of time: write a number and a unit (us, ms, s, m, h, d, w), such as 30m or "
        "7d",
        text);
}

static int month_length(int64_t year, int month)
{
    int64_t next_year = month == 12 ? year + 1 : year;
    return (
        int)(days_from_civil(next_year, month == 12 ? 1 : month + 1, 1) - days_from_civil(year, month, 1));
}

static int64_t add_months(int64_t time_us, int64_t months)
{
    int64_t days = floor_divide(time_us, MICROSECONDS_PER_DAY);
    int64_t of_day_us = time_us - days * MICROSECONDS_PER_DAY;
    int64_t year;
    int month, day;
    civil_from_days(days, &year, &month, &day);
    int64_t index = year * 12 + month - 1 + months;
    year = floor_divide(index, 12);
    month = (int)(index - year * 12) + 1;
    int last = month_length(year, month);
    return days_from_civil(year, month, day < last ? day : last) * MICROSECONDS_PER_DAY + of_day_us;
}

static bool calendar_step(const char *text, int64_t *months)
{
    const char *rest;
    if (!amount_split(text, months, &rest) || *months < 1 || *months > 12000)
        return false;
    if (strcmp(rest, "y") == 0)
        *months *= 12;
    return strcmp(rest, "mo") == 0 || strcmp(rest, "y") == 0;
}

enum patron_code moments_every(
    const char *step, int64_t from_us, int64_t to_us, int64_t **moments, size_t *count, struct error *error)
{
    int64_t months = 0, step_us = 0;
    if (!calendar_step(step, &months)) {
        months = 0;
        if (duration_parse(step, &step_us, NULL) != PATRON_OK || step_us == 0)
            return error_set(error, PATRON_INVALID,
                "'%.100s' is not a step: write 1mo, 1y, 7d, 1d, 12h or the like", step);
    }
    if (from_us < EVENT_TIME_MIN_US || to_us >= EVENT_TIME_MAX_US)
        return error_set(error, PATRON_OUT_OF_RANGE, "times lie between 1900 and 2200");
    if (from_us > to_us)
        return error_set(error, PATRON_INVALID, "the first moment lies after the last one");
    *moments = NULL;
    *count = 0;
    for (int64_t at_us = from_us; at_us <= to_us;) {
        if (*count == MOMENTS_MAX) {
            memory_free(*moments);
            *moments = NULL;
            return error_set(error, PATRON_INVALID,
                "more than %d moments: take a longer step or a shorter stretch of time", MOMENTS_MAX);
        }
        *moments = memory_resize(*moments, (*count + 1) * sizeof **moments);
        (*moments)[(*count)++] = at_us;
        at_us = months ? add_months(from_us, months * (int64_t)*count) : at_us + step_us;
    }
    return PATRON_OK;
}

enum patron_code time_format_parse(const char *text, struct time_format *format, struct error *error)
{
    static const struct {
        const char *name;
        enum time_format_kind kind;
    } names[] = {
        {"rfc3339", TIME_RFC3339},
        {"unix", TIME_UNIX},
        {"unix_ms", TIME_UNIX_MS},
        {"unix_us", TIME_MICROSECONDS},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i].name) == 0) {
            *format = (struct time_format){.kind = names[i].kind};
            return PATRON_OK;
        }
    }
    if (!strchr(text, '%'))
        return error_set(error, PATRON_INVALID,
            "'%.100s' is not a time format: write rfc3339, unix, unix_ms, unix_us, or a pattern such as "
            "%%Y%%m%%d",
            text);
    /* %s would be read in the machine's own time zone. */
    if (strstr(text, "%s"))
        return error_set(error, PATRON_INVALID, "write --time-format unix instead of %%s");
    *format = (struct time_format){.kind = TIME_PATTERN, .pattern = text};
    return PATRON_OK;
}

/* Broken-down time by strptime; a pattern without a day means the month's first. */
static enum patron_code pattern_read(
    const char *pattern, struct bytes text, int64_t *time_us, struct error *error)
{
    char copy[128];
    struct tm tm = {.tm_mday = 1, .tm_year = 70};
    bool good = text.length > 0 && text.length < sizeof copy && memchr(text.data, '\0', text.length) == NULL;
    if (good) {
        memcpy(copy, text.data, text.length);
        copy[text.length] = '\0';
        const char *end = strptime(copy, pattern, &tm);
        good = end && *end == '\0';
    }
    int64_t year = 1900 + (int64_t)tm.tm_year;
    if (!good || tm.tm_mday < 1 || tm.tm_mday > month_length(year, tm.tm_mon + 1))
        return error_set(
            error, PATRON_INVALID, "'%.*s' is not a time of the form %.60s", BYTES_ARGUMENTS(text), pattern);
    int64_t seconds = days_from_civil(year, tm.tm_mon + 1, tm.tm_mday) * 86400 + tm.tm_hour * 3600 +
                      tm.tm_min * 60 + tm.tm_sec - tm.tm_gmtoff;
    *time_us = seconds * MICROSECONDS_PER_SECOND;
    return PATRON_OK;
}

enum patron_code time_format_read(
    const struct time_format *format, struct bytes text, int64_t *time_us, struct error *error)
{
    switch (format->kind) {
    case TIME_RFC3339:
        return time_from_text(text, time_us, error);
    case TIME_MICROSECONDS:
        return microseconds_read(text, time_us, error);
    case TIME_PATTERN:
        return pattern_read(format->pattern, text, time_us, error);
    case TIME_UNIX:
    case TIME_UNIX_MS: {
        /* Money is read as an exact whole number of millionths, and so are seconds and their microseconds. */
        bool milliseconds = format->kind == TIME_UNIX_MS;
        if (money_from_text(text, time_us, NULL) != PATRON_OK || (milliseconds && *time_us % 1000 != 0))
            return error_set(error, PATRON_INVALID, "'%.*s' is not a number of %s since 1970",
                BYTES_ARGUMENTS(text), milliseconds ? "milliseconds" : "seconds");
        if (milliseconds)
            *time_us /= 1000;
        return PATRON_OK;
    }
    }
    IMPOSSIBLE("a time format outside the list");
}
