#include <stdio.h>
#include <stdlib.h>

#include "store/definitions/parse.h"

/* --- what would break --------------------------------------------------------------------------------------------- */

enum { ANY_ATTRIBUTE = -1, USERS_TEXT_MAX = 400 };

static bool filters_use(const struct filter *filters, size_t count, int32_t attribute)
{
    for (size_t i = 0; i < count; i++)
        if (filters[i].attribute == attribute)
            return true;
    return false;
}

static bool feature_uses(const struct feature *feature, int32_t attribute)
{
    return attribute == ANY_ATTRIBUTE || feature->attribute == attribute ||
        (feature->aggregation == AGGREGATION_TOP && feature->by_attribute == attribute) ||
        filters_use(feature->filters, feature->filter_count, attribute) ||
        filters_use(feature->matching, feature->matching_count, attribute);
}

/* As it stands in the file: a family's bare name for each of its members. */
static struct bytes name_in_file(struct bytes name)
{
    const uint8_t *dot = memchr(name.data, '.', name.length);
    return dot ? bytes_of(name.data, (size_t)(dot - name.data)) : name;
}

struct users {
    char text[USERS_TEXT_MAX];
};

/* "; features a, b, c and 3 more of version 2 use it": those of the version before; or nothing. */
static struct users users_of(const struct parse *parse, const struct event_type *event, int32_t attribute)
{
    enum { LIST_BYTES = 300, MORE_BYTES = 32 };
    const struct definitions *previous = parse->previous;
    char list[LIST_BYTES] = "", more[MORE_BYTES] = "";
    size_t length = 0, told = 0, count = 0;
    struct bytes last = {0};
    for (size_t i = 0; i < previous->feature_count; i++) {
        const struct feature *feature = &previous->features[i];
        if (feature->aggregation == AGGREGATION_DERIVED || &previous->events[feature->event] != event ||
            !feature_uses(feature, attribute))
            continue;
        struct bytes name = name_in_file(feature->name);
        if (bytes_equal(name, last)) /* members follow each other */
            continue;
        last = name;
        if (told == count++ && length + name.length + sizeof ", " < sizeof list) {
            length += (size_t)snprintf(
                list + length, sizeof list - length, "%s%.*s", told ? ", " : "", BYTES_ARGUMENTS(name));
            told++;
        }
    }
    if (count > told)
        snprintf(more, sizeof more, " and %zu more", count - told);
    struct users users = {.text = ""};
    if (count > 0)
        snprintf(users.text, sizeof users.text, "; feature%s %s%s of version %u use%s it", count == 1 ? "" : "s",
            list, more, previous->version, count == 1 ? "s" : "");
    return users;
}

#define FORCE_WORDS "or use apply --force"

/* --- attributes --------------------------------------------------------------------------------------------------- */

/* Of the attributes of the version before: those that the file does not have stay retired at their places. */
static void attributes_gone(struct parse *parse, const struct tree_node *node, const struct event_type *type,
    const struct event_type *before)
{
    for (size_t i = 0; i < before->attribute_count; i++) {
        const struct attribute *old = &before->attributes[i];
        if (old->retired || event_type_attribute(type, old->name))
            continue;
        parse_refuse(parse, node->key,
            "attribute '%.*s' of event '%.*s' is gone, and stored events may hold it%s: put it back, " FORCE_WORDS,
            BYTES_ARGUMENTS(old->name), BYTES_ARGUMENTS(type->name), users_of(parse, before, old->number).text);
    }
}

static void attribute_retyped(struct parse *parse, const struct tree_node *node, const struct event_type *before,
    const struct attribute *old, enum attribute_type type)
{
    parse_refuse(parse, node,
        "attribute '%.*s' of event '%.*s' was %s and cannot become %s: stored events may hold it as %s%s; give the "
        "new one another name, " FORCE_WORDS,
        BYTES_ARGUMENTS(old->name), BYTES_ARGUMENTS(before->name), attribute_type_name(old->type),
        attribute_type_name(type), attribute_type_name(old->type), users_of(parse, before, old->number).text);
}

/* Enters one attribute of the file at the place of its number: the one it had, or the next. */
static void attribute_enter(struct parse *parse, const struct tree_node *entry, const struct event_type *before,
    struct attribute *attributes, size_t *next_number)
{
    parse_name(parse, entry->key, "an attribute");
    /* The words are in the order of enum attribute_type. */
    int word = parse_word(parse, entry, "type", grammar_root.keys[ROOT_EVENTS].shape->of->of);
    const struct attribute *old = before ? event_type_attribute(before, entry->key->text) : NULL;
    /* One with a mistake is entered with a type all the same; the file is refused in any case. */
    enum attribute_type type = word >= 0 ? (enum attribute_type)(word + 1) : old ? old->type : ATTRIBUTE_NUMBER;
    if (old && old->type != type)
        attribute_retyped(parse, entry, before, old, type);
    bool kept = old && old->type == type;
    size_t number = kept ? old->number : (*next_number)++;
    attributes[number] = (struct attribute){
        .name = arena_copy(parse->memory, entry->key->text), .number = (uint16_t)number, .type = type};
}

/* Fills type->attributes, each at the place of its number: those of the version before keep theirs. */
static void parse_attributes(
    struct parse *parse, const struct tree_node *node, struct event_type *type, const struct event_type *before)
{
    size_t numbered = before ? before->attribute_count : 0;
    struct attribute *attributes = arena_array(parse->memory, numbered + node->count, sizeof *attributes);
    for (size_t i = 0; i < numbered; i++) {
        attributes[i] = before->attributes[i];
        attributes[i].name = arena_copy(parse->memory, before->attributes[i].name);
        attributes[i].retired = true; /* until it is met below */
    }
    size_t next_number = numbered;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next)
        attribute_enter(parse, entry, before, attributes, &next_number);
    type->attributes = attributes;
    type->attribute_count = next_number;
    if (next_number > EVENT_ATTRIBUTES_MAX && node->count <= EVENT_ATTRIBUTES_MAX)
        parse_mistake(parse, node->key,
            "event '%s' has too many attributes with those that earlier versions had: %zu (at most %d)",
            quote(type->name).text, next_number, EVENT_ATTRIBUTES_MAX);
    if (before && !node->alias) /* else they were not read */
        attributes_gone(parse, node, type, before);
}

/* --- event types -------------------------------------------------------------------------------------------------- */

static void parse_event(
    struct parse *parse, const struct tree_node *node, struct event_type *type, uint16_t *next_number)
{
    parse_name(parse, node->key, "an event");
    type->name = arena_copy(parse->memory, node->key->text);
    const struct event_type *before =
        parse->previous ? definitions_event_type(parse->previous, type->name) : NULL;
    type->number = before ? before->number : (*next_number)++;
    type->sealed = (before && before->sealed) || bytes_equal(type->name, parse->matched_event);
    struct tree_node empty = {.kind = TREE_MAP, .key = node->key, .alias = node->alias};
    if (tree_is_nothing(node))
        parse_attributes(parse, &empty, type, before);
    else if (parse_is_map(parse, node, "the attributes of an event", EVENT_ATTRIBUTES_MAX))
        parse_attributes(parse, node, type, before);
}

/* Orders of the events to look them up by: the first `live` of them by name, all by number. */
static void events_index(struct parse *parse, size_t live)
{
    const struct definitions *made = parse->made;
    struct selectable *order = arena_array(parse->scratch, live, sizeof *order);
    for (size_t i = 0; i < live; i++)
        order[i] = (struct selectable){made->events[i].name, (uint32_t)i, 1};
    qsort(order, live, sizeof *order, bytes_sort_compare); /* the name comes first */
    uint16_t *by_name = arena_array(parse->memory, live, sizeof *by_name);
    for (size_t i = 0; i < live; i++)
        by_name[i] = (uint16_t)order[i].first;
    uint16_t *by_number = arena_array(parse->memory, made->event_count, sizeof *by_number);
    for (size_t i = 0; i < made->event_count; i++)
        by_number[made->events[i].number] = (uint16_t)i;
    parse->made_memory->events_by_name = by_name;
    parse->made_memory->live_event_count = live;
    parse->made_memory->events_by_number = by_number;
}

/* The event of the version before, at the end of the list. Its attributes stay as they were. */
static void event_retire(struct parse *parse, struct event_type *type, const struct event_type *before)
{
    struct attribute *attributes = arena_array(parse->memory, before->attribute_count, sizeof *attributes);
    for (size_t i = 0; i < before->attribute_count; i++) {
        attributes[i] = before->attributes[i];
        attributes[i].name = arena_copy(parse->memory, before->attributes[i].name);
    }
    *type = *before;
    type->name = arena_copy(parse->memory, before->name);
    type->attributes = attributes;
    type->retired = true;
}

/* Puts the events of the version before that the file does not have behind those it has: with them every number is
 * there, once. Returns how many. */
static size_t events_gone(struct parse *parse, const struct tree_node *node, struct event_type *types, size_t live)
{
    const struct definitions *previous = parse->previous;
    size_t gone = 0;
    for (size_t i = 0; i < previous->event_count; i++) {
        const struct event_type *before = &previous->events[i];
        bool named = false; /* in the file; looked for in the live ones, which have no index yet */
        for (size_t j = 0; j < live && !named; j++)
            named = types[j].number == before->number;
        if (named)
            continue;
        if (!before->retired)
            parse_refuse(parse, node->key,
                "event '%.*s' is gone, and events of it may be stored%s: put it back, " FORCE_WORDS,
                BYTES_ARGUMENTS(before->name), users_of(parse, before, ANY_ATTRIBUTE).text);
        event_retire(parse, &types[live + gone++], before);
    }
    return gone;
}

void parse_events(struct parse *parse, const struct tree_node *node, const struct tree_node *root)
{
    struct definitions *made = parse->made;
    const struct definitions *previous = parse->previous;
    if (!node || tree_is_nothing(node)) {
        parse_mistake(parse, node ? node : root, "events is missing: name what can happen");
        return;
    }
    if (!parse_is_map(parse, node, "events", EVENT_TYPES_MAX))
        return;
    if (node->count == 0)
        parse_mistake(parse, node, "events is empty: name what can happen");
    size_t numbered = previous ? previous->event_count : 0;
    struct event_type *types = arena_array(parse->memory, numbered + node->count, sizeof *types);
    uint16_t next_number = (uint16_t)numbered;
    size_t live = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next)
        parse_event(parse, entry, &types[live++], &next_number);
    made->events = types;
    made->event_count = live + (previous ? events_gone(parse, node, types, live) : 0);
    if (made->event_count > EVENT_TYPES_MAX)
        parse_mistake(parse, node->key, "events are too many with those that earlier versions had: %zu (at most %d)",
            made->event_count, EVENT_TYPES_MAX);
    CHECK(made->event_count == next_number || parse->mistakes->count > 0); /* a name given twice has one number */
    events_index(parse, live);
}

const struct event_type *parse_event_type(struct parse *parse, const struct tree_node *at, struct bytes name)
{
    const struct event_type *event = definitions_event_type(parse->made, name);
    if (event || parse_only_counts(parse))
        return event;
    size_t count;
    const struct bytes *names = definitions_event_names(parse->made, parse->scratch, &count);
    parse_unknown(parse, at, "event", name, (struct suggest_from){names, count, sizeof *names});
    return NULL;
}
