/* identity_messages: what the methods of identity and of review tell in the same words: nodes, links, evidence,
 * effects; and whom a request names.
 *
 * Messages lie in the arena and borrow from what they are made of. Any thread. */
#ifndef PATRON_METHODS_IDENTITY_MESSAGES_H
#define PATRON_METHODS_IDENTITY_MESSAGES_H

#include "patron/v1/identity.pb-c.h"
#include "store/explain/effect.h"
#include "store/explain/explain.h"

/* The name of a type; "unknown" of one that the definitions do not have. In the arena. */
char *identity_type_name(const struct definitions *definitions, uint16_t type, struct arena *arena);
char *identity_text(struct bytes text, struct arena *arena);

Patron__V1__IdentityNode *identity_node_message(
    const struct definitions *definitions, const struct explained_node *node, struct arena *arena);
Patron__V1__IdentityNode **identity_node_messages(const struct definitions *definitions,
    const struct explained_node *nodes, size_t count, struct arena *arena);
/* Null if the hash is zeros: no event showed it. */
enum patron_code identity_evidence_message(const struct view *view, const uint8_t hash[EVENT_HASH_BYTES],
    struct arena *arena, Patron__V1__IdentityEvidence **message, struct error *error) MUST_CHECK;
enum patron_code identity_link_message(const struct view *view, const struct link *link, struct arena *arena,
    Patron__V1__IdentityLink **message, struct error *error) MUST_CHECK;
Patron__V1__IdentityRefusal **identity_refusal_messages(const struct definitions *definitions,
    const struct refusal *refusals, size_t count, struct arena *arena);
Patron__V1__IdentityReviewItem **identity_item_messages(
    const struct review_item *items, size_t count, struct arena *arena);

enum { EFFECT_SIDES_MAX = 100 };

struct effect_sides {
    const struct effect_side *before;
    size_t before_count;
    const struct effect_side *after; /* at most EFFECT_SIDES_MAX */
    size_t after_count;
    size_t after_total;
};
/* `question` is that of `after`. */
Patron__V1__IdentityEffect *identity_effect_message(
    const struct effect_question *question, const struct effect_sides *sides);

/* The node that a request names. PATRON_INVALID: none is named; PATRON_NOT_FOUND: it was never seen. */
enum patron_code identity_name_find(const struct view *view, const Patron__V1__NodeName *name, struct arena *arena,
    uint64_t *node, struct error *error) MUST_CHECK;
/* The value that a request of identity_name_find tells, normalised, and its type; empty and null where it names a
 * number. In the arena. */
enum patron_code identity_name_value(const struct view *view, const Patron__V1__NodeName *name, struct arena *arena,
    const struct identifier_type **type, struct bytes *value, struct error *error) MUST_CHECK;
enum patron_code identity_identifier_find(const struct view *view, const Patron__V1__Identifier *identifier,
    struct arena *arena, uint64_t *node, struct error *error) MUST_CHECK;

#endif
