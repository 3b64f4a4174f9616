/* Rows: derived features, defaults and stale values, the same by every way of reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/features/profile.h"
#include "store/read.h"
#include "tests/unit/store_fixture.h"

static const char definitions[] =
    "identifiers: {device: }\n"
    "events: {visit: {page: string}}\n"
    "features:\n"
    "  visits: {of: visit, count: true}\n"
    "  recent: {of: visit, count: true, window: 1d, max_age: 1d, default: -1}\n"
    "  fresh: {of: visit, count: true, max_age: 1d}\n"
    "  page: {of: visit, last: page, default: home}\n"
    "  page_seen: {of: visit, last: page}\n"
    "  pages: {of: visit, top: page, k: 2, default: none}\n"
    "derived:\n"
    "  share_of_recent: chain / visits\n"
    "  chain: doubled + recent\n"
    "  doubled: visits * 2\n"
    "  at_home: page == 'home'\n"
    "  seen: coalesce(page_seen, pages.2)\n"
    "  strange: {is: page_seen == 'x', default: false}\n"
    "  fresher: fresh + 1\n"
    "services:\n"
    "  plain: [visits, page_seen]\n"
    "  model:\n"
    "    features: [share_of_recent, recent, page_seen, fresh, strange, fresher, visits, at_home]\n"
    "    defaults: {page_seen: nowhere, fresh: 7, fresher: 0.5}\n";

/* A status, and a number or a text. */
struct cell {
    enum value_status status;
    double number;
    const char *text;
};

static void assert_cell(const struct value *value, const struct cell *cell, const char *name)
{
    double number = value->type == VALUE_DOUBLE ? value->real : (double)value->integer;
    bool is_text = value->type == VALUE_TEXT && cell->text;
    if (value->status != (uint8_t)cell->status ||
        (is_text ? !bytes_is(value->text, cell->text) : number != cell->number || value->text.length > 0))
        fail_msg("%s: status %d, number %g, text '%.*s'; wanted %d, %g, '%s'", name, value->status, number,
            BYTES_ARGUMENTS(value->text), cell->status, cell->number, cell->text ? cell->text : "");
}

static struct selection select_these(
    const struct view *view, const char *service, const char *const names[], size_t count, struct arena *arena)
{
    struct selection selection;
    struct bytes list[32] = {{0}};
    struct error error;
    for (size_t i = 0; i < count; i++)
        list[i] = bytes_from_string(names[i]);
    if (definitions_select(view->definitions, bytes_from_string(service), list, count, arena, &selection, &error) !=
        PATRON_OK)
        fail_msg("%s", error.text);
    return selection;
}

/* Reads a device now (T must be ahead of the view) and as of T; of one that is known also by a snapshot. */
static void assert_row(const struct view *view, const struct selection *selection, const char *device,
    int64_t as_of_us, const struct cell *wanted)
{
    struct arena arena = {0};
    struct event_identifier who = {bytes_from_string("device"), bytes_from_string(device)};
    struct value values[3][32];
    struct row rows[3] = {{.values = values[0]}, {.values = values[1]}, {.values = values[2]}};
    assert_int_equal(read_now(view, selection, &who, as_of_us, &arena, &rows[0], NULL), PATRON_OK);
    assert_int_equal(read_as_of(view, selection, &who, as_of_us, &arena, &rows[1], NULL), PATRON_OK);
    /* the snapshot keeps what it needs of a selection */
    struct selection passing = *selection;
    uint32_t *features = memory_alloc(selection->count * sizeof *features);
    memcpy(features, selection->features, selection->count * sizeof *features);
    passing.features = features;
    struct snapshot_options options = {.view = view, .selection = passing};
    struct snapshot *snapshot;
    struct snapshot_row row;
    assert_int_equal(snapshot_new(&options, &snapshot, NULL), PATRON_OK);
    memory_free(features);
    for (int twice = 0; twice < 2; twice++)
        assert_int_equal(snapshot_spine_add(snapshot, &who, as_of_us, NULL), PATRON_OK);
    for (int twice = 0; twice < 2; twice++)
        assert_int_equal(snapshot_next(snapshot, &row, NULL), PATRON_OK);
    rows[2] = row.row;
    for (size_t i = 0; i < 3; i++)
        for (size_t j = 0; j < selection->count; j++) {
            struct bytes name = view->definitions->features[selection->features[j]].name;
            assert_int_equal(rows[i].values[j].type, view->definitions->features[selection->features[j]].type);
            assert_cell(&rows[i].values[j], &wanted[j], arena_string(&arena, name));
        }
    snapshot_free(snapshot);
    arena_clear(&arena);
}

static const char *const every[] = {"visits", "recent", "fresh", "page", "page_seen", "pages", "doubled", "chain",
    "share_of_recent", "at_home", "seen", "strange", "fresher"};

static void shop_fill(struct shop *shop)
{
    shop_open(shop, definitions);
    for (int i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        shop_send(shop, "visit", id, START_US - i * SECOND, "device:a");
    }
}

static void rows_hold_derived_values_and_defaults(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_fill(&shop);
    struct view view;
    store_view_take(shop.store, &view);
    struct selection selection = select_these(&view, "", every, sizeof every / sizeof every[0], &shop.arena);
    assert_int_equal(selection.count, 14);
    const struct cell present[] = {{STATUS_PRESENT, 3, NULL}, {STATUS_PRESENT, 3, NULL}, {STATUS_PRESENT, 3, NULL},
        {STATUS_DEFAULT, 0, "home"}, {STATUS_NULL, 0, NULL}, {STATUS_DEFAULT, 0, "none"}, {STATUS_DEFAULT, 0, "none"},
        {STATUS_PRESENT, 6, NULL}, {STATUS_PRESENT, 9, NULL}, {STATUS_PRESENT, 3, NULL}, {STATUS_PRESENT, 1, NULL},
        {STATUS_PRESENT, 0, "none"}, {STATUS_DEFAULT, 0, NULL}, {STATUS_PRESENT, 4, NULL}};
    assert_row(&view, &selection, "a", START_US + DAY, present);
    /* a moment later the visits are stale: they are told as they are, and as operands they are missing */
    const struct cell stale[] = {{STATUS_PRESENT, 3, NULL}, {STATUS_STALE, 0, NULL}, {STATUS_STALE, 3, NULL},
        {STATUS_DEFAULT, 0, "home"}, {STATUS_NULL, 0, NULL}, {STATUS_DEFAULT, 0, "none"}, {STATUS_DEFAULT, 0, "none"},
        {STATUS_PRESENT, 6, NULL}, {STATUS_PRESENT, 5, NULL}, {STATUS_PRESENT, 5.0 / 3, NULL},
        {STATUS_PRESENT, 1, NULL}, {STATUS_PRESENT, 0, "none"}, {STATUS_DEFAULT, 0, NULL}, {STATUS_NULL, 0, NULL}};
    assert_row(&view, &selection, "a", START_US + 2 * DAY, stale);
    /* of one who is not known there are defaults alone */
    const struct cell unknown[] = {{STATUS_NOT_FOUND, 0, NULL}, {STATUS_DEFAULT, -1, NULL},
        {STATUS_NOT_FOUND, 0, NULL}, {STATUS_DEFAULT, 0, "home"}, {STATUS_NOT_FOUND, 0, NULL},
        {STATUS_DEFAULT, 0, "none"}, {STATUS_DEFAULT, 0, "none"}, {STATUS_NOT_FOUND, 0, NULL},
        {STATUS_NOT_FOUND, 0, NULL}, {STATUS_NOT_FOUND, 0, NULL}, {STATUS_NOT_FOUND, 0, NULL},
        {STATUS_NOT_FOUND, 0, NULL}, {STATUS_DEFAULT, 0, NULL}, {STATUS_NOT_FOUND, 0, NULL}};
    assert_row(&view, &selection, "nobody", START_US + DAY, unknown);
    store_view_release(&view);
    shop_close(&shop);
}

static void a_service_has_defaults_of_its_own_which_its_operands_do_not_see(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_fill(&shop);
    struct view view;
    store_view_take(shop.store, &view);
    struct selection selection = select_these(&view, "model", NULL, 0, &shop.arena);
    assert_int_equal(selection.count, 8);
    const struct cell present[] = {{STATUS_PRESENT, 3, NULL}, {STATUS_PRESENT, 3, NULL}, {STATUS_DEFAULT, 0, "nowhere"},
        {STATUS_PRESENT, 3, NULL}, {STATUS_DEFAULT, 0, NULL}, {STATUS_PRESENT, 4, NULL}, {STATUS_PRESENT, 3, NULL},
        {STATUS_PRESENT, 1, NULL}};
    assert_row(&view, &selection, "a", START_US + DAY, present);
    const struct cell stale[] = {{STATUS_PRESENT, 5.0 / 3, NULL}, {STATUS_STALE, 0, NULL},
        {STATUS_DEFAULT, 0, "nowhere"}, {STATUS_STALE, 3, NULL}, {STATUS_DEFAULT, 0, NULL},
        {STATUS_DEFAULT, 0.5, NULL}, {STATUS_PRESENT, 3, NULL}, {STATUS_PRESENT, 1, NULL}};
    assert_row(&view, &selection, "a", START_US + 2 * DAY, stale);
    /* twice the same, and out of order */
    static const char *const odd[] = {"fresher", "visits", "fresher", "recent", "doubled", "visits"};
    selection = select_these(&view, "", odd, 6, &shop.arena);
    const struct cell mixed[] = {{STATUS_NULL, 0, NULL}, {STATUS_PRESENT, 3, NULL}, {STATUS_NULL, 0, NULL},
        {STATUS_STALE, 0, NULL}, {STATUS_PRESENT, 6, NULL}, {STATUS_PRESENT, 3, NULL}};
    assert_row(&view, &selection, "a", START_US + 2 * DAY, mixed);
    store_view_release(&view);
    shop_close(&shop);
}

static void a_stale_value_tells_its_age_and_a_default_keeps_it(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop,
        "identifiers: {device: }\nevents: {visit: {page: string, n: integer}}\n"
        "features:\n  a: {of: visit, variance: n, max_age: 3d, default: 4}\n  b: {of: visit, count: true}\n"
        "  c: {of: visit, gaps: mean, max_age: 3d, default: 4}\n");
    shop_send(&shop, "visit", "1", START_US, "device:a");
    struct view view;
    store_view_take(shop.store, &view);
    static const char *const names[] = {"a", "b", "c"};
    struct selection selection = select_these(&view, "", names, 3, &shop.arena);
    struct event_identifier who = {bytes_from_string("device"), bytes_from_string("a")};
    struct value values[3];
    struct row row = {.values = values};
    assert_int_equal(read_now(&view, &selection, &who, START_US + 2 * DAY, &shop.arena, &row, NULL), PATRON_OK);
    assert_true(values[0].status == STATUS_DEFAULT && values[0].age_us == 0); /* no event with an n */
    assert_true(values[1].age_us == 0);
    assert_true(values[2].status == STATUS_DEFAULT && values[2].real == 4 && values[2].age_us == 2 * DAY);
    assert_int_equal(read_now(&view, &selection, &who, START_US + 4 * DAY, &shop.arena, &row, NULL), PATRON_OK);
    assert_true(values[0].status == STATUS_DEFAULT);
    /* where there is no value, none is stale */
    assert_true(values[2].status == STATUS_DEFAULT && values[2].real == 4 && values[2].age_us == 4 * DAY);
    store_view_release(&view);
    shop_close(&shop);
}

static void only_rows_with_derived_features_take_memory(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_fill(&shop);
    struct view view;
    store_view_take(shop.store, &view);
    struct arena arena = {0}, scratch = {0};
    struct profile profile;
    struct value values[32];
    struct row row = {.values = values};
    profile_init(&profile, view.layout, &arena);
    profile_advance(&profile, START_US);
    size_t before = arena.total_bytes;
    struct selection plain = select_these(&view, "plain", NULL, 0, &shop.arena);
    struct selection model = select_these(&view, "model", NULL, 0, &shop.arena);
    struct row_question question = {&plain, 1, START_US + 1, &scratch};
    row_evaluate(&profile, &question, &row);
    assert_int_equal(scratch.total_bytes, 0);
    question.selection = &model;
    row_evaluate(&profile, &question, &row);
    assert_true(scratch.total_bytes > 0);
    assert_int_equal(arena.total_bytes, before);
    arena_clear(&scratch);
    arena_clear(&arena);
    store_view_release(&view);
    shop_close(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_hold_derived_values_and_defaults),
        cmocka_unit_test(a_service_has_defaults_of_its_own_which_its_operands_do_not_see),
        cmocka_unit_test(a_stale_value_tells_its_age_and_a_default_keeps_it),
        cmocka_unit_test(only_rows_with_derived_features_take_memory),
    };
    return cmocka_run_group_tests_name("row", tests, NULL, NULL);
}
