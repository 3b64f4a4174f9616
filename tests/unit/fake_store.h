/* fake_store: a store with the face of store/store.h and no inside, for tests of what runs around one.
 *
 * It keeps the promises that the writer, the views and the profile cache build on, on a real (memory) engine: known_at
 * by the rules of store_group_begin, one kv_write a group, profiles put into the home and written back later. An
 * event's id is a customer's number in 8 bytes, big-endian; its profile is the known_at of its newest event, in 8
 * bytes. KV_LOG holds (customer, known_at) for each applied event, KV_PROFILES customer -> profile for what is
 * written back, so a view can be checked against itself. Events of type "duplicate" and "refused" have that fate.
 *
 * Include it in one program only together with fake_store.c, in place of the store's library. */
#ifndef PATRON_TESTS_FAKE_STORE_H
#define PATRON_TESTS_FAKE_STORE_H

#include "store/features/profile_home.h"
#include "store/store.h"

struct fake_group {
    bool source_clock;
    uint64_t events;
};

struct store *fake_store_new(struct kv *kv, const struct profile_home *home);
void fake_store_free(struct store *store);
/* The groups committed so far. Only when the writer rests. */
const struct fake_group *fake_store_groups(const struct store *store, size_t *count);
/* What each commit does before it writes: to be slow, or to wait for the test. Nullable. */
void fake_store_on_commit(struct store *store, void (*hook)(void *context), void *context);
/* Versions of profiles that nobody has released yet, over all stores. */
int64_t fake_store_parts_alive(void);

/* The event of a customer, with memory of its own in `id`. */
struct event_input fake_event(uint64_t customer, uint8_t id[8]);

/* Checks what a reader sees of the customer in the view: the newest of its events that lie in the view's position, from
 * the home or else from the view's rows. Returns false if that is not what the view's log says. */
bool fake_store_reads_true(const struct view *view, uint64_t customer, struct arena *arena);
/* The first known_at of the customer after the position, in the newest state; INT64_MAX: none. */
int64_t fake_store_next_known_at(struct kv *kv, uint64_t customer, int64_t after_us);

#endif
