/* Entries of the log that no event brings, made on both sides. */
#include <stdlib.h>

#include "tests/property/history_identity.h"

static const char *const FATES[] = {"?", "made", "held", "refused", "waits"};

struct oracle_identifier history_identifier_of(struct history *history, uint64_t node)
{
    struct oracle_identifier of = oracle_identifier_of_node(history->oracle, node);
    struct arena *arena = &history->world.arena;
    struct oracle_text value = {
        arena_string(arena, bytes_of(of.value.data, of.value.length)), of.value.length};
    return (struct oracle_identifier){
        {arena_string(arena, bytes_of(of.type.data, of.type.length)), of.type.length}, value};
}

uint64_t history_any_node(struct history *history)
{
    size_t count = oracle_node_count(history->oracle);
    return count == 0 ? 0 : 1 + dice_below(&history->world.dice, count);
}

/* --- links ------------------------------------------------------------------------------------------------- */

static void count_link(struct history *history, const struct oracle_link_request *request,
    const struct oracle_link_outcome *outcome)
{
    struct history_identity_figures *figures = &history->figures->identity;
    figures->link_obstacles[outcome->obstacle]++;
    figures->links_made[request->rule] += outcome->fate == ORACLE_LINKED;
    figures->links_held[request->rule] += outcome->fate == ORACLE_HELD && outcome->known_at_us != 0;
    figures->links_again += outcome->fate == ORACLE_HELD && outcome->known_at_us == 0;
    if (outcome->fate == ORACLE_LINKED) {
        history->has.merges++;
        history->figures->merges++;
    }
}

static void check_link(
    struct history *history, const struct oracle_link_outcome *ours, const struct link_outcome *theirs)
{
    if ((int)theirs->fate != (int)ours->fate || theirs->known_at_us != ours->known_at_us)
        history_fail(history, "the link %s at %lld by the store (%s), and should be: %s at %lld (obstacle %d)",
            FATES[theirs->fate], (long long)theirs->known_at_us, theirs->words, FATES[ours->fate],
            (long long)ours->known_at_us, (int)ours->obstacle);
    bool told = ours->fate == ORACLE_NOT_LINKED || ours->fate == ORACLE_WAITS;
    if (told && ((int)theirs->verdict.obstacle != (int)ours->obstacle || theirs->words[0] == '\0'))
        history_fail(history, "the obstacle is %d (%s), not %d", (int)theirs->verdict.obstacle, theirs->words,
            (int)ours->obstacle);
    if (ours->fate == ORACLE_WAITS && theirs->item_us != ours->item_us)
        history_fail(history, "the item is %lld, not %lld", (long long)theirs->item_us, (long long)ours->item_us);
    bool joined = ours->fate == ORACLE_LINKED || ours->fate == ORACLE_HELD;
    if (joined && theirs->customer != ours->customer)
        history_fail(history, "they are customer %llu, not %llu", (unsigned long long)theirs->customer,
            (unsigned long long)ours->customer);
    if (ours->fate == ORACLE_LINKED && theirs->merged != ours->merged)
        history_fail(history, "customer %llu gave up its id, not %llu", (unsigned long long)theirs->merged,
            (unsigned long long)ours->merged);
}

static struct link_request link_translated(const struct oracle_link_request *request)
{
    return (struct link_request){.a = request->a,
        .b = request->b,
        .rule = (enum link_rule)request->rule,
        .score = request->score,
        .model = request->rule == ORACLE_BY_MATCH ? 1 : 0,
        .doubt = (enum obstacle)request->doubt,
        .lifts = request->lifts,
        .actor = bytes_from_string(request->rule == ORACLE_BY_HAND ? request->actor : ""),
        .reason = bytes_from_string(request->rule == ORACLE_BY_HAND ? "because" : "")};
}

/* What a view says would become of it. */
static void check_foretold(struct history *history, const struct link_request *request,
    const struct oracle_link_outcome *ours)
{
    struct error error;
    struct history_view view = {0};
    struct arena arena = {0};
    struct link_outcome foretold = {0};
    history_view_take(history, &view);
    if (link_check(&view.view, request, ours->known_at_us, &arena, &foretold, &error) != PATRON_OK)
        history_fail(history, "a link cannot be foretold: %s", error.text);
    if ((int)foretold.fate != (int)ours->fate || (int)foretold.verdict.obstacle != (int)ours->obstacle)
        history_fail(history, "it was foretold that the link %s (%s), and it %s (obstacle %d)", FATES[foretold.fate],
            foretold.words, FATES[ours->fate], (int)ours->obstacle);
    history_view_drop(history, &view);
    arena_clear(&arena);
}

struct oracle_link_outcome history_link(struct history *history, const struct oracle_link_request *request)
{
    struct error error;
    struct link_request translated = link_translated(request);
    fprintf(history->log, "link %llu and %llu by rule %d, score %g, doubt %d%s, %s\n",
        (unsigned long long)request->a, (unsigned long long)request->b, (int)request->rule, request->score,
        (int)request->doubt, request->lifts ? ", lifts" : "", request->actor);
    struct oracle_link_outcome ours =
        oracle_link_preview(history->oracle, request, history->clock_us, history->answered_us);
    if (ours.known_at_us != 0 && dice_chance(&history->world.dice, 30))
        check_foretold(history, &translated, &ours);
    history_record_link(history, &translated);
    history_begin_group(history, false);
    struct link_outcome theirs = {0};
    if (group_link(history->store, &translated, &theirs, &error) != PATRON_OK)
        history_fail(history, "a link fails: %s", error.text);
    ours = oracle_link(history->oracle, request, history->clock_us, history->answered_us);
    check_link(history, &ours, &theirs);
    history_commit_group(history);
    count_link(history, request, &ours);
    fprintf(history->log, "  %s at %lld, obstacle %d, customer %llu, item %lld\n", FATES[ours.fate],
        (long long)ours.known_at_us, (int)ours.obstacle, (unsigned long long)ours.customer,
        (long long)ours.item_us);
    return ours;
}

void history_failing_link(struct history *history, const struct oracle_link_request *request)
{
    struct error error;
    struct link_request translated = link_translated(request);
    struct link_outcome outcome = {0};
    fprintf(history->log, "link %llu and %llu, in vain\n", (unsigned long long)request->a,
        (unsigned long long)request->b);
    history_begin_group(history, false);
    if (group_link(history->store, &translated, &outcome, &error) != PATRON_OK)
        history_fail(history, "a link fails: %s", error.text);
    history->figures->identity.changes_failed += outcome.known_at_us != 0;
    history_commit_failing(history, outcome.known_at_us != 0);
}

/* --- splits ------------------------------------------------------------------------------------------------ */

struct splitting {
    struct history *history;
    const struct oracle_split_request *request;
    struct split *split;
    int64_t planned_us; /* of the newest plan */
    struct oracle_split_request now; /* with what joined the nodes since that plan */
    uint64_t *nodes;
    size_t node_count;
};

static bool is_among(const uint64_t *nodes, size_t count, uint64_t node)
{
    for (size_t i = 0; i < count; i++)
        if (nodes[i] == node)
            return true;
    return false;
}

/* Nodes that came since the plan and are linked to what is split off belong to it: they joined its part. */
static void extend(struct splitting *splitting)
{
    struct history *history = splitting->history;
    size_t count = oracle_node_count(history->oracle);
    splitting->now = *splitting->request;
    if (splitting->request->node_count == 0 || splitting->request->blocks)
        return;
    splitting->nodes = arena_array(&history->world.arena, count + 1, sizeof *splitting->nodes);
    splitting->node_count = splitting->request->node_count;
    memcpy(splitting->nodes, splitting->request->nodes, splitting->node_count * sizeof *splitting->nodes);
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < oracle_live_links(history->oracle); i++) {
            uint64_t ends[2];
            oracle_live_link(history->oracle, i, &ends[0], &ends[1]);
            for (size_t j = 0; j < 2; j++) {
                uint64_t from = ends[j], to = ends[1 - j];
                if (!is_among(splitting->nodes, splitting->node_count, from) ||
                    is_among(splitting->nodes, splitting->node_count, to) ||
                    oracle_birth_of_node(history->oracle, to) <= splitting->planned_us)
                    continue;
                splitting->nodes[splitting->node_count++] = to;
                changed = true;
            }
        }
    }
    history->figures->identity.plans_with_new_nodes += splitting->node_count > splitting->request->node_count;
    splitting->now.nodes = splitting->nodes;
    splitting->now.node_count = splitting->node_count;
}

static void plan(struct splitting *splitting)
{
    struct error error;
    struct history *history = splitting->history;
    struct history_view view = {0};
    history_view_take(history, &view);
    enum patron_code code = split_prepare(splitting->split, &view.view, NULL, &error);
    if (code != PATRON_OK)
        history_fail(history, "a split cannot be planned: %s", error.text);
    splitting->planned_us = view.view.position_us;
    history_view_drop(history, &view);
    fprintf(history->log, "  planned at %lld\n", (long long)splitting->planned_us);
}

static bool follow(struct splitting *splitting)
{
    struct error error;
    struct history *history = splitting->history;
    struct history_view view = {0};
    bool stale = false;
    history_view_take(history, &view);
    if (split_follow(splitting->split, &view.view, &stale, &error) != PATRON_OK)
        history_fail(history, "a plan cannot be followed: %s", error.text);
    history_view_drop(history, &view);
    history->figures->identity.plans_followed += !stale;
    return !stale;
}

/* One try within a group of its own. */
static struct split_outcome try_split(struct splitting *splitting)
{
    struct error error;
    struct history *history = splitting->history;
    struct split_outcome outcome = {0};
    history_begin_group(history, false);
    if (group_split(history->store, splitting->split, &outcome, &error) != PATRON_OK)
        history_fail(history, "a split fails: %s", error.text);
    return outcome;
}

/* The plan against what the oracle made of it; the oracle has split already. */
static void check_parts(struct splitting *splitting, const struct oracle_split_outcome *ours)
{
    struct history *history = splitting->history;
    const struct split_plan *plan = split_plan(splitting->split);
    if (plan->closed_count != ours->closed || plan->oldest_closed_us != ours->oldest_closed_us)
        history_fail(history, "%zu links are closed, the oldest of %lld, not %zu and %lld", plan->closed_count,
            (long long)plan->oldest_closed_us, ours->closed, (long long)ours->oldest_closed_us);
    if (plan->part_count != ours->part_count)
        history_fail(history, "%zu parts, not %zu", plan->part_count, ours->part_count);
    for (size_t i = 0; i < plan->part_count; i++) {
        const struct split_part *part = &plan->parts[i];
        if (part->customer != ours->parts[i])
            history_fail(history, "part %zu is customer %llu, not %llu", i, (unsigned long long)part->customer,
                (unsigned long long)ours->parts[i]);
        size_t at = 0;
        for (uint64_t node = 1; node <= oracle_node_count(history->oracle); node++)
            if (oracle_customer_of_node(history->oracle, node, INT64_MAX) == part->customer &&
                (at == part->node_count || part->nodes[at++] != node))
                history_fail(history, "part %zu has not the nodes that it should have", i);
        if (at != part->node_count)
            history_fail(history, "part %zu has %zu nodes, not %zu", i, part->node_count, at);
        if (plan->part_count > 1 && part->events != oracle_events_of_customer(history->oracle, part->customer))
            history_fail(history, "part %zu has %llu events, not %llu", i, (unsigned long long)part->events,
                (unsigned long long)oracle_events_of_customer(history->oracle, part->customer));
    }
}

static void count_split(
    struct history *history, const struct oracle_split_request *request, const struct oracle_split_outcome *outcome)
{
    struct history_identity_figures *figures = &history->figures->identity;
    bool split = outcome->part_count > 1;
    figures->splits_of_nothing += outcome->known_at_us == 0;
    if (outcome->known_at_us == 0)
        return;
    figures->splits_of_links += request->node_count == 0;
    figures->splits_off += request->node_count > 0 && !request->blocks;
    figures->blocks += request->blocks;
    figures->really_split += split;
    figures->in_many_parts += outcome->part_count > 2;
    figures->links_redundant += request->node_count == 0 && !split;
    figures->may_relink += split && request->may_relink;
    figures->kept_apart += split && !request->may_relink && !request->blocks;
}

static struct split_request split_translated(const struct oracle_split_request *request)
{
    return (struct split_request){.change = request->blocks ? CHANGE_BLOCK : CHANGE_SPLIT,
        .a = request->a,
        .b = request->b,
        .nodes = request->nodes,
        .node_count = request->node_count,
        .may_relink = request->may_relink,
        .actor = bytes_from_string("ada"),
        .reason = bytes_from_string("they are not one")};
}

/* Until it is done. */
static struct oracle_split_outcome carry_out(struct splitting *splitting)
{
    struct history *history = splitting->history;
    struct history_identity_figures *figures = &history->figures->identity;
    bool unchanged = splitting->planned_us == oracle_newest_known_at(history->oracle);
    for (int attempt = 0; attempt < 5; attempt++) {
        struct split_outcome theirs = try_split(splitting);
        if (theirs.fate == SPLIT_DONE) {
            extend(splitting);
            struct oracle_split_outcome ours =
                oracle_split(history->oracle, &splitting->now, history->clock_us, history->answered_us);
            if (theirs.known_at_us != ours.known_at_us)
                history_fail(history, "the split is of %lld, not %lld", (long long)theirs.known_at_us,
                    (long long)ours.known_at_us);
            struct split_request recorded = split_translated(splitting->request);
            history_record_split(history, &recorded, splitting->now.nodes, splitting->now.node_count);
            history_commit_group(history);
            if (ours.known_at_us != 0)
                check_parts(splitting, &ours);
            return ours;
        }
        if (unchanged)
            history_fail(history, "a plan does not hold, though nothing has changed");
        history_commit_group(history);
        figures->plans_stale += theirs.fate == SPLIT_STALE;
        figures->plans_behind += theirs.fate == SPLIT_BEHIND;
        fprintf(history->log, "  %s\n", theirs.fate == SPLIT_STALE ? "stale" : "behind");
        if (theirs.fate == SPLIT_STALE || !follow(splitting)) {
            if (!oracle_split_is_possible(history->oracle, splitting->request))
                return (struct oracle_split_outcome){.impossible = true};
            plan(splitting);
            unchanged = true;
        }
    }
    history_fail(history, "a split is never done");
}

/* Refused by both. */
static void check_impossible(struct splitting *splitting)
{
    struct error error;
    struct history *history = splitting->history;
    struct history_view view = {0};
    history_view_take(history, &view);
    enum patron_code code = split_prepare(splitting->split, &view.view, NULL, &error);
    if (code != PATRON_INVALID && code != PATRON_PRECONDITION)
        history_fail(history, "a split that is impossible can be planned");
    history_view_drop(history, &view);
    history->figures->identity.splits_impossible++;
}

struct oracle_split_outcome history_split(struct history *history, const struct oracle_split_request *request,
    void (*meanwhile)(struct history *history, const struct oracle_split_request *request))
{
    struct split_request translated = split_translated(request);
    struct splitting splitting = {
        .history = history, .request = request, .split = split_new(&translated)};
    fprintf(history->log, "%s %llu-%llu", request->blocks ? "block" : "split", (unsigned long long)request->a,
        (unsigned long long)request->b);
    for (size_t i = 0; i < request->node_count; i++)
        fprintf(history->log, " %llu", (unsigned long long)request->nodes[i]);
    fprintf(history->log, "%s\n", request->may_relink ? ", may relink" : "");
    struct oracle_split_outcome outcome = {.impossible = true};
    if (!oracle_split_is_possible(history->oracle, request)) {
        check_impossible(&splitting);
    } else {
        plan(&splitting);
        uint64_t events = oracle_event_count(history->oracle);
        if (meanwhile != NULL)
            meanwhile(history, request);
        history->figures->identity.plans_with_events += oracle_event_count(history->oracle) > events;
        if (dice_chance(&history->world.dice, 30) && !follow(&splitting) &&
            oracle_split_is_possible(history->oracle, request))
            plan(&splitting);
        if (oracle_split_is_possible(history->oracle, request))
            outcome = carry_out(&splitting);
        if (!outcome.impossible)
            count_split(history, request, &outcome);
        fprintf(history->log, "  at %lld, %zu parts, %zu links closed\n", (long long)outcome.known_at_us,
            outcome.part_count, outcome.closed);
    }
    split_free(splitting.split);
    return outcome;
}

void history_failing_split(struct history *history, const struct oracle_split_request *request)
{
    struct split_request translated = split_translated(request);
    struct splitting splitting = {.history = history, .request = request, .split = split_new(&translated)};
    if (oracle_split_is_possible(history->oracle, request)) {
        fprintf(history->log, "split, in vain\n");
        plan(&splitting);
        struct split_outcome outcome = try_split(&splitting);
        history->figures->identity.changes_failed += outcome.known_at_us != 0;
        history_commit_failing(history, outcome.known_at_us != 0);
    }
    split_free(splitting.split);
}

void history_unblock(struct history *history, uint64_t node)
{
    struct error error;
    int64_t theirs_us = 0;
    fprintf(history->log, "unblock %llu\n", (unsigned long long)node);
    history_record_unblock(history, node);
    history_begin_group(history, false);
    enum patron_code code = group_unblock(
        history->store, node, bytes_from_string("ada"), bytes_from_string("it is fine"), &theirs_us, &error);
    int64_t ours_us = oracle_unblock(history->oracle, node, history->clock_us, history->answered_us);
    if (code != (ours_us == 0 ? PATRON_PRECONDITION : PATRON_OK))
        history_fail(history, "%s be unblocked: %s", ours_us == 0 ? "should not" : "cannot",
            code == PATRON_OK ? "" : error.text);
    if (ours_us != 0 && ours_us != theirs_us)
        history_fail(history, "unblocked at %lld, not %lld", (long long)theirs_us, (long long)ours_us);
    history_commit_group(history);
    history->figures->identity.unblocked += ours_us != 0;
}
