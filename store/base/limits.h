/* Every limit of the store and its wire, with its reason. A limit that outside bytes can meet has a test of what is
 * said then. Sizes in bytes, times in microseconds. */
#ifndef PATRON_BASE_LIMITS_H
#define PATRON_BASE_LIMITS_H

#include <stdint.h>

#define MICROSECONDS_PER_SECOND INT64_C(1000000)
#define MICROSECONDS_PER_MINUTE (60 * MICROSECONDS_PER_SECOND)
#define MICROSECONDS_PER_HOUR (60 * MICROSECONDS_PER_MINUTE)
#define MICROSECONDS_PER_DAY (24 * MICROSECONDS_PER_HOUR)

/* Times that events may have: 1900-01-01 to 2200-01-01 (exclusive). Outside lie typing errors and other units. */
#define EVENT_TIME_MIN_US INT64_C(-2208988800000000)
#define EVENT_TIME_MAX_US INT64_C(7258118400000000)

enum {
    /* An identifier is an address, a cookie, a number; what is longer is a mistake or an attack. */
    IDENTIFIER_VALUE_BYTES_MAX = 1024,
    /* A person shows up under a handful at once. Bounds the walk of one event. */
    EVENT_IDENTIFIERS_MAX = 32,
    /* Sources and event ids are keys; text attributes are labels, not documents. */
    EVENT_ID_BYTES_MAX = 512,
    SOURCE_BYTES_MAX = 256,
    TEXT_ATTRIBUTE_BYTES_MAX = 1024,
    /* Attributes of one event as sent, those that its type does not have and that are dropped among them. */
    EVENT_ATTRIBUTES_GIVEN_MAX = 1024,
    /* Bounds every walk over one customer's nodes, and what the writer does at once: a customer that gives up its id
     * writes four rows for each of its nodes, some 20 us, and one entry is to be done in 5 ms. */
    CUSTOMER_NODES_MAX = 200,
    /* Who changes an identity by hand, and why: shown in lists. */
    ACTOR_BYTES_MAX = 256,
    REASON_BYTES_MAX = 1000,
    /* Merges that wait for a person: more than a team decides in months. Past it they are refused, and counted. */
    REVIEW_OPEN_MAX = 100000,
    /* Exact sets are kept up to this many values; past it a distinct count is an estimate (features/distinct.h). */
    DISTINCT_VALUES_MAX = 4096,
    /* What is ranked is counted exactly up to this many different values, some 40 KB a state; past it there is no
     * ranking: whose values are so many is not described by the first few of them. */
    TOP_TRACKED_MAX = 1024,

    /* The definitions file. A name becomes a column and a metric label. */
    DEFINITIONS_BYTES_MAX = 1024 * 1024,
    NAME_BYTES_MAX = 128,
    IDENTIFIER_TYPES_MAX = 64,
    /* Of one identifier type; a value may be tried with each of them. */
    NEVER_LINK_PATTERNS_MAX = 100,
    EVENT_TYPES_MAX = 256,
    EVENT_ATTRIBUTES_MAX = 256,
    FEATURES_MAX = 4096,
    SERVICES_MAX = 1024,
    WINDOW_DAYS_MAX = 3660,
    TOP_VALUES_MAX = 20,
    FILTER_VALUES_MAX = 100,
    /* Costs that wait to be shared out: some each month are usual. Each makes imports wait for a walk over the log. */
    SHARED_COSTS_WAITING_MAX = 1000,
    /* Words for people, shown in lists. */
    ABOUT_BYTES_MAX = 1000,
    TAGS_MAX = 20,
    TAG_BYTES_MAX = 64,
    /* Versions that can be asked for: each is held in memory, some hundred KiB for a thousand features. */
    DEFINITIONS_VERSIONS_KEPT_MAX = 1000,

    /* One call. */
    READ_IDENTIFIERS_MAX = 10000,
    READ_FEATURES_MAX = 1000,
    INGEST_BATCH_EVENTS_MAX = 10000,
    REQUEST_BYTES_MAX = 16 * 1024 * 1024,
    SPINE_CHUNK_ROWS_MAX = 10000,
    /* Rows times features of one read: a reply of some 20 MiB. */
    READ_CELLS_MAX = 2000000,
    /* A read of now with more rows goes to a worker, so that the calls beside it on its gRPC thread do not wait. */
    READ_INLINE_ROWS_MAX = 1000,
    /* Messages and values in one request: bounds what its bytes can grow to when decoded (a batch of 10,000 events with
     * a dozen fields each is some 150,000). */
    REQUEST_ELEMENTS_MAX = 500000,
    /* Batches of one ingestion stream under way at once; past it the stream is not read. */
    INGEST_BATCHES_UNDER_WAY_MAX = 8,
    /* Words of one refusal in an answer: 10,000 of them stay under the 4 MiB that clients take by default. */
    REFUSAL_TEXT_BYTES_MAX = 256,
    /* Moments of a generated spine. */
    SPINE_MOMENTS_MAX = 10000,
    /* Calls that want a worker, over all callers; less than WORK_QUEUE_MAX, so that one under way always gets its
     * turn. */
    BACKGROUND_CALLS_MAX = 128,

    /* What may wait for the writer, over all senders: a few seconds of its work, so that a queue never hides that it
     * is behind. Past it a sender is told to come again. */
    INGEST_QUEUE_EVENTS_MAX = 100000,
    INGEST_QUEUE_BYTES_MAX = 64 * 1024 * 1024,
    /* Reads of the past, snapshots and verifications that may wait for a worker. */
    WORK_QUEUE_MAX = 256,
};

#endif
