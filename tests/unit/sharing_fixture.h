/* sharing_fixture: a shop whose hosting and helpdesk are shared out, and short words to import, share and ask. Include
 * it after cmocka.h; what must not fail fails the test. One thread. */
#ifndef PATRON_TESTS_SHARING_FIXTURE_H
#define PATRON_TESTS_SHARING_FIXTURE_H

#include "store/base/time_text.h"
#include "store/sharing/sharing.h"
#include "tests/unit/store_fixture.h"

#define KINDS                                                                                                          \
    "time_zone: Europe/Berlin\n"                                                                                       \
    "identifiers: {customer_id: {max: 1}, email: , device: }\n"                                                        \
    "events:\n"                                                                                                        \
    "  session: {channel: string}\n"                                                                                   \
    "  ticket: {minutes: integer, channel: string}\n"                                                                  \
    "  hosting: {amount: money, provider: string}\n"                                                                   \
    "  helpdesk: {amount: money}\n"
#define HOSTING "  hosting: {share: amount, by: session, period: month}\n"
#define HELPDESK "  helpdesk: {share: amount, by: ticket, weight: minutes, where: {channel: phone}, period: week}\n"
#define FEATURES                                                                                                       \
    "features:\n"                                                                                                      \
    "  hosting: {of: hosting, sum: amount}\n"                                                                          \
    "  helpdesk: {of: helpdesk, sum: amount}\n"                                                                        \
    "  provider: {of: hosting, last: provider}\n"                                                                      \
    "derived: {cost_to_serve: hosting + helpdesk}\n"

static const char definitions[] = KINDS "shared_costs:\n" HOSTING HELPDESK FEATURES;

enum { HOSTING_SUM, HELPDESK_SUM, PROVIDER, COST_TO_SERVE, FEATURE_COUNT };

static inline int64_t at(const char *text)
{
    int64_t time_us;
    if (time_from_text(bytes_from_string(text), &time_us, NULL) != PATRON_OK)
        fail_msg("%s", text);
    return time_us;
}

/* --- sharing out ---------------------------------------------------------------------------------------------- */

/* One cost, by groups of `most` shares. As the writer does it. */
static inline enum patron_code try_share(struct shop *shop, size_t most, struct error *error)
{
    struct sharing *sharing = sharing_new(shop->store);
    struct view view;
    store_view_take(shop->store, &view);
    enum patron_code code = sharing_compute(sharing, &view, NULL, error);
    store_view_release(&view);
    for (bool done = false; code == PATRON_OK && !done;) {
        (void)store_group_begin(shop->store, shop->clock_us, INT64_MIN, true);
        code = sharing_add(shop->store, sharing, most, &done, error);
        if (code == PATRON_OK)
            code = store_group_commit(shop->store, error);
    }
    sharing_free(sharing);
    return code;
}

static inline void share(struct shop *shop)
{
    struct error error;
    if (try_share(shop, 7, &error) != PATRON_OK)
        fail_msg("%s", error.text);
}

/* All that are due by then, in their order. */
static inline void share_until(struct shop *shop, int64_t time_us)
{
    while (store_sharing_due(shop->store) <= time_us)
        share(shop);
}

static inline struct event_attribute decimal(const char *name, const char *digits)
{
    return (struct event_attribute){
        .name = bytes_from_string(name), .kind = GIVEN_DECIMAL, .text = bytes_from_string(digits)};
}

static inline struct event_attribute word(const char *name, const char *text)
{
    return (struct event_attribute){
        .name = bytes_from_string(name), .kind = GIVEN_TEXT, .text = bytes_from_string(text)};
}

static inline struct event_attribute integer(const char *name, int64_t number)
{
    return (struct event_attribute){.name = bytes_from_string(name), .kind = GIVEN_INTEGER, .integer = number};
}

/* Adds an event on the source's clock, known as it happened, once all that is due by then is shared out. */
static inline void import_at(struct shop *shop, struct event_input *event, int64_t known_at_us)
{
    int64_t newest_us = store_newest_known_at(shop->store);
    event->has_known_at = true;
    event->known_at_us = known_at_us;
    share_until(shop, known_at_us > newest_us + 1 ? known_at_us : newest_us + 1);
    (void)store_group_begin(shop->store, shop->clock_us, INT64_MIN, true);
    if (shop_add(shop, event) != EVENT_APPLIED)
        fail_msg("%s", shop->outcome.why.text);
    struct error error;
    if (store_group_commit(shop->store, &error) != PATRON_OK)
        fail_msg("%s", error.text);
}

static inline struct event_input cost_of(
    struct shop *shop, const char *type, const char *id, int64_t time_us, const char *amount)
{
    struct event_input event = shop_event(shop, type, id, time_us, "");
    struct event_attribute *attributes = arena_array(&shop->arena, 2, sizeof *attributes);
    attributes[0] = decimal("amount", amount);
    attributes[1] = word("provider", "Hetzner");
    event.attributes = attributes;
    event.attribute_count = strcmp(type, "hosting") == 0 ? 2 : 1;
    return event;
}

static inline struct event_input ticket_of(
    struct shop *shop, const char *id, int64_t time_us, const char *who, int64_t minutes, const char *channel)
{
    struct event_input event = shop_event(shop, "ticket", id, time_us, who);
    struct event_attribute *attributes = arena_array(&shop->arena, 2, sizeof *attributes);
    attributes[0] = integer("minutes", minutes);
    attributes[1] = word("channel", channel);
    event.attributes = attributes;
    event.attribute_count = 2;
    return event;
}

/* --- reading -------------------------------------------------------------------------------------------------- */

static const struct selection everything = {.features = (const uint32_t[]){0, 1, 2, 3}, .count = FEATURE_COUNT,
    .needed = (const uint32_t[]){0, 1, 2, 3}, .needed_count = FEATURE_COUNT};

struct answer {
    bool found;
    uint64_t customer;
    struct value values[FEATURE_COUNT];
};

/* By folding, and where T is past what is known also from the profile: they must agree. */
static inline struct answer ask(struct shop *shop, const char *who, int64_t as_of_us)
{
    struct view view;
    store_view_take(shop->store, &view);
    struct event_input given = shop_event(shop, "", "", 0, who);
    struct answer answer, served;
    struct row row = {.values = answer.values};
    struct error error;
    if (read_as_of(&view, &everything, &given.identifiers[0], as_of_us, &shop->arena, &row, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    answer.found = row.status == STATUS_PRESENT;
    answer.customer = row.customer;
    if (as_of_us > view.position_us) {
        row.values = served.values;
        if (read_now(&view, &everything, &given.identifiers[0], as_of_us, &shop->arena, &row, &error) != PATRON_OK)
            fail_msg("%s", error.text);
        for (size_t i = 0; answer.found && i < FEATURE_COUNT; i++) {
            assert_int_equal(served.values[i].status, answer.values[i].status);
            assert_true(served.values[i].exact == answer.values[i].exact);
        }
    }
    store_view_release(&view);
    return answer;
}

static inline int64_t newest_t(const struct shop *shop)
{
    return store_newest_known_at(shop->store) + 1;
}

/* A shop with three devices: a came three times in May, b once, c never but in April. */
static inline void open_may(struct shop *shop)
{
    shop_open(shop, definitions);
    shop->clock_us = at("2025-01-01");
    static const struct {
        const char *who, *time, *known_at;
    } sessions[] = {{"device:c", "2024-04-30T21:59:59.999999Z", "2024-05-01"},
        {"device:a", "2024-04-30T22:00:00Z", "2024-05-02"}, {"device:b", "2024-05-10", "2024-05-10"},
        {"device:a", "2024-05-11", "2024-05-11"}, {"device:a", "2024-05-31T21:59:59.999999Z", "2024-05-28"}};
    for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++) {
        char id[8];
        snprintf(id, sizeof id, "%zu", i);
        struct event_input event = shop_event(shop, "session", id, at(sessions[i].time), sessions[i].who);
        import_at(shop, &event, at(sessions[i].known_at));
    }
}

static inline struct sharing_figures figures_of(const struct shop *shop)
{
    struct store_figures figures;
    store_figures(shop->store, &figures);
    return figures.sharing;
}

#endif
