/* snapshot: rows for a spine, each as of its own T, through the same fold and evaluate as every read.
 *
 * Happy path: the spine's rows are had in order of (customer as of T, T, spine row). A generated spine gets that order
 * by walking `members`; a given one is resolved row by row into a scratch store and sorted there, so that memory does
 * not grow with the spine. For each customer one profile is folded forward: events are applied in the order they became
 * known (or their node joined), and each T is answered on the way; an event dated after T waits in `pending` as it did
 * online. Where a node has departed since the last T, the fold begins anew.
 *
 * A customer with more than STRETCH_EVENTS_MAX events is folded anew for each T instead, streaming: its events would
 * not fit the memory bound. */
#include "store/features/profile.h"
#include "store/read.h"
#include "store/timeline/fold.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/base/time_text.h"

enum { STRETCH_EVENTS_MAX = 200000, SPINE_KEY_BYTES = 24, SPINE_BATCH_BYTES = 1024 * 1024 };

struct known_event {
    int64_t joined_us; /* applied for T > this: max(known_at, the member's since) */
    uint32_t member;
    struct event event;
};

struct question {
    int64_t as_of_us;
    uint64_t spine_row;
};

struct snapshot {
    struct snapshot_options options;
    int64_t *every_us; /* copy of the options' */

    struct kv *scratch; /* a given spine, sorted */
    struct kv_batch *scratch_batch;
    uint64_t spine_rows;

    struct kv_iterator *walk; /* over `members`, or over the scratch store */
    bool started;
    bool walk_ended;

    /* the customer at hand */
    struct arena arena;
    uint64_t customer;
    struct member *members;
    size_t member_count;
    bool loaded; /* events are in memory */
    struct known_event *events;
    size_t event_count;
    size_t event_next;
    bool stretch_open;
    int64_t stretch_last_us;
    struct profile profile;
    size_t every_next;
    struct arena fold_arena;

    struct arena row_arena;
    struct value *values;
};

/* The lists of a selection live as long as the call's arena, and a snapshot is read by more than one. */
static void selection_copy(struct selection *selection)
{
    uint32_t *features = memory_alloc(selection->count * sizeof *features);
    memcpy(features, selection->features, selection->count * sizeof *features);
    selection->features = features;
    if (selection->needed) {
        uint32_t *needed = memory_alloc(selection->needed_count * sizeof *needed);
        memcpy(needed, selection->needed, selection->needed_count * sizeof *needed);
        selection->needed = needed;
    }
    if (selection->fallbacks) {
        const struct value **fallbacks = memory_alloc(selection->count * sizeof *fallbacks);
        memcpy(fallbacks, selection->fallbacks, selection->count * sizeof *fallbacks);
        selection->fallbacks = fallbacks;
    }
}

enum patron_code snapshot_new(
    const struct snapshot_options *options, struct snapshot **snapshot, struct error *error)
{
    struct snapshot *made = memory_alloc(sizeof *made);
    made->options = *options;
    selection_copy(&made->options.selection);
    made->values = memory_alloc(options->selection.count * sizeof *made->values);
    made->customer = UINT64_MAX;
    if (options->every_customer_at_us) {
        size_t every = options->every_customer_at_count;
        made->every_us = memory_alloc(every * sizeof *made->every_us);
        memcpy(made->every_us, options->every_customer_at_us, every * sizeof *made->every_us);
        made->every_next = every;
        for (size_t i = 0; i < every; i++) {
            int64_t at_us = made->every_us[i];
            enum patron_code code = PATRON_OK;
            if (i > 0 && at_us <= made->every_us[i - 1])
                code = error_set(error, PATRON_INVALID, "the moments of a generated spine must ascend");
            else if (at_us < EVENT_TIME_MIN_US || at_us > EVENT_TIME_MAX_US)
                code = error_set(error, PATRON_OUT_OF_RANGE, "a time to read as of must lie between 1900 and 2200");
            else if (options->latest_us != 0 && at_us > options->latest_us)
                code = error_set(error, PATRON_OUT_OF_RANGE, "a moment of the spine lies after what is known yet");
            if (code != PATRON_OK) {
                snapshot_free(made);
                return code;
            }
        }
        *snapshot = made;
        return PATRON_OK;
    }
    if (options->scratch_directory) {
        struct kv_rocksdb_options scratch = {
            .directory = options->scratch_directory, .cache_bytes = 8 << 20, .memtable_bytes = 64 << 20};
        enum patron_code code = kv_rocksdb_open(&scratch, &made->scratch, error);
        if (code != PATRON_OK) {
            snapshot_free(made);
            return code;
        }
    } else {
        made->scratch = kv_memory_new();
    }
    made->scratch_batch = kv_batch_new(made->scratch);
    *snapshot = made;
    return PATRON_OK;
}

enum patron_code snapshot_spine_add(struct snapshot *snapshot, const struct event_identifier *identifier,
    int64_t as_of_us, struct error *error)
{
    CHECK(snapshot->scratch && !snapshot->started);
    if (snapshot->options.latest_us != 0 && as_of_us > snapshot->options.latest_us) {
        char text[TIME_TEXT_MAX], latest[TIME_TEXT_MAX];
        time_to_text(as_of_us, text);
        time_to_text(snapshot->options.latest_us, latest);
        return error_set(error, PATRON_OUT_OF_RANGE,
            "row %llu of the spine: %s is not known yet; what is known ends at %s",
            (unsigned long long)snapshot->spine_rows, text, latest);
    }
    arena_reset(&snapshot->row_arena);
    uint64_t customer = 0; /* sorts what is not known first */
    enum patron_code code = identifier_customer_at(
        snapshot->options.view, identifier, as_of_us, &snapshot->row_arena, &customer, error);
    if (code == PATRON_NOT_FOUND)
        customer = 0;
    else if (code != PATRON_OK)
        return error_prefix(error, code, "row %llu of the spine: ", (unsigned long long)snapshot->spine_rows);
    uint8_t key[SPINE_KEY_BYTES];
    encode_be64(key, customer);
    encode_time(key + 8, as_of_us);
    encode_be64(key + 16, snapshot->spine_rows++);
    kv_batch_put(snapshot->scratch_batch, KV_LOG, bytes_of(key, sizeof key), (struct bytes){0});
    if (kv_batch_bytes(snapshot->scratch_batch) < SPINE_BATCH_BYTES)
        return PATRON_OK;
    return kv_write(snapshot->scratch, snapshot->scratch_batch, false, error);
}

static enum patron_code snapshot_start(struct snapshot *snapshot, struct error *error)
{
    const struct view *view = snapshot->options.view;
    if (snapshot->scratch) {
        TRY(kv_write(snapshot->scratch, snapshot->scratch_batch, false, error));
        snapshot->walk = kv_iterator_new(snapshot->scratch, NULL, KV_LOG, (struct bytes){0});
    } else {
        snapshot->walk = kv_iterator_new(view->kv, view->snapshot, KV_MEMBERS, (struct bytes){0});
    }
    kv_iterator_seek(snapshot->walk, (struct bytes){0});
    snapshot->started = true;
    return PATRON_OK;
}

/* --- one customer ------------------------------------------------------------------------------------------------ */

struct loading {
    struct snapshot *snapshot;
    uint32_t member;
    size_t capacity;
};

static bool event_load(void *context, const struct event *event)
{
    struct loading *loading = context;
    struct snapshot *snapshot = loading->snapshot;
    const struct member *member = &snapshot->members[loading->member];
    if (snapshot->event_count > STRETCH_EVENTS_MAX)
        return false;
    if (event->known_at_us >= member->until_us)
        return true;
    if (snapshot->event_count == loading->capacity) {
        loading->capacity = loading->capacity ? 2 * loading->capacity : 16;
        struct known_event *events = arena_array(&snapshot->arena, loading->capacity, sizeof *events);
        if (snapshot->event_count)
            memcpy(events, snapshot->events, snapshot->event_count * sizeof *events);
        snapshot->events = events;
    }
    struct known_event *known = &snapshot->events[snapshot->event_count++];
    known->joined_us = event->known_at_us > member->since_us ? event->known_at_us : member->since_us;
    known->member = loading->member;
    known->event = *event;
    known->event.attributes = arena_copy(&snapshot->arena, event->attributes);
    return true;
}

static int known_event_compare(const void *left, const void *right)
{
    const struct known_event *a = left, *b = right;
    if (a->joined_us != b->joined_us)
        return a->joined_us < b->joined_us ? -1 : 1;
    if (a->event.time_us != b->event.time_us)
        return a->event.time_us < b->event.time_us ? -1 : 1;
    return memcmp(a->event.hash, b->event.hash, EVENT_HASH_BYTES);
}

static enum patron_code customer_open(struct snapshot *snapshot, uint64_t customer, struct error *error)
{
    const struct view *view = snapshot->options.view;
    arena_reset(&snapshot->arena);
    snapshot->customer = UINT64_MAX; /* until all of it is here: a failure must not pass for an empty customer */
    snapshot->events = NULL;
    snapshot->event_count = 0;
    snapshot->stretch_open = false;
    TRY(members_of(
        view->kv, view->snapshot, customer, &snapshot->arena, &snapshot->members, &snapshot->member_count, error));
    struct loading loading = {.snapshot = snapshot};
    for (size_t i = 0; i < snapshot->member_count && snapshot->event_count <= STRETCH_EVENTS_MAX; i++) {
        loading.member = (uint32_t)i;
        TRY(events_each(view, snapshot->members[i].node, INT64_MAX, event_load, &loading, error));
    }
    snapshot->loaded = snapshot->event_count <= STRETCH_EVENTS_MAX;
    if (snapshot->loaded && snapshot->event_count > 0)
        qsort(snapshot->events, snapshot->event_count, sizeof *snapshot->events, known_event_compare);
    snapshot->customer = customer;
    return PATRON_OK;
}

static bool alive_at(const struct snapshot *snapshot, int64_t as_of_us)
{
    for (size_t i = 0; i < snapshot->member_count; i++)
        if (member_at(&snapshot->members[i], as_of_us))
            return true;
    return false;
}

/* Has a node left between the last T and this one? */
static bool departed(const struct snapshot *snapshot, int64_t as_of_us)
{
    for (size_t i = 0; i < snapshot->member_count; i++)
        if (member_at(&snapshot->members[i], snapshot->stretch_last_us) && !member_at(&snapshot->members[i], as_of_us))
            return true;
    return false;
}

/* Brings the profile to T. */
static enum patron_code profile_at(struct snapshot *snapshot, int64_t as_of_us, struct error *error)
{
    const struct view *view = snapshot->options.view;
    if (!snapshot->loaded) {
        uint64_t events = 0;
        arena_reset(&snapshot->fold_arena);
        return fold_at(view, snapshot->members, snapshot->member_count, as_of_us, &snapshot->fold_arena,
            &snapshot->profile, &events, error);
    }
    if (!snapshot->stretch_open || departed(snapshot, as_of_us)) {
        arena_reset(&snapshot->fold_arena);
        profile_init(&snapshot->profile, view->layout, &snapshot->fold_arena);
        snapshot->stretch_open = true;
        snapshot->event_next = 0;
    }
    profile_advance(&snapshot->profile, as_of_us - 1);
    for (; snapshot->event_next < snapshot->event_count; snapshot->event_next++) {
        const struct known_event *known = &snapshot->events[snapshot->event_next];
        if (known->joined_us >= as_of_us)
            break;
        if (member_at(&snapshot->members[known->member], as_of_us))
            profile_apply(&snapshot->profile, &known->event);
    }
    snapshot->stretch_last_us = as_of_us;
    return PATRON_OK;
}

/* --- rows ----------------------------------------------------------------------------------------------------- */

static enum patron_code row_answer(
    struct snapshot *snapshot, const struct question *question, struct snapshot_row *row, struct error *error)
{
    TRY(profile_at(snapshot, question->as_of_us, error));
    *row = (struct snapshot_row){
        .row.values = snapshot->values, .as_of_us = question->as_of_us, .spine_row = question->spine_row};
    arena_reset(&snapshot->row_arena);
    struct row_question asked = {
        &snapshot->options.selection, snapshot->customer, question->as_of_us, &snapshot->row_arena};
    row_evaluate(&snapshot->profile, &asked, &row->row);
    return PATRON_OK;
}

static enum patron_code given_next(struct snapshot *snapshot, struct snapshot_row *row, struct error *error)
{
    if (!kv_iterator_valid(snapshot->walk)) {
        TRY(kv_iterator_status(snapshot->walk, error));
        return PATRON_NOT_FOUND;
    }
    struct bytes key = kv_iterator_borrow_key(snapshot->walk);
    CHECK(key.length == SPINE_KEY_BYTES);
    uint64_t customer = decode_be64(key.data);
    struct question question = {decode_time(key.data + 8), decode_be64(key.data + 16)};
    kv_iterator_next(snapshot->walk);
    if (customer == 0) {
        *row = (struct snapshot_row){
            .row.values = snapshot->values, .as_of_us = question.as_of_us, .spine_row = question.spine_row};
        row_not_found(snapshot->options.view, &snapshot->options.selection, &row->row);
        return PATRON_OK;
    }
    if (customer != snapshot->customer)
        TRY(customer_open(snapshot, customer, error));
    return row_answer(snapshot, &question, row, error);
}

/* Moves to the next customer that `members` has ever named. PATRON_NOT_FOUND: no more. */
static enum patron_code generated_customer(struct snapshot *snapshot, struct error *error)
{
    for (; kv_iterator_valid(snapshot->walk); kv_iterator_next(snapshot->walk)) {
        struct member member;
        TRY(member_decode(
            kv_iterator_borrow_key(snapshot->walk), kv_iterator_borrow_value(snapshot->walk), &member, error));
        if (member.customer == snapshot->customer)
            continue;
        TRY(customer_open(snapshot, member.customer, error));
        snapshot->every_next = 0;
        return PATRON_OK;
    }
    TRY(kv_iterator_status(snapshot->walk, error));
    return PATRON_NOT_FOUND;
}

static enum patron_code generated_next(struct snapshot *snapshot, struct snapshot_row *row, struct error *error)
{
    for (;;) {
        while (snapshot->every_next < snapshot->options.every_customer_at_count) {
            struct question question = {snapshot->every_us[snapshot->every_next], snapshot->every_next};
            snapshot->every_next++;
            if (alive_at(snapshot, question.as_of_us))
                return row_answer(snapshot, &question, row, error);
        }
        TRY(generated_customer(snapshot, error));
    }
}

enum patron_code snapshot_next(struct snapshot *snapshot, struct snapshot_row *row, struct error *error)
{
    if (!snapshot->started)
        TRY(snapshot_start(snapshot, error));
    return snapshot->scratch ? given_next(snapshot, row, error) : generated_next(snapshot, row, error);
}

void snapshot_free(struct snapshot *snapshot)
{
    if (!snapshot)
        return;
    kv_iterator_free(snapshot->walk);
    kv_batch_free(snapshot->scratch_batch);
    kv_close(snapshot->scratch);
    arena_clear(&snapshot->arena);
    arena_clear(&snapshot->fold_arena);
    arena_clear(&snapshot->row_arena);
    memory_free(snapshot->every_us);
    memory_free((void *)snapshot->options.selection.features);
    memory_free((void *)snapshot->options.selection.needed);
    memory_free((void *)snapshot->options.selection.fallbacks);
    memory_free(snapshot->values);
    memory_free(snapshot);
}
