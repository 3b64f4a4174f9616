/* thread: how this room starts threads, with a name, and with every signal blocked, for signals are the main thread's;
 * and how they wait, by the steady clock. */
#ifndef PATRON_WORK_THREAD_H
#define PATRON_WORK_THREAD_H

#include "store/base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* `name` is at most 15 characters. PATRON_EXHAUSTED: the system gives no more threads. */
enum patron_code thread_start(pthread_t *thread, const char *name, void *(*run)(void *argument),
    void *argument, struct error *error) MUST_CHECK;

/* A moment so long from now. */
struct timespec thread_moment(uint64_t ms);
/* Waits, with the lock held, until `condition` is signalled (or for no reason, as such waits may): true; or until the
 * moment has passed: false. The condition is a plain one, of pthread_cond_init. */
bool thread_wait(pthread_cond_t *condition, pthread_mutex_t *lock, const struct timespec *until);

#endif
