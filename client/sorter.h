/* Sorts any number of rows by time, then key, then order of arrival, in bounded memory: SQLite's external sorter over a
 * temporary database file ($SQLITE_TMPDIR, $TMPDIR or /tmp), which is gone with the process. One thread.
 * Failures are PATRON_IO (the disk is full) with SQLite's words. */
#ifndef PATRON_CLIENT_SORTER_H
#define PATRON_CLIENT_SORTER_H

#include "store/base/bytes.h"
#include "store/base/error.h"

struct sorter;

struct sorter_row {
    bool end;
    int64_t time_us;
    struct bytes key, payload; /* until the next call */
};

enum patron_code sorter_open(struct sorter **sorter, struct error *error) MUST_CHECK;
void sorter_close(struct sorter *sorter); /* null is fine */

enum patron_code sorter_add(struct sorter *sorter, int64_t time_us, struct bytes key, struct bytes payload,
    struct error *error) MUST_CHECK;
/* All is added: sort. */
enum patron_code sorter_start(struct sorter *sorter, struct error *error) MUST_CHECK;
enum patron_code sorter_next(struct sorter *sorter, struct sorter_row *row, struct error *error) MUST_CHECK;

#endif
