/* Who does what when.
 *
 * A person has a share of the events by a skewed weight, a time of arrival and a time after which nothing comes any
 * more. The times in between are drawn one after the other: with k events left until the end, the next gap is uniform
 * in [0, 2/(k+1) of what is left), which spreads them evenly and never passes the end. All people stand in a heap by
 * their next time, so events come out in order of time. Randomness is splitmix64 (Steele, Lea, Flood 2014), one state a
 * person, seeded by (seed, person). Every draw is a statement of its own: the order in which C evaluates arguments and
 * operands is the compiler's choice. */
#include "client/shop.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "store/base/arena.h"
#include "store/base/check.h"
#include "store/base/encode.h"
#include "store/base/time_text.h"

const char *const shop_event_names[SHOP_EVENT_KINDS] = {"session", "order", "refund", "ticket"};

enum { ADA_EVENTS = 8, MILLISECOND_US = 1000 };

struct person {
    uint64_t random;
    int64_t next_us, end_us;
    uint64_t last_order; /* its number; 0 once refunded */
    uint32_t last_order_cents;
    uint32_t left;              /* events */
    uint32_t number;            /* from 1 */
    uint32_t price_cents;       /* around which this person buys */
    uint8_t devices, logged_in; /* how many; bit d: device d knows the account */
    uint8_t churned;
    bool account, second_email, shares_device;
};

struct shop {
    struct shop_options options;
    struct person *people;
    uint32_t *heap; /* indexes of people with events left, by next time */
    size_t heap_count;
    uint64_t numbers[SHOP_EVENT_KINDS]; /* ids given out */
};

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t draw(struct person *person)
{
    person->random += UINT64_C(0x9e3779b97f4a7c15);
    return mix(person->random);
}

/* Uniform in [0, bound): the high half of a product, as good as unbiased for small bounds. */
static uint64_t draw_below(struct person *person, uint64_t bound)
{
    return (uint64_t)(((uint128)draw(person) * bound) >> 64);
}

static bool chance(struct person *person, unsigned percent)
{
    return draw_below(person, 100) < percent;
}

/* --- the heap --- */

static bool earlier(const struct shop *shop, uint32_t a, uint32_t b)
{
    const struct person *left = &shop->people[a], *right = &shop->people[b];
    return left->next_us != right->next_us ? left->next_us < right->next_us : a < b;
}

static void sift_down(struct shop *shop, size_t at)
{
    for (;;) {
        size_t least = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2; child++) {
            if (child < shop->heap_count && earlier(shop, shop->heap[child], shop->heap[least]))
                least = child;
        }
        if (least == at)
            return;
        uint32_t swapped = shop->heap[at];
        shop->heap[at] = shop->heap[least];
        shop->heap[least] = swapped;
        at = least;
    }
}

/* --- people --- */

static void time_advance(struct person *person)
{
    int64_t span = person->end_us - person->next_us;
    uint64_t bound = (uint64_t)span * 2 / ((uint64_t)person->left + 1);
    int64_t gap = bound > 0 ? (int64_t)draw_below(person, bound) : 0;
    person->next_us += gap < span ? gap : span > 0 ? span - 1 : 0;
}

static uint64_t weight_draw(struct person *person)
{
    return chance(person, 15) ? 20 + draw_below(person, 100) : 1 + draw_below(person, 18);
}

static void person_start(const struct shop *shop, struct person *person, uint32_t number)
{
    int64_t span = shop->options.to_us - shop->options.from_us;
    person->number = number;
    person->price_cents = (uint32_t)(800 + draw_below(person, 4000));
    person->price_cents += (uint32_t)draw_below(person, 8000);
    person->devices = 1;
    person->devices = (uint8_t)(person->devices + chance(person, 45));
    person->devices = (uint8_t)(person->devices + chance(person, 15));
    person->second_email = chance(person, 25);
    person->shares_device = number > 2 && chance(person, 1);
    int64_t arrival_us = shop->options.from_us + (int64_t)draw_below(person, (uint64_t)(span - span / 4));
    int64_t stay_us = shop->options.to_us - arrival_us;
    person->churned = chance(person, 40);
    if (person->churned)
        stay_us = stay_us / 20 + (int64_t)draw_below(person, (uint64_t)(stay_us / 2 + 1));
    person->next_us = arrival_us;
    person->end_us = arrival_us + stay_us;
}

static void ada_start(const struct shop *shop, struct person *person)
{
    *person = (struct person){.random = mix(shop->options.seed), .number = 1, .price_cents = 4500};
    person->next_us = shop->options.from_us;
    person->end_us = shop->options.to_us;
    person->left = shop->options.events < ADA_EVENTS ? (uint32_t)shop->options.events : ADA_EVENTS;
}

struct shop *shop_new(const struct shop_options *options)
{
    CHECK(options->customers >= 1);
    CHECK(options->customers <= SHOP_CUSTOMERS_MAX);
    CHECK(options->from_us < options->to_us);
    struct shop *shop = memory_alloc(sizeof *shop);
    shop->options = *options;
    shop->people = memory_alloc(options->customers * sizeof *shop->people);
    shop->heap = memory_alloc(options->customers * sizeof *shop->heap);
    ada_start(shop, &shop->people[0]);
    uint64_t whole = 0;
    for (uint32_t i = 1; i < options->customers; i++) {
        struct person *person = &shop->people[i];
        person->random = mix(options->seed + mix(i));
        person->left = (uint32_t)weight_draw(person); /* a weight, until all are known */
        whole += person->left;
        person_start(shop, person, i + 1);
    }
    /* Rounding the running sum, not each share, makes the shares add up to the whole. */
    uint64_t events = options->events - shop->people[0].left, running = 0;
    for (uint32_t i = 1; i < options->customers; i++) {
        uint64_t before = (uint64_t)((uint128)running * events / whole);
        running += shop->people[i].left;
        shop->people[i].left = (uint32_t)((uint64_t)((uint128)running * events / whole) - before);
    }
    if (options->customers == 1)
        shop->people[0].left = (uint32_t)options->events;
    for (uint32_t i = 0; i < options->customers; i++) {
        if (shop->people[i].left == 0)
            continue;
        time_advance(&shop->people[i]);
        shop->heap[shop->heap_count++] = i;
    }
    for (size_t i = shop->heap_count / 2; i-- > 0;)
        sift_down(shop, i);
    return shop;
}

void shop_free(struct shop *shop)
{
    if (!shop)
        return;
    memory_free(shop->people);
    memory_free(shop->heap);
    memory_free(shop);
}

/* --- events --- */

struct writer {
    char *text;
    size_t length;
};

static void put(struct writer *writer, const char *format, ...) PRINTF_LIKE(2, 3);

static void put(struct writer *writer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(writer->text + writer->length, SHOP_LINE_MAX - writer->length, format, arguments);
    va_end(arguments);
    CHECK(length >= 0);
    writer->length += (size_t)length;
    CHECK(writer->length < SHOP_LINE_MAX);
}

static void put_cents(struct writer *writer, const char *name, uint64_t cents)
{
    put(writer, "\"%s\":%" PRIu64 ".%02" PRIu64, name, cents / 100, cents % 100);
}

static void put_customer(struct writer *writer, const struct person *person)
{
    put(writer, "\"customer_id\":\"c%07" PRIu32 "\"", person->number);
}

static void put_email(struct writer *writer, const struct person *person, bool second)
{
    if (second)
        put(writer, "\"email\":\"u%" PRIu32 ".home@example.net\"", person->number);
    else
        put(writer, "\"email\":\"u%" PRIu32 "@example.com\"", person->number);
}

static void put_device(struct writer *writer, const struct person *person, unsigned device)
{
    /* The shared device is the first one of the person before. */
    uint32_t owner = person->shares_device && device == 0 ? person->number - 1 : person->number;
    put(writer, "\"device\":\"d%012" PRIx64 "\"", mix((uint64_t)owner * 8 + device) >> 16);
}

static const char *channel_draw(struct person *person)
{
    static const char *const channels[] = {"web", "web", "app", "app", "search", "email", "store"};
    return channels[draw_below(person, sizeof channels / sizeof *channels)];
}

static void session_attributes(struct writer *writer, struct person *person)
{
    uint64_t pages = 1 + draw_below(person, 6);
    pages += draw_below(person, 6);
    uint64_t seconds = pages * (10 + draw_below(person, 50));
    uint64_t tenths = draw_below(person, 10);
    const char *channel = channel_draw(person);
    bool app = chance(person, 35);
    put(writer, "\"pages\":%" PRIu64 ",\"seconds\":%" PRIu64 ".%" PRIu64 ",\"channel\":\"%s\",\"app\":%s",
        pages, seconds, tenths, channel, app ? "true" : "false");
}

static void order_attributes(struct writer *writer, struct person *person, uint64_t number)
{
    static const char *const categories[] = {"books", "garden", "kitchen", "music", "outdoor", "toys"};
    uint64_t items = draw_below(person, 3);
    items = 1 + items * draw_below(person, 2);
    uint64_t cents = items * (person->price_cents / 2 + draw_below(person, person->price_cents));
    bool promo = chance(person, 30);
    uint64_t discount = promo ? cents * (5 + draw_below(person, 20)) / 100 : 0;
    const char *channel = channel_draw(person);
    const char *category = categories[draw_below(person, sizeof categories / sizeof *categories)];
    put_cents(writer, "amount", cents - discount);
    put(writer, ",");
    put_cents(writer, "discount", discount);
    put(writer, ",\"items\":%" PRIu64 ",\"promo\":%s,\"channel\":\"%s\",\"category\":\"%s\"", items,
        promo ? "true" : "false", channel, category);
    person->last_order = number;
    person->last_order_cents = (uint32_t)(cents - discount);
}

static void ticket_attributes(struct writer *writer, struct person *person)
{
    static const char *const topics[] = {"delivery", "invoice", "product", "return", "account"};
    const char *topic = topics[draw_below(person, sizeof topics / sizeof *topics)];
    uint64_t rating = 1 + draw_below(person, 5);
    bool solved = chance(person, 80);
    put(writer, "\"topic\":\"%s\",\"rating\":%" PRIu64 ",\"solved\":%s", topic, rating,
        solved ? "true" : "false");
}

/* Most sessions show a device alone; one that has seen the account log in often shows that too. */
static void session_identifiers(struct writer *writer, struct person *person, unsigned device)
{
    put_device(writer, person, device);
    if (person->account && (person->logged_in >> device & 1) && chance(person, 60)) {
        put(writer, ",");
        put_customer(writer, person);
    }
}

/* A guest gives an email, an account holder is known by it; either way the device is seen most times. */
static void order_identifiers(struct writer *writer, struct person *person, unsigned device)
{
    bool second = person->second_email && chance(person, 25);
    if (person->account || chance(person, 55)) {
        person->account = true;
        person->logged_in = (uint8_t)(person->logged_in | 1u << device);
        put_customer(writer, person);
        put(writer, ",");
    }
    put_email(writer, person, second);
    if (chance(person, 85)) {
        put(writer, ",");
        put_device(writer, person, device);
    }
}

static enum shop_event kind_draw(struct person *person)
{
    uint64_t roll = draw_below(person, 100);
    if (roll < 22)
        return SHOP_ORDER;
    if (roll < 25 && person->last_order != 0)
        return SHOP_REFUND;
    return roll >= 25 && roll < 29 ? SHOP_TICKET : SHOP_SESSION;
}

static void identifiers_put(struct writer *writer, struct person *person, enum shop_event kind)
{
    unsigned device = chance(person, 70) ? 0 : (unsigned)draw_below(person, person->devices);
    switch (kind) {
    case SHOP_SESSION:
        session_identifiers(writer, person, device);
        return;
    case SHOP_ORDER:
        order_identifiers(writer, person, device);
        return;
    case SHOP_REFUND:
        if (person->account)
            put_customer(writer, person);
        else
            put_email(writer, person, false);
        return;
    case SHOP_TICKET:
        put_email(writer, person, person->second_email && chance(person, 50));
        return;
    case SHOP_EVENT_KINDS:
        IMPOSSIBLE("a count is no kind");
    }
}

/* Ada browses by phone and orders by email, and nothing says that she is one person. */
static void ada_identifiers_put(struct writer *writer, enum shop_event kind)
{
    if (kind == SHOP_SESSION)
        put(writer, "\"device\":\"" SHOP_UNTIED_DEVICE "\"");
    else
        put(writer, "\"email\":\"" SHOP_UNTIED_EMAIL "\"");
}

static enum shop_event ada_kind(const struct person *ada)
{
    static const enum shop_event kinds[] = {SHOP_SESSION, SHOP_ORDER, SHOP_SESSION, SHOP_SESSION, SHOP_ORDER,
        SHOP_TICKET, SHOP_SESSION, SHOP_ORDER};
    return kinds[ada->left % (sizeof kinds / sizeof *kinds)];
}

static void attributes_put(
    struct writer *writer, struct person *person, enum shop_event kind, uint64_t number)
{
    switch (kind) {
    case SHOP_SESSION:
        session_attributes(writer, person);
        return;
    case SHOP_ORDER:
        order_attributes(writer, person, number);
        return;
    case SHOP_REFUND:
        put_cents(writer, "amount", person->last_order_cents);
        put(writer, ",\"order_id\":\"order-%" PRIu64 "\"", person->last_order);
        person->last_order = 0;
        return;
    case SHOP_TICKET:
        ticket_attributes(writer, person);
        return;
    case SHOP_EVENT_KINDS:
        IMPOSSIBLE("a count is no kind");
    }
}

bool shop_next(struct shop *shop, enum shop_event *kind, char line[SHOP_LINE_MAX], size_t *length)
{
    if (shop->heap_count == 0)
        return false;
    struct person *person = &shop->people[shop->heap[0]];
    bool ada = person->number == 1;
    *kind = ada ? ada_kind(person) : kind_draw(person);
    uint64_t number = ++shop->numbers[*kind];
    char time[TIME_TEXT_MAX];
    time_to_text(person->next_us - person->next_us % MILLISECOND_US, time);

    struct writer writer = {.text = line};
    put(&writer, "{\"type\":\"%s\",\"id\":\"%s-%" PRIu64 "\",\"time\":\"%s\",\"identifiers\":{",
        shop_event_names[*kind], shop_event_names[*kind], number, time);
    if (ada)
        ada_identifiers_put(&writer, *kind);
    else
        identifiers_put(&writer, person, *kind);
    put(&writer, "},\"attributes\":{");
    attributes_put(&writer, person, *kind, number);
    put(&writer, "}}\n");
    *length = writer.length;

    person->left--;
    if (person->left > 0)
        time_advance(person);
    else
        shop->heap[0] = shop->heap[--shop->heap_count];
    sift_down(shop, 0);
    return true;
}
