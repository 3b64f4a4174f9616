#include "server/work/thread.h"

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
