/* World: random definitions, their pools, and the file that the store reads them from. */
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
        "age first", "age last", "rfm.frequency", "rfm.recency", "rfm.T", "rfm.monetary"};
    return names[aggregation];
}

static void put_name(char *to, const char *name)
{
    size_t length = strlen(name);
    CHECK(length < ORACLE_NAME_MAX);
    memcpy(to, name, length + 1);
}

/* `count` different indexes below `of`, in random order. */
static void draw(struct dice *dice, size_t of, size_t count, size_t *drawn)
{
    for (size_t i = 0; i < count; i++) {
        bool again = true;
        while (again) {
            drawn[i] = dice_below(dice, of);
            again = false;
            for (size_t j = 0; j < i; j++)
                again = again || drawn[j] == drawn[i];
        }
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

static void make_identifiers(struct world *world)
{
    struct oracle_definitions *definitions = &world->definitions;
    struct dice *dice = &world->dice;
    size_t names[ORACLE_IDENTIFIER_TYPES_MAX];
    definitions->identifier_count = 1 + dice_below(dice, ORACLE_IDENTIFIER_TYPES_MAX);
    draw(dice, COUNT_OF(IDENTIFIER_NAMES), definitions->identifier_count, names);
    world->loose_type = dice_below(dice, definitions->identifier_count);
    for (size_t type = 0; type < definitions->identifier_count; type++) {
        struct oracle_identifier_type *of = &definitions->identifiers[type];
        put_name(of->name, IDENTIFIER_NAMES[names[type]]);
        of->max = dice_chance(dice, 30) ? 0 : (uint32_t)dice_between(dice, 1, 4);
        if (type == world->loose_type && of->max != 0)
            of->max += 4;
        of->normalization = (enum oracle_normalization)dice_below(dice, 4);
        world->identifier_counts[type] = (size_t)dice_between(dice, 2, WORLD_POOL_MAX);
        for (size_t i = 0; i < world->identifier_counts[type]; i++)
            world->identifiers[type][i] = pool_text(world, of->normalization, type, i);
        if (dice_chance(dice, 25)) {
            of->never_link_count = world->identifier_counts[type] == 2 ? 1 : 1 + dice_below(dice, 2);
            for (size_t i = 0; i < of->never_link_count; i++) /* the last of the pool; some are left */
                put_name(of->never_link[i], world->identifiers[type][world->identifier_counts[type] - 1 - i]);
        }
    }
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
    return (struct world_value){0, 0, TEXTS[dice_below(dice, COUNT_OF(TEXTS))]};
}

static void make_events(struct world *world)
{
    struct oracle_definitions *definitions = &world->definitions;
    struct dice *dice = &world->dice;
    size_t names[ORACLE_EVENT_TYPES_MAX];
    definitions->event_count = 1 + dice_below(dice, ORACLE_EVENT_TYPES_MAX);
    draw(dice, COUNT_OF(EVENT_NAMES), definitions->event_count, names);
    for (size_t type = 0; type < definitions->event_count; type++) {
        struct oracle_event_type *of = &definitions->events[type];
        put_name(of->name, EVENT_NAMES[names[type]]);
        of->attribute_count = dice_below(dice, ORACLE_ATTRIBUTES_MAX + 1);
        if (type == 0 && of->attribute_count < 2)
            of->attribute_count = 2;
        size_t attribute_names[ORACLE_ATTRIBUTES_MAX];
        draw(dice, COUNT_OF(ATTRIBUTE_NAMES), of->attribute_count, attribute_names);
        for (size_t i = 0; i < of->attribute_count; i++) {
            put_name(of->attributes[i].name, ATTRIBUTE_NAMES[attribute_names[i]]);
            of->attributes[i].type =
                (enum oracle_attribute_type)dice_between(dice, ORACLE_MONEY, ORACLE_STRING);
            if (type == 0 && i == 0) /* so that every aggregation has something to take */
                of->attributes[i].type =
                    (enum oracle_attribute_type)dice_between(dice, ORACLE_MONEY, ORACLE_INTEGER);
            for (size_t j = 0; j < WORLD_VALUES_MAX; j++)
                world->values[type][i][j] = pool_value(world, of->attributes[i].type);
        }
    }
}

/* --- the world ------------------------------------------------------------------------------------------ */

void world_init(struct world *world, uint64_t seed, uint64_t number)
{
    *world = (struct world){.dice = dice_of(seed, number)};
    size_t place = dice_below(&world->dice, COUNT_OF(PLACES));
    put_name(world->definitions.time_zone, PLACES[place].zone);
    world->start_us = PLACES[place].start_s * WORLD_SECOND;
    world->odd_us = PLACES[place].odd_s * WORLD_SECOND;
    make_identifiers(world);
    make_events(world);
    world_features(world, number, 0);
}

void world_clear(struct world *world)
{
    arena_clear(&world->arena);
}

void world_redefine(struct world *world, uint64_t number)
{
    struct dice *dice = &world->dice;
    for (size_t type = 0; type < world->definitions.identifier_count; type++) {
        struct oracle_identifier_type *of = &world->definitions.identifiers[type];
        if (of->max != 0 && type != world->loose_type && dice_chance(dice, 30))
            of->max = (uint32_t)dice_between(dice, 1, 4);
    }
    world_features(world, number, dice_below(dice, world->definitions.feature_count + 1));
}

/* --- the file ------------------------------------------------------------------------------------------- */

static void print_quoted(FILE *to, const char *text, size_t length)
{
    fputc('"', to);
    fwrite(text, 1, length, to);
    fputc('"', to);
}

static void print_identifiers(FILE *to, const struct oracle_definitions *definitions)
{
    static const char *const normalizations[] = {"none", "trim", "lower", "email"};
    fprintf(to, "identifiers:\n");
    for (size_t i = 0; i < definitions->identifier_count; i++) {
        const struct oracle_identifier_type *of = &definitions->identifiers[i];
        fprintf(to, "  %s: {", of->name);
        const char *comma = "";
        if (of->max != 0) {
            fprintf(to, "max: %u", of->max);
            comma = ", ";
        }
        if (of->normalization != ORACLE_NONE || i % 2 == 0) {
            fprintf(to, "%snormalize: %s", comma, normalizations[of->normalization]);
            comma = ", ";
        }
        if (of->never_link_count > 0) {
            fprintf(to, "%snever_link: [", comma);
            for (size_t j = 0; j < of->never_link_count; j++) {
                fputs(j ? ", " : "", to);
                print_quoted(to, of->never_link[j], strlen(of->never_link[j]));
            }
            fputc(']', to);
        }
        fprintf(to, "}\n");
    }
}

static void print_events(FILE *to, const struct oracle_definitions *definitions)
{
    static const char *const types[] = {"", "money", "number", "integer", "bool", "string"};
    fprintf(to, "events:\n");
    for (size_t i = 0; i < definitions->event_count; i++) {
        const struct oracle_event_type *of = &definitions->events[i];
        fprintf(to, "  %s: {", of->name);
        for (size_t j = 0; j < of->attribute_count; j++)
            fprintf(to, "%s%s: %s", j ? ", " : "", of->attributes[j].name, types[of->attributes[j].type]);
        fprintf(to, "}\n");
    }
}

static void print_window(FILE *to, int64_t window_us)
{
    static const struct {
        int64_t us;
        char letter;
    } units[] = {{7 * WORLD_DAY, 'w'}, {WORLD_DAY, 'd'}, {WORLD_HOUR, 'h'}, {WORLD_MINUTE, 'm'}};
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (window_us % units[i].us == 0) {
            fprintf(to, ", window: %lld%c", (long long)(window_us / units[i].us), units[i].letter);
            return;
        }
    }
    IMPOSSIBLE("a window that is no whole number of minutes");
}

static void print_feature(
    FILE *to, const struct oracle_definitions *definitions, const struct oracle_feature *of)
{
    static const char *const words[] = {
        "count", "sum", "mean", "min", "max", "first", "last", "distinct", "age", "age", "rfm"};
    const struct oracle_event_type *event = &definitions->events[of->event];
    const char *dot = strchr(of->name, '.');
    fprintf(to, "  %.*s: {of: %s, %s: ", dot ? (int)(dot - of->name) : ORACLE_NAME_MAX, of->name, event->name,
        words[of->aggregation]);
    if (of->aggregation == ORACLE_COUNT)
        fputs("true", to);
    else if (of->aggregation == ORACLE_AGE_FIRST || of->aggregation == ORACLE_AGE_LAST)
        fputs(of->aggregation == ORACLE_AGE_FIRST ? "first" : "last", to);
    else
        fputs(event->attributes[of->attribute].name, to);
    if (of->window_us != 0)
        print_window(to, of->window_us);
    if (of->filter_count > 0)
        fputs(", where: {", to);
    for (size_t i = 0; i < of->filter_count; i++) {
        const struct oracle_attribute_definition *attribute = &event->attributes[of->filters[i].attribute];
        fprintf(to, "%s%s: %s", i ? ", " : "", attribute->name, of->filters[i].written);
    }
    if (of->filter_count > 0)
        fputc('}', to);
    static const struct {
        int64_t us;
        const char *name;
    } units[] = {
        {WORLD_SECOND, "second"}, {WORLD_MINUTE, "minute"}, {WORLD_HOUR, "hour"}, {7 * WORLD_DAY, "week"}};
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (of->unit_us == units[i].us)
            fprintf(to, ", unit: %s", units[i].name);
    fprintf(to, "}\n");
}

const char *world_definitions_text(struct world *world)
{
    const struct oracle_definitions *definitions = &world->definitions;
    char *text = NULL;
    size_t length = 0;
    FILE *to = open_memstream(&text, &length);
    CHECK(to != NULL);
    fprintf(to, "currency: EUR\ntime_zone: %s\n", definitions->time_zone);
    print_identifiers(to, definitions);
    print_events(to, definitions);
    fprintf(to, "features:\n");
    for (size_t i = 0; i < definitions->feature_count; i++) {
        print_feature(to, definitions, &definitions->features[i]);
        if (definitions->features[i].aggregation == ORACLE_RFM_FREQUENCY)
            i += 3; /* the family was one line */
    }
    fclose(to);
    const char *kept = arena_string(&world->arena, bytes_of(text, length));
    free(text);
    return kept;
}
