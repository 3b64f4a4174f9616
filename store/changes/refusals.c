/* queues: key    queue u8 = 1 (refusals) | known_at i64 BE, sign bit flipped
 *         value  format u8 = 1 | event node varint | n varint | n dropped identifiers: obstacle u8 | type number
 *                varint | hash 16 bytes | node varint (0: none) | review item signed (0: none)
 *         key    queue u8 = 2 (a node's refusals) | node u64 BE | known_at          value  format u8 = 1
 * meta:   key    "refused"
 *         value  format u8 = 1 | n varint | n times: obstacle u8 | how many varint; absent: none yet */
#include "store/changes/refusals.h"

#include "store/identity/rules.h"
#include "store/store_internal.h"

enum { ROW_FORMAT = 1, REFUSAL_KEY_BYTES = 9, OF_KEY_BYTES = 17 };

#define X(obstacle, number, word) \
    _Static_assert((number) < (int)OBSTACLE_FIGURES_MAX, "each obstacle has its place among the figures");
OBSTACLES(X)
#undef X

static struct bytes refusal_key(int64_t known_at_us, uint8_t key[REFUSAL_KEY_BYTES])
{
    key[0] = QUEUE_AUDIT;
    encode_time(key + 1, known_at_us);
    return bytes_of(key, REFUSAL_KEY_BYTES);
}

static struct bytes of_key(uint64_t node, int64_t known_at_us, uint8_t key[OF_KEY_BYTES])
{
    key[0] = QUEUE_REFUSED_OF;
    encode_be64(key + 1, node);
    encode_time(key + 9, known_at_us);
    return bytes_of(key, OF_KEY_BYTES);
}

static void of_put(struct kv_batch *batch, uint64_t node, int64_t known_at_us)
{
    static const uint8_t format[] = {ROW_FORMAT};
    uint8_t key[OF_KEY_BYTES];
    kv_batch_put(batch, KV_QUEUES, of_key(node, known_at_us, key), bytes_of(format, sizeof format));
}

void refusal_put(struct kv_batch *batch, const struct refusal *refusal)
{
    struct encoder to = {0};
    encode_u8(&to, ROW_FORMAT);
    encode_varint(&to, refusal->node);
    encode_varint(&to, refusal->count);
    of_put(batch, refusal->node, refusal->known_at_us);
    for (size_t i = 0; i < refusal->count; i++) {
        const struct refused_identifier *identifier = &refusal->identifiers[i];
        encode_u8(&to, (uint8_t)identifier->obstacle);
        encode_varint(&to, identifier->type);
        encode_raw(&to, identifier->hash, IDENTIFIER_HASH_BYTES);
        encode_varint(&to, identifier->node);
        encode_signed(&to, identifier->item_us);
        if (identifier->node != NODE_NONE)
            of_put(batch, identifier->node, refusal->known_at_us);
    }
    uint8_t key[REFUSAL_KEY_BYTES];
    kv_batch_put(batch, KV_QUEUES, refusal_key(refusal->known_at_us, key), encoder_borrow(&to));
    encoder_clear(&to);
}

enum patron_code refusal_decode(
    struct bytes key, struct bytes value, struct arena *arena, struct refusal *refusal, struct error *error)
{
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    refusal->node = decode_varint(&from);
    uint64_t count = decode_varint(&from);
    bool sound = format == ROW_FORMAT && key.length == REFUSAL_KEY_BYTES && count <= EVENT_IDENTIFIERS_MAX;
    struct refused_identifier *identifiers = arena_array(arena, sound ? count : 0, sizeof *identifiers);
    for (size_t i = 0; sound && i < count; i++) {
        sound = obstacle_from(decode_u8(&from), &identifiers[i].obstacle) && identifiers[i].obstacle != OBSTACLE_NONE;
        uint64_t type = decode_varint(&from);
        const uint8_t *hash = decode_raw(&from, IDENTIFIER_HASH_BYTES);
        identifiers[i].node = decode_varint(&from);
        identifiers[i].item_us = decode_signed(&from);
        identifiers[i].type = (uint16_t)type;
        sound = sound && hash && type < IDENTIFIER_TYPES_MAX;
        if (sound)
            memcpy(identifiers[i].hash, hash, IDENTIFIER_HASH_BYTES);
    }
    if (!sound || !decoder_done(&from))
        return error_set(error, PATRON_CORRUPT, "the record of a refusal is damaged");
    refusal->known_at_us = decode_time(key.data + 1);
    refusal->identifiers = identifiers;
    refusal->count = count;
    return PATRON_OK;
}

enum patron_code refusal_get(const struct view *view, int64_t known_at_us, struct arena *arena,
    struct refusal *refusal, struct error *error)
{
    uint8_t key[REFUSAL_KEY_BYTES];
    struct bytes value;
    enum patron_code code =
        kv_get(view->kv, view->snapshot, KV_QUEUES, refusal_key(known_at_us, key), arena, &value, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "a refusal is listed that is not there: run patron verify");
    TRY(code);
    return refusal_decode(bytes_of(key, sizeof key), value, arena, refusal, error);
}

enum patron_code refusal_times_of_node(const struct view *view, const struct refusals_asked *asked,
    void (*take)(void *context, int64_t known_at_us), void *context, struct error *error)
{
    uint8_t key[OF_KEY_BYTES];
    struct bytes from = of_key(asked->node, asked->from_us, key);
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_QUEUES, bytes_of(key, 9));
    enum patron_code code = PATRON_OK;
    size_t count = 0;
    for (kv_iterator_seek(rows, from); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct bytes found = kv_iterator_borrow_key(rows);
        if (found.length != OF_KEY_BYTES) {
            code = error_set(error, PATRON_CORRUPT, "the list of a node's refusals is damaged");
            goto free_rows;
        }
        int64_t known_at_us = decode_time(found.data + 9);
        if (known_at_us >= asked->before_us || (asked->most > 0 && count == asked->most))
            goto free_rows;
        take(context, known_at_us);
        count++;
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

struct times {
    struct arena *arena;
    int64_t *times;
    size_t count, capacity;
};

static void times_take(void *context, int64_t known_at_us)
{
    struct times *times = context;
    if (times->count == times->capacity) {
        size_t capacity = times->capacity ? times->capacity * 2 : 8;
        int64_t *more = arena_array(times->arena, capacity, sizeof *more);
        if (times->count > 0)
            memcpy(more, times->times, times->count * sizeof *more);
        times->times = more;
        times->capacity = capacity;
    }
    times->times[times->count++] = known_at_us;
}

enum patron_code refusals_of_node(const struct view *view, const struct refusals_asked *asked, struct arena *arena,
    struct refusal **refusals, size_t *count, struct error *error)
{
    struct times times = {.arena = arena};
    TRY(refusal_times_of_node(view, asked, times_take, &times, error));
    *refusals = arena_array(arena, times.count, sizeof **refusals);
    *count = 0;
    for (; *count < times.count; (*count)++)
        TRY(refusal_get(view, times.times[*count], arena, &(*refusals)[*count], error));
    return PATRON_OK;
}

/* --- figures ------------------------------------------------------------------------------------------------------ */

void refusal_count(struct store *store, enum obstacle obstacle)
{
    CHECK(store->group_open);
    store->refused[obstacle]++;
    struct encoder to = {0};
    encode_u8(&to, ROW_FORMAT);
    uint64_t kinds = 0;
    for (size_t i = 0; i < OBSTACLE_FIGURES_MAX; i++)
        kinds += store->refused[i] > 0;
    encode_varint(&to, kinds);
    for (size_t i = 0; i < OBSTACLE_FIGURES_MAX; i++) {
        if (store->refused[i] == 0)
            continue;
        encode_u8(&to, (uint8_t)i);
        encode_varint(&to, store->refused[i]);
    }
    meta_put(store, "refused", &to);
}

enum patron_code refusals_open(struct store *store, struct error *error)
{
    struct bytes value;
    enum patron_code code = meta_get(store, "refused", &value, error);
    if (code == PATRON_NOT_FOUND)
        return PATRON_OK;
    TRY(code);
    struct decoder from = decoder_of(value);
    bool sound = decode_u8(&from) == ROW_FORMAT;
    uint64_t kinds = decode_varint(&from);
    sound = sound && kinds < OBSTACLE_FIGURES_MAX;
    for (uint64_t i = 0; sound && i < kinds; i++) {
        enum obstacle obstacle;
        sound = obstacle_from(decode_u8(&from), &obstacle);
        uint64_t times = decode_varint(&from);
        if (sound)
            store->refused[obstacle] = times;
    }
    if (!sound || !decoder_done(&from))
        return error_set(error, PATRON_CORRUPT, "the store's row of what was refused is damaged");
    return PATRON_OK;
}
