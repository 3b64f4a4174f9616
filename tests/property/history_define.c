/* Other definitions while the store serves: their profiles are filled beside whatever goes on by the old ones, links
 * and splits among it. */
#include "store/versions/refill.h"
#include "store/versions/versions.h"
#include "tests/property/history_identity.h"

enum { ROUNDS_MAX = 6 };

/* What a redefinition changes of a world, whose dice, memory and counters go on. */
static void take_definitions(struct world *to, const struct world *from)
{
    to->definitions = from->definitions;
    to->loose_type = from->loose_type;
    memcpy(to->identifiers, from->identifiers, sizeof to->identifiers);
    memcpy(to->identifier_counts, from->identifier_counts, sizeof to->identifier_counts);
    memcpy(to->values, from->values, sizeof to->values);
}

static void define(struct history *history, const char *text, const struct oracle_definitions *next)
{
    struct error error;
    const struct definitions *made;
    const struct definitions *now = store_definitions(history->store);
    int64_t known_at_us = oracle_newest_known_at(history->oracle) + 1;
    if (known_at_us < history->clock_us)
        known_at_us = history->clock_us;
    if (known_at_us < history->answered_us)
        known_at_us = history->answered_us;
    if (definitions_parse(bytes_from_string(text), now, now->version + 1, false, &made, &error) != PATRON_OK)
        history_fail(history, "the next definitions are refused: %s", error.text);
    if (store_define(history->store, made, known_at_us, false, &error) != PATRON_OK)
        history_fail(history, "a version cannot be defined: %s", error.text);
    definitions_release(made);
    if (store_newest_known_at(history->store) != known_at_us)
        history_fail(history, "the version is not known at the moment given");
    history_record_define(history, text, known_at_us);
    oracle_list_blocked(history->oracle, next);
    oracle_entry_taken(history->oracle, known_at_us);
}

/* By the definitions that serve still. */
static void something_beside(struct history *history)
{
    struct dice *dice = &history->world.dice;
    const struct oracle_event *event =
        world_event(&history->world, oracle_newest_known_at(history->oracle) - dice_between(dice, -100, WORLD_DAY));
    switch (dice_below(dice, 6)) {
    case 0:
        history_happen_sure_link(history);
        break;
    case 1:
    case 2:
        history_happen_sure_split(history);
        break;
    case 3:
        history_decide(history);
        break;
    default:
        history_group(history, &event, 1, NULL, false);
        break;
    }
}

/* Up to the newest position, a little at a time. */
static void fill(struct history *history, struct refill *refill, bool quietly)
{
    struct error error;
    struct dice *dice = &history->world.dice;
    struct view view;
    store_view_take(history->store, &view);
    for (bool reached = false; !reached;) {
        if (refill_step(refill, &view, 1 + dice_below(dice, 6), &reached, &error) != PATRON_OK)
            history_fail(history, "a version is not filled: %s", error.text);
        if (!quietly && dice_chance(dice, 30))
            something_beside(history);
        if (refill_write(history->store, refill, &error) != PATRON_OK)
            history_fail(history, "what a version is filled with is not written: %s", error.text);
    }
    store_view_release(&view);
}

static void fill_all(struct history *history)
{
    struct error error;
    struct dice *dice = &history->world.dice;
    struct refill *refill = refill_new(history->store);
    bool done = false;
    for (int round = 0; !done; round++) {
        if (round == ROUNDS_MAX + 2)
            history_fail(history, "a version is never filled");
        fill(history, refill, round >= ROUNDS_MAX);
        if (round < ROUNDS_MAX && dice_chance(dice, 20)) { /* and on from what was written */
            refill_free(refill);
            refill = refill_new(history->store);
            continue;
        }
        if (round < ROUNDS_MAX && dice_chance(dice, 50))
            something_beside(history);
        size_t most = round < ROUNDS_MAX && dice_chance(dice, 50) ? dice_below(dice, 3) : SIZE_MAX;
        if (refill_finish(history->store, refill, most, &done, &error) != PATRON_OK)
            history_fail(history, "a version that is filled does not serve: %s", error.text);
        history->figures->identity.fills_behind += !done;
    }
    refill_free(refill);
    history->figures->identity.filled_beside++;
}

/* Nobody asks for what the version before was served from. */
static void sweep(struct history *history)
{
    struct error error;
    for (size_t i = 0; i < HISTORY_HELD_VIEWS; i++)
        history_view_drop(history, &history->held[i]);
    for (bool left = true; left;)
        if (store_sweep(history->store, 1 + dice_below(&history->world.dice, 50), &left, &error) != PATRON_OK)
            history_fail(history, "what serves no longer cannot be given up: %s", error.text);
}

void history_happen_define(struct history *history)
{
    struct world *world = &history->world;
    struct world *before = memory_alloc(sizeof *before), *after = memory_alloc(sizeof *after);
    take_definitions(before, world);
    world_redefine(world, history->number + world->features);
    const char *text = world_definitions_text(world);
    take_definitions(after, world);
    take_definitions(world, before);
    fprintf(history->log, "define other definitions, to serve when they are filled\n");
    define(history, text, &after->definitions);
    if (store_is_refilling(history->store))
        fill_all(history);
    if (store_is_refilling(history->store))
        history_fail(history, "a version is filled and does not serve");
    take_definitions(world, after);
    sweep(history);
    history_record_serves(history);
    history_definitions_serve(history);
    memory_free(before);
    memory_free(after);
}
