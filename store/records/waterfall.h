/* waterfall: how a match's score came about, kept with the review item it made and shown to who decides: the weight
 * that two records are given before anything is compared, and what each comparison adds or takes away. It holds the
 * names of columns and levels and no value of anybody's. In words of its own, so that it can be read under any later
 * version of the definitions and any model.
 *
 * Format in waterfall.c. Threads: any. Failure: as stated. */
#ifndef PATRON_STORE_WATERFALL_H
#define PATRON_STORE_WATERFALL_H

#include "store/base/encode.h"
#include "store/definitions/definitions.h"
#include "store/matching/matching.h"

enum { WATERFALL_BARS_MAX = MATCH_COMPARISONS_MAX, WATERFALL_NAME_BYTES_MAX = NAME_BYTES_MAX };

/* Weights in bits (log2 of odds). */
struct waterfall_bar {
    struct bytes column;
    struct bytes level;
    double weight;           /* of the level */
    double frequency_weight; /* of how rare the value is that both have */
};

/* prior + every weight and frequency_weight + household == weight. */
struct waterfall {
    double prior;
    double household; /* 0 or less: that of two in one household (store/matching) */
    double weight;
    struct waterfall_bar bars[WATERFALL_BARS_MAX]; /* of what both records have */
    size_t bar_count;
};

/* `definitions` are those that the plan's rules are of. */
void waterfall_encode(const struct definitions *definitions, const struct match_plan *plan,
    const struct match_evidence *evidence, struct encoder *to);
/* Names point into the bytes. PATRON_CORRUPT: they are none. */
enum patron_code waterfall_decode(struct bytes bytes, struct waterfall *waterfall, struct error *error) MUST_CHECK;

#endif
