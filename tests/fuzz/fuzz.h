/* fuzz: what libFuzzer, or replay.c in its place, calls with an input. A target defines it; it returns 0, and aborts
 * where a promise is broken. One thread. */
#ifndef PATRON_TESTS_FUZZ_H
#define PATRON_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
