/* Wide integers against values that Python's own integers gave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/base/wide.h"

#include <stdio.h>

static struct wide wide_read(const char *hexadecimal)
{
    struct wide wide = {0};
    size_t length = strlen(hexadecimal);
    for (size_t i = 0; i < length; i++) {
        char c = hexadecimal[length - 1 - i];
        uint64_t digit = (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
        wide.words[i / 16] |= digit << (4 * (i % 16));
    }
    return wide;
}

static uint128 number_read(const char *hexadecimal)
{
    struct wide wide = wide_read(hexadecimal);
    return (uint128)wide.words[1] << 64 | wide.words[0];
}

static const struct {
    const char *a, *b, *c, *d;
    const char *product;    /* a b */
    const char *sum;        /* c + a b */
    const char *difference; /* a b - c */
    const char *multiple;   /* c d */
} products[] = {
    {"7fffffffff", "0",
        "99950d36f675cc81e74ef5e8e25d940ed904759531985d",
        "11e20b6b0d549b",
        "0",
        "99950d36f675cc81e74ef5e8e25d940ed904759531985d",
        "ffffffffffffffffff666af2c9098a337e18b10a171da26bf126fb8a6ace67a3",
        "aba824ff1c09cb49d9da288a76366f4a6cb6f8e9a74e2013c5836bec44f"},
    {"800000", "0",
        "80000000",
        "1",
        "0",
        "80000000",
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff80000000",
        "80000000"},
    {"34a23d596", "40000000",
        "1fffffffffffffffffffffff",
        "beaae4",
        "d288f56580000000",
        "20000000d288f5657fffffff",
        "ffffffffffffffffffffffffffffffffffffffffe0000000d288f56580000001",
        "17d55c7fffffffffffffffff41551c"},
    {"120f4", "15c5d67f150524",
        "3",
        "2",
        "189351df68c5d16650",
        "189351df68c5d16653",
        "189351df68c5d1664d",
        "6"},
    {"400000000000", "100000",
        "3fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "3ffffffffffffff",
        "40000000000000000",
        "400000000000000000000000000000000000000000000003ffffffffffffffff",
        "c000000000000000000000000000000000000000000000040000000000000001",
        "bffffffffffffffffffffffffffffffffffffffffffffffffc00000000000001"},
    {"7ffff", "26e5790f82ec1d3fcff2a3af4d4",
        "0",
        "16357124242",
        "1372ba1969e51671262554d87c650b2c",
        "1372ba1969e51671262554d87c650b2c",
        "1372ba1969e51671262554d87c650b2c",
        "0"},
    {"ffffffffffffffffffffffffffffffff", "0",
        "7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "bb",
        "0",
        "7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "fff8000000000000000000000000000000000000000000000000000000000001",
        "5d7ffffffffffffffffffffffffffffffffffffffffffffffffffffffffff45"},
    {"7ffffffffffffffffffffffffffff", "7ffffffffffffffffffffffff",
        "fff",
        "1",
        "3ffffffffffffffffffffffff7fff8000000000000000000000001",
        "3ffffffffffffffffffffffff7fff8000000000000000000001000",
        "3ffffffffffffffffffffffff7fff7fffffffffffffffffffff002",
        "fff"},
    {"24ca91ccc4aaeac137dc76fb0f17a300", "8000000000000000",
        "3",
        "1cbf7c",
        "126548e6625575609bee3b7d878bd1800000000000000000",
        "126548e6625575609bee3b7d878bd1800000000000000003",
        "126548e6625575609bee3b7d878bd17ffffffffffffffffd",
        "563e74"},
    {"1", "3",
        "7ffffffffffffffffffffffffffffffffffffffffffffffff",
        "80000",
        "3",
        "8000000000000000000000000000000000000000000000002",
        "fffffffffffffff8000000000000000000000000000000000000000000000004",
        "3ffffffffffffffffffffffffffffffffffffffffffffffff80000"},
    {"ed826bb7dbd", "8",
        "2",
        "1",
        "76c135dbede8",
        "76c135dbedea",
        "76c135dbede6",
        "2"},
    {"800000000000000000000000000", "3ffffffffffffffffffff",
        "8000000",
        "3",
        "1ffffffffffffffffffff800000000000000000000000000",
        "1ffffffffffffffffffff800000000000000000008000000",
        "1ffffffffffffffffffff7fffffffffffffffffff8000000",
        "18000000"},
    {"0", "0",
        "400000000",
        "100000000000000",
        "0",
        "400000000",
        "fffffffffffffffffffffffffffffffffffffffffffffffffffffffc00000000",
        "40000000000000000000000"},
    {"10000000", "3fff",
        "1",
        "1000",
        "3fff0000000",
        "3fff0000001",
        "3ffefffffff",
        "1000"},
    {"7f", "1814249d33a01c",
        "200000000000000000000000000000000",
        "7fffffffffff",
        "bf1fe29fc9c6de4",
        "200000000000000000bf1fe29fc9c6de4",
        "fffffffffffffffffffffffffffffffe00000000000000000bf1fe29fc9c6de4",
        "fffffffffffe00000000000000000000000000000000"},
    {"0", "3",
        "0",
        "2000",
        "0",
        "0",
        "0",
        "0"},
};

static void sums_differences_and_products_are_exact_modulo_two_to_the_256(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof products / sizeof products[0]; i++) {
        struct wide product = wide_product(number_read(products[i].a), number_read(products[i].b));
        struct wide c = wide_read(products[i].c);
        assert_true(wide_equal(product, wide_read(products[i].product)));
        assert_true(wide_equal(wide_product(number_read(products[i].b), number_read(products[i].a)), product));
        assert_true(wide_equal(wide_add(c, product), wide_read(products[i].sum)));
        assert_true(wide_equal(wide_add(product, c), wide_read(products[i].sum)));
        assert_true(wide_equal(wide_subtract(product, c), wide_read(products[i].difference)));
        assert_true(wide_equal(wide_times(c, (uint64_t)number_read(products[i].d)), wide_read(products[i].multiple)));
    }
}

static void the_square_of_a_negative_number_is_that_of_its_opposite(void **state)
{
    (void)state;
    const int128 least = (int128)((uint128)1 << 127);
    struct wide half_of_half = {{0, 0, 0, UINT64_C(1) << 62}};
    assert_true(wide_equal(wide_square(least), half_of_half));
    assert_true(wide_equal(wide_square(-7), (struct wide){{49}}));
    assert_true(wide_equal(wide_square(7), (struct wide){{49}}));
    assert_true(wide_equal(wide_square(-((int128)1 << 85)), (struct wide){{0, 0, UINT64_C(1) << 42}}));
}

static void a_double_is_the_nearest_and_of_two_the_even_one(void **state)
{
    (void)state;
    static const struct {
        const char *number;
        double nearest;
    } cases[] = {
        {"0", 0x0.0p+0},
        {"1", 0x1.0000000000000p+0},
        {"20000000000000", 0x1.0000000000000p+53},
        {"20000000000001", 0x1.0000000000000p+53},
        {"20000000000003", 0x1.0000000000002p+53},
        {"ffffffffffffffff", 0x1.0000000000000p+64},
        {"10000000000000000", 0x1.0000000000000p+64},
        {"10000000000000800", 0x1.0000000000000p+64},
        {"10000000000000801", 0x1.0000000000001p+64},
        {"10000000000001800", 0x1.0000000000002p+64},
        {"80000000000004000000000000000000", 0x1.0000000000000p+127},
        {"8000000000000000000000000000000000000000000000000000000000000000", 0x1.0000000000000p+255},
        {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", 0x1.0000000000000p+256},
        {"8000000000000400000000000000000000000000000000000000000000000000", 0x1.0000000000000p+255},
        {"8000000000000400000000000000000000000000000000000000000000000001", 0x1.0000000000001p+255},
        {"80000000000003ffffffffffffffffffffffffffffffffffffffffffffffffff", 0x1.0000000000000p+255},
        {"8000000000000c00000000000000000000000000000000000000000000000000", 0x1.0000000000002p+255},
        {"100000000000000000000000000000001", 0x1.0000000000000p+128},
        {"100000000000008000000000000000000", 0x1.0000000000000p+128},
        {"100000000000008000000000000000001", 0x1.0000000000001p+128},
        {"172ebad6ddc73c86d67c5faa71c245689c1079502400000000000000000", 0x1.72ebad6ddc73dp+232},
        {"304d37f120d696c834550e63d9bb9c14b4f9165c9ede434e4644e3998d6db881", 0x1.8269bf8906b4bp+253},
        {"dd2fa73207237751aa4462ebfc5f915ef09cfbac6e", 0x1.ba5f4e640e46fp+167},
        {"a58226b9acd8acde5f6db1d76b6745180b65386569c803601a5ba50", 0x1.4b044d7359b16p+219},
        {"5b339a4769ddcc6f8efb6fbfe8de4ab47", 0x1.6cce691da7773p+130},
        {"6c2b99de255f386825473b7a490f23b2cc4b4174a672b5ebaa061076dc3", 0x1.b0ae6778957cep+234},
        {"3490e83cee5e2c2b1e1885", 0x1.a48741e772f16p+85},
        {"37ca819ad93b21e6a46f", 0x1.be540cd6c9d91p+77},
        {"1c6bf00188dca22e4c76237dbe6b03da701c632976a10363c5f", 0x1.c6bf00188dca2p+200},
        {"3474a8aa593eb40a9b8", 0x1.a3a54552c9f5ap+73},
        {"3171f4611674518de3bb41b36bf82959cb01c357b9c7e435396bcb8f", 0x1.8b8fa308b3a29p+221},
        {"11feec6583d61435bb5c11e9502700", 0x1.1feec6583d614p+116},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (wide_to_double(wide_read(cases[i].number)) != cases[i].nearest)
            fail_msg("%s is not %a", cases[i].number, wide_to_double(wide_read(cases[i].number)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_differences_and_products_are_exact_modulo_two_to_the_256),
        cmocka_unit_test(the_square_of_a_negative_number_is_that_of_its_opposite),
        cmocka_unit_test(a_double_is_the_nearest_and_of_two_the_even_one),
    };
    return cmocka_run_group_tests_name("wide", tests, NULL, NULL);
}
