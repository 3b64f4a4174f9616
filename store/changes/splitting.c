#include "store/changes/changes.h"
#include "store/changes/splitting_internal.h"
#include "store/store_internal.h"
#include "store/timeline/fold.h"

#include <stdlib.h>

enum { LOOK_EVERY = 4096 }; /* events between two looks at `cancelled` */

static int node_compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

struct split *split_new(const struct split_request *request)
{
    CHECK(request->change == CHANGE_SPLIT || request->change == CHANGE_BLOCK);
    struct split *split = memory_alloc(sizeof *split);
    split->request = *request;
    split->request.actor = arena_copy(&split->own, request->actor);
    split->request.reason = arena_copy(&split->own, request->reason);
    uint64_t *nodes = arena_array(&split->own, request->node_count, sizeof *nodes);
    for (size_t i = 0; i < request->node_count; i++)
        nodes[i] = request->nodes[i];
    if (request->node_count > 1)
        qsort(nodes, request->node_count, sizeof *nodes, node_compare);
    size_t kept = 0;
    for (size_t i = 0; i < request->node_count; i++)
        if (kept == 0 || nodes[kept - 1] != nodes[i])
            nodes[kept++] = nodes[i];
    split->request.nodes = nodes;
    split->request.node_count = kept;
    return split;
}

static void plan_forget(struct split *split)
{
    versions_release(split->versions);
    split->versions = NULL;
    split->layout = NULL;
    split->definitions = NULL;
    split->plan = (struct split_plan){.oldest_closed_us = INT64_MAX};
    split->parts = NULL;
    split->profiles = NULL;
    split->nodes = NULL;
    split->node_count = 0;
    split->closing = NULL;
    split->closing_capacity = 0;
    split->blocked_already = false;
    arena_reset(&split->arena);
    arena_reset(&split->scratch);
}

void split_free(struct split *split)
{
    if (!split)
        return;
    plan_forget(split);
    arena_clear(&split->arena);
    arena_clear(&split->scratch);
    arena_clear(&split->own);
    memory_free(split);
}

const struct split_plan *split_plan(const struct split *split)
{
    CHECK(split->versions);
    return &split->plan;
}

static enum patron_code request_check(const struct split_request *request, struct error *error)
{
    bool names_link = request->a != 0 || request->b != 0;
    TRY(change_texts_check(request->actor, request->reason, request->change == CHANGE_SPLIT, error));
    if (request->change == CHANGE_BLOCK && (names_link || request->node_count != 1))
        return error_set(error, PATRON_INVALID, "one identifier is blocked at a time");
    if (names_link == (request->node_count > 0))
        return error_set(
            error, PATRON_INVALID, "name either the two identifiers of a link, or those that shall be split off");
    if (names_link && request->a == request->b)
        return error_set(error, PATRON_INVALID, "the two ends of a link are two identifiers: one is named twice");
    return PATRON_OK;
}

static enum patron_code customer_add(
    struct split *split, const struct view *view, uint64_t node, struct error *error)
{
    uint64_t customer;
    enum patron_code code = membership_at(view->kv, view->snapshot, node, INT64_MAX, &customer, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_NOT_FOUND, "there is no identifier of number %llu", (unsigned long long)node);
    TRY(code);
    if (split->plan.customer != 0 && split->plan.customer != customer)
        return error_set(error, PATRON_PRECONDITION,
            "the identifiers are not of one customer: they belong to customers %llu and %llu, which nothing links",
            (unsigned long long)split->plan.customer, (unsigned long long)customer);
    split->plan.customer = customer;
    return PATRON_OK;
}

static enum patron_code customer_find(struct split *split, const struct view *view, struct error *error)
{
    const struct split_request *request = &split->request;
    for (size_t i = 0; i < request->node_count; i++)
        TRY(customer_add(split, view, request->nodes[i], error));
    if (request->node_count > 0)
        return PATRON_OK;
    TRY(customer_add(split, view, request->a, error));
    return customer_add(split, view, request->b, error);
}

/* --- the parts' profiles ------------------------------------------------------------------------------------------ */

struct part_fold {
    struct split_part *part;
    struct profile *profile;
    const atomic_bool *cancelled;
    bool stopped;
};

static bool part_fold_take(void *context, const struct event *event)
{
    struct part_fold *fold = context;
    profile_apply(fold->profile, event);
    fold->part->events++;
    if (fold->part->events % LOOK_EVERY == 0 && fold->cancelled && atomic_load(fold->cancelled))
        fold->stopped = true;
    return !fold->stopped;
}

static enum patron_code parts_fold(
    struct split *split, const struct view *view, const atomic_bool *cancelled, struct error *error)
{
    split->profiles = arena_array(&split->arena, split->plan.part_count, sizeof *split->profiles);
    for (size_t i = 0; i < split->plan.part_count; i++) {
        struct split_part *part = &split->parts[i];
        struct part_fold fold = {part, &split->profiles[i], cancelled, false};
        profile_init(fold.profile, view->layout, &split->arena);
        profile_advance(fold.profile, view->position_us);
        for (size_t j = 0; j < part->node_count; j++) {
            TRY(events_each(view, part->nodes[j], INT64_MAX, part_fold_take, &fold, error));
            if (fold.stopped || (cancelled && atomic_load(cancelled)))
                return error_set(error, PATRON_BUSY, "the split was given up before it was ready");
        }
        part->profile = fold.profile;
    }
    return PATRON_OK;
}

static enum patron_code plan_make(
    struct split *split, const struct view *view, const atomic_bool *cancelled, struct error *error)
{
    TRY(request_check(&split->request, error));
    TRY(customer_find(split, view, error));
    TRY(split_parts_find(split, view, cancelled, error));
    if (split->request.change == CHANGE_BLOCK) {
        size_t at = split_node_find(split->nodes, split->node_count, split->request.nodes[0]);
        CHECK(at < split->node_count);
        split->blocked_already = split->nodes[at].member.flags & NODE_BLOCKED && split->plan.closed_count == 0;
    }
    if (split->plan.part_count > 1)
        TRY(parts_fold(split, view, cancelled, error));
    return PATRON_OK;
}

enum patron_code split_prepare(
    struct split *split, const struct view *view, const atomic_bool *cancelled, struct error *error)
{
    plan_forget(split);
    split->versions = versions_retain(view->versions);
    split->definitions = view->definitions;
    split->layout = view->layout;
    enum patron_code code = plan_make(split, view, cancelled, error);
    split->plan.position_us = view->position_us;
    if (code != PATRON_OK)
        plan_forget(split);
    return code;
}

enum patron_code split_follow(struct split *split, const struct view *view, bool *stale, struct error *error)
{
    CHECK(split->versions);
    enum split_fate fate;
    TRY(split_advance(split, view, SIZE_MAX, &fate, error));
    CHECK(fate != SPLIT_BEHIND);
    *stale = fate == SPLIT_STALE;
    return PATRON_OK;
}
