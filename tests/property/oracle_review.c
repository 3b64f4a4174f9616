/* The oracle's review queue: items, what they were at any time, and verdicts. */
#include "tests/property/oracle_identity.h"

#include <stdlib.h>
#include <string.h>

#include "tests/property/oracle_inside.h"

enum { EXPIRES_DAYS = 30 };

static int64_t expires_after(const struct oracle *oracle)
{
    int64_t us = oracle->definitions.protection.expires_us;
    return us == 0 ? EXPIRES_DAYS * INT64_C(86400000000) : us;
}

void oracle_name_actor(struct oracle_item *item, const char *actor)
{
    size_t length = strlen(actor);
    if (length >= sizeof item->first_actor)
        abort();
    memcpy(item->first_actor, actor, length + 1);
}

int64_t oracle_review(struct oracle *oracle, const struct oracle_item *given, int64_t known_at_us)
{
    struct oracle_item item = *given;
    item.a = given->a < given->b ? given->a : given->b;
    item.b = given->a < given->b ? given->b : given->a;
    item.first_seen = 0;
    for (size_t i = 0; i < oracle->item_count; i++) {
        struct oracle_item *held = &oracle->items[i];
        if (held->a != item.a || held->b != item.b || held->decided_us != 0 || held->expires_us <= known_at_us)
            continue;
        held->count++;
        held->last_us = known_at_us;
        held->second_person = held->second_person || item.second_person || item.first_us != 0;
        if (item.first_us != 0 && held->first_us == 0) {
            held->first_us = item.first_us;
            memcpy(held->first_actor, item.first_actor, sizeof held->first_actor);
            held->first_seen = oracle_seen(oracle, i);
        }
        return held->item_us;
    }
    item.item_us = item.last_us = known_at_us;
    item.count = 1;
    item.expires_us = known_at_us + expires_after(oracle);
    item.second_person = item.second_person || item.first_us != 0;
    oracle->items = oracle_grown(oracle->items, oracle->item_count, sizeof *oracle->items);
    oracle->items[oracle->item_count++] = item;
    if (item.first_us != 0)
        oracle->items[oracle->item_count - 1].first_seen = oracle_seen(oracle, oracle->item_count - 1);
    return item.item_us;
}

size_t oracle_items(const struct oracle *oracle, const struct oracle_item **items)
{
    *items = oracle->items;
    return oracle->item_count;
}

enum oracle_state oracle_state_at(struct oracle *oracle, size_t place, int64_t as_of_us)
{
    const struct oracle_item *item = &oracle->items[place];
    if (item->decided_us != 0 && item->decided_us < as_of_us)
        return item->approved ? ORACLE_APPROVED : ORACLE_REJECTED;
    if (item->expires_us <= as_of_us)
        return ORACLE_EXPIRED;
    oracle_relabel(oracle, as_of_us);
    if (oracle->labels[item->a - 1] == oracle->labels[item->b - 1] ||
        oracle_blocked_at(oracle, item->a - 1, as_of_us) || oracle_blocked_at(oracle, item->b - 1, as_of_us))
        return ORACLE_MOOT;
    return item->first_us != 0 && item->first_us < as_of_us ? ORACLE_HALF_APPROVED : ORACLE_OPEN;
}

/* --- what a reviewer sees ---------------------------------------------------------------------------------- */

static uint64_t mixed(uint64_t sum, uint64_t number)
{
    sum = (sum ^ number) * UINT64_C(0x9E3779B97F4A7C15);
    return sum ^ (sum >> 29);
}

static uint64_t side_seen(const struct oracle *oracle, size_t label, uint64_t sum)
{
    int64_t newest_us = INT64_MIN;
    for (size_t i = 0; i < oracle->node_count; i++) {
        if (oracle->labels[i] != label)
            continue;
        sum = mixed(sum, i);
        sum = mixed(sum, (uint64_t)oracle_was_separated(oracle, i + 1) + 2 * oracle_is_blocked(oracle, i + 1));
        if (oracle->nodes[i].since_us > newest_us)
            newest_us = oracle->nodes[i].since_us;
    }
    return mixed(sum, (uint64_t)newest_us);
}

uint64_t oracle_seen(struct oracle *oracle, size_t place)
{
    const struct oracle_item *item = &oracle->items[place];
    oracle_relabel(oracle, INT64_MAX);
    uint64_t sum = side_seen(oracle, oracle->labels[item->a - 1], 1);
    return side_seen(oracle, oracle->labels[item->b - 1], sum);
}

/* --- verdicts ---------------------------------------------------------------------------------------------- */

static int64_t reject(struct oracle *oracle, struct oracle_item *item, int64_t known_at_us)
{
    signed char *sides = oracle_grown(NULL, oracle->node_count, 1);
    oracle_relabel(oracle, INT64_MAX);
    for (size_t i = 0; i < oracle->node_count; i++)
        sides[i] = (signed char)(oracle->labels[i] == oracle->labels[item->a - 1]   ? 0
                                 : oracle->labels[i] == oracle->labels[item->b - 1] ? 1
                                                                                    : -1);
    oracle_separate(oracle, sides, known_at_us);
    item->decided_us = known_at_us;
    oracle->newest_us = known_at_us;
    return known_at_us;
}

/* Is what would link them of the weakest kind, by the definitions as they are? */
static bool is_weak(const struct oracle *oracle, const struct oracle_item *item)
{
    const struct oracle_identifier_type *types = oracle->definitions.identifiers;
    if (item->rule == ORACLE_BY_MATCH)
        return item->score < 0.999;
    return item->rule == ORACLE_BY_EVENT &&
           (types[oracle_type_of_node(oracle, item->a)].weak || types[oracle_type_of_node(oracle, item->b)].weak);
}

/* Would the link be made, if the reviews of `passes` do not count? */
static struct oracle_may may_approve(
    struct oracle *oracle, const struct oracle_item *item, int64_t known_at_us, unsigned passes)
{
    oracle_relabel(oracle, INT64_MAX);
    struct oracle_union joined = {.parties = {oracle->labels[item->a - 1], oracle->labels[item->b - 1]},
        .party_count = 2,
        .known_at_us = known_at_us,
        .weak = is_weak(oracle, item),
        .asks = true,
        .passes = passes};
    return oracle_may_join(oracle, &joined);
}

static void approve(struct oracle *oracle, struct oracle_item *item, int64_t known_at_us,
    struct oracle_verdict_outcome *outcome)
{
    oracle_before_entry(oracle);
    size_t a = oracle->before[item->a - 1], b = oracle->before[item->b - 1];
    oracle_strengthen(oracle, item->a - 1, item->b - 1, ORACLE_BY_REVIEW, known_at_us);
    oracle_after_entry(oracle, known_at_us);
    item->decided_us = known_at_us;
    item->approved = true;
    outcome->state = ORACLE_APPROVED;
    outcome->link = (struct oracle_link_outcome){.fate = ORACLE_LINKED,
        .known_at_us = known_at_us,
        .customer = (a < b ? a : b) + 1,
        .merged = (a < b ? b : a) + 1};
}

static void approve_first(struct oracle *oracle, struct oracle_item *item, const struct oracle_verdict *verdict,
    uint64_t seen, int64_t known_at_us)
{
    oracle_name_actor(item, verdict->actor);
    item->first_us = known_at_us;
    item->first_seen = seen;
    item->second_person = true;
    oracle->newest_us = known_at_us;
}

struct oracle_verdict_outcome oracle_decide(
    struct oracle *oracle, const struct oracle_verdict *verdict, int64_t clock_us, int64_t floor_us)
{
    struct oracle_verdict_outcome outcome = {.refused = true};
    struct oracle_item *item = &oracle->items[verdict->item];
    int64_t known_at_us = oracle_stamp(oracle, clock_us, floor_us);
    outcome.state = oracle_state_at(oracle, verdict->item, known_at_us);
    if (outcome.state != ORACLE_OPEN && outcome.state != ORACLE_HALF_APPROVED)
        return outcome;
    if (!verdict->approve) {
        outcome.state = ORACLE_REJECTED;
        outcome.known_at_us = reject(oracle, item, known_at_us);
        outcome.refused = false;
        return outcome;
    }
    uint64_t seen = oracle_seen(oracle, verdict->item);
    bool as_seen = verdict->has_seen && verdict->seen == seen;
    bool half = outcome.state == ORACLE_HALF_APPROVED;
    unsigned told = 1u << (item->obstacle - ORACLE_REVIEW_SIZE);
    if (item->second_person)
        told |= 1u << (ORACLE_REVIEW_VALUE - ORACLE_REVIEW_SIZE);
    struct oracle_may may = may_approve(oracle, item, known_at_us, as_seen ? ~0u : told);
    if (may.obstacle != ORACLE_NO_OBSTACLE)
        return outcome;
    bool first_holds = half && (item->first_seen == seen ||
                                   may_approve(oracle, item, known_at_us, told).obstacle == ORACLE_NO_OBSTACLE);
    if (first_holds && strcmp(item->first_actor, verdict->actor) == 0)
        return outcome;
    bool links = first_holds || (!half && !item->second_person && !may.second_person);
    if (links && (oracle_links_nothing(oracle, item->a - 1) || oracle_links_nothing(oracle, item->b - 1)))
        return outcome;
    outcome.refused = false;
    outcome.known_at_us = known_at_us;
    outcome.changed = verdict->has_seen && !as_seen;
    outcome.replaced = half && !first_holds;
    if (links) {
        approve(oracle, item, known_at_us, &outcome);
        return outcome;
    }
    seen = verdict->has_seen ? verdict->seen : 0; /* nothing seen is nothing that stays the same */
    outcome.state = ORACLE_HALF_APPROVED;
    approve_first(oracle, item, verdict, seen, known_at_us);
    return outcome;
}
