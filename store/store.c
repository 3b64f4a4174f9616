/* meta: key "format"       value u8: the version of all formats of the store, 2
 *       key "key"          value 16 bytes: BLAKE2b-128 of the secret key, keyed with "patron key check"
 *       key "state"        value format u8 = 1 | last node varint | newest known_at signed | folded_to signed |
 *                          version of the definitions that serves varint | generation of the profiles varint |
 *                          events varint | merges varint | dropped varint
 *       key "answered"     value format u8 = 1 | until signed: no T after it has been answered; absent: none has
 *       keys "schema/…"    see schema/schema_rows.c
 *       key "sharing"      see sharing_queue.c
 *       key "refused"      see refusals.c
 *       key "changes"      see changes.c
 *       key "review"       see review_queue.c
 *       keys "definitions" and "refill": see versions.c */
#include "store/changes/changes.h"
#include "store/changes/refusals.h"
#include "store/store_internal.h"

#include <sodium.h>

enum { STORE_FORMAT = 2, META_ROW_FORMAT = 1, KEY_CHECK_BYTES = 16 };

/* The log of a new store begins before all time an event can have, so that any history may follow. */
#define FIRST_KNOWN_AT_US (EVENT_TIME_MIN_US - MICROSECONDS_PER_DAY)

enum patron_code meta_get(struct store *store, const char *name, struct bytes *value, struct error *error)
{
    return kv_get(store->kv, NULL, KV_META, bytes_from_string(name), &store->event_arena, value, error);
}

void meta_put(struct store *store, const char *name, struct encoder *value)
{
    kv_batch_put(store->batch, KV_META, bytes_from_string(name), encoder_borrow(value));
    encoder_clear(value);
}

void state_put(struct store *store)
{
    struct encoder to = {0};
    encode_u8(&to, META_ROW_FORMAT);
    encode_varint(&to, store->last_node);
    encode_signed(&to, store->newest_us);
    encode_signed(&to, store->folded_to_us);
    encode_varint(&to, store->serving_number);
    encode_varint(&to, store->generation);
    encode_varint(&to, store->events);
    encode_varint(&to, store->merges);
    encode_varint(&to, store->identifiers_dropped);
    meta_put(store, "state", &to);
}

enum patron_code state_get(struct store *store, struct error *error)
{
    struct bytes value;
    enum patron_code code = meta_get(store, "state", &value, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "the data directory has a format but no state: it is damaged");
    TRY(code);
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    store->last_node = decode_varint(&from);
    store->newest_us = decode_signed(&from);
    store->folded_to_us = decode_signed(&from);
    uint64_t version = decode_varint(&from), generation = decode_varint(&from);
    store->serving_number = (uint32_t)version;
    store->generation = (uint32_t)generation;
    store->events = decode_varint(&from);
    store->merges = decode_varint(&from);
    store->identifiers_dropped = decode_varint(&from);
    if (format != META_ROW_FORMAT || !decoder_done(&from) || version > UINT32_MAX || generation > version ||
        store->newest_us < FIRST_KNOWN_AT_US || store->newest_us > EVENT_TIME_MAX_US ||
        store->folded_to_us < FIRST_KNOWN_AT_US || store->folded_to_us > store->newest_us)
        return error_set(error, PATRON_CORRUPT, "the store's state row is damaged");
    return PATRON_OK;
}

static enum patron_code answered_get(struct store *store, struct error *error)
{
    struct bytes value;
    store->answered_until_us = INT64_MIN;
    enum patron_code code = meta_get(store, "answered", &value, error);
    if (code == PATRON_NOT_FOUND)
        return PATRON_OK;
    TRY(code);
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    store->answered_until_us = decode_signed(&from);
    if (format != META_ROW_FORMAT || !decoder_done(&from))
        return error_set(error, PATRON_CORRUPT, "the store's row of what was answered is damaged");
    return PATRON_OK;
}

enum patron_code store_answered_set(struct store *store, int64_t until_us, struct error *error)
{
    CHECK(!store->group_open);
    CHECK(!store->failed); /* what failed is still in the batch */
    struct encoder to = {0};
    encode_u8(&to, META_ROW_FORMAT);
    encode_signed(&to, until_us);
    meta_put(store, "answered", &to);
    enum patron_code code = kv_write(store->kv, store->batch, true, error);
    if (code == PATRON_OK)
        store->answered_until_us = until_us;
    else
        store->failed = true;
    return code;
}

int64_t store_answered_until(const struct store *store)
{
    return store->answered_until_us;
}

static void key_check_value(const uint8_t *key, uint8_t check[KEY_CHECK_BYTES])
{
    static const uint8_t context[] = "patron key check";
    crypto_generichash(check, KEY_CHECK_BYTES, key, STORE_KEY_BYTES, context, sizeof context - 1);
}

static enum patron_code key_check(struct store *store, struct error *error)
{
    struct bytes value;
    enum patron_code code = meta_get(store, "key", &value, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "the data directory does not say which key it was written with");
    TRY(code);
    uint8_t check[KEY_CHECK_BYTES];
    key_check_value(store->key, check);
    if (!bytes_equal(value, bytes_of(check, sizeof check)))
        return error_set(error, PATRON_PRECONDITION,
            "the key file is not the one this store was written with: identifiers could not be found with it. "
            "Give the right one with --key");
    return PATRON_OK;
}

static enum patron_code store_create(struct store *store, struct error *error)
{
    store->newest_us = FIRST_KNOWN_AT_US;
    store->folded_to_us = FIRST_KNOWN_AT_US;
    struct encoder to = {0};
    encode_u8(&to, STORE_FORMAT);
    meta_put(store, "format", &to);
    uint8_t check[KEY_CHECK_BYTES];
    key_check_value(store->key, check);
    encode_raw(&to, check, sizeof check);
    meta_put(store, "key", &to);
    state_put(store);
    return kv_write(store->kv, store->batch, true, error);
}

/* A store is made only where there is none: over a damaged one it would begin to count anew. */
static enum patron_code log_check_empty(struct store *store, struct error *error)
{
    struct kv_iterator *rows = kv_iterator_new(store->kv, NULL, KV_LOG, (struct bytes){0});
    kv_iterator_seek(rows, (struct bytes){0});
    enum patron_code code = kv_iterator_valid(rows)
        ? error_set(error, PATRON_CORRUPT, "the data directory has a log but does not say its format: it is damaged")
        : kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    return code;
}

static enum patron_code format_open(struct store *store, struct error *error)
{
    struct bytes value;
    enum patron_code code = meta_get(store, "format", &value, error);
    if (code == PATRON_NOT_FOUND) {
        TRY(log_check_empty(store, error));
        return store_create(store, error);
    }
    TRY(code);
    if (value.length != 1 || value.data[0] == 0)
        return error_set(error, PATRON_CORRUPT, "the data directory's format row is damaged");
    if (value.data[0] > STORE_FORMAT)
        return error_set(error, PATRON_PRECONDITION,
            "the data directory was written by a newer Patron (format %u; this one knows up to %d): "
            "run that version, or restore a backup made by this one",
            value.data[0], STORE_FORMAT);
    if (value.data[0] < STORE_FORMAT)
        return error_set(error, PATRON_PRECONDITION,
            "the data directory was written by an earlier Patron (format %u; this one writes %d), which kept less "
            "about identities: give another directory and import the history again",
            value.data[0], STORE_FORMAT);
    TRY(key_check(store, error));
    return state_get(store, error);
}

enum patron_code store_open(const struct store_options *options, struct store **opened, struct error *error)
{
    if (sodium_init() < 0)
        return error_set(error, PATRON_INTERNAL, "libsodium does not start");
    struct store *store = memory_alloc(sizeof *store);
    store->kv = options->kv;
    store->batch = kv_batch_new(options->kv);
    memcpy(store->key, options->key, STORE_KEY_BYTES);
    store->home = options->home;
    store->event_ahead_max_us = options->event_ahead_max_us ? options->event_ahead_max_us : 7 * MICROSECONDS_PER_DAY;
    store->progress = options->progress;
    store->progress_context = options->progress_context;
    store->notice = options->notice;
    store->notice_context = options->notice_context;
    enum patron_code code = format_open(store, error);
    if (code == PATRON_OK)
        code = answered_get(store, error);
    bool added = false;
    if (code == PATRON_OK)
        code = versions_open(store, options->definitions_text, &added, error);
    store->drift = drift_new();
    if (code == PATRON_OK)
        code = drift_load(store->drift, store->kv, error);
    if (code == PATRON_OK)
        code = sharing_open(store, error);
    if (code == PATRON_OK)
        code = refusals_open(store, error);
    if (code == PATRON_OK)
        code = changes_open(store, error);
    if (code == PATRON_OK)
        code = review_open(store, error);
    if (code == PATRON_OK)
        code = store_recover(store, error);
    if (code == PATRON_OK && (added || !options->refills_later))
        code = store_refill_now(store, error);
    if (code != PATRON_OK) {
        store_close(store);
        return code;
    }
    *opened = store;
    return PATRON_OK;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    CHECK(!store->group_open || store->failed);
    touched_release(store);
    lagging_forget_all(store);
    drift_free(store->drift);
    sharing_close(store);
    store->home = NULL; /* it is told nothing any more */
    lagging_outdated_drop(store, SIZE_MAX);
    kv_batch_free(store->batch);
    versions_release(store->versions);
    arena_clear(&store->group_arena);
    arena_clear(&store->event_arena);
    sodium_memzero(store->key, sizeof store->key);
    memory_free(store);
}

const struct definitions *store_definitions(const struct store *store)
{
    return store->definitions;
}

bool store_has_failed(const struct store *store)
{
    return store->failed;
}

int64_t store_newest_known_at(const struct store *store)
{
    return store->newest_us;
}

void store_view_take(struct store *store, struct view *view)
{
    CHECK(!store->group_open);
    *view = (struct view){.kv = store->kv,
        .snapshot = kv_snapshot_new(store->kv),
        .definitions = store->definitions,
        .layout = store->layout,
        .versions = versions_retain(store->versions),
        .home = store->home,
        .key = store->key,
        .position_us = store->newest_us};
}

void store_figures(const struct store *store, struct store_figures *figures)
{
    *figures = (struct store_figures){.nodes = store->last_node,
        .events = store->events,
        .merges = store->merges,
        .identifiers_dropped = store->identifiers_dropped,
        .profiles_behind = store->lagging_count,
        .schema = drift_figures(store->drift),
        .sharing = sharing_figures(store),
        .review = store->review,
        .changes = store->changes};
    memcpy(figures->refused, store->refused, sizeof figures->refused);
}
