/* `patron identity review`: the merges that wait for a person; `list`, `show`, `approve` and `reject`. */
#include "client/identity_review.h"

#include <csv.h>
#include <string.h>
#include <unistd.h>

#include "client/moments.h"
#include "client/rpc.h"
#include "client/table.h"
#include "client/values.h"
#include "store/base/limits.h"
#include "store/base/time_text.h"

enum { PAGE_ITEMS = 200 };

struct review_options {
    const char *server, *state, *id, *customer, *min_worth, *limit, *service, *actor, *reason, *seen, *output;
    struct flag_list why;
    bool yes;
};

#define OPTION(member) offsetof(struct review_options, member)
#define SERVICE_FLAG                                                                                         \
    {                                                                                                        \
        "service", NULL, 0, FLAG_TEXT, "NAME", "show this service's features (default all)", OPTION(service) \
    }
#define ACTOR_FLAG                                                                                           \
    {                                                                                                        \
        "actor", NULL, 0, FLAG_TEXT, "NAME", "who decides (default the login name)", OPTION(actor)           \
    }
#define REASON_FLAG                                                                                          \
    {                                                                                                        \
        "reason", NULL, 0, FLAG_TEXT, "TEXT", "why: kept with it and shown", OPTION(reason)                  \
    }
#define OUTPUT_FLAG                                                                                          \
    {                                                                                                        \
        "output", NULL, 'o', FLAG_TEXT, "table|json", "how to print it (default table)", OPTION(output)      \
    }

static const struct flag list_flags[] = {
    {"state", NULL, 0, FLAG_TEXT, "NAME",
        "waiting (default), all, open, half-approved, approved, rejected, expired or moot", OPTION(state)},
    {"why", NULL, 0, FLAG_LIST, "NAME", "only those sent by size, bridge, value, score or cluster; repeatable",
        OPTION(why)},
    {"min-worth", NULL, 0, FLAG_TEXT, "N", "only where either customer is worth so much or more", OPTION(min_worth)},
    {"id", NULL, 0, FLAG_TEXT, "TYPE:VALUE", "only those of this identifier (or of a node, by its number)", OPTION(id)},
    {"customer", NULL, 0, FLAG_TEXT, "N", "only those of this customer's identifiers", OPTION(customer)},
    {"limit", NULL, 0, FLAG_TEXT, "N", "the oldest so many (default all)", OPTION(limit)},
    {"output", NULL, 'o', FLAG_TEXT, "table|json|csv", "how to print it (default table)", OPTION(output)},
    SERVER_FLAG(struct review_options),
};

static const struct flag show_flags[] = {SERVICE_FLAG, OUTPUT_FLAG, SERVER_FLAG(struct review_options)};

static const struct flag approve_flags[] = {
    {"seen", NULL, 0, FLAG_TEXT, "TOKEN", "what `review show` gave: the approval holds for what was seen",
        OPTION(seen)},
    {"yes", NULL, 0, FLAG_SWITCH, NULL, "approve it as it is now, without showing it and asking", OPTION(yes)},
    ACTOR_FLAG,
    REASON_FLAG,
    SERVICE_FLAG,
    OUTPUT_FLAG,
    SERVER_FLAG(struct review_options),
};

static const struct flag reject_flags[] = {ACTOR_FLAG, REASON_FLAG, OUTPUT_FLAG, SERVER_FLAG(struct review_options)};

enum review_output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_CSV };

struct review {
    struct review_options options;
    struct flag_list rest;
    struct arena arena;
    enum review_output output;
    Patron__V1__ListReviewsRequest list;
    uint64_t limit;
    int64_t item_us;
    const char *actor;
    uint8_t seen[16];
};

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)(text ? text : "");
}

static enum patron_code output_read(struct review *review, bool csv_too, struct error *error)
{
    static const char *const outputs[] = {"table", "json", "csv"};
    const char *output = review->options.output;
    for (size_t i = 0; i < (csv_too ? 3U : 2U); i++) {
        if (!output || strcmp(output, outputs[i]) == 0) {
            review->output = (enum review_output)i;
            return PATRON_OK;
        }
    }
    return error_set(error, PATRON_INVALID, "--output is %s, not '%.40s'",
        csv_too ? "table, json or csv" : "table or json", output);
}

/* --- list: what is asked for -------------------------------------------------------------------------------------- */

/* The number of the word, as it is on the wire, from `first` on. */
static enum patron_code word_number(const char *flag, const char *word, const char *const *words, size_t count,
    int first, int *number, struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0) {
            *number = first + (int)i;
            return PATRON_OK;
        }
    }
    const char *near = nearest_word(word, words, count);
    return error_set(error, PATRON_INVALID, "--%s knows no '%.40s'%s%s", flag, word,
        near ? "; did you mean " : ": see --help", near ? near : "");
}

static enum patron_code states_read(struct review *review, struct error *error)
{
    static const char *const words[] = {"open", "half-approved", "approved", "rejected", "expired", "moot"};
    enum { STATES = sizeof words / sizeof *words };
    const char *state = review->options.state;
    if (!state || strcmp(state, "waiting") == 0)
        return PATRON_OK;
    review->list.states = arena_array(&review->arena, STATES, sizeof *review->list.states);
    if (strcmp(state, "all") == 0) {
        for (int i = 0; i < STATES; i++)
            review->list.states[review->list.n_states++] = (Patron__V1__IdentityReviewState)(i + 1);
        return PATRON_OK;
    }
    int number = 0;
    TRY(word_number("state", state, words, STATES, 1, &number, error));
    review->list.states[review->list.n_states++] = (Patron__V1__IdentityReviewState)number;
    return PATRON_OK;
}

static enum patron_code why_read(struct review *review, struct error *error)
{
    static const char *const words[] = {"size", "bridge", "value", "score", "cluster"};
    const struct flag_list *why = &review->options.why;
    review->list.obstacles = arena_array(&review->arena, why->count, sizeof *review->list.obstacles);
    for (size_t i = 0; i < why->count; i++) {
        int number = 0;
        TRY(word_number("why", why->values[i], words, sizeof words / sizeof *words,
            PATRON__V1__OBSTACLE__OBSTACLE_REVIEW_SIZE, &number, error));
        review->list.obstacles[review->list.n_obstacles++] = (Patron__V1__Obstacle)number;
    }
    return PATRON_OK;
}

static enum patron_code list_read(struct review *review, struct error *error)
{
    const struct review_options *options = &review->options;
    Patron__V1__ListReviewsRequest *list = &review->list;
    long long number = INT64_MAX;
    patron__v1__list_reviews_request__init(list);
    if (review->rest.count > 0)
        return error_set(error, PATRON_INVALID, "'%.100s' is not expected here", review->rest.values[0]);
    TRY(output_read(review, true, error));
    TRY(states_read(review, error));
    TRY(why_read(review, error));
    if (options->limit && parse_count(options->limit, 1, INT64_MAX, &number, error) != PATRON_OK)
        return error_prefix(error, PATRON_INVALID, "--limit: ");
    review->limit = (uint64_t)number;
    if (options->min_worth) {
        char *end;
        list->min_worth = strtod(options->min_worth, &end);
        list->worth_case = PATRON__V1__LIST_REVIEWS_REQUEST__WORTH_MIN_WORTH;
        if (end == options->min_worth || *end)
            return error_set(error, PATRON_INVALID, "--min-worth: '%.40s' is not a number", options->min_worth);
    }
    if (options->id && options->customer)
        return error_set(error, PATRON_INVALID, "say either --id or --customer");
    if (options->id) {
        TRY(node_name_parse(options->id, &review->arena, &list->node, error));
        list->about_case = PATRON__V1__LIST_REVIEWS_REQUEST__ABOUT_NODE;
    }
    if (options->customer) {
        if (parse_count(options->customer, 1, INT64_MAX, &number, error) != PATRON_OK)
            return error_prefix(error, PATRON_INVALID, "--customer: ");
        list->customer = (uint64_t)number;
        list->about_case = PATRON__V1__LIST_REVIEWS_REQUEST__ABOUT_CUSTOMER;
    }
    return PATRON_OK;
}

/* --- list: what is printed ---------------------------------------------------------------------------------------- */

enum { COLUMNS = 9 };
static const char *const titles[COLUMNS] = {
    "item", "state", "between", "and", "worth", "and worth", "why", "persons", "open for"};

static void worth_text(const Patron__V1__ReviewWorth *worth, char text[VALUE_TEXT_MAX])
{
    text[0] = '\0';
    if (worth)
        double_text(worth->worth, text);
}

struct listing {
    struct review *review;
    struct table table;
    uint64_t shown;
};

static void item_cells(struct listing *listing, const Patron__V1__ReviewItem *item, int64_t now_us)
{
    char name[TIME_TEXT_MAX], a[NODE_TEXT_MAX], b[NODE_TEXT_MAX], worth_a[VALUE_TEXT_MAX], worth_b[VALUE_TEXT_MAX];
    char open[SPAN_TEXT_MAX] = "";
    time_to_text(item->item_us, name);
    worth_text(item->worth_a, worth_a);
    worth_text(item->worth_b, worth_b);
    if (item_waits(item))
        span_text(now_us - item->item_us, open);
    const char *const cells[COLUMNS] = {name, review_state_word(item->state), item->a ? node_text(item->a, a) : "",
        item->b ? node_text(item->b, b) : "", worth_a, worth_b, obstacle_words(item->obstacle),
        item->second_person ? "2" : "1", open};
    for (size_t i = 0; i < COLUMNS; i++) {
        if (listing->review->output == OUTPUT_TABLE) {
            table_add(&listing->table, cells[i]);
        } else {
            csv_fwrite(stdout, cells[i], strlen(cells[i]));
            putchar(i + 1 < COLUMNS ? ',' : '\n');
        }
    }
}

static void items_take(struct listing *listing, const Patron__V1__ListReviewsResponse *reply)
{
    for (size_t i = 0; i < reply->n_items && listing->shown < listing->review->limit; i++, listing->shown++) {
        if (listing->review->output == OUTPUT_JSON)
            json_print(review_item_json(reply->items[i]));
        else
            item_cells(listing, reply->items[i], reply->as_of_us);
    }
}

static enum patron_code pages_take(struct listing *listing, struct rpc *rpc, struct error *error)
{
    Patron__V1__ListReviewsRequest *request = &listing->review->list;
    do {
        uint64_t left = listing->review->limit - listing->shown;
        request->page_size = left < PAGE_ITEMS ? (uint32_t)left : PAGE_ITEMS;
        ProtobufCMessage *message;
        TRY(rpc_unary(rpc, "/patron.v1.Review/List", &request->base, &patron__v1__list_reviews_response__descriptor,
            &message, error));
        const Patron__V1__ListReviewsResponse *reply = (const Patron__V1__ListReviewsResponse *)message;
        items_take(listing, reply);
        request->from_us = reply->next_us;
        protobuf_c_message_free_unpacked(message, NULL);
    } while (request->from_us != 0 && listing->shown < listing->review->limit);
    return PATRON_OK;
}

static enum patron_code list_call(struct review *review, struct rpc *rpc, struct error *error)
{
    struct listing listing = {.review = review};
    table_open(&listing.table, COLUMNS);
    for (size_t i = 4; i < 6; i++)
        table_align_right(&listing.table, i);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (review->output == OUTPUT_TABLE)
            table_add(&listing.table, titles[i]);
        else if (review->output == OUTPUT_CSV)
            printf("%s%c", titles[i], i + 1 < COLUMNS ? ',' : '\n');
    }
    enum patron_code code = pages_take(&listing, rpc, error);
    if (code == PATRON_OK && review->output == OUTPUT_TABLE && listing.shown > 0)
        table_print(&listing.table, stdout);
    if (code == PATRON_OK && review->output == OUTPUT_TABLE && listing.shown == 0)
        puts(review->options.state ? "there are none of those" : "nothing waits");
    table_close(&listing.table);
    return code;
}

/* --- show --------------------------------------------------------------------------------------------------------- */

static enum patron_code item_read(struct review *review, struct error *error)
{
    TRY(output_read(review, false, error));
    if (review->rest.count != 1)
        return error_set(error, PATRON_INVALID, "name one item, as `patron identity review list` prints it");
    return moment_parse(bytes_from_string(review->rest.values[0]), &review->item_us, error);
}

static enum patron_code get(
    struct review *review, struct rpc *rpc, Patron__V1__GetReviewResponse **reply, struct error *error)
{
    Patron__V1__GetReviewRequest request = PATRON__V1__GET_REVIEW_REQUEST__INIT;
    request.item_us = review->item_us;
    request.service = text_of(review->options.service);
    ProtobufCMessage *message;
    TRY(rpc_unary(rpc, "/patron.v1.Review/Get", &request.base, &patron__v1__get_review_response__descriptor, &message,
        error));
    *reply = (Patron__V1__GetReviewResponse *)message;
    return PATRON_OK;
}

static enum patron_code show_call(struct review *review, struct rpc *rpc, struct error *error)
{
    Patron__V1__GetReviewResponse *reply;
    TRY(get(review, rpc, &reply, error));
    enum patron_code code = PATRON_OK;
    if (review->output == OUTPUT_JSON)
        review_json_print(reply);
    else
        code = review_print(reply, error);
    protobuf_c_message_free_unpacked(&reply->base, NULL);
    return code;
}

/* --- approve and reject ------------------------------------------------------------------------------------------- */

static enum patron_code seen_read(struct review *review, struct error *error)
{
    static const char digits[] = "0123456789abcdef";
    const char *text = review->options.seen;
    size_t length = strlen(text);
    if (length != 2 * sizeof review->seen || strspn(text, digits) != length)
        return error_set(error, PATRON_INVALID, "--seen is the 32 hexadecimal digits that `review show` prints");
    for (size_t i = 0; i < length; i++) {
        uint8_t digit = (uint8_t)(strchr(digits, text[i]) - digits);
        review->seen[i / 2] = (uint8_t)(review->seen[i / 2] << 4 | digit);
    }
    return PATRON_OK;
}

static enum patron_code approve_read(struct review *review, struct error *error)
{
    const struct review_options *options = &review->options;
    TRY(item_read(review, error));
    TRY(actor_choose(options->actor, &review->actor, error));
    if (options->seen)
        return seen_read(review, error);
    if (!options->yes && (!isatty(STDIN_FILENO) || review->output != OUTPUT_TABLE))
        return error_set(error, PATRON_INVALID,
            "say what you saw: --seen with what `review show` gave, or --yes for the item as it is now");
    return PATRON_OK;
}

static enum patron_code reject_read(struct review *review, struct error *error)
{
    TRY(item_read(review, error));
    return actor_choose(review->options.actor, &review->actor, error);
}

static void decision_print(const struct review *review, const Patron__V1__DecideReviewResponse *reply)
{
    if (review->output == OUTPUT_JSON) {
        struct json_object *result = json_object_new_object();
        json_object_object_add(result, "item", moment_json(review->item_us));
        json_object_object_add(result, "state", json_object_new_string(review_state_word(reply->state)));
        json_object_object_add(result, "known_at", moment_json(reply->known_at_us));
        json_object_object_add(result, "customer", reply->customer ? json_object_new_uint64(reply->customer) : NULL);
        json_object_object_add(result, "merged", reply->merged ? json_object_new_uint64(reply->merged) : NULL);
        json_print(result);
    } else if (reply->state == PATRON__V1__IDENTITY_REVIEW_STATE__IDENTITY_REVIEW_STATE_APPROVED) {
        printf("approved: customer %llu, which takes in customer %llu\n", (unsigned long long)reply->customer,
            (unsigned long long)reply->merged);
    } else if (reply->state == PATRON__V1__IDENTITY_REVIEW_STATE__IDENTITY_REVIEW_STATE_HALF_APPROVED) {
        puts("approved; it takes a second person, who must not be you");
    } else {
        puts("rejected: the two are kept apart from now on");
    }
}

static enum patron_code decide(struct review *review, struct rpc *rpc, bool approve, struct error *error)
{
    Patron__V1__DecideReviewRequest request = PATRON__V1__DECIDE_REVIEW_REQUEST__INIT;
    request.item_us = review->item_us;
    request.verdict = approve ? PATRON__V1__REVIEW_VERDICT__REVIEW_VERDICT_APPROVE
                              : PATRON__V1__REVIEW_VERDICT__REVIEW_VERDICT_REJECT;
    if (approve)
        request.seen = (ProtobufCBinaryData){sizeof review->seen, review->seen};
    request.actor = text_of(review->actor);
    request.reason = text_of(review->options.reason);
    ProtobufCMessage *message;
    TRY(rpc_unary(rpc, "/patron.v1.Review/Decide", &request.base, &patron__v1__decide_review_response__descriptor,
        &message, error));
    decision_print(review, (const Patron__V1__DecideReviewResponse *)message);
    protobuf_c_message_free_unpacked(message, NULL);
    return PATRON_OK;
}

static bool answered_yes(const struct review *review)
{
    char answer[8];
    printf("\n%s: approve? [y/N] ", review->actor);
    fflush(stdout);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

/* What is there now is what is seen: it is shown and asked about, unless --yes. */
static enum patron_code see(struct review *review, struct rpc *rpc, bool *approve, struct error *error)
{
    Patron__V1__GetReviewResponse *reply;
    TRY(get(review, rpc, &reply, error));
    enum patron_code code = PATRON_OK;
    if (reply->seen.len == sizeof review->seen)
        memcpy(review->seen, reply->seen.data, sizeof review->seen);
    if (!review->options.yes)
        code = review_print(reply, error);
    protobuf_c_message_free_unpacked(&reply->base, NULL);
    *approve = code == PATRON_OK && (review->options.yes || answered_yes(review));
    return code;
}

static enum patron_code approve_call(struct review *review, struct rpc *rpc, struct error *error)
{
    bool approve = true;
    if (!review->options.seen)
        TRY(see(review, rpc, &approve, error));
    if (!approve)
        return error_set(error, PATRON_CANCELLED, "not approved; nothing has changed");
    return decide(review, rpc, true, error);
}

static enum patron_code reject_call(struct review *review, struct rpc *rpc, struct error *error)
{
    return decide(review, rpc, false, error);
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static int run(const struct command *command, int argc, char **argv,
    enum patron_code (*read)(struct review *review, struct error *error),
    enum patron_code (*call)(struct review *review, struct rpc *rpc, struct error *error))
{
    struct review review = {0};
    struct error error;
    struct rpc *rpc = NULL;
    int exit_code = command_parse(command, argc, argv, &review.options, &review.rest);
    if (exit_code < 0 && read(&review, &error) != PATRON_OK)
        exit_code = command_usage_error(command, "%s", error.text);
    if (exit_code < 0 && rpc_open(&rpc, review.options.server, &error) != PATRON_OK)
        exit_code = command_failed(&error);
    if (exit_code < 0)
        exit_code = call(&review, rpc, &error) == PATRON_OK ? EXIT_DONE : command_failed(&error);
    rpc_close(rpc);
    arena_clear(&review.arena);
    flag_list_clear(&review.rest);
    flags_clear(command->flags, command->flag_count, &review.options);
    return exit_code;
}

static int list_run(const struct command *command, int argc, char **argv)
{
    return run(command, argc, argv, list_read, list_call);
}

static int show_run(const struct command *command, int argc, char **argv)
{
    return run(command, argc, argv, item_read, show_call);
}

static int approve_run(const struct command *command, int argc, char **argv)
{
    return run(command, argc, argv, approve_read, approve_call);
}

static int reject_run(const struct command *command, int argc, char **argv)
{
    return run(command, argc, argv, reject_read, reject_call);
}

static const struct command command_list = {
    .name = "identity review list",
    .usage = "[FLAGS]",
    .summary = "list merges that wait for a person, the oldest first",
    .notes = "An item's name is the moment at which the store learned what sent it to review.\n\n"
             "Examples:\n  patron identity review list --min-worth 1000\n"
             "  patron identity review list --state all --id email:ada@example.org -o csv\n",
    .flags = list_flags,
    .flag_count = sizeof list_flags / sizeof *list_flags,
    .run = list_run,
};

static const struct command command_show = {
    .name = "identity review show",
    .usage = "ITEM [FLAGS]",
    .summary = "show all that one needs to decide: both sides, the evidence, and what they would be as one",
    .notes = "The last lines say how to approve or reject what is shown.\n\n"
             "Example:\n  patron identity review show 2026-05-04T10:20:30.123456Z --service churn\n",
    .flags = show_flags,
    .flag_count = sizeof show_flags / sizeof *show_flags,
    .run = show_run,
};

static const struct command command_approve = {
    .name = "identity review approve",
    .usage = "ITEM [--seen TOKEN | --yes] [FLAGS]",
    .summary = "link the two: they become one customer",
    .notes = "With --seen the approval holds for what `review show` showed: if the two customers have changed since,\n"
             "only if nothing new speaks against it. Without, on a terminal, the item is shown first and asked about.\n"
             "Customers of great value take two persons; the second must not be the first.\n\n"
             "Example:\n  patron identity review approve 2026-05-04T10:20:30.123456Z --reason 'called both'\n",
    .flags = approve_flags,
    .flag_count = sizeof approve_flags / sizeof *approve_flags,
    .run = approve_run,
};

static const struct command command_reject = {
    .name = "identity review reject",
    .usage = "ITEM [FLAGS]",
    .summary = "keep the two apart from now on",
    .notes = "All identifiers that the two customers have now stay apart: no event, match or review joins them, until\n"
             "`patron identity link --lift` does.\n\n"
             "Example:\n  patron identity review reject 2026-05-04T10:20:30.123456Z --reason 'father and son'\n",
    .flags = reject_flags,
    .flag_count = sizeof reject_flags / sizeof *reject_flags,
    .run = reject_run,
};

static const struct command *const parts[] = {&command_list, &command_show, &command_approve, &command_reject};

const struct command command_identity_review = {
    .name = "identity review",
    .usage = "COMMAND [FLAGS]",
    .summary = "decide about merges that wait for a person",
    .notes = "",
    .run = command_run_part,
    .parts = parts,
    .part_count = sizeof parts / sizeof *parts,
};
