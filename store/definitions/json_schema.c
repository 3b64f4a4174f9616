#include "store/definitions/json_schema.h"

#include <json-c/json.h>
#include <stdio.h>

#include "store/base/limits.h"
#include "store/definitions/expression.h"
#include "store/definitions/grammar.h"
#include "store/definitions/pattern.h"

/* As parse_name and the readers of durations and currencies take them. */
#define NAME_PATTERN "^[A-Za-z_][A-Za-z0-9_]*$"
#define MEMBER_PATTERN "^[A-Za-z_][A-Za-z0-9_]*(\\.[A-Za-z0-9_]+)?$"
#define DURATION_PATTERN "^[0-9]{1,9}[mhdw]$"
#define CURRENCY_PATTERN "^[A-Z]{3}$"

static void put(struct json_object *to, const char *key, struct json_object *value)
{
    CHECK(json_object_object_add(to, key, value) == 0);
}

static void put_text(struct json_object *to, const char *key, const char *text)
{
    put(to, key, json_object_new_string(text));
}

static void append(struct json_object *to, struct json_object *value)
{
    CHECK(json_object_array_add(to, value) == 0);
}

static struct json_object *text_of(struct bytes bytes)
{
    return json_object_new_string_len((const char *)bytes.data, (int)bytes.length);
}

static struct json_object *list_of(const char *const *texts, size_t count)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        append(list, json_object_new_string(texts[i]));
    return list;
}

static struct json_object *typed(const char *type)
{
    struct json_object *made = json_object_new_object();
    put_text(made, "type", type);
    return made;
}

/* What YAML makes of a scalar without quotes is text to the checker all the same. */
static struct json_object *any_scalar(void)
{
    static const char *const types[] = {"string", "number", "boolean"};
    struct json_object *made = json_object_new_object();
    put(made, "type", list_of(types, sizeof types / sizeof types[0]));
    return made;
}

static struct json_object *name_shape(const struct grammar_shape *shape)
{
    struct json_object *made = typed("string");
    put_text(made, "pattern", shape->members_too ? MEMBER_PATTERN : NAME_PATTERN);
    put(made, "maxLength", json_object_new_int(shape->members_too ? 2 * NAME_BYTES_MAX : NAME_BYTES_MAX));
    return made;
}

static struct json_object *word_shape(const struct grammar_shape *shape)
{
    struct json_object *made = json_object_new_object(), *words = json_object_new_array();
    for (size_t i = 0; i < shape->word_count; i++)
        append(words, text_of(shape->words[i]));
    put(made, "enum", words);
    return made;
}

/* --- what the table does not say ---------------------------------------------------------------------------------- */

static void require_one_aggregation(struct json_object *to)
{
    struct json_object *choices = json_object_new_array();
    for (int key = FEATURE_COUNT; key < FEATURE_KEYS; key++) {
        struct json_object *choice = json_object_new_object(), *names = json_object_new_array();
        append(names, text_of(grammar_feature.keys[key].name));
        put(choice, "required", names);
        append(choices, choice);
    }
    put(to, "oneOf", choices);
}

/* A key that says nothing without the other. */
struct dependency {
    int key, needs;
};

static void put_dependencies(
    struct json_object *to, const struct grammar_shape *shape, const struct dependency *pairs, size_t count)
{
    struct json_object *made = json_object_new_object();
    for (size_t i = 0; i < count; i++) {
        struct json_object *names = json_object_new_array();
        append(names, text_of(shape->keys[pairs[i].needs].name));
        put(made, (const char *)shape->keys[pairs[i].key].name.data, names);
    }
    put(to, "dependentRequired", made);
}

static void put_dependencies_of(struct json_object *to, const struct grammar_shape *shape)
{
    static const struct dependency of_feature[] = {
        {FEATURE_OFFSET, FEATURE_WINDOW},
        {FEATURE_UNIT, FEATURE_AGE},
        {FEATURE_HALF_LIFE, FEATURE_DECAYED},
        {FEATURE_DECAYED, FEATURE_HALF_LIFE},
        {FEATURE_K, FEATURE_TOP},
        {FEATURE_BY, FEATURE_TOP},
    };
    static const struct dependency of_identifier[] = {{IDENTIFIER_PER, IDENTIFIER_MAX}};
    static const struct dependency of_identity[] = {
        {IDENTITY_REVIEW_EITHER, IDENTITY_VALUE},
        {IDENTITY_REVIEW_BOTH, IDENTITY_VALUE},
        {IDENTITY_SECOND_PERSON, IDENTITY_VALUE},
    };
    if (shape == &grammar_feature)
        put_dependencies(to, shape, of_feature, sizeof of_feature / sizeof of_feature[0]);
    else if (shape == &grammar_identifier)
        put_dependencies(to, shape, of_identifier, sizeof of_identifier / sizeof of_identifier[0]);
    else if (shape == &grammar_identity)
        put_dependencies(to, shape, of_identity, sizeof of_identity / sizeof of_identity[0]);
}

/* One bound at least, and none of a kind twice. */
static void bound_range(struct json_object *to)
{
    static const enum range_key pairs[][2] = {{RANGE_AT_LEAST, RANGE_MORE_THAN}, {RANGE_AT_MOST, RANGE_LESS_THAN}};
    struct json_object *both = json_object_new_array();
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        struct json_object *refused = json_object_new_object(), *pair = json_object_new_object();
        struct json_object *names = json_object_new_array();
        append(names, text_of(grammar_range.keys[pairs[i][0]].name));
        append(names, text_of(grammar_range.keys[pairs[i][1]].name));
        put(pair, "required", names);
        put(refused, "not", pair);
        append(both, refused);
    }
    put(to, "minProperties", json_object_new_int(1));
    put(to, "allOf", both);
}

/* --- shapes ------------------------------------------------------------------------------------------------------- */

/* The table is a tree of a few levels. */
static struct json_object *shape_schema(const struct grammar_shape *shape); /* NOLINT(misc-no-recursion) */

static void put_bounds(struct json_object *to, const struct grammar_shape *shape, const char *least, const char *most)
{
    if (shape->least > 0)
        put(to, least, json_object_new_int64(shape->least));
    if (shape->most > 0)
        put(to, most, json_object_new_int64(shape->most));
}

static struct json_object *map_shape(const struct grammar_shape *shape) /* NOLINT(misc-no-recursion) */
{
    struct json_object *made = typed("object"), *names = name_shape(shape);
    json_object_object_del(names, "type"); /* a key is a text in any case */
    if (shape->reserved_count > 0) {
        struct json_object *refused = json_object_new_object(), *words = json_object_new_array();
        for (size_t i = 0; i < shape->reserved_count; i++)
            append(words, text_of(shape->reserved[i].name));
        put(refused, "enum", words);
        put(names, "not", refused);
    }
    put(made, "propertyNames", names);
    put_bounds(made, shape, "minProperties", "maxProperties");
    put(made, "additionalProperties", shape_schema(shape->of));
    return made;
}

/* Says of an object, which has its head already, what its keys are. */
static void put_keys(struct json_object *made, const struct grammar_shape *shape) /* NOLINT(misc-no-recursion) */
{
    struct json_object *properties = json_object_new_object(), *required = json_object_new_array();
    put_text(made, "type", "object");
    for (size_t i = 0; i < shape->key_count; i++) {
        const struct grammar_key *key = &shape->keys[i];
        struct json_object *property = shape_schema(key->shape);
        put_text(property, "description", key->description);
        if (shape == &grammar_root && i == ROOT_CURRENCY)
            put_text(property, "pattern", CURRENCY_PATTERN);
        put(properties, (const char *)key->name.data, property);
        if (key->required)
            append(required, text_of(key->name));
    }
    put(made, "properties", properties);
    if (json_object_array_length(required) > 0)
        put(made, "required", required);
    else
        json_object_put(required);
    put(made, "additionalProperties", json_object_new_boolean(false));
    put_dependencies_of(made, shape);
    if (shape == &grammar_feature)
        require_one_aggregation(made);
    else if (shape == &grammar_range)
        bound_range(made);
}

static struct json_object *list_shape(const struct grammar_shape *shape) /* NOLINT(misc-no-recursion) */
{
    struct json_object *made = typed("array");
    put(made, "items", shape_schema(shape->of));
    put_bounds(made, shape, "minItems", "maxItems");
    if (shape->each_once)
        put(made, "uniqueItems", json_object_new_boolean(true));
    return made;
}

static struct json_object *either_shape(const struct grammar_shape *shape) /* NOLINT(misc-no-recursion) */
{
    struct json_object *made = json_object_new_object(), *choices = json_object_new_array();
    for (size_t i = 0; i < shape->choice_count; i++)
        append(choices, shape_schema(shape->choices[i]));
    put(made, "anyOf", choices);
    return made;
}

static struct json_object *shape_of_kind(const struct grammar_shape *shape) /* NOLINT(misc-no-recursion) */
{
    struct json_object *made;
    switch (shape->kind) {
    case GRAMMAR_TEXT:
        made = any_scalar();
        put(made, "minLength", json_object_new_int(1));
        return made;
    case GRAMMAR_SCALAR:
        return any_scalar();
    case GRAMMAR_NAME:
        return name_shape(shape);
    case GRAMMAR_WORD:
        return word_shape(shape);
    case GRAMMAR_TRUE:
        made = json_object_new_object();
        put(made, "const", json_object_new_boolean(true));
        return made;
    case GRAMMAR_BOOL:
        return typed("boolean");
    case GRAMMAR_PATTERN:
        made = any_scalar();
        put(made, "minLength", json_object_new_int(1));
        put(made, "maxLength", json_object_new_int(PATTERN_BYTES_MAX));
        return made;
    case GRAMMAR_WHOLE:
        made = typed("integer");
        put(made, "minimum", json_object_new_int64(shape->least));
        put(made, "maximum", json_object_new_int64(shape->most));
        return made;
    case GRAMMAR_AMOUNT:
        made = typed("number");
        put(made, "minimum", json_object_new_int(0));
        return made;
    case GRAMMAR_LIKELY:
        made = typed("number");
        put(made, "exclusiveMinimum", json_object_new_double_s(0.5, "0.5"));
        put(made, "exclusiveMaximum", json_object_new_int(1));
        return made;
    case GRAMMAR_DURATION:
        made = typed("string");
        put_text(made, "pattern", DURATION_PATTERN);
        return made;
    case GRAMMAR_EXPRESSION:
        made = any_scalar(); /* "derived: {one: 1}" */
        put(made, "maxLength", json_object_new_int(EXPRESSION_BYTES_MAX));
        return made;
    case GRAMMAR_LIST:
        return list_shape(shape);
    case GRAMMAR_MAP:
        return map_shape(shape);
    case GRAMMAR_KEYS:
        made = json_object_new_object();
        put_keys(made, shape);
        return made;
    case GRAMMAR_EITHER:
        return either_shape(shape);
    }
    IMPOSSIBLE("a shape outside the list");
}

static struct json_object *shape_schema(const struct grammar_shape *shape) /* NOLINT(misc-no-recursion) */
{
    struct json_object *made = shape_of_kind(shape);
    if (!shape->nothing_too)
        return made;
    struct json_object *either = json_object_new_object(), *choices = json_object_new_array();
    append(choices, made);
    append(choices, typed("null"));
    put(either, "anyOf", choices);
    return either;
}

void definitions_json_schema(struct encoder *to)
{
    struct json_object *schema = json_object_new_object();
    put_text(schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
    put_text(schema, "$id", "urn:patron:definitions");
    put_text(schema, "title", "Patron definitions");
    put_text(schema, "description", "What comes in and what is served: the file that patrond takes as --definitions.");
    put_keys(schema, &grammar_root);
    const char *text = json_object_to_json_string_ext(
        schema, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED | JSON_C_TO_STRING_NOSLASHESCAPE);
    encode_raw(to, text, strlen(text));
    encode_raw(to, "\n", 1);
    json_object_put(schema);
}
