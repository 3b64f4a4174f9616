/* strings: how alike two words are, and what a word sounds like.
 *
 * Measures of whole words of people's records, over code points. Pure; any thread. Written here because Debian has no
 * C library of them (there are C++, Python and Rust ones); tested against the values that their authors published. */
#ifndef PATRON_MATCHING_STRINGS_H
#define PATRON_MATCHING_STRINGS_H

#include "store/matching/matching.h"

/* A value's code points. */
struct match_text {
    uint32_t points[MATCH_VALUE_BYTES_MAX];
    size_t length;
};

/* Takes well-formed UTF-8 of at most MATCH_VALUE_BYTES_MAX bytes; what lies past it is cut. */
void match_text_of(struct match_text *text, struct bytes value);

/* 0 to 1 (M. Jaro, 1989); 1 for two empty ones. */
double match_jaro(const struct match_text *a, const struct match_text *b);

/* Jaro's, raised for a common beginning of up to four characters by a tenth of what is missing, where Jaro's is more
 * than 0.7, as in Winkler's own program (W. Winkler, 1990; strcmp95.c). Symmetric. */
double match_jaro_winkler(const struct match_text *a, const struct match_text *b);

/* Damerau and Levenshtein's distance in its restricted form (optimal string alignment): insertions, deletions,
 * substitutions and swaps of neighbours, nothing edited twice. `most` bounds the answer: past it, most + 1. */
size_t match_edits(const struct match_text *a, const struct match_text *b, size_t most);

/* What a word of lower-case Latin letters sounds like: the code of the New York State Identification and Intelligence
 * System (R. Taft, 1970), in capitals, not cut to six. Characters other than a to z are passed over; a word without any
 * is its own code. Writes at most `size` bytes (cutting the rest) and returns how many. */
size_t match_sound(struct bytes word, char *code, size_t size);

#endif
