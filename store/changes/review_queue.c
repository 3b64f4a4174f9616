/* queues: key    queue u8 = 5 (review items) | item i64 BE, sign bit flipped: known_at of the entry that made it
 *         value  format u8 = 1 | node a varint | node b varint | obstacle u8 | second person u8 | expires signed |
 *                count varint | last signed | evidence 16 bytes | rule u8 | score 8 bytes | model varint |
 *                waterfall | first approval: known_at signed (0: none), what was seen 16 bytes, actor, reason |
 *                verdict u8 (0: none) | its known_at signed | actor, reason
 *                waterfall, actors and reasons are each varint length, bytes
 *         key    queue u8 = 7 (a node's items) | node u64 BE | item                    value  format u8 = 1
 *         of items that wait, which are those without a verdict that were not swept yet:
 *         key    queue u8 = 8 (waiting) | item                                         value  format u8 = 1
 *         key    queue u8 = 9 (waiting, of a pair) | a u64 BE | b u64 BE, a < b
 *         value  format u8 = 1 | item signed
 *         key    queue u8 = 10 (waiting, by expiry) | expires i64 BE, flipped | item
 *         value  format u8 = 1 | a varint | b varint
 * meta:   key    "review"
 *         value  format u8 = 1 | waiting varint | approved varint | rejected varint | expired varint |
 *                not taken varint; absent: all 0
 *
 * What has expired is swept by later writes of the queue, a few at a time, so that none takes long; whoever reads asks
 * the item itself. */
#include "store/changes/review_queue.h"

#include <sodium.h>

#include "store/base/time_text.h"
#include "store/changes/block_rows.h"

enum {
    ROW_FORMAT = 1,
    ITEM_KEY_BYTES = 9,
    PAIR_KEY_BYTES = 17,
    EXPIRY_KEY_BYTES = 17,
    OF_KEY_BYTES = 17,
    SWEPT_AT_ONCE = 16, /* more than one write adds, so that the sweep keeps up */
};

static const char context[] = "patron review seen";

/* --- keys --------------------------------------------------------------------------------------------------------- */

static struct bytes item_key(enum queue queue, int64_t item_us, uint8_t key[ITEM_KEY_BYTES])
{
    key[0] = (uint8_t)queue;
    encode_time(key + 1, item_us);
    return bytes_of(key, ITEM_KEY_BYTES);
}

static struct bytes pair_key(const struct review_item *item, uint8_t key[PAIR_KEY_BYTES])
{
    key[0] = QUEUE_REVIEW_PAIR;
    encode_be64(key + 1, item->a);
    encode_be64(key + 9, item->b);
    return bytes_of(key, PAIR_KEY_BYTES);
}

static struct bytes expiry_key(int64_t expires_us, int64_t item_us, uint8_t key[EXPIRY_KEY_BYTES])
{
    key[0] = QUEUE_REVIEW_EXPIRY;
    encode_time(key + 1, expires_us);
    encode_time(key + 9, item_us);
    return bytes_of(key, EXPIRY_KEY_BYTES);
}

static struct bytes of_key(uint64_t node, int64_t item_us, uint8_t key[OF_KEY_BYTES])
{
    key[0] = QUEUE_REVIEW_OF;
    encode_be64(key + 1, node);
    encode_time(key + 9, item_us);
    return bytes_of(key, OF_KEY_BYTES);
}

/* --- rows --------------------------------------------------------------------------------------------------------- */

void review_row_encode(const struct review_row *row, struct encoder *to)
{
    const struct review_item *item = &row->item;
    encode_u8(to, ROW_FORMAT);
    encode_varint(to, item->a);
    encode_varint(to, item->b);
    encode_u8(to, (uint8_t)item->obstacle);
    encode_u8(to, item->second_person);
    encode_signed(to, item->expires_us);
    encode_varint(to, item->count);
    encode_signed(to, item->last_us);
    encode_raw(to, item->evidence, EVENT_HASH_BYTES);
    encode_u8(to, (uint8_t)item->rule);
    encode_real(to, item->score);
    encode_varint(to, item->model);
    encode_bytes(to, item->waterfall);
    encode_signed(to, item->first_us);
    encode_raw(to, row->first_seen, REVIEW_SEEN_BYTES);
    encode_bytes(to, item->first_actor);
    encode_bytes(to, item->first_reason);
    encode_u8(to, (uint8_t)row->verdict);
    encode_signed(to, item->decided_us);
    encode_bytes(to, item->actor);
    encode_bytes(to, item->reason);
}

enum patron_code review_row_decode(struct bytes key, struct bytes value, struct review_row *row, struct error *error)
{
    struct decoder from = decoder_of(value);
    *row = (struct review_row){0};
    struct review_item *item = &row->item;
    uint8_t format = decode_u8(&from);
    item->a = decode_varint(&from);
    item->b = decode_varint(&from);
    uint8_t obstacle = decode_u8(&from), second_person = decode_u8(&from);
    item->expires_us = decode_signed(&from);
    item->count = decode_varint(&from);
    item->last_us = decode_signed(&from);
    const uint8_t *evidence = decode_raw(&from, EVENT_HASH_BYTES);
    uint8_t rule = decode_u8(&from);
    item->score = decode_real(&from);
    uint64_t model = decode_varint(&from);
    item->waterfall = decode_bytes(&from);
    item->first_us = decode_signed(&from);
    const uint8_t *first_seen = decode_raw(&from, REVIEW_SEEN_BYTES);
    item->first_actor = decode_bytes(&from);
    item->first_reason = decode_bytes(&from);
    uint8_t verdict = decode_u8(&from);
    item->decided_us = decode_signed(&from);
    item->actor = decode_bytes(&from);
    item->reason = decode_bytes(&from);
    if (format != ROW_FORMAT || !decoder_done(&from) || key.length != ITEM_KEY_BYTES || item->a >= item->b ||
        obstacle < OBSTACLE_REVIEW_SIZE || obstacle > OBSTACLE_REVIEW_CLUSTER || second_person > 1 ||
        rule < LINK_SHARED_EVENT || rule >= LINK_RULE_END || model > UINT32_MAX || verdict > REVIEW_REJECT ||
        (verdict == 0) != (item->decided_us == 0))
        return error_set(error, PATRON_CORRUPT, "the row of a review item is damaged");
    item->item_us = decode_time(key.data + 1);
    item->obstacle = (enum obstacle)obstacle;
    item->second_person = second_person;
    item->rule = (enum link_rule)rule;
    item->model = (uint32_t)model;
    row->verdict = (enum review_verdict)verdict;
    memcpy(item->evidence, evidence, EVENT_HASH_BYTES);
    memcpy(row->first_seen, first_seen, REVIEW_SEEN_BYTES);
    return PATRON_OK;
}

static enum patron_code row_get(const struct identity_rows_from *from, enum kv_family family, struct bytes key,
    struct arena *arena, struct bytes *value, struct error *error)
{
    return from->batch ? kv_batch_get(from->batch, family, key, arena, value, error)
                       : kv_get(from->kv, from->snapshot, family, key, arena, value, error);
}

static struct kv_iterator *rows_walk(
    const struct identity_rows_from *from, enum kv_family family, struct bytes prefix)
{
    return from->batch ? kv_batch_iterator_new(from->batch, family, prefix)
                       : kv_iterator_new(from->kv, from->snapshot, family, prefix);
}

enum patron_code review_row_get(const struct identity_rows_from *from, int64_t item_us, struct arena *arena,
    struct review_row *row, struct error *error)
{
    uint8_t bytes[ITEM_KEY_BYTES];
    struct bytes key = item_key(QUEUE_REVIEW, item_us, bytes), value;
    TRY(row_get(from, KV_QUEUES, key, arena, &value, error));
    return review_row_decode(key, value, row, error);
}

enum patron_code review_not_found(int64_t item_us, struct error *error)
{
    char name[TIME_TEXT_MAX];
    time_to_text(item_us, name);
    return error_set(
        error, PATRON_NOT_FOUND, "there is no review item %s: see patron identity review list --state all", name);
}

static void mark_put(struct store *store, struct bytes key)
{
    static const uint8_t format = ROW_FORMAT;
    kv_batch_put(store->batch, KV_QUEUES, key, bytes_of(&format, 1));
}

void review_row_put(struct store *store, const struct review_row *row)
{
    uint8_t key[ITEM_KEY_BYTES];
    struct encoder to = {0};
    review_row_encode(row, &to);
    kv_batch_put(
        store->batch, KV_QUEUES, item_key(QUEUE_REVIEW, row->item.item_us, key), encoder_borrow(&to));
    encoder_clear(&to);
    store->group_queued = true;
}

/* --- those that wait ---------------------------------------------------------------------------------------------- */

void review_counts_put(struct store *store)
{
    const struct review_figures *counts = &store->review;
    struct encoder to = {0};
    encode_u8(&to, ROW_FORMAT);
    encode_varint(&to, counts->waiting);
    encode_varint(&to, counts->approved);
    encode_varint(&to, counts->rejected);
    encode_varint(&to, counts->expired);
    encode_varint(&to, counts->not_taken);
    meta_put(store, "review", &to);
    store->group_queued = true;
}

/* The first of the waiting rows; INT64_MAX: there is none. */
static enum patron_code oldest_read(const struct identity_rows_from *from, int64_t *oldest_us, struct error *error)
{
    const uint8_t prefix = QUEUE_REVIEW_WAITING;
    struct kv_iterator *rows = rows_walk(from, KV_QUEUES, bytes_of(&prefix, 1));
    kv_iterator_seek(rows, bytes_of(&prefix, 1));
    *oldest_us = INT64_MAX;
    enum patron_code code = PATRON_OK;
    if (!kv_iterator_valid(rows))
        code = kv_iterator_status(rows, error);
    else if (kv_iterator_borrow_key(rows).length == ITEM_KEY_BYTES)
        *oldest_us = decode_time(kv_iterator_borrow_key(rows).data + 1);
    else
        code = error_set(error, PATRON_CORRUPT, "the row of a review item that waits is damaged");
    kv_iterator_free(rows);
    return code;
}

enum patron_code review_open(struct store *store, struct error *error)
{
    struct review_figures *counts = &store->review;
    *counts = (struct review_figures){.oldest_us = INT64_MAX};
    struct bytes value;
    enum patron_code code = meta_get(store, "review", &value, error);
    if (code == PATRON_NOT_FOUND)
        return PATRON_OK;
    TRY(code);
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    counts->waiting = decode_varint(&from);
    counts->approved = decode_varint(&from);
    counts->rejected = decode_varint(&from);
    counts->expired = decode_varint(&from);
    counts->not_taken = decode_varint(&from);
    if (format != ROW_FORMAT || !decoder_done(&from))
        return error_set(error, PATRON_CORRUPT, "the row that counts review items is damaged");
    const struct identity_rows_from rows = {.kv = store->kv};
    return oldest_read(&rows, &counts->oldest_us, error);
}

static void waits_put(struct store *store, const struct review_item *item)
{
    uint8_t key[PAIR_KEY_BYTES];
    mark_put(store, of_key(item->a, item->item_us, key));
    mark_put(store, of_key(item->b, item->item_us, key));
    mark_put(store, item_key(QUEUE_REVIEW_WAITING, item->item_us, key));
    struct encoder to = {0};
    encode_u8(&to, ROW_FORMAT);
    encode_signed(&to, item->item_us);
    kv_batch_put(store->batch, KV_QUEUES, pair_key(item, key), encoder_borrow(&to));
    encoder_reset(&to);
    encode_u8(&to, ROW_FORMAT);
    encode_varint(&to, item->a);
    encode_varint(&to, item->b);
    kv_batch_put(store->batch, KV_QUEUES, expiry_key(item->expires_us, item->item_us, key), encoder_borrow(&to));
    encoder_clear(&to);
    store->review.waiting++;
    if (item->item_us < store->review.oldest_us)
        store->review.oldest_us = item->item_us;
}

void review_waits_no_more(struct store *store, const struct review_item *item)
{
    uint8_t key[PAIR_KEY_BYTES];
    kv_batch_delete(store->batch, KV_QUEUES, item_key(QUEUE_REVIEW_WAITING, item->item_us, key));
    kv_batch_delete(store->batch, KV_QUEUES, pair_key(item, key));
    kv_batch_delete(store->batch, KV_QUEUES, expiry_key(item->expires_us, item->item_us, key));
    store->review.waiting -= store->review.waiting > 0;
    if (item->item_us == store->review.oldest_us)
        store->review.oldest_us = INT64_MIN; /* to be looked up */
    store->group_queued = true;
}

/* After the last of a few that wait no more. */
static enum patron_code oldest_update(struct store *store, struct error *error)
{
    if (store->review.oldest_us != INT64_MIN)
        return PATRON_OK;
    const struct identity_rows_from from = {.batch = store->batch};
    return oldest_read(&from, &store->review.oldest_us, error);
}

static enum patron_code expired_read(
    struct store *store, int64_t known_at_us, struct review_item *expired, size_t *count, struct error *error)
{
    const uint8_t prefix = QUEUE_REVIEW_EXPIRY;
    struct kv_iterator *rows = kv_batch_iterator_new(store->batch, KV_QUEUES, bytes_of(&prefix, 1));
    enum patron_code code = PATRON_OK;
    *count = 0;
    for (kv_iterator_seek(rows, bytes_of(&prefix, 1)); kv_iterator_valid(rows) && *count < SWEPT_AT_ONCE;
         kv_iterator_next(rows)) {
        struct bytes key = kv_iterator_borrow_key(rows);
        struct decoder from = decoder_of(kv_iterator_borrow_value(rows));
        uint8_t format = decode_u8(&from);
        struct review_item *item = &expired[*count];
        *item = (struct review_item){.a = decode_varint(&from), .b = decode_varint(&from)};
        if (format != ROW_FORMAT || !decoder_done(&from) || key.length != EXPIRY_KEY_BYTES) {
            code = error_set(error, PATRON_CORRUPT, "the row of a review item's expiry is damaged");
            break;
        }
        item->expires_us = decode_time(key.data + 1);
        item->item_us = decode_time(key.data + 9);
        if (item->expires_us > known_at_us)
            break;
        (*count)++;
    }
    if (code == PATRON_OK && !kv_iterator_valid(rows))
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    return code;
}

enum patron_code review_sweep(struct store *store, int64_t known_at_us, struct error *error)
{
    struct review_item expired[SWEPT_AT_ONCE];
    size_t count;
    TRY(expired_read(store, known_at_us, expired, &count, error));
    for (size_t i = 0; i < count; i++)
        review_waits_no_more(store, &expired[i]);
    store->review.expired += count;
    return oldest_update(store, error);
}

/* --- what is added ------------------------------------------------------------------------------------------------ */

enum patron_code review_waiting_of_pair(const struct identity_rows_from *from, uint64_t a, uint64_t b,
    struct arena *arena, struct review_row *row, struct error *error)
{
    const struct review_item pair = {.a = a < b ? a : b, .b = a < b ? b : a};
    uint8_t key[PAIR_KEY_BYTES];
    struct bytes value;
    TRY(row_get(from, KV_QUEUES, pair_key(&pair, key), arena, &value, error));
    struct decoder mark = decoder_of(value);
    uint8_t format = decode_u8(&mark);
    int64_t item_us = decode_signed(&mark);
    enum patron_code code = format == ROW_FORMAT && decoder_done(&mark)
        ? review_row_get(from, item_us, arena, row, error)
        : PATRON_NOT_FOUND;
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "the row of a pair's review item is damaged");
    return code;
}

/* The pair's item that waits, not expired; else PATRON_NOT_FOUND. */
static enum patron_code waiting_of_pair(struct store *store, const struct review_item *pair, int64_t known_at_us,
    struct arena *arena, struct review_row *row, struct error *error)
{
    const struct identity_rows_from from = {.batch = store->batch};
    TRY(review_waiting_of_pair(&from, pair->a, pair->b, arena, row, error));
    if (row->item.expires_us > known_at_us)
        return PATRON_OK;
    review_waits_no_more(store, &row->item);
    store->review.expired++;
    return PATRON_NOT_FOUND;
}

static void first_approval(struct review_row *row, const struct review_item *given, int64_t known_at_us)
{
    row->item.first_us = known_at_us;
    row->item.first_actor = given->first_actor;
    row->item.first_reason = given->first_reason;
    row->item.second_person = true;
}

/* More evidence: what asks for more care stays asked for; a match is shown as it is by now. */
static void evidence_count(struct review_row *row, const struct review_item *given, int64_t known_at_us)
{
    struct review_item *item = &row->item;
    item->count++;
    item->last_us = known_at_us;
    item->second_person = item->second_person || given->second_person;
    if (given->first_actor.length > 0 && item->first_us == 0)
        first_approval(row, given, known_at_us);
    if (given->rule == LINK_MATCH && item->rule == LINK_MATCH) {
        item->score = given->score;
        item->model = given->model;
        item->waterfall = given->waterfall;
        memcpy(item->evidence, given->evidence, EVENT_HASH_BYTES);
    }
}

static enum patron_code add(struct store *store, const struct review_item *given, int64_t known_at_us,
    struct arena *arena, int64_t *item_us, struct error *error)
{
    struct review_item pair = *given;
    pair.a = given->a < given->b ? given->a : given->b;
    pair.b = given->a < given->b ? given->b : given->a;
    TRY(review_sweep(store, known_at_us, error));
    const struct identity_rows_from from = {.batch = store->batch};
    uint8_t seen[REVIEW_SEEN_BYTES] = {0};
    if (given->first_actor.length > 0)
        TRY(review_digest(&from, &pair, arena, seen, error));
    struct review_row row;
    enum patron_code code = waiting_of_pair(store, &pair, known_at_us, arena, &row, error);
    if (code == PATRON_OK) {
        evidence_count(&row, given, known_at_us);
    } else if (code != PATRON_NOT_FOUND) {
        return code;
    } else if (store->review.waiting >= REVIEW_OPEN_MAX) {
        store->review.not_taken++;
        *item_us = 0;
        return oldest_update(store, error);
    } else {
        row = (struct review_row){.item = pair};
        row.item.item_us = row.item.last_us = known_at_us;
        row.item.count = 1;
        row.item.expires_us = known_at_us + store->definitions->identity.review_expires_us; /* both are bounded */
        row.item.first_us = row.item.decided_us = 0;
        row.item.actor = row.item.reason = (struct bytes){0};
        if (given->first_actor.length > 0)
            first_approval(&row, given, known_at_us);
        waits_put(store, &row.item);
    }
    if (row.item.first_us == known_at_us)
        memcpy(row.first_seen, seen, REVIEW_SEEN_BYTES);
    review_row_put(store, &row);
    *item_us = row.item.item_us;
    return oldest_update(store, error);
}

enum patron_code group_review_add(struct store *store, const struct review_item *item, int64_t known_at_us,
    int64_t *item_us, struct error *error)
{
    CHECK(store->group_open);
    CHECK(item->a != item->b);
    CHECK(obstacle_is_review(item->obstacle));
    struct arena arena = {0};
    enum patron_code code = add(store, item, known_at_us, &arena, item_us, error);
    if (code == PATRON_OK)
        review_counts_put(store);
    store->failed = store->failed || code != PATRON_OK;
    arena_clear(&arena);
    return code;
}

/* --- what it was at T --------------------------------------------------------------------------------------------- */

enum patron_code review_node(const struct identity_rows_from *from, uint64_t node, struct arena *arena,
    struct identifier_entry *entry, struct error *error)
{
    uint8_t key[8];
    encode_be64(key, node);
    struct bytes value;
    struct node_entry about;
    enum patron_code code = row_get(from, KV_NODES, bytes_of(key, sizeof key), arena, &value, error);
    if (code == PATRON_OK)
        code = node_decode(value, &about, error);
    if (code == PATRON_OK)
        code = row_get(
            from, KV_IDENTIFIERS, bytes_of(about.hash, IDENTIFIER_HASH_BYTES), arena, &value, error);
    if (code == PATRON_OK)
        code = identifier_decode(value, entry, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "node %llu of a review item is not there: run patron verify",
            (unsigned long long)node);
    return code;
}

static enum patron_code node_at(const struct identity_rows_from *from, uint64_t node, int64_t as_of_us,
    uint64_t *customer, bool *blocked, struct error *error)
{
    const struct view view = {.kv = from->kv, .snapshot = from->snapshot};
    enum patron_code code = membership_at(from->kv, from->snapshot, node, as_of_us, customer, error);
    if (code == PATRON_NOT_FOUND)
        return error_set(error, PATRON_CORRUPT, "node %llu was of no customer when it was reviewed: run patron verify",
            (unsigned long long)node);
    TRY(code);
    return blocked_at(&view, node, as_of_us, blocked, error);
}

/* Would deciding it change nothing any more? */
static enum patron_code is_moot(const struct identity_rows_from *from, const struct review_item *item,
    int64_t as_of_us, struct arena *arena, bool *moot, struct error *error)
{
    struct identifier_entry entries[2];
    bool blocked[2];
    const uint64_t nodes[2] = {item->a, item->b};
    for (int i = 0; i < 2; i++) {
        if (from->batch)
            TRY(review_node(from, nodes[i], arena, &entries[i], error));
        else
            TRY(node_at(from, nodes[i], as_of_us, &entries[i].customer, &blocked[i], error));
        if (from->batch)
            blocked[i] = entries[i].flags & NODE_BLOCKED;
    }
    *moot = blocked[0] || blocked[1] || entries[0].customer == entries[1].customer;
    return PATRON_OK;
}

enum patron_code review_row_at(const struct identity_rows_from *from, int64_t as_of_us, struct arena *arena,
    struct review_row *row, struct error *error)
{
    struct review_item *item = &row->item;
    if (item->decided_us != 0 && item->decided_us < as_of_us) {
        item->state = row->verdict == REVIEW_APPROVE ? REVIEW_APPROVED : REVIEW_REJECTED;
        return PATRON_OK;
    }
    row->verdict = 0;
    item->decided_us = 0;
    item->actor = item->reason = (struct bytes){0};
    if (item->first_us >= as_of_us) {
        item->first_us = 0;
        item->first_actor = item->first_reason = (struct bytes){0};
    }
    item->state = item->first_us != 0 ? REVIEW_HALF_APPROVED : REVIEW_OPEN;
    if (item->expires_us <= as_of_us) {
        item->state = REVIEW_EXPIRED;
        return PATRON_OK;
    }
    bool moot;
    TRY(is_moot(from, item, as_of_us, arena, &moot, error));
    if (moot)
        item->state = REVIEW_MOOT;
    return PATRON_OK;
}

/* --- what was seen ------------------------------------------------------------------------------------------------ */

static void digest_number(crypto_generichash_state *state, uint64_t number)
{
    uint8_t bytes[8];
    encode_be64(bytes, number);
    crypto_generichash_update(state, bytes, sizeof bytes);
}

/* A customer, its present nodes with their flags, and when the newest of them came. */
static enum patron_code side_digest(const struct identity_rows_from *from, uint64_t customer,
    crypto_generichash_state *state, struct error *error)
{
    uint8_t prefix[8];
    encode_be64(prefix, customer);
    digest_number(state, customer);
    struct kv_iterator *rows = rows_walk(from, KV_MEMBERS, bytes_of(prefix, sizeof prefix));
    enum patron_code code = PATRON_OK;
    int64_t newest_us = INT64_MIN;
    uint64_t count = 0;
    for (kv_iterator_seek(rows, bytes_of(prefix, sizeof prefix)); kv_iterator_valid(rows); kv_iterator_next(rows)) {
        struct member member;
        code = member_decode(kv_iterator_borrow_key(rows), kv_iterator_borrow_value(rows), &member, error);
        if (code != PATRON_OK)
            break;
        if (member.until_us != INT64_MAX)
            continue;
        digest_number(state, member.node);
        digest_number(state, member.flags);
        if (member.since_us > newest_us)
            newest_us = member.since_us;
        count++;
    }
    if (code == PATRON_OK)
        code = kv_iterator_status(rows, error);
    kv_iterator_free(rows);
    digest_number(state, (uint64_t)newest_us);
    digest_number(state, count);
    return code;
}

enum patron_code review_digest(const struct identity_rows_from *from, const struct review_item *item,
    struct arena *arena, uint8_t seen[REVIEW_SEEN_BYTES], struct error *error)
{
    crypto_generichash_state state;
    struct identifier_entry a, b;
    TRY(review_node(from, item->a, arena, &a, error));
    TRY(review_node(from, item->b, arena, &b, error));
    crypto_generichash_init(&state, (const uint8_t *)context, sizeof context - 1, REVIEW_SEEN_BYTES);
    TRY(side_digest(from, a.customer, &state, error));
    TRY(side_digest(from, b.customer, &state, error));
    crypto_generichash_final(&state, seen, REVIEW_SEEN_BYTES);
    return PATRON_OK;
}

enum patron_code review_seen(const struct view *view, const struct review_item *item, struct arena *arena,
    uint8_t seen[REVIEW_SEEN_BYTES], struct error *error)
{
    const struct identity_rows_from from = {.kv = view->kv, .snapshot = view->snapshot};
    return review_digest(&from, item, arena, seen, error);
}
