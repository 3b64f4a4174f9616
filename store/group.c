/* A group: events checked, stamped, resolved, folded, and committed as one batch.
 *
 * An event that is refused has touched nothing, but that a value it shows to be blocked may have been put where such
 * ones wait (to_block.h): every check comes before the first change. One that is taken goes identifiers -> nodes ->
 * event -> log -> profile, all in the batch and in the touched profiles of the group. */
#include "store/checked.h"
#include "store/changes/refusals.h"
#include "store/changes/review.h"
#include "store/changes/to_block.h"
#include "store/measures/worths.h"

/* A customer's events that wait for their time are part of its profile; this bounds them. */
enum { PENDING_EVENTS_MAX = 10000 };

int64_t store_group_begin(struct store *store, int64_t clock_us, int64_t floor_us, bool source_clock)
{
    CHECK(!store->group_open);
    CHECK(!store->failed);
    store->group_open = true;
    store->group_queued = false;
    store->group_clock_us = clock_us;
    store->group_size = 0;
    int64_t first_us = store->newest_us + 1;
    if (floor_us > first_us)
        first_us = floor_us;
    if (!source_clock && clock_us > first_us)
        first_us = clock_us;
    if (sharing_floor(store) > first_us)
        first_us = sharing_floor(store);
    store->group_first_us = first_us;
    return first_us;
}

uint64_t store_group_size(const struct store *store)
{
    return store->group_size;
}

/* --- folding ---------------------------------------------------------------------------------------------------- */

static enum patron_code fold(struct store *store, const struct resolution *resolution, const struct event *event,
    struct error *error)
{
    struct profile *profile;
    TRY(touched_merge(store, resolution->customer, resolution->merged, resolution->merged_count, event->known_at_us,
        &profile, error));
    struct event resolved = *event;
    event_resolve(&resolved, store->layout->definitions, &store->event_arena);
    profile_apply(profile, &resolved);
    return PATRON_OK;
}

/* Would the event be one too many of those that wait for their time, over all the customers it may join? Looks, and
 * changes nothing: profiles are not moved on, so that what is due by now but still waits is left out of the count. */
static enum patron_code pending_check(
    struct store *store, const struct checked *checked, struct error *refusal, struct error *error)
{
    if (checked->event.time_us <= checked->event.known_at_us)
        return PATRON_OK;
    size_t waiting = 0;
    const struct touched *counted[EVENT_IDENTIFIERS_MAX];
    size_t counted_count = 0;
    for (size_t i = 0; i < checked->identifier_count; i++) {
        if (checked->identifiers[i].node == NODE_NONE)
            continue;
        struct touched *touched;
        TRY(touch(store, checked->identifiers[i].customer, &touched, error));
        bool again = !touched->profile;
        for (size_t j = 0; j < counted_count; j++)
            again = again || counted[j] == touched;
        if (again)
            continue;
        counted[counted_count++] = touched;
        waiting += profile_pending_after(touched->profile, checked->event.known_at_us);
        if (waiting >= PENDING_EVENTS_MAX) {
            error_set(refusal, PATRON_EXHAUSTED,
                "the customer has %d events that are dated ahead already: send this one when its time has come",
                PENDING_EVENTS_MAX);
            return PATRON_OK;
        }
    }
    return PATRON_OK;
}

/* --- one event --------------------------------------------------------------------------------------------------- */

/* The content of an event that came with this id before, where its hash is another: an attribute may have been kept by
 * name then and be declared now, or the other way about. */
static enum patron_code content_compare(struct store *store, const struct checked *checked,
    const struct event_id_entry *entry, bool *same, struct error *error)
{
    struct event before = checked->event;
    before.node = entry->node;
    uint8_t key[EVENT_KEY_BYTES];
    event_key_encode(&before, key);
    *same = false;
    if (entry->time_us != before.time_us)
        return PATRON_OK;
    struct bytes value;
    enum patron_code code = kv_batch_get(
        store->batch, KV_EVENTS, bytes_of(key, sizeof key), &store->event_arena, &value, error);
    if (code == PATRON_NOT_FOUND) /* ids outlive their events */
        return PATRON_OK;
    TRY(code);
    struct event now;
    TRY(event_decode(bytes_of(key, sizeof key), value, &before, error));
    TRY(event_open(&before, store->key, &store->event_arena, &before, error));
    TRY(event_open(&checked->event, store->key, &store->event_arena, &now, error));
    *same = event_same_content(&before, &now, store->definitions);
    return PATRON_OK;
}

/* Has this id come before? Fills the outcome if so. */
static enum patron_code event_id_check(
    struct store *store, const struct checked *checked, struct event_outcome *outcome, struct error *error)
{
    struct event_id_entry entry;
    enum patron_code code = event_id_get(store->batch, checked->event.hash, &store->event_arena, &entry, error);
    if (code == PATRON_NOT_FOUND)
        return PATRON_OK;
    if (code != PATRON_OK)
        return code;
    uint8_t content[EVENT_HASH_BYTES];
    event_content_hash(&checked->event, content);
    outcome->node = entry.node;
    bool same = memcmp(content, entry.content_hash, EVENT_HASH_BYTES) == 0;
    if (!same)
        TRY(content_compare(store, checked, &entry, &same, error));
    if (same) {
        outcome->fate = EVENT_DUPLICATE;
        return PATRON_OK;
    }
    outcome->fate = EVENT_REFUSED;
    error_set(&outcome->why, PATRON_CONFLICT,
        "an event with this source, type and id is there already, with another time or other attributes");
    return PATRON_OK;
}

static enum patron_code identifier_find(struct store *store, struct known_identifier *identifier, struct error *error)
{
    struct bytes value;
    enum patron_code code = kv_batch_get(store->batch, KV_IDENTIFIERS,
        bytes_of(identifier->hash, IDENTIFIER_HASH_BYTES), &store->event_arena, &value, error);
    if (code == PATRON_NOT_FOUND)
        return PATRON_OK;
    TRY(code);
    struct identifier_entry entry;
    TRY(identifier_decode(value, &entry, error));
    identifier->node = entry.node;
    identifier->customer = entry.customer;
    identifier->flags = entry.flags;
    return PATRON_OK;
}

/* Finds what is known. Nodes that are blocked link no more than values that never do; and a value that never links from
 * this version on may have a node with links from before. */
static enum patron_code identifiers_find(struct store *store, struct checked *checked, struct error *error)
{
    for (size_t i = 0; i < checked->blocked_count; i++) {
        TRY(identifier_find(store, &checked->blocked[i], error));
        if (checked->blocked[i].node != NODE_NONE && !(checked->blocked[i].flags & NODE_BLOCKED))
            to_block_put(store, checked->blocked[i].node, store->definitions->version);
    }
    size_t linking = 0;
    for (size_t i = 0; i < checked->identifier_count; i++) {
        struct known_identifier *identifier = &checked->identifiers[i];
        TRY(identifier_find(store, identifier, error));
        if (identifier->flags & NODE_BLOCKED)
            checked->blocked[checked->blocked_count++] = *identifier;
        else
            checked->identifiers[linking++] = *identifier;
    }
    checked->identifier_count = linking;
    return PATRON_OK;
}

/* --- what is not joined ------------------------------------------------------------------------------------------- */

/* The identifier after the last one taken would have joined two customers, and a person is to decide. */
static enum patron_code review_ask(struct store *store, const struct checked *checked,
    const struct resolution *resolution, int64_t *item_us, struct error *error)
{
    struct review_item item = {.a = resolution->node,
        .b = checked->identifiers[resolution->accepted].node,
        .obstacle = resolution->obstacle,
        .second_person = resolution->second_person,
        .rule = LINK_SHARED_EVENT};
    memcpy(item.evidence, checked->event.hash, EVENT_HASH_BYTES);
    return group_review_add(store, &item, checked->event.known_at_us, item_us, error);
}

/* An identifier that was dropped; a value of a type that never links is of no interest: each event may bring one. */
static void refusal_add(struct store *store, struct refusal *refusal, struct refused_identifier *identifiers,
    enum obstacle obstacle, const struct known_identifier *dropped)
{
    store->identifiers_dropped++;
    refusal_count(store, obstacle);
    if (dropped->type->never_links)
        return;
    struct refused_identifier *identifier = &identifiers[refusal->count++];
    *identifier = (struct refused_identifier){
        .obstacle = obstacle, .type = dropped->type->number, .node = dropped->node};
    memcpy(identifier->hash, dropped->hash, IDENTIFIER_HASH_BYTES);
}

static enum patron_code dropped_record(struct store *store, const struct checked *checked,
    const struct resolution *resolution, struct error *error)
{
    struct refused_identifier identifiers[EVENT_IDENTIFIERS_MAX];
    struct refusal refusal = {
        .known_at_us = checked->event.known_at_us, .node = resolution->node, .identifiers = identifiers};
    for (size_t i = resolution->accepted; i < checked->identifier_count; i++)
        refusal_add(store, &refusal, identifiers,
            i == resolution->accepted ? resolution->obstacle : OBSTACLE_AFTER, &checked->identifiers[i]);
    if (obstacle_is_review(resolution->obstacle))
        TRY(review_ask(store, checked, resolution, &identifiers[0].item_us, error));
    for (size_t i = 0; i < checked->blocked_count; i++)
        refusal_add(store, &refusal, identifiers, OBSTACLE_BLOCKED, &checked->blocked[i]);
    if (refusal.count > 0)
        refusal_put(store->batch, &refusal);
    return PATRON_OK;
}

/* --- applying ----------------------------------------------------------------------------------------------------- */

static void event_write(struct store *store, const struct event *event, const struct resolution *resolution)
{
    uint8_t key[EVENT_KEY_BYTES];
    event_key_encode(event, key);
    struct encoder to = {0};
    event_value_encode(event, &to);
    kv_batch_put(store->batch, KV_EVENTS, bytes_of(key, sizeof key), encoder_borrow(&to));
    encoder_clear(&to);
    struct event_id_entry id = {.node = event->node, .time_us = event->time_us};
    event_content_hash(event, id.content_hash);
    event_id_put(store->batch, event->hash, &id);
    struct log_entry entry = {.known_at_us = event->known_at_us,
        .kind = LOG_EVENT,
        .node = event->node,
        .time_us = event->time_us,
        .merged = resolution->merged,
        .merged_count = resolution->merged_count};
    memcpy(entry.hash, event->hash, EVENT_HASH_BYTES);
    log_put(store->batch, &entry);
}

enum patron_code group_add_own(struct store *store, const struct event *event, struct error *error)
{
    struct resolution resolution = {.node = event->node};
    enum patron_code code = membership_at(store->kv, NULL, event->node, INT64_MAX, &resolution.customer, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "node %llu has events and no customer: run patron verify",
            (unsigned long long)event->node);
    TRY(code);
    event_write(store, event, &resolution);
    TRY(fold(store, &resolution, event, error));
    store->newest_us = event->known_at_us;
    store->group_size++;
    store->events++;
    return PATRON_OK;
}

/* A cost of no customer: no profile knows of it until it is shared out. */
static void shared_apply(struct store *store, struct checked *checked, struct event_outcome *outcome)
{
    struct event *event = &checked->event;
    const struct resolution nobody = {.node = NODE_NONE};
    event->node = NODE_NONE;
    event_write(store, event, &nobody);
    sharing_wait(store, checked->shared, event);
    store->newest_us = event->known_at_us;
    store->group_size++;
    store->events++;
    *outcome = (struct event_outcome){.fate = EVENT_APPLIED, .known_at_us = event->known_at_us, .node = NODE_NONE};
}

static enum patron_code event_apply(
    struct store *store, struct checked *checked, struct event_outcome *outcome, struct error *error)
{
    struct event *event = &checked->event;
    struct identity_writer writer = {store->batch, &store->last_node, store->key};
    struct worths worths;
    struct identity_evidence evidence = {.definitions = store->definitions,
        .identifiers = checked->identifiers,
        .count = checked->identifier_count,
        .event_hash = event->hash,
        .known_at_us = event->known_at_us,
        .value_of = worths_of_group(&worths, store)};
    struct resolution resolution;
    TRY(identity_resolve(&writer, &evidence, &store->event_arena, &resolution, error));
    event->node = resolution.node;
    event_write(store, event, &resolution);
    size_t dropped = checked->identifier_count - resolution.accepted + checked->blocked_count;
    if (dropped > 0)
        TRY(dropped_record(store, checked, &resolution, error));
    TRY(fold(store, &resolution, event, error));
    store->newest_us = event->known_at_us;
    store->group_size++;
    store->events++;
    store->merges += resolution.merged_count;
    *outcome = (struct event_outcome){.fate = EVENT_APPLIED,
        .known_at_us = event->known_at_us,
        .node = resolution.node,
        .identifiers_dropped = (uint32_t)dropped};
    return PATRON_OK;
}

/* What is only counted has no known_at: it counts for when it would have become known. */
static int64_t seen_at(const struct store *store, const struct event_input *input, const struct event_outcome *outcome)
{
    if (outcome->fate == EVENT_APPLIED)
        return outcome->known_at_us;
    int64_t at_us = store->group_clock_us;
    if (input->has_known_at && input->known_at_us < at_us)
        at_us = input->known_at_us;
    return at_us > store->newest_us ? at_us : store->newest_us;
}

static void seen_count(struct store *store, const struct event_input *input, const struct checked *checked,
    const struct event_outcome *outcome)
{
    struct drift_event seen = {.input = input,
        .definitions = store->definitions,
        .type = checked->type,
        .values = outcome->fate == EVENT_APPLIED ? checked->values : NULL,
        .any_unknown = checked->unknown_count > 0,
        .fate = outcome->fate,
        .at_us = seen_at(store, input, outcome)};
    drift_count(store->drift, &seen, store->batch);
}

static enum patron_code shared_decide(struct store *store, struct checked *checked, struct event_outcome *outcome)
{
    if (sharing_waiting(store) < SHARED_COSTS_WAITING_MAX) {
        shared_apply(store, checked, outcome);
        return PATRON_OK;
    }
    outcome->fate = EVENT_REFUSED;
    error_set(&outcome->why, PATRON_EXHAUSTED,
        "%d shared costs wait to be shared out already: send this one when some of them have been, or send fewer, each "
        "the sum of several",
        SHARED_COSTS_WAITING_MAX);
    return PATRON_OK;
}

/* Refused: of types that never link, or with values that are blocked. */
static void nothing_links(const struct checked *checked, struct error *why)
{
    bool blocked = false;
    for (size_t i = 0; i < checked->blocked_count; i++)
        blocked = blocked || !checked->blocked[i].type->never_links;
    error_set(why, PATRON_INVALID, "the event has no identifier that may link%s",
        blocked ? ": its values are blocked" : ", only such of types with link: false");
}

/* A second arrival, a refusal, or applied. */
static enum patron_code event_decide(struct store *store, const struct event_input *input, struct checked *checked,
    struct event_outcome *outcome, struct error *error)
{
    if (event_check(store, input, checked, &outcome->why) != PATRON_OK) {
        outcome->fate = EVENT_REFUSED;
        return PATRON_OK;
    }
    TRY(event_id_check(store, checked, outcome, error));
    if (outcome->fate != 0)
        return PATRON_OK;
    if (checked->shared)
        return shared_decide(store, checked, outcome);
    TRY(identifiers_find(store, checked, error));
    if (checked->identifier_count == 0)
        nothing_links(checked, &outcome->why);
    else
        TRY(pending_check(store, checked, &outcome->why, error));
    if (outcome->why.code == PATRON_OK)
        return event_apply(store, checked, outcome, error);
    outcome->fate = EVENT_REFUSED;
    return PATRON_OK;
}

enum patron_code store_group_add(
    struct store *store, const struct event_input *input, struct event_outcome *outcome, struct error *error)
{
    CHECK(store->group_open);
    arena_reset(&store->event_arena);
    outcome->fate = 0;
    outcome->known_at_us = 0;
    outcome->node = 0;
    outcome->identifiers_dropped = 0;
    outcome->why.code = PATRON_OK;
    struct checked checked;
    enum patron_code code = event_decide(store, input, &checked, outcome, error);
    if (code == PATRON_OK)
        seen_count(store, input, &checked, outcome);
    store->failed = store->failed || code != PATRON_OK;
    return code;
}

/* --- the end of a group ------------------------------------------------------------------------------------------- */

enum patron_code store_group_commit(struct store *store, struct error *error)
{
    CHECK(store->group_open);
    CHECK(!store->failed);
    store->group_open = false;
    if (store->group_size == 0 && !store->group_queued) {
        touched_release(store);
        return PATRON_OK;
    }
    touched_encode(store);
    if (!store->home) {
        for (struct lagging *lagging = store->lagging_first; lagging; lagging = lagging->next)
            profile_rows_write(
                store->batch, store->layout->generation, lagging->customer, lagging->disk, lagging->newest);
        lagging_forget_all(store);
    }
    store->folded_to_us = store->lagging_first ? store->lagging_first->since_us - 1 : store->newest_us;
    state_put(store);
    drift_write_due(store->drift, store->group_clock_us, store->batch);
    enum patron_code code = kv_write(store->kv, store->batch, true, error);
    if (code != PATRON_OK)
        store->failed = true;
    else if (store->home)
        touched_hand_over(store);
    touched_release(store);
    return code;
}
