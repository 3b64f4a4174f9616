/* A directory of its own for a test, under TMPDIR (default /tmp), and its removal with all that is in it. */
#ifndef PATRON_TESTS_SCRATCH_DIRECTORY_H
#define PATRON_TESTS_SCRATCH_DIRECTORY_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/base/check.h"

enum { SCRATCH_PATH_MAX = 4096 };

static int scratch_directory_remove_one(
    const char *path, const struct stat *found, int kind, struct FTW *where)
{
    (void)found;
    (void)kind;
    (void)where;
    return remove(path);
}

static inline void scratch_directory_make(char path[SCRATCH_PATH_MAX])
{
    const char *parent = getenv("TMPDIR");
    snprintf(path, SCRATCH_PATH_MAX, "%s/patron-test-XXXXXX", parent ? parent : "/tmp");
    CHECK(mkdtemp(path) != NULL);
}

static inline void scratch_directory_remove(const char *path)
{
    nftw(path, scratch_directory_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
