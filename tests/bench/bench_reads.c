/* Reads against an empty RPC.
 *
 * One process: the real engine, methods, writer, views and profile cache over RocksDB in a temporary directory, and a
 * client on C core over loopback. The baseline is an RPC of the same engine that answers at once with as many zero
 * bytes as the read it is compared with, so that what is left of the ratio is ours: decoding the request, looking up,
 * folding, evaluating, encoding. Closed loop, --in-flight calls at a time; rounds alternate; medians. Client and server
 * share the machine's cores.
 *
 * usage: bench_reads [--customers N] [--seconds S] [--rounds N] [--in-flight N] */
#include <ftw.h>
#include <grpc/grpc.h>
#include <grpc/grpc_security.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "patron/v1/features.pb-c.h"
#include "server/methods/methods.h"
#include "server/work/database.h"
#include "tests/bench/bench.h"
#include "tests/rpc/serving.h"

enum { EVENTS_A_CUSTOMER = 20, REQUESTS = 256, IN_FLIGHT_MAX = 256, ROUNDS_MAX = 99, SAMPLES_MAX = 4000000 };
#define BEGIN_US INT64_C(1700000000000000)

static const char definitions_text[] =
    "identifiers:\n  customer_id: {max: 1}\n  device: {max: 20}\n"
    "events:\n  order: {amount: money, promo: bool}\n"
    "features:\n"
    "  n1: {of: order, count: true, window: 1d}\n  n7: {of: order, count: true, window: 7d}\n"
    "  n30: {of: order, count: true, window: 30d}\n  n90: {of: order, count: true, window: 90d}\n"
    "  n180: {of: order, count: true, window: 180d}\n  n365: {of: order, count: true, window: 365d}\n"
    "  s1: {of: order, sum: amount, window: 1d}\n  s7: {of: order, sum: amount, window: 7d}\n"
    "  s30: {of: order, sum: amount, window: 30d}\n  s90: {of: order, sum: amount, window: 90d}\n"
    "  s180: {of: order, sum: amount, window: 180d}\n  s365: {of: order, sum: amount, window: 365d}\n"
    "  m30: {of: order, mean: amount, window: 30d}\n  m90: {of: order, mean: amount, window: 90d}\n"
    "  x90: {of: order, max: amount, window: 90d}\n  x365: {of: order, max: amount, window: 365d}\n"
    "  i365: {of: order, min: amount, window: 365d}\n  p30: {of: order, mean: promo, window: 30d}\n"
    "  p90: {of: order, mean: promo, window: 90d}\n  p365: {of: order, mean: promo, window: 365d}\n"
    "services:\n  model: [n1, n7, n30, n90, n180, n365, s1, s7, s30, s90, s180, s365, m30, m90, x90, x365, i365, p30,"
    " p90, p365]\n";

/* --- the empty RPC: the request's first four bytes say how long the reply is ----------------------------- */

static void empty_start(struct call *call, struct bytes request)
{
    uint32_t length = request.length == 4 ? decode_be32(request.data) : 0;
    memset(call_reply(call, length), 0, length);
    call_finish(call, PATRON_OK, NULL);
}

static const struct method method_empty = {
    .path = "/patron.bench.Bench/Empty", .shape = METHOD_UNARY, .start = empty_start};

static void on_fatal(void *context, const struct error *error)
{
    (void)context;
    fprintf(stderr, "bench_reads: %s\n", error->text);
    _exit(1);
}

/* --- loading --------------------------------------------------------------------------------------------- */

struct load {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done;
};

static struct load load = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};

static void on_loaded(struct ingest_batch *batch)
{
    if (batch->code != PATRON_OK) {
        fprintf(stderr, "bench_reads: %s\n", batch->error.text);
        exit(1);
    }
    pthread_mutex_lock(&load.lock);
    load.done = true;
    pthread_cond_signal(&load.changed);
    pthread_mutex_unlock(&load.lock);
}

static char *text_make(struct arena *arena, const char *format, uint64_t number)
{
    char *text = arena_alloc(arena, 48);
    snprintf(text, 48, "%s%llu", format, (unsigned long long)number);
    return text;
}

static void batch_load(
    struct port *port, uint64_t first, uint64_t count, uint64_t customers, struct bench_random *random)
{
    struct arena arena = {0};
    struct ingest_batch batch = {.event_count = count, .done = on_loaded};
    batch.events = arena_array(&arena, count, sizeof *batch.events);
    batch.outcomes = arena_array(&arena, count, sizeof *batch.outcomes);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t number = first + i, customer = bench_random_below(random, customers);
        struct event_identifier *identifiers = arena_array(&arena, 2, sizeof *identifiers);
        identifiers[0] = (struct event_identifier){
            bytes_from_string("customer_id"), bytes_from_string(text_make(&arena, "", customer))};
        identifiers[1] = (struct event_identifier){
            bytes_from_string("device"), bytes_from_string(text_make(&arena, "d", customer))};
        struct event_attribute *attributes = arena_array(&arena, 2, sizeof *attributes);
        attributes[0] = (struct event_attribute){.name = bytes_from_string("amount"),
            .kind = GIVEN_INTEGER,
            .integer = (int64_t)bench_random_below(random, 200)};
        attributes[1] = (struct event_attribute){
            .name = bytes_from_string("promo"), .kind = GIVEN_FLAG, .flag = number % 3 == 0};
        int64_t at_us = BEGIN_US + (int64_t)((double)number / (double)(customers * EVENTS_A_CUSTOMER) * 365 * 86400e6);
        batch.events[i] = (struct event_input){.source = bytes_from_string("bench"),
            .type = bytes_from_string("order"),
            .id = bytes_from_string(text_make(&arena, "", number)),
            .time_us = at_us,
            .identifiers = identifiers,
            .identifier_count = 2,
            .attributes = attributes,
            .attribute_count = 2,
            .has_known_at = true,
            .known_at_us = at_us};
    }
    load.done = false;
    struct error error;
    CHECK(port->functions->ingest(port, &batch, &error) == PATRON_OK);
    pthread_mutex_lock(&load.lock);
    while (!load.done)
        pthread_cond_wait(&load.changed, &load.lock);
    pthread_mutex_unlock(&load.lock);
    arena_clear(&arena);
}

/* --- the client ------------------------------------------------------------------------------------------ */

struct client_call {
    grpc_call *call;
    grpc_byte_buffer *reply;
    grpc_metadata_array initial, trailing;
    grpc_status_code status;
    grpc_slice details;
    double started;
};

struct measured {
    double rate; /* calls/s */
    double p50_us;
    double p99_us;
    size_t reply_bytes;
};

static struct {
    grpc_channel *channel;
    grpc_completion_queue *queue;
    double *samples;
} client;

static void call_begin(struct client_call *call, grpc_slice path, grpc_slice request)
{
    call->call = grpc_channel_create_call(client.channel, NULL, GRPC_PROPAGATE_DEFAULTS, client.queue, path, NULL,
        gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
    grpc_metadata_array_init(&call->initial);
    grpc_metadata_array_init(&call->trailing);
    call->reply = NULL;
    call->details = grpc_empty_slice();
    grpc_byte_buffer *message = grpc_raw_byte_buffer_create(&request, 1);
    grpc_op ops[6] = {{.op = GRPC_OP_SEND_INITIAL_METADATA}, {.op = GRPC_OP_SEND_MESSAGE},
        {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT}, {.op = GRPC_OP_RECV_INITIAL_METADATA}, {.op = GRPC_OP_RECV_MESSAGE},
        {.op = GRPC_OP_RECV_STATUS_ON_CLIENT}};
    ops[1].data.send_message.send_message = message;
    ops[3].data.recv_initial_metadata.recv_initial_metadata = &call->initial;
    ops[4].data.recv_message.recv_message = &call->reply;
    ops[5].data.recv_status_on_client.trailing_metadata = &call->trailing;
    ops[5].data.recv_status_on_client.status = &call->status;
    ops[5].data.recv_status_on_client.status_details = &call->details;
    call->started = bench_seconds();
    CHECK(grpc_call_start_batch(call->call, ops, 6, call, NULL) == GRPC_CALL_OK);
    grpc_byte_buffer_destroy(message);
}

static size_t call_end(struct client_call *call)
{
    if (call->status != GRPC_STATUS_OK) {
        char *why = grpc_slice_to_c_string(call->details);
        fprintf(stderr, "bench_reads: status %d: %s\n", (int)call->status, why);
        exit(1);
    }
    size_t length = grpc_byte_buffer_length(call->reply);
    grpc_byte_buffer_destroy(call->reply);
    grpc_metadata_array_destroy(&call->initial);
    grpc_metadata_array_destroy(&call->trailing);
    grpc_slice_unref(call->details);
    grpc_call_unref(call->call);
    return length;
}

/* Closed loop for so long; the first fifth is warm-up and not counted. */
static struct measured client_run(const char *path_text, const grpc_slice *requests, size_t request_count,
    size_t in_flight, double seconds)
{
    static struct client_call calls[IN_FLIGHT_MAX];
    grpc_slice path = grpc_slice_from_static_string(path_text);
    size_t next = 0, done = 0, live = in_flight;
    struct measured measured = {0};
    double begun = bench_seconds(), counted_from = begun + seconds / 5, end = begun + seconds;
    for (size_t i = 0; i < in_flight; i++)
        call_begin(&calls[i], path, requests[next++ % request_count]);
    while (live > 0) {
        grpc_event event =
            grpc_completion_queue_next(client.queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL);
        CHECK(event.type == GRPC_OP_COMPLETE);
        struct client_call *call = event.tag;
        double now = bench_seconds();
        if (now >= counted_from && now < end && done < SAMPLES_MAX)
            client.samples[done++] = (now - call->started) * 1e6;
        measured.reply_bytes = call_end(call);
        if (now < end)
            call_begin(call, path, requests[next++ % request_count]);
        else
            live--;
    }
    measured.rate = (double)done / (end - counted_from);
    (void)bench_median(client.samples, done);
    measured.p50_us = client.samples[done / 2];
    measured.p99_us = client.samples[done - 1 - done / 100];
    return measured;
}

/* --- cases ----------------------------------------------------------------------------------------------- */

static grpc_slice request_make(const char *method, size_t rows, uint64_t customers, struct bench_random *random)
{
    struct arena arena = {0};
    Patron__V1__Identifier **list = arena_array(&arena, rows, sizeof *list);
    for (size_t i = 0; i < rows; i++) {
        list[i] = arena_alloc(&arena, sizeof **list);
        patron__v1__identifier__init(list[i]);
        list[i]->type = (char *)(uintptr_t) "device";
        list[i]->value = text_make(&arena, "d", bench_zipf(random, customers) - 1);
    }
    grpc_slice slice;
    if (strstr(method, "GetVectors")) {
        Patron__V1__GetVectorsRequest request = PATRON__V1__GET_VECTORS_REQUEST__INIT;
        request.service = (char *)(uintptr_t) "model";
        request.identifiers = list;
        request.n_identifiers = rows;
        slice = grpc_slice_malloc(patron__v1__get_vectors_request__get_packed_size(&request));
        patron__v1__get_vectors_request__pack(&request, GRPC_SLICE_START_PTR(slice));
    } else {
        Patron__V1__GetFeaturesRequest request = PATRON__V1__GET_FEATURES_REQUEST__INIT;
        request.service = (char *)(uintptr_t) "model";
        request.identifiers = list;
        request.n_identifiers = rows;
        slice = grpc_slice_malloc(patron__v1__get_features_request__get_packed_size(&request));
        patron__v1__get_features_request__pack(&request, GRPC_SLICE_START_PTR(slice));
    }
    arena_clear(&arena);
    return slice;
}

struct bench_case {
    const char *method;
    size_t rows;
    size_t in_flight;
};

static void case_run(const struct bench_case *one, uint64_t customers, double seconds, uint64_t rounds)
{
    struct bench_random random = {one->rows};
    grpc_slice requests[REQUESTS];
    for (size_t i = 0; i < REQUESTS; i++)
        requests[i] = request_make(one->method, one->rows, customers, &random);
    struct measured warm = client_run(one->method, requests, REQUESTS, one->in_flight, 0.3);
    uint8_t length[4];
    encode_be32(length, (uint32_t)warm.reply_bytes);
    grpc_slice empty = grpc_slice_from_copied_buffer((const char *)length, sizeof length);
    double rate[ROUNDS_MAX], empty_rate[ROUNDS_MAX], ratio[ROUNDS_MAX], p50[ROUNDS_MAX], p99[ROUNDS_MAX],
        p99_ratio[ROUNDS_MAX];
    for (uint64_t i = 0; i < rounds; i++) {
        struct measured base = client_run(method_empty.path, &empty, 1, one->in_flight, seconds);
        struct measured ours = client_run(one->method, requests, REQUESTS, one->in_flight, seconds);
        rate[i] = ours.rate;
        empty_rate[i] = base.rate;
        ratio[i] = ours.rate / base.rate;
        p50[i] = ours.p50_us;
        p99[i] = ours.p99_us;
        p99_ratio[i] = ours.p99_us / base.p99_us;
    }
    printf("%-11s %4zu x 20 %9zu %10.0f %12.0f %10.0f %6.2f %8.0f %8.0f %6.2f\n", strrchr(one->method, '/') + 1,
        one->rows, one->in_flight, bench_median(rate, rounds), bench_median(rate, rounds) * (double)one->rows,
        bench_median(empty_rate, rounds), bench_median(ratio, rounds), bench_median(p50, rounds),
        bench_median(p99, rounds), bench_median(p99_ratio, rounds));
    fflush(stdout);
    for (size_t i = 0; i < REQUESTS; i++)
        grpc_slice_unref(requests[i]);
    grpc_slice_unref(empty);
}

static int path_remove(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static bool flags_parse(
    int argc, char **argv, uint64_t *customers, uint64_t *seconds, uint64_t *rounds, uint64_t *in_flight)
{
    for (int i = 1; i < argc; i += 2) {
        uint64_t *target = strcmp(argv[i], "--customers") == 0 ? customers
            : strcmp(argv[i], "--seconds") == 0                ? seconds
            : strcmp(argv[i], "--rounds") == 0                 ? rounds
            : strcmp(argv[i], "--in-flight") == 0              ? in_flight
                                                               : NULL;
        if (!target || i + 1 == argc)
            return false;
        *target = strtoull(argv[i + 1], NULL, 10);
    }
    return *customers >= 1 && *seconds >= 1 && *rounds >= 1 && *rounds <= ROUNDS_MAX && *in_flight >= 1 &&
           *in_flight <= IN_FLIGHT_MAX;
}

static void client_open_channel(const char *address)
{
    grpc_arg unlimited = {.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH};
    unlimited.value.integer = -1;
    grpc_channel_args args = {1, &unlimited};
    grpc_channel_credentials *plain = grpc_insecure_credentials_create();
    client.channel = grpc_channel_create(address, plain, &args);
    grpc_channel_credentials_release(plain);
    client.queue = grpc_completion_queue_create_for_next(NULL);
    client.samples = memory_alloc(SAMPLES_MAX * sizeof *client.samples);
}

static void client_close_channel(void)
{
    grpc_channel_destroy(client.channel);
    grpc_completion_queue_shutdown(client.queue);
    while (grpc_completion_queue_next(client.queue, gpr_inf_future(GPR_CLOCK_MONOTONIC), NULL).type !=
           GRPC_QUEUE_SHUTDOWN)
        continue;
    grpc_completion_queue_destroy(client.queue);
    memory_free(client.samples);
}

int main(int argc, char **argv)
{
    uint64_t customers = 5000, seconds = 2, rounds = 3, in_flight = 32;
    if (!flags_parse(argc, argv, &customers, &seconds, &rounds, &in_flight)) {
        fprintf(stderr, "usage: bench_reads [--customers N] [--seconds S] [--rounds N] [--in-flight N]\n");
        return 2;
    }
    char directory[] = "/tmp/patron-bench-XXXXXX";
    if (!mkdtemp(directory))
        return 1;
    char data[64];
    snprintf(data, sizeof data, "%s/data", directory);
    struct database_options options = {
        .directory = data, .definitions_text = bytes_of(definitions_text, sizeof definitions_text - 1),
        .fatal = on_fatal};
    struct database *database;
    struct error error;
    if (database_open(&options, &database, &error) != PATRON_OK) {
        fprintf(stderr, "bench_reads: %s\n", error.text);
        return 1;
    }
    struct port *port = database_port(database);
    struct bench_random random = {1};
    uint64_t events = customers * EVENTS_A_CUSTOMER;
    for (uint64_t first = 0; first < events; first += 5000)
        batch_load(port, first, events - first < 5000 ? events - first : 5000, customers, &random);

    struct serving serving = {.services.port = port};
    const struct method *const methods[] = {&method_get_vectors, &method_get_features, &method_empty};
    grpc_init();
    serving_start(&serving, methods, sizeof methods / sizeof *methods, NULL);
    client_open_channel(serving.address);
    bench_environment_print();
    printf("%llu customers, %llu events, zipf; medians of %llu rounds of %llu s\n", (unsigned long long)customers,
        (unsigned long long)events, (unsigned long long)rounds, (unsigned long long)seconds);
    printf("%-11s %9s %9s %10s %12s %10s %6s %8s %8s %6s\n", "method", "shape", "in flight", "calls/s", "rows/s",
        "empty/s", "ratio", "p50 us", "p99 us", "ratio");
    const struct bench_case cases[] = {{method_get_vectors.path, 1, in_flight},
        {method_get_features.path, 1, in_flight}, {method_get_vectors.path, 100, 4},
        {method_get_vectors.path, 500, 4}, {method_get_features.path, 500, 4}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        case_run(&cases[i], customers, (double)seconds, rounds);
    client_close_channel();
    serving_stop(&serving);
    database_close(database);
    grpc_shutdown();
    nftw(directory, path_remove, 16, FTW_DEPTH | FTW_PHYS);
    return 0;
}
