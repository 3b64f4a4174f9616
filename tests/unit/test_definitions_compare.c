/* One version of the definitions after another: what may go and what becomes of it, and how the difference is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "store/definitions/compare.h"
#include "store/definitions/describe.h"
#include "store/definitions/mistakes.h"
#include "tests/unit/definitions_fixture.h"

static const struct definitions *forced_after(const char *text, const struct definitions *previous)
{
    const struct definitions *definitions;
    struct error error;
    if (definitions_parse(text_of(text), previous, previous->version + 1, true, &definitions, &error) != PATRON_OK)
        fail_msg("%s", error.text);
    return definitions;
}

/* "added feature x (words)!*": '!' for breaking, '*' for a refill; a line each. */
static void assert_changes(const struct definitions *before, const struct definitions *after, const char *wanted)
{
    struct arena arena = {0};
    struct changes changes;
    definitions_compare(before, after, &arena, &changes);
    struct encoder told = {0};
    bool breaking = false, refill = false;
    for (size_t i = 0; i < changes.count; i++) {
        const struct change *change = &changes.list[i];
        char line[2000];
        int length = snprintf(line, sizeof line, "%s %s %.*s (%s)%s%s\n", change_kind_name(change->kind),
            change_what_name(change->what), BYTES_ARGUMENTS(change->name), change->words, change->breaking ? "!" : "",
            change->refill ? "*" : "");
        encode_raw(&told, line, (size_t)length);
        breaking |= change->breaking;
        refill |= change->refill;
    }
    encode_u8(&told, 0);
    assert_string_equal((const char *)told.data, wanted);
    assert_int_equal(changes.breaking, breaking);
    assert_int_equal(changes.refill, refill);
    encoder_clear(&told);
    arena_clear(&arena);
}

static void assert_changed(const char *before_text, const char *after_text, const char *wanted)
{
    const struct definitions *before = parsed(before_text);
    const struct definitions *after = forced_after(after_text, before);
    assert_changes(before, after, wanted);
    definitions_release(before);
    definitions_release(after);
}

/* --- what is retired ---------------------------------------------------------------------------------------------- */

#define TWO_EVENTS                                                                                           \
    "identifiers: {id: }\n"                                                                                  \
    "events:\n"                                                                                              \
    "  order: {amount: money, channel: string}\n"                                                            \
    "  refund: {amount: money}\n"

static void a_forced_version_retires_an_event_type_at_its_number(void **state)
{
    (void)state;
    const struct definitions *first = parsed(TWO_EVENTS);
    const struct definitions *second =
        forced_after("identifiers: {id: }\nevents: {visit: , refund: {amount: money}}\n", first);
    assert_int_equal(second->event_count, 3);
    assert_null(definitions_event_type(second, text_of("order")));
    assert_int_equal(definitions_event_type(second, text_of("refund"))->number, 1);
    assert_int_equal(definitions_event_type(second, text_of("visit"))->number, 2);
    const struct event_type *order = definitions_event_type_by_number(second, 0);
    assert_true(order->retired);
    assert_bytes(order->name, "order");
    assert_int_equal(order->attribute_count, 2);
    assert_bytes(order->attributes[1].name, "channel");
    assert_ptr_equal(order, &second->events[2]); /* behind those of the file */
    struct arena arena = {0};
    size_t count;
    const struct bytes *names = definitions_event_names(second, &arena, &count);
    assert_int_equal(count, 2);
    assert_bytes(names[0], "visit");
    assert_bytes(names[1], "refund");
    arena_clear(&arena);

    /* It comes back as something new, and stays retired where it was; the version before may go meanwhile. */
    definitions_release(first);
    const struct definitions *third = parsed_after(TWO_EVENTS "  visit:\n", second);
    definitions_release(second);
    assert_int_equal(third->event_count, 4);
    assert_int_equal(definitions_event_type(third, text_of("order"))->number, 3);
    assert_false(definitions_event_type_by_number(third, 3)->retired);
    assert_true(definitions_event_type_by_number(third, 0)->retired);
    assert_bytes(definitions_event_type_by_number(third, 0)->name, "order");
    assert_int_equal(definitions_event_type(third, text_of("visit"))->number, 2);
    definitions_release(third);
}

static void a_forced_version_retires_attributes_and_numbers_retyped_ones_anew(void **state)
{
    (void)state;
    const struct definitions *first = parsed(TWO_EVENTS);
    const struct definitions *second =
        forced_after("identifiers: {id: }\nevents: {order: {sku: string, amount: number}, refund: {amount: money}}\n",
            first);
    definitions_release(first);
    const struct event_type *order = definitions_event_type(second, text_of("order"));
    assert_int_equal(order->attribute_count, 4);
    assert_true(order->attributes[0].retired && order->attributes[0].type == ATTRIBUTE_MONEY);
    assert_bytes(order->attributes[0].name, "amount");
    assert_true(order->attributes[1].retired);
    assert_null(event_type_attribute(order, text_of("channel")));
    assert_int_equal(event_type_attribute(order, text_of("sku"))->number, 2);
    const struct attribute *amount = event_type_attribute(order, text_of("amount"));
    assert_true(amount->number == 3 && amount->type == ATTRIBUTE_NUMBER && !amount->retired);
    struct arena arena = {0};
    size_t count;
    const struct bytes *names = event_type_attribute_names(order, &arena, &count);
    assert_int_equal(count, 2);
    assert_bytes(names[0], "sku");
    assert_bytes(names[1], "amount");
    arena_clear(&arena);

    /* What is retired is missed no more. */
    const struct definitions *same = parsed_after(
        "identifiers: {id: }\nevents: {order: {sku: string, amount: number}, refund: {amount: money}}\n", second);
    assert_int_equal(definitions_event_type(same, text_of("order"))->attribute_count, 4);
    definitions_release(same);

    /* Back to what it was: the third of its name. */
    const struct definitions *third =
        forced_after("identifiers: {id: }\nevents: {order: {amount: money, sku: string}, refund: {amount: money}}\n",
            second);
    definitions_release(second);
    order = definitions_event_type(third, text_of("order"));
    assert_int_equal(order->attribute_count, 5);
    assert_int_equal(event_type_attribute(order, text_of("amount"))->number, 4);
    assert_int_equal(event_type_attribute(order, text_of("sku"))->number, 2);
    definitions_release(third);
}

static void replaying_with_force_gives_the_numbers_of_versions_that_needed_none(void **state)
{
    (void)state;
    const char *second_text = TWO_EVENTS "  visit: {pages: integer}\n";
    const struct definitions *first = parsed(TWO_EVENTS);
    const struct definitions *plain = parsed_after(second_text, first);
    const struct definitions *replayed = forced_after(second_text, first);
    assert_int_equal(plain->event_count, replayed->event_count);
    for (size_t i = 0; i < plain->event_count; i++) {
        assert_int_equal(plain->events[i].number, replayed->events[i].number);
        assert_int_equal(plain->events[i].attribute_count, replayed->events[i].attribute_count);
        assert_false(replayed->events[i].retired);
    }
    definitions_release(first);
    definitions_release(plain);
    definitions_release(replayed);
}

static void identifiers_and_the_currency_are_not_even_forced_away(void **state)
{
    (void)state;
    const struct definitions *first = parsed("identifiers: {id: , email: }\nevents: {order: }\n");
    const char *const bad[] = {"identifiers: {id: }\nevents: {order: }\n",
        "currency: USD\nidentifiers: {id: , email: }\nevents: {order: }\n",
        "identifiers: {id: , email: {normalize: email}}\nevents: {order: }\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const struct definitions *made;
        assert_int_equal(definitions_parse(text_of(bad[i]), first, 2, true, &made, NULL), PATRON_INVALID);
    }
    definitions_release(first);
}

static void check_tells_every_mistake_and_which_may_be_forced(void **state)
{
    (void)state;
    const struct definitions *first = parsed(TWO_EVENTS "features: {orders: {of: order, count: true}}\n");
    struct arena arena = {0};
    struct mistakes mistakes = {.arena = &arena};
    struct error error;
    const struct definitions *made;
    const char *text = "identifiers: {email: }\nevents: {refund: {amount: number}}\n";
    assert_int_equal(definitions_check(text_of(text), first, 2, false, &mistakes, &made, &error), PATRON_OK);
    assert_null(made);
    assert_int_equal(mistakes.count, 3);
    assert_int_equal(mistakes.forceable_count, 2);
    assert_true(!mistakes.kept[0].forceable && mistakes.kept[0].line == 1);
    assert_true(mistakes.kept[1].forceable && mistakes.kept[1].line == 2 && mistakes.kept[1].column == 1);
    assert_string_equal(mistakes.kept[1].words, "event 'order' is gone, and events of it may be stored; feature orders "
                                                "of version 1 uses it: put it back, or use apply --force");
    assert_true(mistakes.kept[2].forceable && mistakes.kept[2].column == 27);
    struct mistakes forced = {.arena = &arena};
    assert_int_equal(definitions_check(text_of(text), first, 2, true, &forced, &made, &error), PATRON_OK);
    assert_int_equal(forced.count, 1);
    struct mistakes none = {.arena = &arena};
    assert_int_equal(definitions_check(text_of(TWO_EVENTS), first, 2, false, &none, &made, &error), PATRON_OK);
    assert_int_equal(none.count, 0);
    assert_non_null(made);
    definitions_release(made);
    arena_clear(&arena);
    definitions_release(first);
}

static void every_use_of_an_attribute_is_told(void **state)
{
    (void)state;
    const struct definitions *first = parsed(
        EVENTS "features:\n"
               "  none:     {of: order, sum: amount}\n"
               "  value:    {of: order, last: channel}\n"
               "  filter:   {of: order, count: true, where: {gift: true, channel: web}}\n"
               "  matching: {of: order, ratio: {channel: web}}\n"
               "  ranked:   {of: order, top: channel, by: points, k: 2}\n");
    const struct definitions *made;
    struct error error;
    const char *text = "identifiers: {id: }\nevents: {order: {amount: money, weight: number, gift: bool}}\n";
    assert_int_equal(definitions_parse(text_of(text), first, 2, false, &made, &error), PATRON_INVALID);
    assert_string_equal(error.text,
        "line 2, column 10: attribute 'channel' of event 'order' is gone, and stored events may hold it; features "
        "value, filter, matching, ranked of version 1 use it: put it back, or use apply --force\n"
        "line 2, column 10: attribute 'points' of event 'order' is gone, and stored events may hold it; feature ranked "
        "of version 1 uses it: put it back, or use apply --force");
    definitions_release(first);
}

static void what_would_break_is_cut_after_some_names(void **state)
{
    (void)state;
    char text[20000];
    int length = snprintf(text, sizeof text, "%s", TWO_EVENTS "features:\n");
    for (int i = 0; i < 100; i++)
        length += snprintf(text + length, sizeof text - (size_t)length,
            "  feature_with_a_name_%02d: {of: order, sum: amount}\n", i);
    const struct definitions *first = parsed(text), *made;
    struct error error;
    assert_int_equal(definitions_parse(text_of("identifiers: {id: }\nevents: {order: {channel: string}, refund: "
                                               "{amount: money}}\n"),
                         first, 2, false, &made, &error),
        PATRON_INVALID);
    assert_non_null(strstr(error.text, "; features feature_with_a_name_00, feature_with_a_name_01, "));
    assert_non_null(strstr(error.text, " and 88 more of version 1 use it: put it back, or use apply --force"));
    definitions_release(first);
}

static void a_feature_that_a_service_uses_may_not_go(void **state)
{
    (void)state;
    const struct definitions *first =
        parsed(EVENTS "features: {a: {of: order, count: true}, b: {of: order, rfm: amount}}\n"), *made;
    struct error error;
    const char *text = EVENTS "features: {a: {of: order, count: true}}\nservices: {churn: [a, b, b.T, aa]}\n";
    for (int forced = 0; forced <= 1; forced++) {
        assert_int_equal(definitions_parse(text_of(text), first, 7, forced, &made, &error), PATRON_INVALID);
        assert_string_equal(error.text,
            "line 4, column 23: feature 'b' is gone in this file, and service 'churn' uses it: put it back, or take "
            "it out of the service\n"
            "line 4, column 26: feature 'b.T' is gone in this file, and service 'churn' uses it: put it back, or "
            "take it out of the service\n"
            "line 4, column 31: unknown feature 'aa'; there is only a");
    }
    definitions_release(first);
}

/* --- differences -------------------------------------------------------------------------------------------------- */

static void nothing_differs_but_blanks_and_comments(void **state)
{
    (void)state;
    assert_changed(SHOP, "# a comment\n" SHOP "\n\n", "");
}

static void settings_identifiers_and_events_are_compared(void **state)
{
    (void)state;
    assert_changed("identifiers: {id: , email: {max: 5}}\n"
                   "events: {order: {amount: money, channel: string, sku: string}, refund: }\n",
        "time_zone: Europe/Berlin\n"
        "identifiers: {email: {max: 3, never_link: [a@b.c]}, id: , device: }\n"
        "events: {visit: , order: {amount: number, sku: string, gift: bool}}\n",
        "changed setting time_zone (was UTC, is Europe/Berlin)!*\n"
        "changed identifier email (max was 5, is 3; adds 1 to never_link: what is stored of it loses its links; "
        "priority was 2, is 1)\n"
        "changed identifier id (priority was 1, is 2)\n"
        "added identifier device ()\n"
        "added event visit ()\n"
        "changed attribute order.amount (was money, is number: only new events have it)!\n"
        "added attribute order.gift (bool)\n"
        "removed attribute order.channel (retired)!\n"
        "removed event refund (retired)!\n");
}

static void what_protects_identity_is_compared(void **state)
{
    (void)state;
#define HAPPENINGS "events: {order: {amount: money}, profile: {a: string, b: string, c: integer}, other: {a: string}}\n"
#define WORTHS "features: {worth: {of: order, sum: amount}, orders: {of: order, count: true}}\n"
    assert_changed(
        "identifiers: {id: {max: 3}, email: {max: 2, never_link: [a, c], never_link_matching: ['^x', '^y']}, ip: }\n"
        HAPPENINGS WORTHS "identity: {value: orders, review_either: 10, review_size: 20, review_expires: 5d}\n",
        "identifiers: {id: {unique: true, keep: true}, email: {max: 2, per: 12h, weak: true, never_link: [b, c], "
        "never_link_matching: ['^y', '^z', '^w']}, ip: {link: false}}\n"
        HAPPENINGS WORTHS
        "identity: {value: worth, review_either: 10.1, review_both: 3, second_person: 11, max_size: 30, "
        "review_bridge: 2}\n",
        "changed identifier id (max was 3, is none; unique was false, is true; keep was false, is true)\n"
        "changed identifier email (per was none, is 12h; weak was false, is true; adds 1 to never_link: what is stored "
        "of it loses its links; drops 1 from never_link; adds 2 to never_link_matching: what is stored of it loses its "
        "links; drops 1 from never_link_matching)\n"
        "changed identifier ip (link was true, is false)!\n"
        "changed setting identity.max_size (was 200, is 30)\n"
        "changed setting identity.review_size (was 20, is none)\n"
        "changed setting identity.review_bridge (was none, is 2)\n"
        "changed setting identity.value (was orders, is worth)\n"
        "changed setting identity.review_either (was 10, is 10.1)\n"
        "changed setting identity.review_both (was none, is 3)\n"
        "changed setting identity.second_person (was none, is 11)\n"
        "changed setting identity.review_expires (was 5d, is 30d)\n");
}

static void matching_is_compared(void **state)
{
    (void)state;
#define NO_MATCHING "identifiers: {id: }\n" HAPPENINGS
#define MATCHING                                                                                             \
    NO_MATCHING "matching: {of: profile, columns: {a: surname, b: birth_date, c: postcode}, blocks: [[a, b]]}\n"
    assert_changed(NO_MATCHING, MATCHING,
        "changed event profile (its attributes are sealed from now on)\n"
        "added setting matching (of profile by 3 columns)\n");
    assert_changed(MATCHING, NO_MATCHING, "removed setting matching (links that it made stay)\n");
    assert_changed(MATCHING, MATCHING, "");
    assert_changed(MATCHING, /* the same blocks, of columns at other places */
        NO_MATCHING "matching: {of: profile, columns: {b: birth_date, a: surname, c: text}, blocks: [[a, b]], "
                    "link: 0.995, review: 0.9, block_records: 100}\n",
        "changed setting matching (column c was postcode, is text; link was 0.99, is 0.995; review was 0.8, is 0.9; "
        "block_records was 500, is 100)\n");
    assert_changed(MATCHING,
        NO_MATCHING "matching: {of: profile, columns: {a: {is: surname, frequencies: false}, b: birth_date}, "
                    "blocks: [[a, {column: b, prefix: 4}]]}\n",
        "changed setting matching (frequencies of column a was true, is false; drops column c; other blocks)\n");
    static const char *const other_blocks[] = {"[[a, c]]", "[[a, b, c]]", "[[a]]", "[[a, b], [a]]"};
    for (size_t i = 0; i < sizeof other_blocks / sizeof other_blocks[0]; i++) {
        char text[1000];
        snprintf(text, sizeof text,
            NO_MATCHING "matching: {of: profile, columns: {a: surname, b: birth_date, c: postcode}, blocks: %s}\n",
            other_blocks[i]);
        assert_changed(MATCHING, text, "changed setting matching (other blocks)\n");
    }
    assert_changed(MATCHING, NO_MATCHING "matching: {of: other, columns: {a: surname}}\n",
        "changed event other (its attributes are sealed from now on)\n"
        "changed setting matching (of was profile, is other; drops column b; drops column c; other blocks)\n");
}

static void features_are_compared_by_what_they_mean(void **state)
{
    (void)state;
    assert_changed(EVENTS "features:\n"
                          "  same:   {of: order, count: true, where: {channel: web}, window: 7d}\n"
                          "  window: {of: order, sum: amount, window: 30d}\n"
                          "  unit:   {of: order, age: last}\n"
                          "  filter: {of: order, count: true, where: {channel: web, gift: true}}\n"
                          "  kind:   {of: order, min: points}\n"
                          "  gone:   {of: order, count: true}\n"
                          "  lost:   {of: order, rfm: amount}\n"
                          "  values: {of: order, rfm: amount}\n",
        EVENTS "features:\n"
               "  values: {of: order, rfm: weight}\n"
               "  kind:   {of: order, mean: points}\n"
               "  filter: {of: order, count: true, where: {channel: app, gift: true}}\n"
               "  unit:   {of: order, age: last, unit: hour}\n"
               "  window: {of: order, sum: amount, window: 60d}\n"
               "  same:   {window: 7d, where: {channel: web}, count: true, of: order}\n"
               "  new:    {of: order, mean: amount, window: 12h}\n"
               "  family: {of: order, rfm: amount}\n",
        "changed feature values.frequency (was days after the first with order.amount, lifetime, is days after the "
        "first with order.weight, lifetime)!*\n"
        "changed feature values.recency (was days from the first to the last with order.amount, lifetime, is days "
        "from the first to the last with order.weight, lifetime)!*\n"
        "changed feature values.T (was days since the first with order.amount, lifetime, is days since the first with "
        "order.weight, lifetime)!*\n"
        "changed feature values.monetary (was mean by day, without the first, of order.amount, lifetime, is mean by "
        "day, without the first, of order.weight, lifetime)!*\n"
        "changed feature kind (was least order.points, lifetime, is mean of order.points, lifetime; type was int64, "
        "is double)!*\n"
        "changed feature filter (was count of order where channel is web and gift is true, lifetime, is count of "
        "order where channel is app and gift is true, lifetime)!*\n"
        "changed feature unit (was time since the last order, in units of 1d, lifetime, is time since the last order, "
        "in units of 1h, lifetime)!\n"
        "changed feature window (was sum of order.amount, last 30d, is sum of order.amount, last 60d)!*\n"
        "added feature new (mean of order.amount, last 12h)*\n"
        "added feature family (4 features)*\n"
        "removed feature gone ()!*\n"
        "removed feature lost ()!*\n");
}

static void a_feature_of_what_only_has_its_name_still_is_told_apart(void **state)
{
    (void)state;
    const struct definitions *first = parsed(
        "identifiers: {id: }\n"
        "events: {session: {pages: string, time: number, kind: string}, order: {amount: money}}\n"
        "features:\n"
        "  pages:   {of: session, distinct: pages, window: 30d}\n"
        "  top:     {of: session, top: kind, by: time, k: 1}\n"
        "  filter:  {of: session, distinct: pages, where: {pages: '1', kind: a}}\n"
        "  ratio:   {of: session, ratio: {pages: '1'}, window: 30d}\n"
        "  both:    {of: session, first: pages, window: 30d}\n"
        "  same:    {of: session, first: kind}\n"
        "  orders:  {of: order, count: true}\n");
    const char *second_text =
        "identifiers: {id: }\n"
        "events: {session: {pages: integer, time: integer, kind: string}}\n"
        "features:\n"
        "  pages:   {of: session, distinct: pages, window: 30d}\n"
        "  top:     {of: session, top: kind, by: time, k: 1}\n"
        "  filter:  {of: session, distinct: pages, where: {pages: 1, kind: a}}\n"
        "  ratio:   {of: session, ratio: {pages: 1}, window: 30d}\n"
        "  both:    {of: session, first: pages, window: 60d}\n"
        "  same:    {of: session, first: kind}\n";
    const struct definitions *second = forced_after(second_text, first);
    assert_changes(first, second,
        "changed attribute session.pages (was string, is integer: only new events have it)!\n"
        "changed attribute session.time (was number, is integer: only new events have it)!\n"
        "removed event order (retired)!\n"
        "changed feature pages (its attribute pages is integer now, was string)!*\n"
        "changed feature top.1 (its attribute time is integer now, was number)!*\n"
        "changed feature filter (its attribute pages is integer now, was string)!*\n"
        "changed feature ratio (its attribute pages is integer now, was string)!*\n"
        "changed feature both (its attribute pages is integer now, was string; was first session.pages, last 30d, is "
        "first session.pages, last 60d; type was string, is int64)!*\n"
        "removed feature orders ()!*\n");
    /* What was gone for a version comes back as another. */
    const struct definitions *third = forced_after(
        "identifiers: {id: }\n"
        "events: {session: {pages: string, kind: string}, order: {amount: money}}\n"
        "features:\n"
        "  pages:   {of: session, distinct: pages, window: 30d}\n"
        "  orders:  {of: order, count: true}\n", second);
    assert_changes(first, third,
        "removed attribute session.time (retired)!\n"
        "changed feature pages (its attribute pages is a new one of that name)!*\n"
        "changed feature orders (its event order is a new one of that name)!*\n"
        "removed feature top ()!*\n"
        "removed feature filter ()!*\n"
        "removed feature ratio ()!*\n"
        "removed feature both ()!*\n"
        "removed feature same ()!*\n");
    definitions_release(first);
    definitions_release(second);
    definitions_release(third);
}

static void what_is_derived_defaults_and_papers_are_compared(void **state)
{
    (void)state;
    assert_changed(EVENTS "features:\n"
                          "  n:    {of: order, count: true, description: a, owner: b, tags: [x]}\n"
                          "  m:    {of: order, mean: amount, default: 1, max_age: 30d}\n"
                          "  s:    {of: order, sum: amount}\n"
                          "  moved: {of: order, sum: weight}\n"
                          "derived: {blanks: n + 1, other: 'n + 1', gone: n / 2, text: \"if(n > 1, 'a b', 'c')\"}\n"
                          "services: {v: {features: [n, m], defaults: {m: 2}}}\n",
        EVENTS "features:\n"
               "  n:    {of: order, count: true, description: c, owner: d, tags: [y]}\n"
               "  m:    {of: order, mean: amount, default: 3}\n"
               "  s:    {of: order, sum: amount, default: 12.5}\n"
               "derived: {moved: n / 3, blanks: '  n  +   1 ', other: n + 2, text: \"if(n > 1, 'a  b', 'c')\",\n"
               "  new: n * 2}\n"
               "services: {v: {features: [n, m], defaults: {m: 4}}}\n",
        "changed feature n (another description; another owner; other tags)\n"
        "changed feature m (default was 1, is 3; max_age was 30d, is none)!*\n"
        "changed feature s (default was none, is 12.50)!\n"
        "changed derived feature moved (is derived now)!*\n"
        "changed derived feature other (was n + 1, is n + 2)!\n"
        "changed derived feature text (was if(n > 1, 'a b', 'c'), is if(n > 1, 'a  b', 'c'))!\n"
        "added derived feature new (n * 2)\n"
        "removed derived feature gone ()!\n"
        "changed service v (default of m was 2, is 4)!\n");
}

static void unknown_attributes_break_only_where_they_are_refused_from_now_on(void **state)
{
    (void)state;
    assert_changed(EVENTS, EVENTS "unknown_attributes: keep\n",
        "changed setting unknown_attributes (was refuse, is keep)\n");
    assert_changed(EVENTS "unknown_attributes: drop\n", EVENTS,
        "changed setting unknown_attributes (was drop, is refuse)!\n");
}

static void each_part_of_a_feature_counts(void **state)
{
    (void)state;
    assert_changed(EVENTS "features:\n"
                          "  offset: {of: order, count: true, window: 30d, offset: 30d}\n"
                          "  half:   {of: order, decayed: amount, half_life: 30d}\n"
                          "  match:  {of: order, ratio: {channel: web}}\n"
                          "  low:    {of: order, count: true, where: {points: {at_least: 3}}}\n"
                          "  open:   {of: order, count: true, where: {points: {at_least: 3}}}\n"
                          "  high:   {of: order, count: true, where: {points: {at_most: 3}}}\n"
                          "  list:   {of: order, count: true, where: {points: [1, 2]}}\n"
                          "  by:     {of: order, top: channel, by: points, k: 1}\n"
                          "  event:  {of: order, count: true}\n",
        EVENTS "features:\n"
               "  offset: {of: order, count: true, window: 30d, offset: 60d}\n"
               "  half:   {of: order, decayed: amount, half_life: 60d}\n"
               "  match:  {of: order, ratio: {channel: app}}\n"
               "  low:    {of: order, count: true, where: {points: {at_least: 4}}}\n"
               "  open:   {of: order, count: true, where: {points: {more_than: 3}}}\n"
               "  high:   {of: order, count: true, where: {points: {at_most: 4}}}\n"
               "  list:   {of: order, count: true, where: {points: [2, 3]}}\n"
               "  by:     {of: order, top: channel, by: amount, k: 1}\n"
               "  event:  {of: order, count: true, where: {gift: true}}\n",
        "changed feature offset (was count of order, the 30d that end 30d before now, is count of order, the 30d that "
        "end 60d before now)!*\n"
        "changed feature half (was decayed sum of order.amount, half-life 30d, lifetime, is decayed sum of "
        "order.amount, half-life 60d, lifetime)!\n"
        "changed feature match (was share of order that has channel is web, lifetime, is share of order that has "
        "channel is app, lifetime)!*\n"
        "changed feature low (was count of order where points is at least 3, lifetime, is count of order where points "
        "is at least 4, lifetime)!*\n"
        "changed feature open (was count of order where points is at least 3, lifetime, is count of order where "
        "points is more than 3, lifetime)!*\n"
        "changed feature high (was count of order where points is at most 3, lifetime, is count of order where points "
        "is at most 4, lifetime)!*\n"
        "changed feature list (was count of order where points is 1 or 2, lifetime, is count of order where points is "
        "2 or 3, lifetime)!*\n"
        "changed feature by.1 (was leading order.channel, place 1 by sum of points, lifetime, is leading "
        "order.channel, place 1 by sum of amount, lifetime)!*\n"
        "changed feature event (was count of order, lifetime, is count of order where gift is true, lifetime)!*\n");
}

static void families_are_told_once_where_their_members_change_alike(void **state)
{
    (void)state;
    assert_changed(EVENTS "features:\n"
                          "  t: {of: order, top: channel, k: 2}\n"
                          "  d: {of: order, top: channel, k: 2}\n"
                          "  gone: {of: order, top: channel, k: 1}\n",
        EVENTS "features:\n"
               "  t: {of: order, top: channel, k: 4}\n"
               "  d: {of: order, top: channel, k: 2, description: x}\n"
               "  new: {of: order, top: channel, k: 2}\n",
        "added feature t.3 (leading order.channel, place 3 by count, lifetime)*\n"
        "added feature t.4 (leading order.channel, place 4 by count, lifetime)*\n"
        "changed feature d (another description)\n"
        "added feature new (2 features)*\n"
        "removed feature gone ()!*\n");
}

static void assert_described(const char *entry, const char *name, const char *aggregation, const char *words)
{
    char text[2000];
    snprintf(text, sizeof text, EVENTS "features: {x: %s}\n", entry);
    const struct definitions *d = parsed(text);
    struct arena arena = {0};
    struct selection selection;
    struct bytes wanted = text_of(name);
    assert_int_equal(definitions_select(d, text_of(""), &wanted, 1, &arena, &selection, NULL), PATRON_OK);
    const struct feature *feature = &d->features[selection.features[0]];
    assert_bytes(describe_aggregation(feature, &arena), aggregation);
    assert_bytes(describe_feature(d, feature, &arena), words);
    arena_clear(&arena);
    definitions_release(d);
}

static void features_are_described_in_words(void **state)
{
    (void)state;
    assert_described("{of: order, count: true, window: 30m}", "x", "count", "count of order, last 30m");
    assert_described("{of: order, sum: amount, window: 4w, offset: 12h}", "x", "sum",
        "sum of order.amount, the 28d that end 12h before now");
    assert_described("{of: order, count: true, where: {channel: [web, app, shop], "
                     "amount: {at_least: 10, less_than: 20.5}, points: {more_than: 3}, "
                     "weight: {at_most: 0.1}, gift: true}}",
        "x", "count",
        "count of order where channel is app, shop or web and amount is at least 10.00 and less than 20.50 and points "
        "is more than 3 and weight is at most 0.1 and gift is true, lifetime");
    assert_described("{of: order, ratio: {channel: web}, where: {gift: true}, window: 90d}", "x", "ratio",
        "share of order that has channel is web where gift is true, last 90d");
    assert_described("{of: order, decayed: true, half_life: 30d}", "x", "decayed",
        "decayed count of order, half-life 30d, lifetime");
    assert_described("{of: order, age: first, unit: week}", "x", "age.first",
        "time since the first order, in units of 7d, lifetime");
    assert_described("{of: order, top: channel, by: amount, k: 3}", "x.2", "top.2",
        "leading order.channel, place 2 by sum of amount, lifetime");
    assert_described("{of: order, gaps: stddev}", "x", "gaps.stddev",
        "standard deviation of the days between days with order, lifetime");
    assert_described("{of: order, streak: current}", "x", "streak.current",
        "days in a row until now with order, lifetime");
    assert_described("{of: order, rfm: amount}", "x.T", "rfm.T", "days since the first with order.amount, lifetime");
}

static void services_are_compared_by_their_columns(void **state)
{
    (void)state;
    assert_changed(EVENTS "features:\n"
                          "  a: {of: order, count: true}\n"
                          "  b: {of: order, sum: amount}\n"
                          "  c: {of: order, rfm: amount}\n"
                          "services:\n"
                          "  same: [a, c]\n"
                          "  order: [a, b]\n"
                          "  columns: [a, b]\n"
                          "  gone: [a]\n",
        EVENTS "features:\n"
               "  a: {of: order, count: true}\n"
               "  b: {of: order, sum: amount}\n"
               "  c: {of: order, rfm: amount}\n"
               "services:\n"
               "  new: [c]\n"
               "  same: [a, c.frequency, c.recency, c.T, c.monetary]\n"
               "  order: [b, a]\n"
               "  columns: [b, c.T, c.recency]\n",
        "added service new (4 features)\n"
        "changed service order (another order)!\n"
        "changed service columns (adds c.T, c.recency; drops a)!\n"
        "removed service gone ()!\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forced_version_retires_an_event_type_at_its_number),
        cmocka_unit_test(a_forced_version_retires_attributes_and_numbers_retyped_ones_anew),
        cmocka_unit_test(replaying_with_force_gives_the_numbers_of_versions_that_needed_none),
        cmocka_unit_test(identifiers_and_the_currency_are_not_even_forced_away),
        cmocka_unit_test(check_tells_every_mistake_and_which_may_be_forced),
        cmocka_unit_test(every_use_of_an_attribute_is_told),
        cmocka_unit_test(what_would_break_is_cut_after_some_names),
        cmocka_unit_test(a_feature_that_a_service_uses_may_not_go),
        cmocka_unit_test(nothing_differs_but_blanks_and_comments),
        cmocka_unit_test(settings_identifiers_and_events_are_compared),
        cmocka_unit_test(what_protects_identity_is_compared),
        cmocka_unit_test(matching_is_compared),
        cmocka_unit_test(features_are_compared_by_what_they_mean),
        cmocka_unit_test(a_feature_of_what_only_has_its_name_still_is_told_apart),
        cmocka_unit_test(what_is_derived_defaults_and_papers_are_compared),
        cmocka_unit_test(unknown_attributes_break_only_where_they_are_refused_from_now_on),
        cmocka_unit_test(each_part_of_a_feature_counts),
        cmocka_unit_test(families_are_told_once_where_their_members_change_alike),
        cmocka_unit_test(features_are_described_in_words),
        cmocka_unit_test(services_are_compared_by_their_columns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
