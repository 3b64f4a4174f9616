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
    parse->matched_event = parse_matched_event(nodes[ROOT_MATCHING]);
    parse_events(parse, nodes[ROOT_EVENTS], root);
    parse_matching(parse, nodes[ROOT_MATCHING]);
    parse_shared_costs(parse, nodes[ROOT_SHARED_COSTS]);
    parse_features(parse, nodes[ROOT_FEATURES]);
    parse_derived(parse, nodes[ROOT_DERIVED]);
    parse_identity(parse, nodes[ROOT_IDENTITY]);
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
