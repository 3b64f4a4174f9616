#include "store/checked.h"

#include "store/base/time_text.h"
#include "store/definitions/suggest.h"

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
        if (type->keep)
            made.kept = normalized;
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
    *known_at_us = known_at_named(wanted > at ? wanted : at);
    if (*known_at_us >= EVENT_TIME_MAX_US) /* no read could ask for it, and what follows would overflow one day */
        return error_set(error, PATRON_OUT_OF_RANGE, "the server's clock is past the year 2199");
    if (input->time_us > *known_at_us && input->time_us - *known_at_us > store->event_ahead_max_us)
        return error_set(error, PATRON_OUT_OF_RANGE,
            "the event's time lies %lld s after it is known; at most %lld s are taken",
            (long long)((input->time_us - *known_at_us) / MICROSECONDS_PER_SECOND),
            (long long)(store->event_ahead_max_us / MICROSECONDS_PER_SECOND));
    return PATRON_OK;
}

static enum patron_code event_type_unknown(struct store *store, struct bytes name, struct error *error)
{
    size_t count;
    const struct bytes *names = definitions_event_names(store->definitions, &store->event_arena, &count);
    return error_set(error, PATRON_INVALID, "unknown event type '%s'%s", quote(name).text,
        suggest(name, (struct suggest_from){names, count, sizeof *names}).text);
}

enum patron_code event_check(
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
    if (type->sealed)
        event_seal(&checked->event, store->key, &store->event_arena);
    TRY(identifiers_check(store, input, checked, why));
    return known_at_choose(store, input, &checked->event.known_at_us, why);
}
