#include "store/base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *fact, const char *file, int line)
{
    fprintf(stderr, "patron: check failed: %s (%s:%d)\n", fact, file, line);
    fflush(stderr);
    abort();
}
