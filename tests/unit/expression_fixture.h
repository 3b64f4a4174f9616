/* expression_fixture: a customer's features for the tests of expressions, and short ways to ask for one. Include it
 * after cmocka.h. */
#ifndef PATRON_TESTS_EXPRESSION_FIXTURE_H
#define PATRON_TESTS_EXPRESSION_FIXTURE_H

#include <math.h>

#include "store/definitions/expression.h"

static const struct fixture_feature {
    const char *name;
    struct value value;
} fixture_features[] = {
    {"revenue", {.type = VALUE_MONEY, .status = STATUS_PRESENT, .real = 120.5, .exact = 120500000}},
    {"orders", {.type = VALUE_INT64, .status = STATUS_PRESENT, .integer = 4}},
    {"score", {.type = VALUE_DOUBLE, .status = STATUS_PRESENT, .real = 0.25}},
    {"vip", {.type = VALUE_BOOL, .status = STATUS_PRESENT, .integer = 1}},
    {"new", {.type = VALUE_BOOL, .status = STATUS_PRESENT, .integer = 0}},
    {"channel", {.type = VALUE_TEXT, .status = STATUS_PRESENT, .text = {(const uint8_t *)"web", 3}}},
    {"rfm.T", {.type = VALUE_INT64, .status = STATUS_PRESENT, .integer = 30}},
    {"top.1", {.type = VALUE_TEXT, .status = STATUS_PRESENT, .text = {(const uint8_t *)"app", 3}}},
    {"no_number", {.type = VALUE_DOUBLE, .status = STATUS_NULL}},
    {"no_bool", {.type = VALUE_BOOL, .status = STATUS_NULL}},
    {"no_text", {.type = VALUE_TEXT, .status = STATUS_NULL}},
    {"fallen", {.type = VALUE_INT64, .status = STATUS_DEFAULT, .integer = 7}},
    {"stale", {.type = VALUE_INT64, .status = STATUS_STALE, .integer = 7}},
    {"unfound", {.type = VALUE_INT64, .status = STATUS_NOT_FOUND, .integer = 7}},
    {"endless", {.type = VALUE_DOUBLE, .status = STATUS_PRESENT, .real = INFINITY}},
    {"undefined", {.type = VALUE_DOUBLE, .status = STATUS_PRESENT, .real = NAN}},
    {"minus_zero", {.type = VALUE_DOUBLE, .status = STATUS_PRESENT, .real = -0.0}},
    {"large", {.type = VALUE_DOUBLE, .status = STATUS_PRESENT, .real = 1.5e308}},
    {"least", {.type = VALUE_INT64, .status = STATUS_PRESENT, .integer = INT64_MIN}},
    {"odd", {.type = 0}}, /* with a mistake of its own */
};
enum { FIXTURE_COUNT = sizeof fixture_features / sizeof fixture_features[0] };

static enum patron_code fixture_find(
    void *context, struct bytes name, size_t at, struct expression_operand *operand, struct error *error)
{
    (void)context;
    (void)at;
    for (uint32_t i = 0; i < FIXTURE_COUNT; i++)
        if (bytes_is(name, fixture_features[i].name)) {
            *operand = (struct expression_operand){i, (enum value_type)fixture_features[i].value.type};
            return PATRON_OK;
        }
    return error_set(error, PATRON_INVALID, "unknown feature '%.*s'", BYTES_ARGUMENTS(name));
}

static const struct expression_names fixture_names = {.find = fixture_find};

static const struct value *fixture_operand(const void *context, uint32_t feature)
{
    (void)context;
    return &fixture_features[feature].value;
}

#endif
