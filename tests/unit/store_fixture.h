/* store_fixture: a small store in memory and short words to send it events. Include it after cmocka.h; what must not
 * fail fails the test. One thread. */
#ifndef PATRON_TESTS_STORE_FIXTURE_H
#define PATRON_TESTS_STORE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>

#include "store/store.h"

#define SECOND MICROSECONDS_PER_SECOND
#define DAY MICROSECONDS_PER_DAY
#define START_US (INT64_C(1700000000) * SECOND)

struct shop {
    struct kv *kv;
    struct store *store;
    const struct profile_home *home; /* nullable; set before shop_open */
    const char *definitions;
    uint8_t key[STORE_KEY_BYTES];
    int64_t clock_us; /* a second on after each group sent */
    struct arena arena;
    struct event_outcome outcome; /* of the event sent last */
};

static inline enum patron_code shop_try_open(struct shop *shop, const char *definitions, struct error *error)
{
    struct store_options options = {.kv = shop->kv, .key = shop->key, .home = shop->home};
    if (definitions)
        options.definitions_text = bytes_from_string(definitions);
    return store_open(&options, &shop->store, error);
}

/* Opens it, a new one the first time. */
static inline void shop_open(struct shop *shop, const char *definitions)
{
    struct error error;
    if (!shop->kv) {
        shop->kv = kv_memory_new();
        memcpy(shop->key, "a key that only these tests have", STORE_KEY_BYTES);
        shop->clock_us = START_US;
    }
    if (definitions)
        shop->definitions = definitions;
    if (shop_try_open(shop, shop->definitions, &error) != PATRON_OK)
        fail_msg("%s", error.text);
}

/* Closes the store and opens it again on the same engine, as after a crash: nothing is written on the way. */
static inline void shop_reopen(struct shop *shop)
{
    store_close(shop->store);
    shop->store = NULL;
    shop_open(shop, NULL);
}

static inline void shop_close(struct shop *shop)
{
    store_close(shop->store);
    kv_close(shop->kv);
    arena_clear(&shop->arena);
}

/* `who` is "type:value type:value …". In the shop's arena. */
static inline struct event_input shop_event(
    struct shop *shop, const char *type, const char *id, int64_t time_us, const char *who)
{
    struct event_identifier *identifiers = arena_array(&shop->arena, EVENT_IDENTIFIERS_MAX + 8, sizeof *identifiers);
    size_t count = 0;
    for (const char *at = who; *at;) {
        size_t type_length = strcspn(at, ":"), value_length = strcspn(at + type_length + 1, " ");
        identifiers[count++] = (struct event_identifier){arena_copy(&shop->arena, bytes_of(at, type_length)),
            arena_copy(&shop->arena, bytes_of(at + type_length + 1, value_length))};
        at += type_length + 1 + value_length;
        at += *at == ' ';
    }
    return (struct event_input){.source = bytes_from_string("test"),
        .type = bytes_from_string(type),
        .id = arena_copy(&shop->arena, bytes_from_string(id)),
        .time_us = time_us,
        .identifiers = identifiers,
        .identifier_count = count};
}

static inline void shop_begin(struct shop *shop)
{
    (void)store_group_begin(shop->store, shop->clock_us, INT64_MIN, false);
}

static inline enum event_fate shop_add(struct shop *shop, const struct event_input *event)
{
    struct error error;
    if (store_group_add(shop->store, event, &shop->outcome, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return shop->outcome.fate;
}

static inline void shop_commit(struct shop *shop)
{
    struct error error;
    if (store_group_commit(shop->store, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    shop->clock_us += SECOND;
}

/* A group of one. */
static inline enum event_fate shop_send_input(struct shop *shop, const struct event_input *event)
{
    shop_begin(shop);
    enum event_fate fate = shop_add(shop, event);
    shop_commit(shop);
    return fate;
}

static inline void shop_send(struct shop *shop, const char *type, const char *id, int64_t time_us, const char *who)
{
    struct event_input event = shop_event(shop, type, id, time_us, who);
    if (shop_send_input(shop, &event) != EVENT_APPLIED)
        fail_msg("%s %s: %s", type, id, shop->outcome.why.text);
}

/* Every row of every family, but for those that count what the sources send, refusals among it. Free it with
 * encoder_clear. */
static inline struct encoder shop_dump(const struct shop *shop)
{
    struct encoder to = {0};
    for (int family = 0; family < KV_FAMILY_COUNT; family++) {
        struct kv_iterator *rows = kv_iterator_new(shop->kv, NULL, (enum kv_family)family, (struct bytes){0});
        for (kv_iterator_seek(rows, (struct bytes){0}); kv_iterator_valid(rows); kv_iterator_next(rows)) {
            if (family == KV_META && bytes_starts_with(kv_iterator_borrow_key(rows), bytes_from_string("schema/")))
                continue;
            encode_u8(&to, (uint8_t)family);
            encode_bytes(&to, kv_iterator_borrow_key(rows));
            encode_bytes(&to, kv_iterator_borrow_value(rows));
        }
        assert_int_equal(kv_iterator_status(rows, NULL), PATRON_OK);
        kv_iterator_free(rows);
    }
    return to;
}

static inline size_t shop_rows(const struct shop *shop, enum kv_family family)
{
    size_t count = 0;
    struct kv_iterator *rows = kv_iterator_new(shop->kv, NULL, family, (struct bytes){0});
    for (kv_iterator_seek(rows, (struct bytes){0}); kv_iterator_valid(rows); kv_iterator_next(rows))
        count++;
    kv_iterator_free(rows);
    return count;
}

/* Puts or, with a null value, deletes one row behind the store's back. */
static inline void shop_plant(struct shop *shop, enum kv_family family, struct bytes key, const struct bytes *value)
{
    struct kv_batch *batch = kv_batch_new(shop->kv);
    if (value)
        kv_batch_put(batch, family, key, *value);
    else
        kv_batch_delete(batch, family, key);
    assert_int_equal(kv_write(shop->kv, batch, false, NULL), PATRON_OK);
    kv_batch_free(batch);
}

struct shop_findings {
    size_t count;
    char last[512];
};

static inline bool shop_report(void *context, const struct verify_result *so_far, const char *finding)
{
    struct shop_findings *findings = context;
    (void)so_far;
    if (finding) {
        findings->count++;
        snprintf(findings->last, sizeof findings->last, "%s", finding);
    }
    return true;
}

/* The differences that verify finds, in words. */
static inline struct verify_result shop_verify(struct shop *shop, struct shop_findings *findings)
{
    *findings = (struct shop_findings){0};
    struct view view;
    store_view_take(shop->store, &view);
    struct verify_result result;
    struct error error;
    if (store_verify(&view, &result, shop_report, findings, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    store_view_release(&view);
    assert_int_equal(result.differences, findings->count);
    return result;
}

static inline void shop_assert_sound(struct shop *shop)
{
    struct shop_findings findings;
    struct verify_result result = shop_verify(shop, &findings);
    if (findings.count > 0)
        fail_msg("%zu differences, the last: %s", findings.count, findings.last);
    assert_int_equal(result.customers, result.customers_total);
}

#endif
