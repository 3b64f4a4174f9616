/* disk: whether there is room to write. The engine cannot live through a full disk (it may end the process on a failed
 * append), so the server stops taking events in while there still is some.
 *
 * Threads: any. Failure: PATRON_EXHAUSTED below the reserve, PATRON_IO if the disk does not say. */
#ifndef PATRON_WORK_DISK_H
#define PATRON_WORK_DISK_H

#include "store/base/bytes.h"
#include "store/base/error.h"

/* What is kept free by default, or a twentieth of a smaller disk: room for the engine to flush and compact what it has
 * taken, and for an operator to act. */
#define DISK_RESERVE_DEFAULT_BYTES (UINT64_C(256) << 20)

/* Is more than the reserve free where `directory` lies? `reserve_bytes` 0: the default. */
enum patron_code disk_check(const char *directory, uint64_t reserve_bytes, struct error *error) MUST_CHECK;

#endif
