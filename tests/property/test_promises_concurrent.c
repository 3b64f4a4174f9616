/* Promises 1, 2 and 4 while the store is served: one writer, several senders and several readers at once, and one who
 * links, splits, blocks and reviews, over the real views, profile cache and writer. Every answer is recorded with the T
 * it was given for; afterwards each must be the oracle's at that T, knowing all that came in before and after, and the
 * store's own as of that T, before and after a restart.
 *
 * Time is virtual: one thread moves it by nothing, by microseconds or by days, so that known_at and the clock collide.
 * The histories are random but the interleaving is the machine's: a seed gives the same events, not the same run.
 * PATRON_HISTORIES says how many (60), PATRON_SEED which, PATRON_HISTORY a single one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "server/work/database.h"
#include "tests/property/again.h"
#include "tests/property/concurrent_changes.h"
#include "tests/property/translate.h"
#include "tests/property/world.h"

enum {
    HISTORIES_DEFAULT = 60,
    SENDERS = 2,
    BATCHES = 40, /* of each sender */
    BATCH_EVENTS_MAX = 6,
    READERS = 3,
    OBSERVATIONS_MAX = 400, /* of each reader */
    IDENTIFIERS = 24,
    SENT_MAX = SENDERS * BATCHES * BATCH_EVENTS_MAX,
};

static const uint8_t KEY[STORE_KEY_BYTES] = "the key of no store but this one";

struct sent_batch {
    struct ingest_batch batch;
    struct event_input inputs[BATCH_EVENTS_MAX];
    struct event_outcome outcomes[BATCH_EVENTS_MAX];
    const struct oracle_event *events[BATCH_EVENTS_MAX];
    int refusals[BATCH_EVENTS_MAX]; /* bad on purpose: kind + 1 */
    sem_t done;
};

struct observation {
    size_t identifier;
    int64_t as_of_us;
    bool past; /* read_as_of, in a view of a later T */
    const struct answer *answer;
};

struct run;

struct reader {
    struct run *run;
    struct dice dice;
    unsigned patience;  /* percent */
    struct arena arena; /* keeps the answers */
    struct observation observations[OBSERVATIONS_MAX];
    size_t count;
};

struct sender {
    struct run *run;
    struct dice dice;
    struct sent_batch batches[BATCHES];
};

struct run {
    uint64_t seed;
    uint64_t number;
    struct world world;
    struct arena arena;
    struct kv *kv;
    struct database *database;
    struct port *port;
    struct selection selection; /* all features */
    struct oracle_identifier identifiers[IDENTIFIERS];
    _Atomic int64_t clock_us;
    _Atomic bool stop_readers;
    _Atomic bool stop_clock;
    bool clock_stands; /* known_at runs ahead of it */
    struct sender senders[SENDERS];
    struct reader readers[READERS];
    struct changes changes;
};

struct totals {
    uint64_t applied, duplicates, refused, merges, late, future, observations, past, not_found, found, amid;
    uint64_t linked, split, decided; /* changes of identity that no event brought */
};

static _Noreturn void fail_run(const struct run *run, const char *words)
{
    printf("\n=== seed %llu, history %llu: %s", (unsigned long long)run->seed,
        (unsigned long long)run->number, words);
    again_print();
    _exit(1);
}

static _Noreturn void fail_in(void *context, const char *words)
{
    fail_run(context, words);
}

/* --- time ------------------------------------------------------------------------------------------------ */

static int64_t clock_read(void *context)
{
    return atomic_load(&((struct run *)context)->clock_us);
}

static void *clock_main(void *context)
{
    static const int64_t steps[] = {1, 10, WORLD_SECOND, 5 * WORLD_MINUTE, 7 * WORLD_HOUR, 2 * WORLD_DAY};
    struct run *run = context;
    struct dice dice = dice_of(run->seed + 1, run->number);
    while (!atomic_load(&run->stop_clock)) {
        usleep(200);
        if (dice_chance(&dice, run->clock_stands ? 5 : 50))
            atomic_fetch_add(&run->clock_us, dice_between(&dice, 0, steps[dice_below(&dice, 6)]));
    }
    return NULL;
}

/* --- writing --------------------------------------------------------------------------------------------- */

static void batch_done(struct ingest_batch *batch)
{
    sem_post(&((struct sent_batch *)batch)->done); /* its first member */
}

static void *sender_main(void *context)
{
    struct sender *sender = context;
    struct port *port = sender->run->port;
    for (size_t i = 0; i < BATCHES; i++) {
        struct sent_batch *batch = &sender->batches[i];
        struct error error;
        while (port->functions->ingest(port, &batch->batch, &error) != PATRON_OK)
            sched_yield();
        usleep((useconds_t)dice_below(&sender->dice, 600)); /* so that readers see many positions */
        if (i % 3 == 0)                                     /* the others are under way together */
            while (sem_wait(&batch->done) != 0)
                ;
    }
    for (size_t i = 0; i < BATCHES; i++)
        if (i % 3 != 0)
            while (sem_wait(&sender->batches[i].done) != 0)
                ;
    return NULL;
}

static int64_t event_time(struct run *run, int64_t about_us)
{
    struct dice *dice = &run->world.dice;
    switch (dice_below(dice, 6)) {
    case 0:
        return about_us + dice_between(dice, 0, WORLD_DAY); /* some of these fall due during the run */
    case 1:
        return about_us + dice_between(dice, 0, 2000);
    case 2:
        return about_us - dice_between(dice, 0, 30 * WORLD_DAY);
    default:
        return about_us - dice_between(dice, 0, 2 * WORLD_HOUR);
    }
}

/* An event, or one of before again, or a bad one that is bad whenever it comes. */
static const struct oracle_event *make_event(
    struct run *run, int64_t about_us, const struct oracle_event *before, int *refusal)
{
    struct dice *dice = &run->world.dice;
    static const enum world_refusal kinds[] = {WORLD_BAD_TYPE, WORLD_BAD_ATTRIBUTE, WORLD_BAD_VALUE,
        WORLD_BAD_NO_IDENTIFIER, WORLD_BAD_TIME, WORLD_BAD_ID};
    *refusal = 0;
    if (before != NULL && dice_chance(dice, 6))
        return world_again(&run->world, before);
    if (!dice_chance(dice, 4))
        return world_event(&run->world, event_time(run, about_us));
    enum world_refusal kind = kinds[dice_below(dice, sizeof kinds / sizeof *kinds)];
    *refusal = (int)kind + 1;
    return world_bad_event(&run->world, kind, about_us, about_us, about_us, NULL);
}

/* All that will be sent is made beforehand: the world belongs to one thread. Some histories begin with a load on the
 * source's clock, from one of the senders. */
static void make_batches(struct run *run)
{
    struct dice *dice = &run->world.dice;
    bool loads = dice_chance(dice, 40);
    const struct oracle_event *before = NULL;
    for (size_t i = 0; i < SENDERS * BATCHES; i++) {
        struct sent_batch *batch = &run->senders[i % SENDERS].batches[i / SENDERS];
        bool on_source_clock = loads && i % SENDERS == 0 && i / SENDERS < 5;
        size_t count = 1 + dice_below(dice, BATCH_EVENTS_MAX);
        batch->batch = (struct ingest_batch){
            .events = batch->inputs, .outcomes = batch->outcomes, .event_count = count, .done = batch_done};
        for (size_t j = 0; j < count; j++) {
            int64_t about_us = run->world.start_us + (int64_t)i * (run->clock_stands ? 50 : WORLD_MINUTE);
            struct oracle_event *event =
                (struct oracle_event *)make_event(run, about_us, before, &batch->refusals[j]);
            if (on_source_clock && batch->refusals[j] == 0) {
                event->has_known_at = true;
                event->known_at_us = run->world.start_us - 30 * WORLD_DAY + (int64_t)i * WORLD_HOUR;
            }
            if (batch->refusals[j] == 0 && dice_chance(dice, 50))
                before = event;
            batch->events[j] = event;
            batch->inputs[j] = translate_event(&run->arena, event);
        }
        CHECK(sem_init(&batch->done, 0, 0) == 0);
    }
}

/* --- reading --------------------------------------------------------------------------------------------- */

static const struct answer *read_one(
    struct reader *reader, const struct view *view, size_t identifier, int64_t as_of_us, bool past)
{
    struct run *run = reader->run;
    struct arena call = {0};
    struct error error;
    struct event_identifier asked = translate_identifier(&run->identifiers[identifier]);
    struct row row = {.values = arena_array(&call, run->selection.count, sizeof *row.values)};
    enum patron_code code = past ? read_as_of(view, &run->selection, &asked, as_of_us, &call, &row, &error)
                                 : read_now(view, &run->selection, &asked, as_of_us, &call, &row, &error);
    if (code != PATRON_OK) {
        printf("%s\n", error.text);
        fail_run(run, "a read fails");
    }
    const struct answer *answer = answer_of_store(&reader->arena, &row, run->selection.count);
    arena_clear(&call);
    return answer;
}

static void observe(struct reader *reader, const struct view *view, int64_t as_of_us, bool past)
{
    if (reader->count == OBSERVATIONS_MAX || as_of_us < INT64_C(-2208988800000000))
        return;
    size_t identifier = dice_below(&reader->dice, IDENTIFIERS);
    reader->observations[reader->count++] =
        (struct observation){identifier, as_of_us, past, read_one(reader, view, identifier, as_of_us, past)};
}

/* Several rows in one view, at its T; sometimes a past T. Some readers hold their views long and then read again, while
 * what they need has been superseded, written back and given up by those who hold newer ones. */
static void *reader_main(void *context)
{
    struct reader *reader = context;
    struct port *port = reader->run->port;
    while (!atomic_load(&reader->run->stop_readers)) {
        int64_t as_of_us;
        const struct view *view = port->functions->view_acquire(port, &as_of_us);
        if (as_of_us <= view->position_us)
            fail_run(reader->run, "a view is handed out with a T that it has passed");
        for (size_t i = 1 + dice_below(&reader->dice, 4); i > 0; i--)
            observe(reader, view, as_of_us, false);
        if (dice_chance(&reader->dice, 30))
            observe(reader, view, as_of_us - dice_between(&reader->dice, 0, WORLD_DAY), true);
        bool patient = dice_chance(&reader->dice, reader->patience);
        if (patient)
            usleep((useconds_t)dice_between(&reader->dice, 1000, 12000));
        for (size_t i = patient ? 6 : dice_below(&reader->dice, 3); i > 0; i--)
            observe(reader, view, as_of_us, dice_chance(&reader->dice, 20));
        port->functions->view_release(port, view);
        usleep((useconds_t)dice_below(&reader->dice, patient ? 3000 : 300));
    }
    return NULL;
}

/* --- judging --------------------------------------------------------------------------------------------- */

/* An entry of the log, in whatever order they came back. */
struct applied {
    int64_t known_at_us;
    const struct oracle_event *event; /* or: */
    const struct event_outcome *outcome;
    const struct changed *changed;
};

static int by_known_at(const void *a, const void *b)
{
    int64_t x = ((const struct applied *)a)->known_at_us;
    int64_t y = ((const struct applied *)b)->known_at_us;
    return x < y ? -1 : x > y;
}

static void tell_event(
    struct run *run, const struct applied *applied, struct oracle *oracle, struct totals *totals)
{
    struct oracle_event event = *applied->event;
    int64_t known_at_us = applied->known_at_us;
    if (event.has_known_at && known_at_us < event.known_at_us)
        fail_run(run, "an event is known before its source knew it");
    event.has_known_at = false;
    struct oracle_outcome outcome = oracle_add(oracle, &event, known_at_us, INT64_MIN);
    if (outcome.fate != ORACLE_APPLIED || outcome.known_at_us != known_at_us ||
        outcome.node != applied->outcome->node ||
        outcome.identifiers_dropped != applied->outcome->identifiers_dropped)
        fail_run(run, "an event was applied otherwise than the oracle does");
    totals->merges += outcome.customers_merged;
    totals->late += event.time_us < known_at_us - WORLD_HOUR;
    totals->future += event.time_us > known_at_us;
    totals->applied++;
}

static size_t add_changes(struct run *run, struct applied *applied, size_t count, struct totals *totals)
{
    for (size_t i = 0; i < run->changes.count; i++) {
        const struct changed *made = &run->changes.made[i];
        applied[count++] = (struct applied){.known_at_us = made->known_at_us, .changed = made};
        totals->linked += made->kind == CHANGED_LINK;
        totals->split += made->kind == CHANGED_SPLIT;
        totals->decided += made->kind == CHANGED_VERDICT;
    }
    return count;
}

/* Tells the oracle what was applied, in order of known_at, which each event gets as it did. */
static struct oracle *replay(struct run *run, struct totals *totals)
{
    static struct applied applied[SENT_MAX + CHANGES_MAX];
    size_t count = 0;
    for (size_t i = 0; i < SENDERS * BATCHES; i++) {
        const struct sent_batch *batch = &run->senders[i % SENDERS].batches[i / SENDERS];
        if (batch->batch.code != PATRON_OK)
            fail_run(run, batch->batch.error.text);
        for (size_t j = 0; j < batch->batch.event_count; j++) {
            const struct event_outcome *outcome = &batch->outcomes[j];
            totals->duplicates += outcome->fate == EVENT_DUPLICATE;
            totals->refused += outcome->fate == EVENT_REFUSED;
            if (batch->refusals[j] != 0 && outcome->fate != EVENT_REFUSED)
                fail_run(run, "a bad event was taken");
            if (outcome->fate == EVENT_APPLIED)
                applied[count++] = (struct applied){outcome->known_at_us, batch->events[j], outcome, NULL};
        }
    }
    count = add_changes(run, applied, count, totals);
    qsort(applied, count, sizeof *applied, by_known_at);
    struct oracle *oracle = oracle_new(&run->world.definitions, WORLD_AHEAD);
    for (size_t i = 0; i < count; i++) {
        if (applied[i].changed != NULL)
            changes_tell(&run->changes, applied[i].changed, oracle);
        else
            tell_event(run, &applied[i], oracle, totals);
    }
    return oracle;
}

/* All its identifiers were blocked then; they may link again by now. */
static bool was_blocked(const struct run *run, const struct event_outcome *outcome)
{
    bool blocks = false;
    for (size_t i = 0; i < run->changes.count; i++)
        blocks = blocks || run->changes.made[i].split.blocks;
    return blocks && outcome->fate == EVENT_REFUSED && strstr(outcome->why.text, "are blocked") != NULL;
}

/* What was not applied must be there already, the same or another. */
static void check_refused(struct run *run, struct oracle *oracle)
{
    for (size_t i = 0; i < SENDERS * BATCHES; i++) {
        const struct sent_batch *batch = &run->senders[i % SENDERS].batches[i / SENDERS];
        for (size_t j = 0; j < batch->batch.event_count; j++) {
            const struct event_outcome *outcome = &batch->outcomes[j];
            if (outcome->fate == EVENT_APPLIED)
                continue;
            struct oracle_event event = *batch->events[j];
            event.has_known_at = false;
            enum oracle_fate fate =
                oracle_preview(oracle, &event, atomic_load(&run->clock_us), INT64_MIN).fate;
            /* dated too far ahead then, or a repetition that came first, with identifiers that may not link */
            bool early = outcome->fate == EVENT_REFUSED &&
                         (outcome->why.code == PATRON_OUT_OF_RANGE || fate == ORACLE_DUPLICATE);
            if (early || was_blocked(run, outcome) || (int)fate == (int)outcome->fate)
                continue;
            world_print_event(stdout, &event);
            printf(" was %s\n", outcome->fate == EVENT_REFUSED ? outcome->why.text : "taken for a duplicate");
            fail_run(run, "an event has another fate than the oracle gives it");
        }
    }
}

static void judge_observation(struct run *run, struct oracle *oracle, struct reader *reader,
    const struct observation *observation, const struct view *view, struct totals *totals)
{
    struct arena arena = {0};
    struct oracle_row row;
    const struct oracle_identifier *identifier = &run->identifiers[observation->identifier];
    if (!oracle_answer(oracle, identifier, observation->as_of_us, &row))
        fail_run(run, "an impossible identifier was answered");
    const struct answer *expected = answer_of_oracle(&arena, &row, NULL, run->selection.count);
    const struct answer *again = read_one(reader, view, observation->identifier, observation->as_of_us, true);
    const struct answer *sides[] = {observation->answer, again};
    for (size_t i = 0; i < 2; i++) {
        if (answer_equal(sides[i], expected))
            continue;
        printf("%s", world_definitions_text(&run->world));
        world_print_identifier(stdout, identifier);
        printf(" as of %lld, %s\n", (long long)observation->as_of_us,
            i == 1              ? "asked afterwards"
            : observation->past ? "a past T"
                                : "now");
        answer_print_both(stdout, &run->world.definitions, NULL, "store", sides[i], "oracle", expected);
        fail_run(run, "an answer given while the store was written to is not the oracle's");
    }
    totals->observations++;
    totals->past += observation->past;
    totals->amid += !observation->past && observation->as_of_us <= view->position_us;
    totals->found += expected->status == ORACLE_PRESENT;
    totals->not_found += expected->status == ORACLE_NOT_FOUND;
    arena_clear(&arena);
}

static bool report(void *context, const struct verify_result *so_far, const char *finding)
{
    (void)context;
    (void)so_far;
    if (finding)
        printf("%s\n", finding);
    return true;
}

static void judge_all(struct run *run, struct oracle *oracle, struct totals *totals)
{
    struct error error;
    int64_t as_of_us;
    const struct view *view = run->port->functions->view_acquire(run->port, &as_of_us);
    for (size_t i = 0; i < READERS; i++)
        for (size_t j = 0; j < run->readers[i].count; j++)
            judge_observation(run, oracle, &run->readers[i], &run->readers[i].observations[j], view, totals);
    struct verify_result result = {0};
    if (store_verify(view, &result, report, NULL, &error) != PATRON_OK || result.differences != 0)
        fail_run(run, "verify finds differences");
    run->port->functions->view_release(run->port, view);
}

/* --- a run ----------------------------------------------------------------------------------------------- */

static void fatal(void *context, const struct error *error)
{
    fail_run(context, error->text);
}

static void open_database(struct run *run)
{
    struct error error;
    struct dice *dice = &run->world.dice;
    struct database_options options = {.kv = run->kv,
        .key = KEY,
        .definitions_text = bytes_from_string(world_definitions_text(&run->world)),
        .fatal = fatal,
        .context = run,
        .clock_source = {clock_read, clock_read, run},
        .clock_jump_max_us =
            4000 * WORLD_DAY, /* virtual time may move between the looks at one and the other */
        .profile_cache_bytes = dice_chance(dice, 50) ? 1 : 0, /* 1: whatever may go, goes */
        .group_events_max = 1 + dice_below(dice, 12),
        .write_back_ms = 1 + (unsigned)dice_below(dice, 5)};
    if (database_open(&options, &run->database, &error) != PATRON_OK)
        fail_run(run, error.text);
    run->port = database_port(run->database);
    const struct oracle_definitions *ours = &run->world.definitions;
    struct bytes names[ORACLE_FEATURES_MAX];
    for (size_t i = 0; i < ours->feature_count; i++)
        names[i] = bytes_from_string(ours->features[i].name);
    if (definitions_select(database_definitions(run->database), (struct bytes){0}, names, ours->feature_count,
            &run->arena, &run->selection, &error) != PATRON_OK)
        fail_run(run, error.text);
}

static void prepare(struct run *run)
{
    struct dice *dice = &run->world.dice;
    world_init(&run->world, run->seed, run->number);
    run->clock_stands = dice_chance(dice, 40);
    atomic_store(&run->clock_us, run->world.start_us);
    for (size_t i = 0; i < IDENTIFIERS; i++)
        run->identifiers[i] = world_identifier(&run->world, SIZE_MAX);
    make_batches(run);
    run->kv = kv_memory_new();
    open_database(run);
}

static void all_at_once(struct run *run)
{
    pthread_t clock, changes, senders[SENDERS], readers[READERS];
    CHECK(pthread_create(&clock, NULL, clock_main, run) == 0);
    run->changes.port = run->port;
    run->changes.dice = dice_of(run->seed + 3 + READERS + SENDERS, run->number);
    run->changes.fail = fail_in;
    run->changes.context = run;
    CHECK(pthread_create(&changes, NULL, changes_main, &run->changes) == 0);
    for (size_t i = 0; i < READERS; i++) {
        run->readers[i].run = run;
        run->readers[i].patience = run->number % 2 == 0 ? 90 : 20;
        run->readers[i].dice = dice_of(run->seed + 2 + i, run->number);
        CHECK(pthread_create(&readers[i], NULL, reader_main, &run->readers[i]) == 0);
    }
    for (size_t i = 0; i < SENDERS; i++) {
        run->senders[i].run = run;
        run->senders[i].dice = dice_of(run->seed + 2 + READERS + i, run->number);
        CHECK(pthread_create(&senders[i], NULL, sender_main, &run->senders[i]) == 0);
    }
    for (size_t i = 0; i < SENDERS; i++)
        pthread_join(senders[i], NULL);
    atomic_store(&run->changes.stop, true);
    pthread_join(changes, NULL);
    usleep(2000); /* some reads after the last group */
    atomic_store(&run->stop_readers, true);
    for (size_t i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    atomic_store(&run->stop_clock, true);
    pthread_join(clock, NULL);
}

/* With so many histories chance leaves nothing out. */
enum { COVERED_FROM = 10 };

static void run_history(uint64_t seed, uint64_t number, struct totals *totals)
{
    struct run *run = memory_alloc(sizeof *run);
    run->seed = seed;
    run->number = number;
    again_set(seed, number);
    prepare(run);
    all_at_once(run);
    struct oracle *oracle = replay(run, totals);
    check_refused(run, oracle);
    judge_all(run, oracle, totals);
    database_close(run->database);
    open_database(run);
    judge_all(run, oracle, totals);
    database_close(run->database);
    kv_close(run->kv);
    oracle_free(oracle);
    for (size_t i = 0; i < READERS; i++)
        arena_clear(&run->readers[i].arena);
    for (size_t i = 0; i < SENDERS * BATCHES; i++)
        sem_destroy(&run->senders[i % SENDERS].batches[i / SENDERS].done);
    arena_clear(&run->changes.arena);
    arena_clear(&run->arena);
    world_clear(&run->world);
    memory_free(run);
}

static void what_is_answered_while_others_write_is_what_any_later_question_says(void **state)
{
    (void)state;
    const char *seed_text = getenv("PATRON_SEED"), *count_text = getenv("PATRON_HISTORIES"),
               *single_text = getenv("PATRON_HISTORY");
    uint64_t seed = seed_text && *seed_text ? strtoull(seed_text, NULL, 10) : (uint64_t)time(NULL);
    uint64_t count = count_text && *count_text ? strtoull(count_text, NULL, 10) : HISTORIES_DEFAULT;
    struct totals totals = {0};
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    if (single_text && *single_text)
        run_history(seed, strtoull(single_text, NULL, 10), &totals);
    for (uint64_t i = 0; i < count && !(single_text && *single_text); i++)
        run_history(seed, i, &totals);
    printf("events: %llu applied, %llu duplicates, %llu refused; merges %llu, late %llu, future-dated %llu\n"
           "answers judged, twice each: %llu (found %llu, not found %llu; past T %llu; "
           "of now, with more to come %llu)\n",
        (unsigned long long)totals.applied, (unsigned long long)totals.duplicates,
        (unsigned long long)totals.refused, (unsigned long long)totals.merges,
        (unsigned long long)totals.late, (unsigned long long)totals.future,
        (unsigned long long)totals.observations, (unsigned long long)totals.found,
        (unsigned long long)totals.not_found, (unsigned long long)totals.past, (unsigned long long)totals.amid);
    printf("changes of identity beside them: %llu links, %llu splits and blocks, %llu verdicts\n",
        (unsigned long long)totals.linked, (unsigned long long)totals.split, (unsigned long long)totals.decided);
    assert_true(totals.observations > 0);
    assert_true(totals.found > 0);
    if (count < COVERED_FROM || (single_text && *single_text))
        return;
    /* What this test is for must have happened: answers of now between writes, and every kind of event among these. */
    const uint64_t covered[] = {totals.applied, totals.duplicates, totals.refused, totals.merges, totals.late,
        totals.linked, totals.split, totals.future, totals.past, totals.not_found, totals.amid};
    for (size_t i = 0; i < sizeof covered / sizeof covered[0]; i++)
        assert_true(covered[i] >= count);
}

int main(void)
{
    again_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_answered_while_others_write_is_what_any_later_question_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
