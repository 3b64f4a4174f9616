/* evaluate_days: what is made of days with events: rfm, gaps, streaks, active days, decay.
 *
 * The days of a window are walked once, from the oldest to the newest, each with its exact count and sum. Tiles smaller
 * than a day may share their days, and need not come in the days' order where clocks are put back over midnight: their
 * windows are under 12 days, so that those days are put together in a few words first. */
#ifndef PATRON_FEATURES_EVALUATE_DAYS_H
#define PATRON_FEATURES_EVALUATE_DAYS_H

#include "store/features/profile.h"

struct days_summary {
    int64_t count; /* days with events; over none all else is 0 */
    int64_t first_day, last_day;
    int128 later_sum;    /* of the days after the first */
    uint128 gap_squares; /* of the days from one day with events to the next */
    int64_t gap_last;
    int64_t run, run_longest; /* days in a row: up to the last day, and the longest */
    double decayed;           /* as of the last day; 0 unless a half-life was given */
};

struct days_decay {
    double half_life_days; /* 0: nothing is worked out */
    double scale;          /* of the sums */
    bool counts;           /* each event is 1, in place of the sum */
};

/* Of a feature that is no decayed sum: nothing. */
struct days_decay days_decay_of(const struct feature *feature, double scale);
/* Of `count` tiles, the slot's accumulators in them. */
void days_summarize(const struct tile *tiles, size_t count, const struct slot *slot, const struct days_decay *decay,
    struct days_summary *summary);

struct days_question {
    const struct feature *feature;
    double scale;        /* of the attribute */
    int64_t today;       /* the day of the last moment before T */
    int64_t window_last; /* the last day that the window could hold: today without an offset */
};
void days_evaluate(const struct days_summary *summary, const struct days_question *question, struct value *value);

#endif
