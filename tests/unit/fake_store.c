#include "fake_store.h"

#include "store/sharing/sharing.h"

#include <stdatomic.h>

enum { FAKE_GENERATION = 1, FAKE_CUSTOMERS_MAX = 4096, FAKE_GROUPS_MAX = 200000 };

struct store {
    struct kv *kv;
    struct kv_batch *batch;
    const struct profile_home *home;
    int64_t newest_us;
    int64_t answered_until_us;
    /* The open group. */
    bool open;
    int64_t clock_us;
    int64_t floor_us;
    struct fake_group group;
    int64_t last_us;
    bool touched[FAKE_CUSTOMERS_MAX];
    /* The committed. */
    int64_t profile[FAKE_CUSTOMERS_MAX]; /* newest known_at; INT64_MIN: none */
    bool behind[FAKE_CUSTOMERS_MAX];
    size_t behind_count;
    size_t write_back_from;
    uint64_t events;
    struct fake_group *groups;
    size_t group_count;
    void (*on_commit)(void *context);
    void *on_commit_context;
};

static _Atomic int64_t parts_alive;

const struct profile_parts *profile_parts_retain(const struct profile_parts *parts)
{
    atomic_fetch_add(&((struct profile_parts *)(uintptr_t)parts)->references, 1);
    return parts;
}

void profile_parts_release(const struct profile_parts *parts)
{
    if (!parts || atomic_fetch_sub(&((struct profile_parts *)(uintptr_t)parts)->references, 1) != 1)
        return;
    memory_free((void *)(uintptr_t)parts);
    atomic_fetch_sub(&parts_alive, 1);
}

static const struct profile_parts *make_parts(int64_t known_at_us)
{
    size_t size = sizeof(struct profile_parts) + sizeof(struct profile_part) + 8;
    struct profile_parts *parts = memory_alloc(size);
    uint8_t *value = (uint8_t *)&parts->part[1];
    encode_time(value, known_at_us);
    parts->references = 1;
    parts->count = 1;
    parts->total_bytes = size;
    parts->part[0].value = bytes_of(value, 8);
    atomic_fetch_add(&parts_alive, 1);
    return parts;
}

int64_t fake_store_parts_alive(void)
{
    return atomic_load(&parts_alive);
}

struct store *fake_store_new(struct kv *kv, const struct profile_home *home)
{
    struct store *store = memory_alloc(sizeof *store);
    store->kv = kv;
    store->batch = kv_batch_new(kv);
    store->home = home;
    store->newest_us = INT64_MIN;
    store->answered_until_us = INT64_MIN;
    store->groups = memory_alloc(FAKE_GROUPS_MAX * sizeof *store->groups);
    for (size_t i = 0; i < FAKE_CUSTOMERS_MAX; i++)
        store->profile[i] = INT64_MIN;
    return store;
}

void fake_store_free(struct store *store)
{
    kv_batch_free(store->batch);
    memory_free(store->groups);
    memory_free(store);
}

const struct fake_group *fake_store_groups(const struct store *store, size_t *count)
{
    *count = store->group_count;
    return store->groups;
}

void fake_store_on_commit(struct store *store, void (*hook)(void *context), void *context)
{
    store->on_commit = hook;
    store->on_commit_context = context;
}

struct event_input fake_event(uint64_t customer, uint8_t id[8])
{
    encode_be64(id, customer);
    return (struct event_input){.type = bytes_from_string("order"), .id = bytes_of(id, 8)};
}

/* --- store.h ---------------------------------------------------------------------------------------------- */

int64_t store_newest_known_at(const struct store *store)
{
    return store->newest_us;
}

int64_t store_answered_until(const struct store *store)
{
    return store->answered_until_us;
}

enum patron_code store_answered_set(struct store *store, int64_t until_us, struct error *error)
{
    CHECK(!store->open);
    uint8_t value[8];
    encode_time(value, until_us);
    kv_batch_put(store->batch, KV_META, bytes_from_string("answered"), bytes_of(value, sizeof value));
    TRY(kv_write(store->kv, store->batch, true, error));
    store->answered_until_us = until_us;
    return PATRON_OK;
}

static int64_t later(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

int64_t store_group_begin(struct store *store, int64_t clock_us, int64_t floor_us, bool source_clock)
{
    CHECK(!store->open);
    store->open = true;
    store->clock_us = clock_us;
    store->floor_us = floor_us;
    store->last_us = store->newest_us;
    store->group = (struct fake_group){.source_clock = source_clock};
    int64_t first_us = later(store->newest_us + 1, floor_us);
    return source_clock ? first_us : later(first_us, clock_us);
}

enum patron_code store_group_add(
    struct store *store, const struct event_input *event, struct event_outcome *outcome, struct error *error)
{
    (void)error;
    CHECK(store->open);
    CHECK(event->has_known_at == store->group.source_clock);
    memset(outcome, 0, sizeof *outcome);
    outcome->fate = EVENT_REFUSED;
    if (bytes_is(event->type, "duplicate"))
        outcome->fate = EVENT_DUPLICATE;
    if (!bytes_is(event->type, "order"))
        return PATRON_OK;
    uint64_t customer = decode_be64(event->id.data);
    CHECK(customer < FAKE_CUSTOMERS_MAX);
    int64_t wanted_us = event->has_known_at ? event->known_at_us : store->clock_us;
    store->last_us = later(wanted_us, later(store->last_us + 1, store->floor_us));
    outcome->fate = EVENT_APPLIED;
    outcome->known_at_us = store->last_us;
    uint8_t key[16];
    encode_be64(key, customer);
    encode_time(key + 8, store->last_us);
    kv_batch_put(store->batch, KV_LOG, bytes_of(key, sizeof key), bytes_of(NULL, 0));
    store->group.events++;
    store->touched[customer] = true;
    store->profile[customer] = store->last_us;
    return PATRON_OK;
}

uint64_t store_group_size(const struct store *store)
{
    return store->group.events;
}

enum patron_code store_group_commit(struct store *store, struct error *error)
{
    CHECK(store->open);
    if (store->on_commit)
        store->on_commit(store->on_commit_context);
    if (kv_batch_count(store->batch) > 0)
        TRY(kv_write(store->kv, store->batch, true, error));
    store->open = false;
    store->newest_us = store->last_us;
    store->events += store->group.events;
    CHECK(store->group_count < FAKE_GROUPS_MAX);
    store->groups[store->group_count++] = store->group;
    for (uint64_t customer = 0; customer < FAKE_CUSTOMERS_MAX; customer++) {
        if (!store->touched[customer])
            continue;
        store->touched[customer] = false;
        if (!store->behind[customer])
            store->behind_count++;
        store->behind[customer] = true;
        if (store->home)
            store->home->functions->put(
                store->home, FAKE_GENERATION, customer, make_parts(store->profile[customer]), store->last_us);
    }
    return PATRON_OK;
}

enum patron_code store_write_back(struct store *store, size_t profiles_max, size_t *left, struct error *error)
{
    CHECK(!store->open);
    uint64_t written[FAKE_CUSTOMERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < FAKE_CUSTOMERS_MAX && count < profiles_max; i++) {
        uint64_t customer = store->write_back_from;
        store->write_back_from = (store->write_back_from + 1) % FAKE_CUSTOMERS_MAX;
        if (!store->behind[customer])
            continue;
        uint8_t key[8], value[8];
        encode_be64(key, customer);
        encode_time(value, store->profile[customer]);
        kv_batch_put(store->batch, KV_PROFILES, bytes_of(key, 8), bytes_of(value, 8));
        written[count++] = customer;
    }
    if (count > 0)
        TRY(kv_write(store->kv, store->batch, false, error));
    for (size_t i = 0; i < count; i++) {
        store->behind[written[i]] = false;
        if (store->home)
            store->home->functions->settled(store->home, FAKE_GENERATION, written[i]);
    }
    store->behind_count -= count;
    *left = store->behind_count;
    return PATRON_OK;
}

void store_view_take(struct store *store, struct view *view)
{
    *view = (struct view){
        .kv = store->kv,
        .snapshot = kv_snapshot_new(store->kv),
        .home = store->home,
        .position_us = store->newest_us,
    };
}

bool store_has_failed(const struct store *store)
{
    (void)store;
    return false;
}

void store_view_release(struct view *view)
{
    kv_snapshot_free(view->kv, (struct kv_snapshot *)(uintptr_t)view->snapshot);
}

void store_figures(const struct store *store, struct store_figures *figures)
{
    *figures = (struct store_figures){.events = store->events, .profiles_behind = store->behind_count};
}

/* --- what a reader sees ----------------------------------------------------------------------------------- */

static int64_t log_says(const struct view *view, uint64_t customer)
{
    uint8_t prefix[8], last[16];
    encode_be64(prefix, customer);
    memset(last, 0xff, sizeof last);
    memcpy(last, prefix, 8);
    struct kv_iterator *iterator = kv_iterator_new(view->kv, view->snapshot, KV_LOG, bytes_of(prefix, 8));
    kv_iterator_seek_last(iterator, bytes_of(last, 16));
    int64_t known_at_us = INT64_MIN;
    if (kv_iterator_valid(iterator))
        known_at_us = decode_time(kv_iterator_borrow_key(iterator).data + 8);
    kv_iterator_free(iterator);
    return known_at_us;
}

bool fake_store_reads_true(const struct view *view, uint64_t customer, struct arena *arena)
{
    int64_t expected_us = log_says(view, customer);
    int64_t read_us = INT64_MIN;
    bool found = false;
    const struct profile_parts *parts = NULL;
    if (view->home)
        parts = view->home->functions->get(view->home, FAKE_GENERATION, customer, view->position_us, &found);
    if (parts)
        read_us = decode_time(parts->part[0].value.data);
    profile_parts_release(parts);
    uint8_t key[8];
    encode_be64(key, customer);
    struct bytes value;
    if (!found &&
        kv_get(view->kv, view->snapshot, KV_PROFILES, bytes_of(key, 8), arena, &value, NULL) == PATRON_OK)
        read_us = decode_time(value.data);
    return read_us == expected_us && expected_us <= view->position_us;
}

int64_t fake_store_next_known_at(struct kv *kv, uint64_t customer, int64_t after_us)
{
    uint8_t key[16];
    encode_be64(key, customer);
    encode_time(key + 8, after_us + 1);
    struct kv_iterator *iterator = kv_iterator_new(kv, NULL, KV_LOG, bytes_of(key, 8));
    kv_iterator_seek(iterator, bytes_of(key, 16));
    int64_t next_us = INT64_MAX;
    if (kv_iterator_valid(iterator))
        next_us = decode_time(kv_iterator_borrow_key(iterator).data + 8);
    kv_iterator_free(iterator);
    return next_us;
}

/* --- shared costs: it has none ----------------------------------------------------------------------------------- */

int64_t store_sharing_due(const struct store *store)
{
    (void)store;
    return INT64_MAX;
}

struct sharing *sharing_new(struct store *store)
{
    (void)store;
    IMPOSSIBLE("no cost waits");
}

void sharing_free(struct sharing *sharing)
{
    CHECK(!sharing);
}

enum patron_code sharing_compute(
    struct sharing *sharing, const struct view *view, const atomic_bool *cancelled, struct error *error)
{
    (void)sharing, (void)view, (void)cancelled, (void)error;
    IMPOSSIBLE("no cost waits");
}

enum patron_code sharing_add(
    struct store *store, struct sharing *sharing, size_t most, bool *done, struct error *error)
{
    (void)store, (void)sharing, (void)most, (void)done, (void)error;
    IMPOSSIBLE("no cost waits");
}
