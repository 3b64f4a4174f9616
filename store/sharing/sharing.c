#include "store/sharing/sharing.h"

#include <sodium.h>
#include <stdio.h>

#include "store/features/accumulator.h"
#include "store/sharing/shares.h"
#include "store/sharing/sharing_queue.h"

enum {
    LOOK_EVERY = 4096,       /* entries of the log between two looks at `cancelled` */
    PASSED_OVER_FACTOR = 16, /* shares of 0 looked at for one that is added, so that no group takes long */
    OWN_ID_MAX = 2 * EVENT_HASH_BYTES + 1 + 20 + 1,
};

struct sharing {
    struct store *store;
    struct version *version; /* by which it is shared out */
    struct waiting_cost cost;
    int64_t event_ahead_max_us;
    bool computed;
    enum sharing_obstacle obstacle;
    struct weights weights;
    int64_t amount;
    struct encoder before, after; /* the share's attributes, but for the amount */
    uint16_t amount_number;
    struct encoder kept;
    /* what sharing_add has come to */
    size_t at;
    uint128 weight_up_to;
    int64_t amount_up_to;
};

struct sharing *sharing_new(struct store *store)
{
    const struct waiting_cost *first = queue_first(store);
    CHECK(first && !store->group_open && store->sharing->version_under_way == 0);
    struct sharing *sharing = memory_alloc(sizeof *sharing);
    sharing->store = store;
    sharing->cost = *first;
    sharing->version =
        version_retain(first->version ? store->versions->list[first->version - 1] : store->serving);
    sharing->event_ahead_max_us = store->event_ahead_max_us;
    store->sharing->floor_us = first->due_us;
    store->sharing->version_under_way = sharing->version->number;
    return sharing;
}

void sharing_free(struct sharing *sharing)
{
    if (!sharing)
        return;
    sharing->store->sharing->floor_us = INT64_MIN;
    sharing->store->sharing->version_under_way = 0;
    version_release(sharing->version);
    weights_clear(&sharing->weights);
    encoder_clear(&sharing->before);
    encoder_clear(&sharing->after);
    encoder_clear(&sharing->kept);
    memory_free(sharing);
}

/* --- working out the weights -------------------------------------------------------------------------------------- */

/* The event at that place, in the arena. */
static enum patron_code event_at(const struct view *view, const struct event *place, struct arena *arena,
    struct event *event, struct error *error)
{
    uint8_t key[EVENT_KEY_BYTES];
    event_key_encode(place, key);
    struct bytes value;
    enum patron_code code =
        kv_get(view->kv, view->snapshot, KV_EVENTS, bytes_of(key, sizeof key), arena, &value, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "the log names an event of node %llu that is not there",
            (unsigned long long)place->node);
    TRY(code);
    return event_decode(bytes_of(key, sizeof key), value, event, error);
}

/* Keeps what all shares have of the cost. */
static enum patron_code cost_read(struct sharing *sharing, const struct view *view, const struct shared_cost *rule,
    struct arena *arena, struct error *error)
{
    struct event cost = {.node = NODE_NONE, .time_us = sharing->cost.time_us};
    memcpy(cost.hash, sharing->cost.hash, EVENT_HASH_BYTES);
    TRY(event_at(view, &cost, arena, &cost, error));
    struct scalar value;
    if (!event_attribute_find(&cost, rule->amount, &value) || value.type != ATTRIBUTE_MONEY) {
        sharing->obstacle = SHARING_NO_AMOUNT;
        return PATRON_OK;
    }
    sharing->amount = (int64_t)value.number;
    sharing->amount_number = rule->amount;
    for (uint16_t number = 0; number < EVENT_ATTRIBUTES_MAX; number++)
        if (number != rule->amount && event_attribute_find(&cost, number, &value))
            event_attribute_encode(number, &value, number < rule->amount ? &sharing->before : &sharing->after);
    encode_raw(&sharing->kept, cost.kept.data, cost.kept.length);
    return PATRON_OK;
}

/* Adds what an entry of the log weighs, if it is an event of the driver. */
static enum patron_code entry_weigh(struct sharing *sharing, const struct view *view, const struct shared_cost *rule,
    const struct log_entry *entry, struct arena *arena, struct error *error)
{
    struct event event = {.node = entry->node, .time_us = entry->time_us};
    memcpy(event.hash, entry->hash, EVENT_HASH_BYTES);
    TRY(event_at(view, &event, arena, &event, error));
    if (event.type != rule->driver)
        return PATRON_OK;
    event_resolve(&event, sharing->version->definitions, arena);
    if (!filters_pass(rule->filters, rule->filter_count, &event))
        return PATRON_OK;
    struct scalar value = {.number = 1};
    if (rule->weight >= 0 && !event_attribute_find(&event, (uint16_t)rule->weight, &value))
        return PATRON_OK;
    weights_add(&sharing->weights, event.node, value.number);
    return PATRON_OK;
}

/* Over the entries that were known before the due time. No event is known longer before its time than is allowed. */
static enum patron_code weights_gather(struct sharing *sharing, const struct view *view,
    const struct shared_cost *rule, const atomic_bool *cancelled, struct error *error)
{
    const struct stretch *stretch = &sharing->cost.stretch;
    uint8_t from[8];
    encode_time(from, stretch->from_us - sharing->event_ahead_max_us);
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_LOG, (struct bytes){0});
    struct arena arena = {0};
    enum patron_code code = PATRON_OK;
    kv_iterator_seek(rows, bytes_of(from, sizeof from));
    for (uint64_t i = 1; code == PATRON_OK && kv_iterator_valid(rows); kv_iterator_next(rows), i++) {
        struct log_entry entry;
        arena_reset(&arena);
        code = log_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &arena, &entry, error);
        if (code != PATRON_OK || entry.known_at_us >= sharing->cost.due_us)
            break;
        if (i % LOOK_EVERY == 0 && cancelled && atomic_load(cancelled))
            code = error_set(error, PATRON_BUSY, "the server is shutting down");
        else if (entry.kind == LOG_EVENT && entry.node != NODE_NONE && entry.time_us >= stretch->from_us &&
            entry.time_us < stretch->until_us)
            code = entry_weigh(sharing, view, rule, &entry, &arena, error);
    }
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    arena_clear(&arena);
    return code;
}

static enum patron_code shares_work_out(
    struct sharing *sharing, const struct view *view, const atomic_bool *cancelled, struct error *error)
{
    const struct shared_cost *rule = definitions_shared_cost(sharing->version->definitions, sharing->cost.type);
    if (!rule) {
        sharing->obstacle = SHARING_NO_RULE;
        return PATRON_OK;
    }
    struct arena arena = {0};
    enum patron_code code = cost_read(sharing, view, rule, &arena, error);
    arena_clear(&arena);
    if (code != PATRON_OK || sharing->obstacle != SHARING_NONE)
        return code;
    TRY(weights_gather(sharing, view, rule, cancelled, error));
    weights_order(&sharing->weights);
    if (sharing->weights.count == 0)
        sharing->obstacle = SHARING_NO_WEIGHT;
    return PATRON_OK;
}

/* A damaged event must not keep the store from taking others in. Once some of the shares are out, though, there is no
 * other way than to work out the same ones. */
enum patron_code sharing_compute(
    struct sharing *sharing, const struct view *view, const atomic_bool *cancelled, struct error *error)
{
    CHECK(!sharing->computed);
    enum patron_code code = shares_work_out(sharing, view, cancelled, error);
    if (code == PATRON_CORRUPT && sharing->cost.version == 0) {
        sharing->obstacle = SHARING_DAMAGED;
        code = PATRON_OK;
    }
    sharing->computed = code == PATRON_OK;
    return code;
}

/* --- adding the shares -------------------------------------------------------------------------------------------- */

static void share_hash(const struct sharing *sharing, uint64_t node, uint8_t hash[EVENT_HASH_BYTES])
{
    char id[OWN_ID_MAX], cost[2 * EVENT_HASH_BYTES + 1];
    sodium_bin2hex(cost, sizeof cost, sharing->cost.hash, EVENT_HASH_BYTES);
    snprintf(id, sizeof id, "%s/%llu", cost, (unsigned long long)node);
    const struct event_type *type =
        definitions_event_type_by_number(sharing->version->definitions, sharing->cost.type);
    event_hash(bytes_from_string(SOURCE_OWN), type->name, bytes_from_string(id), hash);
}

/* *added false: it is there since before a crash. */
static enum patron_code share_add(
    struct store *store, struct sharing *sharing, uint64_t node, int64_t amount, bool *added, struct error *error)
{
    arena_reset(&store->event_arena);
    struct event event = {.node = node, .time_us = sharing->cost.time_us, .type = sharing->cost.type};
    share_hash(sharing, node, event.hash);
    struct event_id_entry there;
    enum patron_code code = event_id_get(store->batch, event.hash, &store->event_arena, &there, error);
    *added = code == PATRON_NOT_FOUND;
    if (code != PATRON_NOT_FOUND)
        return code;
    event.known_at_us = store->newest_us + 1;
    if (store->group_first_us > event.known_at_us)
        event.known_at_us = store->group_first_us;
    if (event.known_at_us >= EVENT_TIME_MAX_US)
        return error_set(error, PATRON_OUT_OF_RANGE, "a cost cannot be shared out: the log has come to the year 2200");
    struct encoder attributes = {0};
    encode_raw(&attributes, sharing->before.data, sharing->before.length);
    const struct scalar value = {.type = ATTRIBUTE_MONEY, .number = amount};
    event_attribute_encode(sharing->amount_number, &value, &attributes);
    encode_raw(&attributes, sharing->after.data, sharing->after.length);
    event.attributes = encoder_borrow(&attributes);
    event.kept = encoder_borrow(&sharing->kept);
    code = group_add_own(store, &event, error);
    encoder_clear(&attributes);
    return code;
}

static enum patron_code shares_add(
    struct store *store, struct sharing *sharing, size_t most, struct error *error)
{
    const struct weights *weights = &sharing->weights;
    size_t passed_over_most = most * PASSED_OVER_FACTOR;
    for (size_t looked = 0, passed_over = 0; sharing->at < weights->count; sharing->at++) {
        if (looked == most || passed_over == passed_over_most)
            return PATRON_OK;
        const struct node_weight *next = &weights->list[sharing->at];
        sharing->weight_up_to += (uint128)next->weight;
        int64_t up_to = share_up_to(sharing->amount, sharing->weight_up_to, weights->total);
        int64_t share = up_to - sharing->amount_up_to;
        sharing->amount_up_to = up_to;
        if (share == 0) {
            passed_over++;
            continue;
        }
        bool added;
        TRY(share_add(store, sharing, next->node, share, &added, error));
        looked++;
        if (added && sharing->cost.version == 0) {
            sharing->cost.version = sharing->version->number;
            queue_begun(store, sharing->cost.known_at_us, sharing->cost.version);
        }
    }
    CHECK(sharing->amount_up_to == sharing->amount);
    return PATRON_OK;
}

enum patron_code sharing_add(
    struct store *store, struct sharing *sharing, size_t most, bool *done, struct error *error)
{
    CHECK(store == sharing->store && sharing->computed && store->group_open && store->group_size == 0);
    CHECK(store->group_first_us >= sharing->cost.due_us);
    enum patron_code code = PATRON_OK;
    *done = true;
    if (sharing->obstacle != SHARING_NONE) {
        queue_postpone(store, sharing->cost.known_at_us, sharing->obstacle);
        return PATRON_OK;
    }
    code = shares_add(store, sharing, most, error);
    *done = code == PATRON_OK && sharing->at == sharing->weights.count;
    if (*done)
        queue_done(store, sharing->cost.known_at_us);
    store->failed = store->failed || code != PATRON_OK;
    return code;
}
