#include <math.h>

#include "store/base/deterministic.h"
#include "store/definitions/expression_program.h"

/* A value on the stack. A null's number is 0 and its text empty. */
struct slot {
    bool null;
    double number; /* a bool as 0 and 1 */
    struct bytes text;
};

static const struct slot slot_null = {.null = true};

/* Null unless finite, and 0.0 for -0.0. */
static struct slot slot_number(double number)
{
    if (!isfinite(number))
        return slot_null;
    return (struct slot){.number = number == 0.0 ? 0.0 : number};
}

static struct slot slot_operand(const struct value *value, enum value_type type)
{
    if (value->status != STATUS_PRESENT && value->status != STATUS_DEFAULT)
        return slot_null;
    CHECK(value->type == type);
    switch (type) {
    case VALUE_DOUBLE:
    case VALUE_MONEY:
        return slot_number(value->real);
    case VALUE_INT64:
    case VALUE_BOOL:
        return slot_number((double)value->integer);
    case VALUE_TEXT:
        return (struct slot){.text = value->text};
    }
    IMPOSSIBLE("an operand of no type");
}

/* --- steps -------------------------------------------------------------------------------------------------------- */

static struct slot step_unary(enum operation operation, double number)
{
    switch ((int)operation) {
    case OPERATION_NEGATE:
        return slot_number(-number);
    case OPERATION_NOT:
        return slot_number(number == 0.0);
    case OPERATION_LN:
        return slot_number(deterministic_log(number));
    case OPERATION_SQRT:
        return slot_number(sqrt(number));
    case OPERATION_ABS:
        return slot_number(fabs(number));
    }
    IMPOSSIBLE("a step of one operand that is none");
}

static struct slot step_binary(enum operation operation, const struct slot *left, const struct slot *right)
{
    double a = left->number, b = right->number;
    switch ((int)operation) {
    case OPERATION_ADD:
        return slot_number(a + b);
    case OPERATION_SUBTRACT:
        return slot_number(a - b);
    case OPERATION_MULTIPLY:
        return slot_number(a * b);
    case OPERATION_DIVIDE:
        return slot_number(a / b);
    case OPERATION_LESS:
        return slot_number(a < b);
    case OPERATION_LESS_EQUAL:
        return slot_number(a <= b);
    case OPERATION_GREATER:
        return slot_number(a > b);
    case OPERATION_GREATER_EQUAL:
        return slot_number(a >= b);
    case OPERATION_EQUAL:
        return slot_number(a == b);
    case OPERATION_UNEQUAL:
        return slot_number(a != b);
    case OPERATION_TEXT_EQUAL:
        return slot_number(bytes_equal(left->text, right->text));
    case OPERATION_TEXT_UNEQUAL:
        return slot_number(!bytes_equal(left->text, right->text));
    case OPERATION_MIN:
        return slot_number(b < a ? b : a);
    case OPERATION_MAX:
        return slot_number(b > a ? b : a);
    }
    IMPOSSIBLE("a step of two operands that is none");
}

/* As SQL's: `decisive` on either side decides it (false of `and`, true of `or`), null or not the other. */
static struct slot step_logic(const struct slot *left, const struct slot *right, double decisive)
{
    if (!left->null && left->number == decisive)
        return *left;
    if (left->null && !right->null && right->number != decisive)
        return slot_null;
    return *right;
}

/* Works out one step over what lies on top of the stack, and returns where its result lies. */
static struct slot *step_run(const struct step *step, struct slot *top)
{
    enum operation operation = step->operation;
    if (operation <= OPERATION_ABS) {
        if (!top->null)
            *top = step_unary(operation, top->number);
        return top;
    }
    if (operation == OPERATION_IF) {
        const struct slot *condition = top - 2;
        top[-2] = condition->null ? slot_null : condition->number != 0.0 ? top[-1] : top[0];
        return top - 2;
    }
    struct slot *left = top - 1;
    if (operation == OPERATION_AND || operation == OPERATION_OR)
        *left = step_logic(left, top, operation == OPERATION_OR);
    else if (operation == OPERATION_COALESCE)
        *left = left->null ? *top : *left;
    else
        *left = left->null || top->null ? slot_null : step_binary(operation, left, top);
    return left;
}

void expression_evaluate(const struct expression *expression,
    const struct value *(*operand)(const void *context, uint32_t feature), const void *context, struct value *value)
{
    struct slot stack[EXPRESSION_OPERATIONS_MAX + 1];
    struct slot *top = stack; /* the lowest is never used: an empty stack has a top too */
    for (size_t i = 0; i < expression->step_count; i++) {
        const struct step *step = &expression->steps[i];
        switch ((int)step->operation) {
        case OPERATION_NUMBER:
            *++top = (struct slot){.number = step->number};
            break;
        case OPERATION_TEXT:
            *++top = (struct slot){.text = step->text};
            break;
        case OPERATION_FEATURE:
            *++top = slot_operand(operand(context, step->feature), step->type);
            break;
        default:
            top = step_run(step, top);
        }
    }
    CHECK(top == stack + 1);
    *value = (struct value){.type = (uint8_t)expression->type, .status = top->null ? STATUS_NULL : STATUS_PRESENT};
    if (expression->type == VALUE_TEXT)
        value->text = top->text;
    else if (expression->type == VALUE_BOOL)
        value->integer = top->number != 0.0;
    else
        value->real = top->number;
}
