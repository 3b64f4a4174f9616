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

static void accepted(const char *line)
{
    struct settings settings;
    struct error error = {0};
    if (read_line(line, no_environment, &settings, &error) != PATRON_OK)
        fail_msg("'%s': %s", line, error.text);
}

static void what_is_no_address_is_refused_with_the_form_wanted(void **state)
{
    (void)state;
    accepted("--data x --listen 127.0.0.1:0,[::1]:65535,unix:/run/patron.sock,patron-1.example.:7070 --admin off");
    accepted("--data x --listen [fe80::1%eth0]:7070 --admin [::]:7071");
    static const char *const none[] = {"127.0.0.1:65536", "127.0.0.1:72606", "127.0.0.1:000080", "127.0.0.1:",
        "127.0.0.1", "7070", ":7070", "::1:7070", "[::1]", "[]:7070", "[::g]:7070", "[::1:7070", "300.0.0.1:7070",
        "1.2:7070", "local host:7070", "a/b:7070", "h:-1", "h:+1", "h:0x1", "http://localhost:7070", "unix:", "unix:/",
        "unix:relative", ",", "127.0.0.1:1,", "127.0.0.1:1,,127.0.0.1:2", "[", "]:1", "[:1"};
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        char listen[256], data[] = "PATRON_DATA=x";
        snprintf(listen, sizeof listen, "PATRON_LISTEN=%s", none[i]);
        char *const environment[] = {data, listen, NULL};
        struct settings settings;
        struct error error = {0};
        assert_int_equal(read_line("", environment, &settings, &error), PATRON_INVALID);
        assert_non_null(strstr(error.text, "say host:port with a port from 0 to 65535"));
    }
    char deep[200] = "";
    memset(deep, 'd', 108);
    char line[512];
    snprintf(line, sizeof line, "--data x --listen unix:/%s", deep);
    refused(line, "or unix:/path");
    refused("--data x --listen h:1,h:1,h:1,h:1,h:1,h:1,h:1,h:1,h:1,h:1,h:1,h:1,h:1,h:1,h:1,h:1,h:1",
        "--listen has 17 addresses; at most 16 are taken");
    refused("--data x --admin localhost", "--admin is 'localhost', which is no address: say host:port");
    refused("--data x --admin localhost:70710", "port from 0 to 65535");
    refused("--data x --admin unix:/run/admin", "or off");
}

static void help_and_version_need_nothing_else(void **state)
{
    (void)state;
    struct settings settings;
    assert_int_equal(read_line("--nonsense --help", no_environment, &settings, NULL), PATRON_OK);
    assert_true(settings.help);
    assert_int_equal(read_line("--version", no_environment, &settings, NULL), PATRON_OK);
    assert_true(settings.version);
    assert_int_equal(read_line("--definitions-schema", no_environment, &settings, NULL), PATRON_OK);
    assert_true(settings.definitions_schema && !settings.help && !settings.version);
}

static void checking_a_file_needs_no_data(void **state)
{
    (void)state;
    struct settings settings;
    assert_int_equal(read_line("--check-definitions -", no_environment, &settings, NULL), PATRON_OK);
    assert_string_equal(settings.check_definitions, "-");
    assert_null(settings.data);
    assert_int_equal(read_line("--check-definitions=shop.yaml", no_environment, &settings, NULL), PATRON_OK);
    assert_string_equal(settings.check_definitions, "shop.yaml");
    refused("--check-definitions", "--check-definitions wants a value: FILE");
    assert_int_equal(read_line("--data x", no_environment, &settings, NULL), PATRON_OK);
    assert_true(!settings.check_definitions && !settings.definitions_schema);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_has_its_default),
        cmocka_unit_test(a_flag_goes_before_the_environment_and_that_before_the_default),
        cmocka_unit_test(an_unknown_flag_is_answered_with_the_nearest_one),
        cmocka_unit_test(a_bad_value_is_refused_with_what_it_may_be),
        cmocka_unit_test(what_is_no_address_is_refused_with_the_form_wanted),
        cmocka_unit_test(help_and_version_need_nothing_else),
        cmocka_unit_test(checking_a_file_needs_no_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
