/* history: one random history of a store and its oracle, and everything that can be asked of both.
 *
 * Owns an engine, a store on it, a home for its profiles, a world and an oracle; tells the store and the oracle the
 * same things, asks both the same questions by every way there is (now, as of, given spine, generated spine, a view
 * that is held while the store goes on), and remembers each answer to ask for it again.
 *
 * On the first difference it prints what happened and how to run it again, and ends the process. One thread. */
#ifndef PATRON_TESTS_PROPERTY_HISTORY_H
#define PATRON_TESTS_PROPERTY_HISTORY_H

#include "tests/property/oracle_identity.h"
#include "tests/property/small_home.h"
#include "tests/property/translate.h"
#include "tests/property/world.h"

/* X(name, words): how a question was put. */
#define HISTORY_WAYS(X)                                                                                      \
    X(WAY_NOW, "now, at position + 1 or the clock")                                                          \
    X(WAY_NOW_AHEAD, "now, at a later T than the clock's")                                                   \
    X(WAY_NOW_HELD, "now, in a view held while the store went on")                                           \
    X(WAY_AS_OF_NEW, "as of, asked for the first time")                                                      \
    X(WAY_AS_OF_AGAIN, "as of, what was answered before")                                                    \
    X(WAY_SPINE, "row of a given spine, answered before")                                                    \
    X(WAY_SPINE_NEW, "row of a given spine, asked for the first time")                                       \
    X(WAY_EVERY_CUSTOMER, "row of a generated spine")                                                        \
    X(WAY_IMPOSSIBLE, "of an impossible identifier")

enum history_way {
#define X(name, words) name,
    HISTORY_WAYS(X)
#undef X
        WAY_COUNT
};

/* X(name, words) */
#define FILTERS(X)                                                                                           \
    X(FILTER_EQUAL, "one value")                                                                             \
    X(FILTER_LIST, "a list")                                                                                 \
    X(FILTER_RANGE, "a range")                                                                               \
    X(FILTER_MATCHING, "what a ratio counts")

enum history_filter {
#define X(name, words) name,
    FILTERS(X)
#undef X
        FILTER_KINDS
};

enum { HISTORY_STATUSES = 8 };

/* Of identity: how often each thing came about. */
struct history_identity_figures {
    uint64_t event_obstacles[ORACLE_OBSTACLES];
    uint64_t link_obstacles[ORACLE_OBSTACLES];
    uint64_t links_made[ORACLE_BY_REVIEW + 1]; /* by rule: customers that became one */
    uint64_t links_held[ORACLE_BY_REVIEW + 1];
    uint64_t links_again; /* that were there */
    uint64_t lifted;
    uint64_t merged_again; /* customers that were one once */
    uint64_t splits_of_links, splits_off, blocks;
    uint64_t really_split, in_many_parts, split_again;
    uint64_t links_redundant; /* a link was taken back, and nothing fell apart */
    uint64_t splits_impossible, splits_of_nothing;
    uint64_t may_relink, kept_apart;
    uint64_t plans_followed, plans_behind, plans_stale;
    uint64_t plans_with_events, plans_with_new_nodes; /* that came between the plan and the entry */
    uint64_t undone; /* a link and its end, and everything as before */
    uint64_t changes_failed; /* their commits */
    uint64_t expiries;
    uint64_t windows_end;
    uint64_t unblocked, blocked_by_definitions;
    uint64_t items[ORACLE_OBSTACLES]; /* by what sent them to review */
    uint64_t evidence_again;
    uint64_t states[ORACLE_STATES]; /* of items, met */
    uint64_t approved_as_seen, approved_unseen, approved_changed, approved_by_two;
    uint64_t first_approvals, first_replaced, rejected, verdicts_refused;
    uint64_t nodes_walked, moments_walked, pairs_apart;
    uint64_t everyone; /* rows of comparisons of everyone */
    uint64_t exports, exports_again;
    uint64_t refusals_read;
    uint64_t filled_beside, fills_behind; /* versions, beside changes */
    uint64_t replays, rows_again;
};

/* What a run has seen, over all its histories. */
struct history_figures {
    uint64_t histories;
    uint64_t on_disk;
    uint64_t fates[4]; /* by enum oracle_fate */
    uint64_t refused[WORLD_REFUSAL_COUNT];
    uint64_t merges;
    uint64_t late;
    uint64_t future;
    uint64_t future_due;
    uint64_t ties;
    uint64_t same_instant;
    uint64_t source_clock;
    uint64_t dropped;
    uint64_t floods;         /* customers with more different values than are counted exactly */
    uint64_t full_customers; /* identifiers dropped because a customer had a thousand */
    uint64_t ways[WAY_COUNT];
    uint64_t not_found;
    uint64_t values;                                   /* compared with the oracle */
    uint64_t remembered;                               /* answers compared with earlier ones */
    uint64_t covered[ORACLE_AGGREGATIONS][WORLD_HOPS]; /* values other than null and 0 */
    uint64_t offset[ORACLE_AGGREGATIONS];              /* of them, of windows that end before T */
    uint64_t statuses[ORACLE_AGGREGATIONS][HISTORY_STATUSES];
    uint64_t filtered[FILTER_KINDS]; /* values other than null and 0 where such a filter is */
    uint64_t derived[ORACLE_OPERATIONS]; /* values other than null that it has part in */
    uint64_t served; /* rows of services */
    uint64_t restarts;
    uint64_t crashes; /* restarts with profiles that lagged the log */
    uint64_t failed_commits;
    uint64_t redefinitions;
    uint64_t write_backs;
    uint64_t verifications;
    struct history_identity_figures identity;
};

struct history_question {
    struct oracle_identifier identifier;
    int64_t as_of_us;
    size_t service; /* 0: the features by name, else the service's place + 1 */
    size_t features[ORACLE_FEATURES_MAX];
    size_t feature_count;
    struct selection selection; /* of them, by the store's definitions, as long as it stays open */
    unsigned selected_of;       /* history->opened then */
    struct answer *answer;
};

struct history_view {
    bool taken;
    struct view view;
    uint64_t number; /* for the home */
};

struct history_applied {
    const struct oracle_event *event;
    int64_t known_at_us;
    bool future;
};

/* The most of a type that any definitions so far let a customer have; 0: no bound. */
struct history_bound {
    char type[ORACLE_NAME_MAX];
    uint32_t max;
};

/* What a reviewer saw of an item, by both sides. */
struct history_seen {
    size_t item;
    uint8_t theirs[16];
    uint64_t ours;
};

struct history_export;
struct history_record;

enum { HISTORY_HELD_VIEWS = 2, HISTORY_BOUNDS_MAX = 8, HISTORY_SEEN_MAX = 16, HISTORY_EXPORTS_MAX = 4 };

struct history {
    uint64_t seed;
    uint64_t number;
    struct history_figures *figures;
    struct world world;
    struct oracle *oracle;
    struct kv *kv;
    char directory[64]; /* of the engine on disk; empty: in memory */
    struct store *store;
    struct small_home *home; /* null: profiles are written with every group */
    unsigned opened;         /* how often the store was */
    bool failed;             /* a commit has: the store may only be closed */
    int64_t clock_us;
    int64_t answered_us; /* highest T answered: the floor of the next group */
    struct history_applied *applied;
    size_t applied_count;
    struct history_question *questions;
    size_t question_count;
    struct history_view held[HISTORY_HELD_VIEWS];
    struct history_bound bounds[HISTORY_BOUNDS_MAX];
    size_t bound_count;
    uint32_t size_bound;
    bool asks_persons; /* some definitions may have sent every merge to review */
    struct history_seen seen[HISTORY_SEEN_MAX];
    size_t seen_count;
    struct history_export *exports[HISTORY_EXPORTS_MAX];
    size_t export_count;
    struct history_record *records;
    size_t record_count;
    unsigned spines;   /* counts snapshots with a spine of their own */
    struct arena call; /* for one read */
    struct {           /* what every history must have */
        unsigned merges, late, future, future_due, duplicates, refused, same_instant, ties;
    } has;
    FILE *log;
    char *log_text;
    size_t log_length;
};

/* Runs it from beginning to end. */
void history_run(uint64_t seed, uint64_t number, struct history_figures *figures);

/* --- for the files that make it up ---------------------------------------------------------------------- */

/* history.c: prints the words, the definitions, what happened and how to see it again, and ends the process. */
_Noreturn void history_fail(struct history *history, const char *format, ...) PRINTF_LIKE(2, 3);

/* history_store.c: the store's side. */
void history_open(struct history *history);
void history_close(struct history *history);
void history_restart(struct history *history);
void history_view_take(struct history *history, struct history_view *view);
void history_view_drop(struct history *history, struct history_view *view);
void history_write_back(struct history *history, size_t profiles_max);
void history_verify(struct history *history);
/* Gives one group to both sides; `refusals` (nullable) says which events are bad on purpose, plus 1. */
void history_group(struct history *history, const struct oracle_event *const *events, size_t count,
    const int *refusals, bool source_clock);
/* A group whose commit fails: nothing of it may be left after the restart that follows. Only in memory. */
void history_failing_group(struct history *history, const struct oracle_event *const *events, size_t count);

/* history_questions.c: questions. */
void history_ask_now(struct history *history);
void history_ask_ahead(struct history *history);
void history_ask_held(struct history *history);
void history_ask_past(struct history *history);
void history_ask_again(struct history *history, size_t count);
void history_ask_spine(struct history *history, bool all);
void history_ask_every_customer(struct history *history);
void history_ask_impossible(struct history *history);
/* Asks now for one identifier at T, which raises the clock to T. */
void history_ask_one(struct history *history, const struct oracle_identifier *identifier, int64_t as_of_us);
/* After a new version of the definitions: forgets what it does not answer any more. `places` says where each feature
 * is now, SIZE_MAX for nowhere. */
void history_questions_keep(struct history *history, const size_t *places);
/* A moment at which something changes: an edge of a window, a known_at, an event time, a day. */
int64_t history_moment(struct history *history);
/* One near the moment at which the zone's clocks change, or a window later. */
int64_t history_odd_moment(struct history *history);

#endif
