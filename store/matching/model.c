#include "store/matching/model.h"

#include <sodium.h>

#include "store/base/deterministic.h"

/* A level never says more than this, either way: what training saw is a sample. */
#define WEIGHT_MAX 20.0
/* How much more, or less, a value says for being rare or frequent. */
#define FREQUENCY_WEIGHT_MAX 6.0

uint64_t match_frequency_hash(const uint8_t secret[MATCH_SECRET_BYTES], size_t column, struct bytes value)
{
    uint8_t message[1 + MATCH_VALUE_BYTES_MAX], hash[crypto_shorthash_siphash24_BYTES];
    CHECK(value.length > 0 && value.length <= MATCH_VALUE_BYTES_MAX);
    message[0] = (uint8_t)column;
    memcpy(message + 1, value.data, value.length);
    crypto_shorthash_siphash24(hash, message, 1 + value.length, secret + MATCH_SECRET_BYTES / 2);
    return decode_be64(hash);
}

static double clamp(double value, double least, double most)
{
    return value < least ? least : value > most ? most : value;
}

/* log2(u / share), the share being how much of the people have the value, as Splink adjusts for term frequencies. But
 * one person's own records are no sign that a value is common: where a person has d records as a rule, a value met n
 * times is met n - d times by chance. */
static double frequency_weight(
    const struct match_model *model, const struct match_comparison_model *comparison, double count)
{
    double known = (double)comparison->known;
    double records = (double)model->training.records;
    double records_a_person = 1.0 + model->training.prior * (records > 1.0 ? records - 1.0 : 0.0);
    double chance = count - records_a_person;
    double share = ((chance > 0.0 ? chance : 0.0) + 0.5) / known;
    double u = comparison->u[0];
    if (chance <= 0.0 && share > u)
        share = u;
    return clamp(deterministic_log2(u / share), -WEIGHT_MAX, FREQUENCY_WEIGHT_MAX);
}

void match_model_finish(struct match_model *model)
{
    double prior = model->training.prior, household = model->training.household;
    model->prior_weight = deterministic_log2(prior / (1.0 - prior));
    model->household_weight = deterministic_log2(household / (1.0 - household));
    for (size_t i = 0; i < model->comparison_count; i++) {
        struct match_comparison_model *comparison = &model->comparisons[i];
        for (size_t level = 0; level < match_level_count(model->kinds[i]); level++)
            comparison->weights[level] = clamp(
                deterministic_log2(comparison->m[level] / comparison->u[level]), -WEIGHT_MAX, WEIGHT_MAX);
        bool has = model->has_frequencies[i] && comparison->known > 0;
        comparison->rare_weight = has ? frequency_weight(model, comparison, 0.0) : 0.0;
        for (size_t k = 0; k < comparison->frequency_count; k++)
            comparison->frequencies[k].weight =
                frequency_weight(model, comparison, (double)comparison->frequencies[k].count);
    }
}

void match_model_free(struct match_model *model)
{
    for (size_t i = 0; model && i < model->comparison_count; i++)
        memory_free(model->comparisons[i].frequencies);
    memory_free(model);
}

const struct match_training *match_model_training(const struct match_model *model)
{
    return &model->training;
}

struct match_level match_model_level(
    const struct match_plan *plan, const struct match_model *model, size_t comparison, size_t level)
{
    CHECK(comparison < plan->comparison_count && plan->comparison_count == model->comparison_count);
    const struct match_comparison_model *of = &model->comparisons[comparison];
    return (struct match_level){.name = match_level_name(plan->comparisons[comparison].kind, level),
        .m = of->m[level],
        .u = of->u[level],
        .weight = of->weights[level],
        .estimated = of->estimated[level]};
}
