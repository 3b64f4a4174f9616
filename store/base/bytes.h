/* Bytes are (pointer, length) by value. NUL-terminated strings live at the operating system's border only. A struct
 * bytes never owns what it points at; the header of whoever hands one out says until when it is good. */
#ifndef PATRON_BASE_BYTES_H
#define PATRON_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *data;
    size_t length;
};

static inline struct bytes bytes_of(const void *data, size_t length)
{
    return (struct bytes){data, length};
}

static inline struct bytes bytes_from_string(const char *string)
{
    return (struct bytes){(const uint8_t *)string, strlen(string)};
}

static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

/* Lexicographic, as unsigned bytes; a prefix sorts before what it begins. */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    if (order != 0)
        return order;
    return a.length < b.length ? -1 : a.length > b.length;
}

static inline bool bytes_is(struct bytes a, const char *string)
{
    return bytes_equal(a, bytes_from_string(string));
}

static inline bool bytes_starts_with(struct bytes a, struct bytes prefix)
{
    return a.length >= prefix.length && (prefix.length == 0 || memcmp(a.data, prefix.data, prefix.length) == 0);
}

/* For printf's %.*s. */
#define BYTES_ARGUMENTS(b)                                                                                   \
    (int)((b).length > 200 ? 200 : (b).length), (const char *)((b).data ? (b).data : (const uint8_t *)"")

/* True if the bytes are well-formed UTF-8 (no overlong forms, no surrogates, nothing past U+10FFFF). */
bool bytes_are_utf8(struct bytes b);

#endif
