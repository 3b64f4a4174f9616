/* Models: what training finds, whatever the order; their bytes; what they say of two records, and of two groups. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "store/base/deterministic.h"
#include "store/matching/estimate.h"
#include "store/matching/model.h"
#include "tests/unit/people.h"

static const uint8_t secret[MATCH_SECRET_BYTES] = "a secret of thirty-two bytes, ok";

static const struct people_shape small = {.persons = 400,
    .records_most = 4,
    .given_names = 150,
    .surnames = 300,
    .error_percent = 20,
    .absent_percent = 5,
    .seed = 11};

static bool is_near(double a, double b, double most)
{
    return a - b <= most && b - a <= most;
}

/* --- training ---------------------------------------------------------------------------------------------------- */

static void the_order_of_records_has_no_effect_on_a_model(void **state)
{
    struct people people;
    struct encoder one = {0}, other = {0};
    (void)state;
    people_make(&people, &small);
    struct match_model *model = people_train(&people);
    match_model_encode(model, &one);
    match_model_free(model);
    people_shuffle(&people, 99);
    model = people_train(&people);
    match_model_encode(model, &other);
    match_model_free(model);
    assert_true(bytes_equal(encoder_borrow(&one), encoder_borrow(&other)));
    encoder_clear(&one);
    encoder_clear(&other);
    people_clear(&people);
}

static size_t comparison_of(const struct people *people, enum match_kind kind)
{
    for (size_t i = 0; i < people->plan.comparison_count; i++)
        if (people->plan.comparisons[i].kind == kind)
            return i;
    fail();
    return 0;
}

static uint64_t pairs_of_persons(const struct people *people)
{
    uint64_t pairs = 0;
    for (size_t a = 0; a < people->count; a++)
        for (size_t b = a + 1; b < people->count; b++)
            pairs += people->persons[a] == people->persons[b];
    return pairs;
}

/* One value in five has a slip: two agree on it where neither has, or where the slip does not show. */
static void training_finds_what_the_records_were_made_with(void **state)
{
    struct people people;
    struct people_shape shape = small;
    (void)state;
    shape.persons = 1500;
    people_make(&people, &shape);
    struct match_model *model = people_train(&people);
    const struct match_training *training = match_model_training(model);
    assert_int_equal(training->records, people.count);
    assert_true(training->converged && training->passes >= 3 && training->iterations > training->passes);
    double truth =
        (double)pairs_of_persons(&people) / (0.5 * (double)people.count * (double)(people.count - 1));
    assert_true(is_near(training->prior / truth, 1.0, 0.05));
    static const enum match_kind kinds[] = {MATCH_SURNAME, MATCH_PLACE, MATCH_POSTCODE, MATCH_STREET};
    for (size_t i = 0; i < 4; i++) {
        struct match_level exact =
            match_model_level(&people.plan, model, comparison_of(&people, kinds[i]), 0);
        assert_true(exact.estimated);
        assert_true(is_near(exact.m, 0.66, 0.04));
        assert_true(exact.u < 0.02);
    }
    for (size_t i = 0; i < people.plan.comparison_count; i++) {
        double m = 0.0, u = 0.0;
        for (size_t level = 0; level < match_level_count(people.plan.comparisons[i].kind); level++) {
            struct match_level now = match_model_level(&people.plan, model, i, level);
            m += now.m, u += now.u;
            assert_true(is_near(now.weight, deterministic_log2(now.m / now.u), 1e-9) || now.weight == 20.0);
        }
        assert_true(is_near(m, 1.0, 1e-9) && is_near(u, 1.0, 1e-9));
    }
    match_model_free(model);
    people_clear(&people);
}

static bool stop_late(void *context, double done)
{
    double *last = context;
    assert_true(done >= *last && done <= 1.0);
    *last = done;
    return done < 0.7;
}

static void training_stops_when_it_is_told_to(void **state)
{
    struct people people;
    struct match_model *model;
    struct error error;
    double last = 0.0;
    struct match_progress progress = {stop_late, &last};
    (void)state;
    people_make(&people, &small);
    struct match_trainer *trainer = match_trainer_new(&people.plan, secret);
    for (size_t i = 0; i < people.count; i++)
        match_trainer_add(trainer, &people.records[i]);
    assert_int_equal(match_trainer_run(trainer, &progress, &model, &error), PATRON_CANCELLED);
    assert_null(model);
    assert_true(last >= 0.7);
    match_trainer_free(trainer);
    people_clear(&people);
}

static void there_must_be_two_records_to_learn_from(void **state)
{
    static const enum match_kind kinds[] = {MATCH_GIVEN_NAME, MATCH_EMAIL};
    static const char *const texts[][2] = {
        {"ada", "ada@example.org"}, {"n/a", ""}, {"bob", "bob@example.org"}};
    struct people people;
    struct match_model *model;
    struct error error;
    (void)state;
    people_init(&people, kinds, 2);
    struct match_trainer *trainer = match_trainer_new(&people.plan, secret);
    for (size_t i = 0; i < 2; i++) {
        people_add(&people, texts[i], 1);
        match_trainer_add(trainer, &people.records[i]);
    }
    assert_int_equal(match_trainer_run(trainer, NULL, &model, &error), PATRON_PRECONDITION);
    match_trainer_free(trainer);
    people_add(&people, texts[2], 2);
    model = people_train(&people);
    /* Too little to learn m from: what people's records have as a rule. */
    assert_int_equal(match_model_training(model)->records, 2);
    assert_int_equal(match_model_training(model)->passes, 0);
    assert_false(match_model_level(&people.plan, model, 0, 0).estimated);
    match_model_free(model);
    people_clear(&people);
}

static struct bytes number_write(char *to, size_t size, size_t number)
{
    return bytes_of(to, (size_t)snprintf(to, size, "%zu", number));
}

static void past_the_bound_a_sample_by_content_is_trained_on(void **state)
{
    enum { RECORDS = MATCH_TRAINING_RECORDS_MAX + 5000 };
    static const enum match_kind kind = MATCH_HOUSE_NUMBER;
    struct encoder encoded[2] = {{0}, {0}};
    struct people people;
    (void)state;
    people_init(&people, &kind, 1);
    for (size_t order = 0; order < 2; order++) {
        struct match_model *model;
        struct match_trainer *trainer = match_trainer_new(&people.plan, secret);
        for (size_t i = 0; i < RECORDS; i++) {
            char text[32];
            struct bytes value = number_write(text, sizeof text, order == 0 ? i : RECORDS - 1 - i);
            struct match_record record = {&value};
            match_trainer_add(trainer, &record);
        }
        assert_int_equal(match_trainer_run(trainer, NULL, &model, NULL), PATRON_OK);
        assert_int_equal(match_model_training(model)->records, MATCH_TRAINING_RECORDS_MAX);
        match_model_encode(model, &encoded[order]);
        match_model_free(model);
        match_trainer_free(trainer);
    }
    assert_true(bytes_equal(encoder_borrow(&encoded[0]), encoder_borrow(&encoded[1])));
    encoder_clear(&encoded[0]);
    encoder_clear(&encoded[1]);
    people_clear(&people);
}

/* --- bytes ------------------------------------------------------------------------------------------------------- */

static void a_model_is_read_back_as_it_was_written(void **state)
{
    struct people people;
    struct encoder one = {0}, other = {0};
    struct match_model *read;
    struct error error;
    uint8_t another[MATCH_SECRET_BYTES] = {7};
    (void)state;
    people_make(&people, &small);
    struct match_model *model = people_train(&people);
    match_model_encode(model, &one);
    assert_int_equal(
        match_model_decode(&people.plan, secret, encoder_borrow(&one), &read, &error), PATRON_OK);
    match_model_encode(read, &other);
    assert_true(bytes_equal(encoder_borrow(&one), encoder_borrow(&other)));
    for (size_t i = 0; i + 1 < people.count && i < 200; i++) {
        struct match_score score, again;
        match_score(&people.plan, model, &people.records[i], &people.records[i + 1], &score, NULL);
        match_score(&people.plan, read, &people.records[i], &people.records[i + 1], &again, NULL);
        assert_memory_equal(&score.weight, &again.weight, sizeof score.weight);
    }
    match_model_free(read);
    assert_int_equal(
        match_model_decode(&people.plan, another, encoder_borrow(&one), &read, &error), PATRON_PRECONDITION);
    people.columns[0].frequencies = false;
    match_plan_init(&people.plan, &people.rules);
    assert_int_equal(
        match_model_decode(&people.plan, secret, encoder_borrow(&one), &read, &error), PATRON_PRECONDITION);
    people.columns[0].frequencies = true;
    for (size_t length = 0; length < one.length; length += 1 + length / 50)
        assert_int_equal(match_model_decode(&people.plan, secret, bytes_of(one.data, length), &read, &error),
            PATRON_CORRUPT);
    encoder_clear(&one);
    encoder_clear(&other);
    match_model_free(model);
    people_clear(&people);
}

static void a_model_names_nobody(void **state)
{
    static const enum match_kind kinds[] = {MATCH_SURNAME, MATCH_PLACE};
    static const char *const texts[] = {"featherstonehaugh", "northampton"};
    struct people people;
    struct encoder to = {0};
    (void)state;
    people_init(&people, kinds, 2);
    for (uint32_t i = 0; i < 50; i++)
        people_add(&people, texts, i);
    struct match_model *model = people_train(&people);
    match_model_encode(model, &to);
    for (size_t i = 0; i + 6 < to.length; i++) {
        assert_memory_not_equal(to.data + i, texts[0], 6);
        assert_memory_not_equal(to.data + i, texts[1], 6);
    }
    encoder_clear(&to);
    match_model_free(model);
    people_clear(&people);
}

/* --- scores ------------------------------------------------------------------------------------------------------ */

static void a_score_is_symmetric_and_the_sum_of_its_evidence(void **state)
{
    struct people people;
    struct people_shape shape = small;
    size_t households = 0;
    (void)state;
    shape.family_percent = 50;
    people_make(&people, &shape);
    struct match_model *model = people_train(&people);
    const struct match_training *training = match_model_training(model);
    double most = deterministic_log2(training->household / (1.0 - training->household)) -
                  deterministic_log2(training->prior / (1.0 - training->prior));
    for (size_t i = 0; i < people.count; i++)
        for (size_t j = i; j < people.count; j += 7) {
            struct match_score score, mirrored;
            struct match_evidence evidence;
            match_score(&people.plan, model, &people.records[i], &people.records[j], &score, &evidence);
            match_score(&people.plan, model, &people.records[j], &people.records[i], &mirrored, NULL);
            assert_memory_equal(&score.weight, &mirrored.weight, sizeof score.weight);
            assert_int_equal(score.contradictions, mirrored.contradictions);
            double sum = evidence.prior + evidence.household, household = evidence.household;
            for (size_t k = 0; k < evidence.bar_count; k++) {
                const struct match_bar *bar = &evidence.bars[k];
                enum match_kind kind = people.plan.comparisons[bar->comparison].kind;
                sum += bar->weight + bar->frequency_weight;
                household += match_kind_is_household(kind) ? bar->weight + bar->frequency_weight : 0.0;
                assert_true(bar->known || (bar->weight == 0.0 && bar->frequency_weight == 0.0));
                if (bar->known)
                    assert_string_equal(bar->level_name, match_level_name(kind, bar->level));
            }
            assert_true(is_near(sum, score.weight, 1e-9) && evidence.weight == score.weight);
            assert_true(household <= most + 1e-9);
            households += evidence.household < 0.0;
        }
    assert_true(households > 0);
    match_model_free(model);
    people_clear(&people);
}

static void a_rare_value_says_more_than_a_common_one(void **state)
{
    static const enum match_kind kinds[] = {MATCH_SURNAME};
    struct people people;
    struct match_score common, rare;
    struct match_evidence evidence;
    char text[32];
    const char *texts[] = {"smith"};
    (void)state;
    people_init(&people, kinds, 1);
    for (uint32_t i = 0; i < 300; i++) {
        snprintf(text, sizeof text, "%c%cname", (char)('a' + i % 26), (char)('a' + i / 26));
        texts[0] = i < 100 ? "smith" : text;
        people_add(&people, texts, i);
    }
    struct match_model *model = people_train(&people);
    match_score(&people.plan, model, &people.records[0], &people.records[1], &common, &evidence);
    /* u is that two share a surname, nearly all because of this one: a third of the people squared. A third have it. */
    assert_true(
        is_near(evidence.bars[0].frequency_weight, deterministic_log2((1.0 / 9.0) / (1.0 / 3.0)), 0.1));
    match_score(&people.plan, model, &people.records[200], &people.records[200], &rare, &evidence);
    assert_true(evidence.bars[0].frequency_weight == 6.0);
    assert_true(rare.weight > common.weight + 7.0);
    match_model_free(model);
    people.columns[0].frequencies = false;
    match_plan_init(&people.plan, &people.rules);
    model = people_train(&people);
    match_score(&people.plan, model, &people.records[0], &people.records[1], &common, NULL);
    match_score(&people.plan, model, &people.records[200], &people.records[200], &rare, NULL);
    assert_true(rare.weight == common.weight);
    match_model_free(model);
    people_clear(&people);
}

/* A thousand records, five a person: what five have is one person's, what 105 have a tenth of the people's. */
static void a_value_is_not_common_for_one_persons_many_records(void **state)
{
    struct match_model *model = memory_alloc(sizeof *model);
    struct match_comparison_model *comparison = &model->comparisons[0];
    (void)state;
    model->training = (struct match_training){.records = 1001, .prior = 0.004, .household = 0.5};
    model->comparison_count = 1;
    model->kinds[0] = MATCH_CATEGORY;
    model->has_frequencies[0] = true;
    *comparison = (struct match_comparison_model){.m = {0.9, 0.1}, .u = {0.01, 0.99}, .known = 1001};
    comparison->frequencies = memory_alloc(2 * sizeof *comparison->frequencies);
    comparison->frequency_count = 2;
    comparison->frequencies[0].count = 5;
    comparison->frequencies[1].count = 105;
    match_model_finish(model);
    assert_true(
        comparison->frequencies[0].weight == comparison->rare_weight && comparison->rare_weight > 4.0);
    assert_true(is_near(comparison->frequencies[1].weight, deterministic_log2(0.01 * 1001.0 / 100.5), 1e-9));
    match_model_free(model);
}

/* Given name, surname, birth date, street, phone, mail, number. */
static const enum match_kind kinds_of_witnesses[] = {MATCH_GIVEN_NAME, MATCH_SURNAME, MATCH_BIRTH_DATE,
    MATCH_STREET, MATCH_PHONE, MATCH_EMAIL, MATCH_NATIONAL_ID};

enum { WITNESSES = 7 };

/* A model by hand: every level of agreement says much, so that contradictions alone decide. */
static struct match_model *model_by_hand(const struct people *people)
{
    struct match_model *model = memory_alloc(sizeof *model);
    memcpy(model->secret, secret, sizeof secret);
    model->training = (struct match_training){.records = 1000, .prior = 0.001, .household = 0.5};
    model->comparison_count = people->plan.comparison_count;
    for (size_t i = 0; i < model->comparison_count; i++) {
        const struct match_levels *levels = match_levels_of(people->plan.comparisons[i].kind);
        model->kinds[i] = people->plan.comparisons[i].kind;
        for (size_t level = 0; level < levels->count; level++) {
            bool last = level + 1 == levels->count;
            model->comparisons[i].m[level] = levels->m[level];
            model->comparisons[i].u[level] = last ? 0.9 : 0.0001;
        }
    }
    match_model_finish(model);
    return model;
}

static const char *const ada_texts[] = {
    "Ada", "King", "1815-12-10", "5 Main St", "0170 1234567", "ada@example.org", "1234567"};
static const struct {
    const char *texts[WITNESSES];
    uint32_t contradictions;
    enum match_decision decision;
} witness_rows[] = {
    {{"Ada", "King", "1815-12-10", "5 Main St", "0170 1234567", "ada@example.org", NULL}, 0, MATCH_LINK},
    /* twins, a father, and who has the same name elsewhere */
    {{"Ida", "King", "1815-12-10", "5 Main St", "0170 1234567", "ada@example.org", NULL},
        MATCH_NAMES_DIFFER, MATCH_REVIEW},
    {{"Berta", "King", "1815-12-10", "5 Main St", "0170 1234567", "ada@example.org", NULL},
        MATCH_NAMES_DIFFER, MATCH_REVIEW},
    {{"Ada", "King", "1788-01-22", "5 Main St", "0170 1234567", "ada@example.org", NULL},
        MATCH_BIRTH_DATES_DIFFER, MATCH_REVIEW},
    {{"Ada", "King", "1820-01-22", "5 Main St", "0170 1234567", "ada@example.org", NULL},
        MATCH_BIRTH_DATES_DIFFER, MATCH_REVIEW},
    /* a surname that is another, or is alike at best where nothing else says who */
    {{"Ada", "Byron", "1815-12-10", "5 Main St", "0170 1234567", "ada@example.org", NULL},
        MATCH_NAMES_DIFFER, MATCH_REVIEW},
    {{"Ada", "Kig", "1815-12-10", "5 Main St", NULL, NULL, NULL}, 0, MATCH_LINK},
    {{"Ada", "Kirn", NULL, "5 Main St", "0170 1234567", NULL, NULL}, 0, MATCH_LINK},
    {{"Ada", "Kirn", NULL, "5 Main St", NULL, "ada@example.org", NULL}, 0, MATCH_LINK},
    {{"Ada", "Kirn", NULL, "5 Main St", NULL, NULL, NULL}, MATCH_NAMES_DIFFER, MATCH_REVIEW},
    /* neither to be called nor written to where the other is */
    {{"Ada", "King", "1815-12-10", "5 Main St", "0391 7654321", "turing@example.com", NULL},
        MATCH_CONTACTS_DIFFER, MATCH_REVIEW},
    {{"Ada", "King", "1815-12-10", "5 Main St", "0391 7654321", "ada7@example.org", NULL},
        MATCH_CONTACTS_DIFFER, MATCH_REVIEW},
    {{"Ada", "King", "1815-12-10", "5 Main St", "0391 7654321", "ada@example.org", NULL}, 0, MATCH_LINK},
    {{"Ada", "King", "1815-12-10", "5 Main St", "0170 1234567", "turing@example.com", NULL}, 0, MATCH_LINK},
    {{"Ada", "King", "1815-12-10", "5 Main St", "0391 7654321", "turing@example.com", "1234567"}, 0, MATCH_LINK},
    {{"Ada", "King", "1788-01-22", NULL, NULL, NULL, "7654321"},
        MATCH_BIRTH_DATES_DIFFER | MATCH_NATIONAL_IDS_DIFFER, MATCH_REVIEW},
    /* a number that is the same outweighs one of them, not both */
    {{"Berta", "King", "1815-12-10", "5 Main St", NULL, NULL, "1234567"}, 0, MATCH_LINK},
    {{"Ada", "King", "1788-01-22", "5 Main St", NULL, "ada@example.org", "1234567"}, 0, MATCH_LINK},
    {{"Berta", "King", "1788-01-22", "5 Main St", NULL, "ada@example.org", "1234567"},
        MATCH_NAMES_DIFFER | MATCH_BIRTH_DATES_DIFFER, MATCH_REVIEW},
    /* a number that differs is a slip where all else agrees */
    {{"Ada", "King", "1815-12-10", NULL, NULL, "ada@example.org", "7654321"}, 0, MATCH_LINK},
    {{"Ada", "King", NULL, "5 Main St", NULL, "ada@example.org", "7654321"}, MATCH_NATIONAL_IDS_DIFFER,
        MATCH_REVIEW},
    /* without a given name it may be anyone of the house */
    {{NULL, "King", "1815-12-10", "5 Main St", "0170 1234567", NULL, NULL}, MATCH_NAMES_UNKNOWN,
        MATCH_REVIEW},
    {{NULL, "King", "1815-12-10", NULL, NULL, "ada@example.org", NULL}, 0, MATCH_LINK},
    {{NULL, "King", NULL, "5 Main St", NULL, "ada@example.org", NULL}, MATCH_NAMES_UNKNOWN, MATCH_REVIEW},
    {{NULL, "King", "1815-12-10", NULL, NULL, NULL, "1234567"}, 0, MATCH_LINK},
    /* the household alone is no person */
    {{NULL, "King", NULL, "5 Main St", "0170 1234567", NULL, NULL}, MATCH_NAMES_UNKNOWN, MATCH_NOT},
};

static void contradictions_leave_a_link_to_a_person(void **state)
{
    struct people people;
    (void)state;
    people_init(&people, kinds_of_witnesses, WITNESSES);
    people_add(&people, ada_texts, 0);
    struct match_model *model = model_by_hand(&people);
    for (size_t i = 0; i < sizeof witness_rows / sizeof *witness_rows; i++) {
        struct match_score score;
        people_add(&people, witness_rows[i].texts, 1);
        match_score(&people.plan, model, &people.records[0], &people.records[i + 1], &score, NULL);
        if (score.contradictions != witness_rows[i].contradictions ||
            match_decide(&people.plan, &score) != witness_rows[i].decision)
            print_message("row %zu: weight %f\n", i, score.weight);
        assert_int_equal(score.contradictions, witness_rows[i].contradictions);
        assert_int_equal(match_decide(&people.plan, &score), witness_rows[i].decision);
    }
    match_model_free(model);
    people_clear(&people);
}

/* --- what several passes say -------------------------------------------------------------------------------------- */

static void the_median_of_the_passes_that_learned_something_is_taken(void **state)
{
    static const double shares[] = {0.9, 0.7, 0.8, 0.2, 0.1};
    struct match_model *model = memory_alloc(sizeof *model);
    struct match_em passes[5] = {{.share = 0.5}};
    (void)state;
    model->comparison_count = 1;
    model->kinds[0] = MATCH_CATEGORY;
    model->training.prior = 0.01;
    model->training.household = 0.5;
    model->comparisons[0].u[0] = model->comparisons[0].u[1] = 0.5;
    for (size_t i = 0; i < 5; i++) {
        passes[i] = (struct match_em){.share = i == 3 ? 0.001 : 0.5, .matches = i == 4 ? 5.0 : 500.0};
        passes[i].m[0][0] = shares[i];
        passes[i].m[0][1] = 1.0 - shares[i];
        passes[i].learned[0] = true;
    }
    assert_int_equal(match_m_combine(model, passes, 5), 3); /* one found hardly any, one next to none */
    assert_true(is_near(model->comparisons[0].m[0], 0.8, 1e-12) && model->comparisons[0].estimated[0]);
    assert_int_equal(match_m_combine(model, passes, 2), 2);
    assert_true(is_near(model->comparisons[0].m[0], 0.8, 1e-12));
    match_model_free(model);
}

static void combine_one(struct match_model *model, enum match_kind kind, const double *u, const double *m)
{
    struct match_em pass = {.share = 0.5, .matches = 500.0};
    *model = (struct match_model){.comparison_count = 1, .kinds = {kind}};
    model->training.prior = 0.01;
    model->training.household = 0.5;
    memcpy(model->comparisons[0].u, u, match_level_count(kind) * sizeof *u);
    memcpy(pass.m[0], m, match_level_count(kind) * sizeof *m);
    pass.learned[0] = true;
    assert_int_equal(match_m_combine(model, &pass, 1), 1);
}

static void a_worse_level_says_no_more_than_a_better_one(void **state)
{
    static const double u[] = {0.4, 0.1, 0.1, 0.4}, m[] = {0.4, 0.05, 0.15, 0.4};
    struct match_model *model = memory_alloc(sizeof *model);
    (void)state;
    combine_one(model, MATCH_TEXT, u, m);
    for (size_t level = 0; level < 4; level++)
        assert_true(is_near(model->comparisons[0].weights[level], 0.0, 1e-9));
    match_model_free(model);
}

/* What EM settles on where it was led astray: people of other names, and mailboxes that are alike. */
static void what_training_finds_is_held_near_what_is_usual(void **state)
{
    static const double surname_u[] = {0.006, 0.002, 0.005, 0.056, 0.931},
                        surname_m[] = {0.014, 0.004, 0.005, 0.056, 0.921},
                        email_u[] = {7e-7, 1e-4, 2.5e-4, 1e-4, 0.9995493}, email_m[] = {0.16, 0, 0.83, 0, 0.01},
                        rare_u[] = {0.99985, 1.5e-4}, rare_m[] = {0.996, 0.004};
    struct match_model *model = memory_alloc(sizeof *model);
    (void)state;
    const double *weights = model->comparisons[0].weights;
    combine_one(model, MATCH_SURNAME, surname_u, surname_m);
    assert_true(weights[4] < -3.0 && model->comparisons[0].m[0] > 0.27);
    combine_one(model, MATCH_EMAIL, email_u, email_m);
    assert_true(weights[2] < 7.0 + 1e-9 && weights[3] < 2.0 + 1e-9 && weights[4] < -1.7);
    combine_one(model, MATCH_CATEGORY, rare_u, rare_m);
    assert_true(weights[0] >= 0.0 && weights[1] <= 1e-9);
    match_model_free(model);
}

static void a_column_of_one_value_says_nothing(void **state)
{
    static const enum match_kind kinds[] = {MATCH_GIVEN_NAME, MATCH_SURNAME, MATCH_CATEGORY};
    struct people people;
    char given[32], surname[32];
    (void)state;
    people_init(&people, kinds, 3);
    for (uint32_t i = 0; i < 60; i++) {
        snprintf(given, sizeof given, "a%c%c", (int)('a' + i % 13), (int)('n' + i % 7));
        snprintf(surname, sizeof surname, "%c%co", (int)('b' + i % 11), (int)('a' + i % 17));
        const char *texts[] = {given, surname, "de"};
        people_add(&people, texts, i);
    }
    struct match_model *model = people_train(&people);
    for (size_t level = 0; level < 2; level++) {
        struct match_level now = match_model_level(&people.plan, model, 2, level);
        assert_true(is_near(now.weight, 0.0, 1e-12) && !now.estimated);
    }
    assert_true(model->comparisons[2].rare_weight == 0.0);
    /* of a level that no pair drawn fell into next to nothing follows */
    for (size_t i = 0; i < 2; i++)
        for (size_t level = 0; level < match_level_count(kinds[i]); level++) {
            struct match_level now = match_model_level(&people.plan, model, i, level);
            assert_true(level == 0 || now.u >= 0.99e-4);
            assert_true(level + 1 < match_level_count(kinds[i]) || now.weight <= -2.0 + 1e-9);
        }
    match_model_free(model);
    people_clear(&people);
}

/* --- groups ------------------------------------------------------------------------------------------------------ */

static void who_stands_for_a_group_is_spread_evenly_and_has_the_end(void **state)
{
    size_t picks[MATCH_GUARD_RECORDS_MAX];
    (void)state;
    for (size_t count = 1; count < 40; count++)
        for (size_t own = 0; own < count; own++) {
            size_t taken = match_guard_pick(count, own, picks);
            bool has_own = false;
            assert_int_equal(taken, count < MATCH_GUARD_RECORDS_MAX ? count : MATCH_GUARD_RECORDS_MAX);
            for (size_t i = 0; i < taken; i++) {
                has_own = has_own || picks[i] == own;
                assert_true(picks[i] < count && (i == 0 || picks[i] > picks[i - 1]));
            }
            assert_true(has_own && picks[0] == 0);
        }
}

/* An initial could be either twin's: it joins one of them, and then keeps the other out. */
static void a_record_between_two_people_does_not_join_them(void **state)
{
    static const char *const texts[][WITNESSES] = {
        {"Emma", "King", "1990-05-05", "5 Main St", NULL, NULL, NULL},
        {"E", "King", "1990-05-05", "5 Main St", NULL, NULL, NULL},
        {"Emily", "King", "1990-05-05", "5 Main St", NULL, NULL, NULL},
        {"Emma", "King", "1990-05-05", NULL, NULL, NULL, NULL}};
    struct people people;
    (void)state;
    people_init(&people, kinds_of_witnesses, WITNESSES);
    for (size_t i = 0; i < 4; i++)
        people_add(&people, texts[i], (uint32_t)i);
    const struct match_record *records = people.records;
    struct match_model *model = model_by_hand(&people);
    assert_int_equal(match_guard(&people.plan, model, &records[0], 1, &records[1], 1), MATCH_LINK);
    assert_int_equal(match_guard(&people.plan, model, &records[2], 1, &records[1], 1), MATCH_LINK);
    assert_int_equal(match_guard(&people.plan, model, records, 2, &records[2], 1), MATCH_REVIEW);
    assert_int_equal(match_guard(&people.plan, model, &records[2], 1, records, 2), MATCH_REVIEW);
    assert_int_equal(match_guard(&people.plan, model, records, 2, &records[3], 1), MATCH_LINK);
    match_model_free(model);
    people_clear(&people);
}

/* One group is one record, so that pairs are the records of the other: one in four may contradict, and half must be
 * likely. */
static enum match_decision guard_of(
    const struct people *people, const struct match_model *model, const size_t *rows, size_t count)
{
    struct match_record left[MATCH_GUARD_RECORDS_MAX];
    for (size_t i = 0; i < count; i++)
        left[i] = people->records[rows[i]];
    return match_guard(&people->plan, model, left, count, people->records, 1);
}

static void a_quarter_may_contradict_and_half_must_be_likely(void **state)
{
    static const char *const texts[][WITNESSES] = {
        {"Ada", "King", "1815-12-10", "5 Main St", NULL, "ada@example.org", NULL},
        {"Ada", "King", "1815-12-10", "5 Main St", NULL, "ada@example.org", NULL},
        {"Berta", "King", "1815-12-10", "5 Main St", NULL, "ada@example.org", NULL}, /* likely, and contradicts */
        {NULL, NULL, NULL, "77 Elm Rd", NULL, NULL, NULL},                           /* neither */
    };
    static const struct {
        size_t rows[4], count;
        enum match_decision decision;
    } groups[] = {
        {{1, 1, 1, 2}, 4, MATCH_LINK},
        {{1, 1, 2}, 3, MATCH_REVIEW},
        {{1, 1, 2, 2}, 4, MATCH_REVIEW},
    };
    struct people people;
    (void)state;
    people_init(&people, kinds_of_witnesses, WITNESSES);
    people.plan.has_names = false; /* what has no name contradicts nobody */
    for (size_t i = 0; i < 4; i++)
        people_add(&people, texts[i], 0);
    struct match_model *model = model_by_hand(&people);
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++)
        assert_int_equal(guard_of(&people, model, groups[i].rows, groups[i].count), groups[i].decision);
    const size_t half[] = {1, 3}, less[] = {1, 3, 3};
    assert_int_equal(guard_of(&people, model, half, 2), MATCH_LINK);
    assert_int_equal(guard_of(&people, model, less, 3), MATCH_REVIEW);
    match_model_free(model);
    people_clear(&people);
}

/* Of two mailboxes the best is heard. */
static void of_several_mailboxes_the_best_is_heard(void **state)
{
    static const enum match_kind kinds[] = {
        MATCH_GIVEN_NAME, MATCH_SURNAME, MATCH_PHONE, MATCH_EMAIL, MATCH_EMAIL};
    static const char *const texts[][5] = {
        {"Ada", "King", "0170 1234567", "ada@example.org", "countess@home.org"},
        {"Ada", "King", "0391 7654321", "ada@example.org", "turing@work.org"},
        {"Ada", "King", "0391 7654321", "turing@work.org", "countess@home.org"},
        {"Ada", "King", "0391 7654321", "turing@work.org", "babbage@work.org"}};
    struct people people;
    struct match_score score;
    (void)state;
    people_init(&people, kinds, 5);
    for (size_t i = 0; i < 4; i++)
        people_add(&people, texts[i], 0);
    struct match_model *model = model_by_hand(&people);
    for (size_t i = 1; i < 4; i++) {
        match_score(&people.plan, model, &people.records[0], &people.records[i], &score, NULL);
        assert_int_equal(score.contradictions, i == 3 ? MATCH_CONTACTS_DIFFER : 0);
    }
    match_model_free(model);
    people_clear(&people);
}

/* Two slips in the records of one number: each contradicts the other, and neither the third. */
static void a_number_in_common_makes_up_for_slips_among_a_persons_records(void **state)
{
    static const char *const texts[][WITNESSES] = {{"Ada", "King", "1815-12-10", NULL, NULL, NULL, "1234567"},
        {"Berta", "King", "1815-12-10", NULL, NULL, NULL, "1234567"},
        {"Ada", "King", "1788-01-22", NULL, NULL, NULL, "1234567"}};
    struct people people;
    (void)state;
    people_init(&people, kinds_of_witnesses, WITNESSES);
    for (size_t i = 0; i < 3; i++)
        people_add(&people, texts[i], 0);
    struct match_model *model = model_by_hand(&people);
    assert_int_equal(match_guard(&people.plan, model, people.records, 2, &people.records[2], 1), MATCH_LINK);
    match_model_free(model);
    people_clear(&people);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_of_records_has_no_effect_on_a_model),
        cmocka_unit_test(training_finds_what_the_records_were_made_with),
        cmocka_unit_test(training_stops_when_it_is_told_to),
        cmocka_unit_test(there_must_be_two_records_to_learn_from),
        cmocka_unit_test(past_the_bound_a_sample_by_content_is_trained_on),
        cmocka_unit_test(a_model_is_read_back_as_it_was_written),
        cmocka_unit_test(a_model_names_nobody),
        cmocka_unit_test(a_score_is_symmetric_and_the_sum_of_its_evidence),
        cmocka_unit_test(a_rare_value_says_more_than_a_common_one),
        cmocka_unit_test(a_value_is_not_common_for_one_persons_many_records),
        cmocka_unit_test(contradictions_leave_a_link_to_a_person),
        cmocka_unit_test(the_median_of_the_passes_that_learned_something_is_taken),
        cmocka_unit_test(a_worse_level_says_no_more_than_a_better_one),
        cmocka_unit_test(what_training_finds_is_held_near_what_is_usual),
        cmocka_unit_test(a_column_of_one_value_says_nothing),
        cmocka_unit_test(who_stands_for_a_group_is_spread_evenly_and_has_the_end),
        cmocka_unit_test(a_record_between_two_people_does_not_join_them),
        cmocka_unit_test(a_quarter_may_contradict_and_half_must_be_likely),
        cmocka_unit_test(of_several_mailboxes_the_best_is_heard),
        cmocka_unit_test(a_number_in_common_makes_up_for_slips_among_a_persons_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
