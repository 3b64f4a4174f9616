#include "store/matching/match_all.h"

#define NOBODY UINT32_MAX

/* A block: its records in order of arrival, no more than are looked at. */
struct block {
    uint8_t hash[MATCH_KEY_BYTES];
    uint32_t count; /* all that came */
    uint32_t capacity;
    uint32_t *records; /* null: nobody is in it */
};

struct walk {
    const struct match_plan *plan;
    const struct match_model *model;
    const struct match_record *records;
    const struct match_all_options *options;
    struct match_outcome *outcome;
    struct block *blocks; /* open addressing */
    size_t block_slots, block_count;
    uint32_t *next; /* of each record the next of its group, ascending; NOBODY: it is the last */
    struct match_sighting *sightings;
    size_t sighting_slots;
};

static struct block *slot_find(struct block *blocks, size_t slots, const uint8_t hash[MATCH_KEY_BYTES])
{
    size_t at = (size_t)decode_be64(hash) & (slots - 1);
    while (blocks[at].records && memcmp(blocks[at].hash, hash, MATCH_KEY_BYTES) != 0)
        at = (at + 1) & (slots - 1);
    return &blocks[at];
}

static struct block *block_of(struct walk *walk, const uint8_t hash[MATCH_KEY_BYTES])
{
    if (2 * (walk->block_count + 1) > walk->block_slots) {
        size_t slots = walk->block_slots ? 2 * walk->block_slots : 1024;
        struct block *blocks = memory_alloc(slots * sizeof *blocks);
        for (size_t i = 0; i < walk->block_slots; i++)
            if (walk->blocks[i].records)
                *slot_find(blocks, slots, walk->blocks[i].hash) = walk->blocks[i];
        memory_free(walk->blocks);
        walk->blocks = blocks;
        walk->block_slots = slots;
    }
    struct block *block = slot_find(walk->blocks, walk->block_slots, hash);
    if (!block->records) {
        memcpy(block->hash, hash, MATCH_KEY_BYTES);
        block->capacity = 2;
        block->records = memory_alloc(block->capacity * sizeof *block->records);
        walk->block_count++;
    }
    return block;
}

static void sighting_add(struct walk *walk, size_t count, uint64_t record, uint32_t block_records)
{
    if (count == walk->sighting_slots) {
        walk->sighting_slots = 2 * walk->sighting_slots + 64;
        walk->sightings = memory_resize(walk->sightings, walk->sighting_slots * sizeof *walk->sightings);
    }
    walk->sightings[count] = (struct match_sighting){record, block_records};
}

/* Who is in the record's blocks; then the record is, too. */
static size_t blocks_visit(struct walk *walk, size_t record)
{
    struct match_key keys[MATCH_BLOCKS_MAX];
    uint32_t most = walk->plan->rules->block_records_max;
    size_t seen = 0;
    size_t count = match_block_keys(walk->plan, &walk->records[record], walk->options->secret, keys);
    for (size_t i = 0; i < count; i++) {
        struct block *block = block_of(walk, keys[i].hash);
        if (block->count > most)
            walk->outcome->blocks_skipped++;
        for (size_t k = 0; block->count <= most && k < block->count; k++)
            sighting_add(walk, seen++, block->records[k], block->count);
        if (block->count < most) {
            if (block->count == block->capacity) {
                block->capacity *= 2;
                block->records = memory_resize(block->records, block->capacity * sizeof *block->records);
            }
            block->records[block->count] = (uint32_t)record;
        }
        block->count++;
    }
    return seen;
}

/* The records that stand for a group, `own` among them. */
static size_t group_pick(
    const struct walk *walk, size_t own, struct match_record picked[MATCH_GUARD_RECORDS_MAX])
{
    size_t members = 0, place = 0, picks[MATCH_GUARD_RECORDS_MAX], taken = 0, i = 0;
    size_t first = walk->outcome->groups[own];
    for (size_t record = first; record != NOBODY; record = walk->next[record], members++)
        if (record == own)
            place = members;
    size_t count = match_guard_pick(members, place, picks);
    for (size_t record = first; taken < count; record = walk->next[record], i++)
        if (i == picks[taken])
            picked[taken++] = walk->records[record];
    return count;
}

static void groups_join(struct walk *walk, size_t a, size_t b)
{
    size_t *groups = walk->outcome->groups;
    size_t one = groups[a] < groups[b] ? groups[a] : groups[b];
    size_t other = groups[a] < groups[b] ? groups[b] : groups[a];
    for (size_t record = other; record != NOBODY; record = walk->next[record])
        groups[record] = one;
    /* Two ascending lists become one. */
    for (uint32_t *link = &walk->next[one]; other != NOBODY; link = &walk->next[*link])
        if (*link > other) {
            uint32_t rest = *link;
            *link = (uint32_t)other;
            other = rest;
        }
}

static bool groups_may_join(const struct walk *walk, size_t a, size_t b)
{
    struct match_record left[MATCH_GUARD_RECORDS_MAX], right[MATCH_GUARD_RECORDS_MAX];
    size_t left_count = group_pick(walk, a, left), right_count = group_pick(walk, b, right);
    return match_guard(walk->plan, walk->model, left, left_count, right, right_count) == MATCH_LINK;
}

static void pair_settle(struct walk *walk, struct match_pair *pair)
{
    const struct match_all_options *options = walk->options;
    struct match_outcome *outcome = walk->outcome;
    size_t a = pair->record, b = pair->candidate;
    bool apart = outcome->groups[a] != outcome->groups[b];
    pair->guarded = pair->decision == MATCH_LINK && apart && !groups_may_join(walk, a, b);
    bool link = pair->decision == MATCH_LINK && !pair->guarded;
    bool review = pair->decision == MATCH_REVIEW || pair->guarded;
    outcome->pairs++;
    outcome->links += link;
    outcome->reviews += review;
    outcome->guarded += pair->guarded;
    outcome->nots += !link && !review;
    if (apart && (link || (review && options->is_one && options->is_one(options->context, a, b))))
        groups_join(walk, a, b);
    if (options->scored)
        options->scored(options->context, pair);
}

/* The likeliest first, of equally likely ones in the order of their rank: who joins first is who is surest. */
static void record_visit(struct walk *walk, size_t record)
{
    struct match_candidate candidates[MATCH_CANDIDATES_MAX];
    struct match_pair pairs[MATCH_CANDIDATES_MAX];
    size_t found;
    size_t seen = blocks_visit(walk, record);
    size_t count = match_candidates_rank(walk->sightings, seen, candidates, &found);
    walk->outcome->candidates_left_off += found - count;
    for (size_t i = 0; i < count; i++) {
        struct match_pair pair = {.record = record, .candidate = candidates[i].record};
        match_score(walk->plan, walk->model, &walk->records[record], &walk->records[pair.candidate],
            &pair.score, NULL);
        pair.decision = match_decide(walk->plan, &pair.score);
        size_t at = i;
        for (; at > 0 && pairs[at - 1].score.weight < pair.score.weight; at--)
            pairs[at] = pairs[at - 1];
        pairs[at] = pair;
    }
    for (size_t i = 0; i < count; i++)
        pair_settle(walk, &pairs[i]);
}

void match_all(const struct match_plan *plan, const struct match_model *model,
    const struct match_record *records, size_t count, const struct match_all_options *options,
    struct match_outcome *outcome)
{
    struct walk walk = {
        .plan = plan, .model = model, .records = records, .options = options, .outcome = outcome};
    CHECK(count < UINT32_MAX);
    *outcome = (struct match_outcome){.groups = memory_alloc((count + 1) * sizeof *outcome->groups)};
    walk.next = memory_alloc((count + 1) * sizeof *walk.next);
    for (size_t i = 0; i < count; i++) {
        outcome->groups[i] = i;
        walk.next[i] = NOBODY;
    }
    for (size_t i = 0; i < count; i++)
        record_visit(&walk, i);
    for (size_t i = 0; i < walk.block_slots; i++)
        memory_free(walk.blocks[i].records);
    memory_free(walk.blocks);
    memory_free(walk.next);
    memory_free(walk.sightings);
}
