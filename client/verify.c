/* `patron verify`: the server refolds everything and compares with what it serves. */
#include <stdio.h>
#include <string.h>

#include "client/command.h"
#include "client/progress.h"
#include "client/rpc.h"
#include "patron/v1/operations.pb-c.h"

struct verify_options {
    const char *server, *output;
};

static const struct flag verify_flags[] = {
    {"output", NULL, 'o', FLAG_TEXT, "text|json", "how to print the result (default text)",
        offsetof(struct verify_options, output)},
    SERVER_FLAG(struct verify_options),
};

struct verify_result {
    uint64_t customers, events, differences;
    bool done;
};

/* Findings are printed as they come; each message brings new ones. */
static void message_take(
    const Patron__V1__VerifyResponse *message, struct progress *progress, struct verify_result *result)
{
    for (size_t i = 0; i < message->n_findings; i++) {
        progress_finish(progress);
        fprintf(stderr, "difference: %s\n", message->findings[i]);
    }
    *result = (struct verify_result){
        message->customers_checked, message->events_folded, message->differences, message->done != 0};
    progress_update(
        progress, message->customers_checked, message->customers_checked, message->customers_total);
}

static enum patron_code stream_read(
    struct rpc_stream *stream, struct verify_result *result, struct error *error)
{
    Patron__V1__VerifyRequest request = PATRON__V1__VERIFY_REQUEST__INIT;
    struct progress progress;
    TRY(rpc_stream_send(stream, &request.base, error));
    TRY(rpc_stream_half_close(stream, error));
    progress_start(&progress, "verifying", "customers");
    for (;;) {
        ProtobufCMessage *message;
        enum patron_code code = rpc_stream_receive(stream, &message, error);
        if (code != PATRON_OK || !message) {
            progress_finish(&progress);
            return code;
        }
        message_take((Patron__V1__VerifyResponse *)message, &progress, result);
        protobuf_c_message_free_unpacked(message, NULL);
    }
}

static enum patron_code verify_work(const char *server, struct verify_result *result, struct error *error)
{
    struct rpc *rpc;
    struct rpc_stream *stream;
    TRY(rpc_open(&rpc, server, error));
    enum patron_code code = rpc_stream_open(rpc, "/patron.v1.Operations/Verify",
        &patron__v1__verify_response__descriptor, RPC_NO_DEADLINE, &stream, error);
    if (code == PATRON_OK) {
        code = stream_read(stream, result, error);
        rpc_stream_close(stream);
    }
    rpc_close(rpc);
    if (code == PATRON_OK && !result->done)
        return error_set(error, PATRON_IO, "the server ended the verification early");
    return code;
}

static void result_print(const struct verify_result *result, bool json)
{
    printf(json ? "{\"customers\":%llu,\"events\":%llu,\"differences\":%llu}\n"
                : "%llu customers refolded from %llu events: %llu differences\n",
        (unsigned long long)result->customers, (unsigned long long)result->events,
        (unsigned long long)result->differences);
}

static int verify_run(const struct command *command, int argc, char **argv)
{
    struct verify_options options = {0};
    struct flag_list rest = {0};
    struct error error;
    struct verify_result result = {0};
    int exit_code = command_parse(command, argc, argv, &options, &rest);
    bool json = options.output && strcmp(options.output, "json") == 0;
    if (exit_code < 0 && (rest.count > 0 || (options.output && !json && strcmp(options.output, "text") != 0)))
        exit_code = command_usage_error(command, "takes no arguments but --output text|json and --server");
    if (exit_code < 0 && verify_work(options.server, &result, &error) != PATRON_OK)
        exit_code = command_failed(&error);
    if (exit_code < 0) {
        result_print(&result, json);
        exit_code = result.differences == 0 ? EXIT_DONE : EXIT_FAILED;
    }
    flag_list_clear(&rest);
    return exit_code;
}

const struct command command_verify = {
    .name = "verify",
    .usage = "[FLAGS]",
    .summary = "refold every customer from the events and compare with what is served",
    .notes = "Reads and writes go on meanwhile. The exit code is 1 if anything differs.\n\nExample:\n  "
             "patron verify\n",
    .flags = verify_flags,
    .flag_count = sizeof verify_flags / sizeof *verify_flags,
    .run = verify_run,
};
