/* Any bytes as the rows of the journal and of identity: refused in words, or taken, and then they encode to the same
 * bytes again: no row is read in two ways. The first byte chooses the row, the second the length of the key. */
#include "store/identity/identity_rows.h"
#include "store/journal/log.h"
#include "tests/fuzz/fuzz.h"

struct rows {
    struct kv *kv;
    struct kv_batch *batch;
    struct arena arena;
};

static void check_row(struct rows *rows, enum kv_family family, struct bytes key, struct bytes value)
{
    struct bytes made;
    CHECK(kv_batch_get(rows->batch, family, key, &rows->arena, &made, NULL) == PATRON_OK);
    CHECK(bytes_equal(made, value));
}

static enum patron_code event_row(struct bytes key, struct bytes value, struct error *error)
{
    struct event event;
    TRY(event_decode(key, value, &event, error));
    struct encoder to = {0};
    event_value_encode(&event, &to);
    CHECK(bytes_equal(encoder_borrow(&to), value));
    uint8_t made[EVENT_KEY_BYTES];
    event_key_encode(&event, made);
    CHECK(bytes_equal(bytes_of(made, sizeof made), key));
    encoder_reset(&to);
    for (uint16_t number = 0; number < EVENT_ATTRIBUTES_MAX; number++) {
        struct scalar scalar;
        if (event_attribute_find(&event, number, &scalar))
            event_attribute_encode(number, &scalar, &to);
    }
    CHECK(bytes_equal(encoder_borrow(&to), event.attributes));
    encoder_clear(&to);
    return PATRON_OK;
}

static enum patron_code log_row(struct rows *rows, struct bytes key, struct bytes value, struct error *error)
{
    struct log_entry entry;
    TRY(log_decode(key, value, &rows->arena, &entry, error));
    log_put(rows->batch, &entry);
    check_row(rows, KV_LOG, key, value);
    return PATRON_OK;
}

static enum patron_code event_id_row(struct rows *rows, struct bytes key, struct bytes value, struct error *error)
{
    uint8_t hash[EVENT_HASH_BYTES] = {0};
    memcpy(hash, key.data, key.length < sizeof hash ? key.length : sizeof hash);
    kv_batch_put(rows->batch, KV_EVENT_IDS, bytes_of(hash, sizeof hash), value);
    struct event_id_entry entry;
    TRY(event_id_get(rows->batch, hash, &rows->arena, &entry, error));
    event_id_put(rows->batch, hash, &entry);
    check_row(rows, KV_EVENT_IDS, bytes_of(hash, sizeof hash), value);
    return PATRON_OK;
}

static enum patron_code member_row(struct rows *rows, struct bytes key, struct bytes value, struct error *error)
{
    struct member member;
    TRY(member_decode(key, value, &member, error));
    member_put(rows->batch, &member);
    check_row(rows, KV_MEMBERS, key, value);
    (void)member_at(&member, INT64_MIN);
    return PATRON_OK;
}

static enum patron_code link_row(struct rows *rows, struct bytes key, struct bytes value, struct error *error)
{
    struct link link;
    TRY(link_decode(key, value, &link, error));
    link_put(rows->batch, &link);
    check_row(rows, KV_LINKS, key, value);
    return PATRON_OK;
}

static enum patron_code node_row(struct rows *rows, struct bytes value, struct error *error)
{
    struct node_entry node;
    TRY(node_decode(value, &node, error));
    uint8_t key[8];
    encode_be64(key, 7);
    node_put(rows->batch, 7, &node);
    check_row(rows, KV_NODES, bytes_of(key, sizeof key), value);
    return PATRON_OK;
}

static enum patron_code identifier_row(struct rows *rows, struct bytes value, struct error *error)
{
    static const uint8_t hash[IDENTIFIER_HASH_BYTES];
    struct identifier_entry entry;
    TRY(identifier_decode(value, &entry, error));
    identifier_put(rows->batch, hash, entry.node, entry.customer);
    check_row(rows, KV_IDENTIFIERS, bytes_of(hash, sizeof hash), value);
    return PATRON_OK;
}

static enum patron_code row(struct rows *rows, uint8_t kind, struct bytes key, struct bytes value, struct error *error)
{
    switch (kind) {
    case 0:
        return event_row(key, value, error);
    case 1:
        return log_row(rows, key, value, error);
    case 2:
        return event_id_row(rows, key, value, error);
    case 3:
        return member_row(rows, key, value, error);
    case 4:
        return link_row(rows, key, value, error);
    case 5:
        return node_row(rows, value, error);
    default:
        return identifier_row(rows, value, error);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size - 2 < data[1])
        return 0;
    struct rows rows = {.kv = kv_memory_new()};
    rows.batch = kv_batch_new(rows.kv);
    struct error error = {0};
    struct bytes key = bytes_of(data + 2, data[1]), value = bytes_of(data + 2 + data[1], size - 2 - data[1]);
    enum patron_code code = row(&rows, data[0] % 7, key, value, &error);
    CHECK(code == PATRON_OK || (code == PATRON_CORRUPT && error.code == PATRON_CORRUPT && error.text[0] != '\0'));
    kv_batch_free(rows.batch);
    kv_close(rows.kv);
    arena_clear(&rows.arena);
    return 0;
}
