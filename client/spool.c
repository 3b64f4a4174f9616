#include "client/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static enum patron_code spool_failed(struct error *error)
{
    return error_set(error, PATRON_IO, "cannot use a temporary file (set TMPDIR to a disk with room): %s",
        strerror(errno));
}

/* A file that has no name and goes with its descriptor. */
static FILE *unnamed_file(void)
{
    const char *folder = getenv("TMPDIR");
    char path[4096];
    int length = snprintf(path, sizeof path, "%s/patron-XXXXXX", folder && *folder ? folder : "/tmp");
    if (length < 0 || (size_t)length >= sizeof path)
        return NULL;
    int descriptor = mkstemp(path);
    if (descriptor < 0)
        return NULL;
    unlink(path);
    FILE *file = fdopen(descriptor, "w+b");
    if (!file)
        close(descriptor);
    return file;
}

enum patron_code spool_open(struct spool *spool, struct error *error)
{
    *spool = (struct spool){.rows = unnamed_file()};
    if (spool->rows)
        spool->begins = unnamed_file();
    if (spool->begins)
        return PATRON_OK;
    enum patron_code code = spool_failed(error);
    spool_close(spool);
    return code;
}

void spool_close(struct spool *spool)
{
    if (spool->rows)
        fclose(spool->rows);
    if (spool->begins)
        fclose(spool->begins);
    encoder_clear(&spool->row);
    *spool = (struct spool){0};
}

enum patron_code spool_add(struct spool *spool, struct bytes row, struct error *error)
{
    if (fwrite(&spool->length, sizeof spool->length, 1, spool->begins) != 1 ||
        (row.length > 0 && fwrite(row.data, row.length, 1, spool->rows) != 1))
        return spool_failed(error);
    spool->length += row.length;
    spool->count++;
    return PATRON_OK;
}

enum patron_code spool_seal(struct spool *spool, struct error *error)
{
    if (fwrite(&spool->length, sizeof spool->length, 1, spool->begins) != 1 || fflush(spool->begins) != 0 ||
        fflush(spool->rows) != 0)
        return spool_failed(error);
    return PATRON_OK;
}

static bool read_at(FILE *file, void *to, size_t length, uint64_t offset)
{
    uint8_t *at = to;
    while (length > 0) {
        ssize_t got = pread(fileno(file), at, length, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += got;
        offset += (uint64_t)got;
        length -= (size_t)got;
    }
    return true;
}

enum patron_code spool_read(struct spool *spool, uint64_t number, struct bytes *row, struct error *error)
{
    if (number >= spool->count)
        return error_set(error, PATRON_OUT_OF_RANGE, "the spine has no row %llu", (unsigned long long)number);
    uint64_t begins[2];
    if (!read_at(spool->begins, begins, sizeof begins, number * sizeof *begins))
        return spool_failed(error);
    size_t length = (size_t)(begins[1] - begins[0]);
    if (spool->row.capacity < length) {
        spool->row.capacity = length * 2;
        spool->row.data = memory_resize(spool->row.data, spool->row.capacity);
    }
    if (!read_at(spool->rows, spool->row.data, length, begins[0]))
        return spool_failed(error);
    *row = bytes_of(spool->row.data, length);
    return PATRON_OK;
}
