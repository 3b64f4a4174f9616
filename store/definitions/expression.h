/* expression: what a derived feature is, worked out from other features: "revenue_365d / max(orders_365d, 1)".
 *
 * Compiled once with the definitions to a program for a small stack machine; immutable from then on and shared by all
 * threads. Running one neither allocates nor recurses nor fails.
 *
 * Grammar, by rising precedence:
 *     or        a or b                      bool
 *     and       a and b                     bool
 *     not       not a                       bool
 *     compare   a == b, a != b              of one type; texts by their bytes
 *               a < b, a <= b, a > b, a >= b   numbers; one comparison, never a chain
 *     sum       a + b, a - b                numbers, from left to right
 *     product   a * b, a / b                numbers, from left to right
 *     minus     -a                          a number
 *     value     12, 0.5, 1e-3, 'text', "text", true, false, feature, rfm.T, top_channels.1, (a), call
 *     call      if(condition, a, b)         a if the condition holds, else b; of one type
 *               coalesce(a, …)              the first that is not null; of one type
 *               min(a, b, …), max(a, b, …)  numbers
 *               ln(a), sqrt(a), abs(a)      a number
 * Names are letters, digits and '_', with '.' before a family's member; blanks and line breaks separate. A text is what
 * stands between its quotes: there are no escapes, so one that holds a quote is written with the other.
 *
 * Types: number (of a double, int64 or money feature, in units), bool and text; none becomes another by itself.
 *
 * Nulls: a null operand makes null, except that of `if` only the condition and the branch taken count (a null condition
 * makes null), of coalesce the first that is not null, and that `and` and `or` are SQL's: false and null is false, true
 * or null is true. The result of each step that is not finite (division by 0, ln of 0 or less, the root of less than 0,
 * overflow) is null, as is an operand that is not finite. -0.0 is written 0.0.
 *
 * Each step is one IEEE operation in double, ln is base/deterministic.h's: the same operands give the same bits. */
#ifndef PATRON_DEFINITIONS_EXPRESSION_H
#define PATRON_DEFINITIONS_EXPRESSION_H

#include "store/base/arena.h"
#include "store/base/error.h"
#include "store/definitions/value.h"

enum {
    EXPRESSION_BYTES_MAX = 2000,
    EXPRESSION_DEPTH_MAX = 50,      /* of what stands within brackets, calls, `not` and '-' */
    EXPRESSION_OPERATIONS_MAX = 500, /* names, numbers, texts, operators, calls; of min, max, coalesce their commas */
    EXPRESSION_ARGUMENTS_MAX = 32,
};

struct expression;

/* What a name stands for. */
struct expression_operand {
    uint32_t feature;
    enum value_type type; /* 0: it has a mistake of its own, so that nothing is said of how it is used */
};

/* Asked for each name where it stands, `at` bytes into the text. Unless PATRON_OK, `error` has been filled, and the
 * reading ends there with those words. */
struct expression_names {
    enum patron_code (*find)(
        void *context, struct bytes name, size_t at, struct expression_operand *operand, struct error *error);
    void *context;
};

struct expression_mistake {
    size_t at; /* bytes into the text */
    struct error error;
};

/* Compiles a text; what comes of it is in the arena, whole. PATRON_INVALID: `mistake` says what and where. */
enum patron_code expression_parse(struct bytes text, const struct expression_names *names, struct arena *arena,
    const struct expression **expression, struct expression_mistake *mistake) MUST_CHECK;

/* VALUE_DOUBLE, VALUE_BOOL or VALUE_TEXT; 0 if it is an operand's that has none. One with such an operand cannot be
 * evaluated. */
enum value_type expression_type(const struct expression *expression);

/* The features it is worked out from, ascending, each once. They live as long as it. */
size_t expression_operands(const struct expression *expression, const uint32_t **features);

/* The names that stand as operands in a text, in their order and as often as they do, as far as it can be read. */
size_t expression_names_in(struct bytes text, struct arena *arena, const struct bytes **names);

/* Fills in the whole value: PRESENT or NULL, of expression_type. `operand` lends a feature's settled value, of that
 * feature's type: PRESENT and DEFAULT count, any other status is null. Text points into an operand's or into the
 * expression. */
void expression_evaluate(const struct expression *expression,
    const struct value *(*operand)(const void *context, uint32_t feature), const void *context, struct value *value);

#endif
