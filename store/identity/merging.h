/* merging: what is written where nodes change their customer, and where links are made or stronger. For all that does
 * so: events (resolve.c), links (store/changes/linking.h), splits (store/changes/splitting.h). The writer's, into its
 * batch. */
#ifndef PATRON_IDENTITY_MERGING_H
#define PATRON_IDENTITY_MERGING_H

#include "store/identity/rules.h"

/* An open member as it shall be from here on, without leaving its customer (its flags have changed): its row of
 * `members` and its identifier's, which say the same. */
void member_keep(struct kv_batch *batch, const struct member *member);
/* An open member goes to another customer at known_at: what it was stays written; flags are carried. */
void member_move(struct kv_batch *batch, const struct member *member, uint64_t customer, int64_t known_at_us);
/* All members of the party. */
void party_move(struct kv_batch *batch, const struct party *party, uint64_t customer, int64_t known_at_us);

/* The live link of a pair (in either order) and rule; its texts in the arena. PATRON_NOT_FOUND: there is none. */
enum patron_code link_live(struct kv_batch *batch, uint64_t a, uint64_t b, enum link_rule rule, struct arena *arena,
    struct link *link, struct error *error) MUST_CHECK;
/* That link counts once more and is otherwise as it was, or this one is put. */
enum patron_code link_strengthen(
    struct kv_batch *batch, const struct link *link, struct arena *arena, struct error *error) MUST_CHECK;

#endif
