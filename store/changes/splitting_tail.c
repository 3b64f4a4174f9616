/* What has come since a plan was made: members anew, then the log's entries, then the links of the nodes that had
 * events. All of it is looked at before anything of the plan is changed. */
#include "store/changes/splitting_internal.h"
#include "store/timeline/fold.h"

/* What stands for one row read, about half a microsecond. */
enum { EVENT_COST = 8, NODE_COST = 8, MEMBERS_A_ROW = 2 };

#define NO_PART UINT32_MAX

struct tail_event {
    struct log_entry entry;
    size_t at; /* the node's place */
};

struct tail_join {
    uint32_t a, b; /* places of nodes that have a new link */
};

struct tail {
    struct split *split;
    const struct view *view;
    size_t cost, cost_max;
    enum split_fate fate; /* DONE as long as nothing speaks against it */
    struct arena *arena;
    struct split_node *nodes; /* as they are now */
    size_t node_count;
    bool *active; /* by place: had an event, or is new */
    struct tail_event *events;
    size_t event_count, event_capacity;
    struct tail_join *joins;
    size_t join_count, join_capacity;
};

static void spend(struct tail *tail, size_t cost)
{
    tail->cost += cost;
    if (tail->cost > tail->cost_max && tail->fate == SPLIT_DONE)
        tail->fate = SPLIT_BEHIND;
}

/* The list with room for one more. */
static void *grown(struct arena *arena, void *list, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return list;
    size_t wider = count ? 2 * count : 16;
    uint8_t *more = arena_array(arena, wider, size);
    if (count)
        memcpy(more, list, count * size);
    *capacity = wider;
    return more;
}

/* --- members ------------------------------------------------------------------------------------------------------ */

/* All that the plan knows must still be there, never away meanwhile; new ones came with events, not with a merge. */
static void member_place(struct tail *tail, const struct member *member, size_t *known)
{
    const struct split *split = tail->split;
    size_t at = split_node_find(split->nodes, split->node_count, member->node);
    struct split_node *node = &tail->nodes[tail->node_count];
    *node = (struct split_node){*member, NO_PART};
    if (at < split->node_count) {
        node->part = split->nodes[at].part;
        ++*known;
        if (member->since_us != split->nodes[at].member.since_us)
            tail->fate = SPLIT_STALE;
    } else {
        tail->active[tail->node_count] = true;
        if (member->since_us != member->birth_us || member->since_us <= split->plan.position_us)
            tail->fate = SPLIT_STALE;
    }
    tail->node_count++;
}

static enum patron_code tail_members(struct tail *tail, struct error *error)
{
    const struct view *view = tail->view;
    struct member *members;
    size_t count, known = 0;
    TRY(members_of(view->kv, view->snapshot, tail->split->plan.customer, tail->arena, &members, &count, error));
    spend(tail, count / MEMBERS_A_ROW);
    tail->nodes = arena_array(tail->arena, count, sizeof *tail->nodes);
    tail->active = arena_array(tail->arena, count, sizeof *tail->active);
    for (size_t i = 0; i < count; i++)
        if (members[i].until_us == INT64_MAX)
            member_place(tail, &members[i], &known);
    if (known < tail->split->node_count)
        tail->fate = SPLIT_STALE;
    return PATRON_OK;
}

/* --- the log ------------------------------------------------------------------------------------------------------ */

/* Links that were made or ended without anybody changing customer are seen here; all else in the members. */
static void change_look(struct tail *tail, const struct identity_change *change)
{
    if (change->change == CHANGE_SEPARATE || change->change == CHANGE_REVIEW)
        return;
    if (split_node_find(tail->nodes, tail->node_count, change->a) < tail->node_count ||
        split_node_find(tail->nodes, tail->node_count, change->b) < tail->node_count)
        tail->fate = SPLIT_STALE;
}

static void entry_look(struct tail *tail, const struct log_entry *entry)
{
    if (entry->kind == LOG_IDENTITY)
        change_look(tail, &entry->change);
    if (entry->kind != LOG_EVENT)
        return;
    size_t at = split_node_find(tail->nodes, tail->node_count, entry->node);
    if (at == tail->node_count)
        return;
    spend(tail, EVENT_COST);
    tail->active[at] = true;
    tail->events =
        grown(tail->arena, tail->events, tail->event_count, &tail->event_capacity, sizeof *tail->events);
    tail->events[tail->event_count++] = (struct tail_event){*entry, at};
}

static enum patron_code tail_log(struct tail *tail, struct error *error)
{
    uint8_t from[8];
    encode_time(from, tail->split->plan.position_us + 1);
    struct kv_iterator *rows = kv_iterator_new(tail->view->kv, tail->view->snapshot, KV_LOG, (struct bytes){0});
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(from, sizeof from)); kv_iterator_valid(rows) && tail->fate == SPLIT_DONE;
         kv_iterator_next(rows)) {
        struct log_entry entry;
        code = log_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), tail->arena, &entry, error);
        if (code != PATRON_OK)
            goto free_rows;
        spend(tail, 1);
        entry_look(tail, &entry);
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

/* --- links -------------------------------------------------------------------------------------------------------- */

/* Its evidence may have come again: it is closed with its newest count. */
static void closing_refresh(struct split *split, const struct link *link)
{
    uint64_t a = link->a < link->b ? link->a : link->b, b = link->a < link->b ? link->b : link->a;
    for (size_t i = 0; i < split->plan.closed_count; i++) {
        struct link *closing = &split->closing[i];
        if (closing->a == a && closing->b == b && closing->since_us == link->since_us)
            closing->count = link->count;
    }
}

/* A new link may lie within a part, or bring a new node to one: joins_settle sees. What the request names ends. */
static void link_look(struct tail *tail, size_t at, const struct link *link)
{
    if (link->until_us != INT64_MAX)
        return;
    const struct split *split = tail->split;
    size_t other = split_node_find(tail->nodes, tail->node_count, link->b);
    bool is_new = link->since_us > split->plan.position_us;
    if (!is_new && split_ends(split, link->a, link->b))
        closing_refresh(tail->split, link);
    if (!is_new)
        return;
    bool by_parts = split->request.change == CHANGE_SPLIT && split->request.node_count > 0; /* new nodes join either */
    if (other == tail->node_count || (!by_parts && split_ends(split, link->a, link->b))) {
        tail->fate = SPLIT_STALE;
        return;
    }
    tail->joins = grown(tail->arena, tail->joins, tail->join_count, &tail->join_capacity, sizeof *tail->joins);
    tail->joins[tail->join_count++] = (struct tail_join){(uint32_t)at, (uint32_t)other};
}

static enum patron_code node_links_look(struct tail *tail, size_t at, struct error *error)
{
    uint8_t prefix[8];
    encode_be64(prefix, tail->nodes[at].member.node);
    struct kv_iterator *rows =
        kv_iterator_new(tail->view->kv, tail->view->snapshot, KV_LINKS, bytes_of(prefix, sizeof prefix));
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows) && tail->fate == SPLIT_DONE;
         kv_iterator_next(rows)) {
        struct link link;
        code = link_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &link, error);
        if (code != PATRON_OK)
            goto free_rows;
        spend(tail, 1);
        link_look(tail, at, &link);
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

/* New nodes go to the part that they are linked to, perhaps by way of other new ones; two parts cannot be. */
static void joins_settle(struct tail *tail)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < tail->join_count; i++) {
            uint32_t *a = &tail->nodes[tail->joins[i].a].part, *b = &tail->nodes[tail->joins[i].b].part;
            if (*a == *b)
                continue;
            moved = true;
            if (*a == NO_PART) {
                *a = *b;
            } else if (*b == NO_PART) {
                *b = *a;
            } else {
                tail->fate = SPLIT_STALE;
                return;
            }
        }
    }
    for (size_t i = 0; i < tail->node_count; i++)
        if (tail->nodes[i].part == NO_PART)
            tail->fate = SPLIT_STALE;
}

static enum patron_code tail_links(struct tail *tail, struct error *error)
{
    for (size_t i = 0; i < tail->node_count && tail->fate == SPLIT_DONE; i++) {
        if (!tail->active[i])
            continue;
        spend(tail, NODE_COST);
        TRY(node_links_look(tail, i, error));
    }
    joins_settle(tail);
    return PATRON_OK;
}

/* --- applying ----------------------------------------------------------------------------------------------------- */

static enum patron_code tail_apply(struct tail *tail, struct error *error)
{
    struct split *split = tail->split;
    for (size_t i = 0; split->profiles && i < tail->event_count; i++) {
        struct event event;
        TRY(entry_event(tail->view, &tail->events[i].entry, tail->arena, &event, error));
        uint32_t part = tail->nodes[tail->events[i].at].part;
        profile_apply(&split->profiles[part], &event);
        split->parts[part].events++;
    }
    for (size_t i = 0; split->profiles && i < split->plan.part_count; i++)
        profile_advance(&split->profiles[i], tail->view->position_us);
    bool more = tail->node_count > split->node_count;
    if (more)
        split->nodes = arena_array(&split->arena, tail->node_count, sizeof *split->nodes);
    memcpy(split->nodes, tail->nodes, tail->node_count * sizeof *split->nodes);
    split->node_count = tail->node_count;
    if (more)
        split_parts_list(split);
    split->plan.position_us = tail->view->position_us;
    return PATRON_OK;
}

enum patron_code split_advance(
    struct split *split, const struct view *view, size_t cost_max, enum split_fate *fate, struct error *error)
{
    *fate = view->layout == split->layout ? SPLIT_DONE : SPLIT_STALE;
    if (*fate != SPLIT_DONE || view->position_us == split->plan.position_us)
        return PATRON_OK;
    arena_reset(&split->scratch);
    struct tail tail = {
        .split = split, .view = view, .cost_max = cost_max, .fate = SPLIT_DONE, .arena = &split->scratch};
    TRY(tail_members(&tail, error));
    if (tail.fate == SPLIT_DONE)
        TRY(tail_log(&tail, error));
    if (tail.fate == SPLIT_DONE)
        TRY(tail_links(&tail, error));
    if (tail.fate == SPLIT_DONE)
        TRY(tail_apply(&tail, error));
    *fate = tail.fate;
    return PATRON_OK;
}
