#include "store/matching/strings.h"

#include <unicode/utf8.h>

void match_text_of(struct match_text *text, struct bytes value)
{
    int32_t at = 0,
            length = (int32_t)(value.length < MATCH_VALUE_BYTES_MAX ? value.length : MATCH_VALUE_BYTES_MAX);
    text->length = 0;
    while (at < length) {
        UChar32 c;
        U8_NEXT(value.data, at, length, c);
        text->points[text->length++] = (uint32_t)c;
    }
}

/* Marks the characters of either that the other has within `reach`, first come first served; returns how many. */
static size_t common_mark(const struct match_text *a, const struct match_text *b, bool *in_a, bool *in_b)
{
    size_t longer = a->length > b->length ? a->length : b->length;
    size_t reach = longer / 2 > 0 ? longer / 2 - 1 : 0;
    size_t common = 0;
    memset(in_a, 0, a->length);
    memset(in_b, 0, b->length);
    for (size_t i = 0; i < a->length; i++) {
        size_t from = i > reach ? i - reach : 0;
        size_t to = i + reach < b->length ? i + reach + 1 : b->length;
        for (size_t j = from; j < to; j++)
            if (!in_b[j] && a->points[i] == b->points[j]) {
                in_a[i] = in_b[j] = true;
                common++;
                break;
            }
    }
    return common;
}

/* The shorter first, of equally long ones the smaller: who is marked first can show in the measure. */
static bool goes_first(const struct match_text *a, const struct match_text *b)
{
    if (a->length != b->length)
        return a->length < b->length;
    for (size_t i = 0; i < a->length; i++)
        if (a->points[i] != b->points[i])
            return a->points[i] < b->points[i];
    return true;
}

double match_jaro(const struct match_text *a, const struct match_text *b)
{
    if (!goes_first(a, b)) {
        const struct match_text *other = a;
        a = b, b = other;
    }
    bool in_a[MATCH_VALUE_BYTES_MAX], in_b[MATCH_VALUE_BYTES_MAX];
    if (a->length == 0 && b->length == 0)
        return 1.0;
    size_t common = common_mark(a, b, in_a, in_b), out_of_order = 0;
    if (common == 0)
        return 0.0;
    for (size_t i = 0, j = 0; i < a->length; i++) {
        if (!in_a[i])
            continue;
        while (!in_b[j])
            j++;
        out_of_order += a->points[i] != b->points[j];
        j++;
    }
    double m = (double)common, swaps = (double)(out_of_order / 2);
    return (m / (double)a->length + m / (double)b->length + (m - swaps) / m) / 3.0;
}

double match_jaro_winkler(const struct match_text *a, const struct match_text *b)
{
    double jaro = match_jaro(a, b);
    size_t prefix = 0;
    if (jaro <= 0.7)
        return jaro;
    while (prefix < 4 && prefix < a->length && prefix < b->length && a->points[prefix] == b->points[prefix])
        prefix++;
    return jaro + (double)prefix * 0.1 * (1.0 - jaro);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Of what is left between a common beginning and a common end: points into the texts. */
struct stretch {
    const uint32_t *points;
    size_t length;
};

static void ends_cut(struct stretch *a, struct stretch *b)
{
    while (a->length > 0 && b->length > 0 && a->points[0] == b->points[0]) {
        a->points++, a->length--;
        b->points++, b->length--;
    }
    while (a->length > 0 && b->length > 0 && a->points[a->length - 1] == b->points[b->length - 1]) {
        a->length--;
        b->length--;
    }
}

size_t match_edits(const struct match_text *one, const struct match_text *other, size_t most)
{
    size_t rows[3][MATCH_VALUE_BYTES_MAX + 1];
    size_t *before = rows[0], *last = rows[1], *now = rows[2];
    struct stretch a = {one->points, one->length}, b = {other->points, other->length};
    ends_cut(&a, &b);
    size_t difference = a.length > b.length ? a.length - b.length : b.length - a.length;
    if (difference > most || (most <= 1 && smaller(a.length, b.length) > 2))
        return most + 1;
    for (size_t j = 0; j <= b.length; j++)
        last[j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        now[0] = i;
        size_t best = i;
        for (size_t j = 1; j <= b.length; j++) {
            uint32_t x = a.points[i - 1], y = b.points[j - 1];
            now[j] = smaller(smaller(last[j], now[j - 1]) + 1, last[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == b.points[j - 2] && a.points[i - 2] == y)
                now[j] = smaller(now[j], before[j - 2] + 1);
            best = smaller(best, now[j]);
        }
        if (best > most + 1) /* a swap looks two rows back, and saves one */
            return most + 1;
        size_t *oldest = before;
        before = last, last = now, now = oldest;
    }
    return smaller(last[b.length], most + 1);
}
