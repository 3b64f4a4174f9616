#include "store/base/time_text.h"

#include <stdio.h>

#include "store/base/limits.h"

int64_t days_from_civil(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = floor_divide(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void civil_from_days(int64_t days, int64_t *year, int *month, int *day)
{
    days += 719468;
    int64_t era = floor_divide(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *month = (int)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

size_t time_to_text(int64_t time_us, char *text)
{
    int64_t days = floor_divide(time_us, MICROSECONDS_PER_DAY);
    int64_t rest = time_us % MICROSECONDS_PER_DAY; /* not by days * a day, which overflows at the earliest times */
    if (rest < 0)
        rest += MICROSECONDS_PER_DAY;
    int64_t year;
    int month, day;
    civil_from_days(days, &year, &month, &day);
    int64_t second = rest / MICROSECONDS_PER_SECOND;
    int length = snprintf(text, TIME_TEXT_MAX, "%04lld-%02d-%02dT%02d:%02d:%02d", (long long)year, month, day,
        (int)(second / 3600), (int)(second / 60 % 60), (int)(second % 60));
    int64_t micros = rest % MICROSECONDS_PER_SECOND;
    if (micros != 0) {
        length += snprintf(text + length, TIME_TEXT_MAX - (size_t)length, ".%06d", (int)micros);
        while (text[length - 1] == '0')
            length--;
    }
    text[length++] = 'Z';
    text[length] = '\0';
    return (size_t)length;
}

/* Reads exactly `digits` digits at *at. */
static bool digits_parse(struct bytes text, size_t *at, int digits, int *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++) {
        if (*at >= text.length || text.data[*at] < '0' || text.data[*at] > '9')
            return false;
        *value = *value * 10 + (text.data[(*at)++] - '0');
    }
    return true;
}

static bool literal_parse(struct bytes text, size_t *at, char literal)
{
    if (*at >= text.length || text.data[*at] != (uint8_t)literal)
        return false;
    (*at)++;
    return true;
}

static bool date_parse(struct bytes text, size_t *at, int64_t *days)
{
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year, month, day;
    if (!digits_parse(text, at, 4, &year) || !literal_parse(text, at, '-') || !digits_parse(text, at, 2, &month) ||
        !literal_parse(text, at, '-') || !digits_parse(text, at, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1])
        return false;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (month == 2 && day == 29 && !leap)
        return false;
    *days = days_from_civil(year, month, day);
    return true;
}

static bool clock_parse(struct bytes text, size_t *at, int64_t *clock_us)
{
    int hour, minute, second = 0;
    if (!digits_parse(text, at, 2, &hour) || !literal_parse(text, at, ':') || !digits_parse(text, at, 2, &minute))
        return false;
    int64_t micros = 0;
    if (literal_parse(text, at, ':')) {
        if (!digits_parse(text, at, 2, &second))
            return false;
        if (literal_parse(text, at, '.')) {
            int64_t unit = MICROSECONDS_PER_SECOND;
            int digit;
            if (!digits_parse(text, at, 1, &digit))
                return false;
            do {
                unit /= 10;
                if (unit == 0 && digit != 0)
                    return false;
                micros += digit * unit;
            } while (digits_parse(text, at, 1, &digit));
        }
    }
    if (hour > 23 || minute > 59 || second > 59)
        return false;
    *clock_us = ((hour * 60 + minute) * INT64_C(60) + second) * MICROSECONDS_PER_SECOND + micros;
    return true;
}

static bool offset_parse(struct bytes text, size_t *at, int64_t *offset_us)
{
    *offset_us = 0;
    if (*at == text.length || literal_parse(text, at, 'Z') || literal_parse(text, at, 'z'))
        return true;
    bool west = text.data[*at] == '-';
    if (!west && text.data[*at] != '+')
        return false;
    (*at)++;
    int hour, minute;
    if (!digits_parse(text, at, 2, &hour))
        return false;
    (void)literal_parse(text, at, ':');
    if (!digits_parse(text, at, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *offset_us = (west ? -1 : 1) * (hour * 60 + minute) * MICROSECONDS_PER_MINUTE;
    return true;
}

enum patron_code time_from_text(struct bytes text, int64_t *time_us, struct error *error)
{
    size_t at = 0;
    int64_t days = 0, clock_us = 0, offset_us = 0;
    bool good = date_parse(text, &at, &days);
    if (good && at < text.length) {
        good = text.data[at] == 'T' || text.data[at] == 't' || text.data[at] == ' ';
        at++;
        good = good && clock_parse(text, &at, &clock_us) && offset_parse(text, &at, &offset_us);
    }
    if (!good || at != text.length)
        return error_set(error, PATRON_INVALID,
            "'%.*s' is not a time: write 1997-10-01 or 1997-10-01T12:30:00.5Z", BYTES_ARGUMENTS(text));
    *time_us = days * MICROSECONDS_PER_DAY + clock_us - offset_us;
    return PATRON_OK;
}
