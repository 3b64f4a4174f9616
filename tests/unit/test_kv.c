/* What both engines behind kv.h promise, example by example. test_kv_model.c holds them to it at random. */
#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/kv_fixture.h"

/* --- short words ---------------------------------------------------------------------------------------------- */

static void put(struct fixture *fixture, enum kv_family family, const char *key, const char *value)
{
    struct kv_batch *batch = kv_batch_new(fixture->kv);
    kv_batch_put(batch, family, text(key), text(value));
    write_batch(fixture, batch, false);
    kv_batch_free(batch);
}

static void erase(struct fixture *fixture, enum kv_family family, const char *key)
{
    struct kv_batch *batch = kv_batch_new(fixture->kv);
    kv_batch_delete(batch, family, text(key));
    write_batch(fixture, batch, false);
    kv_batch_free(batch);
}

static void assert_value(struct fixture *fixture, const struct kv_snapshot *snapshot, enum kv_family family,
    const char *key, const char *wanted)
{
    struct bytes value;
    struct error error = {0};
    enum patron_code code = kv_get(fixture->kv, snapshot, family, text(key), &fixture->arena, &value, &error);
    assert_int_equal(error.code, PATRON_OK);
    assert_string_equal(error.text, "");
    if (!wanted) {
        assert_int_equal(code, PATRON_NOT_FOUND);
        return;
    }
    assert_int_equal(code, PATRON_OK);
    assert_bytes(value, text(wanted));
}

static void assert_at(struct kv_iterator *iterator, const char *key)
{
    if (!key) {
        assert_false(kv_iterator_valid(iterator));
        assert_int_equal(kv_iterator_status(iterator, NULL), PATRON_OK);
        return;
    }
    assert_true(kv_iterator_valid(iterator));
    assert_bytes(kv_iterator_borrow_key(iterator), text(key));
}

/* The keys from the first on, each one byte, as a string. */
static void assert_walk(struct kv_iterator *iterator, const char *keys)
{
    kv_iterator_seek(iterator, bytes_of("", 0));
    for (const char *key = keys; *key; key++) {
        assert_at(iterator, (const char[]){*key, 0});
        kv_iterator_next(iterator);
    }
    assert_at(iterator, NULL);
}

/* --- the suite ------------------------------------------------------------------------------------------------ */

static void what_is_written_is_read_back(void **state)
{
    struct fixture *fixture = *state;
    assert_value(fixture, NULL, KV_META, "k", NULL);
    put(fixture, KV_META, "k", "v");
    assert_value(fixture, NULL, KV_META, "k", "v");
    put(fixture, KV_META, "k", "w");
    assert_value(fixture, NULL, KV_META, "k", "w");
    erase(fixture, KV_META, "k");
    assert_value(fixture, NULL, KV_META, "k", NULL);
    erase(fixture, KV_META, "k");
    assert_value(fixture, NULL, KV_META, "k", NULL);
}

static void families_do_not_mix(void **state)
{
    struct fixture *fixture = *state;
    for (int family = 0; family < KV_FAMILY_COUNT; family++)
        put(fixture, (enum kv_family)family, "k", (const char[]){(char)('a' + family), 0});
    for (int family = 0; family < KV_FAMILY_COUNT; family++)
        assert_value(fixture, NULL, (enum kv_family)family, "k", (const char[]){(char)('a' + family), 0});
}

static void empty_keys_and_empty_values_are_keys_and_values(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, KV_NODES, "", "");
    assert_value(fixture, NULL, KV_NODES, "", "");
    struct kv_batch *batch = kv_batch_new(fixture->kv);
    kv_batch_put(batch, KV_NODES, text("k"), bytes_of(NULL, 0));
    struct bytes value = {0};
    assert_int_equal(kv_batch_get(batch, KV_NODES, text("k"), &fixture->arena, &value, NULL), PATRON_OK);
    assert_int_equal(value.length, 0);
    assert_non_null(value.data);
    write_batch(fixture, batch, false);
    kv_batch_free(batch);
    assert_value(fixture, NULL, KV_NODES, "k", "");
    struct kv_iterator *iterator = kv_iterator_new(fixture->kv, NULL, KV_NODES, bytes_of(NULL, 0));
    kv_iterator_seek(iterator, bytes_of(NULL, 0));
    assert_at(iterator, "");
    assert_int_equal(kv_iterator_borrow_value(iterator).length, 0);
    kv_iterator_next(iterator);
    assert_at(iterator, "k");
    kv_iterator_next(iterator);
    assert_at(iterator, NULL);
    kv_iterator_free(iterator);
}

static void big_values_come_back_whole(void **state)
{
    struct fixture *fixture = *state;
    size_t length = 3 << 20;
    uint8_t *data = memory_alloc(length);
    for (size_t i = 0; i < length; i++)
        data[i] = (uint8_t)(i * 2654435761U >> 13);
    struct kv_batch *batch = kv_batch_new(fixture->kv);
    for (uint8_t i = 0; i < 4; i++)
        kv_batch_put(batch, KV_PROFILES, bytes_of(&i, 1), bytes_of(data, length - i));
    assert_true(kv_batch_bytes(batch) >= 4 * (length - 4));
    write_batch(fixture, batch, false);
    kv_batch_free(batch);
    for (uint8_t i = 0; i < 4; i++) {
        struct bytes value;
        assert_int_equal(
            kv_get(fixture->kv, NULL, KV_PROFILES, bytes_of(&i, 1), &fixture->arena, &value, NULL),
            PATRON_OK);
        assert_bytes(value, bytes_of(data, length - i));
    }
    memory_free(data);
}

static void a_walk_is_in_the_order_of_unsigned_bytes_and_ends_with_the_prefix(void **state)
{
    struct fixture *fixture = *state;
    const char *keys[] = {"a", "ab", "ab\x01", "ab\x7f", "ab\x80", "ab\xff", "ab\xff\xff", "ac", "b"};
    for (size_t i = sizeof keys / sizeof keys[0]; i-- > 0;)
        put(fixture, KV_EVENTS, keys[i], "");
    struct kv_iterator *iterator = kv_iterator_new(fixture->kv, NULL, KV_EVENTS, text("ab"));
    assert_at(iterator, NULL);
    kv_iterator_seek(iterator, text(""));
    for (int i = 1; i <= 6; i++) {
        assert_at(iterator, keys[i]);
        kv_iterator_next(iterator);
    }
    assert_at(iterator, NULL);
    kv_iterator_seek(iterator, text("ab\x70"));
    assert_at(iterator, "ab\x7f");
    kv_iterator_seek(iterator, text("abc"));
    assert_at(iterator, "ab\x7f");
    kv_iterator_seek(iterator, text("ac"));
    assert_at(iterator, NULL);
    kv_iterator_free(iterator);
}

static void seek_last_finds_the_last_key_at_or_before_within_the_prefix(void **state)
{
    struct fixture *fixture = *state;
    const char *keys[] = {"a", "ab", "ab1", "ab3", "ab\xff", "ac", "ac0"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        put(fixture, KV_MEMBERSHIP, keys[i], "");
    struct kv_iterator *iterator = kv_iterator_new(fixture->kv, NULL, KV_MEMBERSHIP, text("ab"));
    static const struct {
        const char *key, *found;
    } cases[] = {{"ab2", "ab1"}, {"ab3", "ab3"}, {"ab", "ab"}, {"aa", NULL}, {"", NULL}, {"ab9", "ab3"},
        {"ac", "ab\xff"}, {"zz", "ab\xff"}, {"ab\xff\xff", "ab\xff"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        kv_iterator_seek_last(iterator, text(cases[i].key));
        assert_at(iterator, cases[i].found);
    }
    kv_iterator_seek_last(iterator, text("ab2"));
    kv_iterator_next(iterator);
    assert_at(iterator, "ab3");
    kv_iterator_free(iterator);

    iterator = kv_iterator_new(fixture->kv, NULL, KV_MEMBERSHIP, text("ab5"));
    kv_iterator_seek_last(iterator, text("z"));
    assert_at(iterator, NULL);
    kv_iterator_free(iterator);
}

static void a_prefix_of_highest_bytes_has_no_end(void **state)
{
    struct fixture *fixture = *state;
    const char *keys[] = {"\xfe", "\xff", "\xff\xfe", "\xff\xff", "\xff\xff\x01", "\xff\xff\xff"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        put(fixture, KV_LINKS, keys[i], "");
    struct kv_iterator *iterator = kv_iterator_new(fixture->kv, NULL, KV_LINKS, text("\xff\xff"));
    kv_iterator_seek(iterator, text("\x01"));
    for (int i = 3; i < 6; i++) {
        assert_at(iterator, keys[i]);
        kv_iterator_next(iterator);
    }
    assert_at(iterator, NULL);
    kv_iterator_seek_last(iterator, text("\xff\xff\xff\xff"));
    assert_at(iterator, "\xff\xff\xff");
    kv_iterator_seek_last(iterator, text("\xff\xfe"));
    assert_at(iterator, NULL);
    kv_iterator_free(iterator);
}

static void a_snapshot_does_not_see_later_writes(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, KV_LOG, "a", "1");
    put(fixture, KV_LOG, "b", "1");
    struct kv_snapshot *snapshot = kv_snapshot_new(fixture->kv);
    put(fixture, KV_LOG, "a", "2");
    erase(fixture, KV_LOG, "b");
    put(fixture, KV_LOG, "c", "2");
    assert_value(fixture, snapshot, KV_LOG, "a", "1");
    assert_value(fixture, snapshot, KV_LOG, "b", "1");
    assert_value(fixture, snapshot, KV_LOG, "c", NULL);
    assert_value(fixture, NULL, KV_LOG, "a", "2");
    assert_value(fixture, NULL, KV_LOG, "b", NULL);
    struct kv_iterator *old = kv_iterator_new(fixture->kv, snapshot, KV_LOG, text(""));
    struct kv_iterator *new = kv_iterator_new(fixture->kv, NULL, KV_LOG, text(""));
    assert_walk(old, "ab");
    assert_walk(new, "ac");
    kv_iterator_free(old);
    kv_iterator_free(new);
    kv_snapshot_free(fixture->kv, snapshot);
    kv_snapshot_free(fixture->kv, NULL);
}

static void an_iterator_keeps_to_the_state_it_was_made_on(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, KV_LOG, "a", "1");
    put(fixture, KV_LOG, "b", "1");
    struct kv_iterator *iterator = kv_iterator_new(fixture->kv, NULL, KV_LOG, text(""));
    kv_iterator_seek(iterator, text("a"));
    struct bytes value = kv_iterator_borrow_value(iterator);
    for (int i = 0; i < 5; i++) {
        put(fixture, KV_LOG, "a", "2");
        put(fixture, KV_LOG, "c", "2");
        erase(fixture, KV_LOG, "a");
        erase(fixture, KV_LOG, "b");
    }
    assert_bytes(value, text("1"));
    assert_walk(iterator, "ab");
    kv_iterator_free(iterator);
    assert_value(fixture, NULL, KV_LOG, "b", NULL);
}

static void a_batch_is_read_through_before_it_is_written(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, KV_QUEUES, "a", "old");
    put(fixture, KV_QUEUES, "b", "old");
    put(fixture, KV_QUEUES, "e", "old");
    struct kv_batch *batch = kv_batch_new(fixture->kv);
    kv_batch_put(batch, KV_QUEUES, text("b"), text("x"));
    kv_batch_put(batch, KV_QUEUES, text("b"), text("new"));
    kv_batch_put(batch, KV_QUEUES, text("c"), text("new"));
    kv_batch_delete(batch, KV_QUEUES, text("a"));
    kv_batch_put(batch, KV_QUEUES, text("d"), text("new"));
    kv_batch_delete(batch, KV_QUEUES, text("d"));
    kv_batch_put(batch, KV_LOG, text("d"), text("elsewhere"));
    assert_int_equal(kv_batch_count(batch), 7);
    assert_true(kv_batch_bytes(batch) > 0);

    struct bytes value;
    assert_int_equal(kv_batch_get(batch, KV_QUEUES, text("b"), &fixture->arena, &value, NULL), PATRON_OK);
    assert_bytes(value, text("new"));
    assert_int_equal(kv_batch_get(batch, KV_QUEUES, text("e"), &fixture->arena, &value, NULL), PATRON_OK);
    assert_bytes(value, text("old"));
    assert_int_equal(
        kv_batch_get(batch, KV_QUEUES, text("a"), &fixture->arena, &value, NULL), PATRON_NOT_FOUND);
    assert_int_equal(
        kv_batch_get(batch, KV_QUEUES, text("d"), &fixture->arena, &value, NULL), PATRON_NOT_FOUND);
    struct kv_iterator *over = kv_batch_iterator_new(batch, KV_QUEUES, text(""));
    assert_walk(over, "bce");
    kv_iterator_seek_last(over, text("d"));
    assert_at(over, "c");
    assert_bytes(kv_iterator_borrow_value(over), text("new"));
    kv_iterator_free(over);

    assert_value(fixture, NULL, KV_QUEUES, "b", "old");
    write_batch(fixture, batch, true);
    assert_int_equal(kv_batch_count(batch), 0);
    assert_int_equal(kv_batch_bytes(batch), 0);
    assert_value(fixture, NULL, KV_QUEUES, "a", NULL);
    assert_value(fixture, NULL, KV_QUEUES, "b", "new");
    assert_value(fixture, NULL, KV_QUEUES, "d", NULL);
    kv_batch_free(batch);
}

static void a_batch_iterator_keeps_to_its_prefix_on_both_sides(void **state)
{
    struct fixture *fixture = *state;
    put(fixture, KV_LINKS, "b2", "");
    struct kv_batch *batch = kv_batch_new(fixture->kv);
    const char *others[] = {"a", "b", "c", "c0"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        kv_batch_put(batch, KV_LINKS, text(others[i]), text(""));
    struct kv_iterator *iterator = kv_batch_iterator_new(batch, KV_LINKS, text("b"));
    kv_iterator_seek(iterator, text(""));
    assert_at(iterator, "b");
    kv_iterator_next(iterator);
    assert_at(iterator, "b2");
    kv_iterator_next(iterator);
    assert_at(iterator, NULL);
    const char *past[] = {"c", "c0", "z"};
    for (size_t i = 0; i < sizeof past / sizeof past[0]; i++) {
        kv_iterator_seek_last(iterator, text(past[i]));
        assert_at(iterator, "b2");
    }
    kv_iterator_seek_last(iterator, text("a"));
    assert_at(iterator, NULL);
    kv_iterator_free(iterator);
    kv_batch_free(batch);
}

static void a_cleared_batch_writes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct kv_batch *batch = kv_batch_new(fixture->kv);
    kv_batch_put(batch, KV_META, text("k"), text("v"));
    kv_batch_clear(batch);
    assert_int_equal(kv_batch_count(batch), 0);
    write_batch(fixture, batch, true);
    kv_batch_free(batch);
    kv_batch_free(NULL);
    assert_value(fixture, NULL, KV_META, "k", NULL);
}

static void a_closed_batch_keeps_what_it_had_and_is_written_in_order(void **state)
{
    struct fixture *fixture = *state;
    struct kv_batch *batch = kv_batch_new(fixture->kv);
    put(fixture, KV_META, "gone", "there");
    kv_batch_put(batch, KV_META, text("a"), text("1"));
    kv_batch_put(batch, KV_META, text("b"), text("1"));
    kv_batch_close(batch);
    kv_batch_close(batch);
    kv_batch_put(batch, KV_META, text("b"), text("2"));
    kv_batch_delete(batch, KV_META, text("gone"));
    kv_batch_put(batch, KV_NODES, text("c"), text("3"));
    assert_int_equal(kv_batch_count(batch), 5);
    write_batch(fixture, batch, true);
    assert_value(fixture, NULL, KV_META, "a", "1");
    assert_value(fixture, NULL, KV_META, "b", "2");
    assert_value(fixture, NULL, KV_META, "gone", NULL);
    assert_value(fixture, NULL, KV_NODES, "c", "3");
    /* then it is open again */
    struct bytes value;
    kv_batch_put(batch, KV_META, text("d"), text("4"));
    assert_int_equal(kv_batch_get(batch, KV_META, text("d"), &fixture->arena, &value, NULL), PATRON_OK);
    kv_batch_close(batch);
    kv_batch_put(batch, KV_META, text("e"), text("5"));
    kv_batch_clear(batch);
    write_batch(fixture, batch, true);
    assert_value(fixture, NULL, KV_META, "d", NULL);
    assert_value(fixture, NULL, KV_META, "e", NULL);
    kv_batch_close(batch);
    kv_batch_free(batch);
}

static void statistics_grow_with_what_is_kept(void **state)
{
    struct fixture *fixture = *state;
    struct kv_statistics before, after;
    kv_statistics(fixture->kv, &before);
    char *value = memory_alloc(200001);
    memset(value, 'v', 200000);
    put(fixture, KV_BASES, "k", value);
    memory_free(value);
    kv_statistics(fixture->kv, &after);
    assert_true(after.memory_bytes >= before.memory_bytes + 200000);
    assert_false(after.writes_stopped);
}

/* --- threads ---------------------------------------------------------------------------------------------------- */

struct readers {
    struct kv *kv;
    atomic_bool stop;
    atomic_uint wrong;
};

/* Both rows of a batch are seen, or neither. */
static void *read_pairs(void *argument)
{
    struct readers *readers = argument;
    struct arena arena = {0};
    while (!atomic_load(&readers->stop)) {
        struct kv_snapshot *snapshot = kv_snapshot_new(readers->kv);
        struct bytes a, b;
        if (kv_get(readers->kv, snapshot, KV_NODES, text("a"), &arena, &a, NULL) != PATRON_OK ||
            kv_get(readers->kv, snapshot, KV_NODES, text("b"), &arena, &b, NULL) != PATRON_OK ||
            !bytes_equal(a, b))
            atomic_fetch_add(&readers->wrong, 1);
        struct kv_iterator *iterator = kv_iterator_new(readers->kv, NULL, KV_NODES, text(""));
        kv_iterator_seek(iterator, text("a"));
        a = arena_copy(&arena, kv_iterator_borrow_value(iterator));
        kv_iterator_next(iterator);
        if (!bytes_equal(a, kv_iterator_borrow_value(iterator)))
            atomic_fetch_add(&readers->wrong, 1);
        kv_iterator_free(iterator);
        kv_snapshot_free(readers->kv, snapshot);
        arena_reset(&arena);
    }
    arena_clear(&arena);
    return NULL;
}

static void readers_see_a_batch_whole_or_not_at_all(void **state)
{
    struct fixture *fixture = *state;
    struct kv_batch *batch = kv_batch_new(fixture->kv);
    struct readers readers = {.kv = fixture->kv};
    pthread_t threads[3];
    for (uint32_t i = 0; i < 3000; i++) {
        kv_batch_put(batch, KV_NODES, text("a"), bytes_of(&i, sizeof i));
        kv_batch_put(batch, KV_NODES, text("b"), bytes_of(&i, sizeof i));
        write_batch(fixture, batch, false);
        for (int thread = 0; i == 0 && thread < 3; thread++)
            assert_int_equal(pthread_create(&threads[thread], NULL, read_pairs, &readers), 0);
    }
    atomic_store(&readers.stop, true);
    for (int thread = 0; thread < 3; thread++)
        assert_int_equal(pthread_join(threads[thread], NULL), 0);
    kv_batch_free(batch);
    assert_int_equal(atomic_load(&readers.wrong), 0);
}

int main(void)
{
    const struct CMUnitTest conformance[] = {
        CONFORMS(what_is_written_is_read_back),
        CONFORMS(families_do_not_mix),
        CONFORMS(empty_keys_and_empty_values_are_keys_and_values),
        CONFORMS(big_values_come_back_whole),
        CONFORMS(a_walk_is_in_the_order_of_unsigned_bytes_and_ends_with_the_prefix),
        CONFORMS(seek_last_finds_the_last_key_at_or_before_within_the_prefix),
        CONFORMS(a_prefix_of_highest_bytes_has_no_end),
        CONFORMS(a_snapshot_does_not_see_later_writes),
        CONFORMS(an_iterator_keeps_to_the_state_it_was_made_on),
        CONFORMS(a_batch_is_read_through_before_it_is_written),
        CONFORMS(a_batch_iterator_keeps_to_its_prefix_on_both_sides),
        CONFORMS(a_cleared_batch_writes_nothing),
        CONFORMS(a_closed_batch_keeps_what_it_had_and_is_written_in_order),
        CONFORMS(statistics_grow_with_what_is_kept),
        CONFORMS(readers_see_a_batch_whole_or_not_at_all),
    };
    int failed = cmocka_run_group_tests_name("kv in memory", conformance, choose_memory, NULL);
    failed += cmocka_run_group_tests_name("kv on disk", conformance, choose_disk, NULL);
    return failed != 0;
}
