/* What can happen to identity: links, splits, blocks, and the ways back. */
#include <stdlib.h>

#include "store/changes/to_block.h"
#include "tests/property/history_identity.h"

static const char *const ACTORS[] = {"ada", "bob", "eve"};

/* --- everybody, now ---------------------------------------------------------------------------------------- */

void history_compare_everyone(struct history *history)
{
    const uint64_t *customers;
    size_t count = oracle_customers(history->oracle, INT64_MAX, &customers);
    uint64_t *copy = arena_array(&history->world.arena, count + 1, sizeof *copy);
    if (count > 0)
        memcpy(copy, customers, count * sizeof *copy);
    fprintf(history->log, "compare %zu customers\n", count);
    for (size_t i = 0; i < count; i++) {
        struct oracle_identifier identifier = history_identifier_of(history, copy[i]);
        history_ask_all_of(history, &identifier);
        history->figures->identity.everyone++;
    }
}

static void compare_some(struct history *history)
{
    if (dice_chance(&history->world.dice, 25) && oracle_node_count(history->oracle) < 200)
        history_compare_everyone(history);
    if (dice_chance(&history->world.dice, 40))
        history_ask_again(history, 5);
}

/* --- links ------------------------------------------------------------------------------------------------- */

static bool are_one(struct history *history, uint64_t a, uint64_t b)
{
    return oracle_customer_of_node(history->oracle, a, INT64_MAX) ==
           oracle_customer_of_node(history->oracle, b, INT64_MAX);
}

/* Two nodes, mostly of different customers; false: there are none. */
static bool two_nodes(struct history *history, uint64_t *a, uint64_t *b)
{
    bool apart = dice_chance(&history->world.dice, 80);
    for (int attempt = 0; attempt < 10; attempt++) {
        *a = history_any_node(history);
        *b = history_any_node(history);
        if (*a != *b && (!apart || !are_one(history, *a, *b)))
            return true;
    }
    return false;
}

static struct oracle_link_request random_link(struct history *history)
{
    static const double scores[] = {0.85, 0.9, 0.99899, 0.999, 0.9999, 1.0};
    struct dice *dice = &history->world.dice;
    struct oracle_link_request request = {
        .rule = dice_chance(dice, 60) ? ORACLE_BY_HAND : ORACLE_BY_MATCH, .actor = ACTORS[dice_below(dice, 3)]};
    if (request.rule == ORACLE_BY_MATCH) {
        request.score = scores[dice_below(dice, 6)];
        request.doubt = dice_chance(dice, 60) ? ORACLE_NO_OBSTACLE
                        : dice_chance(dice, 50) ? ORACLE_REVIEW_SCORE
                                                : ORACLE_REVIEW_CLUSTER;
    } else {
        request.lifts = dice_chance(dice, 30);
    }
    return request;
}

static size_t separations_that_hold(const struct history *history)
{
    size_t count = 0;
    for (size_t i = 0; i < oracle_separations(history->oracle); i++)
        for (uint64_t node = 1; node <= oracle_node_count(history->oracle); node++)
            count += oracle_separation_side(history->oracle, i, node) >= 0 &&
                     oracle_separation_until(history->oracle, i, node) == INT64_MAX;
    return count;
}

/* Were they of one customer before? */
static bool were_one(struct history *history, uint64_t a, uint64_t b)
{
    for (size_t i = 0; i < oracle_links(history->oracle); i++) {
        struct oracle_held held = oracle_link_at(history->oracle, i);
        if (held.until_us != INT64_MAX &&
            oracle_customer_of_node(history->oracle, a, held.until_us) != 0 &&
            oracle_customer_of_node(history->oracle, a, held.until_us) ==
                oracle_customer_of_node(history->oracle, b, held.until_us))
            return true;
    }
    return false;
}

static struct oracle_link_outcome link_counted(struct history *history, const struct oracle_link_request *request)
{
    size_t apart = separations_that_hold(history);
    bool again = were_one(history, request->a, request->b);
    struct oracle_link_outcome outcome = history_link(history, request);
    history->figures->identity.lifted += separations_that_hold(history) < apart;
    history->figures->identity.merged_again += outcome.fate == ORACLE_LINKED && again;
    return outcome;
}

static bool in_memory(const struct history *history)
{
    return history->directory[0] == '\0';
}

static void happen_link(struct history *history, bool may_fail)
{
    struct oracle_link_request request = random_link(history);
    if (!two_nodes(history, &request.a, &request.b))
        return;
    if (may_fail && in_memory(history) && dice_chance(&history->world.dice, 5)) {
        history_failing_link(history, &request);
        return;
    }
    link_counted(history, &request);
    if (dice_chance(&history->world.dice, 10)) /* and once more */
        link_counted(history, &request);
    compare_some(history);
}

void history_happen_link(struct history *history)
{
    happen_link(history, true);
}

void history_happen_sure_link(struct history *history)
{
    happen_link(history, false);
}

/* Across a cut that was made once. */
void history_happen_relink(struct history *history)
{
    struct dice *dice = &history->world.dice;
    struct oracle_link_request request = random_link(history);
    size_t count = oracle_links(history->oracle);
    for (int attempt = 0; attempt < 10 && count > 0; attempt++) {
        struct oracle_held held = oracle_link_at(history->oracle, dice_below(dice, count));
        if (held.until_us == INT64_MAX || are_one(history, held.a, held.b))
            continue;
        request.a = held.a;
        request.b = held.b;
        request.lifts = request.rule == ORACLE_BY_HAND && dice_chance(dice, 70);
        link_counted(history, &request);
        compare_some(history);
        return;
    }
}

/* --- splits ------------------------------------------------------------------------------------------------ */

static const struct oracle_event *event_with(
    struct history *history, int64_t time_us, uint64_t node, const struct oracle_identifier *second)
{
    struct oracle_event *event = world_event(&history->world, time_us);
    struct oracle_identifier *identifiers = (struct oracle_identifier *)event->identifiers;
    identifiers[0] = history_identifier_of(history, node);
    event->identifier_count = 1;
    if (second != NULL)
        identifiers[event->identifier_count++] = *second;
    return event;
}

static uint64_t node_of_customer(struct history *history, uint64_t customer)
{
    uint64_t node = customer;
    for (int attempt = 0; attempt < 20; attempt++) {
        uint64_t other = history_any_node(history);
        if (oracle_customer_of_node(history->oracle, other, INT64_MAX) == customer)
            node = other;
    }
    return node;
}

/* What comes while the plan is made: events of the customer, new identifiers of it, links, anything. */
static void something_meanwhile(struct history *history, const struct oracle_split_request *request)
{
    struct dice *dice = &history->world.dice;
    uint64_t named = request->node_count == 0 ? request->a : request->nodes[0];
    uint64_t customer = oracle_customer_of_node(history->oracle, named, INT64_MAX);
    for (size_t left = 1 + dice_below(dice, 3); left > 0; left--) {
        uint64_t node = dice_chance(dice, 50) ? named : node_of_customer(history, customer);
        struct oracle_identifier fresh = world_fresh_identifier(&history->world, history->world.loose_type);
        struct oracle_identifier other = world_identifier(&history->world, SIZE_MAX);
        const struct oracle_identifier *second =
            dice_chance(dice, 50) ? NULL : dice_chance(dice, 60) ? &fresh : &other;
        if (dice_chance(dice, 12)) {
            history_happen_sure_link(history);
            continue;
        }
        if (dice_chance(dice, 10)) {
            history_decide(history);
            continue;
        }
        const struct oracle_event *event =
            event_with(history, oracle_newest_known_at(history->oracle) - dice_between(dice, -WORLD_DAY, WORLD_DAY),
                node, second);
        history_group(history, &event, 1, NULL, false);
    }
}

static void nothing_meanwhile(struct history *history, const struct oracle_split_request *request)
{
    (void)history, (void)request;
}

/* Some nodes of a customer that has several, but mostly not all; false: nobody has. */
static bool some_nodes(struct history *history, uint64_t *nodes, size_t room, size_t *count)
{
    struct dice *dice = &history->world.dice;
    for (int attempt = 0; attempt < 12; attempt++) {
        uint64_t node = history_any_node(history);
        if (node == 0)
            return false;
        uint64_t customer = oracle_customer_of_node(history->oracle, node, INT64_MAX);
        size_t all = 0;
        *count = 0;
        for (uint64_t other = 1; other <= oracle_node_count(history->oracle); other++) {
            if (oracle_customer_of_node(history->oracle, other, INT64_MAX) != customer)
                continue;
            all++;
            if (*count < room && (other == node || dice_chance(dice, 30)))
                nodes[(*count)++] = other;
        }
        if (all > 1 && *count > 0 && (*count < all || dice_chance(dice, 5)))
            return true;
    }
    return false;
}

enum { SPLIT_NODES_MAX = 8 };

static bool random_split(struct history *history, struct oracle_split_request *request, uint64_t *nodes)
{
    struct dice *dice = &history->world.dice;
    size_t links = oracle_live_links(history->oracle);
    *request = (struct oracle_split_request){.may_relink = dice_chance(dice, 45)};
    size_t way = dice_below(dice, 100);
    if (way < 40) {
        if (links == 0)
            return false;
        oracle_live_link(history->oracle, dice_below(dice, links), &request->a, &request->b);
        for (int attempt = 0; attempt < 10 && dice_chance(dice, 20); attempt++) { /* perhaps there is no such link */
            uint64_t other = history_any_node(history);
            if (other != request->a && are_one(history, other, request->a))
                request->b = other;
        }
        return dice_chance(dice, 98) || two_nodes(history, &request->a, &request->b);
    }
    request->nodes = nodes;
    if (way >= 88) {
        request->node_count = 1;
        request->blocks = true;
        request->may_relink = false;
        nodes[0] = history_any_node(history);
        return nodes[0] != 0;
    }
    return some_nodes(history, nodes, SPLIT_NODES_MAX, &request->node_count);
}

/* A customer that was split before. */
static bool was_split(struct history *history, const struct oracle_split_request *request)
{
    uint64_t node = request->node_count == 0 ? request->a : request->nodes[0];
    for (size_t i = 0; i < oracle_links(history->oracle); i++) {
        struct oracle_held held = oracle_link_at(history->oracle, i);
        if (held.until_us != INT64_MAX && (are_one(history, held.a, node) || are_one(history, held.b, node)))
            return true;
    }
    return false;
}

static void happen_split(struct history *history, bool may_fail)
{
    struct dice *dice = &history->world.dice;
    uint64_t nodes[SPLIT_NODES_MAX];
    struct oracle_split_request request;
    if (!random_split(history, &request, nodes))
        return;
    if (may_fail && in_memory(history) && dice_chance(dice, 5)) {
        history_failing_split(history, &request);
        return;
    }
    bool again = was_split(history, &request);
    struct oracle_split_outcome outcome =
        history_split(history, &request, dice_chance(dice, 45) ? something_meanwhile : nothing_meanwhile);
    history->figures->identity.split_again += again && outcome.part_count > 1;
    compare_some(history);
}

void history_happen_split(struct history *history)
{
    happen_split(history, true);
}

void history_happen_sure_split(struct history *history)
{
    happen_split(history, false);
}

void history_happen_unblock(struct history *history)
{
    size_t count = oracle_node_count(history->oracle);
    uint64_t first = history_any_node(history);
    for (size_t i = 0; i < count; i++) {
        uint64_t node = 1 + (first + i) % count;
        if (!oracle_is_blocked(history->oracle, node))
            continue;
        history_unblock(history, node);
        return;
    }
}

/* --- where a window of a type's maximum ends ------------------------------------------------------ */

/* An event of the node and an identifier that nobody has seen. */
static void join_fresh(struct history *history, uint64_t node, size_t type)
{
    struct oracle_identifier fresh = world_fresh_identifier(&history->world, type);
    const struct oracle_event *event =
        event_with(history, oracle_newest_known_at(history->oracle) + 1, node, &fresh);
    history_group(history, &event, 1, NULL, false);
}

/* A customer gets as many of a type as it may have, and one more just before, as or after the first counts no
 * longer. */
void history_happen_window(struct history *history)
{
    struct dice *dice = &history->world.dice;
    size_t type = dice_below(dice, history->world.definitions.identifier_count);
    const struct oracle_identifier_type *of = &history->world.definitions.identifiers[type];
    uint64_t node = 0;
    for (uint64_t i = 1; i <= oracle_node_count(history->oracle); i++)
        if (oracle_type_of_node(history->oracle, i) == type && (node == 0 || dice_chance(dice, 30)))
            node = i;
    if (of->per_us == 0 || node == 0)
        return;
    int64_t ends_us = oracle_birth_of_node(history->oracle, node) + of->per_us + dice_between(dice, -1, 1);
    for (uint32_t i = 0; i < of->max; i++)
        join_fresh(history, node, type);
    if (ends_us <= oracle_newest_known_at(history->oracle) || ends_us < history->answered_us ||
        ends_us < history->clock_us)
        return;
    history->clock_us = ends_us;
    join_fresh(history, node, type);
    history->figures->identity.windows_end++;
}

/* --- a link, and back -------------------------------------------------------------------------------------- */

struct before {
    uint64_t *customers; /* of every node */
    struct answer **answers; /* of each customer */
    size_t node_count;
};

static struct before remember_everyone(struct history *history, int64_t as_of_us)
{
    struct arena *arena = &history->world.arena;
    struct before before = {.node_count = oracle_node_count(history->oracle)};
    before.customers = arena_array(arena, before.node_count + 1, sizeof *before.customers);
    before.answers = arena_array(arena, before.node_count + 1, sizeof(struct answer *));
    struct history_view view = {0};
    history_view_take(history, &view);
    for (size_t i = 0; i < before.node_count; i++) {
        before.customers[i] = oracle_customer_of_node(history->oracle, i + 1, INT64_MAX);
        struct oracle_identifier identifier = history_identifier_of(history, i + 1);
        if (before.customers[i] == i + 1)
            before.answers[i] = history_answer_now(history, &view.view, &identifier, as_of_us);
    }
    history_view_drop(history, &view);
    return before;
}

/* A link by hand that is taken back at once leaves no trace in who is one, in ids, and in what is known of anybody. */
void history_happen_undo(struct history *history)
{
    struct oracle_link_request request = {.rule = ORACLE_BY_HAND, .actor = "ada"};
    if (oracle_node_count(history->oracle) > 200 || !two_nodes(history, &request.a, &request.b) ||
        are_one(history, request.a, request.b) ||
        oracle_link_preview(history->oracle, &request, history->clock_us, history->answered_us).fate != ORACLE_LINKED)
        return;
    int64_t later_us = history->clock_us > oracle_newest_known_at(history->oracle)
                           ? history->clock_us
                           : oracle_newest_known_at(history->oracle);
    later_us = (later_us > history->answered_us ? later_us : history->answered_us) + 10 * WORLD_SECOND;
    fprintf(history->log, "link and take back\n");
    struct before before = remember_everyone(history, later_us);
    link_counted(history, &request);
    if (dice_chance(&history->world.dice, 20))
        history_restart_as_it_is(history);
    struct oracle_split_request back = {.a = request.a, .b = request.b, .may_relink = true};
    if (dice_chance(&history->world.dice, 50))
        back = (struct oracle_split_request){.a = request.b, .b = request.a};
    history_split(history, &back, NULL);
    struct before after = remember_everyone(history, later_us);
    for (size_t i = 0; i < before.node_count; i++) {
        if (before.customers[i] != after.customers[i])
            history_fail(history, "a link was taken back, and node %zu is not of the customer it was of", i + 1);
        if (before.answers[i] != NULL && !answer_equal(before.answers[i], after.answers[i]))
            history_fail(history, "a link was taken back, and customer %zu is not what it was", i + 1);
    }
    history->figures->identity.undone++;
}

/* --- what the definitions have come to block --------------------------------------------------------------- */

static bool waits_in_store(struct history *history, const struct view *view, uint64_t node)
{
    struct error error;
    struct to_block found;
    enum patron_code code = to_block_next(view, node, &found, &error);
    if (code != PATRON_OK && code != PATRON_NOT_FOUND)
        history_fail(history, "what waits to be blocked cannot be read: %s", error.text);
    return code == PATRON_OK && found.node == node;
}

/* Both say who waits; now and then the first is blocked. */
void history_happen_drain(struct history *history)
{
    struct history_view view = {0};
    history_view_take(history, &view);
    arena_reset(&history->call);
    uint64_t first = 0;
    for (uint64_t node = 1; node <= oracle_node_count(history->oracle); node++) {
        bool ours = oracle_waits_to_be_blocked(history->oracle, node);
        if (waits_in_store(history, &view.view, node) != ours)
            history_fail(history, "node %llu %s to be blocked", (unsigned long long)node,
                ours ? "does not wait" : "waits");
        first = ours && first == 0 ? node : first;
    }
    history_view_drop(history, &view);
    if (first == 0 || dice_chance(&history->world.dice, 30))
        return;
    struct oracle_split_request request = {.nodes = &first, .node_count = 1, .blocks = true};
    history_split(history, &request, NULL);
    history->figures->identity.blocked_by_definitions++;
    if (oracle_waits_to_be_blocked(history->oracle, first))
        history_fail(history, "node %llu was blocked and waits still", (unsigned long long)first);
}
