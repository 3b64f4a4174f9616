/* Ctrl-C: the first asks whatever runs to stop cleanly, the second ends the process. Set once, by main, before any
 * thread; asked from anywhere. System calls that wait return EINTR. */
#ifndef PATRON_CLIENT_INTERRUPT_H
#define PATRON_CLIENT_INTERRUPT_H

#include <stdbool.h>

void interrupt_watch(void);
bool interrupted(void);

#endif
