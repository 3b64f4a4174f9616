/* `patron status`: what the server is and holds. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "client/clock_text.h"
#include "client/command.h"
#include "client/rpc.h"
#include "patron/v1/operations.pb-c.h"
#include "store/base/time_text.h"

struct status_options {
    const char *server, *output;
};

static const struct flag status_flags[] = {
    {"output", NULL, 'o', FLAG_TEXT, "text|json", "how to print it (default text)",
        offsetof(struct status_options, output)},
    SERVER_FLAG(struct status_options),
};

/* "never" before there is anything: 0 and below stand for no entry yet. */
static const char *moment_text(int64_t time_us, char text[TIME_TEXT_MAX])
{
    if (time_us == INT64_MIN || time_us == 0)
        return "never";
    time_to_text(time_us, text);
    return text;
}

static struct json_object *names_to_json(char *const *names, size_t count)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(list, json_object_new_string(names[i]));
    return list;
}

static void status_print_json(const Patron__V1__GetStatusResponse *status)
{
    char newest[TIME_TEXT_MAX], clock[TIME_TEXT_MAX];
    time_to_text(status->clock_us, clock);
    bool any = strcmp(moment_text(status->newest_known_at_us, newest), "never") != 0;
    struct json_object *result = json_object_new_object();
    json_object_object_add(result, "version", json_object_new_string(status->version));
    json_object_object_add(result, "newest_known_at", any ? json_object_new_string(newest) : NULL);
    json_object_object_add(result, "clock", json_object_new_string(clock));
    json_object_object_add(result, "clock_jumped", json_object_new_boolean(status->clock_jumped));
    json_object_object_add(
        result, "definitions_version", json_object_new_int64((int64_t)status->definitions_version));
    json_object_object_add(result, "services", names_to_json(status->services, status->n_services));
    json_object_object_add(result, "features", names_to_json(status->features, status->n_features));
    json_object_object_add(result, "identifiers", json_object_new_uint64(status->nodes));
    json_object_object_add(result, "events", json_object_new_uint64(status->events));
    json_object_object_add(result, "profiles_behind", json_object_new_uint64(status->profiles_behind));
    struct json_object *costs = json_object_new_object();
    json_object_object_add(costs, "shared", json_object_new_uint64(status->shared_costs_shared));
    json_object_object_add(costs, "waiting", json_object_new_uint64(status->shared_costs_waiting));
    json_object_object_add(costs, "unallocated", json_object_new_uint64(status->shared_costs_unallocated));
    json_object_object_add(costs, "words", json_object_new_string(status->shared_costs_words));
    json_object_object_add(result, "shared_costs", costs);
    puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN));
    json_object_put(result);
}

static void names_print(const char *label, char *const *names, size_t count)
{
    printf("%-16s", label);
    size_t column = 16;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(names[i]) + 2;
        if (i > 0 && column + length > 100) {
            printf(",\n%-16s", "");
            column = 16;
        } else if (i > 0) {
            fputs(", ", stdout);
        }
        fputs(names[i], stdout);
        column += length;
    }
    puts(count == 0 ? "none" : "");
}

static void shared_costs_print(const Patron__V1__GetStatusResponse *status)
{
    const char *words = status->shared_costs_words;
    printf("%-16s%llu shared out, %llu waiting", "shared costs", (unsigned long long)status->shared_costs_shared,
        (unsigned long long)status->shared_costs_waiting);
    if (words[0])
        printf(" (%s)", words);
    if (status->shared_costs_unallocated > 0)
        printf(", %llu that nobody bears", (unsigned long long)status->shared_costs_unallocated);
    puts("");
}

static void status_print_text(const char *address, const Patron__V1__GetStatusResponse *status)
{
    char newest[TIME_TEXT_MAX], clock[TIME_TEXT_MAX], difference[CLOCK_TEXT_MAX];
    printf("%-16s%s at %s\n", "server", status->version, address);
    printf("%-16s%llu\n", "events", (unsigned long long)status->events);
    printf("%-16s%llu\n", "identifiers", (unsigned long long)status->nodes);
    printf("%-16s%s\n", "newest known", moment_text(status->newest_known_at_us, newest));
    printf("%-16s%s%s%s\n", "store clock", moment_text(status->clock_us, clock),
        clock_difference(status->clock_us, status->machine_clock_us, difference),
        status->clock_jumped ? "  HAS JUMPED: writes wait for `patron clock confirm`" : "");
    printf("%-16s%llu\n", "profiles behind", (unsigned long long)status->profiles_behind);
    if (status->shared_costs_shared + status->shared_costs_waiting + status->shared_costs_unallocated > 0)
        shared_costs_print(status);
    printf("%-16s%u\n", "definitions", status->definitions_version);
    names_print("services", status->services, status->n_services);
    names_print("features", status->features, status->n_features);
}

static enum patron_code status_work(const struct status_options *options, bool json, struct error *error)
{
    struct rpc *rpc;
    ProtobufCMessage *reply;
    Patron__V1__GetStatusRequest request = PATRON__V1__GET_STATUS_REQUEST__INIT;
    TRY(rpc_open(&rpc, options->server, error));
    enum patron_code code = rpc_unary(rpc, "/patron.v1.Operations/GetStatus", &request.base,
        &patron__v1__get_status_response__descriptor, &reply, error);
    if (code == PATRON_OK) {
        const Patron__V1__GetStatusResponse *status = (Patron__V1__GetStatusResponse *)reply;
        if (json)
            status_print_json(status);
        else
            status_print_text(rpc_address(rpc), status);
        protobuf_c_message_free_unpacked(reply, NULL);
    }
    rpc_close(rpc);
    return code;
}

static int status_run(const struct command *command, int argc, char **argv)
{
    struct status_options options = {0};
    struct flag_list rest = {0};
    struct error error;
    int exit_code = command_parse(command, argc, argv, &options, &rest);
    bool json = options.output && strcmp(options.output, "json") == 0;
    if (exit_code < 0 && (rest.count > 0 || (options.output && !json && strcmp(options.output, "text") != 0)))
        exit_code = command_usage_error(command, "takes no arguments but --output text|json and --server");
    if (exit_code < 0)
        exit_code = status_work(&options, json, &error) == PATRON_OK ? EXIT_DONE : command_failed(&error);
    flag_list_clear(&rest);
    return exit_code;
}

const struct command command_status = {
    .name = "status",
    .usage = "[FLAGS]",
    .summary = "what the server is and holds",
    .notes = "Examples:\n  patron status\n  patron status -o json\n",
    .flags = status_flags,
    .flag_count = sizeof status_flags / sizeof *status_flags,
    .run = status_run,
};
