/* Opening a store: what must be there, what a crash leaves, new definitions; and verify, which finds what is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/features/profile_rows.h"
#include "store/identity/identity_rows.h"
#include "tests/property/small_home.h"
#include "tests/unit/golden.h"
#include "tests/unit/store_fixture.h"

#define KINDS                                                                                                          \
    "identifiers:\n"                                                                                                   \
    "  customer_id: {max: 1}\n"                                                                                        \
    "  email:\n"                                                                                                       \
    "  device:\n"                                                                                                      \
    "events:\n"                                                                                                        \
    "  visit: {page: string}\n"                                                                                        \
    "  order: {amount: money}\n"

static const char first_version[] = KINDS "features:\n"
                                          "  visits: {of: visit, count: true}\n"
                                          "  visits_1d: {of: visit, count: true, window: 1d}\n"
                                          "  orders_90d: {of: order, count: true, window: 90d}\n";

static const char second_version[] = KINDS "  refund: {amount: money}\n"
                                           "features:\n"
                                           "  orders: {of: order, count: true}\n"
                                           "  visits_30d: {of: visit, count: true, window: 30d}\n"
                                           "  visits: {of: visit, count: true}\n"
                                           "  refunds: {of: refund, sum: amount, window: 30d}\n";

/* A few customers, merges, late events, ones dated ahead, dropped identifiers. `round` tells the ids apart. */
static void send_some(struct shop *shop, int round)
{
    static const struct {
        const char *type;
        int64_t ahead_us;
        const char *who;
    } events[] = {
        {"visit", 0, "device:a"},
        {"order", 0, "device:b email:b"},
        {"visit", -40 * DAY, "device:b"},
        {"visit", 2 * DAY, "device:c"},
        {"order", 0, "customer_id:1 device:a"},
        {"visit", 0, "device:a device:b"},
        {"order", 0, "customer_id:2 device:a"},
        {"order", -1, "device:c"},
    };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        char id[32];
        snprintf(id, sizeof id, "%d-%zu", round, i);
        shop_send(shop, events[i].type, id, shop->clock_us + events[i].ahead_us, events[i].who);
    }
}

static struct bytes meta_key(const char *name)
{
    return bytes_from_string(name);
}

static struct bytes row_of(struct shop *shop, enum kv_family family, struct bytes key)
{
    struct bytes value;
    assert_int_equal(kv_get(shop->kv, NULL, family, key, &shop->arena, &value, NULL), PATRON_OK);
    return value;
}

/* Opening it says this, and the same once more. */
static void assert_does_not_open(struct shop *shop, const char *text, enum patron_code code, const char *words)
{
    store_close(shop->store);
    struct encoder before = shop_dump(shop);
    for (int twice = 0; twice < 2; twice++) {
        shop->store = NULL;
        struct error error = {0};
        assert_int_equal(shop_try_open(shop, text, &error), code);
        assert_string_equal(error.text, words);
        assert_null(shop->store);
    }
    struct encoder after = shop_dump(shop);
    assert_true(bytes_equal(encoder_borrow(&before), encoder_borrow(&after)));
    encoder_clear(&before);
    encoder_clear(&after);
}

/* --- what must be there --------------------------------------------------------------------------------------- */

static void a_new_store_needs_definitions_and_takes_them_once_they_are_right(void **state)
{
    (void)state;
    struct shop shop = {.kv = kv_memory_new(), .clock_us = START_US};
    struct error error;
    assert_int_equal(shop_try_open(&shop, NULL, &error), PATRON_PRECONDITION);
    assert_string_equal(error.text, "a new store needs definitions: give a file with --definitions");
    assert_int_equal(shop_try_open(&shop, "", &error), PATRON_PRECONDITION);
    assert_int_equal(shop_try_open(&shop, "events: [", &error), PATRON_INVALID);
    shop_open(&shop, first_version);
    assert_int_equal(store_definitions(shop.store)->version, 1);
    assert_true(store_newest_known_at(shop.store) < EVENT_TIME_MIN_US);
    shop_close(&shop);
}

static void another_key_is_refused(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, first_version);
    send_some(&shop, 0);
    shop.key[31] ^= 1;
    assert_does_not_open(&shop, NULL, PATRON_PRECONDITION,
        "the key file is not the one this store was written with: identifiers could not be found with it. "
        "Give the right one with --key");
    shop.key[31] ^= 1;
    shop_open(&shop, NULL);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void a_newer_format_is_refused(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, first_version);
    struct bytes newer = bytes_from_string("\x03");
    shop_plant(&shop, KV_META, meta_key("format"), &newer);
    assert_does_not_open(&shop, NULL, PATRON_PRECONDITION,
        "the data directory was written by a newer Patron (format 3; this one knows up to 2): run that version, "
        "or restore a backup made by this one");
    shop_close(&shop);
}

static void an_older_format_is_refused(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, first_version);
    struct bytes older = bytes_from_string("\x01");
    shop_plant(&shop, KV_META, meta_key("format"), &older);
    assert_does_not_open(&shop, NULL, PATRON_PRECONDITION,
        "the data directory was written by an earlier Patron (format 1; this one writes 2), which kept less about "
        "identities: give another directory and import the history again");
    shop_close(&shop);
}

static void damaged_rows_of_meta_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value; /* null: the row is gone */
        const char *words;
    } cases[] = {
        {"format", NULL, "the data directory has a log but does not say its format: it is damaged"},
        {"format", "", "the data directory's format row is damaged"},
        {"format", "00", "the data directory's format row is damaged"},
        {"format", "0200", "the data directory's format row is damaged"},
        {"key", NULL, "the data directory does not say which key it was written with"},
        {"state", NULL, "the data directory has a format but no state: it is damaged"},
        {"state", "", "the store's state row is damaged"},
        {"state", "01", "the store's state row is damaged"},
        {"state", "02 00 00 00 01 01 00 00 00", "the store's state row is damaged"},
        {"state", "01 00 00 00 01 01 00 00 00 00", "the store's state row is damaged"},
        {"state", "01 00 00 00 8080808010 01 00 00 00", "the store's state row is damaged"}, /* version 2^32 */
        {"state", "01 00 feffffffffffffffff01 00 01 01 00 00 00", "the store's state row is damaged"},
        {"state", "01 00 00 02 01 01 00 00 00", "the store's state row is damaged"}, /* folded to after the newest */
        {"state", "01 00 00 ffffffffffffffffff01 01 01 00 00 00", "the store's state row is damaged"},
        {"state", "01 00 00 00 01 02 00 00 00", "the store's state row is damaged"}, /* a generation to come */
        {"state", "01 00 00 00 02 01 00 00 00", "the store's state row names a version that is not there"},
        {"state", "01 00 00 00 00 00 00 00 00", "the store's state row names a version that is not there"},
        {"state", "01 00 00 00 01 00 00 00 00", "the store's state row names a version that is not there"},
        {"refill", "", "the store's row of what is being refilled is damaged"},
        {"refill", "01 01 01 00 00", "the store's row of what is being refilled is damaged"}, /* it serves */
        {"refill", "01 02 01 00 00", "the store's row of what is being refilled is damaged"}, /* there is none */
        {"answered", "", "the store's row of what was answered is damaged"},
        {"answered", "02 00", "the store's row of what was answered is damaged"},
        {"answered", "01 00 00", "the store's row of what was answered is damaged"},
        {"definitions", "", "the list of definitions' versions is damaged"},
        {"definitions", "02 00", "the list of definitions' versions is damaged"},
        {"definitions", "01", "the list of definitions' versions is damaged"},
        {"definitions", "01 ffffffffffffffffff01", "the list of definitions' versions is damaged"},
        {"definitions", "01 00 00", "the list of definitions' versions is damaged"},
        {"definitions", "01 00", "the list of definitions' versions is damaged"},
        {"definitions", "01 01 00", "the list of definitions' versions is damaged"},
        {"definitions", "01 01 fdff9fe98cc9ec07 01", "the list of definitions' versions is damaged"}, /* dropped */
        {"definitions", "01 01 fdff9fe98cc9ec07 02", "the list of definitions' versions is damaged"},
        {"definitions", "01 01 fdff9fe98cc9ec07 00 00", "the list of definitions' versions is damaged"},
        {"definitions", "01 01 00 00", "the log misses a version of the definitions"},
        {"definitions", "01 01 8080f28183898506 00",
            "the log has an event where a version of the definitions should be"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shop shop = {0};
        shop_open(&shop, first_version);
        shop_send(&shop, "visit", "1", START_US, "device:a"); /* known at the start */
        struct bytes value = golden(cases[i].value ? cases[i].value : "", &shop.arena);
        shop_plant(&shop, KV_META, meta_key(cases[i].name), cases[i].value ? &value : NULL);
        assert_does_not_open(&shop, NULL, PATRON_CORRUPT, cases[i].words);
        shop_close(&shop);
    }
}

static void meta_is_stored_in_these_bytes(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, first_version);
    shop_send(&shop, "visit", "1", START_US, "device:a customer_id:7");
    shop_send(&shop, "visit", "2", START_US, "device:a customer_id:8");
    assert_golden(row_of(&shop, KV_META, meta_key("format")), "02");
    assert_int_equal(row_of(&shop, KV_META, meta_key("key")).length, 16);
    /* nodes 3, newest START + 1 s, folded to it, version 1, generation 1, events 2, merges 0, dropped 1 */
    assert_golden(row_of(&shop, KV_META, meta_key("state")), "01 03 8089ec8283898506 8089ec8283898506 01 01 02 00 01");
    /* one version, known a day before 1900 and 1 us, not dropped */
    assert_golden(row_of(&shop, KV_META, meta_key("definitions")), "01 01 fdff9fe98cc9ec07 00");
    shop_close(&shop);
}

static void what_was_answered_is_remembered_across_a_crash(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, first_version);
    assert_true(store_answered_until(shop.store) == INT64_MIN);
    assert_int_equal(store_answered_set(shop.store, START_US + DAY, NULL), PATRON_OK);
    assert_golden(row_of(&shop, KV_META, meta_key("answered")), "01 8080addf868e8506");
    shop_reopen(&shop);
    assert_true(store_answered_until(shop.store) == START_US + DAY);
    shop_close(&shop);
}

/* --- definitions ---------------------------------------------------------------------------------------------- */

static uint16_t number_of_event(const struct shop *shop, const char *name)
{
    return definitions_event_type(store_definitions(shop->store), bytes_from_string(name))->number;
}

static void changed_definitions_are_a_new_version_that_all_profiles_are_folded_by(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, first_version);
    send_some(&shop, 0);
    send_some(&shop, 1);
    size_t events = shop_rows(&shop, KV_LOG);
    store_close(shop.store);
    shop_open(&shop, second_version);
    assert_int_equal(store_definitions(shop.store)->version, 2);
    assert_int_equal(shop_rows(&shop, KV_LOG), events + 1);
    assert_int_equal(number_of_event(&shop, "visit"), 0);
    assert_int_equal(number_of_event(&shop, "order"), 1);
    assert_int_equal(number_of_event(&shop, "refund"), 2);
    shop_assert_sound(&shop);
    /* the same text again, or none, is no new version */
    shop_reopen(&shop);
    assert_int_equal(store_definitions(shop.store)->version, 2);
    store_close(shop.store);
    assert_int_equal(shop_try_open(&shop, NULL, NULL), PATRON_OK);
    assert_int_equal(store_definitions(shop.store)->version, 2);
    assert_int_equal(shop_rows(&shop, KV_LOG), events + 1);
    send_some(&shop, 2);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void definitions_that_would_lose_events_are_refused_and_the_old_ones_stay(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, first_version);
    send_some(&shop, 0);
    assert_does_not_open(&shop,
        "identifiers: {customer_id: {max: 1}, email: , device: }\nevents: {visit: {page: string}}\n",
        PATRON_INVALID,
        "line 2, column 1: event 'order' is gone, and events of it may be stored; feature orders_90d of version 1 uses "
        "it: put it back, or use apply --force\nTo force it, start without --definitions, which serves version 1, and "
        "then: patron definitions apply FILE --force");
    shop_open(&shop, NULL);
    assert_int_equal(store_definitions(shop.store)->version, 1);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

/* The profiles are those of the first version still when the process ends before they are all folded anew. */
static void a_refold_that_was_cut_off_is_done_again(void **state)
{
    (void)state;
    for (uint64_t k = 1;; k++) {
        struct shop shop = {0};
        shop_open(&shop, first_version);
        send_some(&shop, 0);
        store_close(shop.store);
        shop.store = NULL;
        uint64_t before = kv_memory_calls(shop.kv);
        kv_memory_fail_after(shop.kv, k, PATRON_IO);
        enum patron_code code = shop_try_open(&shop, second_version, NULL);
        kv_memory_fail_after(shop.kv, 0, PATRON_OK);
        bool done = kv_memory_calls(shop.kv) - before < k;
        assert_int_equal(code, done ? PATRON_OK : PATRON_IO);
        if (code != PATRON_OK)
            shop_open(&shop, second_version);
        assert_int_equal(store_definitions(shop.store)->version, 2);
        shop_assert_sound(&shop);
        shop_close(&shop);
        if (done)
            break;
    }
}

/* --- what a crash leaves -------------------------------------------------------------------------------------- */

static void profiles_that_were_not_written_back_are_folded_from_the_log(void **state)
{
    (void)state;
    /* what the rows are if they are written with every group */
    struct shop eager = {0};
    shop_open(&eager, first_version);
    send_some(&eager, 0);
    send_some(&eager, 1);
    struct encoder wanted = shop_dump(&eager);
    for (size_t written = 0; written < 6; written++) {
        struct small_home *home = small_home_new();
        struct shop lazy = {.home = small_home_face(home)};
        shop_open(&lazy, first_version);
        send_some(&lazy, 0);
        assert_int_equal(shop_rows(&lazy, KV_PROFILES), 0);
        struct store_figures figures;
        store_figures(lazy.store, &figures);
        assert_true(figures.profiles_behind >= 2);
        uint64_t behind = figures.profiles_behind;
        size_t left;
        assert_int_equal(store_write_back(lazy.store, written, &left, NULL), PATRON_OK);
        assert_int_equal(left, behind > written ? behind - written : 0);
        store_figures(lazy.store, &figures);
        assert_int_equal(figures.profiles_behind, left);
        send_some(&lazy, 1);
        shop_assert_sound(&lazy);
        store_close(lazy.store);
        small_home_free(home);
        home = small_home_new(); /* what was in memory is gone */
        lazy.home = small_home_face(home);
        shop_open(&lazy, NULL);
        struct encoder got = shop_dump(&lazy);
        assert_true(bytes_equal(encoder_borrow(&got), encoder_borrow(&wanted)));
        encoder_clear(&got);
        shop_assert_sound(&lazy);
        shop_close(&lazy);
        small_home_free(home);
    }
    encoder_clear(&wanted);
    shop_close(&eager);
}

/* One event each, so that nothing later of a customer's brings the first one back. */
static void a_crash_right_after_some_profiles_were_written_back_loses_none(void **state)
{
    (void)state;
    for (size_t written = 0; written <= 4; written++) {
        struct small_home *home = small_home_new();
        struct shop shop = {.home = small_home_face(home)};
        shop_open(&shop, first_version);
        static const char *const who[] = {"device:a", "device:b", "device:c", "device:d"};
        for (size_t i = 0; i < 4; i++)
            shop_send(&shop, "visit", who[i], shop.clock_us, who[i]);
        size_t left;
        assert_int_equal(store_write_back(shop.store, written, &left, NULL), PATRON_OK);
        assert_int_equal(shop_rows(&shop, KV_PROFILES), written);
        store_close(shop.store);
        small_home_free(home);
        home = small_home_new(); /* what was in memory is gone */
        shop.home = small_home_face(home);
        shop_open(&shop, NULL);
        assert_int_equal(shop_rows(&shop, KV_PROFILES), 4);
        shop_assert_sound(&shop);
        shop_close(&shop);
        small_home_free(home);
    }
}

static void writing_back_everything_leaves_the_same_rows(void **state)
{
    (void)state;
    struct shop eager = {0};
    shop_open(&eager, first_version);
    struct small_home *home = small_home_new();
    struct shop lazy = {.home = small_home_face(home)};
    shop_open(&lazy, first_version);
    for (int round = 0; round < 4; round++) {
        send_some(&eager, round);
        send_some(&lazy, round);
        size_t left = 1;
        while (left > 0)
            assert_int_equal(store_write_back(lazy.store, 1, &left, NULL), PATRON_OK);
        struct encoder wanted = shop_dump(&eager), got = shop_dump(&lazy);
        assert_true(bytes_equal(encoder_borrow(&got), encoder_borrow(&wanted)));
        encoder_clear(&wanted);
        encoder_clear(&got);
        shop_assert_sound(&lazy);
    }
    shop_close(&lazy);
    small_home_free(home);
    shop_close(&eager);
}

static void definitions_may_change_while_profiles_are_behind(void **state)
{
    (void)state;
    struct small_home *home = small_home_new();
    struct shop shop = {.home = small_home_face(home)};
    shop_open(&shop, first_version);
    send_some(&shop, 0);
    size_t left;
    assert_int_equal(store_write_back(shop.store, 1, &left, NULL), PATRON_OK);
    send_some(&shop, 1);
    store_close(shop.store);
    small_home_free(home);
    shop.home = NULL;
    shop_open(&shop, second_version);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

/* --- verify --------------------------------------------------------------------------------------------------- */

/* One row is changed (null: deleted) behind the store's back, and verify says so. */
static void assert_finds(
    struct shop *shop, enum kv_family family, struct bytes key, const char *value, const char *words)
{
    struct bytes was = row_of(shop, family, key);
    struct bytes planted = golden(value ? value : "", &shop->arena);
    struct shop_findings findings;
    shop_plant(shop, family, key, value ? &planted : NULL);
    shop_verify(shop, &findings);
    if (findings.count != 1 || strcmp(findings.last, words) != 0)
        fail_msg("%zu findings, the last '%s', not '%s'", findings.count, findings.last, words);
    shop_plant(shop, family, key, &was);
    shop_assert_sound(shop);
}

static struct bytes key_of(struct shop *shop, uint64_t first, uint64_t second)
{
    uint8_t key[16];
    encode_be64(key, first);
    encode_be64(key + 8, second);
    return arena_copy(&shop->arena, bytes_of(key, sizeof key));
}

static struct bytes profile_key_of(struct shop *shop, uint64_t customer)
{
    uint8_t key[PROFILE_KEY_BYTES];
    profile_key_encode(1, customer, 0, key);
    return arena_copy(&shop->arena, bytes_of(key, sizeof key));
}

/* The last key of the family that begins with the number, or of that customer's profile. */
static struct bytes last_key_of(struct shop *shop, enum kv_family family, uint64_t number)
{
    uint8_t start[PROFILE_KEY_BYTES];
    encode_be64(start, number);
    struct bytes prefix = bytes_of(start, 8);
    if (family == KV_PROFILES) {
        profile_key_encode(1, number, 0, start);
        prefix.length = PROFILE_KEY_BYTES - 8;
    }
    struct kv_iterator *rows = kv_iterator_new(shop->kv, NULL, family, prefix);
    struct bytes last = {0};
    for (kv_iterator_seek(rows, prefix); kv_iterator_valid(rows); kv_iterator_next(rows))
        last = arena_copy(&shop->arena, kv_iterator_borrow_key(rows));
    assert_true(last.length > 0);
    kv_iterator_free(rows);
    return last;
}

static struct bytes identifier_key(struct shop *shop, const char *device)
{
    uint8_t hash[IDENTIFIER_HASH_BYTES];
    identifier_hash(shop->key, definitions_identifier_type(store_definitions(shop->store), bytes_from_string("device")),
        bytes_from_string(device), hash);
    return arena_copy(&shop->arena, bytes_of(hash, sizeof hash));
}

/* Customers: 1 (devices a and b, email b, customer_id 1) with 2 merged away, 4 (device c), 6 (customer_id 2). */
static void verify_finds_a_row_that_is_not_what_the_events_say(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, first_version);
    send_some(&shop, 0);
    struct shop_findings findings;
    struct verify_result result = shop_verify(&shop, &findings);
    assert_true(result.customers == 3 && result.customers_total == 3 && result.events == 8 && findings.count == 0);
    static const char other[] = "its profile is not the fold of its events";
    char words[256];
    snprintf(words, sizeof words, "customer 1: %s", other);
    assert_finds(&shop, KV_PROFILES, profile_key_of(&shop, 1), "01 01 00 00 00 00 00", words);
    assert_finds(&shop, KV_PROFILES, profile_key_of(&shop, 1), "", words);
    assert_finds(&shop, KV_PROFILES, last_key_of(&shop, KV_PROFILES, 1), NULL, words);
    snprintf(words, sizeof words, "customer 4: %s", other);
    assert_finds(&shop, KV_EVENTS, last_key_of(&shop, KV_EVENTS, 4), NULL, words); /* an event is gone */
    assert_finds(&shop, KV_EVENTS, last_key_of(&shop, KV_EVENTS, 4), "", "customer 4: an event's row is damaged");
    assert_finds(&shop, KV_EVENTS, last_key_of(&shop, KV_EVENTS, 4), "01 00 05 00",
        "customer 4: an event is of a type that no version of the definitions has");
    static const char moved[] = "customer 4: membership names another customer for one of its nodes";
    assert_finds(&shop, KV_MEMBERSHIP, last_key_of(&shop, KV_MEMBERSHIP, 4), "01 01", moved);
    assert_finds(&shop, KV_MEMBERSHIP, last_key_of(&shop, KV_MEMBERSHIP, 4), NULL, moved);
    assert_finds(&shop, KV_MEMBERSHIP, last_key_of(&shop, KV_MEMBERSHIP, 4), "07",
        "customer 4: a membership row is damaged");
    static const char astray[] = "customer 4: the row of one of its identifiers leads elsewhere";
    assert_finds(&shop, KV_IDENTIFIERS, identifier_key(&shop, "c"), "01 04 01 00", astray);
    assert_finds(&shop, KV_IDENTIFIERS, identifier_key(&shop, "c"), "01 05 04 00", astray);
    assert_finds(&shop, KV_IDENTIFIERS, identifier_key(&shop, "c"), NULL, astray);
    assert_finds(&shop, KV_IDENTIFIERS, identifier_key(&shop, "c"), "", "customer 4: an identifier's row is damaged");
    assert_finds(&shop, KV_NODES, last_key_of(&shop, KV_NODES, 4), NULL, astray);
    assert_finds(&shop, KV_NODES, last_key_of(&shop, KV_NODES, 4), "01", "customer 4: a node's row is damaged");
    assert_finds(&shop, KV_MEMBERS, last_key_of(&shop, KV_MEMBERS, 4), "01", "customer 4: a member's row is damaged");
    shop_close(&shop);
}

static void verify_finds_profiles_that_are_missing_or_too_many(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, first_version);
    send_some(&shop, 0);
    assert_int_equal(shop_rows(&shop, KV_MEMBERSHIP), 8); /* six nodes, of which two moved */
    struct kv_batch *batch = kv_batch_new(shop.kv);
    const struct profile_parts *parts;
    assert_int_equal(profile_rows_read(shop.kv, NULL, 1, 4, &parts, NULL), PATRON_OK);
    profile_rows_write(batch, 1, 4, parts, NULL);
    profile_rows_write(batch, 1, 2, NULL, parts);
    assert_int_equal(kv_write(shop.kv, batch, false, NULL), PATRON_OK);
    kv_batch_free(batch);
    profile_parts_release(parts);
    struct shop_findings findings;
    shop_verify(&shop, &findings);
    assert_int_equal(findings.count, 2);
    assert_string_equal(findings.last, "customer 4: has no profile");
    shop_close(&shop);
}

/* The past of one who was merged away is held to membership too. */
static void verify_finds_a_past_that_was_changed(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, first_version);
    send_some(&shop, 0);
    uint8_t prefix[8];
    encode_be64(prefix, 2);
    struct kv_iterator *rows = kv_iterator_new(shop.kv, NULL, KV_MEMBERSHIP, bytes_of(prefix, sizeof prefix));
    kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix));
    struct bytes first = arena_copy(&shop.arena, kv_iterator_borrow_key(rows));
    kv_iterator_next(rows);
    struct bytes second = arena_copy(&shop.arena, kv_iterator_borrow_key(rows));
    kv_iterator_free(rows);
    static const char words[] = "customer 2: membership names another customer for one of its nodes";
    assert_finds(&shop, KV_MEMBERSHIP, first, "01 01", words);
    assert_finds(&shop, KV_MEMBERSHIP, first, NULL, words);
    /* Right when it began, but elsewhere for its last microsecond. */
    uint64_t until = decode_be64(second.data + 8);
    struct bytes elsewhere = golden("01 04", &shop.arena);
    shop_plant(&shop, KV_MEMBERSHIP, key_of(&shop, 2, until - 1), &elsewhere);
    struct shop_findings findings;
    shop_verify(&shop, &findings);
    assert_int_equal(findings.count, 1);
    assert_string_equal(findings.last, words);
    shop_close(&shop);
}

static bool stop_at_once(void *context, const struct verify_result *so_far, const char *finding)
{
    (void)so_far;
    (void)finding;
    ++*(int *)context;
    return false;
}

static void verify_stops_when_it_is_told_to(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, first_version);
    send_some(&shop, 0);
    shop_plant(&shop, KV_PROFILES, profile_key_of(&shop, 1), NULL);
    shop_plant(&shop, KV_PROFILES, profile_key_of(&shop, 4), NULL);
    struct view view;
    store_view_take(shop.store, &view);
    struct verify_result result;
    int calls = 0;
    assert_int_equal(store_verify(&view, &result, stop_at_once, &calls, NULL), PATRON_OK);
    assert_true(calls == 1 && result.differences == 1);
    store_view_release(&view);
    shop_close(&shop);
}

/* --- damage that reads and the writer meet -------------------------------------------------------------------- */

static void a_profile_from_the_future_is_told_and_not_read(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, first_version);
    send_some(&shop, 0);
    struct bytes key = profile_key_of(&shop, 4);
    /* version 1, position 2^62, no events, nothing else */
    struct bytes future = golden("01 01 80808080808080808001 00 00 00 00", &shop.arena);
    shop_plant(&shop, KV_PROFILES, key, &future);
    struct view view;
    store_view_take(shop.store, &view);
    uint32_t feature = 0;
    struct selection selection = {.features = &feature, .count = 1};
    struct value value;
    struct row row = {.values = &value};
    struct event_input who = shop_event(&shop, "", "", 0, "device:c");
    struct error error;
    assert_int_equal(
        read_now(&view, &selection, who.identifiers, view.position_us + 1, &shop.arena, &row, &error), PATRON_CORRUPT);
    assert_string_equal(error.text, "the profile of customer 4 is ahead of the log: run patron verify");
    shop_plant(&shop, KV_PROFILES, key, NULL);
    store_view_release(&view);
    shop_plant(&shop, KV_PROFILES, key, &future);
    struct event_input event = shop_event(&shop, "visit", "new", shop.clock_us, "device:c");
    shop_begin(&shop);
    assert_int_equal(store_group_add(shop.store, &event, &shop.outcome, &error), PATRON_CORRUPT);
    assert_string_equal(error.text, "the profile of customer 4 is ahead of the log: run patron verify");
    shop_close(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_store_needs_definitions_and_takes_them_once_they_are_right),
        cmocka_unit_test(another_key_is_refused),
        cmocka_unit_test(a_newer_format_is_refused),
        cmocka_unit_test(an_older_format_is_refused),
        cmocka_unit_test(damaged_rows_of_meta_are_told),
        cmocka_unit_test(meta_is_stored_in_these_bytes),
        cmocka_unit_test(what_was_answered_is_remembered_across_a_crash),
        cmocka_unit_test(changed_definitions_are_a_new_version_that_all_profiles_are_folded_by),
        cmocka_unit_test(definitions_that_would_lose_events_are_refused_and_the_old_ones_stay),
        cmocka_unit_test(a_refold_that_was_cut_off_is_done_again),
        cmocka_unit_test(profiles_that_were_not_written_back_are_folded_from_the_log),
        cmocka_unit_test(a_crash_right_after_some_profiles_were_written_back_loses_none),
        cmocka_unit_test(writing_back_everything_leaves_the_same_rows),
        cmocka_unit_test(definitions_may_change_while_profiles_are_behind),
        cmocka_unit_test(verify_finds_a_row_that_is_not_what_the_events_say),
        cmocka_unit_test(verify_finds_profiles_that_are_missing_or_too_many),
        cmocka_unit_test(verify_finds_a_past_that_was_changed),
        cmocka_unit_test(verify_stops_when_it_is_told_to),
        cmocka_unit_test(a_profile_from_the_future_is_told_and_not_read),
    };
    return cmocka_run_group_tests_name("store_open", tests, NULL, NULL);
}
