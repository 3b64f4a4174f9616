/* `patron snapshot`: a training set as one Parquet file.
 *
 * The plan goes out, then the spine's rows if there is a file of them (their other columns set aside on disk), then
 * nothing more; the manifest, the rows and an end come back. The file appears under its name only after the end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "client/command.h"
#include "client/progress.h"
#include "client/rpc.h"
#include "client/snapshot_table.h"
#include "store/base/limits.h"

struct snapshot_options {
    const char *server, *service, *output, *money;
    const char *spine, *spine_format, *spine_time, *spine_time_format, *delimiter, *quote;
    const char *every, *from, *to, *definitions_version;
    struct flag_list features, at, spine_identifiers;
    bool no_header;
};

#define OPTION(member) offsetof(struct snapshot_options, member)

static const struct flag snapshot_flags[] = {
    {"service", NULL, 0, FLAG_TEXT, "NAME", "the features of this service, in its order", OPTION(service)},
    {"features", "feature", 0, FLAG_LIST, "A,B,…", "features by name; repeatable", OPTION(features)},
    {"output", "out", 'o', FLAG_TEXT, "OUT.parquet", "the file to write", OPTION(output)},
    {"at", NULL, 0, FLAG_LIST, "T[,T…]", "every customer alive at these moments", OPTION(at)},
    {"every", NULL, 0, FLAG_TEXT, "STEP", "every customer, every 1mo, 7d, 1d, 12h … from --from to --to",
        OPTION(every)},
    {"from", NULL, 0, FLAG_TEXT, "TIME", "the first moment", OPTION(from)},
    {"to", NULL, 0, FLAG_TEXT, "TIME", "the last moment, if a step ends on it", OPTION(to)},
    {"spine", NULL, 0, FLAG_TEXT, "FILE", "a file of the rows that are wanted; - is standard input",
        OPTION(spine)},
    {"spine-format", NULL, 0, FLAG_TEXT, "csv|jsonl", "what the spine is (default: by its ending)",
        OPTION(spine_format)},
    {"spine-identifier", NULL, 0, FLAG_LIST, "TYPE=COLUMN",
        "whose row it is; repeatable: the first column that is not empty counts", OPTION(spine_identifiers)},
    {"spine-time", NULL, 0, FLAG_TEXT, "COLUMN", "the moment that the row is as of", OPTION(spine_time)},
    {"spine-time-format", "time-format", 0, FLAG_TEXT, "FORMAT", "as for `patron import --time-format`",
        OPTION(spine_time_format)},
    {"delimiter", NULL, 0, FLAG_TEXT, "CHAR", "of a CSV spine, as for `patron import`", OPTION(delimiter)},
    {"quote", NULL, 0, FLAG_TEXT, "CHAR", "of a CSV spine, as for `patron import`", OPTION(quote)},
    {"no-header", NULL, 0, FLAG_SWITCH, NULL, "the CSV spine has no header: columns are numbers from 1",
        OPTION(no_header)},
    {"money", NULL, 0, FLAG_TEXT, "decimal|double",
        "money as exact decimals of six places, or as doubles (default)", OPTION(money)},
    {"definitions-version", NULL, 0, FLAG_TEXT, "N", "as this version of the definitions has it, folded from events",
        OPTION(definitions_version)},
    SERVER_FLAG(struct snapshot_options),
};

struct snapshot {
    struct snapshot_options options;
    struct arena arena; /* of the plan */
    const char *target; /* the file behind --output, its symbolic links followed */
    char **features;
    size_t feature_count;
    bool exact_money;
    uint32_t definitions_version;
    int64_t *moments;
    size_t moment_count;
    struct spine_options spine_options;
    struct spine spine;
    struct spool spool;
    struct rpc *rpc;
    struct rpc_stream *stream;
    struct snapshot_table table;
    struct progress progress;
    uint64_t spine_rows;
    bool manifest_seen, ended;
    Patron__V1__SnapshotEnd end;
};

/* --- what the flags mean --- */

static void features_split(struct snapshot *snapshot)
{
    const struct flag_list *lists = &snapshot->options.features;
    size_t room = 0;
    for (size_t i = 0; i < lists->count; i++)
        room += strlen(lists->values[i]) + 1;
    snapshot->features = arena_array(&snapshot->arena, room, sizeof *snapshot->features);
    for (size_t i = 0; i < lists->count; i++) {
        for (const char *at = lists->values[i]; *at != '\0';) {
            size_t length = strcspn(at, ",");
            if (length > 0)
                snapshot->features[snapshot->feature_count++] =
                    arena_string(&snapshot->arena, bytes_of(at, length));
            at += length + (at[length] == ',');
        }
    }
}

static int moment_order(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

static enum patron_code at_parse(struct snapshot *snapshot, struct error *error)
{
    const struct flag_list *lists = &snapshot->options.at;
    for (size_t i = 0; i < lists->count; i++) {
        for (const char *at = lists->values[i]; *at != '\0';) {
            size_t length = strcspn(at, ",");
            if (snapshot->moment_count == MOMENTS_MAX)
                return error_set(error, PATRON_INVALID, "--at: more than %d moments", MOMENTS_MAX);
            snapshot->moments =
                memory_resize(snapshot->moments, (snapshot->moment_count + 1) * sizeof *snapshot->moments);
            TRY(moment_parse(bytes_of(at, length), &snapshot->moments[snapshot->moment_count++], error));
            at += length + (at[length] == ',');
        }
    }
    qsort(snapshot->moments, snapshot->moment_count, sizeof *snapshot->moments, moment_order);
    for (size_t i = 1; i < snapshot->moment_count; i++) {
        if (snapshot->moments[i] == snapshot->moments[i - 1])
            return error_set(error, PATRON_INVALID, "--at names one moment twice");
    }
    return snapshot->moment_count > 0 ? PATRON_OK : error_set(error, PATRON_INVALID, "--at names no moment");
}

static enum patron_code every_parse(struct snapshot *snapshot, struct error *error)
{
    const struct snapshot_options *o = &snapshot->options;
    int64_t from_us, to_us;
    if (!o->from || !o->to)
        return error_set(error, PATRON_INVALID, "--every needs --from TIME and --to TIME");
    TRY(moment_parse(bytes_from_string(o->from), &from_us, error));
    TRY(moment_parse(bytes_from_string(o->to), &to_us, error));
    return moments_every(o->every, from_us, to_us, &snapshot->moments, &snapshot->moment_count, error);
}

static enum patron_code spine_flags_parse(struct snapshot *snapshot, struct error *error)
{
    const struct snapshot_options *o = &snapshot->options;
    if (o->spine_identifiers.count == 0 || !o->spine_time)
        return error_set(
            error, PATRON_INVALID, "--spine needs --spine-identifier TYPE=COLUMN and --spine-time COLUMN");
    struct spine_options *spine = &snapshot->spine_options;
    *spine =
        (struct spine_options){.path = o->spine, .identifiers = o->spine_identifiers, .time = o->spine_time};
    const char *ending = strrchr(o->spine, '.');
    if (o->spine_format) {
        spine->json = strcmp(o->spine_format, "jsonl") == 0;
        if (!spine->json && strcmp(o->spine_format, "csv") != 0)
            return error_set(
                error, PATRON_INVALID, "--spine-format is csv or jsonl, not '%.40s'", o->spine_format);
    } else {
        spine->json = ending && (strcmp(ending, ".jsonl") == 0 || strcmp(ending, ".ndjson") == 0);
    }
    TRY(delimited_options_parse(o->delimiter, o->quote, &spine->delimited, error));
    spine->delimited.no_header = o->no_header;
    return o->spine_time_format ? time_format_parse(o->spine_time_format, &spine->time_format, error)
                                : PATRON_OK;
}

/* The file comes by a rename, which would put it in the place of a device or a pipe, and of a link to what is meant. */
static enum patron_code target_find(struct snapshot *snapshot, struct error *error)
{
    const char *path = snapshot->options.output;
    struct stat found;
    snapshot->target = path;
    if (lstat(path, &found) != 0)
        return errno == ENOENT ? PATRON_OK
                               : error_set(error, PATRON_INVALID, "-o %.400s: %s", path, strerror(errno));
    if (S_ISLNK(found.st_mode)) {
        char *real = realpath(path, NULL);
        if (!real || lstat(real, &found) != 0) {
            int reason = errno;
            free(real);
            return error_set(error, PATRON_INVALID, "-o %.400s is a symbolic link that leads to no file: %s",
                path, strerror(reason));
        }
        snapshot->target = arena_string(&snapshot->arena, bytes_from_string(real));
        free(real);
    }
    if (S_ISREG(found.st_mode))
        return PATRON_OK;
    return error_set(error, PATRON_INVALID,
        "-o %.400s is %s: a snapshot is written beside its place and renamed, so name a regular file or a new one",
        path, S_ISDIR(found.st_mode) ? "a directory" : "no regular file");
}

static enum patron_code options_check(
    struct snapshot *snapshot, const struct flag_list *rest, struct error *error)
{
    const struct snapshot_options *o = &snapshot->options;
    if (rest->count > 0)
        return error_set(error, PATRON_INVALID, "'%.100s' is not expected here", rest->values[0]);
    features_split(snapshot);
    if (!o->service == (snapshot->feature_count == 0))
        return error_set(error, PATRON_INVALID, "say what to take: either --service NAME or --features A,B");
    if (!o->output)
        return error_set(error, PATRON_INVALID, "name the file to write: -o OUT.parquet");
    TRY(target_find(snapshot, error));
    if (o->money && strcmp(o->money, "decimal") != 0 && strcmp(o->money, "double") != 0)
        return error_set(error, PATRON_INVALID, "--money is decimal or double, not '%.40s'", o->money);
    snapshot->exact_money = o->money && strcmp(o->money, "decimal") == 0;
    TRY(parse_definitions_version(o->definitions_version, &snapshot->definitions_version, error));
    if ((o->spine != NULL) + (o->at.count > 0) + (o->every != NULL) != 1)
        return error_set(
            error, PATRON_INVALID, "say which rows: one of --spine FILE, --at T, or --every STEP");
    if ((o->from || o->to) && !o->every)
        return error_set(error, PATRON_INVALID, "--from and --to go with --every");
    if (o->at.count > 0)
        return at_parse(snapshot, error);
    return o->every ? every_parse(snapshot, error) : spine_flags_parse(snapshot, error);
}

/* --- out --- */

static enum patron_code plan_send(struct snapshot *snapshot, struct error *error)
{
    Patron__V1__GeneratedSpine generated = PATRON__V1__GENERATED_SPINE__INIT;
    Patron__V1__SnapshotPlan plan = PATRON__V1__SNAPSHOT_PLAN__INIT;
    Patron__V1__SnapshotRequest request = PATRON__V1__SNAPSHOT_REQUEST__INIT;
    if (snapshot->options.service)
        plan.service = arena_string(&snapshot->arena, bytes_from_string(snapshot->options.service));
    plan.features = snapshot->features;
    plan.n_features = snapshot->feature_count;
    plan.exact_money = snapshot->exact_money;
    plan.definitions_version = snapshot->definitions_version;
    if (snapshot->moment_count > 0) {
        generated.as_of_us = snapshot->moments;
        generated.n_as_of_us = snapshot->moment_count;
        plan.generated = &generated;
    }
    request.part_case = PATRON__V1__SNAPSHOT_REQUEST__PART_PLAN;
    request.plan = &plan;
    return rpc_stream_send(snapshot->stream, &request.base, error);
}

struct chunk {
    struct arena arena;
    Patron__V1__Identifier *identifiers[SPINE_CHUNK_ROWS_MAX];
    int64_t as_of_us[SPINE_CHUNK_ROWS_MAX];
    size_t count;
};

static enum patron_code chunk_send(struct snapshot *snapshot, struct chunk *chunk, struct error *error)
{
    if (chunk->count == 0)
        return PATRON_OK;
    Patron__V1__SpineRows rows = PATRON__V1__SPINE_ROWS__INIT;
    Patron__V1__SnapshotRequest request = PATRON__V1__SNAPSHOT_REQUEST__INIT;
    rows.identifiers = chunk->identifiers;
    rows.as_of_us = chunk->as_of_us;
    rows.n_identifiers = rows.n_as_of_us = chunk->count;
    request.part_case = PATRON__V1__SNAPSHOT_REQUEST__PART_ROWS;
    request.rows = &rows;
    enum patron_code code = rpc_stream_send(snapshot->stream, &request.base, error);
    arena_reset(&chunk->arena);
    chunk->count = 0;
    return code;
}

static enum patron_code spine_row_take(
    struct snapshot *snapshot, struct chunk *chunk, const struct spine_row *row, struct error *error)
{
    Patron__V1__Identifier *identifier = arena_alloc(&chunk->arena, sizeof *identifier);
    patron__v1__identifier__init(identifier);
    identifier->type = arena_string(&chunk->arena, row->identifier_type);
    identifier->value = arena_string(&chunk->arena, row->identifier);
    chunk->identifiers[chunk->count] = identifier;
    chunk->as_of_us[chunk->count++] = row->time_us;
    TRY(spool_add(&snapshot->spool, row->kept, error));
    snapshot->spine_rows++;
    /* A row's identifier has no bound here; a chunk of long ones ends early, below REQUEST_BYTES_MAX. */
    if (chunk->count == SPINE_CHUNK_ROWS_MAX || chunk->arena.total_bytes > REQUEST_BYTES_MAX / 4)
        TRY(chunk_send(snapshot, chunk, error));
    const struct lines *lines = &snapshot->spine.lines;
    progress_update(&snapshot->progress, snapshot->spine_rows, lines->bytes_read, lines->size);
    return PATRON_OK;
}

static enum patron_code spine_send(struct snapshot *snapshot, struct error *error)
{
    struct chunk *chunk = memory_alloc(sizeof *chunk);
    progress_start(&snapshot->progress, "sending the spine", "rows");
    enum patron_code code = PATRON_OK;
    while (code == PATRON_OK) {
        struct spine_row row;
        code = spine_next(&snapshot->spine, &row, error);
        if (code != PATRON_OK || row.end)
            break;
        code = spine_row_take(snapshot, chunk, &row, error);
    }
    if (code == PATRON_OK)
        code = chunk_send(snapshot, chunk, error);
    /* Of a spine that is refused the spool still has to say where its rows stood. */
    enum patron_code sealed = spool_seal(&snapshot->spool, code == PATRON_OK ? error : NULL);
    if (code == PATRON_OK)
        code = sealed;
    progress_finish(&snapshot->progress);
    arena_clear(&chunk->arena);
    memory_free(chunk);
    return code;
}

/* --- back --- */

static void metadata_number(struct parquet_file *file, const char *key, int64_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)value);
    parquet_add_metadata(file, key, text);
}

static enum patron_code manifest_take(
    struct snapshot *snapshot, const Patron__V1__SnapshotManifest *manifest, struct error *error)
{
    if (snapshot->manifest_seen)
        return error_set(error, PATRON_CORRUPT, "the server sent two manifests");
    snapshot->manifest_seen = true;
    bool file_spine = snapshot->options.spine != NULL;
    TRY(snapshot_table_open(&snapshot->table, snapshot->target, manifest, snapshot->exact_money,
        file_spine ? &snapshot->spine : NULL, file_spine ? &snapshot->spool : NULL, error));
    struct parquet_file *file = snapshot->table.file;
    metadata_number(file, "patron.position_us", manifest->position_us);
    metadata_number(file, "patron.definitions_version", (int64_t)manifest->definitions_version);
    metadata_number(file, "patron.erasure_epoch", (int64_t)manifest->erasure_epoch);
    parquet_add_metadata(file, "patron.build", manifest->build);
    parquet_add_metadata(file, "patron.currency", manifest->currency);
    parquet_add_metadata(file, "patron.time_zone", manifest->time_zone);
    parquet_add_metadata(file, "patron.service", snapshot->options.service ? snapshot->options.service : "");
    parquet_add_metadata(file, "patron.money", snapshot->exact_money ? "decimal" : "double");
    return PATRON_OK;
}

static enum patron_code end_take(
    struct snapshot *snapshot, const Patron__V1__SnapshotEnd *end, struct error *error)
{
    bool file_spine = snapshot->options.spine != NULL;
    if (end->rows != snapshot->table.rows || (file_spine && end->rows != snapshot->spine_rows))
        return error_set(error, PATRON_CORRUPT, "the server speaks of %llu rows and sent %llu",
            (unsigned long long)end->rows, (unsigned long long)snapshot->table.rows);
    snapshot->ended = true;
    snapshot->end = *end;
    return PATRON_OK;
}

static enum patron_code message_take(
    struct snapshot *snapshot, const Patron__V1__SnapshotResponse *message, struct error *error)
{
    if (snapshot->ended ||
        (!snapshot->manifest_seen && message->part_case != PATRON__V1__SNAPSHOT_RESPONSE__PART_MANIFEST))
        return error_set(error, PATRON_CORRUPT, "the server sent a snapshot out of order");
    switch (message->part_case) {
    case PATRON__V1__SNAPSHOT_RESPONSE__PART_MANIFEST:
        return manifest_take(snapshot, message->manifest, error);
    case PATRON__V1__SNAPSHOT_RESPONSE__PART_ROWS:
        TRY(snapshot_table_add(&snapshot->table, message->rows, error));
        progress_update(
            &snapshot->progress, snapshot->table.rows, snapshot->table.rows, snapshot->spine_rows);
        return PATRON_OK;
    case PATRON__V1__SNAPSHOT_RESPONSE__PART_END:
        return end_take(snapshot, message->end, error);
    default:
        return error_set(error, PATRON_CORRUPT, "the server sent a part this program does not know");
    }
}

static enum patron_code answer_read(struct snapshot *snapshot, struct error *error)
{
    progress_start(&snapshot->progress, "taking the snapshot", "rows");
    enum patron_code code = PATRON_OK;
    while (code == PATRON_OK) {
        ProtobufCMessage *message;
        code = rpc_stream_receive(snapshot->stream, &message, error);
        if (code != PATRON_OK || !message)
            break;
        code = message_take(snapshot, (Patron__V1__SnapshotResponse *)message, error);
        protobuf_c_message_free_unpacked(message, NULL);
    }
    progress_finish(&snapshot->progress);
    if (code == PATRON_OK && !snapshot->ended)
        code = error_set(error, PATRON_IO, "the server ended the snapshot early");
    return code;
}

/* The server numbers the rows that it was sent, from 0; whoever made the file looks for a line of it. */
static enum patron_code row_locate(struct snapshot *snapshot, enum patron_code code, struct error *error)
{
    static const char lead[] = "row ", tail[] = " of the spine: ";
    if (!snapshot->options.spine || strncmp(error->text, lead, sizeof lead - 1) != 0)
        return code;
    char *end;
    unsigned long long number = strtoull(error->text + sizeof lead - 1, &end, 10);
    struct bytes kept;
    if (strncmp(end, tail, sizeof tail - 1) != 0 ||
        spool_read(&snapshot->spool, number, &kept, NULL) != PATRON_OK)
        return code;
    struct decoder columns;
    uint64_t line = spine_kept_line(kept, &columns);
    memmove(error->text, end + sizeof tail - 1, strlen(end + sizeof tail - 1) + 1);
    return error_prefix(
        error, code, "%.400s:%llu: ", snapshot->options.spine, (unsigned long long)line);
}

static enum patron_code exchange(struct snapshot *snapshot, struct error *error)
{
    TRY(plan_send(snapshot, error));
    if (snapshot->options.spine)
        TRY(spine_send(snapshot, error));
    TRY(rpc_stream_half_close(snapshot->stream, error));
    return answer_read(snapshot, error);
}

static enum patron_code snapshot_work(struct snapshot *snapshot, struct error *error)
{
    if (snapshot->options.spine) {
        TRY(spine_open(&snapshot->spine, &snapshot->spine_options, error));
        TRY(spool_open(&snapshot->spool, error));
    }
    TRY(rpc_open(&snapshot->rpc, snapshot->options.server, error));
    TRY(rpc_stream_open(snapshot->rpc, "/patron.v1.Snapshots/Snapshot",
        &patron__v1__snapshot_response__descriptor, RPC_NO_DEADLINE, &snapshot->stream, error));
    enum patron_code code = exchange(snapshot, error);
    if (code != PATRON_OK)
        return row_locate(snapshot, code, error);
    metadata_number(snapshot->table.file, "patron.rows", (int64_t)snapshot->end.rows);
    metadata_number(snapshot->table.file, "patron.not_found", (int64_t)snapshot->end.not_found);
    return snapshot_table_finish(&snapshot->table, error);
}

static void snapshot_clear(struct snapshot *snapshot)
{
    snapshot_table_clear(&snapshot->table);
    rpc_stream_close(snapshot->stream);
    rpc_close(snapshot->rpc);
    spool_close(&snapshot->spool);
    if (snapshot->spine.options)
        spine_close(&snapshot->spine);
    memory_free(snapshot->moments);
    arena_clear(&snapshot->arena);
    flags_clear(snapshot_flags, sizeof snapshot_flags / sizeof *snapshot_flags, &snapshot->options);
}

static int snapshot_run(const struct command *command, int argc, char **argv)
{
    struct snapshot snapshot = {0};
    struct flag_list rest = {0};
    struct error error;
    int exit_code = command_parse(command, argc, argv, &snapshot.options, &rest);
    if (exit_code < 0 && options_check(&snapshot, &rest, &error) != PATRON_OK)
        exit_code = command_usage_error(command, "%s", error.text);
    if (exit_code < 0) {
        int64_t started_us = monotonic_us();
        if (snapshot_work(&snapshot, &error) == PATRON_OK) {
            double seconds = (double)(monotonic_us() - started_us) / 1e6;
            printf("%s: %llu rows, %llu of them not found (%.1f s)\n", snapshot.options.output,
                (unsigned long long)snapshot.end.rows, (unsigned long long)snapshot.end.not_found, seconds);
            exit_code = EXIT_DONE;
        } else {
            exit_code = command_failed(&error);
        }
    }
    snapshot_clear(&snapshot);
    flag_list_clear(&rest);
    return exit_code;
}

static const char snapshot_notes[] =
    "Every row holds the features as of its own moment: nothing that was learned at or after it. Rows are "
    "ordered by\n"
    "customer, then moment, then spine row. Columns are customer, as_of, spine_row, status, the features, "
    "and, of a\n"
    "spine, all its columns but the time, as text. A value that is not there is null; a row whose identifier "
    "was not\n"
    "known at its moment has status not_found, no customer and no values but defaults.\n\n"
    "A JSON-lines spine has a column for each key of its rows, in the order they first appear; a row without a "
    "key has\n"
    "null there.\n\n"
    "For --at and --every there is a row for each customer alive at each moment, and spine_row numbers the "
    "moments.\n"
    "Months (1mo) and years (1y) are those of the calendar, in UTC.\n\n"
    "OUT.parquet appears whole or not at all. Its key-value metadata name the position, the definitions' "
    "version, the\n"
    "build and the rest (patron.*): what they name gives the same bytes again.\n\n"
    "Examples:\n"
    "  patron snapshot --service churn --every 1mo --from 2024-01-01 --to 2025-01-01 -o train.parquet\n"
    "  patron snapshot --features orders_90d,rfm.T --at 2024-06-01 --money decimal -o june.parquet\n"
    "  patron snapshot --service churn --spine labels.csv --spine-identifier customer_id=id --spine-time t "
    "-o l.parquet\n";

const struct command command_snapshot = {
    .name = "snapshot",
    .usage =
        "(--service NAME | --features A,B) (--at T,… | --every STEP --from T --to T) -o OUT.parquet\n"
        "(--service NAME | --features A,B) --spine FILE --spine-identifier TYPE=COLUMN --spine-time COLUMN "
        "-o OUT.parquet",
    .summary = "take a training set: features of many customers as of many moments, as Parquet",
    .notes = snapshot_notes,
    .flags = snapshot_flags,
    .flag_count = sizeof snapshot_flags / sizeof *snapshot_flags,
    .run = snapshot_run,
};
