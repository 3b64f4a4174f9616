/* Ingestion against a bare RocksDB loop.
 *
 * Ours: a stream of batches of 256 events over gRPC and loopback, each answered once it is on disk, a few under way;
 * the real engine, writer, store and write-back. Bare: the very changes that ours made to the key-value engine, in the
 * same batches, synced where ours were, through RocksDB's C API and nothing else. Zipf over --customers, three kinds of
 * identifiers each. The changes are recorded in a run of their own, so that recording costs neither side. Prints
 * events/s of both and the ratio, medians of --rounds that alternate. */
#include <ftw.h>
#include <inttypes.h>
#include <stdarg.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "patron/v1/ingestion.pb-c.h"
#include "server/methods/methods.h"
#include "server/work/database.h"
#include "tests/bench/bench.h"
#include "tests/rpc/client.h"
#include "tests/rpc/serving.h"

enum { GROUP_EVENTS = 256, BATCHES_AHEAD = 4, ROUNDS_MAX = 99 };

static const char definitions_text[] =
    "identifiers:\n  customer_id: {max: 1}\n  email: {max: 5, normalize: email}\n  device: {max: 20}\n"
    "events:\n  order: {amount: money, channel: string, promo: bool}\n  session: {seconds: integer}\n"
    "features:\n  orders_90d: {of: order, count: true, window: 90d}\n"
    "  revenue_365d: {of: order, sum: amount, window: 365d}\n"
    "  revenue_30d: {of: order, sum: amount, window: 30d}\n"
    "  promo_share_365d: {of: order, mean: promo, window: 365d}\n"
    "  sessions_7d: {of: session, count: true, window: 7d}\n"
    "  channels: {of: order, distinct: channel}\n"
    "  last_channel: {of: order, last: channel}\n"
    "  days_since_order: {of: order, age: last, unit: day}\n"
    "  rfm: {of: order, rfm: amount}\n"
    "services:\n  churn: [rfm, orders_90d, revenue_365d]\n";

/* One recorded change; the bytes follow. BATCH_END ends a batch; its value_length says whether it was synced. */
enum change_kind { CHANGE_PUT, CHANGE_DELETE, BATCH_END };
struct change {
    uint32_t kind;
    uint32_t family;
    uint32_t key_length;
    uint32_t value_length;
};

static struct {
    int on;
    uint8_t *data;
    size_t length;
    size_t capacity;
    uint64_t puts;
} record;

static void record_raw(const void *data, size_t length)
{
    if (record.capacity - record.length < length) {
        record.capacity = (record.capacity + length) * 2;
        record.data = memory_resize(record.data, record.capacity);
    }
    if (length)
        memcpy(record.data + record.length, data, length);
    record.length += length;
}

static void record_change(enum change_kind kind, enum kv_family family, struct bytes key, struct bytes value)
{
    if (!record.on)
        return;
    struct change change = {kind, (uint32_t)family, (uint32_t)key.length, (uint32_t)value.length};
    record_raw(&change, sizeof change);
    record_raw(key.data, key.length);
    record_raw(value.data, value.length);
    record.puts++;
}

void __real_kv_batch_put(struct kv_batch *batch, enum kv_family family, struct bytes key, struct bytes value);
void __wrap_kv_batch_put(struct kv_batch *batch, enum kv_family family, struct bytes key, struct bytes value);
void __wrap_kv_batch_put(struct kv_batch *batch, enum kv_family family, struct bytes key, struct bytes value)
{
    record_change(CHANGE_PUT, family, key, value);
    __real_kv_batch_put(batch, family, key, value);
}

void __real_kv_batch_delete(struct kv_batch *batch, enum kv_family family, struct bytes key);
void __wrap_kv_batch_delete(struct kv_batch *batch, enum kv_family family, struct bytes key);
void __wrap_kv_batch_delete(struct kv_batch *batch, enum kv_family family, struct bytes key)
{
    record_change(CHANGE_DELETE, family, key, (struct bytes){0});
    __real_kv_batch_delete(batch, family, key);
}

enum patron_code __real_kv_write(struct kv *kv, struct kv_batch *batch, bool sync, struct error *error);
enum patron_code __wrap_kv_write(struct kv *kv, struct kv_batch *batch, bool sync, struct error *error);
enum patron_code __wrap_kv_write(struct kv *kv, struct kv_batch *batch, bool sync, struct error *error)
{
    if (record.on)
        record_raw(&(struct change){BATCH_END, 0, 0, sync}, sizeof(struct change));
    return __real_kv_write(kv, batch, sync, error);
}

static void must(enum patron_code code, const struct error *error)
{
    if (code == PATRON_OK)
        return;
    fprintf(stderr, "bench_ingest: %s\n", error->text);
    exit(1);
}

static int path_remove(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

PRINTF_LIKE(2, 3) static char *text_make(struct arena *arena, const char *format, ...)
{
    char *text = arena_alloc(arena, 48);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, 48, format, arguments);
    va_end(arguments);
    return text;
}

static void identifier_add(Patron__V1__Event *event, struct arena *arena, const char *type, char *value)
{
    Patron__V1__Identifier *identifier = arena_alloc(arena, sizeof *identifier);
    patron__v1__identifier__init(identifier);
    identifier->type = (char *)(uintptr_t)type;
    identifier->value = value;
    event->identifiers[event->n_identifiers++] = identifier;
}

static Patron__V1__Attribute *attribute_add(Patron__V1__Event *event, struct arena *arena, const char *name)
{
    Patron__V1__Attribute *attribute = arena_alloc(arena, sizeof *attribute);
    patron__v1__attribute__init(attribute);
    attribute->name = (char *)(uintptr_t)name;
    event->attributes[event->n_attributes++] = attribute;
    return attribute;
}

static void event_make(
    Patron__V1__Event *event, uint64_t number, uint64_t customer, struct bench_random *random, struct arena *arena)
{
    static const char *const channels[] = {"web", "app", "store", "phone"};
    bool order = bench_random_below(random, 4) == 0;
    event->type = (char *)(uintptr_t)(order ? "order" : "session");
    event->id = text_make(arena, "%" PRIu64, number);
    event->time_us = INT64_C(1700000000000000) + (int64_t)number * 1000;
    event->identifiers = arena_array(arena, 3, sizeof *event->identifiers);
    event->attributes = arena_array(arena, 3, sizeof *event->attributes);
    identifier_add(event, arena, "device",
        text_make(arena, "d%" PRIu64 "-%" PRIu64, customer, bench_random_below(random, 3)));
    if (order || bench_random_below(random, 2) == 0)
        identifier_add(event, arena, "customer_id", text_make(arena, "%" PRIu64, customer));
    if (!order) {
        Patron__V1__Attribute *seconds = attribute_add(event, arena, "seconds");
        seconds->value_case = PATRON__V1__ATTRIBUTE__VALUE_INTEGER;
        seconds->integer = (int64_t)bench_random_below(random, 3600);
        return;
    }
    identifier_add(event, arena, "email", text_make(arena, "c%" PRIu64 "@example.org", customer));
    Patron__V1__Attribute *amount = attribute_add(event, arena, "amount");
    amount->value_case = PATRON__V1__ATTRIBUTE__VALUE_DECIMAL;
    amount->decimal =
        text_make(arena, "%" PRIu64 ".%02" PRIu64, bench_random_below(random, 200), bench_random_below(random, 100));
    Patron__V1__Attribute *channel = attribute_add(event, arena, "channel");
    channel->value_case = PATRON__V1__ATTRIBUTE__VALUE_TEXT;
    channel->text = (char *)(uintptr_t)channels[bench_random_below(random, 4)];
    Patron__V1__Attribute *promo = attribute_add(event, arena, "promo");
    promo->value_case = PATRON__V1__ATTRIBUTE__VALUE_FLAG;
    promo->flag = bench_random_below(random, 3) == 0;
}

/* --- ours ------------------------------------------------------------------------------------------------ */

static void on_fatal(void *context, const struct error *error)
{
    (void)context;
    fprintf(stderr, "bench_ingest: %s\n", error->text);
    _exit(1);
}

static struct database *database_new(const char *directory)
{
    struct database_options options = {.directory = directory,
        .definitions_text = bytes_of(definitions_text, sizeof definitions_text - 1),
        .group_events_max = GROUP_EVENTS,
        .fatal = on_fatal};
    struct database *database;
    struct error error;
    must(database_open(&options, &database, &error), &error);
    return database;
}

/* One request of the stream, packed beforehand: both sides of the wire are timed, but not the generator. */
static struct bytes request_pack(struct arena *arena, uint64_t first, uint64_t count, uint64_t customers,
    struct bench_random *random)
{
    Patron__V1__IngestRequest request = PATRON__V1__INGEST_REQUEST__INIT;
    Patron__V1__Event **events = arena_array(arena, count, sizeof *events);
    request.batch = first;
    request.source = (char *)(uintptr_t) "bench";
    request.events = events;
    request.n_events = count;
    for (uint64_t i = 0; i < count; i++) {
        events[i] = arena_alloc(arena, sizeof **events);
        patron__v1__event__init(events[i]);
        event_make(events[i], first + i, bench_zipf(random, customers), random, arena);
    }
    size_t length = patron__v1__ingest_request__get_packed_size(&request);
    uint8_t *packed = arena_alloc(arena, length);
    patron__v1__ingest_request__pack(&request, packed);
    return bytes_of(packed, length);
}

static void answer_check(struct client_stream *stream, struct arena *arena)
{
    struct bytes message;
    CHECK(client_read(stream, arena, &message));
    Patron__V1__IngestResponse *response =
        patron__v1__ingest_response__unpack(NULL, message.length, message.data);
    CHECK(response && response->n_refusals == 0);
    patron__v1__ingest_response__free_unpacked(response, NULL);
}

/* Through gRPC, acknowledged on disk, BATCHES_AHEAD batches under way. Returns seconds. */
static double store_run(const char *directory, const struct bytes *requests, size_t request_count)
{
    struct database *database = database_new(directory);
    struct serving serving = {.services.port = database_port(database)};
    const struct method *const methods[] = {&method_ingest};
    serving_start(&serving, methods, 1, NULL);
    struct client client;
    client_init(&client, serving.address, NULL);
    struct client_stream stream;
    struct arena arena = {0};
    client_open(&client, method_ingest.path, 0, &stream);
    double started = bench_seconds();
    for (size_t i = 0; i < request_count; i++) {
        CHECK(client_send(&stream, requests[i]));
        if (i + 1 >= BATCHES_AHEAD)
            answer_check(&stream, &arena);
        arena_reset(&arena);
    }
    client_half_close(&stream);
    for (size_t i = request_count < BATCHES_AHEAD ? 0 : request_count - BATCHES_AHEAD + 1; i < request_count; i++)
        answer_check(&stream, &arena);
    double seconds = bench_seconds() - started;
    struct answer answer;
    client_finish(&stream, &answer);
    CHECK(answer.status == 0);
    client_clear(&client);
    serving_stop(&serving);
    database_close(database);
    arena_clear(&arena);
    return seconds;
}

/* --- bare ------------------------------------------------------------------------------------------------ */

/* The database and its key, which lies beside it. */
static void directory_remove(const char *directory, const char *path)
{
    char key[96];
    nftw(path, path_remove, 16, FTW_DEPTH | FTW_PHYS);
    snprintf(key, sizeof key, "%s/db.key", directory);
    (void)remove(key);
}

static void rocksdb_must(char *message)
{
    if (!message)
        return;
    fprintf(stderr, "bench_ingest: %s\n", message);
    exit(1);
}

/* Bare: the recorded batches. Returns seconds. */
static double bare_run(const char *directory)
{
    struct error error;
    struct kv *kv; /* makes the same families with the same options */
    must(kv_rocksdb_open(&(struct kv_rocksdb_options){.directory = directory}, &kv, &error), &error);
    kv_close(kv);
    char *message = NULL;
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_compression(options, rocksdb_lz4_compression);
    size_t count;
    char **names = rocksdb_list_column_families(options, directory, &count, &message);
    rocksdb_must(message);
    const rocksdb_options_t **each = memory_alloc(count * sizeof *each);
    rocksdb_column_family_handle_t **handles = memory_alloc(count * sizeof *handles);
    for (size_t i = 0; i < count; i++)
        each[i] = options;
    rocksdb_t *db = rocksdb_open_column_families(
        options, directory, (int)count, (const char *const *)names, each, handles, &message);
    rocksdb_must(message);
    static const char *const family_names[] = {
#define X(family, name, access) name,
        KV_FAMILIES(X)
#undef X
    };
    rocksdb_column_family_handle_t *by_family[KV_FAMILY_COUNT] = {0};
    for (size_t i = 0; i < count; i++)
        for (int family = 0; family < KV_FAMILY_COUNT; family++)
            if (strcmp(names[i], family_names[family]) == 0)
                by_family[family] = handles[i];
    rocksdb_writeoptions_t *write = rocksdb_writeoptions_create();
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    double started = bench_seconds();
    for (size_t at = 0; at < record.length;) {
        struct change change;
        memcpy(&change, record.data + at, sizeof change);
        at += sizeof change;
        if (change.kind == BATCH_END) {
            rocksdb_writeoptions_set_sync(write, change.value_length != 0);
            rocksdb_write(db, write, batch, &message);
            rocksdb_must(message);
            rocksdb_writebatch_clear(batch);
            continue;
        }
        const char *key = (const char *)record.data + at;
        if (change.kind == CHANGE_PUT)
            rocksdb_writebatch_put_cf(batch, by_family[change.family], key, change.key_length,
                key + change.key_length, change.value_length);
        else
            rocksdb_writebatch_delete_cf(batch, by_family[change.family], key, change.key_length);
        at += change.key_length + change.value_length;
    }
    double seconds = bench_seconds() - started;
    rocksdb_writebatch_destroy(batch);
    rocksdb_writeoptions_destroy(write);
    for (size_t i = 0; i < count; i++)
        rocksdb_column_family_handle_destroy(handles[i]);
    rocksdb_close(db);
    rocksdb_list_column_families_destroy(names, count);
    rocksdb_options_destroy(options);
    memory_free(each);
    memory_free(handles);
    return seconds;
}

int main(int argc, char **argv)
{
    uint64_t events = 50000, customers = 100000, rounds = 3;
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t *target = strcmp(argv[i], "--events") == 0 ? &events
            : strcmp(argv[i], "--customers") == 0           ? &customers
            : strcmp(argv[i], "--rounds") == 0              ? &rounds
                                                            : NULL;
        if (!target) {
            fprintf(stderr, "usage: bench_ingest [--events N] [--customers N] [--rounds N]\n");
            return 2;
        }
        *target = strtoull(argv[i + 1], NULL, 10);
    }
    if (rounds < 1 || rounds > ROUNDS_MAX || events < 1 || customers < 1)
        return 2;
    char directory[] = "/tmp/patron-bench-XXXXXX";
    if (!mkdtemp(directory))
        return 1;
    char path[64];
    snprintf(path, sizeof path, "%s/db", directory);
    struct arena arena = {0};
    struct bench_random random = {1};
    size_t request_count = (events + GROUP_EVENTS - 1) / GROUP_EVENTS;
    struct bytes *requests = arena_array(&arena, request_count, sizeof *requests);
    for (size_t i = 0; i < request_count; i++) {
        uint64_t first = i * GROUP_EVENTS, left = events - first;
        requests[i] = request_pack(&arena, first, left < GROUP_EVENTS ? left : GROUP_EVENTS, customers, &random);
    }
    bench_environment_print();
    record.on = 1;
    store_run(path, requests, request_count);
    record.on = 0;
    directory_remove(directory, path);
    double ours[ROUNDS_MAX], bare[ROUNDS_MAX], ratios[ROUNDS_MAX];
    for (uint64_t i = 0; i < rounds; i++) {
        bare[i] = (double)events / bare_run(path);
        directory_remove(directory, path);
        ours[i] = (double)events / store_run(path, requests, request_count);
        directory_remove(directory, path);
        ratios[i] = ours[i] / bare[i];
    }
    arena_clear(&arena);
    rmdir(directory);
    printf("%llu events, zipf over %llu customers, %.1f rows an event, %.0f bytes an event\n",
        (unsigned long long)events, (unsigned long long)customers, (double)record.puts / (double)events,
        (double)record.length / (double)events);
    printf("ingest  through gRPC %.0f events/s  bare %.0f events/s  ratio %.2f\n", bench_median(ours, rounds),
        bench_median(bare, rounds), bench_median(ratios, rounds));
    memory_free(record.data);
    return 0;
}
