/* An amount split by weights: the shares sum to it exactly, each is within one unit of its part, whatever the sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/sharing/shares.h"

static uint64_t draw_state = 7;

/* SplitMix64. */
static uint64_t draw(void)
{
    uint64_t z = draw_state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static void shares_sum_to_the_amount_and_none_is_off_by_a_unit(void **state)
{
    (void)state;
    for (int round = 0; round < 3000; round++) {
        uint64_t bits = 1 + draw() % 63;
        int64_t amount = (int64_t)(draw() >> (64 - bits)) * (round % 2 ? 1 : -1);
        size_t count = 1 + draw() % 40;
        uint64_t weight_bits = 1 + draw() % 32;
        uint64_t weights[40], total = 0;
        for (size_t i = 0; i < count; i++)
            total += weights[i] = (draw() >> (64 - weight_bits)) + (i == 0);
        int64_t sum = 0, before = 0;
        uint128 up_to = 0;
        for (size_t i = 0; i < count; i++) {
            up_to += weights[i];
            int64_t share = share_up_to(amount, up_to, total) - before;
            before += share;
            sum += share;
            if (bits + weight_bits < 56) { /* what fits into a word is checked by plain division */
                int64_t exact = amount * (int64_t)up_to, whole = (int64_t)total;
                int64_t floor = exact / whole - (exact % whole < 0);
                assert_true(before == floor);
                int128 off = (int128)share * whole - (int128)amount * (int64_t)weights[i];
                assert_true(off < whole && off > -(int128)whole);
            }
            if (weights[i] == 0)
                assert_true(share == 0);
        }
        assert_true(sum == amount);
    }
}

static void weights_past_64_bits_are_divided_exactly(void **state)
{
    (void)state;
    /* With all weights times 2^40 + 1 the shares are the same. */
    const uint64_t scale = (UINT64_C(1) << 40) + 1;
    for (int round = 0; round < 2000; round++) {
        uint64_t total = (draw() >> 1) + 1, part = draw() % (total + 1);
        int64_t amount = (int64_t)draw();
        int64_t scaled = share_up_to(amount, (uint128)part * scale, (uint128)total * scale);
        assert_true(share_up_to(amount, part, total) == scaled);
    }
    uint128 most = ~(uint128)0;
    assert_true(share_up_to(INT64_MIN, most, most) == INT64_MIN);
    assert_true(share_up_to(INT64_MAX, most, most) == INT64_MAX);
    assert_true(share_up_to(INT64_MAX, most - 1, most) == INT64_MAX - 1);
    assert_true(share_up_to(INT64_MIN, most - 1, most) == INT64_MIN);
    assert_true(share_up_to(INT64_MIN, 1, most) == -1);
    assert_true(share_up_to(-1, 0, most) == 0);
    assert_true(share_up_to(10, 2, 3) == 6);
    assert_true(share_up_to(-10, 2, 3) == -7);
}

static void nodes_are_summed_put_in_order_and_those_without_weight_left_out(void **state)
{
    (void)state;
    struct weights weights = {0};
    int64_t expected[3001] = {0};
    uint64_t total = 0;
    for (int i = 0; i < 50000; i++) {
        uint64_t node = 1 + draw() % 3000;
        int64_t weight = (int64_t)(draw() % 7) - 2;
        expected[node] += weight;
        weights_add(&weights, node, weight);
    }
    weights_order(&weights);
    size_t at = 0;
    for (uint64_t node = 1; node <= 3000; node++) {
        if (expected[node] <= 0)
            continue;
        assert_true(at < weights.count);
        assert_int_equal(weights.list[at].node, node);
        assert_true(weights.list[at++].weight == expected[node]);
        total += (uint64_t)expected[node];
    }
    assert_int_equal(at, weights.count);
    assert_true(weights.total == total);
    weights_clear(&weights);
    weights_order(&weights);
    assert_int_equal(weights.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_sum_to_the_amount_and_none_is_off_by_a_unit),
        cmocka_unit_test(weights_past_64_bits_are_divided_exactly),
        cmocka_unit_test(nodes_are_summed_put_in_order_and_those_without_weight_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
