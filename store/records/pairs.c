#include "store/records/pairs.h"

#include "store/changes/review_queue.h"
#include "store/records/waterfall.h"

#include <stdlib.h>

/* --- the guard ---------------------------------------------------------------------------------------------------- */

static enum patron_code group_records(const struct pair_finder *finder, const struct identity_rows_from *from,
    const struct pair_group *group, struct arena *scratch, struct match_record *records, size_t *count,
    struct error *error)
{
    size_t own = 0;
    while (own < group->count && group->nodes[own] != group->own)
        own++;
    CHECK(own < group->count);
    size_t picks[MATCH_GUARD_RECORDS_MAX];
    *count = match_guard_pick(group->count, own, picks);
    for (size_t i = 0; i < *count; i++) {
        struct record_row row;
        TRY(record_get(from, finder->generation, group->nodes[picks[i]], scratch, &row, error));
        TRY(record_open(finder->matching, from, &row, scratch, &records[i], error));
    }
    return PATRON_OK;
}

enum patron_code pair_groups_guard(const struct pair_finder *finder, const struct identity_rows_from *from,
    const struct pair_group groups[2], struct arena *scratch, enum match_decision *decision, struct error *error)
{
    *decision = MATCH_LINK;
    if (groups[0].count == 1 && groups[1].count == 1)
        return PATRON_OK;
    struct match_record records[2][MATCH_GUARD_RECORDS_MAX];
    size_t counts[2];
    for (int i = 0; i < 2; i++)
        TRY(group_records(finder, from, &groups[i], scratch, records[i], &counts[i], error));
    *decision = match_guard(&finder->matching->plan, finder->model, records[0], counts[0], records[1], counts[1]);
    return PATRON_OK;
}

/* Those of a party's nodes that have records: ascending, for its members are. */
static enum patron_code party_records(const struct pair_finder *finder, const struct identity_rows_from *from,
    const struct party *party, struct arena *scratch, struct pair_group *group, struct error *error)
{
    uint64_t *nodes = arena_array(scratch, party->count, sizeof *nodes);
    group->count = 0;
    for (size_t i = 0; i < party->count; i++) {
        struct record_row row;
        enum patron_code code =
            record_get(from, finder->generation, party->members[i].node, scratch, &row, error);
        if (code == PATRON_OK)
            nodes[group->count++] = party->members[i].node;
        else if (code != PATRON_NOT_FOUND)
            return code;
    }
    group->nodes = nodes;
    return PATRON_OK;
}

static struct pair_side side_of(const struct party *party)
{
    struct pair_side side = {.customer = party->customer, .members = party->count, .newest_since_us = INT64_MIN};
    for (size_t i = 0; i < party->count; i++)
        if (party->members[i].since_us > side.newest_since_us)
            side.newest_since_us = party->members[i].since_us;
    return side;
}

static bool side_is(const struct pair_side *a, const struct pair_side *b)
{
    return a->customer == b->customer && a->members == b->members && a->newest_since_us == b->newest_since_us;
}

enum patron_code pair_guard(const struct pair_finder *finder, const struct identity_rows_from *from, struct pair *pair,
    bool seen_before, struct arena *scratch, struct error *error)
{
    const uint64_t nodes[2] = {pair->node, pair->other};
    uint64_t customers[2];
    for (int i = 0; i < 2; i++) {
        struct identifier_entry entry;
        TRY(review_node(from, nodes[i], scratch, &entry, error));
        customers[i] = entry.customer;
    }
    pair->joined = customers[0] == customers[1];
    if (pair->joined || pair->decision != MATCH_LINK) {
        pair->guarded = pair->decision;
        return PATRON_OK;
    }
    struct party parties[2];
    bool same = seen_before;
    for (int i = 0; i < 2; i++) {
        TRY(party_read(from, customers[i], scratch, &parties[i], error));
        struct pair_side side = side_of(&parties[i]);
        same = same && side_is(&side, &pair->sides[i]);
        pair->sides[i] = side;
    }
    struct pair_group groups[2];
    for (int i = 0; i < 2 && !same; i++) {
        groups[i].own = nodes[i];
        TRY(party_records(finder, from, &parties[i], scratch, &groups[i], error));
    }
    return same ? PATRON_OK : pair_groups_guard(finder, from, groups, scratch, &pair->guarded, error);
}

/* --- one record's pairs ------------------------------------------------------------------------------------------- */

static int pair_compare(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight > y->weight ? -1 : 1;
    return x->other < y->other ? -1 : x->other > y->other;
}

static void pair_keep(const struct pair_finder *finder, const struct match_score *score,
    const struct match_evidence *evidence, uint64_t other, struct arena *arena, struct record_pairs *found)
{
    enum match_decision decision = match_decide(&finder->matching->plan, score);
    found->scored++;
    if (decision == MATCH_NOT) {
        found->below++;
        return;
    }
    struct encoder to = {0};
    waterfall_encode(finder->matching->definitions, &finder->matching->plan, evidence, &to);
    found->pairs[found->count++] = (struct pair){.node = found->node,
        .other = other,
        .weight = score->weight,
        .probability = score->probability,
        .decision = decision,
        .guarded = decision,
        .waterfall = arena_copy(arena, encoder_borrow(&to))};
    encoder_clear(&to);
}

static enum patron_code candidate_score(const struct pair_finder *finder, const struct view *view, uint64_t other,
    const struct match_record *record, struct arena *arena, struct arena *scratch, struct record_pairs *found,
    struct error *error)
{
    const struct identity_rows_from from = {.kv = view->kv, .snapshot = view->snapshot};
    struct record_row row;
    struct match_record candidate;
    struct match_score score;
    struct match_evidence evidence;
    enum patron_code code = record_get(&from, finder->generation, other, scratch, &row, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "a block names a record that is not there");
    TRY(code);
    TRY(record_open(finder->matching, &from, &row, scratch, &candidate, error));
    match_score(&finder->matching->plan, finder->model, record, &candidate, &score, &evidence);
    pair_keep(finder, &score, &evidence, other, arena, found);
    return PATRON_OK;
}

enum patron_code pairs_find(const struct pair_finder *finder, const struct view *view, const struct record_row *row,
    bool guard, struct arena *arena, struct arena *scratch, struct record_pairs *found, struct error *error)
{
    const struct identity_rows_from from = {.kv = view->kv, .snapshot = view->snapshot};
    *found = (struct record_pairs){.node = row->node, .known_at_us = row->known_at_us};
    memcpy(found->hash, row->hash, EVENT_HASH_BYTES);
    arena_reset(scratch);
    struct match_record record;
    struct record_candidates candidates;
    TRY(record_open(finder->matching, &from, row, scratch, &record, error));
    TRY(record_candidates(finder->matching, view, finder->generation, row, &record, finder->memo, &candidates, error));
    found->oversized = candidates.oversized;
    found->cut = candidates.cut;
    if (candidates.count == 0)
        return PATRON_OK;
    found->pairs = arena_array(arena, candidates.count, sizeof *found->pairs);
    for (size_t i = 0; i < candidates.count; i++)
        TRY(candidate_score(finder, view, candidates.candidates[i].record, &record, arena, scratch, found, error));
    qsort(found->pairs, found->count, sizeof *found->pairs, pair_compare);
    for (size_t i = 0; guard && i < found->count; i++)
        TRY(pair_guard(finder, &from, &found->pairs[i], false, scratch, error));
    return PATRON_OK;
}
