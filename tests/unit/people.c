#include "tests/unit/people.h"

#include <stdio.h>
#include <stdlib.h>

void people_init(struct people *people, const enum match_kind *kinds, size_t kind_count)
{
    *people = (struct people){.count = 0};
    for (size_t i = 0; i < kind_count; i++)
        people->columns[i] = (struct match_column){(uint16_t)i, kinds[i], true};
    people->rules = (struct matching_rules){.columns = people->columns,
        .column_count = kind_count,
        .link_probability = MATCH_LINK_PROBABILITY,
        .review_probability = MATCH_REVIEW_PROBABILITY,
        .block_records_max = MATCH_BLOCK_RECORDS};
    match_plan_init(&people->plan, &people->rules);
}

void people_add(struct people *people, const char *const *texts, uint32_t person)
{
    struct bytes raw[MATCH_COLUMNS_MAX];
    if (people->count == people->capacity) {
        people->capacity = people->capacity ? 2 * people->capacity : 1024;
        people->records = memory_resize(people->records, people->capacity * sizeof *people->records);
        people->persons = memory_resize(people->persons, people->capacity * sizeof *people->persons);
    }
    for (size_t i = 0; i < people->rules.column_count; i++)
        raw[i] = texts[i] ? bytes_from_string(texts[i]) : bytes_of(NULL, 0);
    struct arena scratch = {0};
    struct match_record record;
    match_record_normalize(&people->plan, raw, &scratch, &record);
    struct bytes *values = arena_array(&people->arena, people->rules.column_count, sizeof *values);
    for (size_t i = 0; i < people->rules.column_count; i++)
        values[i] = arena_copy(&people->arena, record.values[i]);
    people->records[people->count] = (struct match_record){values};
    people->persons[people->count++] = person;
    arena_clear(&scratch);
}

void people_shuffle(struct people *people, uint64_t seed)
{
    for (size_t i = people->count; i > 1; i--) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        size_t j = (size_t)((seed >> 33) % i);
        struct match_record record = people->records[i - 1];
        uint32_t person = people->persons[i - 1];
        people->records[i - 1] = people->records[j];
        people->persons[i - 1] = people->persons[j];
        people->records[j] = record;
        people->persons[j] = person;
    }
}

void people_clear(struct people *people)
{
    arena_clear(&people->arena);
    memory_free(people->records);
    memory_free(people->persons);
}

/* --- from a file ------------------------------------------------------------------------------------------------- */

enum { LINE_BYTES_MAX = 4096, FIELDS_MAX = 64 };

/* Cuts a line into fields, each without the blanks around it; returns how many. */
static size_t line_cut(char *line, char *fields[FIELDS_MAX])
{
    size_t count = 0;
    for (char *next = line; next && count < FIELDS_MAX; count++) {
        char *end = next + strcspn(next, ",\r\n");
        fields[count] = next + strspn(next, " ");
        next = *end == ',' ? end + 1 : NULL;
        while (end > fields[count] && end[-1] == ' ')
            end--;
        *end = 0;
    }
    return count;
}

static int field_find(char *const *fields, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(fields[i], name) == 0)
            return (int)i;
    return -1;
}

bool people_read(struct people *people, const char *path, const struct people_column *columns,
    size_t column_count, const char *truth)
{
    enum match_kind kinds[MATCH_COLUMNS_MAX] = {0};
    char line[LINE_BYTES_MAX], *fields[FIELDS_MAX];
    int places[MATCH_COLUMNS_MAX];
    FILE *file = fopen(path, "r");
    if (!file)
        return false;
    bool found = fgets(line, sizeof line, file) != NULL;
    size_t count = found ? line_cut(line, fields) : 0;
    int person = field_find(fields, count, truth);
    for (size_t i = 0; i < column_count; i++) {
        kinds[i] = columns[i].kind;
        places[i] = field_find(fields, count, columns[i].header);
        found = found && places[i] >= 0;
    }
    people_init(people, kinds, column_count);
    while (found && person >= 0 && fgets(line, sizeof line, file)) {
        const char *texts[MATCH_COLUMNS_MAX];
        size_t cut = line_cut(line, fields);
        for (size_t i = 0; i < column_count; i++)
            texts[i] = (size_t)places[i] < cut ? fields[places[i]] : NULL;
        const char *digits = fields[person] + strcspn(fields[person], "0123456789");
        people_add(people, texts, (uint32_t)strtoul(digits, NULL, 10));
    }
    fclose(file);
    return found && person >= 0 && people->count > 0;
}

/* --- how well ---------------------------------------------------------------------------------------------------- */

static const uint8_t secret[MATCH_SECRET_BYTES] = "a secret of thirty-two bytes, ok";

struct match_model *people_train(const struct people *people)
{
    struct match_model *model;
    struct match_trainer *trainer = match_trainer_new(&people->plan, secret);
    for (size_t i = 0; i < people->count; i++)
        match_trainer_add(trainer, &people->records[i]);
    enum patron_code code = match_trainer_run(trainer, NULL, &model, NULL);
    CHECK(code == PATRON_OK);
    match_trainer_free(trainer);
    return model;
}

struct scored {
    double weight;
    bool is_true;
};

struct measuring {
    const struct people *people;
    struct scored *scored;
    size_t count, capacity;
    uint64_t links, links_true;
};

static bool is_one(void *context, size_t a, size_t b)
{
    const struct measuring *measuring = context;
    return measuring->people->persons[a] == measuring->people->persons[b];
}

static void pair_keep(void *context, const struct match_pair *pair)
{
    struct measuring *measuring = context;
    bool is_true = is_one(context, pair->record, pair->candidate);
    if (measuring->count == measuring->capacity) {
        measuring->capacity = measuring->capacity ? 2 * measuring->capacity : 4096;
        measuring->scored = memory_resize(measuring->scored, measuring->capacity * sizeof *measuring->scored);
    }
    measuring->scored[measuring->count++] = (struct scored){pair->score.weight, is_true};
    if (pair->decision == MATCH_LINK && !pair->guarded) {
        measuring->links++;
        measuring->links_true += is_true;
    }
}

static int scored_compare(const void *left, const void *right)
{
    const struct scored *a = left, *b = right;
    return a->weight > b->weight ? -1 : a->weight < b->weight;
}

static uint64_t pairs_of(uint64_t count)
{
    return count * (count - 1) / 2;
}

static double ratio(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 1.0;
}

static double f1_of(double precision, double recall)
{
    return precision + recall > 0.0 ? 2.0 * precision * recall / (precision + recall) : 0.0;
}

static int number_compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* Pairs within the runs of equal numbers, and the longest run. */
static uint64_t pairs_within(uint64_t *numbers, size_t count, size_t *longest)
{
    uint64_t pairs = 0;
    *longest = 0;
    qsort(numbers, count, sizeof *numbers, number_compare);
    for (size_t begin = 0, end; begin < count; begin = end) {
        for (end = begin; end < count && numbers[end] == numbers[begin]; end++)
            continue;
        pairs += pairs_of(end - begin);
        *longest = end - begin > *longest ? end - begin : *longest;
    }
    return pairs;
}

static void groups_measure(
    const struct people *people, const size_t *groups, double *precision, double *recall, size_t *largest)
{
    uint64_t *numbers = memory_alloc((people->count + 1) * sizeof *numbers);
    size_t ignored;
    for (size_t i = 0; i < people->count; i++)
        numbers[i] = people->persons[i];
    uint64_t pairs_true = pairs_within(numbers, people->count, &ignored);
    for (size_t i = 0; i < people->count; i++)
        numbers[i] = groups[i];
    uint64_t joined = pairs_within(numbers, people->count, largest);
    for (size_t i = 0; i < people->count; i++)
        numbers[i] = (uint64_t)groups[i] << 32 | people->persons[i];
    uint64_t right = pairs_within(numbers, people->count, &ignored);
    memory_free(numbers);
    *precision = ratio(right, joined);
    *recall = ratio(right, pairs_true);
}

static void best_find(const struct measuring *measuring, struct people_result *result)
{
    uint64_t right = 0;
    qsort(measuring->scored, measuring->count, sizeof *measuring->scored, scored_compare);
    for (size_t i = 0; i < measuring->count; i++) {
        right += measuring->scored[i].is_true;
        if (i + 1 < measuring->count && measuring->scored[i + 1].weight == measuring->scored[i].weight)
            continue;
        double f1 = f1_of(ratio(right, i + 1), ratio(right, result->pairs_true));
        if (f1 > result->best_f1) {
            result->best_f1 = f1;
            result->best_weight = measuring->scored[i].weight;
        }
    }
}

void people_measure(
    const struct people *people, const struct match_model *model, struct people_result *result)
{
    struct measuring measuring = {.people = people};
    struct match_all_options options = {.scored = pair_keep, .context = &measuring};
    struct match_outcome outcome;
    size_t ignored;
    memcpy(options.secret, secret, sizeof secret);
    *result = (struct people_result){.pairs_true = 0};
    uint64_t *numbers = memory_alloc((people->count + 1) * sizeof *numbers);
    for (size_t i = 0; i < people->count; i++)
        numbers[i] = people->persons[i];
    result->pairs_true = pairs_within(numbers, people->count, &result->largest_true);
    memory_free(numbers);

    match_all(&people->plan, model, people->records, people->count, &options, &result->outcome);
    groups_measure(
        people, result->outcome.groups, &result->auto_precision, &result->auto_recall, &result->auto_largest);
    result->auto_f1 = f1_of(result->auto_precision, result->auto_recall);
    memory_free(result->outcome.groups);
    result->outcome.groups = NULL;
    result->link_precision = ratio(measuring.links_true, measuring.links);
    result->link_recall = ratio(measuring.links_true, result->pairs_true);
    best_find(&measuring, result);

    options.scored = NULL;
    options.is_one = is_one;
    match_all(&people->plan, model, people->records, people->count, &options, &outcome);
    groups_measure(people, outcome.groups, &result->review_precision, &result->review_recall, &ignored);
    result->review_f1 = f1_of(result->review_precision, result->review_recall);
    result->reviews_asked = outcome.reviews;
    memory_free(outcome.groups);
    memory_free(measuring.scored);
}

void people_print(const char *name, const struct people_result *result)
{
    printf("%s: pairs F1 %.4f at weight %.1f; links P %.4f R %.4f; their closure P %.4f R %.4f F1 %.4f, "
           "largest %zu of "
           "%zu; with reviews P %.4f R %.4f F1 %.4f\n",
        name, result->best_f1, result->best_weight, result->link_precision, result->link_recall,
        result->auto_precision, result->auto_recall, result->auto_f1, result->auto_largest,
        result->largest_true, result->review_precision, result->review_recall, result->review_f1);
    printf("  pairs scored %llu, links %llu, reviews %llu (asked %llu), guarded %llu, blocks skipped %llu, "
           "left off %llu\n",
        (unsigned long long)result->outcome.pairs, (unsigned long long)result->outcome.links,
        (unsigned long long)result->outcome.reviews, (unsigned long long)result->reviews_asked,
        (unsigned long long)result->outcome.guarded, (unsigned long long)result->outcome.blocks_skipped,
        (unsigned long long)result->outcome.candidates_left_off);
}
