#include "tests/property/concurrent_changes.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/identity/identity.h"
#include "store/journal/log.h"
#include "store/changes/review.h"

static const char *const ACTORS[] = {"ada", "bob", "eve"};

static void must(struct changes *changes, enum patron_code code, const struct error *error)
{
    if (code != PATRON_OK)
        changes->fail(changes->context, error->text);
}

/* A node that is there in the view; 0: there is none yet. */
static uint64_t any_node(struct changes *changes, const struct view *view)
{
    for (int attempt = 0; attempt < 8; attempt++) {
        uint64_t node = 1 + dice_below(&changes->dice, 40), customer;
        if (membership_at(view->kv, view->snapshot, node, INT64_MAX, &customer, NULL) == PATRON_OK)
            return node;
    }
    return 0;
}

/* Room for one more. */
static struct changed *next(struct changes *changes)
{
    struct changed *made = &changes->made[changes->count];
    *made = (struct changed){.actor = ACTORS[dice_below(&changes->dice, 3)]};
    return made;
}

static void keep(struct changes *changes, const struct changed *made)
{
    if (made->known_at_us != 0)
        changes->count++;
    else
        changes->refused++;
}

/* --- links ------------------------------------------------------------------------------------------------- */

struct linking {
    struct link_request request;
    struct link_outcome outcome;
};

static enum patron_code link_work(struct store *store, void *context, struct error *error)
{
    struct linking *linking = context;
    return group_link(store, &linking->request, &linking->outcome, error);
}

static void make_link(struct changes *changes, uint64_t a, uint64_t b)
{
    struct error error;
    struct changed *made = next(changes);
    bool hand = dice_chance(&changes->dice, 60);
    made->kind = CHANGED_LINK;
    made->link = (struct oracle_link_request){.a = a,
        .b = b,
        .rule = hand ? ORACLE_BY_HAND : ORACLE_BY_MATCH,
        .score = hand ? 0 : 0.9995,
        .lifts = hand && dice_chance(&changes->dice, 40),
        .actor = made->actor};
    struct linking linking = {.request = {.a = a,
                                  .b = b,
                                  .rule = (enum link_rule)made->link.rule,
                                  .score = made->link.score,
                                  .lifts = made->link.lifts,
                                  .actor = bytes_from_string(hand ? made->actor : "")}};
    must(changes, changes->port->functions->change(changes->port, link_work, &linking, &error), &error);
    made->known_at_us = linking.outcome.known_at_us;
    made->fate = (int)linking.outcome.fate;
    keep(changes, made);
}

/* --- splits ------------------------------------------------------------------------------------------------ */

/* The live link of the node with some other; false: there is none. */
static bool choose_link(struct changes *changes, const struct view *view, uint64_t node, struct changed *made)
{
    struct error error;
    struct link *links;
    size_t count;
    must(changes, links_of(view->kv, view->snapshot, node, &changes->arena, &links, &count, &error), &error);
    for (size_t i = 0; i < count; i++) {
        if (links[i].until_us != INT64_MAX)
            continue;
        made->split.a = node;
        made->split.b = links[i].b;
        return true;
    }
    return false;
}

/* What was split off in the end: new identifiers may have joined it. */
static void read_split_off(struct changes *changes, struct changed *made)
{
    struct error error;
    int64_t as_of_us;
    const struct view *view = changes->port->functions->view_acquire(changes->port, &as_of_us);
    uint8_t key[8];
    struct bytes value;
    struct log_entry entry;
    encode_time(key, made->known_at_us);
    must(changes,
        kv_get(view->kv, view->snapshot, KV_LOG, bytes_of(key, sizeof key), &changes->arena, &value, &error), &error);
    must(changes, log_decode(bytes_of(key, sizeof key), value, &changes->arena, &entry, &error), &error);
    if (entry.change.node_count > CHANGE_NODES_MAX)
        changes->fail(changes->context, "more is split off than there is");
    memcpy(made->nodes, entry.change.nodes, entry.change.node_count * sizeof *made->nodes);
    made->split.nodes = made->nodes;
    made->split.node_count = entry.change.node_count;
    changes->port->functions->view_release(changes->port, view);
}

static void make_split(struct changes *changes, const struct view *view, uint64_t node)
{
    static const atomic_bool never;
    struct error error;
    struct changed *made = next(changes);
    struct dice *dice = &changes->dice;
    bool by_nodes = dice_chance(dice, 55);
    made->kind = CHANGED_SPLIT;
    made->split.blocks = by_nodes && dice_chance(dice, 15);
    made->split.may_relink = !made->split.blocks && dice_chance(dice, 50);
    if (!by_nodes && !choose_link(changes, view, node, made))
        return;
    made->nodes[0] = node;
    made->split.nodes = made->nodes;
    made->split.node_count = by_nodes;
    struct split_request request = {.change = made->split.blocks ? CHANGE_BLOCK : CHANGE_SPLIT,
        .a = made->split.a,
        .b = made->split.b,
        .nodes = made->nodes,
        .node_count = made->split.node_count,
        .may_relink = made->split.may_relink,
        .actor = bytes_from_string(made->actor)};
    struct split *split = split_new(&request);
    struct split_outcome outcome = {0};
    enum patron_code code = changes->port->functions->split(changes->port, split, &never, &outcome, &error);
    if (code != PATRON_OK && code != PATRON_INVALID && code != PATRON_PRECONDITION && code != PATRON_BUSY)
        must(changes, code, &error);
    if (code == PATRON_OK) {
        made->known_at_us = outcome.known_at_us;
        made->closed = split_plan(split)->closed_count;
        made->part_count = split_plan(split)->part_count;
    }
    if (made->known_at_us != 0 && by_nodes && !made->split.blocks)
        read_split_off(changes, made);
    split_free(split);
    keep(changes, made);
}

/* --- blocks and reviews --------------------------------------------------------------------------------------- */

struct unblocking {
    uint64_t node;
    int64_t known_at_us;
};

static enum patron_code unblock_work(struct store *store, void *context, struct error *error)
{
    struct unblocking *unblocking = context;
    return group_unblock(
        store, unblocking->node, bytes_from_string("ada"), (struct bytes){0}, &unblocking->known_at_us, error);
}

static void make_unblock(struct changes *changes, uint64_t node)
{
    struct error error;
    struct changed *made = next(changes);
    struct unblocking unblocking = {.node = node};
    made->kind = CHANGED_UNBLOCK;
    made->node = node;
    enum patron_code code = changes->port->functions->change(changes->port, unblock_work, &unblocking, &error);
    if (code != PATRON_PRECONDITION)
        must(changes, code, &error);
    made->known_at_us = code == PATRON_OK ? unblocking.known_at_us : 0;
    keep(changes, made);
}

struct deciding {
    struct review_request request;
    struct review_outcome outcome;
};

static enum patron_code decide_work(struct store *store, void *context, struct error *error)
{
    struct deciding *deciding = context;
    return group_review_decide(store, &deciding->request, &deciding->outcome, error);
}

static bool take_item(void *context, const struct review_item *item)
{
    *(int64_t *)context = item->item_us;
    return false;
}

static void make_verdict(struct changes *changes, const struct view *view)
{
    struct error error;
    struct changed *made = next(changes);
    int64_t item_us = 0;
    struct review_walk walk = {.from_us = INT64_MIN,
        .as_of_us = view->position_us + 1,
        .open_only = true,
        .take = take_item,
        .context = &item_us};
    must(changes, review_each(view, &walk, &error), &error);
    if (item_us == 0)
        return;
    made->kind = CHANGED_VERDICT;
    made->item_us = item_us;
    made->approve = dice_chance(&changes->dice, 75);
    struct deciding deciding = {.request = {.item_us = item_us,
                                    .verdict = made->approve ? REVIEW_APPROVE : REVIEW_REJECT,
                                    .actor = bytes_from_string(made->actor)}};
    enum patron_code code = changes->port->functions->change(changes->port, decide_work, &deciding, &error);
    if (code != PATRON_PRECONDITION)
        must(changes, code, &error);
    made->known_at_us = code == PATRON_OK ? deciding.outcome.known_at_us : 0;
    made->fate = (int)deciding.outcome.state;
    keep(changes, made);
}

/* --- all of them ------------------------------------------------------------------------------------------------ */

void *changes_main(void *context)
{
    struct changes *changes = context;
    struct dice *dice = &changes->dice;
    while (!atomic_load(&changes->stop) && changes->count < CHANGES_MAX) {
        arena_reset(&changes->arena);
        int64_t as_of_us;
        const struct view *view = changes->port->functions->view_acquire(changes->port, &as_of_us);
        uint64_t a = any_node(changes, view), b = any_node(changes, view);
        size_t way = dice_below(dice, 100);
        if (way < 40 && a != 0 && b != 0 && a != b)
            make_link(changes, a, b);
        else if (way < 80 && a != 0)
            make_split(changes, view, a);
        else if (way < 88 && a != 0)
            make_unblock(changes, a);
        else if (way >= 88)
            make_verdict(changes, view);
        changes->port->functions->view_release(changes->port, view);
        usleep((useconds_t)dice_below(dice, 400));
    }
    return NULL;
}

static bool is_same(const struct changed *made, struct oracle *oracle)
{
    const struct oracle_item *items;
    struct oracle_link_outcome link;
    struct oracle_split_outcome split;
    struct oracle_verdict verdict = {.approve = made->approve, .actor = made->actor};
    struct oracle_verdict_outcome decided;
    size_t count;
    switch (made->kind) {
    case CHANGED_LINK:
        link = oracle_link(oracle, &made->link, made->known_at_us, INT64_MIN);
        return link.known_at_us == made->known_at_us && (int)link.fate == made->fate;
    case CHANGED_SPLIT:
        if (!oracle_split_is_possible(oracle, &made->split))
            return false;
        split = oracle_split(oracle, &made->split, made->known_at_us, INT64_MIN);
        return split.known_at_us == made->known_at_us && split.closed == made->closed &&
               split.part_count == made->part_count;
    case CHANGED_UNBLOCK:
        return oracle_unblock(oracle, made->node, made->known_at_us, INT64_MIN) == made->known_at_us;
    case CHANGED_VERDICT:
        count = oracle_items(oracle, &items);
        while (verdict.item < count && items[verdict.item].item_us != made->item_us)
            verdict.item++;
        if (verdict.item == count)
            return false;
        decided = oracle_decide(oracle, &verdict, made->known_at_us, INT64_MIN);
        return decided.known_at_us == made->known_at_us && (int)decided.state == made->fate;
    }
    return false;
}

void changes_tell(struct changes *changes, const struct changed *made, struct oracle *oracle)
{
    if (is_same(made, oracle))
        return;
    printf("change %zu of kind %d at %lld\n", (size_t)(made - changes->made), (int)made->kind,
        (long long)made->known_at_us);
    changes->fail(changes->context, "a change of identity is not what the oracle makes of it");
}
