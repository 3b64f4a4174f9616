/* Any bytes as the rows of the journal, of identity and of what the sources send: refused in words, or taken, and then
 * they encode to the same bytes again: no row is read in two ways. The first byte chooses the row, the second the
 * length of the key. */
#include "store/identity/identity_rows.h"
#include "store/journal/log.h"
#include "store/changes/review_queue.h"
#include "store/schema/schema_rows.h"
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
    CHECK(bytes_equal(encoder_borrow(&to), event.sealed ? (struct bytes){0} : event.attributes));
    encoder_reset(&to);
    struct decoder kept = decoder_of(event.kept);
    for (struct event_attribute given; event_kept_decode(&kept, &given);)
        event_kept_encode(&given, &to);
    CHECK(decoder_done(&kept) && bytes_equal(encoder_borrow(&to), event.kept));
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
    identifier_put(rows->batch, hash, entry.node, entry.customer, entry.flags);
    check_row(rows, KV_IDENTIFIERS, bytes_of(hash, sizeof hash), value);
    return PATRON_OK;
}

static enum patron_code separation_row(struct rows *rows, struct bytes key, struct bytes value, struct error *error)
{
    struct separation separation;
    TRY(separation_decode(key, value, &separation, error));
    separation_put(rows->batch, &separation);
    check_row(rows, KV_SEPARATIONS, key, value);
    return PATRON_OK;
}

static enum patron_code review_row(struct bytes key, struct bytes value, struct error *error)
{
    struct review_row row;
    TRY(review_row_decode(key, value, &row, error));
    struct encoder to = {0};
    review_row_encode(&row, &to);
    CHECK(bytes_equal(encoder_borrow(&to), value));
    encoder_clear(&to);
    return PATRON_OK;
}

/* As a stream's row and as a day's; the keys are of fixed length and taken as they are. */
static enum patron_code schema_row(bool day, struct bytes value, struct error *error)
{
    struct decoder from = decoder_of(value);
    struct encoder to = {0};
    if (day) {
        struct schema_totals totals;
        struct bytes name;
        struct schema_counts counts;
        schema_day_decode(&from, &totals);
        schema_day_encode(&totals, &to);
        while (decoder_left(&from) > 0 && schema_counts_decode(&from, &name, &counts))
            schema_counts_encode(name, &counts, &to);
    } else {
        struct schema_stream_row stream;
        struct schema_attribute_row attribute;
        schema_stream_decode(&from, &stream);
        schema_stream_encode(&stream, &to);
        for (uint64_t i = 0; i < stream.attribute_count && schema_attribute_decode(&from, &attribute); i++)
            schema_attribute_encode(&attribute, &to);
    }
    bool whole = decoder_done(&from);
    CHECK(!whole || bytes_equal(encoder_borrow(&to), value));
    encoder_clear(&to);
    return whole ? PATRON_OK : error_set(error, PATRON_CORRUPT, "the row is damaged");
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
    case 6:
        return identifier_row(rows, value, error);
    case 9:
        return separation_row(rows, key, value, error);
    case 10:
        return review_row(key, value, error);
    default:
        return schema_row(kind == 7, value, error);
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
    enum patron_code code = row(&rows, data[0] % 11, key, value, &error);
    CHECK(code == PATRON_OK || (code == PATRON_CORRUPT && error.code == PATRON_CORRUPT && error.text[0] != '\0'));
    kv_batch_free(rows.batch);
    kv_close(rows.kv);
    arena_clear(&rows.arena);
    return 0;
}
