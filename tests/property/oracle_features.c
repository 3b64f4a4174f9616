/* The oracle's arithmetic: attributes to exact integers, days, windows, aggregates. Every aggregate looks at a plain
 * list of events; nothing is kept between questions. */
#include "tests/property/oracle_inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int64_t SECOND = 1000000;

/* --- attributes ----------------------------------------------------------------------------------------- */

bool oracle_is_utf8(struct oracle_text text)
{
    const unsigned char *at = (const unsigned char *)text.data;
    size_t left = text.length;
    while (left > 0) {
        size_t length = *at < 0x80 ? 1 : *at >= 0xC2 && *at < 0xE0 ? 2 : (*at & 0xF0) == 0xE0 ? 3 : 4;
        if ((*at >= 0x80 && *at < 0xC2) || *at > 0xF4 || length > left)
            return false;
        uint32_t point = length == 1 ? *at : *at & (0xFFu >> (length + 1));
        for (size_t i = 1; i < length; i++) {
            if ((at[i] & 0xC0) != 0x80)
                return false;
            point = point << 6 | (at[i] & 0x3F);
        }
        if ((length == 3 && point < 0x800) || (length == 4 && (point < 0x10000 || point > 0x10FFFF)) ||
            (point >= 0xD800 && point < 0xE000))
            return false;
        at += length;
        left -= length;
    }
    return true;
}

static oracle_int128 power_of_ten(int power)
{
    oracle_int128 result = 1;
    for (; power > 0; power--)
        result *= 10;
    return result;
}

/* numerator / denominator to the nearest integer, half to even. */
static oracle_int128 divide_half_even(oracle_int128 numerator, oracle_int128 denominator)
{
    bool negative = numerator < 0;
    oracle_int128 magnitude = negative ? -numerator : numerator;
    oracle_int128 quotient = magnitude / denominator;
    oracle_int128 twice = 2 * (magnitude % denominator);
    if (twice > denominator || (twice == denominator && quotient % 2 != 0))
        quotient++;
    return negative ? -quotient : quotient;
}

static bool convert_money(const struct oracle_attribute *given, oracle_int128 *micros)
{
    if (given->kind == ORACLE_GIVEN_INTEGER) {
        *micros = (oracle_int128)given->integer * 1000000;
    } else if (given->kind == ORACLE_GIVEN_DECIMAL) {
        oracle_int128 too_fine = power_of_ten(given->places > 6 ? given->places - 6 : 0);
        if (given->malformed || given->mantissa % too_fine != 0)
            return false;
        *micros = given->mantissa / too_fine * power_of_ten(given->places < 6 ? 6 - given->places : 0);
    } else if (given->kind == ORACLE_GIVEN_REAL) {
        if (!isfinite(given->real) || fabs(given->real) > 9e12)
            return false;
        char text[64]; /* the nearest six decimals; they must lead back to the same double */
        snprintf(text, sizeof text, "%.6f", given->real);
        if (strtod(text, NULL) != given->real)
            return false;
        char *point = strchr(text, '.');
        memmove(point, point + 1, strlen(point));
        *micros = strtoll(text, NULL, 10);
    } else {
        return false;
    }
    return *micros <= INT64_MAX && *micros >= -INT64_MAX;
}

static bool convert_number(const struct oracle_attribute *given, oracle_int128 *fixed)
{
    const oracle_int128 one = (oracle_int128)1 << 32;
    const oracle_int128 bound = (oracle_int128)1 << 53;
    if (given->kind == ORACLE_GIVEN_INTEGER) {
        *fixed = (oracle_int128)given->integer * one;
        return given->integer < bound && given->integer > -bound;
    }
    if (given->kind == ORACLE_GIVEN_DECIMAL) {
        oracle_int128 divisor = power_of_ten(given->places);
        if (given->malformed || given->mantissa / divisor >= bound || given->mantissa / divisor <= -bound)
            return false;
        *fixed = divide_half_even(given->mantissa * one, divisor);
        return true;
    }
    if (given->kind != ORACLE_GIVEN_REAL || !isfinite(given->real) || fabs(given->real) >= 9007199254740992.0)
        return false;
    int exponent = 0;
    oracle_int128 digits = (oracle_int128)ldexp(frexp(given->real, &exponent), 53);
    int shift = exponent - 53 + 32;
    if (shift >= 0)
        *fixed = digits * ((oracle_int128)1 << shift);
    else
        *fixed = shift < -60 ? 0 : divide_half_even(digits, (oracle_int128)1 << -shift);
    return true;
}

static bool convert_integer(const struct oracle_attribute *given, oracle_int128 *whole)
{
    const oracle_int128 bound = (oracle_int128)1 << 53;
    if (given->kind == ORACLE_GIVEN_INTEGER) {
        *whole = given->integer;
    } else if (given->kind == ORACLE_GIVEN_DECIMAL) {
        oracle_int128 divisor = power_of_ten(given->places);
        if (given->malformed || given->mantissa % divisor != 0)
            return false;
        *whole = given->mantissa / divisor;
    } else if (given->kind == ORACLE_GIVEN_REAL) {
        if (!isfinite(given->real) || fabs(given->real) >= 9007199254740992.0 ||
            floor(given->real) != given->real)
            return false;
        *whole = (oracle_int128)given->real;
    } else {
        return false;
    }
    return *whole<bound && * whole> - bound;
}

bool oracle_convert(
    enum oracle_attribute_type type, const struct oracle_attribute *given, struct oracle_scalar *scalar)
{
    memset(scalar, 0, sizeof *scalar);
    switch (type) {
    case ORACLE_MONEY:
        return convert_money(given, &scalar->number);
    case ORACLE_NUMBER:
        return convert_number(given, &scalar->number);
    case ORACLE_INTEGER:
        return convert_integer(given, &scalar->number);
    case ORACLE_BOOL:
        scalar->number = given->flag;
        return given->kind == ORACLE_GIVEN_FLAG;
    case ORACLE_STRING:
        break;
    }
    if (given->kind != ORACLE_GIVEN_TEXT || given->text.length > 1024 || !oracle_is_utf8(given->text))
        return false;
    if (given->text.length > sizeof scalar->text)
        abort(); /* the histories keep short texts only */
    if (given->text.length > 0)
        memcpy(scalar->text, given->text.data, given->text.length);
    scalar->text_length = given->text.length;
    return true;
}

bool oracle_scalar_equal(
    enum oracle_attribute_type type, const struct oracle_scalar *a, const struct oracle_scalar *b)
{
    if (type != ORACLE_STRING)
        return a->number == b->number;
    return a->text_length == b->text_length && memcmp(a->text, b->text, a->text_length) == 0;
}

/* --- time ----------------------------------------------------------------------------------------------- */

static int64_t floor_of(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    while (quotient * b > a)
        quotient--;
    return quotient;
}

int64_t oracle_day(int64_t time_us)
{
    time_t seconds = (time_t)floor_of(time_us, SECOND);
    struct tm local;
    if (localtime_r(&seconds, &local) == NULL)
        abort();
    return floor_of((int64_t)seconds + local.tm_gmtoff, 86400);
}

int64_t oracle_day_start(int64_t day)
{
    int64_t before = (day - 2) * 86400;
    int64_t after = (day + 2) * 86400;
    while (after - before > 1) {
        int64_t middle = before + (after - before) / 2;
        if (oracle_day(middle * SECOND) >= day)
            after = middle;
        else
            before = middle;
    }
    return after * SECOND;
}

int64_t oracle_tile(int64_t window_us, int64_t time_us)
{
    if (window_us < 12 * 3600 * SECOND)
        return floor_of(time_us, 300 * SECOND);
    if (window_us < 12 * 86400 * SECOND)
        return floor_of(time_us, 3600 * SECOND);
    return oracle_day(time_us);
}

bool oracle_time_zone_usable(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
    time_t summer = 1751328000; /* 2025-07-01 */
    struct tm local;
    if (localtime_r(&summer, &local) == NULL)
        return false;
    return strcmp(name, "UTC") == 0 || local.tm_gmtoff != 0;
}

/* --- which events count ---------------------------------------------------------------------------------- */

static bool in_range(const struct oracle_filter *filter, oracle_int128 number)
{
    if (filter->has_low && (number < filter->low || (filter->low_open && number == filter->low)))
        return false;
    return !filter->has_high || number < filter->high || (!filter->high_open && number == filter->high);
}

bool oracle_matches(const struct oracle_event_type *type, const struct oracle_filter *filters, size_t count,
    const struct oracle_kept_event *event)
{
    for (size_t i = 0; i < count; i++) {
        const struct oracle_filter *filter = &filters[i];
        const struct oracle_scalar *value = &event->values[filter->attribute];
        bool passes = filter->equal_count == 0 && in_range(filter, value->number);
        for (size_t j = 0; j < filter->equal_count && !passes; j++)
            passes = oracle_scalar_equal(type->attributes[filter->attribute].type, value, &filter->equals[j]);
        if (!event->present[filter->attribute] || !passes)
            return false;
    }
    return true;
}

static bool takes_attribute(const struct oracle_feature *feature)
{
    switch (feature->aggregation) {
    case ORACLE_COUNT:
    case ORACLE_AGE_FIRST:
    case ORACLE_AGE_LAST:
    case ORACLE_RATIO:
    case ORACLE_GAP_MEAN:
    case ORACLE_GAP_STDDEV:
    case ORACLE_GAP_LAST:
    case ORACLE_ACTIVE_DAYS:
    case ORACLE_STREAK_CURRENT:
    case ORACLE_STREAK_LONGEST:
        return false;
    case ORACLE_DECAYED:
        return !feature->decays_events;
    default:
        return true;
    }
}

/* Whether it is an event of this feature's, whenever it was. */
static bool concerns(const struct oracle_definitions *definitions, const struct oracle_feature *feature,
    const struct oracle_kept_event *event)
{
    return event->type == feature->event && (!takes_attribute(feature) || event->present[feature->attribute]) &&
           (!feature->ranked_by_sum || event->present[feature->by]) &&
           oracle_matches(&definitions->events[feature->event], feature->filters, feature->filter_count, event);
}

static bool in_window(const struct oracle_feature *feature, const struct oracle_kept_event *event, int64_t head_tile,
    int64_t end_tile)
{
    if (feature->window_us == 0)
        return true;
    int64_t tile =
        feature->window_us < 12 * 86400 * SECOND ? oracle_tile(feature->window_us, event->time_us) : event->day;
    return tile >= head_tile && (feature->offset_us == 0 || tile < end_tile);
}

/* --- aggregates ----------------------------------------------------------------------------------------- */

const struct oracle_scalar *oracle_value_of(const struct oracle_counted *counted, size_t i)
{
    return &counted->events[i]->values[counted->attribute];
}

double oracle_scale(enum oracle_attribute_type type)
{
    return type == ORACLE_MONEY ? 1e6 : type == ORACLE_NUMBER ? 4294967296.0 : 1.0;
}

static oracle_int128 sum_of(const struct oracle_counted *counted)
{
    oracle_int128 sum = 0;
    for (size_t i = 0; i < counted->count; i++)
        sum += oracle_value_of(counted, i)->number;
    return sum;
}

/* The event that is first (or last) by event time, then by hash. */
static size_t edge_of(const struct oracle_counted *counted, bool last)
{
    size_t best = 0;
    for (size_t i = 1; i < counted->count; i++) {
        const struct oracle_kept_event *a = counted->events[best];
        const struct oracle_kept_event *b = counted->events[i];
        bool earlier = b->time_us < a->time_us ||
                       (b->time_us == a->time_us && memcmp(b->hash, a->hash, sizeof a->hash) < 0);
        if (earlier != last)
            best = i;
    }
    return best;
}

static size_t extreme_of(const struct oracle_counted *counted, bool largest)
{
    size_t best = 0;
    for (size_t i = 1; i < counted->count; i++) {
        oracle_int128 a = oracle_value_of(counted, best)->number;
        oracle_int128 b = oracle_value_of(counted, i)->number;
        if (largest ? b > a : b < a)
            best = i;
    }
    return best;
}

void oracle_put_integer(struct oracle_value *value, int64_t integer)
{
    value->status = ORACLE_PRESENT;
    value->integer = integer;
}

void oracle_put_real(struct oracle_value *value, double real)
{
    value->status = ORACLE_PRESENT;
    value->real = real;
}

void oracle_put_scaled(struct oracle_value *value, enum oracle_attribute_type type, oracle_int128 scaled)
{
    value->status = ORACLE_PRESENT;
    if (value->type == ORACLE_VALUE_INT64 || value->type == ORACLE_VALUE_BOOL) {
        value->integer = (int64_t)scaled;
        return;
    }
    value->real = (double)scaled / oracle_scale(type);
    if (value->type == ORACLE_VALUE_MONEY)
        value->exact = scaled;
}

void oracle_put_scalar(
    struct oracle_value *value, enum oracle_attribute_type type, const struct oracle_scalar *scalar)
{
    if (type == ORACLE_STRING) {
        value->status = ORACLE_PRESENT;
        value->text = (struct oracle_text){scalar->text, scalar->text_length};
    } else {
        oracle_put_scaled(value, type, scalar->number);
    }
}

static void put_variance(struct oracle_value *value, const struct oracle_counted *counted, bool root)
{
    if (counted->count < 2)
        return;
    oracle_int128 *values = calloc(counted->count, sizeof *values);
    if (values == NULL)
        abort();
    for (size_t i = 0; i < counted->count; i++)
        values[i] = oracle_value_of(counted, i)->number;
    double variance = oracle_variance(values, counted->count, oracle_scale(counted->type));
    oracle_put_real(value, root ? sqrt(variance) : variance);
    free(values);
}

static void put_ratio(struct oracle_value *value, const struct oracle_definitions *definitions,
    const struct oracle_feature *feature, const struct oracle_counted *counted)
{
    size_t matching = 0;
    for (size_t i = 0; i < counted->count; i++)
        matching += oracle_matches(&definitions->events[feature->event], feature->matching, feature->matching_count,
            counted->events[i]);
    oracle_put_real(value, (double)matching / (double)counted->count);
}

static void evaluate_some(const struct oracle_definitions *definitions, const struct oracle_feature *feature,
    const struct oracle_counted *counted, int64_t as_of_us, struct oracle_value *value)
{
    bool last = feature->aggregation == ORACLE_LAST || feature->aggregation == ORACLE_AGE_LAST;
    switch (feature->aggregation) {
    case ORACLE_MEAN:
        oracle_put_real(
            value, (double)sum_of(counted) / ((double)counted->count * oracle_scale(counted->type)));
        break;
    case ORACLE_MIN:
    case ORACLE_MAX:
        oracle_put_scalar(value, counted->type,
            oracle_value_of(counted, extreme_of(counted, feature->aggregation == ORACLE_MAX)));
        break;
    case ORACLE_FIRST:
    case ORACLE_LAST:
        oracle_put_scalar(value, counted->type, oracle_value_of(counted, edge_of(counted, last)));
        break;
    case ORACLE_AGE_FIRST:
    case ORACLE_AGE_LAST:
        oracle_put_real(value, (double)(as_of_us - counted->events[edge_of(counted, last)]->time_us) /
                                   (double)feature->unit_us);
        break;
    case ORACLE_VARIANCE:
    case ORACLE_STDDEV:
        put_variance(value, counted, feature->aggregation == ORACLE_STDDEV);
        break;
    case ORACLE_RATIO:
        put_ratio(value, definitions, feature, counted);
        break;
    case ORACLE_TOP:
        oracle_evaluate_top(feature, counted, value);
        break;
    default:
        oracle_evaluate_days(feature, counted, as_of_us, value);
        break;
    }
}

enum oracle_value_type oracle_feature_type(const struct oracle_definitions *definitions, size_t feature)
{
    const struct oracle_feature *of = &definitions->features[feature];
    enum oracle_attribute_type type = definitions->events[of->event].attributes[of->attribute].type;
    switch (of->aggregation) {
    case ORACLE_COUNT:
    case ORACLE_DISTINCT:
    case ORACLE_RFM_FREQUENCY:
    case ORACLE_RFM_RECENCY:
    case ORACLE_RFM_T:
    case ORACLE_GAP_LAST:
    case ORACLE_ACTIVE_DAYS:
    case ORACLE_STREAK_CURRENT:
    case ORACLE_STREAK_LONGEST:
        return ORACLE_VALUE_INT64;
    case ORACLE_SUM:
        return type == ORACLE_MONEY  ? ORACLE_VALUE_MONEY
               : type == ORACLE_BOOL ? ORACLE_VALUE_INT64
                                     : ORACLE_VALUE_DOUBLE;
    case ORACLE_MIN:
    case ORACLE_MAX:
    case ORACLE_FIRST:
    case ORACLE_LAST:
    case ORACLE_TOP:
        return type == ORACLE_MONEY    ? ORACLE_VALUE_MONEY
               : type == ORACLE_NUMBER ? ORACLE_VALUE_DOUBLE
               : type == ORACLE_BOOL   ? ORACLE_VALUE_BOOL
               : type == ORACLE_STRING ? ORACLE_VALUE_STRING
                                       : ORACLE_VALUE_INT64;
    case ORACLE_DERIVED:
        return definitions->expressions[of->expression].type;
    default:
        return ORACLE_VALUE_DOUBLE;
    }
}

/* --- statuses -------------------------------------------------------------------------------------------- */

static void put_constant(struct oracle_value *value, const struct oracle_constant *constant)
{
    value->status = ORACLE_DEFAULT;
    value->real = constant->real;
    value->integer = constant->integer;
    value->exact = constant->exact;
    value->text = (struct oracle_text){constant->text, constant->text_length};
}

void oracle_take_default(struct oracle_value *value, const struct oracle_constant *constant)
{
    if (constant->given && value->status != ORACLE_PRESENT && value->status != ORACLE_STALE)
        put_constant(value, constant);
}

void oracle_settle(struct oracle_value *value, const struct oracle_constant *constant)
{
    if (value->status != ORACLE_STALE)
        return;
    value->status = ORACLE_NULL;
    oracle_take_default(value, constant);
}

/* T minus the newest event's time; a value, where there is one, from none that is new enough is stale. */
static void put_age(struct oracle_value *value, const struct oracle_definitions *definitions,
    const struct oracle_feature *feature, const struct oracle_kept_event *const *events, size_t event_count,
    int64_t as_of_us)
{
    int64_t newest_us = INT64_MIN;
    for (size_t i = 0; i < event_count; i++)
        if (concerns(definitions, feature, events[i]) && events[i]->time_us > newest_us)
            newest_us = events[i]->time_us;
    if (newest_us == INT64_MIN)
        return;
    value->age_us = as_of_us - newest_us;
    if (value->status == ORACLE_PRESENT && value->age_us > feature->max_age_us)
        value->status = ORACLE_STALE;
}

static void evaluate_events(const struct oracle_definitions *definitions, const struct oracle_feature *feature,
    const struct oracle_kept_event *const *events, size_t event_count, int64_t as_of_us, struct oracle_value *value)
{
    struct oracle_counted counted = {.attribute = feature->attribute};
    counted.type = definitions->events[feature->event].attributes[feature->attribute].type;
    counted.events = calloc(event_count + 1, sizeof *counted.events);
    if (counted.events == NULL)
        abort();
    int64_t end_us = as_of_us - feature->offset_us;
    int64_t head_tile = feature->window_us == 0 ? 0 : oracle_tile(feature->window_us, end_us - feature->window_us);
    int64_t end_tile = feature->window_us == 0 ? 0 : oracle_tile(feature->window_us, end_us);
    for (size_t i = 0; i < event_count; i++)
        if (concerns(definitions, feature, events[i]) && in_window(feature, events[i], head_tile, end_tile))
            counted.events[counted.count++] = events[i];
    if (feature->aggregation == ORACLE_COUNT)
        oracle_put_integer(value, (int64_t)counted.count);
    else if (feature->aggregation == ORACLE_SUM)
        oracle_put_scaled(value, counted.type, sum_of(&counted));
    else if (feature->aggregation == ORACLE_DISTINCT)
        oracle_put_integer(value, oracle_distinct(&counted));
    else if (feature->aggregation == ORACLE_ACTIVE_DAYS || feature->aggregation == ORACLE_STREAK_CURRENT ||
             feature->aggregation == ORACLE_STREAK_LONGEST || counted.count > 0)
        evaluate_some(definitions, feature, &counted, as_of_us, value);
    free(counted.events);
    if (feature->max_age_us != 0)
        put_age(value, definitions, feature, events, event_count, as_of_us);
}

void oracle_evaluate(const struct oracle_definitions *definitions, size_t feature,
    const struct oracle_kept_event *const *events, size_t event_count, int64_t as_of_us, struct oracle_row *row)
{
    const struct oracle_feature *of = &definitions->features[feature];
    struct oracle_value *value = &row->values[feature];
    *value = (struct oracle_value){.status = ORACLE_NULL};
    value->type = (uint8_t)oracle_feature_type(definitions, feature);
    if (of->aggregation == ORACLE_DERIVED)
        oracle_evaluate_derived(definitions, feature, row, value);
    else
        evaluate_events(definitions, of, events, event_count, as_of_us, value);
    oracle_take_default(value, &of->otherwise);
}
