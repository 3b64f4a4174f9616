#include <stdio.h>
#include <stdlib.h>

#include "store/base/decimal.h"
#include "store/definitions/parse.h"

enum { WINDOW_MINUTES_MIN = 5 };

enum field {
    FIELD_OF,
    FIELD_WINDOW,
    FIELD_WHERE,
    FIELD_UNIT,
    FIELD_COUNT, /* the aggregations: from here to FIELD_RFM, one of them to a feature */
    FIELD_SUM,
    FIELD_MEAN,
    FIELD_MIN,
    FIELD_MAX,
    FIELD_FIRST,
    FIELD_LAST,
    FIELD_DISTINCT,
    FIELD_AGE,
    FIELD_RFM,
    FIELD_DECAYED, /* known, and told to come later */
    FIELD_HALF_LIFE,
    FIELD_NONE, /* and how many there are */
};

static const struct parse_field field_names[FIELD_NONE] = {
    [FIELD_OF] = PARSE_FIELD("of"),
    [FIELD_WINDOW] = PARSE_FIELD("window"),
    [FIELD_WHERE] = PARSE_FIELD("where"),
    [FIELD_UNIT] = PARSE_FIELD("unit"),
    [FIELD_COUNT] = PARSE_FIELD("count"),
    [FIELD_SUM] = PARSE_FIELD("sum"),
    [FIELD_MEAN] = PARSE_FIELD("mean"),
    [FIELD_MIN] = PARSE_FIELD("min"),
    [FIELD_MAX] = PARSE_FIELD("max"),
    [FIELD_FIRST] = PARSE_FIELD("first"),
    [FIELD_LAST] = PARSE_FIELD("last"),
    [FIELD_DISTINCT] = PARSE_FIELD("distinct"),
    [FIELD_AGE] = PARSE_FIELD("age"),
    [FIELD_RFM] = PARSE_FIELD("rfm"),
    [FIELD_DECAYED] = PARSE_FIELD("decayed"),
    [FIELD_HALF_LIFE] = PARSE_FIELD("half_life"),
};

/* What an aggregation takes and gives. `types` has a bit for each attribute type that it takes. */
#define TYPE_BIT(type) (1u << (type))
enum {
    TYPES_ORDERED = TYPE_BIT(ATTRIBUTE_MONEY) | TYPE_BIT(ATTRIBUTE_NUMBER) | TYPE_BIT(ATTRIBUTE_INTEGER),
    TYPES_SUMMED = TYPES_ORDERED | TYPE_BIT(ATTRIBUTE_BOOL),
    TYPES_ANY = TYPES_SUMMED | TYPE_BIT(ATTRIBUTE_TEXT),
};
static const struct {
    enum aggregation aggregation;
    unsigned types;
    const char *types_words;
} attribute_aggregations[FIELD_NONE] = {
    [FIELD_SUM] = {AGGREGATION_SUM, TYPES_SUMMED, "money, number, integer or bool"},
    [FIELD_MEAN] = {AGGREGATION_MEAN, TYPES_SUMMED, "money, number, integer or bool"},
    [FIELD_MIN] = {AGGREGATION_MIN, TYPES_ORDERED, "money, number or integer"},
    [FIELD_MAX] = {AGGREGATION_MAX, TYPES_ORDERED, "money, number or integer"},
    [FIELD_FIRST] = {AGGREGATION_FIRST, TYPES_ANY, "any type"},
    [FIELD_LAST] = {AGGREGATION_LAST, TYPES_ANY, "any type"},
    [FIELD_DISTINCT] = {AGGREGATION_DISTINCT, TYPES_ANY, "any type"},
    [FIELD_RFM] = {AGGREGATION_RFM_FREQUENCY, TYPES_ORDERED, "money, number or integer"},
};

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

/* --- parts of a feature ------------------------------------------------------------------------------------------- */

/* Digits and a unit: 5m, 12h, 90d, 4w. */
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

static void parse_window(struct parse *parse, const struct tree_node *node, struct feature *feature)
{
    int64_t window_us = node->kind == TREE_SCALAR ? duration_us(node->text) : -1;
    if (window_us < 0)
        parse_mistake(parse, node, "window must be a whole number and a unit: 30m, 12h, 90d, 4w");
    else if (window_us < WINDOW_MINUTES_MIN * MICROSECONDS_PER_MINUTE ||
        window_us > WINDOW_DAYS_MAX * MICROSECONDS_PER_DAY)
        parse_mistake(parse, node, "window must be from %dm to %dd", WINDOW_MINUTES_MIN, WINDOW_DAYS_MAX);
    else
        feature->window_us = window_us;
}

#define WORD(string) {(const uint8_t *)(string), sizeof(string) - 1}

static void parse_unit(struct parse *parse, const struct tree_node *node, struct feature *feature)
{
    static const struct bytes words[] = {WORD("second"), WORD("minute"), WORD("hour"), WORD("day"), WORD("week")};
    static const int64_t units_us[] = {MICROSECONDS_PER_SECOND, MICROSECONDS_PER_MINUTE, MICROSECONDS_PER_HOUR,
        MICROSECONDS_PER_DAY, 7 * MICROSECONDS_PER_DAY};
    int word = parse_word(parse, node, "unit", words, sizeof words / sizeof words[0]);
    if (word >= 0)
        feature->unit_us = units_us[word];
}

/* The attribute of that name; null and a mistake if the event has none. */
static const struct attribute *attribute_find(
    struct parse *parse, const struct tree_node *node, struct bytes name, const struct event_type *event)
{
    const struct attribute *attribute = event_type_attribute(event, name);
    if (!attribute) {
        char what[64 + NAME_BYTES_MAX];
        snprintf(what, sizeof what, "attribute of '%s':", quote(event->name).text);
        parse_unknown(parse, node, what, name, SUGGEST_FROM(event->attributes, event->attribute_count, name));
    }
    return attribute;
}

/* Whole digits with a sign, below 2^53. */
static bool integer_from_text(struct bytes text, int128 *value)
{
    bool negative = text.length > 0 && text.data[0] == '-';
    size_t at = negative || (text.length > 0 && text.data[0] == '+');
    int64_t magnitude = 0;
    if (at == text.length)
        return false;
    for (; at < text.length; at++) {
        if (text.data[at] < '0' || text.data[at] > '9')
            return false;
        magnitude = magnitude * 10 + (text.data[at] - '0');
        if (magnitude >= NUMBER_MAGNITUDE_MAX)
            return false;
    }
    *value = negative ? -magnitude : magnitude;
    return true;
}

/* The value that a filter compares with: written as the attribute's type wants it. */
static void parse_scalar(
    struct parse *parse, const struct tree_node *node, const struct attribute *attribute, struct scalar *scalar)
{
    scalar->type = attribute->type;
    const char *type = attribute_type_name(attribute->type);
    if (node->kind != TREE_SCALAR || tree_is_nothing(node)) {
        parse_mistake(parse, node, "'%.*s' must be compared with one value", BYTES_ARGUMENTS(attribute->name));
        return;
    }
    if (attribute->type == ATTRIBUTE_TEXT) {
        if (node->text.length > TEXT_ATTRIBUTE_BYTES_MAX)
            parse_mistake(parse, node, "'%.*s' is compared with %zu bytes: it has at most %d",
                BYTES_ARGUMENTS(attribute->name), node->text.length, TEXT_ATTRIBUTE_BYTES_MAX);
        else
            scalar->text = arena_copy(parse->memory, node->text);
        return;
    }
    struct error error = {.text = ""};
    int64_t micros = 0;
    bool good = node->plain;
    if (good && attribute->type == ATTRIBUTE_MONEY) {
        good = money_from_text(node->text, &micros, &error) == PATRON_OK;
        scalar->number = micros;
    } else if (good && attribute->type == ATTRIBUTE_NUMBER) {
        good = number_from_text(node->text, &scalar->number, &error) == PATRON_OK;
    } else if (good && attribute->type == ATTRIBUTE_INTEGER) {
        good = integer_from_text(node->text, &scalar->number);
    } else if (good) {
        good = bytes_is(node->text, "true") || bytes_is(node->text, "false");
        scalar->number = bytes_is(node->text, "true");
    }
    if (!good && error.text[0])
        parse_mistake(
            parse, node, "'%.*s' is %s, and the value %s", BYTES_ARGUMENTS(attribute->name), type, error.text);
    else if (!good)
        parse_mistake(parse, node, "'%.*s' is %s: write %s without quotes", BYTES_ARGUMENTS(attribute->name), type,
            attribute->type == ATTRIBUTE_BOOL          ? "true or false"
                : attribute->type == ATTRIBUTE_INTEGER ? "a whole number below 2^53"
                                                       : "a number");
}

static void parse_where(
    struct parse *parse, const struct tree_node *node, const struct event_type *event, struct feature *feature)
{
    if (!parse_is_map(parse, node, "where", EVENT_ATTRIBUTES_MAX))
        return;
    if (node->count == 0) {
        parse_mistake(parse, node, "where names no attribute: leave it out");
        return;
    }
    struct filter *filters = arena_array(parse->memory, node->count, sizeof *filters);
    size_t count = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        const struct attribute *attribute = attribute_find(parse, entry->key, entry->key->text, event);
        if (!attribute)
            continue;
        struct scalar *value = arena_alloc(parse->memory, sizeof *value);
        parse_scalar(parse, entry, attribute, value);
        filters[count++] = (struct filter){.attribute = attribute->number, .values = value, .value_count = 1};
    }
    feature->filters = filters;
    feature->filter_count = count;
}

static void parse_age(struct parse *parse, const struct tree_node *node, struct feature *feature)
{
    static const struct bytes words[] = {WORD("first"), WORD("last")};
    int word = parse_word(parse, node, "age", words, sizeof words / sizeof words[0]);
    feature->aggregation = word == 0 ? AGGREGATION_AGE_FIRST : AGGREGATION_AGE_LAST;
    feature->unit_us = MICROSECONDS_PER_DAY;
}

static void parse_attribute_aggregation(struct parse *parse, const struct tree_node *node, enum field field,
    const struct event_type *event, struct feature *feature)
{
    const char *name = (const char *)field_names[field].name.data;
    feature->aggregation = attribute_aggregations[field].aggregation;
    if (node->kind != TREE_SCALAR) {
        parse_mistake(parse, node, "%s must be the name of an attribute", name);
        return;
    }
    const struct attribute *attribute = attribute_find(parse, node, node->text, event);
    if (!attribute)
        return;
    feature->attribute = attribute->number;
    feature->attribute_type = attribute->type;
    if (!(attribute_aggregations[field].types & TYPE_BIT(attribute->type)))
        parse_mistake(parse, node, "%s takes %s, and '%.*s' is %s", name, attribute_aggregations[field].types_words,
            BYTES_ARGUMENTS(attribute->name), attribute_type_name(attribute->type));
}

/* --- a feature ---------------------------------------------------------------------------------------------------- */

/* Which aggregation is given; FIELD_NONE and a mistake unless it is one. */
static enum field aggregation_find(struct parse *parse, const struct tree_node *node, const struct parse_field *fields)
{
    if (fields[FIELD_DECAYED].node || fields[FIELD_HALF_LIFE].node) {
        const struct parse_field *later = &fields[fields[FIELD_DECAYED].node ? FIELD_DECAYED : FIELD_HALF_LIFE];
        parse_mistake(parse, later->node->key, "%s comes with a later version: leave this feature out",
            (const char *)later->name.data);
        return FIELD_NONE;
    }
    enum field found = FIELD_NONE;
    for (enum field i = FIELD_COUNT; i <= FIELD_RFM; i++) {
        if (!fields[i].node)
            continue;
        if (found == FIELD_NONE) {
            found = i;
            continue;
        }
        parse_mistake(parse, fields[i].node->key, "'%s' has two aggregations, %s and %s: keep one",
            quote(node->key->text).text, (const char *)fields[found].name.data, (const char *)fields[i].name.data);
        return FIELD_NONE;
    }
    if (found == FIELD_NONE)
        parse_mistake(parse, node->key,
            "'%s' has no aggregation: give one of count, sum, mean, min, max, first, last, distinct, age, rfm",
            quote(node->key->text).text);
    return found;
}

static const struct event_type *event_find(
    struct parse *parse, const struct tree_node *node, const struct tree_node *of)
{
    const struct definitions *made = parse->made;
    if (!of) {
        parse_mistake(parse, node->key, "'%s' does not say of which event: give 'of'", quote(node->key->text).text);
        return NULL;
    }
    if (of->kind != TREE_SCALAR) {
        parse_mistake(parse, of, "of must be the name of an event");
        return NULL;
    }
    if (!made->events) /* a mistake in the events as a whole: this feature is not to blame */
        return NULL;
    const struct event_type *event = definitions_event_type(made, of->text);
    if (!event)
        parse_unknown(parse, of, "event", of->text, SUGGEST_FROM(made->events, made->event_count, name));
    return event;
}

/* Fills in all but the name and the members of a family. Returns the aggregation's field. */
static enum field parse_feature(struct parse *parse, const struct tree_node *node, struct feature *feature)
{
    feature->attribute = -1;
    feature->aggregation = AGGREGATION_COUNT;
    if (!parse_is_map(parse, node, "a feature", SIZE_MAX))
        return FIELD_NONE;
    struct parse_field fields[FIELD_NONE];
    memcpy(fields, field_names, sizeof fields);
    parse_fields(parse, node, fields, FIELD_NONE);
    const struct event_type *event = event_find(parse, node, fields[FIELD_OF].node);
    enum field field = aggregation_find(parse, node, fields);
    if (fields[FIELD_WINDOW].node)
        parse_window(parse, fields[FIELD_WINDOW].node, feature);
    if (field == FIELD_AGE)
        parse_age(parse, fields[FIELD_AGE].node, feature);
    if (fields[FIELD_UNIT].node && field == FIELD_AGE)
        parse_unit(parse, fields[FIELD_UNIT].node, feature);
    else if (fields[FIELD_UNIT].node && field != FIELD_NONE)
        parse_mistake(parse, fields[FIELD_UNIT].node->key, "unit goes with age only");
    const struct tree_node *count = field == FIELD_COUNT ? fields[FIELD_COUNT].node : NULL;
    if (count && !(count->kind == TREE_SCALAR && count->plain && bytes_is(count->text, "true")))
        parse_mistake(parse, count, "count takes no attribute: write count: true");
    if (!event)
        return field;
    feature->event = (uint16_t)(event - parse->made->events);
    if (fields[FIELD_WHERE].node)
        parse_where(parse, fields[FIELD_WHERE].node, event, feature);
    if (field != FIELD_NONE && attribute_aggregations[field].types)
        parse_attribute_aggregation(parse, fields[field].node, field, event, feature);
    return field;
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

enum { FAMILY_MEMBERS = 4 };
static const struct {
    const char *suffix;
    enum aggregation aggregation;
} family_members[FAMILY_MEMBERS] = {
    {".frequency", AGGREGATION_RFM_FREQUENCY},
    {".recency", AGGREGATION_RFM_RECENCY},
    {".T", AGGREGATION_RFM_T},
    {".monetary", AGGREGATION_RFM_MONETARY},
};

static struct bytes name_join(struct arena *arena, struct bytes name, const char *suffix)
{
    size_t suffix_length = strlen(suffix);
    uint8_t *joined = arena_alloc(arena, name.length + suffix_length);
    if (name.length)
        memcpy(joined, name.data, name.length);
    memcpy(joined + name.length, suffix, suffix_length);
    return bytes_of(joined, name.length + suffix_length);
}

static int selectable_compare(const void *left, const void *right)
{
    const struct selectable *a = left, *b = right;
    return bytes_compare(a->name, b->name);
}

/* Room for one more at the end of an array in scratch that grows by doubling. */
static void *grown(struct parse *parse, void *array, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return array;
    *capacity = *capacity ? 2 * *capacity : 64;
    void *larger = arena_array(parse->scratch, *capacity, size);
    if (count)
        memcpy(larger, array, count * size);
    return larger;
}

static void selectable_enter(struct parse *parse, struct bytes name, uint32_t count)
{
    struct names *names = &parse->names;
    names->selectables = grown(parse, names->selectables, names->selectable_count, &names->selectable_capacity,
        sizeof *names->selectables);
    names->selectables[names->selectable_count++] = (struct selectable){name, (uint32_t)names->feature_count, count};
}

void feature_enter(struct parse *parse, const struct feature *feature, struct bytes name)
{
    struct names *names = &parse->names;
    if (names->feature_count == FEATURES_MAX) {
        names->refused++;
        return;
    }
    selectable_enter(parse, name, 1);
    names->features =
        grown(parse, names->features, names->feature_count, &names->feature_capacity, sizeof *names->features);
    names->features[names->feature_count] = *feature;
    names->features[names->feature_count++].name = name;
}

void features_finish(struct parse *parse, const struct tree_node *at)
{
    struct names *names = &parse->names;
    if (names->refused) {
        parse_mistake(parse, at,
            "features are too many with the members of families and those derived: %zu (at most %d)",
            names->feature_count + names->refused, FEATURES_MAX);
        parse->features_unread = true;
        names->refused = 0;
    }
    struct feature *features = arena_array(parse->memory, names->feature_count, sizeof *features);
    struct selectable *selectables = arena_array(parse->memory, names->selectable_count, sizeof *selectables);
    if (names->feature_count) {
        memcpy(features, names->features, names->feature_count * sizeof *features);
        memcpy(selectables, names->selectables, names->selectable_count * sizeof *selectables);
    }
    qsort(selectables, names->selectable_count, sizeof *selectables, selectable_compare);
    parse->made->features = features;
    parse->made->feature_count = names->feature_count;
    parse->made_memory->selectables = selectables;
    parse->made_memory->selectable_count = names->selectable_count;
}

static void family_enter(struct parse *parse, const struct feature *feature, struct bytes name)
{
    if (parse->names.feature_count + FAMILY_MEMBERS > FEATURES_MAX) { /* whole or not at all */
        parse->names.refused += FAMILY_MEMBERS;
        return;
    }
    selectable_enter(parse, name, FAMILY_MEMBERS);
    for (size_t i = 0; i < FAMILY_MEMBERS; i++) {
        struct feature member = *feature;
        member.aggregation = family_members[i].aggregation;
        member.type = value_type_of(member.aggregation, feature->attribute_type);
        feature_enter(parse, &member, name_join(parse->memory, name, family_members[i].suffix));
    }
}

void parse_features(struct parse *parse, const struct tree_node *node)
{
    if (!node || tree_is_nothing(node))
        return;
    if (!parse_is_map(parse, node, "features", FEATURES_MAX)) {
        parse->features_unread = true;
        return;
    }
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        struct feature feature = {0};
        parse_name(parse, entry->key, "a feature");
        struct bytes name = arena_copy(parse->memory, entry->key->text);
        enum field field = parse_feature(parse, entry, &feature);
        if (field == FIELD_RFM) {
            family_enter(parse, &feature, name);
            continue;
        }
        /* One whose attribute was not found has a mistake and no type to give. */
        if (feature.attribute_type || feature.aggregation == AGGREGATION_COUNT || field == FIELD_AGE)
            feature.type = value_type_of(feature.aggregation, feature.attribute_type);
        feature_enter(parse, &feature, name);
    }
    features_finish(parse, node);
}

/* --- services ----------------------------------------------------------------------------------------------------- */

static void parse_service(struct parse *parse, const struct tree_node *node, struct service *service)
{
    const struct definitions_memory *names = parse->made_memory;
    parse_name(parse, node->key, "a service");
    service->name = arena_copy(parse->memory, node->key->text);
    if (!parse_is_list(parse, node, "a service", READ_FEATURES_MAX))
        return;
    if (node->count == 0) {
        parse_mistake(parse, node, "service '%s' names no feature", quote(service->name).text);
        return;
    }
    uint32_t *features = arena_array(parse->memory, node->count * FAMILY_MEMBERS, sizeof *features);
    size_t count = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        if (entry->kind != TREE_SCALAR) {
            parse_mistake(parse, entry, "a service must be a list of feature names");
            continue;
        }
        const struct selectable *found = definitions_selectable(parse->made, entry->text);
        if (!found && !parse->features_unread)
            parse_unknown(parse, entry, "feature", entry->text,
                SUGGEST_FROM(names->selectables, names->selectable_count, name));
        for (uint32_t i = 0; found && i < found->count; i++)
            features[count++] = found->first + i;
    }
    if (count > READ_FEATURES_MAX)
        parse_mistake(parse, node, "service '%s' has too many features: %zu (at most %d)", quote(service->name).text,
            count, READ_FEATURES_MAX);
    service->selection = (struct selection){.features = features, .count = count};
}

void parse_services(struct parse *parse, const struct tree_node *node)
{
    if (!node || tree_is_nothing(node) || !parse_is_map(parse, node, "services", SERVICES_MAX))
        return;
    struct service *services = arena_array(parse->memory, node->count, sizeof *services);
    size_t i = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next)
        parse_service(parse, entry, &services[i++]);
    parse->made->services = services;
    parse->made->service_count = node->count;
}
