#include "store/sharing/shares.h"

#include <stdlib.h>

#include "store/base/check.h"
#include "store/base/wide.h"

enum { TABLE_FIRST = 1024 };

/* --- weights ------------------------------------------------------------------------------------------------------ */

/* Fibonacci hashing: the numbers of nodes follow each other. */
static struct node_weight *place_of(const struct weights *weights, uint64_t node)
{
    size_t at = (size_t)((node * UINT64_C(0x9E3779B97F4A7C15)) >> 20) & (weights->capacity - 1);
    while (weights->list[at].node != 0 && weights->list[at].node != node)
        at = (at + 1) & (weights->capacity - 1);
    return &weights->list[at];
}

static void table_grow(struct weights *weights)
{
    struct weights larger = {.capacity = weights->capacity ? weights->capacity * 2 : TABLE_FIRST};
    larger.list = memory_alloc(larger.capacity * sizeof *larger.list);
    larger.count = weights->count;
    for (size_t i = 0; i < weights->capacity; i++)
        if (weights->list[i].node != 0)
            *place_of(&larger, weights->list[i].node) = weights->list[i];
    memory_free(weights->list);
    *weights = larger;
}

void weights_add(struct weights *weights, uint64_t node, int128 weight)
{
    CHECK(node != 0);
    if (weights->count * 2 >= weights->capacity)
        table_grow(weights);
    struct node_weight *place = place_of(weights, node);
    weights->count += place->node == 0;
    place->node = node;
    place->weight += weight;
}

static int node_compare(const void *left, const void *right)
{
    const struct node_weight *a = left, *b = right;
    return a->node < b->node ? -1 : a->node > b->node;
}

void weights_order(struct weights *weights)
{
    size_t count = 0;
    weights->total = 0;
    for (size_t i = 0; i < weights->capacity; i++) {
        if (weights->list[i].node == 0 || weights->list[i].weight <= 0)
            continue;
        weights->total += (uint128)weights->list[i].weight;
        weights->list[count++] = weights->list[i];
    }
    if (count > 0)
        qsort(weights->list, count, sizeof *weights->list, node_compare);
    weights->count = count;
}

void weights_clear(struct weights *weights)
{
    memory_free(weights->list);
    *weights = (struct weights){0};
}

/* --- shares ------------------------------------------------------------------------------------------------------- */

static bool wide_less(struct wide a, struct wide b)
{
    for (int i = 3; i >= 0; i--)
        if (a.words[i] != b.words[i])
            return a.words[i] < b.words[i];
    return false;
}

/* floor(amount * part / whole) and whether anything is left over. The quotient is at most `amount`. */
static uint64_t divide(uint64_t amount, uint128 part, uint128 whole, bool *rest)
{
    if ((uint64_t)(part >> 64) == 0) {
        uint128 product = (uint128)amount * (uint64_t)part;
        *rest = product % whole != 0;
        return (uint64_t)(product / whole);
    }
    struct wide product = wide_product(part, amount);
    uint64_t quotient = 0;
    for (uint64_t bit = UINT64_C(1) << 63; bit > 0; bit >>= 1) {
        bool fits = quotient + bit <= amount && !wide_less(product, wide_product(whole, quotient + bit));
        quotient += fits ? bit : 0;
    }
    *rest = !wide_equal(product, wide_product(whole, quotient));
    return quotient;
}

int64_t share_up_to(int64_t amount, uint128 part, uint128 whole)
{
    CHECK(whole > 0 && part <= whole);
    uint64_t magnitude = amount < 0 ? 0 - (uint64_t)amount : (uint64_t)amount;
    bool rest;
    uint64_t quotient = divide(magnitude, part, whole, &rest);
    if (amount >= 0)
        return (int64_t)quotient;
    return (int64_t)(0 - (quotient + rest)); /* at most the magnitude: where all of it is taken nothing is left over */
}
