/* small_home: a profile home for the tests, as plain as profile_home.h's contract allows, and as forgetful: whatever
 * the contract lets go, small_home_forget lets go, so that readers must find the right rows in the engine.
 *
 * It tells views apart by a number of their own, for `settled` may come while an older view lives. One thread. */
#ifndef PATRON_TESTS_PROPERTY_SMALL_HOME_H
#define PATRON_TESTS_PROPERTY_SMALL_HOME_H

#include "store/features/profile_home.h"

struct small_home;

struct small_home *small_home_new(void);
void small_home_free(struct small_home *home); /* null is fine */
const struct profile_home *small_home_face(struct small_home *home);

/* The number of the view that is taken next counts up from 1. */
uint64_t small_home_view_taken(struct small_home *home);
/* Forgets what no view may ask for any more. `oldest` is the number of the oldest view that lives, or the next one's
 * if none does; `oldest_position_us` its position, or the newest one's. */
void small_home_forget(struct small_home *home, uint64_t oldest, int64_t oldest_position_us);
uint64_t small_home_next_view(const struct small_home *home);

#endif
