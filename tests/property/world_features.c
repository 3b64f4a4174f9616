/* World: random features. Each history begins with one that its number picks, so that a run of histories covers every
 * aggregation with every class of window. */
#include <string.h>

#include "store/base/check.h"
#include "tests/property/world.h"

/* The families' four members come as one. */
static const enum oracle_aggregation AGGREGATIONS[] = {ORACLE_COUNT, ORACLE_SUM, ORACLE_MEAN, ORACLE_MIN,
    ORACLE_MAX, ORACLE_FIRST, ORACLE_LAST, ORACLE_DISTINCT, ORACLE_AGE_FIRST, ORACLE_AGE_LAST,
    ORACLE_RFM_FREQUENCY};

enum { AGGREGATION_CHOICES = 11, FEATURES_MIN = 3, FEATURES_RANDOM_MAX = 15 };

static int64_t random_window(struct dice *dice, enum world_hop hop)
{
    static const int64_t minutes[] = {5, 6, 7, 10, 59, 60, 61, 90, 360, 719};
    static const int64_t hours[] = {12, 13, 24, 25, 48, 168, 264, 287};
    static const int64_t days[] = {12, 13, 14, 30, 90, 365, 3660};
    switch (hop) {
    case WORLD_MINUTES:
        return minutes[dice_below(dice, sizeof minutes / sizeof *minutes)] * WORLD_MINUTE;
    case WORLD_HOURS:
        if (dice_chance(dice, 20))
            return dice_between(dice, 12 * 60, 12 * 24 * 60 - 1) * WORLD_MINUTE;
        return hours[dice_below(dice, sizeof hours / sizeof *hours)] * WORLD_HOUR;
    case WORLD_DAYS:
        if (dice_chance(dice, 20))
            return dice_between(dice, 12 * 24 * 60, 40 * 24 * 60) * WORLD_MINUTE;
        return days[dice_below(dice, sizeof days / sizeof *days)] * WORLD_DAY;
    default:
        return 0;
    }
}

static bool suits(enum oracle_aggregation aggregation, enum oracle_attribute_type type)
{
    switch (aggregation) {
    case ORACLE_SUM:
    case ORACLE_MEAN:
        return type != ORACLE_STRING;
    case ORACLE_MIN:
    case ORACLE_MAX:
    case ORACLE_RFM_FREQUENCY:
        return type == ORACLE_MONEY || type == ORACLE_NUMBER || type == ORACLE_INTEGER;
    default:
        return true;
    }
}

static bool needs_attribute(enum oracle_aggregation aggregation)
{
    return aggregation != ORACLE_COUNT && aggregation != ORACLE_AGE_FIRST && aggregation != ORACLE_AGE_LAST;
}

static void pick_attribute(struct world *world, struct oracle_feature *feature)
{
    const struct oracle_definitions *definitions = &world->definitions;
    for (int attempt = 0; attempt < 20; attempt++) {
        feature->event = dice_below(&world->dice, definitions->event_count);
        const struct oracle_event_type *event = &definitions->events[feature->event];
        if (!needs_attribute(feature->aggregation))
            return;
        if (event->attribute_count == 0)
            continue;
        feature->attribute = dice_below(&world->dice, event->attribute_count);
        if (suits(feature->aggregation, event->attributes[feature->attribute].type))
            return;
    }
    feature->event = 0; /* whose first attribute suits every aggregation */
    feature->attribute = 0;
}

static void add_filter(struct world *world, struct oracle_feature *feature)
{
    const struct oracle_event_type *event = &world->definitions.events[feature->event];
    size_t attribute = dice_below(&world->dice, event->attribute_count);
    for (size_t i = 0; i < feature->filter_count; i++)
        if (feature->filters[i].attribute == attribute)
            return;
    const struct world_value *value = &world->values[feature->event][attribute][dice_below(&world->dice, 3)];
    struct oracle_filter *filter = &feature->filters[feature->filter_count++];
    *filter = (struct oracle_filter){.attribute = attribute};
    const struct oracle_attribute_definition *of = &event->attributes[attribute];
    struct oracle_attribute given = world_attribute(world, of, value);
    CHECK(oracle_convert(of->type, &given, &filter->equals));
    if (of->type == ORACLE_BOOL)
        snprintf(filter->written, sizeof filter->written, "%s", value->mantissa ? "true" : "false");
    else if (of->type == ORACLE_STRING)
        snprintf(filter->written, sizeof filter->written, "\"%s\"", value->text);
    else
        snprintf(filter->written, sizeof filter->written, "%s", given.text.data);
}

static void add_feature(struct world *world, enum oracle_aggregation aggregation, enum world_hop hop)
{
    static const int64_t units[] = {WORLD_SECOND, WORLD_MINUTE, WORLD_HOUR, WORLD_DAY, 7 * WORLD_DAY};
    static const char *const family[] = {"frequency", "recency", "T", "monetary"};
    struct oracle_definitions *definitions = &world->definitions;
    struct oracle_feature feature = {
        .aggregation = aggregation, .window_us = random_window(&world->dice, hop)};
    pick_attribute(world, &feature);
    if (aggregation == ORACLE_AGE_FIRST || aggregation == ORACLE_AGE_LAST)
        feature.unit_us = units[dice_below(&world->dice, sizeof units / sizeof *units)];
    if (definitions->events[feature.event].attribute_count > 0)
        for (unsigned i = 0; i < ORACLE_FILTERS_MAX && dice_chance(&world->dice, 25 + 10 * i); i++)
            add_filter(world, &feature);
    unsigned number = world->features++;
    size_t members = aggregation == ORACLE_RFM_FREQUENCY ? 4 : 1;
    CHECK(definitions->feature_count + members <= ORACLE_FEATURES_MAX);
    for (size_t i = 0; i < members; i++) {
        feature.aggregation = (enum oracle_aggregation)(aggregation + i);
        snprintf(feature.name, sizeof feature.name, "f%u_%s%s%s", number,
            world->definitions.events[feature.event].name, members > 1 ? "." : "",
            members > 1 ? family[i] : "");
        definitions->features[definitions->feature_count++] = feature;
    }
}

void world_features_distinct(struct world *world)
{
    struct oracle_definitions *definitions = &world->definitions;
    for (size_t i = 0; i < 2; i++) {
        struct oracle_feature feature = {.aggregation = ORACLE_DISTINCT, .window_us = i * 30 * WORLD_DAY};
        snprintf(feature.name, sizeof feature.name, "f%u_many", world->features++);
        definitions->features[definitions->feature_count++] = feature;
    }
}

void world_features(struct world *world, uint64_t number, size_t keep)
{
    struct oracle_definitions *definitions = &world->definitions;
    while (keep > 0 && keep < definitions->feature_count &&
           definitions->features[keep].aggregation > ORACLE_RFM_FREQUENCY)
        keep--; /* a family stays whole or goes */
    definitions->feature_count = keep;
    size_t more = (size_t)dice_between(&world->dice, FEATURES_MIN, FEATURES_RANDOM_MAX);
    more = keep >= more ? 1 : more - keep;
    for (size_t i = 0; i < more; i++) {
        size_t aggregation =
            i == 0 ? number % AGGREGATION_CHOICES : dice_below(&world->dice, AGGREGATION_CHOICES);
        size_t hop =
            i == 0 ? number / AGGREGATION_CHOICES % WORLD_HOPS : dice_below(&world->dice, WORLD_HOPS);
        add_feature(world, AGGREGATIONS[aggregation], (enum world_hop)hop);
    }
}
