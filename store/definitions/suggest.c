#include "store/definitions/suggest.h"

#include <stdio.h>

#include "store/base/limits.h"

enum { ERRORS_MAX = 3, LISTED_MAX = 5 };

static uint8_t folded(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 'a' - 'A') : c;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Typing errors between two names: letters put in, left out, changed, or swapped with their neighbour ("optimal string
 * alignment", a restricted form of F. Damerau, 1964). Anything past `most` is most + 1. Capitals do not matter. */
static size_t errors_between(struct bytes a, struct bytes b, size_t most)
{
    size_t difference = a.length > b.length ? a.length - b.length : b.length - a.length;
    if (difference > most || a.length > NAME_BYTES_MAX || b.length > NAME_BYTES_MAX)
        return most + 1;
    size_t rows[3][NAME_BYTES_MAX + 1];
    size_t *before = rows[0], *previous = rows[1], *current = rows[2];
    for (size_t j = 0; j <= b.length; j++)
        previous[j] = j;
    for (size_t i = 1; i <= a.length; i++) {
        current[0] = i;
        size_t least = i;
        for (size_t j = 1; j <= b.length; j++) {
            size_t change = folded(a.data[i - 1]) != folded(b.data[j - 1]);
            size_t best = smaller(smaller(previous[j], current[j - 1]) + 1, previous[j - 1] + change);
            if (i > 1 && j > 1 && folded(a.data[i - 1]) == folded(b.data[j - 2]) &&
                folded(a.data[i - 2]) == folded(b.data[j - 1]))
                best = smaller(best, before[j - 2] + 1);
            current[j] = best;
            least = smaller(least, best);
        }
        if (least > most)
            return most + 1;
        size_t *oldest = before;
        before = previous;
        previous = current;
        current = oldest;
    }
    return smaller(previous[b.length], most + 1);
}

static const struct bytes *name_at(struct suggest_from from, size_t i)
{
    return (const struct bytes *)(const void *)((const char *)from.first + i * from.stride);
}

const struct bytes *suggest_nearest(struct bytes wanted, struct suggest_from from)
{
    size_t most = smaller(wanted.length < 3 ? 1 : wanted.length / 3, ERRORS_MAX);
    const struct bytes *nearest = NULL;
    for (size_t i = 0; i < from.count; i++) {
        size_t errors = errors_between(wanted, *name_at(from, i), most);
        /* A name of which nothing would be left is no suggestion. */
        if (errors > most || errors >= name_at(from, i)->length)
            continue;
        nearest = name_at(from, i);
        if (errors == 0)
            break;
        most = errors - 1;
    }
    return nearest;
}

struct suggestion suggest(struct bytes wanted, struct suggest_from from)
{
    struct suggestion suggestion;
    char *text = suggestion.text;
    const struct bytes *nearest = suggest_nearest(wanted, from);
    if (nearest) {
        snprintf(text, sizeof suggestion.text, ": did you mean '%s'?", quote(*nearest).text);
        return suggestion;
    }
    if (from.count == 0) {
        snprintf(text, sizeof suggestion.text, "; there are none");
        return suggestion;
    }
    /* Five quoted names of at most 71 bytes and the words around them stay below the size. */
    int length = snprintf(text, sizeof suggestion.text, "; there %s", from.count == 1 ? "is only" : "are");
    size_t listed = smaller(from.count, LISTED_MAX);
    for (size_t i = 0; i < listed; i++) {
        const char *joint = i == 0 ? " " : i + 1 == from.count ? " and " : ", ";
        length += snprintf(text + length, sizeof suggestion.text - (size_t)length, "%s%s", joint,
            quote(*name_at(from, i)).text);
    }
    if (listed < from.count)
        snprintf(text + length, sizeof suggestion.text - (size_t)length, " and %zu more", from.count - listed);
    return suggestion;
}

struct quoted quote(struct bytes name)
{
    struct quoted quoted;
    size_t length = smaller(name.length, QUOTED_MAX - 4);
    for (size_t i = 0; i < length; i++)
        quoted.text[i] = name.data[i] >= ' ' && name.data[i] < 0x7f ? (char)name.data[i] : '?';
    memcpy(quoted.text + length, length < name.length ? "..." : "", length < name.length ? 4 : 1);
    return quoted;
}
