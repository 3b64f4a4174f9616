#include "store/changes/linking.h"

#include <stdio.h>

#include "store/base/time_text.h"
#include "store/changes/changes.h"
#include "store/changes/lifting.h"
#include "store/identity/merging.h"
#include "store/changes/review_queue.h"
#include "store/changes/to_block.h"
#include "store/measures/worths.h"

/* A request under judgement: in an open group, or on a view. */
struct linking {
    const struct link_request *request;
    struct identity_rows_from from;
    const struct definitions *definitions;
    struct arena *arena;
    int64_t known_at_us; /* of the entry, if there will be one */
    struct worths worths;
    const struct value_of *value_of;
    /* what was found */
    struct party sides[2]; /* of a and of b */
    bool writes;           /* HELD: the link is new all the same */
};

/* --- judging ------------------------------------------------------------------------------------------------------ */

static enum patron_code request_check(const struct link_request *request, struct error *error)
{
    CHECK(request->rule >= LINK_BY_HAND && request->rule < LINK_RULE_END);
    CHECK(request->doubt == OBSTACLE_NONE || obstacle_is_review(request->doubt));
    if (request->a == request->b)
        return error_set(error, PATRON_INVALID, "an identifier is not linked with itself: name two");
    return change_texts_check(request->actor, request->reason, request->rule != LINK_MATCH, error);
}

/* A live link of the pair by that rule. */
static enum patron_code link_is_there(const struct linking *linking, bool *there, struct error *error)
{
    const struct link_request *request = linking->request;
    uint8_t prefix[16];
    encode_be64(prefix, request->a);
    encode_be64(prefix + 8, request->b);
    struct bytes pair = bytes_of(prefix, sizeof prefix);
    struct kv_iterator *rows = linking->from.batch
        ? kv_batch_iterator_new(linking->from.batch, KV_LINKS, pair)
        : kv_iterator_new(linking->from.kv, linking->from.snapshot, KV_LINKS, pair);
    enum patron_code code = PATRON_OK;
    *there = false;
    for (kv_iterator_seek(rows, pair); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct link link;
        code = link_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &link, error);
        if (code != PATRON_OK)
            goto free_rows;
        *there = *there || (link.until_us == INT64_MAX && link.rule == request->rule);
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

static const struct member *member_of(const struct party *party, uint64_t node)
{
    for (size_t i = 0; i < party->count; i++)
        if (party->members[i].node == node)
            return &party->members[i];
    return NULL;
}

static enum patron_code side_read(
    struct linking *linking, uint64_t node, struct party *side, struct error *error)
{
    struct identifier_entry entry;
    TRY(review_node(&linking->from, node, linking->arena, &entry, error));
    TRY(party_read(&linking->from, entry.customer, linking->arena, side, error));
    if (!member_of(side, node))
        return error_set(error, PATRON_CORRUPT, "customer %llu does not have its node %llu: run patron verify",
            (unsigned long long)entry.customer, (unsigned long long)node);
    return PATRON_OK;
}

/* By a person or the definitions: a version that blocks the value holds from its first moment, though what was linked
 * before is taken apart one by one after it (to_block.h). */
static enum patron_code end_is_blocked(const struct linking *linking, const struct member *member, struct bytes value,
    bool *blocked, struct error *error)
{
    *blocked = member->flags & NODE_BLOCKED;
    for (size_t i = 0; i < linking->definitions->identifier_count && !*blocked; i++) {
        const struct identifier_type *type = &linking->definitions->identifiers[i];
        if (type->number == member->type)
            *blocked = value.length > 0 ? identifier_never_links(type, value) : type->never_links;
    }
    return *blocked ? PATRON_OK : to_block_waits(&linking->from, member->node, linking->arena, blocked, error);
}

static enum patron_code ends_are_blocked(const struct linking *linking, bool *blocked, struct error *error)
{
    const struct link_request *request = linking->request;
    TRY(end_is_blocked(linking, member_of(&linking->sides[0], request->a), request->a_value, blocked, error));
    if (*blocked)
        return PATRON_OK;
    return end_is_blocked(linking, member_of(&linking->sides[1], request->b), request->b_value, blocked, error);
}

static enum patron_code rules_ask(
    struct linking *linking, struct joining *joining, struct link_outcome *outcome, struct error *error)
{
    const struct link_request *request = linking->request;
    struct joining_verdict *verdict = &outcome->verdict;
    bool blocked;
    TRY(ends_are_blocked(linking, &blocked, error));
    if (blocked) {
        verdict->obstacle = OBSTACLE_BLOCKED;
        return PATRON_OK;
    }
    if (linking->sides[0].customer == linking->sides[1].customer)
        return PATRON_OK;
    TRY(joining_check(joining, linking->arena, verdict, error));
    if (verdict->obstacle == OBSTACLE_NONE && request->rule == LINK_MATCH)
        verdict->obstacle = request->doubt;
    if (verdict->obstacle == OBSTACLE_NONE && request->rule == LINK_BY_HAND && verdict->second_person)
        verdict->obstacle = OBSTACLE_REVIEW_VALUE;
    return PATRON_OK;
}

/* A match is evidence of the weakest kind unless it is all but certain; whoever links by hand has seen all there is. */
static enum patron_code rules_judge(struct linking *linking, struct link_outcome *outcome, struct error *error)
{
    const struct link_request *request = linking->request;
    const struct party *const sides[2] = {&linking->sides[0], &linking->sides[1]};
    struct joining joining = {.definitions = linking->definitions,
        .parties = sides,
        .party_count = 2,
        .known_at_us = linking->known_at_us,
        .weak = request->rule == LINK_MATCH && request->score < MATCH_BRIDGE_PROBABILITY,
        .lifts = request->lifts,
        .passes = request->rule == LINK_BY_HAND ? REVIEWS_ALL : request->passes,
        .value_of = linking->value_of};
    TRY(rules_ask(linking, &joining, outcome, error));
    enum obstacle obstacle = outcome->verdict.obstacle;
    uint64_t a = sides[0]->customer, b = sides[1]->customer;
    outcome->fate = obstacle_is_review(obstacle) ? LINK_WAITS
        : obstacle != OBSTACLE_NONE              ? LINK_REFUSED
        : a == b                                 ? LINK_HELD
                                                 : LINK_MADE;
    if (obstacle != OBSTACLE_NONE) {
        joining_words(&joining, &outcome->verdict, outcome->words);
        return PATRON_OK;
    }
    outcome->customer = a < b ? a : b;
    outcome->merged = a == b ? 0 : a < b ? b : a;
    return PATRON_OK;
}

/* Whoever links by hand what one person has approved already is shown where the second one's word is given. */
static enum patron_code approval_point_to(
    const struct linking *linking, struct link_outcome *outcome, struct error *error)
{
    const struct link_request *request = linking->request;
    struct review_row row;
    enum patron_code code = review_waiting_of_pair(
        &linking->from, request->a, request->b, linking->arena, &row, error);
    if (code == PATRON_NOT_FOUND)
        return PATRON_OK;
    TRY(code);
    if (row.item.first_us == 0 || row.item.expires_us <= linking->known_at_us)
        return PATRON_OK;
    char item[TIME_TEXT_MAX];
    time_to_text(row.item.item_us, item);
    snprintf(outcome->words, sizeof outcome->words,
        "one person has approved it already; another one does with patron identity review approve %s", item);
    return PATRON_OK;
}

static enum patron_code judge(struct linking *linking, struct link_outcome *outcome, struct error *error)
{
    const struct link_request *request = linking->request;
    *outcome = (struct link_outcome){0};
    TRY(request_check(request, error));
    TRY(side_read(linking, request->a, &linking->sides[0], error));
    TRY(side_read(linking, request->b, &linking->sides[1], error));
    bool there;
    TRY(link_is_there(linking, &there, error));
    linking->writes = !there;
    if (there) {
        outcome->fate = LINK_HELD;
        outcome->customer = linking->sides[0].customer;
        return PATRON_OK;
    }
    TRY(rules_judge(linking, outcome, error));
    if (outcome->fate == LINK_WAITS && request->rule == LINK_BY_HAND)
        return approval_point_to(linking, outcome, error);
    return PATRON_OK;
}

enum patron_code link_check(const struct view *view, const struct link_request *request, int64_t as_of_us,
    struct arena *arena, struct link_outcome *outcome, struct error *error)
{
    CHECK(as_of_us > view->position_us);
    struct linking linking = {.request = request,
        .from = {.kv = view->kv, .snapshot = view->snapshot},
        .definitions = view->definitions,
        .arena = arena,
        .known_at_us = as_of_us};
    linking.value_of = worths_of_view(&linking.worths, view, arena);
    return judge(&linking, outcome, error);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static enum patron_code customers_merge(struct store *store, const struct linking *linking,
    const struct link_outcome *outcome, struct error *error)
{
    const struct party *sides = linking->sides;
    struct profile *profile;
    if (linking->request->lifts) {
        const struct lifting lifting = {store->batch, &sides[0], &sides[1], linking->known_at_us, linking->arena};
        TRY(separations_lift(&lifting, error));
    }
    party_move(store->batch, sides[0].customer == outcome->merged ? &sides[0] : &sides[1], outcome->customer,
        linking->known_at_us);
    return touched_merge(
        store, outcome->customer, &outcome->merged, 1, linking->known_at_us, &profile, error);
}

static enum patron_code link_write(
    struct store *store, const struct linking *linking, struct link_outcome *outcome, struct error *error)
{
    const struct link_request *request = linking->request;
    bool joins = outcome->fate == LINK_MADE;
    if (joins)
        TRY(customers_merge(store, linking, outcome, error));
    struct link link = {.a = request->a,
        .b = request->b,
        .since_us = linking->known_at_us,
        .until_us = INT64_MAX,
        .rule = request->rule,
        .count = 1,
        .score = request->score,
        .model = request->model,
        .actor = request->actor,
        .reason = request->reason};
    memcpy(link.evidence, request->evidence, EVENT_HASH_BYTES);
    link_put(store->batch, &link);
    struct identity_change change = {.change = CHANGE_LINK,
        .a = request->a,
        .b = request->b,
        .rule = (uint8_t)request->rule,
        .score = request->score,
        .model = request->model,
        .item_us = request->item_us,
        .lifts = joins && request->lifts,
        .merged = &outcome->merged,
        .merged_count = joins,
        .actor = request->actor,
        .reason = request->reason};
    memcpy(change.evidence, request->evidence, EVENT_HASH_BYTES);
    change_put(store, &change, linking->known_at_us);
    outcome->known_at_us = linking->known_at_us;
    return PATRON_OK;
}

/* A person's own link that a second one must approve begins with the first's approval. */
static enum patron_code review_write(
    struct store *store, const struct linking *linking, struct link_outcome *outcome, struct error *error)
{
    const struct link_request *request = linking->request;
    struct review_item item = {.a = request->a,
        .b = request->b,
        .obstacle = outcome->verdict.obstacle,
        .second_person = outcome->verdict.second_person,
        .rule = request->rule,
        .score = request->score,
        .model = request->model,
        .waterfall = request->waterfall};
    memcpy(item.evidence, request->evidence, EVENT_HASH_BYTES);
    if (request->rule == LINK_BY_HAND) {
        item.first_actor = request->actor;
        item.first_reason = request->reason;
    }
    TRY(group_review_add(store, &item, linking->known_at_us, &outcome->item_us, error));
    store->group_queued = true;
    if (outcome->item_us == 0) {
        outcome->fate = LINK_REFUSED;
        snprintf(outcome->words, sizeof outcome->words,
            "a person would have to decide, but %d merges wait for one already: decide some of them first",
            REVIEW_OPEN_MAX);
        return PATRON_OK;
    }
    struct identity_change change = {.change = CHANGE_REVIEW,
        .a = request->a,
        .b = request->b,
        .rule = (uint8_t)request->rule,
        .score = request->score,
        .model = request->model,
        .item_us = outcome->item_us,
        .actor = request->actor,
        .reason = request->reason};
    memcpy(change.evidence, request->evidence, EVENT_HASH_BYTES);
    change_put(store, &change, linking->known_at_us);
    outcome->known_at_us = linking->known_at_us;
    return PATRON_OK;
}

static enum patron_code link_do(
    struct store *store, struct linking *linking, struct link_outcome *outcome, struct error *error)
{
    TRY(judge(linking, outcome, error));
    if (outcome->fate == LINK_WAITS)
        return review_write(store, linking, outcome, error);
    if (outcome->fate == LINK_MADE || (outcome->fate == LINK_HELD && linking->writes))
        return link_write(store, linking, outcome, error);
    return PATRON_OK;
}

/* What a caller can put right has changed nothing; after anything else the store must not go on. */
static enum patron_code settle(struct store *store, uint64_t changes, enum patron_code code)
{
    bool refused = code == PATRON_INVALID || code == PATRON_PRECONDITION || code == PATRON_OUT_OF_RANGE;
    CHECK(!refused || kv_batch_count(store->batch) == changes);
    store->failed = store->failed || (code != PATRON_OK && !refused);
    return code;
}

enum patron_code group_link(struct store *store, const struct link_request *request, struct link_outcome *outcome,
    struct error *error)
{
    CHECK(store->group_open && !store->failed);
    arena_reset(&store->event_arena);
    struct arena arena = {0};
    struct linking linking = {.request = request,
        .from = {.batch = store->batch},
        .definitions = store->definitions,
        .arena = &arena};
    uint64_t changes = kv_batch_count(store->batch);
    linking.value_of = worths_of_group(&linking.worths, store);
    enum patron_code code = change_known_at(store, &linking.known_at_us, error);
    if (code == PATRON_OK)
        code = link_do(store, &linking, outcome, error);
    arena_clear(&arena);
    return settle(store, changes, code);
}

/* --- unblocking --------------------------------------------------------------------------------------------------- */

/* By the version that serves, as far as it can be told without the value: what only a pattern matches is for whoever
 * knows the value to ask. */
static bool definitions_block(const struct store *store, const struct member *member)
{
    for (size_t i = 0; i < store->definitions->identifier_count; i++) {
        const struct identifier_type *type = &store->definitions->identifiers[i];
        if (type->number != member->type)
            continue;
        bool blocks = type->never_links;
        for (size_t j = 0; j < type->never_link_count && !blocks; j++) {
            uint8_t hash[IDENTIFIER_HASH_BYTES];
            identifier_hash(store->key, type, type->never_link[j], hash);
            blocks = memcmp(hash, member->hash, sizeof hash) == 0;
        }
        return blocks;
    }
    return false;
}

static enum patron_code unblock(struct store *store, uint64_t node, struct identity_change *change,
    struct arena *arena, int64_t *known_at_us, struct error *error)
{
    struct linking linking = {.from = {.batch = store->batch}, .arena = arena};
    struct party side;
    TRY(change_texts_check(change->actor, change->reason, true, error));
    TRY(change_known_at(store, known_at_us, error));
    TRY(side_read(&linking, node, &side, error));
    struct member member = *member_of(&side, node);
    if (!(member.flags & NODE_BLOCKED))
        return error_set(error, PATRON_PRECONDITION, "the identifier is not blocked");
    if (definitions_block(store, &member))
        return error_set(error, PATRON_PRECONDITION,
            "version %lu of the definitions blocks the identifier: take it out of them first",
            (unsigned long)store->definitions->version);
    member.flags &= (uint8_t)~NODE_BLOCKED;
    member_keep(store->batch, &member);
    to_block_done(store, node);
    change_put(store, change, *known_at_us);
    return PATRON_OK;
}

enum patron_code group_unblock(struct store *store, uint64_t node, struct bytes actor, struct bytes reason,
    int64_t *known_at_us, struct error *error)
{
    CHECK(store->group_open && !store->failed);
    struct arena arena = {0};
    struct identity_change change = {.change = CHANGE_UNBLOCK, .a = node, .actor = actor, .reason = reason};
    uint64_t changes = kv_batch_count(store->batch);
    enum patron_code code = unblock(store, node, &change, &arena, known_at_us, error);
    arena_clear(&arena);
    return settle(store, changes, code);
}
