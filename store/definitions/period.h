/* period: calendar days, weeks and months of a time zone, as stretches of time. */
#ifndef PATRON_DEFINITIONS_PERIOD_H
#define PATRON_DEFINITIONS_PERIOD_H

#include "store/definitions/time_zone.h"

enum period { PERIOD_DAY = 1, PERIOD_WEEK /* from Monday */, PERIOD_MONTH };

struct stretch {
    int64_t from_us;
    int64_t until_us; /* exclusive */
};

/* The first moment from which on no moment lies in an earlier day. Where clocks are put back over midnight, what comes
 * before it may already have been in that day: it then belongs to the stretch before. */
int64_t time_zone_day_start(const struct time_zone *zone, int64_t day);
/* The stretch that the moment lies in. The stretches of a kind follow each other without gap or overlap. */
struct stretch period_of(const struct time_zone *zone, enum period period, int64_t time_us);

#endif
