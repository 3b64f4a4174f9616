#include "server/methods/identity_others.h"

#include "server/methods/identity_messages.h"

struct identity_others *identity_others_new(
    const struct explained_node *known, size_t known_count, struct arena *arena)
{
    struct identity_others *others = arena_alloc(arena, sizeof *others);
    others->known = known;
    others->known_count = known_count;
    return others;
}

static bool is_known(const struct identity_others *others, uint64_t node)
{
    size_t low = 0, high = others->known_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (others->known[middle].member.node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < others->known_count && others->known[low].member.node == node;
}

void identity_others_add(struct identity_others *others, uint64_t node)
{
    if (node == NODE_NONE || others->count == IDENTITY_OTHERS_MAX || is_known(others, node))
        return;
    size_t place = others->count;
    while (place > 0 && others->numbers[place - 1] > node)
        place--;
    if (place > 0 && others->numbers[place - 1] == node)
        return;
    memmove(others->numbers + place + 1, others->numbers + place, (others->count - place) * sizeof(uint64_t));
    others->numbers[place] = node;
    others->count++;
}

void identity_others_add_decided(struct identity_others *others, const struct refusal *refusals, size_t refusal_count,
    const struct review_item *items, size_t item_count)
{
    for (size_t i = 0; i < refusal_count; i++) {
        identity_others_add(others, refusals[i].node);
        for (size_t k = 0; k < refusals[i].count; k++)
            identity_others_add(others, refusals[i].identifiers[k].node);
    }
    for (size_t i = 0; i < item_count; i++) {
        identity_others_add(others, items[i].a);
        identity_others_add(others, items[i].b);
    }
}

enum patron_code identity_others_messages(const struct identity_others *others, struct errand *errand,
    Patron__V1__IdentityNode **list, struct error *error)
{
    struct arena *arena = &errand->call->arena;
    for (size_t i = 0; i < others->count; i++) {
        struct explained_node node;
        TRY(explain_node(errand->view, others->numbers[i], errand->as_of_us, arena, &node, error));
        list[i] = identity_node_message(errand->view->definitions, &node, arena);
    }
    return PATRON_OK;
}
