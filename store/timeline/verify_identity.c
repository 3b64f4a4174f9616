#include "store/timeline/verify_identity.h"

#include <stdlib.h>

struct walk {
    const struct identity_verify *verify;
    struct member *open; /* the customer's, by node */
    size_t open_count;
    uint32_t *parents; /* of a union-find over them */
    struct separation *separations; /* of them, that hold */
    size_t separation_count, separation_capacity;
};

static void differ(const struct walk *walk, const char *what)
{
    walk->verify->differ(walk->verify->context, what);
}

/* --- members ------------------------------------------------------------------------------------------------------ */

/* `membership` must tell the same history as `members`: the customer, from just after `since` through `until`. */
static enum patron_code membership_verify(
    const struct walk *walk, const struct member *member, struct error *error)
{
    const struct view *view = walk->verify->view;
    const int64_t moments_us[] = {member->since_us < INT64_MAX ? member->since_us + 1 : INT64_MAX, member->until_us};
    for (size_t i = 0; i < 2; i++) {
        uint64_t named;
        enum patron_code code =
            membership_at(view->kv, view->snapshot, member->node, moments_us[i], &named, error);
        if (code != PATRON_OK && code != PATRON_NOT_FOUND)
            return code;
        if (code == PATRON_NOT_FOUND || named != member->customer) {
            differ(walk, "membership names another customer for one of its nodes");
            break;
        }
    }
    return PATRON_OK;
}

/* What a node is stands in three rows. */
static enum patron_code node_verify(const struct walk *walk, const struct member *member, struct error *error)
{
    const struct view *view = walk->verify->view;
    struct node_entry node;
    struct identifier_entry identifier;
    enum patron_code code =
        node_get(view->kv, view->snapshot, member->node, walk->verify->arena, &node, error);
    if (code == PATRON_OK)
        code = identifier_get(view->kv, view->snapshot, node.hash, walk->verify->arena, &identifier, error);
    if (code != PATRON_OK && code != PATRON_NOT_FOUND)
        return code;
    if (code == PATRON_NOT_FOUND || identifier.customer != member->customer || identifier.node != member->node) {
        differ(walk, "the row of one of its identifiers leads elsewhere");
        return PATRON_OK;
    }
    if (identifier.flags != member->flags)
        differ(walk, "the row of one of its identifiers has other flags than the member's");
    if (node.type != member->type || node.birth_us != member->birth_us ||
        memcmp(node.hash, member->hash, IDENTIFIER_HASH_BYTES) != 0)
        differ(walk, "the row of one of its nodes tells of it otherwise than the member's");
    return PATRON_OK;
}

static enum patron_code members_verify(struct walk *walk, struct error *error)
{
    const struct identity_verify *verify = walk->verify;
    struct member *members;
    size_t count;
    TRY(members_of(verify->view->kv, verify->view->snapshot, verify->customer, verify->arena, &members, &count, error));
    walk->open = arena_array(verify->arena, count, sizeof *walk->open);
    for (size_t i = 0; i < count; i++) {
        TRY(membership_verify(walk, &members[i], error));
        if (members[i].until_us != INT64_MAX)
            continue;
        walk->open[walk->open_count++] = members[i];
        TRY(node_verify(walk, &members[i], error));
    }
    if (walk->open_count > 0 && walk->open[0].node != verify->customer)
        differ(walk, "its id is not its oldest node");
    for (size_t i = 1; i < walk->open_count; i++)
        if (walk->open[i].node == walk->open[i - 1].node)
            differ(walk, "it has one of its nodes twice");
    return PATRON_OK;
}

/* --- links -------------------------------------------------------------------------------------------------------- */

static uint32_t root_of(uint32_t *parents, uint32_t at)
{
    while (parents[at] != at)
        at = parents[at] = parents[parents[at]];
    return at;
}

static size_t place_of(const struct walk *walk, uint64_t node)
{
    size_t low = 0, high = walk->open_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (walk->open[middle].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    return low < walk->open_count && walk->open[low].node == node ? low : walk->open_count;
}

/* The row under its other end. */
static enum patron_code mirror_verify(
    const struct walk *walk, const struct link *link, struct bytes value, struct error *error)
{
    uint8_t key[LINK_KEY_BYTES];
    encode_be64(key, link->b);
    encode_be64(key + 8, link->a);
    encode_time(key + 16, link->since_us);
    struct arena arena = {0};
    struct bytes mirror;
    const struct view *view = walk->verify->view;
    enum patron_code code =
        kv_get(view->kv, view->snapshot, KV_LINKS, bytes_of(key, sizeof key), &arena, &mirror, error);
    if (code == PATRON_NOT_FOUND || (code == PATRON_OK && !bytes_equal(mirror, value)))
        differ(walk, "a link is not the same under both its ends");
    arena_clear(&arena);
    return code == PATRON_NOT_FOUND ? PATRON_OK : code;
}

/* One that holds; others of the pair hold by those rules. */
static void live_verify(const struct walk *walk, uint32_t at, const struct link *link, uint32_t rules_before)
{
    size_t other = place_of(walk, link->b);
    if (walk->open[at].flags & NODE_BLOCKED)
        differ(walk, "an identifier that is blocked has a link that holds");
    if (rules_before & UINT32_C(1) << link->rule)
        differ(walk, "two links of one rule hold between two of its identifiers");
    if (other == walk->open_count)
        differ(walk, "a link that holds leads to another customer");
    else
        walk->parents[root_of(walk->parents, at)] = root_of(walk->parents, (uint32_t)other);
}

static enum patron_code node_links_verify(const struct walk *walk, uint32_t at, struct error *error)
{
    uint8_t prefix[8];
    encode_be64(prefix, walk->open[at].node);
    const struct view *view = walk->verify->view;
    struct kv_iterator *rows = kv_iterator_new(view->kv, view->snapshot, KV_LINKS, bytes_of(prefix, sizeof prefix));
    enum patron_code code = PATRON_OK;
    uint64_t pair = 0;
    uint32_t rules = 0; /* by which a link of the pair holds, of the rows so far */
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct link link;
        struct bytes value = kv_iterator_borrow_value(rows);
        code = link_decode(kv_iterator_borrow_key(rows), value, &link, error);
        if (code == PATRON_OK)
            code = mirror_verify(walk, &link, value, error);
        if (code != PATRON_OK)
            goto free_rows;
        if (link.b != pair)
            rules = 0;
        pair = link.b;
        if (link.until_us != INT64_MAX)
            continue;
        live_verify(walk, at, &link, rules);
        rules |= UINT32_C(1) << link.rule;
    }
    code = kv_iterator_status(rows, error);
free_rows:
    kv_iterator_free(rows);
    return code;
}

static enum patron_code links_verify(struct walk *walk, struct error *error)
{
    walk->parents = arena_array(walk->verify->arena, walk->open_count, sizeof *walk->parents);
    for (uint32_t i = 0; i < walk->open_count; i++)
        walk->parents[i] = i;
    for (uint32_t i = 0; i < walk->open_count; i++)
        TRY(node_links_verify(walk, i, error));
    for (uint32_t i = 1; i < walk->open_count; i++) {
        if (root_of(walk->parents, i) != root_of(walk->parents, 0)) {
            differ(walk, "the links that hold do not join all its identifiers");
            break;
        }
    }
    return PATRON_OK;
}

/* --- separations -------------------------------------------------------------------------------------------------- */

static void separation_keep(struct walk *walk, const struct separation *separation)
{
    if (walk->separation_count == walk->separation_capacity) {
        size_t capacity = walk->separation_count ? 2 * walk->separation_count : 8;
        struct separation *more = arena_array(walk->verify->arena, capacity, sizeof *more);
        if (walk->separation_count)
            memcpy(more, walk->separations, walk->separation_count * sizeof *more);
        walk->separations = more;
        walk->separation_capacity = capacity;
    }
    walk->separations[walk->separation_count++] = *separation;
}

static enum patron_code node_separations_read(struct walk *walk, const struct member *member, struct error *error)
{
    uint8_t prefix[8];
    encode_be64(prefix, member->node);
    const struct view *view = walk->verify->view;
    struct kv_iterator *rows =
        kv_iterator_new(view->kv, view->snapshot, KV_SEPARATIONS, bytes_of(prefix, sizeof prefix));
    enum patron_code code = PATRON_OK;
    bool any = false;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct separation separation;
        code = separation_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &separation, error);
        if (code != PATRON_OK)
            goto free_rows;
        any = true;
        if (separation.until_us == INT64_MAX)
            separation_keep(walk, &separation);
    }
    code = kv_iterator_status(rows, error);
    if (code == PATRON_OK && any != ((member->flags & NODE_SEPARATED) != 0))
        differ(walk, "an identifier's flags do not tell whether it was ever to be kept apart from others");
free_rows:
    kv_iterator_free(rows);
    return code;
}

static int separation_compare(const void *left, const void *right)
{
    const struct separation *a = left, *b = right;
    if (a->since_us != b->since_us)
        return a->since_us < b->since_us ? -1 : 1;
    return (int)a->side - (int)b->side;
}

static enum patron_code separations_verify(struct walk *walk, struct error *error)
{
    for (size_t i = 0; i < walk->open_count; i++)
        TRY(node_separations_read(walk, &walk->open[i], error));
    if (walk->separation_count > 1)
        qsort(walk->separations, walk->separation_count, sizeof *walk->separations, separation_compare);
    for (size_t i = 1; i < walk->separation_count; i++) {
        const struct separation *a = &walk->separations[i - 1], *b = &walk->separations[i];
        if (a->since_us == b->since_us && a->side != b->side) {
            differ(walk, "it has identifiers that are to be kept apart");
            break;
        }
    }
    return PATRON_OK;
}

enum patron_code identity_verify(const struct identity_verify *verify, struct error *error)
{
    struct walk walk = {.verify = verify};
    TRY(members_verify(&walk, error));
    TRY(links_verify(&walk, error));
    return separations_verify(&walk, error);
}
