/* One arena a call, dropped at once. Not thread-safe: an arena belongs to one call or one thread at a time.
 * Memory is zeroed and aligned to 16. Running out of memory aborts: every size that comes from outside is limited
 * first. */
#ifndef PATRON_BASE_ARENA_H
#define PATRON_BASE_ARENA_H

#include "store/base/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *newest; /* zero-initialised is an empty arena */
    size_t total_bytes;         /* handed out since the last reset */
};

void *arena_alloc(struct arena *arena, size_t size);
/* As arena_alloc(count * size), overflow checked. */
void *arena_array(struct arena *arena, size_t count, size_t size);
struct bytes arena_copy(struct arena *arena, struct bytes bytes);
/* NUL-terminated copy. */
char *arena_string(struct arena *arena, struct bytes bytes);
/* Forget everything but keep the largest block for the next use. */
void arena_reset(struct arena *arena);
void arena_clear(struct arena *arena);

/* malloc and friends that abort when memory is out, for what outlives a call. */
void *memory_alloc(size_t size); /* zeroed */
void *memory_resize(void *pointer, size_t size);
void memory_free(void *pointer);

#endif
