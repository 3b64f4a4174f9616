/* Files of the greatest length that ask for the most work: taken or refused, and soon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "store/base/arena.h"
#include "tests/unit/definitions_fixture.h"

/* A tenth of it without a sanitizer. The processor's time, so that what else runs there does not matter. */
#define SECONDS_MAX 3

struct text {
    char *data;
    size_t length;
};

static struct text text_new(const char *begin)
{
    struct text text = {memory_alloc(DEFINITIONS_BYTES_MAX + 1), 0};
    text.length = (size_t)snprintf(text.data, DEFINITIONS_BYTES_MAX + 1, "%s", begin);
    return text;
}

/* Adds a piece, with the number in place of its '#'. False once there is room for `end` only. */
static bool text_add(struct text *text, const char *end, const char *piece, size_t number)
{
    char with_number[200];
    const char *hash = strchr(piece, '#');
    size_t length = hash
        ? (size_t)snprintf(with_number, sizeof with_number, "%.*s%zu%s", (int)(hash - piece), piece, number, hash + 1)
        : (size_t)snprintf(with_number, sizeof with_number, "%s", piece);
    if (text->length + length + strlen(end) > DEFINITIONS_BYTES_MAX)
        return false;
    memcpy(text->data + text->length, with_number, length);
    text->length += length;
    return true;
}

static void text_end(struct text *text, const char *end)
{
    size_t length = strlen(end);
    assert_true(text->length + length <= DEFINITIONS_BYTES_MAX);
    memcpy(text->data + text->length, end, length);
    text->length += length;
}

/* Consumes the text. `words` is how the refusal begins; null: it is taken. */
static void assert_soon(struct text text, const char *words)
{
    const struct definitions *definitions;
    struct error error = {.text = ""};
    clock_t before = clock();
    enum patron_code code =
        definitions_parse(bytes_of(text.data, text.length), NULL, 1, false, &definitions, &error);
    double seconds = (double)(clock() - before) / CLOCKS_PER_SEC;
    memory_free(text.data);
    definitions_release(definitions);
    assert_int_equal(code, words ? PATRON_INVALID : PATRON_OK);
    if (words && strncmp(error.text, words, strlen(words)) != 0)
        fail_msg("'%s' does not begin with '%s'", error.text, words);
    if (seconds > SECONDS_MAX)
        fail_msg("it took %g s", seconds);
}

/* As many pieces as there is room for, between two ends. */
static void assert_filled_soon(const char *begin, const char *piece, const char *end, const char *words)
{
    struct text text = text_new(begin);
    for (size_t i = 0; text_add(&text, end, piece, i); i++)
        ;
    text_end(&text, end);
    assert_soon(text, words);
}

static void many_keys_are_refused_soon(void **state)
{
    (void)state;
    assert_filled_soon(EVENTS, "k#:\n", "", "line 3, column 1: unknown key 'k0'");
    assert_filled_soon(EVENTS "features: {f: {", "k#: 1,", "}}\n", "line 3, column 16: unknown key 'k0'");
    assert_filled_soon(EVENTS "features: {f: {", "count: #,", "}}\n", "line 3, column ");
    assert_filled_soon(
        EVENTS "features: {f: {of: order, count: true, where: {", "k#: 1,", "}}}\n", "line 3, column 47: where are");
    assert_filled_soon(EVENTS "features: {", "f#: ,", "}\n", "line 3, column 11: features are too many");
    assert_filled_soon("identifiers: {id: }\nevents: {", "e#: ,", "}\n", "line 2, column 9: events are too many");
    assert_filled_soon(EVENTS "services: {", "s#: ,", "}\n", "line 3, column 11: services are too many");
    assert_filled_soon("", "k#: {", "", "line 1, column");
}

static void many_mistakes_are_refused_soon(void **state)
{
    (void)state;
    struct text text = text_new(EVENTS "features: {");
    for (size_t i = 0; i < FEATURES_MAX; i++)
        if (!text_add(&text, "}\n", "f#: {of: odrer, summ: amuont, agg: 1, where: {chanel: 2}, window: 90, k: x},\n",
                i))
            break;
    text_end(&text, "}\n");
    assert_soon(text, "line 3, column 21: unknown event 'odrer'");
    text = text_new(EVENTS "features: {n: {of: order, count: true}}\nservices: {");
    for (size_t i = 0; i < SERVICES_MAX; i++) {
        if (!text_add(&text, "]}\n", i == 0 ? "s#: [" : "],s#: [", i))
            break;
        for (size_t j = 0; j < READ_FEATURES_MAX && text_add(&text, "]}\n", "x,", j); j++)
            ;
    }
    text_end(&text, "]}\n");
    assert_soon(text, "line 4, column 17: unknown feature 'x'");
    text = text_new("identifiers: {id: }\nevents: {e: {");
    for (size_t i = 0; i < EVENT_ATTRIBUTES_MAX; i++)
        text_add(&text, "", "a#: bool,", i);
    text_end(&text, "}}\nfeatures: {");
    for (size_t i = 0; i < FEATURES_MAX; i++) {
        if (!text_add(&text, "}}\n", i == 0 ? "f#: {where: {" : "}},f#: {of: e, count: true, where: {", i))
            break;
        for (size_t j = 0; j < EVENT_ATTRIBUTES_MAX && text_add(&text, "}}}\n", "#: ,", j); j++)
            ;
    }
    text_end(&text, "}}}\n");
    assert_soon(text, "line 3, column ");
    text = text_new(EVENTS "features: {n: {of: order, count: true}}\nservices: {");
    for (size_t i = 0; i < SERVICES_MAX; i++) {
        if (!text_add(&text, "}}}\n", i == 0 ? "s#: {features: [n" : "}},s#: {features: [n", i))
            break;
        for (size_t j = 1; j < READ_FEATURES_MAX && text_add(&text, "], defaults: {}}}\n", ",n", j); j++)
            ;
        if (!text_add(&text, "}}}\n", "], defaults: {", i))
            text_end(&text, "], defaults: {");
        for (size_t j = 0; j < READ_FEATURES_MAX && text_add(&text, "}}}\n", "#: ,", j); j++)
            ;
    }
    text_end(&text, "}}}\n");
    assert_soon(text, "line 4, column ");
}

static void a_list_as_long_as_the_file_is_read_soon(void **state)
{
    (void)state;
    assert_filled_soon("events: {e: }\nidentifiers: {id: {never_link: [", "#,", "]}}\n", NULL);
    assert_filled_soon("events: {e: }\nidentifiers: {id: {normalize: email, never_link: [", "#,", "]}}\n",
        "line 2, column 51: identifier id is not an address");
    assert_filled_soon(EVENTS "features: {f: {of: order, count: true, where: {points: [", "#,", "]}}}\n",
        "line 3, column 56: 'points' is compared with a list of ");
    assert_filled_soon(EVENTS "services: {s: [", "n#,", "]}\n", "line 3, column 15: a service has too many entries");
    assert_filled_soon(EVENTS "features: {f: {of: order, count: true, tags: [", "n#,", "]}}\n",
        "line 3, column 46: tags has too many entries");
}

static void long_scalars_are_read_soon(void **state)
{
    (void)state;
    static const struct {
        const char *begin, *end, *words;
    } cases[] = {
        {"", ": 1\n", "line 1, column 1"},
        {EVENTS "features: {f: {of: order, count: true, description: ", "}}\n",
            "line 3, column 53: description is too long: "},
        {EVENTS "features: {f: {of: order, mean: amount, default: ", "}}\n", "line 3, column 50: default must be"},
        {EVENTS "features: {f: {of: order, count: true, window: ", "d}}\n", "line 3, column 48: window must be"},
        {EVENTS "features: {f: {of: order, count: true, where: {channel: ", "}}}\n",
            "line 3, column 57: 'channel' is compared with "},
        {EVENTS "features: {f: {of: ", "}}\n", "line 3, column 12: 'f' has no aggregation"},
        {EVENTS "features:\n ? ", "\n : {of: order, count: true}\n", "line 4, column 4: the name of a feature is too"},
        {EVENTS "time_zone: ", "\n", "line 3, column 12: unknown time zone '"},
        {EVENTS "# ", "\n", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_filled_soon(cases[i].begin, "7", cases[i].end, cases[i].words);
    assert_filled_soon(EVENTS "features: {f: {of: order, count: true, description: \"", "\\x20", "\"}}\n",
        "line 3, column 53: description is too long: ");
    assert_filled_soon("events:\n  e:\nidentifiers:\n  id:\n", "\n", "", NULL);
    assert_filled_soon("", "[", "", "line 1, column 9: nested too deeply");
    assert_filled_soon("", "- ", "", "line 1, column 17: nested too deeply");
    assert_filled_soon("a: ", "&a ", "", "line 1, column 4: ");
}

static void as_much_as_a_file_can_hold_is_taken_soon(void **state)
{
    (void)state;
    struct text text = text_new(EVENTS "features:\n  n: {of: order, count: true}\n"
                                       "  t: {of: order, top: channel, k: 20, default: none}\n");
    for (size_t i = 0; i < (FEATURES_MAX - 21) / 4; i++)
        assert_true(text_add(&text, "", "  f#: {of: order, rfm: amount, default: 0}\n", i));
    assert_soon(text, NULL);
    text = text_new(EVENTS "features:\n  n: {of: order, count: true}\n");
    for (size_t i = 0; i < 49; i++)
        assert_true(text_add(&text, "", "  t#: {of: order, top: channel, k: 20, default: none}\n", i));
    text_end(&text, "services:\n");
    for (size_t i = 0; i < SERVICES_MAX; i++) {
        if (!text_add(&text, "", "  s#: {defaults: {n: 1, t0: x, t0.1: y}, features: [n", i))
            break;
        for (size_t j = 0; j < 49 && text_add(&text, "]}\n", ", t#", j); j++)
            ;
        text_end(&text, "]}\n");
    }
    assert_soon(text, NULL);
}

static void a_text_past_the_limit_is_refused_by_its_length(void **state)
{
    (void)state;
    size_t length = 10 * 1024 * 1024;
    char *data = memory_alloc(length);
    memset(data, '[', length);
    const struct definitions *definitions;
    struct error error;
    assert_int_equal(
        definitions_parse(bytes_of(data, length), NULL, 1, false, &definitions, &error), PATRON_INVALID);
    assert_string_equal(error.text, "the definitions are too long: 10485760 bytes (at most 1048576)");
    memory_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_keys_are_refused_soon),
        cmocka_unit_test(many_mistakes_are_refused_soon),
        cmocka_unit_test(a_list_as_long_as_the_file_is_read_soon),
        cmocka_unit_test(long_scalars_are_read_soon),
        cmocka_unit_test(as_much_as_a_file_can_hold_is_taken_soon),
        cmocka_unit_test(a_text_past_the_limit_is_refused_by_its_length),
    };
    return cmocka_run_group_tests_name("definitions_large", tests, NULL, NULL);
}
