/* Components as of T, three times over, and what must hold of them at every T. */
#include <stdlib.h>

#include "tests/property/history_identity.h"

enum { MOMENTS = 4 };

/* All rows of identity, as they lie in the store. */
struct rows {
    struct link *links; /* under both ends */
    size_t link_count;
    struct separation *separations;
    size_t separation_count;
    struct member *members;
    size_t member_count;
    int64_t *births; /* of node i + 1 */
    size_t node_count;
};

static void each_row(struct history *history, const struct view *view, enum kv_family family, struct rows *rows,
    enum patron_code (*take)(struct rows *rows, struct bytes key, struct bytes value, struct error *error))
{
    struct error error;
    struct kv_iterator *walk = kv_iterator_new(view->kv, view->snapshot, family, (struct bytes){0});
    for (kv_iterator_seek(walk, (struct bytes){0}); kv_iterator_valid(walk); kv_iterator_next(walk))
        if (take(rows, kv_iterator_borrow_key(walk), kv_iterator_borrow_value(walk), &error) != PATRON_OK)
            history_fail(history, "a row of identity cannot be read: %s", error.text);
    if (kv_iterator_status(walk, &error) != PATRON_OK)
        history_fail(history, "a walk over identity breaks off: %s", error.text);
    kv_iterator_free(walk);
}

static enum patron_code take_link(struct rows *rows, struct bytes key, struct bytes value, struct error *error)
{
    rows->links = memory_resize(rows->links, (rows->link_count + 1) * sizeof *rows->links);
    return link_decode(key, value, &rows->links[rows->link_count++], error);
}

static enum patron_code take_separation(
    struct rows *rows, struct bytes key, struct bytes value, struct error *error)
{
    rows->separations =
        memory_resize(rows->separations, (rows->separation_count + 1) * sizeof *rows->separations);
    return separation_decode(key, value, &rows->separations[rows->separation_count++], error);
}

static enum patron_code take_member(
    struct rows *rows, struct bytes key, struct bytes value, struct error *error)
{
    rows->members = memory_resize(rows->members, (rows->member_count + 1) * sizeof *rows->members);
    return member_decode(key, value, &rows->members[rows->member_count++], error);
}

static struct rows read_rows(struct history *history, const struct view *view)
{
    struct rows rows = {.node_count = oracle_node_count(history->oracle)};
    struct error error;
    each_row(history, view, KV_LINKS, &rows, take_link);
    each_row(history, view, KV_SEPARATIONS, &rows, take_separation);
    each_row(history, view, KV_MEMBERS, &rows, take_member);
    rows.births = memory_alloc((rows.node_count + 1) * sizeof *rows.births);
    for (size_t i = 0; i < rows.node_count; i++) {
        struct node_entry entry;
        if (node_get(view->kv, view->snapshot, i + 1, &history->call, &entry, &error) != PATRON_OK)
            history_fail(history, "node %zu cannot be read", i + 1);
        rows.births[i] = entry.birth_us;
        if (entry.birth_us != oracle_birth_of_node(history->oracle, i + 1))
            history_fail(history, "node %zu was born at %lld, not %lld", i + 1, (long long)entry.birth_us,
                (long long)oracle_birth_of_node(history->oracle, i + 1));
    }
    return rows;
}

static void free_rows(struct rows *rows)
{
    memory_free(rows->links);
    memory_free(rows->separations);
    memory_free(rows->members);
    memory_free(rows->births);
}

/* --- rows against the oracle ------------------------------------------------------------------------------- */

static size_t rows_of_link(const struct rows *rows, const struct oracle_held *held)
{
    size_t count = 0;
    for (size_t i = 0; i < rows->link_count; i++) {
        const struct link *link = &rows->links[i];
        bool pair = (link->a == held->a && link->b == held->b) || (link->a == held->b && link->b == held->a);
        count += pair && link->since_us == held->since_us && link->until_us == held->until_us &&
                 (int)link->rule == (int)held->rule && link->count == held->count;
    }
    return count;
}

static void check_links(struct history *history, const struct rows *rows)
{
    size_t count = oracle_links(history->oracle);
    if (rows->link_count != 2 * count)
        history_fail(history, "there are %zu rows of links, not %zu", rows->link_count, 2 * count);
    for (size_t i = 0; i < count; i++) {
        struct oracle_held held = oracle_link_at(history->oracle, i);
        if (rows_of_link(rows, &held) != 2)
            history_fail(history,
                "the link of %llu and %llu, rule %d, from %lld to %lld, %llu times, lies %zu times in the store",
                (unsigned long long)held.a, (unsigned long long)held.b, (int)held.rule, (long long)held.since_us,
                (long long)held.until_us, (unsigned long long)held.count, rows_of_link(rows, &held));
    }
}

static void check_separations(struct history *history, const struct rows *rows)
{
    size_t expected = 0;
    for (size_t i = 0; i < oracle_separations(history->oracle); i++) {
        int64_t since_us = oracle_separation_since(history->oracle, i);
        for (uint64_t node = 1; node <= rows->node_count; node++) {
            int side = oracle_separation_side(history->oracle, i, node);
            if (side < 0)
                continue;
            int64_t until_us = oracle_separation_until(history->oracle, i, node);
            expected++;
            bool found = false;
            for (size_t j = 0; j < rows->separation_count && !found; j++) {
                const struct separation *row = &rows->separations[j];
                found = row->node == node && row->since_us == since_us && row->until_us == until_us &&
                        row->side == side;
            }
            if (!found)
                history_fail(history, "node %llu is not on side %d of the separation from %lld to %lld",
                    (unsigned long long)node, side, (long long)since_us, (long long)until_us);
        }
    }
    if (rows->separation_count != expected)
        history_fail(history, "there are %zu rows of separations, not %zu", rows->separation_count, expected);
}

static void check_flags(struct history *history, const struct rows *rows)
{
    for (size_t i = 0; i < rows->member_count; i++) {
        const struct member *member = &rows->members[i];
        if (member->until_us != INT64_MAX)
            continue;
        int flags = (oracle_was_separated(history->oracle, member->node) ? NODE_SEPARATED : 0) |
                    (oracle_is_blocked(history->oracle, member->node) ? NODE_BLOCKED : 0);
        if (member->flags != flags || member->birth_us != rows->births[member->node - 1])
            history_fail(history, "node %llu has the flags %u, not %d, or another birth",
                (unsigned long long)member->node, member->flags, flags);
    }
}

/* --- components as of T ------------------------------------------------------------------------------------ */

/* The oldest node of each one's component, by the links alone; SIZE_MAX: not born. */
static void walk_links(const struct rows *rows, int64_t as_of_us, size_t *labels)
{
    size_t *queue = memory_alloc((rows->node_count + 1) * sizeof *queue);
    for (size_t i = 0; i < rows->node_count; i++)
        labels[i] = SIZE_MAX;
    for (size_t first = 0; first < rows->node_count; first++) {
        if (rows->births[first] >= as_of_us || labels[first] != SIZE_MAX)
            continue;
        size_t head = 0, tail = 0;
        queue[tail++] = first;
        labels[first] = first;
        while (head < tail) {
            size_t node = queue[head++];
            for (size_t i = 0; i < rows->link_count; i++) {
                const struct link *link = &rows->links[i];
                if (link->a != node + 1 || link->since_us >= as_of_us || as_of_us > link->until_us ||
                    labels[link->b - 1] != SIZE_MAX)
                    continue;
                labels[link->b - 1] = first;
                queue[tail++] = (size_t)link->b - 1;
            }
        }
    }
    memory_free(queue);
}

/* The customer of a node by the rows of members, which must be one at most. */
static uint64_t customer_by_members(
    struct history *history, const struct rows *rows, uint64_t node, int64_t as_of_us)
{
    uint64_t customer = 0;
    for (size_t i = 0; i < rows->member_count; i++) {
        const struct member *member = &rows->members[i];
        if (member->node != node || !member_at(member, as_of_us))
            continue;
        if (customer != 0)
            history_fail(history, "node %llu is of two customers at %lld", (unsigned long long)node,
                (long long)as_of_us);
        customer = member->customer;
    }
    return customer;
}

static void check_node(struct history *history, const struct view *view, const struct rows *rows, size_t place,
    const size_t *labels, int64_t as_of_us)
{
    struct error error;
    uint64_t node = place + 1;
    uint64_t by_links = labels[place] == SIZE_MAX ? 0 : labels[place] + 1;
    uint64_t by_membership = 0;
    enum patron_code code = membership_at(view->kv, view->snapshot, node, as_of_us, &by_membership, &error);
    if (code != PATRON_OK && code != PATRON_NOT_FOUND)
        history_fail(history, "membership: %s", error.text);
    uint64_t by_members = customer_by_members(history, rows, node, as_of_us);
    uint64_t by_oracle = oracle_customer_of_node(history->oracle, node, as_of_us);
    if (by_links != by_membership || by_links != by_members || by_links != by_oracle)
        history_fail(history,
            "node %llu is at %lld of customer %llu by its links, %llu by membership, %llu by members, %llu by the "
            "oracle",
            (unsigned long long)node, (long long)as_of_us, (unsigned long long)by_links,
            (unsigned long long)by_membership, (unsigned long long)by_members, (unsigned long long)by_oracle);
    history->figures->identity.nodes_walked++;
}

/* --- what must hold ---------------------------------------------------------------------------------------- */

static uint32_t wider(uint32_t a, uint32_t b)
{
    return a == 0 || b == 0 ? 0 : a > b ? a : b;
}

static struct history_bound *bound_of(struct history *history, const char *type)
{
    for (size_t i = 0; i < history->bound_count; i++)
        if (strcmp(history->bounds[i].type, type) == 0)
            return &history->bounds[i];
    struct history_bound *made = &history->bounds[history->bound_count++];
    snprintf(made->type, sizeof made->type, "%s", type);
    made->max = 1;
    return made;
}

void history_bounds_widen(struct history *history)
{
    const struct oracle_definitions *definitions = &history->world.definitions;
    uint32_t size = definitions->protection.size_max;
    history->asks_persons =
        history->asks_persons || definitions->protection.by_value || definitions->protection.bridge == 1;
    size = size == 0 ? CUSTOMER_NODES_MAX : size;
    history->size_bound = history->size_bound > size ? history->size_bound : size;
    for (size_t i = 0; i < definitions->identifier_count; i++) {
        const struct oracle_identifier_type *of = &definitions->identifiers[i];
        struct history_bound *bound = bound_of(history, of->name);
        bound->max = wider(bound->max, of->unique ? 1 : of->per_us != 0 ? 0 : of->max);
    }
}

static void check_size(struct history *history, const struct rows *rows, const size_t *labels, size_t label)
{
    size_t counts[ORACLE_IDENTIFIER_TYPES_MAX] = {0};
    size_t size = 0;
    for (size_t i = 0; i < rows->node_count; i++) {
        if (labels[i] != label)
            continue;
        size++;
        counts[oracle_type_of_node(history->oracle, i + 1)]++;
    }
    if (size > history->size_bound)
        history_fail(history, "customer %zu has %zu identifiers", label + 1, size);
    const struct oracle_definitions *definitions = &history->world.definitions;
    for (size_t i = 0; i < definitions->identifier_count; i++) {
        uint32_t max = bound_of(history, definitions->identifiers[i].name)->max;
        if (max != 0 && counts[i] > max)
            history_fail(history, "customer %zu has %zu identifiers of type %s", label + 1, counts[i],
                definitions->identifiers[i].name);
    }
}

static void check_apart(struct history *history, const struct rows *rows, const size_t *labels, int64_t as_of_us)
{
    for (size_t i = 0; i < rows->separation_count; i++) {
        const struct separation *one = &rows->separations[i];
        if (one->side != 0 || one->since_us >= as_of_us || as_of_us > one->until_us)
            continue;
        for (size_t j = 0; j < rows->separation_count; j++) {
            const struct separation *other = &rows->separations[j];
            if (other->side == 1 && other->since_us == one->since_us && as_of_us <= other->until_us &&
                labels[one->node - 1] == labels[other->node - 1])
                history_fail(history, "nodes %llu and %llu are of one customer at %lld, and separated since %lld",
                    (unsigned long long)one->node, (unsigned long long)other->node, (long long)as_of_us,
                    (long long)one->since_us);
            history->figures->identity.pairs_apart++;
        }
    }
}

/* --- the whole --------------------------------------------------------------------------------------------- */

/* A moment at which something began or ended, or a neighbour. */
static int64_t moment_of(struct history *history, const struct rows *rows, int64_t newest_us)
{
    struct dice *dice = &history->world.dice;
    int64_t nudge = dice_between(dice, 0, 1);
    if (dice_chance(dice, 40) && rows->link_count > 0) {
        const struct link *link = &rows->links[dice_below(dice, rows->link_count)];
        return (link->until_us != INT64_MAX && dice_chance(dice, 70) ? link->until_us : link->since_us) + nudge;
    }
    if (dice_chance(dice, 40) && rows->separation_count > 0) {
        const struct separation *row = &rows->separations[dice_below(dice, rows->separation_count)];
        return (row->until_us != INT64_MAX && dice_chance(dice, 50) ? row->until_us : row->since_us) + nudge;
    }
    return rows->node_count > 0 ? rows->births[dice_below(dice, rows->node_count)] + nudge : newest_us;
}

void history_check_components(struct history *history)
{
    struct history_view view = {0};
    history_view_take(history, &view);
    arena_reset(&history->call);
    fprintf(history->log, "check components\n");
    struct rows rows = read_rows(history, &view.view);
    check_links(history, &rows);
    check_separations(history, &rows);
    check_flags(history, &rows);
    size_t *labels = memory_alloc((rows.node_count + 1) * sizeof *labels);
    for (size_t i = 0; i < MOMENTS; i++) {
        int64_t newest_us = view.view.position_us + 1;
        int64_t as_of_us = i == 0 ? newest_us : moment_of(history, &rows, newest_us);
        walk_links(&rows, as_of_us, labels);
        for (size_t node = 0; node < rows.node_count; node++)
            check_node(history, &view.view, &rows, node, labels, as_of_us);
        for (size_t label = 0; label < rows.node_count; label++)
            if (labels[label] == label)
                check_size(history, &rows, labels, label);
        check_apart(history, &rows, labels, as_of_us);
        history->figures->identity.moments_walked++;
    }
    memory_free(labels);
    free_rows(&rows);
    history_view_drop(history, &view);
}
