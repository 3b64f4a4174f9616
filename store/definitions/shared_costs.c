#include "store/definitions/parse.h"

const struct shared_cost *definitions_shared_cost(const struct definitions *definitions, uint16_t event_number)
{
    for (size_t i = 0; i < definitions->shared_cost_count; i++)
        if (definitions->shared_costs[i].event == event_number)
            return &definitions->shared_costs[i];
    return NULL;
}

/* The attribute that an entry names; null and a mistake if the event has none of that name and a fitting type. */
static const struct attribute *attribute_named(struct parse *parse, const struct tree_node *node,
    const struct event_type *event, bool integer_too)
{
    if (node->kind != TREE_SCALAR) {
        parse_mistake(parse, node, "%.*s must be the name of an attribute", BYTES_ARGUMENTS(node->key->text));
        return NULL;
    }
    const struct attribute *attribute = parse_attribute(parse, node, node->text, event);
    if (!attribute || attribute->type == ATTRIBUTE_MONEY || (integer_too && attribute->type == ATTRIBUTE_INTEGER))
        return attribute;
    parse_mistake(parse, node, "%.*s takes money%s, and '%.*s' is %s", BYTES_ARGUMENTS(node->key->text),
        integer_too ? " or integer" : "", BYTES_ARGUMENTS(attribute->name), attribute_type_name(attribute->type));
    return NULL;
}

static void driver_read(struct parse *parse, const struct tree_node *const nodes[SHARED_COST_KEYS],
    const struct event_type *event, struct shared_cost *cost)
{
    const struct tree_node *by = nodes[SHARED_COST_BY];
    if (by->kind != TREE_SCALAR) {
        parse_mistake(parse, by, "by must be the name of an event");
        return;
    }
    const struct event_type *driver = parse_event_type(parse, by, by->text);
    if (!driver)
        return;
    cost->driver = driver->number;
    if (driver == event)
        parse_mistake(parse, by, "'%.*s' cannot be shared by itself: name the event that drives it",
            BYTES_ARGUMENTS(event->name));
    if (nodes[SHARED_COST_WEIGHT]) {
        const struct attribute *weight = attribute_named(parse, nodes[SHARED_COST_WEIGHT], driver, true);
        cost->weight = weight ? weight->number : -1;
    }
    if (nodes[SHARED_COST_WHERE])
        cost->filter_count = parse_filters(parse, nodes[SHARED_COST_WHERE], driver, &cost->filters);
}

static void parse_shared_cost(struct parse *parse, const struct tree_node *node, struct shared_cost *cost)
{
    static const char *const missing[SHARED_COST_KEYS] = {[SHARED_COST_SHARE] = "which attribute is shared",
        [SHARED_COST_BY] = "by which event it is shared",
        [SHARED_COST_PERIOD] = "over which period (day, week or month)"};
    const struct tree_node *nodes[SHARED_COST_KEYS] = {NULL};
    if (!parse_is_map(parse, node, "a shared cost", SIZE_MAX))
        return;
    parse_fields(parse, node, &grammar_shared_cost, nodes);
    for (size_t i = 0; i < SHARED_COST_KEYS; i++)
        if (missing[i] && !nodes[i])
            parse_mistake(parse, node->key, "shared cost '%s' does not say %s: give '%.*s'",
                quote(node->key->text).text, missing[i], BYTES_ARGUMENTS(grammar_shared_cost.keys[i].name));
    const struct event_type *event = parse_event_type(parse, node->key, node->key->text);
    cost->weight = -1;
    if (event) {
        cost->event = event->number;
        const struct attribute *amount =
            nodes[SHARED_COST_SHARE] ? attribute_named(parse, nodes[SHARED_COST_SHARE], event, false) : NULL;
        cost->amount = amount ? amount->number : 0;
    }
    if (nodes[SHARED_COST_BY])
        driver_read(parse, nodes, event, cost);
    /* The words are in the order of enum period. */
    int word = nodes[SHARED_COST_PERIOD] ? parse_word(parse, nodes[SHARED_COST_PERIOD], "period",
                                               grammar_shared_cost.keys[SHARED_COST_PERIOD].shape)
                                         : -1;
    cost->period = word >= 0 ? (enum period)(word + 1) : PERIOD_MONTH;
}

void parse_shared_costs(struct parse *parse, const struct tree_node *node)
{
    if (!node || tree_is_nothing(node) || !parse_is_map(parse, node, "shared_costs", EVENT_TYPES_MAX))
        return;
    if (!parse->made->events) /* a mistake in the events as a whole: what names them is not to blame */
        return;
    struct shared_cost *costs = arena_array(parse->memory, node->count, sizeof *costs);
    size_t i = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next)
        parse_shared_cost(parse, entry, &costs[i++]);
    parse->made->shared_costs = costs;
    parse->made->shared_cost_count = node->count;
}
