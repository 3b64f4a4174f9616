#include <stdio.h>
#include <stdlib.h>

#include "store/definitions/expression.h"
#include "store/definitions/parse.h"

/* A derived feature in the making. */
struct derived {
    const struct tree_node *entry;
    const struct tree_node *formula; /* null: it has none, and a mistake */
    const struct tree_node *fallback; /* nullable */
    struct feature feature;
    size_t waits_for; /* how often its formula names derived features that are not entered yet */
    uint32_t first_user; /* in `users`, of those that wait for this one */
    bool entered;
    uint32_t index; /* its feature's, once entered */
    uint32_t visit; /* of the walk that looks for cycles; 0: none yet */
};

struct user {
    uint32_t derived;
    uint32_t next;
};
#define NOBODY UINT32_MAX

struct name_entry {
    struct bytes name; /* first, so that they sort by it */
    uint32_t derived;
};

struct reading {
    struct parse *parse;
    struct derived *derived; /* in the file's order */
    size_t count;
    struct name_entry *by_name;
    struct user *users;
    size_t user_count;
    const struct tree_node *formula; /* the one that is compiled */
};

/* --- mistakes within a formula ------------------------------------------------------------------------------------ */

static size_t characters(struct bytes text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.length; i++)
        count += (text.data[i] & 0xc0) != 0x80;
    return count;
}

/* Where the formula stands in the file as it was read up to there, on one line and with nothing escaped, the place is
 * that of the byte; else it is the formula's, and the words say at which character. */
static void formula_mistake(struct parse *parse, const struct tree_node *node, size_t at, const char *words)
{
    struct bytes before = bytes_of(node->text.data, at), file = parse->made->text;
    bool quoted = !node->plain && (file.data[node->begin] == '\'' || file.data[node->begin] == '"');
    size_t quotes = quoted ? 1 : 0, begin = node->begin + quotes;
    bool verbatim = (node->plain || quoted) && begin + at <= node->end &&
        bytes_equal(bytes_of(file.data + begin, at), before) &&
        (at == 0 || !memchr(before.data, '\n', at));
    if (verbatim)
        mistake_at(parse->mistakes, node->line, node->column + quotes + characters(before), "%s", words);
    else
        parse_mistake(parse, node, "at character %zu: %s", characters(before) + 1, words);
}

/* In {is: if(a, b, c)} the first comma ends the value. */
static bool cut_by_comma(const struct parse *parse, const struct tree_node *node)
{
    struct bytes file = parse->made->text;
    int open = 0;
    for (size_t i = 0; i < node->text.length; i++)
        open += (node->text.data[i] == '(') - (node->text.data[i] == ')');
    return open > 0 && node->plain && node->end < file.length && file.data[node->end] == ',';
}

/* --- names -------------------------------------------------------------------------------------------------------- */

static struct derived *derived_find(const struct reading *reading, struct bytes name)
{
    struct name_entry wanted = {.name = name};
    const struct name_entry *found = reading->count == 0
        ? NULL
        : bsearch(&wanted, reading->by_name, reading->count, sizeof wanted, bytes_sort_compare);
    return found ? &reading->derived[found->derived] : NULL;
}

static void unknown_operand(const struct reading *reading, struct bytes name, size_t at)
{
    struct parse *parse = reading->parse;
    if (parse->features_unread)
        return;
    char words[ERROR_TEXT_MAX];
    if (parse->previous && definitions_selectable(parse->previous, name)) {
        snprintf(words, sizeof words, "feature '%s' is gone in this file: put it back, or leave it out here",
            quote(name).text);
        formula_mistake(parse, reading->formula, at, words);
        return;
    }
    if (parse->mistakes->count >= MISTAKES_KEPT_MAX) {
        parse->mistakes->count++;
        return;
    }
    const struct definitions_memory *made = parse->made_memory;
    size_t count = 0;
    struct bytes *known = arena_array(parse->scratch, made->selectable_count + reading->count, sizeof *known);
    for (size_t i = 0; i < made->selectable_count; i++)
        known[count++] = made->selectables[i].name;
    for (size_t i = 0; i < reading->count; i++)
        known[count++] = reading->by_name[i].name;
    snprintf(words, sizeof words, "unknown feature '%s'%s", quote(name).text,
        suggest(name, (struct suggest_from){known, count, sizeof *known}).text);
    formula_mistake(parse, reading->formula, at, words);
}

/* For expression_parse. What is not there is told here, and the reading goes on: so that all of them are. */
static enum patron_code operand_find(
    void *context, struct bytes name, size_t at, struct expression_operand *operand, struct error *error)
{
    (void)error;
    const struct reading *reading = context;
    const struct definitions *made = reading->parse->made;
    const struct selectable *found = definitions_selectable(made, name);
    const struct derived *derived = derived_find(reading, name);
    *operand = (struct expression_operand){0};
    if (found) {
        const struct feature *first = &made->features[found->first];
        char words[256];
        snprintf(words, sizeof words, "'%s' is a family: name one of its members, such as '%s'", quote(name).text,
            quote(first->name).text);
        if (!bytes_equal(first->name, name))
            formula_mistake(reading->parse, reading->formula, at, words);
        else
            *operand = (struct expression_operand){found->first, first->type};
    } else if (derived && derived->entered) {
        *operand = (struct expression_operand){derived->index, derived->feature.type};
    } else if (!derived) {
        unknown_operand(reading, name, at);
    }
    return PATRON_OK;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static void read_entry(struct parse *parse, const struct tree_node *entry, struct derived *derived)
{
    struct feature *feature = &derived->feature;
    *feature = (struct feature){.aggregation = AGGREGATION_DERIVED,
        .attribute = -1,
        .by_attribute = -1,
        .written = parse_written(parse, entry)};
    derived->entry = entry;
    derived->first_user = NOBODY;
    parse_name_in(parse, entry->key, "a derived feature", grammar_root.keys[ROOT_DERIVED].shape);
    feature->name = arena_copy(parse->memory, entry->key->text);
    if (definitions_selectable(parse->made, feature->name))
        parse_mistake(parse, entry->key, "'%s' is the name of a feature already: give this one another",
            quote(feature->name).text);
    const struct tree_node *formula = entry;
    if (entry->kind == TREE_MAP) {
        const struct tree_node *nodes[DERIVED_KEYS];
        parse_fields(parse, entry, &grammar_derived, nodes);
        struct about about = parse_about(parse, &nodes[DERIVED_DESCRIPTION]);
        feature->description = about.description;
        feature->owner = about.owner;
        feature->tags = about.tags;
        feature->tag_count = about.tag_count;
        derived->fallback = nodes[DERIVED_DEFAULT];
        formula = nodes[DERIVED_IS];
        if (!formula)
            parse_mistake(parse, entry->key, "'%s' does not say what it is: give 'is', such as {is: a / b}",
                quote(feature->name).text);
    }
    if (!formula)
        return;
    if (formula->kind != TREE_SCALAR || tree_is_nothing(formula)) {
        parse_mistake(parse, tree_is_nothing(formula) && !formula->alias ? formula->key : formula,
            "'%s' must be an expression, such as revenue / orders", quote(feature->name).text);
        return;
    }
    derived->formula = formula;
    feature->formula = arena_copy(parse->memory, formula->text);
}

/* Notes who waits for whom. */
static void read_operands(struct reading *reading)
{
    const struct bytes **names = arena_array(reading->parse->scratch, reading->count, sizeof(const struct bytes *));
    size_t *counts = arena_array(reading->parse->scratch, reading->count, sizeof *counts);
    size_t total = 0;
    for (size_t i = 0; i < reading->count; i++) {
        if (reading->derived[i].formula)
            counts[i] =
                expression_names_in(reading->derived[i].formula->text, reading->parse->scratch, &names[i]);
        total += counts[i];
    }
    reading->users = arena_array(reading->parse->scratch, total, sizeof *reading->users);
    for (size_t i = 0; i < reading->count; i++) {
        for (size_t j = 0; j < counts[i]; j++) {
            struct derived *operand = derived_find(reading, names[i][j]);
            /* A name that a feature has too is the feature's. */
            if (!operand || definitions_selectable(reading->parse->made, names[i][j]))
                continue;
            reading->users[reading->user_count] = (struct user){(uint32_t)i, operand->first_user};
            operand->first_user = (uint32_t)reading->user_count++;
            reading->derived[i].waits_for++;
        }
    }
}

static void compile(struct reading *reading, struct derived *derived)
{
    struct parse *parse = reading->parse;
    struct feature *feature = &derived->feature;
    const struct expression_names names = {.find = operand_find, .context = reading};
    struct expression_mistake mistake;
    reading->formula = derived->formula;
    if (expression_parse(feature->formula, &names, parse->memory, &feature->expression, &mistake) == PATRON_OK) {
        feature->type = expression_type(feature->expression);
        if (derived->fallback)
            feature->fallback = parse_default(parse, derived->fallback, feature->type);
    } else if (cut_by_comma(parse, derived->formula)) {
        parse_mistake(parse, derived->formula,
            "within braces a comma ends the expression of '%s': put it in quotes, such as {is: \"min(a, b)\"}",
            quote(feature->name).text);
    } else {
        formula_mistake(parse, derived->formula, mistake.at, mistake.error.text);
    }
}

/* --- the order ---------------------------------------------------------------------------------------------------- */

static void enter(struct reading *reading, struct derived *derived)
{
    if (derived->formula)
        compile(reading, derived);
    derived->entered = true;
    derived->index = (uint32_t)reading->parse->names.feature_count;
    /* One whose name is taken has a mistake, and the other keeps the name. */
    if (!definitions_selectable(reading->parse->made, derived->feature.name))
        feature_enter(reading->parse, &derived->feature, derived->feature.name);
    for (uint32_t i = derived->first_user; i != NOBODY; i = reading->users[i].next)
        reading->derived[reading->users[i].derived].waits_for--;
}

/* Each time the first of the file that waits for none (A. B. Kahn, 1962). */
static void enter_in_order(struct reading *reading)
{
    size_t at = 0;
    while (at < reading->count) {
        struct derived *derived = &reading->derived[at];
        if (derived->entered || derived->waits_for > 0) {
            at++;
            continue;
        }
        enter(reading, derived);
        /* It may have been all that one before it waited for. */
        for (uint32_t i = derived->first_user; i != NOBODY; i = reading->users[i].next) {
            size_t user = reading->users[i].derived;
            if (reading->derived[user].waits_for == 0 && user < at)
                at = user;
        }
    }
}

/* --- cycles ------------------------------------------------------------------------------------------------------- */

/* The first derived feature in a formula that is not entered. */
static uint32_t waited_for(const struct reading *reading, const struct derived *derived)
{
    const struct bytes *names;
    size_t count = expression_names_in(derived->formula->text, reading->parse->scratch, &names);
    for (size_t i = 0; i < count; i++) {
        const struct derived *operand = derived_find(reading, names[i]);
        if (operand && !operand->entered && !definitions_selectable(reading->parse->made, names[i]))
            return (uint32_t)(operand - reading->derived);
    }
    IMPOSSIBLE("what waits for none is entered");
}

/* "a -> b -> a", from its first one in the file; a long one is told in part. */
static void cycle_mistake(const struct reading *reading, const uint32_t *cycle, size_t count)
{
    enum { TOLD_MAX = 8 };
    size_t first = 0;
    for (size_t i = 1; i < count; i++)
        if (cycle[i] < cycle[first])
            first = i;
    char words[TOLD_MAX * (QUOTED_MAX + 4) + 32];
    int length = 0;
    for (size_t i = 0; i < count && i < TOLD_MAX; i++)
        length += snprintf(words + length, sizeof words - (size_t)length, "%s -> ",
            quote(reading->derived[cycle[(first + i) % count]].feature.name).text);
    if (count > TOLD_MAX)
        snprintf(words + length, sizeof words - (size_t)length, "%zu more -> ", count - TOLD_MAX);
    const struct derived *named = &reading->derived[cycle[first]];
    parse_mistake(reading->parse, named->entry->key, "derived features are worked out from each other: %s%s", words,
        quote(named->feature.name).text);
}

/* What is left after enter_in_order is in a cycle or hangs on one: going from one to what it waits for comes back. */
static void tell_cycles(const struct reading *reading)
{
    uint32_t *path = arena_array(reading->parse->scratch, reading->count, sizeof *path);
    for (uint32_t start = 0; start < reading->count; start++) {
        size_t length = 0;
        uint32_t at = start;
        while (!reading->derived[at].entered && reading->derived[at].visit == 0) {
            reading->derived[at].visit = start + 1;
            path[length++] = at;
            at = waited_for(reading, &reading->derived[at]);
        }
        if (length == 0 || reading->derived[at].visit != start + 1)
            continue;
        size_t begin = 0;
        while (path[begin] != at)
            begin++;
        cycle_mistake(reading, path + begin, length - begin);
    }
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

void parse_derived(struct parse *parse, const struct tree_node *node)
{
    if (!node || (tree_is_nothing(node) && !node->alias))
        return;
    if (!parse_is_map(parse, node, "derived", FEATURES_MAX)) {
        parse->features_unread = true;
        return;
    }
    struct reading reading = {.parse = parse,
        .derived = arena_array(parse->scratch, node->count, sizeof(struct derived)),
        .by_name = arena_array(parse->scratch, node->count, sizeof(struct name_entry))};
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        struct derived *derived = &reading.derived[reading.count];
        read_entry(parse, entry, derived);
        reading.by_name[reading.count] = (struct name_entry){derived->feature.name, (uint32_t)reading.count};
        reading.count++;
    }
    qsort(reading.by_name, reading.count, sizeof *reading.by_name, bytes_sort_compare);
    read_operands(&reading);
    enter_in_order(&reading);
    tell_cycles(&reading);
    for (size_t i = 0; i < reading.count; i++)
        if (!reading.derived[i].entered)
            enter(&reading, &reading.derived[i]);
    features_finish(parse, node);
}
