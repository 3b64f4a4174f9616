/* The rows of identity, encoded: shared by the writer and the look-ups of this room only. */
#ifndef PATRON_IDENTITY_ROWS_H
#define PATRON_IDENTITY_ROWS_H

#include "store/identity/identity.h"

void identifier_put(struct kv_batch *batch, const uint8_t hash[IDENTIFIER_HASH_BYTES], uint64_t node,
    uint64_t customer, uint8_t flags);
enum patron_code identifier_decode(struct bytes value, struct identifier_entry *entry, struct error *error) MUST_CHECK;
void node_put(struct kv_batch *batch, uint64_t node, const struct node_entry *entry);
enum patron_code node_decode(struct bytes value, struct node_entry *entry, struct error *error) MUST_CHECK;
void membership_put(struct kv_batch *batch, uint64_t node, int64_t since_us, uint64_t customer);
void member_put(struct kv_batch *batch, const struct member *member);
/* Under both ends. */
void link_put(struct kv_batch *batch, const struct link *link);
void separation_put(struct kv_batch *batch, const struct separation *separation);

#endif
