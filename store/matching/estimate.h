/* estimate: m, u and the prior from patterns of pairs. Pure arithmetic in a fixed order: the same patterns in the same
 * order give the same bits. */
#ifndef PATRON_MATCHING_ESTIMATE_H
#define PATRON_MATCHING_ESTIMATE_H

#include "store/matching/model.h"
#include "store/matching/patterns.h"

struct match_em {
    double m[MATCH_COMPARISONS_MAX][MATCH_LEVELS_MAX];
    bool learned[MATCH_COMPARISONS_MAX]; /* enough pairs spoke of it */
    double share;                        /* of the pairs that are one person */
    double matches;                      /* how many that is */
    uint32_t iterations;
    bool converged;
};

/* m by expectation maximisation over the pairs of one blocking rule, u held fixed (A. Dempster, N. Laird and D. Rubin,
 * 1977; W. Winkler, 1988). The rule's own columns are MATCH_UNKNOWN in the patterns. */
void match_em_run(
    const struct match_model *model, const struct match_patterns *patterns, struct match_em *em);

/* u from pairs drawn at random, each counted as far as the model as it is thinks that it is not one person. */
void match_u_estimate(struct match_model *model, const struct match_patterns *random);

/* The prior: what share of `pairs_all` pairs are one person, if all that are share a block and `scale` as many as the
 * patterns hold do. Leaves the weights finished. */
void match_prior_estimate(
    struct match_model *model, const struct match_patterns *blocked, double scale, double pairs_all);

/* What share of the pairs whose household says as much as it may are one person, by all else: EM over that share
 * alone. Leaves the weights finished. */
void match_household_estimate(struct match_model *model, const struct match_patterns *blocked);

/* m of each level: the median over the passes that learned it. Then levels are made to say less the worse they are:
 * where one would say more than the one before, both are taken for one. No level but the best comes more often than
 * three times what is usual, and the last never speaks for a match; a column of one value says nothing. Returns how
 * many passes said anything. */
uint32_t match_m_combine(struct match_model *model, const struct match_em *passes, size_t count);

#endif
