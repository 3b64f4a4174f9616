#include <stdlib.h>

#include "store/definitions/parse.h"
#include "store/definitions/pattern.h"

/* --- values that never link --------------------------------------------------------------------------------------- */

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

/* Patterns are few: each is compared with those before it. */
static void parse_patterns(struct parse *parse, const struct tree_node *node, struct identifier_type *type)
{
    if (!parse_is_list(parse, node, "never_link_matching", NEVER_LINK_PATTERNS_MAX) || node->count == 0)
        return;
    const struct pattern **patterns = arena_array(parse->memory, node->count, sizeof(struct pattern *));
    size_t count = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        struct error error;
        bool twice = false;
        for (size_t i = 0; i < count && !twice; i++)
            twice = bytes_equal(pattern_text(patterns[i]), entry->text);
        if (entry->kind != TREE_SCALAR || tree_is_nothing(entry))
            parse_mistake(parse, entry, "never_link_matching must be a list of regular expressions");
        else if (twice)
            parse_mistake(parse, entry, "pattern '%s' is given twice: keep one", quote(entry->text).text);
        else if (!parse_only_counts(parse) &&
            pattern_compile(entry->text, parse->memory, &patterns[count], &error) != PATRON_OK)
            parse_mistake(parse, entry, "pattern '%s': %s", quote(entry->text).text, error.text);
        else if (patterns[count])
            count++;
    }
    type->never_link_patterns = patterns;
    type->never_link_pattern_count = count;
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

/* Its words are in the order of enum normalization. */
static const struct grammar_shape *normalize_shape(void)
{
    return grammar_identifier.keys[IDENTIFIER_NORMALIZE].shape;
}

/* Stored identifiers are hashes of normalised values: normalised in another way, none of them would be found again. */
static void identifier_number(struct parse *parse, const struct tree_node *node, struct identifier_type *type,
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

/* --- the types' rules --------------------------------------------------------------------------------------------- */

/* Notes for each of the keys that is given that it makes no sense, and why. */
static void refuse_keys(struct parse *parse, const struct tree_node *const nodes[IDENTIFIER_KEYS],
    const enum identifier_key *keys, size_t count, const char *why)
{
    for (size_t i = 0; i < count; i++)
        if (nodes[keys[i]])
            parse_mistake(parse, nodes[keys[i]]->key, "%.*s makes no sense %s: leave it out",
                BYTES_ARGUMENTS(grammar_identifier.keys[keys[i]].name), why);
}

static void check_together(
    struct parse *parse, const struct tree_node *const nodes[IDENTIFIER_KEYS], const struct identifier_type *type)
{
    static const enum identifier_key counting[] = {IDENTIFIER_MAX, IDENTIFIER_PER};
    static const enum identifier_key linking[] = {IDENTIFIER_MAX, IDENTIFIER_PER, IDENTIFIER_UNIQUE, IDENTIFIER_WEAK,
        IDENTIFIER_KEEP, IDENTIFIER_NEVER_LINK, IDENTIFIER_NEVER_LINK_MATCHING};
    if (type->never_links)
        refuse_keys(parse, nodes, linking, sizeof linking / sizeof linking[0],
            "with link: false, for no customer has such an identifier");
    else if (type->unique)
        refuse_keys(parse, nodes, counting, sizeof counting / sizeof counting[0],
            "with unique: true, for a customer has one such identifier at most");
    else if (nodes[IDENTIFIER_PER] && !nodes[IDENTIFIER_MAX])
        parse_mistake(parse, nodes[IDENTIFIER_PER]->key, "per says how long max counts for: give max as well");
}

static void parse_rules(
    struct parse *parse, const struct tree_node *const nodes[IDENTIFIER_KEYS], struct identifier_type *type)
{
    if (nodes[IDENTIFIER_MAX]) {
        int64_t max = parse_whole(parse, nodes[IDENTIFIER_MAX], grammar_identifier.keys[IDENTIFIER_MAX].shape);
        type->max = max > 0 ? (uint32_t)max : 0;
    }
    if (nodes[IDENTIFIER_PER]) {
        int64_t per_us = parse_duration(
            parse, nodes[IDENTIFIER_PER], MICROSECONDS_PER_MINUTE, WINDOW_DAYS_MAX * MICROSECONDS_PER_DAY);
        type->max_per_us = per_us > 0 ? per_us : 0;
    }
    type->unique = nodes[IDENTIFIER_UNIQUE] && parse_bool(parse, nodes[IDENTIFIER_UNIQUE]);
    type->weak = nodes[IDENTIFIER_WEAK] && parse_bool(parse, nodes[IDENTIFIER_WEAK]);
    type->keep = nodes[IDENTIFIER_KEEP] && parse_bool(parse, nodes[IDENTIFIER_KEEP]);
    const struct tree_node *link = nodes[IDENTIFIER_LINK];
    size_t mistakes = parse->mistakes->count;
    type->never_links = link && !parse_bool(parse, link) && parse->mistakes->count == mistakes && !link->alias;
    check_together(parse, nodes, type);
}

static void parse_identifier(struct parse *parse, const struct tree_node *node, struct identifier_type *type,
    uint16_t *next_number)
{
    parse_name(parse, node->key, "an identifier");
    type->name = arena_copy(parse->memory, node->key->text);
    const struct tree_node *nodes[IDENTIFIER_KEYS] = {NULL};
    if (!tree_is_nothing(node) && parse_is_map(parse, node, "an identifier", SIZE_MAX))
        parse_fields(parse, node, &grammar_identifier, nodes);
    parse_rules(parse, nodes, type);
    const struct tree_node *normalize = nodes[IDENTIFIER_NORMALIZE];
    int word = normalize ? parse_word(parse, normalize, "normalize", normalize_shape()) : NORMALIZE_NONE;
    if (word >= 0) {
        type->normalization = (enum normalization)word;
        identifier_number(parse, normalize ? normalize : node->key, type, next_number);
        if (nodes[IDENTIFIER_NEVER_LINK])
            parse_never_link(parse, nodes[IDENTIFIER_NEVER_LINK], type);
    }
    if (nodes[IDENTIFIER_NEVER_LINK_MATCHING])
        parse_patterns(parse, nodes[IDENTIFIER_NEVER_LINK_MATCHING], type);
}

void parse_identifiers(struct parse *parse, const struct tree_node *node, const struct tree_node *root)
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
    bool linking = false;
    for (i = 0; i < node->count; i++)
        linking = linking || !types[i].never_links;
    if (!linking && node->count > 0)
        parse_mistake(parse, node->key,
            "no identifier may link: every type has link: false, and no event would have a customer");
    for (i = 0; previous && i < previous->identifier_count; i++)
        if (!definitions_identifier_type(made, previous->identifiers[i].name))
            parse_mistake(parse, node->key,
                "identifier '%.*s' is gone, and stored customers are known by it: put it back",
                BYTES_ARGUMENTS(previous->identifiers[i].name));
}
