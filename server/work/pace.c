#include "server/work/pace.h"

/* Won: for four entries followed at most three came in. */
static bool is_won(uint64_t followed, uint64_t arrived)
{
    return arrived * 4 <= followed * 3;
}

uint32_t pace_look(struct pace *pace, int64_t now_ms, uint64_t followed, uint64_t arrived)
{
    int64_t lasted_ms = now_ms - pace->since_ms;
    if (pace->begun && lasted_ms < PACE_WINDOW_MS)
        return pace->limit;
    if (pace->begun) {
        uint64_t followed_now = followed - pace->followed, arrived_now = arrived - pace->arrived;
        uint64_t speed = followed_now * 1000 / (uint64_t)lasted_ms;
        pace->speed = pace->speed ? (pace->speed + speed) / 2 : speed;
        pace->lost = is_won(followed_now, arrived_now) ? 0 : pace->lost + 1;
        if (pace->limit > 0 || pace->lost >= PACE_WINDOWS_LOST) {
            uint64_t limit = pace->speed / 2;
            limit = limit < PACE_LIMIT_MIN ? PACE_LIMIT_MIN : limit;
            pace->limit = limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit;
        }
    }
    pace->begun = true;
    pace->since_ms = now_ms;
    pace->followed = followed;
    pace->arrived = arrived;
    return pace->limit;
}
