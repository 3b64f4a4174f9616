#include "server/methods/view_at.h"

#include "store/base/limits.h"
#include "store/base/time_text.h"

/* A store whose newest entry is this young takes in what happens now. */
#define LIVE_US (60 * MICROSECONDS_PER_SECOND)

/* The latest moment that the view answers for whatever comes later: everything known before it is in the view. */
static int64_t latest_held_us(const struct view *view)
{
    return view->position_us == INT64_MIN ? INT64_MIN : view->position_us + 1;
}

static int64_t clock_us(struct port *port)
{
    struct server_status status;
    port->functions->status(port, &status);
    return status.clock_us;
}

enum patron_code view_at_check(int64_t moment_us, int64_t latest_us, struct error *error)
{
    char moment[TIME_TEXT_MAX];
    time_to_text(moment_us, moment);
    if (moment_us > latest_us) {
        char latest[TIME_TEXT_MAX];
        time_to_text(latest_us, latest);
        return error_set(error, PATRON_OUT_OF_RANGE,
            "%s is not known yet; the newest moment that can be asked for is %s", moment, latest);
    }
    if (moment_us < EVENT_TIME_MIN_US)
        return error_set(error, PATRON_OUT_OF_RANGE,
            "%s lies before 1900-01-01; times are microseconds since 1970", moment);
    return PATRON_OK;
}

enum patron_code view_at(
    struct port *port, int64_t moment_us, const struct view **view, int64_t *latest_us, struct error *error)
{
    const struct port_functions *functions = port->functions;
    const struct view *held = functions->view_acquire(port, NULL);
    *latest_us = latest_held_us(held);
    enum patron_code code = PATRON_OK;
    if (moment_us > *latest_us) {
        int64_t now_us = clock_us(port);
        functions->view_release(port, held);
        /* What is refused must not bind either. */
        TRY(view_at_check(moment_us, now_us > *latest_us ? now_us : *latest_us, error));
        held = functions->view_acquire(port, latest_us);
    }
    code = view_at_check(moment_us, *latest_us, error);
    if (code != PATRON_OK)
        functions->view_release(port, held);
    else
        *view = held;
    return code;
}

const struct view *view_at_some(struct port *port, int64_t *latest_us)
{
    const struct port_functions *functions = port->functions;
    const struct view *held = functions->view_acquire(port, NULL);
    *latest_us = latest_held_us(held);
    if (held->position_us == INT64_MIN || clock_us(port) - held->position_us > LIVE_US)
        return held;
    functions->view_release(port, held);
    return functions->view_acquire(port, latest_us);
}

void view_at_extend(struct port *port, const struct view *view, int64_t *latest_us)
{
    int64_t now_us;
    const struct view *newest = port->functions->view_acquire(port, &now_us);
    if (newest->position_us == view->position_us && now_us > *latest_us)
        *latest_us = now_us;
    port->functions->view_release(port, newest);
}
