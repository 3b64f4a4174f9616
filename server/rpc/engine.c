#include "server/rpc/engine.h"

#include <grpc/grpc_security.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/log.h"
#include "server/rpc/call.h"
#include "server/rpc/grpc_log.h"
#include "server/rpc/handover.h"
#include "store/base/limits.h"

enum { METADATA_BYTES_MAX = 16 * 1024, PING_INTERVAL_MIN_MS = 10000, KEEPALIVE_TIMEOUT_MS = 20000 };

/* --- threads ----------------------------------------------------------------------------------------------
 */

void engine_check_drained(struct engine *engine)
{
    /* Core may be down while an ACCEPT that it published waits in a queue: the call in it is not counted yet.
     * Armed before calls: a call is counted among the calls before its request no longer is among the armed,
     * and at zero nothing is left that could arm another. */
    if (!atomic_load(&engine->shut_down) || atomic_load(&engine->armed) != 0 ||
        atomic_load(&engine->calls) != 0)
        return;
    if (!atomic_exchange(&engine->drained_said, true) && engine->options.drained)
        engine->options.drained(engine->options.context);
}

static void *queue_run(void *argument)
{
    struct rpc_queue *queue = argument;
    for (;;) {
        grpc_event event =
            grpc_completion_queue_next(queue->completions, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
        if (event.type == GRPC_QUEUE_SHUTDOWN)
            return NULL;
        CHECK(event.type == GRPC_OP_COMPLETE);
        struct rpc_tag *tag = event.tag;
        handover_take(tag);
        CHECK(tag->magic == RPC_TAG_MAGIC);
        if (tag->operation == OPERATION_SHUTDOWN) {
            atomic_store(&queue->engine->shut_down, true);
            engine_check_drained(queue->engine);
        } else {
            rpc_call_completed(tag, event.success != 0);
        }
    }
}

/* gRPC starts threads of its own in grpc_init and later: they inherit the mask of whoever makes them. */
static void block_signals(sigset_t *before)
{
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, before);
}

static void start_threads(struct engine *engine)
{
    for (unsigned i = 0; i < engine->queue_count; i++) {
        struct rpc_queue *queue = &engine->queues[i];
        /* A process that gets no thread at its start has no use. */
        CHECK(pthread_create(&queue->thread, NULL, queue_run, queue) == 0);
        char name[16];
        snprintf(name, sizeof name, "grpc-%u", i);
        pthread_setname_np(queue->thread, name);
    }
}

/* --- listening --------------------------------------------------------------------------------------------
 */

/* gRPC unlinks a socket file that is in its way, even one that a server listens on. */
static bool unix_socket_answers(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);
    if (length >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, length);
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (probe < 0)
        return false;
    int connected = connect(probe, (const struct sockaddr *)&address, sizeof address);
    close(probe);
    return connected == 0;
}

static enum patron_code listen_failed(const char *address, const char *why, struct error *error)
{
    if (strstr(why, "already in use"))
        return error_set(error, PATRON_BUSY,
            "cannot listen on %s: the address is in use by another process; stop that or choose another "
            "address",
            address);
    return error_set(error, PATRON_INVALID,
        "cannot listen on %s: it is no address of this machine, or needs more rights; say host:port or "
        "unix:/path",
        address);
}

static void addresses_add(struct engine *engine, const char *address, int port)
{
    size_t used = strlen(engine->addresses);
    const char *colon = strrchr(address, ':');
    bool numbered = strncmp(address, "unix", 4) != 0 && colon;
    int host_length = numbered ? (int)(colon - address) : (int)strlen(address);
    snprintf(engine->addresses + used, sizeof engine->addresses - used, "%s%.*s", used ? "," : "",
        host_length, address);
    used = strlen(engine->addresses);
    if (numbered)
        snprintf(engine->addresses + used, sizeof engine->addresses - used, ":%d", port);
}

static enum patron_code listen_on(struct engine *engine, const char *address, struct error *error)
{
    if (strncmp(address, "unix:", 5) == 0 && unix_socket_answers(address + 5))
        return listen_failed(address, "already in use", error);
    grpc_server_credentials *plain = grpc_insecure_server_credentials_create();
    grpc_log_keep();
    int port = grpc_server_add_http2_port(engine->server, address, plain);
    const char *why = grpc_log_kept();
    grpc_server_credentials_release(plain);
    if (port == 0)
        return listen_failed(address, why, error);
    addresses_add(engine, address, port);
    return PATRON_OK;
}

static enum patron_code listen_on_all(struct engine *engine, struct error *error)
{
    const char *rest = engine->options.listen;
    for (size_t count = 0; *rest; count++) {
        size_t length = strcspn(rest, ",");
        char address[256];
        if (count == ENGINE_ADDRESSES_MAX || length == 0 || length >= sizeof address)
            return error_set(error, PATRON_INVALID,
                "cannot listen on '%.200s': at most %d addresses, commas between", engine->options.listen,
                ENGINE_ADDRESSES_MAX);
        memcpy(address, rest, length);
        address[length] = 0;
        TRY(listen_on(engine, address, error));
        rest += length + (rest[length] == ',');
    }
    if (!engine->addresses[0])
        return error_set(error, PATRON_INVALID, "no address to listen on");
    return PATRON_OK;
}

/* --- start ------------------------------------------------------------------------------------------------
 */

static void fill_defaults(struct engine_options *options)
{
    if (options->queues == 0) {
        /* A client on the same two cores is served best by one thread; see the measurements of the benchmark.
         */
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        options->queues = cores > 2 ? (unsigned)cores / 2 : 1;
    }
    if (options->queues > ENGINE_QUEUES_MAX)
        options->queues = ENGINE_QUEUES_MAX;
    if (options->slots == 0)
        options->slots = 8;
    if (options->calls_max == 0)
        options->calls_max = 4096;
    if (options->request_bytes_max == 0)
        options->request_bytes_max = UINT64_C(256) * 1024 * 1024;
    if (options->streams_max == 0)
        options->streams_max = 1000;
    if (options->keepalive_ms == 0)
        options->keepalive_ms = 60000;
    if (options->handshake_ms == 0)
        options->handshake_ms = 10000;
}

static grpc_arg integer_arg(const char *name, int value)
{
    grpc_arg arg = {.type = GRPC_ARG_INTEGER, .key = (char *)(uintptr_t)name};
    arg.value.integer = value;
    return arg;
}

static grpc_server *server_new(const struct engine_options *options)
{
    grpc_arg args[] = {
        /* Otherwise a second server shares the port silently. */
        integer_arg(GRPC_ARG_ALLOW_REUSEPORT, 0),
        integer_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, REQUEST_BYTES_MAX),
        integer_arg(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, -1),
        integer_arg(GRPC_ARG_MAX_METADATA_SIZE, METADATA_BYTES_MAX),
        /* Identity only: core inflates a message in full before it looks at its size. */
        integer_arg(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1 << GRPC_COMPRESS_NONE),
        integer_arg(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0),
        integer_arg(GRPC_ARG_ENABLE_PER_MESSAGE_DECOMPRESSION, 0),
        integer_arg(GRPC_ARG_MAX_CONCURRENT_STREAMS, options->streams_max),
        integer_arg(GRPC_ARG_KEEPALIVE_TIME_MS, options->keepalive_ms),
        integer_arg(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, KEEPALIVE_TIMEOUT_MS),
        integer_arg(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1),
        integer_arg(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, PING_INTERVAL_MIN_MS),
        integer_arg(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, options->handshake_ms),
        integer_arg(GRPC_ARG_MAX_CONNECTION_AGE_MS,
            options->connection_age_ms ? options->connection_age_ms : INT32_MAX),
    };
    grpc_channel_args channel_args = {sizeof args / sizeof args[0], args};
    return grpc_server_create(&channel_args, NULL);
}

static void register_methods(struct engine *engine)
{
    size_t count = engine->options.method_count;
    engine->methods = memory_alloc((count + 1) * sizeof engine->methods[0]);
    for (size_t i = 0; i < count; i++) {
        const struct method *method = engine->options.methods[i];
        grpc_server_register_method_payload_handling payload =
            method->shape == METHOD_STREAMS ? GRPC_SRM_PAYLOAD_NONE
                                            : GRPC_SRM_PAYLOAD_READ_INITIAL_BYTE_BUFFER;
        void *registered = grpc_server_register_method(engine->server, method->path, NULL, payload, 0);
        CHECK(registered != NULL); /* null: two methods of one path */
        engine->methods[i] = (struct rpc_method){method, registered, i};
    }
    engine->methods[count] = (struct rpc_method){NULL, NULL, count};
}

static void arm_all(struct engine *engine)
{
    for (unsigned i = 0; i < engine->queue_count; i++)
        for (size_t j = 0; j <= engine->options.method_count; j++)
            for (unsigned k = 0; k < engine->options.slots; k++)
                rpc_call_arm(&engine->queues[i], &engine->methods[j]);
}

/* A server that never served: nothing is armed, so that shutting down is over at once. */
static void abandon(struct engine *engine)
{
    grpc_completion_queue *completions = engine->queues[0].completions;
    grpc_server_shutdown_and_notify(engine->server, completions, &engine->shutdown_tag);
    grpc_event event = grpc_completion_queue_next(completions, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    CHECK(event.tag == &engine->shutdown_tag);
    grpc_server_destroy(engine->server);
    for (unsigned i = 0; i < engine->queue_count; i++) {
        grpc_completion_queue_shutdown(engine->queues[i].completions);
        while (grpc_completion_queue_next(
                   engine->queues[i].completions, gpr_inf_future(GPR_CLOCK_REALTIME), NULL)
                   .type != GRPC_QUEUE_SHUTDOWN)
            continue;
        grpc_completion_queue_destroy(engine->queues[i].completions);
    }
    pthread_rwlock_destroy(&engine->arming);
    memory_free(engine->methods);
    memory_free(engine);
    grpc_shutdown();
}

enum patron_code engine_start(
    const struct engine_options *options, struct engine **engine, struct error *error)
{
    sigset_t signals;
    block_signals(&signals);
    grpc_log_route();
    grpc_init();
    struct engine *made = memory_alloc(sizeof *made);
    CHECK(pthread_rwlock_init(&made->arming, NULL) == 0);
    made->options = *options;
    fill_defaults(&made->options);
    made->shutdown_tag = (struct rpc_tag){RPC_TAG_MAGIC, OPERATION_SHUTDOWN, NULL};
    made->server = server_new(&made->options);
    made->queue_count = made->options.queues;
    for (unsigned i = 0; i < made->queue_count; i++) {
        made->queues[i].engine = made;
        made->queues[i].completions = grpc_completion_queue_create_for_next(NULL);
        grpc_server_register_completion_queue(made->server, made->queues[i].completions, NULL);
    }
    register_methods(made);
    enum patron_code code = listen_on_all(made, error);
    if (code == PATRON_OK) {
        grpc_server_start(made->server);
        arm_all(made);
        start_threads(made);
        *engine = made;
    } else {
        abandon(made);
    }
    pthread_sigmask(SIG_SETMASK, &signals, NULL);
    return code;
}

const char *engine_addresses(const struct engine *engine)
{
    return engine->addresses;
}

uint64_t engine_calls(const struct engine *engine)
{
    return atomic_load_explicit(&engine->calls, memory_order_relaxed);
}

/* --- end --------------------------------------------------------------------------------------------------
 */

void engine_shutdown(struct engine *engine)
{
    CHECK(!atomic_exchange(&engine->stopping, true));
    handover_give(&engine->shutdown_tag);
    /* Core fails the requests that it holds, and all that come later; one that is on its way into core would
     * be neither, and never come back. */
    pthread_rwlock_wrlock(&engine->arming);
    grpc_server_shutdown_and_notify(engine->server, engine->queues[0].completions, &engine->shutdown_tag);
    pthread_rwlock_unlock(&engine->arming);
}

void engine_cancel(struct engine *engine)
{
    CHECK(atomic_load(&engine->stopping));
    grpc_server_cancel_all_calls(engine->server);
}

void engine_free(struct engine *engine)
{
    if (!engine)
        return;
    CHECK(atomic_load(&engine->drained_said));
    grpc_server_destroy(engine->server);
    for (unsigned i = 0; i < engine->queue_count; i++)
        grpc_completion_queue_shutdown(engine->queues[i].completions);
    for (unsigned i = 0; i < engine->queue_count; i++)
        pthread_join(engine->queues[i].thread, NULL);
    for (unsigned i = 0; i < engine->queue_count; i++) {
        rpc_queue_clear(&engine->queues[i]);
        grpc_completion_queue_destroy(engine->queues[i].completions);
    }
    pthread_rwlock_destroy(&engine->arming);
    memory_free(engine->methods);
    memory_free(engine);
    grpc_shutdown();
}
