/* What clang's analyzer, which looks at one file at a time, cannot know: included in front of each file by
 * `./dev lint`, and by nothing else. A function that fails does not return PATRON_OK, and memory that is out aborts. */
#ifndef PATRON_TESTS_TIDY_ANALYZER_H
#define PATRON_TESTS_TIDY_ANALYZER_H

#include "store/base/arena.h"
#include "store/base/error.h"

void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_array(struct arena *arena, size_t count, size_t size) __attribute__((returns_nonnull));
void *memory_alloc(size_t size) __attribute__((returns_nonnull));
void *memory_resize(void *pointer, size_t size) __attribute__((returns_nonnull));

#define error_set(error, code, ...) (error_set(error, code, __VA_ARGS__), (code))
#define error_prefix(error, code, ...) (error_prefix(error, code, __VA_ARGS__), (code))

#endif
