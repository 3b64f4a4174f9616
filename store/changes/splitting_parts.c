/* What hangs together once the links that a request names are gone: a union-find over the links that are left. */
#include "store/changes/splitting_internal.h"

enum { LOOK_EVERY = 4096 }; /* links between two looks at `cancelled` */

size_t split_node_find(const struct split_node *nodes, size_t count, uint64_t node)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (nodes[middle].member.node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && nodes[low].member.node == node ? low : count;
}

static bool is_named(const struct split_request *request, uint64_t node)
{
    size_t low = 0, high = request->node_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (request->nodes[middle] < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < request->node_count && request->nodes[low] == node;
}

bool split_ends(const struct split *split, uint64_t a, uint64_t b)
{
    const struct split_request *request = &split->request;
    if (request->change == CHANGE_BLOCK)
        return is_named(request, a) || is_named(request, b);
    if (request->node_count > 0)
        return is_named(request, a) != is_named(request, b);
    return (a == request->a && b == request->b) || (a == request->b && b == request->a);
}

bool split_part_is_off(const struct split *split, uint32_t part)
{
    const struct split_request *request = &split->request;
    if (request->node_count > 0)
        return is_named(request, split->parts[part].customer); /* all of it is named, or nothing */
    size_t at = split_node_find(split->nodes, split->node_count, request->a);
    return split->nodes[at].part == part;
}

/* --- what is there ------------------------------------------------------------------------------------------------ */

static enum patron_code members_read(struct split *split, const struct view *view, struct error *error)
{
    struct member *members;
    size_t count;
    TRY(members_of(view->kv, view->snapshot, split->plan.customer, &split->scratch, &members, &count, error));
    split->nodes = arena_array(&split->arena, count, sizeof *split->nodes);
    for (size_t i = 0; i < count; i++)
        if (members[i].until_us == INT64_MAX)
            split->nodes[split->node_count++] = (struct split_node){.member = members[i]};
    return PATRON_OK;
}

static uint32_t root_of(uint32_t *parents, uint32_t at)
{
    while (parents[at] != at)
        at = parents[at] = parents[parents[at]];
    return at;
}

static void closing_add(struct split *split, const struct link *link)
{
    size_t count = split->plan.closed_count;
    if (count == split->closing_capacity) {
        size_t capacity = count ? 2 * count : 8;
        struct link *more = arena_array(&split->arena, capacity, sizeof *more);
        if (count)
            memcpy(more, split->closing, count * sizeof *more);
        split->closing = more;
        split->closing_capacity = capacity;
    }
    struct link *added = &split->closing[split->plan.closed_count++];
    *added = *link;
    added->actor = arena_copy(&split->arena, link->actor);
    added->reason = arena_copy(&split->arena, link->reason);
    if (link->since_us < split->plan.oldest_closed_us)
        split->plan.oldest_closed_us = link->since_us;
}

struct links_walk {
    struct split *split;
    const struct view *view;
    const atomic_bool *cancelled;
    uint32_t *parents; /* by place in split->nodes */
    uint64_t looked;
};

/* A live link of the node at that place ends, or holds the two together. Each is met once: from its smaller end. */
static enum patron_code link_take(struct links_walk *walk, uint32_t at, const struct link *link, struct error *error)
{
    struct split *split = walk->split;
    if (link->until_us != INT64_MAX || link->a > link->b)
        return PATRON_OK;
    size_t other = split_node_find(split->nodes, split->node_count, link->b);
    if (other == split->node_count)
        return error_set(error, PATRON_CORRUPT,
            "a live link leads from node %llu out of its customer: run patron verify", (unsigned long long)link->a);
    if (split_ends(split, link->a, link->b))
        closing_add(split, link);
    else
        walk->parents[root_of(walk->parents, at)] = root_of(walk->parents, (uint32_t)other);
    return PATRON_OK;
}

static enum patron_code node_links_walk(struct links_walk *walk, uint32_t at, struct error *error)
{
    uint8_t prefix[8];
    encode_be64(prefix, walk->split->nodes[at].member.node);
    struct kv_iterator *rows =
        kv_iterator_new(walk->view->kv, walk->view->snapshot, KV_LINKS, bytes_of(prefix, sizeof prefix));
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct link link;
        code = link_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &link, error);
        if (code == PATRON_OK)
            code = link_take(walk, at, &link, error);
        if (code == PATRON_OK && ++walk->looked % LOOK_EVERY == 0 && walk->cancelled && atomic_load(walk->cancelled))
            code = error_set(error, PATRON_BUSY, "the split was given up before it was ready");
        if (code != PATRON_OK)
            goto free_rows;
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

/* --- the parts ---------------------------------------------------------------------------------------------------- */

void split_parts_list(struct split *split)
{
    uint64_t *nodes = arena_array(&split->arena, split->node_count, sizeof *nodes);
    for (size_t i = 0; i < split->plan.part_count; i++)
        split->parts[i].node_count = 0;
    for (size_t i = 0; i < split->node_count; i++)
        split->parts[split->nodes[i].part].node_count++;
    for (size_t i = 0; i < split->plan.part_count; i++) {
        split->parts[i].nodes = nodes;
        nodes += split->parts[i].node_count;
        split->parts[i].node_count = 0;
    }
    for (size_t i = 0; i < split->node_count; i++) {
        struct split_part *part = &split->parts[split->nodes[i].part];
        ((uint64_t *)part->nodes)[part->node_count++] = split->nodes[i].member.node;
    }
}

/* Nodes ascend, so the first one met of a part is its customer's id, and parts come in that order. */
static void parts_number(struct split *split, uint32_t *parents)
{
    uint32_t *part_of = arena_array(&split->scratch, split->node_count, sizeof *part_of); /* by root; 0: none yet */
    split->parts = arena_array(&split->arena, split->node_count, sizeof *split->parts);
    for (uint32_t i = 0; i < split->node_count; i++) {
        uint32_t *part = &part_of[root_of(parents, i)];
        if (*part == 0) {
            split->parts[split->plan.part_count++].customer = split->nodes[i].member.node;
            *part = (uint32_t)split->plan.part_count;
        }
        split->nodes[i].part = *part - 1;
    }
    split->plan.parts = split->parts;
}

static enum patron_code names_check(const struct split *split, struct error *error)
{
    const struct split_request *request = &split->request;
    if (split->node_count == 0 || split->nodes[0].member.node != split->plan.customer)
        return error_set(error, PATRON_CORRUPT, "customer %llu does not have its own node: run patron verify",
            (unsigned long long)split->plan.customer);
    if (request->change == CHANGE_SPLIT && request->node_count == split->node_count)
        return error_set(error, PATRON_INVALID,
            "these are all the identifiers that the customer has: name fewer, so that some are left");
    return PATRON_OK;
}

enum patron_code split_parts_find(
    struct split *split, const struct view *view, const atomic_bool *cancelled, struct error *error)
{
    TRY(members_read(split, view, error));
    TRY(names_check(split, error));
    struct links_walk walk = {.split = split,
        .view = view,
        .cancelled = cancelled,
        .parents = arena_array(&split->scratch, split->node_count, sizeof(uint32_t))};
    for (uint32_t i = 0; i < split->node_count; i++)
        walk.parents[i] = i;
    for (uint32_t i = 0; i < split->node_count; i++)
        TRY(node_links_walk(&walk, i, error));
    parts_number(split, walk.parents);
    split_parts_list(split);
    struct closed_link *closed = arena_array(&split->arena, split->plan.closed_count, sizeof *closed);
    for (size_t i = 0; i < split->plan.closed_count; i++) {
        const struct link *link = &split->closing[i];
        closed[i] = (struct closed_link){link->a, link->b, link->since_us, (uint8_t)link->rule};
    }
    split->plan.closed = closed;
    return PATRON_OK;
}
