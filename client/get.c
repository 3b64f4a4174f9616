/* `patron get`: features of customers, online or as of a past moment.
 *
 * One reply is turned into a grid of names, row facts and cells, which three printers write: a table for people, JSON
 * and CSV for scripts. A matrix (--vectors) becomes columns of doubles first, so the printers know one shape only. */
#include <csv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "client/moments.h"
#include "client/rpc.h"
#include "client/table.h"
#include "client/values.h"
#include "patron/v1/features.pb-c.h"
#include "store/base/arena.h"
#include "store/base/limits.h"
#include "store/base/time_text.h"

struct get_options {
    const char *server, *service, *as_of, *output, *definitions_version;
    struct flag_list features, ids;
    bool vectors;
};

#define OPTION(member) offsetof(struct get_options, member)

static const struct flag get_flags[] = {
    {"service", NULL, 0, FLAG_TEXT, "NAME", "the features of this service, in its order", OPTION(service)},
    {"features", "feature", 0, FLAG_LIST, "A,B,…", "features by name; repeatable", OPTION(features)},
    {"id", NULL, 0, FLAG_LIST, "TYPE:VALUE", "an identifier of a customer; repeatable", OPTION(ids)},
    {"as-of", NULL, 0, FLAG_TEXT, "TIME", "what was known just before this moment (RFC 3339 or microseconds)",
        OPTION(as_of)},
    {"definitions-version", NULL, 0, FLAG_TEXT, "N", "as this version of the definitions has it, folded from events",
        OPTION(definitions_version)},
    {"vectors", NULL, 0, FLAG_SWITCH, NULL, "as the matrix that a model takes: numbers only",
        OPTION(vectors)},
    {"output", NULL, 'o', FLAG_TEXT, "table|json|csv", "how to print it (default table)", OPTION(output)},
    SERVER_FLAG(struct get_options),
};

struct get {
    struct get_options options;
    struct arena arena;
    char **features;
    size_t feature_count;
    Patron__V1__Identifier **identifiers;
    bool has_as_of;
    int64_t as_of_us;
    uint32_t definitions_version;
};

/* --- the question --- */

static void features_split(struct get *get)
{
    size_t room = 0;
    for (size_t i = 0; i < get->options.features.count; i++)
        room += strlen(get->options.features.values[i]) + 1;
    get->features = arena_array(&get->arena, room, sizeof *get->features);
    for (size_t i = 0; i < get->options.features.count; i++) {
        const char *at = get->options.features.values[i];
        for (;;) {
            size_t length = strcspn(at, ",");
            if (length > 0)
                get->features[get->feature_count++] = arena_string(&get->arena, bytes_of(at, length));
            if (at[length] == '\0')
                break;
            at += length + 1;
        }
    }
}

static enum patron_code identifiers_split(struct get *get, struct error *error)
{
    size_t count = get->options.ids.count;
    if (count == 0 || count > READ_IDENTIFIERS_MAX)
        return error_set(
            error, PATRON_INVALID, "name 1 to %d customers with --id TYPE:VALUE", READ_IDENTIFIERS_MAX);
    get->identifiers = arena_array(&get->arena, count, sizeof *get->identifiers);
    for (size_t i = 0; i < count; i++) {
        char *type;
        const char *value;
        if (split_pair(get->options.ids.values[i], ':', &type, &value, NULL) != PATRON_OK)
            return error_set(error, PATRON_INVALID,
                "--id is TYPE:VALUE, such as email:ada@example.org, not '%.100s'",
                get->options.ids.values[i]);
        Patron__V1__Identifier *identifier = arena_alloc(&get->arena, sizeof *identifier);
        patron__v1__identifier__init(identifier);
        identifier->type = arena_string(&get->arena, bytes_from_string(type));
        identifier->value = arena_string(&get->arena, bytes_from_string(value));
        get->identifiers[i] = identifier;
        memory_free(type);
    }
    return PATRON_OK;
}

static enum patron_code options_check(struct get *get, const struct flag_list *rest, struct error *error)
{
    const struct get_options *o = &get->options;
    if (rest->count > 0)
        return error_set(error, PATRON_INVALID, "'%.100s' is not expected here; identifiers go after --id",
            rest->values[0]);
    features_split(get);
    if (!o->service == (get->feature_count == 0))
        return error_set(error, PATRON_INVALID, "say what to read: either --service NAME or --features A,B");
    if (o->output && strcmp(o->output, "table") != 0 && strcmp(o->output, "json") != 0 &&
        strcmp(o->output, "csv") != 0)
        return error_set(error, PATRON_INVALID, "--output is table, json or csv, not '%.40s'", o->output);
    get->has_as_of = o->as_of != NULL;
    if (o->as_of)
        TRY(moment_parse(bytes_from_string(o->as_of), &get->as_of_us, error));
    TRY(parse_definitions_version(o->definitions_version, &get->definitions_version, error));
    return identifiers_split(get, error);
}

/* --- the answer --- */

struct grid {
    const Patron__V1__ReadInfo *info;
    Patron__V1__Column **columns;
    size_t column_count, row_count;
    bool remarked; /* it is known which values are defaults or stale; of a matrix it is not */
};

static enum patron_code grid_check(const struct get *get, struct grid *grid, struct error *error)
{
    grid->row_count = get->options.ids.count;
    const Patron__V1__ReadInfo *info = grid->info;
    if (!info || info->row_statuses.len != grid->row_count || info->n_customer_ids != grid->row_count ||
        info->n_newest_event_times_us != grid->row_count || info->n_newest_known_ats_us != grid->row_count)
        return error_set(error, PATRON_CORRUPT, "the server's answer has not a row for each identifier");
    for (size_t i = 0; i < grid->column_count; i++)
        TRY(column_check(grid->columns[i], grid->row_count, error));
    return PATRON_OK;
}

static double double_at(const uint8_t *bytes)
{
    uint64_t word = 0;
    for (int i = 0; i < 8; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    double value;
    memcpy(&value, &word, sizeof value);
    return value;
}

/* The columns of a matrix; their memory is the arena's. */
static enum patron_code matrix_to_columns(
    struct get *get, const Patron__V1__GetVectorsResponse *reply, struct grid *grid, struct error *error)
{
    size_t rows = reply->rows, columns = reply->columns, cells = rows * columns;
    if (rows != get->options.ids.count || reply->n_names != columns || reply->matrix.len != cells * 8 ||
        reply->validity.len < (cells + 7) / 8)
        return error_set(error, PATRON_CORRUPT, "the server's matrix is not of the size it says");
    grid->columns = arena_array(&get->arena, columns, sizeof *grid->columns);
    grid->column_count = columns;
    for (size_t c = 0; c < columns; c++) {
        Patron__V1__Column *column = grid->columns[c] = arena_alloc(&get->arena, sizeof *column);
        patron__v1__column__init(column);
        column->name = reply->names[c];
        column->type = PATRON__V1__VALUE_TYPE__VALUE_TYPE_DOUBLE;
        column->doubles = arena_array(&get->arena, rows, sizeof *column->doubles);
        column->statuses.data = arena_alloc(&get->arena, rows);
        column->n_doubles = column->statuses.len = rows;
        for (size_t r = 0; r < rows; r++) {
            size_t cell = r * columns + c;
            column->doubles[r] = double_at(reply->matrix.data + 8 * cell);
            bool valid = (reply->validity.data[cell / 8] >> (cell % 8) & 1) != 0;
            column->statuses.data[r] = valid ? PATRON__V1__VALUE_STATUS__VALUE_STATUS_PRESENT
                                             : PATRON__V1__VALUE_STATUS__VALUE_STATUS_NULL;
        }
    }
    return PATRON_OK;
}

static bool row_found(const struct grid *grid, size_t row)
{
    return grid->info->row_statuses.data[row] == PATRON__V1__VALUE_STATUS__VALUE_STATUS_PRESENT;
}

/* --- the printers --- */

static void footer_print(const struct grid *grid)
{
    char as_of[TIME_TEXT_MAX];
    time_to_text(grid->info->as_of_us, as_of);
    printf("\nas of %s, definitions version %u\n", as_of, grid->info->definitions_version);
}

/* Features across while they fit a screen; past that, a block a customer with a feature a line. */
enum { TABLE_COLUMNS_MAX = 6, TEXT_CELL_MAX = 2048 };

static void blocks_print(const struct get *get, const struct grid *grid)
{
    for (size_t row = 0; row < grid->row_count; row++) {
        if (row_found(grid, row))
            printf("%s%s  customer %llu\n", row > 0 ? "\n" : "", get->options.ids.values[row],
                (unsigned long long)grid->info->customer_ids[row]);
        else
            printf("%s%s  not found\n", row > 0 ? "\n" : "", get->options.ids.values[row]);
        for (size_t i = 0; i < grid->column_count; i++) {
            char scratch[VALUE_TEXT_MAX], remark[VALUE_TEXT_MAX];
            if (!row_found(grid, row) && !column_is_default(grid->columns[i], row))
                continue;
            const char *text = column_text(grid->columns[i], row, scratch);
            column_remark(grid->columns[i], row, remark);
            printf("  %-32s %s%s\n", grid->columns[i]->name, text ? text : "-", remark);
        }
    }
}

static void table_of_grid(const struct get *get, const struct grid *grid)
{
    struct table table;
    table_open(&table, 3 + grid->column_count);
    table_add(&table, "id");
    table_add(&table, "customer");
    table_align_right(&table, 1);
    table_add(&table, "status");
    for (size_t i = 0; i < grid->column_count; i++) {
        table_add(&table, grid->columns[i]->name);
        if (column_is_number(grid->columns[i]))
            table_align_right(&table, 3 + i);
    }
    for (size_t row = 0; row < grid->row_count; row++) {
        char scratch[VALUE_TEXT_MAX];
        snprintf(scratch, sizeof scratch, "%llu", (unsigned long long)grid->info->customer_ids[row]);
        table_add(&table, get->options.ids.values[row]);
        table_add(&table, row_found(grid, row) ? scratch : "-");
        table_add(&table, row_found(grid, row) ? "present" : "not found");
        for (size_t i = 0; i < grid->column_count; i++) {
            char remark[VALUE_TEXT_MAX], cell[TEXT_CELL_MAX];
            const char *text = column_text(grid->columns[i], row, scratch);
            column_remark(grid->columns[i], row, remark);
            snprintf(cell, sizeof cell, "%s%s", text ? text : "-", remark);
            table_add(&table, cell);
        }
    }
    table_print(&table, stdout);
    table_close(&table);
}

static void table_output(const struct get *get, const struct grid *grid)
{
    if (grid->column_count > TABLE_COLUMNS_MAX)
        blocks_print(get, grid);
    else
        table_of_grid(get, grid);
    footer_print(grid);
}

static struct json_object *time_json(int64_t time_us)
{
    if (time_us == INT64_MIN)
        return NULL;
    char text[TIME_TEXT_MAX];
    return json_object_new_string_len(text, (int)time_to_text(time_us, text));
}

static void remarks_json(const struct grid *grid, size_t row, struct json_object *to)
{
    struct json_object *defaults = json_object_new_array(), *stale = json_object_new_object();
    json_object_object_add(to, "defaults", defaults);
    json_object_object_add(to, "stale", stale);
    for (size_t c = 0; c < grid->column_count; c++) {
        const Patron__V1__Column *column = grid->columns[c];
        if (column_is_default(column, row))
            json_object_array_add(defaults, json_object_new_string(column->name));
        if (column_is_stale(column, row))
            json_object_object_add(stale, column->name, double_json(column_age_seconds(column, row)));
    }
}

static void json_output(const struct get *get, const struct grid *grid)
{
    const Patron__V1__ReadInfo *info = grid->info;
    struct json_object *result = json_object_new_object(), *rows = json_object_new_array();
    json_object_object_add(result, "as_of", time_json(info->as_of_us));
    json_object_object_add(
        result, "definitions_version", json_object_new_int64((int64_t)info->definitions_version));
    json_object_object_add(result, "rows", rows);
    for (size_t i = 0; i < grid->row_count; i++) {
        bool found = row_found(grid, i);
        struct json_object *row = json_object_new_object(), *features = json_object_new_object();
        json_object_object_add(row, "id", json_object_new_string(get->options.ids.values[i]));
        json_object_object_add(row, "status", json_object_new_string(found ? "present" : "not_found"));
        json_object_object_add(row, "customer", found ? json_object_new_uint64(info->customer_ids[i]) : NULL);
        json_object_object_add(
            row, "newest_event_time", found ? time_json(info->newest_event_times_us[i]) : NULL);
        json_object_object_add(
            row, "newest_known_at", found ? time_json(info->newest_known_ats_us[i]) : NULL);
        json_object_object_add(row, "features", features);
        for (size_t c = 0; c < grid->column_count; c++)
            json_object_object_add(features, grid->columns[c]->name, column_json(grid->columns[c], i));
        if (grid->remarked)
            remarks_json(grid, i, row);
        json_object_array_add(rows, row);
    }
    puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(result);
}

static void csv_cell(const char *text, bool last)
{
    if (text && strpbrk(text, ",\"\r\n"))
        csv_fwrite(stdout, text, strlen(text));
    else
        fputs(text ? text : "", stdout);
    fputs(last ? "\r\n" : ",", stdout);
}

/* "pages: stale 12.3 days; channel: default". Names have no comma and no quote. */
static void csv_remarks(const struct grid *grid, size_t row)
{
    const char *before = "";
    for (size_t i = 0; i < grid->column_count; i++) {
        const Patron__V1__Column *column = grid->columns[i];
        if (column_is_default(column, row))
            printf("%s%s: default", before, column->name);
        else if (column_is_stale(column, row))
            printf("%s%s: stale %.1f days", before, column->name, column_age_seconds(column, row) / 86400);
        else
            continue;
        before = "; ";
    }
    fputs("\r\n", stdout);
}

/* RFC 4180; a value that is not there is an empty field. */
static void csv_output(const struct get *get, const struct grid *grid)
{
    bool last = !grid->remarked; /* else the remarks are */
    char as_of[TIME_TEXT_MAX], scratch[VALUE_TEXT_MAX];
    time_to_text(grid->info->as_of_us, as_of);
    csv_cell("id", false);
    csv_cell("customer", false);
    csv_cell("status", false);
    csv_cell("as_of", last && grid->column_count == 0);
    for (size_t i = 0; i < grid->column_count; i++)
        csv_cell(grid->columns[i]->name, last && i + 1 == grid->column_count);
    if (grid->remarked)
        csv_cell("remarks", true);
    for (size_t row = 0; row < grid->row_count; row++) {
        bool found = row_found(grid, row);
        snprintf(scratch, sizeof scratch, "%llu", (unsigned long long)grid->info->customer_ids[row]);
        csv_cell(get->options.ids.values[row], false);
        csv_cell(found ? scratch : NULL, false);
        csv_cell(found ? "present" : "not_found", false);
        csv_cell(as_of, last && grid->column_count == 0);
        for (size_t i = 0; i < grid->column_count; i++)
            csv_cell(column_text(grid->columns[i], row, scratch), last && i + 1 == grid->column_count);
        if (grid->remarked)
            csv_remarks(grid, row);
    }
}

static enum patron_code grid_print(const struct get *get, struct grid *grid, struct error *error)
{
    TRY(grid_check(get, grid, error));
    const char *output = get->options.output;
    if (output && strcmp(output, "json") == 0)
        json_output(get, grid);
    else if (output && strcmp(output, "csv") == 0)
        csv_output(get, grid);
    else
        table_output(get, grid);
    return PATRON_OK;
}

/* --- the call --- */

static enum patron_code features_get(struct get *get, struct rpc *rpc, struct error *error)
{
    Patron__V1__GetFeaturesRequest request = PATRON__V1__GET_FEATURES_REQUEST__INIT;
    if (get->options.service)
        request.service = arena_string(&get->arena, bytes_from_string(get->options.service));
    request.features = get->features;
    request.n_features = get->feature_count;
    request.identifiers = get->identifiers;
    request.n_identifiers = get->options.ids.count;
    request.definitions_version = get->definitions_version;
    if (get->has_as_of) {
        request.at_case = PATRON__V1__GET_FEATURES_REQUEST__AT_AS_OF_US;
        request.as_of_us = get->as_of_us;
    }
    ProtobufCMessage *message;
    TRY(rpc_unary(rpc, "/patron.v1.Features/GetFeatures", &request.base,
        &patron__v1__get_features_response__descriptor, &message, error));
    Patron__V1__GetFeaturesResponse *reply = (Patron__V1__GetFeaturesResponse *)message;
    struct grid grid = {.info = reply->info,
        .columns = reply->columns,
        .column_count = reply->n_columns,
        .remarked = true};
    enum patron_code code = grid_print(get, &grid, error);
    protobuf_c_message_free_unpacked(message, NULL);
    return code;
}

static enum patron_code vectors_get(struct get *get, struct rpc *rpc, struct error *error)
{
    Patron__V1__GetVectorsRequest request = PATRON__V1__GET_VECTORS_REQUEST__INIT;
    if (get->options.service)
        request.service = arena_string(&get->arena, bytes_from_string(get->options.service));
    request.features = get->features;
    request.n_features = get->feature_count;
    request.identifiers = get->identifiers;
    request.n_identifiers = get->options.ids.count;
    request.definitions_version = get->definitions_version;
    if (get->has_as_of) {
        request.at_case = PATRON__V1__GET_VECTORS_REQUEST__AT_AS_OF_US;
        request.as_of_us = get->as_of_us;
    }
    ProtobufCMessage *message;
    TRY(rpc_unary(rpc, "/patron.v1.Features/GetVectors", &request.base,
        &patron__v1__get_vectors_response__descriptor, &message, error));
    Patron__V1__GetVectorsResponse *reply = (Patron__V1__GetVectorsResponse *)message;
    struct grid grid = {.info = reply->info};
    enum patron_code code = matrix_to_columns(get, reply, &grid, error);
    if (code == PATRON_OK)
        code = grid_print(get, &grid, error);
    protobuf_c_message_free_unpacked(message, NULL);
    return code;
}

static int get_run(const struct command *command, int argc, char **argv)
{
    struct get get = {0};
    struct flag_list rest = {0};
    struct error error;
    int exit_code = command_parse(command, argc, argv, &get.options, &rest);
    if (exit_code < 0 && options_check(&get, &rest, &error) != PATRON_OK)
        exit_code = command_usage_error(command, "%s", error.text);
    if (exit_code < 0) {
        struct rpc *rpc = NULL;
        enum patron_code code = rpc_open(&rpc, get.options.server, &error);
        if (code == PATRON_OK)
            code = get.options.vectors ? vectors_get(&get, rpc, &error) : features_get(&get, rpc, &error);
        rpc_close(rpc);
        exit_code = code == PATRON_OK ? EXIT_DONE : command_failed(&error);
    }
    arena_clear(&get.arena);
    flag_list_clear(&rest);
    flags_clear(command->flags, command->flag_count, &get.options);
    return exit_code;
}

static const char get_notes[] =
    "Any identifier of a customer leads to the same customer. Without --as-of the answer is what is known "
    "now; it says\n"
    "its moment, and asking again --as-of that moment gives the same values for ever.\n\n"
    "An identifier that is not known is an answer, not a failure: its status says not found, and the exit "
    "code is 0.\n"
    "A value that is not there (no event to take it from) is - in the table, null in JSON, empty in CSV. One "
    "that is the\n"
    "feature's default, or stale, says so beside it in the table; in JSON a row names them in defaults and, with "
    "their age\n"
    "in seconds, in stale; in CSV in its last column, remarks: \"pages: stale 12.3 days; channel: default\". A "
    "matrix\n"
    "(--vectors) does not tell a default from another value, and a stale value is not in it.\n\n"
    "Examples:\n"
    "  patron get --service churn --id email:ada@example.org\n"
    "  patron get --features orders_90d,rfm.recency --id customer_id:1042 --id device:9f3 -o json\n"
    "  patron get --service churn --id customer_id:1042 --as-of 2024-06-01T00:00:00Z\n";

const struct command command_get = {
    .name = "get",
    .usage = "(--service NAME | --features A,B) --id TYPE:VALUE … [FLAGS]",
    .summary = "read features of customers",
    .notes = get_notes,
    .flags = get_flags,
    .flag_count = sizeof get_flags / sizeof *get_flags,
    .run = get_run,
};
