/* World: what protects customers from being joined wrongly. Mild enough that histories go on merging. */
#include <stdio.h>
#include <string.h>

#include "tests/property/world.h"

#define PICK(dice, array) ((array)[dice_below(dice, sizeof(array) / sizeof *(array))])

/* --- identifier types -------------------------------------------------------------------------------------- */

/* They find what pools hold and no made-up identifier, and mean the same to every kind of regular expressions. */
static void put_patterns(struct world *world, struct oracle_identifier_type *of)
{
    static const char *const patterns[] = {
        "^[a-d][%u%u]", "^[A-F][0-%u]$", "^(a|b|c)%u+@x[.]org$", "[a-d]%u", "^b%u|^c[0-%u]"};
    struct dice *dice = &world->dice;
    of->pattern_count = 0;
    if (!dice_chance(dice, 25))
        return;
    size_t first = dice_below(dice, 5);
    for (size_t left = 1 + dice_below(dice, ORACLE_PATTERNS_MAX); left > 0; left--) {
        unsigned digits[] = {(unsigned)dice_below(dice, 4), (unsigned)dice_below(dice, 8)};
        char *text = of->patterns[of->pattern_count++];
        const char *at = patterns[(first + left) % 5];
        size_t length = 0, digit = 0;
        for (; *at; at++) {
            if (*at == '%') {
                text[length++] = (char)('0' + digits[digit++]);
                at++;
            } else {
                text[length++] = *at;
            }
        }
        text[length] = '\0';
    }
}

/* Types that let customers merge stay without what would keep fresh ones apart. */
static void protect_type(struct world *world, size_t type)
{
    static const int64_t windows[] = {
        WORLD_MINUTE, WORLD_HOUR, 5 * WORLD_HOUR, WORLD_DAY, 3 * WORLD_DAY, 30 * WORLD_DAY, 365 * WORLD_DAY};
    struct dice *dice = &world->dice;
    struct oracle_identifier_type *of = &world->definitions.identifiers[type];
    bool loose = type == world->loose_type;
    of->weak = dice_chance(dice, world->keen ? 60 : 30);
    of->keep = dice_chance(dice, 15);
    of->never_links = !loose && dice_chance(dice, 8);
    of->unique = !loose && !of->never_links && dice_chance(dice, 15);
    of->per_us = 0;
    put_patterns(world, of);
    if (of->never_links || of->unique)
        of->max = 0;
    else if (of->max != 0 && dice_chance(dice, 40))
        of->per_us = PICK(dice, windows);
    if (of->never_links) {
        of->weak = of->keep = false;
        of->never_link_count = of->pattern_count = 0;
    }
}

/* --- identity ---------------------------------------------------------------------------------------------- */

static bool is_lifelong(const struct oracle_definitions *definitions, size_t feature);

static bool parts_are_lifelong(const struct oracle_definitions *definitions, size_t expression)
{
    const struct oracle_expression *of = &definitions->expressions[expression];
    bool all = of->operation != ORACLE_FEATURE_IS || is_lifelong(definitions, of->feature);
    for (size_t i = 0; i < of->argument_count && all; i++)
        all = parts_are_lifelong(definitions, of->arguments[i]);
    return all;
}

/* Over everything, with all that it is worked out from. */
static bool is_lifelong(const struct oracle_definitions *definitions, size_t feature)
{
    const struct oracle_feature *of = &definitions->features[feature];
    return of->aggregation == ORACLE_DERIVED ? parts_are_lifelong(definitions, of->expression)
                                             : of->window_us == 0;
}

/* A number or money that is there or not: no default, nothing stale, no family. */
static bool is_worth(const struct oracle_definitions *definitions, size_t feature)
{
    const struct oracle_feature *of = &definitions->features[feature];
    enum oracle_value_type type = oracle_feature_type(definitions, feature);
    return is_lifelong(definitions, feature) && of->max_age_us == 0 && !of->otherwise.given &&
           strchr(of->name, '.') == NULL && (type == ORACLE_VALUE_DOUBLE || type == ORACLE_VALUE_MONEY);
}

static bool pick_worth(struct world *world, size_t *feature)
{
    const struct oracle_definitions *definitions = &world->definitions;
    size_t first = dice_below(&world->dice, definitions->feature_count);
    for (size_t i = 0; i < definitions->feature_count; i++) {
        *feature = (first + i) % definitions->feature_count;
        if (is_worth(definitions, *feature))
            return true;
    }
    return false;
}

static const struct {
    double value;
    const char *written;
} BOUNDS[] = {{0.5, "0.5"}, {1, "1"}, {12.5, "12.5"}, {50, "50"}, {99.99, "99.99"}, {1000, "1000"},
    {1e6, "1000000"}, {1e12, "1000000000000"}};
enum { BOUND_COUNT = sizeof BOUNDS / sizeof *BOUNDS };

static void put_bound(bool *has, double *value, char *written, size_t bound)
{
    *has = true;
    *value = BOUNDS[bound].value;
    snprintf(written, ORACLE_NAME_MAX, "%s", BOUNDS[bound].written);
}

/* A second person is never asked for below what asks for the first. */
static void protect_by_value(struct world *world, struct oracle_protection *protection)
{
    struct dice *dice = &world->dice;
    size_t least = dice_below(dice, world->keen ? 4 : BOUND_COUNT);
    size_t more = least + dice_below(dice, world->keen ? 2 : BOUND_COUNT - least);
    protection->by_value = true;
    bool either = dice_chance(dice, 60);
    if (either)
        put_bound(&protection->has_either, &protection->either, protection->either_written,
            dice_chance(dice, 50) ? more : least);
    if (!either || dice_chance(dice, 60))
        put_bound(&protection->has_both, &protection->both, protection->both_written, least);
    if (dice_chance(dice, world->keen ? 80 : 50))
        put_bound(&protection->has_second, &protection->second, protection->second_written, more);
}

void world_protect(struct world *world)
{
    static const int64_t expiries[] = {
        WORLD_HOUR, 6 * WORLD_HOUR, WORLD_DAY, 4 * WORLD_DAY, 30 * WORLD_DAY, 3660 * WORLD_DAY};
    struct dice *dice = &world->dice;
    struct oracle_protection *protection = &world->definitions.protection;
    *protection = (struct oracle_protection){0};
    for (size_t type = 0; type < world->definitions.identifier_count; type++)
        protect_type(world, type);
    if (dice_chance(dice, 30))
        protection->size_max = (uint32_t)dice_between(dice, 5, 16);
    if (dice_chance(dice, world->keen ? 50 : 30))
        protection->size_review = (uint32_t)dice_between(dice, 2, 4);
    if (dice_chance(dice, world->keen ? 60 : 30))
        protection->bridge = (uint32_t)dice_between(dice, world->keen ? 1 : 2, 3);
    if (dice_chance(dice, world->keen ? 80 : 30) && pick_worth(world, &protection->value))
        protect_by_value(world, protection);
    if (dice_chance(dice, 60))
        protection->expires_us = PICK(dice, expiries);
}

void world_unprotect(struct world *world)
{
    world->definitions.protection = (struct oracle_protection){0};
    struct oracle_identifier_type *loose = &world->definitions.identifiers[world->loose_type];
    loose->max = 0;
    loose->per_us = 0;
}
