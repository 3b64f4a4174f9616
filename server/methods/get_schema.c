/* GetSchema: a worker reads the counters in one view and reports on them as of the server's clock. */
#include "patron/v1/schema.pb-c.h"
#include "server/methods/errand.h"
#include "server/methods/methods.h"
#include "server/methods/port.h"
#include "server/methods/reply.h"
#include "store/schema/schema.h"

/* What fits into the 4 MiB that clients take by default. */
enum { REPLY_ATTRIBUTES_MAX = 10000, REPLY_FINDINGS_MAX = 2000 };

static Patron__V1__SchemaTotals *make_totals(struct arena *arena, const struct schema_totals *from)
{
    Patron__V1__SchemaTotals *totals = arena_alloc(arena, sizeof *totals);
    patron__v1__schema_totals__init(totals);
    totals->events = from->events;
    totals->refused = from->refused;
    totals->duplicates = from->duplicates;
    return totals;
}

static Patron__V1__SchemaCounts *make_counts(
    struct arena *arena, const struct schema_counts *from, const struct schema_totals *totals)
{
    static const char *const kinds[] = {NULL, "text", "integer", "real", "flag", "decimal"};
    Patron__V1__SchemaCounts *counts = arena_alloc(arena, sizeof *counts);
    patron__v1__schema_counts__init(counts);
    uint64_t came = schema_counts_came(from);
    counts->present = from->present;
    counts->absent = came < totals->events ? totals->events - came : 0;
    counts->failed = from->failed;
    counts->failure = arena_string(arena, from->words);
    counts->unknown_refused = from->unknown[UNKNOWN_REFUSE];
    counts->unknown_dropped = from->unknown[UNKNOWN_DROP];
    counts->unknown_kept = from->unknown[UNKNOWN_KEEP];
    counts->kinds = arena_array(arena, sizeof kinds / sizeof kinds[0], sizeof counts->kinds[0]);
    for (size_t kind = 1; kind < sizeof kinds / sizeof kinds[0]; kind++)
        if (from->kinds & 1 << kind)
            counts->kinds[counts->n_kinds++] = (char *)(uintptr_t)kinds[kind];
    if (from->has_numbers) {
        counts->numbers = arena_alloc(arena, sizeof *counts->numbers);
        patron__v1__schema_numbers__init(counts->numbers);
        counts->numbers->least = from->low;
        counts->numbers->greatest = from->high;
    }
    if (from->has_texts) {
        counts->texts = arena_alloc(arena, sizeof *counts->texts);
        patron__v1__schema_texts__init(counts->texts);
        counts->texts->shortest = from->text_low;
        counts->texts->longest = from->text_high;
    }
    return counts;
}

static Patron__V1__SchemaAttribute *make_attribute(
    struct arena *arena, const struct schema_summary *stream, const struct schema_attribute_summary *from)
{
    Patron__V1__SchemaAttribute *attribute = arena_alloc(arena, sizeof *attribute);
    patron__v1__schema_attribute__init(attribute);
    attribute->name = arena_string(arena, from->name);
    attribute->type = (char *)(uintptr_t)(from->type ? from->type : "");
    attribute->first_seen_us = from->first_us;
    attribute->last_seen_us = from->last_us;
    attribute->today = make_counts(arena, &from->today, &stream->today);
    attribute->before = make_counts(arena, &from->before, &stream->before);
    return attribute;
}

static Patron__V1__SchemaStream *make_stream(
    struct arena *arena, const struct schema_summary *from, size_t attributes_max)
{
    Patron__V1__SchemaStream *stream = arena_alloc(arena, sizeof *stream);
    patron__v1__schema_stream__init(stream);
    stream->source = arena_string(arena, from->source);
    stream->event = arena_string(arena, from->event);
    stream->declared = from->declared;
    stream->first_seen_us = from->first_us;
    stream->last_seen_us = from->last_us;
    stream->today = make_totals(arena, &from->today);
    stream->before = make_totals(arena, &from->before);
    stream->attributes = arena_array(arena, from->attribute_count, sizeof stream->attributes[0]);
    for (; stream->n_attributes < from->attribute_count && stream->n_attributes < attributes_max;
         stream->n_attributes++)
        stream->attributes[stream->n_attributes] =
            make_attribute(arena, from, &from->attributes[stream->n_attributes]);
    return stream;
}

static void add_streams(
    struct arena *arena, const struct schema_report *report, Patron__V1__GetSchemaResponse *response)
{
    size_t left = REPLY_ATTRIBUTES_MAX;
    response->streams = arena_array(arena, report->stream_count, sizeof response->streams[0]);
    for (size_t i = 0; i < report->stream_count; i++) {
        const struct schema_summary *from = &report->streams[i];
        Patron__V1__SchemaStream *stream = make_stream(arena, from, left);
        left -= stream->n_attributes;
        response->streams[response->n_streams++] = stream;
        response->truncated = response->truncated || stream->n_attributes < from->attribute_count;
    }
}

static void add_findings(
    struct arena *arena, const struct schema_report *report, Patron__V1__GetSchemaResponse *response)
{
    size_t count = report->finding_count < REPLY_FINDINGS_MAX ? report->finding_count : REPLY_FINDINGS_MAX;
    response->truncated = response->truncated || count < report->finding_count;
    response->findings = arena_array(arena, count, sizeof response->findings[0]);
    for (; response->n_findings < count; response->n_findings++) {
        const struct schema_finding *from = &report->findings[response->n_findings];
        Patron__V1__SchemaFinding *finding = arena_alloc(arena, sizeof *finding);
        patron__v1__schema_finding__init(finding);
        finding->kind = (Patron__V1__SchemaFindingKind)from->kind;
        finding->source = arena_string(arena, from->source);
        finding->event = arena_string(arena, from->event);
        finding->attribute = arena_string(arena, from->attribute);
        finding->text = arena_string(arena, from->words);
        response->findings[response->n_findings] = finding;
    }
}

static enum patron_code schema_tell(struct errand *errand, struct error *error)
{
    const Patron__V1__GetSchemaRequest *asked = (const void *)errand->request;
    struct arena *arena = &errand->call->arena;
    struct schema_filter filter = {
        .has_source = asked->sources_case == PATRON__V1__GET_SCHEMA_REQUEST__SOURCES_SOURCE,
        .has_event = asked->events_case == PATRON__V1__GET_SCHEMA_REQUEST__EVENTS_EVENT,
    };
    if (filter.has_source)
        filter.source = bytes_from_string(asked->source);
    if (filter.has_event)
        filter.event = bytes_from_string(asked->event);
    struct server_status status;
    struct schema_history history;
    struct schema_report report;
    errand->port->functions->status(errand->port, &status);
    errand_view_now(errand);
    TRY(schema_read(errand->view, &filter, arena, &history, error));
    schema_report(&history, errand->view->definitions, status.clock_us, arena, &report);
    Patron__V1__GetSchemaResponse response = PATRON__V1__GET_SCHEMA_RESPONSE__INIT;
    response.clock_us = status.clock_us;
    response.definitions_version = errand->view->definitions->version;
    if (!asked->findings_only)
        add_streams(arena, &report, &response);
    add_findings(arena, &report, &response);
    reply_message(errand->call, &response.base);
    return PATRON_OK;
}

static void start(struct call *call, struct bytes request)
{
    errand_start(call, request, &patron__v1__get_schema_request__descriptor, schema_tell);
}

const struct method method_get_schema = ERRAND_METHOD("/patron.v1.Schema/GetSchema", start);
