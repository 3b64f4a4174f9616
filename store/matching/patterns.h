/* patterns: how many pairs of records fell into which levels. Training never looks at a pair twice: it counts patterns
 * and iterates over them. One thread. */
#ifndef PATRON_MATCHING_PATTERNS_H
#define PATRON_MATCHING_PATTERNS_H

#include "store/matching/levels.h"

/* Past this many different ones the rest is left out: enough for any estimate, and a bound. */
enum { MATCH_PATTERNS_MAX = 1 << 17 };

struct match_pattern {
    uint8_t levels[MATCH_COMPARISONS_MAX]; /* past the plan's comparisons: MATCH_UNKNOWN */
    uint64_t count;
};

struct match_patterns {
    struct match_pattern *patterns; /* in the order in which they were first met */
    size_t count, capacity;
    uint32_t *slots; /* open addressing; a pattern's place plus 1 */
    size_t slot_count;
    uint64_t pairs; /* counted */
};

void match_patterns_add(struct match_patterns *patterns, const uint8_t levels[MATCH_COMPARISONS_MAX]);
void match_patterns_clear(struct match_patterns *patterns);

#endif
