#include "tests/property/again.h"

#include <dlfcn.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

typedef void (*sanitizer_setter)(void (*)(void));

/* Made when a history begins, since a process that is dying may only write. */
static char line[4096 + 128];
static size_t line_length;

void again_print(void)
{
    size_t written = 0;
    fflush(stdout);
    while (written < line_length) {
        ssize_t count = write(STDOUT_FILENO, line + written, line_length - written);
        if (count <= 0)
            break;
        written += (size_t)count;
    }
}

/* Not again_print: flushing a stream is nothing for a signal handler. */
static void dying(void)
{
    ssize_t ignored = write(STDOUT_FILENO, line, line_length);
    (void)ignored;
}

static void on_signal(int number)
{
    (void)number; /* SA_RESETHAND: what it did comes again and ends the process */
    dying();
    raise(number);
}

/* gcc's sanitizers are libraries of their own (these are gcc 12's), each with its own way to die; clang's are in the
 * program. */
static int sanitizers_tell(void)
{
    static const char *const runtimes[] = {NULL, "libasan.so.8", "libubsan.so.1", "libtsan.so.2"};
    int told = 0;
    for (size_t i = 0; i < sizeof runtimes / sizeof *runtimes; i++) {
        void *runtime = dlopen(runtimes[i], RTLD_LAZY | RTLD_NOLOAD);
        if (!runtime)
            continue;
        sanitizer_setter set = NULL;
        *(void **)&set = dlsym(runtime, "__sanitizer_set_death_callback");
        if (set) {
            set(dying);
            told++;
        }
        dlclose(runtime);
    }
    return told;
}

void again_install(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
    sigaction(SIGABRT, &action, NULL);
    if (sanitizers_tell() > 0)
        return; /* it takes the others itself and says more */
    const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
}

void again_set(uint64_t seed, uint64_t number)
{
    char program[4096];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    program[length > 0 ? length : 0] = '\0';
    int made = snprintf(line, sizeof line, "\nAgain: PATRON_SEED=%llu PATRON_HISTORY=%llu '%s'\n",
        (unsigned long long)seed, (unsigned long long)number, program);
    line_length = made > 0 ? (size_t)made : 0;
}
