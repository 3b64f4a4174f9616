#include "store/store_internal.h"

enum patron_code lagging_newest(
    struct store *store, uint64_t customer, const struct profile_parts **parts, struct error *error)
{
    struct lagging *lagging;
    HASH_FIND(hh, store->lagging, &customer, sizeof customer, lagging);
    if (lagging) {
        *parts = lagging->newest ? profile_parts_retain(lagging->newest) : NULL;
        return PATRON_OK;
    }
    if (store->home) {
        bool found;
        *parts = store->home->functions->get(store->home, store->layout->generation, customer, INT64_MAX, &found);
        if (found)
            return PATRON_OK;
    }
    *parts = NULL;
    enum patron_code code = profile_rows_read(store->kv, NULL, store->layout->generation, customer, parts, error);
    return code == PATRON_NOT_FOUND ? PATRON_OK : code;
}

void lagging_set(struct store *store, uint64_t customer, const struct profile_parts *disk,
    const struct profile_parts *take_newest)
{
    struct lagging *lagging;
    HASH_FIND(hh, store->lagging, &customer, sizeof customer, lagging);
    if (!lagging) {
        lagging = memory_alloc(sizeof *lagging);
        lagging->generation = store->generation;
        lagging->customer = customer;
        lagging->disk = disk ? profile_parts_retain(disk) : NULL;
        lagging->since_us = store->group_first_us;
        HASH_ADD(hh, store->lagging, customer, sizeof lagging->customer, lagging);
        DL_APPEND(store->lagging_first, lagging);
        store->lagging_count++;
    }
    profile_parts_release(lagging->newest);
    lagging->newest = take_newest;
}

static void lagging_forget(struct store *store, struct lagging *lagging)
{
    HASH_DEL(store->lagging, lagging);
    DL_DELETE(store->lagging_first, lagging);
    store->lagging_count--;
    profile_parts_release(lagging->disk);
    profile_parts_release(lagging->newest);
    memory_free(lagging);
}

void lagging_forget_all(struct store *store)
{
    while (store->lagging_first)
        lagging_forget(store, store->lagging_first);
}

void lagging_outdate_all(struct store *store)
{
    HASH_CLEAR(hh, store->lagging);
    DL_CONCAT(store->outdated, store->lagging_first);
    store->lagging_first = NULL;
    store->lagging_count = 0;
}

bool lagging_outdated_drop(struct store *store, size_t most)
{
    if (!store->outdated)
        return false;
    for (; most > 0 && store->outdated; most--) {
        struct lagging *lagging = store->outdated;
        DL_DELETE(store->outdated, lagging);
        if (store->home)
            store->home->functions->settled(store->home, lagging->generation, lagging->customer);
        profile_parts_release(lagging->disk);
        profile_parts_release(lagging->newest);
        memory_free(lagging);
    }
    return true;
}

enum patron_code store_write_back(struct store *store, size_t profiles_max, size_t *left, struct error *error)
{
    CHECK(!store->group_open);
    CHECK(!store->failed); /* what failed is still in the batch */
    size_t written = 0;
    struct lagging *lagging;
    DL_FOREACH(store->lagging_first, lagging)
    {
        if (written == profiles_max)
            break;
        profile_rows_write(store->batch, store->layout->generation, lagging->customer, lagging->disk, lagging->newest);
        written++;
    }
    *left = store->lagging_count - written;
    if (*left == 0)
        drift_write(store->drift, store->batch);
    if (written > 0) {
        store->folded_to_us = lagging ? lagging->since_us - 1 : store->newest_us;
        state_put(store);
    }
    if (kv_batch_count(store->batch) == 0)
        return PATRON_OK;
    /* not synced: the log can fold these rows anew, and folded_to goes with them or not at all */
    enum patron_code code = kv_write(store->kv, store->batch, false, error);
    if (code != PATRON_OK) {
        store->failed = true;
        return code;
    }
    for (; written > 0; written--) {
        uint64_t customer = store->lagging_first->customer;
        lagging_forget(store, store->lagging_first);
        if (store->home)
            store->home->functions->settled(store->home, store->layout->generation, customer);
    }
    return PATRON_OK;
}
