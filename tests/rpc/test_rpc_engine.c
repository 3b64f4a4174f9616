/* The engine under what clients do to it, with methods made for the purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/base/limits.h"
#include "tests/rpc/client.h"
#include "tests/rpc/serving.h"

enum { POUR_BYTES = 64 * 1024, PATIENCE_MS = 20000 };

static _Atomic uint64_t poured_messages, stops, cancellations, started;
static _Atomic(struct call *) held_call;

/* --- methods ----------------------------------------------------------------------------------------------
 */

static void echo_start(struct call *call, struct bytes request)
{
    atomic_fetch_add(&started, 1);
    call_reply_bytes(call, request);
    call_finish(call, PATRON_OK, NULL);
}

static const struct method echo = {.path = "/test.Test/Echo", .shape = METHOD_UNARY, .start = echo_start};

/* Fails with the words of the request. */
static void fail_start(struct call *call, struct bytes request)
{
    struct error error;
    size_t length = request.length < sizeof error.text ? request.length : sizeof error.text - 1;
    memcpy(error.text, request.data, length);
    error.text[length] = 0;
    call_finish(call, PATRON_CONFLICT, &error);
}

static const struct method fail = {.path = "/test.Test/Fail", .shape = METHOD_UNARY, .start = fail_start};

static void count_stop(struct call *call)
{
    (void)call;
    atomic_fetch_add(&stops, 1);
}

static void count_cancelled(struct call *call)
{
    (void)call;
    atomic_fetch_add(&cancellations, 1);
}

/* Waits in another thread's hands until the test wakes it. */
static void hold_start(struct call *call, struct bytes request)
{
    call->state = call;
    call_reply_bytes(call, request);
    call_hold(call);
    atomic_store(&held_call, call);
}

static void hold_woken(struct call *call)
{
    call_finish(call, PATRON_OK, NULL);
}

static const struct method hold = {
    .path = "/test.Test/Hold",
    .shape = METHOD_UNARY,
    .start = hold_start,
    .woken = hold_woken,
    .cancelled = count_cancelled,
    .stop = count_stop,
};

/* Sends without end, as fast as the client takes it. */
static void pour(struct call *call)
{
    memset(call_reply(call, POUR_BYTES), 'p', POUR_BYTES);
    atomic_fetch_add(&poured_messages, 1);
    call_send(call);
}

static void pour_start(struct call *call, struct bytes request)
{
    (void)request;
    call->state = call;
    pour(call);
}

static const struct method pouring = {
    .path = "/test.Test/Pour",
    .shape = METHOD_SENDS_STREAM,
    .start = pour_start,
    .sent = pour,
    .cancelled = count_cancelled,
    .stop = count_stop,
};

/* Sends every message back. */
static void mirror_start(struct call *call, struct bytes request)
{
    (void)request;
    call->state = call;
    call_read(call);
}

static void mirror_message(struct call *call, struct bytes message)
{
    call_reply_bytes(call, message);
    call_send(call);
}

static void mirror_half_closed(struct call *call)
{
    call_finish(call, PATRON_OK, NULL);
}

static void mirror_drain(struct call *call)
{
    struct error error;
    call_finish(call, error_set(&error, PATRON_BUSY, "going down"), &error);
}

static const struct method mirror = {
    .path = "/test.Test/Mirror",
    .shape = METHOD_STREAMS,
    .start = mirror_start,
    .message = mirror_message,
    .half_closed = mirror_half_closed,
    .sent = call_read,
    .drain = mirror_drain,
    .cancelled = count_cancelled,
    .stop = count_stop,
};

/* Keeps its queue's thread after its answer is out, until the test lets it go. */
static _Atomic uint64_t lingering;
static atomic_bool let_go;

static void linger_start(struct call *call, struct bytes request)
{
    call->state = call;
    call_reply_bytes(call, request);
    call_finish(call, PATRON_OK, NULL);
}

static void linger_stop(struct call *call)
{
    (void)call;
    atomic_store(&lingering, 1);
    for (int i = 0; i < PATIENCE_MS && !atomic_load(&let_go); i++)
        usleep(1000);
}

static const struct method linger = {
    .path = "/test.Test/Linger", .shape = METHOD_UNARY, .start = linger_start, .stop = linger_stop};

/* Takes its time to begin, and says so if the engine had no call left by then. */
static atomic_bool drained;
static _Atomic uint64_t late;

static void dawdle_start(struct call *call, struct bytes request)
{
    atomic_fetch_add(&started, 1);
    for (int i = 0; i < 30 && !atomic_load(&drained); i++)
        usleep(1000);
    atomic_fetch_add(&late, atomic_load(&drained));
    call_reply_bytes(call, request);
    call_finish(call, PATRON_OK, NULL);
}

static const struct method dawdle = {
    .path = "/test.Test/Dawdle", .shape = METHOD_UNARY, .start = dawdle_start};

static const struct method *const methods[] = {&echo, &fail, &hold, &pouring, &mirror, &linger, &dawdle};

static void start_server(struct serving *serving, const struct engine_options *options)
{
    atomic_store(&poured_messages, 0);
    atomic_store(&stops, 0);
    atomic_store(&cancellations, 0);
    atomic_store(&started, 0);
    atomic_store(&held_call, NULL);
    *serving = (struct serving){0};
    serving_start(serving, methods, sizeof methods / sizeof methods[0], options);
}

static bool becomes(_Atomic uint64_t *counter, uint64_t value)
{
    for (int i = 0; i < PATIENCE_MS && atomic_load(counter) != value; i++)
        usleep(1000);
    return atomic_load(counter) == value;
}

static struct call *wait_held(void)
{
    for (int i = 0; i < PATIENCE_MS && !atomic_load(&held_call); i++)
        usleep(1000);
    return atomic_load(&held_call);
}

struct fixture {
    struct serving serving;
    struct client client;
    struct arena arena;
    struct answer answer;
};

static void fixture_start(struct fixture *fixture, const struct engine_options *options)
{
    fixture->arena = (struct arena){0};
    start_server(&fixture->serving, options);
    client_init(&fixture->client, fixture->serving.address, NULL);
}

static void fixture_end(struct fixture *fixture)
{
    client_clear(&fixture->client);
    serving_stop(&fixture->serving);
    arena_clear(&fixture->arena);
}

static void call_with(struct fixture *fixture, const char *path, struct bytes request, int timeout_ms)
{
    client_call(&fixture->client, path, request, timeout_ms, &fixture->arena, &fixture->answer);
}

/* --- tests ------------------------------------------------------------------------------------------------
 */

static void test_a_reply_of_any_size_comes_back_whole(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, NULL);
    static const size_t sizes[] = {0, 1, 22, 23, 24, 1000, 70000, 5000000};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint8_t *data = arena_alloc(&fixture.arena, sizes[i]);
        memset(data, (int)i, sizes[i]);
        call_with(&fixture, "/test.Test/Echo", bytes_of(data, sizes[i]), 0);
        assert_int_equal(fixture.answer.status, GRPC_STATUS_OK);
        assert_true(bytes_equal(fixture.answer.reply, bytes_of(data, sizes[i])));
    }
    fixture_end(&fixture);
}

static void test_an_unknown_method_is_refused_at_once_by_its_name(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, NULL);
    for (int i = 0; i < 20; i++) {
        call_with(&fixture, "/test.Test/Nothing", bytes_of("x", 1), 5000);
        assert_int_equal(fixture.answer.status, GRPC_STATUS_UNIMPLEMENTED);
        assert_non_null(strstr(fixture.answer.words, "/test.Test/Nothing"));
    }
    fixture_end(&fixture);
}

static void test_a_request_past_the_limit_never_reaches_a_method(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, NULL);
    size_t length = REQUEST_BYTES_MAX + 1;
    call_with(&fixture, "/test.Test/Echo", bytes_of(arena_alloc(&fixture.arena, length), length), 0);
    assert_int_equal(fixture.answer.status, GRPC_STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(atomic_load(&started), 0);
    fixture_end(&fixture);
}

static void test_a_compressed_request_is_refused_unseen(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, NULL);
    struct client squeezing;
    client_init(&squeezing, fixture.serving.address, &(struct client_options){.gzip = true});
    size_t length = 100000;
    client_call(&squeezing, "/test.Test/Echo", bytes_of(arena_alloc(&fixture.arena, length), length), 5000,
        &fixture.arena, &fixture.answer);
    client_clear(&squeezing);
    assert_int_equal(fixture.answer.status, GRPC_STATUS_UNIMPLEMENTED);
    assert_int_equal(atomic_load(&started), 0);
    fixture_end(&fixture);
}

static void test_words_of_a_failure_are_cut_to_what_a_trailer_holds_and_stay_utf8(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, NULL);
    char words[3000];
    for (size_t i = 0; i < sizeof words; i += 2)
        words[i] = '\xc3', words[i + 1] = '\xa9'; /* é */
    call_with(&fixture, "/test.Test/Fail", bytes_of(words, sizeof words), 5000);
    assert_int_equal(fixture.answer.status, GRPC_STATUS_ALREADY_EXISTS);
    size_t length = strlen(fixture.answer.words);
    assert_in_range(length, 1000, ERROR_TEXT_MAX);
    assert_true(bytes_are_utf8(bytes_of(fixture.answer.words, length)));
    call_with(&fixture, "/test.Test/Fail", bytes_of("\xff\xfe is no text", 14), 5000);
    assert_string_equal(fixture.answer.words, "?? is no text");
    fixture_end(&fixture);
}

static void test_a_held_call_is_answered_when_it_is_woken(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, NULL);
    struct client_stream stream;
    client_open(&fixture.client, "/test.Test/Hold", 0, &stream);
    assert_true(client_send(&stream, bytes_of("later", 5)));
    client_half_close(&stream);
    struct call *call = wait_held();
    assert_non_null(call);
    assert_false(call_is_over(call));
    call_wake(call);
    struct bytes reply;
    assert_true(client_read(&stream, &fixture.arena, &reply));
    assert_true(bytes_is(reply, "later"));
    client_finish(&stream, &fixture.answer);
    assert_int_equal(fixture.answer.status, GRPC_STATUS_OK);
    assert_true(becomes(&stops, 1));
    fixture_end(&fixture);
}

static void test_a_deadline_ends_a_held_call_which_stops_when_it_is_given_back(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, NULL);
    call_with(&fixture, "/test.Test/Hold", bytes_of("x", 1), 100);
    assert_int_equal(fixture.answer.status, GRPC_STATUS_DEADLINE_EXCEEDED);
    struct call *call = wait_held();
    assert_true(becomes(&cancellations, 1));
    assert_true(call_is_over(call));
    assert_int_equal(atomic_load(&stops), 0);
    call_wake(call);
    assert_true(becomes(&stops, 1));
    fixture_end(&fixture);
}

static void test_calls_past_the_cap_are_shed_and_those_after_it_are_served(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, &(struct engine_options){.calls_max = 1});
    struct client_stream stream;
    client_open(&fixture.client, "/test.Test/Hold", 0, &stream);
    assert_true(client_send(&stream, bytes_of("x", 1)));
    client_half_close(&stream);
    struct call *call = wait_held();
    call_with(&fixture, "/test.Test/Echo", bytes_of("x", 1), 5000);
    assert_int_equal(fixture.answer.status, GRPC_STATUS_RESOURCE_EXHAUSTED);
    assert_int_equal(atomic_load(&started), 0);
    call_wake(call);
    client_finish(&stream, &fixture.answer);
    assert_true(becomes(&stops, 1));
    for (int i = 0; i < PATIENCE_MS && engine_calls(fixture.serving.engine); i++)
        usleep(1000);
    call_with(&fixture, "/test.Test/Echo", bytes_of("x", 1), 5000);
    assert_int_equal(fixture.answer.status, GRPC_STATUS_OK);
    fixture_end(&fixture);
}

static void test_a_stream_is_answered_message_by_message_until_half_close(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, NULL);
    struct client_stream stream;
    client_open(&fixture.client, "/test.Test/Mirror", 0, &stream);
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(client_send(&stream, bytes_of(&i, sizeof i)));
        struct bytes back;
        assert_true(client_read(&stream, &fixture.arena, &back));
        assert_true(bytes_equal(back, bytes_of(&i, sizeof i)));
    }
    client_half_close(&stream);
    struct bytes none;
    assert_false(client_read(&stream, &fixture.arena, &none));
    client_finish(&stream, &fixture.answer);
    assert_int_equal(fixture.answer.status, GRPC_STATUS_OK);
    assert_true(becomes(&stops, 1));
    fixture_end(&fixture);
}

static void test_a_reader_that_does_not_read_stalls_the_sender(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, NULL);
    struct client slow;
    client_init(&slow, fixture.serving.address, &(struct client_options){.small_window = true});
    struct client_stream stream;
    client_open(&slow, "/test.Test/Pour", 0, &stream);
    assert_true(client_send(&stream, bytes_of("", 0)));
    client_half_close(&stream);
    uint64_t before = UINT64_MAX;
    for (int i = 0; i < 100 && (before == 0 || before != atomic_load(&poured_messages)); i++) {
        before = atomic_load(&poured_messages);
        usleep(200000);
    }
    assert_int_equal(before, atomic_load(&poured_messages));
    assert_in_range(before, 1, 16); /* a window of 256 KiB and what is on its way */
    struct bytes message;
    for (int i = 0; i < 50; i++)
        assert_true(client_read(&stream, &fixture.arena, &message));
    for (int i = 0; i < PATIENCE_MS && atomic_load(&poured_messages) <= 50; i++)
        usleep(1000);
    assert_true(atomic_load(&poured_messages) > 50);
    client_cancel(&stream);
    client_finish(&stream, &fixture.answer);
    assert_int_equal(fixture.answer.status, GRPC_STATUS_CANCELLED);
    assert_true(becomes(&cancellations, 1));
    assert_true(becomes(&stops, 1));
    client_clear(&slow);
    fixture_end(&fixture);
}

static void test_each_cancelled_stream_stops_exactly_once(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, NULL);
    static const char *const paths[] = {"/test.Test/Mirror", "/test.Test/Pour"};
    for (uint64_t i = 0; i < 100; i++) {
        struct client_stream stream;
        client_open(&fixture.client, paths[i % 2], 0, &stream);
        (void)client_send(&stream, bytes_of("x", 1));
        struct bytes message;
        if (i % 3)
            (void)client_read(&stream, &fixture.arena, &message);
        client_cancel(&stream);
        client_finish(&stream, &fixture.answer);
        arena_reset(&fixture.arena);
    }
    for (int i = 0; i < PATIENCE_MS && engine_calls(fixture.serving.engine); i++)
        usleep(1000);
    assert_int_equal(engine_calls(fixture.serving.engine), 0);
    assert_in_range(
        atomic_load(&stops), 60, 100); /* a stream may be cancelled before the server has seen it */
    fixture_end(&fixture);
}

static void test_a_second_server_on_the_same_port_is_told_that_it_is_in_use(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, NULL);
    struct engine_options options = {
        .metrics = fixture.serving.services.metrics, .listen = fixture.serving.address};
    struct engine *second = NULL;
    struct error error;
    assert_int_equal(engine_start(&options, &second, &error), PATRON_BUSY);
    assert_non_null(strstr(error.text, "in use"));
    options.listen = "nowhere.invalid.:1";
    assert_int_equal(engine_start(&options, &second, &error), PATRON_INVALID);
    options.listen = "";
    assert_int_equal(engine_start(&options, &second, &error), PATRON_INVALID);
    call_with(&fixture, "/test.Test/Echo", bytes_of("x", 1), 5000);
    assert_int_equal(fixture.answer.status, GRPC_STATUS_OK);
    fixture_end(&fixture);
}

static void test_several_addresses_are_served_a_unix_socket_among_them(void **state)
{
    (void)state;
    char listen[256];
    snprintf(listen, sizeof listen, "127.0.0.1:0,unix:/tmp/patron-test-%d.sock,[::1]:0", (int)getpid());
    struct fixture fixture;
    fixture_start(&fixture, &(struct engine_options){.listen = listen, .queues = 2});
    char *rest = fixture.serving.address;
    int count = 0;
    for (char *address; (address = strsep(&rest, ",")) != NULL; count++) {
        struct client client;
        client_init(&client, address, NULL);
        client_call(&client, "/test.Test/Echo", bytes_of("x", 1), 5000, &fixture.arena, &fixture.answer);
        assert_int_equal(fixture.answer.status, GRPC_STATUS_OK);
        client_clear(&client);
    }
    assert_int_equal(count, 3);
    fixture_end(&fixture);
}

static void test_a_shutdown_drains_streams_and_waits_for_what_is_held(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_start(&fixture, NULL);
    struct client_stream idle, held;
    client_open(&fixture.client, "/test.Test/Mirror", 0, &idle);
    assert_true(client_send(&idle, bytes_of("x", 1)));
    struct bytes message;
    assert_true(client_read(&idle, &fixture.arena, &message));
    client_open(&fixture.client, "/test.Test/Hold", 0, &held);
    assert_true(client_send(&held, bytes_of("x", 1)));
    client_half_close(&held);
    struct call *call = wait_held();
    assert_false(serving_drain(&fixture.serving, 100));
    client_finish(&idle, &fixture.answer);
    assert_int_equal(fixture.answer.status, GRPC_STATUS_UNAVAILABLE);
    assert_string_equal(fixture.answer.words, "going down");
    call_wake(call);
    assert_true(client_read(&held, &fixture.arena, &message));
    client_finish(&held, &fixture.answer);
    assert_int_equal(fixture.answer.status, GRPC_STATUS_OK);
    serving_stop(&fixture.serving);
    client_clear(&fixture.client);
    arena_clear(&fixture.arena);
}

/* Core is down as soon as the connections are, though a queue may still hold a call that its thread has not
 * taken up. Only a queue other than the first shows it, for that one gets core's word: connections fall to the
 * queues in turn. */
static void test_a_call_that_waits_behind_a_busy_thread_keeps_the_engine_from_being_drained(void **state)
{
    (void)state;
    uint64_t taken_up = 0;
    for (int run = 0; run < 10; run++) {
        struct fixture fixture;
        struct client second;
        atomic_store(&lingering, 0);
        atomic_store(&let_go, false);
        atomic_store(&drained, false);
        atomic_store(&late, 0);
        fixture_start(&fixture, &(struct engine_options){.queues = 2});
        call_with(&fixture, "/test.Test/Echo", bytes_of("x", 1), 0);
        client_init(&second, fixture.serving.address, NULL);
        client_call(&second, "/test.Test/Linger", bytes_of("x", 1), 0, &fixture.arena, &fixture.answer);
        assert_int_equal(fixture.answer.status, GRPC_STATUS_OK);
        assert_true(becomes(&lingering, 1));
        struct client_stream waiting;
        client_open(&second, "/test.Test/Dawdle", 0, &waiting);
        assert_true(client_send(&waiting, bytes_of("x", 1)));
        client_half_close(&waiting);
        usleep(20000); /* the call comes to the queue; if it is late, this run shows nothing */
        assert_false(serving_drain(&fixture.serving, 1));
        engine_cancel(fixture.serving.engine);
        client_finish(&waiting, &fixture.answer);
        usleep(20000); /* the same for core's word that it is down */
        atomic_store(&let_go, true);
        assert_true(serving_drain(&fixture.serving, PATIENCE_MS));
        atomic_store(&drained, true);
        usleep(5000); /* for one that begins too late */
        assert_int_equal(atomic_load(&late), 0);
        taken_up += atomic_load(&started) - 1; /* less the echo */
        client_clear(&second);
        fixture_end(&fixture);
    }
    assert_true(taken_up > 0);
}

/* --- shutdown under load ----------------------------------------------------------------------------------
 */

struct load {
    pthread_t thread;
    const char *address;
    atomic_bool *end;
    uint64_t answered;
};

static void *load_run(void *argument)
{
    struct load *load = argument;
    struct client client;
    struct arena arena = {0};
    client_init(&client, load->address, NULL);
    while (!atomic_load(load->end)) {
        struct answer answer;
        client_call(&client, "/test.Test/Echo", bytes_of("x", 1), 5000, &arena, &answer);
        if (answer.status != GRPC_STATUS_OK)
            break;
        load->answered++;
        arena_reset(&arena);
    }
    client_clear(&client);
    arena_clear(&arena);
    return NULL;
}

static void test_a_hundred_shutdowns_under_load_end_in_order(void **state)
{
    (void)state;
    enum { LOADS = 3, RUNS = 100 };
    uint64_t answered = 0;
    for (unsigned run = 0; run < RUNS; run++) {
        struct serving serving;
        start_server(&serving, &(struct engine_options){.queues = 1 + run % 3, .slots = 1 + run % 4});
        atomic_bool end = false;
        struct load loads[LOADS];
        for (int i = 0; i < LOADS; i++) {
            loads[i] = (struct load){.address = serving.address, .end = &end};
            CHECK(pthread_create(&loads[i].thread, NULL, load_run, &loads[i]) == 0);
        }
        usleep(1000 * (run % 15));
        serving_stop(&serving);
        atomic_store(&end, true);
        for (int i = 0; i < LOADS; i++) {
            pthread_join(loads[i].thread, NULL);
            answered += loads[i].answered;
        }
    }
    assert_true(answered > RUNS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reply_of_any_size_comes_back_whole),
        cmocka_unit_test(test_an_unknown_method_is_refused_at_once_by_its_name),
        cmocka_unit_test(test_a_request_past_the_limit_never_reaches_a_method),
        cmocka_unit_test(test_a_compressed_request_is_refused_unseen),
        cmocka_unit_test(test_words_of_a_failure_are_cut_to_what_a_trailer_holds_and_stay_utf8),
        cmocka_unit_test(test_a_held_call_is_answered_when_it_is_woken),
        cmocka_unit_test(test_a_deadline_ends_a_held_call_which_stops_when_it_is_given_back),
        cmocka_unit_test(test_calls_past_the_cap_are_shed_and_those_after_it_are_served),
        cmocka_unit_test(test_a_stream_is_answered_message_by_message_until_half_close),
        cmocka_unit_test(test_a_reader_that_does_not_read_stalls_the_sender),
        cmocka_unit_test(test_each_cancelled_stream_stops_exactly_once),
        cmocka_unit_test(test_a_second_server_on_the_same_port_is_told_that_it_is_in_use),
        cmocka_unit_test(test_several_addresses_are_served_a_unix_socket_among_them),
        cmocka_unit_test(test_a_shutdown_drains_streams_and_waits_for_what_is_held),
        cmocka_unit_test(test_a_call_that_waits_behind_a_busy_thread_keeps_the_engine_from_being_drained),
        cmocka_unit_test(test_a_hundred_shutdowns_under_load_end_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
