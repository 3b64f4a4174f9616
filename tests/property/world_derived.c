/* World: random derived features, as trees over other features, and services. */
#include <stdlib.h>
#include <string.h>

#include "store/base/check.h"
#include "tests/property/world.h"

enum { DERIVED_MAX = 6, DEPTH_MAX = 4, PARTS_MAX = 24, SERVICE_FEATURES = 12 };

#define PICK(dice, array) ((array)[dice_below(dice, sizeof(array) / sizeof *(array))])

/* --- trees ---------------------------------------------------------------------------------------------- */

struct making {
    struct world *world;
    size_t parts_left; /* past them there are leaves only */
};

static enum oracle_value_type operand_type(const struct oracle_definitions *definitions, size_t feature)
{
    enum oracle_value_type type = oracle_feature_type(definitions, feature);
    return type == ORACLE_VALUE_INT64 || type == ORACLE_VALUE_MONEY ? ORACLE_VALUE_DOUBLE : type;
}

static size_t new_expression(struct world *world, enum oracle_operation operation, enum oracle_value_type type)
{
    struct oracle_definitions *definitions = &world->definitions;
    CHECK(definitions->expression_count < ORACLE_EXPRESSIONS_MAX);
    definitions->expressions[definitions->expression_count] =
        (struct oracle_expression){.operation = operation, .type = type};
    return definitions->expression_count++;
}

static void put_text(struct oracle_expression *expression, const char *text)
{
    expression->text_length = strlen(text);
    CHECK(expression->text_length < sizeof expression->text);
    memcpy(expression->text, text, expression->text_length + 1);
}

static size_t literal(struct world *world, enum oracle_value_type type)
{
    static const char *const numbers[] = {"0", "1", "2", "100", "1000000", "0.5", "0.1", "3.25",
        "0.333333333333333333", "12345678901234567890", "30"};
    if (type == ORACLE_VALUE_BOOL) {
        size_t place = new_expression(world, ORACLE_TRUTH_IS, type);
        world->definitions.expressions[place].truth = dice_chance(&world->dice, 50);
        return place;
    }
    size_t place =
        new_expression(world, type == ORACLE_VALUE_STRING ? ORACLE_TEXT_IS : ORACLE_NUMBER_IS, type);
    struct oracle_expression *expression = &world->definitions.expressions[place];
    put_text(expression, type == ORACLE_VALUE_STRING ? world_text(world) : PICK(&world->dice, numbers));
    if (type == ORACLE_VALUE_DOUBLE)
        expression->number = strtod(expression->text, NULL);
    return place;
}

static size_t leaf(struct world *world, enum oracle_value_type type)
{
    const struct oracle_definitions *definitions = &world->definitions;
    for (int attempt = dice_chance(&world->dice, 25) ? 20 : 0; attempt < 20; attempt++) {
        size_t feature = dice_below(&world->dice, definitions->feature_count);
        if (operand_type(definitions, feature) != type)
            continue;
        size_t place = new_expression(world, ORACLE_FEATURE_IS, type);
        world->definitions.expressions[place].feature = feature;
        return place;
    }
    return literal(world, type);
}

static enum oracle_operation pick_operation(struct dice *dice, enum oracle_value_type type)
{
    static const enum oracle_operation numbers[] = {ORACLE_PLUS, ORACLE_MINUS, ORACLE_TIMES, ORACLE_OVER, ORACLE_OVER,
        ORACLE_NEGATIVE, ORACLE_IF, ORACLE_COALESCE, ORACLE_LEAST, ORACLE_GREATEST, ORACLE_LN, ORACLE_SQRT,
        ORACLE_ABS};
    static const enum oracle_operation truths[] = {ORACLE_OR, ORACLE_AND, ORACLE_NOT, ORACLE_EQUAL, ORACLE_UNEQUAL,
        ORACLE_LESS, ORACLE_AT_MOST, ORACLE_MORE, ORACLE_AT_LEAST, ORACLE_IF, ORACLE_COALESCE};
    static const enum oracle_operation texts[] = {ORACLE_IF, ORACLE_COALESCE};
    return type == ORACLE_VALUE_DOUBLE ? PICK(dice, numbers)
           : type == ORACLE_VALUE_BOOL ? PICK(dice, truths)
                                       : PICK(dice, texts);
}

static size_t count_arguments(struct dice *dice, enum oracle_operation operation)
{
    switch (operation) {
    case ORACLE_NOT:
    case ORACLE_NEGATIVE:
    case ORACLE_LN:
    case ORACLE_SQRT:
    case ORACLE_ABS:
        return 1;
    case ORACLE_IF:
        return 3;
    case ORACLE_COALESCE:
        return 1 + dice_below(dice, ORACLE_ARGUMENTS_MAX);
    case ORACLE_LEAST:
    case ORACLE_GREATEST:
        return 2 + dice_below(dice, ORACLE_ARGUMENTS_MAX - 1);
    default:
        return 2;
    }
}

/* What its arguments are of. */
static enum oracle_value_type argument_type(
    struct dice *dice, enum oracle_operation operation, enum oracle_value_type type)
{
    static const enum oracle_value_type any[] = {
        ORACLE_VALUE_DOUBLE, ORACLE_VALUE_DOUBLE, ORACLE_VALUE_BOOL, ORACLE_VALUE_STRING};
    if (operation == ORACLE_EQUAL || operation == ORACLE_UNEQUAL)
        return PICK(dice, any);
    bool compares = operation >= ORACLE_LESS && operation <= ORACLE_AT_LEAST;
    return compares ? ORACLE_VALUE_DOUBLE : type;
}

/* Its place. Arguments come after the call itself, which is filled in by place: the array does not move. */
static size_t grow_tree(struct making *making, enum oracle_value_type type, size_t depth)
{
    struct dice *dice = &making->world->dice;
    if (depth == 0 || making->parts_left < ORACLE_ARGUMENTS_MAX + 1 || dice_chance(dice, depth < DEPTH_MAX ? 20 : 0))
        return leaf(making->world, type);
    enum oracle_operation operation = pick_operation(dice, type);
    size_t place = new_expression(making->world, operation, type);
    struct oracle_expression *expression = &making->world->definitions.expressions[place];
    expression->argument_count = count_arguments(dice, operation);
    enum oracle_value_type of = argument_type(dice, operation, type);
    making->parts_left -= expression->argument_count;
    for (size_t i = 0; i < expression->argument_count; i++) {
        bool condition = operation == ORACLE_IF && i == 0;
        expression->arguments[i] = grow_tree(making, condition ? ORACLE_VALUE_BOOL : of, depth - 1);
    }
    return place;
}

/* --- derived features ----------------------------------------------------------------------------------- */

static void add_default(struct world *world, struct oracle_feature *feature, size_t place)
{
    enum oracle_value_type type = oracle_feature_type(&world->definitions, place);
    if (dice_chance(&world->dice, 25))
        world_default(world, &type, 1, &feature->otherwise);
}

static void add_derived(struct world *world)
{
    static const enum oracle_value_type types[] = {
        ORACLE_VALUE_DOUBLE, ORACLE_VALUE_DOUBLE, ORACLE_VALUE_DOUBLE, ORACLE_VALUE_BOOL, ORACLE_VALUE_STRING};
    struct oracle_definitions *definitions = &world->definitions;
    struct making making = {world, PARTS_MAX};
    struct oracle_feature *feature = &definitions->features[definitions->feature_count];
    *feature = (struct oracle_feature){.aggregation = ORACLE_DERIVED};
    feature->expression =
        grow_tree(&making, PICK(&world->dice, types), (size_t)dice_between(&world->dice, 1, DEPTH_MAX));
    snprintf(feature->name, sizeof feature->name, "d%u", world->features++);
    add_default(world, feature, definitions->feature_count++);
}

static size_t find_feature(const struct oracle_definitions *definitions, const char *name)
{
    size_t place = 0;
    while (place < definitions->feature_count && strcmp(definitions->features[place].name, name) != 0)
        place++;
    return place;
}

/* Are all the features that it is made of still there? */
static bool still_stands(
    const struct oracle_definitions *now, const struct oracle_definitions *before, size_t expression)
{
    const struct oracle_expression *of = &before->expressions[expression];
    if (of->operation == ORACLE_FEATURE_IS)
        return find_feature(now, before->features[of->feature].name) < now->feature_count;
    for (size_t i = 0; i < of->argument_count; i++)
        if (!still_stands(now, before, of->arguments[i]))
            return false;
    return true;
}

static size_t copy_tree(struct world *world, const struct oracle_definitions *before, size_t expression)
{
    const struct oracle_expression *of = &before->expressions[expression];
    size_t place = new_expression(world, of->operation, of->type);
    struct oracle_expression *copy = &world->definitions.expressions[place];
    *copy = *of;
    if (of->operation == ORACLE_FEATURE_IS)
        copy->feature = find_feature(&world->definitions, before->features[of->feature].name);
    for (size_t i = 0; i < of->argument_count; i++)
        copy->arguments[i] = copy_tree(world, before, of->arguments[i]);
    return place;
}

static void keep_derived(struct world *world, const struct oracle_definitions *before)
{
    struct oracle_definitions *definitions = &world->definitions;
    for (size_t i = world_plain_features(before); i < before->feature_count; i++) {
        const struct oracle_feature *old = &before->features[i];
        if (!still_stands(definitions, before, old->expression) || !dice_chance(&world->dice, 60))
            continue;
        struct oracle_feature *feature = &definitions->features[definitions->feature_count];
        *feature = *old;
        feature->expression = copy_tree(world, before, old->expression);
        definitions->feature_count++;
    }
}

static bool is_made_of(const struct oracle_definitions *definitions, size_t expression, size_t feature)
{
    const struct oracle_expression *of = &definitions->expressions[expression];
    if (of->operation == ORACLE_FEATURE_IS)
        return of->feature == feature;
    for (size_t i = 0; i < of->argument_count; i++)
        if (is_made_of(definitions, of->arguments[i], feature))
            return true;
    return false;
}

/* The derived features stand in the file as they like; in their list, each comes after its operands, and among those
 * that may come next the file's first. */
static void shuffle(struct world *world, size_t plain)
{
    struct oracle_definitions *definitions = &world->definitions;
    struct oracle_feature old[DERIVED_MAX];
    size_t now_at[DERIVED_MAX]; /* SIZE_MAX: not placed yet */
    size_t count = definitions->feature_count - plain;
    for (size_t i = 0; i < count; i++) {
        size_t other = dice_below(&world->dice, i + 1);
        definitions->features[plain + i].place = other;
        for (size_t j = 0; j < i; j++)
            definitions->features[plain + j].place += definitions->features[plain + j].place >= other;
        now_at[i] = SIZE_MAX;
    }
    memcpy(old, &definitions->features[plain], count * sizeof *old);
    for (size_t placed = 0; placed < count; placed++) {
        size_t next = SIZE_MAX;
        for (size_t i = 0; i < count; i++) {
            bool ready = now_at[i] == SIZE_MAX;
            for (size_t j = 0; j < count && ready; j++)
                ready = now_at[j] != SIZE_MAX || !is_made_of(definitions, old[i].expression, plain + j);
            if (ready && (next == SIZE_MAX || old[i].place < old[next].place))
                next = i;
        }
        CHECK(next != SIZE_MAX);
        now_at[next] = plain + placed;
        definitions->features[plain + placed] = old[next];
    }
    for (size_t i = 0; i < definitions->expression_count; i++)
        if (definitions->expressions[i].operation == ORACLE_FEATURE_IS && definitions->expressions[i].feature >= plain)
            definitions->expressions[i].feature = now_at[definitions->expressions[i].feature - plain];
}

void world_derived(struct world *world, const struct oracle_definitions *before)
{
    struct oracle_definitions *definitions = &world->definitions;
    size_t plain = definitions->feature_count;
    keep_derived(world, before);
    size_t kept = definitions->feature_count - plain;
    for (size_t more = dice_below(&world->dice, DERIVED_MAX - kept + 1); more > 0; more--)
        add_derived(world);
    shuffle(world, plain);
}

/* --- services ------------------------------------------------------------------------------------------- */

static void add_service(struct world *world)
{
    struct oracle_definitions *definitions = &world->definitions;
    struct dice *dice = &world->dice;
    struct oracle_service *service = &definitions->services[definitions->service_count++];
    memset(service, 0, sizeof *service);
    snprintf(service->name, sizeof service->name, "s%u", world->features++);
    bool defaults = dice_chance(dice, 60);
    for (size_t tries = 1 + dice_below(dice, SERVICE_FEATURES); tries > 0; tries--) {
        size_t feature = dice_below(dice, definitions->feature_count);
        bool had = false;
        for (size_t i = 0; i < service->feature_count; i++)
            had = had || service->features[i] == feature;
        if (had)
            continue;
        enum oracle_value_type type = oracle_feature_type(definitions, feature);
        if (defaults && dice_chance(dice, 50))
            world_default(world, &type, 1, &service->defaults[service->feature_count]);
        service->features[service->feature_count++] = feature;
    }
}

void world_services(struct world *world)
{
    world->definitions.service_count = 0;
    for (size_t more = dice_below(&world->dice, ORACLE_SERVICES_MAX + 1); more > 0; more--)
        add_service(world);
}
