/* GetVectors: one dense matrix. A GetVectorsResponse is info = 1, rows = 2, columns = 3, names = 4, matrix =
 * 5 (row-major, little-endian) and validity = 6 (a bit an element, from the least significant of each byte).
 */
#include "server/methods/methods.h"
#include "server/methods/read.h"
#include "server/methods/request.h"
#include "server/methods/wire.h"

enum {
    RESPONSE_INFO = 1,
    RESPONSE_ROWS = 2,
    RESPONSE_COLUMNS = 3,
    RESPONSE_NAMES = 4,
    RESPONSE_MATRIX = 5,
    RESPONSE_VALIDITY = 6,
};

struct matrix {
    bool single; /* float32 */
    uint8_t *elements;
    uint8_t *validity;
};

static const struct feature *feature_of(const struct read *read, size_t column)
{
    return &read->view->definitions->features[read->selection.features[column]];
}

static enum patron_code refuse_text(const struct read *read, struct error *error)
{
    for (size_t i = 0; i < read->selection.count; i++) {
        struct bytes name = feature_of(read, i)->name;
        if (feature_of(read, i)->type == VALUE_TEXT)
            return error_set(error, PATRON_INVALID,
                "feature '%.*s' is text, which no matrix holds; leave it out, or use GetFeatures",
                BYTES_ARGUMENTS(name));
    }
    return PATRON_OK;
}

static enum patron_code begin(struct read *read, struct error *error)
{
    TRY(refuse_text(read, error));
    struct matrix *matrix = read->form_state;
    size_t columns = read->selection.count;
    size_t elements = read->row_count * columns;
    size_t matrix_bytes = elements * (matrix->single ? 4 : 8);
    size_t validity_bytes = (elements + 7) / 8;
    size_t size = read_info_size(read) + wire_number_size(read->row_count) + wire_number_size(columns);
    for (size_t i = 0; i < columns; i++)
        size += wire_bytes_size(feature_of(read, i)->name.length);
    size += wire_bytes_size(matrix_bytes) + wire_bytes_size(validity_bytes);
    uint8_t *reply = call_reply(read->call, size);
    uint8_t *to = read_info_place(read, RESPONSE_INFO, reply);
    to = wire_put_number(to, RESPONSE_ROWS, read->row_count);
    to = wire_put_number(to, RESPONSE_COLUMNS, columns);
    for (size_t i = 0; i < columns; i++)
        to = wire_put_bytes(to, RESPONSE_NAMES, feature_of(read, i)->name);
    matrix->elements = to = wire_put_head(to, RESPONSE_MATRIX, matrix_bytes);
    matrix->validity = to = wire_put_head(to + matrix_bytes, RESPONSE_VALIDITY, validity_bytes);
    memset(matrix->validity, 0, validity_bytes);
    CHECK(to + validity_bytes == reply + size);
    return PATRON_OK;
}

/* True if there is a value, as a number; a stale one is none. */
static bool element(const struct value *value, const struct value *fallback, double *number)
{
    struct value settled;
    if (value->status != STATUS_PRESENT) {
        settled = *value;
        value_settle(&settled, fallback);
        if (settled.status != STATUS_DEFAULT)
            return false;
        value = &settled;
    }
    bool whole = value->type == VALUE_INT64 || value->type == VALUE_BOOL;
    *number = whole ? (double)value->integer : value->real;
    return true;
}

/* One NaN, for the same question gives the same bytes. */
static void put_element(const struct matrix *matrix, size_t at, bool present, double number)
{
    static const uint64_t no_double = UINT64_C(0x7ff8000000000000);
    static const uint32_t no_float = UINT32_C(0x7fc00000);
    float narrow = (float)number;
    if (matrix->single)
        memcpy(matrix->elements + 4 * at, present ? (const void *)&narrow : &no_float, 4);
    else
        memcpy(matrix->elements + 8 * at, present ? (const void *)&number : &no_double, 8);
    if (present)
        matrix->validity[at / 8] = (uint8_t)(matrix->validity[at / 8] | 1 << at % 8);
}

static void put(struct read *read, size_t at, const struct row *row)
{
    const struct matrix *matrix = read->form_state;
    size_t columns = read->selection.count;
    for (size_t i = 0; i < columns; i++) {
        double number = 0;
        const struct value *fallback = read->selection.fallbacks ? read->selection.fallbacks[i] : NULL;
        bool present = element(&row->values[i], fallback, &number);
        put_element(matrix, at * columns + i, present, number);
    }
}

static void end(struct read *read)
{
    (void)read; /* all is in its place */
}

static const struct read_form form = {begin, put, end};

static enum patron_code prepare(
    struct call *call, struct bytes bytes, const Patron__V1__GetVectorsRequest **asked, struct error *error)
{
    ProtobufCMessage *message;
    TRY(request_unpack(&patron__v1__get_vectors_request__descriptor, bytes, &call->arena, &message, error));
    *asked = (const void *)message;
    if ((*asked)->element_type != PATRON__V1__ELEMENT_TYPE__ELEMENT_TYPE_FLOAT64 &&
        (*asked)->element_type != PATRON__V1__ELEMENT_TYPE__ELEMENT_TYPE_FLOAT32)
        return error_set(error, PATRON_INVALID, "element_type %d is none; 0 is FLOAT64, 1 is FLOAT32",
            (int)(*asked)->element_type);
    return PATRON_OK;
}

static void start(struct call *call, struct bytes bytes)
{
    struct error error;
    const Patron__V1__GetVectorsRequest *asked;
    enum patron_code code = prepare(call, bytes, &asked, &error);
    if (code != PATRON_OK) {
        call_finish(call, code, &error);
        return;
    }
    struct read_request request = {
        .service = asked->service,
        .features = asked->features,
        .feature_count = asked->n_features,
        .identifiers = asked->identifiers,
        .identifier_count = asked->n_identifiers,
        .has_as_of = asked->at_case == PATRON__V1__GET_VECTORS_REQUEST__AT_AS_OF_US,
        .as_of_us = asked->as_of_us,
        .definitions_version = asked->definitions_version,
    };
    struct matrix *matrix = arena_alloc(&call->arena, sizeof *matrix);
    matrix->single = asked->element_type == PATRON__V1__ELEMENT_TYPE__ELEMENT_TYPE_FLOAT32;
    read_start(call, &request, &form, matrix);
}

const struct method method_get_vectors = {
    .path = "/patron.v1.Features/GetVectors",
    .shape = METHOD_UNARY,
    .start = start,
    .woken = read_woken,
};
