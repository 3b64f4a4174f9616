/* key_file: the store's secret key, in a file of its own beside the data.
 *
 * The file holds STORE_KEY_BYTES bytes as they are, readable by its owner only. It may be a symbolic link.
 * Failure: PATRON_PRECONDITION, in words an operator can act on; PATRON_NOT_FOUND: there is no such file. */
#ifndef PATRON_WORK_KEY_FILE_H
#define PATRON_WORK_KEY_FILE_H

#include "store/store.h"

enum patron_code key_file_read(
    const char *path, uint8_t key[STORE_KEY_BYTES], struct error *error) MUST_CHECK;
/* Makes the file, mode 0600, of random bytes, whole or not at all, and on disk when this returns. One that is there
 * already is never overwritten: it is read instead. */
enum patron_code key_file_make(
    const char *path, uint8_t key[STORE_KEY_BYTES], struct error *error) MUST_CHECK;

#endif
