/* The open store, shared by the files that make it up: store.c (opening), group.c (ingestion), lagging.c (profiles that
 * lag the log), recover.c (what a crash or new definitions leave to be folded). */
#ifndef PATRON_STORE_INTERNAL_H
#define PATRON_STORE_INTERNAL_H

#include <stdint.h>

static inline unsigned customer_hash(const void *key)
{
    return (unsigned)((*(const uint64_t *)key * UINT64_C(0x9E3779B97F4A7C15)) >> 32);
}

/* uthash's memory is ours */
#define uthash_malloc(size) memory_alloc(size)
#define uthash_free(pointer, size) memory_free(pointer)
#define uthash_fatal(message) IMPOSSIBLE("uthash: " message)
/* every key here is a customer's number; Fibonacci hashing spreads them */
#define HASH_FUNCTION(key, length, hash) ((hash) = customer_hash(key))
#include <uthash.h>
#include <utlist.h>

#include "store/features/profile_rows.h"
#include "store/identity/identity_rows.h"
#include "store/journal/log.h"
#include "store/schema/drift.h"
#include "store/store.h"

/* A profile whose rows on disk are behind: what they are and what they shall be. */
struct lagging {
    uint64_t customer;
    const struct profile_parts *disk;   /* null: no rows */
    const struct profile_parts *newest; /* null: merged away, the rows shall go */
    int64_t since_us;                   /* the first known_at that is not in the rows */
    UT_hash_handle hh;
    struct lagging *prev, *next; /* by since_us */
};

/* A profile that the open group has touched. */
struct touched {
    uint64_t customer;
    const struct profile_parts *before; /* what it was decoded from; null: the customer is new */
    struct profile *profile;            /* in the group's arena; null: merged away */
    UT_hash_handle hh;
};

struct store {
    struct kv *kv;
    struct kv_batch *batch;
    uint8_t key[STORE_KEY_BYTES];
    const struct definitions *definitions;
    struct layout *layout;
    const struct profile_home *home;
    int64_t event_ahead_max_us;
    void (*progress)(void *context, const char *what, uint64_t done, uint64_t total);
    void *progress_context;

    /* the row `state` */
    uint64_t last_node;
    int64_t newest_us;    /* known_at of the newest entry on disk, or of the open group */
    int64_t folded_to_us; /* the rows of all profiles hold every entry up to here */
    uint32_t profiles_version; /* of the definitions that the rows are folded by */
    uint64_t events;
    uint64_t merges;
    uint64_t identifiers_dropped;
    int64_t answered_until_us; /* the row `answered` */

    struct lagging *lagging;       /* by customer */
    struct lagging *lagging_first; /* oldest first */
    uint64_t lagging_count;

    struct drift *drift;

    bool group_open;
    bool failed;
    int64_t group_clock_us;
    int64_t group_first_us;
    uint64_t group_size;
    struct touched *touched;
    struct arena group_arena;
    struct arena event_arena;
};

void touched_release(struct store *store);
void state_put(struct store *store);
enum patron_code state_get(struct store *store, struct error *error) MUST_CHECK;

/* The newest parts of a customer, wherever they are, retained; null if it has none. */
enum patron_code lagging_newest(
    struct store *store, uint64_t customer, const struct profile_parts **parts, struct error *error) MUST_CHECK;
/* From now on the customer's parts shall be `take_newest`; `disk` is what its rows are if they were not behind yet. */
void lagging_set(struct store *store, uint64_t customer, const struct profile_parts *disk,
    const struct profile_parts *take_newest);
void lagging_forget_all(struct store *store);

/* Folds forward what the rows miss, or everything if they are of other definitions. */
enum patron_code store_recover(struct store *store, struct error *error) MUST_CHECK;
/* Finds the stored definitions, adds a version if the text is new. */
enum patron_code store_definitions_open(struct store *store, struct bytes text, struct error *error) MUST_CHECK;

#endif
