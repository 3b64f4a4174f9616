/* What the benchmarks share: time, a seeded generator, medians. A benchmark prints ratios of rates that were measured
 * in one run, alternating; absolute figures differ between machines and hours. */
#ifndef PATRON_BENCH_H
#define PATRON_BENCH_H

#include <stddef.h>
#include <stdint.h>

double bench_seconds(void); /* of a steady clock */

struct bench_random {
    uint64_t state;
};
uint64_t bench_random_next(struct bench_random *random);
uint64_t bench_random_below(struct bench_random *random, uint64_t bound);

/* Zipf with exponent 1 over 1..n by inversion of the harmonic sum's integral: close enough for a load. */
uint64_t bench_zipf(struct bench_random *random, uint64_t n);

double bench_median(double *values, size_t count); /* sorts them */
void bench_environment_print(void);                /* one line on the machine */

#endif
