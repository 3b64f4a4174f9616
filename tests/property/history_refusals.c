/* What events were not allowed to join, read back by node. */
#include "store/changes/refusals.h"
#include "tests/property/history_identity.h"

static bool names(const struct oracle_refused *refused, uint64_t node)
{
    return refused->event_node == node || refused->node == node;
}

/* The oracle's entries of one event, all of which the record must have; how many there are. */
static size_t entries_of(const struct oracle_refused *refused, size_t count, int64_t known_at_us, size_t *first)
{
    *first = 0;
    while (*first < count && refused[*first].known_at_us != known_at_us)
        ++*first;
    size_t end = *first;
    while (end < count && refused[end].known_at_us == known_at_us)
        end++;
    return end - *first;
}

static bool is_entry(const struct definitions *definitions, const struct oracle_refused *ours,
    const struct refused_identifier *theirs)
{
    const struct identifier_type *type = definitions_identifier_type(definitions, bytes_from_string(ours->type));
    return (int)theirs->obstacle == (int)ours->obstacle && type != NULL && theirs->type == type->number &&
           theirs->node == ours->node && theirs->item_us == ours->item_us;
}

static void check_record(struct history *history, const struct refusal *theirs)
{
    const struct oracle_refused *all;
    size_t count = oracle_refusals(history->oracle, &all), first;
    size_t entries = entries_of(all, count, theirs->known_at_us, &first);
    if (entries != theirs->count || (entries > 0 && all[first].event_node != theirs->node))
        history_fail(history, "the event of %lld was refused %zu identifiers, not %zu",
            (long long)theirs->known_at_us, theirs->count, entries);
    const struct definitions *definitions = store_definitions(history->store);
    for (size_t i = 0; i < entries; i++) {
        const struct oracle_refused *ours = &all[first + i];
        bool found = is_entry(definitions, ours, &theirs->identifiers[i]);
        for (size_t j = 0; j < entries && !found && ours->obstacle == ORACLE_BLOCKED; j++) /* in any order */
            found = is_entry(definitions, ours, &theirs->identifiers[j]);
        if (!found)
            history_fail(history, "the event of %lld was not refused node %llu for obstacle %d, item %lld, as its %zu.",
                (long long)theirs->known_at_us, (unsigned long long)ours->node, (int)ours->obstacle,
                (long long)ours->item_us, i);
        history->figures->identity.refusals_read++;
    }
}

void history_check_refusals(struct history *history)
{
    struct error error;
    const struct oracle_refused *all;
    size_t count = oracle_refusals(history->oracle, &all);
    uint64_t node = history_any_node(history);
    if (count > 0 && dice_chance(&history->world.dice, 70))
        node = all[dice_below(&history->world.dice, count)].event_node;
    if (node == 0)
        return;
    int64_t bounds[] = {INT64_MIN, INT64_MAX};
    if (count > 0 && dice_chance(&history->world.dice, 50))
        bounds[dice_below(&history->world.dice, 2)] = all[dice_below(&history->world.dice, count)].known_at_us;
    arena_reset(&history->call);
    struct history_view view = {0};
    history_view_take(history, &view);
    const struct refusals_asked asked = {.node = node, .from_us = bounds[0], .before_us = bounds[1]};
    struct refusal *theirs;
    size_t their_count;
    if (refusals_of_node(&view.view, &asked, &history->call, &theirs, &their_count, &error) != PATRON_OK)
        history_fail(history, "refusals cannot be read: %s", error.text);
    size_t ours = 0;
    for (size_t i = 0; i < count; i++) {
        bool within = all[i].known_at_us >= bounds[0] && all[i].known_at_us < bounds[1];
        bool again = i > 0 && all[i].known_at_us == all[i - 1].known_at_us;
        bool named = names(&all[i], node);
        for (size_t j = i + 1; j < count && all[j].known_at_us == all[i].known_at_us; j++)
            named = named || names(&all[j], node);
        ours += within && !again && named;
    }
    if (ours != their_count)
        history_fail(history, "node %llu has %zu refusals, not %zu", (unsigned long long)node, their_count, ours);
    for (size_t i = 0; i < their_count; i++)
        check_record(history, &theirs[i]);
    history_view_drop(history, &view);
}

void history_count_refusals(struct history *history)
{
    const struct oracle_refused *all;
    const struct oracle_item *items;
    size_t count = oracle_refusals(history->oracle, &all);
    for (size_t i = 0; i < count; i++)
        history->figures->identity.event_obstacles[all[i].obstacle]++;
    count = oracle_items(history->oracle, &items);
    for (size_t i = 0; i < count; i++) {
        history->figures->identity.items[items[i].obstacle]++;
        history->figures->identity.evidence_again += items[i].count - 1;
    }
}
