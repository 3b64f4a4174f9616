/* What verify asks of one customer's identity: its rows agree with each other, its identifiers hang together by the
 * links that hold and by nothing else, and who is to be kept apart is. */
#ifndef PATRON_TIMELINE_VERIFY_IDENTITY_H
#define PATRON_TIMELINE_VERIFY_IDENTITY_H

#include "store/identity/identity.h"
#include "store/store.h"

struct identity_verify {
    const struct view *view;
    uint64_t customer;
    struct arena *arena;
    void (*differ)(void *context, const char *what); /* called for each difference */
    void *context;
};

/* PATRON_CORRUPT for a row that cannot be read; other failures are the engine's. */
enum patron_code identity_verify(const struct identity_verify *verify, struct error *error) MUST_CHECK;

#endif
