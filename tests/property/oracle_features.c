/* The oracle's arithmetic: attributes to exact integers, days, windows, aggregates. Every aggregate looks at a plain
 * list of events; nothing is kept between questions. */
#include "tests/property/oracle_inside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DISTINCT_MAX = 4096 };

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

/* --- aggregates ----------------------------------------------------------------------------------------- */

struct selection {
    const struct oracle_kept_event **events; /* those that pass filter and window */
    size_t count;
    enum oracle_attribute_type type;
    size_t attribute;
};

static int64_t event_tile(int64_t window_us, const struct oracle_kept_event *event)
{
    return window_us < 12 * 86400 * SECOND ? oracle_tile(window_us, event->time_us) : event->day;
}

static bool passes(const struct oracle_definitions *definitions, const struct oracle_feature *feature,
    const struct oracle_kept_event *event, int64_t oldest_tile)
{
    if (event->type != feature->event)
        return false;
    const struct oracle_event_type *type = &definitions->events[feature->event];
    for (size_t i = 0; i < feature->filter_count; i++) {
        size_t attribute = feature->filters[i].attribute;
        if (!event->present[attribute] || !oracle_scalar_equal(type->attributes[attribute].type,
                                              &event->values[attribute], &feature->filters[i].equals))
            return false;
    }
    bool skips_absent = feature->aggregation != ORACLE_COUNT && feature->aggregation != ORACLE_AGE_FIRST &&
                        feature->aggregation != ORACLE_AGE_LAST;
    if (skips_absent && !event->present[feature->attribute])
        return false;
    return feature->window_us == 0 || event_tile(feature->window_us, event) >= oldest_tile;
}

static const struct oracle_scalar *value_of(const struct selection *selection, size_t i)
{
    return &selection->events[i]->values[selection->attribute];
}

static double scale_of(enum oracle_attribute_type type)
{
    return type == ORACLE_MONEY ? 1e6 : type == ORACLE_NUMBER ? 4294967296.0 : 1.0;
}

static oracle_int128 sum_of(const struct selection *selection)
{
    oracle_int128 sum = 0;
    for (size_t i = 0; i < selection->count; i++)
        sum += value_of(selection, i)->number;
    return sum;
}

/* The event that is first (or last) by event time, then by hash. */
static size_t edge_of(const struct selection *selection, bool last)
{
    size_t best = 0;
    for (size_t i = 1; i < selection->count; i++) {
        const struct oracle_kept_event *a = selection->events[best];
        const struct oracle_kept_event *b = selection->events[i];
        bool earlier = b->time_us < a->time_us ||
                       (b->time_us == a->time_us && memcmp(b->hash, a->hash, sizeof a->hash) < 0);
        if (earlier != last)
            best = i;
    }
    return best;
}

static size_t extreme_of(const struct selection *selection, bool largest)
{
    size_t best = 0;
    for (size_t i = 1; i < selection->count; i++) {
        oracle_int128 a = value_of(selection, best)->number;
        oracle_int128 b = value_of(selection, i)->number;
        if (largest ? b > a : b < a)
            best = i;
    }
    return best;
}

static size_t distinct_of(const struct selection *selection)
{
    size_t distinct = 0;
    for (size_t i = 0; i < selection->count; i++) {
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = oracle_scalar_equal(selection->type, value_of(selection, i), value_of(selection, j));
        distinct += !seen;
    }
    return distinct;
}

static void put_integer(struct oracle_value *value, int64_t integer)
{
    value->status = ORACLE_PRESENT;
    value->integer = integer;
}

static void put_real(struct oracle_value *value, double real)
{
    value->status = ORACLE_PRESENT;
    value->real = real;
}

static void put_distinct(struct oracle_value *value, size_t distinct)
{
    if (distinct <= DISTINCT_MAX)
        put_integer(value, (int64_t)distinct);
}

/* A sum or a single value in the attribute's own type. */
static void put_scaled(struct oracle_value *value, enum oracle_attribute_type type, oracle_int128 scaled)
{
    value->status = ORACLE_PRESENT;
    if (value->type == ORACLE_VALUE_INT64 || value->type == ORACLE_VALUE_BOOL) {
        value->integer = (int64_t)scaled;
        return;
    }
    value->real = (double)scaled / scale_of(type);
    if (value->type == ORACLE_VALUE_MONEY)
        value->exact = scaled;
}

static void put_event(struct oracle_value *value, const struct selection *selection, size_t i)
{
    const struct oracle_scalar *scalar = value_of(selection, i);
    if (selection->type == ORACLE_STRING) {
        value->status = ORACLE_PRESENT;
        value->text = (struct oracle_text){scalar->text, scalar->text_length};
    } else {
        put_scaled(value, selection->type, scalar->number);
    }
}

/* Days with at least one event: how many, the first and the last; and the sum over all but the first. */
static void evaluate_rfm(enum oracle_aggregation aggregation, const struct selection *selection,
    int64_t as_of_us, struct oracle_value *value)
{
    int64_t first = INT64_MAX;
    int64_t last = INT64_MIN;
    int64_t days = 0;
    for (size_t i = 0; i < selection->count; i++) {
        int64_t day = selection->events[i]->day;
        bool seen = false;
        for (size_t j = 0; j < i && !seen; j++)
            seen = selection->events[j]->day == day;
        days += !seen;
        first = day < first ? day : first;
        last = day > last ? day : last;
    }
    oracle_int128 repeats = 0;
    for (size_t i = 0; i < selection->count; i++)
        if (selection->events[i]->day != first)
            repeats += value_of(selection, i)->number;
    if (aggregation == ORACLE_RFM_FREQUENCY)
        put_integer(value, days - 1);
    else if (aggregation == ORACLE_RFM_RECENCY)
        put_integer(value, last - first);
    else if (aggregation == ORACLE_RFM_T)
        put_integer(value, oracle_day(as_of_us - 1) - first);
    else if (days > 1)
        put_real(value, (double)repeats / ((double)(days - 1) * scale_of(selection->type)));
}

static void evaluate_some(const struct oracle_feature *feature, const struct selection *selection,
    int64_t as_of_us, struct oracle_value *value)
{
    switch (feature->aggregation) {
    case ORACLE_MEAN:
        put_real(value, (double)sum_of(selection) / ((double)selection->count * scale_of(selection->type)));
        break;
    case ORACLE_MIN:
        put_event(value, selection, extreme_of(selection, false));
        break;
    case ORACLE_MAX:
        put_event(value, selection, extreme_of(selection, true));
        break;
    case ORACLE_FIRST:
        put_event(value, selection, edge_of(selection, false));
        break;
    case ORACLE_LAST:
        put_event(value, selection, edge_of(selection, true));
        break;
    case ORACLE_AGE_FIRST:
    case ORACLE_AGE_LAST: {
        size_t edge = edge_of(selection, feature->aggregation == ORACLE_AGE_LAST);
        put_real(value, (double)(as_of_us - selection->events[edge]->time_us) / (double)feature->unit_us);
        break;
    }
    case ORACLE_RFM_FREQUENCY:
    case ORACLE_RFM_RECENCY:
    case ORACLE_RFM_T:
    case ORACLE_RFM_MONETARY:
        evaluate_rfm(feature->aggregation, selection, as_of_us, value);
        break;
    default:
        abort();
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
        return ORACLE_VALUE_INT64;
    case ORACLE_MEAN:
    case ORACLE_AGE_FIRST:
    case ORACLE_AGE_LAST:
    case ORACLE_RFM_MONETARY:
        return ORACLE_VALUE_DOUBLE;
    case ORACLE_SUM:
        return type == ORACLE_MONEY  ? ORACLE_VALUE_MONEY
               : type == ORACLE_BOOL ? ORACLE_VALUE_INT64
                                     : ORACLE_VALUE_DOUBLE;
    default:
        return type == ORACLE_MONEY    ? ORACLE_VALUE_MONEY
               : type == ORACLE_NUMBER ? ORACLE_VALUE_DOUBLE
               : type == ORACLE_BOOL   ? ORACLE_VALUE_BOOL
               : type == ORACLE_STRING ? ORACLE_VALUE_STRING
                                       : ORACLE_VALUE_INT64;
    }
}

void oracle_evaluate(const struct oracle_definitions *definitions, size_t feature,
    const struct oracle_kept_event *const *events, size_t event_count, int64_t as_of_us,
    struct oracle_value *value)
{
    const struct oracle_feature *of = &definitions->features[feature];
    struct selection selection = {.attribute = of->attribute};
    selection.type = definitions->events[of->event].attributes[of->attribute].type;
    selection.events = calloc(event_count + 1, sizeof *selection.events);
    if (selection.events == NULL)
        abort();
    int64_t oldest_tile = of->window_us == 0 ? 0 : oracle_tile(of->window_us, as_of_us - of->window_us);
    for (size_t i = 0; i < event_count; i++)
        if (passes(definitions, of, events[i], oldest_tile))
            selection.events[selection.count++] = events[i];
    *value = (struct oracle_value){.status = ORACLE_NULL};
    value->type = (uint8_t)oracle_feature_type(definitions, feature);
    if (of->aggregation == ORACLE_COUNT)
        put_integer(value, (int64_t)selection.count);
    else if (of->aggregation == ORACLE_SUM)
        put_scaled(value, selection.type, sum_of(&selection));
    else if (of->aggregation == ORACLE_DISTINCT)
        put_distinct(value, distinct_of(&selection));
    else if (selection.count > 0)
        evaluate_some(of, &selection, as_of_us, value);
    free(selection.events);
}
