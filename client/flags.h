/* Flags of a command: one static table says names, values and help, and where in an options struct a value goes.
 *
 * `--name VALUE`, `--name=VALUE`, `-x VALUE`; `--` ends the flags; what is no flag is kept in order. Values are
 * borrowed from argv. Failure is PATRON_INVALID with words for the user, a near name among them. */
#ifndef PATRON_CLIENT_FLAGS_H
#define PATRON_CLIENT_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/base/error.h"

enum flag_kind {
    FLAG_SWITCH, /* bool */
    FLAG_TEXT,   /* const char *; twice is an error */
    FLAG_LIST,   /* struct flag_list; may be repeated */
};

struct flag {
    const char *name;  /* without the dashes */
    const char *alias; /* a second name, or null */
    char letter;       /* -x, or 0 */
    enum flag_kind kind;
    const char *value; /* what the help calls the value */
    const char *help;
    size_t offset; /* of the target in the options */
};

struct flag_list {
    const char **values; /* the list's */
    size_t count;
};

void flag_list_add(struct flag_list *list, const char *value);
void flag_list_clear(struct flag_list *list);

/* *help is set if --help or -h was met; the rest is then not looked at. */
enum patron_code flags_parse(const struct flag *flags, size_t flag_count, int argc, char **argv,
    void *options, struct flag_list *rest, bool *help, struct error *error) MUST_CHECK;

/* Free the lists among the options. */
void flags_clear(const struct flag *flags, size_t flag_count, void *options);

/* The candidate nearest to `word` by edits, or null if none is near enough to be meant. */
const char *nearest_word(const char *word, const char *const *candidates, size_t count);

/* Split "left<separator>right" at the first separator: both parts must be non-empty. The left part is copied and the
 * caller's to memory_free; the right one is borrowed. */
enum patron_code split_pair(
    const char *text, char separator, char **left, const char **right, struct error *error) MUST_CHECK;

/* A whole number within [min, max]. */
enum patron_code parse_count(
    const char *text, long long min, long long max, long long *value, struct error *error) MUST_CHECK;

/* The number that --definitions-version gives; null: 0, the version that serves. */
enum patron_code parse_definitions_version(const char *text, uint32_t *version, struct error *error) MUST_CHECK;

#endif
