#include <stdarg.h>
#include <stdio.h>

#include "store/base/time_text.h"
#include "store/schema/schema.h"

enum { WORDS_MAX = 512 };

const char *schema_finding_kind_name(enum schema_finding_kind kind)
{
    switch (kind) {
#define X(kind, number, name)                                                                                \
    case kind:                                                                                               \
        return name;
        SCHEMA_FINDING_KINDS(X)
#undef X
    case SCHEMA_FINDING_KIND_END:
        break;
    }
    IMPOSSIBLE("a finding of no kind");
}

struct reporting {
    const struct definitions *definitions;
    int64_t now_us;
    struct arena *arena;
    struct schema_report *report;
    size_t finding_capacity;
};

static void PRINTF_LIKE(5, 6) find(struct reporting *reporting, const struct schema_summary *stream,
    struct bytes attribute, enum schema_finding_kind kind, const char *format, ...)
{
    struct schema_report *report = reporting->report;
    if (report->finding_count == reporting->finding_capacity) {
        reporting->finding_capacity = reporting->finding_capacity ? 2 * reporting->finding_capacity : 16;
        struct schema_finding *findings =
            arena_array(reporting->arena, reporting->finding_capacity, sizeof *findings);
        if (report->finding_count)
            memcpy(findings, report->findings, report->finding_count * sizeof *findings);
        report->findings = findings;
    }
    char words[WORDS_MAX];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(words, sizeof words, format, arguments); // NOLINT(clang-analyzer-valist.Uninitialized)
    va_end(arguments);
    CHECK(length >= 0);
    size_t kept = (size_t)length < sizeof words ? (size_t)length : sizeof words - 1;
    report->findings[report->finding_count++] = (struct schema_finding){kind, stream->source, stream->event, attribute,
        arena_copy(reporting->arena, bytes_of(words, kept))};
}

static double share(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : 0;
}

/* --- the rules -------------------------------------------------------------------------------------------------- */

static void new_find(
    struct reporting *reporting, const struct schema_summary *stream, const struct schema_attribute_summary *attribute)
{
    int64_t within_us = SCHEMA_NEW_DAYS * MICROSECONDS_PER_DAY;
    if (attribute->first_us <= reporting->now_us - within_us || attribute->first_us - stream->first_us < within_us)
        return;
    char first[TIME_TEXT_MAX], since[TIME_TEXT_MAX];
    time_to_text(attribute->first_us, first);
    time_to_text(stream->first_us, since);
    find(reporting, stream, attribute->name, SCHEMA_NEW, "first came at %s; these events come since %s", first, since);
}

static void unknown_find(
    struct reporting *reporting, const struct schema_summary *stream, const struct schema_attribute_summary *attribute)
{
    uint64_t unknown = schema_counts_unknown(&attribute->today) + schema_counts_unknown(&attribute->before);
    if (attribute->type || unknown == 0)
        return;
    const uint64_t *now = attribute->today.unknown, *then = attribute->before.unknown;
    char parts[WORDS_MAX] = "";
    static const char *const fates[] = {"refused", "dropped", "kept"};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(parts);
        if (now[i] + then[i] > 0)
            snprintf(parts + length, sizeof parts - length, "%s%s %llu times today and %llu in the %d days before",
                length ? ", " : "", fates[i], (unsigned long long)now[i], (unsigned long long)then[i],
                SCHEMA_BEFORE_DAYS);
    }
    if (attribute->name.length == 0)
        find(reporting, stream, attribute->name, SCHEMA_UNKNOWN, "attributes past the %d names told apart: %s",
            SCHEMA_UNKNOWN_NAMES_MAX, parts);
    else
        find(reporting, stream, attribute->name, SCHEMA_UNKNOWN, "is not among the event type's attributes: %s", parts);
}

static void failing_find(
    struct reporting *reporting, const struct schema_summary *stream, const struct schema_attribute_summary *attribute)
{
    const struct schema_counts *today = &attribute->today, *before = &attribute->before;
    double now = share(today->failed, today->present + today->failed);
    double then = share(before->failed, before->present + before->failed);
    if (now * 100 <= SCHEMA_FAILING_PER_CENT || now < SCHEMA_FAILING_TIMES * then)
        return;
    find(reporting, stream, attribute->name, SCHEMA_FAILING,
        "%.3g %% of today's values did not suit the type (%llu of %llu), %.3g %% in the %d days before; the last: %.*s",
        now * 100, (unsigned long long)today->failed, (unsigned long long)(today->present + today->failed), then * 100,
        SCHEMA_BEFORE_DAYS, BYTES_ARGUMENTS(today->words));
}

static uint64_t absent(const struct schema_totals *totals, const struct schema_counts *counts)
{
    uint64_t came = schema_counts_came(counts);
    return came < totals->events ? totals->events - came : 0;
}

static void nulls_find(
    struct reporting *reporting, const struct schema_summary *stream, const struct schema_attribute_summary *attribute)
{
    if (!attribute->type || stream->today.events < SCHEMA_EVENTS_MIN || stream->before.events < SCHEMA_EVENTS_MIN)
        return;
    double now = share(absent(&stream->today, &attribute->today), stream->today.events);
    double then = share(absent(&stream->before, &attribute->before), stream->before.events);
    if (now * 100 <= SCHEMA_NULLS_PER_CENT || now < SCHEMA_NULLS_TIMES * then)
        return;
    find(reporting, stream, attribute->name, SCHEMA_NULLS,
        "absent from %.3g %% of today's %llu events, from %.3g %% in the %d days before", now * 100,
        (unsigned long long)stream->today.events, then * 100, SCHEMA_BEFORE_DAYS);
}

static void range_find(
    struct reporting *reporting, const struct schema_summary *stream, const struct schema_attribute_summary *attribute)
{
    const struct schema_counts *today = &attribute->today, *before = &attribute->before;
    if (!today->has_numbers || !before->has_numbers || schema_counts_came(before) < SCHEMA_EVENTS_MIN)
        return;
    double width = before->high - before->low;
    if (today->high - before->high > width || before->low - today->low > width)
        find(reporting, stream, attribute->name, SCHEMA_RANGE,
            "lies between %.9g and %.9g today, and lay between %.9g and %.9g in the %d days before", today->low,
            today->high, before->low, before->high, SCHEMA_BEFORE_DAYS);
    else if (today->low == today->high && width > 0 && schema_counts_came(today) >= SCHEMA_EVENTS_MIN)
        find(reporting, stream, attribute->name, SCHEMA_RANGE,
            "is always %.9g today, and lay between %.9g and %.9g in the %d days before", today->low, before->low,
            before->high, SCHEMA_BEFORE_DAYS);
}

static void silent_find(
    struct reporting *reporting, const struct schema_summary *stream, const struct schema_stream *history)
{
    int64_t today = schema_day(reporting->now_us), first = 0, last = 0;
    int64_t count = 0;
    for (size_t i = 0; i < history->day_count; i++) {
        if (history->days[i].day < today - SCHEMA_DAYS_KEPT || history->days[i].day > today)
            continue;
        first = count == 0 ? history->days[i].day : first;
        last = history->days[i].day;
        count++;
    }
    if (count < SCHEMA_SILENT_DAYS_MIN)
        return;
    double usual = (double)(last - first) / (double)(count - 1);
    double days = (double)(reporting->now_us - stream->last_us) / (double)MICROSECONDS_PER_DAY;
    if (days <= SCHEMA_SILENT_TIMES * usual)
        return;
    find(reporting, stream, (struct bytes){0}, SCHEMA_SILENT,
        "last came %.1f days ago; usually it is %.1f days from one day on which it comes to the next", days, usual);
}

static void undeclared_find(struct reporting *reporting, const struct schema_summary *stream)
{
    uint64_t events = stream->today.events + stream->before.events;
    if (stream->declared || events == 0)
        return;
    if (stream->event.length == 0)
        find(reporting, stream, (struct bytes){0}, SCHEMA_UNKNOWN,
            "event types past those told apart: %llu events today and %llu in the %d days before",
            (unsigned long long)stream->today.events, (unsigned long long)stream->before.events, SCHEMA_BEFORE_DAYS);
    else
        find(reporting, stream, (struct bytes){0}, SCHEMA_UNKNOWN,
            "the definitions have no such event type: %llu events refused today and %llu in the %d days before",
            (unsigned long long)stream->today.events, (unsigned long long)stream->before.events, SCHEMA_BEFORE_DAYS);
}

/* --- summaries -------------------------------------------------------------------------------------------------- */

static void attribute_summarise(const struct reporting *reporting, const struct schema_stream *history, size_t index,
    const struct event_type *type, struct schema_attribute_summary *summary)
{
    const struct schema_attribute *attribute = &history->attributes[index];
    const struct attribute *declared = type ? event_type_attribute(type, attribute->name) : NULL;
    int64_t today = schema_day(reporting->now_us);
    *summary = (struct schema_attribute_summary){.name = attribute->name,
        .type = declared ? attribute_type_name(declared->type) : NULL,
        .first_us = attribute->first_us,
        .last_us = attribute->last_us};
    for (size_t i = 0; i < history->day_count; i++) {
        const struct schema_day *day = &history->days[i];
        if (day->day == today)
            schema_counts_add(&summary->today, &day->counts[index]);
        else if (day->day < today && day->day >= today - SCHEMA_BEFORE_DAYS)
            schema_counts_add(&summary->before, &day->counts[index]);
    }
}

static void stream_report(
    struct reporting *reporting, const struct schema_stream *history, struct schema_summary *summary)
{
    const struct event_type *type = definitions_event_type(reporting->definitions, history->event);
    int64_t today = schema_day(reporting->now_us);
    *summary = (struct schema_summary){.source = history->source,
        .event = history->event,
        .declared = type,
        .first_us = history->first_us,
        .last_us = history->last_us,
        .attributes = arena_array(reporting->arena, history->attribute_count, sizeof *summary->attributes),
        .attribute_count = history->attribute_count};
    for (size_t i = 0; i < history->day_count; i++) {
        if (history->days[i].day == today)
            schema_totals_add(&summary->today, &history->days[i].totals);
        else if (history->days[i].day < today && history->days[i].day >= today - SCHEMA_BEFORE_DAYS)
            schema_totals_add(&summary->before, &history->days[i].totals);
    }
    undeclared_find(reporting, summary);
    silent_find(reporting, summary, history);
    for (size_t i = 0; i < history->attribute_count; i++) {
        struct schema_attribute_summary *attribute = &summary->attributes[i];
        attribute_summarise(reporting, history, i, type, attribute);
        if (!type)
            continue;
        unknown_find(reporting, summary, attribute);
        if (attribute->name.length == 0)
            continue;
        new_find(reporting, summary, attribute);
        failing_find(reporting, summary, attribute);
        nulls_find(reporting, summary, attribute);
        range_find(reporting, summary, attribute);
    }
}

void schema_report(const struct schema_history *history, const struct definitions *definitions, int64_t now_us,
    struct arena *arena, struct schema_report *report)
{
    *report = (struct schema_report){.stream_count = history->stream_count};
    report->streams = arena_array(arena, history->stream_count, sizeof *report->streams);
    struct reporting reporting = {definitions, now_us, arena, report, 0};
    for (size_t i = 0; i < history->stream_count; i++)
        stream_report(&reporting, &history->streams[i], &report->streams[i]);
}
