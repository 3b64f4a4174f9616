/* Attributes that the definitions do not have: refused, dropped, or kept by name until a version declares them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

#include "store/journal/event.h"
#include "tests/unit/golden.h"
#include "tests/unit/store_fixture.h"

#define HEAD "identifiers: {id: }\n"
#define FEATURES "features:\n  orders: {of: order, count: true}\n  revenue: {of: order, sum: amount}\n"
#define PLAIN "events: {order: {amount: money}}\n" FEATURES
#define DECLARED                                                                                             \
    "events: {order: {amount: money, weight: number, colour: string, gift: bool}}\n" FEATURES                \
    "  weight: {of: order, sum: weight}\n"                                                                   \
    "  colour: {of: order, last: colour}\n"                                                                  \
    "  blue: {of: order, count: true, where: {colour: blue}}\n"                                              \
    "  weight_7d: {of: order, sum: weight, window: 7d}\n"

static const char refusing[] = HEAD PLAIN;
static const char dropping[] = "unknown_attributes: drop\n" HEAD PLAIN;
static const char keeping[] = "unknown_attributes: keep\n" HEAD PLAIN;
static const char declaring[] = "unknown_attributes: keep\n" HEAD DECLARED;

static struct event_attribute text(const char *name, const char *value)
{
    return (struct event_attribute){
        .name = bytes_from_string(name), .kind = GIVEN_TEXT, .text = bytes_from_string(value)};
}

static struct event_attribute decimal(const char *name, const char *digits)
{
    return (struct event_attribute){
        .name = bytes_from_string(name), .kind = GIVEN_DECIMAL, .text = bytes_from_string(digits)};
}

static struct event_attribute integer(const char *name, int64_t number)
{
    return (struct event_attribute){.name = bytes_from_string(name), .kind = GIVEN_INTEGER, .integer = number};
}

static struct event_attribute real(const char *name, double number)
{
    return (struct event_attribute){.name = bytes_from_string(name), .kind = GIVEN_REAL, .real = number};
}

static struct event_attribute flag(const char *name)
{
    return (struct event_attribute){.name = bytes_from_string(name), .kind = GIVEN_FLAG, .flag = true};
}

#define SENT_AT (START_US - DAY)

static enum event_fate send(
    struct shop *shop, const char *id, const struct event_attribute *attributes, size_t count, int64_t time_us)
{
    struct event_input event = shop_event(shop, "order", id, time_us, "id:a");
    event.attributes = attributes;
    event.attribute_count = count;
    return shop_send_input(shop, &event);
}

/* As of T by a fold of raw events; also now where T is not past. */
static struct value value_at(struct shop *shop, const char *feature, int64_t as_of_us)
{
    struct view view;
    store_view_take(shop->store, &view);
    struct bytes name = bytes_from_string(feature);
    struct event_identifier who = {bytes_from_string("id"), bytes_from_string("a")};
    struct selection selection;
    struct value value;
    struct row row = {.values = &value};
    struct error error;
    if (definitions_select(view.definitions, (struct bytes){0}, &name, 1, &shop->arena, &selection, &error) !=
        PATRON_OK)
        fail_msg("%s", error.text);
    assert_int_equal(read_as_of(&view, &selection, &who, as_of_us, &shop->arena, &row, NULL), PATRON_OK);
    struct value folded = value;
    if (as_of_us > view.position_us) {
        assert_int_equal(read_now(&view, &selection, &who, as_of_us, &shop->arena, &row, NULL), PATRON_OK);
        assert_int_equal(value.status, folded.status);
        assert_true(value.exact == folded.exact && value.integer == folded.integer && value.real == folded.real);
    }
    store_view_release(&view);
    return folded;
}

/* --- bytes ---------------------------------------------------------------------------------------------------- */

static void kept_attributes_are_stored_in_these_bytes_and_come_back(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct event_attribute given[] = {
        decimal("a", "1.5"), flag("b"), integer("c", -3), real("d", 0.5), text("e", "red")};
    struct encoder kept = {0}, row = {0}, attributes = {0};
    for (size_t i = 0; i < 5; i++)
        event_kept_encode(&given[i], &kept);
    event_attribute_encode(3, &(struct scalar){.type = ATTRIBUTE_BOOL, .number = 1}, &attributes);
    struct event event = {.node = 1, .time_us = START_US, .known_at_us = 1, .type = 2,
        .attributes = encoder_borrow(&attributes), .kept = encoder_borrow(&kept)}, back;
    event_value_encode(&event, &row);
    assert_golden(encoder_borrow(&row),
        "01 02 02 00 03 04 01  8002  0161 05 03 312e35  0162 04 01  0163 02 05  0164 03 000000000000e03f"
        "0165 01 03 726564");
    uint8_t key[EVENT_KEY_BYTES];
    event_key_encode(&event, key);
    assert_int_equal(event_decode(bytes_of(key, sizeof key), encoder_borrow(&row), &back, NULL), PATRON_OK);
    assert_true(bytes_equal(back.attributes, event.attributes) && bytes_equal(back.kept, event.kept));
    struct decoder from = decoder_of(back.kept);
    struct event_attribute read;
    for (size_t i = 0; i < 5; i++)
        assert_true(event_kept_decode(&from, &read) && attribute_equal(&read, &given[i]) &&
            bytes_equal(read.name, given[i].name));
    assert_true(!event_kept_decode(&from, &read) && decoder_done(&from));
    /* every cut of it but those at the end of an attribute is damage, and so is what no event can have kept */
    size_t whole = 0;
    for (size_t length = row.length - kept.length - 1; length < row.length; length++)
        whole += event_decode(bytes_of(key, sizeof key), bytes_of(row.data, length), &back, NULL) == PATRON_OK;
    assert_int_equal(whole, 4);
    static const char *const damaged[] = {"8002", "8002 0161 04 02", "8002 0161 06 00", "8002 00 04 01",
        "8002 0162 04 01 0161 04 01", "8002 0161 04 01 0161 04 01", "8002 0161 03 000000000000f07f"};
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        encoder_reset(&row);
        encode_raw(&row, "\x01\x02\x02\x00", 4);
        struct bytes rest = golden(damaged[i], &arena);
        encode_raw(&row, rest.data, rest.length);
        assert_int_equal(event_decode(bytes_of(key, sizeof key), encoder_borrow(&row), &back, NULL), PATRON_CORRUPT);
    }
    encoder_clear(&kept);
    encoder_clear(&row);
    encoder_clear(&attributes);
    arena_clear(&arena);
}

static void content_differs_by_what_was_kept(void **state)
{
    (void)state;
    const struct event_attribute one = integer("a", 1), two = integer("a", 2);
    uint8_t hashes[3][EVENT_HASH_BYTES];
    struct event event = {.time_us = START_US};
    event_content_hash(&event, hashes[0]);
    for (size_t i = 1; i < 3; i++) {
        struct encoder kept = {0};
        event_kept_encode(i == 1 ? &one : &two, &kept);
        event.kept = encoder_borrow(&kept);
        event_content_hash(&event, hashes[i]);
        encoder_clear(&kept);
    }
    for (size_t i = 0; i < 3; i++)
        assert_memory_not_equal(hashes[i], hashes[(i + 1) % 3], EVENT_HASH_BYTES);
}

/* --- what ingestion does with them ---------------------------------------------------------------------------- */

static void unknown_attributes_are_refused_unless_the_file_says_otherwise(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, refusing);
    const struct event_attribute given[] = {decimal("amount", "5"), text("colour", "blue")};
    assert_int_equal(send(&shop, "1", given, 2, SENT_AT), EVENT_REFUSED);
    assert_string_equal(shop.outcome.why.text, "event type 'order' has no attribute 'colour'; there is only amount");
    shop_close(&shop);
}

static void dropped_attributes_leave_no_trace_in_the_event(void **state)
{
    (void)state;
    struct shop with = {0}, without = {0};
    shop_open(&with, dropping);
    shop_open(&without, dropping);
    const struct event_attribute given[] = {text("colour", "blue"), decimal("amount", "5"), text("colour", "red")};
    assert_int_equal(send(&with, "1", given, 3, SENT_AT), EVENT_APPLIED);
    assert_int_equal(send(&without, "1", &given[1], 1, SENT_AT), EVENT_APPLIED);
    struct encoder a = shop_dump(&with), b = shop_dump(&without);
    assert_true(bytes_equal(encoder_borrow(&a), encoder_borrow(&b)));
    encoder_clear(&a);
    encoder_clear(&b);
    assert_int_equal(send(&with, "1", &given[1], 1, SENT_AT), EVENT_DUPLICATE);
    shop_close(&with);
    shop_close(&without);
}

static void assert_not_kept(struct shop *shop, const struct event_attribute *given, size_t count, const char *words)
{
    assert_int_equal(send(shop, "not kept", given, count, SENT_AT), EVENT_REFUSED);
    assert_int_equal(shop->outcome.why.code, PATRON_INVALID);
    assert_string_equal(shop->outcome.why.text, words);
}

static void what_is_kept_is_bounded(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, keeping);
    struct event_attribute many[EVENT_KEPT_MAX + 1];
    for (size_t i = 0; i < EVENT_KEPT_MAX + 1; i++) {
        char name[16];
        snprintf(name, sizeof name, "extra%zu", i);
        many[i] = integer("", (int64_t)i);
        many[i].name = arena_copy(&shop.arena, bytes_from_string(name));
    }
    assert_int_equal(send(&shop, "most", many, EVENT_KEPT_MAX, SENT_AT), EVENT_APPLIED);
    assert_not_kept(&shop, many, EVENT_KEPT_MAX + 1, "the event has more than 32 attributes that event type 'order' "
        "does not have: declare some, or send fewer");
    char letters[TEXT_ATTRIBUTE_BYTES_MAX + 2];
    memset(letters, 'x', sizeof letters);
    struct event_attribute given = text("colour", "");
    given.text = bytes_of(letters, TEXT_ATTRIBUTE_BYTES_MAX);
    assert_int_equal(send(&shop, "long", &given, 1, SENT_AT), EVENT_APPLIED);
    given.text.length++;
    assert_not_kept(&shop, &given, 1, "attribute 'colour' has 1025 bytes; at most 1024 are kept");
    given.text = bytes_from_string("\xff");
    assert_not_kept(&shop, &given, 1, "attribute 'colour' is not valid UTF-8");
    given = integer("", 1);
    assert_not_kept(&shop, &given, 1, "attribute '' has no name");
    given.name = bytes_of(letters, NAME_BYTES_MAX);
    assert_int_equal(send(&shop, "named", &given, 1, SENT_AT), EVENT_APPLIED);
    given.name.length++;
    assert_int_equal(send(&shop, "not kept", &given, 1, SENT_AT), EVENT_REFUSED);
    assert_non_null(strstr(shop.outcome.why.text, "has a name of 129 bytes; at most 128 are kept"));
    given = real("weight", INFINITY);
    assert_not_kept(&shop, &given, 1, "attribute 'weight' is not a finite number");
    given = (struct event_attribute){.name = bytes_from_string("weight")};
    assert_not_kept(&shop, &given, 1, "attribute 'weight' has no value");
    const struct event_attribute twice[] = {integer("b", 1), integer("a", 1), integer("b", 2)};
    assert_not_kept(&shop, twice, 3, "attribute 'b' is given twice");
    struct event_attribute *flood = arena_array(&shop.arena, EVENT_ATTRIBUTES_GIVEN_MAX + 1, sizeof *flood);
    assert_not_kept(
        &shop, flood, EVENT_ATTRIBUTES_GIVEN_MAX + 1, "the event has 1025 attributes; at most 1024 are taken");
    shop_assert_sound(&shop);
    shop_close(&shop);
}

/* --- once a version declares them ----------------------------------------------------------------------------- */

static void a_version_that_declares_what_was_kept_reads_the_history(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, keeping);
    const struct event_attribute first[] = {
        decimal("amount", "5"), real("weight", 2.5), text("colour", "blue"), flag("gift")};
    const struct event_attribute second[] = {text("weight", "heavy"), text("colour", "red"), integer("other", 9)};
    const struct event_attribute ahead[] = {integer("weight", 4), text("colour", "blue")};
    assert_int_equal(send(&shop, "1", first, 4, SENT_AT), EVENT_APPLIED);
    int64_t between_us = shop.clock_us;
    assert_int_equal(send(&shop, "2", second, 3, SENT_AT + SECOND), EVENT_APPLIED);
    assert_int_equal(send(&shop, "3", ahead, 2, START_US + DAY), EVENT_APPLIED); /* waits for its time */
    shop_assert_sound(&shop);
    shop_reopen(&shop);
    store_close(shop.store);
    shop_open(&shop, declaring);
    shop_assert_sound(&shop);
    /* the text weight does not convert: absent */
    struct value weight = value_at(&shop, "weight", shop.clock_us);
    assert_int_equal(weight.status, STATUS_PRESENT);
    assert_true(weight.real == 2.5);
    assert_true(bytes_is(value_at(&shop, "colour", shop.clock_us).text, "red"));
    assert_int_equal(value_at(&shop, "blue", shop.clock_us).integer, 1);
    assert_true(value_at(&shop, "weight", between_us).real == 2.5);
    assert_true(bytes_is(value_at(&shop, "colour", between_us).text, "blue"));
    assert_true(value_at(&shop, "weight_7d", START_US + 2 * DAY).real == 6.5);
    assert_int_equal(value_at(&shop, "blue", START_US + 2 * DAY).integer, 2);
    /* what comes from now on is typed, beside what is still kept by name */
    const struct event_attribute typed[] = {integer("weight", 1), integer("other", 1)};
    assert_int_equal(send(&shop, "4", typed, 2, SENT_AT), EVENT_APPLIED);
    assert_true(value_at(&shop, "weight", shop.clock_us).real == 3.5);
    shop_assert_sound(&shop);
    shop_reopen(&shop);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

static void an_event_sent_again_after_its_attribute_was_declared_is_the_same_event(void **state)
{
    (void)state;
    struct shop shop = {0};
    shop_open(&shop, keeping);
    const struct event_attribute given[] = {
        decimal("amount", "5"), decimal("weight", "2.50"), text("colour", "blue"), integer("other", 9)};
    assert_int_equal(send(&shop, "1", given, 4, SENT_AT), EVENT_APPLIED);
    assert_int_equal(send(&shop, "1", given, 4, SENT_AT), EVENT_DUPLICATE);
    store_close(shop.store);
    shop_open(&shop, declaring);
    assert_int_equal(send(&shop, "1", given, 4, SENT_AT), EVENT_DUPLICATE);
    /* in another order and form, as for any attribute that is declared */
    const struct event_attribute turned[] = {
        integer("other", 9), text("colour", "blue"), real("weight", 2.5), real("amount", 5)};
    assert_int_equal(send(&shop, "1", turned, 4, SENT_AT), EVENT_DUPLICATE);
    /* every other content is still a conflict */
    const struct event_attribute heavier[] = {given[0], decimal("weight", "2.51"), given[2], given[3]};
    const struct event_attribute redder[] = {given[0], given[1], text("colour", "red"), given[3]};
    const struct event_attribute others[] = {given[0], given[1], given[2], integer("other", 8)};
    const struct event_attribute renamed[] = {given[0], given[1], given[2], integer("another", 9)};
    const struct event_attribute more[] = {given[0], given[1], given[2], given[3], flag("gift")};
    const struct {
        const struct event_attribute *attributes;
        size_t count;
    } cases[] = {
        {heavier, 4}, {redder, 4}, {others, 4}, {renamed, 4}, {more, 5}, {given, 3}, {given + 1, 3}, {given, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(send(&shop, "1", cases[i].attributes, cases[i].count, SENT_AT), EVENT_REFUSED);
        assert_int_equal(shop.outcome.why.code, PATRON_CONFLICT);
    }
    assert_int_equal(send(&shop, "1", given, 4, SENT_AT + 1), EVENT_REFUSED);
    assert_int_equal(shop.outcome.why.code, PATRON_CONFLICT);
    shop_assert_sound(&shop);
    shop_close(&shop);
}

/* --- over versions that retire --------------------------------------------------------------------------------- */

static const struct definitions *version_of(const char *file, const struct definitions *before, uint32_t number)
{
    const struct definitions *made;
    struct error error;
    if (definitions_parse(bytes_from_string(file), before, number, true, &made, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return made;
}

static struct event kept_event(struct arena *arena, const struct event_attribute *given, size_t count)
{
    struct encoder to = {0};
    for (size_t i = 0; i < count; i++)
        event_kept_encode(&given[i], &to);
    struct event event = {.time_us = START_US, .kept = arena_copy(arena, encoder_borrow(&to))};
    encoder_clear(&to);
    return event;
}

static void an_attribute_s_number_decides_what_a_version_sees(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct definitions *first = version_of("identifiers: {id: }\nevents: {order: {size: integer}}\n", NULL, 1);
    const struct definitions *second = version_of("identifiers: {id: }\nevents: {order: {size: string}}\n", first, 2);
    const struct definitions *third = version_of("identifiers: {id: }\nevents: {order: }\n", second, 3);
    const struct event_attribute number = integer("size", 4), words = text("size", "large");
    struct scalar value;
    struct event event = kept_event(&arena, &number, 1);
    event_resolve(&event, first, &arena);
    assert_true(event_attribute_find(&event, 0, &value) && value.number == 4 && event.kept.length == 0);
    event = kept_event(&arena, &words, 1);
    event_resolve(&event, first, &arena);
    assert_true(event.attributes.length == 0 && event.kept.length == 0);
    event = kept_event(&arena, &words, 1);
    event_resolve(&event, second, &arena);
    assert_false(event_attribute_find(&event, 0, &value));
    assert_true(event_attribute_find(&event, 1, &value) && bytes_is(value.text, "large"));
    event = kept_event(&arena, &words, 1);
    event_resolve(&event, third, &arena);
    assert_int_equal(event.attributes.length, 0);
    /* typed when it was declared, kept when it no longer was: the same content, if it is of the type it had */
    struct event typed = kept_event(&arena, &number, 1), kept = kept_event(&arena, &number, 1);
    event_resolve(&typed, first, &arena);
    assert_true(event_same_content(&typed, &kept, third) && event_same_content(&kept, &typed, third));
    struct event other = kept_event(&arena, &words, 1);
    assert_false(event_same_content(&typed, &other, third) || event_same_content(&other, &typed, third));
    definitions_release(first);
    definitions_release(second);
    definitions_release(third);
    arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kept_attributes_are_stored_in_these_bytes_and_come_back),
        cmocka_unit_test(content_differs_by_what_was_kept),
        cmocka_unit_test(unknown_attributes_are_refused_unless_the_file_says_otherwise),
        cmocka_unit_test(dropped_attributes_leave_no_trace_in_the_event),
        cmocka_unit_test(what_is_kept_is_bounded),
        cmocka_unit_test(a_version_that_declares_what_was_kept_reads_the_history),
        cmocka_unit_test(an_event_sent_again_after_its_attribute_was_declared_is_the_same_event),
        cmocka_unit_test(an_attribute_s_number_decides_what_a_version_sees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
