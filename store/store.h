/* store: what is known about customers, opened on one key-value engine.
 *
 * The store is a fold over a log. It never reads a clock, draws a random number or starts a thread: time comes in as an
 * argument, and the same calls give the same bytes.
 *
 * Threads: everything named store_group_* and store_open/close belongs to one thread, the writer. Reads (read_*) may
 * run on any thread at once, each with an arena of its own, on a `struct view` that the caller keeps alive meanwhile.
 *
 * Failure: as in error.h. A failed store_group_commit leaves the store unusable for writing; the process should
 * stop. */
#ifndef PATRON_STORE_H
#define PATRON_STORE_H

#include "store/base/arena.h"
#include "store/base/bytes.h"
#include "store/base/encode.h"
#include "store/base/error.h"
#include "store/definitions/definitions.h"
#include "store/journal/attribute.h"
#include "store/kv/kv.h"

/* --- opening -------------------------------------------------------------------------------------------------- */

struct layout;       /* features/layout.h */
struct profile_home; /* features/profile_home.h: where current profiles live between writer and readers */

enum { STORE_KEY_BYTES = 32 };

struct store_options {
    struct kv *kv;                     /* outlives the store */
    struct bytes definitions_text;     /* empty: those stored last */
    const uint8_t *key;                /* STORE_KEY_BYTES of secret: identifiers are hashed with it */
    const struct profile_home *home;   /* null: profiles are written with every group */
    int64_t event_ahead_max_us;        /* event times further after known_at are refused; 0: 7 days */
    void (*progress)(void *context, const char *what, uint64_t done, uint64_t total); /* nullable; long work at open */
    void *progress_context;
    bool refills_later; /* what refill.h says is done beside the serving: an unfinished refill is left as it is */
    void (*notice)(void *context, const char *words); /* nullable; what an operator should know, at open */
    void *notice_context;
};

struct store;
struct versions; /* versions.h */

/* Opens, checks the format and the key, takes the definitions (a new version where they changed, whose profiles are
 * filled first; the text of an older version is left alone), and folds forward what a crash left behind.
 * PATRON_PRECONDITION: a newer format, or another key; the words say which. */
enum patron_code store_open(const struct store_options *options, struct store **store, struct error *error) MUST_CHECK;
void store_close(struct store *store); /* the kv stays open; null is fine */

/* Of the version that serves; borrowed, until another one does. */
const struct definitions *store_definitions(const struct store *store);
/* known_at of the newest entry of the log. A store with nothing but definitions says a time before
 * EVENT_TIME_MIN_US. */
int64_t store_newest_known_at(const struct store *store);

/* The promise about answers: every T that was ever answered lies at or before this, also across restarts, as long as it
 * is set ahead of what is answered. The log never gets an entry before a T that was answered (`floor_us`). */
int64_t store_answered_until(const struct store *store);
enum patron_code store_answered_set(struct store *store, int64_t until_us, struct error *error) MUST_CHECK; /* synced */

/* --- ingestion: a group is stamped, applied and committed as one ------------------------------------------------ */

struct event_identifier {
    struct bytes type;
    struct bytes value;
};

struct event_input {
    struct bytes source;
    struct bytes type;
    struct bytes id;
    int64_t time_us;
    const struct event_identifier *identifiers;
    size_t identifier_count;
    const struct event_attribute *attributes;
    size_t attribute_count;
    bool has_known_at; /* history on the source's clock: see ingestion.proto */
    int64_t known_at_us;
};

/* The source of events that the store makes itself (sharing.h); what others send with it is refused. */
#define SOURCE_OWN "patron"

enum event_fate { EVENT_APPLIED = 1, EVENT_DUPLICATE, EVENT_REFUSED };

struct event_outcome {
    enum event_fate fate;
    int64_t known_at_us;          /* APPLIED */
    uint64_t node;                /* APPLIED, DUPLICATE; 0: a shared cost (sharing.h) */
    uint32_t identifiers_dropped; /* APPLIED: by rules or never_link */
    struct error why;             /* REFUSED */
};

/* Begins a group. `clock_us` is the server's clock now; `floor_us` is a T already answered: no entry of the group gets
 * a known_at below it. Returns the first known_at the group may use (F of the design): reads stay below it until the
 * group is visible. With `source_clock` false that is max(clock, newest + 1, floor); with it, newest + 1 or the
 * floor. */
int64_t store_group_begin(struct store *store, int64_t clock_us, int64_t floor_us, bool source_clock);
/* Checks and applies one event within the group; a refusal touches nothing. Only PATRON_OK, or a failure of the
 * engine. */
enum patron_code store_group_add(struct store *store, const struct event_input *event, struct event_outcome *outcome,
    struct error *error) MUST_CHECK;
/* Writes all of it, at once and synced. Afterwards `store_newest_known_at` is the group's last. */
enum patron_code store_group_commit(struct store *store, struct error *error) MUST_CHECK;
uint64_t store_group_size(const struct store *store); /* events applied in the open group */
/* A write has failed: nothing may be written any more. */
bool store_has_failed(const struct store *store);

/* Writes back up to `profiles_max` profiles that lag the log, oldest first; *left is how many remain. With the last of
 * them, or when none lags, the counters of what the sources send (schema/drift.h). */
enum patron_code store_write_back(
    struct store *store, size_t profiles_max, size_t *left, struct error *error) MUST_CHECK;

/* --- reading ---------------------------------------------------------------------------------------------------- */

/* One position of the store: everything with known_at <= position, nothing else. Made by the writer between groups. */
struct view {
    struct kv *kv;
    const struct kv_snapshot *snapshot;
    const struct definitions *definitions;
    const struct layout *layout;
    const struct versions *versions; /* that there are, the one that serves (`definitions`) among them */
    const struct profile_home *home;
    const uint8_t *key;
    int64_t position_us; /* K: newest known_at */
};
/* Takes the newest state, until store_view_release. */
void store_view_take(struct store *store, struct view *view);
/* From any thread, also once the store is closed (but not its engine). */
void store_view_release(struct view *view);

struct row {
    uint8_t status; /* PRESENT or NOT_FOUND */
    uint64_t customer;
    int64_t newest_event_time_us; /* INT64_MIN if it has no event */
    int64_t newest_known_at_us;
    struct value *values; /* as many as the selection; the caller's memory */
};

/* The customer's features as of `as_of_us`, which must be > view->position_us, from its current profile. Fills `row`
 * except row->values, whose memory the caller gives. A value that no event could have brought (empty, an address
 * without '@') is not found. PATRON_INVALID: an identifier of unknown type, a value that is too long or not UTF-8. */
enum patron_code read_now(const struct view *view, const struct selection *selection,
    const struct event_identifier *identifier, int64_t as_of_us, struct arena *arena, struct row *row,
    struct error *error) MUST_CHECK;

/* The same at any T (also past ones), by folding raw events: for as_of reads and snapshots. Runs on a worker. */
enum patron_code read_as_of(const struct view *view, const struct selection *selection,
    const struct event_identifier *identifier, int64_t as_of_us, struct arena *arena, struct row *row,
    struct error *error) MUST_CHECK;

/* --- snapshots: a generator of rows, ordered by customer, then T, then spine row ------------------------------- */

struct snapshot_options {
    const struct view *view; /* outlives the snapshot */
    struct selection selection;
    const int64_t *every_customer_at_us; /* ascending; or null: the spine is given with snapshot_spine_add */
    size_t every_customer_at_count;
    int64_t latest_us; /* a T after this is refused: the T that the view was handed out with; 0: no bound */
    const char *scratch_directory; /* where a given spine is sorted on disk: must exist; null: in memory (tests) */
};

struct snapshot_row {
    struct row row;
    int64_t as_of_us;
    uint64_t spine_row;
};

struct snapshot;

enum patron_code snapshot_new(
    const struct snapshot_options *options, struct snapshot **snapshot, struct error *error) MUST_CHECK;
/* Next row of the spine; identifiers as in read_now. PATRON_OUT_OF_RANGE if T > options->latest_us (what is not known
 * yet). */
enum patron_code snapshot_spine_add(struct snapshot *snapshot, const struct event_identifier *identifier,
    int64_t as_of_us, struct error *error) MUST_CHECK;
/* The next row, in memory of the snapshot's until the call after; PATRON_NOT_FOUND when there are no more. */
enum patron_code snapshot_next(struct snapshot *snapshot, struct snapshot_row *row, struct error *error) MUST_CHECK;
void snapshot_free(struct snapshot *snapshot); /* null is fine */

/* --- verify ------------------------------------------------------------------------------------------------------ */

struct verify_result {
    uint64_t customers;
    uint64_t customers_total;
    uint64_t events;
    uint64_t differences;
};
/* Refolds every customer of the view and compares bytes; calls `report` after each slice of work and for each of the
 * first differences (finding non-null). `report` returns false to stop early. */
enum patron_code store_verify(const struct view *view, struct verify_result *result,
    bool (*report)(void *context, const struct verify_result *so_far, const char *finding), void *context,
    struct error *error) MUST_CHECK;

/* --- figures -------------------------------------------------------------------------------------------------- */

/* Of what the sources send (schema/drift.h), since the store was opened; refused events count. */
struct schema_figures {
    bool behind; /* there are counters that a write-back would write */
    uint64_t unknown_attributes; /* that came and that the event's type does not have */
    uint64_t failed_attributes;  /* that came and did not suit their type */
    uint64_t unknown_types;      /* events of a type that the definitions do not have */
};

/* Costs of no customer (sharing.h). */
enum { SHARING_WORDS_MAX = 256 };
struct sharing_figures {
    uint64_t shared;      /* out over customers, since the store was made */
    uint64_t waiting;
    uint64_t unallocated; /* nobody had any weight, time and again */
    char words[SHARING_WORDS_MAX]; /* about the first that waits: "hosting of 2024-05: no session in its period" */
};

/* Merges that wait for a person (review.h), since the store was made. */
struct review_figures {
    uint64_t waiting;  /* some may have expired, or become moot, that no write has met since */
    int64_t oldest_us; /* known_at of the entry that made the oldest of them; INT64_MAX: none waits */
    uint64_t approved; /* links made */
    uint64_t rejected;
    uint64_t expired;
    uint64_t not_taken; /* since the queue was full */
};

/* Changes of identity that no event brought, since the store was made. */
enum { CHANGE_FIGURES_MAX = 8 };
struct change_figures {
    uint64_t changes[CHANGE_FIGURES_MAX]; /* by enum identity_change_kind (journal/log.h) */
    uint64_t links[CHANGE_FIGURES_MAX];   /* those of CHANGE_LINK by enum link_rule (identity/identity.h) */
};

/* Identifiers that events brought and that were not joined, by enum obstacle (identity/identity.h), and links that were
 * refused for the same reasons. */
enum { OBSTACLE_FIGURES_MAX = 24 };

struct store_figures {
    uint64_t nodes;
    uint64_t events;
    uint64_t merges;
    uint64_t identifiers_dropped;
    uint64_t refused[OBSTACLE_FIGURES_MAX];
    uint64_t profiles_behind; /* lag the log */
    struct schema_figures schema;
    struct sharing_figures sharing;
    struct review_figures review;
    struct change_figures changes;
};
void store_figures(const struct store *store, struct store_figures *figures); /* the writer's thread */

#endif
