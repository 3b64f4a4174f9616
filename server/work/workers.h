/* workers: a few threads with one bounded queue, for what folds raw events: as_of reads, snapshots, verify.
 *
 * Threads: workers_run, workers_stopping and workers_queued from any; new and stop from the owner's.
 * Failure: workers_run says PATRON_EXHAUSTED when the queue is full and PATRON_BUSY once stopping; work has no
 * result. */
#ifndef PATRON_WORK_WORKERS_H
#define PATRON_WORK_WORKERS_H

#include "store/base/bytes.h"
#include "store/base/error.h"

struct workers_options {
    size_t threads;   /* 0: 2 */
    size_t queue_max; /* 0: WORK_QUEUE_MAX */
};

struct workers;

enum patron_code workers_new(
    const struct workers_options *options, struct workers **workers, struct error *error) MUST_CHECK;
enum patron_code workers_run(
    struct workers *workers, void (*work)(void *argument), void *argument, struct error *error) MUST_CHECK;
/* True once workers_stop was called: long work that can end early should. */
bool workers_stopping(struct workers *workers);
size_t workers_queued(struct workers *workers); /* waiting, not running */
/* Runs what is queued (somebody waits for it), then joins the threads. Null is fine. */
void workers_stop(struct workers *take_workers);

#endif
