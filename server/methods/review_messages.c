#include "server/methods/review_messages.h"

#include "server/methods/identity_messages.h"
#include "server/methods/port.h"
#include "store/measures/worths.h"

int64_t review_view_now(struct errand *errand)
{
    struct server_status status;
    errand_view_now(errand);
    errand->port->functions->status(errand->port, &status);
    return status.clock_us > errand->as_of_us ? status.clock_us : errand->as_of_us;
}

enum patron_code review_sides_read(struct errand *errand, const struct review_item *item, struct arena *scratch,
    struct review_sides *sides, struct error *error)
{
    const struct view *view = errand->view;
    const uint64_t nodes[2] = {item->a, item->b};
    for (int i = 0; i < 2; i++) {
        enum patron_code code =
            membership_at(view->kv, view->snapshot, nodes[i], errand->as_of_us, &sides->customers[i], error);
        if (code == PATRON_NOT_FOUND)
            return error_set(error, PATRON_CORRUPT, "node %llu of a review item has no customer: run patron verify",
                (unsigned long long)nodes[i]);
        TRY(code);
        TRY(worth_in_view(view, sides->customers[i], errand->as_of_us, scratch, &sides->worths[i],
            &sides->worth_known[i], error));
    }
    return PATRON_OK;
}

static enum patron_code node_message(
    struct errand *errand, uint64_t node, Patron__V1__IdentityNode **message, struct error *error)
{
    struct arena *arena = &errand->call->arena;
    struct explained_node explained;
    TRY(explain_node(errand->view, node, errand->as_of_us, arena, &explained, error));
    *message = identity_node_message(errand->view->definitions, &explained, arena);
    return PATRON_OK;
}

static Patron__V1__ReviewWorth *worth_message(const struct review_sides *sides, int side, struct arena *arena)
{
    if (!sides->worth_known[side])
        return NULL;
    Patron__V1__ReviewWorth *message = arena_alloc(arena, sizeof *message);
    patron__v1__review_worth__init(message);
    message->worth = sides->worths[side];
    return message;
}

enum patron_code review_item_message(struct errand *errand, const struct review_item *item,
    const struct review_sides *sides, Patron__V1__ReviewItem **message, struct error *error)
{
    struct arena *arena = &errand->call->arena;
    Patron__V1__ReviewItem *made = arena_alloc(arena, sizeof *made);
    patron__v1__review_item__init(made);
    made->item_us = item->item_us;
    made->state = (Patron__V1__IdentityReviewState)item->state;
    TRY(node_message(errand, item->a, &made->a, error));
    TRY(node_message(errand, item->b, &made->b, error));
    made->customer_a = sides->customers[0];
    made->customer_b = sides->customers[1];
    made->obstacle = (Patron__V1__Obstacle)item->obstacle;
    made->second_person = item->second_person;
    made->expires_us = item->expires_us;
    made->count = item->count;
    made->last_us = item->last_us;
    made->rule = (Patron__V1__LinkRule)item->rule;
    TRY(identity_evidence_message(errand->view, item->evidence, arena, &made->evidence, error));
    made->score = item->score;
    made->model = item->model;
    made->first_us = item->first_us;
    made->first_actor = identity_text(item->first_actor, arena);
    made->first_reason = identity_text(item->first_reason, arena);
    made->decided_us = item->decided_us;
    made->actor = identity_text(item->actor, arena);
    made->reason = identity_text(item->reason, arena);
    made->worth_a = worth_message(sides, 0, arena);
    made->worth_b = worth_message(sides, 1, arena);
    *message = made;
    return PATRON_OK;
}
