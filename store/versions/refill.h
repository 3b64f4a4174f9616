/* refill: filling the profiles of a new version of the definitions from the events, while the version before serves.
 *
 * Happy path: after store_define the rows of the new generation are made by one thread, a bounded step at a time, and
 * written by the writer between two groups:
 *
 *     refill_new
 *     for each view, a newer one each time:
 *         until *reached: refill_step on the view (any one thread), then refill_write (the writer)
 *         refill_finish (the writer): *done, and the next view is of the new version
 *
 * First every customer is folded from its events at the position of one view, in order of customer. Then the log's
 * entries since are applied to those profiles, as the writer applied them to the ones that serve, merges included; that
 * is faster than the log can grow, so each round leaves less to do than the one before. The last few entries are
 * applied by refill_finish between two groups, and the switch is in the same write. Where customers were split, the
 * parts are folded anew, as they were right after that: a step does it, never the writer.
 *
 * How far it has come is written with each step's rows, so that after a crash it goes on there. A view of a later
 * position is needed then; the customers done already that the log names since are folded anew first.
 *
 * Threads: refill_step belongs to one thread at a time, and reads the engine only; the rest is the writer's.
 * Failure: of the engine, or PATRON_CORRUPT for what cannot be folded; then the refill is to be freed, and one made
 * anew goes on from what was written. After a failed refill_write or refill_finish the store is unusable for writing,
 * as after store_group_commit. PATRON_CANCELLED: store_define has superseded what is being filled. */
#ifndef PATRON_STORE_REFILL_H
#define PATRON_STORE_REFILL_H

#include "store/store.h"

struct refill;

/* The refill that is to be done; null: the newest version serves. */
struct refill *refill_new(struct store *store);
void refill_free(struct refill *refill); /* null is fine */

/* Folds, or applies, at most so many customers or entries of the log; 0: as many as one write should hold. *reached:
 * all up to the view's position is in the rows, once they are written. */
enum patron_code refill_step(
    struct refill *refill, const struct view *view, size_t most, bool *reached, struct error *error) MUST_CHECK;
enum patron_code refill_write(struct store *store, struct refill *refill, struct error *error) MUST_CHECK;
/* Applies what is left and switches, synced, if that is at most `entries_max` entries of the log and no split; else
 * nothing is done, and *done is false. After refill_write of a step that reached its view. */
enum patron_code refill_finish(
    struct store *store, struct refill *refill, size_t entries_max, bool *done, struct error *error) MUST_CHECK;

struct refill_figures {
    uint32_t version;
    bool following;       /* all customers were folded: only the log's newest entries are missing */
    uint64_t nodes;       /* of the customers folded, about: counts up to nodes_total */
    uint64_t nodes_total;
    uint64_t customers;   /* folded since refill_new */
    uint64_t events;      /* folded or applied since refill_new */
    uint64_t entries;     /* of the log, looked at since refill_new while following */
    uint64_t behind;      /* while following: entries of the log up to the last step's view that are yet to come */
};
void refill_figures(const struct refill *refill, struct refill_figures *figures); /* the stepping thread's */

/* Gives up, a bounded piece at a time, what nobody will ask for again: profiles of generations that neither serve nor
 * are being filled. *left: there is more. Not synced. */
enum patron_code store_sweep(struct store *store, size_t rows_max, bool *left, struct error *error) MUST_CHECK;

#endif
