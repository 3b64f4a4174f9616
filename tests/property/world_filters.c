/* World: random filters and defaults, as the oracle takes them and as the file has them. */
#include <stdlib.h>
#include <string.h>

#include "store/base/check.h"
#include "tests/property/world.h"

/* --- filters -------------------------------------------------------------------------------------------- */

/* A value that events often bring. */
static void pick_scalar(struct world *world, size_t event, size_t attribute, struct oracle_scalar *scalar,
    char written[ORACLE_TEXT_MAX])
{
    const struct oracle_attribute_definition *of = &world->definitions.events[event].attributes[attribute];
    const struct world_value *value = &world->values[event][attribute][dice_below(&world->dice, WORLD_VALUES_MAX)];
    struct oracle_attribute given = world_attribute(world, of, value);
    CHECK(oracle_convert(of->type, &given, scalar));
    if (of->type == ORACLE_BOOL)
        snprintf(written, ORACLE_TEXT_MAX, "%s", value->mantissa ? "true" : "false");
    else if (of->type == ORACLE_STRING)
        snprintf(written, ORACLE_TEXT_MAX, "\"%s\"", value->text);
    else
        snprintf(written, ORACLE_TEXT_MAX, "%s", given.text.data);
}

static void put_list(struct world *world, size_t event, struct oracle_filter *filter)
{
    size_t length = (size_t)snprintf(filter->written, sizeof filter->written, "[");
    for (size_t left = 1 + dice_below(&world->dice, ORACLE_LIST_MAX); left > 0; left--) {
        char written[ORACLE_TEXT_MAX];
        struct oracle_scalar scalar;
        pick_scalar(world, event, filter->attribute, &scalar, written);
        bool had = length + strlen(written) + 4 > sizeof filter->written;
        for (size_t i = 0; i < filter->equal_count && !had; i++)
            had = scalar.number == filter->equals[i].number &&
                  scalar.text_length == filter->equals[i].text_length &&
                  memcmp(scalar.text, filter->equals[i].text, scalar.text_length) == 0;
        if (had)
            continue;
        length += (size_t)snprintf(filter->written + length, sizeof filter->written - length, "%s%s",
            filter->equal_count > 0 ? ", " : "", written);
        filter->equals[filter->equal_count++] = scalar;
    }
    snprintf(filter->written + length, sizeof filter->written - length, "]");
}

/* One bound or both, and something between them. */
static void put_range(struct world *world, size_t event, struct oracle_filter *filter)
{
    struct dice *dice = &world->dice;
    char written[2][ORACLE_TEXT_MAX];
    struct oracle_scalar bounds[2];
    for (size_t i = 0; i < 2; i++)
        pick_scalar(world, event, filter->attribute, &bounds[i], written[i]);
    size_t low = bounds[1].number < bounds[0].number;
    size_t high = 1 - low;
    filter->low = bounds[low].number;
    filter->high = bounds[high].number;
    filter->has_low = dice_chance(dice, 65);
    filter->has_high = !filter->has_low || dice_chance(dice, 65);
    filter->low_open = dice_chance(dice, 50);
    filter->high_open = dice_chance(dice, 50);
    if (filter->low + 2 > filter->high)
        filter->low_open = filter->high_open = false;
    size_t length = (size_t)snprintf(filter->written, sizeof filter->written, "{");
    if (filter->has_low)
        length += (size_t)snprintf(filter->written + length, sizeof filter->written - length, "%s: %s%s",
            filter->low_open ? "more_than" : "at_least", written[low], filter->has_high ? ", " : "");
    if (filter->has_high)
        length += (size_t)snprintf(filter->written + length, sizeof filter->written - length, "%s: %s",
            filter->high_open ? "less_than" : "at_most", written[high]);
    snprintf(filter->written + length, sizeof filter->written - length, "}");
}

void world_filter(struct world *world, size_t event, struct oracle_filter *filters, size_t *count)
{
    const struct oracle_event_type *type = &world->definitions.events[event];
    size_t attribute = dice_below(&world->dice, type->attribute_count);
    for (size_t i = 0; i < *count; i++)
        if (filters[i].attribute == attribute)
            return;
    struct oracle_filter *filter = &filters[(*count)++];
    *filter = (struct oracle_filter){.attribute = attribute};
    enum oracle_attribute_type of = type->attributes[attribute].type;
    bool ordered = of == ORACLE_MONEY || of == ORACLE_NUMBER || of == ORACLE_INTEGER;
    if (ordered && dice_chance(&world->dice, 50)) {
        put_range(world, event, filter);
    } else if (dice_chance(&world->dice, 50)) {
        put_list(world, event, filter);
    } else {
        filter->equal_count = 1;
        pick_scalar(world, event, attribute, &filter->equals[0], filter->written);
    }
}

/* --- defaults ------------------------------------------------------------------------------------------- */

static void put_constant(struct oracle_constant *constant, enum oracle_value_type type, const char *written,
    int64_t mantissa, int places, const char *text)
{
    *constant = (struct oracle_constant){.given = true};
    snprintf(constant->written, sizeof constant->written, "%s", written);
    switch (type) {
    case ORACLE_VALUE_DOUBLE:
        constant->real = strtod(written, NULL);
        return;
    case ORACLE_VALUE_MONEY:
        constant->exact = mantissa;
        for (int i = places; i < 6; i++)
            constant->exact *= 10;
        constant->real = (double)constant->exact / 1e6;
        return;
    case ORACLE_VALUE_INT64:
        constant->given = places == 0;
        constant->integer = mantissa;
        return;
    case ORACLE_VALUE_BOOL:
        constant->integer = mantissa;
        return;
    case ORACLE_VALUE_STRING:
        constant->text_length = strlen(text);
        memcpy(constant->text, text, constant->text_length);
        return;
    }
    IMPOSSIBLE("a type of value outside the list");
}

void world_default(
    struct world *world, const enum oracle_value_type *types, size_t count, struct oracle_constant *constants)
{
    struct dice *dice = &world->dice;
    int64_t mantissa = dice_between(dice, -500, 100000);
    int places = 0;
    const char *text = "";
    char written[ORACLE_TEXT_MAX + 8];
    if (types[0] == ORACLE_VALUE_BOOL) {
        mantissa = (int64_t)dice_below(dice, 2);
        snprintf(written, sizeof written, "%s", mantissa != 0 ? "true" : "false");
    } else if (types[0] == ORACLE_VALUE_STRING) {
        text = world_text(world);
        snprintf(written, sizeof written, "\"%s\"", text);
    } else {
        if (types[count - 1] != ORACLE_VALUE_INT64)
            places = (int)dice_below(dice, 7);
        snprintf(written, sizeof written, "%s", world_decimal(world, mantissa, places, 0).data);
    }
    for (size_t i = 0; i < count; i++)
        put_constant(&constants[i], types[i], written, mantissa, places, text);
}
