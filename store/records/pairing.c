/* meta: key "matching"     value format u8 = 1 | generation varint | layout 16 bytes | recorded_us signed |
 *                                matched_us signed | records varint | model varint | verdict 16 bytes | walking u8 |
 *                                walk_us signed | walk_node varint | walked varint | pairs, links, reviews, refused,
 *                                below, oversized, cut, stale: each varint */
#include "store/records/pairing_internal.h"

#include <stdio.h>

/* The row is written after so many entries that changed nothing. */
enum { STATE_FORMAT = 1, UNWRITTEN_MAX = 200000 };

/* --- the row ------------------------------------------------------------------------------------------------------ */

void pairing_state_put(struct kv_batch *batch, const struct pairing_state *state)
{
    const struct pairing_counts *counts = &state->counts;
    struct encoder to = {0};
    encode_u8(&to, STATE_FORMAT);
    encode_varint(&to, state->generation);
    encode_raw(&to, state->layout, MATCHING_PRINT_BYTES);
    encode_signed(&to, state->recorded_us);
    encode_signed(&to, state->matched_us);
    encode_varint(&to, state->records);
    encode_varint(&to, state->model);
    encode_raw(&to, state->verdict, MATCHING_PRINT_BYTES);
    encode_u8(&to, state->walking);
    encode_signed(&to, state->walk_us);
    encode_varint(&to, state->walk_node);
    encode_varint(&to, state->walked);
    const uint64_t numbers[] = {counts->pairs, counts->links, counts->reviews, counts->refused, counts->below,
        counts->oversized, counts->cut, counts->stale};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        encode_varint(&to, numbers[i]);
    kv_batch_put(batch, KV_META, bytes_from_string("matching"), encoder_borrow(&to));
    encoder_clear(&to);
}

static enum patron_code state_decode(struct bytes value, struct pairing_state *state, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    uint64_t generation = decode_varint(&from);
    const uint8_t *layout = decode_raw(&from, MATCHING_PRINT_BYTES);
    *state = (struct pairing_state){.generation = (uint32_t)generation};
    state->recorded_us = decode_signed(&from);
    state->matched_us = decode_signed(&from);
    state->records = decode_varint(&from);
    uint64_t model = decode_varint(&from);
    state->model = (uint32_t)model;
    const uint8_t *verdict = decode_raw(&from, MATCHING_PRINT_BYTES);
    uint8_t walking = decode_u8(&from);
    state->walking = walking != 0;
    state->walk_us = decode_signed(&from);
    state->walk_node = decode_varint(&from);
    state->walked = decode_varint(&from);
    struct pairing_counts *counts = &state->counts;
    uint64_t *const numbers[] = {&counts->pairs, &counts->links, &counts->reviews, &counts->refused, &counts->below,
        &counts->oversized, &counts->cut, &counts->stale};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        *numbers[i] = decode_varint(&from);
    if (format != STATE_FORMAT || !decoder_done(&from) || generation == 0 || generation > UINT32_MAX ||
        model > UINT32_MAX || walking > 1 || state->matched_us > state->recorded_us)
        return error_set(error, PATRON_CORRUPT, "the row of how far records are matched is damaged");
    memcpy(state->layout, layout, MATCHING_PRINT_BYTES);
    memcpy(state->verdict, verdict, MATCHING_PRINT_BYTES);
    return PATRON_OK;
}

enum patron_code pairing_state_get(
    const struct view *view, struct pairing_state *state, bool *known, struct error *error)
{
    struct arena arena = {0};
    struct bytes value;
    *known = false;
    enum patron_code code =
        kv_get(view->kv, view->snapshot, KV_META, bytes_from_string("matching"), &arena, &value, error);
    if (code == PATRON_OK) {
        code = state_decode(value, state, error);
        *known = code == PATRON_OK;
    } else if (code == PATRON_NOT_FOUND) {
        code = PATRON_OK;
    }
    arena_clear(&arena);
    return code;
}

/* --- binding to what serves --------------------------------------------------------------------------------------- */

struct pairing *pairing_new(void)
{
    struct pairing *pairing = memory_alloc(sizeof *pairing);
    pairing->changes = memory_alloc(PAIRING_CHANGES_MAX * sizeof *pairing->changes);
    return pairing;
}

static void unbind(struct pairing *pairing)
{
    match_model_free(pairing->model);
    pairing->model = NULL;
    pairing->entry = (struct model_entry){0};
    matching_clear(&pairing->matching);
    memset(&pairing->memo, 0, sizeof pairing->memo); /* another version may have another bound */
    pairing->pending_known = false;
}

void pairing_free(struct pairing *pairing)
{
    if (!pairing)
        return;
    unbind(pairing);
    arena_clear(&pairing->change_arena);
    arena_clear(&pairing->batch_arena);
    arena_clear(&pairing->scratch);
    memory_free(pairing->changes);
    memory_free(pairing->pending);
    memory_free(pairing);
}

const char *pairing_words(const struct pairing *pairing)
{
    return pairing->words[0] ? pairing->words : NULL;
}

const struct pairing_state *pairing_progress(const struct pairing *pairing)
{
    return pairing->loaded ? &pairing->state : NULL;
}

static void say(struct pairing *pairing, const char *words)
{
    snprintf(pairing->words, sizeof pairing->words, "%s", words);
}

/* The newest model, if the definitions can use it. */
static enum patron_code bind_model(struct pairing *pairing, const struct view *view, struct error *error)
{
    struct model_entry newest;
    enum patron_code code = model_find(view, 0, &newest, error);
    if (code == PATRON_NOT_FOUND) {
        say(pairing, "there is no model: train one");
        return PATRON_OK;
    }
    TRY(code);
    if (newest.number == pairing->entry.number)
        return PATRON_OK;
    match_model_free(pairing->model);
    pairing->model = NULL;
    pairing->words[0] = 0;
    struct error why;
    code = model_load(view, &newest, &pairing->matching, &pairing->model, &why);
    if (code == PATRON_PRECONDITION)
        say(pairing, why.text);
    else if (code != PATRON_OK)
        return error_set(error, code, "%s", why.text);
    pairing->entry = newest;
    return PATRON_OK;
}

static enum patron_code bind(struct pairing *pairing, const struct view *view, struct error *error)
{
    const struct definitions *bound = pairing->matching.definitions;
    if (bound && bound->version != view->definitions->version)
        unbind(pairing);
    if (!view->definitions->matching) {
        say(pairing, "the definitions match no records");
        return PATRON_OK;
    }
    if (!pairing->matching.definitions)
        matching_init(&pairing->matching, view->definitions, view->key);
    return bind_model(pairing, view, error);
}

/* --- the state ---------------------------------------------------------------------------------------------------- */

/* Records and blocks are made anew from the beginning of the log. */
static void begin_generation(struct pairing *pairing)
{
    struct pairing_state *state = &pairing->state;
    struct pairing_counts counts = state->counts;
    *state = (struct pairing_state){.generation = state->generation + 1,
        .recorded_us = INT64_MIN,
        .matched_us = INT64_MIN,
        .counts = counts};
    memcpy(state->layout, pairing->matching.layout, MATCHING_PRINT_BYTES);
    pairing->unwritten = true;
    pairing->sweeping = true;
    pairing->pending_known = false;
}

static enum patron_code load(struct pairing *pairing, const struct view *view, struct error *error)
{
    bool known;
    TRY(pairing_state_get(view, &pairing->state, &known, error));
    if (!known)
        pairing->state = (struct pairing_state){0};
    pairing->loaded = true;
    pairing->sweeping = true;
    return PATRON_OK;
}

/* Are records compared with this model and these thresholds already? */
bool pairing_is_comparing(const struct pairing *pairing)
{
    return pairing->model && pairing->state.model == pairing->entry.number &&
        memcmp(pairing->state.verdict, pairing->matching.verdict, MATCHING_PRINT_BYTES) == 0;
}

static void begin_walk(struct pairing *pairing)
{
    struct pairing_state *state = &pairing->state;
    state->model = pairing->entry.number;
    memcpy(state->verdict, pairing->matching.verdict, MATCHING_PRINT_BYTES);
    state->walking = true;
    state->walk_us = state->recorded_us;
    state->walk_node = 0;
    state->walked = 0;
    state->matched_us = state->recorded_us;
    pairing->unwritten = true;
}

void pairing_all_matched(struct pairing *pairing)
{
    pairing->unwritten = pairing->unwritten || pairing->state.matched_us != pairing->state.recorded_us;
    pairing->state.matched_us = pairing->state.recorded_us;
    pairing->pending_count = pairing->pending_at = 0;
    pairing->pending_known = true;
}

/* --- comparing ---------------------------------------------------------------------------------------------------- */

static void batch_begin(struct pairing *pairing, const struct view *view, bool walks)
{
    arena_reset(&pairing->batch_arena);
    pairing->batch_count = pairing->batch_at = 0;
    pairing->batch_walks = walks;
    pairing->batch_seen_us = view->position_us;
}

static enum patron_code batch_add(
    struct pairing *pairing, const struct view *view, const struct record_row *row, size_t *pairs, struct error *error)
{
    const struct pair_finder finder = {
        &pairing->matching, pairing->model, pairing->state.generation, &pairing->memo};
    struct record_pairs *found = &pairing->batch[pairing->batch_count];
    TRY(pairs_find(&finder, view, row, true, &pairing->batch_arena, &pairing->scratch, found, error));
    pairing->batch_count++;
    *pairs += found->count;
    return PATRON_OK;
}

static bool batch_is_full(const struct pairing *pairing, size_t pairs)
{
    return pairing->batch_count == PAIRING_BATCH_RECORDS || pairs >= PAIRING_BATCH_PAIRS;
}

static enum patron_code compare_pending(struct pairing *pairing, const struct view *view, struct error *error)
{
    const struct identity_rows_from from = {.kv = view->kv, .snapshot = view->snapshot};
    size_t pairs = 0;
    struct arena arena = {0};
    enum patron_code code = PATRON_OK;
    batch_begin(pairing, view, false);
    while (code == PATRON_OK && pairing->pending_at < pairing->pending_count && !batch_is_full(pairing, pairs)) {
        const struct pending_record *pending = &pairing->pending[pairing->pending_at];
        struct record_row row;
        arena_reset(&arena);
        code = record_get(&from, pairing->state.generation, pending->node, &arena, &row, error);
        bool superseded = code == PATRON_NOT_FOUND ||
            (code == PATRON_OK && memcmp(row.hash, pending->hash, EVENT_HASH_BYTES) != 0);
        if (superseded) /* by a newer one, which is compared in its turn */
            code = PATRON_OK;
        else if (code == PATRON_OK)
            code = batch_add(pairing, view, &row, &pairs, error);
        pairing->pending_at += code == PATRON_OK;
    }
    arena_clear(&arena);
    return code;
}

/* *end: there are no more to walk over. */
static enum patron_code compare_walk(
    struct pairing *pairing, const struct view *view, bool *end, struct error *error)
{
    uint8_t prefix[4], key[RECORD_KEY_BYTES];
    encode_be32(prefix, pairing->state.generation);
    record_key(pairing->state.generation, pairing->state.walk_node + 1, key);
    struct kv_iterator *rows =
        kv_iterator_new(view->kv, view->snapshot, KV_RECORDS, bytes_of(prefix, sizeof prefix));
    size_t pairs = 0;
    enum patron_code code = PATRON_OK;
    batch_begin(pairing, view, true);
    kv_iterator_seek(rows, bytes_of(key, sizeof key));
    for (; code == PATRON_OK && kv_iterator_valid(rows) && !batch_is_full(pairing, pairs); kv_iterator_next(rows)) {
        struct record_row row;
        code = record_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &row, error);
        if (code == PATRON_OK && row.known_at_us <= pairing->state.walk_us) /* later ones are compared in their turn */
            code = batch_add(pairing, view, &row, &pairs, error);
    }
    *end = code == PATRON_OK && !kv_iterator_valid(rows) && pairing->batch_count == 0;
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    return code;
}

/* Where nothing is to be joined the writer need not be asked. */
static enum pairing_next batch_end(struct pairing *pairing)
{
    size_t pairs = 0;
    for (size_t i = 0; i < pairing->batch_count; i++)
        pairs += pairing->batch[i].count;
    if (pairs > 0)
        return PAIRING_JOIN;
    for (size_t i = 0; i < pairing->batch_count; i++)
        pairing_record_done(pairing, &pairing->batch[i]);
    pairing->batch_count = 0;
    return PAIRING_AGAIN;
}

/* --- what is next ------------------------------------------------------------------------------------------------- */

static enum patron_code next_pending(
    struct pairing *pairing, const struct view *view, enum pairing_next *next, struct error *error)
{
    if (!pairing->pending_known)
        TRY(pairing_find_pending(pairing, view, error));
    TRY(compare_pending(pairing, view, error));
    *next = batch_end(pairing);
    if (pairing->batch_count == 0 && pairing->pending_at == pairing->pending_count)
        pairing_all_matched(pairing);
    return PATRON_OK;
}

static enum patron_code next_follow(
    struct pairing *pairing, const struct view *view, enum pairing_next *next, struct error *error)
{
    TRY(pairing_follow(pairing, view, error));
    pairing->followed = true;
    if (pairing->change_count == 0 && pairing->entries_unwritten < UNWRITTEN_MAX) {
        bool matched = pairing->state.matched_us == pairing->state.recorded_us;
        pairing->state.recorded_us = pairing->changes_until_us;
        if (matched)
            pairing->state.matched_us = pairing->state.recorded_us;
        pairing->unwritten = true;
        pairing->followed = false;
        *next = PAIRING_AGAIN;
        return PATRON_OK;
    }
    *next = PAIRING_WRITE;
    return PATRON_OK;
}

static enum patron_code next_walk(
    struct pairing *pairing, const struct view *view, enum pairing_next *next, struct error *error)
{
    bool end;
    TRY(compare_walk(pairing, view, &end, error));
    *next = batch_end(pairing);
    if (end) {
        pairing->state.walking = false;
        pairing->unwritten = true;
        *next = PAIRING_WRITE;
    }
    return PATRON_OK;
}

static enum patron_code choose(
    struct pairing *pairing, const struct view *view, enum pairing_next *next, struct error *error)
{
    struct pairing_state *state = &pairing->state;
    if (state->generation == 0 || memcmp(state->layout, pairing->matching.layout, MATCHING_PRINT_BYTES) != 0) {
        begin_generation(pairing);
        *next = PAIRING_WRITE;
        return PATRON_OK;
    }
    if (!pairing_is_comparing(pairing)) {
        state->model = 0; /* a walk is due, which comes by all that was not compared */
        pairing_all_matched(pairing);
    }
    if (state->matched_us < state->recorded_us)
        return next_pending(pairing, view, next, error);
    if (state->recorded_us < view->position_us)
        return next_follow(pairing, view, next, error);
    if (pairing->model && !pairing_is_comparing(pairing)) {
        begin_walk(pairing);
        *next = PAIRING_WRITE;
        return PATRON_OK;
    }
    if (state->walking && pairing->model)
        return next_walk(pairing, view, next, error);
    if (pairing->sweeping)
        TRY(records_look_old(view, state->generation, &pairing->sweeping, error));
    *next = pairing->unwritten || pairing->sweeping ? PAIRING_WRITE : PAIRING_IDLE;
    return PATRON_OK;
}

enum patron_code pairing_step(
    struct pairing *pairing, const struct view *view, enum pairing_next *next, struct error *error)
{
    *next = PAIRING_IDLE;
    pairing->change_count = 0;
    pairing->followed = false;
    pairing->batch_count = pairing->batch_at = 0;
    TRY(bind(pairing, view, error));
    if (!view->definitions->matching)
        return PATRON_OK;
    if (!pairing->loaded)
        TRY(load(pairing, view, error));
    return choose(pairing, view, next, error);
}
