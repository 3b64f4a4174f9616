/* The oracle's derived features: the tree is walked from its root, and every part gives a value or null. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sleef.h>

#include "tests/property/oracle_inside.h"

struct walk {
    const struct oracle_definitions *definitions;
    const struct oracle_row *row; /* of the features before this one */
};

static struct oracle_value value_of(const struct walk *walk, size_t place);

static struct oracle_value null_of(enum oracle_value_type type)
{
    return (struct oracle_value){.type = (uint8_t)type, .status = ORACLE_NULL};
}

static struct oracle_value number_of(double number)
{
    struct oracle_value value = null_of(ORACLE_VALUE_DOUBLE);
    if (isfinite(number))
        oracle_put_real(&value, number);
    return value;
}

static struct oracle_value truth_of(bool truth)
{
    struct oracle_value value = null_of(ORACLE_VALUE_BOOL);
    oracle_put_integer(&value, truth);
    return value;
}

static bool is_null(const struct oracle_value *value)
{
    return value->status != ORACLE_PRESENT;
}

/* A feature's value as an operand: every number as a double; a stale one is its default or null. */
static struct oracle_value feature_value(const struct walk *walk, const struct oracle_expression *of)
{
    struct oracle_value value = walk->row->values[of->feature];
    oracle_settle(&value, &walk->definitions->features[of->feature].otherwise);
    if (value.status != ORACLE_PRESENT && value.status != ORACLE_DEFAULT)
        return null_of(of->type);
    if (value.type == ORACLE_VALUE_INT64)
        return number_of((double)value.integer);
    if (value.type == ORACLE_VALUE_DOUBLE || value.type == ORACLE_VALUE_MONEY)
        return number_of(value.real);
    value.status = ORACLE_PRESENT;
    value.age_us = 0;
    return value;
}

static struct oracle_value logic_of(const struct walk *walk, const struct oracle_expression *of)
{
    struct oracle_value a = value_of(walk, of->arguments[0]);
    struct oracle_value b = value_of(walk, of->arguments[1]);
    bool decides = of->operation == ORACLE_OR; /* what one side must be for the other not to matter */
    if ((!is_null(&a) && (a.integer != 0) == decides) || (!is_null(&b) && (b.integer != 0) == decides))
        return truth_of(decides);
    return is_null(&a) || is_null(&b) ? null_of(ORACLE_VALUE_BOOL) : truth_of(!decides);
}

static struct oracle_value compared(
    enum oracle_operation operation, const struct oracle_value *a, const struct oracle_value *b)
{
    bool equal = false;
    bool less = false;
    if (a->type == ORACLE_VALUE_STRING) {
        equal = a->text.length == b->text.length && memcmp(a->text.data, b->text.data, a->text.length) == 0;
    } else if (a->type == ORACLE_VALUE_BOOL) {
        equal = a->integer == b->integer;
    } else {
        equal = a->real == b->real;
        less = a->real < b->real;
    }
    switch (operation) {
    case ORACLE_EQUAL:
        return truth_of(equal);
    case ORACLE_UNEQUAL:
        return truth_of(!equal);
    case ORACLE_LESS:
        return truth_of(less);
    case ORACLE_AT_MOST:
        return truth_of(less || equal);
    case ORACLE_MORE:
        return truth_of(!less && !equal);
    default:
        return truth_of(!less);
    }
}

static struct oracle_value two(const struct walk *walk, const struct oracle_expression *of)
{
    struct oracle_value a = value_of(walk, of->arguments[0]);
    struct oracle_value b = value_of(walk, of->arguments[1]);
    if (is_null(&a) || is_null(&b))
        return null_of(of->type);
    switch (of->operation) {
    case ORACLE_PLUS:
        return number_of(a.real + b.real);
    case ORACLE_MINUS:
        return number_of(a.real - b.real);
    case ORACLE_TIMES:
        return number_of(a.real * b.real);
    case ORACLE_OVER:
        return number_of(a.real / b.real);
    default:
        return compared(of->operation, &a, &b);
    }
}

static struct oracle_value one(const struct walk *walk, const struct oracle_expression *of)
{
    struct oracle_value a = value_of(walk, of->arguments[0]);
    if (is_null(&a))
        return null_of(of->type);
    switch (of->operation) {
    case ORACLE_NOT:
        return truth_of(a.integer == 0);
    case ORACLE_NEGATIVE:
        return number_of(-a.real);
    case ORACLE_ABS:
        return number_of(fabs(a.real));
    case ORACLE_SQRT:
        return a.real < 0 ? null_of(of->type) : number_of(sqrt(a.real));
    default:
        return a.real <= 0 ? null_of(of->type) : number_of(Sleef_cinz_logd1_u10purec(a.real));
    }
}

static struct oracle_value extreme_of(const struct walk *walk, const struct oracle_expression *of)
{
    struct oracle_value best = value_of(walk, of->arguments[0]);
    for (size_t i = 1; i < of->argument_count; i++) {
        struct oracle_value next = value_of(walk, of->arguments[i]);
        if (is_null(&best) || is_null(&next))
            return null_of(of->type);
        if (of->operation == ORACLE_LEAST ? next.real < best.real : next.real > best.real)
            best = next;
    }
    return best;
}

static struct oracle_value value_of(const struct walk *walk, size_t place)
{
    const struct oracle_expression *of = &walk->definitions->expressions[place];
    struct oracle_value value = {.type = (uint8_t)of->type, .status = ORACLE_PRESENT};
    switch (of->operation) {
    case ORACLE_NUMBER_IS:
        return number_of(of->number);
    case ORACLE_TRUTH_IS:
        return truth_of(of->truth);
    case ORACLE_TEXT_IS:
        value.text = (struct oracle_text){of->text, of->text_length};
        return value;
    case ORACLE_FEATURE_IS:
        return feature_value(walk, of);
    case ORACLE_AND:
    case ORACLE_OR:
        return logic_of(walk, of);
    case ORACLE_IF:
        value = value_of(walk, of->arguments[0]);
        return is_null(&value) ? null_of(of->type) : value_of(walk, of->arguments[value.integer != 0 ? 1 : 2]);
    case ORACLE_COALESCE:
        value = null_of(of->type);
        for (size_t i = 0; i < of->argument_count && is_null(&value); i++)
            value = value_of(walk, of->arguments[i]);
        return value;
    case ORACLE_LEAST:
    case ORACLE_GREATEST:
        return extreme_of(walk, of);
    default:
        return of->argument_count == 1 ? one(walk, of) : two(walk, of);
    }
}

void oracle_evaluate_derived(const struct oracle_definitions *definitions, size_t feature,
    const struct oracle_row *row, struct oracle_value *value)
{
    const struct walk walk = {definitions, row};
    struct oracle_value result = value_of(&walk, definitions->features[feature].expression);
    if (is_null(&result))
        return;
    result.real = result.real == 0 ? 0 : result.real; /* never -0.0 */
    *value = result;
}
