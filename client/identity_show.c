/* `patron identity show` and `history`: what a customer consists of and why, and how that came about. */
#include <csv.h>
#include <string.h>

#include "client/identity.h"
#include "client/moments.h"
#include "client/rpc.h"
#include "client/table.h"
#include "client/values.h"
#include "client/visible.h"
#include "store/base/time_text.h"

struct show_options {
    const char *server, *id, *customer, *as_of, *limit, *output;
};

#define OPTION(member) offsetof(struct show_options, member)

static const struct flag show_flags[] = {
    {"id", NULL, 0, FLAG_TEXT, "TYPE:VALUE", "the customer of this identifier (or of a node, by its number)",
        OPTION(id)},
    {"customer", NULL, 0, FLAG_TEXT, "N", "the customer of this number", OPTION(customer)},
    {"as-of", NULL, 0, FLAG_TEXT, "TIME", "what was known just before this moment (RFC 3339 or microseconds)",
        OPTION(as_of)},
    {"output", NULL, 'o', FLAG_TEXT, "table|json|csv", "how to print it (default table)", OPTION(output)},
    SERVER_FLAG(struct show_options),
};

static const struct flag history_flags[] = {
    {"id", NULL, 0, FLAG_TEXT, "TYPE:VALUE", "the customer of this identifier (or of a node, by its number)",
        OPTION(id)},
    {"customer", NULL, 0, FLAG_TEXT, "N", "the customer of this number", OPTION(customer)},
    {"as-of", NULL, 0, FLAG_TEXT, "TIME", "what was known just before this moment (RFC 3339 or microseconds)",
        OPTION(as_of)},
    {"limit", NULL, 0, FLAG_TEXT, "N", "the first so many moments (default all)", OPTION(limit)},
    {"output", NULL, 'o', FLAG_TEXT, "table|json|csv", "how to print it (default table)", OPTION(output)},
    SERVER_FLAG(struct show_options),
};

enum show_output { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_CSV, OUTPUTS };

struct question {
    struct arena arena;
    Patron__V1__NodeName *name; /* null: a customer is asked for */
    uint64_t customer;
    bool has_as_of;
    int64_t as_of_us;
    uint64_t limit;
    enum show_output output;
};

static enum patron_code question_read(
    const struct show_options *options, const struct flag_list *rest, struct question *question, struct error *error)
{
    long long number = 0;
    if (rest->count > 0)
        return error_set(error, PATRON_INVALID, "'%.100s' is not expected here; name the customer with --id or "
            "--customer", rest->values[0]);
    if (!options->id == !options->customer)
        return error_set(error, PATRON_INVALID, "say whose identity: either --id TYPE:VALUE or --customer N");
    if (options->id)
        TRY(node_name_parse(options->id, &question->arena, &question->name, error));
    else if (parse_count(options->customer, 1, INT64_MAX, &number, error) != PATRON_OK)
        return error_prefix(error, PATRON_INVALID, "--customer: ");
    question->customer = (uint64_t)number;
    question->has_as_of = options->as_of != NULL;
    if (options->as_of)
        TRY(moment_parse(bytes_from_string(options->as_of), &question->as_of_us, error));
    if (options->limit && parse_count(options->limit, 1, INT64_MAX, &number, error) != PATRON_OK)
        return error_prefix(error, PATRON_INVALID, "--limit: ");
    question->limit = options->limit ? (uint64_t)number : UINT64_MAX;
    static const char *const outputs[] = {"table", "json", "csv"};
    for (question->output = OUTPUT_TABLE; question->output < OUTPUTS; question->output++)
        if (!options->output || strcmp(options->output, outputs[question->output]) == 0)
            return PATRON_OK;
    return error_set(error, PATRON_INVALID, "--output is table, json or csv, not '%.40s'", options->output);
}

static void csv_cell(const char *text, bool last)
{
    csv_fwrite(stdout, text, strlen(text));
    putchar(last ? '\n' : ',');
}

static void csv_moment(int64_t time_us, bool last)
{
    char text[TIME_TEXT_MAX] = "";
    if (time_us)
        time_to_text(time_us, text);
    csv_cell(text, last);
}

/* --- show --------------------------------------------------------------------------------------------------------- */

typedef Patron__V1__ShowIdentityResponse show_reply;

/* Of each side of a separation; two sides fit a text. */
enum { SIDE_SHOWN_MAX = 5, SIDES_TEXT_MAX = (2 * SIDE_SHOWN_MAX + 1) * NODE_TEXT_MAX };

static void nodes_print(const show_reply *reply)
{
    struct table table;
    table_open(&table, 5);
    table_add(&table, "node");
    table_align_right(&table, 0);
    table_add(&table, "identifier");
    table_add(&table, "first known");
    table_add(&table, "in the customer since");
    table_add(&table, "remarks");
    for (size_t i = 0; i < reply->n_nodes; i++) {
        const Patron__V1__IdentityNode *node = reply->nodes[i];
        char number[32], text[NODE_TEXT_MAX], first[TIME_TEXT_MAX], since[TIME_TEXT_MAX];
        snprintf(number, sizeof number, "%llu", (unsigned long long)node->node);
        time_to_text(node->first_known_us, first);
        time_to_text(node->since_us, since);
        table_add(&table, number);
        table_add(&table, node->value[0] ? node_text(node, text) : node->type);
        table_add(&table, first);
        table_add(&table, since);
        table_add(&table, node->blocked && node->separated ? "blocked, kept apart from others"
                : node->blocked                            ? "blocked"
                : node->separated                          ? "kept apart from others"
                                                           : "");
    }
    table_print(&table, stdout);
    table_close(&table);
}

/* "by ada: same household"; of an event its type. */
static void why_text(const Patron__V1__IdentityLink *link, char *text, size_t size)
{
    char score[VALUE_TEXT_MAX];
    if (link->model) {
        double_text(link->score, score);
        snprintf(text, size, "probability %.8s, model %u%s%s", score, link->model, link->actor[0] ? ", by " : "",
            link->actor);
    } else if (link->actor[0]) {
        snprintf(text, size, "by %s%s%s", link->actor, link->reason[0] ? ": " : "", link->reason);
    } else {
        snprintf(text, size, "%s", link->evidence ? link->evidence->type : "");
    }
}

static void links_print(const show_reply *reply)
{
    if (reply->n_links == 0)
        return;
    printf("\nlinks: %llu%s\n", (unsigned long long)reply->links_total,
        reply->links_total > reply->n_links ? "; the first of them" : "");
    struct table table;
    table_open(&table, 6);
    table_add(&table, "between");
    table_add(&table, "and");
    table_add(&table, "by");
    table_add(&table, "since");
    table_add(&table, "times");
    table_align_right(&table, 4);
    table_add(&table, "on");
    const struct node_list nodes = {.nodes = reply->nodes, .count = reply->n_nodes};
    for (size_t i = 0; i < reply->n_links; i++) {
        const Patron__V1__IdentityLink *link = reply->links[i];
        char a[NODE_TEXT_MAX], b[NODE_TEXT_MAX], since[TIME_TEXT_MAX], times[32], why[NODE_TEXT_MAX + 512];
        time_to_text(link->since_us, since);
        snprintf(times, sizeof times, "%llu", (unsigned long long)link->count);
        why_text(link, why, sizeof why);
        table_add(&table, node_text_of(link->a, &nodes, a));
        table_add(&table, node_text_of(link->b, &nodes, b));
        table_add(&table, rule_word(link->rule));
        table_add(&table, since);
        table_add(&table, times);
        table_add(&table, why);
    }
    table_print(&table, stdout);
    table_close(&table);
}

static void line_print(const char *text)
{
    visible_print(text, stdout);
    putchar('\n');
}

/* "email 1, device 2 and 3 more", behind what the text has; the new length. */
static size_t side_add(
    char text[SIDES_TEXT_MAX], size_t length, const uint64_t *numbers, size_t count, const struct node_list *nodes)
{
    text[length] = '\0';
    for (size_t i = 0; i < count && i < SIDE_SHOWN_MAX; i++) {
        char node[NODE_TEXT_MAX];
        length += (size_t)snprintf(text + length, SIDES_TEXT_MAX - length, "%s%s", i > 0 ? ", " : "",
            node_text_of(numbers[i], nodes, node));
    }
    if (count > SIDE_SHOWN_MAX)
        length += (size_t)snprintf(
            text + length, SIDES_TEXT_MAX - length, " and %zu more", count - SIDE_SHOWN_MAX);
    return length;
}

static void separations_print(const show_reply *reply)
{
    if (reply->n_separations == 0)
        return;
    const struct node_list nodes = {reply->nodes, reply->n_nodes, reply->others, reply->n_others};
    printf("\nkept apart: %zu%s\n", reply->n_separations, reply->more_separations ? " or more" : "");
    for (size_t i = 0; i < reply->n_separations; i++) {
        const Patron__V1__IdentitySeparation *separation = reply->separations[i];
        char since[TIME_TEXT_MAX];
        time_to_text(separation->since_us, since);
        printf("  since %s%s", since, separation->actor[0] ? ", by " : "");
        visible_print(separation->actor, stdout);
        fputs(separation->reason[0] ? ": " : "", stdout);
        line_print(separation->reason);
        char text[SIDES_TEXT_MAX];
        side_add(text, 0, separation->nodes, separation->n_nodes, &nodes);
        fputs("    ", stdout);
        line_print(text);
        side_add(text, 0, separation->others, separation->n_others, &nodes);
        fputs("    from ", stdout);
        line_print(text);
    }
}

static void show_table(const show_reply *reply)
{
    char as_of[TIME_TEXT_MAX];
    time_to_text(reply->as_of_us, as_of);
    printf("customer %llu as of %s\n\n", (unsigned long long)reply->customer, as_of);
    nodes_print(reply);
    links_print(reply);
    separations_print(reply);
    const struct node_list nodes = {reply->nodes, reply->n_nodes, reply->others, reply->n_others};
    refusals_print(reply->refusals, reply->n_refusals, reply->more_refusals, &nodes);
    items_print(reply->items, reply->n_items, reply->more_items, &nodes);
}

static struct json_object *numbers_json(const uint64_t *numbers, size_t count)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(list, json_object_new_uint64(numbers[i]));
    return list;
}

static struct json_object *separations_json(const show_reply *reply)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < reply->n_separations; i++) {
        const Patron__V1__IdentitySeparation *separation = reply->separations[i];
        struct json_object *one = json_object_new_object();
        json_object_object_add(one, "since", moment_json(separation->since_us));
        json_object_object_add(one, "until", moment_json(separation->until_us));
        json_object_object_add(one, "nodes", numbers_json(separation->nodes, separation->n_nodes));
        json_object_object_add(one, "others", numbers_json(separation->others, separation->n_others));
        json_object_object_add(one, "actor", json_object_new_string(separation->actor));
        json_object_object_add(one, "reason", json_object_new_string(separation->reason));
        json_object_array_add(list, one);
    }
    return list;
}

static void show_json(const show_reply *reply)
{
    struct json_object *result = json_object_new_object(), *links = json_object_new_array();
    json_object_object_add(result, "as_of", moment_json(reply->as_of_us));
    json_object_object_add(result, "customer", json_object_new_uint64(reply->customer));
    json_object_object_add(result, "nodes", nodes_json(reply->nodes, reply->n_nodes));
    for (size_t i = 0; i < reply->n_links; i++)
        json_object_array_add(links, link_json(reply->links[i]));
    json_object_object_add(result, "links", links);
    json_object_object_add(result, "links_total", json_object_new_uint64(reply->links_total));
    json_object_object_add(result, "separations", separations_json(reply));
    json_object_object_add(result, "more_separations", json_object_new_boolean(reply->more_separations));
    json_object_object_add(result, "refusals", refusals_json(reply->refusals, reply->n_refusals));
    json_object_object_add(result, "more_refusals", json_object_new_boolean(reply->more_refusals));
    json_object_object_add(result, "items", items_json(reply->items, reply->n_items));
    json_object_object_add(result, "more_items", json_object_new_boolean(reply->more_items));
    json_object_object_add(result, "others", nodes_json(reply->others, reply->n_others));
    json_print(result);
}

static void show_csv(const show_reply *reply)
{
    puts("node,type,value,first_known,since,separated,blocked");
    for (size_t i = 0; i < reply->n_nodes; i++) {
        const Patron__V1__IdentityNode *node = reply->nodes[i];
        printf("%llu,", (unsigned long long)node->node);
        csv_cell(node->type, false);
        csv_cell(node->value, false);
        csv_moment(node->first_known_us, false);
        csv_moment(node->since_us, false);
        printf("%s,%s\n", node->separated ? "true" : "false", node->blocked ? "true" : "false");
    }
}

static enum patron_code show_work(const char *server, const struct question *question, struct error *error)
{
    Patron__V1__ShowIdentityRequest request = PATRON__V1__SHOW_IDENTITY_REQUEST__INIT;
    if (!question->name) {
        request.who_case = PATRON__V1__SHOW_IDENTITY_REQUEST__WHO_CUSTOMER;
        request.customer = question->customer;
    } else if (question->name->name_case == PATRON__V1__NODE_NAME__NAME_NODE) {
        request.who_case = PATRON__V1__SHOW_IDENTITY_REQUEST__WHO_NODE;
        request.node = question->name->node;
    } else {
        request.who_case = PATRON__V1__SHOW_IDENTITY_REQUEST__WHO_IDENTIFIER;
        request.identifier = question->name->identifier;
    }
    if (question->has_as_of) {
        request.at_case = PATRON__V1__SHOW_IDENTITY_REQUEST__AT_AS_OF_US;
        request.as_of_us = question->as_of_us;
    }
    struct rpc *rpc;
    TRY(rpc_open(&rpc, server, error));
    ProtobufCMessage *message;
    enum patron_code code = rpc_unary(rpc, "/patron.v1.Identity/Show", &request.base,
        &patron__v1__show_identity_response__descriptor, &message, error);
    if (code == PATRON_OK) {
        const show_reply *reply = (const show_reply *)message;
        if (question->output == OUTPUT_TABLE)
            show_table(reply);
        else if (question->output == OUTPUT_JSON)
            show_json(reply);
        else
            show_csv(reply);
        protobuf_c_message_free_unpacked(message, NULL);
    }
    rpc_close(rpc);
    return code;
}

/* --- history ------------------------------------------------------------------------------------------------------ */

typedef Patron__V1__IdentityHistoryResponse history_reply;

static const char *happening_word(Patron__V1__IdentityHappening what)
{
    static const char *const words[] = {"unknown", "came", "merged", "split", "linked", "unlinked", "separated",
        "separation ended", "refused", "queued", "approved", "rejected", "expired", "blocked", "unblocked",
        "half approved"};
    return (size_t)what < sizeof words / sizeof *words ? words[what] : words[0];
}

struct fact_text {
    char a[NODE_TEXT_MAX], b[NODE_TEXT_MAX], words[SIDES_TEXT_MAX];
};

/* "email 1, device 2 from email 3" */
static void sides_words(
    const Patron__V1__IdentityFact *fact, const struct node_list *nodes, char words[SIDES_TEXT_MAX])
{
    size_t length = side_add(words, 0, fact->nodes, fact->n_nodes, nodes);
    length += (size_t)snprintf(words + length, SIDES_TEXT_MAX - length, " from ");
    side_add(words, length, fact->others, fact->n_others, nodes);
}

/* "email 3 with device 5, by event" */
static const char *fact_words(const history_reply *reply, const Patron__V1__IdentityFact *fact, struct fact_text *text)
{
    unsigned long long customer = fact->customer, from = fact->from_customer, count = fact->count;
    const char *plural = count == 1 ? "" : "s";
    const struct node_list nodes = {.nodes = reply->nodes, .count = reply->n_nodes};
    node_text_of(fact->node, &nodes, text->a);
    node_text_of(fact->other, &nodes, text->b);
    if (fact->what == PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_REFUSED && fact->other == 0)
        snprintf(text->b, sizeof text->b, "%s, not known before", fact->type);
    char *words = text->words;
    size_t size = sizeof text->words;
    switch (fact->what) {
    case PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_CAME:
        snprintf(words, size, "%s, in customer %llu", text->a, customer);
        break;
    case PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_MERGED:
    case PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_SPLIT:
        if (count == 0 && fact->what == PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_MERGED)
            snprintf(words, size, "customer %llu into customer %llu", from, customer);
        else if (count == 0)
            snprintf(words, size, "customer %llu out of customer %llu", customer, from);
        else
            snprintf(
                words, size, "%llu identifier%s from customer %llu to customer %llu", count, plural, from, customer);
        break;
    case PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_LINKED:
        snprintf(words, size, "%s with %s, by %s", text->a, text->b, rule_word(fact->rule));
        break;
    case PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_UNLINKED:
        snprintf(words, size, "%s from %s (was by %s)", text->a, text->b, rule_word(fact->rule));
        break;
    case PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_SEPARATED:
    case PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_SEPARATION_ENDED:
        sides_words(fact, &nodes, words);
        break;
    case PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_REFUSED:
    case PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_QUEUED:
        snprintf(words, size, "%s with %s: %s", text->a, text->b, obstacle_words(fact->obstacle));
        break;
    case PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_APPROVED:
    case PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_REJECTED:
    case PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_EXPIRED:
    case PATRON__V1__IDENTITY_HAPPENING__IDENTITY_HAPPENING_HALF_APPROVED:
        snprintf(words, size, "%s with %s", text->a, text->b);
        break;
    default:
        snprintf(words, size, "%s", text->a);
        break;
    }
    return words;
}

static const char *signature(const Patron__V1__IdentityMoment *moment, char *text, size_t size)
{
    text[0] = '\0';
    if (moment->actor[0])
        snprintf(text, size, "%s%s%s", moment->actor, moment->reason[0] ? ": " : "", moment->reason);
    else if (moment->reason[0])
        snprintf(text, size, "%s", moment->reason);
    else if (moment->event)
        snprintf(text, size, "%s", moment->event->type);
    return text;
}

static void moment_print(const history_reply *reply, const Patron__V1__IdentityMoment *moment)
{
    char when[TIME_TEXT_MAX], who[2048];
    struct fact_text text;
    time_to_text(moment->known_at_us, when);
    signature(moment, who, sizeof who);
    printf("%s%s", when, who[0] ? "  " : "");
    line_print(who);
    for (size_t i = 0; i < moment->n_facts; i++) {
        printf("  %-16s ", happening_word(moment->facts[i]->what));
        line_print(fact_words(reply, moment->facts[i], &text));
    }
    if (moment->facts_total > moment->n_facts)
        printf("  and %llu more\n", (unsigned long long)(moment->facts_total - moment->n_facts));
}

static void moment_csv(const history_reply *reply, const Patron__V1__IdentityMoment *moment)
{
    struct fact_text text;
    for (size_t i = 0; i < moment->n_facts; i++) {
        csv_moment(moment->known_at_us, false);
        csv_cell(happening_word(moment->facts[i]->what), false);
        csv_cell(fact_words(reply, moment->facts[i], &text), false);
        csv_cell(moment->actor, false);
        csv_cell(moment->reason, true);
    }
}

static struct json_object *fact_json(const Patron__V1__IdentityFact *fact)
{
    struct json_object *one = json_object_new_object();
    json_object_object_add(one, "what", json_object_new_string(happening_word(fact->what)));
    json_object_object_add(one, "node", fact->node ? json_object_new_uint64(fact->node) : NULL);
    json_object_object_add(one, "other", fact->other ? json_object_new_uint64(fact->other) : NULL);
    json_object_object_add(one, "customer", fact->customer ? json_object_new_uint64(fact->customer) : NULL);
    json_object_object_add(
        one, "from_customer", fact->from_customer ? json_object_new_uint64(fact->from_customer) : NULL);
    json_object_object_add(one, "count", json_object_new_uint64(fact->count));
    json_object_object_add(one, "rule", fact->rule ? json_object_new_string(rule_word(fact->rule)) : NULL);
    json_object_object_add(one, "why", fact->obstacle ? json_object_new_string(obstacle_words(fact->obstacle)) : NULL);
    json_object_object_add(one, "type", fact->type[0] ? json_object_new_string(fact->type) : NULL);
    json_object_object_add(one, "item", moment_json(fact->item_us));
    json_object_object_add(one, "nodes", numbers_json(fact->nodes, fact->n_nodes));
    json_object_object_add(one, "others", numbers_json(fact->others, fact->n_others));
    return one;
}

static struct json_object *history_moment_json(const Patron__V1__IdentityMoment *moment)
{
    struct json_object *one = json_object_new_object(), *facts = json_object_new_array();
    json_object_object_add(one, "known_at", moment_json(moment->known_at_us));
    for (size_t i = 0; i < moment->n_facts; i++)
        json_object_array_add(facts, fact_json(moment->facts[i]));
    json_object_object_add(one, "facts", facts);
    json_object_object_add(one, "facts_total", json_object_new_uint64(moment->facts_total));
    json_object_object_add(one, "event", evidence_json(moment->event));
    json_object_object_add(one, "actor", json_object_new_string(moment->actor));
    json_object_object_add(one, "reason", json_object_new_string(moment->reason));
    return one;
}

/* One page. JSON goes a moment a line, so that a long history need not be held. */
static void page_print(const struct question *question, const history_reply *reply, bool first)
{
    if (first && question->output == OUTPUT_TABLE) {
        char as_of[TIME_TEXT_MAX];
        time_to_text(reply->as_of_us, as_of);
        printf("customer %llu as of %s\n\n", (unsigned long long)reply->customer, as_of);
    }
    if (first && question->output == OUTPUT_CSV)
        puts("known_at,what,words,actor,reason");
    for (size_t i = 0; i < reply->n_moments; i++) {
        if (question->output == OUTPUT_TABLE)
            moment_print(reply, reply->moments[i]);
        else if (question->output == OUTPUT_CSV)
            moment_csv(reply, reply->moments[i]);
        else
            json_print(history_moment_json(reply->moments[i]));
    }
}

enum { PAGE_MOMENTS = 200 };

static enum patron_code pages_read(struct rpc *rpc, const struct question *question, struct error *error)
{
    Patron__V1__IdentityHistoryRequest request = PATRON__V1__IDENTITY_HISTORY_REQUEST__INIT;
    if (!question->name) {
        request.who_case = PATRON__V1__IDENTITY_HISTORY_REQUEST__WHO_CUSTOMER;
        request.customer = question->customer;
    } else if (question->name->name_case == PATRON__V1__NODE_NAME__NAME_NODE) {
        request.who_case = PATRON__V1__IDENTITY_HISTORY_REQUEST__WHO_NODE;
        request.node = question->name->node;
    } else {
        request.who_case = PATRON__V1__IDENTITY_HISTORY_REQUEST__WHO_IDENTIFIER;
        request.identifier = question->name->identifier;
    }
    if (question->has_as_of) {
        request.at_case = PATRON__V1__IDENTITY_HISTORY_REQUEST__AT_AS_OF_US;
        request.as_of_us = question->as_of_us;
    }
    uint64_t left = question->limit;
    for (bool first = true;; first = false) {
        request.page_size = left < PAGE_MOMENTS ? (uint32_t)left : PAGE_MOMENTS;
        ProtobufCMessage *message;
        TRY(rpc_unary(rpc, "/patron.v1.Identity/History", &request.base,
            &patron__v1__identity_history_response__descriptor, &message, error));
        const history_reply *reply = (const history_reply *)message;
        page_print(question, reply, first);
        left -= reply->n_moments < left ? reply->n_moments : left;
        request.after_us = reply->next_us;
        /* All pages are of one moment, whatever comes in meanwhile. */
        request.at_case = PATRON__V1__IDENTITY_HISTORY_REQUEST__AT_AS_OF_US;
        request.as_of_us = reply->as_of_us;
        protobuf_c_message_free_unpacked(message, NULL);
        if (request.after_us == 0 || left == 0)
            return PATRON_OK;
    }
}

static enum patron_code history_work(const char *server, const struct question *question, struct error *error)
{
    struct rpc *rpc;
    TRY(rpc_open(&rpc, server, error));
    enum patron_code code = pages_read(rpc, question, error);
    rpc_close(rpc);
    return code;
}

/* --- both --------------------------------------------------------------------------------------------------------- */

static int run(const struct command *command, int argc, char **argv,
    enum patron_code (*work)(const char *server, const struct question *question, struct error *error))
{
    struct show_options options = {0};
    struct flag_list rest = {0};
    struct question question = {0};
    struct error error;
    int exit_code = command_parse(command, argc, argv, &options, &rest);
    if (exit_code < 0 && question_read(&options, &rest, &question, &error) != PATRON_OK)
        exit_code = command_usage_error(command, "%s", error.text);
    if (exit_code < 0)
        exit_code = work(options.server, &question, &error) == PATRON_OK ? EXIT_DONE : command_failed(&error);
    arena_clear(&question.arena);
    flag_list_clear(&rest);
    return exit_code;
}

static int show_run(const struct command *command, int argc, char **argv)
{
    return run(command, argc, argv, show_work);
}

static int history_run(const struct command *command, int argc, char **argv)
{
    return run(command, argc, argv, history_work);
}

const struct command command_identity_show = {
    .name = "identity show",
    .usage = "(--id TYPE:VALUE | --customer N) [FLAGS]",
    .summary = "a customer's identifiers, what links them, and what was refused",
    .notes = "An identifier is shown by its value where the definitions keep it, else by its type and number.\n"
             "csv prints the identifiers; json all there is.\n\n"
             "Examples:\n  patron identity show --id email:ada@example.org\n"
             "  patron identity show --customer 17 --as-of 2026-03-01 -o json\n",
    .flags = show_flags,
    .flag_count = sizeof show_flags / sizeof *show_flags,
    .run = show_run,
};

const struct command command_identity_history = {
    .name = "identity history",
    .usage = "(--id TYPE:VALUE | --customer N) [FLAGS]",
    .summary = "all that ever happened to a customer's identifiers",
    .notes = "In the order in which the server learned it. json prints one object a line and moment.\n\n"
             "Examples:\n  patron identity history --id email:ada@example.org\n"
             "  patron identity history --customer 17 -o csv > history.csv\n",
    .flags = history_flags,
    .flag_count = sizeof history_flags / sizeof *history_flags,
    .run = history_run,
};
