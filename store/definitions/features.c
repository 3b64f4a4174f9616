#include <stdio.h>
#include <stdlib.h>

#include "store/definitions/parse.h"

enum { WINDOW_MINUTES_MIN = 5, TOP_VALUES_DEFAULT = 3, RFM_MEMBERS = 4 };

/* What an aggregation takes and gives. `types` has a bit for each attribute type that it takes; none: no attribute. */
#define TYPE_BIT(type) (1u << (type))
enum {
    TYPES_ORDERED = TYPE_BIT(ATTRIBUTE_MONEY) | TYPE_BIT(ATTRIBUTE_NUMBER) | TYPE_BIT(ATTRIBUTE_INTEGER),
    TYPES_SUMMED = TYPES_ORDERED | TYPE_BIT(ATTRIBUTE_BOOL),
    TYPES_ANY = TYPES_SUMMED | TYPE_BIT(ATTRIBUTE_TEXT),
};
static const struct {
    enum aggregation aggregation;
    unsigned types;
} aggregations[FEATURE_KEYS] = {
    [FEATURE_COUNT] = {AGGREGATION_COUNT, 0},
    [FEATURE_SUM] = {AGGREGATION_SUM, TYPES_SUMMED},
    [FEATURE_MEAN] = {AGGREGATION_MEAN, TYPES_SUMMED},
    [FEATURE_MIN] = {AGGREGATION_MIN, TYPES_ORDERED},
    [FEATURE_MAX] = {AGGREGATION_MAX, TYPES_ORDERED},
    [FEATURE_VARIANCE] = {AGGREGATION_VARIANCE, TYPES_ORDERED},
    [FEATURE_STDDEV] = {AGGREGATION_STDDEV, TYPES_ORDERED},
    [FEATURE_FIRST] = {AGGREGATION_FIRST, TYPES_ANY},
    [FEATURE_LAST] = {AGGREGATION_LAST, TYPES_ANY},
    [FEATURE_DISTINCT] = {AGGREGATION_DISTINCT, TYPES_ANY},
    [FEATURE_TOP] = {AGGREGATION_TOP, TYPES_ANY},
    [FEATURE_RATIO] = {AGGREGATION_RATIO, 0},
    [FEATURE_DECAYED] = {AGGREGATION_DECAYED, TYPES_SUMMED},
    [FEATURE_AGE] = {AGGREGATION_AGE_FIRST, 0},         /* and those of its other words, in their order */
    [FEATURE_GAPS] = {AGGREGATION_GAP_MEAN, 0},         /* as age */
    [FEATURE_ACTIVE_DAYS] = {AGGREGATION_ACTIVE_DAYS, 0},
    [FEATURE_STREAK] = {AGGREGATION_STREAK_CURRENT, 0}, /* as age */
    [FEATURE_RFM] = {AGGREGATION_RFM_FREQUENCY, TYPES_ORDERED},
};
_Static_assert(AGGREGATION_AGE_LAST == AGGREGATION_AGE_FIRST + 1, "in the order of the grammar's words");
_Static_assert(AGGREGATION_GAP_STDDEV == AGGREGATION_GAP_MEAN + 1, "in the order of the grammar's words");
_Static_assert(AGGREGATION_GAP_LAST == AGGREGATION_GAP_MEAN + 2, "in the order of the grammar's words");
_Static_assert(AGGREGATION_STREAK_LONGEST == AGGREGATION_STREAK_CURRENT + 1, "in the order of the grammar's words");

static const char *types_words(unsigned types)
{
    return types == TYPES_ORDERED ? "money, number or integer"
        : types == TYPES_SUMMED   ? "money, number, integer or bool"
                                  : "any type";
}

static enum value_type value_type_of_attribute(enum attribute_type type)
{
    switch (type) {
    case ATTRIBUTE_MONEY:
        return VALUE_MONEY;
    case ATTRIBUTE_NUMBER:
        return VALUE_DOUBLE;
    case ATTRIBUTE_INTEGER:
        return VALUE_INT64;
    case ATTRIBUTE_BOOL:
        return VALUE_BOOL;
    case ATTRIBUTE_TEXT:
        return VALUE_TEXT;
    }
    IMPOSSIBLE("an attribute of no type");
}

static enum value_type value_type_of(enum aggregation aggregation, enum attribute_type attribute)
{
    switch (aggregation) {
    case AGGREGATION_COUNT:
    case AGGREGATION_DISTINCT:
    case AGGREGATION_RFM_FREQUENCY:
    case AGGREGATION_RFM_RECENCY:
    case AGGREGATION_RFM_T:
    case AGGREGATION_GAP_LAST:
    case AGGREGATION_ACTIVE_DAYS:
    case AGGREGATION_STREAK_CURRENT:
    case AGGREGATION_STREAK_LONGEST:
        return VALUE_INT64;
    case AGGREGATION_MEAN:
    case AGGREGATION_AGE_FIRST:
    case AGGREGATION_AGE_LAST:
    case AGGREGATION_RFM_MONETARY:
    case AGGREGATION_VARIANCE:
    case AGGREGATION_STDDEV:
    case AGGREGATION_DECAYED:
    case AGGREGATION_RATIO:
    case AGGREGATION_GAP_MEAN:
    case AGGREGATION_GAP_STDDEV:
        return VALUE_DOUBLE;
    case AGGREGATION_SUM:
        if (attribute == ATTRIBUTE_MONEY)
            return VALUE_MONEY;
        return attribute == ATTRIBUTE_BOOL ? VALUE_INT64 : VALUE_DOUBLE;
    case AGGREGATION_MIN:
    case AGGREGATION_MAX:
    case AGGREGATION_FIRST:
    case AGGREGATION_LAST:
    case AGGREGATION_TOP:
        return value_type_of_attribute(attribute);
    case AGGREGATION_DERIVED:
        break;
    }
    IMPOSSIBLE("a feature of no aggregation");
}

/* A feature as it is read. */
struct reading {
    struct parse *parse;
    const struct tree_node *node;
    const struct tree_node *nodes[FEATURE_KEYS];
    const struct event_type *event; /* null: it has a mistake */
    enum feature_key key;           /* its aggregation's; FEATURE_KEYS: it has a mistake */
    struct feature feature;
    uint32_t places; /* of top */
};

static const char *key_name(enum feature_key key)
{
    return (const char *)grammar_feature.keys[key].name.data;
}

static const struct grammar_shape *key_shape(enum feature_key key)
{
    return grammar_feature.keys[key].shape;
}

/* --- windows ------------------------------------------------------------------------------------------------------ */

#define DAYS(count) ((count) * MICROSECONDS_PER_DAY)

/* How far back a window's end may lie: tiles of the window's size are kept that long. */
static int64_t offset_max_us(int64_t window_us)
{
    return window_us < 12 * MICROSECONDS_PER_HOUR ? DAYS(30)
        : window_us < DAYS(12)                    ? DAYS(366)
                                                  : DAYS(WINDOW_DAYS_MAX) - window_us;
}

static void read_offset(struct reading *reading)
{
    struct parse *parse = reading->parse;
    const struct tree_node *node = reading->nodes[FEATURE_OFFSET];
    if (!reading->nodes[FEATURE_WINDOW]) {
        parse_mistake(parse, node->key, "offset goes with a window only: give window too");
        return;
    }
    int64_t window_us = reading->feature.window_us;
    int64_t offset_us = parse_duration(parse, node, MICROSECONDS_PER_MINUTE, DAYS(WINDOW_DAYS_MAX));
    if (offset_us < 0 || window_us == 0)
        return;
    if (offset_us <= offset_max_us(window_us))
        reading->feature.offset_us = offset_us;
    else if (window_us < DAYS(12))
        parse_mistake(parse, node, "offset must be at most %dd for a window under %s",
            (int)(offset_max_us(window_us) / MICROSECONDS_PER_DAY),
            window_us < 12 * MICROSECONDS_PER_HOUR ? "12h" : "12d");
    else
        parse_mistake(parse, node, "window and offset together must be at most %dd", WINDOW_DAYS_MAX);
}

static void read_window(struct reading *reading)
{
    const struct tree_node *node = reading->nodes[FEATURE_WINDOW];
    int64_t window_us = node
        ? parse_duration(reading->parse, node, WINDOW_MINUTES_MIN * MICROSECONDS_PER_MINUTE, DAYS(WINDOW_DAYS_MAX))
        : 0;
    if (window_us > 0)
        reading->feature.window_us = window_us;
    if (reading->nodes[FEATURE_OFFSET])
        read_offset(reading);
}

/* --- aggregations ------------------------------------------------------------------------------------------------- */

/* True if one of the unknown keys is told to be meant for an aggregation: then its mistake says all. */
static bool aggregation_mistyped(const struct reading *reading)
{
    if (reading->parse->mistakes->count >= MISTAKES_KEPT_MAX) /* none is worded any more */
        return false;
    for (const struct tree_node *entry = reading->node->first; entry; entry = entry->next) {
        struct bytes meant = parse_meant_key(entry->key->text, &grammar_feature);
        for (enum feature_key key = FEATURE_COUNT; key < FEATURE_KEYS; key++)
            if (bytes_equal(meant, grammar_feature.keys[key].name))
                return true;
    }
    return false;
}

/* Which aggregation is given; FEATURE_KEYS and a mistake unless it is one. */
static enum feature_key aggregation_find(const struct reading *reading)
{
    enum feature_key found = FEATURE_KEYS;
    struct quoted name = quote(reading->node->key->text);
    for (enum feature_key key = FEATURE_COUNT; key < FEATURE_KEYS; key++) {
        if (!reading->nodes[key])
            continue;
        if (found == FEATURE_KEYS) {
            found = key;
            continue;
        }
        parse_mistake(reading->parse, reading->nodes[key]->key, "'%s' has two aggregations, %s and %s: keep one",
            name.text, key_name(found), key_name(key));
        return FEATURE_KEYS;
    }
    if (found < FEATURE_KEYS || aggregation_mistyped(reading))
        return found;
    char all[256];
    size_t length = 0;
    for (enum feature_key key = FEATURE_COUNT; key < FEATURE_KEYS; key++)
        length += (size_t)snprintf(
            all + length, sizeof all - length, "%s%s", key == FEATURE_COUNT ? "" : ", ", key_name(key));
    CHECK(length < sizeof all);
    parse_mistake(
        reading->parse, reading->node->key, "'%s' has no aggregation: give one of %s", name.text, all);
    return FEATURE_KEYS;
}

static bool is_true(const struct tree_node *node)
{
    return node->kind == TREE_SCALAR && node->plain && bytes_is(node->text, "true");
}

/* The attribute that a key names, of one of these types; null and a mistake if it names none. */
static const struct attribute *read_attribute(struct reading *reading, enum feature_key key, unsigned types)
{
    const struct tree_node *node = reading->nodes[key];
    if (node->kind != TREE_SCALAR || tree_is_nothing(node)) {
        parse_mistake(reading->parse, node, "%s must be the name of an attribute%s", key_name(key),
            key == FEATURE_DECAYED ? ", or true for the events themselves" : "");
        return NULL;
    }
    const struct attribute *attribute = parse_attribute(reading->parse, node, node->text, reading->event);
    if (!attribute || types & TYPE_BIT(attribute->type))
        return attribute;
    parse_mistake(reading->parse, node, "%s takes %s, and '%.*s' is %s", key_name(key), types_words(types),
        BYTES_ARGUMENTS(attribute->name), attribute_type_name(attribute->type));
    return NULL;
}

static bool read_half_life(struct reading *reading)
{
    const struct tree_node *node = reading->nodes[FEATURE_HALF_LIFE];
    if (!node) {
        parse_mistake(reading->parse, reading->nodes[FEATURE_DECAYED]->key,
            "decayed needs half_life: after so long an event weighs half, such as half_life: 60d");
        return false;
    }
    int64_t half_life_us = parse_duration(reading->parse, node, DAYS(1), DAYS(WINDOW_DAYS_MAX));
    reading->feature.half_life_us = half_life_us;
    return half_life_us > 0;
}

/* How many values lead, and what ranks them. */
static bool read_top(struct reading *reading)
{
    const struct tree_node *k = reading->nodes[FEATURE_K], *by = reading->nodes[FEATURE_BY];
    reading->places = TOP_VALUES_DEFAULT;
    if (k) {
        int64_t places = parse_whole(reading->parse, k, key_shape(FEATURE_K));
        /* With a mistake in it all are entered, so that whoever refers to one is not blamed as well. */
        reading->places = places > 0 ? (uint32_t)places : TOP_VALUES_MAX;
    }
    if (!by || (by->kind == TREE_SCALAR && bytes_is(by->text, "count")))
        return true;
    if (by->kind != TREE_SCALAR || tree_is_nothing(by)) {
        parse_mistake(reading->parse, by, "by must be count, or the name of the attribute whose sum ranks");
        return false;
    }
    if (!reading->event)
        return false;
    const struct attribute *attribute = read_attribute(reading, FEATURE_BY, TYPES_ORDERED);
    if (attribute)
        reading->feature.by_attribute = attribute->number;
    return attribute != NULL;
}

static bool read_word(struct reading *reading)
{
    int word = parse_word(reading->parse, reading->nodes[reading->key], key_name(reading->key),
        key_shape(reading->key));
    if (word >= 0)
        reading->feature.aggregation += (enum aggregation)word;
    if (reading->key != FEATURE_AGE)
        return word >= 0;
    static const int64_t units_us[] = {MICROSECONDS_PER_SECOND, MICROSECONDS_PER_MINUTE, MICROSECONDS_PER_HOUR,
        MICROSECONDS_PER_DAY, 7 * MICROSECONDS_PER_DAY};
    const struct tree_node *node = reading->nodes[FEATURE_UNIT];
    int unit = node ? parse_word(reading->parse, node, "unit", key_shape(FEATURE_UNIT)) : -1;
    reading->feature.unit_us = unit >= 0 ? units_us[unit] : MICROSECONDS_PER_DAY;
    return word >= 0;
}

/* What the aggregation's key says. False: it has a mistake, or the event has, and so the feature has no type. */
static bool read_aggregation(struct reading *reading)
{
    struct parse *parse = reading->parse;
    struct feature *feature = &reading->feature;
    enum feature_key key = reading->key;
    const struct tree_node *node = reading->nodes[key];
    feature->aggregation = aggregations[key].aggregation;
    bool good = true;
    switch (key) {
    case FEATURE_COUNT:
    case FEATURE_ACTIVE_DAYS:
        if (!is_true(node))
            parse_mistake(parse, node, "%s takes no attribute: write %s: true", key_name(key), key_name(key));
        return true;
    case FEATURE_AGE:
    case FEATURE_GAPS:
    case FEATURE_STREAK:
        return read_word(reading);
    case FEATURE_RATIO:
        if (reading->event)
            feature->matching_count = parse_filters(parse, node, reading->event, &feature->matching);
        return true;
    case FEATURE_TOP:
        good = read_top(reading);
        break;
    case FEATURE_DECAYED:
        good = read_half_life(reading);
        if (is_true(node))
            return good;
        break;
    default:
        break;
    }
    const struct attribute *attribute =
        reading->event ? read_attribute(reading, key, aggregations[key].types) : NULL;
    if (attribute) {
        feature->attribute = attribute->number;
        feature->attribute_type = attribute->type;
    }
    return attribute && good;
}

/* Keys that go with one aggregation only. */
static void refuse_strays(const struct reading *reading)
{
    static const struct {
        enum feature_key key, with;
    } pairs[] = {{FEATURE_UNIT, FEATURE_AGE}, {FEATURE_HALF_LIFE, FEATURE_DECAYED}, {FEATURE_K, FEATURE_TOP},
        {FEATURE_BY, FEATURE_TOP}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        if (reading->nodes[pairs[i].key] && reading->key != pairs[i].with && reading->key != FEATURE_KEYS)
            parse_mistake(reading->parse, reading->nodes[pairs[i].key]->key, "%s goes with %s only",
                key_name(pairs[i].key), key_name(pairs[i].with));
}

/* --- a feature ---------------------------------------------------------------------------------------------------- */

static const struct event_type *event_find(const struct reading *reading)
{
    struct parse *parse = reading->parse;
    const struct tree_node *of = reading->nodes[FEATURE_OF];
    if (!of) {
        parse_mistake(parse, reading->node->key, "'%s' does not say of which event: give 'of'",
            quote(reading->node->key->text).text);
        return NULL;
    }
    if (of->kind != TREE_SCALAR) {
        parse_mistake(parse, of, "of must be the name of an event");
        return NULL;
    }
    if (!parse->made->events) /* a mistake in the events as a whole: this feature is not to blame */
        return NULL;
    const struct event_type *event = definitions_event_type(parse->made, of->text);
    if (event || parse_only_counts(parse))
        return event;
    size_t count;
    const struct bytes *names = definitions_event_names(parse->made, parse->scratch, &count);
    parse_unknown(parse, of, "event", of->text, (struct suggest_from){names, count, sizeof *names});
    return NULL;
}

/* Fills in all but the name and what the members of a family have of their own. */
static void read_feature(struct reading *reading)
{
    struct parse *parse = reading->parse;
    struct feature *feature = &reading->feature;
    parse_fields(parse, reading->node, &grammar_feature, reading->nodes);
    reading->event = event_find(reading);
    reading->key = aggregation_find(reading);
    refuse_strays(reading);
    read_window(reading);
    const struct tree_node *where = reading->nodes[FEATURE_WHERE], *max_age = reading->nodes[FEATURE_MAX_AGE];
    if (reading->event) {
        feature->event = (uint16_t)(reading->event - parse->made->events);
        if (where)
            feature->filter_count = parse_filters(parse, where, reading->event, &feature->filters);
    }
    if (max_age)
        feature->max_age_us = parse_duration(parse, max_age, MICROSECONDS_PER_MINUTE, DAYS(WINDOW_DAYS_MAX));
    struct about about = parse_about(parse, &reading->nodes[FEATURE_DESCRIPTION]);
    feature->description = about.description;
    feature->owner = about.owner;
    feature->tags = about.tags;
    feature->tag_count = about.tag_count;
    feature->written = parse_written(parse, reading->node);
    if (reading->key != FEATURE_KEYS && read_aggregation(reading))
        feature->type = value_type_of(feature->aggregation, feature->attribute_type);
}

/* --- families ----------------------------------------------------------------------------------------------------- */

static struct bytes name_join(struct arena *arena, struct bytes name, const char *suffix)
{
    size_t suffix_length = strlen(suffix);
    uint8_t *joined = arena_alloc(arena, name.length + 1 + suffix_length);
    if (name.length)
        memcpy(joined, name.data, name.length);
    joined[name.length] = '.';
    memcpy(joined + name.length + 1, suffix, suffix_length);
    return bytes_of(joined, name.length + 1 + suffix_length);
}

/* A member's place in its family, and its name after the dot. */
static void family_member(const struct reading *reading, uint32_t i, struct feature *member, char suffix[16])
{
    static const char *const rfm_names[RFM_MEMBERS] = {"frequency", "recency", "T", "monetary"};
    _Static_assert(AGGREGATION_RFM_MONETARY == AGGREGATION_RFM_FREQUENCY + RFM_MEMBERS - 1, "in this order");
    *member = reading->feature;
    if (reading->key == FEATURE_TOP) {
        member->rank = i;
        snprintf(suffix, 16, "%u", i + 1);
        return;
    }
    snprintf(suffix, 16, "%s", rfm_names[i]);
    member->aggregation += (enum aggregation)i;
    if (member->type)
        member->type = value_type_of(member->aggregation, member->attribute_type);
}

/* The family's default is that of each member whose type takes it. */
static void read_family(const struct reading *reading, struct bytes name)
{
    struct parse *parse = reading->parse;
    const struct tree_node *given = reading->nodes[FEATURE_DEFAULT];
    uint32_t count = reading->key == FEATURE_TOP ? reading->places : RFM_MEMBERS;
    struct feature *members = arena_array(parse->scratch, count, sizeof *members);
    bool taken = false;
    for (uint32_t i = 0; i < count; i++) {
        char suffix[16];
        family_member(reading, i, &members[i], suffix);
        members[i].name = name_join(parse->memory, name, suffix);
        if (given && members[i].type)
            members[i].fallback = parse_default_if(parse, given, members[i].type);
        taken = taken || members[i].fallback;
    }
    if (given && !taken && members[count - 1].type)
        parse_default_mistake(parse, given, members[count - 1].type);
    family_enter(parse, name, members, count);
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

void parse_features(struct parse *parse, const struct tree_node *node)
{
    if (!node || (tree_is_nothing(node) && !node->alias))
        return;
    if (!parse_is_map(parse, node, "features", FEATURES_MAX)) {
        parse->features_unread = true;
        return;
    }
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        parse_name_in(parse, entry->key, "a feature", grammar_root.keys[ROOT_FEATURES].shape);
        struct bytes name = arena_copy(parse->memory, entry->key->text);
        struct reading reading = {.parse = parse, .node = entry, .key = FEATURE_KEYS,
            .feature = {.attribute = -1, .by_attribute = -1, .aggregation = AGGREGATION_COUNT}};
        if (parse_is_map(parse, entry, "a feature", SIZE_MAX))
            read_feature(&reading);
        if (reading.key == FEATURE_RFM || reading.key == FEATURE_TOP) {
            read_family(&reading, name);
            continue;
        }
        if (reading.nodes[FEATURE_DEFAULT])
            reading.feature.fallback =
                parse_default(parse, reading.nodes[FEATURE_DEFAULT], reading.feature.type);
        feature_enter(parse, &reading.feature, name);
    }
    features_finish(parse, node);
}
