#include <stdlib.h>

#include "store/definitions/parse.h"
#include "store/definitions/time_zone.h"

/* --- currency and time zone --------------------------------------------------------------------------------------- */

static void parse_currency(struct parse *parse, const struct tree_node *node, const struct tree_node *root)
{
    struct bytes currency = node ? node->text : bytes_from_string("EUR");
    bool good = currency.length == 3;
    for (size_t i = 0; i < currency.length; i++)
        good = good && currency.data[i] >= 'A' && currency.data[i] <= 'Z';
    if (!good) {
        parse_mistake(parse, node, "currency must be three capital letters, such as EUR");
        return;
    }
    parse->made->currency = arena_copy(parse->memory, currency);
    const struct definitions *previous = parse->previous;
    if (previous && !bytes_equal(previous->currency, currency))
        parse_mistake(parse, node ? node : root,
            "currency was %.*s and cannot become %.*s: the stored amounts are in %.*s",
            BYTES_ARGUMENTS(previous->currency), BYTES_ARGUMENTS(currency), BYTES_ARGUMENTS(previous->currency));
}

static void parse_time_zone(struct parse *parse, const struct tree_node *node)
{
    struct bytes name = node ? node->text : bytes_from_string("UTC");
    struct error error;
    if (node && (node->kind != TREE_SCALAR || tree_is_nothing(node)))
        parse_mistake(parse, node, "time_zone must be an IANA name such as Europe/Berlin");
    else if (time_zone_new(name, parse->memory, &parse->made->zone, &error) != PATRON_OK)
        parse_mistake(parse, node, "%s", error.text);
    else
        parse->made->time_zone_name = arena_copy(parse->memory, name);
}

/* The grammar's words are in the order of enum unknown_attributes. */
static void parse_unknown_attributes(struct parse *parse, const struct tree_node *node)
{
    int word = parse_word(parse, node, "unknown_attributes", grammar_root.keys[ROOT_UNKNOWN_ATTRIBUTES].shape);
    if (word >= 0)
        parse->made->unknown_attributes = (enum unknown_attributes)word;
}

/* --- identifiers -------------------------------------------------------------------------------------------------- */

int bytes_sort_compare(const void *left, const void *right)
{
    return bytes_compare(*(const struct bytes *)left, *(const struct bytes *)right);
}

/* Values are kept normalised and sorted, for identifier_never_links. */
static void parse_never_link(struct parse *parse, const struct tree_node *node, struct identifier_type *type)
{
    if (!parse_is_list(parse, node, "never_link", SIZE_MAX) || node->count == 0)
        return;
    struct bytes *values = arena_array(parse->memory, node->count, sizeof *values);
    size_t count = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        struct error error;
        if (entry->kind != TREE_SCALAR)
            parse_mistake(parse, entry, "never_link must be a list of values");
        else if (tree_is_nothing(entry))
            parse_mistake(parse, entry, "this is no value: write it in quotes if the word is meant");
        else if (identifier_normalize(type, entry->text, parse->memory, &values[count], &error) != PATRON_OK)
            parse_mistake(parse, entry, "%s", error.text);
        else
            count++;
    }
    qsort(values, count, sizeof *values, bytes_sort_compare);
    type->never_link = values;
    type->never_link_count = count;
}

/* Its words are in the order of enum normalization. */
static const struct grammar_shape *normalize_shape(void)
{
    return grammar_identifier.keys[IDENTIFIER_NORMALIZE].shape;
}

/* Stored identifiers are hashes of normalised values: normalised in another way, none of them would be found again. */
static void identifier_keep(struct parse *parse, const struct tree_node *node, struct identifier_type *type,
    uint16_t *next_number)
{
    const struct identifier_type *before =
        parse->previous ? definitions_identifier_type(parse->previous, type->name) : NULL;
    if (!before) {
        type->number = (*next_number)++;
        return;
    }
    type->number = before->number;
    if (before->normalization != type->normalization)
        parse_mistake(parse, node,
            "identifier '%.*s' was normalised as '%.*s' and cannot become '%.*s': stored values would not be found "
            "again; give the new one another name",
            BYTES_ARGUMENTS(type->name), BYTES_ARGUMENTS(normalize_shape()->words[before->normalization]),
            BYTES_ARGUMENTS(normalize_shape()->words[type->normalization]));
}

static void parse_identifier(struct parse *parse, const struct tree_node *node, struct identifier_type *type,
    uint16_t *next_number)
{
    parse_name(parse, node->key, "an identifier");
    type->name = arena_copy(parse->memory, node->key->text);
    const struct tree_node *nodes[IDENTIFIER_KEYS] = {NULL};
    if (!tree_is_nothing(node) && parse_is_map(parse, node, "an identifier", SIZE_MAX))
        parse_fields(parse, node, &grammar_identifier, nodes);
    if (nodes[IDENTIFIER_MAX]) {
        int64_t max = parse_whole(parse, nodes[IDENTIFIER_MAX], grammar_identifier.keys[IDENTIFIER_MAX].shape);
        type->max = max > 0 ? (uint32_t)max : 0;
    }
    const struct tree_node *normalize = nodes[IDENTIFIER_NORMALIZE];
    int word = normalize ? parse_word(parse, normalize, "normalize", normalize_shape()) : NORMALIZE_NONE;
    if (word < 0)
        return;
    type->normalization = (enum normalization)word;
    identifier_keep(parse, normalize ? normalize : node->key, type, next_number);
    if (nodes[IDENTIFIER_NEVER_LINK])
        parse_never_link(parse, nodes[IDENTIFIER_NEVER_LINK], type);
}

static void parse_identifiers(struct parse *parse, const struct tree_node *node, const struct tree_node *root)
{
    struct definitions *made = parse->made;
    const struct definitions *previous = parse->previous;
    if (!node || tree_is_nothing(node)) {
        parse_mistake(parse, node ? node : root, "identifiers is missing: name what events are told apart by");
        return;
    }
    if (!parse_is_map(parse, node, "identifiers", IDENTIFIER_TYPES_MAX))
        return;
    if (node->count == 0)
        parse_mistake(parse, node, "identifiers is empty: name what events are told apart by");
    struct identifier_type *types = arena_array(parse->memory, node->count, sizeof *types);
    uint16_t next_number = previous ? (uint16_t)previous->identifier_count : 0;
    size_t i = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next)
        parse_identifier(parse, entry, &types[i++], &next_number);
    made->identifiers = types;
    made->identifier_count = node->count;
    for (i = 0; previous && i < previous->identifier_count; i++)
        if (!definitions_identifier_type(made, previous->identifiers[i].name))
            parse_mistake(parse, node->key,
                "identifier '%.*s' is gone, and stored customers are known by it: put it back",
                BYTES_ARGUMENTS(previous->identifiers[i].name));
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static void parse_root(struct parse *parse, const struct tree_node *root)
{
    const struct tree_node *nodes[ROOT_KEYS];
    parse_fields(parse, root, &grammar_root, nodes);
    parse_currency(parse, nodes[ROOT_CURRENCY], root);
    parse_time_zone(parse, nodes[ROOT_TIME_ZONE]);
    if (nodes[ROOT_UNKNOWN_ATTRIBUTES])
        parse_unknown_attributes(parse, nodes[ROOT_UNKNOWN_ATTRIBUTES]);
    parse_identifiers(parse, nodes[ROOT_IDENTIFIERS], root);
    parse_events(parse, nodes[ROOT_EVENTS], root);
    parse_shared_costs(parse, nodes[ROOT_SHARED_COSTS]);
    parse_features(parse, nodes[ROOT_FEATURES]);
    parse_derived(parse, nodes[ROOT_DERIVED]);
    parse_services(parse, nodes[ROOT_SERVICES]);
}

enum patron_code definitions_check(struct bytes text, const struct definitions *previous, uint32_t version, bool forced,
    struct mistakes *mistakes, const struct definitions **definitions, struct error *error)
{
    *definitions = NULL;
    if (text.length > DEFINITIONS_BYTES_MAX)
        return error_set(error, PATRON_INVALID, "the definitions are too long: %zu bytes (at most %d)", text.length,
            DEFINITIONS_BYTES_MAX);
    struct arena scratch = {0}, memory = {0};
    struct parse parse = {
        .scratch = &scratch, .memory = &memory, .mistakes = mistakes, .previous = previous, .forced = forced};
    parse.made = arena_alloc(&memory, sizeof *parse.made);
    parse.made_memory = arena_alloc(&memory, sizeof *parse.made_memory);
    parse.made->memory = parse.made_memory;
    parse.made->version = version;
    parse.made->identity = (struct identity_rules){.size_max = CUSTOMER_NODES_MAX,
        .value_feature = -1,
        .review_expires_us = 30 * MICROSECONDS_PER_DAY};
    parse.made->text = arena_copy(&memory, text);
    const struct tree_node *root = tree_load(text, &scratch, mistakes);
    if (root && !tree_is_nothing(root) && parse_is_map(&parse, root, "the definitions", SIZE_MAX))
        parse_root(&parse, root);
    else if (mistakes->count == 0)
        mistake_at(mistakes, 1, 1, "the definitions are empty: begin with identifiers, events and features");
    arena_clear(&scratch);
    if (mistakes->count > 0) {
        mistakes_sort(mistakes);
        arena_clear(&memory);
        return PATRON_OK;
    }
    atomic_init(&parse.made_memory->references, 1);
    parse.made_memory->arena = memory;
    *definitions = parse.made;
    return PATRON_OK;
}

enum patron_code definitions_parse(struct bytes text, const struct definitions *previous, uint32_t version, bool forced,
    const struct definitions **definitions, struct error *error)
{
    struct arena words = {0};
    struct mistakes mistakes = {.arena = &words};
    enum patron_code code = definitions_check(text, previous, version, forced, &mistakes, definitions, error);
    if (code == PATRON_OK)
        code = mistakes_tell(&mistakes, error);
    arena_clear(&words);
    return code;
}
