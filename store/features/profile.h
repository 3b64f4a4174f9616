/* profile: a customer's folded state, and the one computation on it.
 *
 * A profile at position p holds every event applied so far: those with event time <= p in accumulators, later ones
 * waiting in `pending`. Applying events is commutative, and advancing drops tiles by p alone, so that a profile's
 * encoding is a function of its events and p: online it grows event by event, offline it is folded anew, and the bytes
 * are the same. profile_evaluate is the only place where a feature's value is made; online reads and snapshots run it.
 *
 * A profile lives in an arena (struct, tiles, everything) and on one thread. Decoding can fail with PATRON_CORRUPT;
 * nothing else here fails. */
#ifndef PATRON_FEATURES_PROFILE_H
#define PATRON_FEATURES_PROFILE_H

#include "store/features/layout.h"
#include "store/features/profile_home.h"
#include "store/store.h"

struct tile {
    int64_t index;
    struct accumulator *accumulators; /* of the tier */
};

struct tile_list {
    struct tile *tiles; /* ascending */
    size_t count;
    size_t capacity;
};

struct profile_type {
    struct accumulator *lifetime;
    struct tile_list tiers[TIER_COUNT]; /* [TIER_LIFETIME] stays empty */
};

struct profile {
    const struct layout *layout;
    struct arena *arena;
    int64_t position_us; /* everything with event time up to here is in the accumulators */
    uint64_t event_count; /* in the accumulators */
    int64_t newest_event_time_us; /* among those; INT64_MIN for none */
    int64_t newest_known_at_us;
    struct event *pending; /* ascending by (time, hash) */
    size_t pending_count;
    size_t pending_capacity;
    struct profile_type *types; /* by event type's number */
};

/* The place of the first tile with this index or a later one. */
size_t tile_list_place(const struct tile_list *list, int64_t index);

void profile_init(struct profile *profile, const struct layout *layout, struct arena *arena);
/* Moves to a position not before the present one: due events leave `pending`, tiles out of every window's reach go. */
void profile_advance(struct profile *profile, int64_t position_us);
/* How many of its events lie after a time that is not before its position. */
size_t profile_pending_after(const struct profile *profile, int64_t time_us);
/* Takes in an event (its bytes are copied as far as they are kept). */
void profile_apply(struct profile *profile, const struct event *event);
/* Takes in all that `from` holds; `from` must not be used afterwards (its memory is shared) nor its arena dropped
 * first. */
void profile_merge(struct profile *into, const struct profile *take_from);

/* The values of features that are not derived as of T, where profile->position_us must be T - 1: advance first.
 * PRESENT, NULL or STALE: defaults are the caller's. Takes no memory; text points into the profile. Neighbours that ask
 * of the same tiles, as a family's members do, share the walk over them. */
void profile_evaluate_each(const struct profile *profile, const uint32_t *features, size_t count, int64_t as_of_us,
    struct value *values);
void profile_evaluate(const struct profile *profile, uint32_t feature, int64_t as_of_us, struct value *value);

/* --- the encoded form: rows of the family `profiles` ------------------------------------------------------------- */

enum { PROFILE_KEY_BYTES = 20 };
void profile_key_encode(uint32_t generation, uint64_t customer, uint64_t part, uint8_t key[PROFILE_KEY_BYTES]);
uint32_t profile_key_generation(struct bytes key); /* of a whole key */

/* The rows, retained once. */
const struct profile_parts *profile_encode(const struct profile *profile);
/* `parts` must stay while the profile is used. PATRON_PRECONDITION: of another generation. */
enum patron_code profile_decode(struct profile *profile, const struct layout *layout, const struct profile_parts *parts,
    struct arena *arena, struct error *error) MUST_CHECK;

/* Parts from rows of one customer in order of part number; the values are copied. */
const struct profile_parts *profile_parts_new(const struct profile_part *parts, size_t count);

#endif
