#include "server/work/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum patron_code read_open(int file, const char *path, uint8_t *key, struct error *error)
{
    struct stat facts;
    if (fstat(file, &facts) != 0)
        return error_set(
            error, PATRON_PRECONDITION, "cannot read the key file '%s': %s", path, strerror(errno));
    if (!S_ISREG(facts.st_mode))
        return error_set(error, PATRON_PRECONDITION, "the key file '%s' is not a file", path);
    if (facts.st_mode & (S_IRWXG | S_IRWXO))
        return error_set(error, PATRON_PRECONDITION,
            "the key file '%s' is open to others (mode %04o): make it its owner's alone, with chmod 600",
            path, (unsigned)(facts.st_mode & 07777));
    if (facts.st_size != STORE_KEY_BYTES)
        return error_set(error, PATRON_PRECONDITION,
            "the key file '%s' has %lld bytes, where a key has %d: it is not the key of a store", path,
            (long long)facts.st_size, STORE_KEY_BYTES);
    size_t have = 0;
    while (have < STORE_KEY_BYTES) {
        ssize_t got = read(file, key + have, STORE_KEY_BYTES - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_set(error, PATRON_PRECONDITION, "cannot read the key file '%s': %s", path,
                got < 0 ? strerror(errno) : "it ended early");
        have += (size_t)got;
    }
    return PATRON_OK;
}

enum patron_code key_file_read(const char *path, uint8_t key[STORE_KEY_BYTES], struct error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0 && errno == ENOENT)
        return error_set(error, PATRON_NOT_FOUND, "there is no key file '%s'", path);
    if (file < 0)
        return error_set(
            error, PATRON_PRECONDITION, "cannot open the key file '%s': %s", path, strerror(errno));
    enum patron_code code = read_open(file, path, key, error);
    close(file);
    return code;
}

/* All of it, on disk. */
static bool write_synced(int file, const uint8_t *key)
{
    size_t done = 0;
    while (done < STORE_KEY_BYTES) {
        ssize_t put = write(file, key + done, STORE_KEY_BYTES - done);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return fsync(file) == 0;
}

static bool sync_folder_of(const char *path)
{
    char copy[4096];
    if ((size_t)snprintf(copy, sizeof copy, "%s", path) >= sizeof copy)
        return false;
    int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return false;
    bool synced = fsync(folder) == 0;
    close(folder);
    return synced;
}

enum patron_code key_file_make(const char *path, uint8_t key[STORE_KEY_BYTES], struct error *error)
{
    char made[4096];
    if ((size_t)snprintf(made, sizeof made, "%s.XXXXXX", path) >= sizeof made)
        return error_set(error, PATRON_INVALID, "the key file's path is too long");
    CHECK(sodium_init() >= 0);
    uint8_t fresh[STORE_KEY_BYTES];
    randombytes_buf(fresh, sizeof fresh);
    enum patron_code code = PATRON_OK;
    int file = mkostemp(made, O_CLOEXEC); /* mode 0600 */
    if (file < 0) {
        code =
            error_set(error, PATRON_PRECONDITION, "cannot make the key file '%s': %s", path, strerror(errno));
        goto wipe;
    }
    /* Written under another name and linked: the path names a whole key or nothing, and never loses one it has. */
    if (!write_synced(file, fresh) || (link(made, path) != 0 && errno != EEXIST) || !sync_folder_of(path))
        code =
            error_set(error, PATRON_PRECONDITION, "cannot make the key file '%s': %s", path, strerror(errno));
    close(file);
    unlink(made);
    if (code == PATRON_OK)
        code = key_file_read(path, key, error);
wipe:
    sodium_memzero(fresh, sizeof fresh);
    return code;
}
