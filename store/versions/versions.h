/* versions: every version of the definitions that the store has, and what each makes of profiles.
 *
 * One of them serves: its profiles are the rows of one generation. The newest is the serving one, or the one whose
 * profiles are being filled (refill.h). All that were not dropped can be asked by number: their answers are folded from
 * the events. What a version makes is immutable; a list of versions is too, and a change makes a new one, which views
 * taken from then on carry. Both are reference counted; retaining and releasing is thread-safe.
 *
 * Threads: reading and view_of_version from any; what changes the store is the writer's, between groups.
 * Failure: as stated; a failed write leaves the store unusable for writing, as store_group_commit's. */
#ifndef PATRON_STORE_VERSIONS_H
#define PATRON_STORE_VERSIONS_H

#include <stdatomic.h>

#include "store/features/layout.h"
#include "store/store.h"

enum { VERSION_HASH_BYTES = 32 };

struct version {
    atomic_uint references;
    uint32_t number;
    int64_t known_at_us; /* of its entry in the log */
    size_t text_bytes;
    uint8_t text_hash[VERSION_HASH_BYTES]; /* a file left over is known by it, also once its version was dropped */
    bool keeps_unknown; /* attributes, by name: what `unknown_attributes` said */
    const struct definitions *definitions; /* null: it was dropped */
    struct layout *layout;                 /* null: it was dropped */
    atomic_ullong asked;                   /* how often it was asked for by its number, since the store was opened */
};

struct versions {
    atomic_uint references;
    size_t count;
    struct version *list[]; /* number i + 1 at i; the newest is never dropped */
};

static inline struct version *versions_newest(const struct versions *versions)
{
    return versions->list[versions->count - 1];
}

/* The view as another version sees it; 0 stands for the one that serves. One that does not serve has no profiles:
 * read_as_of and snapshots fold for it, read_now must not be called. *other borrows from the view, and is not to be
 * released. PATRON_NOT_FOUND: there is no such version; PATRON_PRECONDITION: it was dropped. The words name those that
 * there are. */
enum patron_code view_of_version(
    const struct view *view, uint32_t number, struct view *other, struct error *error) MUST_CHECK;

/* Would `next`, parsed as the newest version's successor, have to be filled from the events before it serves? */
bool view_would_refill(const struct view *view, const struct definitions *next);

/* Makes `next`, which was parsed with the newest version before it, the newest: an entry of the log that is known at
 * `known_at_us` or, if that is past already, right after the newest entry; synced. Where its profiles are the same as
 * those that are there, it serves at once; else they are to be filled, and until then the one before serves.
 * PATRON_PRECONDITION: another version came between, or the newest one is being filled still and `supersede` is false;
 * PATRON_EXHAUSTED: too many versions are kept. Neither has changed anything. */
enum patron_code store_define(struct store *store, const struct definitions *next, int64_t known_at_us, bool supersede,
    struct error *error) MUST_CHECK;
/* Is the newest version being filled, and not serving yet? */
bool store_is_refilling(const struct store *store);

/* Forgets what a version makes, but not its text, which names have their numbers from. PATRON_NOT_FOUND: there is no
 * such version; PATRON_PRECONDITION: it serves, is the newest, or was dropped already. Synced. */
enum patron_code store_version_drop(struct store *store, uint32_t number, struct error *error) MUST_CHECK;

#endif
