/* queues: key    queue u8 = 3 (shared costs that wait) or 4 (unallocated) | known_at i64 BE, sign bit flipped
 *         value  format u8 = 1 | event time signed | event hash 16 bytes | type varint | period u8 | its first moment
 *                signed | its end signed | due signed | retries varint | obstacle u8 | version varint
 * meta:   key    "sharing"
 *         value  format u8 = 1 | costs shared out, varint; absent: none was */
#include "store/sharing/sharing_queue.h"

#include <stdio.h>

#include "store/base/time_text.h"

enum { WAITING_FORMAT = 1, SHARED_FORMAT = 1, WAITING_KEY_BYTES = 9, WAITING_FIRST = 16 };

/* --- rows --------------------------------------------------------------------------------------------------------- */

static void waiting_key(enum queue queue, int64_t known_at_us, uint8_t key[WAITING_KEY_BYTES])
{
    key[0] = (uint8_t)queue;
    encode_time(key + 1, known_at_us);
}

static void waiting_put(struct store *store, enum queue queue, const struct waiting_cost *cost)
{
    uint8_t key[WAITING_KEY_BYTES];
    waiting_key(queue, cost->known_at_us, key);
    struct encoder to = {0};
    encode_u8(&to, WAITING_FORMAT);
    encode_signed(&to, cost->time_us);
    encode_raw(&to, cost->hash, EVENT_HASH_BYTES);
    encode_varint(&to, cost->type);
    encode_u8(&to, (uint8_t)cost->period);
    encode_signed(&to, cost->stretch.from_us);
    encode_signed(&to, cost->stretch.until_us);
    encode_signed(&to, cost->due_us);
    encode_varint(&to, cost->retries);
    encode_u8(&to, (uint8_t)cost->obstacle);
    encode_varint(&to, cost->version);
    kv_batch_put(store->batch, KV_QUEUES, bytes_of(key, sizeof key), encoder_borrow(&to));
    encoder_clear(&to);
    store->group_queued = true;
}

static void waiting_delete(struct store *store, int64_t known_at_us)
{
    uint8_t key[WAITING_KEY_BYTES];
    waiting_key(QUEUE_SHARED_WAITING, known_at_us, key);
    kv_batch_delete(store->batch, KV_QUEUES, bytes_of(key, sizeof key));
    store->group_queued = true;
}

static enum patron_code waiting_decode(const struct store *store, struct bytes key, struct bytes value,
    struct waiting_cost *cost, struct error *error)
{
    struct decoder from = decoder_of(value);
    *cost = (struct waiting_cost){0};
    uint8_t format = decode_u8(&from);
    cost->time_us = decode_signed(&from);
    const uint8_t *hash = decode_raw(&from, EVENT_HASH_BYTES);
    if (hash)
        memcpy(cost->hash, hash, EVENT_HASH_BYTES);
    uint64_t type = decode_varint(&from);
    uint8_t period = decode_u8(&from);
    cost->stretch.from_us = decode_signed(&from);
    cost->stretch.until_us = decode_signed(&from);
    cost->due_us = decode_signed(&from);
    uint64_t retries = decode_varint(&from);
    uint8_t obstacle = decode_u8(&from);
    uint64_t version = decode_varint(&from);
    bool version_known = version == 0 ||
        (version <= store->versions->count && store->versions->list[version - 1]->definitions != NULL);
    if (!decoder_done(&from) || format != WAITING_FORMAT || key.length != WAITING_KEY_BYTES ||
        type >= store->definitions->event_count || period < PERIOD_DAY || period > PERIOD_MONTH ||
        cost->time_us < EVENT_TIME_MIN_US || cost->time_us >= EVENT_TIME_MAX_US ||
        cost->stretch.from_us > cost->time_us || cost->stretch.until_us <= cost->time_us ||
        cost->due_us < cost->stretch.until_us || retries > SHARING_RETRIES || obstacle >= SHARING_OBSTACLES ||
        !version_known)
        return error_set(error, PATRON_CORRUPT, "the row of a cost that waits to be shared out is damaged");
    cost->known_at_us = decode_time(key.data + 1);
    cost->type = (uint16_t)type;
    cost->period = (enum period)period;
    cost->retries = (uint32_t)retries;
    cost->obstacle = (enum sharing_obstacle)obstacle;
    cost->version = (uint32_t)version;
    return PATRON_OK;
}

static void shared_put(struct store *store)
{
    struct encoder to = {0};
    encode_u8(&to, SHARED_FORMAT);
    encode_varint(&to, store->sharing->shared);
    meta_put(store, "sharing", &to);
}

static enum patron_code shared_get(struct store *store, struct error *error)
{
    struct bytes value;
    enum patron_code code = meta_get(store, "sharing", &value, error);
    if (code == PATRON_NOT_FOUND)
        return PATRON_OK;
    TRY(code);
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    store->sharing->shared = decode_varint(&from);
    if (format != SHARED_FORMAT || !decoder_done(&from))
        return error_set(error, PATRON_CORRUPT, "the row that counts shared costs is damaged");
    return PATRON_OK;
}

/* --- words -------------------------------------------------------------------------------------------------------- */

enum { PERIOD_TEXT_MAX = 40, OBSTACLE_TEXT_MAX = 160, TYPE_NAME_SHOWN = 40 };

/* "2024-05", "2024-05-06", "the week of 2024-05-06" */
static void period_text(const struct store *store, const struct waiting_cost *cost, char text[PERIOD_TEXT_MAX])
{
    int64_t year;
    int month, day;
    civil_from_days(time_zone_day_from(store->definitions->zone, cost->stretch.from_us), &year, &month, &day);
    int length = snprintf(text, PERIOD_TEXT_MAX, "%s%04lld-%02d", cost->period == PERIOD_WEEK ? "the week of " : "",
        (long long)year, month);
    if (cost->period != PERIOD_MONTH)
        snprintf(text + length, PERIOD_TEXT_MAX - (size_t)length, "-%02d", day);
}

static void obstacle_text(const struct store *store, const struct waiting_cost *cost, char text[OBSTACLE_TEXT_MAX])
{
    const struct shared_cost *rule = definitions_shared_cost(store->definitions, cost->type);
    char due[TIME_TEXT_MAX];
    time_to_text(cost->due_us, due);
    if (cost->obstacle == SHARING_NONE) {
        snprintf(text, OBSTACLE_TEXT_MAX, "due %s", due);
    } else if (cost->obstacle == SHARING_NO_WEIGHT && rule) {
        struct bytes driver = definitions_event_type_by_number(store->definitions, rule->driver)->name;
        bool any = rule->weight < 0 && rule->filter_count == 0;
        snprintf(text, OBSTACLE_TEXT_MAX, "no %.*s in its period%s; next try %s",
            driver.length > TYPE_NAME_SHOWN ? TYPE_NAME_SHOWN : (int)driver.length, (const char *)driver.data,
            any ? "" : " counts", due);
    } else if (cost->obstacle == SHARING_DAMAGED) {
        snprintf(text, OBSTACLE_TEXT_MAX, "events are damaged: run patron verify; next try %s", due);
    } else if (cost->obstacle == SHARING_NO_AMOUNT) {
        snprintf(text, OBSTACLE_TEXT_MAX, "it does not have the attribute that is to be shared; next try %s", due);
    } else {
        snprintf(text, OBSTACLE_TEXT_MAX, "the definitions do not say how it is shared; next try %s", due);
    }
}

/* About the first that has an obstacle, or the first of all. */
static void words_update(struct store *store)
{
    struct sharing_state *state = store->sharing;
    const struct waiting_cost *told = state->count > 0 ? &state->waiting[0] : NULL;
    for (size_t i = 0; i < state->count; i++) {
        if (state->waiting[i].obstacle != SHARING_NONE) {
            told = &state->waiting[i];
            break;
        }
    }
    state->words[0] = '\0';
    if (!told)
        return;
    char period[PERIOD_TEXT_MAX], obstacle[OBSTACLE_TEXT_MAX];
    period_text(store, told, period);
    obstacle_text(store, told, obstacle);
    struct bytes type = definitions_event_type_by_number(store->definitions, told->type)->name;
    snprintf(state->words, sizeof state->words, "%.*s of %s: %s",
        type.length > TYPE_NAME_SHOWN ? TYPE_NAME_SHOWN : (int)type.length, (const char *)type.data, period, obstacle);
}

/* --- the list ----------------------------------------------------------------------------------------------------- */

static bool waiting_before(const struct waiting_cost *a, const struct waiting_cost *b)
{
    return a->due_us != b->due_us ? a->due_us < b->due_us : a->known_at_us < b->known_at_us;
}

static void list_insert(struct sharing_state *state, const struct waiting_cost *cost)
{
    if (state->count == state->capacity) {
        state->capacity = state->capacity ? state->capacity * 2 : WAITING_FIRST;
        state->waiting = memory_resize(state->waiting, state->capacity * sizeof *state->waiting);
    }
    size_t place = state->count++;
    for (; place > 0 && waiting_before(cost, &state->waiting[place - 1]); place--)
        state->waiting[place] = state->waiting[place - 1];
    state->waiting[place] = *cost;
}

static struct waiting_cost *list_find(struct sharing_state *state, int64_t known_at_us)
{
    for (size_t i = 0; i < state->count; i++)
        if (state->waiting[i].known_at_us == known_at_us)
            return &state->waiting[i];
    IMPOSSIBLE("a shared cost that does not wait");
}

static struct waiting_cost list_take(struct sharing_state *state, int64_t known_at_us)
{
    struct waiting_cost *place = list_find(state, known_at_us);
    struct waiting_cost taken = *place;
    size_t after = state->count - (size_t)(place - state->waiting) - 1;
    memmove(place, place + 1, after * sizeof *place);
    state->count--;
    return taken;
}

const struct waiting_cost *queue_first(const struct store *store)
{
    return store->sharing->count > 0 ? &store->sharing->waiting[0] : NULL;
}

/* --- changes ------------------------------------------------------------------------------------------------------ */

void sharing_wait(struct store *store, const struct shared_cost *rule, const struct event *event)
{
    struct waiting_cost cost = {.known_at_us = event->known_at_us,
        .time_us = event->time_us,
        .type = event->type,
        .period = rule->period,
        .stretch = period_of(store->definitions->zone, rule->period, event->time_us)};
    memcpy(cost.hash, event->hash, EVENT_HASH_BYTES);
    cost.due_us = cost.known_at_us > cost.stretch.until_us ? cost.known_at_us : cost.stretch.until_us;
    list_insert(store->sharing, &cost);
    waiting_put(store, QUEUE_SHARED_WAITING, &cost);
    words_update(store);
}

void queue_begun(struct store *store, int64_t known_at_us, uint32_t version)
{
    struct waiting_cost *cost = list_find(store->sharing, known_at_us);
    cost->version = version;
    waiting_put(store, QUEUE_SHARED_WAITING, cost);
}

void queue_done(struct store *store, int64_t known_at_us)
{
    (void)list_take(store->sharing, known_at_us);
    waiting_delete(store, known_at_us);
    store->sharing->shared++;
    shared_put(store);
    words_update(store);
}

void queue_postpone(struct store *store, int64_t known_at_us, enum sharing_obstacle obstacle)
{
    struct waiting_cost cost = list_take(store->sharing, known_at_us);
    CHECK(cost.version == 0); /* of what some bear already the rest is theirs too */
    cost.obstacle = obstacle;
    bool answers = store->answered_until_us != INT64_MIN; /* before that, history that would drive it may still come */
    if (answers && cost.retries == SHARING_RETRIES) {
        waiting_delete(store, known_at_us);
        waiting_put(store, QUEUE_SHARED_UNALLOCATED, &cost);
        store->sharing->unallocated++;
    } else {
        cost.retries += answers;
        cost.due_us = period_of(store->definitions->zone, cost.period, cost.due_us).until_us;
        list_insert(store->sharing, &cost);
        waiting_put(store, QUEUE_SHARED_WAITING, &cost);
    }
    words_update(store);
}

/* --- opening and asking ------------------------------------------------------------------------------------------- */

enum patron_code sharing_open(struct store *store, struct error *error)
{
    struct sharing_state *state = store->sharing = memory_alloc(sizeof *state);
    state->floor_us = INT64_MIN;
    TRY(shared_get(store, error));
    uint8_t from = QUEUE_SHARED_WAITING;
    struct kv_iterator *rows = kv_iterator_new(store->kv, NULL, KV_QUEUES, (struct bytes){0});
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(&from, 1)); code == PATRON_OK && kv_iterator_valid(rows);
         kv_iterator_next(rows)) {
        struct bytes key = kv_iterator_borrow_key(rows);
        struct waiting_cost cost;
        if (key.data[0] > QUEUE_SHARED_UNALLOCATED)
            break;
        if (key.data[0] == QUEUE_SHARED_UNALLOCATED) {
            state->unallocated++;
            continue;
        }
        code = waiting_decode(store, key, kv_iterator_borrow_value(rows), &cost, error);
        if (code == PATRON_OK)
            list_insert(state, &cost);
    }
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    if (code == PATRON_OK)
        words_update(store);
    return code;
}

void sharing_close(struct store *store)
{
    if (!store->sharing)
        return;
    memory_free(store->sharing->waiting);
    memory_free(store->sharing);
    store->sharing = NULL;
}

int64_t store_sharing_due(const struct store *store)
{
    const struct waiting_cost *first = queue_first(store);
    return first ? first->due_us : INT64_MAX;
}

int64_t sharing_floor(const struct store *store)
{
    return store->sharing->floor_us;
}

size_t sharing_waiting(const struct store *store)
{
    return store->sharing->count;
}

bool sharing_needs_version(const struct store *store, uint32_t number)
{
    const struct sharing_state *state = store->sharing;
    bool needed = state->version_under_way == number;
    for (size_t i = 0; i < state->count; i++)
        needed = needed || state->waiting[i].version == number;
    return needed;
}

struct sharing_figures sharing_figures(const struct store *store)
{
    const struct sharing_state *state = store->sharing;
    struct sharing_figures figures = {
        .shared = state->shared, .waiting = state->count, .unallocated = state->unallocated};
    memcpy(figures.words, state->words, sizeof figures.words);
    return figures;
}
