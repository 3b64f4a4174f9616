#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/definitions/parse.h"
#include "store/definitions/time_zone.h"

void parse_mistake(struct parse *parse, const struct tree_node *at, const char *format, ...)
{
    char words[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    mistake_at(parse->mistakes, at->line, at->column, "%s", words);
}

void parse_refuse(struct parse *parse, const struct tree_node *at, const char *format, ...)
{
    if (parse->forced)
        return;
    char words[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    mistake_at(parse->mistakes, at->line, at->column, "%s", words);
    mistake_is_forceable(parse->mistakes);
}

void parse_unknown(
    struct parse *parse, const struct tree_node *at, const char *what, struct bytes name, struct suggest_from from)
{
    if (parse->mistakes->count < MISTAKES_KEPT_MAX)
        parse_mistake(parse, at, "unknown %s '%s'%s", what, quote(name).text, suggest(name, from).text);
    else
        parse->mistakes->count++;
}

bool parse_is_map(struct parse *parse, const struct tree_node *node, const char *what, size_t most)
{
    if (node->kind != TREE_MAP)
        parse_mistake(parse, node, "%s must be a map, such as {name: value}", what);
    else if (node->count > most)
        parse_mistake(parse, node, "%s are too many: %zu (at most %zu)", what, node->count, most);
    else
        return true;
    return false;
}

bool parse_is_list(struct parse *parse, const struct tree_node *node, const char *what, size_t most)
{
    if (node->kind != TREE_LIST)
        parse_mistake(parse, node, "%s must be a list, such as [a, b]", what);
    else if (node->count > most)
        parse_mistake(parse, node, "%s has too many entries: %zu (at most %zu)", what, node->count, most);
    else
        return true;
    return false;
}

void parse_name(struct parse *parse, const struct tree_node *key, const char *what)
{
    if (key->text.length > NAME_BYTES_MAX) {
        parse_mistake(parse, key, "the name of %s is too long: %zu bytes (at most %d)", what, key->text.length,
            NAME_BYTES_MAX);
        return;
    }
    bool good = key->text.length > 0;
    for (size_t i = 0; i < key->text.length; i++) {
        uint8_t c = key->text.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        good = good && (letter || (i > 0 && c >= '0' && c <= '9'));
    }
    if (!good)
        parse_mistake(parse, key, "'%s' cannot name %s: a name has letters, digits and '_', and begins with no digit",
            quote(key->text).text, what);
}

void parse_fields(struct parse *parse, const struct tree_node *map, struct parse_field *fields, size_t count)
{
    for (const struct tree_node *entry = map->first; entry; entry = entry->next) {
        size_t i = 0;
        while (i < count && !bytes_equal(entry->key->text, fields[i].name))
            i++;
        if (i < count)
            fields[i].node = entry;
        else
            parse_unknown(parse, entry->key, "key", entry->key->text,
                (struct suggest_from){&fields[0].name, count, sizeof fields[0]});
    }
}

int parse_word(
    struct parse *parse, const struct tree_node *node, const char *what, const struct bytes *words, size_t count)
{
    if (node->kind != TREE_SCALAR) {
        parse_mistake(parse, node, "%s must be one word", what);
        return -1;
    }
    for (size_t i = 0; i < count; i++)
        if (bytes_equal(node->text, words[i]))
            return (int)i;
    parse_unknown(parse, node, what, node->text, (struct suggest_from){words, count, sizeof words[0]});
    return -1;
}

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

/* --- identifiers -------------------------------------------------------------------------------------------------- */

static const struct bytes normalization_words[] = {
    [NORMALIZE_NONE] = {(const uint8_t *)"none", 4},
    [NORMALIZE_TRIM] = {(const uint8_t *)"trim", 4},
    [NORMALIZE_LOWER] = {(const uint8_t *)"lower", 5},
    [NORMALIZE_EMAIL] = {(const uint8_t *)"email", 5},
};
enum { NORMALIZATION_COUNT = sizeof normalization_words / sizeof normalization_words[0] };

/* Digits without a sign, at most `most`; -1: not that. */
static int64_t whole_number(struct bytes text, int64_t most)
{
    int64_t value = 0;
    for (size_t i = 0; i < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return -1;
        value = value * 10 + (text.data[i] - '0');
        if (value > most)
            return -1;
    }
    return text.length > 0 ? value : -1;
}

static void parse_max(struct parse *parse, const struct tree_node *node, struct identifier_type *type)
{
    int64_t max = node->kind == TREE_SCALAR && node->plain ? whole_number(node->text, CUSTOMER_NODES_MAX) : -1;
    if (max < 1)
        parse_mistake(parse, node, "max must be a whole number from 1 to %d (a customer's identifiers in all)",
            CUSTOMER_NODES_MAX);
    else
        type->max = (uint32_t)max;
}

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
            BYTES_ARGUMENTS(type->name), BYTES_ARGUMENTS(normalization_words[before->normalization]),
            BYTES_ARGUMENTS(normalization_words[type->normalization]));
}

static void parse_identifier(struct parse *parse, const struct tree_node *node, struct identifier_type *type,
    uint16_t *next_number)
{
    parse_name(parse, node->key, "an identifier");
    type->name = arena_copy(parse->memory, node->key->text);
    enum { MAX, NORMALIZE, NEVER_LINK, FIELD_COUNT };
    struct parse_field fields[FIELD_COUNT] = {
        [MAX] = PARSE_FIELD("max"), [NORMALIZE] = PARSE_FIELD("normalize"), [NEVER_LINK] = PARSE_FIELD("never_link")};
    if (!tree_is_nothing(node) && parse_is_map(parse, node, "an identifier", SIZE_MAX))
        parse_fields(parse, node, fields, FIELD_COUNT);
    if (fields[MAX].node)
        parse_max(parse, fields[MAX].node, type);
    int word = NORMALIZE_NONE;
    if (fields[NORMALIZE].node)
        word = parse_word(parse, fields[NORMALIZE].node, "normalize", normalization_words, NORMALIZATION_COUNT);
    if (word >= 0) {
        type->normalization = (enum normalization)word;
        identifier_keep(parse, fields[NORMALIZE].node ? fields[NORMALIZE].node : node->key, type, next_number);
    }
    if (word >= 0 && fields[NEVER_LINK].node)
        parse_never_link(parse, fields[NEVER_LINK].node, type);
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
    enum { CURRENCY, TIME_ZONE, IDENTIFIERS, EVENTS, FEATURES, SERVICES, DERIVED, FIELD_COUNT };
    struct parse_field fields[FIELD_COUNT] = {
        [CURRENCY] = PARSE_FIELD("currency"),
        [TIME_ZONE] = PARSE_FIELD("time_zone"),
        [IDENTIFIERS] = PARSE_FIELD("identifiers"),
        [EVENTS] = PARSE_FIELD("events"),
        [FEATURES] = PARSE_FIELD("features"),
        [SERVICES] = PARSE_FIELD("services"),
        [DERIVED] = PARSE_FIELD("derived"),
    };
    parse_fields(parse, root, fields, FIELD_COUNT);
    if (fields[DERIVED].node)
        parse_mistake(parse, fields[DERIVED].node->key, "derived features come with a later version: leave them out");
    parse_currency(parse, fields[CURRENCY].node, root);
    parse_time_zone(parse, fields[TIME_ZONE].node);
    parse_identifiers(parse, fields[IDENTIFIERS].node, root);
    parse_events(parse, fields[EVENTS].node, root);
    parse_features(parse, fields[FEATURES].node);
    parse_services(parse, fields[SERVICES].node);
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
