#include "store/base/arena.h"

#include <stdlib.h>

#include "store/base/check.h"

enum { ARENA_BLOCK_BYTES = 16 * 1024, ARENA_ALIGN = 16 };

struct arena_block {
    struct arena_block *older;
    size_t size;
    size_t used;
    _Alignas(ARENA_ALIGN) uint8_t data[];
};

void *memory_alloc(size_t size)
{
    void *pointer = calloc(1, size ? size : 1);
    CHECK(pointer != NULL);
    return pointer;
}

void *memory_resize(void *pointer, size_t size)
{
    void *resized = realloc(pointer, size ? size : 1);
    CHECK(resized != NULL);
    return resized;
}

void memory_free(void *pointer)
{
    free(pointer);
}

static struct arena_block *block_new(struct arena *arena, size_t at_least)
{
    size_t size = arena->newest ? arena->newest->size * 2 : ARENA_BLOCK_BYTES;
    if (size > 1024 * 1024)
        size = 1024 * 1024;
    if (size < at_least)
        size = at_least;
    struct arena_block *block = malloc(sizeof *block + size);
    CHECK(block != NULL);
    block->older = arena->newest;
    block->size = size;
    block->used = 0;
    arena->newest = block;
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    CHECK(size <= SIZE_MAX / 2);
    size_t rounded = (size + (ARENA_ALIGN - 1)) & ~(size_t)(ARENA_ALIGN - 1);
    struct arena_block *block = arena->newest;
    if (!block || block->size - block->used < rounded)
        block = block_new(arena, rounded);
    void *memory = block->data + block->used;
    block->used += rounded;
    arena->total_bytes += rounded;
    return memset(memory, 0, rounded);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t total;
    CHECK(!__builtin_mul_overflow(count, size, &total));
    return arena_alloc(arena, total);
}

struct bytes arena_copy(struct arena *arena, struct bytes bytes)
{
    uint8_t *copy = arena_alloc(arena, bytes.length);
    if (bytes.length)
        memcpy(copy, bytes.data, bytes.length);
    return bytes_of(copy, bytes.length);
}

char *arena_string(struct arena *arena, struct bytes bytes)
{
    char *copy = arena_alloc(arena, bytes.length + 1);
    if (bytes.length)
        memcpy(copy, bytes.data, bytes.length);
    return copy;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *largest = NULL;
    struct arena_block *block = arena->newest;
    while (block) {
        struct arena_block *older = block->older;
        if (!largest || block->size > largest->size) {
            free(largest);
            largest = block;
        } else {
            free(block);
        }
        block = older;
    }
    if (largest) {
        largest->older = NULL;
        largest->used = 0;
    }
    arena->newest = largest;
    arena->total_bytes = 0;
}

void arena_clear(struct arena *arena)
{
    struct arena_block *block = arena->newest;
    while (block) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
    *arena = (struct arena){0};
}
