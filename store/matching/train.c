/* How a model is made (after the order that Splink recommends, "Training rationale"):
 *
 * 1. The records are sorted by content, so that the order in which they came has no effect.
 * 2. u from up to a million pairs drawn at random, which are hardly ever one person. In a small store they are: so u is
 *    counted again, each pair as far as the model thinks that it is two, once there is a model.
 * 3. m by EM over the pairs of each blocking rule that is about a person (name, birth date, mail, number), the rule's
 *    own columns held out; what several rules say of a column is combined by the median. Rules about places alone are
 *    left out: what they find is families.
 * 4. The prior: how many of all pairs are one person, from pairs that share any block.
 * 5. How many of the pairs that agree on all a household has in common are one person (score.c), from the same pairs.
 * 6. Again from 2 with what is known now. */
#include <stdlib.h>

#include "store/matching/estimate.h"
#include "store/matching/trainer.h"

enum { ROUNDS = 3 };

struct training {
    struct match_trainer *trainer;
    struct match_model *model;
    struct match_patterns random, blocked;
    struct match_patterns rules[MATCH_BLOCKS_MAX];
    size_t rule_count;
    size_t stride;
};

static bool is_about_a_person(const struct match_plan *plan, const struct match_block *block)
{
    for (size_t i = 0; i < block->part_count; i++) {
        enum match_kind kind = plan->rules->columns[block->parts[i].column].kind;
        if (kind == MATCH_GIVEN_NAME || kind == MATCH_FULL_NAME || kind == MATCH_BIRTH_DATE ||
            kind == MATCH_EMAIL || kind == MATCH_NATIONAL_ID)
            return true;
    }
    return false;
}

static void pairs_collect(struct training *training)
{
    struct match_trainer *trainer = training->trainer;
    const struct match_plan *plan = trainer->plan;
    match_trainer_index(trainer);
    match_pairs_random(trainer, &training->random);
    if (trainer->cancelled)
        return;
    training->stride = match_pairs_blocked(trainer, &training->blocked);
    for (size_t rule = 0; rule < plan->block_count; rule++) {
        if (!match_trainer_goes_on(trainer, 0.6 + 0.2 * (double)rule / (double)plan->block_count))
            return;
        if (is_about_a_person(plan, &plan->blocks[rule]))
            match_pairs_of_rule(trainer, rule, &training->rules[training->rule_count++]);
    }
}

static bool round_run(struct training *training, int round)
{
    struct match_model *model = training->model;
    struct match_training *made_from = &model->training;
    struct match_em passes[MATCH_BLOCKS_MAX];
    double records = (double)training->trainer->count;
    match_u_estimate(model, &training->random);
    made_from->iterations = 0;
    made_from->converged = true;
    made_from->blocked_pairs = 0;
    for (size_t i = 0; i < training->rule_count; i++) {
        if (!match_trainer_goes_on(training->trainer, 0.8 + 0.2 * (double)round / ROUNDS))
            return false;
        match_em_run(model, &training->rules[i], &passes[i]);
        made_from->iterations += passes[i].iterations;
        made_from->converged = made_from->converged && passes[i].converged;
        made_from->blocked_pairs += training->rules[i].pairs;
    }
    made_from->passes = match_m_combine(model, passes, training->rule_count);
    match_prior_estimate(
        model, &training->blocked, 0.5 * (double)training->stride, 0.5 * records * (records - 1.0));
    match_household_estimate(model, &training->blocked);
    return true;
}

static int hash_compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static int frequency_compare(const void *left, const void *right)
{
    const struct match_frequency *a = left, *b = right;
    if (a->count != b->count)
        return a->count > b->count ? -1 : 1;
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

static int frequency_hash_compare(const void *left, const void *right)
{
    const struct match_frequency *a = left, *b = right;
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

/* The values that more records have than one person's do, the most frequent ones. */
static void frequencies_count(struct training *training, size_t column, uint64_t *hashes)
{
    const struct match_trainer *trainer = training->trainer;
    struct match_comparison_model *comparison = &training->model->comparisons[column];
    double records_a_person = 1.0 + training->model->training.prior * (double)trainer->count;
    size_t known = 0, kept = 0;
    for (size_t i = 0; i < trainer->count; i++) {
        struct bytes value = trainer->records[i].values[column];
        if (value.length > 0)
            hashes[known++] = match_frequency_hash(training->model->secret, column, value);
    }
    comparison->known = comparison->is_constant ? 0 : known;
    if (comparison->is_constant || !training->model->has_frequencies[column] || known == 0)
        return;
    qsort(hashes, known, sizeof *hashes, hash_compare);
    struct match_frequency *frequencies = memory_alloc(known * sizeof *frequencies);
    for (size_t begin = 0, end; begin < known; begin = end) {
        for (end = begin; end < known && hashes[end] == hashes[begin]; end++)
            continue;
        if (end - begin > 1 && (double)(end - begin) > records_a_person)
            frequencies[kept++] =
                (struct match_frequency){.hash = hashes[begin], .count = (uint32_t)(end - begin)};
    }
    qsort(frequencies, kept, sizeof *frequencies, frequency_compare);
    kept = kept < MATCH_FREQUENCIES_MAX ? kept : MATCH_FREQUENCIES_MAX;
    qsort(frequencies, kept, sizeof *frequencies, frequency_hash_compare);
    comparison->frequencies = memory_resize(frequencies, (kept + 1) * sizeof *frequencies);
    comparison->frequency_count = kept;
}

static struct match_model *model_new(const struct match_trainer *trainer)
{
    const struct match_plan *plan = trainer->plan;
    struct match_model *model = memory_alloc(sizeof *model);
    memcpy(model->secret, trainer->secret, MATCH_SECRET_BYTES);
    model->comparison_count = plan->comparison_count;
    model->training.records = trainer->count;
    /* Nothing is known: every level says nothing, and hardly any two are one person. */
    model->training.prior = 1e-9;
    model->training.household = 0.5;
    for (size_t i = 0; i < plan->comparison_count; i++) {
        model->kinds[i] = plan->comparisons[i].kind;
        model->has_frequencies[i] = plan->rules->columns[i].frequencies;
        memcpy(model->comparisons[i].m, match_levels_of(model->kinds[i])->m, sizeof model->comparisons[i].m);
        memcpy(model->comparisons[i].u, match_levels_of(model->kinds[i])->m, sizeof model->comparisons[i].u);
    }
    match_model_finish(model);
    return model;
}

static bool training_run(struct training *training)
{
    struct match_trainer *trainer = training->trainer;
    pairs_collect(training);
    if (trainer->cancelled)
        return false;
    training->model->training.random_pairs = training->random.pairs;
    for (int round = 0; round < ROUNDS; round++)
        if (!round_run(training, round))
            return false;
    uint64_t *hashes = memory_alloc(trainer->count * sizeof *hashes);
    for (size_t column = 0; column < training->model->comparison_count; column++)
        frequencies_count(training, column, hashes);
    memory_free(hashes);
    match_model_finish(training->model);
    return match_trainer_goes_on(trainer, 1.0);
}

enum patron_code match_trainer_run(struct match_trainer *trainer, const struct match_progress *progress,
    struct match_model **model, struct error *error)
{
    *model = NULL;
    if (trainer->count < 2)
        return error_set(error, PATRON_PRECONDITION,
            "there are fewer than two records with values to learn matching from; send profile events first");
    CHECK(!trainer->records);
    if (progress)
        trainer->progress = *progress;
    struct training training = {.trainer = trainer, .model = model_new(trainer)};
    bool done = training_run(&training);
    match_patterns_clear(&training.random);
    match_patterns_clear(&training.blocked);
    for (size_t i = 0; i < training.rule_count; i++)
        match_patterns_clear(&training.rules[i]);
    if (!done) {
        match_model_free(training.model);
        return error_set(error, PATRON_CANCELLED, "training was stopped before it was done");
    }
    *model = training.model;
    return PATRON_OK;
}
