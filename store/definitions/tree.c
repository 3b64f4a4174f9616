#include "store/definitions/tree.h"

#include <stdlib.h>
#include <yaml.h>

#include "store/base/limits.h"
#include "store/definitions/suggest.h"

/* The grammar is four deep; a few more let a misplaced list be named for what it is. */
enum { DEPTH_MAX = 8 };

struct open_node {
    struct tree_node *node;
    struct tree_node **tail; /* where the next child is hung */
    struct tree_node *key;   /* of a map: read, its value not yet */
    bool flow;               /* it has brackets, and ends with them; else with its last entry */
    size_t end;              /* of its last entry so far */
};

struct loader {
    struct arena *arena;
    struct mistakes *mistakes;
    struct tree_node *root;
    struct open_node open[DEPTH_MAX];
    size_t depth;
    size_t documents;
    bool stopped; /* by a mistake after which the rest would be misread */
    /* libyaml's marks count characters: how far they have been followed, and the byte there. */
    struct bytes text;
    size_t character, byte;
};

/* The byte that a mark is at. Marks come in the order of the text, so that it is walked through once. */
static size_t mark_byte(struct loader *loader, const yaml_mark_t *mark)
{
    for (; loader->character < mark->index && loader->byte < loader->text.length; loader->character++) {
        loader->byte++;
        while (loader->byte < loader->text.length && (loader->text.data[loader->byte] & 0xc0) == 0x80)
            loader->byte++;
    }
    return loader->byte;
}

static void stop_at(struct loader *loader, const yaml_mark_t *mark, const char *words)
{
    mistake_at(loader->mistakes, mark->line + 1, mark->column + 1, "%s", words);
    loader->stopped = true;
}

static int key_compare(const void *left, const void *right)
{
    const struct tree_node *a = *(struct tree_node *const *)left, *b = *(struct tree_node *const *)right;
    int order = bytes_compare(a->key->text, b->key->text);
    if (order != 0)
        return order;
    if (a->key->line != b->key->line)
        return a->key->line < b->key->line ? -1 : 1;
    return a->key->column < b->key->column ? -1 : a->key->column > b->key->column;
}

/* Sorted rather than compared with each other: a map may have as many keys as the text has room for. */
static void refuse_double_keys(struct loader *loader, struct tree_node *map)
{
    if (map->count < 2)
        return;
    struct tree_node **entries = arena_array(loader->arena, map->count, sizeof(struct tree_node *));
    size_t count = 0;
    for (struct tree_node *entry = map->first; entry; entry = entry->next)
        entries[count++] = entry;
    qsort(entries, count, sizeof entries[0], key_compare);
    const struct tree_node *first = entries[0];
    for (size_t i = 1; i < count; i++) {
        const struct tree_node *key = entries[i]->key;
        if (bytes_equal(key->text, first->key->text))
            mistake_at(loader->mistakes, key->line, key->column, "'%s' is given twice: first on line %zu",
                quote(key->text).text, first->key->line);
        else
            first = entries[i];
    }
}

static void node_add(struct loader *loader, struct tree_node *node, const yaml_mark_t *mark)
{
    if (loader->depth == 0) {
        loader->root = node;
        return;
    }
    struct open_node *open = &loader->open[loader->depth - 1];
    if (open->node->kind == TREE_MAP && !open->key) {
        if (node->kind != TREE_SCALAR)
            stop_at(loader, mark, "a key must be a name, not a list or map");
        open->key = node;
        return;
    }
    const struct tree_node *key = node->key = open->key;
    open->key = NULL;
    open->end = node->end;
    if (key && (key->alias || (node->alias && key->plain && bytes_is(key->text, "<<"))))
        return;
    *open->tail = node;
    open->tail = &node->next;
    open->node->count++;
}

static void refuse_anchor(struct loader *loader, const yaml_mark_t *mark)
{
    mistake_at(loader->mistakes, mark->line + 1, mark->column + 1,
        "anchors and aliases are not taken here: write the value out");
}

static struct tree_node *node_new(struct loader *loader, const yaml_event_t *event, enum tree_kind kind)
{
    const yaml_mark_t *mark = &event->start_mark;
    struct tree_node *node = arena_alloc(loader->arena, sizeof *node);
    node->kind = kind;
    node->line = mark->line + 1;
    node->column = mark->column + 1;
    node->begin = mark_byte(loader, mark);
    node->end = mark_byte(loader, &event->end_mark); /* of a list or map: of its bracket, and later of its whole */
    return node;
}

static void alias_read(struct loader *loader, const yaml_event_t *event)
{
    refuse_anchor(loader, &event->start_mark);
    struct tree_node *node = node_new(loader, event, TREE_SCALAR);
    node->plain = node->alias = true;
    node_add(loader, node, &event->start_mark);
}

static void node_read(struct loader *loader, const yaml_event_t *event, enum tree_kind kind, const yaml_char_t *anchor,
    const yaml_char_t *tag)
{
    const yaml_mark_t *mark = &event->start_mark;
    if (anchor)
        refuse_anchor(loader, mark);
    if (tag)
        mistake_at(
            loader->mistakes, mark->line + 1, mark->column + 1, "tags are not taken here: write the value alone");
    struct tree_node *node = node_new(loader, event, kind);
    if (kind == TREE_SCALAR) {
        node->text = arena_copy(loader->arena, bytes_of(event->data.scalar.value, event->data.scalar.length));
        node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    }
    node_add(loader, node, mark);
    if (kind == TREE_SCALAR || loader->stopped)
        return;
    if (loader->depth == DEPTH_MAX) {
        stop_at(loader, mark, "nested too deeply");
        return;
    }
    bool flow = kind == TREE_LIST ? event->data.sequence_start.style == YAML_FLOW_SEQUENCE_STYLE
                                  : event->data.mapping_start.style == YAML_FLOW_MAPPING_STYLE;
    loader->open[loader->depth++] = (struct open_node){node, &node->first, NULL, flow, node->end};
}

static void node_close(struct loader *loader, const yaml_event_t *event)
{
    CHECK(loader->depth > 0);
    const struct open_node *open = &loader->open[--loader->depth];
    struct tree_node *node = open->node;
    node->end = open->flow ? mark_byte(loader, &event->end_mark) : open->end;
    if (loader->depth > 0)
        loader->open[loader->depth - 1].end = node->end;
    if (node->kind == TREE_MAP)
        refuse_double_keys(loader, node);
}

static void event_read(struct loader *loader, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (loader->documents++ > 0)
            stop_at(loader, &event->start_mark, "a second document begins here: the file must hold one");
        return;
    case YAML_ALIAS_EVENT:
        alias_read(loader, event);
        return;
    case YAML_SCALAR_EVENT:
        node_read(loader, event, TREE_SCALAR, event->data.scalar.anchor, event->data.scalar.tag);
        return;
    case YAML_SEQUENCE_START_EVENT:
        node_read(loader, event, TREE_LIST, event->data.sequence_start.anchor, event->data.sequence_start.tag);
        return;
    case YAML_MAPPING_START_EVENT:
        node_read(loader, event, TREE_MAP, event->data.mapping_start.anchor, event->data.mapping_start.tag);
        return;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        node_close(loader, event);
        return;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        return;
    }
    IMPOSSIBLE("an event outside libyaml's list");
}

/* Place of a byte of the text, for what libyaml says without one. */
static void mistake_at_byte(struct loader *loader, struct bytes text, size_t offset, const char *words)
{
    size_t line = 1, column = 1;
    for (size_t i = 0; i < offset && i < text.length; i++) {
        if (text.data[i] == '\n') {
            line++;
            column = 1;
        } else if ((text.data[i] & 0xc0) != 0x80) { /* columns count characters */
            column++;
        }
    }
    mistake_at(loader->mistakes, line, column, "%s", words);
}

/* What libyaml finds wrong with a text's form, and plain words for it. With words about what was opened before, its
 * place stands between the two. */
static const struct {
    const char *problem;
    const char *context; /* null: any */
    const char *words;
    const char *after_place;
    bool at_context; /* told where that begins, not where it was noticed */
} problems[] = {
    {"found unexpected end of stream", "while scanning a quoted scalar", "the quote that opens here is not closed",
        NULL, true},
    {"found unexpected document indicator", "while scanning a quoted scalar", "the quote that opens here is not closed",
        NULL, true},
    {"did not find expected ',' or ']'", NULL, "a ',' or ']' is missing before this: the '[' of", " is not closed",
        false},
    {"did not find expected ',' or '}'", NULL, "a ',' or '}' is missing before this: the '{' of", " is not closed",
        false},
    {"could not find expected ':'", NULL, "a ':' is missing after the key that begins here", NULL, true},
    {"did not find expected key", NULL, "this is no key of the map of",
        ": check the indentation, the quotes and the brackets", false},
    {"did not find expected '-' indicator", NULL, "this is no entry of the list of",
        ": check the indentation, and begin each entry with '-'", false},
    {"mapping values are not allowed in this context", NULL,
        "no ':' can stand here: check the indentation, and put a text that has one in quotes", NULL, false},
    {"mapping keys are not allowed in this context", NULL,
        "no '?' can stand here: put a text that begins with one in quotes", NULL, false},
    {"block sequence entries are not allowed in this context", NULL,
        "no list can begin here: begin it on a line of its own, or write [a, b]", NULL, false},
    {"did not find expected node content", NULL, "a value is missing before this: check the commas and brackets", NULL,
        false},
    {"did not find expected <document start>", NULL,
        "the definitions have ended before this: check the indentation and the brackets", NULL, false},
    {"did not find expected alphabetic or numeric character", NULL,
        "no text can begin with '&' or '*' unless it is in quotes", NULL, true},
    {"found unknown escape character", NULL,
        "there is no such escape within double quotes: write \\\\ for a backslash, or use single quotes", NULL, false},
    {"did not find expected comment or line break", NULL,
        "a text that begins with '|' or '>' stands on the lines below it: put one of a single line in quotes", NULL,
        true},
    {"found a tab character that violates indentation", NULL, "a tab cannot indent: use spaces", NULL, false},
    {"found a tab character where an indentation space is expected", NULL, "a tab cannot indent: use spaces", NULL,
        false},
};

/* The words for a character that begins nothing: it is at that byte. */
static void tell_character(struct loader *loader, const yaml_mark_t *mark)
{
    size_t at = mark_byte(loader, mark);
    uint8_t character = at < loader->text.length ? loader->text.data[at] : 0;
    if (character == '\t')
        mistake_at(loader->mistakes, mark->line + 1, mark->column + 1, "a tab cannot indent: use spaces");
    else
        mistake_at(loader->mistakes, mark->line + 1, mark->column + 1,
            "no text can begin with '%c' unless it is in quotes", character);
}

/* True if there are words for it. */
static bool tell_problem(struct loader *loader, const yaml_parser_t *parser)
{
    if (strcmp(parser->problem, "found character that cannot start any token") == 0) {
        tell_character(loader, &parser->problem_mark);
        return true;
    }
    const char *context = parser->context ? parser->context : "";
    for (size_t i = 0; i < sizeof problems / sizeof problems[0]; i++) {
        if (strcmp(parser->problem, problems[i].problem) != 0 ||
            (problems[i].context && strcmp(context, problems[i].context) != 0))
            continue;
        const yaml_mark_t *opened = &parser->context_mark;
        const yaml_mark_t *mark = problems[i].at_context ? opened : &parser->problem_mark;
        if (problems[i].after_place)
            mistake_at(loader->mistakes, mark->line + 1, mark->column + 1, "%s line %zu, column %zu%s",
                problems[i].words, opened->line + 1, opened->column + 1, problems[i].after_place);
        else
            mistake_at(loader->mistakes, mark->line + 1, mark->column + 1, "%s", problems[i].words);
        return true;
    }
    return false;
}

static void parser_failed(struct loader *loader, const yaml_parser_t *parser, struct bytes text)
{
    CHECK(parser->error != YAML_MEMORY_ERROR);
    loader->stopped = true;
    if (parser->error == YAML_READER_ERROR) {
        mistake_at_byte(loader, text, parser->problem_offset, parser->problem);
        return;
    }
    if (tell_problem(loader, parser))
        return;
    const yaml_mark_t *mark = &parser->problem_mark;
    mistake_at(loader->mistakes, mark->line + 1, mark->column + 1, "this is not YAML: %s%s%s",
        parser->context ? parser->context : "", parser->context ? ", " : "", parser->problem);
}

/* Length of the longest prefix that is UTF-8: character by character, each with the bytes that continue it. */
static size_t utf8_prefix(struct bytes text)
{
    size_t at = 0;
    while (at < text.length) {
        size_t end = at + 1;
        while (end < text.length && end < at + 4 && (text.data[end] & 0xc0) == 0x80)
            end++;
        if (!bytes_are_utf8(bytes_of(text.data + at, end - at)))
            break;
        at = end;
    }
    return at;
}

const struct tree_node *tree_load(struct bytes text, struct arena *arena, struct mistakes *mistakes)
{
    struct loader loader = {.arena = arena, .mistakes = mistakes, .text = text};
    if (bytes_starts_with(text, bytes_from_string("\xef\xbb\xbf"))) { /* a byte order mark, as some editors leave */
        text = bytes_of(text.data + 3, text.length - 3);
        loader.byte = 3;
    }
    size_t good = utf8_prefix(text);
    if (good < text.length) {
        mistake_at_byte(&loader, text, good, "this is not UTF-8");
        return NULL;
    }
    yaml_parser_t parser;
    CHECK(yaml_parser_initialize(&parser));
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING); /* or it would guess */
    yaml_parser_set_input_string(&parser, text.data ? text.data : (const uint8_t *)"", text.length);
    bool done = false;
    while (!done && !loader.stopped) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            parser_failed(&loader, &parser, text);
            break;
        }
        event_read(&loader, &event);
        done = event.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return loader.stopped ? NULL : loader.root;
}

bool tree_is_nothing(const struct tree_node *node)
{
    return node->kind == TREE_SCALAR && node->plain &&
        (node->text.length == 0 || bytes_is(node->text, "~") || bytes_is(node->text, "null"));
}
