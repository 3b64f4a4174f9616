/* World: the file that the store reads its definitions from. What means nothing (blanks, brackets, descriptions) varies
 * by what is written, so that the same definitions are always the same text. */
#include <stdlib.h>
#include <string.h>

#include "store/base/check.h"
#include "store/base/limits.h"
#include "tests/property/world.h"

static void print_quoted(FILE *to, const char *text, size_t length)
{
    fputc('"', to);
    fwrite(text, 1, length, to);
    fputc('"', to);
}

/* What its values are blocked by. */
static void print_blocked(FILE *to, const struct oracle_identifier_type *of)
{
    if (of->never_link_count > 0) {
        fprintf(to, ", never_link: [");
        for (size_t j = 0; j < of->never_link_count; j++) {
            fputs(j ? ", " : "", to);
            print_quoted(to, of->never_link[j], strlen(of->never_link[j]));
        }
        fputc(']', to);
    }
    if (of->pattern_count > 0) {
        fprintf(to, ", never_link_matching: [");
        for (size_t j = 0; j < of->pattern_count; j++)
            fprintf(to, "%s'%s'", j ? ", " : "", of->patterns[j]);
        fputc(']', to);
    }
}

static void print_duration(FILE *to, const char *key, int64_t duration_us);

static void print_identifiers(FILE *to, const struct oracle_definitions *definitions)
{
    static const char *const normalizations[] = {"none", "trim", "lower", "email"};
    fprintf(to, "identifiers:\n");
    for (size_t i = 0; i < definitions->identifier_count; i++) {
        const struct oracle_identifier_type *of = &definitions->identifiers[i];
        fprintf(to, "  %s: {normalize: %s", of->name, normalizations[of->normalization]);
        if (of->max != 0)
            fprintf(to, ", max: %u", of->max);
        print_duration(to, "per", of->per_us);
        if (of->never_links)
            fprintf(to, ", link: false");
        if (of->unique || (!of->never_links && of->max == 0 && i % 2 == 0))
            fprintf(to, ", unique: %s", of->unique ? "true" : "false");
        if (of->weak)
            fprintf(to, ", weak: true");
        if (of->keep)
            fprintf(to, ", keep: true");
        print_blocked(to, of);
        fprintf(to, "}\n");
    }
}

static void print_bound(FILE *to, const char *key, bool has, const char *written)
{
    if (has)
        fprintf(to, ", %s: %s", key, written);
}

static void print_protection(FILE *to, const struct oracle_definitions *definitions)
{
    const struct oracle_protection *of = &definitions->protection;
    fprintf(to, "identity: {max_size: %u", of->size_max == 0 ? CUSTOMER_NODES_MAX : of->size_max);
    if (of->size_review != 0)
        fprintf(to, ", review_size: %u", of->size_review);
    if (of->bridge != 0)
        fprintf(to, ", review_bridge: %u", of->bridge);
    if (of->by_value)
        fprintf(to, ", value: %s", definitions->features[of->value].name);
    print_bound(to, "review_either", of->has_either, of->either_written);
    print_bound(to, "review_both", of->has_both, of->both_written);
    print_bound(to, "second_person", of->has_second, of->second_written);
    print_duration(to, "review_expires", of->expires_us);
    fprintf(to, "}\n");
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

/* --- features ------------------------------------------------------------------------------------------- */

/* The number that a name was made with, which nothing else has. */
static unsigned number_of(const char *name)
{
    return (unsigned)strtoul(name + 1, NULL, 10);
}

static void print_duration(FILE *to, const char *key, int64_t duration_us)
{
    static const struct {
        int64_t us;
        char letter;
    } units[] = {{7 * WORLD_DAY, 'w'}, {WORLD_DAY, 'd'}, {WORLD_HOUR, 'h'}, {WORLD_MINUTE, 'm'}};
    if (duration_us == 0)
        return;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (duration_us % units[i].us == 0) {
            fprintf(to, ", %s: %lld%c", key, (long long)(duration_us / units[i].us), units[i].letter);
            return;
        }
    }
    IMPOSSIBLE("a duration that is no whole number of minutes");
}

static void print_filters(
    FILE *to, const struct oracle_event_type *event, const struct oracle_filter *filters, size_t count)
{
    fputc('{', to);
    for (size_t i = 0; i < count; i++)
        fprintf(to, "%s%s: %s", i ? ", " : "", event->attributes[filters[i].attribute].name, filters[i].written);
    fputc('}', to);
}

static void print_aggregation(FILE *to, const struct oracle_event_type *event, const struct oracle_feature *of)
{
    static const struct {
        const char *key;
        const char *what; /* null: the attribute */
    } words[] = {{"count", "true"}, {"sum", NULL}, {"mean", NULL}, {"min", NULL}, {"max", NULL}, {"first", NULL},
        {"last", NULL}, {"distinct", NULL}, {"age", "first"}, {"age", "last"}, {"rfm", NULL}, {"rfm", NULL},
        {"rfm", NULL}, {"rfm", NULL}, {"variance", NULL}, {"stddev", NULL}, {"decayed", NULL}, {"ratio", NULL},
        {"top", NULL}, {"gaps", "mean"}, {"gaps", "stddev"}, {"gaps", "last"}, {"active_days", "true"},
        {"streak", "current"}, {"streak", "longest"}};
    fprintf(to, "%s: ", words[of->aggregation].key);
    if (of->aggregation == ORACLE_RATIO)
        print_filters(to, event, of->matching, of->matching_count);
    else if (words[of->aggregation].what != NULL || of->decays_events)
        fputs(of->decays_events ? "true" : words[of->aggregation].what, to);
    else
        fputs(event->attributes[of->attribute].name, to);
}

/* What the store keeps and never looks at. */
static void print_words(FILE *to, const char *name)
{
    unsigned number = number_of(name);
    if (number % 5 == 0)
        fprintf(to, ", description: \"What number %u is: a, b and {c}.\"", number);
    if (number % 7 == 0)
        fprintf(to, ", owner: team_%u", number % 3);
    if (number % 6 == 1)
        fprintf(to, ", tags: [a, \"b %u\"]", number);
}

/* The default of a family as the member has it that all its digits suit. */
static const struct oracle_constant *default_of(const struct oracle_feature *of)
{
    return &of[of->aggregation == ORACLE_RFM_FREQUENCY ? 3 : 0].otherwise;
}

static void print_feature(FILE *to, const struct oracle_definitions *definitions, const struct oracle_feature *of)
{
    static const struct {
        int64_t us;
        const char *name;
    } units[] = {
        {WORLD_SECOND, "second"}, {WORLD_MINUTE, "minute"}, {WORLD_HOUR, "hour"}, {7 * WORLD_DAY, "week"}};
    const struct oracle_event_type *event = &definitions->events[of->event];
    const char *dot = strchr(of->name, '.');
    fprintf(to, "  %.*s: {of: %s, ", dot ? (int)(dot - of->name) : ORACLE_NAME_MAX, of->name, event->name);
    print_aggregation(to, event, of);
    print_duration(to, "window", of->window_us);
    print_duration(to, "offset", of->offset_us);
    print_duration(to, "half_life", of->half_life_us);
    print_duration(to, "max_age", of->max_age_us);
    if (of->filter_count > 0) {
        fputs(", where: ", to);
        print_filters(to, event, of->filters, of->filter_count);
    }
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (of->unit_us == units[i].us)
            fprintf(to, ", unit: %s", units[i].name);
    bool odd = number_of(of->name) % 2 != 0;
    if (of->aggregation == ORACLE_TOP && (of->rank_count != 3 || odd))
        fprintf(to, ", k: %zu", of->rank_count);
    if (of->ranked_by_sum)
        fprintf(to, ", by: %s", event->attributes[of->by].name);
    else if (of->aggregation == ORACLE_TOP && odd)
        fputs(", by: count", to);
    if (default_of(of)->given)
        fprintf(to, ", default: %s", default_of(of)->written);
    print_words(to, of->name);
    fprintf(to, "}\n");
}

/* --- derived features ----------------------------------------------------------------------------------- */

struct printing {
    FILE *to;
    const struct oracle_definitions *definitions;
    struct dice dice; /* by the feature */
};

/* How strongly an operation binds its parts; those without parts the strongest. */
static int strength(enum oracle_operation operation)
{
    static const int strengths[ORACLE_OPERATIONS] = {[ORACLE_OR] = 1, [ORACLE_AND] = 2, [ORACLE_NOT] = 3,
        [ORACLE_EQUAL] = 4, [ORACLE_UNEQUAL] = 4, [ORACLE_LESS] = 4, [ORACLE_AT_MOST] = 4, [ORACLE_MORE] = 4,
        [ORACLE_AT_LEAST] = 4, [ORACLE_PLUS] = 5, [ORACLE_MINUS] = 5, [ORACLE_TIMES] = 6, [ORACLE_OVER] = 6,
        [ORACLE_NEGATIVE] = 7};
    return strengths[operation] == 0 ? 8 : strengths[operation];
}

static void print_expression(struct printing *printing, size_t place, int least);

static void print_leaf(struct printing *printing, const struct oracle_expression *of)
{
    bool single = dice_chance(&printing->dice, 50);
    switch (of->operation) {
    case ORACLE_NUMBER_IS:
        fputs(of->text, printing->to);
        return;
    case ORACLE_TEXT_IS:
        fprintf(printing->to, single ? "'%s'" : "\"%s\"", of->text);
        return;
    case ORACLE_TRUTH_IS:
        fputs(of->truth ? "true" : "false", printing->to);
        return;
    default:
        fputs(printing->definitions->features[of->feature].name, printing->to);
        return;
    }
}

static void print_call(struct printing *printing, const struct oracle_expression *of)
{
    fprintf(printing->to, "%s(", world_operation_name(of->operation));
    for (size_t i = 0; i < of->argument_count; i++) {
        if (i > 0)
            fputs(dice_chance(&printing->dice, 80) ? ", " : ",", printing->to);
        print_expression(printing, of->arguments[i], 1);
    }
    fputc(')', printing->to);
}

/* Brackets where they must be, and now and then where they need not. */
static void print_expression(struct printing *printing, size_t place, int least)
{
    const struct oracle_expression *of = &printing->definitions->expressions[place];
    const char *word = world_operation_name(of->operation);
    int here = strength(of->operation);
    bool compares = here == 4;
    bool in_brackets = here < least || dice_chance(&printing->dice, 8);
    fputs(in_brackets ? "(" : "", printing->to);
    if (of->operation <= ORACLE_FEATURE_IS) {
        print_leaf(printing, of);
    } else if (of->operation == ORACLE_NOT || of->operation == ORACLE_NEGATIVE) {
        fputs(of->operation == ORACLE_NOT ? "not " : "-", printing->to);
        print_expression(printing, of->arguments[0], here);
    } else if (here == 8) {
        print_call(printing, of);
    } else {
        bool apart = of->operation <= ORACLE_AND || dice_chance(&printing->dice, 70);
        print_expression(printing, of->arguments[0], here + compares);
        fprintf(printing->to, apart ? " %s " : "%s", word);
        print_expression(printing, of->arguments[1], here + 1);
    }
    fputs(in_brackets ? ")" : "", printing->to);
}

/* In the file's own quotes, one way or the other. */
static void print_in_quotes(FILE *to, const char *text, bool single)
{
    fputc(single ? '\'' : '"', to);
    for (const char *at = text; *at; at++) {
        if (single && *at == '\'')
            fputc('\'', to);
        else if (!single && (*at == '"' || *at == '\\'))
            fputc('\\', to);
        fputc(*at, to);
    }
    fputc(single ? '\'' : '"', to);
}

static void print_derived(FILE *to, const struct oracle_definitions *definitions, const struct oracle_feature *of)
{
    struct printing printing = {.definitions = definitions, .dice = dice_of(number_of(of->name), 0)};
    char *text = NULL;
    size_t length = 0;
    printing.to = open_memstream(&text, &length);
    CHECK(printing.to != NULL);
    print_expression(&printing, of->expression, 1);
    fclose(printing.to);
    bool plain = strpbrk(text, "'\"-") == NULL; /* such a text would be quoted or a list */
    bool map = of->otherwise.given || dice_chance(&printing.dice, 30);
    fprintf(to, "  %s: %s", of->name, map ? "{is: " : "");
    if (plain && !map && dice_chance(&printing.dice, 60))
        fputs(text, to);
    else
        print_in_quotes(to, text, dice_chance(&printing.dice, 50));
    free(text);
    if (of->otherwise.given)
        fprintf(to, ", default: %s", of->otherwise.written);
    if (map)
        print_words(to, of->name);
    fprintf(to, "%s\n", map ? "}" : "");
}

static void print_all_derived(FILE *to, const struct oracle_definitions *definitions)
{
    size_t plain = world_plain_features(definitions);
    size_t count = definitions->feature_count - plain;
    if (count == 0)
        return;
    fprintf(to, "derived:\n");
    for (size_t place = 0; place < count; place++)
        for (size_t i = plain; i < definitions->feature_count; i++)
            if (definitions->features[i].place == place)
                print_derived(to, definitions, &definitions->features[i]);
}

/* --- services ------------------------------------------------------------------------------------------- */

static void print_service(FILE *to, const struct oracle_definitions *definitions, const struct oracle_service *service)
{
    size_t defaults = 0;
    for (size_t i = 0; i < service->feature_count; i++)
        defaults += service->defaults[i].given;
    bool map = defaults > 0 || number_of(service->name) % 2 != 0;
    fprintf(to, "  %s: %s[", service->name, map ? "{features: " : "");
    for (size_t i = 0; i < service->feature_count; i++)
        fprintf(to, "%s%s", i ? ", " : "", definitions->features[service->features[i]].name);
    fputc(']', to);
    const char *before = ", defaults: {";
    for (size_t i = 0; i < service->feature_count; i++) {
        if (!service->defaults[i].given)
            continue;
        fprintf(to, "%s%s: %s", before, definitions->features[service->features[i]].name,
            service->defaults[i].written);
        before = ", ";
    }
    fputs(defaults > 0 ? "}" : "", to);
    if (map)
        print_words(to, service->name);
    fprintf(to, "%s\n", map ? "}" : "");
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
    print_protection(to, definitions);
    print_events(to, definitions);
    fprintf(to, "features:\n");
    size_t plain = world_plain_features(definitions);
    for (size_t i = 0; i < plain; i++)
        if (definitions->features[i].rank == 0 && (definitions->features[i].aggregation <= ORACLE_RFM_FREQUENCY ||
                                                      definitions->features[i].aggregation > ORACLE_RFM_MONETARY))
            print_feature(to, definitions, &definitions->features[i]);
    print_all_derived(to, definitions);
    if (definitions->service_count > 0)
        fprintf(to, "services:\n");
    for (size_t i = 0; i < definitions->service_count; i++)
        print_service(to, definitions, &definitions->services[i]);
    fclose(to);
    const char *kept = arena_string(&world->arena, bytes_of(text, length));
    free(text);
    return kept;
}
