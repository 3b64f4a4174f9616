/* event: one thing that happened, as it is stored, and the keys it lies under.
 *
 * An event stays with its node for ever. struct event borrows the memory it was decoded from. */
#ifndef PATRON_JOURNAL_EVENT_H
#define PATRON_JOURNAL_EVENT_H

#include "store/base/bytes.h"
#include "store/base/encode.h"
#include "store/base/error.h"
#include "store/definitions/definitions.h"

enum { EVENT_HASH_BYTES = 16, EVENT_KEY_BYTES = 8 + 8 + EVENT_HASH_BYTES };

struct event {
    uint64_t node;
    int64_t time_us;
    uint8_t hash[EVENT_HASH_BYTES]; /* of (source, type, id); ties in time are broken by it */
    int64_t known_at_us;
    uint16_t type;           /* event type's number */
    uint32_t version;        /* 0: as first sent */
    struct bytes attributes; /* encoded, see event.c */
};

/* The hash is unkeyed, so that two stores that were sent the same events agree on every tie. */
void event_hash(struct bytes source, struct bytes type, struct bytes id, uint8_t hash[EVENT_HASH_BYTES]);
/* What a second arrival is compared by: type, event time, attributes. */
void event_content_hash(const struct event *event, uint8_t hash[EVENT_HASH_BYTES]);

/* The order of events: by time, then by hash. */
static inline bool event_before(const struct event *a, const struct event *b)
{
    if (a->time_us != b->time_us)
        return a->time_us < b->time_us;
    return memcmp(a->hash, b->hash, EVENT_HASH_BYTES) < 0;
}

void event_key_encode(const struct event *event, uint8_t key[EVENT_KEY_BYTES]);
void event_value_encode(const struct event *event, struct encoder *to);
/* PATRON_CORRUPT if the bytes are not an event. The attributes point into `value`. */
enum patron_code event_decode(
    struct bytes key, struct bytes value, struct event *event, struct error *error) MUST_CHECK;

/* Are they attributes as event_attribute_encode makes them? */
bool event_attributes_whole(struct bytes attributes);
/* Attributes are appended in ascending order of their numbers. */
void event_attribute_encode(uint16_t number, const struct scalar *value, struct encoder *to);
/* False if the event has no such attribute. Text points into the event. */
bool event_attribute_find(const struct event *event, uint16_t number, struct scalar *value);

#endif
