/* Accumulators: the laws of a commutative monoid on random states, and decoders that take what encoders make. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "store/features/distinct.h"
#include "store/features/top.h"
#include "tests/property/dice.h"
#include "tests/unit/golden.h"

#define NOON INT64_C(1700000000000000)

enum {
    ATTRIBUTE_OF_MONEY,
    ATTRIBUTE_OF_NUMBER,
    ATTRIBUTE_OF_INTEGER,
    ATTRIBUTE_OF_BOOL,
    ATTRIBUTE_OF_TEXT,
    ATTRIBUTES
};
enum { EVENTS_MAX = 24, ROUNDS = 4000 };

/* The event's day is a function of its time, as it is where accumulators are used. */
static int64_t day_of(const struct event *event)
{
    return (event->time_us - NOON) / MICROSECONDS_PER_HOUR;
}

static int128 number_of(struct dice *dice)
{
    static const int64_t ends[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1 << 20};
    return dice_chance(dice, 50) ? ends[dice_below(dice, 6)] : dice_between(dice, -50, 50);
}

/* An event with some of the attributes, from small pools, so that values, times and days meet. */
static struct event event_random(struct dice *dice, uint64_t number, struct arena *arena)
{
    static const char *const texts[] = {"", "web", "shop", "a longer text than the others", "web "};
    struct event event = {.time_us = NOON + dice_between(dice, 0, 3) * MICROSECONDS_PER_HOUR, .known_at_us = NOON};
    encode_be64(event.hash, dice_below(dice, 4)); /* the rest tells every two events apart */
    encode_be64(event.hash + 8, number);
    struct encoder to = {0};
    for (uint16_t i = 0; i < ATTRIBUTES; i++) {
        struct scalar value = {.type = (enum attribute_type)(i + 1)};
        if (dice_chance(dice, 25))
            continue;
        if (i == ATTRIBUTE_OF_TEXT)
            value.text = bytes_from_string(texts[dice_below(dice, 5)]);
        else if (i == ATTRIBUTE_OF_BOOL)
            value.number = dice_chance(dice, 50);
        else
            value.number = number_of(dice);
        event_attribute_encode(i, &value, &to);
    }
    event.attributes = arena_copy(arena, encoder_borrow(&to));
    encoder_clear(&to);
    return event;
}

/* One of a list, a range open at either end, or one value alone. */
static struct filter filter_random(struct dice *dice)
{
    static const struct scalar yes = {.type = ATTRIBUTE_BOOL, .number = 1};
    static const struct scalar numbers[] = {{.type = ATTRIBUTE_INTEGER, .number = -50},
        {.type = ATTRIBUTE_INTEGER, .number = -1}, {.type = ATTRIBUTE_INTEGER, .number = 0},
        {.type = ATTRIBUTE_INTEGER, .number = 1}, {.type = ATTRIBUTE_INTEGER, .number = 30}};
    static const struct filter filters[] = {
        {.attribute = ATTRIBUTE_OF_BOOL, .values = &yes, .value_count = 1},
        {.attribute = ATTRIBUTE_OF_INTEGER, .values = numbers, .value_count = 5},
        {.attribute = ATTRIBUTE_OF_MONEY, .has_low = true, .low = {.type = ATTRIBUTE_MONEY, .number = 0}},
        {.attribute = ATTRIBUTE_OF_MONEY, .has_low = true, .low_open = true, .has_high = true, .high_open = true,
            .low = {.type = ATTRIBUTE_MONEY, .number = -20}, .high = {.type = ATTRIBUTE_MONEY, .number = 1}},
    };
    return filters[dice_below(dice, 4)];
}

static struct aggregate aggregate_random(struct dice *dice, struct filter *filters)
{
    struct aggregate aggregate = {
        .kind = (enum accumulator_kind)(1 + dice_below(dice, ACCUMULATOR_KINDS - 1)), .by_attribute = -1};
    switch (aggregate.kind) {
    case ACCUMULATE_COUNT:
        aggregate.attribute = -1;
        break;
    case ACCUMULATE_RATIO:
        aggregate.attribute = -1;
        filters[1] = filter_random(dice);
        aggregate.matching = &filters[1];
        aggregate.matching_count = 1;
        break;
    case ACCUMULATE_TOP:
        aggregate.by_attribute = (int32_t)dice_below(dice, ATTRIBUTE_OF_TEXT) - 1;
        aggregate.attribute = (int32_t)dice_below(dice, ATTRIBUTES);
        break;
    case ACCUMULATE_FIRST:
    case ACCUMULATE_LAST:
    case ACCUMULATE_DAYS:
        aggregate.attribute = (int32_t)dice_below(dice, ATTRIBUTES + 1) - 1;
        break;
    case ACCUMULATE_DISTINCT:
        aggregate.attribute = (int32_t)dice_below(dice, ATTRIBUTES);
        break;
    default:
        aggregate.attribute = (int32_t)dice_below(dice, ATTRIBUTE_OF_TEXT);
    }
    if (dice_chance(dice, 30)) {
        filters[0] = filter_random(dice);
        aggregate.filters = &filters[0];
        aggregate.filter_count = 1;
    }
    return aggregate;
}

struct history {
    struct arena arena;
    struct aggregate aggregate;
    struct filter filters[2];
    struct event events[EVENTS_MAX];
    size_t count;
};

static void history_random(struct dice *dice, struct history *history)
{
    arena_reset(&history->arena);
    history->aggregate = aggregate_random(dice, history->filters);
    history->count = dice_below(dice, EVENTS_MAX + 1);
    for (size_t i = 0; i < history->count; i++)
        history->events[i] = event_random(dice, i, &history->arena);
}

/* Always new: states that were merged share memory. */
static struct accumulator state_of(struct history *history, size_t from, size_t to)
{
    struct accumulator state = {0};
    for (size_t i = from; i < to; i++)
        accumulator_add(&state, &history->aggregate, &history->events[i], day_of(&history->events[i]), &history->arena);
    return state;
}

static struct accumulator merged(struct history *history, struct accumulator a, struct accumulator b)
{
    accumulator_merge(&a, &b, history->aggregate.kind, &history->arena);
    return a;
}

static struct bytes encoded(struct history *history, const struct accumulator *state)
{
    struct encoder to = {0};
    accumulator_encode(state, history->aggregate.kind, &to);
    struct bytes bytes = arena_copy(&history->arena, encoder_borrow(&to));
    encoder_clear(&to);
    return bytes;
}

static void assert_same(struct history *history, struct accumulator a, struct accumulator b)
{
    if (!bytes_equal(encoded(history, &a), encoded(history, &b)))
        fail_msg("two states of kind %d differ", history->aggregate.kind);
}

static void merging_is_associative_and_commutative_and_the_empty_state_changes_nothing(void **state)
{
    (void)state;
    struct history history = {0};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct dice dice = dice_of(1, round);
        history_random(&dice, &history);
        size_t i = dice_below(&dice, history.count + 1), j = dice_below(&dice, history.count + 1);
        size_t first = i < j ? i : j, second = i < j ? j : i, end = history.count;
#define A state_of(&history, 0, first)
#define B state_of(&history, first, second)
#define C state_of(&history, second, end)
        struct history *h = &history;
        assert_same(h, merged(h, A, merged(h, B, C)), merged(h, merged(h, A, B), C));
        assert_same(h, merged(h, A, B), merged(h, B, A));
        assert_same(h, merged(h, A, (struct accumulator){0}), A);
        assert_same(h, merged(h, (struct accumulator){0}, A), A);
        assert_same(h, merged(h, merged(h, C, A), B), state_of(h, 0, end)); /* and adding is merging */
#undef A
#undef B
#undef C
    }
    arena_clear(&history.arena);
}

static void one_set_of_events_has_one_encoding_whatever_the_order(void **state)
{
    (void)state;
    struct history history = {0};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct dice dice = dice_of(2, round);
        history_random(&dice, &history);
        struct accumulator whole = state_of(&history, 0, history.count);
        struct bytes wanted = encoded(&history, &whole);
        for (int shuffle = 0; shuffle < 3; shuffle++) {
            for (size_t i = history.count; i > 1; i--) {
                size_t other = dice_below(&dice, i);
                struct event kept = history.events[i - 1];
                history.events[i - 1] = history.events[other];
                history.events[other] = kept;
            }
            struct accumulator again = state_of(&history, 0, history.count);
            assert_true(bytes_equal(encoded(&history, &again), wanted));
        }
    }
    arena_clear(&history.arena);
}

static bool decodes(enum accumulator_kind kind, struct bytes bytes, struct accumulator *made, struct arena *arena)
{
    struct decoder from = decoder_of(bytes);
    accumulator_decode(made, kind, &from, arena);
    return decoder_done(&from);
}

static void a_state_comes_back_as_it_was_and_no_beginning_of_it_does(void **state)
{
    (void)state;
    struct history history = {0};
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct dice dice = dice_of(3, round);
        history_random(&dice, &history);
        struct accumulator whole = state_of(&history, 0, history.count), back;
        struct bytes bytes = encoded(&history, &whole);
        assert_true(decodes(history.aggregate.kind, bytes, &back, &history.arena));
        assert_true(bytes_equal(encoded(&history, &back), bytes));
        for (size_t cut = 0; cut < bytes.length; cut++)
            assert_false(decodes(history.aggregate.kind, bytes_of(bytes.data, cut), &back, &history.arena));
        /* what was decoded can be added to */
        struct event more = event_random(&dice, EVENTS_MAX, &history.arena);
        assert_true(decodes(history.aggregate.kind, bytes, &back, &history.arena));
        accumulator_add(&back, &history.aggregate, &more, day_of(&more), &history.arena);
        accumulator_add(&whole, &history.aggregate, &more, day_of(&more), &history.arena);
        assert_same(&history, back, whole);
    }
    arena_clear(&history.arena);
}

/* Whatever a decoder takes encodes to the same bytes: nothing is read in two ways. */
static void a_decoder_takes_only_what_an_encoder_makes(void **state)
{
    (void)state;
    struct history history = {0};
    size_t taken = 0, refused = 0;
    for (uint64_t round = 0; round < 10 * ROUNDS; round++) {
        struct dice dice = dice_of(4, round);
        history_random(&dice, &history);
        struct accumulator whole = state_of(&history, 0, history.count), back;
        struct bytes bytes = encoded(&history, &whole);
        uint8_t *changed = (uint8_t *)arena_copy(&history.arena, bytes).data;
        changed[dice_below(&dice, bytes.length)] ^= (uint8_t)(1 << dice_below(&dice, 8));
        struct decoder from = decoder_of(bytes_of(changed, bytes.length));
        accumulator_decode(&back, history.aggregate.kind, &from, &history.arena);
        refused += from.bad;
        taken += !from.bad;
        if (from.bad)
            continue;
        struct bytes read = bytes_of(changed, (size_t)(from.at - changed));
        if (!bytes_equal(encoded(&history, &back), read))
            fail_msg("kind %d: bytes that no encoder makes were taken", history.aggregate.kind);
    }
    assert_true(taken > 1000 && refused > 1000);
    arena_clear(&history.arena);
}

static void damaged_states_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum accumulator_kind kind;
        const char *bytes;
    } cases[] = {
        {ACCUMULATE_COUNT, "8000"},
        {ACCUMULATE_COUNT, "80808080808080808080 01"},
        {ACCUMULATE_SUM, "01"},
        {ACCUMULATE_MIN, "02 00"},
        {ACCUMULATE_MAX, "01"},
        {ACCUMULATE_FIRST, "02"},
        {ACCUMULATE_FIRST, "01 00 00000000000000000000000000000000 06 00"},                  /* no such kind */
        {ACCUMULATE_FIRST, "01 00 00000000000000000000000000000000 00 02"},                  /* none, and yet 1 */
        {ACCUMULATE_LAST, "01 00 00000000000000000000000000000000 04 04"},                   /* a bool of 2 */
        {ACCUMULATE_LAST, "01 00 00000000000000000000000000000000 01 80808080808080808004"}, /* money of 2^64 */
        {ACCUMULATE_LAST, "01 ffffffffffffffffff01 00000000000000000000000000000000 00 00"}, /* no event's time */
        {ACCUMULATE_DISTINCT, "01 00000000000000"},
        {ACCUMULATE_DISTINCT, "02 0000000000000002 0000000000000001"}, /* out of order */
        {ACCUMULATE_DISTINCT, "02 0000000000000001 0000000000000001"}, /* twice */
        {ACCUMULATE_DISTINCT, "8220"},                                 /* 4,098 */
        {ACCUMULATE_DISTINCT, "8120"},                                 /* and no registers */
        {ACCUMULATE_DISTINCT, "ffffffffffffffffff01"},
        {ACCUMULATE_DAYS, "01 02 00 02"},            /* a day of no events */
        {ACCUMULATE_DAYS, "02 02 01 02 00 01 02"},   /* a day twice */
        {ACCUMULATE_DAYS, "02 02 01 02"},
        {ACCUMULATE_DAYS, "01 8080808020 01 02"},    /* day 2^32 */
        {ACCUMULATE_DAYS, "02 feffffff0f 01 02 01 01 02"}, /* day 2^31 - 1 and one more */
        {ACCUMULATE_DAYS, "ffffffffffffffffff01 02 01 02"},
        {ACCUMULATE_SQUARES, "01"},
        {ACCUMULATE_SQUARES, "01 02"},
        {ACCUMULATE_SQUARES, "01 02 8100"}, /* not the shortest form */
        {ACCUMULATE_SQUARES, "01 02 80808080808080808080 80808080808080808080 80808080808080808080 808080808080 10"},
        {ACCUMULATE_SQUARES, "01 02 80808080808080808080 80808080808080808080 80808080808080808080 80808080808080 01"},
        {ACCUMULATE_RATIO, "01"},
        {ACCUMULATE_RATIO, "01 02"},                   /* two of one */
        {ACCUMULATE_TOP, "8208"},                      /* 1,026 */
        {ACCUMULATE_TOP, "02 01 02 01 00"},            /* one of two */
        {ACCUMULATE_TOP, "01 01 02 00 00"},            /* a value that never came */
        {ACCUMULATE_TOP, "01 06 02 01 00"},            /* no such kind */
        {ACCUMULATE_TOP, "02 01 02 01 00 01 02 01 00"}, /* twice */
        {ACCUMULATE_TOP, "02 01 04 01 00 01 02 01 00"}, /* out of order */
        {ACCUMULATE_TOP, "02 05 01 62 01 00 05 01 61 01 00"},
    };
    struct arena arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct accumulator made;
        if (decodes(cases[i].kind, golden(cases[i].bytes, &arena), &made, &arena))
            fail_msg("%s was taken", cases[i].bytes);
    }
    arena_clear(&arena);
}

static void states_are_stored_in_these_bytes(void **state)
{
    (void)state;
    static const struct scalar two = {.type = ATTRIBUTE_MONEY, .number = 2};
    static const struct filter of_two = {.attribute = ATTRIBUTE_OF_MONEY, .values = &two, .value_count = 1};
    static const struct {
        enum accumulator_kind kind;
        int32_t attribute;
        const char *bytes;
    } cases[] = {
        {ACCUMULATE_COUNT, -1, "02"},
        {ACCUMULATE_SUM, ATTRIBUTE_OF_MONEY, "02 05"},
        {ACCUMULATE_MIN, ATTRIBUTE_OF_MONEY, "01 09"},
        {ACCUMULATE_MAX, ATTRIBUTE_OF_MONEY, "01 04"},
        {ACCUMULATE_FIRST, -1, "01 8080f28183898506 07000000000000000000000000000000 00 00"},
        {ACCUMULATE_FIRST, ATTRIBUTE_OF_MONEY, "01 8080f28183898506 07000000000000000000000000000000 01 04"},
        {ACCUMULATE_LAST, ATTRIBUTE_OF_TEXT, "01 80908feb9d898506 07000000000000000000000000000001 05 03 776562"},
        {ACCUMULATE_DISTINCT, ATTRIBUTE_OF_TEXT, "01 3332092fa718f768"},
        {ACCUMULATE_DAYS, ATTRIBUTE_OF_MONEY, "02 00 01 04 01 01 09"},
        {ACCUMULATE_DAYS, -1, "02 00 01 00 01 01 00"},
        {ACCUMULATE_SQUARES, ATTRIBUTE_OF_MONEY, "02 05 1d"},
        {ACCUMULATE_RATIO, -1, "02 01"},
        {ACCUMULATE_TOP, ATTRIBUTE_OF_MONEY, "02 01 09 01 00 01 04 01 00"},
        {ACCUMULATE_TOP, ATTRIBUTE_OF_TEXT, "01 05 03 776562 02 00"},
        {ACCUMULATE_TOP, ATTRIBUTE_OF_TEXT, "01 05 03 776562 02 05"}, /* the last one by money */
    };
    struct history history = {.count = 2};
    for (size_t i = 0; i < 2; i++) {
        struct event *event = &history.events[i];
        *event = (struct event){.time_us = NOON + (int64_t)i * MICROSECONDS_PER_HOUR, .hash = {7}};
        event->hash[15] = (uint8_t)i;
        struct encoder to = {0};
        event_attribute_encode(
            ATTRIBUTE_OF_MONEY, &(struct scalar){.type = ATTRIBUTE_MONEY, .number = i ? -5 : 2}, &to);
        event_attribute_encode(
            ATTRIBUTE_OF_TEXT, &(struct scalar){.type = ATTRIBUTE_TEXT, .text = bytes_from_string("web")}, &to);
        event->attributes = arena_copy(&history.arena, encoder_borrow(&to));
        encoder_clear(&to);
    }
    const size_t case_count = sizeof cases / sizeof cases[0];
    for (size_t i = 0; i < case_count; i++) {
        history.aggregate = (struct aggregate){.kind = cases[i].kind, .attribute = cases[i].attribute,
            .by_attribute = i + 1 == case_count ? ATTRIBUTE_OF_MONEY : -1, .matching = &of_two, .matching_count = 1};
        struct accumulator both = state_of(&history, 0, 2), none = {0};
        assert_golden(encoded(&history, &both), cases[i].bytes);
        assert_golden(encoded(&history, &none), "00");
    }
    arena_clear(&history.arena);
}

/* --- sets --------------------------------------------------------------------------------------------------------- */

static struct event event_of_text(const char *text, struct arena *arena)
{
    struct event event = {.time_us = NOON};
    struct encoder to = {0};
    event_attribute_encode(0, &(struct scalar){.type = ATTRIBUTE_TEXT, .text = bytes_from_string(text)}, &to);
    event.attributes = arena_copy(arena, encoder_borrow(&to));
    encoder_clear(&to);
    return event;
}

static struct accumulator set_of(size_t from, size_t to, struct arena *arena)
{
    static const struct aggregate distinct = {.kind = ACCUMULATE_DISTINCT, .attribute = 0, .by_attribute = -1};
    struct accumulator set = {0};
    for (size_t i = from; i < to; i++) {
        char text[32];
        snprintf(text, sizeof text, "value %zu", i);
        struct event event = event_of_text(text, arena);
        accumulator_add(&set, &distinct, &event, 0, arena);
        accumulator_add(&set, &distinct, &event, 0, arena);
    }
    return set;
}

static struct bytes set_encoded(const struct accumulator *set, struct arena *arena)
{
    struct encoder to = {0};
    accumulator_encode(set, ACCUMULATE_DISTINCT, &to);
    struct bytes bytes = arena_copy(arena, encoder_borrow(&to));
    encoder_clear(&to);
    return bytes;
}

static void a_set_is_exact_up_to_its_bound(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct accumulator full = set_of(0, DISTINCT_VALUES_MAX, &arena);
    assert_int_equal(full.count, DISTINCT_VALUES_MAX);
    struct accumulator again = set_of(0, DISTINCT_VALUES_MAX, &arena);
    accumulator_merge(&full, &again, ACCUMULATE_DISTINCT, &arena);
    assert_int_equal(full.count, DISTINCT_VALUES_MAX);
    assert_null(full.set.registers);
    assert_int_equal(set_encoded(&full, &arena).length, 2 + 8 * DISTINCT_VALUES_MAX);
    arena_clear(&arena);
}

static uint64_t hash_of(size_t i)
{
    char text[32];
    snprintf(text, sizeof text, "value %zu", i);
    return distinct_hash(&(struct scalar){.type = ATTRIBUTE_TEXT, .text = bytes_from_string(text)});
}

/* Past the bound a set is its registers, as they are defined: for each hash, bit by bit. */
static void past_its_bound_a_set_is_its_registers_however_it_grew(void **state)
{
    (void)state;
    struct arena arena = {0};
    enum { VALUES = DISTINCT_VALUES_MAX + 1 };
    uint8_t registers[DISTINCT_REGISTERS] = {0};
    for (size_t i = 0; i < VALUES; i++) {
        uint64_t hash = hash_of(i);
        int rank = 1;
        while (rank <= 50 && !(hash >> (50 - rank) & 1))
            rank++;
        if (registers[hash >> 50] < rank)
            registers[hash >> 50] = (uint8_t)rank;
    }
    struct accumulator whole = set_of(0, VALUES, &arena);
    struct bytes wanted = set_encoded(&whole, &arena);
    assert_true(whole.count == VALUES && wanted.length == 2 + DISTINCT_REGISTERS / 4 * 3);
    assert_memory_equal(whole.set.registers, registers, sizeof registers);
    for (size_t i = 0; i < DISTINCT_REGISTERS; i++) { /* six bits each, from the lowest */
        unsigned bits = 0;
        for (size_t bit = 0; bit < 6; bit++)
            bits |= (wanted.data[2 + (6 * i + bit) / 8] >> (6 * i + bit) % 8 & 1u) << bit;
        assert_int_equal(bits, registers[i]);
    }
    const size_t cuts[] = {0, 1, 100, VALUES / 2, VALUES - 1, VALUES};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct accumulator left = set_of(0, cuts[i], &arena), right = set_of(cuts[i], VALUES, &arena), back;
        accumulator_merge(&right, &left, ACCUMULATE_DISTINCT, &arena);
        assert_true(bytes_equal(set_encoded(&right, &arena), wanted));
        left = set_of(0, cuts[i], &arena), right = set_of(i == 0 ? 0 : cuts[i] - 1, VALUES, &arena); /* one in both */
        accumulator_merge(&left, &right, ACCUMULATE_DISTINCT, &arena);
        assert_true(bytes_equal(set_encoded(&left, &arena), wanted));
        assert_true(decodes(ACCUMULATE_DISTINCT, wanted, &back, &arena));
        struct accumulator more = set_of(VALUES, VALUES + 50, &arena), both = set_of(0, VALUES + 50, &arena);
        accumulator_merge(i % 2 ? &back : &more, i % 2 ? &more : &back, ACCUMULATE_DISTINCT, &arena);
        assert_true(bytes_equal(set_encoded(i % 2 ? &back : &more, &arena), set_encoded(&both, &arena)));
        accumulator_merge(&both, &whole, ACCUMULATE_DISTINCT, &arena); /* registers with registers */
        assert_true(bytes_equal(set_encoded(&both, &arena), set_encoded(i % 2 ? &back : &more, &arena)));
    }
    arena_clear(&arena);
}

static void damaged_registers_are_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct accumulator whole = set_of(0, DISTINCT_VALUES_MAX + 1, &arena), back;
    struct bytes bytes = set_encoded(&whole, &arena);
    uint8_t *changed = (uint8_t *)arena_copy(&arena, bytes).data;
    memset(changed + 2, 0xff, 3); /* four ranks of 63 */
    assert_false(decodes(ACCUMULATE_DISTINCT, bytes_of(changed, bytes.length), &back, &arena));
    memset(changed + 2, 0, bytes.length - 2);
    assert_false(decodes(ACCUMULATE_DISTINCT, bytes_of(changed, bytes.length), &back, &arena));
    changed[bytes.length - 1] = 51 << 2;
    assert_true(decodes(ACCUMULATE_DISTINCT, bytes_of(changed, bytes.length), &back, &arena));
    assert_int_equal(back.set.registers[DISTINCT_REGISTERS - 1], 51);
    changed[bytes.length - 1] = 52 << 2;
    assert_false(decodes(ACCUMULATE_DISTINCT, bytes_of(changed, bytes.length), &back, &arena));
    for (size_t cut = 0; cut < bytes.length; cut += 97)
        assert_false(decodes(ACCUMULATE_DISTINCT, bytes_of(bytes.data, cut), &back, &arena));
    arena_clear(&arena);
}

static void a_register_holds_the_place_of_the_first_one_bit(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct accumulator set = {0};
    for (uint64_t hash = 0; hash <= DISTINCT_VALUES_MAX; hash++)
        distinct_add(&set, hash << 30, &arena);
    assert_int_equal(set.set.registers[0], 51); /* of 0: no bit is one */
    distinct_add(&set, UINT64_C(5) << 50 | 1, &arena);
    distinct_add(&set, UINT64_C(6) << 50 | UINT64_C(1) << 49, &arena);
    distinct_add(&set, UINT64_C(16383) << 50 | UINT64_C(1) << 48, &arena);
    distinct_add(&set, UINT64_C(16383) << 50 | UINT64_C(3) << 48, &arena); /* a smaller rank */
    assert_true(set.set.registers[5] == 50 && set.set.registers[6] == 1 && set.set.registers[16383] == 2);
    arena_clear(&arena);
}

/* Wanted: the series of Ertl's paper summed to 55 decimals. */
static void estimates_are_those_of_the_formula(void **state)
{
    (void)state;
    static const struct {
        size_t factor, divisor; /* register i holds i factor mod divisor, or 0 where that is too much */
        int64_t estimate;
    } cases[] = {{7919, 52, 303933}, {7919, 4, 21922}, {7919, 2, 10360}, {31, 9, 50406}, {0, 1, 4097}, {1, 1000, 4097}};
    uint8_t registers[DISTINCT_REGISTERS];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t j = 0; j < DISTINCT_REGISTERS; j++) {
            size_t rank = j * cases[i].factor % cases[i].divisor;
            registers[j] = (uint8_t)(rank <= DISTINCT_RANK_MAX ? rank : 0);
        }
        assert_int_equal(distinct_estimate(registers), cases[i].estimate);
    }
    memset(registers, 1, sizeof registers);
    assert_int_equal(distinct_estimate(registers), 23637);
    static const struct {
        size_t full; /* registers of rank 51, the others of this one */
        uint8_t rank;
        double estimate;
    } fuller[] = {{8192, 46, 1.6327151179156933e+18}, {100, 47, 1.673100814867743e+18},
        {12000, 43, 3.8628247759797133e+17}};
    for (size_t i = 0; i < sizeof fuller / sizeof fuller[0]; i++) {
        for (size_t j = 0; j < DISTINCT_REGISTERS; j++)
            registers[j] = j < fuller[i].full ? DISTINCT_RANK_MAX : fuller[i].rank;
        double estimate = (double)distinct_estimate(registers);
        assert_true(estimate > fuller[i].estimate * (1 - 1e-9) && estimate < fuller[i].estimate * (1 + 1e-9));
    }
    memset(registers, DISTINCT_RANK_MAX, sizeof registers);
    assert_true(distinct_estimate(registers) == INT64_C(1) << 62);
}

static void estimates_are_near_what_they_estimate(void **state)
{
    (void)state;
    struct accumulator set = {0};
    struct arena arena = {0};
    size_t added = 0;
    const size_t counts[] = {4097, 4200, 10000, 30000, 70000, 200000, 1000000};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (; added < counts[i]; added++)
            distinct_add(&set, hash_of(added), &arena);
        double estimate = (double)distinct_estimate(set.set.registers), real = (double)counts[i];
        if (estimate < 0.97 * real || estimate > 1.03 * real)
            fail_msg("%.0f for %.0f", estimate, real);
    }
    assert_true(arena.total_bytes < 256 * 1024);
    arena_clear(&arena);
}

static void values_are_ordered_by_type_then_by_size_or_bytes(void **state)
{
    (void)state;
    static const struct scalar ascending[] = {{.type = ATTRIBUTE_MONEY, .number = -2},
        {.type = ATTRIBUTE_MONEY, .number = 5}, {.type = ATTRIBUTE_INTEGER, .number = -3},
        {.type = ATTRIBUTE_INTEGER, .number = 5}, {.type = ATTRIBUTE_TEXT, .text = {(const uint8_t *)"", 0}},
        {.type = ATTRIBUTE_TEXT, .text = {(const uint8_t *)"a", 1}},
        {.type = ATTRIBUTE_TEXT, .text = {(const uint8_t *)"ab", 2}},
        {.type = ATTRIBUTE_TEXT, .text = {(const uint8_t *)"\xff", 1}}};
    for (size_t i = 0; i < 8; i++)
        for (size_t j = 0; j < 8; j++) {
            int order = scalar_compare(&ascending[i], &ascending[j]);
            assert_true(i < j ? order < 0 : i > j ? order > 0 : order == 0);
        }
}

/* --- values that lead --------------------------------------------------------------------------------------------- */

static const struct aggregate top = {.kind = ACCUMULATE_TOP, .attribute = 0, .by_attribute = -1};

static struct accumulator top_of(size_t from, size_t to, struct arena *arena)
{
    struct accumulator state = {0};
    for (size_t i = from; i < to; i++) {
        char text[32]; /* which is gone afterwards */
        snprintf(text, sizeof text, "value %zu", i * 7919 % 100003);
        struct scalar value = {.type = ATTRIBUTE_TEXT, .text = bytes_from_string(text)};
        top_add(&state, &value, (int128)(i % 7), arena);
        top_add(&state, &value, -1, arena);
        memset(text, 'x', sizeof text);
    }
    return state;
}

static void with_too_many_values_there_are_no_leaders_however_they_came(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct accumulator full = top_of(0, TOP_TRACKED_MAX, &arena), again = top_of(0, TOP_TRACKED_MAX, &arena);
    assert_true(full.count == TOP_TRACKED_MAX && full.top.values[0].count == 2);
    accumulator_merge(&full, &again, ACCUMULATE_TOP, &arena);
    assert_true(full.count == TOP_TRACKED_MAX && full.top.values[0].count == 4);
    const size_t cuts[] = {0, 1, 100, TOP_TRACKED_MAX, TOP_TRACKED_MAX + 1};
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        struct accumulator left = top_of(0, cuts[i], &arena), right = top_of(cuts[i], TOP_TRACKED_MAX + 1, &arena);
        struct accumulator little = top_of(0, 1, &arena), back;
        accumulator_merge(&left, &right, ACCUMULATE_TOP, &arena);
        struct encoder to = {0};
        accumulator_encode(&left, ACCUMULATE_TOP, &to);
        assert_golden(encoder_borrow(&to), "8108");
        encoder_clear(&to);
        accumulator_merge(&left, &little, ACCUMULATE_TOP, &arena);
        accumulator_merge(&little, &left, ACCUMULATE_TOP, &arena);
        assert_true(left.count == TOP_TRACKED_MAX + 1 && little.count == TOP_TRACKED_MAX + 1);
        assert_true(decodes(ACCUMULATE_TOP, golden("8108", &arena), &back, &arena));
        struct event more = event_of_text("more", &arena);
        accumulator_add(&back, &top, &more, 0, &arena);
        assert_true(back.count == TOP_TRACKED_MAX + 1);
    }
    arena_clear(&arena);
}

/* What joins on the stack is what merging gives, small states into large ones too. */
static void joining_states_is_merging_them(void **state)
{
    (void)state;
    static struct top_join join;
    struct arena arena = {0};
    for (uint64_t round = 0; round < 200; round++) {
        struct dice dice = dice_of(7, round);
        struct accumulator merged = {0};
        top_join_init(&join);
        for (int i = 0; i < 6; i++) {
            size_t from = dice_below(&dice, 800), count = i % 2 ? dice_below(&dice, 8) : dice_below(&dice, 300);
            struct accumulator one = top_of(from, from + count, &arena), same = top_of(from, from + count, &arena);
            accumulator_merge(&merged, &one, ACCUMULATE_TOP, &arena);
            top_join_take(&join, &same);
        }
        if (merged.count > TOP_TRACKED_MAX) {
            assert_null(join.entries);
            continue;
        }
        assert_int_equal(join.count, merged.count);
        for (size_t i = 0; i < join.count; i++)
            assert_true(scalar_compare(join.entries[i].value, &merged.top.values[i].value) == 0 &&
                join.entries[i].count == merged.top.values[i].count &&
                join.entries[i].sum == merged.top.values[i].sum);
        arena_reset(&arena);
    }
    for (size_t more = 0; more < 3; more++) { /* what is there, one more by itself, too many at once */
        const size_t cuts[][2] = {{5, 6}, {TOP_TRACKED_MAX, TOP_TRACKED_MAX + 1}, {0, TOP_TRACKED_MAX + 1}};
        struct accumulator full = top_of(0, TOP_TRACKED_MAX, &arena);
        struct accumulator one = top_of(cuts[more][0], cuts[more][1], &arena);
        top_join_init(&join);
        top_join_take(&join, &full);
        top_join_take(&join, &one);
        assert_true((join.entries == NULL) == (more > 0));
        top_join_take(&join, &full);
        assert_true((join.entries == NULL) == (more > 0));
    }
    arena_clear(&arena);
}

/* --- days --------------------------------------------------------------------------------------------------------- */

static void days_keep_a_sum_and_a_count_each_in_order(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const struct aggregate days = {.kind = ACCUMULATE_DAYS, .attribute = 0, .by_attribute = -1};
    const struct {
        int64_t day;
        int64_t number;
    } events[] = {{5, 1}, {-3, 10}, {5, 100}, {4, 1000}, {-3, -10}, {100000, 7}};
    struct accumulator sums = {0};
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        struct event event = {.time_us = NOON};
        struct encoder to = {0};
        event_attribute_encode(0, &(struct scalar){.type = ATTRIBUTE_INTEGER, .number = events[i].number}, &to);
        event.attributes = encoder_borrow(&to);
        accumulator_add(&sums, &days, &event, events[i].day, &arena);
        encoder_clear(&to);
    }
    assert_int_equal(sums.count, 4);
    const struct day_sum wanted[] = {{-3, 2, 0}, {4, 1, 1000}, {5, 2, 101}, {100000, 1, 7}};
    for (size_t i = 0; i < 4; i++)
        assert_true(sums.days.days[i].day == wanted[i].day && sums.days.days[i].count == wanted[i].count &&
            sums.days.days[i].sum == wanted[i].sum);
    arena_clear(&arena);
}

static void the_largest_numbers_sum_exactly(void **state)
{
    (void)state;
    struct arena arena = {0};
    static const struct aggregate sum = {.kind = ACCUMULATE_SUM, .attribute = 0, .by_attribute = -1};
    const int128 largest = ((int128)1 << 85) - 1; /* 2^53 of 2^-32, nearly */
    struct encoder to = {0};
    event_attribute_encode(0, &(struct scalar){.type = ATTRIBUTE_NUMBER, .number = largest}, &to);
    struct event event = {.time_us = NOON, .attributes = encoder_borrow(&to)};
    struct accumulator total = {0};
    accumulator_add(&total, &sum, &event, 0, &arena);
    for (int doubled = 0; doubled < 41; doubled++) {
        struct accumulator same = total;
        accumulator_merge(&total, &same, ACCUMULATE_SUM, &arena);
    }
    assert_true(total.count == UINT64_C(1) << 41);
    assert_true(total.number == largest * ((int128)1 << 41));
    static const struct aggregate squares = {.kind = ACCUMULATE_SQUARES, .attribute = 0, .by_attribute = -1};
    struct accumulator moments = {0}, back;
    accumulator_add(&moments, &squares, &event, 0, &arena);
    for (int doubled = 0; doubled < 41; doubled++) {
        struct accumulator same = moments;
        accumulator_merge(&moments, &same, ACCUMULATE_SQUARES, &arena);
    }
    assert_true(moments.count == UINT64_C(1) << 41 && moments.moments.sum == total.number);
    struct encoder state_bytes = {0}; /* count 2^41, (2^85 - 1) 2^41, (2^170 - 2^86 + 1) 2^41 */
    accumulator_encode(&moments, ACCUMULATE_SQUARES, &state_bytes);
    assert_golden(encoder_borrow(&state_bytes),
        "808080808040 808080808080ffffffffffffffffffffffff01"
        "8080808080c0808080808080808080808080feffffffffffffffffffffff01");
    assert_true(decodes(ACCUMULATE_SQUARES, encoder_borrow(&state_bytes), &back, &arena));
    assert_true(wide_equal(back.moments.squares, moments.moments.squares));
    encoder_clear(&state_bytes);
    encoder_clear(&to);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merging_is_associative_and_commutative_and_the_empty_state_changes_nothing),
        cmocka_unit_test(one_set_of_events_has_one_encoding_whatever_the_order),
        cmocka_unit_test(a_state_comes_back_as_it_was_and_no_beginning_of_it_does),
        cmocka_unit_test(a_decoder_takes_only_what_an_encoder_makes),
        cmocka_unit_test(damaged_states_are_refused),
        cmocka_unit_test(states_are_stored_in_these_bytes),
        cmocka_unit_test(a_set_is_exact_up_to_its_bound),
        cmocka_unit_test(past_its_bound_a_set_is_its_registers_however_it_grew),
        cmocka_unit_test(damaged_registers_are_refused),
        cmocka_unit_test(a_register_holds_the_place_of_the_first_one_bit),
        cmocka_unit_test(estimates_are_those_of_the_formula),
        cmocka_unit_test(estimates_are_near_what_they_estimate),
        cmocka_unit_test(with_too_many_values_there_are_no_leaders_however_they_came),
        cmocka_unit_test(values_are_ordered_by_type_then_by_size_or_bytes),
        cmocka_unit_test(joining_states_is_merging_them),
        cmocka_unit_test(days_keep_a_sum_and_a_count_each_in_order),
        cmocka_unit_test(the_largest_numbers_sum_exactly),
    };
    return cmocka_run_group_tests_name("accumulator", tests, NULL, NULL);
}
