#include "store/matching/normal.h"

#include <stdio.h>

/* The parts of a date as they stand, numbers and words for months. */
struct date_parts {
    unsigned number[3];
    size_t digits[3];
    size_t count;
    int word;       /* which part is a month by name; -1: none */
    char separator; /* after the first part */
};

static unsigned month_named(const uint8_t *letters, size_t length)
{
    static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";
    for (unsigned month = 0; length >= 3 && month < 12; month++)
        if (memcmp(letters, months + 3 * month, 3) == 0)
            return month + 1;
    return 0;
}

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

/* False: more than three parts, a part that is too long, a word that is no month. */
static bool parts_read(struct bytes text, struct date_parts *parts)
{
    *parts = (struct date_parts){.word = -1};
    for (size_t i = 0; i < text.length;) {
        uint8_t lower[16];
        size_t length = 0;
        bool digits = is_digit(text.data[i]),
             letters = (text.data[i] | 0x20) >= 'a' && (text.data[i] | 0x20) <= 'z';
        if (!digits && !letters) {
            if (parts->count == 1 && !parts->separator)
                parts->separator = (char)text.data[i];
            i++;
            continue;
        }
        if (parts->count == 3)
            return parts->digits[2] > 0 && (text.data[i] | 0x20) == 't'; /* a time of day follows */
        for (; i < text.length && length < sizeof lower; i++, length++) {
            lower[length] = text.data[i] | 0x20;
            if (digits ? !is_digit(text.data[i]) : lower[length] < 'a' || lower[length] > 'z')
                break;
        }
        if (length > 8 || (letters && (parts->word >= 0 || month_named(lower, length) == 0)))
            return false;
        if (letters)
            parts->word = (int)parts->count;
        parts->digits[parts->count] = digits ? length : 0;
        parts->number[parts->count] = letters ? month_named(lower, length) : 0;
        for (size_t k = 0; digits && k < length; k++)
            parts->number[parts->count] =
                parts->number[parts->count] * 10 + (unsigned)(text.data[i - length + k] - '0');
        parts->count++;
        if (parts->count == 3 && i < text.length && (text.data[i] == ' ' || text.data[i] == 'T'))
            return true; /* what follows is a time of day */
    }
    return true;
}

static bool is_date(unsigned year, unsigned month, unsigned day)
{
    static const unsigned char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return year >= 1000 && year < 2200 && month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
}

/* Dates that forms fill in where nobody answered. */
static bool is_placeholder(unsigned year, unsigned month, unsigned day)
{
    unsigned date = year * 10000 + month * 100 + day;
    return date == 18991231 || date == 19000101 || date == 19200101 || date == 10000101 || date == 11111111 ||
           date == 19700101;
}

static struct bytes date_write(unsigned year, unsigned month, unsigned day, struct arena *arena)
{
    char text[48];
    if (is_placeholder(year, month, day))
        return bytes_of(NULL, 0);
    snprintf(text, sizeof text, "%04u%02u%02u", year, month, day);
    return arena_copy(arena, bytes_from_string(text));
}

/* Two digits: nobody's records reach far enough into either century for the pivot to matter much. */
static unsigned year_whole(unsigned year, size_t digits)
{
    if (digits > 2)
        return year;
    return year + (year > 30 ? 1900 : 2000);
}

static bool three_parts_order(const struct date_parts *parts, unsigned *year, unsigned *month, unsigned *day)
{
    const unsigned *n = parts->number;
    if (parts->digits[0] >= 3) {
        *year = n[0], *month = n[1], *day = n[2];
        return true;
    }
    *year = year_whole(n[2], parts->digits[2]);
    /* With slashes the month goes first, unless it cannot; with anything else the day does. */
    bool month_first =
        parts->word == 0 || (parts->word < 0 && parts->separator == '/' && n[0] <= 12) || n[1] > 12;
    *month = month_first ? n[0] : n[1];
    *day = month_first ? n[1] : n[0];
    return parts->digits[2] > 0;
}

struct bytes match_normal_date(struct bytes raw, struct arena *arena)
{
    struct date_parts parts;
    unsigned year, month, day;
    if (parts_read(raw, &parts)) {
        if (parts.count == 1 && parts.digits[0] == 8) {
            unsigned n = parts.number[0];
            if (is_date(n / 10000, n / 100 % 100, n % 100))
                return date_write(n / 10000, n / 100 % 100, n % 100, arena);
        }
        if (parts.count == 3 && three_parts_order(&parts, &year, &month, &day) && is_date(year, month, day))
            return date_write(year, month, day, arena);
    }
    /* No date, but perhaps a part of one, or one with a slip in it: its digits can still be compared. */
    uint8_t *digits = arena_alloc(arena, 8);
    size_t length = 0;
    bool all_zero = true;
    for (size_t i = 0; i < raw.length && length < 8; i++)
        if (is_digit(raw.data[i])) {
            all_zero = all_zero && raw.data[i] == '0';
            digits[length++] = raw.data[i];
        }
    return bytes_of(digits, all_zero ? 0 : length);
}
