/* Any bytes as what matching reads: a model, a record, or texts to be normalised and compared. The first byte chooses.
 *
 * A decoder refuses or gives what it would write again; what it gives can be scored, with any record, both ways round
 * the same, and no weight is no number. A normal form is text of bounded length that stays as it is when normalised
 * again as text. */
#include <string.h>

#include "store/matching/levels.h"
#include "tests/fuzz/fuzz.h"

enum { COLUMNS = MATCH_KIND_COUNT };

static const uint8_t secret[MATCH_SECRET_BYTES] = "a secret of thirty-two bytes, ok";

static struct match_column columns[COLUMNS];
static struct matching_rules rules = {.columns = columns,
    .column_count = COLUMNS,
    .link_probability = MATCH_LINK_PROBABILITY,
    .review_probability = MATCH_REVIEW_PROBABILITY,
    .block_records_max = MATCH_BLOCK_RECORDS};
static struct match_plan plan;
static struct match_model *model;

/* Two records that agree on something of each kind, and the model of them. */
static void model_make(struct arena *arena)
{
    static const char *const texts[2][COLUMNS] = {
        {"ada", "king", "ada king", "1815-12-10", "ada@example.org", "01701234567", "sw1a 1aa", "london",
            "main st", "12", "1234567", "f", "countess"},
        {"bob", "king", "bob king", "1815-12-11", "bob@example.org", "01701234568", "sw1a 1ab", "london",
            "main st", "12", "1234568", "m", "earl"}};
    for (size_t i = 0; i < COLUMNS; i++)
        columns[i] = (struct match_column){(uint16_t)i, (enum match_kind)i, true};
    match_plan_init(&plan, &rules);
    struct match_trainer *trainer = match_trainer_new(&plan, secret);
    for (size_t i = 0; i < 2; i++) {
        struct bytes raw[COLUMNS];
        struct match_record record;
        for (size_t k = 0; k < COLUMNS; k++)
            raw[k] = bytes_from_string(texts[i][k]);
        match_record_normalize(&plan, raw, arena, &record);
        match_trainer_add(trainer, &record);
    }
    enum patron_code code = match_trainer_run(trainer, NULL, &model, NULL);
    CHECK(code == PATRON_OK);
    match_trainer_free(trainer);
}

static void pair_score(
    const struct match_model *with, const struct match_record *a, const struct match_record *b)
{
    struct match_score score, mirrored;
    struct match_evidence evidence;
    match_score(&plan, with, a, b, &score, &evidence);
    match_score(&plan, with, b, a, &mirrored, NULL);
    CHECK(memcmp(&score.weight, &mirrored.weight, sizeof score.weight) == 0);
    CHECK(score.weight == score.weight && score.probability >= 0.0 && score.probability <= 1.0);
    CHECK(score.contradictions == mirrored.contradictions);
}

static void model_run(struct bytes bytes)
{
    struct match_model *read;
    struct arena arena = {0};
    if (match_model_decode(&plan, secret, bytes, &read, NULL) == PATRON_OK) {
        struct encoder to = {0};
        struct bytes values[COLUMNS];
        struct match_record record = {values};
        for (size_t i = 0; i < COLUMNS; i++)
            values[i] = bytes_from_string("ada@1815");
        match_model_encode(read, &to);
        CHECK(bytes_equal(encoder_borrow(&to), bytes));
        pair_score(read, &record, &record);
        encoder_clear(&to);
        match_model_free(read);
    }
    arena_clear(&arena);
}

static void record_run(struct bytes bytes)
{
    struct arena arena = {0};
    struct match_record record, other;
    size_t half = bytes.length / 2;
    if (match_record_decode(&plan, bytes, &arena, &record, NULL) == PATRON_OK) {
        struct encoder to = {0};
        struct match_key keys[MATCH_BLOCKS_MAX];
        match_record_encode(&plan, &record, &to);
        CHECK(bytes_equal(encoder_borrow(&to), bytes));
        CHECK(match_block_keys(&plan, &record, secret, keys) <= MATCH_BLOCKS_MAX);
        pair_score(model, &record, &record);
        struct bytes mixed[COLUMNS]; /* every column the next one's value */
        for (size_t i = 0; i < COLUMNS; i++)
            mixed[i] = record.values[(i + 1) % COLUMNS];
        other = (struct match_record){mixed};
        pair_score(model, &record, &other);
        encoder_clear(&to);
    }
    enum patron_code code = match_record_decode(&plan, bytes_of(bytes.data, half), &arena, &other, NULL);
    CHECK(code != PATRON_OK || half > COLUMNS);
    arena_clear(&arena);
}

/* The text as a value of every kind, and its halves as those of two records. */
static void text_run(struct bytes text)
{
    struct arena arena = {0};
    struct bytes halves[2] = {bytes_of(text.data, text.length / 2),
        bytes_of(text.data + text.length / 2, text.length - text.length / 2)};
    struct match_record records[2], whole;
    for (size_t i = 0; i < 2; i++) {
        struct bytes raw[COLUMNS];
        for (size_t k = 0; k < COLUMNS; k++)
            raw[k] = halves[i];
        match_record_normalize(&plan, raw, &arena, &records[i]);
        for (size_t k = 0; k < COLUMNS; k++) {
            CHECK(
                records[i].values[k].length <= MATCH_VALUE_BYTES_MAX && bytes_are_utf8(records[i].values[k]));
            raw[k] = records[i].values[k];
        }
        match_record_normalize(&plan, raw, &arena, &whole);
        CHECK(bytes_equal(whole.values[MATCH_TEXT], records[i].values[MATCH_TEXT]));
        CHECK(bytes_equal(whole.values[MATCH_EMAIL], records[i].values[MATCH_EMAIL]));
    }
    pair_score(model, &records[0], &records[1]);
    arena_clear(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    if (size < 1)
        return 0;
    if (!model)
        model_make(&arena);
    arena_clear(&arena);
    struct bytes rest = bytes_of(data + 1, size - 1);
    if (data[0] % 3 == 0)
        model_run(rest);
    else if (data[0] % 3 == 1)
        record_run(rest);
    else
        text_run(rest);
    return 0;
}
