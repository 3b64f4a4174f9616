/* golden: bytes written down as hexadecimal text, for tests that pin a format. Include it after cmocka.h. */
#ifndef PATRON_TESTS_GOLDEN_H
#define PATRON_TESTS_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>

#include "store/base/arena.h"

/* Blanks between the digits are for the reader. */
static inline struct bytes golden(const char *hexadecimal, struct arena *arena)
{
    uint8_t *bytes = arena_alloc(arena, strlen(hexadecimal) / 2);
    size_t digits = 0;
    for (const char *at = hexadecimal; *at; at++) {
        if (*at == ' ')
            continue;
        char digit[2] = {*at, '\0'};
        uint8_t value = (uint8_t)strtoul(digit, NULL, 16);
        bytes[digits / 2] = (uint8_t)(bytes[digits / 2] << 4 | value);
        digits++;
    }
    return bytes_of(bytes, digits / 2);
}

static inline void assert_golden(struct bytes bytes, const char *hexadecimal)
{
    struct arena arena = {0};
    struct bytes wanted = golden(hexadecimal, &arena);
    if (!bytes_equal(bytes, wanted)) {
        char *text = arena_alloc(&arena, 2 * bytes.length + 1);
        for (size_t i = 0; i < bytes.length; i++)
            snprintf(text + 2 * i, 3, "%02x", bytes.data[i]);
        fail_msg("%s\nis not\n%s", text, hexadecimal);
    }
    arena_clear(&arena);
}

#endif
