/* Train: a worker learns a model from all records; progress goes out as the client takes it, the model last. */
#include <time.h>

#include "server/methods/matching_messages.h"
#include "server/methods/methods.h"
#include "server/methods/telling.h"

enum { PROGRESS_EVERY_MS = 250 };

struct training {
    struct telling *telling;
    int64_t told_ms;
};

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

static bool go_on(void *context, enum train_phase phase, double done)
{
    struct training *training = context;
    int64_t now_ms = steady_ms();
    if (now_ms - training->told_ms < PROGRESS_EVERY_MS)
        return !atomic_load(&training->telling->over);
    training->told_ms = now_ms;
    Patron__V1__TrainResponse response = PATRON__V1__TRAIN_RESPONSE__INIT;
    response.phase = phase == TRAIN_FOLLOWING ? PATRON__V1__TRAIN_PHASE__TRAIN_PHASE_FOLLOWING
        : phase == TRAIN_READING              ? PATRON__V1__TRAIN_PHASE__TRAIN_PHASE_READING
                                              : PATRON__V1__TRAIN_PHASE__TRAIN_PHASE_ESTIMATING;
    response.done = done;
    return telling_progress(training->telling, &response.base);
}

static enum patron_code work(struct telling *telling, struct error *error)
{
    struct port *port = telling->port;
    struct training training = {.telling = telling, .told_ms = steady_ms()};
    const struct train_watch watch = {go_on, &training};
    struct model_entry entry;
    TRY(port->functions->train(port, &watch, &entry, error));
    struct arena arena = {0};
    Patron__V1__TrainResponse response = PATRON__V1__TRAIN_RESPONSE__INIT;
    const struct view *view = port->functions->view_acquire(port, NULL);
    enum patron_code code = matching_model_message(view, &entry, true, &arena, &response.model, error);
    if (code == PATRON_OK)
        (void)telling_send(telling, &response.base);
    port->functions->view_release(port, view);
    arena_clear(&arena);
    return code;
}

static void start(struct call *call, struct bytes request)
{
    static const struct telling_kind kind = {.request = &patron__v1__train_request__descriptor, .work = work};
    telling_start(call, request, &kind, NULL); /* the port has one training at a time */
}

const struct method method_train = TELLING_METHOD("/patron.v1.Matching/Train", start);
