/* The rows of identity, encoded: shared by the writer and the look-ups of this room only. */
#ifndef PATRON_IDENTITY_ROWS_H
#define PATRON_IDENTITY_ROWS_H

#include "store/identity/identity.h"

enum link_rule { LINK_SHARED_EVENT = 1 };

struct link {
    uint64_t a;
    uint64_t b;
    int64_t since_us;
    int64_t until_us; /* INT64_MAX: holds */
    enum link_rule rule;
    uint64_t count; /* how often the evidence came */
    uint8_t evidence[EVENT_HASH_BYTES]; /* the first event that showed it */
};

void identifier_put(
    struct kv_batch *batch, const uint8_t hash[IDENTIFIER_HASH_BYTES], uint64_t node, uint64_t customer);
enum patron_code identifier_decode(struct bytes value, struct identifier_entry *entry, struct error *error) MUST_CHECK;
void node_put(struct kv_batch *batch, uint64_t node, const struct node_entry *entry);
enum patron_code node_decode(struct bytes value, struct node_entry *entry, struct error *error) MUST_CHECK;
void membership_put(struct kv_batch *batch, uint64_t node, int64_t since_us, uint64_t customer);
void member_put(struct kv_batch *batch, const struct member *member);
/* Under both ends. */
void link_put(struct kv_batch *batch, const struct link *link);
enum patron_code link_decode(struct bytes key, struct bytes value, struct link *link, struct error *error) MUST_CHECK;

#endif
