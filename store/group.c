/* A group: events checked, stamped, resolved, folded, and committed as one batch.
 *
 * An event that is refused has touched nothing: every check comes before the first change. One that is taken goes
 * identifiers -> nodes -> event -> log -> profile, all in the batch and in the touched profiles of the group. */
#include "store/store_internal.h"

#include "store/base/time_text.h"
#include "store/definitions/suggest.h"

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

/* --- checks of form -------------------------------------------------------------------------------------------- */

static enum patron_code text_check(const char *what, struct bytes text, size_t bytes_max, struct error *error)
{
    if (text.length == 0)
        return error_set(error, PATRON_INVALID, "the event has no %s", what);
    if (text.length > bytes_max)
        return error_set(error, PATRON_INVALID, "the event's %s has %zu bytes; at most %zu are taken", what,
            text.length, bytes_max);
    if (!bytes_are_utf8(text))
        return error_set(error, PATRON_INVALID, "the event's %s is not valid UTF-8", what);
    return PATRON_OK;
}

static enum patron_code time_check(int64_t time_us, struct error *error)
{
    if (time_us >= EVENT_TIME_MIN_US && time_us < EVENT_TIME_MAX_US)
        return PATRON_OK;
    return error_set(error, PATRON_OUT_OF_RANGE,
        "the event's time, %lld microseconds since 1970, is not between 1900 and 2200", (long long)time_us);
}

struct checked {
    struct event event;
    const struct event_type *type; /* null: the definitions have none of the name */
    struct given_value *values; /* by attribute's number */
    const struct event_attribute *kept[EVENT_KEPT_MAX]; /* by name, each once */
    size_t kept_count;
    size_t unknown_count; /* kept or dropped */
    struct known_identifier identifiers[EVENT_IDENTIFIERS_MAX]; /* that may link: highest priority first, each once */
    size_t identifier_count;
    struct known_identifier blocked[EVENT_IDENTIFIERS_MAX]; /* that never link, each once */
    size_t blocked_count;
    const struct shared_cost *shared; /* no customer's: how it will be shared out */
};

static enum patron_code attribute_unknown(
    struct store *store, const struct event_type *type, struct bytes name, struct error *error)
{
    size_t count;
    const struct bytes *names = event_type_attribute_names(type, &store->event_arena, &count);
    return error_set(error, PATRON_INVALID, "event type '%.*s' has no attribute '%s'%s", BYTES_ARGUMENTS(type->name),
        quote(name).text, suggest(name, (struct suggest_from){names, count, sizeof *names}).text);
}

/* An attribute that the event's type does not have: refused, dropped or kept by name. */
static enum patron_code unknown_check(struct store *store, const struct event_type *type,
    const struct event_attribute *given, struct checked *checked, struct error *error)
{
    checked->unknown_count++;
    enum unknown_attributes unknown = store->definitions->unknown_attributes;
    if (unknown == UNKNOWN_DROP)
        return PATRON_OK;
    if (unknown == UNKNOWN_REFUSE)
        return attribute_unknown(store, type, given->name, error);
    enum patron_code code = attribute_check_kept(given, error);
    if (code != PATRON_OK)
        return error_prefix(error, code, "attribute '%s' ", quote(given->name).text);
    if (checked->kept_count == EVENT_KEPT_MAX)
        return error_set(error, PATRON_INVALID,
            "the event has more than %d attributes that event type '%.*s' does not have: declare some, or send fewer",
            EVENT_KEPT_MAX, BYTES_ARGUMENTS(type->name));
    size_t place = checked->kept_count;
    for (; place > 0; place--) {
        int order = bytes_compare(checked->kept[place - 1]->name, given->name);
        if (order == 0)
            return error_set(error, PATRON_INVALID, "attribute '%s' is given twice", quote(given->name).text);
        if (order < 0)
            break;
    }
    memmove(&checked->kept[place + 1], &checked->kept[place],
        (checked->kept_count - place) * sizeof(struct event_attribute *));
    checked->kept[place] = given;
    checked->kept_count++;
    return PATRON_OK;
}

static enum patron_code attributes_check(struct store *store, const struct event_input *input,
    const struct event_type *type, struct checked *checked, struct error *error)
{
    if (input->attribute_count > EVENT_ATTRIBUTES_GIVEN_MAX)
        return error_set(error, PATRON_INVALID, "the event has %zu attributes; at most %d are taken",
            input->attribute_count, EVENT_ATTRIBUTES_GIVEN_MAX);
    struct given_value *values = arena_array(&store->event_arena, type->attribute_count, sizeof *values);
    checked->values = values;
    for (size_t i = 0; i < input->attribute_count; i++) {
        const struct event_attribute *given = &input->attributes[i];
        const struct attribute *attribute = event_type_attribute(type, given->name);
        if (!attribute) {
            TRY(unknown_check(store, type, given, checked, error));
            continue;
        }
        struct given_value *value = &values[attribute->number];
        if (value->kind != 0)
            return error_set(
                error, PATRON_INVALID, "attribute '%.*s' is given twice", BYTES_ARGUMENTS(given->name));
        enum patron_code code = attribute_convert(given, attribute->type, &value->scalar, error);
        if (code != PATRON_OK)
            return error_prefix(error, code, "attribute '%.*s' ", BYTES_ARGUMENTS(given->name));
        value->kind = given->kind;
    }
    struct encoder to = {0};
    for (size_t i = 0; i < type->attribute_count; i++)
        if (values[i].kind != 0)
            event_attribute_encode((uint16_t)i, &values[i].scalar, &to);
    checked->event.attributes = arena_copy(&store->event_arena, encoder_borrow(&to));
    encoder_reset(&to);
    for (size_t i = 0; i < checked->kept_count; i++)
        event_kept_encode(checked->kept[i], &to);
    checked->event.kept = arena_copy(&store->event_arena, encoder_borrow(&to));
    encoder_clear(&to);
    return PATRON_OK;
}

static bool hash_is_among(const struct known_identifier *identifiers, size_t count, const uint8_t *hash)
{
    for (size_t i = 0; i < count; i++)
        if (memcmp(identifiers[i].hash, hash, IDENTIFIER_HASH_BYTES) == 0)
            return true;
    return false;
}

/* An event without identifiers: is it a cost that is shared out, and does it say how much? */
static enum patron_code shared_check(const struct store *store, struct checked *checked, struct error *error)
{
    checked->shared = definitions_shared_cost(store->definitions, checked->type->number);
    if (!checked->shared)
        return error_set(error, PATRON_INVALID, "the event has no identifier");
    if (checked->values[checked->shared->amount].kind == 0)
        return error_set(error, PATRON_INVALID, "the event has no identifier, and no '%.*s' to be shared out",
            BYTES_ARGUMENTS(checked->type->attributes[checked->shared->amount].name));
    return PATRON_OK;
}

/* That no identifier may link is not said here: a second arrival of an event from before they were blocked is fine. */
static enum patron_code identifiers_check(
    struct store *store, const struct event_input *input, struct checked *checked, struct error *error)
{
    const struct definitions *definitions = store->definitions;
    checked->identifier_count = 0;
    checked->blocked_count = 0;
    if (input->identifier_count == 0)
        return shared_check(store, checked, error);
    if (input->identifier_count > EVENT_IDENTIFIERS_MAX)
        return error_set(error, PATRON_INVALID, "the event has %zu identifiers; at most %d are taken",
            input->identifier_count, EVENT_IDENTIFIERS_MAX);
    struct known_identifier *identifiers = checked->identifiers;
    for (size_t i = 0; i < input->identifier_count; i++) {
        const struct event_identifier *given = &input->identifiers[i];
        const struct identifier_type *type = definitions_identifier_type(definitions, given->type);
        if (!type)
            return error_set(error, PATRON_INVALID, "unknown identifier type '%s'%s", quote(given->type).text,
                suggest(given->type, SUGGEST_FROM(definitions->identifiers, definitions->identifier_count, name))
                    .text);
        struct bytes normalized;
        TRY(identifier_normalize(type, given->value, &store->event_arena, &normalized, error));
        struct known_identifier made = {.type = type};
        identifier_hash(store->key, type, normalized, made.hash);
        if (identifier_never_links(type, normalized)) {
            if (!hash_is_among(checked->blocked, checked->blocked_count, made.hash))
                checked->blocked[checked->blocked_count++] = made;
            continue;
        }
        if (hash_is_among(identifiers, checked->identifier_count, made.hash))
            continue;
        size_t place = checked->identifier_count;
        while (place > 0 && identifiers[place - 1].type > type) { /* types lie in order of priority */
            identifiers[place] = identifiers[place - 1];
            place--;
        }
        identifiers[place] = made;
        checked->identifier_count++;
    }
    return PATRON_OK;
}

static enum patron_code known_at_choose(
    const struct store *store, const struct event_input *input, int64_t *known_at_us, struct error *error)
{
    int64_t at = store->newest_us + 1;
    if (store->group_first_us > at)
        at = store->group_first_us;
    int64_t wanted = input->has_known_at ? input->known_at_us : store->group_clock_us;
    if (wanted > store->group_clock_us) {
        char text[TIME_TEXT_MAX];
        time_to_text(store->group_clock_us, text);
        return error_set(error, PATRON_OUT_OF_RANGE, "known_at lies after the server's clock, %s", text);
    }
    *known_at_us = wanted > at ? wanted : at;
    if (*known_at_us >= EVENT_TIME_MAX_US) /* no read could ask for it, and what follows would overflow one day */
        return error_set(error, PATRON_OUT_OF_RANGE, "the server's clock is past the year 2199");
    if (input->time_us > *known_at_us && input->time_us - *known_at_us > store->event_ahead_max_us)
        return error_set(error, PATRON_OUT_OF_RANGE,
            "the event's time lies %lld s after it is known; at most %lld s are taken",
            (long long)((input->time_us - *known_at_us) / MICROSECONDS_PER_SECOND),
            (long long)(store->event_ahead_max_us / MICROSECONDS_PER_SECOND));
    return PATRON_OK;
}

/* --- folding ---------------------------------------------------------------------------------------------------- */

static enum patron_code touch(struct store *store, uint64_t customer, struct touched **touched, struct error *error)
{
    HASH_FIND(hh, store->touched, &customer, sizeof customer, *touched);
    if (*touched)
        return PATRON_OK;
    const struct profile_parts *before;
    TRY(lagging_newest(store, customer, &before, error));
    struct touched *made = arena_alloc(&store->group_arena, sizeof *made);
    made->customer = customer;
    made->before = before;
    if (before) {
        made->profile = arena_alloc(&store->group_arena, sizeof *made->profile);
        enum patron_code code = profile_decode(made->profile, store->layout, before, &store->group_arena, error);
        if (code == PATRON_OK && made->profile->position_us > store->newest_us)
            code = error_set(error, PATRON_CORRUPT,
                "the profile of customer %llu is ahead of the log: run patron verify", (unsigned long long)customer);
        if (code != PATRON_OK) {
            profile_parts_release(before);
            return code;
        }
    }
    HASH_ADD(hh, store->touched, customer, sizeof made->customer, made);
    *touched = made;
    return PATRON_OK;
}

static struct profile *touched_profile(struct store *store, struct touched *touched)
{
    if (!touched->profile) {
        touched->profile = arena_alloc(&store->group_arena, sizeof *touched->profile);
        profile_init(touched->profile, store->layout, &store->group_arena);
    }
    return touched->profile;
}

static enum patron_code fold(struct store *store, const struct resolution *resolution, const struct event *event,
    struct error *error)
{
    struct touched *touched;
    TRY(touch(store, resolution->customer, &touched, error));
    struct profile *profile = touched_profile(store, touched);
    for (size_t i = 0; i < resolution->merged_count; i++) {
        struct touched *gone;
        TRY(touch(store, resolution->merged[i], &gone, error));
        if (gone->profile)
            profile_merge(profile, gone->profile);
        gone->profile = NULL;
    }
    profile_advance(profile, event->known_at_us);
    struct event resolved = *event;
    event_resolve(&resolved, store->layout->definitions, &store->event_arena);
    profile_apply(profile, &resolved);
    return PATRON_OK;
}

/* Would the event be one too many of those that wait for their time, over all the customers it may join? Looks, and
 * changes nothing: profiles are not moved on, so that what is due by now but still waits is left out of the count. */
static enum patron_code pending_check(struct store *store, const struct event_input *input, int64_t known_at_us,
    const struct known_identifier *identifiers, size_t count, struct error *refusal, struct error *error)
{
    if (input->time_us <= known_at_us)
        return PATRON_OK;
    size_t waiting = 0;
    const struct touched *counted[EVENT_IDENTIFIERS_MAX];
    size_t counted_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct bytes value;
        enum patron_code code = kv_batch_get(store->batch, KV_IDENTIFIERS,
            bytes_of(identifiers[i].hash, IDENTIFIER_HASH_BYTES), &store->event_arena, &value, error);
        if (code == PATRON_NOT_FOUND)
            continue;
        if (code != PATRON_OK)
            return code;
        struct identifier_entry entry;
        TRY(identifier_decode(value, &entry, error));
        struct touched *touched;
        TRY(touch(store, entry.customer, &touched, error));
        bool again = !touched->profile;
        for (size_t j = 0; j < counted_count; j++)
            again = again || counted[j] == touched;
        if (again)
            continue;
        counted[counted_count++] = touched;
        waiting += profile_pending_after(touched->profile, known_at_us);
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

static enum patron_code event_type_unknown(struct store *store, struct bytes name, struct error *error)
{
    size_t count;
    const struct bytes *names = definitions_event_names(store->definitions, &store->event_arena, &count);
    return error_set(error, PATRON_INVALID, "unknown event type '%s'%s", quote(name).text,
        suggest(name, (struct suggest_from){names, count, sizeof *names}).text);
}

static enum patron_code event_check(
    struct store *store, const struct event_input *input, struct checked *checked, struct error *why)
{
    checked->type = definitions_event_type(store->definitions, input->type);
    checked->values = NULL;
    checked->kept_count = 0;
    checked->unknown_count = 0;
    checked->shared = NULL;
    TRY(text_check("source", input->source, SOURCE_BYTES_MAX, why));
    if (bytes_is(input->source, SOURCE_OWN))
        return error_set(why, PATRON_INVALID,
            "the source '" SOURCE_OWN "' is the store's own: name the system that sends the event");
    TRY(text_check("id", input->id, EVENT_ID_BYTES_MAX, why));
    const struct event_type *type = checked->type;
    if (!type)
        return event_type_unknown(store, input->type, why);
    TRY(time_check(input->time_us, why));
    checked->event = (struct event){.time_us = input->time_us, .type = type->number};
    event_hash(input->source, input->type, input->id, checked->event.hash);
    TRY(attributes_check(store, input, type, checked, why));
    TRY(identifiers_check(store, input, checked, why));
    return known_at_choose(store, input, &checked->event.known_at_us, why);
}

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
    TRY(event_decode(bytes_of(key, sizeof key), value, &before, error));
    *same = event_same_content(&before, &checked->event, store->definitions);
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

/* queues: key    queue u8 = 1 (audit) | known_at i64 BE, sign bit flipped
 *         value  format u8 = 1 | event node varint | n varint | n dropped identifiers: reason u8, type number varint,
 *                hash 16 bytes; reason 1: joining it would have broken a rule, 2: its value never links */
enum dropped_reason { DROPPED_BY_RULE = 1, DROPPED_NEVER_LINKS = 2 };

static void dropped_encode(struct encoder *to, enum dropped_reason reason, const struct known_identifier *identifier)
{
    encode_u8(to, (uint8_t)reason);
    encode_varint(to, identifier->type->number);
    encode_raw(to, identifier->hash, IDENTIFIER_HASH_BYTES);
}

static void dropped_record(struct store *store, const struct checked *checked, const struct resolution *resolution)
{
    uint8_t key[9] = {QUEUE_AUDIT};
    encode_time(key + 1, checked->event.known_at_us);
    struct encoder to = {0};
    encode_u8(&to, 1);
    encode_varint(&to, resolution->node);
    encode_varint(&to, checked->identifier_count - resolution->accepted + checked->blocked_count);
    for (size_t i = resolution->accepted; i < checked->identifier_count; i++)
        dropped_encode(&to, DROPPED_BY_RULE, &checked->identifiers[i]);
    for (size_t i = 0; i < checked->blocked_count; i++)
        dropped_encode(&to, DROPPED_NEVER_LINKS, &checked->blocked[i]);
    kv_batch_put(store->batch, KV_QUEUES, bytes_of(key, sizeof key), encoder_borrow(&to));
    encoder_clear(&to);
}

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
    struct identity_writer writer = {store->batch, &store->last_node};
    struct resolution resolution;
    TRY(identity_resolve(&writer, store->definitions, checked->identifiers, checked->identifier_count, event->hash,
        event->known_at_us, &store->event_arena, &resolution, error));
    event->node = resolution.node;
    event_write(store, event, &resolution);
    uint32_t dropped = (uint32_t)(checked->identifier_count - resolution.accepted + checked->blocked_count);
    if (dropped > 0)
        dropped_record(store, checked, &resolution);
    TRY(fold(store, &resolution, event, error));
    store->newest_us = event->known_at_us;
    store->group_size++;
    store->events++;
    store->merges += resolution.merged_count;
    store->identifiers_dropped += dropped;
    *outcome = (struct event_outcome){.fate = EVENT_APPLIED,
        .known_at_us = event->known_at_us,
        .node = resolution.node,
        .identifiers_dropped = dropped};
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

/* A second arrival, a refusal, or applied. */
static enum patron_code event_decide(struct store *store, const struct event_input *input, struct checked *checked,
    struct event_outcome *outcome, struct error *error)
{
    if (event_check(store, input, checked, &outcome->why) != PATRON_OK) {
        outcome->fate = EVENT_REFUSED;
        return PATRON_OK;
    }
    enum patron_code code = event_id_check(store, checked, outcome, error);
    if (code == PATRON_OK && outcome->fate == 0 && checked->shared)
        return shared_decide(store, checked, outcome);
    if (code == PATRON_OK && outcome->fate == 0 && checked->identifier_count == 0)
        error_set(&outcome->why, PATRON_INVALID, "the event has no identifier that may link: its values are blocked");
    else if (code == PATRON_OK && outcome->fate == 0)
        code = pending_check(store, input, checked->event.known_at_us, checked->identifiers, checked->identifier_count,
            &outcome->why, error);
    if (code == PATRON_OK && outcome->why.code != PATRON_OK)
        outcome->fate = EVENT_REFUSED;
    if (code == PATRON_OK && outcome->fate == 0)
        code = event_apply(store, checked, outcome, error);
    return code;
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

void touched_release(struct store *store)
{
    struct touched *touched, *next;
    HASH_ITER(hh, store->touched, touched, next)
    {
        HASH_DEL(store->touched, touched);
        profile_parts_release(touched->before);
    }
    arena_reset(&store->group_arena);
}

static void touched_encode(struct store *store)
{
    for (struct touched *touched = store->touched; touched; touched = touched->hh.next) {
        if (!touched->profile && !touched->before)
            continue; /* came and went within the group */
        lagging_set(store, touched->customer, touched->before,
            touched->profile ? profile_encode(touched->profile) : NULL);
    }
}

static void touched_hand_over(struct store *store)
{
    for (struct touched *touched = store->touched; touched; touched = touched->hh.next) {
        struct lagging *lagging;
        HASH_FIND(hh, store->lagging, &touched->customer, sizeof touched->customer, lagging);
        if (lagging)
            store->home->functions->put(store->home, store->layout->generation, touched->customer,
                lagging->newest ? profile_parts_retain(lagging->newest) : NULL, store->newest_us);
    }
}

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
