#include "store/identity/merging.h"

#include "store/identity/identity_rows.h"

void member_keep(struct kv_batch *batch, const struct member *member)
{
    CHECK(member->until_us == INT64_MAX);
    member_put(batch, member);
    identifier_put(batch, member->hash, member->node, member->customer, member->flags);
}

static struct member moved(const struct member *member, uint64_t customer, int64_t known_at_us)
{
    CHECK(member->until_us == INT64_MAX);
    CHECK(member->customer != customer);
    CHECK(member->since_us < known_at_us);
    struct member made = *member;
    made.customer = customer;
    made.since_us = known_at_us;
    return made;
}

/* Row by row of one kind: keys that follow each other cost the engine half. */
static void members_move(
    struct kv_batch *batch, const struct member *members, size_t count, uint64_t customer, int64_t known_at_us)
{
    for (size_t i = 0; i < count; i++) {
        struct member left = members[i];
        left.until_us = known_at_us;
        member_put(batch, &left);
    }
    for (size_t i = 0; i < count; i++) {
        struct member made = moved(&members[i], customer, known_at_us);
        member_put(batch, &made);
    }
    for (size_t i = 0; i < count; i++)
        membership_put(batch, members[i].node, known_at_us, customer);
    for (size_t i = 0; i < count; i++)
        identifier_put(batch, members[i].hash, members[i].node, customer, members[i].flags);
}

void member_move(struct kv_batch *batch, const struct member *member, uint64_t customer, int64_t known_at_us)
{
    members_move(batch, member, 1, customer, known_at_us);
}

void party_move(struct kv_batch *batch, const struct party *party, uint64_t customer, int64_t known_at_us)
{
    members_move(batch, party->members, party->count, customer, known_at_us);
}

enum patron_code link_live(struct kv_batch *batch, uint64_t a, uint64_t b, enum link_rule rule, struct arena *arena,
    struct link *link, struct error *error)
{
    uint8_t prefix[16];
    encode_be64(prefix, a);
    encode_be64(prefix + 8, b);
    struct kv_iterator *rows = kv_batch_iterator_new(batch, KV_LINKS, bytes_of(prefix, sizeof prefix));
    enum patron_code code = PATRON_OK;
    bool found = false;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows) && !found;
         kv_iterator_next(rows)) {
        struct link row;
        code = link_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &row, error);
        if (code != PATRON_OK)
            goto free_rows;
        if (row.until_us != INT64_MAX || row.rule != rule)
            continue;
        found = true;
        *link = row;
        link->actor = arena_copy(arena, row.actor);
        link->reason = arena_copy(arena, row.reason);
    }
    code = kv_iterator_status(rows, error);
    if (code == PATRON_OK && !found)
        code = PATRON_NOT_FOUND;
free_rows:
    kv_iterator_free(rows);
    return code;
}

enum patron_code link_strengthen(
    struct kv_batch *batch, const struct link *link, struct arena *arena, struct error *error)
{
    struct link put;
    enum patron_code code = link_live(batch, link->a, link->b, link->rule, arena, &put, error);
    if (code == PATRON_OK)
        put.count++;
    else if (code == PATRON_NOT_FOUND)
        put = *link;
    else
        return code;
    link_put(batch, &put);
    return PATRON_OK;
}
