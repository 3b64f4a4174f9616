/* measurer: takes the census of identity (store/measures/census.h) now and then, and keeps the last one for /metrics
 * and for who asks.
 *
 * It reads every profile, in a thread of low priority: first a little while after the start, then each `every_ms`.
 * What cannot be read is told in a notice, and the census before stays.
 *
 * Threads: measurer_measure and measurer_last from any; new, call_off and stop from the owner's. */
#ifndef PATRON_WORK_MEASURER_H
#define PATRON_WORK_MEASURER_H

#include "server/work/views.h"
#include "store/measures/census.h"

struct measurer_options {
    struct views *views; /* both outlive the measurer */
    struct clock *clock;
    uint64_t first_ms; /* 0: 10 seconds */
    uint64_t every_ms; /* 0: only when somebody asks */
    void (*notice)(void *context, const char *words); /* nullable */
    void *context;
};

struct measurer;

enum patron_code measurer_new(
    const struct measurer_options *options, struct measurer **measurer, struct error *error) MUST_CHECK;
/* From now on none is taken: measurer_measure says PATRON_BUSY instead, also where it is under way. Null is fine. */
void measurer_call_off(struct measurer *measurer);
/* When nobody is left who might ask. Null is fine. */
void measurer_stop(struct measurer *take_measurer);

/* Takes a new one, which may be seconds of work for this thread, or gives the last one if there is one and `fresh` is
 * false. One is taken at a time. */
enum patron_code measurer_measure(
    struct measurer *measurer, bool fresh, struct census *census, struct error *error) MUST_CHECK;
/* False: none was taken yet. */
bool measurer_last(struct measurer *measurer, struct census *census);

#endif
