#include "store/features/accumulator.h"

#include "store/base/check.h"
#include "store/features/distinct.h"
#include "store/features/top.h"

int scalar_compare(const struct scalar *a, const struct scalar *b)
{
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    if (a->type == ATTRIBUTE_TEXT)
        return bytes_compare(a->text, b->text);
    return a->number < b->number ? -1 : a->number > b->number;
}

static bool among(const struct scalar *value, const struct scalar *values, size_t count)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = scalar_compare(&values[middle], value);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool within(const struct filter *filter, const struct scalar *value)
{
    if (filter->has_low) {
        int order = scalar_compare(value, &filter->low);
        if (order < 0 || (order == 0 && filter->low_open))
            return false;
    }
    if (filter->has_high) {
        int order = scalar_compare(value, &filter->high);
        if (order > 0 || (order == 0 && filter->high_open))
            return false;
    }
    return true;
}

bool filters_pass(const struct filter *filters, size_t count, const struct event *event)
{
    for (size_t i = 0; i < count; i++) {
        const struct filter *filter = &filters[i];
        struct scalar value;
        if (!event_attribute_find(event, filter->attribute, &value))
            return false;
        if (filter->value_count > 0 ? !among(&value, filter->values, filter->value_count) : !within(filter, &value))
            return false;
    }
    return true;
}

static int edge_compare(const struct accumulator *a, const struct accumulator *b)
{
    if (a->edge.time_us != b->edge.time_us)
        return a->edge.time_us < b->edge.time_us ? -1 : 1;
    return memcmp(a->edge.hash, b->edge.hash, EVENT_HASH_BYTES);
}

static bool edge_would_replace(
    const struct accumulator *into, const struct accumulator *one, enum accumulator_kind kind)
{
    if (into->count == 0)
        return true;
    int order = edge_compare(one, into);
    return kind == ACCUMULATE_FIRST ? order < 0 : order > 0;
}

static void days_merge(struct accumulator *into, const struct accumulator *from, struct arena *arena)
{
    struct day_sum *days = arena_array(arena, into->count + from->count, sizeof *days);
    size_t count = 0, i = 0, j = 0;
    while (i < into->count || j < from->count) {
        const struct day_sum *a = i < into->count ? &into->days.days[i] : NULL;
        const struct day_sum *b = j < from->count ? &from->days.days[j] : NULL;
        if (a && b && a->day == b->day) {
            days[count++] = (struct day_sum){a->day, a->count + b->count, exact_add(a->sum, b->sum)};
            i++;
            j++;
        } else if (!b || (a && a->day < b->day)) {
            days[count++] = *a;
            i++;
        } else {
            days[count++] = *b;
            j++;
        }
    }
    into->count = count;
    into->days.days = days;
}

void accumulator_merge(
    struct accumulator *into, const struct accumulator *from, enum accumulator_kind kind, struct arena *arena)
{
    if (from->count == 0)
        return;
    if (into->count == 0) {
        *into = *from;
        return;
    }
    switch (kind) {
    case ACCUMULATE_COUNT:
        into->count += from->count;
        return;
    case ACCUMULATE_SUM:
    case ACCUMULATE_RATIO:
        into->count += from->count;
        into->number = exact_add(into->number, from->number);
        return;
    case ACCUMULATE_MIN:
        if (from->number < into->number)
            into->number = from->number;
        return;
    case ACCUMULATE_MAX:
        if (from->number > into->number)
            into->number = from->number;
        return;
    case ACCUMULATE_FIRST:
    case ACCUMULATE_LAST:
        if (edge_would_replace(into, from, kind))
            *into = *from;
        return;
    case ACCUMULATE_DISTINCT:
        distinct_merge(into, from, arena);
        return;
    case ACCUMULATE_DAYS:
        days_merge(into, from, arena);
        return;
    case ACCUMULATE_SQUARES:
        into->count += from->count;
        into->moments.sum = exact_add(into->moments.sum, from->moments.sum);
        into->moments.squares = wide_add(into->moments.squares, from->moments.squares);
        return;
    case ACCUMULATE_TOP:
        top_merge(into, from, arena);
        return;
    case ACCUMULATOR_KINDS:
        break;
    }
    IMPOSSIBLE("an accumulator kind outside the list");
}

/* A tile's events are of one day or two, so the day is nearly always there. */
static void days_add(struct accumulator *accumulator, int64_t day, int128 number, struct arena *arena)
{
    for (size_t i = accumulator->count; i > 0; i--) {
        struct day_sum *there = &accumulator->days.days[i - 1];
        if (there->day == day) {
            there->count++;
            there->sum = exact_add(there->sum, number);
            return;
        }
    }
    struct day_sum *made = arena_alloc(arena, sizeof *made);
    *made = (struct day_sum){day, 1, number};
    struct accumulator one = {.count = 1, .days.days = made};
    accumulator_merge(accumulator, &one, ACCUMULATE_DAYS, arena);
}

/* The attributes that it asks for, and whether the event counts at all. */
static bool event_counts(
    const struct aggregate *aggregate, const struct event *event, struct scalar *value, struct scalar *by)
{
    return filters_pass(aggregate->filters, aggregate->filter_count, event) &&
        (aggregate->attribute < 0 || event_attribute_find(event, (uint16_t)aggregate->attribute, value)) &&
        (aggregate->by_attribute < 0 || event_attribute_find(event, (uint16_t)aggregate->by_attribute, by));
}

/* Where a state does not grow a list, an event is added as a state of it alone is merged: there is one way to
 * combine. */
void accumulator_add(struct accumulator *accumulator, const struct aggregate *aggregate, const struct event *event,
    int64_t day, struct arena *arena)
{
    struct scalar value = {0}, by = {0};
    if (!event_counts(aggregate, event, &value, &by))
        return;
    struct accumulator one = {.count = 1};
    switch (aggregate->kind) {
    case ACCUMULATE_COUNT:
        break;
    case ACCUMULATE_SUM:
    case ACCUMULATE_MIN:
    case ACCUMULATE_MAX:
        one.number = value.number;
        break;
    case ACCUMULATE_FIRST:
    case ACCUMULATE_LAST:
        one.edge.time_us = event->time_us;
        memcpy(one.edge.hash, event->hash, EVENT_HASH_BYTES);
        one.edge.value = value;
        one.edge.value.text = edge_would_replace(accumulator, &one, aggregate->kind) ? arena_copy(arena, value.text)
                                                                                     : value.text;
        break;
    case ACCUMULATE_DISTINCT:
        distinct_add(accumulator, distinct_hash(&value), arena);
        return;
    case ACCUMULATE_DAYS:
        days_add(accumulator, day, value.number, arena);
        return;
    case ACCUMULATE_SQUARES:
        one.moments.sum = value.number;
        one.moments.squares = wide_square(value.number);
        break;
    case ACCUMULATE_RATIO:
        one.number = filters_pass(aggregate->matching, aggregate->matching_count, event);
        break;
    case ACCUMULATE_TOP:
        top_add(accumulator, &value, by.number, arena);
        return;
    case ACCUMULATOR_KINDS:
        IMPOSSIBLE("an accumulator kind outside the list");
    }
    accumulator_merge(accumulator, &one, aggregate->kind, arena);
}
