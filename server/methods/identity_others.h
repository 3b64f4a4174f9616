/* identity_others: identifiers that an answer speaks of and that are not among those it is about, so that a reader can
 * be told what they are. Any thread. */
#ifndef PATRON_METHODS_IDENTITY_OTHERS_H
#define PATRON_METHODS_IDENTITY_OTHERS_H

#include "patron/v1/identity.pb-c.h"
#include "server/methods/errand.h"
#include "store/explain/explain.h"

enum { IDENTITY_OTHERS_MAX = 1000 };

struct identity_others {
    const struct explained_node *known; /* by number */
    size_t known_count;
    uint64_t numbers[IDENTITY_OTHERS_MAX]; /* ascending */
    size_t count;
};

/* Lies in the arena. */
struct identity_others *identity_others_new(
    const struct explained_node *known, size_t known_count, struct arena *arena);
/* 0 is nobody. Past IDENTITY_OTHERS_MAX nothing is added. */
void identity_others_add(struct identity_others *others, uint64_t node);
void identity_others_add_decided(struct identity_others *others, const struct refusal *refusals, size_t refusal_count,
    const struct review_item *items, size_t item_count);
/* As of the errand's moment, in its call's arena; `list` has room for others->count. */
enum patron_code identity_others_messages(const struct identity_others *others, struct errand *errand,
    Patron__V1__IdentityNode **list, struct error *error) MUST_CHECK;

#endif
