/* The oracle's memory of what happened: identifiers to nodes, links, events, and what becomes of each new event. */
#include "tests/property/oracle_inside.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    IDENTIFIERS_MAX = 32,
    IDENTIFIER_BYTES_MAX = 1024,
    ID_BYTES_MAX = 512,
    SOURCE_BYTES_MAX = 256,
    ATTRIBUTES_MAX = 256,
    CUSTOMER_NODES_MAX = 1000,
};

static const int64_t TIME_MIN = INT64_C(-2208988800000000); /* 1900-01-01 */
static const int64_t TIME_END = INT64_C(7258118400000000);  /* 2200-01-01 */

struct oracle_text oracle_text_of(const char *string)
{
    return (struct oracle_text){string, strlen(string)};
}

static void *grown(void *array, size_t count, size_t size)
{
    void *larger = realloc(array, (count + 1) * size);
    if (larger == NULL)
        abort();
    return larger;
}

static bool text_is(struct oracle_text text, const char *string)
{
    return text.length == strlen(string) && memcmp(text.data, string, text.length) == 0;
}

struct oracle *oracle_new(const struct oracle_definitions *definitions, int64_t ahead_us)
{
    struct oracle *oracle = calloc(1, sizeof *oracle);
    if (oracle == NULL || sodium_init() < 0)
        abort();
    oracle->ahead_us = ahead_us;
    oracle->newest_us = INT64_MIN;
    oracle_redefine(oracle, definitions);
    return oracle;
}

void oracle_free(struct oracle *oracle)
{
    if (oracle == NULL)
        return;
    for (size_t i = 0; i < oracle->node_count; i++)
        free(oracle->nodes[i].value);
    free(oracle->nodes);
    free(oracle->events);
    free(oracle->links);
    free(oracle->labels);
    free(oracle->customers);
    free(oracle);
}

void oracle_redefine(struct oracle *oracle, const struct oracle_definitions *definitions)
{
    oracle->definitions = *definitions;
    setenv("TZ", definitions->time_zone, 1);
    tzset();
    for (size_t i = 0; i < oracle->event_count; i++)
        oracle->events[i].day = oracle_day(oracle->events[i].time_us);
}

const struct oracle_definitions *oracle_definitions_of(const struct oracle *oracle)
{
    return &oracle->definitions;
}

int64_t oracle_newest_known_at(const struct oracle *oracle)
{
    return oracle->newest_us;
}

void oracle_entry_taken(struct oracle *oracle, int64_t known_at_us)
{
    oracle->newest_us = known_at_us;
}

uint64_t oracle_node_count(const struct oracle *oracle)
{
    return oracle->node_count;
}

uint64_t oracle_event_count(const struct oracle *oracle)
{
    return oracle->event_count;
}

uint64_t oracle_dropped_count(const struct oracle *oracle)
{
    return oracle->dropped;
}

/* --- identifiers ---------------------------------------------------------------------------------------- */

struct named { /* an identifier of an event, normalised */
    size_t type;
    unsigned char value[IDENTIFIER_BYTES_MAX];
    size_t length;
    size_t node; /* index, SIZE_MAX: unknown */
};

/* The capitals and composed forms that histories use, beside ASCII: canonical composition, then lower case. */
static const struct {
    const char *from;
    const char *to;
} LOWER[] = {
    {"\xC3\x89", "\xC3\xA9"},                            /* E acute */
    {"E\xCC\x81", "\xC3\xA9"},                           /* E, then a combining acute */
    {"e\xCC\x81", "\xC3\xA9"}, {"\xC3\x9C", "\xC3\xBC"}, /* U umlaut */
    {"\xE2\x84\xAB", "\xC3\xA5"},                        /* the Angstrom sign is the letter A ring */
    {"\xD0\x96", "\xD0\xB6"},                            /* Cyrillic zhe */
    {"\xEF\xBC\xA1", "\xEF\xBD\x81"},                    /* full-width A: not composed, but lowered */
};

static void lower(struct named *named)
{
    unsigned char out[IDENTIFIER_BYTES_MAX];
    size_t length = 0;
    for (size_t at = 0; at < named->length;) {
        bool found = false;
        for (size_t i = 0; i < sizeof LOWER / sizeof *LOWER && !found; i++) {
            size_t from = strlen(LOWER[i].from);
            if (at + from > named->length || memcmp(named->value + at, LOWER[i].from, from) != 0)
                continue;
            memcpy(out + length, LOWER[i].to, strlen(LOWER[i].to));
            length += strlen(LOWER[i].to);
            at += from;
            found = true;
        }
        if (found)
            continue;
        unsigned char c = named->value[at++];
        out[length++] = c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c;
    }
    memcpy(named->value, out, length);
    named->length = length;
}

static bool normalize(const struct oracle_definitions *definitions,
    const struct oracle_identifier *identifier, struct named *named)
{
    for (named->type = 0; named->type < definitions->identifier_count; named->type++)
        if (text_is(identifier->type, definitions->identifiers[named->type].name))
            break;
    if (named->type == definitions->identifier_count || identifier->value.length == 0 ||
        identifier->value.length > IDENTIFIER_BYTES_MAX || !oracle_is_utf8(identifier->value))
        return false;
    enum oracle_normalization normalization = definitions->identifiers[named->type].normalization;
    const char *from = identifier->value.data;
    size_t length = identifier->value.length;
    if (normalization != ORACLE_NONE) {
        for (; length > 0 && (*from == ' ' || *from == '\t'); from++)
            length--;
        while (length > 0 && (from[length - 1] == ' ' || from[length - 1] == '\t'))
            length--;
    }
    memcpy(named->value, from, length);
    named->length = length;
    if (normalization == ORACLE_LOWER || normalization == ORACLE_EMAIL)
        lower(named);
    if (normalization == ORACLE_EMAIL) {
        const unsigned char *at = memchr(named->value, '@', named->length);
        if (at == NULL || at == named->value || at == named->value + named->length - 1 ||
            memchr(at + 1, '@', (size_t)(named->value + named->length - at) - 1) != NULL)
            return false;
    }
    return named->length > 0;
}

static void look_up(const struct oracle *oracle, struct named *named)
{
    named->node = SIZE_MAX;
    for (size_t i = 0; i < oracle->node_count; i++) {
        const struct oracle_node *node = &oracle->nodes[i];
        if (strcmp(node->type, oracle->definitions.identifiers[named->type].name) == 0 &&
            node->value_length == named->length && memcmp(node->value, named->value, named->length) == 0)
            named->node = i;
    }
}

static bool never_links(const struct oracle_identifier_type *type, const struct named *named)
{
    for (size_t i = 0; i < type->never_link_count; i++)
        if (text_is((struct oracle_text){(const char *)named->value, named->length}, type->never_link[i]))
            return true;
    return false;
}

/* The identifiers that may link, by priority, each once. False: one of them is impossible. */
static bool line_up(const struct oracle *oracle, const struct oracle_event *event, struct named *line,
    size_t *count, uint32_t *dropped)
{
    *count = 0;
    *dropped = 0;
    if (event->identifier_count == 0 || event->identifier_count > IDENTIFIERS_MAX)
        return false;
    struct named all[IDENTIFIERS_MAX];
    for (size_t i = 0; i < event->identifier_count; i++)
        if (!normalize(&oracle->definitions, &event->identifiers[i], &all[i]))
            return false;
    for (size_t type = 0; type < oracle->definitions.identifier_count; type++) {
        for (size_t i = 0; i < event->identifier_count; i++) {
            bool repeated = false;
            for (size_t j = 0; j < i && !repeated; j++)
                repeated = all[j].type == all[i].type && all[j].length == all[i].length &&
                           memcmp(all[j].value, all[i].value, all[i].length) == 0;
            if (all[i].type != type || repeated)
                continue;
            if (never_links(&oracle->definitions.identifiers[type], &all[i])) {
                ++*dropped;
                continue;
            }
            look_up(oracle, &all[i]);
            line[(*count)++] = all[i];
        }
    }
    return true;
}

/* --- customers ------------------------------------------------------------------------------------------ */

void oracle_relabel(struct oracle *oracle, int64_t as_of_us)
{
    size_t *labels = oracle->labels;
    for (size_t i = 0; i < oracle->node_count; i++)
        labels[i] = oracle->nodes[i].birth_us < as_of_us ? i : SIZE_MAX;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < oracle->link_count; i++) {
            const struct oracle_link *link = &oracle->links[i];
            if (link->since_us >= as_of_us || labels[link->a] == labels[link->b])
                continue;
            size_t oldest = labels[link->a] < labels[link->b] ? labels[link->a] : labels[link->b];
            labels[link->a] = labels[link->b] = oldest;
            changed = true;
        }
    }
}

static bool in_line(const struct oracle *oracle, const struct named *line, size_t count, size_t node)
{
    for (size_t i = 0; i < count; i++)
        if (line[i].node != SIZE_MAX && oracle->labels[line[i].node] == oracle->labels[node])
            return true;
    return false;
}

/* May these identifiers be one customer? Labels are those of now. */
static bool acceptable(const struct oracle *oracle, const struct named *line, size_t count)
{
    bool same = true;
    for (size_t i = 0; i < count && same; i++)
        same = line[i].node != SIZE_MAX && oracle->labels[line[i].node] == oracle->labels[line[0].node];
    if (same || count == 1)
        return true;
    size_t total = 0;
    for (size_t type = 0; type < oracle->definitions.identifier_count; type++) {
        const struct oracle_identifier_type *of = &oracle->definitions.identifiers[type];
        size_t here = 0;
        for (size_t i = 0; i < oracle->node_count; i++)
            here += strcmp(oracle->nodes[i].type, of->name) == 0 && in_line(oracle, line, count, i);
        for (size_t i = 0; i < count; i++)
            here += line[i].node == SIZE_MAX && line[i].type == type;
        if (of->max != 0 && here > of->max)
            return false;
        total += here;
    }
    return total <= CUSTOMER_NODES_MAX;
}

static uint32_t merged_count(const struct oracle *oracle, const struct named *line, size_t count)
{
    uint32_t customers = 0;
    for (size_t i = 0; i < count; i++) {
        bool fresh = line[i].node != SIZE_MAX;
        for (size_t j = 0; j < i && fresh; j++)
            fresh = line[j].node == SIZE_MAX || oracle->labels[line[j].node] != oracle->labels[line[i].node];
        customers += fresh;
    }
    return customers > 1 ? customers - 1 : 0;
}

static void link_line(struct oracle *oracle, struct named *line, size_t count, int64_t known_at_us)
{
    for (size_t i = 0; i < count; i++) {
        if (line[i].node != SIZE_MAX)
            continue;
        oracle->nodes = grown(oracle->nodes, oracle->node_count, sizeof *oracle->nodes);
        oracle->labels = grown(oracle->labels, oracle->node_count, sizeof *oracle->labels);
        oracle->customers = grown(oracle->customers, oracle->node_count, sizeof *oracle->customers);
        struct oracle_node *node = &oracle->nodes[oracle->node_count];
        *node = (struct oracle_node){.birth_us = known_at_us, .value_length = line[i].length};
        memcpy(node->type, oracle->definitions.identifiers[line[i].type].name, sizeof node->type);
        node->value = grown(NULL, line[i].length, 1);
        memcpy(node->value, line[i].value, line[i].length);
        line[i].node = oracle->node_count++;
    }
    for (size_t i = 1; i < count; i++) {
        oracle->links = grown(oracle->links, oracle->link_count, sizeof *oracle->links);
        oracle->links[oracle->link_count++] = (struct oracle_link){line[0].node, line[i].node, known_at_us};
    }
}

/* --- events --------------------------------------------------------------------------------------------- */

static void hash_part(crypto_generichash_state *state, struct oracle_text text)
{
    unsigned char length[4];
    for (int i = 0; i < 4; i++)
        length[i] = (unsigned char)(text.length >> (8 * i));
    crypto_generichash_update(state, length, sizeof length);
    crypto_generichash_update(state, (const unsigned char *)text.data, text.length);
}

/* What would be kept of it; false: its form is wrong. */
static bool read_event(
    const struct oracle *oracle, const struct oracle_event *event, struct oracle_kept_event *kept)
{
    memset(kept, 0, sizeof *kept);
    const struct oracle_definitions *definitions = &oracle->definitions;
    while (
        kept->type < definitions->event_count && !text_is(event->type, definitions->events[kept->type].name))
        kept->type++;
    if (kept->type == definitions->event_count || event->time_us < TIME_MIN || event->time_us >= TIME_END)
        return false;
    if (event->id.length == 0 || event->id.length > ID_BYTES_MAX || event->source.length == 0 ||
        event->source.length > SOURCE_BYTES_MAX || event->attribute_count > ATTRIBUTES_MAX)
        return false;
    const struct oracle_event_type *type = &definitions->events[kept->type];
    for (size_t i = 0; i < event->attribute_count; i++) {
        size_t at = 0;
        while (at < type->attribute_count && !text_is(event->attributes[i].name, type->attributes[at].name))
            at++;
        if (at == type->attribute_count || kept->present[at] ||
            !oracle_convert(type->attributes[at].type, &event->attributes[i], &kept->values[at]))
            return false;
        kept->present[at] = true;
    }
    kept->time_us = event->time_us;
    kept->day = oracle_day(event->time_us);
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof kept->hash);
    hash_part(&state, event->source);
    hash_part(&state, event->type);
    hash_part(&state, event->id);
    crypto_generichash_final(&state, kept->hash, sizeof kept->hash);
    return true;
}

static bool same_content(
    const struct oracle *oracle, const struct oracle_kept_event *a, const struct oracle_kept_event *b)
{
    if (a->type != b->type || a->time_us != b->time_us)
        return false;
    const struct oracle_event_type *type = &oracle->definitions.events[a->type];
    for (size_t i = 0; i < type->attribute_count; i++)
        if (a->present[i] != b->present[i] ||
            (a->present[i] && !oracle_scalar_equal(type->attributes[i].type, &a->values[i], &b->values[i])))
            return false;
    return true;
}

static struct oracle_outcome refused(enum oracle_refusal why)
{
    return (struct oracle_outcome){.fate = ORACLE_REFUSED, .refusal = why};
}

static int64_t stamp(
    const struct oracle *oracle, const struct oracle_event *event, int64_t clock_us, int64_t floor_us)
{
    int64_t known_at_us = event->has_known_at ? event->known_at_us : clock_us;
    if (oracle->newest_us != INT64_MIN && known_at_us <= oracle->newest_us)
        known_at_us = oracle->newest_us + 1;
    return known_at_us < floor_us ? floor_us : known_at_us;
}

static struct oracle_outcome decide(
    struct oracle *oracle, const struct oracle_event *event, int64_t clock_us, int64_t floor_us, bool apply)
{
    struct oracle_kept_event kept;
    struct named line[IDENTIFIERS_MAX];
    size_t count = 0;
    struct oracle_outcome outcome = {.fate = ORACLE_APPLIED};
    if (!read_event(oracle, event, &kept) ||
        !line_up(oracle, event, line, &count, &outcome.identifiers_dropped))
        return refused(ORACLE_INVALID);
    if (event->has_known_at && event->known_at_us > clock_us)
        return refused(ORACLE_AFTER_CLOCK);
    kept.known_at_us = outcome.known_at_us = stamp(oracle, event, clock_us, floor_us);
    if (event->time_us > kept.known_at_us + oracle->ahead_us)
        return refused(ORACLE_TOO_FAR_AHEAD);
    for (size_t i = 0; i < oracle->event_count; i++) {
        if (memcmp(oracle->events[i].hash, kept.hash, sizeof kept.hash) != 0)
            continue;
        if (!same_content(oracle, &oracle->events[i], &kept))
            return refused(ORACLE_CONFLICT);
        return (struct oracle_outcome){.fate = ORACLE_DUPLICATE, .node = oracle->events[i].node + 1};
    }
    if (count == 0)
        return refused(ORACLE_INVALID);
    oracle_relabel(oracle, INT64_MAX);
    for (; !acceptable(oracle, line, count); count--)
        outcome.identifiers_dropped++;
    outcome.customers_merged = merged_count(oracle, line, count);
    outcome.node = (line[0].node == SIZE_MAX ? oracle->node_count : line[0].node) + 1;
    if (!apply)
        return outcome;
    link_line(oracle, line, count, kept.known_at_us);
    kept.node = line[0].node;
    oracle->events = grown(oracle->events, oracle->event_count, sizeof *oracle->events);
    oracle->events[oracle->event_count++] = kept;
    oracle->newest_us = kept.known_at_us;
    oracle->dropped += outcome.identifiers_dropped;
    return outcome;
}

struct oracle_outcome oracle_add(
    struct oracle *oracle, const struct oracle_event *event, int64_t clock_us, int64_t floor_us)
{
    return decide(oracle, event, clock_us, floor_us, true);
}

struct oracle_outcome oracle_preview(
    struct oracle *oracle, const struct oracle_event *event, int64_t clock_us, int64_t floor_us)
{
    return decide(oracle, event, clock_us, floor_us, false);
}

/* --- questions ------------------------------------------------------------------------------------------ */

static void answer_labelled(struct oracle *oracle, size_t label, int64_t as_of_us, struct oracle_row *row)
{
    *row = (struct oracle_row){.status = ORACLE_PRESENT, .customer = label + 1};
    row->newest_event_time_us = INT64_MIN;
    row->newest_known_at_us = INT64_MIN;
    const struct oracle_kept_event **events = calloc(oracle->event_count + 1, sizeof *events);
    if (events == NULL)
        abort();
    size_t count = 0;
    for (size_t i = 0; i < oracle->event_count; i++) {
        const struct oracle_kept_event *event = &oracle->events[i];
        if (event->known_at_us >= as_of_us || event->time_us >= as_of_us ||
            oracle->labels[event->node] != label)
            continue;
        if (event->time_us > row->newest_event_time_us)
            row->newest_event_time_us = event->time_us;
        if (event->known_at_us > row->newest_known_at_us)
            row->newest_known_at_us = event->known_at_us;
        events[count++] = event;
    }
    for (size_t i = 0; i < oracle->definitions.feature_count; i++)
        oracle_evaluate(&oracle->definitions, i, events, count, as_of_us, row);
    free(events);
}

static size_t label_of(struct oracle *oracle, const struct named *named, int64_t as_of_us)
{
    oracle_relabel(oracle, as_of_us);
    return named->node == SIZE_MAX ? SIZE_MAX : oracle->labels[named->node];
}

bool oracle_answer(struct oracle *oracle, const struct oracle_identifier *identifier, int64_t as_of_us,
    struct oracle_row *row)
{
    struct named named;
    if (!normalize(&oracle->definitions, identifier, &named))
        return false;
    look_up(oracle, &named);
    size_t label = label_of(oracle, &named, as_of_us);
    if (label != SIZE_MAX) {
        answer_labelled(oracle, label, as_of_us, row);
        return true;
    }
    *row = (struct oracle_row){.status = ORACLE_NOT_FOUND};
    row->newest_event_time_us = INT64_MIN;
    row->newest_known_at_us = INT64_MIN;
    for (size_t i = 0; i < oracle->definitions.feature_count; i++) {
        row->values[i].type = (uint8_t)oracle_feature_type(&oracle->definitions, i);
        row->values[i].status = ORACLE_NOT_FOUND;
        oracle_take_default(&row->values[i], &oracle->definitions.features[i].otherwise);
    }
    return true;
}

void oracle_answer_customer(
    struct oracle *oracle, uint64_t customer, int64_t as_of_us, struct oracle_row *row)
{
    oracle_relabel(oracle, as_of_us);
    if (customer == 0 || customer > oracle->node_count || oracle->labels[customer - 1] != customer - 1)
        abort();
    answer_labelled(oracle, (size_t)customer - 1, as_of_us, row);
}

size_t oracle_customers(struct oracle *oracle, int64_t as_of_us, const uint64_t **customers)
{
    oracle_relabel(oracle, as_of_us);
    size_t count = 0;
    for (size_t i = 0; i < oracle->node_count; i++)
        if (oracle->labels[i] == i)
            oracle->customers[count++] = i + 1;
    *customers = oracle->customers;
    return count;
}

uint64_t oracle_customer_of(
    struct oracle *oracle, const struct oracle_identifier *identifier, int64_t as_of_us)
{
    struct named named;
    if (!normalize(&oracle->definitions, identifier, &named))
        return 0;
    look_up(oracle, &named);
    size_t label = label_of(oracle, &named, as_of_us);
    return label == SIZE_MAX ? 0 : label + 1;
}
