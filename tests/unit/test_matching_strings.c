/* Measures of words against values that others published, and against plain programs that do the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/matching/levels.h"
#include "store/matching/strings.h"

static struct match_text text(const char *word)
{
    struct match_text made;
    match_text_of(&made, bytes_from_string(word));
    return made;
}

static void is_near(double value, double published)
{
    assert_true(value > published - 0.0006 && value < published + 0.0006);
}

/* W. Winkler's "Overview of Record Linkage" (2006), table 6, but for the rows that his tables of alike letters change;
 * DWAYNE and DIXON as in his papers. */
static void jaro_and_winkler_have_the_published_values(void **state)
{
    static const struct {
        const char *a, *b;
        double jaro, winkler;
    } rows[] = {{"shackleford", "shackelford", .970, .982}, {"dunningham", "cunnigham", .896, .896},
        {"nichleson", "nichulson", .926, .956}, {"jones", "johnson", .790, .832},
        {"massey", "massie", .889, .933}, {"abroms", "abrams", .889, .922},
        {"hardin", "martinez", .722, .722}, {"itman", "smith", .467, .467},
        {"jeraldine", "geraldine", .926, .926}, {"marhta", "martha", .944, .961},
        {"michelle", "michael", .869, .921}, {"julies", "julius", .889, .933}, {"tanya", "tonya", .867, .880},
        {"dwayne", "duane", .822, .840}, {"sean", "susan", .783, .805}, {"jon", "john", .917, .933},
        {"dixon", "dicksonx", .767, .813}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct match_text a = text(rows[i].a), b = text(rows[i].b);
        is_near(match_jaro(&a, &b), rows[i].jaro);
        is_near(match_jaro_winkler(&a, &b), rows[i].winkler);
    }
    struct match_text empty = text(""), one = text("a"), other = text("b");
    assert_true(match_jaro(&empty, &empty) == 1.0);
    assert_true(match_jaro(&empty, &one) == 0.0);
    assert_true(match_jaro_winkler(&one, &one) == 1.0);
    assert_true(match_jaro(&one, &other) == 0.0);
}

/* The prefix counts only past 0.7: "ab" and "acdef" have 0.5 and a letter in common. */
static void a_common_beginning_raises_only_what_is_alike(void **state)
{
    struct match_text a = text("abyz"), b = text("acdefg");
    (void)state;
    assert_true(match_jaro(&a, &b) < 0.7);
    assert_true(match_jaro_winkler(&a, &b) == match_jaro(&a, &b));
}

static void edits_are_counted_with_swaps_of_neighbours(void **state)
{
    static const struct {
        const char *a, *b;
        size_t edits;
    } rows[] = {{"kitten", "sitting", 3}, {"ca", "abc", 3}, {"martha", "marhta", 1}, {"", "abc", 3},
        {"abc", "abc", 0}, {"saturday", "sunday", 3}, {"specter", "spectre", 1}, {"a cat", "an abct", 4},
        {"\xc3\xa9t\xc3\xa9", "ete", 2}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct match_text a = text(rows[i].a), b = text(rows[i].b);
        assert_int_equal(match_edits(&a, &b, 10), rows[i].edits);
        assert_int_equal(match_edits(&b, &a, 10), rows[i].edits);
        if (rows[i].edits > 0)
            assert_int_equal(match_edits(&a, &b, rows[i].edits - 1), rows[i].edits);
    }
}

/* The definition, word for word (L. Boytsov, "Indexing methods for approximate dictionary searching", 2011). */
static size_t edits_defined(const char *a, size_t i, const char *b, size_t j)
{
    if (i == 0 || j == 0)
        return i + j;
    size_t least = edits_defined(a, i - 1, b, j - 1) + (a[i - 1] != b[j - 1]);
    size_t other = edits_defined(a, i - 1, b, j) + 1;
    least = other < least ? other : least;
    other = edits_defined(a, i, b, j - 1) + 1;
    least = other < least ? other : least;
    if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        other = edits_defined(a, i - 2, b, j - 2) + 1;
        least = other < least ? other : least;
    }
    return least;
}

static uint64_t draw(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state >> 33;
}

static void word_make(uint64_t *state, char *word)
{
    size_t length = draw(state) % 7;
    for (size_t i = 0; i < length; i++)
        word[i] = (char)('a' + draw(state) % 3);
    word[length] = 0;
}

static void measures_of_any_words_are_symmetric_and_bounded(void **state)
{
    uint64_t seed = 1;
    (void)state;
    for (int round = 0; round < 2000; round++) {
        char x[8], y[8];
        word_make(&seed, x);
        word_make(&seed, y);
        struct match_text a = text(x), b = text(y);
        size_t edits = edits_defined(x, a.length, y, b.length);
        for (size_t most = 0; most < 7; most++)
            assert_int_equal(match_edits(&a, &b, most), edits <= most ? edits : most + 1);
        double jaro = match_jaro(&a, &b), winkler = match_jaro_winkler(&a, &b);
        assert_true(jaro == match_jaro(&b, &a));
        assert_true(winkler == match_jaro_winkler(&b, &a));
        assert_true(jaro >= 0.0 && winkler >= jaro && winkler <= 1.0);
        assert_true((winkler == 1.0) == (edits == 0));
    }
}

static void sounds_have_the_published_codes(void **state)
{
    static const char *const rows[][2] = {{"bishop", "BASAP"}, {"brown sr", "BRANSR"}, {"browne iii", "BRAN"},
        {"browne iv", "BRANAV"}, {"carlson", "CARLSAN"}, {"carr", "CAR"}, {"chapman", "CAPNAN"},
        {"franklin", "FRANCLAN"}, {"greene", "GRAN"}, {"harper", "HARPAR"}, {"jacobs", "JACAB"},
        {"knight", "NAGT"}, {"larson", "LARSAN"}, {"lawrence", "LARANC"}, {"lawson", "LASAN"},
        {"louis xvi", "LASXV"}, {"lynch", "LYNC"}, {"mackenzie", "MCANSY"}, {"matthews", "MAT"},
        {"mccormack", "MCARNAC"}, {"mcdaniel", "MCDANAL"}, {"mcdonald", "MCDANALD"},
        {"mclaughlin", "MCLAGLAN"}, {"mitchell", "MATCAL"}, {"morrison", "MARASAN"}, {"obanion", "OBANAN"},
        {"obrien", "OBRAN"}, {"odaniel", "ODANAL"}, {"richards", "RACARD"}, {"silva", "SALV"},
        {"watkins", "WATCAN"}, {"wheeler", "WALAR"}, {"willis", "WAL"}};
    char code[MATCH_VALUE_BYTES_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t length = match_sound(bytes_from_string(rows[i][0]), code, sizeof code);
        assert_int_equal(length, strlen(rows[i][1]));
        assert_memory_equal(code, rows[i][1], length);
    }
    assert_int_equal(match_sound(bytes_from_string("mcdonald"), code, 3), 3);
    /* no Latin letter: its own code */
    assert_int_equal(match_sound(bytes_from_string("\xd0\xbf\xd1\x91"), code, sizeof code), 4);
    assert_memory_equal(code, "\xd0\xbf\xd1\x91", 4);
}

static bool short_form(const char *a, const char *b)
{
    bool is = match_is_short_form(bytes_from_string(a), bytes_from_string(b));
    assert_true(is == match_is_short_form(bytes_from_string(b), bytes_from_string(a)));
    return is;
}

static void short_forms_of_given_names_are_known(void **state)
{
    (void)state;
    assert_true(short_form("bob", "robert"));
    assert_true(short_form("bill", "william"));
    assert_true(short_form("alexander", "xander"));
    assert_true(short_form("zac", "zachary"));
    assert_true(short_form("peggy", "margaret"));
    assert_false(short_form("bob", "william"));
    assert_false(short_form("rob", "rober")); /* no whole word */
    assert_false(short_form("ert", "robert"));
    assert_false(short_form("emma", "emily"));
    assert_false(short_form("t", "tom"));
    assert_false(short_form("|william", "bill"));
    assert_false(short_form("a name that is longer than the whole of the list could be, at its end", "zac"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jaro_and_winkler_have_the_published_values),
        cmocka_unit_test(a_common_beginning_raises_only_what_is_alike),
        cmocka_unit_test(edits_are_counted_with_swaps_of_neighbours),
        cmocka_unit_test(measures_of_any_words_are_symmetric_and_bounded),
        cmocka_unit_test(sounds_have_the_published_codes),
        cmocka_unit_test(short_forms_of_given_names_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
