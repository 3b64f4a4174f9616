/* The oracle's rules: what may become one customer, and what a person must decide. */
#include "tests/property/oracle_inside.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

enum { CUSTOMER_NODES_MAX = 200 };

/* --- blocked values ---------------------------------------------------------------------------------------- */

static bool matches(const char *pattern, const char *value, size_t length)
{
    char text[1100];
    regex_t compiled;
    if (length >= sizeof text || regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        abort();
    memcpy(text, value, length);
    text[length] = '\0';
    bool found = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return found;
}

bool oracle_value_blocked(const struct oracle_identifier_type *type, const char *value, size_t length)
{
    if (type->never_links)
        return true;
    for (size_t i = 0; i < type->never_link_count; i++)
        if (strlen(type->never_link[i]) == length && memcmp(type->never_link[i], value, length) == 0)
            return true;
    for (size_t i = 0; i < type->pattern_count; i++)
        if (matches(type->patterns[i], value, length))
            return true;
    return false;
}

bool oracle_blocked_at(const struct oracle *oracle, size_t node, int64_t as_of_us)
{
    for (size_t i = 0; i < oracle->block_count; i++)
        if (oracle->blocks[i].node == node && oracle->blocks[i].since_us < as_of_us &&
            as_of_us <= oracle->blocks[i].until_us)
            return true;
    return false;
}

/* --- joining ----------------------------------------------------------------------------------------------- */

static bool takes_part(const struct oracle *oracle, const struct oracle_union *joined, size_t node)
{
    for (size_t i = 0; i < joined->party_count; i++)
        if (oracle->labels[node] == joined->parties[i])
            return true;
    return false;
}

static bool is_separated(const struct oracle *oracle, const struct oracle_union *joined)
{
    for (size_t i = 0; i < oracle->separation_count; i++) {
        const struct oracle_separation *separation = &oracle->separations[i];
        bool sides[2] = {false, false};
        for (size_t node = 0; node < separation->count; node++)
            if (separation->sides[node] >= 0 && separation->until_us[node] == INT64_MAX &&
                takes_part(oracle, joined, node))
                sides[separation->sides[node]] = true;
        if (sides[0] && sides[1])
            return true;
    }
    return false;
}

/* How many of a type there would be that came after a moment. */
static size_t of_type(
    const struct oracle *oracle, const struct oracle_union *joined, size_t type, int64_t born_after_us)
{
    size_t count = 0;
    for (size_t i = 0; i < oracle->node_count; i++)
        count += strcmp(oracle->nodes[i].type, oracle->definitions.identifiers[type].name) == 0 &&
                 oracle->nodes[i].birth_us > born_after_us && takes_part(oracle, joined, i);
    for (size_t i = 0; i < joined->fresh_count; i++)
        count += joined->fresh[i] == type;
    return count;
}

static size_t size_of_party(const struct oracle *oracle, size_t label)
{
    size_t count = 0;
    for (size_t i = 0; i < oracle->node_count; i++)
        count += oracle->labels[i] == label;
    return count;
}

static enum oracle_obstacle forbidden(const struct oracle *oracle, const struct oracle_union *joined)
{
    const struct oracle_definitions *definitions = &oracle->definitions;
    if (!joined->lifts && is_separated(oracle, joined))
        return ORACLE_SEPARATED;
    for (size_t type = 0; type < definitions->identifier_count; type++)
        if (definitions->identifiers[type].unique && of_type(oracle, joined, type, INT64_MIN) > 1)
            return ORACLE_NOT_UNIQUE;
    for (size_t type = 0; type < definitions->identifier_count; type++) {
        const struct oracle_identifier_type *of = &definitions->identifiers[type];
        int64_t after_us = of->per_us == 0 ? INT64_MIN : joined->known_at_us - of->per_us;
        if (of->max != 0 && of_type(oracle, joined, type, after_us) > of->max)
            return ORACLE_OVER_MAX;
    }
    size_t size = joined->fresh_count;
    for (size_t i = 0; i < joined->party_count; i++)
        size += size_of_party(oracle, joined->parties[i]);
    uint32_t most = definitions->protection.size_max;
    return size > (most == 0 ? CUSTOMER_NODES_MAX : most) ? ORACLE_OVER_SIZE : ORACLE_NO_OBSTACLE;
}

/* What a customer is worth as of T; false: it has no value. */
static bool worth(const struct oracle *oracle, size_t label, int64_t as_of_us, double *value)
{
    const struct oracle_definitions *definitions = &oracle->definitions;
    const struct oracle_kept_event **events = calloc(oracle->event_count + 1, sizeof *events);
    struct oracle_row *row = calloc(1, sizeof *row);
    if (events == NULL || row == NULL)
        abort();
    size_t count = 0;
    for (size_t i = 0; i < oracle->event_count; i++) {
        const struct oracle_kept_event *event = &oracle->events[i];
        if (event->known_at_us < as_of_us && event->time_us < as_of_us && oracle->labels[event->node] == label)
            events[count++] = event;
    }
    size_t of = definitions->protection.value;
    bool derived = definitions->features[of].aggregation == ORACLE_DERIVED;
    for (size_t i = derived ? 0 : of; i <= of; i++)
        oracle_evaluate(definitions, i, events, count, as_of_us, row);
    bool known = row->values[of].status == ORACLE_PRESENT;
    *value = row->values[of].type == ORACLE_VALUE_INT64 ? (double)row->values[of].integer : row->values[of].real;
    free(events);
    free(row);
    return known;
}

/* How many of the parties are worth at least so much. */
static size_t worth_at_least(const double *values, const bool *known, size_t count, double bound)
{
    size_t many = 0;
    for (size_t i = 0; i < count; i++)
        many += known[i] && values[i] >= bound;
    return many;
}

static bool counts(const struct oracle_union *joined, enum oracle_obstacle obstacle)
{
    return !(joined->passes >> (obstacle - ORACLE_REVIEW_SIZE) & 1);
}

/* What goes to review; labels are those of now. */
static struct oracle_may for_review(const struct oracle *oracle, const struct oracle_union *joined)
{
    const struct oracle_protection *protection = &oracle->definitions.protection;
    struct oracle_may may = {0};
    double values[33];
    bool known[33] = {false};
    size_t size = joined->fresh_count, established = 0;
    for (size_t i = 0; i < joined->party_count; i++) {
        size_t here = size_of_party(oracle, joined->parties[i]);
        size += here;
        established += here >= protection->bridge;
        if (protection->by_value)
            known[i] = worth(oracle, joined->parties[i], joined->known_at_us, &values[i]);
    }
    size_t count = protection->by_value ? joined->party_count : 0;
    may.second_person = protection->has_second && worth_at_least(values, known, count, protection->second) >= 1;
    bool either = protection->has_either && worth_at_least(values, known, count, protection->either) >= 1;
    bool both = protection->has_both && worth_at_least(values, known, count, protection->both) >= 2;
    if (protection->size_review != 0 && size > protection->size_review && counts(joined, ORACLE_REVIEW_SIZE))
        may.obstacle = ORACLE_REVIEW_SIZE;
    else if (protection->bridge != 0 && joined->weak && established >= 2 && counts(joined, ORACLE_REVIEW_BRIDGE))
        may.obstacle = ORACLE_REVIEW_BRIDGE;
    else if ((either || both) && counts(joined, ORACLE_REVIEW_VALUE))
        may.obstacle = ORACLE_REVIEW_VALUE;
    return may;
}

struct oracle_may oracle_may_join(struct oracle *oracle, const struct oracle_union *joined)
{
    struct oracle_may may = {.obstacle = forbidden(oracle, joined)};
    if (may.obstacle != ORACLE_NO_OBSTACLE || joined->party_count < 2 || !joined->asks)
        return may;
    return for_review(oracle, joined);
}
