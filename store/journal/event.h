/* event: one thing that happened, as it is stored, and the keys it lies under.
 *
 * An event stays with its node for ever. struct event borrows the memory it was decoded from.
 *
 * Where the definitions keep unknown attributes, those lie in the event's row by name, as they were given. From the
 * version that declares one for the event's type, whoever folds with that version or a later one reads it as if it had
 * come typed: event_resolve converts it by ingestion's rules, and what does not convert is absent. A version without
 * that attribute sees nothing of it.
 *
 * Events of the type that the definitions match by (matching.of) tell who somebody is: all that they hold beside their
 * type and time is sealed (base/seal.h), bound to the event's hash. Whoever folds sees an event without attributes;
 * event_open alone gives them back. What was stored before a version matched by the type stays in clear. */
#ifndef PATRON_JOURNAL_EVENT_H
#define PATRON_JOURNAL_EVENT_H

#include "store/base/bytes.h"
#include "store/base/encode.h"
#include "store/base/error.h"
#include "store/definitions/definitions.h"
#include "store/journal/attribute.h"

enum { EVENT_HASH_BYTES = 16, EVENT_KEY_BYTES = 8 + 8 + EVENT_HASH_BYTES };

/* Where events lie that are no customer's: costs to be shared out (sharing.h). Nodes begin at 1. */
enum { NODE_NONE = 0 };

struct event {
    uint64_t node;
    int64_t time_us;
    uint8_t hash[EVENT_HASH_BYTES]; /* of (source, type, id); ties in time are broken by it */
    int64_t known_at_us;
    uint16_t type;           /* event type's number */
    uint32_t version;        /* 0: as first sent */
    struct bytes attributes; /* encoded, see event.c */
    struct bytes kept;       /* the same, of those that no version had when it came; empty: none */
    bool sealed;             /* attributes are both of them, sealed; kept is empty */
};

/* The hash is unkeyed, so that two stores that were sent the same events agree on every tie. */
void event_hash(struct bytes source, struct bytes type, struct bytes id, uint8_t hash[EVENT_HASH_BYTES]);
/* What a second arrival is compared by: type, event time, attributes, and those kept by name, sealed where they are.
 * Equal hashes are equal content; with other hashes it may still be, see event_same_content. */
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
/* PATRON_CORRUPT if the bytes are not an event. The attributes and those kept point into `value`. */
enum patron_code event_decode(
    struct bytes key, struct bytes value, struct event *event, struct error *error) MUST_CHECK;

/* Seals what the event holds, in the arena; `key` is the store's. The event's hash must be set. */
void event_seal(struct event *event, const uint8_t *key, struct arena *arena);
/* The same event with its attributes to be read, in the arena; one that is not sealed is as it was. PATRON_CORRUPT: it
 * does not open, or holds no attributes. */
enum patron_code event_open(const struct event *event, const uint8_t *key, struct arena *arena, struct event *opened,
    struct error *error) MUST_CHECK;

/* Moves what was kept and is an attribute by these definitions (whose type the event must have) to the attributes, made
 * anew in the arena; the rest of what was kept goes. An event that kept nothing stays as it is, at no cost. */
void event_resolve(struct event *event, const struct definitions *definitions, struct arena *arena);
/* Have two events of one type and time the same attributes, whether a version of the definitions knew them or they
 * were kept by name? Kept on both sides, they must have been given alike; else by their value in the attribute's type.
 * Neither may be sealed. The types of attributes are those of the definitions, retired ones included. */
bool event_same_content(const struct event *a, const struct event *b, const struct definitions *definitions);

/* Are they attributes as event_attribute_encode makes them? */
bool event_attributes_whole(struct bytes attributes);
/* Attributes are appended in ascending order of their numbers. */
void event_attribute_encode(uint16_t number, const struct scalar *value, struct encoder *to);
/* False if the event has no such attribute, or is sealed. Text points into the event. */
bool event_attribute_find(const struct event *event, uint16_t number, struct scalar *value);

/* At most so many in one event: a sender with more has another type of event in mind. */
enum { EVENT_KEPT_MAX = 32 };
/* Appended in ascending order of their names, each once, as attribute_check_kept allows them. */
void event_kept_encode(const struct event_attribute *given, struct encoder *to);
/* Reads the next of event->kept; false at the end, or on bytes that are none: then from->bad. */
bool event_kept_decode(struct decoder *from, struct event_attribute *given);

#endif
