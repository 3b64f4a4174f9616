/* `patron identity train|match|models`: models for matching records of people, and what they would link. */
#include <csv.h>
#include <string.h>
#include <time.h>

#include "client/identity.h"
#include "client/interrupt.h"
#include "client/progress.h"
#include "client/rpc.h"
#include "client/table.h"
#include "patron/v1/matching.pb-c.h"
#include "store/base/time_text.h"

enum { NUMBER_TEXT_MAX = 64, WAIT_MS = 200 };

struct match_options {
    const char *server, *output, *limit;
    bool dry_run, wait;
};

#define OPTION(member) offsetof(struct match_options, member)

static const struct flag train_flags[] = {
    {"output", NULL, 'o', FLAG_TEXT, "table|json", "how to print the model (default table)", OPTION(output)},
    SERVER_FLAG(struct match_options),
};
static const struct flag match_flags[] = {
    {"dry-run", NULL, 0, FLAG_SWITCH, NULL, "list what would be linked and reviewed, and write nothing",
        OPTION(dry_run)},
    {"wait", NULL, 0, FLAG_SWITCH, NULL, "until all records are matched", OPTION(wait)},
    {"limit", NULL, 0, FLAG_TEXT, "N", "with --dry-run: so many pairs at most (default all)", OPTION(limit)},
    {"output", NULL, 'o', FLAG_TEXT, "table|json|csv", "how to print it (default table; csv with --dry-run only)",
        OPTION(output)},
    SERVER_FLAG(struct match_options),
};
static const struct flag models_flags[] = {
    {"output", NULL, 'o', FLAG_TEXT, "table|json|csv", "how to print them (default table)", OPTION(output)},
    SERVER_FLAG(struct match_options),
};

enum output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_CSV };

struct matching {
    const struct command *command;
    struct match_options options;
    struct flag_list rest;
    enum output output;
    uint64_t limit;
    uint32_t number; /* of a model; 0: all */
};

static enum patron_code output_read(struct matching *matching, bool csv_too, struct error *error)
{
    static const char *const outputs[] = {"table", "json", "csv"};
    const char *output = matching->options.output;
    for (size_t i = 0; i < (csv_too ? 3U : 2U); i++) {
        if (!output || strcmp(output, outputs[i]) == 0) {
            matching->output = (enum output)i;
            return PATRON_OK;
        }
    }
    return error_set(error, PATRON_INVALID, "--output is %s, not '%.40s'",
        csv_too ? "table, json or csv" : "table or json", output);
}

/* Rows go to the table, or out as CSV at once. */
struct rows {
    enum output output;
    struct table table;
    size_t columns;
};

static void row_add(struct rows *rows, const char *const *cells)
{
    for (size_t i = 0; i < rows->columns; i++) {
        if (rows->output == OUTPUT_TABLE) {
            table_add(&rows->table, cells[i]);
            continue;
        }
        if (i > 0)
            putchar(',');
        csv_fwrite(stdout, cells[i], strlen(cells[i]));
    }
    if (rows->output == OUTPUT_CSV)
        putchar('\n');
}

static void rows_begin(struct rows *rows, enum output output, const char *const *titles, size_t columns)
{
    *rows = (struct rows){.output = output, .columns = columns};
    table_open(&rows->table, columns);
    row_add(rows, titles);
}

static void rows_end(struct rows *rows)
{
    if (rows->output == OUTPUT_TABLE)
        table_print(&rows->table, stdout);
    table_close(&rows->table);
}

static void number_text(double number, char text[NUMBER_TEXT_MAX])
{
    snprintf(text, NUMBER_TEXT_MAX, "%.4g", number);
}

static void weight_text(double weight, char text[NUMBER_TEXT_MAX])
{
    snprintf(text, NUMBER_TEXT_MAX, "%+.2f", weight);
}

/* --- models ------------------------------------------------------------------------------------------------------- */

static struct json_object *level_json(const Patron__V1__ComparisonLevel *level)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "level", json_object_new_string(level->name));
    json_object_object_add(object, "m", json_object_new_double(level->m));
    json_object_object_add(object, "u", json_object_new_double(level->u));
    json_object_object_add(object, "weight", json_object_new_double(level->weight));
    json_object_object_add(object, "estimated", json_object_new_boolean(level->estimated));
    return object;
}

static struct json_object *comparisons_json(const Patron__V1__Model *model)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < model->n_comparisons; i++) {
        const Patron__V1__Comparison *comparison = model->comparisons[i];
        struct json_object *object = json_object_new_object(), *levels = json_object_new_array();
        json_object_object_add(object, "column", json_object_new_string(comparison->column));
        json_object_object_add(object, "kind", json_object_new_string(comparison->kind));
        for (size_t k = 0; k < comparison->n_levels; k++)
            json_object_array_add(levels, level_json(comparison->levels[k]));
        json_object_object_add(object, "levels", levels);
        json_object_array_add(list, object);
    }
    return list;
}

static struct json_object *model_json(const Patron__V1__Model *model)
{
    struct json_object *object = json_object_new_object();
    json_object_object_add(object, "model", json_object_new_int64(model->number));
    json_object_object_add(object, "known_at", moment_json(model->known_at_us));
    json_object_object_add(object, "definitions_version", json_object_new_int64(model->definitions_version));
    json_object_object_add(object, "usable", json_object_new_boolean(model->usable));
    if (!model->usable) {
        json_object_object_add(object, "words", json_object_new_string(model->words));
        return object;
    }
    json_object_object_add(object, "records", json_object_new_uint64(model->records));
    json_object_object_add(object, "random_pairs", json_object_new_uint64(model->random_pairs));
    json_object_object_add(object, "blocked_pairs", json_object_new_uint64(model->blocked_pairs));
    json_object_object_add(object, "passes", json_object_new_int64(model->passes));
    json_object_object_add(object, "iterations", json_object_new_int64(model->iterations));
    json_object_object_add(object, "converged", json_object_new_boolean(model->converged));
    json_object_object_add(object, "prior", json_object_new_double(model->prior));
    if (model->n_comparisons > 0)
        json_object_object_add(object, "comparisons", comparisons_json(model));
    return object;
}

/* One row for each level, best first. */
static void parameters_print(const Patron__V1__Model *model, enum output output)
{
    enum { COLUMNS = 6 };
    static const char *const titles[COLUMNS] = {"column", "level", "m", "u", "weight", "from"};
    struct rows rows;
    rows_begin(&rows, output, titles, COLUMNS);
    for (size_t i = 2; i < 5; i++)
        table_align_right(&rows.table, i);
    for (size_t i = 0; i < model->n_comparisons; i++) {
        const Patron__V1__Comparison *comparison = model->comparisons[i];
        for (size_t k = 0; k < comparison->n_levels; k++) {
            const Patron__V1__ComparisonLevel *level = comparison->levels[k];
            char m[NUMBER_TEXT_MAX], u[NUMBER_TEXT_MAX], weight[NUMBER_TEXT_MAX];
            number_text(level->m, m);
            number_text(level->u, u);
            weight_text(level->weight, weight);
            const char *const cells[COLUMNS] = {comparison->column, level->name, m, u, weight,
                level->estimated ? "the records" : "people's records as a rule"};
            row_add(&rows, cells);
        }
    }
    rows_end(&rows);
}

static void model_print(const Patron__V1__Model *model, enum output output)
{
    char known[TIME_TEXT_MAX];
    if (output == OUTPUT_JSON) {
        json_print(model_json(model));
        return;
    }
    if (output == OUTPUT_TABLE) {
        time_to_text(model->known_at_us, known);
        printf("model %u, in use from %s", model->number, known);
        if (model->usable)
            printf(": %llu records, %llu random pairs, %llu pairs in blocks, %u passes%s, prior %.3g",
                (unsigned long long)model->records, (unsigned long long)model->random_pairs,
                (unsigned long long)model->blocked_pairs, model->passes,
                model->converged ? "" : " (not all converged)", model->prior);
        else
            printf(": %s", model->words);
        printf("\n\n");
    }
    parameters_print(model, output);
}

static void models_print(const Patron__V1__ListModelsResponse *response, enum output output)
{
    enum { COLUMNS = 7 };
    static const char *const titles[COLUMNS] = {
        "model", "in use from", "definitions", "records", "pairs in blocks", "passes", "usable"};
    struct rows rows;
    if (output == OUTPUT_JSON) {
        struct json_object *list = json_object_new_array();
        for (size_t i = 0; i < response->n_models; i++)
            json_object_array_add(list, model_json(response->models[i]));
        json_print(list);
        return;
    }
    rows_begin(&rows, output, titles, COLUMNS);
    for (size_t i = 0; i < response->n_models; i++) {
        const Patron__V1__Model *model = response->models[i];
        char number[NUMBER_TEXT_MAX], known[TIME_TEXT_MAX], version[NUMBER_TEXT_MAX], records[NUMBER_TEXT_MAX];
        char pairs[NUMBER_TEXT_MAX], passes[NUMBER_TEXT_MAX];
        snprintf(number, sizeof number, "%u", model->number);
        time_to_text(model->known_at_us, known);
        snprintf(version, sizeof version, "%u", model->definitions_version);
        snprintf(records, sizeof records, "%llu", (unsigned long long)model->records);
        snprintf(pairs, sizeof pairs, "%llu", (unsigned long long)model->blocked_pairs);
        snprintf(passes, sizeof passes, "%u", model->passes);
        const char *const cells[COLUMNS] = {
            number, known, version, records, pairs, passes, model->usable ? "yes" : model->words};
        row_add(&rows, cells);
    }
    rows_end(&rows);
}

static enum patron_code models_work(struct matching *matching, struct rpc *rpc, struct error *error)
{
    ProtobufCMessage *reply;
    if (matching->number > 0) {
        Patron__V1__GetModelRequest request = PATRON__V1__GET_MODEL_REQUEST__INIT;
        request.number = matching->number;
        TRY(rpc_unary(rpc, "/patron.v1.Matching/GetModel", &request.base, &patron__v1__get_model_response__descriptor,
            &reply, error));
        model_print(((const Patron__V1__GetModelResponse *)(const void *)reply)->model, matching->output);
    } else {
        Patron__V1__ListModelsRequest request = PATRON__V1__LIST_MODELS_REQUEST__INIT;
        TRY(rpc_unary(rpc, "/patron.v1.Matching/ListModels", &request.base,
            &patron__v1__list_models_response__descriptor, &reply, error));
        models_print((const Patron__V1__ListModelsResponse *)(const void *)reply, matching->output);
    }
    protobuf_c_message_free_unpacked(reply, NULL);
    return PATRON_OK;
}

/* --- train -------------------------------------------------------------------------------------------------------- */

static void train_progress(struct progress *progress, const Patron__V1__TrainResponse *response)
{
    static const char *const words[] = {"", "making records of what has come", "reading records", "estimating"};
    char text[NUMBER_TEXT_MAX];
    size_t phase = response->phase <= PATRON__V1__TRAIN_PHASE__TRAIN_PHASE_ESTIMATING ? (size_t)response->phase : 0;
    if (phase == PATRON__V1__TRAIN_PHASE__TRAIN_PHASE_FOLLOWING)
        snprintf(text, sizeof text, "%s", words[phase]);
    else
        snprintf(text, sizeof text, "%s, %.0f %%", words[phase], response->done * 100);
    progress_say(progress, text);
}

static enum patron_code train_read(struct matching *matching, struct rpc_stream *stream, struct error *error)
{
    Patron__V1__TrainRequest request = PATRON__V1__TRAIN_REQUEST__INIT;
    struct progress progress;
    TRY(rpc_stream_send(stream, &request.base, error));
    TRY(rpc_stream_half_close(stream, error));
    progress_start(&progress, "training", "records");
    bool trained = false;
    for (;;) {
        ProtobufCMessage *message;
        enum patron_code code = rpc_stream_receive(stream, &message, error);
        if (code != PATRON_OK || !message) {
            progress_finish(&progress);
            if (code == PATRON_OK && !trained)
                return error_set(error, PATRON_IO, "the server ended the training early");
            return code;
        }
        const Patron__V1__TrainResponse *response = (const Patron__V1__TrainResponse *)(const void *)message;
        if (response->model) {
            progress_finish(&progress);
            model_print(response->model, matching->output);
            trained = true;
        } else {
            train_progress(&progress, response);
        }
        protobuf_c_message_free_unpacked(message, NULL);
    }
}

static enum patron_code stream_work(struct rpc *rpc, const char *path, const ProtobufCMessageDescriptor *type,
    enum patron_code (*read)(struct matching *matching, struct rpc_stream *stream, struct error *error),
    struct matching *matching, struct error *error)
{
    struct rpc_stream *stream;
    TRY(rpc_stream_open(rpc, path, type, RPC_NO_DEADLINE, &stream, error));
    enum patron_code code = read(matching, stream, error);
    rpc_stream_close(stream);
    return code;
}

static enum patron_code train_work(struct matching *matching, struct rpc *rpc, struct error *error)
{
    return stream_work(
        rpc, "/patron.v1.Matching/Train", &patron__v1__train_response__descriptor, train_read, matching, error);
}

/* --- match -------------------------------------------------------------------------------------------------------- */

static void pair_node_text(const char *type, const char *value, uint64_t node, char text[NODE_TEXT_MAX])
{
    if (value[0])
        snprintf(text, NODE_TEXT_MAX, "%s:%s", type, value);
    else
        snprintf(text, NODE_TEXT_MAX, "%s %llu", type, (unsigned long long)node);
}

static const char *decision_word(const Patron__V1__MatchPair *pair)
{
    if (pair->decision == PATRON__V1__MATCH_DECISION__MATCH_DECISION_LINK)
        return pair->joined ? "link, one already" : "link";
    return pair->cluster ? "review, others contradict" : "review";
}

/* "surname same +6.1, dob one digit +2.0" */
static void waterfall_text(const Patron__V1__Waterfall *waterfall, char *text, size_t size)
{
    size_t length = 0;
    text[0] = '\0';
    for (size_t i = 0; waterfall && i < waterfall->n_bars && length + 1 < size; i++) {
        const Patron__V1__WaterfallBar *bar = waterfall->bars[i];
        int written = snprintf(text + length, size - length, "%s%s %s %+.1f", i ? ", " : "", bar->column, bar->level,
            bar->weight + bar->frequency_weight);
        length += written > 0 ? (size_t)written : 0;
    }
    if (waterfall && waterfall->household != 0 && length + 1 < size)
        snprintf(text + length, size - length, ", household %+.1f", waterfall->household);
}

static struct json_object *pair_json(const Patron__V1__MatchPair *pair)
{
    struct json_object *object = json_object_new_object(), *bars = json_object_new_array();
    char a[NODE_TEXT_MAX], b[NODE_TEXT_MAX];
    pair_node_text(pair->a_type, pair->a_value, pair->a, a);
    pair_node_text(pair->b_type, pair->b_value, pair->b, b);
    json_object_object_add(object, "a", json_object_new_uint64(pair->a));
    json_object_object_add(object, "b", json_object_new_uint64(pair->b));
    json_object_object_add(object, "a_identifier", json_object_new_string(a));
    json_object_object_add(object, "b_identifier", json_object_new_string(b));
    json_object_object_add(object, "weight", json_object_new_double(pair->weight));
    json_object_object_add(object, "probability", json_object_new_double(pair->probability));
    json_object_object_add(object, "decision",
        json_object_new_string(
            pair->decision == PATRON__V1__MATCH_DECISION__MATCH_DECISION_LINK ? "link" : "review"));
    json_object_object_add(object, "others_contradict", json_object_new_boolean(pair->cluster));
    json_object_object_add(object, "one_already", json_object_new_boolean(pair->joined));
    json_object_object_add(object, "prior", json_object_new_double(pair->waterfall ? pair->waterfall->prior : 0));
    json_object_object_add(
        object, "household", json_object_new_double(pair->waterfall ? pair->waterfall->household : 0));
    for (size_t i = 0; pair->waterfall && i < pair->waterfall->n_bars; i++) {
        const Patron__V1__WaterfallBar *from = pair->waterfall->bars[i];
        struct json_object *bar = json_object_new_object();
        json_object_object_add(bar, "column", json_object_new_string(from->column));
        json_object_object_add(bar, "level", json_object_new_string(from->level));
        json_object_object_add(bar, "weight", json_object_new_double(from->weight));
        json_object_object_add(bar, "frequency_weight", json_object_new_double(from->frequency_weight));
        json_object_array_add(bars, bar);
    }
    json_object_object_add(object, "waterfall", bars);
    return object;
}

enum { PAIR_COLUMNS = 6, WATERFALL_TEXT_MAX = 4096 };

static void pair_row(struct rows *rows, const Patron__V1__MatchPair *pair)
{
    char a[NODE_TEXT_MAX], b[NODE_TEXT_MAX], weight[NUMBER_TEXT_MAX], probability[NUMBER_TEXT_MAX];
    char waterfall[WATERFALL_TEXT_MAX];
    pair_node_text(pair->a_type, pair->a_value, pair->a, a);
    pair_node_text(pair->b_type, pair->b_value, pair->b, b);
    weight_text(pair->weight, weight);
    snprintf(probability, sizeof probability, "%.6f", pair->probability);
    waterfall_text(pair->waterfall, waterfall, sizeof waterfall);
    const char *const cells[PAIR_COLUMNS] = {b, a, decision_word(pair), probability, weight, waterfall};
    row_add(rows, cells);
}

static void preview_end(const Patron__V1__PreviewResponse *last)
{
    fprintf(stderr, "%llu of %llu records: %llu links, %llu for review, %llu below, %llu blocks too large\n",
        (unsigned long long)last->records, (unsigned long long)last->records_total, (unsigned long long)last->links,
        (unsigned long long)last->reviews, (unsigned long long)last->below,
        (unsigned long long)last->oversized_blocks);
}

static void preview_take(
    const struct matching *matching, const Patron__V1__PreviewResponse *response, struct rows *rows)
{
    for (size_t i = 0; i < response->n_pairs; i++) {
        if (matching->output == OUTPUT_JSON)
            json_print(pair_json(response->pairs[i]));
        else
            pair_row(rows, response->pairs[i]);
    }
}

static enum patron_code preview_messages(
    struct matching *matching, struct rpc_stream *stream, struct rows *rows, struct error *error)
{
    struct progress progress;
    bool done = false;
    progress_start(&progress, "comparing", "records");
    for (;;) {
        ProtobufCMessage *message;
        enum patron_code code = rpc_stream_receive(stream, &message, error);
        if (code != PATRON_OK || !message) {
            progress_finish(&progress);
            if (code == PATRON_OK && !done)
                return error_set(error, PATRON_IO, "the server ended the preview early");
            return code;
        }
        const Patron__V1__PreviewResponse *response = (const Patron__V1__PreviewResponse *)(const void *)message;
        if (response->n_pairs > 0 && matching->output != OUTPUT_TABLE)
            progress_finish(&progress);
        preview_take(matching, response, rows);
        progress_update(&progress, response->records, response->records, response->records_total);
        done = response->done;
        if (done) {
            progress_finish(&progress);
            preview_end(response);
        }
        protobuf_c_message_free_unpacked(message, NULL);
    }
}

static enum patron_code preview_read(struct matching *matching, struct rpc_stream *stream, struct error *error)
{
    static const char *const titles[PAIR_COLUMNS] = {"of", "and", "decision", "probability", "weight", "because"};
    Patron__V1__PreviewRequest request = PATRON__V1__PREVIEW_REQUEST__INIT;
    request.limit = matching->limit;
    TRY(rpc_stream_send(stream, &request.base, error));
    TRY(rpc_stream_half_close(stream, error));
    struct rows rows = {.output = OUTPUT_JSON};
    if (matching->output != OUTPUT_JSON)
        rows_begin(&rows, matching->output, titles, PAIR_COLUMNS);
    enum patron_code code = preview_messages(matching, stream, &rows, error);
    if (matching->output != OUTPUT_JSON)
        rows_end(&rows);
    return code;
}

static void status_print(const Patron__V1__GetMatchingStatusResponse *status, bool json)
{
    if (json) {
        struct json_object *object = json_object_new_object();
        const struct {
            const char *name;
            uint64_t value;
        } numbers[] = {{"records", status->records}, {"model", status->model}, {"walked", status->walked},
            {"pairs", status->pairs}, {"links", status->links}, {"reviews", status->reviews},
            {"refused", status->refused}, {"below", status->below}, {"oversized_blocks", status->oversized_blocks},
            {"cut", status->cut}, {"stale", status->stale}};
        json_object_object_add(object, "matching", json_object_new_boolean(status->matching));
        json_object_object_add(object, "current", json_object_new_boolean(status->current));
        json_object_object_add(object, "walking", json_object_new_boolean(status->walking));
        for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
            json_object_object_add(object, numbers[i].name, json_object_new_uint64(numbers[i].value));
        json_object_object_add(object, "words", json_object_new_string(status->words));
        json_print(object);
        return;
    }
    if (status->words[0])
        printf("%s\n", status->words);
    printf("%llu records", (unsigned long long)status->records);
    if (status->model == 0)
        printf(", not matched\n");
    else if (status->walking)
        printf(", %llu of them matched with model %u\n", (unsigned long long)status->walked, status->model);
    else
        printf(", matched with model %u%s\n", status->model, status->current ? "" : "; more are being matched");
    printf("%llu pairs compared: %llu links, %llu for review, %llu refused by rules, %llu below\n",
        (unsigned long long)status->pairs, (unsigned long long)status->links, (unsigned long long)status->reviews,
        (unsigned long long)status->refused, (unsigned long long)status->below);
    printf("%llu times a block was too large, %llu candidates were one too many\n",
        (unsigned long long)status->oversized_blocks, (unsigned long long)status->cut);
}

static enum patron_code status_work(struct matching *matching, struct rpc *rpc, struct error *error)
{
    struct progress progress;
    progress_start(&progress, "matching", "records");
    for (;;) {
        Patron__V1__GetMatchingStatusRequest request = PATRON__V1__GET_MATCHING_STATUS_REQUEST__INIT;
        ProtobufCMessage *reply;
        enum patron_code code = rpc_unary(rpc, "/patron.v1.Matching/GetMatchingStatus", &request.base,
            &patron__v1__get_matching_status_response__descriptor, &reply, error);
        if (code != PATRON_OK) {
            progress_finish(&progress);
            return code;
        }
        const Patron__V1__GetMatchingStatusResponse *status =
            (const Patron__V1__GetMatchingStatusResponse *)(const void *)reply;
        bool ends = !matching->options.wait || status->current;
        if (ends) {
            progress_finish(&progress);
            status_print(status, matching->output == OUTPUT_JSON);
        } else {
            progress_update(&progress, status->walked, status->walked, status->walking ? status->records : 0);
        }
        protobuf_c_message_free_unpacked(reply, NULL);
        if (ends)
            return PATRON_OK;
        const struct timespec pause = {.tv_nsec = WAIT_MS * 1000000L};
        nanosleep(&pause, NULL);
    }
}

static enum patron_code match_work(struct matching *matching, struct rpc *rpc, struct error *error)
{
    if (!matching->options.dry_run)
        return status_work(matching, rpc, error);
    return stream_work(rpc, "/patron.v1.Matching/Preview", &patron__v1__preview_response__descriptor, preview_read,
        matching, error);
}

/* --- the commands ------------------------------------------------------------------------------------------------- */

static enum patron_code train_given(struct matching *matching, struct error *error)
{
    if (matching->rest.count > 0)
        return error_set(error, PATRON_INVALID, "'%.100s' is not expected here", matching->rest.values[0]);
    return output_read(matching, false, error);
}

static enum patron_code match_given(struct matching *matching, struct error *error)
{
    const struct match_options *options = &matching->options;
    long long limit = 0;
    if (matching->rest.count > 0)
        return error_set(error, PATRON_INVALID, "'%.100s' is not expected here", matching->rest.values[0]);
    TRY(output_read(matching, options->dry_run, error));
    if (options->dry_run && options->wait)
        return error_set(error, PATRON_INVALID, "say either --dry-run or --wait");
    if (options->limit && !options->dry_run)
        return error_set(error, PATRON_INVALID, "--limit goes with --dry-run");
    if (options->limit && parse_count(options->limit, 1, INT64_MAX, &limit, error) != PATRON_OK)
        return error_prefix(error, PATRON_INVALID, "--limit: ");
    matching->limit = (uint64_t)limit;
    return PATRON_OK;
}

static enum patron_code models_given(struct matching *matching, struct error *error)
{
    long long number = 0;
    if (matching->rest.count > 1)
        return error_set(error, PATRON_INVALID, "'%.100s' is not expected here", matching->rest.values[1]);
    if (matching->rest.count == 1)
        TRY(parse_count(matching->rest.values[0], 1, UINT32_MAX, &number, error));
    matching->number = (uint32_t)number;
    return output_read(matching, true, error);
}

static int matching_run(const struct command *command, int argc, char **argv,
    enum patron_code (*given)(struct matching *matching, struct error *error),
    enum patron_code (*work)(struct matching *matching, struct rpc *rpc, struct error *error))
{
    struct matching matching = {.command = command};
    struct error error;
    struct rpc *rpc;
    int exit_code = command_parse(command, argc, argv, &matching.options, &matching.rest);
    if (exit_code < 0 && given(&matching, &error) != PATRON_OK)
        exit_code = command_usage_error(command, "%s", error.text);
    if (exit_code < 0) {
        enum patron_code code = rpc_open(&rpc, matching.options.server, &error);
        if (code == PATRON_OK) {
            code = work(&matching, rpc, &error);
            rpc_close(rpc);
        }
        exit_code = code == PATRON_OK ? EXIT_DONE : command_failed(&error);
    }
    flag_list_clear(&matching.rest);
    return exit_code;
}

static int train_run(const struct command *command, int argc, char **argv)
{
    return matching_run(command, argc, argv, train_given, train_work);
}

static int match_run(const struct command *command, int argc, char **argv)
{
    return matching_run(command, argc, argv, match_given, match_work);
}

static int models_run(const struct command *command, int argc, char **argv)
{
    return matching_run(command, argc, argv, models_given, models_work);
}

#define FLAGS(table) .flags = (table), .flag_count = sizeof(table) / sizeof *(table)

const struct command command_identity_train = {
    .name = "identity train",
    .usage = "[FLAGS]",
    .summary = "learn from all records of people how alike those of one person are",
    .notes = "The definitions' `matching` says which events are records. The model is used from now on: all records\n"
             "are matched with it, and those that come. What was linked before stays.\n\n"
             "Example:\n  patron identity train && patron identity match --wait\n",
    FLAGS(train_flags),
    .run = train_run,
};

const struct command command_identity_match = {
    .name = "identity match",
    .usage = "[FLAGS]",
    .summary = "how far records are matched; with --dry-run, which pairs would be linked or reviewed",
    .notes = "The server matches records by itself, with the newest model. --dry-run compares all of them and writes\n"
             "nothing.\n\n"
             "Examples:\n  patron identity match\n  patron identity match --wait\n"
             "  patron identity match --dry-run --limit 20\n",
    FLAGS(match_flags),
    .run = match_run,
};

const struct command command_identity_models = {
    .name = "identity models",
    .usage = "[NUMBER] [FLAGS]",
    .summary = "the models, or one with its parameters",
    .notes = "m is how likely two records of one person fall into a level, u how likely those of two persons do; the\n"
             "weight is log2(m / u).\n\n"
             "Examples:\n  patron identity models\n  patron identity models 2\n",
    FLAGS(models_flags),
    .run = models_run,
};
