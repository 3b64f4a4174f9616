/* comparing: what the files that compare two versions of the definitions share. Private to the room. */
#ifndef PATRON_DEFINITIONS_COMPARING_H
#define PATRON_DEFINITIONS_COMPARING_H

#include "store/definitions/compare.h"

struct comparing {
    const struct definitions *old;
    const struct definitions *new;
    struct arena *arena;
    struct changes *changes;
    struct encoder words; /* of the change being looked at, its parts separated by "; " */
    bool breaking, refill;
};

/* One more thing that is different, in words. */
void compare_differ(struct comparing *comparing, bool breaking, bool refill, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* Ends the change that was being looked at: of kind CHANGED only if something differs. */
void compare_tell(
    struct comparing *comparing, enum change_kind kind, enum change_what what, struct bytes name);

/* NUL-terminated, in the arena; a duration of 0 is "none". */
const char *compare_cut(struct comparing *comparing, struct bytes text);
const char *compare_duration(struct comparing *comparing, int64_t duration_us);

/* compare_identity.c */
void compare_identifiers(struct comparing *comparing);
void compare_identity(struct comparing *comparing);
void compare_matching(struct comparing *comparing);

#endif
