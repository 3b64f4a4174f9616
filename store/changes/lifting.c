#include "store/changes/lifting.h"

#include <stdlib.h>

#include "store/identity/identity_rows.h"
#include "store/journal/log.h"

/* A separation between the two: a is on `side`, b on the other. */
struct conflict {
    int64_t since_us;
    uint8_t side;
    bool others[2]; /* by side: somebody in neither customer holds a row */
};

static int node_compare(const void *key, const void *element)
{
    const uint64_t node = *(const uint64_t *)key, other = ((const struct member *)element)->node;
    return (node > other) - (node < other);
}

static bool party_has(const struct party *party, uint64_t node)
{
    return bsearch(&node, party->members, party->count, sizeof *party->members, node_compare) != NULL;
}

/* PATRON_NOT_FOUND: the node has none. */
static enum patron_code row_read(const struct lifting *lifting, uint64_t node, int64_t since_us,
    struct separation *separation, struct error *error)
{
    uint8_t bytes[16];
    encode_be64(bytes, node);
    encode_time(bytes + 8, since_us);
    struct bytes key = bytes_of(bytes, sizeof bytes), value;
    TRY(kv_batch_get(lifting->batch, KV_SEPARATIONS, key, lifting->arena, &value, error));
    return separation_decode(key, value, separation, error);
}

static enum patron_code others_look(const struct lifting *lifting, const uint64_t *nodes, size_t count,
    struct conflict *conflict, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (party_has(lifting->a, nodes[i]) || party_has(lifting->b, nodes[i]))
            continue;
        struct separation row;
        enum patron_code code = row_read(lifting, nodes[i], conflict->since_us, &row, error);
        if (code == PATRON_NOT_FOUND)
            continue;
        TRY(code);
        if (row.until_us == INT64_MAX)
            conflict->others[row.side] = true;
    }
    return PATRON_OK;
}

static enum patron_code others_find(const struct lifting *lifting, struct conflict *conflict, struct error *error)
{
    uint8_t bytes[8];
    encode_time(bytes, conflict->since_us);
    struct bytes key = bytes_of(bytes, sizeof bytes), value;
    struct log_entry entry = {0};
    enum patron_code code = kv_batch_get(lifting->batch, KV_LOG, key, lifting->arena, &value, error);
    if (code == PATRON_OK)
        code = log_decode(key, value, lifting->arena, &entry, error);
    if (code == PATRON_NOT_FOUND || (code == PATRON_OK && !(entry.kind == LOG_IDENTITY && entry.change.separates)))
        return error_set(error, PATRON_CORRUPT, "the log does not tell of a separation that holds: run patron verify");
    TRY(code);
    TRY(others_look(lifting, entry.change.nodes, entry.change.node_count, conflict, error));
    return others_look(lifting, entry.change.others, entry.change.other_count, conflict, error);
}

static enum patron_code rows_end(
    const struct lifting *lifting, const struct party *party, int64_t since_us, struct error *error)
{
    for (size_t i = 0; i < party->count; i++) {
        if (!(party->members[i].flags & NODE_SEPARATED))
            continue;
        struct separation row;
        enum patron_code code = row_read(lifting, party->members[i].node, since_us, &row, error);
        if (code == PATRON_NOT_FOUND || (code == PATRON_OK && row.until_us != INT64_MAX))
            continue;
        TRY(code);
        row.until_us = lifting->known_at_us;
        separation_put(lifting->batch, &row);
    }
    return PATRON_OK;
}

static enum patron_code conflict_end(const struct lifting *lifting, struct conflict *conflict, struct error *error)
{
    TRY(others_find(lifting, conflict, error));
    bool with_a = conflict->others[conflict->side], with_b = conflict->others[!conflict->side];
    if (with_b || !with_a)
        TRY(rows_end(lifting, lifting->b, conflict->since_us, error));
    if (!with_b)
        TRY(rows_end(lifting, lifting->a, conflict->since_us, error));
    return PATRON_OK;
}

enum patron_code separations_lift(const struct lifting *lifting, struct error *error)
{
    const struct party *a = lifting->a, *b = lifting->b;
    size_t j = 0;
    for (size_t i = 0; i < a->side_count; i++) {
        while (j < b->side_count && b->sides[j].since_us < a->sides[i].since_us)
            j++;
        if (j == b->side_count || b->sides[j].since_us != a->sides[i].since_us || b->sides[j].side == a->sides[i].side)
            continue;
        struct conflict conflict = {.since_us = a->sides[i].since_us, .side = a->sides[i].side};
        TRY(conflict_end(lifting, &conflict, error));
    }
    return PATRON_OK;
}
