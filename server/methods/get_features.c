/* GetFeatures: typed columns. A GetFeaturesResponse is info = 1 and columns = 2. Without text its size is
 * known before the first row is read, and every value goes straight to its place in the reply. */
#include "server/methods/columns.h"
#include "server/methods/methods.h"
#include "server/methods/read.h"
#include "server/methods/request.h"

enum { RESPONSE_INFO = 1, RESPONSE_COLUMNS = 2 };

static enum patron_code begin(struct read *read, struct error *error)
{
    (void)error;
    struct columns *columns = read->form_state;
    struct arena *arena = &read->call->arena;
    columns_init(columns, read->view->definitions, &read->selection, COLUMNS_OF_READ, false, arena);
    size_t info_size = read_info_size(read);
    if (columns->has_text) {
        columns_stage(columns, read->row_count, arena);
        read_info_place(read, RESPONSE_INFO, arena_alloc(arena, info_size));
        return PATRON_OK;
    }
    size_t size = info_size + columns_size(columns, read->row_count);
    uint8_t *reply = call_reply(read->call, size);
    uint8_t *to = read_info_place(read, RESPONSE_INFO, reply);
    to = columns_place(columns, read->row_count, RESPONSE_COLUMNS, to);
    CHECK(to == reply + size);
    return PATRON_OK;
}

static void put(struct read *read, size_t at, const struct row *row)
{
    columns_put(read->form_state, at, row, &read->call->arena);
}

static void end(struct read *read)
{
    struct columns *columns = read->form_state;
    if (!columns->has_text)
        return;
    struct read_info staged = read->info;
    size_t rows = read->row_count;
    size_t size = read_info_size(read) + columns_size(columns, rows);
    uint8_t *reply = call_reply(read->call, size);
    uint8_t *to = read_info_place(read, RESPONSE_INFO, reply);
    if (rows) {
        memcpy(read->info.statuses, staged.statuses, rows);
        memcpy(read->info.customers, staged.customers, 8 * rows);
        memcpy(read->info.event_times, staged.event_times, 8 * rows);
        memcpy(read->info.known_ats, staged.known_ats, 8 * rows);
    }
    to = columns_write(columns, rows, RESPONSE_COLUMNS, to);
    CHECK(to == reply + size);
}

static const struct read_form form = {begin, put, end};

static void start(struct call *call, struct bytes bytes)
{
    struct error error;
    ProtobufCMessage *message;
    enum patron_code code =
        request_unpack(&patron__v1__get_features_request__descriptor, bytes, &call->arena, &message, &error);
    if (code != PATRON_OK) {
        call_finish(call, code, &error);
        return;
    }
    const Patron__V1__GetFeaturesRequest *asked = (const void *)message;
    struct read_request request = {
        .service = asked->service,
        .features = asked->features,
        .feature_count = asked->n_features,
        .identifiers = asked->identifiers,
        .identifier_count = asked->n_identifiers,
        .has_as_of = asked->at_case == PATRON__V1__GET_FEATURES_REQUEST__AT_AS_OF_US,
        .as_of_us = asked->as_of_us,
        .definitions_version = asked->definitions_version,
    };
    read_start(call, &request, &form, arena_alloc(&call->arena, sizeof(struct columns)));
}

const struct method method_get_features = {
    .path = "/patron.v1.Features/GetFeatures",
    .shape = METHOD_UNARY,
    .start = start,
    .woken = read_woken,
};
