/* What a step makes lies in the refill's own batch until the writer has written it; the row "refill" (versions.c) goes
 * with it. Steps read the rows that the ones before have written in the newest state of the engine, and everything else
 * in the view's. */
#include "store/versions/refill.h"

#include "store/store_internal.h"
#include "store/timeline/fold.h"
#include "store/versions/versions.h"

/* What one write to the engine may hold the writer up for: a millisecond or so, and a few while following, where every
 * step waits for a group's sync, and one that is larger writes a customer of many entries once. */
enum { STEP_BYTES = 256 * 1024, STEP_MOST = 512, FOLLOW_BYTES = 1024 * 1024, FOLLOW_MOST = 4096 };

struct refill {
    struct version *version;
    struct kv_batch *batch;
    struct refill_state state; /* once the batch is written */
    int64_t pinned_us;         /* the position that the customers are folded at; INT64_MIN: none yet */
    bool catching_up;          /* the customers up to the cursor are being folded anew at … */
    int64_t catching_up_to_us;
    int64_t caught_up_us;      /* entries up to here were looked at for that */
    size_t touched_bytes;      /* of the profiles that the entries of a step are applied to */
    int64_t counted_us;        /* figures.behind was counted up to here; INT64_MIN: not yet */
    struct arena arena;
    struct refill_figures figures;
};

struct refill *refill_new(struct store *store)
{
    if (!store_is_refilling(store))
        return NULL;
    struct refill *refill = memory_alloc(sizeof *refill);
    refill->version = version_retain(versions_newest(store->versions));
    refill->batch = kv_batch_new(store->kv);
    refill->state = store->refill;
    refill->pinned_us = INT64_MIN;
    refill->counted_us = INT64_MIN;
    refill->figures = (struct refill_figures){.version = refill->version->number, .nodes_total = store->last_node};
    return refill;
}

void refill_free(struct refill *refill)
{
    if (!refill)
        return;
    kv_batch_free(refill->batch);
    version_release(refill->version);
    arena_clear(&refill->arena);
    memory_free(refill);
}

void refill_figures(const struct refill *refill, struct refill_figures *figures)
{
    *figures = refill->figures;
    figures->following = !refill->state.filling;
    figures->nodes = refill->state.filling ? refill->state.cursor : figures->nodes_total;
    if (figures->nodes > figures->nodes_total)
        figures->nodes = figures->nodes_total;
}

/* The same position under the new version's eyes. */
static struct view view_under(const struct refill *refill, const struct view *view)
{
    struct view under = *view;
    under.definitions = refill->version->definitions;
    under.layout = refill->version->layout;
    under.home = NULL;
    return under;
}

/* --- folding customers ----------------------------------------------------------------------------------------- */

/* The customer's rows become the fold of its events at the view; none for one that is no more. */
static enum patron_code customer_fold(
    struct refill *refill, const struct view *under, uint64_t customer, bool may_have_rows, struct error *error)
{
    arena_reset(&refill->arena);
    uint32_t generation = refill->version->number;
    const struct profile_parts *disk = NULL, *wanted = NULL;
    if (may_have_rows) {
        enum patron_code code = profile_rows_read(under->kv, NULL, generation, customer, &disk, error);
        if (code != PATRON_OK && code != PATRON_NOT_FOUND)
            return code;
    }
    struct profile profile;
    enum patron_code code =
        fold_current(under, customer, &refill->arena, &profile, &refill->figures.events, error);
    if (code == PATRON_OK) {
        wanted = profile_encode(&profile);
        refill->figures.customers++;
    }
    if (code == PATRON_OK || code == PATRON_NOT_FOUND) {
        profile_rows_write(refill->batch, generation, customer, disk, wanted);
        code = PATRON_OK;
    }
    profile_parts_release(disk);
    profile_parts_release(wanted);
    return code;
}

/* Goes on with the customers after the cursor. */
static enum patron_code fill_step(struct refill *refill, const struct view *under, size_t most, struct error *error)
{
    uint8_t from[8];
    encode_be64(from, refill->state.cursor + 1);
    struct kv_iterator *rows = kv_iterator_new(under->kv, under->snapshot, KV_MEMBERS, (struct bytes){0});
    enum patron_code code = PATRON_OK;
    kv_iterator_seek(rows, bytes_of(from, sizeof from));
    for (size_t folded = 0; kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct member member;
        code = member_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &member, error);
        if (code == PATRON_OK && member.customer == refill->state.cursor)
            continue;
        if (code == PATRON_OK && (folded == most || kv_batch_bytes(refill->batch) >= STEP_BYTES))
            goto free_rows;
        if (code == PATRON_OK)
            code = customer_fold(refill, under, member.customer, false, error);
        if (code != PATRON_OK)
            goto free_rows;
        refill->state.cursor = member.customer;
        folded++;
    }
    code = kv_iterator_status(rows, error);
    if (code == PATRON_OK)
        refill->state.filling = false;
free_rows:
    kv_iterator_free(rows);
    return code;
}

/* --- the log's entries ----------------------------------------------------------------------------------------- */

static struct kv_iterator *entries_after(const struct view *view, int64_t position_us)
{
    uint8_t from[8];
    encode_time(from, position_us + 1);
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_LOG, (struct bytes){0});
    kv_iterator_seek(rows, bytes_of(from, sizeof from));
    return rows;
}

static enum patron_code entry_customer(
    const struct view *view, const struct log_entry *entry, uint64_t *customer, struct error *error)
{
    enum patron_code code =
        membership_at(view->kv, view->snapshot, entry->node, entry->known_at_us + 1, customer, error);
    if (code == PATRON_NOT_FOUND)
        code = error_set(error, PATRON_CORRUPT, "the log names node %llu, which has no customer",
            (unsigned long long)entry->node);
    return code;
}

/* The customers that an entry touched. */
static enum patron_code entry_mark(const struct view *under, const struct log_entry *entry,
    struct customer_mark **marks, struct error *error)
{
    for (size_t i = 0; i < entry->merged_count; i++)
        customer_mark(marks, entry->merged[i]);
    for (size_t i = 0; i < entry->change.part_count; i++)
        customer_mark(marks, entry->change.parts[i]);
    if (entry->change.part_count > 0)
        return PATRON_OK;
    uint64_t customer;
    TRY(entry_customer(under, entry, &customer, error));
    customer_mark(marks, customer);
    return PATRON_OK;
}

/* After a crash the filling goes on at a later position. Customers that were done and are named by the log since are
 * folded at that one too: a step's worth of entries at a time, each customer once in it. */
static enum patron_code catch_up_step(
    struct refill *refill, const struct view *under, size_t most, struct error *error)
{
    struct kv_iterator *rows = entries_after(under, refill->caught_up_us);
    struct customer_mark *marks = NULL;
    struct arena arena = {0};
    enum patron_code code = PATRON_OK;
    size_t entries = 0;
    for (; code == PATRON_OK && kv_iterator_valid(rows) && entries < most; kv_iterator_next(rows), entries++) {
        struct log_entry entry;
        arena_reset(&arena);
        code = log_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &arena, &entry, error);
        if (code != PATRON_OK)
            break;
        refill->caught_up_us = entry.known_at_us;
        if (log_entry_folds(&entry))
            code = entry_mark(under, &entry, &marks, error);
    }
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    if (code == PATRON_OK && !kv_iterator_valid(rows)) {
        refill->catching_up = false;
        refill->pinned_us = refill->state.position_us = under->position_us;
    }
    kv_iterator_free(rows);
    arena_clear(&arena);
    for (uint64_t customer; customer_unmark(&marks, &customer);)
        if (code == PATRON_OK && customer <= refill->state.cursor)
            code = customer_fold(refill, under, customer, true, error);
    return code;
}

static void catch_up_begin(struct refill *refill, const struct view *view)
{
    if (refill->state.cursor == 0) {
        refill->pinned_us = refill->state.position_us = view->position_us;
        return;
    }
    refill->catching_up = true;
    refill->catching_up_to_us = view->position_us;
    refill->caught_up_us = refill->state.position_us;
}

/* A profile of the new generation, as the entries so far have left it. */
static enum patron_code profile_touch(struct refill *refill, const struct view *under, struct touched **all,
    uint64_t customer, struct touched **touched, struct error *error)
{
    HASH_FIND(hh, *all, &customer, sizeof customer, *touched);
    if (*touched)
        return PATRON_OK;
    const struct profile_parts *before = NULL;
    enum patron_code code =
        profile_rows_read(under->kv, NULL, refill->version->number, customer, &before, error);
    if (code != PATRON_OK && code != PATRON_NOT_FOUND)
        return code;
    struct touched *made = arena_alloc(&refill->arena, sizeof *made);
    made->customer = customer;
    made->before = before;
    refill->touched_bytes += before ? before->total_bytes : 0;
    HASH_ADD(hh, *all, customer, sizeof made->customer, made);
    *touched = made;
    if (!before)
        return PATRON_OK;
    made->profile = arena_alloc(&refill->arena, sizeof *made->profile);
    return profile_decode(made->profile, under->layout, before, &refill->arena, error);
}

/* As the writer did it: customers that gave up their id are merged in, and the profile moves on to the entry. */
static enum patron_code entry_merge(struct refill *refill, const struct view *under, struct touched **all,
    const struct log_entry *entry, struct profile **profile, struct error *error)
{
    uint64_t customer;
    TRY(entry_customer(under, entry, &customer, error));
    struct touched *touched;
    TRY(profile_touch(refill, under, all, customer, &touched, error));
    if (!touched->profile) {
        touched->profile = arena_alloc(&refill->arena, sizeof *touched->profile);
        profile_init(touched->profile, under->layout, &refill->arena);
    } else if (touched->profile->position_us >= entry->known_at_us) {
        return error_set(error, PATRON_CORRUPT, "a profile of customer %llu that is being filled is ahead of the log",
            (unsigned long long)customer);
    }
    for (size_t i = 0; i < entry->merged_count; i++) {
        struct touched *gone;
        TRY(profile_touch(refill, under, all, entry->merged[i], &gone, error));
        if (gone->profile)
            profile_merge(touched->profile, gone->profile);
        gone->profile = NULL;
    }
    profile_advance(touched->profile, entry->known_at_us);
    *profile = touched->profile;
    return PATRON_OK;
}

/* What a customer's profile holds cannot be taken apart: each part is folded anew, as it was right after the entry. */
static enum patron_code entry_split(struct refill *refill, const struct view *under, struct touched **all,
    const struct log_entry *entry, struct error *error)
{
    for (size_t i = 0; i < entry->change.part_count; i++) {
        uint64_t customer = entry->change.parts[i];
        struct touched *touched;
        TRY(profile_touch(refill, under, all, customer, &touched, error));
        touched->profile = arena_alloc(&refill->arena, sizeof *touched->profile);
        enum patron_code code = fold_after(under, customer, entry->known_at_us, &refill->arena, touched->profile,
            &refill->figures.events, error);
        if (code == PATRON_NOT_FOUND)
            return error_set(error, PATRON_CORRUPT, "the log names customer %llu as a part, and it has no members",
                (unsigned long long)customer);
        TRY(code);
    }
    return PATRON_OK;
}

static enum patron_code entry_apply(struct refill *refill, const struct view *under, struct touched **all,
    const struct log_entry *entry, struct error *error)
{
    struct profile *profile;
    if (entry->change.part_count > 0)
        return entry_split(refill, under, all, entry, error);
    if (entry->kind == LOG_IDENTITY)
        return entry_merge(refill, under, all, entry, &profile, error);
    struct event event;
    TRY(entry_event(under, entry, &refill->arena, &event, error));
    TRY(entry_merge(refill, under, all, entry, &profile, error));
    profile_apply(profile, &event);
    refill->figures.events++;
    return PATRON_OK;
}

/* Applies the entries after the position, at most so many, or as suit a step if not SIZE_MAX, and puts what comes of it
 * into the batch. */
static enum patron_code entries_apply(struct refill *refill, const struct view *under, struct kv_batch *batch,
    size_t entries_max, bool *reached, struct error *error)
{
    arena_reset(&refill->arena);
    struct kv_iterator *rows = entries_after(under, refill->state.position_us);
    struct touched *all = NULL, *touched, *next;
    enum patron_code code = PATRON_OK;
    size_t i = 0;
    refill->touched_bytes = 0;
    for (; code == PATRON_OK && i < entries_max && kv_iterator_valid(rows); kv_iterator_next(rows), i++) {
        if (entries_max != SIZE_MAX && refill->touched_bytes >= FOLLOW_BYTES)
            break;
        struct log_entry entry;
        code = log_decode(
            kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &refill->arena, &entry, error);
        if (code == PATRON_OK && log_entry_folds(&entry))
            code = entry_apply(refill, under, &all, &entry, error);
        if (code == PATRON_OK)
            refill->state.position_us = entry.known_at_us;
    }
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    *reached = code == PATRON_OK && !kv_iterator_valid(rows);
    kv_iterator_free(rows);
    refill->figures.entries += i;
    refill->figures.behind -= i < refill->figures.behind ? i : refill->figures.behind;
    for (touched = all; touched && code == PATRON_OK; touched = touched->hh.next) {
        const struct profile_parts *wanted = touched->profile ? profile_encode(touched->profile) : NULL;
        profile_rows_write(batch, refill->version->number, touched->customer, touched->before, wanted);
        profile_parts_release(wanted);
    }
    /* only now: a profile that took in another one points into both their parts */
    HASH_ITER(hh, all, touched, next)
    {
        HASH_DEL(all, touched);
        profile_parts_release(touched->before);
    }
    if (*reached)
        refill->state.position_us = under->position_us;
    return code;
}

/* How many there are after the position; counting ends past `most`. *splits, if wanted: is a split among them? */
static enum patron_code entries_count(const struct view *view, int64_t position_us, size_t most, size_t *count,
    bool *splits, struct error *error)
{
    struct kv_iterator *rows = entries_after(view, position_us);
    struct arena arena = {0};
    enum patron_code code = PATRON_OK;
    *count = 0;
    for (; code == PATRON_OK && kv_iterator_valid(rows) && *count <= most; kv_iterator_next(rows)) {
        struct log_entry entry;
        ++*count;
        if (!splits)
            continue;
        arena_reset(&arena);
        code = log_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &arena, &entry, error);
        *splits = *splits || (code == PATRON_OK && entry.change.part_count > 0);
    }
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    arena_clear(&arena);
    return code;
}

static enum patron_code follow_step(
    struct refill *refill, const struct view *under, size_t most, bool *reached, struct error *error)
{
    if (refill->counted_us != under->position_us) {
        size_t behind;
        TRY(entries_count(under, refill->state.position_us, SIZE_MAX - 1, &behind, NULL, error));
        refill->figures.behind = behind;
        refill->counted_us = under->position_us;
    }
    return entries_apply(refill, under, refill->batch, most, reached, error);
}

/* --- the steps ------------------------------------------------------------------------------------------------- */

enum patron_code refill_step(
    struct refill *refill, const struct view *view, size_t most, bool *reached, struct error *error)
{
    if (most == 0)
        most = refill->state.filling ? STEP_MOST : FOLLOW_MOST;
    CHECK(kv_batch_count(refill->batch) == 0);
    struct view under = view_under(refill, view);
    *reached = false;
    bool begins = refill->catching_up ? refill->catching_up_to_us != view->position_us
                                      : refill->pinned_us != view->position_us;
    if (refill->state.filling && begins)
        catch_up_begin(refill, view);
    if (refill->state.filling && refill->catching_up)
        TRY(catch_up_step(refill, &under, most, error));
    else if (refill->state.filling)
        TRY(fill_step(refill, &under, most, error));
    else
        TRY(follow_step(refill, &under, most, reached, error));
    refill_state_put(refill->batch, &refill->state);
    return PATRON_OK;
}

static enum patron_code superseded_check(
    const struct store *store, const struct refill *refill, struct error *error)
{
    if (store->refill.version == refill->version->number)
        return PATRON_OK;
    return error_set(error, PATRON_CANCELLED, "a newer version than %u of the definitions has come",
        refill->version->number);
}

enum patron_code refill_write(struct store *store, struct refill *refill, struct error *error)
{
    CHECK(!store->failed);
    TRY(superseded_check(store, refill, error));
    enum patron_code code = kv_write(store->kv, refill->batch, false, error);
    if (code == PATRON_OK)
        store->refill = refill->state;
    store->failed = store->failed || code != PATRON_OK;
    return code;
}

enum patron_code refill_finish(
    struct store *store, struct refill *refill, size_t entries_max, bool *done, struct error *error)
{
    CHECK(!store->group_open && !store->failed);
    TRY(superseded_check(store, refill, error));
    CHECK(!refill->state.filling && kv_batch_count(refill->batch) == 0);
    struct view newest = {
        .kv = store->kv, .versions = store->versions, .key = store->key, .position_us = store->newest_us};
    struct view under = view_under(refill, &newest);
    *done = false;
    bool reached = false;
    bool splits = false; /* the parts of one are folded by a step: that may take long */
    size_t left;
    TRY(entries_count(&under, refill->state.position_us, entries_max, &left, &splits, error));
    if (left > entries_max || splits)
        return PATRON_OK;
    enum patron_code code = entries_apply(refill, &under, store->batch, SIZE_MAX, &reached, error);
    if (code == PATRON_OK) {
        CHECK(reached);
        kv_batch_delete(store->batch, KV_META, bytes_from_string("refill"));
        store->serving_number = store->generation = refill->version->number;
        store->folded_to_us = store->newest_us;
        state_put(store);
        code = kv_write(store->kv, store->batch, true, error);
    }
    if (code != PATRON_OK) { /* what failed is in the batch still */
        store->failed = true;
        return code;
    }
    lagging_outdate_all(store);
    version_serve_newest(store);
    store->sweep_from_length = 0;
    *done = true;
    return PATRON_OK;
}

/* --- sweeping -------------------------------------------------------------------------------------------------- */

static bool generation_is_needed(const struct store *store, uint32_t generation)
{
    return generation == store->generation || generation == store->refill.version;
}

/* Puts deletes of up to `rows_max` rows into the batch, from where the last sweep ended. */
static enum patron_code rows_sweep(struct store *store, size_t rows_max, bool *left, struct error *error)
{
    struct kv_iterator *rows = kv_iterator_new(store->kv, NULL, KV_PROFILES, (struct bytes){0});
    kv_iterator_seek(rows, bytes_of(store->sweep_from, store->sweep_from_length));
    size_t swept = 0;
    while (kv_iterator_valid(rows) && swept < rows_max) {
        struct bytes key = kv_iterator_borrow_key(rows);
        uint32_t generation = key.length == PROFILE_KEY_BYTES ? profile_key_generation(key) : 0;
        if (generation_is_needed(store, generation)) {
            uint8_t next[PROFILE_KEY_BYTES];
            profile_key_encode(generation + 1, 0, 0, next);
            kv_iterator_seek(rows, bytes_of(next, sizeof next));
            continue;
        }
        kv_batch_delete(store->batch, KV_PROFILES, key);
        if (key.length == PROFILE_KEY_BYTES) {
            memcpy(store->sweep_from, key.data, PROFILE_KEY_BYTES);
            store->sweep_from_length = PROFILE_KEY_BYTES;
        }
        swept++;
        kv_iterator_next(rows);
    }
    *left = kv_iterator_valid(rows);
    enum patron_code code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    return code;
}

enum patron_code store_sweep(struct store *store, size_t rows_max, bool *left, struct error *error)
{
    CHECK(!store->group_open && !store->failed);
    *left = false;
    if (lagging_outdated_drop(store, rows_max)) {
        *left = true;
        return PATRON_OK;
    }
    enum patron_code code = rows_sweep(store, rows_max, left, error);
    if (code == PATRON_OK && kv_batch_count(store->batch) > 0)
        code = kv_write(store->kv, store->batch, false, error);
    store->failed = store->failed || code != PATRON_OK;
    if (code == PATRON_OK && !*left)
        store->sweep_from_length = 0;
    return code;
}
