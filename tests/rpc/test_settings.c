/* The table of settings, by flags, environment and defaults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/settings.h"

static char *const no_environment[] = {NULL};

enum { ARGUMENTS_MAX = 8 };

/* Reads a line of flags, words apart by blanks. */
static enum patron_code read_line(
    const char *line, char *const *environment, struct settings *settings, struct error *error)
{
    static char words[512];
    char *arguments[ARGUMENTS_MAX];
    int count = 0;
    snprintf(words, sizeof words, "%s", line);
    for (char *rest = words, *word; (word = strsep(&rest, " ")) != NULL;)
        if (*word)
            arguments[count++] = word;
    return settings_read(settings, count, arguments, environment, error);
}

static void refused(const char *line, const char *words)
{
    struct settings settings;
    struct error error = {0};
    assert_int_equal(read_line(line, no_environment, &settings, &error), PATRON_INVALID);
    if (!strstr(error.text, words))
        fail_msg("'%s' for '%s' lacks '%s'", error.text, line, words);
}

static void what_is_not_given_has_its_default(void **state)
{
    (void)state;
    struct settings settings;
    struct error error;
    assert_int_equal(read_line("--data somewhere", no_environment, &settings, &error), PATRON_OK);
    assert_string_equal(settings.data, "somewhere");
    assert_string_equal(settings.listen, "127.0.0.1:7070");
    assert_string_equal(settings.admin, "127.0.0.1:7071");
    assert_null(settings.definitions);
    assert_int_equal(settings.grace_ms, 10000);
    assert_int_equal(settings.reflection, 1);
}

static void a_flag_goes_before_the_environment_and_that_before_the_default(void **state)
{
    (void)state;
    static char data[] = "PATRON_DATA=there", grace[] = "PATRON_GRACE_MS=70", keys[] = "PATRON_KEYS=x",
                mib[] = "PATRON_PROFILE_CACHE_MIB=12";
    char *const environment[] = {data, grace, keys, mib, NULL};
    struct settings settings;
    struct error error;
    assert_int_equal(read_line("--grace-ms=5 --reflection off", environment, &settings, &error), PATRON_OK);
    assert_string_equal(settings.data, "there");
    assert_int_equal(settings.grace_ms, 5);
    assert_int_equal(settings.profile_cache_mib, 12);
    assert_int_equal(settings.reflection, 0);
    assert_null(settings.key);
    static char bad[] = "PATRON_GRACE_MS=soon";
    char *const wrong[] = {data, bad, NULL};
    assert_int_equal(read_line("", wrong, &settings, &error), PATRON_INVALID);
    assert_non_null(strstr(error.text, "PATRON_GRACE_MS is 'soon'; it is a number from 0 to 3600000"));
}

static void an_unknown_flag_is_answered_with_the_nearest_one(void **state)
{
    (void)state;
    refused("--dta x", "there is no --dta; did you mean --data?");
    refused("--defnitions=x", "did you mean --definitions?");
    refused("--keep-alive-s 5", "did you mean --keepalive-s?");
    refused("--xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx 5",
        "did you mean");
}

static void a_bad_value_is_refused_with_what_it_may_be(void **state)
{
    (void)state;
    refused("--data x --grace-ms -1", "--grace-ms is '-1'; it is a number from 0 to 3600000");
    refused("--data x --workers 99999999999999999999", "--workers is '99999999999999999999'");
    refused("--data x --workers 3x", "it is a number from 1 to 64");
    refused("--data x --workers=", "it is a number");
    refused("--data x --reflection maybe", "it is on or off");
    refused("--data=", "--data is empty; it wants DIR");
    refused("--data", "--data wants a value: DIR");
    refused("data", "'data' is no flag");
    refused("--", "'--' is no flag");
    refused("", "--data DIR is missing");
}

static void help_and_version_need_nothing_else(void **state)
{
    (void)state;
    struct settings settings;
    assert_int_equal(read_line("--nonsense --help", no_environment, &settings, NULL), PATRON_OK);
    assert_true(settings.help);
    assert_int_equal(read_line("--version", no_environment, &settings, NULL), PATRON_OK);
    assert_true(settings.version);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(a_flag_goes_before_the_environment_and_that_before_the_default),
        cmocka_unit_test(an_unknown_flag_is_answered_with_the_nearest_one),
        cmocka_unit_test(a_bad_value_is_refused_with_what_it_may_be),
        cmocka_unit_test(help_and_version_need_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
