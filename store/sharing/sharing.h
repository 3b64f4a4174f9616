/* sharing: costs of no customer (hosting, a helpdesk, a campaign) shared out over customers by what drives them.
 *
 *     shared_costs:
 *       hosting:  {share: amount, by: session, period: month}
 *       helpdesk: {share: amount, by: ticket, weight: minutes, where: {channel: phone}, period: week}
 *
 * An event of such a type that names a customer is an event like any other. One without identifiers is a shared cost.
 * It is logged, deduplicated by its id and stored under NODE_NONE, and waits.
 *
 * - It is due at the end of its period: the day, the week (from Monday) or the month of its event time in the zone of
 *   the definitions that it came under; or when it is known, if that is later. It is shared out as soon as nothing can
 *   become known before that any more: before the first later entry on the source's clock; on a store that answers, as
 *   soon as the clock has passed it. A store that never answered does not go by the clock: its history may still come.
 * - What counts are the driver's events with event time in that period that were known before the due time, under the
 *   definitions that serve when the sharing begins. (They are looked for from as long before the period as events may
 *   be dated ahead; where more was allowed once, those dated further ahead are not found.) Each node (identifier) has
 *   the sum of its events' weights: of the attribute `weight`, or 1 each. Nodes whose sum is not above 0 bear nothing.
 *   Events stay with their node, so merges and splits change nothing about who bears what.
 * - The shares are exact, see shares.h: they sum to the cost, to the last micro-unit, also for a negative one.
 * - Each share but those of 0 becomes an event of the cost's type at its node: source "patron" (which nobody else may
 *   send with), id the cost's event hash in hex, "/", the node's number; event time and attributes the cost's, with the
 *   share in place of the amount. It is known from the due time on, or from just after the newest entry if that is
 *   later. Features, reads of the past, merges and verify know no difference, and nothing is known too early.
 * - Where nobody has any weight, the cost waits for the end of the period after, up to SHARING_RETRIES times: events of
 *   its own period may come late. Then it is unallocated: kept and counted, borne by nobody. A store that never
 *   answered does not count the times: bills may be loaded before the history that drives them.
 * - What comes once a cost is shared out changes its shares no more, nor do later definitions.
 *
 * At most SHARED_COSTS_WAITING_MAX wait; an event that would be one more is refused.
 *
 * How it is done: sharing_new begins, sharing_compute works the weights out on a view and takes as long as the log of
 * the period is, and sharing_add puts the shares into groups. A cost's row leaves the queue with the group that holds
 * its last share. After a crash between, the same shares come out: the row names the version of the definitions, and
 * what was known before the due time stays; those that are there are passed over by their ids.
 *
 * Threads: sharing_compute belongs to one thread at a time and reads the engine only; the rest is the writer's.
 * Failure: of the engine, or PATRON_CORRUPT where shares that are out already cannot be worked out again; then the
 * sharing is to be freed. A cost that cannot be worked out at first waits. After a failed sharing_add the store is
 * unusable for writing. */
#ifndef PATRON_STORE_SHARING_H
#define PATRON_STORE_SHARING_H

#include <stdatomic.h>

#include "store/store.h"

enum { SHARING_RETRIES = 3 };

/* When the first of the costs that wait is due; INT64_MAX: none waits. */
int64_t store_sharing_due(const struct store *store);

struct sharing;

/* Begins with the cost that is due first, one at a time; there must be one. Until it is freed no entry gets a known_at
 * before the due time. */
struct sharing *sharing_new(struct store *store);
/* Null is fine. What was not added yet can be begun anew. */
void sharing_free(struct sharing *sharing);
/* `view` is of a position that was newest at sharing_new or later. Ends early with PATRON_BUSY once *cancelled (which
 * may be null) is true. */
enum patron_code sharing_compute(
    struct sharing *sharing, const struct view *view, const atomic_bool *cancelled, struct error *error) MUST_CHECK;
/* Within an open group, which holds nothing else: adds up to `most` shares, and with the last of them takes the cost
 * from the queue or, where nobody has weight, has it wait or not. *done: nothing is left once the group is
 * committed. */
enum patron_code sharing_add(
    struct store *store, struct sharing *sharing, size_t most, bool *done, struct error *error) MUST_CHECK;

#endif
