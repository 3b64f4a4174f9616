/* counters: what was seen of one attribute, or of one stream of events, on one day.
 *
 * A stream is what one source sends of one event type. Days are those of UTC that known_at lies in. No value that
 * somebody sent is kept: of numbers the least and the greatest, of texts the least and the greatest length, of a
 * refusal its words without what they quote. Plain values; the functions do not fail and may run on any thread. */
#ifndef PATRON_SCHEMA_COUNTERS_H
#define PATRON_SCHEMA_COUNTERS_H

#include "store/journal/attribute.h"

enum {
    /* Sources that are told apart: systems that send, not their machines. The rest counts as one, named "". */
    SCHEMA_SOURCES_MAX = 200,
    /* Streams over all sources. A source that has so many gets no more of event types that the definitions do not have.
     * The rest of a source counts as one stream, of a type named "". */
    SCHEMA_STREAMS_MAX = 2000,
    SCHEMA_SOURCE_STREAMS_MAX = 100,
    /* Names in one stream that the definitions did not have when they first came; the rest counts as one, named "". */
    SCHEMA_UNKNOWN_NAMES_MAX = 200,
    /* Attributes over all streams: bounds the writer's memory to some 16 MiB. The rest of a stream goes to "". */
    SCHEMA_ATTRIBUTES_MAX = 50000,
    /* Days kept, and how long a name that no longer comes is remembered. */
    SCHEMA_DAYS_KEPT = 30,
    SCHEMA_WORDS_BYTES_MAX = 160,
};

struct schema_counts {
    uint64_t present;    /* came and converted */
    uint64_t failed;     /* came and did not suit the declared type: the event was refused */
    uint64_t unknown[3]; /* came while no declared attribute had the name; by enum unknown_attributes */
    uint8_t kinds;       /* 1 << enum attribute_kind of all that came */
    bool has_numbers;
    bool has_texts;
    double low, high;              /* of numbers; money in units */
    uint32_t text_low, text_high;  /* bytes of texts */
    struct bytes words;            /* why the last failed one failed; empty: none did */
};

struct schema_totals {
    uint64_t events;     /* that came, refused ones among them, second arrivals not */
    uint64_t refused;
    uint64_t duplicates; /* second arrivals: not looked into */
};

static inline int64_t schema_day(int64_t time_us)
{
    int64_t day = time_us / MICROSECONDS_PER_DAY;
    return day - (time_us % MICROSECONDS_PER_DAY < 0);
}

static inline uint64_t schema_counts_unknown(const struct schema_counts *counts)
{
    return counts->unknown[0] + counts->unknown[1] + counts->unknown[2];
}

/* In how many events it came at all. */
static inline uint64_t schema_counts_came(const struct schema_counts *counts)
{
    return counts->present + counts->failed + schema_counts_unknown(counts);
}

void schema_counts_number(struct schema_counts *counts, double number);
void schema_counts_text(struct schema_counts *counts, size_t length);
/* `words` of the later one stay, if it has any. */
void schema_counts_add(struct schema_counts *into, const struct schema_counts *later);
void schema_totals_add(struct schema_totals *into, const struct schema_totals *more);

#endif
