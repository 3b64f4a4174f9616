/* `patron identity link`, `unlink`, `block` and `unblock`: identity put right by hand. */
#include <string.h>

#include "client/identity.h"
#include "client/rpc.h"
#include "client/visible.h"
#include "store/base/limits.h"
#include "store/base/time_text.h"

struct change_options {
    const char *server, *actor, *reason, *service, *output;
    struct flag_list split;
    bool lift, may_relink, dry_run;
};

#define OPTION(member) offsetof(struct change_options, member)
#define ACTOR_FLAG                                                                                           \
    {                                                                                                        \
        "actor", NULL, 0, FLAG_TEXT, "NAME", "who does it (default the login name)", OPTION(actor)           \
    }
#define REASON_FLAG                                                                                          \
    {                                                                                                        \
        "reason", NULL, 0, FLAG_TEXT, "TEXT", "why: kept with it and shown", OPTION(reason)                  \
    }
#define DRY_RUN_FLAG                                                                                         \
    {                                                                                                        \
        "dry-run", NULL, 0, FLAG_SWITCH, NULL, "show what it would do; writes nothing", OPTION(dry_run)      \
    }
#define SERVICE_FLAG                                                                                         \
    {                                                                                                        \
        "service", NULL, 0, FLAG_TEXT, "NAME", "show this service's features (default all)", OPTION(service) \
    }
#define OUTPUT_FLAG                                                                                          \
    {                                                                                                        \
        "output", NULL, 'o', FLAG_TEXT, "table|json", "how to print it (default table)", OPTION(output)      \
    }

static const struct flag link_flags[] = {
    ACTOR_FLAG,
    REASON_FLAG,
    {"lift", NULL, 0, FLAG_SWITCH, NULL, "where the two were kept apart, end that for them", OPTION(lift)},
    DRY_RUN_FLAG,
    SERVICE_FLAG,
    OUTPUT_FLAG,
    SERVER_FLAG(struct change_options),
};

static const struct flag unlink_flags[] = {
    {"split", NULL, 0, FLAG_LIST, "TYPE:VALUE", "split this identifier off; repeatable: all of them from the rest",
        OPTION(split)},
    ACTOR_FLAG,
    REASON_FLAG,
    {"may-relink", NULL, 0, FLAG_SWITCH, NULL, "do not keep the two sides apart: new evidence links them again",
        OPTION(may_relink)},
    DRY_RUN_FLAG,
    SERVICE_FLAG,
    OUTPUT_FLAG,
    SERVER_FLAG(struct change_options),
};

static const struct flag block_flags[] = {
    ACTOR_FLAG, REASON_FLAG, DRY_RUN_FLAG, SERVICE_FLAG, OUTPUT_FLAG, SERVER_FLAG(struct change_options)};

static const struct flag unblock_flags[] = {
    ACTOR_FLAG, REASON_FLAG, OUTPUT_FLAG, SERVER_FLAG(struct change_options)};

struct change {
    struct change_options options;
    struct flag_list names;
    struct arena arena;
    Patron__V1__NodeName **nodes; /* as many as names */
    Patron__V1__NodeName **split;
    const char *actor;
    bool json;
};

static char *text_of(const char *text)
{
    return (char *)(uintptr_t)(text ? text : "");
}

static enum patron_code names_parse(
    const struct flag_list *from, struct arena *arena, Patron__V1__NodeName ***nodes, struct error *error)
{
    *nodes = arena_array(arena, from->count, sizeof **nodes);
    for (size_t i = 0; i < from->count; i++)
        TRY(node_name_parse(from->values[i], arena, &(*nodes)[i], error));
    return PATRON_OK;
}

static enum patron_code change_read(struct change *change, struct error *error)
{
    const struct change_options *options = &change->options;
    if (options->output && strcmp(options->output, "table") != 0 && strcmp(options->output, "json") != 0)
        return error_set(error, PATRON_INVALID, "--output is table or json, not '%.40s'", options->output);
    change->json = options->output && strcmp(options->output, "json") == 0;
    TRY(names_parse(&change->names, &change->arena, &change->nodes, error));
    TRY(names_parse(&options->split, &change->arena, &change->split, error));
    return actor_choose(options->actor, &change->actor, error);
}

/* --- link --------------------------------------------------------------------------------------------------------- */

static const char *fate_word(Patron__V1__LinkFate fate)
{
    static const char *const words[] = {"unknown", "made", "held", "refused", "waits"};
    return (size_t)fate < sizeof words / sizeof *words ? words[fate] : words[0];
}

static void link_json_print(const Patron__V1__LinkIdentityResponse *reply, bool dry_run)
{
    struct json_object *result = json_object_new_object();
    json_object_object_add(result, "dry_run", json_object_new_boolean(dry_run));
    json_object_object_add(result, "fate", json_object_new_string(fate_word(reply->fate)));
    json_object_object_add(result, "known_at", moment_json(reply->known_at_us));
    json_object_object_add(result, "customer", reply->customer ? json_object_new_uint64(reply->customer) : NULL);
    json_object_object_add(result, "merged", reply->merged ? json_object_new_uint64(reply->merged) : NULL);
    json_object_object_add(result, "item", moment_json(reply->item_us));
    json_object_object_add(
        result, "why", reply->obstacle ? json_object_new_string(obstacle_words(reply->obstacle)) : NULL);
    json_object_object_add(result, "words", json_object_new_string(reply->words));
    json_object_object_add(result, "a", reply->a ? node_json(reply->a) : NULL);
    json_object_object_add(result, "b", reply->b ? node_json(reply->b) : NULL);
    json_object_object_add(result, "effect", effect_json(reply->effect));
    json_print(result);
}

static void words_print(const char *words)
{
    visible_print(words, stdout);
    putchar('\n');
}

static void fate_print(const Patron__V1__LinkIdentityResponse *reply, bool dry_run)
{
    char item[TIME_TEXT_MAX] = "";
    switch (reply->fate) {
    case PATRON__V1__LINK_FATE__LINK_FATE_MADE:
        printf("%s: customer %llu, which takes in customer %llu\n", dry_run ? "would be one" : "linked",
            (unsigned long long)reply->customer, (unsigned long long)reply->merged);
        return;
    case PATRON__V1__LINK_FATE__LINK_FATE_HELD:
        printf("both are of customer %llu already; the link %s with the others\n",
            (unsigned long long)reply->customer, dry_run ? "would be kept" : "is kept");
        return;
    case PATRON__V1__LINK_FATE__LINK_FATE_WAITS:
        if (reply->item_us)
            time_to_text(reply->item_us, item);
        printf("%s: ", dry_run ? "would wait for a second person" : "waits for a second person");
        words_print(reply->words);
        if (item[0])
            printf("review item %s\n", item);
        return;
    default:
        printf("%s: ", dry_run ? "would be refused" : "refused");
        words_print(reply->words);
        return;
    }
}

static enum patron_code link_call(struct change *change, struct rpc *rpc, bool *good, struct error *error)
{
    Patron__V1__LinkIdentityRequest request = PATRON__V1__LINK_IDENTITY_REQUEST__INIT;
    request.a = change->nodes[0];
    request.b = change->nodes[1];
    request.actor = text_of(change->actor);
    request.reason = text_of(change->options.reason);
    request.lift = change->options.lift;
    request.dry_run = change->options.dry_run;
    request.service = text_of(change->options.service);
    ProtobufCMessage *message;
    TRY(rpc_unary(rpc, "/patron.v1.Identity/Link", &request.base, &patron__v1__link_identity_response__descriptor,
        &message, error));
    const Patron__V1__LinkIdentityResponse *reply = (const Patron__V1__LinkIdentityResponse *)message;
    enum patron_code code = PATRON_OK;
    *good = reply->fate != PATRON__V1__LINK_FATE__LINK_FATE_REFUSED;
    if (change->json) {
        link_json_print(reply, request.dry_run);
    } else {
        fate_print(reply, request.dry_run);
        if (reply->effect)
            code = effect_print(reply->effect, error);
    }
    protobuf_c_message_free_unpacked(message, NULL);
    return code;
}

/* --- unlink and block --------------------------------------------------------------------------------------------- */

static void split_json_print(const Patron__V1__SplitIdentityResponse *reply, bool dry_run)
{
    struct json_object *result = json_object_new_object(), *closed = json_object_new_array();
    json_object_object_add(result, "dry_run", json_object_new_boolean(dry_run));
    json_object_object_add(result, "known_at", moment_json(reply->known_at_us));
    for (size_t i = 0; i < reply->n_closed; i++)
        json_object_array_add(closed, link_json(reply->closed[i]));
    json_object_object_add(result, "closed", closed);
    json_object_object_add(result, "closed_total", json_object_new_uint64(reply->closed_total));
    json_object_object_add(result, "effect", effect_json(reply->effect));
    json_object_object_add(result, "oldest_closed", moment_json(reply->oldest_closed_us));
    json_object_object_add(result, "refusals", refusals_json(reply->refusals, reply->n_refusals));
    json_object_object_add(result, "more_refusals", json_object_new_boolean(reply->more_refusals));
    json_object_object_add(result, "items", items_json(reply->items, reply->n_items));
    json_object_object_add(result, "more_items", json_object_new_boolean(reply->more_items));
    json_object_object_add(result, "others", nodes_json(reply->others, reply->n_others));
    json_print(result);
}

/* What ends links and parts nothing. */
static void held_print(const struct change *change, bool dry_run)
{
    printf("; others hold the customer together still, and nothing %s kept apart\n", dry_run ? "would be" : "is");
    if (change->names.count != 2)
        return;
    fputs("to split the second off, whatever links it: patron identity unlink --split ", stdout);
    words_print(change->names.values[1]);
}

static enum patron_code split_print(
    const struct change *change, const Patron__V1__SplitIdentityResponse *reply, struct error *error)
{
    bool dry_run = change->options.dry_run;
    const Patron__V1__IdentityEffect *effect = reply->effect;
    printf("%llu link%s %s", (unsigned long long)reply->closed_total, reply->closed_total == 1 ? "" : "s",
        dry_run                     ? "would end"
            : reply->known_at_us == 0 ? "ended: nothing was to be done"
                                    : "ended");
    if (effect && effect->after_total > 1)
        printf(", and customer %llu %s %llu\n", (unsigned long long)effect->before[0]->customer,
            dry_run ? "would fall into" : "fell into", (unsigned long long)effect->after_total);
    else if (effect && reply->closed_total)
        held_print(change, dry_run);
    else
        putchar('\n');
    if (!effect || effect->n_before == 0)
        return PATRON_OK;
    TRY(effect_print(effect, error));
    const struct node_list nodes = {
        effect->before[0]->nodes, effect->before[0]->n_nodes, reply->others, reply->n_others};
    if (reply->n_refusals + reply->n_items > 0)
        puts("\nDecided while the links held; nothing of it is decided again by itself:");
    refusals_print(reply->refusals, reply->n_refusals, reply->more_refusals, &nodes);
    items_print(reply->items, reply->n_items, reply->more_items, &nodes);
    return PATRON_OK;
}

static enum patron_code split_call(struct change *change, struct rpc *rpc, const char *method,
    const ProtobufCMessage *request, struct error *error)
{
    ProtobufCMessage *message;
    TRY(rpc_unary(rpc, method, request, &patron__v1__split_identity_response__descriptor, &message, error));
    const Patron__V1__SplitIdentityResponse *reply = (const Patron__V1__SplitIdentityResponse *)message;
    enum patron_code code = PATRON_OK;
    if (change->json)
        split_json_print(reply, change->options.dry_run);
    else
        code = split_print(change, reply, error);
    protobuf_c_message_free_unpacked(message, NULL);
    return code;
}

static enum patron_code unlink_call(struct change *change, struct rpc *rpc, bool *good, struct error *error)
{
    Patron__V1__UnlinkIdentityRequest request = PATRON__V1__UNLINK_IDENTITY_REQUEST__INIT;
    if (change->names.count == 2) {
        request.a = change->nodes[0];
        request.b = change->nodes[1];
    }
    request.split = change->split;
    request.n_split = change->options.split.count;
    request.actor = text_of(change->actor);
    request.reason = text_of(change->options.reason);
    request.may_relink = change->options.may_relink;
    request.dry_run = change->options.dry_run;
    request.service = text_of(change->options.service);
    *good = true;
    return split_call(change, rpc, "/patron.v1.Identity/Unlink", &request.base, error);
}

static enum patron_code block_call(struct change *change, struct rpc *rpc, bool *good, struct error *error)
{
    Patron__V1__BlockIdentityRequest request = PATRON__V1__BLOCK_IDENTITY_REQUEST__INIT;
    request.node = change->nodes[0];
    request.actor = text_of(change->actor);
    request.reason = text_of(change->options.reason);
    request.dry_run = change->options.dry_run;
    request.service = text_of(change->options.service);
    *good = true;
    return split_call(change, rpc, "/patron.v1.Identity/Block", &request.base, error);
}

static enum patron_code unblock_call(struct change *change, struct rpc *rpc, bool *good, struct error *error)
{
    Patron__V1__UnblockIdentityRequest request = PATRON__V1__UNBLOCK_IDENTITY_REQUEST__INIT;
    request.node = change->nodes[0];
    request.actor = text_of(change->actor);
    request.reason = text_of(change->options.reason);
    ProtobufCMessage *message;
    TRY(rpc_unary(rpc, "/patron.v1.Identity/Unblock", &request.base,
        &patron__v1__unblock_identity_response__descriptor, &message, error));
    int64_t known_at_us = ((const Patron__V1__UnblockIdentityResponse *)message)->known_at_us;
    protobuf_c_message_free_unpacked(message, NULL);
    *good = true;
    if (change->json) {
        struct json_object *result = json_object_new_object();
        json_object_object_add(result, "known_at", moment_json(known_at_us));
        json_print(result);
    } else {
        puts(known_at_us ? "it may link again" : "it was not blocked");
    }
    return PATRON_OK;
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static int run(const struct command *command, int argc, char **argv, bool (*names_fit)(const struct change *change),
    enum patron_code (*call)(struct change *change, struct rpc *rpc, bool *good, struct error *error))
{
    struct change change = {0};
    struct error error;
    struct rpc *rpc = NULL;
    bool good = false;
    int exit_code = command_parse(command, argc, argv, &change.options, &change.names);
    if (exit_code < 0 && !names_fit(&change))
        exit_code = command_usage_error(command, "name what it is about, as in: patron %s %s", command->name,
            command->usage);
    if (exit_code < 0 && change_read(&change, &error) != PATRON_OK)
        exit_code = command_usage_error(command, "%s", error.text);
    if (exit_code < 0 && rpc_open(&rpc, change.options.server, &error) != PATRON_OK)
        exit_code = command_failed(&error);
    if (exit_code < 0 && call(&change, rpc, &good, &error) != PATRON_OK)
        exit_code = command_failed(&error);
    if (exit_code < 0)
        exit_code = good ? EXIT_DONE : EXIT_FAILED;
    rpc_close(rpc);
    arena_clear(&change.arena);
    flag_list_clear(&change.names);
    flags_clear(command->flags, command->flag_count, &change.options);
    return exit_code;
}

static bool names_are_two(const struct change *change)
{
    return change->names.count == 2;
}

static bool names_are_one(const struct change *change)
{
    return change->names.count == 1;
}

static bool names_of_unlink(const struct change *change)
{
    size_t split = change->options.split.count;
    return split > 0 ? change->names.count == 0 : change->names.count == 2;
}

static int link_run(const struct command *command, int argc, char **argv)
{
    return run(command, argc, argv, names_are_two, link_call);
}

static int unlink_run(const struct command *command, int argc, char **argv)
{
    return run(command, argc, argv, names_of_unlink, unlink_call);
}

static int block_run(const struct command *command, int argc, char **argv)
{
    return run(command, argc, argv, names_are_one, block_call);
}

static int unblock_run(const struct command *command, int argc, char **argv)
{
    return run(command, argc, argv, names_are_one, unblock_call);
}

const struct command command_identity_link = {
    .name = "identity link",
    .usage = "A B [FLAGS]",
    .summary = "say that two identifiers are one customer's",
    .notes = "A and B are TYPE:VALUE, or node numbers as `patron identity show` prints them. The rules of the\n"
             "definitions hold: what they refuse is told, and the exit code is 1. A link of customers of great value\n"
             "waits in the review queue for a second person, who approves it there.\n\n"
             "--lift joins two that a split or a rejected review keeps apart. B's customer then goes over to A's\n"
             "side: everybody else whom A was kept apart from still is. If nobody else is left on B's side, but\n"
             "somebody is on A's, A's goes over instead; if there is nobody else, nothing is left of it.\n\n"
             "Examples:\n  patron identity link email:ada@example.org customer_id:1042 --reason 'called the helpdesk'\n"
             "  patron identity link 17 94 --dry-run\n",
    .flags = link_flags,
    .flag_count = sizeof link_flags / sizeof *link_flags,
    .run = link_run,
};

const struct command command_identity_unlink = {
    .name = "identity unlink",
    .usage = "(A B | --split TYPE:VALUE ...) [FLAGS]",
    .summary = "take links back, so that a customer falls into parts",
    .notes = "A B: all links between the two end. --split: all links between those identifiers and the rest end;\n"
             "they are split off from the rest together, and may be several customers afterwards, if no link is left\n"
             "between them. Where other links hold A and B together, nothing splits and nothing is kept apart.\n"
             "What came before stays as it was; from now on each part has the features of its own events. The two\n"
             "sides are kept apart from then on, unless --may-relink. `patron identity link --lift` undoes it.\n\n"
             "Examples:\n  patron identity unlink email:ada@example.org device:d-17 --dry-run\n"
             "  patron identity unlink --split device:d-17 --split cookie:9f3 --reason 'a shared tablet'\n",
    .flags = unlink_flags,
    .flag_count = sizeof unlink_flags / sizeof *unlink_flags,
    .run = unlink_run,
};

const struct command command_identity_block = {
    .name = "identity block",
    .usage = "TYPE:VALUE [FLAGS]",
    .summary = "end all links of an identifier; it links nothing from then on",
    .notes = "For a value that came already: a test account, a shop's own tablet. What never came is blocked by the\n"
             "definitions (never_link).\n\n"
             "Example:\n  patron identity block device:shop-till-3 --reason 'the till in Mitte' --dry-run\n",
    .flags = block_flags,
    .flag_count = sizeof block_flags / sizeof *block_flags,
    .run = block_run,
};

const struct command command_identity_unblock = {
    .name = "identity unblock",
    .usage = "TYPE:VALUE [FLAGS]",
    .summary = "let a blocked identifier link again",
    .notes = "Links that ended do not come back by themselves: new evidence brings new ones.\n\n"
             "Example:\n  patron identity unblock device:shop-till-3 --reason 'sold'\n",
    .flags = unblock_flags,
    .flag_count = sizeof unblock_flags / sizeof *unblock_flags,
    .run = unblock_run,
};
