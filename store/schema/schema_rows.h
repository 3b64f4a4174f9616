/* schema_rows: the rows that the counters lie in, in the family `meta`; see schema_rows.c for their bytes.
 *
 * Encoders append to the caller's encoder. Decoders take any bytes: false is damage; what they give points into the
 * row. Threads: any. */
#ifndef PATRON_SCHEMA_ROWS_H
#define PATRON_SCHEMA_ROWS_H

#include "store/base/encode.h"
#include "store/schema/counters.h"

enum { SCHEMA_STREAM_KEY_BYTES = 18, SCHEMA_DAY_KEY_BYTES = 19 };

/* What all stream rows' keys begin with. */
struct bytes schema_stream_prefix(void);
void schema_stream_key(uint32_t stream, uint8_t key[SCHEMA_STREAM_KEY_BYTES]);
bool schema_stream_key_decode(struct bytes key, uint32_t *stream);
/* The keys of one stream's days sort by day, and begin with the first SCHEMA_DAY_KEY_BYTES - 4 bytes of any of them. */
void schema_day_key(uint32_t stream, int64_t day, uint8_t key[SCHEMA_DAY_KEY_BYTES]);
bool schema_day_key_decode(struct bytes key, uint32_t *stream, int64_t *day);

struct schema_stream_row {
    struct bytes source; /* empty: the rest */
    struct bytes event;
    int64_t first_us, last_us; /* known_at */
    int64_t day;               /* the newest that has a row */
    uint64_t attribute_count;
};

struct schema_attribute_row {
    struct bytes name; /* empty: the rest */
    bool undeclared;   /* it counts among the unknown names */
    int64_t first_us, last_us;
};

void schema_stream_encode(const struct schema_stream_row *row, struct encoder *to);
void schema_attribute_encode(const struct schema_attribute_row *row, struct encoder *to);
/* The stream first, then its attributes one by one: as many as it says. */
bool schema_stream_decode(struct decoder *from, struct schema_stream_row *row);
bool schema_attribute_decode(struct decoder *from, struct schema_attribute_row *row);

void schema_day_encode(const struct schema_totals *totals, struct encoder *to);
void schema_counts_encode(struct bytes name, const struct schema_counts *counts, struct encoder *to);
/* The totals first, then attributes until nothing is left. */
bool schema_day_decode(struct decoder *from, struct schema_totals *totals);
bool schema_counts_decode(struct decoder *from, struct bytes *name, struct schema_counts *counts);

#endif
