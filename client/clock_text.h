/* How far the store's clock is from the machine's, in words for an operator. */
#ifndef PATRON_CLIENT_CLOCK_TEXT_H
#define PATRON_CLIENT_CLOCK_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { CLOCK_TEXT_MAX = 160 };

/* ", 1 d ahead of the machine's: …", to follow the store's clock; empty where the two differ by a second at most or the
 * server did not tell (machine_us is 0). Returns `text`. */
const char *clock_difference(int64_t store_us, int64_t machine_us, char text[CLOCK_TEXT_MAX]);

#endif
