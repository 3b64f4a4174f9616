/* The writer's side of a split: the plan is moved on to the newest entry, and written. */
#include "store/changes/changes.h"
#include "store/identity/merging.h"
#include "store/changes/splitting_internal.h"
#include "store/store_internal.h"
#include "store/changes/to_block.h"

/* What the writer looks at, of what came since the plan; a few milliseconds. */
enum { GROUP_COST_MAX = 4096 };

struct cut {
    struct store *store;
    struct split *split;
    int64_t known_at_us;
    bool separates;
};

static bool blocks(const struct split *split, uint64_t node)
{
    return split->request.change == CHANGE_BLOCK && split->request.nodes[0] == node;
}

static void members_write(const struct cut *cut)
{
    struct kv_batch *batch = cut->store->batch;
    const struct split *split = cut->split;
    for (size_t i = 0; i < split->node_count; i++) {
        struct member member = split->nodes[i].member;
        uint8_t flags = member.flags;
        if (cut->separates) {
            const struct separation separation = {.node = member.node,
                .since_us = cut->known_at_us,
                .until_us = INT64_MAX,
                .side = split_part_is_off(split, split->nodes[i].part) ? 0 : 1};
            separation_put(batch, &separation);
            member.flags |= NODE_SEPARATED;
        }
        if (blocks(split, member.node))
            member.flags |= NODE_BLOCKED;
        if (split->nodes[i].part > 0)
            member_move(batch, &member, split->parts[split->nodes[i].part].customer, cut->known_at_us);
        else if (member.flags != flags)
            member_keep(batch, &member);
    }
}

static void links_close(const struct cut *cut)
{
    for (size_t i = 0; i < cut->split->plan.closed_count; i++) {
        struct link link = cut->split->closing[i];
        link.until_us = cut->known_at_us;
        link_put(cut->store->batch, &link);
    }
}

/* The nodes that were split off, or all others. */
static const uint64_t *side_list(const struct cut *cut, bool off, size_t *count)
{
    const struct split *split = cut->split;
    uint64_t *nodes = arena_array(&cut->store->event_arena, split->node_count, sizeof *nodes);
    *count = 0;
    for (size_t i = 0; i < split->node_count; i++)
        if (split_part_is_off(split, split->nodes[i].part) == off)
            nodes[(*count)++] = split->nodes[i].member.node;
    return nodes;
}

static void entry_write(const struct cut *cut)
{
    const struct split *split = cut->split;
    const struct split_request *request = &split->request;
    struct identity_change change = {.change = request->change,
        .a = request->change == CHANGE_BLOCK ? request->nodes[0] : request->a,
        .b = request->b,
        .separates = cut->separates,
        .closed = split->plan.closed,
        .closed_count = split->plan.closed_count,
        .actor = request->actor,
        .reason = request->reason};
    if (split->plan.part_count > 1) {
        uint64_t *parts = arena_array(&cut->store->event_arena, split->plan.part_count, sizeof *parts);
        for (size_t i = 0; i < split->plan.part_count; i++)
            parts[i] = split->parts[i].customer;
        change.parts = parts;
        change.part_count = split->plan.part_count;
        if (request->change == CHANGE_SPLIT) {
            change.nodes = side_list(cut, true, &change.node_count);
            change.others = side_list(cut, false, &change.other_count);
        }
    }
    change_put(cut->store, &change, cut->known_at_us);
}

/* The parts' profiles become the group's. Only the customer that falls apart has one by now: ids that come back, or are
 * new, were given up or never taken. */
static enum patron_code profiles_install(const struct cut *cut, struct error *error)
{
    struct store *store = cut->store;
    for (size_t i = 0; cut->split->profiles && i < cut->split->plan.part_count; i++) {
        uint64_t customer = cut->split->parts[i].customer;
        const struct profile_parts *before = NULL;
        if (customer == cut->split->plan.customer)
            TRY(lagging_newest(store, customer, &before, error));
        struct touched *touched = arena_alloc(&store->group_arena, sizeof *touched);
        touched->customer = customer;
        touched->before = before;
        touched->profile = &cut->split->profiles[i];
        profile_advance(touched->profile, cut->known_at_us);
        HASH_ADD(hh, store->touched, customer, sizeof touched->customer, touched);
    }
    return PATRON_OK;
}

static bool nothing_to_do(const struct split *split)
{
    return split->request.change == CHANGE_BLOCK ? split->blocked_already : split->plan.closed_count == 0;
}

static enum patron_code split_write(
    struct store *store, struct split *split, struct split_outcome *outcome, struct error *error)
{
    struct view newest = {.kv = store->kv,
        .definitions = store->definitions,
        .layout = store->layout,
        .versions = store->versions,
        .key = store->key,
        .position_us = store->newest_us};
    TRY(split_advance(split, &newest, GROUP_COST_MAX, &outcome->fate, error));
    if (outcome->fate != SPLIT_DONE)
        return PATRON_OK;
    int64_t known_at_us;
    TRY(change_known_at(store, &known_at_us, error));
    if (split->request.change == CHANGE_BLOCK)
        to_block_done(store, split->request.nodes[0]);
    if (nothing_to_do(split))
        return PATRON_OK;
    struct cut cut = {.store = store,
        .split = split,
        .known_at_us = known_at_us,
        .separates =
            split->request.change == CHANGE_SPLIT && !split->request.may_relink && split->plan.part_count > 1};
    TRY(profiles_install(&cut, error));
    kv_batch_close(store->batch); /* it may be thousands of rows, and nothing else comes in this group */
    members_write(&cut);
    links_close(&cut);
    entry_write(&cut);
    outcome->known_at_us = cut.known_at_us;
    return PATRON_OK;
}

enum patron_code group_split(
    struct store *store, struct split *split, struct split_outcome *outcome, struct error *error)
{
    CHECK(store->group_open && !store->failed);
    CHECK(store->group_size == 0 && !store->touched); /* of the batch, only counters of what sources send may wait */
    CHECK(split->versions); /* it was prepared */
    *outcome = (struct split_outcome){0};
    arena_reset(&store->event_arena);
    enum patron_code code = split_write(store, split, outcome, error);
    store->failed = store->failed || (code != PATRON_OK && code != PATRON_OUT_OF_RANGE);
    return code;
}
