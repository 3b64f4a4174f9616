/* Promises 1, 2 and 4: what is served, what is asked as of a past moment, what a snapshot holds and what the oracle
 * works out are the same bits, and stay the same whatever is learned later; and what was joined can be taken apart.
 *
 * PATRON_HISTORIES says how many histories (2000), PATRON_SEED which ones (by the time of day), PATRON_HISTORY a single
 * one of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "tests/property/again.h"
#include "tests/property/history.h"

enum { HISTORIES_DEFAULT = 2000, HISTORIES_THAT_COVER = 500, HISTORIES_THAT_COVER_IDENTITY = 1500 };

#define COUNT(number) (unsigned long long)(number)

static uint64_t number_from(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

static const char *const WAYS[] = {
#define X(name, words) words,
    HISTORY_WAYS(X)
#undef X
};

static const char *const FILTER_WORDS[] = {
#define X(name, words) words,
    FILTERS(X)
#undef X
};

static void print_events(const struct history_figures *figures)
{
    printf("histories %llu, of them %llu on disk\n", COUNT(figures->histories), COUNT(figures->on_disk));
    printf("events: %llu applied, %llu duplicates, %llu refused\n", COUNT(figures->fates[ORACLE_APPLIED]),
        COUNT(figures->fates[ORACLE_DUPLICATE]), COUNT(figures->fates[ORACLE_REFUSED]));
    printf("  merges %llu, late %llu, future-dated %llu (due by the end %llu), on the source's clock %llu\n",
        COUNT(figures->merges), COUNT(figures->late), COUNT(figures->future), COUNT(figures->future_due),
        COUNT(figures->source_clock));
    printf("  at the same instant %llu, groups of ties %llu, identifiers dropped %llu\n",
        COUNT(figures->same_instant), COUNT(figures->ties), COUNT(figures->dropped));
    printf("  customers with more values than are counted exactly %llu, identifiers refused by full customers %llu\n",
        COUNT(figures->floods), COUNT(figures->full_customers));
    printf("refused:\n");
    for (int i = 0; i < WORLD_REFUSAL_COUNT; i++)
        printf("  %-40s %10llu\n", world_refusal_name((enum world_refusal)i), COUNT(figures->refused[i]));
    printf("store: %llu restarts (%llu with profiles behind), %llu failed commits, %llu changes of "
           "definitions,\n"
           "  %llu write-backs, %llu verifications without a difference\n",
        COUNT(figures->restarts), COUNT(figures->crashes), COUNT(figures->failed_commits),
        COUNT(figures->redefinitions), COUNT(figures->write_backs), COUNT(figures->verifications));
}

static void print_reads(const struct history_figures *figures)
{
    printf("rows read:\n");
    for (int i = 0; i < WAY_COUNT; i++)
        printf("  %-48s %10llu\n", WAYS[i], COUNT(figures->ways[i]));
    printf("  of services %llu, not found %llu; compared: %llu values with the oracle, %llu rows with an earlier "
           "answer\n",
        COUNT(figures->served), COUNT(figures->not_found), COUNT(figures->values), COUNT(figures->remembered));
}

static void print_aggregations(const struct history_figures *figures)
{
    printf("values that are not empty, those before an offset among them, and others:\n  %-16s", "");
    for (int hop = 0; hop < WORLD_HOPS; hop++)
        printf(" %10s", world_hop_name((enum world_hop)hop));
    printf(" %10s %10s %10s %10s\n", "offset", "null", "stale", "default");
    for (int i = 0; i < ORACLE_AGGREGATIONS; i++) {
        printf("  %-16s", world_aggregation_name((enum oracle_aggregation)i));
        for (int hop = 0; hop < WORLD_HOPS; hop++)
            printf(" %10llu", COUNT(figures->covered[i][hop]));
        const uint64_t *statuses = figures->statuses[i];
        printf(" %10llu %10llu %10llu %10llu\n", COUNT(figures->offset[i]), COUNT(statuses[ORACLE_NULL]),
            COUNT(statuses[ORACLE_STALE]), COUNT(statuses[ORACLE_DEFAULT]));
    }
    printf("values that are not empty, with filters:\n");
    for (int i = 0; i < FILTER_KINDS; i++)
        printf("  %-16s %10llu\n", FILTER_WORDS[i], COUNT(figures->filtered[i]));
    printf("values of derived features that are not null, by what they are made of:\n");
    for (int i = 0; i < ORACLE_OPERATIONS; i++)
        printf("  %-16s %10llu\n", world_operation_name((enum oracle_operation)i), COUNT(figures->derived[i]));
}

static void print_obstacles(const struct history_identity_figures *figures)
{
    static const char *const words[ORACLE_OBSTACLES] = {[ORACLE_NO_OBSTACLE] = "none",
        [ORACLE_OVER_MAX] = "max",
        [ORACLE_NOT_UNIQUE] = "unique",
        [ORACLE_OVER_SIZE] = "size",
        [ORACLE_SEPARATED] = "separated",
        [ORACLE_BLOCKED] = "blocked",
        [ORACLE_AFTER] = "after another",
        [ORACLE_REVIEW_SIZE] = "review: size",
        [ORACLE_REVIEW_BRIDGE] = "review: bridge",
        [ORACLE_REVIEW_VALUE] = "review: value",
        [ORACLE_REVIEW_SCORE] = "review: score",
        [ORACLE_REVIEW_CLUSTER] = "review: cluster"};
    printf("what kept identifiers apart: of events, links by hand and matches, review items\n");
    for (int i = 0; i < ORACLE_OBSTACLES; i++)
        if (words[i] != NULL)
            printf("  %-16s %10llu %10llu %10llu\n", words[i], COUNT(figures->event_obstacles[i]),
                COUNT(figures->link_obstacles[i]), COUNT(figures->items[i]));
}

/* X(member, words): each must come about. */
#define IDENTITY_FIGURES(X)                                                                                  \
    X(links_made[ORACLE_BY_HAND], "merges by hand")                                                          \
    X(links_made[ORACLE_BY_MATCH], "merges by a match")                                                      \
    X(links_made[ORACLE_BY_REVIEW], "merges by approval")                                                    \
    X(links_held[ORACLE_BY_HAND], "redundant links by hand")                                                 \
    X(links_held[ORACLE_BY_MATCH], "redundant links by a match")                                             \
    X(links_again, "links that were there")                                                                  \
    X(lifted, "links that lift a separation")                                                                \
    X(merged_again, "merges of what was split")                                                              \
    X(splits_of_links, "splits of a link")                                                                   \
    X(splits_off, "identifiers split off")                                                                   \
    X(blocks, "identifiers blocked")                                                                         \
    X(really_split, "splits after which there are more customers")                                           \
    X(in_many_parts, "splits in three parts or more")                                                        \
    X(split_again, "splits of what was split before")                                                        \
    X(links_redundant, "links ended, and nothing fell apart")                                                \
    X(splits_impossible, "impossible splits")                                                                \
    X(splits_of_nothing, "splits with nothing to do")                                                        \
    X(may_relink, "splits that may link again")                                                              \
    X(kept_apart, "splits that are kept apart")                                                              \
    X(plans_with_events, "plans with events before the entry")                                               \
    X(plans_with_new_nodes, "plans with new identifiers of those split off")                                 \
    X(plans_followed, "plans that were followed")                                                            \
    X(plans_behind, "plans with more since than the writer looks at")                                        \
    X(plans_stale, "stale plans")                                                                            \
    X(undone, "links taken back, with everything as before")                                                 \
    X(windows_end, "one more than a type's maximum as its window ends")                                       \
    X(changes_failed, "links and splits whose commit failed")                                               \
    X(unblocked, "identifiers unblocked")                                                                    \
    X(blocked_by_definitions, "identifiers that new definitions block")                                      \
    X(evidence_again, "evidence for items that are there")                                                   \
    X(states[ORACLE_OPEN], "items met open")                                                                 \
    X(states[ORACLE_HALF_APPROVED], "items met half approved")                                               \
    X(states[ORACLE_APPROVED], "items met approved")                                                         \
    X(states[ORACLE_REJECTED], "items met rejected")                                                         \
    X(states[ORACLE_EXPIRED], "items met expired")                                                           \
    X(states[ORACLE_MOOT], "items met moot")                                                                 \
    X(approved_as_seen, "approved as seen")                                                                  \
    X(approved_changed, "approved after a change, by the rules")                                             \
    X(approved_unseen, "approved unseen, by the rules")                                                      \
    X(approved_by_two, "approved by two")                                                                    \
    X(first_approvals, "first approvals")                                                                    \
    X(first_replaced, "first approvals that held no longer")                                                 \
    X(expiries, "verdicts and evidence as an item expires")                                                  \
    X(rejected, "rejected")                                                                                  \
    X(verdicts_refused, "verdicts refused")                                                                  \
    X(refusals_read, "refusals read back")                                                                   \
    X(nodes_walked, "customers of nodes as of a moment, by four ways")                                       \
    X(moments_walked, "moments of those")                                                                    \
    X(pairs_apart, "separated pairs that are apart then")                                                    \
    X(everyone, "customers compared after a change")                                                         \
    X(exports, "exports")                                                                                    \
    X(exports_again, "exports made again later")                                                             \
    X(filled_beside, "versions filled beside changes")                                                        \
    X(fills_behind, "fillings that were not done at once")                                                   \
    X(replays, "histories done again")                                                                       \
    X(rows_again, "rows of theirs compared")

static void print_identity(const struct history_identity_figures *figures)
{
    print_obstacles(figures);
    printf("identity:\n");
#define X(member, words) printf("  %-48s %10llu\n", words, COUNT(figures->member));
    IDENTITY_FIGURES(X)
#undef X
}

static void check_identity(const struct history_identity_figures *figures)
{
    for (int i = ORACLE_OVER_MAX; i <= ORACLE_REVIEW_VALUE; i++) {
        if (i > ORACLE_AFTER && i < ORACLE_REVIEW_SIZE)
            continue;
        assert_true(figures->event_obstacles[i] > 0);
        assert_true(figures->link_obstacles[i] > 0 || i == ORACLE_AFTER);
    }
    for (int i = ORACLE_REVIEW_SIZE; i < ORACLE_OBSTACLES; i++)
        assert_true(figures->items[i] > 0);
#define X(member, words) assert_true(figures->member > 0);
    IDENTITY_FIGURES(X)
#undef X
}

/* Three days with events do not fit into twelve hours, and a derived feature has no window. */
static bool is_possible(enum oracle_aggregation aggregation, enum world_hop hop)
{
    return !(aggregation == ORACLE_GAP_STDDEV && hop == WORLD_MINUTES) &&
           (aggregation != ORACLE_DERIVED || hop == WORLD_LIFETIME);
}

static void check_aggregations(const struct history_figures *figures)
{
    uint64_t nulls = 0;
    for (int i = 0; i < ORACLE_AGGREGATIONS; i++) {
        const uint64_t *statuses = figures->statuses[i];
        bool derived = i == ORACLE_DERIVED;
        for (int hop = 0; hop < WORLD_HOPS; hop++)
            assert_true(figures->covered[i][hop] > 0 ||
                        !is_possible((enum oracle_aggregation)i, (enum world_hop)hop));
        assert_true(statuses[ORACLE_DEFAULT] > 0);
        assert_true((statuses[ORACLE_STALE] > 0) != derived);
        assert_true((figures->offset[i] > 0) != derived);
        nulls += statuses[ORACLE_NULL];
    }
    assert_true(nulls > 0);
    for (int i = 0; i < FILTER_KINDS; i++)
        assert_true(figures->filtered[i] > 0);
    for (int i = 0; i < ORACLE_OPERATIONS; i++)
        assert_true(figures->derived[i] > 0);
    assert_true(figures->served > 0);
}

static void check_coverage(const struct history_figures *figures)
{
    check_aggregations(figures);
    if (figures->histories >= HISTORIES_THAT_COVER_IDENTITY)
        check_identity(&figures->identity);
    for (int i = 0; i < WORLD_REFUSAL_COUNT; i++)
        assert_true(figures->refused[i] > 0);
    for (int i = 0; i < WAY_COUNT; i++)
        assert_true(figures->ways[i] > 0);
    assert_true(figures->on_disk > 0);
    assert_true(figures->source_clock > 0);
    assert_true(figures->full_customers > 0);
    assert_true(figures->floods > 0);
    assert_true(figures->crashes > 0);
    assert_true(figures->failed_commits > 0);
    assert_true(figures->redefinitions > 0);
}

static void every_answer_is_the_oracles_however_and_whenever_it_is_asked(void **state)
{
    (void)state;
    struct history_figures figures = {0};
    uint64_t seed = number_from("PATRON_SEED", (uint64_t)time(NULL));
    uint64_t histories = number_from("PATRON_HISTORIES", HISTORIES_DEFAULT);
    const char *single = getenv("PATRON_HISTORY");
    printf("seed %llu\n", COUNT(seed));
    fflush(stdout);
    if (single && *single) {
        history_run(seed, number_from("PATRON_HISTORY", 0), &figures);
        print_events(&figures);
        print_reads(&figures);
        print_aggregations(&figures);
        print_identity(&figures.identity);
        return;
    }
    for (uint64_t i = 0; i < histories; i++)
        history_run(seed, i, &figures);
    print_events(&figures);
    print_reads(&figures);
    print_aggregations(&figures);
    print_identity(&figures.identity);
    if (histories >= HISTORIES_THAT_COVER)
        check_coverage(&figures);
}

int main(void)
{
    again_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_is_the_oracles_however_and_whenever_it_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
