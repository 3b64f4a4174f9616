/* GetFeatures and GetVectors against a whole server in one process, and what a snapshot shares with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/base/limits.h"
#include "tests/rpc/shop.h"
#include "tests/unit/scratch_directory.h"

#define GET_FEATURES "/patron.v1.Features/GetFeatures"
#define GET_VECTORS "/patron.v1.Features/GetVectors"

static const int64_t day_us = 86400 * INT64_C(1000000);
static const int64_t spring_us = INT64_C(1775000000) * 1000000;

static const struct order orders[] = {
    {1, 1, INT64_C(1775000000) * 1000000, 12500000, "web"},
    {2, 1, INT64_C(1775100000) * 1000000, 7250001, NULL},
    {3, 2, INT64_C(1775200000) * 1000000, -3000000, "kiosk \xe2\x98\x83"},
};

static Patron__V1__GetFeaturesResponse *get_features(
    struct shop *shop, const char *service, size_t identifiers)
{
    Patron__V1__GetFeaturesRequest request = PATRON__V1__GET_FEATURES_REQUEST__INIT;
    request.service = (char *)(uintptr_t)service;
    request.identifiers = shop_identifiers(shop, 1, identifiers);
    request.n_identifiers = identifiers;
    shop_call(shop, GET_FEATURES, &request);
    assert_int_equal(shop->answer.status, GRPC_STATUS_OK);
    Patron__V1__GetFeaturesResponse *response =
        patron__v1__get_features_response__unpack(NULL, shop->answer.reply.length, shop->answer.reply.data);
    assert_non_null(response);
    return response;
}

static void test_features_come_as_columns_of_their_types_with_a_status_a_value(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    int64_t known_at_us = shop_ingest(&shop, orders, 3);
    Patron__V1__GetFeaturesResponse *response = get_features(&shop, "all", 3);
    assert_int_equal(response->info->definitions_version, 1);
    assert_true(response->info->as_of_us > known_at_us);
    assert_memory_equal(response->info->row_statuses.data, "\1\1\3", 3);
    assert_int_equal(response->info->newest_event_times_us[0], orders[1].time_us);
    assert_int_equal(response->info->newest_known_ats_us[1], known_at_us);
    assert_int_equal(response->info->newest_known_ats_us[2], INT64_MIN);
    assert_int_equal(response->info->newest_event_times_us[2], INT64_MIN);
    assert_int_equal(response->info->customer_ids[2], 0);
    assert_int_equal(response->n_columns, 6);
    Patron__V1__Column **columns = response->columns;
    assert_string_equal(columns[0]->name, "orders");
    assert_int_equal(columns[0]->type, PATRON__V1__VALUE_TYPE__VALUE_TYPE_INT64);
    assert_int_equal(columns[0]->integers[0], 2);
    assert_int_equal(columns[0]->integers[1], 1);
    assert_int_equal(columns[0]->statuses.data[2], PATRON__V1__VALUE_STATUS__VALUE_STATUS_NOT_FOUND);
    assert_true(columns[1]->doubles[0] == 19.750001);
    assert_true(columns[1]->doubles[1] == -3.0);
    assert_string_equal(columns[3]->texts[0], "web");
    assert_string_equal(columns[3]->texts[1], orders[2].channel);
    assert_string_equal(columns[3]->texts[2], "");
    assert_int_equal(columns[4]->flags[1], 1);
    assert_memory_equal(columns[5]->statuses.data, "\2\2\3", 3);
    patron__v1__get_features_response__free_unpacked(response, NULL);
    shop_close(&shop);
}

static void check_empty_cells(Patron__V1__Column **columns, size_t count)
{
    size_t empty = 0;
    for (size_t i = 0; i < 2 * count; i++) {
        const Patron__V1__Column *column = columns[i / 2];
        size_t row = i % 2;
        if (column->statuses.data[row] == STATUS_PRESENT)
            continue;
        empty++;
        assert_true(column->n_doubles == 0 || column->doubles[row] == 0);
        assert_true(column->n_integers == 0 || column->integers[row] == 0);
        assert_true(column->n_flags == 0 || !column->flags[row]);
        assert_true(column->n_texts == 0 || column->texts[row][0] == 0);
        for (size_t byte = 0; column->decimals.len > 0 && byte < 16; byte++)
            assert_int_equal(column->decimals.data[16 * row + byte], 0);
    }
    /* Nobody is customer 5; customer 4 has neither channel nor size. */
    assert_true(empty >= count + 2);
}

static void test_a_cell_without_a_value_is_zero_or_empty_in_every_type(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    int64_t now_us = 1 + shop_ingest(&shop, &(struct order){1, 4, spring_us, 1000000, NULL}, 1);
    Patron__V1__GetFeaturesRequest request = PATRON__V1__GET_FEATURES_REQUEST__INIT;
    request.service = (char *)(uintptr_t) "all";
    request.identifiers = shop_identifiers(&shop, 4, 2);
    request.n_identifiers = 2;
    shop_call(&shop, GET_FEATURES, &request);
    Patron__V1__GetFeaturesResponse *response =
        patron__v1__get_features_response__unpack(NULL, shop.answer.reply.length, shop.answer.reply.data);
    assert_int_equal(response->n_columns, 6);
    check_empty_cells(response->columns, response->n_columns);
    patron__v1__get_features_response__free_unpacked(response, NULL);

    /* Exact money is a snapshot's. */
    Patron__V1__SnapshotPlan plan = PATRON__V1__SNAPSHOT_PLAN__INIT;
    plan.service = request.service;
    plan.exact_money = true;
    Patron__V1__SpineRows rows = PATRON__V1__SPINE_ROWS__INIT;
    rows.identifiers = request.identifiers;
    rows.as_of_us = (int64_t[]){now_us, now_us};
    rows.n_identifiers = rows.n_as_of_us = 2;
    Patron__V1__SnapshotRequest parts[] = {
        PATRON__V1__SNAPSHOT_REQUEST__INIT, PATRON__V1__SNAPSHOT_REQUEST__INIT};
    parts[0].part_case = PATRON__V1__SNAPSHOT_REQUEST__PART_PLAN;
    parts[0].plan = &plan;
    parts[1].part_case = PATRON__V1__SNAPSHOT_REQUEST__PART_ROWS;
    parts[1].rows = &rows;
    struct client_stream stream;
    client_open(&shop.client, "/patron.v1.Snapshots/Snapshot", 0, &stream);
    for (int i = 0; i < 2; i++)
        assert_true(client_send(&stream, client_pack(&parts[i], &shop.arena)));
    client_half_close(&stream);
    size_t rows_seen = 0;
    for (struct bytes bytes; client_read(&stream, &shop.arena, &bytes);) {
        Patron__V1__SnapshotResponse *part =
            patron__v1__snapshot_response__unpack(NULL, bytes.length, bytes.data);
        if (part->part_case == PATRON__V1__SNAPSHOT_RESPONSE__PART_ROWS) {
            rows_seen += part->rows->row_statuses.len;
            assert_int_equal(part->rows->columns[1]->decimals.len, 32);
            check_empty_cells(part->rows->columns, part->rows->n_columns);
        }
        patron__v1__snapshot_response__free_unpacked(part, NULL);
    }
    client_finish(&stream, &shop.answer);
    assert_int_equal(shop.answer.status, GRPC_STATUS_OK);
    assert_int_equal(rows_seen, 2);
    shop_close(&shop);
}

static void test_a_matrix_holds_the_same_numbers_row_by_row(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    shop_ingest(&shop, orders, 3);
    Patron__V1__GetFeaturesResponse *columns = get_features(&shop, "numbers", 3);
    for (int single = 0; single <= 1; single++) {
        Patron__V1__GetVectorsRequest request = PATRON__V1__GET_VECTORS_REQUEST__INIT;
        request.service = (char *)(uintptr_t) "numbers";
        request.identifiers = shop_identifiers(&shop, 1, 3);
        request.n_identifiers = 3;
        request.element_type = (Patron__V1__ElementType)single;
        shop_call(&shop, GET_VECTORS, &request);
        assert_int_equal(shop.answer.status, GRPC_STATUS_OK);
        Patron__V1__GetVectorsResponse *response =
            patron__v1__get_vectors_response__unpack(NULL, shop.answer.reply.length, shop.answer.reply.data);
        assert_int_equal(response->rows, 3);
        assert_int_equal(response->columns, 5);
        assert_string_equal(response->names[1], "revenue");
        assert_int_equal(response->matrix.len, 15 * (single ? 4 : 8));
        assert_int_equal(response->validity.len, 2);
        for (size_t i = 0; i < 15; i++) {
            double element;
            float narrow;
            memcpy(&element, response->matrix.data + 8 * (single ? 0 : i), 8);
            memcpy(&narrow, response->matrix.data + 4 * (single ? i : 0), 4);
            size_t row = i / 5;
            const Patron__V1__Column *column = columns->columns[i % 5];
            bool present = column->statuses.data[row] == PATRON__V1__VALUE_STATUS__VALUE_STATUS_PRESENT;
            assert_int_equal(response->validity.data[i / 8] >> i % 8 & 1, present);
            double wanted = column->n_doubles    ? column->doubles[row]
                            : column->n_integers ? (double)column->integers[row]
                                                 : column->flags[row];
            if (!present)
                assert_true(single ? narrow != narrow : element != element);
            else if (single)
                assert_true(narrow == (float)wanted);
            else
                assert_true(element == wanted);
        }
        patron__v1__get_vectors_response__free_unpacked(response, NULL);
    }
    patron__v1__get_features_response__free_unpacked(columns, NULL);
    shop_close(&shop);
}

/* The bytes of an answer for the service at T. */
static struct bytes read_at(
    struct shop *shop, const char *path, const char *service, int64_t as_of_us, size_t rows)
{
    Patron__V1__GetFeaturesRequest request = PATRON__V1__GET_FEATURES_REQUEST__INIT;
    request.service = (char *)(uintptr_t)service;
    request.identifiers = shop_identifiers(shop, 1, rows);
    request.n_identifiers = rows;
    request.at_case = as_of_us ? PATRON__V1__GET_FEATURES_REQUEST__AT_AS_OF_US : 0;
    request.as_of_us = as_of_us;
    shop_call(shop, path, &request);
    assert_int_equal(shop->answer.status, GRPC_STATUS_OK);
    return shop->answer.reply;
}

static int64_t as_of_of(struct bytes reply)
{
    Patron__V1__GetFeaturesResponse *response =
        patron__v1__get_features_response__unpack(NULL, reply.length, reply.data);
    assert_non_null(response);
    int64_t as_of_us = response->info->as_of_us;
    patron__v1__get_features_response__free_unpacked(response, NULL);
    return as_of_us;
}

static void test_what_was_served_now_is_said_again_of_that_moment_after_later_events_and_a_restart(
    void **state)
{
    (void)state;
    char directory[SCRATCH_PATH_MAX], data[SCRATCH_PATH_MAX + 8];
    scratch_directory_make(directory);
    snprintf(data, sizeof data, "%s/data", directory);
    struct shop shop;
    shop_open(&shop, data);
    shop_ingest(&shop, orders, 2);
    struct bytes first = read_at(&shop, GET_FEATURES, "all", 0, 3);
    int64_t as_of_us = as_of_of(first);
    struct order later[] = {{9, 1, spring_us + day_us, 1000000, "app"}, {10, 3, spring_us, 2000000, "app"}};
    shop_ingest(&shop, later, 2);
    assert_true(bytes_equal(read_at(&shop, GET_FEATURES, "all", as_of_us, 3), first));
    struct bytes second = read_at(&shop, GET_FEATURES, "all", 0, 3);
    assert_false(bytes_equal(second, first));
    int64_t second_us = as_of_of(second);
    struct arena kept = {0};
    first = arena_copy(&kept, first);
    second = arena_copy(&kept, second);
    shop_close(&shop);

    shop_open(&shop, data);
    assert_true(bytes_equal(read_at(&shop, GET_FEATURES, "all", as_of_us, 3), first));
    assert_true(bytes_equal(read_at(&shop, GET_FEATURES, "all", second_us, 3), second));
    shop_close(&shop);
    arena_clear(&kept);
    scratch_directory_remove(directory);
}

static void test_an_answer_names_the_version_of_the_definitions_it_is_made_by(void **state)
{
    (void)state;
    char directory[SCRATCH_PATH_MAX], data[SCRATCH_PATH_MAX + 8];
    scratch_directory_make(directory);
    snprintf(data, sizeof data, "%s/data", directory);
    struct shop shop;
    for (uint64_t version = 1; version <= 2; version++) {
        (version == 1 ? shop_open : shop_open_changed)(&shop, data);
        Patron__V1__GetFeaturesResponse *read = get_features(&shop, "all", 1);
        assert_int_equal(read->info->definitions_version, version);
        patron__v1__get_features_response__free_unpacked(read, NULL);
        Patron__V1__SnapshotPlan plan = PATRON__V1__SNAPSHOT_PLAN__INIT;
        plan.service = (char *)(uintptr_t) "all";
        Patron__V1__SnapshotRequest request = PATRON__V1__SNAPSHOT_REQUEST__INIT;
        request.part_case = PATRON__V1__SNAPSHOT_REQUEST__PART_PLAN;
        request.plan = &plan;
        struct client_stream stream;
        client_open(&shop.client, "/patron.v1.Snapshots/Snapshot", 0, &stream);
        assert_true(client_send(&stream, client_pack(&request, &shop.arena)));
        client_half_close(&stream);
        struct bytes bytes;
        assert_true(client_read(&stream, &shop.arena, &bytes));
        Patron__V1__SnapshotResponse *first =
            patron__v1__snapshot_response__unpack(NULL, bytes.length, bytes.data);
        assert_int_equal(first->part_case, PATRON__V1__SNAPSHOT_RESPONSE__PART_MANIFEST);
        assert_int_equal(first->manifest->definitions_version, version);
        patron__v1__snapshot_response__free_unpacked(first, NULL);
        while (client_read(&stream, &shop.arena, &bytes))
            continue;
        client_finish(&stream, &shop.answer);
        shop_close(&shop);
    }
    scratch_directory_remove(directory);
}

static void test_a_read_of_many_rows_says_what_its_parts_say(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    enum { ROWS = 2 * READ_INLINE_ROWS_MAX };
    struct order *many = arena_array(&shop.arena, ROWS, sizeof many[0]);
    for (uint64_t i = 0; i < ROWS; i++)
        many[i] = (struct order){i, i + 1, spring_us + (int64_t)i, (int64_t)i * 10000, i % 3 ? "web" : NULL};
    shop_ingest(&shop, many, ROWS);
    Patron__V1__GetFeaturesResponse *all = get_features(&shop, "all", ROWS);
    Patron__V1__GetFeaturesResponse *some = get_features(&shop, "all", 100);
    for (size_t i = 0; i < all->n_columns; i++) {
        assert_int_equal(all->columns[i]->statuses.len, ROWS);
        assert_memory_equal(all->columns[i]->statuses.data, some->columns[i]->statuses.data, 100);
    }
    assert_memory_equal(all->columns[1]->doubles, some->columns[1]->doubles, 100 * sizeof(double));
    assert_true(all->columns[1]->doubles[ROWS - 1] == (ROWS - 1) / 100.0);
    patron__v1__get_features_response__free_unpacked(all, NULL);
    patron__v1__get_features_response__free_unpacked(some, NULL);
    shop_close(&shop);
}

static void test_a_request_without_identifiers_is_answered_with_empty_columns(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    static const char *const services[] = {"all", "numbers"};
    for (int i = 0; i < 2; i++) {
        Patron__V1__GetFeaturesResponse *response = get_features(&shop, services[i], 0);
        assert_int_equal(response->n_columns, i == 0 ? 6 : 5);
        assert_int_equal(response->info->row_statuses.len, 0);
        patron__v1__get_features_response__free_unpacked(response, NULL);
    }
    (void)read_at(&shop, GET_VECTORS, "numbers", 0, 0);
    shop_close(&shop);
}

static void refused(struct shop *shop, const char *path, const void *request, int status, const char *words)
{
    shop_call(shop, path, request);
    if (shop->answer.status != status || !strstr(shop->answer.words, words))
        fail_msg("%d: %s (wanted %d: %s)", shop->answer.status, shop->answer.words, status, words);
}

static void test_a_wrong_read_is_refused_in_words_that_name_what_is_wrong(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    shop_ingest(&shop, orders, 3);
    Patron__V1__GetFeaturesRequest request = PATRON__V1__GET_FEATURES_REQUEST__INIT;
    refused(&shop, GET_FEATURES, &request, GRPC_STATUS_INVALID_ARGUMENT, "neither a service nor features");
    request.service = (char *)(uintptr_t) "nubmers";
    refused(&shop, GET_FEATURES, &request, GRPC_STATUS_INVALID_ARGUMENT, "did you mean 'numbers'");
    char *features[READ_FEATURES_MAX + 1];
    for (size_t i = 0; i <= READ_FEATURES_MAX; i++)
        features[i] = (char *)(uintptr_t) "orders";
    request.features = features;
    request.n_features = 1;
    refused(&shop, GET_FEATURES, &request, GRPC_STATUS_INVALID_ARGUMENT, "both a service and features");
    request.service = (char *)(uintptr_t) "";
    request.n_features = READ_FEATURES_MAX + 1;
    refused(&shop, GET_FEATURES, &request, GRPC_STATUS_INVALID_ARGUMENT,
        "1001 features in one request; at most 1000");
    features[0] = (char *)(uintptr_t) "channel_last";
    request.n_features = 1;
    refused(&shop, GET_VECTORS, &request, GRPC_STATUS_INVALID_ARGUMENT, "'channel_last' is text");
    request.n_identifiers = READ_IDENTIFIERS_MAX + 1;
    request.identifiers = shop_identifiers(&shop, 1, request.n_identifiers);
    refused(&shop, GET_FEATURES, &request, GRPC_STATUS_INVALID_ARGUMENT,
        "10001 identifiers in one request; at most 10000");
    request.n_identifiers = 2;
    request.at_case = PATRON__V1__GET_FEATURES_REQUEST__AT_AS_OF_US;
    request.as_of_us = INT64_MAX;
    refused(&shop, GET_FEATURES, &request, GRPC_STATUS_OUT_OF_RANGE,
        "the newest moment that can be asked for is");
    request.as_of_us = INT64_MIN;
    refused(&shop, GET_FEATURES, &request, GRPC_STATUS_OUT_OF_RANGE, "before 1900");
    request.at_case = 0;
    request.identifiers[1]->type = (char *)(uintptr_t) "emial";
    refused(&shop, GET_FEATURES, &request, GRPC_STATUS_INVALID_ARGUMENT,
        "identifier 1: unknown identifier type 'emial': did you mean 'email'?");
    request.identifiers[1]->type = (char *)(uintptr_t) "email";
    char long_value[IDENTIFIER_VALUE_BYTES_MAX + 2] = "";
    memset(long_value, 'a', sizeof long_value - 1);
    request.identifiers[1]->value = long_value;
    refused(&shop, GET_FEATURES, &request, GRPC_STATUS_INVALID_ARGUMENT,
        "identifier 1: identifier email is too long: 1025 bytes");
    Patron__V1__GetVectorsRequest vectors = PATRON__V1__GET_VECTORS_REQUEST__INIT;
    vectors.service = (char *)(uintptr_t) "numbers";
    vectors.element_type = (Patron__V1__ElementType)7;
    refused(&shop, GET_VECTORS, &vectors, GRPC_STATUS_INVALID_ARGUMENT, "element_type 7");
    shop_close(&shop);
}

/* Now and in the past, as columns and as a matrix: the other rows are served. */
static void test_a_value_that_nobody_can_have_is_not_found_in_its_row(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    shop_ingest(&shop, orders, 3);
    Patron__V1__GetVectorsRequest request = PATRON__V1__GET_VECTORS_REQUEST__INIT;
    request.service = (char *)(uintptr_t) "numbers";
    request.n_identifiers = 3;
    request.identifiers = shop_identifiers(&shop, 1, request.n_identifiers);
    request.identifiers[0]->type = (char *)(uintptr_t) "email";
    request.identifiers[0]->value = (char *)(uintptr_t) "no address";
    request.identifiers[2]->value = (char *)(uintptr_t) "";
    static const uint8_t statuses[] = {STATUS_NOT_FOUND, STATUS_PRESENT, STATUS_NOT_FOUND};
    for (int past = 0; past <= 1; past++) {
        shop_call(&shop, GET_VECTORS, &request);
        assert_int_equal(shop.answer.status, GRPC_STATUS_OK);
        Patron__V1__GetVectorsResponse *response =
            patron__v1__get_vectors_response__unpack(NULL, shop.answer.reply.length, shop.answer.reply.data);
        assert_int_equal(response->info->row_statuses.len, sizeof statuses);
        assert_memory_equal(response->info->row_statuses.data, statuses, sizeof statuses);
        request.at_case = PATRON__V1__GET_VECTORS_REQUEST__AT_AS_OF_US;
        request.as_of_us = response->info->as_of_us;
        patron__v1__get_vectors_response__free_unpacked(response, NULL);
    }
    shop_close(&shop);
}

static void refused_bytes(struct shop *shop, const char *path, struct bytes request, const char *words)
{
    client_call(&shop->client, path, request, 5000, &shop->arena, &shop->answer);
    if (shop->answer.status != GRPC_STATUS_INVALID_ARGUMENT || !strstr(shop->answer.words, words))
        fail_msg("%d: %s (wanted: %s)", shop->answer.status, shop->answer.words, words);
}

static void test_bytes_that_are_no_request_are_refused(void **state)
{
    (void)state;
    struct shop shop;
    shop_open(&shop, NULL);
    refused_bytes(&shop, GET_FEATURES,
        bytes_of("\x0a\x05"
                 "all",
            5),
        "malformed");
    refused_bytes(
        &shop, GET_FEATURES, bytes_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 11), "malformed");
    refused_bytes(&shop, GET_FEATURES, bytes_of("\x0b\x0c", 2), "malformed"); /* a group */
    refused_bytes(&shop, GET_FEATURES,
        bytes_of("\x0a\x03"
                 "a\0l",
            5),
        "'service' has a NUL");
    refused_bytes(&shop, GET_FEATURES, bytes_of("\x0a\x02\xff\xfe", 4), "'service' is not UTF-8");
    refused_bytes(&shop, GET_FEATURES, bytes_of("\x1a\x04\x12\x02\xc3\x28", 6), "'value' is not UTF-8");
    size_t length = 2 * (REQUEST_ELEMENTS_MAX + 1);
    uint8_t *crumbs = arena_alloc(&shop.arena, length);
    for (size_t i = 0; i < length; i += 2)
        crumbs[i] = 0x1a; /* an empty identifier */
    refused_bytes(&shop, GET_FEATURES, bytes_of(crumbs, length), "send it in parts");
    shop_close(&shop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_features_come_as_columns_of_their_types_with_a_status_a_value),
        cmocka_unit_test(test_a_cell_without_a_value_is_zero_or_empty_in_every_type),
        cmocka_unit_test(test_a_matrix_holds_the_same_numbers_row_by_row),
        cmocka_unit_test(
            test_what_was_served_now_is_said_again_of_that_moment_after_later_events_and_a_restart),
        cmocka_unit_test(test_an_answer_names_the_version_of_the_definitions_it_is_made_by),
        cmocka_unit_test(test_a_read_of_many_rows_says_what_its_parts_say),
        cmocka_unit_test(test_a_request_without_identifiers_is_answered_with_empty_columns),
        cmocka_unit_test(test_a_wrong_read_is_refused_in_words_that_name_what_is_wrong),
        cmocka_unit_test(test_a_value_that_nobody_can_have_is_not_found_in_its_row),
        cmocka_unit_test(test_bytes_that_are_no_request_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
