#include <stdio.h>
#include <stdlib.h>

#include "store/definitions/parse.h"

const struct attribute *parse_attribute_sealed(
    struct parse *parse, const struct tree_node *node, struct bytes name, const struct event_type *event)
{
    const struct attribute *attribute = event_type_attribute(event, name);
    if (!attribute && !parse_only_counts(parse)) {
        char what[64 + QUOTED_MAX];
        snprintf(what, sizeof what, "attribute of '%s':", quote(event->name).text);
        size_t count;
        const struct bytes *names = event_type_attribute_names(event, parse->scratch, &count);
        parse_unknown(parse, node, what, name, (struct suggest_from){names, count, sizeof *names});
    }
    return attribute;
}

const struct attribute *parse_attribute(
    struct parse *parse, const struct tree_node *node, struct bytes name, const struct event_type *event)
{
    const struct attribute *attribute = parse_attribute_sealed(parse, node, name, event);
    if (!attribute || !event->sealed)
        return attribute;
    parse_mistake(parse, node,
        "the attributes of '%s' are sealed, for matching reads them%s: its events can be counted, and '%s' belongs in "
        "an event of its own",
        quote(event->name).text, bytes_equal(event->name, parse->matched_event) ? "" : " in an earlier version",
        quote(name).text);
    return NULL;
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

static int scalar_compare(const void *left, const void *right)
{
    const struct scalar *a = left, *b = right;
    if (a->type == ATTRIBUTE_TEXT)
        return bytes_compare(a->text, b->text);
    return a->number < b->number ? -1 : a->number > b->number;
}

static void filter_list(
    struct parse *parse, const struct tree_node *node, const struct attribute *attribute, struct filter *filter)
{
    if (node->count == 0 || node->count > FILTER_VALUES_MAX) {
        parse_mistake(parse, node, "'%.*s' is compared with a list of %zu values: give 1 to %d",
            BYTES_ARGUMENTS(attribute->name), node->count, FILTER_VALUES_MAX);
        return;
    }
    struct scalar *values = arena_array(parse->memory, node->count, sizeof *values);
    size_t count = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        if (!parse_constant(parse, entry, attribute, &values[count]))
            continue;
        for (size_t i = 0; i < count; i++)
            if (scalar_compare(&values[i], &values[count]) == 0)
                parse_mistake(parse, entry, "'%.*s' is compared with '%s' twice: keep one",
                    BYTES_ARGUMENTS(attribute->name), quote(entry->text).text);
        count++;
    }
    qsort(values, count, sizeof *values, scalar_compare);
    filter->values = values;
    filter->value_count = count;
}

/* --- ranges ------------------------------------------------------------------------------------------------------- */

/* One end of a range: the closed bound or the open one. */
static void range_end(struct parse *parse, const struct tree_node *const nodes[2], const struct attribute *attribute,
    bool *has, bool *open, struct scalar *bound)
{
    if (nodes[0] && nodes[1]) {
        parse_mistake(parse, nodes[1]->key, "'%.*s' has both %.*s and %.*s: keep one", BYTES_ARGUMENTS(attribute->name),
            BYTES_ARGUMENTS(nodes[0]->key->text), BYTES_ARGUMENTS(nodes[1]->key->text));
        return;
    }
    const struct tree_node *node = nodes[0] ? nodes[0] : nodes[1];
    if (!node)
        return;
    *open = nodes[1] != NULL;
    *has = parse_constant(parse, node, attribute, bound);
}

static void filter_range(
    struct parse *parse, const struct tree_node *node, const struct attribute *attribute, struct filter *filter)
{
    const struct tree_node *nodes[RANGE_KEYS];
    parse_fields(parse, node, &grammar_range, nodes);
    if (attribute->type == ATTRIBUTE_TEXT || attribute->type == ATTRIBUTE_BOOL) {
        parse_mistake(parse, node, "a range takes money, number or integer, and '%.*s' is %s",
            BYTES_ARGUMENTS(attribute->name), attribute_type_name(attribute->type));
        return;
    }
    if (node->count == 0) {
        parse_mistake(parse, node, "the range of '%.*s' has no bound: give at_least, more_than, at_most or less_than",
            BYTES_ARGUMENTS(attribute->name));
        return;
    }
    _Static_assert(RANGE_MORE_THAN == RANGE_AT_LEAST + 1 && RANGE_LESS_THAN == RANGE_AT_MOST + 1, "pairs");
    range_end(parse, &nodes[RANGE_AT_LEAST], attribute, &filter->has_low, &filter->low_open, &filter->low);
    range_end(parse, &nodes[RANGE_AT_MOST], attribute, &filter->has_high, &filter->high_open, &filter->high);
    /* Numbers of all types are integers of their unit, so that an open bound is the next one's closed. */
    if (filter->has_low && filter->has_high &&
        filter->low.number + filter->low_open > filter->high.number - filter->high_open)
        parse_mistake(parse, node, "no value of '%.*s' can lie in this range", BYTES_ARGUMENTS(attribute->name));
}

/* --- filters ------------------------------------------------------------------------------------------------------ */

static void filter_read(
    struct parse *parse, const struct tree_node *node, const struct attribute *attribute, struct filter *filter)
{
    filter->attribute = attribute->number;
    if (node->kind == TREE_LIST) {
        filter_list(parse, node, attribute, filter);
    } else if (node->kind == TREE_MAP) {
        filter_range(parse, node, attribute, filter);
    } else if (tree_is_nothing(node)) {
        parse_mistake(parse, node,
            "'%.*s' is compared with nothing: give a value, a list of values or a range such as {at_least: 10}",
            BYTES_ARGUMENTS(attribute->name));
    } else {
        struct scalar *value = arena_alloc(parse->memory, sizeof *value);
        filter->value_count = parse_constant(parse, node, attribute, value);
        filter->values = value;
    }
}

size_t parse_filters(struct parse *parse, const struct tree_node *node, const struct event_type *event,
    const struct filter **filters)
{
    const char *what = (const char *)arena_string(parse->scratch, node->key->text); /* where or ratio */
    if (!parse_is_map(parse, node, what, EVENT_ATTRIBUTES_MAX))
        return 0;
    if (node->count == 0) {
        parse_mistake(parse, node, "%s names no attribute: %s", what,
            bytes_is(node->key->text, "where") ? "leave it out" : "say which events are the part");
        return 0;
    }
    struct filter *made = arena_array(parse->memory, node->count, sizeof *made);
    size_t count = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        const struct attribute *attribute = parse_attribute(parse, entry->key, entry->key->text, event);
        if (attribute)
            filter_read(parse, entry, attribute, &made[count++]);
    }
    *filters = made;
    return count;
}
