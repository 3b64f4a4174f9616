/* World: random features. Each history begins with one that its number picks, so that a run of histories covers every
 * aggregation with every class of window. */
#include <stdlib.h>
#include <string.h>

#include "store/base/check.h"
#include "tests/property/world.h"

/* The families' members come as one. */
static const enum oracle_aggregation AGGREGATIONS[] = {ORACLE_COUNT, ORACLE_SUM, ORACLE_MEAN, ORACLE_MIN, ORACLE_MAX,
    ORACLE_FIRST, ORACLE_LAST, ORACLE_DISTINCT, ORACLE_AGE_FIRST, ORACLE_AGE_LAST, ORACLE_RFM_FREQUENCY,
    ORACLE_VARIANCE, ORACLE_STDDEV, ORACLE_DECAYED, ORACLE_RATIO, ORACLE_TOP, ORACLE_GAP_MEAN, ORACLE_GAP_STDDEV,
    ORACLE_GAP_LAST, ORACLE_ACTIVE_DAYS, ORACLE_STREAK_CURRENT, ORACLE_STREAK_LONGEST};

enum {
    AGGREGATION_CHOICES = sizeof AGGREGATIONS / sizeof *AGGREGATIONS,
    FEATURES_MIN = 3,
    FEATURES_RANDOM_MAX = 15,
    PLAIN_MAX = 78, /* families counted by their members; what else there is has its room then */
    TOP_DEFAULT = 3,
    TOP_MAX = 20,
};

#define PICK(dice, array) ((array)[dice_below(dice, sizeof(array) / sizeof *(array))])

bool world_is_family(enum oracle_aggregation aggregation)
{
    return aggregation == ORACLE_TOP || aggregation == ORACLE_RFM_FREQUENCY;
}

size_t world_plain_features(const struct oracle_definitions *definitions)
{
    size_t count = 0;
    while (count < definitions->feature_count && definitions->features[count].aggregation != ORACLE_DERIVED)
        count++;
    return count;
}

/* --- windows -------------------------------------------------------------------------------------------- */

static int64_t random_window(struct dice *dice, enum world_hop hop)
{
    static const int64_t minutes[] = {5, 6, 7, 10, 59, 60, 61, 90, 360, 719};
    static const int64_t hours[] = {12, 13, 24, 25, 48, 168, 264, 287};
    static const int64_t days[] = {12, 13, 14, 30, 90, 365, 3660};
    switch (hop) {
    case WORLD_MINUTES:
        return PICK(dice, minutes) * WORLD_MINUTE;
    case WORLD_HOURS:
        if (dice_chance(dice, 20))
            return dice_between(dice, 12 * 60, 12 * 24 * 60 - 1) * WORLD_MINUTE;
        return PICK(dice, hours) * WORLD_HOUR;
    case WORLD_DAYS:
        if (dice_chance(dice, 20))
            return dice_between(dice, 12 * 24 * 60, 40 * 24 * 60) * WORLD_MINUTE;
        return PICK(dice, days) * WORLD_DAY;
    default:
        return 0;
    }
}

/* Often as long as the window, so that one ends where another begins. */
static int64_t random_offset(struct dice *dice, int64_t window_us)
{
    static const int64_t most[] = {30 * WORLD_DAY, 366 * WORLD_DAY, 3660 * WORLD_DAY};
    static const int64_t some[] = {WORLD_MINUTE, 5 * WORLD_MINUTE, 7 * WORLD_MINUTE, WORLD_HOUR, 36 * WORLD_HOUR,
        WORLD_DAY, 2 * WORLD_DAY, 7 * WORLD_DAY, 30 * WORLD_DAY, 90 * WORLD_DAY, 366 * WORLD_DAY};
    if (window_us == 0)
        return 0;
    int64_t offset_us = window_us;
    if (dice_chance(dice, 60))
        offset_us = PICK(dice, some);
    else if (dice_chance(dice, 30))
        offset_us = dice_between(dice, 1, 3 * 24 * 60) * WORLD_MINUTE;
    bool fits = offset_us <= most[world_hop_of(window_us)] && window_us + offset_us <= 3660 * WORLD_DAY;
    return fits ? offset_us : 0;
}

/* --- attributes ----------------------------------------------------------------------------------------- */

static bool is_quantity(enum oracle_attribute_type type)
{
    return type == ORACLE_MONEY || type == ORACLE_NUMBER || type == ORACLE_INTEGER;
}

static bool suits(enum oracle_aggregation aggregation, enum oracle_attribute_type type)
{
    switch (aggregation) {
    case ORACLE_SUM:
    case ORACLE_MEAN:
    case ORACLE_DECAYED:
        return type != ORACLE_STRING;
    case ORACLE_MIN:
    case ORACLE_MAX:
    case ORACLE_RFM_FREQUENCY:
    case ORACLE_VARIANCE:
    case ORACLE_STDDEV:
        return is_quantity(type);
    default:
        return true;
    }
}

static bool needs_attribute(const struct oracle_feature *feature)
{
    switch (feature->aggregation) {
    case ORACLE_COUNT:
    case ORACLE_AGE_FIRST:
    case ORACLE_AGE_LAST:
    case ORACLE_GAP_MEAN:
    case ORACLE_GAP_STDDEV:
    case ORACLE_GAP_LAST:
    case ORACLE_ACTIVE_DAYS:
    case ORACLE_STREAK_CURRENT:
    case ORACLE_STREAK_LONGEST:
        return false;
    case ORACLE_DECAYED:
        return !feature->decays_events;
    default:
        return true; /* a ratio needs one to filter by */
    }
}

static void pick_attribute(struct world *world, struct oracle_feature *feature)
{
    const struct oracle_definitions *definitions = &world->definitions;
    for (int attempt = 0; attempt < 20; attempt++) {
        feature->event = dice_below(&world->dice, definitions->event_count);
        const struct oracle_event_type *event = &definitions->events[feature->event];
        if (!needs_attribute(feature))
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

/* --- features ------------------------------------------------------------------------------------------- */

/* What only some aggregations have. */
static void put_particulars(struct world *world, struct oracle_feature *feature)
{
    static const int64_t units[] = {WORLD_SECOND, WORLD_MINUTE, WORLD_HOUR, WORLD_DAY, 7 * WORLD_DAY};
    static const int64_t half_lives[] = {WORLD_DAY, 36 * WORLD_HOUR, 7 * WORLD_DAY, 30 * WORLD_DAY, 60 * WORLD_DAY,
        365 * WORLD_DAY, 3660 * WORLD_DAY};
    struct dice *dice = &world->dice;
    const struct oracle_event_type *event = &world->definitions.events[feature->event];
    if (feature->aggregation == ORACLE_AGE_FIRST || feature->aggregation == ORACLE_AGE_LAST)
        feature->unit_us = PICK(dice, units);
    if (feature->aggregation == ORACLE_DECAYED)
        feature->half_life_us = PICK(dice, half_lives);
    while (feature->aggregation == ORACLE_RATIO &&
           (feature->matching_count == 0 || (feature->matching_count < ORACLE_FILTERS_MAX && dice_chance(dice, 30))))
        world_filter(world, feature->event, feature->matching, &feature->matching_count);
    if (feature->aggregation != ORACLE_TOP)
        return;
    feature->rank_count = dice_chance(dice, 4) ? TOP_MAX : 1 + dice_below(dice, TOP_DEFAULT + 1);
    feature->by = dice_below(dice, event->attribute_count);
    feature->ranked_by_sum = is_quantity(event->attributes[feature->by].type) && dice_chance(dice, 60);
}

static void name_feature(struct oracle_feature *feature, unsigned number, const char *event, size_t member)
{
    static const char *const members[] = {"frequency", "recency", "T", "monetary"};
    char last[32] = "";
    if (feature->aggregation == ORACLE_TOP)
        snprintf(last, sizeof last, ".%zu", member + 1);
    else if (feature->aggregation >= ORACLE_RFM_FREQUENCY && feature->aggregation <= ORACLE_RFM_MONETARY)
        snprintf(last, sizeof last, ".%s", members[member]);
    snprintf(feature->name, sizeof feature->name, "f%u_%s%s", number, event, last);
}

/* The feature, or all of its family's, at the place. */
static void put_feature(struct world *world, struct oracle_feature feature, size_t place)
{
    struct oracle_definitions *definitions = &world->definitions;
    enum oracle_value_type types[TOP_MAX];
    struct oracle_constant defaults[TOP_MAX];
    unsigned number = world->features++;
    size_t members = feature.aggregation == ORACLE_TOP             ? feature.rank_count
                     : feature.aggregation == ORACLE_RFM_FREQUENCY ? 4
                                                                   : 1;
    CHECK(definitions->feature_count + members <= ORACLE_FEATURES_MAX);
    memmove(&definitions->features[place + members], &definitions->features[place],
        (definitions->feature_count - place) * sizeof feature);
    definitions->feature_count += members;
    for (size_t i = 0; i < definitions->expression_count; i++)
        if (definitions->expressions[i].feature >= place)
            definitions->expressions[i].feature += members;
    for (size_t i = 0; i < definitions->service_count; i++)
        for (size_t j = 0; j < definitions->services[i].feature_count; j++)
            if (definitions->services[i].features[j] >= place)
                definitions->services[i].features[j] += members;
    for (size_t i = 0; i < members; i++) {
        struct oracle_feature *member = &definitions->features[place + i];
        *member = feature;
        if (feature.aggregation == ORACLE_TOP)
            member->rank = i;
        else
            member->aggregation = (enum oracle_aggregation)(feature.aggregation + i);
        name_feature(member, number, definitions->events[feature.event].name, i);
        types[i] = oracle_feature_type(definitions, place + i);
    }
    if (!dice_chance(&world->dice, 25))
        return;
    world_default(world, types, members, defaults);
    for (size_t i = 0; i < members; i++)
        definitions->features[place + i].otherwise = defaults[i];
}

/* What needs two days at least; others are 0 or null often enough. */
static bool needs_days(enum oracle_aggregation aggregation)
{
    return aggregation == ORACLE_RFM_FREQUENCY || aggregation == ORACLE_GAP_MEAN || aggregation == ORACLE_GAP_LAST;
}

static void put_max_age(struct dice *dice, struct oracle_feature *feature)
{
    static const int64_t ages[] = {5 * WORLD_MINUTE, WORLD_HOUR, WORLD_DAY, 7 * WORLD_DAY, 30 * WORLD_DAY,
        100 * WORLD_DAY, 400 * WORLD_DAY};
    feature->max_age_us = dice_chance(dice, 25) ? PICK(dice, ages) : 0;
}

static void add_feature(struct world *world, enum oracle_aggregation aggregation, enum world_hop hop)
{
    struct dice *dice = &world->dice;
    struct oracle_feature feature = {.aggregation = aggregation, .window_us = random_window(dice, hop)};
    if (hop == WORLD_MINUTES && needs_days(aggregation))
        feature.window_us = dice_between(dice, 360, 719) * WORLD_MINUTE;
    feature.offset_us = dice_chance(dice, 25) ? random_offset(dice, feature.window_us) : 0;
    feature.decays_events = aggregation == ORACLE_DECAYED && dice_chance(dice, 30);
    pick_attribute(world, &feature);
    put_particulars(world, &feature);
    if (world->definitions.events[feature.event].attribute_count > 0)
        for (unsigned i = 0; i < ORACLE_FILTERS_MAX && dice_chance(dice, 25 + 10 * i); i++)
            world_filter(world, feature.event, feature.filters, &feature.filter_count);
    put_max_age(dice, &feature);
    put_feature(world, feature, world->definitions.feature_count);
}

/* The last one once more, with another window, offset, half-life, filter, rank or age: of equal parts, what is shared
 * must be, and nothing else. */
static void add_twin(struct world *world)
{
    struct oracle_definitions *definitions = &world->definitions;
    struct dice *dice = &world->dice;
    struct oracle_feature feature = definitions->features[definitions->feature_count - 1];
    if (feature.aggregation == ORACLE_RFM_MONETARY)
        feature.aggregation = ORACLE_RFM_FREQUENCY;
    feature.rank = 0;
    feature.otherwise.given = false;
    put_max_age(dice, &feature);
    switch (dice_below(dice, 4)) {
    case 0:
        feature.window_us = random_window(dice, world_hop_of(feature.window_us));
        feature.offset_us = 0;
        break;
    case 1:
        feature.offset_us = feature.offset_us == 0 ? random_offset(dice, feature.window_us) : 0;
        break;
    case 2:
        feature.filter_count -= feature.filter_count > 0;
        break;
    default:
        feature.matching_count = 0;
        put_particulars(world, &feature);
        break;
    }
    put_feature(world, feature, definitions->feature_count);
}

size_t world_text_attribute(const struct oracle_event_type *type)
{
    size_t attribute = 0;
    while (attribute < type->attribute_count && type->attributes[attribute].type != ORACLE_STRING)
        attribute++;
    return attribute;
}

void world_features_of_values(struct world *world)
{
    const struct oracle_event_type *type = &world->definitions.events[0];
    size_t words = world_text_attribute(type);
    for (size_t i = 0; i < 4; i++) {
        struct oracle_feature feature = {.aggregation = ORACLE_DISTINCT, .window_us = i % 2 * 30 * WORLD_DAY};
        feature.attribute = i < 2 ? 0 : words;
        if (feature.attribute == type->attribute_count)
            return;
        put_feature(world, feature, world_plain_features(&world->definitions));
        feature.aggregation = ORACLE_TOP;
        feature.rank_count = 2;
        feature.ranked_by_sum = i == 1 || i == 2;
        put_feature(world, feature, world_plain_features(&world->definitions));
    }
}

void world_features(struct world *world, uint64_t number, size_t keep)
{
    struct oracle_definitions *definitions = &world->definitions;
    struct oracle_definitions *before = memory_alloc(sizeof *before);
    *before = *definitions;
    while (keep > 0 && (definitions->features[keep].rank > 0 ||
                           (definitions->features[keep].aggregation > ORACLE_RFM_FREQUENCY &&
                               definitions->features[keep].aggregation <= ORACLE_RFM_MONETARY)))
        keep--; /* a family stays whole or goes */
    definitions->feature_count = keep;
    definitions->expression_count = 0;
    definitions->service_count = 0;
    size_t more = (size_t)dice_between(&world->dice, FEATURES_MIN, FEATURES_RANDOM_MAX);
    more = keep >= more ? 1 : more - keep;
    for (size_t i = 0; i < more; i++) {
        size_t aggregation =
            i == 0 ? number % AGGREGATION_CHOICES : dice_below(&world->dice, AGGREGATION_CHOICES);
        size_t hop = i == 0 ? number / AGGREGATION_CHOICES % WORLD_HOPS : dice_below(&world->dice, WORLD_HOPS);
        if (definitions->feature_count + TOP_MAX > PLAIN_MAX)
            break;
        if (i > 0 && dice_chance(&world->dice, 20))
            add_twin(world);
        else
            add_feature(world, AGGREGATIONS[aggregation], (enum world_hop)hop);
    }
    world_derived(world, before);
    world_services(world);
    memory_free(before);
}
