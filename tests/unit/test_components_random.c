/* Components at random: merges only ever grow them, and which links there are decides them, not in which order they
 * came. PATRON_SEED=N repeats a run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "store/identity/identity.h"
#include "tests/property/dice.h"
#include "tests/unit/store_fixture.h"

enum { ROUNDS = 60, NODES = 24, LINKS_MAX = 30 };

static const char definitions[] = "identifiers: {device: }\nevents: {visit: }\n";

struct pair {
    int a, b;
};

static uint64_t seed;

static void visit(struct shop *shop, const char *kind, int number, struct pair pair)
{
    char id[32], who[48];
    snprintf(id, sizeof id, "%s%d", kind, number);
    if (pair.a == pair.b)
        snprintf(who, sizeof who, "device:%d", pair.a);
    else
        snprintf(who, sizeof who, "device:%d device:%d", pair.a, pair.b);
    shop_send(shop, "visit", id, shop->clock_us - SECOND, who);
}

/* Each node by itself, so that they have the same numbers in every store: device N is node N + 1. */
static void nodes_open(struct shop *shop)
{
    shop_open(shop, definitions);
    for (int i = 0; i < NODES; i++)
        visit(shop, "alone", i, (struct pair){i, i});
}

static void customers_at(const struct shop *shop, int64_t as_of_us, uint64_t customers[NODES])
{
    struct error error;
    for (uint64_t i = 0; i < NODES; i++)
        if (membership_at(shop->kv, NULL, i + 1, as_of_us, &customers[i], &error) != PATRON_OK)
            fail_msg("seed %llu, node %llu: %s", (unsigned long long)seed, (unsigned long long)i + 1, error.text);
}

static size_t pairs_draw(struct dice *dice, struct pair pairs[LINKS_MAX])
{
    size_t count = 1 + dice_below(dice, LINKS_MAX);
    for (size_t i = 0; i < count; i++) {
        pairs[i].a = (int)dice_below(dice, NODES);
        pairs[i].b = (pairs[i].a + 1 + (int)dice_below(dice, NODES - 1)) % NODES;
    }
    return count;
}

static void merges_only_ever_grow_components(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct dice dice = dice_of(seed, round);
        struct shop shop = {0};
        struct pair pairs[LINKS_MAX];
        uint64_t before[NODES], after[NODES];
        size_t count = pairs_draw(&dice, pairs);
        int64_t moments_us[LINKS_MAX + 1];
        nodes_open(&shop);
        moments_us[0] = shop.clock_us;
        for (size_t i = 0; i < count; i++) {
            visit(&shop, "together", (int)i, pairs[i]);
            moments_us[i + 1] = shop.clock_us;
        }
        customers_at(&shop, moments_us[0], before);
        for (size_t i = 1; i <= count; i++) {
            customers_at(&shop, moments_us[i], after);
            for (int a = 0; a < NODES; a++)
                for (int b = 0; b < a; b++)
                    if (before[a] == before[b] && after[a] != after[b])
                        fail_msg("seed %llu, round %llu: nodes %d and %d came apart", (unsigned long long)seed,
                            (unsigned long long)round, a + 1, b + 1);
            if (after[pairs[i - 1].a] != after[pairs[i - 1].b])
                fail_msg("seed %llu, round %llu: link %zu joined nothing", (unsigned long long)seed,
                    (unsigned long long)round, i);
            memcpy(before, after, sizeof before);
        }
        shop_assert_sound(&shop);
        shop_close(&shop);
    }
}

static void the_order_of_links_does_not_matter(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct dice dice = dice_of(seed, ROUNDS + round);
        struct shop first = {0}, second = {0};
        struct pair pairs[LINKS_MAX];
        uint64_t one[NODES], other[NODES];
        size_t count = pairs_draw(&dice, pairs);
        nodes_open(&first);
        nodes_open(&second);
        for (size_t i = 0; i < count; i++)
            visit(&first, "together", (int)i, pairs[i]);
        for (size_t left = count; left > 0; left--) { /* in another order, and from the other end */
            size_t drawn = dice_below(&dice, left);
            struct pair pair = {pairs[drawn].b, pairs[drawn].a};
            pairs[drawn] = pairs[left - 1];
            visit(&second, "together", (int)left, pair);
        }
        customers_at(&first, first.clock_us, one);
        customers_at(&second, second.clock_us, other);
        if (memcmp(one, other, sizeof one) != 0)
            fail_msg("seed %llu, round %llu: other customers", (unsigned long long)seed, (unsigned long long)round);
        for (uint64_t i = 0; i < NODES; i++)
            assert_true(one[i] <= i + 1 && one[one[i] - 1] == one[i]); /* the id is a member, and the oldest */
        shop_close(&first);
        shop_close(&second);
    }
}

int main(void)
{
    const char *given = getenv("PATRON_SEED");
    seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    printf("seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merges_only_ever_grow_components),
        cmocka_unit_test(the_order_of_links_does_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
