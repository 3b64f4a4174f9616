/* What a definitions file says about shared costs: what comes out, and the words of each mistake. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "store/definitions/compare.h"
#include "tests/unit/definitions_fixture.h"

#define HEAD                                                                                                           \
    "identifiers: {id: }\n"                                                                                            \
    "events:\n"                                                                                                        \
    "  session: {channel: string, minutes: integer, price: money}\n"                                                   \
    "  hosting: {amount: money, note: string}\n"                                                                       \
    "  helpdesk: {amount: money}\n"

static void what_is_shared_by_what_is_read(void **state)
{
    (void)state;
    const struct definitions *made = parsed(HEAD
        "shared_costs:\n"
        "  helpdesk: {share: amount, by: session, weight: minutes, where: {channel: [phone, mail]}, period: week}\n"
        "  hosting: {share: amount, by: session, period: month}\n");
    assert_int_equal(made->shared_cost_count, 2);
    const struct shared_cost *helpdesk = definitions_shared_cost(made, 2), *hosting = definitions_shared_cost(made, 1);
    assert_non_null(helpdesk);
    assert_non_null(hosting);
    assert_null(definitions_shared_cost(made, 0));
    assert_int_equal(helpdesk->driver, 0);
    assert_int_equal(helpdesk->weight, 1);
    assert_int_equal(helpdesk->filter_count, 1);
    assert_int_equal(helpdesk->filters[0].value_count, 2);
    assert_int_equal(helpdesk->period, PERIOD_WEEK);
    assert_int_equal(hosting->amount, 0);
    assert_int_equal(hosting->weight, -1);
    assert_int_equal(hosting->filter_count, 0);
    assert_int_equal(hosting->period, PERIOD_MONTH);
    definitions_release(made);
    made = parsed(HEAD "shared_costs:\n");
    assert_int_equal(made->shared_cost_count, 0);
    definitions_release(made);
    made = parsed(HEAD "shared_costs: {hosting: {share: amount, by: session, weight: price, period: day}}\n");
    assert_int_equal(made->shared_costs[0].weight, 2);
    assert_int_equal(made->shared_costs[0].period, PERIOD_DAY);
    definitions_release(made);
}

static void each_mistake_is_told_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *costs, *words;
    } cases[] = {
        {"[hosting]", "shared_costs must be a map"},
        {"{hosting: month}", "a shared cost must be a map"},
        {"{hostng: {share: amount, by: session, period: month}}", "unknown event 'hostng': did you mean 'hosting'"},
        {"{hosting: {by: session, period: month}}",
            "shared cost 'hosting' does not say which attribute is shared: give 'share'"},
        {"{hosting: {share: amount, period: month}}",
            "shared cost 'hosting' does not say by which event it is shared: give 'by'"},
        {"{hosting: {share: amount, by: session}}",
            "shared cost 'hosting' does not say over which period (day, week or month): give 'period'"},
        {"{hosting: {share: amont, by: session, period: month}}",
            "unknown attribute of 'hosting': 'amont': did you mean 'amount'"},
        {"{hosting: {share: note, by: session, period: month}}", "share takes money, and 'note' is string"},
        {"{hosting: {share: [amount], by: session, period: month}}", "share must be the name of an attribute"},
        {"{hosting: {share: amount, by: [session], period: month}}", "by must be the name of an event"},
        {"{hosting: {share: amount, by: sesion, period: month}}", "unknown event 'sesion': did you mean 'session'"},
        {"{hosting: {share: amount, by: hosting, period: month}}", "'hosting' cannot be shared by itself"},
        {"{hosting: {share: amount, by: session, weight: channel, period: month}}",
            "weight takes money or integer, and 'channel' is string"},
        {"{hosting: {share: amount, by: session, weight: minuts, period: month}}",
            "unknown attribute of 'session': 'minuts': did you mean 'minutes'"},
        {"{hosting: {share: amount, by: session, where: {chanel: web}, period: month}}",
            "unknown attribute of 'session': 'chanel': did you mean 'channel'"},
        {"{hosting: {share: amount, by: session, period: year}}", "day"},
        {"{hosting: {share: amount, by: session, periods: month, period: month}}", "unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        snprintf(text, sizeof text, "%sshared_costs: %s\n", HEAD, cases[i].costs);
        const struct definitions *made;
        struct error error = {.text = ""};
        enum patron_code code = definitions_parse(text_of(text), NULL, 1, false, &made, &error);
        if (code != PATRON_INVALID || !strstr(error.text, cases[i].words) || !strstr(error.text, "line 6"))
            fail_msg("%s: %s", cases[i].costs, error.text);
    }
}

static void what_changes_is_told(void **state)
{
    (void)state;
    static const char *const files[] = {HEAD,
        HEAD "shared_costs: {hosting: {share: amount, by: session, period: month}}\n",
        HEAD "shared_costs:\n"
             "  hosting: {share: amount, by: session, weight: minutes, period: week, where: {channel: x}}\n",
        HEAD "shared_costs: {helpdesk: {share: amount, by: session, period: day}}\n"};
    static const char changed[] =
        "changed hosting (was amount by session of its month, is amount by session's minutes of its week; "
        "other events count)\n";
    static const char swapped[] =
        "added helpdesk (amount by session of its day)\nremoved hosting (events without an identifier are refused)!\n";
    static const char *const wanted[] = {"added hosting (amount by session of its month)\n", changed, swapped};
    const struct definitions *before = parsed(files[0]);
    for (size_t i = 0; i < 3; i++) {
        const struct definitions *after = parsed_after(files[i + 1], before);
        struct arena arena = {0};
        struct changes changes;
        definitions_compare(before, after, &arena, &changes);
        char told[1024] = "";
        size_t length = 0;
        for (size_t j = 0; j < changes.count; j++) {
            const struct change *change = &changes.list[j];
            assert_int_equal(change->what, CHANGE_OF_SHARED_COST);
            assert_string_equal(change_what_name(change->what), "shared cost");
            assert_false(change->refill);
            length += (size_t)snprintf(told + length, sizeof told - length, "%s %.*s (%s)%s\n",
                change_kind_name(change->kind), BYTES_ARGUMENTS(change->name), change->words,
                change->breaking ? "!" : "");
        }
        assert_string_equal(told, wanted[i]);
        definitions_compare(after, after, &arena, &changes);
        assert_int_equal(changes.count, 0);
        arena_clear(&arena);
        definitions_release(before);
        before = after;
    }
    definitions_release(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_shared_by_what_is_read),
        cmocka_unit_test(each_mistake_is_told_with_its_place),
        cmocka_unit_test(what_changes_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
