/* DescribeDefinitions: what comes in and what is served, in the file's words. Made from the definitions alone, on the
 * gRPC thread: a file of 1 MiB takes some milliseconds. */
#include "patron/v1/definitions.pb-c.h"
#include "server/methods/methods.h"
#include "server/methods/reply.h"
#include "server/methods/request.h"
#include "server/methods/services.h"
#include "store/base/decimal.h"
#include "store/definitions/describe.h"
#include "store/definitions/expression.h"
#include "store/definitions/pattern.h"
#include "store/definitions/suggest.h"
#include "store/versions/versions.h"

typedef Patron__V1__DescribeDefinitionsRequest describe_request;
typedef Patron__V1__DescribeDefinitionsResponse describe_response;

enum { NAMES_MAX = READ_FEATURES_MAX };

struct describing {
    struct arena *arena;
    const struct definitions *definitions;
    bool *features; /* wanted, by place */
    bool *services;
};

static char *text_of(const struct describing *describing, struct bytes bytes)
{
    return arena_string(describing->arena, bytes);
}

static char **texts_of(const struct describing *describing, const struct bytes *list, size_t count)
{
    char **texts = arena_array(describing->arena, count, sizeof *texts);
    for (size_t i = 0; i < count; i++)
        texts[i] = text_of(describing, list[i]);
    return texts;
}

/* --- what is wanted ----------------------------------------------------------------------------------------------- */

static enum patron_code name_unknown(const struct describing *describing, struct bytes name, struct error *error)
{
    const struct definitions *definitions = describing->definitions;
    size_t most = 2 * definitions->feature_count + definitions->service_count, count = 0;
    struct bytes *names = arena_array(describing->arena, most, sizeof *names);
    for (size_t i = 0; i < definitions->service_count; i++)
        names[count++] = definitions->services[i].name;
    struct bytes last = {0};
    for (size_t i = 0; i < definitions->feature_count; i++) {
        struct bytes family = describe_family(definitions->features[i].name);
        if (family.length > 0 && !bytes_equal(family, last))
            names[count++] = last = family;
        names[count++] = definitions->features[i].name;
    }
    return error_set(error, PATRON_INVALID, "no feature or service is named '%s'%s", quote(name).text,
        suggest(name, (struct suggest_from){names, count, sizeof *names}).text);
}

static enum patron_code want_name(struct describing *describing, struct bytes name, struct error *error)
{
    const struct definitions *definitions = describing->definitions;
    bool found = false;
    for (size_t i = 0; i < definitions->service_count; i++) {
        if (!bytes_equal(definitions->services[i].name, name))
            continue;
        describing->services[i] = true;
        found = true;
    }
    struct selection selection;
    struct bytes no_service = bytes_of(NULL, 0);
    if (definitions_select(definitions, no_service, &name, 1, describing->arena, &selection, NULL) == PATRON_OK) {
        for (size_t i = 0; i < selection.count; i++)
            describing->features[selection.features[i]] = true;
        found = true;
    }
    return found ? PATRON_OK : name_unknown(describing, name, error);
}

static bool has_tag(const struct bytes *tags, size_t count, const describe_request *request)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < request->n_tags; j++)
            if (bytes_is(tags[i], request->tags[j]))
                return true;
    return false;
}

/* Of what is wanted so far, what has one of the tags. */
static enum patron_code want_tags(
    struct describing *describing, const describe_request *request, struct error *error)
{
    const struct definitions *definitions = describing->definitions;
    bool known = false;
    for (size_t i = 0; i < definitions->feature_count; i++) {
        const struct feature *feature = &definitions->features[i];
        bool tagged = has_tag(feature->tags, feature->tag_count, request);
        known |= tagged;
        describing->features[i] &= tagged;
    }
    for (size_t i = 0; i < definitions->service_count; i++) {
        const struct service *service = &definitions->services[i];
        bool tagged = has_tag(service->tags, service->tag_count, request);
        known |= tagged;
        describing->services[i] &= tagged;
    }
    if (known)
        return PATRON_OK;
    struct quoted tag = quote(bytes_from_string(request->tags[0]));
    return error_set(error, PATRON_INVALID, "no feature or service has the tag '%s'%s", tag.text,
        request->n_tags > 1 ? " nor one of the others" : "");
}

static enum patron_code choose(struct describing *describing, const describe_request *request, struct error *error)
{
    const struct definitions *definitions = describing->definitions;
    if (request->n_names > NAMES_MAX || request->n_tags > NAMES_MAX)
        return error_set(error, PATRON_INVALID, "too many names or tags: %zu (at most %d)",
            request->n_names > request->n_tags ? request->n_names : request->n_tags, NAMES_MAX);
    describing->features = arena_array(describing->arena, definitions->feature_count, sizeof(bool));
    describing->services = arena_array(describing->arena, definitions->service_count, sizeof(bool));
    if (request->n_names == 0) {
        memset(describing->features, true, definitions->feature_count);
        memset(describing->services, true, definitions->service_count);
    }
    for (size_t i = 0; i < request->n_names; i++)
        TRY(want_name(describing, bytes_from_string(request->names[i]), error));
    return request->n_tags == 0 ? PATRON_OK : want_tags(describing, request, error);
}

/* --- identifiers and events --------------------------------------------------------------------------------------- */

static void add_identifiers(const struct describing *describing, describe_response *response)
{
    const struct definitions *definitions = describing->definitions;
    response->n_identifiers = definitions->identifier_count;
    response->identifiers =
        arena_array(describing->arena, response->n_identifiers, sizeof response->identifiers[0]);
    for (size_t i = 0; i < definitions->identifier_count; i++) {
        const struct identifier_type *type = &definitions->identifiers[i];
        Patron__V1__IdentifierDefinition *message = arena_alloc(describing->arena, sizeof *message);
        patron__v1__identifier_definition__init(message);
        message->name = text_of(describing, type->name);
        message->max = type->max;
        message->normalize = (char *)(uintptr_t)describe_normalization(type->normalization);
        message->n_never_link = type->never_link_count;
        message->never_link = texts_of(describing, type->never_link, type->never_link_count);
        message->per_us = type->max_per_us;
        message->unique = type->unique;
        message->weak = type->weak;
        message->never_links = type->never_links;
        message->keep = type->keep;
        message->never_link_matching =
            arena_array(describing->arena, type->never_link_pattern_count, sizeof message->never_link_matching[0]);
        for (size_t j = 0; j < type->never_link_pattern_count; j++)
            message->never_link_matching[message->n_never_link_matching++] =
                text_of(describing, pattern_text(type->never_link_patterns[j]));
        response->identifiers[i] = message;
    }
}

static Patron__V1__AttributeDefinition *attribute_message(
    const struct describing *describing, const struct attribute *attribute)
{
    Patron__V1__AttributeDefinition *message = arena_alloc(describing->arena, sizeof *message);
    patron__v1__attribute_definition__init(message);
    message->name = text_of(describing, attribute->name);
    message->type = (char *)(uintptr_t)attribute_type_name(attribute->type);
    message->retired = attribute->retired;
    return message;
}

static void add_events(const struct describing *describing, describe_response *response)
{
    const struct definitions *definitions = describing->definitions;
    response->n_events = definitions->event_count;
    response->events = arena_array(describing->arena, response->n_events, sizeof response->events[0]);
    for (size_t i = 0; i < definitions->event_count; i++) {
        const struct event_type *type = &definitions->events[i];
        Patron__V1__EventDefinition *message = arena_alloc(describing->arena, sizeof *message);
        patron__v1__event_definition__init(message);
        message->name = text_of(describing, type->name);
        message->retired = type->retired;
        message->sealed = type->sealed;
        message->attributes = arena_array(describing->arena, type->attribute_count, sizeof message->attributes[0]);
        for (int retired = 0; retired <= 1; retired++)
            for (size_t j = 0; j < type->attribute_count; j++)
                if (type->attributes[j].retired == retired)
                    message->attributes[message->n_attributes++] =
                        attribute_message(describing, &type->attributes[j]);
        response->events[i] = message;
    }
}

/* --- identity and matching ---------------------------------------------------------------------------------------- */

static Patron__V1__IdentityRules *identity_message(const struct describing *describing)
{
    const struct identity_rules *rules = &describing->definitions->identity;
    Patron__V1__IdentityRules *message = arena_alloc(describing->arena, sizeof *message);
    patron__v1__identity_rules__init(message);
    message->max_size = rules->size_max;
    message->review_size = rules->size_review;
    message->review_bridge = rules->bridge_established;
    if (rules->value_feature >= 0)
        message->value = text_of(describing, describing->definitions->features[rules->value_feature].name);
    if (rules->has_review_either)
        message->either_case = PATRON__V1__IDENTITY_RULES__EITHER_REVIEW_EITHER;
    message->review_either = rules->review_either;
    if (rules->has_review_both)
        message->both_case = PATRON__V1__IDENTITY_RULES__BOTH_REVIEW_BOTH;
    message->review_both = rules->review_both;
    if (rules->has_second_person)
        message->second_case = PATRON__V1__IDENTITY_RULES__SECOND_SECOND_PERSON;
    message->second_person = rules->second_person;
    message->review_expires_us = rules->review_expires_us;
    return message;
}

static Patron__V1__MatchingBlock *block_message(
    const struct describing *describing, const struct event_type *event, const struct match_block *block)
{
    Patron__V1__MatchingBlock *message = arena_alloc(describing->arena, sizeof *message);
    patron__v1__matching_block__init(message);
    message->parts = arena_array(describing->arena, block->part_count, sizeof message->parts[0]);
    for (size_t i = 0; i < block->part_count; i++) {
        const struct match_part *part = &block->parts[i];
        const struct match_column *column = &describing->definitions->matching->columns[part->column];
        Patron__V1__MatchingPart *made = arena_alloc(describing->arena, sizeof *made);
        patron__v1__matching_part__init(made);
        made->attribute = text_of(describing, event->attributes[column->attribute].name);
        made->prefix = part->length;
        made->sound = part->form == MATCH_PART_SOUND;
        message->parts[message->n_parts++] = made;
    }
    return message;
}

static Patron__V1__MatchingRules *matching_message(const struct describing *describing)
{
    const struct matching_rules *rules = describing->definitions->matching;
    const struct event_type *event = definitions_event_type_by_number(describing->definitions, rules->event);
    Patron__V1__MatchingRules *message = arena_alloc(describing->arena, sizeof *message);
    patron__v1__matching_rules__init(message);
    message->of = text_of(describing, event->name);
    message->columns = arena_array(describing->arena, rules->column_count, sizeof message->columns[0]);
    for (size_t i = 0; i < rules->column_count; i++) {
        Patron__V1__MatchingColumn *column = arena_alloc(describing->arena, sizeof *column);
        patron__v1__matching_column__init(column);
        column->attribute = text_of(describing, event->attributes[rules->columns[i].attribute].name);
        column->kind = (char *)(uintptr_t)describe_match_kind(rules->columns[i].kind);
        column->frequencies = rules->columns[i].frequencies;
        message->columns[message->n_columns++] = column;
    }
    message->blocks = arena_array(describing->arena, rules->block_count, sizeof message->blocks[0]);
    for (size_t i = 0; i < rules->block_count; i++)
        message->blocks[message->n_blocks++] = block_message(describing, event, &rules->blocks[i]);
    message->link = rules->link_probability;
    message->review = rules->review_probability;
    message->block_records = rules->block_records_max;
    return message;
}

/* --- features and services ---------------------------------------------------------------------------------------- */

static Patron__V1__DefaultValue *default_message(const struct describing *describing, const struct value *value)
{
    Patron__V1__DefaultValue *message = arena_alloc(describing->arena, sizeof *message);
    patron__v1__default_value__init(message);
    switch ((enum value_type)value->type) {
    case VALUE_DOUBLE:
        message->value_case = PATRON__V1__DEFAULT_VALUE__VALUE_REAL;
        message->real = value->real;
        return message;
    case VALUE_INT64:
        message->value_case = PATRON__V1__DEFAULT_VALUE__VALUE_INTEGER;
        message->integer = value->integer;
        return message;
    case VALUE_BOOL:
        message->value_case = PATRON__V1__DEFAULT_VALUE__VALUE_FLAG;
        message->flag = value->integer != 0;
        return message;
    case VALUE_TEXT:
        message->value_case = PATRON__V1__DEFAULT_VALUE__VALUE_TEXT;
        message->text = text_of(describing, value->text);
        return message;
    case VALUE_MONEY:
        message->value_case = PATRON__V1__DEFAULT_VALUE__VALUE_DECIMAL;
        message->decimal = text_of(describing, describe_value(value, describing->arena));
        return message;
    }
    IMPOSSIBLE("a value of no type");
}

/* What it is worked out from: events, or other features. */
static void add_origin(
    const struct describing *describing, const struct feature *feature, Patron__V1__FeatureDefinition *message)
{
    const struct definitions *definitions = describing->definitions;
    if (feature->aggregation == AGGREGATION_DERIVED) {
        const uint32_t *operands;
        message->expression = text_of(describing, feature->formula);
        message->n_operands = expression_operands(feature->expression, &operands);
        message->operands = arena_array(describing->arena, message->n_operands, sizeof message->operands[0]);
        for (size_t i = 0; i < message->n_operands; i++)
            message->operands[i] = text_of(describing, definitions->features[operands[i]].name);
        return;
    }
    const struct event_type *event = &definitions->events[feature->event];
    message->event = text_of(describing, event->name);
    if (feature->attribute >= 0)
        message->attribute = text_of(describing, event->attributes[feature->attribute].name);
    message->window_us = feature->window_us;
    message->offset_us = feature->offset_us;
    message->half_life_us = feature->half_life_us;
    message->max_age_us = feature->max_age_us;
    message->unit_us = feature->unit_us;
}

static Patron__V1__FeatureDefinition *feature_message(
    const struct describing *describing, const struct feature *feature)
{
    Patron__V1__FeatureDefinition *message = arena_alloc(describing->arena, sizeof *message);
    patron__v1__feature_definition__init(message);
    message->name = text_of(describing, feature->name);
    message->type = (Patron__V1__ValueType)feature->type;
    message->family = text_of(describing, describe_family(feature->name));
    message->aggregation = text_of(describing, describe_aggregation(feature, describing->arena));
    message->words =
        text_of(describing, describe_feature(describing->definitions, feature, describing->arena));
    message->written = text_of(describing, feature->written);
    add_origin(describing, feature, message);
    if (feature->fallback)
        message->default_value = default_message(describing, feature->fallback);
    message->description = text_of(describing, feature->description);
    message->owner = text_of(describing, feature->owner);
    message->n_tags = feature->tag_count;
    message->tags = texts_of(describing, feature->tags, feature->tag_count);
    return message;
}

/* Which services have each feature that is told: counted first, for the lists lie one behind the other. */
static void add_memberships(const struct describing *describing, Patron__V1__FeatureDefinition **by_place)
{
    const struct definitions *definitions = describing->definitions;
    for (int filling = 0; filling <= 1; filling++) {
        for (size_t i = 0; i < definitions->service_count; i++) {
            const struct selection *selection = &definitions->services[i].selection;
            char *name = filling ? text_of(describing, definitions->services[i].name) : NULL;
            for (size_t j = 0; j < selection->count; j++) {
                Patron__V1__FeatureDefinition *message = by_place[selection->features[j]];
                if (message && filling)
                    message->services[message->n_services] = name;
                if (message)
                    message->n_services++;
            }
        }
        for (size_t i = 0; i < definitions->feature_count && !filling; i++) {
            if (!by_place[i])
                continue;
            by_place[i]->services =
                arena_array(describing->arena, by_place[i]->n_services, sizeof by_place[i]->services[0]);
            by_place[i]->n_services = 0;
        }
    }
}

static void add_features(const struct describing *describing, describe_response *response)
{
    const struct definitions *definitions = describing->definitions;
    Patron__V1__FeatureDefinition **by_place =
        arena_array(describing->arena, definitions->feature_count, sizeof *by_place);
    response->features = arena_array(describing->arena, definitions->feature_count, sizeof response->features[0]);
    for (size_t i = 0; i < definitions->feature_count; i++) {
        if (!describing->features[i])
            continue;
        by_place[i] = feature_message(describing, &definitions->features[i]);
        response->features[response->n_features++] = by_place[i];
    }
    add_memberships(describing, by_place);
}

static void add_defaults(
    const struct describing *describing, const struct service *service, Patron__V1__ServiceDefinition *message)
{
    const struct selection *selection = &service->selection;
    if (!selection->fallbacks)
        return;
    message->defaults = arena_array(describing->arena, selection->count, sizeof message->defaults[0]);
    for (size_t i = 0; i < selection->count; i++) {
        const struct feature *feature = &describing->definitions->features[selection->features[i]];
        if (!selection->fallbacks[i] || selection->fallbacks[i] == feature->fallback)
            continue;
        Patron__V1__ServiceDefault *one = arena_alloc(describing->arena, sizeof *one);
        patron__v1__service_default__init(one);
        one->feature = text_of(describing, feature->name);
        one->value = default_message(describing, selection->fallbacks[i]);
        message->defaults[message->n_defaults++] = one;
    }
}

static void add_services(const struct describing *describing, describe_response *response)
{
    const struct definitions *definitions = describing->definitions;
    response->services = arena_array(describing->arena, definitions->service_count, sizeof response->services[0]);
    for (size_t i = 0; i < definitions->service_count; i++) {
        const struct service *service = &definitions->services[i];
        if (!describing->services[i])
            continue;
        Patron__V1__ServiceDefinition *message = arena_alloc(describing->arena, sizeof *message);
        patron__v1__service_definition__init(message);
        message->name = text_of(describing, service->name);
        message->n_features = service->selection.count;
        message->features = arena_array(describing->arena, message->n_features, sizeof message->features[0]);
        for (size_t j = 0; j < message->n_features; j++)
            message->features[j] =
                text_of(describing, definitions->features[service->selection.features[j]].name);
        add_defaults(describing, service, message);
        message->description = text_of(describing, service->description);
        message->owner = text_of(describing, service->owner);
        message->n_tags = service->tag_count;
        message->tags = texts_of(describing, service->tags, service->tag_count);
        response->services[response->n_services++] = message;
    }
}

/* --- the whole ---------------------------------------------------------------------------------------------------- */

static enum patron_code describe(struct call *call, const struct definitions *definitions,
    const describe_request *request, struct error *error)
{
    struct describing describing = {.arena = &call->arena, .definitions = definitions};
    TRY(choose(&describing, request, error));
    describe_response response = PATRON__V1__DESCRIBE_DEFINITIONS_RESPONSE__INIT;
    response.definitions_version = definitions->version;
    response.currency = text_of(&describing, definitions->currency);
    response.time_zone = text_of(&describing, definitions->time_zone_name);
    response.unknown_attributes =
        (Patron__V1__UnknownAttributes)(definitions->unknown_attributes + 1); /* 0 is no word on the wire */
    if (request->with_text)
        response.text = (ProtobufCBinaryData){definitions->text.length, (uint8_t *)(uintptr_t)definitions->text.data};
    add_identifiers(&describing, &response);
    add_events(&describing, &response);
    response.identity = identity_message(&describing);
    if (definitions->matching)
        response.matching = matching_message(&describing);
    add_features(&describing, &response);
    add_services(&describing, &response);
    reply_message(call, &response.base);
    return PATRON_OK;
}

static enum patron_code answer(struct call *call, struct bytes bytes, struct error *error)
{
    ProtobufCMessage *message;
    TRY(request_unpack(&patron__v1__describe_definitions_request__descriptor, bytes, &call->arena, &message, error));
    const describe_request *request = (describe_request *)message;
    struct port *port = call->services->port;
    const struct view *view = port->functions->view_acquire(port, NULL);
    struct view asked;
    enum patron_code code = view_of_version(view, request->definitions_version, &asked, error);
    if (code == PATRON_OK)
        code = describe(call, asked.definitions, request, error);
    port->functions->view_release(port, view);
    return code;
}

static void start(struct call *call, struct bytes request)
{
    struct error error;
    enum patron_code code = answer(call, request, &error);
    call_finish(call, code, &error);
}

const struct method method_describe_definitions = {
    .path = "/patron.v1.Definitions/DescribeDefinitions",
    .shape = METHOD_UNARY,
    .start = start,
};
