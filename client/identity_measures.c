/* `patron identity measures`: how well identity works. */
#include <string.h>

#include "client/identity.h"
#include "client/rpc.h"
#include "client/table.h"
#include "client/values.h"
#include "patron/v1/measures.pb-c.h"
#include "store/base/time_text.h"

struct measures_options {
    const char *server, *output;
    bool fresh;
};

static const struct flag measures_flags[] = {
    {"fresh", NULL, 0, FLAG_SWITCH, NULL, "count now, not what the server counted last",
        offsetof(struct measures_options, fresh)},
    {"output", NULL, 'o', FLAG_TEXT, "table|json", "how to print it (default table)",
        offsetof(struct measures_options, output)},
    SERVER_FLAG(struct measures_options),
};

/* --- for scripts -------------------------------------------------------------------------------------------- */

static struct json_object *share_json(const Patron__V1__LinkedShare *share)
{
    if (!share)
        return NULL;
    struct json_object *result = json_object_new_object();
    json_object_object_add(result, "customers", json_object_new_uint64(share->customers));
    json_object_object_add(result, "events", json_object_new_uint64(share->events));
    json_object_object_add(result, "linked_events", json_object_new_uint64(share->linked_events));
    json_object_object_add(result, "share", double_json(share->share));
    return result;
}

static void measures_json_print(const Patron__V1__GetMeasuresResponse *reply)
{
    struct json_object *result = json_object_new_object(), *types = json_object_new_object();
    struct json_object *sizes = json_object_new_object(), *rules = json_object_new_object();
    json_object_object_add(result, "as_of", moment_json(reply->as_of_us));
    json_object_object_add(result, "identifiers", json_object_new_uint64(reply->identifiers));
    json_object_object_add(result, "all", share_json(reply->all));
    json_object_object_add(result, "top_fifth", share_json(reply->top_fifth));
    for (size_t i = 0; i < reply->n_types; i++)
        json_object_object_add(types, reply->types[i]->type, share_json(reply->types[i]->linked));
    json_object_object_add(result, "types", types);
    for (size_t i = 0; i < reply->n_sizes; i++)
        json_object_object_add(
            sizes, reply->sizes[i]->identifiers, json_object_new_uint64(reply->sizes[i]->customers));
    json_object_object_add(result, "customers_by_identifiers", sizes);
    json_object_object_add(result, "merges", json_object_new_uint64(reply->merges));
    json_object_object_add(result, "splits", json_object_new_uint64(reply->splits));
    json_object_object_add(result, "blocks", json_object_new_uint64(reply->blocks));
    for (size_t i = 0; i < reply->n_rules; i++)
        json_object_object_add(rules, reply->rules[i]->rule, json_object_new_uint64(reply->rules[i]->count));
    json_object_object_add(result, "not_joined", rules);
    json_object_object_add(result, "reviews_approved", json_object_new_uint64(reply->reviews_approved));
    json_object_object_add(result, "reviews_rejected", json_object_new_uint64(reply->reviews_rejected));
    json_object_object_add(result, "reviews_open", json_object_new_uint64(reply->reviews_open));
    json_object_object_add(result, "suspected_duplicates", json_object_new_uint64(reply->suspected_duplicates));
    json_object_object_add(result, "oldest_review", moment_json(reply->oldest_review_us));
    json_print(result);
}

/* --- for people --------------------------------------------------------------------------------------------- */

static void count_add(struct table *table, uint64_t count)
{
    char text[VALUE_TEXT_MAX];
    snprintf(text, sizeof text, "%llu", (unsigned long long)count);
    table_add(table, text);
}

static void share_add(struct table *table, const char *who, const Patron__V1__LinkedShare *share)
{
    char text[VALUE_TEXT_MAX];
    table_add(table, who);
    count_add(table, share->customers);
    count_add(table, share->events);
    snprintf(text, sizeof text, "%.1f %%", 100 * share->share);
    table_add(table, text);
}

static void shares_print(const Patron__V1__GetMeasuresResponse *reply)
{
    struct table table;
    table_open(&table, 4);
    for (size_t i = 1; i < 4; i++)
        table_align_right(&table, i);
    table_add(&table, "customers");
    table_add(&table, "how many");
    table_add(&table, "events");
    table_add(&table, "linked");
    share_add(&table, "all", reply->all);
    if (reply->top_fifth)
        share_add(&table, "the fifth of most value", reply->top_fifth);
    for (size_t i = 0; i < reply->n_types; i++) {
        char who[VALUE_TEXT_MAX + NODE_TEXT_MAX];
        snprintf(who, sizeof who, "with %s", reply->types[i]->type);
        share_add(&table, who, reply->types[i]->linked);
    }
    table_print(&table, stdout);
    table_close(&table);
}

static void counts_print(const Patron__V1__GetMeasuresResponse *reply)
{
    printf("\nidentifiers a customer:");
    for (size_t i = 0; i < reply->n_sizes; i++)
        if (reply->sizes[i]->customers > 0)
            printf("  %s: %llu", reply->sizes[i]->identifiers, (unsigned long long)reply->sizes[i]->customers);
    printf("\nmerges %llu, splits %llu, blocked identifiers %llu\n", (unsigned long long)reply->merges,
        (unsigned long long)reply->splits, (unsigned long long)reply->blocks);
    printf("not joined, by rule:");
    bool any = false;
    for (size_t i = 0; i < reply->n_rules; i++) {
        if (reply->rules[i]->count == 0)
            continue;
        printf("  %s: %llu", reply->rules[i]->rule, (unsigned long long)reply->rules[i]->count);
        any = true;
    }
    printf("%s\n", any ? "" : " nothing");
    printf("reviews: %llu open (%llu of them suspected duplicates), %llu approved, %llu rejected\n",
        (unsigned long long)reply->reviews_open, (unsigned long long)reply->suspected_duplicates,
        (unsigned long long)reply->reviews_approved, (unsigned long long)reply->reviews_rejected);
    if (reply->reviews_open > 0) {
        char text[TIME_TEXT_MAX];
        time_to_text(reply->oldest_review_us, text);
        printf("the oldest waits since %s: patron identity review list\n", text);
    }
}

static void measures_print(const Patron__V1__GetMeasuresResponse *reply)
{
    char text[TIME_TEXT_MAX];
    time_to_text(reply->as_of_us, text);
    printf("counted as of %s: %llu identifiers\n\n", text, (unsigned long long)reply->identifiers);
    shares_print(reply);
    counts_print(reply);
}

static enum patron_code measures_ask(
    const struct measures_options *options, bool json, struct error *error)
{
    struct rpc *rpc = NULL;
    ProtobufCMessage *reply = NULL;
    Patron__V1__GetMeasuresRequest request = PATRON__V1__GET_MEASURES_REQUEST__INIT;
    request.fresh = options->fresh;
    enum patron_code code = rpc_open(&rpc, options->server, error);
    if (code == PATRON_OK)
        code = rpc_unary(rpc, "/patron.v1.Measures/GetMeasures", &request.base,
            &patron__v1__get_measures_response__descriptor, &reply, error);
    const Patron__V1__GetMeasuresResponse *measures = (const void *)reply;
    if (code == PATRON_OK && !measures->all)
        code = error_set(error, PATRON_CORRUPT, "the server's answer has no counts");
    if (code == PATRON_OK && json)
        measures_json_print(measures);
    else if (code == PATRON_OK)
        measures_print(measures);
    if (reply)
        protobuf_c_message_free_unpacked(reply, NULL);
    rpc_close(rpc);
    return code;
}

static int measures_run(const struct command *command, int argc, char **argv)
{
    struct measures_options options = {0};
    struct flag_list rest = {0};
    int exit_code = command_parse(command, argc, argv, &options, &rest);
    bool json = options.output && strcmp(options.output, "json") == 0;
    if (exit_code < 0 && rest.count > 0)
        exit_code = command_usage_error(command, "'%.100s' is not expected here", rest.values[0]);
    if (exit_code < 0 && options.output && !json && strcmp(options.output, "table") != 0)
        exit_code = command_usage_error(command, "--output is table or json, not '%.40s'", options.output);
    struct error error;
    if (exit_code < 0)
        exit_code = measures_ask(&options, json, &error) == PATRON_OK ? EXIT_DONE : command_failed(&error);
    flag_list_clear(&rest);
    return exit_code;
}

const struct command command_identity_measures = {
    .name = "identity measures",
    .usage = "[--fresh] [FLAGS]",
    .summary = "say how well identity works",
    .notes = "An event is linked if its customer has two identifiers or more. The fifth of most value goes by\n"
             "identity.value of the definitions. Without --fresh it is what the server counted last.\n\n"
             "Example:\n  patron identity measures --fresh -o json\n",
    .flags = measures_flags,
    .flag_count = sizeof measures_flags / sizeof *measures_flags,
    .run = measures_run,
};
