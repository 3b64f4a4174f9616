#include "client/sorter.h"

#include <sqlite3.h>

#include "store/base/arena.h"

struct sorter {
    sqlite3 *database;
    sqlite3_stmt *insert;
    sqlite3_stmt *select;
};

static enum patron_code sorter_failed(struct sorter *sorter, struct error *error)
{
    return error_set(error, PATRON_IO,
        "cannot sort in a temporary file (set SQLITE_TMPDIR to a disk with room): %s",
        sqlite3_errmsg(sorter->database));
}

/* The cache bounds memory: the table's pages and the sorter's runs each take at most that much, the rest goes to disk.
 * Nothing is to survive this process, so there is no journal and no sync. */
static const char setup[] =
    "PRAGMA page_size = 16384; PRAGMA cache_size = -65536; PRAGMA journal_mode = OFF;"
    "PRAGMA synchronous = OFF; PRAGMA temp_store = FILE; PRAGMA locking_mode = EXCLUSIVE;"
    "CREATE TABLE rows (time INTEGER, key BLOB, payload BLOB); BEGIN";

enum patron_code sorter_open(struct sorter **opened, struct error *error)
{
    struct sorter *sorter = memory_alloc(sizeof *sorter);
    /* The empty name is SQLite's for a private temporary file. */
    if (sqlite3_open("", &sorter->database) != SQLITE_OK ||
        sqlite3_exec(sorter->database, setup, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(sorter->database, "INSERT INTO rows VALUES (?1, ?2, ?3)", -1, &sorter->insert,
            NULL) != SQLITE_OK) {
        enum patron_code code = sorter_failed(sorter, error);
        sorter_close(sorter);
        return code;
    }
    *opened = sorter;
    return PATRON_OK;
}

void sorter_close(struct sorter *sorter)
{
    if (!sorter)
        return;
    sqlite3_finalize(sorter->insert);
    sqlite3_finalize(sorter->select);
    sqlite3_close(sorter->database);
    memory_free(sorter);
}

enum patron_code sorter_add(
    struct sorter *sorter, int64_t time_us, struct bytes key, struct bytes payload, struct error *error)
{
    CHECK(!sorter->select);
    sqlite3_bind_int64(sorter->insert, 1, time_us);
    sqlite3_bind_blob64(sorter->insert, 2, key.data, key.length, SQLITE_STATIC);
    sqlite3_bind_blob64(sorter->insert, 3, payload.data, payload.length, SQLITE_STATIC);
    int status = sqlite3_step(sorter->insert);
    sqlite3_reset(sorter->insert);
    return status == SQLITE_DONE ? PATRON_OK : sorter_failed(sorter, error);
}

enum patron_code sorter_start(struct sorter *sorter, struct error *error)
{
    if (sqlite3_exec(sorter->database, "COMMIT", NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(sorter->database, "SELECT time, key, payload FROM rows ORDER BY time, key, rowid",
            -1, &sorter->select, NULL) != SQLITE_OK)
        return sorter_failed(sorter, error);
    return PATRON_OK;
}

enum patron_code sorter_next(struct sorter *sorter, struct sorter_row *row, struct error *error)
{
    *row = (struct sorter_row){0};
    switch (sqlite3_step(sorter->select)) {
    case SQLITE_DONE:
        row->end = true;
        return PATRON_OK;
    case SQLITE_ROW:
        row->time_us = sqlite3_column_int64(sorter->select, 0);
        row->key =
            bytes_of(sqlite3_column_blob(sorter->select, 1), (size_t)sqlite3_column_bytes(sorter->select, 1));
        row->payload =
            bytes_of(sqlite3_column_blob(sorter->select, 2), (size_t)sqlite3_column_bytes(sorter->select, 2));
        return PATRON_OK;
    default:
        return sorter_failed(sorter, error);
    }
}
