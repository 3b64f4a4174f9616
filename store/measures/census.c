#include "store/measures/census.h"

#include <stdlib.h>

#include "store/changes/review.h"
#include "store/features/profile_rows.h"
#include "store/identity/identity.h"
#include "store/measures/worth.h"

#define X(size, label) label,
const char *const census_size_labels[CENSUS_SIZES] = {CENSUS_SIZES_LIST(X)};
#undef X

/* By the first bits of a double, so ordered that greater values have greater ranks. Rank 0 has no value. */
enum { RANK_BITS = 16, RANKS = (1 << RANK_BITS) + 1 };

struct valued {
    uint64_t order; /* as a rank, of all the bits */
    uint64_t events; /* doubled, and one more if they are linked */
};

struct counting {
    const struct view *view;
    const atomic_bool *cancelled;
    struct census *census;
    struct census_share *ranks; /* null: nothing goes by value */
    struct valued *valued;      /* each customer, up to CENSUS_EXACT_MAX of them; sized as they come */
    size_t valued_count, valued_capacity;
    struct arena arena;         /* of one customer */
};

/* Greater for a greater value; never 0. */
static uint64_t order_of(double value)
{
    uint64_t bits;
    value += 0.0; /* there is one zero */
    memcpy(&bits, &value, sizeof bits);
    return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static size_t rank_of(uint64_t order)
{
    return order ? 1 + (size_t)(order >> (64 - RANK_BITS)) : 0;
}

static size_t size_of(uint64_t identifiers)
{
#define X(size, label) size,
    static const uint64_t sizes[CENSUS_SIZES] = {CENSUS_SIZES_LIST(X)};
#undef X
    size_t i = 0;
    while (identifiers > sizes[i])
        i++;
    return i;
}

static void share_add(struct census_share *share, uint64_t events, bool linked)
{
    share->customers++;
    share->events += events;
    share->linked_events += linked ? events : 0;
}

static void value_add(struct counting *counting, uint64_t order, uint64_t events, bool linked)
{
    share_add(&counting->ranks[rank_of(order)], events, linked);
    if (counting->valued_count == CENSUS_EXACT_MAX)
        return;
    if (counting->valued_count == counting->valued_capacity) {
        counting->valued_capacity = counting->valued_capacity ? 2 * counting->valued_capacity : 1024;
        counting->valued =
            memory_resize(counting->valued, counting->valued_capacity * sizeof *counting->valued);
    }
    counting->valued[counting->valued_count++] = (struct valued){order, 2 * events + linked};
}

/* A living customer, by its present members' number and types. */
static enum patron_code customer_count(struct counting *counting, uint64_t customer, uint64_t identifiers,
    const bool of_type[IDENTIFIER_TYPES_MAX], struct error *error)
{
    struct census *census = counting->census;
    const struct profile_parts *parts;
    arena_reset(&counting->arena);
    enum patron_code code = profile_parts_at(counting->view, customer, &parts, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "customer %llu has no profile: run patron verify",
            (unsigned long long)customer);
    TRY(code);
    struct profile profile;
    code = profile_decode(&profile, counting->view->layout, parts, &counting->arena, error);
    if (code == PATRON_OK) {
        uint64_t events = profile.event_count + profile.pending_count;
        bool linked = identifiers > 1;
        share_add(&census->all, events, linked);
        census->identifiers += identifiers;
        census->sizes[size_of(identifiers)]++;
        for (size_t i = 0; i < census->type_count; i++)
            if (of_type[counting->view->definitions->identifiers[i].number])
                share_add(&census->types[i], events, linked);
        double worth = 0;
        bool known = profile_worth(&profile, census->as_of_us, &counting->arena, &worth);
        if (counting->ranks)
            value_add(counting, known ? order_of(worth) : 0, events, linked);
    }
    profile_parts_release(parts);
    return code;
}

static enum patron_code cancelled_check(const struct counting *counting, struct error *error)
{
    if (counting->cancelled && atomic_load_explicit(counting->cancelled, memory_order_relaxed))
        return error_set(error, PATRON_BUSY, "the census was called off");
    return PATRON_OK;
}

static enum patron_code customers_count(struct counting *counting, struct error *error)
{
    const struct view *view = counting->view;
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_MEMBERS, (struct bytes){0});
    enum patron_code code = PATRON_OK;
    uint64_t customer = 0, identifiers = 0;
    bool of_type[IDENTIFIER_TYPES_MAX] = {false};
    for (kv_iterator_seek(rows, (struct bytes){0}); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct member member;
        code = member_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &member, error);
        if (code == PATRON_OK)
            code = cancelled_check(counting, error);
        if (code == PATRON_OK && member.customer != customer) {
            if (identifiers > 0)
                code = customer_count(counting, customer, identifiers, of_type, error);
            customer = member.customer;
            identifiers = 0;
            memset(of_type, 0, sizeof of_type);
        }
        if (code != PATRON_OK)
            goto free_rows;
        if (member.until_us == INT64_MAX) {
            identifiers++;
            of_type[member.type] = true;
        }
    }
    code = kv_iterator_status(rows, error);
    if (code == PATRON_OK && identifiers > 0)
        code = customer_count(counting, customer, identifiers, of_type, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

/* Those of one value: all of them, or as large a part as is left. */
static void top_fifth_add(struct census *census, const struct census_share *same)
{
    struct census_share *top = &census->top_fifth;
    uint64_t taken = (census->all.customers + 4) / 5 - top->customers;
    if (same->customers == 0)
        return;
    if (taken > same->customers)
        taken = same->customers;
    top->customers += taken;
    top->events += (uint64_t)((uint128)same->events * taken / same->customers);
    top->linked_events += (uint64_t)((uint128)same->linked_events * taken / same->customers);
}

static int valued_compare(const void *left, const void *right)
{
    const struct valued *a = left, *b = right;
    return a->order == b->order ? 0 : a->order > b->order ? -1 : 1;
}

/* From the greatest value down. */
static void top_fifth_take(struct counting *counting)
{
    if (counting->valued_count < counting->census->all.customers) {
        for (size_t i = RANKS; i > 0; i--)
            top_fifth_add(counting->census, &counting->ranks[i - 1]);
        return;
    }
    if (counting->valued_count > 0)
        qsort(counting->valued, counting->valued_count, sizeof *counting->valued, valued_compare);
    for (size_t i = 0, next; i < counting->valued_count; i = next) {
        struct census_share same = {0};
        for (next = i; next < counting->valued_count && counting->valued[next].order == counting->valued[i].order;
             next++)
            share_add(&same, counting->valued[next].events / 2, counting->valued[next].events % 2 == 1);
        top_fifth_add(counting->census, &same);
    }
}

static bool review_count(void *context, const struct review_item *item)
{
    struct census_reviews *reviews = context;
    reviews->open++;
    reviews->suspected_duplicates +=
        item->obstacle == OBSTACLE_REVIEW_SCORE || item->obstacle == OBSTACLE_REVIEW_CLUSTER;
    if (item->item_us < reviews->oldest_us)
        reviews->oldest_us = item->item_us;
    return true;
}

enum patron_code census_reviews_take(
    const struct view *view, int64_t as_of_us, struct census_reviews *reviews, struct error *error)
{
    *reviews = (struct census_reviews){.oldest_us = INT64_MAX};
    const struct review_walk open = {
        .from_us = INT64_MIN, .as_of_us = as_of_us, .open_only = true, .take = review_count, .context = reviews};
    return review_each(view, &open, error);
}

enum patron_code census_take(const struct view *view, int64_t as_of_us, const atomic_bool *cancelled,
    struct census *census, struct error *error)
{
    const struct definitions *definitions = view->definitions;
    *census = (struct census){.as_of_us = as_of_us, .type_count = definitions->identifier_count};
    for (size_t i = 0; i < census->type_count; i++)
        memcpy(census->type_names[i], definitions->identifiers[i].name.data, definitions->identifiers[i].name.length);
    struct counting counting = {.view = view, .cancelled = cancelled, .census = census};
    census->by_value = definitions->identity.value_feature >= 0;
    if (census->by_value)
        counting.ranks = memory_alloc(RANKS * sizeof *counting.ranks);
    enum patron_code code = customers_count(&counting, error);
    if (code == PATRON_OK && census->by_value)
        top_fifth_take(&counting);
    memory_free(counting.ranks);
    memory_free(counting.valued);
    arena_clear(&counting.arena);
    return code;
}
