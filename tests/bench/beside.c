#include "tests/bench/beside.h"

#include <ftw.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "patron/v1/features.pb-c.h"
#include "server/methods/methods.h"
#include "tests/rpc/client.h"

enum { SAMPLES_MAX = 4000000, REQUESTS = 256 };

void beside_fail(const char *words)
{
    fprintf(stderr, "bench: %s\n", words);
    exit(1);
}

void beside_sleep_until(double due)
{
    double left = due - bench_seconds();
    if (left > 0)
        usleep((useconds_t)(left * 1e6));
}

char *beside_text(struct arena *arena, const char *words, uint64_t number)
{
    char *text = arena_alloc(arena, 48);
    snprintf(text, 48, "%s%llu", words, (unsigned long long)number);
    return text;
}

/* --- events ------------------------------------------------------------------------------------------------------ */

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

void beside_send(struct port *port, uint64_t count,
    void (*make)(void *context, struct arena *arena, uint64_t i, struct event_input *event), void *context)
{
    struct arena arena = {0};
    struct waiting waiting = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    struct ingest_batch *batch = &waiting.batch;
    *batch = (struct ingest_batch){.event_count = count, .done = on_done};
    batch->events = arena_array(&arena, count, sizeof *batch->events);
    batch->outcomes = arena_array(&arena, count, sizeof *batch->outcomes);
    for (uint64_t i = 0; i < count; i++)
        make(context, &arena, i, &batch->events[i]);
    struct error error;
    if (port->functions->ingest(port, batch, &error) != PATRON_OK)
        beside_fail(error.text);
    pthread_mutex_lock(&waiting.lock);
    while (!waiting.done)
        pthread_cond_wait(&waiting.changed, &waiting.lock);
    pthread_mutex_unlock(&waiting.lock);
    if (batch->code != PATRON_OK)
        beside_fail(batch->error.text);
    for (uint64_t i = 0; i < count; i++)
        if (batch->outcomes[i].fate == EVENT_REFUSED)
            beside_fail(batch->outcomes[i].why.text);
    arena_clear(&arena);
}

/* --- samples ------------------------------------------------------------------------------------------------------ */

struct beside_samples {
    pthread_mutex_t lock; /* of what follows */
    size_t count;
    double us[SAMPLES_MAX];
};

struct beside_samples *beside_samples_new(void)
{
    struct beside_samples *samples = memory_alloc(sizeof *samples);
    CHECK(pthread_mutex_init(&samples->lock, NULL) == 0);
    return samples;
}

void beside_samples_free(struct beside_samples *samples)
{
    pthread_mutex_destroy(&samples->lock);
    memory_free(samples);
}

void beside_samples_add(struct beside_samples *samples, double us)
{
    pthread_mutex_lock(&samples->lock);
    if (samples->count < SAMPLES_MAX)
        samples->us[samples->count++] = us;
    pthread_mutex_unlock(&samples->lock);
}

void beside_samples_forget(struct beside_samples *samples)
{
    pthread_mutex_lock(&samples->lock);
    samples->count = 0;
    pthread_mutex_unlock(&samples->lock);
}

struct beside_times beside_samples_take(struct beside_samples *samples)
{
    pthread_mutex_lock(&samples->lock);
    size_t count = samples->count;
    struct beside_times times = {.count = count};
    if (count > 0) {
        times.p50_us = bench_median(samples->us, count); /* sorts them */
        times.p99_us = samples->us[count - 1 - count / 100];
        times.worst_us = samples->us[count - 1];
    }
    samples->count = 0;
    pthread_mutex_unlock(&samples->lock);
    return times;
}

/* --- the reader --------------------------------------------------------------------------------------------------- */

struct beside_reader {
    pthread_t thread;
    atomic_bool over;
    const char *address;
    uint64_t reads_per_s;
    struct arena requests_arena;
    struct bytes requests[REQUESTS];
    struct beside_samples *samples;
};

static void *ask(void *argument)
{
    struct beside_reader *reader = argument;
    struct client client;
    struct arena arena = {0};
    client_init(&client, reader->address, NULL);
    double due = bench_seconds();
    for (size_t i = 0; !reader->over; i++) {
        struct answer answer;
        beside_sleep_until(due);
        arena_reset(&arena);
        client_call(&client, method_get_vectors.path, reader->requests[i % REQUESTS], 60000, &arena, &answer);
        if (answer.status != 0)
            beside_fail(answer.words);
        beside_samples_add(reader->samples, (bench_seconds() - due) * 1e6);
        due += 1.0 / (double)reader->reads_per_s;
    }
    client_clear(&client);
    arena_clear(&arena);
    return NULL;
}

struct beside_reader *beside_reader_start(const struct serving *serving, uint64_t reads_per_s,
    void (*who)(struct arena *arena, struct bench_random *random, const char **type, char **value),
    struct beside_samples *samples)
{
    struct beside_reader *reader = memory_alloc(sizeof *reader);
    atomic_init(&reader->over, false);
    reader->address = serving->address;
    reader->reads_per_s = reads_per_s;
    reader->samples = samples;
    struct bench_random random = {3};
    for (size_t i = 0; i < REQUESTS; i++) {
        Patron__V1__Identifier one = PATRON__V1__IDENTIFIER__INIT, *list = &one;
        const char *type;
        who(&reader->requests_arena, &random, &type, &one.value);
        one.type = (char *)(uintptr_t)type;
        Patron__V1__GetVectorsRequest request = PATRON__V1__GET_VECTORS_REQUEST__INIT;
        request.service = (char *)(uintptr_t) "model";
        request.identifiers = &list;
        request.n_identifiers = 1;
        reader->requests[i] = client_pack(&request, &reader->requests_arena);
    }
    CHECK(pthread_create(&reader->thread, NULL, ask, reader) == 0);
    return reader;
}

void beside_reader_stop(struct beside_reader *reader)
{
    reader->over = true;
    pthread_join(reader->thread, NULL);
    arena_clear(&reader->requests_arena);
    memory_free(reader);
}

/* --- a directory -------------------------------------------------------------------------------------------------- */

void beside_directory_make(struct beside_directory *directory)
{
    snprintf(directory->top, sizeof directory->top, "/tmp/patron-bench-XXXXXX");
    if (!mkdtemp(directory->top))
        beside_fail("cannot make a directory in /tmp");
    snprintf(directory->data, sizeof directory->data, "%s/data", directory->top);
}

static int path_remove(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

void beside_directory_remove(const struct beside_directory *directory)
{
    nftw(directory->top, path_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static bool report(void *context, const struct verify_result *so_far, const char *finding)
{
    (void)context;
    (void)so_far;
    if (finding)
        beside_fail(finding);
    return true;
}

void beside_verify(struct port *port)
{
    const struct view *view = port->functions->view_acquire(port, NULL);
    struct verify_result result;
    struct error error;
    if (store_verify(view, &result, report, NULL, &error) != PATRON_OK)
        beside_fail(error.text);
    printf("verify: %llu customers of %llu events, %llu differences\n", (unsigned long long)result.customers,
        (unsigned long long)result.events, (unsigned long long)result.differences);
    port->functions->view_release(port, view);
}

bool beside_flags(int argc, char **argv, const struct beside_flag *flags, size_t count)
{
    for (int i = 1; i < argc; i += 2) {
        size_t place = 0;
        while (place < count && strcmp(argv[i], flags[place].name) != 0)
            place++;
        if (place == count || i + 1 == argc)
            return false;
        char *end;
        *flags[place].value = strtoull(argv[i + 1], &end, 10);
        if (*end || end == argv[i + 1])
            return false;
    }
    return true;
}
