/* The store's side of a history: opening, groups, restarts, views. */
#include "tests/property/history_identity.h"

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

static const uint8_t KEY[STORE_KEY_BYTES] = "the key of no store but this one";

/* --- opening and closing -------------------------------------------------------------------------------- */

static void engine_open(struct history *history)
{
    struct error error;
    if (history->directory[0] == '\0') {
        history->kv = kv_memory_new();
        return;
    }
    char path[sizeof history->directory + 8];
    snprintf(path, sizeof path, "%s/store", history->directory);
    struct kv_rocksdb_options options = {
        .directory = path, .cache_bytes = 1 << 20, .memtable_bytes = 4 << 20};
    if (kv_rocksdb_open(&options, &history->kv, &error) != PATRON_OK)
        history_fail(history, "the engine does not open: %s", error.text);
}

/* The names and types of features are as the world made them. */
static void check_definitions(struct history *history)
{
    const struct definitions *theirs = store_definitions(history->store);
    const struct oracle_definitions *ours = &history->world.definitions;
    if (theirs->feature_count != ours->feature_count)
        history_fail(history, "%zu features, not %zu", theirs->feature_count, ours->feature_count);
    for (size_t i = 0; i < ours->feature_count; i++) {
        if (!bytes_is(theirs->features[i].name, ours->features[i].name))
            history_fail(history, "feature %zu is %.*s, not %s", i, BYTES_ARGUMENTS(theirs->features[i].name),
                ours->features[i].name);
        if ((int)theirs->features[i].type != (int)oracle_feature_type(ours, i))
            history_fail(
                history, "feature %s is of type %d", ours->features[i].name, (int)theirs->features[i].type);
    }
}

static void store_up(struct history *history, struct bytes definitions_text)
{
    struct error error;
    struct store_options options = {.kv = history->kv, .definitions_text = definitions_text, .key = KEY};
    history->home = dice_chance(&history->world.dice, 70) ? small_home_new() : NULL;
    options.home = history->home ? small_home_face(history->home) : NULL;
    if (store_open(&options, &history->store, &error) != PATRON_OK)
        history_fail(history, "the store does not open: %s", error.text);
    history->opened++;
    fprintf(
        history->log, "open, %s\n", history->home ? "profiles lag" : "profiles are written with every group");
    check_definitions(history);
    history_bounds_widen(history);
}

void history_open(struct history *history)
{
    if (history->number % 40 == 7) {
        snprintf(history->directory, sizeof history->directory, "/tmp/patron-history-XXXXXX");
        if (mkdtemp(history->directory) == NULL)
            history_fail(history, "no temporary directory");
        history->figures->on_disk++;
    }
    engine_open(history);
    history_record_definitions(history);
    store_up(history, bytes_from_string(world_definitions_text(&history->world)));
    oracle_entry_taken(history->oracle, store_newest_known_at(history->store));
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status, (void)kind, (void)walk;
    return remove(path);
}

void history_close(struct history *history)
{
    for (size_t i = 0; i < HISTORY_HELD_VIEWS; i++)
        history_view_drop(history, &history->held[i]);
    store_close(history->store);
    small_home_free(history->home);
    kv_close(history->kv);
    if (history->directory[0] != '\0')
        nftw(history->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Some features stay, and answers to them with them. */
static void answers_keep(struct history *history)
{
    const struct oracle_definitions *before = oracle_definitions_of(history->oracle);
    const struct oracle_definitions *now = &history->world.definitions;
    size_t places[ORACLE_FEATURES_MAX];
    for (size_t i = 0; i < before->feature_count; i++) {
        places[i] = SIZE_MAX;
        for (size_t j = 0; j < now->feature_count; j++)
            if (strcmp(before->features[i].name, now->features[j].name) == 0)
                places[i] = j;
    }
    history_questions_keep(history, places);
    history_exports_clear(history);
    oracle_redefine(history->oracle, now);
    history->figures->redefinitions++;
    fprintf(history->log, "other definitions:\n%s", world_definitions_text(&history->world));
}

static void redefine(struct history *history)
{
    world_redefine(&history->world, history->number + history->world.features);
    oracle_list_blocked(history->oracle, &history->world.definitions);
    answers_keep(history);
}

void history_definitions_serve(struct history *history)
{
    answers_keep(history);
    history->opened++; /* features are selected anew */
    check_definitions(history);
    history_bounds_widen(history);
}

/* Half of the restarts lose what was not written back yet, as a crash would. */
static void restart(struct history *history, bool redefines)
{
    struct dice *dice = &history->world.dice;
    fprintf(history->log, "restart\n");
    for (size_t i = 0; i < HISTORY_HELD_VIEWS; i++)
        history_view_drop(history, &history->held[i]);
    struct error error;
    int64_t answered_us = store_answered_until(history->store);
    if (!history->failed && dice_chance(dice, 30) && history->answered_us > answered_us) {
        answered_us = history->answered_us;
        if (store_answered_set(history->store, answered_us, &error) != PATRON_OK)
            history_fail(history, "%s", error.text);
    }
    struct store_figures figures;
    store_figures(history->store, &figures);
    history->figures->restarts++;
    history->figures->crashes += figures.profiles_behind > 0;
    store_close(history->store);
    small_home_free(history->home);
    if (history->directory[0] != '\0' && dice_chance(dice, 60)) {
        kv_close(history->kv);
        engine_open(history);
    }
    if (redefines) {
        redefine(history);
        history_record_definitions(history);
    }
    bool empty = !redefines && dice_chance(dice, 50);
    store_up(history, empty ? (struct bytes){0} : bytes_from_string(world_definitions_text(&history->world)));
    int64_t newest_us = store_newest_known_at(history->store);
    int64_t wanted_us = oracle_newest_known_at(history->oracle);
    if (newest_us != wanted_us && !(redefines && newest_us == wanted_us + 1))
        history_fail(history, "the newest entry is of %lld after a restart, not %lld", (long long)newest_us,
            (long long)wanted_us);
    oracle_entry_taken(history->oracle, newest_us);
    if (store_answered_until(history->store) != answered_us)
        history_fail(history, "the store has forgotten up to when it answered");
}

/* Some bring other definitions. */
void history_restart(struct history *history)
{
    restart(history, dice_chance(&history->world.dice, 25));
}

void history_restart_as_it_is(struct history *history)
{
    restart(history, false);
}

/* --- views ---------------------------------------------------------------------------------------------- */

void history_view_take(struct history *history, struct history_view *view)
{
    store_view_take(history->store, &view->view);
    view->taken = true;
    view->number = history->home ? small_home_view_taken(history->home) : 0;
    if (view->view.position_us != oracle_newest_known_at(history->oracle))
        history_fail(history, "a view's position is %lld, not %lld", (long long)view->view.position_us,
            (long long)oracle_newest_known_at(history->oracle));
}

void history_view_drop(struct history *history, struct history_view *view)
{
    if (!view->taken)
        return;
    view->taken = false;
    store_view_release(&view->view);
    if (history->home == NULL || dice_chance(&history->world.dice, 50))
        return;
    uint64_t oldest = small_home_next_view(history->home);
    int64_t position_us = store_newest_known_at(history->store);
    for (size_t i = 0; i < HISTORY_HELD_VIEWS; i++) {
        if (history->held[i].taken && history->held[i].number < oldest) {
            oldest = history->held[i].number;
            position_us = history->held[i].view.position_us;
        }
    }
    small_home_forget(history->home, oldest, position_us);
}

void history_write_back(struct history *history, size_t profiles_max)
{
    struct error error;
    size_t left = 0;
    if (store_write_back(history->store, profiles_max, &left, &error) != PATRON_OK)
        history_fail(history, "write-back: %s", error.text);
    history->figures->write_backs++;
    fprintf(history->log, "write back up to %zu, %zu left\n", profiles_max, left);
}

static bool report(void *context, const struct verify_result *so_far, const char *finding)
{
    (void)so_far;
    if (finding != NULL)
        fprintf(((struct history *)context)->log, "verify: %s\n", finding);
    return true;
}

void history_verify(struct history *history)
{
    struct error error;
    struct history_view view = {0};
    struct verify_result result = {0};
    history_view_take(history, &view);
    if (store_verify(&view.view, &result, report, history, &error) != PATRON_OK)
        history_fail(history, "verify: %s", error.text);
    const uint64_t *customers;
    size_t count = oracle_customers(history->oracle, INT64_MAX, &customers);
    if (result.differences != 0 || result.customers != count ||
        result.events != oracle_event_count(history->oracle))
        history_fail(history,
            "verify finds %llu differences in %llu customers with %llu events; there are %zu and %llu",
            (unsigned long long)result.differences, (unsigned long long)result.customers,
            (unsigned long long)result.events, count,
            (unsigned long long)oracle_event_count(history->oracle));
    history_view_drop(history, &view);
    history->figures->verifications++;
}

/* --- groups --------------------------------------------------------------------------------------------- */

static void keep_applied(
    struct history *history, const struct oracle_event *event, const struct oracle_outcome *outcome)
{
    history->applied =
        memory_resize(history->applied, (history->applied_count + 1) * sizeof *history->applied);
    struct history_applied *applied = &history->applied[history->applied_count++];
    *applied = (struct history_applied){event, outcome->known_at_us, event->time_us > outcome->known_at_us};
    bool late = event->time_us < outcome->known_at_us - WORLD_HOUR;
    history->has.late += late;
    history->has.future += applied->future;
    history->has.merges += outcome->customers_merged;
    history->figures->late += late;
    history->figures->future += applied->future;
    history->figures->merges += outcome->customers_merged;
    history->figures->dropped += outcome->identifiers_dropped;
    history->figures->source_clock += event->has_known_at;
}

static void check_outcome(struct history *history, const struct oracle_event *event,
    const struct oracle_outcome *ours, const struct event_outcome *theirs, int refusal)
{
    static const char *const words[] = {"?", "applied", "duplicate", "refused"};
    if ((int)theirs->fate != (int)ours->fate)
        history_fail(history, "the event was %s by the store, but should be %s (%s)", words[theirs->fate],
            words[ours->fate], theirs->fate == EVENT_REFUSED ? theirs->why.text : "");
    if (ours->fate == ORACLE_REFUSED &&
        ((theirs->why.code == PATRON_CONFLICT) != (ours->refusal == ORACLE_CONFLICT) ||
            theirs->why.text[0] == '\0'))
        history_fail(history, "refused for another reason: %s", theirs->why.text);
    if (refusal != 0 && ours->fate != ORACLE_REFUSED)
        history_fail(history, "the world's bad event is good: %s",
            world_refusal_name((enum world_refusal)(refusal - 1)));
    if (ours->fate == ORACLE_APPLIED && (theirs->known_at_us != ours->known_at_us ||
                                            theirs->identifiers_dropped != ours->identifiers_dropped))
        history_fail(history, "known_at %lld with %u dropped, not %lld with %u",
            (long long)theirs->known_at_us, theirs->identifiers_dropped, (long long)ours->known_at_us,
            ours->identifiers_dropped);
    if (ours->fate != ORACLE_REFUSED && theirs->node != ours->node)
        history_fail(
            history, "node %llu, not %llu", (unsigned long long)theirs->node, (unsigned long long)ours->node);
    history->figures->fates[ours->fate]++;
    history->has.duplicates += ours->fate == ORACLE_DUPLICATE;
    history->has.refused += ours->fate == ORACLE_REFUSED;
    if (refusal != 0)
        history->figures->refused[refusal - 1]++;
    if (ours->fate == ORACLE_APPLIED)
        keep_applied(history, event, ours);
}

void history_begin_group(struct history *history, bool source_clock)
{
    int64_t first_us = oracle_newest_known_at(history->oracle) + 1;
    if (first_us < history->answered_us)
        first_us = history->answered_us;
    if (!source_clock && first_us < history->clock_us)
        first_us = history->clock_us;
    fprintf(history->log, "group at clock %lld, floor %lld%s\n", (long long)history->clock_us,
        (long long)history->answered_us, source_clock ? ", on the source's clock" : "");
    int64_t theirs_us =
        store_group_begin(history->store, history->clock_us, history->answered_us, source_clock);
    if (theirs_us != first_us)
        history_fail(
            history, "the group begins at %lld, not %lld", (long long)theirs_us, (long long)first_us);
}

void history_commit_group(struct history *history)
{
    struct error error;
    if (store_group_commit(history->store, &error) != PATRON_OK)
        history_fail(history, "commit: %s", error.text);
    if (store_newest_known_at(history->store) != oracle_newest_known_at(history->oracle))
        history_fail(history, "after the commit the newest entry is of %lld, not %lld",
            (long long)store_newest_known_at(history->store),
            (long long)oracle_newest_known_at(history->oracle));
}

static void log_event(struct history *history, const struct oracle_event *event)
{
    fputs("  event ", history->log);
    world_print_event(history->log, event);
    fputc('\n', history->log);
}

void history_group(struct history *history, const struct oracle_event *const *events, size_t count,
    const int *refusals, bool source_clock)
{
    struct error error;
    unsigned applied = 0;
    history_record_group(history, events, count, source_clock);
    history_begin_group(history, source_clock);
    for (size_t i = 0; i < count; i++) {
        arena_reset(&history->call);
        struct event_input input = translate_event(&history->call, events[i]);
        struct event_outcome theirs = {0};
        log_event(history, events[i]);
        if (store_group_add(history->store, &input, &theirs, &error) != PATRON_OK)
            history_fail(history, "the engine failed: %s", error.text);
        struct oracle_outcome ours =
            oracle_add(history->oracle, events[i], history->clock_us, history->answered_us);
        check_outcome(history, events[i], &ours, &theirs, refusals ? refusals[i] : 0);
        applied += ours.fate == ORACLE_APPLIED;
        if (ours.fate == ORACLE_APPLIED)
            fprintf(history->log, "    applied: known_at %lld, node %llu, %u dropped, %u merged\n",
                (long long)ours.known_at_us, (unsigned long long)ours.node, ours.identifiers_dropped,
                ours.customers_merged);
        else
            fprintf(history->log, "    %s\n", ours.fate == ORACLE_DUPLICATE ? "duplicate" : theirs.why.text);
    }
    if (store_group_size(history->store) != applied)
        history_fail(history, "the group has %llu events, not %u",
            (unsigned long long)store_group_size(history->store), applied);
    history_commit_group(history);
    if (applied > 1) {
        history->has.same_instant++;
        history->figures->same_instant += applied;
    }
}

void history_commit_failing(struct history *history, bool writes)
{
    struct error error;
    kv_memory_fail_after(history->kv, 1, PATRON_IO);
    enum patron_code code = store_group_commit(history->store, &error);
    kv_memory_fail_after(history->kv, 0, PATRON_OK);
    if (writes && code != PATRON_IO)
        history_fail(history, "the commit should have failed");
    fprintf(history->log, "  the commit fails\n");
    history->figures->failed_commits += writes;
    history->failed = code != PATRON_OK; /* rows of queues are written without an entry too */
    history_restart(history);
    history->failed = false;
}

void history_failing_group(struct history *history, const struct oracle_event *const *events, size_t count)
{
    struct error error;
    history_begin_group(history, false);
    for (size_t i = 0; i < count; i++) {
        arena_reset(&history->call);
        struct event_input input = translate_event(&history->call, events[i]);
        struct event_outcome outcome = {0};
        log_event(history, events[i]);
        if (store_group_add(history->store, &input, &outcome, &error) != PATRON_OK)
            history_fail(history, "the engine failed: %s", error.text);
    }
    history_commit_failing(history, store_group_size(history->store) > 0);
}
