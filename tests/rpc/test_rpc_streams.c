/* Ingest, Snapshot, Verify, status, health and reflection against a whole server in one process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "grpc/health/v1/health.pb-c.h"
#include "grpc/reflection/v1/reflection.pb-c.h"
#include "store/base/limits.h"
#include "tests/rpc/shop.h"

#define INGEST "/patron.v1.Ingestion/Ingest"
#define SNAPSHOT "/patron.v1.Snapshots/Snapshot"
#define WATCH "/grpc.health.v1.Health/Watch"

enum { PATIENCE_MS = 20000 };

static const int64_t spring_us = INT64_C(1775000000) * 1000000;
static const int64_t day_us = 86400 * INT64_C(1000000);

static void wait_no_calls(struct shop *shop)
{
    for (int i = 0; i < PATIENCE_MS && engine_calls(shop->serving.engine); i++)
        usleep(1000);
    assert_int_equal(engine_calls(shop->serving.engine), 0);
    for (int i = 0; i < PATIENCE_MS && atomic_load(&shop->serving.services.background); i++)
        usleep(1000);
    assert_int_equal(atomic_load(&shop->serving.services.background), 0);
}

static void finish(struct shop *shop, struct client_stream *stream, int status, const char *words)
{
    client_finish(stream, &shop->answer);
    if (shop->answer.status != status || !strstr(shop->answer.words, words))
        fail_msg("%d: %s (wanted %d: %s)", shop->answer.status, shop->answer.words, status, words);
}

/* --- Ingest -----------------------------------------------------------------------------------------------
 */

static Patron__V1__IngestResponse *read_ingest(struct shop *shop, struct client_stream *stream)
{
    struct bytes reply;
    assert_true(client_read(stream, &shop->arena, &reply));
    Patron__V1__IngestResponse *response =
        patron__v1__ingest_response__unpack(NULL, reply.length, reply.data);
    assert_non_null(response);
    return response;
}

static void test_many_batches_under_way_are_answered_in_order(void **state)
{
    (void)state;
    enum { BATCHES = 60, EVENTS = 40 };
    struct shop shop;
    shop_open(&shop, NULL);
    struct client_stream stream;
    client_open(&shop.client, INGEST, 0, &stream);
    for (uint64_t i = 0; i < BATCHES; i++) {
        struct order orders[EVENTS];
        for (uint64_t j = 0; j < EVENTS; j++)
            orders[j] = (struct order){i * EVENTS + j, j, spring_us + (int64_t)j, 1000000, "web"};
        assert_true(client_send(&stream, shop_batch(&shop, 1000 + i, orders, EVENTS)));
    }
    client_half_close(&stream);
    int64_t known_at_us = INT64_MIN;
    for (uint64_t i = 0; i < BATCHES; i++) {
        Patron__V1__IngestResponse *response = read_ingest(&shop, &stream);
        assert_int_equal(response->batch, 1000 + i);
        assert_int_equal(response->applied, EVENTS);
        assert_true(response->known_at_us >= known_at_us);
        known_at_us = response->known_at_us;
        patron__v1__ingest_response__free_unpacked(response, NULL);
    }
    finish(&shop, &stream, GRPC_STATUS_OK, "");
    shop_close(&shop);
}

static void test_each_event_of_a_batch_has_its_own_fate(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    struct order orders[] = {{1, 1, spring_us, 1000000, NULL}, {2, 1, spring_us, 2000000, NULL}};
    shop_ingest(&shop, orders, 1);
    struct client_stream stream;
    client_open(&shop.client, INGEST, 0, &stream);
    struct bytes bytes = shop_batch(&shop, 5, orders, 2);
    Patron__V1__IngestRequest *request = patron__v1__ingest_request__unpack(NULL, bytes.length, bytes.data);
    /* The second time: the first is there already, and a copy of it says something else; one has no value;
     * one no type. */
    Patron__V1__Event other = *request->events[0], hollow = *request->events[1],
                      typeless = *request->events[1];
    other.time_us++;
    Patron__V1__Attribute nothing = PATRON__V1__ATTRIBUTE__INIT;
    nothing.name = (char *)(uintptr_t) "amount";
    Patron__V1__Attribute *attributes[] = {&nothing};
    hollow.attributes = attributes;
    hollow.n_attributes = 1;
    typeless.type = (char *)(uintptr_t) "nothing";
    /* What is applied was known long ago, and its second number is one more than a customer may have. */
    Patron__V1__Event rich = *request->events[1];
    rich.identifiers = shop_identifiers(&shop, 1, 3);
    rich.n_identifiers = 3;
    rich.identifiers[1]->type = rich.identifiers[2]->type = (char *)(uintptr_t) "customer_id";
    rich.clock_case = PATRON__V1__EVENT__CLOCK_KNOWN_AT_US;
    rich.known_at_us = spring_us;
    Patron__V1__Event *events[] = {&hollow, request->events[0], &other, &typeless, &rich, &hollow};
    Patron__V1__IngestRequest mixed = *request;
    mixed.events = events;
    mixed.n_events = 6;
    assert_true(client_send(&stream, client_pack(&mixed, &shop.arena)));
    client_half_close(&stream);
    Patron__V1__IngestResponse *response = read_ingest(&shop, &stream);
    assert_int_equal(response->applied, 1);
    assert_int_equal(response->duplicates, 1);
    assert_int_equal(response->n_refusals, 4);
    assert_int_equal(response->known_late, 1);
    assert_int_equal(response->identifiers_dropped, 2);
    static const uint32_t places[] = {0, 2, 3, 5};
    static const char *const codes[] = {"invalid", "conflict", "invalid", "invalid"};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(response->refusals[i]->index, places[i]);
        assert_string_equal(response->refusals[i]->code, codes[i]);
        assert_true(response->refusals[i]->reason[0]);
    }
    patron__v1__ingest_response__free_unpacked(response, NULL);
    patron__v1__ingest_request__free_unpacked(request, NULL);
    finish(&shop, &stream, GRPC_STATUS_OK, "");
    shop_close(&shop);
}

static void test_a_batch_that_is_none_ends_the_stream_after_those_before_it_are_answered(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    struct order order = {1, 1, spring_us, 1000000, NULL};
    struct client_stream stream;
    client_open(&shop.client, INGEST, 0, &stream);
    assert_true(client_send(&stream, shop_batch(&shop, 1, &order, 1)));
    assert_true(client_send(&stream, bytes_of("\x0a", 1)));
    Patron__V1__IngestResponse *response = read_ingest(&shop, &stream);
    assert_int_equal(response->applied, 1);
    patron__v1__ingest_response__free_unpacked(response, NULL);
    finish(&shop, &stream, GRPC_STATUS_INVALID_ARGUMENT, "malformed");

    client_open(&shop.client, INGEST, 0, &stream);
    enum { TOO_MANY = INGEST_BATCH_EVENTS_MAX + 1 };
    struct order *orders = arena_array(&shop.arena, TOO_MANY, sizeof orders[0]);
    (void)client_send(&stream, shop_batch(&shop, 2, orders, TOO_MANY));
    finish(&shop, &stream, GRPC_STATUS_INVALID_ARGUMENT, "10001 events; at most 10000");
    shop_close(&shop);
}

static void test_senders_that_go_away_leave_nothing_behind(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    for (uint64_t i = 0; i < 50; i++) {
        struct order orders[100];
        for (uint64_t j = 0; j < 100; j++)
            orders[j] = (struct order){i * 100 + j, j, spring_us, 1000000, NULL};
        struct client_stream stream;
        client_open(&shop.client, INGEST, 0, &stream);
        for (uint64_t j = 0; j <= i % 4; j++)
            assert_true(client_send(&stream, shop_batch(&shop, j, orders, 100)));
        client_cancel(&stream);
        client_finish(&stream, &shop.answer);
    }
    wait_no_calls(&shop);
    shop_close(&shop);
}

static void test_a_shutdown_answers_what_was_sent_and_ends_idle_senders(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    struct order order = {1, 1, spring_us, 1000000, NULL};
    struct client_stream stream;
    client_open(&shop.client, INGEST, 0, &stream);
    assert_true(client_send(&stream, shop_batch(&shop, 1, &order, 1)));
    Patron__V1__IngestResponse *response = read_ingest(&shop, &stream);
    patron__v1__ingest_response__free_unpacked(response, NULL);
    (void)serving_drain(
        &shop.serving, 100); /* the connection lives as long as the stream is not read to its end */
    finish(&shop, &stream, GRPC_STATUS_UNAVAILABLE, "shutting down");
    shop_close(&shop);
}

/* --- Snapshot ---------------------------------------------------------------------------------------------
 */

/* Customers 1 to `count`, an order each on their own day. */
static void fill(struct shop *shop, uint64_t count)
{
    struct order *orders = arena_array(&shop->arena, count, sizeof orders[0]);
    for (uint64_t i = 0; i < count; i++)
        orders[i] = (struct order){
            i, i + 1, spring_us + (int64_t)(i % 10) * day_us, (int64_t)(i + 1) * 1000000, "web"};
    shop_ingest(shop, orders, count);
}

static bool is_about_now(int64_t wall_us)
{
    int64_t behind_us = time(NULL) * MICROSECONDS_PER_SECOND - wall_us;
    return behind_us > -60 * MICROSECONDS_PER_SECOND && behind_us < 60 * MICROSECONDS_PER_SECOND;
}

static int64_t newest_us(struct shop *shop)
{
    Patron__V1__GetStatusRequest request = PATRON__V1__GET_STATUS_REQUEST__INIT;
    shop_call(shop, "/patron.v1.Operations/GetStatus", &request);
    assert_int_equal(shop->answer.status, GRPC_STATUS_OK);
    Patron__V1__GetStatusResponse *response =
        patron__v1__get_status_response__unpack(NULL, shop->answer.reply.length, shop->answer.reply.data);
    int64_t newest = response->newest_known_at_us;
    assert_int_equal(response->n_services, 2);
    assert_string_equal(response->version, "test");
    assert_false(response->clock_jumped);
    assert_true(is_about_now(response->machine_clock_us));
    patron__v1__get_status_response__free_unpacked(response, NULL);
    return newest;
}

static void send_plan(
    struct shop *shop, struct client_stream *stream, const int64_t *moments_us, size_t count)
{
    Patron__V1__GeneratedSpine generated = PATRON__V1__GENERATED_SPINE__INIT;
    generated.as_of_us = (int64_t *)(uintptr_t)moments_us;
    generated.n_as_of_us = count;
    Patron__V1__SnapshotPlan plan = PATRON__V1__SNAPSHOT_PLAN__INIT;
    plan.service = (char *)(uintptr_t) "all";
    plan.generated = moments_us ? &generated : NULL;
    Patron__V1__SnapshotRequest request = PATRON__V1__SNAPSHOT_REQUEST__INIT;
    request.part_case = PATRON__V1__SNAPSHOT_REQUEST__PART_PLAN;
    request.plan = &plan;
    (void)client_send(stream, client_pack(&request, &shop->arena));
}

static void send_spine(
    struct shop *shop, struct client_stream *stream, uint64_t first, const int64_t *as_of_us, size_t count)
{
    Patron__V1__SpineRows rows = PATRON__V1__SPINE_ROWS__INIT;
    rows.identifiers = shop_identifiers(shop, first, count);
    rows.n_identifiers = count;
    rows.as_of_us = (int64_t *)(uintptr_t)as_of_us;
    rows.n_as_of_us = count;
    Patron__V1__SnapshotRequest request = PATRON__V1__SNAPSHOT_REQUEST__INIT;
    request.part_case = PATRON__V1__SNAPSHOT_REQUEST__PART_ROWS;
    request.rows = &rows;
    (void)client_send(stream, client_pack(&request, &shop->arena));
}

static Patron__V1__SnapshotResponse *read_snapshot(struct shop *shop, struct client_stream *stream)
{
    struct bytes reply;
    if (!client_read(stream, &shop->arena, &reply))
        return NULL;
    Patron__V1__SnapshotResponse *response =
        patron__v1__snapshot_response__unpack(NULL, reply.length, reply.data);
    assert_non_null(response);
    return response;
}

static void test_a_spine_that_is_sent_is_answered_with_a_manifest_rows_and_an_end(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    fill(&shop, 20);
    int64_t now_us = newest_us(&shop) + 1;
    struct client_stream stream;
    client_open(&shop.client, SNAPSHOT, 0, &stream);
    send_plan(&shop, &stream, NULL, 0);
    int64_t moments[10];
    for (int i = 0; i < 10; i++)
        moments[i] = i == 4 ? spring_us : now_us; /* before anything was known */
    for (uint64_t part = 0; part < 3; part++)
        send_spine(&shop, &stream, 1 + 10 * part, moments, 10);
    client_half_close(&stream);
    Patron__V1__SnapshotResponse *response = read_snapshot(&shop, &stream);
    assert_int_equal(response->part_case, PATRON__V1__SNAPSHOT_RESPONSE__PART_MANIFEST);
    assert_int_equal(response->manifest->position_us, now_us - 1);
    assert_int_equal(response->manifest->n_columns, 6);
    assert_string_equal(response->manifest->currency, "EUR");
    assert_string_equal(response->manifest->time_zone, "Europe/Berlin");
    patron__v1__snapshot_response__free_unpacked(response, NULL);
    response = read_snapshot(&shop, &stream);
    assert_int_equal(response->part_case, PATRON__V1__SNAPSHOT_RESPONSE__PART_ROWS);
    const Patron__V1__SnapshotRows *rows = response->rows;
    assert_int_equal(rows->row_statuses.len, 30);
    uint64_t seen = 0;
    for (size_t i = 0; i < 30; i++) {
        uint64_t spine_row = rows->spine_rows[i];
        seen |= UINT64_C(1) << spine_row;
        assert_int_equal(rows->as_of_us[i], moments[spine_row % 10]);
        bool known = spine_row < 20 && spine_row % 10 != 4;
        assert_int_equal(rows->row_statuses.data[i], known ? 1 : 3);
        assert_true(rows->columns[1]->doubles[i] == (known ? (double)(spine_row + 1) : 0));
        assert_string_equal(rows->columns[3]->texts[i], known ? "web" : "");
    }
    assert_int_equal(seen, (UINT64_C(1) << 30) - 1);
    patron__v1__snapshot_response__free_unpacked(response, NULL);
    response = read_snapshot(&shop, &stream);
    assert_int_equal(response->part_case, PATRON__V1__SNAPSHOT_RESPONSE__PART_END);
    assert_int_equal(response->end->rows, 30);
    assert_int_equal(response->end->not_found, 12);
    patron__v1__snapshot_response__free_unpacked(response, NULL);
    finish(&shop, &stream, GRPC_STATUS_OK, "");
    wait_no_calls(&shop);
    shop_close(&shop);
}

static void test_a_snapshot_says_of_each_row_what_a_read_at_its_moment_says(void **state)
{
    (void)state;
    enum { CUSTOMERS = 50 };
    struct shop shop;
    shop_open(&shop, NULL);
    fill(&shop, CUSTOMERS);
    int64_t moments[] = {newest_us(&shop) - 10, newest_us(&shop) + 1};
    struct client_stream stream;
    client_open(&shop.client, SNAPSHOT, 0, &stream);
    send_plan(&shop, &stream, moments, 2);
    size_t rows_seen = 0;
    for (Patron__V1__SnapshotResponse *response; (response = read_snapshot(&shop, &stream)) != NULL;
         patron__v1__snapshot_response__free_unpacked(response, NULL)) {
        if (response->part_case != PATRON__V1__SNAPSHOT_RESPONSE__PART_ROWS)
            continue;
        for (size_t i = 0; i < response->rows->row_statuses.len; i++, rows_seen++) {
            /* Money names the customer: email number i spent i. */
            double revenue = response->rows->columns[1]->doubles[i];
            Patron__V1__GetFeaturesRequest request = PATRON__V1__GET_FEATURES_REQUEST__INIT;
            request.service = (char *)(uintptr_t) "all";
            request.identifiers = shop_identifiers(&shop, (uint64_t)revenue, 1);
            request.n_identifiers = 1;
            request.at_case = PATRON__V1__GET_FEATURES_REQUEST__AT_AS_OF_US;
            request.as_of_us = response->rows->as_of_us[i];
            struct client reader;
            client_init(&reader, shop.serving.address, NULL);
            client_call(&reader, "/patron.v1.Features/GetFeatures", client_pack(&request, &shop.arena), 5000,
                &shop.arena, &shop.answer);
            client_clear(&reader);
            assert_int_equal(shop.answer.status, GRPC_STATUS_OK);
            Patron__V1__GetFeaturesResponse *read = patron__v1__get_features_response__unpack(
                NULL, shop.answer.reply.length, shop.answer.reply.data);
            assert_int_equal(read->info->customer_ids[0], response->rows->customer_ids[i]);
            for (size_t j = 0; j < read->n_columns; j++) {
                assert_int_equal(
                    read->columns[j]->statuses.data[0], response->rows->columns[j]->statuses.data[i]);
                if (read->columns[j]->n_doubles)
                    assert_memory_equal(
                        read->columns[j]->doubles, response->rows->columns[j]->doubles + i, 8);
            }
            patron__v1__get_features_response__free_unpacked(read, NULL);
        }
    }
    assert_in_range(rows_seen, CUSTOMERS, 2 * CUSTOMERS);
    finish(&shop, &stream, GRPC_STATUS_OK, "");
    wait_no_calls(&shop);
    shop_close(&shop);
}

/* The last message of rows; shop->answer holds how the snapshot ended. */
static struct bytes take_snapshot(struct shop *shop, struct client_stream *stream)
{
    struct bytes message, rows = {0};
    while (client_read(stream, &shop->arena, &message))
        if (message.data[0] >> 3 == PATRON__V1__SNAPSHOT_RESPONSE__PART_ROWS)
            rows = message;
    client_finish(stream, &shop->answer);
    return rows;
}

static struct bytes take_whole_snapshot(struct shop *shop, struct client_stream *stream)
{
    struct bytes rows = take_snapshot(shop, stream);
    assert_int_equal(shop->answer.status, GRPC_STATUS_OK);
    return rows;
}

enum asking { BY_READ, BY_MOMENTS, BY_SPINE };

static void read_at(struct shop *shop, int64_t as_of_us)
{
    Patron__V1__GetFeaturesRequest request = PATRON__V1__GET_FEATURES_REQUEST__INIT;
    request.service = (char *)(uintptr_t) "all";
    request.identifiers = shop_identifiers(shop, 1, 1);
    request.n_identifiers = 1;
    request.at_case = PATRON__V1__GET_FEATURES_REQUEST__AT_AS_OF_US;
    request.as_of_us = as_of_us;
    shop_call(shop, "/patron.v1.Features/GetFeatures", &request);
}

/* What is said of customer 1 at that moment. */
static struct bytes answer_at(struct shop *shop, enum asking asking, int64_t as_of_us)
{
    if (asking == BY_READ) {
        read_at(shop, as_of_us);
        assert_int_equal(shop->answer.status, GRPC_STATUS_OK);
        return shop->answer.reply;
    }
    struct client_stream stream;
    client_open(&shop->client, SNAPSHOT, 0, &stream);
    send_plan(shop, &stream, asking == BY_MOMENTS ? &as_of_us : NULL, 1);
    if (asking == BY_SPINE)
        send_spine(shop, &stream, 1, &as_of_us, 1);
    client_half_close(&stream);
    return take_whole_snapshot(shop, &stream);
}

static void test_questions_about_the_past_let_history_go_on_being_loaded(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    int64_t known_at_us = spring_us;
    for (uint64_t i = 1; i <= 4; i++) {
        known_at_us += 1000;
        shop.known_at_us = known_at_us;
        struct order order = {i, 1, spring_us, 1000000, "web"};
        assert_int_equal(shop_ingest(&shop, &order, 1), known_at_us);
        (void)newest_us(&shop);
        read_at(&shop, INT64_MAX);
        assert_int_equal(shop.answer.status, GRPC_STATUS_OUT_OF_RANGE);
        for (int asking = BY_READ; asking <= BY_SPINE; asking++)
            for (int64_t ahead_us = 0; ahead_us <= 1; ahead_us++)
                (void)answer_at(&shop, (enum asking)asking, known_at_us + ahead_us);
    }
    wait_no_calls(&shop);
    shop_close(&shop);
}

/* Into history that is being loaded, and into one that takes in what happens now. */
static void test_what_is_answered_of_a_moment_ahead_of_history_stays_so_when_history_goes_on(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    struct order order = {0, 1, spring_us, 1000000, "web"};
    static const int64_t ahead_us[] = {2, 5000};
    for (int i = 0; i < 12; i++) {
        enum asking asking = (enum asking)(i % 3);
        shop.known_at_us = i < 6 ? spring_us + i * day_us : 0;
        order.id++;
        int64_t known_at_us = shop_ingest(&shop, &order, 1);
        int64_t as_of_us = known_at_us + ahead_us[i / 3 % 2];
        usleep(6000); /* so that even a store of this moment can be asked */
        struct bytes said = answer_at(&shop, asking, as_of_us);
        assert_true(said.length > 0);
        shop.known_at_us = known_at_us + 1;
        order.id++;
        assert_true(shop_ingest(&shop, &order, 1) >= as_of_us);
        assert_true(bytes_equal(answer_at(&shop, asking, as_of_us), said));
    }
    wait_no_calls(&shop);
    shop_close(&shop);
}

/* The view is the plan's; a row of a moment after what came since is not answered from it. */
static void test_a_spine_row_after_what_came_since_the_plan_is_refused_or_right(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    shop.known_at_us = spring_us;
    shop_ingest(&shop, &(struct order){1, 1, spring_us, 1000000, "web"}, 1);
    struct client_stream stream;
    client_open(&shop.client, SNAPSHOT, 0, &stream);
    send_plan(&shop, &stream, NULL, 0);
    usleep(100000); /* the plan has come by now; where it has not, the row is right */
    shop.known_at_us = spring_us + 1000;
    shop_ingest(&shop, &(struct order){2, 1, spring_us, 1000000, "app"}, 1);
    int64_t as_of_us = spring_us + 2000;
    send_spine(&shop, &stream, 1, &as_of_us, 1);
    client_half_close(&stream);
    struct bytes rows = take_snapshot(&shop, &stream);
    if (shop.answer.status == GRPC_STATUS_OK)
        assert_true(bytes_equal(answer_at(&shop, BY_SPINE, as_of_us), rows));
    else
        assert_int_equal(shop.answer.status, GRPC_STATUS_OUT_OF_RANGE);
    wait_no_calls(&shop);
    shop_close(&shop);
}

static uint64_t snapshot_rows_made(const struct shop *shop)
{
    struct encoder page = {0};
    metrics_write(shop->serving.services.metrics, &page);
    encode_u8(&page, 0);
    const char *line = strstr((const char *)page.data, "\npatron_snapshot_rows_total ");
    assert_non_null(line);
    uint64_t rows = strtoull(strchr(line + 1, ' '), NULL, 10);
    encoder_clear(&page);
    return rows;
}

static void test_a_slow_reader_holds_up_its_snapshot_and_a_leaving_one_ends_it(void **state)
{
    (void)state;
    enum { CUSTOMERS = 2000, MOMENTS = 40 };
    struct shop shop;
    shop_open(&shop, NULL);
    fill(&shop, CUSTOMERS);
    int64_t moments[MOMENTS];
    for (int i = 0; i < MOMENTS; i++)
        moments[i] = newest_us(&shop) + 1 - MOMENTS + i;
    struct client slow;
    client_init(&slow, shop.serving.address, &(struct client_options){.small_window = true});
    struct client_stream stream;
    client_open(&slow, SNAPSHOT, 0, &stream);
    send_plan(&shop, &stream, moments, MOMENTS);
    Patron__V1__SnapshotResponse *response = read_snapshot(&shop, &stream);
    patron__v1__snapshot_response__free_unpacked(response, NULL);
    uint64_t before = UINT64_MAX;
    for (int i = 0; i < 100 && (before != snapshot_rows_made(&shop) || before == 0); i++) {
        before = snapshot_rows_made(&shop);
        usleep(300000);
    }
    assert_int_equal(before, snapshot_rows_made(&shop));
    assert_in_range(before, 1, CUSTOMERS * MOMENTS / 3);
    for (int i = 0; i < 4; i++) {
        response = read_snapshot(&shop, &stream);
        assert_int_equal(response->part_case, PATRON__V1__SNAPSHOT_RESPONSE__PART_ROWS);
        patron__v1__snapshot_response__free_unpacked(response, NULL);
    }
    for (int i = 0; i < PATIENCE_MS && snapshot_rows_made(&shop) == before; i++)
        usleep(1000);
    assert_true(snapshot_rows_made(&shop) > before);
    client_cancel(&stream);
    client_finish(&stream, &shop.answer);
    client_clear(&slow);
    wait_no_calls(&shop);
    shop_close(&shop);
}

static void test_snapshots_cancelled_anywhere_leave_nothing_behind(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    fill(&shop, 500);
    int64_t moments[] = {newest_us(&shop) - 100, newest_us(&shop)};
    for (int i = 0; i < 60; i++) {
        struct client_stream stream;
        client_open(&shop.client, SNAPSHOT, 0, &stream);
        if (i % 6 > 0)
            send_plan(&shop, &stream, i % 2 ? moments : NULL, 2);
        if (i % 6 > 2 && i % 2 == 0)
            send_spine(&shop, &stream, 1, moments, 2);
        if (i % 6 > 3)
            client_half_close(&stream);
        struct bytes message;
        if (i % 6 == 5)
            (void)client_read(&stream, &shop.arena, &message);
        client_cancel(&stream);
        client_finish(&stream, &shop.answer);
    }
    wait_no_calls(&shop);
    shop_close(&shop);
}

static void test_a_wrong_snapshot_is_refused_in_words(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    fill(&shop, 5);
    struct client_stream stream;
    static const int64_t future[] = {INT64_C(4000000000000000)}, unsorted[] = {5000000, 4000000},
                         one[] = {5000000};
    client_open(&shop.client, SNAPSHOT, 0, &stream);
    client_half_close(&stream);
    finish(&shop, &stream, GRPC_STATUS_INVALID_ARGUMENT, "begins with a plan");
    client_open(&shop.client, SNAPSHOT, 0, &stream);
    send_spine(&shop, &stream, 1, one, 1);
    finish(&shop, &stream, GRPC_STATUS_INVALID_ARGUMENT, "must be its plan");
    client_open(&shop.client, SNAPSHOT, 0, &stream);
    send_plan(&shop, &stream, future, 1);
    finish(&shop, &stream, GRPC_STATUS_OUT_OF_RANGE, "not known yet");
    client_open(&shop.client, SNAPSHOT, 0, &stream);
    send_plan(&shop, &stream, unsorted, 2);
    finish(&shop, &stream, GRPC_STATUS_INVALID_ARGUMENT, "ascend");
    client_open(&shop.client, SNAPSHOT, 0, &stream);
    send_plan(&shop, &stream, NULL, 0);
    send_spine(&shop, &stream, 1, future, 1);
    finish(&shop, &stream, GRPC_STATUS_OUT_OF_RANGE, "row 0 of the spine");
    client_open(&shop.client, SNAPSHOT, 0, &stream);
    send_plan(&shop, &stream, one, 0);
    finish(&shop, &stream, GRPC_STATUS_INVALID_ARGUMENT, "at least one moment");
    wait_no_calls(&shop);
    shop_close(&shop);
}

/* --- Operations -------------------------------------------------------------------------------------------
 */

static void test_a_verification_ends_with_no_difference_and_only_one_runs_at_a_time(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    fill(&shop, 300);
    struct client_stream stream;
    client_open(&shop.client, "/patron.v1.Operations/Verify", 0, &stream);
    assert_true(client_send(&stream, bytes_of("", 0)));
    client_half_close(&stream);
    bool done = false;
    struct bytes reply;
    while (client_read(&stream, &shop.arena, &reply)) {
        assert_false(done);
        Patron__V1__VerifyResponse *response =
            patron__v1__verify_response__unpack(NULL, reply.length, reply.data);
        done = response->done;
        assert_int_equal(response->differences, 0);
        if (done)
            assert_int_equal(response->customers_checked, 300);
        patron__v1__verify_response__free_unpacked(response, NULL);
    }
    assert_true(done);
    finish(&shop, &stream, GRPC_STATUS_OK, "");
    wait_no_calls(&shop);
    atomic_store(&shop.serving.services.verifying, true);
    client_open(&shop.client, "/patron.v1.Operations/Verify", 0, &stream);
    assert_true(client_send(&stream, bytes_of("", 0)));
    client_half_close(&stream);
    finish(&shop, &stream, GRPC_STATUS_RESOURCE_EXHAUSTED, "one at a time");
    Patron__V1__ConfirmClockRequest confirm = PATRON__V1__CONFIRM_CLOCK_REQUEST__INIT;
    shop_call(&shop, "/patron.v1.Operations/ConfirmClock", &confirm);
    assert_int_equal(shop.answer.status, GRPC_STATUS_OK);
    Patron__V1__ConfirmClockResponse *confirmed =
        patron__v1__confirm_clock_response__unpack(NULL, shop.answer.reply.length, shop.answer.reply.data);
    assert_true(is_about_now(confirmed->machine_clock_us));
    patron__v1__confirm_clock_response__free_unpacked(confirmed, NULL);
    shop_close(&shop);
}

/* --- health -----------------------------------------------------------------------------------------------
 */

static struct bytes health_request(struct shop *shop, const char *service)
{
    Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
    request.service = (char *)(uintptr_t)service;
    return client_pack(&request, &shop->arena);
}

static int status_of(struct bytes reply)
{
    Grpc__Health__V1__HealthCheckResponse *response =
        grpc__health__v1__health_check_response__unpack(NULL, reply.length, reply.data);
    int status = (int)response->status;
    grpc__health__v1__health_check_response__free_unpacked(response, NULL);
    return status;
}

static void check(struct shop *shop, const char *service)
{
    client_call(&shop->client, "/grpc.health.v1.Health/Check", health_request(shop, service), 5000,
        &shop->arena, &shop->answer);
}

static void test_health_is_checked_by_service_and_an_unknown_one_is_not_found(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    static const char *const services[] = {"", "patron.v1.Features"};
    for (int i = 0; i < 2; i++) {
        check(&shop, services[i]);
        assert_int_equal(status_of(shop.answer.reply), 1);
    }
    check(&shop, "patron.v1.Nothing");
    assert_int_equal(shop.answer.status, GRPC_STATUS_NOT_FOUND);
    health_set(shop.serving.services.health, false);
    check(&shop, "");
    assert_int_equal(status_of(shop.answer.reply), 2);
    shop_close(&shop);
}

static void test_watchers_hear_of_changes_and_of_the_end(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    struct client_stream known, unknown;
    struct bytes reply;
    client_open(&shop.client, WATCH, 0, &known);
    assert_true(client_send(&known, health_request(&shop, "patron.v1.Ingestion")));
    client_half_close(&known);
    assert_true(client_read(&known, &shop.arena, &reply));
    assert_int_equal(status_of(reply), 1);
    client_open(&shop.client, WATCH, 0, &unknown);
    assert_true(client_send(&unknown, health_request(&shop, "nothing")));
    client_half_close(&unknown);
    assert_true(client_read(&unknown, &shop.arena, &reply));
    assert_int_equal(status_of(reply), 3);
    for (int i = 0; i < 20; i++) {
        health_set(shop.serving.services.health, i % 2);
        assert_true(client_read(&known, &shop.arena, &reply));
        assert_int_equal(status_of(reply), i % 2 ? 1 : 2);
    }
    client_cancel(&unknown);
    client_finish(&unknown, &shop.answer);
    health_set(shop.serving.services.health, false);
    (void)serving_drain(&shop.serving, 100);
    assert_true(client_read(&known, &shop.arena, &reply));
    assert_int_equal(status_of(reply), 2);
    finish(&shop, &known, GRPC_STATUS_UNAVAILABLE, "shutting down");
    shop_close(&shop);
}

/* --- reflection -------------------------------------------------------------------------------------------
 */

static Grpc__Reflection__V1__ServerReflectionResponse *ask(struct shop *shop, struct client_stream *stream,
    const Grpc__Reflection__V1__ServerReflectionRequest *request)
{
    assert_true(client_send(stream, client_pack(request, &shop->arena)));
    struct bytes reply;
    assert_true(client_read(stream, &shop->arena, &reply));
    Grpc__Reflection__V1__ServerReflectionResponse *response =
        grpc__reflection__v1__server_reflection_response__unpack(NULL, reply.length, reply.data);
    assert_non_null(response);
    return response;
}

static void test_reflection_lists_services_and_gives_files_under_both_its_names(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    static const char *const paths[] = {"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"};
    for (int i = 0; i < 2; i++) {
        struct client_stream stream;
        client_open(&shop.client, paths[i], 0, &stream);
        Grpc__Reflection__V1__ServerReflectionRequest request =
            GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__INIT;
        request.message_request_case =
            GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES;
        request.list_services = (char *)(uintptr_t) "";
        Grpc__Reflection__V1__ServerReflectionResponse *response = ask(&shop, &stream, &request);
        assert_true(response->list_services_response->n_service >= 12);
        grpc__reflection__v1__server_reflection_response__free_unpacked(response, NULL);

        static const char *const symbols[] = {"patron.v1.Features", "patron.v1.Features.GetVectors",
            "patron.v1.Event", "patron.v1.Event.id", "patron.v1.ValueType",
            "grpc.health.v1.HealthCheckResponse.ServingStatus"};
        request.message_request_case =
            GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL;
        for (size_t j = 0; j < sizeof symbols / sizeof symbols[0]; j++) {
            request.file_containing_symbol = (char *)(uintptr_t)symbols[j];
            response = ask(&shop, &stream, &request);
            assert_int_equal(response->message_response_case,
                GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE);
            /* features.proto and ingestion.proto bring types.proto along. */
            assert_int_equal(response->file_descriptor_response->n_file_descriptor_proto, j < 4 ? 2 : 1);
            grpc__reflection__v1__server_reflection_response__free_unpacked(response, NULL);
        }
        request.file_containing_symbol = (char *)(uintptr_t) "patron.v1.Nothing";
        response = ask(&shop, &stream, &request);
        assert_int_equal(response->error_response->error_code, GRPC_STATUS_NOT_FOUND);
        grpc__reflection__v1__server_reflection_response__free_unpacked(response, NULL);
        client_half_close(&stream);
        finish(&shop, &stream, GRPC_STATUS_OK, "");
    }
    shop_close(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_batches_under_way_are_answered_in_order),
        cmocka_unit_test(test_each_event_of_a_batch_has_its_own_fate),
        cmocka_unit_test(test_a_batch_that_is_none_ends_the_stream_after_those_before_it_are_answered),
        cmocka_unit_test(test_senders_that_go_away_leave_nothing_behind),
        cmocka_unit_test(test_a_shutdown_answers_what_was_sent_and_ends_idle_senders),
        cmocka_unit_test(test_a_spine_that_is_sent_is_answered_with_a_manifest_rows_and_an_end),
        cmocka_unit_test(test_a_snapshot_says_of_each_row_what_a_read_at_its_moment_says),
        cmocka_unit_test(test_questions_about_the_past_let_history_go_on_being_loaded),
        cmocka_unit_test(test_what_is_answered_of_a_moment_ahead_of_history_stays_so_when_history_goes_on),
        cmocka_unit_test(test_a_spine_row_after_what_came_since_the_plan_is_refused_or_right),
        cmocka_unit_test(test_a_slow_reader_holds_up_its_snapshot_and_a_leaving_one_ends_it),
        cmocka_unit_test(test_snapshots_cancelled_anywhere_leave_nothing_behind),
        cmocka_unit_test(test_a_wrong_snapshot_is_refused_in_words),
        cmocka_unit_test(test_a_verification_ends_with_no_difference_and_only_one_runs_at_a_time),
        cmocka_unit_test(test_health_is_checked_by_service_and_an_unknown_one_is_not_found),
        cmocka_unit_test(test_watchers_hear_of_changes_and_of_the_end),
        cmocka_unit_test(test_reflection_lists_services_and_gives_files_under_both_its_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
