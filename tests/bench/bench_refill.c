/* Reads while new definitions are filled from the events, against reads without.
 *
 * One process: the real engine, methods, writer, views, profile cache and refiller over RocksDB in a temporary
 * directory, and a client on C core over loopback. Events go in at a steady rate all the while, each of any customer;
 * one reader asks for one customer's twenty features at a steady rate, and what it waits is counted from the moment
 * that the question was due, so that a stall is felt by every question that falls into it. Each round measures some
 * seconds without a refill, then applies a version with other features and measures until it serves. What is printed
 * last are medians of the rounds' ratios. Client, loader and server share the machine's cores.
 *
 * usage: bench_refill [--events N] [--customers N] [--rate EVENTS/S] [--reads READS/S] [--seconds S] [--rounds N] */
#include <ftw.h>
#include <grpc/grpc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "patron/v1/features.pb-c.h"
#include "server/methods/methods.h"
#include "server/work/database.h"
#include "store/versions.h"
#include "tests/bench/bench.h"
#include "tests/rpc/client.h"
#include "tests/rpc/serving.h"

enum { LOAD_EVENTS = 5000, TICKS = 100, ROUNDS_MAX = 25, SAMPLES_MAX = 1000000, REQUESTS = 256 };
#define BEGIN_US INT64_C(1700000000000000)

#define KINDS                                                                                                          \
    "identifiers:\n  customer_id: {max: 1}\n  device: {max: 20}\n"                                                     \
    "events:\n  order: {amount: money, promo: bool}\n"                                                                 \
    "features:\n"                                                                                                      \
    "  n1: {of: order, count: true, window: 1d}\n  n7: {of: order, count: true, window: 7d}\n"                         \
    "  n30: {of: order, count: true, window: 30d}\n  n90: {of: order, count: true, window: 90d}\n"                     \
    "  n180: {of: order, count: true, window: 180d}\n  n365: {of: order, count: true, window: 365d}\n"                 \
    "  s1: {of: order, sum: amount, window: 1d}\n  s7: {of: order, sum: amount, window: 7d}\n"                         \
    "  s30: {of: order, sum: amount, window: 30d}\n  s90: {of: order, sum: amount, window: 90d}\n"                     \
    "  s180: {of: order, sum: amount, window: 180d}\n  s365: {of: order, sum: amount, window: 365d}\n"                 \
    "  m30: {of: order, mean: amount, window: 30d}\n  m90: {of: order, mean: amount, window: 90d}\n"                   \
    "  x90: {of: order, max: amount, window: 90d}\n  x365: {of: order, max: amount, window: 365d}\n"                   \
    "  i365: {of: order, min: amount, window: 365d}\n  p30: {of: order, mean: promo, window: 30d}\n"                   \
    "  p90: {of: order, mean: promo, window: 90d}\n  p365: {of: order, mean: promo, window: 365d}\n"
#define SERVICE                                                                                                        \
    "services:\n  model: [n1, n7, n30, n90, n180, n365, s1, s7, s30, s90, s180, s365, m30, m90, x90, x365, i365, "     \
    "p30, p90, p365]\n"

/* The versions of the rounds in turn: each needs a refill after the other. */
static const char *const versions[] = {KINDS SERVICE,
    KINDS "  spread: {of: order, stddev: amount, window: 180d}\n  rfm: {of: order, rfm: amount}\n" SERVICE};

struct options {
    uint64_t events, customers, rate, reads, seconds, rounds;
};

static struct {
    struct options options;
    struct database *database;
    struct port *port;
    struct serving serving;
    atomic_bool over;
    pthread_mutex_t lock; /* of what follows */
    double read_us[SAMPLES_MAX];
    size_t reads;
    double acknowledged_us[SAMPLES_MAX];
    size_t batches;
} bench = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void fail(const char *words)
{
    fprintf(stderr, "bench_refill: %s\n", words);
    exit(1);
}

static void on_fatal(void *context, const struct error *error)
{
    (void)context;
    fail(error->text);
}

static void sleep_until(double due)
{
    double left = due - bench_seconds();
    if (left > 0)
        usleep((useconds_t)(left * 1e6));
}

/* --- events ------------------------------------------------------------------------------------------------------- */

struct waiting {
    struct ingest_batch batch; /* first */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static void on_done(struct ingest_batch *batch)
{
    struct waiting *waiting = (struct waiting *)batch;
    pthread_mutex_lock(&waiting->lock);
    waiting->done = true;
    pthread_cond_signal(&waiting->changed);
    pthread_mutex_unlock(&waiting->lock);
}

static char *text_make(struct arena *arena, const char *format, uint64_t number)
{
    char *text = arena_alloc(arena, 48);
    snprintf(text, 48, "%s%llu", format, (unsigned long long)number);
    return text;
}

static void event_make(struct arena *arena, struct bench_random *random, uint64_t number, struct event_input *event)
{
    uint64_t customer = bench_random_below(random, bench.options.customers);
    struct event_identifier *identifiers = arena_array(arena, 2, sizeof *identifiers);
    identifiers[0] = (struct event_identifier){
        bytes_from_string("customer_id"), bytes_from_string(text_make(arena, "", customer))};
    identifiers[1] =
        (struct event_identifier){bytes_from_string("device"), bytes_from_string(text_make(arena, "d", customer))};
    struct event_attribute *attributes = arena_array(arena, 2, sizeof *attributes);
    attributes[0] = (struct event_attribute){.name = bytes_from_string("amount"),
        .kind = GIVEN_INTEGER,
        .integer = (int64_t)bench_random_below(random, 200)};
    attributes[1] =
        (struct event_attribute){.name = bytes_from_string("promo"), .kind = GIVEN_FLAG, .flag = number % 3 == 0};
    *event = (struct event_input){.source = bytes_from_string("bench"),
        .type = bytes_from_string("order"),
        .id = bytes_from_string(text_make(arena, "", number)),
        .identifiers = identifiers,
        .identifier_count = 2,
        .attributes = attributes,
        .attribute_count = 2};
}

/* Sends events from this number on and waits; history on its own clock, or what happens now. */
static void batch_send(struct bench_random *random, uint64_t first, uint64_t count, bool history)
{
    struct arena arena = {0};
    struct waiting waiting = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct ingest_batch *batch = &waiting.batch;
    *batch = (struct ingest_batch){.event_count = count, .done = on_done};
    batch->events = arena_array(&arena, count, sizeof *batch->events);
    batch->outcomes = arena_array(&arena, count, sizeof *batch->outcomes);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (uint64_t i = 0; i < count; i++) {
        struct event_input *event = &batch->events[i];
        event_make(&arena, random, first + i, event);
        double part = (double)(first + i) / (double)bench.options.events;
        event->time_us = history ? BEGIN_US + (int64_t)(part * 365 * 86400e6) : now.tv_sec * INT64_C(1000000);
        event->has_known_at = history;
        event->known_at_us = event->time_us;
    }
    struct error error;
    if (bench.port->functions->ingest(bench.port, batch, &error) != PATRON_OK)
        fail(error.text);
    pthread_mutex_lock(&waiting.lock);
    while (!waiting.done)
        pthread_cond_wait(&waiting.changed, &waiting.lock);
    pthread_mutex_unlock(&waiting.lock);
    if (batch->code != PATRON_OK)
        fail(batch->error.text);
    arena_clear(&arena);
}

static void *events_send(void *argument)
{
    struct bench_random random = {2};
    uint64_t number = *(uint64_t *)argument, count = bench.options.rate / TICKS;
    double due = bench_seconds();
    for (; !bench.over && count > 0; number += count) {
        sleep_until(due);
        batch_send(&random, number, count, false);
        pthread_mutex_lock(&bench.lock);
        if (bench.batches < SAMPLES_MAX)
            bench.acknowledged_us[bench.batches++] = (bench_seconds() - due) * 1e6;
        pthread_mutex_unlock(&bench.lock);
        due += 1.0 / TICKS;
    }
    return NULL;
}

/* --- reads -------------------------------------------------------------------------------------------------------- */

static struct bytes request_make(struct arena *arena, struct bench_random *random)
{
    Patron__V1__Identifier who = PATRON__V1__IDENTIFIER__INIT, *list = &who;
    who.type = (char *)(uintptr_t) "device";
    who.value = text_make(arena, "d", bench_random_below(random, bench.options.customers));
    Patron__V1__GetVectorsRequest request = PATRON__V1__GET_VECTORS_REQUEST__INIT;
    request.service = (char *)(uintptr_t) "model";
    request.identifiers = &list;
    request.n_identifiers = 1;
    return client_pack(&request, arena);
}

static void *reads_ask(void *argument)
{
    (void)argument;
    struct client client;
    struct arena requests_arena = {0}, arena = {0};
    struct bench_random random = {3};
    struct bytes requests[REQUESTS];
    for (size_t i = 0; i < REQUESTS; i++)
        requests[i] = request_make(&requests_arena, &random);
    client_init(&client, bench.serving.address, NULL);
    double due = bench_seconds();
    for (size_t i = 0; !bench.over; i++) {
        struct answer answer;
        sleep_until(due);
        arena_reset(&arena);
        client_call(&client, method_get_vectors.path, requests[i % REQUESTS], 10000, &arena, &answer);
        if (answer.status != 0)
            fail(answer.words);
        pthread_mutex_lock(&bench.lock);
        if (bench.reads < SAMPLES_MAX)
            bench.read_us[bench.reads++] = (bench_seconds() - due) * 1e6;
        pthread_mutex_unlock(&bench.lock);
        due += 1.0 / (double)bench.options.reads;
    }
    client_clear(&client);
    arena_clear(&arena);
    arena_clear(&requests_arena);
    return NULL;
}

/* --- rounds ------------------------------------------------------------------------------------------------------- */

struct measured {
    double seconds, p50_us, p99_us, worst_us, acknowledged_p99_us, acknowledged_worst_us;
};

static void samples_forget(void)
{
    pthread_mutex_lock(&bench.lock);
    bench.reads = bench.batches = 0;
    pthread_mutex_unlock(&bench.lock);
}

static struct measured samples_take(double seconds)
{
    struct measured measured = {.seconds = seconds};
    pthread_mutex_lock(&bench.lock);
    if (bench.reads == 0 || (bench.batches == 0 && bench.options.rate > 0))
        fail("nothing was measured: give it more events, or more seconds");
    measured.p50_us = bench_median(bench.read_us, bench.reads);
    measured.p99_us = bench.read_us[bench.reads - 1 - bench.reads / 100];
    measured.worst_us = bench.read_us[bench.reads - 1];
    if (bench.batches > 0) {
        (void)bench_median(bench.acknowledged_us, bench.batches);
        measured.acknowledged_p99_us = bench.acknowledged_us[bench.batches - 1 - bench.batches / 100];
        measured.acknowledged_worst_us = bench.acknowledged_us[bench.batches - 1];
    }
    bench.reads = bench.batches = 0;
    pthread_mutex_unlock(&bench.lock);
    return measured;
}

static struct measured quiet_measure(void)
{
    samples_forget();
    usleep((useconds_t)(bench.options.seconds * 1000000));
    return samples_take((double)bench.options.seconds);
}

static struct measured refill_measure(const char *text, struct refill_progress *progress)
{
    struct port *port = bench.port;
    const struct view *view = port->functions->view_acquire(port, NULL);
    const struct version *newest = versions_newest(view->versions);
    const struct definitions *next;
    struct define_outcome outcome;
    struct error error;
    uint32_t number = newest->number + 1;
    if (definitions_parse(bytes_from_string(text), newest->definitions, number, false, &next, &error) != PATRON_OK)
        fail(error.text);
    port->functions->view_release(port, view);
    samples_forget();
    double begun = bench_seconds();
    if (port->functions->define(port, next, &outcome, &error) != PATRON_OK)
        fail(error.text);
    definitions_release(next);
    do {
        usleep(1000);
        port->functions->refill_progress(port, progress);
        if (progress->phase == REFILL_FAILED)
            fail(progress->error.text);
    } while (progress->version != number || progress->phase != REFILL_DONE);
    return samples_take(bench_seconds() - begun);
}

static void rounds_run(void)
{
    double p50[ROUNDS_MAX], p99[ROUNDS_MAX], seconds[ROUNDS_MAX];
    printf("%5s %9s %10s %10s %10s %10s %10s %12s %12s\n", "round", "refill s", "events/s", "p50 us", "during",
        "p99 us", "during", "worst us", "ack worst us");
    for (uint64_t i = 0; i < bench.options.rounds; i++) {
        struct refill_progress progress;
        struct measured quiet = quiet_measure();
        struct measured during = refill_measure(versions[(i + 1) % 2], &progress);
        p50[i] = during.p50_us / quiet.p50_us;
        p99[i] = during.p99_us / quiet.p99_us;
        seconds[i] = during.seconds;
        printf("%5llu %9.2f %10.0f %10.0f %10.0f %10.0f %10.0f %5.0f %6.0f %5.0f %6.0f\n", (unsigned long long)i + 1,
            during.seconds, (double)progress.events / during.seconds, quiet.p50_us, during.p50_us, quiet.p99_us,
            during.p99_us, quiet.worst_us, during.worst_us, quiet.acknowledged_worst_us, during.acknowledged_worst_us);
        fflush(stdout);
    }
    printf("medians: refill %.2f s; reads during it against reads without: p50 %.2f, p99 %.2f\n",
        bench_median(seconds, bench.options.rounds), bench_median(p50, bench.options.rounds),
        bench_median(p99, bench.options.rounds));
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static bool report(void *context, const struct verify_result *so_far, const char *finding)
{
    (void)context;
    (void)so_far;
    if (finding)
        fail(finding);
    return true;
}

static void verify_all(void)
{
    const struct view *view = bench.port->functions->view_acquire(bench.port, NULL);
    struct verify_result result;
    struct error error;
    if (store_verify(view, &result, report, NULL, &error) != PATRON_OK)
        fail(error.text);
    printf("verify: %llu customers of %llu events, %llu differences\n", (unsigned long long)result.customers,
        (unsigned long long)result.events, (unsigned long long)result.differences);
    bench.port->functions->view_release(bench.port, view);
}

static int path_remove(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static bool flags_parse(int argc, char **argv, struct options *options)
{
    for (int i = 1; i < argc; i += 2) {
        uint64_t *target = strcmp(argv[i], "--events") == 0 ? &options->events
            : strcmp(argv[i], "--customers") == 0           ? &options->customers
            : strcmp(argv[i], "--rate") == 0                ? &options->rate
            : strcmp(argv[i], "--reads") == 0               ? &options->reads
            : strcmp(argv[i], "--seconds") == 0             ? &options->seconds
            : strcmp(argv[i], "--rounds") == 0              ? &options->rounds
                                                            : NULL;
        if (!target || i + 1 == argc)
            return false;
        *target = strtoull(argv[i + 1], NULL, 10);
    }
    return options->events >= 1 && options->customers >= 1 && options->reads >= 1 && options->seconds >= 1 &&
           options->rounds >= 1 && options->rounds <= ROUNDS_MAX;
}

static void database_up(const char *data)
{
    struct database_options options = {
        .directory = data, .definitions_text = bytes_from_string(versions[0]), .fatal = on_fatal};
    struct error error;
    if (database_open(&options, &bench.database, &error) != PATRON_OK)
        fail(error.text);
    bench.port = database_port(bench.database);
    struct bench_random random = {1};
    uint64_t events = bench.options.events;
    for (uint64_t first = 0; first < events; first += LOAD_EVENTS)
        batch_send(&random, first, events - first < LOAD_EVENTS ? events - first : LOAD_EVENTS, true);
}

int main(int argc, char **argv)
{
    bench.options = (struct options){
        .events = 1000000, .customers = 50000, .rate = 5000, .reads = 1000, .seconds = 10, .rounds = 3};
    if (!flags_parse(argc, argv, &bench.options)) {
        fprintf(stderr, "usage: bench_refill [--events N] [--customers N] [--rate EVENTS/S] [--reads READS/S] "
                        "[--seconds S] [--rounds N]\n");
        return 2;
    }
    char directory[] = "/tmp/patron-bench-XXXXXX";
    if (!mkdtemp(directory))
        return 1;
    char data[64];
    snprintf(data, sizeof data, "%s/data", directory);
    database_up(data);
    bench.serving.services.port = bench.port;
    const struct method *const methods[] = {&method_get_vectors};
    grpc_init();
    serving_start(&bench.serving, methods, 1, NULL);
    bench_environment_print();
    printf("%llu events of %llu customers; %llu events/s go in, %llu reads/s\n",
        (unsigned long long)bench.options.events, (unsigned long long)bench.options.customers,
        (unsigned long long)bench.options.rate, (unsigned long long)bench.options.reads);
    pthread_t sender, reader;
    uint64_t first = bench.options.events;
    CHECK(pthread_create(&sender, NULL, events_send, &first) == 0);
    CHECK(pthread_create(&reader, NULL, reads_ask, NULL) == 0);
    rounds_run();
    bench.over = true;
    pthread_join(sender, NULL);
    pthread_join(reader, NULL);
    verify_all();
    serving_stop(&bench.serving);
    database_close(bench.database);
    grpc_shutdown();
    nftw(directory, path_remove, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
