/* What only the engine in memory has: failures on demand. */
#include "tests/unit/kv_fixture.h"

/* Writes, reads and walks; the first failure ends it. */
static enum patron_code do_a_bit_of_all(struct kv *kv, struct kv_batch *batch, struct error *error)
{
    struct arena arena = {0};
    struct bytes value;
    struct kv_iterator *iterator = NULL;
    enum patron_code code = kv_write(kv, batch, true, error);
    if (code == PATRON_OK)
        code = kv_get(kv, NULL, KV_LOG, text("a"), &arena, &value, error);
    if (code == PATRON_OK)
        code = kv_batch_get(batch, KV_LOG, text("b"), &arena, &value, error);
    if (code == PATRON_OK) {
        iterator = kv_batch_iterator_new(batch, KV_LOG, text(""));
        int seen = 0;
        for (kv_iterator_seek(iterator, text("")); kv_iterator_valid(iterator); kv_iterator_next(iterator))
            seen++;
        code = kv_iterator_status(iterator, error);
        assert_true(code != PATRON_OK || seen == 2);
    }
    if (code == PATRON_OK) {
        kv_iterator_seek_last(iterator, text("z"));
        code = kv_iterator_status(iterator, error);
    }
    kv_iterator_free(iterator);
    arena_clear(&arena);
    return code;
}

static void each_call_in_turn_can_be_made_to_fail_once(void **state)
{
    (void)state;
    bool reached_the_end = false;
    for (uint64_t k = 1; !reached_the_end; k++) {
        assert_true(k < 100);
        struct kv *kv = kv_memory_new();
        struct kv_batch *batch = kv_batch_new(kv);
        kv_batch_put(batch, KV_LOG, text("a"), text("1"));
        kv_batch_put(batch, KV_LOG, text("b"), text("1"));
        kv_memory_fail_after(kv, k, PATRON_IO);
        struct error error = {0};
        enum patron_code code = do_a_bit_of_all(kv, batch, &error);
        if (code == PATRON_OK) {
            assert_true(kv_memory_calls(kv) < k);
            assert_int_equal(k, 8); /* write, two gets, seek, two steps, seek */
            reached_the_end = true;
        } else {
            assert_int_equal(code, PATRON_IO);
            assert_int_equal(error.code, PATRON_IO);
            assert_non_null(strstr(error.text, "on demand"));
            assert_int_equal(kv_batch_count(batch), k == 1 ? 2 : 0);
            assert_int_equal(do_a_bit_of_all(kv, batch, &error), PATRON_OK);
        }
        kv_batch_free(batch);
        kv_close(kv);
    }
}

static void a_failed_write_changes_nothing(void **state)
{
    (void)state;
    struct kv *kv = kv_memory_new();
    struct kv_batch *batch = kv_batch_new(kv);
    struct arena arena = {0};
    struct bytes value;
    kv_batch_put(batch, KV_LOG, text("a"), text("1"));
    kv_memory_fail_after(kv, 1, PATRON_IO);
    kv_memory_fail_after(kv, 0, PATRON_IO);
    kv_memory_fail_after(kv, 1, PATRON_CORRUPT);
    assert_int_equal(kv_write(kv, batch, true, NULL), PATRON_CORRUPT);
    assert_int_equal(kv_get(kv, NULL, KV_LOG, text("a"), &arena, &value, NULL), PATRON_NOT_FOUND);
    assert_int_equal(kv_write(kv, batch, true, NULL), PATRON_OK);
    assert_int_equal(kv_get(kv, NULL, KV_LOG, text("a"), &arena, &value, NULL), PATRON_OK);
    assert_int_equal(kv_memory_calls(kv), 4);
    arena_clear(&arena);
    kv_batch_free(batch);
    kv_close(kv);
    kv_close(NULL);
}

static void a_store_in_memory_has_no_checkpoints(void **state)
{
    (void)state;
    struct kv *kv = kv_memory_new();
    struct error error = {0};
    assert_int_equal(kv_checkpoint(kv, "/nowhere/at/all", &error), PATRON_UNSUPPORTED);
    assert_non_null(strstr(error.text, "/nowhere/at/all"));
    kv_close(kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_in_turn_can_be_made_to_fail_once),
        cmocka_unit_test(a_failed_write_changes_nothing),
        cmocka_unit_test(a_store_in_memory_has_no_checkpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
