/* How to see a random history again: one line for the shell, printed where a history fails and where it crashes.
 *
 * One history at a time is the process's own, whatever its threads. Nothing here fails. */
#ifndef PATRON_PROPERTY_AGAIN_H
#define PATRON_PROPERTY_AGAIN_H

#include <stdint.h>

/* From now on a failed CHECK, a signal or a sanitizer that ends the process writes the line of the last again_set. */
void again_install(void);
/* Which history runs now. */
void again_set(uint64_t seed, uint64_t number);
void again_print(void);

#endif
