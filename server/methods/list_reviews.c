/* List: a page of review items, on a worker. What is asked for by identifier or customer goes by the items of its
 * nodes; else all items are walked by. */
#include <math.h>
#include <stdlib.h>

#include "server/methods/identity_messages.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/review_messages.h"

enum {
    PAGE_SIZE = 50,
    PAGE_SIZE_MAX = 500,
    LOOKED_AT_MAX = 10000, /* by a call: a second where all are weighed */
};

struct listing {
    struct errand *errand;
    const Patron__V1__ListReviewsRequest *request;
    Patron__V1__ListReviewsResponse response;
    size_t page_size;
    size_t looked_at;
    struct arena scratch;
    enum patron_code code;
    struct error *error;
};

/* --- which -------------------------------------------------------------------------------------------------------- */

static bool state_is_asked(const Patron__V1__ListReviewsRequest *request, enum review_state state)
{
    if (request->n_states == 0)
        return state == REVIEW_OPEN || state == REVIEW_HALF_APPROVED;
    for (size_t i = 0; i < request->n_states; i++)
        if ((int)request->states[i] == (int)state)
            return true;
    return false;
}

static bool obstacle_is_asked(const Patron__V1__ListReviewsRequest *request, enum obstacle obstacle)
{
    for (size_t i = 0; i < request->n_obstacles; i++)
        if ((int)request->obstacles[i] == (int)obstacle)
            return true;
    return request->n_obstacles == 0;
}

static bool worth_is_asked(const Patron__V1__ListReviewsRequest *request, const struct review_sides *sides)
{
    if (request->worth_case != PATRON__V1__LIST_REVIEWS_REQUEST__WORTH_MIN_WORTH)
        return true;
    for (int i = 0; i < 2; i++)
        if (sides->worth_known[i] && sides->worths[i] >= request->min_worth)
            return true;
    return false;
}

static enum patron_code look(struct listing *listing, const struct review_item *item, struct error *error)
{
    const Patron__V1__ListReviewsRequest *request = listing->request;
    Patron__V1__ListReviewsResponse *response = &listing->response;
    struct review_sides sides;
    if (!state_is_asked(request, item->state) || !obstacle_is_asked(request, item->obstacle))
        return PATRON_OK;
    arena_reset(&listing->scratch);
    TRY(review_sides_read(listing->errand, item, &listing->scratch, &sides, error));
    if (!worth_is_asked(request, &sides))
        return PATRON_OK;
    TRY(review_item_message(listing->errand, item, &sides, &response->items[response->n_items], error));
    response->n_items++;
    return PATRON_OK;
}

/* False: the page ends with this one. */
static bool take(void *context, const struct review_item *item)
{
    struct listing *listing = context;
    listing->code = look(listing, item, listing->error);
    listing->looked_at++;
    bool ends = listing->response.n_items == listing->page_size || listing->looked_at == LOOKED_AT_MAX;
    if (ends)
        listing->response.next_us = item->item_us + 1;
    if (listing->code == PATRON_OK && atomic_load(&listing->errand->cancelled))
        listing->code = error_set(listing->error, PATRON_CANCELLED, "nobody waits for the answer");
    return listing->code == PATRON_OK && !ends;
}

/* --- of some nodes ------------------------------------------------------------------------------------------------ */

static int item_compare(const void *a, const void *b)
{
    const struct review_item *one = a, *other = b;
    return one->item_us < other->item_us ? -1 : one->item_us > other->item_us;
}

static enum patron_code about_nodes(struct listing *listing, const uint64_t *nodes, size_t count, struct error *error)
{
    struct errand *errand = listing->errand;
    struct arena *arena = &errand->call->arena;
    struct encoder all = {0};
    enum patron_code code = PATRON_OK;
    for (size_t i = 0; i < count && code == PATRON_OK; i++) {
        struct review_item *items;
        size_t item_count;
        code = review_of_node(
            errand->view, nodes[i], listing->response.as_of_us, arena, &items, &item_count, error);
        if (code == PATRON_OK)
            encode_raw(&all, items, item_count * sizeof *items);
    }
    struct review_item *items = (struct review_item *)(void *)all.data;
    size_t item_count = all.length / sizeof *items;
    if (item_count > 1)
        qsort(items, item_count, sizeof *items, item_compare);
    for (size_t i = 0; i < item_count && code == PATRON_OK; i++) {
        if (items[i].item_us < listing->request->from_us || (i > 0 && items[i].item_us == items[i - 1].item_us))
            continue;
        bool goes_on = take(listing, &items[i]);
        code = listing->code;
        if (!goes_on)
            break;
    }
    encoder_clear(&all);
    return code;
}

static enum patron_code about(struct listing *listing, struct error *error)
{
    struct errand *errand = listing->errand;
    struct arena *arena = &errand->call->arena;
    uint64_t node;
    if (listing->request->about_case == PATRON__V1__LIST_REVIEWS_REQUEST__ABOUT_NODE) {
        TRY(identity_name_find(errand->view, listing->request->node, arena, &node, error));
        return about_nodes(listing, &node, 1, error);
    }
    struct explained_node *nodes;
    size_t count;
    TRY(explain_nodes(errand->view, listing->request->customer, errand->as_of_us, arena, &nodes, &count, error));
    uint64_t *numbers = arena_array(arena, count, sizeof *numbers);
    for (size_t i = 0; i < count; i++)
        numbers[i] = nodes[i].member.node;
    return about_nodes(listing, numbers, count, error);
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static enum patron_code walk(struct listing *listing, struct error *error)
{
    const struct review_walk all = {.from_us = listing->request->from_us,
        .as_of_us = listing->response.as_of_us,
        .open_only = listing->request->n_states == 0,
        .take = take,
        .context = listing};
    TRY(review_each(listing->errand->view, &all, error));
    return listing->code;
}

/* What there is no number of matches nothing; and each is held against each item. */
static enum patron_code numbers_check(const ProtobufCEnumDescriptor *type, const char *field, const void *numbers,
    size_t count, struct error *error)
{
    if (count > type->n_values)
        return error_set(error, PATRON_INVALID, "%zu %s are given; there are %u", count, field, type->n_values);
    for (size_t i = 0; i < count; i++) {
        int number = ((const int *)numbers)[i];
        if (number == 0 || !protobuf_c_enum_descriptor_get_value(type, number))
            return error_set(error, PATRON_INVALID, "%s: there is no %s of number %d", field, type->short_name, number);
    }
    return PATRON_OK;
}

static enum patron_code request_check(const Patron__V1__ListReviewsRequest *request, struct error *error)
{
    if (request->page_size > PAGE_SIZE_MAX)
        return error_set(error, PATRON_INVALID, "page_size is %u; at most %d are told at once",
            (unsigned)request->page_size, PAGE_SIZE_MAX);
    if (request->worth_case == PATRON__V1__LIST_REVIEWS_REQUEST__WORTH_MIN_WORTH && isnan(request->min_worth))
        return error_set(error, PATRON_INVALID, "min_worth is not a number");
    _Static_assert(sizeof request->states[0] == sizeof(int) && sizeof request->obstacles[0] == sizeof(int), "enums");
    TRY(numbers_check(&patron__v1__identity_review_state__descriptor, "states", request->states, request->n_states,
        error));
    TRY(numbers_check(
        &patron__v1__obstacle__descriptor, "obstacles", request->obstacles, request->n_obstacles, error));
    return PATRON_OK;
}

static enum patron_code work(struct errand *errand, struct error *error)
{
    const Patron__V1__ListReviewsRequest *request = (const Patron__V1__ListReviewsRequest *)errand->request;
    struct listing listing = {.errand = errand,
        .request = request,
        .response = PATRON__V1__LIST_REVIEWS_RESPONSE__INIT,
        .page_size = request->page_size ? request->page_size : PAGE_SIZE,
        .error = error};
    TRY(request_check(request, error));
    listing.response.as_of_us = review_view_now(errand);
    listing.response.items =
        arena_array(&errand->call->arena, listing.page_size, sizeof listing.response.items[0]);
    bool is_about = request->about_case != PATRON__V1__LIST_REVIEWS_REQUEST__ABOUT__NOT_SET;
    enum patron_code code = is_about ? about(&listing, error) : walk(&listing, error);
    arena_clear(&listing.scratch);
    if (code == PATRON_OK)
        reply_message(errand->call, &listing.response.base);
    return code;
}

static void start(struct call *call, struct bytes request)
{
    errand_start(call, request, &patron__v1__list_reviews_request__descriptor, work);
}

const struct method method_list_reviews = ERRAND_METHOD("/patron.v1.Review/List", start);
