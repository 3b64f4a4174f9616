#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/base/limits.h"
#include "tests/unit/expression_fixture.h"

static struct arena arena;

static int clear(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

static const struct expression *compiled(const char *text)
{
    const struct expression *expression;
    struct expression_mistake mistake;
    if (expression_parse(bytes_from_string(text), &fixture_names, &arena, &expression, &mistake) != PATRON_OK)
        fail_msg("%s\nat %zu: %s", text, mistake.at, mistake.error.text);
    return expression;
}

static struct value value_of(const char *text)
{
    struct value value;
    memset(&value, 0x55, sizeof value); /* all of it is filled in */
    expression_evaluate(compiled(text), fixture_operand, NULL, &value);
    assert_int_equal(value.age_us, 0);
    assert_true(value.exact == 0);
    return value;
}

static void assert_null_value(const char *text, enum value_type type)
{
    struct value value = value_of(text);
    if (value.type != type || value.status != STATUS_NULL || value.real != 0 || value.integer != 0 ||
        value.text.length != 0)
        fail_msg("%s is no null of type %d: type %d, status %d", text, type, value.type, value.status);
}

struct number_case {
    const char *text;
    double wanted; /* NAN: null */
};

static void assert_numbers(const struct number_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (isnan(cases[i].wanted)) {
            assert_null_value(cases[i].text, VALUE_DOUBLE);
            continue;
        }
        struct value value = value_of(cases[i].text);
        if (value.type != VALUE_DOUBLE || value.status != STATUS_PRESENT ||
            memcmp(&value.real, &cases[i].wanted, sizeof value.real) != 0)
            fail_msg("%s = %a, not %a (type %d, status %d)", cases[i].text, value.real, cases[i].wanted, value.type,
                value.status);
    }
}
#define ASSERT_NUMBERS(cases) assert_numbers(cases, sizeof(cases) / sizeof(cases)[0])

struct truth_case {
    const char *text;
    int wanted; /* -1: null */
};

static void assert_truths(const struct truth_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (cases[i].wanted < 0) {
            assert_null_value(cases[i].text, VALUE_BOOL);
            continue;
        }
        struct value value = value_of(cases[i].text);
        if (value.type != VALUE_BOOL || value.status != STATUS_PRESENT || value.integer != cases[i].wanted)
            fail_msg("%s = %lld (type %d, status %d)", cases[i].text, (long long)value.integer, value.type,
                value.status);
    }
}
#define ASSERT_TRUTHS(cases) assert_truths(cases, sizeof(cases) / sizeof(cases)[0])

static void assert_text(const char *text, const char *wanted)
{
    struct value value = value_of(text);
    if (value.type != VALUE_TEXT || value.status != STATUS_PRESENT || !bytes_is(value.text, wanted))
        fail_msg("%s = '%.*s'", text, BYTES_ARGUMENTS(value.text));
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static void numbers_and_features_of_every_type_are_values(void **state)
{
    (void)state;
    static const struct number_case cases[] = {
        {"12", 12},
        {"0.5", 0.5},
        {"1e-3", 1e-3},
        {"2.5E+2", 250},
        {"9007199254740993", 9007199254740992.0},
        {"0.1", 0.1},
        {"1e-400", 0},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"revenue", 120.5},
        {"orders", 4},
        {"score", 0.25},
        {"rfm.T", 30},
        {"fallen", 7},
        {"least", -9223372036854775808.0},
        {"\n score\t\r ", 0.25},
    };
    ASSERT_NUMBERS(cases);
    static const struct truth_case truths[] = {{"true", 1}, {"false", 0}, {"vip", 1}, {"new", 0}};
    ASSERT_TRUTHS(truths);
    assert_text("channel", "web");
    assert_text("top.1", "app");
    assert_text("'a \"b\" c'", "a \"b\" c");
    assert_text("\"it's\"", "it's");
    assert_text("''", "");
}

static void operators_bind_as_the_header_says(void **state)
{
    (void)state;
    static const struct number_case cases[] = {
        {"1 + 2 * 3", 7},
        {"(1 + 2) * 3", 9},
        {"10 - 4 - 3", 3},
        {"10 - (4 - 3)", 9},
        {"64 / 4 / 2", 8},
        {"64 / (4 / 2)", 32},
        {"2 * 3 / 4", 1.5},
        {"-2 * -3", 6},
        {"2 - -3", 5},
        {"--2", 2},
        {"-(1 + 2)", -3},
        {"-orders * 2 + 1", -7},
        {"1+2-3*4/5", 1 + 2 - 3 * 4 / 5.0},
        {"revenue/orders", 30.125},
    };
    ASSERT_NUMBERS(cases);
    static const struct truth_case truths[] = {
        {"true or false and false", 1},
        {"(true or false) and false", 0},
        {"not true or true", 1},
        {"not (true or true)", 0},
        {"not 1 == 2", 1},
        {"not not true", 1},
        {"1 + 1 == 2", 1},
        {"1 < 2 and 2 < 3", 1},
        {"1 < 2 == true", -2},
        {"true == (1 < 2)", 1},
        {"-1 < 0", 1},
        {"false and false or true", 1},
        {"not false and false", 0},
    };
    for (size_t i = 0; i < sizeof truths / sizeof truths[0]; i++) {
        if (truths[i].wanted != -2) {
            assert_truths(&truths[i], 1);
            continue;
        }
        const struct expression *expression;
        assert_int_equal(expression_parse(bytes_from_string(truths[i].text), &fixture_names, &arena, &expression, NULL),
            PATRON_INVALID);
        assert_null(expression);
    }
}

static void comparisons_compare_numbers_bools_and_the_bytes_of_texts(void **state)
{
    (void)state;
    static const struct truth_case cases[] = {
        {"1 < 2", 1}, {"2 < 2", 0}, {"3 < 2", 0},
        {"1 <= 2", 1}, {"2 <= 2", 1}, {"3 <= 2", 0},
        {"1 > 2", 0}, {"2 > 2", 0}, {"3 > 2", 1},
        {"1 >= 2", 0}, {"2 >= 2", 1}, {"3 >= 2", 1},
        {"2 == 2", 1}, {"1 == 2", 0}, {"2 != 2", 0}, {"1 != 2", 1},
        {"minus_zero == 0", 1},
        {"vip == true", 1}, {"vip == new", 0}, {"vip != new", 1}, {"new != false", 0},
        {"channel == 'web'", 1}, {"channel == 'Web'", 0}, {"channel == 'webb'", 0}, {"channel == ''", 0},
        {"channel != 'web'", 0}, {"channel != top.1", 1}, {"'' == ''", 1},
        {"no_number == 1", -1}, {"1 < no_number", -1}, {"no_number == no_number", -1}, {"no_number != no_number", -1},
        {"channel == no_text", -1}, {"no_text != channel", -1}, {"no_bool == true", -1}, {"vip != no_bool", -1},
    };
    ASSERT_TRUTHS(cases);
}

static void and_or_and_not_know_null_as_sql_does(void **state)
{
    (void)state;
    static const struct truth_case cases[] = {
        {"true and true", 1}, {"true and false", 0}, {"false and true", 0}, {"false and false", 0},
        {"true or true", 1}, {"true or false", 1}, {"false or true", 1}, {"false or false", 0},
        {"true and no_bool", -1}, {"no_bool and true", -1}, {"false and no_bool", 0}, {"no_bool and false", 0},
        {"no_bool and no_bool", -1},
        {"true or no_bool", 1}, {"no_bool or true", 1}, {"false or no_bool", -1}, {"no_bool or false", -1},
        {"no_bool or no_bool", -1},
        {"not true", 0}, {"not false", 1}, {"not no_bool", -1},
    };
    ASSERT_TRUTHS(cases);
}

static void every_function_is_worked_out(void **state)
{
    (void)state;
    static const struct number_case cases[] = {
        {"if(vip, 1, 2)", 1},
        {"if(new, 1, 2)", 2},
        {"if(no_bool, 1, 2)", NAN},
        {"if(vip, 1, no_number)", 1},
        {"if(vip, no_number, 1)", NAN},
        {"if(new, no_number, 1)", 1},
        {"if(new, 1, no_number)", NAN},
        {"if(orders > 3 and vip, revenue, 0) + 1", 121.5},
        {"coalesce(no_number, 5)", 5},
        {"coalesce(no_number)", NAN},
        {"coalesce(score)", 0.25},
        {"coalesce(1, no_number)", 1},
        {"coalesce(no_number, no_number, 3, 4)", 3},
        {"coalesce(orders / 0, -1)", -1},
        {"coalesce(ln(0), 2) * 2", 4},
        {"min(3, 1)", 1},
        {"min(1, 2, 0.5, 7)", 0.5},
        {"min(1, no_number)", NAN},
        {"min(no_number, 1)", NAN},
        {"max(3, 1)", 3},
        {"max(1, 2, 7, 0.5)", 7},
        {"max(1, 2, no_number)", NAN},
        {"abs(-3)", 3},
        {"abs(3)", 3},
        {"abs(no_number)", NAN},
        {"sqrt(2)", 0x1.6a09e667f3bcdp+0},
        {"sqrt(0)", 0},
        {"sqrt(-0.01)", NAN},
        {"sqrt(no_number)", NAN},
        {"ln(no_number)", NAN},
        {"ln (1)", 0},
    };
    ASSERT_NUMBERS(cases);
    assert_text("if(vip, channel, top.1)", "web");
    assert_text("if(new, channel, 'none')", "none");
    assert_text("coalesce(no_text, top.1, 'none')", "app");
    assert_null_value("coalesce(no_text, no_text)", VALUE_TEXT);
    assert_null_value("if(no_bool, 'a', 'b')", VALUE_TEXT);
    static const struct truth_case truths[] = {{"if(no_bool, true, false)", -1}, {"if(vip, new, vip)", 0},
        {"coalesce(no_bool, vip)", 1}, {"coalesce(no_bool, false)", 0}};
    ASSERT_TRUTHS(truths);
}

/* glibc 2.36 gives another last bit of the second to fourth. */
static void a_logarithm_is_the_same_bits_everywhere(void **state)
{
    (void)state;
    static const struct number_case cases[] = {{"ln(2)", 0x1.62e42fefa39efp-1}, {"ln(22.5)", 0x1.8e87ab6e53b29p+1},
        {"ln(236.5)", 0x1.5dd2186eaca7p+2}, {"ln(726.25)", 0x1.a5a00f72c4fe8p+2},
        {"ln(5e-324)", -0x1.74385446d71c3p+9}, {"ln(revenue)", 0x1.32aa63b9ae54p+2}};
    ASSERT_NUMBERS(cases);
}

static void what_is_not_finite_is_null_at_every_step_and_no_zero_has_a_sign(void **state)
{
    (void)state;
    static const struct number_case cases[] = {
        {"1 / 0", NAN},
        {"0 / 0", NAN},
        {"-1 / 0", NAN},
        {"1 / (1 / 0)", NAN},
        {"1 / minus_zero", NAN},
        {"large + large", NAN},
        {"large * 10", NAN},
        {"-large - large", NAN},
        {"1 / (large * 10)", NAN},
        {"1e-320 / 1e10", 0},
        {"ln(0)", NAN},
        {"ln(minus_zero)", NAN},
        {"ln(-1)", NAN},
        {"endless", NAN},
        {"undefined", NAN},
        {"1 / endless", NAN},
        {"minus_zero", 0},
        {"-0", 0},
        {"0 * -1", 0},
        {"-score * 0", 0},
        {"sqrt(minus_zero)", 0},
        {"-1e-320 / 1e10", 0},
        {"max(minus_zero, -0)", 0},
        {"if(vip, minus_zero, 1)", 0},
        {"coalesce(minus_zero, 1)", 0},
        {"abs(minus_zero)", 0},
        {"no_number + 1", NAN},
        {"1 - no_number", NAN},
        {"no_number * 0", NAN},
        {"-no_number", NAN},
        {"stale", NAN},
        {"unfound", NAN},
        {"stale + 1", NAN},
    };
    ASSERT_NUMBERS(cases);
}

static void an_expression_names_its_operands_once(void **state)
{
    (void)state;
    const uint32_t *features;
    const struct expression *expression = compiled("channel == 'web' and orders > 3 and revenue / orders > orders");
    assert_int_equal(expression_type(expression), VALUE_BOOL);
    assert_int_equal(expression_operands(expression, &features), 3);
    assert_int_equal(features[0], 0);
    assert_int_equal(features[1], 1);
    assert_int_equal(features[2], 5);
    assert_int_equal(expression_operands(compiled("1 + 2"), &features), 0);
}

static void the_names_in_a_text_are_found_before_it_is_compiled(void **state)
{
    (void)state;
    static const char *const wanted[] = {"a", "rfm.T", "b", "a", "min"};
    const struct bytes *names;
    size_t count = expression_names_in(
        bytes_from_string("if(a > 1 and not true, 'c' == \"d\" or false, rfm.T) + ln(b) - a * min + 2e3 $ e"), &arena,
        &names);
    assert_int_equal(count, 5);
    for (size_t i = 0; i < count; i++)
        assert_true(bytes_is(names[i], wanted[i]));
    assert_int_equal(expression_names_in((struct bytes){0}, &arena, &names), 0);
    char text[EXPRESSION_BYTES_MAX + 1];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? '+' : 'a';
    assert_int_equal(expression_names_in(bytes_of(text, EXPRESSION_BYTES_MAX), &arena, &names), 1000);
    assert_int_equal(expression_names_in(bytes_of(text, EXPRESSION_BYTES_MAX + 1), &arena, &names), 0);
}

/* Nothing is said of how it is used; what goes around it is still checked. */
static void an_operand_with_a_mistake_of_its_own_is_not_blamed_twice(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int type;
    } cases[] = {{"odd", 0}, {"odd + 1", VALUE_DOUBLE}, {"odd and vip", VALUE_BOOL}, {"odd == 'a'", VALUE_BOOL},
        {"'a' != odd", VALUE_BOOL}, {"coalesce(odd, 'a')", VALUE_TEXT}, {"if(odd, odd, odd)", 0},
        {"if(odd, 1, odd)", VALUE_DOUBLE}, {"-odd", VALUE_DOUBLE}, {"not odd", VALUE_BOOL}, {"ln(odd)", VALUE_DOUBLE}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(expression_type(compiled(cases[i].text)), cases[i].type);
    const struct expression *expression;
    assert_int_equal(
        expression_parse(bytes_from_string("odd + 'a'"), &fixture_names, &arena, &expression, NULL), PATRON_INVALID);
    assert_int_equal(expression_parse(bytes_from_string("coalesce(odd, 1, 'a')"), &fixture_names, &arena, &expression,
                         NULL),
        PATRON_INVALID);
}

/* --- limits ------------------------------------------------------------------------------------------------------- */

/* `times` times `piece` after `head`, then `tail` as often. */
static const char *repeated(const char *head, const char *piece, size_t times, const char *middle, const char *tail)
{
    size_t room = strlen(head) + times * (strlen(piece) + strlen(tail)) + strlen(middle) + 1;
    char *text = arena_alloc(&arena, room);
    size_t length = (size_t)snprintf(text, room, "%s", head);
    for (size_t i = 0; i < times; i++)
        length += (size_t)snprintf(text + length, room - length, "%s", piece);
    length += (size_t)snprintf(text + length, room - length, "%s", middle);
    for (size_t i = 0; i < times; i++)
        length += (size_t)snprintf(text + length, room - length, "%s", tail);
    return text;
}

static void assert_refused(const char *text, size_t at, const char *words)
{
    const struct expression *expression;
    struct expression_mistake mistake;
    if (expression_parse(bytes_from_string(text), &fixture_names, &arena, &expression, &mistake) != PATRON_INVALID)
        fail_msg("taken: %s", text);
    assert_null(expression);
    if (strcmp(mistake.error.text, words) != 0 || mistake.at != at)
        fail_msg("%s\nat %zu, not %zu: %s", text, mistake.at, at, mistake.error.text);
}

static void limits_are_met_and_what_is_past_them_is_refused_in_words(void **state)
{
    (void)state;
    static const char deep[] = "this is nested too deeply: brackets, calls, not and '-' stand in each other at most 50 "
                               "deep; put a part into a derived feature of its own";
    (void)compiled(repeated("", "(", 50, "1", ")"));
    assert_refused(repeated("", "(", 51, "1", ")"), 50, deep);
    (void)compiled(repeated("", "-", 50, "1", ""));
    assert_refused(repeated("", "-", 51, "1", ""), 50, deep);
    (void)compiled(repeated("", "not ", 50, "vip", ""));
    assert_refused(repeated("", "not ", 51, "vip", ""), 200, deep);
    (void)compiled(repeated("", "ln(", 50, "1", ")"));
    assert_refused(repeated("", "ln(", 51, "1", ")"), 152, deep);
    (void)compiled(repeated("(1) + (2) * ", "-", 50, "1", "")); /* what is closed counts no more */

    static const char long_one[] = "the expression is too long: it has more than 500 names, values and operators; put "
                                   "a part into a derived feature of its own";
    (void)compiled(repeated("1", "+1", 249, "", ""));
    (void)compiled(repeated("-1", "+1", 249, "", ""));
    assert_refused(repeated("1", "+1", 250, "", ""), 499, long_one);

    const char *longest = repeated("1", " ", 1999, "", "");
    (void)compiled(longest);
    assert_refused(repeated("1", " ", 2000, "", ""), 0,
        "the expression is too long: 2001 bytes (at most 2000); put a part into a derived feature of its own");

    (void)compiled(repeated("max(1", ",1", 31, ")", ""));
    (void)compiled(repeated("coalesce(1", ",1", 31, ")", ""));
    assert_refused(repeated("max(1", ",1", 32, ")", ""), 0,
        "'max' takes from 2 to 32 arguments: write max(a, b, ...)");
    assert_refused(repeated("coalesce(1", ",1", 32, ")", ""), 0,
        "'coalesce' takes from 1 to 32 arguments: write coalesce(a, b, ...)");

    (void)compiled(repeated("'", "a", TEXT_ATTRIBUTE_BYTES_MAX, "'", ""));
    assert_refused(repeated("'", "a", TEXT_ATTRIBUTE_BYTES_MAX + 1, "'", ""), 0,
        "this text is too long: 1025 bytes (at most 1024)");
    assert_refused("1 + 1e309", 4, "'1e309' is too large: numbers go up to 1.7e308");
    (void)value_of(repeated("", "if(vip, 1+2*", 50, "3", ", 4)")); /* the deepest stack */
}

/* --- mistakes ----------------------------------------------------------------------------------------------------- */

static void what_cannot_be_read_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
        const char *words;
    } cases[] = {
        {"", 0, "the expression is empty: write one, such as revenue / orders"},
        {" \n ", 0, "the expression is empty: write one, such as revenue / orders"},
        {"orders +", 8, "the expression ends where a value should come"},
        {"orders + * 2", 9, "'*' stands where a value should come: a name, a number, a text or '('"},
        {"+1", 0, "'+' stands where a value should come: a name, a number, a text or '('"},
        {"1 + and", 4, "'and' stands where a value should come: a name, a number, a text or '('"},
        {"or (vip)", 0, "'or' stands where a value should come: a name, a number, a text or '('"},
        {"()", 1, "')' stands where a value should come: a name, a number, a text or '('"},
        {"orders 2", 7, "'2' stands where an operator should come"},
        {"channel 'web'", 8, "''web'' stands where an operator should come"},
        {"vip AND new", 4, "'AND' is written in small letters"},
        {"1)", 1, "this ')' closes nothing"},
        {"1, 2", 1, "',' stands where an operator should come"},
        {"2 * (1 + 2", 4, "this '(' has no ')'"},
        {"ln(2", 2, "this '(' has no ')'"},
        {"(1 2)", 3, "'2' stands where ')' or an operator should come"},
        {"min(1 2)", 6, "'2' stands where ')' or an operator should come"},
        {"min(1, )", 7, "')' stands where a value should come: a name, a number, a text or '('"},
        {"(1 = 2)", 3, "'=' is written =="},
        {"1 === 2", 2, "'===' is written =="},
        {"1 <> 2", 2, "'<>' is written !="},
        {"!vip", 0, "'!' is written not"},
        {"vip && new", 4, "'&&' is written and"},
        {"vip || new", 4, "'||' is written or"},
        {"2 ** 3", 2, "'**' is no operator here: there are no powers, write a product"},
        {"2 ^ 3", 2, "'^' is no operator here: there are no powers, write a product"},
        {"5 % 3", 2, "'%' is no operator here: there is no remainder"},
        {"vip ? 1 : 2", 4, "'?' is no operator here: write if(condition, a, b)"},
        {"1 + .5", 4, "'.' begins no number and no name: write 0.5, and rfm.T without blanks"},
        {"rfm . T", 0, "unknown feature 'rfm'"},
        {"5.", 0, "'5.' is neither a number, such as 0.5, nor a name, which begins with no digit"},
        {"90d_orders", 0, "'90d_orders' is neither a number, such as 0.5, nor a name, which begins with no digit"},
        {"1e", 0, "'1e' is neither a number, such as 0.5, nor a name, which begins with no digit"},
        {"1.2.3", 0, "'1.2.3' is neither a number, such as 0.5, nor a name, which begins with no digit"},
        {"channel == 'web", 11, "''web' begins a text that has no end: close it with the same quote"},
        {"orders; drop", 6, "';' means nothing in an expression"},
        {"orders + \xe2\x82\xac", 9, "'?" "?" "?' means nothing in an expression"},
        {"orders\xff", 0, "the expression is not UTF-8"},
        {"1 < 2 < 3", 6, "comparisons do not follow each other: write a < b and b < c, or put one in brackets"},
        {"1 == 2 != 3", 7, "comparisons do not follow each other: write a < b and b < c, or put one in brackets"},
        {"vip == not new", 7, "'not' is weaker than what stands before it: put it in brackets, (not x)"},
        {"-not vip", 1, "'not' is weaker than what stands before it: put it in brackets, (not x)"},
        {"revenu / orders", 0, "unknown feature 'revenu'"},
        {"orders + rfm.recency", 9, "unknown feature 'rfm.recency'"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i].text, cases[i].at, cases[i].words);
    const struct expression *expression;
    struct expression_mistake mistake;
    assert_int_equal(
        expression_parse(bytes_of("'a\0b'", 5), &fixture_names, &arena, &expression, &mistake), PATRON_INVALID);
    assert_string_equal(mistake.error.text, "''a' holds a zero byte, which no text may");
    assert_int_equal(expression_parse(bytes_of("1\0", 2), &fixture_names, &arena, &expression, NULL), PATRON_INVALID);
}

static void a_value_of_the_wrong_type_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t at;
        const char *words;
    } cases[] = {
        {"orders + channel", 9, "'+' takes numbers, and 'channel' is a text"},
        {"(vip) * 2", 0, "'*' takes numbers, and '(vip)' is true or false"},
        {"1 - (orders > 2)", 4, "'-' takes numbers, and '(orders > 2)' is true or false"},
        {"-channel", 1, "'-' takes numbers, and 'channel' is a text"},
        {"2 / vip", 4, "'/' takes numbers, and 'vip' is true or false"},
        {"not orders", 4, "'not' takes true or false, and 'orders' is a number: compare it, such as x > 0"},
        {"not channel", 4, "'not' takes true or false, and 'channel' is a text"},
        {"vip and orders", 8, "'and' takes true or false, and 'orders' is a number: compare it, such as x > 0"},
        {"orders or vip", 0, "'or' takes true or false, and 'orders' is a number: compare it, such as x > 0"},
        {"channel < 'x'", 0, "'<' takes numbers, and 'channel' is a text"},
        {"1 <= vip", 5, "'<=' takes numbers, and 'vip' is true or false"},
        {"true > false", 0, "'>' takes numbers, and 'true' is true or false"},
        {"1 >= 'a'", 5, "'>=' takes numbers, and ''a'' is a text"},
        {"channel == 1", 11, "'==' takes values of one type: 'channel' is a text, and '1' is a number"},
        {"vip != 1 + 2", 7, "'!=' takes values of one type: 'vip' is true or false, and '1 + 2' is a number"},
        {"if(orders, 1, 2)", 3, "'if' takes true or false, and 'orders' is a number: compare it, such as x > 0"},
        {"if(vip, 1, 'a')", 11, "'if' takes values of one type: '1' is a number, and ''a'' is a text"},
        {"coalesce(no_text, 0)", 18, "'coalesce' takes values of one type: 'no_text' is a text, and '0' is a number"},
        {"min('a', 'b')", 4, "'min' takes numbers, and ''a'' is a text"},
        {"max(1, vip)", 7, "'max' takes numbers, and 'vip' is true or false"},
        {"ln(channel)", 3, "'ln' takes numbers, and 'channel' is a text"},
        {"sqrt(vip)", 5, "'sqrt' takes numbers, and 'vip' is true or false"},
        {"abs('a')", 4, "'abs' takes numbers, and ''a'' is a text"},
        {"log(orders)", 0, "unknown function 'log': did you mean 'ln'?"},
        {"nvl(orders, 0)", 0, "unknown function 'nvl': did you mean 'coalesce'?"},
        {"colesce(orders, 0)", 0, "unknown function 'colesce': did you mean 'coalesce'?"},
        {"power(orders, 2)", 0, "unknown function 'power'; there are if, coalesce, min, max, ln, sqrt and abs"},
        {"orders (2)", 0, "unknown function 'orders'; there are if, coalesce, min, max, ln, sqrt and abs"},
        {"ln()", 0, "'ln' takes 1 argument: write ln(a)"},
        {"2 * abs(1, 2)", 4, "'abs' takes 1 argument: write abs(a)"},
        {"if(vip, 1)", 0, "'if' takes 3 arguments: write if(condition, a, b)"},
        {"if(vip, 1, 2, 3)", 0, "'if' takes 3 arguments: write if(condition, a, b)"},
        {"min(1)", 0, "'min' takes from 2 to 32 arguments: write min(a, b, ...)"},
        {"coalesce()", 0, "'coalesce' takes from 1 to 32 arguments: write coalesce(a, b, ...)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_refused(cases[i].text, cases[i].at, cases[i].words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_features_of_every_type_are_values),
        cmocka_unit_test(operators_bind_as_the_header_says),
        cmocka_unit_test(comparisons_compare_numbers_bools_and_the_bytes_of_texts),
        cmocka_unit_test(and_or_and_not_know_null_as_sql_does),
        cmocka_unit_test(every_function_is_worked_out),
        cmocka_unit_test(a_logarithm_is_the_same_bits_everywhere),
        cmocka_unit_test(what_is_not_finite_is_null_at_every_step_and_no_zero_has_a_sign),
        cmocka_unit_test(an_expression_names_its_operands_once),
        cmocka_unit_test(the_names_in_a_text_are_found_before_it_is_compiled),
        cmocka_unit_test(an_operand_with_a_mistake_of_its_own_is_not_blamed_twice),
        cmocka_unit_test(limits_are_met_and_what_is_past_them_is_refused_in_words),
        cmocka_unit_test(what_cannot_be_read_is_told_with_its_place),
        cmocka_unit_test(a_value_of_the_wrong_type_is_told_with_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, clear);
}
