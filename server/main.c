/* patrond: parses the settings, wires database, gRPC and admin, and waits. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/admin/http.h"
#include "server/admin/shutdown.h"
#include "server/check_definitions.h"
#include "server/figures.h"
#include "server/log.h"
#include "server/methods/services.h"
#include "server/metrics.h"
#include "server/rpc/engine.h"
#include "server/settings.h"
#include "server/work/database.h"
#include "store/base/limits.h"
#include "store/definitions/builtin/builtin.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, METHODS_MAX = 64 };

#define MIB (UINT64_C(1024) * 1024)

struct server {
    struct settings settings;
    struct database *database;
    struct services services;
    struct engine *engine;
    struct http *http;
    struct shutdown *shutdown;
};

/* --- callbacks --------------------------------------------------------------------------------------------
 */

static bool is_ready(void *context)
{
    struct server *server = context;
    return health_serving(server->services.health);
}

static void write_metrics(void *context, struct encoder *page)
{
    struct server *server = context;
    metrics_write(server->services.metrics, page);
    metrics_number(
        page, "patron_calls_under_way", "gauge", "Calls under way.", (double)engine_calls(server->engine));
    figures_write(server->database, page);
}

static void not_ready(void *context)
{
    struct server *server = context;
    health_set(server->services.health, false);
}

static void shut(void *context)
{
    struct server *server = context;
    engine_shutdown(server->engine);
}

static void cancel(void *context)
{
    struct server *server = context;
    engine_cancel(server->engine);
}

static void drained(void *context)
{
    struct server *server = context;
    shutdown_drained(server->shutdown);
}

/* Opening may take long after a crash. A signal that comes meanwhile ends the process at once: nothing is
 * served yet, and the store is as it would be after a crash. */
static void opening(void *context, const char *what, uint64_t done, uint64_t total)
{
    (void)context;
    sigset_t pending;
    if (sigpending(&pending) == 0 &&
        (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1)) {
        log_write(LEVEL_WARN, "ended before it was ready", NULL);
        _exit(EXIT_FAILED);
    }
    log_write(LEVEL_INFO, "opening", "what", what, "done", log_number((int64_t)done).text, "of",
        log_number((int64_t)total).text, NULL);
}

/* Not an exit: nothing of this process may touch the store any more, not even by closing it. */
static void cannot_write(void *context, const struct error *error)
{
    (void)context;
    log_write(LEVEL_ERROR, "the store can no longer be written: stopping", "why", error->text, NULL);
    _exit(EXIT_FAILED);
}

static void notice(void *context, const char *words)
{
    (void)context;
    log_write(LEVEL_WARN, words, NULL);
}

/* --- opening ----------------------------------------------------------------------------------------------
 */

static enum patron_code read_file(const char *path, size_t bytes_max, struct encoder *to, struct error *error)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return error_set(error, PATRON_NOT_FOUND, "cannot read %s: %s", path, strerrordesc_np(errno));
    enum patron_code code = PATRON_OK;
    char piece[65536];
    ssize_t length;
    while (code == PATRON_OK && (length = read(file, piece, sizeof piece)) != 0) {
        if (length < 0)
            code = error_set(error, PATRON_IO, "cannot read %s: %s", path, strerrordesc_np(errno));
        else if (to->length + (size_t)length > bytes_max)
            code = error_set(error, PATRON_INVALID, "%s is larger than %zu bytes", path, bytes_max);
        else
            encode_raw(to, piece, (size_t)length);
    }
    close(file);
    return code;
}

/* A file's text, or that of one that comes with the program. */
static enum patron_code read_definitions(const char *name, struct encoder *to, struct error *error)
{
    struct bytes text;
    if (builtin_is_named(name)) {
        TRY(builtin_find(name, &text, error));
        encode_raw(to, text.data, text.length);
        return PATRON_OK;
    }
    enum patron_code code = read_file(name, DEFINITIONS_BYTES_MAX, to, error);
    if (code == PATRON_OK && to->length == 0)
        code = error_set(error, PATRON_INVALID, "%s is empty", name);
    if (code != PATRON_OK)
        encoder_clear(to);
    return code;
}

static enum patron_code print_definitions(const char *name, struct error *error)
{
    struct encoder text = {0};
    TRY(read_definitions(name, &text, error));
    bool written = fwrite(text.data, 1, text.length, stdout) == text.length && fflush(stdout) == 0;
    encoder_clear(&text);
    return written ? PATRON_OK
                   : error_set(error, PATRON_IO, "cannot write the definitions: %s", strerrordesc_np(errno));
}

static enum patron_code open_database(struct server *server, struct error *error)
{
    const struct settings *settings = &server->settings;
    struct encoder definitions = {0};
    if (settings->definitions)
        TRY(read_definitions(settings->definitions, &definitions, error));
    struct database_options options = {
        .directory = settings->data,
        .key_file = settings->key,
        .definitions_text = encoder_borrow(&definitions),
        .profile_cache_bytes = (uint64_t)settings->profile_cache_mib * MIB,
        .kv_cache_bytes = (uint64_t)settings->kv_cache_mib * MIB,
        .memtable_bytes = (uint64_t)settings->memtable_mib * MIB,
        .clock_jump_max_us = settings->clock_jump_max_s * MICROSECONDS_PER_SECOND,
        .event_ahead_max_us = settings->event_ahead_max_s * MICROSECONDS_PER_SECOND,
        .group_events_max = (size_t)settings->group_events_max,
        .write_back_ms = (unsigned)settings->write_back_ms,
        .worker_threads = (size_t)settings->workers,
        .measure_minutes = (unsigned)settings->measure_minutes,
        .progress = opening,
        .fatal = cannot_write,
        .notice = notice,
        .context = server,
    };
    /* Before the first thing that may take long: reading back what the last run had not written to files yet. */
    log_write(LEVEL_INFO, "opening", "data", settings->data, NULL);
    enum patron_code code = database_open(&options, &server->database, error);
    encoder_clear(&definitions);
    if (code == PATRON_INVALID && settings->definitions && strncmp(error->text, "line ", 5) == 0)
        return error_prefix(error, code, "%s: ", settings->definitions);
    return code;
}

static const struct method *const *choose_methods(const struct server *server, size_t *count)
{
    return server->settings.reflection ? methods_all(count) : methods_without_reflection(count);
}

static enum patron_code open_services(struct server *server, struct error *error)
{
    struct services *services = &server->services;
    size_t count;
    const struct method *const *methods = choose_methods(server, &count);
    static const char *paths[METHODS_MAX];
    CHECK(count < METHODS_MAX);
    for (size_t i = 0; i < count; i++)
        paths[i] = methods[i]->path;
    paths[count] = "unknown";
    services->port = database_port(server->database);
    services->metrics = metrics_new(paths, count + 1);
    services->health = health_new();
    services->version = PATRON_VERSION;
    return server->settings.reflection ? reflection_new(&services->reflection, error) : PATRON_OK;
}

static enum patron_code open_engine(struct server *server, struct error *error)
{
    const struct settings *settings = &server->settings;
    struct engine_options options = {
        .services = &server->services,
        .metrics = server->services.metrics,
        .listen = settings->listen,
        .queues = (unsigned)settings->grpc_threads,
        .slots = (unsigned)settings->grpc_slots,
        .calls_max = (uint64_t)settings->calls_max,
        .request_bytes_max = (uint64_t)settings->request_mib_max * MIB,
        .streams_max = (int)settings->streams_max,
        .keepalive_ms = (int)settings->keepalive_s * 1000,
        .handshake_ms = (int)settings->handshake_s * 1000,
        .connection_age_ms = (int)settings->connection_age_s * 1000,
        .drained = drained,
        .context = server,
    };
    options.methods = choose_methods(server, &options.method_count);
    return engine_start(&options, &server->engine, error);
}

static enum patron_code open_http(struct server *server, struct error *error)
{
    struct http_options options = {.listen = server->settings.admin,
        .ready = is_ready,
        .write_metrics = write_metrics,
        .context = server};
    return strcmp(options.listen, "off") == 0 ? PATRON_OK : http_start(&options, &server->http, error);
}

/* For scripts: whole or not there, so that whoever waits for the file may read it at once. */
static enum patron_code write_ready_file(
    const char *path, const char *listen, const char *admin, struct error *error)
{
    char unfinished[1024];
    int length = snprintf(unfinished, sizeof unfinished, "%s.new", path);
    if (length < 0 || (size_t)length >= sizeof unfinished)
        return error_set(error, PATRON_INVALID, "the ready file's name is too long");
    FILE *file = fopen(unfinished, "we");
    if (!file)
        return error_set(
            error, PATRON_IO, "cannot write the ready file %s: %s", path, strerrordesc_np(errno));
    fprintf(file, "listen=%s\nadmin=%s\n", listen, admin);
    if (fclose(file) != 0 || rename(unfinished, path) != 0)
        return error_set(
            error, PATRON_IO, "cannot write the ready file %s: %s", path, strerrordesc_np(errno));
    return PATRON_OK;
}

static enum patron_code announce(struct server *server, struct error *error)
{
    const char *listen = engine_addresses(server->engine);
    const char *admin = server->http ? http_address(server->http) : "off";
    health_set(server->services.health, true);
    if (server->settings.ready_file)
        TRY(write_ready_file(server->settings.ready_file, listen, admin, error));
    log_write(LEVEL_INFO, "ready", "listen", listen, "admin", admin, "data", server->settings.data, "version",
        PATRON_VERSION, "pid", log_number(getpid()).text, NULL);
    return PATRON_OK;
}

/* --- the whole --------------------------------------------------------------------------------------------
 */

/* Opens all there is and serves until a signal. What was opened is closed by whoever called, also after a
 * failure. */
static enum patron_code serve(struct server *server, struct error *error)
{
    TRY(open_database(server, error));
    TRY(open_services(server, error));
    struct shutdown_options options = {
        .drain_delay_ms = (uint64_t)server->settings.drain_delay_ms,
        .grace_ms = (uint64_t)server->settings.grace_ms,
        .not_ready = not_ready,
        .shut = shut,
        .cancel = cancel,
        .context = server,
    };
    server->shutdown = shutdown_new(&options);
    TRY(open_engine(server, error));
    enum patron_code code = open_http(server, error);
    if (code == PATRON_OK)
        code = announce(server, error);
    if (code != PATRON_OK)
        raise(SIGTERM); /* blocked until shutdown_wait: what serves already goes down as it always does */
    shutdown_wait(server->shutdown);
    return code;
}

static void close_all(struct server *server)
{
    http_stop(server->http);
    engine_free(server->engine);
    database_close(server->database);
    shutdown_free(server->shutdown);
    reflection_free(server->services.reflection);
    health_free(server->services.health);
    metrics_free(server->services.metrics);
}

static bool choose_log_level(const char *name)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0) {
            log_set_level((enum log_level)i);
            return true;
        }
    return false;
}

int main(int argument_count, char **arguments)
{
    extern char **environ;
    static struct server server;
    struct error error;
    enum patron_code code =
        settings_read(&server.settings, argument_count - 1, arguments + 1, environ, &error);
    if (code == PATRON_OK && server.settings.help) {
        settings_print_help(stdout);
        return EXIT_DONE;
    }
    if (code == PATRON_OK && server.settings.version) {
        puts("patrond " PATRON_VERSION);
        return EXIT_DONE;
    }
    if (code == PATRON_OK && server.settings.definitions_schema) {
        print_definitions_schema();
        return fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
    }
    if (code == PATRON_OK && server.settings.check_definitions)
        return check_definitions(server.settings.check_definitions) && fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
    if (code == PATRON_OK && !choose_log_level(server.settings.log_level))
        code = error_set(&error, PATRON_INVALID, "--log-level is '%.50s'; it is debug, info, warn or error",
            server.settings.log_level);
    if (code != PATRON_OK) {
        fprintf(stderr, "patrond: %s\n", error.text);
        return EXIT_USAGE;
    }
    if (server.settings.print_definitions) {
        code = print_definitions(server.settings.print_definitions, &error);
        if (code != PATRON_OK)
            fprintf(stderr, "patrond: %s\n", error.text);
        return code == PATRON_OK ? EXIT_DONE : EXIT_FAILED;
    }
    umask(077); /* customers' data and sockets are the server's alone */
    sigaction(SIGPIPE, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    code = serve(&server, &error);
    close_all(&server);
    if (code != PATRON_OK)
        log_write(LEVEL_ERROR, "cannot serve", "why", error.text, NULL);
    else
        log_write(LEVEL_INFO, "down", NULL);
    return code == PATRON_OK ? EXIT_DONE : EXIT_FAILED;
}
