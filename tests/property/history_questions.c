/* Questions: the same ones put to the store in every way and to the oracle, and every answer remembered. */
#include "tests/property/history_identity.h"

#include <stdlib.h>

static const char *const WAY_WORDS[] = {
#define X(name, words) words,
    HISTORY_WAYS(X)
#undef X
};

#define FIRST_MOMENT_US INT64_C(-2208988800000000) /* 1900-01-01: nothing is asked about earlier times */

/* --- answers -------------------------------------------------------------------------------------------- */

/* A question put to the store in one way; `features` are those that both answers have. */
struct comparison {
    enum history_way way;
    const struct oracle_identifier *identifier; /* null: the row of a customer */
    int64_t as_of_us;
    const size_t *features;
    const char *expected_of; /* who gave the other answer */
};

static _Noreturn void differ(struct history *history, const struct comparison *comparison,
    const struct answer *theirs, const struct answer *expected)
{
    fprintf(history->log, "\nThe question (%s): ", WAY_WORDS[comparison->way]);
    if (comparison->identifier)
        world_print_identifier(history->log, comparison->identifier);
    fprintf(history->log, " as of %lld\n", (long long)comparison->as_of_us);
    answer_print_both(history->log, &history->world.definitions, comparison->features, "store", theirs,
        comparison->expected_of, expected);
    history_fail(history, "two answers to one question differ");
}

static void compare(struct history *history, const struct comparison *comparison, const struct answer *theirs,
    const struct answer *expected)
{
    if (!answer_equal(theirs, expected))
        differ(history, comparison, theirs, expected);
}

static bool is_empty(enum oracle_aggregation aggregation, const struct oracle_value *value)
{
    switch (aggregation) {
    case ORACLE_COUNT:
    case ORACLE_SUM:
    case ORACLE_DISTINCT:
    case ORACLE_ACTIVE_DAYS:
    case ORACLE_STREAK_CURRENT:
    case ORACLE_STREAK_LONGEST:
        return value->status != ORACLE_PRESENT || (value->real == 0 && value->integer == 0);
    default:
        return value->status != ORACLE_PRESENT;
    }
}

static void count_filters(uint64_t *filtered, const struct oracle_filter *filters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        filtered[FILTER_EQUAL] += filters[i].equal_count == 1;
        filtered[FILTER_LIST] += filters[i].equal_count > 1;
        filtered[FILTER_RANGE] += filters[i].equal_count == 0;
    }
}

static void count_operations(
    uint64_t *derived, const struct oracle_definitions *definitions, const struct oracle_expression *expression)
{
    derived[expression->operation]++;
    for (size_t i = 0; i < expression->argument_count; i++)
        count_operations(derived, definitions, &definitions->expressions[expression->arguments[i]]);
}

static void count_covered(struct history *history, const struct answer *answer, const size_t *features)
{
    struct history_figures *figures = history->figures;
    const struct oracle_definitions *definitions = &history->world.definitions;
    figures->values += answer->value_count;
    figures->not_found += answer->status == ORACLE_NOT_FOUND;
    for (size_t i = 0; i < answer->value_count; i++) {
        const struct oracle_feature *feature = &definitions->features[features[i]];
        const struct oracle_value *value = &answer->values[i];
        figures->statuses[feature->aggregation][value->status & (HISTORY_STATUSES - 1)]++;
        if (is_empty(feature->aggregation, value))
            continue;
        figures->covered[feature->aggregation][world_hop_of(feature->window_us)]++;
        figures->offset[feature->aggregation] += feature->offset_us != 0;
        count_filters(figures->filtered, feature->filters, feature->filter_count);
        figures->filtered[FILTER_MATCHING] += feature->matching_count;
        if (feature->aggregation == ORACLE_DERIVED)
            count_operations(figures->derived, definitions, &definitions->expressions[feature->expression]);
    }
}

static const struct oracle_service *service_of(const struct history *history, const struct history_question *question)
{
    return question->service == 0 ? NULL : &history->world.definitions.services[question->service - 1];
}

/* The store's answer against the oracle's, which is worked out anew, and against what was answered before. */
static void judge(struct history *history, enum history_way way, const struct history_question *question,
    const struct answer *theirs)
{
    struct oracle_row row;
    if (!oracle_answer(history->oracle, &question->identifier, question->as_of_us, &row))
        history_fail(history, "the world asks for an impossible identifier");
    struct comparison comparison = {
        way, &question->identifier, question->as_of_us, question->features, "oracle"};
    struct answer *ours = answer_of_oracle(&history->call, &row, question->features, question->feature_count);
    if (question->service != 0)
        answer_served(ours, service_of(history, question));
    compare(history, &comparison, theirs, ours);
    if (question->answer != NULL) {
        comparison.expected_of = "before";
        compare(history, &comparison, theirs, question->answer);
        history->figures->remembered++;
    }
    history->figures->ways[way]++;
    history->figures->served += question->service != 0;
    count_covered(history, theirs, question->features);
}

/* --- putting a question --------------------------------------------------------------------------------- */

/* The names of features, now and then with a whole family's one name for its members. */
static size_t names_of(
    struct history *history, const size_t *features, size_t count, struct bytes *names)
{
    const struct oracle_definitions *definitions = &history->world.definitions;
    size_t name_count = 0;
    for (size_t i = 0; i < count;) {
        const struct oracle_feature *first = &definitions->features[features[i]];
        const char *dot = strchr(first->name, '.');
        size_t members = dot == NULL                                      ? 1
                         : first->aggregation == ORACLE_TOP               ? first->rank_count
                         : first->aggregation == ORACLE_RFM_FREQUENCY     ? 4
                                                                          : 1;
        bool whole = dot != NULL && first->rank == 0 && i + members <= count && world_is_family(first->aggregation);
        for (size_t j = 1; j < members && whole; j++)
            whole = features[i + j] == features[i] + j;
        bool together = whole && dice_chance(&history->world.dice, 50);
        names[name_count++] = bytes_of(first->name, together ? (size_t)(dot - first->name) : strlen(first->name));
        i += together ? members : 1;
    }
    return name_count;
}

/* A service's or of features by name; in the arena. */
static struct selection selected(struct history *history, const struct oracle_service *service,
    const size_t *features, size_t count, struct arena *arena)
{
    struct error error;
    struct selection selection;
    struct bytes names[ORACLE_FEATURES_MAX];
    size_t name_count = service != NULL ? 0 : names_of(history, features, count, names);
    if (definitions_select(store_definitions(history->store),
            service != NULL ? bytes_from_string(service->name) : (struct bytes){0}, names, name_count, arena,
            &selection, &error) != PATRON_OK)
        history_fail(history, "features cannot be selected: %s", error.text);
    if (selection.count != count)
        history_fail(history, "%zu features are selected, not %zu", selection.count, count);
    for (size_t i = 0; i < count; i++)
        if (selection.features[i] != features[i])
            history_fail(history, "%zu is feature %u of the selection, not %zu", i, selection.features[i], features[i]);
    return selection;
}

static struct selection selection_of(struct history *history, struct history_question *question)
{
    if (question->selected_of != history->opened) {
        question->selection = selected(history, service_of(history, question), question->features,
            question->feature_count, &history->world.arena);
        question->selected_of = history->opened;
    }
    return question->selection;
}

static struct answer *ask_store(struct history *history, const struct view *view, enum history_way way,
    struct history_question *question)
{
    struct error error;
    struct selection selection = selection_of(history, question);
    struct event_identifier identifier = translate_identifier(&question->identifier);
    struct row row = {.values = arena_array(&history->call, selection.count, sizeof *row.values)};
    bool now = way == WAY_NOW || way == WAY_NOW_AHEAD || way == WAY_NOW_HELD;
    enum patron_code code =
        now ? read_now(view, &selection, &identifier, question->as_of_us, &history->call, &row, &error)
            : read_as_of(view, &selection, &identifier, question->as_of_us, &history->call, &row, &error);
    if (code != PATRON_OK) {
        fprintf(history->log, "\nThe question (%s): ", WAY_WORDS[way]);
        world_print_identifier(history->log, &question->identifier);
        fprintf(history->log, " as of %lld\n", (long long)question->as_of_us);
        history_fail(history, "the store refuses: %s", error.text);
    }
    return answer_of_store(&history->call, &row, selection.count);
}

static void ask(struct history *history, const struct view *view, enum history_way way,
    struct history_question *question)
{
    arena_reset(&history->call);
    judge(history, way, question, ask_store(history, view, way, question));
}

static void remember(
    struct history *history, const struct view *view, struct history_question *question)
{
    arena_reset(&history->call);
    struct answer *answer = ask_store(history, view, WAY_AS_OF_AGAIN, question);
    judge(history, WAY_AS_OF_AGAIN, question, answer);
    struct answer *kept = answer_copy(&history->world.arena, answer);
    history->questions =
        memory_resize(history->questions, (history->question_count + 1) * sizeof *history->questions);
    history->questions[history->question_count] = *question;
    history->questions[history->question_count++].answer = kept;
}

static void put_service(struct history *history, struct history_question *question, size_t service)
{
    const struct oracle_service *of = &history->world.definitions.services[service - 1];
    question->service = service;
    question->feature_count = of->feature_count;
    memcpy(question->features, of->features, sizeof of->features);
}

/* All features in order, or some in any, or a service's. */
static void pick_features(struct history *history, struct history_question *question)
{
    struct dice *dice = &history->world.dice;
    size_t services = history->world.definitions.service_count;
    if (services > 0 && dice_chance(dice, 15)) {
        put_service(history, question, 1 + dice_below(dice, services));
        return;
    }
    size_t count = history->world.definitions.feature_count;
    bool some = dice_chance(dice, 25);
    question->feature_count = some ? 1 + dice_below(dice, count) : count;
    for (size_t i = 0; i < question->feature_count; i++)
        question->features[i] = some ? dice_below(dice, count) : i;
}

static struct history_question question_at(struct history *history, int64_t as_of_us)
{
    struct history_question question = {.as_of_us = as_of_us};
    question.identifier = dice_chance(&history->world.dice, 3) ? world_fresh_identifier(&history->world, 0)
                                                               : world_identifier(&history->world, SIZE_MAX);
    pick_features(history, &question);
    return question;
}

static void log_question(struct history *history, const char *words, const struct history_question *question)
{
    fprintf(history->log, "%s ", words);
    world_print_identifier(history->log, &question->identifier);
    fprintf(
        history->log, " as of %lld, %zu features\n", (long long)question->as_of_us, question->feature_count);
}

/* --- moments -------------------------------------------------------------------------------------------- */

/* The first moment of a window's tile. */
static int64_t tile_start(int64_t window_us, int64_t tile)
{
    if (window_us < 12 * WORLD_HOUR)
        return tile * 300 * WORLD_SECOND;
    return window_us < 12 * WORLD_DAY ? tile * WORLD_HOUR : oracle_day_start(tile);
}

int64_t history_odd_moment(struct history *history)
{
    static const int64_t near[] = {-61 * WORLD_SECOND, -60 * WORLD_SECOND, -30 * WORLD_SECOND, -1, 0, 1,
        20 * WORLD_MINUTE, 59 * WORLD_MINUTE, WORLD_HOUR, 61 * WORLD_MINUTE, -WORLD_HOUR};
    struct dice *dice = &history->world.dice;
    const struct oracle_definitions *definitions = &history->world.definitions;
    const struct oracle_feature *feature =
        &definitions->features[dice_below(dice, definitions->feature_count)];
    int64_t moment_us = history->world.odd_us + near[dice_below(dice, sizeof near / sizeof *near)];
    return moment_us + (dice_chance(dice, 75) ? feature->window_us : 0) +
           (dice_chance(dice, 75) ? feature->offset_us : 0);
}

int64_t history_moment(struct history *history)
{
    struct dice *dice = &history->world.dice;
    const struct oracle_definitions *definitions = &history->world.definitions;
    int64_t nudge = dice_between(dice, -1, 1);
    if (history->applied_count == 0)
        return history->clock_us + nudge;
    const struct history_applied *applied = &history->applied[dice_below(dice, history->applied_count)];
    const struct oracle_feature *feature =
        &definitions->features[dice_below(dice, definitions->feature_count)];
    int64_t time_us = applied->event->time_us;
    switch (dice_below(dice, 5)) {
    case 4:
        return history_odd_moment(history);
    case 0:
        return applied->known_at_us + nudge;
    case 1:
        return time_us + nudge;
    case 2:
        return oracle_day_start(oracle_day(time_us) + dice_between(dice, 0, 1)) + nudge;
    default:
        break;
    }
    if (feature->max_age_us != 0 && dice_chance(dice, 30))
        return time_us + feature->max_age_us + nudge;
    if (feature->window_us == 0)
        return time_us + dice_between(dice, 0, 30 * WORLD_DAY);
    /* the last T whose window still reaches the event, or the first one's, and its neighbours */
    return tile_start(feature->window_us, oracle_tile(feature->window_us, time_us) + 1) + feature->offset_us +
           (dice_chance(dice, 60) ? feature->window_us : 0) + nudge;
}

/* The first T of a view. An empty store's position lies before all time. */
static int64_t next_moment(const struct view *view)
{
    return view->position_us < FIRST_MOMENT_US ? FIRST_MOMENT_US : view->position_us + 1;
}

/* --- the ways of asking --------------------------------------------------------------------------------- */

static void answer_now(
    struct history *history, const struct view *view, struct history_question *question)
{
    if (question->as_of_us > history->answered_us)
        history->answered_us = question->as_of_us;
    if (question->as_of_us > history->clock_us)
        history->clock_us = question->as_of_us;
    log_question(history, "now", question);
    ask(history, view, WAY_NOW, question);
    remember(history, view, question);
}

void history_ask_one(struct history *history, const struct oracle_identifier *identifier, int64_t as_of_us)
{
    struct history_view view = {0};
    history_view_take(history, &view);
    struct history_question question = {.identifier = *identifier, .as_of_us = as_of_us};
    pick_features(history, &question);
    answer_now(history, &view.view, &question);
    history_view_drop(history, &view);
}

void history_ask_now(struct history *history)
{
    struct dice *dice = &history->world.dice;
    struct history_view view = {0};
    history_view_take(history, &view);
    for (size_t i = 1 + dice_below(dice, 4); i > 0; i--) {
        int64_t next_us = next_moment(&view.view);
        int64_t as_of_us = next_us;
        if (dice_chance(dice, 50) && history->clock_us > next_us)
            as_of_us = history->clock_us;
        int64_t moment_us = history_moment(history);
        if (dice_chance(dice, 40) && moment_us > next_us && moment_us < history->clock_us + 3 * WORLD_DAY)
            as_of_us = moment_us;
        struct history_question question = question_at(history, as_of_us);
        answer_now(history, &view.view, &question);
    }
    if (dice_chance(dice, 30)) {
        struct history_view *held = &history->held[dice_below(dice, HISTORY_HELD_VIEWS)];
        history_view_drop(history, held);
        *held = view;
        view.taken = false;
    }
    history_view_drop(history, &view);
}

static struct history_question question_of_all(struct history *history, const struct oracle_identifier *identifier)
{
    struct history_question question = {
        .identifier = *identifier, .feature_count = history->world.definitions.feature_count};
    for (size_t i = 0; i < question.feature_count; i++)
        question.features[i] = i;
    return question;
}

void history_ask_all_of(struct history *history, const struct oracle_identifier *identifier)
{
    struct history_view view = {0};
    history_view_take(history, &view);
    struct history_question question = question_of_all(history, identifier);
    question.as_of_us = next_moment(&view.view);
    log_question(history, "all", &question);
    ask(history, &view.view, WAY_NOW_AHEAD, &question);
    history_view_drop(history, &view);
}

struct answer *history_answer_now(struct history *history, const struct view *view,
    const struct oracle_identifier *identifier, int64_t as_of_us)
{
    struct history_question question = question_of_all(history, identifier);
    question.as_of_us = as_of_us;
    arena_reset(&history->call);
    struct answer *answer = ask_store(history, view, WAY_NOW_AHEAD, &question);
    judge(history, WAY_NOW_AHEAD, &question, answer);
    return answer_copy(&history->world.arena, answer);
}

struct selection history_select_all(struct history *history)
{
    const struct oracle_identifier nobody = {0};
    struct history_question question = question_of_all(history, &nobody);
    return selection_of(history, &question);
}

/* What the answer would be at a later T: not remembered, for what is learned until then will change it. */
void history_ask_ahead(struct history *history)
{
    struct dice *dice = &history->world.dice;
    struct history_view view = {0};
    history_view_take(history, &view);
    for (size_t i = 1 + dice_below(dice, 3); i > 0; i--) {
        int64_t as_of_us = history_moment(history);
        if (as_of_us < next_moment(&view.view) || dice_chance(dice, 20))
            as_of_us = next_moment(&view.view) +
                       dice_between(dice, 0, dice_chance(dice, 50) ? WORLD_DAY : 4000 * WORLD_DAY);
        struct history_question question = question_at(history, as_of_us);
        log_question(history, "ahead", &question);
        ask(history, &view.view, WAY_NOW_AHEAD, &question);
        ask(history, &view.view, WAY_AS_OF_NEW, &question);
    }
    history_view_drop(history, &view);
}

/* A view that is held answers as it did when it was new. */
void history_ask_held(struct history *history)
{
    const struct history_view *held = &history->held[dice_below(&history->world.dice, HISTORY_HELD_VIEWS)];
    if (!held->taken)
        return;
    for (size_t i = 1 + dice_below(&history->world.dice, 3); i > 0; i--) {
        struct history_question question = question_at(history, next_moment(&held->view));
        log_question(history, "held", &question);
        ask(history, &held->view, WAY_NOW_HELD, &question);
        ask(history, &held->view, WAY_AS_OF_NEW, &question);
    }
}

static int64_t past_moment(struct history *history, int64_t position_us)
{
    struct dice *dice = &history->world.dice;
    for (int attempt = 0; attempt < 5; attempt++) {
        int64_t moment_us = history_moment(history);
        if (moment_us <= position_us && moment_us >= FIRST_MOMENT_US)
            return moment_us;
    }
    int64_t moment_us = position_us + 1 - (dice_chance(dice, 50) ? 0 : dice_between(dice, 0, WORLD_DAY));
    return moment_us < FIRST_MOMENT_US ? FIRST_MOMENT_US : moment_us;
}

void history_ask_past(struct history *history)
{
    struct history_view view = {0};
    history_view_take(history, &view);
    for (size_t i = 1 + dice_below(&history->world.dice, 3); i > 0; i--) {
        struct history_question question = question_at(history, past_moment(history, view.view.position_us));
        log_question(history, "past", &question);
        ask(history, &view.view, WAY_AS_OF_NEW, &question);
        remember(history, &view.view, &question);
    }
    history_view_drop(history, &view);
}

void history_ask_again(struct history *history, size_t count)
{
    struct history_view view = {0};
    history_view_take(history, &view);
    bool all = count >= history->question_count;
    if (all)
        count = history->question_count;
    fprintf(history->log, "ask %zu again\n", count);
    for (size_t i = 0; i < count; i++)
        ask(history, &view.view, WAY_AS_OF_AGAIN,
            &history->questions[all ? i : dice_below(&history->world.dice, history->question_count)]);
    history_view_drop(history, &view);
}

/* Nobody has an empty value: such a row is not found. What is not even an identifier is refused. */
static bool impossible_as_due(
    enum patron_code code, const struct row *row, const struct oracle_identifier *identifier, bool is_typed)
{
    if (is_typed && identifier->value.length == 0)
        return code == PATRON_OK && row->status == STATUS_NOT_FOUND;
    return code == PATRON_INVALID;
}

void history_ask_impossible(struct history *history)
{
    struct error error;
    static const struct oracle_identifier impossible[] = {{{"nobody", 6}, {"x", 1}}, {{"", 0}, {"x", 1}}};
    struct oracle_identifier identifier = impossible[dice_below(&history->world.dice, 2)];
    bool is_typed = dice_chance(&history->world.dice, 50);
    if (is_typed) {
        identifier = world_identifier(&history->world, SIZE_MAX);
        identifier.value =
            dice_chance(&history->world.dice, 50) ? (struct oracle_text){"", 0} : oracle_text_of("\xFF");
    }
    struct oracle_row unused;
    if (oracle_answer(history->oracle, &identifier, history->clock_us, &unused))
        history_fail(history, "the world's impossible identifier is possible");
    arena_reset(&history->call);
    struct history_view view = {0};
    history_view_take(history, &view);
    struct history_question question = question_at(history, view.view.position_us + 1 + WORLD_DAY);
    struct selection selection = selection_of(history, &question);
    struct event_identifier asked = translate_identifier(&identifier);
    struct row row = {.values = arena_array(&history->call, selection.count, sizeof *row.values)};
    enum patron_code code =
        read_now(&view.view, &selection, &asked, question.as_of_us, &history->call, &row, &error);
    if (!impossible_as_due(code, &row, &identifier, is_typed))
        history_fail(history, "an impossible identifier is answered now");
    row.status = 0;
    code = read_as_of(&view.view, &selection, &asked, question.as_of_us, &history->call, &row, &error);
    if (!impossible_as_due(code, &row, &identifier, is_typed))
        history_fail(history, "an impossible identifier is answered as of a moment");
    history_view_drop(history, &view);
    history->figures->ways[WAY_IMPOSSIBLE]++;
}

void history_questions_keep(struct history *history, const size_t *places)
{
    size_t kept = 0;
    for (size_t i = 0; i < history->question_count; i++) {
        struct history_question *question = &history->questions[i];
        size_t left = 0;
        for (size_t j = 0; j < question->feature_count && question->service == 0; j++) {
            if (places[question->features[j]] == SIZE_MAX)
                continue;
            question->answer->values[left] = question->answer->values[j];
            question->features[left++] = places[question->features[j]];
        }
        question->feature_count = left;
        question->answer->value_count = left;
        if (left > 0)
            history->questions[kept++] = *question;
    }
    history->question_count = kept;
}

/* --- snapshots ------------------------------------------------------------------------------------------ */

static struct snapshot *snapshot_open(struct history *history, const struct snapshot_options *options)
{
    struct error error;
    struct snapshot *snapshot;
    if (snapshot_new(options, &snapshot, &error) != PATRON_OK)
        history_fail(history, "a snapshot does not open: %s", error.text);
    return snapshot;
}

/* False at the end. Rows come by customer, then T, then spine row. */
static bool next_row(struct history *history, struct snapshot *snapshot, struct snapshot_row *row,
    const struct snapshot_row *before)
{
    struct error error;
    enum patron_code code = snapshot_next(snapshot, row, &error);
    if (code == PATRON_NOT_FOUND)
        return false;
    if (code != PATRON_OK)
        history_fail(history, "a snapshot breaks off: %s", error.text);
    bool in_order = before->row.customer < row->row.customer ||
                    (before->row.customer == row->row.customer && before->as_of_us < row->as_of_us) ||
                    (before->row.customer == row->row.customer && before->as_of_us == row->as_of_us &&
                        before->spine_row < row->spine_row);
    if (before->row.status != 0 && !in_order)
        history_fail(history, "a snapshot's rows are not in order");
    return true;
}

/* The question's own features out of a row that has all of them, or its service's. */
static struct answer *answer_of_row(
    struct history *history, const struct row *row, const struct history_question *question)
{
    if (question->service != 0)
        return answer_of_store(&history->call, row, question->feature_count);
    struct answer *all = answer_of_store(&history->call, row, history->world.definitions.feature_count);
    return answer_part(&history->call, all, question->features, question->feature_count);
}

/* What a snapshot is of: every feature, or now and then a service; a question with neither answer nor place. */
static struct history_question snapshot_question(struct history *history)
{
    struct history_question question = {.feature_count = history->world.definitions.feature_count};
    size_t services = history->world.definitions.service_count;
    for (size_t i = 0; i < question.feature_count; i++)
        question.features[i] = i;
    if (services > 0 && dice_chance(&history->world.dice, 20))
        put_service(history, &question, 1 + dice_below(&history->world.dice, services));
    return question;
}

/* The questions of a snapshot of a service are what the service has; those of another one are by name only. */
static void suit_question(
    struct history *history, struct history_question *question, const struct history_question *snapshot)
{
    if (question->service == snapshot->service)
        return;
    question->answer = NULL;
    question->service = 0;
    if (snapshot->service != 0)
        put_service(history, question, snapshot->service);
}

static void spine_add(
    struct history *history, struct snapshot *snapshot, const struct history_question *question)
{
    struct error error;
    struct event_identifier identifier = translate_identifier(&question->identifier);
    if (snapshot_spine_add(snapshot, &identifier, question->as_of_us, &error) != PATRON_OK)
        history_fail(history, "a spine's row is refused: %s", error.text);
}

/* Rows from the spine: remembered questions in any order, some twice, and new ones. */
static void ask_spine(struct history *history, const struct view *view, struct history_question *asked,
    const struct history_question *spine, size_t count)
{
    bool on_disk =
        history->directory[0] != '\0' && dice_chance(&history->world.dice, 20); /* it takes its time */
    char scratch[sizeof history->directory + 32];
    snprintf(scratch, sizeof scratch, "%s/spine%u", history->directory, history->spines++);
    struct snapshot_options options = {.view = view,
        .selection = selection_of(history, asked),
        .latest_us = history->clock_us,
        .scratch_directory = on_disk ? scratch : NULL};
    struct snapshot *snapshot = snapshot_open(history, &options);
    for (size_t i = 0; i < count; i++)
        spine_add(history, snapshot, &spine[i]);
    struct error error;
    struct event_identifier identifier = translate_identifier(&spine[0].identifier);
    if (options.latest_us != 0 && /* in 1970 the bound would be none */
        snapshot_spine_add(snapshot, &identifier, history->clock_us + 1, &error) != PATRON_OUT_OF_RANGE)
        history_fail(history, "a spine may ask for a T that is not known yet");
    bool *seen = arena_array(&history->world.arena, count, sizeof *seen);
    size_t rows = 0;
    struct snapshot_row row;
    struct snapshot_row before = {0};
    for (; next_row(history, snapshot, &row, &before); before = row, rows++) {
        if (row.spine_row >= count || seen[row.spine_row] || row.as_of_us != spine[row.spine_row].as_of_us)
            history_fail(history, "a snapshot's row %llu is out of place", (unsigned long long)row.spine_row);
        seen[row.spine_row] = true;
        const struct history_question *question = &spine[row.spine_row];
        arena_reset(&history->call);
        judge(history, question->answer ? WAY_SPINE : WAY_SPINE_NEW, question,
            answer_of_row(history, &row.row, question));
    }
    if (rows != count)
        history_fail(history, "a snapshot of %zu rows gives %zu", count, rows);
    snapshot_free(snapshot);
}

void history_ask_spine(struct history *history, bool all)
{
    struct dice *dice = &history->world.dice;
    struct history_view view = {0};
    history_view_take(history, &view);
    size_t fresh = 1 + dice_below(dice, 5);
    size_t old = all ? history->question_count : history->question_count ? dice_below(dice, 20) : 0;
    struct history_question *spine = arena_array(&history->world.arena, fresh + old, sizeof *spine);
    for (size_t i = 0; i < fresh; i++)
        spine[i] = question_at(history, past_moment(history, view.view.position_us));
    for (size_t i = 0; i < old; i++)
        spine[fresh + i] = history->questions[all ? i : dice_below(dice, history->question_count)];
    for (size_t i = fresh + old - 1; i > 0; i--) {
        size_t other = dice_below(dice, i + 1);
        struct history_question swapped = spine[i];
        spine[i] = spine[other];
        spine[other] = swapped;
    }
    struct history_question asked = snapshot_question(history);
    for (size_t i = 0; i < fresh + old; i++)
        suit_question(history, &spine[i], &asked);
    fprintf(history->log, "snapshot of %zu rows, %zu of them new, service %zu\n", fresh + old, fresh, asked.service);
    if (history->clock_us <= view.view.position_us)
        history->clock_us = view.view.position_us + 1;
    ask_spine(history, &view.view, &asked, spine, fresh + old);
    history_view_drop(history, &view);
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void judge_customer(
    struct history *history, const struct snapshot_row *row, const struct history_question *asked)
{
    struct oracle_row ours;
    arena_reset(&history->call);
    oracle_answer_customer(history->oracle, row->row.customer, row->as_of_us, &ours);
    struct comparison comparison = {WAY_EVERY_CUSTOMER, NULL, row->as_of_us, asked->features, "oracle"};
    struct answer *theirs = answer_of_store(&history->call, &row->row, asked->feature_count);
    struct answer *expected = answer_of_oracle(&history->call, &ours, asked->features, asked->feature_count);
    if (asked->service != 0)
        answer_served(expected, service_of(history, asked));
    compare(history, &comparison, theirs, expected);
    history->figures->ways[WAY_EVERY_CUSTOMER]++;
    count_covered(history, theirs, asked->features);
}

/* Every customer alive at each T, and nobody else. */
void history_ask_every_customer(struct history *history)
{
    struct dice *dice = &history->world.dice;
    struct history_view view = {0};
    history_view_take(history, &view);
    int64_t times[4];
    size_t count = 1 + dice_below(dice, 4);
    for (size_t i = 0; i < count; i++)
        times[i] = past_moment(history, view.view.position_us);
    qsort(times, count, sizeof *times, ascending);
    for (size_t i = 1; i < count; i++)
        if (times[i] <= times[i - 1])
            count = i; /* each T once */
    if (history->clock_us <= view.view.position_us)
        history->clock_us = view.view.position_us + 1;
    fprintf(history->log, "snapshot of every customer at %zu times from %lld\n", count, (long long)times[0]);
    struct history_question asked = snapshot_question(history);
    struct snapshot_options options = {.view = &view.view,
        .selection = selection_of(history, &asked),
        .every_customer_at_us = times,
        .every_customer_at_count = count,
        .latest_us = history->clock_us};
    struct snapshot *snapshot = snapshot_open(history, &options);
    size_t rows[4] = {0};
    struct snapshot_row row;
    struct snapshot_row before = {0};
    for (; next_row(history, snapshot, &row, &before); before = row) {
        size_t at = 0;
        while (at < count && times[at] != row.as_of_us)
            at++;
        const uint64_t *customers;
        size_t alive = at < count ? oracle_customers(history->oracle, row.as_of_us, &customers) : 0;
        if (rows[at < count ? at : 0]++ >= alive ||
            bsearch(&row.row.customer, customers, alive, sizeof *customers, ascending) == NULL)
            history_fail(history, "customer %llu has a row at %lld but is not alive then",
                (unsigned long long)row.row.customer, (long long)row.as_of_us);
        judge_customer(history, &row, &asked);
    }
    for (size_t i = 0; i < count; i++) {
        const uint64_t *customers;
        if (rows[i] != oracle_customers(history->oracle, times[i], &customers))
            history_fail(history, "%zu customers at %lld, not %zu", rows[i], (long long)times[i],
                oracle_customers(history->oracle, times[i], &customers));
    }
    snapshot_free(snapshot);
    history_view_drop(history, &view);
}
