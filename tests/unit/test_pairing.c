/* Records are the newest events of their nodes, lie in blocks, and are linked by a model from then on, once, whatever
 * comes between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/journal/log.h"
#include "store/changes/linking.h"
#include "store/changes/review.h"
#include "store/records/pairs.h"
#include "tests/unit/pairing_fixture.h"

enum { MANY = 60 };

static const struct person person_of_nowhere = {"Yara", "Yates", "1961-01-31", NULL, NULL};
static const struct person ada = {"Ada", "Lovelace", "1915-12-10", "London", "ada@example.org"};

/* Accounts aN and bN have nodes 2 N + 1 and 2 N + 2. */
static uint64_t first_of(unsigned person)
{
    return 2 * (uint64_t)person + 1;
}

static struct match_record record_now(
    struct shop *shop, struct matching *matching, uint64_t node, struct arena *arena, struct record_row *row)
{
    struct error error = {0};
    struct view view;
    struct match_record record;
    store_view_take(shop->store, &view);
    const struct identity_rows_from from = {.kv = view.kv, .snapshot = view.snapshot};
    matching_init(matching, view.definitions, shop->key);
    assert_ok(record_get(&from, 1, node, arena, row, &error), &error);
    assert_ok(record_open(matching, &from, row, arena, &record, &error), &error);
    store_view_release(&view);
    return record;
}

static void a_record_is_the_newest_event_of_its_node(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    shop_open(&shop, PEOPLE);
    struct person later = ada, latest = ada;
    later.surname = "King";
    latest.surname = "Byron";
    uint64_t node = profile_send(&shop, "p1", START_US - DAY, "account:1", &ada);
    pairing_all(&shop, pairing);
    profile_send(&shop, "p3", START_US - DAY + 2, "account:1", &latest);
    pairing_all(&shop, pairing);
    profile_send(&shop, "p2", START_US - DAY + 1, "account:1", &later); /* late: an older one */
    shop_send(&shop, "order", "o1", START_US, "account:1");
    pairing_all(&shop, pairing);
    struct arena arena = {0};
    struct matching matching;
    struct record_row row;
    struct match_record record = record_now(&shop, &matching, node, &arena, &row);
    assert_int_equal(row.time_us, START_US - DAY + 2);
    assert_true(bytes_is(record.values[1], "byron"));
    assert_int_equal(pairing_now(&shop).records, 1);
    assert_int_equal(shop_rows(&shop, KV_RECORDS), 1);
    /* It lies in the blocks of what it is, and in none of what it was. */
    struct match_key keys[MATCH_BLOCKS_MAX];
    assert_int_equal(shop_rows(&shop, KV_BLOCKS), match_block_keys(&matching.plan, &record, matching.secret, keys));
    matching_clear(&matching);
    arena_clear(&arena);
    pairing_free(pairing);
    shop_close(&shop);
}

static bool dump_holds(const struct shop *shop, const char *word)
{
    struct encoder dump = shop_dump(shop);
    bool holds = memmem(dump.data, dump.length, word, strlen(word)) != NULL;
    encoder_clear(&dump);
    return holds;
}

static void no_row_names_anybody(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    shop_open(&shop, PEOPLE);
    people_send(&shop, MANY);
    struct event_input event = profile_event(&shop, "p1", START_US, "account:secret-account", &ada);
    assert_int_equal(shop_send_input(&shop, &event), EVENT_APPLIED);
    pairing_all(&shop, pairing);
    people_train(&shop);
    pairing_all(&shop, pairing);
    static const char *const words[] = {"Lovelace", "lovelace", "London", "london", "1915", "ada@", "secret-account"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_false(dump_holds(&shop, words[i]));
    /* The same event again is known, and other content of that id is not taken. */
    assert_int_equal(shop_send_input(&shop, &event), EVENT_DUPLICATE);
    struct person other = ada;
    other.city = "Paris";
    event = profile_event(&shop, "p1", START_US, "account:secret-account", &other);
    assert_int_equal(shop_send_input(&shop, &event), EVENT_REFUSED);
    pairing_free(pairing);
    shop_close(&shop);
}

static void an_event_from_before_it_was_sealed_is_a_record_and_is_known_again(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, PEOPLE_HEAD);
    struct event_input event = profile_event(&shop, "p1", START_US, "account:1", &ada);
    assert_int_equal(shop_send_input(&shop, &event), EVENT_APPLIED);
    shop.definitions = PEOPLE;
    shop_reopen(&shop);
    assert_int_equal(shop_send_input(&shop, &event), EVENT_DUPLICATE);
    struct pairing *pairing = pairing_new();
    pairing_all(&shop, pairing);
    struct arena arena = {0};
    struct matching matching;
    struct record_row row;
    struct match_record record = record_now(&shop, &matching, 1, &arena, &row);
    assert_true(bytes_is(record.values[1], "lovelace"));
    matching_clear(&matching);
    arena_clear(&arena);
    pairing_free(pairing);
    shop_close(&shop);
}

static void without_a_model_nothing_is_linked_and_with_one_from_then_on(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    shop_open(&shop, PEOPLE);
    people_send(&shop, MANY);
    pairing_all(&shop, pairing);
    assert_non_null(pairing_words(pairing));
    assert_int_equal(shop_rows(&shop, KV_LINKS), 0);
    int64_t before_us = store_newest_known_at(shop.store) + 1;
    struct model_entry model = people_train(&shop);
    assert_int_equal(model.number, 1);
    pairing_all(&shop, pairing);
    assert_null(pairing_words(pairing));
    size_t joined = 0;
    for (unsigned i = 0; i < MANY; i++) {
        uint64_t node = first_of(i);
        joined += customer_at(&shop, node + 1, INT64_MAX) == node;
        assert_int_equal(customer_at(&shop, node + 1, before_us), node + 1); /* nothing before the model changed */
        assert_int_equal(customer_at(&shop, node + 1, model.known_at_us), node + 1);
    }
    struct pairing_state now = pairing_now(&shop);
    assert_int_equal(joined, MANY);
    assert_int_equal(now.model, 1);
    assert_false(now.walking);
    assert_int_equal(now.walked, 2 * MANY);
    assert_true(now.counts.links >= MANY);
    /* A new person's two records are linked as they come. */
    struct person person = person_of(&shop, 1000);
    uint64_t a = profile_send(&shop, "n1", START_US, "account:n1", &person);
    uint64_t b = profile_send(&shop, "n2", START_US, "account:n2", &person);
    pairing_all(&shop, pairing);
    assert_int_equal(customer_at(&shop, b, INT64_MAX), a);
    shop_assert_sound(&shop);
    pairing_free(pairing);
    shop_close(&shop);
}

static void a_new_model_links_nothing_twice_and_models_are_told_apart(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    shop_open(&shop, PEOPLE);
    people_send(&shop, MANY);
    pairing_all(&shop, pairing);
    people_train(&shop);
    pairing_all(&shop, pairing);
    size_t links = shop_rows(&shop, KV_LINKS);
    struct store_figures figures;
    store_figures(shop.store, &figures);
    uint64_t merges = figures.merges;
    struct model_entry second = people_train(&shop);
    pairing_all(&shop, pairing);
    assert_int_equal(second.number, 2);
    assert_int_equal(shop_rows(&shop, KV_LINKS), links);
    store_figures(shop.store, &figures);
    assert_int_equal(figures.merges, merges);
    assert_int_equal(pairing_now(&shop).model, 2);
    struct view view;
    struct arena arena = {0};
    struct model_entry *entries, found;
    size_t count;
    store_view_take(shop.store, &view);
    assert_int_equal(models_list(&view, &arena, &entries, &count, NULL), PATRON_OK);
    assert_int_equal(count, 2);
    assert_int_equal(entries[0].number, 1);
    assert_true(entries[0].known_at_us < entries[1].known_at_us);
    assert_int_equal(model_find(&view, 1, &found, NULL), PATRON_OK);
    assert_int_equal(found.known_at_us, entries[0].known_at_us);
    assert_int_equal(model_find(&view, 3, &found, NULL), PATRON_NOT_FOUND);
    store_view_release(&view);
    arena_clear(&arena);
    pairing_free(pairing);
    shop_close(&shop);
}

/* The rows that a pairing has to do with. */
static struct encoder outcome_dump(const struct shop *shop)
{
    struct encoder to = {0};
    static const enum kv_family families[] = {KV_LINKS, KV_MEMBERS, KV_RECORDS, KV_BLOCKS, KV_QUEUES};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) {
        struct kv_iterator *rows = kv_iterator_new(shop->kv, NULL, families[i], (struct bytes){0});
        for (kv_iterator_seek(rows, (struct bytes){0}); kv_iterator_valid(rows); kv_iterator_next(rows))
            encode_bytes(&to, kv_iterator_borrow_key(rows));
        kv_iterator_free(rows);
    }
    return to;
}

static void assert_same_counts(const struct pairing_counts *a, const struct pairing_counts *b)
{
    assert_int_equal(a->pairs, b->pairs);
    assert_int_equal(a->links, b->links);
    assert_int_equal(a->reviews, b->reviews);
    assert_int_equal(a->below, b->below);
}

/* Reopens the store and begins with a new pairing after every so many steps that wrote something; 0: never. */
static void run_with_crashes(struct shop *shop, unsigned every, struct pairing_state *end)
{
    struct pairing *pairing = pairing_new();
    unsigned steps = 0;
    shop_open(shop, PEOPLE);
    people_send(shop, MANY);
    for (int round = 0; round < 3; round++) {
        for (enum pairing_next did; (did = pairing_once(shop, pairing)) != PAIRING_IDLE;) {
            if (every == 0 || did == PAIRING_AGAIN || ++steps % every != 0)
                continue;
            pairing_free(pairing);
            shop_reopen(shop);
            pairing = pairing_new();
        }
        if (round == 0)
            people_train(shop);
        if (round == 1)
            for (unsigned i = 0; i < 20; i++) { /* a person's third record, one way of writing the other */
                char id[32], who[32];
                struct person person = person_of(shop, i);
                snprintf(id, sizeof id, "c%u", i);
                snprintf(who, sizeof who, "account:c%u", i);
                person.email = i % 2 ? NULL : person.email;
                profile_send(shop, id, START_US, who, &person);
            }
    }
    *end = pairing_now(shop);
    pairing_free(pairing);
}

static void a_crash_between_any_two_steps_loses_nothing_and_doubles_nothing(void **state)
{
    (void)state;
    struct shop whole = {0}, broken = {0};
    struct pairing_state a, b;
    run_with_crashes(&whole, 0, &a);
    struct encoder wanted = outcome_dump(&whole);
    assert_true(a.counts.links >= MANY);
    for (unsigned every = 1; every <= 3; every++) {
        run_with_crashes(&broken, every, &b);
        assert_same_counts(&a.counts, &b.counts);
        struct encoder got = outcome_dump(&broken);
        /* Known at other moments, perhaps; but as many rows of each kind. */
        assert_int_equal(got.length, wanted.length);
        encoder_clear(&got);
        shop_assert_sound(&broken);
        shop_close(&broken);
        broken = (struct shop){0};
    }
    encoder_clear(&wanted);
    shop_close(&whole);
}

/* Steps until links wait to be written. */
static enum pairing_next steps_to_join(struct shop *shop, struct pairing *pairing, struct view *view)
{
    struct error error = {0};
    enum pairing_next next = PAIRING_IDLE;
    for (;;) {
        store_view_take(shop->store, view);
        assert_ok(pairing_step(pairing, view, &next, &error), &error);
        if (next == PAIRING_JOIN || next == PAIRING_IDLE)
            return next;
        if (next == PAIRING_WRITE)
            assert_ok(pairing_write(shop->store, pairing, &error), &error);
        store_view_release(view);
    }
}

static void a_candidate_that_changes_between_scoring_and_writing_is_scored_again(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    struct error error = {0};
    shop_open(&shop, PEOPLE);
    people_send(&shop, MANY);
    pairing_all(&shop, pairing);
    people_train(&shop);
    pairing_all(&shop, pairing);
    uint64_t links = pairing_now(&shop).counts.links;
    struct person person = person_of(&shop, 1000), other = person_of(&shop, 2000);
    uint64_t a = profile_send(&shop, "n1", START_US, "account:n1", &person);
    uint64_t b = profile_send(&shop, "n2", START_US, "account:n2", &person);
    struct view view;
    assert_int_equal(steps_to_join(&shop, pairing, &view), PAIRING_JOIN);
    /* Now the first is somebody else after all. */
    profile_send(&shop, "n3", START_US + 1, "account:n1", &other);
    bool more;
    shop_begin(&shop);
    assert_ok(group_pair(shop.store, pairing, &more, &error), &error);
    shop_commit(&shop);
    store_view_release(&view);
    assert_int_equal(customer_at(&shop, b, INT64_MAX), b);
    pairing_all(&shop, pairing);
    struct pairing_state now = pairing_now(&shop);
    assert_int_equal(now.counts.stale, 1);
    assert_int_equal(now.counts.links, links);
    assert_int_equal(customer_at(&shop, b, INT64_MAX), b);
    /* And back again: the newest record counts. */
    profile_send(&shop, "n4", START_US + 2, "account:n1", &person);
    pairing_all(&shop, pairing);
    assert_int_equal(customer_at(&shop, b, INT64_MAX), a);
    pairing_free(pairing);
    shop_close(&shop);
}

static void another_event_of_a_candidate_does_not_hold_its_link_up(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    struct error error = {0};
    shop_open(&shop, PEOPLE);
    people_send(&shop, MANY);
    pairing_all(&shop, pairing);
    people_train(&shop);
    pairing_all(&shop, pairing);
    struct person person = person_of(&shop, 1000);
    uint64_t a = profile_send(&shop, "n1", START_US, "account:n1", &person);
    uint64_t b = profile_send(&shop, "n2", START_US, "account:n2", &person);
    struct view view;
    assert_int_equal(steps_to_join(&shop, pairing, &view), PAIRING_JOIN);
    shop_send(&shop, "order", "o1", START_US, "account:n1");
    bool more;
    shop_begin(&shop);
    assert_ok(group_pair(shop.store, pairing, &more, &error), &error);
    shop_commit(&shop);
    store_view_release(&view);
    assert_int_equal(customer_at(&shop, b, INT64_MAX), a);
    assert_int_equal(pairing_now(&shop).counts.stale, 0);
    pairing_free(pairing);
    shop_close(&shop);
}

/* So many accounts of one name, each with a birth date and an address of its own. */
static void namesakes_send(struct shop *shop, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char id[32], who[32], dob[16];
        snprintf(id, sizeof id, "k%u", i);
        snprintf(who, sizeof who, "account:k%u", i);
        snprintf(dob, sizeof dob, "%u-%02u-%02u", 1940 + i % 60, 1 + i % 12, 1 + i * 3 % 28);
        struct person person = {"Zora", "Zweig", dob, NULL, NULL};
        profile_send(shop, id, START_US, who, &person);
    }
}

#define NAME_BLOCK "  blocks: [[surname, first_name]]\n"

static void blocks_that_hold_too_many_are_skipped_and_counted(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    shop_open(&shop, PEOPLE NAME_BLOCK "  block_records: 20\n");
    people_send(&shop, MANY);
    pairing_all(&shop, pairing);
    people_train(&shop);
    pairing_all(&shop, pairing);
    struct pairing_counts before = pairing_now(&shop).counts;
    assert_int_equal(before.oversized, 0);
    namesakes_send(&shop, 20);
    pairing_all(&shop, pairing);
    struct pairing_counts full = pairing_now(&shop).counts;
    assert_int_equal(full.oversized, 0); /* 20 may be in one */
    assert_int_equal(full.pairs - before.pairs, 20 * 19 / 2);
    struct person person = {"Zora", "Zweig", "1999-09-09", NULL, NULL};
    profile_send(&shop, "one more", START_US, "account:more", &person);
    pairing_all(&shop, pairing);
    struct pairing_counts over = pairing_now(&shop).counts;
    assert_int_equal(over.oversized, 1);
    assert_int_equal(over.pairs, full.pairs);
    /* Once two have left there is room again. */
    struct person elsewhere = {"Zeno", "Ziegler", "1999-09-09", NULL, NULL};
    profile_send(&shop, "gone 1", START_US + 1, "account:k1", &elsewhere);
    profile_send(&shop, "gone 2", START_US + 1, "account:k2", &person_of_nowhere);
    pairing_all(&shop, pairing);
    over = pairing_now(&shop).counts;
    profile_send(&shop, "another", START_US, "account:another", &person);
    pairing_all(&shop, pairing);
    struct pairing_counts room = pairing_now(&shop).counts;
    assert_int_equal(room.oversized, over.oversized);
    assert_int_equal(room.pairs - over.pairs, 19);
    pairing_free(pairing);
    shop_close(&shop);
}

static void a_record_is_compared_with_64_at_most(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    shop_open(&shop, PEOPLE NAME_BLOCK);
    people_send(&shop, MANY);
    pairing_all(&shop, pairing);
    people_train(&shop);
    pairing_all(&shop, pairing);
    namesakes_send(&shop, 100);
    pairing_all(&shop, pairing);
    struct pairing_counts before = pairing_now(&shop).counts;
    struct person person = {"Zora", "Zweig", "1999-09-09", NULL, NULL};
    profile_send(&shop, "one more", START_US, "account:more", &person);
    pairing_all(&shop, pairing);
    struct pairing_counts after = pairing_now(&shop).counts;
    assert_int_equal(after.pairs - before.pairs, MATCH_CANDIDATES_MAX);
    assert_int_equal(after.cut - before.cut, 100 - MATCH_CANDIDATES_MAX);
    pairing_free(pairing);
    shop_close(&shop);
}

static void other_columns_make_all_records_anew_and_sweep_the_old_ones(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    shop_open(&shop, PEOPLE);
    people_send(&shop, 20);
    pairing_all(&shop, pairing);
    assert_int_equal(pairing_now(&shop).generation, 1);
    shop.definitions = PEOPLE NAME_BLOCK;
    shop_reopen(&shop);
    pairing_all(&shop, pairing);
    struct pairing_state now = pairing_now(&shop);
    assert_int_equal(now.generation, 2);
    assert_int_equal(now.records, 40);
    assert_int_equal(shop_rows(&shop, KV_RECORDS), 40);
    assert_int_equal(shop_rows(&shop, KV_BLOCKS), 40);
    pairing_free(pairing);
    shop_close(&shop);
}

static void other_thresholds_have_all_records_compared_anew(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    shop_open(&shop, PEOPLE);
    people_send(&shop, MANY);
    pairing_all(&shop, pairing);
    people_train(&shop);
    pairing_all(&shop, pairing);
    uint64_t pairs = pairing_now(&shop).counts.pairs;
    shop.definitions = PEOPLE "  link: 0.9\n";
    shop_reopen(&shop);
    pairing_all(&shop, pairing);
    assert_int_equal(pairing_now(&shop).generation, 1);
    assert_int_equal(pairing_now(&shop).counts.pairs, 2 * pairs);
    pairing_free(pairing);
    shop_close(&shop);
}

/* What decides otherwise about the same records is followed by a walk over all of them; a model that was made under
 * other frequencies is not used any more. */
static void other_bounds_of_blocks_and_frequencies_have_all_records_compared_anew(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    shop_open(&shop, PEOPLE);
    people_send(&shop, MANY);
    pairing_all(&shop, pairing);
    people_train(&shop);
    pairing_all(&shop, pairing);
    uint64_t pairs = pairing_now(&shop).counts.pairs;
    shop.definitions = PEOPLE "  block_records: 100\n";
    shop_reopen(&shop);
    pairing_all(&shop, pairing);
    assert_int_equal(pairing_now(&shop).generation, 1);
    assert_int_equal(pairing_now(&shop).counts.pairs, 2 * pairs);
    shop.definitions = PEOPLE_HEAD "matching:\n  of: profile\n  block_records: 100\n"
                                   "  columns: {first_name: given_name, surname: {is: surname, frequencies: false}, "
                                   "dob: birth_date, city: place, email: email}\n";
    shop_reopen(&shop);
    pairing_all(&shop, pairing);
    assert_non_null(pairing_words(pairing));
    assert_int_equal(pairing_now(&shop).counts.pairs, 2 * pairs);
    people_train(&shop);
    pairing_all(&shop, pairing);
    assert_null(pairing_words(pairing));
    assert_int_equal(pairing_now(&shop).generation, 1);
    assert_int_equal(pairing_now(&shop).counts.pairs, 3 * pairs);
    pairing_free(pairing);
    shop_close(&shop);
}

/* A record whose given name is an initial could be either twin's: it joins one, and is then what would join the other
 * to it. */
static void a_link_that_others_contradict_waits_for_a_person(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    shop_open(&shop, PEOPLE);
    people_send(&shop, MANY);
    pairing_all(&shop, pairing);
    people_train(&shop);
    pairing_all(&shop, pairing);
    struct person emma = {"Emma", "Zweig", "1990-05-05", "Oslo", "zweig@example.org"}, initial = emma, emily = emma;
    initial.first_name = "E";
    emily.first_name = "Emily";
    uint64_t first = profile_send(&shop, "t1", START_US, "account:t1", &emma);
    uint64_t second = profile_send(&shop, "t2", START_US, "account:t2", &initial);
    pairing_all(&shop, pairing);
    assert_int_equal(customer_at(&shop, second, INT64_MAX), first);
    struct pairing_counts before = pairing_now(&shop).counts;
    uint64_t third = profile_send(&shop, "t3", START_US, "account:t3", &emily);
    pairing_all(&shop, pairing);
    assert_int_equal(customer_at(&shop, third, INT64_MAX), third);
    struct pairing_counts after = pairing_now(&shop).counts;
    assert_int_equal(after.links, before.links);
    assert_true(after.reviews > before.reviews);
    struct view view;
    struct arena arena = {0};
    store_view_take(shop.store, &view);
    struct review_item *items;
    size_t count, contradicted = 0;
    assert_int_equal(review_of_node(&view, third, INT64_MAX, &arena, &items, &count, NULL), PATRON_OK);
    for (size_t i = 0; i < count; i++)
        contradicted += items[i].a == second && items[i].obstacle == OBSTACLE_REVIEW_CLUSTER;
    assert_int_equal(contradicted, 1);
    arena_clear(&arena);
    store_view_release(&view);
    shop_assert_sound(&shop);
    pairing_free(pairing);
    shop_close(&shop);
}

struct watched {
    uint64_t links, reviews;
    uint64_t stop_after;
};

static bool watch_take(void *context, const struct pairing_preview *so_far, const struct pair *pair)
{
    struct watched *watched = context;
    (void)so_far;
    watched->links += pair && pair->guarded == MATCH_LINK;
    watched->reviews += pair && pair->guarded == MATCH_REVIEW;
    return watched->stop_after == 0 || watched->links < watched->stop_after;
}

static enum patron_code preview(struct shop *shop, struct watched *watched, struct pairing_preview *result)
{
    struct view view;
    store_view_take(shop->store, &view);
    const struct pairing_watch watch = {watch_take, watched};
    struct error error;
    enum patron_code code = pairing_preview(&view, &watch, result, &error);
    store_view_release(&view);
    return code;
}

static void a_preview_says_what_matching_does_and_writes_nothing(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    struct pairing_preview result;
    struct watched watched = {0};
    shop_open(&shop, PEOPLE);
    people_send(&shop, MANY);
    assert_int_equal(preview(&shop, &watched, &result), PATRON_PRECONDITION); /* no model */
    pairing_all(&shop, pairing);
    people_train(&shop);
    struct encoder before = shop_dump(&shop);
    assert_int_equal(preview(&shop, &watched, &result), PATRON_OK);
    struct encoder after = shop_dump(&shop);
    assert_true(bytes_equal(encoder_borrow(&before), encoder_borrow(&after)));
    assert_int_equal(watched.links, result.links);
    assert_int_equal(watched.reviews, result.reviews);
    assert_int_equal(result.records, 2 * MANY);
    pairing_all(&shop, pairing);
    struct pairing_counts counts = pairing_now(&shop).counts;
    assert_int_equal(result.links, counts.links);
    assert_int_equal(result.reviews, counts.reviews);
    assert_int_equal(result.below, counts.below);
    watched.stop_after = watched.links + 3;
    assert_int_equal(preview(&shop, &watched, &result), PATRON_CANCELLED);
    encoder_clear(&before);
    encoder_clear(&after);
    pairing_free(pairing);
    shop_close(&shop);
}

static void a_damaged_row_is_told(void **state)
{
    (void)state;
    struct shop shop = {0};
    struct pairing *pairing = pairing_new();
    struct error error = {0};
    shop_open(&shop, PEOPLE);
    people_send(&shop, 3);
    pairing_all(&shop, pairing);
    pairing_free(pairing);
    struct bytes junk = bytes_from_string("junk");
    shop_plant(&shop, KV_META, bytes_from_string("matching"), &junk);
    struct view view;
    enum pairing_next next;
    pairing = pairing_new();
    store_view_take(shop.store, &view);
    assert_int_equal(pairing_step(pairing, &view, &next, &error), PATRON_CORRUPT);
    store_view_release(&view);
    pairing_free(pairing);
    shop_close(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_the_newest_event_of_its_node),
        cmocka_unit_test(no_row_names_anybody),
        cmocka_unit_test(an_event_from_before_it_was_sealed_is_a_record_and_is_known_again),
        cmocka_unit_test(without_a_model_nothing_is_linked_and_with_one_from_then_on),
        cmocka_unit_test(a_new_model_links_nothing_twice_and_models_are_told_apart),
        cmocka_unit_test(a_crash_between_any_two_steps_loses_nothing_and_doubles_nothing),
        cmocka_unit_test(a_candidate_that_changes_between_scoring_and_writing_is_scored_again),
        cmocka_unit_test(another_event_of_a_candidate_does_not_hold_its_link_up),
        cmocka_unit_test(blocks_that_hold_too_many_are_skipped_and_counted),
        cmocka_unit_test(a_record_is_compared_with_64_at_most),
        cmocka_unit_test(other_columns_make_all_records_anew_and_sweep_the_old_ones),
        cmocka_unit_test(other_thresholds_have_all_records_compared_anew),
        cmocka_unit_test(other_bounds_of_blocks_and_frequencies_have_all_records_compared_anew),
        cmocka_unit_test(a_link_that_others_contradict_waits_for_a_person),
        cmocka_unit_test(a_preview_says_what_matching_does_and_writes_nothing),
        cmocka_unit_test(a_damaged_row_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
