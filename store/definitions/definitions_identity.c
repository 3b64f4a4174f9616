#include "store/definitions/describe.h"
#include "store/definitions/parse.h"

/* --- what a customer is worth ------------------------------------------------------------------------------------- */

/* Notes a mistake if the feature, or one that it is worked out from, has a window: its value falls by itself, and a
 * customer who was too valuable to be joined by a machine would not be any more. */
static void refuse_window(struct parse *parse, const struct tree_node *node, uint32_t feature)
{
    const struct definitions *made = parse->made;
    struct selection selection = {.features = &feature, .count = 1};
    selection_need(made, parse->scratch, &selection);
    const uint32_t *needed = selection.needed ? selection.needed : selection.features;
    size_t count = selection.needed ? selection.needed_count : 1;
    for (size_t i = 0; i < count; i++) {
        const struct feature *part = &made->features[needed[i]];
        if (part->window_us == 0)
            continue;
        struct bytes window = describe_duration(part->window_us, parse->scratch);
        if (needed[i] == feature)
            parse_mistake(parse, node, "value must be over the lifetime, and '%s' has a window of %.*s",
                quote(part->name).text, BYTES_ARGUMENTS(window));
        else
            parse_mistake(parse, node,
                "value must be over the lifetime, and '%s' is worked out from '%s', which has a window of %.*s",
                quote(made->features[feature].name).text, quote(part->name).text, BYTES_ARGUMENTS(window));
        return;
    }
}

/* The feature's index; -1 and a mistake if it cannot say what a customer is worth. */
static int32_t read_value(struct parse *parse, const struct tree_node *node)
{
    const struct definitions *made = parse->made;
    const struct definitions_memory *names = parse->made_memory;
    if (node->kind != TREE_SCALAR || tree_is_nothing(node)) {
        parse_mistake(parse, node, "value must be the name of a feature");
        return -1;
    }
    const struct selectable *found = definitions_selectable(made, node->text);
    if (!found) {
        if (!parse->features_unread)
            parse_unknown(parse, node, "feature", node->text,
                SUGGEST_FROM(names->selectables, names->selectable_count, name));
        return -1;
    }
    const struct feature *feature = &made->features[found->first];
    if (found->count > 1 || !bytes_equal(feature->name, found->name)) {
        parse_mistake(parse, node, "value must be one feature, and '%s' is a family: name a member, such as '%s'",
            quote(node->text).text, quote(feature->name).text);
        return -1;
    }
    if (!feature->type) /* it has a mistake already */
        return -1;
    if (feature->type == VALUE_BOOL || feature->type == VALUE_TEXT)
        parse_mistake(parse, node, "value must be a number or money, and '%s' is %s", quote(feature->name).text,
            value_type_name(feature->type));
    else
        refuse_window(parse, node, found->first);
    return (int32_t)found->first;
}

/* --- thresholds --------------------------------------------------------------------------------------------------- */

static bool read_amount(struct parse *parse, const struct tree_node *node, double *amount)
{
    if (!node)
        return false;
    if (parse_number(parse, node, amount) && *amount >= 0)
        return true;
    parse_mistake(
        parse, node, "%.*s must be a number, 0 or more, without quotes", BYTES_ARGUMENTS(node->key->text));
    return false;
}

static void read_by_value(
    struct parse *parse, const struct tree_node *const nodes[IDENTITY_KEYS], struct identity_rules *rules)
{
    static const enum identity_key keys[] = {IDENTITY_REVIEW_EITHER, IDENTITY_REVIEW_BOTH, IDENTITY_SECOND_PERSON};
    const struct tree_node *either = nodes[IDENTITY_REVIEW_EITHER], *both = nodes[IDENTITY_REVIEW_BOTH];
    const struct tree_node *second = nodes[IDENTITY_SECOND_PERSON];
    if (nodes[IDENTITY_VALUE])
        rules->value_feature = read_value(parse, nodes[IDENTITY_VALUE]);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (nodes[keys[i]] && !nodes[IDENTITY_VALUE])
            parse_mistake(parse, nodes[keys[i]]->key,
                "%.*s goes by what customers are worth: give 'value', the feature that says it",
                BYTES_ARGUMENTS(nodes[keys[i]]->key->text));
    rules->has_review_either = read_amount(parse, either, &rules->review_either);
    rules->has_review_both = read_amount(parse, both, &rules->review_both);
    rules->has_second_person = read_amount(parse, second, &rules->second_person);
    if (second && !either && !both)
        parse_mistake(parse, second->key,
            "second_person is about what waits for a first one: give review_either or review_both as well");
    else if (rules->has_second_person && (rules->has_review_either || !either) && (rules->has_review_both || !both) &&
        !(rules->has_review_either && rules->review_either <= rules->second_person) &&
        !(rules->has_review_both && rules->review_both <= rules->second_person))
        parse_mistake(parse, second,
            "second_person is below what waits for a first one: make it at least review_either or review_both");
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

/* A whole number within the key's bounds; `without` if it is not given or has a mistake. */
static uint32_t read_count(
    struct parse *parse, const struct tree_node *const nodes[IDENTITY_KEYS], enum identity_key key, uint32_t without)
{
    int64_t count = nodes[key] ? parse_whole(parse, nodes[key], grammar_identity.keys[key].shape) : -1;
    return count > 0 ? (uint32_t)count : without;
}

void parse_identity(struct parse *parse, const struct tree_node *node)
{
    struct identity_rules *rules = &parse->made->identity;
    *rules = (struct identity_rules){
        .size_max = CUSTOMER_NODES_MAX, .value_feature = -1, .review_expires_us = 30 * MICROSECONDS_PER_DAY};
    const struct tree_node *nodes[IDENTITY_KEYS];
    if (!node || tree_is_nothing(node) || !parse_is_map(parse, node, "identity", SIZE_MAX))
        return;
    parse_fields(parse, node, &grammar_identity, nodes);
    rules->size_max = read_count(parse, nodes, IDENTITY_MAX_SIZE, CUSTOMER_NODES_MAX);
    rules->size_review = read_count(parse, nodes, IDENTITY_REVIEW_SIZE, 0);
    rules->bridge_established = read_count(parse, nodes, IDENTITY_REVIEW_BRIDGE, 0);
    if (rules->size_review >= rules->size_max)
        parse_mistake(parse, nodes[IDENTITY_REVIEW_SIZE],
            "review_size must be below max_size (%u): what would be larger is refused, and waits for nobody",
            rules->size_max);
    read_by_value(parse, nodes, rules);
    if (nodes[IDENTITY_REVIEW_EXPIRES]) {
        int64_t expires_us = parse_duration(parse, nodes[IDENTITY_REVIEW_EXPIRES], MICROSECONDS_PER_HOUR,
            WINDOW_DAYS_MAX * MICROSECONDS_PER_DAY);
        rules->review_expires_us = expires_us > 0 ? expires_us : rules->review_expires_us;
    }
}
