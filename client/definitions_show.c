/* `patron definitions show`: what a server takes in and serves, in the file's words. */
#include <stdio.h>
#include <string.h>

#include "client/definitions.h"
#include "client/rpc.h"
#include "client/table.h"
#include "client/values.h"
#include "store/base/limits.h"

typedef Patron__V1__DescribeDefinitionsResponse definitions_reply;
typedef Patron__V1__FeatureDefinition feature_definition;

struct show_options {
    const char *server, *output, *version;
    struct flag_list tags;
};

static const struct flag show_flags[] = {
    {"tag", NULL, 't', FLAG_LIST, "TAG", "only features and services with this tag; may be repeated",
        offsetof(struct show_options, tags)},
    {"version", NULL, 0, FLAG_TEXT, "N", "that version (default: the one that is served)",
        offsetof(struct show_options, version)},
    {"output", NULL, 'o', FLAG_TEXT, "text|table|json|yaml", "how to print it (default text)",
        offsetof(struct show_options, output)},
    SERVER_FLAG(struct show_options),
};

enum show_output { SHOW_TEXT, SHOW_TABLE, SHOW_JSON, SHOW_YAML, SHOW_OUTPUTS };
static const char *const output_names[SHOW_OUTPUTS] = {"text", "table", "json", "yaml"};

enum { DURATION_TEXT_MAX = 32, LINE_MAX_CHARACTERS = 100, LABEL_WIDTH = 16 };

/* --- words -------------------------------------------------------------------------------------------------------- */

static const char *type_name(Patron__V1__ValueType type)
{
    static const char *const names[] = {"unknown", "double", "int64", "bool", "string", "money"};
    return (size_t)type < sizeof names / sizeof *names ? names[type] : names[0];
}

static const char *unknown_name(Patron__V1__UnknownAttributes unknown)
{
    static const char *const names[] = {"unknown", "refuse", "drop", "keep"};
    return (size_t)unknown < sizeof names / sizeof *names ? names[unknown] : names[0];
}

/* "90d", in the largest unit that it is a whole number of. */
static const char *duration_text(int64_t duration_us, char text[DURATION_TEXT_MAX])
{
    static const struct {
        int64_t unit_us;
        char letter;
    } units[] = {{MICROSECONDS_PER_DAY, 'd'}, {MICROSECONDS_PER_HOUR, 'h'}, {MICROSECONDS_PER_MINUTE, 'm'},
        {MICROSECONDS_PER_SECOND, 's'}};
    size_t i = 0;
    while (i < 3 && duration_us % units[i].unit_us != 0)
        i++;
    snprintf(text, DURATION_TEXT_MAX, "%lld%c", (long long)(duration_us / units[i].unit_us), units[i].letter);
    return text;
}

/* "90d", "90d, 30d ago" or "lifetime"; "-" of a derived feature. */
static const char *window_text(const feature_definition *feature, char text[2 * DURATION_TEXT_MAX + 8])
{
    char window[DURATION_TEXT_MAX], offset[DURATION_TEXT_MAX];
    if (feature->expression[0])
        return "-";
    if (feature->window_us == 0)
        return "lifetime";
    snprintf(text, 2 * DURATION_TEXT_MAX + 8, "%s%s%s%s", duration_text(feature->window_us, window),
        feature->offset_us ? ", " : "", feature->offset_us ? duration_text(feature->offset_us, offset) : "",
        feature->offset_us ? " ago" : "");
    return text;
}

static const char *default_text(const Patron__V1__DefaultValue *value, char scratch[VALUE_TEXT_MAX])
{
    switch (value->value_case) {
    case PATRON__V1__DEFAULT_VALUE__VALUE_TEXT:
        return value->text;
    case PATRON__V1__DEFAULT_VALUE__VALUE_DECIMAL:
        return value->decimal;
    case PATRON__V1__DEFAULT_VALUE__VALUE_INTEGER:
        snprintf(scratch, VALUE_TEXT_MAX, "%lld", (long long)value->integer);
        return scratch;
    case PATRON__V1__DEFAULT_VALUE__VALUE_REAL:
        double_text(value->real, scratch);
        return scratch;
    case PATRON__V1__DEFAULT_VALUE__VALUE_FLAG:
        return value->flag ? "true" : "false";
    case PATRON__V1__DEFAULT_VALUE__VALUE__NOT_SET:
    default:
        return "-";
    }
}

/* A name in front and words behind, broken between words; later lines are indented as far. */
static void labelled(const char *label, const char *words)
{
    if (!words[0])
        return;
    printf("  %-*s", LABEL_WIDTH - 2, label);
    size_t column = LABEL_WIDTH;
    for (const char *at = words;;) {
        size_t length = strcspn(at, " \n");
        if (column > LABEL_WIDTH && column + 1 + length > LINE_MAX_CHARACTERS) {
            printf("\n%*s", LABEL_WIDTH, "");
            column = LABEL_WIDTH;
        } else if (column > LABEL_WIDTH) {
            putchar(' ');
            column++;
        }
        printf("%.*s", (int)length, at);
        column += length;
        at += length;
        at += strspn(at, " \n");
        if (!*at)
            break;
    }
    putchar('\n');
}

static void labelled_list(const char *label, char *const *names, size_t count)
{
    struct encoder list = {0};
    for (size_t i = 0; i < count; i++) {
        encode_raw(&list, names[i], strlen(names[i]));
        encode_raw(&list, i + 1 < count ? ", " : "", i + 1 < count ? 2 : 0);
    }
    encode_u8(&list, 0);
    labelled(label, (const char *)list.data);
    encoder_clear(&list);
}

/* --- text --------------------------------------------------------------------------------------------------------- */

static void identifiers_print(const definitions_reply *reply)
{
    for (size_t i = 0; i < reply->n_identifiers; i++) {
        const Patron__V1__IdentifierDefinition *type = reply->identifiers[i];
        char words[120] = "any number", more[60] = "", duration[DURATION_TEXT_MAX];
        if (type->max)
            snprintf(words, sizeof words, type->per_us ? "at most %u per %s" : "at most %u", type->max,
                duration_text(type->per_us, duration));
        if (strcmp(type->normalize, "none") != 0)
            snprintf(more, sizeof more, ", normalised as %.20s", type->normalize);
        printf("%-*s%s: %s%s%s%s%s\n", LABEL_WIDTH, i == 0 ? "identifiers" : "", type->name,
            type->never_links  ? "never links"
                : type->unique ? "one, always"
                               : words,
            type->weak ? ", weak" : "", type->keep ? ", kept" : "", more,
            type->n_never_link + type->n_never_link_matching > 0 ? ", some values never link" : "");
    }
}

/* "review         over 100 identifiers": the label on the first line only. */
static void rule_print(const char **label, const char *words)
{
    printf("%-*s%s\n", LABEL_WIDTH, *label, words);
    *label = "";
}

static void identity_print(const Patron__V1__IdentityRules *rules)
{
    const char *label = "identity";
    char line[400], amount[VALUE_TEXT_MAX], duration[DURATION_TEXT_MAX];
    snprintf(line, sizeof line, "at most %u identifiers in a customer", rules->max_size);
    rule_print(&label, line);
    if (rules->review_size) {
        snprintf(line, sizeof line, "review of what would have more than %u", rules->review_size);
        rule_print(&label, line);
    }
    if (rules->review_bridge) {
        snprintf(line, sizeof line, "review of two of %u or more by weak evidence", rules->review_bridge);
        rule_print(&label, line);
    }
    if (rules->either_case) {
        double_text(rules->review_either, amount);
        snprintf(line, sizeof line, "review if either's %.130s is %s or more", rules->value, amount);
        rule_print(&label, line);
    }
    if (rules->both_case) {
        double_text(rules->review_both, amount);
        snprintf(line, sizeof line, "review if both's %.130s is %s or more", rules->value, amount);
        rule_print(&label, line);
    }
    if (rules->second_case) {
        double_text(rules->second_person, amount);
        snprintf(line, sizeof line, "a second person if either's is %s or more", amount);
        rule_print(&label, line);
    }
    if (rules->review_size || rules->review_bridge || rules->either_case || rules->both_case) {
        snprintf(line, sizeof line, "reviews are open for %s", duration_text(rules->review_expires_us, duration));
        rule_print(&label, line);
    }
}

static void matching_print(const Patron__V1__MatchingRules *rules)
{
    char link[VALUE_TEXT_MAX], review[VALUE_TEXT_MAX];
    double_text(rules->link, link);
    double_text(rules->review, review);
    printf("%-*s%s: ", LABEL_WIDTH, "matching", rules->of);
    for (size_t i = 0; i < rules->n_columns; i++)
        printf("%s%s is %s", i ? ", " : "", rules->columns[i]->attribute, rules->columns[i]->kind);
    printf("\n%*slinks from %s on, review from %s on\n", LABEL_WIDTH, "", link, review);
}

static void events_print(const definitions_reply *reply)
{
    for (size_t i = 0; i < reply->n_events; i++) {
        const Patron__V1__EventDefinition *event = reply->events[i];
        const char *state = event->retired ? " (retired)" : event->sealed ? " (sealed)" : "";
        printf("%-*s%s%s%s", LABEL_WIDTH, i == 0 ? "events" : "", event->name, state,
            event->n_attributes ? ": " : "\n");
        for (size_t j = 0; j < event->n_attributes; j++)
            printf("%s %s%s%s", event->attributes[j]->name, event->attributes[j]->type,
                event->attributes[j]->retired ? " (retired)" : "", j + 1 < event->n_attributes ? ", " : "\n");
    }
}

static void overview_print(const definitions_reply *reply)
{
    printf("%-*sversion %u\n", LABEL_WIDTH, "definitions", reply->definitions_version);
    printf("%-*s%s\n", LABEL_WIDTH, "currency", reply->currency);
    printf("%-*s%s\n", LABEL_WIDTH, "time zone", reply->time_zone);
    printf("%-*s%s\n", LABEL_WIDTH, "unknown attrs", unknown_name(reply->unknown_attributes));
    identifiers_print(reply);
    if (reply->identity)
        identity_print(reply->identity);
    events_print(reply);
    if (reply->matching)
        matching_print(reply->matching);
    for (size_t i = 0; i < reply->n_services; i++)
        printf("%-*s%s: %zu features%s%s\n", LABEL_WIDTH, i == 0 ? "services" : "", reply->services[i]->name,
            reply->services[i]->n_features, reply->services[i]->description[0] ? ": " : "",
            reply->services[i]->description);
    printf("%-*s%zu: `patron definitions show -o table` lists them, `patron definitions show NAME` tells all of one\n",
        LABEL_WIDTH, "features", reply->n_features);
}

static void feature_print(const feature_definition *feature)
{
    char scratch[VALUE_TEXT_MAX], duration[DURATION_TEXT_MAX];
    printf("%s\n", feature->name);
    labelled("description", feature->description);
    labelled("is", feature->words);
    labelled("type", type_name(feature->type));
    labelled_list("from", feature->operands, feature->n_operands);
    if (feature->default_value)
        labelled("default", default_text(feature->default_value, scratch));
    if (feature->max_age_us)
        labelled("stale after", duration_text(feature->max_age_us, duration));
    labelled("owner", feature->owner);
    labelled_list("tags", feature->tags, feature->n_tags);
    labelled_list("services", feature->services, feature->n_services);
    if (feature->written[0])
        printf("  written\n");
    for (const char *at = feature->written; *at;) {
        size_t length = strcspn(at, "\n");
        printf("    %.*s\n", (int)length, at);
        at += length + (at[length] == '\n');
    }
}

static void service_print(const Patron__V1__ServiceDefinition *service)
{
    printf("%s, a service\n", service->name);
    labelled("description", service->description);
    labelled("owner", service->owner);
    labelled_list("tags", service->tags, service->n_tags);
    labelled_list("features", service->features, service->n_features);
    for (size_t i = 0; i < service->n_defaults; i++) {
        char scratch[VALUE_TEXT_MAX];
        printf("  %-*s%s: %s\n", LABEL_WIDTH - 2, i == 0 ? "defaults" : "", service->defaults[i]->feature,
            service->defaults[i]->value ? default_text(service->defaults[i]->value, scratch) : "-");
    }
}

static void all_print(const definitions_reply *reply)
{
    for (size_t i = 0; i < reply->n_services; i++) {
        if (i > 0)
            putchar('\n');
        service_print(reply->services[i]);
    }
    for (size_t i = 0; i < reply->n_features; i++) {
        if (i > 0 || reply->n_services > 0)
            putchar('\n');
        feature_print(reply->features[i]);
    }
}

/* --- table, json and yaml ----------------------------------------------------------------------------------------- */

static void table_output(const definitions_reply *reply)
{
    struct table table;
    table_open(&table, 4);
    table_add(&table, "feature");
    table_add(&table, "type");
    table_add(&table, "window");
    table_add(&table, "description");
    for (size_t i = 0; i < reply->n_features; i++) {
        const feature_definition *feature = reply->features[i];
        char window[2 * DURATION_TEXT_MAX + 8];
        table_add(&table, feature->name);
        table_add(&table, type_name(feature->type));
        table_add(&table, window_text(feature, window));
        table_add(&table, feature->description[0] ? feature->description : feature->words);
    }
    table_print(&table, stdout);
    table_close(&table);
}

static struct json_object *names_json(char *const *names, size_t count)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(list, json_object_new_string(names[i]));
    return list;
}

static void add_text(struct json_object *to, const char *key, const char *text)
{
    json_object_object_add(to, key, json_object_new_string(text));
}

/* Seconds, a whole number where it is one; null for none. */
static void add_duration(struct json_object *to, const char *key, int64_t duration_us)
{
    json_object_object_add(
        to, key, duration_us ? double_json((double)duration_us / MICROSECONDS_PER_SECOND) : NULL);
}

static struct json_object *default_json(const Patron__V1__DefaultValue *value)
{
    char scratch[VALUE_TEXT_MAX];
    if (!value)
        return NULL;
    if (value->value_case == PATRON__V1__DEFAULT_VALUE__VALUE_INTEGER)
        return json_object_new_int64(value->integer);
    if (value->value_case == PATRON__V1__DEFAULT_VALUE__VALUE_REAL)
        return double_json(value->real);
    if (value->value_case == PATRON__V1__DEFAULT_VALUE__VALUE_FLAG)
        return json_object_new_boolean(value->flag);
    return json_object_new_string(default_text(value, scratch)); /* money too: exact */
}

static struct json_object *feature_json(const feature_definition *feature)
{
    struct json_object *one = json_object_new_object();
    add_text(one, "name", feature->name);
    add_text(one, "type", type_name(feature->type));
    add_text(one, "family", feature->family);
    add_text(one, "aggregation", feature->aggregation);
    add_text(one, "words", feature->words);
    add_text(one, "written", feature->written);
    add_text(one, "event", feature->event);
    add_text(one, "attribute", feature->attribute);
    add_duration(one, "window_s", feature->window_us);
    add_duration(one, "offset_s", feature->offset_us);
    add_duration(one, "half_life_s", feature->half_life_us);
    add_duration(one, "max_age_s", feature->max_age_us);
    add_duration(one, "unit_s", feature->unit_us);
    json_object_object_add(one, "default", default_json(feature->default_value));
    add_text(one, "description", feature->description);
    add_text(one, "owner", feature->owner);
    json_object_object_add(one, "tags", names_json(feature->tags, feature->n_tags));
    add_text(one, "expression", feature->expression);
    json_object_object_add(one, "operands", names_json(feature->operands, feature->n_operands));
    json_object_object_add(one, "services", names_json(feature->services, feature->n_services));
    return one;
}

static struct json_object *service_json(const Patron__V1__ServiceDefinition *service)
{
    struct json_object *one = json_object_new_object(), *defaults = json_object_new_object();
    add_text(one, "name", service->name);
    json_object_object_add(one, "features", names_json(service->features, service->n_features));
    for (size_t i = 0; i < service->n_defaults; i++)
        json_object_object_add(defaults, service->defaults[i]->feature, default_json(service->defaults[i]->value));
    json_object_object_add(one, "defaults", defaults);
    add_text(one, "description", service->description);
    add_text(one, "owner", service->owner);
    json_object_object_add(one, "tags", names_json(service->tags, service->n_tags));
    return one;
}

static struct json_object *identifiers_json(const definitions_reply *reply)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < reply->n_identifiers; i++) {
        const Patron__V1__IdentifierDefinition *type = reply->identifiers[i];
        struct json_object *one = json_object_new_object();
        add_text(one, "name", type->name);
        json_object_object_add(one, "max", type->max ? json_object_new_int64((int64_t)type->max) : NULL);
        add_text(one, "normalize", type->normalize);
        json_object_object_add(one, "never_link", names_json(type->never_link, type->n_never_link));
        json_object_object_add(one, "never_link_matching",
            names_json(type->never_link_matching, type->n_never_link_matching));
        add_duration(one, "per_s", type->per_us);
        json_object_object_add(one, "unique", json_object_new_boolean(type->unique));
        json_object_object_add(one, "weak", json_object_new_boolean(type->weak));
        json_object_object_add(one, "link", json_object_new_boolean(!type->never_links));
        json_object_object_add(one, "keep", json_object_new_boolean(type->keep));
        json_object_array_add(list, one);
    }
    return list;
}

static struct json_object *events_json(const definitions_reply *reply)
{
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < reply->n_events; i++) {
        const Patron__V1__EventDefinition *event = reply->events[i];
        struct json_object *one = json_object_new_object(), *attributes = json_object_new_array();
        add_text(one, "name", event->name);
        json_object_object_add(one, "retired", json_object_new_boolean(event->retired));
        json_object_object_add(one, "sealed", json_object_new_boolean(event->sealed));
        for (size_t j = 0; j < event->n_attributes; j++) {
            struct json_object *attribute = json_object_new_object();
            add_text(attribute, "name", event->attributes[j]->name);
            add_text(attribute, "type", event->attributes[j]->type);
            json_object_object_add(attribute, "retired", json_object_new_boolean(event->attributes[j]->retired));
            json_object_array_add(attributes, attribute);
        }
        json_object_object_add(one, "attributes", attributes);
        json_object_array_add(list, one);
    }
    return list;
}

static struct json_object *count_json(uint32_t count)
{
    return count ? json_object_new_int64((int64_t)count) : NULL;
}

static struct json_object *identity_json(const Patron__V1__IdentityRules *rules)
{
    struct json_object *one = json_object_new_object();
    json_object_object_add(one, "max_size", count_json(rules->max_size));
    json_object_object_add(one, "review_size", count_json(rules->review_size));
    json_object_object_add(one, "review_bridge", count_json(rules->review_bridge));
    json_object_object_add(one, "value", rules->value[0] ? json_object_new_string(rules->value) : NULL);
    json_object_object_add(
        one, "review_either", rules->either_case ? double_json(rules->review_either) : NULL);
    json_object_object_add(one, "review_both", rules->both_case ? double_json(rules->review_both) : NULL);
    json_object_object_add(
        one, "second_person", rules->second_case ? double_json(rules->second_person) : NULL);
    add_duration(one, "review_expires_s", rules->review_expires_us);
    return one;
}

static struct json_object *block_json(const Patron__V1__MatchingBlock *block)
{
    struct json_object *parts = json_object_new_array();
    for (size_t i = 0; i < block->n_parts; i++) {
        struct json_object *part = json_object_new_object();
        add_text(part, "column", block->parts[i]->attribute);
        json_object_object_add(part, "prefix", count_json(block->parts[i]->prefix));
        json_object_object_add(part, "sound", json_object_new_boolean(block->parts[i]->sound));
        json_object_array_add(parts, part);
    }
    return parts;
}

static struct json_object *matching_json(const Patron__V1__MatchingRules *rules)
{
    struct json_object *one = json_object_new_object(), *columns = json_object_new_array();
    struct json_object *blocks = json_object_new_array();
    for (size_t i = 0; i < rules->n_columns; i++) {
        struct json_object *column = json_object_new_object();
        add_text(column, "name", rules->columns[i]->attribute);
        add_text(column, "is", rules->columns[i]->kind);
        json_object_object_add(column, "frequencies", json_object_new_boolean(rules->columns[i]->frequencies));
        json_object_array_add(columns, column);
    }
    for (size_t i = 0; i < rules->n_blocks; i++)
        json_object_array_add(blocks, block_json(rules->blocks[i]));
    add_text(one, "of", rules->of);
    json_object_object_add(one, "columns", columns);
    json_object_object_add(one, "blocks", blocks);
    json_object_object_add(one, "link", double_json(rules->link));
    json_object_object_add(one, "review", double_json(rules->review));
    json_object_object_add(one, "block_records", count_json(rules->block_records));
    return one;
}

static void json_output(const definitions_reply *reply)
{
    struct json_object *result = json_object_new_object();
    struct json_object *features = json_object_new_array(), *services = json_object_new_array();
    for (size_t i = 0; i < reply->n_features; i++)
        json_object_array_add(features, feature_json(reply->features[i]));
    for (size_t i = 0; i < reply->n_services; i++)
        json_object_array_add(services, service_json(reply->services[i]));
    json_object_object_add(
        result, "definitions_version", json_object_new_int64((int64_t)reply->definitions_version));
    add_text(result, "currency", reply->currency);
    add_text(result, "time_zone", reply->time_zone);
    add_text(result, "unknown_attributes", unknown_name(reply->unknown_attributes));
    json_object_object_add(result, "identifiers", identifiers_json(reply));
    json_object_object_add(result, "identity", reply->identity ? identity_json(reply->identity) : NULL);
    json_object_object_add(result, "events", events_json(reply));
    json_object_object_add(result, "matching", reply->matching ? matching_json(reply->matching) : NULL);
    json_object_object_add(result, "features", features);
    json_object_object_add(result, "services", services);
    puts(json_object_to_json_string_ext(result, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(result);
}

static void reply_print(const definitions_reply *reply, enum show_output output, bool chosen)
{
    switch (output) {
    case SHOW_TEXT:
        if (chosen)
            all_print(reply);
        else
            overview_print(reply);
        return;
    case SHOW_TABLE:
        table_output(reply);
        return;
    case SHOW_JSON:
        json_output(reply);
        return;
    case SHOW_YAML:
        fwrite(reply->text.data, 1, reply->text.len, stdout);
        return;
    case SHOW_OUTPUTS:
        break;
    }
    IMPOSSIBLE("an output outside the list");
}

/* --- the call ----------------------------------------------------------------------------------------------------- */

static enum patron_code show_work(const struct show_options *options, const struct flag_list *names, uint32_t version,
    enum show_output output, struct error *error)
{
    struct rpc *rpc;
    TRY(rpc_open(&rpc, options->server, error));
    Patron__V1__DescribeDefinitionsRequest request = PATRON__V1__DESCRIBE_DEFINITIONS_REQUEST__INIT;
    request.definitions_version = version;
    request.names = (char **)(uintptr_t)names->values;
    request.n_names = names->count;
    request.tags = (char **)(uintptr_t)options->tags.values;
    request.n_tags = options->tags.count;
    request.with_text = output == SHOW_YAML;
    ProtobufCMessage *message;
    enum patron_code code = rpc_unary(rpc, "/patron.v1.Definitions/DescribeDefinitions", &request.base,
        &patron__v1__describe_definitions_response__descriptor, &message, error);
    if (code == PATRON_OK) {
        reply_print((definitions_reply *)message, output, names->count + options->tags.count > 0);
        protobuf_c_message_free_unpacked(message, NULL);
    }
    rpc_close(rpc);
    return code;
}

static enum patron_code options_check(const struct show_options *options, const struct flag_list *names,
    enum show_output *output, uint32_t *version, struct error *error)
{
    *output = SHOW_TEXT;
    while (options->output && *output < SHOW_OUTPUTS && strcmp(options->output, output_names[*output]) != 0)
        (*output)++;
    if (*output == SHOW_OUTPUTS)
        return error_set(
            error, PATRON_INVALID, "--output is text, table, json or yaml, not '%.40s'", options->output);
    if (*output == SHOW_YAML && names->count + options->tags.count > 0)
        return error_set(error, PATRON_INVALID, "-o yaml prints the whole file: leave names and tags out");
    long long number = 0;
    if (options->version && parse_count(options->version, 1, UINT32_MAX, &number, error) != PATRON_OK)
        return error_prefix(error, PATRON_INVALID, "--version: ");
    *version = (uint32_t)number;
    return PATRON_OK;
}

static int show_run(const struct command *command, int argc, char **argv)
{
    struct show_options options = {0};
    struct flag_list names = {0};
    struct error error;
    enum show_output output = SHOW_TEXT;
    uint32_t version = 0;
    int exit_code = command_parse(command, argc, argv, &options, &names);
    if (exit_code < 0 && options_check(&options, &names, &output, &version, &error) != PATRON_OK)
        exit_code = command_usage_error(command, "%s", error.text);
    if (exit_code < 0)
        exit_code = show_work(&options, &names, version, output, &error) == PATRON_OK ? EXIT_DONE
                                                                                      : command_failed(&error);
    flag_list_clear(&names);
    flags_clear(command->flags, command->flag_count, &options);
    return exit_code;
}

const struct command command_definitions_show = {
    .name = "definitions show",
    .usage = "[NAME...] [FLAGS]",
    .summary = "what comes in and what is served: events, features, services",
    .notes = "NAME is a feature, a family such as rfm, or a service: all about each is shown. Without one: an\n"
             "overview.\n"
             "-o table lists features with type, window and description; -o yaml prints the file as it was given.\n\n"
             "Examples:\n  patron definitions show churn orders_90d\n  patron definitions show --tag value -o table\n"
             "  patron definitions show -o yaml > shop.yaml\n",
    .flags = show_flags,
    .flag_count = sizeof show_flags / sizeof *show_flags,
    .run = show_run,
};
