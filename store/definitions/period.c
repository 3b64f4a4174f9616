#include "store/definitions/period.h"

#include "store/base/check.h"
#include "store/base/limits.h"
#include "store/base/time_text.h"
#include "store/definitions/definitions.h"

enum { MONDAY = 4 /* 1970-01-05, in days */ };

int64_t time_zone_day_start(const struct time_zone *zone, int64_t day)
{
    /* No offset from UTC reaches two days. */
    int64_t before_us = (day - 2) * MICROSECONDS_PER_DAY, after_us = (day + 2) * MICROSECONDS_PER_DAY;
    while (after_us - before_us > 1) {
        int64_t middle_us = before_us + (after_us - before_us) / 2;
        if (time_zone_day_from(zone, middle_us) >= day)
            after_us = middle_us;
        else
            before_us = middle_us;
    }
    return after_us;
}

static void period_days(enum period period, int64_t day, int64_t *first, int64_t *next)
{
    int64_t year;
    int month, day_of_month;
    switch (period) {
    case PERIOD_DAY:
        *first = day;
        *next = day + 1;
        return;
    case PERIOD_WEEK:
        *first = floor_divide(day - MONDAY, 7) * 7 + MONDAY;
        *next = *first + 7;
        return;
    case PERIOD_MONTH:
        civil_from_days(day, &year, &month, &day_of_month);
        *first = day - (day_of_month - 1);
        *next = month == 12 ? days_from_civil(year + 1, 1, 1) : days_from_civil(year, month + 1, 1);
        return;
    }
    IMPOSSIBLE("a period outside the list");
}

struct stretch period_of(const struct time_zone *zone, enum period period, int64_t time_us)
{
    int64_t first, next;
    period_days(period, time_zone_day_from(zone, time_us), &first, &next);
    return (struct stretch){time_zone_day_start(zone, first), time_zone_day_start(zone, next)};
}
