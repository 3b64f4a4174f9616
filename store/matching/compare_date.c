#include <stdlib.h>

#include "store/matching/levels.h"
#include "store/matching/strings.h"

enum { DATE_DIGITS = 8, YEAR_DIGITS = 4, DAYS_A_MONTH = 31, DAYS_A_YEAR = 366 };

struct date {
    int year, month, day;
};

static int number(struct bytes digits, size_t from, size_t length)
{
    int value = 0;
    for (size_t i = from; i < from + length; i++)
        value = value * 10 + (digits.data[i] - '0');
    return value;
}

/* Days since some day long ago, near enough: what is no date of the calendar counts on into the next month. */
static int days(struct date date)
{
    return (int)((double)date.year * 365.25) + (date.month * 306 + 5) / 10 + date.day;
}

/* Of dates of which no more than the years can be compared. */
static uint8_t years_level(struct bytes a, struct bytes b)
{
    struct match_text x, y;
    int apart = abs(number(a, 0, YEAR_DIGITS) - number(b, 0, YEAR_DIGITS));
    if (apart <= 1)
        return DATE_YEAR;
    match_text_of(&x, bytes_of(a.data, YEAR_DIGITS));
    match_text_of(&y, bytes_of(b.data, YEAR_DIGITS));
    return apart <= 10 || match_edits(&x, &y, 1) <= 1 ? DATE_DECADE : DATE_ELSE;
}

uint8_t match_date_level(struct bytes a, struct bytes b)
{
    struct match_text x, y;
    if (bytes_equal(a, b))
        return DATE_EXACT;
    if (a.length < YEAR_DIGITS || b.length < YEAR_DIGITS)
        return DATE_ELSE; /* a day or a month in a column of its own */
    if (a.length != b.length || a.length < DATE_DIGITS)
        return years_level(a, b);
    match_text_of(&x, a);
    match_text_of(&y, b);
    struct date one = {number(a, 0, 4), number(a, 4, 2), number(a, 6, 2)};
    struct date other = {number(b, 0, 4), number(b, 4, 2), number(b, 6, 2)};
    if (match_edits(&x, &y, 1) <= 1 ||
        (one.year == other.year && one.month == other.day && one.day == other.month))
        return DATE_SLIP;
    int apart = abs(days(one) - days(other));
    int parts = (one.year == other.year) + (one.month == other.month) + (one.day == other.day);
    if (parts == 2 || apart <= DAYS_A_MONTH)
        return DATE_NEAR;
    if (apart <= DAYS_A_YEAR)
        return DATE_YEAR;
    return apart <= 10 * DAYS_A_YEAR ? DATE_DECADE : DATE_ELSE;
}
