/* meta: key "format"       value u8: the version of all formats of the store, 1
 *       key "key"          value 16 bytes: BLAKE2b-128 of the secret key, keyed with "patron key check"
 *       key "definitions"  value format u8 = 1 | n varint | known_at of each version's entry in the log, signed, in
 *                                order
 *       key "state"        value format u8 = 1 | last node varint | newest known_at signed | folded_to signed |
 *                          profiles' definitions version varint | events varint | merges varint | dropped varint
 *       keys "schema/…"    see schema/schema_rows.c
 *       key "answered"     value format u8 = 1 | until signed: no T after it has been answered; absent: none has */
#include "store/store_internal.h"

#include <sodium.h>

enum { STORE_FORMAT = 1, META_ROW_FORMAT = 1, KEY_CHECK_BYTES = 16, DEFINITIONS_VERSIONS_MAX = 100000 };

/* The log of a new store begins before all time an event can have, so that any history may follow. */
#define FIRST_KNOWN_AT_US (EVENT_TIME_MIN_US - MICROSECONDS_PER_DAY)

static enum patron_code meta_get(struct store *store, const char *name, struct bytes *value, struct error *error)
{
    return kv_get(store->kv, NULL, KV_META, bytes_from_string(name), &store->event_arena, value, error);
}

static void meta_put(struct store *store, const char *name, struct encoder *value)
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
    encode_varint(&to, store->profiles_version);
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
    uint64_t version = decode_varint(&from);
    store->profiles_version = (uint32_t)version;
    store->events = decode_varint(&from);
    store->merges = decode_varint(&from);
    store->identifiers_dropped = decode_varint(&from);
    if (format != META_ROW_FORMAT || !decoder_done(&from) || version > UINT32_MAX ||
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
    TRY(key_check(store, error));
    return state_get(store, error);
}

/* Parses every stored version in order, so that names keep their numbers. */
static enum patron_code definitions_replay(
    struct store *store, struct bytes list, struct encoder *known_ats, struct error *error)
{
    struct decoder from = decoder_of(list);
    uint8_t format = decode_u8(&from);
    uint64_t count = decode_varint(&from);
    if (format != META_ROW_FORMAT || from.bad || count > DEFINITIONS_VERSIONS_MAX)
        return error_set(error, PATRON_CORRUPT, "the list of definitions' versions is damaged");
    for (uint64_t i = 0; i < count; i++) {
        uint8_t key[8];
        int64_t known_at_us = decode_signed(&from);
        encode_time(key, known_at_us);
        encode_signed(known_ats, known_at_us);
        struct bytes value;
        enum patron_code code =
            kv_get(store->kv, NULL, KV_LOG, bytes_of(key, sizeof key), &store->event_arena, &value, error);
        if (code == PATRON_NOT_FOUND || from.bad)
            return error_set(error, PATRON_CORRUPT, "the log misses a version of the definitions");
        TRY(code);
        struct log_entry entry;
        TRY(log_decode(bytes_of(key, sizeof key), value, &store->event_arena, &entry, error));
        if (entry.kind != LOG_DEFINITIONS)
            return error_set(
                error, PATRON_CORRUPT, "the log has an event where a version of the definitions should be");
        const struct definitions *next;
        TRY(definitions_parse(entry.text, store->definitions, entry.version, true, &next, error));
        definitions_release(store->definitions);
        store->definitions = next;
    }
    if (!decoder_done(&from))
        return error_set(error, PATRON_CORRUPT, "the list of definitions' versions is damaged");
    return PATRON_OK;
}

/* A new version is the next entry of the log. */
static enum patron_code definitions_add(
    struct store *store, struct bytes text, const struct encoder *known_ats, struct error *error)
{
    uint32_t version = store->definitions ? store->definitions->version + 1 : 1;
    const struct definitions *next;
    TRY(definitions_parse(text, store->definitions, version, false, &next, error));
    definitions_release(store->definitions);
    store->definitions = next;
    struct log_entry entry = {
        .known_at_us = store->newest_us + 1, .kind = LOG_DEFINITIONS, .version = version, .text = text};
    log_put(store->batch, &entry);
    struct encoder to = {0};
    encode_u8(&to, META_ROW_FORMAT);
    encode_varint(&to, version);
    encode_raw(&to, known_ats->data, known_ats->length);
    encode_signed(&to, entry.known_at_us);
    meta_put(store, "definitions", &to);
    if (store->folded_to_us == store->newest_us)
        store->folded_to_us = entry.known_at_us;
    store->newest_us = entry.known_at_us;
    state_put(store);
    return kv_write(store->kv, store->batch, true, error);
}

enum patron_code store_definitions_open(struct store *store, struct bytes text, struct error *error)
{
    struct bytes list;
    struct encoder known_ats = {0};
    enum patron_code code = meta_get(store, "definitions", &list, error);
    if (code == PATRON_OK)
        code = definitions_replay(store, list, &known_ats, error);
    else if (code == PATRON_NOT_FOUND)
        code = PATRON_OK;
    if (code == PATRON_OK && !store->definitions && text.length == 0)
        code = error_set(
            error, PATRON_PRECONDITION, "a new store needs definitions: give a file with --definitions");
    bool changed = text.length > 0 && (!store->definitions || !bytes_equal(text, store->definitions->text));
    if (code == PATRON_OK && changed)
        code = definitions_add(store, text, &known_ats, error);
    encoder_clear(&known_ats);
    return code;
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
    enum patron_code code = format_open(store, error);
    if (code == PATRON_OK)
        code = answered_get(store, error);
    if (code == PATRON_OK)
        code = store_definitions_open(store, options->definitions_text, error);
    store->drift = drift_new();
    if (code == PATRON_OK)
        code = drift_load(store->drift, store->kv, error);
    if (code == PATRON_OK) {
        store->layout = layout_new(store->definitions);
        code = store_recover(store, error);
    }
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
    kv_batch_free(store->batch);
    layout_free(store->layout);
    definitions_release(store->definitions);
    arena_clear(&store->group_arena);
    arena_clear(&store->event_arena);
    sodium_memzero(store->key, sizeof store->key);
    memory_free(store);
}

const struct definitions *store_definitions(const struct store *store)
{
    return store->definitions;
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
        .schema = drift_figures(store->drift)};
}
