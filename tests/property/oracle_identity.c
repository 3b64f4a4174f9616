/* The oracle's identity beside events: links that people and matches bring, splits, blocks. */
#include "tests/property/oracle_identity.h"

#include <stdlib.h>
#include <string.h>

#include "tests/property/oracle_inside.h"

/* --- entries ----------------------------------------------------------------------------------------------- */

void oracle_before_entry(struct oracle *oracle)
{
    oracle_relabel(oracle, INT64_MAX);
    oracle->before = oracle_grown(oracle->before, oracle->node_count, sizeof *oracle->before);
    if (oracle->node_count > 0)
        memcpy(oracle->before, oracle->labels, oracle->node_count * sizeof *oracle->labels);
    oracle->before[oracle->node_count] = SIZE_MAX; /* here those end that were there before */
}

void oracle_after_entry(struct oracle *oracle, int64_t known_at_us)
{
    oracle->newest_us = known_at_us;
    oracle_relabel(oracle, INT64_MAX);
    bool old = true;
    for (size_t i = 0; i < oracle->node_count; i++) {
        old = old && oracle->before[i] != SIZE_MAX;
        if (!old || oracle->before[i] != oracle->labels[i])
            oracle->nodes[i].since_us = known_at_us;
    }
}

static struct oracle_link *live_link(const struct oracle *oracle, size_t a, size_t b, int rule)
{
    for (size_t i = 0; i < oracle->link_count; i++) {
        struct oracle_link *link = &oracle->links[i];
        bool pair = (link->a == a && link->b == b) || (link->a == b && link->b == a);
        if (pair && link->until_us == INT64_MAX && (rule == 0 || (int)link->rule == rule))
            return link;
    }
    return NULL;
}

void oracle_strengthen(struct oracle *oracle, size_t a, size_t b, enum oracle_rule rule, int64_t known_at_us)
{
    struct oracle_link *held = live_link(oracle, a, b, (int)rule);
    if (held != NULL) {
        held->count++;
        return;
    }
    oracle->links = oracle_grown(oracle->links, oracle->link_count, sizeof *oracle->links);
    oracle->links[oracle->link_count++] = (struct oracle_link){a, b, known_at_us, INT64_MAX, rule, 1};
}

/* --- links ------------------------------------------------------------------------------------------------- */

/* Has anybody who is in that customer (in: true) or in neither of the two a row that holds, on that side? */
static bool any_holds(const struct oracle *oracle, const struct oracle_separation *separation, int side,
    const size_t *customers, size_t customer_count, bool in)
{
    for (size_t node = 0; node < separation->count; node++) {
        bool inside = false;
        for (size_t i = 0; i < customer_count; i++)
            inside = inside || oracle->labels[node] == customers[i];
        if (inside == in && separation->sides[node] == side && separation->until_us[node] == INT64_MAX)
            return true;
    }
    return false;
}

static void goes_over(struct oracle *oracle, struct oracle_separation *separation, size_t customer, int64_t known_at_us)
{
    for (size_t node = 0; node < separation->count; node++)
        if (separation->sides[node] >= 0 && separation->until_us[node] == INT64_MAX &&
            oracle->labels[node] == customer)
            separation->until_us[node] = known_at_us;
}

/* Of every separation between the two customers: b's go over to a's side; or a's to b's, if only a's side has somebody
 * else; and if there is nobody else at all, it is over. */
static void lift(struct oracle *oracle, size_t a, size_t b, int64_t known_at_us)
{
    const size_t customers[2] = {oracle->labels[a], oracle->labels[b]};
    for (size_t i = 0; i < oracle->separation_count; i++) {
        struct oracle_separation *separation = &oracle->separations[i];
        for (int side = 0; side < 2; side++) {
            if (!any_holds(oracle, separation, side, &customers[0], 1, true) ||
                !any_holds(oracle, separation, 1 - side, &customers[1], 1, true))
                continue;
            bool others_with_a = any_holds(oracle, separation, side, customers, 2, false);
            bool others_with_b = any_holds(oracle, separation, 1 - side, customers, 2, false);
            if (others_with_a && !others_with_b) {
                goes_over(oracle, separation, customers[0], known_at_us);
            } else {
                goes_over(oracle, separation, customers[1], known_at_us);
                if (!others_with_a && !others_with_b)
                    goes_over(oracle, separation, customers[0], known_at_us);
            }
            break;
        }
    }
}

static void join(struct oracle *oracle, const struct oracle_link_request *request, int64_t known_at_us)
{
    oracle_before_entry(oracle);
    if (request->lifts)
        lift(oracle, request->a - 1, request->b - 1, known_at_us);
    oracle_strengthen(oracle, request->a - 1, request->b - 1, request->rule, known_at_us);
    oracle_after_entry(oracle, known_at_us);
}

bool oracle_links_nothing(const struct oracle *oracle, size_t node)
{
    return oracle_blocked_at(oracle, node, INT64_MAX) || oracle->nodes[node].waits ||
           oracle->definitions.identifiers[oracle_type_of_node(oracle, node + 1)].never_links;
}

static struct oracle_may may_link(
    struct oracle *oracle, const struct oracle_link_request *request, int64_t known_at_us)
{
    struct oracle_union joined = {.parties = {oracle->labels[request->a - 1], oracle->labels[request->b - 1]},
        .party_count = 2,
        .known_at_us = known_at_us,
        .weak = request->rule == ORACLE_BY_MATCH && request->score < 0.999,
        .lifts = request->lifts,
        .asks = true,
        .passes = request->rule == ORACLE_BY_HAND ? ~0u : 0};
    struct oracle_may may = oracle_may_join(oracle, &joined);
    if (may.obstacle == ORACLE_NO_OBSTACLE && request->rule == ORACLE_BY_MATCH)
        may.obstacle = request->doubt;
    if (may.obstacle == ORACLE_NO_OBSTACLE && request->rule == ORACLE_BY_HAND && may.second_person)
        may.obstacle = ORACLE_REVIEW_VALUE;
    return may;
}

static void let_wait(struct oracle *oracle, const struct oracle_link_request *request,
    struct oracle_link_outcome *outcome, int64_t known_at_us)
{
    struct oracle_item item = {.a = request->a,
        .b = request->b,
        .obstacle = outcome->obstacle,
        .rule = request->rule,
        .score = request->score,
        .second_person = outcome->second_person};
    if (request->rule == ORACLE_BY_HAND) {
        oracle_name_actor(&item, request->actor);
        item.first_us = known_at_us;
    }
    outcome->item_us = oracle_review(oracle, &item, known_at_us);
    oracle->newest_us = known_at_us;
}

static struct oracle_link_outcome link_or_not(struct oracle *oracle, const struct oracle_link_request *request,
    int64_t clock_us, int64_t floor_us, bool applies)
{
    struct oracle_link_outcome outcome = {.fate = ORACLE_HELD};
    size_t a = request->a - 1, b = request->b - 1;
    int64_t known_at_us = oracle_stamp(oracle, clock_us, floor_us);
    oracle_relabel(oracle, INT64_MAX);
    size_t oldest = oracle->labels[a] < oracle->labels[b] ? oracle->labels[a] : oracle->labels[b];
    size_t other = oracle->labels[a] < oracle->labels[b] ? oracle->labels[b] : oracle->labels[a];
    outcome.customer = oldest + 1;
    if (live_link(oracle, a, b, (int)request->rule) != NULL)
        return outcome;
    bool blocked = oracle_links_nothing(oracle, a) || oracle_links_nothing(oracle, b);
    if (oldest != other || blocked) {
        struct oracle_may may = {.obstacle = ORACLE_BLOCKED};
        if (!blocked)
            may = may_link(oracle, request, known_at_us);
        outcome.obstacle = may.obstacle;
        outcome.second_person = may.second_person;
        outcome.fate = may.obstacle == ORACLE_NO_OBSTACLE    ? ORACLE_LINKED
                       : may.obstacle >= ORACLE_REVIEW_SIZE ? ORACLE_WAITS
                                                             : ORACLE_NOT_LINKED;
        outcome.merged = outcome.fate == ORACLE_LINKED ? other + 1 : 0;
        outcome.customer = outcome.fate == ORACLE_LINKED ? outcome.customer : 0;
    }
    if (outcome.fate != ORACLE_NOT_LINKED)
        outcome.known_at_us = known_at_us;
    if (!applies)
        return outcome;
    if (outcome.fate == ORACLE_LINKED || outcome.fate == ORACLE_HELD)
        join(oracle, request, known_at_us);
    else if (outcome.fate == ORACLE_WAITS)
        let_wait(oracle, request, &outcome, known_at_us);
    return outcome;
}

struct oracle_link_outcome oracle_link(
    struct oracle *oracle, const struct oracle_link_request *request, int64_t clock_us, int64_t floor_us)
{
    return link_or_not(oracle, request, clock_us, floor_us, true);
}

struct oracle_link_outcome oracle_link_preview(
    struct oracle *oracle, const struct oracle_link_request *request, int64_t clock_us, int64_t floor_us)
{
    return link_or_not(oracle, request, clock_us, floor_us, false);
}

/* --- splits ------------------------------------------------------------------------------------------------ */

/* For every node: does it belong to what is split off? Ends of a link are looked at apart. */
static bool is_named(const struct oracle_split_request *request, size_t node)
{
    for (size_t i = 0; i < request->node_count; i++)
        if (request->nodes[i] == node + 1)
            return true;
    return false;
}

static bool is_cut(const struct oracle_split_request *request, const struct oracle_link *link)
{
    if (link->until_us != INT64_MAX)
        return false;
    if (request->node_count == 0)
        return (link->a + 1 == request->a && link->b + 1 == request->b) ||
               (link->a + 1 == request->b && link->b + 1 == request->a);
    return is_named(request, link->a) != is_named(request, link->b);
}

/* Are they of one customer, and not all that it has? A block may be of anything. */
static bool is_possible(const struct oracle *oracle, const struct oracle_split_request *request)
{
    if (request->node_count == 0)
        return oracle->labels[request->a - 1] == oracle->labels[request->b - 1];
    if (request->blocks)
        return true;
    size_t label = oracle->labels[request->nodes[0] - 1];
    bool rest = false;
    for (size_t i = 0; i < request->node_count; i++)
        if (oracle->labels[request->nodes[i] - 1] != label)
            return false;
    for (size_t i = 0; i < oracle->node_count; i++)
        rest = rest || (oracle->labels[i] == label && !is_named(request, i));
    return rest;
}

static struct oracle_split_outcome close_links(
    struct oracle *oracle, const struct oracle_split_request *request, int64_t known_at_us)
{
    struct oracle_split_outcome outcome = {.oldest_closed_us = INT64_MAX};
    for (size_t i = 0; i < oracle->link_count; i++) {
        struct oracle_link *link = &oracle->links[i];
        if (!is_cut(request, link))
            continue;
        outcome.closed++;
        if (link->since_us < outcome.oldest_closed_us)
            outcome.oldest_closed_us = link->since_us;
        link->until_us = known_at_us;
    }
    return outcome;
}

/* Labels are those after; what the customer was before is in `before`. */
static void list_parts(struct oracle *oracle, size_t customer, struct oracle_split_outcome *outcome)
{
    for (size_t i = 0; i < oracle->node_count; i++)
        if (oracle->before[i] == customer && oracle->labels[i] == i)
            oracle->customers[outcome->part_count++] = i + 1;
    outcome->parts = oracle->customers;
}

void oracle_separate(struct oracle *oracle, signed char *sides, int64_t known_at_us)
{
    int64_t *until_us = oracle_grown(NULL, oracle->node_count, sizeof *until_us);
    for (size_t i = 0; i < oracle->node_count; i++)
        until_us[i] = INT64_MAX;
    oracle->separations =
        oracle_grown(oracle->separations, oracle->separation_count, sizeof *oracle->separations);
    oracle->separations[oracle->separation_count++] =
        (struct oracle_separation){known_at_us, sides, until_us, oracle->node_count};
}

/* Those split off against all others; of a link, what hangs together with one end and with the other. */
static void separate(struct oracle *oracle, const struct oracle_split_request *request, size_t customer,
    int64_t known_at_us)
{
    signed char *sides = oracle_grown(NULL, oracle->node_count, 1);
    for (size_t i = 0; i < oracle->node_count; i++) {
        bool off = request->node_count == 0 ? oracle->labels[i] == oracle->labels[request->a - 1]
                                            : is_named(request, i);
        sides[i] = (signed char)(oracle->before[i] != customer ? -1 : off ? 0 : 1);
    }
    oracle_separate(oracle, sides, known_at_us);
}

static struct oracle_split_outcome split(
    struct oracle *oracle, const struct oracle_split_request *request, int64_t known_at_us)
{
    oracle_before_entry(oracle);
    if (!is_possible(oracle, request))
        return (struct oracle_split_outcome){.impossible = true};
    size_t first = (size_t)(request->node_count == 0 ? request->a : request->nodes[0]) - 1;
    size_t customer = oracle->before[first];
    struct oracle_split_outcome outcome = close_links(oracle, request, known_at_us);
    bool again = request->blocks && oracle_blocked_at(oracle, first, INT64_MAX);
    if (again || (outcome.closed == 0 && !request->blocks)) {
        oracle->customers[0] = customer + 1;
        outcome.parts = oracle->customers;
        outcome.part_count = 1;
        return outcome;
    }
    outcome.known_at_us = known_at_us;
    if (request->blocks) {
        oracle->blocks = oracle_grown(oracle->blocks, oracle->block_count, sizeof *oracle->blocks);
        oracle->blocks[oracle->block_count++] = (struct oracle_block){first, known_at_us, INT64_MAX};
        oracle->nodes[first].waits = false;
    }
    oracle_after_entry(oracle, known_at_us);
    list_parts(oracle, customer, &outcome);
    if (!request->may_relink && !request->blocks && outcome.part_count > 1)
        separate(oracle, request, customer, known_at_us);
    return outcome;
}

struct oracle_split_outcome oracle_split(
    struct oracle *oracle, const struct oracle_split_request *request, int64_t clock_us, int64_t floor_us)
{
    return split(oracle, request, oracle_stamp(oracle, clock_us, floor_us));
}

bool oracle_split_is_possible(struct oracle *oracle, const struct oracle_split_request *request)
{
    oracle_relabel(oracle, INT64_MAX);
    return is_possible(oracle, request);
}

static bool is_listed(const struct oracle *oracle, size_t node)
{
    const struct oracle_identifier_type *type =
        &oracle->definitions.identifiers[oracle_type_of_node(oracle, node + 1)];
    const struct oracle_node *of = &oracle->nodes[node];
    for (size_t i = 0; i < type->never_link_count; i++)
        if (strlen(type->never_link[i]) == of->value_length &&
            memcmp(type->never_link[i], of->value, of->value_length) == 0)
            return true;
    return type->never_links;
}

int64_t oracle_unblock(struct oracle *oracle, uint64_t node, int64_t clock_us, int64_t floor_us)
{
    int64_t known_at_us = oracle_stamp(oracle, clock_us, floor_us);
    if (is_listed(oracle, node - 1))
        return 0;
    for (size_t i = 0; i < oracle->block_count; i++)
        if (oracle->blocks[i].node == node - 1 && oracle->blocks[i].until_us == INT64_MAX)
            oracle->blocks[i].until_us = known_at_us;
    oracle->nodes[node - 1].waits = false;
    oracle->newest_us = known_at_us;
    return known_at_us;
}

/* --- what there is ----------------------------------------------------------------------------------------- */

uint64_t oracle_customer_of_node(struct oracle *oracle, uint64_t node, int64_t as_of_us)
{
    oracle_relabel(oracle, as_of_us);
    return oracle->labels[node - 1] == SIZE_MAX ? 0 : oracle->labels[node - 1] + 1;
}

size_t oracle_type_of_node(const struct oracle *oracle, uint64_t node)
{
    size_t type = 0;
    while (strcmp(oracle->definitions.identifiers[type].name, oracle->nodes[node - 1].type) != 0)
        type++;
    return type;
}

struct oracle_identifier oracle_identifier_of_node(const struct oracle *oracle, uint64_t node)
{
    const struct oracle_node *of = &oracle->nodes[node - 1];
    return (struct oracle_identifier){oracle_text_of(of->type), {of->value, of->value_length}};
}

uint64_t oracle_events_of_customer(struct oracle *oracle, uint64_t customer)
{
    uint64_t count = 0;
    oracle_relabel(oracle, INT64_MAX);
    for (size_t i = 0; i < oracle->event_count; i++)
        count += oracle->labels[oracle->events[i].node] == customer - 1;
    return count;
}

int64_t oracle_birth_of_node(const struct oracle *oracle, uint64_t node)
{
    return oracle->nodes[node - 1].birth_us;
}

bool oracle_is_blocked(const struct oracle *oracle, uint64_t node)
{
    return oracle_blocked_at(oracle, node - 1, INT64_MAX);
}

bool oracle_was_separated(const struct oracle *oracle, uint64_t node)
{
    for (size_t i = 0; i < oracle->separation_count; i++)
        if (oracle_separation_side(oracle, i, node) >= 0)
            return true;
    return false;
}

bool oracle_waits_to_be_blocked(const struct oracle *oracle, uint64_t node)
{
    return oracle->nodes[node - 1].waits;
}

size_t oracle_refusals(const struct oracle *oracle, const struct oracle_refused **refusals)
{
    *refusals = oracle->refusals;
    return oracle->refusal_count;
}

size_t oracle_live_links(const struct oracle *oracle)
{
    size_t count = 0;
    for (size_t i = 0; i < oracle->link_count; i++)
        count += oracle->links[i].until_us == INT64_MAX;
    return count;
}

void oracle_live_link(const struct oracle *oracle, size_t i, uint64_t *a, uint64_t *b)
{
    for (size_t j = 0; j < oracle->link_count; j++) {
        if (oracle->links[j].until_us != INT64_MAX || i-- > 0)
            continue;
        *a = oracle->links[j].a + 1;
        *b = oracle->links[j].b + 1;
        return;
    }
    abort();
}

size_t oracle_links(const struct oracle *oracle)
{
    return oracle->link_count;
}

struct oracle_held oracle_link_at(const struct oracle *oracle, size_t i)
{
    const struct oracle_link *link = &oracle->links[i];
    return (struct oracle_held){link->a + 1, link->b + 1, link->since_us, link->until_us, link->rule, link->count};
}

size_t oracle_separations(const struct oracle *oracle)
{
    return oracle->separation_count;
}

int64_t oracle_separation_since(const struct oracle *oracle, size_t i)
{
    return oracle->separations[i].since_us;
}

int64_t oracle_separation_until(const struct oracle *oracle, size_t i, uint64_t node)
{
    return oracle->separations[i].until_us[node - 1];
}

int oracle_separation_side(const struct oracle *oracle, size_t i, uint64_t node)
{
    const struct oracle_separation *separation = &oracle->separations[i];
    return node > separation->count ? -1 : separation->sides[node - 1];
}
