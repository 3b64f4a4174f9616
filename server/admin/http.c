#include "server/admin/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/log.h"
#include "store/base/arena.h"

enum { CONNECTIONS_MAX = 64, IDLE_SECONDS_MAX = 10, BACKLOG = 64, HOST_BYTES_MAX = 256 };

struct http {
    struct http_options options;
    struct MHD_Daemon *daemon;
    char address[HOST_BYTES_MAX + 16];
};

/* --- pages ------------------------------------------------------------------------------------------------
 */

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
    struct bytes body, const char *allow)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.length, (void *)(uintptr_t)body.data, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (allow)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status, const char *text)
{
    return answer(connection, status, "text/plain; charset=utf-8", bytes_from_string(text), NULL);
}

static enum MHD_Result answer_metrics(struct http *http, struct MHD_Connection *connection)
{
    struct encoder page = {0};
    http->options.write_metrics(http->options.context, &page);
    enum MHD_Result result = answer(
        connection, MHD_HTTP_OK, "text/plain; version=0.0.4; charset=utf-8", encoder_borrow(&page), NULL);
    encoder_clear(&page);
    return result;
}

static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_size, void **state)
{
    struct http *http = context;
    (void)version;
    (void)upload;
    (void)state;
    if (*upload_size) { /* nothing here takes a body: it is read and dropped */
        *upload_size = 0;
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain; charset=utf-8",
            bytes_from_string("only GET and HEAD here\n"), "GET, HEAD");
    if (strcmp(url, "/livez") == 0)
        return answer_text(connection, MHD_HTTP_OK, "ok\n");
    if (strcmp(url, "/readyz") == 0) {
        bool ready = http->options.ready(http->options.context);
        return answer_text(
            connection, ready ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, ready ? "ok\n" : "not ready\n");
    }
    if (strcmp(url, "/metrics") == 0)
        return answer_metrics(http, connection);
    return answer_text(connection, MHD_HTTP_NOT_FOUND, "there are /livez, /readyz and /metrics\n");
}

static void PRINTF_LIKE(2, 0) take_log(void *context, const char *format, va_list arguments)
{
    (void)context;
    char line[512];
    vsnprintf(line, sizeof line, format, arguments);
    log_write(LEVEL_DEBUG, "http", "says", line, NULL); /* of what clients do wrong, mostly */
}

/* --- listening --------------------------------------------------------------------------------------------
 */

/* "host:port", "[::1]:port" or ":port" in its parts. */
static bool split_address(const char *listen, char *host, char *port)
{
    const char *colon = strrchr(listen, ':');
    if (!colon || colon - listen >= HOST_BYTES_MAX || strlen(colon + 1) > 5 || !colon[1])
        return false;
    if (strtol(colon + 1, NULL, 10) > UINT16_MAX) /* which the resolver would take, modulo 65,536 */
        return false;
    size_t length = (size_t)(colon - listen);
    if (length >= 2 && listen[0] == '[' && listen[length - 1] == ']') {
        listen++;
        length -= 2;
    }
    memcpy(host, listen, length);
    host[length] = 0;
    snprintf(port, 6, "%s", colon + 1);
    return true;
}

static enum patron_code listen_on(
    const struct addrinfo *address, const char *name, int *listener, struct error *error)
{
    static const int on = 1;
    int made = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (made < 0)
        return error_set(error, PATRON_IO, "cannot make a socket for %s: %s", name, strerrordesc_np(errno));
    setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(made, address->ai_addr, address->ai_addrlen) != 0 || listen(made, BACKLOG) != 0) {
        int why = errno;
        close(made);
        return error_set(error, why == EADDRINUSE ? PATRON_BUSY : PATRON_INVALID,
            "cannot listen on %s (the admin address): %s", name, strerrordesc_np(why));
    }
    *listener = made;
    return PATRON_OK;
}

static int port_of(int listener)
{
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    char port[6];
    CHECK(getsockname(listener, (struct sockaddr *)&name, &length) == 0);
    if (getnameinfo((struct sockaddr *)&name, length, NULL, 0, port, sizeof port, NI_NUMERICSERV) != 0)
        return 0;
    return (int)strtol(port, NULL, 10);
}

static enum patron_code open_listener(struct http *http, int *listener, struct error *error)
{
    char host[HOST_BYTES_MAX], port[6];
    const char *name = http->options.listen;
    if (!split_address(name, host, port))
        return error_set(error, PATRON_INVALID, "the admin address '%.100s' is not host:port", name);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int failure = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
    if (failure != 0)
        return error_set(
            error, PATRON_INVALID, "the admin address '%.100s': %s", name, gai_strerror(failure));
    enum patron_code code = listen_on(found, name, listener, error);
    freeaddrinfo(found);
    if (code == PATRON_OK)
        snprintf(http->address, sizeof http->address, strchr(host, ':') ? "[%s]:%d" : "%s:%d", host,
            port_of(*listener));
    return code;
}

enum patron_code http_start(const struct http_options *options, struct http **http, struct error *error)
{
    struct http *made = memory_alloc(sizeof *made);
    made->options = *options;
    int listener = -1;
    enum patron_code code = open_listener(made, &listener, error);
    if (code != PATRON_OK) {
        memory_free(made);
        return code;
    }
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    made->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, handle, made, MHD_OPTION_EXTERNAL_LOGGER, take_log, NULL, MHD_OPTION_LISTEN_SOCKET,
        listener, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_SECONDS_MAX, MHD_OPTION_END);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!made->daemon) {
        close(listener);
        memory_free(made);
        return error_set(error, PATRON_IO, "the HTTP server does not start");
    }
    *http = made;
    return PATRON_OK;
}

const char *http_address(const struct http *http)
{
    return http->address;
}

void http_stop(struct http *http)
{
    if (!http)
        return;
    MHD_stop_daemon(http->daemon); /* closes the listener too */
    memory_free(http);
}
