/* normal: the one form of a value, by what it is. Pure; any thread; what comes back lies in the arena or is static.
 * A change here is a new MATCH_NORMAL_VERSION: records made before are made again from their events. */
#ifndef PATRON_MATCHING_NORMAL_H
#define PATRON_MATCHING_NORMAL_H

#include "store/matching/matching.h"

enum { MATCH_NORMAL_VERSION = 1, MATCH_WORDS_MAX = 16 };

/* The value's normal form, at most MATCH_VALUE_BYTES_MAX bytes; empty where the text stands for nothing. */
struct bytes match_normal(enum match_kind kind, struct bytes raw, struct arena *arena);

/* Letters and digits in lower case without accents, words one space apart; apostrophes and full stops go without
 * parting what they stood between. */
struct bytes match_fold(struct bytes raw, struct arena *arena);

/* The words of a folded value; returns how many, at most MATCH_WORDS_MAX. They point into it. */
size_t match_words(struct bytes value, struct bytes words[MATCH_WORDS_MAX]);

/* A date as it is written: YYYYMMDD, or YYYY where there is no more, or its digits where they are no date. */
struct bytes match_normal_date(struct bytes raw, struct arena *arena);

#endif
