/* `patron definitions`: the parts; `check` and `schema`. */
#include "client/definitions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client/rpc.h"
#include "store/base/limits.h"

/* --- what the parts share ----------------------------------------------------------------------------------------- */

static enum patron_code read_all(FILE *from, const char *path, struct encoder *to, struct error *error)
{
    char piece[65536];
    size_t length;
    while ((length = fread(piece, 1, sizeof piece, from)) > 0) {
        encode_raw(to, piece, length);
        if (to->length > DEFINITIONS_BYTES_MAX)
            return error_set(error, PATRON_INVALID,
                "%s is larger than %d bytes, the most that is taken: shorten its lists, comments and descriptions",
                path, DEFINITIONS_BYTES_MAX);
    }
    if (ferror(from))
        return error_set(error, PATRON_IO, "cannot read %s: %s", path, strerrordesc_np(errno));
    return PATRON_OK;
}

enum patron_code definitions_read(const char *path, struct encoder *to, struct error *error)
{
    if (strcmp(path, "-") == 0)
        return read_all(stdin, "standard input", to, error);
    FILE *file = fopen(path, "rbe");
    if (!file)
        return error_set(error, PATRON_NOT_FOUND, "cannot read %s: %s", path, strerrordesc_np(errno));
    enum patron_code code = read_all(file, path, to, error);
    fclose(file);
    return code;
}

void definitions_mistakes_print(
    const char *path, Patron__V1__DefinitionsMistake *const *mistakes, size_t count, uint64_t total)
{
    for (size_t i = 0; i < count; i++)
        fprintf(stderr, "%s:%u:%u: %s\n", path, mistakes[i]->line, mistakes[i]->column, mistakes[i]->words);
    if (total > count)
        fprintf(stderr, "%s: and %llu more\n", path, (unsigned long long)(total - count));
    fprintf(stderr, "%s: %llu mistake%s\n", path, (unsigned long long)total, total == 1 ? "" : "s");
}

struct json_object *definitions_mistakes_json(Patron__V1__DefinitionsMistake *const *mistakes, size_t count)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++) {
        struct json_object *one = json_object_new_object();
        json_object_object_add(one, "line", json_object_new_int64(mistakes[i]->line));
        json_object_object_add(one, "column", json_object_new_int64(mistakes[i]->column));
        json_object_object_add(one, "words", json_object_new_string(mistakes[i]->words));
        json_object_object_add(one, "forceable", json_object_new_boolean(mistakes[i]->forceable));
        json_object_array_add(list, one);
    }
    return list;
}

static const struct {
    const char *sign;
    const char *name;
} kinds[] = {
    [PATRON__V1__CHANGE_KIND__CHANGE_KIND_UNSPECIFIED] = {"?", "unknown"},
    [PATRON__V1__CHANGE_KIND__CHANGE_KIND_ADDED] = {"+", "added"},
    [PATRON__V1__CHANGE_KIND__CHANGE_KIND_REMOVED] = {"-", "removed"},
    [PATRON__V1__CHANGE_KIND__CHANGE_KIND_CHANGED] = {"~", "changed"},
};

/* A server of a later version may know kinds that we do not. */
static size_t kind_of(const Patron__V1__DefinitionsChange *change)
{
    return (size_t)change->kind < sizeof kinds / sizeof *kinds ? (size_t)change->kind : 0;
}

void definitions_changes_print(Patron__V1__DefinitionsChange *const *changes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const Patron__V1__DefinitionsChange *change = changes[i];
        printf("  %s %s %s%s%s%s\n", kinds[kind_of(change)].sign, change->what, change->name,
            change->words[0] ? ": " : "", change->words, change->breaking ? "  [breaking]" : "");
    }
}

struct json_object *definitions_changes_json(Patron__V1__DefinitionsChange *const *changes, size_t count)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++) {
        const Patron__V1__DefinitionsChange *change = changes[i];
        struct json_object *one = json_object_new_object();
        json_object_object_add(one, "kind", json_object_new_string(kinds[kind_of(change)].name));
        json_object_object_add(one, "what", json_object_new_string(change->what));
        json_object_object_add(one, "name", json_object_new_string(change->name));
        json_object_object_add(one, "words", json_object_new_string(change->words));
        json_object_object_add(one, "breaking", json_object_new_boolean(change->breaking));
        json_object_object_add(one, "refill", json_object_new_boolean(change->refill));
        json_object_array_add(list, one);
    }
    return list;
}

/* --- check -------------------------------------------------------------------------------------------------------- */

struct check_options {
    const char *server, *output;
};

static const struct flag check_flags[] = {
    {"output", NULL, 'o', FLAG_TEXT, "text|json", "how to print it (default text)",
        offsetof(struct check_options, output)},
    SERVER_FLAG(struct check_options),
};

static void check_print_json(const Patron__V1__CheckDefinitionsResponse *reply)
{
    struct json_object *result = json_object_new_object();
    json_object_object_add(result, "good", json_object_new_boolean(reply->mistakes_total == 0));
    json_object_object_add(result, "mistakes", definitions_mistakes_json(reply->mistakes, reply->n_mistakes));
    json_object_object_add(result, "mistakes_total", json_object_new_uint64(reply->mistakes_total));
    json_object_object_add(result, "compared_with", json_object_new_int64((int64_t)reply->compared_with));
    json_object_object_add(result, "unchanged", json_object_new_boolean(reply->unchanged));
    json_object_object_add(result, "refill", json_object_new_boolean(reply->refill));
    json_object_object_add(result, "changes", definitions_changes_json(reply->changes, reply->n_changes));
    puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(result);
}

static void check_print_text(const char *path, const Patron__V1__CheckDefinitionsResponse *reply)
{
    if (reply->mistakes_total > 0)
        definitions_mistakes_print(path, reply->mistakes, reply->n_mistakes, reply->mistakes_total);
    if (reply->mistakes_total == 0 && reply->unchanged)
        printf("%s is good, and says what version %u says\n", path, reply->compared_with);
    if (reply->n_changes == 0)
        return;
    size_t breaking = 0;
    for (size_t i = 0; i < reply->n_changes; i++)
        breaking += reply->changes[i]->breaking ? 1 : 0;
    if (reply->mistakes_total == 0)
        printf("%s is good. Against version %u:\n", path, reply->compared_with);
    else
        printf("With `patron definitions apply --force` it goes through. Against version %u:\n",
            reply->compared_with);
    definitions_changes_print(reply->changes, reply->n_changes);
    printf("%zu change%s, %zu of them breaking; applying it %s\n", reply->n_changes, reply->n_changes == 1 ? "" : "s",
        breaking, reply->refill ? "folds the stored events again, in the background" : "takes effect at once");
}

static enum patron_code check_work(
    const struct check_options *options, const char *path, bool *good, struct error *error)
{
    struct rpc *rpc = NULL;
    struct encoder text = {0};
    enum patron_code code = definitions_read(path, &text, error);
    if (code == PATRON_OK)
        code = rpc_open(&rpc, options->server, error);
    Patron__V1__CheckDefinitionsRequest request = PATRON__V1__CHECK_DEFINITIONS_REQUEST__INIT;
    request.text = (ProtobufCBinaryData){text.length, text.data};
    ProtobufCMessage *message;
    if (code == PATRON_OK)
        code = rpc_unary(rpc, "/patron.v1.Definitions/CheckDefinitions", &request.base,
            &patron__v1__check_definitions_response__descriptor, &message, error);
    if (code == PATRON_OK) {
        const Patron__V1__CheckDefinitionsResponse *reply = (Patron__V1__CheckDefinitionsResponse *)message;
        *good = reply->mistakes_total == 0;
        if (options->output && strcmp(options->output, "json") == 0)
            check_print_json(reply);
        else
            check_print_text(path, reply);
        protobuf_c_message_free_unpacked(message, NULL);
    }
    rpc_close(rpc);
    encoder_clear(&text);
    return code;
}

static int check_run(const struct command *command, int argc, char **argv)
{
    struct check_options options = {0};
    struct flag_list rest = {0};
    struct error error;
    bool good = false;
    int exit_code = command_parse(command, argc, argv, &options, &rest);
    if (exit_code < 0 && rest.count != 1)
        exit_code = command_usage_error(command, "name one FILE, or - for standard input");
    if (exit_code < 0 && options.output && strcmp(options.output, "json") != 0 && strcmp(options.output, "text") != 0)
        exit_code = command_usage_error(command, "--output is text or json, not '%.40s'", options.output);
    if (exit_code < 0 && check_work(&options, rest.values[0], &good, &error) != PATRON_OK)
        exit_code = command_failed(&error);
    if (exit_code < 0)
        exit_code = good ? EXIT_DONE : EXIT_FAILED;
    flag_list_clear(&rest);
    return exit_code;
}

const struct command command_definitions_check = {
    .name = "definitions check",
    .usage = "FILE [FLAGS]",
    .summary = "tell what is wrong with a file, or what it would change; changes nothing",
    .notes = "FILE - is standard input. Mistakes are printed as FILE:LINE:COLUMN, and the exit code is 1 then. A good\n"
             "file is compared with the newest version: [breaking] marks what may fail whoever reads or sends\n"
             "what could be read or sent before.\n\n"
             "Without a server, `patrond --check-definitions FILE` tells mistakes.\n\n"
             "Examples:\n  patron definitions check shop.yaml\n  patron definitions check - -o json < shop.yaml\n",
    .flags = check_flags,
    .flag_count = sizeof check_flags / sizeof *check_flags,
    .run = check_run,
};

/* --- schema ------------------------------------------------------------------------------------------------------- */

struct schema_options {
    const char *server;
};

static const struct flag schema_flags[] = {SERVER_FLAG(struct schema_options)};

static enum patron_code schema_work(const char *server, struct error *error)
{
    struct rpc *rpc;
    TRY(rpc_open(&rpc, server, error));
    Patron__V1__GetDefinitionsSchemaRequest request = PATRON__V1__GET_DEFINITIONS_SCHEMA_REQUEST__INIT;
    ProtobufCMessage *message;
    enum patron_code code = rpc_unary(rpc, "/patron.v1.Definitions/GetDefinitionsSchema", &request.base,
        &patron__v1__get_definitions_schema_response__descriptor, &message, error);
    if (code == PATRON_OK) {
        fputs(((Patron__V1__GetDefinitionsSchemaResponse *)message)->schema, stdout);
        protobuf_c_message_free_unpacked(message, NULL);
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
    if (exit_code < 0 && rest.count > 0)
        exit_code = command_usage_error(command, "takes no arguments but --server");
    if (exit_code < 0)
        exit_code = schema_work(options.server, &error) == PATRON_OK ? EXIT_DONE : command_failed(&error);
    flag_list_clear(&rest);
    return exit_code;
}

const struct command command_definitions_schema = {
    .name = "definitions schema",
    .usage = "[FLAGS]",
    .summary = "print the JSON Schema of definitions files, for editors",
    .notes = "With it an editor completes keys and marks mistakes of form. VS Code's YAML extension takes\n"
             "`# yaml-language-server: $schema=patron.schema.json` as the file's first line.\n\n"
             "Without a server, `patrond --definitions-schema` prints the same.\n\n"
             "Example:\n  patron definitions schema > patron.schema.json\n",
    .flags = schema_flags,
    .flag_count = sizeof schema_flags / sizeof *schema_flags,
    .run = schema_run,
};

/* --- all of them -------------------------------------------------------------------------------------------------- */

static const struct command *const parts[] = {
    &command_definitions_check,
    &command_definitions_apply,
    &command_definitions_show,
    &command_definitions_versions,
    &command_definitions_drop,
    &command_definitions_schema,
};

const struct command command_definitions = {
    .name = "definitions",
    .usage = "COMMAND [FLAGS]",
    .summary = "check, apply and show what comes in and what is served",
    .notes = "",
    .run = command_run_part,
    .parts = parts,
    .part_count = sizeof parts / sizeof *parts,
};
