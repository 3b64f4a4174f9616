#include "store/features/evaluate_days.h"

#include <math.h>

#include "store/base/check.h"
#include "store/base/deterministic.h"
#include "store/features/evaluate.h"

/* Days of one window of tiles smaller than a day: under 12 days from end to end, by any calendar. */
enum { SMALL_TILE_DAYS_MAX = 32 };

struct days_walk {
    const struct days_decay *decay;
    struct days_summary *summary;
    int64_t factor_gap; /* whose factor is kept: most gaps are of one day */
    double factor;
};

struct days_decay days_decay_of(const struct feature *feature, double scale)
{
    if (feature->aggregation != AGGREGATION_DECAYED)
        return (struct days_decay){0};
    return (struct days_decay){
        .half_life_days = (double)feature->half_life_us / (double)MICROSECONDS_PER_DAY,
        .scale = scale,
        .counts = feature->attribute < 0};
}

/* The share that is left after so many days. */
static double decay_factor(const struct days_decay *decay, int64_t days)
{
    double halvings = -(double)days / decay->half_life_days;
    return deterministic_exp2(halvings);
}

static void day_decay(struct days_walk *walk, const struct day_sum *day, int64_t gap)
{
    const struct days_decay *decay = walk->decay;
    double total = decay->counts ? (double)day->count : (double)day->sum / decay->scale;
    if (gap == 0) {
        walk->summary->decayed = total;
        return;
    }
    if (gap != walk->factor_gap) {
        walk->factor_gap = gap;
        walk->factor = decay_factor(decay, gap);
    }
    walk->summary->decayed = walk->summary->decayed * walk->factor + total;
}

/* The next day; they come in order, each once. */
static void day_take(struct days_walk *walk, const struct day_sum *day)
{
    struct days_summary *summary = walk->summary;
    int64_t gap = 0; /* there is none before the first */
    if (summary->count == 0) {
        summary->first_day = day->day;
        summary->run = 1;
    } else {
        gap = day->day - summary->last_day;
        summary->later_sum = exact_add(summary->later_sum, day->sum);
        summary->gap_squares += (uint128)gap * (uint128)gap;
        summary->gap_last = gap;
        summary->run = gap == 1 ? summary->run + 1 : 1;
    }
    if (summary->run > summary->run_longest)
        summary->run_longest = summary->run;
    if (walk->decay->half_life_days > 0)
        day_decay(walk, day, gap);
    summary->last_day = day->day;
    summary->count++;
}

static size_t small_days_add(struct day_sum *days, size_t count, const struct day_sum *added)
{
    size_t place = count;
    while (place > 0 && days[place - 1].day > added->day)
        place--;
    if (place > 0 && days[place - 1].day == added->day) {
        days[place - 1].count += added->count;
        days[place - 1].sum = exact_add(days[place - 1].sum, added->sum);
        return count;
    }
    CHECK(count < SMALL_TILE_DAYS_MAX);
    memmove(days + place + 1, days + place, (count - place) * sizeof *days);
    days[place] = *added;
    return count + 1;
}

void days_summarize(const struct tile *tiles, size_t count, const struct slot *slot, const struct days_decay *decay,
    struct days_summary *summary)
{
    *summary = (struct days_summary){0};
    struct days_walk walk = {.decay = decay, .summary = summary};
    struct day_sum small[SMALL_TILE_DAYS_MAX];
    size_t small_count = 0;
    for (size_t i = 0; i < count; i++) {
        const struct accumulator *accumulator = &tiles[i].accumulators[slot->index];
        for (size_t j = 0; j < accumulator->count; j++) {
            const struct day_sum *day = &accumulator->days.days[j];
            if (slot->tier == TIER_DAYS)
                day_take(&walk, day);
            else
                small_count = small_days_add(small, small_count, day);
        }
    }
    for (size_t i = 0; i < small_count; i++)
        day_take(&walk, &small[i]);
}

static void gaps_evaluate(const struct days_summary *summary, enum aggregation aggregation, struct value *value)
{
    uint64_t gaps = (uint64_t)summary->count - 1;
    int64_t sum = summary->last_day - summary->first_day;
    double variance;
    if (gaps == 0)
        return;
    if (aggregation == AGGREGATION_GAP_LAST)
        present_integer(value, summary->gap_last);
    else if (aggregation == AGGREGATION_GAP_MEAN)
        present_double(value, (double)sum / (double)gaps);
    else if (sample_variance(gaps, sum, wide_product(summary->gap_squares, 1), 1, &variance))
        present_double(value, sqrt(variance));
}

static void present_days(const struct days_summary *summary, const struct days_question *question, struct value *value)
{
    const struct feature *feature = question->feature;
    switch (feature->aggregation) {
    case AGGREGATION_RFM_FREQUENCY:
        present_integer(value, summary->count - 1);
        return;
    case AGGREGATION_RFM_RECENCY:
        present_integer(value, summary->last_day - summary->first_day);
        return;
    case AGGREGATION_RFM_T:
        present_integer(value, question->today - summary->first_day);
        return;
    case AGGREGATION_RFM_MONETARY:
        if (summary->count > 1)
            present_double(value, (double)summary->later_sum / ((double)(summary->count - 1) * question->scale));
        return;
    case AGGREGATION_GAP_MEAN:
    case AGGREGATION_GAP_STDDEV:
    case AGGREGATION_GAP_LAST:
        gaps_evaluate(summary, feature->aggregation, value);
        return;
    case AGGREGATION_DECAYED: {
        struct days_decay decay = days_decay_of(feature, question->scale);
        present_double(value, summary->decayed * decay_factor(&decay, question->today - summary->last_day));
        return;
    }
    default:
        IMPOSSIBLE("an aggregation that is not of days");
    }
}

void days_evaluate(const struct days_summary *summary, const struct days_question *question, struct value *value)
{
    int64_t since = question->window_last - summary->last_day;
    switch (question->feature->aggregation) {
    case AGGREGATION_ACTIVE_DAYS:
        present_integer(value, summary->count);
        return;
    case AGGREGATION_STREAK_LONGEST:
        present_integer(value, summary->run_longest);
        return;
    case AGGREGATION_STREAK_CURRENT:
        present_integer(value, summary->count > 0 && (since == 0 || since == 1) ? summary->run : 0);
        return;
    default:
        if (summary->count > 0)
            present_days(summary, question, value);
    }
}
