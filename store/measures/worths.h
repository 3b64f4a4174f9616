/* worths: answers the rules' question what a customer is worth (struct value_of of identity/rules.h), as of a moment
 * after all that is known: within an open group, or on a view. No profile is changed by being asked; a customer is
 * weighed once.
 *
 * Threads: worths_of_group is the writer's; worths_of_view any one's, on its own struct. Failure: of the engine, or
 * PATRON_CORRUPT. */
#ifndef PATRON_STORE_WORTHS_H
#define PATRON_STORE_WORTHS_H

#include "store/identity/rules.h"
#include "store/store.h"

struct worth;

struct worths {
    struct value_of value_of;
    struct store *store;     /* or */
    const struct view *view; /* ... */
    struct arena *arena;
    struct worth *weighed;
};

/* What to ask, until the group's next event or link; null: the definitions have no rule that goes by value. */
const struct value_of *worths_of_group(struct worths *worths, struct store *store);
/* What to ask as of moments after view->position_us, while view and arena last. */
const struct value_of *worths_of_view(struct worths *worths, const struct view *view, struct arena *arena);
/* One customer's, also where no rule goes by value. *known false: it has none. */
enum patron_code worth_in_view(const struct view *view, uint64_t customer, int64_t as_of_us, struct arena *arena,
    double *value, bool *known, struct error *error) MUST_CHECK;

#endif
