/* profile_home: where current profiles live between the writer, who changes them, and the readers, who see one
 * position.
 *
 * A profile is handed over as profile_parts: its encoded rows, immutable and reference counted (retain and release are
 * thread-safe). The home keeps, for each customer it holds, the versions that some view can still ask for.
 *
 * Profiles that are folded by other definitions are of another generation (store.h) and have nothing to do with each
 * other: the generation is part of what a customer's profile is found by.
 *
 * The contract that makes reads exact while rows on disk lag the log:
 * - The writer calls `put` for every customer that a group changed, after the group is on disk and before any view of
 *   it is handed out. `valid_from_us` is the group's last known_at: views at that position or later see the new parts.
 * - `settled` says that the newest parts put for a customer are on disk, or that no later view will ask for them.
 *   Before that, and while a view taken before it lives, the entry stays: a reader who does not find a version must
 *   find the right rows in its view's snapshot.
 * - `get` gives the newest parts with valid_from <= position, retained; *found false means that the rows in the view's
 *   snapshot are right. *found with null parts: the customer does not exist at that position (merged away).
 *
 * Threads: put, settled from the writer's thread; get from any. None of them fails. */
#ifndef PATRON_PROFILE_HOME_H
#define PATRON_PROFILE_HOME_H

#include "store/base/arena.h"
#include "store/base/bytes.h"

/* One row of a profile: the key's part number and the value (features/profile.c specifies both). */
struct profile_part {
    uint64_t number;
    struct bytes value;
};

struct profile_parts {
    _Atomic uint32_t references;
    size_t count;
    size_t total_bytes; /* of memory, for the home's budget */
    struct profile_part part[]; /* in order of number; the values follow in the same allocation or are shared */
};

struct profile_home;

struct profile_home_functions {
    const struct profile_parts *(*get)(
        const struct profile_home *home, uint32_t generation, uint64_t customer, int64_t position_us, bool *found);
    void (*put)(const struct profile_home *home, uint32_t generation, uint64_t customer,
        const struct profile_parts *take_parts, int64_t valid_from_us); /* null parts: the customer is no more */
    void (*settled)(const struct profile_home *home, uint32_t generation, uint64_t customer);
};

struct profile_home {
    const struct profile_home_functions *functions;
};

const struct profile_parts *profile_parts_retain(const struct profile_parts *parts);
void profile_parts_release(const struct profile_parts *parts); /* null is fine */

#endif
