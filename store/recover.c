/* What is left to be folded when a store is opened: the profiles of the customers in the tail of the log that the rows
 * had not reached when the process ended, or every profile when the definitions have changed. */
#include "store/store_internal.h"

#include "store/timeline/fold.h"

/* Rows written between two writes of the batch: bounds its memory. */
enum { RECOVER_BATCH_BYTES = 4 * 1024 * 1024, PROGRESS_EVERY = 4096 };

struct recovery {
    struct store *store;
    struct view view;
    struct arena arena;
    uint64_t done;
    uint64_t total;
};

static enum patron_code recovery_flush(struct recovery *recovery, size_t bytes_at_least, struct error *error)
{
    if (kv_batch_bytes(recovery->store->batch) < bytes_at_least || kv_batch_count(recovery->store->batch) == 0)
        return PATRON_OK;
    return kv_write(recovery->store->kv, recovery->store->batch, false, error);
}

/* The rows become what a fold from the events gives; none for a customer that is no more. */
static enum patron_code customer_refold(struct recovery *recovery, uint64_t customer, struct error *error)
{
    arena_reset(&recovery->arena);
    struct profile profile;
    uint64_t events = 0;
    const struct profile_parts *disk = NULL, *wanted = NULL;
    uint32_t generation = recovery->view.layout->generation;
    enum patron_code code = profile_rows_read(recovery->store->kv, NULL, generation, customer, &disk, error);
    if (code == PATRON_OK || code == PATRON_NOT_FOUND) {
        code = fold_current(&recovery->view, customer, &recovery->arena, &profile, &events, error);
        if (code == PATRON_OK)
            wanted = profile_encode(&profile);
        if (code == PATRON_OK || code == PATRON_NOT_FOUND) {
            profile_rows_write(recovery->store->batch, generation, customer, disk, wanted);
            code = recovery_flush(recovery, RECOVER_BATCH_BYTES, error);
        }
    }
    profile_parts_release(disk);
    profile_parts_release(wanted);
    recovery->done++;
    if (recovery->store->progress && recovery->done % PROGRESS_EVERY == 0)
        recovery->store->progress(
            recovery->store->progress_context, "folding profiles", recovery->done, recovery->total);
    return code;
}

struct customer_mark {
    uint64_t customer;
    UT_hash_handle hh;
};

static void mark(struct customer_mark **marks, uint64_t customer)
{
    struct customer_mark *found;
    HASH_FIND(hh, *marks, &customer, sizeof customer, found);
    if (found)
        return;
    found = memory_alloc(sizeof *found);
    found->customer = customer;
    HASH_ADD(hh, *marks, customer, sizeof found->customer, found);
}

/* The customers that entries after folded_to touched. */
static enum patron_code tail_mark(struct recovery *recovery, struct customer_mark **marks, struct error *error)
{
    uint8_t from[8];
    encode_time(from, recovery->store->folded_to_us + 1);
    struct kv_iterator *rows = kv_iterator_new(recovery->store->kv, NULL, KV_LOG, (struct bytes){0});
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(from, sizeof from)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct log_entry entry;
        arena_reset(&recovery->arena);
        code = log_decode(
            kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &recovery->arena, &entry, error);
        if (code != PATRON_OK)
            goto free_rows;
        if (entry.kind != LOG_EVENT)
            continue;
        uint64_t customer;
        code = membership_at(recovery->store->kv, NULL, entry.node, INT64_MAX, &customer, error);
        if (code == PATRON_NOT_FOUND)
            code = error_set(error, PATRON_CORRUPT, "the log names node %llu, which has no customer",
                (unsigned long long)entry.node);
        if (code != PATRON_OK)
            goto free_rows;
        mark(marks, customer);
        for (size_t i = 0; i < entry.merged_count; i++)
            mark(marks, entry.merged[i]);
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

static enum patron_code tail_refold(struct recovery *recovery, struct error *error)
{
    struct customer_mark *marks = NULL, *mark_at, *next;
    enum patron_code code = tail_mark(recovery, &marks, error);
    recovery->total = HASH_COUNT(marks);
    HASH_ITER(hh, marks, mark_at, next)
    {
        if (code == PATRON_OK)
            code = customer_refold(recovery, mark_at->customer, error);
        HASH_DEL(marks, mark_at);
        memory_free(mark_at);
    }
    return code;
}

/* Every customer that has ever been: the living ones get new rows, those merged away lose any they still have. */
static enum patron_code all_refold(struct recovery *recovery, struct error *error)
{
    struct kv_snapshot *snapshot = kv_snapshot_new(recovery->store->kv);
    struct kv_iterator *rows = kv_iterator_new(recovery->store->kv, snapshot, KV_MEMBERS, (struct bytes){0});
    enum patron_code code = PATRON_OK;
    uint64_t last = 0; /* nodes are numbered from 1 */
    recovery->total = recovery->store->last_node;
    for (kv_iterator_seek(rows, (struct bytes){0}); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct member member;
        code = member_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &member, error);
        if (code == PATRON_OK && member.customer != last)
            code = customer_refold(recovery, member.customer, error);
        if (code != PATRON_OK)
            goto free_rows;
        last = member.customer;
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    kv_snapshot_free(recovery->store->kv, snapshot);
    return code;
}

enum patron_code store_recover(struct store *store, struct error *error)
{
    bool all = store->profiles_version != store->definitions->version;
    if (!all && store->folded_to_us >= store->newest_us)
        return PATRON_OK;
    struct recovery recovery = {.store = store};
    recovery.view = (struct view){.kv = store->kv,
        .definitions = store->definitions,
        .layout = store->layout,
        .key = store->key,
        .position_us = store->newest_us};
    enum patron_code code = all ? all_refold(&recovery, error) : tail_refold(&recovery, error);
    arena_clear(&recovery.arena);
    TRY(code);
    store->profiles_version = store->definitions->version;
    store->folded_to_us = store->newest_us;
    state_put(store);
    return kv_write(store->kv, store->batch, true, error);
}
