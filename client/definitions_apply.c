/* `patron definitions apply`, `versions` and `drop`. */
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "client/definitions.h"
#include "client/progress.h"
#include "client/rpc.h"
#include "client/table.h"
#include "store/base/limits.h"
#include "store/base/time_text.h"

static bool output_is(const char *output, const char *format)
{
    return output && strcmp(output, format) == 0;
}

/* --- apply -------------------------------------------------------------------------------------------------------- */

struct apply_options {
    const char *server, *output;
    bool dry_run, force, no_wait;
};

static const struct flag apply_flags[] = {
    {"dry-run", NULL, 'n', FLAG_SWITCH, NULL, "only say what it would do", offsetof(struct apply_options, dry_run)},
    {"force", NULL, 0, FLAG_SWITCH, NULL, "also where stored event types or attributes are gone or of another type",
        offsetof(struct apply_options, force)},
    {"no-wait", NULL, 0, FLAG_SWITCH, NULL, "leave once it is the newest version: it is filled all the same",
        offsetof(struct apply_options, no_wait)},
    {"output", NULL, 'o', FLAG_TEXT, "text|json", "how to print what it did (default text)",
        offsetof(struct apply_options, output)},
    SERVER_FLAG(struct apply_options),
};

struct applied {
    const struct apply_options *options;
    const char *path;
    Patron__V1__ApplyDefinitionsResponse *first; /* null: none has come */
    uint64_t customers, events;
    bool done;
    struct progress progress;
};

/* What it does, or would do, before it is under way. */
static void plan_print(const struct applied *applied)
{
    const Patron__V1__ApplyDefinitionsResponse *first = applied->first;
    if (first->unchanged) {
        printf("%s is version %u already%s\n", applied->path, first->definitions_version,
            first->refill ? ", which is being filled from the events" : "");
        return;
    }
    printf("version %u of the definitions, against version %u:\n", first->definitions_version, first->compared_with);
    definitions_changes_print(first->changes, first->n_changes);
    if (first->n_changes == 0)
        printf("  nothing but blanks and comments\n");
    if (applied->options->dry_run)
        printf("applying it would %s\n",
            first->refill ? "fold the stored events again, in the background" : "take effect at once");
}

static void result_print_text(const struct applied *applied)
{
    const Patron__V1__ApplyDefinitionsResponse *first = applied->first;
    if (applied->options->dry_run || (first->unchanged && !first->refill))
        return;
    if (!applied->done)
        printf("version %u is being filled; `patron definitions versions` says how far it is\n",
            first->definitions_version);
    else if (first->refill)
        printf("version %u serves: %llu customers folded from %llu events\n", first->definitions_version,
            (unsigned long long)applied->customers, (unsigned long long)applied->events);
    else
        printf("version %u serves\n", first->definitions_version);
}

static void result_print_json(const struct applied *applied)
{
    const Patron__V1__ApplyDefinitionsResponse *first = applied->first;
    bool dry_run = applied->options->dry_run;
    struct json_object *result = json_object_new_object();
    json_object_object_add(result, "version", json_object_new_int64((int64_t)first->definitions_version));
    json_object_object_add(result, "compared_with", json_object_new_int64((int64_t)first->compared_with));
    json_object_object_add(result, "unchanged", json_object_new_boolean(first->unchanged));
    json_object_object_add(result, "refill", json_object_new_boolean(first->refill));
    json_object_object_add(result, "dry_run", json_object_new_boolean(dry_run));
    json_object_object_add(result, "serves", json_object_new_boolean(applied->done && !(dry_run && !first->unchanged)));
    json_object_object_add(result, "changes", definitions_changes_json(first->changes, first->n_changes));
    json_object_object_add(result, "customers_folded", json_object_new_uint64(applied->customers));
    json_object_object_add(result, "events_folded", json_object_new_uint64(applied->events));
    puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(result);
}

/* Takes the message: the first one is kept. */
static void message_take(struct applied *applied, Patron__V1__ApplyDefinitionsResponse *message)
{
    applied->done = message->done != 0;
    applied->customers = message->customers_folded;
    applied->events = message->events_folded;
    if (applied->first) {
        char words[PROGRESS_TEXT_MAX];
        snprintf(words, sizeof words, "following: %llu events behind", (unsigned long long)message->events_behind);
        if (message->following && !message->done)
            progress_say(&applied->progress, words);
        else
            progress_update(&applied->progress, message->customers_folded, message->identifiers_done,
                message->identifiers_total);
        protobuf_c_message_free_unpacked(&message->base, NULL);
        return;
    }
    applied->first = message;
    if (!output_is(applied->options->output, "json")) {
        plan_print(applied);
        fflush(stdout);
    }
}

static enum patron_code answers_read(struct applied *applied, struct rpc_stream *stream, struct error *error)
{
    progress_start(&applied->progress, "filling", "customers");
    for (;;) {
        ProtobufCMessage *message;
        enum patron_code code = rpc_stream_receive(stream, &message, error);
        if (code == PATRON_OK && message)
            message_take(applied, (Patron__V1__ApplyDefinitionsResponse *)message);
        if (code != PATRON_OK || !message || (applied->options->no_wait && !applied->done)) {
            progress_finish(&applied->progress);
            return code;
        }
    }
}

static enum patron_code apply_work(struct applied *applied, struct error *error)
{
    struct rpc *rpc = NULL;
    struct rpc_stream *stream = NULL;
    struct encoder text = {0};
    enum patron_code code = definitions_read(applied->path, &text, error);
    Patron__V1__ApplyDefinitionsRequest request = PATRON__V1__APPLY_DEFINITIONS_REQUEST__INIT;
    request.text = (ProtobufCBinaryData){text.length, text.data};
    request.force = applied->options->force;
    request.dry_run = applied->options->dry_run;
    if (code == PATRON_OK)
        code = rpc_open(&rpc, applied->options->server, error);
    if (code == PATRON_OK)
        code = rpc_stream_open(rpc, "/patron.v1.Definitions/ApplyDefinitions",
            &patron__v1__apply_definitions_response__descriptor, RPC_NO_DEADLINE, &stream, error);
    if (code == PATRON_OK)
        code = rpc_stream_send(stream, &request.base, error);
    if (code == PATRON_OK)
        code = rpc_stream_half_close(stream, error);
    if (code == PATRON_OK)
        code = answers_read(applied, stream, error);
    rpc_stream_close(stream);
    rpc_close(rpc);
    encoder_clear(&text);
    if (code == PATRON_OK && !applied->done && !applied->options->no_wait)
        return error_set(error, PATRON_IO, "the server ended before the version served: apply the file again to watch");
    return code;
}

/* "line 12, column 5: words" a line becomes "FILE:12:5: words", as check tells them. False: it is no such list. */
static bool mistakes_print(const char *path, const char *text)
{
    unsigned line, column;
    int used = 0;
    if (sscanf(text, "line %u, column %u: %n", &line, &column, &used) != 2 || used == 0)
        return false;
    for (const char *end; *text; text = *end ? end + 1 : end) {
        end = text + strcspn(text, "\n");
        used = 0;
        bool placed =
            sscanf(text, "line %u, column %u: %n", &line, &column, &used) == 2 && used > 0 && text + used <= end;
        if (placed)
            fprintf(stderr, "%s:%u:%u: ", path, line, column);
        else
            fprintf(stderr, "%s: ", path);
        const char *words = placed ? text + used : text;
        fprintf(stderr, "%.*s\n", (int)(end - words), words);
    }
    return true;
}

static int apply_failed(const char *path, const struct error *error)
{
    return mistakes_print(path, error->text) ? EXIT_FAILED : command_failed(error);
}

static int apply_run(const struct command *command, int argc, char **argv)
{
    struct apply_options options = {0};
    struct flag_list rest = {0};
    struct error error;
    int exit_code = command_parse(command, argc, argv, &options, &rest);
    if (exit_code < 0 && rest.count != 1)
        exit_code = command_usage_error(command, "name one FILE, or - for standard input");
    if (exit_code < 0 && options.output && !output_is(options.output, "json") && !output_is(options.output, "text"))
        exit_code = command_usage_error(command, "--output is text or json, not '%.40s'", options.output);
    struct applied applied = {.options = &options};
    if (exit_code < 0) {
        applied.path = rest.values[0];
        exit_code = apply_work(&applied, &error) == PATRON_OK ? EXIT_DONE : apply_failed(applied.path, &error);
    }
    if (exit_code == EXIT_DONE && applied.first) /* not after --help */
        (output_is(options.output, "json") ? result_print_json : result_print_text)(&applied);
    if (applied.first)
        protobuf_c_message_free_unpacked(&applied.first->base, NULL);
    flag_list_clear(&rest);
    return exit_code;
}

const struct command command_definitions_apply = {
    .name = "definitions apply",
    .usage = "FILE [FLAGS]",
    .summary = "make a file the newest version, and fill its features from the events",
    .notes = "Says what is different first. Where profiles hold the same as before, the version serves at once. Else\n"
             "the stored events are folded again in the background, while the version before goes on serving;\n"
             "then reads change over in one moment. That goes on when this command ends, and after a crash: the\n"
             "same file applied again shows how far it is.\n\n"
             "New event types, attributes and features are always taken. A file in which stored ones are gone or of\n"
             "another type is refused, with the features that used them, unless it is forced; what was stored then\n"
             "stays, unseen. `patron definitions check FILE` tells all mistakes of a file.\n\n"
             "Examples:\n  patron definitions apply shop.yaml --dry-run\n  patron definitions apply shop.yaml\n",
    .flags = apply_flags,
    .flag_count = sizeof apply_flags / sizeof *apply_flags,
    .run = apply_run,
};

/* --- versions ----------------------------------------------------------------------------------------------------- */

struct versions_options {
    const char *server, *output;
};

static const struct flag versions_flags[] = {
    {"output", NULL, 'o', FLAG_TEXT, "table|json", "how to print them (default table)",
        offsetof(struct versions_options, output)},
    SERVER_FLAG(struct versions_options),
};

static const char *state_name(Patron__V1__DefinitionsVersionState state)
{
    static const char *const names[] = {"unknown", "serving", "filling", "kept", "dropped"};
    return (size_t)state < sizeof names / sizeof *names ? names[state] : names[0];
}

/* The first version is known before all time that an event can have. */
static const char *since_text(int64_t time_us, char text[TIME_TEXT_MAX])
{
    if (time_us < EVENT_TIME_MIN_US)
        return "the beginning";
    time_to_text(time_us, text);
    return text;
}

static void version_add(struct table *table, const Patron__V1__DefinitionsVersion *version)
{
    char text[64], moment[TIME_TEXT_MAX];
    bool filling = version->identifiers_total > 0;
    snprintf(text, sizeof text, "%u", version->definitions_version);
    table_add(table, text);
    if (version->failure[0])
        snprintf(text, sizeof text, "cannot be filled");
    else if (version->following)
        snprintf(text, sizeof text, "following, %llu events behind", (unsigned long long)version->events_behind);
    else if (filling)
        snprintf(text, sizeof text, "filling, %.0f %%",
            100.0 * (double)version->identifiers_done / (double)version->identifiers_total);
    else
        snprintf(text, sizeof text, "%s", state_name(version->state));
    table_add(table, text);
    table_add(table, since_text(version->known_at_us, moment));
    snprintf(text, sizeof text, "%u", version->features);
    table_add(table, text);
    snprintf(text, sizeof text, "%u", version->services);
    table_add(table, text);
    snprintf(text, sizeof text, "%llu", (unsigned long long)version->text_bytes);
    table_add(table, text);
    snprintf(text, sizeof text, "%llu", (unsigned long long)version->asked);
    table_add(table, text);
}

static void versions_print(const Patron__V1__ListDefinitionsVersionsResponse *reply)
{
    static const char *const heads[] = {"version", "state", "since", "features", "services", "bytes", "asked for"};
    enum { COLUMNS = sizeof heads / sizeof *heads };
    struct table table;
    table_open(&table, COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (i != 1 && i != 2)
            table_align_right(&table, i);
        table_add(&table, heads[i]);
    }
    for (size_t i = 0; i < reply->n_versions; i++)
        version_add(&table, reply->versions[i]);
    table_print(&table, stdout);
    table_close(&table);
    for (size_t i = 0; i < reply->n_versions; i++)
        if (reply->versions[i]->failure[0])
            printf("version %u cannot be filled from the events: %s\n", reply->versions[i]->definitions_version,
                reply->versions[i]->failure);
}

static void versions_print_json(const Patron__V1__ListDefinitionsVersionsResponse *reply)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < reply->n_versions; i++) {
        const Patron__V1__DefinitionsVersion *version = reply->versions[i];
        char moment[TIME_TEXT_MAX];
        bool first = version->known_at_us < EVENT_TIME_MIN_US;
        struct json_object *one = json_object_new_object();
        json_object_object_add(one, "version", json_object_new_int64((int64_t)version->definitions_version));
        json_object_object_add(one, "state", json_object_new_string(state_name(version->state)));
        json_object_object_add(
            one, "known_at", first ? NULL : json_object_new_string(since_text(version->known_at_us, moment)));
        json_object_object_add(one, "features", json_object_new_int64((int64_t)version->features));
        json_object_object_add(one, "services", json_object_new_int64((int64_t)version->services));
        json_object_object_add(one, "text_bytes", json_object_new_uint64(version->text_bytes));
        json_object_object_add(one, "asked", json_object_new_uint64(version->asked));
        json_object_object_add(one, "identifiers_done", json_object_new_uint64(version->identifiers_done));
        json_object_object_add(one, "identifiers_total", json_object_new_uint64(version->identifiers_total));
        json_object_object_add(one, "following", json_object_new_boolean(version->following));
        json_object_object_add(one, "events_behind", json_object_new_uint64(version->events_behind));
        if (version->failure[0])
            json_object_object_add(one, "failure", json_object_new_string(version->failure));
        json_object_array_add(list, one);
    }
    puts(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PLAIN));
    json_object_put(list);
}

static enum patron_code versions_work(const struct versions_options *options, struct error *error)
{
    struct rpc *rpc;
    TRY(rpc_open(&rpc, options->server, error));
    Patron__V1__ListDefinitionsVersionsRequest request = PATRON__V1__LIST_DEFINITIONS_VERSIONS_REQUEST__INIT;
    ProtobufCMessage *message;
    enum patron_code code = rpc_unary(rpc, "/patron.v1.Definitions/ListDefinitionsVersions", &request.base,
        &patron__v1__list_definitions_versions_response__descriptor, &message, error);
    if (code == PATRON_OK) {
        const Patron__V1__ListDefinitionsVersionsResponse *reply =
            (Patron__V1__ListDefinitionsVersionsResponse *)message;
        (output_is(options->output, "json") ? versions_print_json : versions_print)(reply);
        protobuf_c_message_free_unpacked(message, NULL);
    }
    rpc_close(rpc);
    return code;
}

static int versions_run(const struct command *command, int argc, char **argv)
{
    struct versions_options options = {0};
    struct flag_list rest = {0};
    struct error error;
    int exit_code = command_parse(command, argc, argv, &options, &rest);
    if (exit_code < 0 && rest.count > 0)
        exit_code = command_usage_error(command, "takes no arguments but --output and --server");
    if (exit_code < 0 && options.output && !output_is(options.output, "json") && !output_is(options.output, "table"))
        exit_code = command_usage_error(command, "--output is table or json, not '%.40s'", options.output);
    if (exit_code < 0)
        exit_code = versions_work(&options, &error) == PATRON_OK ? EXIT_DONE : command_failed(&error);
    flag_list_clear(&rest);
    return exit_code;
}

const struct command command_definitions_versions = {
    .name = "definitions versions",
    .usage = "[FLAGS]",
    .summary = "list every version there has been",
    .notes = "One is served; while a newer one is filled from the events, this says how far that is. The others can\n"
             "be asked for: `patron get` and `patron snapshot` take --definitions-version N, and\n"
             "`patron definitions show --version N` shows one.\n\nExample:\n  patron definitions versions\n",
    .flags = versions_flags,
    .flag_count = sizeof versions_flags / sizeof *versions_flags,
    .run = versions_run,
};

/* --- drop --------------------------------------------------------------------------------------------------------- */

struct drop_options {
    const char *server;
};

static const struct flag drop_flags[] = {SERVER_FLAG(struct drop_options)};

static enum patron_code drop_work(const char *server, const char *number, struct error *error)
{
    long long version;
    TRY(parse_count(number, 1, UINT32_MAX, &version, error));
    struct rpc *rpc;
    TRY(rpc_open(&rpc, server, error));
    Patron__V1__DropDefinitionsVersionRequest request = PATRON__V1__DROP_DEFINITIONS_VERSION_REQUEST__INIT;
    request.definitions_version = (uint32_t)version;
    ProtobufCMessage *message;
    enum patron_code code = rpc_unary(rpc, "/patron.v1.Definitions/DropDefinitionsVersion", &request.base,
        &patron__v1__drop_definitions_version_response__descriptor, &message, error);
    if (code == PATRON_OK) {
        protobuf_c_message_free_unpacked(message, NULL);
        printf("version %lld is dropped\n", version);
    }
    rpc_close(rpc);
    return code;
}

static int drop_run(const struct command *command, int argc, char **argv)
{
    struct drop_options options = {0};
    struct flag_list rest = {0};
    struct error error;
    int exit_code = command_parse(command, argc, argv, &options, &rest);
    if (exit_code < 0 && rest.count != 1)
        exit_code = command_usage_error(command, "name one VERSION, by its number");
    if (exit_code < 0)
        exit_code = drop_work(options.server, rest.values[0], &error) == PATRON_OK ? EXIT_DONE : command_failed(&error);
    flag_list_clear(&rest);
    return exit_code;
}

const struct command command_definitions_drop = {
    .name = "definitions drop",
    .usage = "VERSION [FLAGS]",
    .summary = "forget a version that nobody asks for any more",
    .notes = "It can be asked for no more then; its number is not given again. The one that serves and the newest\n"
             "cannot be dropped.\n\nExample:\n  patron definitions drop 3\n",
    .flags = drop_flags,
    .flag_count = sizeof drop_flags / sizeof *drop_flags,
    .run = drop_run,
};
