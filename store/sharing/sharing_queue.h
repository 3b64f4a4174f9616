/* The costs that wait to be shared out: shared by sharing_queue.c, which keeps them, and sharing.c, which takes them
 * out. The writer's thread only; changes go to the store's batch. */
#ifndef PATRON_STORE_SHARING_QUEUE_H
#define PATRON_STORE_SHARING_QUEUE_H

#include "store/sharing/sharing.h"
#include "store/store_internal.h"

/* Why a cost that was due still waits. */
enum sharing_obstacle {
    SHARING_NONE = 0,
    SHARING_NO_WEIGHT, /* nobody has any */
    SHARING_NO_RULE,   /* the definitions say no more how it is shared */
    SHARING_NO_AMOUNT, /* they name another attribute, which it does not have */
    SHARING_DAMAGED,   /* events could not be read */
    SHARING_OBSTACLES
};

struct waiting_cost {
    int64_t known_at_us; /* by which it is told from others */
    int64_t time_us;
    uint8_t hash[EVENT_HASH_BYTES];
    uint16_t type;
    enum period period;
    struct stretch stretch; /* the period's */
    int64_t due_us;
    uint32_t retries; /* that are over */
    enum sharing_obstacle obstacle;
    uint32_t version; /* of the definitions, by which some of its shares are out already; 0: none is */
};

struct sharing_state {
    struct waiting_cost *waiting; /* by (due, known_at) */
    size_t count;
    size_t capacity;
    uint64_t shared;
    uint64_t unallocated;
    /* Of the one that is being shared out: */
    int64_t floor_us;          /* INT64_MIN: none is */
    uint32_t version_under_way; /* 0: none is */
    char words[SHARING_WORDS_MAX];
};

/* The one that is due first; null: none waits. */
const struct waiting_cost *queue_first(const struct store *store);
/* Of the cost known at that time: its first share goes out by that version; its last one has gone; nobody bears any of
 * it as yet. */
void queue_begun(struct store *store, int64_t known_at_us, uint32_t version);
void queue_done(struct store *store, int64_t known_at_us);
void queue_postpone(struct store *store, int64_t known_at_us, enum sharing_obstacle obstacle);

#endif
