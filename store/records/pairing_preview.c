/* What a walk over all records would do: the same comparisons, and groups kept in memory in place of customers. */
#include "store/records/pairing_internal.h"

#include <stdlib.h>

enum { TELL_EVERY_RECORDS = 64 };

/* One record, by node; groups are rings of records with a root. */
struct listed {
    uint64_t node;
    int64_t known_at_us;
    uint32_t root; /* index; of a root its own */
    uint32_t next; /* the ring of its group */
    uint32_t size; /* of a root: its group's */
};

struct preview {
    const struct view *view;
    const struct pairing_watch *watch;
    struct matching matching;
    struct match_model *model;
    struct pair_finder finder;
    struct block_memo *memo;
    struct listed *records; /* ascending by node */
    size_t count, capacity;
    struct pairing_preview result;
    struct arena arena, scratch;
};

/* --- groups ------------------------------------------------------------------------------------------------------- */

static uint32_t root_of(struct preview *preview, uint32_t at)
{
    struct listed *records = preview->records;
    while (records[at].root != at) {
        records[at].root = records[records[at].root].root;
        at = records[at].root;
    }
    return at;
}

static void join(struct preview *preview, uint32_t a, uint32_t b)
{
    struct listed *records = preview->records;
    a = root_of(preview, a);
    b = root_of(preview, b);
    if (a == b)
        return;
    uint32_t into = records[a].size >= records[b].size ? a : b, from = into == a ? b : a;
    records[from].root = into;
    records[into].size += records[from].size;
    uint32_t next = records[into].next;
    records[into].next = records[from].next;
    records[from].next = next;
}

static int node_compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static struct pair_group group_of(struct preview *preview, uint32_t at)
{
    uint64_t *nodes = arena_array(&preview->scratch, preview->records[root_of(preview, at)].size, sizeof *nodes);
    struct pair_group group = {.nodes = nodes, .own = preview->records[at].node};
    uint32_t member = at;
    do {
        nodes[group.count++] = preview->records[member].node;
        member = preview->records[member].next;
    } while (member != at);
    qsort(nodes, group.count, sizeof *nodes, node_compare);
    return group;
}

static int listed_compare_node(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    return x->node < y->node ? -1 : x->node > y->node;
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static enum patron_code records_list(struct preview *preview, uint32_t generation, struct error *error)
{
    uint8_t prefix[4];
    encode_be32(prefix, generation);
    struct bytes begin = bytes_of(prefix, sizeof prefix);
    struct kv_iterator *rows = kv_iterator_new(preview->view->kv, preview->view->snapshot, KV_RECORDS, begin);
    enum patron_code code = PATRON_OK;
    kv_iterator_seek(rows, begin);
    for (; code == PATRON_OK && kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct record_row row;
        code = record_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &row, error);
        if (code == PATRON_OK && preview->count == UINT32_MAX)
            code = error_set(error, PATRON_EXHAUSTED, "there are too many records to be looked at at once");
        if (code != PATRON_OK)
            break;
        if (preview->count == preview->capacity) {
            preview->capacity = preview->capacity ? 2 * preview->capacity : 1024;
            preview->records = memory_resize(preview->records, preview->capacity * sizeof *preview->records);
        }
        uint32_t at = (uint32_t)preview->count++;
        preview->records[at] = (struct listed){row.node, row.known_at_us, at, at, 1};
    }
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    return code;
}

static const struct listed *listed_find(const struct preview *preview, uint64_t node)
{
    const struct listed wanted = {.node = node};
    return bsearch(&wanted, preview->records, preview->count, sizeof wanted, listed_compare_node);
}

/* Records of one customer are a group from the start: each joins the first of the customer's nodes that has one. */
static enum patron_code customer_join(struct preview *preview, uint32_t at, struct error *error)
{
    const struct identity_rows_from from = {.kv = preview->view->kv, .snapshot = preview->view->snapshot};
    const uint64_t node = preview->records[at].node;
    uint64_t customer;
    TRY(membership_at(from.kv, from.snapshot, node, INT64_MAX, &customer, error));
    if (customer == node)
        return PATRON_OK;
    arena_reset(&preview->scratch);
    struct party party;
    TRY(party_read(&from, customer, &preview->scratch, &party, error));
    for (size_t i = 0; i < party.count && party.members[i].node < node; i++) {
        const struct listed *first = listed_find(preview, party.members[i].node);
        if (first) {
            join(preview, at, (uint32_t)(first - preview->records));
            break;
        }
    }
    return PATRON_OK;
}

/* --- pairs -------------------------------------------------------------------------------------------------------- */

static enum patron_code pair_take(struct preview *preview, uint32_t at, struct pair *pair, struct error *error)
{
    const struct identity_rows_from from = {.kv = preview->view->kv, .snapshot = preview->view->snapshot};
    const struct listed *candidate = listed_find(preview, pair->other);
    CHECK(candidate); /* candidates are records of the same view */
    uint32_t other = (uint32_t)(candidate - preview->records);
    pair->joined = root_of(preview, at) == root_of(preview, other);
    if (pair->joined && pair->decision != MATCH_LINK)
        return PATRON_OK;
    if (pair->decision == MATCH_LINK && !pair->joined) {
        arena_reset(&preview->scratch);
        const struct pair_group groups[2] = {group_of(preview, at), group_of(preview, other)};
        TRY(pair_groups_guard(&preview->finder, &from, groups, &preview->scratch, &pair->guarded, error));
    }
    preview->result.links += pair->guarded == MATCH_LINK;
    preview->result.reviews += pair->guarded != MATCH_LINK;
    if (!preview->watch->take(preview->watch->context, &preview->result, pair))
        return error_set(error, PATRON_CANCELLED, "the preview was stopped");
    if (pair->guarded == MATCH_LINK)
        join(preview, at, other);
    return PATRON_OK;
}

static enum patron_code record_take(struct preview *preview, uint32_t at, struct error *error)
{
    const struct identity_rows_from from = {.kv = preview->view->kv, .snapshot = preview->view->snapshot};
    struct record_row row;
    struct record_pairs found;
    arena_reset(&preview->arena);
    TRY(record_get(
        &from, preview->finder.generation, preview->records[at].node, &preview->arena, &row, error));
    TRY(pairs_find(
        &preview->finder, preview->view, &row, false, &preview->arena, &preview->scratch, &found, error));
    preview->result.below += found.below;
    preview->result.oversized += found.oversized;
    for (size_t i = 0; i < found.count; i++)
        TRY(pair_take(preview, at, &found.pairs[i], error));
    preview->result.records++;
    if (preview->result.records % TELL_EVERY_RECORDS == 0 &&
        !preview->watch->take(preview->watch->context, &preview->result, NULL))
        return error_set(error, PATRON_CANCELLED, "the preview was stopped");
    return PATRON_OK;
}

struct turn {
    int64_t known_at_us;
    uint32_t record;
};

static int turn_compare(const void *a, const void *b)
{
    const struct turn *x = a, *y = b;
    return x->known_at_us < y->known_at_us ? -1 : x->known_at_us > y->known_at_us;
}

static enum patron_code records_take(struct preview *preview, struct error *error)
{
    struct turn *turns = memory_alloc((preview->count + 1) * sizeof *turns);
    for (uint32_t i = 0; i < preview->count; i++)
        turns[i] = (struct turn){preview->records[i].known_at_us, i};
    qsort(turns, preview->count, sizeof *turns, turn_compare);
    enum patron_code code = PATRON_OK;
    for (size_t i = 0; code == PATRON_OK && i < preview->count; i++)
        code = record_take(preview, turns[i].record, error);
    memory_free(turns);
    return code;
}

static enum patron_code prepare(struct preview *preview, struct error *error)
{
    struct model_entry newest;
    struct pairing_state state;
    bool known;
    enum patron_code code = model_find(preview->view, 0, &newest, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_PRECONDITION, "there is no model: train one, with patron identity train");
    TRY(code);
    TRY(model_load(preview->view, &newest, &preview->matching, &preview->model, error));
    TRY(pairing_state_get(preview->view, &state, &known, error));
    if (!known || memcmp(state.layout, preview->matching.layout, MATCHING_PRINT_BYTES) != 0)
        return error_set(error, PATRON_PRECONDITION, "the records are not made yet: try again in a moment");
    preview->finder = (struct pair_finder){&preview->matching, preview->model, state.generation, preview->memo};
    TRY(records_list(preview, state.generation, error));
    preview->result.records_total = preview->count;
    for (uint32_t i = 0; i < preview->count; i++)
        TRY(customer_join(preview, i, error));
    return PATRON_OK;
}

enum patron_code pairing_preview(const struct view *view, const struct pairing_watch *watch,
    struct pairing_preview *result, struct error *error)
{
    if (!view->definitions->matching)
        return error_set(error, PATRON_PRECONDITION,
            "the definitions match no records: say with `matching` which events tell about people");
    struct preview preview = {.view = view, .watch = watch, .memo = memory_alloc(sizeof *preview.memo)};
    matching_init(&preview.matching, view->definitions, view->key);
    enum patron_code code = prepare(&preview, error);
    if (code == PATRON_OK)
        code = records_take(&preview, error);
    *result = preview.result;
    match_model_free(preview.model);
    matching_clear(&preview.matching);
    memory_free(preview.memo);
    memory_free(preview.records);
    arena_clear(&preview.arena);
    arena_clear(&preview.scratch);
    return code;
}
