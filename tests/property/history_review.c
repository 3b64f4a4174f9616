/* Reviews: what reviewers see, what they decide, and what every item was at any time. */
#include "tests/property/history_identity.h"

static const char *const ACTORS[] = {"ada", "bob", "eve"};

void history_reviews_clear(struct history *history)
{
    history->seen_count = 0;
}

static size_t item_count(const struct history *history)
{
    const struct oracle_item *items;
    return oracle_items(history->oracle, &items);
}

/* One that waits, if chance finds it, else any; SIZE_MAX: there is none. */
static size_t any_item(struct history *history)
{
    size_t count = item_count(history);
    size_t item = SIZE_MAX;
    for (int attempt = 0; attempt < 12 && count > 0; attempt++) {
        item = dice_below(&history->world.dice, count);
        enum oracle_state state =
            oracle_state_at(history->oracle, item, oracle_newest_known_at(history->oracle) + 1);
        if (state == ORACLE_OPEN || state == ORACLE_HALF_APPROVED)
            break;
    }
    return item;
}

static struct review_item read_item(
    struct history *history, const struct view *view, const struct oracle_item *ours, int64_t as_of_us)
{
    struct error error;
    struct review_item theirs;
    if (review_get(view, ours->item_us, as_of_us, &history->call, &theirs, &error) != PATRON_OK)
        history_fail(history, "review item %lld cannot be read: %s", (long long)ours->item_us, error.text);
    return theirs;
}

static struct history_seen see(struct history *history, size_t item)
{
    struct error error;
    const struct oracle_item *items;
    struct history_view view = {0};
    oracle_items(history->oracle, &items);
    history_view_take(history, &view);
    struct review_item theirs = read_item(history, &view.view, &items[item], INT64_MAX);
    struct history_seen seen = {.item = item, .ours = oracle_seen(history->oracle, item)};
    if (review_seen(&view.view, &theirs, &history->call, seen.theirs, &error) != PATRON_OK)
        history_fail(history, "what is to be reviewed cannot be seen: %s", error.text);
    history_view_drop(history, &view);
    return seen;
}

/* Kept for a verdict that comes later. */
void history_look_at_review(struct history *history)
{
    size_t item = any_item(history);
    if (item == SIZE_MAX)
        return;
    arena_reset(&history->call);
    size_t place = history->seen_count < HISTORY_SEEN_MAX ? history->seen_count++
                                                          : dice_below(&history->world.dice, HISTORY_SEEN_MAX);
    history->seen[place] = see(history, item);
    fprintf(history->log, "look at review item %zu\n", item);
}

/* --- verdicts ---------------------------------------------------------------------------------------------- */

/* What is seen now, what was seen once, or nothing. */
static bool choose_seen(struct history *history, size_t item, struct history_seen *seen)
{
    if (dice_chance(&history->world.dice, 40)) {
        *seen = see(history, item);
        return true;
    }
    for (size_t i = 0; i < history->seen_count; i++) {
        if (history->seen[i].item != item || !dice_chance(&history->world.dice, 70))
            continue;
        *seen = history->seen[i];
        return true;
    }
    return false;
}

static void count_verdict(struct history *history, const struct oracle_verdict *verdict,
    const struct oracle_verdict_outcome *outcome, bool had_first)
{
    struct history_identity_figures *figures = &history->figures->identity;
    figures->verdicts_refused += outcome->refused;
    if (outcome->refused)
        return;
    figures->rejected += outcome->state == ORACLE_REJECTED;
    figures->first_approvals += outcome->state == ORACLE_HALF_APPROVED && !outcome->replaced;
    figures->first_replaced += outcome->replaced;
    if (outcome->state != ORACLE_APPROVED)
        return;
    figures->approved_unseen += !verdict->has_seen;
    figures->approved_as_seen += verdict->has_seen && !outcome->changed;
    figures->approved_changed += outcome->changed;
    figures->approved_by_two += had_first;
    figures->links_made[ORACLE_BY_REVIEW]++;
    history->has.merges++;
    history->figures->merges++;
}

static void check_verdict(struct history *history, const struct oracle_verdict_outcome *ours, enum patron_code code,
    const struct review_outcome *theirs, const struct error *error)
{
    if (ours->refused != (code == PATRON_PRECONDITION) || (code != PATRON_OK && code != PATRON_PRECONDITION))
        history_fail(history, "the verdict is %s by the store (%s), and should be %s: the item's state is %d",
            code == PATRON_OK ? "taken" : "refused", code == PATRON_OK ? "" : error->text,
            ours->refused ? "refused" : "taken", (int)ours->state);
    if (ours->refused)
        return;
    if ((int)theirs->state != (int)ours->state || theirs->known_at_us != ours->known_at_us)
        history_fail(history, "the verdict makes it %d at %lld, not %d at %lld", (int)theirs->state,
            (long long)theirs->known_at_us, (int)ours->state, (long long)ours->known_at_us);
    if (ours->state == ORACLE_APPROVED &&
        (theirs->link.fate != LINK_MADE || theirs->link.customer != ours->link.customer ||
            theirs->link.merged != ours->link.merged))
        history_fail(history, "the approved link makes customer %llu of %llu, not %llu of %llu",
            (unsigned long long)theirs->link.customer, (unsigned long long)theirs->link.merged,
            (unsigned long long)ours->link.customer, (unsigned long long)ours->link.merged);
}

/* A verdict given on both sides. */
static enum oracle_state decide(
    struct history *history, const struct oracle_verdict *verdict, const struct history_seen *seen)
{
    struct error error;
    const struct oracle_item *items;
    oracle_items(history->oracle, &items);
    const struct oracle_item *item = &items[verdict->item];
    bool had_first = item->first_us != 0;
    struct review_request request = {.item_us = item->item_us,
        .verdict = verdict->approve ? REVIEW_APPROVE : REVIEW_REJECT,
        .has_seen = verdict->has_seen,
        .actor = bytes_from_string(verdict->actor),
        .reason = bytes_from_string("I looked at it")};
    memcpy(request.seen, seen->theirs, sizeof request.seen);
    fprintf(history->log, "%s %s item %zu of %lld (nodes %llu and %llu)%s\n", verdict->actor,
        verdict->approve ? "approves" : "rejects", verdict->item, (long long)item->item_us,
        (unsigned long long)item->a, (unsigned long long)item->b, verdict->has_seen ? ", seen" : "");
    history_record_verdict(history, &request);
    history_begin_group(history, false);
    struct review_outcome theirs = {0};
    enum patron_code code = group_review_decide(history->store, &request, &theirs, &error);
    struct oracle_verdict_outcome ours =
        oracle_decide(history->oracle, verdict, history->clock_us, history->answered_us);
    check_verdict(history, &ours, code, &theirs, &error);
    history_commit_group(history);
    count_verdict(history, verdict, &ours, had_first);
    history->figures->identity.states[ours.state]++;
    fprintf(history->log, "  %s, state %d\n", ours.refused ? error.text : "done", (int)ours.state);
    return ours.refused ? ORACLE_STATES : ours.state;
}

void history_decide(struct history *history)
{
    struct dice *dice = &history->world.dice;
    size_t item = any_item(history);
    if (item == SIZE_MAX)
        return;
    arena_reset(&history->call);
    struct history_seen seen = {0};
    struct oracle_verdict verdict = {
        .item = item, .approve = dice_chance(dice, 75), .actor = ACTORS[dice_below(dice, 3)]};
    verdict.has_seen = choose_seen(history, item, &seen);
    verdict.seen = seen.ours;
    decide(history, &verdict, &seen);
}

/* One of the two sides gets another identifier, or more worth, or both. */
static void change_side(struct history *history, size_t item)
{
    const struct oracle_item *items;
    struct dice *dice = &history->world.dice;
    oracle_items(history->oracle, &items);
    struct oracle_event *event = world_event(&history->world, oracle_newest_known_at(history->oracle));
    struct oracle_identifier *identifiers = (struct oracle_identifier *)event->identifiers;
    identifiers[0] = history_identifier_of(history, dice_chance(dice, 50) ? items[item].a : items[item].b);
    identifiers[1] = world_fresh_identifier(&history->world, history->world.loose_type);
    event->identifier_count = dice_chance(dice, 70) ? 2 : 1;
    const struct oracle_event *events[] = {event};
    history_group(history, events, 1, NULL, false);
}

/* Two look at an item that waits and approve it, one after the other, and something may change in between. */
void history_approve_in_turn(struct history *history)
{
    struct dice *dice = &history->world.dice;
    size_t item = any_item(history);
    if (item == SIZE_MAX)
        return;
    const char *actors[2] = {ACTORS[dice_below(dice, 3)], ACTORS[dice_below(dice, 3)]};
    enum oracle_state state = ORACLE_OPEN;
    for (size_t i = 0; i < 2 && (state == ORACLE_OPEN || state == ORACLE_HALF_APPROVED); i++) {
        arena_reset(&history->call);
        struct history_seen seen = see(history, item);
        if (dice_chance(dice, 40))
            change_side(history, item);
        struct oracle_verdict verdict = {.item = item,
            .approve = true,
            .has_seen = dice_chance(dice, 80),
            .seen = seen.ours,
            .actor = actors[i]};
        state = decide(history, &verdict, &seen);
        for (size_t changes = dice_below(dice, 4); changes > 0 && state == ORACLE_HALF_APPROVED; changes--)
            change_side(history, item);
    }
}

/* A verdict or more evidence just before an item expires, as it does, or just after. */
void history_happen_expiry(struct history *history)
{
    struct dice *dice = &history->world.dice;
    const struct oracle_item *items;
    size_t item = any_item(history);
    if (item == SIZE_MAX)
        return;
    oracle_items(history->oracle, &items);
    int64_t at_us = items[item].expires_us + dice_between(dice, -1, 1);
    if (at_us <= oracle_newest_known_at(history->oracle) || at_us < history->answered_us ||
        at_us < history->clock_us || at_us > history->clock_us + 40 * WORLD_DAY)
        return;
    history->clock_us = at_us;
    history->figures->identity.expiries++;
    if (dice_chance(dice, 50)) {
        struct oracle_link_request request = {.a = items[item].a,
            .b = items[item].b,
            .rule = ORACLE_BY_MATCH,
            .score = 0.9,
            .doubt = ORACLE_REVIEW_SCORE,
            .actor = "ada"};
        history_link(history, &request);
        return;
    }
    const struct history_seen nothing = {0};
    struct oracle_verdict verdict = {.item = item, .approve = dice_chance(dice, 50), .actor = "bob"};
    decide(history, &verdict, &nothing);
}

/* --- items ------------------------------------------------------------------------------------------------- */

static void check_item(
    struct history *history, const struct view *view, size_t place, int64_t as_of_us, bool now)
{
    const struct oracle_item *items;
    oracle_items(history->oracle, &items);
    const struct oracle_item *ours = &items[place];
    enum oracle_state state = oracle_state_at(history->oracle, place, as_of_us);
    struct review_item theirs = read_item(history, view, ours, as_of_us);
    history->figures->identity.states[state]++;
    if ((int)theirs.state != (int)state)
        history_fail(history, "review item %lld is at %lld in state %d, not %d", (long long)ours->item_us,
            (long long)as_of_us, (int)theirs.state, (int)state);
    if (theirs.a != ours->a || theirs.b != ours->b || (int)theirs.obstacle != (int)ours->obstacle ||
        (int)theirs.rule != (int)ours->rule || theirs.expires_us != ours->expires_us)
        history_fail(history,
            "review item %lld is of nodes %llu and %llu, obstacle %d, rule %d, until %lld, not %llu, %llu, %d, %d, "
            "%lld",
            (long long)ours->item_us, (unsigned long long)theirs.a, (unsigned long long)theirs.b,
            (int)theirs.obstacle, (int)theirs.rule, (long long)theirs.expires_us, (unsigned long long)ours->a,
            (unsigned long long)ours->b, (int)ours->obstacle, (int)ours->rule, (long long)ours->expires_us);
    if (!now)
        return;
    if (theirs.count != ours->count || theirs.last_us != ours->last_us ||
        theirs.second_person != ours->second_person || theirs.decided_us != ours->decided_us)
        history_fail(history,
            "review item %lld has evidence %llu times, lastly at %lld, and was decided at %lld, not %llu, %lld, %lld",
            (long long)ours->item_us, (unsigned long long)theirs.count, (long long)theirs.last_us,
            (long long)theirs.decided_us, (unsigned long long)ours->count, (long long)ours->last_us,
            (long long)ours->decided_us);
    if (ours->first_us != 0 && !bytes_is(theirs.first_actor, ours->first_actor))
        history_fail(history, "review item %lld was first approved by another", (long long)ours->item_us);
}

struct listing {
    struct history *history;
    size_t at;
    int64_t as_of_us;
    bool open_only;
};

/* The next of the oracle's that the list should have. */
static bool take_listed(void *context, const struct review_item *theirs)
{
    struct listing *listing = context;
    const struct oracle_item *items;
    size_t count = oracle_items(listing->history->oracle, &items);
    for (; listing->at < count; listing->at++) {
        if (items[listing->at].item_us >= listing->as_of_us)
            break;
        enum oracle_state state = oracle_state_at(listing->history->oracle, listing->at, listing->as_of_us);
        if (listing->open_only && state != ORACLE_OPEN && state != ORACLE_HALF_APPROVED)
            continue;
        if (items[listing->at].item_us != theirs->item_us || (int)state != (int)theirs->state)
            break;
        listing->at++;
        return true;
    }
    history_fail(listing->history, "review item %lld is listed as of %lld and should not be",
        (long long)theirs->item_us, (long long)listing->as_of_us);
}

static void check_listing(struct history *history, const struct view *view, int64_t as_of_us, bool open_only)
{
    struct error error;
    struct listing listing = {history, 0, as_of_us, open_only};
    struct review_walk walk = {
        .from_us = INT64_MIN, .as_of_us = as_of_us, .open_only = open_only, .take = take_listed, .context = &listing};
    if (review_each(view, &walk, &error) != PATRON_OK)
        history_fail(history, "review items cannot be listed: %s", error.text);
    const struct oracle_item *items;
    size_t count = oracle_items(history->oracle, &items);
    for (; listing.at < count && items[listing.at].item_us < as_of_us; listing.at++) {
        enum oracle_state state = oracle_state_at(history->oracle, listing.at, as_of_us);
        if (!open_only || state == ORACLE_OPEN || state == ORACLE_HALF_APPROVED)
            history_fail(history, "review item %lld is not listed as of %lld",
                (long long)items[listing.at].item_us, (long long)as_of_us);
    }
}

void history_check_reviews(struct history *history)
{
    struct dice *dice = &history->world.dice;
    const struct oracle_item *items;
    size_t count = oracle_items(history->oracle, &items);
    if (count == 0)
        return;
    struct history_view view = {0};
    history_view_take(history, &view);
    arena_reset(&history->call);
    int64_t now_us = view.view.position_us + 1;
    for (size_t i = 0; i < count; i++) {
        check_item(history, &view.view, i, now_us, true);
        int64_t past_us = items[i].item_us + 1;
        int64_t edges[] = {past_us, items[i].expires_us - 1, items[i].expires_us, items[i].decided_us + 1,
            items[i].decided_us, items[i].first_us + 1, dice_between(dice, past_us, now_us)};
        int64_t as_of_us = edges[dice_below(dice, 7)];
        if (as_of_us >= past_us && as_of_us <= now_us)
            check_item(history, &view.view, i, as_of_us, false);
    }
    check_listing(history, &view.view, now_us, false);
    check_listing(history, &view.view, now_us, true);
    check_listing(history, &view.view, dice_between(dice, items[0].item_us, now_us), dice_chance(dice, 50));
    history_view_drop(history, &view);
}
