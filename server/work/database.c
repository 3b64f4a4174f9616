#include "server/work/database.h"

#include "server/work/disk.h"
#include "server/work/identity.h"
#include "server/work/key_file.h"
#include "server/work/matcher.h"
#include "server/work/measurer.h"
#include "server/work/refiller.h"
#include "server/work/views.h"
#include "server/work/workers.h"
#include "store/versions/versions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct database {
    struct port port; /* first: the port is the database */
    uint8_t key[STORE_KEY_BYTES];
    char directory[PATH_MAX]; /* empty: none was given */
    char store_directory[PATH_MAX];
    char scratch_directory[PATH_MAX];
    struct kv *kv;
    bool kv_is_own;
    struct profile_cache *cache;
    struct store *store;
    struct clock *clock;
    struct views *views;
    struct writer *writer;
    struct workers *workers;
    struct refiller *refiller;
    struct measurer *measurer;
    struct identity_work *identity;
    struct matcher *matcher;
    uint64_t disk_reserve_bytes;
};

/* --- the directory ------------------------------------------------------------------------------------- */

static enum patron_code path_of(char *path, const char *folder, const char *name, struct error *error)
{
    if ((size_t)snprintf(path, PATH_MAX, "%s%s", folder, name) >= PATH_MAX)
        return error_set(error, PATRON_INVALID, "the path of the data directory is too long");
    return PATRON_OK;
}

static enum patron_code make_folder(const char *path, struct error *error)
{
    if (mkdir(path, S_IRWXU) == 0)
        return PATRON_OK;
    int reason = errno;
    struct stat facts;
    if (reason == EEXIST && stat(path, &facts) == 0 && S_ISDIR(facts.st_mode))
        return PATRON_OK;
    if (reason == ENOENT)
        return error_set(
            error, PATRON_PRECONDITION, "cannot make '%s': the folder it is to lie in does not exist", path);
    return error_set(error, PATRON_PRECONDITION, "cannot make '%s': %s", path,
        reason == EEXIST ? "a file of that name is there" : strerror(reason));
}

static bool is_entry(const struct dirent *entry)
{
    return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static bool folder_has_entries(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    bool found = false;
    for (const struct dirent *entry; !found && (entry = readdir(folder));)
        found = is_entry(entry);
    closedir(folder);
    return found;
}

/* What a process before left behind when it was killed: files only, made by the snapshots' sorter. */
static enum patron_code empty_folder(const char *path, struct error *error)
{
    DIR *folder = opendir(path);
    if (!folder)
        return error_set(error, PATRON_PRECONDITION, "cannot read '%s': %s", path, strerror(errno));
    enum patron_code code = PATRON_OK;
    for (const struct dirent *entry; code == PATRON_OK && (entry = readdir(folder));)
        if (is_entry(entry) && unlinkat(dirfd(folder), entry->d_name, 0) != 0)
            code = error_set(error, PATRON_PRECONDITION, "cannot remove '%s/%s': %s", path, entry->d_name,
                strerror(errno));
    closedir(folder);
    return code;
}

static enum patron_code name_directories(
    struct database *database, const struct database_options *options, struct error *error)
{
    size_t length = strlen(options->directory);
    if (length == 0)
        return error_set(error, PATRON_INVALID, "the data directory has no name");
    TRY(path_of(database->directory, options->directory, "", error));
    while (length > 1 && database->directory[length - 1] == '/')
        database->directory[--length] = '\0';
    TRY(path_of(database->store_directory, database->directory, "/store", error));
    return path_of(database->scratch_directory, database->directory, "/scratch", error);
}

/* A first start that cannot succeed leaves nothing behind: what would be refused later is refused before anything is
 * made. */
static enum patron_code check_first_definitions(
    const struct database *database, struct bytes text, struct error *error)
{
    if (folder_has_entries(database->store_directory))
        return PATRON_OK;
    if (text.length == 0)
        return error_set(error, PATRON_PRECONDITION,
            "there is no store in '%s', and a new store needs definitions: give a file with --definitions",
            database->directory);
    const struct definitions *definitions;
    TRY(definitions_parse(text, NULL, 1, false, &definitions, error));
    definitions_release(definitions);
    return PATRON_OK;
}

/* --- the key ------------------------------------------------------------------------------------------- */

/* A key is made for a new store only. What is there already was hashed with a key, and only that one reads it. */
static enum patron_code get_key(
    struct database *database, const struct database_options *options, struct error *error)
{
    char path[PATH_MAX];
    if (options->key_file)
        TRY(path_of(path, options->key_file, "", error));
    else
        TRY(path_of(path, database->directory, ".key", error));
    char inside[PATH_MAX];
    TRY(path_of(inside, database->directory, "/", error));
    if (strncmp(path, inside, strlen(inside)) == 0)
        return error_set(error, PATRON_PRECONDITION,
            "the key file '%s' lies in the data directory: keep it elsewhere, so that a copy of the data "
            "names nobody",
            path);
    enum patron_code code = key_file_read(path, database->key, error);
    if (code != PATRON_NOT_FOUND)
        return code;
    if (folder_has_entries(database->store_directory))
        return error_set(error, PATRON_PRECONDITION,
            "the store in '%s' is there, but its key file '%s' is missing: put the key back from where it is "
            "kept, or "
            "name its place with --key",
            database->directory, path);
    return key_file_make(path, database->key, error);
}

/* --- the port ------------------------------------------------------------------------------------------ */

static struct database *of_port(struct port *port)
{
    return (struct database *)port;
}

static const struct view *port_view_acquire(struct port *port, int64_t *as_of_us)
{
    return views_acquire(of_port(port)->views, as_of_us);
}

static void port_view_release(struct port *port, const struct view *view)
{
    views_release(of_port(port)->views, view);
}

static enum patron_code port_ingest(struct port *port, struct ingest_batch *batch, struct error *error)
{
    return writer_enqueue(of_port(port)->writer, batch, error);
}

static enum patron_code port_run(
    struct port *port, void (*work)(void *argument), void *argument, struct error *error)
{
    return workers_run(of_port(port)->workers, work, argument, error);
}

static void port_status(struct port *port, struct server_status *status)
{
    struct database *database = of_port(port);
    struct writer_figures figures;
    writer_figures(database->writer, &figures);
    *status = (struct server_status){
        .newest_known_at_us = views_position_us(database->views),
        .clock_us = clock_now(database->clock),
        .machine_clock_us = clock_machine(database->clock),
        .clock_jumped = clock_check(database->clock, NULL) != PATRON_OK,
        .figures = figures.store,
    };
}

static enum patron_code port_confirm_clock(struct port *port, int64_t *clock_us, struct error *error)
{
    (void)error;
    *clock_us = clock_confirm(of_port(port)->clock);
    return PATRON_OK;
}

static const char *port_scratch_directory(struct port *port)
{
    struct database *database = of_port(port);
    return database->directory[0] ? database->scratch_directory : NULL;
}

/* Known as of now, where answers of now are given; before, history is loaded, and its clock is not ours. */
struct defining {
    struct database *database;
    const struct definitions *next;
    bool supersede;
    bool serves;
};

static enum patron_code define(void *context, struct error *error)
{
    struct defining *defining = context;
    struct database *database = defining->database;
    struct store *store = database->store;
    TRY(clock_check(database->clock, error));
    if (database->directory[0])
        TRY(disk_check(database->directory, database->disk_reserve_bytes, error));
    bool live = store_answered_until(store) != INT64_MIN;
    TRY(store_define(
        store, defining->next, live ? clock_now(database->clock) : INT64_MIN, defining->supersede, error));
    defining->serves = !store_is_refilling(store);
    views_publish(database->views);
    return PATRON_OK;
}

static enum patron_code port_define(struct port *port, const struct definitions *next,
    struct define_outcome *outcome, struct error *error)
{
    struct database *database = of_port(port);
    struct refill_progress progress;
    refiller_progress(database->refiller, &progress);
    /* One that cannot be filled must not stand in the way. */
    struct defining defining = {
        .database = database, .next = next, .supersede = progress.phase == REFILL_FAILED};
    TRY(writer_run(database->writer, define, &defining, error));
    outcome->serves = defining.serves;
    refiller_begin(database->refiller);
    return PATRON_OK;
}

static void port_refill_begin(struct port *port)
{
    refiller_begin(of_port(port)->refiller);
}

struct dropping {
    struct database *database;
    uint32_t number;
};

static enum patron_code drop_version(void *context, struct error *error)
{
    struct dropping *dropping = context;
    TRY(store_version_drop(dropping->database->store, dropping->number, error));
    views_publish(dropping->database->views);
    return PATRON_OK;
}

static enum patron_code port_version_drop(struct port *port, uint32_t number, struct error *error)
{
    struct dropping dropping = {of_port(port), number};
    return writer_run(of_port(port)->writer, drop_version, &dropping, error);
}

static void port_refill_progress(struct port *port, struct refill_progress *progress)
{
    refiller_progress(of_port(port)->refiller, progress);
}

static void port_refill_watch(struct port *port, struct refill_watcher *watcher)
{
    refiller_watch(of_port(port)->refiller, watcher);
}

static bool port_refill_unwatch(struct port *port, struct refill_watcher *watcher)
{
    return refiller_unwatch(of_port(port)->refiller, watcher);
}

static enum patron_code port_change(struct port *port,
    enum patron_code (*work)(struct store *store, void *context, struct error *error), void *context,
    struct error *error)
{
    return identity_change(of_port(port)->identity, work, context, error);
}

static enum patron_code port_measure(
    struct port *port, bool fresh, struct census *census, struct error *error)
{
    return measurer_measure(of_port(port)->measurer, fresh, census, error);
}

static enum patron_code port_split(struct port *port, struct split *split, const atomic_bool *cancelled,
    struct split_outcome *outcome, struct error *error)
{
    return identity_split(of_port(port)->identity, split, cancelled, outcome, error);
}

static enum patron_code port_train(
    struct port *port, const struct train_watch *watch, struct model_entry *entry, struct error *error)
{
    return matcher_train(of_port(port)->matcher, watch, entry, error);
}

static void port_matching_status(struct port *port, struct matching_status *status)
{
    matcher_status(of_port(port)->matcher, status);
}

static const struct port_functions port_functions = {
    .view_acquire = port_view_acquire,
    .view_release = port_view_release,
    .ingest = port_ingest,
    .run = port_run,
    .status = port_status,
    .confirm_clock = port_confirm_clock,
    .scratch_directory = port_scratch_directory,
    .define = port_define,
    .refill_begin = port_refill_begin,
    .version_drop = port_version_drop,
    .refill_progress = port_refill_progress,
    .refill_watch = port_refill_watch,
    .refill_unwatch = port_refill_unwatch,
    .measure = port_measure,
    .train = port_train,
    .matching_status = port_matching_status,
    .change = port_change,
    .split = port_split,
};

/* --- opening and closing ------------------------------------------------------------------------------- */

static enum patron_code open_engine(
    struct database *database, const struct database_options *options, struct error *error)
{
    if (options->kv) {
        CHECK(options->key);
        memcpy(database->key, options->key, STORE_KEY_BYTES);
        database->kv = options->kv;
        if (!options->directory)
            return PATRON_OK;
        TRY(name_directories(database, options, error));
        return make_folder(database->directory, error);
    }
    TRY(name_directories(database, options, error));
    TRY(check_first_definitions(database, options->definitions_text, error));
    TRY(make_folder(database->directory, error));
    TRY(get_key(database, options, error));
    struct kv_rocksdb_options engine = {
        .directory = database->store_directory,
        .cache_bytes = options->kv_cache_bytes,
        .memtable_bytes = options->memtable_bytes,
    };
    TRY(kv_rocksdb_open(&engine, &database->kv, error));
    database->kv_is_own = true;
    return PATRON_OK;
}

static enum patron_code open_store(
    struct database *database, const struct database_options *options, struct error *error)
{
    database->cache = profile_cache_new(options->profile_cache_bytes);
    struct store_options store = {
        .kv = database->kv,
        .definitions_text = options->definitions_text,
        .key = database->key,
        .home = profile_cache_home(database->cache),
        .event_ahead_max_us = options->event_ahead_max_us,
        .progress = options->progress,
        .progress_context = options->context,
        .refills_later = true,
        .notice = options->notice,
        .notice_context = options->context,
    };
    return store_open(&store, &database->store, error);
}

static enum patron_code start_background(
    struct database *database, const struct database_options *options, struct error *error)
{
    const char *directory = database->directory[0] ? database->directory : NULL;
    struct refiller_options refiller = {
        .store = database->store,
        .views = database->views,
        .writer = database->writer,
        .directory = directory,
        .disk_reserve_bytes = options->disk_reserve_bytes,
        .notice = options->notice,
        .context = options->context,
    };
    TRY(refiller_new(&refiller, &database->refiller, error));
    struct identity_options identity = {
        .store = database->store,
        .views = database->views,
        .clock = database->clock,
        .writer = database->writer,
        .directory = directory,
        .disk_reserve_bytes = options->disk_reserve_bytes,
        .notice = options->notice,
        .context = options->context,
    };
    TRY(identity_work_new(&identity, &database->identity, error));
    struct matcher_options matcher = {
        .store = database->store,
        .views = database->views,
        .writer = database->writer,
        .identity = database->identity,
        .directory = directory,
        .disk_reserve_bytes = options->disk_reserve_bytes,
        .notice = options->notice,
        .context = options->context,
    };
    TRY(matcher_new(&matcher, &database->matcher, error));
    struct measurer_options measurer = {
        .views = database->views,
        .clock = database->clock,
        .every_ms = options->measure_minutes * UINT64_C(60000),
        .notice = options->notice,
        .context = options->context,
    };
    return measurer_new(&measurer, &database->measurer, error);
}

static enum patron_code start_work(
    struct database *database, const struct database_options *options, struct error *error)
{
    struct clock_options clock = {
        .source = options->clock_source,
        .jump_max_us = options->clock_jump_max_us,
        .newest_known_at_us = store_newest_known_at(database->store),
        .answered_until_us = store_answered_until(database->store),
    };
    database->clock = clock_new(&clock);
    struct views_options views = {
        .store = database->store, .clock = database->clock, .cache = database->cache};
    database->views = views_new(&views);
    struct workers_options workers = {.threads = options->worker_threads};
    TRY(workers_new(&workers, &database->workers, error));
    struct writer_options writer = {
        .store = database->store,
        .views = database->views,
        .clock = database->clock,
        .cache = database->cache,
        .group_events_max = options->group_events_max,
        .directory = database->directory[0] ? database->directory : NULL,
        .disk_reserve_bytes = options->disk_reserve_bytes,
        .write_back_ms = options->write_back_ms,
        .fatal = options->fatal,
        .notice = options->notice,
        .context = options->context,
    };
    TRY(writer_new(&writer, &database->writer, error));
    database->disk_reserve_bytes = options->disk_reserve_bytes;
    return start_background(database, options, error);
}

enum patron_code database_open(
    const struct database_options *options, struct database **database, struct error *error)
{
    struct database *made = memory_alloc(sizeof *made);
    made->port.functions = &port_functions;
    CHECK(options->directory || options->kv);
    CHECK(options->fatal);
    enum patron_code code = open_engine(made, options, error);
    /* Only now is it sure that no other process uses the directory. */
    if (code == PATRON_OK && made->directory[0])
        code = make_folder(made->scratch_directory, error);
    if (code == PATRON_OK && made->directory[0])
        code = empty_folder(made->scratch_directory, error);
    if (code == PATRON_OK)
        code = open_store(made, options, error);
    if (code == PATRON_OK)
        code = start_work(made, options, error);
    if (code != PATRON_OK) {
        database_close(made);
        return code;
    }
    *database = made;
    return PATRON_OK;
}

/* Workers first, for they hold views and may send events, and the refiller, which does the same; then the writer, which
 * shows views; then what they stood on. */
void database_close(struct database *database)
{
    if (!database)
        return;
    measurer_call_off(database->measurer);
    matcher_call_off(database->matcher);
    workers_stop(database->workers);
    measurer_stop(database->measurer);
    matcher_stop(database->matcher);
    identity_work_stop(database->identity);
    refiller_stop(database->refiller);
    if (database->writer)
        writer_stop(database->writer);
    writer_free(database->writer);
    views_free(database->views);
    clock_free(database->clock);
    store_close(database->store);
    profile_cache_free(database->cache);
    if (database->kv_is_own)
        kv_close(database->kv);
    sodium_memzero(database->key, sizeof database->key);
    memory_free(database);
}

struct port *database_port(struct database *database)
{
    return &database->port;
}

const struct definitions *database_definitions(const struct database *database)
{
    return store_definitions(database->store);
}

void database_figures(struct database *database, struct database_figures *figures)
{
    *figures = (struct database_figures){
        .newest_known_at_us = views_position_us(database->views),
        .answered_us = views_answered_us(database->views),
        .work_queued = workers_queued(database->workers),
    };
    writer_figures(database->writer, &figures->writer);
    refiller_progress(database->refiller, &figures->refill);
    profile_cache_figures(database->cache, &figures->cache);
    kv_statistics(database->kv, &figures->kv);
    figures->measured = measurer_last(database->measurer, &figures->census);
}
