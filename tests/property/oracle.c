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
};

static const int64_t TIME_MIN = INT64_C(-2208988800000000); /* 1900-01-01 */
static const int64_t TIME_END = INT64_C(7258118400000000);  /* 2200-01-01 */

struct oracle_text oracle_text_of(const char *string)
{
    return (struct oracle_text){string, strlen(string)};
}

void *oracle_grown(void *array, size_t count, size_t size)
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
    for (size_t i = 0; i < oracle->separation_count; i++) {
        free(oracle->separations[i].sides);
        free(oracle->separations[i].until_us);
    }
    free(oracle->separations);
    free(oracle->blocks);
    free(oracle->items);
    free(oracle->refusals);
    free(oracle->labels);
    free(oracle->before);
    free(oracle->customers);
    free(oracle);
}

/* Values that a type did not block and now lists wait to be blocked, if there are nodes of them. */
void oracle_list_blocked(struct oracle *oracle, const struct oracle_definitions *next)
{
    for (size_t i = 0; i < oracle->node_count; i++) {
        struct oracle_node *node = &oracle->nodes[i];
        const struct oracle_identifier_type *before = oracle->definitions.identifiers, *now = next->identifiers;
        while (strcmp(before->name, node->type) != 0)
            before++;
        while (strcmp(now->name, node->type) != 0)
            now++;
        for (size_t j = 0; j < now->never_link_count; j++)
            if (text_is((struct oracle_text){node->value, node->value_length}, now->never_link[j]) &&
                !oracle_value_blocked(before, node->value, node->value_length) &&
                !oracle_blocked_at(oracle, i, INT64_MAX))
                node->waits = true;
    }
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

/* --- identifiers ------------------------------------------------------------------------------------------- */

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

/* Those of an event that may link, by priority, and those that may not, each once. */
struct line {
    struct named named[IDENTIFIERS_MAX];
    size_t count;
    struct named blocked[IDENTIFIERS_MAX];
    size_t blocked_count;
};

/* By the definitions as they are, or because the node is. */
static bool is_blocked(const struct oracle *oracle, const struct named *named)
{
    return oracle_value_blocked(
               &oracle->definitions.identifiers[named->type], (const char *)named->value, named->length) ||
           (named->node != SIZE_MAX && oracle_blocked_at(oracle, named->node, INT64_MAX));
}

/* False: one of them is impossible. */
static bool line_up(const struct oracle *oracle, const struct oracle_event *event, struct line *line)
{
    line->count = 0;
    line->blocked_count = 0;
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
            look_up(oracle, &all[i]);
            if (is_blocked(oracle, &all[i]))
                line->blocked[line->blocked_count++] = all[i];
            else
                line->named[line->count++] = all[i];
        }
    }
    return true;
}

/* --- customers --------------------------------------------------------------------------------------------- */

void oracle_relabel(struct oracle *oracle, int64_t as_of_us)
{
    size_t *labels = oracle->labels;
    for (size_t i = 0; i < oracle->node_count; i++)
        labels[i] = oracle->nodes[i].birth_us < as_of_us ? i : SIZE_MAX;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < oracle->link_count; i++) {
            const struct oracle_link *link = &oracle->links[i];
            if (link->since_us >= as_of_us || as_of_us > link->until_us || labels[link->a] == labels[link->b])
                continue;
            size_t oldest = labels[link->a] < labels[link->b] ? labels[link->a] : labels[link->b];
            labels[link->a] = labels[link->b] = oldest;
            changed = true;
        }
    }
}

/* --- which of an event's identifiers are joined ------------------------------------------------------------ */

/* What the first `count` would bring together. */
static struct oracle_union union_of(const struct oracle *oracle, const struct named *line, size_t count)
{
    struct oracle_union joined = {0};
    for (size_t i = 0; i < count; i++) {
        if (line[i].node == SIZE_MAX) {
            joined.fresh[joined.fresh_count++] = line[i].type;
            continue;
        }
        size_t label = oracle->labels[line[i].node];
        bool there = false;
        for (size_t j = 0; j < joined.party_count; j++)
            there = there || joined.parties[j] == label;
        if (!there)
            joined.parties[joined.party_count++] = label;
    }
    return joined;
}

/* How many of the line are taken, and what keeps the next one out. Labels are those of now. */
static size_t taken(struct oracle *oracle, const struct named *line, size_t count, int64_t known_at_us,
    struct oracle_may *may)
{
    const struct oracle_identifier_type *types = oracle->definitions.identifiers;
    *may = (struct oracle_may){0};
    for (size_t n = 1; n < count; n++) {
        struct oracle_union so_far = union_of(oracle, line, n);
        struct oracle_union joined = union_of(oracle, line, n + 1);
        if (joined.fresh_count == 0 && joined.party_count == 1)
            continue;
        joined.known_at_us = known_at_us;
        joined.weak = types[line[0].type].weak || types[line[n].type].weak;
        joined.asks = so_far.party_count >= 1 && joined.party_count > so_far.party_count;
        *may = oracle_may_join(oracle, &joined);
        if (may->obstacle != ORACLE_NO_OBSTACLE)
            return n;
    }
    return count;
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
        oracle->nodes = oracle_grown(oracle->nodes, oracle->node_count, sizeof *oracle->nodes);
        oracle->labels = oracle_grown(oracle->labels, oracle->node_count, sizeof *oracle->labels);
        oracle->customers = oracle_grown(oracle->customers, oracle->node_count, sizeof *oracle->customers);
        struct oracle_node *node = &oracle->nodes[oracle->node_count];
        *node = (struct oracle_node){.birth_us = known_at_us, .value_length = line[i].length};
        memcpy(node->type, oracle->definitions.identifiers[line[i].type].name, sizeof node->type);
        node->value = oracle_grown(NULL, line[i].length, 1);
        memcpy(node->value, line[i].value, line[i].length);
        line[i].node = oracle->node_count++;
    }
    for (size_t i = 1; i < count; i++)
        oracle_strengthen(oracle, line[0].node, line[i].node, ORACLE_BY_EVENT, known_at_us);
}

static void refuse(struct oracle *oracle, const struct named *named, struct oracle_refused refusal)
{
    memcpy(refusal.type, oracle->definitions.identifiers[named->type].name, sizeof refusal.type);
    refusal.node = named->node == SIZE_MAX ? 0 : named->node + 1;
    oracle->refusals = oracle_grown(oracle->refusals, oracle->refusal_count, sizeof *oracle->refusals);
    oracle->refusals[oracle->refusal_count++] = refusal;
}

/* What was not taken is recorded; what a person decides is put before one. */
static void refuse_rest(
    struct oracle *oracle, const struct line *line, size_t accepted, struct oracle_may may, int64_t known_at_us)
{
    struct oracle_refused refusal = {.known_at_us = known_at_us, .event_node = line->named[0].node + 1};
    for (size_t i = accepted; i < line->count; i++) {
        refusal.obstacle = i == accepted ? may.obstacle : ORACLE_AFTER;
        refusal.item_us = 0;
        if (refusal.obstacle >= ORACLE_REVIEW_SIZE) {
            struct oracle_item item = {.a = line->named[0].node + 1,
                .b = line->named[i].node + 1,
                .obstacle = refusal.obstacle,
                .rule = ORACLE_BY_EVENT,
                .second_person = may.second_person};
            refusal.item_us = oracle_review(oracle, &item, known_at_us);
        }
        refuse(oracle, &line->named[i], refusal);
    }
    refusal.obstacle = ORACLE_BLOCKED;
    refusal.item_us = 0;
    for (size_t i = 0; i < line->blocked_count; i++)
        if (!oracle->definitions.identifiers[line->blocked[i].type].never_links)
            refuse(oracle, &line->blocked[i], refusal);
}

/* Values that the definitions have come to block are to be, even if the event is refused for them. */
static void let_wait(struct oracle *oracle, const struct line *line)
{
    for (size_t i = 0; i < line->blocked_count; i++) {
        size_t node = line->blocked[i].node;
        if (node != SIZE_MAX && !oracle_blocked_at(oracle, node, INT64_MAX))
            oracle->nodes[node].waits = true;
    }
}

/* --- events ------------------------------------------------------------------------------------------------ */

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

int64_t oracle_stamp(const struct oracle *oracle, int64_t clock_us, int64_t floor_us)
{
    int64_t known_at_us = clock_us;
    if (oracle->newest_us != INT64_MIN && known_at_us <= oracle->newest_us)
        known_at_us = oracle->newest_us + 1;
    if (known_at_us < floor_us)
        known_at_us = floor_us;
    return known_at_us == 0 ? 1 : known_at_us; /* 0 would be no name for a review item */
}

static void apply(struct oracle *oracle, struct oracle_kept_event *kept, struct line *line, size_t accepted,
    struct oracle_may may)
{
    oracle_before_entry(oracle);
    link_line(oracle, line->named, accepted, kept->known_at_us);
    refuse_rest(oracle, line, accepted, may, kept->known_at_us);
    kept->node = line->named[0].node;
    oracle->events = oracle_grown(oracle->events, oracle->event_count, sizeof *oracle->events);
    oracle->events[oracle->event_count++] = *kept;
    oracle->newest_us = kept->known_at_us;
    oracle->dropped += line->count - accepted + line->blocked_count;
    oracle_after_entry(oracle, kept->known_at_us);
}

static struct oracle_outcome decide(
    struct oracle *oracle, const struct oracle_event *event, int64_t clock_us, int64_t floor_us, bool applies)
{
    struct oracle_kept_event kept;
    struct line line;
    if (!read_event(oracle, event, &kept) || !line_up(oracle, event, &line))
        return refused(ORACLE_INVALID);
    if (event->has_known_at && event->known_at_us > clock_us)
        return refused(ORACLE_AFTER_CLOCK);
    kept.known_at_us = oracle_stamp(oracle, event->has_known_at ? event->known_at_us : clock_us, floor_us);
    if (event->time_us > kept.known_at_us + oracle->ahead_us)
        return refused(ORACLE_TOO_FAR_AHEAD);
    for (size_t i = 0; i < oracle->event_count; i++) {
        if (memcmp(oracle->events[i].hash, kept.hash, sizeof kept.hash) != 0)
            continue;
        if (!same_content(oracle, &oracle->events[i], &kept))
            return refused(ORACLE_CONFLICT);
        return (struct oracle_outcome){.fate = ORACLE_DUPLICATE, .node = oracle->events[i].node + 1};
    }
    if (applies)
        let_wait(oracle, &line);
    if (line.count == 0)
        return refused(ORACLE_INVALID);
    oracle_relabel(oracle, INT64_MAX);
    struct oracle_may may;
    size_t accepted = taken(oracle, line.named, line.count, kept.known_at_us, &may);
    struct oracle_outcome outcome = {.fate = ORACLE_APPLIED,
        .known_at_us = kept.known_at_us,
        .node = (line.named[0].node == SIZE_MAX ? oracle->node_count : line.named[0].node) + 1,
        .identifiers_dropped = (uint32_t)(line.count - accepted + line.blocked_count),
        .customers_merged = merged_count(oracle, line.named, accepted)};
    if (applies)
        apply(oracle, &kept, &line, accepted, may);
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

/* --- questions --------------------------------------------------------------------------------------------- */

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
