/* Any bytes as the rows of a profile: refused in words, or taken, and then they encode to the same bytes again, and the
 * profile can be evaluated, moved on, added to and merged without a crash, however little sense its numbers make.
 *
 * An input is a row after another: u8 row (0: the head, otherwise a chunk of days of the type row % 4), then for a
 * chunk its number from the first of 2^31 on as i16, then the length as u16, both big-endian, then the value. */
#include "store/features/profile.h"
#include "tests/fuzz/fuzz.h"

enum { PARTS_MAX = 32 };

static const char definitions_text[] =
    "time_zone: America/St_Johns\n"
    "identifiers: {id: }\n"
    "events:\n"
    "  order: {amount: money, weight: number, points: integer, gift: bool, channel: string}\n"
    "  visit: {page: string}\n"
    "features:\n"
    "  orders: {of: order, count: true}\n"
    "  revenue_3d: {of: order, sum: amount, window: 3d}\n"
    "  revenue_90d: {of: order, mean: amount, window: 90d}\n"
    "  weight_min: {of: order, min: weight, window: 30d}\n"
    "  weight_max: {of: order, max: weight, window: 2h}\n"
    "  weight: {of: order, sum: weight}\n"
    "  channel_first: {of: order, first: channel}\n"
    "  channel_last: {of: order, last: channel, window: 30d, where: {gift: true}}\n"
    "  channels: {of: order, distinct: channel, window: 20d}\n"
    "  points_first: {of: order, first: points, window: 1d}\n"
    "  age: {of: order, age: last, unit: minute}\n"
    "  rfm: {of: order, rfm: amount}\n"
    "  rfm_2d: {of: order, rfm: weight, window: 2d}\n"
    "  visits_30m: {of: visit, count: true, window: 30m}\n"
    "  page: {of: visit, last: page}\n"
    "  amounts: {of: order, variance: amount}\n"
    "  weights: {of: order, stddev: weight, window: 3d, offset: 10d}\n"
    "  gifts: {of: order, ratio: {gift: true}}\n"
    "  leaders: {of: order, top: channel, k: 2}\n"
    "  leaders_by: {of: order, top: points, by: amount, window: 30d, offset: 30d, max_age: 3d}\n"
    "  smoothed: {of: order, decayed: amount, half_life: 7d}\n"
    "  gap: {of: visit, gaps: stddev, window: 3h}\n"
    "  streak: {of: visit, streak: current, window: 20d, offset: 5d}\n"
    "  streak_2d: {of: visit, streak: current, window: 2d, offset: 5d}\n"
    "  pages: {of: visit, distinct: page}\n"
    "  pages_20d: {of: visit, distinct: page, window: 20d}\n";

static const struct layout *layout_once(void)
{
    static struct layout *layout;
    const struct definitions *definitions;
    struct error error;
    if (layout)
        return layout;
    CHECK(definitions_parse(bytes_from_string(definitions_text), NULL, 1, false, &definitions, &error) == PATRON_OK);
    layout = layout_new(definitions);
    definitions_release(definitions);
    return layout;
}

/* How many rows there are; the input is cut where it ends too early. */
static size_t parts_read(struct bytes input, struct profile_part *parts)
{
    struct decoder from = decoder_of(input);
    size_t count = 0;
    while (count < PARTS_MAX && decoder_left(&from) > 0) {
        uint8_t row = decode_u8(&from);
        uint64_t number = 0;
        if (row > 0) {
            const uint8_t *chunk = decode_raw(&from, 2);
            if (!chunk)
                break;
            int16_t nearby = (int16_t)(chunk[0] << 8 | chunk[1]);
            number = (UINT64_C(1) << 48) + ((uint64_t)(row % 4) << 32) + (UINT64_C(1) << 31) + (uint64_t)nearby;
        }
        const uint8_t *length = decode_raw(&from, 2);
        size_t bytes = length ? (size_t)(length[0] << 8 | length[1]) : 0;
        bytes = bytes < decoder_left(&from) ? bytes : decoder_left(&from);
        parts[count++] = (struct profile_part){number, bytes_of(decode_raw(&from, bytes), bytes)};
    }
    return count;
}

static void evaluate_all(struct profile *profile, int64_t as_of_us)
{
    profile_advance(profile, as_of_us - 1);
    for (uint32_t i = 0; i < profile->layout->definitions->feature_count; i++) {
        struct value value;
        profile_evaluate(profile, i, as_of_us, &value);
        CHECK(value.status == STATUS_PRESENT || value.status == STATUS_NULL || value.status == STATUS_STALE);
    }
}

static struct event event_at(int64_t time_us, struct encoder *attributes)
{
    event_attribute_encode(0, &(struct scalar){.type = ATTRIBUTE_MONEY, .number = INT64_MAX}, attributes);
    event_attribute_encode(1, &(struct scalar){.type = ATTRIBUTE_NUMBER, .number = -1}, attributes);
    event_attribute_encode(3, &(struct scalar){.type = ATTRIBUTE_BOOL, .number = 1}, attributes);
    event_attribute_encode(
        4, &(struct scalar){.type = ATTRIBUTE_TEXT, .text = bytes_from_string("web")}, attributes);
    return (struct event){.time_us = time_us, .known_at_us = time_us, .attributes = encoder_borrow(attributes)};
}

static void use(struct profile *profile, const struct profile_parts *parts, struct arena *arena)
{
    const struct profile_parts *again = profile_encode(profile);
    CHECK(again->count == parts->count);
    for (size_t i = 0; i < again->count; i++) {
        CHECK(again->part[i].number == parts->part[i].number);
        CHECK(bytes_equal(again->part[i].value, parts->part[i].value));
    }
    profile_parts_release(again);
    if (profile->position_us >= EVENT_TIME_MAX_US) /* no writer and no reader moves one from there */
        return;
    struct profile other;
    CHECK(profile_decode(&other, profile->layout, parts, arena, NULL) == PATRON_OK);
    int64_t from_us = profile->position_us < EVENT_TIME_MIN_US ? EVENT_TIME_MIN_US : profile->position_us + 1;
    evaluate_all(profile, from_us);
    struct encoder attributes = {0};
    struct event event = event_at(from_us < 0 ? 0 : EVENT_TIME_MAX_US - 1, &attributes);
    profile_apply(profile, &event);
    profile_merge(profile, &other);
    evaluate_all(profile, from_us + 20 * MICROSECONDS_PER_DAY);
    evaluate_all(profile, EVENT_TIME_MAX_US + 20 * MICROSECONDS_PER_DAY);
    profile_parts_release(profile_encode(profile));
    encoder_clear(&attributes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct profile_part list[PARTS_MAX];
    const struct profile_parts *parts = profile_parts_new(list, parts_read(bytes_of(data, size), list));
    struct arena arena = {0};
    struct profile profile;
    struct error error = {0};
    enum patron_code code = profile_decode(&profile, layout_once(), parts, &arena, &error);
    if (code == PATRON_OK)
        use(&profile, parts, &arena);
    else
        CHECK((code == PATRON_CORRUPT || code == PATRON_PRECONDITION) && error.text[0] != '\0');
    profile_parts_release(parts);
    arena_clear(&arena);
    return 0;
}
