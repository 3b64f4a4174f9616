#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <unicode/ucal.h>
#include <unicode/ustring.h>

#include "store/base/time_text.h"
#include "store/definitions/definitions.h"
#include "store/definitions/time_zone.h"

static const struct time_zone *zone_of(struct arena *arena, const char *name)
{
    const struct time_zone *zone;
    struct error error;
    if (time_zone_new(bytes_from_string(name), arena, &zone, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return zone;
}

static void days_are_those_of_the_zone_s_calendar(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        const char *moment;
        const char *day;
    } cases[] = {
        {"UTC", "1969-12-31T23:59:59.999999Z", "1969-12-31"},
        {"UTC", "1970-01-01T00:00Z", "1970-01-01"},
        {"Etc/GMT+12", "2000-01-01T11:59:59Z", "1999-12-31"},
        /* A day of 23 hours and one of 25. */
        {"Europe/Berlin", "2024-03-30T22:59:59.999999Z", "2024-03-30"},
        {"Europe/Berlin", "2024-03-30T23:00Z", "2024-03-31"},
        {"Europe/Berlin", "2024-03-31T21:59:59.999999Z", "2024-03-31"},
        {"Europe/Berlin", "2024-03-31T22:00Z", "2024-04-01"},
        {"Europe/Berlin", "2024-10-26T22:00Z", "2024-10-27"},
        {"Europe/Berlin", "2024-10-27T22:59:59.999999Z", "2024-10-27"},
        {"Europe/Berlin", "2024-10-27T23:00Z", "2024-10-28"},
        /* Two hours of daylight saving in 1945, from 24 May on. */
        {"Europe/Berlin", "1945-06-01T20:59:59Z", "1945-06-01"},
        {"Europe/Berlin", "1945-06-01T21:00Z", "1945-06-02"},
        {"Europe/Berlin", "1907-01-01T22:59:59Z", "1907-01-01"},
        {"Europe/Berlin", "1907-01-01T23:00Z", "1907-01-02"},
        /* Rules go on for as long as events may. */
        {"Europe/Berlin", "2199-07-01T21:59:59Z", "2199-07-01"},
        {"Europe/Berlin", "2199-07-01T22:00Z", "2199-07-02"},
        {"Europe/Berlin", "2199-12-01T22:59:59Z", "2199-12-01"},
        {"Europe/Berlin", "2199-12-01T23:00Z", "2199-12-02"},
        /* 5:45 ahead, and 5:30 until 1986. */
        {"Asia/Kathmandu", "2020-01-01T18:14:59Z", "2020-01-01"},
        {"Asia/Kathmandu", "2020-01-01T18:15Z", "2020-01-02"},
        {"Asia/Kathmandu", "1980-01-01T18:29:59Z", "1980-01-01"},
        {"Asia/Kathmandu", "1980-01-01T18:30Z", "1980-01-02"},
        /* 30 December 2011 was left out on Samoa. */
        {"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29"},
        {"Pacific/Apia", "2011-12-30T10:00Z", "2011-12-31"},
        /* 44 minutes and a half behind, until 1972. */
        {"Africa/Monrovia", "1971-12-31T00:44:29Z", "1971-12-30"},
        {"Africa/Monrovia", "1971-12-31T00:44:30Z", "1971-12-31"},
        {"America/New_York", "1969-07-04T03:59:59Z", "1969-07-03"},
        {"America/New_York", "1969-07-04T04:00Z", "1969-07-04"},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t moment_us, day_us;
        assert_int_equal(time_from_text(bytes_from_string(cases[i].moment), &moment_us, NULL), PATRON_OK);
        assert_int_equal(time_from_text(bytes_from_string(cases[i].day), &day_us, NULL), PATRON_OK);
        int64_t day = time_zone_day(zone_of(&arena, cases[i].zone), moment_us);
        if (day != day_us / MICROSECONDS_PER_DAY) {
            char text[TIME_TEXT_MAX];
            time_to_text(day * MICROSECONDS_PER_DAY, text);
            fail_msg("%s in %s is %s, not %s", cases[i].moment, cases[i].zone, text, cases[i].day);
        }
    }
    arena_clear(&arena);
}

/* The table against ICU itself, asked moment by moment. */
static void a_zone_s_table_says_what_its_calendar_says(void **state)
{
    (void)state;
    static const char *const zones[] = {"Europe/Berlin", "Asia/Kathmandu", "America/New_York", "Africa/Casablanca",
        "Australia/Lord_Howe", "Pacific/Apia", "Asia/Tehran", "Europe/Dublin", "America/Sao_Paulo", "Antarctica/Troll",
        "Etc/UTC", "Asia/Pyongyang"};
    struct arena arena = {0};
    uint64_t dice = 7;
    for (size_t i = 0; i < sizeof zones / sizeof zones[0]; i++) {
        const struct time_zone *zone = zone_of(&arena, zones[i]);
        UChar id[64];
        u_charsToUChars(zones[i], id, (int32_t)strlen(zones[i]) + 1);
        UErrorCode status = U_ZERO_ERROR;
        UCalendar *calendar = ucal_open(id, -1, "", UCAL_GREGORIAN, &status);
        for (int round = 0; round < 3000; round++) {
            dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            int64_t span_ms = (EVENT_TIME_MAX_US - EVENT_TIME_MIN_US) / 1000;
            int64_t time_ms = EVENT_TIME_MIN_US / 1000 + (int64_t)((dice >> 11) % (uint64_t)span_ms);
            ucal_setMillis(calendar, (UDate)time_ms, &status);
            int64_t offset_ms = ucal_get(calendar, UCAL_ZONE_OFFSET, &status);
            offset_ms += ucal_get(calendar, UCAL_DST_OFFSET, &status);
            assert_true(U_SUCCESS(status));
            if (time_zone_offset_us(zone, time_ms * 1000) != offset_ms * 1000)
                fail_msg("%s at %lld ms", zones[i], (long long)time_ms);
            int64_t day = floor_divide(time_ms + offset_ms, 86400000);
            assert_true(time_zone_day(zone, time_ms * 1000) == day);
        }
        ucal_close(calendar);
    }
    arena_clear(&arena);
}

static void days_of_the_furthest_moments_do_not_overflow(void **state)
{
    (void)state;
    struct arena arena = {0};
    assert_true(time_zone_day(zone_of(&arena, "UTC"), INT64_MIN) == -106751992);
    assert_true(time_zone_day(zone_of(&arena, "UTC"), INT64_MAX) == 106751991);
    assert_true(time_zone_day(zone_of(&arena, "Pacific/Kiritimati"), INT64_MAX) == 106751991);
    assert_true(time_zone_day(zone_of(&arena, "Etc/GMT-14"), INT64_MIN) == -106751992 + 1);
    arena_clear(&arena);
}

/* St. John's put its clocks back at 00:01 until 2011: the last day of October came, went, and came again. */
static void the_first_day_from_a_moment_on_is_the_one_before_where_clocks_go_back_over_midnight(void **state)
{
    (void)state;
    static const struct {
        const char *zone;
        const char *moment;
        int later; /* how many days the moment's own day lies after the first from then on */
    } cases[] = {
        {"America/St_Johns", "2010-11-07T02:29:59.999999Z", 0},
        {"America/St_Johns", "2010-11-07T02:30Z", 1},
        {"America/St_Johns", "2010-11-07T02:30:59.999999Z", 1},
        {"America/St_Johns", "2010-11-07T02:31Z", 0},
        {"America/St_Johns", "2010-11-07T03:30Z", 0},
        {"America/St_Johns", "2010-11-05T12:00Z", 0},
        {"America/Sao_Paulo", "2010-02-21T01:59:59Z", 0},
        {"UTC", "2010-11-07T02:30Z", 0},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct time_zone *zone = zone_of(&arena, cases[i].zone);
        int64_t time_us;
        assert_int_equal(time_from_text(bytes_from_string(cases[i].moment), &time_us, NULL), PATRON_OK);
        int64_t later = time_zone_day(zone, time_us) - time_zone_day_from(zone, time_us);
        if (later != cases[i].later)
            fail_msg("%s in %s: %lld", cases[i].moment, cases[i].zone, (long long)later);
    }
    assert_true(time_zone_day_from(zone_of(&arena, "America/St_Johns"), INT64_MAX) == 106751991);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_are_those_of_the_zone_s_calendar),
        cmocka_unit_test(a_zone_s_table_says_what_its_calendar_says),
        cmocka_unit_test(the_first_day_from_a_moment_on_is_the_one_before_where_clocks_go_back_over_midnight),
        cmocka_unit_test(days_of_the_furthest_moments_do_not_overflow),
    };
    return cmocka_run_group_tests_name("time_zone", tests, NULL, NULL);
}
