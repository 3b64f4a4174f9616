#include "server/work/thread.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

enum patron_code thread_start(
    pthread_t *thread, const char *name, void *(*run)(void *argument), void *argument, struct error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    int failure = pthread_create(thread, NULL, run, argument);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    if (failure != 0)
        return error_set(
            error, PATRON_EXHAUSTED, "cannot start the thread '%s': %s", name, strerror(failure));
    pthread_setname_np(*thread, name);
    return PATRON_OK;
}

struct timespec thread_moment(uint64_t ms)
{
    struct timespec moment;
    clock_gettime(CLOCK_MONOTONIC, &moment);
    uint64_t nanoseconds = (uint64_t)moment.tv_nsec + ms % 1000 * 1000000;
    moment.tv_sec += (time_t)(ms / 1000 + nanoseconds / 1000000000);
    moment.tv_nsec = (long)(nanoseconds % 1000000000);
    return moment;
}

bool thread_wait(pthread_cond_t *condition, pthread_mutex_t *lock, const struct timespec *until)
{
    int failure = pthread_cond_clockwait(condition, lock, CLOCK_MONOTONIC, until);
    CHECK(failure == 0 || failure == ETIMEDOUT);
    return failure == 0;
}
