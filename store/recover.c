/* What is left to be folded when a store is opened: the profiles of the customers in the tail of the log that the rows
 * had not reached when the process ended; and, unless somebody does it beside the serving, what refill.h says. */
#include "store/versions/refill.h"

#include "store/store_internal.h"
#include "store/timeline/fold.h"

/* Rows written between two writes of the batch: bounds its memory. */
enum { RECOVER_BATCH_BYTES = 4 * 1024 * 1024, PROGRESS_EVERY = 4096, SWEEP_ROWS = 10000 };

struct recovery {
    struct store *store;
    struct view view;
    struct arena arena;
    uint64_t done;
    uint64_t total;
};

static void progress_tell(const struct store *store, const char *what, uint64_t done, uint64_t total)
{
    if (store->progress)
        store->progress(store->progress_context, what, done, total);
}

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
    if (recovery->done % PROGRESS_EVERY == 0)
        progress_tell(recovery->store, "folding profiles", recovery->done, recovery->total);
    return code;
}

void customer_mark(struct customer_mark **marks, uint64_t customer)
{
    struct customer_mark *found;
    HASH_FIND(hh, *marks, &customer, sizeof customer, found);
    if (found)
        return;
    found = memory_alloc(sizeof *found);
    found->customer = customer;
    HASH_ADD(hh, *marks, customer, sizeof found->customer, found);
}

bool customer_unmark(struct customer_mark **marks, uint64_t *customer)
{
    struct customer_mark *first = *marks;
    if (!first)
        return false;
    *customer = first->customer;
    HASH_DEL(*marks, first);
    memory_free(first);
    return true;
}

/* The customers that it touched: those that came out of a split, or the one that its node belongs to now and those that
 * gave up their id. Where the node has left since, another entry of the tail tells. */
static enum patron_code entry_mark(const struct recovery *recovery, const struct log_entry *entry,
    struct customer_mark **marks, struct error *error)
{
    for (size_t i = 0; i < entry->merged_count; i++)
        customer_mark(marks, entry->merged[i]);
    for (size_t i = 0; i < entry->change.part_count; i++)
        customer_mark(marks, entry->change.parts[i]);
    if (entry->change.part_count > 0)
        return PATRON_OK;
    uint64_t customer;
    enum patron_code code = membership_at(recovery->store->kv, NULL, entry->node, INT64_MAX, &customer, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "the log names node %llu, which has no customer",
            (unsigned long long)entry->node);
    TRY(code);
    customer_mark(marks, customer);
    return PATRON_OK;
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
        if (log_entry_folds(&entry))
            code = entry_mark(recovery, &entry, marks, error);
        if (code != PATRON_OK)
            goto free_rows;
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

static enum patron_code tail_refold(struct recovery *recovery, struct error *error)
{
    struct customer_mark *marks = NULL;
    enum patron_code code = tail_mark(recovery, &marks, error);
    recovery->total = HASH_COUNT(marks);
    for (uint64_t customer; customer_unmark(&marks, &customer);)
        if (code == PATRON_OK)
            code = customer_refold(recovery, customer, error);
    return code;
}

enum patron_code store_recover(struct store *store, struct error *error)
{
    if (store->folded_to_us >= store->newest_us)
        return PATRON_OK;
    struct recovery recovery = {.store = store};
    recovery.view = (struct view){.kv = store->kv,
        .definitions = store->definitions,
        .layout = store->layout,
        .versions = store->versions,
        .key = store->key,
        .position_us = store->newest_us};
    enum patron_code code = tail_refold(&recovery, error);
    arena_clear(&recovery.arena);
    TRY(code);
    store->folded_to_us = store->newest_us;
    state_put(store);
    return kv_write(store->kv, store->batch, true, error);
}

static enum patron_code refill_run(struct store *store, struct refill *refill, struct error *error)
{
    struct view newest = {
        .kv = store->kv, .versions = store->versions, .key = store->key, .position_us = store->newest_us};
    uint64_t told = 0;
    for (bool reached = false; !reached;) {
        TRY(refill_step(refill, &newest, 0, &reached, error));
        TRY(refill_write(store, refill, error));
        struct refill_figures figures;
        refill_figures(refill, &figures);
        if (figures.nodes - told >= PROGRESS_EVERY) {
            progress_tell(store, "folding profiles", figures.nodes, figures.nodes_total);
            told = figures.nodes;
        }
    }
    bool done;
    TRY(refill_finish(store, refill, SIZE_MAX, &done, error));
    CHECK(done);
    return PATRON_OK;
}

enum patron_code store_refill_now(struct store *store, struct error *error)
{
    struct refill *refill = refill_new(store);
    enum patron_code code = refill ? refill_run(store, refill, error) : PATRON_OK;
    refill_free(refill);
    for (bool left = true; code == PATRON_OK && left;)
        code = store_sweep(store, SWEEP_ROWS, &left, error);
    return code;
}
