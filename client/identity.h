/* What the commands of `patron identity` share: how identifiers are named, who acts, and how nodes, links and effects
 * are printed. One thread. Messages are borrowed. */
#ifndef PATRON_CLIENT_IDENTITY_H
#define PATRON_CLIENT_IDENTITY_H

#include <json-c/json.h>
#include <stdio.h>

#include "client/command.h"
#include "patron/v1/identity.pb-c.h"
#include "store/base/arena.h"

enum { NODE_TEXT_MAX = 1200 };

/* "TYPE:VALUE", or a node's number alone. The result lies in the arena. */
enum patron_code node_name_parse(
    const char *text, struct arena *arena, Patron__V1__NodeName **name, struct error *error) MUST_CHECK;
enum patron_code identifier_parse(
    const char *text, struct arena *arena, Patron__V1__Identifier **identifier, struct error *error) MUST_CHECK;

/* Who acts: --actor, or the login name. PATRON_INVALID if there is neither. */
enum patron_code actor_choose(const char *given, const char **actor, struct error *error) MUST_CHECK;

/* "email:ada@example.org" where the value is kept, else "email 17". */
const char *node_text(const Patron__V1__IdentityNode *node, char text[NODE_TEXT_MAX]);
/* Nodes that an answer gives, to find those that it names by number. */
struct node_list {
    Patron__V1__IdentityNode *const *nodes;
    size_t count;
    Patron__V1__IdentityNode *const *others;
    size_t other_count;
};
/* The same of a number, by its node among these; "17" if it is not. */
const char *node_text_of(uint64_t node, const struct node_list *list, char text[NODE_TEXT_MAX]);

const char *rule_word(Patron__V1__LinkRule rule);
const char *obstacle_words(Patron__V1__Obstacle obstacle);
const char *review_state_word(Patron__V1__IdentityReviewState state);

/* RFC 3339, or null where there is none. */
struct json_object *moment_json(int64_t time_us);
struct json_object *evidence_json(const Patron__V1__IdentityEvidence *evidence); /* null is fine */
struct json_object *node_json(const Patron__V1__IdentityNode *node);
struct json_object *nodes_json(Patron__V1__IdentityNode *const *nodes, size_t count);
struct json_object *link_json(const Patron__V1__IdentityLink *link);
struct json_object *refusals_json(Patron__V1__IdentityRefusal *const *refusals, size_t count);
struct json_object *items_json(Patron__V1__IdentityReviewItem *const *items, size_t count);
struct json_object *effect_json(const Patron__V1__IdentityEffect *effect);
/* On one line, and frees it. */
void json_print(struct json_object *take_object);

void refusals_print(
    Patron__V1__IdentityRefusal *const *refusals, size_t count, bool more, const struct node_list *nodes);
void items_print(
    Patron__V1__IdentityReviewItem *const *items, size_t count, bool more, const struct node_list *nodes);
/* PATRON_CORRUPT: its columns are not whole. */
enum patron_code effect_check(const Patron__V1__IdentityEffect *effect, struct error *error) MUST_CHECK;
/* The features that differ, of an effect that was checked. */
void effect_features_print(const Patron__V1__IdentityEffect *effect);
/* Each customer before and after, and the features that differ. */
enum patron_code effect_print(const Patron__V1__IdentityEffect *effect, struct error *error) MUST_CHECK;

extern const struct command command_identity_show;
extern const struct command command_identity_history;
extern const struct command command_identity_link;
extern const struct command command_identity_unlink;
extern const struct command command_identity_block;
extern const struct command command_identity_unblock;
extern const struct command command_identity_review;
extern const struct command command_identity_measures;
extern const struct command command_identity_train;
extern const struct command command_identity_match;
extern const struct command command_identity_models;

#endif
