/* describe: what a file of definitions says, in words: for people, catalogs and messages. Pure; any thread; nothing
 * fails. Texts are in the arena or belong to the definitions. */
#ifndef PATRON_DEFINITIONS_DESCRIBE_H
#define PATRON_DEFINITIONS_DESCRIBE_H

#include "store/base/arena.h"
#include "store/definitions/definitions.h"

/* As in the file: "sum", "age.last", "rfm.frequency", "top.1", "derived". */
struct bytes describe_aggregation(const struct feature *feature, struct arena *arena);
/* "sum of order.amount where channel is web, last 90d"; of a derived feature its expression. */
struct bytes describe_feature(
    const struct definitions *definitions, const struct feature *feature, struct arena *arena);
/* "rfm" of "rfm.frequency"; empty for one that belongs to no family. */
struct bytes describe_family(struct bytes name);
/* 12.50, 3, 0.1, true; a text as it is. */
struct bytes describe_value(const struct value *value, struct arena *arena);
/* In the largest unit that it is a whole number of: "90d", "12h", "30m"; 0: "0". */
struct bytes describe_duration(int64_t duration_us, struct arena *arena);
const char *describe_normalization(enum normalization normalization);
const char *describe_match_kind(enum match_kind kind);
const char *describe_unknown_attributes(enum unknown_attributes unknown);

#endif
