/* Resolving an event: find the customers its identifiers belong to, see how many of the identifiers may be joined,
 * then write what is new: nodes, membership rows for the nodes of every customer that gives up its id, links. */
#include "store/identity/identity_rows.h"

#include "store/base/limits.h"
#include "store/base/seal.h"

/* A customer that takes part, with its present members. */
struct party {
    uint64_t customer;
    bool read;
    struct member *members; /* open rows only, once read */
    size_t count;
};

struct candidate {
    bool known;
    uint64_t node;
    struct party *party; /* of a known one */
};

struct resolver {
    const struct identity_writer *writer;
    const struct definitions *definitions;
    const struct known_identifier *identifiers;
    struct arena *arena;
    struct error *error;
    struct candidate candidates[EVENT_IDENTIFIERS_MAX];
    struct party parties[EVENT_IDENTIFIERS_MAX];
    size_t party_count;
};

static enum patron_code party_read(struct resolver *resolver, struct party *party)
{
    uint8_t prefix[8];
    encode_be64(prefix, party->customer);
    struct kv_iterator *rows =
        kv_batch_iterator_new(resolver->writer->batch, KV_MEMBERS, bytes_of(prefix, sizeof prefix));
    size_t capacity = 0;
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        if (party->count == capacity) {
            capacity = capacity ? 2 * capacity : 8;
            struct member *members = arena_array(resolver->arena, capacity, sizeof *members);
            if (party->count)
                memcpy(members, party->members, party->count * sizeof *members);
            party->members = members;
        }
        struct member *member = &party->members[party->count];
        code = member_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), member, resolver->error);
        if (code != PATRON_OK)
            goto free_rows;
        party->count += member->until_us == INT64_MAX;
    }
    code = kv_iterator_status(rows, resolver->error);
    party->read = true;
free_rows:
    kv_iterator_free(rows);
    return code;
}

static struct party *party_of(struct resolver *resolver, uint64_t customer)
{
    for (size_t i = 0; i < resolver->party_count; i++)
        if (resolver->parties[i].customer == customer)
            return &resolver->parties[i];
    struct party *party = &resolver->parties[resolver->party_count++];
    *party = (struct party){.customer = customer};
    return party;
}

static enum patron_code candidates_read(struct resolver *resolver, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct candidate *candidate = &resolver->candidates[i];
        struct bytes value;
        enum patron_code code = kv_batch_get(resolver->writer->batch, KV_IDENTIFIERS,
            bytes_of(resolver->identifiers[i].hash, IDENTIFIER_HASH_BYTES), resolver->arena, &value, resolver->error);
        *candidate = (struct candidate){0};
        if (code == PATRON_NOT_FOUND)
            continue;
        if (code != PATRON_OK)
            return code;
        struct identifier_entry entry;
        TRY(identifier_decode(value, &entry, resolver->error));
        *candidate = (struct candidate){true, entry.node, party_of(resolver, entry.customer)};
    }
    return PATRON_OK;
}

/* Nothing would change: all are known and of one customer. */
static bool already_joined(const struct resolver *resolver, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!resolver->candidates[i].known || resolver->candidates[i].party != resolver->candidates[0].party)
            return false;
    return true;
}

static bool party_takes_part(const struct resolver *resolver, const struct party *party, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (resolver->candidates[i].party == party)
            return true;
    return false;
}

/* Would the union of the first `count` keep to the rules? */
static bool union_allowed(const struct resolver *resolver, size_t count)
{
    uint32_t of_type[IDENTIFIER_TYPES_MAX] = {0};
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (!resolver->candidates[i].known) {
            of_type[resolver->identifiers[i].type->number]++;
            total++;
        }
    }
    for (size_t i = 0; i < resolver->party_count; i++) {
        const struct party *party = &resolver->parties[i];
        if (!party_takes_part(resolver, party, count))
            continue;
        for (size_t j = 0; j < party->count; j++)
            of_type[party->members[j].type]++;
        total += party->count;
    }
    if (total > CUSTOMER_NODES_MAX)
        return false;
    for (size_t i = 0; i < resolver->definitions->identifier_count; i++) {
        const struct identifier_type *type = &resolver->definitions->identifiers[i];
        if (type->max > 0 && of_type[type->number] > type->max)
            return false;
    }
    return true;
}

/* Dropping from the end until the rest may be joined finds the longest beginning that may be; and since each beginning
 * of one that may be joined may be joined as well, it is found from the front. So the members of one customer more than
 * can be joined are read at most, however many nodes the others have. */
static enum patron_code accepted_count(struct resolver *resolver, size_t count, size_t *accepted)
{
    *accepted = 1;
    for (size_t next = 2; next <= count; next++) {
        if (!already_joined(resolver, next)) {
            for (size_t i = 0; i < next; i++)
                if (resolver->candidates[i].known && !resolver->candidates[i].party->read)
                    TRY(party_read(resolver, resolver->candidates[i].party));
            if (!union_allowed(resolver, next))
                return PATRON_OK;
        }
        *accepted = next;
    }
    return PATRON_OK;
}

static void nodes_create(struct resolver *resolver, size_t count, int64_t known_at_us, uint64_t customer)
{
    struct kv_batch *batch = resolver->writer->batch;
    for (size_t i = 0; i < count; i++) {
        struct candidate *candidate = &resolver->candidates[i];
        if (candidate->known)
            continue;
        const struct known_identifier *identifier = &resolver->identifiers[i];
        struct node_entry entry = {.type = identifier->type->number, .birth_us = known_at_us};
        memcpy(entry.hash, identifier->hash, IDENTIFIER_HASH_BYTES);
        struct encoder kept = {0};
        if (identifier->kept.length > 0)
            seal_close(resolver->writer->key, SEAL_NODE, bytes_of(entry.hash, IDENTIFIER_HASH_BYTES), identifier->kept,
                &kept);
        entry.kept = encoder_borrow(&kept);
        node_put(batch, candidate->node, &entry);
        encoder_clear(&kept);
        identifier_put(batch, identifier->hash, candidate->node, customer, 0);
        membership_put(batch, candidate->node, known_at_us, customer);
        struct member member = {.customer = customer,
            .node = candidate->node,
            .since_us = known_at_us,
            .until_us = INT64_MAX,
            .type = entry.type,
            .birth_us = known_at_us};
        memcpy(member.hash, identifier->hash, IDENTIFIER_HASH_BYTES);
        member_put(batch, &member);
    }
}

/* The party's nodes move to `customer`; what they were stays written. */
static void party_move(
    struct resolver *resolver, const struct party *party, uint64_t customer, int64_t known_at_us)
{
    struct kv_batch *batch = resolver->writer->batch;
    for (size_t i = 0; i < party->count; i++) {
        struct member member = party->members[i];
        member.until_us = known_at_us;
        member_put(batch, &member);
        membership_put(batch, member.node, known_at_us, customer);
        member.customer = customer;
        member.since_us = known_at_us;
        member.until_us = INT64_MAX;
        member_put(batch, &member);
        identifier_put(batch, member.hash, member.node, customer, member.flags);
    }
}

/* A live link of the pair counts once more, or a new one holds from now on. */
static enum patron_code link_strengthen(struct resolver *resolver, uint64_t a, uint64_t b,
    const uint8_t event_hash[EVENT_HASH_BYTES], int64_t known_at_us)
{
    uint8_t prefix[16];
    encode_be64(prefix, a);
    encode_be64(prefix + 8, b);
    struct kv_iterator *rows =
        kv_batch_iterator_new(resolver->writer->batch, KV_LINKS, bytes_of(prefix, sizeof prefix));
    struct link link = {
        .a = a, .b = b, .since_us = known_at_us, .until_us = INT64_MAX, .rule = LINK_SHARED_EVENT, .count = 1};
    memcpy(link.evidence, event_hash, EVENT_HASH_BYTES);
    enum patron_code code = PATRON_OK;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct link held;
        code = link_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &held, resolver->error);
        if (code != PATRON_OK)
            break;
        if (held.until_us == INT64_MAX && held.rule == LINK_SHARED_EVENT) {
            link = held;
            link.count++;
        }
    }
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, resolver->error);
    kv_iterator_free(rows);
    if (code == PATRON_OK)
        link_put(resolver->writer->batch, &link);
    return code;
}

enum patron_code identity_resolve(const struct identity_writer *writer, const struct definitions *definitions,
    const struct known_identifier *identifiers, size_t count, const uint8_t event_hash[EVENT_HASH_BYTES],
    int64_t known_at_us, struct arena *arena, struct resolution *resolution, struct error *error)
{
    CHECK(count >= 1);
    CHECK(count <= EVENT_IDENTIFIERS_MAX);
    struct resolver resolver = {
        .writer = writer, .definitions = definitions, .identifiers = identifiers, .arena = arena, .error = error};
    TRY(candidates_read(&resolver, count));
    size_t accepted;
    TRY(accepted_count(&resolver, count, &accepted));

    uint64_t customer = UINT64_MAX;
    bool any_known = false;
    for (size_t i = 0; i < accepted; i++) {
        struct candidate *candidate = &resolver.candidates[i];
        if (!candidate->known)
            candidate->node = ++*writer->last_node;
        any_known = any_known || candidate->known;
        uint64_t id = candidate->known ? candidate->party->customer : candidate->node;
        if (id < customer)
            customer = id;
    }
    *resolution = (struct resolution){.node = resolver.candidates[0].node,
        .customer = customer,
        .created = !any_known,
        .accepted = accepted,
        .merged = arena_array(arena, resolver.party_count, sizeof(uint64_t))};
    nodes_create(&resolver, accepted, known_at_us, customer);
    for (size_t i = 0; i < resolver.party_count; i++) {
        const struct party *party = &resolver.parties[i];
        if (party->customer == customer || !party_takes_part(&resolver, party, accepted))
            continue;
        party_move(&resolver, party, customer, known_at_us);
        resolution->merged[resolution->merged_count++] = party->customer;
    }
    for (size_t i = 1; i < accepted; i++)
        TRY(link_strengthen(
            &resolver, resolver.candidates[0].node, resolver.candidates[i].node, event_hash, known_at_us));
    return PATRON_OK;
}
