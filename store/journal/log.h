/* log: every change of state, in the order it was learned; and the ids of events, which outlive them.
 *
 * Pure encodings over kv: the writer puts into its batch, readers decode. Formats stand in log.c. */
#ifndef PATRON_JOURNAL_LOG_H
#define PATRON_JOURNAL_LOG_H

#include "store/journal/event.h"
#include "store/kv/kv.h"

enum log_kind { LOG_EVENT = 1, LOG_DEFINITIONS = 2 };

struct log_entry {
    int64_t known_at_us;
    enum log_kind kind;
    /* LOG_EVENT: where the event lies, and the customers that gave up their id because of it */
    uint64_t node;
    int64_t time_us;
    uint8_t hash[EVENT_HASH_BYTES];
    const uint64_t *merged;
    size_t merged_count;
    /* LOG_DEFINITIONS */
    uint32_t version;
    struct bytes text;
};

/* Does it change a customer's profile? */
static inline bool log_entry_folds(const struct log_entry *entry)
{
    return entry->kind == LOG_EVENT && entry->node != NODE_NONE;
}

void log_put(struct kv_batch *batch, const struct log_entry *entry);
/* `merged` is in the arena, `text` in `value`. */
enum patron_code log_decode(
    struct bytes key, struct bytes value, struct arena *arena, struct log_entry *entry, struct error *error) MUST_CHECK;

struct event_id_entry {
    uint64_t node;
    int64_t time_us;
    uint8_t content_hash[EVENT_HASH_BYTES];
};

void event_id_put(struct kv_batch *batch, const uint8_t hash[EVENT_HASH_BYTES], const struct event_id_entry *entry);
/* PATRON_NOT_FOUND: the id is new. */
enum patron_code event_id_get(struct kv_batch *batch, const uint8_t hash[EVENT_HASH_BYTES], struct arena *arena,
    struct event_id_entry *entry, struct error *error) MUST_CHECK;

#endif
