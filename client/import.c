/* `patron import`: files of events into the store.
 *
 * Two passes. All files are read, their rows turned into events and put into a sorter (on disk past a memory bound);
 * then they are sent by event time, whatever file they came from. A broken row is reported and left out; what the
 * server refuses is reported with the same words. Importing again is safe: ids make every event count once. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/command.h"
#include "client/event_csv.h"
#include "client/import_send.h"
#include "client/json_lines.h"
#include "patron/v1/operations.pb-c.h"

struct import_options {
    const char *server, *format, *source, *clock, *lag, *delimiter, *quote, *output;
    const char *event, *event_column, *time, *time_format, *id;
    struct flag_list identifiers, attributes, texts;
    bool no_header, header, strict;
};

#define OPTION(member) offsetof(struct import_options, member)

static const struct flag import_flags[] = {
    {"format", NULL, 0, FLAG_TEXT, "csv|jsonl", "what the files are (default: by their ending)",
        OPTION(format)},
    {"source", NULL, 0, FLAG_TEXT, "NAME", "the namespace of the event ids (default: each file's name)",
        OPTION(source)},
    {"clock", NULL, 0, FLAG_TEXT, "source|now",
        "when the events are known: from their own time on (history), or from now on (default)",
        OPTION(clock)},
    {"lag", NULL, 0, FLAG_TEXT, "DURATION", "with --clock source: known this much after they happened",
        OPTION(lag)},
    {"event", NULL, 0, FLAG_TEXT, "TYPE", "the type of every event", OPTION(event)},
    {"event-column", NULL, 0, FLAG_TEXT, "COLUMN", "CSV: the column with the event type",
        OPTION(event_column)},
    {"time", NULL, 0, FLAG_TEXT, "COLUMN", "CSV: the column with the event time", OPTION(time)},
    {"time-format", NULL, 0, FLAG_TEXT, "FORMAT",
        "CSV: rfc3339 (default), unix, unix_ms, unix_us, or a strptime pattern such as %Y%m%d; UTC",
        OPTION(time_format)},
    {"id", NULL, 0, FLAG_TEXT, "COLUMN", "CSV: the column with the event's own id", OPTION(id)},
    {"identifier", NULL, 0, FLAG_LIST, "TYPE=COLUMN",
        "CSV: an identifier of the customer; repeatable (shared costs have none)", OPTION(identifiers)},
    {"attribute", "map", 0, FLAG_LIST, "NAME=COLUMN",
        "CSV: an attribute of the event; repeatable (also --map)", OPTION(attributes)},
    {"text", NULL, 0, FLAG_LIST, "NAME",
        "CSV: this attribute is text even where it looks like a number; repeatable", OPTION(texts)},
    {"delimiter", NULL, 0, FLAG_TEXT, "CHAR",
        "CSV: a character, tab, or whitespace (runs of blanks outside quotes); default comma",
        OPTION(delimiter)},
    {"quote", NULL, 0, FLAG_TEXT, "CHAR", "CSV: a character, or none; default \"", OPTION(quote)},
    {"header", NULL, 0, FLAG_SWITCH, NULL, "CSV: the first row names the columns (default)", OPTION(header)},
    {"no-header", NULL, 0, FLAG_SWITCH, NULL, "CSV: no row names the columns; they are numbers from 1",
        OPTION(no_header)},
    {"strict", NULL, 0, FLAG_SWITCH, NULL, "stop at the first row that does not go in", OPTION(strict)},
    {"output", NULL, 'o', FLAG_TEXT, "text|json", "how to say what was done (default text)", OPTION(output)},
    SERVER_FLAG(struct import_options),
};

struct import {
    struct import_options options;
    struct flag_list paths;
    struct csv_mapping_options mapping;
    struct delimited_options delimited;
    bool source_clock;
    int64_t lag_us;
    struct import_file *files;
    struct rpc *rpc;
    struct sorter *sorter;
    struct arena scratch;
    struct progress progress;
    struct import_counts counts;
    struct faults faults;
    uint64_t bytes_before, bytes_whole; /* of the files, for the progress */
};

/* --- what the flags mean --- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* "csv" or "jsonl", or null where neither flag nor name says. */
static const char *format_of(const struct import *import, const char *path)
{
    if (import->options.format)
        return import->options.format;
    if (ends_with(path, ".csv") || ends_with(path, ".tsv") || ends_with(path, ".txt"))
        return "csv";
    return ends_with(path, ".jsonl") || ends_with(path, ".ndjson") ? "jsonl" : NULL;
}

static enum patron_code choice_check(
    const char *flag, const char *value, const char *first, const char *second, struct error *error)
{
    if (!value || strcmp(value, first) == 0 || strcmp(value, second) == 0)
        return PATRON_OK;
    return error_set(error, PATRON_INVALID, "--%s is %s or %s, not '%.40s'", flag, first, second, value);
}

static bool file_about(const char *path, struct stat *about)
{
    return strcmp(path, "-") == 0 ? fstat(STDIN_FILENO, about) == 0 : stat(path, about) == 0;
}

/* A file read twice would count its rows twice, since equal rows of one import are told apart; and two files of one
 * name would share a source, and so their events ids, by accident. */
static enum patron_code files_tell_apart(const struct import *import, struct error *error)
{
    size_t count = import->paths.count;
    struct stat *about = memory_alloc(count * sizeof *about);
    bool *there = memory_alloc(count * sizeof *there);
    enum patron_code code = PATRON_OK;
    for (size_t i = 0; code == PATRON_OK && i < count; i++) {
        const struct import_file *file = &import->files[i];
        /* One that is not there is reported when it is opened. */
        there[i] = file_about(file->path, &about[i]);
        for (size_t j = 0; code == PATRON_OK && j < i; j++) {
            const struct import_file *other = &import->files[j];
            if (strcmp(file->path, other->path) == 0 ||
                (there[i] && there[j] && about[i].st_dev == about[j].st_dev &&
                    about[i].st_ino == about[j].st_ino))
                code = error_set(error, PATRON_INVALID, "%.200s and %.200s are the same file: name it once",
                    other->path, file->path);
            else if (!import->options.source && strcmp(file->source, other->source) == 0)
                code = error_set(error, PATRON_INVALID,
                    "%.200s and %.200s would both be the source '%.80s': name one with --source for both, or "
                    "import them apart, each with its own",
                    other->path, file->path, file->source);
        }
    }
    memory_free(about);
    memory_free(there);
    return code;
}

static enum patron_code files_name(struct import *import, struct error *error)
{
    if (import->paths.count == 0)
        return error_set(error, PATRON_INVALID, "name at least one file, or - for standard input");
    import->files = memory_alloc(import->paths.count * sizeof *import->files);
    for (size_t i = 0; i < import->paths.count; i++) {
        const char *path = import->paths.values[i];
        bool standard_input = strcmp(path, "-") == 0;
        if (standard_input && !import->options.source)
            return error_set(
                error, PATRON_INVALID, "standard input has no name: give it one with --source NAME");
        const char *source = import->options.source ? import->options.source : base_name(path);
        if (source[0] == '\0' || strlen(source) > SOURCE_BYTES_MAX)
            return error_set(error, PATRON_INVALID, "a source's name has 1 to %d bytes", SOURCE_BYTES_MAX);
        import->files[i] = (struct import_file){path, source};
        if (!format_of(import, path))
            return error_set(
                error, PATRON_INVALID, "%.200s: say what it is with --format csv or --format jsonl", path);
    }
    return files_tell_apart(import, error);
}

static enum patron_code csv_flags_check(const struct import *import, bool any_csv, struct error *error)
{
    const struct import_options *o = &import->options;
    if (!any_csv) {
        if (o->time || o->id || o->event_column || o->time_format || o->delimiter || o->quote ||
            o->no_header || o->header || o->identifiers.count || o->attributes.count || o->texts.count)
            return error_set(error, PATRON_INVALID,
                "JSON lines say themselves what is what: --event, --source, --clock and --lag are all that "
                "goes with them");
        return PATRON_OK;
    }
    if (!o->event == !o->event_column)
        return error_set(
            error, PATRON_INVALID, "CSV needs the event type: either --event TYPE or --event-column COLUMN");
    if (!o->time)
        return error_set(error, PATRON_INVALID, "CSV needs the event time: --time COLUMN");
    if (o->no_header && o->header)
        return error_set(error, PATRON_INVALID, "--header and --no-header contradict each other");
    return PATRON_OK;
}

static enum patron_code options_check(struct import *import, struct error *error)
{
    const struct import_options *o = &import->options;
    TRY(choice_check("format", o->format, "csv", "jsonl", error));
    TRY(choice_check("clock", o->clock, "source", "now", error));
    TRY(choice_check("output", o->output, "text", "json", error));
    TRY(files_name(import, error));
    bool any_csv = false;
    for (size_t i = 0; i < import->paths.count; i++)
        any_csv = any_csv || strcmp(format_of(import, import->paths.values[i]), "csv") == 0;
    TRY(csv_flags_check(import, any_csv, error));
    TRY(delimited_options_parse(o->delimiter, o->quote, &import->delimited, error));
    import->delimited.no_header = o->no_header;
    import->source_clock = o->clock && strcmp(o->clock, "source") == 0;
    if (o->lag && !import->source_clock)
        return error_set(error, PATRON_INVALID, "--lag goes with --clock source");
    if (o->lag)
        TRY(duration_parse(o->lag, &import->lag_us, error));
    import->mapping = (struct csv_mapping_options){
        .event = o->event,
        .event_column = o->event_column,
        .time = o->time,
        .id = o->id,
        .identifiers = o->identifiers,
        .attributes = o->attributes,
        .texts = o->texts,
    };
    return o->time_format ? time_format_parse(o->time_format, &import->mapping.time_format, error)
                          : PATRON_OK;
}

/* --- reading --- */

/* Take one row, or the failure to read one. *stop: nothing more comes from this file. */
static enum patron_code row_take(struct import *import, size_t file, enum patron_code code,
    const struct event_row *row, bool *stop, struct error *error)
{
    *stop = code == PATRON_OK && row->end;
    if (*stop)
        return PATRON_OK;
    if (code != PATRON_OK && code != PATRON_INVALID && code != PATRON_OUT_OF_RANGE)
        return error_prefix(error, code, "%s: ", import->files[file].path);
    import->counts.read++;
    if (code == PATRON_OK)
        return import_row_add(import->sorter, row, file, import->files[file].source, &import->scratch, error);
    import->counts.broken++;
    faults_add(&import->faults, &import->progress, import->files[file].path, row->line, error->text);
    if (import->options.strict)
        return error_set(
            error, PATRON_INVALID, "stopped at the first broken row, as --strict says; nothing was sent");
    return PATRON_OK;
}

static void read_progress(struct import *import, const struct lines *lines)
{
    progress_update(&import->progress, import->counts.read, import->bytes_before + lines->bytes_read,
        import->bytes_whole);
}

static enum patron_code csv_rows_read(
    struct import *import, size_t file, struct lines *lines, struct error *error)
{
    struct delimited delimited;
    struct csv_mapping mapping;
    enum patron_code code = delimited_open(&delimited, lines, &import->delimited, error);
    if (code != PATRON_OK)
        return error_prefix(error, code, "%s: ", import->files[file].path);
    code = csv_mapping_open(&mapping, &import->mapping, &delimited, error);
    if (code != PATRON_OK) {
        error_prefix(error, code, "%s: ", import->files[file].path);
        goto close_delimited;
    }
    for (bool stop = false; code == PATRON_OK && !stop;) {
        struct event_row row;
        arena_reset(&import->scratch);
        code = csv_event_next(&mapping, &delimited, &import->scratch, &row, error);
        code = row_take(import, file, code, &row, &stop, error);
        read_progress(import, lines);
    }
    csv_mapping_close(&mapping);
close_delimited:
    delimited_close(&delimited);
    return code;
}

static enum patron_code json_rows_read(
    struct import *import, size_t file, struct lines *lines, struct error *error)
{
    struct json_lines json;
    enum patron_code code = PATRON_OK;
    json_lines_open(&json, lines);
    for (bool stop = false; code == PATRON_OK && !stop;) {
        struct event_row row;
        arena_reset(&import->scratch);
        code = json_event_next(&json, import->options.event, &import->scratch, &row, error);
        code = row_take(import, file, code, &row, &stop, error);
        read_progress(import, lines);
    }
    json_lines_close(&json);
    return code;
}

/* The sizes of all files, if all have one: then percentages can be shown. A file that is not there is found at once. */
static enum patron_code files_measure(struct import *import, struct error *error)
{
    bool known = true;
    for (size_t i = 0; i < import->paths.count; i++) {
        struct stat about;
        const char *path = import->files[i].path;
        bool standard_input = strcmp(path, "-") == 0;
        if (!standard_input && stat(path, &about) != 0)
            return error_set(error, PATRON_IO, "cannot open %s: %s", path, strerror(errno));
        /* A pipe has no size, and must not be opened twice. */
        known = known && !standard_input && S_ISREG(about.st_mode);
        import->bytes_whole += known ? (uint64_t)about.st_size : 0;
    }
    if (!known)
        import->bytes_whole = 0;
    return PATRON_OK;
}

static enum patron_code files_read(struct import *import, struct error *error)
{
    progress_start(&import->progress, "reading", "rows");
    enum patron_code code = PATRON_OK;
    for (size_t i = 0; code == PATRON_OK && i < import->paths.count; i++) {
        struct lines lines;
        code = lines_open(&lines, import->files[i].path, error);
        if (code != PATRON_OK)
            break;
        bool csv = strcmp(format_of(import, import->files[i].path), "csv") == 0;
        code = csv ? csv_rows_read(import, i, &lines, error) : json_rows_read(import, i, &lines, error);
        import->bytes_before += lines.bytes_read;
        lines_close(&lines);
        import->counts.files++;
    }
    progress_finish(&import->progress);
    return code;
}

/* --- the whole --- */

/* Ask before reading for minutes: is the server there, and does it take writes? */
static enum patron_code server_check(struct import *import, struct error *error)
{
    Patron__V1__GetStatusRequest request = PATRON__V1__GET_STATUS_REQUEST__INIT;
    ProtobufCMessage *reply;
    TRY(rpc_unary(import->rpc, "/patron.v1.Operations/GetStatus", &request.base,
        &patron__v1__get_status_response__descriptor, &reply, error));
    bool jumped = ((Patron__V1__GetStatusResponse *)reply)->clock_jumped != 0;
    protobuf_c_message_free_unpacked(reply, NULL);
    if (jumped)
        return error_set(error, PATRON_PRECONDITION,
            "the server's clock has jumped and it takes no events. If its clock is right now: patron clock "
            "confirm");
    return PATRON_OK;
}

static enum patron_code import_work(struct import *import, struct error *error)
{
    TRY(rpc_open(&import->rpc, import->options.server, error));
    TRY(files_measure(import, error));
    TRY(server_check(import, error));
    TRY(sorter_open(&import->sorter, error));
    TRY(files_read(import, error));
    TRY(sorter_start(import->sorter, error));
    struct import_send_options options = {
        .files = import->files,
        .source_clock = import->source_clock,
        .lag_us = import->lag_us,
        .strict = import->options.strict,
        .expected = import->counts.read - import->counts.broken,
    };
    enum patron_code code =
        import_send(import->rpc, import->sorter, &options, &import->counts, &import->faults, error);
    if (code == PATRON_OK || (code == PATRON_INVALID && options.strict && import->counts.refused > 0))
        return code;
    const struct import_counts *c = &import->counts;
    char rest[ERROR_TEXT_MAX];
    memcpy(rest, error->text, sizeof rest);
    return error_set(error, code,
        "%.600s\n%llu of %llu events were acknowledged. Import the same again to bring in the rest: what is "
        "in already "
        "counts once.",
        rest, (unsigned long long)(c->applied + c->duplicates + c->refused),
        (unsigned long long)options.expected);
}

static void result_print_json(const struct import *import, double seconds)
{
    const struct import_counts *c = &import->counts;
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"files", c->files},
        {"rows", c->read},
        {"broken", c->broken},
        {"sent", c->sent},
        {"applied", c->applied},
        {"duplicates", c->duplicates},
        {"refused", c->refused},
        {"identifiers_dropped", c->identifiers_dropped},
        {"known_late", c->known_late},
    };
    struct json_object *result = json_object_new_object();
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        json_object_object_add(result, numbers[i].name, json_object_new_uint64(numbers[i].value));
    char text[32];
    snprintf(text, sizeof text, "%.3f", seconds);
    json_object_object_add(result, "seconds", json_object_new_double_s(seconds, text));
    json_object_object_add(result, "reasons", faults_to_json(&import->faults));
    puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN));
    json_object_put(result);
}

static void result_print_text(const struct import *import, double seconds)
{
    const struct import_counts *c = &import->counts;
    printf("%llu rows read: %llu applied, %llu duplicates, %llu refused, %llu broken",
        (unsigned long long)c->read, (unsigned long long)c->applied, (unsigned long long)c->duplicates,
        (unsigned long long)c->refused, (unsigned long long)c->broken);
    if (c->identifiers_dropped > 0)
        printf("; %llu identifiers dropped by rule", (unsigned long long)c->identifiers_dropped);
    printf(" (%.1f s, %.0f events/s)\n", seconds, seconds > 0 ? (double)c->sent / seconds : 0);
    if (c->known_late > 0)
        printf("%llu events are known only from later than --clock source asked for: the store had learned or answered "
               "more by then. To load history of several files on its own clock, import them in one command, before "
               "anything is read.\n",
            (unsigned long long)c->known_late);
}

static void import_clear(struct import *import)
{
    sorter_close(import->sorter);
    rpc_close(import->rpc);
    arena_clear(&import->scratch);
    memory_free(import->files);
    flag_list_clear(&import->paths);
    flags_clear(import_flags, sizeof import_flags / sizeof *import_flags, &import->options);
}

/* The one refusal that a flag of ours is made for: the definitions want text, and the column looks like a number. */
static void hint_print(const struct import *import)
{
    for (size_t i = 0; i < import->faults.reason_count; i++) {
        if (!strstr(import->faults.reasons[i].text, "but is declared string"))
            continue;
        fputs("A CSV column of text that looks like a number needs --text NAME.\n", stderr);
        return;
    }
}

static int import_exit(
    const struct import *import, enum patron_code code, const struct error *error, double seconds)
{
    faults_print(&import->faults);
    hint_print(import);
    bool json = import->options.output && strcmp(import->options.output, "json") == 0;
    if (json)
        result_print_json(import, seconds);
    else if (code == PATRON_OK || import->counts.sent > 0)
        result_print_text(import, seconds);
    if (code != PATRON_OK)
        return command_failed(error);
    return import->counts.broken + import->counts.refused > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int import_run(const struct command *command, int argc, char **argv)
{
    struct import import = {0};
    struct error error;
    int exit_code = command_parse(command, argc, argv, &import.options, &import.paths);
    if (exit_code < 0 && options_check(&import, &error) != PATRON_OK)
        exit_code = command_usage_error(command, "%s", error.text);
    if (exit_code < 0) {
        CHECK(sodium_init() >= 0);
        int64_t started_us = monotonic_us();
        enum patron_code code = import_work(&import, &error);
        exit_code = import_exit(&import, code, &error, (double)(monotonic_us() - started_us) / 1e6);
    }
    import_clear(&import);
    return exit_code;
}

static const char import_notes[] =
    "Importing a file again changes nothing, and a grown file adds only its new rows: an event counts once "
    "by its\n"
    "source, type and id. A row without an id gets one from all of its columns, mapped or not (a JSON line: "
    "from\n"
    "its type, time, identifiers and attributes), and from how many equal rows come before it. Line ends, "
    "quoting and\n"
    "spacing do not matter. Imported again with other columns mapped, a row is refused as a conflict with "
    "what it\n"
    "said before; with columns added, removed or moved in the file it is a new row, unless --id says which "
    "it is.\n\n"
    "The source is each file's name without its folders; files of one name need --source.\n\n"
    "Rows of all files are sorted by time before they are sent. A broken row is reported as FILE:LINE and "
    "left out,\n"
    "the rest goes in, and the exit code is 1.\n\n"
    "CSV values that look like numbers are sent as exact decimals, true and false as flags, all else as "
    "text; where\n"
    "the definitions want text that may look like a number (an article number), say --text NAME. Empty is "
    "absent.\n\n"
    "JSON lines are\n"
    "  {\"type\": \"order\", \"id\": \"1001\", \"time\": \"2024-05-01T10:00:00Z\",\n"
    "   \"identifiers\": {\"email\": \"ada@example.org\", \"device\": [\"d1\", \"d2\"]}, \"attributes\": "
    "{\"amount\": 12.50}}\n"
    "with time as RFC 3339 or microseconds since 1970; id and attributes may be absent.\n\n"
    "Examples:\n"
    "  patron import orders.csv --event order --time created_at --id order_id \\\n"
    "      --identifier customer_id=customer --identifier email=email --attribute amount=total\n"
    "  patron import history/*.jsonl --clock source --lag 1h\n"
    "  patron import CDNOW_master.txt --clock source --delimiter whitespace --event order --time date \\\n"
    "      --time-format %Y%m%d --identifier customer_id=customer_id --attribute amount=dollar_value\n"
    "  zcat orders.csv.gz | patron import - --format csv --source orders …\n";

const struct command command_import = {
    .name = "import",
    .usage = "FILE… --event TYPE --time COLUMN [--identifier TYPE=COLUMN …] [FLAGS]\nFILE.jsonl… [FLAGS]",
    .summary = "bring events in from CSV or JSON lines",
    .notes = import_notes,
    .flags = import_flags,
    .flag_count = sizeof import_flags / sizeof *import_flags,
    .run = import_run,
};
