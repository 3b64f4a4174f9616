#include "store/definitions/definitions.h"

#include <stdio.h>

#include "store/definitions/expression.h"
#include "store/definitions/parse.h"

const struct definitions *definitions_retain(const struct definitions *definitions)
{
    unsigned before = atomic_fetch_add_explicit(&definitions->memory->references, 1, memory_order_relaxed);
    CHECK(before > 0);
    return definitions;
}

void definitions_release(const struct definitions *definitions)
{
    if (!definitions)
        return;
    unsigned before = atomic_fetch_sub_explicit(&definitions->memory->references, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before > 1)
        return;
    struct arena arena = definitions->memory->arena; /* it holds itself, so it is copied out first */
    arena_clear(&arena);
}

/* --- names -------------------------------------------------------------------------------------------------------- */

const struct identifier_type *definitions_identifier_type(const struct definitions *definitions, struct bytes name)
{
    for (size_t i = 0; i < definitions->identifier_count; i++)
        if (bytes_equal(definitions->identifiers[i].name, name))
            return &definitions->identifiers[i];
    return NULL;
}

const struct event_type *definitions_event_type(const struct definitions *definitions, struct bytes name)
{
    size_t low = 0, high = definitions->memory->live_event_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct event_type *event = &definitions->events[definitions->memory->events_by_name[middle]];
        int order = bytes_compare(event->name, name);
        if (order == 0)
            return event;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct event_type *definitions_event_type_by_number(const struct definitions *definitions, uint16_t number)
{
    if (number >= definitions->event_count)
        return NULL;
    return &definitions->events[definitions->memory->events_by_number[number]];
}

const struct attribute *event_type_attribute(const struct event_type *type, struct bytes name)
{
    for (size_t i = 0; i < type->attribute_count; i++)
        if (!type->attributes[i].retired && bytes_equal(type->attributes[i].name, name))
            return &type->attributes[i];
    return NULL;
}

const struct bytes *definitions_event_names(const struct definitions *definitions, struct arena *arena, size_t *count)
{
    *count = definitions->memory->live_event_count; /* they come first */
    struct bytes *names = arena_array(arena, *count, sizeof *names);
    for (size_t i = 0; i < *count; i++)
        names[i] = definitions->events[i].name;
    return names;
}

const struct bytes *event_type_attribute_names(const struct event_type *type, struct arena *arena, size_t *count)
{
    struct bytes *names = arena_array(arena, type->attribute_count, sizeof *names);
    *count = 0;
    for (size_t i = 0; i < type->attribute_count; i++)
        if (!type->attributes[i].retired)
            names[(*count)++] = type->attributes[i].name;
    return names;
}

const struct selectable *definitions_selectable(const struct definitions *definitions, struct bytes name)
{
    const struct definitions_memory *memory = definitions->memory;
    size_t low = 0, high = memory->selectable_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = bytes_compare(memory->selectables[middle].name, name);
        if (order == 0)
            return &memory->selectables[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *attribute_type_name(enum attribute_type type)
{
    switch (type) {
    case ATTRIBUTE_MONEY:
        return "money";
    case ATTRIBUTE_NUMBER:
        return "number";
    case ATTRIBUTE_INTEGER:
        return "integer";
    case ATTRIBUTE_BOOL:
        return "bool";
    case ATTRIBUTE_TEXT:
        return "string";
    }
    IMPOSSIBLE("an attribute of no type");
}

const char *value_type_name(enum value_type type)
{
    switch (type) {
    case VALUE_DOUBLE:
        return "double";
    case VALUE_INT64:
        return "int64";
    case VALUE_BOOL:
        return "bool";
    case VALUE_TEXT:
        return "string";
    case VALUE_MONEY:
        return "money";
    }
    IMPOSSIBLE("a value of no type");
}

/* --- selections --------------------------------------------------------------------------------------------------- */

void selection_need(const struct definitions *definitions, struct arena *arena, struct selection *selection)
{
    bool derived = false;
    for (size_t i = 0; i < selection->count; i++)
        derived = derived || definitions->features[selection->features[i]].expression;
    if (!derived)
        return;
    size_t words = (definitions->feature_count + 63) / 64, count = 0;
    uint64_t *needed = arena_array(arena, words, sizeof *needed);
    for (size_t i = 0; i < selection->count; i++)
        needed[selection->features[i] / 64] |= UINT64_C(1) << selection->features[i] % 64;
    /* Operands come first: from the last feature down, each has all that need it behind it. */
    for (size_t word = words; word-- > 0;) {
        for (uint64_t left = needed[word]; left;) {
            unsigned bit = 63 - (unsigned)__builtin_clzll(left);
            const struct feature *feature = &definitions->features[word * 64 + bit];
            const uint32_t *operands;
            size_t operand_count = feature->expression ? expression_operands(feature->expression, &operands) : 0;
            for (size_t i = 0; i < operand_count; i++)
                needed[operands[i] / 64] |= UINT64_C(1) << operands[i] % 64;
            count++;
            left = needed[word] & ((UINT64_C(1) << bit) - 1);
        }
    }
    uint32_t *features = arena_array(arena, count, sizeof *features);
    size_t filled = 0;
    for (size_t word = 0; word < words; word++)
        for (uint64_t left = needed[word]; left; left &= left - 1)
            features[filled++] = (uint32_t)(word * 64 + (unsigned)__builtin_ctzll(left));
    selection->needed = features;
    selection->needed_count = count;
}

/* The features' own defaults; a service has its own besides. */
static void select_fallbacks(const struct definitions *definitions, struct arena *arena, struct selection *selection)
{
    const struct value **fallbacks = NULL;
    for (size_t i = 0; i < selection->count; i++) {
        const struct value *fallback = definitions->features[selection->features[i]].fallback;
        if (fallback && !fallbacks)
            fallbacks = arena_array(arena, selection->count, sizeof(const struct value *));
        if (fallback)
            fallbacks[i] = fallback;
    }
    selection->fallbacks = fallbacks;
}

static enum patron_code select_service(const struct definitions *definitions, struct bytes name,
    struct selection *selection, struct error *error)
{
    for (size_t i = 0; i < definitions->service_count; i++) {
        const struct service *service = &definitions->services[i];
        if (!bytes_equal(service->name, name))
            continue;
        *selection = service->selection;
        return PATRON_OK;
    }
    return error_set(error, PATRON_INVALID, "unknown service '%s'%s", quote(name).text,
        suggest(name, SUGGEST_FROM(definitions->services, definitions->service_count, name)).text);
}

/* One: its nearest name or a list. Several: all that fit, each with its nearest, and one list if any has none. */
static enum patron_code features_unknown(
    const struct definitions_memory *memory, const struct bytes *names, size_t name_count, struct error *error)
{
    enum { CLOSING_BYTES = SUGGEST_TEXT_MAX + 40 }; /* the list, " and 1000 more" */
    struct suggest_from real = SUGGEST_FROM(memory->selectables, memory->selectable_count, name);
    char text[ERROR_TEXT_MAX];
    size_t length = 0, told = 0;
    const struct bytes *strange = NULL;
    for (size_t i = 0; i < name_count; i++) {
        size_t room = sizeof text - CLOSING_BYTES - length;
        const struct bytes *nearest = suggest_nearest(names[i], real);
        int needed = snprintf(text + length, room, "%s'%s'%s%s%s", told ? ", " : "", quote(names[i]).text,
            nearest ? " (did you mean '" : "", nearest ? quote(*nearest).text : "", nearest ? "'?)" : "");
        if ((size_t)needed >= room)
            break;
        length += (size_t)needed;
        told++;
        strange = nearest ? strange : &names[i];
    }
    text[length] = '\0';
    if (name_count == 1)
        return error_set(
            error, PATRON_INVALID, "unknown feature '%s'%s", quote(names[0]).text, suggest(names[0], real).text);
    char more[40] = "";
    if (told < name_count)
        snprintf(more, sizeof more, " and %zu more", name_count - told);
    return error_set(error, PATRON_INVALID, "unknown features %s%s%s", text, more,
        strange ? suggest(*strange, real).text : "");
}

static enum patron_code select_names(const struct definitions *definitions, const struct bytes *names,
    size_t name_count, struct arena *arena, struct selection *selection, struct error *error)
{
    if (name_count > READ_FEATURES_MAX)
        return error_set(error, PATRON_INVALID, "too many features: %zu (at most %d)", name_count, READ_FEATURES_MAX);
    size_t total = 0, unknown_count = 0;
    struct bytes *unknown = arena_array(arena, name_count, sizeof *unknown);
    for (size_t i = 0; i < name_count; i++) {
        const struct selectable *found = definitions_selectable(definitions, names[i]);
        if (found)
            total += found->count;
        else
            unknown[unknown_count++] = names[i];
    }
    if (unknown_count > 0)
        return features_unknown(definitions->memory, unknown, unknown_count, error);
    if (total > READ_FEATURES_MAX)
        return error_set(error, PATRON_INVALID, "too many features: %zu (at most %d)", total, READ_FEATURES_MAX);
    uint32_t *features = arena_array(arena, total, sizeof *features);
    size_t count = 0;
    for (size_t i = 0; i < name_count; i++) {
        const struct selectable *found = definitions_selectable(definitions, names[i]);
        for (uint32_t member = 0; member < found->count; member++)
            features[count++] = found->first + member;
    }
    *selection = (struct selection){.features = features, .count = count};
    selection_need(definitions, arena, selection);
    select_fallbacks(definitions, arena, selection);
    return PATRON_OK;
}

enum patron_code definitions_select(const struct definitions *definitions, struct bytes service,
    const struct bytes *names, size_t name_count, struct arena *arena, struct selection *selection,
    struct error *error)
{
    if (service.length > 0 && name_count > 0)
        return error_set(error, PATRON_INVALID, "both a service and features are named: give one of the two");
    if (service.length > 0)
        return select_service(definitions, service, selection, error);
    if (name_count == 0)
        return error_set(error, PATRON_INVALID, "neither a service nor a feature is named");
    return select_names(definitions, names, name_count, arena, selection, error);
}
