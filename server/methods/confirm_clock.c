/* ConfirmClock: an operator says that the clock is right, and writes go on. */
#include "patron/v1/operations.pb-c.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/services.h"

static void start(struct call *call, struct bytes request)
{
    (void)request; /* it has no fields */
    struct port *port = call->services->port;
    struct error error;
    Patron__V1__ConfirmClockResponse response = PATRON__V1__CONFIRM_CLOCK_RESPONSE__INIT;
    enum patron_code code = port->functions->confirm_clock(port, &response.clock_us, &error);
    if (code == PATRON_OK) {
        struct server_status status;
        port->functions->status(port, &status);
        response.machine_clock_us = status.machine_clock_us;
        reply_message(call, &response.base);
    }
    call_finish(call, code, &error);
}

const struct method method_confirm_clock = {
    .path = "/patron.v1.Operations/ConfirmClock",
    .shape = METHOD_UNARY,
    .urgent = true,
    .start = start,
};
