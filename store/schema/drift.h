/* drift: counts what the sources send, as the writer takes it in, so that a change of it can be seen.
 *
 * Owns one day's counters of each stream (counters.h) in memory: of the newest day on which the stream sent. Their rows
 * are written when drift_write is called, which the store does with its groups at most once a second, and once more
 * when everything else has been written back. What a crash finds unwritten is lost: the counters then miss up to the
 * last seconds. They are no part of what is known about customers, and nothing is worked out from them but the report
 * (schema.h). The rows of days more than SCHEMA_DAYS_KEPT before a stream's newest are deleted.
 *
 * Time comes in as an argument: the same calls give the same rows. Belongs to the writer's thread. Failure: only
 * loading fails, with PATRON_CORRUPT for rows that are damaged or the engine's own words. */
#ifndef PATRON_SCHEMA_DRIFT_H
#define PATRON_SCHEMA_DRIFT_H

#include "store/kv/kv.h"
#include "store/store.h"

struct drift;

struct drift *drift_new(void);
void drift_free(struct drift *drift); /* null is fine */
/* What an earlier process wrote; once, before anything is counted. */
enum patron_code drift_load(struct drift *drift, struct kv *kv, struct error *error) MUST_CHECK;

/* One event as it came. */
struct drift_event {
    const struct event_input *input;
    const struct definitions *definitions;
    const struct event_type *type;    /* null: the definitions have none of that name */
    const struct given_value *values; /* of one that was taken, by attribute's number; null: each is tried again */
    bool any_unknown;                 /* with `values`: has it attributes that its type does not have? */
    enum event_fate fate;
    int64_t at_us; /* known_at, or of one that was refused when it would have become known */
};
/* A day that is over goes to the batch at once. */
void drift_count(struct drift *drift, const struct drift_event *event, struct kv_batch *batch);

void drift_write(struct drift *drift, struct kv_batch *batch); /* what has changed since the last time */
/* The same, unless it was called within the last second of this clock. */
void drift_write_due(struct drift *drift, int64_t clock_us, struct kv_batch *batch);

struct schema_figures drift_figures(const struct drift *drift);

#endif
