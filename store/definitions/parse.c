#include <stdarg.h>
#include <stdio.h>

#include "store/definitions/parse.h"

int bytes_sort_compare(const void *left, const void *right)
{
    return bytes_compare(*(const struct bytes *)left, *(const struct bytes *)right);
}

bool parse_only_counts(struct parse *parse)
{
    if (parse->mistakes->count < MISTAKES_KEPT_MAX)
        return false;
    parse->mistakes->count++;
    return true;
}

void parse_mistake(struct parse *parse, const struct tree_node *at, const char *format, ...)
{
    if (at->alias || parse_only_counts(parse))
        return;
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
    if (!parse_only_counts(parse))
        parse_mistake(parse, at, "unknown %s '%s'%s", what, quote(name).text, suggest(name, from).text);
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

void parse_name_in(
    struct parse *parse, const struct tree_node *key, const char *what, const struct grammar_shape *shape)
{
    parse_name(parse, key, what);
    for (size_t i = 0; i < shape->reserved_count; i++)
        if (bytes_equal(key->text, shape->reserved[i].name))
            parse_mistake(parse, key, "'%s' cannot name %s: %s; give it another name", quote(key->text).text, what,
                shape->reserved[i].why);
}

/* --- keys and words ----------------------------------------------------------------------------------------------- */

/* What other feature stores and libraries call what is called otherwise here. With a hint instead of the word here,
 * there is none, and the map whose key it is. */
static const struct {
    const char *there, *here, *hint;
    const struct grammar_shape *of;
} synonyms[] = {
    {"avg", "mean", NULL, NULL},
    {"average", "mean", NULL, NULL},
    {"total", "sum", NULL, NULL},
    {"std", "stddev", NULL, NULL},
    {"stdev", "stddev", NULL, NULL},
    {"std_dev", "stddev", NULL, NULL},
    {"var", "variance", NULL, NULL},
    {"nunique", "distinct", NULL, NULL},
    {"unique", "distinct", NULL, NULL},
    {"count_distinct", "distinct", NULL, NULL},
    {"approx_count_distinct", "distinct", NULL, NULL},
    {"mode", "top", NULL, NULL},
    {"most_common", "top", NULL, NULL},
    {"top_k", "top", NULL, NULL},
    {"share", "ratio", NULL, NULL},
    {"rate", "ratio", NULL, NULL},
    {"ewma", "decayed", NULL, NULL},
    {"decay", "decayed", NULL, NULL},
    {"earliest", "first", NULL, NULL},
    {"latest", "last", NULL, NULL},
    {"filter", "where", NULL, NULL},
    {"filters", "where", NULL, NULL},
    {"condition", "where", NULL, NULL},
    {"event", "of", NULL, NULL},
    {"from", "of", NULL, NULL},
    {"source", "of", NULL, NULL},
    {"time_window", "window", NULL, NULL},
    {"period", "window", NULL, NULL},
    {"lag", "offset", NULL, NULL},
    {"shift", "offset", NULL, NULL},
    {"ttl", "max_age", NULL, NULL},
    {"fillna", "default", NULL, NULL},
    {"default_value", "default", NULL, NULL},
    {"n", "k", NULL, NULL},
    {"limit", "k", NULL, NULL},
    {"order_by", "by", NULL, NULL},
    {"expression", "is", NULL, NULL},
    {"expr", "is", NULL, NULL},
    {"formula", "is", NULL, NULL},
    {"gte", "at_least", NULL, NULL},
    {"ge", "at_least", NULL, NULL},
    {"min", "at_least", NULL, NULL},
    {"gt", "more_than", NULL, NULL},
    {"lte", "at_most", NULL, NULL},
    {"le", "at_most", NULL, NULL},
    {"max", "at_most", NULL, NULL},
    {"lt", "less_than", NULL, NULL},
    {"entities", "identifiers", NULL, NULL},
    {"entity", "identifiers", NULL, NULL},
    {"feature_views", "features", NULL, NULL},
    {"feature_services", "services", NULL, NULL},
    {"transformations", "derived", NULL, NULL},
    {"timezone", "time_zone", NULL, NULL},
    {"group_by", NULL, "a feature is always one customer's: leave it out", &grammar_feature},
    {"entity", NULL, "a feature is always one customer's: leave it out", &grammar_feature},
    {"aggregation", NULL, "write the aggregation as the key, such as sum: amount", &grammar_feature},
    {"agg", NULL, "write the aggregation as the key, such as sum: amount", &grammar_feature},
    {"function", NULL, "write the aggregation as the key, such as sum: amount", &grammar_feature},
    {"in", NULL, "write the list alone, such as [web, app]", &grammar_range},
    {"eq", NULL, "write the value alone", &grammar_range},
    {"equals", NULL, "write the value alone", &grammar_range},
    {"not", NULL, "a filter says which values pass: list them", &grammar_range},
    {"ne", NULL, "a filter says which values pass: list them", &grammar_range},
    {"not_in", NULL, "a filter says which values pass: list them", &grammar_range},
};

static bool has_key(const struct grammar_shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->key_count; i++)
        if (bytes_is(shape->keys[i].name, name))
            return true;
    return false;
}

struct bytes parse_meant_key(struct bytes given, const struct grammar_shape *shape)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++) {
        if (!bytes_is(given, synonyms[i].there))
            continue;
        if (synonyms[i].here && has_key(shape, synonyms[i].here))
            return bytes_from_string(synonyms[i].here);
        if (synonyms[i].of == shape) /* there is a hint instead */
            return (struct bytes){0};
    }
    const struct bytes *nearest = suggest_nearest(
        given, (struct suggest_from){&shape->keys[0].name, shape->key_count, sizeof shape->keys[0]});
    return nearest ? *nearest : (struct bytes){0};
}

static void unknown_key(struct parse *parse, const struct tree_node *key, const struct grammar_shape *shape)
{
    if (parse_only_counts(parse))
        return;
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++) {
        if (!bytes_is(key->text, synonyms[i].there))
            continue;
        if (synonyms[i].here && has_key(shape, synonyms[i].here)) {
            parse_mistake(parse, key, "unknown key '%s': did you mean '%s'?", synonyms[i].there, synonyms[i].here);
            return;
        }
        if (synonyms[i].of == shape) {
            parse_mistake(parse, key, "unknown key '%s': %s", synonyms[i].there, synonyms[i].hint);
            return;
        }
    }
    parse_unknown(parse, key, "key", key->text,
        (struct suggest_from){&shape->keys[0].name, shape->key_count, sizeof shape->keys[0]});
}

void parse_fields(struct parse *parse, const struct tree_node *map, const struct grammar_shape *shape,
    const struct tree_node **nodes)
{
    for (size_t i = 0; i < shape->key_count; i++)
        nodes[i] = NULL;
    for (const struct tree_node *entry = map->first; entry; entry = entry->next) {
        size_t i = 0;
        while (i < shape->key_count && !bytes_equal(entry->key->text, shape->keys[i].name))
            i++;
        if (i < shape->key_count)
            nodes[i] = entry;
        else
            unknown_key(parse, entry->key, shape);
    }
}

int parse_word(
    struct parse *parse, const struct tree_node *node, const char *what, const struct grammar_shape *shape)
{
    if (node->kind != TREE_SCALAR || tree_is_nothing(node)) {
        parse_mistake(parse, node, "%s must be one word", what);
        return -1;
    }
    for (size_t i = 0; i < shape->word_count; i++)
        if (bytes_equal(node->text, shape->words[i]))
            return (int)i;
    parse_unknown(
        parse, node, what, node->text, (struct suggest_from){shape->words, shape->word_count, sizeof shape->words[0]});
    return -1;
}

bool parse_bool(struct parse *parse, const struct tree_node *node)
{
    bool plain = node->kind == TREE_SCALAR && node->plain;
    if (plain && bytes_is(node->text, "true"))
        return true;
    if (!plain || !bytes_is(node->text, "false"))
        parse_mistake(parse, node, "%.*s must be true or false", BYTES_ARGUMENTS(node->key->text));
    return false;
}

/* --- numbers and durations ---------------------------------------------------------------------------------------- */

int64_t parse_whole(struct parse *parse, const struct tree_node *node, const struct grammar_shape *shape)
{
    int64_t value = node->kind == TREE_SCALAR && node->plain && node->text.length > 0 ? 0 : -1;
    for (size_t i = 0; value >= 0 && value <= shape->most && i < node->text.length; i++) {
        bool digit = node->text.data[i] >= '0' && node->text.data[i] <= '9';
        value = digit ? value * 10 + (node->text.data[i] - '0') : -1;
    }
    if (value >= shape->least && value <= shape->most)
        return value;
    parse_mistake(parse, node, "%.*s must be a whole number from %lld to %lld", BYTES_ARGUMENTS(node->key->text),
        (long long)shape->least, (long long)shape->most);
    return -1;
}

/* Digits and a unit: 5m, 12h, 90d, 4w. -1: not that. */
static int64_t duration_us(struct bytes text)
{
    int64_t unit_us = 0;
    switch (text.length > 1 && text.length <= 10 ? text.data[text.length - 1] : 0) {
    case 'm':
        unit_us = MICROSECONDS_PER_MINUTE;
        break;
    case 'h':
        unit_us = MICROSECONDS_PER_HOUR;
        break;
    case 'd':
        unit_us = MICROSECONDS_PER_DAY;
        break;
    case 'w':
        unit_us = 7 * MICROSECONDS_PER_DAY;
        break;
    default:
        return -1;
    }
    int64_t count = 0;
    for (size_t i = 0; i + 1 < text.length; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return -1;
        count = count * 10 + (text.data[i] - '0');
    }
    int64_t result_us;
    return __builtin_mul_overflow(count, unit_us, &result_us) ? INT64_MAX : result_us;
}

static long long duration_count(int64_t duration_us, char *unit)
{
    bool days = duration_us % MICROSECONDS_PER_DAY == 0;
    *unit = days ? 'd' : 'm';
    return duration_us / (days ? MICROSECONDS_PER_DAY : MICROSECONDS_PER_MINUTE);
}

int64_t parse_duration(struct parse *parse, const struct tree_node *node, int64_t least_us, int64_t most_us)
{
    int64_t value_us = node->kind == TREE_SCALAR ? duration_us(node->text) : -1;
    struct bytes name = node->key->text;
    if (value_us < 0) {
        parse_mistake(parse, node, "%.*s must be a whole number and a unit: 30m, 12h, 90d, 4w", BYTES_ARGUMENTS(name));
        return -1;
    }
    if (value_us >= least_us && value_us <= most_us)
        return value_us;
    char least_unit, most_unit;
    long long least = duration_count(least_us, &least_unit), most = duration_count(most_us, &most_unit);
    parse_mistake(parse, node, "%.*s must be from %lld%c to %lld%c", BYTES_ARGUMENTS(name), least, least_unit, most,
        most_unit);
    return -1;
}

/* --- words for people --------------------------------------------------------------------------------------------- */

static struct bytes about_text(struct parse *parse, const struct tree_node *node, const char *what, size_t most)
{
    if (node->kind != TREE_SCALAR || tree_is_nothing(node))
        parse_mistake(parse, node, "%s must be a text", what);
    else if (node->text.length == 0)
        parse_mistake(parse, node, "%s is empty: leave it out", what);
    else if (node->text.length > most)
        parse_mistake(parse, node, "%s is too long: %zu bytes (at most %zu)", what, node->text.length, most);
    else
        return arena_copy(parse->memory, node->text);
    return (struct bytes){0};
}

/* Tags are few: each is compared with those before it. */
static const struct bytes *read_tags(struct parse *parse, const struct tree_node *node, size_t *count)
{
    *count = 0;
    if (!parse_is_list(parse, node, "tags", TAGS_MAX) || node->count == 0)
        return NULL;
    struct bytes *tags = arena_array(parse->memory, node->count, sizeof *tags);
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        struct bytes tag = about_text(parse, entry, "a tag", TAG_BYTES_MAX);
        for (size_t i = 0; i < *count && tag.length > 0; i++)
            if (bytes_equal(tags[i], tag))
                parse_mistake(parse, entry, "tag '%s' is given twice: keep one", quote(tag).text);
        tags[(*count)++] = tag;
    }
    return tags;
}

struct about parse_about(struct parse *parse, const struct tree_node *const nodes[3])
{
    struct about about = {.tags = NULL};
    if (nodes[0])
        about.description = about_text(parse, nodes[0], "description", ABOUT_BYTES_MAX);
    if (nodes[1])
        about.owner = about_text(parse, nodes[1], "owner", ABOUT_BYTES_MAX);
    if (nodes[2])
        about.tags = read_tags(parse, nodes[2], &about.tag_count);
    return about;
}

/* A comment that follows on the line belongs to what ends there. */
static size_t comment_end(struct bytes text, size_t end)
{
    size_t at = end;
    while (at < text.length && (text.data[at] == ' ' || text.data[at] == '\t'))
        at++;
    if (at == text.length || text.data[at] != '#')
        return end;
    while (at < text.length && text.data[at] != '\n' && text.data[at] != '\r')
        at++;
    return at;
}

static bool is_blank(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

struct bytes parse_written(struct parse *parse, const struct tree_node *entry)
{
    struct bytes text = parse->made->text;
    size_t begin = entry->key->begin, end = entry->end > entry->key->end ? entry->end : entry->key->end;
    while (end > begin && is_blank(text.data[end - 1]))
        end--;
    end = comment_end(text, end);
    while (end > begin && is_blank(text.data[end - 1]))
        end--;
    return bytes_of(text.data + begin, end - begin);
}
