/* Reads while new definitions are filled from the events, against reads without.
 *
 * One process: the real engine, methods, writer, views, profile cache and refiller over RocksDB in a temporary
 * directory, and a client on C core over loopback (beside.h). Events go in at a steady rate all the while, each of any
 * customer; one reader asks for one customer's twenty features at a steady rate. Each round measures some seconds
 * without a refill, then applies a version with other features and measures until it serves. What is printed
 * last are medians of the rounds' ratios. Client, loader and server share the machine's cores.
 *
 * usage: bench_refill [--events N] [--customers N] [--rate EVENTS/S] [--reads READS/S] [--seconds S] [--rounds N] */
#include <grpc/grpc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "server/methods/methods.h"
#include "server/work/database.h"
#include "store/versions/versions.h"
#include "tests/bench/beside.h"

enum { LOAD_EVENTS = 5000, TICKS = 100, ROUNDS_MAX = 25 };
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
    struct beside_samples *reads, *acknowledgements;
} bench;

static void on_fatal(void *context, const struct error *error)
{
    (void)context;
    beside_fail(error->text);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

/* Events from `first` on: history on its own clock, or what happens now. */
struct making {
    struct bench_random random;
    uint64_t first;
    bool history;
};

static void event_make(void *context, struct arena *arena, uint64_t i, struct event_input *event)
{
    struct making *making = context;
    uint64_t number = making->first + i, customer = bench_random_below(&making->random, bench.options.customers);
    struct event_identifier *identifiers = arena_array(arena, 2, sizeof *identifiers);
    identifiers[0] = (struct event_identifier){
        bytes_from_string("customer_id"), bytes_from_string(beside_text(arena, "", customer))};
    identifiers[1] =
        (struct event_identifier){bytes_from_string("device"), bytes_from_string(beside_text(arena, "d", customer))};
    struct event_attribute *attributes = arena_array(arena, 2, sizeof *attributes);
    attributes[0] = (struct event_attribute){.name = bytes_from_string("amount"),
        .kind = GIVEN_INTEGER,
        .integer = (int64_t)bench_random_below(&making->random, 200)};
    attributes[1] =
        (struct event_attribute){.name = bytes_from_string("promo"), .kind = GIVEN_FLAG, .flag = number % 3 == 0};
    *event = (struct event_input){.source = bytes_from_string("bench"),
        .type = bytes_from_string("order"),
        .id = bytes_from_string(beside_text(arena, "", number)),
        .identifiers = identifiers,
        .identifier_count = 2,
        .attributes = attributes,
        .attribute_count = 2,
        .has_known_at = making->history};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    double part = (double)number / (double)bench.options.events;
    event->time_us =
        making->history ? BEGIN_US + (int64_t)(part * 365 * 86400e6) : now.tv_sec * INT64_C(1000000);
    event->known_at_us = event->time_us;
}

static void *events_send(void *argument)
{
    struct making making = {.random = {2}, .first = *(uint64_t *)argument};
    uint64_t count = bench.options.rate / TICKS;
    double due = bench_seconds();
    for (; !bench.over && count > 0; making.first += count) {
        beside_sleep_until(due);
        beside_send(bench.port, count, event_make, &making);
        beside_samples_add(bench.acknowledgements, (bench_seconds() - due) * 1e6);
        due += 1.0 / TICKS;
    }
    return NULL;
}

static void anybody(struct arena *arena, struct bench_random *random, const char **type, char **value)
{
    *type = "device";
    *value = beside_text(arena, "d", bench_random_below(random, bench.options.customers));
}

/* --- rounds ------------------------------------------------------------------------------------------------------- */

struct measured {
    double seconds;
    struct beside_times reads, acknowledgements;
};

static void samples_forget(void)
{
    beside_samples_forget(bench.reads);
    beside_samples_forget(bench.acknowledgements);
}

static struct measured samples_take(double seconds)
{
    struct measured measured = {
        seconds, beside_samples_take(bench.reads), beside_samples_take(bench.acknowledgements)};
    if (measured.reads.count == 0 || (measured.acknowledgements.count == 0 && bench.options.rate > 0))
        beside_fail("nothing was measured: give it more events, or more seconds");
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
        beside_fail(error.text);
    port->functions->view_release(port, view);
    samples_forget();
    double begun = bench_seconds();
    if (port->functions->define(port, next, &outcome, &error) != PATRON_OK)
        beside_fail(error.text);
    definitions_release(next);
    do {
        usleep(1000);
        port->functions->refill_progress(port, progress);
        if (progress->phase == REFILL_FAILED)
            beside_fail(progress->error.text);
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
        p50[i] = during.reads.p50_us / quiet.reads.p50_us;
        p99[i] = during.reads.p99_us / quiet.reads.p99_us;
        seconds[i] = during.seconds;
        printf("%5llu %9.2f %10.0f %10.0f %10.0f %10.0f %10.0f %5.0f %6.0f %5.0f %6.0f\n", (unsigned long long)i + 1,
            during.seconds, (double)progress.events / during.seconds, quiet.reads.p50_us, during.reads.p50_us,
            quiet.reads.p99_us, during.reads.p99_us, quiet.reads.worst_us, during.reads.worst_us,
            quiet.acknowledgements.worst_us, during.acknowledgements.worst_us);
        fflush(stdout);
    }
    printf("medians: refill %.2f s; reads during it against reads without: p50 %.2f, p99 %.2f\n",
        bench_median(seconds, bench.options.rounds), bench_median(p50, bench.options.rounds),
        bench_median(p99, bench.options.rounds));
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static void database_up(const char *data)
{
    struct database_options options = {
        .directory = data, .definitions_text = bytes_from_string(versions[0]), .fatal = on_fatal};
    struct error error;
    if (database_open(&options, &bench.database, &error) != PATRON_OK)
        beside_fail(error.text);
    bench.port = database_port(bench.database);
    uint64_t events = bench.options.events;
    struct making making = {.random = {1}, .history = true};
    for (; making.first < events; making.first += LOAD_EVENTS)
        beside_send(
            bench.port, events - making.first < LOAD_EVENTS ? events - making.first : LOAD_EVENTS, event_make, &making);
}

int main(int argc, char **argv)
{
    struct options *options = &bench.options;
    *options = (struct options){
        .events = 1000000, .customers = 50000, .rate = 5000, .reads = 1000, .seconds = 10, .rounds = 3};
    const struct beside_flag flags[] = {{"--events", &options->events}, {"--customers", &options->customers},
        {"--rate", &options->rate}, {"--reads", &options->reads}, {"--seconds", &options->seconds},
        {"--rounds", &options->rounds}};
    if (!beside_flags(argc, argv, flags, sizeof flags / sizeof flags[0]) || options->events < 1 ||
        options->customers < 1 || options->reads < 1 || options->seconds < 1 || options->rounds < 1 ||
        options->rounds > ROUNDS_MAX) {
        fprintf(stderr, "usage: bench_refill [--events N] [--customers N] [--rate EVENTS/S] [--reads READS/S] "
                        "[--seconds S] [--rounds N]\n");
        return 2;
    }
    struct beside_directory directory;
    beside_directory_make(&directory);
    database_up(directory.data);
    bench.reads = beside_samples_new();
    bench.acknowledgements = beside_samples_new();
    bench.serving.services.port = bench.port;
    const struct method *const methods[] = {&method_get_vectors};
    grpc_init();
    serving_start(&bench.serving, methods, 1, NULL);
    bench_environment_print();
    printf("%llu events of %llu customers; %llu events/s go in, %llu reads/s\n", (unsigned long long)options->events,
        (unsigned long long)options->customers, (unsigned long long)options->rate, (unsigned long long)options->reads);
    pthread_t sender;
    uint64_t first = options->events;
    CHECK(pthread_create(&sender, NULL, events_send, &first) == 0);
    struct beside_reader *reader = beside_reader_start(&bench.serving, options->reads, anybody, bench.reads);
    rounds_run();
    bench.over = true;
    pthread_join(sender, NULL);
    beside_reader_stop(reader);
    beside_verify(bench.port);
    serving_stop(&bench.serving);
    database_close(bench.database);
    grpc_shutdown();
    beside_samples_free(bench.reads);
    beside_samples_free(bench.acknowledgements);
    beside_directory_remove(&directory);
    return 0;
}
