/* Expressions rolled as trees, written as text with as many brackets as are needed and a few more, compiled and
 * evaluated, against a walk over the tree that shares no code with either: it works out a branch only when it is
 * needed, and never a null's number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/base/deterministic.h"
#include "tests/property/dice.h"
#include "tests/unit/expression_fixture.h"

enum kind { KIND_NUMBER, KIND_BOOL, KIND_TEXT };
enum { CHILDREN_MAX = 5, ROUNDS = 20000, TEXT_ROOM = 64 * 1024 };

struct tree {
    enum kind kind;
    char word[16]; /* of a leaf: itself; else an operator or a function */
    int strength;  /* how it binds: 1 or … 7 unary minus, 8 a leaf or call */
    size_t count;
    struct tree *children[CHILDREN_MAX];
};

/* Null: `null` alone is set. */
struct answer {
    bool null;
    double number;
    struct bytes text;
};

/* --- rolling ------------------------------------------------------------------------------------------------------ */

static const char *const leaves[3][16] = {
    [KIND_NUMBER] = {"revenue", "orders", "score", "rfm.T", "no_number", "fallen", "stale", "minus_zero", "large", "0",
        "1", "2.5", "1e-3", "3", "100", "endless"},
    [KIND_BOOL] = {"vip", "new", "no_bool", "true", "false", "vip", "new", "no_bool", "true", "false", "vip", "new",
        "no_bool", "true", "false", "new"},
    [KIND_TEXT] = {"channel", "top.1", "no_text", "'web'", "'app'", "\"it's\"", "''", "channel", "top.1", "no_text",
        "'web'", "'app'", "'b'", "'(a'", "'not'", "\"1\""},
};

static struct tree *roll(struct dice *dice, struct arena *arena, enum kind kind, int depth);

static void roll_children(
    struct dice *dice, struct arena *arena, struct tree *tree, enum kind kind, size_t count, int depth)
{
    for (size_t i = 0; i < count; i++)
        tree->children[tree->count++] = roll(dice, arena, kind, depth - 1);
}

static void name_it(struct tree *tree, const char *word, int strength)
{
    snprintf(tree->word, sizeof tree->word, "%s", word);
    tree->strength = strength;
}

static void roll_number(struct dice *dice, struct arena *arena, struct tree *tree, int depth)
{
    static const char *const binary[] = {"+", "-", "*", "/"};
    static const char *const unary[] = {"ln", "sqrt", "abs"};
    size_t way = dice_below(dice, 10);
    if (way < 5) {
        size_t which = dice_below(dice, 4);
        name_it(tree, binary[which], which < 2 ? 5 : 6);
        roll_children(dice, arena, tree, KIND_NUMBER, 2, depth);
    } else if (way == 5) {
        name_it(tree, "-", 7);
        roll_children(dice, arena, tree, KIND_NUMBER, 1, depth);
    } else if (way < 8) {
        name_it(tree, unary[dice_below(dice, 3)], 8);
        roll_children(dice, arena, tree, KIND_NUMBER, 1, depth);
    } else {
        name_it(tree, dice_chance(dice, 50) ? "min" : "max", 8);
        roll_children(dice, arena, tree, KIND_NUMBER, 2 + dice_below(dice, 3), depth);
    }
}

static void roll_bool(struct dice *dice, struct arena *arena, struct tree *tree, int depth)
{
    static const char *const orders[] = {"<", "<=", ">", ">=", "==", "!="};
    size_t way = dice_below(dice, 10);
    if (way < 4) {
        name_it(tree, dice_chance(dice, 50) ? "and" : "or", 0);
        tree->strength = tree->word[0] == 'o' ? 1 : 2;
        roll_children(dice, arena, tree, KIND_BOOL, 2, depth);
    } else if (way < 6) {
        name_it(tree, "not", 3);
        roll_children(dice, arena, tree, KIND_BOOL, 1, depth);
    } else if (way < 8) {
        name_it(tree, orders[dice_below(dice, 6)], 4);
        roll_children(dice, arena, tree, KIND_NUMBER, 2, depth);
    } else {
        name_it(tree, orders[4 + dice_below(dice, 2)], 4);
        roll_children(dice, arena, tree, dice_chance(dice, 50) ? KIND_TEXT : KIND_BOOL, 2, depth);
    }
}

static struct tree *roll(struct dice *dice, struct arena *arena, enum kind kind, int depth)
{
    struct tree *tree = arena_alloc(arena, sizeof *tree);
    tree->kind = kind;
    if (depth == 0 || dice_chance(dice, 20)) {
        name_it(tree, leaves[kind][dice_below(dice, 16)], 8);
    } else if (kind == KIND_TEXT || dice_chance(dice, 25)) {
        bool choice = dice_chance(dice, 50);
        name_it(tree, choice ? "if" : "coalesce", 8);
        if (choice)
            roll_children(dice, arena, tree, KIND_BOOL, 1, depth);
        roll_children(dice, arena, tree, kind, choice ? 2 : 1 + dice_below(dice, 4), depth);
    } else if (kind == KIND_NUMBER) {
        roll_number(dice, arena, tree, depth);
    } else {
        roll_bool(dice, arena, tree, depth);
    }
    return tree;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

struct writing {
    struct dice *dice;
    char *text;
    size_t length;
};

static void put(struct writing *to, const char *words)
{
    int length = snprintf(to->text + to->length, TEXT_ROOM - to->length, "%s", words);
    to->length += (size_t)length;
    assert_true(to->length < TEXT_ROOM);
}

static void blank(struct writing *to)
{
    static const char *const blanks[] = {"", "", " ", "\n", "\t "};
    put(to, blanks[dice_below(to->dice, 5)]);
}

/* A piece where only what binds at least so strongly may stand without brackets. */
static void write_tree(struct writing *to, const struct tree *tree, int needed)
{
    bool brackets = tree->strength < needed || dice_chance(to->dice, 5);
    put(to, brackets ? "(" : "");
    blank(to);
    if (tree->count == 0) {
        put(to, tree->word);
    } else if (tree->strength == 8) {
        put(to, tree->word);
        put(to, "(");
        for (size_t i = 0; i < tree->count; i++) {
            put(to, i ? "," : "");
            write_tree(to, tree->children[i], 0);
        }
        put(to, ")");
    } else if (tree->count == 1) {
        put(to, tree->word);
        put(to, " ");
        write_tree(to, tree->children[0], tree->strength);
    } else {
        /* Comparisons do not follow each other; the others stand to the left of their own kind. */
        write_tree(to, tree->children[0], tree->strength + (tree->strength == 4));
        put(to, tree->strength <= 2 ? " " : "");
        put(to, tree->word);
        put(to, tree->strength <= 2 ? " " : "");
        write_tree(to, tree->children[1], tree->strength + 1);
    }
    blank(to);
    put(to, brackets ? ")" : "");
}

/* --- the walk ----------------------------------------------------------------------------------------------------- */

static const struct answer nothing = {.null = true};

static struct answer walk(const struct tree *tree);

static struct answer answer_of(double number)
{
    return isfinite(number) ? (struct answer){.number = number + 0.0} : nothing;
}

static struct answer leaf(const struct tree *tree)
{
    for (size_t i = 0; i < FIXTURE_COUNT; i++) {
        const struct value *value = &fixture_features[i].value;
        if (strcmp(tree->word, fixture_features[i].name) != 0)
            continue;
        if (value->status != STATUS_PRESENT && value->status != STATUS_DEFAULT)
            return nothing;
        if (value->type == VALUE_TEXT)
            return (struct answer){.text = value->text};
        bool real = value->type == VALUE_DOUBLE || value->type == VALUE_MONEY;
        return answer_of(real ? value->real : (double)value->integer);
    }
    if (tree->kind == KIND_TEXT)
        return (struct answer){.text = bytes_of(tree->word + 1, strlen(tree->word) - 2)};
    if (tree->kind == KIND_BOOL)
        return answer_of(strcmp(tree->word, "true") == 0);
    return answer_of(strtod(tree->word, NULL));
}

static struct answer walk_logic(const struct tree *tree)
{
    bool decisive = tree->word[0] == 'o', unknown = false;
    for (size_t i = 0; i < 2; i++) {
        struct answer side = walk(tree->children[i]);
        if (!side.null && (side.number != 0) == decisive)
            return answer_of(decisive);
        unknown = unknown || side.null;
    }
    return unknown ? nothing : answer_of(!decisive);
}

static struct answer walk_pair(const struct tree *tree, struct answer a, struct answer b)
{
    const char *word = tree->word;
    if (tree->children[0]->kind == KIND_TEXT)
        return answer_of(bytes_equal(a.text, b.text) == (word[0] == '='));
    double x = a.number, y = b.number;
    if (word[0] == '<')
        return answer_of(word[1] ? x <= y : x < y);
    if (word[0] == '>')
        return answer_of(word[1] ? x >= y : x > y);
    if (word[0] == '=' || word[0] == '!')
        return answer_of((x == y) == (word[0] == '='));
    return answer_of(word[0] == '+' ? x + y : word[0] == '-' ? x - y : word[0] == '*' ? x * y : x / y);
}

static struct answer walk_many(const struct tree *tree)
{
    struct answer best = walk(tree->children[0]);
    for (size_t i = 1; i < tree->count && !best.null; i++) {
        struct answer next = walk(tree->children[i]);
        if (next.null || (tree->word[1] == 'i' ? next.number < best.number : next.number > best.number))
            best = next;
    }
    return best;
}

static struct answer walk_one(const struct tree *tree)
{
    struct answer of = walk(tree->children[0]);
    if (of.null)
        return nothing;
    switch (tree->word[0]) {
    case '-':
        return answer_of(0 - of.number);
    case 'n':
        return answer_of(of.number == 0);
    case 'l':
        return answer_of(deterministic_log(of.number));
    case 's':
        return answer_of(sqrt(of.number));
    default:
        return answer_of(of.number < 0 ? 0 - of.number : of.number);
    }
}

static struct answer walk(const struct tree *tree)
{
    if (tree->count == 0)
        return leaf(tree);
    if (strcmp(tree->word, "if") == 0) {
        struct answer condition = walk(tree->children[0]);
        return condition.null ? nothing : walk(tree->children[condition.number != 0 ? 1 : 2]);
    }
    if (strcmp(tree->word, "coalesce") == 0) {
        struct answer first = nothing;
        for (size_t i = 0; i < tree->count && first.null; i++)
            first = walk(tree->children[i]);
        return first;
    }
    if (tree->strength <= 2)
        return walk_logic(tree);
    if (tree->count == 1)
        return walk_one(tree);
    if (tree->strength == 8)
        return walk_many(tree);
    struct answer a = walk(tree->children[0]), b = walk(tree->children[1]);
    return a.null || b.null ? nothing : walk_pair(tree, a, b);
}

/* --- the comparison ----------------------------------------------------------------------------------------------- */

static bool same(const struct value *value, const struct answer *answer, enum kind kind)
{
    static const enum value_type types[] = {VALUE_DOUBLE, VALUE_BOOL, VALUE_TEXT};
    if (value->type != types[kind] || value->status != (answer->null ? STATUS_NULL : STATUS_PRESENT))
        return false;
    if (answer->null)
        return true;
    if (kind == KIND_TEXT)
        return bytes_equal(value->text, answer->text);
    if (kind == KIND_BOOL)
        return value->integer == (answer->number != 0);
    return memcmp(&value->real, &answer->number, sizeof answer->number) == 0;
}

static void expressions_are_what_a_walk_over_their_tree_says(void **state)
{
    (void)state;
    struct arena arena = {0};
    size_t taken = 0, nulls = 0;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        arena_reset(&arena);
        struct dice dice = dice_of(1, round);
        enum kind kind = (enum kind)dice_below(&dice, 3);
        const struct tree *tree = roll(&dice, &arena, kind, (int)dice_below(&dice, 6));
        struct writing writing = {.dice = &dice, .text = arena_alloc(&arena, TEXT_ROOM)};
        write_tree(&writing, tree, 0);
        const struct expression *expression;
        struct expression_mistake mistake;
        if (expression_parse(
                bytes_of(writing.text, writing.length), &fixture_names, &arena, &expression, &mistake) != PATRON_OK) {
            if (!strstr(mistake.error.text, "is too long"))
                fail_msg("%s\nat %zu: %s", writing.text, mistake.at, mistake.error.text);
            continue;
        }
        struct value value;
        expression_evaluate(expression, fixture_operand, NULL, &value);
        struct answer answer = walk(tree);
        if (!same(&value, &answer, kind))
            fail_msg("round %llu: %s\n= status %d, %a, not %s%a", (unsigned long long)round, writing.text,
                value.status, value.real, answer.null ? "null " : "", answer.number);
        taken++;
        nulls += answer.null;
    }
    arena_clear(&arena);
    /* Too many of either kind, and the rest is hardly tested. */
    assert_in_range(taken, ROUNDS * 9 / 10, ROUNDS);
    assert_in_range(nulls, ROUNDS / 10, ROUNDS * 6 / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_are_what_a_walk_over_their_tree_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
