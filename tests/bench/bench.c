#include "tests/bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

double bench_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

uint64_t bench_random_next(struct bench_random *random) /* splitmix64: Steele, Lea, Flood 2014 */
{
    uint64_t z = random->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

uint64_t bench_random_below(struct bench_random *random, uint64_t bound)
{
    return bench_random_next(random) % bound; /* the bias is far below what a load can show */
}

uint64_t bench_zipf(struct bench_random *random, uint64_t n)
{
    double u = (double)(bench_random_next(random) >> 11) / 9007199254740992.0;
    uint64_t rank = (uint64_t)exp(u * log((double)n + 1));
    return rank < 1 ? 1 : rank > n ? n : rank;
}

static int double_compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

double bench_median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, double_compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

void bench_environment_print(void)
{
    struct utsname name;
    char model[128] = "unknown processor";
    FILE *info = fopen("/proc/cpuinfo", "r");
    char line[256];
    while (info && fgets(line, sizeof line, info)) {
        char *colon = strchr(line, ':');
        if (colon && strncmp(line, "model name", 10) == 0) {
            snprintf(model, sizeof model, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
            break;
        }
    }
    if (info)
        fclose(info);
    uname(&name);
    printf("%ld cores, %s, Linux %s\n", sysconf(_SC_NPROCESSORS_ONLN), model, name.release);
}
