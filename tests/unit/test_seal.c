/* What is sealed opens with its key only, is the same each time, and tells when it was touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "store/base/seal.h"

static const uint8_t key[SEAL_KEY_BYTES] = "one key of thirty-two bytes, yes";
static const uint8_t other_key[SEAL_KEY_BYTES] = "another key of thirty-two bytes.";

static struct bytes text(const char *string)
{
    return bytes_from_string(string);
}

static struct bytes sealed(struct encoder *to, const char *bound, const char *plain)
{
    encoder_reset(to);
    seal_close(key, SEAL_EVENT, text(bound), text(plain), to);
    return encoder_borrow(to);
}

static void what_was_sealed_opens(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct encoder to = {0};
    static const char *const plains[] = {"", "a", "Ada Lovelace, 1815-12-10, London"};
    for (size_t i = 0; i < sizeof plains / sizeof *plains; i++) {
        struct bytes bytes = sealed(&to, "event", plains[i]);
        assert_int_equal(bytes.length, strlen(plains[i]) + SEAL_BYTES);
        struct bytes plain;
        assert_int_equal(seal_open(key, SEAL_EVENT, text("event"), bytes, &arena, &plain, NULL), PATRON_OK);
        assert_true(bytes_is(plain, plains[i]));
    }
    encoder_clear(&to);
    arena_clear(&arena);
}

static void sealing_again_gives_the_same_bytes_and_anything_else_others(void **state)
{
    (void)state;
    struct encoder a = {0}, b = {0};
    assert_true(bytes_equal(sealed(&a, "event", "Ada"), sealed(&b, "event", "Ada")));
    /* Not even the nonce is the same where the plain bytes or what they are bound to differ. */
    assert_int_not_equal(memcmp(sealed(&a, "event", "Ada").data + 1, sealed(&b, "event", "Adb").data + 1, 24), 0);
    assert_int_not_equal(memcmp(sealed(&a, "event", "Ada").data + 1, sealed(&b, "even", "tAda").data + 1, 24), 0);
    sealed(&a, "event", "Ada");
    encoder_reset(&b);
    seal_close(key, SEAL_NODE, text("event"), text("Ada"), &b);
    assert_int_not_equal(memcmp(a.data + 1, b.data + 1, 24), 0);
    encoder_clear(&a);
    encoder_clear(&b);
}

static void the_plain_bytes_do_not_show(void **state)
{
    (void)state;
    struct encoder to = {0};
    struct bytes bytes = sealed(&to, "event", "Lovelace");
    assert_null(memmem(bytes.data, bytes.length, "Lovelace", 8));
    assert_null(memmem(bytes.data, bytes.length, "Love", 4));
    encoder_clear(&to);
}

static void assert_refused(
    const uint8_t *with, enum seal_purpose purpose, const char *bound, struct bytes bytes, struct arena *arena)
{
    struct bytes plain;
    struct error error;
    assert_int_equal(seal_open(with, purpose, text(bound), bytes, arena, &plain, &error), PATRON_CORRUPT);
    assert_non_null(strstr(error.text, "sealed"));
}

static void it_opens_with_its_own_key_purpose_and_bond_only(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct encoder to = {0};
    struct bytes bytes = sealed(&to, "event", "Ada");
    assert_refused(other_key, SEAL_EVENT, "event", bytes, &arena);
    assert_refused(key, SEAL_NODE, "event", bytes, &arena);
    assert_refused(key, SEAL_EVENT, "other", bytes, &arena);
    encoder_clear(&to);
    arena_clear(&arena);
}

static void any_changed_or_missing_byte_is_told(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct encoder to = {0};
    struct bytes bytes = sealed(&to, "event", "Ada");
    for (size_t i = 0; i < bytes.length; i++) {
        to.data[i] ^= 0x40;
        assert_refused(key, SEAL_EVENT, "event", bytes, &arena);
        to.data[i] ^= 0x40;
        assert_refused(key, SEAL_EVENT, "event", bytes_of(bytes.data, i), &arena);
    }
    encoder_clear(&to);
    arena_clear(&arena);
}

/* So that rows of today are read for ever: the bytes of one are written down. */
static void the_format_stays(void **state)
{
    (void)state;
    struct encoder to = {0};
    struct bytes bytes = sealed(&to, "event", "Ada");
    char hex[2 * (SEAL_BYTES + 3) + 1];
    sodium_bin2hex(hex, sizeof hex, bytes.data, bytes.length);
    assert_string_equal(hex,
        "019f4495c677807536555b1790c7cd750b09ae91bea32643a71fe4bbda8d984e855ff8fe98228376640fd18e");
    encoder_clear(&to);
}

static void a_derived_secret_is_its_own(void **state)
{
    (void)state;
    uint8_t a[SEAL_KEY_BYTES], b[SEAL_KEY_BYTES];
    seal_secret(key, SECRET_BLOCKS, a);
    seal_secret(key, SECRET_BLOCKS, b);
    assert_memory_equal(a, b, sizeof a);
    seal_secret(other_key, SECRET_BLOCKS, b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_memory_not_equal(a, key, sizeof a);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_sealed_opens),
        cmocka_unit_test(sealing_again_gives_the_same_bytes_and_anything_else_others),
        cmocka_unit_test(the_plain_bytes_do_not_show),
        cmocka_unit_test(it_opens_with_its_own_key_purpose_and_bond_only),
        cmocka_unit_test(any_changed_or_missing_byte_is_told),
        cmocka_unit_test(the_format_stays),
        cmocka_unit_test(a_derived_secret_is_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
