#include "store/kv/kv_rocksdb_error.h"

#include <string.h>

#define RESTORE "restore the directory from a backup"
#define SEE_TO_DISK "see to the disk and start again"
#define REPORT "this is a fault of Patron: please report it"

/* The first row that fits counts, so the special ones stand before the general. The texts are those of RocksDB's
 * util/status.cc, with a colon after the kind and, for some, after the kind's reason. */
static const struct kv_rocksdb_failure failures[] = {
    {"IO error: lock hold by current process", PATRON_BUSY,
        "it is open in this process already; close it there, or name another directory"},
    {"IO error: While lock file", PATRON_BUSY,
        "another process is using it; stop that process, or name another directory"},
    {"IO error: No space left on device", PATRON_IO, "free space on its disk and start again"},
    {"IO error: No such file or directory", PATRON_CORRUPT, "a file of the store is missing; " RESTORE},
    {"IO error: ", PATRON_IO, SEE_TO_DISK},
    {"Corruption: ", PATRON_CORRUPT, RESTORE},
    {"NotFound: ", PATRON_CORRUPT, "a part of the store is missing; " RESTORE},
    {"Invalid argument: Column families not opened", PATRON_UNSUPPORTED,
        "a newer version of Patron wrote it; run that one"},
    {"Invalid argument: Column family not found", PATRON_UNSUPPORTED,
        "an older version of Patron wrote it; open it for writing once, or run that one"},
    {"Invalid argument: ", PATRON_INTERNAL, REPORT},
    {"Not implemented: ", PATRON_UNSUPPORTED, REPORT},
    {"Resource busy: ", PATRON_BUSY, "try again"},
    {"Shutdown in progress: ", PATRON_BUSY, "start again"},
    {"Operation timed out: ", PATRON_IO, SEE_TO_DISK},
    {"Operation aborted: ", PATRON_IO, SEE_TO_DISK},
    {"", PATRON_INTERNAL, REPORT},
};

const struct kv_rocksdb_failure *kv_rocksdb_failure_of(const char *text)
{
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        if (strncmp(text, failures[i].begins, strlen(failures[i].begins)) == 0)
            return &failures[i];
    }
    IMPOSSIBLE("the last row fits every text");
}
