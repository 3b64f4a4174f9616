/* Snapshot: a plan and a spine in, a manifest, rows and an end out.
 *
 *     PLAN --rows--> SPINE --half close--> ROWS --last row--> finish
 *       `--------generated spine------------^
 *
 * A worker does everything that touches the store: it opens the snapshot, takes in a message of the spine, or
 * fills one message of rows; then the gRPC thread has the call again. One job at a time. While one message of
 * rows is on its way to the client the next is made, and then the worker stops until the first is out: a slow
 * reader holds two messages, and a reader that left, none. A message ends by its size alone, never by the
 * time it took, so that the same snapshot comes in the same messages.
 *
 * SnapshotRows is written by hand: row_statuses = 1, customer_ids = 2, as_of_us = 3, spine_rows = 4, columns
 * = 5; within a SnapshotResponse it is rows = 2. */
#include <ftw.h>
#include <stdio.h>
#include <time.h>

#include "patron/v1/snapshots.pb-c.h"
#include "server/methods/columns.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/request.h"
#include "server/methods/services.h"
#include "server/methods/view_at.h"
#include "server/methods/wire.h"
#include "store/base/limits.h"
#include "store/versions/versions.h"

enum {
    RESPONSE_ROWS = 2,
    ROWS_STATUSES = 1,
    ROWS_CUSTOMERS = 2,
    ROWS_AS_OF = 3,
    ROWS_SPINE_ROWS = 4,
    ROWS_COLUMNS = 5
};

enum {
    MESSAGE_BYTES = 128 * 1024, /* of rows, about */
    MESSAGE_ROWS_MIN = 16,
    MESSAGE_ROWS_MAX = 8192,
    TEXT_BYTES_GUESS = 16, /* of one text, to choose the rows of a message by */
    SLICE_MS = 20,         /* how long a worker stays before others have a turn */
};

/* What must be given back on a worker, for that may touch the disk, perhaps after the call is gone. */
struct held {
    struct services *services;
    const struct view *view;
    struct view asked; /* as the version of the definitions sees it that was asked for */
    struct snapshot *snapshot;
    char directory[512]; /* "": none */
};

enum phase { PHASE_PLAN, PHASE_SPINE, PHASE_ROWS };

struct taking {
    struct call *call;
    struct held *held;
    enum phase phase;
    bool working; /* a worker has all of this but `sending` and `draining` */
    bool ready;   /* a reply waits for the one before it */
    bool sending;
    bool draining;
    /* The plan. */
    struct selection selection;
    bool exact_money;
    int64_t *moments_us; /* null: the spine is sent */
    size_t moment_count;
    int64_t latest_us; /* that can be asked for */
    uint64_t spine_rows_taken;
    /* One message of the spine, in the call's scratch arena; null: none. */
    const Patron__V1__SpineRows *spine;
    /* One message of rows, in `chunk`. */
    struct arena chunk;
    struct columns columns;
    size_t chunk_rows_max;
    size_t chunk_rows;
    uint8_t *statuses;
    uint64_t *customers;
    int64_t *as_of_us;
    uint64_t *spine_rows;
    bool manifest_made;
    bool end_made;
    uint64_t rows;
    uint64_t not_found;
    enum patron_code code;
    struct error error;
};

static struct port *port_of(const struct taking *taking)
{
    return taking->call->services->port;
}

/* --- giving back ------------------------------------------------------------------------------------------
 */

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

static void give_back(void *argument)
{
    struct held *held = argument;
    struct port *port = held->services->port;
    snapshot_free(held->snapshot);
    /* What stays behind is thrown away at the next start. */
    if (held->directory[0])
        (void)nftw(held->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    if (held->view)
        port->functions->view_release(port, held->view);
    services_end_background(held->services);
    memory_free(held);
}

/* --- on the worker: the store -----------------------------------------------------------------------------
 */

static enum patron_code open_snapshot(struct taking *taking, struct error *error)
{
    struct held *held = taking->held;
    struct snapshot_options options = {
        .view = &held->asked,
        .selection = taking->selection,
        .every_customer_at_us = taking->moments_us,
        .every_customer_at_count = taking->moment_count,
    };
    const char *scratch = port_of(taking)->functions->scratch_directory(port_of(taking));
    if (!taking->moments_us && scratch) {
        static _Atomic uint64_t last;
        int length = snprintf(held->directory, sizeof held->directory, "%s/snapshot-%llu", scratch,
            (unsigned long long)atomic_fetch_add(&last, 1));
        if (length < 0 || (size_t)length >= sizeof held->directory)
            return error_set(error, PATRON_IO, "the scratch directory's name is too long");
        options.scratch_directory = held->directory;
    }
    return snapshot_new(&options, &held->snapshot, error);
}

static enum patron_code take_spine(struct taking *taking, struct error *error)
{
    const Patron__V1__SpineRows *spine = taking->spine;
    for (size_t i = 0; i < spine->n_identifiers; i++) {
        struct event_identifier identifier = {
            bytes_from_string(spine->identifiers[i]->type), bytes_from_string(spine->identifiers[i]->value)};
        TRY(snapshot_spine_add(taking->held->snapshot, &identifier, spine->as_of_us[i], error));
    }
    taking->spine = NULL;
    return PATRON_OK;
}

/* --- on the worker: the answer ----------------------------------------------------------------------------
 */

static void reply_manifest(struct taking *taking)
{
    struct call *call = taking->call;
    const struct view *view = &taking->held->asked;
    const struct definitions *definitions = view->definitions;
    Patron__V1__SnapshotManifest manifest = PATRON__V1__SNAPSHOT_MANIFEST__INIT;
    manifest.position_us = view->position_us;
    manifest.definitions_version = definitions->version;
    manifest.build = (char *)(uintptr_t)call->services->version;
    manifest.currency = arena_string(&call->arena, definitions->currency);
    manifest.time_zone = arena_string(&call->arena, definitions->time_zone_name);
    manifest.columns = arena_array(&call->arena, taking->selection.count, sizeof(void *));
    for (size_t i = 0; i < taking->selection.count; i++) {
        Patron__V1__Column *column = arena_alloc(&call->arena, sizeof *column);
        patron__v1__column__init(column);
        column->name = arena_string(&call->arena, taking->columns.column[i].name);
        column->type = (Patron__V1__ValueType)taking->columns.column[i].type;
        manifest.columns[manifest.n_columns++] = column;
    }
    Patron__V1__SnapshotResponse response = PATRON__V1__SNAPSHOT_RESPONSE__INIT;
    response.part_case = PATRON__V1__SNAPSHOT_RESPONSE__PART_MANIFEST;
    response.manifest = &manifest;
    reply_message(call, &response.base);
    taking->manifest_made = true;
}

static void reply_end(struct taking *taking)
{
    Patron__V1__SnapshotEnd end = PATRON__V1__SNAPSHOT_END__INIT;
    end.rows = taking->rows;
    end.not_found = taking->not_found;
    Patron__V1__SnapshotResponse response = PATRON__V1__SNAPSHOT_RESPONSE__INIT;
    response.part_case = PATRON__V1__SNAPSHOT_RESPONSE__PART_END;
    response.end = &end;
    reply_message(taking->call, &response.base);
    taking->end_made = true;
}

static void reply_rows(struct taking *taking)
{
    size_t rows = taking->chunk_rows;
    size_t inner =
        wire_bytes_size(rows) + 3 * wire_bytes_size(8 * rows) + columns_size(&taking->columns, rows);
    size_t size = wire_bytes_size(inner);
    uint8_t *reply = call_reply(taking->call, size);
    uint8_t *to = wire_put_head(reply, RESPONSE_ROWS, inner);
    to = wire_put_bytes(to, ROWS_STATUSES, bytes_of(taking->statuses, rows));
    to = wire_put_bytes(to, ROWS_CUSTOMERS, bytes_of(taking->customers, 8 * rows));
    to = wire_put_bytes(to, ROWS_AS_OF, bytes_of(taking->as_of_us, 8 * rows));
    to = wire_put_bytes(to, ROWS_SPINE_ROWS, bytes_of(taking->spine_rows, 8 * rows));
    to = columns_write(&taking->columns, rows, ROWS_COLUMNS, to);
    CHECK(to == reply + size);
    taking->rows += rows;
    taking->chunk_rows = 0;
    metrics_add(taking->call->services->metrics, METRIC_ROWS_SNAPSHOT, rows);
}

static void begin_chunk(struct taking *taking)
{
    struct arena *chunk = &taking->chunk;
    size_t rows = taking->chunk_rows_max;
    arena_reset(chunk);
    columns_stage(&taking->columns, rows, chunk);
    taking->statuses = arena_alloc(chunk, rows);
    taking->customers = arena_array(chunk, rows, sizeof taking->customers[0]);
    taking->as_of_us = arena_array(chunk, rows, sizeof taking->as_of_us[0]);
    taking->spine_rows = arena_array(chunk, rows, sizeof taking->spine_rows[0]);
}

static void put_row(struct taking *taking, const struct snapshot_row *row)
{
    size_t at = taking->chunk_rows++;
    taking->statuses[at] = row->row.status;
    taking->customers[at] = row->row.status == STATUS_PRESENT ? row->row.customer : 0;
    taking->as_of_us[at] = row->as_of_us;
    taking->spine_rows[at] = row->spine_row;
    taking->not_found += row->row.status == STATUS_NOT_FOUND;
    columns_put(&taking->columns, at, &row->row, &taking->chunk);
}

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* Goes on with the message of rows; *made says that there is a reply, else the worker's turn is over. */
static enum patron_code fill_rows(struct taking *taking, bool *made, struct error *error)
{
    int64_t turn_ends_ms = steady_ms() + SLICE_MS;
    if (taking->chunk_rows == 0)
        begin_chunk(taking);
    for (;;) {
        struct snapshot_row row;
        enum patron_code code = snapshot_next(taking->held->snapshot, &row, error);
        if (code == PATRON_NOT_FOUND)
            break;
        if (code != PATRON_OK)
            return code;
        put_row(taking, &row);
        if (taking->chunk_rows == taking->chunk_rows_max || taking->columns.text_bytes >= MESSAGE_BYTES)
            break;
        if (call_is_over(taking->call))
            return error_set(error, PATRON_CANCELLED, "nobody waits for the snapshot any more");
        if (steady_ms() >= turn_ends_ms)
            return PATRON_OK;
    }
    *made = true;
    if (taking->chunk_rows)
        reply_rows(taking);
    else
        reply_end(taking);
    return PATRON_OK;
}

/* One job: whatever is next. *again: the turn is over before the job. */
static enum patron_code do_job(struct taking *taking, bool *again, struct error *error)
{
    if (call_is_over(taking->call))
        return error_set(error, PATRON_CANCELLED, "nobody waits for the snapshot any more");
    if (!taking->held->snapshot)
        TRY(open_snapshot(taking, error));
    if (taking->spine)
        return take_spine(taking, error);
    if (taking->phase != PHASE_ROWS)
        return PATRON_OK;
    if (!taking->manifest_made) {
        reply_manifest(taking);
        return PATRON_OK;
    }
    bool made = false;
    enum patron_code code = fill_rows(taking, &made, error);
    *again = code == PATRON_OK && !made;
    return code;
}

static void work(void *argument)
{
    struct taking *taking = argument;
    struct port *port = port_of(taking);
    for (bool again = true; again;) {
        again = false;
        taking->code = do_job(taking, &again, &taking->error);
        /* Others first; but if the queue is full there is none who could not wait. */
        if (again && port->functions->run(port, work, taking, NULL) == PATRON_OK)
            return;
    }
    call_wake(taking->call);
}

/* --- on the gRPC thread: the plan -------------------------------------------------------------------------
 */

static void give_to_worker(struct taking *taking)
{
    struct error error;
    struct port *port = port_of(taking);
    taking->working = true;
    call_hold(taking->call);
    enum patron_code code = port->functions->run(port, work, taking, &error);
    if (code == PATRON_OK)
        return;
    taking->working = false;
    call_release(taking->call);
    call_finish(taking->call, code, &error);
}

static enum patron_code choose_moments(
    struct taking *taking, const Patron__V1__GeneratedSpine *generated, struct error *error)
{
    if (generated->n_as_of_us == 0)
        return error_set(error, PATRON_INVALID, "a generated spine needs at least one moment");
    if (generated->n_as_of_us > SPINE_MOMENTS_MAX)
        return error_set(error, PATRON_INVALID, "%zu moments in a generated spine; at most %d",
            generated->n_as_of_us, SPINE_MOMENTS_MAX);
    taking->moment_count = generated->n_as_of_us;
    taking->moments_us =
        arena_array(&taking->call->arena, taking->moment_count, sizeof taking->moments_us[0]);
    memcpy(taking->moments_us, generated->as_of_us, taking->moment_count * sizeof taking->moments_us[0]);
    return PATRON_OK;
}

static enum patron_code choose_view(
    struct taking *taking, const Patron__V1__GeneratedSpine *generated, struct error *error)
{
    struct port *port = port_of(taking);
    if (!generated) {
        taking->held->view = view_at_some(port, &taking->latest_us);
        return PATRON_OK;
    }
    TRY(choose_moments(taking, generated, error));
    int64_t last_us = taking->moments_us[taking->moment_count - 1];
    enum patron_code code = view_at(port, last_us, &taking->held->view, &taking->latest_us, error);
    return code == PATRON_OK ? PATRON_OK
                             : error_prefix(error, code, "the last moment of the generated spine, ");
}

static void choose_chunk(struct taking *taking)
{
    size_t row_bytes = 1 + 3 * 8;
    for (size_t i = 0; i < taking->columns.count; i++)
        row_bytes += 1 + (taking->columns.column[i].type == VALUE_TEXT ? TEXT_BYTES_GUESS : 8);
    size_t rows = MESSAGE_BYTES / row_bytes;
    taking->chunk_rows_max = rows < MESSAGE_ROWS_MIN   ? MESSAGE_ROWS_MIN
                             : rows > MESSAGE_ROWS_MAX ? MESSAGE_ROWS_MAX
                                                       : rows;
}

static enum patron_code take_plan(
    struct taking *taking, const Patron__V1__SnapshotPlan *plan, struct error *error)
{
    struct call *call = taking->call;
    if (plan->n_features > READ_FEATURES_MAX)
        return error_set(error, PATRON_INVALID, "%zu features in one snapshot; at most %d", plan->n_features,
            READ_FEATURES_MAX);
    if (!!plan->service[0] == !!plan->n_features)
        return error_set(error, PATRON_INVALID, "give either a service or features, one of them");
    TRY(services_begin_background(call->services, error));
    taking->held = memory_alloc(sizeof *taking->held);
    taking->held->services = call->services;
    TRY(choose_view(taking, plan->generated, error));
    struct view *asked = &taking->held->asked;
    TRY(view_of_version(taking->held->view, plan->definitions_version, asked, error));
    struct bytes *names = arena_array(&call->arena, plan->n_features, sizeof names[0]);
    for (size_t i = 0; i < plan->n_features; i++)
        names[i] = bytes_from_string(plan->features[i]);
    const struct definitions *definitions = asked->definitions;
    TRY(definitions_select(definitions, bytes_from_string(plan->service), names, plan->n_features,
        &call->arena, &taking->selection, error));
    taking->exact_money = plan->exact_money != 0;
    columns_init(&taking->columns, definitions, &taking->selection, COLUMNS_OF_SNAPSHOT, taking->exact_money,
        &call->arena);
    choose_chunk(taking);
    taking->phase = plan->generated ? PHASE_ROWS : PHASE_SPINE;
    metrics_add(call->services->metrics, METRIC_SNAPSHOTS, 1);
    return PATRON_OK;
}

static enum patron_code check_moments(
    struct taking *taking, const Patron__V1__SpineRows *rows, struct error *error)
{
    for (size_t i = 0; i < rows->n_as_of_us; i++) {
        int64_t moment_us = rows->as_of_us[i];
        if (moment_us > taking->latest_us)
            view_at_extend(port_of(taking), taking->held->view, &taking->latest_us);
        enum patron_code code = view_at_check(moment_us, taking->latest_us, error);
        if (code != PATRON_OK)
            return error_prefix(
                error, code, "row %ju of the spine: ", (uintmax_t)taking->spine_rows_taken + i);
    }
    taking->spine_rows_taken += rows->n_as_of_us;
    return PATRON_OK;
}

static enum patron_code take_part(struct taking *taking, struct bytes bytes, struct error *error)
{
    ProtobufCMessage *message;
    /* The plan's names are looked at later too, so it stays; a spine's message is done with before the next
     * comes. */
    struct arena *arena = taking->phase == PHASE_PLAN ? &taking->call->arena : &taking->call->scratch;
    if (arena == &taking->call->scratch)
        arena_reset(arena);
    TRY(request_unpack(&patron__v1__snapshot_request__descriptor, bytes, arena, &message, error));
    const Patron__V1__SnapshotRequest *request = (const void *)message;
    if (taking->phase == PHASE_PLAN) {
        if (request->part_case != PATRON__V1__SNAPSHOT_REQUEST__PART_PLAN)
            return error_set(error, PATRON_INVALID, "the first message of a snapshot must be its plan");
        return take_plan(taking, request->plan, error);
    }
    if (request->part_case != PATRON__V1__SNAPSHOT_REQUEST__PART_ROWS)
        return error_set(error, PATRON_INVALID, "after its plan a snapshot takes rows of a spine");
    const Patron__V1__SpineRows *rows = request->rows;
    if (rows->n_identifiers != rows->n_as_of_us)
        return error_set(error, PATRON_INVALID, "a message of the spine has %zu identifiers and %zu moments",
            rows->n_identifiers, rows->n_as_of_us);
    if (rows->n_identifiers > SPINE_CHUNK_ROWS_MAX)
        return error_set(error, PATRON_INVALID, "%zu rows in one message of the spine; at most %d",
            rows->n_identifiers, SPINE_CHUNK_ROWS_MAX);
    TRY(check_moments(taking, rows, error));
    taking->spine = rows;
    return PATRON_OK;
}

/* --- on the gRPC thread: the stream -----------------------------------------------------------------------
 */

static void start(struct call *call, struct bytes request)
{
    (void)request;
    struct taking *taking = arena_alloc(&call->arena, sizeof *taking);
    taking->call = call;
    call->state = taking;
    call_read(call);
}

static void message(struct call *call, struct bytes bytes)
{
    struct taking *taking = call->state;
    struct error error;
    enum patron_code code = take_part(taking, bytes, &error);
    if (code == PATRON_OK)
        give_to_worker(taking);
    else
        call_finish(call, code, &error);
}

static void half_closed(struct call *call)
{
    struct taking *taking = call->state;
    if (taking->phase == PHASE_PLAN) {
        struct error error;
        call_finish(
            call, error_set(&error, PATRON_INVALID, "a snapshot begins with a plan; there was none"), &error);
        return;
    }
    taking->phase = PHASE_ROWS;
    give_to_worker(taking);
}

static void send_ready(struct taking *taking)
{
    taking->ready = false;
    if (taking->end_made) {
        call_finish(taking->call, PATRON_OK, NULL);
        return;
    }
    taking->sending = true;
    call_send(taking->call);
    give_to_worker(taking);
}

static void finish_drained(struct call *call)
{
    struct error error;
    call_finish(
        call, error_set(&error, PATRON_BUSY, "the server is shutting down; take the snapshot anew"), &error);
}

static void woken(struct call *call)
{
    struct taking *taking = call->state;
    taking->working = false;
    if (taking->code != PATRON_OK || call_is_over(call)) {
        call_finish(call, taking->code == PATRON_OK ? PATRON_CANCELLED : taking->code, &taking->error);
    } else if (taking->draining) {
        finish_drained(call);
    } else if (taking->phase == PHASE_SPINE) {
        call_read(call);
    } else {
        taking->ready = true;
        if (!taking->sending)
            send_ready(taking);
    }
}

static void sent(struct call *call)
{
    struct taking *taking = call->state;
    taking->sending = false;
    if (taking->ready && !taking->draining)
        send_ready(taking);
}

static void drain(struct call *call)
{
    struct taking *taking = call->state;
    taking->draining = true;
    if (!taking->working)
        finish_drained(call);
}

static void stop(struct call *call)
{
    struct taking *taking = call->state;
    arena_clear(&taking->chunk);
    if (!taking->held)
        return;
    struct port *port = port_of(taking);
    if (!taking->held->snapshot || port->functions->run(port, give_back, taking->held, NULL) != PATRON_OK)
        give_back(taking->held);
}

const struct method method_snapshot = {
    .path = "/patron.v1.Snapshots/Snapshot",
    .shape = METHOD_STREAMS,
    .start = start,
    .message = message,
    .half_closed = half_closed,
    .sent = sent,
    .woken = woken,
    .drain = drain,
    .stop = stop,
};
