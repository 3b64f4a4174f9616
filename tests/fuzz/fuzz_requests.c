/* Any bytes as a request of any method: answered or refused in words, never twice, never left without an end.
 *
 * The first byte chooses the method, the second how many pieces the rest is sent in (for streams). The methods run as
 * they do in the server, over a store in memory, with an engine that does at once what gRPC would do later. */
#include "server/methods/methods.h"
#include "server/methods/services.h"
#include "server/work/database.h"
#include "tests/fuzz/fuzz.h"

#include <pthread.h>
#include <stdio.h>

#define CLOCK_US INT64_C(1775000000000000)

enum { STEPS_MAX = 100000 };

static const char definitions_text[] =
    "identifiers: {customer_id: {unique: true}, email: {normalize: email, keep: true}, record: {keep: true}}\n"
    "identity: {value: worth, review_either: 1000}\n"
    "events: {order: {amount: money, channel: string}, profile: {name: string, postcode: string}}\n"
    "matching: {of: profile, columns: {name: surname, postcode: postcode}}\n"
    "features: {orders: {of: order, count: true}, revenue: {of: order, sum: amount, window: 30d},\n"
    "           channel: {of: order, last: channel}, worth: {of: order, sum: amount}}\n"
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
static uint32_t changes; /* that were written, perhaps */

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
    changes++;
    return real->functions->change(real, work, context, error);
}

static enum patron_code split(struct port *port, struct split *split, const atomic_bool *cancelled,
    struct split_outcome *outcome, struct error *error)
{
    (void)port;
    changes++;
    return real->functions->split(real, split, cancelled, outcome, error);
}

static enum patron_code measure(struct port *port, bool fresh, struct census *census, struct error *error)
{
    (void)port;
    return real->functions->measure(real, fresh, census, error);
}

static enum patron_code train(
    struct port *port, const struct train_watch *watch, struct model_entry *entry, struct error *error)
{
    (void)port;
    changes++;
    return real->functions->train(real, watch, entry, error);
}

static void matching_status(struct port *port, struct matching_status *status)
{
    (void)port;
    real->functions->matching_status(real, status);
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
    .train = train,
    .matching_status = matching_status,
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
    return CLOCK_US;
}

/* --- the world that all inputs find ------------------------------------------------------------------------ */

/* Two customers with more than one identifier, one merge that waits, one refused, and records to be matched. Inputs may
 * change it; after so many changes it is made anew, so that it stays as small. */
enum { CHANGES_MAX = 200, WORLD_EVENTS_MAX = 100 };

static struct kv *world_kv;
static struct database *world;

struct sending {
    struct ingest_batch batch; /* first */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static void on_done(struct ingest_batch *batch)
{
    struct sending *sending = (struct sending *)(void *)batch;
    pthread_mutex_lock(&sending->lock);
    sending->done = true;
    pthread_cond_signal(&sending->changed);
    pthread_mutex_unlock(&sending->lock);
}

static void world_send(struct event_input *events, size_t count)
{
    struct event_outcome outcomes[WORLD_EVENTS_MAX];
    struct sending sending = {
        .batch = {.events = events, .outcomes = outcomes, .event_count = count, .done = on_done},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER};
    CHECK(count <= WORLD_EVENTS_MAX);
    CHECK(real->functions->ingest(real, &sending.batch, NULL) == PATRON_OK);
    pthread_mutex_lock(&sending.lock);
    while (!sending.done)
        pthread_cond_wait(&sending.changed, &sending.lock);
    pthread_mutex_unlock(&sending.lock);
    for (size_t i = 0; i < count; i++)
        CHECK(outcomes[i].fate == EVENT_APPLIED);
}

static struct event_input world_event(const char *type, struct bytes id)
{
    return (struct event_input){.source = bytes_from_string("fuzz"),
        .type = bytes_from_string(type),
        .id = id,
        .time_us = CLOCK_US - MICROSECONDS_PER_DAY};
}

/* The entries' known_at count up from the clock, which stands still: item_us of what waits is 2 after it. */
static void orders_send(void)
{
    static const struct {
        const char *types[2], *values[2];
    } who[] = {
        {{"customer_id", "email"}, {"1", "ada@x.org"}},
        {{"email", NULL}, {"bob@x.org", NULL}},
        {{"email", "email"}, {"bob@x.org", "ada@x.org"}},
        {{"customer_id", "email"}, {"2", "eve@x.org"}},
        {{"customer_id", "email"}, {"1", "eve@x.org"}},
    };
    enum { ORDERS = sizeof who / sizeof who[0] };
    struct event_identifier identifiers[ORDERS][2];
    struct event_attribute amount = {
        .name = bytes_from_string("amount"), .kind = GIVEN_DECIMAL, .text = bytes_from_string("2000")};
    struct event_input events[ORDERS];
    for (size_t i = 0; i < ORDERS; i++) {
        events[i] = world_event("order", bytes_of(&"abcde"[i], 1));
        events[i].identifiers = identifiers[i];
        events[i].attributes = &amount;
        events[i].attribute_count = 1;
        for (size_t j = 0; j < 2 && who[i].types[j]; j++)
            identifiers[i][events[i].identifier_count++] = (struct event_identifier){
                bytes_from_string(who[i].types[j]), bytes_from_string(who[i].values[j])};
    }
    world_send(events, ORDERS);
}

/* Records of people, each of whom has two. */
static void profiles_send(void)
{
    enum { PROFILES = 60 };
    struct event_identifier identifiers[PROFILES];
    struct event_attribute attributes[PROFILES][2];
    struct event_input events[PROFILES];
    char ids[PROFILES][8], names[PROFILES][16], postcodes[PROFILES][8];
    for (int i = 0; i < PROFILES; i++) {
        int person = i / 2;
        snprintf(ids[i], sizeof ids[i], "r%d", i);
        snprintf(names[i], sizeof names[i], "name%c%c%s", 'a' + person % 26, 'a' + person % 7, i % 6 == 1 ? "e" : "");
        snprintf(postcodes[i], sizeof postcodes[i], "%05d", 10000 + person * 1373);
        identifiers[i] = (struct event_identifier){bytes_from_string("record"), bytes_from_string(ids[i])};
        attributes[i][0] = (struct event_attribute){
            .name = bytes_from_string("name"), .kind = GIVEN_TEXT, .text = bytes_from_string(names[i])};
        attributes[i][1] = (struct event_attribute){
            .name = bytes_from_string("postcode"), .kind = GIVEN_TEXT, .text = bytes_from_string(postcodes[i])};
        events[i] = world_event("profile", bytes_from_string(ids[i]));
        events[i].identifiers = &identifiers[i];
        events[i].identifier_count = 1;
        events[i].attributes = attributes[i];
        events[i].attribute_count = 2;
    }
    world_send(events, PROFILES);
}

static void world_open(void)
{
    static const uint8_t key[STORE_KEY_BYTES] = {1};
    world_kv = kv_memory_new();
    struct database_options options = {.kv = world_kv,
        .key = key,
        .definitions_text = bytes_from_string(definitions_text),
        .clock_source = {still, still, NULL},
        .fatal = on_fatal};
    CHECK(database_open(&options, &world, NULL) == PATRON_OK);
    real = database_port(world);
    changes = 0;
    orders_send();
    profiles_send();
}

static struct services *services_now(void)
{
    static struct port port = {&port_functions};
    static struct services services;
    if (services.port && changes < CHANGES_MAX)
        return &services;
    if (services.port) {
        database_close(world);
        kv_close(world_kv);
    }
    world_open();
    if (services.port)
        return &services;
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
    "/patron.v1.Measures/GetMeasures",
    "/patron.v1.Identity/Show",
    "/patron.v1.Identity/History",
    "/patron.v1.Identity/Link",
    "/patron.v1.Identity/Unlink",
    "/patron.v1.Identity/Block",
    "/patron.v1.Identity/Unblock",
    "/patron.v1.Matching/Train",
    "/patron.v1.Matching/Preview",
    "/patron.v1.Matching/ListModels",
    "/patron.v1.Matching/GetModel",
    "/patron.v1.Matching/GetMatchingStatus",
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
    call->call.services = services_now();
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
