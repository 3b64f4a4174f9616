#include "server/work/disk.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

enum { SMALL_DISK_PARTS = 20 };

enum patron_code disk_check(const char *directory, uint64_t reserve_bytes, struct error *error)
{
    struct statvfs disk;
    while (statvfs(directory, &disk) != 0)
        if (errno != EINTR)
            return error_set(
                error, PATRON_IO, "cannot ask how much room '%s' has: %s", directory, strerror(errno));
    if (reserve_bytes == 0) {
        uint64_t part = (uint64_t)disk.f_blocks * disk.f_frsize / SMALL_DISK_PARTS;
        reserve_bytes = part < DISK_RESERVE_DEFAULT_BYTES ? part : DISK_RESERVE_DEFAULT_BYTES;
    }
    uint64_t free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    if (free_bytes >= reserve_bytes)
        return PATRON_OK;
    return error_set(error, PATRON_EXHAUSTED,
        "the disk of '%s' has %.1f MiB free, less than the %.1f MiB kept in reserve: nothing is taken in "
        "until there is "
        "more room; reads go on",
        directory, (double)free_bytes / (1 << 20), (double)reserve_bytes / (1 << 20));
}
