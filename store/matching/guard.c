/* Why a pair that is surely one person may still not join two groups: where every record is linked to the likeliest
 * other, one wrong link in forty chains people together until they are one, and no threshold for pairs helps. So a link
 * has to convince for the groups that it joins: all pairs across are scored (average linkage, R. Sokal and C. Michener,
 * 1958), and the groups are joined where the pairs on average are one person likelier than not, and few of them
 * contradict. A person's records differ among themselves, so some may. */
#include "store/matching/matching.h"

/* One pair in four may contradict: a slip in one of two records' birth dates spoils half of the pairs across. */
enum { CONTRADICTIONS_PART = 4 };

size_t match_guard_pick(size_t count, size_t own, size_t picks[MATCH_GUARD_RECORDS_MAX])
{
    size_t taken = count < MATCH_GUARD_RECORDS_MAX ? count : MATCH_GUARD_RECORDS_MAX;
    bool has_own = false;
    CHECK(own < count);
    for (size_t i = 0; i < taken; i++) {
        picks[i] = taken < 2 ? 0 : i * (count - 1) / (taken - 1);
        has_own = has_own || picks[i] == own;
    }
    if (has_own)
        return taken;
    /* In the place of the nearest below, but never of the first. */
    size_t at = taken - 1;
    while (at > 1 && picks[at] > own)
        at--;
    picks[at] = own;
    return taken;
}

enum match_decision match_guard(const struct match_plan *plan, const struct match_model *model,
    const struct match_record *left, size_t left_count, const struct match_record *right, size_t right_count)
{
    CHECK(left_count > 0 && left_count <= MATCH_GUARD_RECORDS_MAX);
    CHECK(right_count > 0 && right_count <= MATCH_GUARD_RECORDS_MAX);
    size_t pairs = left_count * right_count, contradicting = 0, confirming = 0, likely = 0;
    if (pairs == 1)
        return MATCH_LINK;
    for (size_t i = 0; i < left_count; i++)
        for (size_t j = 0; j < right_count; j++) {
            struct match_score score;
            match_score(plan, model, &left[i], &right[j], &score, NULL);
            contradicting += score.contradictions != 0;
            confirming += score.contradictions == 0 && score.same_national_id;
            likely += score.weight > 0.0;
        }
    bool agree = contradicting * CONTRADICTIONS_PART <= pairs || contradicting <= confirming;
    return agree && likely * 2 >= pairs ? MATCH_LINK : MATCH_REVIEW;
}
