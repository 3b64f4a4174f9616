/* Records made from the log: events of the matching type, the newest of each node. */
#include "store/records/pairing_internal.h"

#include "store/journal/log.h"

#include <stdlib.h>

/* --- a walk over entries of the log ------------------------------------------------------------------------------- */

struct entries {
    struct kv_iterator *rows;
    struct arena arena;
    size_t looked_at;
    int64_t last_us; /* known_at of the last one */
};

static void entries_begin(struct entries *entries, const struct view *view, int64_t after_us)
{
    *entries = (struct entries){.rows = kv_iterator_new(view->kv, view->snapshot, KV_LOG, (struct bytes){0}),
        .last_us = after_us};
    uint8_t key[8];
    encode_time(key, after_us == INT64_MIN ? INT64_MIN : after_us + 1);
    kv_iterator_seek(entries->rows, bytes_of(key, sizeof key));
}

static void entries_end(struct entries *entries)
{
    kv_iterator_free(entries->rows);
    arena_clear(&entries->arena);
}

static enum patron_code event_of(const struct pairing *pairing, const struct view *view, const struct log_entry *entry,
    struct arena *arena, struct event *event, bool *is_record, struct error *error)
{
    *event = (struct event){.node = entry->node, .time_us = entry->time_us};
    memcpy(event->hash, entry->hash, EVENT_HASH_BYTES);
    uint8_t key[EVENT_KEY_BYTES];
    event_key_encode(event, key);
    struct bytes value;
    enum patron_code code =
        kv_get(view->kv, view->snapshot, KV_EVENTS, bytes_of(key, sizeof key), arena, &value, error);
    *is_record = false;
    if (code == PATRON_NOT_FOUND) /* the log outlives events */
        return PATRON_OK;
    TRY(code);
    TRY(event_decode(bytes_of(key, sizeof key), value, event, error));
    *is_record = event->type == pairing->matching.plan.rules->event;
    return PATRON_OK;
}

/* The next event that is of the matching type; *found false: none within the bound. The event is in the arena of the
 * walk until the next call. */
static enum patron_code entries_next(struct entries *entries, const struct pairing *pairing, const struct view *view,
    struct event *event, bool *found, struct error *error)
{
    *found = false;
    while (!*found && entries->looked_at < PAIRING_ENTRIES_MAX && kv_iterator_valid(entries->rows)) {
        arena_reset(&entries->arena);
        struct log_entry entry;
        TRY(log_decode(kv_iterator_borrow_key(entries->rows), kv_iterator_borrow_value(entries->rows),
            &entries->arena, &entry, error));
        entries->looked_at++;
        entries->last_us = entry.known_at_us;
        if (entry.kind == LOG_EVENT && entry.node != NODE_NONE)
            TRY(event_of(pairing, view, &entry, &entries->arena, event, found, error));
        kv_iterator_next(entries->rows);
    }
    return kv_iterator_valid(entries->rows) ? PATRON_OK : kv_iterator_status(entries->rows, error);
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

static struct record_change *change_of(struct pairing *pairing, uint64_t node)
{
    for (size_t i = 0; i < pairing->change_count; i++)
        if (pairing->changes[i].row.node == node)
            return &pairing->changes[i];
    return NULL;
}

/* What the node's record was before, if it had one. *stays: it is newer than the event. */
static enum patron_code change_begin(struct pairing *pairing, const struct view *view, const struct event *event,
    struct record_change *change, bool *stays, struct error *error)
{
    const struct identity_rows_from from = {.kv = view->kv, .snapshot = view->snapshot};
    struct record_row row;
    struct match_record record;
    *stays = false;
    change->is_new = false;
    change->before_count = 0;
    enum patron_code code =
        record_get(&from, pairing->state.generation, event->node, &pairing->scratch, &row, error);
    if (code == PATRON_NOT_FOUND) {
        change->is_new = true;
        return PATRON_OK;
    }
    TRY(code);
    *stays = !record_is_before(&row, event);
    if (*stays)
        return PATRON_OK;
    TRY(record_open(&pairing->matching, &from, &row, &pairing->scratch, &record, error));
    change->before_count =
        match_block_keys(&pairing->matching.plan, &record, pairing->matching.secret, change->before);
    return PATRON_OK;
}

static enum patron_code change_make(
    struct pairing *pairing, const struct view *view, const struct event *event, struct error *error)
{
    arena_reset(&pairing->scratch);
    struct record_change *change = change_of(pairing, event->node);
    bool stays = change && !record_is_before(&change->row, event);
    if (!change) {
        change = &pairing->changes[pairing->change_count];
        TRY(change_begin(pairing, view, event, change, &stays, error));
        pairing->change_count += !stays;
    }
    if (stays)
        return PATRON_OK;
    struct match_record record;
    TRY(record_of_event(&pairing->matching, event, &pairing->change_arena, &record, &change->row, error));
    change->after_count =
        match_block_keys(&pairing->matching.plan, &record, pairing->matching.secret, change->after);
    return PATRON_OK;
}

enum patron_code pairing_follow(struct pairing *pairing, const struct view *view, struct error *error)
{
    struct entries entries;
    arena_reset(&pairing->change_arena);
    pairing->change_count = 0;
    entries_begin(&entries, view, pairing->state.recorded_us);
    enum patron_code code = PATRON_OK;
    bool found = true;
    while (code == PATRON_OK && found && pairing->change_count < PAIRING_CHANGES_MAX) {
        struct event event;
        code = entries_next(&entries, pairing, view, &event, &found, error);
        if (code == PATRON_OK && found)
            code = change_make(pairing, view, &event, error);
    }
    bool at_end = code == PATRON_OK && !kv_iterator_valid(entries.rows);
    pairing->changes_until_us = at_end ? view->position_us : entries.last_us;
    pairing->entries_unwritten += entries.looked_at;
    entries_end(&entries);
    return code;
}

/* --- what is pending ---------------------------------------------------------------------------------------------- */

void pairing_pending_add(struct pairing *pairing, const struct record_row *row)
{
    if (pairing->pending_count == pairing->pending_capacity) {
        pairing->pending_capacity = pairing->pending_capacity ? 2 * pairing->pending_capacity : PAIRING_CHANGES_MAX;
        pairing->pending =
            memory_resize(pairing->pending, pairing->pending_capacity * sizeof *pairing->pending);
    }
    struct pending_record *pending = &pairing->pending[pairing->pending_count++];
    *pending = (struct pending_record){.node = row->node, .known_at_us = row->known_at_us};
    memcpy(pending->hash, row->hash, EVENT_HASH_BYTES);
}

static int pending_compare(const void *a, const void *b)
{
    const struct pending_record *x = a, *y = b;
    return x->known_at_us < y->known_at_us ? -1 : x->known_at_us > y->known_at_us;
}

void pairing_changes_done(struct pairing *pairing)
{
    pairing->pending_count = pairing->pending_at = 0;
    for (size_t i = 0; i < pairing->change_count; i++)
        pairing_pending_add(pairing, &pairing->changes[i].row);
    if (pairing->pending_count > 0)
        qsort(pairing->pending, pairing->pending_count, sizeof *pairing->pending, pending_compare);
    pairing->pending_known = true;
    pairing->change_count = 0;
}

enum patron_code pairing_find_pending(struct pairing *pairing, const struct view *view, struct error *error)
{
    struct entries entries;
    pairing->pending_count = pairing->pending_at = 0;
    entries_begin(&entries, view, pairing->state.matched_us);
    enum patron_code code = PATRON_OK;
    bool more = true;
    while (code == PATRON_OK && more) {
        struct event event;
        entries.looked_at = 0; /* they were bounded when they were recorded */
        code = entries_next(&entries, pairing, view, &event, &more, error);
        more = more && entries.last_us <= pairing->state.recorded_us;
        if (code != PATRON_OK || !more)
            break;
        struct record_row row = {.node = event.node, .known_at_us = event.known_at_us};
        memcpy(row.hash, event.hash, EVENT_HASH_BYTES);
        pairing_pending_add(pairing, &row);
    }
    entries_end(&entries);
    pairing->pending_known = code == PATRON_OK;
    return code;
}
