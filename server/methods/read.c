/* A ReadInfo (patron/v1/features.proto) is written as: as_of_us = 1, definitions_version = 2, and, unless
 * there are no rows, row_statuses = 3, customer_ids = 4, newest_event_times_us = 5, newest_known_ats_us = 6.
 */
#include "server/methods/read.h"

#include <time.h>

#include "server/methods/services.h"
#include "server/methods/view_at.h"
#include "server/methods/wire.h"
#include "store/base/limits.h"
#include "store/versions/versions.h"

enum {
    INFO_AS_OF = 1,
    INFO_VERSION = 2,
    INFO_STATUSES = 3,
    INFO_CUSTOMERS = 4,
    INFO_EVENT_TIMES = 5,
    INFO_KNOWN_ATS = 6,
};

/* How long a worker stays with one read before others have a turn. */
enum { SLICE_US = 20000 };

static struct port *port_of(const struct read *read)
{
    return read->call->services->port;
}

/* --- the info ---------------------------------------------------------------------------------------------
 */

static size_t info_length(const struct read *read)
{
    size_t rows = read->row_count;
    size_t length = 1 + 8 + wire_number_size(read->view->definitions->version);
    if (rows)
        length += wire_bytes_size(rows) + 3 * wire_bytes_size(8 * rows);
    return length;
}

size_t read_info_size(const struct read *read)
{
    return wire_bytes_size(info_length(read));
}

uint8_t *read_info_place(struct read *read, int field, uint8_t *to)
{
    size_t rows = read->row_count;
    to = wire_put_head(to, field, info_length(read));
    to = wire_put_fixed64(to, INFO_AS_OF, (uint64_t)read->as_of_us);
    to = wire_put_number(to, INFO_VERSION, read->view->definitions->version);
    if (rows == 0)
        return to;
    read->info.statuses = to = wire_put_head(to, INFO_STATUSES, rows);
    read->info.customers = to = wire_put_head(to + rows, INFO_CUSTOMERS, 8 * rows);
    read->info.event_times = to = wire_put_head(to + 8 * rows, INFO_EVENT_TIMES, 8 * rows);
    read->info.known_ats = to = wire_put_head(to + 8 * rows, INFO_KNOWN_ATS, 8 * rows);
    return to + 8 * rows;
}

static void info_put(struct read_info *info, size_t at, const struct row *row)
{
    bool found = row->status == STATUS_PRESENT;
    uint64_t customer = found ? row->customer : 0;
    int64_t event_time = found ? row->newest_event_time_us : INT64_MIN;
    int64_t known_at = found ? row->newest_known_at_us : INT64_MIN;
    info->statuses[at] = row->status;
    memcpy(info->customers + 8 * at, &customer, 8);
    memcpy(info->event_times + 8 * at, &event_time, 8);
    memcpy(info->known_ats + 8 * at, &known_at, 8);
}

/* --- the rows ---------------------------------------------------------------------------------------------
 */

static int64_t steady_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

static enum patron_code read_row(struct read *read, size_t at, struct row *row, struct error *error)
{
    struct arena *scratch = &read->call->scratch;
    arena_reset(scratch);
    row->values = read->values;
    enum patron_code code = read->past ? read_as_of(read->view, &read->selection, &read->identifiers[at],
                                             read->as_of_us, scratch, row, error)
                                       : read_now(read->view, &read->selection, &read->identifiers[at],
                                             read->as_of_us, scratch, row, error);
    return code == PATRON_OK ? PATRON_OK : error_prefix(error, code, "identifier %zu: ", at);
}

/* Reads rows until the end or, on a worker, until its turn is over. True when there is nothing left to do. */
static bool read_rows(struct read *read, bool in_turns)
{
    int64_t turn_ends_us = in_turns ? steady_us() + SLICE_US : INT64_MAX;
    while (read->next < read->row_count) {
        if (in_turns && call_is_over(read->call)) {
            read->code = error_set(&read->error, PATRON_CANCELLED, "nobody waits for the answer any more");
            return true;
        }
        struct row row = {0};
        read->code = read_row(read, read->next, &row, &read->error);
        if (read->code != PATRON_OK)
            return true;
        info_put(&read->info, read->next, &row);
        read->form->put(read, read->next, &row);
        read->not_found += row.status == STATUS_NOT_FOUND;
        read->next++;
        if (in_turns && steady_us() >= turn_ends_us)
            return read->next == read->row_count;
    }
    return true;
}

static void count_rows(const struct read *read)
{
    struct metrics *metrics = read->call->services->metrics;
    metrics_add(metrics, read->past ? METRIC_ROWS_AS_OF : METRIC_ROWS_NOW, read->next);
    if (read->not_found)
        metrics_add(metrics, METRIC_ROWS_NOT_FOUND, read->not_found);
}

static void work(void *argument)
{
    struct read *read = argument;
    struct port *port = port_of(read);
    while (!read_rows(read, true)) {
        /* Others first; but if the queue is full there is none who could not wait. */
        if (port->functions->run(port, work, read, NULL) == PATRON_OK)
            return;
    }
    if (read->code == PATRON_OK)
        read->form->end(read);
    call_wake(read->call);
}

/* Before the answer is sent: a client that is slow to take it must not keep a view alive. */
static void let_go(struct read *read)
{
    if (read->held)
        port_of(read)->functions->view_release(port_of(read), read->held);
    if (read->background)
        services_end_background(read->call->services);
    read->held = NULL;
    read->view = NULL;
    read->background = false;
}

void read_woken(struct call *call)
{
    struct read *read = call->state;
    count_rows(read);
    let_go(read);
    call_finish(call, read->code, &read->error);
}

/* --- the request ------------------------------------------------------------------------------------------
 */

static enum patron_code check_sizes(const struct read_request *request, struct error *error)
{
    if (request->identifier_count > READ_IDENTIFIERS_MAX)
        return error_set(error, PATRON_INVALID, "%zu identifiers in one request; at most %d",
            request->identifier_count, READ_IDENTIFIERS_MAX);
    if (request->feature_count > READ_FEATURES_MAX)
        return error_set(error, PATRON_INVALID, "%zu features in one request; at most %d",
            request->feature_count, READ_FEATURES_MAX);
    if (request->service[0] && request->feature_count)
        return error_set(
            error, PATRON_INVALID, "both a service and features by name are given; give one of them");
    if (!request->service[0] && !request->feature_count)
        return error_set(error, PATRON_INVALID, "neither a service nor features are given");
    return PATRON_OK;
}

static enum patron_code choose_features(
    struct read *read, const struct read_request *request, struct error *error)
{
    struct arena *arena = &read->call->arena;
    struct bytes *names = arena_array(arena, request->feature_count, sizeof names[0]);
    for (size_t i = 0; i < request->feature_count; i++)
        names[i] = bytes_from_string(request->features[i]);
    TRY(definitions_select(read->view->definitions, bytes_from_string(request->service), names,
        request->feature_count, arena, &read->selection, error));
    if (read->selection.count * request->identifier_count > READ_CELLS_MAX)
        return error_set(error, PATRON_INVALID,
            "%zu identifiers times %zu features are more than %d values; ask in parts",
            request->identifier_count, read->selection.count, READ_CELLS_MAX);
    return PATRON_OK;
}

static enum patron_code choose_view(
    struct read *read, const struct read_request *request, struct error *error)
{
    struct port *port = port_of(read);
    read->past = request->has_as_of;
    if (!read->past) {
        read->held = port->functions->view_acquire(port, &read->as_of_us);
        return PATRON_OK;
    }
    int64_t latest_us;
    read->as_of_us = request->as_of_us;
    enum patron_code code = view_at(port, read->as_of_us, &read->held, &latest_us, error);
    return code == PATRON_OK ? PATRON_OK : error_prefix(error, code, "as_of_us ");
}

static enum patron_code choose_version(
    struct read *read, const struct read_request *request, struct error *error)
{
    struct view *asked = arena_alloc(&read->call->arena, sizeof *asked);
    TRY(view_of_version(read->held, request->definitions_version, asked, error));
    read->past = read->past || asked->definitions != read->held->definitions;
    read->view = asked;
    return PATRON_OK;
}

static enum patron_code prepare(struct read *read, const struct read_request *request, struct error *error)
{
    TRY(check_sizes(request, error));
    TRY(choose_view(read, request, error));
    TRY(choose_version(read, request, error));
    TRY(choose_features(read, request, error));
    struct arena *arena = &read->call->arena;
    read->row_count = request->identifier_count;
    read->identifiers = arena_array(arena, read->row_count, sizeof read->identifiers[0]);
    for (size_t i = 0; i < read->row_count; i++)
        read->identifiers[i] = (struct event_identifier){bytes_from_string(request->identifiers[i]->type),
            bytes_from_string(request->identifiers[i]->value)};
    read->values = arena_array(arena, read->selection.count, sizeof read->values[0]);
    if (read->past || read->row_count > READ_INLINE_ROWS_MAX) {
        TRY(services_begin_background(read->call->services, error));
        read->background = true;
    }
    return read->form->begin(read, error);
}

void read_start(
    struct call *call, const struct read_request *request, const struct read_form *form, void *form_state)
{
    struct read *read = arena_alloc(&call->arena, sizeof *read);
    read->call = call;
    read->form = form;
    read->form_state = form_state;
    call->state = read;
    read->code = prepare(read, request, &read->error);
    if (read->code == PATRON_OK && read->background) {
        struct error error;
        struct port *port = port_of(read);
        call_hold(call);
        enum patron_code code = port->functions->run(port, work, read, &error);
        if (code == PATRON_OK)
            return; /* the worker has it, and may be done with it already */
        call_release(call);
        let_go(read);
        call_finish(call, code, &error);
        return;
    }
    if (read->code == PATRON_OK) {
        read_rows(read, false);
        if (read->code == PATRON_OK)
            form->end(read);
        count_rows(read);
    }
    let_go(read);
    call_finish(call, read->code, &read->error);
}
