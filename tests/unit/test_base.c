#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/base/arena.h"
#include "store/base/bytes.h"
#include "store/base/decimal.h"
#include "store/base/deterministic.h"
#include "store/base/encode.h"
#include "store/base/error.h"
#include "store/base/limits.h"
#include "store/base/time_text.h"

static struct bytes text_of(const char *text)
{
    return bytes_from_string(text);
}

/* A small generator of its own, so that a failure is found again: SplitMix64 (G. Steele et al., 2014). */
static uint64_t dice_state = 20240229;
static uint64_t dice(void)
{
    uint64_t z = dice_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* --- an independent reading of decimals: schoolbook arithmetic, digit by digit ------------------------------------ */

enum { DIGITS = 160 };
/* value = digits[0] digits[1] ... with `point` of them before the decimal point. */
struct schoolbook {
    int digits[DIGITS];
    int count;
    int point;
};

static struct schoolbook schoolbook_read(const char *text)
{
    struct schoolbook book = {.point = -1};
    for (; *text && *text != 'e'; text++) {
        if (*text == '.')
            book.point = book.count;
        else if (*text >= '0' && *text <= '9')
            book.digits[book.count++] = *text - '0';
    }
    if (book.point < 0)
        book.point = book.count;
    if (*text == 'e')
        book.point += (int)strtol(text + 1, NULL, 10);
    while (book.point < 0) { /* 0.0...: zeros in front */
        memmove(book.digits + 1, book.digits, (size_t)book.count * sizeof(int));
        book.digits[0] = 0;
        book.count++;
        book.point++;
    }
    while (book.count < book.point)
        book.digits[book.count++] = 0;
    return book;
}

static void schoolbook_double(struct schoolbook *book)
{
    int carry = 0;
    for (int i = book->count - 1; i >= 0; i--) {
        int twice = book->digits[i] * 2 + carry;
        book->digits[i] = twice % 10;
        carry = twice / 10;
    }
    if (carry) {
        memmove(book->digits + 1, book->digits, (size_t)book->count * sizeof(int));
        book->digits[0] = carry;
        book->count++;
        book->point++;
    }
}

static int128 schoolbook_fixed(const char *text)
{
    struct schoolbook book = schoolbook_read(text);
    for (int i = 0; i < NUMBER_FRACTION_BITS; i++)
        schoolbook_double(&book);
    int128 value = 0;
    for (int i = 0; i < book.point; i++)
        value = value * 10 + book.digits[i];
    bool more = false;
    for (int i = book.point + 1; i < book.count; i++)
        more |= book.digits[i] != 0;
    int tenths = book.point < book.count ? book.digits[book.point] : 0;
    if (tenths > 5 || (tenths == 5 && (more || value % 2 != 0)))
        value++;
    return text[0] == '-' ? -value : value;
}

static void assert_same(int128 a, int128 b, const char *text)
{
    if (a != b)
        fail_msg("'%s': %lld and %llu, not %lld and %llu", text, (long long)(a >> 64), (unsigned long long)a,
            (long long)(b >> 64), (unsigned long long)b);
}

/* --- decimals ----------------------------------------------------------------------------------------------------- */

static void numbers_from_text_are_rounded_once_half_to_even(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "0", "-0", "1", "-1", "0.5", ".5", "5.", "1e0", "1e15", "9e15", "123e-2", "+7.25", "0.1", "-0.1", "0.3",
        "9007199254740991", "-9007199254740991", "9007199254740990.9999999998",
        "0.00000000011641532182693481445312500000",         /* half a unit: to even, 0 */
        "1.16415321826934814453125e-10",                    /* the same */
        "1.16415321826934814453125000001e-10",              /* a hair more: 1 */
        "1.16415321826934814453124999999e-10",              /* a hair less: 0 */
        "3.49245965480804443359375e-10",                    /* one and a half: to even, 2 */
        "3.49245965480804443359374999999e-10", "1e-9", "1e-10", "1e-11", "1e-40", "1e-399", "123456789e-39",
        "99999999999999999999.9999999999e-10",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int128 fixed;
        if (strstr(cases[i], "e-399")) { /* beyond the schoolbook's page */
            assert_int_equal(number_from_text(text_of(cases[i]), &fixed, NULL), PATRON_OK);
            assert_true(fixed == 0);
            continue;
        }
        struct error error;
        if (number_from_text(text_of(cases[i]), &fixed, &error) != PATRON_OK)
            fail_msg("'%s' %s", cases[i], error.text);
        assert_same(fixed, schoolbook_fixed(cases[i]), cases[i]);
    }
}

static void any_number_of_thirty_digits_agrees_with_schoolbook_arithmetic(void **state)
{
    (void)state;
    for (int round = 0; round < 200000; round++) {
        char text[80];
        int length = 0;
        if (dice() % 2)
            text[length++] = '-';
        int whole = (int)(dice() % 16), places = (int)(dice() % (uint64_t)(31 - whole));
        if (whole + places == 0)
            whole = 1;
        for (int i = 0; i < whole + places; i++) {
            if (i == whole)
                text[length++] = '.';
            text[length++] = (char)('0' + dice() % 10);
        }
        snprintf(text + length, 8, "e-%d", (int)(dice() % 24));
        int128 fixed;
        if (number_from_text(text_of(text), &fixed, NULL) == PATRON_OK)
            assert_same(fixed, schoolbook_fixed(text), text);
        else
            fail_msg("'%s' was refused", text);
    }
}

static void decimals_out_of_range_or_form_are_refused_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *money;  /* null: taken */
        const char *number; /* null: taken */
    } cases[] = {
        {"", "is not a number: ''", "is not a number: ''"},
        {"-", "is not a number: '-'", "is not a number: '-'"},
        {".", "is not a number: '.'", "is not a number: '.'"},
        {" 1", "is not a number: ' 1'", "is not a number: ' 1'"},
        {"1 ", "is not a number: '1 '", "is not a number: '1 '"},
        {"1.2.3", "is not a number: '1.2.3'", "is not a number: '1.2.3'"},
        {"0x10", "is not a number: '0x10'", "is not a number: '0x10'"},
        {"nan", "is not a number: 'nan'", "is not a number: 'nan'"},
        {"1e", "is not a number: the exponent is missing", "is not a number: the exponent is missing"},
        {"1e+", "is not a number: the exponent is missing", "is not a number: the exponent is missing"},
        {"1e5x", "is not a number: '1e5x'", "is not a number: '1e5x'"},
        {"1e401", "is out of range: '1e401'", "is out of range: '1e401'"},
        {"1234567890123456789012345678901", "has too many digits: '1234567890123456789012345678901'",
            "has too many digits: '1234567890123456789012345678901'"},
        {"1e300", "is too large for money: '1e300' (at most 9223372036854.775807)",
            "is out of range: '1e300' (below 2^53)"},
        {"0.0000001", "has more than 6 decimals: '0.0000001'", NULL},
        {"1.2345678", "has more than 6 decimals: '1.2345678'", NULL},
        {"9223372036854.775807", NULL, NULL},
        {"9223372036854.775808", "is too large for money: '9223372036854.775808' (at most 9223372036854.775807)", NULL},
        {"9007199254740991", "is too large for money: '9007199254740991' (at most 9223372036854.775807)", NULL},
        {"9007199254740992", "is too large for money: '9007199254740992' (at most 9223372036854.775807)",
            "is out of range: '9007199254740992' (below 2^53)"},
        {"9007199254740991.9999999999999", "has more than 6 decimals: '9007199254740991.9999999999999'",
            "is out of range: '9007199254740991.9999999999999' (below 2^53)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error error;
        int64_t micros;
        int128 fixed;
        enum patron_code code = money_from_text(text_of(cases[i].text), &micros, &error);
        assert_int_equal(code, cases[i].money ? PATRON_INVALID : PATRON_OK);
        if (cases[i].money)
            assert_string_equal(error.text, cases[i].money);
        code = number_from_text(text_of(cases[i].text), &fixed, &error);
        assert_int_equal(code, cases[i].number ? PATRON_INVALID : PATRON_OK);
        if (cases[i].number)
            assert_string_equal(error.text, cases[i].number);
    }
}

static void money_is_read_exactly_and_zeros_past_the_sixth_decimal_do_not_matter(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t micros;
    } cases[] = {
        {"0", 0}, {"-0.0", 0}, {"1", 1000000}, {"-12.5", -12500000}, {"0.000001", 1}, {"+.25", 250000},
        {"1.2300000000000000000000000000000000000000", 1230000}, {"1e3", 1000000000}, {"1500e-3", 1500000},
        {"10000000e-7", 1000000}, {"0e400", 0}, {"0.0e-400", 0}, {"9223372036854.775807", INT64_MAX},
        {"-9223372036854.775807", -INT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t micros = -1;
        struct error error;
        if (money_from_text(text_of(cases[i].text), &micros, &error) != PATRON_OK)
            fail_msg("'%s' %s", cases[i].text, error.text);
        assert_true(micros == cases[i].micros);
    }
}

static void money_written_as_text_reads_back_the_same(void **state)
{
    (void)state;
    char text[DECIMAL_TEXT_MAX];
    static const struct {
        int64_t micros;
        const char *text;
    } cases[] = {{0, "0.00"}, {1, "0.000001"}, {-12500000, "-12.50"}, {1000000, "1.00"}, {1234560, "1.23456"},
        {999990000, "999.99"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(money_to_text(cases[i].micros, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
    }
    for (int round = 0; round < 100000; round++) {
        int64_t micros = (int64_t)(dice() >> (dice() % 64)), back;
        if (micros == INT64_MIN)
            continue;
        size_t length = money_to_text(micros, text);
        assert_int_equal(money_from_text(bytes_of(text, length), &back, NULL), PATRON_OK);
        assert_true(back == micros);
    }
    int128 most = (int128)(~(uint128)0 >> 1);
    money_to_text(-most - 1, text);
    assert_string_equal(text, "-170141183460469231731687303715884.105728");
}

static void a_double_is_money_if_it_is_the_nearest_to_six_decimals(void **state)
{
    (void)state;
    static const double ranges[] = {1, 100, 1e4, 1e6, 2e9, 2.2e9, 4.4e9, 8.5e9};
    for (int round = 0; round < 400000; round++) {
        double range = ranges[dice() % (sizeof ranges / sizeof ranges[0])];
        int64_t micros = (int64_t)((double)(dice() >> 11) * 0x1p-53 * range * 1e6), back;
        if (dice() % 2)
            micros = -micros;
        char text[DECIMAL_TEXT_MAX];
        money_to_text(micros, text);
        struct error error;
        if (money_from_double(strtod(text, NULL), &back, &error) != PATRON_OK)
            fail_msg("%s %s", text, error.text);
        assert_same(back, micros, text);
    }
    /* Past 2^33 a double stands for several amounts of six decimals, but for one of two. */
    for (int round = 0; round < 100000; round++) {
        int64_t cents = (int64_t)(dice() % 900000000000000), back;
        char text[DECIMAL_TEXT_MAX];
        money_to_text((int128)cents * 10000, text);
        assert_int_equal(money_from_double(strtod(text, NULL), &back, NULL), PATRON_OK);
        assert_same(back, (int128)cents * 10000, text);
    }
}

static void doubles_that_are_no_money_are_refused(void **state)
{
    (void)state;
    static const double cases[] = {0.1234567, 1e-7, 1.0 / 3, 100.0 / 3, 1e13, -1e300, 0.1 + 0.2, 3000000000.0 / 7,
        (double)INFINITY, -(double)INFINITY, (double)NAN, 2147483648.1234567, 5e-324};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t micros;
        struct error error;
        assert_int_equal(money_from_double(cases[i], &micros, &error), PATRON_INVALID);
        assert_true(strlen(error.text) > 0);
    }
}

static void a_number_from_a_double_is_rounded_half_to_even(void **state)
{
    (void)state;
    static const struct {
        double value;
        int64_t fixed;
    } cases[] = {{0.0, 0}, {-0.0, 0}, {1.0, INT64_C(1) << 32}, {-1.5, -3 * (INT64_C(1) << 31)}, {0x1p-33, 0},
        {0x1.8p-32, 2}, {0x1.4p-31, 2}, {0x1.cp-31, 4}, {-0x1.8p-32, -2}, {0x1.000001p-33, 1}, {5e-324, 0}};
    int128 fixed;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(number_from_double(cases[i].value, &fixed, NULL), PATRON_OK);
        assert_same(fixed, cases[i].fixed, "double");
    }
    assert_int_equal(number_from_double(9007199254740991.0, &fixed, NULL), PATRON_OK);
    assert_same(fixed, (int128)9007199254740991 << 32, "2^53 - 1");
    assert_int_equal(number_from_double(9007199254740992.0, &fixed, NULL), PATRON_INVALID);
    assert_int_equal(number_from_double((double)NAN, &fixed, NULL), PATRON_INVALID);
    assert_int_equal(number_from_double(-(double)INFINITY, &fixed, NULL), PATRON_INVALID);
    for (int round = 0; round < 100000; round++) { /* text and double of one value agree */
        double value = (double)(int64_t)dice() * 0x1p-63 * (double)(1 << dice() % 30);
        char text[400];
        snprintf(text, sizeof text, "%.20f", value);
        int128 of_text, of_double;
        assert_int_equal(number_from_double(value, &of_double, NULL), PATRON_OK);
        if (strtod(text, NULL) == value && number_from_text(text_of(text), &of_text, NULL) == PATRON_OK) {
            int128 apart = of_text - of_double;
            assert_true(apart >= -1 && apart <= 1);
        }
    }
}

/* --- times -------------------------------------------------------------------------------------------------------- */

static void times_are_read_in_every_form_that_is_promised(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t time_us;
    } cases[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00", 0},
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01 00:00:01", 1000000},
        {"1970-01-01t00:00:00.25z", 250000},
        {"1970-01-01T00:00:00.000001Z", 1},
        {"1970-01-01T00:00:00.0000010000Z", 1},
        {"1970-01-01T02:00:00+02:00", 0},
        {"1969-12-31T22:00:00-0200", 0},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"1997-10-01T12:30:00.5Z", 875709000500000},
        {"2000-02-29", 951782400000000},
        {"2024-02-29T23:59:59Z", 1709251199000000},
        {"1900-01-01", EVENT_TIME_MIN_US},
        {"2200-01-01", EVENT_TIME_MAX_US},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t time_us = -7;
        struct error error;
        if (time_from_text(text_of(cases[i].text), &time_us, &error) != PATRON_OK)
            fail_msg("%s", error.text);
        if (time_us != cases[i].time_us)
            fail_msg("%s is %lld", cases[i].text, (long long)time_us);
    }
}

static void what_is_not_a_time_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"", "now", "1970", "1970-01", "1970-1-1", "1970-01-01T", "1970-01-01T1:00",
        "1970-00-01", "1970-13-01", "1970-01-00", "1970-01-32", "1970-02-29", "1900-02-29", "2023-02-29",
        "1970-04-31", "1970-01-01T24:00", "1970-01-01T00:60", "1970-01-01T00:00:60", "1970-01-01T00:00:00.",
        "1970-01-01T00:00:00.0000001Z", "1970-01-01T00:00:00ZZ", "1970-01-01T00:00:00+2", "1970-01-01T00:00+24:00",
        "1970-01-01T00:00+02:60", "1970-01-01T00:00:00 Z", " 1970-01-01", "1970-01-01 ", "-1970-01-01", "1970/01/01",
        "1970-01-01T00:00:00+", "1970-01-01X00:00"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t time_us;
        struct error error;
        if (time_from_text(text_of(cases[i]), &time_us, &error) != PATRON_INVALID)
            fail_msg("'%s' was taken", cases[i]);
        char words[200];
        snprintf(words, sizeof words, "'%s' is not a time: write 1997-10-01 or 1997-10-01T12:30:00.5Z", cases[i]);
        assert_string_equal(error.text, words);
    }
}

static void a_time_written_reads_back_the_same(void **state)
{
    (void)state;
    char text[TIME_TEXT_MAX];
    for (int round = 0; round < 100000; round++) {
        int64_t span = EVENT_TIME_MAX_US - EVENT_TIME_MIN_US;
        int64_t time_us = EVENT_TIME_MIN_US + (int64_t)(dice() % (uint64_t)span), back;
        size_t length = time_to_text(time_us, text);
        assert_int_equal(time_from_text(bytes_of(text, length), &back, NULL), PATRON_OK);
        assert_true(back == time_us);
    }
    assert_int_equal(time_to_text(875709000500000, text), strlen("1997-10-01T12:30:00.5Z"));
    assert_string_equal(text, "1997-10-01T12:30:00.5Z");
    time_to_text(INT64_MIN, text); /* far off, but no less a number */
    assert_string_equal(text, "-290308-12-21T19:59:05.224192Z");
    time_to_text(INT64_MAX, text);
    assert_string_equal(text, "294247-01-10T04:00:54.775807Z");
}

static void civil_days_follow_each_other_without_a_gap(void **state)
{
    (void)state;
    int64_t year;
    int month, day, month_before = 12, day_before = 31;
    int64_t first = days_from_civil(-5, 1, 1), last = days_from_civil(2500, 1, 1);
    for (int64_t days = first; days <= last; days++) {
        civil_from_days(days, &year, &month, &day);
        assert_true(days_from_civil(year, month, day) == days);
        assert_true(day == day_before + 1 || (day == 1 && (month == month_before + 1 || month == 1)));
        month_before = month;
        day_before = day;
    }
    assert_true(days_from_civil(1970, 1, 1) == 0);
    assert_true(days_from_civil(2000, 3, 1) == 11017);
}

static void division_rounds_down_before_1970_too(void **state)
{
    (void)state;
    assert_true(floor_divide(7, 2) == 3);
    assert_true(floor_divide(-7, 2) == -4);
    assert_true(floor_divide(-8, 2) == -4);
    assert_true(floor_divide(0, 2) == 0);
    assert_true(floor_divide(INT64_MIN, 1) == INT64_MIN);
}

/* --- encodings ---------------------------------------------------------------------------------------------------- */

static void what_is_encoded_is_decoded_the_same(void **state)
{
    (void)state;
    struct encoder encoder = {0};
    for (int round = 0; round < 2000; round++) {
        encoder_reset(&encoder);
        uint64_t seed = dice_state;
        for (int i = 0; i < 50; i++) {
            uint64_t low = dice(), high = dice();
            int128 wide = (int128)((uint128)high << 64 | low) >> (dice() % 128);
            encode_varint(&encoder, low >> (high % 64));
            encode_signed(&encoder, (int64_t)wide);
            encode_signed128(&encoder, wide);
            encode_u8(&encoder, (uint8_t)low);
            encode_bytes(&encoder, bytes_of(&low, high % 9));
        }
        dice_state = seed;
        struct decoder decoder = decoder_of(encoder_borrow(&encoder));
        for (int i = 0; i < 50; i++) {
            uint64_t low = dice(), high = dice();
            int128 wide = (int128)((uint128)high << 64 | low) >> (dice() % 128);
            assert_true(decode_varint(&decoder) == low >> (high % 64));
            assert_true(decode_signed(&decoder) == (int64_t)wide);
            assert_true(decode_signed128(&decoder) == wide);
            assert_true(decode_u8(&decoder) == (uint8_t)low);
            assert_true(bytes_equal(decode_bytes(&decoder), bytes_of(&low, high % 9)));
        }
        assert_true(decoder_done(&decoder));
    }
    encoder_clear(&encoder);
}

static void the_ends_of_every_range_are_encoded(void **state)
{
    (void)state;
    const int128 most = (int128)(~(uint128)0 >> 1);
    struct encoder encoder = {0};
    encode_varint(&encoder, UINT64_MAX);
    encode_signed(&encoder, INT64_MIN);
    encode_signed(&encoder, INT64_MAX);
    encode_signed128(&encoder, -most - 1);
    encode_signed128(&encoder, most);
    struct decoder decoder = decoder_of(encoder_borrow(&encoder));
    assert_true(decode_varint(&decoder) == UINT64_MAX);
    assert_true(decode_signed(&decoder) == INT64_MIN);
    assert_true(decode_signed(&decoder) == INT64_MAX);
    assert_true(decode_signed128(&decoder) == -most - 1);
    assert_true(decode_signed128(&decoder) == most);
    assert_true(decoder_done(&decoder));
    encoder_clear(&encoder);
}

static void varints_that_are_not_the_shortest_or_too_large_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t length;
        uint8_t data[20];
    } cases[] = {
        {2, {0x80, 0x00}}, {2, {0xff, 0x00}}, {3, {0x80, 0x80, 0x00}}, {1, {0x80}}, {0, {0}},
        {10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}},             /* 2^64 and more */
        {11, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0x01}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct decoder decoder = decoder_of(bytes_of(cases[i].data, cases[i].length));
        assert_true(decode_varint(&decoder) == 0);
        assert_true(decoder.bad);
        assert_int_equal(decoder_left(&decoder), 0);
    }
    uint8_t wide[19];
    memset(wide, 0xff, sizeof wide);
    wide[18] = 0x04; /* bit 128 */
    struct decoder decoder = decoder_of(bytes_of(wide, sizeof wide));
    assert_true(decode_signed128(&decoder) == 0 && decoder.bad);
    wide[18] = 0x03;
    decoder = decoder_of(bytes_of(wide, sizeof wide));
    assert_true(decode_signed128(&decoder) < 0 && decoder_done(&decoder));
}

static void a_bad_decoder_stays_bad_and_gives_zeros(void **state)
{
    (void)state;
    const uint8_t data[] = {200, 1, 2, 3}; /* bytes of a length past the end */
    struct decoder decoder = decoder_of(bytes_of(data, sizeof data));
    struct bytes bytes = decode_bytes(&decoder);
    assert_true(bytes.data == NULL && bytes.length == 0 && decoder.bad);
    assert_int_equal(decode_u8(&decoder), 0);
    assert_true(decode_raw(&decoder, 0) == NULL);
    assert_true(decode_signed(&decoder) == 0 && decode_signed128(&decoder) == 0);
    assert_true(decode_bytes(&decoder).length == 0);
    assert_false(decoder_done(&decoder));
    decoder = decoder_of((struct bytes){0});
    assert_true(decoder_done(&decoder));
}

static void keys_sort_as_the_numbers_and_times_that_they_hold(void **state)
{
    (void)state;
    for (int round = 0; round < 10000; round++) {
        uint64_t a = dice() >> (dice() % 64), b = dice() >> (dice() % 64);
        uint8_t key_a[8], key_b[8];
        encode_be64(key_a, a);
        encode_be64(key_b, b);
        assert_true(decode_be64(key_a) == a);
        assert_int_equal(a < b, bytes_compare(bytes_of(key_a, 8), bytes_of(key_b, 8)) < 0);
        encode_time(key_a, (int64_t)a);
        encode_time(key_b, (int64_t)b);
        assert_true(decode_time(key_a) == (int64_t)a);
        assert_int_equal((int64_t)a < (int64_t)b, bytes_compare(bytes_of(key_a, 8), bytes_of(key_b, 8)) < 0);
        encode_be32(key_a, (uint32_t)a);
        assert_true(decode_be32(key_a) == (uint32_t)a);
    }
}

/* --- bytes, arenas, errors ---------------------------------------------------------------------------------------- */

static void only_well_formed_utf8_is_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"", "ada@x.org", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
        "\xf4\x8f\xbf\xbf", "\xed\x9f\xbf", "\xee\x80\x80"};
    static const char *const bad[] = {"\x80", "\xc3", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "a\xff", "\xe2\x82", "\xf0\x9f\x98", "\xc3\x28"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(bytes_are_utf8(text_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(bytes_are_utf8(text_of(bad[i])));
    assert_true(bytes_are_utf8((struct bytes){0}));
    assert_true(bytes_are_utf8(bytes_of("a\0b", 3)));
}

static void bytes_compare_as_unsigned_and_a_prefix_comes_first(void **state)
{
    (void)state;
    assert_true(bytes_compare(text_of("a"), text_of("ab")) < 0);
    assert_true(bytes_compare(text_of("\x7f"), text_of("\x80")) < 0);
    assert_true(bytes_compare(text_of(""), text_of("")) == 0);
    assert_true(bytes_compare((struct bytes){0}, text_of("a")) < 0);
    assert_true(bytes_equal((struct bytes){0}, text_of("")));
    assert_true(bytes_starts_with(text_of("order"), text_of("")));
    assert_true(bytes_starts_with(text_of("order"), text_of("ord")));
    assert_false(bytes_starts_with(text_of("or"), text_of("ord")));
}

/* Where glibc 2.36 on a CPU with fused multiply-add gives another last bit, and the ends. */
static void a_logarithm_and_a_power_of_two_are_the_same_bits_everywhere(void **state)
{
    (void)state;
    static const struct {
        double x, log;
    } logs[] = {{1.0, 0.0}, {2.0, 0x1.62e42fefa39efp-1}, {22.5, 0x1.8e87ab6e53b29p+1},
        {236.5, 0x1.5dd2186eaca7p+2}, {726.25, 0x1.a5a00f72c4fe8p+2}, {0x1p-1074, -0x1.74385446d71c3p+9},
        {0.0, -INFINITY}};
    for (size_t i = 0; i < sizeof logs / sizeof logs[0]; i++)
        if (deterministic_log(logs[i].x) != logs[i].log)
            fail_msg("log %.17g = %a", logs[i].x, deterministic_log(logs[i].x));
    assert_true(isnan(deterministic_log(-1.0)));
    static const struct {
        double x, power;
    } powers[] = {{0.0, 1.0}, {-1.0, 0.5}, {-0.25, 0x1.ae89f995ad3aep-1}, {-0.5, 0x1.6a09e667f3bccp-1},
        {-39 / 60.0, 0x1.46499af31b006p-1}, {10.25, 0x1.306fe0a31b715p+10}, {-1074.0, 0x1p-1074}, {-1080.0, 0.0}};
    for (size_t i = 0; i < sizeof powers / sizeof powers[0]; i++)
        if (deterministic_exp2(powers[i].x) != powers[i].power)
            fail_msg("2^%.17g = %a", powers[i].x, deterministic_exp2(powers[i].x));
}

static void arena_memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena arena = {0};
    for (int round = 0; round < 20; round++) {
        enum { PIECES = 200 };
        uint8_t *pieces[PIECES];
        size_t sizes[PIECES];
        for (size_t i = 0; i < PIECES; i++) {
            sizes[i] = dice() % 50 == 0 ? dice() % 3000000 : dice() % 700;
            pieces[i] = arena_alloc(&arena, sizes[i]);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            for (size_t j = 0; j < sizes[i]; j++)
                if (pieces[i][j] != 0)
                    fail_msg("byte %zu of a new piece is %d", j, pieces[i][j]);
            memset(pieces[i], (int)i + 1, sizes[i]);
        }
        for (size_t i = 0; i < PIECES; i++)
            for (size_t j = 0; j < sizes[i]; j++)
                if (pieces[i][j] != (uint8_t)(i + 1))
                    fail_msg("piece %zu was written over", i);
        assert_true(arena.total_bytes > 0);
        arena_reset(&arena);
        assert_int_equal(arena.total_bytes, 0);
    }
    assert_string_equal(arena_string(&arena, text_of("ada")), "ada");
    assert_string_equal(arena_string(&arena, (struct bytes){0}), "");
    assert_true(bytes_is(arena_copy(&arena, text_of("ada")), "ada"));
    assert_true(arena_array(&arena, 0, 8) != NULL);
    arena_clear(&arena);
    assert_null(arena.newest);
    arena_reset(&arena);
    arena_clear(&arena);
}

static void every_code_has_a_name_and_a_status(void **state)
{
    (void)state;
    for (int code = PATRON_OK; code < PATRON_CODE_COUNT; code++) {
        assert_true(strlen(patron_code_name((enum patron_code)code)) > 0);
        assert_in_range(patron_code_grpc((enum patron_code)code), 0, 16);
    }
    assert_string_equal(patron_code_name(PATRON_OUT_OF_RANGE), "out_of_range");
    assert_int_equal(patron_code_grpc(PATRON_OUT_OF_RANGE), 11);
}

static void an_error_is_optional_cut_at_its_size_and_prefixed_in_front(void **state)
{
    (void)state;
    assert_int_equal(error_set(NULL, PATRON_IO, "nobody hears %d", 1), PATRON_IO);
    assert_int_equal(error_prefix(NULL, PATRON_IO, "nobody"), PATRON_IO);
    struct error error;
    assert_int_equal(error_set(&error, PATRON_INVALID, "is %s", "odd"), PATRON_INVALID);
    assert_int_equal(error_prefix(&error, PATRON_IO, "%s:%d: ", "a.csv", 7), PATRON_INVALID);
    assert_string_equal(error.text, "a.csv:7: is odd");
    char longest[2 * ERROR_TEXT_MAX];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    (void)error_set(&error, PATRON_INVALID, "%s", longest);
    assert_int_equal(strlen(error.text), ERROR_TEXT_MAX - 1);
    (void)error_prefix(&error, PATRON_INVALID, "%s", "a: ");
    assert_int_equal(strlen(error.text), ERROR_TEXT_MAX - 1);
    assert_memory_equal(error.text, "a: xxx", 6);
}

static void an_error_stays_utf8_where_a_value_is_cut_in_a_character(void **state)
{
    (void)state;
    char value[301] = "x";
    for (int i = 1; i + 3 < 300; i += 3)
        memcpy(value + i, "\xe2\x82\xac", 3);
    struct error error;
    struct bytes bytes = text_of(value);
    (void)error_set(&error, PATRON_INVALID, "'%.*s'", BYTES_ARGUMENTS(bytes));
    assert_true(bytes_are_utf8(text_of(error.text)));
    assert_memory_equal(error.text, "'x\xe2\x82\xac", 5);
    (void)error_set(&error, PATRON_INVALID, "'%s'", "a\xff\xc3z");
    assert_string_equal(error.text, "'a??z'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_from_text_are_rounded_once_half_to_even),
        cmocka_unit_test(any_number_of_thirty_digits_agrees_with_schoolbook_arithmetic),
        cmocka_unit_test(decimals_out_of_range_or_form_are_refused_in_words),
        cmocka_unit_test(money_is_read_exactly_and_zeros_past_the_sixth_decimal_do_not_matter),
        cmocka_unit_test(money_written_as_text_reads_back_the_same),
        cmocka_unit_test(a_double_is_money_if_it_is_the_nearest_to_six_decimals),
        cmocka_unit_test(doubles_that_are_no_money_are_refused),
        cmocka_unit_test(a_number_from_a_double_is_rounded_half_to_even),
        cmocka_unit_test(times_are_read_in_every_form_that_is_promised),
        cmocka_unit_test(what_is_not_a_time_is_refused),
        cmocka_unit_test(a_time_written_reads_back_the_same),
        cmocka_unit_test(civil_days_follow_each_other_without_a_gap),
        cmocka_unit_test(division_rounds_down_before_1970_too),
        cmocka_unit_test(what_is_encoded_is_decoded_the_same),
        cmocka_unit_test(the_ends_of_every_range_are_encoded),
        cmocka_unit_test(varints_that_are_not_the_shortest_or_too_large_are_refused),
        cmocka_unit_test(a_bad_decoder_stays_bad_and_gives_zeros),
        cmocka_unit_test(keys_sort_as_the_numbers_and_times_that_they_hold),
        cmocka_unit_test(only_well_formed_utf8_is_utf8),
        cmocka_unit_test(bytes_compare_as_unsigned_and_a_prefix_comes_first),
        cmocka_unit_test(a_logarithm_and_a_power_of_two_are_the_same_bits_everywhere),
        cmocka_unit_test(arena_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(every_code_has_a_name_and_a_status),
        cmocka_unit_test(an_error_is_optional_cut_at_its_size_and_prefixed_in_front),
        cmocka_unit_test(an_error_stays_utf8_where_a_value_is_cut_in_a_character),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
