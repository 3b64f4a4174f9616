/* The oracle's different values: how many there are, and which of them lead. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "tests/property/oracle_inside.h"

enum {
    DISTINCT_MAX = 4096, /* exact up to here */
    TOP_MAX = 1024,      /* past so many different values nothing leads */
    REGISTER_BITS = 14,
    REGISTERS = 1 << REGISTER_BITS,
    RANK_BITS = 64 - REGISTER_BITS,
};

struct group { /* the events of one value */
    const struct oracle_scalar *value;
    oracle_int128 score;
};

static int by_value(const struct oracle_scalar *a, const struct oracle_scalar *b)
{
    if (a->number != b->number)
        return a->number < b->number ? -1 : 1;
    size_t shorter = a->text_length < b->text_length ? a->text_length : b->text_length;
    int order = memcmp(a->text, b->text, shorter);
    return order != 0 ? order : (a->text_length > b->text_length) - (a->text_length < b->text_length);
}

static int groups_by_value(const void *a, const void *b)
{
    return by_value(((const struct group *)a)->value, ((const struct group *)b)->value);
}

static int groups_by_score(const void *a, const void *b)
{
    const struct group *x = a;
    const struct group *y = b;
    if (x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return by_value(x->value, y->value);
}

/* One for each value, ascending; the caller's to free. An event's score is 1, or what its attribute `by` is. */
static struct group *groups_of(const struct oracle_counted *counted, const size_t *by, size_t *count)
{
    struct group *groups = calloc(counted->count + 1, sizeof *groups);
    if (groups == NULL)
        abort();
    for (size_t i = 0; i < counted->count; i++) {
        groups[i].value = oracle_value_of(counted, i);
        groups[i].score = by == NULL ? 1 : counted->events[i]->values[*by].number;
    }
    qsort(groups, counted->count, sizeof *groups, groups_by_value);
    *count = 0;
    for (size_t i = 0; i < counted->count; i++) {
        if (*count > 0 && by_value(groups[*count - 1].value, groups[i].value) == 0)
            groups[*count - 1].score += groups[i].score;
        else
            groups[(*count)++] = groups[i];
    }
    return groups;
}

/* A text's bytes, or a number's sixteen from the highest; SipHash-2-4 of them, read from the highest byte too. */
static uint64_t hash_of(enum oracle_attribute_type type, const struct oracle_scalar *value)
{
    static const unsigned char key[crypto_shorthash_KEYBYTES] = "patron distinct";
    unsigned char number[16];
    unsigned char hash[crypto_shorthash_BYTES];
    for (int i = 0; i < 16; i++)
        number[i] = (unsigned char)(value->number >> (8 * (15 - i)));
    if (type == ORACLE_STRING)
        crypto_shorthash(hash, (const unsigned char *)value->text, value->text_length, key);
    else
        crypto_shorthash(hash, number, sizeof number, key);
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | hash[i];
    return bits;
}

/* Ertl 2017, "New cardinality estimation algorithms for HyperLogLog sketches", section 4, algorithm 6. */
static double sigma(double x)
{
    if (x == 1)
        return INFINITY;
    double y = 1;
    double z = x;
    for (double before = -1; z != before;) {
        x = x * x;
        before = z;
        z = z + x * y;
        y = 2 * y;
    }
    return z;
}

static double tau(double x)
{
    if (x == 0 || x == 1)
        return 0;
    double y = 1;
    double z = 1 - x;
    for (double before = -1; z != before;) {
        x = sqrt(x);
        before = z;
        y = 0.5 * y;
        z = z - (1 - x) * (1 - x) * y;
    }
    return z / 3;
}

static double estimate(const int *ranks)
{
    double with_rank[RANK_BITS + 2] = {0}; /* registers */
    for (size_t i = 0; i < REGISTERS; i++)
        with_rank[ranks[i]]++;
    double z = REGISTERS * tau(1 - with_rank[RANK_BITS + 1] / REGISTERS);
    for (int rank = RANK_BITS; rank > 0; rank--)
        z = 0.5 * (z + with_rank[rank]);
    z = z + REGISTERS * sigma(with_rank[0] / REGISTERS);
    return (double)REGISTERS * REGISTERS / (2 * log(2) * z);
}

static int64_t estimated(enum oracle_attribute_type type, const struct group *groups, size_t count)
{
    static int ranks[REGISTERS];
    memset(ranks, 0, sizeof ranks);
    for (size_t i = 0; i < count; i++) {
        uint64_t hash = hash_of(type, groups[i].value);
        int rank = 1;
        while (rank <= RANK_BITS && (hash >> (RANK_BITS - rank) & 1) == 0)
            rank++;
        if (rank > ranks[hash >> RANK_BITS])
            ranks[hash >> RANK_BITS] = rank;
    }
    int64_t rounded = llround(estimate(ranks));
    return rounded > DISTINCT_MAX ? rounded : DISTINCT_MAX + 1;
}

int64_t oracle_distinct(const struct oracle_counted *counted)
{
    size_t count = 0;
    struct group *groups = groups_of(counted, NULL, &count);
    int64_t distinct = count <= DISTINCT_MAX ? (int64_t)count : estimated(counted->type, groups, count);
    free(groups);
    return distinct;
}

void oracle_evaluate_top(
    const struct oracle_feature *feature, const struct oracle_counted *counted, struct oracle_value *value)
{
    size_t count = 0;
    struct group *groups = groups_of(counted, feature->ranked_by_sum ? &feature->by : NULL, &count);
    if (feature->rank < count && count <= TOP_MAX) {
        qsort(groups, count, sizeof *groups, groups_by_score);
        oracle_put_scalar(value, counted->type, groups[feature->rank].value);
    }
    free(groups);
}
