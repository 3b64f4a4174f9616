#include <stdio.h>

#include "store/definitions/parse.h"

/* --- which features ----------------------------------------------------------------------------------------------- */

/* What an entry of the list stands for; null and a mistake if nothing. */
static const struct selectable *entry_find(
    struct parse *parse, const struct tree_node *entry, const struct service *service)
{
    const struct definitions_memory *names = parse->made_memory;
    if (entry->kind != TREE_SCALAR) {
        parse_mistake(parse, entry, "a service must be a list of feature names");
        return NULL;
    }
    const struct selectable *found = definitions_selectable(parse->made, entry->text);
    if (found || parse->features_unread)
        return found;
    if (parse->previous && definitions_selectable(parse->previous, entry->text))
        parse_mistake(parse, entry,
            "feature '%s' is gone in this file, and service '%s' uses it: put it back, or take it out of the "
            "service",
            quote(entry->text).text, quote(service->name).text);
    else
        parse_unknown(parse, entry, "feature", entry->text,
            SUGGEST_FROM(names->selectables, names->selectable_count, name));
    return NULL;
}

/* Notes a mistake if the service, the `number`th of the file, has named one of these before. */
static void refuse_twice(struct parse *parse, const struct tree_node *entry, const struct selectable *named,
    const struct service *service, size_t number)
{
    size_t again = 0;
    struct bytes first = {0};
    for (uint32_t i = named->first; i < named->first + named->count; i++) {
        if (parse->listed_by[i] == number && again++ == 0)
            first = parse->made->features[i].name;
        parse->listed_by[i] = number;
    }
    if (again > 0)
        parse_mistake(parse, entry, "feature '%s' is in service '%s' twice: keep one",
            quote(again == named->count ? named->name : first).text, quote(service->name).text);
}

/* `what` is told where the list is none: "a service" or "features". */
static void read_list(
    struct parse *parse, const struct tree_node *node, const char *what, struct service *service, size_t number)
{
    if (!parse_is_list(parse, node, what, READ_FEATURES_MAX))
        return;
    if (node->count == 0) {
        parse_mistake(parse, node, "service '%s' names no feature", quote(service->name).text);
        return;
    }
    const struct selectable **found = arena_array(parse->scratch, node->count, sizeof(const struct selectable *));
    size_t entries = 0, total = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
        found[entries] = entry_find(parse, entry, service);
        if (!found[entries])
            continue;
        refuse_twice(parse, entry, found[entries], service, number);
        total += found[entries++]->count;
    }
    if (total > READ_FEATURES_MAX) {
        parse_mistake(parse, node, "service '%s' has too many features: %zu (at most %d)", quote(service->name).text,
            total, READ_FEATURES_MAX);
        return;
    }
    uint32_t *features = arena_array(parse->memory, total, sizeof *features);
    size_t count = 0;
    for (size_t i = 0; i < entries; i++)
        for (uint32_t member = 0; member < found[i]->count; member++)
            features[count++] = found[i]->first + member;
    service->selection = (struct selection){.features = features, .count = count};
}

/* --- defaults ----------------------------------------------------------------------------------------------------- */

static void unknown_in_service(struct parse *parse, const struct tree_node *key, const struct service *service)
{
    if (parse_only_counts(parse))
        return;
    const struct selection *selection = &service->selection;
    struct bytes *names = arena_array(parse->scratch, selection->count, sizeof *names);
    for (size_t i = 0; i < selection->count; i++)
        names[i] = parse->made->features[selection->features[i]].name;
    char what[64 + QUOTED_MAX];
    snprintf(what, sizeof what, "feature of service '%s':", quote(service->name).text);
    parse_unknown(parse, key, what, key->text, (struct suggest_from){names, selection->count, sizeof *names});
}

/* A default given for a feature, or for a family: then it is that of each member whose type takes it. */
static void read_default(struct parse *parse, const struct tree_node *node, const struct selectable *given,
    const struct service *service, const struct value **fallbacks)
{
    const struct feature *features = &parse->made->features[given->first];
    const struct value **values = arena_array(parse->scratch, given->count, sizeof(const struct value *));
    enum value_type type = 0; /* of the last one that has a type, and so no mistake */
    bool taken = false, in_service = false;
    for (uint32_t i = 0; i < given->count; i++) {
        type = features[i].type ? features[i].type : type;
        values[i] = features[i].type ? parse_default_if(parse, node, features[i].type) : NULL;
        taken = taken || values[i];
    }
    for (size_t i = 0; i < service->selection.count; i++) {
        uint32_t feature = service->selection.features[i];
        if (feature < given->first || feature - given->first >= given->count)
            continue;
        in_service = true;
        if (values[feature - given->first])
            fallbacks[i] = values[feature - given->first];
    }
    if (!in_service)
        unknown_in_service(parse, node->key, service);
    else if (!taken && type)
        parse_default_mistake(parse, node, type);
}

static bool is_family(const struct parse *parse, const struct selectable *selectable)
{
    return !bytes_equal(selectable->name, parse->made->features[selectable->first].name);
}

/* A member's own default goes before its family's, wherever they stand. */
static void read_defaults(struct parse *parse, const struct tree_node *node, const struct service *service,
    const struct value **fallbacks)
{
    if (!parse_is_map(parse, node, "defaults", READ_FEATURES_MAX))
        return;
    for (int families = 1; families >= 0; families--) {
        for (const struct tree_node *entry = node->first; entry; entry = entry->next) {
            const struct selectable *given = definitions_selectable(parse->made, entry->key->text);
            if (given && is_family(parse, given) == (families == 1))
                read_default(parse, entry, given, service, fallbacks);
            else if (!given && families == 1 && !parse->features_unread)
                unknown_in_service(parse, entry->key, service);
        }
    }
}

/* Sets the selection's fallbacks, if any of its features has one. */
static void fallbacks_fill(struct parse *parse, const struct tree_node *defaults, struct service *service)
{
    struct selection *selection = &service->selection;
    const struct value **fallbacks = arena_array(parse->memory, selection->count, sizeof(const struct value *));
    for (size_t i = 0; i < selection->count; i++)
        fallbacks[i] = parse->made->features[selection->features[i]].fallback;
    if (defaults)
        read_defaults(parse, defaults, service, fallbacks);
    for (size_t i = 0; i < selection->count; i++)
        if (fallbacks[i])
            selection->fallbacks = fallbacks;
}

/* --- services ----------------------------------------------------------------------------------------------------- */

static void parse_service(
    struct parse *parse, const struct tree_node *node, struct service *service, size_t number)
{
    parse_name(parse, node->key, "a service");
    service->name = arena_copy(parse->memory, node->key->text);
    const struct tree_node *nodes[SERVICE_KEYS] = {NULL};
    if (node->kind != TREE_MAP) {
        read_list(parse, node, "a service", service, number);
    } else {
        parse_fields(parse, node, &grammar_service, nodes);
        struct about about = parse_about(parse, &nodes[SERVICE_DESCRIPTION]);
        service->description = about.description;
        service->owner = about.owner;
        service->tags = about.tags;
        service->tag_count = about.tag_count;
        if (nodes[SERVICE_FEATURES])
            read_list(parse, nodes[SERVICE_FEATURES], "features", service, number);
        else
            parse_mistake(parse, node->key, "service '%s' names no feature: give 'features'",
                quote(service->name).text);
    }
    /* One without features has a mistake, and its defaults are not to blame. */
    if (service->selection.count > 0)
        fallbacks_fill(parse, nodes[SERVICE_DEFAULTS], service);
    selection_need(parse->made, parse->memory, &service->selection);
}

void parse_services(struct parse *parse, const struct tree_node *node)
{
    if (!node || tree_is_nothing(node) || !parse_is_map(parse, node, "services", SERVICES_MAX))
        return;
    struct service *services = arena_array(parse->memory, node->count, sizeof *services);
    parse->listed_by = arena_array(parse->scratch, parse->made->feature_count, sizeof *parse->listed_by);
    size_t i = 0;
    for (const struct tree_node *entry = node->first; entry; entry = entry->next, i++)
        parse_service(parse, entry, &services[i], i + 1);
    parse->made->services = services;
    parse->made->service_count = node->count;
}
