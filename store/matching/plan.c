#include "store/matching/levels.h"

/* What columns of each kind compare to, and how often records of one person do as a rule: where training finds too few
 * pairs to say, and what it starts from. The shares are round numbers, near what public data sets of people have. */
static const struct match_levels levels[MATCH_KIND_COUNT] = {
    [MATCH_GIVEN_NAME] = {6, {"exact", "swapped", "close", "similar", "loose", "else"},
        {.79, .02, .08, .06, .02, .03}},
    [MATCH_SURNAME] = {5, {"exact", "close", "similar", "loose", "else"}, {.82, .08, .05, .02, .03}},
    [MATCH_FULL_NAME] = {6, {"exact", "same_words", "contained", "most", "some", "else"},
        {.6, .05, .2, .08, .05, .02}},
    [MATCH_BIRTH_DATE] = {6, {"exact", "slip", "near", "within_year", "within_decade", "else"},
        {.85, .07, .03, .02, .01, .02}},
    [MATCH_EMAIL] = {5, {"exact", "same_mailbox", "close", "similar_mailbox", "else"},
        {.65, .1, .1, .05, .1}},
    [MATCH_PHONE] = {3, {"exact", "slip", "else"}, {.7, .1, .2}},
    [MATCH_POSTCODE] = {5, {"exact", "slip", "district", "area", "else"}, {.7, .1, .05, .05, .1}},
    [MATCH_PLACE] = {4, {"exact", "close", "similar", "else"}, {.7, .1, .05, .15}},
    [MATCH_STREET] = {5, {"exact", "same_words", "close", "similar", "else"}, {.65, .08, .1, .05, .12}},
    [MATCH_HOUSE_NUMBER] = {3, {"exact", "slip", "else"}, {.75, .1, .15}},
    [MATCH_NATIONAL_ID] = {4, {"exact", "slip", "near", "else"}, {.9, .05, .02, .03}},
    [MATCH_CATEGORY] = {2, {"exact", "else"}, {.9, .1}},
    [MATCH_TEXT] = {4, {"exact", "close", "similar", "else"}, {.7, .1, .05, .15}},
};

const struct match_levels *match_levels_of(enum match_kind kind)
{
    CHECK(kind < MATCH_KIND_COUNT);
    return &levels[kind];
}

size_t match_level_count(enum match_kind kind)
{
    return match_levels_of(kind)->count;
}

const char *match_level_name(enum match_kind kind, size_t level)
{
    CHECK(level < match_levels_of(kind)->count);
    return levels[kind].names[level];
}

/* The blocking rules for people, where the file writes none: each is made if there are columns of all its kinds. They
 * overlap on purpose: a block that is too large is skipped, and a finer one still brings the pair together; what misses
 * one by a slip of the pen meets in another. */
struct shipped_part {
    enum match_kind kind;
    enum match_part_form form;
    uint8_t length;
};

#define WHOLE(kind)                                                                                          \
    {                                                                                                        \
        MATCH_##kind, MATCH_PART_WHOLE, 0                                                                    \
    }
#define SOUND(kind)                                                                                          \
    {                                                                                                        \
        MATCH_##kind, MATCH_PART_SOUND, 0                                                                    \
    }
#define PREFIX(kind, length)                                                                                 \
    {                                                                                                        \
        MATCH_##kind, MATCH_PART_PREFIX, length                                                              \
    }

enum { SHIPPED_PARTS_MAX = 3 };

static const struct {
    size_t part_count;
    struct shipped_part parts[SHIPPED_PARTS_MAX];
} shipped[] = {
    {1, {WHOLE(NATIONAL_ID)}},
    {1, {WHOLE(EMAIL)}},
    {1, {WHOLE(PHONE)}},
    {1, {WHOLE(BIRTH_DATE)}},
    {2, {SOUND(GIVEN_NAME), SOUND(SURNAME)}},
    {3, {SOUND(GIVEN_NAME), SOUND(SURNAME), PREFIX(BIRTH_DATE, 4)}},
    {2, {SOUND(SURNAME), PREFIX(BIRTH_DATE, 4)}},
    {2, {SOUND(GIVEN_NAME), PREFIX(BIRTH_DATE, 6)}},
    {1, {SOUND(SURNAME)}},
    {1, {SOUND(GIVEN_NAME)}},
    {1, {SOUND(FULL_NAME)}},
    {2, {SOUND(FULL_NAME), PREFIX(BIRTH_DATE, 4)}},
    {2, {PREFIX(FULL_NAME, 4), WHOLE(POSTCODE)}},
    {2, {PREFIX(FULL_NAME, 4), WHOLE(PLACE)}},
    {1, {WHOLE(POSTCODE)}},
    {2, {WHOLE(POSTCODE), SOUND(SURNAME)}},
    {2, {WHOLE(POSTCODE), SOUND(GIVEN_NAME)}},
    {3, {WHOLE(PLACE), SOUND(SURNAME), PREFIX(GIVEN_NAME, 1)}},
    {3, {WHOLE(PLACE), SOUND(GIVEN_NAME), PREFIX(SURNAME, 1)}},
    {2, {WHOLE(STREET), WHOLE(HOUSE_NUMBER)}},
    {2, {WHOLE(STREET), SOUND(GIVEN_NAME)}},
    {1, {PREFIX(EMAIL, 6)}},
    {1, {WHOLE(TEXT)}},
};

static size_t kind_count(const struct matching_rules *rules, enum match_kind kind)
{
    size_t count = 0;
    for (size_t i = 0; i < rules->column_count; i++)
        count += rules->columns[i].kind == kind;
    return count;
}

/* The `which`th column of a kind. */
static uint16_t column_of(const struct matching_rules *rules, enum match_kind kind, size_t which)
{
    for (size_t i = 0; i < rules->column_count; i++)
        if (rules->columns[i].kind == kind && which-- == 0)
            return (uint16_t)i;
    IMPOSSIBLE("the columns of the kind were counted");
}

/* Adds the rule over the `which`th column of its first kind. A birth date kept as year, month and day is all of its
 * columns where it is wanted whole. */
static void shipped_add(struct match_plan *plan, size_t rule, size_t which)
{
    struct match_block block = {.part_count = 0};
    for (size_t i = 0; i < shipped[rule].part_count; i++) {
        const struct shipped_part *part = &shipped[rule].parts[i];
        bool all = part->kind == MATCH_BIRTH_DATE && part->form == MATCH_PART_WHOLE;
        size_t first = i == 0 && !all ? which : 0;
        size_t last = all ? kind_count(plan->rules, part->kind) : first + 1;
        for (size_t k = first; k < last && block.part_count < MATCH_BLOCK_PARTS_MAX; k++)
            block.parts[block.part_count++] =
                (struct match_part){column_of(plan->rules, part->kind, k), part->form, part->length};
    }
    if (plan->block_count < MATCH_BLOCKS_MAX)
        plan->blocks[plan->block_count++] = block;
}

static void blocks_make(struct match_plan *plan)
{
    bool parts_of_names = kind_count(plan->rules, MATCH_GIVEN_NAME) && kind_count(plan->rules, MATCH_SURNAME);
    for (size_t rule = 0; rule < sizeof shipped / sizeof *shipped; rule++) {
        bool fits = true;
        for (size_t i = 0; i < shipped[rule].part_count; i++)
            fits = fits && kind_count(plan->rules, shipped[rule].parts[i].kind) > 0 &&
                   !(parts_of_names && shipped[rule].parts[i].kind == MATCH_FULL_NAME);
        /* One person has several phones and addresses of mail: a rule each. Of anything else the first column. */
        enum match_kind first = shipped[rule].parts[0].kind;
        bool each =
            first == MATCH_NATIONAL_ID || first == MATCH_EMAIL || first == MATCH_PHONE || first == MATCH_TEXT;
        size_t times = !fits ? 0 : each ? kind_count(plan->rules, first) : 1;
        for (size_t which = 0; which < times; which++)
            shipped_add(plan, rule, which);
    }
}

void match_plan_init(struct match_plan *plan, const struct matching_rules *rules)
{
    CHECK(rules->column_count <= MATCH_COLUMNS_MAX && rules->block_count <= MATCH_BLOCKS_MAX);
    *plan = (struct match_plan){.rules = rules, .comparison_count = rules->column_count};
    for (size_t i = 0; i < rules->column_count; i++) {
        enum match_kind kind = rules->columns[i].kind;
        struct match_comparison *comparison = &plan->comparisons[i];
        enum match_kind other = kind == MATCH_GIVEN_NAME ? MATCH_SURNAME : MATCH_GIVEN_NAME;
        bool is_first = i == column_of(rules, kind, 0);
        bool watches =
            (kind == MATCH_GIVEN_NAME || kind == MATCH_SURNAME) && kind_count(rules, other) > 0 && is_first;
        *comparison =
            (struct match_comparison){kind, (uint16_t)i, is_first, watches ? column_of(rules, other, 0) : -1};
    }
    plan->has_names = kind_count(rules, MATCH_GIVEN_NAME) + kind_count(rules, MATCH_FULL_NAME) > 0;
    if (rules->block_count == 0) {
        plan->blocks_made = true;
        blocks_make(plan);
        return;
    }
    memcpy(plan->blocks, rules->blocks, rules->block_count * sizeof *rules->blocks);
    plan->block_count = rules->block_count;
}
