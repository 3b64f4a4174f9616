/* The rows of the journal: events, the log, the ids of events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>

#include "store/base/seal.h"
#include "store/journal/log.h"
#include "tests/unit/golden.h"

#define NOON INT64_C(1700000000000000)

static struct bytes text(const char *string)
{
    return bytes_from_string(string);
}

/* money 11.77, number -1.25, integer -3, bool true, string "web", as attributes 0 to 4 */
#define ATTRIBUTES "00 01 a0e29c0b  01 02 ffffffff27  02 03 05  03 04 01  04 05 03 776562"

static struct bytes attributes_encoded(struct arena *arena)
{
    const struct scalar values[] = {{.type = ATTRIBUTE_MONEY, .number = 11770000},
        {.type = ATTRIBUTE_NUMBER, .number = -(INT64_C(5) << 30)}, {.type = ATTRIBUTE_INTEGER, .number = -3},
        {.type = ATTRIBUTE_BOOL, .number = 1}, {.type = ATTRIBUTE_TEXT, .text = text("web")}};
    struct encoder to = {0};
    for (uint16_t i = 0; i < 5; i++)
        event_attribute_encode(i, &values[i], &to);
    struct bytes encoded = arena_copy(arena, encoder_borrow(&to));
    encoder_clear(&to);
    return encoded;
}

static struct event order(struct arena *arena)
{
    struct event event = {.node = 258, .time_us = NOON, .known_at_us = NOON + 1, .type = 2, .version = 0};
    event_hash(text("shop"), text("order"), text("o-1"), event.hash);
    event.attributes = attributes_encoded(arena);
    return event;
}

static void an_event_is_stored_in_these_bytes(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct event event = order(&arena);
    uint8_t key[EVENT_KEY_BYTES];
    event_key_encode(&event, key);
    assert_golden(bytes_of(key, sizeof key), "0000000000000102 80060a24181e4000 fb872241a5d0b35599901124526df5db");
    struct encoder to = {0};
    event_value_encode(&event, &to);
    assert_golden(encoder_borrow(&to), "01 8280f28183898506 02 00" ATTRIBUTES);
    encoder_clear(&to);
    uint8_t content[EVENT_HASH_BYTES];
    event_content_hash(&event, content);
    assert_golden(bytes_of(content, sizeof content), "8ae82a83565de4f414a70bb5c513b471");
    arena_clear(&arena);
}

static void an_event_s_hash_tells_where_source_type_and_id_end(void **state)
{
    (void)state;
    uint8_t a[EVENT_HASH_BYTES], b[EVENT_HASH_BYTES];
    event_hash(text("ab"), text("c"), text("d"), a);
    event_hash(text("a"), text("bc"), text("d"), b);
    assert_memory_not_equal(a, b, sizeof a);
    event_hash(text("a"), text("b"), text("cd"), b);
    assert_memory_not_equal(a, b, sizeof a);
}

static void an_event_s_long_id_is_hashed_with_its_whole_length(void **state)
{
    (void)state;
    uint8_t id[300], hash[EVENT_HASH_BYTES];
    memset(id, '7', sizeof id);
    event_hash(text("shop"), text("order"), bytes_of(id, sizeof id), hash);
    assert_golden(bytes_of(hash, sizeof hash), "0f5cccf6880b973a9fc3edc9a8388217");
}

static void what_an_event_s_content_is_decides_its_content_hash(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct event event = order(&arena);
    uint8_t first[EVENT_HASH_BYTES], second[EVENT_HASH_BYTES];
    event_content_hash(&event, first);
    struct event other = event;
    other.node = 9; /* where it lies and when it was known are not what it says */
    other.known_at_us += 5;
    event_content_hash(&other, second);
    assert_memory_equal(first, second, sizeof first);
    other.time_us++;
    event_content_hash(&other, second);
    assert_memory_not_equal(first, second, sizeof first);
    other = event;
    other.type = 3;
    event_content_hash(&other, second);
    assert_memory_not_equal(first, second, sizeof first);
    other = event;
    other.attributes.length -= 1;
    event_content_hash(&other, second);
    assert_memory_not_equal(first, second, sizeof first);
    arena_clear(&arena);
}

static void an_event_comes_back_as_it_was(void **state)
{
    (void)state;
    struct arena arena = {0};
    const int64_t times_us[] = {EVENT_TIME_MIN_US, -1, 0, NOON, EVENT_TIME_MAX_US - 1};
    for (size_t i = 0; i < sizeof times_us / sizeof times_us[0]; i++) {
        struct event event = order(&arena), back;
        event.time_us = times_us[i];
        event.known_at_us = i == 0 ? INT64_MIN : INT64_MAX;
        event.node = i == 0 ? 0 : UINT64_MAX;
        event.type = EVENT_TYPES_MAX - 1;
        event.version = UINT32_MAX;
        uint8_t key[EVENT_KEY_BYTES];
        event_key_encode(&event, key);
        struct encoder to = {0};
        event_value_encode(&event, &to);
        assert_int_equal(event_decode(bytes_of(key, sizeof key), encoder_borrow(&to), &back, NULL), PATRON_OK);
        assert_true(back.node == event.node && back.time_us == event.time_us && back.known_at_us == event.known_at_us);
        assert_true(back.type == event.type && back.version == event.version);
        assert_memory_equal(back.hash, event.hash, EVENT_HASH_BYTES);
        assert_true(bytes_equal(back.attributes, event.attributes));
        encoder_clear(&to);
    }
    arena_clear(&arena);
}

static void keys_of_a_node_s_events_sort_by_time_then_hash(void **state)
{
    (void)state;
    const int64_t times_us[] = {EVENT_TIME_MIN_US, -1000001, -1, 0, 1, NOON, NOON + 1, EVENT_TIME_MAX_US - 1};
    uint8_t last[EVENT_KEY_BYTES] = {0};
    for (size_t i = 0; i < sizeof times_us / sizeof times_us[0]; i++) {
        for (int hash = 0; hash < 2; hash++) {
            struct event event = {.node = 7, .time_us = times_us[i], .hash = {(uint8_t)(hash ? 0xff : 0x7f)}};
            uint8_t key[EVENT_KEY_BYTES];
            event_key_encode(&event, key);
            assert_true(memcmp(last, key, sizeof key) < 0);
            memcpy(last, key, sizeof key);
        }
    }
}

static void attributes_are_found_by_number(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct event event = order(&arena);
    struct scalar value;
    assert_true(event_attribute_find(&event, 0, &value) && value.type == ATTRIBUTE_MONEY && value.number == 11770000);
    assert_true(event_attribute_find(&event, 1, &value) && value.number == -(INT64_C(5) << 30));
    assert_true(event_attribute_find(&event, 2, &value) && value.type == ATTRIBUTE_INTEGER && value.number == -3);
    assert_true(event_attribute_find(&event, 3, &value) && value.type == ATTRIBUTE_BOOL && value.number == 1);
    assert_true(event_attribute_find(&event, 4, &value) && bytes_is(value.text, "web"));
    assert_false(event_attribute_find(&event, 5, &value));
    event.attributes = golden("03 04 00", &arena);
    assert_false(event_attribute_find(&event, 0, &value));
    assert_true(event_attribute_find(&event, 3, &value) && value.number == 0);
    event.attributes = (struct bytes){0};
    assert_false(event_attribute_find(&event, 0, &value));
    arena_clear(&arena);
}

static void assert_event_damaged(struct bytes key, struct bytes value, const char *words)
{
    struct event event;
    struct error error = {0};
    assert_int_equal(event_decode(key, value, &event, &error), PATRON_CORRUPT);
    assert_string_equal(error.text, words);
}

static void damaged_events_are_told(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct event event = order(&arena);
    uint8_t bytes[EVENT_KEY_BYTES + 1] = {0};
    event_key_encode(&event, bytes);
    struct bytes key = bytes_of(bytes, EVENT_KEY_BYTES);
    static const struct {
        const char *value;
        const char *words;
    } cases[] = {
        {"", "an event's row is damaged"},
        {"03 8280f28183898506 02 00", "an event's row is damaged"},    /* another format */
        {"01 8280f28183898506 8002 00", "an event's row is damaged"},  /* event type 256 */
        {"01 8280f28183898506 02 8080808010", "an event's row is damaged"}, /* version 2^32 */
        {"01 8280f281838985", "an event's row is damaged"},            /* cut off */
        {"01 8280f2818389858600 02 00", "an event's row is damaged"},  /* a varint that is too long */
        {"01 8280f28183898506 02 00 00", "an event's attributes are damaged"},
        {"01 8280f28183898506 02 00 00 06 00", "an event's attributes are damaged"},     /* no such kind */
        {"01 8280f28183898506 02 00 00 00", "an event's attributes are damaged"},
        {"01 8280f28183898506 02 00 03 04 02", "an event's attributes are damaged"},     /* a bool of 2 */
        {"01 8280f28183898506 02 00 03 04 01 03 04 01", "an event's attributes are damaged"}, /* twice */
        {"01 8280f28183898506 02 00 04 04 01 03 04 01", "an event's attributes are damaged"}, /* out of order */
        {"01 8280f28183898506 02 00 8002 04 01", "an event's attributes are damaged"},   /* number 256 */
        {"01 8280f28183898506 02 00 04 05 04 776562", "an event's attributes are damaged"},
        {"01 8280f28183898506 02 00 04 05 ffffffffffffffffff01", "an event's attributes are damaged"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_event_damaged(key, golden(cases[i].value, &arena), cases[i].words);
    struct bytes whole = golden("01 8280f28183898506 02 00" ATTRIBUTES, &arena);
    assert_event_damaged(bytes_of(bytes, EVENT_KEY_BYTES - 1), whole, "an event's row is damaged");
    assert_event_damaged(bytes_of(bytes, EVENT_KEY_BYTES + 1), whole, "an event's row is damaged");
    assert_event_damaged((struct bytes){0}, whole, "an event's row is damaged");
    memset(bytes + 8, 0xff, 8);
    assert_event_damaged(key, whole, "an event's row has a time that no event can have");
    arena_clear(&arena);
}

static void an_attribute_s_text_longer_than_any_event_may_have_is_damage(void **state)
{
    (void)state;
    struct arena arena = {0};
    uint8_t *letters = arena_alloc(&arena, TEXT_ATTRIBUTE_BYTES_MAX + 1);
    for (size_t length = TEXT_ATTRIBUTE_BYTES_MAX; length <= TEXT_ATTRIBUTE_BYTES_MAX + 1; length++) {
        struct encoder to = {0};
        event_attribute_encode(0, &(struct scalar){.type = ATTRIBUTE_TEXT, .text = bytes_of(letters, length)}, &to);
        assert_int_equal(event_attributes_whole(encoder_borrow(&to)), length == TEXT_ATTRIBUTE_BYTES_MAX);
        encoder_clear(&to);
    }
    arena_clear(&arena);
}

/* --- the log -------------------------------------------------------------------------------------------------- */

static struct bytes log_value(const struct log_entry *entry, struct arena *arena)
{
    struct kv *kv = kv_memory_new();
    struct kv_batch *batch = kv_batch_new(kv);
    log_put(batch, entry);
    uint8_t key[8];
    encode_time(key, entry->known_at_us);
    struct bytes value;
    assert_int_equal(kv_batch_get(batch, KV_LOG, bytes_of(key, sizeof key), arena, &value, NULL), PATRON_OK);
    kv_batch_free(batch);
    kv_close(kv);
    return value;
}

static void the_log_s_entries_are_stored_in_these_bytes(void **state)
{
    (void)state;
    struct arena arena = {0};
    const uint64_t merged[] = {300, 7};
    struct log_entry event = {.known_at_us = NOON + 1, .kind = LOG_EVENT, .node = 258, .time_us = NOON,
        .hash = {0xaa, 0xbb}, .merged = merged, .merged_count = 2};
    assert_golden(log_value(&event, &arena),
        "01 01 8202 8080f28183898506 aabb0000000000000000000000000000 02 ac02 07");
    struct log_entry definitions = {.known_at_us = NOON, .kind = LOG_DEFINITIONS, .version = 300, .text = text("a: b")};
    assert_golden(log_value(&definitions, &arena), "01 02 ac02 613a2062");
    arena_clear(&arena);
}

/* change, a, b, rule, score, model, item, separates, lifts, evidence; then lists, closed links, actor, reason */
#define CHANGE_HEAD "01 03 02 8202 07 02 000000000000e03f 03 8080f28183898506 01 00 aabb0000000000000000000000000000"
#define CHANGE_LISTS "02 07 ac02 01 08 00 02 07 08"
#define CHANGE_TAIL "01 07 08 8080f28183898506 03 03 616461 02 6e6f"

static struct log_entry change_entry(void)
{
    static const uint64_t nodes[] = {7, 300}, others[] = {8}, parts[] = {7, 8};
    static const struct closed_link closed[] = {{7, 8, NOON, 3}};
    return (struct log_entry){.known_at_us = NOON,
        .kind = LOG_IDENTITY,
        .change = {.change = CHANGE_SPLIT,
            .a = 258,
            .b = 7,
            .rule = 2,
            .score = 0.5,
            .model = 3,
            .item_us = NOON,
            .separates = true,
            .evidence = {0xaa, 0xbb},
            .nodes = nodes,
            .node_count = 2,
            .others = others,
            .other_count = 1,
            .parts = parts,
            .part_count = 2,
            .closed = closed,
            .closed_count = 1,
            .actor = text("ada"),
            .reason = text("no")}};
}

static void changes_of_identity_and_models_are_stored_in_these_bytes(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct log_entry change = change_entry();
    assert_golden(log_value(&change, &arena), CHANGE_HEAD CHANGE_LISTS CHANGE_TAIL);
    struct log_entry model = {.known_at_us = NOON, .kind = LOG_MODEL, .version = 300, .text = text("a: b")};
    assert_golden(log_value(&model, &arena), "01 04 ac02 613a2062");
    arena_clear(&arena);
}

static void changes_of_identity_come_back_as_they_were(void **state)
{
    (void)state;
    struct arena arena = {0};
    uint8_t key[8];
    encode_time(key, NOON);
    struct log_entry back;
    struct bytes value = golden(CHANGE_HEAD CHANGE_LISTS CHANGE_TAIL, &arena);
    assert_int_equal(log_decode(bytes_of(key, sizeof key), value, &arena, &back, NULL), PATRON_OK);
    const struct identity_change *change = &back.change;
    assert_true(back.kind == LOG_IDENTITY && back.node == 258 && change->change == CHANGE_SPLIT && change->b == 7);
    assert_true(change->rule == 2 && change->score == 0.5 && change->model == 3 && change->item_us == NOON);
    assert_true(change->separates && !change->lifts && change->evidence[1] == 0xbb);
    assert_true(change->node_count == 2 && change->nodes[1] == 300 && change->other_count == 1);
    assert_true(change->merged_count == 0 && change->part_count == 2 && change->parts[1] == 8);
    assert_true(change->closed_count == 1 && change->closed[0].b == 8 && change->closed[0].since_us == NOON);
    assert_true(change->closed[0].rule == 3 && bytes_is(change->actor, "ada") && bytes_is(change->reason, "no"));
    assert_true(log_entry_folds(&back));
    assert_true(bytes_equal(log_value(&back, &arena), value));
    arena_clear(&arena);
}

static void the_log_s_entries_come_back_as_they_were(void **state)
{
    (void)state;
    struct arena arena = {0};
    uint8_t key[8];
    encode_time(key, NOON);
    struct log_entry back;
    struct bytes value = golden("01 01 8202 8080f28183898506 aabb0000000000000000000000000000 02 ac02 07", &arena);
    assert_int_equal(log_decode(bytes_of(key, sizeof key), value, &arena, &back, NULL), PATRON_OK);
    assert_true(back.known_at_us == NOON && back.kind == LOG_EVENT && back.node == 258 && back.time_us == NOON);
    assert_true(back.hash[0] == 0xaa && back.merged_count == 2 && back.merged[0] == 300 && back.merged[1] == 7);
    value = golden("01 02 ac02", &arena);
    assert_int_equal(log_decode(bytes_of(key, sizeof key), value, &arena, &back, NULL), PATRON_OK);
    assert_true(back.kind == LOG_DEFINITIONS && back.version == 300 && back.text.length == 0);
    arena_clear(&arena);
}

static void damaged_entries_of_the_log_are_told(void **state)
{
    (void)state;
    static const char *const values[] = {
        "",
        "01",
        "02 02 01",                                                                  /* another format */
        "01 05 01",                                                                  /* no such kind */
        "01 03 01",                                                                  /* a change, cut off */
        "01 03 07 01 02 01 0000000000000000 00 00 00 00 00000000000000000000000000000000 00 00 00 00 00 00 00",
        "01 03 00 01 02 01 0000000000000000 00 00 00 00 00000000000000000000000000000000 00 00 00 00 00 00 00",
        "01 03 01 01 02 01 0000000000000000 00 00 02 00 00000000000000000000000000000000 00 00 00 00 00 00 00",
        "01 03 01 01 02 01 0000000000000000 00 00 00 02 00000000000000000000000000000000 00 00 00 00 00 00 00",
        "01 03 01 01 02 01 0000000000000000 8080808010 00 00 00 00000000000000000000000000000000 00 00 00 00 00 00 00",
        "01 03 01 01 02 01 0000000000000000 00 00 00 00 00000000000000000000000000000000 00 00 00 00 ff7f 00 00",
        "01 03 01 01 02 01 0000000000000000 00 00 00 00 00000000000000000000000000000000 ff7f 00 00 00 00 00 00",
        CHANGE_HEAD CHANGE_LISTS CHANGE_TAIL "00",                                   /* too long */
        "01 00 01",
        "01 02",                                                                     /* no version */
        "01 02 8080808010",                                                          /* version 2^32 */
        "01 01 8202 8080f28183898506 aabb00000000000000000000000000",                /* the hash is cut off */
        "01 01 8202 8080f28183898506 aabb0000000000000000000000000000",              /* no number of merged ones */
        "01 01 8202 8080f28183898506 aabb0000000000000000000000000000 02 07",        /* too few of them */
        "01 01 8202 8080f28183898506 aabb0000000000000000000000000000 01 07 07",     /* too many */
        "01 01 8202 8080f28183898506 aabb0000000000000000000000000000 ffffffffffffffffff01",
    };
    struct arena arena = {0};
    uint8_t key[9] = {0x80};
    struct log_entry entry;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct error error = {0};
        assert_int_equal(
            log_decode(bytes_of(key, 8), golden(values[i], &arena), &arena, &entry, &error), PATRON_CORRUPT);
        assert_string_equal(error.text, "an entry of the log is damaged");
    }
    struct bytes empty = golden(
        "01 03 01 01 02 01 0000000000000000 00 00 00 00 00000000000000000000000000000000 00 00 00 00 00 00 00", &arena);
    assert_int_equal(log_decode(bytes_of(key, 8), empty, &arena, &entry, NULL), PATRON_OK);
    struct bytes whole = golden("01 02 01", &arena);
    assert_int_equal(log_decode(bytes_of(key, 8), whole, &arena, &entry, NULL), PATRON_OK);
    assert_int_equal(log_decode(bytes_of(key, 7), whole, &arena, &entry, NULL), PATRON_CORRUPT);
    assert_int_equal(log_decode(bytes_of(key, 9), whole, &arena, &entry, NULL), PATRON_CORRUPT);
    arena_clear(&arena);
}

/* --- the ids of events ---------------------------------------------------------------------------------------- */

static void an_event_s_id_is_stored_in_these_bytes_and_damage_is_told(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "",
        "02 8202 8080f28183898506 cc000000000000000000000000000000",
        "01 8202 8080f28183898506 cc0000000000000000000000000000",
        "01 8202 8080f28183898506 cc000000000000000000000000000000 00",
    };
    struct arena arena = {0};
    struct kv *kv = kv_memory_new();
    struct kv_batch *batch = kv_batch_new(kv);
    const uint8_t hash[EVENT_HASH_BYTES] = {1, 2, 3};
    struct event_id_entry entry = {.node = 258, .time_us = NOON, .content_hash = {0xcc}}, back;
    assert_int_equal(event_id_get(batch, hash, &arena, &back, NULL), PATRON_NOT_FOUND);
    event_id_put(batch, hash, &entry);
    struct bytes value;
    assert_int_equal(kv_batch_get(batch, KV_EVENT_IDS, bytes_of(hash, sizeof hash), &arena, &value, NULL), PATRON_OK);
    assert_golden(value, "01 8202 8080f28183898506 cc000000000000000000000000000000");
    assert_int_equal(event_id_get(batch, hash, &arena, &back, NULL), PATRON_OK);
    assert_true(back.node == 258 && back.time_us == NOON && back.content_hash[0] == 0xcc);
    for (size_t i = 0; i < sizeof damaged / sizeof damaged[0]; i++) {
        kv_batch_put(batch, KV_EVENT_IDS, bytes_of(hash, sizeof hash), golden(damaged[i], &arena));
        struct error error = {0};
        assert_int_equal(event_id_get(batch, hash, &arena, &back, &error), PATRON_CORRUPT);
        assert_string_equal(error.text, "the row of an event id is damaged");
    }
    kv_batch_free(batch);
    kv_close(kv);
    arena_clear(&arena);
}

/* --- sealed ------------------------------------------------------------------------------------------------------- */

static const uint8_t key[SEAL_KEY_BYTES] = "one key of thirty-two bytes, yes";
static const uint8_t other_key[SEAL_KEY_BYTES] = "another key of thirty-two bytes.";

static struct event sealed_order(struct arena *arena)
{
    struct event event = order(arena);
    struct event_attribute given = {.name = text("nickname"), .kind = GIVEN_TEXT, .text = text("Ada")};
    struct encoder to = {0};
    event_kept_encode(&given, &to);
    event.kept = arena_copy(arena, encoder_borrow(&to));
    encoder_clear(&to);
    event_seal(&event, key, arena);
    return event;
}

static void a_sealed_event_is_stored_without_a_word_of_it_and_opens_with_the_key(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct event event = sealed_order(&arena), back, opened;
    uint8_t row_key[EVENT_KEY_BYTES];
    event_key_encode(&event, row_key);
    struct encoder to = {0};
    event_value_encode(&event, &to);
    assert_int_equal(to.data[0], 2);
    assert_null(memmem(to.data, to.length, "web", 3));
    assert_null(memmem(to.data, to.length, "nick", 4));
    struct bytes row = encoder_borrow(&to);
    assert_int_equal(event_decode(bytes_of(row_key, sizeof row_key), row, &back, NULL), PATRON_OK);
    assert_true(back.sealed);
    assert_int_equal(back.kept.length, 0);
    struct scalar value;
    assert_false(event_attribute_find(&back, 4, &value));
    assert_int_equal(event_open(&back, key, &arena, &opened, NULL), PATRON_OK);
    assert_true(event_attribute_find(&opened, 4, &value) && bytes_is(value.text, "web"));
    assert_true(bytes_equal(opened.attributes, attributes_encoded(&arena)));
    struct decoder from = decoder_of(opened.kept);
    struct event_attribute given;
    assert_true(event_kept_decode(&from, &given) && bytes_is(given.text, "Ada"));
    encoder_clear(&to);
    arena_clear(&arena);
}

static void a_sealed_event_has_one_content_hash_and_another_event_s_another(void **state)
{
    (void)state;
    struct arena arena = {0};
    uint8_t a[EVENT_HASH_BYTES], b[EVENT_HASH_BYTES];
    struct event event = sealed_order(&arena);
    event_content_hash(&event, a);
    event = sealed_order(&arena);
    event_content_hash(&event, b);
    assert_memory_equal(a, b, sizeof a);
    event = order(&arena);
    event_seal(&event, key, &arena); /* without what was kept */
    event_content_hash(&event, b);
    assert_memory_not_equal(a, b, sizeof a);
    arena_clear(&arena);
}

static void a_sealed_event_that_does_not_open_is_told(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct event event = sealed_order(&arena), opened;
    assert_int_equal(event_open(&event, other_key, &arena, &opened, NULL), PATRON_CORRUPT);
    event.hash[3] ^= 1;
    assert_int_equal(event_open(&event, key, &arena, &opened, NULL), PATRON_CORRUPT);
    /* What is no event's content does not pass because it was sealed. */
    event = order(&arena);
    event.attributes = text("no attributes");
    event_seal(&event, key, &arena);
    struct error error;
    assert_int_equal(event_open(&event, key, &arena, &opened, &error), PATRON_CORRUPT);
    assert_string_equal(error.text, "an event's attributes are damaged");
    /* A row that is shorter than a seal is damage at once. */
    uint8_t row_key[EVENT_KEY_BYTES];
    event_key_encode(&event, row_key);
    struct encoder to = {0};
    event.attributes.length = SEAL_BYTES - 1;
    event_value_encode(&event, &to);
    assert_int_equal(
        event_decode(bytes_of(row_key, sizeof row_key), encoder_borrow(&to), &opened, NULL), PATRON_CORRUPT);
    encoder_clear(&to);
    arena_clear(&arena);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_stored_in_these_bytes),
        cmocka_unit_test(an_event_s_hash_tells_where_source_type_and_id_end),
        cmocka_unit_test(an_event_s_long_id_is_hashed_with_its_whole_length),
        cmocka_unit_test(what_an_event_s_content_is_decides_its_content_hash),
        cmocka_unit_test(an_event_comes_back_as_it_was),
        cmocka_unit_test(keys_of_a_node_s_events_sort_by_time_then_hash),
        cmocka_unit_test(attributes_are_found_by_number),
        cmocka_unit_test(damaged_events_are_told),
        cmocka_unit_test(an_attribute_s_text_longer_than_any_event_may_have_is_damage),
        cmocka_unit_test(the_log_s_entries_are_stored_in_these_bytes),
        cmocka_unit_test(changes_of_identity_and_models_are_stored_in_these_bytes),
        cmocka_unit_test(changes_of_identity_come_back_as_they_were),
        cmocka_unit_test(the_log_s_entries_come_back_as_they_were),
        cmocka_unit_test(damaged_entries_of_the_log_are_told),
        cmocka_unit_test(an_event_s_id_is_stored_in_these_bytes_and_damage_is_told),
        cmocka_unit_test(a_sealed_event_is_stored_without_a_word_of_it_and_opens_with_the_key),
        cmocka_unit_test(a_sealed_event_has_one_content_hash_and_another_event_s_another),
        cmocka_unit_test(a_sealed_event_that_does_not_open_is_told),
    };
    return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
