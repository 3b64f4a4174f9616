/* The profile cache against a naive model: whatever is put, settled, held and evicted, a reader who finds nothing
 * in the cache finds the right rows in its view's snapshot, and otherwise the right version in the cache. */
#include "fake_store.h"

#include "server/work/profile_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>

enum { GENERATION = 1, CUSTOMERS = 60, VIEWS_MAX = 12 };

/* What is true of one customer: a number for each state it was put in; 0: none, negative: no more. */
struct model_view {
    int64_t position_us;
    uint64_t number;
    bool held;
    int64_t truth[CUSTOMERS]; /* at the position */
    int64_t disk[CUSTOMERS];  /* in the snapshot */
};

struct model {
    struct profile_cache *cache;
    const struct profile_home *home;
    uint64_t random;
    int64_t now_us;
    int64_t next_state;
    uint64_t number;
    int64_t truth[CUSTOMERS];
    int64_t disk[CUSTOMERS];
    struct model_view views[VIEWS_MAX]; /* oldest first; the last is the newest */
    size_t view_count;
};

static uint64_t draw(struct model *model, uint64_t below)
{
    model->random ^= model->random << 13;
    model->random ^= model->random >> 7;
    model->random ^= model->random << 17;
    return model->random % below;
}

static _Atomic int64_t parts_made;

static const struct profile_parts *parts_of(int64_t state, size_t total_bytes)
{
    size_t size = sizeof(struct profile_parts) + sizeof(struct profile_part) + 8;
    struct profile_parts *parts = memory_alloc(size);
    parts->references = 1;
    parts->count = 1;
    parts->total_bytes = total_bytes;
    encode_time((uint8_t *)&parts->part[1], state);
    parts->part[0].value = bytes_of(&parts->part[1], 8);
    parts_made++;
    return parts;
}

static void tell(struct model *model)
{
    struct live_view live[VIEWS_MAX];
    for (size_t i = 0; i < model->view_count; i++)
        live[i] = (struct live_view){model->views[i].position_us, model->views[i].number};
    profile_cache_views_live(model->cache, live, model->view_count);
}

static void drop_view(struct model *model, size_t index)
{
    model->view_count--;
    memmove(
        &model->views[index], &model->views[index + 1], (model->view_count - index) * sizeof model->views[0]);
}

static void publish(struct model *model)
{
    size_t last = model->view_count;
    if (last > 0 && !model->views[last - 1].held)
        drop_view(model, --last);
    if (last == VIEWS_MAX)
        drop_view(model, 0), last--;
    struct model_view *view = &model->views[last];
    view->position_us = model->now_us;
    view->number = ++model->number;
    view->held = false;
    memcpy(view->truth, model->truth, sizeof view->truth);
    memcpy(view->disk, model->disk, sizeof view->disk);
    model->view_count = last + 1;
    tell(model);
}

static void group(struct model *model)
{
    tell(model);
    model->now_us += 1 + (int64_t)draw(model, 10);
    for (uint64_t puts = 1 + draw(model, 8); puts > 0; puts--) {
        uint64_t customer = draw(model, CUSTOMERS);
        bool gone = draw(model, 6) == 0;
        int64_t state = ++model->next_state;
        model->truth[customer] = gone ? -state : state;
        model->home->functions->put(
            model->home, GENERATION, customer, gone ? NULL : parts_of(state, 100 + draw(model, 400)), model->now_us);
    }
    publish(model);
}

static void write_back(struct model *model)
{
    for (uint64_t some = 1 + draw(model, 20); some > 0; some--) {
        uint64_t customer = draw(model, CUSTOMERS);
        model->disk[customer] = model->truth[customer] < 0 ? 0 : model->truth[customer];
        model->home->functions->settled(model->home, GENERATION, customer);
    }
    if (draw(model, 2) == 0)
        publish(model);
}

/* Between a group's puts and its view everybody still reads the views before: `check` is called there as well. */
static void check(struct model *model, const struct model_view *view, uint64_t customer)
{
    bool found = false;
    const struct profile_parts *parts =
        model->home->functions->get(model->home, GENERATION, customer, view->position_us, &found);
    int64_t truth = view->truth[customer] < 0 ? 0 : view->truth[customer];
    int64_t read = found ? (parts ? decode_time(parts->part[0].value.data) : 0) : view->disk[customer];
    assert_int_equal(read, truth);
    profile_parts_release(parts);
}

static void check_all(struct model *model)
{
    for (size_t i = 0; i < model->view_count; i++)
        for (uint64_t customer = 0; customer < CUSTOMERS; customer++)
            check(model, &model->views[i], customer);
}

static void run_history(uint64_t seed, uint64_t bytes_max)
{
    struct model *model = memory_alloc(sizeof *model);
    model->random = seed * 2654435761u + 88172645463325252u;
    model->now_us = 1000;
    model->cache = profile_cache_new(bytes_max);
    model->home = profile_cache_home(model->cache);
    publish(model);
    for (int step = 0; step < 300; step++) {
        switch (draw(model, 8)) {
        case 0:
        case 1:
        case 2:
            group(model);
            break;
        case 3:
            write_back(model);
            break;
        case 4: { /* somebody takes the newest view, or lets go of one that is held */
            struct model_view *view = &model->views[draw(model, model->view_count)];
            bool newest = view == &model->views[model->view_count - 1];
            if (newest)
                view->held = true;
            else
                drop_view(model, (size_t)(view - model->views));
            break;
        }
        default:
            for (int reads = 0; reads < 5; reads++)
                check(model, &model->views[draw(model, model->view_count)], draw(model, CUSTOMERS));
        }
        if (step % 10 == 0)
            check_all(model);
    }
    check_all(model);
    profile_cache_free(model->cache);
    memory_free(model);
}

static void readers_see_their_position_whatever_is_put_settled_held_and_evicted(void **state)
{
    (void)state;
    const char *given = getenv("PATRON_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    for (uint64_t history = 0; history < 300; history++) {
        if (history % 100 == 0)
            print_message("PATRON_SEED=%llu\n", (unsigned long long)(seed + history));
        run_history(seed + history, history % 3 == 0 ? 1 : 4000 * (history % 3));
    }
    /* The cache is free of all that was put into it. */
    assert_int_equal(fake_store_parts_alive() + parts_made, 0);
}

static void put(const struct profile_home *home, uint64_t customer, int64_t valid_from_us)
{
    home->functions->put(home, GENERATION, customer, parts_of(valid_from_us, 1000), valid_from_us);
}

static bool has(const struct profile_home *home, uint64_t customer, int64_t position_us, int64_t wanted_us)
{
    bool found = false;
    const struct profile_parts *parts = home->functions->get(home, GENERATION, customer, position_us, &found);
    bool as_wanted = found && decode_time(parts->part[0].value.data) == wanted_us;
    profile_parts_release(parts);
    return as_wanted;
}

static void versions_stay_while_a_view_lives_that_needs_them_and_no_longer(void **state)
{
    (void)state;
    struct profile_cache *cache = profile_cache_new(0);
    const struct profile_home *home = profile_cache_home(cache);
    struct live_view live[] = {{100, 1}, {200, 2}, {300, 3}};
    profile_cache_views_live(cache, live, 1);
    put(home, 7, 100);
    put(home, 7, 200);
    profile_cache_views_live(cache, live, 2);
    put(home, 7, 300);
    profile_cache_views_live(cache, live, 3);
    assert_true(has(home, 7, 150, 100));
    assert_true(has(home, 7, 250, 200));
    assert_true(has(home, 7, 350, 300));
    struct live_view without_the_middle[] = {{100, 1}, {300, 3}, {400, 4}};
    profile_cache_views_live(cache, without_the_middle, 3);
    put(home, 7, 400);
    assert_true(has(home, 7, 100, 100));
    assert_true(has(home, 7, 250, 100)); /* nobody can ask; what was in between is gone */
    assert_true(has(home, 7, 300, 300));
    assert_true(has(home, 7, 400, 400));
    bool found = true;
    assert_null(home->functions->get(home, GENERATION, 7, 99, &found));
    assert_false(found);
    profile_cache_free(cache);
}

static void what_is_not_on_disk_in_every_live_view_stays_over_any_budget(void **state)
{
    (void)state;
    struct profile_cache *cache = profile_cache_new(1);
    const struct profile_home *home = profile_cache_home(cache);
    struct live_view live[] = {{0, 1}, {500, 2}, {500, 3}};
    profile_cache_views_live(cache, live, 1);
    for (uint64_t customer = 0; customer < 5000; customer++)
        put(home, customer, 500);
    for (int i = 0; i < 100; i++)
        profile_cache_views_live(cache, live, 2);
    struct profile_cache_figures figures;
    profile_cache_figures(cache, &figures);
    assert_int_equal(figures.entries, 5000);
    assert_int_equal(figures.unsettled, 5000);
    assert_true(profile_cache_wants_write_back(cache));
    for (uint64_t customer = 0; customer < 5000; customer++)
        home->functions->settled(home, GENERATION, customer);
    assert_false(profile_cache_wants_write_back(cache));
    /* On disk, but views live that were made before. */
    for (int i = 0; i < 100; i++)
        profile_cache_views_live(cache, live, 3);
    profile_cache_figures(cache, &figures);
    assert_int_equal(figures.entries, 5000);
    assert_true(has(home, 4999, 500, 500));
    for (int i = 0; i < 100; i++)
        profile_cache_views_live(cache, live + 2, 1);
    profile_cache_figures(cache, &figures);
    assert_int_equal(figures.entries, 0);
    assert_int_equal(figures.bytes, 0);
    profile_cache_free(cache);
}

static void what_is_read_stays_longer_than_what_is_not(void **state)
{
    (void)state;
    struct profile_cache *cache = profile_cache_new(3000 * 1200);
    const struct profile_home *home = profile_cache_home(cache);
    struct live_view live = {0, 1};
    profile_cache_views_live(cache, &live, 1);
    uint64_t customers = 0, hits = 0;
    for (int group_number = 0; group_number < 100; group_number++) {
        for (int i = 0; i < 100; i++) {
            put(home, customers, group_number);
            home->functions->settled(home, GENERATION, customers++);
        }
        live = (struct live_view){group_number, (uint64_t)group_number + 2};
        profile_cache_views_live(cache, &live, 1);
        for (uint64_t hot = 0; hot < 100; hot++)
            hits += has(home, hot, group_number, 0);
    }
    struct profile_cache_figures figures;
    profile_cache_figures(cache, &figures);
    assert_true(figures.bytes <= figures.bytes_max + 100 * 1200);
    assert_true(figures.entries >= 2000);
    assert_int_equal(figures.hits, hits);
    assert_int_equal(figures.misses, 100 * 100 - hits);
    /* Not all: an entry that moves round a table's end is looked at twice in one round. */
    assert_true(hits >= 95 * 100);
    profile_cache_free(cache);
}

static void a_million_customers_are_found_again(void **state)
{
    (void)state;
    struct profile_cache *cache = profile_cache_new(UINT64_MAX);
    const struct profile_home *home = profile_cache_home(cache);
    for (uint64_t customer = 0; customer < 1000000; customer++)
        home->functions->put(home, GENERATION, customer, NULL, 5);
    for (uint64_t customer = 0; customer < 1000100; customer++) {
        bool found = false;
        assert_null(home->functions->get(home, GENERATION, customer, 5, &found));
        assert_true(found == (customer < 1000000));
    }
    profile_cache_free(cache);
}

static void those_that_stay_are_found_after_their_neighbours_have_gone(void **state)
{
    (void)state;
    struct profile_cache *cache = profile_cache_new(1);
    const struct profile_home *home = profile_cache_home(cache);
    for (uint64_t customer = 0; customer < 100000; customer++) {
        home->functions->put(home, GENERATION, customer, NULL, 5);
        if (customer % 3 != 0)
            home->functions->settled(home, GENERATION, customer);
    }
    struct live_view live = {5, 1};
    for (int i = 0; i < 1000; i++)
        profile_cache_views_live(cache, &live, 1);
    for (uint64_t customer = 0; customer < 100000; customer++) {
        bool found = false;
        assert_null(home->functions->get(home, GENERATION, customer, 5, &found));
        assert_true(found == (customer % 3 == 0));
    }
    profile_cache_free(cache);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_see_their_position_whatever_is_put_settled_held_and_evicted),
        cmocka_unit_test(versions_stay_while_a_view_lives_that_needs_them_and_no_longer),
        cmocka_unit_test(what_is_not_on_disk_in_every_live_view_stays_over_any_budget),
        cmocka_unit_test(what_is_read_stays_longer_than_what_is_not),
        cmocka_unit_test(a_million_customers_are_found_again),
        cmocka_unit_test(those_that_stay_are_found_after_their_neighbours_have_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
