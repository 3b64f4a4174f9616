/* seal: personal data as it lies on disk, so that a copy of the data directory names nobody.
 *
 * What is sealed can be read with the store's key only. Sealing is deterministic: the same plain bytes, sealed for the
 * same purpose and bound to the same thing, give the same bytes, so that the same log gives the same store. What is
 * bound (the hash of the event, the identifier) is not kept in the sealed bytes, but they open only with it: a row's
 * bytes that were put under another key are refused. Two sealed texts that are equal show that what they hold is; since
 * they are bound to different things, none ever are.
 *
 * Format and algorithms stand in seal.c. Threads: any; nothing is shared. sodium_init must have been called. */
#ifndef PATRON_BASE_SEAL_H
#define PATRON_BASE_SEAL_H

#include "store/base/arena.h"
#include "store/base/encode.h"
#include "store/base/error.h"

enum { SEAL_KEY_BYTES = 32, SEAL_BYTES = 1 + 24 + 16 /* more than the plain bytes */ };

/* Each has a key of its own, so that bytes of one can never be taken for another's. Numbers are for ever. */
enum seal_purpose {
    SEAL_EVENT = 1,    /* an event's attributes, bound to the event's hash */
    SEAL_NODE = 2,     /* an identifier's value, bound to its hash */
    SEAL_RECORD = 3,   /* a record to be matched, bound to its node */
};

/* Appends the sealed bytes, SEAL_BYTES longer than the plain ones. `key` has SEAL_KEY_BYTES. */
void seal_close(
    const uint8_t *key, enum seal_purpose purpose, struct bytes bound, struct bytes plain, struct encoder *to);
/* The plain bytes, in the arena. PATRON_CORRUPT: they were changed, or sealed with another key, for another purpose or
 * bound to something else. */
enum patron_code seal_open(const uint8_t *key, enum seal_purpose purpose, struct bytes bound, struct bytes sealed,
    struct arena *arena, struct bytes *plain, struct error *error) MUST_CHECK;
/* A key of its own for hashing of one purpose, SEAL_KEY_BYTES, derived in the same way. */
enum seal_secret {
    SECRET_BLOCKS = 64, /* keys of blocks of records that are matched */
};
void seal_secret(const uint8_t *key, enum seal_secret secret, uint8_t derived[SEAL_KEY_BYTES]);

#endif
