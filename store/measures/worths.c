#include "store/measures/worths.h"

#include "store/store_internal.h"
#include "store/measures/worth.h"

struct worth {
    uint64_t customer;
    double value;
    bool known;
    struct worth *next;
};

/* The customer's newest profile, encoded: that which the group has made so far, else what was there before. */
static enum patron_code group_parts(
    struct store *store, uint64_t customer, const struct profile_parts **parts, struct error *error)
{
    struct touched *touched;
    HASH_FIND(hh, store->touched, &customer, sizeof customer, touched);
    if (!touched)
        return lagging_newest(store, customer, parts, error);
    *parts = touched->profile ? profile_encode(touched->profile) : NULL;
    return PATRON_OK;
}

static enum patron_code view_parts(
    const struct view *view, uint64_t customer, const struct profile_parts **parts, struct error *error)
{
    enum patron_code code = profile_parts_at(view, customer, parts, error);
    if (code != PATRON_NOT_FOUND)
        return code;
    *parts = NULL;
    return PATRON_OK;
}

/* A copy is weighed: the profile's own bytes are a function of its entries, and being asked is none. */
static enum patron_code weigh(struct worths *worths, struct worth *worth, int64_t as_of_us, struct error *error)
{
    const struct profile_parts *parts;
    TRY(worths->store ? group_parts(worths->store, worth->customer, &parts, error)
                      : view_parts(worths->view, worth->customer, &parts, error));
    if (!parts)
        return error_set(error, PATRON_CORRUPT, "customer %llu has no profile: run patron verify",
            (unsigned long long)worth->customer);
    const struct layout *layout = worths->store ? worths->store->layout : worths->view->layout;
    struct profile profile;
    enum patron_code code = profile_decode(&profile, layout, parts, worths->arena, error);
    if (code == PATRON_OK && profile.position_us >= as_of_us)
        code = error_set(error, PATRON_CORRUPT, "the profile of customer %llu is ahead of the log: run patron verify",
            (unsigned long long)worth->customer);
    if (code == PATRON_OK)
        worth->known = profile_worth(&profile, as_of_us, worths->arena, &worth->value);
    profile_parts_release(parts);
    return code;
}

static enum patron_code worths_ask(
    void *context, uint64_t customer, int64_t as_of_us, double *value, bool *known, struct error *error)
{
    struct worths *worths = context;
    struct worth *worth = worths->weighed;
    while (worth && worth->customer != customer)
        worth = worth->next;
    if (!worth) {
        worth = arena_alloc(worths->arena, sizeof *worth);
        worth->customer = customer;
        TRY(weigh(worths, worth, as_of_us, error));
        worth->next = worths->weighed;
        worths->weighed = worth;
    }
    *value = worth->value;
    *known = worth->known;
    return PATRON_OK;
}

static const struct value_of *worths_init(struct worths *worths, const struct definitions *definitions)
{
    const struct identity_rules *rules = &definitions->identity;
    worths->value_of = (struct value_of){worths_ask, worths};
    bool asked = rules->has_review_either || rules->has_review_both || rules->has_second_person;
    return asked && rules->value_feature >= 0 ? &worths->value_of : NULL;
}

const struct value_of *worths_of_group(struct worths *worths, struct store *store)
{
    *worths = (struct worths){.store = store, .arena = &store->event_arena};
    return worths_init(worths, store->definitions);
}

const struct value_of *worths_of_view(struct worths *worths, const struct view *view, struct arena *arena)
{
    *worths = (struct worths){.view = view, .arena = arena};
    return worths_init(worths, view->definitions);
}

enum patron_code worth_in_view(const struct view *view, uint64_t customer, int64_t as_of_us, struct arena *arena,
    double *value, bool *known, struct error *error)
{
    *known = false;
    if (view->definitions->identity.value_feature < 0)
        return PATRON_OK;
    struct worths worths;
    (void)worths_of_view(&worths, view, arena);
    return worths_ask(&worths, customer, as_of_us, value, known, error);
}
