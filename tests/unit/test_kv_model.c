/* Both engines behind kv.h against a trivial model, by random operations: gets, walks, batches read through, snapshots
 * and iterators that outlive writes, and, on disk, closing and opening. PATRON_TEST_SEED chooses another run. */
#include "tests/unit/kv_fixture.h"

/* Every key of up to four of three symbols: many begin others. The model is what each key has in each of two families:
 * the number that its value was made from, or none. */
enum { SYMBOLS = 3, KEY_MAX = 4, KEYS = 1 + 3 + 9 + 27 + 81, MODEL_FAMILIES = 2, HELD_MAX = 4 };

struct model {
    uint32_t values[MODEL_FAMILIES][KEYS]; /* 0: absent */
};

static const enum kv_family model_families[MODEL_FAMILIES] = {
    KV_IDENTIFIERS, KV_EVENTS}; /* one POINT, one SCAN */
static uint8_t key_bytes[KEYS][KEY_MAX];
static struct bytes keys_in_order[KEYS];

static int compare_keys(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

static void make_keys(void)
{
    static const uint8_t symbols[SYMBOLS] = {0x00, 0x61, 0xff};
    int made = 0;
    int count = 1;
    for (int length = 0; length <= KEY_MAX; length++, count *= SYMBOLS) {
        for (int i = 0; i < count; i++) {
            for (int at = 0, rest = i; at < length; at++, rest /= SYMBOLS)
                key_bytes[made][at] = symbols[rest % SYMBOLS];
            keys_in_order[made] = bytes_of(key_bytes[made], (size_t)length);
            made++;
        }
    }
    assert_int_equal(made, KEYS);
    qsort(keys_in_order, KEYS, sizeof keys_in_order[0], compare_keys);
}

static uint64_t random_state;

static uint32_t random_below(uint32_t bound) /* splitmix64: G. L. Steele et al., 2014 */
{
    random_state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = random_state;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % bound);
}

/* Of all lengths from none on, now and then long. */
static struct bytes value_made_from(uint32_t number)
{
    static uint8_t memory[20000];
    size_t length = number % 7 == 0 ? 0 : number % 50 == 1 ? 20000 - number % 100 : number % 40;
    for (size_t i = 0; i < length; i++)
        memory[i] = (uint8_t)(number * 31 + i * 7);
    return bytes_of(memory, length);
}

static void check_place(struct kv_iterator *iterator, const struct model *model, int family, int wanted)
{
    struct error error = {0};
    if (wanted < 0 || wanted >= KEYS) {
        assert_false(kv_iterator_valid(iterator));
        assert_int_equal(kv_iterator_status(iterator, &error), PATRON_OK);
        return;
    }
    assert_true(kv_iterator_valid(iterator));
    assert_bytes(kv_iterator_borrow_key(iterator), keys_in_order[wanted]);
    assert_bytes(kv_iterator_borrow_value(iterator), value_made_from(model->values[family][wanted]));
}

/* The nearest key from `from` on in steps of `step` that the model has and the prefix allows; out of range: none. */
static int model_nearest(const struct model *model, int family, struct bytes prefix, int from, int step)
{
    while (from >= 0 && from < KEYS &&
           !(model->values[family][from] && bytes_starts_with(keys_in_order[from], prefix)))
        from += step;
    return from;
}

static void check_iterator(
    struct kv_iterator *iterator, const struct model *model, int family, struct bytes prefix)
{
    for (int round = 0; round < 3; round++) {
        int from = (int)random_below(KEYS);
        int at;
        if (random_below(2)) {
            kv_iterator_seek(iterator, keys_in_order[from]);
            at = model_nearest(model, family, prefix, from, 1);
        } else {
            kv_iterator_seek_last(iterator, keys_in_order[from]);
            at = model_nearest(model, family, prefix, from, -1);
        }
        check_place(iterator, model, family, at);
        for (uint32_t steps = random_below(12); steps > 0 && kv_iterator_valid(iterator); steps--) {
            kv_iterator_next(iterator);
            at = model_nearest(model, family, prefix, at + 1, 1);
            check_place(iterator, model, family, at);
        }
    }
}

static void check_get(enum patron_code code, struct bytes value, uint32_t wanted)
{
    assert_int_equal(code, wanted ? PATRON_OK : PATRON_NOT_FOUND);
    if (wanted)
        assert_bytes(value, value_made_from(wanted));
}

static struct bytes random_prefix(void)
{
    struct bytes key = keys_in_order[random_below(KEYS)];
    return bytes_of(key.data, random_below(2) ? 0 : key.length > 2 ? 2 : key.length);
}

/* A snapshot and an iterator that live for some time, with what they must go on seeing. */
struct held {
    struct kv_snapshot *snapshot;
    struct kv_iterator *iterator;
    struct model model;
    struct bytes prefix;
    int family;
};

struct run {
    struct fixture *fixture;
    struct kv_batch *batch;
    struct model written;
    struct model with_batch;
    struct held held[HELD_MAX];
    uint32_t next_value;
};

static void release(struct run *run, struct held *held)
{
    kv_iterator_free(held->iterator);
    kv_snapshot_free(run->fixture->kv, held->snapshot);
    *held = (struct held){0};
}

static void hold(struct run *run, struct held *held)
{
    held->snapshot = kv_snapshot_new(run->fixture->kv);
    held->model = run->written;
    held->prefix = random_prefix();
    held->family = (int)random_below(MODEL_FAMILIES);
    held->iterator =
        kv_iterator_new(run->fixture->kv, held->snapshot, model_families[held->family], held->prefix);
}

static void change_batch(struct run *run)
{
    int family = (int)random_below(MODEL_FAMILIES);
    int key = (int)random_below(KEYS);
    if (random_below(3)) {
        run->with_batch.values[family][key] = ++run->next_value;
        kv_batch_put(
            run->batch, model_families[family], keys_in_order[key], value_made_from(run->next_value));
    } else {
        run->with_batch.values[family][key] = 0;
        kv_batch_delete(run->batch, model_families[family], keys_in_order[key]);
    }
}

static void read_something(struct run *run)
{
    struct kv *kv = run->fixture->kv;
    struct arena *arena = &run->fixture->arena;
    int family = (int)random_below(MODEL_FAMILIES);
    int key = (int)random_below(KEYS);
    struct bytes value = {0};
    enum patron_code code = kv_get(kv, NULL, model_families[family], keys_in_order[key], arena, &value, NULL);
    check_get(code, value, run->written.values[family][key]);
    code = kv_batch_get(run->batch, model_families[family], keys_in_order[key], arena, &value, NULL);
    check_get(code, value, run->with_batch.values[family][key]);

    struct bytes prefix = random_prefix();
    struct kv_iterator *iterator = kv_iterator_new(kv, NULL, model_families[family], prefix);
    check_iterator(iterator, &run->written, family, prefix);
    kv_iterator_free(iterator);
    iterator = kv_batch_iterator_new(run->batch, model_families[family], prefix);
    check_iterator(iterator, &run->with_batch, family, prefix);
    kv_iterator_free(iterator);

    const struct held *held = &run->held[random_below(HELD_MAX)];
    if (held->snapshot) {
        code = kv_get(kv, held->snapshot, model_families[family], keys_in_order[key], arena, &value, NULL);
        check_get(code, value, held->model.values[family][key]);
        check_iterator(held->iterator, &held->model, held->family, held->prefix);
    }
    arena_reset(arena);
}

static void reopen(struct run *run)
{
    for (int i = 0; i < HELD_MAX; i++)
        release(run, &run->held[i]);
    kv_batch_free(run->batch);
    kv_close(run->fixture->kv);
    open_on_disk(run->fixture);
    run->batch = kv_batch_new(run->fixture->kv);
    run->with_batch = run->written;
}

static void step(struct run *run)
{
    uint32_t choice = random_below(100);
    if (choice < 60) {
        change_batch(run);
    } else if (choice < 85) {
        read_something(run);
    } else if (choice < 92) {
        write_batch(run->fixture, run->batch, choice == 91 && random_below(10) == 0);
        run->written = run->with_batch;
    } else if (choice < 94) {
        kv_batch_clear(run->batch);
        run->with_batch = run->written;
    } else if (choice < 99) {
        struct held *held = &run->held[random_below(HELD_MAX)];
        if (held->snapshot)
            release(run, held);
        else
            hold(run, held);
    } else if (run->fixture->on_disk && random_below(8) == 0) {
        reopen(run);
    }
}

static void random_operations_agree_with_a_model(void **state)
{
    make_keys();
    const char *chosen = getenv("PATRON_TEST_SEED");
    random_state = chosen ? strtoull(chosen, NULL, 10) : 20240607;
    print_message("PATRON_TEST_SEED=%llu\n", (unsigned long long)random_state);
    struct run *run = memory_alloc(sizeof *run);
    run->fixture = *state;
    run->batch = kv_batch_new(run->fixture->kv);
    for (int i = 0; i < 30000; i++)
        step(run);
    for (int i = 0; i < HELD_MAX; i++)
        release(run, &run->held[i]);
    kv_batch_free(run->batch);
    memory_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {CONFORMS(random_operations_agree_with_a_model)};
    int failed = cmocka_run_group_tests_name("kv in memory, at random", tests, choose_memory, NULL);
    failed += cmocka_run_group_tests_name("kv on disk, at random", tests, choose_disk, NULL);
    return failed != 0;
}
