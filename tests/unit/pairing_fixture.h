/* pairing_fixture: a store whose profile events are records of people, and a pairing driven as the server's thread
 * drives it. Include it after cmocka.h and store_fixture.h. One thread. */
#ifndef PATRON_TESTS_PAIRING_FIXTURE_H
#define PATRON_TESTS_PAIRING_FIXTURE_H

#include "store/records/models.h"
#include "store/records/pairing.h"
#include "tests/unit/store_fixture.h"

#define PEOPLE_HEAD                                                                                          \
    "currency: EUR\n"                                                                                        \
    "identifiers: {account: {keep: true}, device: {}}\n"                                                     \
    "events:\n"                                                                                              \
    "  profile: {first_name: string, surname: string, dob: string, city: string, email: string}\n"           \
    "  order: {amount: money}\n"                                                                             \
    "features: {orders: {of: order, count: true}, profiles: {of: profile, count: true}}\n"
#define PEOPLE_MATCHING                                                                                      \
    "matching:\n"                                                                                            \
    "  of: profile\n"                                                                                        \
    "  columns: {first_name: given_name, surname: surname, dob: birth_date, city: place, email: email}\n"
#define PEOPLE PEOPLE_HEAD PEOPLE_MATCHING

struct person {
    const char *first_name, *surname, *dob, *city, *email;
};

static const char *const given_names[] = {"Ada", "Bruno", "Clara", "Dmitri", "Elif", "Farid", "Greta", "Hugo", "Ines",
    "Jonas", "Karim", "Leila", "Mateo", "Nadia", "Oskar", "Paula", "Quentin", "Rosa", "Samir", "Tilda"};
static const char *const surnames[] = {"Lovelace", "Moreau", "Novak", "Okafor", "Petrov", "Quintana", "Rossi",
    "Schmidt",
    "Tanaka", "Ullmann", "Vasquez", "Weber", "Xenakis", "Yilmaz", "Zimmer", "Almeida", "Bakker", "Castelli", "Dubois",
    "Eriksen", "Fischer", "Garcia", "Hansen"};
static const char *const towns[] = {"Berlin", "Hamburg", "Lisbon", "Madrid", "Oslo", "Prague", "Rome"};

/* A made-up person of that number: no two share more than a name or a town. In the shop's arena. */
static inline struct person person_of(struct shop *shop, unsigned number)
{
    char dob[16], email[64];
    const char *first = given_names[number % 20], *last = surnames[number * 7 % 23];
    snprintf(dob, sizeof dob, "%u-%02u-%02u", 1940 + number * 13 % 60, 1 + number * 5 % 12, 1 + number * 11 % 28);
    snprintf(email, sizeof email, "%s.%s%u@example.org", first, last, number);
    return (struct person){first, last, arena_string(&shop->arena, bytes_from_string(dob)), towns[number % 7],
        arena_string(&shop->arena, bytes_from_string(email))};
}

static inline struct event_input profile_event(
    struct shop *shop, const char *id, int64_t time_us, const char *who, const struct person *person)
{
    struct event_input event = shop_event(shop, "profile", id, time_us, who);
    const char *const names[] = {"first_name", "surname", "dob", "city", "email"};
    const char *const values[] = {
        person->first_name, person->surname, person->dob, person->city, person->email};
    struct event_attribute *attributes = arena_array(&shop->arena, 5, sizeof *attributes);
    size_t count = 0;
    for (size_t i = 0; i < 5; i++)
        if (values[i])
            attributes[count++] = (struct event_attribute){.name = bytes_from_string(names[i]),
                .kind = GIVEN_TEXT,
                .text = bytes_from_string(values[i])};
    event.attributes = attributes;
    event.attribute_count = count;
    return event;
}

/* Of the event's node. */
static inline uint64_t profile_send(
    struct shop *shop, const char *id, int64_t time_us, const char *who, const struct person *person)
{
    struct event_input event = profile_event(shop, id, time_us, who, person);
    if (shop_send_input(shop, &event) != EVENT_APPLIED)
        fail_msg("%s: %s", id, shop->outcome.why.text);
    return shop->outcome.node;
}

/* Persons 0 to count - 1, each twice: accounts "aN" and "bN", the second with the town left out. */
static inline void people_send(struct shop *shop, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char id[32], who[32];
        struct person person = person_of(shop, i);
        snprintf(id, sizeof id, "a%u", i);
        snprintf(who, sizeof who, "account:a%u", i);
        profile_send(shop, id, START_US - DAY + i, who, &person);
        person.city = NULL;
        snprintf(id, sizeof id, "b%u", i);
        snprintf(who, sizeof who, "account:b%u", i);
        profile_send(shop, id, START_US - DAY + i, who, &person);
    }
}

static inline void assert_ok(enum patron_code code, const struct error *error)
{
    if (code != PATRON_OK)
        fail_msg("%s", error->text);
}

/* One step and what the writer does for it. */
static inline enum pairing_next pairing_once(struct shop *shop, struct pairing *pairing)
{
    struct error error = {0};
    struct view view;
    enum pairing_next next;
    store_view_take(shop->store, &view);
    assert_ok(pairing_step(pairing, &view, &next, &error), &error);
    if (next == PAIRING_WRITE)
        assert_ok(pairing_write(shop->store, pairing, &error), &error);
    for (bool more = next == PAIRING_JOIN; more;) {
        shop_begin(shop);
        assert_ok(group_pair(shop->store, pairing, &more, &error), &error);
        shop_commit(shop);
    }
    store_view_release(&view);
    return next;
}

static inline void pairing_all(struct shop *shop, struct pairing *pairing)
{
    for (int i = 0; pairing_once(shop, pairing) != PAIRING_IDLE; i++)
        if (i > 100000)
            fail_msg("the pairing never rests");
}

/* A model of all records there are now. */
static inline struct model_entry people_train(struct shop *shop)
{
    struct error error = {0};
    struct view view;
    struct match_model *model;
    struct model_entry entry;
    store_view_take(shop->store, &view);
    assert_ok(model_train(&view, NULL, &model, &error), &error);
    store_view_release(&view);
    shop_begin(shop);
    assert_ok(group_model_add(shop->store, model, store_definitions(shop->store)->version, &entry, &error), &error);
    shop_commit(shop);
    match_model_free(model);
    return entry;
}

static inline struct pairing_state pairing_now(struct shop *shop)
{
    struct view view;
    struct pairing_state state;
    struct error error = {0};
    bool known;
    store_view_take(shop->store, &view);
    assert_ok(pairing_state_get(&view, &state, &known, &error), &error);
    store_view_release(&view);
    assert_true(known);
    return state;
}

static inline uint64_t customer_at(struct shop *shop, uint64_t node, int64_t as_of_us)
{
    uint64_t customer = 0;
    struct error error = {0};
    assert_ok(membership_at(shop->kv, NULL, node, as_of_us, &customer, &error), &error);
    return customer;
}

#endif
