/* `patron identity`: the parts, and what they share. */
#include "client/identity.h"

#include <stdlib.h>
#include <string.h>

#include "client/table.h"
#include "client/values.h"
#include "store/base/limits.h"
#include "store/base/time_text.h"

/* --- what was given ----------------------------------------------------------------------------------------------- */

enum patron_code identifier_parse(
    const char *text, struct arena *arena, Patron__V1__Identifier **identifier, struct error *error)
{
    char *type;
    const char *value;
    if (split_pair(text, ':', &type, &value, NULL) != PATRON_OK)
        return error_set(error, PATRON_INVALID,
            "an identifier is TYPE:VALUE, such as email:ada@example.org, not '%.100s'", text);
    *identifier = arena_alloc(arena, sizeof **identifier);
    patron__v1__identifier__init(*identifier);
    (*identifier)->type = arena_string(arena, bytes_from_string(type));
    (*identifier)->value = arena_string(arena, bytes_from_string(value));
    memory_free(type);
    return PATRON_OK;
}

enum patron_code node_name_parse(
    const char *text, struct arena *arena, Patron__V1__NodeName **name, struct error *error)
{
    *name = arena_alloc(arena, sizeof **name);
    patron__v1__node_name__init(*name);
    long long number;
    if (text[0] && strspn(text, "0123456789") == strlen(text)) {
        TRY(parse_count(text, 1, INT64_MAX, &number, error));
        (*name)->node = (uint64_t)number;
        (*name)->name_case = PATRON__V1__NODE_NAME__NAME_NODE;
        return PATRON_OK;
    }
    TRY(identifier_parse(text, arena, &(*name)->identifier, error));
    (*name)->name_case = PATRON__V1__NODE_NAME__NAME_IDENTIFIER;
    return PATRON_OK;
}

enum patron_code actor_choose(const char *given, const char **actor, struct error *error)
{
    *actor = given ? given : getenv("USER");
    if (!*actor || !**actor)
        return error_set(error, PATRON_INVALID, "say who you are with --actor NAME: changes of identity are signed");
    return PATRON_OK;
}

/* --- words -------------------------------------------------------------------------------------------------------- */

const char *node_text(const Patron__V1__IdentityNode *node, char text[NODE_TEXT_MAX])
{
    if (node->value[0])
        snprintf(text, NODE_TEXT_MAX, "%s:%s", node->type, node->value);
    else
        snprintf(text, NODE_TEXT_MAX, "%s %llu", node->type, (unsigned long long)node->node);
    return text;
}

const char *node_text_of(uint64_t node, const struct node_list *list, char text[NODE_TEXT_MAX])
{
    for (size_t i = 0; i < list->count; i++)
        if (list->nodes[i]->node == node)
            return node_text(list->nodes[i], text);
    for (size_t i = 0; i < list->other_count; i++)
        if (list->others[i]->node == node)
            return node_text(list->others[i], text);
    snprintf(text, NODE_TEXT_MAX, "%llu", (unsigned long long)node);
    return text;
}

const char *rule_word(Patron__V1__LinkRule rule)
{
    static const char *const words[] = {"unknown", "event", "hand", "match", "review"};
    return (size_t)rule < sizeof words / sizeof *words ? words[rule] : words[0];
}

const char *obstacle_words(Patron__V1__Obstacle obstacle)
{
    switch (obstacle) {
    case PATRON__V1__OBSTACLE__OBSTACLE_NONE:
        return "none";
    case PATRON__V1__OBSTACLE__OBSTACLE_MAX:
        return "too many of its type";
    case PATRON__V1__OBSTACLE__OBSTACLE_UNIQUE:
        return "another value of a unique type";
    case PATRON__V1__OBSTACLE__OBSTACLE_SIZE:
        return "too many identifiers";
    case PATRON__V1__OBSTACLE__OBSTACLE_SEPARATED:
        return "kept apart";
    case PATRON__V1__OBSTACLE__OBSTACLE_BLOCKED:
        return "blocked";
    case PATRON__V1__OBSTACLE__OBSTACLE_AFTER:
        return "after another that was refused";
    case PATRON__V1__OBSTACLE__OBSTACLE_REVIEW_SIZE:
        return "review: size";
    case PATRON__V1__OBSTACLE__OBSTACLE_REVIEW_BRIDGE:
        return "review: weak bridge";
    case PATRON__V1__OBSTACLE__OBSTACLE_REVIEW_VALUE:
        return "review: value";
    case PATRON__V1__OBSTACLE__OBSTACLE_REVIEW_SCORE:
        return "review: score";
    case PATRON__V1__OBSTACLE__OBSTACLE_REVIEW_CLUSTER:
        return "review: contradicted";
    default: /* of a later version */
        return "unknown";
    }
}

const char *review_state_word(Patron__V1__IdentityReviewState state)
{
    static const char *const words[] = {
        "unknown", "open", "half approved", "approved", "rejected", "expired", "moot"};
    return (size_t)state < sizeof words / sizeof *words ? words[state] : words[0];
}

/* --- JSON --------------------------------------------------------------------------------------------------------- */

void json_print(struct json_object *object)
{
    puts(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(object);
}

struct json_object *moment_json(int64_t time_us)
{
    if (time_us == 0)
        return NULL;
    char text[TIME_TEXT_MAX];
    return json_object_new_string_len(text, (int)time_to_text(time_us, text));
}

struct json_object *node_json(const Patron__V1__IdentityNode *node)
{
    struct json_object *one = json_object_new_object();
    json_object_object_add(one, "node", json_object_new_uint64(node->node));
    json_object_object_add(one, "type", json_object_new_string(node->type));
    json_object_object_add(one, "value", node->value[0] ? json_object_new_string(node->value) : NULL);
    json_object_object_add(one, "first_known", moment_json(node->first_known_us));
    json_object_object_add(one, "since", moment_json(node->since_us));
    json_object_object_add(one, "separated", json_object_new_boolean(node->separated));
    json_object_object_add(one, "blocked", json_object_new_boolean(node->blocked));
    return one;
}

struct json_object *nodes_json(Patron__V1__IdentityNode *const *nodes, size_t count)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(list, node_json(nodes[i]));
    return list;
}

struct json_object *evidence_json(const Patron__V1__IdentityEvidence *evidence)
{
    if (!evidence)
        return NULL;
    struct json_object *one = json_object_new_object();
    char hex[2 * 64 + 1] = "";
    for (size_t i = 0; i < evidence->event.len && i < 64; i++)
        snprintf(hex + 2 * i, 3, "%02x", evidence->event.data[i]);
    json_object_object_add(one, "event", json_object_new_string(hex));
    json_object_object_add(one, "type", evidence->type[0] ? json_object_new_string(evidence->type) : NULL);
    json_object_object_add(one, "time", moment_json(evidence->time_us));
    json_object_object_add(one, "node", json_object_new_uint64(evidence->node));
    return one;
}

struct json_object *link_json(const Patron__V1__IdentityLink *link)
{
    struct json_object *one = json_object_new_object();
    json_object_object_add(one, "a", json_object_new_uint64(link->a));
    json_object_object_add(one, "b", json_object_new_uint64(link->b));
    json_object_object_add(one, "rule", json_object_new_string(rule_word(link->rule)));
    json_object_object_add(one, "since", moment_json(link->since_us));
    json_object_object_add(one, "until", moment_json(link->until_us));
    json_object_object_add(one, "count", json_object_new_uint64(link->count));
    json_object_object_add(one, "evidence", evidence_json(link->evidence));
    json_object_object_add(one, "score", link->model ? double_json(link->score) : NULL);
    json_object_object_add(one, "model", json_object_new_int64(link->model));
    json_object_object_add(one, "actor", json_object_new_string(link->actor));
    json_object_object_add(one, "reason", json_object_new_string(link->reason));
    return one;
}

struct json_object *refusals_json(Patron__V1__IdentityRefusal *const *refusals, size_t count)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++) {
        struct json_object *one = json_object_new_object(), *dropped = json_object_new_array();
        json_object_object_add(one, "known_at", moment_json(refusals[i]->known_at_us));
        json_object_object_add(one, "node", json_object_new_uint64(refusals[i]->node));
        json_object_object_add(one, "identifiers", dropped);
        for (size_t k = 0; k < refusals[i]->n_identifiers; k++) {
            const Patron__V1__RefusedIdentifier *identifier = refusals[i]->identifiers[k];
            struct json_object *its = json_object_new_object();
            json_object_object_add(its, "why", json_object_new_string(obstacle_words(identifier->obstacle)));
            json_object_object_add(its, "type", json_object_new_string(identifier->type));
            json_object_object_add(its, "node", identifier->node ? json_object_new_uint64(identifier->node) : NULL);
            json_object_object_add(its, "item", moment_json(identifier->item_us));
            json_object_array_add(dropped, its);
        }
        json_object_array_add(list, one);
    }
    return list;
}

struct json_object *items_json(Patron__V1__IdentityReviewItem *const *items, size_t count)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++) {
        const Patron__V1__IdentityReviewItem *item = items[i];
        struct json_object *one = json_object_new_object();
        json_object_object_add(one, "item", moment_json(item->item_us));
        json_object_object_add(one, "state", json_object_new_string(review_state_word(item->state)));
        json_object_object_add(one, "a", json_object_new_uint64(item->a));
        json_object_object_add(one, "b", json_object_new_uint64(item->b));
        json_object_object_add(one, "why", json_object_new_string(obstacle_words(item->obstacle)));
        json_object_object_add(one, "rule", json_object_new_string(rule_word(item->rule)));
        json_object_object_add(one, "count", json_object_new_uint64(item->count));
        json_object_object_add(one, "expires", moment_json(item->expires_us));
        json_object_object_add(one, "decided", moment_json(item->decided_us));
        json_object_object_add(one, "actor", json_object_new_string(item->actor));
        json_object_object_add(one, "reason", json_object_new_string(item->reason));
        json_object_array_add(list, one);
    }
    return list;
}

/* --- lists for people --------------------------------------------------------------------------------------------- */

static void heading_print(const char *words, size_t count, bool more)
{
    printf("\n%s: %zu%s\n", words, count, more ? " or more; the newest" : "");
}

void refusals_print(
    Patron__V1__IdentityRefusal *const *refusals, size_t count, bool more, const struct node_list *nodes)
{
    if (count == 0)
        return;
    heading_print("events whose identifiers were not all joined", count, more);
    struct table table;
    table_open(&table, 4);
    table_add(&table, "when");
    table_add(&table, "of");
    table_add(&table, "not joined with");
    table_add(&table, "why");
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < refusals[i]->n_identifiers; k++) {
            const Patron__V1__RefusedIdentifier *dropped = refusals[i]->identifiers[k];
            char when[TIME_TEXT_MAX], of[NODE_TEXT_MAX], other[NODE_TEXT_MAX];
            time_to_text(refusals[i]->known_at_us, when);
            if (dropped->node)
                node_text_of(dropped->node, nodes, other);
            else
                snprintf(other, sizeof other, "%s, not known before", dropped->type);
            table_add(&table, when);
            table_add(&table, node_text_of(refusals[i]->node, nodes, of));
            table_add(&table, other);
            table_add(&table, obstacle_words(dropped->obstacle));
        }
    }
    table_print(&table, stdout);
    table_close(&table);
}

void items_print(
    Patron__V1__IdentityReviewItem *const *items, size_t count, bool more, const struct node_list *nodes)
{
    if (count == 0)
        return;
    heading_print("review items", count, more);
    struct table table;
    table_open(&table, 5);
    table_add(&table, "item");
    table_add(&table, "state");
    table_add(&table, "between");
    table_add(&table, "and");
    table_add(&table, "why");
    for (size_t i = 0; i < count; i++) {
        char when[TIME_TEXT_MAX], a[NODE_TEXT_MAX], b[NODE_TEXT_MAX];
        time_to_text(items[i]->item_us, when);
        table_add(&table, when);
        table_add(&table, review_state_word(items[i]->state));
        table_add(&table, node_text_of(items[i]->a, nodes, a));
        table_add(&table, node_text_of(items[i]->b, nodes, b));
        table_add(&table, obstacle_words(items[i]->obstacle));
    }
    table_print(&table, stdout);
    table_close(&table);
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static const struct command *const parts[] = {
    &command_identity_show,
    &command_identity_history,
    &command_identity_link,
    &command_identity_unlink,
    &command_identity_block,
    &command_identity_unblock,
    &command_identity_review,
    &command_identity_train,
    &command_identity_match,
    &command_identity_models,
    &command_identity_measures,
};

const struct command command_identity = {
    .name = "identity",
    .usage = "COMMAND [FLAGS]",
    .summary = "show who is one customer and why, and put it right",
    .notes = "",
    .run = command_run_part,
    .parts = parts,
    .part_count = sizeof parts / sizeof *parts,
};
