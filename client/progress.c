#include "client/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "store/base/limits.h"

enum { TERMINAL_EVERY_US = 100 * 1000, LINE_EVERY_US = 5 * 1000 * 1000, BAR_WIDTH = 24 };

int64_t monotonic_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * MICROSECONDS_PER_SECOND + now.tv_nsec / 1000;
}

void progress_start(struct progress *progress, const char *label, const char *unit)
{
    int64_t now_us = monotonic_us();
    *progress = (struct progress){.label = label,
        .unit = unit,
        .terminal = isatty(STDERR_FILENO) == 1,
        .started_us = now_us,
        .shown_us = now_us};
}

static int duration_text(char *text, size_t size, int64_t seconds)
{
    if (seconds >= 3600)
        return snprintf(text, size, "%dh%02dm", (int)(seconds / 3600), (int)(seconds / 60 % 60));
    if (seconds >= 60)
        return snprintf(text, size, "%dm%02ds", (int)(seconds / 60), (int)(seconds % 60));
    return snprintf(text, size, "%ds", (int)seconds);
}

void progress_text(const struct progress *progress, int64_t now_us, char text[PROGRESS_TEXT_MAX])
{
    size_t size = PROGRESS_TEXT_MAX;
    double seconds = (double)(now_us - progress->started_us) / 1e6;
    double rate = seconds > 0 ? (double)progress->done / seconds : 0;
    int length = snprintf(text, size, "%.20s", progress->label);
    double share = progress->whole ? (double)progress->part / (double)progress->whole : 0;
    share = share > 1 ? 1 : share;
    if (progress->whole) {
        char bar[BAR_WIDTH + 1];
        for (int i = 0; i < BAR_WIDTH; i++)
            bar[i] = i < (int)(share * BAR_WIDTH) ? '#' : '.';
        bar[BAR_WIDTH] = '\0';
        length += snprintf(text + length, size - (size_t)length, " [%s] %3d%%", bar, (int)(share * 100));
    }
    length += snprintf(text + length, size - (size_t)length, "  %llu %.20s, %.0f/s",
        (unsigned long long)progress->done, progress->unit, rate);
    if (share > 0.01 && share < 1) {
        char left[32];
        double seconds_left = seconds * (1 - share) / share;
        duration_text(left, sizeof left, seconds_left < 360000 ? (int64_t)(seconds_left + 0.5) : 360000);
        snprintf(text + length, size - (size_t)length, ", %s left", left);
    }
}

static bool is_due(struct progress *progress, int64_t now_us)
{
    if (now_us - progress->shown_us < (progress->terminal ? TERMINAL_EVERY_US : LINE_EVERY_US))
        return false;
    progress->shown_us = now_us;
    return true;
}

static void show(struct progress *progress, const char *text)
{
    if (progress->terminal) {
        fprintf(stderr, "\r\033[K%s", text);
        fflush(stderr);
        progress->drawn = true;
    } else {
        fprintf(stderr, "%s\n", text);
    }
}

void progress_update(struct progress *progress, uint64_t done, uint64_t part, uint64_t whole)
{
    progress->done = done;
    progress->part = part;
    progress->whole = whole;
    int64_t now_us = monotonic_us();
    if (!is_due(progress, now_us))
        return;
    char text[PROGRESS_TEXT_MAX];
    progress_text(progress, now_us, text);
    show(progress, text);
}

void progress_say(struct progress *progress, const char *words)
{
    if (is_due(progress, monotonic_us()))
        show(progress, words);
}

void progress_finish(struct progress *progress)
{
    if (progress->drawn)
        fputs("\r\033[K", stderr);
    progress->drawn = false;
}
