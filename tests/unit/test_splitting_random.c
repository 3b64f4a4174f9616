/* Events, links by hand, splits, blocks, new versions of the definitions and crashes in any order, drawn from seeds:
 * after each few of them the store is sound, and what a store with a home and crashes leaves is, byte for byte, what
 * one without leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/versions/refill.h"
#include "store/versions/versions.h"
#include "tests/property/dice.h"
#include "tests/property/small_home.h"
#include "tests/unit/linking_fixture.h"

static const char other_definitions[] = "identifiers:\n"
                                        "  customer_id: {unique: true}\n"
                                        "  email: {max: 3}\n"
                                        "  device:\n"
                                        "events:\n"
                                        "  visit: {page: string}\n"
                                        "  order: {amount: money}\n"
                                        "features:\n"
                                        "  visits_7d: {of: visit, count: true, window: 7d}\n"
                                        "  orders: {of: order, count: true}\n"
                                        "  last_visit: {of: visit, age: last, unit: day}\n";

enum { PEOPLE = 12, OPERATIONS = 120, RUNS = 60 };

struct run {
    struct shop shop;
    struct small_home *home;
    struct dice dice;   /* what happens */
    struct dice chance; /* what must make no difference: crashes, write-backs, the pace of a refill */
    bool careless;      /* with a home, crashes and write-backs */
    struct split *plan; /* that waits while other things happen */
    struct refill *refill;
    struct view view;
    bool viewed;
    uint32_t version;
    int splits, stale;
};

static void run_open(struct run *run)
{
    run->home = run->careless ? small_home_new() : NULL;
    struct store_options options = {.kv = run->shop.kv,
        .key = run->shop.key,
        .home = run->home ? small_home_face(run->home) : NULL,
        .definitions_text = bytes_from_string(run->version == 0 ? linking_definitions : ""),
        .refills_later = true};
    struct error error;
    if (store_open(&options, &run->shop.store, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    if (run->version == 0)
        run->version = 1;
}

static void refill_end(struct run *run)
{
    refill_free(run->refill);
    run->refill = NULL;
    if (run->viewed)
        store_view_release(&run->view);
    run->viewed = false;
}

static void run_close(struct run *run)
{
    refill_end(run);
    split_free(run->plan);
    run->plan = NULL;
    store_close(run->shop.store);
    run->shop.store = NULL;
    small_home_free(run->home);
    run->home = NULL;
}

static const char *person(struct run *run)
{
    static const char *const people[PEOPLE] = {"device:a", "device:b", "device:c", "device:d", "device:e", "device:f",
        "device:g", "device:h", "email:i", "email:j", "customer_id:k", "customer_id:l"};
    return people[dice_below(&run->dice, PEOPLE)];
}

static void send(struct run *run)
{
    char who[64], id[32];
    size_t length = (size_t)snprintf(who, sizeof who, "%s", person(run));
    for (size_t more = dice_below(&run->dice, 3); more > 0; more--)
        length += (size_t)snprintf(who + length, sizeof who - length, " %s", person(run));
    snprintf(id, sizeof id, "at %lld", (long long)run->shop.clock_us);
    static const int64_t offsets_us[] = {0, 0, 0, -5 * DAY, -200 * DAY, 3 * SECOND, 2 * DAY};
    int64_t time_us = run->shop.clock_us + offsets_us[dice_below(&run->dice, 7)];
    const char *type = dice_chance(&run->dice, 30) ? "order" : "visit";
    struct event_input event = shop_event(&run->shop, type, id, time_us, who);
    (void)shop_send_input(&run->shop, &event); /* refused if all are blocked */
}

static void link_two(struct run *run)
{
    struct link_request request = shop_by_hand(&run->shop, person(run), person(run));
    request.lifts = dice_chance(&run->dice, 50);
    if (request.a != 0 && request.b != 0 && request.a != request.b)
        (void)shop_link_request(&run->shop, &request);
}

/* In time. */
static void plan_write(struct run *run)
{
    struct view view;
    bool stale = false;
    int64_t clock_us = run->shop.clock_us;
    store_view_take(run->shop.store, &view);
    if (dice_chance(&run->chance, 50))
        assert_int_equal(split_follow(run->plan, &view, &stale, NULL), PATRON_OK);
    struct split_outcome outcome = {.fate = SPLIT_STALE};
    if (!stale)
        outcome = shop_split_write(&run->shop, run->plan);
    assert_true(outcome.fate != SPLIT_BEHIND);
    if (outcome.fate == SPLIT_STALE) {
        run->stale++;
        store_view_release(&view);
        store_view_take(run->shop.store, &view);
        run->shop.clock_us = clock_us; /* however often it was tried */
        if (split_prepare(run->plan, &view, NULL, NULL) == PATRON_OK)
            assert_int_equal(shop_split_write(&run->shop, run->plan).fate, SPLIT_DONE);
    }
    store_view_release(&view);
    run->shop.clock_us = clock_us + SECOND;
    run->splits++;
    split_free(run->plan);
    run->plan = NULL;
}

static void plan_make(struct run *run)
{
    const char *a = person(run), *b = person(run);
    bool blocks = dice_chance(&run->dice, 20), two = dice_chance(&run->dice, 30);
    struct split_request request = shop_unlink_request(&run->shop, a, b);
    request.may_relink = dice_chance(&run->dice, 70);
    uint64_t nodes[2] = {request.a, request.b};
    if (dice_chance(&run->dice, 60) || blocks) {
        request.change = blocks ? CHANGE_BLOCK : CHANGE_SPLIT;
        request.a = request.b = 0;
        request.nodes = nodes;
        request.node_count = two && !blocks ? 2 : 1;
    }
    if (nodes[0] == 0 || nodes[1] == 0)
        return;
    struct split *split = split_new(&request);
    struct view view;
    store_view_take(run->shop.store, &view);
    struct error error;
    enum patron_code code = split_prepare(split, &view, NULL, &error);
    store_view_release(&view);
    if (code == PATRON_OK) {
        run->plan = split;
        return;
    }
    assert_true(code == PATRON_INVALID || code == PATRON_PRECONDITION);
    split_free(split);
}

static void unblock(struct run *run)
{
    struct identifier_entry entry = shop_find(&run->shop, person(run));
    int64_t known_at_us;
    if (!(entry.flags & NODE_BLOCKED))
        return;
    shop_begin(&run->shop);
    assert_int_equal(group_unblock(run->shop.store, entry.node, bytes_from_string("ada"), bytes_from_string(""),
                         &known_at_us, NULL),
        PATRON_OK);
    shop_commit(&run->shop);
}

/* One move of the refill; `whole` goes on until the new version serves. */
static void refill_move(struct run *run, bool whole)
{
    for (bool done = false; !done && store_is_refilling(run->shop.store);) {
        bool reached;
        if (!run->refill)
            run->refill = refill_new(run->shop.store);
        if (!run->viewed)
            store_view_take(run->shop.store, &run->view);
        run->viewed = true;
        size_t most = 1 + dice_below(&run->chance, 4);
        assert_int_equal(refill_step(run->refill, &run->view, most, &reached, NULL), PATRON_OK);
        assert_int_equal(refill_write(run->shop.store, run->refill, NULL), PATRON_OK);
        if (reached) {
            store_view_release(&run->view);
            run->viewed = false;
            assert_int_equal(refill_finish(run->shop.store, run->refill, 2, &done, NULL), PATRON_OK);
        }
        if (done)
            refill_end(run);
        if (!whole)
            return;
    }
}

/* The next version is the other one of two. What is being filled is done first, however fast it was. */
static void define(struct run *run)
{
    struct store *store = run->shop.store;
    const struct definitions *next;
    struct error error;
    refill_move(run, true);
    if (definitions_parse(bytes_from_string(run->version % 2 ? other_definitions : linking_definitions),
            store_definitions(store), run->version + 1, false, &next, &error) != PATRON_OK ||
        store_define(store, next, run->shop.clock_us, false, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    definitions_release(next);
    run->shop.clock_us += SECOND;
    run->version++;
}

static void disturb(struct run *run)
{
    size_t left;
    if (!run->careless)
        return;
    if (dice_chance(&run->chance, 20))
        assert_int_equal(store_write_back(run->shop.store, 1 + dice_below(&run->chance, 4), &left, NULL), PATRON_OK);
    if (dice_chance(&run->chance, 5) && !run->plan) {
        run_close(run);
        run_open(run);
    }
}

static void operate(struct run *run)
{
    uint64_t what = dice_below(&run->dice, 100);
    if (what < 50)
        send(run);
    else if (what < 62)
        link_two(run);
    else if (what < 85 && !run->plan)
        plan_make(run);
    else if (what < 90)
        unblock(run);
    else if (what < 92 && !run->plan)
        define(run);
    if (run->plan && dice_chance(&run->dice, 40))
        plan_write(run);
    /* a plan made anew, since another version serves, cuts what came meanwhile; one that follows need not */
    if (dice_chance(&run->chance, 30) && !run->plan)
        refill_move(run, false);
    disturb(run);
}

static struct encoder history(uint64_t number, bool careless, int *splits, int *stale)
{
    struct run run = {.dice = dice_of(20261123, number), .chance = dice_of(careless, number), .careless = careless};
    run.shop.kv = kv_memory_new();
    run.shop.clock_us = START_US;
    memcpy(run.shop.key, "a key that only these tests have", STORE_KEY_BYTES);
    run_open(&run);
    for (int i = 0; i < OPERATIONS; i++) {
        operate(&run);
        if (i % 10 == 9)
            shop_assert_sound(&run.shop);
    }
    refill_move(&run, true);
    shop_assert_sound(&run.shop);
    run_close(&run);
    run.careless = false;
    run_open(&run);
    shop_assert_sound(&run.shop);
    for (bool left = true; left;)
        assert_int_equal(store_sweep(run.shop.store, 100, &left, NULL), PATRON_OK);
    struct encoder rows = shop_dump(&run.shop);
    run_close(&run);
    kv_close(run.shop.kv);
    arena_clear(&run.shop.arena);
    *splits += run.splits;
    *stale += run.stale;
    return rows;
}

static void any_order_of_changes_leaves_a_sound_store_and_the_same_bytes(void **state)
{
    (void)state;
    int splits = 0, stale = 0;
    for (uint64_t number = 0; number < RUNS; number++) {
        struct encoder careful = history(number, false, &splits, &stale);
        struct encoder careless = history(number, true, &splits, &stale);
        if (!bytes_equal(encoder_borrow(&careful), encoder_borrow(&careless)))
            fail_msg("run %llu: crashes made a difference", (unsigned long long)number);
        encoder_clear(&careful);
        encoder_clear(&careless);
    }
    print_message("%d splits and blocks, %d of them planned anew\n", splits, stale);
    assert_true(splits > 10 * RUNS && stale > RUNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_of_changes_leaves_a_sound_store_and_the_same_bytes),
    };
    return cmocka_run_group_tests_name("splitting_random", tests, NULL, NULL);
}
