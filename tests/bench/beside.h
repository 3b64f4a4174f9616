/* beside: what goes on while something else is measured: one reader that asks over gRPC at a steady rate, and batches
 * of events that are sent and waited for. What a reader waits is counted from the moment that its question was due, so
 * that a stall is felt by every question that falls into it. Failures end the program. */
#ifndef PATRON_BENCH_BESIDE_H
#define PATRON_BENCH_BESIDE_H

#include "server/methods/port.h"
#include "tests/bench/bench.h"
#include "tests/rpc/serving.h"

/* Ends the program with these words. */
void beside_fail(const char *words);
void beside_sleep_until(double due); /* of bench_seconds */
/* In the arena: the words and the number behind them. */
char *beside_text(struct arena *arena, const char *words, uint64_t number);

/* --- events ------------------------------------------------------------------------------------------------------ */

/* Sends `count` events, made one by one, and waits until all are on disk. */
void beside_send(struct port *port, uint64_t count,
    void (*make)(void *context, struct arena *arena, uint64_t i, struct event_input *event), void *context);

/* --- samples ------------------------------------------------------------------------------------------------------ */

struct beside_samples; /* of microseconds; any thread */
struct beside_samples *beside_samples_new(void);
void beside_samples_free(struct beside_samples *samples);
void beside_samples_add(struct beside_samples *samples, double us);
void beside_samples_forget(struct beside_samples *samples);
struct beside_times {
    size_t count;
    double p50_us, p99_us, worst_us;
};
/* What there was since the last, which is forgotten. */
struct beside_times beside_samples_take(struct beside_samples *samples);

/* --- the reader --------------------------------------------------------------------------------------------------- */

struct beside_reader;
/* Asks for one row of the service `model` so often a second: of whom, `who` says anew for each of some hundred
 * questions that are asked in turn. */
struct beside_reader *beside_reader_start(const struct serving *serving, uint64_t reads_per_s,
    void (*who)(struct arena *arena, struct bench_random *random, const char **type, char **value),
    struct beside_samples *samples);
void beside_reader_stop(struct beside_reader *reader);

/* --- a directory -------------------------------------------------------------------------------------------------- */

struct beside_directory {
    char top[32];
    char data[48]; /* not there yet */
};
void beside_directory_make(struct beside_directory *directory);
void beside_directory_remove(const struct beside_directory *directory);

/* Refolds everything; a difference ends the program. Prints what was found. */
void beside_verify(struct port *port);

/* "--name N …" into numbers by name; false where one is wrong. */
struct beside_flag {
    const char *name;
    uint64_t *value;
};
bool beside_flags(int argc, char **argv, const struct beside_flag *flags, size_t count);

#endif
