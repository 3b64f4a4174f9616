#include "client/lines.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/interrupt.h"
#include "store/base/arena.h"

enum { BLOCK_BYTES = 256 * 1024 };

/* Append one block of the descriptor behind `end`. */
static enum patron_code block_read(struct lines *lines, struct error *error)
{
    if (lines->mark > 0) {
        memmove(lines->buffer, lines->buffer + lines->mark, lines->end - lines->mark);
        lines->at -= lines->mark;
        lines->end -= lines->mark;
        lines->mark = 0;
    }
    if (lines->capacity - lines->end < BLOCK_BYTES) {
        lines->capacity = lines->end + 2 * (size_t)BLOCK_BYTES;
        lines->buffer = memory_resize(lines->buffer, lines->capacity);
    }
    for (;;) {
        if (interrupted())
            return error_set(error, PATRON_CANCELLED, "interrupted");
        ssize_t got = read(lines->descriptor, lines->buffer + lines->end, BLOCK_BYTES);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return error_set(error, PATRON_IO, "cannot read: %s", strerror(errno));
        lines->ended = got == 0;
        lines->end += (size_t)got;
        lines->bytes_read += (uint64_t)got;
        return PATRON_OK;
    }
}

static enum patron_code mark_skip(struct lines *lines, struct error *error)
{
    while (!lines->ended && lines->end < 3)
        TRY(block_read(lines, error));
    const uint8_t *first = lines->buffer;
    if (lines->end >= 2 && ((first[0] == 0xff && first[1] == 0xfe) || (first[0] == 0xfe && first[1] == 0xff)))
        return error_set(error, PATRON_UNSUPPORTED,
            "the file is UTF-16: convert it first, as by `iconv -f UTF-16 -t UTF-8`");
    if (lines->end >= 3 && memcmp(first, "\xef\xbb\xbf", 3) == 0)
        lines->at = lines->mark = 3;
    return PATRON_OK;
}

enum patron_code lines_open(struct lines *lines, const char *path, struct error *error)
{
    *lines = (struct lines){.descriptor = STDIN_FILENO};
    if (strcmp(path, "-") != 0) {
        lines->descriptor = open(path, O_RDONLY | O_CLOEXEC);
        lines->close_descriptor = true;
        if (lines->descriptor < 0)
            return error_set(error, PATRON_IO, "cannot open %s: %s", path, strerror(errno));
    }
    struct stat stat;
    if (fstat(lines->descriptor, &stat) == 0 && S_ISREG(stat.st_mode))
        lines->size = (uint64_t)stat.st_size;
    enum patron_code code = mark_skip(lines, error);
    if (code == PATRON_OK)
        return PATRON_OK;
    error_prefix(error, code, "%s: ", path);
    lines_close(lines);
    return code;
}

void lines_open_bytes(struct lines *lines, struct bytes bytes)
{
    *lines = (struct lines){.descriptor = -1, .ended = true};
    lines->buffer = memory_alloc(bytes.length);
    if (bytes.length > 0)
        memcpy(lines->buffer, bytes.data, bytes.length);
    lines->end = lines->capacity = bytes.length;
    lines->bytes_read = lines->size = bytes.length;
    if (bytes_starts_with(bytes, bytes_from_string("\xef\xbb\xbf")))
        lines->at = lines->mark = 3;
}

void lines_close(struct lines *lines)
{
    memory_free(lines->buffer);
    if (lines->close_descriptor && lines->descriptor >= 0)
        close(lines->descriptor);
    *lines = (struct lines){.descriptor = -1};
}

enum patron_code lines_next(struct lines *lines, struct bytes *line, struct error *error)
{
    size_t searched = lines->at - lines->mark;
    for (;;) {
        size_t begin = lines->mark + searched;
        uint8_t *found = begin < lines->end ? memchr(lines->buffer + begin, '\n', lines->end - begin) : NULL;
        size_t stop = found ? (size_t)(found - lines->buffer) + 1 : lines->end;
        if (stop - lines->mark > ROW_BYTES_MAX)
            return error_set(error, PATRON_INVALID, "the row is longer than %d bytes", ROW_BYTES_MAX);
        if (found || lines->ended) {
            *line = bytes_of(lines->buffer + lines->at, stop - lines->at);
            lines->at = stop;
            lines->number += line->length > 0;
            return PATRON_OK;
        }
        searched = lines->end - lines->mark;
        TRY(block_read(lines, error));
    }
}

void lines_mark(struct lines *lines)
{
    lines->mark = lines->at;
}

void lines_return(struct lines *lines, struct lines_place place)
{
    lines->at = lines->mark + place.from_mark;
    CHECK(lines->at <= lines->end);
    lines->number = place.number;
}

enum patron_code lines_skip(struct lines *lines, struct error *error)
{
    lines->number++;
    for (;;) {
        size_t left = lines->end - lines->at;
        uint8_t *found = left ? memchr(lines->buffer + lines->at, '\n', left) : NULL;
        lines->at = found ? (size_t)(found - lines->buffer) + 1 : lines->end;
        lines_mark(lines);
        if (found || lines->ended)
            return PATRON_OK;
        TRY(block_read(lines, error));
    }
}
