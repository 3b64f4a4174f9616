#include <stdlib.h>

#include "store/base/decimal.h"
#include "store/definitions/parse.h"

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

static bool bool_from_text(struct bytes text, int128 *value)
{
    *value = bytes_is(text, "true");
    return *value || bytes_is(text, "false");
}

/* --- of attributes ------------------------------------------------------------------------------------------------ */

static bool number_of_attribute(
    const struct tree_node *node, enum attribute_type type, int128 *number, struct error *error)
{
    if (!node->plain)
        return false;
    switch (type) {
    case ATTRIBUTE_MONEY: {
        int64_t micros = 0;
        enum patron_code code = money_from_text(node->text, &micros, error);
        *number = micros;
        return code == PATRON_OK;
    }
    case ATTRIBUTE_NUMBER:
        return number_from_text(node->text, number, error) == PATRON_OK;
    case ATTRIBUTE_INTEGER:
        return integer_from_text(node->text, number);
    case ATTRIBUTE_BOOL:
        return bool_from_text(node->text, number);
    case ATTRIBUTE_TEXT:
        break;
    }
    IMPOSSIBLE("a number of a text attribute");
}

bool parse_constant(
    struct parse *parse, const struct tree_node *node, const struct attribute *attribute, struct scalar *scalar)
{
    *scalar = (struct scalar){.type = attribute->type};
    if (node->kind != TREE_SCALAR || tree_is_nothing(node)) {
        parse_mistake(parse, node, "'%.*s' must be compared with one value here", BYTES_ARGUMENTS(attribute->name));
        return false;
    }
    if (attribute->type == ATTRIBUTE_TEXT) {
        if (node->text.length > TEXT_ATTRIBUTE_BYTES_MAX) {
            parse_mistake(parse, node, "'%.*s' is compared with %zu bytes: it has at most %d",
                BYTES_ARGUMENTS(attribute->name), node->text.length, TEXT_ATTRIBUTE_BYTES_MAX);
            return false;
        }
        scalar->text = arena_copy(parse->memory, node->text);
        return true;
    }
    struct error error = {.text = ""};
    if (number_of_attribute(node, attribute->type, &scalar->number, &error))
        return true;
    const char *type = attribute_type_name(attribute->type);
    if (error.text[0])
        parse_mistake(
            parse, node, "'%.*s' is %s, and the value %s", BYTES_ARGUMENTS(attribute->name), type, error.text);
    else
        parse_mistake(parse, node, "'%.*s' is %s: write %s without quotes", BYTES_ARGUMENTS(attribute->name), type,
            attribute->type == ATTRIBUTE_BOOL          ? "true or false"
                : attribute->type == ATTRIBUTE_INTEGER ? "a whole number below 2^53"
                                                       : "a number");
    return false;
}

/* --- defaults ----------------------------------------------------------------------------------------------------- */

/* How a default of the type is written. */
static const char *default_words(enum value_type type)
{
    switch (type) {
    case VALUE_DOUBLE:
        return "a number below 2^53, without quotes";
    case VALUE_INT64:
        return "a whole number below 2^53, without quotes";
    case VALUE_BOOL:
        return "true or false, without quotes";
    case VALUE_TEXT:
        return "a text of at most 1024 bytes";
    case VALUE_MONEY:
        return "an amount of at most 6 decimals, without quotes";
    }
    IMPOSSIBLE("a value of no type");
}
_Static_assert(TEXT_ATTRIBUTE_BYTES_MAX == 1024, "as default_words says");

static bool double_from_text(struct bytes text, struct arena *scratch, double *real)
{
    int128 fixed;
    struct error error;
    if (number_from_text(text, &fixed, &error) != PATRON_OK)
        return false;
    *real = strtod(arena_string(scratch, text), NULL) + 0.0; /* -0.0 is 0.0 */
    return true;
}

bool parse_number(struct parse *parse, const struct tree_node *node, double *number)
{
    return node->kind == TREE_SCALAR && node->plain && double_from_text(node->text, parse->scratch, number);
}

static bool default_read(struct parse *parse, const struct tree_node *node, struct value *value)
{
    if (node->kind != TREE_SCALAR || tree_is_nothing(node))
        return false;
    if (value->type == VALUE_TEXT) {
        value->text = arena_copy(parse->memory, node->text);
        return node->text.length <= TEXT_ATTRIBUTE_BYTES_MAX;
    }
    int128 number = 0;
    int64_t micros = 0;
    bool good = false;
    struct error error;
    if (!node->plain)
        return false;
    switch ((enum value_type)value->type) {
    case VALUE_DOUBLE:
        return double_from_text(node->text, parse->scratch, &value->real);
    case VALUE_MONEY:
        good = money_from_text(node->text, &micros, &error) == PATRON_OK;
        value->exact = micros;
        value->real = (double)value->exact / MONEY_SCALE;
        return good;
    case VALUE_INT64:
        good = integer_from_text(node->text, &number);
        break;
    case VALUE_BOOL:
        good = bool_from_text(node->text, &number);
        break;
    case VALUE_TEXT:
        IMPOSSIBLE("a text read as a number");
    }
    value->integer = (int64_t)number;
    return good;
}

const struct value *parse_default_if(struct parse *parse, const struct tree_node *node, enum value_type type)
{
    struct value *value = arena_alloc(parse->memory, sizeof *value);
    value->type = (uint8_t)type;
    value->status = STATUS_DEFAULT;
    return default_read(parse, node, value) ? value : NULL;
}

void parse_default_mistake(struct parse *parse, const struct tree_node *node, enum value_type type)
{
    /* Of a service's defaults the key is the feature's name. */
    if (bytes_is(node->key->text, "default"))
        parse_mistake(parse, node, "default must be %s: the feature is %s", default_words(type), value_type_name(type));
    else
        parse_mistake(parse, node, "the default of '%s' must be %s: the feature is %s", quote(node->key->text).text,
            default_words(type), value_type_name(type));
}

const struct value *parse_default(struct parse *parse, const struct tree_node *node, enum value_type type)
{
    if (!type)
        return NULL;
    const struct value *value = parse_default_if(parse, node, type);
    if (!value)
        parse_default_mistake(parse, node, type);
    return value;
}
