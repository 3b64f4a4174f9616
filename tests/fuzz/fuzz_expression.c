/* Any bytes as an expression: refused in words with a place, or taken, and then worked out to a value that is whole. */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/expression_fixture.h"

static bool has_mistake(const struct expression *expression)
{
    const uint32_t *features;
    size_t count = expression_operands(expression, &features);
    for (size_t i = 0; i < count; i++) {
        CHECK(features[i] < FIXTURE_COUNT);
        CHECK(i == 0 || features[i] > features[i - 1]);
        if (fixture_features[features[i]].value.type == 0)
            return true;
    }
    return false;
}

/* Every operand was seen before anything was compiled. */
static void check_names(struct bytes text, const struct expression *expression, struct arena *arena)
{
    const struct bytes *names;
    const uint32_t *features;
    size_t name_count = expression_names_in(text, arena, &names), count = expression_operands(expression, &features);
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < name_count && !bytes_is(names[at], fixture_features[features[i]].name))
            at++;
        CHECK(at < name_count);
    }
}

static void check_value(const struct expression *expression)
{
    struct value value;
    expression_evaluate(expression, fixture_operand, NULL, &value);
    CHECK(value.type == expression_type(expression));
    CHECK(value.type == VALUE_DOUBLE || value.type == VALUE_BOOL || value.type == VALUE_TEXT);
    CHECK(value.status == STATUS_PRESENT || value.status == STATUS_NULL);
    CHECK(value.status == STATUS_PRESENT || (value.real == 0 && value.integer == 0 && value.text.length == 0));
    CHECK(isfinite(value.real) && !(value.real == 0 && signbit(value.real)));
    CHECK(value.integer == 0 || value.integer == 1);
    CHECK(value.type == VALUE_TEXT || value.text.length == 0);
    CHECK(bytes_are_utf8(value.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    struct arena arena = {0};
    const struct expression *expression;
    struct expression_mistake mistake;
    if (expression_parse(text, &fixture_names, &arena, &expression, &mistake) != PATRON_OK) {
        CHECK(expression == NULL);
        CHECK(mistake.at <= size);
        CHECK(mistake.error.text[0] != '\0' && bytes_are_utf8(bytes_from_string(mistake.error.text)));
        const struct bytes *names;
        (void)expression_names_in(text, &arena, &names);
    } else {
        check_names(text, expression, &arena);
        if (!has_mistake(expression))
            check_value(expression);
    }
    arena_clear(&arena);
    return 0;
}
