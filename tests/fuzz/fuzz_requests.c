/* Any bytes as a request of any method: answered or refused in words, never twice, never left without an end.
 *
 * The first byte chooses the method, the second how many pieces the rest is sent in (for streams). The methods run as
 * they do in the server, over a store in memory, with an engine that does at once what gRPC would do later. */
#include "server/methods/methods.h"
#include "server/methods/services.h"
#include "server/work/database.h"
#include "tests/fuzz/fuzz.h"

enum { STEPS_MAX = 100000 };

static const char definitions_text[] =
    "identifiers: {customer_id: {max: 1}, email: {normalize: email}}\n"
    "events: {order: {amount: money, channel: string}}\n"
    "features: {orders: {of: order, count: true}, revenue: {of: order, sum: amount, window: 30d},\n"
    "           channel: {of: order, last: channel}}\n"
    "services: {all: [orders, revenue, channel], numbers: [orders, revenue]}\n";

/* --- the engine ---------------------------------------------------------------------------------------- */

struct fuzz_call {
    struct call call; /* first */
    uint8_t *reply;
    uint32_t holds;
    uint32_t wakes;
    bool sending;
    bool reading;
    bool finished;
};

static struct fuzz_call *of(struct call *call)
{
    return (struct fuzz_call *)(void *)call;
}

static uint8_t *take_reply(struct call *call, size_t length)
{
    CHECK(!of(call)->reply);
    of(call)->reply = memory_alloc(length); /* of its own, so that the address sanitizer sees its end */
    return of(call)->reply;
}

static void drop_reply(struct call *call)
{
    memory_free(of(call)->reply);
    of(call)->reply = NULL;
}

static void send_reply(struct call *call)
{
    CHECK(of(call)->reply && !of(call)->sending);
    drop_reply(call);
    of(call)->sending = !of(call)->finished;
}

static void finish(struct call *call, enum patron_code code, const struct error *error)
{
    if (of(call)->finished)
        return;
    of(call)->finished = true;
    if (code != PATRON_OK)
        CHECK(memchr(error->text, 0, sizeof error->text) != NULL);
    else if (call->method->shape == METHOD_UNARY)
        CHECK(of(call)->reply != NULL);
    drop_reply(call);
}

static void read_on(struct call *call)
{
    CHECK(!of(call)->reading || of(call)->finished);
    of(call)->reading = !of(call)->finished;
}

static void hold(struct call *call)
{
    of(call)->holds++;
}

static void release(struct call *call)
{
    CHECK(of(call)->holds > 0);
    of(call)->holds--;
}

static void wake(struct call *call)
{
    release(call);
    of(call)->wakes++;
}

static bool is_over(struct call *call)
{
    return of(call)->finished;
}

static const struct call_functions functions = {
    .reply = take_reply,
    .send = send_reply,
    .finish = finish,
    .read = read_on,
    .hold = hold,
    .release = release,
    .wake = wake,
    .is_over = is_over,
};

/* --- the port: the database's, but work is done at once, and events and definitions are refused ------ */

static struct port *real;

static const struct view *view_acquire(struct port *port, int64_t *as_of_us)
{
    (void)port;
    return real->functions->view_acquire(real, as_of_us);
}

static void view_release(struct port *port, const struct view *view)
{
    (void)port;
    real->functions->view_release(real, view);
}

static enum patron_code ingest(struct port *port, struct ingest_batch *batch, struct error *error)
{
    (void)port;
    (void)error;
    for (size_t i = 0; i < batch->event_count; i++) {
        batch->outcomes[i].fate = EVENT_REFUSED;
        error_set(&batch->outcomes[i].why, PATRON_INVALID, "%.*s", BYTES_ARGUMENTS(batch->events[i].type));
    }
    batch->done(batch);
    return PATRON_OK;
}

static enum patron_code run(
    struct port *port, void (*work)(void *argument), void *argument, struct error *error)
{
    (void)port;
    (void)error;
    work(argument);
    return PATRON_OK;
}

static void status(struct port *port, struct server_status *status)
{
    (void)port;
    real->functions->status(real, status);
}

static enum patron_code confirm_clock(struct port *port, int64_t *clock_us, struct error *error)
{
    (void)port;
    return real->functions->confirm_clock(real, clock_us, error);
}

static const char *scratch_directory(struct port *port)
{
    (void)port;
    return NULL;
}

static enum patron_code define(
    struct port *port, const struct definitions *next, struct define_outcome *outcome, struct error *error)
{
    (void)port;
    (void)outcome;
    return error_set(error, PATRON_PRECONDITION, "version %u is not wanted", next->version);
}

static void refill_begin(struct port *port)
{
    (void)port;
    real->functions->refill_begin(real);
}

static enum patron_code version_drop(struct port *port, uint32_t number, struct error *error)
{
    (void)port;
    return real->functions->version_drop(real, number, error);
}

static void refill_progress(struct port *port, struct refill_progress *progress)
{
    (void)port;
    real->functions->refill_progress(real, progress);
}

static enum patron_code change(struct port *port,
    enum patron_code (*work)(struct store *store, void *context, struct error *error), void *context,
    struct error *error)
{
    (void)port;
    return real->functions->change(real, work, context, error);
}

static enum patron_code split(struct port *port, struct split *split, const atomic_bool *cancelled,
    struct split_outcome *outcome, struct error *error)
{
    (void)port;
    return real->functions->split(real, split, cancelled, outcome, error);
}

static enum patron_code measure(struct port *port, bool fresh, struct census *census, struct error *error)
{
    (void)port;
    return real->functions->measure(real, fresh, census, error);
}

static const struct port_functions port_functions = {
    .view_acquire = view_acquire,
    .view_release = view_release,
    .ingest = ingest,
    .run = run,
    .status = status,
    .confirm_clock = confirm_clock,
    .scratch_directory = scratch_directory,
    .define = define,
    .refill_begin = refill_begin,
    .version_drop = version_drop,
    .refill_progress = refill_progress,
    .change = change,
    .split = split,
    .measure = measure,
};

static void on_fatal(void *context, const struct error *error)
{
    (void)context;
    (void)error;
    IMPOSSIBLE("a store in memory that cannot be written");
}

static int64_t still(void *context)
{
    (void)context;
    return INT64_C(1775000000000000);
}

static struct services *services_once(void)
{
    static struct port port = {&port_functions};
    static struct services services;
    if (services.port)
        return &services;
    static const uint8_t key[STORE_KEY_BYTES] = {1};
    struct database_options options = {.kv = kv_memory_new(),
        .key = key,
        .definitions_text = bytes_from_string(definitions_text),
        .clock_source = {still, still, NULL},
        .fatal = on_fatal};
    struct database *database;
    CHECK(database_open(&options, &database, NULL) == PATRON_OK);
    real = database_port(database);
    static const char *const paths[] = {"all"};
    services.metrics = metrics_new(paths, 1);
    services.health = health_new();
    CHECK(reflection_new(&services.reflection, NULL) == PATRON_OK);
    services.version = "fuzz";
    services.port = &port;
    return &services;
}

/* --- a call ------------------------------------------------------------------------------------------------ */

/* What the engine owes the call now: one wake or one `sent`. False if nothing. */
static bool step(struct fuzz_call *call)
{
    if (call->wakes) {
        call->wakes--;
        call->call.method->woken(&call->call);
    } else if (call->sending) {
        call->sending = false;
        if (!call->finished)
            call->call.method->sent(&call->call);
    } else {
        return false;
    }
    return true;
}

static void settle(struct fuzz_call *call)
{
    int steps = 0;
    while (step(call))
        CHECK(++steps < STEPS_MAX);
    CHECK(call->holds == 0 || call->call.method == &method_health_watch);
}

static void feed(struct fuzz_call *call, struct bytes rest, size_t pieces)
{
    size_t piece = rest.length / pieces + 1;
    while (call->reading && rest.length) {
        size_t length = rest.length < piece ? rest.length : piece;
        call->reading = false;
        call->call.method->message(&call->call, bytes_of(rest.data, length));
        rest = bytes_of(rest.data + length, rest.length - length);
        settle(call);
    }
    if (call->reading) {
        call->reading = false;
        call->call.method->half_closed(&call->call);
        settle(call);
    }
}

/* The first byte of an input chooses a method. Those that the corpus has keep their numbers, whatever comes to them. */
static const char *const numbered[] = {
    "/patron.v1.Features/GetFeatures",
    "/patron.v1.Features/GetVectors",
    "/patron.v1.Ingestion/Ingest",
    "/patron.v1.Snapshots/Snapshot",
    "/patron.v1.Operations/Verify",
    "/patron.v1.Operations/GetStatus",
    "/patron.v1.Operations/ConfirmClock",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/patron.v1.Definitions/DescribeDefinitions",
    "/patron.v1.Definitions/CheckDefinitions",
    "/patron.v1.Definitions/GetDefinitionsSchema",
    "/patron.v1.Review/List",
    "/patron.v1.Review/Get",
    "/patron.v1.Review/Decide",
};
enum { NUMBERED = sizeof numbered / sizeof numbered[0] };

static bool is_numbered(const struct method *method)
{
    for (size_t i = 0; i < NUMBERED; i++)
        if (strcmp(numbered[i], method->path) == 0)
            return true;
    return false;
}

static const struct method *method_choose(uint8_t byte)
{
    size_t count;
    const struct method *const *methods = methods_all(&count);
    CHECK(count >= NUMBERED);
    size_t wanted = byte % count, other = NUMBERED;
    for (size_t i = 0; i < count; i++) {
        if (wanted < NUMBERED && strcmp(methods[i]->path, numbered[wanted]) == 0)
            return methods[i];
        if (wanted >= NUMBERED && !is_numbered(methods[i]) && other++ == wanted)
            return methods[i];
    }
    IMPOSSIBLE("a numbered method that there is not");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct fuzz_call *call = memory_alloc(sizeof *call);
    call->call.functions = &functions;
    call->call.method = method_choose(data[0]);
    call->call.services = services_once();
    struct bytes rest = bytes_of(data + 2, size - 2);
    bool streams = call->call.method->shape == METHOD_STREAMS;
    call->call.method->start(&call->call, streams ? bytes_of("", 0) : rest);
    settle(call);
    if (streams)
        feed(call, rest, 1 + data[1] % 8);
    if (call->call.method == &method_health_watch && !call->finished) {
        call->finished = true;
        call->call.method->cancelled(&call->call);
    }
    CHECK(call->finished);
    CHECK(call->holds == 0);
    if (call->call.method->stop && call->call.state)
        call->call.method->stop(&call->call);
    CHECK(atomic_load(&call->call.services->background) == 0);
    drop_reply(&call->call);
    arena_clear(&call->call.arena);
    arena_clear(&call->call.scratch);
    memory_free(call);
    return 0;
}
