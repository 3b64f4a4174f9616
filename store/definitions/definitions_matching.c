#include <stdio.h>

#include "store/definitions/parse.h"

/* The part of a file about matching, as it is read. */
struct reading {
    struct parse *parse;
    const struct event_type *event;
    struct bytes *names; /* of the columns */
    size_t column_count; /* those named, with a mistake or not: parts of blocks are not to blame for it */
    struct matching_rules *rules;
};

struct bytes parse_matched_event(const struct tree_node *node)
{
    for (const struct tree_node *entry = node && node->kind == TREE_MAP ? node->first : NULL; entry;
         entry = entry->next)
        if (entry->kind == TREE_SCALAR && bytes_equal(entry->key->text, grammar_matching.keys[MATCHING_OF].name))
            return entry->text;
    return (struct bytes){0};
}

/* --- columns ------------------------------------------------------------------------------------------------------ */

/* The grammar's words are in the order of enum match_kind. */
static void read_column(struct reading *reading, const struct tree_node *node, struct match_column *column)
{
    struct parse *parse = reading->parse;
    const struct attribute *attribute = parse_attribute_sealed(parse, node->key, node->key->text, reading->event);
    if (attribute && attribute->type != ATTRIBUTE_TEXT && attribute->type != ATTRIBUTE_INTEGER)
        parse_mistake(parse, node->key, "a column takes string or integer, and '%.*s' is %s",
            BYTES_ARGUMENTS(attribute->name), attribute_type_name(attribute->type));
    const struct tree_node *nodes[MATCH_COLUMN_KEYS] = {NULL};
    if (node->kind == TREE_MAP)
        parse_fields(parse, node, &grammar_match_column, nodes);
    else
        nodes[MATCH_COLUMN_IS] = node;
    int kind = 0;
    if (nodes[MATCH_COLUMN_IS])
        kind = parse_word(parse, nodes[MATCH_COLUMN_IS], "kind of column",
            grammar_match_column.keys[MATCH_COLUMN_IS].shape);
    else
        parse_mistake(parse, node->key, "column '%s' does not say what it holds: give 'is'",
            quote(node->key->text).text);
    column->attribute = attribute ? attribute->number : 0;
    column->kind = kind >= 0 ? (enum match_kind)kind : MATCH_TEXT;
    column->frequencies =
        !nodes[MATCH_COLUMN_FREQUENCIES] || parse_bool(parse, nodes[MATCH_COLUMN_FREQUENCIES]);
}

static void read_columns(struct reading *reading, const struct tree_node *node)
{
    struct parse *parse = reading->parse;
    if (!parse_is_map(parse, node, "columns", MATCH_COLUMNS_MAX))
        return;
    if (node->count == 0)
        parse_mistake(parse, node, "columns is empty: name the attributes that are compared");
    struct match_column *columns = arena_array(parse->memory, node->count, sizeof *columns);
    reading->names = arena_array(parse->scratch, node->count, sizeof *reading->names);
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        read_column(reading, entry, &columns[reading->column_count]);
        reading->names[reading->column_count++] = entry->key->text;
    }
    reading->rules->columns = columns;
    reading->rules->column_count = reading->column_count;
}

/* --- blocks ------------------------------------------------------------------------------------------------------- */

/* Which column a part names; the number of columns and a mistake if none. */
static size_t part_column(struct reading *reading, const struct tree_node *node)
{
    struct parse *parse = reading->parse;
    size_t column = 0;
    if (node->kind != TREE_SCALAR || tree_is_nothing(node)) {
        parse_mistake(parse, node, "a part of a block must be the name of a column, or such as {column: name, "
                                   "prefix: 3}");
        return reading->column_count;
    }
    while (column < reading->column_count && !bytes_equal(reading->names[column], node->text))
        column++;
    if (column == reading->column_count && reading->names)
        parse_unknown(parse, node, "column", node->text,
            (struct suggest_from){reading->names, reading->column_count, sizeof *reading->names});
    return column;
}

static void read_part(struct reading *reading, const struct tree_node *node, struct match_part *part)
{
    struct parse *parse = reading->parse;
    const struct tree_node *nodes[MATCH_PART_KEYS] = {NULL};
    if (node->kind == TREE_MAP) {
        parse_fields(parse, node, &grammar_match_part, nodes);
        if (!nodes[MATCH_PART_KEY_COLUMN])
            parse_mistake(parse, node, "a part of a block does not say of which column: give 'column'");
    } else {
        nodes[MATCH_PART_KEY_COLUMN] = node;
    }
    if (nodes[MATCH_PART_KEY_COLUMN])
        part->column = (uint16_t)part_column(reading, nodes[MATCH_PART_KEY_COLUMN]);
    const struct tree_node *prefix = nodes[MATCH_PART_KEY_PREFIX], *sound = nodes[MATCH_PART_KEY_SOUND];
    if (prefix) {
        int64_t length = parse_whole(parse, prefix, grammar_match_part.keys[MATCH_PART_KEY_PREFIX].shape);
        part->form = MATCH_PART_PREFIX;
        part->length = length > 0 ? (uint8_t)length : 1;
    }
    if (sound && parse_bool(parse, sound)) {
        part->form = MATCH_PART_SOUND;
        if (prefix)
            parse_mistake(parse, sound->key, "a part of a block has both prefix and sound: keep one");
    }
}
_Static_assert(MATCH_PART_CHARACTERS_MAX <= UINT8_MAX, "it is the length of a part");

static bool parts_equal(const struct match_part *a, const struct match_part *b)
{
    return a->column == b->column && a->form == b->form && a->length == b->length;
}

static void read_block(struct reading *reading, const struct tree_node *node, struct match_block *block)
{
    struct parse *parse = reading->parse;
    if (!parse_is_list(parse, node, "a block", MATCH_BLOCK_PARTS_MAX))
        return;
    if (node->count == 0)
        parse_mistake(parse, node, "a block names no column: say on what records must agree to be compared");
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        struct match_part *part = &block->parts[block->part_count];
        size_t mistakes = parse->mistakes->count;
        read_part(reading, entry, part);
        for (size_t i = 0; i < block->part_count && parse->mistakes->count == mistakes; i++)
            if (parts_equal(&block->parts[i], part) && part->column < reading->column_count)
                parse_mistake(parse, entry, "a block names column '%s' twice: keep one",
                    quote(reading->names[part->column]).text);
        block->part_count++;
    }
}

static bool blocks_equal(const struct match_block *a, const struct match_block *b)
{
    bool equal = a->part_count == b->part_count;
    for (size_t i = 0; i < a->part_count && equal; i++)
        equal = parts_equal(&a->parts[i], &b->parts[i]);
    return equal;
}

static void read_blocks(struct reading *reading, const struct tree_node *node)
{
    struct parse *parse = reading->parse;
    if (!parse_is_list(parse, node, "blocks", MATCH_BLOCKS_MAX))
        return;
    if (node->count == 0)
        parse_mistake(parse, node, "blocks is empty: leave it out, and they are made from the columns");
    struct match_block *blocks = arena_array(parse->memory, node->count, sizeof *blocks);
    size_t count = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        size_t mistakes = parse->mistakes->count;
        read_block(reading, entry, &blocks[count]);
        for (size_t i = 0; i < count && parse->mistakes->count == mistakes; i++)
            if (blocks_equal(&blocks[i], &blocks[count]))
                parse_mistake(parse, entry, "this block is given twice: keep one");
        count++;
    }
    reading->rules->blocks = blocks;
    reading->rules->block_count = count;
}

/* --- thresholds --------------------------------------------------------------------------------------------------- */

/* A probability that is more likely than not; `without` if it is not given or has a mistake. */
static double read_likely(struct parse *parse, const struct tree_node *node, double without)
{
    double value;
    if (!node)
        return without;
    if (parse_number(parse, node, &value) && value > 0.5 && value < 1)
        return value;
    parse_mistake(
        parse, node, "%.*s must be a number over 0.5 and below 1, such as 0.9", BYTES_ARGUMENTS(node->key->text));
    return without;
}

static void read_thresholds(struct reading *reading, const struct tree_node *const nodes[MATCHING_KEYS])
{
    struct parse *parse = reading->parse;
    struct matching_rules *rules = reading->rules;
    const struct tree_node *link = nodes[MATCHING_LINK], *review = nodes[MATCHING_REVIEW];
    size_t mistakes = parse->mistakes->count;
    rules->link_probability = read_likely(parse, link, MATCH_LINK_PROBABILITY);
    rules->review_probability = read_likely(parse, review, MATCH_REVIEW_PROBABILITY);
    if (parse->mistakes->count == mistakes && rules->review_probability >= rules->link_probability)
        parse_mistake(parse, review ? review : link, "review must be below link: review is %g%s, link is %g%s",
            rules->review_probability, review ? "" : " where it is not given", rules->link_probability,
            link ? "" : " where it is not given");
    if (nodes[MATCHING_BLOCK_RECORDS]) {
        int64_t records = parse_whole(
            parse, nodes[MATCHING_BLOCK_RECORDS], grammar_matching.keys[MATCHING_BLOCK_RECORDS].shape);
        rules->block_records_max = records > 0 ? (uint32_t)records : MATCH_BLOCK_RECORDS;
    } else {
        rules->block_records_max = MATCH_BLOCK_RECORDS;
    }
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static const struct event_type *read_event(struct parse *parse, const struct tree_node *node)
{
    if (node->kind == TREE_SCALAR && !tree_is_nothing(node))
        return parse_event_type(parse, node, node->text);
    parse_mistake(parse, node, "of must be the name of an event");
    return NULL;
}

void parse_matching(struct parse *parse, const struct tree_node *node)
{
    static const char *const missing[MATCHING_KEYS] = {
        [MATCHING_OF] = "which event is a record of a person", [MATCHING_COLUMNS] = "what is compared"};
    const struct tree_node *nodes[MATCHING_KEYS] = {NULL};
    if (!node || !parse_is_map(parse, node, "matching", SIZE_MAX))
        return;
    parse_fields(parse, node, &grammar_matching, nodes);
    for (size_t i = 0; i < MATCHING_KEYS; i++)
        if (missing[i] && !nodes[i])
            parse_mistake(parse, node->key, "matching does not say %s: give '%.*s'", missing[i],
                BYTES_ARGUMENTS(grammar_matching.keys[i].name));
    struct reading reading = {.parse = parse};
    reading.rules = arena_alloc(parse->memory, sizeof *reading.rules);
    read_thresholds(&reading, nodes);
    parse->made->matching = reading.rules;
    if (!nodes[MATCHING_OF] || !parse->made->events) /* what names the attributes is not to blame */
        return;
    reading.event = read_event(parse, nodes[MATCHING_OF]);
    if (!reading.event)
        return;
    reading.rules->event = reading.event->number;
    if (nodes[MATCHING_COLUMNS])
        read_columns(&reading, nodes[MATCHING_COLUMNS]);
    if (nodes[MATCHING_BLOCKS])
        read_blocks(&reading, nodes[MATCHING_BLOCKS]);
}
