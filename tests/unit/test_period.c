#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/base/limits.h"
#include "store/base/time_text.h"
#include "store/definitions/definitions.h"
#include "store/definitions/period.h"

static const struct time_zone *zone_of(struct arena *arena, const char *name)
{
    const struct time_zone *zone;
    struct error error;
    if (time_zone_new(bytes_from_string(name), arena, &zone, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return zone;
}

static int64_t moment(const char *text)
{
    int64_t time_us;
    struct error error;
    if (time_from_text(bytes_from_string(text), &time_us, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return time_us;
}

static void periods_are_those_of_the_zone_s_calendar(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        enum period period;
        const char *moment, *from, *until;
    } cases[] = {
        {"UTC", PERIOD_DAY, "2024-02-29T23:59:59.999999Z", "2024-02-29T00:00Z", "2024-03-01T00:00Z"},
        {"UTC", PERIOD_MONTH, "2024-02-29T23:59:59.999999Z", "2024-02-01T00:00Z", "2024-03-01T00:00Z"},
        {"UTC", PERIOD_MONTH, "2023-02-01T00:00Z", "2023-02-01T00:00Z", "2023-03-01T00:00Z"},
        {"UTC", PERIOD_MONTH, "2023-12-31T23:59Z", "2023-12-01T00:00Z", "2024-01-01T00:00Z"},
        {"UTC", PERIOD_MONTH, "1969-12-31T23:59Z", "1969-12-01T00:00Z", "1970-01-01T00:00Z"},
        /* 5 January 1970 and 26 February 2024 were Mondays. */
        {"UTC", PERIOD_WEEK, "1970-01-04T23:59Z", "1969-12-29T00:00Z", "1970-01-05T00:00Z"},
        {"UTC", PERIOD_WEEK, "1970-01-05T00:00Z", "1970-01-05T00:00Z", "1970-01-12T00:00Z"},
        {"UTC", PERIOD_WEEK, "2024-03-03T23:59Z", "2024-02-26T00:00Z", "2024-03-04T00:00Z"},
        /* A month that begins in winter time and ends in summer time. */
        {"Europe/Berlin", PERIOD_MONTH, "2024-03-31T21:59:59Z", "2024-02-29T23:00Z", "2024-03-31T22:00Z"},
        {"Europe/Berlin", PERIOD_MONTH, "2024-03-31T22:00Z", "2024-03-31T22:00Z", "2024-04-30T22:00Z"},
        {"Europe/Berlin", PERIOD_DAY, "2024-10-27T12:00Z", "2024-10-26T22:00Z", "2024-10-27T23:00Z"},
        /* 30 December 2011 was left out on Samoa. */
        {"Pacific/Apia", PERIOD_DAY, "2011-12-30T09:59:59Z", "2011-12-29T10:00Z", "2011-12-30T10:00Z"},
        {"Pacific/Apia", PERIOD_DAY, "2011-12-30T10:00Z", "2011-12-30T10:00Z", "2011-12-31T10:00Z"},
        {"Pacific/Apia", PERIOD_MONTH, "2011-12-30T10:00Z", "2011-12-01T10:00Z", "2011-12-31T10:00Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena arena = {0};
        struct stretch made =
            period_of(zone_of(&arena, cases[i].zone), cases[i].period, moment(cases[i].moment));
        if (made.from_us != moment(cases[i].from) || made.until_us != moment(cases[i].until)) {
            char from[TIME_TEXT_MAX], until[TIME_TEXT_MAX];
            time_to_text(made.from_us, from);
            time_to_text(made.until_us, until);
            fail_msg("%s in %s: from %s until %s", cases[i].moment, cases[i].zone, from, until);
        }
        arena_clear(&arena);
    }
}

/* Over a zone's odd moments: each stretch begins where the one before it ended, and holds what it is asked for. */
static void stretches_follow_each_other(void **state)
{
    (void)state;
    static const char *const zones[] = {
        "UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu", "America/Scoresbysund"};
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        struct arena arena = {0};
        const struct time_zone *zone = zone_of(&arena, zones[i]);
        for (enum period period = PERIOD_DAY; period <= PERIOD_MONTH; period++) {
            int64_t at_us = moment("1985-01-01T00:00Z"), end_us = moment("2015-01-01T00:00Z");
            struct stretch last = period_of(zone, period, at_us);
            while (last.until_us < end_us) {
                struct stretch next = period_of(zone, period, last.until_us);
                assert_true(next.from_us == last.until_us);
                assert_true(next.until_us > next.from_us);
                struct stretch inside = period_of(zone, period, next.until_us - 1);
                assert_true(inside.from_us == next.from_us && inside.until_us == next.until_us);
                last = next;
            }
        }
        arena_clear(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(periods_are_those_of_the_zone_s_calendar),
        cmocka_unit_test(stretches_follow_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
