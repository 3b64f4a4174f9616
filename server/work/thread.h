/* thread: how this room starts threads: with a name, and with every signal blocked, for signals are the main
 * thread's. */
#ifndef PATRON_WORK_THREAD_H
#define PATRON_WORK_THREAD_H

#include "store/base/error.h"

#include <pthread.h>

/* `name` is at most 15 characters. PATRON_EXHAUSTED: the system gives no more threads. */
enum patron_code thread_start(pthread_t *thread, const char *name, void *(*run)(void *argument),
    void *argument, struct error *error) MUST_CHECK;

#endif
