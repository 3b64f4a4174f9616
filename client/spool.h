/* Rows of bytes set aside on disk and read back by number: what a spine carries along while the server works. Two
 * unnamed temporary files ($TMPDIR or /tmp), one of rows and one of where they begin; memory is two small buffers.
 * One thread. Failures are PATRON_IO. */
#ifndef PATRON_CLIENT_SPOOL_H
#define PATRON_CLIENT_SPOOL_H

#include <stdio.h>

#include "store/base/bytes.h"
#include "store/base/encode.h"
#include "store/base/error.h"

struct spool {
    FILE *rows, *begins; /* u64 of this machine's order for each row, and one past the last */
    uint64_t count, length;
    struct encoder row; /* the one read last */
};

enum patron_code spool_open(struct spool *spool, struct error *error) MUST_CHECK;
void spool_close(struct spool *spool);

enum patron_code spool_add(struct spool *spool, struct bytes row, struct error *error) MUST_CHECK;
/* All is added: rows may be read. */
enum patron_code spool_seal(struct spool *spool, struct error *error) MUST_CHECK;
/* The row, until the next call. PATRON_OUT_OF_RANGE: there is no such row. */
enum patron_code spool_read(
    struct spool *spool, uint64_t number, struct bytes *row, struct error *error) MUST_CHECK;

#endif
