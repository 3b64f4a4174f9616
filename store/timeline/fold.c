#include "store/timeline/fold.h"

#include "store/versions/versions.h"

/* Types are never taken away: what the newest version does not have is none. */
static size_t types_known(const struct view *view)
{
    return view->versions ? versions_newest(view->versions)->definitions->event_count : view->layout->type_count;
}

enum patron_code events_each(const struct view *view, uint64_t node, int64_t before_us,
    bool (*take)(void *context, const struct event *event), void *context, struct error *error)
{
    uint8_t prefix[8];
    encode_be64(prefix, node);
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_EVENTS, bytes_of(prefix, sizeof prefix));
    size_t types = types_known(view);
    enum patron_code code = PATRON_OK;
    struct arena resolved = {0};
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct event event;
        code = event_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &event, error);
        if (code == PATRON_OK && event.type >= types)
            code = error_set(error, PATRON_CORRUPT, "an event is of a type that no version of the definitions has");
        if (code != PATRON_OK)
            goto free_rows;
        if (event.time_us >= before_us)
            goto free_rows;
        if (event.type >= view->layout->type_count)
            continue; /* a later version's */
        arena_reset(&resolved);
        event_resolve(&event, view->layout->definitions, &resolved);
        if (!take(context, &event))
            goto free_rows;
    }
    code = kv_iterator_status(rows, error);
free_rows:
    arena_clear(&resolved);
    kv_iterator_free(rows);
    return code;
}

struct fold {
    struct profile *profile;
    int64_t before_known_at_us;
    uint64_t events;
};

static bool fold_take(void *context, const struct event *event)
{
    struct fold *fold = context;
    if (event->known_at_us >= fold->before_known_at_us)
        return true;
    profile_apply(fold->profile, event);
    fold->events++;
    return true;
}

enum patron_code fold_at(const struct view *view, const struct member *members, size_t member_count, int64_t as_of_us,
    struct arena *arena, struct profile *profile, uint64_t *events, struct error *error)
{
    profile_init(profile, view->layout, arena);
    profile_advance(profile, as_of_us - 1);
    struct fold fold = {profile, as_of_us, 0};
    for (size_t i = 0; i < member_count; i++)
        if (member_at(&members[i], as_of_us))
            TRY(events_each(view, members[i].node, as_of_us, fold_take, &fold, error));
    *events += fold.events;
    return PATRON_OK;
}

static bool newest_take(void *context, const struct event *event)
{
    int64_t *newest_us = context;
    if (event->known_at_us > *newest_us)
        *newest_us = event->known_at_us;
    return true;
}

/* What the nodes that were members just after the position had brought by then, those dated ahead included. */
static enum patron_code members_fold(const struct view *view, const struct member *members, size_t count,
    int64_t position_us, struct profile *profile, uint64_t *events, struct error *error)
{
    int64_t as_of_us = position_us < INT64_MAX ? position_us + 1 : INT64_MAX; /* of damaged rows */
    profile_advance(profile, position_us);
    struct fold fold = {profile, as_of_us, 0};
    for (size_t i = 0; i < count; i++)
        if (member_at(&members[i], as_of_us))
            TRY(events_each(view, members[i].node, INT64_MAX, fold_take, &fold, error));
    *events += fold.events;
    return PATRON_OK;
}

enum patron_code fold_after(const struct view *view, uint64_t customer, int64_t position_us, struct arena *arena,
    struct profile *profile, uint64_t *events, struct error *error)
{
    CHECK(position_us < INT64_MAX);
    struct member *members;
    size_t count;
    TRY(members_of(view->kv, view->snapshot, customer, arena, &members, &count, error));
    bool alive = false;
    for (size_t i = 0; i < count; i++)
        alive = alive || member_at(&members[i], position_us + 1);
    if (!alive)
        return PATRON_NOT_FOUND;
    profile_init(profile, view->layout, arena);
    return members_fold(view, members, count, position_us, profile, events, error);
}

enum patron_code entry_event(const struct view *view, const struct log_entry *entry, struct arena *arena,
    struct event *event, struct error *error)
{
    struct event sought = {.node = entry->node, .time_us = entry->time_us};
    memcpy(sought.hash, entry->hash, EVENT_HASH_BYTES);
    uint8_t key[EVENT_KEY_BYTES];
    event_key_encode(&sought, key);
    struct bytes value;
    enum patron_code code =
        kv_get(view->kv, view->snapshot, KV_EVENTS, bytes_of(key, sizeof key), arena, &value, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "the log names an event of node %llu that is not there",
            (unsigned long long)entry->node);
    TRY(code);
    TRY(event_decode(bytes_of(key, sizeof key), value, event, error));
    if (event->type >= view->layout->type_count)
        return error_set(error, PATRON_CORRUPT, "an event is of a type that no version of the definitions has");
    event_resolve(event, view->layout->definitions, arena);
    return PATRON_OK;
}

enum patron_code fold_current(const struct view *view, uint64_t customer, struct arena *arena, struct profile *profile,
    uint64_t *events, struct error *error)
{
    struct member *members;
    size_t count;
    TRY(members_of(view->kv, view->snapshot, customer, arena, &members, &count, error));
    int64_t position_us = INT64_MIN;
    bool alive = false;
    for (size_t i = 0; i < count; i++) {
        bool open = members[i].until_us == INT64_MAX;
        int64_t changed_us = open ? members[i].since_us : members[i].until_us;
        if (changed_us > position_us)
            position_us = changed_us;
        alive = alive || open;
    }
    if (!alive)
        return PATRON_NOT_FOUND;
    for (size_t i = 0; i < count; i++)
        if (members[i].until_us == INT64_MAX)
            TRY(events_each(view, members[i].node, INT64_MAX, newest_take, &position_us, error));
    profile_init(profile, view->layout, arena);
    return members_fold(view, members, count, position_us, profile, events, error);
}
