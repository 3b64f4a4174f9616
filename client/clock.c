/* `patron clock confirm`: the operator says that the server's clock is right after it has jumped. */
#include <stdio.h>
#include <string.h>

#include "client/clock_text.h"
#include "client/command.h"
#include "client/rpc.h"
#include "patron/v1/operations.pb-c.h"
#include "store/base/time_text.h"

struct clock_options {
    const char *server;
};

static const struct flag clock_flags[] = {SERVER_FLAG(struct clock_options)};

static enum patron_code clock_confirm(const char *server, struct error *error)
{
    struct rpc *rpc;
    ProtobufCMessage *reply;
    Patron__V1__ConfirmClockRequest request = PATRON__V1__CONFIRM_CLOCK_REQUEST__INIT;
    TRY(rpc_open(&rpc, server, error));
    enum patron_code code = rpc_unary(rpc, "/patron.v1.Operations/ConfirmClock", &request.base,
        &patron__v1__confirm_clock_response__descriptor, &reply, error);
    if (code == PATRON_OK) {
        char text[TIME_TEXT_MAX], difference[CLOCK_TEXT_MAX];
        const Patron__V1__ConfirmClockResponse *clocks = (Patron__V1__ConfirmClockResponse *)reply;
        time_to_text(clocks->clock_us, text);
        printf("confirmed: store clock %s%s\n", text,
            clock_difference(clocks->clock_us, clocks->machine_clock_us, difference));
        protobuf_c_message_free_unpacked(reply, NULL);
    }
    rpc_close(rpc);
    return code;
}

static int clock_run(const struct command *command, int argc, char **argv)
{
    struct clock_options options = {0};
    struct flag_list rest = {0};
    struct error error;
    int exit_code = command_parse(command, argc, argv, &options, &rest);
    if (exit_code < 0 && (rest.count != 1 || strcmp(rest.values[0], "confirm") != 0))
        exit_code = command_usage_error(command, "write `patron clock confirm`");
    if (exit_code < 0)
        exit_code = clock_confirm(options.server, &error) == PATRON_OK ? EXIT_DONE : command_failed(&error);
    flag_list_clear(&rest);
    return exit_code;
}

const struct command command_clock = {
    .name = "clock",
    .usage = "confirm [FLAGS]",
    .summary = "let writes go on after the server's clock has jumped",
    .notes = "A server whose clock jumps far takes no events until someone has looked: times given out under "
             "a wrong\n"
             "clock cannot be taken back. `patron status` shows what it says now.\n\n"
             "Example:\n  patron clock confirm\n",
    .flags = clock_flags,
    .flag_count = sizeof clock_flags / sizeof *clock_flags,
    .run = clock_run,
};
