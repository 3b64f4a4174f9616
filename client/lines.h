/* Physical lines of a file or of standard input, numbered from 1, with a way back to an earlier one.
 *
 * A reader marks where its row begins; everything from the mark on stays in memory, so that a row that turns out to be
 * broken over several lines can be left at its first and read on from its second. A row may have ROW_BYTES_MAX bytes;
 * memory is that and one block. A UTF-8 byte order mark at the start is skipped. One thread. */
#ifndef PATRON_CLIENT_LINES_H
#define PATRON_CLIENT_LINES_H

#include "store/base/bytes.h"
#include "store/base/error.h"

/* A row is an event or a line of a spine: what is longer is a missing line end or quote. */
enum { ROW_BYTES_MAX = 4 * 1024 * 1024 };

struct lines {
    int descriptor;
    bool close_descriptor;
    bool ended;      /* nothing more comes from the descriptor */
    uint8_t *buffer; /* [mark, end) is kept */
    size_t mark, at, end, capacity;
    uint64_t number;     /* of the line handed out last */
    uint64_t bytes_read; /* from the descriptor */
    uint64_t size;       /* of the file; 0 where that is not known */
};

/* "-" is standard input. */
enum patron_code lines_open(struct lines *lines, const char *path, struct error *error) MUST_CHECK;
/* Over memory, for tests and fuzzing; borrowed until closed. */
void lines_open_bytes(struct lines *lines, struct bytes bytes);
void lines_close(struct lines *lines);

/* The next line with its line end, until the next call; empty at the end. PATRON_INVALID: the row has grown past
 * ROW_BYTES_MAX; PATRON_CANCELLED: interrupted; PATRON_IO. */
enum patron_code lines_next(struct lines *lines, struct bytes *line, struct error *error) MUST_CHECK;

struct lines_place {
    size_t from_mark;
    uint64_t number;
};

/* Here begins a row: what was handed out so far is forgotten. */
void lines_mark(struct lines *lines);
static inline struct lines_place lines_place(const struct lines *lines)
{
    return (struct lines_place){lines->at - lines->mark, lines->number};
}
/* Back to a place taken since the mark. */
void lines_return(struct lines *lines, struct lines_place place);
/* Forget the rest of an overlong line. */
enum patron_code lines_skip(struct lines *lines, struct error *error) MUST_CHECK;

#endif
