/* lifting: separations end where a link joins what they keep apart, and go on for everybody else.
 *
 * Of a separation that holds and has one side in a's customer and the other in b's, b's nodes go over to a's side:
 * their rows end and a's stay, so that all others whom a was kept apart from still are. Where nobody else is left on
 * b's side, but somebody is on a's, a's nodes go over instead. Where nobody else holds a row of it, all rows end.
 * "Else" is whoever is in neither customer; who ever had a row stands in the log's entry of the separation's `since`.
 *
 * Threads: the writer's, into its batch. At most 2 * CUSTOMER_NODES_MAX rows are looked at for each separation between
 * the two. Failure: PATRON_CORRUPT where the log does not tell of a separation; of the engine. */
#ifndef PATRON_STORE_LIFTING_H
#define PATRON_STORE_LIFTING_H

#include "store/identity/rules.h"

struct lifting {
    struct kv_batch *batch;
    const struct party *a, *b; /* before they are one */
    int64_t known_at_us;       /* of the link: when rows end */
    struct arena *arena;
};
enum patron_code separations_lift(const struct lifting *lifting, struct error *error) MUST_CHECK;

#endif
