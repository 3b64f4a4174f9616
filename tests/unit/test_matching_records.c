/* Records: their normal form and its bytes, the levels that two of them fall into, their blocks and candidates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/matching/levels.h"
#include "store/matching/normal.h"
#include "tests/unit/people.h"

static struct arena arena;

static void normal_is(enum match_kind kind, const char *raw, const char *expected)
{
    struct bytes value = match_normal(kind, bytes_from_string(raw), &arena);
    assert_int_equal(value.length, strlen(expected));
    if (value.length > 0)
        assert_memory_equal(value.data, expected, value.length);
}

static void names_lose_what_is_not_the_name(void **state)
{
    (void)state;
    normal_is(MATCH_GIVEN_NAME,
        "  Jos\xc3\xa9-Mar\xc3\xad"
        "a ",
        "jose maria");
    normal_is(MATCH_SURNAME, "O'Brien", "obrien");
    normal_is(MATCH_SURNAME,
        "Stra\xc3\x9f"
        "e",
        "strasse");
    normal_is(MATCH_SURNAME, "\xc3\x98stergaard", "ostergaard");
    normal_is(MATCH_GIVEN_NAME, "Dr. John", "john");
    normal_is(MATCH_GIVEN_NAME, "Dr", "dr"); /* nothing else there */
    normal_is(MATCH_GIVEN_NAME, "N/A", "");
    normal_is(MATCH_GIVEN_NAME, "UNKNOWN", "");
    normal_is(MATCH_GIVEN_NAME, "?", "");
    normal_is(MATCH_SURNAME, "\xd0\x98\xd0\xb2\xd0\xb0\xd0\xbd\xd0\xbe\xd0\xb2",
        "\xd0\xb8\xd0\xb2\xd0\xb0\xd0\xbd\xd0\xbe\xd0\xb2");
    normal_is(MATCH_FULL_NAME, "Smith, John", "john smith");
    normal_is(MATCH_FULL_NAME, "Thomas Clifford, 1st Baron", "thomas clifford 1st baron");
}

static void dates_are_read_however_they_are_written(void **state)
{
    static const char *const same[] = {"1971-06-24", "19710624", "1971/06/24", "24.06.1971", "24-06-1971",
        "6/24/1971", "24/6/1971", "24 June 1971", "Jun 24, 1971", "1971-06-24T00:00:00Z",
        "1971-06-24 10:11:12", "24.6.71"};
    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        normal_is(MATCH_BIRTH_DATE, same[i], "19710624");
    normal_is(MATCH_BIRTH_DATE, "3/4/1980", "19800304");
    normal_is(MATCH_BIRTH_DATE, "3.4.1980", "19800403");
    normal_is(MATCH_BIRTH_DATE, "1900-01-01", "");
    normal_is(MATCH_BIRTH_DATE, "1899-12-31", "");
    normal_is(MATCH_BIRTH_DATE, "0000-00-00", "");
    normal_is(MATCH_BIRTH_DATE, "19301350", "19301350"); /* a slip: its digits still say something */
    normal_is(MATCH_BIRTH_DATE, "1860", "1860");
    normal_is(MATCH_BIRTH_DATE, "7", "7");
    normal_is(MATCH_BIRTH_DATE, "unknown", "");
    normal_is(MATCH_BIRTH_DATE, "Janissary 3 of many 4 words 5", "345");
}

static void mail_phones_and_codes_are_brought_to_one_form(void **state)
{
    (void)state;
    normal_is(MATCH_EMAIL, " Ada.L+shop@GMail.com ", "adal@gmail.com");
    normal_is(MATCH_EMAIL, "ada.l+x@example.org", "ada.l@example.org");
    normal_is(MATCH_EMAIL, "info@example.org", "");
    normal_is(MATCH_EMAIL, "ada", "");
    normal_is(MATCH_EMAIL, "@example.org", "");
    normal_is(MATCH_EMAIL, "ada@", "");
    normal_is(MATCH_EMAIL, "+tag@example.org", "");
    normal_is(MATCH_PHONE, "+49 (170) 123-4567", "1701234567");
    normal_is(MATCH_PHONE, "0170 1234567", "1701234567");
    normal_is(MATCH_PHONE, "555-555-5555", "");
    normal_is(MATCH_PHONE, "12345", "");
    normal_is(MATCH_PHONE, "702-919-1300 ext 12", "7029191300");
    normal_is(MATCH_POSTCODE, "SW1A 1AA", "sw1a1aa");
    normal_is(MATCH_POSTCODE, "12345-6789", "12345");
    normal_is(MATCH_POSTCODE, "00000", "");
    normal_is(MATCH_STREET, "5 Main St.", "5 main street");
    normal_is(MATCH_NATIONAL_ID, "123-45-6788", "123456788");
    normal_is(MATCH_NATIONAL_ID, "999999999", "");
    normal_is(MATCH_CATEGORY, "Female", "f");
    normal_is(MATCH_HOUSE_NUMBER, "12 B", "12b");
}

static void what_is_too_long_is_cut_at_a_character(void **state)
{
    char raw[2000];
    (void)state;
    for (size_t i = 0; i < sizeof raw; i += 2)
        memcpy(raw + i, "\xd0\xb2", 2);
    struct bytes value = match_normal(MATCH_TEXT, bytes_of(raw, sizeof raw - 1), &arena);
    assert_true(value.length > MATCH_VALUE_BYTES_MAX - 4 && value.length <= MATCH_VALUE_BYTES_MAX);
    assert_true(bytes_are_utf8(value));
}

/* --- records ----------------------------------------------------------------------------------------------------- */

static const enum match_kind named[] = {MATCH_FULL_NAME, MATCH_GIVEN_NAME, MATCH_SURNAME, MATCH_EMAIL};

static void a_full_name_and_its_parts_follow_from_each_other(void **state)
{
    struct people people;
    static const char *const whole[] = {"Ada King Lovelace", NULL, NULL, NULL}, *const parts[] = {
                                                                                    NULL, "Ada", "King", ""};
    (void)state;
    people_init(&people, named, 4);
    people_add(&people, whole, 1);
    people_add(&people, parts, 1);
    assert_true(bytes_is(people.records[0].values[1], "ada"));
    assert_true(bytes_is(people.records[0].values[2], "lovelace"));
    assert_true(bytes_is(people.records[1].values[0], "ada king"));
    people_clear(&people);
}

static void a_record_is_read_back_as_it_was_written(void **state)
{
    struct people people;
    struct encoder to = {0};
    struct match_record record;
    struct error error;
    static const char *const texts[] = {NULL, "Ada", "Lovelace", "ada@example.org"};
    (void)state;
    people_init(&people, named, 4);
    people_add(&people, texts, 1);
    match_record_encode(&people.plan, &people.records[0], &to);
    assert_int_equal(
        match_record_decode(&people.plan, encoder_borrow(&to), &arena, &record, &error), PATRON_OK);
    for (size_t i = 0; i < 4; i++)
        assert_true(bytes_equal(record.values[i], people.records[0].values[i]));
    for (size_t length = 0; length < to.length; length++)
        assert_int_equal(
            match_record_decode(&people.plan, bytes_of(to.data, length), &arena, &record, &error),
            PATRON_CORRUPT);
    to.data[1]++; /* another version of the normalisation */
    assert_int_equal(
        match_record_decode(&people.plan, encoder_borrow(&to), &arena, &record, &error), PATRON_PRECONDITION);
    to.data[1]--;
    people.columns[3].kind = MATCH_TEXT;
    assert_int_equal(
        match_record_decode(&people.plan, encoder_borrow(&to), &arena, &record, &error), PATRON_PRECONDITION);
    encoder_clear(&to);
    people_clear(&people);
}

/* --- levels ------------------------------------------------------------------------------------------------------ */

static void level_is(enum match_kind kind, const char *a, const char *b, const char *name)
{
    struct people people;
    uint8_t levels[MATCH_COMPARISONS_MAX], mirrored[MATCH_COMPARISONS_MAX];
    people_init(&people, &kind, 1);
    people_add(&people, &a, 1);
    people_add(&people, &b, 2);
    match_compare(&people.plan, &people.records[0], &people.records[1], levels);
    match_compare(&people.plan, &people.records[1], &people.records[0], mirrored);
    assert_int_equal(levels[0], mirrored[0]);
    if (!name) {
        assert_int_equal(levels[0], MATCH_UNKNOWN);
    } else {
        if (strcmp(match_level_name(kind, levels[0]), name) != 0)
            print_message("%s and %s\n", a, b);
        assert_string_equal(match_level_name(kind, levels[0]), name);
    }
    people_clear(&people);
}

static void values_fall_into_the_levels_of_their_kind(void **state)
{
    static const struct {
        enum match_kind kind;
        const char *a, *b, *level;
    } rows[] = {
        {MATCH_GIVEN_NAME, "Ada", "ADA", "exact"},
        {MATCH_GIVEN_NAME, "martha", "marhta", "close"},
        {MATCH_GIVEN_NAME, "bob", "robert", "similar"},
        {MATCH_GIVEN_NAME, "j", "james", "similar"},
        {MATCH_GIVEN_NAME, "mary ann", "mary", "similar"},
        {MATCH_GIVEN_NAME, "jennifer", "jenifor", "similar"},
        {MATCH_GIVEN_NAME, "james", "john", "else"}, /* though they sound the same to the code */
        {MATCH_GIVEN_NAME, "daniel", "david", "loose"},
        {MATCH_GIVEN_NAME, "emma", "emily", "else"},
        {MATCH_GIVEN_NAME, "emma", "", NULL},
        {MATCH_SURNAME, "smith jones", "jones", "similar"},
        {MATCH_SURNAME, "phillips", "filips", "similar"},
        {MATCH_SURNAME, "smith", "jones", "else"},
        {MATCH_FULL_NAME, "john smith", "smith john", "same_words"},
        {MATCH_FULL_NAME, "john smith", "john q smith", "contained"},
        {MATCH_FULL_NAME, "j smith", "john smyth", "contained"},
        {MATCH_FULL_NAME, "john paul smith", "john paul jones", "most"},
        {MATCH_FULL_NAME, "john smith", "mary smith", "some"},
        {MATCH_FULL_NAME, "john smith", "mary jones", "else"},
        {MATCH_BIRTH_DATE, "1971-06-24", "24.06.1971", "exact"},
        {MATCH_BIRTH_DATE, "1971-06-24", "1981-06-24", "slip"},
        {MATCH_BIRTH_DATE, "1971-03-04", "1971-04-03", "slip"},
        {MATCH_BIRTH_DATE, "1971-06-24", "1971-06-01", "near"},
        {MATCH_BIRTH_DATE, "1971-06-24", "1971-07-05", "near"},
        {MATCH_BIRTH_DATE, "1971-06-24", "1971-01-01", "within_year"},
        {MATCH_BIRTH_DATE, "1971-06-24", "1971", "within_year"},
        {MATCH_BIRTH_DATE, "1971-06-24", "1978-01-01", "within_decade"},
        {MATCH_BIRTH_DATE, "1971-06-24", "1999-01-01", "else"},
        {MATCH_BIRTH_DATE, "1971", "1972", "within_year"},
        {MATCH_BIRTH_DATE, "1931", "1991", "within_decade"},
        {MATCH_BIRTH_DATE, "7", "8", "else"},
        {MATCH_EMAIL, "ada@a.org", "ada@b.org", "same_mailbox"},
        {MATCH_EMAIL, "ada.lovelace@a.org", "ada.lovelcae@a.org", "close"},
        {MATCH_EMAIL, "lovelace@a.org", "lovelacs@zebra.com", "similar_mailbox"},
        {MATCH_EMAIL, "ada@a.org", "bob@zebra.com", "else"},
        {MATCH_PHONE, "+49 170 1234567", "0170 1234567", "exact"},
        {MATCH_PHONE, "170 1234567", "171 1234567", "slip"},
        {MATCH_PHONE, "170 1234567", "171 7654321", "else"},
        {MATCH_POSTCODE, "SW1A 1AA", "SW1A1AB", "slip"},
        {MATCH_POSTCODE, "SW1A 1AA", "SW1A 2ZZ", "district"},
        {MATCH_POSTCODE, "SW1A 1AA", "SW9 8XY", "area"},
        {MATCH_POSTCODE, "SW1A 1AA", "M1 8XY", "else"},
        {MATCH_POSTCODE, "12345", "12399", "district"},
        {MATCH_STREET, "5 Main St", "5 main street", "exact"},
        {MATCH_STREET, "5 Main St", "Main Street", "same_words"},
        {MATCH_STREET, "Main Street", "Oak Avenue", "else"},
        {MATCH_HOUSE_NUMBER, "12", "12b", "slip"},
        {MATCH_HOUSE_NUMBER, "1", "2", "else"},
        {MATCH_NATIONAL_ID, "1234567", "1234576", "slip"},
        {MATCH_NATIONAL_ID, "1234567", "1234065", "near"},
        {MATCH_NATIONAL_ID, "1234567", "7654321", "else"},
        {MATCH_CATEGORY, "male", "M", "exact"},
        {MATCH_CATEGORY, "male", "f", "else"},
        {MATCH_PLACE, "London", "lodnon", "close"},
        {MATCH_PLACE, "London", "London Town", "similar"},
        {MATCH_TEXT, "abacus", "violin", "else"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        level_is(rows[i].kind, rows[i].a, rows[i].b, rows[i].level);
}

static void names_that_changed_places_are_seen(void **state)
{
    struct people people;
    uint8_t levels[MATCH_COMPARISONS_MAX];
    static const char *const one[] = {NULL, "Robert", "Allen", NULL}, *const other[] = {
                                                                          NULL, "Allen", "Robbert", NULL};
    (void)state;
    people_init(&people, named, 4);
    people_add(&people, one, 1);
    people_add(&people, other, 1);
    match_compare(&people.plan, &people.records[0], &people.records[1], levels);
    assert_int_equal(levels[0], MATCH_UNKNOWN); /* the parts are known: the whole says nothing more */
    assert_int_equal(levels[1], GIVEN_SWAPPED);
    assert_int_equal(levels[2], MATCH_UNKNOWN);
    match_compare(&people.plan, &people.records[0], &people.records[0], levels);
    assert_int_equal(levels[1], GIVEN_EXACT);
    people_clear(&people);
}

/* --- blocks and candidates --------------------------------------------------------------------------------------- */

static const uint8_t secret[MATCH_SECRET_BYTES] = "another thirty-two bytes, secret";

static void records_share_the_blocks_whose_parts_they_agree_on(void **state)
{
    static const enum match_kind kinds[] = {MATCH_SURNAME, MATCH_BIRTH_DATE};
    static const struct match_block blocks[] = {{{{0, MATCH_PART_SOUND, 0}, {1, MATCH_PART_PREFIX, 4}}, 2},
        {{{0, MATCH_PART_PREFIX, 3}}, 1}, {{{1, MATCH_PART_WHOLE, 0}}, 1}};
    static const char *const texts[][2] = {
        {"Phillips", "1971-06-24"}, {"Filips", "1971-01-02"}, {"Philby", NULL}};
    struct people people;
    struct match_key keys[3][MATCH_BLOCKS_MAX];
    (void)state;
    people_init(&people, kinds, 2);
    people.rules.blocks = blocks;
    people.rules.block_count = 3;
    match_plan_init(&people.plan, &people.rules);
    assert_false(people.plan.blocks_made);
    for (size_t i = 0; i < 3; i++)
        people_add(&people, texts[i], 1);
    assert_int_equal(match_block_keys(&people.plan, &people.records[0], secret, keys[0]), 3);
    assert_int_equal(match_block_keys(&people.plan, &people.records[1], secret, keys[1]), 3);
    assert_int_equal(match_block_keys(&people.plan, &people.records[2], secret, keys[2]), 1);
    assert_memory_equal(keys[0][0].hash, keys[1][0].hash, MATCH_KEY_BYTES);
    assert_memory_not_equal(keys[0][1].hash, keys[1][1].hash, MATCH_KEY_BYTES);
    assert_memory_not_equal(keys[0][2].hash, keys[1][2].hash, MATCH_KEY_BYTES);
    assert_int_equal(keys[2][0].rule, 1);
    assert_memory_equal(keys[0][1].hash, keys[2][0].hash, MATCH_KEY_BYTES);
    uint8_t other[MATCH_SECRET_BYTES] = {1};
    match_block_keys(&people.plan, &people.records[1], other, keys[1]);
    assert_memory_not_equal(keys[0][0].hash, keys[1][0].hash, MATCH_KEY_BYTES);
    /* A rule that stays keeps its blocks. */
    people.rules.blocks = blocks + 1;
    people.rules.block_count = 2;
    match_plan_init(&people.plan, &people.rules);
    match_block_keys(&people.plan, &people.records[0], secret, keys[1]);
    assert_memory_equal(keys[0][1].hash, keys[1][0].hash, MATCH_KEY_BYTES);
    people_clear(&people);
}

static void blocks_are_made_from_the_kinds_where_none_are_written(void **state)
{
    static const enum match_kind kinds[] = {
        MATCH_GIVEN_NAME, MATCH_EMAIL, MATCH_BIRTH_DATE, MATCH_BIRTH_DATE, MATCH_BIRTH_DATE, MATCH_EMAIL};
    struct people people;
    size_t mails = 0, dates = 0;
    (void)state;
    people_init(&people, kinds, 6);
    assert_true(people.plan.blocks_made);
    for (size_t i = 0; i < people.plan.block_count; i++) {
        const struct match_block *block = &people.plan.blocks[i];
        enum match_kind kind = kinds[block->parts[0].column];
        mails += kind == MATCH_EMAIL && block->parts[0].form == MATCH_PART_WHOLE;
        dates += kind == MATCH_BIRTH_DATE && block->part_count == 3; /* year, month and day */
        for (size_t k = 0; k < block->part_count; k++)
            assert_true(block->parts[k].column < 6);
    }
    assert_int_equal(mails, 2);
    assert_int_equal(dates, 1);
    people_clear(&people);
}

static void candidates_are_ranked_by_shared_blocks_then_the_smallest(void **state)
{
    struct match_sighting sightings[] = {{9, 10}, {4, 50}, {7, 3}, {4, 20}, {8, 3}, {5, 20}, {5, 60}};
    struct match_candidate candidates[MATCH_CANDIDATES_MAX];
    size_t found;
    (void)state;
    assert_int_equal(match_candidates_rank(sightings, 7, candidates, &found), 5);
    assert_int_equal(found, 5);
    static const uint64_t expected[] = {4, 5, 7, 8, 9};
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(candidates[i].record, expected[i]);
    assert_int_equal(candidates[0].shared, 2);
    assert_int_equal(candidates[0].smallest, 20);
    assert_int_equal(match_candidates_rank(NULL, 0, candidates, NULL), 0);
}

static void no_more_candidates_are_kept_than_are_scored(void **state)
{
    struct match_sighting sightings[200];
    struct match_candidate candidates[MATCH_CANDIDATES_MAX];
    size_t found;
    (void)state;
    for (size_t i = 0; i < 200; i++)
        sightings[i] = (struct match_sighting){i, (uint32_t)(300 - i)};
    assert_int_equal(match_candidates_rank(sightings, 200, candidates, &found), MATCH_CANDIDATES_MAX);
    assert_int_equal(found, 200);
    for (size_t i = 0; i < MATCH_CANDIDATES_MAX; i++)
        assert_int_equal(candidates[i].record, 199 - i);
}

static int arena_drop(void **state)
{
    (void)state;
    arena_clear(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lose_what_is_not_the_name),
        cmocka_unit_test(dates_are_read_however_they_are_written),
        cmocka_unit_test(mail_phones_and_codes_are_brought_to_one_form),
        cmocka_unit_test(what_is_too_long_is_cut_at_a_character),
        cmocka_unit_test(a_full_name_and_its_parts_follow_from_each_other),
        cmocka_unit_test(a_record_is_read_back_as_it_was_written),
        cmocka_unit_test(values_fall_into_the_levels_of_their_kind),
        cmocka_unit_test(names_that_changed_places_are_seen),
        cmocka_unit_test(records_share_the_blocks_whose_parts_they_agree_on),
        cmocka_unit_test(blocks_are_made_from_the_kinds_where_none_are_written),
        cmocka_unit_test(candidates_are_ranked_by_shared_blocks_then_the_smallest),
        cmocka_unit_test(no_more_candidates_are_kept_than_are_scored),
    };
    return cmocka_run_group_tests(tests, NULL, arena_drop);
}
