/* `patron schema`: what the sources send, and what of it has changed. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "client/rpc.h"
#include "client/table.h"
#include "client/values.h"
#include "patron/v1/schema.pb-c.h"
#include "store/base/time_text.h"

struct schema_options {
    const char *server, *output, *source, *event;
    bool findings;
};

static const struct flag schema_flags[] = {
    {"source", NULL, 0, FLAG_TEXT, "NAME", "only what this source sends", offsetof(struct schema_options, source)},
    {"event", NULL, 0, FLAG_TEXT, "TYPE", "only events of this type", offsetof(struct schema_options, event)},
    {"findings", NULL, 0, FLAG_SWITCH, NULL, "only what has changed", offsetof(struct schema_options, findings)},
    {"output", NULL, 'o', FLAG_TEXT, "table|json", "how to print it (default table)",
        offsetof(struct schema_options, output)},
    SERVER_FLAG(struct schema_options),
};

static const char *kind_name(Patron__V1__SchemaFindingKind kind)
{
    static const char *const names[] = {"unknown kind", "new", "unknown", "failing", "nulls", "range", "silent"};
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : names[0];
}

/* Names of what is not told apart are empty on the wire. */
static const char *shown(const char *name)
{
    return name[0] ? name : "(others)";
}

/* --- for scripts -------------------------------------------------------------------------------------------- */

static struct json_object *time_json(int64_t time_us)
{
    char text[TIME_TEXT_MAX];
    time_to_text(time_us, text);
    return json_object_new_string(text);
}

static struct json_object *totals_json(const Patron__V1__SchemaTotals *totals)
{
    struct json_object *result = json_object_new_object();
    json_object_object_add(result, "events", json_object_new_uint64(totals->events));
    json_object_object_add(result, "refused", json_object_new_uint64(totals->refused));
    json_object_object_add(result, "duplicates", json_object_new_uint64(totals->duplicates));
    return result;
}

static struct json_object *counts_json(const Patron__V1__SchemaCounts *counts)
{
    struct json_object *result = json_object_new_object(), *kinds = json_object_new_array();
    json_object_object_add(result, "present", json_object_new_uint64(counts->present));
    json_object_object_add(result, "absent", json_object_new_uint64(counts->absent));
    json_object_object_add(result, "failed", json_object_new_uint64(counts->failed));
    json_object_object_add(
        result, "failure", counts->failure[0] ? json_object_new_string(counts->failure) : NULL);
    json_object_object_add(result, "unknown_refused", json_object_new_uint64(counts->unknown_refused));
    json_object_object_add(result, "unknown_dropped", json_object_new_uint64(counts->unknown_dropped));
    json_object_object_add(result, "unknown_kept", json_object_new_uint64(counts->unknown_kept));
    for (size_t i = 0; i < counts->n_kinds; i++)
        json_object_array_add(kinds, json_object_new_string(counts->kinds[i]));
    json_object_object_add(result, "kinds", kinds);
    const Patron__V1__SchemaNumbers *numbers = counts->numbers;
    const Patron__V1__SchemaTexts *texts = counts->texts;
    json_object_object_add(result, "least", numbers ? double_json(numbers->least) : NULL);
    json_object_object_add(result, "greatest", numbers ? double_json(numbers->greatest) : NULL);
    json_object_object_add(result, "shortest", texts ? json_object_new_int64(texts->shortest) : NULL);
    json_object_object_add(result, "longest", texts ? json_object_new_int64(texts->longest) : NULL);
    return result;
}

static struct json_object *stream_json(const Patron__V1__SchemaStream *stream)
{
    struct json_object *result = json_object_new_object(), *attributes = json_object_new_array();
    json_object_object_add(result, "source", json_object_new_string(stream->source));
    json_object_object_add(result, "event", json_object_new_string(stream->event));
    json_object_object_add(result, "declared", json_object_new_boolean(stream->declared));
    json_object_object_add(result, "first_seen", time_json(stream->first_seen_us));
    json_object_object_add(result, "last_seen", time_json(stream->last_seen_us));
    json_object_object_add(result, "today", totals_json(stream->today));
    json_object_object_add(result, "before", totals_json(stream->before));
    for (size_t i = 0; i < stream->n_attributes; i++) {
        const Patron__V1__SchemaAttribute *from = stream->attributes[i];
        struct json_object *attribute = json_object_new_object();
        json_object_object_add(attribute, "name", json_object_new_string(from->name));
        json_object_object_add(attribute, "type", from->type[0] ? json_object_new_string(from->type) : NULL);
        json_object_object_add(attribute, "first_seen", time_json(from->first_seen_us));
        json_object_object_add(attribute, "last_seen", time_json(from->last_seen_us));
        json_object_object_add(attribute, "today", counts_json(from->today));
        json_object_object_add(attribute, "before", counts_json(from->before));
        json_object_array_add(attributes, attribute);
    }
    json_object_object_add(result, "attributes", attributes);
    return result;
}

static void json_print(const Patron__V1__GetSchemaResponse *schema, bool findings_only)
{
    struct json_object *result = json_object_new_object();
    struct json_object *streams = json_object_new_array(), *findings = json_object_new_array();
    for (size_t i = 0; i < schema->n_streams; i++)
        json_object_array_add(streams, stream_json(schema->streams[i]));
    for (size_t i = 0; i < schema->n_findings; i++) {
        const Patron__V1__SchemaFinding *from = schema->findings[i];
        struct json_object *finding = json_object_new_object();
        json_object_object_add(finding, "kind", json_object_new_string(kind_name(from->kind)));
        json_object_object_add(finding, "source", json_object_new_string(from->source));
        json_object_object_add(finding, "event", json_object_new_string(from->event));
        json_object_object_add(
            finding, "attribute", from->attribute[0] ? json_object_new_string(from->attribute) : NULL);
        json_object_object_add(finding, "text", json_object_new_string(from->text));
        json_object_array_add(findings, finding);
    }
    json_object_object_add(result, "clock", time_json(schema->clock_us));
    json_object_object_add(
        result, "definitions_version", json_object_new_int64((int64_t)schema->definitions_version));
    json_object_object_add(result, "truncated", json_object_new_boolean(schema->truncated));
    if (findings_only)
        json_object_put(streams);
    else
        json_object_object_add(result, "streams", streams);
    json_object_object_add(result, "findings", findings);
    puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN));
    json_object_put(result);
}

/* --- for people --------------------------------------------------------------------------------------------- */

enum { CELL_MAX = 2 * VALUE_TEXT_MAX + 8 };

static void share_add(struct table *table, uint64_t part, uint64_t whole)
{
    char cell[CELL_MAX] = "";
    if (whole > 0)
        snprintf(cell, sizeof cell, "%.1f %%", (double)part * 100 / (double)whole);
    table_add(table, cell);
}

static void range_add(struct table *table, const Patron__V1__SchemaCounts *counts)
{
    char cell[CELL_MAX] = "", least[VALUE_TEXT_MAX], greatest[VALUE_TEXT_MAX];
    if (counts->numbers) {
        double_text(counts->numbers->least, least);
        double_text(counts->numbers->greatest, greatest);
        snprintf(cell, sizeof cell, "%s .. %s", least, greatest);
    } else if (counts->texts) {
        snprintf(cell, sizeof cell, "%u .. %u bytes", counts->texts->shortest, counts->texts->longest);
    }
    table_add(table, cell);
}

static uint64_t counts_came(const Patron__V1__SchemaCounts *counts)
{
    return counts->present + counts->failed + counts->unknown_refused + counts->unknown_dropped + counts->unknown_kept;
}

static void side_add(
    struct table *table, const Patron__V1__SchemaCounts *counts, const Patron__V1__SchemaTotals *totals)
{
    share_add(table, counts_came(counts), totals->events);
    share_add(table, counts->failed, counts_came(counts));
    range_add(table, counts);
}

static void stream_print(const Patron__V1__SchemaStream *stream)
{
    static const char *const heads[] = {
        "attribute", "type", "today", "unfit", "range", "before", "unfit", "range", "last seen"};
    static const size_t numbers[] = {2, 3, 5, 6};
    char last[TIME_TEXT_MAX];
    time_to_text(stream->last_seen_us, last);
    printf("%s %s%s: %llu events today, %llu of them refused, %llu in the 7 days before; the last at %s\n",
        shown(stream->source), shown(stream->event), stream->declared ? "" : " (not in the definitions)",
        (unsigned long long)stream->today->events, (unsigned long long)stream->today->refused,
        (unsigned long long)stream->before->events, last);
    if (stream->n_attributes > 0) {
        struct table table;
        table_open(&table, sizeof heads / sizeof heads[0]);
        for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
            table_add(&table, heads[i]);
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
            table_align_right(&table, numbers[i]);
        for (size_t i = 0; i < stream->n_attributes; i++) {
            const Patron__V1__SchemaAttribute *attribute = stream->attributes[i];
            table_add(&table, shown(attribute->name));
            table_add(&table, attribute->type[0] ? attribute->type : "unknown");
            side_add(&table, attribute->today, stream->today);
            side_add(&table, attribute->before, stream->before);
            time_to_text(attribute->last_seen_us, last);
            table_add(&table, last);
        }
        table_print(&table, stdout);
        table_close(&table);
    }
    puts("");
}

static void table_output(const Patron__V1__GetSchemaResponse *schema)
{
    for (size_t i = 0; i < schema->n_streams; i++)
        stream_print(schema->streams[i]);
    for (size_t i = 0; i < schema->n_findings; i++) {
        const Patron__V1__SchemaFinding *finding = schema->findings[i];
        printf("%-8s %s %s%s%s: %s\n", kind_name(finding->kind), shown(finding->source), shown(finding->event),
            finding->attribute[0] ? " " : "", finding->attribute, finding->text);
    }
    if (schema->n_findings == 0)
        puts("nothing to look at");
    if (schema->truncated)
        puts("There is more: ask for one --source or --event.");
}

/* --- the command -------------------------------------------------------------------------------------------- */

static enum patron_code schema_work(const struct schema_options *options, bool json, struct error *error)
{
    struct rpc *rpc;
    ProtobufCMessage *reply;
    Patron__V1__GetSchemaRequest request = PATRON__V1__GET_SCHEMA_REQUEST__INIT;
    if (options->source) {
        request.sources_case = PATRON__V1__GET_SCHEMA_REQUEST__SOURCES_SOURCE;
        request.source = (char *)(uintptr_t)options->source;
    }
    if (options->event) {
        request.events_case = PATRON__V1__GET_SCHEMA_REQUEST__EVENTS_EVENT;
        request.event = (char *)(uintptr_t)options->event;
    }
    request.findings_only = options->findings;
    TRY(rpc_open(&rpc, options->server, error));
    enum patron_code code = rpc_unary(rpc, "/patron.v1.Schema/GetSchema", &request.base,
        &patron__v1__get_schema_response__descriptor, &reply, error);
    if (code == PATRON_OK) {
        const Patron__V1__GetSchemaResponse *schema = (Patron__V1__GetSchemaResponse *)reply;
        if (json)
            json_print(schema, options->findings);
        else
            table_output(schema);
        protobuf_c_message_free_unpacked(reply, NULL);
    }
    rpc_close(rpc);
    return code;
}

static int schema_run(const struct command *command, int argc, char **argv)
{
    struct schema_options options = {0};
    struct flag_list rest = {0};
    struct error error;
    int exit_code = command_parse(command, argc, argv, &options, &rest);
    bool json = options.output && strcmp(options.output, "json") == 0;
    if (exit_code < 0 && rest.count > 0)
        exit_code = command_usage_error(command, "takes no arguments but flags, not '%.100s'", rest.values[0]);
    if (exit_code < 0 && options.output && !json && strcmp(options.output, "table") != 0)
        exit_code = command_usage_error(command, "--output is table or json, not '%.100s'", options.output);
    if (exit_code < 0)
        exit_code = schema_work(&options, json, &error) == PATRON_OK ? EXIT_DONE : command_failed(&error);
    flag_list_clear(&rest);
    return exit_code;
}

const struct command command_schema = {
    .name = "schema",
    .usage = "[FLAGS]",
    .summary = "what the sources send, and what of it has changed",
    .notes =
        "By source and event type: how often each attribute came today (in UTC) and in the seven days before, how\n"
        "often it did not suit its type, and its range. Then what should make somebody look:\n"
        "  new      an attribute that came for the first time within a day\n"
        "  unknown  an attribute, or an event type, that the definitions do not have\n"
        "  failing  values do not suit the type more often than before\n"
        "  nulls    an attribute is absent more often than before\n"
        "  range    numbers lie far outside of what they were, or have become all the same\n"
        "  silent   nothing has come for much longer than usual\n\n"
        "Examples:\n  patron schema\n  patron schema --findings\n  patron schema --source shop --event order -o json\n",
    .flags = schema_flags,
    .flag_count = sizeof schema_flags / sizeof *schema_flags,
    .run = schema_run,
};
