/* Deciding what waits for a person. Every check comes before the first change. */
#include "store/base/time_text.h"
#include "store/changes/changes.h"
#include "store/identity/merging.h"
#include "store/changes/review_queue.h"
#include "store/measures/worths.h"

/* A decision under way. */
struct deciding {
    struct store *store;
    const struct review_request *request;
    struct identity_rows_from from;
    struct review_row row;
    int64_t known_at_us;
    struct party sides[2]; /* of the item's a and of its b */
    uint8_t seen[REVIEW_SEEN_BYTES]; /* what they are now, of an approval */
    struct arena *arena;
};

/* --- may it be decided? ------------------------------------------------------------------------------------------- */

static enum patron_code decided_already(const struct review_item *item, const char *name, struct error *error)
{
    char when[TIME_TEXT_MAX];
    time_to_text(item->decided_us, when);
    return error_set(error, PATRON_PRECONDITION, "review item %s was %s by '%.*s' at %s already: %s", name,
        item->state == REVIEW_APPROVED ? "approved" : "rejected",
        BYTES_ARGUMENTS(item->actor), when,
        item->state == REVIEW_APPROVED ? "what it linked is taken back with patron identity unlink"
                                       : "the two are linked nevertheless with patron identity link --lift");
}

static enum patron_code state_check(struct deciding *deciding, struct error *error)
{
    struct review_item *item = &deciding->row.item;
    char name[TIME_TEXT_MAX], when[TIME_TEXT_MAX];
    time_to_text(item->item_us, name);
    TRY(review_row_at(&deciding->from, deciding->known_at_us, deciding->arena, &deciding->row, error));
    switch (item->state) {
    case REVIEW_OPEN:
    case REVIEW_HALF_APPROVED:
        return PATRON_OK;
    case REVIEW_EXPIRED:
        time_to_text(item->expires_us, when);
        return error_set(error, PATRON_PRECONDITION,
            "review item %s expired at %s: new evidence makes a new one, and patron identity link links the two "
            "without",
            name, when);
    case REVIEW_MOOT:
        return error_set(error, PATRON_PRECONDITION,
            "review item %s is moot: both are one customer already, or one of them is blocked; see patron identity "
            "review show %s",
            name, name);
    default:
        return decided_already(item, name, error);
    }
}

static enum patron_code sides_read(struct deciding *deciding, struct error *error)
{
    const uint64_t nodes[2] = {deciding->row.item.a, deciding->row.item.b};
    for (int i = 0; i < 2; i++) {
        struct identifier_entry entry;
        TRY(review_node(&deciding->from, nodes[i], deciding->arena, &entry, error));
        TRY(party_read(&deciding->from, entry.customer, deciding->arena, &deciding->sides[i], error));
    }
    return PATRON_OK;
}

/* --- rejecting ---------------------------------------------------------------------------------------------------- */

static const uint64_t *side_nodes(const struct party *side, struct arena *arena)
{
    uint64_t *nodes = arena_array(arena, side->count, sizeof *nodes);
    for (size_t i = 0; i < side->count; i++)
        nodes[i] = side->members[i].node;
    return nodes;
}

static void side_separate(struct store *store, const struct party *side, uint8_t number, int64_t known_at_us)
{
    for (size_t i = 0; i < side->count; i++) {
        struct member member = side->members[i];
        const struct separation separation = {
            .node = member.node, .since_us = known_at_us, .until_us = INT64_MAX, .side = number};
        separation_put(store->batch, &separation);
        if (member.flags & NODE_SEPARATED)
            continue;
        member.flags |= NODE_SEPARATED;
        member_keep(store->batch, &member);
    }
}

/* The verdict stands in the item, which waits no longer. */
static enum patron_code verdict_put(struct deciding *deciding, int64_t known_at_us, struct error *error)
{
    struct store *store = deciding->store;
    struct review_item *item = &deciding->row.item;
    bool approved = deciding->request->verdict == REVIEW_APPROVE;
    deciding->row.verdict = deciding->request->verdict;
    item->decided_us = known_at_us;
    item->actor = deciding->request->actor;
    item->reason = deciding->request->reason;
    review_row_put(store, &deciding->row);
    review_waits_no_more(store, item);
    store->review.approved += approved;
    store->review.rejected += !approved;
    TRY(review_sweep(store, known_at_us, error));
    review_counts_put(store);
    return PATRON_OK;
}

static enum patron_code reject(
    struct deciding *deciding, struct review_outcome *outcome, struct error *error)
{
    struct store *store = deciding->store;
    const struct review_item *item = &deciding->row.item;
    const struct identity_change change = {.change = CHANGE_SEPARATE,
        .a = item->a,
        .b = item->b,
        .item_us = item->item_us,
        .separates = true,
        .nodes = side_nodes(&deciding->sides[0], deciding->arena),
        .node_count = deciding->sides[0].count,
        .others = side_nodes(&deciding->sides[1], deciding->arena),
        .other_count = deciding->sides[1].count,
        .actor = deciding->request->actor,
        .reason = deciding->request->reason};
    change_put(store, &change, deciding->known_at_us);
    for (uint8_t i = 0; i < 2; i++)
        side_separate(store, &deciding->sides[i], i, deciding->known_at_us);
    *outcome = (struct review_outcome){.state = REVIEW_REJECTED, .known_at_us = deciding->known_at_us};
    return verdict_put(deciding, deciding->known_at_us, error);
}

/* --- approving ---------------------------------------------------------------------------------------------------- */

static bool type_is_weak(const struct definitions *definitions, uint16_t number)
{
    for (size_t i = 0; i < definitions->identifier_count; i++)
        if (definitions->identifiers[i].number == number)
            return definitions->identifiers[i].weak;
    return false;
}

/* Is what would link them of the weakest kind? As it was when they were sent here. */
static bool is_weak(const struct deciding *deciding)
{
    const struct review_item *item = &deciding->row.item;
    const struct definitions *definitions = deciding->store->definitions;
    if (item->rule == LINK_MATCH)
        return item->score < MATCH_BRIDGE_PROBABILITY;
    if (item->rule != LINK_SHARED_EVENT)
        return false;
    const uint64_t nodes[2] = {item->a, item->b};
    for (int i = 0; i < 2; i++) {
        const struct party *side = &deciding->sides[i];
        for (size_t j = 0; j < side->count; j++)
            if (side->members[j].node == nodes[i] && type_is_weak(definitions, side->members[j].type))
                return true;
    }
    return false;
}

/* May the sides be joined by somebody who saw `seen` (nullable)? Who saw them as they are has decided every review;
 * else only the one that the item tells of. */
static enum patron_code holds(struct deciding *deciding, const uint8_t *seen, struct joining_verdict *verdict,
    char words[OBSTACLE_WORDS_MAX], struct error *error)
{
    const struct review_item *item = &deciding->row.item;
    const struct party *const sides[2] = {&deciding->sides[0], &deciding->sides[1]};
    struct worths worths;
    bool same = seen && memcmp(seen, deciding->seen, REVIEW_SEEN_BYTES) == 0;
    struct joining joining = {.definitions = deciding->store->definitions,
        .parties = sides,
        .party_count = 2,
        .known_at_us = deciding->known_at_us,
        .weak = is_weak(deciding),
        .passes = obstacle_bit(item->obstacle) | (item->second_person ? obstacle_bit(OBSTACLE_REVIEW_VALUE) : 0),
        .value_of = worths_of_group(&worths, deciding->store)};
    if (same)
        joining.passes = REVIEWS_ALL;
    TRY(joining_check(&joining, deciding->arena, verdict, error));
    if (verdict->obstacle != OBSTACLE_NONE)
        joining_words(&joining, verdict, words);
    return PATRON_OK;
}

static enum patron_code first_approval(
    struct deciding *deciding, struct review_outcome *outcome, struct error *error)
{
    struct store *store = deciding->store;
    struct review_item *item = &deciding->row.item;
    const struct identity_change change = {.change = CHANGE_REVIEW,
        .a = item->a,
        .b = item->b,
        .rule = (uint8_t)item->rule,
        .item_us = item->item_us,
        .actor = deciding->request->actor,
        .reason = deciding->request->reason};
    change_put(store, &change, deciding->known_at_us);
    item->second_person = true;
    item->first_us = deciding->known_at_us;
    item->first_actor = deciding->request->actor;
    item->first_reason = deciding->request->reason;
    memset(deciding->row.first_seen, 0, REVIEW_SEEN_BYTES); /* what nothing is */
    if (deciding->request->has_seen)
        memcpy(deciding->row.first_seen, deciding->request->seen, REVIEW_SEEN_BYTES);
    review_row_put(store, &deciding->row);
    *outcome = (struct review_outcome){.state = REVIEW_HALF_APPROVED, .known_at_us = deciding->known_at_us};
    TRY(review_sweep(store, deciding->known_at_us, error));
    review_counts_put(store);
    return PATRON_OK;
}

static enum patron_code link_put_through(
    struct deciding *deciding, struct review_outcome *outcome, struct error *error)
{
    const struct review_item *item = &deciding->row.item;
    struct link_request link = {.a = item->a,
        .b = item->b,
        .rule = LINK_APPROVED,
        .score = item->score,
        .model = item->model,
        .item_us = item->item_us,
        .passes = REVIEWS_ALL,
        .actor = deciding->request->actor,
        .reason = deciding->request->reason};
    memcpy(link.evidence, item->evidence, EVENT_HASH_BYTES);
    *outcome = (struct review_outcome){.state = REVIEW_APPROVED};
    TRY(group_link(deciding->store, &link, &outcome->link, error));
    if (outcome->link.fate != LINK_MADE)
        return error_set(error, PATRON_PRECONDITION, "the two cannot be linked: %s", outcome->link.words);
    outcome->known_at_us = outcome->link.known_at_us;
    return verdict_put(deciding, outcome->link.known_at_us, error);
}

static enum patron_code not_approved(const struct deciding *deciding, const struct joining_verdict *verdict,
    const char words[OBSTACLE_WORDS_MAX], struct error *error)
{
    char name[TIME_TEXT_MAX];
    time_to_text(deciding->row.item.item_us, name);
    if (!obstacle_is_review(verdict->obstacle))
        return error_set(error, PATRON_PRECONDITION,
            "review item %s cannot be approved, a rule is against it: %s. Reject it, or let it expire", name, words);
    return error_set(error, PATRON_PRECONDITION,
        "review item %s cannot be approved unseen, there is more to be decided by now: %s. Look at it again with "
        "patron identity review show %s, and approve with the --seen that it gives",
        name, words, name);
}

static enum patron_code approve(struct deciding *deciding, struct review_outcome *outcome, struct error *error)
{
    const struct review_request *request = deciding->request;
    const struct review_item *item = &deciding->row.item;
    struct joining_verdict verdict;
    char words[OBSTACLE_WORDS_MAX], name[TIME_TEXT_MAX];
    time_to_text(item->item_us, name);
    TRY(review_digest(&deciding->from, item, deciding->arena, deciding->seen, error));
    TRY(holds(deciding, request->has_seen ? request->seen : NULL, &verdict, words, error));
    if (verdict.obstacle != OBSTACLE_NONE)
        return not_approved(deciding, &verdict, words, error);
    if (!item->second_person && !verdict.second_person)
        return link_put_through(deciding, outcome, error);
    if (item->state != REVIEW_HALF_APPROVED)
        return first_approval(deciding, outcome, error);
    TRY(holds(deciding, deciding->row.first_seen, &verdict, words, error));
    if (verdict.obstacle != OBSTACLE_NONE) /* the first saw something else */
        return first_approval(deciding, outcome, error);
    if (bytes_equal(item->first_actor, request->actor))
        return error_set(error, PATRON_PRECONDITION,
            "'%.*s' has approved it already, and review item %s takes a second person", BYTES_ARGUMENTS(request->actor),
            name);
    return link_put_through(deciding, outcome, error);
}

/* --- the door ----------------------------------------------------------------------------------------------------- */

static enum patron_code decide(struct deciding *deciding, struct review_outcome *outcome, struct error *error)
{
    const struct review_request *request = deciding->request;
    TRY(change_texts_check(request->actor, request->reason, true, error));
    enum patron_code code =
        review_row_get(&deciding->from, request->item_us, deciding->arena, &deciding->row, error);
    if (code == PATRON_NOT_FOUND)
        return review_not_found(request->item_us, error);
    TRY(code);
    TRY(change_known_at(deciding->store, &deciding->known_at_us, error));
    TRY(state_check(deciding, error));
    TRY(sides_read(deciding, error));
    return request->verdict == REVIEW_APPROVE ? approve(deciding, outcome, error) : reject(deciding, outcome, error);
}

enum patron_code group_review_decide(struct store *store, const struct review_request *request,
    struct review_outcome *outcome, struct error *error)
{
    CHECK(store->group_open);
    CHECK(request->verdict == REVIEW_APPROVE || request->verdict == REVIEW_REJECT);
    arena_reset(&store->event_arena);
    struct arena arena = {0};
    struct deciding deciding = {
        .store = store, .request = request, .from = {.batch = store->batch}, .arena = &arena};
    uint64_t changes = kv_batch_count(store->batch);
    enum patron_code code = decide(&deciding, outcome, error);
    bool refused = code == PATRON_INVALID || code == PATRON_NOT_FOUND || code == PATRON_PRECONDITION ||
        code == PATRON_OUT_OF_RANGE;
    CHECK(!refused || store->failed || kv_batch_count(store->batch) == changes);
    store->failed = store->failed || (code != PATRON_OK && !refused);
    arena_clear(&arena);
    return code;
}
