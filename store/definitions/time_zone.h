/* time_zone: whose calendar days are. A zone is an immutable table in an arena, built once from ICU's data; looking up
 * a day in it (time_zone_day, definitions.h) is a bisection and may run on any thread. */
#ifndef PATRON_DEFINITIONS_TIME_ZONE_H
#define PATRON_DEFINITIONS_TIME_ZONE_H

#include "store/base/arena.h"
#include "store/base/error.h"

struct time_zone;

/* The zone of an IANA name, in the arena. PATRON_INVALID names the nearest real one. */
enum patron_code time_zone_new(
    struct bytes name, struct arena *arena, const struct time_zone **zone, struct error *error) MUST_CHECK;

/* Offset from UTC at a moment, microseconds, east positive. */
int64_t time_zone_offset_us(const struct time_zone *zone, int64_t time_us);

#endif
