#include "server/methods/identity_messages.h"

#include "store/read.h"

char *identity_text(struct bytes text, struct arena *arena)
{
    return arena_string(arena, text);
}

char *identity_type_name(const struct definitions *definitions, uint16_t type, struct arena *arena)
{
    for (size_t i = 0; i < definitions->identifier_count; i++)
        if (definitions->identifiers[i].number == type)
            return arena_string(arena, definitions->identifiers[i].name);
    return arena_string(arena, bytes_from_string("unknown"));
}

/* --- nodes and links ---------------------------------------------------------------------------------------------- */

Patron__V1__IdentityNode *identity_node_message(
    const struct definitions *definitions, const struct explained_node *node, struct arena *arena)
{
    Patron__V1__IdentityNode *message = arena_alloc(arena, sizeof *message);
    patron__v1__identity_node__init(message);
    message->node = node->member.node;
    message->type = identity_type_name(definitions, node->member.type, arena);
    message->value = identity_text(node->value, arena);
    message->first_known_us = node->member.birth_us;
    message->since_us = node->member.since_us;
    message->separated = (node->member.flags & NODE_SEPARATED) != 0;
    message->blocked = (node->member.flags & NODE_BLOCKED) != 0;
    return message;
}

Patron__V1__IdentityNode **identity_node_messages(const struct definitions *definitions,
    const struct explained_node *nodes, size_t count, struct arena *arena)
{
    Patron__V1__IdentityNode **list = arena_array(arena, count, sizeof list[0]);
    for (size_t i = 0; i < count; i++)
        list[i] = identity_node_message(definitions, &nodes[i], arena);
    return list;
}

enum patron_code identity_evidence_message(const struct view *view, const uint8_t hash[EVENT_HASH_BYTES],
    struct arena *arena, Patron__V1__IdentityEvidence **message, struct error *error)
{
    static const uint8_t none[EVENT_HASH_BYTES];
    *message = NULL;
    if (memcmp(hash, none, sizeof none) == 0)
        return PATRON_OK;
    struct evidence evidence;
    Patron__V1__IdentityEvidence *made = arena_alloc(arena, sizeof *made);
    patron__v1__identity_evidence__init(made);
    made->event.data = (uint8_t *)(uintptr_t)arena_copy(arena, bytes_of(hash, EVENT_HASH_BYTES)).data;
    made->event.len = EVENT_HASH_BYTES;
    enum patron_code code = explain_evidence(view, hash, arena, &evidence, error);
    if (code != PATRON_OK && code != PATRON_NOT_FOUND)
        return code;
    if (code == PATRON_OK) {
        const struct event_type *type = definitions_event_type_by_number(view->definitions, evidence.type);
        made->type = type ? arena_string(arena, type->name) : made->type;
        made->time_us = evidence.time_us;
        made->node = evidence.node;
    }
    *message = made;
    return PATRON_OK;
}

enum patron_code identity_link_message(const struct view *view, const struct link *link, struct arena *arena,
    Patron__V1__IdentityLink **message, struct error *error)
{
    Patron__V1__IdentityLink *made = arena_alloc(arena, sizeof *made);
    patron__v1__identity_link__init(made);
    made->a = link->a;
    made->b = link->b;
    made->rule = (Patron__V1__LinkRule)link->rule;
    made->since_us = link->since_us;
    made->until_us = link->until_us == INT64_MAX ? 0 : link->until_us;
    made->count = link->count;
    made->score = link->score;
    made->model = link->model;
    made->actor = identity_text(link->actor, arena);
    made->reason = identity_text(link->reason, arena);
    *message = made;
    return identity_evidence_message(view, link->evidence, arena, &made->evidence, error);
}

/* --- what was refused or sent to review --------------------------------------------------------------------------- */

static Patron__V1__IdentityRefusal *refusal_message(
    const struct definitions *definitions, const struct refusal *refusal, struct arena *arena)
{
    Patron__V1__IdentityRefusal *message = arena_alloc(arena, sizeof *message);
    patron__v1__identity_refusal__init(message);
    message->known_at_us = refusal->known_at_us;
    message->node = refusal->node;
    message->n_identifiers = refusal->count;
    message->identifiers = arena_array(arena, refusal->count, sizeof message->identifiers[0]);
    for (size_t i = 0; i < refusal->count; i++) {
        const struct refused_identifier *dropped = &refusal->identifiers[i];
        Patron__V1__RefusedIdentifier *one = arena_alloc(arena, sizeof *one);
        patron__v1__refused_identifier__init(one);
        one->obstacle = (Patron__V1__Obstacle)dropped->obstacle;
        one->type = identity_type_name(definitions, dropped->type, arena);
        one->node = dropped->node;
        one->item_us = dropped->item_us;
        message->identifiers[i] = one;
    }
    return message;
}

Patron__V1__IdentityRefusal **identity_refusal_messages(const struct definitions *definitions,
    const struct refusal *refusals, size_t count, struct arena *arena)
{
    Patron__V1__IdentityRefusal **list = arena_array(arena, count, sizeof list[0]);
    for (size_t i = 0; i < count; i++)
        list[i] = refusal_message(definitions, &refusals[i], arena);
    return list;
}

Patron__V1__IdentityReviewItem **identity_item_messages(
    const struct review_item *items, size_t count, struct arena *arena)
{
    Patron__V1__IdentityReviewItem **list = arena_array(arena, count, sizeof list[0]);
    for (size_t i = 0; i < count; i++) {
        const struct review_item *item = &items[i];
        Patron__V1__IdentityReviewItem *one = list[i] = arena_alloc(arena, sizeof *one);
        patron__v1__identity_review_item__init(one);
        one->item_us = item->item_us;
        one->state = (Patron__V1__IdentityReviewState)item->state;
        one->a = item->a;
        one->b = item->b;
        one->obstacle = (Patron__V1__Obstacle)item->obstacle;
        one->rule = (Patron__V1__LinkRule)item->rule;
        one->score = item->score;
        one->count = item->count;
        one->expires_us = item->expires_us;
        one->decided_us = item->decided_us;
        one->actor = identity_text(item->actor, arena);
        one->reason = identity_text(item->reason, arena);
    }
    return list;
}

/* --- effects ------------------------------------------------------------------------------------------------------ */

static bool has_value(const struct value *value)
{
    return value->status == STATUS_PRESENT || value->status == STATUS_STALE || value->status == STATUS_DEFAULT;
}

static void cells_fill(Patron__V1__Column *column, const struct effect_side *sides, size_t count, size_t feature,
    struct arena *arena)
{
    column->statuses.data = arena_alloc(arena, count);
    column->statuses.len = count;
    bool is_text = column->type == PATRON__V1__VALUE_TYPE__VALUE_TYPE_STRING;
    bool is_integer = column->type == PATRON__V1__VALUE_TYPE__VALUE_TYPE_INT64;
    bool is_flag = column->type == PATRON__V1__VALUE_TYPE__VALUE_TYPE_BOOL;
    column->n_texts = is_text ? count : 0;
    column->n_integers = is_integer ? count : 0;
    column->n_flags = is_flag ? count : 0;
    column->n_doubles = !is_text && !is_integer && !is_flag ? count : 0;
    column->texts = arena_array(arena, column->n_texts, sizeof column->texts[0]);
    column->integers = arena_array(arena, column->n_integers, sizeof column->integers[0]);
    column->flags = arena_array(arena, column->n_flags, sizeof column->flags[0]);
    column->doubles = arena_array(arena, column->n_doubles, sizeof column->doubles[0]);
    for (size_t i = 0; i < count; i++) {
        const struct value *value = &sides[i].row.values[feature];
        column->statuses.data[i] = value->status;
        if (is_text)
            column->texts[i] = identity_text(has_value(value) ? value->text : (struct bytes){0}, arena);
        if (!has_value(value))
            continue;
        if (is_integer)
            column->integers[i] = value->integer;
        else if (is_flag)
            column->flags[i] = value->integer != 0;
        else if (!is_text)
            column->doubles[i] = value->real;
    }
}

static Patron__V1__Column **columns_of(
    const struct effect_question *question, const struct effect_side *sides, size_t count)
{
    const struct selection *selection = &question->selection;
    Patron__V1__Column **columns = arena_array(question->arena, selection->count, sizeof columns[0]);
    for (size_t i = 0; i < selection->count; i++) {
        const struct feature *feature = &question->view->definitions->features[selection->features[i]];
        columns[i] = arena_alloc(question->arena, sizeof *columns[i]);
        patron__v1__column__init(columns[i]);
        columns[i]->name = arena_string(question->arena, feature->name);
        columns[i]->type = (Patron__V1__ValueType)feature->type;
        cells_fill(columns[i], sides, count, i, question->arena);
    }
    return columns;
}

static Patron__V1__IdentitySide **sides_of(
    const struct effect_question *question, const struct effect_side *sides, size_t count)
{
    Patron__V1__IdentitySide **list = arena_array(question->arena, count, sizeof list[0]);
    for (size_t i = 0; i < count; i++) {
        list[i] = arena_alloc(question->arena, sizeof *list[i]);
        patron__v1__identity_side__init(list[i]);
        list[i]->customer = sides[i].customer;
        list[i]->events = sides[i].events;
        list[i]->n_nodes = sides[i].node_count;
        list[i]->nodes = identity_node_messages(
            question->view->definitions, sides[i].nodes, sides[i].node_count, question->arena);
    }
    return list;
}

Patron__V1__IdentityEffect *identity_effect_message(
    const struct effect_question *question, const struct effect_sides *sides)
{
    Patron__V1__IdentityEffect *effect = arena_alloc(question->arena, sizeof *effect);
    patron__v1__identity_effect__init(effect);
    effect->as_of_us = question->as_of_us;
    effect->definitions_version = question->view->definitions->version;
    effect->n_before = sides->before_count;
    effect->before = sides_of(question, sides->before, sides->before_count);
    effect->n_after = sides->after_count;
    effect->after = sides_of(question, sides->after, sides->after_count);
    effect->after_total = sides->after_total;
    effect->n_features_before = effect->n_features_after = question->selection.count;
    effect->features_before = columns_of(question, sides->before, sides->before_count);
    effect->features_after = columns_of(question, sides->after, sides->after_count);
    return effect;
}

/* --- names -------------------------------------------------------------------------------------------------------- */

enum patron_code identity_identifier_find(const struct view *view, const Patron__V1__Identifier *identifier,
    struct arena *arena, uint64_t *node, struct error *error)
{
    const struct event_identifier given = {bytes_from_string(identifier->type), bytes_from_string(identifier->value)};
    struct identifier_entry entry;
    enum patron_code code = identifier_find(view, &given, arena, &entry, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_NOT_FOUND, "no event has ever brought %.100s '%.200s'", identifier->type,
            identifier->value);
    *node = entry.node;
    return code;
}

enum patron_code identity_name_find(const struct view *view, const Patron__V1__NodeName *name, struct arena *arena,
    uint64_t *node, struct error *error)
{
    if (name && name->name_case == PATRON__V1__NODE_NAME__NAME_IDENTIFIER)
        return identity_identifier_find(view, name->identifier, arena, node, error);
    if (!name || name->name_case != PATRON__V1__NODE_NAME__NAME_NODE)
        return error_set(
            error, PATRON_INVALID, "an identifier is missing: name it by its type and value, or by its number");
    struct node_entry entry;
    enum patron_code code = node_get(view->kv, view->snapshot, name->node, arena, &entry, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(
            error, PATRON_NOT_FOUND, "there is no identifier of number %llu", (unsigned long long)name->node);
    *node = name->node;
    return code;
}

enum patron_code identity_name_value(const struct view *view, const Patron__V1__NodeName *name, struct arena *arena,
    const struct identifier_type **type, struct bytes *value, struct error *error)
{
    *type = NULL;
    *value = (struct bytes){0};
    if (name->name_case != PATRON__V1__NODE_NAME__NAME_IDENTIFIER)
        return PATRON_OK;
    *type = definitions_identifier_type(view->definitions, bytes_from_string(name->identifier->type));
    CHECK(*type); /* it was found */
    return identifier_normalize(*type, bytes_from_string(name->identifier->value), arena, value, error);
}
