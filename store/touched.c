/* The profiles that the open group has touched: decoded once, changed in the group's arena, encoded at its end. */
#include "store/store_internal.h"

enum patron_code touch(struct store *store, uint64_t customer, struct touched **touched, struct error *error)
{
    HASH_FIND(hh, store->touched, &customer, sizeof customer, *touched);
    if (*touched)
        return PATRON_OK;
    const struct profile_parts *before;
    TRY(lagging_newest(store, customer, &before, error));
    struct touched *made = arena_alloc(&store->group_arena, sizeof *made);
    made->customer = customer;
    made->before = before;
    if (before) {
        made->profile = arena_alloc(&store->group_arena, sizeof *made->profile);
        enum patron_code code = profile_decode(made->profile, store->layout, before, &store->group_arena, error);
        if (code == PATRON_OK && made->profile->position_us > store->newest_us)
            code = error_set(error, PATRON_CORRUPT,
                "the profile of customer %llu is ahead of the log: run patron verify", (unsigned long long)customer);
        if (code != PATRON_OK) {
            profile_parts_release(before);
            return code;
        }
    }
    HASH_ADD(hh, store->touched, customer, sizeof made->customer, made);
    *touched = made;
    return PATRON_OK;
}

struct profile *touched_profile(struct store *store, struct touched *touched)
{
    if (!touched->profile) {
        touched->profile = arena_alloc(&store->group_arena, sizeof *touched->profile);
        profile_init(touched->profile, store->layout, &store->group_arena);
    }
    return touched->profile;
}

enum patron_code touched_merge(struct store *store, uint64_t customer, const uint64_t *merged, size_t merged_count,
    int64_t known_at_us, struct profile **merger, struct error *error)
{
    struct touched *touched;
    TRY(touch(store, customer, &touched, error));
    struct profile *profile = touched_profile(store, touched);
    for (size_t i = 0; i < merged_count; i++) {
        struct touched *gone;
        TRY(touch(store, merged[i], &gone, error));
        if (gone->profile)
            profile_merge(profile, gone->profile);
        gone->profile = NULL;
    }
    profile_advance(profile, known_at_us);
    *merger = profile;
    return PATRON_OK;
}

void touched_release(struct store *store)
{
    struct touched *touched, *next;
    HASH_ITER(hh, store->touched, touched, next)
    {
        HASH_DEL(store->touched, touched);
        profile_parts_release(touched->before);
    }
    arena_reset(&store->group_arena);
}

void touched_encode(struct store *store)
{
    for (struct touched *touched = store->touched; touched; touched = touched->hh.next) {
        if (!touched->profile && !touched->before)
            continue; /* came and went within the group */
        lagging_set(store, touched->customer, touched->before,
            touched->profile ? profile_encode(touched->profile) : NULL);
    }
}

void touched_hand_over(struct store *store)
{
    for (struct touched *touched = store->touched; touched; touched = touched->hh.next) {
        struct lagging *lagging;
        HASH_FIND(hh, store->lagging, &touched->customer, sizeof touched->customer, lagging);
        if (lagging)
            store->home->functions->put(store->home, store->layout->generation, touched->customer,
                lagging->newest ? profile_parts_retain(lagging->newest) : NULL, store->newest_us);
    }
}
