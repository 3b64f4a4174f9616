/* Costs of no customer, from their arrival to what their customers' features say: on the source's clock and late,
 * through merges and changed definitions. What is expected is worked out from the events alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/definitions/period.h"
#include "store/versions/versions.h"
#include "tests/unit/sharing_fixture.h"

/* --- tests ---------------------------------------------------------------------------------------------------- */

static void a_cost_waits_for_the_end_of_its_period_and_is_then_shared_exactly(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, definitions);
    shop.clock_us = at("2025-01-01");
    struct event_input cost = cost_of(&shop, "hosting", "may", at("2024-05-01"), "10");
    import_at(&shop, &cost, at("2024-04-30T21:00:00Z")); /* before it happens: its month is May all the same */
    assert_true(store_sharing_due(shop.store) == at("2024-05-31T22:00:00Z"));
    shop_close(&shop);

    shop = (struct shop){0};
    open_may(&shop);
    cost = cost_of(&shop, "hosting", "may", at("2024-05-15"), "10");
    import_at(&shop, &cost, newest_t(&shop));
    assert_int_equal(shop.outcome.node, 0);
    int64_t due_us = store_sharing_due(shop.store);
    assert_true(due_us == at("2024-05-31T22:00:00Z")); /* midnight in Berlin */
    assert_string_equal(figures_of(&shop).words, "hosting of 2024-05: due 2024-05-31T22:00:00Z");
    assert_int_equal(figures_of(&shop).waiting, 1);
    assert_int_equal(ask(&shop, "device:a", newest_t(&shop)).values[HOSTING_SUM].exact, 0);
    struct event_input later = shop_event(&shop, "session", "later", at("2024-06-02"), "device:c");
    import_at(&shop, &later, later.time_us);
    assert_int_equal(figures_of(&shop).waiting, 0);
    assert_int_equal(figures_of(&shop).shared, 1);
    assert_string_equal(figures_of(&shop).words, "");
    assert_true(store_sharing_due(shop.store) == INT64_MAX);
    struct answer a = ask(&shop, "device:a", newest_t(&shop));
    assert_true(a.values[HOSTING_SUM].exact == 7500000);
    assert_int_equal(a.values[PROVIDER].status, STATUS_PRESENT);
    assert_true(bytes_is(a.values[PROVIDER].text, "Hetzner"));
    assert_true(ask(&shop, "device:b", newest_t(&shop)).values[HOSTING_SUM].exact == 2500000);
    assert_true(ask(&shop, "device:c", newest_t(&shop)).values[HOSTING_SUM].exact == 0);
    /* Nothing was known up to the due time, and the shares from then on, one after the other. */
    assert_true(ask(&shop, "device:a", due_us).values[HOSTING_SUM].exact == 0);
    assert_true(ask(&shop, "device:a", due_us + 1).values[HOSTING_SUM].exact == 7500000);
    assert_true(ask(&shop, "device:b", due_us + 1).values[HOSTING_SUM].exact == 0);
    assert_true(ask(&shop, "device:b", due_us + 2).values[HOSTING_SUM].exact == 2500000);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void a_cost_that_comes_again_is_a_duplicate_before_and_after_it_was_shared(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_may(&shop);
    struct event_input cost = cost_of(&shop, "hosting", "may", at("2024-05-15"), "10");
    import_at(&shop, &cost, newest_t(&shop));
    for (int round = 0; round < 2; round++) {
        struct event_input again = cost;
        (void)store_group_begin(shop.store, shop.clock_us, INT64_MIN, true);
        assert_int_equal(shop_add(&shop, &again), EVENT_DUPLICATE);
        again = cost_of(&shop, "hosting", "may", at("2024-05-15"), "11");
        assert_int_equal(shop_add(&shop, &again), EVENT_REFUSED);
        assert_int_equal(shop.outcome.why.code, PATRON_CONFLICT);
        shop_commit(&shop);
        assert_int_equal(figures_of(&shop).waiting, round == 0);
        share_until(&shop, at("2024-06-01"));
    }
    assert_int_equal(figures_of(&shop).shared, 1);
    assert_true(ask(&shop, "device:a", newest_t(&shop)).values[HOSTING_SUM].exact == 7500000);
    shop_close(&shop);
}

static void who_bears_nothing_gets_no_event(void **state)
{
    (void)state;
    static const struct {
        const char *amount;
        int a, b;
    } cases[] = {{"0.000001", 0, 1}, {"-0.000001", -1, 0}, {"0", 0, 0}, {"0.000003", 2, 1}};
    struct shop shop = {0};
    open_may(&shop);
    int a = 0, b = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t events = shop_rows(&shop, KV_EVENTS);
        char id[8];
        snprintf(id, sizeof id, "%zu", i);
        struct event_input cost = cost_of(&shop, "hosting", id, at("2024-05-15"), cases[i].amount);
        import_at(&shop, &cost, newest_t(&shop));
        share(&shop);
        a += cases[i].a;
        b += cases[i].b;
        assert_int_equal(shop_rows(&shop, KV_EVENTS), events + 1 + (cases[i].a != 0) + (cases[i].b != 0));
        assert_true(ask(&shop, "device:a", newest_t(&shop)).values[HOSTING_SUM].exact == a);
        assert_true(ask(&shop, "device:b", newest_t(&shop)).values[HOSTING_SUM].exact == b);
        assert_int_equal(figures_of(&shop).shared, i + 1);
    }
    shop_reopen(&shop);
    assert_int_equal(figures_of(&shop).shared, 4);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void bills_loaded_before_their_history_wait_for_it(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_may(&shop);
    struct event_input cost = cost_of(&shop, "hosting", "march", at("2024-03-15"), "10");
    import_at(&shop, &cost, newest_t(&shop));
    for (int i = 0; i < 2 * SHARING_RETRIES; i++)
        share(&shop);
    assert_int_equal(figures_of(&shop).unallocated, 0);
    assert_int_equal(figures_of(&shop).waiting, 1);
    struct event_input driver = shop_event(&shop, "session", "late", at("2024-03-20"), "device:c");
    import_at(&shop, &driver, newest_t(&shop));
    share(&shop);
    assert_int_equal(figures_of(&shop).shared, 1);
    assert_true(ask(&shop, "device:c", newest_t(&shop)).values[HOSTING_SUM].exact == 10000000);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void refuse(struct shop *shop, const struct event_input *event, const char *words)
{
    shop_begin(shop);
    assert_int_equal(shop_add(shop, event), EVENT_REFUSED);
    if (!strstr(shop->outcome.why.text, words))
        fail_msg("%s", shop->outcome.why.text);
    shop_commit(shop);
}

static void what_cannot_be_shared_is_refused_in_words(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_may(&shop);
    int64_t now_us = shop.clock_us;
    struct event_input event = shop_event(&shop, "session", "x", now_us, "");
    refuse(&shop, &event, "the event has no identifier");
    event = shop_event(&shop, "hosting", "x", now_us, "");
    refuse(&shop, &event, "the event has no identifier, and no 'amount' to be shared out");
    event = cost_of(&shop, "hosting", "x", now_us, "1");
    event.source = bytes_from_string("patron");
    refuse(&shop, &event, "the source 'patron' is the store's own");
    for (int i = 0; i < SHARED_COSTS_WAITING_MAX; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        event = cost_of(&shop, "hosting", id, now_us, "1");
        assert_int_equal(shop_send_input(&shop, &event), EVENT_APPLIED);
    }
    event = cost_of(&shop, "hosting", "one more", now_us, "1");
    refuse(&shop, &event, "1000 shared costs wait to be shared out already");
    event = cost_of(&shop, "hosting", "7", now_us, "1");
    assert_int_equal(shop_send_input(&shop, &event), EVENT_DUPLICATE);
    /* One with a customer is an event like any other. */
    event = cost_of(&shop, "hosting", "one more", now_us, "1");
    event.identifiers = shop_event(&shop, "", "", 0, "device:a").identifiers;
    event.identifier_count = 1;
    assert_int_equal(shop_send_input(&shop, &event), EVENT_APPLIED);
    assert_true(ask(&shop, "device:a", newest_t(&shop)).values[HOSTING_SUM].exact == 1000000);
    shop_reopen(&shop);
    assert_int_equal(figures_of(&shop).waiting, SHARED_COSTS_WAITING_MAX);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void without_any_driver_it_is_tried_again_and_then_borne_by_nobody(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_may(&shop);
    struct error error;
    if (store_answered_set(shop.store, newest_t(&shop), &error) != PATRON_OK)
        fail_msg("%s", error.text);
    struct event_input cost = cost_of(&shop, "hosting", "march", at("2024-03-31T22:00:00Z") - 1, "10");
    import_at(&shop, &cost, newest_t(&shop));
    static const char *const dues[] = {"2024-05-31T22:00:00Z", "2024-06-30T22:00:00Z", "2024-07-31T22:00:00Z"};
    assert_true(store_sharing_due(shop.store) == shop.outcome.known_at_us); /* late: due at once */
    for (size_t i = 0; i < sizeof dues / sizeof *dues; i++) {
        share(&shop);
        assert_true(store_sharing_due(shop.store) == at(dues[i]));
        char words[128];
        snprintf(words, sizeof words, "hosting of 2024-03: no session in its period; next try %s", dues[i]);
        assert_string_equal(figures_of(&shop).words, words);
        shop_reopen(&shop);
        assert_string_equal(figures_of(&shop).words, words);
    }
    share(&shop);
    assert_true(store_sharing_due(shop.store) == INT64_MAX);
    assert_int_equal(figures_of(&shop).unallocated, 1);
    assert_int_equal(figures_of(&shop).waiting, 0);
    shop_reopen(&shop);
    assert_int_equal(figures_of(&shop).unallocated, 1);
    assert_int_equal(shop_rows(&shop, KV_QUEUES), 1);
    shop_assert_sound(&shop);

    /* An event of the period that comes before a later try counts; one after it changes nothing. */
    struct event_input late = cost_of(&shop, "hosting", "april", at("2024-04-01"), "-3");
    import_at(&shop, &late, newest_t(&shop));
    share(&shop); /* c came in April, and alone */
    assert_true(ask(&shop, "device:c", newest_t(&shop)).values[HOSTING_SUM].exact == -3000000);
    struct event_input ticket = cost_of(&shop, "helpdesk", "march", at("2024-03-12"), "0.000001");
    import_at(&shop, &ticket, newest_t(&shop));
    share(&shop);
    const char *words = "helpdesk of the week of 2024-03-11: no ticket in its period counts";
    assert_non_null(strstr(figures_of(&shop).words, words));
    ticket = ticket_of(&shop, "1", at("2024-03-11"), "device:b", 5, "mail");
    import_at(&shop, &ticket, newest_t(&shop));
    ticket = ticket_of(&shop, "2", at("2024-03-11"), "device:c", -5, "phone");
    import_at(&shop, &ticket, newest_t(&shop));
    ticket = ticket_of(&shop, "3", at("2024-03-17T22:59:59Z"), "device:a", 5, "phone");
    import_at(&shop, &ticket, newest_t(&shop));
    share(&shop);
    assert_int_equal(figures_of(&shop).waiting, 0);
    assert_true(ask(&shop, "device:a", newest_t(&shop)).values[HELPDESK_SUM].exact == 1);
    ticket = ticket_of(&shop, "4", at("2024-03-11"), "device:b", 500, "phone");
    import_at(&shop, &ticket, newest_t(&shop));
    assert_true(ask(&shop, "device:b", newest_t(&shop)).values[HELPDESK_SUM].exact == 0);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void no_entry_is_known_before_the_due_time_once_a_cost_is_weighed(void **state)
{
    (void)state;
    struct shop shop = {0};
    open_may(&shop);
    struct event_input cost = cost_of(&shop, "hosting", "may", at("2024-05-15"), "10");
    import_at(&shop, &cost, newest_t(&shop));
    int64_t due_us = store_sharing_due(shop.store);
    struct sharing *sharing = sharing_new(shop.store);
    struct event_input event = shop_event(&shop, "session", "between", at("2024-05-20"), "device:b");
    event.has_known_at = true;
    event.known_at_us = event.time_us;
    (void)store_group_begin(shop.store, shop.clock_us, INT64_MIN, true);
    assert_int_equal(shop_add(&shop, &event), EVENT_APPLIED);
    shop_commit(&shop);
    assert_true(shop.outcome.known_at_us == due_us);
    sharing_free(sharing);
    share(&shop);
    assert_true(ask(&shop, "device:b", newest_t(&shop)).values[HOSTING_SUM].exact == 2500000);
    shop_close(&shop);
}

/* The cost's rule goes with the version that serves when the sharing begins, and stays that one's after a crash. */
static void a_changed_rule_counts_from_the_next_sharing_on(void **state)
{
    (void)state;
    static const char other[] =
        KINDS "shared_costs: {hosting: {share: amount, by: ticket, weight: minutes, period: month}}\n" FEATURES;
    static const char none[] = KINDS FEATURES, none_again[] = KINDS FEATURES "# as before\n";
    struct shop shop = {0};
    open_may(&shop);
    struct event_input ticket = ticket_of(&shop, "1", at("2024-05-20"), "device:c", 5, "phone");
    import_at(&shop, &ticket, newest_t(&shop));
    struct event_input cost = cost_of(&shop, "hosting", "may", at("2024-05-15"), "10");
    import_at(&shop, &cost, newest_t(&shop));
    cost = cost_of(&shop, "hosting", "may too", at("2024-05-15"), "1");
    import_at(&shop, &cost, newest_t(&shop));
    /* The first is begun: one share is out, and the process ends. */
    struct error error;
    struct sharing *sharing = sharing_new(shop.store);
    struct view view;
    bool done;
    store_view_take(shop.store, &view);
    assert_int_equal(sharing_compute(sharing, &view, NULL, &error), PATRON_OK);
    store_view_release(&view);
    (void)store_group_begin(shop.store, shop.clock_us, INT64_MIN, true);
    assert_int_equal(sharing_add(shop.store, sharing, 1, &done, &error), PATRON_OK);
    assert_false(done);
    assert_int_equal(store_group_commit(shop.store, &error), PATRON_OK);
    sharing_free(sharing);
    store_close(shop.store);
    shop_open(&shop, none);
    assert_int_equal(store_version_drop(shop.store, 1, &error), PATRON_PRECONDITION);
    assert_non_null(strstr(error.text, "a cost is being shared out by version 1"));
    store_close(shop.store);
    shop_open(&shop, other);
    share(&shop);
    assert_true(ask(&shop, "device:a", newest_t(&shop)).values[HOSTING_SUM].exact == 7500000);
    assert_true(ask(&shop, "device:b", newest_t(&shop)).values[HOSTING_SUM].exact == 2500000);
    assert_int_equal(store_version_drop(shop.store, 1, &error), PATRON_OK);
    share(&shop);
    assert_true(ask(&shop, "device:a", newest_t(&shop)).values[HOSTING_SUM].exact == 7500000);
    assert_true(ask(&shop, "device:c", newest_t(&shop)).values[HOSTING_SUM].exact == 1000000);
    /* One whose rule is gone waits, and says why. */
    cost = cost_of(&shop, "hosting", "june", at("2024-06-15"), "1");
    import_at(&shop, &cost, cost.time_us);
    store_close(shop.store);
    shop_open(&shop, none_again);
    share(&shop);
    assert_non_null(strstr(figures_of(&shop).words, "hosting of 2024-06: the definitions do not say how it is shared"));
    shop_assert_sound(&shop);
    shop_close(&shop);
}

/* --- two years ------------------------------------------------------------------------------------------------ */

enum { PEOPLE = 40, STEPS = 4000, COSTS_MAX = 200, EVENTS_MAX = 6000 };

struct happened {
    bool ticket;
    int64_t time_us, known_at_us, weight;
    uint64_t node;
};

struct charged {
    bool helpdesk;
    int64_t amount, known_at_us, due_us;
    struct stretch stretch;
};

struct years {
    struct shop shop;
    uint64_t seed;
    int64_t now_us;
    struct happened happened[EVENTS_MAX];
    size_t happened_count;
    struct charged charged[COSTS_MAX];
    size_t charged_count;
    uint64_t node_of[PEOPLE]; /* 0: not met as an event's own yet */
};

static uint64_t draw(struct years *years, uint64_t below)
{
    uint64_t z = years->seed += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (z ^ (z >> 31)) % below;
}

/* Person 0…19 is known by an email, the others by a device. */
static void person_write(uint64_t person, char *text, size_t room)
{
    snprintf(text, room, "%s:p%llu", person < PEOPLE / 2 ? "email" : "device", (unsigned long long)person);
}

/* The month that the moment lies in, by the rule of Berlin's clocks, without the store's tables. */
static struct stretch month_of(int64_t time_us)
{
    struct stretch stretch = {0};
    for (int year = 2022; year <= 2024; year++) {
        for (int month = 1; month <= 12; month++) {
            char text[40];
            snprintf(text, sizeof text, "%d-%02d-01T00:00:00+0%d:00", year, month, month >= 4 && month <= 10 ? 2 : 1);
            int64_t from_us = at(text);
            if (from_us <= time_us)
                stretch.from_us = from_us;
            else if (stretch.until_us == 0)
                stretch.until_us = from_us;
        }
    }
    return stretch;
}

static void charge(struct years *years, size_t number)
{
    struct charged *charged = &years->charged[years->charged_count++];
    char id[16], amount[32];
    charged->helpdesk = draw(years, 3) != 0;
    charged->amount = (int64_t)draw(years, 100000000000) - 20000000000;
    int64_t magnitude = charged->amount < 0 ? -charged->amount : charged->amount;
    snprintf(id, sizeof id, "%zu", number);
    snprintf(amount, sizeof amount, "%s%lld.%06lld", charged->amount < 0 ? "-" : "", (long long)(magnitude / 1000000),
        (long long)(magnitude % 1000000));
    int64_t time_us = years->now_us - (int64_t)draw(years, 20) * DAY; /* some come when their period is over */
    struct event_input event =
        cost_of(&years->shop, charged->helpdesk ? "helpdesk" : "hosting", id, time_us, amount);
    import_at(&years->shop, &event, years->now_us);
    charged->known_at_us = years->shop.outcome.known_at_us;
    const struct definitions *made = store_definitions(years->shop.store);
    charged->stretch = charged->helpdesk ? period_of(made->zone, PERIOD_WEEK, time_us) : month_of(time_us);
    charged->due_us =
        charged->known_at_us > charged->stretch.until_us ? charged->known_at_us : charged->stretch.until_us;
}

static void happen(struct years *years, size_t number)
{
    struct happened *happened = &years->happened[years->happened_count++];
    uint64_t person = draw(years, PEOPLE), other = draw(years, 60) == 0 ? draw(years, PEOPLE) : person;
    char id[16], one[32], second[32], who[72];
    bool first_own = person < PEOPLE / 2 || other >= PEOPLE / 2;
    person_write(person, one, sizeof one);
    person_write(other, second, sizeof second);
    snprintf(id, sizeof id, "%zu", number);
    snprintf(who, sizeof who, "%s%s%s", one, other != person ? " " : "", other != person ? second : "");
    happened->ticket = draw(years, 3) == 0;
    int64_t minutes = (int64_t)draw(years, 50) - 5;
    bool phone = draw(years, 4) != 0;
    happened->time_us = years->now_us + (int64_t)draw(years, 12 * 24) * MICROSECONDS_PER_HOUR - 6 * DAY;
    struct event_input event = happened->ticket
        ? ticket_of(&years->shop, id, happened->time_us, who, minutes, phone ? "phone" : "mail")
        : shop_event(&years->shop, "session", id, happened->time_us, who);
    import_at(&years->shop, &event, years->now_us);
    happened->node = years->shop.outcome.node;
    happened->known_at_us = years->shop.outcome.known_at_us;
    happened->weight = happened->ticket ? (phone ? minutes : 0) : 1;
    years->node_of[first_own ? person : other] = happened->node;
}

/* What a node bears of a cost: its part of the whole, rounded as those of the nodes before it leave it. */
static int64_t borne(const struct years *years, const struct charged *charged, uint64_t node)
{
    int64_t weights[PEOPLE + 1] = {0}, total = 0, up_to = 0;
    for (size_t i = 0; i < years->happened_count; i++) {
        const struct happened *happened = &years->happened[i];
        if (happened->ticket == charged->helpdesk && happened->known_at_us < charged->due_us &&
            happened->time_us >= charged->stretch.from_us && happened->time_us < charged->stretch.until_us)
            weights[happened->node] += happened->weight;
    }
    for (uint64_t i = 1; i <= PEOPLE; i++) {
        weights[i] = weights[i] > 0 ? weights[i] : 0;
        total += weights[i];
        up_to += i < node ? weights[i] : 0;
    }
    assert_true(total > 0); /* people are many enough */
    int128 before = (int128)charged->amount * up_to, after = before + (int128)charged->amount * weights[node];
    int128 low = before / total - (before % total < 0), high = after / total - (after % total < 0);
    return (int64_t)(high - low);
}

/* Every customer's features as of T are what its nodes bear of the costs that were shared by then. */
static void check_as_of(struct years *years, int64_t as_of_us)
{
    int128 expected[PEOPLE + 1][2] = {{0}}, sums[2] = {0};
    struct answer answers[PEOPLE + 1] = {{0}};
    bool whole = true;
    for (size_t person = 0; person < PEOPLE; person++) {
        uint64_t node = years->node_of[person];
        char who[32];
        person_write(person, who, sizeof who);
        if (node == 0)
            continue;
        struct answer answer = ask(&years->shop, who, as_of_us);
        whole = whole && answer.found;
        if (!answer.found)
            continue;
        answers[answer.customer] = answer;
        for (size_t i = 0; i < years->charged_count; i++)
            if (years->charged[i].due_us < as_of_us)
                expected[answer.customer][years->charged[i].helpdesk] += borne(years, &years->charged[i], node);
    }
    for (uint64_t customer = 1; customer <= PEOPLE; customer++) {
        if (!answers[customer].found)
            continue;
        assert_true(answers[customer].values[HOSTING_SUM].exact == expected[customer][0]);
        assert_true(answers[customer].values[HELPDESK_SUM].exact == expected[customer][1]);
        sums[0] += expected[customer][0];
        sums[1] += expected[customer][1];
    }
    for (size_t i = 0; i < years->charged_count; i++)
        if (years->charged[i].due_us < as_of_us)
            sums[years->charged[i].helpdesk] -= years->charged[i].amount;
    assert_true(!whole || (sums[0] == 0 && sums[1] == 0));
}

static void two_years_of_history_are_shared_as_an_independent_computation_says(void **state)
{
    (void)state;
    struct years *years = calloc(1, sizeof *years);
    years->seed = 11;
    years->now_us = at("2022-01-03");
    shop_open(&years->shop, definitions);
    years->shop.clock_us = at("2025-01-01");
    size_t next_cost = 300;
    for (size_t i = 0; i < STEPS; i++) {
        years->now_us += (int64_t)draw(years, 8 * 60) * MICROSECONDS_PER_MINUTE + 1;
        if (i == next_cost) {
            charge(years, i);
            next_cost += 10 + draw(years, 40);
        } else {
            happen(years, i);
        }
        if (i % 900 == 899)
            shop_reopen(&years->shop);
    }
    share_until(&years->shop, years->now_us);
    struct store_figures figures;
    store_figures(years->shop.store, &figures);
    assert_true(figures.merges > 5 && figures.sharing.shared > 50);
    check_as_of(years, newest_t(&years->shop));
    for (size_t i = 0; i < years->charged_count; i += 5) {
        if (years->charged[i].due_us + SECOND >= newest_t(&years->shop))
            continue;
        check_as_of(years, years->charged[i].due_us);
        check_as_of(years, years->charged[i].due_us + SECOND);
    }
    shop_assert_sound(&years->shop);
    shop_close(&years->shop);
    free(years);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cost_waits_for_the_end_of_its_period_and_is_then_shared_exactly),
        cmocka_unit_test(a_cost_that_comes_again_is_a_duplicate_before_and_after_it_was_shared),
        cmocka_unit_test(who_bears_nothing_gets_no_event),
        cmocka_unit_test(what_cannot_be_shared_is_refused_in_words),
        cmocka_unit_test(bills_loaded_before_their_history_wait_for_it),
        cmocka_unit_test(without_any_driver_it_is_tried_again_and_then_borne_by_nobody),
        cmocka_unit_test(no_entry_is_known_before_the_due_time_once_a_cost_is_weighed),
        cmocka_unit_test(a_changed_rule_counts_from_the_next_sharing_on),
        cmocka_unit_test(two_years_of_history_are_shared_as_an_independent_computation_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
