#include "store/definitions/describe.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/base/decimal.h"

static void say(struct encoder *to, const char *format, ...) PRINTF_LIKE(2, 3);

/* Of one piece of at most a few hundred bytes: names have 128. */
static void say(struct encoder *to, const char *format, ...)
{
    char piece[2 * NAME_BYTES_MAX + 256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(piece, sizeof piece, format, arguments);
    va_end(arguments);
    CHECK(length >= 0 && (size_t)length < sizeof piece);
    encode_raw(to, piece, (size_t)length);
}

static void say_bytes(struct encoder *to, struct bytes bytes)
{
    if (bytes.length)
        encode_raw(to, bytes.data, bytes.length);
}

static struct bytes said(struct encoder *from, struct arena *arena)
{
    struct bytes text = arena_copy(arena, encoder_borrow(from));
    encoder_clear(from);
    return text;
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static void say_duration(struct encoder *to, int64_t duration_us)
{
    static const struct {
        int64_t unit_us;
        const char *letter;
    } units[] = {{MICROSECONDS_PER_DAY, "d"}, {MICROSECONDS_PER_HOUR, "h"}, {MICROSECONDS_PER_MINUTE, "m"},
        {MICROSECONDS_PER_SECOND, "s"}, {1, "us"}};
    size_t i = 0;
    while (duration_us % units[i].unit_us != 0)
        i++;
    if (duration_us == 0)
        say(to, "0");
    else
        say(to, "%lld%s", (long long)(duration_us / units[i].unit_us), units[i].letter);
}

/* In the fewest digits that read back as the same double. */
static void say_real(struct encoder *to, double real)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            break;
    }
    say(to, "%s", text);
}

/* In the fewest digits that read back as the same fixed point; in 17 where none of a double's do. */
static void say_number(struct encoder *to, int128 fixed)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        int128 read;
        int length = snprintf(
            text, sizeof text, "%.*g", digits, (double)fixed / (double)(INT64_C(1) << NUMBER_FRACTION_BITS));
        if (number_from_text(bytes_of(text, (size_t)length), &read, NULL) == PATRON_OK && read == fixed)
            break;
    }
    say(to, "%s", text);
}

static void say_money(struct encoder *to, int128 micros)
{
    char text[DECIMAL_TEXT_MAX];
    size_t length = money_to_text(micros, text);
    say(to, "%.*s", (int)length, text);
}

static void say_scalar(struct encoder *to, const struct scalar *scalar)
{
    switch (scalar->type) {
    case ATTRIBUTE_MONEY:
        say_money(to, scalar->number);
        return;
    case ATTRIBUTE_NUMBER:
        say_number(to, scalar->number);
        return;
    case ATTRIBUTE_INTEGER:
        say(to, "%lld", (long long)scalar->number);
        return;
    case ATTRIBUTE_BOOL:
        say(to, "%s", scalar->number ? "true" : "false");
        return;
    case ATTRIBUTE_TEXT:
        say_bytes(to, scalar->text);
        return;
    }
    IMPOSSIBLE("an attribute type outside the list");
}

struct bytes describe_value(const struct value *value, struct arena *arena)
{
    struct encoder to = {0};
    switch ((enum value_type)value->type) {
    case VALUE_DOUBLE:
        say_real(&to, value->real);
        break;
    case VALUE_INT64:
        say(&to, "%lld", (long long)value->integer);
        break;
    case VALUE_BOOL:
        say(&to, "%s", value->integer ? "true" : "false");
        break;
    case VALUE_TEXT:
        say_bytes(&to, value->text);
        break;
    case VALUE_MONEY:
        say_money(&to, value->exact);
        break;
    }
    return said(&to, arena);
}

struct bytes describe_duration(int64_t duration_us, struct arena *arena)
{
    struct encoder to = {0};
    say_duration(&to, duration_us);
    return said(&to, arena);
}

const char *describe_normalization(enum normalization normalization)
{
    switch (normalization) {
    case NORMALIZE_NONE:
        return "none";
    case NORMALIZE_TRIM:
        return "trim";
    case NORMALIZE_LOWER:
        return "lower";
    case NORMALIZE_EMAIL:
        return "email";
    }
    IMPOSSIBLE("a normalization outside the list");
}

const char *describe_match_kind(enum match_kind kind)
{
    static const char *const words[MATCH_KIND_COUNT] = {
#define X(name, word) [name] = word,
        MATCH_KINDS(X)
#undef X
    };
    CHECK(kind < MATCH_KIND_COUNT);
    return words[kind];
}

const char *describe_unknown_attributes(enum unknown_attributes unknown)
{
    switch (unknown) {
    case UNKNOWN_REFUSE:
        return "refuse";
    case UNKNOWN_DROP:
        return "drop";
    case UNKNOWN_KEEP:
        return "keep";
    }
    IMPOSSIBLE("unknown attributes outside the list");
}

/* --- aggregations ------------------------------------------------------------------------------------------------- */

/* As the file has it, and in words before the attribute or, without one, the event. */
static const struct {
    const char *name;
    const char *words;
} aggregations[] = {
    [AGGREGATION_COUNT] = {"count", "count of"},
    [AGGREGATION_SUM] = {"sum", "sum of"},
    [AGGREGATION_MEAN] = {"mean", "mean of"},
    [AGGREGATION_MIN] = {"min", "least"},
    [AGGREGATION_MAX] = {"max", "greatest"},
    [AGGREGATION_FIRST] = {"first", "first"},
    [AGGREGATION_LAST] = {"last", "last"},
    [AGGREGATION_DISTINCT] = {"distinct", "different values of"},
    [AGGREGATION_AGE_FIRST] = {"age.first", "time since the first"},
    [AGGREGATION_AGE_LAST] = {"age.last", "time since the last"},
    [AGGREGATION_RFM_FREQUENCY] = {"rfm.frequency", "days after the first with"},
    [AGGREGATION_RFM_RECENCY] = {"rfm.recency", "days from the first to the last with"},
    [AGGREGATION_RFM_T] = {"rfm.T", "days since the first with"},
    [AGGREGATION_RFM_MONETARY] = {"rfm.monetary", "mean by day, without the first, of"},
    [AGGREGATION_VARIANCE] = {"variance", "variance of"},
    [AGGREGATION_STDDEV] = {"stddev", "standard deviation of"},
    [AGGREGATION_DECAYED] = {"decayed", "decayed sum of"},
    [AGGREGATION_RATIO] = {"ratio", "share of"},
    [AGGREGATION_TOP] = {"top", "leading"},
    [AGGREGATION_GAP_MEAN] = {"gaps.mean", "mean days between days with"},
    [AGGREGATION_GAP_STDDEV] = {"gaps.stddev", "standard deviation of the days between days with"},
    [AGGREGATION_GAP_LAST] = {"gaps.last", "days between the last two days with"},
    [AGGREGATION_ACTIVE_DAYS] = {"active_days", "days with"},
    [AGGREGATION_STREAK_CURRENT] = {"streak.current", "days in a row until now with"},
    [AGGREGATION_STREAK_LONGEST] = {"streak.longest", "most days in a row with"},
    [AGGREGATION_DERIVED] = {"derived", ""},
};

struct bytes describe_aggregation(const struct feature *feature, struct arena *arena)
{
    struct encoder to = {0};
    say(&to, "%s", aggregations[feature->aggregation].name);
    if (feature->aggregation == AGGREGATION_TOP)
        say(&to, ".%u", feature->rank + 1);
    return said(&to, arena);
}

/* --- features ----------------------------------------------------------------------------------------------------- */

static void say_filter(struct encoder *to, const struct event_type *event, const struct filter *filter)
{
    say(to, "%.*s", BYTES_ARGUMENTS(event->attributes[filter->attribute].name));
    for (size_t i = 0; i < filter->value_count; i++) {
        say(to, "%s", i == 0 ? " is " : i + 1 == filter->value_count ? " or " : ", ");
        say_scalar(to, &filter->values[i]);
    }
    if (filter->has_low) {
        say(to, filter->low_open ? " is more than " : " is at least ");
        say_scalar(to, &filter->low);
    }
    if (filter->has_high) {
        say(to, "%s", filter->has_low ? " and" : " is");
        say(to, filter->high_open ? " less than " : " at most ");
        say_scalar(to, &filter->high);
    }
}

static void say_filters(struct encoder *to, const char *lead, const struct event_type *event,
    const struct filter *filters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        say(to, "%s", i == 0 ? lead : " and ");
        say_filter(to, event, &filters[i]);
    }
}

static void say_subject(struct encoder *to, const struct event_type *event, const struct feature *feature)
{
    bool counted = feature->aggregation == AGGREGATION_DECAYED && feature->attribute < 0;
    say(to, "%s ", counted ? "decayed count of" : aggregations[feature->aggregation].words);
    say(to, "%.*s", BYTES_ARGUMENTS(event->name));
    if (feature->attribute >= 0)
        say(to, ".%.*s", BYTES_ARGUMENTS(event->attributes[feature->attribute].name));
    say_filters(to, " that has ", event, feature->matching, feature->matching_count);
    say_filters(to, " where ", event, feature->filters, feature->filter_count);
    if (feature->aggregation != AGGREGATION_TOP)
        return;
    if (feature->by_attribute < 0)
        say(to, ", place %u by count", feature->rank + 1);
    else
        say(to, ", place %u by sum of %.*s", feature->rank + 1,
            BYTES_ARGUMENTS(event->attributes[feature->by_attribute].name));
}

struct bytes describe_feature(
    const struct definitions *definitions, const struct feature *feature, struct arena *arena)
{
    if (feature->aggregation == AGGREGATION_DERIVED)
        return feature->formula;
    struct encoder to = {0};
    say_subject(&to, &definitions->events[feature->event], feature);
    if (feature->unit_us) {
        say(&to, ", in units of ");
        say_duration(&to, feature->unit_us);
    }
    if (feature->half_life_us) {
        say(&to, ", half-life ");
        say_duration(&to, feature->half_life_us);
    }
    if (feature->window_us) {
        say(&to, feature->offset_us ? ", the " : ", last ");
        say_duration(&to, feature->window_us);
    } else {
        say(&to, ", lifetime");
    }
    if (feature->offset_us) {
        say(&to, " that end ");
        say_duration(&to, feature->offset_us);
        say(&to, " before now");
    }
    return said(&to, arena);
}

struct bytes describe_family(struct bytes name)
{
    const uint8_t *dot = name.length ? memchr(name.data, '.', name.length) : NULL;
    return dot ? bytes_of(name.data, (size_t)(dot - name.data)) : bytes_of(NULL, 0);
}
