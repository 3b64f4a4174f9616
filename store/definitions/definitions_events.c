#include <stdlib.h>

#include "store/definitions/parse.h"

static const struct bytes attribute_words[] = {
    {(const uint8_t *)"money", 5},
    {(const uint8_t *)"number", 6},
    {(const uint8_t *)"integer", 7},
    {(const uint8_t *)"bool", 4},
    {(const uint8_t *)"string", 6},
};
enum { ATTRIBUTE_TYPE_COUNT = sizeof attribute_words / sizeof attribute_words[0] };
_Static_assert((int)ATTRIBUTE_MONEY == 1 && (int)ATTRIBUTE_TEXT == (int)ATTRIBUTE_TYPE_COUNT, "numbered as words");

static void attribute_keep(struct parse *parse, const struct tree_node *node, struct bytes event_name,
    const struct attribute *before, const struct attribute *attribute)
{
    if (before->type != attribute->type)
        parse_mistake(parse, node,
            "attribute '%.*s' of event '%.*s' was %s and cannot become %s: stored events hold it as %s; give the new "
            "one another name",
            BYTES_ARGUMENTS(attribute->name), BYTES_ARGUMENTS(event_name), attribute_type_name(before->type),
            attribute_type_name(attribute->type), attribute_type_name(before->type));
}

/* Fills type->attributes, each at the place of its number: those of the version before keep theirs. */
static void parse_attributes(
    struct parse *parse, const struct tree_node *node, struct event_type *type, const struct event_type *before)
{
    size_t kept = before ? before->attribute_count : 0;
    struct attribute *attributes = arena_array(parse->memory, kept + node->count, sizeof *attributes);
    size_t next_number = kept;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        parse_name(parse, entry->key, "an attribute");
        int word = parse_word(parse, entry, "type", attribute_words, ATTRIBUTE_TYPE_COUNT);
        const struct attribute *old = before ? event_type_attribute(before, entry->key->text) : NULL;
        size_t number = old ? old->number : next_number++;
        struct attribute *attribute = &attributes[number];
        attribute->name = arena_copy(parse->memory, entry->key->text);
        attribute->number = (uint16_t)number;
        /* One with a mistake is entered with a type all the same; the file is refused in any case. */
        attribute->type = word >= 0 ? (enum attribute_type)(word + 1) : old ? old->type : ATTRIBUTE_NUMBER;
        if (old)
            attribute_keep(parse, entry, type->name, old, attribute);
    }
    for (size_t i = 0; i < kept; i++) {
        if (attributes[i].type)
            continue;
        parse_mistake(parse, node->key,
            "attribute '%.*s' of event '%.*s' is gone, and stored events hold it: put it back",
            BYTES_ARGUMENTS(before->attributes[i].name), BYTES_ARGUMENTS(type->name));
        attributes[i] = before->attributes[i];
    }
    type->attributes = attributes;
    type->attribute_count = next_number;
}

static void parse_event(
    struct parse *parse, const struct tree_node *node, struct event_type *type, uint16_t *next_number)
{
    parse_name(parse, node->key, "an event");
    type->name = arena_copy(parse->memory, node->key->text);
    const struct event_type *before =
        parse->previous ? definitions_event_type(parse->previous, type->name) : NULL;
    type->number = before ? before->number : (*next_number)++;
    struct tree_node empty = {.kind = TREE_MAP, .key = node->key};
    if (tree_is_nothing(node))
        parse_attributes(parse, &empty, type, before);
    else if (parse_is_map(parse, node, "the attributes of an event", EVENT_ATTRIBUTES_MAX))
        parse_attributes(parse, node, type, before);
}

/* Orders of the events to look them up by. The one by number is only whole where nothing is gone. */
static void events_index(struct parse *parse)
{
    const struct definitions *made = parse->made;
    struct selectable *order = arena_array(parse->scratch, made->event_count, sizeof *order);
    for (size_t i = 0; i < made->event_count; i++)
        order[i] = (struct selectable){made->events[i].name, (uint32_t)i, 1};
    qsort(order, made->event_count, sizeof *order, bytes_sort_compare); /* the name comes first */
    uint16_t *by_name = arena_array(parse->memory, made->event_count, sizeof *by_name);
    uint16_t *by_number = arena_array(parse->memory, made->event_count, sizeof *by_number);
    for (size_t i = 0; i < made->event_count; i++) {
        by_name[i] = (uint16_t)order[i].first;
        if (made->events[i].number < made->event_count)
            by_number[made->events[i].number] = (uint16_t)i;
    }
    parse->made_memory->events_by_name = by_name;
    parse->made_memory->events_by_number = by_number;
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
    struct event_type *types = arena_array(parse->memory, node->count, sizeof *types);
    uint16_t next_number = previous ? (uint16_t)previous->event_count : 0;
    size_t i = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next)
        parse_event(parse, entry, &types[i++], &next_number);
    made->events = types;
    made->event_count = node->count;
    events_index(parse);
    for (i = 0; previous && i < previous->event_count; i++)
        if (!definitions_event_type(made, previous->events[i].name))
            parse_mistake(parse, node->key, "event '%.*s' is gone, and stored events are of it: put it back",
                BYTES_ARGUMENTS(previous->events[i].name));
}
