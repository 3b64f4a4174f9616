/* The k-th call of the engine fails, for every k of a workload with merges, links by hand, splits, a block, events
 * dated ahead and late, groups that are refused in part, write-backs, reads, snapshots, new definitions and reopening.
 *
 * After the failure the store is opened again on what the engine has, what failed is done once more, and the rest of
 * the workload goes on: every committed group must be there, none by half, and in the end every row of every family
 * must be the one that a run without a failure leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/changes/linking.h"
#include "store/changes/splitting.h"
#include "tests/property/small_home.h"
#include "tests/unit/store_fixture.h"

#define KINDS                                                                                                          \
    "identifiers:\n"                                                                                                   \
    "  customer_id: {max: 1}\n"                                                                                        \
    "  email: {max: 2}\n"                                                                                              \
    "  device:\n"                                                                                                      \
    "events:\n"                                                                                                        \
    "  visit: {page: string}\n"                                                                                        \
    "  order: {amount: money}\n"                                                                                       \
    "features:\n"                                                                                                      \
    "  visits: {of: visit, count: true}\n"                                                                             \
    "  visits_2d: {of: visit, count: true, window: 2d}\n"                                                              \
    "  rfm: {of: order, rfm: amount}\n"                                                                                \
    "  pages: {of: visit, distinct: page, window: 90d}\n"

static const char first_version[] = KINDS;
static const char second_version[] = KINDS "  last_page: {of: visit, last: page}\n";

enum step_kind { OPEN, GROUP, WRITE_BACK, READ, SPINE, EVERY, REOPEN, CHANGE, VERIFY, ANSWER, LINK, SPLIT };

struct step {
    enum step_kind kind;
    int events; /* GROUP: how many; WRITE_BACK: how many profiles at most */
    const char *who; /* LINK: two identifiers; SPLIT: one that is split off or, with `blocks`, blocked */
    bool blocks;
};

static const struct step steps[] = {
    {.kind = OPEN},
    {.kind = GROUP, .events = 1},
    {.kind = GROUP, .events = 6},
    {.kind = READ},
    {.kind = WRITE_BACK, .events = 2},
    {.kind = GROUP, .events = 8},
    {.kind = GROUP, .events = 3},
    {.kind = SPINE},
    {.kind = SPLIT, .who = "device:a"},
    {.kind = ANSWER},
    {.kind = REOPEN},
    {.kind = GROUP, .events = 7},
    {.kind = LINK, .who = "device:a device:g"},
    {.kind = EVERY},
    {.kind = WRITE_BACK, .events = 1},
    {.kind = SPLIT, .who = "email:b"},
    {.kind = GROUP, .events = 9},
    {.kind = WRITE_BACK, .events = 100},
    {.kind = READ},
    {.kind = SPLIT, .who = "device:e", .blocks = true},
    {.kind = CHANGE},
    {.kind = GROUP, .events = 6},
    {.kind = VERIFY},
    {.kind = GROUP, .events = 10},
    {.kind = LINK, .who = "email:b device:d"},
    {.kind = REOPEN},
    {.kind = GROUP, .events = 5},
    {.kind = SPINE},
    {.kind = GROUP, .events = 7},
    {.kind = WRITE_BACK, .events = 100},
};
enum { STEPS = sizeof steps / sizeof steps[0] };

struct run {
    struct shop shop;
    struct small_home *home; /* null: profiles are written with every group */
    bool with_home;
    const char *definitions;
    int sent; /* events of the groups that are committed */
};

/* The numbered event of the workload. Identifiers are drawn so that customers keep meeting. */
static struct event_input event_of(struct run *run, int number)
{
    static const char *const people[] = {"device:a", "device:b email:b", "device:c", "device:a device:b",
        "customer_id:1 device:a", "customer_id:2 device:c", "email:b email:c email:d device:d", "device:d device:e",
        "customer_id:1 customer_id:2 device:f", "device:f device:e device:c", "device:g", "customer_id:2 device:b"};
    static const int64_t ahead_us[] = {0, -1, -3 * DAY, 2 * SECOND, 0, -50 * DAY, DAY};
    static struct event_attribute page = {.kind = GIVEN_TEXT}, amount = {.kind = GIVEN_INTEGER};
    char id[16];
    snprintf(id, sizeof id, "%d", number % 11 == 10 ? number - 1 : number); /* some come twice */
    bool order = number % 3 == 0;
    struct event_input event = shop_event(&run->shop, order ? "order" : "visit", id, 0, people[(number * 5) % 12]);
    event.time_us = START_US + number * SECOND + ahead_us[number % 7];
    page.name = bytes_from_string("page");
    page.text = bytes_from_string(number % 2 ? "start" : "basket");
    amount.name = bytes_from_string(number % 13 == 12 ? "amout" : "amount"); /* some are refused */
    amount.integer = number;
    event.attributes = order ? &amount : &page;
    event.attribute_count = 1;
    return event;
}

/* All times come from the step's own number, so that one that is done again is the same as the first time. */
static enum patron_code group_run(struct run *run, int events, int64_t clock_us, struct error *error)
{
    (void)store_group_begin(run->shop.store, clock_us, INT64_MIN, false);
    for (int i = 0; i < events; i++) {
        struct event_input event = event_of(run, run->sent + i);
        TRY(store_group_add(run->shop.store, &event, &run->shop.outcome, error));
    }
    TRY(store_group_commit(run->shop.store, error));
    run->sent += events;
    return PATRON_OK;
}

static const struct selection everything = {.features = (const uint32_t[]){0, 1, 2, 3, 4, 5, 6}, .count = 7};

static enum patron_code read_run(struct run *run, const struct view *view, struct error *error)
{
    struct value values[7];
    struct row row = {.values = values};
    struct event_input who = shop_event(&run->shop, "", "", 0, "device:a email:c device:nobody");
    for (size_t i = 0; i < 3; i++) {
        int64_t as_of_us = view->position_us + 1;
        TRY(read_now(view, &everything, &who.identifiers[i], as_of_us, &run->shop.arena, &row, error));
        TRY(read_as_of(view, &everything, &who.identifiers[i], as_of_us, &run->shop.arena, &row, error));
    }
    return PATRON_OK;
}

static enum patron_code snapshot_run(struct run *run, const struct view *view, bool given, struct error *error)
{
    const int64_t moments_us[] = {START_US + 5 * SECOND, START_US + DAY};
    struct snapshot_options options = {.view = view, .selection = everything};
    if (!given) {
        options.every_customer_at_us = moments_us;
        options.every_customer_at_count = 2;
    }
    struct snapshot *snapshot;
    TRY(snapshot_new(&options, &snapshot, error));
    struct event_input who = shop_event(&run->shop, "", "", 0, "device:a device:b email:c device:nobody");
    enum patron_code code = PATRON_OK;
    for (size_t i = 0; given && i < 8 && code == PATRON_OK; i++)
        code = snapshot_spine_add(snapshot, &who.identifiers[i % 4], moments_us[i / 4], error);
    struct snapshot_row row;
    while (code == PATRON_OK)
        code = snapshot_next(snapshot, &row, error);
    snapshot_free(snapshot);
    return code == PATRON_NOT_FOUND ? PATRON_OK : code;
}

static enum patron_code view_run(struct run *run, enum step_kind kind, struct error *error)
{
    struct view view;
    store_view_take(run->shop.store, &view);
    enum patron_code code;
    struct shop_findings findings = {0};
    struct verify_result result;
    if (kind == READ) {
        code = read_run(run, &view, error);
    } else if (kind == VERIFY) {
        code = store_verify(&view, &result, shop_report, &findings, error);
        assert_int_equal(findings.count, 0);
    } else {
        code = snapshot_run(run, &view, kind == SPINE, error);
    }
    store_view_release(&view);
    return code;
}

/* --- links and splits --------------------------------------------------------------------------------------------- */

static enum patron_code node_of(
    struct run *run, const struct event_identifier *identifier, uint64_t *node, struct error *error)
{
    const struct identifier_type *type =
        definitions_identifier_type(store_definitions(run->shop.store), identifier->type);
    struct identifier_entry entry;
    uint8_t hash[IDENTIFIER_HASH_BYTES];
    identifier_hash(run->shop.key, type, identifier->value, hash);
    TRY(identifier_get(run->shop.kv, NULL, hash, &run->shop.arena, &entry, error));
    *node = entry.node;
    return PATRON_OK;
}

static enum patron_code link_run(struct run *run, const struct step *step, int64_t clock_us, struct error *error)
{
    struct event_input who = shop_event(&run->shop, "", "", 0, step->who);
    struct link_request request = {.rule = LINK_BY_HAND, .lifts = true, .actor = bytes_from_string("ada")};
    struct link_outcome outcome;
    TRY(node_of(run, &who.identifiers[0], &request.a, error));
    TRY(node_of(run, &who.identifiers[1], &request.b, error));
    (void)store_group_begin(run->shop.store, clock_us, INT64_MIN, false);
    TRY(group_link(run->shop.store, &request, &outcome, error));
    if (outcome.fate != LINK_MADE)
        fail_msg("%s: %s", step->who, outcome.words);
    return store_group_commit(run->shop.store, error);
}

static enum patron_code planned_run(struct run *run, struct split *split, int64_t clock_us, struct error *error)
{
    struct view view;
    struct split_outcome outcome;
    store_view_take(run->shop.store, &view);
    enum patron_code code = split_prepare(split, &view, NULL, error);
    store_view_release(&view);
    TRY(code);
    (void)store_group_begin(run->shop.store, clock_us, INT64_MIN, false);
    TRY(group_split(run->shop.store, split, &outcome, error));
    assert_int_equal(outcome.fate, SPLIT_DONE);
    return store_group_commit(run->shop.store, error);
}

static enum patron_code split_run(struct run *run, const struct step *step, int64_t clock_us, struct error *error)
{
    struct event_input who = shop_event(&run->shop, "", "", 0, step->who);
    uint64_t node;
    TRY(node_of(run, &who.identifiers[0], &node, error));
    const struct split_request request = {.change = step->blocks ? CHANGE_BLOCK : CHANGE_SPLIT,
        .nodes = &node,
        .node_count = 1,
        .actor = bytes_from_string("ada")};
    struct split *split = split_new(&request);
    enum patron_code code = planned_run(run, split, clock_us, error);
    split_free(split);
    return code;
}

static void close_run(struct run *run)
{
    store_close(run->shop.store);
    run->shop.store = NULL;
    small_home_free(run->home); /* what was in memory only is gone */
    run->home = NULL;
}

static enum patron_code open_run(struct run *run, struct error *error)
{
    if (run->with_home)
        run->home = small_home_new();
    run->shop.home = run->home ? small_home_face(run->home) : NULL;
    enum patron_code code = shop_try_open(&run->shop, run->definitions, error);
    if (code != PATRON_OK)
        close_run(run);
    return code;
}

static enum patron_code step_run(struct run *run, size_t number, struct error *error)
{
    const struct step *step = &steps[number];
    size_t left;
    switch (step->kind) {
    case OPEN:
        return open_run(run, error);
    case GROUP:
        return group_run(run, step->events, START_US + run->sent * SECOND, error);
    case WRITE_BACK:
        return store_write_back(run->shop.store, (size_t)step->events, &left, error);
    case ANSWER:
        return store_answered_set(run->shop.store, START_US + run->sent * SECOND, error);
    case LINK:
        return link_run(run, step, START_US + run->sent * SECOND, error);
    case SPLIT:
        return split_run(run, step, START_US + run->sent * SECOND, error);
    case READ:
    case SPINE:
    case EVERY:
    case VERIFY:
        return view_run(run, step->kind, error);
    case CHANGE:
        run->definitions = second_version;
        __attribute__((fallthrough));
    case REOPEN:
        close_run(run);
        return open_run(run, error);
    }
    return PATRON_INTERNAL;
}

static void assert_failed_clearly(enum patron_code code, const struct error *error)
{
    assert_int_equal(code, PATRON_IO);
    assert_int_equal(error->code, PATRON_IO);
    if (!strstr(error->text, "failed on demand"))
        fail_msg("the reason is lost: %s", error->text);
}

/* The events of the log, or those of the ids: as many as were committed, whatever failed. */
static void assert_whole(struct run *run)
{
    struct store_figures figures;
    store_figures(run->shop.store, &figures);
    assert_int_equal(shop_rows(&run->shop, KV_EVENTS), figures.events);
    assert_int_equal(shop_rows(&run->shop, KV_EVENT_IDS), figures.events);
    uint64_t changes = 0;
    for (size_t i = 0; i < CHANGE_FIGURES_MAX; i++)
        changes += figures.changes.changes[i];
    assert_int_equal(
        shop_rows(&run->shop, KV_LOG), figures.events + store_definitions(run->shop.store)->version + changes);
    assert_int_equal(shop_rows(&run->shop, KV_NODES), figures.nodes);
    shop_assert_sound(&run->shop);
}

/* Runs all steps; the k-th call fails, none if k is 0. Returns whether it came to that; the rows are left in *rows. */
static bool workload_run(bool with_home, uint64_t k, struct encoder *rows)
{
    struct run run = {.with_home = with_home, .definitions = first_version};
    run.shop.kv = kv_memory_new();
    memcpy(run.shop.key, "a key that only these tests have", STORE_KEY_BYTES);
    kv_memory_fail_after(run.shop.kv, k, PATRON_IO);
    bool failed = false;
    for (size_t i = 0; i < STEPS; i++) {
        struct error error = {0};
        enum patron_code code = step_run(&run, i, &error);
        if (code == PATRON_OK)
            continue;
        if (failed || k == 0)
            fail_msg("step %zu: %s", i, error.text);
        assert_failed_clearly(code, &error);
        failed = true;
        bool wrote = steps[i].kind == GROUP || steps[i].kind == WRITE_BACK || steps[i].kind == ANSWER ||
            steps[i].kind == LINK || steps[i].kind == SPLIT;
        if (wrote) {
            close_run(&run);
            if (open_run(&run, &error) != PATRON_OK)
                fail_msg("after step %zu: %s", i, error.text);
        }
        if (run.shop.store)
            assert_whole(&run);
        if (steps[i].kind == CHANGE || steps[i].kind == REOPEN)
            assert_int_equal(open_run(&run, &error), PATRON_OK);
        else
            i--;
    }
    kv_memory_fail_after(run.shop.kv, 0, PATRON_OK);
    assert_whole(&run);
    *rows = shop_dump(&run.shop);
    close_run(&run);
    shop_close(&run.shop);
    return failed;
}

static void assert_every_failure_is_survived(bool with_home)
{
    struct encoder wanted, got;
    assert_false(workload_run(with_home, 0, &wanted));
    uint64_t k = 1;
    for (bool failed = true; failed; k++) {
        failed = workload_run(with_home, k, &got);
        if (!bytes_equal(encoder_borrow(&got), encoder_borrow(&wanted)))
            fail_msg("the failure of call %llu left other rows", (unsigned long long)k);
        encoder_clear(&got);
    }
    print_message("%llu calls failed, one a run\n", (unsigned long long)(k - 2));
    assert_true(k > 1000);
    encoder_clear(&wanted);
}

static void a_store_that_writes_profiles_with_every_group_survives_the_failure_of_any_call(void **state)
{
    (void)state;
    assert_every_failure_is_survived(false);
}

static void a_store_whose_profiles_lag_the_log_survives_the_failure_of_any_call(void **state)
{
    (void)state;
    assert_every_failure_is_survived(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_writes_profiles_with_every_group_survives_the_failure_of_any_call),
        cmocka_unit_test(a_store_whose_profiles_lag_the_log_survives_the_failure_of_any_call),
    };
    return cmocka_run_group_tests_name("store_faults", tests, NULL, NULL);
}
