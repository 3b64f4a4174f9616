/* A storm of merges and splits: what it does to reads, and how long one entry holds the writer.
 *
 * One process: the real engine, methods, writer, views and profile cache over RocksDB in a temporary directory, and a
 * client on C core over loopback (beside.h). Identifiers are loaded, each a customer of its own with one event, and one
 * identifier with very many events that is linked to another. One reader asks for one customer's twenty features at a
 * steady rate all the while, and ordinary events go in at a steady rate. Three stretches are measured: without a storm;
 * while events with two identifiers each merge customers as fast as they are taken, some of them into customers of
 * hundreds; and while links are taken back, one after the other, that of the identifier with very many events among
 * them. Everything is verified in the end. Client, loader and server share the machine's cores.
 *
 * usage: bench_storm [--identifiers N] [--merges N] [--splits N] [--hot EVENTS] [--rate EVENTS/S] [--reads READS/S]
 *                    [--seconds S] */
#include <grpc/grpc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "server/methods/methods.h"
#include "server/work/database.h"
#include "store/identity/identity.h"
#include "store/changes/splitting.h"
#include "tests/bench/beside.h"

enum { LOAD_EVENTS = 5000, MERGE_EVENTS = 500, TICKS = 100, HUBS = 8, HUB_EVERY = 50, HUB_DEVICES_MAX = 48 };
#define BEGIN_US INT64_C(1700000000000000)

static const char definitions[] =
    "identifiers:\n  email: {}\n  device: {}\n"
    "events:\n  order: {amount: money}\n"
    "features:\n"
    "  n1: {of: order, count: true, window: 1d}\n  n7: {of: order, count: true, window: 7d}\n"
    "  n30: {of: order, count: true, window: 30d}\n  n90: {of: order, count: true, window: 90d}\n"
    "  n365: {of: order, count: true, window: 365d}\n  n: {of: order, count: true}\n"
    "  s1: {of: order, sum: amount, window: 1d}\n  s7: {of: order, sum: amount, window: 7d}\n"
    "  s30: {of: order, sum: amount, window: 30d}\n  s90: {of: order, sum: amount, window: 90d}\n"
    "  s365: {of: order, sum: amount, window: 365d}\n  s: {of: order, sum: amount}\n"
    "  m30: {of: order, mean: amount, window: 30d}\n  m90: {of: order, mean: amount, window: 90d}\n"
    "  x90: {of: order, max: amount, window: 90d}\n  x365: {of: order, max: amount, window: 365d}\n"
    "  rfm: {of: order, rfm: amount}\n"
    "services:\n  model: [n1, n7, n30, n90, n365, n, s1, s7, s30, s90, s365, s, m30, m90, x90, x365, rfm]\n";

static struct {
    uint64_t identifiers, merges, splits, hot, rate, reads, seconds;
    struct database *database;
    struct port *port;
    struct serving serving;
    atomic_bool over;
    struct beside_samples *read_times;
    double split_us_max; /* that one split has held the writer, its sync not counted */
    uint64_t split_really, split_again;
} bench;

static void on_fatal(void *context, const struct error *error)
{
    (void)context;
    beside_fail(error->text);
}

/* --- events ------------------------------------------------------------------------------------------------------- */

struct making {
    const char *ids; /* of events: what tells the kinds apart */
    uint64_t first;
    bool history;
    struct bench_random random;
    void (*who)(struct making *making, struct arena *arena, uint64_t number, struct event_input *event);
};

static void event_make(void *context, struct arena *arena, uint64_t i, struct event_input *event)
{
    struct making *making = context;
    uint64_t number = making->first + i;
    struct event_attribute *amount = arena_alloc(arena, sizeof *amount);
    *amount = (struct event_attribute){.name = bytes_from_string("amount"),
        .kind = GIVEN_INTEGER,
        .integer = (int64_t)bench_random_below(&making->random, 200)};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t past_us = BEGIN_US + (int64_t)(bench_random_below(&making->random, 365 * 86400)) * 1000000;
    *event = (struct event_input){.source = bytes_from_string("bench"),
        .type = bytes_from_string("order"),
        .id = bytes_from_string(beside_text(arena, making->ids, number)),
        .time_us = making->history ? past_us : now.tv_sec * INT64_C(1000000),
        .attributes = amount,
        .attribute_count = 1,
        .has_known_at = making->history,
        .known_at_us = BEGIN_US + 366 * INT64_C(86400000000)};
    making->who(making, arena, number, event);
}

static void named(struct arena *arena, struct event_input *event, const char *a, const char *b)
{
    struct event_identifier *identifiers = arena_array(arena, 2, sizeof *identifiers);
    identifiers[0] = (struct event_identifier){bytes_from_string("device"), bytes_from_string(a)};
    if (b)
        identifiers[1] = (struct event_identifier){bytes_from_string("device"), bytes_from_string(b)};
    event->identifiers = identifiers;
    event->identifier_count = b ? 2 : 1;
}

static void each_for_itself(struct making *making, struct arena *arena, uint64_t number, struct event_input *event)
{
    (void)making;
    named(arena, event, beside_text(arena, "d", number), NULL);
}

static void the_hot_one(struct making *making, struct arena *arena, uint64_t number, struct event_input *event)
{
    (void)making;
    named(arena, event, "hot", number == 0 ? "friend" : NULL);
}

static void anyone(struct making *making, struct arena *arena, uint64_t number, struct event_input *event)
{
    (void)number;
    named(arena, event, beside_text(arena, "d", bench_random_below(&making->random, bench.identifiers)), NULL);
}

/* The two of the i-th merge: mostly two of any, now and then a hub and another. A function of i: splits name them
 * again. */
static void merge_pair(struct arena *arena, uint64_t i, const char **a, const char **b)
{
    struct bench_random random = {i * 2 + 1};
    (void)bench_random_next(&random);
    uint64_t hub = i / HUB_EVERY;
    if (i % HUB_EVERY == 0 && hub / HUBS < HUB_DEVICES_MAX)
        *a = beside_text(arena, "hub", hub % HUBS);
    else
        *a = beside_text(arena, "d", bench_random_below(&random, bench.identifiers));
    *b = beside_text(arena, "d", bench_random_below(&random, bench.identifiers));
}

static void two_at_once(struct making *making, struct arena *arena, uint64_t number, struct event_input *event)
{
    (void)making;
    const char *a, *b;
    merge_pair(arena, number, &a, &b);
    named(arena, event, a, b);
}

static void events_send(struct making making, uint64_t count, uint64_t at_once)
{
    for (uint64_t end = making.first + count; making.first < end; making.first += at_once)
        beside_send(bench.port, end - making.first < at_once ? end - making.first : at_once, event_make, &making);
}

static void *steadily_send(void *argument)
{
    (void)argument;
    struct making making = {.ids = "steady", .random = {2}, .who = anyone};
    uint64_t count = bench.rate / TICKS;
    double due = bench_seconds();
    for (; !bench.over && count > 0; making.first += count) {
        beside_sleep_until(due);
        beside_send(bench.port, count, event_make, &making);
        due += 1.0 / TICKS;
    }
    return NULL;
}

/* --- splits ------------------------------------------------------------------------------------------------------- */

static uint64_t node_of(const struct view *view, const char *device)
{
    struct arena arena = {0};
    struct bytes normalized;
    struct error error;
    struct identifier_entry entry;
    uint8_t hash[IDENTIFIER_HASH_BYTES];
    const struct identifier_type *type = definitions_identifier_type(view->definitions, bytes_from_string("device"));
    enum patron_code code = identifier_normalize(type, bytes_from_string(device), &arena, &normalized, &error);
    if (code == PATRON_OK) {
        identifier_hash(view->key, type, normalized, hash);
        code = identifier_get(view->kv, view->snapshot, hash, &arena, &entry, &error);
    }
    if (code != PATRON_OK)
        beside_fail(code == PATRON_NOT_FOUND ? "a device is not known" : error.text);
    arena_clear(&arena);
    return entry.node;
}

struct splitting {
    struct split *split;
    struct split_outcome outcome;
};

static enum patron_code split_write(struct store *store, void *context, struct error *error)
{
    struct splitting *splitting = context;
    double begun = bench_seconds();
    enum patron_code code = group_split(store, splitting->split, &splitting->outcome, error);
    double took_us = (bench_seconds() - begun) * 1e6;
    if (took_us > bench.split_us_max)
        bench.split_us_max = took_us;
    return code;
}

static void split_once(struct splitting *splitting, bool *prepared)
{
    struct port *port = bench.port;
    struct error error;
    const struct view *view = port->functions->view_acquire(port, NULL);
    bool stale = !*prepared;
    enum patron_code code = PATRON_OK;
    if (*prepared)
        code = split_follow(splitting->split, view, &stale, &error);
    if (code == PATRON_OK && stale)
        code = split_prepare(splitting->split, view, NULL, &error);
    port->functions->view_release(port, view);
    if (code == PATRON_OK)
        code = port->functions->change(port, split_write, splitting, &error);
    if (code != PATRON_OK)
        beside_fail(error.text);
    *prepared = splitting->outcome.fate == SPLIT_BEHIND;
}

static void unlink_two(const char *a, const char *b)
{
    const struct view *view = bench.port->functions->view_acquire(bench.port, NULL);
    struct split_request request = {.change = CHANGE_SPLIT,
        .a = node_of(view, a),
        .b = node_of(view, b),
        .actor = bytes_from_string("bench"),
        .reason = bytes_from_string("a storm")};
    bench.port->functions->view_release(bench.port, view);
    struct splitting splitting = {.split = split_new(&request)};
    for (bool prepared = false; splitting.outcome.fate != SPLIT_DONE; bench.split_again++)
        split_once(&splitting, &prepared);
    bench.split_again--;
    bench.split_really += split_plan(splitting.split)->part_count > 1;
    split_free(splitting.split);
}

/* --- what is measured --------------------------------------------------------------------------------------------- */

static void line_print(const char *what, double seconds, uint64_t count, const struct beside_times *quiet)
{
    struct beside_times times = beside_samples_take(bench.read_times);
    const struct beside_times *base = quiet ? quiet : &times;
    printf("%-8s %9.1f %10.0f %9.0f %9.0f %6.2f %10.1f\n", what, seconds, (double)count / seconds, times.p50_us,
        times.p99_us, times.p99_us / base->p99_us, times.worst_us / 1000);
    fflush(stdout);
}

static struct beside_times quiet_measure(void)
{
    beside_samples_forget(bench.read_times);
    usleep((useconds_t)(bench.seconds * 1000000));
    struct beside_times quiet = beside_samples_take(bench.read_times);
    if (quiet.count == 0)
        beside_fail("nothing was measured: give it more seconds");
    printf("%-8s %9s %10s %9s %9s %6s %10s\n", "", "seconds", "a second", "p50 us", "p99 us", "ratio", "longest ms");
    printf("%-8s %9llu %10s %9.0f %9.0f %6.2f %10.1f\n", "quiet", (unsigned long long)bench.seconds, "", quiet.p50_us,
        quiet.p99_us, 1.0, quiet.worst_us / 1000);
    fflush(stdout);
    return quiet;
}

static void storm_measure(void)
{
    struct database_figures before, after;
    struct beside_times quiet = quiet_measure();
    database_figures(bench.database, &before);
    double begun = bench_seconds();
    events_send((struct making){.ids = "merge", .random = {4}, .who = two_at_once}, bench.merges, MERGE_EVENTS);
    line_print("merges", bench_seconds() - begun, bench.merges, &quiet);
    database_figures(bench.database, &after);
    struct arena arena = {0};
    begun = bench_seconds();
    for (uint64_t i = 0; i + 1 < bench.splits; i++) {
        const char *a, *b;
        arena_reset(&arena);
        merge_pair(&arena, i * (bench.merges / bench.splits), &a, &b);
        if (strcmp(a, b) != 0)
            unlink_two(a, b);
    }
    line_print("splits", bench_seconds() - begun, bench.splits, &quiet);
    begun = bench_seconds();
    unlink_two("hot", "friend");
    line_print("hot", bench_seconds() - begun, 1, &quiet);
    arena_clear(&arena);
    printf("merges: %llu; the longest that an event held the writer since the start: %.1f ms; in the storm longer than "
           "10 ms: %llu\n",
        (unsigned long long)(after.writer.store.merges - before.writer.store.merges),
        (double)after.writer.entry_us_max / 1000,
        (unsigned long long)(after.writer.entries_slow - before.writer.entries_slow));
    printf("splits: %llu fell apart, %llu were planned anew or followed; the longest that one held the writer: %.1f "
           "ms\n",
        (unsigned long long)bench.split_really, (unsigned long long)bench.split_again, bench.split_us_max / 1000);
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static void anybody(struct arena *arena, struct bench_random *random, const char **type, char **value)
{
    *type = "device";
    *value = beside_text(arena, "d", bench_random_below(random, bench.identifiers));
}

static void database_up(const char *data)
{
    struct database_options options = {
        .directory = data, .definitions_text = bytes_from_string(definitions), .fatal = on_fatal};
    struct error error;
    if (database_open(&options, &bench.database, &error) != PATRON_OK)
        beside_fail(error.text);
    bench.port = database_port(bench.database);
    events_send((struct making){.ids = "load", .history = true, .random = {1}, .who = each_for_itself},
        bench.identifiers, LOAD_EVENTS);
    events_send(
        (struct making){.ids = "hot", .history = true, .random = {5}, .who = the_hot_one}, bench.hot, LOAD_EVENTS);
}

static bool options_read(int argc, char **argv)
{
    bench.identifiers = 1000000;
    bench.merges = 100000;
    bench.splits = 10000;
    bench.hot = 1000000;
    bench.rate = 1000;
    bench.reads = 1000;
    bench.seconds = 10;
    const struct beside_flag flags[] = {{"--identifiers", &bench.identifiers}, {"--merges", &bench.merges},
        {"--splits", &bench.splits}, {"--hot", &bench.hot}, {"--rate", &bench.rate}, {"--reads", &bench.reads},
        {"--seconds", &bench.seconds}};
    return beside_flags(argc, argv, flags, sizeof flags / sizeof flags[0]) && bench.identifiers >= 1000 &&
        bench.splits >= 1 && bench.merges >= bench.splits && bench.hot >= 1 && bench.reads >= 1 && bench.seconds >= 1;
}

int main(int argc, char **argv)
{
    if (!options_read(argc, argv)) {
        fprintf(stderr, "usage: bench_storm [--identifiers N] [--merges N] [--splits N] [--hot EVENTS] "
                        "[--rate EVENTS/S] [--reads READS/S] [--seconds S]\n");
        return 2;
    }
    struct beside_directory directory;
    beside_directory_make(&directory);
    database_up(directory.data);
    bench.read_times = beside_samples_new();
    bench.serving.services.port = bench.port;
    const struct method *const methods[] = {&method_get_vectors};
    grpc_init();
    serving_start(&bench.serving, methods, 1, NULL);
    bench_environment_print();
    printf("%llu identifiers, one more with %llu events; %llu events/s go in, %llu reads/s; reads beside:\n",
        (unsigned long long)bench.identifiers, (unsigned long long)bench.hot, (unsigned long long)bench.rate,
        (unsigned long long)bench.reads);
    pthread_t sender;
    CHECK(pthread_create(&sender, NULL, steadily_send, NULL) == 0);
    struct beside_reader *reader = beside_reader_start(&bench.serving, bench.reads, anybody, bench.read_times);
    storm_measure();
    bench.over = true;
    pthread_join(sender, NULL);
    beside_reader_stop(reader);
    beside_verify(bench.port);
    serving_stop(&bench.serving);
    database_close(bench.database);
    grpc_shutdown();
    beside_samples_free(bench.read_times);
    beside_directory_remove(&directory);
    return 0;
}
