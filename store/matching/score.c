/* What a score is summed from, in this order: the prior, then comparison by comparison the level's weight and what the
 * value's frequency adds, then the household's part.
 *
 * Where somebody lives is not who somebody is. Street, house number, postcode, place, telephone and surname agree
 * together or not at all, and they agree for everyone under one roof; summed as if each were news they would make one
 * customer of a family. So together they lift a pair no further than to the odds that pairs have which share all that:
 * training learns how many of those are one person, going by given names and birth dates alone (household_odds). */
#include "store/base/deterministic.h"
#include "store/matching/model.h"

bool match_kind_is_household(enum match_kind kind)
{
    return kind == MATCH_POSTCODE || kind == MATCH_PLACE || kind == MATCH_STREET ||
           kind == MATCH_HOUSE_NUMBER || kind == MATCH_PHONE || kind == MATCH_SURNAME;
}

double match_probability(double weight)
{
    return 1.0 / (1.0 + deterministic_exp2(-weight));
}

static double household_excess(const struct match_model *model, double household)
{
    double most = model->household_weight - model->prior_weight;
    most = most > 0.0 ? most : 0.0;
    return household > most ? most - household : 0.0;
}

double match_levels_weight(
    const struct match_model *model, const uint8_t levels[MATCH_COMPARISONS_MAX], double *household)
{
    double weight = model->prior_weight;
    *household = 0.0;
    for (size_t i = 0; i < model->comparison_count; i++) {
        if (levels[i] == MATCH_UNKNOWN)
            continue;
        weight += model->comparisons[i].weights[levels[i]];
        if (match_kind_is_household(model->kinds[i]))
            *household += model->comparisons[i].weights[levels[i]];
    }
    return weight + household_excess(model, *household);
}

/* What agreeing on this very value says beyond agreeing. */
static double frequency_of(const struct match_model *model, size_t comparison, struct bytes value)
{
    const struct match_comparison_model *of = &model->comparisons[comparison];
    if (!model->has_frequencies[comparison])
        return 0.0;
    uint64_t hash = match_frequency_hash(model->secret, comparison, value);
    size_t first = 0, past = of->frequency_count;
    while (first < past) {
        size_t middle = first + (past - first) / 2;
        if (of->frequencies[middle].hash < hash)
            first = middle + 1;
        else
            past = middle;
    }
    if (first < of->frequency_count && of->frequencies[first].hash == hash)
        return of->frequencies[first].weight;
    return of->rare_weight;
}

/* Whole dates only: of a year, or of a day in a column of its own, nothing follows. */
static bool is_whole_date(struct bytes value)
{
    return value.length == 8;
}

/* The worst level of each kind that can contradict, over its columns, but of mailboxes and telephones, of which people
 * have several, the best; MATCH_UNKNOWN where nothing is known. */
struct witnesses {
    uint8_t given, surname, full, birth_date, email, phone, national_id;
};

static void witness_hear(uint8_t *witness, uint8_t level)
{
    if (*witness == MATCH_UNKNOWN || level > *witness)
        *witness = level;
}

static void witness_hear_best(uint8_t *witness, uint8_t level)
{
    if (level < *witness)
        *witness = level;
}

static struct witnesses witnesses_hear(const struct match_plan *plan, const struct match_record *a,
    const struct match_record *b, const uint8_t levels[MATCH_COMPARISONS_MAX])
{
    struct witnesses heard = {MATCH_UNKNOWN, MATCH_UNKNOWN, MATCH_UNKNOWN, MATCH_UNKNOWN, MATCH_UNKNOWN,
        MATCH_UNKNOWN, MATCH_UNKNOWN};
    for (size_t i = 0; i < plan->comparison_count; i++) {
        enum match_kind kind = plan->comparisons[i].kind;
        if (levels[i] == MATCH_UNKNOWN)
            continue;
        if (kind == MATCH_GIVEN_NAME && plan->comparisons[i].is_first)
            witness_hear(&heard.given, levels[i]);
        else if (kind == MATCH_SURNAME && plan->comparisons[i].is_first)
            witness_hear(&heard.surname, levels[i]);
        else if (kind == MATCH_FULL_NAME)
            witness_hear(&heard.full, levels[i]);
        else if (kind == MATCH_BIRTH_DATE && is_whole_date(a->values[i]) && is_whole_date(b->values[i]))
            witness_hear(&heard.birth_date, levels[i]);
        else if (kind == MATCH_EMAIL)
            witness_hear_best(&heard.email, levels[i]);
        else if (kind == MATCH_PHONE)
            witness_hear_best(&heard.phone, levels[i]);
        else if (kind == MATCH_NATIONAL_ID)
            witness_hear(&heard.national_id, levels[i]);
    }
    return heard;
}

static bool names_differ(const struct witnesses *heard)
{
    bool same_else = (heard->birth_date != MATCH_UNKNOWN && heard->birth_date <= DATE_SLIP) ||
                     heard->email <= EMAIL_LOCAL || heard->phone <= PHONE_SLIP;
    uint8_t surname_differs = same_else ? SURNAME_ELSE : SURNAME_LOOSE;
    return (heard->given != MATCH_UNKNOWN && heard->given >= GIVEN_LOOSE) ||
           (heard->surname != MATCH_UNKNOWN && heard->surname >= surname_differs) ||
           (heard->full != MATCH_UNKNOWN && heard->full >= FULL_SOME);
}

/* A number that is the same outweighs either the names or the birth dates: a slip in them, or another name; and ways to
 * reach somebody, which are given up. A number that differs is taken for a slip where names and birth date both agree.
 */
static void contradictions_find(const struct witnesses *heard, bool has_names, struct match_score *score)
{
    bool has_given = heard->given != MATCH_UNKNOWN, has_full = heard->full != MATCH_UNKNOWN;
    bool has_date = heard->birth_date != MATCH_UNKNOWN, has_id = heard->national_id != MATCH_UNKNOWN;
    bool differ = names_differ(heard);
    bool dates_differ = has_date && heard->birth_date >= DATE_DECADE;
    bool same_id = has_id && heard->national_id <= ID_SLIP;
    bool same_person = (has_given || has_full) && !differ && has_date && heard->birth_date <= DATE_SLIP;
    bool contacts_differ = heard->phone == PHONE_ELSE && heard->email != MATCH_UNKNOWN && heard->email >= EMAIL_SIMILAR;
    uint32_t found = 0;
    if (!same_id || (differ && dates_differ))
        found = (differ ? MATCH_NAMES_DIFFER : 0u) | (dates_differ ? MATCH_BIRTH_DATES_DIFFER : 0u);
    if (contacts_differ && !same_id)
        found |= MATCH_CONTACTS_DIFFER;
    if (has_id && heard->national_id == ID_ELSE && !same_person)
        found |= MATCH_NATIONAL_IDS_DIFFER;
    /* Without a given name a birth date tells nobody from a twin, nor a mailbox from who shares it. */
    bool same_date = has_date && heard->birth_date <= DATE_SLIP, same_mailbox = heard->email <= EMAIL_LOCAL;
    if (has_names && !has_given && !has_full && !same_id && !(same_date && same_mailbox))
        found |= MATCH_NAMES_UNKNOWN;
    score->contradictions = found;
    score->same_national_id = same_id;
}

void match_score(const struct match_plan *plan, const struct match_model *model, const struct match_record *a,
    const struct match_record *b, struct match_score *score, struct match_evidence *evidence)
{
    uint8_t levels[MATCH_COMPARISONS_MAX];
    double weight = model->prior_weight, household = 0.0;
    match_compare(plan, a, b, levels);
    if (evidence)
        *evidence = (struct match_evidence){.prior = weight, .bar_count = plan->comparison_count};
    for (size_t i = 0; i < plan->comparison_count; i++) {
        enum match_kind kind = plan->comparisons[i].kind;
        struct match_bar bar = {
            .comparison = (uint16_t)i, .known = levels[i] != MATCH_UNKNOWN, .level_name = "unknown"};
        if (bar.known) {
            bar.level = levels[i];
            bar.level_name = match_level_name(kind, levels[i]);
            bar.weight = model->comparisons[i].weights[levels[i]];
            bar.frequency_weight = levels[i] == 0 ? frequency_of(model, i, a->values[i]) : 0.0;
        }
        weight += bar.weight + bar.frequency_weight;
        if (match_kind_is_household(kind))
            household += bar.weight + bar.frequency_weight;
        if (evidence)
            evidence->bars[i] = bar;
    }
    double excess = household_excess(model, household);
    struct witnesses witnesses = witnesses_hear(plan, a, b, levels);
    *score =
        (struct match_score){.weight = weight + excess, .probability = match_probability(weight + excess)};
    contradictions_find(&witnesses, plan->has_names, score);
    if (evidence) {
        evidence->household = excess;
        evidence->weight = score->weight;
    }
}

enum match_decision match_decide(const struct match_plan *plan, const struct match_score *score)
{
    if (score->probability >= plan->rules->link_probability)
        return score->contradictions ? MATCH_REVIEW : MATCH_LINK;
    return score->probability >= plan->rules->review_probability ? MATCH_REVIEW : MATCH_NOT;
}
