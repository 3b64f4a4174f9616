#include "client/visible.h"

#include <stdbool.h>
#include <string.h>

enum { ESCAPE_MAX = 8 };

/* The length of what must not be shown as it is at the beginning of the text, and what stands for it; 0: nothing. */
static size_t escape_of(const unsigned char *text, char escape[ESCAPE_MAX])
{
    unsigned first = text[0];
    if (first == '\0')
        return 0;
    if (first == '\n' || first == '\t' || first == '\r') {
        snprintf(escape, ESCAPE_MAX, "\\%c", first == '\n' ? 'n' : first == '\t' ? 't' : 'r');
        return 1;
    }
    if (first < 0x20 || first == 0x7f) {
        snprintf(escape, ESCAPE_MAX, "\\x%02x", first);
        return 1;
    }
    /* The controls of U+0080 to U+009F. */
    if (first == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0) {
        snprintf(escape, ESCAPE_MAX, "\\u%04x", (unsigned)text[1]);
        return 2;
    }
    if (first != 0xe2 || (text[1] != 0x80 && text[1] != 0x81) || (text[2] & 0xc0) != 0x80)
        return 0;
    /* Ends of lines and paragraphs, and what embeds, overrides or isolates a direction. */
    unsigned code = 0x2000 | (text[1] & 0x3fU) << 6 | (text[2] & 0x3fU);
    if (!(code >= 0x2028 && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069))
        return 0;
    snprintf(escape, ESCAPE_MAX, "\\u%04x", code);
    return 3;
}

const char *visible_text(const char *text, struct arena *arena)
{
    /* Four characters for a byte are the most that an escape takes. */
    char *made = arena_alloc(arena, 4 * strlen(text) + 1), *to = made;
    while (*text) {
        char escape[ESCAPE_MAX];
        size_t taken = escape_of((const unsigned char *)text, escape);
        size_t length = taken ? strlen(escape) : 1;
        memcpy(to, taken ? escape : text, length);
        to += length;
        text += taken ? taken : 1;
    }
    *to = '\0';
    return made;
}

static void print(const char *text, bool lines, FILE *to)
{
    while (*text) {
        char escape[ESCAPE_MAX];
        size_t taken = lines && *text == '\n' ? 0 : escape_of((const unsigned char *)text, escape);
        if (taken)
            fputs(escape, to);
        else
            putc(*text, to);
        text += taken ? taken : 1;
    }
}

void visible_print(const char *text, FILE *to)
{
    print(text, false, to);
}

void visible_lines_print(const char *text, FILE *to)
{
    print(text, true, to);
}
