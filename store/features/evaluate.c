/* evaluate: from accumulators to a feature's value.
 *
 * The only floating point of what is folded is here, in evaluate_days.c and in distinct.c's estimate, each step fixed,
 * so that one row, a batch and a snapshot give the same bits. An exact integer becomes a double by one conversion (to
 * the nearest, of two the even one); then:
 *     sum, min, max   sum / scale
 *     mean            sum / (count scale)
 *     variance        (n S2 - S1^2) / (n (n - 1)) / scale^2; stddev its square root
 *     ratio           matching / count
 *     age             (T - time) / unit
 *     monetary        later sum / ((days - 1) scale)
 *     gaps            (last day - first day) / (days - 1); the deviation as stddev, of whole numbers
 *     decayed         day by day, oldest first: acc 2^(-(days between) / H) + day's sum / scale; at last
 *                     acc 2^(-(T's day - last day) / H), with H = half-life / day; 2^x of base/deterministic.h
 * Scales are 1e6 of money, 2^32 of numbers, 1 of all else. Built with -ffp-contract=off.
 *
 * T's day is the day of the last moment before T. With an offset the window's last day is that of the last moment
 * before its end, in tiles of days the calendar day before the one that is outside: from it on a streak is current,
 * while rfm's T, decay and ages count from T itself. A streak whose last day lies after T's day (clocks were put back
 * over midnight) is not current. */
#include "store/features/evaluate.h"

#include <math.h>

#include "store/base/check.h"
#include "store/base/decimal.h"
#include "store/features/distinct.h"
#include "store/features/evaluate_days.h"
#include "store/features/top.h"

static double scale_of(enum attribute_type type)
{
    switch ((int)type) {
    case ATTRIBUTE_MONEY:
        return MONEY_SCALE;
    case ATTRIBUTE_NUMBER:
        return (double)(UINT64_C(1) << NUMBER_FRACTION_BITS);
    default: /* also where no attribute is named */
        return 1;
    }
}

bool sample_variance(uint64_t n, int128 sum, struct wide squares, double scale, double *variance)
{
    if (n < 2)
        return false;
    double numerator = wide_to_double(wide_subtract(wide_times(squares, n), wide_square(sum)));
    double pairs = (double)((uint128)n * (n - 1));
    *variance = numerator / pairs / (scale * scale);
    return true;
}

/* An exact integer of the attribute's scale, as the feature's type. */
static void present_scaled(struct value *value, const struct feature *feature, int128 exact)
{
    value->status = STATUS_PRESENT;
    if (value->type == VALUE_INT64 || value->type == VALUE_BOOL) {
        value->integer = (int64_t)exact;
        return;
    }
    value->exact = exact;
    value->real = (double)exact / scale_of(feature->attribute_type);
}

static void present_scalar(struct value *value, const struct feature *feature, const struct scalar *scalar)
{
    if (value->type == VALUE_TEXT) {
        value->status = STATUS_PRESENT;
        value->text = scalar->text;
        return;
    }
    present_scaled(value, feature, scalar->number);
}

static void moments_evaluate(const struct feature *feature, const struct accumulator *accumulator, struct value *value)
{
    double variance;
    if (!sample_variance(accumulator->count, accumulator->moments.sum, accumulator->moments.squares,
            scale_of(feature->attribute_type), &variance))
        return;
    present_double(value, feature->aggregation == AGGREGATION_STDDEV ? sqrt(variance) : variance);
}

/* Of a state that holds at least one event. */
static void present_accumulator(
    const struct feature *feature, const struct accumulator *accumulator, int64_t as_of_us, struct value *value)
{
    switch (feature->aggregation) {
    case AGGREGATION_MEAN:
        present_double(value,
            (double)accumulator->number / ((double)accumulator->count * scale_of(feature->attribute_type)));
        return;
    case AGGREGATION_MIN:
    case AGGREGATION_MAX:
        present_scaled(value, feature, accumulator->number);
        return;
    case AGGREGATION_FIRST:
    case AGGREGATION_LAST:
        present_scalar(value, feature, &accumulator->edge.value);
        return;
    case AGGREGATION_AGE_FIRST:
    case AGGREGATION_AGE_LAST:
        present_double(value, (double)(as_of_us - accumulator->edge.time_us) / (double)feature->unit_us);
        return;
    case AGGREGATION_VARIANCE:
    case AGGREGATION_STDDEV:
        moments_evaluate(feature, accumulator, value);
        return;
    case AGGREGATION_RATIO:
        present_double(value, (double)accumulator->number / (double)accumulator->count);
        return;
    default:
        IMPOSSIBLE("an aggregation outside the list");
    }
}

static void accumulator_evaluate(
    const struct feature *feature, const struct accumulator *accumulator, int64_t as_of_us, struct value *value)
{
    if (feature->aggregation == AGGREGATION_COUNT)
        present_integer(value, (int64_t)accumulator->count);
    else if (feature->aggregation == AGGREGATION_SUM)
        present_scaled(value, feature, accumulator->number); /* 0 over no events: the empty state's number */
    else if (accumulator->count > 0)
        present_accumulator(feature, accumulator, as_of_us, value);
}

/* --- one feature over its tiles ------------------------------------------------------------------------------- */

/* A feature of a profile at T, and where its state lies: in one accumulator for its lifetime, or in tiles. */
struct question {
    const struct profile *profile;
    const struct feature *feature;
    const struct slot *slot;
    enum accumulator_kind kind;
    int64_t as_of_us;
    const struct accumulator *lifetime; /* null: tiles */
    struct tile_range window;
    const struct tile *tiles;
    size_t tile_count;
};

/* What was worked out last. The members of a family stand side by side, and ask of the same tiles. */
struct shared {
    const struct feature *feature; /* null: nothing yet */
    const struct slot *slot;
    struct days_summary days;
    struct top_best top;
};

static bool shares(const struct shared *shared, const struct question *question)
{
    const struct feature *last = shared->feature, *now = question->feature;
    return last && shared->slot->type == question->slot->type && shared->slot->tier == question->slot->tier &&
        shared->slot->index == question->slot->index && last->window_us == now->window_us &&
        last->offset_us == now->offset_us && last->half_life_us == now->half_life_us;
}

static struct question question_of(const struct profile *profile, uint32_t index, int64_t as_of_us)
{
    const struct layout *layout = profile->layout;
    const struct slot *slot = &layout->slots[index];
    CHECK(layout->definitions->features[index].aggregation != AGGREGATION_DERIVED);
    const struct profile_type *type = &profile->types[slot->type];
    struct question question = {.profile = profile,
        .feature = &layout->definitions->features[index],
        .slot = slot,
        .kind = layout->types[slot->type].tiers[slot->tier].aggregates[slot->index].kind,
        .as_of_us = as_of_us};
    if (slot->tier == TIER_LIFETIME) {
        question.lifetime = &type->lifetime[slot->index];
        return question;
    }
    const struct tile_list *list = &type->tiers[slot->tier];
    question.window = layout_window(
        layout, slot->tier, question.feature->window_us, question.feature->offset_us, as_of_us);
    size_t first = tile_list_place(list, question.window.first);
    size_t end = question.window.end == INT64_MAX ? list->count : tile_list_place(list, question.window.end);
    question.tile_count = end > first ? end - first : 0;
    question.tiles = question.tile_count > 0 ? list->tiles + first : NULL;
    return question;
}

static int64_t window_last_day(const struct question *question, int64_t today)
{
    enum tier tier = question->slot->tier;
    if (question->window.end == INT64_MAX)
        return today;
    if (tier == TIER_DAYS)
        return question->window.end - 1;
    return layout_tile(question->profile->layout, TIER_DAYS, question->window.end * layout_hop_us(tier) - 1);
}

static void question_days(const struct question *question, struct shared *shared, struct value *value)
{
    double scale = scale_of(question->feature->attribute_type);
    struct days_decay decay = days_decay_of(question->feature, scale);
    if (!shares(shared, question))
        days_summarize(question->tiles, question->tile_count, question->slot, &decay, &shared->days);
    int64_t today = layout_tile(question->profile->layout, TIER_DAYS, question->as_of_us - 1);
    struct days_question asked = {question->feature, scale, today, window_last_day(question, today)};
    days_evaluate(&shared->days, &asked, value);
}

static void question_top(const struct question *question, struct shared *shared, struct value *value)
{
    if (!shares(shared, question)) {
        struct top_join join;
        top_join_init(&join);
        if (question->lifetime)
            top_join_take(&join, question->lifetime);
        for (size_t i = 0; i < question->tile_count; i++)
            top_join_take(&join, &question->tiles[i].accumulators[question->slot->index]);
        top_join_best(&join, question->feature->by_attribute >= 0, &shared->top);
    }
    const struct scalar *taken = shared->top.values[question->feature->rank];
    if (taken)
        present_scalar(value, question->feature, taken);
}

static void question_distinct(const struct question *question, struct value *value)
{
    if (question->lifetime) {
        const uint8_t *registers = question->lifetime->set.registers;
        present_integer(value, registers ? distinct_estimate(registers) : (int64_t)question->lifetime->count);
        return;
    }
    struct distinct_join join;
    distinct_join_init(&join);
    for (size_t i = 0; i < question->tile_count; i++)
        distinct_join_take(&join, &question->tiles[i].accumulators[question->slot->index]);
    present_integer(value, distinct_join_count(&join));
}

/* The other kinds merge without memory. */
static void question_merged(const struct question *question, struct value *value)
{
    if (question->lifetime) {
        accumulator_evaluate(question->feature, question->lifetime, question->as_of_us, value);
        return;
    }
    struct accumulator total = {0};
    for (size_t i = 0; i < question->tile_count; i++)
        accumulator_merge(&total, &question->tiles[i].accumulators[question->slot->index], question->kind,
            question->profile->arena);
    accumulator_evaluate(question->feature, &total, question->as_of_us, value);
}

/* Whatever the value is, it is stale if the newest event that counts for the feature is too old. */
static void question_age(const struct question *question, struct value *value)
{
    const struct accumulator *newest =
        &question->profile->types[question->slot->type].lifetime[question->slot->newest];
    if (newest->count == 0)
        return;
    value->age_us = question->as_of_us - newest->edge.time_us;
    if (value->status == STATUS_PRESENT && value->age_us > question->feature->max_age_us)
        value->status = STATUS_STALE;
}

static void question_answer(const struct question *question, struct shared *shared, struct value *value)
{
    *value = (struct value){.type = (uint8_t)question->feature->type, .status = STATUS_NULL};
    switch (question->kind) {
    case ACCUMULATE_DAYS:
        question_days(question, shared, value);
        break;
    case ACCUMULATE_TOP:
        question_top(question, shared, value);
        break;
    case ACCUMULATE_DISTINCT:
        question_distinct(question, value);
        break;
    default:
        question_merged(question, value);
    }
    shared->feature = question->feature;
    shared->slot = question->slot;
    if (question->feature->max_age_us > 0)
        question_age(question, value);
}

void profile_evaluate_each(const struct profile *profile, const uint32_t *features, size_t count, int64_t as_of_us,
    struct value *values)
{
    CHECK(profile->position_us == as_of_us - 1);
    struct shared shared;
    shared.feature = NULL;
    for (size_t i = 0; i < count; i++) {
        struct question question = question_of(profile, features[i], as_of_us);
        question_answer(&question, &shared, &values[i]);
    }
}

void profile_evaluate(const struct profile *profile, uint32_t feature, int64_t as_of_us, struct value *value)
{
    profile_evaluate_each(profile, &feature, 1, as_of_us, value);
}
