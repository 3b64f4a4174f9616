/* builtin: the definitions files that come with the program, for day one: a shop, a subscription business, a bank.
 * Their texts are the .yaml files of this folder, put into the program as they stand. Constant; any thread. */
#ifndef PATRON_DEFINITIONS_BUILTIN_H
#define PATRON_DEFINITIONS_BUILTIN_H

#include "store/base/bytes.h"
#include "store/base/error.h"

#define BUILTIN_PREFIX "builtin:"

struct builtin_file {
    struct bytes name; /* "shop" */
    struct bytes text;
};

/* Made by embed.cmake, in the order of CMakeLists.txt. */
extern const struct builtin_file builtin_files[];
extern const size_t builtin_file_count;

/* Is it a built-in file that is named ("builtin:shop"), and no path? */
bool builtin_is_named(const char *name);

/* The text of "builtin:shop", for ever. PATRON_NOT_FOUND names those there are. */
enum patron_code builtin_find(const char *name, struct bytes *text, struct error *error) MUST_CHECK;

#endif
