/* Ingestion against a bare RocksDB loop.
 *
 * Ours: the store's groups (check, resolve identities, fold, commit), 256 events a group, one fsync a group, profiles
 * written back a slice after every group. Bare: the very rows that ours wrote, the same batches, one fsync each, through
 * RocksDB's C API and nothing else. Zipf over --customers, three kinds of identifiers each. The rows are recorded in a
 * run of their own, so that recording costs neither side. Prints events/s of both and the ratio, medians of --rounds. */
#include <ftw.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/base/limits.h"
#include "store/store.h"
#include "tests/bench/bench.h"

enum { GROUP_EVENTS = 256, WRITE_BACK_SLICE = 128, ROUNDS_MAX = 99 };

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

/* One recorded change; the bytes follow. A mark of length UINT32_MAX ends a batch. */
struct change {
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

static void record_change(enum kv_family family, struct bytes key, struct bytes value)
{
    if (!record.on)
        return;
    struct change change = {(uint32_t)family, (uint32_t)key.length, (uint32_t)value.length};
    record_raw(&change, sizeof change);
    record_raw(key.data, key.length);
    record_raw(value.data, value.length);
    record.puts++;
}

void __real_kv_batch_put(struct kv_batch *batch, enum kv_family family, struct bytes key, struct bytes value);
void __wrap_kv_batch_put(struct kv_batch *batch, enum kv_family family, struct bytes key, struct bytes value);
void __wrap_kv_batch_put(struct kv_batch *batch, enum kv_family family, struct bytes key, struct bytes value)
{
    record_change(family, key, value);
    __real_kv_batch_put(batch, family, key, value);
}

void __real_kv_batch_delete(struct kv_batch *batch, enum kv_family family, struct bytes key);
void __wrap_kv_batch_delete(struct kv_batch *batch, enum kv_family family, struct bytes key);
void __wrap_kv_batch_delete(struct kv_batch *batch, enum kv_family family, struct bytes key)
{
    record_change(family, key, (struct bytes){0});
    __real_kv_batch_delete(batch, family, key);
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

static void event_make(struct event_input *event, uint64_t number, uint64_t customer, struct bench_random *random,
    struct event_identifier *identifiers, struct event_attribute *attributes, char (*text)[40])
{
    bool order = bench_random_below(random, 4) == 0;
    static const char *const channels[] = {"web", "app", "store", "phone"};
    snprintf(text[0], 40, "%llu", (unsigned long long)number);
    snprintf(text[1], 40, "%llu", (unsigned long long)customer);
    snprintf(text[2], 40, "d%llu-%llu", (unsigned long long)customer, (unsigned long long)bench_random_below(random, 3));
    snprintf(text[3], 40, "c%llu@example.org", (unsigned long long)customer);
    snprintf(text[4], 40, "%llu.%02llu", (unsigned long long)bench_random_below(random, 200),
        (unsigned long long)bench_random_below(random, 100));
    identifiers[0] = (struct event_identifier){bytes_from_string("device"), bytes_from_string(text[2])};
    identifiers[1] = (struct event_identifier){bytes_from_string("customer_id"), bytes_from_string(text[1])};
    identifiers[2] = (struct event_identifier){bytes_from_string("email"), bytes_from_string(text[3])};
    *event = (struct event_input){.source = bytes_from_string("bench"),
        .id = bytes_from_string(text[0]),
        .time_us = INT64_C(1700000000000000) + (int64_t)number * 1000000,
        .identifiers = identifiers,
        .identifier_count = order ? 3 : 1 + bench_random_below(random, 2),
        .attributes = attributes};
    if (order) {
        event->type = bytes_from_string("order");
        attributes[0] = (struct event_attribute){
            .name = bytes_from_string("amount"), .kind = GIVEN_DECIMAL, .text = bytes_from_string(text[4])};
        attributes[1] = (struct event_attribute){.name = bytes_from_string("channel"),
            .kind = GIVEN_TEXT,
            .text = bytes_from_string(channels[bench_random_below(random, 4)])};
        attributes[2] = (struct event_attribute){
            .name = bytes_from_string("promo"), .kind = GIVEN_FLAG, .flag = bench_random_below(random, 3) == 0};
        event->attribute_count = 3;
    } else {
        event->type = bytes_from_string("session");
        attributes[0] = (struct event_attribute){.name = bytes_from_string("seconds"),
            .kind = GIVEN_INTEGER,
            .integer = (int64_t)bench_random_below(random, 3600)};
        event->attribute_count = 1;
    }
}

/* Ours: returns seconds. */
static double store_run(const char *directory, uint64_t events, uint64_t customers)
{
    struct error error;
    struct kv *kv;
    must(kv_rocksdb_open(&(struct kv_rocksdb_options){.directory = directory}, &kv, &error), &error);
    uint8_t key[STORE_KEY_BYTES] = {7};
    struct store *store;
    struct store_options options = {
        .kv = kv, .key = key, .definitions_text = bytes_of(definitions_text, sizeof definitions_text - 1)};
    must(store_open(&options, &store, &error), &error);
    struct bench_random random = {1};
    double started = bench_seconds();
    for (uint64_t done = 0; done < events;) {
        store_group_begin(store, INT64_C(1700000000000000) + (int64_t)done * 1000000, INT64_MIN, false);
        for (int i = 0; i < GROUP_EVENTS && done < events; i++, done++) {
            struct event_input event;
            struct event_identifier identifiers[3];
            struct event_attribute attributes[3];
            char text[5][40];
            event_make(&event, done, bench_zipf(&random, customers), &random, identifiers, attributes, text);
            struct event_outcome outcome;
            must(store_group_add(store, &event, &outcome, &error), &error);
            if (outcome.fate != EVENT_APPLIED)
                must(outcome.why.code, &outcome.why);
        }
        must(store_group_commit(store, &error), &error);
        if (record.on)
            record_raw(&(struct change){UINT32_MAX, 0, 0}, sizeof(struct change));
    }
    double seconds = bench_seconds() - started;
    store_close(store);
    kv_close(kv);
    return seconds;
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
    rocksdb_writeoptions_set_sync(write, 1);
    rocksdb_writebatch_t *batch = rocksdb_writebatch_create();
    double started = bench_seconds();
    for (size_t at = 0; at < record.length;) {
        struct change change;
        memcpy(&change, record.data + at, sizeof change);
        at += sizeof change;
        if (change.family == UINT32_MAX) {
            rocksdb_write(db, write, batch, &message);
            rocksdb_must(message);
            rocksdb_writebatch_clear(batch);
            continue;
        }
        const char *key = (const char *)record.data + at;
        rocksdb_writebatch_put_cf(batch, by_family[change.family], key, change.key_length, key + change.key_length,
            change.value_length);
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
    bench_environment_print();
    record.on = 1;
    store_run(path, events, customers);
    record.on = 0;
    nftw(path, path_remove, 16, FTW_DEPTH | FTW_PHYS);
    double ours[ROUNDS_MAX], bare[ROUNDS_MAX], ratios[ROUNDS_MAX];
    for (uint64_t i = 0; i < rounds; i++) {
        bare[i] = (double)events / bare_run(path);
        nftw(path, path_remove, 16, FTW_DEPTH | FTW_PHYS);
        ours[i] = (double)events / store_run(path, events, customers);
        nftw(path, path_remove, 16, FTW_DEPTH | FTW_PHYS);
        ratios[i] = ours[i] / bare[i];
    }
    rmdir(directory);
    printf("%llu events, zipf over %llu customers, %.1f rows an event, %.0f bytes an event\n",
        (unsigned long long)events, (unsigned long long)customers, (double)record.puts / (double)events,
        (double)record.length / (double)events);
    printf("ingest  store %.0f events/s  bare %.0f events/s  ratio %.2f\n", bench_median(ours, rounds),
        bench_median(bare, rounds), bench_median(ratios, rounds));
    memory_free(record.data);
    return 0;
}
