/* pattern: values of identifiers that stand for nobody, by a regular expression (PCRE2's, of UTF-8 text and Unicode's
 * character classes).
 *
 * A pattern is immutable and lives in the arena it was compiled in; all threads may match with it at once. It is found
 * anywhere in a value unless it says '^' and '$'; '$' is the value's very end.
 *
 * What a match may cost is counted in steps, over all patterns that a value is tried with, and never measured: so the
 * answer is a function of patterns and value alone. A value that uses the steps up (about a millisecond) counts as
 * matching, for not to link is the safe side. */
#ifndef PATRON_DEFINITIONS_PATTERN_H
#define PATRON_DEFINITIONS_PATTERN_H

#include "store/base/arena.h"
#include "store/base/error.h"

enum {
    PATTERN_BYTES_MAX = 500,
    /* Once compiled: a few bytes of text can stand for a repetition of a repetition. */
    PATTERN_COMPILED_BYTES_MAX = 8 * 1024,
};

struct pattern;

/* PATRON_INVALID says in words without a subject what is wrong with it and where ("missing closing parenthesis, after 5
 * bytes of it"). A pattern that uses its steps up, or never ends, on a short and plain value is refused too. */
enum patron_code pattern_compile(
    struct bytes text, struct arena *arena, const struct pattern **pattern, struct error *error) MUST_CHECK;

/* As it was written. */
struct bytes pattern_text(const struct pattern *pattern);

/* Whether one of them is found in the value, or its steps are used up. A value that is not UTF-8 counts as matching. */
bool pattern_any_matches(const struct pattern *const *patterns, size_t count, struct bytes value);

#endif
