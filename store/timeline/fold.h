/* fold: profiles made anew from raw events, at any T.
 *
 * The same profile_apply as the writer's runs here, so that what is folded equals what was served. Runs on any thread,
 * on one view's snapshot; costs as much as the customer has events. */
#ifndef PATRON_TIMELINE_FOLD_H
#define PATRON_TIMELINE_FOLD_H

#include "store/features/profile.h"
#include "store/identity/identity.h"
#include "store/journal/log.h"

/* The customer as of T: events with known_at < T and event time < T of the nodes that were members at T. */
enum patron_code fold_at(const struct view *view, const struct member *members, size_t member_count, int64_t as_of_us,
    struct arena *arena, struct profile *profile, uint64_t *events, struct error *error) MUST_CHECK;

/* The customer's profile as the writer holds it at the view's position: at the known_at of the customer's last entry.
 * PATRON_NOT_FOUND: the customer has no members now. */
enum patron_code fold_current(const struct view *view, uint64_t customer, struct arena *arena, struct profile *profile,
    uint64_t *events, struct error *error) MUST_CHECK;

/* The same of the past: as the writer held it right after an entry that changed the customer, known at `position_us`.
 * PATRON_NOT_FOUND: the customer had no members then. */
enum patron_code fold_after(const struct view *view, uint64_t customer, int64_t position_us, struct arena *arena,
    struct profile *profile, uint64_t *events, struct error *error) MUST_CHECK;

/* Calls `take` for every event of the node with event time < before_us, in order of event time, until it returns
 * false; the event is borrowed. It comes as the layout's definitions read it: what was kept by name is resolved
 * (event.h). Events of types that only later versions of the definitions have are left out. */
enum patron_code events_each(const struct view *view, uint64_t node, int64_t before_us,
    bool (*take)(void *context, const struct event *event), void *context, struct error *error) MUST_CHECK;

/* The event that an entry of the log (LOG_EVENT, of a node) names, in the arena, as the layout's definitions read
 * it. */
enum patron_code entry_event(const struct view *view, const struct log_entry *entry, struct arena *arena,
    struct event *event, struct error *error) MUST_CHECK;

#endif
