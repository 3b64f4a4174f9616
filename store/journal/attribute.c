#include "store/journal/attribute.h"

#include <math.h>

#include "store/base/decimal.h"

static enum patron_code money_convert(const struct event_attribute *given, int128 *number, struct error *error)
{
    int64_t micros = 0;
    switch (given->kind) {
    case GIVEN_DECIMAL:
        TRY(money_from_text(given->text, &micros, error));
        break;
    case GIVEN_REAL:
        TRY(money_from_double(given->real, &micros, error));
        break;
    default:
        if (__builtin_mul_overflow(given->integer, MONEY_SCALE, &micros))
            return error_set(error, PATRON_INVALID, "is too large for money: %lld (at most 9223372036854.775807)",
                (long long)given->integer);
    }
    *number = micros;
    return PATRON_OK;
}

static enum patron_code number_convert(const struct event_attribute *given, int128 *number, struct error *error)
{
    switch (given->kind) {
    case GIVEN_DECIMAL:
        return number_from_text(given->text, number, error);
    case GIVEN_REAL:
        return number_from_double(given->real, number, error);
    default:
        if (given->integer <= -NUMBER_MAGNITUDE_MAX || given->integer >= NUMBER_MAGNITUDE_MAX)
            return error_set(error, PATRON_INVALID, "is out of range: %lld (below 2^53)", (long long)given->integer);
        *number = (int128)given->integer * ((int128)1 << NUMBER_FRACTION_BITS);
        return PATRON_OK;
    }
}

/* A whole number by way of fixed point: what has a fraction shows it there. */
static enum patron_code integer_convert(const struct event_attribute *given, int128 *number, struct error *error)
{
    TRY(number_convert(given, number, error));
    int128 one = (int128)1 << NUMBER_FRACTION_BITS;
    if (*number % one != 0)
        return error_set(error, PATRON_INVALID, "has a fraction, but is declared integer");
    *number /= one;
    return PATRON_OK;
}

static enum patron_code text_convert(const struct event_attribute *given, struct scalar *value, struct error *error)
{
    if (given->text.length > TEXT_ATTRIBUTE_BYTES_MAX)
        return error_set(error, PATRON_INVALID, "has %zu bytes; at most %d are taken", given->text.length,
            TEXT_ATTRIBUTE_BYTES_MAX);
    if (!bytes_are_utf8(given->text))
        return error_set(error, PATRON_INVALID, "is not valid UTF-8");
    value->text = given->text;
    return PATRON_OK;
}

enum patron_code attribute_convert(
    const struct event_attribute *given, enum attribute_type type, struct scalar *value, struct error *error)
{
    static const char *const given_names[] = {"", "text", "an integer", "a real number", "a flag", "a decimal"};
    bool numeric = given->kind == GIVEN_INTEGER || given->kind == GIVEN_REAL || given->kind == GIVEN_DECIMAL;
    bool suits = type == ATTRIBUTE_BOOL ? given->kind == GIVEN_FLAG
        : type == ATTRIBUTE_TEXT        ? given->kind == GIVEN_TEXT
                                        : numeric;
    if (given->kind < GIVEN_TEXT || given->kind > GIVEN_DECIMAL)
        return error_set(error, PATRON_INVALID, "has no value");
    if (!suits)
        return error_set(error, PATRON_INVALID, "is %s, but is declared %s", given_names[given->kind],
            attribute_type_name(type));
    *value = (struct scalar){.type = type};
    switch (type) {
    case ATTRIBUTE_MONEY:
        return money_convert(given, &value->number, error);
    case ATTRIBUTE_NUMBER:
        return number_convert(given, &value->number, error);
    case ATTRIBUTE_INTEGER:
        return integer_convert(given, &value->number, error);
    case ATTRIBUTE_BOOL:
        value->number = given->flag;
        return PATRON_OK;
    case ATTRIBUTE_TEXT:
        return text_convert(given, value, error);
    }
    IMPOSSIBLE("an attribute type outside the list");
}

static enum patron_code kept_text_check(const struct event_attribute *given, struct error *error)
{
    if (given->text.length > TEXT_ATTRIBUTE_BYTES_MAX)
        return error_set(error, PATRON_INVALID, "has %zu bytes; at most %d are kept", given->text.length,
            TEXT_ATTRIBUTE_BYTES_MAX);
    if (!bytes_are_utf8(given->text))
        return error_set(error, PATRON_INVALID, "is not valid UTF-8");
    return PATRON_OK;
}

enum patron_code attribute_check_kept(const struct event_attribute *given, struct error *error)
{
    if (given->name.length == 0)
        return error_set(error, PATRON_INVALID, "has no name");
    if (given->name.length > NAME_BYTES_MAX)
        return error_set(error, PATRON_INVALID, "has a name of %zu bytes; at most %d are kept", given->name.length,
            NAME_BYTES_MAX);
    if (!bytes_are_utf8(given->name))
        return error_set(error, PATRON_INVALID, "has a name that is not valid UTF-8");
    switch (given->kind) {
    case GIVEN_TEXT:
    case GIVEN_DECIMAL:
        return kept_text_check(given, error);
    case GIVEN_REAL:
        if (!isfinite(given->real))
            return error_set(error, PATRON_INVALID, "is not a finite number");
        return PATRON_OK;
    case GIVEN_INTEGER:
    case GIVEN_FLAG:
        return PATRON_OK;
    }
    return error_set(error, PATRON_INVALID, "has no value");
}

bool attribute_equal(const struct event_attribute *a, const struct event_attribute *b)
{
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case GIVEN_TEXT:
    case GIVEN_DECIMAL:
        return bytes_equal(a->text, b->text);
    case GIVEN_INTEGER:
        return a->integer == b->integer;
    case GIVEN_REAL:
        return a->real == b->real;
    case GIVEN_FLAG:
        return a->flag == b->flag;
    }
    IMPOSSIBLE("an attribute of no kind");
}

bool scalar_equal(const struct scalar *a, const struct scalar *b)
{
    if (a->type != b->type)
        return false;
    return a->type == ATTRIBUTE_TEXT ? bytes_equal(a->text, b->text) : a->number == b->number;
}
