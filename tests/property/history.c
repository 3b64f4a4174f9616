/* A history's course: what happens in which order. Each has by the end what every one must have: customers that became
 * one, late and future-dated events (which fell due), duplicates, refusals, events of one instant and ties in time. */
#include "tests/property/history_identity.h"

#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/property/again.h"

enum {
    GROUP_EVENTS_MAX = 8,
    ATTEMPTS_MAX = 40,
    CROWD_EVERY = 250,
    CROWD_AT = 77,
    FLOOD_EVERY = 500,
    FLOOD_AT = 333,
    FLOOD_GROUP = 128,
};

_Noreturn void history_fail(struct history *history, const char *format, ...)
{
    va_list arguments;
    fflush(history->log);
    printf("\n=== seed %llu, history %llu\n", (unsigned long long)history->seed,
        (unsigned long long)history->number);
    printf("--- the definitions, as they are now\n%s--- what happened\n%s\n",
        world_definitions_text(&history->world), history->log_text);
    printf("=== ");
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    again_print();
    _exit(1);
}

/* --- time ----------------------------------------------------------------------------------------------- */

/* Mostly a little; sometimes not at all, sometimes to the edge of a tile, sometimes far. */
static void step_clock(struct history *history)
{
    static const int64_t steps[] = {0, 0, 1, 50, WORLD_SECOND, WORLD_MINUTE, 20 * WORLD_MINUTE, WORLD_HOUR,
        9 * WORLD_HOUR, WORLD_DAY, 3 * WORLD_DAY, 40 * WORLD_DAY};
    struct dice *dice = &history->world.dice;
    size_t step = dice_below(dice, dice_chance(dice, 5) ? 12 : 10);
    history->clock_us += steps[step] ? dice_between(dice, 0, steps[step]) : 0;
    int64_t odd_us = dice_chance(dice, 10) ? history_odd_moment(history) : history->clock_us;
    if (odd_us > history->clock_us && odd_us < history->clock_us + 60 * WORLD_DAY)
        history->clock_us = odd_us;
    if (dice_chance(dice, 20)) {
        static const int64_t hops[] = {5 * WORLD_MINUTE, WORLD_HOUR};
        int64_t hop = hops[dice_below(dice, 2)];
        int64_t edge = history->clock_us - ((history->clock_us % hop) + hop) % hop + hop;
        if (dice_chance(dice, 30))
            edge = oracle_day_start(oracle_day(history->clock_us) + 1);
        edge += dice_between(dice, -1, 1);
        if (edge > history->clock_us)
            history->clock_us = edge;
    }
}

/* About what known_at the event will get that comes after so many others, all of them now; none gets 0. */
static int64_t known_after(const struct history *history, size_t others)
{
    int64_t first_us = oracle_newest_known_at(history->oracle) + 1;
    if (first_us < history->clock_us)
        first_us = history->clock_us;
    if (first_us < history->answered_us)
        first_us = history->answered_us;
    int64_t known_at_us = first_us + (int64_t)others;
    return first_us <= 0 && known_at_us >= 0 ? known_at_us + 1 : known_at_us;
}

static int64_t known_soon(const struct history *history)
{
    return known_after(history, 0);
}

static int64_t random_time(struct history *history)
{
    struct dice *dice = &history->world.dice;
    int64_t known_us = known_soon(history);
    int64_t time_us = known_us;
    switch (dice_below(dice, 14)) {
    case 0:
        break;
    case 1:
        time_us -= 1;
        break;
    case 2:
    case 3:
    case 4:
        time_us -= dice_between(dice, 0, 10 * WORLD_MINUTE);
        break;
    case 5:
    case 6:
        time_us -= dice_between(dice, 0, WORLD_DAY);
        break;
    case 7:
        time_us -= dice_between(dice, 0, 40 * WORLD_DAY);
        break;
    case 8:
        time_us -= dice_between(dice, 0, 400 * WORLD_DAY);
        break;
    case 9:
        time_us += dice_between(dice, 1, WORLD_HOUR);
        break;
    case 10:
        time_us += dice_chance(dice, 20) ? WORLD_AHEAD : dice_between(dice, 1, WORLD_AHEAD);
        break;
    default:
        time_us = history_moment(history);
        break;
    }
    if (dice_chance(dice, 1))
        time_us = dice_chance(dice, 50) ? INT64_C(-2208988800000000) : time_us - 4000 * WORLD_DAY;
    if (time_us < INT64_C(-2208988800000000))
        time_us = INT64_C(-2208988800000000);
    return time_us > known_us + WORLD_AHEAD ? known_us + WORLD_AHEAD : time_us;
}

/* --- what can happen ------------------------------------------------------------------------------------ */

static const struct oracle_event *any_applied(struct history *history)
{
    if (history->applied_count == 0)
        return NULL;
    return history->applied[dice_below(&history->world.dice, history->applied_count)].event;
}

/* `place` is the event's in its group: those before it may push its known_at on. */
static const struct oracle_event *bad_event(struct history *history, size_t place, int *refusal)
{
    for (int attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
        enum world_refusal kind = (enum world_refusal)dice_below(&history->world.dice, WORLD_REFUSAL_COUNT);
        const struct oracle_event *event = world_bad_event(&history->world, kind, random_time(history),
            known_after(history, place), history->clock_us, any_applied(history));
        if (event == NULL)
            continue;
        *refusal = (int)kind + 1;
        return event;
    }
    history_fail(history, "no bad event can be made");
}

static void happen_group(struct history *history)
{
    struct dice *dice = &history->world.dice;
    const struct oracle_event *events[GROUP_EVENTS_MAX];
    int refusals[GROUP_EVENTS_MAX] = {0};
    size_t count = dice_chance(dice, 40) ? 1 : 1 + dice_below(dice, GROUP_EVENTS_MAX);
    step_clock(history);
    for (size_t i = 0; i < count; i++) {
        if (dice_chance(dice, 4) && any_applied(history) != NULL)
            events[i] = world_again(&history->world, any_applied(history));
        else if (dice_chance(dice, 4))
            events[i] = bad_event(history, i, &refusals[i]);
        else
            events[i] = world_event(&history->world, random_time(history));
    }
    if (history->directory[0] == '\0' && dice_chance(dice, 2))
        history_failing_group(history, events, count);
    else
        history_group(history, events, count, refusals, false);
}

/* One event whose identifiers are these two. */
static struct oracle_event *event_of(
    struct history *history, int64_t time_us, struct oracle_identifier a, const struct oracle_identifier *b)
{
    struct oracle_event *event = world_event(&history->world, time_us);
    struct oracle_identifier *identifiers = (struct oracle_identifier *)event->identifiers;
    identifiers[0] = a;
    if (b != NULL)
        identifiers[1] = *b;
    event->identifier_count = b == NULL ? 1 : 2;
    return event;
}

/* Mostly any event; some are sure to have an identifier that is not blocked. */
static struct oracle_event *linking_event(struct history *history, int64_t time_us)
{
    if (dice_chance(&history->world.dice, 75))
        return world_event(&history->world, time_us);
    return event_of(
        history, time_us, world_fresh_identifier(&history->world, history->world.loose_type), NULL);
}

/* Two customers become one: known ones if two can be found that may, else made for it. */
static void happen_merge(struct history *history)
{
    struct dice *dice = &history->world.dice;
    step_clock(history);
    for (int attempt = 0; attempt < 6; attempt++) {
        struct oracle_identifier b = world_identifier(&history->world, SIZE_MAX);
        const struct oracle_event *event =
            event_of(history, random_time(history), world_identifier(&history->world, SIZE_MAX), &b);
        if (oracle_preview(history->oracle, event, history->clock_us, history->answered_us).customers_merged >
            0) {
            history_group(history, &event, 1, NULL, false);
            return;
        }
    }
    struct oracle_identifier a = world_fresh_identifier(&history->world, history->world.loose_type);
    struct oracle_identifier b = world_fresh_identifier(&history->world, history->world.loose_type);
    struct oracle_event *made[] = {event_of(history, random_time(history), a, NULL),
        event_of(history, random_time(history), b, NULL), event_of(history, random_time(history), a, &b)};
    const struct oracle_event *events[] = {made[0], made[1], made[2]};
    bool apart = dice_chance(dice, 70);
    if (dice_chance(dice, 50)) /* of little worth: no person is asked */
        made[0]->attribute_count = made[1]->attribute_count = 0;
    for (size_t i = 0; apart && i < 3; i++) {
        history_group(history, &events[i], 1, NULL, false);
        history_ask_one(history, dice_chance(dice, 50) ? &a : &b, known_soon(history));
        step_clock(history);
    }
    if (!apart)
        history_group(history, events, 3, NULL, false);
}

static void happen_late(struct history *history)
{
    step_clock(history);
    int64_t ago_us = dice_between(&history->world.dice, 2 * WORLD_HOUR, 100 * WORLD_DAY);
    const struct oracle_event *event = linking_event(history, known_soon(history) - ago_us);
    history_group(history, &event, 1, NULL, false);
}

/* An event dated after it is known: seen by nobody before its time, and by everybody after. */
static void happen_future(struct history *history)
{
    struct dice *dice = &history->world.dice;
    step_clock(history);
    int64_t known_us = known_soon(history);
    int64_t time_us =
        known_us + (dice_chance(dice, 50) ? dice_between(dice, 1, 100) : dice_between(dice, 1, WORLD_AHEAD));
    const struct oracle_event *event = linking_event(history, time_us);
    history_group(history, &event, 1, NULL, false);
    if (dice_chance(dice, 50))
        return;
    for (int64_t i = -1; i <= 1; i++) /* T = time: not yet; time + 1: counted */
        if (time_us + i > oracle_newest_known_at(history->oracle))
            history_ask_one(history, &event->identifiers[0], time_us + i);
}

static void happen_duplicate(struct history *history)
{
    if (any_applied(history) == NULL)
        return;
    if (dice_chance(&history->world.dice, 50))
        step_clock(history);
    const struct oracle_event *event = world_again(&history->world, any_applied(history));
    history_group(history, &event, 1, NULL, false);
}

static void happen_refusal(struct history *history)
{
    int refusal = 0;
    step_clock(history);
    const struct oracle_event *event = bad_event(history, 0, &refusal);
    history_group(history, &event, 1, &refusal, false);
}

/* The same event under several ids: first and last are decided by the ids' hashes. */
static void happen_tie(struct history *history)
{
    step_clock(history);
    const struct oracle_event *events[4];
    size_t count = 2 + dice_below(&history->world.dice, 3);
    int64_t time_us = random_time(history);
    struct oracle_identifier identifier = world_fresh_identifier(&history->world, history->world.loose_type);
    if (dice_chance(&history->world.dice, 70) && any_applied(history) != NULL)
        identifier = any_applied(history)->identifiers[0];
    for (size_t i = 0; i < count; i++)
        events[i] = event_of(history, time_us, identifier, NULL);
    size_t before = history->applied_count;
    history_group(history, events, count, NULL, false);
    if (history->applied_count - before > 1) {
        history->has.ties++;
        history->figures->ties++;
    }
}

/* A window's head passes the moment at which the zone's clocks change: an event before that moment, something that
 * makes the store write just before the head comes there, and questions on the way. */
static void happen_odd(struct history *history)
{
    struct dice *dice = &history->world.dice;
    const struct oracle_definitions *definitions = &history->world.definitions;
    const struct oracle_feature *feature =
        &definitions->features[dice_below(dice, definitions->feature_count)];
    int64_t passes_us = history->world.odd_us + feature->window_us + feature->offset_us;
    if (passes_us - WORLD_MINUTE <= known_soon(history) || passes_us > known_soon(history) + 400 * WORLD_DAY)
        return;
    struct oracle_identifier identifier = world_identifier(&history->world, history->world.loose_type);
    const struct oracle_event *event =
        event_of(history, history->world.odd_us - dice_between(dice, 1, 23 * WORLD_HOUR), identifier, NULL);
    history_group(history, &event, 1, NULL, false);
    history->clock_us = passes_us - dice_between(dice, 1, WORLD_MINUTE);
    event = event_of(history, known_soon(history), identifier, NULL);
    history_group(history, &event, 1, NULL, false);
    for (size_t i = 0; i < 4; i++) {
        history_ask_one(history, &identifier, passes_us + (int64_t)i);
        passes_us += dice_between(dice, 0, 30 * WORLD_MINUTE);
    }
}

/* Something on both sides of a midnight, so that short windows hold two days, and a question soon after. */
static void happen_midnight(struct history *history)
{
    struct dice *dice = &history->world.dice;
    int64_t midnight_us = oracle_day_start(oracle_day(known_soon(history)) + 1);
    struct oracle_identifier identifier = world_identifier(&history->world, history->world.loose_type);
    const struct oracle_event *events[4];
    for (size_t i = 0; i < 4; i++) {
        int64_t near_us = dice_between(dice, 1, 3 * WORLD_HOUR);
        events[i] = event_of(history, midnight_us + (i % 2 == 0 ? near_us : -near_us), identifier, NULL);
    }
    history->clock_us = midnight_us + 3 * WORLD_HOUR;
    history_group(history, events, 4, NULL, false);
    history_ask_one(history, &identifier, known_soon(history));
}

static void happen_nothing(struct history *history)
{
    history_group(history, NULL, 0, NULL, false);
}

static void happen_write_back(struct history *history)
{
    history_write_back(
        history, dice_chance(&history->world.dice, 50) ? SIZE_MAX : 1 + dice_below(&history->world.dice, 4));
}

static void happen_ask_again(struct history *history)
{
    if (history->question_count > 0)
        history_ask_again(history, 1 + dice_below(&history->world.dice, 8));
}

static void happen_review(struct history *history)
{
    for (size_t i = history->world.keen ? 2 : 1; i > 0; i--) {
        if (history->world.keen && dice_chance(&history->world.dice, 60))
            history_approve_in_turn(history);
        else
            history_decide(history);
    }
}

static void happen_spine(struct history *history)
{
    history_ask_spine(history, false);
}

/* --- the course ----------------------------------------------------------------------------------------- */

/* What happens next, by weight. */
static const struct {
    unsigned weight;
    void (*happen)(struct history *history);
} HAPPENINGS[] = {
    {34, happen_group},
    {5, happen_merge},
    {4, happen_late},
    {4, happen_future},
    {3, happen_duplicate},
    {3, happen_refusal},
    {4, happen_tie},
    {3, happen_odd},
    {3, happen_midnight},
    {1, happen_nothing},
    {20, history_ask_now},
    {6, history_ask_ahead},
    {5, history_ask_past},
    {6, history_ask_held},
    {4, happen_ask_again},
    {3, happen_spine},
    {3, history_ask_every_customer},
    {1, history_ask_impossible},
    {5, happen_write_back},
    {3, history_restart},
    {1, history_verify},
    {10, history_happen_link},
    {5, history_happen_relink},
    {12, history_happen_split},
    {3, history_happen_undo},
    {4, history_happen_window},
    {1, history_happen_define},
    {2, history_happen_unblock},
    {3, history_happen_drain},
    {2, history_look_at_review},
    {8, happen_review},
    {3, history_check_reviews},
    {3, history_check_refusals},
    {2, history_happen_expiry},
    {5, history_check_components},
    {3, history_compare_everyone},
    {2, history_export},
    {2, history_export_again},
};

static void happen_something(struct history *history)
{
    size_t total = 0;
    for (size_t i = 0; i < sizeof HAPPENINGS / sizeof *HAPPENINGS; i++)
        total += HAPPENINGS[i].weight;
    size_t drawn = dice_below(&history->world.dice, total);
    size_t i = 0;
    while (drawn >= HAPPENINGS[i].weight)
        drawn -= HAPPENINGS[i++].weight;
    HAPPENINGS[i].happen(history);
}

/* History on its source's clock, known long ago; the clock is today's. Files overlap a little, so that known_at is not
 * quite in order. */
static void load(struct history *history)
{
    struct dice *dice = &history->world.dice;
    int64_t time_us = history->world.start_us;
    int64_t lag_us = dice_chance(dice, 50) ? 0 : dice_between(dice, 0, WORLD_DAY);
    history->clock_us = time_us + dice_between(dice, 60, 200) * WORLD_DAY;
    for (size_t group = 2 + dice_below(dice, 6); group > 0; group--) {
        const struct oracle_event *events[GROUP_EVENTS_MAX];
        int refusals[GROUP_EVENTS_MAX] = {0};
        size_t count = 1 + dice_below(dice, GROUP_EVENTS_MAX);
        for (size_t i = 0; i < count; i++) {
            time_us += dice_chance(dice, 30) ? 0 : dice_between(dice, -WORLD_HOUR, WORLD_DAY);
            struct oracle_event *event = world_event(&history->world, time_us);
            event->has_known_at = !dice_chance(dice, 1);
            event->known_at_us = time_us + lag_us;
            events[i] = event;
        }
        if (dice_chance(dice, 10))
            events[count - 1] = bad_event(history, count, &refusals[count - 1]);
        history_group(history, events, count, refusals, true);
        if (dice_chance(dice, 10))
            history_ask_past(history);
        if (dice_chance(dice, 10))
            history_ask_now(history);
        if (dice_chance(dice, 10))
            history_restart(history);
    }
}

/* A customer who shows up under new names all the time, until there are a thousand. */
static void crowd(struct history *history)
{
    struct oracle_identifier first = world_fresh_identifier(&history->world, history->world.loose_type);
    uint64_t dropped = history->figures->dropped;
    for (size_t i = 0; i < 34; i++) {
        struct oracle_event *event = world_event(&history->world, random_time(history));
        struct oracle_identifier *identifiers = (struct oracle_identifier *)event->identifiers;
        identifiers[0] = first;
        for (event->identifier_count = 1; event->identifier_count < 31;)
            identifiers[event->identifier_count++] =
                world_fresh_identifier(&history->world, history->world.loose_type);
        const struct oracle_event *events[] = {event};
        history_group(history, events, 1, NULL, false);
        step_clock(history);
    }
    history->figures->full_customers += history->figures->dropped - dropped;
    history_ask_one(history, &first, known_soon(history));
}

/* One event of its own value, on one of three days; of a text attribute too, if the type has one. The newest day has
 * few, and half of those are values that other days have as well. */
static const struct oracle_event *event_of_value(
    struct history *history, struct oracle_identifier identifier, int64_t value, int64_t time_us)
{
    int64_t days = value % 40 == 1 ? 0 : value % 3 == 0 ? 1 : 2;
    struct oracle_event *event = event_of(history, time_us - days * WORLD_DAY, identifier, NULL);
    value -= value % 80 == 1;
    const struct oracle_event_type *type = &history->world.definitions.events[0];
    char text[ORACLE_TEXT_MAX];
    snprintf(text, sizeof text, "value %lld", (long long)value);
    const struct world_value number = {value, 0, NULL};
    const struct world_value word = {0, 0, arena_string(&history->world.arena, bytes_from_string(text))};
    event->type = oracle_text_of(type->name);
    event->attribute_count = 1;
    struct oracle_attribute *attributes = (struct oracle_attribute *)event->attributes;
    attributes[0] = world_attribute(&history->world, &type->attributes[0], &number);
    size_t words = world_text_attribute(type);
    if (words < type->attribute_count)
        attributes[event->attribute_count++] = world_attribute(&history->world, &type->attributes[words], &word);
    return event;
}

/* Values up to `end` for a customer; around the bounds of what is known exactly one by one, with questions. */
static void flood_until(struct history *history, struct oracle_identifier identifier, int64_t value, int64_t end)
{
    /* there are fewer values than events: one in eighty is not new */
    const int64_t bounds[] = {value + TOP_TRACKED_MAX + TOP_TRACKED_MAX / 79,
        value + DISTINCT_VALUES_MAX + DISTINCT_VALUES_MAX / 79};
    int64_t time_us = known_soon(history);
    const struct oracle_event *events[FLOOD_GROUP];
    while (value < end) {
        int64_t count = end - value < FLOOD_GROUP ? end - value : FLOOD_GROUP;
        for (size_t i = 0; i < 2; i++)
            if (value <= bounds[i] + 1 && value + count > bounds[i] - 2)
                count = value < bounds[i] - 2 ? bounds[i] - 2 - value : 1;
        for (int64_t i = 0; i < count; i++)
            events[i] = event_of_value(history, identifier, value + i, time_us);
        history_group(history, events, (size_t)count, NULL, false);
        value += count;
        for (size_t i = 0; i < 2; i++)
            if (value >= bounds[i] - 2 && value <= bounds[i] + 2)
                history_ask_one(history, &identifier, known_soon(history));
    }
    history_ask_one(history, &identifier, known_soon(history));
}

/* More events of the customer than the writer looks at for a split. */
static void many_meanwhile(struct history *history, const struct oracle_split_request *request)
{
    struct oracle_identifier identifier = history_identifier_of(history, request->a);
    int64_t time_us = known_soon(history);
    const struct oracle_event *events[FLOOD_GROUP];
    for (size_t group = 0; group < 6; group++) {
        for (size_t i = 0; i < FLOOD_GROUP; i++)
            events[i] = event_of(history, time_us, identifier, NULL);
        history_group(history, events, FLOOD_GROUP, NULL, false);
    }
}

/* The two are taken apart again, while many of their events come in. */
static void part(struct history *history, uint64_t a, uint64_t b)
{
    struct oracle_link_request link = {.a = a, .b = b, .rule = ORACLE_BY_HAND, .actor = "ada"};
    history_link(history, &link);
    struct oracle_split_request split = {.a = a, .b = b};
    if (oracle_split_is_possible(history->oracle, &split))
        history_split(history, &split, many_meanwhile);
    history_compare_everyone(history);
}

/* Two customers with some values in common become one: each may have more than are known exactly, or fewer. */
static void flood(struct history *history)
{
    struct dice *dice = &history->world.dice;
    size_t type = history->world.loose_type;
    struct oracle_identifier customers[] = {
        world_fresh_identifier(&history->world, type), world_fresh_identifier(&history->world, type)};
    size_t large = dice_below(dice, 3); /* 2: both are */
    history->clock_us = known_soon(history);
    for (size_t i = 0; i < 2; i++) {
        int64_t first = i == 0 ? 0 : DISTINCT_VALUES_MAX - 5 * FLOOD_GROUP;
        int64_t most = large == 2 || large == i ? DISTINCT_VALUES_MAX : TOP_TRACKED_MAX;
        flood_until(
            history, customers[i], first, first + most * 41 / 40 + dice_between(dice, -FLOOD_GROUP, 8 * FLOOD_GROUP));
        if (dice_chance(dice, 30))
            history_restart(history);
    }
    uint64_t nodes[] = {oracle_customer_of(history->oracle, &customers[0], INT64_MAX),
        oracle_customer_of(history->oracle, &customers[1], INT64_MAX)}; /* each has the one */
    const struct oracle_event *both = event_of(history, known_soon(history), customers[0], &customers[1]);
    history_group(history, &both, 1, NULL, false);
    history_ask_one(history, &customers[1], known_soon(history));
    history->clock_us += 29 * WORLD_DAY;
    history_ask_one(history, &customers[0], known_soon(history)); /* days have left the window */
    part(history, nodes[0], nodes[1]);
    history->figures->floods++;
}

/* What every history must have, if chance has not brought it. */
static void complete(struct history *history)
{
    for (int attempt = 0; attempt < ATTEMPTS_MAX && history->has.merges == 0; attempt++)
        happen_merge(history);
    for (int attempt = 0; attempt < ATTEMPTS_MAX && history->has.late == 0; attempt++)
        happen_late(history);
    for (int attempt = 0; attempt < ATTEMPTS_MAX && history->has.future == 0; attempt++)
        happen_future(history);
    for (int attempt = 0; attempt < ATTEMPTS_MAX && history->has.duplicates == 0; attempt++)
        happen_duplicate(history);
    for (int attempt = 0; attempt < ATTEMPTS_MAX && history->has.refused == 0; attempt++)
        happen_refusal(history);
    for (int attempt = 0;
         attempt < ATTEMPTS_MAX && (history->has.ties == 0 || history->has.same_instant == 0); attempt++)
        happen_tie(history);
}

/* Everybody is asked for once more after the last future-dated event fell due, now and then after a further event. */
static void conclude(struct history *history)
{
    struct world *world = &history->world;
    int64_t end_us = known_soon(history) + WORLD_AHEAD + WORLD_SECOND;
    for (size_t round = 0; round < 2; round++) {
        history->clock_us = end_us > history->clock_us ? end_us : history->clock_us + WORLD_DAY;
        for (size_t type = 0; type < world->definitions.identifier_count; type++)
            for (size_t i = 0; i < 4; i++) {
                struct oracle_identifier identifier = world_identifier(world, type);
                history_ask_one(history, &identifier, known_soon(history));
            }
        const struct oracle_event *event = world_event(world, known_soon(history));
        history_group(history, &event, 1, NULL, false);
    }
    history_ask_again(history, SIZE_MAX);
    history_export_again(history);
    history_check_components(history);
    history_check_reviews(history);
    history_check_refusals(history);
    history_count_refusals(history);
    history_compare_everyone(history);
    history_ask_spine(history, true);
    history_ask_every_customer(history);
    if (dice_chance(&world->dice, 50))
        history_restart(history);
    history_write_back(history, SIZE_MAX);
    history_ask_again(history, 10);
    history_verify(history);
    if (history->number % 3 != 0 && oracle_event_count(history->oracle) < 2000)
        history_replay(history);
    for (size_t i = 0; i < history->applied_count; i++)
        history->has.future_due +=
            history->applied[i].future && history->applied[i].event->time_us < history->answered_us;
    history->figures->future_due += history->has.future_due;
}

static void check_figures(struct history *history)
{
    struct store_figures figures;
    store_figures(history->store, &figures);
    if (figures.nodes != oracle_node_count(history->oracle) ||
        figures.events != oracle_event_count(history->oracle) || figures.merges != history->has.merges ||
        figures.identifiers_dropped != oracle_dropped_count(history->oracle) || figures.profiles_behind != 0)
        history_fail(history, "figures: %llu nodes, %llu events, %llu merges, %llu dropped, %llu behind",
            (unsigned long long)figures.nodes, (unsigned long long)figures.events,
            (unsigned long long)figures.merges, (unsigned long long)figures.identifiers_dropped,
            (unsigned long long)figures.profiles_behind);
    bool merges = history->has.merges > 0 || history->asks_persons;
    if (!merges || history->has.late == 0 || history->has.future_due == 0 ||
        history->has.duplicates == 0 || history->has.refused == 0 || history->has.same_instant == 0 ||
        history->has.ties == 0)
        history_fail(history,
            "the history lacks something that every one must have: it has %u merges, %u late, %u due, %u duplicates, "
            "%u refused, %u of one instant, %u ties",
            history->has.merges, history->has.late, history->has.future_due, history->has.duplicates,
            history->has.refused, history->has.same_instant, history->has.ties);
}

void history_run(uint64_t seed, uint64_t number, struct history_figures *figures)
{
    struct history *history = memory_alloc(sizeof *history);
    history->seed = seed;
    history->number = number;
    again_set(seed, number);
    history->figures = figures;
    history->answered_us = INT64_MIN;
    history->log = open_memstream(&history->log_text, &history->log_length);
    CHECK(history->log != NULL);
    world_init(&history->world, seed, number);
    bool flooded = number % FLOOD_EVERY == FLOOD_AT;
    if (flooded) {
        world_features_of_values(&history->world);
        world_protect(&history->world); /* the feature that values go by has moved */
    }
    bool crowded = number % CROWD_EVERY == CROWD_AT;
    if (crowded)
        world_unprotect(&history->world);
    history->oracle = oracle_new(&history->world.definitions, WORLD_AHEAD);
    if (!oracle_time_zone_usable(history->world.definitions.time_zone))
        history_fail(history, "libc does not know the time zone: install tzdata");
    history->clock_us = history->world.start_us;
    history_open(history);
    if (dice_chance(&history->world.dice, 30))
        load(history);
    happen_group(history);
    if (crowded)
        crowd(history);
    for (size_t left =
             12 + dice_below(&history->world.dice, dice_chance(&history->world.dice, 20) ? 100 : 30);
         left > 0; left--)
        happen_something(history);
    if (flooded)
        flood(history);
    complete(history);
    conclude(history);
    check_figures(history);
    history_exports_clear(history);
    history_close(history);
    figures->histories++;
    oracle_free(history->oracle);
    world_clear(&history->world);
    arena_clear(&history->call);
    memory_free(history->applied);
    memory_free(history->questions);
    memory_free(history->records);
    fclose(history->log);
    free(history->log_text);
    memory_free(history);
}
