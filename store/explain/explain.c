#include "store/explain/explain.h"

#include "store/base/seal.h"
#include "store/base/time_text.h"
#include "store/changes/block_rows.h"
#include "store/identity/identity_rows.h"
#include "store/journal/log.h"
#include "store/explain/moment_set.h"

#include <stdlib.h>

/* --- nodes -------------------------------------------------------------------------------------------------------- */

static enum patron_code separations_each(const struct view *view, uint64_t node, int64_t as_of_us,
    void (*take)(void *context, const struct separation *separation), void *context, struct error *error)
{
    uint8_t prefix[8];
    encode_be64(prefix, node);
    struct kv_iterator *rows =
        kv_iterator_new(view->kv, view->snapshot, KV_SEPARATIONS, bytes_of(prefix, sizeof prefix));
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct separation separation;
        code = separation_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &separation, error);
        if (code != PATRON_OK)
            goto free_rows;
        if (separation.since_us < as_of_us && as_of_us <= separation.until_us)
            take(context, &separation);
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

static void separated_take(void *context, const struct separation *separation)
{
    (void)separation;
    *(bool *)context = true;
}

/* Its value and the flags, of a member. */
static enum patron_code node_fill(const struct view *view, int64_t as_of_us, struct arena *arena,
    struct explained_node *node, struct error *error)
{
    struct node_entry entry;
    TRY(node_get(view->kv, view->snapshot, node->member.node, arena, &entry, error));
    node->member.type = entry.type;
    node->member.birth_us = entry.birth_us;
    memcpy(node->member.hash, entry.hash, IDENTIFIER_HASH_BYTES);
    if (entry.kept.length > 0)
        TRY(seal_open(view->key, SEAL_NODE, bytes_of(entry.hash, IDENTIFIER_HASH_BYTES), entry.kept, arena,
            &node->value, error));
    bool separated = false, blocked;
    TRY(separations_each(view, node->member.node, as_of_us, separated_take, &separated, error));
    TRY(blocked_at(view, node->member.node, as_of_us, &blocked, error));
    node->member.flags = (uint8_t)((separated ? NODE_SEPARATED : 0) | (blocked ? NODE_BLOCKED : 0));
    return PATRON_OK;
}

static enum patron_code there_is_none(
    const struct view *view, uint64_t customer, int64_t as_of_us, struct error *error)
{
    char moment[TIME_TEXT_MAX];
    time_to_text(as_of_us, moment);
    uint64_t now;
    enum patron_code code = membership_at(view->kv, view->snapshot, customer, as_of_us, &now, error);
    if (code == PATRON_OK)
        return error_set(error, PATRON_NOT_FOUND, "there was no customer %llu as of %s: it was customer %llu's then",
            (unsigned long long)customer, moment, (unsigned long long)now);
    if (code != PATRON_NOT_FOUND)
        return code;
    return error_set(error, PATRON_NOT_FOUND, "there was no customer %llu as of %s", (unsigned long long)customer,
        moment);
}

enum patron_code explain_nodes(const struct view *view, uint64_t customer, int64_t as_of_us, struct arena *arena,
    struct explained_node **nodes, size_t *count, struct error *error)
{
    struct member *members;
    size_t member_count;
    TRY(members_of(view->kv, view->snapshot, customer, arena, &members, &member_count, error));
    *nodes = arena_array(arena, member_count, sizeof **nodes);
    *count = 0;
    for (size_t i = 0; i < member_count; i++) {
        if (!member_at(&members[i], as_of_us))
            continue;
        struct explained_node *node = &(*nodes)[(*count)++];
        node->member = members[i];
        enum patron_code code = node_fill(view, as_of_us, arena, node, error);
        if (code == PATRON_NOT_FOUND)
            return error_set(error, PATRON_CORRUPT, "a customer has a node that is not there: run patron verify");
        TRY(code);
    }
    return *count > 0 ? PATRON_OK : there_is_none(view, customer, as_of_us, error);
}

/* Of the row that membership_at found. */
static int64_t member_since(const struct view *view, uint64_t node, int64_t as_of_us)
{
    uint8_t key[16];
    encode_be64(key, node);
    encode_time(key + 8, as_of_us > INT64_MIN ? as_of_us - 1 : INT64_MIN);
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_MEMBERSHIP, bytes_of(key, 8));
    kv_iterator_seek_last(rows, bytes_of(key, sizeof key));
    int64_t since_us = kv_iterator_valid(rows) ? decode_time(kv_iterator_borrow_key(rows).data + 8) : INT64_MIN;
    kv_iterator_free(rows);
    return since_us;
}

enum patron_code explain_node(const struct view *view, uint64_t node, int64_t as_of_us, struct arena *arena,
    struct explained_node *explained, struct error *error)
{
    *explained = (struct explained_node){.member = {.node = node}};
    TRY(membership_at(view->kv, view->snapshot, node, as_of_us, &explained->member.customer, error));
    explained->member.since_us = member_since(view, node, as_of_us);
    explained->member.until_us = INT64_MAX;
    return node_fill(view, as_of_us, arena, explained, error);
}

/* --- links -------------------------------------------------------------------------------------------------------- */

struct links {
    struct link *list; /* EXPLAIN_LINKS_MAX */
    size_t count;
    uint64_t total;
};

static enum patron_code links_add(const struct view *view, uint64_t node, int64_t as_of_us, struct arena *arena,
    struct links *links, struct error *error)
{
    uint8_t prefix[8];
    encode_be64(prefix, node);
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_LINKS, bytes_of(prefix, sizeof prefix));
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct link link;
        code = link_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &link, error);
        if (code != PATRON_OK)
            goto free_rows;
        if (link.a > link.b || link.since_us >= as_of_us || as_of_us > link.until_us)
            continue;
        links->total++;
        if (links->count == EXPLAIN_LINKS_MAX)
            continue;
        link.until_us = INT64_MAX;
        link.actor = arena_copy(arena, link.actor);
        link.reason = arena_copy(arena, link.reason);
        links->list[links->count++] = link;
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

static enum patron_code links_fill(
    const struct view *view, struct arena *arena, struct explanation *explanation, struct error *error)
{
    struct links links = {.list = arena_array(arena, EXPLAIN_LINKS_MAX, sizeof *links.list)};
    for (size_t i = 0; i < explanation->node_count; i++)
        TRY(links_add(view, explanation->nodes[i].member.node, explanation->as_of_us, arena, &links, error));
    explanation->links = links.list;
    explanation->link_count = links.count;
    explanation->links_total = links.total;
    return PATRON_OK;
}

enum patron_code explain_evidence(const struct view *view, const uint8_t hash[EVENT_HASH_BYTES], struct arena *arena,
    struct evidence *evidence, struct error *error)
{
    struct event_id_entry id;
    TRY(event_id_find(view->kv, view->snapshot, hash, arena, &id, error));
    struct event event = {.node = id.node, .time_us = id.time_us};
    memcpy(event.hash, hash, EVENT_HASH_BYTES);
    uint8_t key[EVENT_KEY_BYTES];
    event_key_encode(&event, key);
    struct bytes value;
    TRY(kv_get(view->kv, view->snapshot, KV_EVENTS, bytes_of(key, sizeof key), arena, &value, error));
    TRY(event_decode(bytes_of(key, sizeof key), value, &event, error));
    *evidence = (struct evidence){.node = event.node, .time_us = event.time_us, .type = event.type};
    memcpy(evidence->hash, hash, EVENT_HASH_BYTES);
    return PATRON_OK;
}

/* --- separations -------------------------------------------------------------------------------------------------- */

static void since_take(void *context, const struct separation *separation)
{
    moment_set_add(context, separation->since_us);
}

enum patron_code explain_separation(const struct view *view, int64_t since_us, struct arena *arena,
    struct explained_separation *separation, struct error *error)
{
    uint8_t key[8];
    struct bytes value;
    struct log_entry entry;
    encode_time(key, since_us);
    enum patron_code code =
        kv_get(view->kv, view->snapshot, KV_LOG, bytes_of(key, sizeof key), arena, &value, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "the entry of a separation is not in the log: run patron verify");
    TRY(code);
    TRY(log_decode(bytes_of(key, sizeof key), value, arena, &entry, error));
    const struct identity_change *change = &entry.change;
    size_t most = CUSTOMER_NODES_MAX;
    *separation = (struct explained_separation){.since_us = since_us,
        .nodes = change->nodes,
        .node_count = change->node_count < most ? change->node_count : most,
        .others = change->others,
        .other_count = change->other_count < most ? change->other_count : most,
        .actor = change->actor,
        .reason = change->reason};
    return PATRON_OK;
}

static enum patron_code separations_fill(
    const struct view *view, struct arena *arena, struct explanation *explanation, struct error *error)
{
    struct moment_set since;
    moment_set_init(&since, EXPLAIN_LIST_MAX, true, arena);
    for (size_t i = 0; i < explanation->node_count; i++)
        if (explanation->nodes[i].member.flags & NODE_SEPARATED)
            TRY(separations_each(
                view, explanation->nodes[i].member.node, explanation->as_of_us, since_take, &since, error));
    struct explained_separation *separations = arena_array(arena, since.count, sizeof *separations);
    for (size_t i = 0; i < since.count; i++)
        TRY(explain_separation(view, since.moments[i], arena, &separations[i], error));
    explanation->separations = separations;
    explanation->separation_count = since.count;
    explanation->more_separations = since.more;
    return PATRON_OK;
}

/* --- what was refused or sent to review --------------------------------------------------------------------------- */

static void refused_take(void *context, int64_t known_at_us)
{
    moment_set_add(context, known_at_us);
}

static enum patron_code refusals_find(const struct view *view, const struct decided_asked *asked, struct arena *arena,
    struct decided *decided, struct error *error)
{
    struct moment_set when;
    moment_set_init(&when, EXPLAIN_LIST_MAX, true, arena);
    for (size_t i = 0; i < asked->node_count; i++) {
        const struct refusals_asked of = {
            .node = asked->nodes[i], .from_us = asked->from_us, .before_us = asked->before_us};
        TRY(refusal_times_of_node(view, &of, refused_take, &when, error));
    }
    struct refusal *refusals = arena_array(arena, when.count, sizeof *refusals);
    for (size_t i = 0; i < when.count; i++)
        TRY(refusal_get(view, when.moments[when.count - 1 - i], arena, &refusals[i], error));
    decided->refusals = refusals;
    decided->refusal_count = when.count;
    decided->more_refusals = when.more;
    return PATRON_OK;
}

static enum patron_code items_find(const struct view *view, const struct decided_asked *asked, struct arena *arena,
    struct decided *decided, struct error *error)
{
    struct moment_set when;
    moment_set_init(&when, EXPLAIN_LIST_MAX, true, arena);
    struct arena scratch = {0};
    enum patron_code code = PATRON_OK;
    for (size_t i = 0; code == PATRON_OK && i < asked->node_count; i++) {
        struct review_item *items;
        size_t count = 0;
        code = review_of_node(view, asked->nodes[i], asked->before_us, &scratch, &items, &count, error);
        for (size_t k = 0; code == PATRON_OK && k < count; k++)
            if (items[k].item_us >= asked->from_us)
                moment_set_add(&when, items[k].item_us);
        arena_reset(&scratch);
    }
    arena_clear(&scratch);
    TRY(code);
    struct review_item *found = arena_array(arena, when.count, sizeof *found);
    for (size_t i = 0; i < when.count; i++)
        TRY(review_get(view, when.moments[when.count - 1 - i], asked->before_us, arena, &found[i], error));
    decided->items = found;
    decided->item_count = when.count;
    decided->more_items = when.more;
    return PATRON_OK;
}

enum patron_code explain_decided(const struct view *view, const struct decided_asked *asked, struct arena *arena,
    struct decided *decided, struct error *error)
{
    TRY(refusals_find(view, asked, arena, decided, error));
    return items_find(view, asked, arena, decided, error);
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

enum patron_code explain_customer(const struct view *view, uint64_t customer, int64_t as_of_us, struct arena *arena,
    struct explanation *explanation, struct error *error)
{
    *explanation = (struct explanation){.customer = customer, .as_of_us = as_of_us};
    struct explained_node *nodes;
    TRY(explain_nodes(view, customer, as_of_us, arena, &nodes, &explanation->node_count, error));
    explanation->nodes = nodes;
    TRY(links_fill(view, arena, explanation, error));
    TRY(separations_fill(view, arena, explanation, error));
    uint64_t *numbers = arena_array(arena, explanation->node_count, sizeof *numbers);
    for (size_t i = 0; i < explanation->node_count; i++)
        numbers[i] = nodes[i].member.node;
    const struct decided_asked asked = {numbers, explanation->node_count, INT64_MIN, as_of_us};
    struct decided decided;
    TRY(explain_decided(view, &asked, arena, &decided, error));
    explanation->refusals = decided.refusals;
    explanation->refusal_count = decided.refusal_count;
    explanation->more_refusals = decided.more_refusals;
    explanation->items = decided.items;
    explanation->item_count = decided.item_count;
    explanation->more_items = decided.more_items;
    return PATRON_OK;
}
