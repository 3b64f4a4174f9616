/* evaluate: from accumulators to a feature's value.
 *
 * The only floating point of the store is here, each step fixed, so that one row, a batch and a snapshot give the same
 * bits: a sum is one conversion of the exact integer (round to nearest even) and one division by the scale; a mean is
 * one conversion and one division by count times scale; nothing else. Built with -ffp-contract=off. */
#include "store/base/check.h"
#include "store/base/decimal.h"
#include "store/features/profile.h"

static double scale_of(enum attribute_type type)
{
    switch (type) {
    case ATTRIBUTE_MONEY:
        return MONEY_SCALE;
    case ATTRIBUTE_NUMBER:
        return (double)(UINT64_C(1) << NUMBER_FRACTION_BITS);
    case ATTRIBUTE_INTEGER:
    case ATTRIBUTE_BOOL:
    case ATTRIBUTE_TEXT:
        return 1;
    }
    IMPOSSIBLE("an attribute type outside the list");
}

static void present_double(struct value *value, double real)
{
    value->status = STATUS_PRESENT;
    value->real = real;
}

static void present_integer(struct value *value, int64_t integer)
{
    value->status = STATUS_PRESENT;
    value->integer = integer;
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

struct rfm {
    int64_t days;
    int64_t first_day;
    int64_t last_day;
    int128 later_sum; /* of the days after the first */
};

/* Days ascend within a tile and from tile to tile, but an hour's tile may share its day with its neighbours. */
static void rfm_add(struct rfm *rfm, const struct accumulator *accumulator)
{
    for (size_t i = 0; i < accumulator->count; i++) {
        const struct day_sum *day = &accumulator->days.days[i];
        if (rfm->days == 0)
            rfm->first_day = day->day;
        if (rfm->days == 0 || day->day != rfm->last_day)
            rfm->days++;
        rfm->last_day = day->day;
        if (day->day != rfm->first_day)
            rfm->later_sum += day->sum;
    }
}

static void rfm_evaluate(
    const struct profile *profile, const struct feature *feature, const struct rfm *rfm, int64_t as_of_us, struct value *value)
{
    if (rfm->days == 0)
        return;
    switch (feature->aggregation) {
    case AGGREGATION_RFM_FREQUENCY:
        present_integer(value, rfm->days - 1);
        return;
    case AGGREGATION_RFM_RECENCY:
        present_integer(value, rfm->last_day - rfm->first_day);
        return;
    case AGGREGATION_RFM_T:
        present_integer(value, layout_tile(profile->layout, TIER_DAYS, as_of_us - 1) - rfm->first_day);
        return;
    case AGGREGATION_RFM_MONETARY:
        if (rfm->days > 1)
            present_double(value,
                (double)rfm->later_sum / ((double)(rfm->days - 1) * scale_of(feature->attribute_type)));
        return;
    default:
        IMPOSSIBLE("an aggregation that is not of rfm");
    }
}

static void accumulator_evaluate(
    const struct feature *feature, const struct accumulator *accumulator, int64_t as_of_us, struct value *value)
{
    switch (feature->aggregation) {
    case AGGREGATION_COUNT:
        present_integer(value, (int64_t)accumulator->count);
        return;
    case AGGREGATION_DISTINCT:
        if (accumulator->count <= DISTINCT_VALUES_MAX)
            present_integer(value, (int64_t)accumulator->count);
        return;
    case AGGREGATION_SUM:
        present_scaled(value, feature, accumulator->number); /* 0 over no events: the empty state's number */
        return;
    default:
        break;
    }
    if (accumulator->count == 0)
        return;
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
    default:
        IMPOSSIBLE("an aggregation outside the list");
    }
}

void profile_evaluate(const struct profile *profile, uint32_t index, int64_t as_of_us, struct value *value)
{
    CHECK(profile->position_us == as_of_us - 1);
    const struct feature *feature = &profile->layout->definitions->features[index];
    const struct slot *slot = &profile->layout->slots[index];
    const struct aggregate *aggregate =
        &profile->layout->types[slot->type].tiers[slot->tier].aggregates[slot->index];
    const struct profile_type *type = &profile->types[slot->type];
    *value = (struct value){.type = (uint8_t)feature->type, .status = STATUS_NULL};
    if (slot->tier == TIER_LIFETIME) {
        accumulator_evaluate(feature, &type->lifetime[slot->index], as_of_us, value);
        return;
    }
    const struct tile_list *list = &type->tiers[slot->tier];
    int64_t first = layout_window_tile(profile->layout, slot->tier, feature->window_us, as_of_us);
    size_t place = list->count;
    while (place > 0 && list->tiles[place - 1].index >= first)
        place--;
    if (aggregate->kind == ACCUMULATE_DAYS) {
        struct rfm rfm = {0};
        for (; place < list->count; place++)
            rfm_add(&rfm, &list->tiles[place].accumulators[slot->index]);
        rfm_evaluate(profile, feature, &rfm, as_of_us, value);
        return;
    }
    struct accumulator total = {0};
    for (; place < list->count; place++)
        accumulator_merge(&total, &list->tiles[place].accumulators[slot->index], aggregate->kind, profile->arena);
    accumulator_evaluate(feature, &total, as_of_us, value);
}
