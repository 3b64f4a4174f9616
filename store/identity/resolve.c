/* Resolving an event: see how many of its identifiers may be joined, one after the other, then write what is new:
 * nodes, membership rows for the nodes of every customer that gives up its id, links. */
#include "store/identity/identity_rows.h"
#include "store/identity/merging.h"

#include "store/base/limits.h"
#include "store/base/seal.h"

struct resolver {
    const struct identity_writer *writer;
    const struct identity_evidence *evidence;
    struct arena *arena;
    struct error *error;
    /* What was taken so far; a customer's members are read when the first question is asked. */
    struct party parties[EVENT_IDENTIFIERS_MAX];
    const struct party *asked[EVENT_IDENTIFIERS_MAX]; /* the same */
    size_t party_count, read_count;
    const struct identifier_type *new_types[EVENT_IDENTIFIERS_MAX];
    size_t new_count;
};

static bool takes_part(const struct resolver *resolver, const struct known_identifier *identifier)
{
    for (size_t i = 0; i < resolver->party_count; i++)
        if (resolver->parties[i].customer == identifier->customer)
            return true;
    return false;
}

static void take(struct resolver *resolver, const struct known_identifier *identifier)
{
    if (identifier->node == 0) {
        resolver->new_types[resolver->new_count++] = identifier->type;
        return;
    }
    struct party *party = &resolver->parties[resolver->party_count];
    *party = (struct party){.customer = identifier->customer};
    resolver->asked[resolver->party_count++] = party;
}

static void take_back(struct resolver *resolver, const struct known_identifier *identifier)
{
    if (identifier->node == 0)
        resolver->new_count--;
    else
        resolver->party_count--;
}

/* May what was taken, this identifier the last of it, become one customer? Reviews are asked for only where it brought
 * a customer beside others: what was there before it has been asked. */
static enum patron_code ask(
    struct resolver *resolver, const struct known_identifier *identifier, struct joining_verdict *verdict)
{
    const struct identity_evidence *evidence = resolver->evidence;
    const struct identity_rows_from from = {.batch = resolver->writer->batch};
    for (; resolver->read_count < resolver->party_count; resolver->read_count++) {
        struct party *party = &resolver->parties[resolver->read_count];
        TRY(party_read(&from, party->customer, resolver->arena, party, resolver->error));
    }
    bool merges = identifier->node != 0 && resolver->party_count > 1;
    struct joining joining = {.definitions = evidence->definitions,
        .parties = resolver->asked,
        .party_count = resolver->party_count,
        .new_types = resolver->new_types,
        .new_count = resolver->new_count,
        .known_at_us = evidence->known_at_us,
        .weak = evidence->identifiers[0].type->weak || identifier->type->weak,
        .passes = merges ? 0 : REVIEWS_ALL,
        .value_of = merges ? evidence->value_of : NULL};
    return joining_check(&joining, resolver->arena, verdict, resolver->error);
}

/* Dropping from the end until the rest may be joined finds the longest beginning that may be; and since each beginning
 * of one that may be joined may be joined as well, it is found from the front. So the members of one customer more than
 * can be joined are read at most, however many nodes the others have. */
static enum patron_code accept(struct resolver *resolver, struct resolution *resolution)
{
    const struct identity_evidence *evidence = resolver->evidence;
    take(resolver, &evidence->identifiers[0]);
    for (resolution->accepted = 1; resolution->accepted < evidence->count; resolution->accepted++) {
        const struct known_identifier *identifier = &evidence->identifiers[resolution->accepted];
        if (identifier->node != 0 && takes_part(resolver, identifier))
            continue; /* nothing would change */
        take(resolver, identifier);
        struct joining_verdict verdict;
        TRY(ask(resolver, identifier, &verdict));
        if (verdict.obstacle == OBSTACLE_NONE)
            continue;
        take_back(resolver, identifier);
        resolution->obstacle = verdict.obstacle;
        resolution->second_person = obstacle_is_review(verdict.obstacle) && verdict.second_person;
        return PATRON_OK;
    }
    return PATRON_OK;
}

static void node_create(
    struct resolver *resolver, const struct known_identifier *identifier, uint64_t node, uint64_t customer)
{
    struct kv_batch *batch = resolver->writer->batch;
    int64_t known_at_us = resolver->evidence->known_at_us;
    struct node_entry entry = {.type = identifier->type->number, .birth_us = known_at_us};
    memcpy(entry.hash, identifier->hash, IDENTIFIER_HASH_BYTES);
    struct encoder kept = {0};
    if (identifier->kept.length > 0)
        seal_close(resolver->writer->key, SEAL_NODE, bytes_of(entry.hash, IDENTIFIER_HASH_BYTES), identifier->kept,
            &kept);
    entry.kept = encoder_borrow(&kept);
    node_put(batch, node, &entry);
    encoder_clear(&kept);
    membership_put(batch, node, known_at_us, customer);
    struct member member = {.customer = customer,
        .node = node,
        .since_us = known_at_us,
        .until_us = INT64_MAX,
        .type = entry.type,
        .birth_us = known_at_us};
    memcpy(member.hash, identifier->hash, IDENTIFIER_HASH_BYTES);
    member_keep(batch, &member);
}

static enum patron_code star_write(struct resolver *resolver, const uint64_t *nodes, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct link link = {.a = nodes[0],
            .b = nodes[i],
            .since_us = resolver->evidence->known_at_us,
            .until_us = INT64_MAX,
            .rule = LINK_SHARED_EVENT,
            .count = 1};
        memcpy(link.evidence, resolver->evidence->event_hash, EVENT_HASH_BYTES);
        TRY(link_strengthen(resolver->writer->batch, &link, resolver->arena, resolver->error));
    }
    return PATRON_OK;
}

/* Customers that give up their id were read: where there are two, the rules were asked. */
static void parties_join(struct resolver *resolver, struct resolution *resolution)
{
    resolution->merged = arena_array(resolver->arena, resolver->party_count, sizeof(uint64_t));
    for (size_t i = 0; i < resolver->party_count; i++) {
        const struct party *party = &resolver->parties[i];
        if (party->customer == resolution->customer)
            continue;
        CHECK(i < resolver->read_count);
        party_move(resolver->writer->batch, party, resolution->customer, resolver->evidence->known_at_us);
        resolution->merged[resolution->merged_count++] = party->customer;
    }
}

enum patron_code identity_resolve(const struct identity_writer *writer, const struct identity_evidence *evidence,
    struct arena *arena, struct resolution *resolution, struct error *error)
{
    CHECK(evidence->count >= 1);
    CHECK(evidence->count <= EVENT_IDENTIFIERS_MAX);
    struct resolver resolver = {.writer = writer, .evidence = evidence, .arena = arena, .error = error};
    *resolution = (struct resolution){0};
    TRY(accept(&resolver, resolution));

    uint64_t nodes[EVENT_IDENTIFIERS_MAX];
    uint64_t first_new = *writer->last_node + 1; /* later than all that are known */
    resolution->created = resolver.party_count == 0;
    resolution->customer = first_new;
    for (size_t i = 0; i < resolver.party_count; i++)
        if (resolver.parties[i].customer < resolution->customer)
            resolution->customer = resolver.parties[i].customer;
    for (size_t i = 0; i < resolution->accepted; i++) {
        const struct known_identifier *identifier = &evidence->identifiers[i];
        nodes[i] = identifier->node ? identifier->node : ++*writer->last_node;
        if (identifier->node == 0)
            node_create(&resolver, identifier, nodes[i], resolution->customer);
    }
    resolution->node = nodes[0];
    parties_join(&resolver, resolution);
    return star_write(&resolver, nodes, resolution->accepted);
}
