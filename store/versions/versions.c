/* meta: key "definitions"  value format u8 = 1 | n varint | (known_at of the version's entry in the log, signed |
 *                                dropped u8, 0 or 1)*, in order: the first is version 1
 *       key "refill"       value format u8 = 1 | version varint | filling u8, 0 or 1 | cursor varint | position signed:
 *                                the newest version does not serve yet. The rows of its generation are those of every
 *                                customer (while filling: up to the cursor) at the position. */
#include "store/store_internal.h"

#include <sodium.h>
#include <stdio.h>

#include "store/definitions/compare.h"
#include "store/features/layout_equal.h"
#include "store/changes/to_block.h"

/* The log of a store holds so many at most: all of them are read when it is opened. */
enum { DEFINITIONS_VERSIONS_MAX = 100000, META_ROW_FORMAT = 1, VERSIONS_TEXT_MAX = 256, NOTICE_MAX = 1024 };
/* Left in an error's words for the name of the file that comes before them. */
enum { PATH_ROOM = 200 };

/* --- what a version makes -------------------------------------------------------------------------------------- */

static void text_hash(struct bytes text, uint8_t hash[VERSION_HASH_BYTES])
{
    CHECK(crypto_generichash(hash, VERSION_HASH_BYTES, text.data, text.length, NULL, 0) == 0);
}

static struct version *version_new(const struct definitions *definitions, int64_t known_at_us)
{
    struct version *version = memory_alloc(sizeof *version);
    atomic_init(&version->references, 1);
    version->number = definitions->version;
    version->known_at_us = known_at_us;
    version->text_bytes = definitions->text.length;
    text_hash(definitions->text, version->text_hash);
    version->keeps_unknown = definitions->unknown_attributes == UNKNOWN_KEEP;
    version->definitions = definitions_retain(definitions);
    version->layout = layout_new(definitions);
    return version;
}

/* What stays of a version that is dropped: that there was one. */
static struct version *version_husk(const struct version *whole)
{
    struct version *version = memory_alloc(sizeof *version);
    atomic_init(&version->references, 1);
    version->number = whole->number;
    version->known_at_us = whole->known_at_us;
    version->text_bytes = whole->text_bytes;
    memcpy(version->text_hash, whole->text_hash, VERSION_HASH_BYTES);
    version->keeps_unknown = whole->keeps_unknown;
    return version;
}

struct version *version_retain(struct version *version)
{
    atomic_fetch_add_explicit(&version->references, 1, memory_order_relaxed);
    return version;
}

void version_release(struct version *version)
{
    if (!version || atomic_fetch_sub_explicit(&version->references, 1, memory_order_acq_rel) > 1)
        return;
    layout_free(version->layout);
    definitions_release(version->definitions);
    memory_free(version);
}

const struct versions *versions_retain(const struct versions *versions)
{
    atomic_fetch_add_explicit(&((struct versions *)(uintptr_t)versions)->references, 1, memory_order_relaxed);
    return versions;
}

void versions_release(const struct versions *versions)
{
    if (!versions)
        return;
    struct versions *gone = (struct versions *)(uintptr_t)versions;
    if (atomic_fetch_sub_explicit(&gone->references, 1, memory_order_acq_rel) > 1)
        return;
    for (size_t i = 0; i < gone->count; i++)
        version_release(gone->list[i]);
    memory_free(gone);
}

/* A list as before (null: empty), but with this version at its number's place. */
static const struct versions *versions_with(const struct versions *before, struct version *take_version)
{
    size_t place = take_version->number - 1, count = before ? before->count : 0;
    CHECK(place <= count);
    size_t made_count = place == count ? count + 1 : count;
    struct versions *made = memory_alloc(sizeof *made + made_count * sizeof made->list[0]);
    atomic_init(&made->references, 1);
    made->count = made_count;
    for (size_t i = 0; i < count; i++)
        made->list[i] = i == place ? NULL : version_retain(before->list[i]);
    made->list[place] = take_version;
    return made;
}

/* "1, 2, 5 … 9": those that can be asked for. */
static const char *versions_text(const struct versions *versions, char text[VERSIONS_TEXT_MAX])
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; i < versions->count && length + 32 < VERSIONS_TEXT_MAX; i++) {
        if (!versions->list[i]->definitions)
            continue;
        size_t last = i;
        while (last + 1 < versions->count && versions->list[last + 1]->definitions)
            last++;
        bool range = last > i + 1;
        length += (size_t)snprintf(text + length, VERSIONS_TEXT_MAX - length, range ? "%s%zu to %zu" : "%s%zu",
            length ? ", " : "", i + 1, last + 1);
        i = range ? last : i;
    }
    return text;
}

enum patron_code view_of_version(const struct view *view, uint32_t number, struct view *other, struct error *error)
{
    *other = *view;
    if (number == 0)
        return PATRON_OK;
    char text[VERSIONS_TEXT_MAX];
    if (number > view->versions->count)
        return error_set(error, PATRON_NOT_FOUND, "there is no version %u of the definitions; there are %s", number,
            versions_text(view->versions, text));
    struct version *version = view->versions->list[number - 1];
    if (!version->definitions)
        return error_set(error, PATRON_PRECONDITION, "version %u of the definitions was dropped; there are %s", number,
            versions_text(view->versions, text));
    atomic_fetch_add_explicit(&version->asked, 1, memory_order_relaxed);
    if (version->definitions == view->definitions)
        return PATRON_OK;
    other->definitions = version->definitions;
    other->layout = version->layout;
    other->home = NULL;
    return PATRON_OK;
}

void store_view_release(struct view *view)
{
    /* The snapshot is the holder's to free, and const only towards readers. */
    kv_snapshot_free(view->kv, (struct kv_snapshot *)(uintptr_t)view->snapshot);
    versions_release(view->versions);
}

/* --- the rows of meta ------------------------------------------------------------------------------------------ */

static void versions_put(struct store *store, const struct versions *versions)
{
    struct encoder to = {0};
    encode_u8(&to, META_ROW_FORMAT);
    encode_varint(&to, versions->count);
    for (size_t i = 0; i < versions->count; i++) {
        encode_signed(&to, versions->list[i]->known_at_us);
        encode_u8(&to, !versions->list[i]->definitions);
    }
    meta_put(store, "definitions", &to);
}

void refill_state_put(struct kv_batch *batch, const struct refill_state *state)
{
    struct encoder to = {0};
    encode_u8(&to, META_ROW_FORMAT);
    encode_varint(&to, state->version);
    encode_u8(&to, state->filling);
    encode_varint(&to, state->cursor);
    encode_signed(&to, state->position_us);
    kv_batch_put(batch, KV_META, bytes_from_string("refill"), encoder_borrow(&to));
    encoder_clear(&to);
}

static enum patron_code refill_state_get(struct store *store, struct error *error)
{
    struct bytes value;
    struct refill_state *state = &store->refill;
    *state = (struct refill_state){0};
    enum patron_code code = meta_get(store, "refill", &value, error);
    if (code == PATRON_NOT_FOUND)
        return PATRON_OK;
    TRY(code);
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    uint64_t version = decode_varint(&from);
    uint8_t filling = decode_u8(&from);
    state->version = (uint32_t)version;
    state->filling = filling;
    state->cursor = decode_varint(&from);
    state->position_us = decode_signed(&from);
    if (format != META_ROW_FORMAT || !decoder_done(&from) || filling > 1 || version != store->versions->count ||
        version == store->serving->number || state->position_us > store->newest_us ||
        (state->filling && state->cursor > store->last_node))
        return error_set(error, PATRON_CORRUPT, "the store's row of what is being refilled is damaged");
    return PATRON_OK;
}

/* --- opening --------------------------------------------------------------------------------------------------- */

static enum patron_code entry_get(
    struct store *store, int64_t known_at_us, struct log_entry *entry, struct error *error)
{
    uint8_t key[8];
    encode_time(key, known_at_us);
    struct bytes value;
    enum patron_code code =
        kv_get(store->kv, NULL, KV_LOG, bytes_of(key, sizeof key), &store->event_arena, &value, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "the log misses a version of the definitions");
    TRY(code);
    TRY(log_decode(bytes_of(key, sizeof key), value, &store->event_arena, entry, error));
    if (entry->kind != LOG_DEFINITIONS)
        return error_set(
            error, PATRON_CORRUPT, "the log has an event where a version of the definitions should be");
    return PATRON_OK;
}

/* Parses every stored version in order, dropped ones too, so that names keep their numbers. */
static enum patron_code versions_replay(struct store *store, struct bytes list, struct error *error)
{
    struct decoder from = decoder_of(list);
    uint8_t format = decode_u8(&from);
    uint64_t count = decode_varint(&from);
    if (format != META_ROW_FORMAT || from.bad || count == 0 || count > DEFINITIONS_VERSIONS_MAX)
        return error_set(error, PATRON_CORRUPT, "the list of definitions' versions is damaged");
    const struct definitions *previous = NULL;
    enum patron_code code = PATRON_OK;
    for (uint32_t number = 1; number <= count && code == PATRON_OK; number++) {
        int64_t known_at_us = decode_signed(&from);
        uint8_t dropped = decode_u8(&from);
        if (from.bad || dropped > 1 || (dropped && number == count)) {
            code = error_set(error, PATRON_CORRUPT, "the list of definitions' versions is damaged");
            break;
        }
        arena_reset(&store->event_arena);
        struct log_entry entry;
        const struct definitions *next;
        code = entry_get(store, known_at_us, &entry, error);
        if (code == PATRON_OK)
            code = definitions_parse(entry.text, previous, number, true, &next, error);
        if (code != PATRON_OK)
            break;
        definitions_release(previous);
        previous = next;
        struct version *version = version_new(next, known_at_us);
        const struct versions *before = store->versions;
        store->versions = versions_with(before, dropped ? version_husk(version) : version_retain(version));
        version_release(version);
        versions_release(before);
    }
    definitions_release(previous);
    if (code == PATRON_OK && !decoder_done(&from))
        code = error_set(error, PATRON_CORRUPT, "the list of definitions' versions is damaged");
    return code;
}

static void serve(struct store *store, struct version *version, uint32_t generation)
{
    store->serving = version;
    store->definitions = version->definitions;
    store->layout = version->layout;
    if (version->layout->generation != generation) /* the first time only: later others may read it */
        version->layout->generation = generation;
}

static enum patron_code serving_open(struct store *store, struct error *error)
{
    uint32_t number = store->serving_number;
    if (number == 0 || number > store->versions->count || !store->versions->list[number - 1]->definitions ||
        store->generation == 0 || store->generation > number)
        return error_set(error, PATRON_CORRUPT, "the store's state row names a version that is not there");
    serve(store, store->versions->list[number - 1], store->generation);
    TRY(refill_state_get(store, error));
    bool refilled = store->refill.version == 0;
    if (refilled != (number == store->versions->count))
        return error_set(error, PATRON_CORRUPT, "the store's row of what is being refilled is damaged");
    return PATRON_OK;
}

/* A file that was left as it was when other definitions were applied must not bring the old ones back. */
static bool is_old_text(const struct store *store, struct bytes text, uint32_t *number)
{
    uint8_t hash[VERSION_HASH_BYTES];
    text_hash(text, hash);
    for (size_t i = store->versions->count - 1; i > 0; i--) {
        const struct version *version = store->versions->list[i - 1];
        if (version->text_bytes == text.length && memcmp(version->text_hash, hash, sizeof hash) == 0) {
            *number = version->number;
            return true;
        }
    }
    return false;
}

static void old_text_notice(const struct store *store, uint32_t number)
{
    char words[NOTICE_MAX];
    uint32_t newest = versions_newest(store->versions)->number;
    bool dropped = !store->versions->list[number - 1]->definitions;
    snprintf(words, sizeof words,
        "the definitions file is version %u of the store%s, which has gone on to version %u: version %u stays. Write "
        "it to the file (patron definitions show -o yaml), or go back with patron definitions apply FILE",
        number, dropped ? ", dropped since" : "", newest, newest);
    if (store->notice)
        store->notice(store->notice_context, words);
}

/* "version 6 … against version 5: feature a added, event b changed and 2 more". */
static void new_text_notice(const struct store *store, const struct definitions *before, const struct definitions *next)
{
    enum { TOLD_MAX = 20 };
    struct arena arena = {0};
    struct changes changes = {0};
    char words[NOTICE_MAX];
    definitions_compare(before, next, &arena, &changes);
    size_t told = 0, length = (size_t)snprintf(words, sizeof words,
        "the definitions file is new to the store, and is version %u now, against version %u: ", next->version,
        before->version);
    for (; told < changes.count && told < TOLD_MAX; told++) {
        const struct change *change = &changes.list[told];
        char one[VERSIONS_TEXT_MAX];
        size_t size = (size_t)snprintf(one, sizeof one, "%s%s %.*s %s", told ? ", " : "",
            change_what_name(change->what), BYTES_ARGUMENTS(change->name), change_kind_name(change->kind));
        if (size >= sizeof one || length + size + sizeof " and 100000 more" > sizeof words)
            break;
        memcpy(words + length, one, size + 1);
        length += size;
    }
    if (changes.count == 0)
        snprintf(words + length, sizeof words - length, "nothing but blanks and comments is different");
    else if (told < changes.count)
        snprintf(words + length, sizeof words - length, " and %zu more", changes.count - told);
    arena_clear(&arena);
    if (store->notice)
        store->notice(store->notice_context, words);
}

/* No server is there to force what may be forced: says how to come by one. The mistakes go before, as far as there is
 * room for them. */
static enum patron_code force_advise(struct bytes text, const struct version *newest, struct error *error)
{
    const struct definitions *forced;
    if (!error || definitions_parse(text, newest->definitions, newest->number + 1, true, &forced, NULL) != PATRON_OK)
        return PATRON_INVALID;
    definitions_release(forced);
    char advice[VERSIONS_TEXT_MAX];
    int size = snprintf(advice, sizeof advice,
        "\nTo force it, start without --definitions, which serves version %u, and then: patron definitions apply FILE "
        "--force",
        newest->number);
    size_t used = strlen(error->text), room = sizeof error->text - (size_t)size - 1 - PATH_ROOM;
    used = used < room ? used : room;
    while (used > 0 && ((unsigned char)error->text[used] & 0xC0) == 0x80)
        used--; /* not in the middle of a character */
    memcpy(error->text + used, advice, (size_t)size + 1);
    return PATRON_INVALID;
}

enum patron_code versions_open(struct store *store, struct bytes text, bool *added, struct error *error)
{
    *added = false;
    struct bytes list;
    enum patron_code code = meta_get(store, "definitions", &list, error);
    if (code == PATRON_OK) {
        struct arena arena = {0};
        code = versions_replay(store, arena_copy(&arena, list), error);
        arena_clear(&arena);
        if (code == PATRON_OK)
            code = serving_open(store, error);
    } else if (code == PATRON_NOT_FOUND) {
        code = text.length > 0 ? PATRON_OK
                               : error_set(error, PATRON_PRECONDITION,
                                     "a new store needs definitions: give a file with --definitions");
    }
    TRY(code);
    const struct version *newest = store->versions ? versions_newest(store->versions) : NULL;
    if (text.length == 0 || (newest && bytes_equal(text, newest->definitions->text)))
        return PATRON_OK;
    uint32_t number;
    if (newest && is_old_text(store, text, &number)) {
        old_text_notice(store, number);
        return PATRON_OK;
    }
    const struct definitions *next;
    code = definitions_parse(
        text, newest ? newest->definitions : NULL, newest ? newest->number + 1 : 1, false, &next, error);
    if (code != PATRON_OK)
        return newest && code == PATRON_INVALID ? force_advise(text, newest, error) : code;
    code = store_define(store, next, INT64_MIN, true, error);
    if (code == PATRON_OK && newest)
        new_text_notice(store, newest->definitions, next);
    definitions_release(next);
    *added = code == PATRON_OK;
    return code;
}

/* --- changing -------------------------------------------------------------------------------------------------- */

/* Where unknown attributes were ever kept by name, events that wait for their time may have some that now count. */
static bool kept_may_count(
    const struct versions *versions, const struct definitions *serving, const struct definitions *next)
{
    bool kept = false;
    for (size_t i = 0; i < versions->count; i++)
        kept = kept || versions->list[i]->keeps_unknown;
    for (size_t i = 0; kept && i < serving->event_count; i++) {
        const struct event_type *before = &serving->events[i];
        const struct event_type *after = definitions_event_type_by_number(next, before->number);
        if (after->attribute_count > before->attribute_count)
            return true;
    }
    return false;
}

static bool profiles_stay(const struct versions *versions, const struct layout *serving, const struct layout *next)
{
    return layout_equal(serving, next) && !kept_may_count(versions, serving->definitions, next->definitions);
}

bool view_would_refill(const struct view *view, const struct definitions *next)
{
    struct layout *layout = layout_new(next);
    bool stay = profiles_stay(view->versions, view->layout, layout);
    layout_free(layout);
    return !stay;
}

static enum patron_code define_check(
    const struct store *store, const struct definitions *next, bool supersede, struct error *error)
{
    const struct versions *versions = store->versions;
    uint32_t newest = versions ? versions_newest(versions)->number : 0;
    if (next->version != newest + 1)
        return error_set(error, PATRON_PRECONDITION,
            "version %u of the definitions was applied meanwhile: look at it, and apply again", newest);
    if (store_is_refilling(store) && !supersede)
        return error_set(error, PATRON_PRECONDITION,
            "version %u of the definitions is being filled from the events: apply other definitions once it serves",
            newest);
    size_t kept = 0;
    for (size_t i = 0; versions && i < versions->count; i++)
        kept += versions->list[i]->definitions != NULL;
    if (kept >= DEFINITIONS_VERSIONS_KEPT_MAX || newest >= DEFINITIONS_VERSIONS_MAX)
        return error_set(error, PATRON_EXHAUSTED,
            "%zu versions of the definitions are kept already: drop those that nobody asks for with patron definitions "
            "drop",
            kept);
    return PATRON_OK;
}

enum patron_code store_define(
    struct store *store, const struct definitions *next, int64_t known_at_us, bool supersede, struct error *error)
{
    CHECK(!store->group_open && !store->failed);
    TRY(define_check(store, next, supersede, error));
    if (known_at_us <= store->newest_us)
        known_at_us = store->newest_us + 1;
    TRY(to_block_listed(store, next, error));
    struct version *made = version_new(next, known_at_us);
    bool first = !store->versions;
    bool same = !first && profiles_stay(store->versions, store->layout, made->layout);
    const struct versions *versions = versions_with(store->versions, made);
    struct refill_state refill = {0};
    if (first || same) {
        store->serving_number = made->number;
        store->generation = first ? made->number : store->generation;
        kv_batch_delete(store->batch, KV_META, bytes_from_string("refill"));
    } else {
        refill = (struct refill_state){.version = made->number, .filling = true, .position_us = store->newest_us};
        refill_state_put(store->batch, &refill);
    }
    struct log_entry entry = {
        .known_at_us = known_at_us, .kind = LOG_DEFINITIONS, .version = made->number, .text = next->text};
    log_put(store->batch, &entry);
    versions_put(store, versions);
    if (store->folded_to_us == store->newest_us)
        store->folded_to_us = known_at_us;
    store->newest_us = known_at_us;
    state_put(store);
    enum patron_code code = kv_write(store->kv, store->batch, true, error);
    if (code != PATRON_OK) {
        versions_release(versions);
        store->failed = true;
        return code;
    }
    versions_release(store->versions);
    store->versions = versions;
    store->refill = refill;
    store->sweep_from_length = 0;
    if (first || same)
        serve(store, made, store->generation);
    return PATRON_OK;
}

bool store_is_refilling(const struct store *store)
{
    return store->refill.version != 0;
}

enum patron_code store_version_drop(struct store *store, uint32_t number, struct error *error)
{
    CHECK(!store->group_open && !store->failed);
    const struct versions *versions = store->versions;
    char text[VERSIONS_TEXT_MAX];
    if (number == 0 || number > versions->count)
        return error_set(error, PATRON_NOT_FOUND, "there is no version %u of the definitions; there are %s", number,
            versions_text(versions, text));
    struct version *version = versions->list[number - 1];
    if (!version->definitions)
        return error_set(error, PATRON_PRECONDITION, "version %u of the definitions was dropped already", number);
    if (version == store->serving)
        return error_set(error, PATRON_PRECONDITION, "version %u of the definitions is the one that serves", number);
    if (version == versions_newest(versions))
        return error_set(
            error, PATRON_PRECONDITION, "version %u of the definitions is the newest: it is to serve next", number);
    if (sharing_needs_version(store, number))
        return error_set(error, PATRON_PRECONDITION,
            "a cost is being shared out by version %u of the definitions: drop it in a while", number);
    const struct versions *without =
        versions_with(versions, version_husk(version));
    versions_put(store, without);
    enum patron_code code = kv_write(store->kv, store->batch, true, error);
    if (code != PATRON_OK) {
        versions_release(without);
        store->failed = true;
        return code;
    }
    store->versions = without;
    versions_release(versions);
    return PATRON_OK;
}

void version_serve_newest(struct store *store)
{
    struct version *newest = versions_newest(store->versions);
    serve(store, newest, newest->number);
    store->refill = (struct refill_state){0};
}
