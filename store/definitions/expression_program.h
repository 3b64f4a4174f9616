/* expression_program: what an expression is compiled to: steps for a stack machine. Private to the room. */
#ifndef PATRON_DEFINITIONS_EXPRESSION_PROGRAM_H
#define PATRON_DEFINITIONS_EXPRESSION_PROGRAM_H

#include "store/definitions/expression.h"

/* How many slots each takes off the stack; each puts one there. */
enum operation {
    OPERATION_NUMBER = 1, /* 0; a bool as 0 and 1 */
    OPERATION_TEXT,       /* 0 */
    OPERATION_FEATURE,    /* 0 */
    OPERATION_NEGATE,     /* 1, as those to ABS */
    OPERATION_NOT,
    OPERATION_LN,
    OPERATION_SQRT,
    OPERATION_ABS,
    OPERATION_ADD, /* 2, as those to MAX */
    OPERATION_SUBTRACT,
    OPERATION_MULTIPLY,
    OPERATION_DIVIDE,
    OPERATION_LESS,
    OPERATION_LESS_EQUAL,
    OPERATION_GREATER,
    OPERATION_GREATER_EQUAL,
    OPERATION_EQUAL, /* of numbers or bools */
    OPERATION_UNEQUAL,
    OPERATION_TEXT_EQUAL,
    OPERATION_TEXT_UNEQUAL,
    OPERATION_AND,
    OPERATION_OR,
    OPERATION_COALESCE,
    OPERATION_MIN,
    OPERATION_MAX,
    OPERATION_IF, /* 3 */
};

struct step {
    enum operation operation;
    enum value_type type; /* of FEATURE: what its values are */
    uint32_t feature;
    double number;
    struct bytes text;
};

struct expression {
    enum value_type type;
    size_t step_count; /* at most EXPRESSION_OPERATIONS_MAX, so no run has more slots on its stack */
    const struct step *steps;
    size_t operand_count;
    const uint32_t *operands;
};

#endif
