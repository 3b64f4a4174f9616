/* World: random definitions and their pools. */
#include "tests/property/world.h"

#include <stdlib.h>
#include <string.h>

#include "store/base/check.h"

static const char *const IDENTIFIER_NAMES[] = {"customer_id", "email", "device", "Cookie", "phone_1", "_x"};
static const char *const EVENT_NAMES[] = {"order", "refund", "session", "ticket", "Touch"};
static const char *const ATTRIBUTE_NAMES[] = {"amount", "channel", "promo", "qty", "weight", "note", "Sku_2"};
static const char *const TEXTS[] = {
    "web", "shop", "app", "", "Z\xC3\xBCrich", "a b", "true", "12", "~", "ab", "\xF0\x9F\x98\x80"};

/* Zones and moments at which their calendars are odd. New York and Berlin skip and repeat an hour, Lord Howe half of
 * one; Kathmandu lies at +5:45; Sao Paulo skipped midnight; St. John's went back at one minute past midnight, so that
 * the minute before belongs to a later day than the hour after. */
static const struct {
    const char *zone;
    int64_t start_s;
    int64_t odd_s;
} PLACES[] = {
    {"UTC", 1767225600, 1767225600},
    {"UTC", -86400 * 20, 0},
    {"UTC", 951696000, 951782400},
    {"Europe/Berlin", 1774400000, 1774746000},
    {"Europe/Berlin", 1761000000, 1761440400},
    {"America/New_York", 1762000000, 1762063200},
    {"America/New_York", 25000000, 25682400},
    {"Asia/Kathmandu", 1767225600, 1767225600},
    {"Asia/Kathmandu", 504000000, 504901800},
    {"America/Sao_Paulo", 1541000000, 1541300400},
    {"America/Sao_Paulo", 1550000000, 1550368800},
    {"America/St_Johns", 1256900000, 1257042660},
    {"America/St_Johns", 1289000000, 1289097060},
    {"Australia/Lord_Howe", 1775200000, 1775314800},
};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static const char *const REFUSAL_NAMES[] = {
#define X(name, words) words,
    WORLD_REFUSALS(X)
#undef X
};

const char *world_refusal_name(enum world_refusal refusal)
{
    return REFUSAL_NAMES[refusal];
}

const char *world_hop_name(enum world_hop hop)
{
    static const char *const names[] = {"5 minutes", "hours", "days", "lifetime"};
    return names[hop];
}

enum world_hop world_hop_of(int64_t window_us)
{
    if (window_us == 0)
        return WORLD_LIFETIME;
    return window_us < 12 * WORLD_HOUR  ? WORLD_MINUTES
           : window_us < 12 * WORLD_DAY ? WORLD_HOURS
                                        : WORLD_DAYS;
}

const char *world_aggregation_name(enum oracle_aggregation aggregation)
{
    static const char *const names[] = {"count", "sum", "mean", "min", "max", "first", "last", "distinct",
        "age first", "age last", "rfm.frequency", "rfm.recency", "rfm.T", "rfm.monetary", "variance", "stddev",
        "decayed", "ratio", "top", "gaps mean", "gaps stddev", "gaps last", "active_days", "streak current",
        "streak longest", "derived"};
    return names[aggregation];
}

const char *world_operation_name(enum oracle_operation operation)
{
    static const char *const names[] = {
#define X(name, written) written,
        ORACLE_OPERATIONS_LIST(X)
#undef X
    };
    return names[operation];
}

const char *world_text(struct world *world)
{
    return TEXTS[dice_below(&world->dice, COUNT_OF(TEXTS))];
}

static void put_name(char *to, const char *name)
{
    size_t length = strlen(name);
    CHECK(length < ORACLE_NAME_MAX);
    memcpy(to, name, length + 1);
}

/* One of the names that none of `count` things of `size` bytes, which begin with their names, has yet. */
static const char *unused_name(struct dice *dice, const char *const *names, size_t name_count,
    const void *things, size_t count, size_t size)
{
    CHECK(count < name_count);
    for (;;) {
        const char *name = names[dice_below(dice, name_count)];
        bool used = false;
        for (size_t i = 0; i < count && !used; i++)
            used = strcmp((const char *)things + i * size, name) == 0;
        if (!used)
            return name;
    }
}

/* --- identifiers ---------------------------------------------------------------------------------------- */

static const char *pool_text(
    struct world *world, enum oracle_normalization normalization, size_t type, size_t i)
{
    static const char *const odd[] = {"\xC3\xA9va", "\xC3\xBC", "\xC3\xA5", "\xD0\xB6", "A", "a"};
    char text[ORACLE_TEXT_MAX];
    const char *end = normalization == ORACLE_EMAIL ? "@x.org" : "";
    bool oddly = dice_chance(&world->dice, 30);
    /* where case is folded, the pool holds the folded form, so that different entries are different identifiers */
    size_t choices = normalization == ORACLE_LOWER || normalization == ORACLE_EMAIL ? 4 : 6;
    if (oddly)
        snprintf(text, sizeof text, "%s%zu%s", odd[dice_below(&world->dice, choices)], i, end);
    else
        snprintf(text, sizeof text, "%c%zu%s", (char)('a' + type), i, end);
    return arena_string(&world->arena, bytes_from_string(text));
}

/* What comes after its place moves on by one. */
static void insert_identifier_type(struct world *world, size_t place)
{
    struct oracle_definitions *definitions = &world->definitions;
    struct dice *dice = &world->dice;
    const char *name = unused_name(dice, IDENTIFIER_NAMES, COUNT_OF(IDENTIFIER_NAMES),
        definitions->identifiers, definitions->identifier_count, sizeof definitions->identifiers[0]);
    for (size_t i = definitions->identifier_count++; i > place; i--) {
        definitions->identifiers[i] = definitions->identifiers[i - 1];
        world->identifier_counts[i] = world->identifier_counts[i - 1];
        memcpy(world->identifiers[i], world->identifiers[i - 1], sizeof world->identifiers[i]);
    }
    struct oracle_identifier_type *of = &definitions->identifiers[place];
    *of = (struct oracle_identifier_type){
        .max = dice_chance(dice, 30) ? 0 : (uint32_t)dice_between(dice, 1, 4)};
    put_name(of->name, name);
    of->normalization = (enum oracle_normalization)dice_below(dice, 4);
    world->identifier_counts[place] = (size_t)dice_between(dice, 2, WORLD_POOL_MAX);
    for (size_t i = 0; i < world->identifier_counts[place]; i++)
        world->identifiers[place][i] = pool_text(world, of->normalization, place, i);
}

/* The last of the pool do not link; some are left. */
static void block_identifiers(struct world *world, size_t type, size_t count)
{
    struct oracle_identifier_type *of = &world->definitions.identifiers[type];
    size_t pool = world->identifier_counts[type];
    for (of->never_link_count = 0; of->never_link_count < count && of->never_link_count + 1 < pool;
         of->never_link_count++)
        put_name(
            of->never_link[of->never_link_count], world->identifiers[type][pool - 1 - of->never_link_count]);
}

static void make_identifiers(struct world *world)
{
    struct dice *dice = &world->dice;
    for (size_t left = 1 + dice_below(dice, ORACLE_IDENTIFIER_TYPES_MAX); left > 0; left--)
        insert_identifier_type(world, world->definitions.identifier_count);
    world->loose_type = dice_below(dice, world->definitions.identifier_count);
    struct oracle_identifier_type *loose = &world->definitions.identifiers[world->loose_type];
    loose->max = loose->max == 0 ? 0 : loose->max + 4;
    for (size_t type = 0; type < world->definitions.identifier_count; type++)
        if (dice_chance(dice, 25))
            block_identifiers(world, type, 1 + dice_below(dice, 2));
}

/* --- events --------------------------------------------------------------------------------------------- */

static struct world_value pool_value(struct world *world, enum oracle_attribute_type type)
{
    struct dice *dice = &world->dice;
    int64_t whole = dice_between(dice, -20, 100);
    switch (type) {
    case ORACLE_MONEY: {
        const struct world_value values[] = {{whole, 0, NULL}, {whole * 100 + 99, 2, NULL},
            {dice_between(dice, 1, 999999999), 6, NULL}, {INT64_C(9223372036854775807), 6, NULL},
            {INT64_C(-9223372036854775807), 6, NULL}, {0, 0, NULL}, {1, 6, NULL}, {1250, 2, NULL}};
        return values[dice_below(dice, COUNT_OF(values))];
    }
    case ORACLE_NUMBER: {
        /* 2^-33 and its triple are halves of the last place */
        const struct world_value values[] = {{whole, 0, NULL}, {whole, 1, NULL}, {1, 1, NULL}, {1, 15, NULL},
            {INT64_C(9007199254740991), 0, NULL}, {INT64_C(-9007199254740991), 0, NULL},
            {INT64_C(116415321826934814), 27, NULL}, {whole * 3125, 5, NULL},
            {dice_between(dice, -999999, 999999), 3, NULL}};
        return values[dice_below(dice, COUNT_OF(values))];
    }
    case ORACLE_INTEGER: {
        const struct world_value values[] = {{whole, 0, NULL}, {0, 0, NULL}, {1, 0, NULL},
            {INT64_C(9007199254740991), 0, NULL}, {INT64_C(-9007199254740991), 0, NULL}};
        return values[dice_below(dice, COUNT_OF(values))];
    }
    case ORACLE_BOOL:
        return (struct world_value){(int64_t)dice_below(dice, 2), 0, NULL};
    case ORACLE_STRING:
        break;
    }
    return (struct world_value){0, 0, world_text(world)};
}

static void add_attribute(struct world *world, size_t type, enum oracle_attribute_type of_type)
{
    struct oracle_event_type *event = &world->definitions.events[type];
    const char *name = unused_name(&world->dice, ATTRIBUTE_NAMES, COUNT_OF(ATTRIBUTE_NAMES),
        event->attributes, event->attribute_count, sizeof event->attributes[0]);
    struct oracle_attribute_definition *of = &event->attributes[event->attribute_count];
    put_name(of->name, name);
    of->type = of_type;
    for (size_t i = 0; i < WORLD_VALUES_MAX; i++)
        world->values[type][event->attribute_count][i] = pool_value(world, of->type);
    event->attribute_count++;
}

static enum oracle_attribute_type any_type(struct dice *dice)
{
    return (enum oracle_attribute_type)dice_between(dice, ORACLE_MONEY, ORACLE_STRING);
}

static void add_event_type(struct world *world)
{
    struct oracle_definitions *definitions = &world->definitions;
    struct dice *dice = &world->dice;
    size_t type = definitions->event_count;
    const char *name = unused_name(
        dice, EVENT_NAMES, COUNT_OF(EVENT_NAMES), definitions->events, type, sizeof definitions->events[0]);
    definitions->event_count++;
    put_name(definitions->events[type].name, name);
    size_t attributes = dice_below(dice, ORACLE_ATTRIBUTES_MAX + 1);
    if (type == 0) { /* so that every aggregation has something to take */
        add_attribute(
            world, type, (enum oracle_attribute_type)dice_between(dice, ORACLE_MONEY, ORACLE_INTEGER));
        add_attribute(world, type, any_type(dice));
    }
    while (definitions->events[type].attribute_count < attributes)
        add_attribute(world, type, any_type(dice));
}

/* --- the world ------------------------------------------------------------------------------------------ */

void world_init(struct world *world, uint64_t seed, uint64_t number)
{
    *world = (struct world){.dice = dice_of(seed, number), .keen = number % 3 == 1};
    size_t place = dice_below(&world->dice, COUNT_OF(PLACES));
    put_name(world->definitions.time_zone, PLACES[place].zone);
    world->start_us = PLACES[place].start_s * WORLD_SECOND;
    world->odd_us = PLACES[place].odd_s * WORLD_SECOND;
    make_identifiers(world);
    for (size_t left = 1 + dice_below(&world->dice, ORACLE_EVENT_TYPES_MAX); left > 0; left--)
        add_event_type(world);
    world_features(world, number, 0);
    world_protect(world);
}

void world_clear(struct world *world)
{
    arena_clear(&world->arena);
}

/* Types and attributes are added, bounds move, identifiers are blocked or let go; what is stored stays readable. */
static void grow(struct world *world)
{
    struct oracle_definitions *definitions = &world->definitions;
    struct dice *dice = &world->dice;
    if (definitions->identifier_count < ORACLE_IDENTIFIER_TYPES_MAX && dice_chance(dice, 30)) {
        size_t place = dice_below(dice, definitions->identifier_count + 1);
        insert_identifier_type(world, place);
        world->loose_type += place <= world->loose_type;
    }
    for (size_t type = 0; type < definitions->identifier_count; type++) {
        struct oracle_identifier_type *of = &definitions->identifiers[type];
        if (of->max != 0 && type != world->loose_type && dice_chance(dice, 30))
            of->max = (uint32_t)dice_between(dice, 1, 4);
        if (dice_chance(dice, 20))
            block_identifiers(world, type, dice_below(dice, ORACLE_NEVER_LINK_MAX + 1));
    }
    if (definitions->event_count < ORACLE_EVENT_TYPES_MAX && dice_chance(dice, 30))
        add_event_type(world);
    size_t type = dice_below(dice, definitions->event_count);
    if (definitions->events[type].attribute_count < ORACLE_ATTRIBUTES_MAX && dice_chance(dice, 40))
        add_attribute(world, type, any_type(dice));
}

void world_redefine(struct world *world, uint64_t number)
{
    if (dice_chance(&world->dice, 60))
        grow(world);
    world_features(world, number, dice_below(&world->dice, world_plain_features(&world->definitions) + 1));
    world_protect(world);
}
