/* matching: which records of people are of one person though they share no identifier.
 *
 * A Fellegi-Sunter matcher (I. Fellegi and A. Sunter, 1969), configured by the definitions' matching rules. A record is
 * a `profile` event's attributes, normalised. Records that share a block are candidates; a candidate is compared column
 * by column; each comparison falls into a level, and each level has a weight log2(m / u): how much likelier it is where
 * both are one person than where they are two. The weights and the prior are summed; the sum in bits is the log2 odds
 * that the two are one. m, u, the prior and how frequent values are come from the store's own records (match_trainer)
 * and are kept in a model.
 *
 * Pure computation: no kv, no threads, no clock, no random numbers. What is not said to be written to may be shared by
 * any number of threads; a plan, a model and records are immutable once made. The same records, rules and secret give
 * the same model bit for bit on any machine, in whatever order the records came. Working on outside text and on stored
 * bytes never fails but with an error; what is too long is cut (MATCH_VALUE_BYTES_MAX).
 *
 * How an integration uses it: match_plan_init once for each version of the rules. A record arrives:
 * match_record_normalize, keep match_record_encode's bytes, put it into its blocks (match_block_keys). Its candidates:
 * a sighting for each record of each of its blocks that hold at most rules->block_records_max records, then
 * match_candidates_rank; match_score each, match_decide; where that says LINK, match_guard over records of both
 * customers before the link is made. store/matching/match_all.h does the same over an array. */
#ifndef PATRON_MATCHING_H
#define PATRON_MATCHING_H

#include "store/base/arena.h"
#include "store/base/encode.h"
#include "store/base/error.h"
#include "store/definitions/matching_rules.h"

enum {
    /* A normalised value is cut to this many bytes, at a character. Bounds every comparison: the measures are
     * quadratic in it. */
    MATCH_VALUE_BYTES_MAX = 128,
    MATCH_SECRET_BYTES = 32,
    MATCH_KEY_BYTES = 16,
    MATCH_COMPARISONS_MAX = MATCH_COLUMNS_MAX,
    MATCH_LEVELS_MAX = 8,
    /* Records of one side that match_guard looks at: it scores at most the square of it, some 0.1 ms. */
    MATCH_GUARD_RECORDS_MAX = 8,
    /* What a model is trained on at most: a sample by content past it. */
    MATCH_TRAINING_RECORDS_MAX = 200000,
    /* Values of one column whose frequency a model keeps: the most frequent ones. */
    MATCH_FREQUENCIES_MAX = 10000,
};

/* --- a plan: what follows from the rules ------------------------------------------------------------------------- */

/* One comparison: of one column, except that given name and surname watch for having changed places. */
struct match_comparison {
    enum match_kind kind;
    uint16_t column;
    bool is_first; /* of its kind: a second given name may well differ */
    int partner; /* of a given name or a surname the column that it may have changed places with; -1: none */
};

struct match_plan {
    const struct matching_rules *rules; /* must outlive the plan */
    struct match_comparison comparisons[MATCH_COMPARISONS_MAX];
    size_t comparison_count;
    struct match_block blocks[MATCH_BLOCKS_MAX]; /* as written, or made from the kinds where none are */
    size_t block_count;
    bool blocks_made; /* the latter */
    bool has_names;   /* there is a column of given or full names */
};

void match_plan_init(struct match_plan *plan, const struct matching_rules *rules);

/* Names of a comparison's levels, best first; the last is "else". A level's number is its place. */
size_t match_level_count(enum match_kind kind);
const char *match_level_name(enum match_kind kind, size_t level);

/* --- records ----------------------------------------------------------------------------------------------------- */

struct match_record {
    const struct bytes *values; /* one for each column of the rules, normalised; an empty one: not known */
};

/* `raw` is a text for each column as it came (an empty one: absent). Texts that stand for nothing ("n/a", a birth date
 * of 1900-01-01, a phone of one digit) come out empty. The record is in the arena. */
void match_record_normalize(
    const struct match_plan *plan, const struct bytes *raw, struct arena *arena, struct match_record *record);

/* True if two records can be told apart or joined at all by it: it has some value. */
bool match_record_has_values(const struct match_plan *plan, const struct match_record *record);

/* Bytes for a row; they hold the values in clear: the caller seals them. Decoding copies nothing: the record points
 * into `bytes`, its array is in the arena. Bytes made under other columns or by another version of the normalisation:
 * PATRON_PRECONDITION, make the record from its event again; bytes that are none: PATRON_CORRUPT. */
void match_record_encode(
    const struct match_plan *plan, const struct match_record *record, struct encoder *to);
enum patron_code match_record_decode(const struct match_plan *plan, struct bytes bytes, struct arena *arena,
    struct match_record *record, struct error *error) MUST_CHECK;

/* --- blocks and candidates --------------------------------------------------------------------------------------- */

struct match_key {
    uint16_t rule; /* index into plan->blocks */
    uint8_t hash[MATCH_KEY_BYTES];
};

/* The record's blocks, at most one for each rule, in the order of the rules; returns how many. A key is SipHash-2-4-128
 * under the secret of the rule's parts with their values, so that a block names nobody, and so that a rule that stays
 * keeps its blocks when other rules come or go before it. */
size_t match_block_keys(const struct match_plan *plan, const struct match_record *record,
    const uint8_t secret[MATCH_SECRET_BYTES], struct match_key keys[MATCH_BLOCKS_MAX]);

/* A record met in a block of the new record. */
struct match_sighting {
    uint64_t record;        /* the caller's number for it */
    uint32_t block_records; /* how many the block holds */
};

struct match_candidate {
    uint64_t record;
    uint32_t shared;   /* blocks that both are in */
    uint32_t smallest; /* records of the smallest of them */
};

/* The candidates to score, at most MATCH_CANDIDATES_MAX: those that share the most blocks, of equal ones those met in
 * the smallest block, then the smallest number. Sorts the sightings; `found` (nullable) is how many there were. */
size_t match_candidates_rank(struct match_sighting *sightings, size_t count,
    struct match_candidate candidates[MATCH_CANDIDATES_MAX], size_t *found);

/* --- models ------------------------------------------------------------------------------------------------------ */

struct match_model; /* immutable; match_model_free */

/* What a model was made from. */
struct match_training {
    uint64_t records;       /* trained on */
    uint64_t random_pairs;  /* that u was counted over */
    uint64_t blocked_pairs; /* that m was estimated over */
    uint32_t passes;        /* blocking rules that gave an estimate of m */
    uint32_t iterations;    /* of EM, all passes */
    bool converged;         /* every pass did */
    double prior;           /* probability that two records drawn at random are of one person */
    double household;       /* that two are which agree on all that a household has in common */
};

const struct match_training *match_model_training(const struct match_model *model);

/* One level's parameters, for showing them. */
struct match_level {
    const char *name;
    double m, u;
    double weight;  /* log2(m / u) */
    bool estimated; /* m comes from the records; else it is what people's records have as a rule */
};

struct match_level match_model_level(
    const struct match_plan *plan, const struct match_model *model, size_t comparison, size_t level);

/* Specified in model_codec.c. A model names nobody: values appear as keyed hashes, only frequent ones at all. It goes
 * with the secret it was trained under, and with rules whose columns have the same kinds in the same order: any other
 * is refused with PATRON_PRECONDITION, train anew. */
void match_model_encode(const struct match_model *model, struct encoder *to);
enum patron_code match_model_decode(const struct match_plan *plan, const uint8_t secret[MATCH_SECRET_BYTES],
    struct bytes bytes, struct match_model **model, struct error *error) MUST_CHECK;
void match_model_free(struct match_model *model); /* null is fine */

/* --- training ---------------------------------------------------------------------------------------------------- */

struct match_trainer; /* one thread at a time */

/* Adds records one by one, in any order; keeps a compact copy of at most MATCH_TRAINING_RECORDS_MAX, past that those
 * whose content hashes lowest: a record added again later is one more record. The plan must outlive it. */
struct match_trainer *match_trainer_new(
    const struct match_plan *plan, const uint8_t secret[MATCH_SECRET_BYTES]);
void match_trainer_add(struct match_trainer *trainer, const struct match_record *record);
void match_trainer_free(struct match_trainer *trainer);

/* Called now and then while training, on its thread, with how much is done (0 to 1); false: stop. Null: nobody asks. */
struct match_progress {
    bool (*go_on)(void *context, double done);
    void *context;
};

/* Trains; call once. Fails with PATRON_PRECONDITION where there is nothing to learn from (fewer than two records with
 * values), with PATRON_CANCELLED where go_on said so. Too few records that agree to learn m from is no failure: the
 * model then says what people's records have as a rule (match_training.passes is 0). */
enum patron_code match_trainer_run(struct match_trainer *trainer, const struct match_progress *progress,
    struct match_model **model, struct error *error) MUST_CHECK;

/* --- scores ------------------------------------------------------------------------------------------------------ */

/* What speaks against two records being one person whatever else agrees: no link without a person's word. */
enum match_contradiction {
    MATCH_NAMES_DIFFER = 1,       /* given names, surnames, or full names, with nothing in common */
    MATCH_BIRTH_DATES_DIFFER = 2, /* by more than slips of the pen */
    MATCH_NATIONAL_IDS_DIFFER = 4,
    MATCH_NAMES_UNKNOWN = 8, /* of one of the two; what agrees may be a relative's as well */
    MATCH_CONTACTS_DIFFER = 16, /* telephones and mailboxes both */
};

struct match_score {
    double weight;           /* log2 odds that the two are one person */
    double probability;      /* 2^weight / (1 + 2^weight) */
    uint32_t contradictions; /* of enum match_contradiction */
    bool same_national_id;   /* or one slip apart */
};

/* One bar of the waterfall. */
struct match_bar {
    uint16_t comparison; /* index into plan->comparisons */
    bool known;          /* both have a value; else nothing is said and the weights are 0 */
    uint8_t level;
    const char *level_name;  /* static */
    double weight;           /* of the level */
    double frequency_weight; /* more, or less, since the value agreed on is rare or common */
};

/* prior + every bar's weight and frequency_weight + household == weight. */
struct match_evidence {
    double prior;
    struct match_bar bars[MATCH_COMPARISONS_MAX];
    size_t bar_count;
    double household; /* 0 or less: what a household has in common does not make one person of it (score.c) */
    double weight;
};

/* Symmetric in a and b, bit for bit. `evidence` is nullable. */
void match_score(const struct match_plan *plan, const struct match_model *model, const struct match_record *a,
    const struct match_record *b, struct match_score *score, struct match_evidence *evidence);

enum match_decision {
    MATCH_NOT,    /* counted, no more */
    MATCH_REVIEW, /* a person decides */
    MATCH_LINK,
};

/* By the rules' thresholds; a contradiction makes of a link a review. */
enum match_decision match_decide(const struct match_plan *plan, const struct match_score *score);

/* --- the cluster guard ------------------------------------------------------------------------------------------- */

/* Which of `count` records of a group, in the order of their numbers, stand for it: `own`, the one that the link would
 * be made at, and others spread evenly. Returns how many, at most MATCH_GUARD_RECORDS_MAX; picks ascend. */
size_t match_guard_pick(size_t count, size_t own, size_t picks[MATCH_GUARD_RECORDS_MAX]);

/* Whether a link that match_decide lets through may join the groups that its ends belong to, given records of both (at
 * most MATCH_GUARD_RECORDS_MAX each, the ends among them): LINK, or REVIEW where the groups' other records speak
 * against it: one wrong pair must not make one customer of two. Symmetric. Groups of one record each: LINK. */
enum match_decision match_guard(const struct match_plan *plan, const struct match_model *model,
    const struct match_record *left, size_t left_count, const struct match_record *right, size_t right_count);

#endif
