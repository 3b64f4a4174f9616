/* The admin port, asked over a plain socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "server/admin/http.h"
#include "server/metrics.h"

static atomic_bool ready;

static bool is_ready(void *context)
{
    (void)context;
    return atomic_load(&ready);
}

static void write_metrics(void *context, struct encoder *page)
{
    metrics_write(context, page);
    metrics_number(page, "patron_test", "gauge", "A number of this test.", 2.5);
}

struct fixture {
    struct metrics *metrics;
    struct http *http;
    char page[65536];
};

static void open_fixture(struct fixture *fixture)
{
    static const char *const methods[] = {"/test.Test/One", "/test.Test/Two"};
    fixture->metrics = metrics_new(methods, 2);
    struct http_options options = {.listen = "127.0.0.1:0",
        .ready = is_ready,
        .write_metrics = write_metrics,
        .context = fixture->metrics};
    struct error error;
    assert_int_equal(http_start(&options, &fixture->http, &error), PATRON_OK);
}

static void close_fixture(struct fixture *fixture)
{
    http_stop(fixture->http);
    metrics_free(fixture->metrics);
}

/* What comes back for these bytes, until the server closes. */
static const char *ask(struct fixture *fixture, const char *request)
{
    const char *colon = strrchr(http_address(fixture->http), ':');
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(colon + 1, NULL, 10))};
    assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &address.sin_addr), 1);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(connection, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(connection, request, strlen(request)), (ssize_t)strlen(request));
    size_t length = 0;
    ssize_t more;
    while ((more = read(connection, fixture->page + length, sizeof fixture->page - 1 - length)) > 0)
        length += (size_t)more;
    fixture->page[length] = 0;
    close(connection);
    return fixture->page;
}

static const char *get(struct fixture *fixture, const char *path)
{
    char request[256];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n", path);
    return ask(fixture, request);
}

static void readiness_follows_the_server_and_liveness_does_not(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture);
    atomic_store(&ready, false);
    assert_non_null(strstr(get(&fixture, "/livez"), " 200 "));
    assert_non_null(strstr(get(&fixture, "/readyz"), " 503 "));
    atomic_store(&ready, true);
    assert_non_null(strstr(get(&fixture, "/readyz"), " 200 "));
    close_fixture(&fixture);
}

static void metrics_count_calls_by_method_and_status_and_their_time(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture);
    metrics_call_ended(fixture.metrics, 1, 0, 30);
    metrics_call_ended(fixture.metrics, 1, 0, 3000000000);
    metrics_call_ended(fixture.metrics, 1, 14, 60);
    metrics_add(fixture.metrics, METRIC_ROWS_NOW, 500);
    const char *page = get(&fixture, "/metrics");
    assert_non_null(strstr(page, "text/plain; version=0.0.4"));
    static const char *const lines[] = {
        "\npatron_calls_total{method=\"/test.Test/Two\",status=\"OK\"} 2\n",
        "\npatron_calls_total{method=\"/test.Test/Two\",status=\"UNAVAILABLE\"} 1\n",
        "\npatron_call_seconds_bucket{method=\"/test.Test/Two\",le=\"2.5e-05\"} 0\n",
        "\npatron_call_seconds_bucket{method=\"/test.Test/Two\",le=\"5e-05\"} 1\n",
        "\npatron_call_seconds_bucket{method=\"/test.Test/Two\",le=\"0.0001\"} 2\n",
        "\npatron_call_seconds_bucket{method=\"/test.Test/Two\",le=\"+Inf\"} 3\n",
        "\npatron_call_seconds_count{method=\"/test.Test/Two\"} 3\n",
        "\npatron_rows_read_now_total 500\n",
        "\npatron_test 2.5\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (!strstr(page, lines[i]))
            fail_msg("there is no %s in %s", lines[i], page);
    close_fixture(&fixture);
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture);
    assert_non_null(strstr(get(&fixture, "/nothing"), " 404 "));
    assert_non_null(strstr(get(&fixture, "/../../etc/passwd"), " 404 "));
    assert_non_null(strstr(ask(&fixture, "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                                         "Connection: close\r\n\r\nhello"),
        " 405 "));
    (void)ask(&fixture, "this is no HTTP at all\r\n\r\n");
    assert_non_null(strstr(get(&fixture, "/livez"), " 200 "));
    close_fixture(&fixture);
}

static void an_address_in_use_or_of_nobody_is_named(void **state)
{
    (void)state;
    struct fixture fixture;
    open_fixture(&fixture);
    struct http *second;
    struct error error;
    struct http_options options = {.listen = http_address(fixture.http)};
    assert_int_equal(http_start(&options, &second, &error), PATRON_BUSY);
    assert_non_null(strstr(error.text, http_address(fixture.http)));
    static const char *const nobody[] = {"", "7071", "127.0.0.1:", "127.0.0.1:99999", "192.0.2.1:0", "x y:1"};
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        options.listen = nobody[i];
        assert_int_equal(http_start(&options, &second, &error), PATRON_INVALID);
    }
    close_fixture(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readiness_follows_the_server_and_liveness_does_not),
        cmocka_unit_test(metrics_count_calls_by_method_and_status_and_their_time),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(an_address_in_use_or_of_nobody_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
