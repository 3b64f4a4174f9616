/* moment_set: so many different moments, the oldest or the newest of all that were added. Pure; the memory is the
 * arena's. */
#ifndef PATRON_STORE_MOMENT_SET_H
#define PATRON_STORE_MOMENT_SET_H

#include "store/base/arena.h"

struct moment_set {
    int64_t *moments; /* ascending, each once */
    size_t count;
    size_t most;
    bool newest; /* else the oldest are kept */
    bool more;   /* some were added that are not kept */
};

void moment_set_init(struct moment_set *set, size_t most, bool newest, struct arena *arena);
void moment_set_add(struct moment_set *set, int64_t moment_us);
/* Its place, or count: it is not there. */
size_t moment_set_find(const struct moment_set *set, int64_t moment_us);

#endif
