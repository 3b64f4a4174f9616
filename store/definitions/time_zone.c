/* A zone's table: stretch i begins at starts_us[i] and has offsets_us[i]. starts_us[0] is INT64_MIN, so that every
 * moment lies in exactly one stretch. The table covers 1899 to 2201, which holds every time an event may have and every
 * window's edge that could part two of them; the first and last offsets go on beyond it.
 *
 * Moments before a zone's first recorded transition have its local mean time, which is what ICU (and IANA) give. */
#include "store/definitions/time_zone.h"

#include <unicode/ucal.h>
#include <unicode/uenum.h>
#include <unicode/ustring.h>

#include "store/base/limits.h"
#include "store/base/time_text.h"
#include "store/definitions/definitions.h"
#include "store/definitions/suggest.h"

enum { FIRST_YEAR = 1899, LAST_YEAR = 2201, STRETCHES_MAX = 2048 };

struct time_zone {
    size_t count;
    const int64_t *starts_us;
    const int64_t *offsets_us;
};

static bool is_zone_character(uint8_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '/' || c == '_' ||
        c == '-' || c == '+';
}

/* Names without a slash are old abbreviations, some of them surprising (ICU's BST is Bangladesh): only UTC and GMT are
 * taken of those. */
static bool is_region(struct bytes name)
{
    return (name.length > 0 && memchr(name.data, '/', name.length)) || bytes_is(name, "UTC") || bytes_is(name, "GMT");
}

static enum patron_code unknown_zone(struct bytes name, struct error *error)
{
    struct arena arena = {0};
    UErrorCode status = U_ZERO_ERROR;
    UEnumeration *ids = ucal_openTimeZoneIDEnumeration(UCAL_ZONE_TYPE_ANY, NULL, NULL, &status);
    int32_t count = U_SUCCESS(status) ? uenum_count(ids, &status) : 0;
    struct bytes *names = arena_array(&arena, count > 0 ? (size_t)count : 1, sizeof *names);
    size_t known = 0;
    for (int32_t i = 0; U_SUCCESS(status) && i < count; i++) {
        int32_t length = 0;
        const char *id = uenum_next(ids, &length, &status);
        if (!id || U_FAILURE(status))
            break;
        if (is_region(bytes_of(id, (size_t)length)))
            names[known++] = arena_copy(&arena, bytes_of(id, (size_t)length));
    }
    uenum_close(ids);
    const struct bytes *nearest = suggest_nearest(name, (struct suggest_from){names, known, sizeof *names});
    if (nearest)
        error_set(error, PATRON_INVALID, "unknown time zone '%s': did you mean '%s'?", quote(name).text,
            quote(*nearest).text);
    else
        error_set(error, PATRON_INVALID, "unknown time zone '%s': write an IANA name such as Europe/Berlin",
            quote(name).text);
    arena_clear(&arena);
    return PATRON_INVALID;
}

/* ICU takes any name, and gives GMT for one it does not know, so the name is looked up first. */
static enum patron_code zone_name_check(struct bytes name, UChar *id, struct error *error)
{
    if (name.length == 0 || name.length > NAME_BYTES_MAX)
        return unknown_zone(name, error);
    for (size_t i = 0; i < name.length; i++)
        if (!is_zone_character(name.data[i]))
            return unknown_zone(name, error);
    u_charsToUChars((const char *)name.data, id, (int32_t)name.length);
    id[name.length] = 0;
    UErrorCode status = U_ZERO_ERROR;
    UChar canonical[NAME_BYTES_MAX + 1] = {0};
    UBool known = 0;
    int32_t length = ucal_getCanonicalTimeZoneID(
        id, (int32_t)name.length, canonical, NAME_BYTES_MAX, &known, &status);
    if (U_FAILURE(status) || !known || bytes_is(name, "Etc/Unknown"))
        return unknown_zone(name, error);
    if (!is_region(name)) {
        char text[NAME_BYTES_MAX + 1] = {0};
        u_UCharsToChars(canonical, text, length);
        return error_set(error, PATRON_INVALID,
            "time zone '%s' is an abbreviation: write the region's IANA name (it stands for %s)",
            quote(name).text, text);
    }
    return PATRON_OK;
}

static int64_t offset_at(UCalendar *calendar, UDate time_ms, UErrorCode *status)
{
    ucal_setMillis(calendar, time_ms, status);
    int64_t offset_ms = ucal_get(calendar, UCAL_ZONE_OFFSET, status);
    offset_ms += ucal_get(calendar, UCAL_DST_OFFSET, status);
    return offset_ms * 1000;
}

enum patron_code time_zone_new(
    struct bytes name, struct arena *arena, const struct time_zone **zone, struct error *error)
{
    UChar id[NAME_BYTES_MAX + 1];
    TRY(zone_name_check(name, id, error));
    UErrorCode status = U_ZERO_ERROR;
    UCalendar *calendar = ucal_open(id, (int32_t)name.length, "", UCAL_GREGORIAN, &status);
    int64_t starts_us[STRETCHES_MAX] = {INT64_MIN};
    int64_t offsets_us[STRETCHES_MAX];
    UDate at_ms = (UDate)days_from_civil(FIRST_YEAR, 1, 1) * 86400e3;
    const UDate end_ms = (UDate)days_from_civil(LAST_YEAR, 1, 1) * 86400e3;
    size_t count = 0;
    if (U_SUCCESS(status))
        offsets_us[count++] = offset_at(calendar, at_ms, &status);
    while (U_SUCCESS(status) && ucal_getTimeZoneTransitionDate(calendar, UCAL_TZ_TRANSITION_NEXT, &at_ms, &status) &&
        U_SUCCESS(status) && at_ms < end_ms) {
        int64_t offset_us = offset_at(calendar, at_ms, &status);
        if (offset_us == offsets_us[count - 1])
            continue; /* only the share of it that is called daylight saving changed */
        CHECK(count < STRETCHES_MAX);
        starts_us[count] = (int64_t)at_ms * 1000;
        offsets_us[count++] = offset_us;
    }
    ucal_close(calendar);
    if (U_FAILURE(status))
        return error_set(
            error, PATRON_INTERNAL, "time zone '%s' cannot be read: %s", quote(name).text, u_errorName(status));
    struct time_zone *made = arena_alloc(arena, sizeof *made);
    made->count = count;
    made->starts_us = (const int64_t *)(const void *)arena_copy(arena, bytes_of(starts_us, count * 8)).data;
    made->offsets_us = (const int64_t *)(const void *)arena_copy(arena, bytes_of(offsets_us, count * 8)).data;
    *zone = made;
    return PATRON_OK;
}

static size_t stretch_of(const struct time_zone *zone, int64_t time_us)
{
    size_t low = 0, high = zone->count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (zone->starts_us[middle] <= time_us)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int64_t time_zone_offset_us(const struct time_zone *zone, int64_t time_us)
{
    return zone->offsets_us[stretch_of(zone, time_us)];
}

int64_t time_zone_day(const struct time_zone *zone, int64_t time_us)
{
    /* Split first, so that no moment, however far off, overflows when the offset is added. UTC's table has one row. */
    int64_t rest_us = time_us % MICROSECONDS_PER_DAY + time_zone_offset_us(zone, time_us);
    return time_us / MICROSECONDS_PER_DAY + floor_divide(rest_us, MICROSECONDS_PER_DAY);
}

int64_t time_zone_day_from(const struct time_zone *zone, int64_t time_us)
{
    /* No clock has been put back by more than a day, so what lies two days on cannot be earlier. */
    int64_t near_us = time_us > INT64_MAX - 2 * MICROSECONDS_PER_DAY ? INT64_MAX : time_us + 2 * MICROSECONDS_PER_DAY;
    int64_t day = time_zone_day(zone, time_us);
    for (size_t i = stretch_of(zone, time_us) + 1; i < zone->count && zone->starts_us[i] <= near_us; i++) {
        int64_t begins = time_zone_day(zone, zone->starts_us[i]);
        if (begins < day)
            day = begins;
    }
    return day;
}
