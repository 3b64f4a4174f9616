/* model: what a model holds. Made by training or by decoding, then immutable. */
#ifndef PATRON_MATCHING_MODEL_H
#define PATRON_MATCHING_MODEL_H

#include "store/matching/levels.h"

/* How often a value is met: the model holds the frequent ones. */
struct match_frequency {
    uint64_t hash; /* SipHash-2-4 under the secret's second half of the column and the value */
    uint32_t count;
    double weight; /* follows from the count */
};

struct match_comparison_model {
    double m[MATCH_LEVELS_MAX], u[MATCH_LEVELS_MAX];
    double weights[MATCH_LEVELS_MAX]; /* follow from m and u */
    bool estimated[MATCH_LEVELS_MAX];
    bool is_constant; /* while training: no two records differ in it, so that it says nothing of who they are */
    uint64_t known;                      /* records with a value */
    struct match_frequency *frequencies; /* ascending by hash */
    size_t frequency_count;
    double rare_weight; /* of a value that is not among them, where there are any to be had; else 0 */
};

struct match_model {
    struct match_training training;
    uint8_t secret[MATCH_SECRET_BYTES];
    double prior_weight;     /* log2 odds of training.prior */
    double household_weight; /* log2 odds of training.household */
    size_t comparison_count;
    enum match_kind kinds[MATCH_COMPARISONS_MAX];
    bool has_frequencies[MATCH_COMPARISONS_MAX];
    struct match_comparison_model comparisons[MATCH_COMPARISONS_MAX];
};

/* Fills in what follows from the rest: weights. */
void match_model_finish(struct match_model *model);

/* The weight of the levels alone, as match_score sums it: prior, levels, the household's part. `household` is what the
 * household's levels would say if each were news. */
double match_levels_weight(
    const struct match_model *model, const uint8_t levels[MATCH_COMPARISONS_MAX], double *household);

/* True if a kind is one that a household has in common. */
bool match_kind_is_household(enum match_kind kind);

uint64_t match_frequency_hash(const uint8_t secret[MATCH_SECRET_BYTES], size_t column, struct bytes value);

double match_probability(double weight);

#endif
