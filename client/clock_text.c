#include "client/clock_text.h"

#include <stdbool.h>
#include <stdio.h>

#include "store/base/limits.h"

/* "1 d 3 h": in the largest unit that there is one of, and the next. */
static void gap_print(uint64_t seconds, char *text, size_t size)
{
    static const struct {
        const char *name;
        uint64_t seconds;
    } units[] = {{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}};
    size_t unit = 0;
    while (seconds < units[unit].seconds)
        unit++;
    int length = snprintf(
        text, size, "%llu %s", (unsigned long long)(seconds / units[unit].seconds), units[unit].name);
    uint64_t rest = seconds % units[unit].seconds;
    if (rest > 0 && rest >= units[unit + 1].seconds)
        snprintf(text + length, size - (size_t)length, " %llu %s",
            (unsigned long long)(rest / units[unit + 1].seconds), units[unit + 1].name);
}

const char *clock_difference(int64_t store_us, int64_t machine_us, char text[CLOCK_TEXT_MAX])
{
    static const uint64_t second_us = MICROSECONDS_PER_SECOND;
    char gap[64];
    text[0] = '\0';
    bool ahead = store_us > machine_us;
    uint64_t store = (uint64_t)store_us, machine = (uint64_t)machine_us; /* no difference overflows */
    uint64_t gap_us = ahead ? store - machine : machine - store;
    if (machine_us == 0 || gap_us <= second_us)
        return text;
    gap_print(gap_us / second_us, gap, sizeof gap);
    if (ahead)
        snprintf(text, CLOCK_TEXT_MAX,
            ", %s ahead of the machine's: new events are stamped with it until the machine catches up", gap);
    else
        snprintf(text, CLOCK_TEXT_MAX, ", %s behind the machine's", gap);
    return text;
}
