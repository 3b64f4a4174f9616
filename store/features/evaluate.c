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

/* Tiles smaller than a day may share their days, and need not come in the days' order where clocks are put back over
 * midnight. Their windows are under 12 days, so that the days fit a word. */
static struct rfm rfm_of(const struct tile *tiles, size_t count, const struct slot *slot)
{
    struct rfm rfm = {.first_day = INT64_MAX, .last_day = INT64_MIN};
    for (size_t i = 0; i < count; i++) {
        const struct accumulator *accumulator = &tiles[i].accumulators[slot->index];
        if (accumulator->count == 0)
            continue;
        if (accumulator->days.days[0].day < rfm.first_day)
            rfm.first_day = accumulator->days.days[0].day;
        if (accumulator->days.days[accumulator->count - 1].day > rfm.last_day)
            rfm.last_day = accumulator->days.days[accumulator->count - 1].day;
    }
    uint64_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        const struct accumulator *accumulator = &tiles[i].accumulators[slot->index];
        for (size_t j = 0; j < accumulator->count; j++) {
            const struct day_sum *day = &accumulator->days.days[j];
            if (day->day != rfm.first_day)
                rfm.later_sum = exact_add(rfm.later_sum, day->sum);
            if (slot->tier == TIER_DAYS)
                rfm.days++;
            else
                seen |= UINT64_C(1) << ((day->day - rfm.first_day) & 63);
        }
    }
    rfm.days += __builtin_popcountll(seen);
    return rfm;
}

static void rfm_evaluate(const struct profile *profile, const struct feature *feature, const struct rfm *rfm,
    int64_t as_of_us, struct value *value)
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

/* The union of sets of values, on the stack: through accumulator_merge it would cost memory for each T. */
struct joined {
    uint64_t buffers[2][DISTINCT_VALUES_MAX];
    uint64_t *values; /* ascending */
    size_t count;
};

/* One by one, for a set much smaller than what is there. False: too many. */
static bool joined_insert(struct joined *joined, const uint64_t *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t low = 0, high = joined->count;
        while (low < high) {
            size_t middle = (low + high) / 2;
            if (joined->values[middle] < values[i])
                low = middle + 1;
            else
                high = middle;
        }
        if (low < joined->count && joined->values[low] == values[i])
            continue;
        if (joined->count == DISTINCT_VALUES_MAX)
            return false;
        memmove(joined->values + low + 1, joined->values + low, (joined->count - low) * sizeof *values);
        joined->values[low] = values[i];
        joined->count++;
    }
    return true;
}

/* Side by side, into the other buffer. False: too many. */
static bool joined_merge(struct joined *joined, const uint64_t *values, size_t count)
{
    uint64_t *merged = joined->values == joined->buffers[0] ? joined->buffers[1] : joined->buffers[0];
    size_t made = 0, i = 0, j = 0;
    while (i < joined->count || j < count) {
        if (made == DISTINCT_VALUES_MAX)
            return false;
        bool take_old = j == count || (i < joined->count && joined->values[i] <= values[j]);
        bool take_new = i == joined->count || (j < count && values[j] <= joined->values[i]);
        merged[made++] = take_old ? joined->values[i] : values[j];
        i += take_old;
        j += take_new;
    }
    joined->values = merged;
    joined->count = made;
    return true;
}

/* How many different values the tiles hold together, DISTINCT_VALUES_MAX + 1 for too many. */
static uint64_t distinct_count(const struct tile *tiles, size_t count, const struct slot *slot)
{
    struct joined joined;
    joined.values = joined.buffers[0];
    joined.count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct accumulator *accumulator = &tiles[i].accumulators[slot->index];
        if (accumulator->count > DISTINCT_VALUES_MAX)
            return DISTINCT_VALUES_MAX + 1;
        bool fits = accumulator->count < joined.count / 16
            ? joined_insert(&joined, accumulator->set.values, accumulator->count)
            : joined_merge(&joined, accumulator->set.values, accumulator->count);
        if (!fits)
            return DISTINCT_VALUES_MAX + 1;
    }
    return joined.count;
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
    size_t place = tile_list_place(list, first), count = list->count - place;
    const struct tile *tiles = count > 0 ? list->tiles + place : NULL;
    if (aggregate->kind == ACCUMULATE_DAYS) {
        struct rfm rfm = rfm_of(tiles, count, slot);
        rfm_evaluate(profile, feature, &rfm, as_of_us, value);
        return;
    }
    struct accumulator total = {0};
    if (aggregate->kind == ACCUMULATE_DISTINCT)
        total.count = distinct_count(tiles, count, slot);
    else
        for (size_t i = 0; i < count; i++)
            accumulator_merge(&total, &tiles[i].accumulators[slot->index], aggregate->kind, profile->arena);
    accumulator_evaluate(feature, &total, as_of_us, value);
}
