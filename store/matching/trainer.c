#include "store/matching/trainer.h"

#include <sodium.h>
#include <stdlib.h>

enum { RANDOM_PAIRS = 1000000, RULE_PAIRS = 200000, BLOCKED_PAIRS = 500000, ASKED_EVERY = 1 << 16 };

/* A record's bytes, and what they hash to under a key that everyone has: the sample is the same in every store. */
struct match_stored {
    uint64_t hash;
    uint8_t *data;
    size_t length;
};

/* In-memory blocks are nobody else's to see. */
static const uint8_t no_secret[MATCH_SECRET_BYTES];

struct match_trainer *match_trainer_new(
    const struct match_plan *plan, const uint8_t secret[MATCH_SECRET_BYTES])
{
    struct match_trainer *trainer = memory_alloc(sizeof *trainer);
    trainer->plan = plan;
    memcpy(trainer->secret, secret, MATCH_SECRET_BYTES);
    return trainer;
}

static struct bytes stored_bytes(const struct match_stored *stored)
{
    return bytes_of(stored->data, stored->length);
}

static int stored_compare(const void *left, const void *right)
{
    return bytes_compare(stored_bytes(left), stored_bytes(right));
}

static void heap_sink(struct match_stored *heap, size_t count, size_t at)
{
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && heap[child + 1].hash > heap[child].hash)
            child++;
        if (heap[at].hash >= heap[child].hash)
            return;
        struct match_stored sinking = heap[at];
        heap[at] = heap[child];
        heap[child] = sinking;
        at = child;
    }
}

void match_trainer_add(struct match_trainer *trainer, const struct match_record *record)
{
    struct encoder to = {0};
    uint8_t hash[crypto_shorthash_siphash24_BYTES];
    if (!match_record_has_values(trainer->plan, record))
        return;
    match_record_encode(trainer->plan, record, &to);
    crypto_shorthash_siphash24(hash, to.data, to.length, no_secret);
    struct match_stored stored = {decode_be64(hash), NULL, to.length};
    bool full = trainer->count == MATCH_TRAINING_RECORDS_MAX;
    if (!full || stored.hash < trainer->stored[0].hash) {
        stored.data = memory_alloc(to.length);
        memcpy(stored.data, to.data, to.length);
    }
    encoder_clear(&to);
    if (full) {
        if (!stored.data)
            return;
        memory_free(trainer->stored[0].data);
        trainer->stored[0] = stored;
        heap_sink(trainer->stored, trainer->count, 0);
        return;
    }
    if (trainer->count == trainer->capacity) {
        trainer->capacity = trainer->capacity ? 2 * trainer->capacity : 256;
        trainer->stored = memory_resize(trainer->stored, trainer->capacity * sizeof *trainer->stored);
    }
    trainer->stored[trainer->count++] = stored;
    for (size_t at = trainer->count / 2; trainer->count == MATCH_TRAINING_RECORDS_MAX && at > 0; at--)
        heap_sink(trainer->stored, trainer->count, at - 1);
}

static void index_clear(struct match_index *index)
{
    memory_free(index->order);
    memory_free(index->keys);
    memory_free(index->begins);
    memory_free(index->sizes);
}

void match_trainer_free(struct match_trainer *trainer)
{
    if (!trainer)
        return;
    for (size_t i = 0; i < trainer->count; i++)
        memory_free(trainer->stored[i].data);
    for (size_t rule = 0; rule < MATCH_BLOCKS_MAX; rule++)
        index_clear(&trainer->indexes[rule]);
    memory_free(trainer->stored);
    arena_clear(&trainer->arena);
    memory_free(trainer);
}

bool match_trainer_goes_on(struct match_trainer *trainer, double done)
{
    const struct match_progress *progress = &trainer->progress;
    if (progress->go_on && !trainer->cancelled)
        trainer->cancelled = !progress->go_on(progress->context, done);
    return !trainer->cancelled;
}

struct keyed {
    uint64_t key;
    uint32_t record;
};

static int keyed_compare(const void *left, const void *right)
{
    const struct keyed *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return a->record < b->record ? -1 : a->record > b->record;
}

static void index_make(struct match_index *index, struct keyed *keyed, size_t records)
{
    size_t count = 0;
    for (size_t i = 0; i < records; i++)
        if (index->sizes[i])
            keyed[count++] = (struct keyed){index->keys[i], (uint32_t)i};
    if (count > 0)
        qsort(keyed, count, sizeof *keyed, keyed_compare);
    index->order = memory_alloc((count + 1) * sizeof *index->order);
    index->count = count;
    for (size_t begin = 0, end; begin < count; begin = end) {
        for (end = begin; end < count && keyed[end].key == keyed[begin].key; end++)
            index->order[end] = keyed[end].record;
        for (size_t i = begin; i < end; i++) {
            index->begins[keyed[i].record] = (uint32_t)begin;
            index->sizes[keyed[i].record] = (uint32_t)(end - begin);
        }
    }
}

void match_trainer_index(struct match_trainer *trainer)
{
    size_t count = trainer->count, rules = trainer->plan->block_count;
    if (count > 0)
        qsort(trainer->stored, count, sizeof *trainer->stored, stored_compare);
    trainer->records = arena_array(&trainer->arena, count, sizeof *trainer->records);
    for (size_t rule = 0; rule < rules; rule++) {
        struct match_index *index = &trainer->indexes[rule];
        index->keys = memory_alloc((count + 1) * sizeof *index->keys);
        index->begins = memory_alloc((count + 1) * sizeof *index->begins);
        index->sizes = memory_alloc((count + 1) * sizeof *index->sizes);
    }
    for (size_t i = 0; i < count; i++) {
        struct match_key keys[MATCH_BLOCKS_MAX];
        enum patron_code code = match_record_decode(
            trainer->plan, stored_bytes(&trainer->stored[i]), &trainer->arena, &trainer->records[i], NULL);
        CHECK(code == PATRON_OK);
        size_t found = match_block_keys(trainer->plan, &trainer->records[i], no_secret, keys);
        for (size_t k = 0; k < found; k++) {
            trainer->indexes[keys[k].rule].keys[i] = decode_be64(keys[k].hash);
            trainer->indexes[keys[k].rule].sizes[i] = 1;
        }
    }
    struct keyed *keyed = memory_alloc((count + 1) * sizeof *keyed);
    for (size_t rule = 0; rule < rules; rule++)
        index_make(&trainer->indexes[rule], keyed, count);
    memory_free(keyed);
}

static void pair_add(struct match_trainer *trainer, size_t a, size_t b, struct match_patterns *patterns)
{
    uint8_t levels[MATCH_COMPARISONS_MAX];
    memset(levels, MATCH_UNKNOWN, sizeof levels);
    match_compare(trainer->plan, &trainer->records[a], &trainer->records[b], levels);
    match_patterns_add(patterns, levels);
}

/* The state moves on by a constant and each is mixed (splitmix64; G. Steele, D. Lea and C. Flood, 2014): the draws are
 * the same ones always. */
static uint64_t draw(uint64_t *state)
{
    uint64_t x = *state += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static size_t draw_below(uint64_t *state, size_t bound)
{
    return (size_t)((draw(state) >> 32) * (uint64_t)bound >> 32);
}

void match_pairs_random(struct match_trainer *trainer, struct match_patterns *patterns)
{
    uint64_t count = trainer->count, state = 0;
    if (count * (count - 1) / 2 <= RANDOM_PAIRS) {
        for (size_t a = 0; a < count; a++)
            for (size_t b = a + 1; b < count; b++)
                pair_add(trainer, a, b, patterns);
        return;
    }
    for (size_t pair = 0; pair < RANDOM_PAIRS; pair++) {
        size_t a = draw_below(&state, count), b = draw_below(&state, count - 1);
        b += b >= a;
        pair_add(trainer, a, b, patterns);
        if (pair % ASKED_EVERY == 0 && !match_trainer_goes_on(trainer, 0.3 * (double)pair / RANDOM_PAIRS))
            return;
    }
}

static bool block_is_visited(const struct match_trainer *trainer, uint32_t size)
{
    return size > 1 && size <= trainer->plan->rules->block_records_max;
}

void match_pairs_of_rule(struct match_trainer *trainer, size_t rule, struct match_patterns *patterns)
{
    const struct match_index *index = &trainer->indexes[rule];
    const struct match_block *block = &trainer->plan->blocks[rule];
    size_t pairs = 0;
    for (size_t begin = 0, size; begin < index->count && pairs < RULE_PAIRS; begin += size) {
        size = index->sizes[index->order[begin]];
        if (!block_is_visited(trainer, (uint32_t)size))
            continue;
        for (size_t i = begin; i < begin + size && pairs < RULE_PAIRS; i++)
            for (size_t j = i + 1; j < begin + size && pairs < RULE_PAIRS; j++, pairs++) {
                uint8_t levels[MATCH_COMPARISONS_MAX];
                memset(levels, MATCH_UNKNOWN, sizeof levels);
                match_compare(trainer->plan, &trainer->records[index->order[i]],
                    &trainer->records[index->order[j]], levels);
                for (size_t part = 0; part < block->part_count; part++)
                    levels[block->parts[part].column] = MATCH_UNKNOWN;
                match_patterns_add(patterns, levels);
            }
    }
}

/* True if the two meet in a block of an earlier rule: they were counted there. */
static bool met_before(const struct match_trainer *trainer, size_t rule, size_t a, size_t b)
{
    for (size_t earlier = 0; earlier < rule; earlier++) {
        const struct match_index *index = &trainer->indexes[earlier];
        if (block_is_visited(trainer, index->sizes[a]) && index->sizes[b] &&
            index->begins[a] == index->begins[b])
            return true;
    }
    return false;
}

size_t match_pairs_blocked(struct match_trainer *trainer, struct match_patterns *patterns)
{
    uint64_t meetings = 0;
    for (size_t rule = 0; rule < trainer->plan->block_count; rule++)
        for (size_t a = 0; a < trainer->count; a++)
            if (block_is_visited(trainer, trainer->indexes[rule].sizes[a]))
                meetings += trainer->indexes[rule].sizes[a] - 1;
    size_t stride = (size_t)(meetings / BLOCKED_PAIRS) + 1;
    for (size_t a = 0; a < trainer->count; a += stride) {
        for (size_t rule = 0; rule < trainer->plan->block_count; rule++) {
            const struct match_index *index = &trainer->indexes[rule];
            size_t size = index->sizes[a], begin = index->begins[a];
            for (size_t i = begin; block_is_visited(trainer, (uint32_t)size) && i < begin + size; i++)
                if (index->order[i] != a && !met_before(trainer, rule, a, index->order[i]))
                    pair_add(trainer, a, index->order[i], patterns);
        }
        if (a % 1024 == 0 && !match_trainer_goes_on(trainer, 0.3 + 0.3 * (double)a / (double)trainer->count))
            break;
    }
    return stride;
}
