/* Moments as text: RFC 3339, microseconds, UTC. Times are int64 microseconds since 1970-01-01T00:00Z, proleptic
 * Gregorian, no leap seconds. */
#ifndef PATRON_BASE_TIME_TEXT_H
#define PATRON_BASE_TIME_TEXT_H

#include "store/base/bytes.h"
#include "store/base/error.h"

enum { TIME_TEXT_MAX = 40 };

/* "1997-10-01T00:00:00.25Z" (as many decimals as it takes, none for whole seconds); returns the length. */
size_t time_to_text(int64_t time_us, char *text);

/* Accepts "1997-10-01", "1997-10-01T00:00", "1997-10-01T00:00:00.25Z", "+02:00" and "-0200" offsets, a blank for T;
 * without an offset it is UTC. More than six decimals are refused. PATRON_INVALID says what is wrong. */
enum patron_code time_from_text(struct bytes text, int64_t *time_us, struct error *error) MUST_CHECK;

/* Days since 1970-01-01 of a civil date, and back (H. Hinnant, "chrono-compatible low-level date algorithms"). */
int64_t days_from_civil(int64_t year, int month, int day);
void civil_from_days(int64_t days, int64_t *year, int *month, int *day);

/* Floor division, for times before 1970. */
static inline int64_t floor_divide(int64_t a, int64_t b)
{
    int64_t quotient = a / b;
    return a % b < 0 ? quotient - 1 : quotient;
}

#endif
