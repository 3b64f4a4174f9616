/* What a pairing has the writer do: rows of records, and links. */
#include "store/changes/linking.h"
#include "store/records/pairing_internal.h"
#include "store/store_internal.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SWEEP_ROWS = 1000,
    /* A group of links ends at the first record after so many were asked for; one record has at most
     * MATCH_CANDIDATES_MAX. */
    GROUP_LINKS = 8,
    /* Entries of the log that came since the comparison and that are looked at: some 5 ms. Past it, it is made anew. */
    NEWER_ENTRIES_MAX = 4096,
    LINK_REASON_MAX = 64,
};

/* --- rows of records ---------------------------------------------------------------------------------------------- */

static void change_write(struct store *store, const struct pairing_state *state, const struct record_change *change)
{
    for (size_t i = 0; i < change->before_count; i++)
        block_delete(store->batch, state->generation, &change->before[i], change->row.node);
    for (size_t i = 0; i < change->after_count; i++)
        block_put(store->batch, state->generation, &change->after[i], &change->row);
    record_put(store->batch, state->generation, &change->row);
}

enum patron_code pairing_write(struct store *store, struct pairing *pairing, struct error *error)
{
    CHECK(!store->group_open);
    CHECK(!store->failed); /* what failed is still in the batch */
    struct pairing_state *state = &pairing->state;
    bool leaves = false;
    for (size_t i = 0; i < pairing->change_count; i++) {
        change_write(store, state, &pairing->changes[i]);
        leaves = leaves || pairing->changes[i].before_count > 0;
        state->records += pairing->changes[i].is_new;
    }
    if (leaves) /* a block may hold few enough again */
        memset(&pairing->memo, 0, sizeof pairing->memo);
    if (pairing->followed)
        state->recorded_us = pairing->changes_until_us;
    enum patron_code code = PATRON_OK;
    if (pairing->change_count == 0 && pairing->sweeping)
        code = records_sweep(store->kv, store->batch, state->generation, SWEEP_ROWS, error);
    bool matched = pairing->followed && (pairing->change_count == 0 || !pairing_is_comparing(pairing));
    if (pairing->followed)
        pairing_changes_done(pairing);
    if (matched)
        pairing_all_matched(pairing);
    pairing_state_put(store->batch, state);
    if (code == PATRON_OK)
        code = kv_write(store->kv, store->batch, false, error);
    store->failed = store->failed || code != PATRON_OK;
    pairing->unwritten = false;
    pairing->followed = false;
    pairing->entries_unwritten = 0;
    return code;
}

/* --- whose records have changed since ----------------------------------------------------------------------------- */

struct newer {
    uint64_t *nodes; /* of the batch's pairs, ascending, each once; those that have a newer record are marked */
    bool *changed;
    size_t count;
};

static int node_compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void nodes_collect(struct pairing *pairing, struct newer *newer)
{
    size_t most = 0;
    for (size_t i = pairing->batch_at; i < pairing->batch_count; i++)
        most += 1 + pairing->batch[i].count;
    uint64_t *nodes = arena_array(&pairing->scratch, most, sizeof *nodes);
    size_t count = 0;
    for (size_t i = pairing->batch_at; i < pairing->batch_count; i++) {
        nodes[count++] = pairing->batch[i].node;
        for (size_t k = 0; k < pairing->batch[i].count; k++)
            nodes[count++] = pairing->batch[i].pairs[k].other;
    }
    qsort(nodes, count, sizeof *nodes, node_compare);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || nodes[kept - 1] != nodes[i])
            nodes[kept++] = nodes[i];
    *newer = (struct newer){nodes, arena_array(&pairing->scratch, kept, sizeof *newer->changed), kept};
}

static bool *newer_mark(const struct newer *newer, uint64_t node)
{
    const uint64_t *place = bsearch(&node, newer->nodes, newer->count, sizeof node, node_compare);
    return place ? &newer->changed[place - newer->nodes] : NULL;
}

/* An event of one of the nodes: of the type that makes records? */
static enum patron_code event_look(struct store *store, const struct pairing *pairing, const struct log_entry *entry,
    bool *changed, struct error *error)
{
    struct event event = {.node = entry->node, .time_us = entry->time_us};
    memcpy(event.hash, entry->hash, EVENT_HASH_BYTES);
    uint8_t key[EVENT_KEY_BYTES];
    event_key_encode(&event, key);
    struct bytes value;
    enum patron_code code = kv_batch_get(
        store->batch, KV_EVENTS, bytes_of(key, sizeof key), &store->event_arena, &value, error);
    if (code == PATRON_NOT_FOUND) /* the log outlives events */
        return PATRON_OK;
    TRY(code);
    TRY(event_decode(bytes_of(key, sizeof key), value, &event, error));
    *changed = *changed || event.type == pairing->matching.plan.rules->event;
    return PATRON_OK;
}

/* *too_many: entries; nothing is known then. */
static enum patron_code newer_look(
    struct store *store, struct pairing *pairing, struct newer *newer, bool *too_many, struct error *error)
{
    arena_reset(&pairing->scratch);
    nodes_collect(pairing, newer);
    struct kv_iterator *rows = kv_iterator_new(store->kv, NULL, KV_LOG, (struct bytes){0});
    uint8_t key[8];
    encode_time(key, pairing->batch_seen_us + 1);
    kv_iterator_seek(rows, bytes_of(key, sizeof key));
    size_t looked_at = 0;
    enum patron_code code = PATRON_OK;
    for (; code == PATRON_OK && looked_at < NEWER_ENTRIES_MAX && kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct log_entry entry;
        arena_reset(&store->event_arena);
        code = log_decode(
            kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &store->event_arena, &entry, error);
        looked_at++;
        bool *changed = code == PATRON_OK && entry.kind == LOG_EVENT ? newer_mark(newer, entry.node) : NULL;
        if (changed)
            code = event_look(store, pairing, &entry, changed, error);
    }
    *too_many = kv_iterator_valid(rows);
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    return code;
}

/* --- links -------------------------------------------------------------------------------------------------------- */

void pairing_record_done(struct pairing *pairing, const struct record_pairs *record)
{
    struct pairing_state *state = &pairing->state;
    state->counts.pairs += record->scored;
    state->counts.below += record->below;
    state->counts.oversized += record->oversized;
    state->counts.cut += record->cut;
    if (pairing->batch_walks) {
        state->walk_node = record->node;
        state->walked++;
    } else {
        state->matched_us = record->known_at_us;
    }
    pairing->unwritten = true;
}

static void outcome_count(struct pairing_counts *counts, const struct link_outcome *outcome)
{
    switch (outcome->fate) {
    case LINK_MADE:
        counts->links++;
        return;
    case LINK_HELD:
        counts->links += outcome->known_at_us != 0;
        return;
    case LINK_REFUSED:
        counts->refused++;
        return;
    case LINK_WAITS:
        counts->reviews++;
        return;
    }
    IMPOSSIBLE("a link of no fate");
}

static enum patron_code pair_join(struct store *store, struct pairing *pairing, const struct record_pairs *record,
    struct pair *pair, size_t *asked, struct error *error)
{
    const struct pair_finder finder = {&pairing->matching, pairing->model, pairing->state.generation, NULL};
    const struct identity_rows_from from = {.batch = store->batch};
    arena_reset(&store->event_arena);
    TRY(pair_guard(&finder, &from, pair, true, &store->event_arena, error));
    if (pair->joined && pair->decision != MATCH_LINK)
        return PATRON_OK; /* there is nothing left to decide */
    char reason[LINK_REASON_MAX];
    int length =
        snprintf(reason, sizeof reason, "weight %.1f, model %u", pair->weight, pairing->entry.number);
    struct link_request request = {.a = pair->node < pair->other ? pair->node : pair->other,
        .b = pair->node < pair->other ? pair->other : pair->node,
        .rule = LINK_MATCH,
        .score = pair->probability,
        .model = pairing->entry.number,
        .doubt = OBSTACLE_NONE,
        .waterfall = pair->waterfall,
        .reason = bytes_of(reason, (size_t)length)};
    memcpy(request.evidence, record->hash, EVENT_HASH_BYTES);
    if (pair->decision != MATCH_LINK)
        request.doubt = OBSTACLE_REVIEW_SCORE;
    else if (pair->guarded != MATCH_LINK)
        request.doubt = OBSTACLE_REVIEW_CLUSTER;
    struct link_outcome outcome;
    (*asked)++;
    TRY(group_link(store, &request, &outcome, error));
    outcome_count(&pairing->state.counts, &outcome);
    return PATRON_OK;
}

static enum patron_code record_join(struct store *store, struct pairing *pairing, const struct newer *newer,
    struct record_pairs *record, size_t *asked, struct error *error)
{
    for (size_t i = 0; i < record->count; i++) {
        struct pair *pair = &record->pairs[i];
        if (*newer_mark(newer, pair->node) || *newer_mark(newer, pair->other))
            pairing->state.counts.stale++; /* the newer record is compared in its turn */
        else
            TRY(pair_join(store, pairing, record, pair, asked, error));
    }
    pairing_record_done(pairing, record);
    return PATRON_OK;
}

enum patron_code group_pair(struct store *store, struct pairing *pairing, bool *more, struct error *error)
{
    CHECK(store->group_open);
    *more = false;
    struct newer newer;
    bool too_many;
    enum patron_code code = newer_look(store, pairing, &newer, &too_many, error);
    if (code == PATRON_OK && too_many) {
        pairing->batch_count = 0; /* compared anew, on a newer view */
        pairing->pending_known = false;
        return PATRON_OK;
    }
    size_t asked = 0;
    while (code == PATRON_OK && pairing->batch_at < pairing->batch_count && asked < GROUP_LINKS) {
        code = record_join(store, pairing, &newer, &pairing->batch[pairing->batch_at], &asked, error);
        pairing->batch_at += code == PATRON_OK;
    }
    if (code != PATRON_OK) {
        store->failed = store->failed || code != PATRON_OUT_OF_RANGE;
        return code;
    }
    *more = pairing->batch_at < pairing->batch_count;
    if (!*more && !pairing->batch_walks && pairing->pending_at == pairing->pending_count)
        pairing_all_matched(pairing);
    pairing_state_put(store->batch, &pairing->state);
    pairing->unwritten = false;
    store->group_queued = true;
    return PATRON_OK;
}
