/* Training and matching of many made-up people: seconds, of the clock and of the one thread that works, and the most
 * memory that was held.
 *
 * People as tests/unit/people_make.c makes them: up to three records each, with addresses, families and twins, one
 * value in twelve wrong and as many absent.
 *
 * usage: bench_matching [RECORDS] (default 50000) */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "tests/unit/people.h"

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double processor_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static double memory_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024.0;
}

int main(int count, char **arguments)
{
    struct people people;
    struct match_outcome outcome;
    struct match_all_options options = {.secret = "a secret of thirty-two bytes, ok"};
    unsigned long records = count > 1 ? strtoul(arguments[1], NULL, 10) : 50000;
    struct people_shape shape = {.persons = (uint32_t)(records / 2),
        .records_most = 3,
        .given_names = 1000,
        .surnames = 20000,
        .family_percent = 40,
        .twin_percent = 3,
        .error_percent = 8,
        .absent_percent = 8,
        .seed = 1};
    if (records < 4 || records > 100000000) {
        fprintf(stderr, "usage: bench_matching [RECORDS]\n");
        return 2;
    }
    people_make(&people, &shape);
    printf("%zu records of %u people, %.0f MiB with them\n", people.count, shape.persons, memory_mib());
    double begun = seconds_now(), busy = processor_seconds();
    struct match_model *model = people_train(&people);
    double trained = seconds_now();
    printf("trained in %.1f s, %.0f MiB\n", trained - begun, memory_mib());
    match_all(&people.plan, model, people.records, people.count, &options, &outcome);
    printf("matched in %.1f s, %.0f MiB: %llu pairs, %llu links, %llu reviews\n", seconds_now() - trained,
        memory_mib(), (unsigned long long)outcome.pairs, (unsigned long long)outcome.links,
        (unsigned long long)outcome.reviews);
    printf("together %.1f s, %.1f s of them on a processor\n", seconds_now() - begun,
        processor_seconds() - busy);
    memory_free(outcome.groups);
    match_model_free(model);
    people_clear(&people);
    return 0;
}
