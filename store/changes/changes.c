/* meta: key "changes"      value format u8 = 1 | n varint | n times, from enum identity_change_kind 1 on: how many |
 *                          n varint | n times, from enum link_rule 1 on: how many; absent: none yet */
#include "store/changes/changes.h"

#include "store/changes/block_rows.h"
#include "store/store_internal.h"

enum { CHANGES_FORMAT = 1 };

_Static_assert((int)CHANGE_END <= (int)CHANGE_FIGURES_MAX, "each kind has its place");
_Static_assert((int)LINK_RULE_END <= (int)CHANGE_FIGURES_MAX, "each rule has its place");

static enum patron_code text_check(const char *what, struct bytes text, size_t bytes_max, struct error *error)
{
    if (text.length > bytes_max)
        return error_set(error, PATRON_INVALID, "the %s has %zu bytes; at most %zu are taken: give a shorter one", what,
            text.length, bytes_max);
    if (!bytes_are_utf8(text))
        return error_set(error, PATRON_INVALID, "the %s is not valid UTF-8", what);
    return PATRON_OK;
}

enum patron_code change_texts_check(struct bytes actor, struct bytes reason, bool actor_needed, struct error *error)
{
    if (actor_needed && actor.length == 0)
        return error_set(error, PATRON_INVALID, "say who does this: the actor is missing");
    TRY(text_check("actor", actor, ACTOR_BYTES_MAX, error));
    return text_check("reason", reason, REASON_BYTES_MAX, error);
}

enum patron_code change_known_at(const struct store *store, int64_t *known_at_us, struct error *error)
{
    CHECK(store->group_open);
    *known_at_us = store->newest_us + 1;
    if (store->group_first_us > *known_at_us)
        *known_at_us = store->group_first_us;
    *known_at_us = known_at_named(*known_at_us);
    if (*known_at_us >= EVENT_TIME_MAX_US)
        return error_set(error, PATRON_OUT_OF_RANGE, "the server's clock is past the year 2199");
    return PATRON_OK;
}

static void figures_put(struct store *store)
{
    struct encoder to = {0};
    encode_u8(&to, CHANGES_FORMAT);
    encode_varint(&to, CHANGE_END - 1);
    for (size_t i = 1; i < CHANGE_END; i++)
        encode_varint(&to, store->changes.changes[i]);
    encode_varint(&to, LINK_RULE_END - 1);
    for (size_t i = 1; i < LINK_RULE_END; i++)
        encode_varint(&to, store->changes.links[i]);
    meta_put(store, "changes", &to);
}

void change_put(struct store *store, const struct identity_change *change, int64_t known_at_us)
{
    CHECK(store->group_open);
    CHECK(known_at_us > store->newest_us);
    const struct log_entry entry = {.known_at_us = known_at_us, .kind = LOG_IDENTITY, .change = *change};
    log_put(store->batch, &entry);
    store->newest_us = known_at_us;
    store->group_queued = true;
    store->merges += change->merged_count;
    store->changes.changes[change->change]++;
    if (change->change == CHANGE_LINK)
        store->changes.links[change->rule]++;
    figures_put(store);
    if (change->change == CHANGE_BLOCK || change->change == CHANGE_UNBLOCK)
        block_row_put(store->batch, change->a, known_at_us, change->change == CHANGE_BLOCK);
}

static void counts_decode(struct decoder *from, uint64_t *counts, size_t end)
{
    uint64_t count = decode_varint(from);
    if (count >= end)
        from->bad = true;
    for (uint64_t i = 1; i <= count && !from->bad; i++)
        counts[i] = decode_varint(from);
}

enum patron_code changes_open(struct store *store, struct error *error)
{
    struct bytes value;
    enum patron_code code = meta_get(store, "changes", &value, error);
    if (code == PATRON_NOT_FOUND)
        return PATRON_OK;
    TRY(code);
    struct decoder from = decoder_of(value);
    uint8_t format = decode_u8(&from);
    counts_decode(&from, store->changes.changes, CHANGE_END);
    counts_decode(&from, store->changes.links, LINK_RULE_END);
    if (format != CHANGES_FORMAT || !decoder_done(&from))
        return error_set(error, PATRON_CORRUPT, "the store's row of changes of identity is damaged");
    return PATRON_OK;
}
