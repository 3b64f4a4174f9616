/* The log's inputs, given to a new store one after the other: it comes to the same bytes, whatever the first one went
 * through (restarts, profiles that lagged, plans that were made early and followed). */
#include "store/versions/refill.h"
#include "store/versions/versions.h"
#include "tests/property/history_identity.h"

static const uint8_t KEY[STORE_KEY_BYTES] = "the key of no store but this one";

enum record_kind {
    RECORD_DEFINITIONS, /* at open */
    RECORD_DEFINE,      /* while it serves, as the next */
    RECORD_SERVES,
    RECORD_GROUP,
    RECORD_LINK,
    RECORD_SPLIT,
    RECORD_UNBLOCK,
    RECORD_VERDICT
};

struct history_record {
    enum record_kind kind;
    int64_t clock_us, floor_us;
    bool source_clock;
    struct bytes text;
    const struct oracle_event *const *events;
    size_t event_count;
    struct link_request link;
    struct split_request split;
    uint64_t node;
    struct review_request review;
};

/* --- writing it down --------------------------------------------------------------------------------------- */

static struct history_record *record(struct history *history, enum record_kind kind)
{
    history->records =
        memory_resize(history->records, (history->record_count + 1) * sizeof *history->records);
    struct history_record *made = &history->records[history->record_count++];
    *made = (struct history_record){
        .kind = kind, .clock_us = history->clock_us, .floor_us = history->answered_us};
    return made;
}

static struct bytes kept(struct history *history, struct bytes bytes)
{
    return arena_copy(&history->world.arena, bytes);
}

void history_record_definitions(struct history *history)
{
    record(history, RECORD_DEFINITIONS)->text =
        kept(history, bytes_from_string(world_definitions_text(&history->world)));
}

void history_record_define(struct history *history, const char *text, int64_t known_at_us)
{
    struct history_record *made = record(history, RECORD_DEFINE);
    made->text = bytes_from_string(text); /* the world's */
    made->clock_us = known_at_us;
}

void history_record_serves(struct history *history)
{
    record(history, RECORD_SERVES);
}

void history_record_group(
    struct history *history, const struct oracle_event *const *events, size_t count, bool source_clock)
{
    struct history_record *made = record(history, RECORD_GROUP);
    const struct oracle_event **copy =
        arena_array(&history->world.arena, count + 1, sizeof(struct oracle_event *));
    for (size_t i = 0; i < count; i++)
        copy[i] = events[i];
    made->events = copy;
    made->event_count = count;
    made->source_clock = source_clock;
}

void history_record_link(struct history *history, const struct link_request *request)
{
    struct history_record *made = record(history, RECORD_LINK);
    made->link = *request;
    made->link.actor = kept(history, request->actor);
    made->link.reason = kept(history, request->reason);
}

void history_record_split(
    struct history *history, const struct split_request *request, const uint64_t *nodes, size_t node_count)
{
    struct history_record *made = record(history, RECORD_SPLIT);
    uint64_t *copy = arena_array(&history->world.arena, node_count + 1, sizeof *copy);
    if (node_count > 0)
        memcpy(copy, nodes, node_count * sizeof *copy);
    made->split = *request;
    made->split.nodes = copy;
    made->split.node_count = node_count;
    made->split.actor = kept(history, request->actor);
    made->split.reason = kept(history, request->reason);
}

void history_record_unblock(struct history *history, uint64_t node)
{
    record(history, RECORD_UNBLOCK)->node = node;
}

void history_record_verdict(struct history *history, const struct review_request *request)
{
    struct history_record *made = record(history, RECORD_VERDICT);
    made->review = *request;
    made->review.actor = kept(history, request->actor);
    made->review.reason = kept(history, request->reason);
}

/* --- doing it again ------------------------------------------------------------------------------------------ */

struct replay {
    struct history *history;
    struct kv *kv;
    struct store *store;
};

static void must(const struct replay *replay, enum patron_code code, const struct error *error, const char *what)
{
    if (code != PATRON_OK)
        history_fail(replay->history, "done again, %s fails: %s", what, error->text);
}

static void open_again(struct replay *replay, struct bytes text)
{
    struct error error;
    store_close(replay->store);
    struct store_options options = {.kv = replay->kv, .definitions_text = text, .key = KEY};
    must(replay, store_open(&options, &replay->store, &error), &error, "opening");
}

static void add_again(struct replay *replay, const struct history_record *made)
{
    struct error error;
    for (size_t i = 0; i < made->event_count; i++) {
        arena_reset(&replay->history->call);
        struct event_input input = translate_event(&replay->history->call, made->events[i]);
        struct event_outcome outcome = {0};
        must(replay, store_group_add(replay->store, &input, &outcome, &error), &error, "an event");
    }
}

static void change_again(struct replay *replay, const struct history_record *made, struct split *split)
{
    struct error error;
    int64_t known_at_us;
    struct link_outcome linked;
    struct review_outcome reviewed;
    struct split_outcome done;
    enum patron_code code;
    switch (made->kind) {
    case RECORD_LINK:
        must(replay, group_link(replay->store, &made->link, &linked, &error), &error, "a link");
        break;
    case RECORD_SPLIT:
        must(replay, group_split(replay->store, split, &done, &error), &error, "a split");
        if (done.fate != SPLIT_DONE)
            history_fail(replay->history, "done again, a split is not done");
        break;
    case RECORD_UNBLOCK:
        code = group_unblock(replay->store, made->node, bytes_from_string("ada"), bytes_from_string("it is fine"),
            &known_at_us, &error);
        must(replay, code == PATRON_PRECONDITION ? PATRON_OK : code, &error, "unblocking");
        break;
    case RECORD_VERDICT:
        code = group_review_decide(replay->store, &made->review, &reviewed, &error);
        must(replay, code == PATRON_PRECONDITION ? PATRON_OK : code, &error, "a verdict");
        break;
    case RECORD_DEFINITIONS:
    case RECORD_DEFINE:
    case RECORD_SERVES:
    case RECORD_GROUP:
        break;
    }
}

static void define_again(struct replay *replay, const struct history_record *made)
{
    struct error error;
    const struct definitions *next, *now = store_definitions(replay->store);
    must(replay, definitions_parse(made->text, now, now->version + 1, false, &next, &error), &error, "parsing");
    must(replay, store_define(replay->store, next, made->clock_us, false, &error), &error, "defining");
    definitions_release(next);
}

/* The version that was defined is filled, at once, and serves. */
static void serve_again(struct replay *replay)
{
    struct error error;
    struct refill *refill = refill_new(replay->store);
    bool done = refill == NULL;
    while (!done) {
        struct view view;
        store_view_take(replay->store, &view);
        for (bool reached = false; !reached;) {
            must(replay, refill_step(refill, &view, 0, &reached, &error), &error, "filling");
            must(replay, refill_write(replay->store, refill, &error), &error, "what is filled");
        }
        store_view_release(&view);
        must(replay, refill_finish(replay->store, refill, SIZE_MAX, &done, &error), &error, "serving");
    }
    refill_free(refill);
    for (bool left = true; left;)
        must(replay, store_sweep(replay->store, 1000, &left, &error), &error, "sweeping");
}

static void do_again(struct replay *replay, const struct history_record *made)
{
    struct error error;
    struct split *split = NULL;
    if (made->kind == RECORD_DEFINITIONS) {
        open_again(replay, made->text);
        return;
    }
    if (made->kind == RECORD_DEFINE || made->kind == RECORD_SERVES) {
        if (made->kind == RECORD_DEFINE)
            define_again(replay, made);
        else
            serve_again(replay);
        return;
    }
    if (made->kind == RECORD_SPLIT) {
        struct view view;
        split = split_new(&made->split);
        store_view_take(replay->store, &view);
        must(replay, split_prepare(split, &view, NULL, &error), &error, "a plan");
        store_view_release(&view);
    }
    store_group_begin(replay->store, made->clock_us, made->floor_us, made->source_clock);
    add_again(replay, made);
    change_again(replay, made, split);
    must(replay, store_group_commit(replay->store, &error), &error, "a commit");
    split_free(split);
}

/* --- the same bytes -------------------------------------------------------------------------------------------- */

/* What is no function of the log: until when answers were given, and what sources send, of which a crash loses some. */
static bool is_beside_the_log(enum kv_family family, struct bytes key)
{
    static const char *const names[] = {"answered", "schema"};
    for (size_t i = 0; i < sizeof names / sizeof *names && family == KV_META; i++)
        if (key.length >= strlen(names[i]) && memcmp(key.data, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static void skip_beside(struct kv_iterator *rows, enum kv_family family)
{
    while (kv_iterator_valid(rows) && is_beside_the_log(family, kv_iterator_borrow_key(rows)))
        kv_iterator_next(rows);
}

static void print_bytes(FILE *to, const char *name, struct bytes bytes)
{
    fprintf(to, "%s", name);
    for (size_t i = 0; i < bytes.length; i++)
        fprintf(to, " %02x", bytes.data[i]);
    fputc('\n', to);
}

static void compare_family(struct replay *replay, enum kv_family family)
{
    static const char *const names[] = {
#define X(family, name, access) name,
        KV_FAMILIES(X)
#undef X
    };
    struct history *history = replay->history;
    struct kv_iterator *ours = kv_iterator_new(history->kv, NULL, family, (struct bytes){0});
    struct kv_iterator *again = kv_iterator_new(replay->kv, NULL, family, (struct bytes){0});
    kv_iterator_seek(ours, (struct bytes){0});
    kv_iterator_seek(again, (struct bytes){0});
    for (;; kv_iterator_next(ours), kv_iterator_next(again)) {
        skip_beside(ours, family);
        skip_beside(again, family);
        bool there = kv_iterator_valid(ours), there_again = kv_iterator_valid(again);
        if (!there && !there_again)
            break;
        bool same = there && there_again &&
                    bytes_equal(kv_iterator_borrow_key(ours), kv_iterator_borrow_key(again)) &&
                    bytes_equal(kv_iterator_borrow_value(ours), kv_iterator_borrow_value(again));
        history->figures->identity.rows_again++;
        if (same)
            continue;
        if (there) {
            print_bytes(history->log, "key  ", kv_iterator_borrow_key(ours));
            print_bytes(history->log, "value", kv_iterator_borrow_value(ours));
        }
        if (there_again) {
            print_bytes(history->log, "key, done again  ", kv_iterator_borrow_key(again));
            print_bytes(history->log, "value, done again", kv_iterator_borrow_value(again));
        }
        history_fail(history, "all done again, a row of %s is another", names[family]);
    }
    kv_iterator_free(ours);
    kv_iterator_free(again);
}

void history_replay(struct history *history)
{
    struct error error;
    struct replay replay = {.history = history, .kv = kv_memory_new()};
    fprintf(history->log, "do all again\n");
    for (size_t i = 0; i < history->record_count; i++)
        do_again(&replay, &history->records[i]);
    size_t left;
    must(&replay, store_write_back(replay.store, SIZE_MAX, &left, &error), &error, "a write-back");
    if (store_newest_known_at(replay.store) != store_newest_known_at(history->store))
        history_fail(history, "all done again, the newest entry is another");
    for (int family = 0; family < KV_FAMILY_COUNT; family++)
        compare_family(&replay, (enum kv_family)family);
    store_close(replay.store);
    kv_close(replay.kv);
    history->figures->identity.replays++;
}
