#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/base/limits.h"
#include "store/definitions/expression_program.h"
#include "store/definitions/expression_token.h"
#include "store/definitions/suggest.h"

/* A recursive descent that writes its steps as it goes: operands first, then what is done with them. */
struct parser {
    struct bytes text;
    const struct expression_names *names;
    struct arena *arena;
    struct expression_mistake *mistake;
    struct token token; /* the next one */
    size_t end;         /* of the one before */
    size_t depth;
    struct step steps[EXPRESSION_OPERATIONS_MAX];
    size_t step_count;
};

/* A piece that was read: its type (0: not known) and where it stands. */
struct part {
    enum value_type type;
    size_t at, end;
};

static enum patron_code fail(struct parser *parser, size_t at, const char *format, ...) PRINTF_LIKE(3, 4);
static enum patron_code fail(struct parser *parser, size_t at, const char *format, ...)
{
    char words[ERROR_TEXT_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    if (!parser->mistake)
        return PATRON_INVALID;
    parser->mistake->at = at;
    return error_set(&parser->mistake->error, PATRON_INVALID, "%s", words);
}

/* --- tokens ------------------------------------------------------------------------------------------------------- */

static void advance(struct parser *parser)
{
    parser->end = parser->token.end;
    parser->token = token_read(parser->text, parser->token.end);
}

static bool is_symbol(const struct parser *parser, const char *symbol)
{
    return parser->token.kind == TOKEN_SYMBOL && bytes_is(parser->token.text, symbol);
}

static bool is_word(const struct parser *parser, const char *word)
{
    return parser->token.kind == TOKEN_NAME && bytes_is(parser->token.text, word);
}

static bool is_call(const struct parser *parser)
{
    struct token after = token_read(parser->text, parser->token.end);
    return after.kind == TOKEN_SYMBOL && bytes_is(after.text, "(");
}

/* What stands at a place, for words. A text is shown with its quotes. */
static struct quoted quote_token(const struct parser *parser)
{
    const struct token *token = &parser->token;
    return quote(bytes_of(parser->text.data + token->at, token->end - token->at));
}

static struct quoted quote_part(const struct parser *parser, const struct part *part)
{
    return quote(bytes_of(parser->text.data + part->at, part->end - part->at));
}

static enum patron_code fail_bad(struct parser *parser)
{
    return fail(parser, parser->token.at, "'%s' %s", quote_token(parser).text, parser->token.why);
}

static enum patron_code nest(struct parser *parser)
{
    if (++parser->depth > EXPRESSION_DEPTH_MAX)
        return fail(parser, parser->token.at,
            "this is nested too deeply: brackets, calls, not and '-' stand in each other at most %d deep; put a part "
            "into a derived feature of its own",
            EXPRESSION_DEPTH_MAX);
    return PATRON_OK;
}

/* Reads past the ')' of a '(' at a place. */
static enum patron_code parse_close(struct parser *parser, size_t opened_at)
{
    if (parser->token.kind == TOKEN_BAD)
        return fail_bad(parser);
    if (parser->token.kind == TOKEN_END)
        return fail(parser, opened_at, "this '(' has no ')'");
    if (!is_symbol(parser, ")"))
        return fail(parser, parser->token.at, "'%s' stands where ')' or an operator should come",
            quote_token(parser).text);
    advance(parser);
    parser->depth--;
    return PATRON_OK;
}

/* --- types and steps ---------------------------------------------------------------------------------------------- */

static const char *type_words(enum value_type type)
{
    return type == VALUE_TEXT ? "a text" : type == VALUE_BOOL ? "true or false" : "a number";
}

/* What a feature's values are to an expression. */
static enum value_type type_of(enum value_type type)
{
    return type == VALUE_INT64 || type == VALUE_MONEY ? VALUE_DOUBLE : type;
}

static enum patron_code take(
    struct parser *parser, const char *what, enum value_type wanted, const struct part *part)
{
    if (part->type == 0 || part->type == wanted)
        return PATRON_OK;
    return fail(parser, part->at, "'%s' takes %s, and '%s' is %s%s", what,
        wanted == VALUE_DOUBLE ? "numbers" : "true or false", quote_part(parser, part).text, type_words(part->type),
        wanted == VALUE_BOOL && part->type == VALUE_DOUBLE ? ": compare it, such as x > 0" : "");
}

/* Both of one type, which the first has from then on if it had none. */
static enum patron_code take_same(struct parser *parser, const char *what, struct part *first, const struct part *part)
{
    if (first->type == 0)
        first->type = part->type;
    if (part->type == 0 || part->type == first->type)
        return PATRON_OK;
    return fail(parser, part->at, "'%s' takes values of one type: '%s' is %s, and '%s' is %s", what,
        quote_part(parser, first).text, type_words(first->type), quote_part(parser, part).text,
        type_words(part->type));
}

static enum patron_code emit(struct parser *parser, size_t at, const struct step *step)
{
    if (parser->step_count == EXPRESSION_OPERATIONS_MAX)
        return fail(parser, at,
            "the expression is too long: it has more than %d names, values and operators; put a part into a derived "
            "feature of its own",
            EXPRESSION_OPERATIONS_MAX);
    parser->steps[parser->step_count++] = *step;
    return PATRON_OK;
}

static enum patron_code emit_operation(struct parser *parser, size_t at, enum operation operation)
{
    return emit(parser, at, &(struct step){.operation = operation});
}

/* --- values ------------------------------------------------------------------------------------------------------- */

static enum patron_code parse_level(struct parser *parser, int level, struct part *part);
enum { LEVEL_OR, LEVEL_AND, LEVEL_NOT, LEVEL_COMPARISON, LEVEL_SUM, LEVEL_PRODUCT, LEVEL_MINUS };

static enum patron_code parse_number(struct parser *parser, struct part *part)
{
    const struct token *token = &parser->token;
    char digits[EXPRESSION_BYTES_MAX + 1];
    memcpy(digits, token->text.data, token->text.length);
    digits[token->text.length] = '\0';
    struct step step = {.operation = OPERATION_NUMBER, .number = strtod(digits, NULL)};
    if (!isfinite(step.number))
        return fail(parser, token->at, "'%s' is too large: numbers go up to 1.7e308", quote_token(parser).text);
    part->type = VALUE_DOUBLE;
    TRY(emit(parser, token->at, &step));
    advance(parser);
    return PATRON_OK;
}

static enum patron_code parse_text(struct parser *parser, struct part *part)
{
    const struct token *token = &parser->token;
    if (token->text.length > TEXT_ATTRIBUTE_BYTES_MAX)
        return fail(parser, token->at, "this text is too long: %zu bytes (at most %d)", token->text.length,
            TEXT_ATTRIBUTE_BYTES_MAX);
    struct step step = {.operation = OPERATION_TEXT, .text = arena_copy(parser->arena, token->text)};
    part->type = VALUE_TEXT;
    TRY(emit(parser, token->at, &step));
    advance(parser);
    return PATRON_OK;
}

static enum patron_code parse_name_value(struct parser *parser, struct part *part)
{
    const struct token *token = &parser->token;
    bool truth = bytes_is(token->text, "true");
    struct step step = {.operation = OPERATION_NUMBER, .type = VALUE_BOOL, .number = truth};
    if (!truth && !bytes_is(token->text, "false")) {
        struct expression_operand operand = {0};
        struct error error = {.code = PATRON_OK};
        if (parser->names->find(parser->names->context, token->text, token->at, &operand, &error) != PATRON_OK)
            return fail(parser, token->at, "%s", error.text);
        step = (struct step){.operation = OPERATION_FEATURE, .type = operand.type, .feature = operand.feature};
    }
    part->type = type_of(step.type);
    TRY(emit(parser, token->at, &step));
    advance(parser);
    return PATRON_OK;
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

struct function {
    struct bytes name;
    size_t least, most;
    enum operation operation;
    const char *form;
};
#define NAME(string) {(const uint8_t *)(string), sizeof(string) - 1}
static const struct function functions[] = {
    {NAME("if"), 3, 3, OPERATION_IF, "if(condition, a, b)"},
    {NAME("coalesce"), 1, EXPRESSION_ARGUMENTS_MAX, OPERATION_COALESCE, "coalesce(a, b, ...)"},
    {NAME("min"), 2, EXPRESSION_ARGUMENTS_MAX, OPERATION_MIN, "min(a, b, ...)"},
    {NAME("max"), 2, EXPRESSION_ARGUMENTS_MAX, OPERATION_MAX, "max(a, b, ...)"},
    {NAME("ln"), 1, 1, OPERATION_LN, "ln(a)"},
    {NAME("sqrt"), 1, 1, OPERATION_SQRT, "sqrt(a)"},
    {NAME("abs"), 1, 1, OPERATION_ABS, "abs(a)"},
};
enum { FUNCTION_COUNT = sizeof functions / sizeof functions[0] };

/* What other languages call them. */
static const struct {
    const char *name;
    const char *here;
} synonyms[] = {{"log", "ln"}, {"ifnull", "coalesce"}, {"nvl", "coalesce"}, {"fillna", "coalesce"}, {"least", "min"},
    {"greatest", "max"}, {"where", "if"}, {"iff", "if"}, {"case", "if"}};

static const struct function *function_find(struct bytes name)
{
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        if (bytes_equal(functions[i].name, name))
            return &functions[i];
    return NULL;
}

static enum patron_code fail_function(struct parser *parser, const struct token *name)
{
    for (size_t i = 0; i < sizeof synonyms / sizeof synonyms[0]; i++)
        if (bytes_is(name->text, synonyms[i].name))
            return fail(parser, name->at, "unknown function '%s': did you mean '%s'?", synonyms[i].name,
                synonyms[i].here);
    const struct suggest_from real = SUGGEST_FROM(functions, FUNCTION_COUNT, name);
    const struct bytes *nearest = suggest_nearest(name->text, real);
    if (nearest)
        return fail(
            parser, name->at, "unknown function '%s'%s", quote(name->text).text, suggest(name->text, real).text);
    return fail(parser, name->at, "unknown function '%s'; there are if, coalesce, min, max, ln, sqrt and abs",
        quote(name->text).text);
}

static enum patron_code fail_arguments(struct parser *parser, const struct token *name, const struct function *function)
{
    char number[48];
    if (function->least == function->most)
        snprintf(number, sizeof number, "%zu argument%s", function->most, function->most == 1 ? "" : "s");
    else
        snprintf(number, sizeof number, "from %zu to %zu arguments", function->least, function->most);
    return fail(parser, name->at, "'%s' takes %s: write %s", quote(name->text).text, number, function->form);
}

/* Checks an argument, and works it into those before where two make one. `first` is the first of those that must be of
 * one type. */
static enum patron_code take_argument(struct parser *parser, const struct function *function, size_t index,
    const struct part *argument, struct part *first)
{
    const char *name = (const char *)function->name.data;
    bool choice = function->operation == OPERATION_IF;
    if (choice && index == 0)
        return take(parser, name, VALUE_BOOL, argument);
    if (index == (choice ? 1 : 0))
        *first = *argument;
    if (!choice && function->operation != OPERATION_COALESCE)
        TRY(take(parser, name, VALUE_DOUBLE, argument));
    TRY(take_same(parser, name, first, argument));
    return !choice && index > 0 ? emit_operation(parser, argument->at, function->operation) : PATRON_OK;
}

static enum patron_code parse_call(struct parser *parser, struct part *part)
{
    struct token name = parser->token;
    const struct function *function = function_find(name.text);
    if (!function)
        return fail_function(parser, &name);
    advance(parser);
    size_t opened_at = parser->token.at;
    TRY(nest(parser));
    advance(parser);
    struct part first = {0};
    size_t count = 0;
    while (count > 0 || !is_symbol(parser, ")")) {
        if (count == function->most)
            return fail_arguments(parser, &name, function);
        struct part argument = {0};
        TRY(parse_level(parser, LEVEL_OR, &argument));
        TRY(take_argument(parser, function, count++, &argument, &first));
        if (!is_symbol(parser, ","))
            break;
        advance(parser);
    }
    if (count < function->least && is_symbol(parser, ")"))
        return fail_arguments(parser, &name, function);
    TRY(parse_close(parser, opened_at));
    part->type =
        function->operation == OPERATION_IF || function->operation == OPERATION_COALESCE ? first.type : VALUE_DOUBLE;
    bool last = function->operation == OPERATION_IF || function->most == 1;
    return last ? emit_operation(parser, name.at, function->operation) : PATRON_OK;
}

/* --- operators ---------------------------------------------------------------------------------------------------- */

static enum patron_code parse_brackets(struct parser *parser, struct part *part)
{
    size_t opened_at = parser->token.at;
    TRY(nest(parser));
    advance(parser);
    TRY(parse_level(parser, LEVEL_OR, part));
    return parse_close(parser, opened_at);
}

static enum patron_code parse_value(struct parser *parser, struct part *part)
{
    struct token token = parser->token;
    switch (token.kind) {
    case TOKEN_NUMBER:
        return parse_number(parser, part);
    case TOKEN_TEXT:
        return parse_text(parser, part);
    case TOKEN_BAD:
        return fail_bad(parser);
    case TOKEN_END:
        return fail(parser, token.at, "the expression ends where a value should come");
    case TOKEN_SYMBOL:
        if (is_symbol(parser, "("))
            return parse_brackets(parser, part);
        break;
    case TOKEN_NAME:
        if (is_word(parser, "not"))
            return fail(parser, token.at, "'not' is weaker than what stands before it: put it in brackets, (not x)");
        if (is_word(parser, "and") || is_word(parser, "or"))
            break;
        return is_call(parser) ? parse_call(parser, part) : parse_name_value(parser, part);
    }
    return fail(parser, token.at, "'%s' stands where a value should come: a name, a number, a text or '('",
        quote_token(parser).text);
}

/* `not` and '-': what they say of what follows, which may begin with the same again. */
static enum patron_code parse_prefix(struct parser *parser, int level, struct part *part)
{
    bool minus = level == LEVEL_MINUS;
    size_t at = parser->token.at;
    TRY(nest(parser));
    advance(parser);
    TRY(parse_level(parser, level, part));
    TRY(take(parser, minus ? "-" : "not", minus ? VALUE_DOUBLE : VALUE_BOOL, part));
    parser->depth--;
    part->type = minus ? VALUE_DOUBLE : VALUE_BOOL;
    return emit_operation(parser, at, minus ? OPERATION_NEGATE : OPERATION_NOT);
}

static const struct binary {
    const char *word;
    int level;
    enum operation operation;
    enum value_type takes; /* 0: two of one type */
    enum value_type makes;
} binaries[] = {
    {"or", LEVEL_OR, OPERATION_OR, VALUE_BOOL, VALUE_BOOL},
    {"and", LEVEL_AND, OPERATION_AND, VALUE_BOOL, VALUE_BOOL},
    {"==", LEVEL_COMPARISON, OPERATION_EQUAL, 0, VALUE_BOOL},
    {"!=", LEVEL_COMPARISON, OPERATION_UNEQUAL, 0, VALUE_BOOL},
    {"<", LEVEL_COMPARISON, OPERATION_LESS, VALUE_DOUBLE, VALUE_BOOL},
    {"<=", LEVEL_COMPARISON, OPERATION_LESS_EQUAL, VALUE_DOUBLE, VALUE_BOOL},
    {">", LEVEL_COMPARISON, OPERATION_GREATER, VALUE_DOUBLE, VALUE_BOOL},
    {">=", LEVEL_COMPARISON, OPERATION_GREATER_EQUAL, VALUE_DOUBLE, VALUE_BOOL},
    {"+", LEVEL_SUM, OPERATION_ADD, VALUE_DOUBLE, VALUE_DOUBLE},
    {"-", LEVEL_SUM, OPERATION_SUBTRACT, VALUE_DOUBLE, VALUE_DOUBLE},
    {"*", LEVEL_PRODUCT, OPERATION_MULTIPLY, VALUE_DOUBLE, VALUE_DOUBLE},
    {"/", LEVEL_PRODUCT, OPERATION_DIVIDE, VALUE_DOUBLE, VALUE_DOUBLE},
};

/* The operator of that level that comes next, or null. */
static const struct binary *binary_next(const struct parser *parser, int level)
{
    for (size_t i = 0; i < sizeof binaries / sizeof binaries[0]; i++)
        if (binaries[i].level == level && (is_symbol(parser, binaries[i].word) || is_word(parser, binaries[i].word)))
            return &binaries[i];
    return NULL;
}

static enum patron_code parse_binary(
    struct parser *parser, const struct binary *binary, size_t at, struct part *left)
{
    struct part right = {0};
    enum operation operation = binary->operation;
    TRY(parse_level(parser, binary->level + 1, &right));
    if (binary->takes) {
        TRY(take(parser, binary->word, binary->takes, left));
        TRY(take(parser, binary->word, binary->takes, &right));
    } else {
        TRY(take_same(parser, binary->word, left, &right));
        if (left->type == VALUE_TEXT)
            operation = operation == OPERATION_EQUAL ? OPERATION_TEXT_EQUAL : OPERATION_TEXT_UNEQUAL;
    }
    left->type = binary->makes;
    left->end = right.end;
    return emit_operation(parser, at, operation);
}

static enum patron_code parse_level(struct parser *parser, int level, struct part *part)
{
    size_t at = parser->token.at;
    if ((level == LEVEL_NOT && is_word(parser, "not")) || (level == LEVEL_MINUS && is_symbol(parser, "-")))
        TRY(parse_prefix(parser, level, part));
    else if (level == LEVEL_MINUS)
        TRY(parse_value(parser, part));
    else
        TRY(parse_level(parser, level + 1, part));
    part->at = at;
    part->end = parser->end;
    const struct binary *binary = binary_next(parser, level);
    while (binary) {
        size_t operator_at = parser->token.at;
        advance(parser);
        TRY(parse_binary(parser, binary, operator_at, part));
        binary = binary_next(parser, level);
        if (binary && level == LEVEL_COMPARISON)
            return fail(parser, parser->token.at,
                "comparisons do not follow each other: write a < b and b < c, or put one in brackets");
    }
    return PATRON_OK;
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static enum patron_code fail_rest(struct parser *parser)
{
    if (parser->token.kind == TOKEN_BAD)
        return fail_bad(parser);
    if (is_symbol(parser, ")"))
        return fail(parser, parser->token.at, "this ')' closes nothing");
    if (is_word(parser, "AND") || is_word(parser, "OR"))
        return fail(parser, parser->token.at, "'%s' is written in small letters", quote_token(parser).text);
    return fail(
        parser, parser->token.at, "'%s' stands where an operator should come", quote_token(parser).text);
}

static int number_compare(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static const struct expression *expression_of(const struct parser *parser, enum value_type type)
{
    uint32_t operands[EXPRESSION_OPERATIONS_MAX];
    size_t named = 0, count = 0;
    for (size_t i = 0; i < parser->step_count; i++)
        if (parser->steps[i].operation == OPERATION_FEATURE)
            operands[named++] = parser->steps[i].feature;
    qsort(operands, named, sizeof operands[0], number_compare);
    for (size_t i = 0; i < named; i++)
        if (i == 0 || operands[i] != operands[i - 1])
            operands[count++] = operands[i];
    struct step *steps = arena_array(parser->arena, parser->step_count, sizeof *steps);
    memcpy(steps, parser->steps, parser->step_count * sizeof *steps);
    uint32_t *kept = arena_array(parser->arena, count, sizeof *kept);
    memcpy(kept, operands, count * sizeof *kept);
    struct expression *expression = arena_alloc(parser->arena, sizeof *expression);
    *expression = (struct expression){
        .type = type, .step_count = parser->step_count, .steps = steps, .operand_count = count, .operands = kept};
    return expression;
}

enum patron_code expression_parse(struct bytes text, const struct expression_names *names, struct arena *arena,
    const struct expression **expression, struct expression_mistake *mistake)
{
    struct parser parser;
    parser.text = text;
    parser.names = names;
    parser.arena = arena;
    parser.mistake = mistake;
    parser.end = 0;
    parser.depth = 0;
    parser.step_count = 0;
    *expression = NULL;
    if (text.length > EXPRESSION_BYTES_MAX)
        return fail(&parser, 0, "the expression is too long: %zu bytes (at most %d); put a part into a derived feature "
                                "of its own",
            text.length, EXPRESSION_BYTES_MAX);
    if (!bytes_are_utf8(text))
        return fail(&parser, 0, "the expression is not UTF-8");
    parser.token = token_read(text, 0);
    if (parser.token.kind == TOKEN_END)
        return fail(&parser, 0, "the expression is empty: write one, such as revenue / orders");
    struct part whole = {0};
    TRY(parse_level(&parser, LEVEL_OR, &whole));
    if (parser.token.kind != TOKEN_END)
        return fail_rest(&parser);
    CHECK(parser.depth == 0);
    *expression = expression_of(&parser, whole.type);
    return PATRON_OK;
}

enum value_type expression_type(const struct expression *expression)
{
    return expression->type;
}

size_t expression_operands(const struct expression *expression, const uint32_t **features)
{
    *features = expression->operands;
    return expression->operand_count;
}

size_t expression_names_in(struct bytes text, struct arena *arena, const struct bytes **names)
{
    static const char *const keywords[] = {"and", "or", "not", "true", "false"};
    size_t most = text.length <= EXPRESSION_BYTES_MAX ? text.length / 2 + 1 : 0; /* a byte at least parts two names */
    struct bytes *found = arena_array(arena, most, sizeof *found);
    size_t count = 0;
    struct token token = token_read(text, 0);
    while (most > 0 && token.kind != TOKEN_END && token.kind != TOKEN_BAD) {
        struct token after = token_read(text, token.end);
        bool name = token.kind == TOKEN_NAME && !(after.kind == TOKEN_SYMBOL && bytes_is(after.text, "("));
        for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
            name = name && !bytes_is(token.text, keywords[i]);
        if (name)
            found[count++] = token.text;
        token = after;
    }
    *names = found;
    return count;
}
