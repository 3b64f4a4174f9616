#include "store/matching/estimate.h"

#include <stdlib.h>

#include "store/base/deterministic.h"

enum { ITERATIONS_MAX = 100, PRIOR_ITERATIONS = 50 };

#define CONVERGED_CHANGE 1e-4
/* What is known of people's records beforehand counts as so many pairs. */
#define PAIRS_BEFOREHAND 20.0
/* A pass with fewer pairs of one person, or a smaller share of them, finds something else: families, streets. */
#define PASS_MATCHES_MIN 20.0
#define PASS_SHARE_MIN 0.01
#define PASS_SHARE_START 0.2
/* No level is so rare among records of one person that it speaks against it beyond all other evidence. */
#define M_MIN 0.004
/* Nor does any but the best come more often than so many times what people's records have as a rule: EM settles as well
 * on what it was not sent for, on all who share a given name and the usual mailbox of it, and for those surnames
 * that differ are the rule. */
#define M_TIMES_MAX 3.0
/* Nor is a level so rare among records of two that its first sight convinces: the best alone may be as rare as it is
 * found. */
#define U_MIN 1e-4
/* Households beforehand: as many pairs are one person as not. However many are, a household never decides alone. */
#define HOUSEHOLDS_BEFOREHAND 20.0
#define HOUSEHOLD_SHARE_MAX 0.98
/* Records of which half of all pairs are one person are no store of people. */
#define PRIOR_MAX 0.5

/* The most bits that a level may say for one person. That values differ never does, and speaks against it where they
 * hardly ever do. Mailboxes that are alike are often made of one name. */
static double level_weight_max(enum match_kind kind, size_t level)
{
    bool tells = kind == MATCH_GIVEN_NAME || kind == MATCH_SURNAME || kind == MATCH_FULL_NAME ||
                 kind == MATCH_BIRTH_DATE || kind == MATCH_NATIONAL_ID;
    if (level + 1 == match_level_count(kind))
        return tells ? -2.0 : 0.0;
    if (kind == MATCH_EMAIL && level == EMAIL_CLOSE)
        return 7.0;
    return kind == MATCH_EMAIL && level == EMAIL_SIMILAR ? 2.0 : 64.0;
}

/* Holds m near what people's records have as a rule; what the others lose or gain the best level makes up for. */
static void m_bound(enum match_kind kind, const struct match_comparison_model *comparison, double *m)
{
    const struct match_levels *levels = match_levels_of(kind);
    const double *u = comparison->u;
    double rest = 1.0;
    if (comparison->is_constant) {
        memcpy(m, u, levels->count * sizeof *m);
        return;
    }
    for (size_t level = 1; level < levels->count; level++) {
        double most = M_TIMES_MAX * levels->m[level];
        double weighed = u[level] * deterministic_exp2(level_weight_max(kind, level));
        m[level] = m[level] > M_MIN ? m[level] : M_MIN;
        m[level] = m[level] < most ? m[level] : most;
        m[level] = m[level] < weighed ? m[level] : weighed;
        rest -= m[level];
    }
    double least = levels->m[0] / M_TIMES_MAX;
    if (rest < least)
        for (size_t level = 1; level < levels->count; level++)
            m[level] *= (1.0 - least) / (1.0 - rest);
    m[0] = rest < least ? least : rest;
}

static double pattern_probability(const struct match_model *model, double weights[][MATCH_LEVELS_MAX],
    double prior_weight, const uint8_t *levels)
{
    double weight = prior_weight;
    for (size_t i = 0; i < model->comparison_count; i++)
        if (levels[i] != MATCH_UNKNOWN)
            weight += weights[i][levels[i]];
    return match_probability(weight);
}

static void em_weights(
    const struct match_model *model, const struct match_em *em, double weights[][MATCH_LEVELS_MAX])
{
    for (size_t i = 0; i < model->comparison_count; i++)
        for (size_t level = 0; level < match_level_count(model->kinds[i]); level++)
            weights[i][level] = deterministic_log2(em->m[i][level] / model->comparisons[i].u[level]);
}

/* One step; returns the largest change of any parameter. */
static double em_step(
    const struct match_model *model, const struct match_patterns *patterns, struct match_em *em)
{
    double weights[MATCH_COMPARISONS_MAX][MATCH_LEVELS_MAX];
    double sums[MATCH_COMPARISONS_MAX][MATCH_LEVELS_MAX] = {{0}};
    double matches = 0.0, change;
    em_weights(model, em, weights);
    double prior = deterministic_log2(em->share / (1.0 - em->share));
    for (size_t k = 0; k < patterns->count; k++) {
        const struct match_pattern *pattern = &patterns->patterns[k];
        double mass = pattern_probability(model, weights, prior, pattern->levels) * (double)pattern->count;
        matches += mass;
        for (size_t i = 0; i < model->comparison_count; i++)
            if (pattern->levels[i] != MATCH_UNKNOWN)
                sums[i][pattern->levels[i]] += mass;
    }
    double share = (matches + 1.0) / ((double)patterns->pairs + 2.0);
    change = share > em->share ? share - em->share : em->share - share;
    em->share = share;
    em->matches = matches;
    for (size_t i = 0; i < model->comparison_count; i++) {
        const struct match_levels *levels = match_levels_of(model->kinds[i]);
        double known = 0.0;
        for (size_t level = 0; level < levels->count; level++)
            known += sums[i][level];
        em->learned[i] = known >= PASS_MATCHES_MIN;
        double m[MATCH_LEVELS_MAX];
        for (size_t level = 0; level < levels->count; level++)
            m[level] = (sums[i][level] + PAIRS_BEFOREHAND * levels->m[level]) / (known + PAIRS_BEFOREHAND);
        m_bound(model->kinds[i], &model->comparisons[i], m);
        for (size_t level = 0; level < levels->count; level++) {
            double moved = m[level] > em->m[i][level] ? m[level] - em->m[i][level] : em->m[i][level] - m[level];
            change = moved > change ? moved : change;
            em->m[i][level] = m[level];
        }
    }
    return change;
}

void match_em_run(const struct match_model *model, const struct match_patterns *patterns, struct match_em *em)
{
    *em = (struct match_em){.share = PASS_SHARE_START};
    for (size_t i = 0; i < model->comparison_count; i++)
        memcpy(em->m[i], match_levels_of(model->kinds[i])->m, sizeof em->m[i]);
    if (patterns->pairs == 0) {
        em->converged = true;
        return;
    }
    while (em->iterations < ITERATIONS_MAX && !em->converged) {
        em->converged = em_step(model, patterns, em) < CONVERGED_CHANGE;
        em->iterations++;
    }
}

static void u_of_sums(enum match_kind kind, const double *sums, struct match_comparison_model *comparison)
{
    size_t count = match_level_count(kind);
    double known = 0.0, total = 0.0;
    for (size_t level = 0; level < count; level++)
        known += sums[level];
    comparison->is_constant = known == sums[0];
    if (comparison->is_constant) {
        memcpy(comparison->u, match_levels_of(kind)->m, sizeof comparison->u);
        return;
    }
    for (size_t level = 0; level < count; level++) {
        double u = (sums[level] + 0.5) / (known + 0.5 * (double)count);
        comparison->u[level] = level > 0 && u < U_MIN ? U_MIN : u;
        total += comparison->u[level];
    }
    for (size_t level = 0; level < count; level++)
        comparison->u[level] /= total;
}

void match_u_estimate(struct match_model *model, const struct match_patterns *random)
{
    double sums[MATCH_COMPARISONS_MAX][MATCH_LEVELS_MAX] = {{0}}, household;
    for (size_t k = 0; k < random->count; k++) {
        const struct match_pattern *pattern = &random->patterns[k];
        double mass = (double)pattern->count *
                      (1.0 - match_probability(match_levels_weight(model, pattern->levels, &household)));
        for (size_t i = 0; i < model->comparison_count; i++)
            if (pattern->levels[i] != MATCH_UNKNOWN)
                sums[i][pattern->levels[i]] += mass;
    }
    for (size_t i = 0; i < model->comparison_count; i++)
        u_of_sums(model->kinds[i], sums[i], &model->comparisons[i]);
    match_model_finish(model);
}

void match_prior_estimate(
    struct match_model *model, const struct match_patterns *blocked, double scale, double pairs_all)
{
    for (int iteration = 0; iteration < PRIOR_ITERATIONS; iteration++) {
        double matches = 0.0, household;
        for (size_t k = 0; k < blocked->count; k++)
            matches +=
                match_probability(match_levels_weight(model, blocked->patterns[k].levels, &household)) *
                (double)blocked->patterns[k].count;
        double prior = (matches * scale + 0.5) / (pairs_all + 1.0);
        model->training.prior = prior < PRIOR_MAX ? prior : PRIOR_MAX;
        match_model_finish(model);
    }
}

void match_household_estimate(struct match_model *model, const struct match_patterns *blocked)
{
    double share = 0.5;
    for (int iteration = 0; iteration < PRIOR_ITERATIONS; iteration++) {
        double matches = HOUSEHOLDS_BEFOREHAND * 0.5, pairs = HOUSEHOLDS_BEFOREHAND;
        double odds = deterministic_log2(share / (1.0 - share));
        for (size_t k = 0; k < blocked->count; k++) {
            const struct match_pattern *pattern = &blocked->patterns[k];
            double count = (double)pattern->count, household, rest = 0.0;
            match_levels_weight(model, pattern->levels, &household);
            if (household < -model->prior_weight)
                continue;
            for (size_t i = 0; i < model->comparison_count; i++)
                if (pattern->levels[i] != MATCH_UNKNOWN && !match_kind_is_household(model->kinds[i]))
                    rest += model->comparisons[i].weights[pattern->levels[i]];
            pairs += count;
            matches += count * match_probability(odds + rest);
        }
        share = matches / pairs;
        share = share < HOUSEHOLD_SHARE_MAX ? share : HOUSEHOLD_SHARE_MAX;
    }
    model->training.household = share;
    match_model_finish(model);
}

static int real_compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof *values, real_compare);
    return count % 2 ? values[count / 2] : 0.5 * (values[count / 2 - 1] + values[count / 2]);
}

/* Pools neighbours until m / u never rises from one level to the next (as isotonic regression does). */
static void levels_order(const struct match_comparison_model *comparison, size_t count, double *m)
{
    double m_sums[MATCH_LEVELS_MAX], u_sums[MATCH_LEVELS_MAX];
    size_t sizes[MATCH_LEVELS_MAX], pools = 0;
    for (size_t level = 0; level < count; level++) {
        m_sums[pools] = m[level], u_sums[pools] = comparison->u[level], sizes[pools] = 1;
        pools++;
        while (pools > 1 && m_sums[pools - 1] * u_sums[pools - 2] > m_sums[pools - 2] * u_sums[pools - 1]) {
            pools--;
            m_sums[pools - 1] += m_sums[pools];
            u_sums[pools - 1] += u_sums[pools];
            sizes[pools - 1] += sizes[pools];
        }
    }
    for (size_t pool = 0, level = 0; pool < pools; pool++)
        for (size_t k = 0; k < sizes[pool]; k++, level++)
            m[level] = m_sums[pool] * comparison->u[level] / u_sums[pool];
}

static bool pass_counts(const struct match_em *em)
{
    return em->matches >= PASS_MATCHES_MIN && em->share >= PASS_SHARE_MIN;
}

static void comparison_combine(
    struct match_model *model, size_t comparison, const struct match_em *passes, size_t pass_count)
{
    const struct match_levels *levels = match_levels_of(model->kinds[comparison]);
    double values[MATCH_BLOCKS_MAX], m[MATCH_LEVELS_MAX];
    size_t learned = 0;
    for (size_t level = 0; level < levels->count; level++) {
        learned = 0;
        for (size_t pass = 0; pass < pass_count; pass++)
            if (pass_counts(&passes[pass]) && passes[pass].learned[comparison])
                values[learned++] = passes[pass].m[comparison][level];
        m[level] = learned > 0 ? median(values, learned) : levels->m[level];
    }
    m_bound(model->kinds[comparison], &model->comparisons[comparison], m);
    levels_order(&model->comparisons[comparison], levels->count, m);
    for (size_t level = 0; level < levels->count; level++) {
        model->comparisons[comparison].m[level] = m[level];
        model->comparisons[comparison].estimated[level] = learned > 0 && !model->comparisons[comparison].is_constant;
    }
}

uint32_t match_m_combine(struct match_model *model, const struct match_em *passes, size_t count)
{
    uint32_t counting = 0;
    for (size_t i = 0; i < model->comparison_count; i++)
        comparison_combine(model, i, passes, count);
    for (size_t pass = 0; pass < count; pass++)
        counting += pass_counts(&passes[pass]);
    match_model_finish(model);
    return counting;
}
