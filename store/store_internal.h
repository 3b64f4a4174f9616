/* The open store, shared by the files that make it up: store.c (opening), group.c (ingestion), checked.c (what it
 * checks first), touched.c (the profiles it changes), lagging.c (profiles that lag the log), versions.c (of the
 * definitions), refill.c (profiles of a new version), sharing.c and sharing_queue.c (costs of no customer), recover.c
 * (what a crash leaves to be folded). */
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
#include "store/versions/versions.h"

/* A profile whose rows on disk are behind: what they are and what they shall be. */
struct lagging {
    uint32_t generation;
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

/* How far the newest version's profiles are filled; version 0: it serves. */
struct refill_state {
    uint32_t version;
    bool filling;        /* only the customers up to the cursor are there; else all are */
    uint64_t cursor;
    int64_t position_us; /* and hold the log's entries up to here */
};

/* The family `queues`: the first byte of its keys. Rows are specified where they are written. */
enum queue {
    QUEUE_AUDIT = 1,              /* refusals.c, as the next */
    QUEUE_REFUSED_OF = 2,
    QUEUE_SHARED_WAITING = 3,     /* sharing_queue.c, as the next */
    QUEUE_SHARED_UNALLOCATED = 4,
    QUEUE_TO_BLOCK = 6, /* to_block.c */
    QUEUE_REVIEW = 5, /* review_queue.c, as all of REVIEW */
    QUEUE_REVIEW_OF = 7,
    QUEUE_REVIEW_WAITING = 8,
    QUEUE_REVIEW_PAIR = 9,
    QUEUE_REVIEW_EXPIRY = 10,
    QUEUE_BLOCKED_OF = 11, /* block_rows.c */
};

struct store {
    struct kv *kv;
    struct kv_batch *batch;
    uint8_t key[STORE_KEY_BYTES];
    const struct versions *versions;
    struct version *serving; /* in `versions`, as the next two are in it */
    const struct definitions *definitions;
    struct layout *layout;
    struct refill_state refill;
    const struct profile_home *home;
    int64_t event_ahead_max_us;
    void (*progress)(void *context, const char *what, uint64_t done, uint64_t total);
    void *progress_context;
    void (*notice)(void *context, const char *words);
    void *notice_context;

    /* the row `state` */
    uint64_t last_node;
    int64_t newest_us;    /* known_at of the newest entry on disk, or of the open group */
    int64_t folded_to_us; /* the rows of all profiles hold every entry up to here */
    uint32_t serving_number; /* the version that serves */
    uint32_t generation;     /* of its profiles */
    uint64_t events;
    uint64_t merges;
    uint64_t identifiers_dropped;
    int64_t answered_until_us; /* the row `answered` */
    uint64_t refused[OBSTACLE_FIGURES_MAX]; /* the row `refused` */

    struct lagging *lagging;       /* by customer */
    struct lagging *lagging_first; /* oldest first */
    uint64_t lagging_count;
    struct lagging *outdated; /* of generations that no longer serve */
    uint8_t sweep_from[PROFILE_KEY_BYTES];
    size_t sweep_from_length;

    struct drift *drift;
    struct sharing_state *sharing;
    struct change_figures changes;
    struct review_figures review; /* the row `review`; oldest_us by the rows that wait */

    bool group_open;
    bool group_queued; /* the group changes a queue or an identity, whether it has events or not */
    bool failed;
    int64_t group_clock_us;
    int64_t group_first_us;
    uint64_t group_size;
    struct touched *touched;
    struct arena group_arena;
    struct arena event_arena;
};

/* touched.c, within an open group. The customer's profile, decoded if it has one; *touched stays the group's. */
enum patron_code touch(
    struct store *store, uint64_t customer, struct touched **touched, struct error *error) MUST_CHECK;
/* That one, a new one where there is none. */
struct profile *touched_profile(struct store *store, struct touched *touched);
/* `customer` takes in the profiles of those that gave up their id, and is moved on to the entry that joined them. */
enum patron_code touched_merge(struct store *store, uint64_t customer, const uint64_t *merged, size_t merged_count,
    int64_t known_at_us, struct profile **merger, struct error *error) MUST_CHECK;
void touched_encode(struct store *store);    /* they lag, from the group on */
void touched_hand_over(struct store *store); /* to the home, once the group is on disk */
void touched_release(struct store *store);

void state_put(struct store *store);
enum patron_code state_get(struct store *store, struct error *error) MUST_CHECK;

/* Entries that send a merge to review name it by their known_at, and 0 names none: so none of them has it. */
static inline int64_t known_at_named(int64_t known_at_us)
{
    return known_at_us == 0 ? 1 : known_at_us;
}

/* The newest parts of a customer, wherever they are, retained; null if it has none. */
enum patron_code lagging_newest(
    struct store *store, uint64_t customer, const struct profile_parts **parts, struct error *error) MUST_CHECK;
/* From now on the customer's parts shall be `take_newest`; `disk` is what its rows are if they were not behind yet. */
void lagging_set(struct store *store, uint64_t customer, const struct profile_parts *disk,
    const struct profile_parts *take_newest);
void lagging_forget_all(struct store *store);
/* All that lag are of a generation that serves no longer: their rows are not written any more. */
void lagging_outdate_all(struct store *store);
/* Drops up to so many of those; false if there are none. */
bool lagging_outdated_drop(struct store *store, size_t most);

/* Folds forward what the rows miss. */
enum patron_code store_recover(struct store *store, struct error *error) MUST_CHECK;
/* Fills the profiles of the newest version if it does not serve yet, makes it serve, and sweeps. */
enum patron_code store_refill_now(struct store *store, struct error *error) MUST_CHECK;

/* group.c: an event that the store makes itself, at a node that is there, known at event->known_at_us. */
enum patron_code group_add_own(struct store *store, const struct event *event, struct error *error) MUST_CHECK;

/* sharing_queue.c. Reads the queue; after the versions. */
enum patron_code sharing_open(struct store *store, struct error *error) MUST_CHECK;
void sharing_close(struct store *store);
/* No entry is to be known before this; INT64_MIN: any may. */
int64_t sharing_floor(const struct store *store);
size_t sharing_waiting(const struct store *store);
/* Puts a cost into the queue, in the batch. */
void sharing_wait(struct store *store, const struct shared_cost *rule, const struct event *event);
/* A cost is being shared out by this version, or was when the process ended. */
bool sharing_needs_version(const struct store *store, uint32_t number);
struct sharing_figures sharing_figures(const struct store *store);

/* review_queue.c. Reads how many merges wait for a person. */
enum patron_code review_open(struct store *store, struct error *error) MUST_CHECK;

/* A set of customers. */
struct customer_mark {
    uint64_t customer;
    UT_hash_handle hh;
};
void customer_mark(struct customer_mark **marks, uint64_t customer);
bool customer_unmark(struct customer_mark **marks, uint64_t *customer); /* takes one out; false: the set is empty */

/* Finds the stored versions and the one that serves; adds one if the text is new. */
enum patron_code versions_open(struct store *store, struct bytes text, bool *added, struct error *error) MUST_CHECK;
struct version *version_retain(struct version *version);
void version_release(struct version *version); /* null is fine */
const struct versions *versions_retain(const struct versions *versions);
void versions_release(const struct versions *versions); /* null is fine */
/* The newest version serves from here on, with the profiles that were filled for it. */
void version_serve_newest(struct store *store);
void refill_state_put(struct kv_batch *batch, const struct refill_state *state);

/* Rows of the family `meta`. The value is in the event's arena; meta_put clears the encoder. */
enum patron_code meta_get(
    struct store *store, const char *name, struct bytes *value, struct error *error) MUST_CHECK;
void meta_put(struct store *store, const char *name, struct encoder *value);

#endif
