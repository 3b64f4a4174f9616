/* The oracle's days: what is worked out from the days on which something happened. */
#include <math.h>
#include <stdlib.h>

#include <sleef.h>

#include "tests/property/oracle_inside.h"

struct day {
    int64_t day;
    int64_t events;
    oracle_int128 total;
};

static const int64_t DAY_US = INT64_C(86400000000);

/* Days with events, ascending; the caller's to free. */
static struct day *days_of(const struct oracle_counted *counted, size_t *count)
{
    struct day *days = calloc(counted->count + 1, sizeof *days);
    if (days == NULL)
        abort();
    *count = 0;
    for (size_t i = 0; i < counted->count; i++) {
        int64_t day = counted->events[i]->day;
        size_t at = *count;
        while (at > 0 && days[at - 1].day >= day)
            at--;
        if (at == *count || days[at].day != day) {
            for (size_t j = (*count)++; j > at; j--)
                days[j] = days[j - 1];
            days[at] = (struct day){.day = day};
        }
        days[at].events++;
        days[at].total += oracle_value_of(counted, i)->number;
    }
    return days;
}

static void evaluate_rfm(enum oracle_aggregation aggregation, const struct day *days, size_t count,
    enum oracle_attribute_type type, int64_t today, struct oracle_value *value)
{
    oracle_int128 repeats = 0;
    for (size_t i = 1; i < count; i++)
        repeats += days[i].total;
    if (aggregation == ORACLE_RFM_FREQUENCY)
        oracle_put_integer(value, (int64_t)count - 1);
    else if (aggregation == ORACLE_RFM_RECENCY)
        oracle_put_integer(value, days[count - 1].day - days[0].day);
    else if (aggregation == ORACLE_RFM_T)
        oracle_put_integer(value, today - days[0].day);
    else if (count > 1)
        oracle_put_real(value, (double)repeats / ((double)(count - 1) * oracle_scale(type)));
}

static void evaluate_gaps(
    enum oracle_aggregation aggregation, const struct day *days, size_t count, struct oracle_value *value)
{
    if (count < 2)
        return;
    if (aggregation == ORACLE_GAP_LAST) {
        oracle_put_integer(value, days[count - 1].day - days[count - 2].day);
    } else if (aggregation == ORACLE_GAP_MEAN) {
        oracle_put_real(value, (double)(days[count - 1].day - days[0].day) / (double)(count - 1));
    } else if (count > 2) {
        oracle_int128 *gaps = calloc(count - 1, sizeof *gaps);
        if (gaps == NULL)
            abort();
        for (size_t i = 1; i < count; i++)
            gaps[i - 1] = days[i].day - days[i - 1].day;
        oracle_put_real(value, sqrt(oracle_variance(gaps, count - 1, 1)));
        free(gaps);
    }
}

static bool has_day(const struct day *days, size_t count, int64_t day)
{
    for (size_t i = 0; i < count; i++)
        if (days[i].day == day)
            return true;
    return false;
}

static int64_t run_until(const struct day *days, size_t count, int64_t day)
{
    int64_t length = 0;
    while (has_day(days, count, day - length))
        length++;
    return length;
}

static void evaluate_streak(const struct oracle_feature *feature, const struct day *days, size_t count,
    int64_t as_of_us, struct oracle_value *value)
{
    int64_t length = 0;
    if (feature->aggregation == ORACLE_STREAK_CURRENT) {
        int64_t end_us = as_of_us;
        if (feature->offset_us != 0) { /* of the first moment that is outside the window again */
            int64_t tile = oracle_tile(feature->window_us, as_of_us - feature->offset_us);
            end_us = feature->window_us < DAY_US / 2    ? tile * (DAY_US / 288)
                     : feature->window_us < 12 * DAY_US ? tile * (DAY_US / 24)
                                                        : oracle_day_start(tile);
        }
        int64_t day = oracle_day(end_us - 1);
        /* where clocks were put back over midnight a day may be later than that: its run does not end there */
        if (count > 0 && days[count - 1].day <= day)
            length = run_until(days, count, has_day(days, count, day) ? day : day - 1);
    } else {
        for (size_t i = 0; i < count; i++) {
            int64_t run = run_until(days, count, days[i].day);
            length = run > length ? run : length;
        }
    }
    oracle_put_integer(value, length);
}

static void evaluate_decayed(const struct oracle_feature *feature, const struct day *days, size_t count,
    enum oracle_attribute_type type, int64_t today, struct oracle_value *value)
{
    const double half_life = (double)feature->half_life_us / (double)DAY_US;
    double decayed = 0.0;
    for (size_t i = 0; i < count; i++) {
        double total =
            feature->decays_events ? (double)days[i].events : (double)days[i].total / oracle_scale(type);
        if (i == 0)
            decayed = total;
        else
            decayed = decayed * Sleef_cinz_exp2d1_u10purec(-(double)(days[i].day - days[i - 1].day) / half_life) +
                      total;
    }
    decayed = decayed * Sleef_cinz_exp2d1_u10purec(-(double)(today - days[count - 1].day) / half_life);
    oracle_put_real(value, decayed);
}

void oracle_evaluate_days(const struct oracle_feature *feature, const struct oracle_counted *counted,
    int64_t as_of_us, struct oracle_value *value)
{
    size_t count = 0;
    struct day *days = days_of(counted, &count);
    int64_t today = oracle_day(as_of_us - 1);
    switch (feature->aggregation) {
    case ORACLE_RFM_FREQUENCY:
    case ORACLE_RFM_RECENCY:
    case ORACLE_RFM_T:
    case ORACLE_RFM_MONETARY:
        evaluate_rfm(feature->aggregation, days, count, counted->type, today, value);
        break;
    case ORACLE_GAP_MEAN:
    case ORACLE_GAP_STDDEV:
    case ORACLE_GAP_LAST:
        evaluate_gaps(feature->aggregation, days, count, value);
        break;
    case ORACLE_ACTIVE_DAYS:
        oracle_put_integer(value, (int64_t)count);
        break;
    case ORACLE_STREAK_CURRENT:
    case ORACLE_STREAK_LONGEST:
        evaluate_streak(feature, days, count, as_of_us, value);
        break;
    case ORACLE_DECAYED:
        evaluate_decayed(feature, days, count, counted->type, today, value);
        break;
    default:
        abort();
    }
    free(days);
}
