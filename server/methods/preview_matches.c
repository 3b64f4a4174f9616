/* Preview: a worker compares all records, and tells the pairs that would be linked or reviewed. */
#include "server/methods/identity_messages.h"
#include "server/methods/matching_messages.h"
#include "server/methods/methods.h"
#include "server/methods/services.h"
#include "server/methods/telling.h"
#include "store/base/seal.h"
#include "store/identity/identity.h"
#include "store/records/pairs.h"
#include "store/records/waterfall.h"

enum { PAIRS_A_MESSAGE = 200 };

struct previewing {
    struct telling *telling;
    const struct view *view;
    uint64_t limit, listed;
    struct arena arena; /* of the message that is filled */
    Patron__V1__MatchPair *pairs[PAIRS_A_MESSAGE];
    size_t pair_count;
    enum patron_code code; /* of what could not be looked up */
    struct error error;
};

static Patron__V1__Waterfall *waterfall_message(const struct waterfall *from, struct arena *arena)
{
    Patron__V1__Waterfall *message = arena_alloc(arena, sizeof *message);
    patron__v1__waterfall__init(message);
    message->prior = from->prior;
    message->household = from->household;
    message->weight = from->weight;
    message->n_bars = from->bar_count;
    message->bars = arena_array(arena, from->bar_count, sizeof *message->bars);
    for (size_t i = 0; i < from->bar_count; i++) {
        Patron__V1__WaterfallBar *bar = arena_alloc(arena, sizeof *bar);
        patron__v1__waterfall_bar__init(bar);
        bar->column = arena_string(arena, from->bars[i].column);
        bar->level = arena_string(arena, from->bars[i].level);
        bar->weight = from->bars[i].weight;
        bar->frequency_weight = from->bars[i].frequency_weight;
        message->bars[i] = bar;
    }
    return message;
}

/* The node's type and, where it is kept, its value. */
static enum patron_code node_look(
    struct previewing *previewing, uint64_t node, char **type, char **value, struct error *error)
{
    const struct view *view = previewing->view;
    struct node_entry entry;
    struct bytes plain;
    TRY(node_get(view->kv, view->snapshot, node, &previewing->arena, &entry, error));
    *type = identity_type_name(view->definitions, entry.type, &previewing->arena);
    if (entry.kept.length == 0)
        return PATRON_OK;
    TRY(seal_open(view->key, SEAL_NODE, bytes_of(entry.hash, IDENTIFIER_HASH_BYTES), entry.kept, &previewing->arena,
        &plain, error));
    *value = identity_text(plain, &previewing->arena);
    return PATRON_OK;
}

static enum patron_code pair_message(
    struct previewing *previewing, const struct pair *pair, Patron__V1__MatchPair **made, struct error *error)
{
    struct waterfall waterfall;
    Patron__V1__MatchPair *message = arena_alloc(&previewing->arena, sizeof *message);
    patron__v1__match_pair__init(message);
    *made = message;
    message->a = pair->node;
    message->b = pair->other;
    TRY(node_look(previewing, pair->node, &message->a_type, &message->a_value, error));
    TRY(node_look(previewing, pair->other, &message->b_type, &message->b_value, error));
    message->weight = pair->weight;
    message->probability = pair->probability;
    message->decision = pair->guarded == MATCH_LINK ? PATRON__V1__MATCH_DECISION__MATCH_DECISION_LINK
                                                    : PATRON__V1__MATCH_DECISION__MATCH_DECISION_REVIEW;
    message->cluster = pair->guarded != pair->decision;
    message->joined = pair->joined;
    struct bytes kept = arena_copy(&previewing->arena, pair->waterfall);
    TRY(waterfall_decode(kept, &waterfall, error));
    message->waterfall = waterfall_message(&waterfall, &previewing->arena);
    return PATRON_OK;
}

static bool pairs_send(struct previewing *previewing, const struct pairing_preview *so_far, bool done)
{
    Patron__V1__PreviewResponse response = PATRON__V1__PREVIEW_RESPONSE__INIT;
    response.n_pairs = previewing->pair_count;
    response.pairs = previewing->pairs;
    response.records = so_far->records;
    response.records_total = so_far->records_total;
    response.links = so_far->links;
    response.reviews = so_far->reviews;
    response.below = so_far->below;
    response.oversized_blocks = so_far->oversized;
    response.done = done;
    bool goes_on = previewing->pair_count > 0 || done ? telling_send(previewing->telling, &response.base)
                                                      : telling_progress(previewing->telling, &response.base);
    previewing->pair_count = 0;
    arena_reset(&previewing->arena);
    return goes_on;
}

static bool take(void *context, const struct pairing_preview *so_far, const struct pair *pair)
{
    struct previewing *previewing = context;
    if (!pair)
        return previewing->pair_count > 0 ? !atomic_load(&previewing->telling->over)
                                          : pairs_send(previewing, so_far, false);
    if (previewing->limit > 0 && previewing->listed == previewing->limit)
        return false;
    previewing->listed++;
    previewing->code =
        pair_message(previewing, pair, &previewing->pairs[previewing->pair_count], &previewing->error);
    if (previewing->code != PATRON_OK)
        return false;
    previewing->pair_count++;
    return previewing->pair_count < PAIRS_A_MESSAGE || pairs_send(previewing, so_far, false);
}

static enum patron_code work(struct telling *telling, struct error *error)
{
    struct port *port = telling->port;
    struct previewing *previewing = memory_alloc(sizeof *previewing);
    const Patron__V1__PreviewRequest *request = (const Patron__V1__PreviewRequest *)(const void *)telling->request;
    previewing->telling = telling;
    previewing->limit = request->limit;
    previewing->view = port->functions->view_acquire(port, NULL);
    const struct pairing_watch watch = {take, previewing};
    struct pairing_preview result = {0};
    enum patron_code code = pairing_preview(previewing->view, &watch, &result, error);
    bool limited = code == PATRON_CANCELLED && previewing->limit > 0 && previewing->listed == previewing->limit;
    if (previewing->code != PATRON_OK)
        code = error_set(error, previewing->code, "%s", previewing->error.text);
    else if (code == PATRON_OK || limited)
        code = pairs_send(previewing, &result, true)
            ? PATRON_OK
            : error_set(error, PATRON_BUSY, "nobody waits for the pairs any more, or the server is going down");
    port->functions->view_release(port, previewing->view);
    arena_clear(&previewing->arena);
    memory_free(previewing);
    return code;
}

static void start(struct call *call, struct bytes request)
{
    static const struct telling_kind kind = {.request = &patron__v1__preview_request__descriptor,
        .work = work,
        .busy = "matches are being looked through already; one at a time"};
    telling_start(call, request, &kind, &call->services->previewing);
}

const struct method method_preview_matches = TELLING_METHOD("/patron.v1.Matching/Preview", start);
