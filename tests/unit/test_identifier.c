#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/unit/definitions_fixture.h"

static void identifiers_are_normalised_as_their_type_says(void **state)
{
    (void)state;
    static const struct {
        enum normalization normalization;
        const char *given;
        const char *wanted;
    } cases[] = {
        {NORMALIZE_NONE, " A b ", " A b "},
        {NORMALIZE_TRIM, " \t A b\n", "A b"},
        {NORMALIZE_TRIM, "\xc2\xa0\xe3\x80\x80x\xe2\x80\x89", "x"},       /* blanks that are not ASCII */
        {NORMALIZE_TRIM, "e\xcc\x81", "e\xcc\x81"},                       /* no more than trimmed */
        {NORMALIZE_LOWER, " ADA ", "ada"},
        {NORMALIZE_LOWER, "E\xcc\x81", "\xc3\xa9"},                       /* E and an accent: one letter */
        {NORMALIZE_LOWER, "STRA\xc3\x9f" "E", "stra\xc3\x9f" "e"},
        {NORMALIZE_LOWER, "\xce\x9f\xce\xa3", "\xce\xbf\xcf\x82"},        /* a sigma at the end */
        {NORMALIZE_LOWER, "I\xc4\xb0", "ii\xcc\x87"},                     /* of no language */
        {NORMALIZE_LOWER, "\xef\xac\x81", "\xef\xac\x81"},                /* a ligature is no compatibility matter */
        {NORMALIZE_EMAIL, " Ada@X.Org ", "ada@x.org"},
        {NORMALIZE_EMAIL, "\xc3\x89@X.org", "\xc3\xa9@x.org"},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct identifier_type type = {.name = text_of("t"), .normalization = cases[i].normalization};
        struct bytes normalized, again;
        struct error error;
        if (identifier_normalize(&type, text_of(cases[i].given), &arena, &normalized, &error) != PATRON_OK)
            fail_msg("'%s': %s", cases[i].given, error.text);
        assert_bytes(normalized, cases[i].wanted);
        assert_int_equal(identifier_normalize(&type, normalized, &arena, &again, &error), PATRON_OK);
        assert_true(bytes_equal(normalized, again));
    }
    arena_clear(&arena);
}

static void identifiers_that_cannot_be_are_refused_without_repeating_them(void **state)
{
    (void)state;
    char longest[IDENTIFIER_VALUE_BYTES_MAX + 2];
    memset(longest, 'x', sizeof longest);
    char growing[IDENTIFIER_VALUE_BYTES_MAX + 1]; /* a letter that takes more bytes in normal form C: U+1D15E */
    for (size_t i = 0; i + 4 <= IDENTIFIER_VALUE_BYTES_MAX; i += 4)
        memcpy(growing + i, "\xf0\x9d\x85\x9e", 4);
    const struct {
        enum normalization normalization;
        struct bytes given;
        const char *words;
    } cases[] = {
        {NORMALIZE_NONE, text_of(""), "identifier email is empty"},
        {NORMALIZE_TRIM, text_of(" \t "), "identifier email is empty"},
        {NORMALIZE_NONE, {(uint8_t *)longest, IDENTIFIER_VALUE_BYTES_MAX + 1},
            "identifier email is too long: 1025 bytes (at most 1024)"},
        {NORMALIZE_LOWER, {(uint8_t *)growing, IDENTIFIER_VALUE_BYTES_MAX},
            "identifier email is too long once normalised (at most 1024 bytes)"},
        {NORMALIZE_NONE, text_of("ada\xff"), "identifier email is not UTF-8"},
        {NORMALIZE_EMAIL, text_of("ada.org"),
            "identifier email is not an address: it needs one '@' with something on either side"},
        {NORMALIZE_EMAIL, text_of("@x.org"),
            "identifier email is not an address: it needs one '@' with something on either side"},
        {NORMALIZE_EMAIL, text_of("ada@ "),
            "identifier email is not an address: it needs one '@' with something on either side"},
        {NORMALIZE_EMAIL, text_of("a@b@c"),
            "identifier email is not an address: it needs one '@' with something on either side"},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct identifier_type type = {.name = text_of("email"), .normalization = cases[i].normalization};
        struct bytes normalized;
        struct error error;
        assert_int_equal(identifier_normalize(&type, cases[i].given, &arena, &normalized, &error), PATRON_INVALID);
        assert_string_equal(error.text, cases[i].words);
    }
    const struct identifier_type type = {.name = text_of("email")};
    struct bytes normalized;
    assert_int_equal(identifier_normalize(&type, bytes_of(longest, IDENTIFIER_VALUE_BYTES_MAX), &arena, &normalized,
                         NULL), PATRON_OK);
    assert_int_equal(normalized.length, IDENTIFIER_VALUE_BYTES_MAX);
    arena_clear(&arena);
}

static void values_that_never_link_are_kept_normalised(void **state)
{
    (void)state;
    const struct definitions *d = parsed("identifiers: {email: {normalize: email, never_link: [Zoe@X.org, none@x.org, "
                                         "' A@x.org', None@x.org]}, id: }\nevents: {e: }\n");
    const struct identifier_type *email = &d->identifiers[0];
    assert_true(identifier_never_links(email, text_of("zoe@x.org")));
    assert_true(identifier_never_links(email, text_of("none@x.org")));
    assert_true(identifier_never_links(email, text_of("a@x.org")));
    assert_false(identifier_never_links(email, text_of("ada@x.org")));
    assert_false(identifier_never_links(email, text_of("")));
    assert_false(identifier_never_links(&d->identifiers[1], text_of("none@x.org")));
    definitions_release(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_are_normalised_as_their_type_says),
        cmocka_unit_test(identifiers_that_cannot_be_are_refused_without_repeating_them),
        cmocka_unit_test(values_that_never_link_are_kept_normalised),
    };
    return cmocka_run_group_tests_name("identifier", tests, NULL, NULL);
}
